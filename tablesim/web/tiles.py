"""Tiles of scans for deep zoom, cut on demand from the original file; the last scans are kept, each in all its sizes.

A pyramid as OpenSeadragon wants it: level 0 is the smallest, each next one twice as large, the last one has the pixels
of the scan. Tiles are in source pixels after EXIF orientation, as every box of a reading is.
"""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

from tablesim.errors import ScanError
from tablesim.records.boxes import Box
from tablesim.scans.images import open_image
from tablesim.scans.locator import Locator

TILE = 512
"""Side of a tile in pixels."""

SMALLEST_LEVEL = 256
"""Longer side in pixels at most of level 0."""

KEPT_BYTES = 400_000_000
"""Memory for scans that are kept open: four of 30 megapixels in grey and three in colour."""

QUALITY = 82


@dataclass(frozen=True)
class Pyramid:
    """A scan in all its sizes, from the smallest; ``levels[n]`` is about half of ``levels[n + 1]``."""

    levels: tuple[Image.Image, ...]

    @classmethod
    def of(cls, image: Image.Image) -> Pyramid:
        """Each size from the next larger one, by the mean of its pixels."""
        levels = [image]
        while max(levels[0].size) > SMALLEST_LEVEL:
            width, height = levels[0].size
            half = -(-width // 2), -(-height // 2)
            levels.insert(0, levels[0].resize(half, Image.Resampling.BOX))
        return cls(tuple(levels))

    @property
    def n_bytes(self) -> int:
        return sum(level.width * level.height * len(level.getbands()) for level in self.levels)

    def tile(self, level: int, x: int, y: int) -> bytes:
        """A tile as WebP.

        Raises
        ------
        ScanError
            There is no such tile.
        """
        if not 0 <= level < len(self.levels):
            raise ScanError(f"level: got {level}, expected 0 to {len(self.levels) - 1}")
        image = self.levels[level]
        left, top = x * TILE, y * TILE
        if not (0 <= left < image.width and 0 <= top < image.height):
            raise ScanError(f"tile {x}, {y}: outside of level {level}, which has {image.width} x {image.height} pixels")
        cut = image.crop((left, top, min(left + TILE, image.width), min(top + TILE, image.height)))
        return encoded(cut)


def encoded(image: Image.Image) -> bytes:
    """A picture as WebP."""
    stream = io.BytesIO()
    image.save(stream, "WEBP", quality=QUALITY, method=2)
    return stream.getvalue()


AROUND = 0.55
"""Of the height of a number, shown around it in its cut-out: enough to see that it is whole."""

CUTOUT_HEIGHT = 96
"""Pixels of a cut-out: a figure is twice as large as on the page."""

WIDEST_CUTOUT = 1_200
"""Pixels of a cut-out at most."""


def cutout(pyramid: Pyramid, box: Box, rotation: int) -> bytes:
    """The piece of a scan with a number in its middle, upright, what is around it paler; as WebP.

    Raises
    ------
    ScanError
        The box does not lie on the scan.
    """
    image = pyramid.levels[-1]
    margin = AROUND * min(box.width, box.height)
    outer = [box.x - margin, box.y - margin, box.right + margin, box.bottom + margin]
    left, top = (int(max(0, side)) for side in outer[:2])
    right, bottom = (int(min(side, most)) for side, most in zip(outer[2:], image.size, strict=True))
    if right - left < 2 or bottom - top < 2:
        raise ScanError(f"box: {box} does not lie on this scan, which has {image.width} x {image.height} pixels")
    piece = image.crop((left, top, right, bottom)).convert("RGB")
    pale = Image.blend(piece, Image.new("RGB", piece.size, "white"), 0.5)
    inner = (int(box.x) - left, int(box.y) - top)
    pale.paste(image.crop((int(box.x), int(box.y), int(box.right) + 1, int(box.bottom) + 1)).convert("RGB"), inner)
    if rotation:
        pale = pale.rotate(-rotation, expand=True)
    factor = min(CUTOUT_HEIGHT / pale.height, WIDEST_CUTOUT / pale.width)
    size = max(1, round(factor * pale.width)), max(1, round(factor * pale.height))
    return encoded(pale.resize(size, Image.Resampling.BICUBIC))


SHOWN_BY_BROWSERS = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}

WIDEST_WEBP = 16_383
"""Side in pixels of a WebP at most."""


def original(tiles: ScanTiles, row: Mapping[str, Any]) -> tuple[bytes, str]:
    """The scan of a page and its kind: the file where browsers show it, else its pixels as WebP.

    Raises
    ------
    ScanError
        It is no longer where it was, or cannot be opened.
    """
    locator = Locator.of(row["scan"])
    kind = SHOWN_BY_BROWSERS.get(locator.file.suffix.lower())
    if kind is not None and not locator.number:
        open_image(locator, tiles.max_pixels, side=64)  # refuses what only bears the name of an image
        return locator.file.read_bytes(), kind
    levels = [level for level in tiles.pyramid(row["scan"], row["sha256"]).levels if max(level.size) <= WIDEST_WEBP]
    return encoded(levels[-1]), "image/webp"


class ScanTiles:
    """Opens scans and keeps the last of them, by their hash; for many threads.

    Parameters
    ----------
    max_pixels : int
        Larger scans are not opened.
    """

    def __init__(self, max_pixels: int) -> None:
        self.max_pixels = max_pixels
        self._lock = threading.Lock()
        self._open: OrderedDict[str, Pyramid] = OrderedDict()
        self._opening: dict[str, threading.Lock] = {}

    def pyramid(self, scan: str, sha256: str) -> Pyramid:
        """The scan in all its sizes; ScanError where it cannot be opened."""
        with self._lock:
            if sha256 in self._open:
                self._open.move_to_end(sha256)
                return self._open[sha256]
            # Two who ask for the same scan wait for one opening; others do not wait.
            opening = self._opening.setdefault(sha256, threading.Lock())
        with opening:
            with self._lock:
                if sha256 in self._open:
                    return self._open[sha256]
            made = Pyramid.of(open_image(scan, self.max_pixels))
            with self._lock:
                self._open[sha256] = made
                self._opening.pop(sha256, None)
                while len(self._open) > 1 and sum(one.n_bytes for one in self._open.values()) > KEPT_BYTES:
                    self._open.popitem(last=False)
            return made
