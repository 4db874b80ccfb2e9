"""PDFs that PDFium never comes to an end with, or crashes on, are problems of one page; everything else stays quick."""

import multiprocessing
import os

import numpy as np
import pytest
from PIL import Image

from scans.test_pdf import IMAGE, image, stream, texture, write_pdf
from tablesim.errors import ScanError
from tablesim.scans import pdf, pdf_apart
from tablesim.scans.images import load_scan
from tablesim.scans.locator import Locator

pytest.importorskip("pypdfium2")

FORM = b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] "
ENDLESS = {
    "a form that draws itself": (
        [stream(FORM + b"/Resources << /XObject << /F 40 0 R >> >>", b"/F Do /F Do")],
        b"/F Do",
    ),
    "forms that draw forms": (
        [
            stream(FORM + b"/Resources << /XObject << /F %d 0 R >> >>" % at, b"/F Do /F Do /F Do /F Do")
            for at in range(41, 65)
        ],
        b"/F Do",
    ),
    "a pattern of tiny steps": (
        [
            stream(
                b"/Type /Pattern /PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 10 10] /XStep 0.0001 "
                b"/YStep 0.0001 /Resources << >>",
                b"0 0 5 5 re f",
            )
        ],
        b"/Pattern cs /P scn 0 0 200 150 re f",
    ),
}
RESOURCES = b"/XObject << /F 40 0 R >> /Pattern << /P 40 0 R >>"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(pdf_apart, "PATIENCE", 0.3)
    monkeypatch.setattr(pdf_apart, "_slow", type(pdf_apart._slow)())


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_page_that_is_drawn_for_ever_is_a_problem_of_its_own(kind, tmp_path):
    objects, content = ENDLESS[kind]
    path = write_pdf(tmp_path / "b.pdf", content, b"", resources=RESOURCES, objects=objects)
    with pytest.raises(ScanError, match=r"b\.pdf#1: opening it took more than 0.3 s of a core; .*save the page as an"):
        load_scan(Locator(path, 1))
    assert load_scan(Locator(path, 2)).width > 900


def test_a_file_of_such_pages_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(pdf_apart, "_SLOW_PAGES", 1)
    objects, content = ENDLESS["a form that draws itself"]
    path = write_pdf(tmp_path / "b.pdf", content, content, resources=RESOURCES, objects=objects)
    with pytest.raises(ScanError, match="opening it took more"):
        load_scan(Locator(path, 1))
    with pytest.raises(
        ScanError, match=r"b\.pdf#2: not opened, as PDFium took too long with others of this file \(1\)"
    ):
        load_scan(Locator(path, 2))


def test_a_crash_is_a_problem_of_its_page(tmp_path):
    path = write_pdf(tmp_path / "b.pdf", b"")
    pdf_apart.open_page(path, 1, 10**8)
    os.kill(pdf_apart._beside._process.pid, 11)
    with pytest.raises(ScanError, match=r"b\.pdf#1: PDFium crashed on it \(exit code -11\)"):
        load_scan(Locator(path, 1))
    assert load_scan(Locator(path, 1)).width > 900


def test_pages_are_the_same_as_when_they_are_opened_here(tmp_path):
    page = b"q 240 0 0 180 0 0 cm /I Do Q"
    path = write_pdf(
        tmp_path / "b.pdf", page, b"1 0 0 rg 20 20 50 50 re f", resources=IMAGE, objects=[image(texture())]
    )
    for number in (1, 2):
        here, apart = pdf.open_page(path, number, 10**8), pdf_apart.open_page(path, number, 10**8)
        assert isinstance(apart, Image.Image) and apart.mode == here.mode
        assert np.array_equal(np.asarray(here), np.asarray(apart))
    with pytest.raises(ScanError, match=r"none\.pdf: there is no such file"):
        pdf_apart.open_page(tmp_path / "none.pdf", 1, 10**8)


def width_of(path):
    return load_scan(Locator(path, 1)).width


def test_a_process_that_is_forked_has_one_of_its_own(tmp_path):
    path = write_pdf(tmp_path / "b.pdf", b"")
    assert width_of(path) == 1001
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(width_of, [path] * 4) == [1001] * 4
    assert width_of(path) == 1001
