"""Collations as TEI, XLSX and CSV: valid, complete, and harmless in a spreadsheet."""

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from corpus.fakes import number, reading_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tablesim.evidence.collation.collation import collate
from tablesim.export.collation_workbook import collation_xlsx
from tablesim.export.spreadsheets import (
    collation_columns,
    collation_rows,
    csv_bytes,
    csv_description,
)
from tablesim.export.tei import tei
from tablesim.records.boxes import Box
from tablesim.records.collation import Cell, CellReading, Collation, Part, Unaligned, Witness
from tablesim.records.reading import Digit, Number
from tablesim.report.provenance import CitedPage, Provenance
from tablesim.scans.csvfile import plain_cell, safe_cell

TEI = {"t": "http://www.tei-c.org/ns/1.0"}
XML_ID = "{http://www.w3.org/XML/1998/namespace}id"


PAGES = {"a": "scans/a.jpg", "=b": "scans/=b.jpg", "c": "scans/c.jpg", "book_p0007": "scans/book.pdf#7"}


def reading_in(page, text, box):
    """A number of one witness, each with a runner-up of 7."""
    each = box.width / len(text)
    digits = tuple(
        Digit(None if d == "?" else int(d), Box(box.x + each * i, box.y, each, box.height), 0.9, (7, 0.1))
        for i, d in enumerate(text)
    )
    return CellReading(Number(text, digits, 0.9, 0, 0, 0, value=int(text) if text.isdigit() else None), page)


def cell(row, column, state, *texts, doubtful=False, pages=("a", "=b", "c")):
    box = Box(10.0 * column, 10.0 * row, 8.0, 8.0)
    readings = [None if text is None else reading_in(page, text, box) for text, page in zip(texts, pages, strict=True)]
    return Cell(row, column, state, doubtful, tuple(readings))


def collation_of(cells, rows=((0, 0, 0), (1, 2, None)), columns=((0, 0, 1), (1, 1, 0)), pages=PAGES):
    """A collation of three witnesses, the third on two pages."""
    readings = [replace(reading_of(page, [["12"]]), scan=scan) for page, scan in pages.items()]
    lines = tuple(number("1", row) for row in range(3))
    sides = (readings[:1], readings[1:2], readings[2:])
    witnesses = tuple(Witness(tuple(of), (0,) * 3, (0, 1, 2), lines) for of in sides)
    part = Part((0, len(rows)), (0, len(columns)))
    alone = (Unaligned(1, "row", 1, ("9", "=1+1")),)
    return Collation(witnesses, tuple(rows), tuple(columns), (part,), (False,) * 3, tuple(cells), alone)


@pytest.fixture
def table():
    return collation_of(
        [
            cell(0, 0, "agrees", "12", "12", "12"),
            cell(0, 1, "differs", "14", "41", "14", doubtful=True),
            cell(1, 0, "missing", "5", None, None),
            cell(1, 1, "illegible", "3?8", "318", None),
        ]
    )


@pytest.fixture
def about():
    pages = [CitedPage(page, f"scans/{page}.jpg", "ab" * 32, f"About {page}", "h/1") for page in ("a", "=b", "c")]
    return Provenance("0.1.0.dev3", "f" * 64, {"seed": 0}, "2026-11-24T10:00:00Z", tuple(pages))


