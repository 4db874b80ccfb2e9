"""Sets the marks found on a page beside the digits they belong to: between, before and after those of a number.

Points and commas stand between two digits of a number, or before its first; another mark between two digits parts it,
as the bar of a fraction does and the dash of a range. A sign or an opening bracket stands before its number, degrees,
minutes, notes and a closing bracket after it, the bar of a fraction after or under its numerator. A dash that runs up
to a number, or stands on both sides of it, is no sign. What repeats the cell above stands by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from tablesim.digits.leading_marks import leading_marks
from tablesim.digits.peaks import DigitPeaks, MarkPeaks
from tablesim.digits.sign_shapes import BELIEVED
from tablesim.records.marks import (
    BAR,
    CLOSE,
    DEGREE,
    DITTO,
    MARKS,
    MINUS,
    MINUTE,
    NOTE,
    OPEN,
    PLUS,
    RAISED_POINT,
    THIN_SPACE,
)
from tablesim.records.number_parts import PARTING

SURE = 0.5
"""Least confidence of a mark; where the network says of a digit that a point follows, a fainter one tells which."""

SURE_ALONE = 0.65
"""Least confidence of a point or comma between two digits of which the network does not say that a point follows."""

LEAST = {PLUS: BELIEVED, MINUS: BELIEVED, DITTO: 0.35}
"""Least confidence of marks for which their place speaks too: beside a number with bare paper beyond, in a column."""

_BARE, _INK = 1.0, 0.08
"""Paper left of a sign that is bare, in digit heights, and the most ink on it: what leaders lead from stands there."""

_DASHES, _DASH = 2.2, 0.35
"""How far left of a sign another dash makes leaders of both, and the least length of that, in digit heights."""

BEFORE_GAP, AFTER_GAP = {PLUS: 1.7, MINUS: 1.1, OPEN: 0.6}, 0.6
"""Greatest gap between a digit and its sign or bracket, and a mark after it, in digit heights: a sign may stand a
figure away (``− 0``). What stands farther may be the dash of an empty cell, which a plus never is."""

_OVERLAP = 0.4
"""How far a mark's box may reach into its digit's, in digit heights."""

_LEVEL, _RAISED = 0.6, 1.0
"""Most that the middles of a digit and of a sign, and of a mark after it, differ in height, in digit heights."""

_TOUCHES = 0.6
"""A dash this near to another digit or dash, in digit heights, is a leader or the dash of a range."""

_LONGEST_SIGN = 2.0
"""A dash longer than this, in digit heights, is a leader."""

_BAR_REACH = 1.3
"""Greatest distance of a level bar from the middles of numerator and denominator, in their digit heights."""

_BEFORE, _AFTER = (PLUS, MINUS, OPEN), (DEGREE, MINUTE, NOTE, CLOSE)

Ints = NDArray[np.intp]


@dataclass(frozen=True)
class MarkedNumbers:
    """The numbers of a page as runs of digits, and what is printed beside each.

    Parameters
    ----------
    runs : list of int arrays
        Indices of digits, from left to right.
    before, after : list of str
        Marks before and after each run.
    between : list of str
        For each digit the mark or space that follows it inside its number, or nothing.
    dittos : int array
        Which of the page's marks repeat what stands above them, as far as the marks themselves tell.
    """

    runs: list[Ints]
    before: list[str]
    after: list[str]
    between: list[str]
    dittos: Ints


def set_marks(digits: DigitPeaks, runs: Sequence[Ints], marks: MarkPeaks, ink: NDArray[np.float32]) -> MarkedNumbers:
    """Set the marks of an upright page beside its digits.

    Parameters
    ----------
    digits : DigitPeaks
    runs : sequence of int arrays
        Numbers as runs of indices into ``digits``, from left to right.
    marks : MarkPeaks
        Empty for networks that know no marks; raised points stand in where they say that a point follows.
    ink : float32 array of shape (H, W)
        The working page.
    """
    between, parted = _between(digits, runs, marks)
    whole: list[Ints] = []
    for run in runs:
        whole += np.split(run, np.flatnonzero(parted[run[:-1]]) + 1)
    before, after, dittos = _beside(digits, whole, marks, ink)
    return MarkedNumbers(whole, before, after, between, dittos)


def _between(digits: DigitPeaks, runs: Sequence[Ints], marks: MarkPeaks) -> tuple[list[str], NDArray[np.bool_]]:
    """What follows each digit inside its number, and after which digits a number is parted."""
    between, parted = [""] * len(digits), np.zeros(len(digits), dtype=bool)
    if not runs:
        return between, parted
    left = np.concatenate([run[:-1] for run in runs])
    right = np.concatenate([run[1:] for run in runs])
    nearest = _marks_between(digits, left, right, marks)
    certainty = np.sqrt(digits.joins[left, 1] * digits.joins[right, 0])
    unknown: list[int] = []
    counts = dict.fromkeys(PARTING, 0)
    for a, mark, joined in zip(left.tolist(), nearest.tolist(), certainty.tolist(), strict=True):
        kind = MARKS[marks.kinds[mark]] if mark >= 0 else ""
        sure = bool(mark >= 0 and marks.confidence[mark] >= SURE)
        follows = bool(digits.joins[a, 2] > 0.5)
        if kind in PARTING and (follows or marks.confidence[mark] >= SURE_ALONE):
            between[a] = kind
            counts[kind] += 1
        elif sure and kind not in PARTING and marks.confidence[mark] > joined:
            parted[a] = True
        elif follows:
            unknown.append(a)
        elif digits.joins[a, 3] > 0.5:
            between[a] = THIN_SPACE
    usual = max(PARTING, key=lambda kind: (counts[kind], kind == RAISED_POINT))
    for a in unknown:
        between[a] = usual
    return between, parted


def _marks_between(digits: DigitPeaks, left: Ints, right: Ints, marks: MarkPeaks) -> Ints:
    """For each pair of digits the surest mark between them, or -1."""
    if not len(marks) or not len(left):
        return np.full(len(left), -1)
    middles = digits.middles
    tall = np.maximum(digits.heights[left], digits.heights[right])
    at = (middles[left] + middles[right]) / 2
    x, y = ((marks.boxes[:, :2] + marks.boxes[:, 2:]) / 2).T
    tree = cKDTree(np.column_stack([x, y]))
    _, near = tree.query(at, k=min(4, len(marks)), distance_upper_bound=1.2 * float(tall.max()))
    near = near.reshape(len(at), -1)
    there = near < len(marks)
    near = np.where(there, near, 0)
    there &= (x[near] > middles[left, 0, None]) & (x[near] < middles[right, 0, None])
    there &= np.abs(y[near] - at[:, 1, None]) < tall[:, None]
    confidence = np.where(there, marks.confidence[near], 0.0)
    best = confidence.argmax(axis=1)
    rows = np.arange(len(at))
    return np.where(confidence[rows, best] > 0, near[rows, best], -1)


def _beside(
    digits: DigitPeaks, runs: Sequence[Ints], marks: MarkPeaks, ink: NDArray[np.float32]
) -> tuple[list[str], list[str], Ints]:
    """Marks before and after each run, and the marks that may be dittos."""
    before: list[list[tuple[float, str]]] = [[] for _ in runs]
    after: list[list[tuple[float, str]]] = [[] for _ in runs]
    points = [""] * len(runs)
    dittos = []
    if runs:
        page = _Sides.of(digits, runs)
        for at, mark in leading_marks(digits, [int(run[0]) for run in runs], marks, ink).items():
            points[at] = MARKS[marks.kinds[mark]]
            page.first[at, 0] = min(page.first[at, 0], marks.boxes[mark, 0])
        least = np.array([LEAST.get(kind, SURE) for kind in MARKS])
        for mark in np.flatnonzero(marks.confidence >= least[marks.kinds]).tolist():
            kind, box = MARKS[marks.kinds[mark]], marks.boxes[mark]
            run: int | None
            if kind in _BEFORE:
                run = page.run_after(box, BEFORE_GAP[kind])
                leads = kind == MINUS and run is not None and _is_leader(page, marks, mark, run)
                leads = leads or (kind != OPEN and run is not None and _leads(ink, box, page.tall[run]))
                if run is not None and not leads:
                    before[run].append((float(box[0]), kind))
            elif kind in _AFTER or (kind == DITTO and page.is_raised(box)):
                run = page.run_before(box, AFTER_GAP)
                if run is not None:
                    after[run].append((float(box[0]), kind))
            elif kind == BAR:
                run = page.numerator_of(box)
                if run is not None:
                    after[run].append((float(box[0]), kind))
            elif kind == DITTO:
                dittos.append(mark)
    texts = [["".join(kind for _, kind in sorted(found)) for found in side] for side in (before, after)]
    # One sign a number, the nearest; one bar, at the end.
    texts[0] = [
        (OPEN if OPEN in text else "") + text.replace(OPEN, "")[-1:] + point
        for text, point in zip(texts[0], points, strict=True)
    ]
    texts[1] = [text.replace(BAR, "") + (BAR if BAR in text else "") for text in texts[1]]
    return texts[0], texts[1], np.array(dittos, dtype=np.intp)


def _leads(ink: NDArray[np.float32], box: NDArray[np.float64], tall: float) -> bool:
    """Whether a word, a number or another dash stands left of a sign, where upright rules alone may stand."""
    middle, end = (box[1] + box[3]) / 2, max(0, round(box[0] - 0.15 * tall))
    top, begin = max(0, round(middle - 0.5 * tall)), max(0, round(end - _DASHES * tall))
    beyond = ink[top : max(1, round(middle + 0.5 * tall)), begin:end]
    if not beyond.size:
        return False
    dark = beyond > 0.3
    dark[:, dark.mean(axis=0) > 0.9] = False
    level = np.arange(top, top + len(beyond)) + 0.5
    band = np.abs(level - middle) < 0.15 * tall + 1
    dashed = dark[band].any(axis=0) & ~dark[~band].any(axis=0)
    return bool(dark[:, -round(_BARE * tall) :].mean() > _INK or dashed.sum() > _DASH * tall)


def _is_leader(page: _Sides, marks: MarkPeaks, mark: int, run: int) -> bool:
    """Whether a dash before a number is a leader, one of two around it, or the dash of a range."""
    box, tall = marks.boxes[mark], page.tall[run]
    if box[2] - box[0] > _LONGEST_SIGN * tall or page.run_before(box, _TOUCHES) is not None:
        return True
    dashes = (marks.kinds == MARKS.index(MINUS)) & (marks.confidence >= SURE)
    dashes[mark] = False
    others = marks.boxes[dashes]
    level = np.abs((others[:, 1] + others[:, 3]) / 2 - (box[1] + box[3]) / 2) < _LEVEL * tall
    touching = np.abs(box[0] - others[:, 2]) < _TOUCHES * tall
    gap = max(page.boxes[run, 0] - box[2], 0.0)
    mirrored = np.abs(others[:, 0] - page.boxes[run, 2]) < gap + _TOUCHES * tall
    return bool(np.any(level & (touching | mirrored)))


@dataclass(frozen=True)
class _Sides:
    """Boxes of runs, shape (n, 4), of their first and last digits, and the heights of their digits."""

    boxes: NDArray[np.float64]
    first: NDArray[np.float64]
    last: NDArray[np.float64]
    tall: NDArray[np.float64]

    @classmethod
    def of(cls, digits: DigitPeaks, runs: Sequence[Ints]) -> _Sides:
        order, starts = np.concatenate(runs), np.cumsum([0, *map(len, runs[:-1])])
        boxes = digits.boxes[order]
        around = np.column_stack(
            [np.minimum.reduceat(boxes[:, :2], starts, axis=0), np.maximum.reduceat(boxes[:, 2:], starts, axis=0)]
        )
        first, last = (digits.boxes[[run[end] for run in runs]] for end in (0, -1))
        return cls(around, first, last, np.maximum(first[:, 3] - first[:, 1], last[:, 3] - last[:, 1]))

    def run_after(self, box: NDArray[np.float64], reach: float) -> int | None:
        """The run that begins just right of a mark, within so many digit heights."""
        return self._nearest(self.first, self.first[:, 0] - box[2], _LEVEL, box, reach)

    def run_before(self, box: NDArray[np.float64], reach: float) -> int | None:
        """The run that ends just left of a mark, within so many digit heights."""
        return self._nearest(self.last, box[0] - self.last[:, 2], _RAISED, box, reach)

    def is_raised(self, box: NDArray[np.float64]) -> bool:
        """Whether a mark stands just after a number and above its middle, as that of seconds does."""
        run = self.run_before(box, AFTER_GAP)
        return run is not None and box[3] <= (self.last[run, 1] + self.last[run, 3]) / 2

    def _nearest(
        self,
        ends: NDArray[np.float64],
        gap: NDArray[np.float64],
        level: float,
        box: NDArray[np.float64],
        reach: float,
    ) -> int | None:
        apart = np.abs((ends[:, 1] + ends[:, 3]) / 2 - (box[1] + box[3]) / 2)
        fits = (apart < level * self.tall) & (gap > -_OVERLAP * self.tall) & (gap < reach * self.tall)
        return int(np.argmin(np.where(fits, gap, np.inf))) if fits.any() else None

    def numerator_of(self, bar: NDArray[np.float64]) -> int | None:
        """The run above a level bar with one below it, else the one left of a slanted bar with one right of it."""
        x, y = (bar[0] + bar[2]) / 2, (bar[1] + bar[3]) / 2
        middles = (self.boxes[:, :2] + self.boxes[:, 2:]) / 2
        over = (np.abs(middles[:, 0] - x) < 0.7 * self.tall) & (np.abs(middles[:, 1] - y) < _BAR_REACH * self.tall)
        above, below = over & (middles[:, 1] < y), over & (middles[:, 1] > y)
        if above.any() and below.any() and bar[2] - bar[0] > bar[3] - bar[1]:
            return int(np.argmin(np.where(above, y - middles[:, 1], np.inf)))
        left, right = self.run_before(bar, AFTER_GAP), self.run_after(bar, AFTER_GAP)
        return left if right is not None else None
