"""Canvases of IIIF for the pages of an export: a page's own, or that of the library it came from.

A page that was fetched from a library keeps the address of its canvas and that canvas's size. Annotations then stand on
the library's canvas, in its coordinates, so that any viewer shows them on the library's own manifest too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tablesim.export.markup import pixels
from tablesim.records.boxes import Box
from tablesim.records.reading import Reading
from tablesim.scans.canvases import CANVAS_PART, CANVAS_SIZE
from tablesim.scans.web import as_address

MEDIA_FRAGMENTS = "http://www.w3.org/TR/media-frags/"

SAME_SHAPE = 0.02
"""Greatest difference of the shapes (width over height) of a canvas and of the image that fills it: servers round."""


@dataclass(frozen=True)
class LibraryCanvas:
    """The canvas of a library: its address, that of its manifest, its size in its own coordinates, the page's box."""

    address: str
    manifest: str
    width: int
    height: int
    page: Box

    @classmethod
    def of(cls, extra: Mapping[str, str], reading: Reading) -> LibraryCanvas | None:
        """That of a page, by what its metadata keep; None where the page came from no library, or does not fill it."""
        address, manifest = as_address(extra.get("canvas")), as_address(extra.get("manifest"))
        size = re.fullmatch(r"(\d+) x (\d+)", extra.get(CANVAS_SIZE, ""))
        if address is None or manifest is None or size is None:
            return None
        width, height = int(size[1]), int(size[2])
        part = re.fullmatch(r"([\d.]+),([\d.]+),([\d.]+),([\d.]+)", extra.get(CANVAS_PART, f"0,0,{width},{height}"))
        page = Box(*map(float, part.groups())) if part else Box(0, 0, 0, 0)
        if not page.area or abs(page.width * reading.height / (page.height * reading.width) - 1) > SAME_SHAPE:
            return None
        return cls(address, manifest, width, height, page)


@dataclass(frozen=True)
class PageCanvas:
    """The canvas of one page of an export.

    Parameters
    ----------
    reading : Reading
    base : str
        Address of the exported folder, ending in a slash.
    name : str
        Tells the pages of one export apart: ``a`` or ``b``.
    library : LibraryCanvas, optional
        The canvas of the library that the page came from.
    """

    reading: Reading
    base: str
    name: str
    library: LibraryCanvas | None = None

    @property
    def own(self) -> str:
        """Its address below ``base``, under which its annotations have theirs."""
        return f"{self.base}canvas/{self.name}-{quote(self.reading.page, safe='')}"

    @property
    def address(self) -> str:
        """The address of the canvas: the library's, or its own."""
        return self.own if self.library is None else self.library.address

    @property
    def manifest(self) -> str:
        """The manifest that the canvas is part of."""
        return f"{self.base}manifest.json" if self.library is None else self.library.manifest

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, in which places on it are counted."""
        if self.library is None:
            return self.reading.width, self.reading.height
        return self.library.width, self.library.height

    @property
    def image(self) -> str:
        """The name of its image below ``base``."""
        return f"images/{self.name}.jpg"

    def target(self, box: Box) -> dict[str, Any]:
        """The place of a box of the scan, in whole units of the canvas."""
        width, height = self.size
        page = Box(0, 0, width, height) if self.library is None else self.library.page
        across, down = page.width / self.reading.width, page.height / self.reading.height
        scaled = Box(page.x + box.x * across, page.y + box.y * down, box.width * across, box.height * down)
        left, top, right, bottom = pixels(scaled, width, height)
        return {
            "type": "SpecificResource",
            "source": {
                "id": self.address,
                "type": "Canvas",
                "partOf": [{"id": self.manifest, "type": "Manifest"}],
            },
            "selector": {
                "type": "FragmentSelector",
                "conformsTo": MEDIA_FRAGMENTS,
                "value": f"xywh={left},{top},{right - left},{bottom - top}",
            },
        }

    @property
    def _painted(self) -> str:
        """The canvas, or the part of it that the page's image covers."""
        if self.library is None or self.library.page == Box(0, 0, *self.size):
            return self.address
        page = self.library.page
        return f"{self.address}#xywh={page.x:.0f},{page.y:.0f},{page.width:.0f},{page.height:.0f}"

    def canvas(self, annotations: list[dict[str, Any]]) -> dict[str, Any]:
        """The canvas with its image and pages of annotations."""
        reading, (width, height) = self.reading, self.size
        image = {
            "id": self.base + self.image,
            "type": "Image",
            "format": "image/jpeg",
            "width": reading.width,
            "height": reading.height,
        }
        painting = {
            "id": f"{self.own}/image/annotation",
            "type": "Annotation",
            "motivation": "painting",
            "body": image,
            "target": self._painted,
        }
        part_of = {} if self.library is None else {"partOf": [{"id": self.library.manifest, "type": "Manifest"}]}
        return {
            "id": self.address,
            "type": "Canvas",
            "label": {"none": [reading.page]},
            "width": width,
            "height": height,
            "items": [{"id": f"{self.own}/image", "type": "AnnotationPage", "items": [painting]}],
            "annotations": annotations,
            **part_of,
        }
