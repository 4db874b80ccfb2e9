"""Columns of a table as numbers: values of one to four sexagesimal places, and arguments that go on in equal steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from tablesim.astronomy.sexagesimal import parts_of
from tablesim.evidence.collation.grids import NONE, Panel
from tablesim.records.collation import Witness
from tablesim.records.reading import Number

Floats = NDArray[np.float64]

MAX_PLACES = 4
"""Whole number, sixtieths, sixtieths of sixtieths, and those of these."""

MIN_ROWS = 8
"""A law needs so many rows that obey it."""

OBEYED = 0.8
"""Share of the rows that obey a law of sums and differences."""

UNDER_SIXTY = 0.88
"""Share of the numbers of a sexagesimal place that are below 60: misprints and misreadings may be above."""

STEADY = 0.8
"""Share of the rows from which an argument goes on by its step."""

COUNTED = 0.96
"""Share of the rows from which an argument that no function needs goes on by its step, once its slips are mended."""

MODULI = (12, 19, 24, 28, 30, 60, 360)
"""Where whole numbers begin anew: hours, the golden number, the cycle of the Sun, signs, sixtieths, the circle."""


@dataclass(frozen=True)
class Value:
    """Columns of one table that make one number together.

    Parameters
    ----------
    columns : tuple of int
        Columns of the panel, from the highest place to the lowest.
    numbers : float64 array of shape (rows,)
        In units of the lowest place; nan where a place is blank or illegible.
    """

    columns: tuple[int, ...]
    numbers: Floats

    @property
    def places(self) -> int:
        """How many sexagesimal places follow the whole number."""
        return len(self.columns) - 1


@dataclass(frozen=True)
class Suspect:
    """A number that breaks a law which its column obeys elsewhere.

    Parameters
    ----------
    witness : int
        Which witness has it.
    number : int
        Its index among the witness's numbers.
    text : str
        What was read.
    expected : str
        What the law has there: a number, or the two between which it lies, as "12 to 15".
    law : str
        The name of the function, "step" of an argument, "argument" that the row's values speak against, "sum" that runs
        on, "sum of the column", "sum of the row", "second differences", "carry" or "order".
    between : tuple of (int, int), optional
        Lowest and highest number that the law allows, where it allows more than one.
    doubtful : bool
        Whether the reader may have erred: a doubtful digit, read otherwise, gives what the law has.
    """

    witness: int
    number: int
    text: str
    expected: str
    law: str
    between: tuple[int, int] | None = None
    doubtful: bool = False

    def allows(self, text: str) -> bool:
        """Whether this could stand there by the law."""
        if self.between is None or not text.isdigit():
            return text.lstrip("0") == self.expected.lstrip("0")
        return self.between[0] <= int(text) <= self.between[1]


def numbers_of(panel: Panel, witness: Witness) -> Floats:
    """The numbers of a panel of one witness, shape (rows, columns), in units of the last place of their column.

    nan where there is none, where it is illegible or negative, and where it has other decimals than its column.
    """
    grid = panel.numbers[0]
    found, decimals = np.full(grid.shape, np.nan), np.full(grid.shape, NONE)
    for row, column in np.argwhere(grid != NONE):
        number, text = witness.numbers[grid[row, column]], witness.texts[grid[row, column]]
        if text.isdigit() and (number.value is None or number.value >= 0):
            found[row, column] = float(text[:15])
            decimals[row, column] = _decimals(number)
    for column in range(grid.shape[1]):
        there = decimals[:, column][np.isfinite(found[:, column])]
        if len(there):
            found[decimals[:, column] != np.bincount(there).argmax(), column] = np.nan
    return found


def _decimals(number: Number) -> int:
    """How many digits of a number stand after its decimal mark, where it is decided that it has one."""
    return -int(number.value.as_tuple().exponent) if isinstance(number.value, Decimal) else 0


def values_of(numbers: Floats) -> list[list[Value]]:
    """For each number of places the values that neighbouring columns, shape (rows, columns), could make."""
    below = np.where(np.isfinite(numbers), numbers < 60, False).mean(axis=0)
    found: list[list[Value]] = []
    for places in range(MAX_PLACES):
        runs = []
        for first in range(numbers.shape[1] - places):
            members = tuple(range(first, first + places + 1))
            full = np.isfinite(numbers[:, members]).all(axis=1)
            if full.sum() < MIN_ROWS or any(below[c] < UNDER_SIXTY * full.mean() for c in members[1:]):
                continue
            scale = 60.0 ** np.arange(places, -1, -1)
            runs.append(Value(members, numbers[:, members] @ scale))
        found.append(runs)
    return found


def texts_of(panel: Panel, value: Value, expected: Floats, law: str) -> Iterator[tuple[int, tuple[str, str]]]:
    """The numbers of a value with what is expected of each place, and by which law."""
    for row in np.flatnonzero(np.isfinite(value.numbers) & np.isfinite(expected) & (expected >= 0)):
        for column, part in zip(value.columns, parts_of(expected[row], value.places), strict=True):
            yield int(panel.numbers[0, row, column]), (str(part), law)


def steady(numbers: Floats) -> Floats | None:
    """An argument that goes on in equal steps, its single slips mended; None where it is none.

    A number that does not go on, while the number after it goes on from the one before it, is a slip.
    """
    if np.isfinite(numbers).sum() < MIN_ROWS:
        return None
    steps = np.diff(numbers)
    step = step_of(numbers)
    if step == 0 or np.nanmean(np.where(np.isfinite(steps), steps == step, np.nan)) < STEADY:
        return None
    mended = numbers.copy()
    for row in range(len(numbers)):
        before = mended[row - 1] + step if row else numbers[row + 1] - step
        beyond = numbers[row + 1] - step if 0 < row < len(numbers) - 1 else before
        # At the ends two numbers that go on together speak against the one outside.
        inner = row in (0, len(numbers) - 1) and steps[1 if row == 0 else -2] == step
        # It may begin anew there, or be a heading or a sum.
        inner = inner and abs(numbers[row] - before) not in MODULI and one_figure_apart(numbers[row], before)
        if numbers[row] != before and before == beyond and (inner or 0 < row < len(numbers) - 1):
            mended[row] = before
    return mended


def one_figure_apart(number: float, other: float) -> bool:
    """Whether two numbers are written with as many figures, all but one of them the same, or the same exchanged."""
    if not (np.isfinite(number) and np.isfinite(other)):
        return False
    texts = str(int(number)), str(int(other))
    if len(texts[0]) != len(texts[1]) or texts[0] == texts[1]:
        return False
    return sorted(texts[0]) == sorted(texts[1]) or sum(a != b for a, b in zip(*texts, strict=True)) == 1


def counts_on(mended: Floats) -> bool:
    """Whether the rows are counted here: nearly every step of a mended argument is the usual one.

    What goes on by one most of the time, as pages of chapters do, is no argument that could show a slip.
    """
    steps = np.diff(mended)
    steps, step = steps[np.isfinite(steps)], step_of(mended)
    anew = np.isin(np.abs(steps - step), MODULI) & (np.sign(steps) != np.sign(step))
    return int((~((steps == step) | anew)).sum()) <= max(1, int((1 - COUNTED) * len(steps)))


def step_of(numbers: Floats) -> float:
    """By how much a column mostly goes on from row to row; 0 where nothing is known."""
    steps = np.diff(numbers)
    return float(np.median(steps[np.isfinite(steps)])) if np.isfinite(steps).any() else 0.0


def rising(numbers: Floats) -> Floats:
    """The numbers without those that are less than one before or more than one after them, as slips are."""
    kept = numbers.copy()
    for row in range(1, len(numbers) - 1):
        before, after = kept[row - 1], numbers[row + 1]
        if before <= after and not before <= numbers[row] <= after:
            kept[row] = np.nan
    return kept
