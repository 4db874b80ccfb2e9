"""Opens scans: from a file, or a page of one, to upright grey pixels, or to one clear error."""

from __future__ import annotations

import os
import stat
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from tablesim.errors import MissingExtraError, ScanError
from tablesim.language import stored
from tablesim.scans import pdf_apart, tiff
from tablesim.scans.formats import FORMATS, formats_of, frame_of_page
from tablesim.scans.locator import (
    ANIMATED_SUFFIXES,
    PDF_SUFFIXES,
    TIFF_SUFFIXES,
    Locator,
    check_pixels,
    looks_like,
    path_in_writing,
    state_of,
)
from tablesim.scans.locator import page_id as page_id

MAX_PIXELS = 200_000_000
"""Largest scan that is opened unasked: about 14,000 x 14,000 pixels."""

SMALLEST_SIDE = 16
"""Scans with a shorter side hold nothing to read."""

DECODER_ERRORS = (
    *(ArithmeticError, EOFError, LookupError, OSError, RuntimeError, SyntaxError, TypeError, ValueError),
    *(MemoryError, struct.error, zlib.error),
)
"""What decoders raise over bytes that make no sense."""

_ODDEST_PIXEL, _SQUARE_ENOUGH = 3.0, 0.02
"""Sides of a pixel are at most so unlike, in faxes 2; a lesser difference is one of rounding."""

_REMEDIES = {
    "a PDF": "give the file the ending .pdf",
    # One that Pillow can decode is damaged, as of any kind.
    **({} if "AVIF" in FORMATS else {"an AVIF image": "install Pillow 11.3 or newer (pip install -U pillow)"}),
    **dict.fromkeys(("PostScript", "a DjVu file"), "save it as PDF, PNG or TIFF"),
    "a pointer of Git LFS": "fetch the image itself: git lfs pull",
}

_ORIENTATION, _LYING = 0x0112, (5, 6, 7, 8)
"""The tag of EXIF and TIFF for how the image lies, and its values for a quarter turn."""

_PILLOW_LIMIT = threading.Lock()
_WIDE_LEVELS = (255.0, 1023.0, 4095.0, 16383.0, 65535.0)


@dataclass(frozen=True)
class Scan:
    """A scan in memory.

    Parameters
    ----------
    path : Path
        Where it came from, in writing: ``book.pdf#12`` for a page of a PDF or TIFF.
    sha256 : str
        Hash of the bytes that were decoded, for a page of many with its number; 64 hexadecimal digits.
    grey : uint8 array of shape (height, width)
        0 black, 255 white, after EXIF orientation.
    aspect : float
        Width of a pixel over its height, as the file says; 1 where it does not.
    """

    path: Path
    sha256: str
    grey: NDArray[np.uint8]
    aspect: float = 1.0

    @property
    def width(self) -> int:
        """In pixels."""
        return int(self.grey.shape[1])

    @property
    def height(self) -> int:
        """In pixels."""
        return int(self.grey.shape[0])


def load_scan(where: str | Path | Locator, max_pixels: int = MAX_PIXELS) -> Scan:
    """Open a scan as grey pixels.

    Parameters
    ----------
    where : str, Path or Locator
        An image of one of ``formats.FORMATS``, in any colour mode; HEIC and JPEG XL with their extras; a page of a PDF,
        of a TIFF with several or of an animation, as ``book.pdf#12``.
    max_pixels : int
        Larger images are refused before they are decoded.

    Returns
    -------
    Scan
        Grey levels as printed on paper: transparency counts as white, images of more bits are scaled to 8.

    Raises
    ------
    ScanError
        The file is missing, empty, truncated, not an image, larger than ``max_pixels``, or was changed meanwhile; the
        message names the file.
    MissingExtraError
        A PDF without pypdfium2, HEIC or JPEG XL without their extras, or one of the rare TIFFs that need tifffile.
    """
    locator = Locator.of(where)
    before = _check_file(locator)
    image = open_image(locator, max_pixels)
    try:
        sha256, after = locator.sha256(), locator.stat()
    except OSError as error:
        raise ScanError(
            stored("{scan}: cannot be read to its end ({why}); try again", scan=locator, why=error.strerror or error)
        ) from error
    if state_of(before) != state_of(after):
        raise ScanError(
            stored(
                "{scan}: the file was replaced or written to while it was read; give the same command again",
                scan=locator,
            )
        )
    grey = np.asarray(image if image.mode == "L" else image.convert("L"), dtype=np.uint8)
    return Scan(Path(str(locator)), sha256, grey, _pixel_aspect(locator))


