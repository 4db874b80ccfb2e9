"""Joins numbers whose thousands a narrow space sets apart, by the log-odds of lanes: "4 403" against "4 | 403".

A lane is what ends at one height of the page's width: the three digits after the space stand below each other, and
below them the numbers under a thousand. Thousands and two columns differ in what stands to the left (never before
other than three digits, never beside a zero, nowhere alone), in leading zeros (one in ten after a space, none alone),
in the width of the gap, and in a rule between. The decision is the page's, lane by lane; lanes that are in no doubt
help those that are. Where the network marks thin spaces its word counts too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from tablesim.digits.peaks import DigitPeaks

Ints = NDArray[np.intp]

GROUP = 3
"""Digits between two spaces."""

NARROWEST, WIDEST = 1.1, 1.95
"""Distance of the two digits beside a narrow space, in usual distances of neighbours: full spaces of the sorts of the
simulator are 1.3 to 1.75; columns that no rule parts stand 2 and more apart, as a blank digit takes 2."""

_USUAL, _SPREAD, _ANY_GAP = 1.5, 0.2, 0.15
"""Middle and standard deviation of the distance at a space, and the density of the gaps of columns around it."""

ALIGNED = 0.4
"""Right edges of numbers that follow each other in a lane differ by less, in digit heights."""

FEW = 3
"""Pairs in a lane below which other lanes, or a long lane of smaller numbers, must speak for it."""

_MISREAD = 0.03
"""Share of numbers in which a digit was lost or made."""

_ALWAYS_THREE = 0.15
"""Share of columns that hold three digits in every row."""

_ZERO = 0.1
"""Share of groups after a space that begin with a zero; and of columns of three digits that are filled up by zeros."""

_PRIOR, _PRIOR_OF_FEW = -2.0, -5.0
"""Log-odds of a space of thousands before anything is looked at: few pages have them; words stand as near by chance."""

_SPARSE_ODDS = 1.5
"""Log-odds for each e-fold that the left of a lane is emptier than the lane: sums at the foot have thousands alone."""

_SEEN = 4.0
"""Log-odds of what the network says of a lane's spaces, and of a rule that parts it."""

_CONVENTION = 2.0
"""Log-odds that a lane has from one with as wide a gap that is decided."""

_ALIKE = 0.3
"""Gaps of two lanes that differ by less are set alike."""

_NO_SPACE = -1

_SPACE_CHANNEL = 3
"""Of the joins of a digit, that a thin space follows."""


@dataclass
class _Lane:
    """What stands in a lane: parts of runs, and the pairs of a part and the one to the left of it."""

    rows: list[int] = field(default_factory=list)
    pairs: list[int] = field(default_factory=list)
    odds: float = 0.0


@dataclass(frozen=True)
class _Parts:
    """Runs cut where a gap is as wide as a space, n parts.

    Attributes
    ----------
    runs : list of int arrays
        Indices of the digits of each part.
    head, tail : int64 arrays of shape (n,)
        Digits before the first mark and after the last.
    left : int64 array of shape (n,)
        The part beside each on the left, narrowly apart; -1 where there is none.
    gap : float64 array of shape (n,)
        Distance to it in usual distances of neighbours.
    end : float64 array of shape (n,)
        Right edge of the head, in digit heights of the page.
    zero : bool array of shape (n,)
        Whether a part begins with a zero.
    fits : bool array of shape (n,)
        Whether a part and the one on the left have the digits that a space of thousands may part.
    ruled : bool array of shape (n,)
        Whether a rule stands between a part and the one on the left.
    seen : float64 array of shape (n,)
        What the network says of a thin space there, 0 to 1; NaN where it says nothing.
    joined : bool array of shape (n,)
        Whether a part and the one on its left are of one run.
    """

    runs: list[Ints]
    head: Ints
    tail: Ints
    left: Ints
    gap: NDArray[np.float64]
    end: NDArray[np.float64]
    zero: NDArray[np.bool_]
    fits: NDArray[np.bool_]
    ruled: NDArray[np.bool_]
    seen: NDArray[np.float64]
    joined: NDArray[np.bool_]


