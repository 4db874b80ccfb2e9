"""One page as a workbook, as CSV in rows and columns, and as TEI: it looks like the table, and nothing is lost."""

import csv
import io
import xml.etree.ElementTree as ET
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from PIL import Image, ImageDraw

from tablesim.evidence.collation.cutouts import Cutter
from tablesim.export.page_tei import page_tei
from tablesim.export.spreadsheets import READING_COLUMNS, csv_bytes, grid_csv, reading_rows
from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Ditto, Number
from tablesim.report.provenance import Provenance

from .conftest import make_reading

TEI = {"t": "http://www.tei-c.org/ns/1.0"}


def at(text, row, column, value=None, confidence=0.99, table=0, doubts=()):
    digits = [
        Digit(None if d == "?" else int(d), Box(10 + 30 * column + 5 * i, 10 + 12 * row, 5, 8), confidence, (7, 0.3))
        for i, d in enumerate(sign for sign in text if sign.isdigit() or sign == "?")
    ]
    return Number(text, tuple(digits), confidence, table, row, column, value, doubts)


@pytest.fixture
def page():
    numbers = (
        at("12", 0, 0, 12),
        at("8,889", 0, 1, 8889),
        at("34\u00b760", 0, 2, Decimal("34.60")),
        at("05", 1, 0, 5, 0.6),
        at("1,234", 1, 2, None),
        at("3?", 2, 0, None, 0.4),
        at("7", 2, 1, 7, doubts=("unlike its column",)),
    )
    loose = replace(at("283", 5, 5, 283), table=None, row=None, column=None)
    return replace(
        make_reading(page="=p\u8868", numbers=(*numbers, loose)), dittos=(Ditto(Box(40, 22, 6, 6), 0.95, 0, 1, 1),)
    )


@pytest.fixture
def about():
    return Provenance("0.2.0", "f" * 64, {}, "2026-11-24T10:00:00Z")


def book_of(reading, about, cutter=None):
    openpyxl = pytest.importorskip("openpyxl", reason="workbooks need openpyxl, the extra [xlsx]")
    from tablesim.export.page_workbook import page_xlsx

    return openpyxl.load_workbook(io.BytesIO(page_xlsx(reading, about, cutter)))


def cells(sheet):
    """The cells of the table by the numbers of their row and column, which stand in grey beside and above them."""
    heads = {c.column: c.value for c in sheet[3] if c.value}
    rows = {row: c.value for row, c in enumerate(sheet["A"], 1) if str(c.value).startswith("r")}
    return {f"{name} {heads[c]}": sheet.cell(row, c) for row, name in rows.items() for c in heads}


def test_the_sheet_looks_like_the_table(page, about):
    book = book_of(page, about)
    assert book.sheetnames == ["page", "numbers", "about"]
    found = cells(book["page"])
    assert {name: cell.value for name, cell in found.items()} == {
        **{"r1 c1": 12, "r1 c2": 8889, "r1 c3": 34.6},
        **{"r2 c1": 5, "r2 c2": 8889, "r2 c3": "1,234"},
        **{"r3 c1": "3?", "r3 c2": 7, "r3 c3": None},
    }
    assert found["r1 c2"].number_format.endswith(';[>=1000]0","000;0')
    assert (found["r1 c3"].number_format, found["r2 c1"].number_format) == ("0.00", "00")
    assert "\u2033" in found["r2 c2"].number_format and found["r2 c2"].font.italic
    assert book["page"].freeze_panes == "B4"


def test_doubt_is_coloured_with_a_comment_and_a_legend(page, about):
    sheet = book_of(page, about)["page"]
    found = cells(sheet)
    coloured = {name: cell.fill.fgColor.rgb for name, cell in found.items() if cell.fill.fill_type}
    assert set(coloured) == {"r2 c1", "r2 c2", "r2 c3", "r3 c1", "r3 c2"}
    assert {name for name, cell in found.items() if cell.comment} == set(coloured)
    assert found["r2 c1"].comment.text.startswith("row 2, column 1\nright with probability 0.60\nor 07 (0.30)")
    assert "unlike its column" in found["r3 c2"].comment.text
    legend = {row[1].fill.fgColor.rgb for row in sheet.iter_rows(min_row=8) if row[1].fill.fill_type}
    assert set(coloured.values()) == legend


def test_every_number_is_in_the_list_with_its_address(page, about):
    head, *rows = book_of(page, about)["numbers"].iter_rows(values_only=True)
    lines = [dict(zip(head, row, strict=True)) for row in rows]
    assert len(lines) == len(page.numbers) + len(page.repeated)
    by_address = {line["address"]: line for line in lines}
    assert (by_address["r1 c3"]["value"], by_address["r1 c3"]["printed"]) == (34.6, "34\u00b760")
    assert (by_address["r2 c2"]["value"], by_address["r2 c2"]["printed"]) == (8889, "\u2033")
    assert by_address[None]["value"] == 283


