"""Cells of a collation judged by the reader's confidences: a posterior that numbers read differently are printed alike.

A difference is asserted only where the readings leave no way around it. It is doubtful where it is likelier that a
reader erred than that the printers differ, and where the reader parted or joined numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from tablesim.evidence.collation.grids import NONE, Panel
from tablesim.records.collation import AGREES, DIFFERS, ILLEGIBLE_STATE, MISSING, Cell, CellReading, Witness
from tablesim.records.reading import ILLEGIBLE, Digit, Number

SLIP = 0.0017
"""How likely it is, before anything is read, that two printers differ in a cell in just this way: a copy errs in 1.5 %
of its cells, and into one of nine other digits. With the share below, on 40 pairs of synthesized editions, one of 294
true differences is called doubtful and three of 58 false ones are not; from 0.0005 to 0.005 none does better in both
(``benchmarks/doubtful_differences.py``)."""

ELSEWHERE = 0.75
"""Share of the doubt about a digit that goes to neither its value nor its runner-up: of 174 digits that were misread
on 158 synthesized pages the runner-up was right in 37."""

UNKNOWN = 0.1
"""How likely a digit that cannot be told is each value."""

FIGURES = range(10)


def doubt(a: Number, b: Number) -> float:
    """How likely two numbers that were read differently are printed alike, 0 to 1; symmetric.

    Notes
    -----
    With D what was read, P(one text | D) = L / (L + SLIP). L is the product over the digits that differ of the
    likelihood that both are one figure: the sum over its values v of P(a is v) P(b is v). Where one number has more
    digits the reader lost or made some, which takes the doubt about the less certain number, and the shorter stands
    where it fits best within the longer.
    """
    shorter, longer = sorted((a, b), key=lambda number: len(number.digits))
    alike = _best_within(shorter.digits, longer.digits)
    if len(shorter.digits) < len(longer.digits):
        alike *= 1 - min(a.confidence, b.confidence)
    return alike / (alike + SLIP)


def could_be(number: Number) -> list[str]:
    """The texts with one digit changed that a number may print as likely as that its printer slipped."""
    text = number.digits_text
    return [
        text[:at] + str(value) + text[at + 1 :]
        for at, digit in enumerate(number.digits)
        for value in FIGURES
        if value != digit.value and chance(digit, value) >= SLIP
    ]


def chance(digit: Digit, value: int) -> float:
    """How likely a digit is of a value.

    A digit without runner-up was not read by the network: it is what it is said to be, where that is said with more
    confidence than not.
    """
    if digit.value is None:
        return UNKNOWN
    if value == digit.value:
        return digit.confidence
    if digit.runner_up is None:
        return 0.0 if digit.confidence >= 0.5 else UNKNOWN
    rival, likely = digit.runner_up
    least = ELSEWHERE * (1 - digit.confidence) / 8
    return max(likely, least) if value == rival else least


def _one_digit(x: Digit, y: Digit) -> float:
    """How likely two digits are one; 1 where they were read alike."""
    if x.value == y.value:
        return 1.0
    return sum(chance(x, value) * chance(y, value) for value in FIGURES)


def _best_within(shorter: tuple[Digit, ...], longer: tuple[Digit, ...]) -> float:
    """The greatest product over the digits of the shorter, each opposite one of the longer, in order."""
    spare = len(longer) - len(shorter)
    best = [1.0] * (spare + 1)  # for each number of digits of the longer that were passed over so far
    for at, digit in enumerate(shorter):
        met = [best[skipped] * _one_digit(digit, longer[at + skipped]) for skipped in range(spare + 1)]
        for skipped in range(1, spare + 1):
            met[skipped] = max(met[skipped], met[skipped - 1])
        best = met
    return best[-1]


DOUBTFUL = 0.5
"""From this doubt on a state is not asserted."""

LOST = 0.1
"""A number that is less likely whole than this goes on where no further digit was read. Of 40 pairs of synthesized
editions each number below 0.05 that stood opposite a longer one had lost a figure, and no true difference of their
lengths is below 0.9."""


def cells_of(panel: Panel, witnesses: Sequence[Witness], first_row: int, first_column: int) -> list[Cell]:
    """The cells of a panel that two witnesses or more have, row by row; rows and columns count from the given ones."""
    cells = []
    split = _parted(panel, witnesses)
    for row in range(panel.shape[0]):
        for column in range(panel.shape[1]):
            present = np.flatnonzero((panel.rows[:, row] != NONE) & (panel.columns[:, column] != NONE)).tolist()
            indices = panel.numbers[:, row, column]
            if len(present) < 2 or (indices == NONE).all():
                continue
            readings = tuple(
                None if index == NONE else CellReading(w.numbers[index], w.readings[w.pages[index]].page)
                for w, index in zip(witnesses, indices.tolist(), strict=True)
            )
            state, doubt_ = judge([readings[w] for w in present])
            doubtful = doubt_ >= DOUBTFUL or (state in (DIFFERS, MISSING) and bool(split[row, column]))
            cells.append(Cell(first_row + row, first_column + column, state, doubtful, readings, doubt_))
    return cells


def judge(readings: Sequence[CellReading | None]) -> tuple[str, float]:
    """State of a cell and its doubt, from the readings of the witnesses that have its row and column."""
    present = [reading for reading in readings if reading is not None]
    pairs = [(a, b) for at, a in enumerate(present) for b in present[at + 1 :] if not _alike(a.number, b.number)]
    apart = [(a, b) for a, b in pairs if a.text == b.text or not _may_be(a.number, b.number)]
    if apart:
        return DIFFERS, min(doubt(a.number, b.number) for a, b in apart)
    if len(present) < len(readings):
        # What was hardly seen in one witness may be no number at all.
        return MISSING, 1 - min(reading.number.confidence for reading in present)
    if pairs or any(ILLEGIBLE in reading.text for reading in present):
        return ILLEGIBLE_STATE, 1.0
    return AGREES, 0.0


def _alike(a: Number, b: Number) -> bool:
    """Whether two numbers mean the same, where it is decided what they mean; else whether they have the same digits.

    The value of a fraction stands at its first number: the digits tell it from one whose bar was not seen.
    """
    same_digits = a.digits_text == b.digits_text
    if a.value is None or b.value is None or isinstance(a.value, Fraction) or isinstance(b.value, Fraction):
        return same_digits
    return a.value == b.value


def _may_be(a: Number, b: Number) -> bool:
    """Whether two numbers are equal once the digits are told that are illegible or were lost."""
    shorter, longer = sorted((a.digits_text, b.digits_text), key=len)
    if len(shorter) == len(longer):
        return all(x == y or ILLEGIBLE in (x, y) for x, y in zip(shorter, longer, strict=True))
    incomplete = min(a, b, key=lambda number: len(number.digits))
    rest = iter(longer)
    return incomplete.confidence < LOST and all(any(x == y or ILLEGIBLE in (x, y) for y in rest) for x in shorter)


def _parted(panel: Panel, witnesses: Sequence[Witness]) -> NDArray[np.bool_]:
    """Cells, shape (r, c), where one witness has in one number what another has in two of neighbouring cells."""
    parted = np.zeros(panel.shape, dtype=bool)
    texts = [
        [["" if i == NONE else witness.texts[i] for i in row] for row in panel.numbers[w].tolist()]
        for w, witness in enumerate(witnesses)
    ]
    for row in range(panel.shape[0]):
        for column in range(panel.shape[1] - 1):
            pairs = [(text[row][column], text[row][column + 1]) for text in texts]
            joined = {a + b for a, b in pairs if not (a and b) and a + b}
            if any(a and b and a + b in joined for a, b in pairs):
                parted[row, column] = parted[row, column + 1] = True
    return parted
