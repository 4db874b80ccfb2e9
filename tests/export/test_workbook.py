"""Cells of workbooks: the value that is meant, shown as printed; doubt that can be seen; titles that programs take."""

import io
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from corpus.fakes import number

from tablesim.export.number_formats import GENERAL, number_format
from tablesim.export.workbook import (
    MARKS,
    MAX_FORMATS,
    add_sheet,
    mark_of,
    new_workbook,
    workbook_bytes,
    write_list,
    write_number,
    write_text,
)
from tablesim.records.reading import REPEATS
from tablesim.report.provenance import Provenance

openpyxl = pytest.importorskip("openpyxl", reason="workbooks need openpyxl, the extra [xlsx]")

ABOUT = Provenance("0.2.0", "f" * 64, {}, "2026-11-24T10:00:00Z")


@pytest.fixture
def sheet():
    return add_sheet(new_workbook("a test"), "table")


def printed(text, value, confidence=1.0, doubts=()):
    digits = "".join(sign if sign.isdigit() else "" for sign in text)
    return replace(number(digits, confidence=confidence), text=text, value=value, doubts=doubts)


@pytest.mark.parametrize(
    ("text", "value", "form"),
    [
        ("12", 12, GENERAL),
        ("05", 5, "00"),
        ("8,889", 8889, '[>=1000000]0","000","000;[>=1000]0","000;0'),
        ("4\u2009403", 4403, '[>=1000000]0"\u2009"000"\u2009"000;[>=1000]0"\u2009"000;0'),
        ("34\u00b760", Decimal("34.60"), "0.00"),
        ("32\u00b0", 32, '0"\u00b0"'),
        ("+7", 7, "+0;-0;0"),
        ("\u221225", -25, GENERAL),
        ("2 6/8", Fraction(11, 4), "# ?/8"),
        ("7/8", Fraction(7, 8), "?/8"),
        ("1,23,456", 123456, GENERAL),
    ],
)
def test_a_format_puts_back_what_is_printed(text, value, form):
    assert number_format(text, value) == form


def test_a_cell_holds_the_value_and_not_its_text(sheet):
    for row, (text, value) in enumerate(
        [("8,889", 8889), ("34\u00b760", Decimal("34.60")), ("7/8", Fraction(7, 8)), ("12", 12)], 1
    ):
        write_number(sheet.cell(row, 1), printed(text, value))
    assert [sheet.cell(row, 1).value for row in range(1, 5)] == [8889, 34.6, 0.875, 12]
    assert {sheet.cell(row, 1).data_type for row in range(1, 5)} == {"n"}
    back = openpyxl.load_workbook(io.BytesIO(workbook_bytes(sheet.parent, ABOUT)))["table"]
    assert sum(back.cell(row, 1).value for row in range(1, 5)) == pytest.approx(8889 + 34.6 + 0.875 + 12)


def test_a_ditto_mark_is_seen_and_what_it_repeats_is_held(sheet):
    assert write_number(sheet["A1"], printed("12", 12, doubts=(REPEATS,))) == "repeats"
    assert (sheet["A1"].value, sheet["A1"].number_format) == (12, '[=12]"\u2033";General')


def test_what_is_not_decided_or_not_legible_stays_as_printed(sheet):
    assert write_number(sheet["A1"], printed("8,889", None)) == "undecided"
    assert (sheet["A1"].value, sheet["A1"].data_type) == ("8,889", "s")
    long = "1234567890123456"
    write_number(sheet["A2"], printed(long, int(long)))
    assert (sheet["A2"].value, sheet["A2"].data_type) == (long, "s")


@pytest.mark.parametrize(
    ("confidence", "doubts", "mark"),
    [(0.95, (), None), (0.89, (), "doubtful"), (0.49, (), "unlikely"), (0.99, ("unlike its column",), "doubtful")],
)
def test_doubt_is_coloured(sheet, confidence, doubts, mark):
    assert mark_of(printed("12", 12, confidence, doubts)) == mark
    write_number(sheet["A1"], printed("12", 12, confidence, doubts))
    assert sheet["A1"].fill.fill_type == (None if mark is None else "solid")
    assert mark is None or sheet["A1"].fill.fgColor.rgb == MARKS[mark].colour


def test_no_text_is_a_formula_and_none_breaks_the_file(sheet):
    write_text(sheet["A1"], "=HYPERLINK(0)")
    write_text(sheet["A2"], "a\x00b\ud800")
    back = openpyxl.load_workbook(io.BytesIO(workbook_bytes(sheet.parent, ABOUT)))["table"]
    assert [back["A1"].value, back["A1"].data_type, back["A2"].value] == ["'=HYPERLINK(0)", "s", "a\ufffdb?"]


def test_titles_of_sheets_are_such_as_programs_take():
    book = new_workbook("a test")
    names = [add_sheet(book, title).title for title in ("a/b:c", "A_B_C", "x" * 40, "x" * 40, "", "\u8868" * 3)]
    assert names == ["a_b_c", "A_B_C 2", "x" * 31, "x" * 29 + " 2", "sheet", "\u8868" * 3]


def test_more_formats_than_a_program_takes_are_not_written(sheet):
    for row in range(1, 2 * MAX_FORMATS):
        write_number(sheet.cell(row, 1), printed(str(row), row, doubts=(REPEATS,)))
    forms = {sheet.cell(row, 1).number_format for row in range(1, 2 * MAX_FORMATS)}
    assert len(forms) <= MAX_FORMATS + 1 and GENERAL in forms


def test_a_list_keeps_its_head_in_sight_and_has_filters(sheet):
    write_list(sheet, ["page", "n"], [{"page": "=1", "n": 3}, {"page": "b"}])
    assert [[c.value for c in row] for row in sheet.iter_rows()] == [["page", "n"], ["'=1", 3], ["b", None]]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:B3")
