"""Pictures of a comparison: two pages side by side, equal glyphs joined by lines; for the screen and for paper.

On paper nothing hangs on colour: matched digits are black and the rest of the pages is grey, on half a sheet. Every
matched digit is seen, but lines to all would be a wall: of the matches on one printed line the one that brings most is
joined, up to ``MAX_PRINTED_LINES`` of them. Matplotlib is imported when a picture is drawn.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from tablesim.evidence.matches.assignment import Assignment, GlyphLink
from tablesim.evidence.matches.glyphs import GlyphMatches, Match
from tablesim.records.boxes import Box
from tablesim.records.counting import cut
from tablesim.records.reading import Reading
from tablesim.records.transform import Transform
from tablesim.scans.images import load_scan

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# Two colours of Okabe and Ito's palette, apart for every kind of colour vision and in grey.
SUPPORTED_COLOUR = "#0072B2"
LOOSE_COLOUR = "#D55E00"
INK = "#2b2723"
STYLES = ("arcs", "print")


def upright(transform: Transform) -> Transform:
    """The quarter turn alone: from source pixels to the page as one would hold it, in its own pixels."""
    return Transform(transform.source_width, transform.source_height, transform.rotation)


def upright_box(box: Box, turn: Transform) -> Box:
    """A box of the source on the page that ``upright`` has turned."""
    corners = turn.to_working(np.array([[box.x, box.y], [box.right, box.bottom]]))
    (x, y), (width, height) = corners.min(axis=0), np.ptp(corners, axis=0)
    return Box(float(x), float(y), float(width), float(height))


@dataclass(frozen=True)
class PageImage:
    """One page of a picture: its scan, what is written over it, and how it lies (``upright``)."""

    scan: str
    title: str
    turn: Transform


def check_style(style: str) -> None:
    """ValueError for a style that is not there."""
    if style not in STYLES:
        raise ValueError(f"plot: got style {style!r}, expected {' or '.join(STYLES)}")


SHEET = (8.27, 5.83)
"""A5 on its side, in inches."""

MAX_PRINTED_LINES = 40
"""Lines at most: as many as a hand-sized picture holds apart (chosen by eye)."""

DPI = 300
"""Dots an inch of the raster inside, usual for print."""

MARGIN, GAP, TOP, BOTTOM = 0.3, 0.7, 0.62, 0.62
"""Around and between the pages, in inches."""

FAINT = 0.6
"""Grey (0 black, 1 white) of ink that matches nothing; chosen by eye."""


def draw_for_print(
    pages: Sequence[PageImage], links: Sequence[Match], words: tuple[str, str, str], path: str | Path | None
) -> Figure:
    """Draw two pages and what joins them.

    Parameters
    ----------
    pages : two PageImages
    links : sequence of Match
        All are black, ``apart`` chooses those that are joined.
    words : (str, str, str)
        Head, caption, and of what one match is joined, such as "on each printed line".
    path : str or Path, optional
        Where to write the picture: PDF and SVG keep the lines sharp.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=SHEET, facecolor="white")
    room = (SHEET[0] - 2 * MARGIN - GAP) / 2, SHEET[1] - TOP - BOTTOM
    shapes = [page.turn.working_size for page in pages]
    height = min(room[1], *(room[0] * tall / wide for wide, tall in shapes))
    axes = []
    for side, (page, (wide, tall)) in enumerate(zip(pages, shapes, strict=True)):
        width = height * wide / tall
        # Both pages lean towards the gap, so that lines are short.
        left = MARGIN + room[0] - width if side == 0 else SHEET[0] - MARGIN - room[0]
        place = (left / SHEET[0], (BOTTOM + room[1] - height) / SHEET[1], width / SHEET[0], height / SHEET[1])
        boxes = [upright_box(link.b if side else link.a, page.turn) for link in links]
        axes.append(_print_page(figure, place, page, boxes))
    joined = apart(links, pages[0].turn)
    _join_print(figure, axes, [page.turn for page in pages], joined)
    figure.text(MARGIN / SHEET[0], 1 - 0.3 / SHEET[1], words[0], family="serif", size=10, weight="bold")
    lines = f"{words[1]} Lines: {words[2]} the match that brings most, {len(joined)} in all."
    letters = int((SHEET[0] - 2 * MARGIN) * 72 / (0.55 * 7.5))  # mean width of a letter: 0.55 of its size
    figure.text(
        MARGIN / SHEET[0],
        (BOTTOM - 0.16) / SHEET[1],
        "\n".join(textwrap.wrap(lines, letters)),
        family="serif",
        size=7.5,
        verticalalignment="top",
        linespacing=1.3,
    )
    if path is not None:
        figure.savefig(path, dpi=DPI)
    return figure


