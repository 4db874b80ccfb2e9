"""Tables for DISHAS: what is written comes back cell by cell, and has what kanon, which reads DISHAS, asks for."""

import json
from dataclasses import replace

import pytest
from corpus.fakes import reading_of

from tablesim.digits.other_readings import reading_from_file
from tablesim.errors import ExportError
from tablesim.evidence.collation.collation import collate
from tablesim.export.dishas import collation_dishas, page_dishas
from tablesim.report.provenance import Provenance

DECLINATION = [0, 24, 48, 72, 96, 120, 143, 167, 191, 215, 238, 262, 286, 309, 333, 356, 379, 402, 426, 449, 471, 494]
ROWS = [[str(n), str(minutes // 60), str(minutes % 60), str(700 + 13 * n)] for n, minutes in enumerate(DECLINATION)]


def page(name="one", rows=ROWS):
    return reading_of(name, rows)


def contents(data):
    return json.loads(data)


@pytest.fixture(scope="module")
def written():
    return page_dishas(page(), Provenance.of_readings([page()]))


def test_every_cell_comes_back(written, tmp_path):
    path = tmp_path / "one.dishas.json"
    path.write_bytes(written)
    assert {(n.table, n.row, n.column, n.text) for n in reading_from_file(path).numbers} == {
        (n.table, n.row, n.column, n.text) for n in page().numbers
    }


def test_a_known_function_is_one_table_of_degrees_and_minutes(written):
    declination, rest = contents(written)
    assert declination["table_type"]["table_type_name"] == "declination"
    assert (declination["tablesim"]["argument_columns"], declination["tablesim"]["entry_columns"]) == ([0], [1, 2])
    values = declination["source_value_original"]
    assert values["args"]["argument1"][3]["value"] == ["3"]
    assert values["entry"][3]["value"] == ["1", "12"]
    assert (declination["entry_number_of_cell"], declination["entry_significant_fractional_place"]) == ("2", "1")
    # What obeys nothing known is an entry of one place, by the same argument.
    assert rest["source_value_original"]["entry"][0]["value"] == ["700"]
    assert declination["value_original"]["template"]["entries"][0]["ncells"] == 2


def test_kanon_finds_what_it_reads(written):
    """The fields that ``kanon.tables.htable_reader.read_table_content`` takes, and values that ``int`` takes."""
    for table in contents(written):
        for side in ("argument1", "entry"):
            assert table[f"{side}_type_of_number"] == "integer and sexagesimal"
            int(table[f"{side}_significant_fractional_place"])
        int(table["table_type"]["id"])
        assert table["symmetries"] == []
        assert "tablesim" in table["edited_text"]["comment"]
        values = table["source_value_original"]
        assert len(values["args"]["argument1"]) == len(values["entry"])
        for value in (*values["args"]["argument1"], *values["entry"]):
            assert set(value) == {"value", "comment", "suggested", "critical_apparatus"}
            assert "**" in value["value"] or [int(place) for place in value["value"]]
            assert len(value["critical_apparatus"]) == len(value["value"])


def test_doubt_blank_and_illegible_are_said():
    reading = page()
    first, second = reading.numbers[3], reading.numbers[4]
    illegible = replace(
        first, text="7?0", digits=(first.digits[0], replace(first.digits[1], value=None), first.digits[2])
    )
    doubtful = replace(second, confidence=0.4)
    # The last column of the sixth row is blank.
    others = [number for number in reading.numbers[5:] if (number.row, number.column) != (5, 3)]
    reading = replace(reading, numbers=(*reading.numbers[:3], illegible, doubtful, *others))
    tables = contents(page_dishas(reading, Provenance.of_readings([reading])))
    entries = [entry for table in tables for entry in table["source_value_original"]["entry"]]
    (illegible,) = [entry for entry in entries if entry["comment"]]
    assert (illegible["value"], illegible["comment"], illegible["suggested"]) == (["**"], "printed 7?0", True)
    arguments = [each for table in tables for each in table["source_value_original"]["args"]["argument1"]]
    assert any(each["suggested"] and each["value"] == ["1"] for each in arguments)
    (rest,) = [table for table in tables if table["tablesim"]["entry_columns"] == [3]]
    assert 5 not in rest["tablesim"]["rows"]


def test_other_witnesses_stand_in_the_apparatus_of_the_place():
    other = [row[:] for row in ROWS]
    other[7][2] = "41"
    two = page("two", other)
    two = replace(two, numbers=tuple(n for n in two.numbers if (n.row, n.column) != (9, 3)))
    made = collate(page(), two)
    tables = contents(collation_dishas(made, Provenance.of_readings(made.readings)))
    said = [
        (entry["value"], entry["critical_apparatus"])
        for table in tables
        for entry in table["source_value_original"]["entry"]
        if any(entry["critical_apparatus"])
    ]
    assert (["2", "47"], ["", "B: 41"]) in said
    assert (["817"], ["B: om."]) in said
    assert len(said) == 2


def test_witnesses_without_a_common_cell_are_refused():
    made = collate(page(rows=ROWS[:2]), page("two", [["5"], ["8"]]))
    with pytest.raises(ExportError, match="no cell in common"):
        collation_dishas(made, Provenance.of_readings(made.readings))


def test_a_column_alone_has_its_lines_counted():
    reading = page(rows=[[str(100 + 7 * n)] for n in range(9)])
    (table,) = contents(page_dishas(reading, Provenance.of_readings([reading])))
    arguments = table["source_value_original"]["args"]["argument1"]
    assert [each["value"] for each in arguments[:2]] == [["1"], ["2"]]
    assert all(each["suggested"] for each in arguments)
