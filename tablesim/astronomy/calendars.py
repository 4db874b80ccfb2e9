"""Calendars: Julian day numbers, months, the golden number, Sunday letters and Easter by the cycles of the computus."""

from __future__ import annotations


def julian_day(year: int, month: int, day: int) -> int:
    """Julian day number that begins at noon of a date of the Julian calendar (years before Christ astronomically)."""
    shift = (14 - month) // 12
    years, months = year + 4800 - shift, month + 12 * shift - 3
    return day + (153 * months + 2) // 5 + 365 * years + years // 4 - 32083


def days_in_month(year: int, month: int, *, gregorian: bool = False) -> int:
    """Days of a month of the Julian calendar, or of the Gregorian one with three leap days fewer in 400 years."""
    left_out = gregorian and month == 2 and year % 100 == 0 and year % 400 != 0
    return 28 + (year % 4 == 0) - left_out if month == 2 else 30 + (month + month // 8) % 2


def gregorian_lead(year: int, month: int) -> int:
    """Days by which the Gregorian calendar is ahead of the Julian one from March on: 10 in 1582 and 1699."""
    past = year if month > 2 else year - 1
    return past // 100 - past // 400 - 2


def golden_number(year: int) -> int:
    """Place of a year in the cycle of 19 years after which new moons fall on the same days, 1 to 19."""
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
