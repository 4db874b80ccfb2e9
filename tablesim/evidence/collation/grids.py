"""Witnesses as grids of numbers, and their alignment: what collation works on.

A witness is one page or several. Each table on its pages is a panel: rows and columns of cells, each empty or with
one number. The rows and columns that the reading gives are taken as a hint: two numbers in one cell part its column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tablesim.digits.layout import arrange
from tablesim.records.collation import Witness
from tablesim.records.reading import Number, Reading
from tablesim.records.transform import Transform

Ints = NDArray[np.int64]

NONE = -1
"""Where a witness has no number, no row or no column."""

SECONDS, SECONDS_SHARE = 3, 0.1
"""A column has second numbers, as degrees with a half have, where so many rows of it do, and this share of them."""

SAME_ROW = 0.3
"""A number within this many row distances of a row stands in it."""


def witness_of(readings: Sequence[Reading]) -> Witness:
    """The witness on these pages. A page whose reading names no rows and columns is arranged by its geometry."""
    pages: list[int] = []
    indices: list[int] = []
    numbers: list[Number] = []
    for page, reading in enumerate(readings):
        index_of = {number.digits: index for index, number in enumerate(reading.numbers)}
        index_of |= {number.digits: NONE for number in reading.repeated}
        arranged = with_second_numbers((*_arranged(reading), *reading.repeated), reading.transform)
        in_tables = [number for number in arranged if number.table is not None]
        pages += [page] * len(in_tables)
        indices += [index_of[number.digits] for number in in_tables]
        numbers += in_tables
    return Witness(tuple(readings), tuple(pages), tuple(indices), tuple(numbers))


@dataclass(frozen=True)
class Panel:
    """A piece of table with the numbers of one witness or, once aligned, of several.

    Parameters
    ----------
    numbers : int64 array of shape (w, r, c)
        For each witness, row and column the index of a number of that witness, or -1.
    rows : int64 array of shape (w, r)
        The number of each row in each witness, counted through its tables and pages; -1 where it has none.
    columns : int64 array of shape (w, c)
        Likewise for the columns.
    """

    numbers: Ints
    rows: Ints
    columns: Ints

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows and columns."""
        return self.numbers.shape[1], self.numbers.shape[2]

    def turned_over(self) -> Panel:
        """The panel with rows for columns."""
        return Panel(self.numbers.transpose(0, 2, 1), self.columns, self.rows)

    def part(self, rows: Ints, columns: Ints) -> Panel:
        """The rows and columns of these indices, in their order."""
        return Panel(self.numbers[:, rows][:, :, columns], self.rows[:, rows], self.columns[:, columns])

    @property
    def beginning(self) -> tuple[int, ...]:
        """Where the panel begins, by the first witness that has it: panels are sorted by this."""
        for rows, columns in zip(self.rows.tolist(), self.columns.tolist(), strict=True):
            named_rows, named_columns = [r for r in rows if r != NONE], [c for c in columns if c != NONE]
            if named_rows and named_columns:
                return 0, min(named_rows), min(named_columns)
        return 1, 0, 0

    def without_empty(self) -> Panel:
        """The panel without the rows and columns in which no witness has a number."""
        full = (self.numbers != NONE).any(axis=0)
        return self.part(np.flatnonzero(full.any(axis=1)), np.flatnonzero(full.any(axis=0)))


@dataclass(frozen=True)
class TableAlignment:
    """Which rows, columns and numbers of some witnesses belong together.

    Parameters
    ----------
    panels : tuple of Panel
        The tables of the witnesses, merged where they meet, in the order of the first witness.
    transposed : tuple of bool
        For each witness whether its rows are columns here.
    """

    panels: tuple[Panel, ...]
    transposed: tuple[bool, ...]

    def __repr__(self) -> str:
        sizes = ", ".join(f"{panel.rows.shape[1]} rows x {panel.columns.shape[1]} columns" for panel in self.panels)
        return f"TableAlignment({len(self.transposed)} witnesses: {sizes or 'nothing'})"


