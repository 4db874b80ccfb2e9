"""Collations as TEI, XLSX and CSV: valid, complete, and harmless in a spreadsheet."""

import csv
import io
import json
import re
import xml.etree.ElementTree as ET

import pytest
from corpus.fakes import reading_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tablesim.errors import ExportError
from tablesim.evidence.collation.collation import collate
from tablesim.export.collated import CollationTable
from tablesim.export.provenance import ExportedPage, Provenance
from tablesim.export.spreadsheets import (
    collation_columns,
    collation_rows,
    collation_xlsx,
    csv_bytes,
    csv_description,
    safe,
)
from tablesim.export.tei import tei
from tablesim.records.collation import siglum

TEI = {"t": "http://www.tei-c.org/ns/1.0"}
XML_ID = "{http://www.w3.org/XML/1998/namespace}id"


def cell(row, column, state, *texts, doubtful=False):
    readings = [
        None
        if text is None
        else {
            "text": text,
            "confidence": 0.9,
            "page": page,
            "box": {"x": 10.0 * column, "y": 10.0 * row, "width": 8.0, "height": 8.0},
            "runner_up": "77" if doubtful else None,
        }
        for text, page in zip(texts, ("a", "=b", "c"), strict=True)
    ]
    return {"row": row, "column": column, "state": state, "doubtful": doubtful, "readings": readings}


DATA = {
    "witnesses": [["scans/a.jpg"], ["scans/=b.jpg"], ["scans/c.jpg", "scans/book.pdf#7"]],
    "alignment": {
        "rows": [[0, 0, 0], [1, 2, None]],
        "columns": [[0, 0, 1], [1, 1, 0]],
        "transposed": [False, False, False],
    },
    "cells": [
        cell(0, 0, "agrees", "12", "12", "12"),
        cell(0, 1, "differs", "14", "41", "14", doubtful=True),
        cell(1, 0, "missing", "5", None, None),
        cell(1, 1, "illegible", "3?8", "318", None),
    ],
    "unaligned": [{"witness": 1, "kind": "row", "index": 1, "texts": ["9", "=1+1"]}],
    "summary": {"agrees": 1, "differs": 1, "missing": 1, "illegible": 1},
}


@pytest.fixture
def table():
    return CollationTable.from_dict(DATA)


@pytest.fixture
def about():
    pages = [ExportedPage(page, f"scans/{page}.jpg", "ab" * 32, f"About {page}", "h/1") for page in ("a", "=b", "c")]
    return Provenance("0.1.0.dev3", "f" * 64, {"seed": 0}, "2026-11-24T10:00:00Z", tuple(pages))


@pytest.fixture
def readings():
    return {page: reading_of(page, [["12", "14"], ["5", "38"], ["1", "2"]]) for page in ("a", "=b", "c")}


def test_the_apparatus_says_what_each_witness_has(table, about, readings, tei_schema):
    data = tei(table, about, readings)
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
    assert root.findtext(".//t:div[@type='unaligned']//t:item", namespaces=TEI) == "B, row 2: 9 | =1+1"


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
def test_the_schema_refuses_what_is_no_tei(table, about, readings, tei_schema, written, wrong):
    etree = pytest.importorskip("lxml.etree")
    data, n = re.subn(written, wrong, tei(table, about, readings).decode())
    assert n > 0
    with pytest.raises(etree.DocumentInvalid):
        tei_schema(data.encode())


def test_every_pointer_of_the_tei_leads_somewhere(table, about, readings):
    root = ET.fromstring(tei(table, about, readings))
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


def test_the_header_names_witnesses_software_and_source(table, about, readings):
    root = ET.fromstring(tei(table, about, readings))
    assert [w.get(XML_ID) for w in root.iterfind(".//t:witness", TEI)] == ["A", "B", "C"]
    assert [b.findtext("t:title", namespaces=TEI) for b in root.iterfind(".//t:witness/t:bibl", TEI)] == [
        "About a",
        "About =b",
        "About c",
        "book_p0007",
    ]
    assert root.find(".//t:variantEncoding", TEI).get("method") == "parallel-segmentation"
    assert root.find(".//t:application", TEI).get("version") == "0.1.0"
    assert "1 agrees, 1 differs" in root.findtext(".//t:interpretation/t:p", namespaces=TEI)
    assert "Figures read by tablesim 0.1.0.dev3" in root.findtext(".//t:projectDesc/t:p", namespaces=TEI)


