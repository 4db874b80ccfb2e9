"""Detects the digits of a page: which passes of the digit network it needs, at which scale and orientation.

The marks on the page give a first scale and whether the page lies on its side; the digits found on two crowded pieces
of it give the exact scale. Pages that read badly are tried in the other orientations. Digits of a second size of type
are detected by a pass at their own scale.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tablesim.digits.network import READING_HEIGHT
from tablesim.digits.passes import Detection, DigitReader
from tablesim.digits.peaks import DigitPeaks
from tablesim.digits.scale import Survey, bounded_scale, survey
from tablesim.records.transform import Transform

GOOD_FIT = 1.2
"""A second pass is made where the digits are this many times too large or too small for the network."""

OTHER_SIZE = 1.7
"""Marks this many times larger or smaller than the usual digits may be digits of another size of type."""

FEW = 8
"""Fewer digits than this say nothing about scale or orientation."""

CLEARLY_UPRIGHT = 0.93
"""Mean confidence of what may be digits above which a page is not tried upside down: synthesized pages with tables have
0.98 and more when upright, at most 0.9 upside down."""

# Chosen by eye while the passes were built, not measured one by one. With all of them together the quarter turns of
# 20 real and synthesized pages are all found.
_FIT_SIDE, _FIT_PIECES = 384, 2
"""Side in working pixels, and number, of the crowded pieces on which scale and orientation are tried."""

_LIKELY, _CLEAR = 0.3, 0.8
"""Least confidence of what may be a digit, and of a clear one: letters upside down look like many doubtful digits."""

_TRIAL_SCALE = 0.7
"""Share of the working scale at which a whole page is tried in another orientation: half the work."""

_SIZE_SIDE, _SIZE_PIECES, _SIZE_DIGITS = 320, 2, 4
"""Side in working pixels, and number, of the pieces on which another size of type is tried; clear digits that tell it
from headings and small print."""

_SMALLEST_TYPE, _LARGEST_TYPE = 0.3, 8.0
"""Heights of other type in heights of the usual digits: smaller marks are points and dirt, larger ones pictures."""

_SMALL_SHARE = 0.15
"""Least share of small marks that is another type: points, commas and broken letters are small on every page."""


def detect_page(reader: DigitReader, grey: NDArray[np.uint8]) -> Detection:
    """The digits of a grey page (uint8, shape (H, W)) at its scale and orientation, a second size of type included."""
    marks = survey(grey)
    return _with_other_size(reader, grey, _main_pass(reader, grey, marks), marks)


def _main_pass(reader: DigitReader, grey: NDArray[np.uint8], marks: Survey) -> Detection:
    """The pass at the scale and orientation of most of the page.

    The size of the marks on the page gives a first scale; the digits found at it on two pieces of the page give the
    exact one. A second pass is made only where those pieces misled. The marks show whether the page lies on its side;
    a page that reads badly may be upside down, or digits that touch each other made marks as wide as tall.
    """
    thresholds = reader.thresholds
    upright, upside_down, *sides = (90, 270, 0, 180) if marks.lying else (0, 180, 90, 270)
    transform = _fitted(reader, grey, _setting(grey, marks, upright), marks)
    first = reader.detect(grey, transform, thresholds.faint, marks.boxes)
    if _doubtful(first):
        clear = first.digits.confidence >= _CLEAR
        best, turned = float(first.digits.confidence[clear].sum()) + FEW / 2, None
        for rotation in (upside_down, *sides):
            setting = _setting(grey, marks, rotation)
            # Most pages that read badly are text: pieces of them show it with a tenth of the work.
            if rotation in sides and not _has_digits(reader, grey, setting, marks):
                continue
            trial = reader.detect(grey, replace(setting, scale=_TRIAL_SCALE * setting.scale), _CLEAR, marks.boxes)
            if trial.total_confidence > best:
                best, turned = trial.total_confidence, setting
        if turned is not None:
            transform = _fitted(reader, grey, turned, marks)
            first = reader.detect(grey, transform, thresholds.faint, marks.boxes)
    sure = first.digits.confidence >= thresholds.sure
    if sure.sum() < FEW:
        return first
    fit = READING_HEIGHT / float(np.median(first.digits.heights[sure]))
    scale = bounded_scale(grey.shape, transform.scale * fit)
    if 1 / GOOD_FIT < scale / transform.scale < GOOD_FIT:
        return first
    second = reader.detect(grey, replace(transform, scale=scale), thresholds.faint, marks.boxes)
    # The better scale may cost a few digits that were none; a great loss says that the scale was misjudged.
    return second if second.total_confidence > 0.8 * first.total_confidence else first


def _setting(grey: NDArray[np.uint8], marks: Survey, rotation: int) -> Transform:
    """The transform that the marks suggest for a page turned by ``rotation`` degrees."""
    height, width = grey.shape
    return Transform(width, height, rotation, marks.scale(rotation), marks.skew(rotation))


def _doubtful(first: Detection) -> bool:
    """Whether the page may be upside down: too few digits, or too many doubtful ones."""
    likely = first.digits.confidence[first.digits.confidence >= _LIKELY]
    return len(likely) < FEW or float(likely.mean()) < CLEARLY_UPRIGHT


def _fitted(reader: DigitReader, grey: NDArray[np.uint8], transform: Transform, marks: Survey) -> Transform:
    """The transform at the scale that brings the digits on two crowded pieces of the page to ``READING_HEIGHT``."""
    heights: list[float] = []
    for digits in _on_pieces(reader, grey, transform, marks, _FIT_SIDE, _FIT_PIECES):
        heights += digits.heights[digits.confidence >= reader.thresholds.sure].tolist()
    if len(heights) < FEW:
        return transform
    return replace(
        transform, scale=bounded_scale(grey.shape, transform.scale * READING_HEIGHT / float(np.median(heights)))
    )


def _has_digits(reader: DigitReader, grey: NDArray[np.uint8], transform: Transform, marks: Survey) -> bool:
    """Whether the two most crowded pieces of the page hold clear digits under this transform."""
    pieces = _on_pieces(reader, grey, transform, marks, _FIT_SIDE, _FIT_PIECES)
    return sum(int((digits.confidence >= _CLEAR).sum()) for digits in pieces) >= FEW


def _on_pieces(
    reader: DigitReader, grey: NDArray[np.uint8], transform: Transform, marks: Survey, working_side: int, count: int
) -> Iterator[DigitPeaks]:
    """The digits on each of the pieces where ``marks`` crowd most, turned and scaled as the page is."""
    side = round(working_side / transform.scale)
    for left, top in marks.crowded(side, count):
        piece = grey[top : top + side, left : left + side]
        setting = replace(transform, source_width=piece.shape[1], source_height=piece.shape[0])
        yield reader.detect(piece, setting, reader.thresholds.sure).digits


def _with_other_size(reader: DigitReader, grey: NDArray[np.uint8], main: Detection, marks: Survey) -> Detection:
    """The main pass, with digits of a second size of type from a pass at their own scale.

    Marks much larger or smaller than the usual digits may be such digits, or headings and small print: pieces of the
    page where they crowd show which. Each digit is then taken from the pass that suits its size.
    """
    sure = main.digits.confidence >= reader.thresholds.sure
    if sure.sum() < FEW:
        return main
    usual = float(np.median(main.digits.heights[sure])) / main.transform.scale
    sizes = marks.heights(main.transform.rotation) / usual
    larger = (sizes > OTHER_SIZE) & (sizes < _LARGEST_TYPE)
    smaller = (sizes < 1 / OTHER_SIZE) & (sizes > _SMALLEST_TYPE)
    detection = main
    for group, enough in ((larger, FEW), (smaller, max(FEW, _SMALL_SHARE * len(sizes)))):
        if group.sum() >= enough:
            of_size = Survey(marks.size, marks.boxes[group])
            size = float(np.median(sizes[group])) * usual
            detection = _with_size(reader, grey, detection, of_size, (usual, size))
    return detection


def _with_size(
    reader: DigitReader, grey: NDArray[np.uint8], main: Detection, marks: Survey, sizes: tuple[float, float]
) -> Detection:
    """``main`` with the digits among ``marks``; ``sizes`` are the heights of digits in both, in source pixels."""
    usual, size = sizes
    scale = bounded_scale(grey.shape, READING_HEIGHT / size)
    transform = replace(main.transform, scale=scale)
    if not _holds_digits(reader, grey, transform, marks):
        return main
    second = reader.detect(grey, transform, reader.thresholds.faint, marks.boxes)
    border = float(np.sqrt(usual * size))
    larger = second.digits.heights > border * scale
    larger_in_main = main.digits.heights > border * main.transform.scale
    of_size, of_size_in_main = (larger, larger_in_main) if size > usual else (~larger, ~larger_in_main)
    digits = second.digits.take(of_size).scaled(main.transform.scale / scale)
    # Old-style digits differ in height among themselves: only what stands on a mark of the other size is replaced.
    dropped = of_size_in_main & _on_marks(main, marks)
    return replace(main, digits=main.digits.take(~dropped).joined_with(digits))


def _on_marks(detection: Detection, marks: Survey) -> NDArray[np.bool_]:
    """Which digits have their middle on one of the marks, shape (n,)."""
    x, y = detection.transform.to_source(detection.digits.middles).T
    left, top, right, bottom = marks.boxes.T[:, None, :]
    x, y = x[:, None], y[:, None]
    return np.asarray(((x >= left) & (x <= right) & (y >= top) & (y <= bottom)).any(axis=1))


def _holds_digits(reader: DigitReader, grey: NDArray[np.uint8], transform: Transform, marks: Survey) -> bool:
    """Whether pieces of the page where ``marks`` crowd hold digits of about ``READING_HEIGHT`` at this scale."""
    count = 0
    for digits in _on_pieces(reader, grey, transform, marks, _SIZE_SIDE, _SIZE_PIECES):
        fit = digits.heights / READING_HEIGHT
        clear = digits.confidence >= _CLEAR
        count += int((clear & (fit < OTHER_SIZE) & (fit > 1 / OTHER_SIZE)).sum())
    return count >= _SIZE_DIGITS
