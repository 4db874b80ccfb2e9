"""Reads what is known of pages (book, author, place, year) from CSV, joins it to pages by name, counts by any column.

The files of the Sacrobosco collection, of PixPlot and of most catalogues are read as they are: ``headings`` says which
column names mean the same, ``dates`` what a date allows. ``MetadataMatch`` names what does not fit on either side.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tablesim.errors import MetadataError
from tablesim.records.counting import counted, plural
from tablesim.records.dates import YearRange
from tablesim.scans.csvfile import CsvFile, read_csv, shortlist
from tablesim.scans.dates import CERTAIN, is_month, read_date
from tablesim.scans.headings import (
    ALIASES,
    CENTURIES,
    CONTAINER_COLUMNS,
    HEADINGS,
    KEY_COLUMNS,
    field_of,
    find_heading,
    heading_key,
)
from tablesim.scans.locator import IMAGE_SUFFIXES, SCAN_SUFFIXES, Locator, normalized_name, page_id

_DATE = ("year", "year_latest", "date")

LISTS = frozenset({"authors", "printers", "publishers"})
SINE_LOCO = "Sine loco"
"""The place of prints that name none, which is something else than a place that nobody looked up."""

SPHAERA_ID = re.compile(r"(?P<book>\d+)_.+_(?P<year>\d{4})_p\d+")
"""Page ids of the Sacrobosco collection, which say the book and, not always rightly, the year."""

NOT_GIVEN = "(not given)"
"""The value of pages of which a column says nothing. Prints that name no place have one: ``SINE_LOCO``."""

_NUMBERED = re.compile(r"(?P<book>.+)_p0*(?P<number>\d+)")
_ENDS_IN_NUMBER = re.compile(r"(?P<before>.*?)0*(?P<number>\d+)", re.DOTALL)
_BYTES = re.compile("<([89A-F][0-9A-F])>")
_OLD_ENCODINGS = ("cp1252", "cp850", "mac_roman", "cp437")
"""In which names of files were written that are no UTF-8."""
_EXAMPLES = 3
"""Names that a message gives before it says how many more there are."""

_NO_PLACE = re.compile(r"\W*(s\W*l\W*|sine loco|sans lieu|senza luogo|o\W*o\W*|ohne ort)\W*", re.IGNORECASE)


@dataclass(frozen=True)
class PageMetadata:
    """What one line of the file says of a page; a field that it leaves blank is None or empty.

    ``year`` and ``year_latest`` are the first and last year that the date allows, None where that end is open, and
    ``date`` is its words: ``YearRange``. Lists were apart by ``;``. ``extra`` holds every other column as written.
    ``place`` is ``SINE_LOCO`` however a catalogue abbreviates it.
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
    date: str | None = None
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Metadata:
    """A metadata file: one ``PageMetadata`` for each key, and how the file was understood.

    ``repeated`` has, for each further line of a key, the key and what the line says otherwise. ``fields`` has, for each
    column that was understood, what it was taken for; ``own_columns`` are the others, kept as they are. ``dates`` has,
    for each date of which something was assumed, the key and what.
    """

    path: Path
    rows: dict[str, PageMetadata]
    key_column: str
    separator: str
    encoding: str
    remarks: tuple[str, ...] = ()
    repeated: tuple[tuple[str, str], ...] = ()
    fields: dict[str, str] = field(default_factory=dict)
    own_columns: tuple[str, ...] = ()
    dates: tuple[tuple[str, str], ...] = ()

    def column_remarks(self) -> Iterator[str]:
        """What foreign headings were taken for, and which columns are the corpus's own."""
        foreign = [
            f"{column} is {name}"
            for column, name in self.fields.items()
            if heading_key(column) not in map(heading_key, HEADINGS.get(name, {}).get("English", ()))
        ]
        if foreign:
            yield f"metadata: columns understood: {shortlist(foreign, 20)}"
        if self.own_columns:
            yield f"metadata: columns of its own, kept and shown with each page: {shortlist(self.own_columns, 20)}"


