"""Finds the gutter of a scan that shows two pages of an open book, by the shadow or fold that runs down its middle."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

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


def with_pages(transform: Transform, grey: NDArray[np.uint8]) -> Transform:
    """The transform with both pages of a spread as regions, left page first; as it is where there is one page.

    Parameters
    ----------
    transform : Transform
        Of the scan.
    grey : uint8 array of shape (height, width)
        The scan, dark on light.
    """
    share = _gutter(np.asarray(np.rot90(grey, -transform.rotation // 90)))
    if share is None:
        return transform
    upright = Transform(transform.source_width, transform.source_height, transform.rotation)
    width, height = upright.working_size
    gutter = share * width
    pages = (Box(0.0, 0.0, gutter, float(height)), Box(gutter, 0.0, width - gutter, float(height)))
    regions = tuple(PageRegion(upright.box_to_source(page), transform.rotation) for page in pages)
    return replace(transform, regions=regions)


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
