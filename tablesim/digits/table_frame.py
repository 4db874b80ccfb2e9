"""Takes numbers outside the frame of a table out of it: its outer rules, found as the longest standing strokes.

A stray figure in the margin, a speck at the edge of the book or a number of the next column of text may stand in line
with the rows of a table. Where a rule runs along the table and nearly all of its numbers stand on one side, a column
beyond it that is nearly empty is none of the table. Columns of labels outside a frame are full, and stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from tablesim.digits.printed_rules import DARK, RULE
from tablesim.records.reading import Number

Floats = NDArray[np.float64]

RUNS_ALONG = 0.6
"""Share of the height of a table that a rule of its frame takes, gaps and wear left out."""

WITHIN = 0.85
"""Least share of the numbers of a table that stand within its frame."""

NEARLY_EMPTY = 0.3
"""A column outside the frame that is filled in fewer of the rows is none of the table."""

_SLACK = 0.3
"""Digit heights by which a rule may lean or wave."""


def within_frames(numbers: Sequence[Number], boxes: Floats, ink: NDArray[np.floating], unit: float) -> list[Number]:
    """The numbers, those that stand outside the frame of their table in no table; columns are counted anew.

    Parameters
    ----------
    numbers : sequence of Number
        Arranged.
    boxes : float64 array of shape (n, 4)
        Left, top, right, bottom of each in working pixels.
    ink : float array of shape (H, W)
        The working page, 0 bare paper to 1 full ink.
    unit : float
        Usual height of a digit in working pixels.
    """
    table = np.array([-1 if number.table is None else number.table for number in numbers], dtype=np.int64)
    column = np.array([-1 if number.column is None else number.column for number in numbers], dtype=np.int64)
    kept = list(numbers)
    for one in range(int(table.max(initial=-1)) + 1):
        members = np.flatnonzero(table == one)
        counts, n_rows = np.bincount(column[members]), len({numbers[k].row for k in members.tolist()})
        sparse = counts < NEARLY_EMPTY * n_rows
        if not (sparse[0] or sparse[-1]):
            continue
        left, right = _frame(boxes[members], ink, unit)
        beyond = (boxes[members, 2] < left) | (boxes[members, 0] > right)
        if not beyond.any():
            continue
        strays = beyond & sparse[column[members]]
        strays &= np.bincount(column[members], beyond)[column[members]] == counts[column[members]]
        columns = np.unique(column[members[~strays]])
        for k, stray in zip(members.tolist(), strays.tolist(), strict=True):
            if stray:
                kept[k] = replace(numbers[k], table=None, row=None, column=None)
            else:
                kept[k] = replace(numbers[k], column=int(np.searchsorted(columns, column[k])))
    return kept


def _frame(boxes: Floats, ink: NDArray[np.floating], unit: float) -> tuple[float, float]:
    """Left and right edge of the frame of the numbers of a table, in working pixels; infinite without a rule there."""
    top, bottom = max(0, int(boxes[:, 1].min())), max(1, int(boxes[:, 3].max()))
    start = max(0, int(boxes[:, 0].min() - unit))
    part = (np.asarray(ink[top:bottom, start : int(boxes[:, 2].max() + unit)]) > DARK).astype(np.uint8)
    strokes = cv2.morphologyEx(part, cv2.MORPH_OPEN, np.ones((max(3, round(RULE * unit)), 1), np.uint8))
    wide = cv2.dilate(strokes, np.ones((1, 2 * max(1, round(_SLACK * unit)) + 1), np.uint8))
    rules = start + np.flatnonzero(np.asarray(wide).mean(axis=0) >= RUNS_ALONG)
    middles = np.sort((boxes[:, 0] + boxes[:, 2]) / 2)
    outside = int((1 - WITHIN) * len(middles))
    lefts = rules[rules < middles[outside]]
    rights = rules[rules > middles[len(middles) - 1 - outside]]
    return float(lefts.max(initial=-1)) if len(lefts) else -np.inf, float(rights.min()) if len(rights) else np.inf