def read_metadata(path: str | Path) -> Metadata:
    """The metadata file at ``path``; several lines for one page are joined, the first that fills a field counts.

    Raises
    ------
    MetadataError
        The file is missing, no CSV, or has no column that names the page.
    """
    file = read_csv(path, known=(*KEY_COLUMNS, *(name for names in ALIASES.values() for name in names)))
    key_column = find_heading(file.columns, KEY_COLUMNS)
    if key_column is None:
        raise MetadataError(
            f"{file.path}: no column names the page; found the columns {shortlist(file.columns)}; expected one of "
            f"{shortlist(KEY_COLUMNS, 40)}. Rename or add that column"
        )
    key_column, container = _page_columns(file, key_column)
    used = {key_column, *([container] if container else [])}
    fields = {column: name for column in file.columns if column not in used and (name := field_of(column))}
    rows: dict[str, PageMetadata] = {}
    first: dict[str, int] = {}
    repeated: list[tuple[str, str]] = []
    remarks = list(file.remarks)
    blank = 0
    months = any(is_month(row[column]) for column, name in fields.items() if name == "year" for row in file.rows)
    assumed: dict[str, list[str]] = {}
    dates: list[tuple[str, str]] = []
    for number, row in zip(file.lines, file.rows, strict=True):
        key = page_key(row[key_column])
        if not key:
            blank += 1
            continue
        if container is not None:
            key = f"{without_ending(page_key(row[container]))}_p{key}"
        new, how = _page_metadata(row, key_column, key, months=months)
        years = YearRange(new.year, new.year_latest).years or "no range"
        for assumption in (each for each in how if each not in CERTAIN):
            assumed.setdefault(assumption, []).append(f"{new.date} (line {number}): {years}")
            dates.append((key, f"{new.date}: {years}; {assumption}"))
        if key in rows:
            repeated.append((key, _difference(rows[key], new, first[key], number)))
            rows[key] = merged(rows[key], new)
        else:
            rows[key], first[key] = new, number
    remarks += [f"dates read as {how}: {len(dates)} ({shortlist(dates, _EXAMPLES)})" for how, dates in assumed.items()]
    if blank:
        have, are = counted(blank, "line has", "lines have"), plural(blank, "is", "are")
        remarks.append(f"{have} nothing in the column {key_column} and {are} left out")
    if not rows:
        raise MetadataError(f"{file.path}: the column {key_column} is blank in every line; expected page ids in it")
    own = tuple(column for column in file.columns if column not in used and column not in fields)
    fields = {key_column: "page", **({container: "file of the page"} if container else {}), **fields}
    return Metadata(
        file.path,
        rows,
        key_column,
        file.separator,
        file.encoding,
        tuple(remarks),
        tuple(repeated),
        fields,
        own,
        tuple(dates),
    )


def metadata_of_labels(row: Mapping[str, str], *, book: str, handle: str) -> PageMetadata:
    """What a library says of a page, as labels and values in its own words."""
    known, _ = _page_metadata(row, "", "")
    return replace(known, book=known.book or book, handle=handle)


def merged(first: PageMetadata, second: PageMetadata) -> PageMetadata:
    """What both say of a page; where they differ ``first`` counts."""
    values = {name: getattr(first, name) or getattr(second, name) for name in PageMetadata.__dataclass_fields__}
    dated = first if first.date or YearRange.of_row(vars(first)).is_known else second
    values |= {name: getattr(dated, name) for name in _DATE}
    values["extra"] = {**second.extra, **first.extra}
    return PageMetadata(**values)


def find_column(file: CsvFile, names: Iterable[str]) -> str | None:
    """The column of ``file`` that has the first of ``names`` it has at all, in any case; None without one."""
    return find_heading(file.columns, names)


