"""Against values that were computed or observed by others, long before this program."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.astronomy import theories as astronomy
from tablesim.astronomy.sexagesimal import Sexagesimal, places_of

TILT = 23 + 51 / 60 + 20 / 3600
"""Ptolemy's obliquity (Almagest I 12)."""


@pytest.mark.parametrize(
    ("arc", "chord"),
    [
        # Almagest I 10-11, as printed; sides of the regular polygons among them.
        (0.5, "0;31,25"),
        (1, "1;2,50"),
        (12, "12;32,36"),
        (36, "37;4,55"),
        (60, "60;0,0"),
        (72, "70;32,3"),
        (90, "84;51,10"),
        (120, "103;55,23"),
        (180, "120;0,0"),
    ],
)
def test_ptolemys_chords(arc: float, chord: str) -> None:
    assert str(Sexagesimal.nearest(astronomy.chord(arc), 2)) == chord


@given(st.floats(0, 90))
def test_half_the_chord_of_twice_the_arc_is_the_sine(arc: float) -> None:
    assert abs(astronomy.sine(arc, 60_000) - astronomy.chord(2 * arc, 60_000) / 2) <= 0.5 + 1e-6


def test_round_sines() -> None:
    assert astronomy.sine(30, 60_000) == 30_000
    assert astronomy.sine(90, 100_000) == 100_000
    assert astronomy.sine(45, 100_000) == 70_711
    assert astronomy.sine(18, 60_000) == 18_541  # (sqrt 5 - 1) / 4 of the radius


def test_ptolemys_declinations_and_rising_times() -> None:
    # Almagest I 15: 30 degrees of the ecliptic decline by 11;40, 60 degrees by 20;30,9 (printed), the solstice by all.
    assert places_of(astronomy.declination(30, TILT), 1) == (11, 40)
    assert places_of(astronomy.declination(60, TILT), 1) == (20, 30)
    assert astronomy.declination(90, TILT) == pytest.approx(TILT)
    # I 16: the first sign rises with 27;50, the second with 29;54, the third with 32;16 in the right sphere.
    ends = [astronomy.right_ascension(end, TILT) for end in (30, 60, 90)]
    assert places_of(ends[0], 1) == (27, 50)
    assert places_of(ends[1] - ends[0], 1) == (29, 54)
    assert places_of(ends[2] - ends[1], 1) == (32, 16)


def test_ptolemys_rhodes() -> None:
    # Almagest II 2-8: at 36 degrees the longest day has 14 1/2 hours; Aries rises with 19;12 (for 36;0).
    assert astronomy.longest_day(36, TILT) == pytest.approx(14.5, abs=0.01)
    assert places_of(astronomy.oblique_ascension(30, 36, TILT), 1) == (19, 12)


def test_climates_of_sixteen_and_thirteen_hours() -> None:
    assert 48 + 40 / 60 < astronomy.latitude_of_day(16, 23.55) < 49
    assert places_of(astronomy.latitude_of_day(13, 23.5), 1) == (16, 43)  # Meroe in prints of 1585 and 1604


@given(st.floats(12, 23.9), st.floats(23, 24))
def test_latitude_and_longest_day_are_inverse(hours: float, tilt: float) -> None:
    assert astronomy.longest_day(astronomy.latitude_of_day(hours, tilt), tilt) == pytest.approx(hours, abs=1e-6)


@given(st.floats(0, 360, exclude_max=True), st.floats(0, 60))
def test_opposite_points_rise_half_a_day_apart_together(longitude: float, latitude: float) -> None:
    # What a point gains in rising its opposite loses (Almagest II 7): the sum is that of the right sphere.
    both = astronomy.oblique_ascension(longitude, latitude, TILT) + astronomy.oblique_ascension(
        longitude + 180, latitude, TILT
    )
    right = astronomy.right_ascension(longitude, TILT) + astronomy.right_ascension(longitude + 180, TILT)
    assert math.cos(math.radians(both - right)) == pytest.approx(1, abs=1e-9)


def test_no_day_beyond_the_circle() -> None:
    with pytest.raises(ValueError, match="does not rise or set"):
        astronomy.ascensional_difference(90, 70, TILT)
    with pytest.raises(ValueError, match="expected 12 to 24"):
        astronomy.latitude_of_day(11, TILT)
    with pytest.raises(ValueError, match="expected 0 to"):
        astronomy.longest_day(80, TILT)


