"""Scores of a reading: F1 of numbers and digits, Pearson correlation of the bins, recall of neighbours in tables.

Both F1 compare multisets: how often each digit string (each digit) stands on the page and how often it was read,
wherever it stands. The correlation is taken over the 110 bins of the bigram histogram. Counts are kept, so that pages
are added up before a score is taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tablesim.records.bins import N_BINS, count_bigrams
from tablesim.records.reading import ILLEGIBLE, Number


@dataclass(frozen=True, slots=True)
class ErrorCounts:
    """What was read rightly, read wrongly and missed; they add up."""

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


@dataclass(frozen=True)
class ReadingScore:
    """How one page, or several added up, was read.

    Parameters
    ----------
    numbers, digits : ErrorCounts
        Whole numbers, and single digits.
    bins_read, bins_true : int64 array of shape (110,)
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
        """F1 of whole numbers."""
        return self.numbers.f1

    @property
    def f1_digits(self) -> float:
        """F1 of single digits."""
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
        """Scores to six decimals, and the counts behind them."""
        return {
            "f1_numbers": round(self.f1_numbers, 6),
            "f1_digits": round(self.f1_digits, 6),
            "pearson": round(self.pearson, 6),
            "numbers": asdict(self.numbers),
            "digits": asdict(self.digits),
            "pages": self.pages,
        }


def score_texts(read: Sequence[str], true: Sequence[str]) -> ReadingScore:
    """Score the digit strings read on a page against those that are printed.

    An illegible digit (``?``) keeps its number from being right and has no digit and no bin.
    """
    return ReadingScore(
        ErrorCounts.of(read, true),
        ErrorCounts.of("".join(read).replace(ILLEGIBLE, ""), "".join(true).replace(ILLEGIBLE, "")),
        count_bigrams(read),
        count_bigrams(true),
    )


def total(scores: Iterable[ReadingScore]) -> ReadingScore:
    """Several pages as one: counts and bins are summed before scores are taken."""
    return sum(scores, start=ReadingScore(pages=0))


def pearson(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Correlation of two arrays of one shape; where one of them is flat, 1 when they are equal and 0 when not."""
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a @ a) * (b @ b)))
    if norm == 0:
        return float(np.array_equal(first, second))
    return float(a @ b) / norm


@dataclass(frozen=True, slots=True)
class PrintedNumber:
    """A number that is printed: its digits, and its cell, or None for each of ``table``, ``row`` and ``column``."""

    digits_text: str
    table: int | None = None
    row: int | None = None
    column: int | None = None


InCells = Sequence[Number | PrintedNumber]


@dataclass(frozen=True, slots=True)
class NeighbourRecall:
    """How many pairs of neighbours are printed, and how many of them are neighbours in the reading; they add up."""

    printed: int = 0
    kept: int = 0

    @property
    def share(self) -> float:
        """Share of the printed neighbours that were kept; 1 where there are none."""
        return self.kept / self.printed if self.printed else 1.0

    def __add__(self, other: NeighbourRecall) -> NeighbourRecall:
        return NeighbourRecall(self.printed + other.printed, self.kept + other.kept)


@dataclass(frozen=True, slots=True)
class TableNeighbourRecall:
    """Recall of neighbours in rows and in columns."""

    rows: NeighbourRecall = NeighbourRecall()
    columns: NeighbourRecall = NeighbourRecall()

    @property
    def both(self) -> NeighbourRecall:
        """Rows and columns together."""
        return self.rows + self.columns

    def __add__(self, other: TableNeighbourRecall) -> TableNeighbourRecall:
        return TableNeighbourRecall(self.rows + other.rows, self.columns + other.columns)

    def to_dict(self) -> dict[str, Any]:
        """The share to six decimals, and the counts behind it."""
        return {
            "share": round(self.both.share, 6),
            "rows": asdict(self.rows),
            "columns": asdict(self.columns),
        }


def neighbour_recall(read: InCells, printed: InCells, pairs: Iterable[tuple[int, int]]) -> TableNeighbourRecall:
    """How many printed neighbours are neighbours in the reading.

    Two numbers are neighbours when one is the next in the other's row or column of a table; blank cells are skipped. A
    pair is kept when both numbers were found, whatever digits were read in them, and stand next to each other in the
    same direction in the reading: a number missed, one too many between them, or a broken row loses it.

    Parameters
    ----------
    read, printed : sequence of Number or PrintedNumber
    pairs : iterable of (int, int)
        Indices into ``read`` and ``printed`` of the numbers that are the same.
    """
    read_of = {k: j for j, k in pairs}
    counts = []
    for across in (True, False):
        expected, pairs_read = neighbour_pairs(printed, across=across), neighbour_pairs(read, across=across)
        kept = sum((read_of.get(a, -1), read_of.get(b, -1)) in pairs_read for a, b in expected)
        counts.append(NeighbourRecall(len(expected), kept))
    return TableNeighbourRecall(*counts)


def neighbour_pairs(cells: InCells, *, across: bool) -> set[tuple[int, int]]:
    """Pairs of indices of numbers that follow each other in a row (``across``) or in a column of a table."""
    lines: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for index, cell in enumerate(cells):
        if cell.table is None or cell.row is None or cell.column is None:
            continue
        line, position = (cell.row, cell.column) if across else (cell.column, cell.row)
        lines.setdefault((cell.table, line), []).append((position, index))
    return {(first, second) for line in lines.values() for (_, first), (_, second) in pairwise(sorted(line))}
