"""What a IIIF image service says of an image (``info.json``, Image API 1 to 3), and the addresses that ask for it.

Servers limit what they give in one piece (``maxWidth``, ``maxHeight``, ``maxArea``); those of level 0 are folders of
files, which have the listed sizes, the announced tiles, or both. They differ in how they spell one size (``600,`` and
``600,800``, ``full`` and ``max``), so that a request is a list of spellings, the likeliest first.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MAX_TILES = 2_000
"""Tiles of an image that are asked for: 8,000 x 16,000 pixels in tiles of 256; of larger images a smaller scale is."""

_OWN_TILE = 1024
"""Side of tiles where a server that cuts pieces announces none: what viewers ask for."""

_SMALLEST_TILE = 64


@dataclass(frozen=True)
class TileLayout:
    """Size of the tiles of an image, and the scales at which they are there, as divisors."""

    width: int
    height: int
    factors: tuple[int, ...]


@dataclass(frozen=True)
class Tile:
    """A tile: where it lies in the image that is put together, its size there, and spellings of its request."""

    left: int
    top: int
    width: int
    height: int
    requests: tuple[str, ...]

    def meets(self, left: int, top: int, right: int, bottom: int) -> bool:
        """Whether it has pixels of a box there."""
        is_beside = self.left >= right or self.left + self.width <= left
        return not (is_beside or self.top >= bottom or self.top + self.height <= top)


@dataclass(frozen=True)
class Tiling:
    """An image in tiles, each scaled down by ``factor``; ``width`` and ``height`` are those of the whole."""

    width: int
    height: int
    tiles: tuple[Tile, ...]
    factor: int


@dataclass(frozen=True)
class ImageInfo:
    """An image as its service describes it; with nothing known, what Image API 2 has where nothing is said.

    Attributes
    ----------
    base : str
        The address that it gives itself; behind a proxy often one that nobody else can reach.
    version : int
        Of the Image API: 1, 2 or 3.
    width, height : int
        In pixels; 0 where they are not given.
    is_level0 : bool
        Whether the service cuts and scales nothing.
    sizes : tuple of (int, int)
        Listed sizes of the whole image.
    tiles : tuple of TileLayout
        Announced tiles.
    max_width, max_height, max_area : int
        Limits of one answer; 0 where there is none.
    """

    base: str = ""
    version: int = 2
    width: int = 0
    height: int = 0
    is_level0: bool = False
    sizes: tuple[tuple[int, int], ...] = ()
    tiles: tuple[TileLayout, ...] = ()
    max_width: int = 0
    max_height: int = 0
    max_area: int = 0

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> ImageInfo:
        """From the values of an ``info.json``; what cannot be understood is left out."""
        # Image API 2 writes its limits into an object among the profiles, 3 beside them.
        profiles = as_list(info.get("profile"))
        parts = (*as_objects(profiles), info)
        limits = {name: max(whole(part.get(name)) for part in parts) for name in ("maxWidth", "maxHeight", "maxArea")}
        widest = limits["maxWidth"]
        named = info.get("id") or info.get("@id")
        return cls(
            base=service_address(named) if isinstance(named, str) and re.match("https?:", named, re.IGNORECASE) else "",
            version=_version(info),
            width=whole(info.get("width")),
            height=whole(info.get("height")),
            is_level0=any(re.search(r"level-?0", str(profile)) for profile in profiles),
            sizes=tuple(_sizes(info)),
            tiles=tuple(_layouts(info)),
            max_width=widest,
            # A limit of the width alone holds for the height too (Image API 2.1, section 5.3).
            max_height=limits["maxHeight"] or widest,
            max_area=limits["maxArea"],
        )

    def in_one_piece(self, region: str, rotation: int, max_pixels: int) -> list[tuple[str, ...]]:
        """Requests for a region (``full`` for all) as large as the service may give it, the largest first.

        A service of level 0 cuts no region: there is no request for one then. Each request is a tuple of spellings.
        """
        if region != "full" and self.is_level0:
            return []
        width, height = (self.width, self.height) if region == "full" else self.pixels(region)[2:]
        share = min(1.0, self._share(width, height), math.sqrt(max_pixels / max(width * height, 1)))
        tails: list[tuple[str, ...]] = []
        if share == 1.0:
            tails.append(("max", "full") if self.version == 3 else ("full", "max"))
        elif not self.is_level0:
            tails.append(self._spelled(max(1, math.floor(width * share)), max(1, math.floor(height * share))))
        if region == "full" and self.is_level0 and self.sizes:
            fitting = [size for size in self.sizes if size[0] * size[1] <= max_pixels] or [min(self.sizes)]
            tails.append(self._spelled(*max(fitting, key=lambda size: size[0] * size[1])))
        return [tuple(f"{region}/{size}/{rotation}/{self._quality}.jpg" for size in spelled) for spelled in tails]

    def tiling(self, max_pixels: int) -> Tiling | None:
        """The whole image in tiles, at the largest scale that has few enough of them and pixels; None without any."""
        if not self.width or not self.height:
            return None
        layouts = [tile for tile in self.tiles if not self._exceeds(tile.width, tile.height)]
        if not layouts and not self.is_level0:
            side = min(_OWN_TILE, self.max_width or _OWN_TILE, self.max_height or _OWN_TILE)
            side = min(side, math.isqrt(self.max_area) if self.max_area else side)
            layouts = [TileLayout(side, side, (1, 2, 4, 8, 16))]
        ways = [
            (factor, -tile.width * tile.height, tile)
            for tile in layouts
            for factor in tile.factors
            if min(tile.width, tile.height) >= min(_SMALLEST_TILE, self.width, self.height)
            and _parts(self.width, tile.width * factor) * _parts(self.height, tile.height * factor) <= MAX_TILES
            and _parts(self.width, factor) * _parts(self.height, factor) <= max_pixels
        ]
        if not ways:
            return None
        factor, _, tile = min(ways, key=lambda way: way[:2])
        tiles = tuple(self._tiles(tile, factor))
        return Tiling(_parts(self.width, factor), _parts(self.height, factor), tiles, factor)

    def pixels(self, region: str) -> tuple[int, int, int, int]:
        """A region, ``x,y,width,height`` or ``pct:x,y,width,height``, in pixels within the image."""
        values = [float(value) for value in region.removeprefix("pct:").split(",")]
        if region.startswith("pct:"):
            values = [value * side / 100 for value, side in zip(values, (self.width, self.height) * 2, strict=True)]
        left, top, width, height = (round(value) for value in values)
        if self.width and self.height:
            width, height = min(width, self.width - left), min(height, self.height - top)
        return left, top, max(0, width), max(0, height)

    @property
    def _quality(self) -> str:
        return "native" if self.version == 1 else "default"

    def _spelled(self, width: int, height: int) -> tuple[str, ...]:
        sizes = (f"{width},", f"{width},{height}")
        return sizes[::-1] if self.version == 3 else sizes

    def _tiles(self, tile: TileLayout, factor: int) -> Iterator[Tile]:
        across, down = tile.width * factor, tile.height * factor
        for top, left in itertools.product(range(0, self.height, down), range(0, self.width, across)):
            region = left, top, min(across, self.width - left), min(down, self.height - top)
            size = _parts(region[2], factor), _parts(region[3], factor)
            is_whole = region == (0, 0, self.width, self.height)
            regions = [",".join(map(str, region)), *(["full"] if is_whole else [])]
            pairs = itertools.product(regions, self._spelled(*size))
            requests = tuple(f"{part}/{written}/0/{self._quality}.jpg" for part, written in pairs)
            yield Tile(left // factor, top // factor, *size, requests)

    def _share(self, width: int, height: int) -> float:
        if not width or not height:
            return 1.0
        shares = [1.0]
        shares += [self.max_width / width] if self.max_width else []
        shares += [self.max_height / height] if self.max_height else []
        shares += [math.sqrt(self.max_area / (width * height))] if self.max_area else []
        return min(shares)

    def _exceeds(self, width: int, height: int) -> bool:
        return self._share(min(width, self.width), min(height, self.height)) < 1.0


def service_address(address: str) -> str:
    """The address of an image service without what is no part of it."""
    return re.sub(r"(/info\.json)?/*$", "", address)


def whole(value: Any) -> int:
    """A number as libraries write it, also as text or in a list; 0 where it is none, or no size."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value[:9])
    return int(value) if isinstance(value, int | float) and 0 < value < 1e9 else 0


