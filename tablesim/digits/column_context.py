"""What the column of a number expects of it: how many digits, which edge, which value; by its neighbours there.

All three are compared with the nearest neighbours in the column alone, so that a bent page and a column that grows do
no harm. Nothing here changes a reading: context orders a second look, and tells how far a number is believed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from tablesim.records.reading import Number

Floats = NDArray[np.float64]

NEIGHBOURS = 4
"""Numbers above, and below, that a number is compared with."""

FEWEST = 4
"""Least numbers of a column that says anything."""

SIXTY = 60
"""Minutes and seconds run to 60 and begin again."""

REGULAR = 0.12
"""Greatest ratio of the usual miss of a prediction to the usual distance of values in a column that runs regularly."""


@dataclass(frozen=True)
class ColumnContext:
    """What the columns say of n numbers; 0 where a number stands in no column, or in one too short.

    Attributes
    ----------
    longer, shorter : float64 arrays of shape (n,)
        Share of its neighbours that have more, and fewer, digits.
    aside : float64 array of shape (n,)
        Distance from the edge on which the column is set, in digit heights, at most 2.
    off_step : float64 array of shape (n,)
        In columns that run regularly: by how much the value misses what its neighbours predict, as the logarithm of
        usual misses.
    on_step : float64 array of shape (n,)
        1 where the neighbours of a regular column predict the value, else 0.
    """

    longer: Floats
    shorter: Floats
    aside: Floats
    off_step: Floats
    on_step: Floats


def column_context(numbers: Sequence[Number], boxes: Floats, unit: float) -> ColumnContext:
    """What its column says of each number.

    Parameters
    ----------
    numbers : sequence of Number
        Arranged.
    boxes : float64 array of shape (n, 4)
        Left, top, right, bottom of each on the upright page.
    unit : float
        Usual height of a digit in the same pixels.
    """
    context = ColumnContext(*(np.zeros(len(numbers)) for _ in fields(ColumnContext)))
    for members in _columns(numbers):
        column = boxes[members]
        lengths = np.array([len(numbers[k].digits) for k in members], dtype=np.float64)
        near = _near(len(members))
        known = near >= 0
        share = 1 / np.maximum(known.sum(axis=1), 1)
        context.longer[members] = ((lengths[near] > lengths[:, None]) & known).sum(axis=1) * share
        context.shorter[members] = ((lengths[near] < lengths[:, None]) & known).sum(axis=1) * share
        context.aside[members] = _aside(column, near, unit)
        off, on = _steps([numbers[k].digits_text for k in members], np.array([numbers[k].row for k in members]))
        context.off_step[members], context.on_step[members] = off, on
    return context


def _columns(numbers: Sequence[Number]) -> list[NDArray[np.intp]]:
    """Indices of the numbers of each column that is long enough, from top to bottom."""
    columns: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for k, number in enumerate(numbers):
        if number.table is not None and number.column is not None and number.row is not None:
            columns.setdefault((number.table, number.column), []).append((number.row, k))
    return [np.array([k for _, k in sorted(column)]) for column in columns.values() if len(column) >= FEWEST]


def _near(count: int) -> NDArray[np.intp]:
    """The neighbours above and below of each of ``count`` numbers, or -1; shape (count, 2 * NEIGHBOURS)."""
    steps = np.concatenate([np.arange(-NEIGHBOURS, 0), np.arange(1, NEIGHBOURS + 1)])
    near = np.arange(count)[:, None] + steps
    return np.where((near >= 0) & (near < count), near, -1)


def _aside(column: Floats, near: NDArray[np.intp], unit: float) -> Floats:
    sides = np.stack([column[:, 0], column[:, 2], (column[:, 0] + column[:, 2]) / 2])
    # The median of those that are there, which sorting sets before the others; nanmedian takes ten times as long.
    beside = np.sort(np.where(near >= 0, sides[:, near], np.inf), axis=2)
    count, each = (near >= 0).sum(axis=1), np.arange(len(near))
    median = (beside[:, each, (count - 1) // 2] + beside[:, each, count // 2]) / 2
    off = np.abs(sides - median) / unit
    return np.asarray(np.minimum(off[int(np.median(off, axis=1).argmin())], 2.0))


def _steps(texts: Sequence[str], rows: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """How far each value of a column misses its prediction, and whether it is predicted; zeros in irregular columns."""
    count = len(texts)
    nothing = np.zeros(count)
    values = np.array([float(text) if text.isdigit() else np.nan for text in texts])
    if np.isfinite(values).sum() < 2 * FEWEST:
        return nothing, nothing
    # Each value is predicted by its neighbours on both sides, by the two above and by the two below: a misread
    # neighbour spoils two of the three.
    padded, at = np.pad(values, 2, constant_values=np.nan), np.pad(rows.astype(float), 2, constant_values=np.nan)
    pairs = ((1, 3), (0, 1), (3, 4))
    misses = np.stack([_missed(padded, at, first, second, count) for first, second in pairs])
    if np.nanmax(values) < SIXTY:
        misses = np.abs(misses - SIXTY * np.round(misses / SIXTY))
    least = np.where(np.isfinite(misses), np.abs(misses), np.inf).min(axis=0)
    known = np.isfinite(least)
    if known.sum() < 2 * FEWEST:
        return nothing, nothing
    usual = float(np.median(least[known]))
    spread = float(np.median(np.abs(values[known] - np.median(values[known]))))
    if usual > REGULAR * max(spread, 1.0):
        return nothing, nothing
    missed = np.where(known, least, 0.0) / (usual + 0.5)
    return np.minimum(np.log1p(missed), 5.0), (known & (missed <= 2.0)).astype(np.float64)


def _missed(padded: Floats, at: Floats, first: int, second: int, count: int) -> Floats:
    """Each value less its prediction along the line through the values ``first`` and ``second`` of its window of 5."""
    a, b = padded[first : first + count], padded[second : second + count]
    row_a, row_b = at[first : first + count], at[second : second + count]
    return np.asarray(padded[2 : 2 + count] - (a + (b - a) * (at[2 : 2 + count] - row_a) / (row_b - row_a)))