def join_thousands(digits: DigitPeaks, runs: Sequence[Ints], ink: NDArray[np.float32]) -> tuple[DigitPeaks, list[Ints]]:
    """Numbers with their thousands joined, where the page sets them so.

    Parameters
    ----------
    digits : DigitPeaks
        Digits of an upright page.
    runs : sequence of int arrays
        Numbers as runs of indices into ``digits``, from left to right.
    ink : float32 array of shape (H, W)
        The working page, for the rules on it.

    Returns
    -------
    digits : DigitPeaks
        The same digits, with joins that are as sure as the decision where thousands were joined.
    runs : list of int arrays
        The same numbers, some of them joined; in the order of their first parts.
    """
    if sum(_has_marked_thousands(digits, run) for run in runs) >= FEW:
        # A page that sets thousands apart by a mark does not set them apart by spaces too.
        spaces = [np.flatnonzero(digits.joins[run[:-1], _SPACE_CHANNEL] > 0.5) + 1 for run in runs]
        return digits, [part for run, cuts in zip(runs, spaces, strict=True) for part in np.split(run, cuts)]
    parts = _parts(digits, runs, ink) if runs else None
    if parts is None or not np.any(parts.fits):
        return digits, list(runs)
    lanes = _lanes(parts)
    _weigh(parts, lanes)
    after = np.full(len(parts.runs), _NO_SPACE)
    joins = digits.joins.copy()
    for lane in lanes:
        if lane.odds <= 0:
            continue
        gap = float(np.median(parts.gap[lane.pairs]))
        for part in lane.pairs:
            if parts.fits[part] and abs(parts.gap[part] - gap) < 1.5 * _ALIKE and not parts.ruled[part]:
                after[parts.left[part]] = part
                before, behind = parts.runs[parts.left[part]][-1], parts.runs[part][0]
                for place in ((before, 1), (behind, 0), (before, _SPACE_CHANNEL)):
                    joins[place] = max(joins[place], 1 / (1 + np.exp(-lane.odds)))
    # What the network joined stays joined, with a space in it or without.
    for part in np.flatnonzero(parts.joined).tolist():
        after[parts.left[part]] = part
    begins = np.ones(len(parts.runs), dtype=bool)
    begins[after[after != _NO_SPACE]] = False
    joined = []
    for part in np.flatnonzero(begins).tolist():
        chain = [part]
        while after[chain[-1]] != _NO_SPACE:
            chain.append(after[chain[-1]])
        joined.append(np.concatenate([parts.runs[k] for k in chain]))
    return replace(digits, joins=joins), joined


def _has_marked_thousands(digits: DigitPeaks, run: Ints) -> bool:
    """Whether marks part a number into groups of three, two marks at least: 6,818,312."""
    marks = np.flatnonzero(digits.joins[run[:-1], 2] > 0.5) + 1
    return len(marks) > 1 and bool(np.all(np.diff([*marks, len(run)]) == GROUP))


def _parts(digits: DigitPeaks, runs: Sequence[Ints], ink: NDArray[np.float32]) -> _Parts | None:
    """The runs, cut; None where no two digits stand beside each other in a number, so that nothing is known of gaps."""
    order, starts = np.concatenate(runs), np.cumsum([0, *map(len, runs[:-1])])
    inside = np.ones(len(order), dtype=bool)
    inside[starts[1:] - 1] = inside[-1] = False
    marked = inside & (digits.joins[order, 2] > 0.5)
    distance = np.append(_distance(digits, order[:-1], order[1:]), np.inf)
    if not np.any(inside & ~marked):
        return None
    usual = float(np.median(distance[inside & ~marked]))
    wide = inside & ~marked & (distance > (NARROWEST + 0.15) * usual) & (distance < WIDEST * usual)
    cuts = _cuts(wide, marked, starts)
    joined = np.isin(begins := np.union1d(starts, cuts), cuts)
    lengths = np.diff(np.append(begins, len(order)))
    place = np.arange(len(order)) - np.repeat(begins, lengths) + 1
    head = np.minimum.reduceat(np.where(marked, place, len(order)), begins)
    head = np.minimum(head, lengths)
    tail = lengths - np.maximum.reduceat(np.where(marked, place, 0), begins)
    first, last = order[begins], order[begins + lengths - 1]
    left, gap = _neighbours(digits, first, last, usual)
    left, gap = np.where(joined, np.arange(len(begins)) - 1, left), np.where(joined, distance[begins - 1] / usual, gap)
    paired = np.flatnonzero(left != _NO_SPACE)
    zero = digits.values[first] == 0
    fits = np.zeros(len(begins), dtype=bool)
    beside = left[paired]
    fits[paired] = (
        (head[paired] == GROUP)
        & (lengths[beside] <= GROUP)
        & (tail[beside] == lengths[beside])
        & ~(zero[beside] & (left[beside] == _NO_SPACE))
    )
    ruled, seen = np.zeros(len(begins), dtype=bool), np.full(len(begins), np.nan)
    for part in np.flatnonzero(fits):
        ruled[part] = _rule_between(digits, last[left[part]], first[part], ink)
    if np.any(digits.joins[:, _SPACE_CHANNEL] > 0.5):
        seen[paired] = digits.joins[last[beside], _SPACE_CHANNEL]
    unit = float(np.median(digits.heights[order]))
    end = digits.boxes[order[begins + head - 1], 2] / unit
    return _Parts(np.split(order, begins[1:]), head, tail, left, gap, end, zero, fits, ruled, seen, joined)


