"""What passes of the network a page needs: its scale, its orientation, its sizes of type."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tablesim.digits.detection import Detection, DigitReader
from tablesim.digits.network import READING_HEIGHT
from tablesim.digits.scale import Survey, bounded_scale, survey
from tablesim.records.transform import Transform

GOOD_FIT = 1.2
"""A second pass is made where the figures are this many times too large or too small for the network."""

OTHER_SIZE = 1.7
"""Marks this many times larger or smaller than the usual figures may be figures of another size of type."""

FEW = 8
"""Fewer digits than this say nothing about scale or orientation."""

CLEARLY_UPRIGHT = 0.93
"""Mean confidence of what may be digits above which a page is not tried on its head: synthesized pages with tables
have 0.98 and more when upright, at most 0.9 on their head."""

_FIT_SIDE, _FIT_PIECES = 384, 2
_LIKELY, _CLEAR, _GLANCE = 0.3, 0.8, 0.7
_SIZE_SIDE, _SIZE_PIECES, _SIZE_DIGITS = 320, 2, 4
_SMALLEST_TYPE, _LARGEST_TYPE, _SMALL_SHARE = 0.3, 8.0, 0.15


def detect_page(eye: DigitReader, grey: NDArray[np.uint8]) -> Detection:
    """What the network sees on a page at its own scale and orientation, figures of a second size included."""
    surveyed = survey(grey)
    return _with_other_size(eye, grey, _main_pass(eye, grey, surveyed), surveyed)


def _main_pass(eye: DigitReader, grey: NDArray[np.uint8], surveyed: Survey) -> Detection:
    """The pass at the scale and orientation of most of the page.

    The size of the marks on the page gives a first scale; the digits found at it on two pieces of the page give the
    exact one. A second pass is made only where those pieces misled. Whether the page lies on its side the marks tell;
    where it reads badly it may stand on its head, or figures that touch each other made marks that are as wide as tall.
    """
    thresholds = eye.thresholds
    upright, headlong, *sides = (90, 270, 0, 180) if surveyed.lying else (0, 180, 90, 270)
    transform = _fitted(eye, grey, _setting(grey, surveyed, upright), surveyed)
    first = eye.look(grey, transform, thresholds.faint, surveyed.boxes)
    if _doubtful(first):
        clear, turned = _clear_strength(first) + FEW / 2, None
        for rotation in (headlong, *sides):
            setting = _setting(grey, surveyed, rotation)
            # Most pages that read badly are text: pieces of them tell that at a tenth of the price.
            if rotation in sides and not _has_figures(eye, grey, setting, surveyed):
                continue
            glance = eye.look(grey, replace(setting, scale=_GLANCE * setting.scale), _CLEAR, surveyed.boxes)
            if glance.strength > clear:
                clear, turned = glance.strength, setting
        if turned is not None:
            transform = _fitted(eye, grey, turned, surveyed)
            first = eye.look(grey, transform, thresholds.faint, surveyed.boxes)
    sure = first.digits.confidence >= thresholds.sure
    if sure.sum() < FEW:
        return first
    fit = READING_HEIGHT / float(np.median(first.digits.heights[sure]))
    scale = bounded_scale(grey.shape, transform.scale * fit)
    if 1 / GOOD_FIT < scale / transform.scale < GOOD_FIT:
        return first
    second = eye.look(grey, replace(transform, scale=scale), thresholds.faint, surveyed.boxes)
    return second if second.strength > 0.8 * first.strength else first


def _setting(grey: NDArray[np.uint8], surveyed: Survey, rotation: int) -> Transform:
    """How the survey would set the page, turned by ``rotation``."""
    height, width = grey.shape
    return Transform(width, height, rotation, surveyed.scale(rotation), surveyed.skew(rotation))


def _clear_strength(first: Detection) -> float:
    """Sum of the confidences of the clear digits: letters on their head look like many a doubtful digit."""
    return float(first.digits.confidence[_clear(first)].sum())


def _clear(found: Detection) -> NDArray[np.bool_]:
    return np.asarray(found.digits.confidence >= _CLEAR)


def _doubtful(first: Detection) -> bool:
    """Whether the page may stand on its head: too few digits, or too many that are none too sure."""
    likely = first.digits.confidence[first.digits.confidence >= _LIKELY]
    return len(likely) < FEW or float(likely.mean()) < CLEARLY_UPRIGHT


def _fitted(eye: DigitReader, grey: NDArray[np.uint8], transform: Transform, surveyed: Survey) -> Transform:
    """The transform at the scale that the figures on two crowded pieces of the page ask for."""
    side = round(_FIT_SIDE / transform.scale)
    heights: list[float] = []
    for left, top in surveyed.crowded(side, _FIT_PIECES):
        digits = _look_at_piece(eye, grey[top : top + side, left : left + side], transform).digits
        heights += digits.heights[digits.confidence >= eye.thresholds.sure].tolist()
    if len(heights) < FEW:
        return transform
    return replace(
        transform, scale=bounded_scale(grey.shape, transform.scale * READING_HEIGHT / float(np.median(heights)))
    )


def _has_figures(eye: DigitReader, grey: NDArray[np.uint8], transform: Transform, surveyed: Survey) -> bool:
    """Whether the two most crowded pieces of the page hold clear figures when it is set like this."""
    side = round(_FIT_SIDE / transform.scale)
    pieces = (grey[top : top + side, left : left + side] for left, top in surveyed.crowded(side, _FIT_PIECES))
    return sum(_clear(_look_at_piece(eye, piece, transform)).sum() for piece in pieces) >= FEW


def _look_at_piece(eye: DigitReader, piece: NDArray[np.uint8], transform: Transform) -> Detection:
    """A pass over a piece of the page, set as the page is."""
    setting = replace(transform, source_width=piece.shape[1], source_height=piece.shape[0])
    return eye.look(piece, setting, eye.thresholds.sure)


def _with_other_size(eye: DigitReader, grey: NDArray[np.uint8], main: Detection, surveyed: Survey) -> Detection:
    """The pass, and where the page has figures of a second size, those as a pass at their own scale reads them.

    Marks much larger or smaller than the usual figures may be such figures, or headings and small print: pieces of the
    page where they crowd tell. Each figure is then taken from the pass that suits its size.
    """
    sure = main.digits.confidence >= eye.thresholds.sure
    if sure.sum() < FEW:
        return main
    usual = float(np.median(main.digits.heights[sure])) / main.transform.scale
    sizes = surveyed.heights(main.transform.rotation) / usual
    larger = (sizes > OTHER_SIZE) & (sizes < _LARGEST_TYPE)
    smaller = (sizes < 1 / OTHER_SIZE) & (sizes > _SMALLEST_TYPE)
    found = main
    # Points, commas and broken letters are small on every page: only many small marks are another type.
    for group, enough in ((larger, FEW), (smaller, max(FEW, _SMALL_SHARE * len(sizes)))):
        if group.sum() >= enough:
            marks = Survey(surveyed.size, surveyed.boxes[group])
            size = float(np.median(sizes[group])) * usual
            found = _joined(eye, grey, found, marks, (usual, size))
    return found


def _joined(
    eye: DigitReader, grey: NDArray[np.uint8], main: Detection, marks: Survey, sizes: tuple[float, float]
) -> Detection:
    """``main`` with the figures among ``marks``; ``sizes`` are the usual height of each in source pixels."""
    usual, size = sizes
    scale = bounded_scale(grey.shape, READING_HEIGHT / size)
    transform = replace(main.transform, scale=scale)
    if not _holds_figures(eye, grey, transform, marks):
        return main
    second = eye.look(grey, transform, eye.thresholds.faint, marks.boxes)
    border = float(np.sqrt(usual * size))
    larger = second.digits.heights > border * scale
    beyond = main.digits.heights > border * main.transform.scale
    taken, other = (larger, beyond) if size > usual else (~larger, ~beyond)
    others = second.digits.take(taken).scaled(main.transform.scale / scale)
    # Old-style figures differ in height among themselves: only what stands on a mark of the other size is not usual.
    dropped = other & _on_marks(main, marks)
    return replace(main, digits=main.digits.take(~dropped).joined_with(others))


def _on_marks(found: Detection, marks: Survey) -> NDArray[np.bool_]:
    """Which digits have their middle on one of the marks, shape (n,)."""
    x, y = found.transform.to_source(found.digits.middles).T
    left, top, right, bottom = marks.boxes.T[:, None, :]
    x, y = x[:, None], y[:, None]
    return np.asarray(((x >= left) & (x <= right) & (y >= top) & (y <= bottom)).any(axis=1))


def _holds_figures(eye: DigitReader, grey: NDArray[np.uint8], transform: Transform, marks: Survey) -> bool:
    """Whether pieces of the page where ``marks`` crowd hold figures of the network's height at this scale."""
    side = round(_SIZE_SIDE / transform.scale)
    count = 0
    for left, top in marks.crowded(side, _SIZE_PIECES):
        digits = _look_at_piece(eye, grey[top : top + side, left : left + side], transform).digits
        fit = digits.heights / READING_HEIGHT
        clear = digits.confidence >= _CLEAR
        count += int((clear & (fit < OTHER_SIZE) & (fit > 1 / OTHER_SIZE)).sum())
    return count >= _SIZE_DIGITS
