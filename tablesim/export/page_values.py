"""The values of a page in units: columns that are the places of one number, such as 39;1, in one column of a sheet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tablesim.digits.units_of_page import ColumnUnits, MeantValue, PageUnits, meant_value
from tablesim.evidence.figures.page_grid import GridTable, PageGrid
from tablesim.export.workbook import MARKS, Look, mark_of, write_number, write_text
from tablesim.records.reading import Number


def joined(number: Number, numbers: Sequence[Number], units: PageUnits) -> MeantValue | None:
    """The value that a number is a place of, given those of its row or page; None where it stands by itself."""
    group = units.of(number.table, number.column)
    return None if group is None or not group.decided else meant_value(number, numbers, units)


def in_units(meant: MeantValue) -> dict[str, Any]:
    """A joined value for a list: as it is written, in decimals of its first place, and what its places are."""
    decimals = None if meant.value is None else float(meant.value)
    return {"in_units": meant.text, "in_units_as_decimals": decimals, "units": meant.unit}


def write_values(sheet: Any, grid: PageGrid, units: PageUnits) -> None:
    """Write the tables of a page below each other; of columns of one number 39;1, and 39.0167 to compute with."""
    line = 1
    for table in sorted(grid.tables, key=lambda table: table.table):
        line = _Values(sheet, table, units).write(line) + 2
    sheet.freeze_panes = "B2"


class _Values:
    """Writes one table; ``shown`` are its columns, of those that are one number the first."""

    def __init__(self, sheet: Any, table: GridTable, units: PageUnits) -> None:
        self.sheet, self.table, self.units = sheet, table, units
        groups = {column: units.of(table.table, column) for column in range(table.n_columns)}
        self.groups = {column: group for column, group in groups.items() if group is not None and group.decided}
        self.shown = [column for column in groups if column not in self.groups or column == self._first(column)]

    def _first(self, column: int) -> int:
        return min(self.groups[column].columns)

    def write(self, line: int) -> int:
        """Write names and rows from a line of the sheet on; the last line."""
        write_text(self.sheet.cell(line, 1), f"t{self.table.table + 1}", Look(small=True))
        names = [name for column in self.shown for name in self._names(column)]
        for place, name in enumerate(names, 2):
            write_text(self.sheet.cell(line, place), name, Look(small=True, right=True))
        for row in sorted(self.table.middles):
            line += 1
            write_text(self.sheet.cell(line, 1), f"r{row + 1}", Look(small=True))
            place = 2
            for column in self.shown:
                self._write(line, place, row, column)
                place += len(self._names(column))
        return line

    def _names(self, column: int) -> list[str]:
        group = self.groups.get(column)
        if group is None:
            return [f"c{column + 1}"]
        return [";".join(f"c{each + 1}" for each in group.columns), f"{group.name}, in decimals"]

    def _write(self, line: int, place: int, row: int, column: int) -> None:
        group = self.groups.get(column)
        if group is not None:
            self._write_joined(line, place, row, group)
        elif (row, column) in self.table.cells:
            write_number(self.sheet.cell(line, place), self.table.cells[row, column].numbers[0])

    def _write_joined(self, line: int, place: int, row: int, group: ColumnUnits) -> None:
        cells = [self.table.cells[row, column] for column in group.columns if (row, column) in self.table.cells]
        numbers = [number for cell in cells for number in cell.numbers]
        if not numbers:
            return
        meant = meant_value(numbers[0], numbers, self.units)
        marks = {mark_of(number) for number in numbers}
        mark = next((name for name in MARKS if name in marks and name != "repeats"), None)
        write_text(self.sheet.cell(line, place), meant.text, Look(right=True), mark)
        if meant.value is not None:
            self.sheet.cell(line, place + 1).value = float(meant.value)
