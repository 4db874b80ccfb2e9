"""Reads CSV files as scholars keep them: any separator and encoding, title lines, blank lines, stray line ends.

Metadata, labels, corrections and verdicts are all read through ``read_csv``, so that a file which opens in one opens in
the other. ``CsvFile.remarks`` name what had to be guessed or was left out. Writing is ``safe_cell`` and ``with_mark``.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tablesim.errors import MetadataError, without_steering
from tablesim.records.counting import counted
from tablesim.scans.encodings import MARK, decode_text
from tablesim.scans.headings import heading_key

SEPARATORS = (",", ";", "\t", "|")
_PROBE_ROWS = 50
"""Rows by which the separator is chosen, and among which the line of column names is looked for."""

_SEPARATOR_LINE = re.compile(r'\s*"?sep=(.)"?[\t;,| ]*(\r\r\n|\r\n|\r|\n|$)', re.IGNORECASE)
"""The first line that Excel takes for its own settings."""

_INVISIBLE = "\u200b\ufeff\u2060\x1a"
_FORMULA = re.compile(r"\s*'*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
"""What begins a formula in a spreadsheet, with blanks and what ``safe_cell`` puts before it; wide signs too."""
_FORMULA_INSIDE = re.compile(r"([;\t\n\r]\s*)('*[=+\-@])")
"""Where a spreadsheet that parts cells at semicolons would find a formula inside a cell."""
_FORMULA_INSIDE_SAFE = re.compile(r"([;\t\n\r]\s*)'('*[=+\-@])")
_DAY_FIRST = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?: (\d{1,2}):(\d\d)(?::(\d\d))?)?")
_DECIMAL_COMMA = re.compile(r"[-+]?(\d{1,3}(?:\.\d{3})+|\d+),(\d+)(?:[eE][-+]?\d+)?")


@dataclass(frozen=True)
class CsvFile:
    """The rows of a CSV file by column name, every value stripped of blanks at its ends.

    Parameters
    ----------
    path : Path
        The file that was read.
    columns : tuple of str
        Names as written, without the nameless ones (a spreadsheet's index, empty columns at the end).
    rows : tuple of dict
        Column name to value; a value that the file lacks is "".
    lines : tuple of int
        For each row the line of the file on which it ends, from 1.
    separator, encoding : str
        What the file turned out to use.
    remarks : tuple of str
        What was odd and read over, each with its line number.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[dict[str, str], ...]
    lines: tuple[int, ...]
    separator: str
    encoding: str
    remarks: tuple[str, ...] = ()


def read_csv(path: str | Path, known: Iterable[str] = ()) -> CsvFile:
    """The rows of the CSV file at ``path``.

    The separator is the one of ``, ; tab |`` under which the first line holds a column named in ``known``; where that
    does not decide, the one under which most of the first lines have as many fields as the first.

    Raises
    ------
    MetadataError
        The file is missing, empty, binary, or has no line below its header.
    """
    path = Path(path)
    names = {heading_key(name) for name in known}
    text, encoding, remarks = decode_text(path)
    if n_steering := len(text) - len(plain := without_steering(text)):
        text = plain
        remarks += (f"{n_steering} control characters, or signs that override the direction of writing, are left out",)
    settings = _SEPARATOR_LINE.match(text)
    n_before = 0
    if settings and settings[1] in SEPARATORS:
        text, separator, n_before = text[settings.end() :], settings[1], 1
    else:
        separator = _separator(text, names)
    try:
        lines = [(number + n_before, row) for number, row in _rows(text, separator) if any(map(str.strip, row))]
        if unwrapped := _unwrapped(lines, names):
            separator, lines = unwrapped
            remarks += ("every line stands in quotation marks as a whole; read without them",)
    except csv.Error as error:
        raise MetadataError(
            f"{path}: cannot be read as CSV ({error}); is a quotation mark not closed? Save it again as CSV (UTF-8)"
        ) from error
    if not lines:
        raise MetadataError(f"{path}: the file is empty; expected a line of column names and a line a page")
    at = _header_at([row for _, row in lines[:_PROBE_ROWS]], names)
    if at:
        above_it = counted(at, "line above it is", "lines above it are")
        remarks += (f"line {lines[at][0]} is taken for the column names; {above_it} left out",)
    body = lines[at + 1 :]
    names_written = [_bare(name) for name in lines[at][1]]
    header, more = _header(names_written, [row for _, row in body])
    remarks += more
    if not body:
        named = shortlist(name or "" for name in header)
        raise MetadataError(f"{path}: only a line of column names ({named}) and no line below it")
    columns = tuple(dict.fromkeys(name for name in header if name))
    rows = []
    above = lines[at][0]
    n_quotes = text.count('"') + text.count("\n")
    for number, values in body:
        swallowed = max(_swallowed_lines(value, separator, len(header)) for value in values) if n_quotes else 0
        if swallowed:
            raise MetadataError(
                f"{path}: line {above + 1}: a quotation mark is not closed, so that {swallowed} lines or more would "
                "become one value; close it, or double it where it is part of the text"
            )
        if any(value.strip() for value in values[len(header) :]):
            beyond = f"line {number}: {len(values)} values for {len(header)} columns; the last ones are left out"
            remarks += (beyond,)
        row = dict.fromkeys(columns, "")
        for name, written, value in zip(header, names_written, values, strict=False):
            if name:
                row[name] = plain_cell(value.strip())
                # Of two columns with one name the first that says something counts.
                row[written or name] = row[written or name] or row[name]
        rows.append(row)
        above = number
    remarks += _short_lines([(number, len(values)) for number, values in body], len(header))
    remarks += _stray_quotes(text, separator, n_before)
    numbers = tuple(number for number, _ in body)
    return CsvFile(path, columns, tuple(rows), numbers, separator, encoding, remarks)


Item = TypeVar("Item")


def read_items(
    path: Path,
    columns: Sequence[str],
    needed: Sequence[str],
    what: str,
    item: Callable[[dict[str, str], CsvFile], Item],
) -> tuple[Item, ...]:
    """What each row of a file of known columns says, by ``item``; columns may stand in any order and case.

    Raises
    ------
    MetadataError
        The file is no CSV, lacks a column that is ``needed``, or ``item`` refuses a row; the message names the rows.
    """
    file = read_csv(path, known=columns)
    written = {column.casefold(): column for column in reversed(file.columns)}
    if missing := [name for name in needed if name not in written]:
        raise MetadataError(
            f"{path}: no column {shortlist(missing)}; found {shortlist(file.columns)}; {what} has the columns "
            f"{','.join(columns)}"
        )
    items, wrong = [], []
    for line, row in enumerate(file.rows, start=1):
        values = {name: row[written[name]] if name in written else "" for name in columns}
        try:
            items.append(item(values, file))
        except MetadataError as error:
            wrong.append(f"row {line} ({values['page'] or 'no page'}): {error}")
    if wrong:
        more = f"; and {counted(len(wrong) - 3, 'more row')}" if len(wrong) > 3 else ""
        raise MetadataError(f"{path}: {'; '.join(wrong[:3])}{more}. Mend these rows (counted below the column names)")
    return tuple(items)


def read_number(text: str, separator: str) -> float:
    """A number as a spreadsheet of any country writes it: ``12.5``, ``12,5``, ``1.234,5``.

    In a file parted by commas ``1,250`` may be a thousand and more, or one and a quarter: it is refused.

    Raises
    ------
    ValueError
        The text is no number, or may be two.
    """
    text = text.strip()
    comma = _DECIMAL_COMMA.fullmatch(text)
    if comma and not (separator == "," and len(comma[2]) == 3 and "." not in comma[1]):
        text = text.replace(".", "").replace(",", ".")
    return float(text)


def read_moment(text: str) -> str:
    """A day or moment in ISO 8601 as it was written, or as a spreadsheet made it over: ``02.03.2026 10:15``.

    Days with strokes are given back as they are: nobody knows which of the two is the month.
    """
    made_over = _DAY_FIRST.fullmatch(text.strip())
    if not made_over:
        return text
    day, month, year, hour, minute, second = (int(part or 0) for part in made_over.groups())
    time = f"T{hour:02d}:{minute:02d}:{second:02d}" if made_over[4] else ""
    return f"{year:04d}-{month:02d}-{day:02d}{time}"


def safe_cell(value: Any) -> Any:
    """A value for a spreadsheet: an apostrophe stands before what it would take for a formula, also within a text
    that a spreadsheet may part at semicolons.
    """
    if not isinstance(value, str):
        return value
    value = _FORMULA_INSIDE.sub(r"\1'\2", value)
    return f"'{value}" if _FORMULA.match(value) else value


def plain_cell(text: str) -> str:
    """What ``safe_cell`` was given."""
    if text.startswith("'") and _FORMULA.match(text[1:]):
        text = text[1:]
    return _FORMULA_INSIDE_SAFE.sub(r"\1\2", text)


def with_mark(text: str) -> bytes:
    """A CSV file in UTF-8, with the mark by which Excel knows it where there is anything but ASCII."""
    # Names of files can hold halves of surrogates, which no UTF-8 can.
    return (b"" if text.isascii() else MARK) + text.encode("utf-8", errors="replace")


def _header(names: list[str], rows: list[list[str]]) -> tuple[list[str | None], tuple[str, ...]]:
    """A name for every column that has values; None for those that are left out; and what was made of odd ones."""
    header: list[str | None] = []
    remarks: list[str] = []
    for at, name in enumerate(names):
        values = [row[at].strip() for row in rows if at < len(row)]
        filled = [value for value in values if value]
        if name and name not in header:
            header.append(name)
        elif not filled:
            header.append(None)
        elif not name and at == 0 and _counts(filled):
            # The index that data frames write before their columns.
            header.append(None)
        else:
            new = f"{name} {at + 1}" if name else f"column {at + 1}"
            what = f"a second column {name}" if name else "a column without a name"
            header.append(new)
            remarks.append(f"{what} ({len(filled)} values, such as {filled[0]!r}) is kept as {new!r}")
    return header, tuple(remarks)


def _counts(values: list[str]) -> bool:
    """Whether some values number the lines."""
    return all(value.isdigit() for value in values) and len(set(values)) == len(values)


def _short_lines(lines: list[tuple[int, int]], n_columns: int) -> tuple[str, ...]:
    short = [(number, count) for number, count in lines if count < n_columns]
    # Some programs leave out the blank values at the end of any line: then nothing is odd.
    if not short or len(short) > 0.2 * len(lines) + 1:
        return ()
    named = shortlist((f"line {number} has {count}" for number, count in short), 3)
    have = counted(len(short), "line has", "lines have")
    return (f"{have} fewer values than the {n_columns} columns ({named}); the rest is blank",)


def _stray_quotes(text: str, separator: str, n_before: int) -> tuple[str, ...]:
    """A remark where text goes on behind a closing quotation mark, which is then lost."""
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, strict=True, skipinitialspace=True, **_escapes(text)
    )
    try:
        for _ in reader:
            pass
    except csv.Error as error:
        if "expected after" in str(error):
            return (f"line {reader.line_num + n_before}: text behind a closing quotation mark; check this line",)
    return ()


