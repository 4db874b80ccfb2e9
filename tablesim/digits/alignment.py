"""Which of the numbers that were read is which of those that are printed.

Synthesized pages know where each number stands: there the nearest is the one. A transcription knows the order alone:
its rows are aligned with the rows of the reading, and the numbers within them, by dynamic programming (Needleman and
Wunsch 1970): of all ways to pair rows without crossing, and numbers in paired rows without crossing, the one with the
greatest sum of likeness. A misread number is therefore paired with what it was misread from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from tablesim.digits.deskew import NumberPositions, level
from tablesim.digits.transcription import Transcription
from tablesim.records.boxes import Box
from tablesim.records.reading import ILLEGIBLE, Number, Reading
from tablesim.records.truth import PageTruth

UNLIKE, ALIKE = 0.05, 0.45
"""Likeness of two numbers without a common figure, and what common figures add to it; equal numbers have 1. Between
paired neighbours even an unlike number is what was printed there, but it must never outweigh an equal one."""

SAME_LINE = 0.45
"""Numbers whose levelled heights differ by less, in figure heights, stand on one line."""

_SAME_PLACE = 0.5

Lines = Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True)
class PrintedNumber:
    """A number that is printed: its figures, and its cell or None for each of ``table``, ``row`` and ``column``."""

    digits_text: str
    table: int | None = None
    row: int | None = None
    column: int | None = None


@dataclass(frozen=True)
class Alignment:
    """The numbers of a page, read and printed, and which is which.

    Parameters
    ----------
    read : tuple of Number
        What was read, without what does not count.
    printed : tuple of Printed
        What is printed.
    pairs : tuple of (int, int)
        Indices into ``read`` and ``printed``; each stands in one pair at most.
    """

    read: tuple[Number, ...]
    printed: tuple[PrintedNumber, ...]
    pairs: tuple[tuple[int, int], ...]

    def judged(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Confidence of each number read, and whether it is right; without those whose truth nobody could tell."""
        truth = {read: self.printed[printed].digits_text for read, printed in self.pairs}
        known = [k for k in range(len(self.read)) if ILLEGIBLE not in truth.get(k, "")]
        confidence = np.array([self.read[k].confidence for k in known], dtype=np.float64)
        right = np.array([truth.get(k) == self.read[k].digits_text for k in known], dtype=bool)
        return confidence, right


def align(reading: Reading, truth: Transcription | PageTruth) -> Alignment:
    """Pair the numbers of a reading with those that are printed: by place where the truth has places, else by order.

    By place a pair has its middles within half a figure's height of each other. What was read where nothing counts is
    left out: in an ignore box of a transcription, on figures of a synthesized page that wear made unfair to ask for.

    By order half-tables may be read as one table or as several: printed lines are aligned with lines across the page,
    halves with the rows of the tables one after another, and the way in which more agrees is taken. Cells come from the
    transcription: ``table`` is the half-table, ``row`` the printed line, and ``column`` counts the places in a
    half-table: the first number of its first column, the second of it, and so on; blank columns keep their place.
    """
    return _by_place(reading, truth) if isinstance(truth, PageTruth) else _by_order(reading, truth)


def judged_digits(reading: Reading, truth: PageTruth) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Confidence of each digit read on a synthesized page, and whether that digit is printed there.

    Digits of numbers that stand where nothing is asked are left out.
    """
    digits = [digit for number in _by_place(reading, truth).read for digit in number.digits]
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
    found = [_aligned(likeness, read_ids, printed_ids, mine, theirs) for mine, theirs in ways]
    pairs, _ = max(found, key=lambda way: way[1])
    return Alignment(read, printed, tuple(pairs))


def _by_place(reading: Reading, truth: PageTruth) -> Alignment:
    printed = tuple(PrintedNumber(n.digits_text, n.table, n.row, n.column) for n in truth.numbers)
    heights = [max(_height(digit.box) for digit in number.digits) for number in truth.numbers]
    pairs = _nearest([n.box for n in reading.numbers], [n.box for n in truth.numbers], heights)
    unasked = [Box.from_dict(box) for box in truth.meta.get("unasked", ())]
    paired = {read for read, _ in pairs}
    kept = [k for k, number in enumerate(reading.numbers) if k in paired or not _stands_in(number, unasked)]
    place = {k: i for i, k in enumerate(kept)}
    return Alignment(tuple(reading.numbers[k] for k in kept), printed, tuple((place[k], j) for k, j in pairs))


def _stands_in(number: Number, boxes: Sequence[Box]) -> bool:
    return any(box.contains(*digit.box.centre) for box in boxes for digit in number.digits)


def _height(box: Box) -> float:
    """Height of a figure, whichever way its page lies: figures are higher than they are wide."""
    return max(box.width, box.height)


def _printed(transcription: Transcription) -> tuple[tuple[PrintedNumber, ...], list[list[int]], list[list[int]]]:
    """The numbers of a transcription with their cells, its lines, and the lines of its halves one half after another,
    both as indices of numbers.
    """
    printed: list[PrintedNumber] = []
    lines: list[list[int]] = []
    halves: dict[tuple[int, int], list[int]] = {}
    places: dict[int, set[tuple[int, int]]] = {}
    for row in transcription.rows:
        for half, columns in enumerate(row.halves):
            places.setdefault(half, set()).update((c, k) for c, cell in enumerate(columns) for k in range(len(cell)))
    column_of = {(half, *place): n for half, taken in places.items() for n, place in enumerate(sorted(taken))}
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
    flat, _ = level(_places(reading, read))
    joined: list[list[int]] = []
    for row in sorted(rows, key=lambda row: float(flat.y[row].mean())):
        if joined and flat.y[row].mean() - flat.y[joined[-1]].mean() < SAME_LINE:
            joined[-1] = joined[-1] + row
        else:
            joined.append(row)
    return [sorted(line, key=lambda k: float(flat.x[k])) for line in joined]


def _places(reading: Reading, read: Sequence[Number]) -> NumberPositions:
    """Where the numbers stand on the upright page, in figure heights."""
    middles = reading.transform.to_working(np.array([number.box.centre for number in read]))
    lying = reading.transform.rotation in (90, 270)
    widths = np.array([n.box.height if lying else n.box.width for n in read]) * reading.transform.scale
    heights = [d.box.width if lying else d.box.height for n in read for d in n.digits]
    unit = float(np.median(heights)) * reading.transform.scale
    x, half, y = middles[:, 0] / unit, widths / 2 / unit, middles[:, 1] / unit
    return NumberPositions(x - half, x + half, y)


def _likeness(
    read: Sequence[str], printed: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Likeness of each kind of number read (rows) to each kind printed (columns), and the kind of each number.

    The last row and column are 0: they stand for no number at all.
    """
    kinds_read, kinds_printed = sorted(set(read)), sorted(set(printed))
    table = np.zeros((len(kinds_read) + 1, len(kinds_printed) + 1))
    for i, first in enumerate(kinds_read):
        for j, second in enumerate(kinds_printed):
            equal = first == second and ILLEGIBLE not in first
            table[i, j] = 1.0 if equal else UNLIKE + ALIKE * _in_common(first, second)
    place_read = {kind: i for i, kind in enumerate(kinds_read)}
    place_printed = {kind: j for j, kind in enumerate(kinds_printed)}
    return (
        table,
        np.array([place_read[kind] for kind in read], dtype=np.int64),
        np.array([place_printed[kind] for kind in printed], dtype=np.int64),
    )


