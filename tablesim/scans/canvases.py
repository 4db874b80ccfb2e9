"""Fetches the pages of digital libraries: walks IIIF collections and manifests, and gets the image of each canvas.

A fetched image is a file in the cache, named as its page (``bpt6k1510024_p0012.jpg``), and from then on a scan like any
other. What cannot be fetched becomes a page with its cause, and the rest goes on.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tablesim.errors import ScanError
from tablesim.scans.iiif import (
    Canvas,
    CanvasImage,
    Collection,
    Manifest,
    read_presentation,
    slug_of,
)
from tablesim.scans.images import MAX_PIXELS
from tablesim.scans.locator import Locator
from tablesim.scans.metadata import PageMetadata, metadata_of_labels
from tablesim.scans.page_images import get_page_image
from tablesim.scans.web import Web, as_address

MAX_FILES = 20_000
"""Manifests and collections that one source may lead to."""

_ACCEPT = (
    'application/ld+json;profile="http://iiif.io/api/presentation/3/context.json", application/ld+json, '
    "application/json;q=0.9"
)
_THREADS = 8
"""Images fetched at a time: few enough for one library."""
_NUMBERED = re.compile(r"(?P<source>.+)#0*(?P<number>[1-9]\d{0,8})", re.DOTALL)

OnPage = Callable[[int, int, str, str], None]
"""Told for each page: how many are done, how many there are, page id, and why it did not come (or nothing)."""


def ignore_progress(done: int, total: int, page: str, problem: str) -> None:
    """An ``OnPage`` that does nothing."""


@dataclass(frozen=True)
class FetchedPage:
    """A page of a library: its file in the cache, what the library says of it, and why the file is not there if so.

    An image that came smaller than the library promises has that among its metadata (``SMALLER``).
    """

    locator: Locator
    metadata: PageMetadata
    problem: str = ""


CANVAS_SIZE = "canvas_size"
"""The column of metadata with the size of a page's canvas, ``3000 x 4200``: coordinates on it are counted in that."""

CANVAS_PART = "canvas_part"
"""The column with the part of the canvas that a page's image covers, ``x,y,width,height``, where it is not all."""

ENCODING = "manifest_encoding"
"""The column that says so where a manifest is no UTF-8 and its encoding was guessed, with words to check it by."""

SMALLER = "image_size"
"""The column of metadata that says so: ``435 x 599 of 993 x 1369 pixels``."""


@dataclass(frozen=True)
class _Job:
    """An image to fetch; ``referrer`` is the document that names it, None for a file of the user's."""

    manifest: Manifest
    canvas: Canvas
    image: CanvasImage | None
    part: int
    referrer: str | None

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
        A source is a file that is not there, or has no page of that number; too many pages.
    OSError
        The cache cannot be written.
    """
    lost: list[FetchedPage] = []
    jobs: list[_Job] = []
    for source in dict.fromkeys(sources):
        bare, number = _number_apart(source)
        of_source: list[_Job] = []
        n_lost = len(lost)
        for item in _walk(bare, web):
            if isinstance(item, FetchedPage):
                lost.append(item)
            else:
                of_source.extend(_jobs(*item))
        if not of_source and len(lost) == n_lost:
            nowhere = f"{source}: this IIIF collection leads to no manifest; look at it in a viewer"
            lost.append(_lost(bare, web, nowhere))
        chosen = [job for job in of_source if job.canvas.number == number] if number else of_source
        if number and of_source and not chosen:
            n_pages = max(job.canvas.number for job in of_source)
            raise ScanError(f"{source}: has {n_pages} pages; name one of these")
        jobs.extend(chosen)
    pages: list[FetchedPage] = []
    total = len(jobs) + len(lost)
    if at_most is not None and total > at_most:
        what = f"{sources[0]}: has {total} pages, expected {at_most}"
        raise ScanError(f"{what}; name one of them, such as {sources[0]}#1")
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            for page in itertools.chain(lost, pool.map(partial(_fetched, web, max_pixels), jobs)):
                pages.append(page)
                on_page(len(pages), total, page.locator.stem, page.problem)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return pages


def _walk(source: str, web: Web) -> Iterator[tuple[Manifest, str | None] | FetchedPage]:
    """Every manifest that a source leads to, each once, with the document that names its images; a page with the cause
    in place of what cannot be had.
    """
    address = as_address(source)
    if address is None and not Path(source).is_file():
        raise ScanError(f"{source}: there is no such file; check the path")
    seen: set[str] = set()
    waiting: list[tuple[str | Manifest, str | None]] = [(address or source, None)]
    while waiting:
        item, referrer = waiting.pop()
        if isinstance(item, Manifest):
            yield item, referrer
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
            document = _presentation(item, referrer, web)
        except ScanError as error:
            yield _lost(item, web, str(error))
            continue
        named_by = as_address(item)
        if isinstance(document, Collection):
            waiting.extend((member, named_by) for member in reversed(document.members))
        else:
            yield document, named_by


def _presentation(source: str, referrer: str | None, web: Web) -> Manifest | Collection:
    if as_address(source) is None:
        return read_presentation(Path(source), source)
    # A web page in place of a manifest is not kept: the next time it may be the manifest.
    check = partial(read_presentation, where=source)
    path = web.get(source, f"{slug_of(source)}.json", referrer=referrer, accept=_ACCEPT, check=check)
    return read_presentation(path, source)


def _lost(address: str, web: Web, problem: str) -> FetchedPage:
    slug = slug_of(address)
    return FetchedPage(Locator(web.path_of(address, slug)), PageMetadata(book=slug), problem)


def _jobs(manifest: Manifest, referrer: str | None) -> Iterator[_Job]:
    for canvas in manifest.canvases:
        for part, image in enumerate(canvas.images or (None,), 1):
            yield _Job(manifest, canvas, image, part, referrer)


def _fetched(web: Web, max_pixels: int, job: _Job) -> FetchedPage:
    metadata = _metadata(job)
    if job.image is None:
        locator = Locator(web.path_of(job.canvas.address, job.name))
        return FetchedPage(locator, metadata, f"{job.canvas.address}: this page of the manifest has no image")
    where = job.image.service or job.image.address or job.canvas.address
    try:
        size = job.canvas.width, job.canvas.height
        found = get_page_image(web, job.image, job.name, job.referrer, size, max_pixels)
    except (ScanError, ValueError, ArithmeticError, RecursionError) as error:
        return FetchedPage(Locator(web.path_of(where, job.name)), metadata, " ".join(str(error).split()))
    if found.smaller:
        metadata.extra[SMALLER] = found.smaller
    return FetchedPage(Locator(found.path), metadata)


def _metadata(job: _Job) -> PageMetadata:
    manifest, canvas = job.manifest, job.canvas
    row: dict[str, str] = {}
    for label, value in manifest.pairs:
        row[label] = f"{row[label]}; {value}" if label in row else value
    if manifest.label and not any(label.casefold() == "title" for label in row):
        row["title"] = manifest.label
    row |= {"manifest": manifest.address, "canvas": canvas.address}
    if manifest.guessed:
        row[ENCODING] = manifest.guessed
    if job.image is not None and job.image.place:
        row[CANVAS_PART] = job.image.place
    if canvas.width and canvas.height:
        row[CANVAS_SIZE] = f"{canvas.width} x {canvas.height}"
    if canvas.label:
        row["canvas_label"] = canvas.label
    return metadata_of_labels(row, book=manifest.slug, handle=canvas.address)


def _number_apart(source: str) -> tuple[str, int]:
    numbered = _NUMBERED.fullmatch(source)
    return (numbered["source"], int(numbered["number"])) if numbered else (source, 0)
