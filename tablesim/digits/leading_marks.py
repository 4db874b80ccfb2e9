"""Finds the point or comma that is printed before the first digit of a number: ``·55``, ``,5``.

It stands close before its number with bare paper beyond. A point at the end of a word or number, and one of a row of
points that leads up to the number, is none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from tablesim.digits.peaks import DigitPeaks, MarkPeaks
from tablesim.records.marks import MARKS, MINUS, PLUS
from tablesim.records.number_parts import PARTING

LEAST = 0.4
"""Least confidence of such a mark: its place speaks for it too."""

# In digit heights; chosen on synthesized columns of decimals below one, of leaders and of abbreviations.
_GAP, _OVERLAP = 0.5, 0.2
"""Greatest gap between mark and digit, and how far the mark may reach into its box."""

_ABOVE, _BELOW = 0.35, 0.75
"""The middle of a mark lies so far above the middle of the digit, or below it, at most: on the line or raised."""

_BARE, _DUST = 0.6, 0.05
"""Paper left of a mark that is bare, and its greatest share of ink: what stands there ends with the point."""

_LEADS, _LEVEL = 2.2, 0.22
"""How far left of a mark another of its height makes leaders of both, and the half height of that band."""


def leading_marks(
    digits: DigitPeaks, firsts: Sequence[int], marks: MarkPeaks, ink: NDArray[np.float32]
) -> dict[int, int]:
    """The mark before each number that begins with one.

    Parameters
    ----------
    digits : DigitPeaks
    firsts : sequence of int
        The first digit of each number.
    marks : MarkPeaks
        Signs among them stand between a mark and what is left of it.
    ink : float32 array of shape (H, W)
        The working page.

    Returns
    -------
    dict of int to int
        Indices of marks, by that of the number.
    """
    is_parting = np.isin(marks.kinds, [MARKS.index(kind) for kind in PARTING])
    parting = np.flatnonzero(is_parting & (marks.confidence >= LEAST))
    if not len(parting) or not len(firsts):
        return {}
    first = digits.boxes[list(firsts)]
    tall = first[:, 3] - first[:, 1]
    box = marks.boxes[parting]
    middles = (box[:, :2] + box[:, 2:]) / 2
    edges = np.column_stack([first[:, 0], (first[:, 1] + first[:, 3]) / 2])
    near = cKDTree(middles).query_ball_point(edges, 1.2 * tall)
    numbers, at = (np.array(pairs, dtype=np.intp) for pairs in _paired(near))
    gap = first[numbers, 0] - box[at, 2]
    down, tall = middles[at, 1] - edges[numbers, 1], tall[numbers]
    fits = (gap > -_OVERLAP * tall) & (gap < _GAP * tall) & (down > -_ABOVE * tall) & (down < _BELOW * tall)
    fits &= middles[at, 0] < edges[numbers, 0]
    found: dict[int, int] = {}
    signs = marks.boxes[np.isin(marks.kinds, [MARKS.index(PLUS), MARKS.index(MINUS)])]
    for number, mark, height in zip(
        numbers[fits].tolist(), parting[at[fits]].tolist(), tall[fits].tolist(), strict=True
    ):
        if _stands_alone(marks.boxes[mark], digits, signs, ink, height):
            better = found.get(number)
            if better is None or marks.confidence[mark] > marks.confidence[better]:
                found[number] = mark
    return found


def _paired(near: Sequence[Sequence[int]]) -> tuple[list[int], list[int]]:
    """Each index with those that are near to it, as two lists."""
    return [k for k, some in enumerate(near) for _ in some], [one for some in near for one in some]


def _stands_alone(
    mark: NDArray[np.float64], digits: DigitPeaks, signs: NDArray[np.float64], ink: NDArray[np.float32], tall: float
) -> bool:
    """Whether bare paper, a sign or an upright rule is left of a mark, and no other point or dash on its line."""
    middle, end = (mark[1] + mark[3]) / 2, int(mark[0] - 0.05 * tall)
    top, bottom = max(0, round(middle - 0.8 * tall)), round(middle + 0.5 * tall)
    begin = max(0, round(end - _LEADS * tall))
    if end - begin < 2:
        return True
    dark = ink[top:bottom, begin:end] > 0.3
    for left, upper, right, lower in np.round(signs - [begin, top, begin, top]).astype(int).tolist():
        if right > 0 and left < end - begin and upper < bottom - top and lower > 0:
            dark[max(0, upper - 1) : lower + 2, max(0, left - 1) : right + 2] = False
    dark[:, dark.mean(axis=0) > 0.9] = False
    if dark[:, -round(_BARE * tall) :].mean() > _DUST:
        return False
    # Numbers of the column before are no leaders.
    near = (digits.boxes[:, 2] > begin) & (digits.boxes[:, 0] < end) & (digits.boxes[:, 3] > top)
    near &= digits.boxes[:, 1] < bottom
    for left, _, right, _ in np.round(digits.boxes[near] - begin).astype(int).tolist():
        dark[:, max(0, left) : max(0, right + 1)] = False
    level = np.abs(np.arange(top, top + len(dark)) + 0.5 - middle) < _LEVEL * tall
    return not dark[level].any(axis=0).sum() > 0.08 * tall + 1
