"""A collation as a workbook: the table with its differences coloured, every cell in a list, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tablesim.errors import ExportError
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


def collation_xlsx(collation: Collation, provenance: Provenance) -> bytes:
    """The collation as a workbook.

    Sheet ``collation`` shows the table, coloured where witnesses differ; ``places`` has a line a cell,
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
    _fill_grid(add_sheet(book, "collation"), collation)
    write_list(add_sheet(book, "places"), list(columns), collation_rows(collation))
    unaligned = [
        {
            "witness": collation.sigla[line.witness],
            "kind": line.kind,
            "index": line.index,
            "texts": " ".join(line.texts),
        }
        for line in collation.unaligned
    ]
    write_list(add_sheet(book, "unaligned"), ["witness", "kind", "index", "texts"], unaligned)
    write_about(add_sheet(book, "about"), _about(collation), provenance)
    return workbook_bytes(book, provenance)


def _fill_grid(sheet: Any, collation: Collation) -> None:
    marks: set[str] = set()
    for cell in collation.cells:
        place = sheet.cell(cell.row + 1, cell.column + 1)
        if cell.state == AGREES:
            write_number(place, next(reading.number for reading in cell.readings if reading is not None))
            continue
        marks.add(cell.state)
        write_text(place, _texts(cell, collation), Look(italic=cell.doubtful), cell.state)
    write_legend(sheet, len(collation.rows) + 2, 1, marks)


def _texts(cell: Cell, collation: Collation) -> str:
    printed = [None if reading is None else reading.number.text for reading in cell.readings]
    texts = [(siglum, text) for w, (siglum, text) in enumerate(zip(collation.sigla, printed, strict=True))
             if collation.has(w, cell)]  # fmt: skip
    return ", ".join(f"{siglum}: {'-' if text is None else text}" for siglum, text in texts)


def _about(collation: Collation) -> Iterable[tuple[str, Any]]:
    for siglum, witness in zip(collation.sigla, collation.witnesses, strict=True):
        yield f"witness {siglum}", " + ".join(reading.page for reading in witness.readings)
    yield from ((f"places: {state}", n) for state, n in collation.summary.items())