def test_the_apparatus_says_what_each_witness_has(table, about, tei_schema):
    data = tei(table, about)
    tei_schema(data)
    root = ET.fromstring(data)
    rows = [list(row.iterfind("t:cell", TEI)) for row in root.iterfind(".//t:table/t:row", TEI)]
    assert rows[0][0].text == "12" and len(rows[0][0]) == 0
    app = rows[0][1].find("t:app", TEI)
    assert (app.get("type"), app.get("cert")) == ("differs", "low")
    assert [(rdg.get("wit"), rdg.text, rdg.get("cert")) for rdg in app] == [
        ("#A", "14", "0.9"),
        ("#B", "41", "0.9"),
        ("#C", "14", "0.9"),
    ]
    # C lacks this row as a whole and has no reading; B has the row and leaves the number out.
    missing = rows[1][0].find("t:app", TEI)
    assert [(rdg.get("wit"), rdg.text, len(rdg)) for rdg in missing] == [("#A", "5", 0), ("#B", None, 0)]
    gap = rows[1][1].find("t:app/t:rdg[@wit='#A']", TEI)
    assert (gap.text, gap[0].tag, gap[0].get("reason"), gap[0].tail) == (
        "3",
        "{http://www.tei-c.org/ns/1.0}gap",
        "illegible",
        "8",
    )
    assert root.findtext(".//t:div[@type='unaligned']//t:item", namespaces=TEI) == "B: row 2: 9 | =1+1"
    assert [cell.get(XML_ID) for row in rows for cell in row] == ["t1r1c1", "t1r1c2", "t1r2c1", "t1r2c2"]


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        (r"<rdg wit=", "<rdg witness="),
        (r"(</?)cell\b", r"\1app"),
        (r"(</?)listWit\b", r"\1listPerson"),
        (r'cert="low"', 'cert="perhaps"'),
        (r'quantity="1"', 'quantity="one"'),
        (r'ulx="0"', 'ulx="left"'),
    ],
)
def test_the_schema_refuses_what_is_no_tei(table, about, tei_schema, written, wrong):
    etree = pytest.importorskip("lxml.etree")
    data, n = re.subn(written, wrong, tei(table, about).decode())
    assert n > 0
    with pytest.raises(etree.DocumentInvalid):
        tei_schema(data.encode())


def test_every_pointer_of_the_tei_leads_somewhere(table, about):
    root = ET.fromstring(tei(table, about))
    names = [element.get(XML_ID) for element in root.iter() if element.get(XML_ID)]
    assert len(names) == len(set(names))
    pointers = [
        pointer
        for element in root.iter()
        for attribute in ("facs", "wit", "corresp")
        for pointer in element.get(attribute, "").split()
    ]
    assert len(pointers) > 10
    assert {pointer.removeprefix("#") for pointer in pointers} <= set(names)
    surfaces = {s.get("n"): s for s in root.iterfind(".//t:surface", TEI)}
    assert list(surfaces) == ["a", "=b", "c", "book_p0007"]
    assert (surfaces["a"].get("lrx"), surfaces["a"].get("lry")) == ("100", "80")
    assert surfaces["book_p0007"].find("t:graphic", TEI).get("url") == "book.pdf"
    zone = surfaces["=b"].find("t:zone", TEI)
    assert [zone.get(side) for side in ("ulx", "uly", "lrx", "lry")] == ["0", "0", "8", "8"]


def test_the_header_names_witnesses_software_and_source(table, about):
    root = ET.fromstring(tei(table, about))
    assert [w.get(XML_ID) for w in root.iterfind(".//t:witness", TEI)] == ["A", "B", "C"]
    assert [b.findtext("t:title", namespaces=TEI) for b in root.iterfind(".//t:witness/t:bibl", TEI)] == [
        "About a",
        "About =b",
        "About c",
        "book_p0007",
    ]
    assert root.find(".//t:variantEncoding", TEI).get("method") == "parallel-segmentation"
    assert root.find(".//t:application", TEI).get("version") == "0.1.0"
    assert "4 cells in common: 1 agrees, 1 differs, 1 is missing in a witness and 1 is illegible." in root.findtext(
        ".//t:interpretation/t:p", namespaces=TEI
    )
    assert "Numbers read by tablesim 0.1.0.dev3" in root.findtext(".//t:projectDesc/t:p", namespaces=TEI)


def test_a_collation_of_readings_goes_through(tei_schema, about):
    rows = [[str(10 + i), str(37 * i % 60), str(53 * i % 60)] for i in range(12)]
    changed = [list(row) for row in rows]
    changed[4][2] = "99"
    a, b = reading_of("a", rows), reading_of("=b", changed)
    collation = collate(a, b)
    assert [cell.texts for cell in collation.differences] == [(rows[4][2], "99")]
    tei_schema(tei(collation, about))


