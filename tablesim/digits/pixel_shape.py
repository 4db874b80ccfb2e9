"""Tells by the shapes of figures that a scan was squeezed or stretched, where its file does not say so.

Figures of all faces are about two thirds as wide as high: of 16 scanned and 20 synthesized pages the median of the ink
of 0 and 2 to 9 is .58 to .80. What is far from it is a suspicion; a reading of the page made square must bear it out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from tablesim.digits.passes import Detection
from tablesim.digits.scale import FEW_MARKS, Survey

USUAL = 0.68
"""Width over height of the ink of a usual figure."""

NARROW, WIDE = 0.54, 0.83
"""Medians of a page below and above which its pixels may not be square."""

NARROW_MARKS, WIDE_MARKS, UNSURE = 0.55, (0.95, 1.25), 0.93
"""The same for the marks of a page on which few figures are clear, or the mean confidence of figures is below the last:
letters are wider, on their side wider still."""

_SEEN, _CLEAR, _FEW = 0.5, 0.8, 8
"""Least confidence of a figure that is seen, and of those whose shapes tell; and how many it takes."""

_ON_MARK = 0.2
"""Greatest distance of the middles of a figure and of its mark, in heights of a figure."""

LARGEST = 2.0
"""Greatest correction."""


def suspected_aspect(marks: Survey, detection: Detection) -> float:
    """Width of a pixel over its height, as the figures of a page suggest; 1 where they look as usual.

    Parameters
    ----------
    marks : Survey
        Of the page.
    detection : Detection
        Of the same page; refused, or not.
    """
    upright = _shape_of_figures(marks, detection)
    if upright is not None and not NARROW <= upright <= WIDE:
        aspect = _correction(upright)
        return 1 / aspect if detection.transform.rotation in (90, 270) else aspect
    figures = detection.digits.confidence[detection.digits.confidence >= _SEEN]
    if len(marks.boxes) < FEW_MARKS or (upright is not None and figures.mean() >= UNSURE):
        return 1.0
    shape = float(np.median(_shapes(marks)))
    return _correction(shape) if shape < NARROW_MARKS or WIDE_MARKS[0] < shape < WIDE_MARKS[1] else 1.0


def _correction(shape: float) -> float:
    return float(np.clip(USUAL / shape, 1 / LARGEST, LARGEST))


def is_better(other: Detection, detection: Detection) -> bool:
    """Whether a page made square shows more figures, or clearer ones, than the page as it is."""
    before, after = (one.digits.confidence[one.digits.confidence >= _SEEN] for one in (detection, other))
    if len(after) < _FEW:
        return False
    if not len(before):
        return True
    return bool(after.sum() > 0.99 * before.sum() and after.mean() > before.mean())


def _shapes(marks: Survey) -> NDArray[np.float32]:
    left, top, right, bottom = marks.boxes.T
    return np.asarray((right - left) / (bottom - top), dtype=np.float32)


def _shape_of_figures(marks: Survey, detection: Detection) -> float | None:
    """Median width over height of the ink of clear figures, upright; None where there are few."""
    digits = detection.digits
    clear = np.flatnonzero((digits.confidence >= _CLEAR) & (digits.values != 1) & (digits.values != 7))
    if len(clear) < _FEW or not len(marks.boxes):
        return None
    tall = float(np.median(digits.heights[clear])) / detection.transform.scale
    middles = (marks.boxes[:, :2] + marks.boxes[:, 2:]) / 2
    apart, mark = cKDTree(middles).query(detection.transform.to_source(digits.middles[clear]))
    shapes = _shapes(marks)[mark[apart < _ON_MARK * tall]]
    if len(shapes) < _FEW:
        return None
    shape = float(np.median(shapes))
    return 1 / shape if detection.transform.rotation in (90, 270) else shape
