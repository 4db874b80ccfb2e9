"""Pages of PDFs: the scan as it was put in where a page is one image, drawn at its resolution where it is not."""

import io

import numpy as np
import pytest
from PIL import Image

from tablesim.errors import MissingExtraError, ScanError
from tablesim.scans import pdf
from tablesim.scans.images import load_scan
from tablesim.scans.locator import Locator
from tablesim.scans.sources import find_scans, name_pages

pdfium = pytest.importorskip("pypdfium2")


def texture(width=120, height=90, seed=0):
    """A picture on which every turn and every resampling shows."""
    grey = np.random.default_rng(seed).integers(0, 256, (height, width)).astype(np.uint8)
    grey[: height // 3, : width // 4] = 0
    return grey


def write_pdf(path, *contents, resources=b"", objects=(), rotate=0, box=(0, 0, 240, 180)):
    """A PDF with a page for each content stream; ``objects`` are numbered from 10."""
    pages = [4 + 2 * at for at in range(len(contents))]
    found = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(b"%d 0 R" % page for page in pages), len(pages)),
    }
    for page, content in zip(pages, contents, strict=True):
        edges = b" ".join(b"%d" % edge for edge in box)
        head = b"<< /Type /Page /Parent 2 0 R /MediaBox [%s] /Rotate %d /Contents %d 0 R" % (edges, rotate, page + 1)
        found[page] = head + b" /Resources << %s >> >>" % resources
        found[page + 1] = stream(b"", content)
    found |= dict(enumerate(objects, 40))
    out = b"%PDF-1.5\n"
    for number, data in found.items():
        out += b"%d 0 obj\n%s\nendobj\n" % (number, data)
    path.write_bytes(out + b"trailer << /Root 1 0 R /Size 99 >>\n%%EOF\n")
    return path


def stream(head, data):
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (head, len(data), data)


def image(grey, more=b""):
    size = b"/Width %d /Height %d" % grey.shape[::-1]
    head = b"/Type /XObject /Subtype /Image /ColorSpace /DeviceGray /BitsPerComponent 8 " + size + b" " + more
    return stream(head, grey.tobytes())


IMAGE = b"/XObject << /I 40 0 R /J 41 0 R >> /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>"


@pytest.mark.parametrize(
    ("matrix", "rotate", "turn"),
    [
        (b"240 0 0 180 0 0", 0, lambda grey: grey),
        (b"120 0 0 90 40 30", 0, lambda grey: grey),
        (b"240 0 0 -180 0 180", 0, np.flipud),
        (b"-240 0 0 180 240 0", 0, np.fliplr),
        (b"-240 0 0 -180 240 180", 0, lambda grey: np.rot90(grey, 2)),
        (b"0 180 -240 0 240 0", 0, lambda grey: np.rot90(grey, 1)),
        (b"0 -180 240 0 0 180", 0, lambda grey: np.rot90(grey, -1)),
        (b"0 180 240 0 0 0", 0, lambda grey: np.fliplr(np.rot90(grey, 1))),
        (b"240 0 0 180 0 0", 90, lambda grey: np.rot90(grey, -1)),
        (b"240 0 0 180 0 0", 180, lambda grey: np.rot90(grey, 2)),
        (b"0 180 -240 0 240 0", 90, lambda grey: grey),
    ],
)
def test_a_page_of_one_image_is_that_image_upright_pixel_by_pixel(tmp_path, matrix, rotate, turn):
    grey = texture()
    write_pdf(tmp_path / "b.pdf", b"q %s cm /I Do Q" % matrix, resources=IMAGE, objects=[image(grey)], rotate=rotate)
    assert np.array_equal(load_scan(tmp_path / "b.pdf#1").grey, turn(grey))
    # The page as PDFium draws it lies the same way.
    with pdfium.PdfDocument(tmp_path / "b.pdf") as document:
        drawn = np.asarray(document[0].render(scale=0.5).to_pil().convert("L")).astype(float)
    if matrix.startswith(b"120"):
        return
    small = Image.fromarray(turn(grey)).resize(drawn.shape[::-1], Image.Resampling.BOX)
    assert np.corrcoef(np.asarray(small).ravel(), drawn.ravel())[0, 1] > 0.9


def test_a_jpeg_is_decoded_as_the_file_would_be(tmp_path):
    data = io.BytesIO()
    Image.fromarray(texture()).convert("RGB").save(data, "JPEG", quality=90)
    (tmp_path / "p.jpg").write_bytes(data.getvalue())
    head = b"/Type /XObject /Subtype /Image /ColorSpace /DeviceRGB /BitsPerComponent 8 /Width 120 /Height 90 "
    embedded = stream(head + b"/Filter /DCTDecode", data.getvalue())
    write_pdf(tmp_path / "b.pdf", b"q 240 0 0 180 0 0 cm /I Do Q", resources=IMAGE, objects=[embedded])
    assert np.array_equal(load_scan(tmp_path / "b.pdf").grey, load_scan(tmp_path / "p.jpg").grey)


