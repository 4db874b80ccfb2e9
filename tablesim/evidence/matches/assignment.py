"""Which glyph of page A is drawn joined to which of page B.

For BiLRP the equal glyphs of a bin are exchangeable; a picture of all their pairs would be a tangle. Per bin the
glyphs are therefore assigned one to one, as the registration of the pages supports it, and the bin's relevance is
shared over the assignment, so that what is drawn and what is not adds up to the score. A pair is *supported* when its
two glyphs stand at matching places.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from tablesim.bigrams.network import Occurrences
from tablesim.evidence.matches.glyphs import GlyphMatches, Match
from tablesim.evidence.registration.equal_numbers import NumberFrame, Registration, register
from tablesim.records.reading import Reading

UNSUPPORTED = 100.0
"""Cost of a pair that the registration does not support: more than any number of small shifts may save."""


@dataclass(frozen=True, slots=True)
class GlyphLink(Match):
    """A match of the one-to-one assignment; ``supported`` when both glyphs stand at matching places."""

    supported: bool = False

    def to_dict(self) -> dict[str, Any]:
        # super() without arguments does not know the class that slots=True makes anew.
        return {**Match.to_dict(self), "supported": self.supported}


@dataclass(frozen=True)
class Assignment:
    """The one-to-one assignment of all bins.

    Parameters
    ----------
    links : tuple of Link
        In falling relevance, supported ones first.
    registration : Registration or None
        What supports them; None when the pages cannot be laid over each other.
    """

    links: tuple[GlyphLink, ...]
    registration: Registration | None

    @property
    def registered(self) -> bool:
        """Whether the pages could be laid over each other."""
        return self.registration is not None

    @property
    def supported(self) -> tuple[GlyphLink, ...]:
        """The links whose glyphs stand at matching places."""
        return tuple(link for link in self.links if link.supported)

    @property
    def relevance_supported(self) -> float:
        """What the supported links bring to the score."""
        return float(sum(link.relevance for link in self.supported))

    @property
    def equal_numbers(self) -> int:
        """Whole numbers that are equal and stand at matching places."""
        return 0 if self.registration is None else len(self.registration.pairs)


def assign(a: Reading, b: Reading, matches: GlyphMatches) -> Assignment:
    """Join the equal glyphs of two pages one to one.

    Parameters
    ----------
    a, b : Reading
        The two pages.
    matches : GlyphMatches
        Their matches: made of ``Occurrences.of(a)`` and ``Occurrences.of(b)``.

    Returns
    -------
    Assignment
        Links whose relevance sums to the score. A bin with unequal numbers of glyphs leaves the surplus unassigned; its
        relevance goes over the glyphs that are assigned, in proportion to what each pair of them brings.
    """
    registration = register(a, b)
    frames = (NumberFrame.of(a), NumberFrame.of(b)) if registration is None else (registration.a, registration.b)
    points_a, points_b = _points(a, frames[0], matches.a), _points(b, frames[1], matches.b)
    spread_a, spread_b = _spread(points_a), _spread(points_b)
    owner_a = matches.a.number[matches.a.first]
    owner_b = matches.b.number[matches.b.first]
    equal = np.zeros((len(a.numbers), len(b.numbers)), dtype=bool)
    if registration is not None:
        equal[tuple(registration.pairs.T)] = True
    links: list[GlyphLink] = []
    for m in matches.bins:
        rows, columns = matches.members_a[m], matches.members_b[m]
        if registration is None:
            cost = cdist(spread_a[rows], spread_b[columns])
            supported = np.zeros(cost.shape, dtype=bool)
        else:
            offsets = points_a[rows] - frames[0].centres[owner_a[rows]]
            gap = registration.distance(owner_a[rows], offsets, points_b[columns])
            supported = gap <= 1
            far = UNSUPPORTED + np.minimum(cdist(spread_a[rows], spread_b[columns]), 2.0)
            cost = np.where(supported, gap, far)
            cost = cost - 0.5 * (supported & equal[np.ix_(owner_a[rows], owner_b[columns])])
        one, other = linear_sum_assignment(cost)
        brought = matches.a.values[rows[one]] * matches.b.values[columns[other]]
        total = brought.sum()
        if total <= 0:
            brought, total = np.ones(len(one)), float(len(one))
        relevance = matches.bin_relevance[m] * brought / total
        links.extend(
            GlyphLink(matches.a.text(i), float(r), matches.a.box(i), matches.b.box(j), bool(s))
            for i, j, r, s in zip(
                rows[one].tolist(), columns[other].tolist(), relevance, supported[one, other], strict=True
            )
        )
    links.sort(key=lambda link: (not link.supported, -link.relevance, link.a.y, link.a.x))
    return Assignment(tuple(links), registration)


def _points(reading: Reading, frame: NumberFrame, side: Occurrences) -> NDArray[np.float64]:
    """Middles of the occurrences on the upright page, in units."""
    return frame.place(reading, side.boxes[:, :2] + side.boxes[:, 2:] / 2)


def _spread(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Places relative to the extent of all of them, 0 to 1."""
    if not len(points):
        return points
    low, high = points.min(axis=0), points.max(axis=0)
    return (points - low) / np.maximum(high - low, 1e-9)
