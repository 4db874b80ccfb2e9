"""Which glyph of page A is drawn joined to which of page B: one-to-one assignment, bin by bin, by the alignment.

For BiLRP the equal glyphs of a bin are exchangeable; a picture of all their pairs would be a tangle. Per bin the
glyphs are therefore assigned one to one (``linear_sum_assignment``) as the alignment of the pages supports it, and the
bin's relevance is shared over the assignment, so that what is drawn and what is not adds up to the score. A link is
*supported* when its two glyphs belong to numbers that meet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from tablesim.bigrams.occurrences import Occurrences
from tablesim.evidence.collation.collation import PagePair
from tablesim.evidence.matches.glyphs import GlyphMatches, Match
from tablesim.evidence.registration.number_frame import NumberFrame
from tablesim.evidence.registration.page_map import PageMap
from tablesim.records.reading import Reading

UNSUPPORTED = 100.0
"""Cost of a pair that the alignment does not support: more than any number of small shifts may save."""

ACROSS, ALONG = 1.5, 0.6
"""How far, in digit heights, a glyph may be off its counterpart's position within the number, sideways and in height:
numbers of different length are centred upon each other."""


@dataclass(frozen=True, slots=True)
class GlyphLink(Match):
    """A match of the one-to-one assignment; ``supported`` when both glyphs are in matching cells."""

    supported: bool = False

    def to_dict(self) -> dict[str, Any]:
        # super() without arguments does not know the class that slots=True makes anew.
        return {**Match.to_dict(self), "supported": self.supported}


@dataclass(frozen=True)
class Assignment:
    """The one-to-one assignment of all bins.

    Parameters
    ----------
    links : tuple of GlyphLink
        In falling relevance, supported ones first.
    registered : bool
        Whether the pages could be aligned; without that no link is supported.
    equal_numbers : int
        Whole numbers that are equal and in matching cells.
    """

    links: tuple[GlyphLink, ...]
    registered: bool
    equal_numbers: int

    @property
    def supported(self) -> tuple[GlyphLink, ...]:
        """The links whose glyphs are in matching cells."""
        return tuple(link for link in self.links if link.supported)

    @property
    def relevance_supported(self) -> float:
        """What the supported links bring to the score."""
        return float(sum(link.relevance for link in self.supported))


def assign(pair: PagePair, matches: GlyphMatches, page_map: PageMap | None) -> Assignment:
    """Join the equal glyphs of two pages one to one (Hungarian method, bin by bin).

    Parameters
    ----------
    pair : PagePair
        The two pages and their alignment.
    matches : GlyphMatches
        Their matches: made of ``Occurrences.of(pair.a)`` and ``Occurrences.of(pair.b)``.
    page_map : PageMap or None
        The map between the pages, which supports numbers outside the tables.

    Returns
    -------
    Assignment
        Links whose relevance sums to the score. A bin with unequal numbers of glyphs leaves the surplus unassigned; its
        relevance goes over the glyphs that are assigned, in proportion to what each pair of them brings.
    """
    frames = NumberFrame.of(pair.a), NumberFrame.of(pair.b)
    points_a, points_b = _points(pair.a, frames[0], matches.a), _points(pair.b, frames[1], matches.b)
    spread_a, spread_b = _spread(points_a), _spread(points_b)
    owner_a, owner_b = matches.a.number[matches.a.first], matches.b.number[matches.b.first]
    offset_a, offset_b = points_a - frames[0].centres[owner_a], points_b - frames[1].centres[owner_b]
    met = _met(pair, page_map)
    links: list[GlyphLink] = []
    for m in matches.bins:
        rows, columns = matches.members_a[m], matches.members_b[m]
        # A digit's position inside its number is kept: lines of type are not turned with a table.
        gap = (np.abs(offset_b[None, columns] - offset_a[rows, None]) / (ACROSS, ALONG)).max(axis=2)
        supported = met[np.ix_(owner_a[rows], owner_b[columns])] & (gap <= 1)
        far = cdist(spread_a[rows], spread_b[columns])
        cost = np.where(supported, gap, UNSUPPORTED + np.minimum(far, 2.0)) if pair.aligned else far
        taken_a, taken_b = linear_sum_assignment(cost)
        brought = matches.a.values[rows[taken_a]] * matches.b.values[columns[taken_b]]
        total = brought.sum()
        if total <= 0:
            brought, total = np.ones(len(taken_a)), float(len(taken_a))
        relevance = matches.bin_relevance[m] * brought / total
        links.extend(
            GlyphLink(matches.a.text(i), float(r), matches.a.box(i), matches.b.box(j), bool(s))
            for i, j, r, s in zip(
                rows[taken_a].tolist(), columns[taken_b].tolist(), relevance, supported[taken_a, taken_b], strict=True
            )
        )
    links.sort(key=lambda link: (not link.supported, -link.relevance, link.a.y, link.a.x))
    return Assignment(tuple(links), pair.aligned, len(pair.equal))


def _met(pair: PagePair, page_map: PageMap | None) -> NDArray[np.bool_]:
    """Which numbers of A meet which of B, in a cell or, outside the tables, under the map; shape (n_a, n_b)."""
    met = np.zeros((len(pair.a.numbers), len(pair.b.numbers)), dtype=bool)
    if pair.aligned:
        met[tuple(pair.met.T)] = True
    if page_map is not None:
        beside = [(i, j) for i, j in page_map.pairs.tolist() if not met[i].any() and not met[:, j].any()]
        met[tuple(np.array(beside, dtype=np.int64).reshape(-1, 2).T)] = True
    return met


def _points(reading: Reading, frame: NumberFrame, side: Occurrences) -> NDArray[np.float64]:
    """Middles of the occurrences on the upright page, in digit heights."""
    return frame.upright(reading, side.boxes[:, :2] + side.boxes[:, 2:] / 2)


def _spread(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Positions relative to the extent of all of them, 0 to 1."""
    if not len(points):
        return points
    low, high = points.min(axis=0), points.max(axis=0)
    return np.asarray((points - low) / np.maximum(high - low, 1e-9), dtype=np.float64)