def page_key(text: str) -> str:
    """The page id in a cell, as ``normalized_name``: of a path its last part, without the ``ff`` of "following"."""
    key = re.split(r"[/\\]", normalized_name(text).strip().rstrip("/\\"))[-1]
    return re.sub(r"\s+ff\.?$", "", key).strip()


def without_ending(key: str) -> str:
    """``key`` without the ending of an image file, where it has one."""
    path = Path(key)
    return key[: -len(path.suffix)] if path.suffix.lower() in SCAN_SUFFIXES else key


def _page_metadata(
    row: Mapping[str, str], key_column: str, key: str, *, months: bool = False
) -> tuple[PageMetadata, tuple[str, ...]]:
    """What a line says, and what was assumed of its date."""
    others = [column for column in row if column != key_column]
    columns_of: dict[str, list[str]] = {name: [] for name in ALIASES}
    for column in others:
        if row[column] and (name := field_of(column)) is not None:
            columns_of[name].append(column)
    chosen = {
        name: find_heading(filled, ALIASES[name]) if len(filled) > 1 else next(iter(filled), None)
        for name, filled in columns_of.items()
    }
    values = {name: "" if column is None else row[column] for name, column in chosen.items()}
    # A second column for one field is kept as it is where it says something else.
    used = {column for name, filled in columns_of.items() for column in filled if row[column] == values[name]}
    date = values["year"]
    is_century = heading_key(chosen["year"] or "") in CENTURIES and re.fullmatch(r"(\d{1,2}|[IVXivx]+)\.?", date)
    read = read_date(f"saec. {date}" if is_century else date, months=months)
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
    extra = {column: row[column] for column in others if column not in used and row[column]}
    years = read.years
    return PageMetadata(**fields, year=years.first, year_latest=years.last, date=date or None, extra=extra), read.how


def _page_columns(file: CsvFile, key_column: str) -> tuple[str, str | None]:
    """The column that names the page, and that of its file or book where the page alone is only a number."""
    numbers = [row[key_column] for row in file.rows if row[key_column]]
    if not numbers or not all(re.fullmatch(r"\d{1,5}", text) for text in numbers):
        return key_column, None
    container = find_heading((column for column in file.columns if column != key_column), CONTAINER_COLUMNS)
    if container is None:
        return key_column, None
    files = [row[container] for row in file.rows if row[container]]
    if len(set(files)) == len(files) and all(Path(name).suffix.lower() in IMAGE_SUFFIXES for name in files):
        # A file a page, and beside it the number that is printed on the page.
        return container, None
    return key_column, container


def _difference(first: PageMetadata, again: PageMetadata, line: int, other_line: int) -> str:
    """In words, what a second line of a page says otherwise than the first."""
    values, others = _flat(first), _flat(again)
    parts = [
        f"{name} {values[name]!r}, then {others[name]!r}"
        for name in values
        if others.get(name) not in (None, values[name])
    ]
    return f"lines {line} and {other_line}: {'; '.join(parts) or 'the same again'}"


def _flat(metadata: PageMetadata) -> dict[str, Any]:
    fields = {name: getattr(metadata, name) for name in metadata.__dataclass_fields__ if name != "extra"}
    if metadata.date:
        fields = {name: value for name, value in fields.items() if name not in ("year", "year_latest")}
    return {**{name: value for name, value in fields.items() if value}, **metadata.extra}


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
DATE = "date of which something was assumed"
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
        """The counts on both sides in one sentence."""
        n_pages = len(self.pages) + len(self.pages_without)
        text = (
            f"metadata: {len(self.pages)} of {counted(n_pages, 'page')} {plural(len(self.pages), 'has', 'have')} a line"
        )
        if self.pages_without:
            text += f" (without: {shortlist(self.pages_without, _EXAMPLES)})"
        if self.lines_without:
            name = counted(len(self.lines_without), "line names", "lines name")
            text += f"; {name} no page ({shortlist(self.lines_without, _EXAMPLES)})"
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
                named = shortlist((f"{case.page} ({case.detail})" if case.detail else case.page for case in cases), 2)
                yield f"metadata: {what}: {len(cases)} ({named})"


