"""How well a network reads annotated pages of books that it has not learned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from tablesim.digits.annotated_pages import AnnotatedPage
from tablesim.digits.network import DigitNetwork
from tablesim.digits.numbers import Thresholds, join_digits
from tablesim.digits.peaks import Calibration, DigitPeaks, find_digits
from tablesim.digits.scores import ErrorCounts
from tablesim.records.truth import TrueDigit

_SAME_PLACE = 0.5


@dataclass(frozen=True)
class HeldOutScore:
    """Figures on annotated pages; they add up.

    Attributes
    ----------
    digits : Counts
        Annotated figures read rightly at their place, figures read wrongly or where none is, and figures missed.
    numbers : Counts
        Annotated numbers whose figures are right and joined rightly, and numbers that are not; ``false`` stays 0.
    confusion : int array of shape (10, 10)
        Rows: what is annotated; columns: what was read there.
    """

    digits: ErrorCounts = field(default_factory=ErrorCounts)
    numbers: ErrorCounts = field(default_factory=ErrorCounts)
    confusion: NDArray[np.int64] = field(default_factory=lambda: np.zeros((10, 10), np.int64), compare=False)

    def __add__(self, other: HeldOutScore) -> HeldOutScore:
        return HeldOutScore(self.digits + other.digits, self.numbers + other.numbers, self.confusion + other.confusion)

    def to_dict(self) -> dict[str, Any]:
        return {
            "digit_precision": round(self.digits.precision, 4),
            "digit_recall": round(self.digits.recall, 4),
            "f1_digits": round(self.digits.f1, 4),
            "numbers_right": round(self.numbers.recall, 4),
            "digits": self.digits.to_dict(),
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
        What its activations are worth.
    pages : sequence of AnnotatedPage
        What the annotations say nothing about is not counted.
    """
    return sum((_measure_page(network, calibration, page) for page in pages), start=HeldOutScore())


def _measure_page(network: DigitNetwork, calibration: Calibration, page: AnnotatedPage) -> HeldOutScore:
    thresholds = Thresholds()
    ink = torch.from_numpy(page.ink.astype(np.float32) / 255)[None, None]
    with torch.inference_mode():
        found = find_digits(network(ink), thresholds.doubtful, calibration)
    runs = join_digits(found, thresholds.doubtful, thresholds.sure)
    accepted = np.concatenate(runs) if runs else np.zeros(0, dtype=np.intp)
    confusion = np.zeros((10, 10), dtype=np.int64)
    wanted = [digit for number in page.numbers for digit in number.digits]
    at = _found_at(found.take(accepted), wanted)
    place = {int(k): (n, i) for n, run in enumerate(runs) for i, k in enumerate(run)}
    hits = missed = right = 0
    for digit, k in zip(wanted, at, strict=True):
        if digit.value < 0:
            continue
        value = int(found.values[accepted[k]]) if k >= 0 else -1
        hits, missed = hits + (value == digit.value), missed + (value != digit.value)
        if value >= 0:
            confusion[digit.value, value] += 1
    start = 0
    for number in page.numbers:
        here = [place[int(accepted[k])] if k >= 0 else None for k in at[start : start + len(number.digits)]]
        start += len(number.digits)
        right += _is_right(found, runs, here, [digit.value for digit in number.digits])
    judged = _judged(found.take(accepted), page)
    asked_numbers = sum(all(digit.value >= 0 for digit in number.digits) for number in page.numbers)
    return HeldOutScore(
        ErrorCounts(hits, max(0, judged - hits), missed), ErrorCounts(right, 0, asked_numbers - right), confusion
    )


def _found_at(found: DigitPeaks, wanted: Sequence[TrueDigit]) -> NDArray[np.intp]:
    """For each annotated figure the index of the digit read at its place, or -1."""
    if not len(found) or not wanted:
        return np.full(len(wanted), -1, dtype=np.intp)
    distance, nearest = cKDTree(found.middles).query([digit.box.centre for digit in wanted])
    heights = np.array([digit.box.height for digit in wanted])
    return np.where(distance < _SAME_PLACE * heights, nearest, -1).astype(np.intp)


def _is_right(
    found: DigitPeaks, runs: Sequence[NDArray[np.intp]], here: Sequence[tuple[int, int] | None], values: Sequence[int]
) -> bool:
    """Whether the digits read at a number's figures are one whole number with these values."""
    if here[0] is None or min(values) < 0:
        return False
    run = runs[here[0][0]]
    return [*here] == [(here[0][0], i) for i in range(len(values))] and found.values[run].tolist() == [*values]


def _judged(accepted: DigitPeaks, page: AnnotatedPage) -> int:
    """How many of the digits read stand where the annotations say everything, and not where nothing is asked."""
    middles = accepted.middles[:, None, :]
    asked = _inside(middles, page.asked)
    figures = page.figures
    return int((asked & ~_inside(middles, figures.places[figures.values < 0].astype(np.float64))).sum())


def _inside(points: NDArray[np.float64], areas: NDArray[np.float64]) -> NDArray[np.bool_]:
    within = np.all((points >= areas[None, :, :2]) & (points <= areas[None, :, 2:]), axis=2)
    return np.asarray(np.any(within, axis=1))
