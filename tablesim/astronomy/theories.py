"""Theories of motion: mean motions of the planets, and the Sun on an eccentric circle after Ptolemy and Copernicus.

Degrees and days, floats or float64 arrays. The source of every historical value stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from tablesim.astronomy.functions import Degrees
from tablesim.astronomy.sexagesimal import sexagesimal

MEAN_MOTIONS: dict[str, Fraction] = {
    # Degrees a day. Sun, Moon: the Alfonsine Tables (Venice 1483). The five planets, in longitude or for the two lower
    # ones in anomaly: Ptolemy, Almagest IX 3-4.
    "sun": sexagesimal(0, 59, 8, 19, 37, 19, 13, 56),
    "moon": sexagesimal(13, 10, 35, 1, 15, 11, 4, 35),
    "saturn": sexagesimal(0, 2, 0, 33, 31, 28, 51),
    "jupiter": sexagesimal(0, 4, 59, 14, 26, 46, 31),
    "mars": sexagesimal(0, 31, 26, 36, 53, 51, 33),
    "venus": sexagesimal(0, 36, 59, 25, 53, 11, 28),
    "mercury": sexagesimal(3, 6, 24, 6, 59, 35, 50),
}


def mean_motion(body: str, days: int | Fraction) -> Fraction:
    """Degrees that a body moves in so many days, whole turns left out; exact."""
    return (MEAN_MOTIONS[body] * days) % 360


def equation(anomaly: Degrees, eccentricity: Degrees) -> Any:
    """Mean less true longitude on an eccentric circle, at a mean anomaly counted from the apogee (Almagest III 5)."""
    angle = np.radians(anomaly)
    return np.degrees(np.arctan2(eccentricity * np.sin(angle), 1 + eccentricity * np.cos(angle)))


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

    def mean(self, julian_day: Degrees) -> Any:
        """Mean longitude at a moment, whole turns not left out."""
        return self.mean_longitude + self.rate * (julian_day - self.epoch)

    def longitude(self, julian_day: Degrees) -> Any:
        """True longitude of the Sun, 0 <= l < 360."""
        mean = self.mean(julian_day)
        return (mean - equation(mean - self.apogee, self.eccentricity)) % 360


PTOLEMY = SolarTheory(
    # Almagest III 1-7: noon of Thoth 1 in the first year of Nabonassar (26 February -746).
    epoch=1448638.0,
    mean_longitude=330.75,
    apogee=65.5,
    rate=float(sexagesimal(0, 59, 8, 17, 13, 12, 31)),
    eccentricity=2.5 / 60,
)
RENAISSANCE = SolarTheory(
    # Noon of 1 January 1500 (Julian). Eccentricity and apogee of Copernicus (De revolutionibus III 16: 323/10000,
    # 96;40), motion of the Alfonsine Tables; mean longitude of the modern theory.
    epoch=2268933.0,
    mean_longitude=289.58,
    apogee=96 + 40 / 60,
    rate=float(MEAN_MOTIONS["sun"]),
    eccentricity=0.0323,
)
