"""Candidate functions for a column: those of ``tablesim.astronomy`` with one unknown parameter each, chosen by size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tablesim.astronomy.functions import (
    chord,
    day_length,
    declination,
    latitude_of_day,
    oblique_ascension,
    right_ascension,
    sine,
)

Floats = NDArray[np.float64]
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
