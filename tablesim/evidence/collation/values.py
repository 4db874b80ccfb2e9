"""How much it says, in bits, that cells of two tables hold these numbers: log rarity less edit distance.

Equal numbers speak the more for each other the rarer they are: every table has many 0, 15 and 30, and a 47 is seldom.
Numbers that differ in one digit of several speak a little for each other, since readers and printers slip; others
speak against. A number is as rare as it is on the two pages together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tablesim.evidence.collation.grids import NONE, Panel
from tablesim.records.collation import Witness
from tablesim.records.reading import ILLEGIBLE

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MISMATCH = -2.0
"""Bits for two numbers that have nothing to do with each other."""

LONELY = -0.4
"""Bits for a number opposite a blank."""

LEAST, MOST = 0.25, 9.0
"""Bits of equal numbers at least, where every cell has them, and at most."""

MAX_DIGITS = 12
"""Longer numbers are compared by their first digits."""


@dataclass(frozen=True)
class LogOdds:
    """Log-odds in bits that two cells hold the same number, for the cells of two sides as codes.

    Parameters
    ----------
    left, right : tuple of int64 arrays of shape (r, c)
        For each panel of a side the codes of its cells; a blank has the last code of its side.
    bits : float64 array of shape (n, m)
        For each code of the left and of the right side; 0 for two blanks.
    overlap : tuple of float64 arrays
        Counts of strings of each side's codes, of shapes (n, s) and (m, s).
    weights : float64 array of shape (s,)
        Bits of each string.
    digits : tuple of float64 arrays of shapes (n,) and (m,)
        How many digits the numbers of each code have.
    """

    left: tuple[Ints, ...]
    right: tuple[Ints, ...]
    bits: Floats
    overlap: tuple[Floats, Floats]
    weights: Floats
    digits: tuple[Floats, Floats]

    @property
    def blank_left(self) -> int:
        return len(self.bits) - 1

    @property
    def blank_right(self) -> int:
        return int(self.bits.shape[1]) - 1


def log_odds(left: Sequence[Panel], right: Sequence[Panel], witnesses: Sequence[Witness]) -> LogOdds:
    """Code the panels of two sides; a cell that holds several witnesses is as like as the likest of them."""
    classes_left, codes_left = _coded(left, witnesses)
    classes_right, codes_right = _coded(right, witnesses)
    strings = sorted({text for group in (*classes_left, *classes_right) for text in group})
    number = {text: at for at, text in enumerate(strings)}
    weights = _rarity(strings, (classes_left, codes_left), (classes_right, codes_right))
    overlap = _membership(classes_left, number), _membership(classes_right, number)
    bits = np.full((len(classes_left) + 1, len(classes_right) + 1), LONELY)
    bits[-1, -1] = 0.0
    if classes_left and classes_right:
        flat = [[text for group in classes for text in group] for classes in (classes_left, classes_right)]
        starts = [np.cumsum([0, *map(len, classes[:-1])]) for classes in (classes_left, classes_right)]
        bits_of = [weights[[number[text] for text in side]] for side in flat]
        spread = string_bits(flat[0], flat[1], bits_of[0], bits_of[1])
        bits[:-1, :-1] = np.maximum.reduceat(np.maximum.reduceat(spread, starts[0], axis=0), starts[1], axis=1)
    digits = _mean_length(classes_left), _mean_length(classes_right)
    return LogOdds(codes_left, codes_right, bits, overlap, weights, digits)


def string_bits(strings_a: Sequence[str], strings_b: Sequence[str], weights_a: Floats, weights_b: Floats) -> Floats:
    """Bits for each pair of digit strings, shape (n, m), given the bits of each when equal, shapes (n,) and (m,)."""
    distance = edit_distances(strings_a, strings_b)
    longest = np.maximum.outer(_lengths(strings_a), _lengths(strings_b))
    mean = (weights_a[:, None] + weights_b[None, :]) / 2
    return np.maximum(mean * (1 - 2 * distance / np.maximum(longest, 1)), MISMATCH)


def edit_distances(strings_a: Sequence[str], strings_b: Sequence[str]) -> Floats:
    """Insertions, deletions and changes between each pair of strings, shape (n, m); an illegible digit costs half."""
    lengths_a, lengths_b = _lengths(strings_a), _lengths(strings_b)
    left, right = _code_points(strings_a), _code_points(strings_b)
    size = len(strings_a), len(strings_b)
    unknown = ord(ILLEGIBLE)
    distances = np.zeros(size)
    above = [np.full(size, float(j)) for j in range(right.shape[1] + 1)]
    rows, columns = lengths_a[:, None], lengths_b[None, :]
    for i in range(left.shape[1] + 1):
        if i:
            row = [np.full(size, float(i))]
            a = left[:, None, i - 1]
            for j in range(1, right.shape[1] + 1):
                b = right[None, :, j - 1]
                change = np.where((a == unknown) | (b == unknown), 0.5, (a != b) * 1.0)
                row.append(np.minimum(np.minimum(row[j - 1], above[j]) + 1, above[j - 1] + change))
            above = row
        for j, value in enumerate(above):
            np.copyto(distances, value, where=(rows == i) & (columns == j))
    return distances


def _lengths(strings: Sequence[str]) -> Ints:
    return np.array([min(len(text), MAX_DIGITS) for text in strings], dtype=np.int64)


def _code_points(strings: Sequence[str]) -> Ints:
    """The digits of each string as code points, shape (n, longest)."""
    digits = np.zeros((len(strings), int(_lengths(strings).max(initial=0))), dtype=np.int64)
    for at, text in enumerate(strings):
        digits[at, : min(len(text), MAX_DIGITS)] = [ord(character) for character in text[:MAX_DIGITS]]
    return digits


def _coded(panels: Sequence[Panel], witnesses: Sequence[Witness]) -> tuple[list[tuple[str, ...]], tuple[Ints, ...]]:
    """The different contents of cells, each the sorted strings of its witnesses, and the code of every cell."""
    classes: dict[tuple[str, ...], int] = {}
    grids = []
    for panel in panels:
        grid = np.full(panel.shape, NONE)
        for row, column in np.argwhere((panel.numbers != NONE).any(axis=0)):
            indices = panel.numbers[:, row, column]
            strings = {witnesses[w].texts[indices[w]] for w in np.flatnonzero(indices != NONE).tolist()}
            grid[row, column] = classes.setdefault(tuple(sorted(strings)), len(classes))
        grids.append(grid)
    return list(classes), tuple(np.where(grid == NONE, len(classes), grid) for grid in grids)


def _rarity(strings: Sequence[str], *sides: tuple[list[tuple[str, ...]], tuple[Ints, ...]]) -> Floats:
    """-log2 of how often each string fills a cell, the mean over the sides."""
    share = np.zeros(len(strings))
    for classes, grids in sides:
        counts: Counter[str] = Counter()
        codes = np.concatenate([grid.ravel() for grid in grids]) if grids else np.zeros(0, dtype=np.int64)
        for code, count in zip(*np.unique(codes[codes < len(classes)], return_counts=True), strict=True):
            for text in classes[code]:
                counts[text] += int(count)
        total = max(sum(counts.values()), 1)
        share += np.array([counts[text] / total for text in strings]) / len(sides)
    # Two tables of a handful of numbers have no rare ones: what stands on them once has few bits.
    return np.asarray(np.clip(-np.log2(np.maximum(share, 2.0**-MOST)), LEAST, MOST), dtype=np.float64)


def _mean_length(classes: Sequence[tuple[str, ...]]) -> Floats:
    """Figures of each code, 0 for the blank."""
    return np.array([*(sum(map(len, group)) / len(group) for group in classes), 0.0])


def _membership(classes: Sequence[tuple[str, ...]], number: dict[str, int]) -> Floats:
    """Which strings each code has, shape (n + 1, s); the blank has none."""
    table = np.zeros((len(classes) + 1, len(number)))
    for at, group in enumerate(classes):
        table[at, [number[text] for text in group]] = 1.0
    return table