def _pixel_aspect(locator: Locator) -> float:
    """Width of a pixel over its height, by the resolutions that the file names; 1 where it names none, or odd ones."""
    file = locator.file
    if file.suffix.lower() in PDF_SUFFIXES:
        return 1.0
    try:
        with warnings.catch_warnings(), _without_pillow_limit(), file.open("rb") as opened:
            warnings.simplefilter("ignore")
            with Image.open(opened, formats=formats_of(file)) as image:
                if looks_like(file) == "a TIFF image":
                    image.seek(tiff.image_of_page(file, locator.number))
                # Units of JFIF and PNG may be unknown: then the two numbers are a shape alone.
                resolution = image.info.get("aspect") or image.info.get("dpi") or image.info.get("jfif_density")
                across, down = (float(value) for value in resolution or (1, 1))
                lying = image.getexif().get(_ORIENTATION, 1) in _LYING
    except DECODER_ERRORS:
        return 1.0
    aspect = down / across if across > 0 and down > 0 else 1.0
    if not 1 / _ODDEST_PIXEL < aspect < _ODDEST_PIXEL or abs(aspect - 1) < _SQUARE_ENOUGH:
        return 1.0
    return 1 / aspect if lying else aspect


def open_image(
    where: str | Path | Locator, max_pixels: int = MAX_PIXELS, side: int | None = None, least: int = SMALLEST_SIDE
) -> Image.Image:
    """Open a scan as an upright image in mode L or RGB.

    As ``load_scan``; with ``side``, for pictures that are made smaller anyway, a JPEG is decoded no larger than needed
    for a longer side of so many pixels; ``least`` is the length in pixels that each side must have.
    """
    locator = Locator.of(where)
    file = locator.file
    _check_file(locator)
    try:
        if file.suffix.lower() in PDF_SUFFIXES:
            picture = pdf_apart.open_page(file, locator.number, max_pixels)
            _check_size(locator, picture.size, max_pixels, least)
            return picture
        with warnings.catch_warnings():
            # What Pillow says beside an error, or of tags that nobody needs here, is of no use to anybody.
            warnings.simplefilter("ignore")
            return _open(locator, max_pixels, side, least)
    except UnidentifiedImageError as error:
        kind = looks_like(file)
        remedy = _REMEDIES.get(kind, stored("fetch the scan again"))
        raise ScanError(
            stored(
                "{scan}: not an image that can be read (it begins like {kind}); expected JPEG, PNG, TIFF, JPEG 2000 or "
                "WebP; {remedy}",
                scan=locator,
                kind=kind,
                remedy=remedy,
            )
            if kind
            else stored(
                "{scan}: not an image that can be read; expected JPEG, PNG, TIFF, JPEG 2000 or WebP; {remedy}",
                scan=locator,
                remedy=remedy,
            )
        ) from error
    except (ScanError, MissingExtraError):
        raise
    except PermissionError as error:
        raise ScanError(_closed(locator, error)) from error
    except MemoryError as error:
        raise ScanError(
            stored(
                "{scan}: opening it needs more memory than can be had; it is damaged, or too large for this machine: "
                "fetch the scan again, or a smaller one",
                scan=locator,
            )
        ) from error
    except DECODER_ERRORS as error:
        cause = " ".join(str(error).split()) or type(error).__name__
        raise ScanError(
            stored("{scan}: the image is damaged or cut off ({why}); fetch the scan again", scan=locator, why=cause)
        ) from error


def _closed(locator: Locator, error: OSError) -> str:
    return stored("{scan}: cannot be opened ({why}); check the rights to it", scan=locator, why=error.strerror or error)


