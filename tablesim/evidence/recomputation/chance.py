"""What a law explains beyond chance, in bits: minimum description length, with every choice that was free paid for.

A law may be reported where a table that obeys none would have to be lucky at one in 2 ** `WORTH` to look as if it did.
Sums are weighed against the same columns with their rows exchanged. Functions are weighed against what any even column
tells of its next number (the Cauchy code of its first, second and third differences): only what a function saves over
that is its own, and its parameter, the way of rounding and all functions that were tried are taken off.
Rissanen, Modeling by shortest data description, Automatica 14 (1978).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WORTH = 12.0
"""Bits that a law must explain beyond chance and its own choices: one lucky table in four thousand."""

_ORDERS = (1, 2, 3)
"""Differences by which an even column is foretold: it stands, goes on evenly, or turns evenly."""


def luck(holds: int, tried: int, by_chance: float) -> float:
    """Bits of luck that it takes for so many of the trials to hold (the bound of Chernoff); 0 where chance does it.

    Parameters
    ----------
    holds, tried : int
    by_chance : float
        How likely one trial holds by chance, above 0 and below 1.
    """
    share = holds / tried if tried else 0.0
    if share <= by_chance:
        return 0.0
    wrong = 0.0 if share == 1 else (1 - share) * math.log2((1 - share) / (1 - by_chance))
    return tried * (share * math.log2(share / by_chance) + wrong)


def equal_by_chance(a: Floats, b: Floats) -> float:
    """How often two columns, shape (n,), are equal once their rows are exchanged; as if once more than was counted."""
    n = len(a)
    equal = int((a[:, None] == b[None, :]).sum() - (a == b).sum())
    return min((equal + 1) / (n * (n - 1) + 1), 0.999) if n > 1 else 0.999


def even_bits(numbers: Floats) -> Floats:
    """Bits that each number costs, shape (n,), who knows only that the column is even, and the numbers before it.

    Parameters
    ----------
    numbers : float64 array of shape (n,)
        In last places.
    """
    codes = [_bits_of_order(numbers, order) for order in _ORDERS]
    return min(codes, key=lambda bits: float(bits.sum()))


def _bits_of_order(numbers: Floats, order: int) -> Floats:
    """The code of what is left of each number when the differences of an order before it go on."""
    start = max(float(np.abs(numbers).max()), 1.0) / 2
    bits, sizes = np.empty(len(numbers)), [start]
    for at, number in enumerate(numbers.tolist()):
        known = min(at, order)
        before = numbers[at - known : at]
        # The polynomial through the last numbers, at the next place.
        weights = [(-1) ** (known - 1 - i) * math.comb(known, i) for i in range(known)]
        rest = abs(number - float(np.dot(weights, before)))
        scale = max(0.5, float(np.median(sizes)))
        bits[at] = math.log2(math.pi * scale * (1 + (rest / scale) ** 2))
        if known == order:
            sizes = [rest] if at == order else [*sizes, rest]
    return bits


def saved(numbers: Floats, exact: NDArray[np.bool_], choices: float) -> float:
    """Bits that a function saves over an even column, less ``choices``: bits of its parameters and of the search.

    Parameters
    ----------
    numbers : float64 array of shape (n,)
        What is printed, in last places.
    exact : bool array of shape (n,)
        Which of these the function gives.
    choices : float
    """
    share = (float(exact.sum()) + 0.5) / (len(exact) + 1)
    which = -len(exact) * (share * math.log2(share) + (1 - share) * math.log2(1 - share))
    return float(even_bits(numbers)[exact].sum()) - which - choices
