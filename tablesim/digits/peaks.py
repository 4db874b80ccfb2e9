"""Finds single digits and marks in the maps of the network: peaks, their boxes, non-maximum suppression."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.special import expit
from torch.nn import functional

from tablesim.digits.calibration import Calibration
from tablesim.digits.network import ATTRIBUTE_STRIDE, DIGIT_HEIGHT, N_JOINS, STRIDE, CellMaps, DigitMaps

PEAK_REACH = 2
"""A peak is the highest cell within this many cells on each side: a third of a digit's height."""

MARK_REACH = 1
"""The same for marks, which are smaller."""

SAME_DIGIT = 0.45
"""Two boxes that share this much (intersection over union) are one digit; chosen by eye."""

Ints = NDArray[np.intp]


@dataclass(frozen=True)
class DigitPeaks:
    """The n digits found on a page, in working pixels and in no order.

    Attributes
    ----------
    values : int64 array of shape (n,)
        0 to 9.
    confidence : float64 array of shape (n,)
        Probability of the value, 0 to 1.
    runner_up, runner_up_confidence : arrays of shape (n,)
        The next best value and its probability.
    boxes : float64 array of shape (n, 4)
        Left, top, right, bottom.
    joins : float64 array of shape (n, 4)
        Probabilities that the number goes on to the left, to the right, and that a point or comma, or a thin space
        follows this digit inside its number.
    """

    values: NDArray[np.int64]
    confidence: NDArray[np.float64]
    runner_up: NDArray[np.int64]
    runner_up_confidence: NDArray[np.float64]
    boxes: NDArray[np.float64]
    joins: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.values)

    @classmethod
    def empty(cls) -> DigitPeaks:
        """No digits."""
        whole, real = np.zeros(0, dtype=np.int64), np.zeros(0)
        return cls(whole, real, whole, real, np.zeros((0, 4)), np.zeros((0, N_JOINS)))

    def take(self, index: NDArray[np.intp] | NDArray[np.bool_]) -> DigitPeaks:
        """The digits at ``index``."""
        return DigitPeaks(*(getattr(self, field.name)[index] for field in fields(self)))

    def scaled(self, factor: float) -> DigitPeaks:
        """The same digits in pixels of another scale: boxes times ``factor``."""
        return replace(self, boxes=self.boxes * factor)

    def moved(self, right: float, down: float) -> DigitPeaks:
        """The same digits, moved by ``right`` and ``down`` pixels."""
        return replace(self, boxes=self.boxes + np.array([right, down, right, down], dtype=np.float64))

    def joined_with(self, other: DigitPeaks) -> DigitPeaks:
        """These digits and the others; where two boxes cover each other, the one of higher confidence."""
        both = self.beside(other)
        return both.take(_suppressed(both))

    def beside(self, other: DigitPeaks) -> DigitPeaks:
        """These digits and the others, which stand elsewhere."""
        columns = [np.concatenate([getattr(self, field.name), getattr(other, field.name)]) for field in fields(self)]
        return DigitPeaks(*columns)

    @property
    def middles(self) -> NDArray[np.float64]:
        """Middle of each box as (x, y), shape (n, 2)."""
        return (self.boxes[:, :2] + self.boxes[:, 2:]) / 2

    @property
    def heights(self) -> NDArray[np.float64]:
        """Height of each box, shape (n,)."""
        return self.boxes[:, 3] - self.boxes[:, 1]


