"""Opens pages of PDFs: the scan that a page consists of as it was put in, anything else drawn at its own resolution.

A page that shows one image and nothing else gives that image, pixel by pixel; invisible text, which text recognition
leaves behind, does not count. Pages of several images (a picture behind a mask, a library's mark in a corner) and of
type or lines are drawn, so that the image with most pixels keeps them, or at ``DRAWN_DPI`` where there is no image.
"""

from __future__ import annotations

import mmap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from tablesim.errors import MissingExtraError, ScanError
from tablesim.scans.locator import Locator, check_pixels, index_of_page, looks_like

DRAWN_DPI = 300.0
"""Resolution of pages without an image: digits of 8 points are 33 pixels high."""

HIGHEST_DPI = 1200.0
"""Resolution at most at which a page is drawn: 8-point type is then 130 pixels high, more than any reader needs."""
_POINTS_PER_INCH = 72.0
_SKEW = 0.01
"""An image whose sides run askew by no more than this share of their length counts as upright."""

_OPAQUE = 250
"""Of 255: what is less opaque shows the paper, so that an image alone is not the page."""
MAX_PAGES = 20_000
"""PDFium opens a page in 2 microseconds for each page of its file: 20,000 in 13 minutes, a million in 23 days."""
_TRUSTED_PAGES = 100
"""So many pages that a PDF says it has, and that are not there, are taken for damaged ones; more are a wrong count."""

# PDFium holds its state in global variables.
_LOCK = threading.Lock()


def count_pages(path: Path) -> int:
    """How many pages a PDF has; ScanError for too many and what cannot be opened, MissingExtraError without PDFium."""
    with _opened(path) as document:
        count = _count_what_is_there(document)
    _check_count(path, count)
    return count


def open_page(path: Path, number: int, max_pixels: int) -> Image.Image:
    """Page ``number``, from 1, as an image in mode L or RGB; 0 stands for the only page of a file.

    Raises
    ------
    ScanError
        The file is no PDF, is damaged or locked, has no such page, or the page has more than ``max_pixels``.
    MissingExtraError
        Without pypdfium2.
    """
    with _opened(path) as document:
        if not number:
            _check_count(path, len(document))
        index = index_of_page(Locator(path, number), len(document), "PDF")
        return _image_of(document[index], Locator(path, index + 1), max_pixels)


def image_to_page(where: Locator, size: tuple[int, int]) -> tuple[float, ...]:
    """The matrix that takes pixels of a page's image to the user space of its PDF (PDF 32000-1, 8.3.2).

    Parameters
    ----------
    where : Locator
        A page of a PDF.
    size : tuple of int
        Width and height of its image in pixels, as ``open_page`` gives it.

    Returns
    -------
    tuple of 6 floats
        a, b, c, d, e, f of x' = a x + c y + e, y' = b x + d y + f: x, y in pixels from the top left, x', y' in units of
        the page, which are points where it has no UserUnit, y' upwards. Turns, flips and crop boxes are in it.

    Raises
    ------
    ScanError, MissingExtraError
        As ``open_page``.
    """
    with _opened(where.file) as document:
        page = document[index_of_page(where, len(document), "PDF")]
        image, _ = _only_image(page)
        if image is None:
            left, bottom, right, top = page.get_bbox()
            corners = [(x, y) for x in (left, right) for y in (bottom, top)]
        else:
            a, b, c, d, e, f = image.get_matrix().get()
            corners = [(a * u + c * v + e, b * u + d * v + f) for u in (0, 1) for v in (0, 1)]
        rotation = page.get_rotation()

    def seen(corner: tuple[float, float]) -> tuple[float, float]:
        """Where a corner lies on the page as it is seen, y upwards."""
        for _ in range(rotation // 90):
            corner = corner[1], -corner[0]
        return corner

    top_left = min(corners, key=lambda corner: seen(corner)[0] - seen(corner)[1])
    top_right = max(corners, key=lambda corner: seen(corner)[0] + seen(corner)[1])
    bottom_left = min(corners, key=lambda corner: seen(corner)[0] + seen(corner)[1])
    across = [(end - start) / size[0] for start, end in zip(top_left, top_right, strict=True)]
    down = [(end - start) / size[1] for start, end in zip(top_left, bottom_left, strict=True)]
    return (*across, *down, *top_left)


def _check_count(path: Path, count: int) -> None:
    if count > MAX_PAGES:
        raise ScanError(f"{Locator(path)}: {count:,} pages in one PDF, more than {MAX_PAGES:,}; split the file")


def _count_what_is_there(document: Any) -> int:
    """The number of pages that a PDF says it has; where far fewer are there, those and one that will say so."""
    stated = len(document)
    if stated <= _TRUSTED_PAGES or _is_there(document, stated - 1):
        return stated
    # By bisection: the last page that is there, and the first that is not.
    last, missing = -1, stated - 1
    while missing - last > 1:
        middle = (last + missing) // 2
        last, missing = (middle, missing) if _is_there(document, middle) else (last, middle)
    # A few broken pages at the end of a book are pages all the same.
    return stated if stated - missing <= _TRUSTED_PAGES else missing + 1


def _is_there(document: Any, index: int) -> bool:
    import pypdfium2

    try:
        document[index].close()
    except pypdfium2.PdfiumError:
        return False
    return True


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        import pypdfium2
    except ImportError as error:
        raise MissingExtraError(f"{Locator(path)}: reading PDFs", "scans") from error
    with _LOCK:
        try:
            with pypdfium2.PdfDocument(path) as document:
                yield document
        except pypdfium2.PdfiumError as error:
            raise ScanError(f"{Locator(path)}: {_reason(path)}") from error
        except FileNotFoundError as error:
            raise ScanError(f"{Locator(path)}: there is no such file; check the spelling") from error


def _reason(path: Path) -> str:
    """Why a PDF does not open; the file tells, because what PDFium says may be about the file before."""
    if not path.stat().st_size:
        return "the file is empty (0 bytes); fetch it again"
    kind = looks_like(path)
    if kind != "a PDF":
        beginning = f"it begins like {kind}" if kind else "its first bytes say nothing"
        return f"not a PDF ({beginning}); give the file the ending of what it is"
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        locked = data.find(b"/Encrypt") >= 0 and data.find(b"%%EOF") >= 0
    if locked:
        return "the PDF is locked with a password, or damaged; save a copy without a password"
    return "the PDF is damaged, cut off or without pages; fetch it again"


def _image_of(page: Any, where: Locator, max_pixels: int) -> Image.Image:
    # Before anything of the page is decoded or drawn.
    for image in _images(page):
        check_pixels(where, image.get_px_size(), max_pixels, "page")
    image, turns = _only_image(page)
    if image is not None:
        picture: Image.Image = image.get_bitmap().to_pil()
        for turn in turns:
            picture = picture.transpose(turn)
        return picture if picture.mode == "L" else picture.convert("RGB")
    scale = _resolution(page) / _POINTS_PER_INCH
    check_pixels(where, (round(page.get_width() * scale), round(page.get_height() * scale)), max_pixels, "page")
    drawn: Image.Image = page.render(scale=scale, draw_annots=False).to_pil()
    return drawn.convert("RGB")


def _images(page: Any) -> list[Any]:
    """The images on a page and in the forms on it."""
    import pypdfium2.raw as pdfium

    return list(page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE]))


