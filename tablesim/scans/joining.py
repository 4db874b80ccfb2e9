"""Brings pages and lines of metadata together, and says what did not fit on either side."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tablesim.scans.csvfile import listed
from tablesim.scans.locator import Locator, normalized_name
from tablesim.scans.metadata import SPHAERA_ID, Metadata, PageMetadata, without_ending

_NUMBERED = re.compile(r"(?P<book>.+)_p0*(?P<number>\d+)")
_EXAMPLES = 3


@dataclass(frozen=True, order=True)
class MetadataFinding:
    """Something about a page or a line that a person should know; ``what`` is the kind, equal for equal cases."""

    what: str
    page: str
    line: str
    detail: str = ""


WITHOUT_LINE = "page without a line"
WITHOUT_PAGE = "line without a page"
OTHER_CASE = "page and line differ only in case and were not joined"
OTHER_YEAR = "the name of a page says another year than the metadata, which holds"
REPEATED = "several lines for one page, of which the first that fills a column holds"


@dataclass(frozen=True)
class MetadataMatch:
    """Which pages found their line, which did not, and which lines found no page.

    Parameters
    ----------
    pages : dict of str to PageMetadata
        By page id; only the pages that found a line.
    pages_without, lines_without : tuple of str
        Page ids without a line; keys of lines without a page.
    findings : tuple of Finding
        All of these, and what looks wrong, one by one.
    file_remarks : tuple of str
        What was odd about the file itself.
    """

    pages: dict[str, PageMetadata]
    pages_without: tuple[str, ...]
    lines_without: tuple[str, ...]
    findings: tuple[MetadataFinding, ...]
    file_remarks: tuple[str, ...] = ()

    def summary(self) -> str:
        """The figures on both sides in one sentence."""
        n_pages = len(self.pages) + len(self.pages_without)
        text = f"metadata: {len(self.pages)} of {n_pages} pages have a line"
        if self.pages_without:
            text += f" (without: {listed(self.pages_without, _EXAMPLES)})"
        if self.lines_without:
            text += f"; {len(self.lines_without)} lines name no page ({listed(self.lines_without, _EXAMPLES)})"
        if not self.pages and self.pages_without and self.lines_without:
            text += (
                f". Nothing fits: a page is called {self.pages_without[0]!r}, a line {self.lines_without[0]!r}; "
                "write page ids or file names into the CSV"
            )
        return text

    def remarks(self) -> Iterator[str]:
        """What else is to be known, a sentence a kind with the first cases."""
        yield from self.file_remarks
        for what in (OTHER_CASE, OTHER_YEAR, REPEATED):
            cases = [finding for finding in self.findings if finding.what == what]
            if cases:
                named = listed((f"{case.page} ({case.detail})" if case.detail else case.page for case in cases), 2)
                yield f"metadata: {what}: {len(cases)} ({named})"


def join(metadata: Metadata, pages: Mapping[str, Locator] | Iterable[str]) -> MetadataMatch:
    """Find the line of each page.

    A line names a page by its id in the same case, by the name of its file, by either without the file's ending, with
    or without zeros before the page's number, and at last by the book alone: a line for ``book`` or ``book.pdf`` is one
    for every page ``book_p0012``. Two files of one name in different folders are told apart by their ids only.

    Parameters
    ----------
    metadata : Metadata
        The lines.
    pages : dict of str to Locator, or page ids
        With the places of the scans the names of their files are tried too.
    """
    places = dict(pages) if isinstance(pages, Mapping) else {page: Locator(Path(page)) for page in pages}
    names = _Names(metadata.rows)
    shared = {stem for stem, count in Counter(place.stem for place in places.values()).items() if count > 1}
    found: dict[str, str] = {}
    for page, place in places.items():
        # Two files of one name: the name alone does not tell which of them the line means.
        own = (page,) if place.stem in shared else (page, place.name, place.stem)
        line = names.line_of(map(normalized_name, own), place)
        if line is not None:
            found[page] = line
    used = set(found.values())
    without = tuple(page for page in places if page not in found)
    lines_without = tuple(key for key in metadata.rows if key not in used)
    return MetadataMatch(
        {page: metadata.rows[line] for page, line in found.items()},
        without,
        lines_without,
        tuple(sorted(_findings(metadata, found, without, lines_without))),
        metadata.remarks,
    )


class _Names:
    """The lines by every name that they go by."""

    def __init__(self, rows: Mapping[str, PageMetadata]) -> None:
        self.rows = rows
        self.stems: dict[str, str] = {}
        self.numbers: dict[tuple[str, int], str | None] = {}
        for key in rows:
            stem = without_ending(key)
            self.stems.setdefault(stem, key)
            if number := _number_of(stem):
                # p1 and p01 side by side: neither is the other's page.
                self.numbers[number] = None if number in self.numbers else key

    def line_of(self, names: Iterable[str], place: Locator) -> str | None:
        names = tuple(names)
        for name in names:
            if name in self.rows:
                return name
        for name in names:
            if name in self.stems:
                return self.stems[name]
        for name in names:
            number = _number_of(name)
            if number is not None and (line := self.numbers.get(number)) is not None:
                return line
        whole = replace(place, number=0)
        books = [normalized_name(name) for name in (whole.name, whole.stem)] if place.number else []
        books += [number[0] for name in names if (number := _number_of(name)) is not None]
        for book in books:
            if book in self.rows or book in self.stems:
                return book if book in self.rows else self.stems[book]
        return None


def _number_of(name: str) -> tuple[str, int] | None:
    numbered = _NUMBERED.fullmatch(name)
    return (numbered["book"], int(numbered["number"])) if numbered else None


def _findings(
    metadata: Metadata, found: Mapping[str, str], pages: Iterable[str], lines: Iterable[str]
) -> Iterator[MetadataFinding]:
    lines = tuple(lines)
    folded = {without_ending(key).casefold(): key for key in lines}
    for page in pages:
        yield MetadataFinding(WITHOUT_LINE, page, "")
        if (key := folded.get(page.casefold())) is not None:
            yield MetadataFinding(OTHER_CASE, page, key, key)
    for key in lines:
        yield MetadataFinding(WITHOUT_PAGE, "", key)
    for page, key in found.items():
        named, row = SPHAERA_ID.fullmatch(page), metadata.rows[key]
        if named and row.year is not None and not row.year <= int(named["year"]) <= (row.year_latest or row.year):
            yield MetadataFinding(OTHER_YEAR, page, key, f"{named['year']} and {row.year}")
    page_of = {key: page for page, key in found.items()}
    for key, difference in metadata.repeated:
        yield MetadataFinding(REPEATED, page_of.get(key, ""), key, difference)
