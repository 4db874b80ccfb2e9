"""Aligns the numbers that were read with those that are printed, by position or by dynamic programming.

Truths of synthesized pages have positions: there the nearest numbers are paired. A transcription has the order alone:
its rows are aligned with the rows of the reading, and the numbers within them, by global alignment (Needleman and
Wunsch 1970): of all ways to pair rows without crossing, and numbers in paired rows without crossing, the one with the
greatest sum of likeness. A misread number is therefore paired with what it was misread from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from tablesim.digits.deskew import deskew, digit_sizes, number_positions
from tablesim.digits.evaluation.scores import (
    PrintedNumber,
    ReadingScore,
    TableNeighbourRecall,
    neighbour_recall,
    score_texts,
)
from tablesim.records.boxes import Box
from tablesim.records.reading import ILLEGIBLE, Number, Reading
from tablesim.records.truth import PageTruth, Transcription

UNLIKE, ALIKE = 0.05, 0.45
"""Likeness of two numbers without a common digit, and the most that common digits add; equal numbers have 1. Between
paired neighbours even an unlike number is what was printed there, but it must never outweigh an equal one."""

SAME_LINE = 0.45
"""Numbers whose heights on the deskewed page differ by less, in digit heights, stand on one line."""

SAME_POSITION = 0.5
"""Two boxes whose middles are nearer than this, in digit heights, are one; what is read and what is printed there."""

Lines = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Alignment:
    """The numbers read on a page, those printed on it, and the pairs of both.

    Parameters
    ----------
    read : tuple of Number
        Numbers that were read, without those that do not count.
    printed : tuple of PrintedNumber
    pairs : tuple of (int, int)
        Indices into ``read`` and ``printed``, each in one pair at most.
    """

    read: tuple[Number, ...]
    printed: tuple[PrintedNumber, ...]
    pairs: tuple[tuple[int, int], ...]

    def score(self) -> ReadingScore:
        """Numbers, digits and bins that were read against those that are printed."""
        return score_texts([n.digits_text for n in self.read], [n.digits_text for n in self.printed])

    def neighbour_recall(self) -> TableNeighbourRecall:
        """How many printed neighbours in rows and columns were read as neighbours."""
        return neighbour_recall(self.read, self.printed, self.pairs)

    def answers(self) -> list[tuple[Number, bool]]:
        """Each number read and whether it is right; not those whose truth is illegible."""
        truth = {read: self.printed[printed].digits_text for read, printed in self.pairs}
        return [
            (number, truth.get(k) == number.digits_text)
            for k, number in enumerate(self.read)
            if ILLEGIBLE not in truth.get(k, "")
        ]

    def judged(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Confidence of each number read and whether it is right, shape (n,); not those whose truth is illegible."""
        answers = self.answers()
        confidence = np.array([number.confidence for number, _ in answers], dtype=np.float64)
        return confidence, np.array([right for _, right in answers], dtype=bool)


def align(reading: Reading, truth: Transcription | PageTruth) -> Alignment:
    """Pair the numbers of a reading with those that are printed: by position where the truth has boxes, else by order.

    By position a pair has its middles within half a digit's height of each other. What was read where nothing counts is
    left out: in an ignore box of a transcription, on digits of a synthesized page that wear made unfair to ask for.

    By order half-tables may be read as one table or as several: printed lines are aligned with lines across the page,
    halves with the rows of the tables one after another, and the way in which more agrees is taken. Cells come from the
    transcription: ``table`` is the half-table, ``row`` the printed line, and ``column`` counts the numbers of a
    half-table: the first number of its first column, the second of it, and so on; blank columns are counted.
    """
    return _by_position(reading, truth) if isinstance(truth, PageTruth) else _by_order(reading, truth)


