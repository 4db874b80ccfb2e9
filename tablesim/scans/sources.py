"""Where the scans are: folders, files and digital libraries in, pages with an id each out.

Nothing of the user's is copied or renamed. ``find_pages`` takes everything; ``find_scans`` what lies on the disk.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tablesim.errors import FetchError, ScanError, TablesimError
from tablesim.scans import pdf, tiff
from tablesim.scans.canvases import FetchedPage, OnPage, fetch_pages, ignore_progress, is_library_source
from tablesim.scans.images import MAX_PIXELS
from tablesim.scans.kinds import PDF_SUFFIXES, SCAN_SUFFIXES, TIFF_SUFFIXES
from tablesim.scans.locator import Locator
from tablesim.scans.metadata import PageMetadata
from tablesim.scans.web import Web

RUN_MARK = "run.json"
"""A folder with this file is a run of ours; the pictures of its report are not scans."""


Source = str | Path | Locator
"""A folder, a file, a page of a file (``book.pdf#12``), the address of a IIIF manifest or collection."""


@dataclass(frozen=True)
class Pages:
    """The pages of some sources.

    Parameters
    ----------
    scans : dict of str to Locator
        By page id, sorted.
    about : dict of str to PageMetadata
        What the source itself says of a page, where it says something.
    missing : dict of str to str
        Why the scan of a page is not where ``scans`` has it.
    """

    scans: dict[str, Locator]
    about: dict[str, PageMetadata]
    missing: dict[str, str]


def find_pages(
    source: Source | Sequence[Source],
    web: Web | None = None,
    *,
    max_pixels: int = MAX_PIXELS,
    on_page: OnPage = ignore_progress,
) -> Pages:
    """The pages of folders, files and libraries; see ``find_scans`` and ``canvases.fetch_pages`` for the two parts.

    Raises
    ------
    ScanError
        A path does not exist, a folder has no scans, a JSON file is no IIIF manifest. What cannot be fetched is no
        error: it stands in ``missing``.
    """
    paths, libraries = split_sources(source)
    scans = find_scans(paths) if paths or not libraries else []
    return name_fetched_pages(scans, fetch_pages(libraries, web or Web(), max_pixels=max_pixels, on_page=on_page))


def find_page(source: Source, web: Web | None = None) -> Locator:
    """The one page that ``source`` names; ScanError when it names none or several, or it cannot be fetched."""
    if is_library_source(source):
        page = fetch_pages([str(source)], web or Web(), at_most=1)[0]
        if page.problem:
            raise FetchError(page.problem)
        return page.place
    scans = find_scans(source)
    if len(scans) > 1:
        raise ScanError(f"{source}: has {len(scans)} pages, expected one; name it, such as {scans[0]}")
    return scans[0]


def split_sources(source: Source | Sequence[Source]) -> tuple[list[Source], list[str]]:
    """What of ``source`` is on the disk, and what is in a library: addresses, and files with IIIF manifests."""
    given = _several(source)
    libraries = [str(item) for item in given if is_library_source(item)]
    return [item for item in given if not is_library_source(item)], libraries


def name_fetched_pages(scans: Iterable[Locator], fetched: Iterable[FetchedPage]) -> Pages:
    """Scans on the disk and pages out of libraries together, each page with its id."""
    by_place = {page.place: page for page in fetched}
    named = name_pages([*scans, *by_place])
    own = {page: by_place[place] for page, place in named.items() if place in by_place}
    return Pages(
        named,
        {page: fetched.about for page, fetched in own.items()},
        {page: fetched.problem for page, fetched in own.items() if fetched.problem},
    )


def find_scans(source: Source | Sequence[Source]) -> list[Locator]:
    """The pages of ``source``, each once, sorted by file and number.

    Folders are searched to the bottom for files that end as ``SCAN_SUFFIXES``; hidden files and run folders are left
    out. A file named outright is taken whatever its ending, so that reading it can say what is wrong with it; so is a
    PDF or TIFF whose pages cannot be counted. ``book.pdf#12`` is page 12 alone.

    Raises
    ------
    ScanError
        A path does not exist, or a folder has no scans in it.
    """
    given = _several(source)
    if not given:
        raise ScanError("find_scans: got no paths, expected at least one file or folder")
    found: dict[Locator, None] = {}
    for where in map(Locator.of, given):
        if where.file.is_dir() and not where.number:
            for file in _in_folder(where.file):
                found.update(dict.fromkeys(_pages_of(file)))
        elif not where.file.exists():
            raise ScanError(f"{where.file}: there is no such file or folder; check the path")
        else:
            found.update(dict.fromkeys([where] if where.number else _pages_of(where.file)))
    return sorted(found)


def _several(source: Source | Sequence[Source]) -> list[Source]:
    return [source] if isinstance(source, str | Path | Locator) else list(source)


def _pages_of(file: Path) -> list[Locator]:
    """The pages of a file: itself, or each of its pages by number.

    What cannot be counted stays one page: opening it says what is wrong, in the place where all pages say it.
    """
    suffix = file.suffix.lower()
    try:
        if suffix in PDF_SUFFIXES:
            return [Locator(file, number) for number in range(1, pdf.count_pages(file) + 1)] or [Locator(file)]
        if suffix in TIFF_SUFFIXES and (n_pages := tiff.count_pages(file)) > 1:
            return [Locator(file, number) for number in range(1, n_pages + 1)]
    except (TablesimError, OSError):
        pass
    return [Locator(file)]


def name_pages(scans: Iterable[Locator]) -> dict[str, Locator]:
    """A page id for each scan: the file stem, with the page's number in a file of several (``book_p0012``).

    Where two scans would share it the id is made longer: files that differ in folder get the folders' names in front,
    joined by ``_`` (``plates/p1.jpg`` is ``plates_p1``); files of one folder that differ in their ending keep the
    ending. Sorted by id.
    """
    places = sorted(dict.fromkeys(scans))
    level = dict.fromkeys(places, 0)
    while True:
        names = {place: _name(place, level[place]) for place in places}
        count = Counter(names.values())
        shared = [
            place for place in places if count[names[place]] > 1 and level[place] <= len(place.file.resolve().parts)
        ]
        if not shared:
            break
        for place in shared:
            level[place] += 1
    pages: dict[str, Locator] = {}
    for place in places:
        # Folders joined by "_" can still spell one name in two ways (a/b_c and a_b/c): count those.
        copies = (f"{names[place]}-{number}" for number in itertools.count(2))
        pages[next(name for name in itertools.chain([names[place]], copies) if name not in pages)] = place
    return dict(sorted(pages.items()))


def _name(place: Locator, level: int) -> str:
    """Ever longer names: stem; folder and stem; the whole name; then with more and more folders in front."""
    depth, whole = ((0, False), (1, False), (0, True))[level] if level < 3 else (level - 2, True)
    folders = place.file.resolve().parts[1:-1][-depth:] if depth else ()
    return "_".join((*folders, place.name if whole else place.stem))


def _in_folder(folder: Path) -> list[Path]:
    scans: list[Path] = []
    others: Counter[str] = Counter()
    for where, folders, files in os.walk(folder):
        if RUN_MARK in files and Path(where) != folder:
            folders.clear()
            continue
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            suffix = Path(name).suffix.lower()
            if suffix in SCAN_SUFFIXES and not name.startswith("."):
                scans.append(Path(where, name))
            else:
                others[suffix or "no ending"] += 1
    if not scans:
        kinds = ", ".join(f"{count} x {suffix}" for suffix, count in others.most_common(4)) or "nothing"
        raise ScanError(
            f"{folder}: no scans in this folder (found: {kinds}); expected files that end in "
            f"{' '.join(sorted(SCAN_SUFFIXES))}"
        )
    return scans
