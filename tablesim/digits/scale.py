"""Finds the working scale and the skew of a page from its marks (connected pieces of ink).

The skew is found by projection profiles (Postl, "Detection of linear oblique structures and skew scan in digitized
documents", ICPR 1986).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tablesim.records.transform import Transform
from tablesim.scans.cleaning import clean

READING_HEIGHT = 21.0
"""Height in working pixels to which the digits of a page are brought to be read.

Somewhat more than the `DIGIT_HEIGHT` of the network reads better, and costs more: on ten synthesized pages 0.989 of the
whole numbers at 18 pixels, 0.990 to 0.991 at 20 to 22 (`benchmarks/constants.py`).
"""

LARGEST_WORKING_SIDE = 3600
"""Longest side of a working image in pixels; where digits are then too small, legibility says so."""

LARGEST_SHEET = 50_000_000
"""Most pixels of the working image of a sheet whose digits were seen to need them; 600 MB while it is cleaned."""

STEEPEST = 6.0
"""Greatest skew that is searched for, in degrees to each side."""

LEVEL_ENOUGH = 0.4
"""Degrees of skew up to which a page is not turned: turning costs sharpness, and the network reads slight slopes."""

TEXT_STANDS = 1.05
"""How much sharper the feet than the heads of lines are in upright text (`Survey.standing`): 1.05 to 1.6 on synthesized
and real pages of text, 0.7 to 0.95 on their head."""

# The values below were chosen by eye, and kept while the scale, skew and orientation of all test pages were found.
_SURVEY_SIDE = 2000
"""Longest side in pixels of the reduced page on which marks are counted."""

_LEAST_TYPE, _LARGEST_SURVEY = 8.0, 40_000_000
"""Height in pixels that letters keep on the reduced page (below 5 they are dust), and its most pixels then."""

_SAMPLES, _SAMPLE_SIDE = 6, 400
"""Pieces along each side of a large sheet on which its letters are measured, and their side in source pixels."""

FEW_MARKS, _ENOUGH_FOR_LINES = 20, 60
"""Marks below which the scale is guessed from the size of the scan, and below which no skew is searched."""

_CELLS = 8
"""Cells a side of a square piece, on whose grid the most crowded pieces are searched."""

_ANGLE_STEP = 0.2
"""Degrees between two angles of the search for the skew."""

_SHARPER = 1.08
"""How many times sharper than the level page a turned page must be to be turned."""


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
    """The marks of a page that have the size of letters or digits.

    Attributes
    ----------
    size : tuple of int
        Width and height of the scan in pixels.
    boxes : float32 array of shape (n, 4)
        Left, top, right, bottom of the marks in source pixels.
    ink : float32 array of shape (h, w)
        The reduced page on which they were counted: 0 bare paper, 1 full ink.
    reduction : float
        Its pixels per source pixel.
    shapes : int32 array of shape (5, m)
        Left, top, width, height and area, in its pixels, of every connected shape of ink of any size.
    is_coarse : bool
        Whether the sheet is so large that its letters are dust on the reduced page.
    """

    size: tuple[int, int]
    boxes: NDArray[np.float32]
    ink: NDArray[np.float32]
    reduction: float
    shapes: NDArray[np.int32]
    is_coarse: bool = False

    def scale(self, rotation: int) -> float:
        """A first guess at the working scale of the page, set upright by ``rotation``.

        Small letters are about 0.75 as high as the mean digit; the upper half of the marks is nearer to the digits.
        """
        if len(self.boxes) < FEW_MARKS:
            return bounded_scale(self.size, 1200 / max(self.size))
        scale = READING_HEIGHT / float(np.percentile(self.heights(rotation), 60))
        is_sheet = self.reduction > 1.01 * _SURVEY_SIDE / max(self.size)
        return scale_of_digits(self.size, scale) if is_sheet else bounded_scale(self.size, scale)

    @property
    def lying(self) -> bool:
        """Whether the page seems to lie on its side: upright, two thirds of letters and digits are taller than wide."""
        left, top, right, bottom = self.boxes.T
        return len(left) >= FEW_MARKS and float(np.mean(right - left > bottom - top)) > 0.5

    def heights(self, rotation: int) -> NDArray[np.float32]:
        """Heights in source pixels of the marks of the page set upright by ``rotation``."""
        left, top, right, bottom = self.boxes.T
        return np.asarray(right - left if rotation in (90, 270) else bottom - top, dtype=np.float32)

    def skew(self, rotation: int) -> float:
        """Clockwise degrees by which the page, set upright by ``rotation``, must be turned to make its lines level."""
        if not len(self.boxes):
            return 0.0
        feet, _ = self._feet_and_heads(rotation)
        return skew_of(feet, float(np.median(self.heights(rotation))))

    def standing(self, rotation: int) -> float:
        """How much sharper lines of feet are than lines of heads on the page set upright by ``rotation``.

        More than 1 where Latin text stands upright, for it has more ascenders and capitals than descenders; less on its
        head; about 1 on its side, and where there are digits alone.
        """
        if len(self.boxes) < _ENOUGH_FOR_LINES:
            return 1.0
        band, skew = 0.2 * float(np.median(self.heights(rotation))), self.skew(rotation)
        feet, heads = (_sharpness(edges, skew, band) for edges in self._feet_and_heads(rotation))
        return feet / heads

    def _feet_and_heads(self, rotation: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Lower and upper edge (x of the middle, y) of each mark of the page set upright by ``rotation``."""
        left, top, right, bottom = self.boxes.T
        x, y = (left + right) / 2, (top + bottom) / 2
        across, foot, head = {
            0: (x, bottom, top),
            90: (-y, right, left),
            180: (-x, -top, -bottom),
            270: (y, -left, -right),
        }[rotation]
        return np.column_stack([across, foot]), np.column_stack([across, head])

    def crowded(self, side: float, count: int) -> list[tuple[int, int]]:
        """Corners (left, top) of up to ``count`` disjoint squares of ``side`` source pixels with most marks.

        More than one, since the most crowded square may hold text alone.
        """
        if not len(self.boxes):
            return []
        marks = (self.boxes[:, :2] + self.boxes[:, 2:]) / 2
        cell = side / _CELLS
        columns, rows = (int(v) + 1 for v in marks.max(axis=0) / cell)
        counts = np.zeros((rows + _CELLS, columns + _CELLS), dtype=np.float32)
        np.add.at(counts, tuple((marks[:, ::-1] / cell).astype(int).T), 1)
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
    """The marks of a grey page, uint8 of shape (H, W), that have the size of letters or digits.

    They are mostly small letters and digits: their usual height and `READING_HEIGHT` give a first scale, and the digits
    that are then found the exact one.
    """
    height, width = grey.shape
    reduction, is_coarse = _reduction(grey)
    small = grey if reduction == 1 else cv2.resize(grey, None, fx=reduction, fy=reduction, interpolation=cv2.INTER_AREA)
    ink = clean(np.asarray(small, dtype=np.uint8))
    shapes = _shapes(ink)
    left, top, wide, tall, _ = shapes
    letters = _are_letters(shapes)
    boxes = np.column_stack([left, top, left + wide, top + tall])[letters].astype(np.float32) / np.float32(reduction)
    return Survey((width, height), boxes, ink, reduction, shapes, is_coarse)


