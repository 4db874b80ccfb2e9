"""Fits the one parameter of a function to a column by the intervals that its printed numbers allow (stabbing them).

Each printed number allows an interval of the parameter: those values with which the function, rounded to the last
printed place, gives that number. The parameter that most intervals share is the estimate; the numbers whose interval
does not hold it are not what was computed. Old computers rounded to the nearest, down or up: each way is tried, and the
interval of the estimate goes over all ways and all values that give nearly as many numbers. Of the values that do
equally well the roundest is named, as computers chose 23;30 and not 23;29,52.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from tablesim.astronomy.functions import (
    chord,
    day_length,
    declination,
    latitude_of_day,
    oblique_ascension,
    right_ascension,
    sine,
)
from tablesim.astronomy.sexagesimal import places_of
from tablesim.evidence.recomputation.chance import WORTH, Floats, saved

Curve = Callable[[Floats, Any], Floats]
"""A function of arguments in degrees (or hours) and of a parameter, in units of the whole number."""


@dataclass(frozen=True)
class TabularFunction:
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


def _from(curve: Curve, start: int) -> Curve:
    """A function of the longitude as one of the degree in the sign that begins at ``start``."""
    return lambda degree, parameter: curve(degree + start, parameter)


def _breadth(hours: Floats, obliquity: Any) -> Floats:
    """Degrees of latitude over which the longest day grows by half an hour around these hours."""
    return np.asarray(latitude_of_day(hours + 0.25, obliquity) - latitude_of_day(hours - 0.25, obliquity))


def _day_at(longitude: int) -> Curve:
    """Hours of daylight over the latitude when the Sun is at a longitude."""
    return lambda latitude, obliquity: day_length(longitude, latitude, obliquity)


def functions_for(x: Floats, y: Floats) -> list[TabularFunction]:
    """The functions that could give these numbers, to judge by their size."""
    laws: list[TabularFunction] = []
    # Misprints may lie far outside of what a table holds.
    (bottom, top), (low_x, high_x) = np.quantile(y, [0.1, 0.9]), np.quantile(x, [0.05, 0.95])
    step = float(np.median(np.diff(x))) if len(x) > 1 else 0.0

    def sixtieths(a: Floats, r: Any) -> Floats:
        return np.asarray((chord(a + step, r) - chord(a, r)) / (60 * step))

    curves: list[tuple[str, float, Curve]] = [("sine", 90.0, sine), ("chord", 180.0, chord)]
    if step > 0:
        curves.append(("sixtieths of chords", 180.0, sixtieths))
    for name, last, curve in curves:
        shape = curve(x, 1.0)
        guess = float(np.median(y[shape > 0] / shape[shape > 0])) if (shape > 0).any() else 0.0
        if low_x >= 0 and high_x <= last and guess > 0:
            laws.append(TabularFunction(name, "radius", curve, 0.5 * guess, 2.0 * guess, {}))
    if low_x >= 0 and high_x <= 90 and top <= 25:
        laws += [
            TabularFunction("declination", "obliquity", _from(declination, start), 22.5, 24.5, {})
            for start in (0, 30, 60)
        ]
    if low_x >= 0 and high_x <= 30:
        starts = [s for s in range(0, 360, 30) if _reaches(y, s)]
        laws += [
            TabularFunction("right ascension", "obliquity", _from(right_ascension, start), 22.5, 24.5, {}, 360.0)
            for start in starts
        ]
        for s in starts:
            for tilt in (23.4, 23.475, 23.5, 23.55, 23.5833, 23.85):
                laws.append(oblique(s, tilt))
    if low_x >= 20 and high_x <= 66.5 and bottom >= 0 and top <= 24:
        laws += [
            TabularFunction("day length", "obliquity", _day_at(place), 22.5, 24.5, {})
            for place in (90, 60, 30, -30, -60, -90)
        ]
    if low_x >= 12 and high_x <= 24 and top <= 67:
        laws.append(TabularFunction("latitude of climates", "obliquity", latitude_of_day, 22.5, 24.5, {}))
        laws.append(TabularFunction("breadth of climates", "obliquity", _breadth, 22.5, 24.5, {}))
    motion = _motion(x, y)
    return laws if motion is None else [*laws, motion]


def _motion(x: Floats, y: Floats) -> TabularFunction | None:
    """A motion that is the same in every step; one that goes up in whole steps is an argument and no motion."""
    steps, times = np.diff(y) % 360, np.diff(x)
    if len(set(np.round(steps, 9).tolist())) < 2 or (times <= 0).any():
        return None
    rate, wide = float(np.median(steps / times)), 90 / float(x.max())
    return TabularFunction("mean motion", "rate", lambda a, r: r * a, rate - wide, rate + wide, {}, 360.0)


def _reaches(y: Floats, start: int) -> bool:
    """Whether ascensions of the sign that begins at ``start`` degrees could be these."""
    middle = float(np.median(y))
    return abs((middle - (start + 15) + 180) % 360 - 180) < 45


def oblique(start: int, tilt: float) -> TabularFunction:
    """Oblique ascensions of the sign that begins at ``start`` degrees, the latitude unknown, the obliquity fixed."""

    def curve(a: Floats, latitude: Any) -> Floats:
        return np.asarray(oblique_ascension(a + start, latitude, tilt))

    def solve(a: Floats, y: Floats) -> Floats:
        early = np.radians((right_ascension(a + start, tilt) - y + 180) % 360 - 180)
        slope = np.tan(np.radians(declination(a + start, tilt)))
        # At the equinoxes every latitude gives the same, and the number tells nothing.
        slope = np.where(np.abs(slope) < 1e-3, np.nan, slope)
        return np.asarray(np.degrees(np.arctan(np.sin(early) / slope)))

    return TabularFunction(
        "oblique ascension", "latitude", curve, 20.0, 62.0, {"obliquity": tilt, "start": start}, 360.0, solve
    )


SLACK = 2
"""A parameter that gives so many numbers fewer is as likely as the best one, and one more for each step of the square
root of how many the best one does not give: a poor table tells its parameter less surely."""

RECOMPUTED = 0.7
"""Share of the numbers that a function must give exactly."""

LEFT_OUT = 0.6
"""Share of the numbers that it must give exactly when its parameter is told by other rows alone."""

MIN_DISTINCT = 6
"""Different numbers that a column needs: a column of zeros obeys every law."""

WIDEST = 0.02
"""Share of itself to which a parameter must be known, else the column says nothing of the function."""

_EDGE = 1e-6
"""In last places: keeps a value that is exact from falling to the wrong side by rounding of the machine."""
ROUNDINGS = {"nearest": (-0.5, 0.5), "down": (-_EDGE, 1 - _EDGE), "up": (_EDGE - 1, _EDGE)}
"""Between which bounds, in last places, a function lies above the number that it was rounded to."""

_BISECTIONS = 40
"""Halvings of the range of a parameter: 1e-12 of it, below the rounding of any table."""
_TILTS = np.arange(23 + 20 / 60, 24.0, 1 / 120)
_ROUND_DEGREES = (1.0, 1 / 2, 1 / 6, 1 / 12, 1 / 60)


IN_SIXTIETHS = frozenset(("obliquity", "latitude", "apogee", "rate"))
"""Parameters that tables print in sixtieths."""

MOST_PLACES = 5
"""Sexagesimal places of a parameter that is exactly known."""


def in_base_sixty(value: float, places: int) -> str:
    """A number in base sixty with so many places, as historians write it: ``23;29`` or ``0;59,8,19``; no last zeros."""
    whole, *parts = places_of(abs(value), places)
    while len(parts) > 1 and parts[-1] == 0:
        parts.pop()
    return ("-" if value < 0 else "") + f"{whole};{','.join(str(part) for part in parts)}"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A parameter: its value and the interval of values that do as well."""

    value: float
    low: float
    high: float

    def to_dict(self, name: str) -> dict[str, Any]:
        """Plain values; of an angle or a rate also as they are printed, ``23;29``."""
        if name not in IN_SIXTIETHS:
            return asdict(self)
        places = self.places
        in_sixtieths = {end: in_base_sixty(value, places) for end, value in asdict(self).items()}
        return asdict(self) | {"sexagesimal": in_sixtieths}

    @property
    def places(self) -> int:
        """How many sexagesimal places its interval lets one tell, at least one."""
        width = max(self.high - self.low, 60.0**-MOST_PLACES)
        return max(1, math.ceil(-math.log(width, 60)))


