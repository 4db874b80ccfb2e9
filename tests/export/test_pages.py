"""Readings as PAGE-XML and ALTO: valid by the published schemas, and everything that was read comes back out."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tablesim.export.alto import alto
from tablesim.export.kinds import Dialect
from tablesim.export.pagexml import baseline, page_xml
from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Ditto, Number
from tablesim.report.provenance import Provenance

from .conftest import make_reading

PAGE = {"p": "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"}
OLD = {"p": "http://schema.primaresearch.org/PAGE/gts/pagecontent/2013-07-15"}
ALTO = {"a": "http://www.loc.gov/standards/alto/ns-v4#"}

CELLS = {
    ("table1", 0, 0): ["12"],
    ("table1", 0, 1): ["345"],
    ("table1", 1, 0): ["6"],
    ("table1", 1, 1): ["9·9?"],
    ("table2", 0, 0): ["88"],
}


def test_ditto_marks_are_words_without_digits():
    reading = make_reading()
    above = next(n for n in reading.numbers if (n.table, n.row, n.column) == (0, 0, 0))
    below = tuple(n for n in reading.numbers if (n.table, n.row, n.column) != (0, 1, 0))
    marked = replace(reading, numbers=below, dittos=(Ditto(Box(5, 40, 6, 6), 0.8, 0, 1, 0),))
    (number,) = marked.repeated
    assert (number.text, number.printed, number.value) == (above.text, "\u2033", above.value)
    about = Provenance("0.2.0", "f" * 64, {}, "2026-11-24T10:00:00Z")
    page = ET.fromstring(page_xml(marked, about))
    (word,) = (w for w in page.iterfind(".//p:Word", PAGE) if w.findtext("p:TextEquiv/p:Unicode", "", PAGE) == "\u2033")
    assert word.find("p:Glyph", PAGE) is None
    strings = ET.fromstring(alto(marked, about)).iterfind(".//a:String", ALTO)
    assert [len(s) for s in strings if s.get("CONTENT") == "\u2033"] == [0]


def words(element, names):
    return [word.findtext("p:TextEquiv/p:Unicode", namespaces=names) for word in element.iterfind(".//p:Word", names)]


def corners(element, names):
    points = element.find("p:Coords", names).get("points").split()
    return [tuple(map(int, point.split(","))) for point in points]


def test_the_cells_of_prima_are_those_of_the_reading(reading, provenance, page_schema):
    data = page_xml(reading, provenance)
    page_schema(data)
    root = ET.fromstring(data)
    found = {}
    for table in root.iterfind(".//p:TableRegion", PAGE):
        for cell in table.iterfind("p:TextRegion", PAGE):
            role = cell.find("p:Roles/p:TableCellRole", PAGE)
            found[table.get("id"), int(role.get("rowIndex")), int(role.get("columnIndex"))] = words(cell, PAGE)
    assert found == CELLS
    assert [words(region, PAGE) for region in root.iterfind("p:Page/p:TextRegion", PAGE)] == [["7"]]
    (first, _) = root.iterfind(".//p:TableRegion", PAGE)
    assert (first.get("rows"), first.get("columns")) == ("2", "2")
    order = [ref.get("regionRef") for ref in root.iterfind(".//p:RegionRefIndexed", PAGE)]
    assert order == ["table1", "table2", "r1"]


def test_the_cells_of_transkribus_are_those_of_the_reading(reading, provenance):
    root = ET.fromstring(page_xml(reading, provenance, Dialect.transkribus))
    found = {}
    for table in root.iterfind(".//p:TableRegion", OLD):
        for cell in table.iterfind("p:TableCell", OLD):
            found[table.get("id"), int(cell.get("row")), int(cell.get("col"))] = words(cell, OLD)
            assert cell.findtext("p:CornerPts", namespaces=OLD) == "0 1 2 3"
            assert len(corners(cell, OLD)) == 4
    assert found == CELLS
    assert root.find(".//p:Roles", OLD) is None


def test_a_glyph_has_its_confidence_and_what_it_could_be_otherwise(reading, provenance):
    root = ET.fromstring(page_xml(reading, provenance))
    glyphs = {
        tuple(e.findtext("p:Unicode", namespaces=PAGE) for e in glyph.iterfind("p:TextEquiv", PAGE)): [
            e.get("conf") for e in glyph.iterfind("p:TextEquiv", PAGE)
        ]
        for glyph in root.iterfind(".//p:Glyph", PAGE)
    }
    assert glyphs["7", "1"] == ["0.8", "0.15"]
    assert glyphs[("?",)] == ["0.31"]


def test_the_doubts_of_a_number_stand_beside_it(reading, provenance, page_schema):
    doubted = replace(reading.numbers[1], doubts=("probably not whole", "unlike its column"))
    numbers = (reading.numbers[0], doubted, *reading.numbers[2:])
    data = page_xml(replace(reading, numbers=numbers), provenance)
    page_schema(data)
    said = [text.get("comments") for text in ET.fromstring(data).iterfind(".//p:Word/p:TextEquiv", PAGE)]
    assert sorted(filter(None, said)) == ["probably not whole; unlike its column"]
    plain = page_xml(replace(reading, numbers=numbers), provenance, Dialect.transkribus)
    assert b"probably" not in plain  # its older schema has no room for it


def test_places_are_whole_pixels_of_the_page_and_lie_within_one_another(reading, provenance):
    root = ET.fromstring(page_xml(reading, provenance))
    parents = {child: parent for parent in root.iter() for child in parent}
    checked = 0
    for element in root.iterfind(".//*[p:Coords]", PAGE):
        (left, top), _, (right, bottom), _ = corners(element, PAGE)
        assert 0 <= left < right <= 100
        assert 0 <= top < bottom <= 80
        outer = parents[element]
        if outer.find("p:Coords", PAGE) is not None:
            (x, y), _, (x2, y2), _ = corners(outer, PAGE)
            assert x <= left < right <= x2 and y <= top < bottom <= y2
            checked += 1
    assert checked > 20


def test_provenance_and_citation_are_in_the_metadata(reading, provenance):
    root = ET.fromstring(page_xml(reading, provenance))
    said = root.findtext("p:Metadata/p:Comments", namespaces=PAGE)
    assert said.startswith("Clavius, 1593, page 1746_clavius_1593_p283, h/1 (scan SHA-256 abababababababab). Numbers ")
    assert "page b" not in said
    items = {item.get("name"): item.get("value") for item in root.iterfind("p:Metadata/p:MetadataItem", PAGE)}
    assert items["network"] == "f" * 64
    assert items["sha256"] == "ab" * 32
    assert '"seed": 0' in items["settings"]


@pytest.mark.parametrize(
    ("rotation", "expected", "orientation"),
    [
        (0, ((2, 9), (7, 9)), None),
        (90, ((7, 9), (7, 3)), "90"),
        (180, ((7, 3), (2, 3)), "180"),
        (270, ((2, 3), (2, 9)), "-90"),
    ],
)
def test_the_baseline_is_where_the_digits_stand(rotation, expected, orientation, provenance, page_schema):
    assert baseline((2, 3, 7, 9), rotation) == expected
    data = page_xml(make_reading(rotation=rotation), provenance)
    page_schema(data)
    assert ET.fromstring(data).find("p:Page", PAGE).get("orientation") == orientation
    # Set upright by the transform, the line runs to the right below the figures.
    upright = make_reading(rotation=rotation).transform
    start, end, middle = upright.to_working(np.array([*expected, (4.5, 6)], dtype=float))
    assert end[0] > start[0] and abs(end[1] - start[1]) < 1e-6 and middle[1] < start[1]


def test_alto_has_every_number_figure_row_and_column(reading, provenance, alto_schema):
    data = alto(reading, provenance)
    alto_schema(data)
    root = ET.fromstring(data)
    tags = {tag.get("ID"): (tag.get("TYPE"), int(tag.get("LABEL"))) for tag in root.iterfind(".//a:StructureTag", ALTO)}
    found = {}
    for table in root.iterfind(".//a:ComposedBlock", ALTO):
        assert table.get("TYPE") == "table"
        for block in table.iterfind("a:TextBlock", ALTO):
            place = dict(tags[name] for name in block.get("TAGREFS").split())
            key = (table.get("ID"), place["row"], place["column"])
            found[key] = [string.get("CONTENT") for string in block.iterfind(".//a:String", ALTO)]
    assert found == CELLS
    figures = [
        "".join(g.get("CONTENT") for g in s.iterfind("a:Glyph", ALTO)) for s in root.iterfind(".//a:String", ALTO)
    ]
    assert figures == ["12", "345", "6", "99?", "88", "7"]
    variant = root.find(".//a:String[@CONTENT='7']/a:Glyph/a:Variant", ALTO)
    assert (variant.get("CONTENT"), variant.get("VC")) == ("1", "0.15")
    assert root.findtext(".//a:fileIdentifier", namespaces=ALTO) == "ab" * 32
    assert "digit network ffffffffffff" in root.findtext(".//a:processingStepDescription", namespaces=ALTO)


def test_alto_says_how_far_the_print_is_turned(provenance, alto_schema):
    for rotation in (0, 90, 270):
        data = alto(make_reading(rotation=rotation), provenance)
        alto_schema(data)
        blocks = ET.fromstring(data).find(".//a:PrintSpace", ALTO)
        assert {block.get("ROTATION") for block in blocks} == {str(rotation) if rotation else None}


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        (r' ID="table1"', ' ID="1"'),
        (r' GC="0.8"', ' GC="sure"'),
        (r"(</?)StructureTag\b", r"\1RowTag"),
        (r"<MeasurementUnit>pixel", "<MeasurementUnit>point"),
        (r' VC="[^"]*"', ' XC="1"'),
        (r"<processingSoftware>", "<softwareName/><processingSoftware>"),
    ],
)
def test_the_schema_refuses_what_is_no_alto(reading, provenance, alto_schema, written, wrong):
    etree = pytest.importorskip("lxml.etree")
    data, n = re.subn(written, wrong, alto(reading, provenance).decode())
    assert n > 0
    with pytest.raises(etree.DocumentInvalid):
        alto_schema(data.encode())


boxes = st.builds(Box, st.floats(-50, 150), st.floats(-50, 150), st.floats(0, 60), st.floats(0, 60))
figures = st.builds(
    Digit,
    st.one_of(st.none(), st.integers(0, 9)),
    boxes,
    st.floats(0, 1),
    st.one_of(st.none(), st.tuples(st.integers(0, 9), st.floats(0, 1))),
)
places = st.one_of(st.none(), st.integers(0, 3))
numbers = st.builds(
    lambda digits, place, table: Number(
        "".join("?" if d.value is None else str(d.value) for d in digits), tuple(digits), 0.5, table, *place
    ),
    st.lists(figures, min_size=1, max_size=4),
    st.tuples(places, places),
    places,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(numbers, max_size=6), st.text(max_size=8), st.sampled_from([0, 90, 180, 270]))
def test_whatever_was_read_is_valid(page_schema, alto_schema, read, name, rotation):
    provenance = Provenance("0.1.0", name, {"name": name}, "2026-11-24T10:00:00Z")
    reading = make_reading(name, rotation, read)
    prima, other, blocks = (
        page_xml(reading, provenance),
        page_xml(reading, provenance, Dialect.transkribus),
        alto(reading, provenance),
    )
    page_schema(prima)
    alto_schema(blocks)
    texts = sorted(number.text for number in read)
    assert sorted(words(ET.fromstring(prima), PAGE)) == texts
    assert sorted(words(ET.fromstring(other), OLD)) == texts
    assert sorted(s.get("CONTENT") for s in ET.fromstring(blocks).iterfind(".//a:String", ALTO)) == texts
