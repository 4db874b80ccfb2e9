"""Resamples readings: histograms drawn by the confidences of the digits (parametric bootstrap).

Every digit was read with a confidence, and with a runner-up. One draw takes each digit as read with its confidence, as
the runner-up with the runner-up's, and as not read otherwise; a number that loses a digit is parted there. Where the
readings are not there, or there are too many, every twentieth digit is misread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from tablesim.records.bins import N_BINS, N_DIGITS
from tablesim.records.reading import Reading

Draw = Callable[[np.random.Generator], NDArray[np.float64]]
"""Gives histograms of shape (n, 110) of the same n pages, each time of another possible reading."""

ASSUMED = 0.05
"""Share of digits misread where nothing better is known; chosen by eye."""


class DoubtedReadings:
    """Draws histograms of pages by the confidences of their digits.

    Parameters
    ----------
    readings : iterable of Reading
        One for each of the n pages, in their order.
    """

    def __init__(self, readings: Iterable[Reading]) -> None:
        columns: list[tuple[int, int, float, int, float, bool]] = []
        self.n_pages = 0
        for page, reading in enumerate(readings):
            self.n_pages += 1
            for number in reading.numbers:
                last = len(number.digits) - 1
                for place, digit in enumerate(number.digits):
                    value = -1 if digit.value is None else digit.value
                    runner_up, rate = digit.runner_up if digit.runner_up is not None else (-1, 0.0)
                    columns.append((page, value, digit.confidence, runner_up, rate, place < last))
        digits = np.array(columns, dtype=np.float64).reshape(-1, 6).T
        self.page, self.value, self.runner_up = (digits[at].astype(np.intp) for at in (0, 1, 3))
        self.confidence = np.clip(digits[2], 0.0, 1.0)
        self.rate = np.minimum(np.clip(digits[4], 0.0, 1.0), 1.0 - self.confidence)
        self.continued = digits[5].astype(bool)

    def __call__(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Histograms of shape (n_pages, 110) of one possible reading."""
        u = rng.random(len(self.page))
        drawn = np.where(u < self.confidence, self.value, np.where(u < self.confidence + self.rate, self.runner_up, -1))
        following = np.append(drawn[1:], -1)
        paired = self.continued & (drawn >= 0) & (following >= 0)
        # As in bigrams.Occurrences: a digit that is not read parts its number.
        alone = (drawn >= 0) & ~paired & ~np.insert(paired[:-1], 0, False)[: len(drawn)]
        bins = np.where(alone, drawn, N_DIGITS + N_DIGITS * drawn + following)
        counted = alone | paired
        at = self.page[counted] * N_BINS + bins[counted]
        return np.bincount(at, minlength=self.n_pages * N_BINS).reshape(self.n_pages, N_BINS).astype(np.float64)


class DoubtedCounts:
    """Draws histograms of pages of which ``ASSUMED`` of the digits are misread, from their counts alone.

    A misread digit leaves its bin and appears in those that are common on all pages.
    """

    def __init__(self, histograms: NDArray[np.floating]) -> None:
        self.counts = np.rint(np.asarray(histograms, dtype=np.float64)).astype(np.int64)
        total = self.counts.sum(axis=0).astype(np.float64)
        self.common = total / max(total.sum(), 1.0)

    def __call__(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Histograms of shape (n_pages, 110) of one possible reading."""
        kept = rng.binomial(self.counts, 1.0 - ASSUMED)
        lost = ASSUMED * self.counts.sum(axis=1, keepdims=True)
        return np.asarray(kept + rng.poisson(lost * self.common), dtype=np.float64)