@dataclass(frozen=True)
class Fit:
    """A function that recomputes a column.

    Parameters
    ----------
    name : str
        "chord", "sixtieths of chords" (what a minute of arc adds), "sine", "declination", "right ascension", "oblique
        ascension", "day length", "latitude of climates", "breadth of climates", "mean motion" or "place of the Sun".
    parameters : dict of str to Estimate
        "radius"; "obliquity" and "latitude" in degrees; "rate" in units of the whole number a step; "year", "apogee" in
        degrees and "eccentricity" for a radius of 1.
    recomputed, numbers : int
        How many of how many numbers the function gives exactly.
    expected : float64 array of shape (rows,)
        What it gives, in units of the lowest place; nan where there is no argument.
    notes : dict of str to str
        "rounding": "nearest", "down" or "up"; of the Sun also "theory" and "calendar".
    compute : function of (arguments, printed numbers), optional
        What the function gives for other arguments, in units of the lowest place.
    left_out : int, optional
        How many of the numbers it gives exactly where its parameter is told by other rows alone; None where it was not
        told by halves.
    """

    name: str
    parameters: dict[str, Estimate]
    recomputed: int
    numbers: int
    expected: Floats
    notes: dict[str, str] = field(default_factory=dict)
    compute: Callable[[Floats, Floats], Floats] | None = field(default=None, repr=False, compare=False)
    left_out: int | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "function": self.name,
            "parameters": {name: estimate.to_dict(name) for name, estimate in self.parameters.items()},
            "recomputed": self.recomputed,
            "numbers": self.numbers,
            "recomputed_left_out": self.left_out,
            **self.notes,
        }


