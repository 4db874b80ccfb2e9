"""Level the rows and straighten the columns of a page by where its numbers stand.

A scan lies askew, a thick book bends its lines, a photograph tapers its columns. The numbers themselves show how: in a
table each has one beside it and one below it. First the angle is sought at which rows and columns are sharpest
together, then a low polynomial takes away what remains. All lengths here are in units of the height of a figure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_SKEW = 8.0
"""Degrees to either side in which the angle of a page is sought."""

_STEP = 0.25
_SOME = 500
_DOUBLINGS = 6
_BIN = 0.4
_ENOUGH_FOR_SLOPE = 12
_ENOUGH_FOR_BEND = 60


@dataclass(frozen=True)
class NumberPositions:
    """Where numbers stand: left and right edge and height of the middle, arrays of shape (n,), in figure heights."""

    left: Floats
    right: Floats
    y: Floats

    @property
    def x(self) -> Floats:
        return (self.left + self.right) / 2

    @property
    def count(self) -> int:
        return len(self.y)

    def of(self, chosen: NDArray[np.bool_] | Ints) -> NumberPositions:
        """Some of them."""
        return NumberPositions(self.left[chosen], self.right[chosen], self.y[chosen])

    def shifted(self, dx: Floats, dy: Floats) -> NumberPositions:
        return NumberPositions(self.left + dx, self.right + dx, self.y + dy)


@dataclass(frozen=True)
class NeighbourLinks:
    """Pairs of numbers: ``first`` and ``second`` index the places, ``step`` is how far apart they stand."""

    first: Ints
    second: Ints
    step: Floats


def level(places: NumberPositions) -> tuple[NumberPositions, NeighbourLinks]:
    """Lay the rows level and set the columns upright.

    Parameters
    ----------
    places : Places
        Numbers as they stand on the upright page.

    Returns
    -------
    places : Places
        The same numbers, moved about their common middle.
    below : Links
        Each number with the nearest below that stands under it; ``step`` is how far it is down.
    """
    if places.count < 2:
        nothing = np.zeros(0, dtype=np.int64)
        return places, NeighbourLinks(nothing, nothing, np.zeros(0))
    flat = _turned(places, _angle(places))
    # Who is near whom hardly changes while the page is smoothed, so it is asked once.
    in_row, in_column = _near(flat, stretch=0.15, k=9), _near(flat, stretch=3.0, k=8)
    for _ in range(2):
        flat = flat.shifted(np.zeros(flat.count), -_bend(flat.x, flat.y, *_row_steps(flat, in_row)))
        flat = flat.shifted(-_bend(flat.y, flat.x, *_column_steps(flat, in_column)), np.zeros(flat.count))
    return flat, _below(flat, in_column)


def _beside(places: NumberPositions, near: Ints) -> NeighbourLinks:
    """Each number with the nearest to its right in the same row; ``step`` is the gap between them."""
    gap = places.left[near] - places.right[:, None]
    fits = (np.abs(places.y[near] - places.y[:, None]) < 0.5) & (gap > -0.2) & (gap < 25.0)
    fits &= places.x[near] > places.x[:, None]
    return _nearest(near, np.where(fits, gap, np.inf))


def _below(places: NumberPositions, near: Ints) -> NeighbourLinks:
    """Each number with the nearest below that stands under it, not far aside; ``step`` is how far it is down."""
    left, right = places.left[:, None], places.right[:, None]
    step = places.y[near] - places.y[:, None]
    shared = np.minimum(right, places.right[near]) - np.maximum(left, places.left[near])
    narrow = np.minimum(right - left, places.right[near] - places.left[near])
    fits = (step > 0.6) & (step < 12.0) & (shared > 0.4 * narrow)
    links = _nearest(near, np.where(fits, step, np.inf))
    kept = np.abs(_aside(places, links)) < 0.6
    return NeighbourLinks(links.first[kept], links.second[kept], links.step[kept])


def _aside(places: NumberPositions, links: NeighbourLinks) -> Floats:
    """How far the second of each pair stands aside of the first, by the edge or middle that agrees best."""
    sides = np.stack([places.left, places.right, places.x])
    aside = sides[:, links.second] - sides[:, links.first]
    best: Floats = np.take_along_axis(aside, np.abs(aside).argmin(axis=0)[None], axis=0)[0]
    return best


def _near(places: NumberPositions, stretch: float, k: int) -> Ints:
    """The ``k`` numbers around each number, itself among them; array of shape (n, k)."""
    points = np.stack([places.x * stretch, places.y], axis=1)
    found: Ints = cKDTree(points, balanced_tree=False).query(points, k=np.arange(1, min(k, places.count) + 1))[1]
    return found


def _nearest(near: Ints, step: Floats) -> NeighbourLinks:
    best = step.argmin(axis=1)
    first = np.flatnonzero(np.isfinite(step[np.arange(len(step)), best]))
    return NeighbourLinks(first, near[first, best[first]], step[first, best[first]])


def _angle(places: NumberPositions) -> float:
    """Degrees, clockwise positive, by which rows and columns lean together."""
    if places.count < 6:
        return 0.0
    some = places.of(np.arange(0, places.count, 1 + places.count // _SOME))
    degrees = np.arange(-MAX_SKEW, MAX_SKEW + _STEP / 2, _STEP)
    sine, cosine = np.sin(np.radians(degrees))[:, None], np.cos(np.radians(degrees))[:, None]
    rows = _sharpness(some.y * cosine - some.x * sine)
    sides = (some.left, some.right, some.x)
    columns = np.max([_sharpness(side * cosine + some.y * sine) for side in sides], axis=0)
    # In a list of two far columns a slant is as sharp as the level: the mild preference decides for the level.
    sharpness = (rows / rows.max() + columns / columns.max()) * (1 - 0.004 * np.abs(degrees))
    return float(degrees[sharpness.argmax()])


def _sharpness(values: Floats) -> Floats:
    """Sum of squares of the histogram of each row of ``values``: large where they fall into few places."""
    scaled = (values - values.min()) / _BIN
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


def _turned(places: NumberPositions, degrees: float) -> NumberPositions:
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    x, half = places.x, (places.right - places.left) / 2
    turned_x = x * cosine + places.y * sine
    return NumberPositions(turned_x - half, turned_x + half, places.y * cosine - x * sine)


def _row_steps(places: NumberPositions, near: Ints) -> tuple[NeighbourLinks, Floats]:
    links = _chained(_beside(places, near), places.count)
    return links, places.y[links.second] - places.y[links.first]


def _column_steps(places: NumberPositions, near: Ints) -> tuple[NeighbourLinks, Floats]:
    links = _chained(_below(places, near), places.count)
    return links, _aside(places, links)


def _chained(links: NeighbourLinks, count: int) -> NeighbourLinks:
    """The links and what they lead to in 2, 4, 8, ... steps: far pairs tell a slope so much better than near ones."""
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
    """How far each place lies off, fitted so that the steps along the links vanish; zeros when there are few links."""
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
