"""How well a page was read, against its transcription.

Three figures. F1 of whole numbers and F1 of digits compare multisets: how often each digit string (each digit) stands
on the page and how often it was read, wherever it stands. The Pearson correlation is taken over the 110 bins of the
bigram histogram. Counts are kept, so that pages are added up before a figure is taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tablesim.digits.transcription import Transcription
from tablesim.records.bins import N_BINS, count_bigrams
from tablesim.records.reading import ILLEGIBLE, Number


@dataclass(frozen=True, slots=True)
class ErrorCounts:
    """What was found, wrongly found and missed; they add up."""

    hits: int = 0
    false: int = 0
    missed: int = 0

    @classmethod
    def of(cls, read: Iterable[str], true: Iterable[str]) -> ErrorCounts:
        """Compare two multisets."""
        read_counts, true_counts = Counter(read), Counter(true)
        hits = (read_counts & true_counts).total()
        return cls(hits, read_counts.total() - hits, true_counts.total() - hits)

    @property
    def precision(self) -> float:
        """Share of what was read that is right; 1 where nothing was read."""
        return self.hits / (self.hits + self.false) if self.hits + self.false else 1.0

    @property
    def recall(self) -> float:
        """Share of what is printed that was read; 1 where nothing is printed."""
        return self.hits / (self.hits + self.missed) if self.hits + self.missed else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 1 where nothing is printed and nothing was read."""
        of_both = 2 * self.hits + self.false + self.missed
        return 2 * self.hits / of_both if of_both else 1.0

    def __add__(self, other: ErrorCounts) -> ErrorCounts:
        return ErrorCounts(self.hits + other.hits, self.false + other.false, self.missed + other.missed)

    def to_dict(self) -> dict[str, int]:
        return {"hits": self.hits, "false": self.false, "missed": self.missed}


@dataclass(frozen=True)
class ReadingScore:
    """How one page, or several added up, was read.

    Parameters
    ----------
    numbers, digits : Counts
        Whole numbers, and single digits.
    bins_read, bins_true : int array of shape (110,)
        Histograms of what was read and of what is printed.
    pages : int
        How many pages these are.
    """

    numbers: ErrorCounts = field(default_factory=ErrorCounts)
    digits: ErrorCounts = field(default_factory=ErrorCounts)
    bins_read: NDArray[np.int64] = field(default_factory=lambda: np.zeros(N_BINS, np.int64), compare=False)
    bins_true: NDArray[np.int64] = field(default_factory=lambda: np.zeros(N_BINS, np.int64), compare=False)
    pages: int = 1

    @property
    def f1_numbers(self) -> float:
        return self.numbers.f1

    @property
    def f1_digits(self) -> float:
        return self.digits.f1

    @property
    def pearson(self) -> float:
        """Correlation of the two histograms; where one is flat, 1 when they are equal and 0 when not."""
        return pearson(self.bins_read, self.bins_true)

    def __add__(self, other: ReadingScore) -> ReadingScore:
        return ReadingScore(
            self.numbers + other.numbers,
            self.digits + other.digits,
            self.bins_read + other.bins_read,
            self.bins_true + other.bins_true,
            self.pages + other.pages,
        )

    def to_dict(self) -> dict[str, Any]:
        """Figures to six decimals, and the counts behind them."""
        return {
            "f1_numbers": round(self.f1_numbers, 6),
            "f1_digits": round(self.f1_digits, 6),
            "pearson": round(self.pearson, 6),
            "numbers": self.numbers.to_dict(),
            "digits": self.digits.to_dict(),
            "pages": self.pages,
        }


def score_reading(numbers: Sequence[Number], transcription: Transcription) -> ReadingScore:
    """Score the numbers read on a page against its transcription.

    A number with its centre in an ignore box of the transcription does not count; everything else does. A figure that
    cannot be told (``?``) keeps its number from being right and has no digit and no bin.

    Parameters
    ----------
    numbers : sequence of Number
        What was read, in source pixels.
    transcription : Transcription
        What is printed.
    """
    read = [number.digits_text for number in numbers if not transcription.ignores(*number.box.centre)]
    return score_texts(read, transcription.numbers)


def score_texts(read: Sequence[str], true: Sequence[str]) -> ReadingScore:
    """Score the digit strings read on a page, all of which count, against those that are printed."""
    return ReadingScore(
        ErrorCounts.of(read, true),
        ErrorCounts.of("".join(read).replace(ILLEGIBLE, ""), "".join(true).replace(ILLEGIBLE, "")),
        count_bigrams(read),
        count_bigrams(true),
    )


def total(scores: Iterable[ReadingScore]) -> ReadingScore:
    """Several pages as one: hits, false ones, misses and bins are summed, then the figures are taken."""
    return sum(scores, start=ReadingScore(pages=0))


def pearson(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Correlation of two arrays of one shape; where one of them is flat, 1 when they are equal and 0 when not."""
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a @ a) * (b @ b)))
    if norm == 0:
        return float(np.array_equal(first, second))
    return float(a @ b) / norm