@dataclass(frozen=True)
class _Stab:
    """How many numbers the best parameter gives, and which values do nearly as well, but for one number, and best."""

    count: int
    near: tuple[float, float]
    likely: tuple[float, float]
    best: tuple[float, float]
    rounding: str


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
    found: tuple[TabularFunction, _Stab] | None = None
    tried = functions_for(x, y / unit)
    for law in tried:
        stab = _stab(law, x, y, unit)
        if stab is not None and (found is None or stab.count > found[1].count):
            found = law, stab
    if found is None or found[1].count < RECOMPUTED * len(x):
        return None
    law, stab = found
    middle = _roundest(law.parameter, stab)
    if not (middle > 0 and stab.near[1] - stab.near[0] <= WIDEST * middle):
        return None
    parameters: dict[str, Estimate] = {}
    if law.name == "oblique ascension":
        law, stab, parameters["obliquity"] = _with_tilt(law, x, y, unit)
        middle = _roundest(law.parameter, stab)
    parameters = {law.parameter: Estimate(middle, *stab.near), **parameters}
    compute = _computer(law, stab, unit)
    expected = np.full(len(argument), np.nan)
    with_argument = np.isfinite(argument)
    expected[with_argument] = compute(argument[with_argument], value[with_argument])
    exact = expected[known] == y
    choices = math.log2(len(tried) * len(ROUNDINGS)) + sum(
        math.log2(max((law.high - law.low) / max(each.high - each.low, _EDGE), 1.0)) for each in parameters.values()
    )
    left_out = _left_out(law, x, y, unit)
    if saved(y, exact, choices) < WORTH or left_out < LEFT_OUT * len(x):
        return None
    notes = {"rounding": stab.rounding}
    return Fit(law.name, parameters, int(exact.sum()), len(x), expected, notes, compute, left_out)


