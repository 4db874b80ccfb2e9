"""The arguments of a table's rows: found where its first column, or its first two, go on in even steps.

A column of arguments is strictly monotone and has one step from row to row, or two. Two columns make one argument where
the second counts sixtieths of the first, which may be printed only where it changes. Half-tables set beside each other
have their arguments again, which go on where those before them end.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

from tablesim.records.reading import Number

MIN_ROWS = 5
"""Fewer numbers go on in even steps by chance."""

FILLED = 0.6
"""Share of a table's rows in which an argument is printed; one that was not read in more rows names too few."""

EVEN, MONOTONE = 0.75, 0.8
"""Share of the steps that are one of the two commonest, and that go one way: misread digits spoil two steps each, and
a sign or an hour begins anew."""

COMMON = 3
"""A step that comes less often is a slip's."""

MAX_CHANGES = 3
"""How often an argument goes over from one step to another: by ones to ten, then by tens."""

FIRST = 2
"""The argument is the first column or, where some noise stands before it, the one after it; else the last."""

SIXTY = 60

Column = dict[int, tuple[Fraction, str]]
"""Of each row that has one the value and the text."""


class Arguments:
    """The arguments of one table.

    Parameters
    ----------
    cells : mapping of (row, column) to Number
        From 0; of any row or column that is empty nothing is said.
    """

    def __init__(self, cells: Mapping[tuple[int, int], Number]) -> None:
        self.cells = cells
        self.rows = sorted({row for row, _ in cells})

    def of(self, row: int, column: int) -> str | None:
        """The argument of a row for a column, as printed: of half-tables beside each other each has its own.

        None where the table has no arguments, and where what was read does not go on with its neighbours.
        """
        if not self.columns:
            return None
        chosen = self.columns[max(0, bisect_right(self.columns, column) - 1)]
        return self._found[chosen].get(row)

    @cached_property
    def columns(self) -> tuple[int, ...]:
        """The columns in which an argument begins."""
        return tuple(sorted(self._found))

    @cached_property
    def _found(self) -> dict[int, dict[int, str]]:
        """By the column in which they begin, the arguments of the rows."""
        columns = sorted({column for _, column in self.cells})
        # Of two facing pages the right one may have its arguments at its outer edge.
        for column in dict.fromkeys((*columns[:FIRST], *columns[-1:])):
            place = columns.index(column)
            single = self._column(column)
            pair = self._pair(column, columns[place + 1]) if place + 1 < len(columns) else {}
            # Degrees alone may rise too: an argument of two places says more.
            first = next((values for values in (pair, single) if _steps(values, self.rows)), None)
            if first is not None:
                return self._with_continued(column, first, columns[place + 1 :], two_places=first is pair)
        return {}

    def _with_continued(
        self, column: int, first: Column, others: list[int], *, two_places: bool
    ) -> dict[int, dict[int, str]]:
        """The arguments, and those of further columns that go on where the ones before them end."""
        steps = _steps(first, self.rows)
        found, last = {column: _even(first, steps)}, first
        for place, other in enumerate(others):
            more = self._column(other) if not two_places else {}
            if two_places and place + 1 < len(others):
                more = self._pair(other, others[place + 1])
            begins = more[min(more)][0] - last[max(last)][0] if more else 0
            if steps & _steps(more, self.rows) and begins in steps:
                found[other], last = _even(more, steps), more
        return found

    def _column(self, column: int) -> Column:
        values = {row: (self.cells[row, column], value_of(self.cells[row, column])) for row in self.rows
                  if (row, column) in self.cells}  # fmt: skip
        return {row: (value, number.text) for row, (number, value) in values.items() if value is not None}

    def _pair(self, first: int, second: int) -> Column:
        """Values of two columns, the second in sixtieths; the first holds on until it is printed anew."""
        wholes, parts = self._column(first), self._column(second)
        found: Column = {}
        whole: tuple[Fraction, str] | None = None
        for row in self.rows:
            whole = wholes.get(row, whole)
            if whole is None or row not in parts:
                continue
            part, text = parts[row]
            if not 0 <= part < SIXTY:
                return {}
            found[row] = (whole[0] * SIXTY + part, f"{whole[1]} {text}")
        # A second column that says nothing new, as one of zeros, makes no second place.
        return found if len({parts[row][0] for row in found}) > 1 else {}


def value_of(number: Number) -> Fraction | None:
    """The value meant, else that of the digits; None for digits that cannot be read."""
    if number.value is not None:
        return Fraction(number.value)
    return Fraction(number.digits_text) if number.digits_text.isdecimal() else None


def _steps(column: Column, rows: list[int]) -> set[Fraction]:
    """The steps in which a column goes on, one or two; none where it is no argument."""
    if len(column) < max(MIN_ROWS, FILLED * len(rows)):
        return set()
    at = sorted(column)
    steps = [column[b][0] - column[a][0] for a, b in pairwise(at) if b - a == 1]
    if len(steps) < MIN_ROWS - 1:
        return set()
    up = sum(step > 0 for step in steps)
    way = 1 if 2 * up > len(steps) else -1
    monotone = [step for step in steps if step * way > 0]
    commonest = [(step, n) for step, n in Counter(monotone).most_common(2) if n >= COMMON]
    if len(monotone) < MONOTONE * len(steps) or sum(n for _, n in commonest) < EVEN * len(steps):
        return set()
    found = [step for step in monotone if step in dict(commonest)]
    # Values that rise a little unevenly have two steps too, but by turns.
    return set(found) if sum(a != b for a, b in pairwise(found)) <= MAX_CHANGES else set()


def _even(column: Column, steps: set[Fraction]) -> dict[int, str]:
    """The texts of those that go on from one beside them, or into it: others were misread, or misprinted."""
    return {
        row: text
        for row, (value, text) in column.items()
        if (row - 1 in column and value - column[row - 1][0] in steps)
        or (row + 1 in column and column[row + 1][0] - value in steps)
    }
