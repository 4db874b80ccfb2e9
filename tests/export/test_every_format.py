"""Every export says which software, weights, settings and scans it comes from, and how to cite it."""

import html
import io
import json

import pytest
from corpus.fakes import reading_of, table
from PIL import Image

from tablesim.evidence.collation.collation import collate
from tablesim.evidence.comparison import compare
from tablesim.export.alto import alto
from tablesim.export.dishas import collation_dishas, page_dishas
from tablesim.export.formats import COLLATION_SUFFIXES, collation_files, reading_json
from tablesim.export.iiif import MatchManifest
from tablesim.export.kinds import Dialect, Format
from tablesim.export.page_tei import page_tei
from tablesim.export.page_workbook import page_xlsx
from tablesim.export.pagexml import page_xml
from tablesim.export.run_tables import ONE_FILE
from tablesim.export.spreadsheets import READING_COLUMNS, csv_description
from tablesim.report.citations import CITATION_FORMATS
from tablesim.report.provenance import CitedPage, Provenance

OF_FEW_ROWS = set(COLLATION_SUFFIXES) - {Format.collation_dishas}
"""Those that are written where no cells belong together, too."""

SETTINGS = {"seed": 20261, "note": "<b>&\"'"}
HASHES = {"one": "ab" * 32, "other": "cd" * 32}


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """What each format holds of one page or of two, as plain text, and the pages."""
    folder = tmp_path_factory.mktemp("exports")
    readings = {}
    for name in HASHES:
        scan = folder / f"{name}.png"
        Image.new("L", (100, 80), 200).save(scan)
        readings[name] = reading_of(name, [row[:2] for row in table(3, n_rows=4)], scan=str(scan), sha256=HASHES[name])
    pages = tuple(
        CitedPage(name, readings[name].scan, sha256, f"Author of {name}, 1593", f"hdl/{name}")
        for name, sha256 in HASHES.items()
    )
    made = Provenance("0.1.0", "f" * 64, SETTINGS, "2026-11-24T10:00:00Z", pages)
    of_one = made.only(["one"])
    one, other = readings.values()
    collation = collate(one, other)
    longer = [
        reading_of(name, table(3, n_rows=12), scan=reading.scan, sha256=HASHES[name])
        for name, reading in readings.items()
    ]
    linked = MatchManifest.of(compare(one, other, top=0), made)
    of_a_page = {
        Format.page_xml: page_xml(one, of_one),
        Format.transkribus: page_xml(one, of_one, Dialect.transkribus),
        Format.alto: alto(one, of_one),
        Format.json: reading_json(one, of_one),
        Format.page_tei: page_tei(one, of_one),
        Format.dishas: page_dishas(one, of_one),
        Format.xlsx: _cells(page_xlsx(one, of_one)),
        Format.csv: csv_description("one.csv", READING_COLUMNS, of_one),
    }
    of_two = {
        Format.iiif: json.dumps(linked.manifest()).encode(),
        "two targets": json.dumps(linked.links()).encode(),
        **{form: list(collation_files(collation, form, made).values())[-1] for form in OF_FEW_ROWS},
        Format.collation_dishas: collation_dishas(collate(*longer), made),
    }
    of_two[Format.collation_xlsx] = _cells(of_two[Format.collation_xlsx])
    return {what: (plain(data), ["one"]) for what, data in of_a_page.items()} | {
        what: (plain(data), list(HASHES)) for what, data in of_two.items()
    }


def _cells(workbook):
    openpyxl = pytest.importorskip("openpyxl", reason="workbooks need openpyxl, the extra [xlsx]")
    about = openpyxl.load_workbook(io.BytesIO(workbook))["about"]
    return "\n".join(str(cell) for row in about.iter_rows(values_only=True) for cell in row).encode()


def plain(data):
    """Text on one line, without what XML and JSON put before quotation marks, however often one lies in the other."""
    return " ".join(html.unescape(data.decode()).replace("\\", "").split())


BARE = {Format.csv_grid, *ONE_FILE, *(form for form in Format if form.value in CITATION_FORMATS)}
"""What is the table and nothing else, to be read by any program, and what is a citation itself."""


@pytest.mark.parametrize("what", [*(form for form in Format if form not in BARE), "two targets"], ids=str)
def test_every_format_carries_provenance_and_citation(exports, what):
    text, pages = exports[what]
    for page in pages:
        assert f"Author of {page}, 1593, page {page}, hdl/{page} (scan SHA-256 {HASHES[page][:16]})." in text
        assert HASHES[page] in text
    assert "Numbers read by tablesim 0.1.0 (digit network ffffffffffff), exported 2026-11-24." in text
    assert "f" * 64 in text
    for name, value in SETTINGS.items():
        assert plain(f'"{name}": {json.dumps(value)}'.encode()) in text
