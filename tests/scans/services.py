"""Image services as libraries run them, for the tests: each gives what it is set to give, and nothing else."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 300, 420
_REQUEST = re.compile(r"(full|[\d,]+)/(full|max|\d*,\d*)/(0|90|180|270)/(default|native)\.jpg")


def page(seed: int = 0, width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    """A page of soft spots, each of its own, so that no part of it looks like another."""
    spots = np.random.default_rng(seed).uniform(0, 255, (7, 5)).astype(np.uint8)
    return Image.fromarray(spots).resize((width, height), Image.Resampling.BICUBIC)


@dataclass
class Service:
    """An image service.

    Parameters
    ----------
    version : int
        Of the Image API: 1, 2 or 3.
    level : int
        0 cuts and scales nothing: it has the listed ``sizes`` and ``tiles`` alone.
    sizes : list of (int, int)
        Listed sizes; with ``says_sizes`` off they are there, but are not said.
    tile : int
        Side of its tiles; 0 without any.
    factors : list of int
        At which scales.
    whole : bool
        Whether it gives the whole image at full size.
    most : int
        Longest width and height of an answer; 0 without a limit. Refused with 400, or scaled down where ``shrinks``.
    spells : str
        How it has sizes: ``w,``, ``w,h`` or both.
    info : dict
        Changes what it says of itself; None takes a key out.
    """

    image: Image.Image
    version: int = 2
    level: int = 1
    sizes: list[tuple[int, int]] = field(default_factory=list)
    tile: int = 0
    factors: list[int] = field(default_factory=lambda: [1, 2])
    whole: bool = True
    most: int = 0
    shrinks: bool = False
    spells: str = "w, w,h"
    info: dict[str, Any] = field(default_factory=dict)

    def described(self, base: str) -> bytes:
        """Its ``info.json``."""
        contexts = {1: "http://library.stanford.edu/iiif/image-api/1.1/context.json"}
        level = {1: f"http://library.stanford.edu/iiif/image-api/1.1/compliance.html#level{self.level}"}
        level |= {2: f"http://iiif.io/api/image/2/level{self.level}.json", 3: f"level{self.level}"}
        info: dict[str, Any] = {
            "@context": contexts.get(self.version, f"http://iiif.io/api/image/{self.version}/context.json"),
            ("id" if self.version == 3 else "@id"): base,
            "width": self.image.width,
            "height": self.image.height,
            "profile": [level[2]] if self.version == 2 else level[self.version],
        }
        if self.sizes:
            info["sizes"] = [{"width": width, "height": height} for width, height in self.sizes]
        if self.tile and self.version == 1:
            info |= {"tile_width": self.tile, "tile_height": self.tile, "scale_factors": self.factors}
        elif self.tile:
            info["tiles"] = [{"width": self.tile, "scaleFactors": self.factors}]
        if self.most and self.version == 3:
            info["maxWidth"] = self.most
        elif self.most:
            info["profile"] = [*info["profile"], {"maxWidth": self.most}]
        return json.dumps({key: value for key, value in {**info, **self.info}.items() if value is not None}).encode()

    def answer(self, request: str) -> bytes | None:
        """The JPEG for a request such as ``full/max/0/default.jpg``; None where it has none."""
        match = _REQUEST.fullmatch(request)
        if match is None or (match[4] == "native") != (self.version == 1):
            return None
        whole = (0, 0, *self.image.size)
        if match[1] == "full":
            box = whole
        else:
            left, top, width, height = (int(value) for value in match[1].split(","))
            box = (left, top, min(left + width, whole[2]), min(top + height, whole[3]))
        part = self.image.crop(box)
        size = self._size(match[2], part.size)
        if size is None or not self._has(box, size, match):
            return None
        if self.most and max(size) > self.most:
            if not self.shrinks:
                return None
            share = self.most / max(size)
            size = round(size[0] * share), round(size[1] * share)
        picture = part.resize(size, Image.Resampling.BOX) if size != part.size else part
        file = io.BytesIO()
        picture.rotate(-int(match[3]), expand=True).save(file, "JPEG", quality=95)
        return file.getvalue()

    def _size(self, written: str, part: tuple[int, int]) -> tuple[int, int] | None:
        if written in ("full", "max"):
            return part if written in {1: ("full",), 2: ("full",), 3: ("max",)}[self.version] else None
        width, height = written.split(",")
        if ("w," if not height else "w,h") not in self.spells.split():
            return None
        wide = int(width)
        return wide, int(height) if height else -(-part[1] * wide // part[0])

    def _has(self, box: tuple[int, ...], size: tuple[int, int], match: re.Match[str]) -> bool:
        whole = self.image.size
        if box == (0, 0, *whole) and match[1] == "full":
            is_full = match[2] in ("full", "max")
            return (self.whole if is_full else True) if self.level else (self.whole and is_full) or size in self.sizes
        if self.level:
            return True
        scales = [factor for factor in self.factors if box[0] % (self.tile * factor) == 0] if self.tile else []
        return any(
            box[1] % (self.tile * factor) == 0
            and box[2] == min(box[0] + self.tile * factor, whole[0])
            and box[3] == min(box[1] + self.tile * factor, whole[1])
            and size == (-(-(box[2] - box[0]) // factor), -(-(box[3] - box[1]) // factor))
            for factor in scales
        )
