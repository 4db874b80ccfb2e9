"""Which image formats Pillow may take a file for, by what its first bytes say, and how many pages an animation has.

Pillow knows thirty formats more, and for some of them it starts other programs: PostScript under the name of a JPEG
would run Ghostscript.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from importlib import import_module
from pathlib import Path

from PIL import Image, features

from tablesim.errors import MissingExtraError, ScanError
from tablesim.scans.locator import Locator, index_of_page, looks_like, state_of

FORMATS = (
    *("BMP", "DIB", "GIF", "JPEG", "JPEG2000", "PCX", "PNG", "PPM", "PSD", "TIFF", "WEBP"),
    *(["AVIF"] if "avif" in features.modules and features.check("avif") else []),
)
"""What is opened unasked. Pillow decodes AVIF from 11.3 on."""

_UNMARKED = {".tga": "TGA"}
"""Formats without first bytes of their own: taken by the ending alone."""

_BY_EXTRA = {"a HEIC image": ("HEIF", "heif", "pillow_heif"), "a JPEG XL image": ("JXL", "jxl", "pillow_jxl")}
"""Formats that need an extra: Pillow's name, the extra, the package."""

_ANIMATED = ("AVIF", "GIF", "HEIF", "JXL", "PNG", "WEBP")
"""Formats whose files may hold several pictures. What a JPEG holds besides (MPO) is a preview or a
map of depths."""

MAX_FRAMES = 20_000


def formats_of(path: Path) -> tuple[str, ...]:
    """What Pillow may take the file at ``path`` for; MissingExtraError where it needs an extra that is not there."""
    needed = _BY_EXTRA.get(kind := looks_like(path))
    if needed is None:
        unmarked = _UNMARKED.get(path.suffix.lower())
        return FORMATS if kind or unmarked is None else (unmarked,)
    name, extra, package = needed
    try:
        plugin = import_module(package)
    except ImportError as error:
        raise MissingExtraError(f"{Locator(path)}: opening {kind}", extra) from error
    if name == "HEIF":
        plugin.register_heif_opener(thumbnails=False)
    return (name,)


def count_frames(path: Path) -> int:
    """How many pictures an image file holds, as pages; 1 for what is no animation. Errors are those of Pillow."""
    return _known_count(path, state_of(path.stat()))


def frame_of_page(path: Path, number: int) -> int:
    """The index, from 0, of a page of an image file; ScanError when there is no such page."""
    return index_of_page(Locator(path, number), count_frames(path))


@lru_cache(maxsize=16)
def _known_count(path: Path, state: tuple[int, ...]) -> int:
    """The count; kept, because each page of a file asks again."""
    del state  # tells files apart that had the path one after the other
    if looks_like(path) == "a PNG image" and not _is_animated_png(path):
        return 1
    with warnings.catch_warnings(), path.open("rb") as file, Image.open(file, formats=formats_of(path)) as image:
        warnings.simplefilter("ignore")
        count = int(getattr(image, "n_frames", 1)) if image.format in _ANIMATED else 1
    if count > MAX_FRAMES:
        raise ScanError(f"{Locator(path)}: more than {MAX_FRAMES:,} images in one file; split the file")
    return count


def _is_animated_png(path: Path) -> bool:
    """Whether a PNG says before its picture that there are more (APNG, chunk ``acTL``)."""
    with path.open("rb") as file:
        head = file.read(1 << 16)
    return 0 <= head.find(b"acTL") < (head.find(b"IDAT") if b"IDAT" in head else len(head))
