"""Columns of numbers against the functions that tables of 1470 to 1650 were computed from.

Each printed number allows an interval of the parameter: those values with which the function, rounded to the last
printed place, gives that number. The parameter that most intervals share is the estimate; the numbers whose interval
does not hold it are not what was computed. Old computers rounded down, up or to the nearest, so the interval of the
estimate allows one whole last place: it holds all values that come so near to as many numbers, but for `SLACK`.
Functions and sources: ``tablesim.synthesis.astronomy``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Curve = Callable[[Floats, Any], Floats]
"""A function of arguments in degrees (or hours) and of a parameter, in units of the whole number."""

SLACK = 2
"""A parameter that comes near to so many numbers fewer is not told from the best one."""

RECOMPUTED = 0.7
"""Share of the numbers that a function must give exactly."""

MIN_DISTINCT = 6
"""Different numbers that a column needs: a column of zeros obeys every law."""

WIDEST = 0.02
"""Share of itself to which a parameter must be told, else the column says nothing of the function."""

_BISECTIONS = 40
_TILTS = np.arange(23 + 20 / 60, 24.0, 1 / 120)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A parameter: its value and the interval of values that do as well."""

    value: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float]:
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True)
class Fit:
    """A function that recomputes a column.

    Parameters
    ----------
    name : str
        "chord", "sixtieths of chords" (what a minute of arc adds), "sine", "declination", "right ascension", "oblique
        ascension", "day length", "latitude of climates" or "mean motion".
    parameters : dict of str to Estimate
        "radius"; "obliquity" and "latitude" in degrees; "rate" in units of the whole number a step.
    recomputed, numbers : int
        How many of how many numbers the function gives exactly.
    expected : float64 array of shape (rows,)
        What it gives, in units of the lowest place; nan where there is no argument.
    """

    name: str
    parameters: dict[str, Estimate]
    recomputed: int
    numbers: int
    expected: Floats

    def to_dict(self) -> dict[str, Any]:
        return {
            "function": self.name,
            "parameters": {name: estimate.to_dict() for name, estimate in self.parameters.items()},
            "recomputed": self.recomputed,
            "numbers": self.numbers,
        }


@dataclass(frozen=True)
class _Law:
    """A function with one unknown parameter between two bounds; others are fixed in it."""

    name: str
    parameter: str
    curve: Curve
    low: float
    high: float
    fixed: dict[str, float]
    modulus: float | None = None
    solve: Callable[[Floats, Floats], Floats] | None = None
    """The parameter that gives these numbers, where there is a formula for it."""


def fit_functions(argument: Floats, value: Floats, places: int) -> Fit | None:
    """The function that recomputes most of a column, with its parameters; None where none does.

    Parameters
    ----------
    argument : float64 array of shape (rows,)
        Degrees (or hours); nan where it is not known.
    value : float64 array of shape (rows,)
        In units of the lowest place; nan where it is not known.
    places : int
        Sexagesimal places after the whole number.
    """
    known = np.isfinite(argument) & np.isfinite(value)
    if len(set(value[known].tolist())) < MIN_DISTINCT:
        return None
    x, y, unit = argument[known], value[known], 60.0**places
    best: tuple[int, _Law, float, float, float] | None = None
    for law in _laws(x, y / unit):
        found = _stab(law, x, y, unit)
        if found is not None and (best is None or found[0] > best[0]):
            best = (found[0], law, *found[1:])
    if best is None or best[0] < RECOMPUTED * len(x):
        return None
    count, law, low, high, middle = best
    if not (middle > 0 and high - low <= WIDEST * middle):
        return None
    others: dict[str, Estimate] = {}
    if law.name == "oblique ascension":
        law, (count, low, high, middle), others["obliquity"] = _with_tilt(law, x, y, unit)
    parameters = {law.parameter: Estimate(middle, low, high), **others}
    expected = np.full(len(argument), np.nan)
    with_argument = np.isfinite(argument)
    computed = np.floor(law.curve(argument[with_argument], middle) * unit + 0.5)
    if law.modulus is not None:
        printed = value[with_argument]
        computed = np.mod(computed, law.modulus * unit)
        # The end of the circle is printed as 360 or as 0.
        computed = np.where((computed == 0) & (printed == law.modulus * unit), printed, computed)
    expected[with_argument] = computed
    return Fit(law.name, parameters, count, int(known.sum()), expected)


def _sin(x: Floats | float) -> Any:
    return np.sin(np.radians(x))


def _tan(x: Floats | float) -> Any:
    return np.tan(np.radians(x))


def _declination(longitude: Floats, tilt: Any) -> Floats:
    return np.degrees(np.arcsin(np.clip(_sin(longitude) * _sin(tilt), -1, 1)))


