"""Table functions of spherical astronomy: what columns of tables of 1470 to 1910 print, by degrees, for arrays too.

Angles are in degrees and times in hours, floats or float64 arrays; rounding to minutes or thirds is left to the tables.
Each function names the table that it is known from.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Degrees = float | NDArray[np.float64]
"""Degrees or hours: one number, or an array of them."""


def _sin(angle: Degrees) -> Any:
    return np.sin(np.radians(angle))


def _cos(angle: Degrees) -> Any:
    return np.cos(np.radians(angle))


def _tan(angle: Degrees) -> Any:
    return np.tan(np.radians(angle))


def sine(arc: Degrees, radius: Degrees) -> Any:
    """The old sine: half the chord of twice the arc in a circle of that radius (Regiomontanus: 60,000)."""
    return radius * _sin(arc)


def whole_sine(arc: float, radius: int) -> int:
    """The old sine to the nearest whole part, halves upward, as it was printed."""
    return math.floor(float(sine(arc, radius)) + 0.5)


def chord(arc: Degrees, radius: Degrees = 60.0) -> Any:
    """The chord of an arc; the circle of Ptolemy has the radius 60 (Almagest I 10-11)."""
    return 2 * radius * _sin(arc / 2)


def declination(longitude: Degrees, obliquity: Degrees) -> Any:
    """Distance of a point of the ecliptic from the equator, north positive (Almagest I 14-15)."""
    return np.degrees(np.arcsin(np.clip(_sin(longitude) * _sin(obliquity), -1, 1)))


def right_ascension(longitude: Degrees, obliquity: Degrees) -> Any:
    """The degree of the equator that rises with one of the ecliptic in the right sphere, 0 to 360 (Almagest I 16)."""
    return np.degrees(np.arctan2(_sin(longitude) * _cos(obliquity), _cos(longitude))) % 360


def ascensional_difference(longitude: Degrees, latitude: Degrees, obliquity: Degrees) -> Any:
    """How much earlier than in the right sphere a degree of the ecliptic rises, in degrees of the equator.

    90 for a point that does not set at that latitude and -90 for one that does not rise.
    """
    return np.degrees(np.arcsin(np.clip(_tan(declination(longitude, obliquity)) * _tan(latitude), -1, 1)))


def oblique_ascension(longitude: Degrees, latitude: Degrees, obliquity: Degrees) -> Any:
    """The degree of the equator that rises with one of the ecliptic at a latitude (Almagest II 7-8); 0 <= a < 360."""
    return (right_ascension(longitude, obliquity) - ascensional_difference(longitude, latitude, obliquity)) % 360


def day_length(longitude: Degrees, latitude: Degrees, obliquity: Degrees) -> Any:
    """Hours of daylight with the centre of the Sun at a degree of the ecliptic: 24 or 0 if it never sets or rises."""
    return 12 + 2 * ascensional_difference(longitude, latitude, obliquity) / 15


def latitude_of_day(hours: Degrees, obliquity: Degrees) -> Any:
    """The northern latitude whose longest day has so many hours, 12 to 24: what orders the climates (Almagest II 6)."""
    return np.degrees(np.arctan(_sin(7.5 * (hours - 12)) / _tan(obliquity)))