def _distance(digits: DigitPeaks, left: Ints, right: Ints) -> NDArray[np.float64]:
    tall = np.maximum(digits.heights[left], digits.heights[right])
    return np.asarray((digits.middles[right, 0] - digits.middles[left, 0]) / tall)


def _cuts(wide: NDArray[np.bool_], marked: NDArray[np.bool_], starts: Ints) -> Ints:
    """Where runs may be cut at spaces: before the last three digits ahead of a mark, or the three before, at wide gaps.

    Of the digits of all runs in a row: which has a wide gap or a mark after it, and where each run starts.
    """
    ends = np.append(starts[1:], len(wide))
    cuts = []
    for run in np.unique(np.searchsorted(starts, np.flatnonzero(wide), side="right") - 1):
        start, end = int(starts[run]), int(ends[run])
        marks = np.flatnonzero(marked[start:end])
        place = (start + int(marks[0]) + 1 if len(marks) else end) - GROUP
        while place > start and wide[place - 1]:
            cuts.append(place)
            place -= GROUP
    return np.array(sorted(cuts), dtype=np.intp)


def _neighbours(digits: DigitPeaks, first: Ints, last: Ints, usual: float) -> tuple[Ints, NDArray[np.float64]]:
    """For each part the one beside it on the left, narrowly apart, or -1, and the distance in usual distances."""
    middles, heights = digits.middles, digits.heights
    reach = WIDEST * usual * float(heights.max())
    near = cKDTree(middles[first]).sparse_distance_matrix(cKDTree(middles[last]), reach, output_type="ndarray")
    part, beside = near["i"], near["j"]
    gap = _distance(digits, last[beside], first[part]) / usual
    tall = np.minimum(heights[first[part]], heights[last[beside]])
    level = np.abs(middles[first[part], 1] - middles[last[beside], 1]) < 0.6 * tall
    kept = level & (gap >= NARROWEST) & (gap <= WIDEST) & (part != beside)
    part, beside, gap = part[kept], beside[kept], gap[kept]
    left, gaps = np.full(len(first), _NO_SPACE), np.full(len(first), np.inf)
    taken = np.zeros(len(first), dtype=bool)
    for k in np.argsort(gap, kind="stable"):
        if left[part[k]] == _NO_SPACE and not taken[beside[k]]:
            left[part[k]], gaps[part[k]], taken[beside[k]] = beside[k], gap[k], True
    return left, gaps


def _rule_between(digits: DigitPeaks, left: int, right: int, ink: NDArray[np.float32]) -> bool:
    """Whether a line stands between two digits that is higher than they are."""
    top = min(digits.boxes[left, 1], digits.boxes[right, 1])
    bottom = max(digits.boxes[left, 3], digits.boxes[right, 3])
    margin = 0.25 * (bottom - top)
    rows = slice(max(0, int(top - margin)), int(bottom + margin) + 1)
    between = ink[rows, max(0, int(digits.boxes[left, 2]) - 1) : int(digits.boxes[right, 0]) + 2]
    return bool(between.size and ((between > 0.3).mean(axis=0) > 0.9).any())


def _lanes(parts: _Parts) -> list[_Lane]:
    """The lanes of the page: parts whose heads end below each other."""
    lanes: list[_Lane] = []
    before = -np.inf
    for part in np.argsort(parts.end, kind="stable"):
        if parts.end[part] - before > ALIGNED:
            lanes.append(_Lane())
        before = parts.end[part]
        lanes[-1].rows.append(int(part))
        if parts.left[part] != _NO_SPACE:
            lanes[-1].pairs.append(int(part))
    return lanes


