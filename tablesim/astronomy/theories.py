"""The astronomy and the calendar behind the tables: one function for each column that tables of 1470 to 1910 print.

Angles are in degrees and times in hours or days, as floats; rounding to minutes or thirds is left to the tables. Where
a value is historical (a rate, an epoch, a list of reigns) its source stands beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from tablesim.astronomy.sexagesimal import Sexagesimal


def _sin(angle: float) -> float:
    return math.sin(math.radians(angle))


def _cos(angle: float) -> float:
    return math.cos(math.radians(angle))


def _tan(angle: float) -> float:
    return math.tan(math.radians(angle))


# Trigonometry ---------------------------------------------------------------------------------------------------------


def sine(arc: float, radius: int) -> int:
    """The old sine: half the chord of twice the arc in a circle of that radius, to the nearest whole part."""
    return math.floor(radius * _sin(arc) + 0.5)


def chord(arc: float, radius: float = 60.0) -> float:
    """The chord of an arc; the circle of Ptolemy has the radius 60 (Almagest I 10-11)."""
    return 2 * radius * _sin(arc / 2)


# The sphere -----------------------------------------------------------------------------------------------------------


def declination(longitude: float, obliquity: float) -> float:
    """Distance of a point of the ecliptic from the equator, north positive."""
    return math.degrees(math.asin(_sin(longitude) * _sin(obliquity)))


def right_ascension(longitude: float, obliquity: float) -> float:
    """The degree of the equator that rises with a degree of the ecliptic in the right sphere; 0 <= a < 360."""
    return math.degrees(math.atan2(_sin(longitude) * _cos(obliquity), _cos(longitude))) % 360


def ascensional_difference(longitude: float, latitude: float, obliquity: float) -> float:
    """How much earlier than in the right sphere a degree of the ecliptic rises; ValueError where it does not rise."""
    ratio = _tan(declination(longitude, obliquity)) * _tan(latitude)
    if abs(ratio) > 1:
        raise ValueError(f"ascensional_difference: longitude {longitude} does not rise or set at latitude {latitude}")
    return math.degrees(math.asin(ratio))


def oblique_ascension(longitude: float, latitude: float, obliquity: float) -> float:
    """The degree of the equator that rises with a degree of the ecliptic at a northern latitude; 0 <= a < 360."""
    return (right_ascension(longitude, obliquity) - ascensional_difference(longitude, latitude, obliquity)) % 360


def longest_day(latitude: float, obliquity: float) -> float:
    """Hours of daylight at the summer solstice, for the centre of the Sun and below the polar circle."""
    ratio = _tan(latitude) * _tan(obliquity)
    if not 0 <= ratio <= 1:
        raise ValueError(f"longest_day: got latitude {latitude}, expected 0 to {90 - obliquity}")
    return 12 + 2 * math.degrees(math.asin(ratio)) / 15


def latitude_of_day(hours: float, obliquity: float) -> float:
    """The northern latitude whose longest day has that many hours (12 to 24): what orders the climates."""
    if not 12 <= hours <= 24:
        raise ValueError(f"latitude_of_day: got {hours} hours, expected 12 to 24")
    return math.degrees(math.atan(_sin(7.5 * (hours - 12)) / _tan(obliquity)))


# Motions --------------------------------------------------------------------------------------------------------------

MEAN_MOTIONS: dict[str, Sexagesimal] = {
    # Degrees a day. Sun, Moon: the Alfonsine Tables (Venice 1483). The five planets, in longitude or for the two lower
    # ones in anomaly: Ptolemy, Almagest IX 3-4.
    "sun": Sexagesimal.of(0, 59, 8, 19, 37, 19, 13, 56),
    "moon": Sexagesimal.of(13, 10, 35, 1, 15, 11, 4, 35),
    "saturn": Sexagesimal.of(0, 2, 0, 33, 31, 28, 51),
    "jupiter": Sexagesimal.of(0, 4, 59, 14, 26, 46, 31),
    "mars": Sexagesimal.of(0, 31, 26, 36, 53, 51, 33),
    "venus": Sexagesimal.of(0, 36, 59, 25, 53, 11, 28),
    "mercury": Sexagesimal.of(3, 6, 24, 6, 59, 35, 50),
}


def mean_motion(body: str, days: int | Fraction) -> Fraction:
    """Degrees that a body moves in so many days, whole turns left out; exact."""
    return (MEAN_MOTIONS[body].value * days) % 360


@dataclass(frozen=True, slots=True)
class SolarTheory:
    """The Sun on an eccentric circle.

    Parameters
    ----------
    epoch : float
        Julian day at which the mean Sun stands at ``mean_longitude``.
    mean_longitude, apogee : float
        Degrees.
    rate : float
        Mean motion in degrees a day.
    eccentricity : float
        Distance of the centre from the Earth, the radius being 1.
    """

    epoch: float
    mean_longitude: float
    apogee: float
    rate: float
    eccentricity: float

    def equation(self, anomaly: float) -> float:
        """What is taken from the mean longitude at a mean anomaly counted from the apogee (Almagest III 5)."""
        return math.degrees(math.atan2(self.eccentricity * _sin(anomaly), 1 + self.eccentricity * _cos(anomaly)))

    def longitude(self, julian_day: float) -> float:
        """True longitude of the Sun, 0 <= l < 360."""
        mean = self.mean_longitude + self.rate * (julian_day - self.epoch)
        return (mean - self.equation(mean - self.apogee)) % 360


PTOLEMY = SolarTheory(
    # Almagest III 1-7: noon of Thoth 1 in the first year of Nabonassar (26 February -746).
    epoch=1448638.0,
    mean_longitude=330.75,
    apogee=65.5,
    rate=float(Sexagesimal.of(0, 59, 8, 17, 13, 12, 31).value),
    eccentricity=2.5 / 60,
)
RENAISSANCE = SolarTheory(
    # Noon of 1 January 1500 (Julian). Eccentricity and apogee of Copernicus (De revolutionibus III 16: 323/10000,
    # 96;40), motion of the Alfonsine Tables; mean longitude of the modern theory.
    epoch=2268933.0,
    mean_longitude=289.58,
    apogee=96 + 40 / 60,
    rate=float(MEAN_MOTIONS["sun"].value),
    eccentricity=0.0323,
)


# The calendar ---------------------------------------------------------------------------------------------------------


def julian_day(year: int, month: int, day: int) -> int:
    """Julian day number that begins at noon of a date of the Julian calendar (years before Christ astronomically)."""
    shift = (14 - month) // 12
    years, months = year + 4800 - shift, month + 12 * shift - 3
    return day + (153 * months + 2) // 5 + 365 * years + years // 4 - 32083


def days_in_month(year: int, month: int) -> int:
    """Days of a month of the Julian calendar."""
    return 28 + (year % 4 == 0) if month == 2 else 30 + (month + month // 8) % 2


def golden_number(year: int) -> int:
    return year % 19 + 1


def dominical_letter(year: int) -> str:
    """Sunday letter of a Julian year, two letters in a leap year (``BA``)."""
    # 1 January bears the letter A; JDN % 7 is 0 on a Monday.
    first = (6 - julian_day(year, 1, 1)) % 7
    letters = "ABCDEFG"
    return letters[first] + letters[first - 1] if year % 4 == 0 else letters[first]


def easter(year: int) -> tuple[int, int]:
    """Month and day of Easter in the Julian calendar: the Sunday after the 14th day of the computed Moon."""
    moon = (19 * (year % 19) + 15) % 30
    full = julian_day(year, 3, 21) + moon
    sunday = full + 7 - (full + 1) % 7
    day = sunday - julian_day(year, 3, 1) + 1
    return (3, day) if day <= 31 else (4, day - 31)


# Lists ----------------------------------------------------------------------------------------------------------------

ROYAL_CANON: tuple[tuple[str, int], ...] = (
    # The kings of the Babylonians, Persians, Macedonians and Romans with their years, as handed down with Ptolemy's
    # Handy Tables (names after the Latin chronologers): 424 years to the death of Alexander, 907 to that of Antoninus.
    ("Nabonaſſarus", 14), ("Nadius", 2), ("Chinzirus & Porus", 5), ("Iugæus", 5), ("Mardocempadus", 12),
    ("Archianus", 5), ("Interregnum I", 2), ("Belibus", 3), ("Apronadius", 6), ("Regibelus", 1),
    ("Meſeſſimordacus", 4), ("Interregnum II", 8), ("Aſaridinus", 13), ("Saoſduchinus", 20), ("Chyniladanus", 22),
    ("Nabopollaſſarus", 21), ("Nabocolaſſarus", 43), ("Ilvarodamus", 2), ("Nericaſſolaſſarus", 4),
    ("Nabonadius", 17), ("Cyrus", 9), ("Cambyſes", 8), ("Darius I", 36), ("Xerxes", 21), ("Artaxerxes I", 41),
    ("Darius II", 19), ("Artaxerxes II", 46), ("Ochus", 21), ("Arogus", 2), ("Darius III", 4), ("Alexander", 8),
    ("Philippus", 7), ("Alexander alter", 12), ("Ptolemæus Lagi", 20), ("Philadelphus", 38), ("Euergetes I", 25),
    ("Philopator", 17), ("Epiphanes", 24), ("Philometor", 35), ("Euergetes II", 29), ("Soter", 36),
    ("Dionyſius", 29), ("Cleopatra", 22), ("Auguſtus", 43), ("Tiberius", 22), ("Caius", 4), ("Claudius", 14),
    ("Nero", 14), ("Veſpaſianus", 10), ("Titus", 3), ("Domitianus", 15), ("Nerva", 1), ("Traianus", 19),
    ("Hadrianus", 21), ("Antoninus", 23),
)  # fmt: skip


def barometer(seed: int, days: int) -> NDArray[np.int64]:
    """Hourly readings of a barometer at sea level in thousandths of an inch, shape (days, 24).

    A slow wandering of the weather about 29.85 inches with the double daily tide of the air: made, not observed.
    """
    rng = np.random.default_rng(seed)
    steps = rng.normal(0.0, 0.009, days * 24)
    pressure, slope, readings = 29.85 + rng.normal(0, 0.2), 0.0, np.empty(days * 24)
    for hour, step in enumerate(steps):
        slope = 0.93 * slope + step + 0.0009 * (29.85 - pressure)
        pressure += slope * 0.35
        readings[hour] = pressure + 0.012 * math.cos(2 * math.pi * (hour % 24 - 10) / 12)
    return np.rint(readings * 1000).astype(np.int64).reshape(days, 24)
