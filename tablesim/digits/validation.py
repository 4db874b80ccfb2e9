"""How well a network reads practice pages it was never trained on, and what its activations are worth.

The activations of a network trained with a focal loss are no probabilities: they are brought to probabilities by a line
through their logits (Platt 1999), fitted on validation pages. Every threshold of the reader is set on that scale.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.spatial import cKDTree

from tablesim.digits.network import DigitNetwork
from tablesim.digits.numbers import Thresholds, join_digits
from tablesim.digits.peaks import Calibration, Digits, find_digits
from tablesim.scans.cleaning import clean
from tablesim.synthesis.ageing import Scan
from tablesim.synthesis.practice import practice_page
from tablesim.synthesis.truth import TrueNumber

FIRST_SEED = 1_000_000_000
"""Practice pages from this seed on are never trained on."""

N_BINS = 10

_WEAKEST = 0.03
_SAME_PLACE = 0.5


@dataclass(frozen=True)
class Validation:
    """Figures on validation pages.

    Attributes
    ----------
    n_pages : int
    calibration : Calibration
        From activations to probabilities.
    precision, recall : float
        Of single digits: right value at the right place.
    f1_numbers : float
        Of whole numbers: right figures, joined rightly, at the right place.
    calibration_error : float
        Expected calibration error of the accepted digits, 10 equal-count bins.
    confusion : int array of shape (10, 10)
        Rows: what is printed; columns: what was read there.
    """

    n_pages: int
    calibration: Calibration
    precision: float
    recall: float
    f1_numbers: float
    calibration_error: float
    confusion: NDArray[np.int64]

    def to_dict(self) -> dict[str, Any]:
        return {
            "pages": self.n_pages,
            "digit_precision": round(self.precision, 4),
            "digit_recall": round(self.recall, 4),
            "f1_numbers": round(self.f1_numbers, 4),
            "calibration_error": round(self.calibration_error, 4),
            "confusion": self.confusion.tolist(),
        }


@dataclass
class _Tally:
    """What was found on the pages so far."""

    logits: list[NDArray[np.float64]]
    right: list[NDArray[np.bool_]]
    pages: list[tuple[Scan, Digits]]
    confusion: NDArray[np.int64]


def validate(
    network: DigitNetwork, seeds: Iterable[int] = range(FIRST_SEED, FIRST_SEED + 60), size: int = 640
) -> Validation:
    """Read validation pages, fit the calibration, and count with it.

    Parameters
    ----------
    network : DigitNetwork
        Folded, in evaluation mode.
    seeds : iterable of int
        Practice pages of ``size`` working pixels.
    """
    tally = _Tally([], [], [], np.zeros((10, 10), dtype=np.int64))
    for seed in seeds:
        _read(network, practice_page(seed, size), tally)
    logits, right = np.concatenate(tally.logits), np.concatenate(tally.right)
    calibration = fit_calibration(logits, right)
    thresholds = Thresholds()
    hits = found = printed = 0
    shares, truths = [], []
    numbers = np.zeros(3)
    for scan, digits in tally.pages:
        digits = calibrated(digits, calibration)
        runs = join_digits(digits, thresholds.doubtful, thresholds.sure)
        accepted = digits.take(np.concatenate(runs) if runs else np.zeros(0, dtype=np.intp))
        asked, right_here = _judge(scan, accepted)
        hits, found = hits + int(right_here.sum()), found + int(asked.sum())
        printed += sum(len(number.digits) for number in scan.numbers)
        shares.append(accepted.confidence[asked])
        truths.append(right_here[asked])
        numbers += _count_numbers(scan, digits, runs)
    return Validation(
        n_pages=len(tally.pages),
        calibration=calibration,
        precision=hits / max(1, found),
        recall=hits / max(1, printed),
        f1_numbers=float(2 * numbers[0] / max(1.0, numbers[1] + numbers[2])),
        calibration_error=expected_calibration_error(np.concatenate(shares), np.concatenate(truths)),
        confusion=tally.confusion,
    )


def calibrated(digits: Digits, calibration: Calibration) -> Digits:
    """Digits found with plain activations, their confidences brought to probabilities."""
    return Digits(
        digits.values,
        calibration.of_activation(digits.confidence),
        digits.runner_up,
        calibration.of_activation(digits.runner_up_confidence),
        digits.boxes,
        digits.joins,
    )


def fit_calibration(logits: NDArray[np.float64], right: NDArray[np.bool_]) -> Calibration:
    """The line through the logits that makes what was right most likely; slope at least 0.1."""

    def surprise(line: NDArray[np.float64]) -> float:
        z = line[0] * logits + line[1]
        return float(np.mean(np.logaddexp(0, np.where(right, -z, z))))

    if right.all() or not right.any():
        return Calibration()
    best = minimize(surprise, np.array([1.0, 0.0]), method="Nelder-Mead").x
    return Calibration(max(0.1, float(best[0])), float(best[1]))


def expected_calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Mean distance of confidence and share of right answers, over 10 equal-count bins; 0 without answers."""
    if not len(confidence):
        return 0.0
    order = np.argsort(confidence, kind="stable")
    bins = np.array_split(order, min(N_BINS, len(order)))
    gaps = [len(part) * abs(confidence[part].mean() - right[part].mean()) for part in bins]
    return float(sum(gaps) / len(order))


