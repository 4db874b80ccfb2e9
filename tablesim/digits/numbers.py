"""Joins digits to numbers, and accepts faint numbers by their context in a table.

Two digits are joined where the network says of both that their number goes on, and where they stand beside each other.
A ring alone may be a letter o, a stroke alone an i or a rule; in a row and a column of accepted numbers they are 0 and
1: a faint number there is accepted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from tablesim.digits.peaks import DigitPeaks

JOINED = 0.5
"""Least certainty at which two digits are one number: the geometric mean of the joins of both."""

FARTHEST = 1.7
"""Greatest distance of the middles of two joined digits, in digit heights."""

X_HEIGHT = 0.65
"""Height of old-style 0, 1 and 2 as a share of the tallest digits: .56 to .72 in the old-style faces of the synthesized
pages, half of them below .64."""

IN_ROW, IN_COLUMN = 2, 3
"""Accepted numbers that must stand in the row and in the column of a faint one."""

_BLOCK = 1000
"""Numbers that are held against all others at a time."""

_LEVEL, _ALIGNED = 0.4, 0.5
"""Most that the middles of a row, and the edges or middles of a column, differ, in digit heights; chosen by eye."""

IN_COLUMN_ALONE = 6
"""Accepted numbers of as many digits in the column, aligned twice as well and within twice the reach, that make up for
a row: lone counts beside names. What is none is told by its confidence later."""

_ROW_REACH, _COLUMN_REACH = 25.0, 14.0
"""Greatest distance of numbers of one row, and of one column, in digit heights; chosen by eye."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Probabilities, 0 to 1, from which digits and numbers are accepted; chosen on synthesized validation pages.

    Parameters
    ----------
    sure : float
        Least confidence of the clearest digit of a number.
    doubtful : float
        Least confidence of every digit of a number: a faint digit is accepted beside a clear one.
    faint : float
        Least confidence of a digit that is accepted by its context in a table; fainter ones are never considered.
    number : float
        Least confidence of a whole number that stands in a table.
    alone : float
        Least confidence of a number that stands in no table: there letters are taken for digits.
    """

    sure: float = 0.6
    doubtful: float = 0.05
    faint: float = 0.1
    number: float = 0.02
    alone: float = 0.75


def find_numbers(digits: DigitPeaks, thresholds: Thresholds) -> list[NDArray[np.intp]]:
    """Numbers as runs of indices into ``digits``: the clear ones, then the faint ones accepted by their context."""
    clear = join_digits(digits, thresholds.doubtful, thresholds.sure)
    rest = np.delete(np.arange(len(digits)), [int(k) for run in clear for k in run])
    faint = [rest[run] for run in join_digits(digits.take(rest), thresholds.faint, thresholds.faint)]
    return clear + accept_by_context(digits, clear, faint)


def join_digits(digits: DigitPeaks, doubtful: float, sure: float) -> list[NDArray[np.intp]]:
    """Numbers as runs of indices into ``digits``, each from left to right, of digits at least ``doubtful``.

    Two digits are joined when the number of each goes on to the side of the other, when they stand beside each other on
    one line, and when neither has a better partner there. Numbers without a digit at least ``sure`` are left out.
    """
    kept = np.flatnonzero(digits.confidence >= doubtful)
    if not len(kept):
        return []
    digits = digits.take(kept)
    after = _partners(digits)
    before = np.full(len(digits), -1)
    before[after[after >= 0]] = np.flatnonzero(after >= 0)
    runs = []
    for start in np.flatnonzero(before < 0):
        run = [int(start)]
        while after[run[-1]] >= 0:
            run.append(int(after[run[-1]]))
        if digits.confidence[run].max() >= sure:
            runs.append(kept[run])
    return runs


def number_confidence(digits: DigitPeaks, runs: Sequence[NDArray[np.intp]]) -> NDArray[np.float64]:
    """How likely each whole number is right: every digit, every join, and both ends; shape (n,)."""
    if not len(runs):
        return np.zeros(0)
    flat, lengths = np.concatenate(runs), np.array([len(run) for run in runs])
    last = np.cumsum(lengths) - 1
    first = last + 1 - lengths
    joins = digits.joins[flat]
    inside = np.append(joins[:-1, 1] * joins[1:, 0], 1.0)
    inside[last] = 1.0
    ends = (1 - joins[first, 0]) * (1 - joins[last, 1])
    product = np.multiply.reduceat(digits.confidence[flat], first)
    return np.asarray(product * np.sqrt(np.multiply.reduceat(inside, first) * ends), dtype=np.float64)


def _partners(digits: DigitPeaks) -> NDArray[np.intp]:
    """For each digit the index of the one that follows in its number, or -1."""
    n = len(digits)
    after = np.full(n, -1, dtype=np.intp)
    middles, heights = digits.middles, digits.heights
    unit = float(np.median(heights))
    # Far enough for the larger of two sizes of type on one page.
    reach = FARTHEST * float(heights.max())
    pairs = cKDTree(middles).query_pairs(reach, output_type="ndarray")
    if not len(pairs):
        return after
    swap = middles[pairs[:, 0], 0] > middles[pairs[:, 1], 0]
    left, right = np.where(swap, pairs[:, 1], pairs[:, 0]), np.where(swap, pairs[:, 0], pairs[:, 1])
    tall = np.maximum(np.maximum(heights[left], heights[right]), 0.6 * unit)
    # Old-style 0, 1 and 2 are lower than the other digits of their type, which is as wide as elsewhere.
    wide = np.maximum(tall, np.minimum(unit, tall / X_HEIGHT))
    across = middles[right, 0] - middles[left, 0]
    down = np.abs(middles[right, 1] - middles[left, 1])
    beside = (across > 0.15 * tall) & (across < FARTHEST * wide) & (down < 0.75 * tall) & (down < 1.1 * across)
    certainty = np.sqrt(digits.joins[left, 1] * digits.joins[right, 0])
    kept = beside & (certainty >= JOINED)
    left, right, certainty, across = left[kept], right[kept], certainty[kept], across[kept]
    # Nearest first: the next digit of a number is never the one after it.
    taken = np.zeros(n, dtype=bool)
    for k in np.argsort(across / certainty, kind="stable"):
        if after[left[k]] < 0 and not taken[right[k]]:
            after[left[k]] = right[k]
            taken[right[k]] = True
    return after


def accept_by_context(
    digits: DigitPeaks, accepted: list[NDArray[np.intp]], faint: list[NDArray[np.intp]]
) -> list[NDArray[np.intp]]:
    """The faint numbers that stand in a row and in a column of accepted ones.

    Parameters
    ----------
    digits : DigitPeaks
        Digits of the page.
    accepted, faint : list of int arrays
        Numbers as runs of indices into ``digits``.

    Returns
    -------
    list of int arrays
        Those of ``faint`` that have `IN_ROW` accepted numbers beside them on their line, and `IN_COLUMN` below or above
        them with the same left edge, middle or right edge, all within reach; or `IN_COLUMN_ALONE` below or above.
    """
    if not accepted or not faint:
        return []
    # In blocks: a sheet of ten thousand numbers has as many faint ones.
    return [
        run
        for start in range(0, len(faint), _BLOCK)
        for run in _in_context(digits, accepted, faint[start : start + _BLOCK])
    ]


def _in_context(
    digits: DigitPeaks, accepted: list[NDArray[np.intp]], faint: list[NDArray[np.intp]]
) -> list[NDArray[np.intp]]:
    """Those of ``faint`` that the accepted numbers around them vouch for; all are held against all."""
    unit = float(np.median(digits.heights[np.concatenate(accepted)]))
    sure, weak = _boxes(digits, accepted) / unit, _boxes(digits, faint) / unit
    across = _edges(weak)[:, None] - _edges(sure)[None]
    down = np.abs(_middle_heights(weak)[:, None] - _middle_heights(sure)[None])
    aside = np.abs(across[..., 1])
    ends = np.minimum(weak[:, None, 2:], sure[None, :, 2:])
    starts = np.maximum(weak[:, None, :2], sure[None, :, :2])
    touching = np.all(ends > starts, axis=-1)
    in_row = (down < _LEVEL) & (aside < _ROW_REACH) & ~touching
    off, below = np.abs(across).min(axis=-1), down > 2 * _LEVEL
    in_column = (off < _ALIGNED) & below & (down < _COLUMN_REACH)
    as_long = np.equal.outer([len(run) for run in faint], [len(run) for run in accepted])
    alone = (off < _ALIGNED / 2) & below & (down < 2 * _COLUMN_REACH) & as_long
    in_table = (in_row.sum(axis=1) >= IN_ROW) & (in_column.sum(axis=1) >= IN_COLUMN)
    in_table = (in_table | (alone.sum(axis=1) >= IN_COLUMN_ALONE)) & ~np.any(touching, axis=1)
    return [run for run, keep in zip(faint, in_table, strict=True) if keep]


def _boxes(digits: DigitPeaks, runs: list[NDArray[np.intp]]) -> NDArray[np.float64]:
    """Left, top, right, bottom of each number, shape (n, 4)."""
    return np.array(
        [[*digits.boxes[run, :2].min(axis=0), *digits.boxes[run, 2:].max(axis=0)] for run in runs], dtype=np.float64
    )


def _edges(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Left edge, middle and right edge, shape (n, 3)."""
    return np.column_stack([boxes[:, 0], (boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 2]])


def _middle_heights(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((boxes[:, 1] + boxes[:, 3]) / 2, dtype=np.float64)
