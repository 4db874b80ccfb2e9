"""Pairs columns as argument and value of a known function, and says what the function has for each number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tablesim.evidence.collation.grids import Panel
from tablesim.evidence.recomputation.fitting import Estimate, Fit, fit_functions
from tablesim.evidence.recomputation.sun import month_columns, sun_places
from tablesim.evidence.recomputation.values import OBEYED, Floats, Value, rising, steady, step_of, texts_of, values_of

N_ARGUMENTS = 2
"""So many of the nearest arguments are tried with each value."""

Expected = dict[int, tuple[str, str]]
"""What a law has for a number, by its index, and the name of the law."""


@dataclass(frozen=True)
class FittedFunction:
    """A function that recomputes columns of a witness: the fit, and which columns are argument and value.

    Columns count through the tables and pages of the witness, as those of a ``Collation``.
    """

    witness: int
    argument: tuple[int, ...]
    value: tuple[int, ...]
    fit: Fit

    def named(self, columns: Sequence[int]) -> FittedFunction:
        """The finding in one table with the numbers that its columns have in the witness."""
        argument, value = (tuple(columns[at] for at in of) for of in (self.argument, self.value))
        return replace(self, argument=argument, value=value)

    def to_dict(self) -> dict[str, Any]:
        return {
            "witness": self.witness,
            "argument": list(self.argument),
            "value": list(self.value),
            **self.fit.to_dict(),
        }


def months(panel: Panel, numbers: Floats, which: int) -> Iterator[tuple[FittedFunction, Expected]]:
    """The columns of the Sun's place by days and months, as ``recomputed``: they are dated together."""
    values = values_of(numbers)
    for day in values[0]:
        days = steady(day.numbers)
        if days is None or abs(step_of(days)) != 1:
            continue
        # Degrees, minutes and seconds before degrees and minutes.
        others = ([v for v in group if not set(day.columns) & set(v.columns)] for group in values[2:0:-1])
        columns = max((month_columns(group) for group in others), key=len)
        fits = sun_places(days, columns) if columns else []
        for column, fit in zip(columns, fits, strict=False):
            found = dict(texts_of(panel, day, days, "step"))
            found |= dict(texts_of(panel, column, fit.expected, fit.name))
            yield FittedFunction(which, day.columns, column.columns, fit), found
        if fits:
            return


def recomputed(panel: Panel, numbers: Floats, which: int, given: set[int]) -> Iterator[tuple[FittedFunction, Expected]]:
    """The functions that recompute columns of a panel, and what they have for each number.

    No column is taken for two values, and long values come first.

    Parameters
    ----------
    panel : Panel
        Of one witness.
    numbers : float64 array of shape (rows, columns)
        What stands in it.
    which : int
        The witness, for the findings.
    given : set of int
        Columns that are no values.
    """
    values = values_of(numbers)
    radii: dict[tuple[int, ...], Estimate] = {}
    cut = {longer.columns[:-1] for group in values[1:] for longer in group}
    arguments = [(v, s) for v in [*values[0], *values[1]] if (s := steady(v.numbers)) is not None]
    # The hours of the longest day go up too, but climates overlap and print some of them twice.
    hours = {v.columns for v in values[1] if _hours(v.numbers)}
    arguments += [(v, rising(v.numbers)) for v in values[1] if v.columns in hours]
    # Degrees and minutes before degrees alone, where both go up steadily.
    arguments.sort(key=lambda pair: -pair[0].places)
    taken = set(given)
    for value in sorted((v for group in values for v in group), key=lambda v: (-v.places, v.columns)):
        if taken & set(value.columns):
            continue
        beside = [(a, s) for a, s in arguments if not set(a.columns) & (set(value.columns) | taken)]
        # The nearest argument to the left, else the nearest to the right.
        beside.sort(
            key=lambda pair: (pair[0].columns[0] > value.columns[0], abs(pair[0].columns[-1] - value.columns[0]))
        )
        for argument, mended in beside[:N_ARGUMENTS]:
            fit = fit_functions(mended / 60.0**argument.places, value.numbers, value.places)
            # A value whose last places are left out looks rounded down.
            if fit is None or (value.columns in cut and fit.notes["rounding"] != "nearest"):
                continue
            radius, other = fit.parameters.get("radius"), radii.get(argument.columns)
            if radius and other and (radius.low > other.high or radius.high < other.low):
                continue  # one table has one circle: the last places of the value may be missing
            if radius:
                radii[argument.columns] = radius
            taken |= set(value.columns)
            if argument.columns in hours:
                mended, expected = _told_by_value(argument, mended, value, fit)
            else:
                mended, expected = _as_printed(argument, mended, value, fit)
            found = dict(texts_of(panel, argument, mended, "step"))
            found |= dict(texts_of(panel, value, expected, fit.name))
            yield FittedFunction(which, argument.columns, value.columns, fit), found
            break


def _hours(numbers: Floats) -> bool:
    """Whether these are hours and minutes from noon to a whole day that never go back, but for slips."""
    known = numbers[np.isfinite(numbers)]
    within = np.mean((known >= 12 * 60) & (known <= 24 * 60)) >= OBEYED
    return bool(within and np.mean(np.diff(known) >= 0) >= OBEYED)


def _as_printed(argument: Value, mended: Floats, value: Value, fit: Fit) -> tuple[Floats, Floats]:
    """Arguments that seemed to slip but have their own value beside them: a row before them is left out."""
    assert fit.compute is not None
    rows = np.flatnonzero((mended != argument.numbers) & np.isfinite(argument.numbers) & np.isfinite(value.numbers))
    given = fit.compute(argument.numbers[rows] / 60.0**argument.places, value.numbers[rows])
    kept = rows[given == value.numbers[rows]]
    mended, expected = mended.copy(), fit.expected.copy()
    mended[kept], expected[kept] = argument.numbers[kept], value.numbers[kept]
    return mended, expected


def _told_by_value(argument: Value, mended: Floats, value: Value, fit: Fit) -> tuple[Floats, Floats]:
    """Arguments that go up unequally, mended by their values; and what the function has for the mended ones.

    Where argument and value do not meet, another argument between its neighbours may give the value exactly: then the
    argument is wrong, and not the value.
    """
    assert fit.compute is not None
    mended, expected = mended.copy(), fit.expected.copy()
    steps = np.diff(mended[np.isfinite(mended)])
    step = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
    agrees = expected == value.numbers
    for row in np.flatnonzero(~agrees & np.isfinite(value.numbers)):
        below, above = np.flatnonzero(agrees[:row]), row + 1 + np.flatnonzero(agrees[row + 1 :])
        if step == 0 or not (len(below) or len(above)):
            continue
        low = mended[below[-1]] if len(below) else mended[above[0]] - step * (above[0] - row)
        high = mended[above[0]] if len(above) else mended[below[-1]] + step * (row - below[-1])
        likely = np.arange(low, high + step / 2, step)
        given = fit.compute(likely / 60.0**argument.places, np.full(len(likely), value.numbers[row]))
        fitting = likely[given == value.numbers[row]]
        if len(fitting) == 1:
            mended[row], expected[row] = fitting[0], value.numbers[row]
        elif argument.numbers[row] not in likely:
            # Neither can be trusted.
            mended[row] = expected[row] = np.nan
    return mended, expected
