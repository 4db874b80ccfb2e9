"""Pages out of digital libraries: IIIF manifests and collections are walked, and the image of each canvas is fetched.

A fetched image is a file in the cache, named as its page (``bpt6k1510024_p0012.jpg``), and from then on a scan like any
other. What cannot be fetched becomes a page with its cause, and the rest goes on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tablesim.errors import FetchError, ScanError
from tablesim.scans.iiif import (
    Canvas,
    CanvasImage,
    Collection,
    Manifest,
    image_request,
    parse_json,
    read_presentation,
    slug_of,
)
from tablesim.scans.images import MAX_PIXELS, open_image
from tablesim.scans.locator import Locator
from tablesim.scans.metadata import PageMetadata, described
from tablesim.scans.web import Web, as_address

MAX_FILES = 20_000
"""Manifests and collections that one source may lead to."""

MAX_IMAGE_BYTES = 500_000_000
_ACCEPT = (
    'application/ld+json;profile="http://iiif.io/api/presentation/3/context.json", application/ld+json, '
    "application/json;q=0.9"
)
_THREADS = 8
_NUMBERED = re.compile(r"(?P<source>.+)#0*(?P<number>[1-9]\d{0,8})", re.DOTALL)

OnPage = Callable[[int, int, str, str], None]
"""Told for each page: how many are done, how many there are, page id, and why it did not come (or nothing)."""


def ignore_progress(done: int, total: int, page: str, problem: str) -> None:
    """An ``OnPage`` that does nothing."""


@dataclass(frozen=True)
class FetchedPage:
    """A page of a library: its file in the cache, what the library says of it, and why the file is not there if so."""

    locator: Locator
    metadata: PageMetadata
    problem: str = ""


@dataclass(frozen=True)
class _Job:
    manifest: Manifest
    canvas: Canvas
    image: CanvasImage | None
    part: int

    @property
    def name(self) -> str:
        """The page's file: a second image on one canvas has a number of its own."""
        part = f"_{self.part}" if self.part > 1 else ""
        return f"{self.manifest.slug}_p{self.canvas.number:04d}{part}.jpg"


def is_library_source(source: Any) -> bool:
    """Whether ``source`` is an address on the web or a JSON file, with or without the number of a page (``#12``)."""
    bare, _ = _number_apart(str(source))
    return as_address(bare) is not None or Path(bare).suffix.lower() in (".json", ".jsonld")


def fetch_pages(
    sources: Sequence[str],
    web: Web,
    *,
    max_pixels: int = MAX_PIXELS,
    at_most: int | None = None,
    on_page: OnPage = ignore_progress,
) -> list[FetchedPage]:
    """The pages of IIIF manifests and collections, in their order.

    Parameters
    ----------
    sources : list of str
        Addresses and paths of JSON files; ``ADDRESS#12`` is canvas 12 alone.
    web : Web
        Fetches, and keeps what it fetched.
    max_pixels : int
        Images are asked for at no more than so many pixels.
    at_most : int, optional
        Refuse more pages than this before the first of them is fetched.
    on_page : callable
        Told of each page, in their order.

    Raises
    ------
    ScanError
        A source is a file that is no IIIF manifest or collection, or has no page of that number; too many pages.
    OSError
        The cache cannot be written.
    """
    lost: list[FetchedPage] = []
    jobs: list[_Job] = []
    for source in dict.fromkeys(sources):
        bare, number = _number_apart(source)
        found: list[_Job] = []
        for item in _walk(bare, web):
            if isinstance(item, Manifest):
                found.extend(_jobs(item))
            else:
                lost.append(item)
        chosen = [job for job in found if job.canvas.number == number] if number else found
        if number and found and not chosen:
            raise ScanError(f"{source}: has {max(job.canvas.number for job in found)} pages; name one of these")
        jobs.extend(chosen)
    pages: list[FetchedPage] = []
    total = len(jobs) + len(lost)
    if at_most is not None and total > at_most:
        what = f"{sources[0]}: has {total} pages, expected {at_most}"
        raise ScanError(f"{what}; name one of them, such as {sources[0]}#1")
    for page in lost:
        pages.append(page)
        on_page(len(pages), total, page.locator.stem, page.problem)
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            for page in pool.map(partial(_fetched, web, max_pixels), jobs):
                pages.append(page)
                on_page(len(pages), total, page.locator.stem, page.problem)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return pages


