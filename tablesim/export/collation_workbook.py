"""A collation as a workbook: the table with its differences coloured, every cell in a list, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tablesim.errors import ExportError
from tablesim.evidence.collation.summary import CollationSummary
from tablesim.export.spreadsheets import collation_columns, collation_rows
from tablesim.export.workbook import (
    MAX_COLUMNS,
    MAX_ROWS,
    Look,
    add_sheet,
    new_workbook,
    workbook_bytes,
    write_about,
    write_legend,
    write_list,
    write_number,
    write_text,
)
from tablesim.records.collation import AGREES, Cell, Collation
from tablesim.report.provenance import Provenance

HEADS = 2
"""Columns of the sheet before the table: the number of the row and its argument."""


def collation_xlsx(collation: Collation, provenance: Provenance) -> bytes:
    """The collation as a workbook.

    Sheet ``collation`` shows the tables under each other, rows and columns headed by their numbers and arguments,
    coloured where witnesses differ; ``differences`` sums them up by column and kind; ``places`` has a line a cell,
    ``unaligned`` the rows and columns of one witness alone, ``about`` witnesses, counts, provenance and citation.

    Raises
    ------
    MissingExtraError
        Without openpyxl.
    ExportError
        More rows or columns than a sheet can hold.
    """
    columns = collation_columns(collation)
    n_rows = max(len(collation.cells), len(collation.rows))
    if n_rows >= MAX_ROWS or max(len(columns), len(collation.columns)) >= MAX_COLUMNS:
        raise ExportError(
            f"collation: {n_rows} cells of {len(collation.witnesses)} witnesses are more than a sheet holds; "
            "export it as CSV"
        )
    book = new_workbook("a collation as XLSX")
    summary = CollationSummary(collation)
    _fill_grid(add_sheet(book, "collation"), collation)
    _sum_up(add_sheet(book, "differences"), summary)
    write_list(add_sheet(book, "places"), list(columns), collation_rows(collation))
    unaligned = [
        {"where": collation.words_alone(line), "kind": line.kind, "texts": " ".join(line.texts)}
        for line in collation.unaligned
    ]
    write_list(add_sheet(book, "unaligned"), ["where", "kind", "texts"], unaligned)
    write_about(add_sheet(book, "about"), _about(summary, provenance), provenance)
    return workbook_bytes(book, provenance)


def _fill_grid(sheet: Any, collation: Collation) -> None:
    marks: set[str] = set()
    top = 1
    for number, table in enumerate(collation.tables, 1):
        if len(collation.tables) > 1:
            write_text(sheet.cell(top, 1), f"table {number}", Look(bold=True))
            top += 1
        write_text(sheet.cell(top, 1), "row", Look(bold=True))
        write_text(sheet.cell(top, 2), "argument", Look(bold=True))
        for column in range(len(table.columns)):
            sheet.cell(top, column + HEADS + 1).value = column + 1
        for row in range(len(table.rows)):
            sheet.cell(top + row + 1, 1).value = row + 1
        for (row, column), cell in table.cells.items():
            argument = collation.address(cell).argument
            if argument is not None and sheet.cell(top + row + 1, 2).value is None:
                write_text(sheet.cell(top + row + 1, 2), argument, Look(right=True))
            place = sheet.cell(top + row + 1, column + HEADS + 1)
            if cell.state == AGREES:
                write_number(place, next(reading.number for reading in cell.readings if reading is not None))
                continue
            marks.add(cell.state)
            write_text(place, _texts(cell, collation), Look(italic=cell.doubtful), cell.state)
        top += len(table.rows) + 2
    if len(collation.tables) == 1:
        sheet.freeze_panes = sheet.cell(2, HEADS + 1)
    write_legend(sheet, top, 1, marks)


def _sum_up(sheet: Any, summary: CollationSummary) -> None:
    """The sentences, then the columns with differences and of how many kinds these are; the last row has the sums."""
    top = 1
    for sentence in summary.sentences:
        write_text(sheet.cell(top, 1), sentence)
        top += 1
    kinds = list(summary.by_kind)
    for at, heading in enumerate(("column", *kinds, "all", "of them look like misreadings"), 1):
        write_text(sheet.cell(top + 1, at), heading, Look(bold=True, wrap=at > 1))
    lines = [
        (column.words, *(column.kinds[kind] for kind in kinds), len(column.cells), column.doubtful)
        for column in sorted(summary.columns, key=lambda column: (column.table, column.column))
    ]
    lines.append(("all", *summary.by_kind.values(), sum(summary.by_kind.values()), summary.n_doubtful))
    for row, line in enumerate(lines, top + 2):
        write_text(sheet.cell(row, 1), str(line[0]), Look(bold=row == top + 1 + len(lines)))
        for at, n in enumerate(line[1:], 2):
            sheet.cell(row, at).value = n
    sheet.column_dimensions["A"].width = 24


def _texts(cell: Cell, collation: Collation) -> str:
    printed = [None if reading is None else reading.number.text for reading in cell.readings]
    texts = [(siglum, text) for w, (siglum, text) in enumerate(zip(collation.sigla, printed, strict=True))
             if collation.has(w, cell)]  # fmt: skip
    return ", ".join(f"{siglum}: {'-' if text is None else text}" for siglum, text in texts)


def _about(summary: CollationSummary, provenance: Provenance) -> Iterable[tuple[str, Any]]:
    collation = summary.collation
    for siglum, witness in zip(provenance.sigla(collation), collation.witnesses, strict=True):
        pages = " + ".join(reading.page for reading in witness.readings)
        yield f"witness {siglum.letters}", pages if siglum.name == pages else f"{siglum.name} ({pages})"
    yield "summary", summary.paragraph
    yield from ((f"places: {state}", n) for state, n in collation.summary.items())