def _unwrapped(lines: list[tuple[int, list[str]]], known: set[str]) -> tuple[str, list[tuple[int, list[str]]]] | None:
    """The lines without the quotation marks around each whole line, as a file opened as one column is saved."""
    if any(len(row) != 1 for _, row in lines) or len(lines) < 2:
        return None
    text = "\n".join(row[0].replace("\n", " ") for _, row in lines)
    separator = _separator(text, known)
    inner = [row for _, row in _rows(text, separator)]
    if len(inner) != len(lines) or min(map(len, inner)) < 2:
        return None
    return separator, [(number, row) for (number, _), row in zip(lines, inner, strict=True)]


def _header_at(rows: list[list[str]], known: set[str]) -> int:
    """Which row has the column names: the first, unless it has none that is known and one below has two or more.

    One is enough where the first row has a single cell, as titles have.
    """
    hits = [sum(heading_key(name) in known for name in row if name.strip()) for row in rows]
    n_filled = sum(bool(name.strip()) for name in rows[0])
    least = 1 if n_filled <= 1 < len(rows[0]) else 2
    return 0 if hits[0] else next((at for at, count in enumerate(hits) if count >= least), 0)


def _bare(name: str) -> str:
    return name.strip().strip(_INVISIBLE).strip()


def _swallowed_lines(value: str, separator: str, n_columns: int) -> int:
    """How many lines of a value look like lines of the file; 0 where they may be a text of several lines."""
    inner = value.splitlines()[1:-1]
    like_rows = sum(line.count(separator) == n_columns - 1 for line in inner) if n_columns > 1 else 0
    return like_rows if like_rows >= max(0.8 * len(inner), 1 if n_columns > 3 else 3) else 0


