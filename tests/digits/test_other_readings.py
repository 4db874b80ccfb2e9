"""Tables that somebody else read: every format gives the same numbers in the same cells; what is none is refused."""

import json

import pytest
from corpus.fakes import reading_of
from typer.testing import CliRunner

import tablesim
from tablesim.cli import app
from tablesim.digits.evaluation.transcription import read_truth
from tablesim.digits.other_readings import is_other_reading, reading_from_file
from tablesim.errors import TranscriptionError
from tablesim.export.alto import alto
from tablesim.export.kinds import Dialect
from tablesim.export.pagexml import page_xml
from tablesim.export.spreadsheets import READING_COLUMNS, csv_bytes, reading_rows
from tablesim.report.provenance import Provenance

ROWS = [[str(row), str(10 + row * 3), str(59 - row)] for row in range(1, 9)]


@pytest.fixture(scope="module")
def ours():
    return reading_of("ours", ROWS)


def provenance(reading):
    return Provenance.of_readings([reading])


WRITERS = {
    "prima.xml": lambda r: page_xml(r, provenance(r)),
    "transkribus.xml": lambda r: page_xml(r, provenance(r), Dialect.transkribus),
    "alto.xml": lambda r: alto(r, provenance(r)),
    "lines.csv": lambda r: csv_bytes(READING_COLUMNS, reading_rows(r)),
    "grid.csv": lambda r: "\n".join(";".join(row) for row in ROWS).encode(),
    "one.json": lambda r: json.dumps(r.to_dict()).encode(),
    "cells.jsonl": lambda r: "\n".join(
        json.dumps({"text": n.text, "row": n.row, "column": n.column}) for n in r.numbers
    ).encode(),
    "boxes.jsonl": lambda r: "\n".join(
        json.dumps({"text": n.text, "box": [n.box.x, n.box.y, n.box.x + n.box.width, n.box.y + n.box.height]})
        for n in r.numbers
    ).encode(),
    "page.txt": lambda r: "\n".join(" | ".join(row) for row in ROWS).encode(),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_numbers_in_their_cells(ours, tmp_path, name):
    path = tmp_path / name
    path.write_bytes(WRITERS[name](ours))
    assert is_other_reading(path)
    theirs = reading_from_file(path)
    assert sorted(n.text for n in theirs.numbers) == sorted(n.text for n in ours.numbers)
    assert {(n.row, n.column, n.text) for n in theirs.numbers} == {(n.row, n.column, n.text) for n in ours.numbers}
    collation = tablesim.collate(ours, theirs)
    assert collation.summary["agrees"] == 24
    assert not collation.differences


def test_another_readers_error_is_a_difference(ours, tmp_path):
    path = tmp_path / "ocr.csv"
    path.write_text("\n".join(",".join(row) for row in ROWS).replace("5,25,54", "5,25,45"), encoding="utf-8")
    (cell,) = tablesim.collate(ours, reading_from_file(path)).differences
    assert cell.texts == ("54", "45")


def test_degrees_and_minutes_in_one_cell_are_two_numbers(tmp_path):
    path = tmp_path / "degrees.csv"
    path.write_text("\n".join(f"{n},{n}° {59 - n}'" for n in range(1, 9)), encoding="utf-8")
    reading = reading_from_file(path)
    assert [(n.text, n.column) for n in reading.numbers if n.row == 0] == [("1", 0), ("1", 1), ("58", 2)]


def test_lines_of_page_xml_without_words_are_read_by_their_places(tmp_path):
    lines = "".join(
        f'<TextLine id="l{r}{c}"><Coords points="{100 * c},{40 * r} {100 * c + 30},{40 * r + 20}"/>'
        f"<TextEquiv><Unicode>{text}</Unicode></TextEquiv></TextLine>"
        for r, row in enumerate(ROWS)
        for c, text in enumerate(row)
    )
    path = tmp_path / "htr.xml"
    path.write_text(
        '<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2013-07-15">'
        f'<Page imageWidth="400" imageHeight="400"><TextRegion id="r">{lines}</TextRegion></Page></PcGts>'
    )
    reading = reading_from_file(path)
    assert reading.is_table
    assert [n.text for n in reading.numbers if n.row == 2] == ROWS[2]
    # The same file says what is printed, for `evaluate`.
    assert [row.numbers for row in read_truth(path).rows] == [tuple(row) for row in ROWS]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.xml", "<!DOCTYPE a [<!ENTITY b 'c'>]><PcGts/>", "has a DOCTYPE"),
        ("a.xml", "<TEI/>", "begins with 'TEI', expected PAGE-XML"),
        ("a.xml", "<PcGts>", "not well-formed"),
        ("a.xml", "<PcGts><Page imageWidth='x'/></PcGts>", "cannot be meant"),
        ("a.csv", "a,b\nc,d\n", "no number is in it"),
        ("a.jsonl", '{"text": "1"}\n', "neither a box nor row and column"),
        ("a.jsonl", '{"text": "1", "box": [0, 0, 0, 1]}\n', "a box that cannot be meant"),
        ("a.json", "[]", "got 0 pages, expected one"),
        ("a.json", "{}", "cannot be understood"),
        ("a.csv", "text,row,column\n" + "9" * 5000 + ",1,1\n", "a number of 5,000 figures"),
        ("a.png", "", "expected .xml"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_the_reason(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(TranscriptionError, match=message):
        reading_from_file(tmp_path / name)


def test_the_command_takes_another_readers_file_as_a_witness(tmp_path):
    for name, last in (("a.csv", "54"), ("b.csv", "45")):
        (tmp_path / name).write_text("\n".join(",".join(row) for row in ROWS).replace("25,54", f"25,{last}"))
    result = CliRunner().invoke(app, ["collate", str(tmp_path / "a.csv"), str(tmp_path / "b.csv"), "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["summary"]["differs"] == 1


PAGE = '<PcGts><Page imageFilename="a.png" imageWidth="400" imageHeight="400">{}</Page></PcGts>'
TEXT = "<TextEquiv><Unicode>{}</Unicode></TextEquiv>"
BOTH = TEXT.format("12 34")
BOX = '<Coords points="10,20 110,20 110,80 10,80"/>'
ALTO = "<alto><Layout><Page WIDTH='400' HEIGHT='400'><PrintSpace>{}</PrintSpace></Page></Layout></alto>"


@pytest.mark.parametrize(
    "body",
    [
        PAGE.format(f"<TextRegion>{BOX}<TextLine>{BOX}<Word>{BOX}{BOTH}</Word></TextLine></TextRegion>"),
        # Words without text, as a layout analysis leaves them: the line has it.
        PAGE.format(f"<TextRegion>{BOX}<TextLine>{BOX}<Word>{BOX}</Word>{BOTH}</TextLine></TextRegion>"),
        # OCR-D's ground truth of regions; lines without text.
        PAGE.format(f"<TextRegion>{BOX}<TextLine>{BOX}</TextLine>{BOTH}</TextRegion>"),
        PAGE.format(f"<TableRegion>{BOX}<TextRegion>{BOX}{TEXT.format('12')}</TextRegion>"
                    f"<TextRegion>{BOX}{TEXT.format('34')}</TextRegion></TableRegion>"),
        PAGE.format(f'<TableRegion>{BOX}<TableCell row="0" col="0">{BOX}{BOTH}</TableCell></TableRegion>'),
        ALTO.format("<TextBlock><TextLine HPOS='10' VPOS='20' WIDTH='100' HEIGHT='60'><String CONTENT='12 34'/>"
                    "</TextLine></TextBlock>"),
        ALTO.format("<TextBlock><TextLine><Shape><Polygon POINTS='10,20 110,20 110,80 10,80'/></Shape>"
                    "<String CONTENT='12 34'/></TextLine></TextBlock>"),
        ALTO.format("<TextBlock HPOS='10' VPOS='20' WIDTH='100' HEIGHT='60'><TextLine>"
                    "<String CONTENT='12 34'/></TextLine></TextBlock>"),
    ],
    ids=["word", "line", "region", "regions of a table", "cell", "alto", "alto with a polygon", "alto of a block"],
)  # fmt: skip
def test_text_is_found_at_whatever_level_it_stands(tmp_path, body):
    (tmp_path / "a.xml").write_text(body)
    reading = reading_from_file(tmp_path / "a.xml")
    assert [n.text for n in reading.numbers] == ["12", "34"]
    assert all(n.box.x >= 10 and n.box.right <= 110 and n.box.y >= 20 and n.box.bottom <= 80 for n in reading.numbers)


def test_lines_of_a_region_stand_below_each_other(tmp_path):
    (tmp_path / "a.xml").write_text(PAGE.format(f"<TextRegion>{BOX}{TEXT.format('12&#10;34&#10;56')}</TextRegion>"))
    assert [n.box.y for n in reading_from_file(tmp_path / "a.xml").numbers] == [20, 40, 60]


def test_a_number_without_end_is_no_truth(tmp_path):
    (tmp_path / "a.xml").write_text(PAGE.format(f"<TextRegion>{BOX}{TEXT.format('9' * 5000)}</TextRegion>"))
    with pytest.raises(TranscriptionError, match="a number of 5,000 figures"):
        read_truth(tmp_path / "a.xml")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (ALTO.format("<TextBlock><TextLine><String CONTENT='12'/></TextLine></TextBlock>"), "no place of '12'"),
        ("<PcGts>" + "<a>" * 100_000, "more than 200 elements in each other"),
        ("<PcGts>" + "<a/>" * 4_000_001 + "</PcGts>", "more than 4,000,000 tags"),
    ],
    ids=["no place", "deep", "many"],
)
def test_hostile_xml_is_refused(tmp_path, body, message):
    (tmp_path / "a.xml").write_text(body)
    with pytest.raises(TranscriptionError, match=message):
        reading_from_file(tmp_path / "a.xml")