def _right(longitude: Floats, tilt: Any) -> Floats:
    return np.degrees(np.arctan2(_sin(longitude) * np.cos(np.radians(tilt)), np.cos(np.radians(longitude)))) % 360


def _difference(longitude: Floats, latitude: Any, tilt: Any) -> Floats:
    ratio = _tan(_declination(longitude, tilt)) * _tan(latitude)
    return np.degrees(np.arcsin(np.clip(ratio, -1, 1)))


def _from(curve: Curve, start: int) -> Curve:
    """A function of the longitude as one of the degree in the sign that begins at ``start``."""
    return lambda degree, parameter: curve(degree + start, parameter)


def _day_at(longitude: int) -> Curve:
    """Hours of daylight over the latitude when the Sun is at a longitude."""
    return lambda latitude, tilt: 12 + 2 * _difference(np.full_like(latitude, longitude), latitude, tilt) / 15


def _laws(x: Floats, y: Floats) -> list[_Law]:
    """The functions that could give these numbers, to judge by their size."""
    laws: list[_Law] = []
    # Misprints may lie far outside of what a table holds.
    (bottom, top), (low_x, high_x) = np.quantile(y, [0.1, 0.9]), np.quantile(x, [0.05, 0.95])
    step = float(np.median(np.diff(x))) if len(x) > 1 else 0.0

    def sixtieths(a: Floats, r: Any) -> Floats:
        return np.asarray(r * (2 * _sin((a + step) / 2) - 2 * _sin(a / 2)) / (60 * step))

    curves: list[tuple[str, float, Curve]] = [("sine", 90.0, lambda a, r: r * _sin(a))]
    curves.append(("chord", 180.0, lambda a, r: 2 * r * _sin(a / 2)))
    if step > 0:
        curves.append(("sixtieths of chords", 180.0, sixtieths))
    for name, last, curve in curves:
        shape = curve(x, 1.0)
        guess = float(np.median(y[shape > 0] / shape[shape > 0])) if (shape > 0).any() else 0.0
        if low_x >= 0 and high_x <= last and guess > 0:
            laws.append(_Law(name, "radius", curve, 0.5 * guess, 2.0 * guess, {}))
    if low_x >= 0 and high_x <= 90 and top <= 25:
        laws += [_Law("declination", "obliquity", _from(_declination, start), 22.5, 24.5, {}) for start in (0, 30, 60)]
    if low_x >= 0 and high_x <= 30:
        starts = [s for s in range(0, 360, 30) if _reaches(y, s)]
        laws += [_Law("right ascension", "obliquity", _from(_right, start), 22.5, 24.5, {}, 360.0) for start in starts]
        for s in starts:
            for tilt in (23.4, 23.475, 23.5, 23.55, 23.5833, 23.85):
                laws.append(_oblique(s, tilt))
    if low_x >= 20 and high_x <= 66.5 and bottom >= 0 and top <= 24:
        laws += [
            _Law("day length", "obliquity", _day_at(place), 22.5, 24.5, {}) for place in (90, 60, 30, -30, -60, -90)
        ]
    if low_x >= 12 and high_x <= 24 and top <= 67:
        laws.append(
            _Law(
                "latitude of climates", "obliquity",
                lambda a, t: np.degrees(np.arctan(_sin(7.5 * (a - 12)) / _tan(t))), 22.5, 24.5, {},
            )
        )  # fmt: skip
    motion = _motion(x, y)
    return laws if motion is None else [*laws, motion]


def _motion(x: Floats, y: Floats) -> _Law | None:
    """A motion that is the same in every step; one that goes up in whole steps is an argument and no motion."""
    steps, times = np.diff(y) % 360, np.diff(x)
    if len(set(np.round(steps, 9).tolist())) < 2 or (times <= 0).any():
        return None
    rate, wide = float(np.median(steps / times)), 90 / float(x.max())
    return _Law("mean motion", "rate", lambda a, r: r * a, rate - wide, rate + wide, {}, 360.0)


def _reaches(y: Floats, start: int) -> bool:
    """Whether ascensions of the sign that begins at ``start`` degrees could be these."""
    middle = float(np.median(y))
    return abs((middle - (start + 15) + 180) % 360 - 180) < 45


def _oblique(start: int, tilt: float) -> _Law:
    def curve(a: Floats, latitude: Any) -> Floats:
        return (_right(a + start, tilt) - _difference(a + start, latitude, tilt)) % 360

    def solve(a: Floats, y: Floats) -> Floats:
        early = (_right(a + start, tilt) - y + 180) % 360 - 180
        slope = np.asarray(_tan(_declination(a + start, tilt)))
        # At the equinoxes every latitude gives the same, and the number tells nothing.
        slope = np.where(np.abs(slope) < 1e-3, np.nan, slope)
        return np.degrees(np.arctan(_sin(early) / slope))

    return _Law("oblique ascension", "latitude", curve, 20.0, 62.0, {"obliquity": tilt, "start": start}, 360.0, solve)