def panels_of(witness: Witness, which: int, n_witnesses: int) -> list[Panel]:
    """The tables of a witness, the ``which``-th of ``n_witnesses``, in reading order."""
    tables: dict[tuple[int, int], list[int]] = {}
    for index, (page, number) in enumerate(zip(witness.pages, witness.numbers, strict=True)):
        assert number.table is not None
        tables.setdefault((page, number.table), []).append(index)
    panels: list[Panel] = []
    n_rows = n_columns = 0
    for _, members in sorted(tables.items()):
        grid = _grid(members, witness.numbers)
        numbers = np.full((n_witnesses, *grid.shape), NONE)
        numbers[which] = grid
        rows = np.full((n_witnesses, grid.shape[0]), NONE)
        rows[which] = n_rows + np.arange(grid.shape[0])
        columns = np.full((n_witnesses, grid.shape[1]), NONE)
        columns[which] = n_columns + np.arange(grid.shape[1])
        panels.append(Panel(numbers, rows, columns))
        n_rows, n_columns = n_rows + grid.shape[0], n_columns + grid.shape[1]
    return panels


def _grid(members: Sequence[int], numbers: Sequence[Number]) -> Ints:
    """Rows and columns of one table, int64 of shape (r, c), without those that are empty."""
    index_of: dict[tuple[int, tuple[int, int]], int] = {}
    for index in sorted(members, key=lambda i: (numbers[i].box.x, numbers[i].box.y)):
        row, column, again = numbers[index].row or 0, numbers[index].column or 0, 0
        # Columns that ran together: the second number of a row stands in a column of its own.
        while (row, (column, again)) in index_of:
            again += 1
        index_of[row, (column, again)] = index
    rows = {row: at for at, row in enumerate(sorted({row for row, _ in index_of}))}
    columns = {column: at for at, column in enumerate(sorted({column for _, column in index_of}))}
    grid = np.full((len(rows), len(columns)), NONE)
    for (line, where), index in index_of.items():
        grid[rows[line], columns[where]] = index
    return grid


def with_second_numbers(numbers: Sequence[Number], transform: Transform) -> list[Number]:
    """The numbers, those among them that the arrangement left out as second ones of a cell put into that cell.

    A reading has one number a cell. The 14 and the 1/2 of one column are three of them, and which it kept changes from
    row to row: beside another edition the rest would seem to differ.
    """
    loose = [at for at, number in enumerate(numbers) if number.table is None]
    middles = transform.to_working(np.array([number.box.centre for number in numbers]).reshape(-1, 2))
    members_by_table: dict[int, list[int]] = {}
    for at, number in enumerate(numbers):
        if number.table is not None:
            members_by_table.setdefault(number.table, []).append(at)
    found = list(numbers)
    for table, members in members_by_table.items():
        lines = [(numbers[at].row or 0, numbers[at].column or 0) for at in members]
        rows, columns = (np.array(side) for side in zip(*lines, strict=True))
        x, y = middles[members].T
        at_row, at_column = _medians(y, rows), _medians(x, columns)
        if len(at_row) < 2 or not loose:
            continue
        pitch = float(np.median(np.diff(sorted(at_row.values()))))
        filled = set(lines)
        seconds: dict[int, list[tuple[int, int]]] = {}
        for at in loose:
            row = min(at_row, key=lambda r: abs(at_row[r] - middles[at, 1]))
            column = min(at_column, key=lambda c: abs(at_column[c] - middles[at, 0]))
            inside = x.min() - pitch < middles[at, 0] < x.max() + pitch
            if inside and (row, column) in filled and abs(at_row[row] - middles[at, 1]) < SAME_ROW * pitch:
                seconds.setdefault(column, []).append((at, row))
        for column, numbers_beside in seconds.items():
            if len(numbers_beside) >= max(SECONDS, SECONDS_SHARE * (columns == column).sum()):
                for at, row in numbers_beside:
                    found[at] = replace(numbers[at], table=table, row=row, column=column)
    return found


def _medians(values: NDArray[np.float64], groups: NDArray[np.int64]) -> dict[int, float]:
    return {group: float(np.median(values[groups == group])) for group in np.unique(groups).tolist()}


def _arranged(reading: Reading) -> Sequence[Number]:
    if not reading.numbers or any(number.table is not None for number in reading.numbers):
        return reading.numbers
    turned = reading.transform.rotation in (90, 270)
    heights = [digit.box.width if turned else digit.box.height for digit in reading.digits]
    unit = float(np.median(heights)) if heights else 0.0
    if unit <= 0:
        return reading.numbers
    bare = [replace(number, table=None, row=None, column=None) for number in reading.numbers]
    return arrange(bare, unit=unit, rotation=reading.transform.rotation)