def test_no_name_is_a_formula(page, about):
    book = book_of(page, about)
    assert book["page"]["A1"].value == "'=p\u8868"
    assert not [c for sheet in book for row in sheet.iter_rows() for c in row if c.data_type == "f"]


def test_pictures_of_headings_come_from_the_scan(page, about, tmp_path):
    path = tmp_path / "scan.png"
    image = Image.new("L", (100, 80), 240)
    draw = ImageDraw.Draw(image)
    shown = tuple(replace(n, digits=tuple(replace(d, box=replace(d.box, y=d.box.y + 30)) for d in n.digits)) for n in
                  page.numbers if n.table is not None)  # fmt: skip
    for x in (10, 40):
        draw.text((x, 22), "Hor", 10)
    image.save(path)
    with_scan = replace(page, scan=str(path), numbers=shown, dittos=())
    pictures = book_of(with_scan, about, Cutter())["page"]._images
    assert [picture.anchor._from.row for picture in pictures] == [3, 3]
    gone = book_of(replace(with_scan, scan=str(tmp_path / "gone.png")), about, Cutter())
    assert gone["page"]._images == []
    assert "the scan could not be opened" in "".join(str(row[1].value) for row in gone["about"].iter_rows())


def test_a_page_without_a_table_says_so(about):
    sheet = book_of(make_reading(numbers=()), about)["page"]
    assert "no table was read on this page" in [c.value for row in sheet.iter_rows() for c in row]


def test_the_grid_of_csv_has_rows_and_columns_as_printed(page):
    rows = list(csv.reader(io.StringIO(grid_csv(page).decode("utf-8-sig"))))
    assert rows == [["12", "8889", "34.60"], ["05", "\u2033", "'1,234"], ["3?", "7", ""]]


def test_negative_numbers_and_fractions_of_csv_are_numbers():
    numbers = (at("25", 0, 0, -25), at("7", 0, 1, Fraction(7, 8)), at("3", 1, 0, Fraction(-11, 4)))
    texts = ("\u221225", "7/8", "\u22122 3/4")
    page = make_reading(numbers=[replace(n, text=text) for n, text in zip(numbers, texts, strict=True)])
    assert grid_csv(page).decode("utf-8-sig") == "-25,0 7/8\n-2 3/4,\n"
    data = csv_bytes(READING_COLUMNS, reading_rows(page)).decode("utf-8-sig")
    values = [row["value"] for row in csv.DictReader(io.StringIO(data))]
    assert values == ["-25", "0 7/8", "-2 3/4"]


def test_tei_has_the_table_its_values_and_its_zones(page, about, tei_schema):
    data = page_tei(page, about)
    tei_schema(data)
    root = ET.fromstring(data)
    zones = {zone.get("{http://www.w3.org/XML/1998/namespace}id") for zone in root.iterfind(".//t:zone", TEI)}
    nums = root.findall(".//t:cell/t:num", TEI)
    assert [num.get("value") for num in nums] == ["12", "8889", "34.60", "5", "8889", None, None, "7"]
    assert {num.get("facs")[1:] for num in root.iterfind(".//t:num", TEI)} == zones
    assert [num.get("cert") for num in nums] == ["high", "high", "high", "low", "high", "high", "low", "low"]
    assert nums[6].find("t:gap", TEI) is not None
    assert [note.text for note in root.iterfind(".//t:note", TEI)] == ["unlike its column"]


def test_tei_of_an_empty_page_is_valid(about, tei_schema):
    tei_schema(page_tei(make_reading(numbers=()), about))


def test_columns_of_one_number_are_joined_in_a_sheet_of_values(about):
    """Degrees and minutes that go on by 0;25 a row, and counts beside them."""
    minutes = [25 * row for row in range(24)]
    numbers = [
        at(text, row, column, int(text))
        for row, total in enumerate(minutes)
        for column, text in enumerate((str(total // 60), str(total % 60), str(100 + 7 * row % 50)))
    ]
    book = book_of(make_reading(numbers=numbers), about)
    assert book.sheetnames == ["page", "values", "numbers", "about"]
    head, *rows = book["values"].iter_rows(values_only=True)
    assert head == ("t1", "c1;c2", "units and sixtieths, in decimals", "c3")
    assert rows[5] == ("r6", "2;5", pytest.approx(125 / 60), 135)
    names, *lines = book["numbers"].iter_rows(values_only=True)
    line = dict(zip(names, lines[16], strict=True))
    assert (line["address"], line["value"], line["in_units"]) == ("r6 c2", 5, "2;5")
    assert line["in_units_as_decimals"] == pytest.approx(125 / 60)
    assert any("columns 1 and 2 are units and sixtieths" in str(row[1].value) for row in book["about"].iter_rows())
