"""A map from one setting of a table to another that follows its columns and rows: piecewise linear, monotone.

A printer who sets a table anew gives each column another width and each row another height, so no plane map holds over
the page. What holds is a plane map that levels the lines of A with those of B, followed by one rising function of the
position across and one of the position along. Each column (row) that the two pages share is carried over whole, as
wide as its digits, and what lies between two of them is stretched or squeezed: a rule or a margin, or a column (row)
that the other page lacks. Being rising, the two functions never fold the page, and they have an exact inverse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tablesim.evidence.registration.plane import project

MIN_NUMBERS = 2
"""Equal numbers that a column or a row must hold to say where it goes."""

APART = 0.5
"""Digit heights between the middles of two columns or two rows, at least; what is nearer on both pages is one."""

TIGHT = 0.9
"""Share of the way to its neighbour that a column or row may fill with its own width."""

RIVAL = 0.5
"""Share of the equal numbers of its best counterpart that another counterpart of a column or row must have."""

SLANT = 2.0
"""Digit heights by which a column that stands at a slant may miss its position before its page is levelled."""

HALF_HEIGHT = 0.5
"""Half the height of a row, in digit heights."""

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Labels = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Spacing:
    """A rising function, linear between its knots and of slope ``slope`` outside them.

    Parameters
    ----------
    on_a, on_b : float64 arrays of shape (k,)
        Positions on A and on B, both strictly rising; k at least 2.
    slope : float
        More than 0.
    """

    on_a: Floats
    on_b: Floats
    slope: float

    def apply(self, positions: Floats) -> Floats:
        """Positions of A on B."""
        return _interpolate(positions, self.on_a, self.on_b, self.slope)

    def invert(self, positions: Floats) -> Floats:
        """Positions of B on A."""
        return _interpolate(positions, self.on_b, self.on_a, 1 / self.slope)

    def to_dict(self) -> dict[str, list[float] | float]:
        """Plain values for viewers."""
        return {
            "from": [round(float(v), 4) for v in self.on_a],
            "to": [round(float(v), 4) for v in self.on_b],
            "slope": round(self.slope, 6),
        }


def _interpolate(positions: Floats, on_a: Floats, on_b: Floats, slope: float) -> Floats:
    inside = np.interp(positions, on_a, on_b)
    below, above = np.minimum(positions - on_a[0], 0), np.maximum(positions - on_a[-1], 0)
    return np.asarray(inside + slope * (below + above), dtype=np.float64)


@dataclass(frozen=True)
class Bands:
    """Columns, or rows, that the two pages have in common.

    Parameters
    ----------
    on_a, on_b : float64 arrays of shape (k,)
        Middles on A and on B, in digit heights.
    half : float64 array of shape (k,)
        Half the width of their digits.
    weight : float64 array of shape (k,)
        How many equal numbers say so.
    band_of : dict
        The band of each pair of labels, column (row) on A and on B; those without a band are left out.
    """

    on_a: Floats
    on_b: Floats
    half: Floats
    weight: Floats
    band_of: dict[tuple[int, int], int]

    @classmethod
    def of(cls, labels: Labels, on_a: Floats, on_b: Floats, half: Floats) -> Bands:
        """Bands of the points that have enough of them.

        Parameters
        ----------
        labels : sequence of (int, int)
            Column (row) of each number on A and on B.
        on_a, on_b, half : float64 arrays of shape (n,)
            Middles of the numbers on A and on B, and half their widths.
        """
        names = {label: at for at, label in enumerate(dict.fromkeys(labels))}
        name = np.array([names[label] for label in labels], dtype=np.int64)
        count = np.bincount(name, minlength=len(names))
        middles = np.stack([np.bincount(name, positions) for positions in (on_a, on_b)], axis=1) / count[:, None]
        # Common numbers join every row to every other; what counts are the rows that hold most of one's numbers.
        line = np.array([one for one, _ in names], dtype=np.int64)
        most = np.zeros(line.max(initial=0) + 1)
        np.maximum.at(most, line, count)
        enough = np.maximum(MIN_NUMBERS, RIVAL * most[line])
        # A column that runs through two tables of a page has two labels and one position.
        first: list[int] = []
        band = np.full(len(names), -1, dtype=np.int64)
        for at in np.argsort(-count, kind="stable"):
            if count[at] < enough[at]:
                continue
            near = np.flatnonzero((np.abs(middles[first] - middles[at]) < APART).all(axis=1))
            band[at] = near[0] if len(near) else len(first)
            if not len(near):
                first.append(int(at))
        members = [np.flatnonzero(band[name] == at) for at in range(len(first))]
        found = np.array(
            [(np.median(on_a[m]), np.median(on_b[m]), half[m].max(), len(m)) for m in members], dtype=np.float64
        ).reshape(-1, 4)
        bands = {label: int(band[at]) for label, at in names.items() if band[at] >= 0}
        return cls(found[:, 0], found[:, 1], found[:, 2], found[:, 3], bands)

    def chain(self) -> Indices:
        """The bands of greatest weight that stand in the same order on both pages, by rising position."""
        order = np.lexsort((self.on_b, self.on_a))
        best = self.weight[order].copy()
        before = np.full(len(order), -1)
        for i, band in enumerate(order):
            earlier = order[:i]
            fits = (self.on_a[earlier] <= self.on_a[band] - APART) & (self.on_b[earlier] <= self.on_b[band] - APART)
            if fits.any():
                at = int(np.argmax(np.where(fits, best[:i], -1.0)))
                best[i] += best[at]
                before[i] = at
        chain: list[int] = []
        at = int(np.argmax(best)) if len(order) else -1
        while at >= 0:
            chain.append(int(order[at]))
            at = int(before[at])
        return np.array(chain[::-1], dtype=np.int64)

    def spacing(self, chain: Indices) -> Spacing:
        """The rising function that carries the bands of a chain over, each as wide as it is."""
        on_a, on_b, half = self.on_a[chain], self.on_b[chain], self.half[chain]
        if len(chain) == 1:
            slope = 1.0
        else:
            slope = float((on_b[-1] - on_b[0]) / (on_a[-1] - on_a[0]))
            # Neighbours of columns set closer on one page than their digits are wide share what room there is.
            room = np.minimum(np.diff(on_a), np.diff(on_b)) * TIGHT
            share = room / np.maximum(half[:-1] + half[1:], 1e-9)
            half = half * np.minimum(1.0, np.minimum(np.append(share, np.inf), np.insert(share, 0, np.inf)))
        half = np.maximum(half, 1e-6)
        return Spacing(
            np.stack([on_a - half, on_a + half], axis=1).ravel(),
            np.stack([on_b - half, on_b + half], axis=1).ravel(),
            slope,
        )


@dataclass(frozen=True)
class Warp:
    """A map in digit heights that keeps the order of columns and rows.

    Parameters
    ----------
    level : float64 array of shape (3, 3)
        The plane map that comes first: A is levelled.
    across, along : Spacing
        Then x goes through ``across`` and y through ``along``.
    page : float64 array of shape (3, 3)
        The plane map that comes last, near the identity: B as it was scanned, at a slant perhaps.
    """

    level: Floats
    across: Spacing
    along: Spacing
    page: Floats

    def apply(self, points: Floats) -> Floats:
        """Points of shape (n, 2) of A, on B."""
        return project(self.page, self.spaced(points))

    def invert(self, points: Floats) -> Floats:
        """Points of shape (n, 2) of B, on A."""
        return project(np.linalg.inv(self.level), self.unspaced(points))

    def spaced(self, points: Floats) -> Floats:
        """Points of A as on B before ``page``."""
        level = project(self.level, points)
        return np.stack([self.across.apply(level[:, 0]), self.along.apply(level[:, 1])], axis=1)

    def unspaced(self, points: Floats) -> Floats:
        """Points of B as on A behind ``level``."""
        flat = project(np.linalg.inv(self.page), points)
        return np.stack([self.across.invert(flat[:, 0]), self.along.invert(flat[:, 1])], axis=1)


@dataclass(frozen=True)
class Pairs:
    """Equal numbers of the two pages.

    Parameters
    ----------
    one, other : float64 arrays of shape (n, 2)
        Their middles on A and on B, both levelled, in digit heights.
    half : float64 array of shape (n,)
        Half their width, the larger of the two.
    columns, rows : sequences of (int, int)
        Column and row of each, on A and on B: a half-table that was set elsewhere goes elsewhere.
    """

    one: Floats
    other: Floats
    half: Floats
    columns: Labels
    rows: Labels

    def leans(self) -> tuple[float, float]:
        """How far the columns of A and of B lean: sidewards shift for each height further down."""
        columns = {label: code for code, label in enumerate(dict.fromkeys(self.columns))}
        code = np.array([columns[label] for label in self.columns])
        return _lean(code, self.one), _lean(code, self.other)


def _lean(code: Indices, points: Floats) -> float:
    count = np.bincount(code)
    shift, height = (positions - (np.bincount(code, positions) / count)[code] for positions in points.T)
    near = np.abs(shift) <= SLANT
    return float(height[near] @ shift[near] / max(height[near] @ height[near], 1.0))


@dataclass(frozen=True)
class Counterparts:
    """Which columns (rows) of A are which of B, and how they move."""

    spacing: Spacing
    labels: list[tuple[int, int]]


def fit_across(pairs: Pairs) -> Counterparts | None:
    """How columns move; None where none has a counterpart."""
    return _fit(pairs.columns, pairs.one[:, 0], pairs.other[:, 0], pairs.half)


def fit_along(pairs: Pairs) -> Counterparts | None:
    """How rows move; None where none has a counterpart.

    Any equal numbers whose columns belong together may be among the pairs, whatever their rows: of all rows that could
    belong together, those are taken that keep the order and hold most equal numbers. ``fit_across`` likewise.
    """
    return _fit(pairs.rows, pairs.one[:, 1], pairs.other[:, 1], np.full(len(pairs.one), HALF_HEIGHT))


def _fit(labels: Labels, on_a: Floats, on_b: Floats, half: Floats) -> Counterparts | None:
    if not len(labels):
        return None
    bands = Bands.of(labels, on_a, on_b, half)
    chain = bands.chain()
    if not len(chain):
        return None
    return Counterparts(bands.spacing(chain), [label for label, band in bands.band_of.items() if band in chain])