def test_csv_has_a_line_a_place_and_the_description_of_every_column(table, about):
    data = csv_bytes(collation_columns(table), collation_rows(table)).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(data)))
    assert [[row[name] for name in ("address", "state", "kind", "doubtful")] for row in rows] == [
        ["row 1, column 1", "agrees", "", "no"],
        ["row 1, column 2", "differs", "figures transposed", "yes"],
        ["row 2, column 1", "missing", "", "no"],
        ["row 2, column 2", "illegible", "", "no"],
    ]
    assert [(row["table"], row["row"], row["column"]) for row in rows][1:3] == [("1", "1", "2"), ("1", "2", "1")]
    assert rows[1]["A_address"] == "row 1, column 1"
    assert [rows[1][f"{s}_text"] for s in "ABC"] == ["14", "41", "14"]
    assert (rows[2]["B_text"], rows[2]["B_confidence"]) == ("", "")
    assert rows[1]["A_runner_up"] == "17"
    description = json.loads(csv_description("x.csv", collation_columns(table), about))
    assert [c["name"] for c in description["tableSchema"]["columns"]] == list(rows[0])
    assert description["dc:bibliographicCitation"] == about.citation
    assert json.loads(description["dc:provenance"])["network"] == "f" * 64


def test_no_cell_is_a_formula(table, about):
    data = csv_bytes(collation_columns(table), collation_rows(table)).decode("utf-8-sig")
    cells = [value for row in csv.reader(io.StringIO(data)) for value in row]
    assert "'=b" in cells
    assert not [value for value in cells if value.startswith(("=", "+", "-", "@"))]
    openpyxl = pytest.importorskip("openpyxl", reason="workbooks need openpyxl, the extra [xlsx]")
    book = openpyxl.load_workbook(io.BytesIO(collation_xlsx(table, about)))
    values = [c for sheet in book for row in sheet.iter_rows() for c in row if c.value is not None]
    assert "'=b" in [c.value for c in values]
    assert not [c.value for c in values if c.data_type == "f" or str(c.value).startswith("=")]


@given(st.text(max_size=6))
def test_a_safe_cell_keeps_its_text_and_begins_no_formula(text):
    made = safe_cell(text)
    assert made in (text, f"'{text}")
    assert not made.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_the_workbook_shows_the_table_and_where_witnesses_part(table, about):
    openpyxl = pytest.importorskip("openpyxl", reason="workbooks need openpyxl, the extra [xlsx]")
    book = openpyxl.load_workbook(io.BytesIO(collation_xlsx(table, about)))
    assert book.sheetnames == ["collation", "differences", "places", "unaligned", "about"]
    shown = [[c.value for c in row] for row in book["collation"].iter_rows()]
    assert shown[:3] == [
        ["row", "argument", 1, 2],
        [1, None, 12, "A: 14, B: 41, C: 14"],
        [2, None, "A: 5, B: -", "A: 3?8, B: 318"],
    ]
    assert "the witnesses differ" in [row[1] for row in shown[3:]]
    grid = book["collation"]
    assert grid["C2"].fill.fill_type is None
    assert grid["D2"].fill.fill_type == "solid" and grid["D2"].font.italic
    assert grid["C3"].fill.fgColor.rgb != grid["D2"].fill.fgColor.rgb
    assert [c.value for c in book["unaligned"][2]] == ["B: row 2", "row", "9 =1+1"]
    sums = [[c.value for c in row if c.value is not None] for row in book["differences"].iter_rows()]
    assert sums[-3:] == [
        ["column", "figures transposed", "all", "of them look like misreadings"],
        ["column 2", 1, 1, 1],
        ["all", 1, 1, 1],
    ]
    facts = {row[0].value: row[1].value for row in book["about"].iter_rows()}
    assert facts["citation"] == about.citation
    assert facts["SHA-256 of =b"] == "ab" * 32
    assert facts["witness C"] == "c + book_p0007"


def test_a_difference_of_the_workbook_says_what_each_witness_has(table, about):
    openpyxl = pytest.importorskip("openpyxl", reason="workbooks need openpyxl, the extra [xlsx]")
    sheet = openpyxl.load_workbook(io.BytesIO(collation_xlsx(table, about)))["collation"]
    cells = {c.value: c for row in sheet.iter_rows() for c in row if c.value is not None}
    said = cells["A: 14, B: 41, C: 14"].comment.text.splitlines()
    assert said[1] == "differs, doubtful"
    assert said[2].startswith("A: 14, right with probability 0.90") and said[2].endswith("row 1, column 1")
    assert cells["A: 5, B: -"].comment.text.splitlines()[-1] == "B: nothing"
    widths = sheet.column_dimensions[cells["A: 14, B: 41, C: 14"].column_letter].width
    assert widths >= len("A: 14, B: 41, C: 14")


