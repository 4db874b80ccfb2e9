"""Two pages side by side with their matched digits and the removal curve, as SVG geometry that a template can draw.

Both pages are set to the same height; coordinates on the stage are thousandths of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tablesim.evidence.collation.collation import PagePair
from tablesim.evidence.comparison import Comparison, compare
from tablesim.evidence.figures.match_figure import upright, upright_box
from tablesim.evidence.matches.assignment import GlyphLink
from tablesim.evidence.matches.faithfulness import Faithfulness
from tablesim.records.boxes import Box
from tablesim.records.transform import Transform
from tablesim.report.presentation import Picture, Pictures
from tablesim.scans.locator import Locator

HEIGHT = 1000.0
"""Of the stage, in its own units."""

GAP = 170.0
"""Between the two pages, in stage units. Chosen by eye."""

WIDEST = 6.0
"""Width in stage units of the line that brings most, where lines are few. Chosen by eye."""

ALL_WIDTHS = 900.0
"""Most that the widths of all lines may come to if all were as wide as the widest: more would be a wall."""

MAX_LINES = 800
"""Lines that are drawn for one pair, the strongest; the report says when there are more."""

N_PREVIEW = 70
"""Lines of the small picture that leads to the page of a pair, taken evenly from all."""

N_LISTED = 12
"""Matches that are written out below the picture."""

LEFT, RIGHT, TOP, BOTTOM = 40.0, 350.0, 10.0, 190.0
"""Where shares 0 and 1 and similarities 1 and 0 are in the removal curve, in units of its picture."""


@dataclass(frozen=True)
class StagePage:
    """One page on the stage: ``left`` and ``width`` in stage units, its height is ``HEIGHT``."""

    page: str
    picture: Picture | None
    left: float
    width: float
    turn: Transform
    scan_name: str

    def place(self, box: Box) -> Box:
        """A box in source pixels, on the stage."""
        box = upright_box(box, self.turn)
        zoom = HEIGHT / self.turn.working_size[1]
        return Box(self.left + zoom * box.x, zoom * box.y, zoom * box.width, zoom * box.height)


@dataclass(frozen=True)
class StageLine:
    """One matched pair of digits: ``a`` and ``b`` on the stage, ``source_a`` and ``source_b`` in source pixels."""

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
class SideBySide:
    """Two pages side by side; ``lines`` are their matched digits, thin ones last so that they lie on top."""

    comparison: Comparison
    sides: tuple[StagePage, StagePage]
    lines: tuple[StageLine, ...]

    @property
    def width(self) -> float:
        """Width of the stage; its height is ``HEIGHT``."""
        return self.sides[1].left + self.sides[1].width

    @property
    def share_supported(self) -> float:
        """Share of the score that digits at matching positions bring."""
        score = self.comparison.score
        return self.comparison.assignment.relevance_supported / score if score > 0 else 0.0

    @property
    def relevance_loose(self) -> float:
        """What digits without a counterpart at their position bring."""
        return max(0.0, self.comparison.score - self.comparison.assignment.relevance_supported)

    @property
    def strongest(self) -> float:
        """The relevance of the strongest line."""
        return max((line.relevance for line in self.lines), default=0.0)

    @property
    def fade(self) -> tuple[tuple[float, float], ...]:
        """Opacity of lines along the stage: faint over the pages, so that their digits stay legible."""
        left, right = self.sides[0].width / self.width, self.sides[1].left / self.width
        edge = 0.3 * (right - left)
        return (left, 0.26), (left + edge, 0.6), (right - edge, 0.6), (right, 0.26)

    def listed(self) -> list[tuple[int, StageLine]]:
        """The strongest lines with their index into ``lines``."""
        order = sorted(range(len(self.lines)), key=lambda i: -self.lines[i].relevance)
        return [(i, self.lines[i]) for i in order[:N_LISTED]]

    def preview(self) -> SideBySide:
        """The same with few lines, of digits at matching positions where there are any."""
        lines = [line for line in self.lines if line.supported] or list(self.lines)
        step = max(1, len(lines) // N_PREVIEW)
        return replace(self, lines=tuple(lines[::step][:N_PREVIEW]))

    def to_dict(self) -> dict[str, Any]:
        """What the script of the page needs, and what a reader may take away: boxes in source pixels."""
        links = [{**link.to_dict(), "relevance": round(link.relevance, 6)} for link in _strongest(self.comparison)]
        return {
            **{key: value for key, value in self.comparison.to_dict(top=0).items() if key != "matches"},
            **{key: side.scan_name for key, side in zip("ab", self.sides, strict=True)},
            "registered": self.comparison.assignment.registered,
            "relevance_at_matching_places": self.comparison.assignment.relevance_supported,
            "links": links,
        }


def side_by_side(pair: PagePair, pictures: Pictures) -> SideBySide:
    """Compare two pages and set them side by side."""
    comparison = compare(pair.a, pair.b, alignment=pair.alignment)
    comparison.__dict__["pair"] = pair  # its witnesses are arranged already
    sides: list[StagePage] = []
    left = 0.0
    for reading in (pair.a, pair.b):
        turn = upright(reading.transform)
        width = HEIGHT * turn.working_size[0] / turn.working_size[1]
        picture = pictures.page(reading.scan, reading.sha256, reading.transform.rotation)
        sides.append(StagePage(reading.page, picture, left, width, turn, Locator.of(reading.scan).name))
        left += width + GAP
    links = _strongest(comparison)
    strongest = max((link.relevance for link in links), default=1.0) or 1.0
    widest = min(WIDEST, ALL_WIDTHS / max(1, len(links)))
    lines = [_line(link, sides[0], sides[1], widest / strongest) for link in links]
    return SideBySide(comparison, (sides[0], sides[1]), tuple(lines))


def _strongest(comparison: Comparison) -> list[GlyphLink]:
    """The links that are drawn, in falling relevance."""
    return sorted(comparison.assignment.links, key=lambda link: -link.relevance)[:MAX_LINES]


def _line(link: GlyphLink, page_a: StagePage, page_b: StagePage, width_per_relevance: float) -> StageLine:
    a, b = page_a.place(link.a), page_b.place(link.b)
    x0, y0, x1, y1 = a.right, a.centre[1], b.x, b.centre[1]
    # A slow S: it leaves and arrives level, so that lines of one row fan out between the pages.
    bend = 0.5 * (x1 - x0)
    path = f"M{x0:.1f} {y0:.1f}C{x0 + bend:.1f} {y0:.1f} {x1 - bend:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"
    width = width_per_relevance * link.relevance
    return StageLine(link.bigram or "", link.relevance, link.supported, link.a, link.b, a, b, path, width)


def removal_curve(faithfulness: Faithfulness) -> dict[str, str]:
    """How the similarity falls when matches are taken away, as paths of SVG.

    ``top`` is for the most relevant first, ``random`` for the mean of random ones, and ``band`` for the area from the
    least to the greatest of these.
    """
    top, random, low, high = (
        _points(faithfulness.share, similarity)
        for similarity in (faithfulness.top, faithfulness.random, faithfulness.random_low, faithfulness.random_high)
    )
    return {"top": f"M{top}", "random": f"M{random}", "band": f"M{high}L{' '.join(reversed(low.split(' ')))}Z"}


def _points(share: NDArray[np.float64], similarity: NDArray[np.float64]) -> str:
    """Points of a path, "x,y x,y ..."."""
    x = LEFT + (RIGHT - LEFT) * share
    y = BOTTOM - (BOTTOM - TOP) * np.clip(similarity, 0, 1)
    return " ".join(f"{across:.1f},{down:.1f}" for across, down in zip(x.tolist(), y.tolist(), strict=True))