def match_lines(metadata: Metadata, pages: Mapping[str, Locator] | Iterable[str]) -> MetadataMatch:
    """Find the line of each page.

    A line names a page by its id in the same case, by the name of its file, by either without the file's ending, with
    or without zeros before the page's number, by what a name that is no UTF-8 says in an old encoding, and at last by
    the book alone: a line for ``book`` or ``book.pdf`` is one for every page ``book_p0012``. Two files of one name in
    different folders are told apart by their ids only.

    Parameters
    ----------
    metadata : Metadata
        The lines.
    pages : dict of str to Locator, or page ids
        With the scans themselves the names of their files are tried too.
    """
    scans = dict(pages) if isinstance(pages, Mapping) else {page: Locator(Path(page)) for page in pages}
    names = _Names(metadata.rows)
    shared = {stem for stem, count in Counter(map(page_id, scans.values())).items() if count > 1}
    key_of: dict[str, str] = {}
    for page, scan in scans.items():
        # Two files of one name: the name alone does not tell which of them the line means.
        own = (page,) if page_id(scan) in shared else (page, scan.name, scan.stem)
        key = names.key_of(tuple(map(normalized_name, own)), scan)
        if key is not None:
            key_of[page] = key
    used = set(key_of.values())
    pages_without = tuple(page for page in scans if page not in key_of)
    lines_without = tuple(key for key in metadata.rows if key not in used)
    return MetadataMatch(
        {page: metadata.rows[key] for page, key in key_of.items()},
        pages_without,
        lines_without,
        tuple(sorted(_findings(metadata, key_of, pages_without, lines_without))),
        (*metadata.column_remarks(), *metadata.remarks),
    )


class _Names:
    """The lines by every name that they go by."""

    def __init__(self, rows: Mapping[str, PageMetadata]) -> None:
        self.keys = {key: key for key in rows}
        self.stems: dict[str, str] = {}
        self.numbers: dict[tuple[str, int], str | None] = {}
        self.endings: dict[tuple[str, int], str | None] = {}
        for key in rows:
            stem = without_ending(key)
            self.stems.setdefault(stem, key)
            if number := _number_of(stem):
                # p1 and p01 side by side: neither is the other's page.
                self.numbers[number] = None if number in self.numbers else key
            if ending := _ending_of(stem):
                self.endings[ending] = None if ending in self.endings else key

    def key_of(self, names: tuple[str, ...], scan: Locator) -> str | None:
        numbers = [number for name in names if (number := _number_of(name)) is not None]
        file = replace(scan, number=0)
        books = [normalized_name(name) for name in (file.name, file.stem)] if scan.number else []
        candidates = (
            *map(self.keys.get, names),
            *map(self.stems.get, names),
            *map(self.numbers.get, numbers),
            *(self.endings.get(ending) for name in names if (ending := _ending_of(without_ending(name)))),
            *self._by_old_encodings(names),
            *(self.keys.get(book) or self.stems.get(book) for book in (*books, *(book for book, _ in numbers))),
        )
        return next((key for key in candidates if key is not None), None)

    def _by_old_encodings(self, names: Iterable[str]) -> Iterator[str | None]:
        """The lines of names that are no UTF-8, where only one old encoding makes names of lines of them."""
        for name in names:
            if _BYTES.search(name):
                data = _BYTES.sub(lambda match: chr(0xDC00 + int(match[1], 16)), name).encode(errors="surrogateescape")
                typed = (normalized_name(data.decode(encoding, "replace")) for encoding in _OLD_ENCODINGS)
                found = {key for text in typed if (key := self.keys.get(text) or self.stems.get(text)) is not None}
                yield found.pop() if len(found) == 1 else None


