"""Tables of DISHAS in its own shapes: one argument, two, the input form, an answer of the index."""

import json

import pytest

from tablesim.digits.dishas_tables import SUGGESTED, dishas_tables
from tablesim.digits.other_readings import reading_from_file
from tablesim.errors import TranscriptionError


def item(*places, suggested=False):
    return {
        "value": list(places),
        "comment": "",
        "suggested": suggested,
        "critical_apparatus": ["E: 19\n" if place == "20" else "" for place in places],
    }


ONE = {
    "args": {"argument1": [item(str(n)) for n in range(1, 11)]},
    "entry": [item("30", str(17 + n), suggested=n == 4) for n in range(1, 11)],
}
TWO = {
    "args": {
        "argument1": [item("00", f"{6 * n:02d}") for n in range(1, 9)],
        "argument2": [item(str(n)) for n in (1, 2, 3)],
    },
    "entry": [[item("29", f"{n + 10 * day:02d}") for day in (1, 2, 3)] for n in range(8)],
}


def cells_of(tmp_path, data):
    path = tmp_path / "table.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    return {(n.table, n.row, n.column): n for n in reading_from_file(path).numbers}


@pytest.mark.parametrize(
    "data",
    [
        {"source_value_original": ONE, "entry_type_of_number": "integer and sexagesimal"},
        {"value_original": {**ONE, "template": {"args": [], "entries": []}, "symmetries": []}},
        ONE,
        {"hits": {"total": 1, "hits": [{"_id": "193", "_source": {"source_value_original": ONE}}]}},
    ],
    ids=["index", "form", "values alone", "answer of the index"],
)
def test_a_table_of_one_argument_has_a_column_for_each_place(tmp_path, data):
    cells = cells_of(tmp_path, data)
    assert [cells[0, 3, column].text for column in range(3)] == ["4", "30", "21"]
    assert len(cells) == 30
    # The apparatus says what other witnesses have: it is no number of this one.
    assert cells[0, 2, 2].text == "20"
    assert (cells[0, 2, 2].confidence, cells[0, 3, 2].confidence) == (1.0, SUGGESTED)


def test_a_table_of_two_arguments_has_the_second_above_its_columns(tmp_path):
    cells = cells_of(tmp_path, {"source_value_original": TWO})
    assert [cells[0, 0, column].text for column in (2, 4, 6)] == ["1", "2", "3"]
    assert [cells[0, 2, column].text for column in range(8)] == ["00", "12", "29", "11", "29", "21", "29", "31"]
    assert len(cells) == 3 + 8 * 8


def test_tables_of_one_argument_stand_beside_each_other_and_others_below(tmp_path):
    other = {"args": {"argument1": [item("5"), item("6")]}, "entry": [item("1"), item("2")]}
    cells = cells_of(tmp_path, [ONE, ONE, other])
    assert {column for table, _, column in cells if table == 0} == {0, 1, 2, 3, 4}
    assert cells[1, 1, 1].text == "2"


def test_stars_are_blank_places(tmp_path):
    blank = {**ONE, "entry": [item("**", "**"), *ONE["entry"][1:]]}
    cells = cells_of(tmp_path, blank)
    assert (0, 0, 1) not in cells
    assert cells[0, 0, 0].text == "1"


@pytest.mark.parametrize(
    "data",
    [
        {**ONE, "entry": ONE["entry"][:3]},
        {"args": {"argument1": 5}, "entry": []},
        {"args": {}, "entry": []},
        {"args": {"argument1": [{"value": None}]}, "entry": [{}]},
        {**ONE, "tablesim": {"argument_columns": [0], "entry_columns": [1e300], "rows": [0] * 10, "table": 0}},
    ],
)
def test_a_damaged_table_is_refused(tmp_path, data):
    with pytest.raises(TranscriptionError, match=r"cannot be understood|no number"):
        cells_of(tmp_path, data)


@pytest.mark.parametrize("data", [{}, [], [1], {"numbers": []}, "text", {"hits": 3}, {"args": [], "entry": []}])
def test_what_is_no_table_of_dishas_is_left_to_others(data):
    assert dishas_tables(data) == []
