"""The picture of a comparison for paper: matched digits in black, the rest of the pages in grey, on half a sheet.

Nothing hangs on colour. Every matched digit is seen, but lines to all would be a wall: of the matches on one printed
line the one that brings most is joined, up to ``MAX_LINES`` of them.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from tablesim.evidence.figures.page_image import PageImage, upright_box
from tablesim.evidence.matches.glyphs import Match
from tablesim.records.boxes import Box
from tablesim.records.transform import Transform
from tablesim.scans.images import load_scan

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHEET = (8.27, 5.83)
"""A5 on its side, in inches."""

MAX_LINES = 40
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
        axes.append(_draw_page(figure, place, page, boxes))
    joined = apart(links, pages[0].turn)
    _join(figure, axes, [page.turn for page in pages], joined)
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


def apart(links: Sequence[Match], turn: Transform, most: int = MAX_LINES) -> list[Match]:
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


def _draw_page(figure: Figure, place: tuple[float, float, float, float], page: PageImage, boxes: Sequence[Box]) -> Axes:
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


def _join(figure: Figure, axes: Sequence[Axes], turns: Sequence[Transform], links: Sequence[Match]) -> None:
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