def _reduction(grey: NDArray[np.uint8]) -> tuple[float, bool]:
    """Pixels of the reduced page per source pixel, and whether that is too few for its letters.

    By the size of the page, but for large sheets of small type.
    """
    height, width = grey.shape
    usual = min(1.0, _SURVEY_SIDE / max(height, width))
    if max(height, width) <= 2 * _SURVEY_SIDE:
        return usual, False
    heights = []
    for top in np.linspace(0, max(0, height - _SAMPLE_SIDE), _SAMPLES).astype(int).tolist():
        for left in np.linspace(0, max(0, width - _SAMPLE_SIDE), _SAMPLES).astype(int).tolist():
            shapes = _shapes(clean(np.ascontiguousarray(grey[top : top + _SAMPLE_SIDE, left : left + _SAMPLE_SIDE])))
            heights.append(shapes[3][_are_letters(shapes)])
    letters = np.concatenate(heights)
    if len(letters) < FEW_MARKS:
        return usual, False
    needed = min(1.0, _LEAST_TYPE / float(np.percentile(letters, 60)))
    reduction = max(usual, min(needed, float(np.sqrt(_LARGEST_SURVEY / grey.size))))
    return reduction, reduction < 0.75 * needed


def _shapes(ink: NDArray[np.float32]) -> NDArray[np.int32]:
    """Left, top, width, height and area of each connected shape of ink, shape (5, m)."""
    dark = (ink > 0.5).astype(np.uint8)
    # By blocks of four pixels (Grana 2010): a third of the time of the default.
    stats = cv2.connectedComponentsWithStatsWithAlgorithm(dark, 8, cv2.CV_32S, cv2.CCL_BBDT)[2][1:]
    return np.asarray(stats.T, dtype=np.int32)


