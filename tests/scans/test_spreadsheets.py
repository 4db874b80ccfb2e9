"""CSV in and out as spreadsheets of other countries save it; encodings; formulas."""

import csv
import importlib.util
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.corpus.storage.files import read_rows, write_csv
from tablesim.corpus.storage.problems import COLUMNS, Problems
from tablesim.digits.corrections import read_corrections
from tablesim.errors import MetadataError
from tablesim.scans.csvfile import plain_cell, read_csv, read_moment, read_number, safe_cell, with_mark
from tablesim.scans.encodings import MARK

_PATH = Path(__file__).resolve().parents[2] / "docs" / "draw_metadata.py"
_spec = importlib.util.spec_from_file_location("draw_metadata", _PATH)
draw_metadata = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(draw_metadata)
DIALECTS = dict(draw_metadata.dialects())
PLAIN = DIALECTS["comma, UTF-8"]


def test_the_page_on_metadata_is_what_the_code_does():
    assert draw_metadata.PAGE.read_text(encoding="utf-8") == draw_metadata.page(), "run: python docs/draw_metadata.py"


@pytest.mark.parametrize("name", list(DIALECTS)[:21])
def test_every_dialect_gives_the_same_cells(name, tmp_path):
    read, _ = draw_metadata.outcome(DIALECTS[name], tmp_path)
    expected, _ = draw_metadata.outcome(PLAIN, tmp_path)
    assert read.replace(' "Justus"', "").replace("48, 5", "48,5").replace("50, 25", "50,25") == expected


@pytest.mark.parametrize("encoding", ["cp1252", "mac_roman", "cp850"])
@pytest.mark.parametrize(
    "words", ["Köln Nürnberg", "Alcalá Córdoba España", "Besançon Orléans", "Città Forlì Cefalù", "Straßburg Köln"]
)
def test_old_encodings_are_told_by_the_letters_they_give(encoding, words, tmp_path):
    path = tmp_path / "m.csv"
    path.write_bytes(f"page;place\np1;{words}\n".encode(encoding))
    file = read_csv(path)
    assert file.rows[0]["place"] == words
    assert words.split()[-1] in file.remarks[0] or words.split()[0] in file.remarks[0]


@pytest.mark.parametrize(
    ("text", "separator", "number"),
    [
        ("12.5", ",", 12.5),
        ("12,5", ";", 12.5),
        ("12,5", ",", 12.5),
        ("1,250", ";", 1.25),
        ("1.234,5", ";", 1234.5),
        ("-3", ",", -3),
    ],
)
def test_decimal_commas_are_read(text, separator, number):
    assert read_number(text, separator) == number


def test_what_may_be_two_numbers_is_refused():
    for text in ("1,250", "12,5,3", "x"):
        with pytest.raises(ValueError, match="could not convert"):
            read_number(text, ",")


def test_days_that_a_spreadsheet_made_over_are_read_and_doubtful_ones_left():
    assert read_moment("02.03.2026 9:05") == "2026-03-02T09:05:00"
    assert [read_moment(text) for text in ("02.03.2026", "02/03/2026", "2026-03-02")] == [
        "2026-03-02",
        "02/03/2026",
        "2026-03-02",
    ]


def saved_by_a_german_spreadsheet(path: Path, encoding: str = "cp1252") -> None:
    """Semicolons, decimal commas, and the encoding of Windows."""
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    for row in rows:
        writer.writerow([cell.replace(".", ",") if cell.replace(".", "", 1).isdigit() else cell for cell in row])
    path.write_bytes(text.getvalue().encode(encoding))


def test_corrections_come_back_from_a_german_spreadsheet(tmp_path):
    path = tmp_path / "corrections.csv"
    row = {"page": "Nürnberg_p1", "x": 12.5, "y": 3, "width": 20.25, "height": 11, "read": "4", "correct": "14; 5"}
    write_csv(path, list(row), [{**row, "correct": "14"}])
    before = read_corrections(path)
    saved_by_a_german_spreadsheet(path)
    assert read_corrections(path) == before


def test_rows_that_we_wrote_come_back_from_a_spreadsheet(tmp_path):
    path = tmp_path / "rows.csv"
    rows = [{"page": "ä", "problem": "a; b, c\nd"}, {"page": "=1+1", "problem": 'says "no"'}]
    write_csv(path, ["page", "problem"], rows)
    assert list(read_rows(path)) == rows
    saved_by_a_german_spreadsheet(path)
    assert list(read_rows(path)) == rows


def test_problems_get_the_mark_with_the_first_line_that_needs_it(tmp_path):
    problems = Problems(tmp_path / "problems.csv")
    line = {**dict.fromkeys(COLUMNS, ""), "kind": "failed"}
    problems.add([{**line, "page": "a"}])
    assert not problems.path.read_bytes().startswith(MARK)
    problems.add([{**line, "page": "ä"}])
    problems.add([{**line, "page": "ö"}])
    assert problems.path.read_bytes().count(MARK) == 1
    assert [row["page"] for row in problems.rows()] == ["a", "ä", "ö"]


def test_the_mark_stands_only_where_excel_needs_it():
    assert with_mark("a,b") == b"a,b"
    assert with_mark("ä").startswith(MARK)


HOSTILE = [
    "=1+1",
    "+1",
    "-1",
    "@x",
    "\t=1",
    "\r=1",
    " =1",
    "＝1+1",
    "'=1",
    "a;=HYPERLINK(1)",
    "a;'=1",
    "a\n=1",
    "a; -2",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_begins_a_formula_and_every_cell_comes_back(text):
    safe = safe_cell(text)
    for part in safe.replace("\n", ";").replace("\t", ";").replace("\r", ";").split(";"):
        assert not part.lstrip().startswith(("=", "+", "-", "@", "＝"))
    assert plain_cell(safe) == text


@given(st.text(st.sampled_from("=+-@'; \t\nab1"), max_size=12))
def test_any_cell_comes_back(text):
    assert plain_cell(safe_cell(text)) == text


def test_documents_that_are_no_csv_say_what_they_are(tmp_path):
    path = tmp_path / "m.csv"
    for content, what in ((b"<html>", "web page"), (b'{"a": 1}', "JSON"), (b"\xd0\xcf\x11\xe0", "workbook")):
        path.write_bytes(content)
        with pytest.raises(MetadataError, match=what):
            read_csv(path)
