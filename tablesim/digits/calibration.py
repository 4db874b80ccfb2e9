"""What confidences are worth: fitting them to right and wrong answers, and measuring how far they lie off."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from tablesim.digits.peaks import Calibration
from tablesim.errors import WeightsError
from tablesim.records.reading import Digit, Number

N_BINS = 10

_SURELY = 1e-9


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers of like confidence: how many, how sure they were on average, and the share of them that is right."""

    count: int
    confidence: float
    right: float

    def to_dict(self) -> dict[str, Any]:
        return {"count": self.count, "confidence": round(self.confidence, 4), "right": round(self.right, 4)}


def fit_calibration(logits: NDArray[np.float64], right: NDArray[np.bool_]) -> Calibration:
    """The line through the logits that makes what was right most likely (Platt 1999); slope at least 0.1.

    Answers of one kind, all right or all wrong, fit no line: they leave the activations as they are.
    """

    def surprise(line: NDArray[np.float64]) -> float:
        z = line[0] * logits + line[1]
        return float(np.mean(np.logaddexp(0, np.where(right, -z, z))))

    if right.all() or not right.any():
        return Calibration()
    # Only who fits pays for loading it: every reader imports this module.
    from scipy.optimize import minimize

    best = minimize(surprise, np.array([1.0, 0.0]), method="Nelder-Mead").x
    return Calibration(max(0.1, float(best[0])), float(best[1]))


def logits_of(confidence: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logits of confidences between 0 and 1; nothing is surer than one in a thousand million."""
    return np.asarray(logit(np.clip(confidence, _SURELY, 1 - _SURELY)), dtype=np.float64)


def reliability(confidence: NDArray[np.float64], right: NDArray[np.bool_], n_bins: int = N_BINS) -> tuple[Bin, ...]:
    """The answers in equal-count bins of rising confidence; fewer bins where there are fewer answers, none without."""
    if not len(confidence):
        return ()
    order = np.argsort(confidence, kind="stable")
    parts = np.array_split(order, min(n_bins, len(order)))
    return tuple(Bin(len(part), float(confidence[part].mean()), float(right[part].mean())) for part in parts)


def expected_calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Mean distance of confidence and share of right answers, over 10 equal-count bins; 0 without answers."""
    bins = reliability(confidence, right)
    off = sum(each.count * abs(each.confidence - each.right) for each in bins)
    return off / len(confidence) if bins else 0.0


def as_probabilities(numbers: Iterable[Number], of_digits: Calibration, of_numbers: Calibration) -> list[Number]:
    """Numbers as they leave the reader: the confidences of digits and of whole numbers brought to probabilities.

    What a digit's value gains its runner-up loses: it keeps its share of the doubt that is left.
    """
    return [
        replace(
            number,
            digits=tuple(_probable(digit, of_digits) for digit in number.digits),
            confidence=float(of_numbers.of_activation(np.array([number.confidence]))[0]),
        )
        for number in numbers
    ]


def _probable(digit: Digit, line: Calibration) -> Digit:
    confidence = float(line.of_activation(np.array([digit.confidence]))[0])
    if digit.runner_up is None:
        return replace(digit, confidence=confidence)
    value, rival = digit.runner_up
    share = min(1.0, rival / max(1 - digit.confidence, _SURELY))
    return replace(digit, confidence=confidence, runner_up=(value, share * (1 - confidence)))


def calibration_in(record: Mapping[str, object], name: str, path: str | Path) -> Calibration:
    """The calibration that a weights file records under ``name``; the one that changes nothing where it has none.

    Raises
    ------
    WeightsError
        What stands there is no slope above 0 and a shift; ``path`` is named.
    """
    given = record.get(name)
    if given is None:
        return Calibration()
    if isinstance(given, Mapping) and set(given) == {"slope", "shift"}:
        slope, shift = given["slope"], given["shift"]
        numbers = all(isinstance(value, int | float) and math.isfinite(value) for value in (slope, shift))
        if numbers and slope > 0:
            return Calibration(float(slope), float(shift))
    raise WeightsError(f"{path}: its {name} is {given!r}, expected a slope above 0 and a shift; train it again")