def _computer(law: TabularFunction, stab: _Stab, unit: float) -> Callable[[Floats, Floats], Floats]:
    """What the function gives with the parameter that was found, for arguments and the numbers printed there."""
    middle = _roundest(law.parameter, stab)

    def compute(at: Floats, printed: Floats) -> Floats:
        computed = rounded(law, middle, at, printed, unit, stab.rounding)
        # What another likely value of the parameter gives is no error.
        ends = np.stack([rounded(law, end, at, printed, unit, stab.rounding) for end in stab.likely])
        allowed = (ends.min(axis=0) <= printed) & (printed <= ends.max(axis=0)) & (np.ptp(ends, axis=0) <= 1)
        return np.where(allowed, printed, computed)

    return compute


def _left_out(law: TabularFunction, x: Floats, y: Floats, unit: float) -> int:
    """How many numbers the function gives when its parameter is told by the other rows alone, each second one."""
    count = 0
    for first in (0, 1):
        fitted, others = slice(first, None, 2), slice(1 - first, None, 2)
        stab = _stab(law, x[fitted], y[fitted], unit)
        if stab is not None:
            count += int((_computer(law, stab, unit)(x[others], y[others]) == y[others]).sum())
    return count


def rounded(law: TabularFunction, parameter: float, x: Floats, printed: Floats, unit: float, rounding: str) -> Floats:
    """What a function gives in whole last places; the end of a circle as it is printed, as 360 or as 0."""
    low, _ = ROUNDINGS[rounding]
    # The whole number n with low <= f - n, the greatest one.
    computed = np.floor(law.curve(x, parameter) * unit - low)
    if law.modulus is None:
        return np.asarray(computed)
    computed = np.mod(computed, law.modulus * unit)
    return np.where((computed == 0) & (printed == law.modulus * unit), printed, computed)


def _roundest(parameter: str, stab: _Stab) -> float:
    """The roundest value that is likely: of whole degrees, halves, tens of minutes and so on; else the best one."""
    middle = sum(stab.best) / 2
    for step in _steps(parameter, stab.likely[1]):
        nearest = round(middle / step) * step
        if stab.likely[0] <= nearest <= stab.likely[1]:
            return nearest
    return middle


def _steps(parameter: str, high: float) -> tuple[float, ...]:
    """How round a parameter can be, the roundest first."""
    if parameter == "radius" and high > 0:
        return tuple(10.0**power for power in range(math.floor(math.log10(high)), -1, -1))
    return _ROUND_DEGREES if parameter in ("obliquity", "latitude") else ()


def _slack(count: int, numbers: int) -> int:
    return SLACK + math.isqrt(max(numbers - count, 0))


def _stab(
    law: TabularFunction, x: Floats, y: Floats, unit: float, ways: tuple[str, ...] = tuple(ROUNDINGS)
) -> _Stab | None:
    """The parameters that give most numbers, over the given ways of rounding; None where even these give too few."""
    ends = np.stack([_gap(law, x, y, bound, unit) for bound in (law.low, law.high)])
    if ((ends.min(axis=0) <= 1) & (ends.max(axis=0) >= -1)).mean() < RECOMPUTED:
        return None
    depths = {way: _depths(*_allowed(law, x, y, unit, ROUNDINGS[way])) for way in ways}
    most = {way: int(counts.max()) for way, (_, counts) in depths.items() if len(counts)}
    if not most:
        return None
    rounding = max(most, key=lambda way: most[way])
    best = most[rounding]
    spans = [_span(*depths[way], best - _slack(best, len(x))) for way in most]
    near = [span for span in spans if span is not None]
    likely, tops = (_span(*depths[rounding], least) for least in (best - 1, best))
    assert likely is not None and tops is not None
    return _Stab(best, (min(low for low, _ in near), max(high for _, high in near)), likely, tops, rounding)


def _span(edges: Floats, counts: Floats, least: int) -> tuple[float, float] | None:
    """From the first to the last value that lies in so many intervals."""
    near = np.flatnonzero(counts >= max(least, 1))
    if not len(near):
        return None
    return float(edges[near[0]]), float(edges[min(int(near[-1]) + 1, len(edges) - 1)])