def _weigh(parts: _Parts, lanes: Sequence[_Lane]) -> None:
    """Set the log-odds of each lane that its narrow gaps are spaces of thousands and part no columns."""
    lane_of = {part: number for number, lane in enumerate(lanes) for part in lane.rows}
    unlike = np.array([part for lane in lanes for part in lane.pairs if not parts.fits[part]], dtype=np.intp)
    alike = np.array([part for lane in lanes for part in lane.pairs if parts.fits[part]], dtype=np.intp)
    for lane in lanes:
        fitting = [part for part in lane.pairs if parts.fits[part]]
        if not fitting:
            lane.odds = -np.inf
            continue
        gap = float(np.median(parts.gap[fitting]))
        lefts = parts.left[lane.pairs]
        left_rows = {row for number in {lane_of[part] for part in lefts} for row in lanes[number].rows}
        lane.odds = (
            (_PRIOR if len(fitting) >= FEW else _PRIOR_OF_FEW)
            + _by_gap(gap, parts.gap[unlike], parts.gap[alike])
            + _by_digits(parts, lane, fitting)
            + _by_left(len(left_rows - set(lefts.tolist())), lane)
            - _SEEN * 2 * bool(np.mean(parts.ruled[fitting]) > 0.5)
        )
        seen = parts.seen[fitting]
        if not np.isnan(seen).any():
            # Not to see them says less: a network knows the spaces that it was shown.
            lane.odds += _SEEN * float(np.clip(4 * np.mean(seen) - 1.6, -0.25, 1))
        lane.odds += _SEEN * bool(np.mean(parts.joined[fitting]) > 0.5)
    decided = [(lane, float(np.median(parts.gap[lane.pairs]))) for lane in lanes if abs(lane.odds) > 3 and lane.pairs]
    gains = []
    for lane in lanes:
        gap = float(np.median(parts.gap[lane.pairs])) if lane.pairs else np.inf
        near = [other.odds for other, width in decided if other is not lane and abs(width - gap) < _ALIKE]
        gains.append(_CONVENTION * float(np.clip(np.sum(np.sign(near)), -1, 1)) if near else 0.0)
    for lane, gain in zip(lanes, gains, strict=True):
        lane.odds += gain


def _by_gap(gap: float, unlike: NDArray[np.float64], alike: NDArray[np.float64]) -> float:
    """What the width of the gap says, given the narrow gaps of the page that cannot and that can be such spaces."""
    space = np.exp(-0.5 * ((gap - _USUAL) / _SPREAD) ** 2) / (_SPREAD * np.sqrt(2 * np.pi))
    others, such = (int(np.sum(np.abs(gaps - gap) < _ALIKE)) for gaps in (unlike, alike))
    columns = _ANY_GAP + 2 * others / max(1, others + such)
    return float(np.log(max(space, 1e-6) / columns))


def _by_digits(parts: _Parts, lane: _Lane, fitting: Sequence[int]) -> float:
    """What the counts of digits and the leading zeros of a lane say."""
    alone = [row for row in lane.rows if row not in set(lane.pairs)]
    n, n_wrong = len(fitting), len(lane.pairs) - len(fitting)
    heads = parts.head[alone]
    short = bool(np.any(heads < GROUP))
    three = (np.sum(heads == GROUP) + 1) / (len(alone) + 2)
    any_digits = n * np.log(three) + n_wrong * np.log(1 - three)
    always = n * np.log(1 - _MISREAD) + n_wrong * np.log(_MISREAD)
    of_columns = np.logaddexp(np.log(_ALWAYS_THREE * (0.1 if short else 1.0)) + always, any_digits)
    odds = always - max(float(of_columns), always - 8.0)
    zeros = int(np.sum(parts.zero[fitting]))
    some = zeros * np.log(_ZERO) + (n - zeros) * np.log(1 - _ZERO)
    odds += some - float(np.logaddexp(np.log(1 - _ZERO) + zeros * np.log(_MISREAD / 10), np.log(_ZERO) + some))
    # A number that is not cut has a thousand digits or more only where four digits are set without a space.
    shortest = int(parts.tail[parts.left[fitting]].min())
    uncut = int(np.sum(heads > GROUP + (shortest > 1)))
    padded = int(np.sum(parts.zero[alone] & (heads == GROUP)))
    return float(odds - 2.0 * (uncut + padded) * (1 if n < 10 else 10 / n))


def _by_left(n_alone: int, lane: _Lane) -> float:
    """What stands on the left of a lane's rows, elsewhere beside nothing, says."""
    n = len(lane.pairs)
    odds = float(max(n_alone * np.log(2 * _MISREAD) - n * np.log(0.5), -8.0)) if n_alone else 0.0
    if n_alone or len(lane.rows) <= FEW:
        return min(odds, 0.0)
    return -_SPARSE_ODDS * float(np.log(n / len(lane.rows)))
