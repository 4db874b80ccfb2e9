"""Finds the gutter of a scan that shows two pages of an open book.

It is the shadow or fold that runs down its middle; or, in a scan without a shadow, a lane of bare paper there that is
wider by far than any between columns, or wider and with other lines of print on either side.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from tablesim.digits.peaks import DigitPeaks
from tablesim.records.boxes import Box
from tablesim.records.transform import PageRegion, Transform

WIDER = 1.1
"""Two pages beside each other are so much wider than high, at least."""

MIDDLE = 0.1
"""A gutter lies so near to the middle, in widths of the scan."""

# Chosen on synthesized spreads and single pages with rules. A rule ends with its table, a gutter with the paper.
_DARKER, _ASIDE = 0.06, 0.06
"""How much darker than the paper to both sides, at this distance in widths of the scan, the gutter is."""

_STRIPS, _MISSED = 12, 1
"""Strips across the scan in which the gutter must be seen, and in how many of them it may be missed."""

_WIDTH = 600
"""Width in pixels to which the scan is reduced."""

_NARROWEST = 16
"""Least width of a gutter's shadow on it: double rules are narrower."""


# Chosen on synthesized spreads of paper without a shadow, and on single wide pages with half tables.
_LANE, _WIDER = (3.0, 0.04), 1.4
"""Least width of a lane of bare paper that is a gutter, in heights of a digit and in widths of the scan, and how much
wider it is than any other lane."""

_LANE_IN_LINE, _WIDER_IN_LINE = 0.08, 2.5
"""The same in widths of the scan, and beside other lanes, where lines go on across it, as those of half tables do."""

_FEW = 6
"""Least digits on either side of a lane of paper that parts two pages: else there is nothing to part."""

_DUST = 0.004
"""Share of the height of bare paper that may be dark."""

_NEAR, _SAME_LINES = 14.0, 0.75
"""How far from the gutter lines are compared, in digit heights, and how well they agree where they are the same, as a
share of how well they do at best when one side is shifted up or down."""


def with_pages(
    transform: Transform, grey: NDArray[np.uint8], ink: NDArray[np.float32], digits: DigitPeaks
) -> Transform:
    """The transform with both pages of a spread as regions, left page first; as it is where there is one page.

    Parameters
    ----------
    transform : Transform
        Of the scan.
    grey : uint8 array of shape (height, width)
        The scan, dark on light.
    ink : float32 array of shape (H, W)
        The working page.
    digits : DigitPeaks
        In its pixels.
    """
    share = _gutter(np.asarray(np.rot90(grey, -transform.rotation // 90)))
    if share is None:
        share = _bare_gutter(ink, digits)
    if share is None:
        return transform
    upright = Transform(transform.source_width, transform.source_height, transform.rotation)
    width, height = upright.working_size
    gutter = share * width
    pages = (Box(0.0, 0.0, gutter, float(height)), Box(gutter, 0.0, width - gutter, float(height)))
    regions = tuple(PageRegion(upright.box_to_source(page), transform.rotation) for page in pages)
    return replace(transform, regions=regions)


def _bare_gutter(ink: NDArray[np.float32], digits: DigitPeaks) -> float | None:
    """Where a lane of bare paper that parts two pages lies, as a share of the width; None without one."""
    height, width = ink.shape
    if width < WIDER * height or not len(digits):
        return None
    tall = float(np.median(digits.heights))
    # Every third line shows what stands in a lane.
    dark = np.flatnonzero((ink[::3] > 0.4).mean(axis=0) > _DUST)
    if len(dark) < 2:
        return None
    ends = np.flatnonzero(np.diff(dark) > 1)
    starts, stops = dark[ends] + 1, dark[ends + 1]
    wide = stops - starts
    middle = np.abs((starts + stops) / 2 / width - 0.5) < MIDDLE
    if not middle.any():
        return None
    lane = int(np.argmax(np.where(middle, wide, 0)))
    others = np.delete(wide, lane).max(initial=1)
    if wide[lane] < max(_LANE[0] * tall, _LANE[1] * width, _WIDER * others):
        return None
    x = digits.middles[:, 0]
    if min((x < starts[lane]).sum(), (x > stops[lane]).sum()) < _FEW:
        return None
    in_line = wide[lane] < max(_LANE_IN_LINE * width, _WIDER_IN_LINE * others)
    if in_line and _same_lines(digits, (int(starts[lane]), int(stops[lane])), tall):
        return None
    return float((starts[lane] + stops[lane]) / 2 / width)


def _same_lines(digits: DigitPeaks, lane: tuple[int, int], tall: float) -> bool:
    """Whether the digits on both sides of a lane stand on the same lines."""
    x, y = digits.middles.T
    bins = int(y.max() / (0.1 * tall)) + 1
    left, right = (
        gaussian_filter1d(np.bincount((y[side] / (0.1 * tall)).astype(int), minlength=bins).astype(float), 2.0)
        for side in ((x < lane[0]) & (x > lane[0] - _NEAR * tall), (x > lane[1]) & (x < lane[1] + _NEAR * tall))
    )
    # Up to half the usual distance of two lines, and more.
    agreement = [float(left @ np.roll(right, shift)) for shift in range(-12, 13)]
    return agreement[12] > _SAME_LINES * max(agreement)


def _gutter(grey: NDArray[np.uint8]) -> float | None:
    """Where the gutter of an upright scan lies, as a share of its width; None without one."""
    height, width = grey.shape
    if width < WIDER * height:
        return None
    size = (_WIDTH, max(_STRIPS, round(_WIDTH * height / width)))
    small = cv2.resize(np.ascontiguousarray(grey), size, interpolation=cv2.INTER_AREA).astype(np.float32)
    # The paper, not the print: the lightest pixels of each column of a strip.
    lightest = np.stack([np.percentile(strip, 95, axis=0) for strip in np.array_split(small, _STRIPS)])
    paper = np.asarray(cv2.blur(lightest, (5, 1), borderType=cv2.BORDER_REPLICATE), dtype=np.float64)
    strips = paper / np.maximum(np.percentile(paper, 90, axis=1, keepdims=True), 1.0)
    low, high = round((0.5 - MIDDLE) * _WIDTH), round((0.5 + MIDDLE) * _WIDTH)
    darkest = low + int(strips[:, low:high].mean(axis=0).argmin())
    aside = round(_ASIDE * _WIDTH)
    sides = np.minimum(strips[:, darkest - aside], strips[:, darkest + aside])
    seen = strips[:, darkest - 3 : darkest + 4].min(axis=1) < sides - _DARKER
    usual = np.median(strips, axis=0)
    shaded = usual[darkest - aside : darkest + aside] < float(np.median(sides)) - _DARKER / 2
    is_gutter = seen.sum() >= _STRIPS - _MISSED and shaded.sum() >= _NARROWEST
    return darkest / _WIDTH if is_gutter else None