def test_text_that_nobody_sees_does_not_count(tmp_path):
    grey = texture()
    seen, unseen = (b"q 240 0 0 180 0 0 cm /I Do Q BT /F 30 Tf %d Tr 5 5 Td (words) Tj ET" % mode for mode in (0, 3))
    write_pdf(tmp_path / "b.pdf", seen, unseen, resources=IMAGE, objects=[image(grey)])
    assert np.array_equal(load_scan(tmp_path / "b.pdf#2").grey, grey)
    assert not np.array_equal(load_scan(tmp_path / "b.pdf#1").grey, grey)


@pytest.mark.parametrize(
    ("content", "more"),
    [
        (b"q 240 0 0 180 0 0 cm /I Do Q q 20 0 0 20 5 5 cm /J Do Q", b""),  # a library's mark in the corner
        (b"q 240 0 0 180 0 0 cm /I Do Q", b"/SMask 41 0 R"),  # ink through a mask
        (b"q 480 0 0 180 -240 0 cm /I Do Q", b""),  # cut by the edge of the page
        (b"q 230 20 -20 170 10 0 cm /I Do Q", b""),  # askew
        (b"q /J Do Q", b""),  # inside a form
    ],
)
def test_other_pages_are_drawn_at_the_resolution_of_their_largest_image(tmp_path, content, more):
    mark = image(np.full((4, 4), 99, np.uint8))
    if b"J Do" in content and b"I Do" not in content:
        head = b"/Type /XObject /Subtype /Form /BBox [0 0 240 180] /Resources << /XObject << /I 40 0 R >> >>"
        mark = stream(head, b"q 240 0 0 180 0 0 cm /I Do Q")
    write_pdf(tmp_path / "b.pdf", content, resources=IMAGE, objects=[image(texture(480, 360), more), mark])
    grey = load_scan(tmp_path / "b.pdf").grey
    # 480 x 360 pixels on 240 x 180 points: two pixels a point, give or take the image that lies askew.
    assert abs(grey.shape[1] - 480) <= 24
    assert abs(grey.shape[0] / grey.shape[1] - 0.75) < 0.02
    assert grey.std() > 5
    # Drawn pixel upon pixel, the image inside the form is itself; the others show something else beside or through it.
    alone = grey.shape == (360, 480) and np.array_equal(grey, texture(480, 360))
    assert alone == content.startswith(b"q /J")


def test_a_stencil_has_the_colour_it_is_painted_in(tmp_path):
    ink = np.zeros((90, 120), bool)
    ink[20:40, 10:100] = True
    head = b"/Type /XObject /Subtype /Image /ImageMask true /BitsPerComponent 1 /Width 120 /Height 90"
    # A sample of 0 is painted, here in black.
    stencil = stream(head, np.packbits(~ink, axis=1).tobytes())
    content = b"q 0 g 60 0 0 45 0 0 cm /I Do Q"
    write_pdf(tmp_path / "b.pdf", content, resources=IMAGE, objects=[stencil], box=(0, 0, 60, 45))
    grey = load_scan(tmp_path / "b.pdf").grey
    assert grey.shape == (90, 120)
    assert np.abs(grey.astype(int) - np.where(ink, 0, 255)).mean() < 3


def test_one_bit_and_inverted_images_are_as_they_are_seen(tmp_path):
    ink = texture() < 100
    head = b"/Type /XObject /Subtype /Image /ColorSpace /DeviceGray /BitsPerComponent 1 /Width 120 /Height 90"
    for name, more, bits in (("plain", b"", ~ink), ("inverted", b" /Decode [1 0]", ink)):
        packed = stream(head + more, np.packbits(bits, axis=1).tobytes())
        write_pdf(tmp_path / f"{name}.pdf", b"q 240 0 0 180 0 0 cm /I Do Q", resources=IMAGE, objects=[packed])
        assert np.array_equal(load_scan(tmp_path / f"{name}.pdf").grey, np.where(ink, 0, 255)), name


def test_a_page_without_an_image_is_drawn_at_300_dots_an_inch(tmp_path):
    write_pdf(tmp_path / "b.pdf", b"BT /F 20 Tf 20 60 Td (0 24 48) Tj ET", resources=IMAGE)
    grey = load_scan(tmp_path / "b.pdf").grey
    assert abs(np.array(grey.shape) - (750, 1000)).max() <= 1
    assert grey.min() < 50 < 250 < np.median(grey)


def test_pages_are_found_and_named_and_out_of_range_is_told(tmp_path):
    write_pdf(tmp_path / "book.pdf", *[b"0 0 m 9 9 l S"] * 3)
    assert list(name_pages(find_scans(tmp_path))) == ["book_p0001", "book_p0002", "book_p0003"]
    assert pdf.count_pages(tmp_path / "book.pdf") == 3
    with pytest.raises(ScanError, match=r"book\.pdf#4: the PDF has 3 pages"):
        load_scan(tmp_path / "book.pdf#4")
    with pytest.raises(ScanError, match=r"has 3 pages; name one of them, such as .*book\.pdf#1"):
        load_scan(tmp_path / "book.pdf")