def judged_digits(reading: Reading, truth: PageTruth) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Confidence of each digit read on a synthesized page, and whether that digit is printed there.

    Digits of numbers that stand where nothing is asked for are left out.
    """
    digits = [digit for number in _by_position(reading, truth).read for digit in number.digits]
    printed = list(truth.digits)
    pairs = _nearest([d.box for d in digits], [d.box for d in printed], [_height(d.box) for d in printed])
    right = np.zeros(len(digits), dtype=bool)
    for k, j in pairs:
        right[k] = digits[k].value == printed[j].value
    return np.array([digit.confidence for digit in digits], dtype=np.float64), right


def _by_order(reading: Reading, transcription: Transcription) -> Alignment:
    read = tuple(number for number in reading.numbers if not transcription.ignores(*number.box.centre))
    printed, rows, halves = _printed(transcription)
    table_rows = _rows_of_tables(read)
    ways = [(_lines(reading, read, table_rows), rows)]
    if max((len(row.halves) for row in transcription.rows), default=0) > 1:
        ways.append((table_rows, halves))
    likeness, read_ids, printed_ids = _likeness([n.digits_text for n in read], [n.digits_text for n in printed])
    alignments = [_aligned(likeness, read_ids, printed_ids, lines, printed_lines) for lines, printed_lines in ways]
    pairs, _ = max(alignments, key=lambda alignment: alignment[1])
    return Alignment(read, printed, tuple(pairs))


def _by_position(reading: Reading, truth: PageTruth) -> Alignment:
    printed = tuple(PrintedNumber(n.digits_text, n.table, n.row, n.column) for n in truth.numbers)
    heights = [max(_height(digit.box) for digit in number.digits) for number in truth.numbers]
    pairs = _nearest([n.box for n in reading.numbers], [n.box for n in truth.numbers], heights)
    unasked = [Box.from_dict(box) for box in truth.meta.get("unasked", ())]
    paired = {read for read, _ in pairs}
    kept = [
        k
        for k, number in enumerate(reading.numbers)
        if k in paired or not any(box.contains(*digit.box.centre) for box in unasked for digit in number.digits)
    ]
    index = {k: i for i, k in enumerate(kept)}
    return Alignment(tuple(reading.numbers[k] for k in kept), printed, tuple((index[k], j) for k, j in pairs))


def _height(box: Box) -> float:
    """Height of a digit, whichever way its page lies: digits are higher than they are wide."""
    return max(box.width, box.height)


def _printed(transcription: Transcription) -> tuple[tuple[PrintedNumber, ...], list[list[int]], list[list[int]]]:
    """The numbers of a transcription with their cells, its lines, and the lines of each half one half after another.

    Lines are indices of numbers.
    """
    printed: list[PrintedNumber] = []
    lines: list[list[int]] = []
    halves: dict[tuple[int, int], list[int]] = {}
    slots: dict[int, set[tuple[int, int]]] = {}
    for row in transcription.rows:
        for half, columns in enumerate(row.halves):
            slots.setdefault(half, set()).update((c, k) for c, cell in enumerate(columns) for k in range(len(cell)))
    column_of = {(half, *slot): n for half, taken in slots.items() for n, slot in enumerate(sorted(taken))}
    for n_row, row in enumerate(transcription.rows):
        start = len(printed)
        for half, columns in enumerate(row.halves):
            of_half = halves.setdefault((half, n_row), [])
            for c, cell in enumerate(columns):
                for k, text in enumerate(cell):
                    of_half.append(len(printed))
                    printed.append(PrintedNumber(text, half, n_row, column_of[half, c, k]))
        lines.append(list(range(start, len(printed))))
    return tuple(printed), lines, [halves[key] for key in sorted(halves)]


def _rows_of_tables(read: Sequence[Number]) -> list[list[int]]:
    """Rows of the tables in reading order; a number in no table is a row of its own."""
    rows: dict[tuple[int, int] | tuple[int], list[int]] = {}
    for k, number in enumerate(read):
        key = (k,) if number.table is None or number.row is None else (number.table, number.row)
        rows.setdefault(key, []).append(k)
    return list(rows.values())


def _lines(reading: Reading, read: Sequence[Number], rows: list[list[int]]) -> list[list[int]]:
    """Rows of the tables joined to lines across the page, with what stands beside the tables, from left to right."""
    if not read:
        return []
    unit = float(np.median(digit_sizes(read, reading.transform)[:, 1]))
    flat, _ = deskew(number_positions(read, reading.transform, unit))
    joined: list[list[int]] = []
    for row in sorted(rows, key=lambda row: float(flat.y[row].mean())):
        if joined and flat.y[row].mean() - flat.y[joined[-1]].mean() < SAME_LINE:
            joined[-1] = joined[-1] + row
        else:
            joined.append(row)
    return [sorted(line, key=lambda k: float(flat.x[k])) for line in joined]


def _likeness(
    read: Sequence[str], printed: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Likeness of each text read (rows) to each text printed (columns), and the row or column of each number.

    The last row and column are 0: they stand for no number at all.
    """
    texts_read, texts_printed = sorted(set(read)), sorted(set(printed))
    table = np.zeros((len(texts_read) + 1, len(texts_printed) + 1))
    for i, first in enumerate(texts_read):
        for j, second in enumerate(texts_printed):
            equal = first == second and ILLEGIBLE not in first
            table[i, j] = 1.0 if equal else UNLIKE + ALIKE * _in_common(first, second)
    return table, np.searchsorted(texts_read, read), np.searchsorted(texts_printed, printed)


