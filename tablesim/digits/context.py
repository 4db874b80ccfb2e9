"""Faint figures that the table around them vouches for.

A ring alone may be a letter o, a stroke alone an i or a rule. In a table's row, below and above other figures, they are
0 and 1: what the network doubts there is believed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tablesim.digits.peaks import DigitPeaks

IN_ROW, IN_COLUMN = 2, 3
"""So many accepted numbers must stand in the row and in the column of a faint one."""

_LEVEL, _ALIGNED = 0.4, 0.5
_ROW_REACH, _COLUMN_REACH = 25.0, 14.0


def accept_by_context(
    digits: DigitPeaks, accepted: list[NDArray[np.intp]], faint: list[NDArray[np.intp]]
) -> list[NDArray[np.intp]]:
    """The faint numbers that stand in a row and in a column of accepted ones.

    Parameters
    ----------
    digits : Digits
        Digits of the page.
    accepted, faint : list of int arrays
        Numbers as runs of indices into ``digits``.

    Returns
    -------
    list of int arrays
        Those of ``faint`` that have accepted numbers beside them on their line, and accepted numbers below or above
        them with the same left edge, middle or right edge, all within reach.
    """
    if not accepted or not faint:
        return []
    unit = float(np.median(digits.heights[np.concatenate(accepted)]))
    sure, weak = _boxes(digits, accepted) / unit, _boxes(digits, faint) / unit
    across = _edges(weak)[:, None] - _edges(sure)[None]
    down = np.abs(_level(weak)[:, None] - _level(sure)[None])
    aside = np.abs(across[..., 1])
    ends = np.minimum(weak[:, None, 2:], sure[None, :, 2:])
    starts = np.maximum(weak[:, None, :2], sure[None, :, :2])
    touching = np.all(ends > starts, axis=-1)
    in_row = (down < _LEVEL) & (aside < _ROW_REACH) & ~touching
    in_column = (np.abs(across).min(axis=-1) < _ALIGNED) & (down > 2 * _LEVEL) & (down < _COLUMN_REACH)
    believed = (in_row.sum(axis=1) >= IN_ROW) & (in_column.sum(axis=1) >= IN_COLUMN) & ~np.any(touching, axis=1)
    return [run for run, keep in zip(faint, believed, strict=True) if keep]


def _boxes(digits: DigitPeaks, runs: list[NDArray[np.intp]]) -> NDArray[np.float64]:
    """Left, top, right, bottom of each number, shape (n, 4)."""
    return np.array(
        [[*digits.boxes[run, :2].min(axis=0), *digits.boxes[run, 2:].max(axis=0)] for run in runs], dtype=np.float64
    )


def _edges(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Left edge, middle and right edge, shape (n, 3)."""
    return np.column_stack([boxes[:, 0], (boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 2]])


def _level(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((boxes[:, 1] + boxes[:, 3]) / 2, dtype=np.float64)