@dataclass(frozen=True)
class MarkPeaks:
    """The n marks found on a page, in working pixels and in no order.

    Attributes
    ----------
    kinds : int64 array of shape (n,)
        Places in `records.marks.MARKS`.
    confidence : float64 array of shape (n,)
        Activation of the kind, 0 to 1.
    boxes : float64 array of shape (n, 4)
        Left, top, right, bottom.
    """

    kinds: NDArray[np.int64]
    confidence: NDArray[np.float64]
    boxes: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.kinds)

    @classmethod
    def empty(cls) -> MarkPeaks:
        """No marks."""
        return cls(np.zeros(0, np.int64), np.zeros(0), np.zeros((0, 4)))

    def take(self, index: NDArray[np.intp] | NDArray[np.bool_]) -> MarkPeaks:
        """The marks at ``index``."""
        return MarkPeaks(self.kinds[index], self.confidence[index], self.boxes[index])

    def beside(self, other: MarkPeaks) -> MarkPeaks:
        """These marks and the others, which stand elsewhere."""
        columns = [np.concatenate([getattr(self, field.name), getattr(other, field.name)]) for field in fields(self)]
        return MarkPeaks(*columns)

    def scaled(self, factor: float) -> MarkPeaks:
        """The same marks in pixels of another scale: boxes times ``factor``."""
        return replace(self, boxes=self.boxes * factor)

    def moved(self, right: float, down: float) -> MarkPeaks:
        """The same marks, moved by ``right`` and ``down`` pixels."""
        return replace(self, boxes=self.boxes + np.array([right, down, right, down], dtype=np.float64))


def find_marks(maps: DigitMaps | CellMaps, threshold: float) -> MarkPeaks:
    """Marks of one page: peaks of at least ``threshold`` over all mark maps, one at each position.

    Parameters
    ----------
    maps : DigitMaps or CellMaps
        Of a batch of one.
    threshold : float
        Least activation, 0 to 1.
    """
    cells = _cells(maps)
    best, rows, columns = _peaks(cells.marks, cells.size, MARK_REACH, Calibration().least_logit(threshold))
    kinds = _at(cells.marks, rows, columns).argmax(dim=0)
    return MarkPeaks(
        kinds=kinds.numpy().astype(np.int64),
        confidence=expit(best.astype(np.float64)),
        boxes=_boxes(cells, rows, columns),
    )


def find_digits(maps: DigitMaps | CellMaps, threshold: float, calibration: Calibration | None = None) -> DigitPeaks:
    """Digits of one page: peaks of at least ``threshold`` over all ten maps, one at each position.

    Parameters
    ----------
    maps : DigitMaps or CellMaps
        Of a batch of one.
    threshold : float
        Least probability, 0 to 1.
    calibration : Calibration, optional
        From activations to probabilities; activations count as probabilities when not given.
    """
    calibration = calibration or Calibration()
    cells = _cells(maps)
    best, rows, columns = _peaks(cells.digits, cells.size, PEAK_REACH, calibration.least_logit(threshold))
    at_peak = _at(cells.digits, rows, columns).float()
    # A runner-up may peak in a neighbouring cell; the winner keeps its own height.
    highest = torch.from_numpy(best)
    near = torch.where(at_peak == highest, at_peak, _highest_nearby(cells, rows, columns))
    values = torch.argsort(at_peak, dim=0, descending=True)[0]
    rivals = near.scatter(0, values[None], -torch.inf)
    second = rivals.argmax(dim=0)
    digits = DigitPeaks(
        values=values.numpy().astype(np.int64),
        confidence=calibration.of_logit(best.astype(np.float64)),
        runner_up=second.numpy().astype(np.int64),
        runner_up_confidence=calibration.of_logit(rivals.amax(dim=0).double().numpy()),
        boxes=_boxes(cells, rows, columns),
        joins=_joins(cells, rows, columns),
    )
    return digits.take(_suppressed(digits))


def _cells(maps: DigitMaps | CellMaps) -> CellMaps:
    return maps if isinstance(maps, CellMaps) else CellMaps.of(maps)


def _peaks(
    logits: torch.Tensor, size: tuple[int, int], reach: int, lowest: float
) -> tuple[NDArray[np.float32], Ints, Ints]:
    """Height, row and column of the peaks above ``lowest`` over all maps of logits, of shape (1, n, 4, h, w)."""
    highest = functional.pixel_shuffle(logits[0].amax(dim=0)[None], 2)[0, 0, : size[0], : size[1]]
    best = np.ascontiguousarray(highest.float().numpy())
    window = np.ones((2 * reach + 1, 2 * reach + 1), dtype=np.uint8)
    rows, columns = np.nonzero((best == cv2.dilate(best, window)) & (best > lowest))
    return best[rows, columns], rows, columns