def test_ptolemys_autumn_equinox() -> None:
    # Almagest III 7: 879 Egyptian years, 66 days and 2 hours after the epoch he observed the Sun at Libra 0.
    moment = astronomy.PTOLEMY.epoch + 879 * 365 + 66 + 2 / 24
    assert astronomy.PTOLEMY.longitude(moment) == pytest.approx(180, abs=1 / 60)
    # III 6: the greatest equation is 2;23.
    assert max(astronomy.PTOLEMY.equation(anomaly) for anomaly in range(180)) == pytest.approx(2 + 23 / 60, abs=1 / 120)


@pytest.mark.parametrize(("month", "day", "longitude"), [(3, 10, 0), (6, 12, 90), (9, 13, 180), (12, 12, 270)])
def test_the_seasons_of_1500(month: int, day: int, longitude: float) -> None:
    # Julian dates of the equinoxes and solstices by modern theory, to a day and a half.
    place = astronomy.RENAISSANCE.longitude(astronomy.julian_day(1500, month, day) + 0.5)
    assert abs((place - longitude + 180) % 360 - 180) < 1.5


def test_julian_days() -> None:
    assert astronomy.julian_day(-4712, 1, 1) == 0
    assert astronomy.julian_day(1582, 10, 4) == 2299160  # the last day before the Gregorian calendar
    assert astronomy.julian_day(-746, 2, 26) == astronomy.PTOLEMY.epoch
    assert sum(astronomy.days_in_month(1500, month) for month in range(1, 13)) == 366
    assert sum(astronomy.days_in_month(1501, month) for month in range(1, 13)) == 365


@pytest.mark.parametrize(
    ("year", "easter", "letter"),
    [(1500, (4, 19), "ED"), (1543, (3, 25), "G"), (1582, (4, 15), "G"), (1600, (3, 23), "FE")],
)
def test_easters(year: int, easter: tuple[int, int], letter: str) -> None:
    assert astronomy.easter(year) == easter
    assert astronomy.dominical_letter(year) == letter


@given(st.integers(532, 4000))
def test_easter_is_a_sunday_in_its_bounds(year: int) -> None:
    month, day = astronomy.easter(year)
    assert (3, 22) <= (month, day) <= (4, 25)
    assert astronomy.julian_day(year, month, day) % 7 == 6
    # The great cycle of Dionysius: everything returns after 532 years.
    assert astronomy.easter(year + 532) == (month, day)


def test_mean_motions_of_a_year() -> None:
    # Almagest III 2: the Sun in 365 days 359;45,24,45 ...; a modern month brings the Moon round to itself.
    ptolemy = Sexagesimal.of(0, 59, 8, 17, 13, 12, 31) * 365
    assert str(ptolemy.rounded(3)) == "359;45,24,45"
    assert float(360 / astronomy.MEAN_MOTIONS["moon"].value) == pytest.approx(27.32158, abs=1e-4)
    periods = {"saturn": 10759, "jupiter": 4333, "mars": 687}
    for body, days in periods.items():
        assert float(360 / astronomy.MEAN_MOTIONS[body].value) == pytest.approx(days, rel=2e-3)
    # Synodic periods of the two that keep near the Sun.
    assert float(360 / astronomy.MEAN_MOTIONS["venus"].value) == pytest.approx(583.92, abs=0.1)
    assert float(360 / astronomy.MEAN_MOTIONS["mercury"].value) == pytest.approx(115.88, abs=0.1)
    assert astronomy.mean_motion("sun", 400) < 360


def test_sums_of_the_royal_canon() -> None:
    sums, total = {}, 0
    for name, years in astronomy.ROYAL_CANON:
        total += years
        sums[name] = total
    assert (sums["Nabonadius"], sums["Alexander"], sums["Cleopatra"], sums["Antoninus"]) == (209, 424, 718, 907)


def test_the_barometer_stays_on_earth() -> None:
    readings = astronomy.barometer(5, 31)
    assert readings.shape == (31, 24)
    assert 27_500 < readings.min() < readings.max() < 31_500
    assert (astronomy.barometer(5, 31) == readings).all()
    assert (astronomy.barometer(6, 31) != readings).any()
