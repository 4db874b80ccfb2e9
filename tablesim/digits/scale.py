"""The working scale of a page, found from the page itself."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tablesim.digits.network import FIGURE_HEIGHT
from tablesim.scans.cleaning import clean
from tablesim.scans.transform import Transform

LARGEST_WORKING_SIDE = 3600
"""No working image is longer than this; where figures are then too small, legibility says so."""

_SURVEY_SIDE, _FEW_MARKS, _CELLS = 2000, 20, 8


def working_image(grey: NDArray[np.uint8], transform: Transform) -> NDArray[np.uint8]:
    """The page turned upright, straightened and resized as ``transform`` says."""
    width, height = transform.working_size
    if transform.rotation:
        code = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
        grey = np.asarray(cv2.rotate(grey, code[transform.rotation]))
    smaller = transform.scale < 1
    sized = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)
    if transform.skew:
        turn = cv2.getRotationMatrix2D((width / 2 - 0.5, height / 2 - 0.5), -transform.skew, 1.0)
        sized = cv2.warpAffine(sized, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(sized, dtype=np.uint8)


@dataclass(frozen=True)
class Survey:
    """A first look at a page.

    Attributes
    ----------
    scale : float
        First guess at the working scale.
    marks : float32 array of shape (n, 2)
        Middles (x, y) in source pixels of the marks that have the size of letters or figures.
    """

    scale: float
    marks: NDArray[np.float32]

    def crowded(self, side: float, count: int) -> list[tuple[int, int]]:
        """Corners (left, top) of up to ``count`` squares of ``side`` source pixels with most marks, apart from each
        other: the most crowded may hold text alone.
        """
        if not len(self.marks):
            return []
        cell = side / _CELLS
        columns, rows = (int(v) + 1 for v in self.marks.max(axis=0) / cell)
        counts = np.zeros((rows + _CELLS, columns + _CELLS), dtype=np.float32)
        np.add.at(counts, tuple((self.marks[:, ::-1] / cell).astype(int).T), 1)
        sums = cv2.boxFilter(counts, -1, (_CELLS, _CELLS), anchor=(0, 0), normalize=False)[:rows, :columns].copy()
        corners = []
        for _ in range(count):
            row, column = (int(v) for v in np.unravel_index(int(sums.argmax()), sums.shape))
            if sums[row, column] <= 0:
                break
            corners.append((round(column * cell), round(row * cell)))
            sums[max(0, row - _CELLS) : row + _CELLS, max(0, column - _CELLS) : column + _CELLS] = 0
        return corners


def survey(grey: NDArray[np.uint8]) -> Survey:
    """A first guess at the working scale: where the page's marks have the size of letters and figures.

    The marks of a page (connected pieces of ink) are mostly small letters and figures. Their usual height, set against
    the height that the network wants, gives the scale; the digits that are then found make it exact.
    """
    height, width = grey.shape
    reduction = min(1.0, _SURVEY_SIDE / max(height, width))
    small = grey if reduction == 1 else cv2.resize(grey, None, fx=reduction, fy=reduction, interpolation=cv2.INTER_AREA)
    ink = (clean(np.asarray(small, dtype=np.uint8)) > 0.5).astype(np.uint8)
    _, _, stats, middles = cv2.connectedComponentsWithStats(ink, connectivity=8)
    wide, tall, area = stats[1:, cv2.CC_STAT_WIDTH], stats[1:, cv2.CC_STAT_HEIGHT], stats[1:, cv2.CC_STAT_AREA]
    letters = (tall >= 5) & (tall <= 120) & (wide >= 2) & (wide <= 3 * tall) & (tall <= 6 * wide)
    letters &= area >= 0.12 * wide * tall
    marks = (middles[1:][letters] / reduction).astype(np.float32)
    if letters.sum() < _FEW_MARKS:
        return Survey(bounded_scale(grey, 1200 / max(height, width)), marks)
    # Small letters are about 0.75 of the mean figure; the upper half of the marks is nearer to the figures.
    usual = float(np.percentile(tall[letters], 60)) / reduction
    return Survey(bounded_scale(grey, FIGURE_HEIGHT / usual), marks)


def bounded_scale(grey: NDArray[np.uint8], scale: float) -> float:
    """``scale`` within what a working image may measure."""
    longest = max(grey.shape)
    return float(np.clip(scale, min(1.0, 300 / longest), min(3.0, LARGEST_WORKING_SIDE / longest)))
