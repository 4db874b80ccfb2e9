"""Measures the ink beside each number that nothing read explains, by sums over boxes of masks (integral images).

A digit that was not read leaves its ink behind: the ink in a number's own line, within about a digit's width of its
ends, that is neither rule nor mark nor another number is the plainest sign that the number is not whole. Sums over
boxes cost the same for any number of boxes (Crow, "Summed-area tables for texture mapping", SIGGRAPH 1984).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DARK, PALE = 0.35, 0.15
"""Ink from which a pixel belongs to a stroke, and to a pale stroke; between 0 (bare paper) and 1."""

WITHIN = 0.85
"""Width in digit heights of the place beside a number where a missing digit would stand: a digit and its spaces."""

RULE = 2.2
"""Strokes this many digit heights long, straight along the lines or across them, are rules."""

AROUND_DIGIT = 0.08
"""A digit's own ink reaches so far beyond its box, in digit heights."""

TALL = 0.5
"""Least height, in digit heights, of a piece of ink that may be a digit; points, dashes and commas are lower."""


@dataclass(frozen=True)
class InkBeside:
    """Ink beside n numbers that nothing explains, in the ink of a usual digit of the page.

    Attributes
    ----------
    dark, tall, pale : float64 arrays of shape (n, 2)
        To the left and to the right: all dark ink, that in pieces as tall as a digit, and pale ink with the dark.
    inside : float64 array of shape (n,)
        Dark ink between the digits of the number.
    """

    dark: Floats
    tall: Floats
    pale: Floats
    inside: Floats


def ink_beside(ink: NDArray[np.floating], numbers: Floats, explained: Floats, unit: float) -> InkBeside:
    """The unexplained ink beside numbers.

    Parameters
    ----------
    ink : float array of shape (H, W)
        The working page, 0 bare paper to 1 full ink.
    numbers : float64 array of shape (n, 4)
        Left, top, right, bottom of each number in working pixels.
    explained : float64 array of shape (m, 4)
        Boxes of the digits of all numbers, and of marks.
    unit : float
        Usual height of a digit in working pixels.
    """
    picture = np.asarray(ink, dtype=np.float32)
    pale = (picture > PALE).astype(np.uint8)
    dark = (picture > DARK).astype(np.uint8)
    usual = max(float(np.median(_sums(dark, explained))), 1.0) if len(explained) else 1.0
    unknown = _outside(explained, dark.shape, AROUND_DIGIT * unit) & ~_rules(dark, unit)
    dark &= unknown
    pale &= unknown
    tall = _tall(dark, TALL * unit)
    left, top, right, bottom = numbers.T
    gap, reach = AROUND_DIGIT * unit, WITHIN * unit
    sides = (
        np.column_stack([left - reach, top, left - gap, bottom]),
        np.column_stack([right + gap, top, right + reach, bottom]),
    )
    dark_at, tall_at, pale_at = (
        np.stack([_sums(mask, side) for side in sides], axis=1) / usual for mask in (dark, tall, pale)
    )
    return InkBeside(dark_at, tall_at, pale_at, _sums(dark, numbers) / usual)


def _outside(boxes: Floats, shape: tuple[int, ...], margin: float) -> NDArray[np.uint8]:
    """1 outside all boxes widened by ``margin``, 0 inside."""
    outside = np.ones(shape, dtype=np.uint8)
    corners = np.round(boxes + np.array([-margin, -margin, margin, margin])).astype(np.int64)
    for left, top, right, bottom in np.maximum(corners, 0).tolist():
        outside[top:bottom, left:right] = 0
    return outside


def _rules(dark: NDArray[np.uint8], unit: float) -> NDArray[np.uint8]:
    """1 on rules, a pixel wider than their ink, else 0."""
    length = max(3, round(RULE * unit))
    lying = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((1, length), np.uint8))
    standing = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((length, 1), np.uint8))
    return np.asarray(cv2.dilate(cv2.max(lying, standing), np.ones((3, 3), np.uint8)), dtype=np.uint8)


def _tall(dark: NDArray[np.uint8], least: float) -> NDArray[np.uint8]:
    """The connected pieces of ink that are at least so many pixels tall."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(dark, connectivity=8)
    tall = stats[:, cv2.CC_STAT_HEIGHT] >= least
    tall[0] = False
    return np.asarray(tall[labels], dtype=np.uint8)


def _sums(mask: NDArray[np.uint8], boxes: Floats) -> Floats:
    """Pixels of the mask in each box, shape (n,)."""
    table = cv2.integral(mask)
    limits = np.array([mask.shape[1], mask.shape[0]] * 2)
    left, top, right, bottom = np.clip(np.round(boxes), 0, limits).astype(np.int64).T
    sums = table[bottom, right] - table[top, right] - table[bottom, left] + table[top, left]
    return np.asarray(sums, dtype=np.float64)
