"""Training targets and loss of the digit network: focal loss on the digit maps (Law and Deng, CornerNet, 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from tablesim.digits.network import ATTRIBUTE_STRIDE, DIGIT_HEIGHT, STRIDE, DigitMaps
from tablesim.records.boxes import Box
from tablesim.records.truth import TrueNumber

SPREAD = 0.1
"""Standard deviation of the Gaussian target around a digit's middle, in digit heights."""

SMALLEST = 8.0
"""Digits lower than this, in working pixels, are left out of the loss."""


@dataclass(frozen=True)
class TrueDigits:
    """The n digits of a page as arrays, in working pixels.

    Attributes
    ----------
    boxes : float32 array of shape (n, 4)
        Left, top, right, bottom.
    values : int64 array of shape (n,)
        0 to 9; -1 for a digit that is left out of the loss.
    joins : float32 array of shape (n, 3)
        1 where the number goes on to the left, to the right, and where a point or comma follows inside it.
    """

    boxes: NDArray[np.float32]
    values: NDArray[np.int64]
    joins: NDArray[np.float32]

    def cut(self, left: float, top: float, size: int) -> TrueDigits:
        """The digits of a square crop, moved to its corner. Those that its edge cuts are left out of the loss."""
        boxes = self.boxes - np.array([left, top, left, top], dtype=np.float32)
        inside = (boxes[:, :2] >= 0).all(axis=1) & (boxes[:, 2:] <= size).all(axis=1)
        touching = (boxes[:, 2:] > 0).all(axis=1) & (boxes[:, :2] < size).all(axis=1)
        values = np.where(inside, self.values, -1)
        return TrueDigits(boxes[touching], values[touching], self.joins[touching])


def true_digits_of(numbers: Sequence[TrueNumber], unasked: Sequence[Box] = ()) -> TrueDigits:
    """The true digits of a page as arrays; ``unasked`` boxes join them with value -1."""
    boxes: list[tuple[float, float, float, float]] = []
    values: list[int] = []
    joins: list[tuple[float, float, float]] = []
    for number in numbers:
        followed = _followed_by_point(number.text)
        last = len(number.digits) - 1
        for i, digit in enumerate(number.digits):
            box = digit.box
            boxes.append((box.x, box.y, box.right, box.bottom))
            values.append(digit.value if box.height >= SMALLEST else -1)
            joins.append((float(i > 0), float(i < last), float(followed[i])))
    for box in unasked:
        boxes.append((box.x, box.y, box.right, box.bottom))
        values.append(-1)
        joins.append((0.0, 0.0, 0.0))
    return TrueDigits(
        np.array(boxes, dtype=np.float32).reshape(-1, 4),
        np.array(values, dtype=np.int64),
        np.array(joins, dtype=np.float32).reshape(-1, 3),
    )


def _followed_by_point(text: str) -> list[bool]:
    return [not text[i + 1].isdigit() if i + 1 < len(text) else False for i, c in enumerate(text) if c.isdigit()]


@dataclass(frozen=True)
class Targets:
    """Targets of a batch.

    Attributes
    ----------
    bells : Tensor of shape (N, 10, h, w)
        Gaussians: 1 in the middle of each digit, falling off around it.
    weight : Tensor of shape (N, 1, h, w)
        Weight in the loss: 0 where nothing is asked for, else 1.
    index : Tensor of shape (n, 3)
        Page, row and column of each digit's cell in the attribute maps.
    joins, edges : Tensor of shape (n, 3), (n, 4)
        As in ``DigitMaps``, at those cells.
    """

    bells: Tensor
    weight: Tensor
    index: Tensor
    joins: Tensor
    edges: Tensor