def _escapes(text: str) -> dict[str, Any]:
    """Databases write a quotation mark within quoted text as a backslash and the mark."""
    is_escaped = '\\"' in text and re.search(r'[^\\"]\\"[^,;\t|\r\n"]', text) is not None
    return {"escapechar": "\\", "doublequote": True} if is_escaped else {}


def _rows(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, **_escapes(text))
    for row in reader:
        yield reader.line_num, row


def _separator(text: str, known: set[str]) -> str:
    def rank(separator: str) -> tuple[int, int]:
        try:
            filled = (row for _, row in _rows(text, separator) if any(map(str.strip, row)))
            rows = list(itertools.islice(filled, _PROBE_ROWS))
        except csv.Error:
            return (0, 0)
        header = rows[_header_at(rows, known)] if rows else []
        hits = sum(heading_key(name) in known for name in header if name.strip())
        widths = [len(row) for row in rows]
        steady = sum(width == widths[0] for width in widths) if widths and widths[0] > 1 else 0
        return (hits, steady)

    # max() keeps the first of equals: the comma.
    return max(SEPARATORS, key=rank)


def shortlist(names: Iterable[str], most: int = 12) -> str:
    """The names in one line, the first ``most`` of them and how many more there are."""
    names = [name for name in names if name]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "") or "none"
