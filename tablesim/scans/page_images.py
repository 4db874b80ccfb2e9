"""Gets the image of a canvas at full size: in one piece, from its own address, or put together from tiles; cut, turned.

What comes first at the promised size is taken. Where nothing does, the largest is, and it is said how much smaller it
is than promised; a preview is no page.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from PIL import Image

from tablesim.errors import FetchError, ScanError
from tablesim.files import write_aside
from tablesim.scans.iiif import CanvasImage, parse_json
from tablesim.scans.image_api import ImageInfo, Tiling
from tablesim.scans.images import open_image, size_of
from tablesim.scans.locator import Locator
from tablesim.scans.web import Web

MAX_IMAGE_BYTES = 500_000_000
PREVIEW_SHARE = 0.5
PREVIEW_SIDE = 700
"""An image with less than this share of the promised width, and a longer side below this in pixels, is a preview: the
digits of a page are 4 pixels high then, and nothing can be read. Chosen by eye."""

_TURNS = {
    90: Image.Transpose.ROTATE_270,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class FetchedImage:
    """The image of a page in the cache, and how it is smaller than promised, ``435 x 599 of 993 x 1369 pixels``."""

    path: Path
    smaller: str = ""


def get_page_image(
    web: Web, image: CanvasImage, name: str, referrer: str | None, canvas: tuple[int, int], max_pixels: int
) -> FetchedImage:
    """The image of a canvas.

    Parameters
    ----------
    web : Web
        Fetches.
    image : CanvasImage
        What the manifest says of it.
    name : str
        Its name in the cache, ``book_p0012.jpg``.
    referrer : str or None
        The document that names it, None for a file of the user's.
    canvas : tuple of int
        Width and height of the canvas, 0 where they are not given.
    max_pixels : int
        Images are asked for at no more than so many pixels.

    Raises
    ------
    ScanError
        It cannot be had, or as a preview only; with the cause.
    """
    fetch = _ImageFetch(web, image, name, referrer, max_pixels)
    path = fetch.best()
    return FetchedImage(path, _smaller(image, size_of(path), fetch.promised(), canvas, max_pixels))


def _smaller(
    image: CanvasImage, size: tuple[int, int], promised: tuple[int, int], canvas: tuple[int, int], max_pixels: int
) -> str:
    """How an image is smaller than its library promises; ScanError where it is no more than a preview."""
    # The size of a canvas is one of coordinates: up to twice that of its image, as Presentation 2.1 advises.
    of_canvas = canvas if not any(promised) and not image.place and size[0] < PREVIEW_SHARE * canvas[0] else (0, 0)
    whole = promised if any(promised) else of_canvas
    if not any(whole) or max(size) >= max(whole) - 1 or whole[0] * whole[1] > max_pixels:
        return ""
    smaller = f"{size[0]} x {size[1]} of {whole[0]} x {whole[1]} pixels"
    if size[0] < PREVIEW_SHARE * whole[0] and max(size) < PREVIEW_SIDE:
        where = image.service or image.address
        raise ScanError(f"{where}: in one piece the library gives a preview only, {smaller}; download it by hand")
    return smaller


class _ImageFetch:
    """The ways to an image. A host that refuses is not asked by another; one that has it not may have it elsewhere."""

    def __init__(self, web: Web, image: CanvasImage, name: str, referrer: str | None, max_pixels: int) -> None:
        self.web, self.image, self.name, self.referrer, self.max_pixels = web, image, name, referrer, max_pixels
        self.info = ImageInfo.of(self._described())
        self._check = partial(open_image, max_pixels=max_pixels)
        self.failed: FetchError | None = None
        self.refusing: set[str] = set()

    def promised(self) -> tuple[int, int]:
        """Width and height of what the canvas shows, in pixels, by the service or else the manifest; or zeros."""
        size = self._whole() or (0, 0)
        if self.image.region != "full":
            size = ImageInfo(width=size[0], height=size[1]).pixels(self.image.region)[2:]
        return (size[1], size[0]) if self.image.rotation in (90, 270) else size

    def best(self) -> Path:
        """The first that has the promised size, else the largest."""
        if self.web.files.is_sound(self._made_path(), self._check):
            return self._made_path()
        best = max(self._kept(), key=lambda path: max(size_of(path)), default=None)
        if best is not None and self._is_whole(best):
            return best
        for way in self._ways():
            page_image = way()
            if page_image is not None and (best is None or max(size_of(page_image)) > max(size_of(best))):
                best = page_image
            if best is not None and self._is_whole(best):
                break
        else:
            best = self._in_smaller_pieces(best) or best
        if best is None:
            assert self.failed is not None
            raise self.failed
        return best

    def _whole(self) -> tuple[int, int] | None:
        """Size of the whole image, by the service or else the manifest."""
        sizes = (self.info.width, self.info.height), self.image.size
        return next((size for size in sizes if all(size)), None)

    def _is_whole(self, path: Path) -> bool:
        """Whether an image has the promised size, or the largest that is wanted; True where nothing is promised."""
        width, height = self.promised()
        share = min(1.0, math.sqrt(self.max_pixels / max(width * height, 1)))
        return max(size_of(path)) >= math.floor(max(width, height) * share) - 1

    def _kept(self) -> Iterator[Path]:
        """What is in the cache of all that can be asked for in one piece."""
        image = self.image
        requests = [image.address] if image.address and image.is_cut else []
        pieces = self.info.in_one_piece(image.region, image.rotation, self.max_pixels)
        requests += [f"{base}/{tail}" for spelled in pieces for base, _ in self._bases() for tail in spelled]
        for path in (self.web.path_of(request, self.name) for request in requests):
            if self.web.files.is_sound(path, self._check):
                yield path

    def _ways(self) -> Iterator[Callable[[], Path | None]]:
        image = self.image
        bases = self._bases()
        pieces = self.info.in_one_piece(image.region, image.rotation, self.max_pixels) if bases else []
        for spelled in pieces:
            for base, referrer in bases:
                yield partial(self._first, [f"{base}/{request}" for request in spelled], referrer)
        if image.address and image.is_cut:
            yield partial(self._first, [image.address], self.referrer)
        if image.address and not image.is_cut:
            yield self._cut_from_address
        if bases and (tiling := self.info.tiling(self.max_pixels)) is not None:
            yield partial(self._from_tiles, tiling)
        if bases and image.region != "full":
            yield self._cut_from_whole

    def _bases(self) -> list[tuple[str, str | None]]:
        """Addresses of the service with the documents that name them: the manifest's, then the one it has itself.

        Behind a proxy that is often a host which nobody else can reach.
        """
        service = self.image.service
        if service is None:
            return []
        itself = self.info.base
        return [(service, self.referrer), *([(itself, f"{service}/info.json")] if itself not in ("", service) else [])]

    def _first(self, requests: Sequence[str], referrer: str | None) -> Path | None:
        """The first of some spellings of a request that comes."""
        paths = (self._fetched(request, self.name, referrer, self._check) for request in requests)
        return next((path for path in paths if path is not None), None)

    def _fetched(self, request: str, name: str, referrer: str | None, check: Callable[[Path], object]) -> Path | None:
        host = urlsplit(request).netloc
        if host in self.refusing:
            return None
        try:
            # The cache holds nothing that would fail for ever.
            return self.web.get(
                request, name, referrer=referrer, accept="image/*", max_bytes=MAX_IMAGE_BYTES, check=check
            )
        except FetchError as error:
            self.failed = self.failed or error
            if error.refused:
                self.refusing.add(host)
            return None

    def _described(self) -> dict[str, Any]:
        """What the service says of the image; nothing where it says nothing: it may still give the whole image."""
        if self.image.service is None:
            return {}
        url = f"{self.image.service}/info.json"
        check, accept = partial(parse_json, where=url), "application/ld+json, application/json"
        try:
            path = self.web.get(
                url, "info.json", referrer=self.referrer, accept=accept, max_bytes=4_000_000, check=check
            )
            return parse_json(path, url)
        except FetchError as error:
            if error.refused:
                raise
            return {}

    def _made_path(self) -> Path:
        """Where an image is kept that was put together or cut here."""
        image = self.image
        key = f"{image.service or image.address}#{image.region}/{image.rotation}/{self.max_pixels}"
        return self.web.path_of(key, f"{self.name.removesuffix('.jpg')}.png")

    def _shown(self, picture: Image.Image, whole: tuple[int, int]) -> Path:
        """Keep what the canvas shows of an image whose full size is ``whole``."""
        image = self.image
        if image.region != "full":
            picture = picture.crop(_scaled(self._region(whole), picture.size, whole))
        if not all(picture.size):
            raise ScanError(f"{image.service or image.address}: the part {image.region} lies outside of the image")
        picture = picture.transpose(_TURNS[image.rotation]) if image.rotation else picture
        path = self._made_path()
        # Lossless and quick: a JPEG that is decoded and written once more would lose the edges of its digits.
        write_aside(path, partial(picture.save, format="PNG", compress_level=1), durable=False)
        self.web.files.note_size(path)
        return path

    def _region(self, whole: tuple[int, int]) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of what the canvas shows, in pixels of the whole image."""
        if self.image.region == "full":
            return 0, 0, *whole
        left, top, width, height = ImageInfo(width=whole[0], height=whole[1]).pixels(self.image.region)
        return left, top, left + width, top + height

    def _cut_from_address(self) -> Path | None:
        assert self.image.address is not None
        path = self._fetched(self.image.address, self.name, self.referrer, self._check)
        return None if path is None else self._cut(path)

    def _cut_from_whole(self) -> Path | None:
        for spelled in self.info.in_one_piece("full", 0, self.max_pixels):
            for base, referrer in self._bases():
                path = self._first([f"{base}/{request}" for request in spelled], referrer)
                if path is not None:
                    return self._cut(path)
        return None

    def _cut(self, path: Path) -> Path:
        picture = open_image(path, self.max_pixels)
        return self._shown(picture, self._whole() or picture.size)

    def _from_tiles(self, tiling: Tiling) -> Path | None:
        """The image put together from its tiles; None where one of them does not come."""
        for base, referrer in self._bases():
            # The two halves of an opening on two canvases have tiles in common, which each forgets when it has them.
            with self.web.files.one_at_a_time(base):
                made = self._made_path()
                if self.web.files.is_sound(made, self._check) and self._is_whole(made):
                    return made  # by another job, meanwhile
                picture = self._joined(tiling, base, referrer)
                if picture is not None:
                    return self._shown(picture, (self.info.width, self.info.height))
        return None

    def _in_smaller_pieces(self, answer: Path | None) -> Path | None:
        """The image in pieces as small as ``answer``, where a service that cuts has a limit that it does not say."""
        if answer is None or self.image.service is None or self.info.is_level0:
            return None
        most = min(size_of(answer))
        tiling = replace(self.info, max_width=most, max_height=most, max_area=0, tiles=()).tiling(self.max_pixels)
        return None if tiling is None else self._from_tiles(tiling)

    def _joined(self, tiling: Tiling, base: str, referrer: str | None) -> Image.Image | None:
        whole = self.info.width, self.info.height
        picture = Image.new("RGB", (tiling.width, tiling.height), "white")
        box = _scaled(self._region(whole), picture.size, whole)
        spelling, paths = 0, []
        for tile in tiling.tiles:
            if not tile.meets(*box):
                continue
            size = tile.width, tile.height
            check = partial(_open_tile, size=size)
            # How a server spells one tile it spells all of them.
            for at in sorted(range(len(tile.requests)), key=lambda at: at != spelling):
                path = self._fetched(f"{base}/{tile.requests[at]}", "tile.jpg", referrer, check)
                if path is not None:
                    break
            else:
                return None
            spelling = at
            paths.append(path)
            picture.paste(_open_tile(path, size), (tile.left, tile.top))
        for path in paths:
            self.web.files.forget(path)
        return picture


def _scaled(box: tuple[int, int, int, int], size: tuple[int, int], whole: tuple[int, int]) -> tuple[int, int, int, int]:
    """A box in pixels of the whole image in those of a copy of ``size``."""
    across, down = size[0] / whole[0], size[1] / whole[1]
    return round(box[0] * across), round(box[1] * down), round(box[2] * across), round(box[3] * down)


def _open_tile(path: Path, size: tuple[int, int]) -> Image.Image:
    """A tile that must have ``size``, but for a pixel of rounding; ScanError where it has another."""
    picture = open_image(path, least=1)
    if any(abs(got - wanted) > 1 for got, wanted in zip(picture.size, size, strict=True)):
        raise ScanError(
            f"{Locator(path)}: this tile is {picture.width} x {picture.height} pixels, expected {size[0]} x {size[1]}"
        )
    return picture.crop((0, 0, *size)) if picture.size != size else picture
