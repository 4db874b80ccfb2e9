"""What is known of the pages: book, author, title, printer, place, year, from a CSV file.

The files of the Sacrobosco collection, of PixPlot and of most catalogues are read as they are: ``ALIASES`` says which
column names mean the same. A page is looked up by its id, in the case it is written, then without the file's ending.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tablesim.errors import MetadataError
from tablesim.scans.csvfile import CsvFile, listed, read_csv
from tablesim.scans.kinds import SCAN_SUFFIXES
from tablesim.scans.locator import Locator

KEY_COLUMNS = ("page_id", "page_id_", "page", "tableUri", "filename", "id")
"""Columns that can name the page, the first that the file has."""

ALIASES: dict[str, tuple[str, ...]] = {
    "book": ("book", "book_id", "bookId"),
    "authors": ("credited_authors", "authors", "author"),
    "title": ("short_title", "title", "bookTitle"),
    "printers": ("printers", "printer"),
    "publishers": ("publishers", "publisher"),
    "place": ("place_of_publication", "place", "city", "location"),
    "year": ("year_of_publication", "year", "date"),
    "handle": ("handle", "permalink"),
}
"""Our name of a field, and the columns that can fill it, in any case; the first that says something counts."""

LISTS = frozenset({"authors", "printers", "publishers"})
_SPHAERA_ID = re.compile(r"(?P<book>\d+)_.+_(?P<year>\d{4})_p\d+")


@dataclass(frozen=True)
class PageMetadata:
    """What one line of the file says of a page; a field that it leaves blank is None or empty.

    ``year`` and ``year_latest`` are the first and last year that the date allows; lists were apart by ``;``. ``extra``
    holds every other column as written.
    """

    book: str | None = None
    authors: tuple[str, ...] = ()
    title: str | None = None
    printers: tuple[str, ...] = ()
    publishers: tuple[str, ...] = ()
    place: str | None = None
    year: int | None = None
    year_latest: int | None = None
    handle: str | None = None
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MetadataMatch:
    """Which pages found their line, which did not, and which lines found no page.

    Parameters
    ----------
    pages : dict of str to PageMetadata
        By page id; only the pages that found a line.
    pages_without, lines_without : tuple of str
        Page ids without a line; keys of lines without a page.
    remarks : tuple of str
        Plain sentences on what looks wrong: keys that differ in case alone, years that the page id contradicts.
    """

    pages: dict[str, PageMetadata]
    pages_without: tuple[str, ...]
    lines_without: tuple[str, ...]
    remarks: tuple[str, ...] = ()

    def summary(self) -> str:
        """The figures on both sides in one sentence."""
        text = f"metadata: {len(self.pages)} of {len(self.pages) + len(self.pages_without)} pages have a line"
        if self.pages_without:
            text += f" (without: {listed(self.pages_without, 3)})"
        if self.lines_without:
            text += f"; {len(self.lines_without)} lines name no page ({listed(self.lines_without, 3)})"
        return text


@dataclass(frozen=True)
class Metadata:
    """A metadata file: one ``PageMetadata`` for each key, and how the file was understood."""

    path: Path
    rows: dict[str, PageMetadata]
    key_column: str
    separator: str
    encoding: str
    remarks: tuple[str, ...] = ()

    def match(self, pages: Mapping[str, Locator] | Iterable[str]) -> MetadataMatch:
        """Join with ``pages``: ids, or ids with their scans (then the names of the files are tried too)."""
        files = dict(pages) if isinstance(pages, Mapping) else {page: Locator(Path(page)) for page in pages}
        by_stem: dict[str, str] = {}
        for key in self.rows:
            by_stem.setdefault(without_ending(key), key)
        shared = {stem for stem, count in Counter(path.stem for path in files.values()).items() if count > 1}

        def key_of(page: str, path: Locator) -> str | None:
            for name in (page, path.name):
                if name in self.rows and (name == page or path.stem not in shared):
                    return str(name)
            if page in by_stem:
                return by_stem[page]
            # Two files of one name: the name alone does not tell which of them the line means.
            return None if path.stem in shared else by_stem.get(path.stem)

        found = {page: line for page, path in files.items() if (line := key_of(page, path)) is not None}
        joined = set(found.values())
        lines_without = tuple(key for key in self.rows if key not in joined)
        pages_without = tuple(page for page in files if page not in found)
        return MetadataMatch(
            {page: self.rows[key] for page, key in found.items()},
            pages_without,
            lines_without,
            (*self.remarks, *self._doubts(found, pages_without, lines_without)),
        )

    def _doubts(self, found: Mapping[str, str], pages: Iterable[str], lines: Iterable[str]) -> Iterable[str]:
        folded = {without_ending(key).casefold(): key for key in lines}
        for page in pages:
            if page.casefold() in folded:
                yield f"page {page} and line {folded[page.casefold()]} differ only in case and were not joined"
        for page, key in found.items():
            named, row = _SPHAERA_ID.fullmatch(page), self.rows[key]
            if named and row.year is not None and int(named["year"]) != row.year:
                yield f"page {page}: its name says {named['year']}, the metadata {row.year}; the metadata holds"


def read_metadata(path: str | Path) -> Metadata:
    """The metadata file at ``path``; several lines for one page are joined, the first that fills a field counts.

    Raises
    ------
    MetadataError
        The file is missing, no CSV, or has no column that names the page.
    """
    file = read_csv(path, known=(*KEY_COLUMNS, *(name for names in ALIASES.values() for name in names)))
    key_column = find_column(file, KEY_COLUMNS)
    if key_column is None:
        raise MetadataError(
            f"{file.path}: no column names the page; found the columns {listed(file.columns)}; expected one of "
            f"{', '.join(KEY_COLUMNS)}. Rename or add that column"
        )
    rows: dict[str, PageMetadata] = {}
    remarks = list(file.remarks)
    blank = 0
    for row in file.rows:
        key = page_key(row[key_column])
        if not key:
            blank += 1
            continue
        new = _page_metadata(row, key_column, key)
        rows[key] = _joined(rows[key], new) if key in rows else new
    if blank:
        remarks.append(f"{blank} lines have nothing in the column {key_column} and are left out")
    if not rows:
        raise MetadataError(f"{file.path}: the column {key_column} is blank in every line; expected page ids in it")
    return Metadata(file.path, rows, key_column, file.separator, file.encoding, tuple(remarks))


def find_column(file: CsvFile, names: Iterable[str]) -> str | None:
    """The column of ``file`` that has the first of ``names`` it has at all, in any case; None without one."""
    written = {column.casefold(): column for column in reversed(file.columns)}
    return next((written[name.casefold()] for name in names if name.casefold() in written), None)


def page_key(text: str) -> str:
    """The page id in a cell: of a path or address its last part, without the ``ff`` of "and the following"."""
    key = re.split(r"[/\\]", text.strip().rstrip("/\\"))[-1]
    return re.sub(r"\s+ff\.?$", "", key).strip()


def without_ending(key: str) -> str:
    """``key`` without the ending of an image file, where it has one."""
    path = Path(key)
    return key[: -len(path.suffix)] if path.suffix.lower() in SCAN_SUFFIXES else key


def years_of(text: str) -> tuple[int, int] | None:
    """First and last year of a date as catalogues write it: ``1550``, ``1581-01-01 00:00``, ``[1550-55]``, ``15--``."""
    day = re.match(r"\s*(\d{4})-\d{1,2}-\d{1,2}\b", text)
    if day:
        return int(day[1]), int(day[1])
    span = re.search(r"(?<!\d)(\d{4})\s*[-/\u2013]\s*(\d{2}|\d{4})(?!\d)", text)
    if span:
        last = int(span[2]) if len(span[2]) == 4 else int(span[1][:2] + span[2])
        return (int(span[1]), last) if last >= int(span[1]) else (int(span[1]), int(span[1]))
    years = [int(year) for year in re.findall(r"(?<!\d)\d{4}(?!\d)", text)]
    if years:
        return min(years), max(years)
    decade = re.search(r"(?<!\d)(\d{2})(\d?)[-?_.]{1,2}(?!\d)", text)
    if decade and len(decade[0]) == 4:
        start = int((decade[1] + decade[2]).ljust(4, "0"))
        return start, start + (9 if decade[2] else 99)
    return None


def _page_metadata(row: dict[str, str], key_column: str, key: str) -> PageMetadata:
    written = {column.casefold(): column for column in reversed(row) if column != key_column}
    used = {key_column}
    values: dict[str, str] = {}
    for name, aliases in ALIASES.items():
        columns = [written[alias.casefold()] for alias in aliases if alias.casefold() in written]
        used.update(columns)
        values[name] = next((row[column] for column in columns if row[column]), "")
    years = years_of(values["year"])
    fields: dict[str, Any] = {
        name: tuple(part.strip() for part in text.split(";") if part.strip()) if name in LISTS else text or None
        for name, text in values.items()
        if name != "year"
    }
    named = _SPHAERA_ID.fullmatch(without_ending(key))
    if fields["book"] is None and named:
        fields["book"] = named["book"]
    extra = {column: value for column, value in row.items() if column not in used and value}
    if values["year"] and years is None:
        extra["date"] = values["year"]
    return PageMetadata(**fields, year=years and years[0], year_latest=years and years[1], extra=extra)


def _joined(first: PageMetadata, second: PageMetadata) -> PageMetadata:
    values = {name: getattr(first, name) or getattr(second, name) for name in PageMetadata.__dataclass_fields__}
    if first.year is not None:
        values["year_latest"] = first.year_latest
    values["extra"] = {**second.extra, **first.extra}
    return PageMetadata(**values)
