"""One page as a workbook: its tables as they are printed, with numbers that can be computed with, and what is doubtful.

Sheet ``page`` looks like the page: tables beside each other stand beside each other, headings and words that are not
read are pictures, rows and columns have the numbers of their address in grey. Colours are explained below the table,
and a comment says what speaks against a number. ``values`` joins columns that are the places of one number
(39;1), ``numbers`` has a line a number, ``about`` where they come from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from tablesim.digits.units_of_page import MeantValue, PageUnits, units_of_page
from tablesim.errors import ExportError
from tablesim.evidence.collation.cutouts import Cutter, Picture
from tablesim.evidence.figures.page_grid import Band, GridCell, GridTable, PageGrid, page_grid
from tablesim.evidence.figures.printed_words import DIGIT_HEIGHT, HEADING, PrintedWords, printed_words
from tablesim.export.number_formats import printed_form
from tablesim.export.page_values import in_units, joined, write_values
from tablesim.export.workbook import (
    MAX_COLUMNS,
    MAX_ROWS,
    SHOWN_DIGIT,
    Look,
    add_sheet,
    mark_of,
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
from tablesim.records.address import CellAddress, PageAddresses
from tablesim.records.number_values import value_to_text
from tablesim.records.reading import REPEATS, Number, Reading
from tablesim.report.provenance import Provenance

ROW_HEIGHT, LABEL_HEIGHT = 20.0, 14.0
"""Height in pixels of a row of numbers at least, and of the row with the numbers of the columns."""

LOOSE_IN_LINE = 12
"""Numbers outside tables that stand in one line."""

WIDEST_GAP = 2.5
"""Rows that stand further apart than others are drawn so, up to so many times the usual distance."""

NUMBER_COLUMNS = (
    *("address", "printed", "value", "in_units", "in_units_as_decimals", "units", "doubts", "probability"),
    *("table", "row", "column", "argument", "x", "y", "width", "height"),
    *("emendation", "emended_by", "emended_at"),
)
"""Columns of the sheet ``numbers``; table, row, column count from 1, as addresses do; boxes are pixels of the scan."""

Columns = dict[tuple[int, bool], int]
"""Where the columns of a table stand on a sheet, and, with True, the gaps before them that have words."""

Placed = list[tuple[GridTable, Columns]]

LABELS = (-1, False)
"""Among ``Columns`` the one with the numbers of the rows."""

_GREY = Look(small=True)


def page_xlsx(reading: Reading, provenance: Provenance, cutter: Cutter | None = None) -> bytes:
    """The reading of one page as a workbook.

    Parameters
    ----------
    reading : Reading
    provenance : Provenance
        Goes into the sheet ``about``; what is known of the page is its title.
    cutter : Cutter, optional
        Opens the scan for pictures of headings and words. Where it cannot be opened they stay blank, and the sheet
        ``about`` says why. None leaves them blank.

    Raises
    ------
    MissingExtraError
        Without openpyxl.
    ExportError
        More rows or columns than a sheet can hold.
    """
    book = new_workbook("a page as XLSX")
    grid = page_grid(reading)
    words = () if cutter is None else printed_words(reading, grid, cutter)
    about = provenance.only([reading.page])
    title = next((page.about for page in about.pages if page.about), "")
    _Sheet(add_sheet(book, "page"), reading, words).write(
        grid, f"{title}, page {reading.page}" if title else reading.page
    )
    addresses, units = PageAddresses(reading), units_of_page(reading.numbers)
    every = list(_every(grid))
    if any(group.decided for group in units.groups):
        write_values(add_sheet(book, "values"), grid, units)
    lines = (_line(number, addresses, joined(number, every, units)) for number in every)
    write_list(add_sheet(book, "numbers"), NUMBER_COLUMNS, lines)
    write_about(add_sheet(book, "about"), _about(reading, words, cutter, units), about)
    return workbook_bytes(book, about)


def _about(
    reading: Reading, words: Sequence[PrintedWords], cutter: Cutter | None, units: PageUnits
) -> Iterator[tuple[str, Any]]:
    yield "page", reading.page
    yield "numbers", len(reading.numbers)
    yield "legibility", round(reading.legibility, 4)
    if reading.note:
        yield "note", reading.note
    if reading.marks_mean:
        yield "what marks mean", reading.marks_mean
    yield from (("columns of one number", sentence) for sentence in units.sentences)
    yield "pictures of words", len(words)
    if cutter is not None and reading.scan in cutter.problems:
        yield "no pictures", "the scan could not be opened, or is not the one that was read"


def _every(grid: PageGrid) -> Iterator[Number]:
    """Every number once, in tables first."""
    for table in sorted(grid.tables, key=lambda table: table.table):
        for cell in table.cells.values():
            yield from cell.numbers
    yield from grid.loose


def _line(number: Number, addresses: PageAddresses, meant: MeantValue | None) -> dict[str, Any]:
    address = addresses.of(number)
    box = number.box.to_dict()
    value: Any = number.value
    return {
        **({} if address is None else _place(address)),
        "printed": number.printed,
        # A line of a list shows the plain value: beside it stands what is printed.
        "value": float(value) if isinstance(value, Fraction) else value,
        **({} if meant is None else in_units(meant)),
        "doubts": "; ".join(number.doubts),
        "probability": round(number.confidence, 4),
        **box,
        **number.emended,
    }


def _place(address: CellAddress) -> dict[str, Any]:
    return {
        "address": address.short,
        "table": address.table,
        "row": address.row,
        "column": address.column,
        "argument": address.argument,
    }


def comment_of(number: Number, address: CellAddress | None) -> str:
    """What the comment of a cell says: its address, how sure the number is, what else it may be, what is against it."""
    lines = [] if address is None else [address.words]
    if number.repeats:
        lines.append(f"{number.printed} repeats {number.text}")
    lines.append(f"right with probability {number.confidence:.2f}")
    others = [(d.runner_up[1], at, d) for at, d in enumerate(number.digits) if d.runner_up is not None]
    if others:
        chance, at, digit = max(others, key=lambda other: other[:2])
        assert digit.runner_up is not None
        text = number.digits_text
        if chance >= 0.05:
            lines.append(f"or {text[:at]}{digit.runner_up[0]}{text[at + 1 :]} ({chance:.2f})")
    lines += [doubt for doubt in number.doubts if doubt != REPEATS]
    lines += [number.emendation_sentence] if number.emendation else []
    if isinstance(number.value, Fraction):
        lines.append(f"the number {value_to_text(number.value)}")
    return "\n".join(lines)


class _Sheet:
    """Writes the sheet that looks like the page; knows how wide its columns and how high its rows have become."""

    def __init__(self, sheet: Any, reading: Reading, words: Sequence[PrintedWords]) -> None:
        self.sheet = sheet
        self.reading = reading
        self.addresses = PageAddresses(reading)
        self.headings = {(w.table, w.column, w.before): w for w in words if w.kind == HEADING}
        self.beside = {(w.table, w.row, w.column): w for w in words if w.kind != HEADING}
        self.slots = {(w.table, w.column) for w in words if w.kind != HEADING}
        self.slots_begin: dict[tuple[int, int], float] = {}
        for each in self.beside.values():
            start = self.slots_begin.get((each.table, each.column), each.box.x)
            self.slots_begin[each.table, each.column] = min(start, each.box.x)
        self.pictures: list[tuple[int, int, int, Any]] = []
        self.widths: dict[int, float] = {}
        self.marks: set[str] = set()

    def write(self, grid: PageGrid, title: str) -> None:
        """Write the whole page under its title; ExportError where it is larger than a sheet."""
        n_rows = sum(len(band.lines) + 3 for band in grid.bands)
        n_columns = max((sum(2 * table.n_columns + 3 for table in band.tables) for band in grid.bands), default=0)
        if n_rows + len(grid.loose) + 20 > MAX_ROWS or n_columns > MAX_COLUMNS:
            raise ExportError(f"{self.reading.page}: {n_rows} rows are more than a sheet holds; export it as CSV")
        write_text(self.sheet.cell(1, 1), title, Look(bold=True))
        row, placed = 3, None
        for band in grid.bands:
            row, placed = self._band(band, row, placed)
            row += 1
        if not grid.bands:
            write_text(self.sheet.cell(row, 1), "no table was read on this page", Look(italic=True))
            row += 2
        if grid.loose:
            write_text(self.sheet.cell(row, 1), "outside the tables:", _GREY)
            for at, number in enumerate(grid.loose):
                self._number(row + 1 + at // LOOSE_IN_LINE, 2 + at % LOOSE_IN_LINE, number, None)
            row += 3 + len(grid.loose) // LOOSE_IN_LINE
        write_legend(self.sheet, row, 2, self.marks)
        self._finish()

    def _band(self, band: Band, row: int, before: Placed | None) -> tuple[int, Placed]:
        """Write tables beside each other from a row on; the row after the last, and where their columns stand."""
        placed: list[tuple[GridTable, Columns]] = []
        at = 1
        for table in band.tables:
            columns = self._columns(table, at) if before is None else self._same_columns(table, before)
            placed.append((table, columns or self._columns(table, at)))
            at = max(placed[-1][1].values()) + 2
        has_headings = any((table.table, c, False) in self.headings for table in band.tables for c in table.edges)
        first = row + 1 + has_headings
        for table, columns in placed:
            self._heads(table, columns, row, first - 1)
        self.sheet.row_dimensions[row].height = LABEL_HEIGHT * 0.75
        previous: dict[int, float] = {}
        for line_row, line in enumerate(band.lines, first):
            gaps = [1.0]
            for (table, columns), of_table in zip(placed, line, strict=True):
                if of_table is None:
                    continue
                y = table.middles[of_table]
                gaps.append((y - previous.get(table.table, y - table.row_distance)) / table.row_distance)
                previous[table.table] = y
                self._row(table, columns, of_table, line_row)
            self._height(line_row, ROW_HEIGHT * (1 if max(gaps) < 1.4 else min(max(gaps), WIDEST_GAP)))
        if self.sheet.freeze_panes is None:
            self.sheet.freeze_panes = self.sheet.cell(first, 2)
        return first + len(band.lines), placed

    def _columns(self, table: GridTable, first: int) -> Columns:
        """Where the columns of a table and its gaps with words stand on the sheet, behind the numbers of its rows."""
        places: Columns = {LABELS: first}
        at = first
        for column in range(table.n_columns + 1):
            for place in ((column, True), (column, False)):
                if (place[1] and (table.table, column) in self.slots) or (not place[1] and column < table.n_columns):
                    at += 1
                    places[place] = at
        self._widen(first, 28)
        scale = SHOWN_DIGIT / table.digit_height
        for column, (left, right) in table.edges.items():
            self._widen(places[column, False], (right - left) * scale + 4)
        return places

    def _same_columns(self, table: GridTable, placed: Placed) -> Columns | None:
        """The columns of the table above, where those of this one stand below them; else None."""
        for above, places in placed:
            same = above.upright == table.upright and above.edges.keys() == table.edges.keys()
            level = same and all(
                min(above.edges[c][1], table.edges[c][1]) > max(above.edges[c][0], table.edges[c][0])
                for c in table.edges
            )
            if level and all((c, True) in places for of, c in self.slots if of == table.table):
                return places
        return None

    def _heads(self, table: GridTable, places: Columns, row: int, below: int) -> None:
        """The number of the table, those of its columns, and the pictures of its headings below them."""
        if not self.addresses.only_table:
            write_text(self.sheet.cell(row, places[LABELS]), f"t{table.table + 1}", _GREY)
        for (column, before), place in places.items():
            if column < 0:
                continue
            if not before:
                write_text(self.sheet.cell(row, place), f"c{column + 1}", Look(small=True, right=True))
            heading = self.headings.get((table.table, column, before))
            if heading is not None:
                self._picture(below, place, heading.picture)

    def _row(self, table: GridTable, places: Columns, row: int, line: int) -> None:
        write_text(self.sheet.cell(line, places[LABELS]), f"r{row + 1}", _GREY)
        for (column, before), place in places.items():
            words = self.beside.get((table.table, row, column)) if before else None
            if words is not None:
                # Words may run on over columns that have no number in this row.
                runs_on = (row, column) not in table.cells and column < table.n_columns
                indent = (words.box.x - self.slots_begin[table.table, column]) / table.digit_height * SHOWN_DIGIT
                self._picture(line, place, words.picture, round(indent), fills=not runs_on)
            cell = None if before else table.cells.get((row, column))
            if cell is not None:
                self._cell(line, place, cell, self.addresses.at(table.table, row, column))

    def _cell(self, row: int, column: int, cell: GridCell, address: CellAddress) -> None:
        if len(cell.numbers) == 1:
            self._number(row, column, cell.numbers[0], address)
            return
        # Two numbers were put into one cell: they stay text, and a look at the scan decides.
        text = " ".join(number.printed for number in cell.numbers)
        place = self.sheet.cell(row, column)
        write_text(place, text, Look(right=True), "doubtful")
        write_comment(place, "\n".join(comment_of(number, address) for number in cell.numbers))
        self.marks.add("doubtful")
        self._widen(column, 12 + 8 * len(text))

    def _number(self, row: int, column: int, number: Number, address: CellAddress | None) -> None:
        mark = mark_of(number)
        comment = "" if mark is None else comment_of(number, address)
        write_number(self.sheet.cell(row, column), number, comment=comment)
        if mark is not None:
            self.marks.add(mark)
        self._widen(column, 12 + 8 * len(printed_form(number)))

    def _picture(self, row: int, column: int, picture: Picture, indent: int = 0, *, fills: bool = True) -> None:
        """A picture at the bottom of a cell, indented by pixels; one that ``fills`` it makes it as wide as it needs."""
        image = picture_image(picture, SHOWN_DIGIT / DIGIT_HEIGHT)
        self.pictures.append((row, column, indent, image))
        self._height(row, image.height)
        if fills:
            self._widen(column, indent + image.width)

    def _widen(self, column: int, pixels: float) -> None:
        self.widths[column] = max(self.widths.get(column, 0), pixels)

    def _height(self, row: int, pixels: float) -> None:
        """At least so many pixels; a point is 4/3 of one."""
        known = self.sheet.row_dimensions[row].height or 0
        self.sheet.row_dimensions[row].height = max(known, pixels * 0.75)

    def _finish(self) -> None:
        """Widths of columns, pictures at the bottom of their rows, and a printed page as wide as the table."""
        from openpyxl.utils import get_column_letter

        for column, pixels in self.widths.items():
            self.sheet.column_dimensions[get_column_letter(column)].width = min(max(pixels, 16.0), 700.0) / 7
        for row, column, indent, image in self.pictures:
            room = max(0, round(self.sheet.row_dimensions[row].height / 0.75) - image.height)
            place_picture(self.sheet, image, row, column, indent, room)
        self.sheet.page_setup.orientation = "landscape" if self.reading.width > self.reading.height else "portrait"
        self.sheet.page_setup.fitToHeight = 0
        self.sheet.sheet_properties.pageSetUpPr.fitToPage = True
