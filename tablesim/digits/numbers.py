"""From digits to numbers: which digits were printed together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from tablesim.digits.peaks import DigitPeaks

JOINED = 0.5
"""Least certainty at which two digits are one number: the geometric mean of what both say."""

FARTHEST = 1.7
"""Greatest distance of two joined digits' middles, in figure heights."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What counts as a digit.

    Parameters
    ----------
    sure : float
        At least one digit of a number must be this sure.
    doubtful : float
        Every digit of a number must be this sure: a faint figure is believed beside a clear one.
    faint : float
        What the network thinks no likelier than this is never looked at; what it thinks likelier is believed where a
        table vouches for it.
    number : float
        Least confidence of a whole number that stands in a table.
    alone : float
        Least confidence of a number that stands in no table.
    """

    sure: float = 0.6
    doubtful: float = 0.05
    faint: float = 0.1
    number: float = 0.02
    alone: float = 0.9


def join_digits(digits: DigitPeaks, doubtful: float, sure: float) -> list[NDArray[np.intp]]:
    """Numbers as runs of indices into ``digits``, each from left to right, of digits at least ``doubtful``.

    Two digits are joined when each says that its number goes on to the other's side, when they stand beside each other
    on one line, and when neither has a better partner there. Numbers without a digit at least ``sure`` are left out.
    """
    kept = np.flatnonzero(digits.confidence >= doubtful)
    if not len(kept):
        return []
    return [kept[run] for run in _runs(digits.take(kept), sure)]


def _runs(digits: DigitPeaks, sure: float) -> list[NDArray[np.intp]]:
    after = _partners(digits)
    before = np.full(len(digits), -1)
    before[after[after >= 0]] = np.flatnonzero(after >= 0)
    runs = []
    for start in np.flatnonzero(before < 0):
        run = [int(start)]
        while after[run[-1]] >= 0:
            run.append(int(after[run[-1]]))
        if digits.confidence[run].max() >= sure:
            runs.append(np.array(run, dtype=np.intp))
    return runs


def number_confidence(digits: DigitPeaks, run: NDArray[np.intp]) -> float:
    """How likely the whole number is right: every digit, every join, and both ends."""
    joins = digits.joins[run]
    inside = joins[:-1, 1] * joins[1:, 0]
    ends = (1 - joins[0, 0]) * (1 - joins[-1, 1])
    return float(np.prod(digits.confidence[run]) * np.sqrt(np.prod(inside) * ends))


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
    across = middles[right, 0] - middles[left, 0]
    down = np.abs(middles[right, 1] - middles[left, 1])
    beside = (across > 0.15 * tall) & (across < FARTHEST * tall) & (down < 0.75 * tall) & (down < 1.1 * across)
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
