"""What is known of the pages: book, author, title, printer, place, year, from a CSV file or a library's description.

The files of the Sacrobosco collection, of PixPlot and of most catalogues are read as they are: ``ALIASES`` says which
column names mean the same. ``joining`` brings lines and pages together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tablesim.errors import MetadataError
from tablesim.scans.csvfile import CsvFile, listed, read_csv
from tablesim.scans.kinds import SCAN_SUFFIXES
from tablesim.scans.locator import normalized_name

KEY_COLUMNS = ("page_id", "page_id_", "page", "tableUri", "filename", "id")
"""Columns that can name the page, the first that the file has."""

ALIASES: dict[str, tuple[str, ...]] = {
    "book": ("book", "book_id", "bookId"),
    "authors": ("credited_authors", "authors", "author", "creator"),
    "title": ("short_title", "title", "bookTitle"),
    "printers": ("printers", "printer"),
    "publishers": ("publishers", "publisher"),
    "place": ("place_of_publication", "place", "city", "location", "place of publication", "publication place"),
    "year": (
        *("year_of_publication", "year", "date", "publication date", "date of publication", "date issued"),
        *("issued", "published"),
    ),
    "handle": ("handle", "permalink"),
}
"""Our name of a field, and the columns that can fill it, in any case; the first that says something counts."""

CONTAINER_COLUMNS = ("filename", "file", "tableUri", "manifest", *ALIASES["book"])
"""Columns that name the file or book of a page where the page itself is only a number."""

LISTS = frozenset({"authors", "printers", "publishers"})
SINE_LOCO = "Sine loco"
"""The place of prints that name none, which is something else than a place that nobody looked up."""

SPHAERA_ID = re.compile(r"(?P<book>\d+)_.+_(?P<year>\d{4})_p\d+")
"""Page ids of the Sacrobosco collection, which say the book and, not always rightly, the year."""

_NO_PLACE = re.compile(r"\W*(s\W*l\W*|sine loco|sans lieu|senza luogo|o\W*o\W*|ohne ort)\W*", re.IGNORECASE)


@dataclass(frozen=True)
class PageMetadata:
    """What one line of the file says of a page; a field that it leaves blank is None or empty.

    ``year`` and ``year_latest`` are the first and last year that the date allows; lists were apart by ``;``. ``extra``
    holds every other column as written. ``place`` is ``SINE_LOCO`` however a catalogue abbreviates it.
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
class Metadata:
    """A metadata file: one ``PageMetadata`` for each key, and how the file was understood.

    ``repeated`` has, for each further line of a key, the key and what the line says otherwise.
    """

    path: Path
    rows: dict[str, PageMetadata]
    key_column: str
    separator: str
    encoding: str
    remarks: tuple[str, ...] = ()
    repeated: tuple[tuple[str, str], ...] = ()


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
    container = _container(file, key_column)
    rows: dict[str, PageMetadata] = {}
    first: dict[str, int] = {}
    repeated: list[tuple[str, str]] = []
    remarks = list(file.remarks)
    blank = 0
    for number, row in zip(file.lines, file.rows, strict=True):
        key = page_key(row[key_column])
        if not key:
            blank += 1
            continue
        if container is not None:
            key = f"{without_ending(page_key(row[container]))}_p{key}"
        new = _page_metadata(row, key_column, key)
        if key in rows:
            repeated.append((key, _difference(rows[key], new, first[key], number)))
            rows[key] = merged(rows[key], new)
        else:
            rows[key], first[key] = new, number
    if blank:
        remarks.append(f"{blank} lines have nothing in the column {key_column} and are left out")
    if not rows:
        raise MetadataError(f"{file.path}: the column {key_column} is blank in every line; expected page ids in it")
    return Metadata(file.path, rows, key_column, file.separator, file.encoding, tuple(remarks), tuple(repeated))


def metadata_of_labels(row: Mapping[str, str], *, book: str, handle: str) -> PageMetadata:
    """What a library says of a page, as labels and values in its own words."""
    known = _page_metadata(dict(row), "", "")
    return replace(known, book=known.book or book, handle=handle)


def merged(first: PageMetadata, second: PageMetadata) -> PageMetadata:
    """What both say of a page; where they differ ``first`` counts."""
    values = {name: getattr(first, name) or getattr(second, name) for name in PageMetadata.__dataclass_fields__}
    if first.year is not None:
        values["year_latest"] = first.year_latest
    values["extra"] = {**second.extra, **first.extra}
    return PageMetadata(**values)


def find_column(file: CsvFile, names: Iterable[str]) -> str | None:
    """The column of ``file`` that has the first of ``names`` it has at all, in any case; None without one."""
    written = {column.casefold(): column for column in reversed(file.columns)}
    return next((written[name.casefold()] for name in names if name.casefold() in written), None)


def page_key(text: str) -> str:
    """The page id in a cell, as ``normalized_name``: of a path its last part, without the ``ff`` of "following"."""
    key = re.split(r"[/\\]", normalized_name(text).strip().rstrip("/\\"))[-1]
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
    named = SPHAERA_ID.fullmatch(without_ending(key))
    if fields["book"] is None and named:
        fields["book"] = named["book"]
    if fields["place"] is not None and _NO_PLACE.fullmatch(fields["place"]):
        fields["place"] = SINE_LOCO
    extra = {column: value for column, value in row.items() if column not in used and value}
    if values["year"] and years is None:
        extra["date"] = values["year"]
    return PageMetadata(**fields, year=years and years[0], year_latest=years and years[1], extra=extra)


def _container(file: CsvFile, key_column: str) -> str | None:
    """The column that names the file or book, where the key column has bare page numbers; None where it has ids."""
    numbers = [row[key_column] for row in file.rows if row[key_column]]
    if not numbers or not all(re.fullmatch(r"\d{1,5}", text) for text in numbers):
        return None
    return find_column(file, [name for name in CONTAINER_COLUMNS if name.casefold() != key_column.casefold()])


def _difference(first: PageMetadata, again: PageMetadata, line: int, other: int) -> str:
    """In words, what a second line of a page says otherwise than the first."""
    one, two = _flat(first), _flat(again)
    parts = [f"{name} {one[name]!r}, then {two[name]!r}" for name in one if two.get(name, one[name]) != one[name]]
    return f"lines {line} and {other}: {'; '.join(parts) or 'the same again'}"


def _flat(about: PageMetadata) -> dict[str, Any]:
    fields = {name: value for name in about.__dataclass_fields__ if (value := getattr(about, name)) and name != "extra"}
    return {**fields, **about.extra}
