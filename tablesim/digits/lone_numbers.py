"""Accepts numbers that stand in no table, where letters are taken for figures: by their digits, or by all they show.

A letter that looks like a digit mostly stands alone; of the years and sums in headings and lines of words one worn
digit is unclear and the others are not. So a number of several digits is examined as those of tables are, and stays
where all that speaks for and against it leaves it likely enough.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tablesim.digits.certainty import Certainty
from tablesim.digits.number_features import NumbersOfPage
from tablesim.digits.numbers import Thresholds
from tablesim.records.reading import Number

EXAMINED = 0.1
"""Least confidence, by its digits and joins alone, of a number of several digits that is examined."""

LIKELY = 0.3
"""Least probability at which an examined number stays, with its doubt."""


def is_accepted(number: Number, thresholds: Thresholds, *, examined: bool) -> bool:
    """Whether a number is one by its digits and joins, or, where such are ``examined`` later, may be."""
    if number.table is not None:
        return number.confidence >= thresholds.number
    several = examined and len(number.digits) > 1
    return number.confidence >= (min(EXAMINED, thresholds.alone) if several else thresholds.alone)


def without_unlikely(page: NumbersOfPage, thresholds: Thresholds, certainty: Certainty) -> NumbersOfPage:
    """The page without the numbers in no table that were examined and are unlikely."""
    by_digits = np.array([is_accepted(number, thresholds, examined=False) for number in page.numbers], dtype=np.bool_)
    kept = np.flatnonzero(by_digits | (certainty.of(page.features) >= LIKELY)).tolist()
    if len(kept) == len(page.numbers):
        return page
    return replace(
        page,
        numbers=[page.numbers[at] for at in kept],
        runs=[page.runs[at] for at in kept],
        features=page.features[kept],
    )