def test_a_collation_of_readings_goes_through(tei_schema, about):
    rows = [[str(10 + i), str(37 * i % 60), str(53 * i % 60)] for i in range(12)]
    changed = [list(row) for row in rows]
    changed[4][2] = "99"
    a, b = reading_of("a", rows), reading_of("=b", changed)
    collation = collate(a, b)
    table = CollationTable.from_dict(json.loads(json.dumps(collation.to_dict())))
    assert table.sigla == collation.sigla
    differing = [place for place in table.places.values() if place.state == "differs"]
    assert [tuple(r.text for r in place.readings) for place in differing] == [(rows[4][2], "99")]
    tei_schema(tei(table, about, {"a": a, "=b": b}))


def test_csv_has_a_line_a_place_and_the_description_of_every_column(table, about):
    data = csv_bytes(collation_columns(table), collation_rows(table)).decode()
    rows = list(csv.DictReader(io.StringIO(data)))
    assert [(row["row"], row["column"], row["state"], row["doubtful"]) for row in rows] == [
        ("0", "0", "agrees", "no"),
        ("0", "1", "differs", "yes"),
        ("1", "0", "missing", "no"),
        ("1", "1", "illegible", "no"),
    ]
    assert [rows[1][f"{s}_text"] for s in "ABC"] == ["14", "41", "14"]
    assert (rows[2]["B_text"], rows[2]["B_confidence"]) == ("", "")
    assert rows[1]["A_runner_up"] == "77"
    description = json.loads(csv_description("x.csv", collation_columns(table), about))
    assert [c["name"] for c in description["tableSchema"]["columns"]] == list(rows[0])
    assert description["dc:bibliographicCitation"] == about.citation
    assert json.loads(description["dc:provenance"])["network"] == "f" * 64


def test_no_cell_is_a_formula(table, about):
    data = csv_bytes(collation_columns(table), collation_rows(table)).decode()
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
    made = safe(text)
    assert made in (text, f"'{text}")
    assert not made.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_the_workbook_shows_the_table_and_where_witnesses_part(table, about):
    openpyxl = pytest.importorskip("openpyxl", reason="workbooks need openpyxl, the extra [xlsx]")
    book = openpyxl.load_workbook(io.BytesIO(collation_xlsx(table, about)))
    assert book.sheetnames == ["collation", "places", "unaligned", "about"]
    shown = [[c.value for c in row] for row in book["collation"].iter_rows()]
    assert shown == [["12", "A: 14, B: 41, C: 14"], ["A: 5, B: -", "A: 3?8, B: 318"]]
    grid = book["collation"]
    assert grid["A1"].fill.fill_type is None
    assert grid["B1"].fill.fill_type == "solid" and grid["B1"].font.italic
    assert grid["A2"].fill.fgColor.rgb != grid["B1"].fill.fgColor.rgb
    assert [c.value for c in book["unaligned"][2]] == ["B", "row", 1, "9 =1+1"]
    facts = {row[0].value: row[1].value for row in book["about"].iter_rows()}
    assert facts["citation"] == about.citation
    assert facts["SHA-256 of =b"] == "ab" * 32
    assert facts["witness C"] == "c + book_p0007"


def test_sigla_go_on_after_z():
    assert [siglum(n) for n in (0, 25, 26, 63)] == ["A", "Z", "A1", "L2"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cells": [{"row": 0}]}, "KeyError"),
        ({"witnesses": None}, "TypeError"),
        ({"alignment": {"rows": [[0]], "columns": []}}, "has 1 entries for 3 witnesses"),
        ({"cells": [cell(0, 0, "odd", "1", "1", "1")]}, "state 'odd' is none of agrees, differs, missing, illegible"),
    ],
)
def test_what_is_no_collation_is_refused(change, said):
    with pytest.raises(ExportError, match="not what `tablesim collate --json` prints") as caught:
        CollationTable.from_dict({**DATA, **change})
    assert said in str(caught.value)