def _walk(source: str, web: Web) -> Iterator[Manifest | FetchedPage]:
    """Every manifest that a source leads to, each once; a page with the cause in place of what cannot be had."""
    address = as_address(source)
    if address is None:
        _check_local(source)
    seen: set[str] = set()
    waiting: list[str | Manifest] = [address or source]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Manifest):
            yield item
            continue
        if item in seen:
            continue
        seen.add(item)
        if len(seen) > MAX_FILES:
            yield _lost(
                item, web, f"{source}: leads to more than {MAX_FILES:,} manifests; give parts of the collection"
            )
            return
        try:
            found = _presentation(item, web)
        except ScanError as error:
            if item == source and address is None:
                raise
            yield _lost(item, web, str(error))
            continue
        if isinstance(found, Collection):
            waiting.extend(reversed(found.members))
        else:
            yield found


def _check_local(source: str) -> None:
    path = Path(source)
    if not path.is_file():
        raise ScanError(f"{path}: there is no such file; check the path")


def _presentation(source: str, web: Web) -> Manifest | Collection:
    if as_address(source) is None:
        return read_presentation(Path(source), source)

    def check(path: Path) -> None:
        # A web page in place of a manifest is not kept: the next time it may be the manifest.
        try:
            read_presentation(path, source)
        except ScanError as error:
            raise FetchError(str(error)) from error

    return read_presentation(web.get(source, f"{slug_of(source)}.json", accept=_ACCEPT, check=check), source)


def _lost(address: str, web: Web, problem: str) -> FetchedPage:
    slug = slug_of(address)
    return FetchedPage(Locator(web.place(address, slug)), PageMetadata(book=slug), problem)


def _jobs(manifest: Manifest) -> Iterator[_Job]:
    for canvas in manifest.canvases:
        for part, image in enumerate(canvas.images or (None,), 1):
            yield _Job(manifest, canvas, image, part)


def _fetched(web: Web, max_pixels: int, job: _Job) -> FetchedPage:
    about = _about(job)
    if job.image is None:
        place = Locator(web.place(job.canvas.address, job.name))
        return FetchedPage(place, about, f"{job.canvas.address}: this page of the manifest has no image")
    try:
        return FetchedPage(Locator(_image_file(web, job.image, job.name, max_pixels)), about)
    except FetchError as error:
        where = job.image.service or job.image.address or job.canvas.address
        return FetchedPage(Locator(web.place(where, job.name)), about, " ".join(str(error).split()))


def _image_file(web: Web, image: CanvasImage, name: str, max_pixels: int) -> Path:
    """The image in the cache: from its service as large as it gives, else from its own address."""
    failed: FetchError | None = None
    for request in dict.fromkeys((_from_service(web, image, max_pixels), image.address)):
        if request is None or (failed is not None and failed.refused):
            continue
        try:
            return web.get(
                request,
                name,
                accept="image/*",
                max_bytes=MAX_IMAGE_BYTES,
                check=partial(_check_image, request, max_pixels),
            )
        except FetchError as error:
            failed = failed or error
    assert failed is not None
    raise failed


def _from_service(web: Web, image: CanvasImage, max_pixels: int) -> str | None:
    if image.service is None:
        return None
    info: dict[str, Any] = {}
    try:
        url = f"{image.service}/info.json"
        info = parse_json(
            web.get(url, "info.json", accept="application/ld+json, application/json", max_bytes=4_000_000), url
        )
    except FetchError as error:
        if error.refused:
            raise
    except ScanError:
        # Without its description the server may still give the whole image.
        pass
    return image_request(image, info, max_pixels)


def _check_image(url: str, max_pixels: int, path: Path) -> None:
    """Refuse what is no sound image, so that the cache holds nothing that would fail for ever."""
    try:
        open_image(path, max_pixels)
    except ScanError as error:
        raise FetchError(f"{url}: {str(error).removeprefix(f'{path}: ')}") from error


def _about(job: _Job) -> PageMetadata:
    manifest, canvas = job.manifest, job.canvas
    row: dict[str, str] = {}
    for label, value in manifest.pairs:
        row[label] = f"{row[label]}; {value}" if label in row else value
    if manifest.label and not any(label.casefold() == "title" for label in row):
        row["title"] = manifest.label
    row |= {"manifest": manifest.address, "canvas": canvas.address}
    if canvas.label:
        row["canvas_label"] = canvas.label
    return described(row, book=manifest.slug, handle=canvas.address)


def _number_apart(source: str) -> tuple[str, int]:
    numbered = _NUMBERED.fullmatch(source)
    return (numbered["source"], int(numbered["number"])) if numbered else (source, 0)