def _ending_of(name: str) -> tuple[str, int] | None:
    """A name in two, its last number without zeros before it: spreadsheets make 12 of 0012."""
    parts = _ENDS_IN_NUMBER.fullmatch(name)
    return (parts["before"], int(parts["number"])) if parts else None


def _number_of(name: str) -> tuple[str, int] | None:
    numbered = _NUMBERED.fullmatch(name)
    return (numbered["book"], int(numbered["number"])) if numbered else None


def _findings(
    metadata: Metadata, key_of: Mapping[str, str], pages: tuple[str, ...], lines: tuple[str, ...]
) -> Iterator[MetadataFinding]:
    folded = {without_ending(key).casefold(): key for key in lines}
    for page in pages:
        yield MetadataFinding(WITHOUT_LINE, page, "")
        if (key := folded.get(page.casefold())) is not None:
            yield MetadataFinding(OTHER_CASE, page, key, key)
    for key in lines:
        yield MetadataFinding(WITHOUT_PAGE, "", key)
    for page, key in key_of.items():
        named, row = SPHAERA_ID.fullmatch(page), metadata.rows[key]
        years = YearRange.of_row(vars(row))
        if named and years.is_known and not years.overlaps(int(named["year"]), int(named["year"])):
            yield MetadataFinding(OTHER_YEAR, page, key, f"{named['year']} and {years.shown}")
    page_of = {key: page for page, key in key_of.items()}
    for key, assumption in metadata.dates:
        yield MetadataFinding(DATE, page_of.get(key, ""), key, assumption)
    for key, difference in metadata.repeated:
        yield MetadataFinding(REPEATED, page_of.get(key, ""), key, difference)


def facet_names(lines: Iterable[Mapping[str, Any]]) -> list[str]:
    """The columns in which at least one page has something: ours first, then those of the corpus as they are written.

    ``lines`` are pages as ``Corpus.pages`` gives them, or ``asdict`` of their metadata.
    """
    filled: set[str] = set()
    others: dict[str, str] = {}
    for line in lines:
        filled.update(name for name in ALIASES if line.get("date" if name == "year" else name) or line.get(name))
        for column in line.get("extra") or {}:
            others.setdefault(heading_key(column), column)
    return [name for name in ALIASES if name in filled] + sorted(others.values())


def facet_of(line: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """The values of a page in column ``name``, which may be any name that the column goes by; empty for nothing.

    Lists have several values, written with ``;`` or ``|`` where the column is the corpus's own. A date is one value: a
    year, two with a dash, or an open range; its words where it has none.
    """
    field = field_of(name)
    if field == "year":
        years = YearRange.of_row(line)
        return (years.years or years.shown,) if years.is_known or years.words else ()
    if field is not None:
        value = line.get(field)
        values = list(value) if isinstance(value, list | tuple) else [value]
        return tuple(str(item) for item in values if item not in (None, ""))
    extra = {heading_key(column): text for column, text in (line.get("extra") or {}).items()}
    parts = re.split(r"[;|]", extra.get(heading_key(name), ""))
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def count_by(lines: Iterable[Mapping[str, Any]], name: str) -> dict[str, int]:
    """How many pages have each value of column ``name``, dates in their order, others by falling count.

    Raises
    ------
    MetadataError
        No page has such a column; the message names those there are.
    """
    lines = list(lines)
    counts = Counter(value for line in lines for value in facet_of(line, name) or (NOT_GIVEN,))
    if not set(counts) - {NOT_GIVEN}:
        raise MetadataError(
            f"metadata: no page has anything in a column {name!r}; expected one of {shortlist(facet_names(lines), 40)}"
        )
    by_date = field_of(name) == "year"
    return dict(sorted(counts.items(), key=lambda item: (item[0] == NOT_GIVEN, 0 if by_date else -item[1], item[0])))
