"""Tells a plus from a minus, and both from anything else, by the ink: a level stroke with or without one across it.

The network answers faintly where a sign is large, thin or far from its number, and may take a plus for a 4; there the
ink decides. It also decides which of the two a sign is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tablesim.digits.peaks import DigitPeaks, MarkPeaks
from tablesim.records.marks import MARKS, MINUS, PLUS

FAINTEST, FAINTEST_MINUS = 0.05, 0.2
"""Least activation of a plus, and of a minus, whose ink shows it: what looks like a minus is often the dash of an empty
cell or a speck. Of the 17 pluses that were lost of 38 on a page of equations all have the first, and the 14 pages of
tables that were looked at have two marks like it beside their numbers."""

BELIEVED = 0.35
"""Activation from which a sign is believed, and which one has that its ink shows."""

# In digit heights; measured on signs of the faces of the simulator.
_BEFORE, _LEVEL = 2.0, 0.6
"""A digit stands so near to the right of a sign, and so nearly on its level."""

_REACH = 0.75
"""How far from the middle of a mark its ink is looked at."""

_LEAST, _MOST, _THICK = 0.3, 1.3, 0.3
"""Length of the strokes of a sign, and their greatest width."""

_DARK, _PALEST = 0.3, 0.2
"""Share of the darkest ink of a mark from which a pixel is of its strokes: they are thin, and pale when reduced; and
the darkest ink below which nothing is printed."""

_WHOLE, _CROSS = 0.75, 0.85
"""Share of a stroke's length that is inked; share of a plus's ink that stands on its two strokes."""

_MIDDLE, _SLENDER, _SQUARE = 0.22, 0.5, 1.7
"""How far from the middle of one stroke of a plus the other crosses it, at most, and how wide it is, as shares of its
length; and how much longer one may be than the other."""

_NO_FOUR, _IN_MIDDLE, _SURE_FOUR = 0.85, 0.1, 0.98
"""A plus that was read as 4 is lower than this, and its strokes cross in the very middle: on 34 pages with 2,000 digits
4 none is. Digits as tall as others and as sure as this are not looked at."""

Floats = NDArray[np.float64]


class Sign(NamedTuple):
    """`PLUS` or `MINUS`, the box of its ink (left, top, right, bottom), how far from the middle its strokes cross."""

    kind: str
    box: tuple[float, float, float, float]
    off_middle: tuple[float, ...] = ()


def with_signs(
    marks: MarkPeaks, digits: DigitPeaks, ink: NDArray[np.float32], least: float
) -> tuple[MarkPeaks, DigitPeaks]:
    """The marks and digits of a page, its signs as their ink shows them.

    Parameters
    ----------
    marks : MarkPeaks
        Signs among them down to `FAINTEST`.
    digits : DigitPeaks
    ink : float32 array of shape (H, W)
        The working page: 0 bare paper, 1 full ink.
    least : float
        Marks below this confidence are left out, but for signs before a digit that their ink shows.

    Returns
    -------
    marks : MarkPeaks
    digits : DigitPeaks
        Those that are no plus.
    """
    if not len(digits):
        return marks.take(marks.confidence >= least), digits
    page = _Digits(digits, ink, float(np.median(digits.heights)))
    marks = _as_printed(marks, page, least)
    fours = (digits.values == 4) & ((digits.confidence < _SURE_FOUR) | (digits.heights < _NO_FOUR * page.tall))
    crosses = {k: sign for k in np.flatnonzero(fours).tolist() if (sign := _plus_in_place_of(k, page))}
    if not crosses:
        return marks, digits
    joins = digits.joins.copy()
    for k in crosses:
        # The number begins after the sign.
        after = page.after(*digits.middles[k])
        joins[after, 0] = 0.0
    boxes = np.array([sign.box for sign in crosses.values()])
    found = MarkPeaks(np.full(len(boxes), MARKS.index(PLUS)), np.full(len(boxes), BELIEVED), boxes)
    return marks.beside(found), replace(digits, joins=joins).take(~np.isin(np.arange(len(digits)), list(crosses)))


class _Digits(NamedTuple):
    """The digits of a page on its ink, and their usual height."""

    peaks: DigitPeaks
    ink: NDArray[np.float32]
    tall: float

    def after(self, x: float, y: float) -> int | None:
        """The next digit to the right of a place, near and on its level."""
        starts, tall = self.peaks.boxes[:, 0], self.tall
        level = np.abs(self.peaks.middles[:, 1] - y) < _LEVEL * tall
        near = np.flatnonzero(level & (starts > x) & (starts < x + _BEFORE * tall))
        return int(near[starts[near].argmin()]) if len(near) else None

    def sign_before(self, x: float, y: float) -> Sign | None:
        """The sign that the ink shows at a place before a digit."""
        after = self.after(x, y)
        return None if after is None else sign_at(self.ink, (x, y), float(self.peaks.boxes[after, 0]), self.tall)


def _as_printed(marks: MarkPeaks, page: _Digits, least: float) -> MarkPeaks:
    """The marks that are sure enough, and the signs that their ink shows, as what it shows."""
    kept = marks.confidence >= least
    kinds, confidence, boxes = marks.kinds.copy(), marks.confidence.copy(), marks.boxes.copy()
    for mark in np.flatnonzero(np.isin(kinds, [MARKS.index(PLUS), MARKS.index(MINUS)])).tolist():
        sign = page.sign_before(*(boxes[mark, :2] + boxes[mark, 2:]) / 2)
        if sign is None or (sign.kind == MINUS and confidence[mark] < FAINTEST_MINUS):
            continue
        if not kept[mark]:
            boxes[mark] = sign.box
        kinds[mark], confidence[mark] = MARKS.index(sign.kind), max(confidence[mark], BELIEVED)
        kept[mark] = True
    return MarkPeaks(kinds, confidence, boxes).take(kept)


def _plus_in_place_of(four: int, page: _Digits) -> Sign | None:
    """The plus that was read as this digit 4."""
    sign = page.sign_before(*page.peaks.middles[four])
    if sign is None or sign.kind != PLUS or sign.box[3] - sign.box[1] > _NO_FOUR * page.tall:
        return None
    return sign if max(sign.off_middle) < _IN_MIDDLE else None


def sign_at(ink: NDArray[np.float32], middle: tuple[float, float], end: float, tall: float) -> Sign | None:
    """The sign that is printed at a place, if there is one.

    Parameters
    ----------
    ink : float32 array of shape (H, W)
        The page: 0 bare paper, 1 full ink.
    middle : tuple of float
        x and y of the mark, in its pixels.
    end : float
        Where the digit after it begins.
    tall : float
        Height of a digit.
    """
    x, y = middle
    left, top = max(0, round(x - _REACH * tall)), max(0, round(y - _REACH * tall))
    window = ink[top : round(y + _REACH * tall), left : min(round(x + _REACH * tall), round(end))]
    if not window.size or window.max() < _PALEST:
        return None
    dark = (window > _DARK * window.max()).astype(np.uint8)
    _, shapes, stats, _ = cv2.connectedComponentsWithStats(dark, connectivity=8)
    sizes, corners = stats[1:, 2:4], stats[1:, :2]
    gaps = np.abs(corners + sizes / 2 - np.array([x - left, y - top])).max(axis=1)
    nearest = int(np.argmin(gaps))
    (x0, y0), (wide, high) = corners[nearest].tolist(), sizes[nearest].tolist()
    at_edge = (x0 == 0 and left > 0) or y0 == 0 or y0 + high == len(dark)
    if at_edge or gaps[nearest] > 0.5 * tall or not _LEAST * tall <= wide <= _MOST * tall:
        return None
    shape = shapes[y0 : y0 + high, x0 : x0 + wide] == nearest + 1
    box = (float(left + x0), float(top + y0), float(left + x0 + wide), float(top + y0 + high))
    thick = max(2.0, _THICK * tall)
    if high <= thick:
        return Sign(MINUS, box)
    off_middle = _cross(shape, thick) if high >= _LEAST * tall and 1 / _SQUARE < wide / high < _SQUARE else ()
    return Sign(PLUS, box, off_middle) if off_middle else None


def _cross(shape: NDArray[np.bool_], thick: float) -> tuple[float, ...]:
    """How far from the middle of each other a level and an upright stroke cross that make this shape; else nothing."""
    beside, off_middle = shape.copy(), []
    for axis in (0, 1):
        filled = shape.mean(axis=1 - axis)
        stroke = np.flatnonzero(filled >= _WHOLE * filled.max())
        wide = int(stroke[-1] - stroke[0]) + 1
        off_middle.append(abs((stroke[0] + wide / 2) / len(filled) - 0.5))
        if filled.max() < _WHOLE or wide > min(thick, _SLENDER * len(filled)) or off_middle[-1] > _MIDDLE:
            return ()
        on_stroke = slice(max(0, stroke[0] - 1), stroke[-1] + 2)
        beside[(on_stroke, slice(None)) if axis == 0 else (slice(None), on_stroke)] = False
    return tuple(off_middle) if beside.sum() <= (1 - _CROSS) * shape.sum() else ()
