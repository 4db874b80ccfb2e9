"""Measures of a digit network on annotated pages that it was not trained on, at the scale of their annotations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from tablesim.digits.calibration import Calibration
from tablesim.digits.evaluation.alignment import SAME_POSITION
from tablesim.digits.evaluation.scores import ErrorCounts
from tablesim.digits.network import DigitNetwork
from tablesim.digits.numbers import Thresholds, join_digits
from tablesim.digits.peaks import DigitPeaks, find_digits
from tablesim.digits.training.annotated_pages import AnnotatedPage
from tablesim.records.truth import TrueDigit


@dataclass(frozen=True)
class HeldOutScore:
    """Measures on annotated pages; they add up.

    Attributes
    ----------
    digits : ErrorCounts
        Annotated digits read rightly at their position, digits read wrongly or where none is, and digits missed.
    numbers : ErrorCounts
        Annotated numbers whose digits are right and joined rightly, and numbers that are not; ``false`` stays 0.
    confusion : int array of shape (10, 10)
        Rows: what is annotated; columns: what was read there.
    """

    digits: ErrorCounts = field(default_factory=ErrorCounts)
    numbers: ErrorCounts = field(default_factory=ErrorCounts)
    confusion: NDArray[np.int64] = field(default_factory=lambda: np.zeros((10, 10), np.int64), compare=False)

    def __add__(self, other: HeldOutScore) -> HeldOutScore:
        return HeldOutScore(self.digits + other.digits, self.numbers + other.numbers, self.confusion + other.confusion)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, shares to four decimals."""
        return {
            "digit_precision": round(self.digits.precision, 4),
            "digit_recall": round(self.digits.recall, 4),
            "f1_digits": round(self.digits.f1, 4),
            "numbers_right": round(self.numbers.recall, 4),
            "digits": asdict(self.digits),
            "numbers": self.numbers.hits + self.numbers.missed,
            "confusion": self.confusion.tolist(),
        }


def measure(network: DigitNetwork, calibration: Calibration, pages: Sequence[AnnotatedPage]) -> HeldOutScore:
    """Read annotated pages at the scale of their annotations and count what is right.

    Parameters
    ----------
    network : DigitNetwork
        Folded, in evaluation mode.
    calibration : Calibration
        Of its activations.
    pages : sequence of AnnotatedPage
        What stands outside the annotated areas is not counted.
    """
    return sum((_measure_page(network, calibration, page) for page in pages), start=HeldOutScore())


def _measure_page(network: DigitNetwork, calibration: Calibration, page: AnnotatedPage) -> HeldOutScore:
    thresholds = Thresholds()
    ink = torch.from_numpy(page.ink.astype(np.float32) / 255)[None, None]
    with torch.inference_mode():
        peaks = find_digits(network(ink), thresholds.doubtful, calibration)
    runs = join_digits(peaks, thresholds.doubtful, thresholds.sure)
    accepted = np.concatenate(runs) if runs else np.zeros(0, dtype=np.intp)
    confusion = np.zeros((10, 10), dtype=np.int64)
    annotated = [digit for number in page.numbers for digit in number.digits]
    read_at = _read_at(peaks.take(accepted), annotated)
    run_of = {int(k): (n, i) for n, run in enumerate(runs) for i, k in enumerate(run)}
    hits = missed = right = 0
    for digit, k in zip(annotated, read_at, strict=True):
        if digit.value < 0:
            continue
        value = int(peaks.values[accepted[k]]) if k >= 0 else -1
        hits, missed = hits + (value == digit.value), missed + (value != digit.value)
        if value >= 0:
            confusion[digit.value, value] += 1
    start = 0
    for number in page.numbers:
        stop = start + len(number.digits)
        in_runs = [run_of[int(accepted[k])] if k >= 0 else None for k in read_at[start:stop]]
        start = stop
        right += _is_right(peaks, runs, in_runs, [digit.value for digit in number.digits])
    judged = _judged(peaks.take(accepted), page)
    asked_numbers = sum(all(digit.value >= 0 for digit in number.digits) for number in page.numbers)
    return HeldOutScore(
        ErrorCounts(hits, max(0, judged - hits), missed), ErrorCounts(right, 0, asked_numbers - right), confusion
    )


def _read_at(read: DigitPeaks, annotated: Sequence[TrueDigit]) -> NDArray[np.intp]:
    """For each annotated digit the index of the digit read at its position, or -1; shape (n,)."""
    if not len(read) or not annotated:
        return np.full(len(annotated), -1, dtype=np.intp)
    distance, nearest = cKDTree(read.middles).query([digit.box.centre for digit in annotated])
    heights = np.array([digit.box.height for digit in annotated])
    return np.where(distance < SAME_POSITION * heights, nearest, -1).astype(np.intp)


def _is_right(
    peaks: DigitPeaks,
    runs: Sequence[NDArray[np.intp]],
    in_runs: Sequence[tuple[int, int] | None],
    values: Sequence[int],
) -> bool:
    """Whether the digits read at those of a number are one whole number with these values."""
    if in_runs[0] is None or min(values) < 0:
        return False
    n = in_runs[0][0]
    return [*in_runs] == [(n, i) for i in range(len(values))] and peaks.values[runs[n]].tolist() == [*values]


def _judged(accepted: DigitPeaks, page: AnnotatedPage) -> int:
    """How many of the digits read stand in the annotated areas, and not where nothing is asked for."""
    middles = accepted.middles[:, None, :]
    asked = _inside(middles, page.asked)
    true = page.true_digits
    return int((asked & ~_inside(middles, true.boxes[true.values < 0].astype(np.float64))).sum())


def _inside(points: NDArray[np.float64], areas: NDArray[np.float64]) -> NDArray[np.bool_]:
    within = np.all((points >= areas[None, :, :2]) & (points <= areas[None, :, 2:]), axis=2)
    return np.asarray(np.any(within, axis=1))
