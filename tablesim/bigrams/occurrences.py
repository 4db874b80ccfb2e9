"""Which digits of a page make bigrams and which stand alone, by reference to the page's digits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tablesim.records.bins import BIN_NAMES, N_DIGITS
from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Number, Reading

ISOLATED = -1
"""In ``Occurrences.second``: the digit has no neighbour."""


@dataclass(frozen=True, eq=False)
class Occurrences:
    """Every bigram and every isolated digit of a page, by reference to the page's digits.

    A digit and its next in the same number make a bigram; a digit without a neighbour on either side is isolated. An
    illegible digit (value None) carries no bigram and breaks its number into parts: ``1?4`` holds an isolated 1 and an
    isolated 4.

    Parameters
    ----------
    digits : tuple of Digit
        The G digits of the page in reading order, illegible ones included.
    number : int64 array of shape (G,)
        Which number of the page each digit belongs to.
    first, second : int64 arrays of shape (N,)
        The digits of each occurrence, as indices into ``digits``; ``second`` is -1 for an isolated digit.
    bin : int64 array of shape (N,)
        The bin of each occurrence, 0 to 109.
    """

    digits: tuple[Digit, ...]
    number: NDArray[np.int64]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    bin: NDArray[np.int64]

    @classmethod
    def of(cls, reading: Reading | Iterable[Number]) -> Occurrences:
        """The occurrences of a reading, or of any numbers, in reading order."""
        numbers = reading.numbers if isinstance(reading, Reading) else tuple(reading)
        digits = tuple(digit for number in numbers for digit in number.digits)
        lengths = np.array([len(number.digits) for number in numbers], dtype=np.int64)
        owner = np.repeat(np.arange(len(numbers), dtype=np.int64), lengths)
        value = np.array([ISOLATED if digit.value is None else digit.value for digit in digits], dtype=np.int64)

        legible = value >= 0
        joined = legible[:-1] & legible[1:] & (owner[:-1] == owner[1:])  # digit i stands before digit i + 1
        has_next = np.append(joined, False) if len(digits) else joined
        has_previous = np.insert(joined, 0, False) if len(digits) else joined
        first = np.flatnonzero(has_next | (legible & ~has_previous))
        second = np.where(has_next[first], first + 1, ISOLATED)
        # value[second] is looked up for isolated digits too, and thrown away: -1 is a valid index.
        paired = N_DIGITS + N_DIGITS * value[first] + value[second] if len(first) else first
        return cls(digits, owner, first, second, np.where(second == ISOLATED, value[first], paired))

    def __len__(self) -> int:
        return len(self.first)

    @cached_property
    def activations(self) -> NDArray[np.float64]:
        """Activation of each digit: its confidence. Shape (G,)."""
        return np.array([digit.confidence for digit in self.digits], dtype=np.float64)

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """Contribution of each occurrence to its bin: the smaller of its two activations. Shape (N,)."""
        return np.minimum(self.activations[self.first], self.activations[self.partner])

    @property
    def partner(self) -> NDArray[np.int64]:
        """The second digit of each occurrence; an isolated digit is its own partner. Shape (N,)."""
        return np.where(self.second == ISOLATED, self.first, self.second)

    @cached_property
    def boxes(self) -> NDArray[np.float64]:
        """Box of each occurrence as (x, y, width, height) in source pixels. Shape (N, 4)."""
        corners = np.array([(d.box.x, d.box.y, d.box.right, d.box.bottom) for d in self.digits]).reshape(-1, 4)
        first, partner = corners[self.first], corners[self.partner]
        low, high = np.minimum(first[:, :2], partner[:, :2]), np.maximum(first[:, 2:], partner[:, 2:])
        return np.hstack([low, high - low])

    def box(self, index: int) -> Box:
        """The smallest box around the digits of one occurrence, in source pixels."""
        return Box(*(float(value) for value in self.boxes[index]))

    def text(self, index: int) -> str:
        """The digits of one occurrence: "45", or "4" for an isolated digit."""
        return BIN_NAMES[int(self.bin[index])]