def size_of(path: Path) -> tuple[int, int]:
    """Width and height of an image file before its orientation is applied; ScanError where it is none."""
    try:
        with warnings.catch_warnings(), _without_pillow_limit(), Image.open(path, formats=formats_of(path)) as image:
            warnings.simplefilter("ignore")
            return image.size
    except DECODER_ERRORS as error:
        raise ScanError(f"{Locator(path)}: not an image that can be read ({error}); fetch the scan again") from error


def _open(locator: Locator, max_pixels: int, side: int | None, least: int) -> Image.Image:
    file, index = locator.file, 0
    if file.suffix.lower() in TIFF_SUFFIXES and looks_like(file) == "a TIFF image":
        index = tiff.image_of_page(file, locator.number)
    elif file.suffix.lower() in ANIMATED_SUFFIXES:
        index = frame_of_page(file, locator.number)
    try:
        # By its name Pillow would map a file into memory, and then turn TIFFs with an orientation into stripes.
        with _without_pillow_limit(), file.open("rb") as opened, Image.open(opened, formats=formats_of(file)) as image:
            if index:
                image.seek(index)
            if not tiff.is_misread(image):
                _check_size(locator, image.size, max_pixels, least)
                if side is not None:
                    image.draft("RGB", (side, side))
                image.load()
                inverted = tiff.is_inverted(image)
                ImageOps.exif_transpose(image, in_place=True)
                return _eight_bits(image, inverted=inverted)
    except (UnidentifiedImageError, SyntaxError):
        if looks_like(file) != "a TIFF image":
            raise
    picture = tiff.decode_with_tifffile(file, index, max_pixels)
    _check_size(locator, picture.size, max_pixels, least)
    return picture


@contextmanager
def _without_pillow_limit() -> Iterator[None]:
    """Lift Pillow's limit of the size of images, which is one for the whole process: ours is checked instead."""
    with _PILLOW_LIMIT:
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _check_file(where: Locator) -> os.stat_result:
    """Size and times of a file that may be opened."""
    try:
        result = where.file.stat()
    except FileNotFoundError as error:
        if where.file.is_symlink():
            target = path_in_writing(where.file.readlink())
            raise ScanError(
                stored(
                    "{scan}: is a link to {target}, which is not there; check where it leads", scan=where, target=target
                )
            ) from error
        raise ScanError(stored("{scan}: there is no such file; check the spelling", scan=where)) from error
    except OSError as error:
        raise ScanError(_closed(where, error)) from error
    if stat.S_ISDIR(result.st_mode):
        raise ScanError(stored("{scan}: is a folder; expected an image file", scan=where))
    if not stat.S_ISREG(result.st_mode):
        raise ScanError(stored("{scan}: is a pipe, a socket or a device; expected an image file", scan=where))
    if not result.st_size:
        raise ScanError(stored("{scan}: the file is empty (0 bytes); fetch the scan again", scan=where))
    return result


def _check_size(where: Locator, size: tuple[int, int], max_pixels: int, least: int) -> None:
    check_pixels(where, size, max_pixels)
    if min(size) < least:
        raise ScanError(
            stored(
                "{scan}: the image is {width} x {height} pixels; a page needs at least {least} on each side",
                scan=where,
                width=size[0],
                height=size[1],
                least=least,
            )
        )


def _eight_bits(image: Image.Image, *, inverted: bool = False) -> Image.Image:
    """The image in mode L or RGB on white paper."""
    if image.mode.startswith("I") or image.mode == "F":
        wide = np.asarray(image)
        largest = float(wide.max())
        if image.mode == "F" and largest <= 1.0:
            top = 1.0
        else:
            # Paper is bright, so the largest value tells how many of the 16 bits the scanner used.
            top = next((level for level in _WIDE_LEVELS if largest <= level), max(largest, 1.0))
        levels = np.clip(wide * np.float32(255.0 / top), 0, 255).astype(np.uint8)
        return Image.fromarray(255 - levels if inverted else levels)
    if image.mode == "LAB":
        return image.getchannel("L")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        flat = Image.new("RGBA", image.size, "white")
        flat.alpha_composite(image.convert("RGBA"))
        image = flat
    elif image.mode in ("1", "L"):
        return image.convert("L")
    return image.convert("RGB")