def _read(network: DigitNetwork, scan: Scan, tally: _Tally) -> None:
    ink = torch.from_numpy(clean(scan.grey))[None, None]
    with torch.inference_mode():
        digits = find_digits(network(ink), _WEAKEST)
    asked, right = _judge(scan, digits)
    tally.logits.append(np.log(digits.confidence[asked] / (1 - digits.confidence[asked])))
    tally.right.append(right[asked])
    tally.pages.append((scan, digits))
    true = [digit for number in scan.numbers for digit in number.digits]
    if true and len(digits):
        distance, nearest = cKDTree(digits.middles).query([digit.box.centre for digit in true])
        for digit, far, k in zip(true, distance, nearest, strict=True):
            if far < _SAME_PLACE * digit.box.height:
                tally.confusion[digit.value, digits.values[k]] += 1


def _judge(scan: Scan, digits: Digits) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """For each digit found: may it be judged, and is it right?"""
    asked, right = np.ones(len(digits), dtype=bool), np.zeros(len(digits), dtype=bool)
    if not len(digits):
        return asked, right
    true = [digit for number in scan.numbers for digit in number.digits]
    if true:
        distance, nearest = cKDTree([digit.box.centre for digit in true]).query(digits.middles)
        heights = np.array([digit.box.height for digit in true])[nearest]
        values = np.array([digit.value for digit in true])[nearest]
        right = (distance < _SAME_PLACE * heights) & (values == digits.values)
    if scan.unasked:
        distance, nearest = cKDTree([box.centre for box in scan.unasked]).query(digits.middles)
        heights = np.array([box.height for box in scan.unasked])[nearest]
        asked = right | (distance > 0.8 * heights)
    return asked, right


def _count_numbers(scan: Scan, digits: Digits, runs: list[NDArray[np.intp]]) -> NDArray[np.float64]:
    """Right numbers, numbers read (where they may be judged), numbers printed."""
    asked, _ = _judge(scan, digits)
    read = [run for run in runs if asked[run].all()]
    right = 0
    if read and scan.numbers:
        middles = np.array(
            [(digits.boxes[run, :2].min(axis=0) + digits.boxes[run, 2:].max(axis=0)) / 2 for run in read]
        )
        distance, nearest = cKDTree([number.box.centre for number in scan.numbers]).query(middles)
        for run, far, k in zip(read, distance, nearest, strict=True):
            right += _same(digits, run, scan.numbers[k]) and far < _SAME_PLACE * scan.numbers[k].box.height
    return np.array([right, len(read), len(scan.numbers)], dtype=np.float64)


def _same(digits: Digits, run: NDArray[np.intp], number: TrueNumber) -> bool:
    return [digit.value for digit in number.digits] == digits.values[run].tolist()
