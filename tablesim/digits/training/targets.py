"""Training targets and loss of the digit network: focal loss on the digit maps (Law and Deng, CornerNet, 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from tablesim.digits.network import ATTRIBUTE_STRIDE, DIGIT_HEIGHT, N_JOINS, STRIDE, DigitMaps
from tablesim.records.boxes import Box
from tablesim.records.marks import MARKS, THIN_SPACE
from tablesim.records.truth import TrueMark, TrueNumber

SPREAD = 0.1
"""Standard deviation of the Gaussian target around a digit's middle, in digit heights."""

SMALLEST = 8.0
"""Digits lower than this, in working pixels, are left out of the loss."""


@dataclass(frozen=True)
class TrueDigits:
    """The n digits and marks of a page as arrays, in working pixels.

    Attributes
    ----------
    boxes : float32 array of shape (n, 4)
        Left, top, right, bottom.
    values : int64 array of shape (n,)
        0 to 9, for a mark 10 and its place in `records.marks.MARKS`; -1 for what is left out of the loss.
    joins : float32 array of shape (n, 4)
        1 where the number goes on to the left, to the right, and where inside it a point or comma, or a thin space
        follows.
    with_marks : bool
        Whether the marks are known too; else they are left out of the loss.
    """

    boxes: NDArray[np.float32]
    values: NDArray[np.int64]
    joins: NDArray[np.float32]
    with_marks: bool = True

    def cut(self, left: float, top: float, size: int) -> TrueDigits:
        """The digits of a square crop, moved to its corner. Those that its edge cuts are left out of the loss."""
        boxes = self.boxes - np.array([left, top, left, top], dtype=np.float32)
        inside = (boxes[:, :2] >= 0).all(axis=1) & (boxes[:, 2:] <= size).all(axis=1)
        touching = (boxes[:, 2:] > 0).all(axis=1) & (boxes[:, :2] < size).all(axis=1)
        values = np.where(inside, self.values, -1)
        return replace(self, boxes=boxes[touching], values=values[touching], joins=self.joins[touching])


def true_digits_of(
    numbers: Sequence[TrueNumber], unasked: Sequence[Box] = (), marks: Sequence[TrueMark] | None = None
) -> TrueDigits:
    """The true digits of a page as arrays, with ``marks`` where they are known; ``unasked`` boxes have value -1."""
    boxes: list[tuple[float, float, float, float]] = []
    values: list[int] = []
    joins: list[tuple[float, float, float, float]] = []
    for number in numbers:
        followed = _followed_by(number.text)
        last = len(number.digits) - 1
        for i, digit in enumerate(number.digits):
            box = digit.box
            boxes.append((box.x, box.y, box.right, box.bottom))
            values.append(digit.value if box.height >= SMALLEST else -1)
            space = followed[i] == THIN_SPACE
            joins.append((float(i > 0), float(i < last), float(bool(followed[i]) and not space), float(space)))
    others = [(mark.box, 10 + MARKS.index(mark.kind)) for mark in marks or ()] + [(box, -1) for box in unasked]
    for box, value in others:
        boxes.append((box.x, box.y, box.right, box.bottom))
        values.append(value)
        joins.append((0.0, 0.0, 0.0, 0.0))
    return TrueDigits(
        np.array(boxes, dtype=np.float32).reshape(-1, 4),
        np.array(values, dtype=np.int64),
        np.array(joins, dtype=np.float32).reshape(-1, N_JOINS),
        marks is not None,
    )


def _followed_by(text: str) -> list[str]:
    """For each digit of a number the mark or space that follows it inside the number, or nothing."""
    after = text[1:] + "0"
    return [
        "" if follower.isdigit() else follower for digit, follower in zip(text, after, strict=True) if digit.isdigit()
    ]


@dataclass(frozen=True)
class Targets:
    """Targets of a batch.

    Attributes
    ----------
    bells : Tensor of shape (N, 22, h, w)
        Gaussians: 1 in the middle of each digit and mark, falling off around it.
    weight : Tensor of shape (N, 2, h, w)
        Weight in the loss of digits and of marks: 0 where nothing is asked for, else 1.
    index : Tensor of shape (n, 3)
        Page, row and column of the cell in the attribute maps of each digit, then of each mark.
    joins, edges : Tensor of shape (m, 4), (n, 4)
        As in ``DigitMaps``, at those cells: joins of the m digits, edges of all.
    """

    bells: Tensor
    weight: Tensor
    index: Tensor
    joins: Tensor
    edges: Tensor


