"""The 110 bins of a page's histogram: ten isolated digits, then the hundred pairs of neighbours."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tablesim.records.reading import ILLEGIBLE

N_DIGITS: Final = 10

BIN_NAMES: Final[tuple[str, ...]] = tuple(str(digit) for digit in range(N_DIGITS)) + tuple(
    f"{pair:02d}" for pair in range(N_DIGITS * N_DIGITS)
)
"""Names of the bins in their order: "0" to "9" (isolated digits), then "00" to "99" (a digit and its next)."""

N_BINS: Final = len(BIN_NAMES)


def bin_of(text: str) -> int:
    """The bin of one isolated digit or of a pair of neighbours.

    Parameters
    ----------
    text : str
        One or two of the digits 0 to 9.

    Returns
    -------
    int
        0 to 9 for an isolated digit, 10 to 109 for a pair.

    Raises
    ------
    ValueError
        When ``text`` is anything else.

    Examples
    --------
    >>> bin_of("7"), bin_of("00"), bin_of("45")
    (7, 10, 55)
    """
    if len(text) in (1, 2) and text.isascii() and text.isdigit():
        return int(text) if len(text) == 1 else N_DIGITS + int(text)
    raise ValueError(f"bin_of: got {text!r}, expected one or two of the digits 0 to 9")


def count_bigrams(digit_strings: Iterable[str]) -> NDArray[np.int64]:
    """Count the bigrams of some numbers, each digit for one.

    Parameters
    ----------
    digit_strings : iterable of str
        The digits of each number; ``?`` stands for an illegible one and parts its number in two.

    Returns
    -------
    int64 array of shape (110,)
        In the order of ``BIN_NAMES``.
    """
    counts = np.zeros(N_BINS, np.int64)
    for text in digit_strings:
        for run in text.split(ILLEGIBLE):
            for name in [run] if len(run) == 1 else map("".join, pairwise(run)):
                counts[bin_of(name)] += 1
    return counts
