"""Parts of an alignment put below each other as one table: pages that follow each other, halves set side by side.

An edition breaks a table over pages, and the columns of each page are columns of their own to the alignment. People see
one table: a part goes below another where a witness has its rows behind those of the other and its columns are the
same ones, by their order on the page or, where a column was not read, by where they stand across it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tablesim.digits.evaluation.alignment import rising_pairs
from tablesim.evidence.collation.grids import NONE, Panel, panels_of
from tablesim.records.collation import Line, Part, Witness

MATCHED = 2 / 3
"""Share of the columns of the narrower part that must be columns of the other: one in three may not have been read."""

SAME_LENGTH = 0.8
"""Columns go on into each other where their numbers have on average so many digits more or fewer at most: 9 goes on to
100, and minutes do not go on in thousands."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _WitnessTable:
    """One table of a witness: its page, and of each column where it stands across the table and how long its numbers
    are; columns are counted as the witness counts them.
    """

    page: int
    columns: range
    middles: Floats
    lengths: Floats

    def meets(self, other: _WitnessTable) -> dict[int, int]:
        """Which column of another page's table goes on each column; empty where the tables are of another kind."""
        if len(self.columns) == len(other.columns):
            pairs = [(at, at) for at in range(len(self.columns))]
        else:
            pitch = 1 / max(len(self.columns), len(other.columns))
            away = np.abs(self.middles[:, None] - other.middles[None, :])
            pairs = rising_pairs(1 - 2 * away / pitch)
        alike = sum(abs(self.lengths[mine] - other.lengths[yours]) <= SAME_LENGTH for mine, yours in pairs)
        if alike < MATCHED * len(pairs):
            return {}
        return {self.columns[mine]: other.columns[yours] for mine, yours in pairs}


Column = list[int | None]
"""A column of a stack: its index in every witness, by the lowest part that has it."""


class _Stack:
    """Parts that stand below each other, with the columns that they make together."""

    def __init__(self, n_witnesses: int) -> None:
        self.columns: list[Column] = []
        self.lasts: list[int] = [NONE] * n_witnesses
        self.parts: list[tuple[int, int, list[Column]]] = []
        self.n_rows = 0

    def below(
        self, lines: Sequence[Line], firsts: Sequence[int | None], tables: Sequence[Sequence[_WitnessTable]]
    ) -> dict[int, Column] | None:
        """Which column of the stack each column of a part goes on; None where the part does not stand below.

        ``lines`` are the columns of the part, ``firsts`` the first row that each witness has of it.
        """
        found: dict[int, Column] = {}
        for witness, first in enumerate(firsts):
            if first is None or first <= self.lasts[witness] or self.lasts[witness] == NONE:
                continue
            met: dict[int, Column] = {}
            for at, line in enumerate(lines):
                for column in self.columns:
                    if _goes_on(column[witness], line[witness], tables[witness]):
                        met[at] = column
            if len(met) > len(found):
                found = met
        return found if len(found) >= MATCHED * min(len(lines), len(self.columns)) and found else None

    def add(self, part: int, n_rows: int, lines: Sequence[Line], lasts: Sequence[int], met: dict[int, Column]) -> None:
        """Put a part below; columns that the stack lacks come in behind the one before them."""
        own: list[Column] = []
        for at, line in enumerate(lines):
            column = met.get(at)
            if column is None:
                column = [None] * len(line)
                before = own[-1] if own else None
                self.columns.insert(0 if before is None else 1 + _index(self.columns, before), column)
            column[:] = [old if new is None else new for old, new in zip(column, line, strict=True)]
            own.append(column)
        self.parts.append((part, self.n_rows, own))
        self.n_rows += n_rows
        self.lasts = [max(pair) for pair in zip(self.lasts, lasts, strict=True)]


def stacked(
    parts: Sequence[Part],
    rows: Sequence[Line],
    columns: Sequence[Line],
    witnesses: Sequence[Witness],
    transposed: Sequence[bool],
) -> tuple[Part, ...]:
    """The parts, each with the table that it belongs to and where it stands in it.

    Parameters
    ----------
    parts : sequence of Part
        In the order of the first witness.
    rows, columns : sequence of tuple of (int or None)
        The alignment, as in a `Collation`.
    witnesses : sequence of Witness
    transposed : sequence of bool
        Witnesses whose rows are columns here say nothing of what stands below what.
    """
    if len(parts) < 2:
        return tuple(parts)
    tables = [[] if turned else _tables_of(w) for w, turned in zip(witnesses, transposed, strict=True)]
    stacks: list[_Stack] = []
    for index, part in enumerate(parts):
        lines, own_rows = columns[slice(*part.columns)], rows[slice(*part.rows)]
        by_witness = [[row for row in of if row is not None] for of in zip(*own_rows, strict=True)]
        firsts = [min(of, default=None) for of in by_witness]
        # The latest table first: what goes on goes on from the page before.
        candidates = ((stack, stack.below(lines, firsts, tables)) for stack in reversed(stacks))
        stack, met = next(((stack, met) for stack, met in candidates if met is not None), (_Stack(len(witnesses)), {}))
        if not stack.parts:
            stacks.append(stack)
        stack.add(index, len(own_rows), lines, [max(of, default=NONE) for of in by_witness], met)
    found = {
        index: replace(
            parts[index], table=table, first_row=first_row, places=tuple(_index(stack.columns, c) for c in own)
        )
        for table, stack in enumerate(stacks)
        for index, first_row, own in stack.parts
    }
    return tuple(found[index] for index in range(len(parts)))


def _goes_on(above: int | None, below: int | None, tables: Sequence[_WitnessTable]) -> bool:
    """Whether a column of a witness is the same one as another, or goes on in it on a later page."""
    if above is None or below is None:
        return False
    upper, lower = (next((t for t in tables if column in t.columns), None) for column in (above, below))
    if upper is None or lower is None:
        return False
    if upper is lower:
        return above == below
    # Tables of one page that the page sets apart stay apart.
    return lower.page > upper.page and upper.meets(lower).get(above) == below


def _index(columns: Sequence[Column], column: Column) -> int:
    """Where this very column is: others may have the same indices."""
    return next(at for at, other in enumerate(columns) if other is column)


def _tables_of(witness: Witness) -> list[_WitnessTable]:
    return [_witness_table(witness, panel) for panel in panels_of(witness, 0, 1)]


def _witness_table(witness: Witness, panel: Panel) -> _WitnessTable:
    grid, first = panel.numbers[0], int(panel.columns[0, 0])
    page = witness.pages[int(grid.max())]
    transform = witness.readings[page].transform
    middles, lengths = [], []
    for column in grid.T:
        numbers = [witness.numbers[at] for at in column[column != NONE].tolist()]
        centres = transform.to_working(np.array([number.box.centre for number in numbers]))
        middles.append(float(np.median(centres[:, 0])))
        lengths.append(float(np.mean([len(number.digits) for number in numbers])))
    x = np.array(middles)
    across = (x - x.min()) / max(float(np.ptp(x)), 1.0)
    return _WitnessTable(page, range(first, first + len(x)), across, np.array(lengths))
