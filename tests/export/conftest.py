"""Readings with all that an export must carry, and the published schemas."""

import json
import lzma
from dataclasses import replace
from pathlib import Path

import pytest
from corpus.fakes import number

from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Number, Reading
from tablesim.records.transform import Transform
from tablesim.report.provenance import CitedPage, Provenance

RESOURCES = Path(__file__).parent / "resources"
RNG = "{http://relaxng.org/ns/structure/1.0}"
TEI_ELEMENTS = set(
    "TEI teiHeader fileDesc titleStmt title publicationStmt publisher date sourceDesc listWit witness bibl idno "
    "encodingDesc projectDesc editorialDecl interpretation variantEncoding appInfo application label revisionDesc "
    "change facsimile surface graphic zone text body div head list item p table row cell app rdg gap num note "
    "choice sic corr".split()
)


def make_reading(page="1746_clavius_1593_p283", rotation=0, numbers=None):
    """Two tables and a loose number; an illegible figure, a raised point, a runner-up, boxes over the page's edge."""
    if numbers is None:
        odd = Number("9·9?", (*number("99", 1, 1).digits, Digit(None, Box(56.4, 20.2, 7.3, 12.9), 0.31)), 0.31, 0, 1, 1)
        edge = Number("7", (Digit(7, Box(-3.5, 70, 9, 30), 0.8, (1, 0.15)),), 0.8)
        numbers = (number("12", 0, 0), number("345", 0, 1), number("6", 1, 0), odd)
        numbers += (replace(number("88", 3, 0), table=1, row=0, column=0), edge)
    scan = f"scans/{page}.jpg"
    return Reading(scan, page, "ab" * 32, Transform(100, 80, rotation), True, 0.87, tuple(numbers))


@pytest.fixture
def reading():
    return make_reading()


@pytest.fixture
def provenance():
    pages = [
        CitedPage("1746_clavius_1593_p283", "scans/1746_clavius_1593_p283.jpg", "ab" * 32, "Clavius, 1593", "h/1"),
        CitedPage("b", "scans/b.jpg", "cd" * 32),
    ]
    return Provenance("0.1.0", "f" * 64, {"seed": 0, "note": "<&>\x00"}, "2026-11-24T10:00:00Z", tuple(pages))


def _xsd(path):
    etree = pytest.importorskip("lxml.etree", reason="validation needs lxml, which is among the [dev] extras")

    class Kept(etree.Resolver):
        """Schemas that are imported by their address lie here too."""

        def resolve(self, url, public_id, context):
            return self.resolve_filename(str(RESOURCES / url.rpartition("/")[2]), context)

    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(Kept())
    return etree.XMLSchema(etree.parse(path, parser))


def _valid(schema, data):
    from lxml import etree

    schema.assertValid(etree.fromstring(data))


@pytest.fixture(scope="session")
def page_schema():
    schema = _xsd(RESOURCES / "page-2019-07-15.xsd")
    return lambda data: _valid(schema, data)


@pytest.fixture(scope="session")
def alto_schema():
    schema = _xsd(RESOURCES / "alto-4-3.xsd")
    return lambda data: _valid(schema, data)


@pytest.fixture(scope="session")
def tei_schema():
    etree = pytest.importorskip("lxml.etree", reason="validation needs lxml, which is among the [dev] extras")
    with lzma.open(RESOURCES / "tei_all.rng.xz") as file:
        grammar = etree.parse(file)
    # Compiling all of TEI takes half a minute. Elements that are not written are forbidden instead: what is valid by
    # the rest is valid by the whole, since a grammar without an alternative allows no more than before.
    for element in grammar.iterfind(f".//{RNG}define/{RNG}element"):
        if element.get("name") not in TEI_ELEMENTS:
            element.getparent().replace(element, etree.Element(f"{RNG}notAllowed"))
    schema = etree.RelaxNG(grammar)
    return lambda data: _valid(schema, data)


@pytest.fixture(scope="session")
def iiif_schema():
    jsonschema = pytest.importorskip(
        "jsonschema", reason="validation needs jsonschema, which is among the [dev] extras"
    )
    schema = json.loads((RESOURCES / "iiif-presentation-3.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)

    def check(data, name=None):
        chosen = validator if name is None else validator.evolve(schema={**schema, "$ref": f"#/$defs/{name}"})
        if name is not None:
            chosen = jsonschema.Draft202012Validator({"$defs": schema["$defs"], "$ref": f"#/$defs/{name}"})
        chosen.validate(data)

    return check
