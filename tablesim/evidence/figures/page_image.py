"""What the pictures of two pages share: how a page lies, colours, styles, and how a similarity is written."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tablesim.records.boxes import Box
from tablesim.records.transform import Transform

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


def shorten(similarity: float) -> str:
    """A similarity with four decimals, cut, not rounded: 1.0000 is kept for equal proportions."""
    return f"{math.floor(1e4 * similarity) / 1e4:.4f}"