texts = st.one_of(st.none(), st.text("0123456789?", min_size=1, max_size=4))


@st.composite
def collations(draw):
    """A collation of three witnesses, each of which may lack rows and columns, and a page of any name."""
    rows = [[0, *draw(st.tuples(st.sampled_from([0, None]), st.sampled_from([0, None])))] for _ in range(3)]
    columns = [[0, *draw(st.tuples(st.sampled_from([0, None]), st.sampled_from([0, None])))] for _ in range(3)]
    name = draw(st.text(max_size=6))
    cells = []
    for row, column in sorted(draw(st.sets(st.tuples(st.integers(0, 2), st.integers(0, 2))))):
        present = [None not in pair for pair in zip(rows[row], columns[column], strict=True)]
        each = [draw(texts) if has else None for has in present]
        distinct = {text for text, has in zip(each, present, strict=True) if has}
        agrees = len(distinct) == 1 and None not in distinct
        state = "agrees" if agrees else draw(st.sampled_from(["differs", "missing", "illegible"]))
        cells.append(cell(row, column, state, *each, doubtful=draw(st.booleans()), pages=(name, "=b", "c")))
    return collation_of(cells, rows, columns, {name: f"{name}.jpg", "=b": "b.jpg", "c": "c.jpg"})


def told(collation):
    """Of every cell its state, whether it is doubtful, and what each witness has."""
    return {(cell.row, cell.column): (cell.state, cell.doubtful, list(cell.texts)) for cell in collation.cells}


def plain(value):
    """A cell of a spreadsheet without the apostrophe that keeps it from being a formula."""
    return plain_cell(value or "")


def of_rows(rows):
    return {
        (int(row["row"]) - 1, int(row["column"]) - 1): (
            row["state"],
            row["doubtful"] == "yes",
            [plain(row[f"{siglum}_text"]) or None for siglum in "ABC"],
        )
        for row in rows
    }


def of_csv(table, about):
    data = csv_bytes(collation_columns(table), collation_rows(table)).decode("utf-8-sig")
    return of_rows(csv.DictReader(io.StringIO(data)))


def of_xlsx(table, about):
    openpyxl = pytest.importorskip("openpyxl", reason="workbooks need openpyxl, the extra [xlsx]")
    sheet = openpyxl.load_workbook(io.BytesIO(collation_xlsx(table, about)))["places"]
    head, *rows = sheet.iter_rows(values_only=True)
    return of_rows([dict(zip(head, row, strict=True)) for row in rows])


def of_tei(table, about):
    def text(element):
        gaps = {gap: "?" + (gap.tail or "") for gap in element}
        return (element.text or "") + "".join(gaps.values()) or None

    found = {}
    for row in ET.fromstring(tei(table, about)).iterfind(".//t:table/t:row", TEI):
        for element in row.iterfind("t:cell", TEI):
            at, app = (int(row.get("n")) - 1, int(element.get("n")) - 1), element.find("t:app", TEI)
            if app is not None:
                each = {rdg.get("wit"): text(rdg) for rdg in app}
                found[at] = (app.get("type"), app.get("cert") == "low", [each.get(f"#{siglum}") for siglum in "ABC"])
            elif text(element) is not None:
                of = next(cell for cell in table.cells if (cell.row, cell.column) == at)
                each = [text(element) if table.has(w, of) else None for w in range(3)]
                found[at] = ("agrees", of.doubtful, each)
    return found


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(collations())
def test_every_place_comes_back_out_of_every_format(about, data):
    for back in (of_csv, of_xlsx, of_tei):
        assert back(data, about) == told(data), back.__name__


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(collations())
def test_any_collation_is_valid_tei(tei_schema, about, data):
    tei_schema(tei(data, about))
