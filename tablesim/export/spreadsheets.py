"""Readings and collations as CSV for spreadsheets, with a description beside it.

A cell that begins like a formula is written with an apostrophe before it, so that a page named ``=1+1`` stays a name.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tablesim.evidence.collation.differences import kinds_of
from tablesim.evidence.figures.page_grid import GridCell, page_grid
from tablesim.export.markup import json_bytes
from tablesim.records.address import CellAddress, PageAddresses
from tablesim.records.collation import Cell, Collation
from tablesim.records.marks import COMMA, DITTO, POINT
from tablesim.records.number_values import Value
from tablesim.records.reading import REPEATS, Reading
from tablesim.report.provenance import Provenance
from tablesim.scans.csvfile import safe_cell, with_mark

READING_COLUMNS = {
    "page": ("string", "page id"),
    "text": ("string", "the number as printed; ? for an illegible digit, \u2033 for a ditto mark"),
    "digits_text": ("string", "its digits alone; empty for a ditto mark"),
    "value": (
        "string",
        "the number meant, as 8889, 34.6 or 0 7/8, a ditto mark that of the cell above; empty where the "
        "page leaves open what a mark in it means",
    ),
    "x": ("number", "left edge in pixels of the scan"),
    "y": ("number", "top edge in pixels of the scan"),
    "width": ("number", "width in pixels of the scan"),
    "height": ("number", "height in pixels of the scan"),
    "confidence": ("number", "how sure the reading is, 0 to 1"),
    "address": ("string", "where it stands, in words, as every other form has it; empty outside tables"),
    "table": ("integer", "table of the page, from 1; empty outside tables"),
    "row": ("integer", "row of the table, from 1"),
    "column": ("integer", "column of the table, from 1"),
    "doubts": ("string", "why it may be wrong"),
    "emendation": ("string", "what should stand there, as a person says, where that is not what is printed"),
    "emended_by": ("string", "who says so"),
    "emended_at": ("string", "when"),
}
"""Columns of a reading as CSV: type and meaning."""

_CELL_COLUMNS = {
    "address": ("string", "the cell in words, as every other form of the collation has it"),
    "table": ("integer", "table of the collation, from 1"),
    "row": ("integer", "row of the table, from 1"),
    "column": ("integer", "column of the table, from 1"),
    "argument": ("string", "the argument of the row as printed; empty where there is none or it could not be read"),
    "state": ("string", "agrees, differs, missing or illegible"),
    "kind": ("string", "in what way the witnesses differ; empty where they do not"),
    "doubtful": ("string", "yes where another reading of doubtful digits would change the state"),
}
_READING_OF_WITNESS = {
    "text": ("string", "digits of the witness; empty where it has none"),
    "printed": ("string", "the number as printed"),
    "value": ("string", "the number meant, as 8889, 34.6 or 0 7/8; empty where the page leaves it open"),
    "repeats": ("string", "yes where a ditto mark stands for the number of the cell above"),
    "runner_up": ("string", "what they may be instead"),
    "confidence": ("number", "how sure the reading is, 0 to 1"),
    "page": ("string", "page id"),
    "address": ("string", "where it stands on that page, in words"),
    "x": ("number", "left edge in pixels of the scan"),
    "y": ("number", "top edge in pixels of the scan"),
    "width": ("number", "width in pixels of the scan"),
    "height": ("number", "height in pixels of the scan"),
    "emendation": ("string", "what should stand there, as a person says, where that is not what is printed"),
    "emended_by": ("string", "who says so"),
    "emended_at": ("string", "when"),
}

Columns = Mapping[str, tuple[str, str]]


def csv_text(columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """CSV, a line a row under the names of the columns; None is an empty cell."""
    text = io.StringIO(newline="")
    names = list(columns)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(safe_cell, names))
    for row in rows:
        writer.writerow([_in_csv(row.get(name)) for name in names])
    return text.getvalue()


def csv_bytes(columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> bytes:
    """A file with ``csv_text`` in UTF-8, with the mark by which Excel knows it where it needs one."""
    return with_mark(csv_text(columns, rows))


def _in_csv(value: Any) -> Any:
    """A value as spreadsheets take it: numbers as numbers, minus signs too; text never as a formula.

    A fraction has its whole number before it, for 7/8 would become a day of August: 0 7/8.
    """
    if isinstance(value, Fraction):
        whole, rest = divmod(abs(value.numerator), value.denominator)
        return f"{'-' if value < 0 else ''}{whole} {rest}/{value.denominator}"
    return f"{value:f}" if isinstance(value, Decimal) else safe_cell(value)


def csv_description(name: str, columns: Columns, provenance: Provenance) -> bytes:
    """What the columns of the CSV file ``name`` mean and where it comes from: JSON as W3C's CSV on the Web has it."""
    described = [
        {"name": column, "titles": column, "datatype": datatype, "dc:description": meaning}
        for column, (datatype, meaning) in columns.items()
    ]
    data = {
        "@context": "http://www.w3.org/ns/csvw",
        "url": name,
        "dialect": {"delimiter": ",", "encoding": "utf-8", "header": True},
        "dc:bibliographicCitation": provenance.citation,
        "dc:provenance": json.dumps(provenance.to_dict(), ensure_ascii=False, sort_keys=True),
        "tableSchema": {"columns": described},
    }
    return json_bytes(data)


