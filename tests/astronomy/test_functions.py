"""Against values that were computed or observed by others, long before this program."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.astronomy import functions
from tablesim.astronomy.sexagesimal import places_of

TILT = 23 + 51 / 60 + 20 / 3600
"""Ptolemy's obliquity (Almagest I 12)."""


@pytest.mark.parametrize(
    ("arc", "chord"),
    [
        # Almagest I 10-11, as printed; sides of the regular polygons among them.
        (0.5, (0, 31, 25)),
        (1, (1, 2, 50)),
        (12, (12, 32, 36)),
        (36, (37, 4, 55)),
        (60, (60, 0, 0)),
        (72, (70, 32, 3)),
        (90, (84, 51, 10)),
        (120, (103, 55, 23)),
        (180, (120, 0, 0)),
    ],
)
def test_ptolemys_chords(arc: float, chord: tuple[int, ...]) -> None:
    assert places_of(functions.chord(arc), 2) == chord


@given(st.floats(0, 90))
def test_half_the_chord_of_twice_the_arc_is_the_sine(arc: float) -> None:
    assert abs(functions.whole_sine(arc, 60_000) - functions.chord(2 * arc, 60_000) / 2) <= 0.5 + 1e-6


def test_round_sines() -> None:
    assert functions.whole_sine(30, 60_000) == 30_000
    assert functions.whole_sine(90, 100_000) == 100_000
    assert functions.whole_sine(45, 100_000) == 70_711
    assert functions.whole_sine(18, 60_000) == 18_541  # (sqrt 5 - 1) / 4 of the radius


def test_ptolemys_declinations_and_rising_times() -> None:
    # Almagest I 15: 30 degrees of the ecliptic decline by 11;40, 60 degrees by 20;30,9 (printed), the solstice by all.
    assert places_of(functions.declination(30, TILT), 1) == (11, 40)
    assert places_of(functions.declination(60, TILT), 1) == (20, 30)
    assert functions.declination(90, TILT) == pytest.approx(TILT)
    # I 16: the first sign rises with 27;50, the second with 29;54, the third with 32;16 in the right sphere.
    ends = [functions.right_ascension(end, TILT) for end in (30, 60, 90)]
    assert places_of(ends[0], 1) == (27, 50)
    assert places_of(ends[1] - ends[0], 1) == (29, 54)
    assert places_of(ends[2] - ends[1], 1) == (32, 16)


def test_ptolemys_rhodes() -> None:
    # Almagest II 2-8: at 36 degrees the longest day has 14 1/2 hours; Aries rises with 19;12 (for 36;0).
    assert functions.day_length(90, 36, TILT) == pytest.approx(14.5, abs=0.01)
    assert places_of(functions.oblique_ascension(30, 36, TILT), 1) == (19, 12)


def test_climates_of_sixteen_and_thirteen_hours() -> None:
    assert 48 + 40 / 60 < functions.latitude_of_day(16, 23.55) < 49
    assert places_of(functions.latitude_of_day(13, 23.5), 1) == (16, 43)  # Meroe in prints of 1585 and 1604


@given(st.floats(12, 23.9), st.floats(23, 24))
def test_latitude_and_longest_day_are_inverse(hours: float, tilt: float) -> None:
    assert functions.day_length(90, functions.latitude_of_day(hours, tilt), tilt) == pytest.approx(hours, abs=1e-6)


@given(st.floats(0, 360, exclude_max=True), st.floats(0, 60))
def test_opposite_points_rise_half_a_day_apart_together(longitude: float, latitude: float) -> None:
    # What a point gains in rising its opposite loses (Almagest II 7): the sum is that of the right sphere.
    both = functions.oblique_ascension(longitude, latitude, TILT) + functions.oblique_ascension(
        longitude + 180, latitude, TILT
    )
    right = functions.right_ascension(longitude, TILT) + functions.right_ascension(longitude + 180, TILT)
    assert math.cos(math.radians(both - right)) == pytest.approx(1, abs=1e-9)


def test_beyond_the_polar_circle_the_sun_does_not_set_or_rise() -> None:
    assert functions.day_length(90, 70, TILT) == 24
    assert functions.day_length(-90, 70, TILT) == 0


def test_functions_take_arrays() -> None:
    degrees = np.arange(0.0, 91.0)
    for function in (functions.declination, functions.right_ascension):
        assert function(degrees, TILT) == pytest.approx([function(degree, TILT) for degree in degrees.tolist()])
    assert functions.chord(degrees)[60] == pytest.approx(60)