def as_list(value: Any) -> list[Any]:
    """A value that may stand alone or in a list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def as_objects(value: Any) -> list[dict[str, Any]]:
    """The objects among such values."""
    return [entry for entry in as_list(value) if isinstance(entry, dict)]


def _parts(length: int, step: int) -> int:
    return -(-length // step)


def _sizes(info: Mapping[str, Any]) -> Iterator[tuple[int, int]]:
    for entry in as_objects(info.get("sizes")):
        size = whole(entry.get("width")), whole(entry.get("height"))
        if all(size):
            yield size


def _layouts(info: Mapping[str, Any]) -> Iterator[TileLayout]:
    # Image API 1.1 has one size of tiles, and writes it beside the size of the image.
    old = {
        "width": info.get("tile_width"),
        "height": info.get("tile_height"),
        "scaleFactors": info.get("scale_factors"),
    }
    for entry in (*as_objects(info.get("tiles")), old):
        width = whole(entry.get("width"))
        height = whole(entry.get("height")) or width
        factors = sorted({whole(factor) for factor in as_list(entry.get("scaleFactors"))} - {0}) or [1]
        if width and height:
            yield TileLayout(width, height, tuple(factors))


def _version(info: Mapping[str, Any]) -> int:
    words = f"{info.get('@context', '')} {info.get('type', '')} {info.get('profile', '')}"
    if "image/3" in words or "ImageService3" in words:
        return 3
    return 1 if "image-api/1" in words or "image/1" in words or "compliance.html" in words else 2
