"""Against values that were computed or observed by others, long before this program."""

import pytest

from tablesim.astronomy import calendars, theories
from tablesim.astronomy.sexagesimal import places_of, sexagesimal


def test_ptolemys_autumn_equinox() -> None:
    # Almagest III 7: 879 Egyptian years, 66 days and 2 hours after the epoch he observed the Sun at Libra 0.
    moment = theories.PTOLEMY.epoch + 879 * 365 + 66 + 2 / 24
    assert theories.PTOLEMY.longitude(moment) == pytest.approx(180, abs=1 / 60)
    # III 6: the greatest equation is 2;23.
    equations = [theories.equation(anomaly, theories.PTOLEMY.eccentricity) for anomaly in range(180)]
    assert max(equations) == pytest.approx(2 + 23 / 60, abs=1 / 120)


@pytest.mark.parametrize(("month", "day", "longitude"), [(3, 10, 0), (6, 12, 90), (9, 13, 180), (12, 12, 270)])
def test_the_seasons_of_1500(month: int, day: int, longitude: float) -> None:
    # Julian dates of the equinoxes and solstices by modern theory, to a day and a half.
    place = theories.RENAISSANCE.longitude(calendars.julian_day(1500, month, day) + 0.5)
    assert abs((place - longitude + 180) % 360 - 180) < 1.5


def test_mean_motions_of_a_year() -> None:
    # Almagest III 2: the Sun in 365 days 359;45,24,45 ...; a modern month brings the Moon round to itself.
    ptolemy = sexagesimal(0, 59, 8, 17, 13, 12, 31) * 365
    assert places_of(ptolemy, 3) == (359, 45, 24, 45)
    assert float(360 / theories.MEAN_MOTIONS["moon"]) == pytest.approx(27.32158, abs=1e-4)
    periods = {"saturn": 10759, "jupiter": 4333, "mars": 687}
    for body, days in periods.items():
        assert float(360 / theories.MEAN_MOTIONS[body]) == pytest.approx(days, rel=2e-3)
    # Synodic periods of the two that keep near the Sun.
    assert float(360 / theories.MEAN_MOTIONS["venus"]) == pytest.approx(583.92, abs=0.1)
    assert float(360 / theories.MEAN_MOTIONS["mercury"]) == pytest.approx(115.88, abs=0.1)
    assert theories.mean_motion("sun", 400) < 360