def test_without_the_extra_it_says_what_to_install(tmp_path, monkeypatch):
    write_pdf(tmp_path / "book.pdf", b"")
    monkeypatch.setitem(__import__("sys").modules, "pypdfium2", None)
    assert [str(place) for place in find_scans(tmp_path)] == [str(tmp_path / "book.pdf")]
    with pytest.raises(MissingExtraError, match=r"book\.pdf: reading PDFs needs .*tablesim\[scans\]"):
        load_scan(tmp_path / "book.pdf")


def test_a_count_that_is_no_count_is_bounded_by_what_is_there(tmp_path):
    page = b"q 240 0 0 180 0 0 cm /I Do Q"
    data = write_pdf(tmp_path / "b.pdf", page, page, page, resources=IMAGE, objects=[image(texture())]).read_bytes()
    (tmp_path / "b.pdf").write_bytes(data.replace(b"/Count 3", b"/Count 999999"))
    places = find_scans(tmp_path)
    # The page that is not there says so, once.
    assert [place.number for place in places] == [1, 2, 3, 4]
    assert [load_scan(place).width for place in places[:3]] == [120, 120, 120]
    with pytest.raises(ScanError, match=r"b\.pdf"):
        load_scan(places[3])


def test_a_file_of_more_pages_than_can_be_opened_one_by_one_is_one_problem(tmp_path, monkeypatch):
    path = tmp_path / "shelf.pdf"
    write_pdf(path, b"", b"", b"")
    monkeypatch.setattr(pdf, "MAX_PAGES", 2)
    monkeypatch.setattr("sys.executable", "")  # opened in this process, where the limit is another one
    assert [place.number for place in find_scans(path)] == [0]
    with pytest.raises(ScanError, match=r"shelf\.pdf: 3 pages in one PDF, more than 2; split the file"):
        load_scan(path)
    assert load_scan(Locator(path, 3)).width


def test_damaged_pages_at_the_end_of_a_book_are_pages(tmp_path):
    page = b"q 240 0 0 180 0 0 cm /I Do Q"
    data = write_pdf(tmp_path / "b.pdf", *[page] * 120, resources=IMAGE, objects=[image(texture())]).read_bytes()
    (tmp_path / "b.pdf").write_bytes(data.replace(b"/Count 120", b"/Count 130"))
    assert len(find_scans(tmp_path)) == 130


def test_places_are_in_the_units_of_the_page_whatever_these_are(tmp_path):
    content = b"q 120 0 0 90 40 30 cm /I Do Q"
    path = write_pdf(tmp_path / "b.pdf", content, resources=IMAGE, objects=[image(texture())])
    before, pixels = pdf.image_to_page(Locator(path, 1), (120, 90)), load_scan(path).grey
    path.write_bytes(path.read_bytes().replace(b"/MediaBox", b"/UserUnit 2.5/MediaBox"))
    assert pdf.image_to_page(Locator(path, 1), (120, 90)) == before == (1, 0, 0, -1, 40, 120)
    np.testing.assert_array_equal(load_scan(path).grey, pixels)


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("box", [(0, 0, 240, 180), (-20, 10, 250, 170)])
@pytest.mark.parametrize(
    "content",
    [
        b"q 240 0 0 180 0 0 cm /I Do Q",
        b"q 120 0 0 90 40 30 cm /I Do Q",
        b"q 240 0 0 -180 0 180 cm /I Do Q",
        b"q 0 180 -240 0 240 0 cm /I Do Q",
        b"q 0 120 160 0 20 20 cm /I Do Q",
        b"q 120 0 0 90 40 30 cm /I Do Q 0.9 g 5 20 4 4 re f",
    ],
)
def test_pixels_of_the_image_are_places_on_the_page(tmp_path, rotate, box, content):
    spot = np.full((90, 120), 255, np.uint8)
    spot[20:26, 30:36] = 0
    path = write_pdf(tmp_path / "b.pdf", content, resources=IMAGE, objects=[image(spot)], rotate=rotate, box=box)
    read = load_scan(path)
    a, b, c, d, e, f = pdf.image_to_page(Locator(path, 1), (read.width, read.height))
    y, x = (np.flatnonzero((read.grey < 128).any(axis=axis)).mean() + 0.5 for axis in (1, 0))
    ours = a * x + c * y + e, b * x + d * y + f
    # What PDFium says of the spot where it draws it.
    with pdfium.PdfDocument(path) as document:
        page = document[0]
        drawn = np.asarray(page.render(scale=4).to_pil().convert("L"))
        down, across = (np.flatnonzero((drawn < 128).any(axis=axis)).mean() + 0.5 for axis in (1, 0))
        left, bottom, right, top = page.get_bbox()
        u, v = across / drawn.shape[1], down / drawn.shape[0]
        u, v = {0: (u, 1 - v), 90: (v, u), 180: (1 - u, v), 270: (1 - v, 1 - u)}[rotate]
        theirs = left + u * (right - left), bottom + v * (top - bottom)
    assert ours == pytest.approx(theirs, abs=1.0)
