"""Regions of a page by morphology (digits, rules, words, blank), and how much relevance falls on each.

The classes are plain on purpose. *Digits* are the boxes of the digits that were read. Of the other ink, what is long
and thin along the page's lines or columns is a *rule*, and all else is *words*: letters, ornaments, woodcuts, stains.
The rest is *blank*. Ink owns the paper close around it, since a network looks at both sides of an edge; each class has
the same margin. Whoever explains a pair of pages, the bigram network or another one, is measured by the same classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tablesim.digits.scale import READING_HEIGHT, working_image
from tablesim.records.reading import Reading
from tablesim.records.transform import Transform
from tablesim.scans.cleaning import clean
from tablesim.scans.images import load_scan

KINDS = ("digits", "rules", "words", "blank")
DIGITS, RULES, WORDS, BLANK = range(len(KINDS))

INK = 0.35
"""Ink (0 to 1) from which a pixel is not paper."""

# Lengths in heights of the page's digits.
LONG = 3.5
"""A run of ink of this length along a line or a column is a rule, where it is thin; no stroke of a letter is."""

STRETCHED = 1.8
"""So is a piece of ink by itself of this length, where it is ``THIN`` on the other side."""

THIN = 0.35
"""A rule is thinner than this, in digit heights; chosen by eye."""
SLANT = 0.06
"""A rule may stray so much of its length: three degrees."""

MARGIN = 0.2
"""Paper as near as this to ink of a kind, in digit heights, counts with it; chosen by eye."""
SPECK = 0.15
"""Ink that is smaller than this on both sides is dirt on the paper."""

DESK = (1.2, 10.0)
"""What is solid over this thickness and length is the shadow of the leaf or the desk below it, and blank."""

SAMPLES = 6
"""Points along each side of a cell that are looked at where a page is seen in coarse cells."""


@dataclass(frozen=True, slots=True)
class RelevanceByRegion:
    """How the relevance of a page, without sign, and its area divide into the kinds of what stands on it.

    Parameters
    ----------
    relevance, area : dict of str to float
        Shares by kind (``KINDS``), which sum to 1; all 0 for the relevance of a page that has none.
    """

    relevance: dict[str, float]
    area: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        return {kind: {"relevance": self.relevance[kind], "area": self.area[kind]} for kind in KINDS}

    @property
    def words(self) -> str:
        """In words, the kinds in their order: "on digits 96 % (7 % of the page), on rules ..."."""
        parts = [f"{kind} {100 * self.relevance[kind]:.0f} % ({100 * self.area[kind]:.0f} %)" for kind in KINDS]
        return ", ".join(parts)


def relevance_by_region(strength: NDArray[np.floating], kinds: NDArray[np.floating]) -> RelevanceByRegion:
    """How relevance divides into kinds.

    Parameters
    ----------
    strength : float array of shape (H, W)
        Relevance of each cell; its sign does not count.
    kinds : float array of shape (4, H, W)
        Share of each cell that each kind holds; sums to 1 over the kinds.
    """
    size = np.abs(np.asarray(strength, dtype=np.float64))
    parts, areas = (kinds * size).sum(axis=(1, 2)), kinds.sum(axis=(1, 2), dtype=np.float64)
    whole = float(size.sum())
    return RelevanceByRegion(
        {kind: float(part) / whole if whole > 0 else 0.0 for kind, part in zip(KINDS, parts, strict=True)},
        {kind: float(area) / max(float(areas.sum()), 1.0) for kind, area in zip(KINDS, areas, strict=True)},
    )


def page_kinds(reading: Reading, shape: tuple[int, int]) -> NDArray[np.float64]:
    """The kinds on a whole scan seen in coarse cells, as a network for photographs sees it.

    Parameters
    ----------
    reading : Reading
        The scan must still be where it was.
    shape : (int, int)
        Rows and columns of cells that cover the scan as it lies.

    Returns
    -------
    float64 array of shape (4, rows, columns)
        Share of each cell that each kind holds, from ``SAMPLES`` x ``SAMPLES`` points in it.

    Raises
    ------
    ScanError
        The scan cannot be opened.
    """
    grey = load_scan(reading.scan).grey
    working = kinds_of_ink(clean(working_image(grey, reading.transform)), digit_boxes(reading), reading.transform)
    rows, columns = shape
    x = (np.arange(columns * SAMPLES) + 0.5) * reading.width / (columns * SAMPLES)
    y = (np.arange(rows * SAMPLES) + 0.5) * reading.height / (rows * SAMPLES)
    points = reading.transform.to_working(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2))
    height, width = working.shape
    at = np.floor(points).astype(int)
    # Straightening a page leaves a little of its corners outside of the working page.
    found = working[np.clip(at[:, 1], 0, height - 1), np.clip(at[:, 0], 0, width - 1)]
    cells = found.reshape(rows, SAMPLES, columns, SAMPLES)
    return np.stack([(cells == kind).mean(axis=(1, 3)) for kind in range(len(KINDS))])


def digit_boxes(reading: Reading) -> NDArray[np.float64]:
    """Left, top, right, bottom of the digits of a page in source pixels, shape (G, 4)."""
    return np.array([(d.box.x, d.box.y, d.box.right, d.box.bottom) for d in reading.digits]).reshape(-1, 4)


def kinds_of_ink(ink: NDArray[np.floating], boxes: NDArray[np.floating], transform: Transform) -> NDArray[np.uint8]:
    """What stands at each pixel of a working page.

    Parameters
    ----------
    ink : float array of shape (H, W)
        0 bare paper, 1 full ink; more rows and columns than the working page has are padding.
    boxes : float array of shape (G, 4)
        Left, top, right, bottom of the digits in source pixels.
    transform : Transform
        From source to working pixels.

    Returns
    -------
    uint8 array of shape (H, W)
        ``DIGITS``, ``RULES``, ``WORDS`` or ``BLANK``.
    """
    ends = transform.to_working(np.asarray(boxes, dtype=np.float64).reshape(-1, 2)).reshape(-1, 2, 2)
    low, high = ends.min(axis=1), ends.max(axis=1)
    height = float(np.median((high - low)[:, 1])) if len(boxes) else READING_HEIGHT
    digits = np.zeros(ink.shape, dtype=np.uint8)
    for left, top, right, bottom in _pixels(low, high, ink.shape):
        digits[top:bottom, left:right] = 1
    dark = np.asarray(ink > INK, dtype=np.uint8)
    dark = _without(dark, _desk(dark, height))
    rules = _rules(dark, height)
    words = _pieces(_without(dark, rules | digits), lambda width, tall: np.maximum(width, tall) >= SPECK * height)
    out = np.full(ink.shape, BLANK, dtype=np.uint8)
    reach = 2 * round(MARGIN * height) + 1
    layers = ((WORDS, words), (RULES, rules), (DIGITS, digits))
    # What is at a pixel counts before what is beside it.
    for kind, layer in layers:
        out[_dilated(layer, reach, reach) > 0] = kind
    for kind, layer in layers:
        out[layer > 0] = kind
    return out


def _desk(dark: NDArray[np.uint8], height: float) -> NDArray[np.uint8]:
    """What is around the leaf and darker than paper."""
    thick, long = (max(3, round(length * height)) for length in DESK)
    solid = _pieces(_opened(dark, thick, thick), lambda width, tall: np.maximum(width, tall) >= long)
    return _dilated(solid, thick, thick)


def _rules(dark: NDArray[np.uint8], height: float) -> NDArray[np.uint8]:
    """The ink that is long and thin, along lines or columns."""
    thick = max(3, round(THIN * height))
    solid = _dilated(_opened(dark, thick, thick), 3, 3)
    long = max(3, round(LONG * height))
    # A rule that is not quite straight steps from one row of pixels to the next: it is thickened across before.
    runs = _opened(_dilated(dark, 1, 3), long, 1) | _opened(_dilated(dark, 3, 1), 1, long)
    found = _without(dark & runs, solid)
    alone = _pieces(
        _without(dark, found),
        lambda width, tall: (
            (np.maximum(width, tall) >= STRETCHED * height)
            & (np.minimum(width, tall) <= thick + SLANT * np.maximum(width, tall))
        ),
    )
    return np.asarray(found | alone, dtype=np.uint8)


def _without(dark: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(dark & (1 - other), dtype=np.uint8)


def _dilated(dark: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.dilate(dark, np.ones((height, width), dtype=np.uint8)), dtype=np.uint8)


def _opened(dark: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((height, width), dtype=np.uint8)), dtype=np.uint8)


def _pieces(dark: NDArray[np.uint8], wanted: Any) -> NDArray[np.uint8]:
    """The connected pieces of ink whose width and height are wanted."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(dark, connectivity=8)
    keep = np.asarray(wanted(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]), dtype=np.uint8)
    keep[0] = 0
    return np.asarray(keep[labels], dtype=np.uint8)


def _pixels(
    low: NDArray[np.float64], high: NDArray[np.float64], shape: tuple[int, ...]
) -> Iterator[tuple[int, int, int, int]]:
    """Boxes as left, top, right, bottom of the pixels whose middles lie in them."""
    size = np.array([shape[1], shape[0]])
    first, last = (np.clip(np.ceil(end - 0.5), 0, size).astype(int) for end in (low, high))
    for (left, top), (right, bottom) in zip(first.tolist(), last.tolist(), strict=True):
        yield left, top, right, bottom