def _at(logits: torch.Tensor, rows: Ints, columns: Ints) -> torch.Tensor:
    """The logits of all maps at positions: shape (maps, n)."""
    position = torch.from_numpy(rows % 2 * 2 + columns % 2)
    return logits[0][:, position, torch.from_numpy(rows // 2), torch.from_numpy(columns // 2)]


def _highest_nearby(cells: CellMaps, rows: Ints, columns: Ints) -> torch.Tensor:
    """The highest of the nine cells around each position, for each map of digits: shape (10, n)."""
    height, width = cells.size
    highest = _at(cells.digits, rows, columns)
    for down in (-1, 0, 1):
        for across in (-1, 0, 1):
            beside = np.clip(rows + down, 0, height - 1), np.clip(columns + across, 0, width - 1)
            highest = torch.maximum(highest, _at(cells.digits, *beside))
    return highest.float()


def _attribute_cells(cells: CellMaps, rows: Ints, columns: Ints) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows and columns in the attribute maps of positions in the peak maps."""
    share = STRIDE / ATTRIBUTE_STRIDE
    height, width = cells.edges.shape[-2:]
    down = np.minimum(((rows + 0.5) * share).astype(np.int64), height - 1)
    across = np.minimum(((columns + 0.5) * share).astype(np.int64), width - 1)
    return torch.from_numpy(down), torch.from_numpy(across)


def _joins(cells: CellMaps, rows: Ints, columns: Ints) -> NDArray[np.float64]:
    down, across = _attribute_cells(cells, rows, columns)
    return np.asarray(torch.sigmoid(cells.joins[0][:, down, across].float()).double().numpy().T, dtype=np.float64)


def _boxes(cells: CellMaps, rows: Ints, columns: Ints) -> NDArray[np.float64]:
    down, across = _attribute_cells(cells, rows, columns)
    edges = cells.edges[0][:, down, across].double().numpy() * DIGIT_HEIGHT
    x = (across.double().numpy() + 0.5) * ATTRIBUTE_STRIDE
    y = (down.double().numpy() + 0.5) * ATTRIBUTE_STRIDE
    # An absurd distance never turns a box inside out.
    boxes = np.column_stack([x - edges[0], y - edges[1], x + edges[2], y + edges[3]])
    boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1.0)
    return np.asarray(boxes, dtype=np.float64)


def is_same_place(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of n pairs of boxes, each of shape (n, 4), cover each other as boxes of one digit do (`SAME_DIGIT`)."""
    shared = np.prod(np.clip(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]), 0, None), axis=1)
    areas = np.prod(a[:, 2:] - a[:, :2], axis=1), np.prod(b[:, 2:] - b[:, :2], axis=1)
    return np.asarray(shared > SAME_DIGIT * (areas[0] + areas[1] - shared), dtype=np.bool_)


def _suppressed(digits: DigitPeaks) -> NDArray[np.intp]:
    """Indices of the digits that no digit of higher confidence covers, by falling confidence."""
    order = np.argsort(-digits.confidence, kind="stable")
    if len(order) < 2:
        return order
    boxes = digits.boxes[order]
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    reach = float(np.median(boxes[:, 3] - boxes[:, 1]))
    pairs = cKDTree(middles).query_pairs(reach, output_type="ndarray")
    if not len(pairs):
        return order
    covers = is_same_place(boxes[pairs[:, 0]], boxes[pairs[:, 1]])
    kept = np.ones(len(order), dtype=bool)
    # Pairs come as (surer, less sure); in that order each decision rests on decisions already made.
    for surer, weaker in sorted(map(tuple, np.sort(pairs[covers], axis=1))):
        if kept[surer]:
            kept[weaker] = False
    return order[kept]