def make_targets(batch: Sequence[TrueDigits], size: int) -> Targets:
    """Targets for square crops of ``size`` working pixels."""
    cells = size // STRIDE
    bells = np.zeros((len(batch), 10 + len(MARKS), cells, cells), dtype=np.float32)
    weight = np.ones((len(batch), 2, cells, cells), dtype=np.float32)
    for page, digits in enumerate(batch):
        weight[page, 1] = digits.with_marks
        for box in digits.boxes[digits.values < 0]:
            x0, y0, x1, y1 = np.clip(np.round(box / STRIDE).astype(int) + np.array([-1, -1, 1, 1]), 0, cells)
            weight[page, :, y0:y1, x0:x1] = 0
        for box, value in zip(digits.boxes, digits.values, strict=True):
            if value >= 0:
                _bell(bells[page, value], weight[page, int(value >= 10)], box)
    of_digits = [_attributes(d, (d.values >= 0) & (d.values < 10), page, size) for page, d in enumerate(batch)]
    of_marks = [_attributes(d, d.values >= 10, page, size) for page, d in enumerate(batch)]
    joins = [digits.joins[(digits.values >= 0) & (digits.values < 10)] for digits in batch]
    both = of_digits + of_marks
    return Targets(
        torch.from_numpy(bells),
        torch.from_numpy(weight),
        torch.from_numpy(np.concatenate([index for index, _ in both]).astype(np.int64)),
        torch.from_numpy(np.concatenate(joins).astype(np.float32)),
        torch.from_numpy(np.concatenate([edges for _, edges in both]).astype(np.float32)),
    )


def _attributes(
    digits: TrueDigits, chosen: NDArray[np.bool_], page: int, size: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Cells in the attribute maps of the chosen boxes, and the distances to their edges from there."""
    boxes = digits.boxes[chosen]
    at = np.clip(
        ((boxes[:, :2] + boxes[:, 2:]) / 2 / ATTRIBUTE_STRIDE).astype(np.int64), 0, size // ATTRIBUTE_STRIDE - 1
    )
    # Distances are measured from the middle of the cell, where they will be read.
    cell = (at + 0.5) * ATTRIBUTE_STRIDE
    reach = np.column_stack([cell - boxes[:, :2], boxes[:, 2:] - cell])
    return np.column_stack([np.full(len(at), page), at[:, 1], at[:, 0]]), reach / DIGIT_HEIGHT


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
    marks: Tensor
    joins: Tensor
    edges: Tensor

    @property
    def total(self) -> Tensor:
        """The weighted sum, which is minimised."""
        return self.digits + 0.3 * self.marks + 0.5 * self.joins + 0.5 * self.edges


def loss(maps: DigitMaps, targets: Targets) -> Loss:
    """Focal loss of the digit maps (Law and Deng, CornerNet, ECCV 2018, eq. 1) and losses of the attributes.

    Each part is a mean over the digits of the batch, those of marks and edges over its digits and marks.
    """
    n_digits, n_all = max(1, len(targets.joins)), max(1, len(targets.index))
    logits = torch.cat([maps.digits, maps.marks], dim=1).float()
    is_middle = targets.bells >= 1.0
    certain, doubt = functional.logsigmoid(logits), functional.logsigmoid(-logits)
    share = torch.sigmoid(logits)
    hits = (1 - share).square() * certain * is_middle
    misses = share.square() * doubt * (1 - targets.bells).pow(4) * ~is_middle
    surprise = -(hits + misses)
    digits = (surprise[:, :10] * targets.weight[:, :1]).sum() / n_digits
    marks = (surprise[:, 10:] * targets.weight[:, 1:]).sum() / max(1, n_all - n_digits)
    page, row, column = targets.index[: len(targets.joins)].T
    joins = functional.binary_cross_entropy_with_logits(
        maps.joins.float()[page, :, row, column], targets.joins, reduction="sum"
    )
    page, row, column = targets.index.T
    edges = functional.smooth_l1_loss(
        maps.edges.float()[page, :, row, column], targets.edges, reduction="sum", beta=0.1
    )
    return Loss(digits, marks, joins / n_digits, edges / n_all)
