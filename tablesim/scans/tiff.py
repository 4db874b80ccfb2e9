"""Finds the pages of TIFF files, and decodes by tifffile the few layouts that Pillow refuses or opens wrongly."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, TiffImagePlugin

from tablesim.errors import MissingExtraError, ScanError
from tablesim.scans.locator import Locator, check_pixels, index_of_page, state_of

MAX_IMAGES = 20_000
"""Images that are looked at in one file."""

_NEW_SUBFILE, _OLD_SUBFILE, _BITS, _PHOTOMETRIC, _PLANAR, _SAMPLE_FORMAT = 254, 255, 258, 262, 284, 339
_REDUCED_OR_MASK, _OLD_REDUCED = 0b101, 2
_WHITE_IS_ZERO = 0
_SHORT = 3
_MAX_ENTRIES = 4096
_DAMAGED = "the image is damaged or cut off (a directory of the TIFF); fetch the scan again"


def count_pages(path: Path) -> int:
    """How many pages a TIFF has, reduced copies and masks left out; ScanError where it is damaged or no TIFF."""
    return len(_pages(path))


def image_of_page(path: Path, number: int) -> int:
    """The index, from 0, of page ``number`` among the images of a TIFF; ScanError when there is no such page.

    Number 0 stands for the only page of a file, which need not be its first image: some scanners write a thumbnail
    before it.
    """
    pages = _pages(path)
    return pages[index_of_page(Locator(path, number), len(pages))]


def is_misread(image: Image.Image) -> bool:
    """Whether Pillow gives wrong values for a TIFF: planes apart with more than 8 bits, whole numbers of 32 bits."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return False
    tags = image.tag_v2
    bits, formats = max(tags.get(_BITS, (1,))), set(tags.get(_SAMPLE_FORMAT, (1,)))
    return (bits > 8 and tags.get(_PLANAR, 1) == 2) or (bits == 32 and formats == {1})


def is_inverted(image: Image.Image) -> bool:
    """Whether white is 0 in a TIFF of more than 8 bits; Pillow turns only those of fewer bits itself."""
    return (
        isinstance(image, TiffImagePlugin.TiffImageFile)
        and image.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO
        and (image.mode.startswith("I") or image.mode == "F")
    )


def decode_with_tifffile(path: Path, index: int, max_pixels: int) -> Image.Image:
    """Image ``index`` of a TIFF in 8 bits, grey or colour; transparency is left out.

    Raises
    ------
    MissingExtraError
        Without tifffile.
    ScanError
        The image cannot be decoded, or is larger than ``max_pixels``.
    """
    try:
        import tifffile
    except ImportError as error:
        raise MissingExtraError(f"{Locator(path)}: opening this kind of TIFF", "scans") from error
    try:
        with tifffile.TiffFile(path) as file:
            page = file.pages[index].aspage()
            check_pixels(Locator(path), (page.imagewidth, page.imagelength), max_pixels)
            values = page.asarray()
            apart, inverted = page.planarconfig == 2, int(page.photometric) == _WHITE_IS_ZERO
            bits = int(page.bitspersample)
    except (tifffile.TiffFileError, ValueError, KeyError, IndexError, OSError, struct.error) as error:
        if isinstance(error, ScanError):
            raise
        raise ScanError(
            f"{Locator(path)}: this kind of TIFF cannot be opened ({error}); save it as an 8-bit TIFF or PNG"
        ) from error
    if apart and values.ndim == 3:
        values = np.moveaxis(values, 0, -1)
    top = 2.0**bits - 1 if values.dtype.kind == "u" else max(1.0, float(values.max()))
    levels = np.clip(values * np.float32(255.0 / top), 0, 255).astype(np.uint8)
    if levels.ndim == 3:
        levels = levels[..., :3] if levels.shape[-1] >= 3 else levels[..., 0]
    return Image.fromarray(255 - levels if inverted else levels)


def _pages(path: Path) -> tuple[int, ...]:
    return _known_pages(path, state_of(path.stat()))


@lru_cache(maxsize=16)
def _known_pages(path: Path, state: tuple[int, ...]) -> tuple[int, ...]:
    """The pages among the images of a file; kept, because each page of it asks again."""
    del state  # tells files apart that had the path one after the other
    try:
        with path.open("rb") as file:
            directories = enumerate(_directories(file, path, path.stat().st_size))
            pages = tuple(index for index, is_page in directories if is_page)
    except struct.error as error:
        raise ScanError(f"{Locator(path)}: {_DAMAGED}") from error
    # A file that calls all its images reduced still has one to show.
    return pages or (0,)


def _directories(file: BinaryIO, path: Path, size: int) -> Iterator[bool]:
    """For each image directory of a TIFF (TIFF 6.0, section 2; BigTIFF), in their order, whether it is a page."""
    head = file.read(16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2], "")
    if not order or len(head) < 8 or struct.unpack(f"{order}H", head[2:4])[0] not in (42, 43):
        raise ScanError(f"{Locator(path)}: not a TIFF; give the file the ending of what it is")
    big = struct.unpack(f"{order}H", head[2:4])[0] == 43
    count, entry, offset = ("Q", "HHQ8s", "Q") if big else ("H", "HHI4s", "I")
    where = struct.unpack(f"{order}{offset}", head[8:16] if big else head[4:8])[0]
    seen: set[int] = set()
    while where and where not in seen:
        if len(seen) == MAX_IMAGES:
            raise ScanError(f"{Locator(path)}: more than {MAX_IMAGES:,} images in one TIFF; split the file")
        if where >= size:
            raise ScanError(f"{Locator(path)}: {_DAMAGED}")
        seen.add(where)
        file.seek(where)
        n_entries = _unpack(file, order + count)[0]
        if n_entries > _MAX_ENTRIES:
            raise ScanError(f"{Locator(path)}: {_DAMAGED}")
        tags = {}
        for _ in range(n_entries):
            tag, kind, _, value = _unpack(file, order + entry)
            if tag in (_NEW_SUBFILE, _OLD_SUBFILE):
                # Values shorter than their field stand at its beginning.
                tags[tag] = struct.unpack_from(order + ("H" if kind == _SHORT else "I"), value)[0]
        yield not (tags.get(_NEW_SUBFILE, 0) & _REDUCED_OR_MASK or tags.get(_OLD_SUBFILE) == _OLD_REDUCED)
        where = _unpack(file, order + offset)[0]


def _unpack(file: BinaryIO, layout: str) -> tuple[Any, ...]:
    return struct.unpack(layout, file.read(struct.calcsize(layout)))
