"""Finds how the rows of a page sink and bend, from the slope of its numbers and from the rows of neighbouring columns.

A thick book bends its lines near the gutter, where a column may sink by a whole row. Which number then stands in which
row is not seen from the nearest height: the digits of each number show the slope of the line at that place (their
baseline), and the columns beside each other show how far one has to be moved to meet the other's rows, blank cells and
ends included. Both together choose the row; a smooth field is fitted to the pairs that were chosen (least squares on
hats, penalised second differences as in P-splines; Eilers and Marx, Statistical Science 1996). All lengths are in digit
heights.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tablesim.digits.deskew import Floats, Ints, NeighbourLinks, NumberPositions, level, number_positions
from tablesim.digits.layout import arrange_page
from tablesim.language import to_say
from tablesim.records.reading import Number
from tablesim.records.transform import Transform
from tablesim.records.warp import RowWarp

A_ROW_OFF = to_say("its column may lie a row off")
"""Doubt of the numbers of a column whose row is not certain."""

# Chosen on generated grids of known pages that sink by up to 1.2 rows to either edge, or to and fro.
_BLOCK = 1000
"""Numbers that are held against all others at a time."""

_SHORTEST = 4
"""Numbers that make a column."""

_MEETS, _NEAR = 0.12, 0.25
"""Usual and greatest distance in pitches of two numbers of one row, when their columns are rightly joined."""

_REACH, _STEP = 1.75, 0.08
"""Pitches to either side in which the rows of the next column are looked for, and the step of the search."""

_LEANS = np.linspace(-0.4, 0.4, 5)
"""Pitches by which a column may sink more at its foot than at its head, against the next one."""

_KEPT = 0.9
"""Share of the pairs of two columns that an arrangement keeps in one row, if it follows the rows."""

_RELATED = 0.6
"""Least share of the numbers of the shorter column that meet one of the other; else they have no rows in common."""

_CERTAIN, _CERTAIN_UNSEEN = 1.5, 3.0
"""Log likelihood by which a choice must surpass one that lies a row off; where no slopes tell, or it is no choice."""

_CONTRADICTED = 0.4
"""Pitches between the offset by the rows and that by the slopes from which both do not speak of one bend."""

_BENDS = 0.45
"""Pitches by which the slopes of its numbers say that a column stands lower than the next, from which a row may be
lost; at least twice the error of what they say."""

_STEEP = 1.0
"""Pitches of such a fall from which the rows are not certain: between two columns lines may run to and fro."""

_SLOPES = 4
"""Numbers whose slope is known from which the slope of a column is taken."""

_KNOTS = 17
"""Lines of the grid from the left to the right edge of the numbers."""


@dataclass(frozen=True)
class Baselines:
    """What the digits of n numbers tell of the lines they stand on; float64 of shape (n,), in digit heights.

    ``slope`` is NaN where a number has one digit. ``drop`` is how far the middle of a number lies below that of a usual
    one on the same line: old-style digits rise and descend.
    """

    slope: Floats
    drop: Floats

    def of(self, chosen: Ints) -> Baselines:
        """Those of the chosen numbers."""
        return Baselines(self.slope[chosen], self.drop[chosen])


@dataclass(frozen=True, eq=False)
class _Join:
    """Two columns beside each other, the right one moved so that its rows meet those of the left one.

    ``pairs`` are the numbers that then meet, shape (m, 2); ``margin`` is the log likelihood against the best choice a
    row off; ``shown`` is whether the slopes of the numbers in both columns agree; ``fall`` is by how many pitches the
    slopes say that the right column stands lower or higher.
    """

    left: int
    right: int
    pairs: Ints
    margin: float
    shown: bool
    fall: float


def arrange_level(numbers: Sequence[Number], transform: Transform, unit: float) -> tuple[list[Number], Transform]:
    """Arrange the numbers of a page (`arrange_page`), by a warp where that keeps more rows together than none.

    Parameters
    ----------
    numbers : sequence of Number
        What was read, in source pixels.
    transform : Transform
        Of the page, without a warp.
    unit : float
        Median height of a digit in square pixels of the source.

    Returns
    -------
    arranged : list of Number
        Those of a column that may lie a row off say so among their doubts.
    transform : Transform
        With the warp, if there is one.
    """
    arranged = arrange_page(numbers, transform, unit=unit)
    if len(numbers) < 4 * _SHORTEST or transform.regions:
        return arranged, transform
    middles = np.array([digit.box.centre for number in numbers for digit in number.digits])
    middles = transform.to_working(middles) / (unit * transform.scale)
    lengths = np.array([len(number.digits) for number in numbers])
    values = np.array([-1 if digit.value is None else digit.value for number in numbers for digit in number.digits])
    positions = number_positions(numbers, transform, unit)
    lines = baselines(middles, values, lengths)
    columns, joins, torn = _joins(positions, lines)
    kept = _shares_kept(numbers, arranged, joins)
    broken = [join for join, share in zip(joins, kept, strict=True) if share < _KEPT]
    if not broken:
        return _doubted(numbers, arranged, _untied([*joins, *torn], torn, columns)), transform
    warp = _warp(positions, lines, joins)
    if warp is not None:
        warped = replace(transform, warp=warp.scaled(unit * transform.scale))
        levelled = arrange_page(numbers, warped, unit=unit)
        kept_by_warp = _shares_kept(numbers, levelled, joins)
        if _kept_in_all(joins, kept_by_warp) > _kept_in_all(joins, kept) + 0.5 * _SHORTEST:
            uncertain = [join for join in broken if join.margin < _CERTAIN or join.fall > _STEEP] + torn
            return _doubted(numbers, levelled, _untied([*joins, *torn], uncertain, columns)), warped
    lost = [join for join, share in zip(joins, kept, strict=True) if join.shown and share < 1 - _KEPT] + torn
    return _doubted(numbers, arranged, _untied([*joins, *torn], lost, columns)), transform


def _shares_kept(numbers: Sequence[Number], arranged: Sequence[Number], joins: Sequence[_Join]) -> list[float]:
    """Share of the pairs of each join that an arrangement puts into one row."""
    row_of = {id(number.digits): (number.table, number.row) for number in arranged if number.table is not None}
    rows = [row_of.get(id(number.digits), (-1, place)) for place, number in enumerate(numbers)]
    return [float(np.mean([rows[a] == rows[b] for a, b in join.pairs])) for join in joins]


def _kept_in_all(joins: Sequence[_Join], shares: Sequence[float]) -> float:
    """How many pairs of all joins are kept."""
    return float(sum(len(join.pairs) * share for join, share in zip(joins, shares, strict=True)))


def _doubted(numbers: Sequence[Number], arranged: Sequence[Number], unsure: Ints) -> list[Number]:
    """The arranged numbers; those of them that stand at ``unsure`` in ``numbers`` may lie a row off."""
    doubtful = {id(numbers[place].digits) for place in unsure}
    return [
        replace(number, doubts=(*number.doubts, A_ROW_OFF))
        if number.table is not None and id(number.digits) in doubtful
        else number
        for number in arranged
    ]


def baselines(middles: Floats, values: Ints, lengths: Ints) -> Baselines:
    """Slope and drop of each number, from its digits.

    How far each of the ten digits stands below the others is the same all over the page, the slope changes slowly from
    left to right: both are fitted together to the steps from each digit to the next (iteratively reweighted least
    squares).

    Parameters
    ----------
    middles : float64 array of shape (m, 2)
        Of the digits, number by number, in digit heights.
    values : int64 array of shape (m,)
        0 to 9; -1 where illegible.
    lengths : int64 array of shape (n,)
        Digits of each number.
    """
    count = len(lengths)
    slope = np.full(count, np.nan)
    owner = np.repeat(np.arange(count), lengths)
    x, y = middles.T
    first = np.flatnonzero(owner[:-1] == owner[1:])
    run = x[first + 1] - x[first]
    first = first[(run > 0.2) & (run < 1.5) & (values[first] >= 0) & (values[first + 1] >= 0)]
    if len(first) < 12:
        return Baselines(slope, np.zeros(count))
    second = first + 1
    run, fall = x[second] - x[first], y[second] - y[first]
    steps = np.arange(len(first))
    of_values = np.zeros((len(first), 10))
    np.add.at(of_values, (steps, values[second]), 1.0)
    np.add.at(of_values, (steps, values[first]), -1.0)
    lines = np.linspace(x.min(), x.max() + 1e-6, 9)
    of_slopes = _hats(lines, (x[first] + x[second]) / 2) * run[:, None]
    smooth = np.diff(np.eye(9), 2, axis=0)
    stiff = np.zeros((19, 19))
    stiff[:10, :10] = 0.1 * np.eye(10)
    stiff[10:, 10:] = 0.09 * len(first) * smooth.T @ smooth + 0.01 * np.eye(9)
    fitted = _least_squares(np.hstack([of_values, of_slopes]), fall, np.full(len(first), 1.0), stiff, 0.1)
    falls = fitted[:10]
    falls = falls - falls[values[values >= 0]].mean()
    level = fall - of_values @ falls
    weight = np.bincount(owner[first], run**2, count)
    known = weight > 0
    slope[known] = np.bincount(owner[first], level * run, count)[known] / weight[known]
    return Baselines(slope, np.bincount(owner, np.where(values >= 0, falls[values], 0.0), count) / lengths)


def _joins(positions: NumberPositions, lines: Baselines) -> tuple[list[Ints], list[_Join], list[_Join]]:
    """The columns of a page, each from top to bottom, how those beside each other share rows, and where none can tell.

    The joins of the last, without pairs, are of columns between which the page bends by half a row or more, nobody
    knows by how much.
    """
    turned, below, degrees = level(positions)
    if not len(below.step):
        return [], [], []
    pitch = float(np.clip(np.percentile(below.step, 35), 1.0, 8.0))
    columns = _columns(turned, below)
    remaining = replace(lines, slope=lines.slope - np.tan(np.radians(degrees)))
    pairs = _beside(turned, columns, pitch)
    joins = [_join(turned, remaining, (a, columns[a]), (b, columns[b]), pitch) for a, b in pairs]
    known = [join for join in joins if join is not None and len(join.pairs)]
    return columns, known, [join for join in joins if join is not None and not len(join.pairs)]


def _warp(positions: NumberPositions, lines: Baselines, joins: Sequence[_Join]) -> RowWarp | None:
    """The warp, in digit heights, that brings the pairs of the joins to one height; None where there is none."""
    grid = _Grid.over(positions)
    places, rises = grid.hats(positions), grid.slopes(positions)
    known = np.flatnonzero(np.isfinite(lines.slope))
    upper, lower = np.concatenate([join.pairs for join in joins]).T
    even = positions.y - lines.drop
    met, moves = even[upper] - even[lower], places[lower] - places[upper]
    fitted = _least_squares(
        np.vstack([moves, rises[known]]),
        np.concatenate([met, -lines.slope[known]]),
        np.concatenate([np.full(len(met), 1 / 0.15), np.full(len(known), 1 / 0.4)]),
        grid.stiffness(2.0, 0.1),
        2.0,
    )
    with contextlib.suppress(ValueError):  # rows so close that they would change places
        return grid.warp(fitted)
    return None


def _columns(flat: NumberPositions, below: NeighbourLinks) -> list[Ints]:
    """Numbers that are chained by who stands below whom, each chain from top to bottom."""
    chained = coo_array((np.ones(len(below.first)), (below.first, below.second)), shape=(flat.count, flat.count))
    n_chains, chain = connected_components(chained, directed=False)
    order = np.lexsort((flat.y, chain))
    parts = np.split(order, np.cumsum(np.bincount(chain, minlength=n_chains))[:-1])
    return [part for part in parts if len(part) >= _SHORTEST]


def _beside(flat: NumberPositions, columns: list[Ints], pitch: float) -> list[tuple[int, int]]:
    """Pairs of columns, left and right, that stand beside each other with no column between them."""
    if not columns:
        return []
    members = np.concatenate(columns)
    column = np.repeat(np.arange(len(columns)), [len(part) for part in columns])
    y, left, right = flat.y[members], flat.left[members], flat.right[members]
    nearest, has = np.zeros(len(y), dtype=np.intp), np.zeros(len(y), dtype=bool)
    # In blocks: a sheet of ten thousand numbers has a hundred million pairs.
    for start in range(0, len(y), _BLOCK):
        some = slice(start, start + _BLOCK)
        gap = left[None, :] - right[some, None]
        fits = (np.abs(y[some, None] - y[None, :]) < 1.2 * pitch) & (gap > -0.3) & (gap < 30.0)
        fits &= column[some, None] != column[None, :]
        gap = np.where(fits, gap, np.inf)
        nearest[some] = gap.argmin(axis=1)
        has[some] = np.isfinite(gap.min(axis=1))
    pairs, counts = np.unique(np.stack([column[has], column[nearest[has]]], axis=1), axis=0, return_counts=True)
    return [
        (int(a), int(b))
        for (a, b), seen in zip(pairs, counts, strict=True)
        if seen >= max(3, 0.3 * min(len(columns[a]), len(columns[b])))
    ]


def _join(
    flat: NumberPositions, lines: Baselines, left: tuple[int, Ints], right: tuple[int, Ints], pitch: float
) -> _Join | None:
    """How the right column must be moved to meet the rows of the left one; None where they have no rows in common.

    Without pairs where the rows cannot be told though the page bends.
    """
    a, b = left[1], right[1]
    upper, lower = flat.y[a] - lines.drop[a], flat.y[b] - lines.drop[b]
    gap = float(np.median(flat.x[b]) - np.median(flat.x[a]))
    expected, spread, shown = _expected(lines.slope[a], lines.slope[b], gap, pitch)
    offsets = expected + np.arange(-_REACH, _REACH + 1e-9, _STEP) * pitch
    height = max(float(lower[-1] - lower[0]), 1e-9)
    along = (lower - (lower[0] + lower[-1]) / 2) / height
    steps = lower[None, :] - upper[:, None] - _LEANS[:, None, None] * pitch * along
    apart = np.abs(steps[:, None] - offsets[:, None, None])  # (leans, offsets, left, right)
    of_left, of_right = apart.min(axis=3), apart.min(axis=2)
    share = np.minimum((of_left < _NEAR * pitch).sum(axis=2), (of_right < _NEAR * pitch).sum(axis=2))
    likelihood = -np.abs(offsets - expected) / spread - (_LEANS[:, None] / 0.3) ** 2 / 2
    for distance in (of_left, of_right):
        met = np.exp(-((distance / (_MEETS * pitch)) ** 2) / 2).sum(axis=2)
        blank = float(np.clip(1 - met.max() / distance.shape[2], 0.03, 0.97))
        likelihood = likelihood + met * np.log((1 - blank) / blank)
    lean, best = np.unravel_index(int(likelihood.argmax()), likelihood.shape)
    if share[lean, best] < _RELATED * min(len(a), len(b)):
        return None
    fall = abs(expected) / pitch
    bends = shown and abs(expected) > max(_BENDS * pitch, 2 * spread)
    unknown = _Join(left[0], right[0], np.zeros((0, 2), np.int64), 0.0, shown, fall) if bends else None
    if shown and abs(offsets[best] - expected) > _CONTRADICTED * pitch:
        return unknown
    a_row_off = np.abs(offsets - offsets[best]) > 0.6 * pitch
    missed = np.abs(steps[lean] - offsets[best])
    nearest = missed.argmin(axis=0)
    meets = missed[nearest, np.arange(len(b))] < 0.3 * pitch
    pairs = np.stack([a[nearest[meets]], b[meets]], axis=1)
    margin = float(likelihood[lean, best] - likelihood[:, a_row_off].max())
    if not shown and margin < _CERTAIN_UNSEEN:
        return unknown
    return _Join(left[0], right[0], pairs, margin, shown, fall)


def _expected(slopes_left: Floats, slopes_right: Floats, gap: float, pitch: float) -> tuple[float, float, bool]:
    """How much lower the right column stands by the slopes of the numbers, the error of that, and if both tell."""
    known = [slopes[np.isfinite(slopes)] for slopes in (slopes_left, slopes_right)]
    means = [float(np.median(slopes)) for slopes in known if len(slopes) >= _SLOPES]
    if len(means) == 2:
        return float(np.mean(means)) * gap, 0.1 * pitch + 0.04 * gap, True
    return (means[0] if means else 0.0) * gap, 0.15 * pitch + 0.07 * gap, False


def _untied(joins: list[_Join], loose: list[_Join], columns: list[Ints]) -> Ints:
    """Numbers of the columns that only loose joins tie to the greater part of their table."""
    if not loose:
        return np.zeros(0, dtype=np.int64)

    def parts(kept: list[_Join]) -> Ints:
        left, right = [join.left for join in kept], [join.right for join in kept]
        tied = coo_array((np.ones(len(kept)), (left, right)), shape=(len(columns), len(columns)))
        return np.asarray(connected_components(tied, directed=False)[1])

    table, part = parts(joins), parts([join for join in joins if join not in loose])
    sizes = np.bincount(part, [len(column) for column in columns])
    # Of parts of one size the first is the table.
    greatest = [max(part[table == table[c]], key=lambda one: (sizes[one], -one)) for c in range(len(columns))]
    unsure = [column for c, column in enumerate(columns) if part[c] != greatest[c]]
    return np.concatenate(unsure) if unsure else np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class _Grid:
    """A grid over the numbers of a page on whose lines displacements are fitted, head and foot apart."""

    x: Floats
    y: Floats

    @classmethod
    def over(cls, positions: NumberPositions) -> _Grid:
        low, high = float(positions.left.min()), float(positions.right.max())
        top, foot = float(positions.y.min()), float(positions.y.max())
        return cls(np.linspace(low, max(high, low + 1), _KNOTS), np.array([top, max(foot, top + 1)]))

    def hats(self, positions: NumberPositions) -> Floats:
        """Share of each crossing of the grid in each position, shape (n, crossings)."""
        return self._crossed(_hats(self.y, positions.y), _hats(self.x, positions.x))

    def slopes(self, positions: NumberPositions) -> Floats:
        """The same for the change from left to right."""
        step = self.x[1] - self.x[0]
        change = (_hats(self.x, positions.x + step / 2) - _hats(self.x, positions.x - step / 2)) / step
        return self._crossed(_hats(self.y, positions.y), change)

    def _crossed(self, down: Floats, across: Floats) -> Floats:
        return np.asarray((down[:, :, None] * across[:, None, :]).reshape(len(down), -1))

    def stiffness(self, across: float, down: float) -> Floats:
        """Penalty on second differences from left to right and on differences from head to foot."""
        bends = np.kron(np.eye(len(self.y)), np.diff(np.eye(len(self.x)), 2, axis=0))
        leans = np.kron(np.diff(np.eye(len(self.y)), axis=0), np.eye(len(self.x)))
        return np.asarray(across * bends.T @ bends + down * leans.T @ leans + 1e-6 * np.eye(bends.shape[1]))

    def warp(self, fitted: Floats) -> RowWarp:
        """The warp with these displacements."""
        dy = fitted.reshape(len(self.y), len(self.x))
        return RowWarp(tuple(self.x.tolist()), tuple(self.y.tolist()), tuple(tuple(row) for row in dy.tolist()))


def _hats(lines: Floats, values: Floats) -> Floats:
    """Linear interpolation between lines as a matrix of shape (n, lines); held at the edges."""
    before = np.clip(np.searchsorted(lines, values, side="right") - 1, 0, len(lines) - 2)
    share = np.clip((values - lines[before]) / (lines[before + 1] - lines[before]), 0.0, 1.0)
    hats = np.zeros((len(values), len(lines)))
    each = np.arange(len(values))
    hats[each, before], hats[each, before + 1] = 1 - share, share
    return hats


def _least_squares(terms: Floats, wanted: Floats, weights: Floats, stiffness: Floats, tolerance: float) -> Floats:
    """Coefficients of the terms; what misses by more than ``tolerance`` (after weighting) counts less (Huber)."""
    weight = weights**2
    for _ in range(4):
        weighted = terms * weight[:, None]
        fitted = np.linalg.solve(weighted.T @ terms + stiffness, weighted.T @ wanted)
        missed = np.abs(wanted - terms @ fitted) * weights
        weight = weights**2 / np.maximum(1.0, missed / tolerance)
    return np.asarray(fitted)
