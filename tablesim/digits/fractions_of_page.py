"""Finds which numbers of a page are numerator, denominator and whole of one fraction, by the bar and by nearness.

The bar stands in the numerator's text (``3/``), slanted or level. The denominator is the nearest number to the right or
below; a whole number stands close on the left, in larger figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tablesim.records.boxes import upright
from tablesim.records.number_parts import NumberParts
from tablesim.records.reading import Number

REACH = 2.5
"""Greatest distance of the middles of numerator and denominator, in digit heights; chosen by eye."""

SMALLER, BESIDE = 0.8, 1.2
"""Height of a fraction's digits against those of a whole number beside it, at most; the gap between, in the latter."""


@dataclass(frozen=True)
class Fractions:
    """The fractions of a page.

    Parameters
    ----------
    parts : tuple of (int or None, int, int)
        Whole number, numerator and denominator of each, as indices.
    values : dict of int to int or None
        What each of their numbers is by itself; None where it is illegible.
    """

    parts: tuple[tuple[int | None, int, int], ...]
    values: dict[int, int | None]


def find_fractions(numbers: Sequence[Number], printed: Sequence[NumberParts | None], rotation: int) -> Fractions:
    """The fractions among the numbers of a page that has to be turned by ``rotation`` degrees to be upright."""
    numerators = [index for index, parts in enumerate(printed) if parts is not None and parts.numerator]
    if not numerators:
        return Fractions((), {})
    boxes = upright([number.box for number in numbers], rotation)
    low, high = boxes[:, :2], boxes[:, 2:]
    middle = (low + high) / 2
    tall = np.array(
        [np.median([d.box.width if rotation in (90, 270) else d.box.height for d in n.digits]) for n in numbers]
    )
    plain = np.array([parts is not None and not parts.marks and not parts.numerator for parts in printed])
    parts_of: list[tuple[int | None, int, int]] = []
    taken: set[int] = set()
    for numerator in numerators:
        away = middle - middle[numerator]
        distance = np.hypot(*away.T) / tall[numerator]
        # Slanted the denominator is to the right and no higher; under a level bar it is below.
        after = (away[:, 0] > -0.7 * tall[numerator]) & (away[:, 1] > -0.5 * tall[numerator])
        fits = after & plain & (distance < REACH) & (np.arange(len(numbers)) != numerator)
        fits[list(taken)] = False
        if not fits.any():
            continue
        denominator = int(np.argmin(np.where(fits, distance, np.inf)))
        taken |= {numerator, denominator}
        left = min(low[numerator, 0], low[denominator, 0])
        gap = (left - high[:, 0]) / tall
        level = (low[numerator, 1] + high[denominator, 1]) / 2
        beside = plain & (gap > -0.3) & (gap < BESIDE) & (np.abs(middle[:, 1] - level) < 0.6 * tall)
        beside &= tall[numerator] < SMALLER * tall
        beside[list(taken)] = False
        whole = int(np.argmin(np.where(beside, gap, np.inf))) if beside.any() else None
        if whole is not None:
            taken.add(whole)
        parts_of.append((whole, numerator, denominator))
    values = {index: _plain_value(printed[index]) for parts in parts_of for index in parts[1:]}
    return Fractions(tuple(parts_of), values)


def _plain_value(parts: NumberParts | None) -> int | None:
    if parts is None or not parts.legible or parts.marks:
        return None
    value = int(parts.groups[0])
    return -value if parts.sign == "−" else value