def make_targets(batch: Sequence[TrueDigits], size: int) -> Targets:
    """Targets for square crops of ``size`` working pixels."""
    cells = size // STRIDE
    bells = np.zeros((len(batch), 10, cells, cells), dtype=np.float32)
    weight = np.ones((len(batch), 1, cells, cells), dtype=np.float32)
    index, joins, edges = [], [], []
    for page, digits in enumerate(batch):
        for box in digits.boxes[digits.values < 0]:
            x0, y0, x1, y1 = np.clip(np.round(box / STRIDE).astype(int) + np.array([-1, -1, 1, 1]), 0, cells)
            weight[page, 0, y0:y1, x0:x1] = 0
        asked = digits.values >= 0
        for box, value in zip(digits.boxes[asked], digits.values[asked], strict=True):
            _bell(bells[page, value], weight[page, 0], box)
        middles = (digits.boxes[asked, :2] + digits.boxes[asked, 2:]) / 2
        at = np.clip((middles / ATTRIBUTE_STRIDE).astype(np.int64), 0, size // ATTRIBUTE_STRIDE - 1)
        index.append(np.column_stack([np.full(len(at), page), at[:, 1], at[:, 0]]))
        joins.append(digits.joins[asked])
        # Distances are measured from the middle of the cell, where they will be read.
        cell = (at + 0.5) * ATTRIBUTE_STRIDE
        reach = np.column_stack([cell - digits.boxes[asked, :2], digits.boxes[asked, 2:] - cell])
        edges.append(reach / DIGIT_HEIGHT)
    return Targets(
        torch.from_numpy(bells),
        torch.from_numpy(weight),
        torch.from_numpy(np.concatenate(index).astype(np.int64)),
        torch.from_numpy(np.concatenate(joins).astype(np.float32)),
        torch.from_numpy(np.concatenate(edges).astype(np.float32)),
    )


def _bell(bells: NDArray[np.float32], weight: NDArray[np.float32], box: NDArray[np.float32]) -> None:
    """Draw the Gaussian of the digit in ``box`` into its map, and ask for its middle."""
    cells = bells.shape[0]
    x, y = (box[0] + box[2]) / 2 / STRIDE - 0.5, (box[1] + box[3]) / 2 / STRIDE - 0.5
    sigma = max(0.6, SPREAD * float(box[3] - box[1]) / STRIDE)
    reach = int(3 * sigma) + 1
    column, row = round(float(x)), round(float(y))
    x0, x1 = max(0, column - reach), min(cells, column + reach + 1)
    y0, y1 = max(0, row - reach), min(cells, row + reach + 1)
    if x0 >= x1 or y0 >= y1:
        return
    across = np.exp(-((np.arange(x0, x1) - x) ** 2) / (2 * sigma**2))
    down = np.exp(-((np.arange(y0, y1) - y) ** 2) / (2 * sigma**2))
    area = bells[y0:y1, x0:x1]
    np.maximum(area, np.outer(down, across).astype(np.float32), out=area)
    if 0 <= row < cells and 0 <= column < cells:
        bells[row, column] = 1.0
        weight[row, column] = 1.0


@dataclass(frozen=True, slots=True)
class Loss:
    """The parts of the loss of one batch, each a scalar tensor."""

    digits: Tensor
    joins: Tensor
    edges: Tensor

    @property
    def total(self) -> Tensor:
        """The weighted sum, which is minimised."""
        return self.digits + 0.5 * self.joins + 0.5 * self.edges


def loss(maps: DigitMaps, targets: Targets) -> Loss:
    """Focal loss of the digit maps (Law and Deng, CornerNet, ECCV 2018, eq. 1) and losses of the attributes.

    Each part is a mean over the digits of the batch.
    """
    n_digits = max(1, len(targets.index))
    logits = maps.digits.float()
    is_middle = targets.bells >= 1.0
    certain, doubt = functional.logsigmoid(logits), functional.logsigmoid(-logits)
    share = torch.sigmoid(logits)
    hits = (1 - share).square() * certain * is_middle
    misses = share.square() * doubt * (1 - targets.bells).pow(4) * ~is_middle
    digits = -((hits + misses) * targets.weight).sum() / n_digits
    page, row, column = targets.index.T
    joins = functional.binary_cross_entropy_with_logits(
        maps.joins.float()[page, :, row, column], targets.joins, reduction="sum"
    )
    edges = functional.smooth_l1_loss(
        maps.edges.float()[page, :, row, column], targets.edges, reduction="sum", beta=0.1
    )
    return Loss(digits, joins / n_digits, edges / n_digits)