def apart(links: Sequence[Match], turn: Transform, most: int = MAX_PRINTED_LINES) -> list[Match]:
    """The strongest links that start on different printed lines of the first page."""
    chosen: list[Match] = []
    middles: list[float] = []
    for link in sorted(links, key=lambda link: -link.relevance):
        box = upright_box(link.a, turn)
        if all(abs(box.centre[1] - middle) > 0.8 * box.height for middle in middles):
            chosen.append(link)
            middles.append(box.centre[1])
        if len(chosen) == most:
            break
    return chosen


def _print_page(
    figure: Figure, place: tuple[float, float, float, float], page: PageImage, boxes: Sequence[Box]
) -> Axes:
    width, height = page.turn.working_size
    grey = np.rot90(load_scan(page.scan).grey, k=-(page.turn.rotation // 90))
    shrink = min(1.0, DPI * place[3] * SHEET[1] / grey.shape[0])
    if shrink < 1:
        grey = np.asarray(cv2.resize(grey, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    axes = figure.add_axes(place)
    axes.imshow(_printed(grey, boxes, shrink), extent=(0, width, height, 0), cmap="gray", vmin=0, vmax=1, zorder=2)
    axes.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(color="black", linewidth=0.3)
    axes.set_title(page.title, fontsize=7.5, family="serif", loc="left", pad=3)
    return axes


def _printed(grey: NDArray[np.uint8], boxes: Sequence[Box], shrink: float) -> NDArray[np.float64]:
    """The page with white paper, black ink in the boxes and faint ink elsewhere."""
    dark, light = np.percentile(grey, [1, 60])
    paper = np.clip((grey - dark) / max(light - dark, 1.0), 0, 1)
    faintest = np.full(grey.shape, FAINT)
    for box in boxes:
        left, right = math.floor(shrink * box.x), math.ceil(shrink * box.right)
        faintest[math.floor(shrink * box.y) : math.ceil(shrink * box.bottom), max(left, 0) : right] = 0.0
    return np.asarray(faintest + (1 - faintest) * paper, dtype=np.float64)


def _join_print(figure: Figure, axes: Sequence[Axes], turns: Sequence[Transform], links: Sequence[Match]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Rectangle

    left, right = axes[0].get_position().x1, axes[1].get_position().x0
    between = Rectangle((left, 0), right - left, 1, transform=figure.transFigure)
    for link in links:
        ends = []
        for axis, turn, side in zip(axes, turns, ("a", "b"), strict=True):
            box = upright_box(getattr(link, side), turn)
            point = (box.right if side == "a" else box.x, box.centre[1])
            ends.append((axis.transData + figure.transFigure.inverted()).transform(point))
        (x, y), (x2, y2) = ends
        # Fainter over the pages than between them, where there is nothing to read.
        for colour, width, clip in (("0.4", 0.2, None), ("black", 0.35, between)):
            line = Line2D((x, x2), (y, y2), color=colour, linewidth=width, transform=figure.transFigure)
            figure.add_artist(line)
            if clip is not None:
                line.set_clip_path(clip)


MAX_LINES = 600
"""Lines that a picture has at most, unless it is told otherwise."""

WIDEST = 2.4
"""Width in points of the line that brings most, where lines are few."""

ALL_WIDTHS = 500.0
"""Most that the widths of all lines may come to if all were as wide as the widest: more would be a wall."""


class DrawnComparison(Protocol):
    """What is drawn of two pages; ``tablesim.evidence.comparison.Comparison`` has it."""

    @property
    def reading_a(self) -> Reading: ...
    @property
    def reading_b(self) -> Reading: ...
    @property
    def similarity(self) -> float: ...
    @property
    def score(self) -> float: ...
    @property
    def relevance_total(self) -> float: ...
    @property
    def glyph_matches(self) -> GlyphMatches: ...
    @property
    def assignment(self) -> Assignment: ...


def draw(comparison: DrawnComparison, path: str | Path | None, max_lines: int | None, style: str) -> Figure:
    """The picture behind ``Comparison.plot``."""
    check_style(style)
    readings = (comparison.reading_a, comparison.reading_b)
    pages = [PageImage(reading.scan, reading.page, upright(reading.transform)) for reading in readings]
    assignment = comparison.assignment
    links = assignment.supported if assignment.registered else assignment.links
    if style == "print":
        head = f"Similarity {cut(comparison.similarity, 4)}, score {comparison.score:.2f}"
        words = head, _caption_for_print(comparison, links), "on each printed line"
        return draw_for_print(pages, links, words, path)
    shown = sorted(links, key=lambda link: -link.relevance)[: MAX_LINES if max_lines is None else max_lines]
    total = f"{comparison.relevance_total:.2f}, the sum of {comparison.glyph_matches.n_pairs:,} pairs of equal glyphs"
    words = (
        f"Similarity {cut(comparison.similarity, 4)}",
        f"score {comparison.score:.2f}  =  {total}",
        _caption(comparison, shown),
    )
    return draw_pair(pages, shown, SUPPORTED_COLOUR if assignment.registered else LOOSE_COLOUR, words, path)


def draw_pair(
    pages: Sequence[PageImage],
    links: Sequence[Match],
    colour: str,
    words: tuple[str, str, str],
    path: str | Path | None,
) -> Figure:
    """Two pages side by side, ``links`` between them; ``words`` are the head, the line below it, and the caption."""
    from matplotlib.figure import Figure

    shapes = [page.turn.working_size for page in pages]
    # Both pages are shown at the same height.
    page_height = 8.4
    widths = [page_height * width / height for width, height in shapes]
    gap, margin, top, bottom = 1.3, 0.35, 1.15, 1.2
    figure = Figure(figsize=(sum(widths) + gap + 2 * margin, page_height + top + bottom), facecolor="white")
    total_width, total_height = figure.get_size_inches()
    left = margin
    axes: list[Axes] = []
    for page, width in zip(pages, widths, strict=True):
        place = (left / total_width, bottom / total_height, width / total_width, page_height / total_height)
        axes.append(_draw_page(figure, place, page))
        left += width + gap
    _join(figure, axes, [page.turn for page in pages], links, colour)

    def write(inches: float, text: str, size: float, *, colour: str = INK, weight: str = "normal") -> None:
        at = (margin / total_width, inches / total_height)
        figure.text(*at, text, family="serif", size=size, color=colour, weight=weight)

    write(total_height - 0.45, words[0], 17, weight="bold")
    write(total_height - 0.75, words[1], 10.5)
    letters = int((total_width - 2 * margin) * 72 / (0.55 * 9.5))  # mean width of a letter: 0.55 of its size
    for line, text in enumerate(textwrap.wrap(words[2], letters)):
        write(bottom - 0.42 - 0.22 * line, text, 9.5, colour="#57504a")
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure


def _draw_page(figure: Figure, place: tuple[float, float, float, float], page: PageImage) -> Axes:
    width, height = page.turn.working_size
    axes = figure.add_axes(place)
    grey = np.rot90(load_scan(page.scan).grey, k=-(page.turn.rotation // 90))
    # The ink alone, transparent where the paper is, so that lines run below the digits and hide none.
    ink = np.zeros((*grey.shape, 4), dtype=np.uint8)
    ink[..., 3] = 255 - grey
    axes.imshow(ink, extent=(0, width, height, 0), interpolation="antialiased", zorder=5)
    axes.patch.set_visible(False)
    axes.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(color="#8a8178", linewidth=0.6)
    axes.set_title(page.title, fontsize=11, family="serif", color=INK, loc="left", pad=5)
    return axes


def _join(
    figure: Figure, axes: Sequence[Axes], turns: Sequence[Transform], links: Sequence[Match], colour: str
) -> None:
    from matplotlib.collections import LineCollection, PatchCollection
    from matplotlib.patches import Rectangle

    if not links:
        return
    relevance = np.array([link.relevance for link in links])
    widths = min(WIDEST, ALL_WIDTHS / len(links)) * relevance / relevance.max()
    ends: list[NDArray[np.float64]] = []
    for axis, turn, side in zip(axes, turns, ("a", "b"), strict=True):
        boxes = [upright_box(getattr(link, side), turn) for link in links]
        frames = [Rectangle((box.x, box.y), box.width, box.height) for box in boxes]
        axis.add_collection(PatchCollection(frames, facecolor=colour, edgecolor=colour, alpha=0.28, linewidth=0.4))
        # Lines leave A at the right edge of its glyph and reach B at the left edge.
        points = [(box.right if side == "a" else box.x, box.centre[1]) for box in boxes]
        to_figure = axis.transData + figure.transFigure.inverted()
        ends.append(to_figure.transform(np.array(points)))
    segments = list(np.stack(ends, axis=1))
    # Faint over the pages, so that the digits stay legible, and strong between them.
    left, right = axes[0].get_position().x1, axes[1].get_position().x0
    between = Rectangle((left, 0), right - left, 1, transform=figure.transFigure)
    for alpha, clip in ((0.22, None), (0.4, between)):
        lines = LineCollection(segments, linewidths=widths, colors=colour, alpha=alpha, transform=figure.transFigure)
        lines.set(capstyle="round", zorder=-1)
        figure.add_artist(lines)
        if clip is not None:
            lines.set_clip_path(clip)


def _caption_for_print(comparison: DrawnComparison, links: Sequence[GlyphLink]) -> str:
    if not comparison.glyph_matches.n_pairs:
        return "The two pages have no bigram in common."
    brought = sum(link.relevance for link in links)
    where = "at its place on the other page" if comparison.assignment.registered else "on the other page"
    return (
        f"Black: the {len(links):,} glyphs (bigrams and isolated digits) with an equal one {where}; they bring "
        f"{brought:.2f} of the score."
    )


def _caption(comparison: DrawnComparison, shown: Sequence[GlyphLink]) -> str:
    assignment = comparison.assignment
    if not comparison.glyph_matches.n_pairs:
        return "The two pages have no bigram in common."
    if not shown:
        return "No glyph has an equal one at its place on the other page."
    drawn, widest = sum(link.relevance for link in shown), max(link.relevance for link in shown)
    caption = (
        f"Lines join equal glyphs one to one; width is what a pair brings (widest {widest:.2f}). "
        f"Drawn: {len(shown):,} lines that bring {drawn:.2f} of {comparison.score:.2f}. "
    )
    if not assignment.registered:
        return caption + ("The pages could not be aligned: which glyph meets which is guessed from relative positions.")
    rest = max(0.0, comparison.score - assignment.relevance_supported)
    return caption + (
        f"Only glyphs in matching cells are joined ({assignment.equal_numbers:,} equal whole numbers support it); "
        f"glyphs without a counterpart at their place bring {rest:.2f}."
    )
