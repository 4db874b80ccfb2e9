"""What a typed query for numbers means."""

import pytest

from tablesim.corpus.search.number_query import parse_numbers
from tablesim.errors import SettingsError


def keys(text, form=0):
    return [[term.keys for term in line] for line in parse_numbers(text).forms[form]]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("0 24 48", [[("0",), ("24",), ("48",)]]),
        ("0 24 / 0 48", [[("0",), ("24",)], [("0",), ("48",)]]),
        ("0 24/ 0 48", [[("0",), ("24",)], [("0",), ("48",)]]),
        ("0 24\n0 48", [[("0",), ("24",)], [("0",), ("48",)]]),
        ("0, 24, 48", [[("0",), ("24",), ("48",)]]),
        ("0,24,48", [[("0",), ("24",), ("48",)]]),
        ("0 | 24 | 48", [[("0",), ("24",), ("48",)]]),
        ("39;1 40;2,3", [[("39", "1"), ("40", "2", "3")]]),
        ("39° 1'", [[("39", "1")]]),
        ("39° 1' 7\"", [[("39", "1", "7")]]),
        ("3/8", [[("3/8",)]]),
        ("6/16", [[("3/8",)]]),
        ("8,889 34.60", [[("8889",), ("3460",)]]),
        ("007", [[("7",)]]),
        ("1? * 2*", [[("1?",), ("*",), ("2*",)]]),
        ("-5", [[("5",)]]),
    ],
)
def test_queries(text, lines):
    assert keys(text) == lines


def test_a_whole_number_before_a_fraction_may_be_one_number_with_it():
    assert keys("12 3/8 5") == [[("12",), ("3/8",), ("5",)]]
    assert keys("12 3/8 5", form=1) == [[("99/8",), ("5",)]]
    assert keys("12½", form=1) == [[("25/2",)]]


@pytest.mark.parametrize("text", ["", "*", "? * ?", "Aries 12", "/"])
def test_what_is_no_query_is_refused_with_what_was_expected(text):
    with pytest.raises(SettingsError, match="expected numbers such as '0 24 / 0 48'"):
        parse_numbers(text)


def test_rows_stand_as_rows_or_as_columns_and_places_always_to_the_right():
    row, column = list(parse_numbers("39;1 40;2").patterns())[:2]
    assert [(step.key, step.parent, step.down, step.place) for step in row.steps] == [
        ("39", -1, False, False),
        ("1", 0, False, True),
        ("40", 1, False, False),
        ("2", 2, False, True),
    ]
    assert [(step.key, step.parent, step.down) for step in column.steps] == [
        ("39", -1, False),
        ("1", 0, False),
        ("40", 0, True),
        ("2", 2, False),
    ]
    block, transposed = parse_numbers("0 24 / 0 48").patterns()
    assert [(step.parent, step.down) for step in block.steps] == [(-1, False), (0, False), (0, True), (2, False)]
    assert [(step.parent, step.down) for step in transposed.steps] == [(-1, False), (0, True), (0, False), (2, True)]


def test_the_query_is_said_as_it_was_understood():
    assert parse_numbers("0 24 / 0 48").sentence() == "looked for 2 rows below each other: 0, 24 / 0, 48"
    assert parse_numbers("7 8").sentence(any_order=True) == "looked for 7, 8 in any order, anywhere on a page"
    assert parse_numbers("7 8").sentence() == "looked for 7, 8 in a row or in a column"
