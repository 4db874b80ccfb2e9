"""Normalises a scan by division by the paper around each position: paper becomes 0, full ink 1, whatever the light.

The digit network sees nothing but this picture, in training and in reading alike.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

PAPER_WINDOW = 44
"""Width in working pixels of the window in which paper is looked for: wider than any stroke or digit."""

FAINTEST = 0.22
"""Least contrast that is stretched to full ink; a blank page stays blank."""


_SIDE, _WINDOW, _CONTRAST = 1000, 25, 50
"""Longest side to which a page is reduced to tell a negative, the side of a window on it, and the least difference of
its lightest and darkest pixel: windows of bare ground say nothing."""

_MOSTLY_DARK, _ENOUGH_WINDOWS = 0.6, 0.01
"""Share of the windows with contrast that are mostly dark, on a negative; and their least share of the page. Measured
on pages of print and their inverses: at most 0.35, on a dark desk too, and at least 0.75."""


def is_negative(grey: NDArray[np.uint8]) -> bool:
    """Whether a page is printed light on dark: where there is contrast, most of the ground around it is dark.

    Parameters
    ----------
    grey : uint8 array of shape (height, width)
        0 black, 255 white.

    Returns
    -------
    bool
        False for a light page on a dark desk, and for a blank one.
    """
    reduction = _SIDE / max(grey.shape)
    small = grey
    if reduction < 1:
        small = np.asarray(cv2.resize(grey, None, fx=reduction, fy=reduction, interpolation=cv2.INTER_AREA))
    window = np.ones((_WINDOW, _WINDOW), dtype=np.uint8)
    darkest = cv2.erode(small, window).astype(np.float32)
    lightest = cv2.dilate(small, window).astype(np.float32)
    mean = cv2.blur(small.astype(np.float32), (_WINDOW, _WINDOW))
    contrast = lightest - darkest > _CONTRAST
    if contrast.mean() < _ENOUGH_WINDOWS:
        return False
    return float((mean[contrast] < (darkest[contrast] + lightest[contrast]) / 2).mean()) > _MOSTLY_DARK


def clean(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Ink of a page.

    Divides by the brightness of the paper around each pixel, then stretches so that the ink of strong strokes is 1.

    Parameters
    ----------
    grey : uint8 array of shape (height, width)
        The page at its working scale, 0 black, 255 white.

    Returns
    -------
    float32 array of shape (height, width)
        0 bare paper, 1 full ink.
    """
    if grey.ndim != 2:
        raise ValueError(f"scans.clean: got an array of shape {grey.shape}, expected (height, width)")
    # In place: a page has millions of pixels, and each copy of them costs as much as the arithmetic.
    paper = paper_brightness(grey)
    np.maximum(paper, 8.0, out=paper)
    ink = grey.astype(np.float32)
    np.divide(ink, paper, out=ink)
    np.subtract(1.0, ink, out=ink)
    np.clip(ink, 0.0, 1.0, out=ink)
    strong = ink[ink > 0.12]
    full = float(np.percentile(strong[:: max(1, strong.size // 100_000)], 85)) if strong.size else FAINTEST
    np.divide(ink, np.float32(max(full, FAINTEST)), out=ink)
    return np.minimum(ink, 1.0, out=ink)


def paper_brightness(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Brightness of the bare paper at each pixel, float32 of shape (height, width)."""
    height, width = grey.shape
    step = 4
    small = cv2.resize(grey, (max(1, width // step), max(1, height // step)), interpolation=cv2.INTER_AREA)
    window = np.ones((PAPER_WINDOW // step, PAPER_WINDOW // step), dtype=np.uint8)
    # Brightest nearby, then the darkest of those: strokes vanish, shadows and borders stay.
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, window, borderType=cv2.BORDER_REPLICATE)
    smooth = cv2.GaussianBlur(closed.astype(np.float32), (0, 0), PAPER_WINDOW / step / 3)
    return np.asarray(cv2.resize(smooth, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
