"""Inputs that are wrong on purpose (tests/resources/bad): each ends in one clear line, and nothing else is lost."""

from pathlib import Path

import pytest
from PIL import Image

from tablesim.errors import MetadataError, ScanError
from tablesim.scans.canvases import fetch_pages
from tablesim.scans.images import load_scan, open_image
from tablesim.scans.metadata import read_metadata
from tablesim.scans.sources import find_scans
from tablesim.scans.web import Web

BAD = Path(__file__).resolve().parents[1] / "resources" / "bad"

SCANS = {
    "directory_beyond_the_end.tif": "damaged or cut off",
    "empty.jpg": "the file is empty (0 bytes)",
    "enormous.pdf": "60000 x 60000 pixels, more than the limit of 200,000,000",
    "enormous.png": "60000 x 60000 pixels, more than the limit of 200,000,000",
    "enormous.tif": "60000 x 60000 pixels, more than the limit of 200,000,000",
    "jpeg_named.pdf": "not a PDF (it begins like a JPEG image)",
    "locked.pdf": "the PDF is locked with a password",
    "no_pages.pdf": "damaged, cut off or without pages",
    "pdf_named.jpg": "JPEG 2000 or WebP; give the file the ending .pdf",
    "speck.png": "9 x 9 pixels; a page needs at least 16",
    "text.png": "not an image that can be read; expected",
    "truncated.jpg": "damaged or cut off",
    "truncated.pdf": "damaged, cut off or without pages",
    "truncated.tif": "damaged or cut off",
    "web_page.jpg": "it begins like a web page",
}
TABLES = {
    "binary.csv": "this is a binary file",
    "empty.csv": "the file is empty",
    "no_key.csv": "no column names the page; found the columns shelfmark, year; expected one of page_id",
    "no_rows.csv": "only a line of column names",
    "workbook.csv": "this is a workbook or archive",
}
MANIFESTS = {"no_manifest.json": "no IIIF manifest or collection", "web_page.json": "not JSON"}


def test_every_bad_file_is_tested():
    assert {path.name for path in BAD.iterdir()} == {*SCANS, *TABLES, *MANIFESTS}


@pytest.mark.parametrize("name", SCANS)
def test_a_bad_scan_is_refused_in_one_line_that_names_it(name):
    with pytest.raises(ScanError) as caught:
        load_scan(BAD / name)
    message = str(caught.value)
    assert message.startswith(str(BAD / name))
    assert SCANS[name] in message
    assert "\n" not in message
    assert ";" in message, "what to do about it"


@pytest.mark.parametrize("name", TABLES)
def test_a_bad_table_is_refused_in_one_line_that_names_it(name):
    with pytest.raises(MetadataError) as caught:
        read_metadata(BAD / name)
    assert str(caught.value).startswith(str(BAD / name))
    assert TABLES[name] in str(caught.value)


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_bad_manifest_is_a_problem_of_one_line_that_names_it(name, tmp_path):
    (page,) = fetch_pages([str(BAD / name)], Web(tmp_path, offline=True))
    assert page.problem.startswith(str(BAD / name))
    assert MANIFESTS[name] in page.problem


def test_a_folder_of_bad_scans_gives_a_page_for_each():
    assert {place.file.name for place in find_scans(BAD)} == set(SCANS)


def test_the_limit_is_raised_and_not_lifted_and_pillows_own_stays(tmp_path, monkeypatch):
    Image.new("L", (300, 200)).save(tmp_path / "large.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ScanError, match=r"300 x 200 pixels, more than the limit of 59,999; .* --max-pixels"):
        open_image(tmp_path / "large.png", 59_999)
    assert open_image(tmp_path / "large.png", 60_000).size == (300, 200)
    assert Image.MAX_IMAGE_PIXELS == 100