def _depths(low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """The ends of intervals in order, and how many intervals lie open behind each."""
    real = high > low
    edges = np.concatenate([low[real], high[real]])
    turns = np.concatenate([np.ones(int(real.sum())), -np.ones(int(real.sum()))])
    order = np.lexsort((-turns, edges))
    return edges[order], np.cumsum(turns[order])


def _allowed(
    law: TabularFunction, x: Floats, y: Floats, unit: float, bounds: tuple[float, float]
) -> tuple[Floats, Floats]:
    """For each number the lowest and highest parameter with which the function lies within ``bounds`` above it.

    Bounds are in last places; low = high where no parameter does. The functions go one way with their parameter, so
    that both ends are found by bisection.
    """
    if law.solve is not None:
        ends = np.stack([law.solve(x, (y + edge) / unit) for edge in bounds])
        at_bounds = np.stack([_gap(law, x, y, bound, unit) for bound in (law.low, law.high)])
        low, high = np.clip(ends.min(axis=0), law.low, law.high), np.clip(ends.max(axis=0), law.low, law.high)
        any_does = ((at_bounds >= bounds[0]) & (at_bounds <= bounds[1])).all(axis=0)
        bounded = np.isfinite(low) & np.isfinite(high) & ~any_does
        return np.where(bounded, low, law.low), np.where(bounded, high, np.where(any_does, law.high, law.low))
    bottom, top = np.full(len(x), law.low), np.full(len(x), law.high)
    at_low, at_high = (_gap(law, x, y, bound, unit) for bound in (law.low, law.high))
    sign = np.where(at_high >= at_low, 1.0, -1.0)
    turns = []
    for edge in bounds:
        rising, falling = bottom.copy(), top.copy()
        for _ in range(_BISECTIONS):
            middle = (rising + falling) / 2
            above = sign * (_gap(law, x, y, middle, unit) - edge) > 0
            falling, rising = np.where(above, middle, falling), np.where(above, rising, middle)
        turns.append((rising + falling) / 2)
    low, high = np.minimum(*turns), np.maximum(*turns)
    # An end at the bound of the search is an end of what was searched, unless both are: then nothing was found, or
    # every parameter does.
    step = 1e-9 * (law.high - law.low)
    inside = (high > law.low + step) & (low < law.high - step)
    return low, np.where(inside, high, low)


def _gap(law: TabularFunction, x: Floats, y: Floats, parameter: Floats | float, unit: float) -> Floats:
    """What the function gives less what is printed, in last places; round the circle the short way."""
    gap = law.curve(x, parameter) * unit - y
    if law.modulus is not None:
        turn = law.modulus * unit
        gap = (gap + turn / 2) % turn - turn / 2
    return gap


def _with_tilt(law: TabularFunction, x: Floats, y: Floats, unit: float) -> tuple[TabularFunction, _Stab, Estimate]:
    """An oblique ascension with the likeliest obliquity as well: its law, the fit of the latitude, the obliquity.

    Both move together, so the interval of each goes over all likely values of the other.
    """
    start = int(law.fixed["start"])
    fits = [(float(tilt), stab) for tilt in _TILTS if (stab := _stab(oblique(start, float(tilt)), x, y, unit))]
    best = max(stab.count for _, stab in fits)
    equal = [pair for pair in fits if pair[1].count == best]
    middle = (equal[0][0] + equal[-1][0]) / 2
    tilt, stab = min(equal, key=lambda pair: abs(pair[0] - middle))
    near = [(tilted, fit) for tilted, fit in fits if fit.count >= best - _slack(best, len(x))]
    step = float(_TILTS[1] - _TILTS[0])
    obliquity = Estimate(tilt, near[0][0] - step, near[-1][0] + step)
    latitude = min(fit.near[0] for _, fit in near), max(fit.near[1] for _, fit in near)
    return oblique(start, tilt), replace(stab, near=latitude), obliquity
