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


DRAWN_AT_ONCE = 1 << 17
"""Digits that are drawn together, 1 MB for each of some arrays."""


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
        return np.asarray(self._drawn(rng, 1)[0])

    def draws(self, rng: np.random.Generator, count: int) -> NDArray[np.float64]:
        """Those of ``count`` possible readings, shape (count, n_pages, 110): what as many calls give."""
        at_once = max(1, DRAWN_AT_ONCE // max(1, len(self.page)))
        parts = [self._drawn(rng, min(at_once, count - start)) for start in range(0, count, at_once)]
        return np.concatenate(parts) if parts else np.zeros((0, self.n_pages, N_BINS))

    def _drawn(self, rng: np.random.Generator, count: int) -> NDArray[np.float64]:
        u = rng.random((count, len(self.page)))
        drawn = np.where(u < self.confidence, self.value, np.where(u < self.confidence + self.rate, self.runner_up, -1))
        # The last digit of a page never goes on, so that what is beyond it does not matter.
        following = np.roll(drawn, -1, axis=1)
        paired = self.continued & (drawn >= 0) & (following >= 0)
        # As in bigrams.Occurrences: a digit that is not read parts its number.
        alone = (drawn >= 0) & ~paired & ~np.roll(paired, 1, axis=1)
        bins = np.where(alone, drawn, N_DIGITS + N_DIGITS * drawn + following)
        bins += N_BINS * (self.page + self.n_pages * np.arange(count)[:, None])
        counts = np.bincount(bins[alone | paired], minlength=count * self.n_pages * N_BINS)
        return counts.reshape(count, self.n_pages, N_BINS).astype(np.float64)


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