def _are_letters(shapes: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which shapes have the size of letters or digits."""
    _, _, wide, tall, area = shapes
    letters = (tall >= 5) & (tall <= 120) & (wide >= 2) & (wide <= 3 * tall) & (tall <= 6 * wide)
    return np.asarray(letters & (area >= 0.12 * wide * tall))


def skew_of(feet: NDArray[np.floating], height: float) -> float:
    """The turn in clockwise degrees that makes lines level; 0 where they nearly are or where there are too few marks.

    Where lines are level, the feet of their marks share few heights: at each angle the feet are counted in bands, and
    the angle with the greatest sum of squares is taken (projection profile).

    Parameters
    ----------
    feet : array of shape (n, 2)
        Middle and foot (x, y) of each mark.
    height : float
        Usual height of the marks, in the same pixels.
    """
    if len(feet) < _ENOUGH_FOR_LINES:
        return 0.0
    angles = np.arange(-STEEPEST, STEEPEST + _ANGLE_STEP / 2, _ANGLE_STEP)
    profile = np.array([_sharpness(feet, float(angle), 0.25 * height) for angle in angles])
    best = float(angles[int(profile.argmax())])
    as_it_is = profile[len(angles) // 2]
    return best if abs(best) > LEVEL_ENOUGH and profile.max() > _SHARPER * as_it_is else 0.0


def _sharpness(feet: NDArray[np.floating], degrees: float, band: float) -> float:
    """Sum of squares of the counts in bands after a clockwise turn, smoothed over three bands."""
    angle = np.deg2rad(degrees)
    y = feet[:, 0] * np.sin(angle) + feet[:, 1] * np.cos(angle)
    counts = np.bincount(((y - y.min()) / band).astype(np.int64)).astype(np.float64)
    smooth = np.convolve(counts, [0.5, 1.0, 0.5])
    return float(smooth @ smooth)


def bounded_scale(size: tuple[int, ...], scale: float, largest: float = 0.0) -> float:
    """``scale`` within what the working image of a scan of this size may measure, or up to ``largest``."""
    longest = max(size)
    return float(np.clip(scale, min(1.0, 300 / longest), min(3.0, max(largest, LARGEST_WORKING_SIDE / longest))))


def scale_of_digits(size: tuple[int, ...], scale: float) -> float:
    """``scale``, which digits that were seen ask for: a large sheet of small type is read at up to its own size."""
    width, height = size
    return bounded_scale(size, scale, min(1.0, float(np.sqrt(LARGEST_SHEET / (width * height)))))
