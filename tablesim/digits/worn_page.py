"""Reads a worn page in several passes that differ in smoothing and scale, and takes the mean of what they say.

Which sort of a ragged, blotched print the network knows again depends on the grain that one pass happens to show: what
letters or dirt made look like a digit in one pass mostly does not in another, and a worn digit is seen by some of them
(test-time augmentation; Krizhevsky, Sutskever and Hinton, NeurIPS 2012).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from tablesim.digits.calibration import Calibration
from tablesim.digits.first_look import FEW
from tablesim.digits.passes import Detection, DigitReader
from tablesim.digits.peaks import DigitPeaks, is_same_place

MOSTLY_CLEAR = 0.75
"""A page of which fewer digits than this share are clear is worn: .79 to 1.0 on 13 scanned pages of other kinds."""

PASSES = ((1.0, 1.2), (0.8, 1.2), (1.25, 1.8))
"""Scale, in that of the page, and smoothing in working pixels of the page, of each pass; the first gives the ink."""

FAINTEST = 0.03
"""Least confidence of a digit in one pass that is held against the others."""

OF_MEAN = Calibration(slope=1.3, shift=0.95)
"""From the mean of the confidences, 0 in a pass that sees none, to a probability: fitted once to the digits and letters
of 13 synthesized worn broadsides."""


def read_if_worn(
    reader: DigitReader, grey: NDArray[np.uint8], main: Detection, marks: NDArray[np.floating]
) -> Detection:
    """The main pass; of a page of which few digits are clear, what several passes say in the mean.

    Parameters
    ----------
    reader : DigitReader
    grey : uint8 array of shape (H, W)
        The page.
    main : Detection
        Its main pass.
    marks : array of shape (n, 4)
        Boxes of its marks in source pixels.
    """
    clear = main.digits.confidence >= reader.thresholds.sure
    if clear.sum() < FEW or clear.mean() >= MOSTLY_CLEAR:
        return main
    first, *others = [_pass(reader, grey, main, marks, one) for one in PASSES]
    digits = mean_of_passes([first.digits, *(other.digits for other in others)])
    return replace(first, digits=digits.take(digits.confidence >= reader.thresholds.faint))


def _pass(
    reader: DigitReader,
    grey: NDArray[np.uint8],
    main: Detection,
    marks: NDArray[np.floating],
    setting: tuple[float, float],
) -> Detection:
    """A pass at a scale and smoothing; its digits in the working pixels of the main pass."""
    scale, smoothing = setting
    transform = main.transform
    smooth = np.asarray(cv2.GaussianBlur(grey, (0, 0), smoothing / transform.scale), dtype=np.uint8)
    found = reader.detect(smooth, replace(transform, scale=scale * transform.scale), FAINTEST, marks)
    return replace(found, digits=found.digits.scaled(1 / scale))


def mean_of_passes(passes: Sequence[DigitPeaks]) -> DigitPeaks:
    """The digits of all passes; each value has the mean of its confidences there, as a probability (`OF_MEAN`).

    Parameters
    ----------
    passes : sequence of DigitPeaks
        Of one page, in the same pixels.
    """
    digits = reduce(DigitPeaks.joined_with, passes)
    each = np.arange(len(digits))
    confidence, joins, weight = np.zeros((len(digits), 10)), np.zeros_like(digits.joins), np.zeros(len(digits))
    for one in passes:
        if not len(one):
            continue
        _, nearest = cKDTree(one.middles).query(digits.middles)
        there = each[is_same_place(digits.boxes, one.boxes[nearest])]
        seen = one.take(nearest[there])
        confidence[there, seen.values] += seen.confidence / len(passes)
        confidence[there, seen.runner_up] += seen.runner_up_confidence / len(passes)
        joins[there] += seen.joins * seen.confidence[:, None]
        weight[there] += seen.confidence
    best, second = np.argsort(-confidence, axis=1, kind="stable")[:, :2].T
    probability = OF_MEAN.of_activation(confidence)
    return replace(
        digits,
        values=best,
        confidence=probability[each, best],
        runner_up=second,
        runner_up_confidence=probability[each, second],
        joins=joins / weight[:, None],
    )
