"""Dates tables of the Sun's longitude: year and theory by search, apogee and eccentricity by linear programming.

A calendar prints the Sun's degrees and minutes of its sign for each day of the month, a column a month. In a given year
the same date comes six hours, a quarter of a degree, before that of the year before, and after four years the Sun is
two minutes ahead: the numbers of a few months tell the year. Every year of two centuries, month, calendar and theory is
computed and compared. What eccentricity and which apogee the numbers allow is found without a theory: in the plane of
all elements the numbers, each good to half a last place, bound a small polygon, and linear programming finds its ends.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares, linprog

from tablesim.astronomy.calendars import days_in_month, gregorian_lead, julian_day
from tablesim.astronomy.theories import MEAN_MOTIONS, PTOLEMY, RENAISSANCE, equation
from tablesim.evidence.recomputation.chance import WORTH, saved
from tablesim.evidence.recomputation.differences import unrolled
from tablesim.evidence.recomputation.fitting import RECOMPUTED, ROUNDINGS, SLACK, Estimate, Fit
from tablesim.evidence.recomputation.values import MIN_ROWS, OBEYED, Floats, Value

THEORIES = {"Ptolemy": PTOLEMY, "Copernicus, with the motion of the Alfonsine Tables": RENAISSANCE}
YEARS = range(1400, 1701)
REFORM = 1582
"""From then on a year may be Julian or Gregorian."""

SIGN = 30
DAILY = 57 / 60 - 0.02, 61.5 / 60 + 0.02
"""Degrees that the Sun goes in a day."""

APOGEES = 75.0, 105.0
"""Degrees between which the apogee of the Sun was put from 1470 to 1650: without a theory the sign is not known."""

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
LOOSE = 0.02
"""An eccentricity whose interval is wider than this is not reported."""

SEARCHED = math.log2(len(YEARS) * 2 * len(THEORIES) * len(ROUNDINGS))
"""Bits of the search for a year."""

FREE_ELEMENTS = 3 * math.log2(SIGN * 60)
"""Bits of three elements that are found without a theory, each as fine as minutes tell it."""

_OUTLIER = 3.0
"""So many times the median residual a number may be off and still bound the elements; misprints are further off."""

_NUDGE = 1e-6
"""Step of the numerical slopes, in degrees and in units of the radius."""

_ROOM = 0.02
"""Last places that are allowed beyond a half, for the curvature that the linear slopes leave out."""

_MEAN = float(MEAN_MOTIONS["sun"])


@dataclass(frozen=True)
class _Calendar:
    """What a theory gives for every date.

    Parameters
    ----------
    days : float64 array of shape (years, 12, 31)
        Julian day; nan where there is no such date.
    longitudes : float64 array of shape (years, 12, 31)
        Degrees.
    """

    theory: str
    calendar: str
    years: NDArray[np.int64]
    days: Floats
    longitudes: Floats


def month_columns(values: Sequence[Value]) -> list[Value]:
    """The columns that go on from row to row as the Sun does from day to day, none taken twice."""
    found: list[Value] = []
    for value in values:
        unit = 60.0**value.places
        known = np.isfinite(value.numbers)
        steps = np.diff(value.numbers) % (SIGN * unit)
        steps = steps[np.isfinite(steps)]
        within = (steps >= DAILY[0] * unit) & (steps <= DAILY[1] * unit)
        signs = np.mean(value.numbers[known] <= SIGN * unit) if known.any() else 0.0
        taken = found and value.columns[0] <= found[-1].columns[-1]
        if len(steps) >= MIN_ROWS and within.mean() >= OBEYED and signs >= OBEYED and not taken:
            found.append(value)
    return found


def sun_places(days: Floats, columns: Sequence[Value]) -> list[Fit]:
    """For each column what the best year, or else the best elements, have for it; empty where nothing fits.

    Parameters
    ----------
    days : float64 array of shape (rows,)
        Days of the month.
    columns : sequence of Value
        Those of ``month_columns``, in the order of the months.
    """
    printed = np.stack([column.numbers for column in columns], axis=1)
    known = np.isfinite(printed) & (np.isfinite(days) & (days >= 1) & (days <= 31))[:, None]
    unit = 60.0 ** columns[0].places
    if known.sum() < MIN_ROWS or any(column.places != columns[0].places for column in columns):
        return []
    dated = _dated(days, printed, known, unit)
    fits = dated if dated is not None else _undated(days, printed, known, unit)
    choices = len(columns) * math.log2(len(MONTHS)) + (SEARCHED if dated is not None else FREE_ELEMENTS)
    explained = 0.0
    for column, fit in zip(columns, fits, strict=False):
        there = np.isfinite(column.numbers) & np.isfinite(fit.expected)
        numbers = unrolled(column)[there]
        explained += saved(numbers, column.numbers[there] == fit.expected[there], 0.0)
    return fits if explained - choices >= WORTH else []


@cache
def _calendars() -> tuple[_Calendar, ...]:
    found = []
    for name, theory in THEORIES.items():
        for calendar in ("Julian", "Gregorian"):
            years = np.array([year for year in YEARS if calendar == "Julian" or year >= REFORM])
            days = np.full((len(years), 12, 31), np.nan)
            for at, year in enumerate(years.tolist()):
                for month in range(12):
                    gregorian = calendar == "Gregorian"
                    last = days_in_month(year, month + 1, gregorian=gregorian)
                    first = julian_day(year, month + 1, 1) - gregorian * gregorian_lead(year, month + 1)
                    days[at, month, :last] = first + np.arange(last)
            found.append(_Calendar(name, calendar, years, days, theory.longitude(days)))
    return tuple(found)


def _true(mean: Floats, eccentricity: float, apogee: float) -> Floats:
    """True longitudes, not reduced (Almagest III 5)."""
    return np.asarray(mean - equation(mean - apogee, eccentricity))


def _dated(days: Floats, printed: Floats, known: NDArray[np.bool_], unit: float) -> list[Fit] | None:
    """The fits of the best year; None where no year of no theory gives most numbers."""
    rows = np.flatnonzero(np.isfinite(days) & (days >= 1) & (days <= 31))
    dates = days[rows].astype(int) - 1
    wanted = np.where(known, printed, -1.0)[rows] % (SIGN * unit)
    wanted[~known[rows]] = -1.0
    best: tuple[int, _Calendar, str, NDArray[np.int64]] | None = None
    for calendar in _calendars():
        for rounding, (low, _) in ROUNDINGS.items():
            given = np.floor(calendar.longitudes[:, :, dates] * unit - low) % (SIGN * unit)
            # (years, 12, columns): how many numbers of a column each month gives.
            counts = np.stack([(given == wanted[:, c]).sum(axis=2) for c in range(wanted.shape[1])], axis=2)
            totals = counts.max(axis=1).sum(axis=1)
            if best is None or totals.max() > best[0]:
                best = int(totals.max()), calendar, rounding, counts
    if best is None or best[0] < RECOMPUTED * known.sum():
        return None
    count, calendar, rounding, counts = best
    totals = counts.max(axis=1).sum(axis=1)
    at = int(np.argmax(totals))
    near = calendar.years[totals >= count - SLACK - int(np.sqrt(known.sum() - count))]
    months = counts[at].argmax(axis=0)
    moments = np.full(printed.shape, np.nan)
    moments[rows] = calendar.days[at][months[None, :], dates[:, None]]
    theory = THEORIES[calendar.theory]
    mean = theory.mean(moments)
    # A number may stand where the month that fits best has no such day.
    dated = known & np.isfinite(moments)
    elements = _elements(mean, printed, dated, unit, (0.0, theory.eccentricity, theory.apogee))
    parameters = {"year": Estimate(float(calendar.years[at]), float(near.min()), float(near.max()))}
    low, _ = ROUNDINGS[rounding]
    expected = np.floor(theory.longitude(moments) * unit - low) % (SIGN * unit)
    notes = {"rounding": rounding, "theory": calendar.theory, "calendar": calendar.calendar}
    with_months = [notes | {"month": MONTHS[int(month)]} for month in months]
    return list(_fits(printed, expected, parameters | elements, with_months))


def _undated(days: Floats, printed: Floats, known: NDArray[np.bool_], unit: float) -> list[Fit]:
    """The fits of the elements that the numbers themselves tell, each column going on where the last one ended."""
    moments, start = np.full(printed.shape, np.nan), 0.0
    for column in range(printed.shape[1]):
        moments[:, column] = start + days - 1
        start += float(np.nanmax(np.where(known[:, column], days, np.nan)))
    begin = float(printed[known][0] / unit)
    mean = begin + _MEAN * (moments - moments[known][0])
    middle = sum(APOGEES) / 2
    first = [_elements(mean, printed, known, unit, (0.0, 0.035, middle + turn)) for turn in (-90.0, 0.0, 90.0, 180.0)]
    fits = [fit for fit in first if fit]
    if not fits:
        return []
    elements = min(fits, key=lambda fit: fit["eccentricity"].high - fit["eccentricity"].low)
    shift, eccentricity, apogee = (elements[name].value for name in ("shift", "eccentricity", "apogee"))
    computed = _true(mean + shift, eccentricity, apogee) * unit
    gap = (computed - printed + SIGN * unit / 2) % (SIGN * unit) - SIGN * unit / 2
    expected = np.where(np.abs(gap) <= 1, printed, np.floor(computed + 0.5) % (SIGN * unit))
    if (expected[known] == printed[known]).sum() < RECOMPUTED * known.sum():
        return []
    # Signs are not printed: the apogee is known but for whole signs.
    turn = SIGN * float((apogee - APOGEES[0]) // SIGN)
    placed = elements["apogee"]
    parameters = {
        "eccentricity": elements["eccentricity"],
        "apogee": Estimate(placed.value - turn, placed.low - turn, placed.high - turn),
    }
    notes = {"rounding": "nearest", "theory": "unknown"}
    return list(_fits(printed, expected, parameters, [notes] * printed.shape[1]))


def _fits(
    printed: Floats, expected: Floats, parameters: dict[str, Estimate], notes: Sequence[dict[str, str]]
) -> Iterator[Fit]:
    shown = {name: estimate for name, estimate in parameters.items() if name != "shift"}
    for column, note in enumerate(notes):
        of_column, of_print = expected[:, column], printed[:, column]
        known = np.isfinite(of_print) & np.isfinite(of_column)
        count = int((of_print[known] == of_column[known]).sum())
        yield Fit("place of the Sun", shown, count, int(known.sum()), of_column, note)


def _elements(
    mean: Floats, printed: Floats, known: NDArray[np.bool_], unit: float, first: tuple[float, float, float]
) -> dict[str, Estimate]:
    """Eccentricity and apogee with all values that the numbers allow; empty where these do not bound them.

    Parameters
    ----------
    mean : float64 array
        Mean longitudes in degrees, but for one shift of all.
    first : tuple of (float, float, float)
        Shift, eccentricity and apogee to begin with.
    """
    at, wanted = mean[known], printed[known] / unit

    def residuals(elements: Floats) -> Floats:
        shift, along, across = elements
        gap = _true(at + shift, float(np.hypot(along, across)), float(np.degrees(np.arctan2(across, along)))) - wanted
        return np.asarray(((gap + SIGN / 2) % SIGN - SIGN / 2) * unit)

    angle = np.radians(first[2])
    start = np.array([first[0], first[1] * np.cos(angle), first[1] * np.sin(angle)])
    solved = least_squares(residuals, start, loss="cauchy", x_scale=[0.01, 0.001, 0.001])
    left = residuals(solved.x)
    sound = np.abs(left) <= max(_OUTLIER * float(np.median(np.abs(left))), 1.0)
    if sound.sum() < RECOMPUTED * len(left):
        return {}
    eccentricity, angle = float(np.hypot(*solved.x[1:])), float(np.arctan2(solved.x[2], solved.x[1]))
    slopes = np.stack([(residuals(solved.x + nudge)[sound] - left[sound]) / _NUDGE for nudge in _NUDGE * np.eye(3)], 1)
    outward = np.array([0.0, np.cos(angle), np.sin(angle)])
    around = np.degrees(np.array([0.0, -np.sin(angle), np.cos(angle)]) / eccentricity)
    ends = _ends(slopes, left[sound], (outward, around))
    if ends is None or ends[0][1] - ends[0][0] > LOOSE:
        return {}
    bounded = []
    for middle, (low, high) in zip((eccentricity, float(np.degrees(angle)) % 360), ends, strict=True):
        bounded.append(Estimate(middle + (low + high) / 2, middle + low, middle + high))
    shift = float(solved.x[0])
    return {"shift": Estimate(shift, shift, shift), "eccentricity": bounded[0], "apogee": bounded[1]}


def _ends(slopes: Floats, left: Floats, along: tuple[Floats, ...]) -> list[tuple[float, float]] | None:
    """How far the elements can go in given directions before a number would be rounded otherwise; None without end.

    Parameters
    ----------
    slopes : float64 array of shape (numbers, 3)
        Last places that each number changes for a unit of each element.
    left : float64 array of shape (numbers,)
        Last places that are left over at the solution.
    along : tuple of float64 arrays of shape (3,)
        What is to be made least and greatest.
    """
    both = np.concatenate([slopes, -slopes])
    # By how much more than half a last place the numbers are off at best: old computers were not always careful.
    spare = linprog(
        [0, 0, 0, 1],
        A_ub=np.column_stack([both, -np.ones(len(both))]),
        b_ub=0.5 - np.concatenate([left, -left]),
        bounds=[(None, None)] * 3 + [(0, None)],
    )
    if spare.status != 0:
        return None
    room = 0.5 + spare.x[3] + _ROOM - np.concatenate([left, -left])
    found = []
    for direction in along:
        ends = [linprog(sign * direction, A_ub=both, b_ub=room, bounds=[(None, None)] * 3) for sign in (1, -1)]
        if any(end.status != 0 for end in ends):
            return None
        found.append((float(ends[0].fun), -float(ends[1].fun)))
    return found