def _stab(law: _Law, x: Floats, y: Floats, unit: float) -> tuple[int, float, float, float] | None:
    """How many numbers the best parameter gives, the interval of those that do nearly as well, and the best one."""
    ends = np.stack([_gap(law, x, y, bound, unit) for bound in (law.low, law.high)])
    within = (ends.min(axis=0) <= 0.5) & (ends.max(axis=0) >= -0.5)
    if within.mean() < RECOMPUTED:
        return None
    edges, counts = _depths(*_allowed(law, x, y, unit, 0.5))
    if not len(edges):
        return None
    at = int(np.argmax(counts))
    best, middle = int(counts[at]), float((edges[at] + edges[min(at + 1, len(edges) - 1)]) / 2)
    edges, counts = _depths(*_allowed(law, x, y, unit, 1.0))
    near = np.flatnonzero(counts >= max(counts.max() - SLACK, 1))
    last = min(int(near[-1]) + 1, len(edges) - 1)
    return best, min(middle, float(edges[near[0]])), max(middle, float(edges[last])), middle


def _depths(low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """The ends of intervals in order, and how many intervals lie open behind each."""
    real = high > low
    edges = np.concatenate([low[real], high[real]])
    turns = np.concatenate([np.ones(int(real.sum())), -np.ones(int(real.sum()))])
    order = np.lexsort((-turns, edges))
    return edges[order], np.cumsum(turns[order])


def _allowed(law: _Law, x: Floats, y: Floats, unit: float, half: float) -> tuple[Floats, Floats]:
    """For each number the lowest and highest parameter that gives it to ``half`` a last place; empty: low = high.

    The functions go one way with their parameter, so that both ends are found by bisection.
    """
    if law.solve is not None:
        ends = np.stack([law.solve(x, (y + edge) / unit) for edge in (-half, half)])
        at_bounds = np.stack([_gap(law, x, y, bound, unit) for bound in (law.low, law.high)])
        low, high = np.clip(ends.min(axis=0), law.low, law.high), np.clip(ends.max(axis=0), law.low, law.high)
        any_does = (np.abs(at_bounds) <= half).all(axis=0)
        told = np.isfinite(low) & np.isfinite(high) & ~any_does
        return np.where(told, low, law.low), np.where(told, high, np.where(any_does, law.high, law.low))
    bottom, top = np.full(len(x), law.low), np.full(len(x), law.high)
    sign = np.where(_gap(law, x, y, law.high, unit) >= _gap(law, x, y, law.low, unit), 1.0, -1.0)
    turns = []
    for edge in (-half, half):
        one, other = bottom.copy(), top.copy()
        for _ in range(_BISECTIONS):
            middle = (one + other) / 2
            above = sign * (_gap(law, x, y, middle, unit) - edge) > 0
            other, one = np.where(above, middle, other), np.where(above, one, middle)
        turns.append((one + other) / 2)
    low, high = np.minimum(*turns), np.maximum(*turns)
    # An end at the bound of the search is an end of what was searched, unless both are: then nothing was found.
    step = 1e-9 * (law.high - law.low)
    inside = (high > law.low + step) & (low < law.high - step)
    return low, np.where(inside, high, low)


def _gap(law: _Law, x: Floats, y: Floats, parameter: Floats | float, unit: float) -> Floats:
    """What the function gives less what is printed, in last places; round the circle the short way."""
    gap = law.curve(x, parameter) * unit - y
    if law.modulus is not None:
        turn = law.modulus * unit
        gap = (gap + turn / 2) % turn - turn / 2
    return gap


def _with_tilt(law: _Law, x: Floats, y: Floats, unit: float) -> tuple[_Law, tuple[int, float, float, float], Estimate]:
    """An oblique ascension with the likeliest obliquity as well: its law, the fit of the latitude, the obliquity.

    Both move together, so the interval of each goes over all likely values of the other.
    """
    start = int(law.fixed["start"])
    fits = [(float(tilt), fit) for tilt in _TILTS if (fit := _stab(_oblique(start, float(tilt)), x, y, unit))]
    best = max(fit[0] for _, fit in fits)
    equal = [pair for pair in fits if pair[1][0] == best]
    tilt, fit = equal[len(equal) // 2]
    near = [(other, other_fit) for other, other_fit in fits if other_fit[0] >= best - SLACK]
    step = float(_TILTS[1] - _TILTS[0])
    obliquity = Estimate(tilt, near[0][0] - step, near[-1][0] + step)
    latitude = min(f[1] for _, f in near), max(f[2] for _, f in near)
    return _oblique(start, tilt), (best, *latitude, fit[3]), obliquity
