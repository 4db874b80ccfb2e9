"""Finds rows and columns of a table that hold words and not figures: by confidences, against the lines beside them.

Letters that a worn page makes look like digits ("St" before each name, the letters of winds, the words of a heading)
are read with little confidence, and they come in lines. One improbable number in a good line is a figure that was
misread: it stays, in doubt, where a person finds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tablesim.digits.certainty import Certainty
from tablesim.digits.number_features import NumbersOfPage
from tablesim.records.reading import Ditto, Number

Cell = TypeVar("Cell", Number, Ditto)

IMPROBABLE, PROBABLE = 0.3, 0.6
"""Mean confidence below which a line is one of words, where the usual line of its page has at least the second. Rows
and columns of figures on 14 scanned pages come to 0.7 or more, lines of words to 0.26 or less."""

SURELY_IMPROBABLE = 0.2
"""The same where another line of the page has at least `PROBABLE`, and the usual one has not: on a broadside before
whose names stand many an "St" that was taken for 52 most rows are improbable. Chosen low, with synthesized worn
broadsides in view: there many a line of figures is as improbable as .3."""

FEWEST = 3
"""Numbers that make a line."""

_AXES = ("column", "row")
"""Columns first: a count beside three names that were taken for numbers is in no row of words."""


def without_lines_of_words(page: NumbersOfPage, certainty: Certainty) -> NumbersOfPage:
    """The page without the numbers in such rows and columns; the other rows and columns are counted anew."""
    of_words = _of_words(page.numbers, certainty.of(page.features))
    if not of_words.any():
        return page
    kept = np.flatnonzero(~of_words).tolist()
    numbers = [page.numbers[at] for at in kept]
    cells = _Cells(numbers)
    return replace(
        page,
        numbers=[cells.counted(number) for number in numbers],
        runs=[page.runs[at] for at in kept],
        features=page.features[kept],
        dittos=[cells.counted(ditto) for ditto in page.dittos if cells.hold(ditto)],
    )


def _of_words(numbers: Sequence[Number], confidence: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which numbers stand in a row or a column of words, shape (n,)."""
    of_words = np.zeros(len(numbers), dtype=np.bool_)
    means = [mean for axis in _AXES for mean, _ in _lines(numbers, confidence, of_words, axis)]
    if not means or max(means) < PROBABLE:
        return of_words
    bound = IMPROBABLE if np.median(means) >= PROBABLE else SURELY_IMPROBABLE
    for axis in _AXES:
        for mean, members in _lines(numbers, confidence, of_words, axis):
            of_words[members] |= mean < bound
    return of_words


def _lines(
    numbers: Sequence[Number], confidence: NDArray[np.float64], of_words: NDArray[np.bool_], axis: str
) -> list[tuple[float, list[int]]]:
    """Mean confidence of each row or column, and its members, without those that are of words already."""
    lines: dict[tuple[int, int], list[int]] = {}
    for at, number in enumerate(numbers):
        place = getattr(number, axis)
        if number.table is not None and place is not None and not of_words[at]:
            lines.setdefault((number.table, place), []).append(at)
    return [(float(confidence[members].mean()), members) for members in lines.values() if len(members) >= FEWEST]


class _Cells:
    """The rows and columns that hold numbers, by table."""

    def __init__(self, numbers: Sequence[Number]) -> None:
        self._rows: dict[int, list[int]] = {}
        self._columns: dict[int, list[int]] = {}
        for number in numbers:
            if number.table is not None and number.row is not None and number.column is not None:
                self._rows.setdefault(number.table, []).append(number.row)
                self._columns.setdefault(number.table, []).append(number.column)
        self._tables = sorted(self._rows)
        for lines in (self._rows, self._columns):
            for table, of_table in lines.items():
                lines[table] = sorted(set(of_table))

    def hold(self, ditto: Ditto) -> bool:
        """Whether numbers remain in the row's table and the column of a ditto mark."""
        return ditto.table is None or (
            ditto.row in self._rows.get(ditto.table, ()) and ditto.column in self._columns.get(ditto.table, ())
        )

    def counted(self, cell: Cell) -> Cell:
        """The cell with its table, row and column counted among those that remain."""
        if cell.table is None or cell.row is None or cell.column is None:
            return cell
        return replace(
            cell,
            table=self._tables.index(cell.table),
            row=self._rows[cell.table].index(cell.row),
            column=self._columns[cell.table].index(cell.column),
        )
