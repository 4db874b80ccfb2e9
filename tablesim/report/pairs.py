"""Two pages side by side with their matched glyphs, as geometry that a template can draw.

Both pages are set to the same height; places on the stage count in thousandths of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from tablesim.evidence.comparison import Comparison, compare
from tablesim.evidence.figures.match_figure import upright, upright_box
from tablesim.evidence.matches.assignment import GlyphLink
from tablesim.records.boxes import Box
from tablesim.records.reading import Reading
from tablesim.records.transform import Transform
from tablesim.report.pictures import Picture, Pictures

HEIGHT = 1000.0
GAP = 170.0
WIDEST = 6.0
"""Width on the stage of the line that brings most, where lines are few; where they are many all are thinner."""

INK = 900.0
"""Most that the widths of all lines may come to if all were as wide as the widest: more would be a wall."""

MAX_LINKS = 800
"""Lines that are drawn for one pair, the strongest; the report says when there are more."""

N_PREVIEW = 70
"""Lines of the small picture that leads to the page of a pair, taken evenly from all."""

N_LISTED = 12
"""Matches that are written out below the picture."""


@dataclass(frozen=True)
class Side:
    """One page on the stage: ``left`` and ``width`` in stage units, its height is ``HEIGHT``."""

    page: str
    picture: Picture | None
    left: float
    width: float
    turn: Transform
    scan: str

    @property
    def zoom(self) -> float:
        """Stage units per pixel of the upright scan."""
        return HEIGHT / self.turn.working_size[1]

    def place(self, box: Box) -> Box:
        """A box in source pixels, on the stage."""
        box = upright_box(box, self.turn)
        zoom = self.zoom
        return Box(self.left + zoom * box.x, zoom * box.y, zoom * box.width, zoom * box.height)


@dataclass(frozen=True)
class Line:
    """One joined pair of glyphs: ``a`` and ``b`` on the stage, ``source_a`` and ``source_b`` in source pixels."""

    bigram: str
    relevance: float
    supported: bool
    source_a: Box
    source_b: Box
    a: Box
    b: Box
    path: str
    width: float


@dataclass(frozen=True)
class Pair:
    """Two pages side by side.

    Parameters
    ----------
    comparison : Comparison
        What is said of them.
    sides : tuple of Side
        The two pages on the stage.
    lines : tuple of Line
        The joined glyphs, thin ones last so that they lie on top.
    """

    comparison: Comparison
    sides: tuple[Side, Side]
    lines: tuple[Line, ...]

    @property
    def width(self) -> float:
        """Width of the stage; its height is ``HEIGHT``."""
        return self.sides[1].left + self.sides[1].width

    @property
    def n_links(self) -> int:
        """How many glyphs are joined one to one, drawn or not."""
        return len(self.comparison.assignment.links)

    @property
    def registered(self) -> bool:
        return self.comparison.assignment.registered

    @property
    def share_supported(self) -> float:
        """Share of the score that glyphs at matching places bring."""
        score = self.comparison.score
        return self.comparison.assignment.relevance_supported / score if score > 0 else 0.0

    @property
    def relevance_loose(self) -> float:
        """What glyphs without a counterpart at their place bring."""
        return max(0.0, self.comparison.score - self.comparison.assignment.relevance_supported)

    @property
    def strongest(self) -> float:
        return max((line.relevance for line in self.lines), default=0.0)

    @property
    def fade(self) -> tuple[tuple[float, float], ...]:
        """Opacity of lines along the stage: faint over the pages, so that their figures stay legible."""
        left, right = self.sides[0].width / self.width, self.sides[1].left / self.width
        edge = 0.3 * (right - left)
        return (left, 0.26), (left + edge, 0.6), (right - edge, 0.6), (right, 0.26)

    def listed(self) -> list[tuple[int, Line]]:
        """The strongest lines with their index into ``lines``."""
        order = sorted(range(len(self.lines)), key=lambda i: -self.lines[i].relevance)
        return [(i, self.lines[i]) for i in order[:N_LISTED]]

    def preview(self) -> Pair:
        """The same with few lines, of figures at matching places where there are any."""
        found = [line for line in self.lines if line.supported] or list(self.lines)
        step = max(1, len(found) // N_PREVIEW)
        return replace(self, lines=tuple(found[::step][:N_PREVIEW]))

    def to_dict(self) -> dict[str, Any]:
        """What the script of the page needs, and what a reader may take away: boxes in source pixels."""
        shown = _shown(self.comparison)
        return {
            **{key: value for key, value in self.comparison.to_dict(top=0).items() if key != "matches"},
            "registered": self.registered,
            "relevance_at_matching_places": self.comparison.assignment.relevance_supported,
            "links": [{**link.to_dict(), "relevance": round(link.relevance, 6)} for link in shown],
        }


def make_pair(a: Reading, b: Reading, pictures: Pictures) -> Pair:
    """Compare two pages and lay them out."""
    comparison = compare(a, b)
    sides: list[Side] = []
    left = 0.0
    for reading in (a, b):
        turn = upright(reading.transform)
        width, height = turn.working_size
        wide = HEIGHT * width / height
        picture = pictures.page(reading.scan, reading.sha256, reading.transform.rotation)
        sides.append(Side(reading.page, picture, left, wide, turn, reading.scan))
        left += wide + GAP
    shown = _shown(comparison)
    strongest = max((link.relevance for link in shown), default=1.0) or 1.0
    widest = min(WIDEST, INK / max(1, len(shown)))
    lines = [_line(link, sides[0], sides[1], strongest, widest) for link in shown]
    return Pair(comparison, (sides[0], sides[1]), tuple(lines))


def _shown(comparison: Comparison) -> list[GlyphLink]:
    """The strongest links, in falling relevance."""
    return sorted(comparison.assignment.links, key=lambda link: -link.relevance)[:MAX_LINKS]


def _line(link: GlyphLink, one: Side, other: Side, strongest: float, widest: float) -> Line:
    a, b = one.place(link.a), other.place(link.b)
    x0, y0, x1, y1 = a.right, a.centre[1], b.x, b.centre[1]
    # A slow S: it leaves and arrives level, so that lines of one row fan out between the pages.
    bend = 0.5 * (x1 - x0)
    path = f"M{x0:.1f} {y0:.1f}C{x0 + bend:.1f} {y0:.1f} {x1 - bend:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"
    width = widest * link.relevance / strongest
    return Line(link.bigram or "", link.relevance, link.supported, link.a, link.b, a, b, path, width)
