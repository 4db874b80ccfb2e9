"""Finds the pages of folders, files and digital libraries, and gives each an id; says what a folder has besides.

Nothing of the user's is copied or renamed. ``find_pages`` takes every kind of source; ``list_scans`` and ``find_scans``
take what lies on the disk.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tablesim.errors import FetchError, ScanError, TablesimError
from tablesim.scans import formats, pdf_apart, tiff
from tablesim.scans.canvases import FetchedPage, OnPage, fetch_pages, ignore_progress, is_library_source
from tablesim.scans.images import DECODER_ERRORS, MAX_PIXELS
from tablesim.scans.locator import (
    ANIMATED_SUFFIXES,
    PDF_SUFFIXES,
    READABLE,
    SCAN_SUFFIXES,
    TIFF_SUFFIXES,
    Locator,
    looks_like,
    normalized_name,
    path_in_writing,
)
from tablesim.scans.metadata import PageMetadata
from tablesim.scans.web import Web

RUN_MARK = "run.json"
"""A folder with this file is a run of ours; the pictures of its report are not scans."""

_PEEKS = 3
"""Files of one ending whose first bytes are looked at to say what they are."""

HIDDEN = "hidden"
RUN_FOLDER = "folders of runs"
CLOSED = "cannot be opened; check the rights to them"
AROUND = "links to a folder around the one that is searched"
NOWHERE = "links that lead nowhere"
SPECIAL = "pipes, sockets or devices"
NAME_THEM = "can be read, but are not looked for under this ending; name the files, or give them another one"
CONVERT = "images of a kind that is not read; save them as JPEG, PNG, TIFF or PDF"
NO_SCANS = "no scans by their ending"


Source = str | Path | Locator
"""A folder, a file, a page of a file (``book.pdf#12``), the address of a IIIF manifest or collection."""


@dataclass(frozen=True, order=True)
class LeftOut:
    """Files or folders of one kind that a search of folders passed over.

    Parameters
    ----------
    reason : str
        Why: one of the constants of this module, such as ``HIDDEN`` and ``CONVERT``.
    kind : str
        The ending in lower case, "no ending", "file" or "folder".
    count : int
        How many.
    example : str
        The first of them, as it is written.
    """

    reason: str
    kind: str
    count: int
    example: str


@dataclass(frozen=True)
class ScanListing:
    """What folders and files hold: the scans, sorted by file and number, and what was left out and why."""

    scans: tuple[Locator, ...]
    left_out: tuple[LeftOut, ...] = ()


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
    left_out : tuple of LeftOut
        What folders hold besides.
    """

    scans: dict[str, Locator]
    about: dict[str, PageMetadata]
    missing: dict[str, str]
    left_out: tuple[LeftOut, ...] = ()


def find_pages(
    source: Source | Sequence[Source],
    web: Web | None = None,
    *,
    max_pixels: int = MAX_PIXELS,
    on_page: OnPage = ignore_progress,
) -> Pages:
    """The pages of folders, files and libraries; see ``list_scans`` and ``canvases.fetch_pages`` for the two parts.

    Raises
    ------
    ScanError
        A path does not exist, a folder has no scans, a JSON file is no IIIF manifest, a collection leads to none. What
        cannot be fetched is no error: it stands in ``missing``.
    """
    paths, libraries = split_sources(source)
    on_disk = list_scans(paths) if paths or not libraries else ScanListing(())
    return name_fetched_pages(on_disk, fetch_pages(libraries, web or Web(), max_pixels=max_pixels, on_page=on_page))


def find_page(source: Source, web: Web | None = None) -> Locator:
    """The one page that ``source`` names; ScanError when it names none or several, or it cannot be fetched."""
    if is_library_source(source):
        page = fetch_pages([str(source)], web or Web(), at_most=1)[0]
        if page.problem:
            raise FetchError(page.problem)
        return page.locator
    scans = find_scans(source)
    if len(scans) > 1:
        raise ScanError(f"{source}: has {len(scans)} pages, expected one; name it, such as {scans[0]}")
    return scans[0]


def split_sources(source: Source | Sequence[Source]) -> tuple[list[Source], list[str]]:
    """What of ``source`` is on the disk, and what is in a library: addresses, and files with IIIF manifests."""
    given = _several(source)
    libraries = [str(item) for item in given if is_library_source(item)]
    return [item for item in given if not is_library_source(item)], libraries


def name_fetched_pages(on_disk: ScanListing, fetched: Iterable[FetchedPage]) -> Pages:
    """Scans on the disk and pages out of libraries together, each page with its id."""
    by_locator = {page.locator: page for page in fetched}
    named = name_pages([*on_disk.scans, *by_locator])
    from_libraries = {page: by_locator[locator] for page, locator in named.items() if locator in by_locator}
    return Pages(
        named,
        {page: fetched.metadata for page, fetched in from_libraries.items()},
        {page: fetched.problem for page, fetched in from_libraries.items() if fetched.problem},
        on_disk.left_out,
    )


def find_scans(source: Source | Sequence[Source]) -> list[Locator]:
    """The scans of ``list_scans`` alone."""
    return list(list_scans(source).scans)


def list_scans(source: Source | Sequence[Source]) -> ScanListing:
    """The pages of ``source``, each once, and what its folders hold besides.

    Folders are searched to the bottom, linked folders too and each once, for files that end as ``SCAN_SUFFIXES``.
    Hidden files, run folders and whatever else is left out are counted with the reason. A file named outright is taken
    whatever its ending, so that reading it can say what is wrong with it; so is a PDF or TIFF whose pages cannot be
    counted. ``book.pdf#12`` is page 12 alone.

    Raises
    ------
    ScanError
        A path does not exist, or a folder has no scans in it or cannot be opened.
    """
    given = _several(source)
    if not given:
        raise ScanError("find_scans: got no paths, expected at least one file or folder")
    scans: dict[Locator, None] = {}
    left_out: list[LeftOut] = []
    for where in (Locator.of(item).on_disk() for item in given):
        if where.file.is_dir() and not where.number:
            search = _FolderSearch(where.file)
            left_out += search.left_out
            for file in search.files:
                scans.update(dict.fromkeys(_pages_of(file)))
        elif not where.file.exists():
            raise ScanError(f"{Locator(where.file)}: there is no such file or folder; check the path")
        else:
            scans.update(dict.fromkeys([where] if where.number else _pages_of(where.file)))
    return ScanListing(tuple(sorted(scans)), tuple(sorted(left_out)))


def describe_left_out(left_out: Iterable[LeftOut]) -> Iterator[str]:
    """What folders hold besides scans, a line a reason: how many of which ending, and the first of them."""
    for reason, group in itertools.groupby(sorted(left_out), key=lambda item: item.reason):
        items = list(group)
        yield f"left out: {_kinds_in_words(items)}: {reason} (such as {items[0].example})"


def _kinds_in_words(items: Iterable[LeftOut], most: int | None = None) -> str:
    counts: Counter[str] = Counter()
    for item in items:
        counts[item.kind] += item.count
    return ", ".join(f"{count} x {kind}" for kind, count in counts.most_common(most))


def _several(source: Source | Sequence[Source]) -> list[Source]:
    return [source] if isinstance(source, str | Path | Locator) else list(source)


def _pages_of(file: Path) -> list[Locator]:
    """The pages of a file: itself, or each of its pages by number.

    What cannot be counted stays one page: opening it says what is wrong, as for any page.
    """
    suffix = file.suffix.lower()
    if not file.is_file():
        return [Locator(file)]
    try:
        if suffix in PDF_SUFFIXES:
            return [Locator(file, number) for number in range(1, pdf_apart.count_pages(file) + 1)] or [Locator(file)]
        if suffix in TIFF_SUFFIXES and (n_pages := tiff.count_pages(file)) > 1:
            return [Locator(file, number) for number in range(1, n_pages + 1)]
        if suffix in ANIMATED_SUFFIXES and (n_frames := formats.count_frames(file)) > 1:
            return [Locator(file, number) for number in range(1, n_frames + 1)]
    except (TablesimError, *DECODER_ERRORS):
        pass
    return [Locator(file)]


def name_pages(scans: Iterable[Locator]) -> dict[str, Locator]:
    """A page id for each scan: the file stem, with the page's number in a file of several (``book_p0012``).

    Where two scans would share it the id is made longer: files that differ in folder get the folders' names in front,
    joined by ``_`` (``plates/p1.jpg`` is ``plates_p1``); files of one folder that differ in their ending keep the
    ending. Ids are in the form of ``normalized_name``, sorted.
    """
    locators = sorted(dict.fromkeys(scans))
    level = dict.fromkeys(locators, 0)
    while True:
        names = {locator: _name(locator, level[locator]) for locator in locators}
        count = Counter(names.values())
        shared = [
            locator
            for locator in locators
            if count[names[locator]] > 1 and level[locator] <= len(_folders(locator)) + 1
        ]
        if not shared:
            break
        for locator in shared:
            level[locator] += 1
    pages: dict[str, Locator] = {}
    for locator in locators:
        # Folders joined by "_" can still spell one name in two ways (a/b_c and a_b/c): count those.
        copies = (f"{names[locator]}-{number}" for number in itertools.count(2))
        pages[next(name for name in itertools.chain([names[locator]], copies) if name not in pages)] = locator
    return dict(sorted(pages.items()))


def _name(locator: Locator, level: int) -> str:
    """Ever longer names: stem; folder and stem; the whole name; then with more and more folders in front."""
    depth, whole = ((0, False), (1, False), (0, True))[level] if level < 3 else (level - 2, True)
    folders = _folders(locator)[-depth:] if depth else ()
    return normalized_name("_".join((*folders, locator.name if whole else locator.stem)))


def _folders(locator: Locator) -> tuple[str, ...]:
    return Path(path_in_writing(Path(os.path.realpath(locator.file)))).parts[1:-1]


class _FolderSearch:
    """The scans below ``root`` and what else is there. Linked folders come last, so that real paths are preferred."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: list[Path] = []
        self._counts: Counter[tuple[str, str]] = Counter()
        self._examples: dict[tuple[str, str], str] = {}
        self._others: dict[str, list[Path]] = {}
        self._seen: set[tuple[int, int]] = set()
        self._around = {(state.st_dev, state.st_ino) for state in map(os.stat, Path(os.path.realpath(root)).parents)}
        folders: list[Path] = [root]
        links: list[Path] = []
        while folders or links:
            more, linked = self._search(folders.pop() if folders else links.pop(0))
            folders += more
            links += linked
        self._look_at_others()
        self.left_out = [
            LeftOut(reason, kind, count, self._examples[reason, kind]) for (reason, kind), count in self._counts.items()
        ]
        if not self.files:
            kinds = _kinds_in_words(self.left_out, 4) or "nothing"
            raise ScanError(
                f"{path_in_writing(root)}: no scans in this folder (found: {kinds}); expected files that end in "
                f"{' '.join(sorted(SCAN_SUFFIXES))}"
            )

    def _search(self, folder: Path) -> tuple[list[Path], list[Path]]:
        """Take the files of a folder; the folders in it, and those that are linked into it."""
        folders: list[Path] = []
        links: list[Path] = []
        try:
            state = folder.stat()
            if (state.st_dev, state.st_ino) in self._seen:
                return [], []
            if (state.st_dev, state.st_ino) in self._around:
                self._leave_out(AROUND, "folder", folder)
                return [], []
            self._seen.add((state.st_dev, state.st_ino))
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            if folder == self.root:
                raise ScanError(
                    f"{path_in_writing(folder)}: cannot be opened ({error.strerror or error}); check the rights to it"
                ) from error
            self._leave_out(CLOSED, "folder", folder)
            return [], []
        if folder != self.root and any(entry.name == RUN_MARK for entry in entries):
            self._leave_out(RUN_FOLDER, "folder", folder)
            return [], []
        for entry in entries:
            path = Path(entry.path)
            try:
                is_folder, is_file = entry.is_dir(), entry.is_file()
            except OSError:  # a link in a circle, or to where one may not look
                is_folder = is_file = False
            if is_folder:
                if entry.name.startswith("."):
                    self._leave_out(HIDDEN, "folder", path)
                else:
                    (links if entry.is_symlink() else folders).append(path)
            else:
                self._take_file(path, regular=is_file)
        return folders, links

    def _take_file(self, path: Path, *, regular: bool) -> None:
        suffix = path.suffix.lower()
        is_lost_link = not regular and not os.path.exists(path)  # noqa: PTH110 - Path.exists raises where one may not look
        if path.name.startswith("."):
            self._leave_out(HIDDEN, "file", path)
        elif not regular and not is_lost_link:
            self._leave_out(SPECIAL, "file", path)
        elif suffix in SCAN_SUFFIXES:
            # A link to a scan that is away is a page all the same, and says so when it is opened.
            self.files.append(path)
        elif is_lost_link:
            self._leave_out(NOWHERE, "file", path)
        else:
            self._others.setdefault(suffix or "no ending", []).append(path)

    def _look_at_others(self) -> None:
        for kind, paths in self._others.items():
            reason, example = NO_SCANS, paths[0]
            for path in paths[:_PEEKS]:
                try:
                    words = looks_like(path)
                except OSError:
                    continue
                if words in READABLE or words.endswith("image") or words == "a DjVu file":
                    reason, example = NAME_THEM if words in READABLE else CONVERT, path
                    break
            self._leave_out(reason, kind, example, len(paths))

    def _leave_out(self, reason: str, kind: str, path: Path, count: int = 1) -> None:
        kind = path_in_writing(Path(kind))
        self._counts[reason, kind] += count
        self._examples.setdefault((reason, kind), path_in_writing(path))
