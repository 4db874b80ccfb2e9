"""Finds printed rules by morphological opening, and leaves out digits that are pieces of one.

A thick or double upright rule beside small figures looks like a 4 or a 1 here and there; its ink goes straight on above
and below, which that of no digit does.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tablesim.digits.peaks import DigitPeaks

RULE = 2.2
"""Strokes this many digit heights long, straight along the lines or across them, are rules."""

DARK = 0.35
"""Ink from which a pixel belongs to a stroke; between 0 (bare paper) and 1."""

IS_RULE = 0.6
"""Share of the dark ink of a digit that an upright rule has, from which the digit is a piece of the rule. Of 349 such
on five synthesized pages none stood on a printed digit; what is read on 14 scanned pages does not change without them.
Rules that are misread show in ``benchmarks/collation.py --pairs 24``, as false differences."""

TALL = 1.5
"""Digits of more than so many usual heights are of another type."""

SURE = 0.97
"""Digits of this confidence stay: a figure may be printed over a rule. Pieces of rules have less."""


def lying_rules(dark: NDArray[np.uint8], unit: float) -> NDArray[np.uint8]:
    """1 on rules along the lines, else 0; ``dark`` is 1 on strokes, ``unit`` the height of a digit in its pixels."""
    return np.asarray(cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((1, _length(unit)), np.uint8)), dtype=np.uint8)


def upright_rules(dark: NDArray[np.uint8], unit: float) -> NDArray[np.uint8]:
    """1 on rules across the lines, else 0."""
    return np.asarray(cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((_length(unit), 1), np.uint8)), dtype=np.uint8)


def without_pieces_of_rules(digits: DigitPeaks, ink: NDArray[np.floating], unit: float) -> DigitPeaks:
    """The digits that are no pieces of upright rules.

    Parameters
    ----------
    digits : DigitPeaks
        In working pixels.
    ink : float array of shape (H, W)
        The working page, 0 bare paper to 1 full ink.
    unit : float
        Usual height of a digit in working pixels.
    """
    if not len(digits):
        return digits
    dark = (np.asarray(ink) > DARK).astype(np.uint8)
    # The edge of a rule is ragged: a pixel on either side is its ink too.
    rules = np.minimum(cv2.dilate(upright_rules(dark, unit), np.ones((1, 3), np.uint8)), dark).astype(np.uint8)
    of_rules = _sums(rules, digits.boxes) / np.maximum(_sums(dark, digits.boxes), 1)
    # The strokes of a heading's figures are as long as rules between those of the page.
    is_tall = digits.heights > TALL * unit
    return digits.take((of_rules < IS_RULE) | (digits.confidence >= SURE) | is_tall)


def _length(unit: float) -> int:
    return max(3, round(RULE * unit))


def _sums(picture: NDArray[np.uint8], boxes: NDArray[np.floating]) -> NDArray[np.int64]:
    """Sum of the pixels in each box, shape (n,)."""
    integral = cv2.integral(picture)
    height, width = picture.shape
    left, top, right, bottom = np.clip(np.round(boxes), 0, [width, height, width, height]).astype(np.int64).T
    sums = integral[bottom, right] - integral[top, right] - integral[bottom, left] + integral[top, left]
    return np.asarray(sums, dtype=np.int64)
