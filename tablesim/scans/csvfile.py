"""Reads CSV files as scholars keep them: any separator and encoding, title lines, blank lines, stray line ends.

Metadata, labels, corrections and verdicts are all read through ``read_csv``, so that a file which opens in one opens in
the other. ``CsvFile.remarks`` name what had to be guessed.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tablesim.errors import MetadataError

SEPARATORS = (",", ";", "\t", "|")
_PROBE_ROWS = 50
"""Rows by which the separator is chosen, and among which the line of column names is looked for."""

_MAC_LETTERS = frozenset(range(0x80, 0xA0))
"""Where Mac Roman has its letters with accents, and Windows-1252 signs and a few Slavic letters."""

_SEPARATOR_LINE = re.compile(r'\s*"?sep=(.)"?[\t;,| ]*(\r\r\n|\r\n|\r|\n|$)', re.IGNORECASE)
"""The first line that Excel takes for its own settings."""

_INVISIBLE = "\u200b\ufeff\u2060"
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""What begins a formula in a spreadsheet, with what ``safe_cell`` puts before it."""


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
    names = {name.casefold() for name in known}
    text, encoding, remarks = _decode(path)
    settings = _SEPARATOR_LINE.match(text)
    n_before = 0
    if settings and settings[1] in SEPARATORS:
        text, separator, n_before = text[settings.end() :], settings[1], 1
    else:
        separator = _separator(text, names)
    try:
        lines = [(number + n_before, row) for number, row in _rows(text, separator) if any(map(str.strip, row))]
    except csv.Error as error:
        raise MetadataError(
            f"{path}: cannot be read as CSV ({error}); is a quotation mark not closed? Save it again as CSV (UTF-8)"
        ) from error
    if not lines:
        raise MetadataError(f"{path}: the file is empty; expected a line of column names and a line a page")
    at = _header_at([row for _, row in lines[:_PROBE_ROWS]], names)
    if at:
        remarks += (f"line {lines[at][0]} is taken for the column names; {at} lines above it are left out",)
    header = [_bare(name) for name in lines[at][1]]
    if len(lines) == at + 1:
        raise MetadataError(f"{path}: only a line of column names ({shortlist(header)}) and no line below it")
    columns = tuple(dict.fromkeys(name for name in header if name))
    rows = []
    above = lines[at][0]
    for number, values in lines[at + 1 :]:
        if n_swallowed := max(_swallowed_lines(value, separator, len(header)) for value in values):
            raise MetadataError(
                f"{path}: line {above + 1}: a quotation mark is not closed, so that {n_swallowed} lines or more would "
                "become one value; close it, or double it where it is part of the text"
            )
        if any(value.strip() for value in values[len(header) :]):
            more = f"line {number}: {len(values)} values for {len(header)} columns; the last ones are left out"
            remarks += (more,)
        row = dict.fromkeys(columns, "")
        for name, value in zip(header, values, strict=False):
            # Of two columns with one name the first that says something counts.
            if name and not row[name]:
                row[name] = plain_cell(value.strip())
        rows.append(row)
        above = number
    numbers = tuple(number for number, _ in lines[at + 1 :])
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
        more = f"; and {len(wrong) - 3} more rows" if len(wrong) > 3 else ""
        raise MetadataError(f"{path}: {'; '.join(wrong[:3])}{more}. Mend these rows (counted below the column names)")
    return tuple(items)


def safe_cell(value: Any) -> Any:
    """A value for a spreadsheet: text that it would take for a formula gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def plain_cell(text: str) -> str:
    """What ``safe_cell`` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def _decode(path: Path) -> tuple[str, str, tuple[str, ...]]:
    """The text of the file, the encoding it turned out to have, and a remark where that is a guess."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise MetadataError(f"{path}: there is no such file; check the path") from error
    except OSError as error:
        raise MetadataError(
            f"{path}: cannot be opened ({error.strerror or error}); check the path and rights"
        ) from error
    if data.startswith(b"PK"):
        raise MetadataError(f"{path}: this is a workbook or archive, not CSV; save the sheet as CSV (UTF-8)")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif b"\x00" in data:
        encodings = _utf16_without_mark(data)
        if not encodings:
            raise MetadataError(f"{path}: this is a binary file, not CSV; expected text such as 'page_id,year,place'")
    else:
        # UTF-8 refuses what is not UTF-8. Of the rest Windows-1252 has a few holes; Latin-1 takes every byte.
        high = {byte for byte in data if byte >= 0x80}
        is_mac = b"\n" not in data and high <= _MAC_LETTERS
        encodings = ["utf-8-sig", *(["mac_roman"] if is_mac else []), "cp1252", "latin-1"]
    for encoding in encodings:
        try:
            # A Mac takes letters apart into letter and mark: equal words are to be equal.
            text = unicodedata.normalize("NFC", data.decode(encoding))
        except UnicodeDecodeError:
            continue
        if text.isascii() or encoding.startswith("utf"):
            return text, encoding, ()
        word = next(word for word in re.finditer(r"\w+|\W", text) if not word[0].isascii())[0]
        guess = (
            f"not UTF-8, read as {encoding}, which gives words such as {word!r}; if that is wrong, save the file as "
        )
        return text, encoding, (guess + "CSV (UTF-8)",)
    raise MetadataError(f"{path}: the text is cut short or damaged ({encodings[0]}); save it again as CSV (UTF-8)")


def _utf16_without_mark(data: bytes) -> list[str]:
    """The order of the bytes of UTF-16, told by which of each two is 0; none for binary files."""
    first, second = (data[at:2000:2].count(0) / max(1, len(data[at:2000:2])) for at in (0, 1))
    return ["utf-16-le"] if second > 0.5 > 5 * first else ["utf-16-be"] if first > 0.5 > 5 * second else []


def _header_at(rows: list[list[str]], known: set[str]) -> int:
    """Which row has the column names: the first, unless it has none that is known and one below has two or more."""
    hits = [sum(_bare(name).casefold() in known for name in row) for row in rows]
    return 0 if hits[0] else next((at for at, count in enumerate(hits) if count >= 2), 0)


def _bare(name: str) -> str:
    return name.strip().strip(_INVISIBLE).strip()


def _swallowed_lines(value: str, separator: str, n_columns: int) -> int:
    """How many lines of a value look like lines of the file; 0 where they may be a text of several lines."""
    inner = value.splitlines()[1:-1]
    like_rows = sum(line.count(separator) == n_columns - 1 for line in inner) if n_columns > 1 else 0
    return like_rows if like_rows >= max(0.8 * len(inner), 1 if n_columns > 3 else 3) else 0


def _rows(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
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
        hits = sum(_bare(name).casefold() in known for name in header)
        widths = [len(row) for row in rows]
        steady = sum(width == widths[0] for width in widths) if widths and widths[0] > 1 else 0
        return (hits, steady)

    # max() keeps the first of equals: the comma.
    return max(SEPARATORS, key=rank)


def shortlist(names: Iterable[str], most: int = 12) -> str:
    """The names in one line, the first ``most`` of them and how many more there are."""
    names = [name for name in names if name]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "") or "none"
