"""Deskews and dewarps the rows and columns of a page by the positions of its numbers.

A scan lies askew, a thick book bends its lines, a photograph tapers its columns. The numbers show how: in a table each
has one beside it and one below it. First the angle is found at which the profiles of rows and of columns are sharpest
together (projection profile), then a cubic polynomial is fitted to what remains along chains of neighbours (iteratively
reweighted least squares). All lengths are in digit heights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from tablesim.records.reading import Number
from tablesim.records.transform import Transform

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_SKEW = 8.0
"""Degrees to either side in which the angle of a page is sought."""

# Chosen on generated grids of known pages, skewed by up to 4 degrees and bent by 3 %: all neighbours are kept.
_ANGLE_STEP = 0.25
"""Degrees between two angles that are tried."""

_SAMPLE = 500
"""Numbers, about, from which the angle is found; of a page with more, every second, third, ... is taken."""

_BAND = 0.4
"""Width in digit heights of a bin of the profiles, about the height of a line of print."""

_DOUBLINGS = 6
"""Neighbours are followed 1, 2, 4, ... 32 steps far."""

_ENOUGH_FOR_SLOPE, _ENOUGH_FOR_BEND = 12, 60
"""Steps along neighbours from which a slope, and a cubic polynomial, is fitted."""


@dataclass(frozen=True)
class NumberPositions:
    """Positions of n numbers: left and right edge, and y of the middle; float64 of shape (n,), in digit heights."""

    left: Floats
    right: Floats
    y: Floats

    @property
    def x(self) -> Floats:
        """Middles between the edges, shape (n,)."""
        return (self.left + self.right) / 2

    @property
    def count(self) -> int:
        """How many numbers."""
        return len(self.y)

    def of(self, chosen: NDArray[np.bool_] | Ints) -> NumberPositions:
        """The chosen ones."""
        return NumberPositions(self.left[chosen], self.right[chosen], self.y[chosen])

    def shifted(self, dx: Floats | float = 0.0, dy: Floats | float = 0.0) -> NumberPositions:
        """Each moved by its own ``dx`` and ``dy``, shape (n,)."""
        return NumberPositions(self.left + dx, self.right + dx, self.y + dy)


def number_positions(numbers: Sequence[Number], transform: Transform, unit: float) -> NumberPositions:
    """Where numbers stand on the working page, its warp included.

    Parameters
    ----------
    numbers : sequence of Number
        In source pixels; one or more.
    transform : Transform
        To the working page.
    unit : float
        Median height of a digit in square pixels of the source.
    """
    boxes = [digit.box for number in numbers for digit in number.digits]
    middles = transform.to_working(np.array([box.centre for box in boxes])) / (unit * transform.scale)
    lengths = np.array([len(number.digits) for number in numbers])
    starts = np.cumsum(lengths) - lengths
    half = digit_sizes(numbers, transform)[:, 0] / unit / 2
    # The mean of the digits, not the middle of the box: old-style digits rise and descend, and their mean varies less.
    return NumberPositions(
        np.minimum.reduceat(middles[:, 0] - half, starts),
        np.maximum.reduceat(middles[:, 0] + half, starts),
        np.add.reduceat(middles[:, 1], starts) / lengths,
    )


def digit_sizes(numbers: Sequence[Number], transform: Transform) -> Floats:
    """Width and height of each digit as it stands upright, in square pixels of the source, shape (m, 2)."""
    sizes = np.array([(digit.box.width, digit.box.height) for number in numbers for digit in number.digits])
    sizes = sizes.reshape(-1, 2) * np.divide(transform.square_size, (transform.source_width, transform.source_height))
    return np.asarray(sizes[:, ::-1] if transform.rotation in (90, 270) else sizes)


@dataclass(frozen=True)
class NeighbourLinks:
    """Pairs of numbers: ``first`` and ``second`` index the positions, ``step`` is their distance; shape (m,)."""

    first: Ints
    second: Ints
    step: Floats


_NO_LINKS = NeighbourLinks(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0))


def deskew(positions: NumberPositions) -> tuple[NumberPositions, NeighbourLinks]:
    """Make rows horizontal and columns vertical.

    Parameters
    ----------
    positions : NumberPositions
        Numbers on the upright page.

    Returns
    -------
    flat : NumberPositions
        The same numbers, moved about their common middle.
    below : NeighbourLinks
        Each number with the nearest number below it in its column; ``step`` is the distance down.
    """
    if positions.count < 2:
        return positions, _NO_LINKS
    flat = _turned(positions, skew_angle(positions))
    # Neighbours hardly change while the page is straightened: they are searched once.
    in_row, in_column = _near(flat, stretch=0.15, k=9), _near(flat, stretch=3.0, k=8)
    for _ in range(2):
        links = _chained(_beside(flat, in_row), flat.count)
        flat = flat.shifted(dy=-_bend(flat.x, flat.y, links, flat.y[links.second] - flat.y[links.first]))
        links = _chained(_below(flat, in_column), flat.count)
        flat = flat.shifted(dx=-_bend(flat.y, flat.x, links, _aside(flat, links)))
    return flat, _below(flat, in_column)


def level(positions: NumberPositions) -> tuple[NumberPositions, NeighbourLinks, float]:
    """As `deskew`, but turned only: what bends stays bent. The third value is the turn in clockwise degrees."""
    if positions.count < 2:
        return positions, _NO_LINKS, 0.0
    degrees = skew_angle(positions)
    turned = _turned(positions, degrees)
    return turned, _below(turned, _near(turned, stretch=3.0, k=8)), degrees


def _beside(positions: NumberPositions, near: Ints) -> NeighbourLinks:
    """Each number with the nearest to its right in the same row; ``step`` is the gap between them."""
    gap = positions.left[near] - positions.right[:, None]
    fits = (np.abs(positions.y[near] - positions.y[:, None]) < 0.5) & (gap > -0.2) & (gap < 25.0)
    fits &= positions.x[near] > positions.x[:, None]
    return _nearest(near, np.where(fits, gap, np.inf))


def _below(positions: NumberPositions, near: Ints) -> NeighbourLinks:
    """Each number with the nearest number below it, not far aside; ``step`` is the distance down."""
    left, right = positions.left[:, None], positions.right[:, None]
    step = positions.y[near] - positions.y[:, None]
    shared = np.minimum(right, positions.right[near]) - np.maximum(left, positions.left[near])
    narrow = np.minimum(right - left, positions.right[near] - positions.left[near])
    fits = (step > 0.6) & (step < 12.0) & (shared > 0.4 * narrow)
    links = _nearest(near, np.where(fits, step, np.inf))
    kept = np.abs(_aside(positions, links)) < 0.6
    return NeighbourLinks(links.first[kept], links.second[kept], links.step[kept])


def _aside(positions: NumberPositions, links: NeighbourLinks) -> Floats:
    """How far the second of each pair is aside of the first, by the edge or middle that agrees best."""
    sides = np.stack([positions.left, positions.right, positions.x])
    aside = sides[:, links.second] - sides[:, links.first]
    best: Floats = np.take_along_axis(aside, np.abs(aside).argmin(axis=0)[None], axis=0)[0]
    return best


def _near(positions: NumberPositions, stretch: float, k: int) -> Ints:
    """The ``k`` numbers around each number, itself among them; array of shape (n, k)."""
    points = np.stack([positions.x * stretch, positions.y], axis=1)
    nearest: Ints = cKDTree(points, balanced_tree=False).query(points, k=np.arange(1, min(k, positions.count) + 1))[1]
    return nearest


def _nearest(near: Ints, step: Floats) -> NeighbourLinks:
    best = step.argmin(axis=1)
    first = np.flatnonzero(np.isfinite(step[np.arange(len(step)), best]))
    return NeighbourLinks(first, near[first, best[first]], step[first, best[first]])


def skew_angle(positions: NumberPositions) -> float:
    """Degrees, clockwise positive, by which rows and columns lean together."""
    if positions.count < 6:
        return 0.0
    sample = positions.of(np.arange(0, positions.count, 1 + positions.count // _SAMPLE))
    degrees = np.arange(-MAX_SKEW, MAX_SKEW + _ANGLE_STEP / 2, _ANGLE_STEP)
    sine, cosine = np.sin(np.radians(degrees))[:, None], np.cos(np.radians(degrees))[:, None]
    rows = _sharpness(sample.y * cosine - sample.x * sine)
    sides = (sample.left, sample.right, sample.x)
    columns = np.max([_sharpness(side * cosine + sample.y * sine) for side in sides], axis=0)
    # In a list of two distant columns a slant is as sharp as the level: a mild preference for small angles decides.
    sharpness = (rows / rows.max() + columns / columns.max()) * (1 - 0.004 * np.abs(degrees))
    return float(degrees[sharpness.argmax()])


def _sharpness(values: Floats) -> Floats:
    """Sum of squares of the histogram of each row of ``values``: large where they fall into few bins."""
    scaled = (values - values.min()) / _BAND
    whole = np.floor(scaled).astype(np.int64)
    part = scaled - whole
    n_bins = int(whole.max()) + 2
    flat = whole + n_bins * np.arange(len(values))[:, None]
    size = n_bins * len(values)
    counts = (
        np.bincount(flat.ravel(), (1 - part).ravel(), size)
        + np.bincount((flat + 1).ravel(), part.ravel(), size + 1)[:size]
    )
    squares: Floats = (counts.reshape(len(values), n_bins) ** 2).sum(axis=1)
    return squares


def _turned(positions: NumberPositions, degrees: float) -> NumberPositions:
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    x, half = positions.x, (positions.right - positions.left) / 2
    turned_x = x * cosine + positions.y * sine
    return NumberPositions(turned_x - half, turned_x + half, positions.y * cosine - x * sine)


def _chained(links: NeighbourLinks, count: int) -> NeighbourLinks:
    """The links and where they lead in 2, 4, 8, ... steps: distant pairs determine a slope better than near ones."""
    follow = np.full(count, -1)
    follow[links.first] = links.second
    firsts, seconds = [], []
    for _ in range(_DOUBLINGS):
        first = np.flatnonzero(follow >= 0)
        if not len(first):
            break
        firsts.append(first)
        seconds.append(follow[first])
        follow[first] = follow[follow[first]]
    if not firsts:
        return links
    first, second = np.concatenate(firsts), np.concatenate(seconds)
    return NeighbourLinks(first, second, np.ones(len(first)))


def _bend(along: Floats, across: Floats, links: NeighbourLinks, steps: Floats) -> Floats:
    """Offset of each position, fitted so that the steps along the links vanish; zeros when there are few links."""
    if len(steps) < _ENOUGH_FOR_SLOPE:
        return np.zeros_like(along)
    a, b = _spread(along), _spread(across)
    terms = [a] if len(steps) < _ENOUGH_FOR_BEND else [a, a * b, a * a, a * a * b, a**3]
    basis = np.stack(terms, axis=1)
    differences = basis[links.second] - basis[links.first]
    weight = np.ones(len(steps))
    for _ in range(3):
        weighted = differences * weight[:, None]
        normal = weighted.T @ differences + 1e-3 * np.eye(basis.shape[1])
        fitted = np.linalg.solve(normal, weighted.T @ steps)
        missed = np.abs(steps - differences @ fitted)
        weight = 1 / np.maximum(1.0, missed / 0.15)
    return np.asarray(basis @ fitted)


def _spread(values: Floats) -> Floats:
    """Values moved and scaled so that they fill -1 to 1."""
    low, high = float(values.min()), float(values.max())
    return (values - (low + high) / 2) / max((high - low) / 2, 1e-9)
