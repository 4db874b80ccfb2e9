"""Rows whose values are not those of their argument: one argument is misread, or a row misplaced, not ten values wrong.

Where a function gives the values of most rows and not those of one, another argument is tried there: the printed one
with one figure changed, lost or added, and those of the rows around. The argument that gives the values is what should
stand there. Where the printed one goes on with its neighbours, or no other gives the values, the row is named as one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tablesim.astronomy.sexagesimal import parts_of
from tablesim.evidence.collation.grids import Panel
from tablesim.evidence.recomputation.fitting import Fit
from tablesim.evidence.recomputation.values import Floats

MIN_BROKEN = 2
"""So many numbers of a row must break its function, or half of them where there are more: one is a misprint."""

GIVEN = 0.8
"""Share of the numbers of the row that another argument must give."""

WHOLE = 3
"""Where so many numbers break the function and next to none keeps it, the row is wrong as a whole."""

AROUND = 3
"""Rows before and behind whose arguments are tried: the eye slips by few."""


@dataclass(frozen=True)
class BrokenRow:
    """A row whose values are not those of its argument.

    Parameters
    ----------
    argument : tuple of int
        The numbers of its argument, by their indices in the witness.
    values : tuple of int
        The numbers that the functions speak of.
    broken : int
        How many of these are not what the functions give for the argument.
    fits : tuple of str
        The argument that gives them, a text for each of its numbers; empty where none was found.
    given : int
        How many of the values that argument gives.
    displaced : bool
        Whether the argument goes on with its neighbours: then the values are wrong, all of them, and not it.
    shifted : bool
        Whether its numbers stand a column beside that in which the functions have them.
    doubtful : bool
        Whether the reader may have misread the argument.
    """

    argument: tuple[int, ...]
    values: tuple[int, ...]
    broken: int
    fits: tuple[str, ...]
    given: int
    displaced: bool = False
    shifted: bool = False
    doubtful: bool = False


@dataclass(frozen=True)
class Function:
    """Columns of a panel, the fit that computes the second from the first, and what it has for each number."""

    argument: tuple[int, ...]
    value: tuple[int, ...]
    fit: Fit
    expected: dict[int, tuple[str, str]]


def broken_rows(panel: Panel, numbers: Floats, functions: Sequence[Function]) -> Iterator[BrokenRow]:
    """The rows of a panel in which most numbers break the functions of one argument.

    Parameters
    ----------
    panel : Panel
        Of one witness.
    numbers : float64 array of shape (rows, columns)
        What stands in it, nan where nothing can be read.
    functions : sequence of Function
    """
    by_argument: dict[tuple[int, ...], list[Function]] = {}
    for function in functions:
        by_argument.setdefault(function.argument, []).append(function)
    for argument, of_argument in by_argument.items():
        scale = 60.0 ** np.arange(len(argument) - 1, -1, -1)
        arguments = numbers[:, argument] @ scale
        for row in range(panel.shape[0]):
            found = _broken(panel, numbers, (argument, arguments), of_argument, row)
            if found is not None:
                yield found


def _broken(
    panel: Panel, numbers: Floats, column: tuple[tuple[int, ...], Floats], functions: Sequence[Function], row: int
) -> BrokenRow | None:
    argument, arguments = column
    values: list[int] = []
    pairs: list[tuple[int, int]] = []
    for function in sorted(functions, key=lambda each: each.value):
        for at in function.value:
            number = int(panel.numbers[0, row, at])
            if number in function.expected:
                values.append(number)
                pairs.append((int(numbers[row, at]), int(function.expected[number][0])))
    broken = sum(printed != expected for printed, expected in pairs)
    if not np.isfinite(arguments[row]):
        return None
    of_argument = tuple(int(panel.numbers[0, row, at]) for at in argument)
    if broken >= WHOLE and _beside(pairs) > broken / 2:
        return BrokenRow(of_argument, tuple(values), broken, (), 0, shifted=True)
    if broken < max(MIN_BROKEN, len(values) / 2):
        return None
    places = len(argument) - 1
    best, given = None, 0
    for other in _others(arguments, row, places):
        count = sum(_gives(function, numbers[row], other, places) for function in functions)
        if count > given:
            best, given = other, count
    if best is not None and given >= max(MIN_BROKEN, GIVEN * len(values)):
        fits = tuple(str(part) for part in parts_of(best, places))
        return BrokenRow(of_argument, tuple(values), broken, fits, given, _goes_on(arguments, row))
    if broken >= WHOLE and broken >= GIVEN * len(values):
        return BrokenRow(of_argument, tuple(values), broken, (), 0, _goes_on(arguments, row))
    return None


def _beside(pairs: Sequence[tuple[int, int]]) -> int:
    """How many numbers that are not what is expected are what is expected a column before, or behind: the more."""
    counts = []
    for by in (1, -1):
        shifted = pairs[by:] if by > 0 else pairs[:by]
        fixed = pairs[:-by] if by > 0 else pairs[-by:]
        counts.append(sum(a[0] == b[1] != a[1] for a, b in zip(fixed, shifted, strict=True)))
    return max(counts)


def _gives(function: Function, printed: Floats, argument: float, places: int) -> int:
    """How many printed numbers of a row a function gives for an argument, in units of its lowest place."""
    value = printed[list(function.value)]
    if function.fit.compute is None or not np.isfinite(value).all():
        return 0
    finer = len(function.value) - 1
    whole = float(value @ 60.0 ** np.arange(finer, -1, -1))
    computed = function.fit.compute(np.array([argument / 60.0**places]), np.array([whole]))[0]
    if not np.isfinite(computed) or computed < 0:
        return 0
    return sum(part == int(read) for part, read in zip(parts_of(computed, finer), value, strict=True))


def _others(arguments: Floats, row: int, places: int) -> list[float]:
    """Other arguments that could stand in a row, the likeliest first, in units of the lowest place."""
    printed = parts_of(arguments[row], places)
    found: dict[float, None] = {}
    for at, part in enumerate(printed):
        unit = 60.0 ** (places - at)
        for text in _one_figure_changed(str(part)):
            if at == 0 or int(text) < 60:
                found[arguments[row] + (int(text) - part) * unit] = None
    around = arguments[max(0, row - AROUND) : row + AROUND + 1]
    found |= dict.fromkeys(around[np.isfinite(around)].tolist())
    found.pop(float(arguments[row]), None)
    return list(found)


def _one_figure_changed(text: str) -> Iterator[str]:
    """The texts with one figure changed, one left out, and one added."""
    for at in range(len(text)):
        yield from (text[:at] + figure + text[at + 1 :] for figure in "0123456789" if figure != text[at])
        if len(text) > 1:
            yield text[:at] + text[at + 1 :]
    for at in range(len(text) + 1):
        yield from (text[:at] + figure + text[at:] for figure in "0123456789")


def _goes_on(arguments: Floats, row: int) -> bool:
    """Whether the argument of a row goes on evenly with those around it."""
    around = arguments[max(0, row - 1) : row + 2]
    if len(around) < 3:
        around = arguments[:3] if row == 0 else arguments[-3:]
    steps = np.diff(around)
    return bool(np.isfinite(steps).all() and steps[0] == steps[1] and steps[0] != 0)
