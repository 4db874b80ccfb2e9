"""Training crops, and the mask of what the annotations of a page say nothing about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tablesim.digits.network import STRIDE
from tablesim.digits.training.annotated_pages import AnnotatedPage
from tablesim.digits.training.targets import Targets, TrueDigits

ENLARGED = 1.18
"""How many times a crop is enlarged or reduced at most, against the working scale of its page."""


@dataclass(frozen=True)
class Crop:
    """A square of a page that the network is trained on.

    Attributes
    ----------
    ink : float32 array of shape (size, size)
        0 bare paper, 1 full ink.
    true_digits : TrueDigits
        In pixels of the crop.
    asked : float64 array of shape (n, 4), or None
        Left, top, right, bottom of the areas that count in the loss; None for everywhere.
    """

    ink: NDArray[np.float32]
    true_digits: TrueDigits
    asked: NDArray[np.float64] | None = None


class AnnotatedCrops:
    """Crops around annotated numbers, each number as likely as the next."""

    def __init__(self, pages: Sequence[AnnotatedPage]) -> None:
        self._areas = [(page, area) for page in pages for area in page.asked]

    def draw(self, rng: np.random.Generator, size: int) -> Crop:
        """A crop of ``size`` x ``size`` pixels with an annotated number somewhere in it."""
        page, area = self._areas[int(rng.integers(len(self._areas)))]
        enlarged = float(np.exp(rng.uniform(-np.log(ENLARGED), np.log(ENLARGED))))
        side = round(size / enlarged)
        ink = page.ink
        left, top = (
            _start(area[axis], area[axis + 2], side, ink.shape[1 - axis], float(rng.random())) for axis in (0, 1)
        )
        shown = np.zeros((side, side), dtype=np.uint8)
        part = ink[max(0, top) : top + side, max(0, left) : left + side]
        shown[max(0, -top) :, max(0, -left) :][: part.shape[0], : part.shape[1]] = part
        sized = cv2.resize(shown, (size, size), interpolation=cv2.INTER_AREA if side > size else cv2.INTER_LINEAR)
        scale = size / side
        digits = page.true_digits.cut(left, top, side)
        asked = (page.asked - np.array([left, top, left, top])) * scale
        return Crop(
            np.asarray(sized / np.float32(255), dtype=np.float32),
            TrueDigits(digits.boxes * np.float32(scale), digits.values, digits.joins),
            asked[(asked[:, 2:] > 0).all(axis=1) & (asked[:, :2] < size).all(axis=1)],
        )


def _start(low: float, high: float, side: int, extent: int, share: float) -> int:
    """Start of a crop of ``side`` that holds low to high, at ``share`` of those possible; within the page if it can."""
    first, last = high - side, low
    if extent > side:
        first, last = max(first, 0.0), min(last, float(extent - side))
    else:
        first, last = max(first, float(extent - side)), min(last, 0.0)
    return round(min(first, last) + share * abs(last - first))


def mask(targets: Targets, crops: Sequence[Crop], size: int) -> Targets:
    """The targets with weight 0 outside the annotated areas of the crops."""
    if all(crop.asked is None for crop in crops):
        return targets
    shown = np.ones((len(crops), 1, size // STRIDE, size // STRIDE), dtype=np.float32)
    for page, crop in enumerate(crops):
        if crop.asked is None:
            continue
        shown[page] = 0
        for x0, y0, x1, y1 in np.clip(np.round(crop.asked / STRIDE).astype(int), 0, size // STRIDE):
            shown[page, 0, y0:y1, x0:x1] = 1
    weight: Tensor = targets.weight * torch.from_numpy(shown)
    return Targets(targets.bells, weight, targets.index, targets.joins, targets.edges)