def _in_common(first: str, second: str) -> float:
    """Share of figures at equal places, counted from the left or from the right; nothing is like an illegible one."""
    from_left = sum(a == b != ILLEGIBLE for a, b in zip(first, second, strict=False))
    from_right = sum(a == b != ILLEGIBLE for a, b in zip(reversed(first), reversed(second), strict=False))
    return max(from_left, from_right) / max(len(first), len(second))


def _aligned(
    likeness: NDArray[np.float64], read: NDArray[np.int64], printed: NDArray[np.int64], mine: Lines, theirs: Lines
) -> tuple[list[tuple[int, int]], float]:
    """Pairs of numbers in paired lines, and the sum of their likeness."""
    mine, theirs = [line for line in mine if len(line)], [line for line in theirs if len(line)]
    if not mine or not theirs:
        return [], 0.0
    kinds_read = _padded([read[line] for line in mine], likeness.shape[0] - 1)
    kinds_printed = _padded([printed[line] for line in theirs], likeness.shape[1] - 1)
    gains = _gains(likeness, kinds_read, kinds_printed)
    pairs: list[tuple[int, int]] = []
    total = 0.0
    for i, j in rising_pairs(gains):
        total += float(gains[i, j])
        inside = likeness[np.ix_(read[mine[i]], printed[theirs[j]])]
        pairs.extend((mine[i][a], theirs[j][b]) for a, b in rising_pairs(inside))
    return pairs, total


def _padded(lines: Sequence[NDArray[np.int64]], nothing: int) -> NDArray[np.int64]:
    """Lines of kinds made equally long; array of shape (lines, longest)."""
    out = np.full((len(lines), max(map(len, lines))), nothing, dtype=np.int64)
    for row, line in zip(out, lines, strict=True):
        row[: len(line)] = line
    return out


def _gains(likeness: NDArray[np.float64], read: NDArray[np.int64], printed: NDArray[np.int64]) -> NDArray[np.float64]:
    """The best that each line read and each line printed have in common; all pairs of lines at once."""
    best = np.zeros((printed.shape[1] + 1, len(read), len(printed)))
    for a in range(read.shape[1]):
        before = best[0].copy()
        for b in range(printed.shape[1]):
            here = before + likeness[read[:, a, None], printed[None, :, b]]
            before = best[b + 1].copy()
            np.maximum(np.maximum(here, best[b + 1]), best[b], out=best[b + 1])
    return np.asarray(best[-1])


def rising_pairs(gain: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pairs (i, j), both rising, with the greatest sum of ``gain``; pairs that gain nothing are left out."""
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
    """Pairs of boxes with the same place, the nearest first, each once; in the order of the printed ones."""
    if not read or not printed:
        return []
    tree = cKDTree([box.centre for box in read])
    near = tree.query_ball_point([box.centre for box in printed], _SAME_PLACE * np.asarray(heights))
    candidates = [
        (float(np.hypot(*np.subtract(read[k].centre, printed[j].centre))), j, k)
        for j, found in enumerate(near)
        for k in found
    ]
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for _, j, k in sorted(candidates):
        if j not in pairs and k not in taken:
            pairs[j] = k
            taken.add(k)
    return [(k, j) for j, k in sorted(pairs.items())]