texts = st.one_of(st.none(), st.text("0123456789?·", min_size=1, max_size=4))


@st.composite
def collations(draw):
    """A collation of three witnesses, each of which may lack rows and columns, and a page of any name."""
    rows = [[0, *draw(st.tuples(st.sampled_from([0, None]), st.sampled_from([0, None])))] for _ in range(3)]
    columns = [[0, *draw(st.tuples(st.sampled_from([0, None]), st.sampled_from([0, None])))] for _ in range(3)]
    cells = []
    for row, column in draw(st.sets(st.tuples(st.integers(0, 2), st.integers(0, 2)))):
        here = [None not in pair for pair in zip(rows[row], columns[column], strict=True)]
        found = [draw(texts) if there else None for there in here]
        said = {text for text, there in zip(found, here, strict=True) if there}
        state = (
            "agrees"
            if len(said) == 1 and None not in said
            else draw(st.sampled_from(["differs", "missing", "illegible"]))
        )
        cells.append(cell(row, column, state, *found, doubtful=draw(st.booleans())))
    name = draw(st.text(max_size=6))
    for made in cells:
        for reading in made["readings"][:1]:
            if reading is not None:
                reading["page"] = name
    witnesses = [[f"{name}.jpg"], ["b.jpg"], ["c.jpg"]]
    return {**DATA, "witnesses": witnesses, "alignment": {"rows": rows, "columns": columns}, "cells": cells}


def told(table):
    """Of every place its state, whether it is doubtful, and what each witness has."""
    return {
        at: (place.state, place.doubtful, [None if reading is None else reading.text for reading in place.readings])
        for at, place in table.places.items()
    }


def plain(value):
    """A cell of a spreadsheet without the apostrophe that keeps it from being a formula."""
    return value[1:] if value and value[0] == "'" and safe(value[1:]) == value else value


def of_rows(rows):
    return {
        (int(row["row"]), int(row["column"])): (
            row["state"],
            row["doubtful"] == "yes",
            [plain(row[f"{siglum}_text"]) or None for siglum in "ABC"],
        )
        for row in rows
    }


def of_csv(table, about, readings):
    data = csv_bytes(collation_columns(table), collation_rows(table)).decode()
    return of_rows(csv.DictReader(io.StringIO(data)))


def of_xlsx(table, about, readings):
    openpyxl = pytest.importorskip("openpyxl", reason="workbooks need openpyxl, the extra [xlsx]")
    sheet = openpyxl.load_workbook(io.BytesIO(collation_xlsx(table, about)))["places"]
    head, *rows = sheet.iter_rows(values_only=True)
    return of_rows([dict(zip(head, row, strict=True)) for row in rows])


def of_tei(table, about, readings):
    def text(element):
        gaps = {gap: "?" + (gap.tail or "") for gap in element}
        return (element.text or "") + "".join(gaps.values()) or None

    found = {}
    for row in ET.fromstring(tei(table, about, readings)).iterfind(".//t:table/t:row", TEI):
        for element in row.iterfind("t:cell", TEI):
            at, app = (int(row.get("n")), int(element.get("n"))), element.find("t:app", TEI)
            if app is not None:
                each = {rdg.get("wit"): text(rdg) for rdg in app}
                found[at] = (app.get("type"), app.get("cert") == "low", [each.get(f"#{siglum}") for siglum in "ABC"])
            elif text(element) is not None:
                there = [table.has(w, table.places[at]) for w in range(3)]
                found[at] = ("agrees", table.places[at].doubtful, [text(element) if has else None for has in there])
    return found


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(collations())
def test_every_place_comes_back_out_of_every_format(about, readings, data):
    table = CollationTable.from_dict(data)
    assert CollationTable.from_dict(json.loads(json.dumps(data))) == table
    for back in (of_csv, of_xlsx, of_tei):
        assert back(table, about, readings) == told(table), back.__name__


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(collations())
def test_any_collation_is_valid_tei(tei_schema, about, readings, data):
    tei_schema(tei(CollationTable.from_dict(data), about, readings))
