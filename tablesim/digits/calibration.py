"""Calibration of confidences by Platt's line through the logits, and the expected calibration error.

The line is fitted to right and wrong answers (Platt, "Probabilistic outputs for support vector machines", 1999); how
far confidences are off is measured in bins of equal counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from tablesim.errors import WeightsError
from tablesim.records.plain import plain
from tablesim.records.reading import Digit, Number

RELIABILITY_BINS = 10
"""Bins of a reliability diagram, as is usual for the expected calibration error."""

CLIP = 1e-9
"""Least doubt of a confidence: logits stay within 20.7 of 0, or one saturated answer would decide a whole fit."""

STEEPEST_SLOPE = 20.0
"""A steeper line is no calibration but a threshold; the bundled networks have slopes of 1.3 to 2.9."""

FLAT = 0.01
"""Greatest gradient of the mean log loss at which a fit has converged; fits on validation pages end below 0.0001."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """From logits to probabilities: sigmoid(slope x logit + shift)."""

    slope: float = 1.0
    shift: float = 0.0

    def of_logit(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities of logits."""
        return np.asarray(expit(self.slope * logits + self.shift), dtype=np.float64)

    def of_activation(self, activation: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities of activations between 0 and 1."""
        return self.of_logit(logits_of(activation))

    def least_logit(self, probability: float) -> float:
        """The logit whose probability this is."""
        return float((logit(probability) - self.shift) / self.slope)


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Answers of similar confidence: how many, their mean confidence, and the share of them that is right."""

    count: int
    confidence: float
    right: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values, shares to four decimals."""
        return plain(self, 4)


def logits_of(confidence: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logits of confidences between 0 and 1, clipped to `CLIP` and 1 - `CLIP`."""
    return np.asarray(logit(np.clip(confidence, CLIP, 1 - CLIP)), dtype=np.float64)


def fit_calibration(logits: NDArray[np.float64], right: NDArray[np.bool_]) -> Calibration:
    """The line through the logits under which right and wrong answers are most likely (Platt 1999); slope at least 0.1.

    Parameters
    ----------
    logits : float64 array of shape (n,)
        Finite; ``logits_of`` makes them from confidences.
    right : bool array of shape (n,)
        Whether each answer is right. Answers of one kind, all right or all wrong, fit no line: the activations are left
        as they are. Where a threshold parts right from wrong, or nearly does, no line or a steeper one than
        `STEEPEST_SLOPE` is the most likely, and Platt's targets (1 / (n + 2) from 0 and 1) take the place of 0 and 1.

    Raises
    ------
    ValueError
        A logit is not finite.
    WeightsError
        The fit does not converge, or its slope is more than `STEEPEST_SLOPE`.
    """
    if not np.isfinite(logits).all():
        raise ValueError("fit_calibration: got a logit that is not finite, expected logits as logits_of makes them")
    if right.all() or not right.any():
        return Calibration()
    slope, shift, gradient = _likeliest_line(logits, right.astype(np.float64))
    if logits[right].min() > logits[~right].max() or slope > STEEPEST_SLOPE:
        smooth = np.where(right, 1 - 1 / (right.sum() + 2), 1 / ((~right).sum() + 2))
        slope, shift, gradient = _likeliest_line(logits, smooth)
    if not gradient < FLAT or slope > STEEPEST_SLOPE:
        raise WeightsError(
            f"calibration on {len(logits)} answers: got a slope of {slope:g} at a gradient of {gradient:.2g}, expected "
            f"at most {STEEPEST_SLOPE:g} at {FLAT:g}; train the network longer, or validate it on more pages"
        )
    return Calibration(max(0.1, slope), shift)


def _likeliest_line(logits: NDArray[np.float64], target: NDArray[np.float64]) -> tuple[float, float, float]:
    """Slope and shift of the line of least log loss, and the gradient that is left."""

    def surprise(line: NDArray[np.float64]) -> float:
        z = line[0] * logits + line[1]
        return float(np.mean(target * np.logaddexp(0, -z) + (1 - target) * np.logaddexp(0, z)))

    # Imported here for readers, all of which import this module and never fit.
    from scipy.optimize import minimize

    slope, shift = (float(v) for v in minimize(surprise, np.array([1.0, 0.0]), method="Nelder-Mead").x)
    error = Calibration(slope, shift).of_logit(logits) - target
    return slope, shift, float(np.hypot(np.mean(error * logits), np.mean(error)))


def reliability(
    confidence: NDArray[np.float64], right: NDArray[np.bool_], n_bins: int = RELIABILITY_BINS
) -> tuple[ReliabilityBin, ...]:
    """The answers in equal-count bins of rising confidence; fewer bins where there are fewer answers, none without."""
    if not len(confidence):
        return ()
    order = np.argsort(confidence, kind="stable")
    parts = np.array_split(order, min(n_bins, len(order)))
    return tuple(ReliabilityBin(len(part), float(confidence[part].mean()), float(right[part].mean())) for part in parts)


def expected_calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Mean distance of confidence and share of right answers, over 10 equal-count bins; 0 without answers."""
    bins = reliability(confidence, right)
    off = sum(each.count * abs(each.confidence - each.right) for each in bins)
    return off / len(confidence) if bins else 0.0


def as_probabilities(numbers: Iterable[Number], of_digits: Calibration, of_numbers: Calibration) -> list[Number]:
    """The numbers with the confidences of digits and of whole numbers brought to probabilities.

    A runner-up keeps its share of the remaining doubt.
    """
    numbers = list(numbers)
    activations = np.array([digit.confidence for number in numbers for digit in number.digits])
    sure = iter(of_digits.of_activation(activations).tolist())
    whole = of_numbers.of_activation(np.array([number.confidence for number in numbers])).tolist()
    return [
        replace(number, digits=tuple(_calibrated(digit, next(sure)) for digit in number.digits), confidence=confidence)
        for number, confidence in zip(numbers, whole, strict=True)
    ]


def _calibrated(digit: Digit, confidence: float) -> Digit:
    if digit.runner_up is None:
        return Digit(digit.value, digit.box, confidence)
    value, rival = digit.runner_up
    share = min(1.0, rival / max(1 - digit.confidence, CLIP))
    return Digit(digit.value, digit.box, confidence, (value, share * (1 - confidence)))


def calibration_in(record: Mapping[str, object], name: str, path: str | Path) -> Calibration:
    """The calibration that the weights file ``path`` records under ``name``; without one, activations stay as they are.

    Raises
    ------
    WeightsError
        The record is anything but a slope above 0 and a shift.
    """
    recorded = record.get(name)
    if recorded is None:
        return Calibration()
    if isinstance(recorded, Mapping) and set(recorded) == {"slope", "shift"}:
        slope, shift = recorded["slope"], recorded["shift"]
        finite = all(isinstance(value, int | float) and math.isfinite(value) for value in (slope, shift))
        if finite and slope > 0:
            return Calibration(float(slope), float(shift))
    raise WeightsError(f"{path}: its {name} is {recorded!r}, expected a slope above 0 and a shift; train it again")
