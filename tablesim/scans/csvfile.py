"""CSV files as scholars keep them: any separator, any encoding, blank lines, stray carriage returns.

Metadata and labels are both read through ``read_csv``, so that a file which opens in one opens in the other.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tablesim.errors import MetadataError

SEPARATORS = (",", ";", "\t", "|")
_MAX_FIELD = 1 << 24
_PROBE_ROWS = 50
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
    text, encoding = _decode(path)
    separator = _separator(text, {name.casefold() for name in known})
    try:
        lines = [(number, row) for number, row in _rows(text, separator) if any(value.strip() for value in row)]
    except csv.Error as error:
        raise MetadataError(f"{path}: cannot be read as CSV ({error}); save it again as CSV (UTF-8)") from error
    if not lines:
        raise MetadataError(f"{path}: the file is empty; expected a line of column names and a line a page")
    header = [name.strip() for name in lines[0][1]]
    if len(lines) == 1:
        raise MetadataError(f"{path}: only a line of column names ({listed(header)}) and no line below it")
    columns = tuple(dict.fromkeys(name for name in header if name))
    rows, remarks = [], []
    for number, values in lines[1:]:
        if any(value.strip() for value in values[len(header) :]):
            remarks.append(f"line {number}: {len(values)} values for {len(header)} columns; the last ones are left out")
        row = dict.fromkeys(columns, "")
        for name, value in zip(header, values, strict=False):
            # Of two columns with one name the first that says something counts.
            if name and not row[name]:
                row[name] = plain_cell(value.strip())
        rows.append(row)
    numbers = tuple(number for number, _ in lines[1:])
    return CsvFile(path, columns, tuple(rows), numbers, separator, encoding, tuple(remarks))


def safe_cell(value: Any) -> Any:
    """A value for a spreadsheet: text that it would take for a formula gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def plain_cell(text: str) -> str:
    """What ``safe_cell`` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def _decode(path: Path) -> tuple[str, str]:
    """The text of the file and the encoding it turned out to have."""
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
        raise MetadataError(f"{path}: this is a binary file, not CSV; expected text such as 'page_id,year,place'")
    else:
        # UTF-8 refuses what is not UTF-8. Of the rest Windows-1252 has a few holes; Latin-1 takes every byte.
        encodings = ["utf-8-sig", "cp1252", "latin-1"]
    for encoding in encodings:
        try:
            # A Mac takes letters apart into letter and mark: equal words are to be equal.
            return unicodedata.normalize("NFC", data.decode(encoding)), encoding
        except UnicodeDecodeError:
            continue
    raise MetadataError(f"{path}: the text is cut short or damaged ({encodings[0]}); save it again as CSV (UTF-8)")


def _rows(text: str, separator: str) -> Iterable[tuple[int, list[str]]]:
    csv.field_size_limit(_MAX_FIELD)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    for row in reader:
        yield reader.line_num, row


def _separator(text: str, known: set[str]) -> str:
    def rank(separator: str) -> tuple[int, int]:
        widths = []
        header: list[str] = []
        try:
            for _, row in _rows(text, separator):
                if any(value.strip() for value in row):
                    header = header or row
                    widths.append(len(row))
                if len(widths) == _PROBE_ROWS:
                    break
        except csv.Error:
            return (0, 0)
        hits = sum(name.strip().casefold() in known for name in header)
        steady = sum(width == widths[0] for width in widths) if widths and widths[0] > 1 else 0
        return (hits, steady)

    # max() keeps the first of equals: the comma.
    return max(SEPARATORS, key=rank)


def listed(names: Iterable[str], most: int = 12) -> str:
    """The names in one line, the first ``most`` of them and how many more there are."""
    names = [name for name in names if name]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "") or "none"