def _in_common(first: str, second: str) -> float:
    """Share of equal digits, counted from the left or from the right; nothing is like an illegible one."""
    from_left = sum(a == b != ILLEGIBLE for a, b in zip(first, second, strict=False))
    from_right = sum(a == b != ILLEGIBLE for a, b in zip(reversed(first), reversed(second), strict=False))
    return max(from_left, from_right) / max(len(first), len(second))


def _aligned(
    likeness: NDArray[np.float64],
    read: NDArray[np.int64],
    printed: NDArray[np.int64],
    lines_read: Lines,
    lines_printed: Lines,
) -> tuple[list[tuple[int, int]], float]:
    """Pairs of numbers in paired lines, and the sum of their likeness."""
    lines_read, lines_printed = [line for line in lines_read if line], [line for line in lines_printed if line]
    if not lines_read or not lines_printed:
        return [], 0.0
    texts_read = _padded([read[line] for line in lines_read], likeness.shape[0] - 1)
    texts_printed = _padded([printed[line] for line in lines_printed], likeness.shape[1] - 1)
    gains = _gains(likeness, texts_read, texts_printed)
    pairs: list[tuple[int, int]] = []
    total = 0.0
    for i, j in rising_pairs(gains):
        total += float(gains[i, j])
        inside = likeness[np.ix_(read[lines_read[i]], printed[lines_printed[j]])]
        pairs.extend((lines_read[i][a], lines_printed[j][b]) for a, b in rising_pairs(inside))
    return pairs, total


def _padded(lines: Sequence[NDArray[np.int64]], nothing: int) -> NDArray[np.int64]:
    """Lines made equally long by ``nothing``; array of shape (lines, longest)."""
    out = np.full((len(lines), max(map(len, lines))), nothing, dtype=np.int64)
    for row, line in zip(out, lines, strict=True):
        row[: len(line)] = line
    return out


def _gains(likeness: NDArray[np.float64], read: NDArray[np.int64], printed: NDArray[np.int64]) -> NDArray[np.float64]:
    """The greatest sum of likeness of each line read and each line printed, shape (lines read, lines printed)."""
    best = np.zeros((printed.shape[1] + 1, len(read), len(printed)))
    for a in range(read.shape[1]):
        before = best[0].copy()
        for b in range(printed.shape[1]):
            paired = before + likeness[read[:, a, None], printed[None, :, b]]
            before = best[b + 1].copy()
            np.maximum(np.maximum(paired, best[b + 1]), best[b], out=best[b + 1])
    return np.asarray(best[-1])


def rising_pairs(gain: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pairs (i, j), both rising, with the greatest sum of ``gain`` (Needleman and Wunsch 1970, without gap cost).

    ``gain`` has shape (n, m) and no negative entries; pairs that gain nothing are left out.
    """
    n, m = gain.shape
    best = np.zeros((n + 1, m + 1))
    for i in range(n):
        paired = np.maximum(best[i, :-1] + gain[i], best[i, 1:])
        best[i + 1, 1:] = np.maximum.accumulate(paired)
    pairs = []
    i, j = n, m
    while i and j:
        if best[i, j] == best[i - 1, j]:
            i -= 1
        elif best[i, j] == best[i, j - 1]:
            j -= 1
        else:
            i, j = i - 1, j - 1
            pairs.append((i, j))
    return pairs[::-1]


def _nearest(read: Sequence[Box], printed: Sequence[Box], heights: Sequence[float]) -> list[tuple[int, int]]:
    """Pairs of boxes at the same position, the nearest first, each box once; in the order of the printed ones."""
    if not read or not printed:
        return []
    tree = cKDTree([box.centre for box in read])
    near = tree.query_ball_point([box.centre for box in printed], SAME_POSITION * np.asarray(heights))
    pairs = nearest_first(
        (float(np.hypot(*np.subtract(read[k].centre, printed[j].centre))), j, k)
        for j, close in enumerate(near)
        for k in close
    )
    return [(k, j) for j, k in sorted(pairs.items())]


def nearest_first(candidates: Iterable[tuple[float, int, int]]) -> dict[int, int]:
    """Of candidates (distance, a, b) the pairs of a and b, the nearest first, each a and each b in one at most."""
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for _, a, b in sorted(candidates):
        if a not in pairs and b not in taken:
            pairs[a] = b
            taken.add(b)
    return pairs
