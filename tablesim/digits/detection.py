"""Detects the digits of a page: which passes of the digit network it needs, at which scale and orientation.

A first look at low resolution says whether the page can carry figures in rows, which side is up and at which scale it
is to be read. Then one pass reads it; a second is made only where the digits turn out much larger or smaller than they
seemed, and several where few digits are clear: the page is worn. Digits of a second size of type are detected by a pass
at their own scale.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tablesim.digits.first_look import CLEAR, FEW, first_look
from tablesim.digits.passes import Detection, DigitReader
from tablesim.digits.peaks import DigitPeaks
from tablesim.digits.pixel_shape import suspected_aspect
from tablesim.digits.printed_rules import without_pieces_of_rules
from tablesim.digits.scale import READING_HEIGHT, Survey, bounded_scale, scale_of_digits, survey
from tablesim.digits.turned_blocks import turned_blocks
from tablesim.digits.worn_page import read_if_worn
from tablesim.records.transform import QUARTER_TURNS, Transform

GOOD_FIT = 1.2
"""A second pass is made where the digits are this many times too large or too small for the network."""

OTHER_SIZE = 1.7
"""Marks this many times larger or smaller than the usual digits may be digits of another size of type."""

# Chosen by eye while the passes were built, not measured one by one.
_SIZE_SIDE, _SIZE_PIECES, _SIZE_DIGITS = 320, 2, 4
"""Side in working pixels, and number, of the pieces on which another size of type is tried; clear digits that tell it
from headings and small print."""

_SMALLEST_TYPE, _LARGEST_TYPE = 0.3, 8.0
"""Heights of other type in heights of the usual digits: smaller marks are points and dirt, larger ones pictures."""

_SMALL_SHARE = 0.15
"""Least share of small marks that is another type: points, commas and broken letters are small on every page."""


def detect_page(reader: DigitReader, grey: NDArray[np.uint8], *, in_full: bool = False) -> Detection:
    """The digits of a grey page at its scale and orientation, a second size of type included.

    Parameters
    ----------
    reader : DigitReader
    grey : uint8 array of shape (H, W)
    in_full : bool
        Read a page too that a first look refuses; the detection says why it would.
    """
    marks = survey(grey)
    look = first_look(reader, marks)
    if look.refusal and not in_full:
        refused = Detection.refused(look.transform, look.refusal)
        return replace(refused, aspect=suspected_aspect(marks, refused))
    first = _main_pass(reader, grey, marks, look.transform)
    if look.refusal and _n_clear(first) < FEW:
        # What showed no rows of digits was left as it lies.
        sides = [_turned(look.transform, marks, rotation) for rotation in QUARTER_TURNS]
        first = max((first, *(_main_pass(reader, grey, marks, side) for side in sides)), key=_n_clear)
    main = _off_rules(reader, read_if_worn(reader, grey, first, marks.boxes))
    blocks = turned_blocks(marks, main.transform.rotation)
    aspect = suspected_aspect(marks, main)
    detection = _with_other_size(reader, grey, main, marks)
    return replace(detection, refusal=look.refusal, blocks=tuple(blocks), aspect=aspect)


def _off_rules(reader: DigitReader, detection: Detection) -> Detection:
    """Without the digits that are pieces of upright rules."""
    sure = detection.digits.heights[detection.digits.confidence >= reader.thresholds.sure]
    unit = float(np.median(sure)) if len(sure) else READING_HEIGHT
    return replace(detection, digits=without_pieces_of_rules(detection.digits, detection.ink, unit))


def _n_clear(detection: Detection) -> int:
    return int((detection.digits.confidence >= CLEAR).sum())


def _turned(transform: Transform, marks: Survey, rotation: int) -> Transform:
    """The transform of a page that is upright at another rotation."""
    return replace(transform, rotation=rotation, scale=marks.scale(rotation), skew=marks.skew(rotation))


def _main_pass(reader: DigitReader, grey: NDArray[np.uint8], marks: Survey, transform: Transform) -> Detection:
    """The pass at the scale and orientation of most of the page; a second one only where the first look misled."""
    first = reader.detect(grey, transform, reader.thresholds.faint, marks.boxes)
    sure = first.digits.confidence >= reader.thresholds.sure
    if sure.sum() < FEW:
        return first
    fit = READING_HEIGHT / float(np.median(first.digits.heights[sure]))
    scale = scale_of_digits(grey.shape, transform.scale * fit)
    if 1 / GOOD_FIT < scale / transform.scale < GOOD_FIT:
        return first
    second = reader.detect(grey, replace(transform, scale=scale), reader.thresholds.faint, marks.boxes)
    # The better scale may cost a few digits that were none; a great loss says that the scale was misjudged.
    return second if second.total_confidence > 0.8 * first.total_confidence else first


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
            of_size = replace(marks, boxes=marks.boxes[group])
            size = float(np.median(sizes[group])) * usual
            detection = _with_size(reader, grey, detection, of_size, (usual, size))
    return detection


def _with_size(
    reader: DigitReader, grey: NDArray[np.uint8], main: Detection, marks: Survey, sizes: tuple[float, float]
) -> Detection:
    """``main`` with the digits among ``marks``; ``sizes`` are the heights of digits in both, in source pixels."""
    usual, size = sizes
    scale = bounded_scale(grey.shape, READING_HEIGHT / size, main.transform.scale)
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
        clear = digits.confidence >= CLEAR
        count += int((clear & (fit < OTHER_SIZE) & (fit > 1 / OTHER_SIZE)).sum())
    return count >= _SIZE_DIGITS