def _only_image(page: Any) -> tuple[Any, tuple[Image.Transpose, ...]]:
    """The image that is all a page shows, and what sets it upright; None where there is more, or it is cut, masked."""
    import pypdfium2.raw as pdfium

    shown = []
    for item in page.get_objects(max_depth=1):
        is_hidden = item.type == pdfium.FPDF_PAGEOBJ_TEXT and (
            pdfium.FPDFTextObj_GetTextRenderMode(item) == pdfium.FPDF_TEXTRENDERMODE_INVISIBLE
        )
        if not is_hidden:
            shown.append(item)
        if len(shown) > 1:
            return None, ()
    if not shown or shown[0].type != pdfium.FPDF_PAGEOBJ_IMAGE:
        return None, ()
    image = shown[0]
    if not _lies_within(image.get_bounds(), page) or _is_masked(image):
        return None, ()
    if image.get_metadata().colorspace == pdfium.FPDF_COLORSPACE_UNKNOWN:
        return None, ()  # a stencil, painted in a colour that stands elsewhere
    turns = _turns(image.get_matrix().get(), page.get_rotation())
    return (image, turns) if turns is not None else (None, ())


def _is_masked(image: Any) -> bool:
    """Whether the page shows through an image; PDFium tells only when it draws, which it does here in small."""
    drawn = image.get_bitmap(render=True, scale_to_original=False).to_numpy()
    # The outermost pixels are half inside the image in any case.
    return drawn.ndim == 3 and drawn.shape[2] == 4 and bool((drawn[2:-2, 2:-2, 3] < _OPAQUE).any())


def _lies_within(bounds: tuple[float, float, float, float], page: Any) -> bool:
    """Whether what a page shows holds the whole image, but for a hair: a crop box may cut margins off."""
    left, bottom, right, top = page.get_bbox()
    hair = 0.005 * max(right - left, top - bottom)
    return bool(
        bounds[0] >= left - hair
        and bounds[1] >= bottom - hair
        and bounds[2] <= right + hair
        and bounds[3] <= top + hair
    )


def _turns(matrix: tuple[float, ...], rotation: int) -> tuple[Image.Transpose, ...] | None:
    """What brings an image's rows upright on the page that is seen; None where it lies askew.

    ``matrix`` takes the image's right and up, each one unit, to the page, y upwards (PDF 32000-1, 8.9.5); the page is
    then turned clockwise by ``rotation`` degrees.
    """
    right, up = (matrix[0], matrix[1]), (matrix[2], matrix[3])
    for _ in range(rotation // 90):
        right, up = (right[1], -right[0]), (up[1], -up[0])
    turns: list[Image.Transpose] = []
    if abs(right[0]) < abs(right[1]):
        # Lying on its side: a quarter turn to the left brings its right to the top and its top to the left.
        turns.append(Image.Transpose.ROTATE_90)
        right, up = (-up[0], -up[1]), right
    size = abs(right[0]), abs(up[1])
    if abs(right[1]) > _SKEW * size[0] or abs(up[0]) > _SKEW * size[1]:
        return None
    if right[0] < 0:
        turns.append(Image.Transpose.FLIP_LEFT_RIGHT)
    if up[1] < 0:
        turns.append(Image.Transpose.FLIP_TOP_BOTTOM)
    return tuple(turns)


def _resolution(page: Any) -> float:
    """Dots an inch at which the image with most pixels keeps them."""
    images = _images(page)
    if not images:
        return DRAWN_DPI
    largest = max(images, key=lambda image: image.get_px_size()[0] * image.get_px_size()[1])
    metadata = largest.get_metadata()
    dpi = max(metadata.horizontal_dpi, metadata.vertical_dpi)
    return min(dpi, HIGHEST_DPI) if dpi > _POINTS_PER_INCH else DRAWN_DPI