def description_name(name: str) -> str:
    """The name of the file that describes the CSV file ``name``, as W3C's CSV on the Web has it."""
    return f"{name}-metadata.json"


def csv_files(
    name: str, columns: Columns, rows: Iterable[Mapping[str, Any]], provenance: Provenance
) -> dict[str, bytes]:
    """The CSV file ``name`` and its description, which stands beside it."""
    return {name: csv_bytes(columns, rows), description_name(name): csv_description(name, columns, provenance)}


def reading_rows(reading: Reading) -> list[dict[str, Any]]:
    """A row a number, then a row a ditto mark, with the columns of ``READING_COLUMNS``.

    A text whose mark may mean this or that is marked as text: a spreadsheet would take it for a number of its own.
    """
    rows = [
        number.to_dict()
        | {
            "text": number.text if number.value is not None else as_text(number.text),
            "value": number.value,
            "doubts": "; ".join(number.doubts),
        }
        for number in reading.numbers
    ]
    for number in reading.repeated:
        repeated = {"text": DITTO, "digits_text": "", "value": number.value, "doubts": REPEATS}
        rows.append(number.to_dict() | repeated)
    addresses = PageAddresses(reading)
    places = map(addresses.of, (*reading.numbers, *reading.repeated))
    return [{"page": reading.page, **row, **_place(at)} for row, at in zip(rows, places, strict=True)]


def _place(address: CellAddress | None) -> dict[str, Any]:
    """Where a number stands: JSON counts from 0, what people read from 1."""
    if address is None:
        return {}
    return {"address": address.words, "table": address.table, "row": address.row, "column": address.column}


def grid_csv(reading: Reading) -> bytes:
    """The tables of a page as they stand, without names of columns, a blank line between tables below each other.

    A number stands in plain notation where it is decided what its marks mean (8889, 34.60, 2 6/8), else as printed.
    Tables beside each other on the page are so here, with an empty column between them.
    """
    lines: list[list[Value | str]] = []
    for band in page_grid(reading).bands:
        lines += [[]] if lines else []
        for line in band.lines:
            cells: list[Value | str] = []
            for at, (table, row) in enumerate(zip(band.tables, line, strict=True)):
                cells += [""] if at else []
                for column in range(table.n_columns):
                    cell = table.cells.get((row, column)) if row is not None else None
                    cells.append("" if cell is None else _in_grid(cell))
            lines.append(cells)
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([_in_csv(cell) for cell in line] for line in lines)
    return with_mark(text.getvalue())


def _in_grid(cell: GridCell) -> Value | str:
    """The value of a cell's number; as it is printed where that is no plain notation of a value, as 05, or no value."""
    number = cell.numbers[0]
    if len(cell.numbers) > 1 or number.repeats or number.value is None:
        return " ".join(each.printed if each.repeats else as_text(each.printed) for each in cell.numbers)
    if number.text == number.digits_text:
        return number.text
    mixed = isinstance(number.value, Fraction) and " " in number.text and number.value > 0
    return number.text if mixed else number.value


def as_text(text: str) -> str:
    """A text with an apostrophe before it where a spreadsheet of some country takes it for a number with decimals."""
    return f"'{text}" if any(mark in text for mark in (POINT, COMMA)) else text


def collation_columns(collation: Collation) -> dict[str, tuple[str, str]]:
    """The columns of a collation as CSV: those of the cell, then those of each witness under its siglum."""
    columns = dict(_CELL_COLUMNS)
    for siglum in collation.sigla:
        columns |= {f"{siglum}_{name}": about for name, about in _READING_OF_WITNESS.items()}
    return columns


def collation_rows(collation: Collation) -> list[dict[str, Any]]:
    """A row a cell, with the columns of ``collation_columns``."""
    kinds = kinds_of(collation)
    return [_row(cell, collation, kinds.get((cell.row, cell.column), "")) for cell in collation.cells]


def _row(cell: Cell, collation: Collation, kind: str) -> dict[str, Any]:
    address = collation.address(cell)
    row: dict[str, Any] = {
        "address": address.words,
        "table": address.table,
        "row": address.row,
        "column": address.column,
        "argument": address.argument or "",
        "state": cell.state,
        "kind": kind,
        "doubtful": "yes" if cell.doubtful else "no",
    }
    for witness, (siglum, reading) in enumerate(zip(collation.sigla, cell.readings, strict=True)):
        if reading is not None:
            values = reading.to_dict()
            number = reading.number
            on_page = collation.address_on_page(cell, witness)
            values = {
                **values,
                **values.pop("box"),
                "printed": number.text if number.value is not None else as_text(number.text),
                "value": number.value,
                "repeats": "yes" if reading.repeats else "no",
                "address": "" if on_page is None else on_page.words,
            }
            row |= {f"{siglum}_{name}": "" if value is None else value for name, value in values.items()}
    return row
