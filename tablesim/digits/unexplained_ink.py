"""Measures the ink beside each number that nothing read explains, on a grid of points over each place.

A digit that was not read leaves its ink behind: the ink in a number's own line, within about a digit's width of its
ends, that is neither rule nor mark nor another number is the plainest sign that the number is not whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tablesim.digits.printed_rules import DARK, lying_rules, upright_rules

Floats = NDArray[np.float64]

PALE = 0.15
"""Ink from which a pixel belongs to a pale stroke; between 0 (bare paper) and 1."""

WITHIN = 0.85
"""Width in digit heights of the place beside a number where a missing digit would stand: a digit and its spaces."""

AROUND_DIGIT = 0.08
"""A digit's own ink reaches so far beyond its box, in digit heights."""

ROWS, COLUMNS = 16, 12
"""Points of the grid over a place: one to every one or two working pixels."""


@dataclass(frozen=True)
class InkBeside:
    """Ink beside n numbers that nothing explains.

    Attributes
    ----------
    dark, pale : float64 arrays of shape (n, 2)
        To the left and to the right, in the ink of a usual digit of the page: dark ink, and pale ink with the dark.
    tall : float64 array of shape (n, 2)
        Share of the number's height that the dark ink takes: a digit takes most of it, a point or a dash little.
    inside : float64 array of shape (n,)
        Dark ink between the digits of the number, in the ink of a usual digit.
    """

    dark: Floats
    pale: Floats
    tall: Floats
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
    dark = (picture > DARK).astype(np.uint8)
    # 0 bare paper, 1 pale ink, 2 dark ink.
    depth = dark + (picture > PALE).astype(np.uint8)
    usual = max(float(np.median(_area(_sampled(depth, explained) == 2, explained))), 1.0) if len(explained) else 1.0
    _clear(depth, explained, AROUND_DIGIT * unit)
    depth[_rules(dark, unit) > 0] = 0
    left, top, right, bottom = numbers.T
    gap, reach = AROUND_DIGIT * unit, WITHIN * unit
    sides = np.stack(
        [
            np.column_stack([left - reach, top, left - gap, bottom]),
            np.column_stack([right + gap, top, right + reach, bottom]),
        ],
        axis=1,
    ).reshape(-1, 4)
    beside = _sampled(depth, sides)
    return InkBeside(
        dark=_area(beside == 2, sides).reshape(-1, 2) / usual,
        pale=_area(beside > 0, sides).reshape(-1, 2) / usual,
        tall=(beside == 2).any(axis=2).mean(axis=1).reshape(-1, 2),
        inside=_area(_sampled(depth, numbers) == 2, numbers) / usual,
    )


def _sampled(picture: NDArray[np.uint8], boxes: Floats) -> NDArray[np.uint8]:
    """The picture at the points of a grid over each box, shape (n, ROWS, COLUMNS); 0 beyond its edges."""
    height, width = picture.shape
    down, across = (np.arange(ROWS) + 0.5) / ROWS, (np.arange(COLUMNS) + 0.5) / COLUMNS
    y = np.floor(boxes[:, 1, None] + down * (boxes[:, 3] - boxes[:, 1])[:, None]).astype(np.intp)[:, :, None]
    x = np.floor(boxes[:, 0, None] + across * (boxes[:, 2] - boxes[:, 0])[:, None]).astype(np.intp)[:, None, :]
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    values = picture[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]
    return np.where(inside, values, 0).astype(np.uint8)


def _area(ink: NDArray[np.bool_], boxes: Floats) -> Floats:
    """Pixels of ink in each box, from its share of the points of the grid; shape (n,)."""
    return np.asarray(ink.mean(axis=(1, 2)) * np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), dtype=np.float64)


def _clear(depth: NDArray[np.uint8], boxes: Floats, margin: float) -> None:
    """Make all boxes, widened by ``margin``, bare paper."""
    corners = np.round(boxes + np.array([-margin, -margin, margin, margin])).astype(np.int64)
    for left, top, right, bottom in np.maximum(corners, 0).tolist():
        depth[top:bottom, left:right] = 0


def _rules(dark: NDArray[np.uint8], unit: float) -> NDArray[np.uint8]:
    """1 on rules, a pixel wider than their ink, else 0."""
    return np.asarray(
        cv2.dilate(cv2.max(lying_rules(dark, unit), upright_rules(dark, unit)), np.ones((3, 3), np.uint8)),
        dtype=np.uint8,
    )
