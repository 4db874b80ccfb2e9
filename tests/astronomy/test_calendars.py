"""Against values that were computed or observed by others, long before this program."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.astronomy import calendars, theories


def test_julian_days() -> None:
    assert calendars.julian_day(-4712, 1, 1) == 0
    assert calendars.julian_day(1582, 10, 4) == 2299160  # the last day before the Gregorian calendar
    assert calendars.julian_day(-746, 2, 26) == theories.PTOLEMY.epoch
    assert sum(calendars.days_in_month(1500, month) for month in range(1, 13)) == 366
    assert sum(calendars.days_in_month(1501, month) for month in range(1, 13)) == 365


@pytest.mark.parametrize(
    ("year", "easter", "letter"),
    [(1500, (4, 19), "ED"), (1543, (3, 25), "G"), (1582, (4, 15), "G"), (1600, (3, 23), "FE")],
)
def test_easters(year: int, easter: tuple[int, int], letter: str) -> None:
    assert calendars.easter(year) == easter
    assert calendars.dominical_letter(year) == letter


@given(st.integers(532, 4000))
def test_easter_is_a_sunday_in_its_bounds(year: int) -> None:
    month, day = calendars.easter(year)
    assert (3, 22) <= (month, day) <= (4, 25)
    assert calendars.julian_day(year, month, day) % 7 == 6
    # The great cycle of Dionysius: everything returns after 532 years.
    assert calendars.easter(year + 532) == (month, day)


def test_the_gregorian_calendar_leaves_days_out() -> None:
    assert [calendars.gregorian_lead(year, month) for year, month in ((1582, 11), (1700, 2), (1700, 3), (1900, 3))] == [
        10,
        10,
        11,
        13,
    ]
    assert [calendars.days_in_month(year, 2, gregorian=True) for year in (1600, 1700, 1704)] == [29, 28, 29]
