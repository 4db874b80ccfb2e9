"""Laying one setting of a table over another: columns and rows keep their order, not their distances.

A printer who sets a table anew gives each column another width and each row another height, so no plane map holds over
the page. What holds is a plane map that levels the lines of A with those of B, followed by one rising function of the
place across and one of the place along. Each column (row) that the two pages share is carried over whole, as wide as
its figures, and what lies between two of them is stretched or squeezed: a rule or a margin, or a column (row) that the
other page lacks. Being rising, the two functions never fold the page, and they have an exact inverse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tablesim.evidence.geometry import Plane, fit_plane, project

MIN_NUMBERS = 2
"""Equal numbers that a column or a row must hold to say where it goes."""

TIGHT = 0.9
"""Share of the way to its neighbour that a column or row may fill with its own width."""

HALF_HEIGHT = 0.5
"""Half the height of a row, in figure heights."""

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Labels = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Spacing:
    """A rising function, linear between its knots and of slope ``slope`` outside them.

    Parameters
    ----------
    here, there : float64 arrays of shape (k,)
        Places on A and on B, both strictly rising; k at least 2.
    slope : float
        More than 0.
    """

    here: Floats
    there: Floats
    slope: float

    def apply(self, places: Floats) -> Floats:
        """Places of A on B."""
        return _interpolate(places, self.here, self.there, self.slope)

    def invert(self, places: Floats) -> Floats:
        """Places of B on A."""
        return _interpolate(places, self.there, self.here, 1 / self.slope)

    def to_dict(self) -> dict[str, list[float] | float]:
        """Plain values for viewers."""
        return {
            "from": [round(float(v), 4) for v in self.here],
            "to": [round(float(v), 4) for v in self.there],
            "slope": round(self.slope, 6),
        }


def _interpolate(places: Floats, here: Floats, there: Floats, slope: float) -> Floats:
    inside = np.interp(places, here, there)
    below, above = np.minimum(places - here[0], 0), np.maximum(places - here[-1], 0)
    return inside + slope * (below + above)


@dataclass(frozen=True)
class Bands:
    """Columns, or rows, that the two pages have in common.

    Parameters
    ----------
    here, there : float64 arrays of shape (k,)
        Middles on A and on B, in figure heights.
    half : float64 array of shape (k,)
        Half the width of their figures.
    weight : float64 array of shape (k,)
        How many equal numbers say so.
    """

    here: Floats
    there: Floats
    half: Floats
    weight: Floats

    @classmethod
    def of(cls, labels: Labels, here: Floats, there: Floats, half: Floats) -> tuple[Bands, Indices]:
        """Bands of the points with one label each, and the band of each point; -1 where it has too few to count.

        Parameters
        ----------
        labels : sequence of (int, int)
            Column (row) of each number of A, and the part of the page that it moved with.
        here, there, half : float64 arrays of shape (n,)
            Middles of the numbers on A and on B, and half their widths.
        """
        names = {label: at for at, label in enumerate(dict.fromkeys(labels))}
        band = np.array([names[label] for label in labels], dtype=np.int64)
        count = np.bincount(band, minlength=len(names))
        kept = np.flatnonzero(count >= MIN_NUMBERS)
        number = np.full(len(names), -1, dtype=np.int64)
        number[kept] = np.arange(len(kept))
        members = [np.flatnonzero(band == at) for at in kept]
        middle = np.array([[np.median(here[m]), np.median(there[m]), half[m].max()] for m in members]).reshape(-1, 3)
        return cls(middle[:, 0], middle[:, 1], middle[:, 2], count[kept].astype(np.float64)), number[band]

    def chain(self) -> Indices:
        """The bands of greatest weight that stand in the same order on both pages, by rising place."""
        order = np.lexsort((self.there, self.here))
        best = self.weight[order].copy()
        before = np.full(len(order), -1)
        for i, band in enumerate(order):
            earlier = order[:i]
            fits = (self.here[earlier] < self.here[band] - 1e-6) & (self.there[earlier] < self.there[band] - 1e-6)
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
        here, there, half = self.here[chain], self.there[chain], self.half[chain]
        if len(chain) == 1:
            slope = 1.0
        else:
            slope = float((there[-1] - there[0]) / (here[-1] - here[0]))
            # Neighbours of columns set closer on one page than their figures are wide share what room there is.
            room = np.minimum(np.diff(here), np.diff(there)) * TIGHT
            share = room / np.maximum(half[:-1] + half[1:], 1e-9)
            half = half * np.minimum(1.0, np.minimum(np.append(share, np.inf), np.insert(share, 0, np.inf)))
        half = np.maximum(half, 1e-6)
        return Spacing(
            np.stack([here - half, here + half], axis=1).ravel(),
            np.stack([there - half, there + half], axis=1).ravel(),
            slope,
        )


@dataclass(frozen=True)
class Warp:
    """A map in figure heights that keeps the order of columns and rows.

    Parameters
    ----------
    level : float64 array of shape (3, 3)
        The plane map that comes first.
    across, along : Spacing
        Then x goes through ``across`` and y through ``along``.
    """

    level: Floats
    across: Spacing
    along: Spacing

    def apply(self, points: Floats) -> Floats:
        """Points of shape (n, 2) of A, on B."""
        level = project(self.level, points)
        return np.stack([self.across.apply(level[:, 0]), self.along.apply(level[:, 1])], axis=1)

    def invert(self, points: Floats) -> Floats:
        """Points of shape (n, 2) of B, on A."""
        return project(np.linalg.inv(self.level), self.unspaced(points))

    def unspaced(self, points: Floats) -> Floats:
        """Points of B as if its columns and rows stood where the levelled A has them."""
        return np.stack([self.across.invert(points[:, 0]), self.along.invert(points[:, 1])], axis=1)


@dataclass(frozen=True)
class Pairs:
    """Equal numbers of the two pages.

    Parameters
    ----------
    one, other : float64 arrays of shape (n, 2)
        Their middles, in figure heights of their pages.
    half : float64 array of shape (n,)
        Half their width, the larger of the two.
    columns, rows : sequences of (int, int)
        Column and row of each on A, with the part of the page that it moved with: a half-table that was set elsewhere
        goes elsewhere.
    """

    one: Floats
    other: Floats
    half: Floats
    columns: Labels
    rows: Labels

    def lean(self) -> float:
        """How far columns of B lean over those of A: sidewards shift for each height further down."""
        codes = {group: code for code, group in enumerate(dict.fromkeys(self.columns))}
        code = np.array([codes[group] for group in self.columns])
        count = np.bincount(code)
        shift, height = self.other[:, 0] - self.one[:, 0], self.one[:, 1]
        shift = shift - (np.bincount(code, shift) / count)[code]
        height = height - (np.bincount(code, height) / count)[code]
        near = np.abs(shift) <= 1.0
        return float(height[near] @ shift[near] / max(height[near] @ height[near], 1.0))


def fit_warp(level: Floats, pairs: Pairs) -> Warp | None:
    """The map by columns and rows behind a given plane map; None where no column or no row has a counterpart."""
    flat = project(level, pairs.one)
    bands, band = Bands.of(pairs.columns, flat[:, 0], pairs.other[:, 0], pairs.half)
    chain = bands.chain()
    kept = np.flatnonzero(np.isin(band, chain))
    if not len(kept):
        return None
    across = bands.spacing(chain)
    labels = [pairs.rows[k] for k in kept.tolist()]
    bands, _ = Bands.of(labels, flat[kept, 1], pairs.other[kept, 1], np.full(len(kept), HALF_HEIGHT))
    chain = bands.chain()
    return Warp(level, across, bands.spacing(chain)) if len(chain) else None


def refit_warp(warp: Warp, pairs: Pairs) -> Warp | None:
    """The map fitted anew to pairs that it was not found from: first its plane map, then columns and rows."""
    plane = fit_plane(pairs.one, warp.unspaced(pairs.other))
    return fit_warp(plane.matrix if isinstance(plane, Plane) else warp.level, pairs)
