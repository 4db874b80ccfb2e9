"""A collation as a workbook: the table with its differences coloured, every cell in a list, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from tablesim.errors import ExportError
from tablesim.evidence.collation.cutouts import Cutter, Picture
from tablesim.evidence.collation.summary import CollationSummary
from tablesim.evidence.figures.page_grid import page_grid
from tablesim.evidence.figures.printed_words import DIGIT_HEIGHT, HEADING, printed_words
from tablesim.export.spreadsheets import collation_columns, collation_rows
from tablesim.export.workbook import (
    MAX_COLUMNS,
    MAX_ROWS,
    MAX_WIDTH,
    SHOWN_DIGIT,
    SURE,
    Look,
    add_sheet,
    new_workbook,
    picture_image,
    place_picture,
    workbook_bytes,
    write_about,
    write_comment,
    write_legend,
    write_list,
    write_number,
    write_text,
)
from tablesim.records.collation import AGREES, Cell, CollatedTable, Collation
from tablesim.report.provenance import Provenance

HEADS = 2
"""Columns of the sheet before the table: the number of the row and its argument."""


def collation_xlsx(collation: Collation, provenance: Provenance, cutter: Cutter | None = None) -> bytes:
    """The collation as a workbook; ``cutter`` opens the scans for pictures of headings and of the words of rows.

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
    _fill_grid(add_sheet(book, "collation"), collation, provenance, _words(collation, cutter))
    _sum_up(add_sheet(book, "differences"), summary)
    write_list(add_sheet(book, "places"), list(columns), collation_rows(collation))
    unaligned = [
        {"where": collation.words_alone(line), "kind": line.kind, "texts": " ".join(line.texts)}
        for line in collation.unaligned
    ]
    write_list(add_sheet(book, "unaligned"), ["where", "kind", "texts"], unaligned)
    write_about(add_sheet(book, "about"), _about(summary, provenance), provenance)
    return workbook_bytes(book, provenance)


class _Words:
    """Pictures of the words of the first witness: headings by page, table and column, those of rows by their row."""

    def __init__(self) -> None:
        self.headings: dict[tuple[str, int | None, int | None], Picture] = {}
        self.rows: dict[tuple[str, int | None, int | None], Picture] = {}


def _words(collation: Collation, cutter: Cutter | None) -> _Words:
    found = _Words()
    first = collation.witnesses[0] if collation.witnesses and not collation.transposed[0] else None
    for reading in first.readings if cutter is not None and first is not None else ():
        assert cutter is not None
        for words in printed_words(reading, page_grid(reading), cutter):
            if words.kind == HEADING and not words.before:
                found.headings[reading.page, words.table, words.column] = words.whole
            elif words.row is not None and words.column == 0:
                found.rows[reading.page, words.table, words.row] = words.picture
    return found


def _fill_grid(sheet: Any, collation: Collation, provenance: Provenance, words: _Words) -> None:
    from openpyxl.utils import get_column_letter

    marks: set[str] = set()
    widths: dict[int, float] = {}
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
                present = [reading.number for reading in cell.readings if reading is not None]
                agreed = next((number for number in present if number.emendation), present[0])
                marks.add(write_number(place, agreed, comment=agreed.emendation_sentence) or "")
                widths[column] = max(widths.get(column, 0), 2.0 + len(agreed.printed))
                continue
            marks.add(cell.state)
            text = _texts(cell, collation)
            write_text(place, text, Look(italic=cell.doubtful, right=True), cell.state)
            write_comment(place, _comment(cell, collation))
            widths[column] = max(widths.get(column, 0), 1.0 + len(text))
        _place_words(sheet, top, table, words, widths)
        top += len(table.rows) + 2
    for column, width in widths.items():
        sheet.column_dimensions[get_column_letter(column + HEADS + 1)].width = min(width, MAX_WIDTH)
    if len(collation.tables) == 1:
        sheet.freeze_panes = sheet.cell(2, HEADS + 1)
    top = write_legend(sheet, top, 1, marks)
    for row, siglum in enumerate(provenance.sigla(collation), top + 1):
        write_text(sheet.cell(row, 1), siglum.words, Look(small=True))


def _place_words(sheet: Any, top: int, table: CollatedTable, words: _Words, widths: dict[int, float]) -> None:
    """Pictures of headings above the numbers of their columns, and of the words of rows where no argument is read."""
    scale = SHOWN_DIGIT / DIGIT_HEIGHT
    tallest = 0
    heads: list[Picture | None] = [None] * len(table.columns)
    done: set[int] = set()
    for (row, column), cell in table.cells.items():
        read = cell.readings[0]
        if read is None:
            continue
        if heads[column] is None:
            heads[column] = words.headings.get((read.page, read.number.table, read.number.column))
        beside = words.rows.get((read.page, read.number.table, read.number.row))
        if beside is not None and row not in done and sheet.cell(top + row + 1, 2).value is None:
            done.add(row)
            image = picture_image(beside, scale)
            place_picture(sheet, image, top + row + 1, 2)
            sheet.row_dimensions[top + row + 1].height = max(15.0, image.height * 0.75)
            widths[-1] = max(widths.get(-1, 0), image.width / 7)
    for heading, of_heading in groupby(
        enumerate(heads), key=lambda pair: None if pair[1] is None else pair[1].tobytes()
    ):
        columns = [(column, picture) for column, picture in of_heading if picture is not None]
        if heading is None or not columns:
            continue
        image = picture_image(columns[0][1], scale)
        place_picture(sheet, image, top, columns[0][0] + HEADS + 1)
        tallest = max(tallest, image.height)
        for column, _ in columns:
            widths[column] = max(widths.get(column, 0), image.width / 7 / len(columns))
    if tallest:
        sheet.row_dimensions[top].height = (tallest + 20) * 0.75


def _comment(cell: Cell, collation: Collation) -> str:
    """Where a cell is, and of each witness what it has, how sure that is, and where on its page it stands."""
    lines = [collation.address(cell).words, cell.state + (", doubtful" if cell.doubtful else "")]
    for witness, (siglum, read) in enumerate(zip(collation.sigla, cell.readings, strict=True)):
        if read is None:
            lines += [f"{siglum}: nothing"] if collation.has(witness, cell) else []
            continue
        address = collation.address_on_page(cell, witness)
        where = read.page + (f", {address.words}" if address is not None else "")
        other = f", or {read.runner_up}" if read.runner_up is not None and read.number.confidence < SURE else ""
        lines.append(
            f"{siglum}: {read.number.printed}, right with probability {read.number.confidence:.2f}{other}; {where}"
        )
        lines += [f"{siglum}: {read.number.emendation_sentence}"] if read.number.emendation else []
    return "\n".join(lines)


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
