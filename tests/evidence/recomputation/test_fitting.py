import math

import numpy as np
import pytest

from evidence.grids import reading
from tablesim.astronomy import calendars, functions, theories
from tablesim.evidence.collation.grids import witness_of
from tablesim.evidence.recomputation import sun as recomputation_sun
from tablesim.evidence.recomputation.examination import examine
from tablesim.evidence.recomputation.fitting import fit_functions
from tablesim.evidence.recomputation.sentences import WitnessSentences
from tablesim.evidence.recomputation.sun import month_columns
from tablesim.synthesis.tables import build

DEGREES = np.arange(0.0, 31)


def declinations(rounding, tilt=23.5, places=1):
    exact = [functions.declination(degree, tilt) * 60**places for degree in DEGREES]
    return np.array([rounding(value) for value in exact], dtype=float)


@pytest.mark.parametrize(
    ("name", "rounding"), [("nearest", lambda v: math.floor(v + 0.5)), ("down", math.floor), ("up", math.ceil)]
)
@pytest.mark.parametrize("tilt", [23 + 28 / 60, 23.5, 23 + 33 / 60])
def test_how_a_table_was_rounded_is_told_and_does_not_move_its_parameter(name, rounding, tilt):
    fit = fit_functions(DEGREES, declinations(rounding, tilt, places=2), 2)
    assert fit.notes["rounding"] == name and fit.recomputed == fit.numbers
    estimate = fit.parameters["obliquity"]
    assert estimate.low <= tilt <= estimate.high and estimate.high - estimate.low < 0.001
    assert estimate.value == pytest.approx(tilt, abs=1e-9)  # the roundest value


def test_a_poor_table_tells_its_parameter_less_surely():
    clean = declinations(lambda v: math.floor(v + 0.5))
    spoilt = clean.copy()
    spoilt[[3, 8, 13, 20, 25]] += [2, -3, 2, -2, 3]
    widths = [
        at.high - at.low
        for column in (clean, spoilt)
        for at in [fit_functions(DEGREES, column, 1).parameters["obliquity"]]
    ]
    assert widths[1] > widths[0]


def calendar(year, first=1, theory=None, monkeypatch=None):
    if theory is not None:
        monkeypatch.setattr(theories, "RENAISSANCE", theory)
    rows = build("sun_place", year=year, first=first).rows
    return [[str(entry) for cell in row for entry in (cell or ("", ""))] for row in rows]


@pytest.mark.parametrize(("year", "first"), [(1474, 1), (1545, 7), (1612, 1)])
def test_a_calendar_tells_its_year_apogee_and_eccentricity(year, first):
    witness = witness_of([reading("a", calendar(year, first))])
    examined = examine(witness)
    assert examined.suspects == () and len(examined.findings) == 6
    for at, finding in enumerate(examined.findings):
        fit = finding.fit
        assert (fit.name, fit.notes["calendar"]) == ("place of the Sun", "Julian")
        assert fit.notes["month"] == recomputation_sun.MONTHS[first - 1 + at]
        told = fit.parameters
        assert told["year"].low == told["year"].high == year
        assert told["eccentricity"].low <= 0.0323 <= told["eccentricity"].high
        assert told["apogee"].low <= 96 + 40 / 60 <= told["apogee"].high
        assert told["apogee"].high - told["apogee"].low < 0.2
    assert f"year {year}" in WitnessSentences(witness, examined, "A").lines()[0]


def test_a_misprint_in_a_calendar_is_the_one_suspect():
    rows = calendar(1530)
    true, rows[11][4] = rows[11][4], str((int(rows[11][4]) + 25) % 60)
    (one,) = examine(witness_of([reading("a", rows)])).suspects
    assert (one.expected, one.law) == (true, "place of the Sun")


def test_the_elements_are_told_without_a_known_theory(monkeypatch):
    other = theories.SolarTheory(2268933.0, 289.9, 91.2, float(theories.MEAN_MOTIONS["sun"]), 0.0346)
    examined = examine(witness_of([reading("a", calendar(1530, 1, other, monkeypatch))]))
    assert len(examined.findings) == 6 and examined.suspects == ()
    for finding in examined.findings:
        told = finding.fit.parameters
        assert finding.fit.notes["theory"] == "unknown" and "year" not in told
        assert told["eccentricity"].low <= 0.0346 <= told["eccentricity"].high
        assert told["apogee"].low <= 91.2 <= told["apogee"].high


def test_after_the_reform_the_calendar_is_told(monkeypatch):
    """The same dates name days that come ten days earlier."""
    julian = calendars.julian_day
    monkeypatch.setattr(calendars, "julian_day", lambda *date: julian(*date) - 10)
    examined = examine(witness_of([reading("a", calendar(1610))]))
    assert {f.fit.notes["calendar"] for f in examined.findings} == {"Gregorian"}
    assert {f.fit.parameters["year"].value for f in examined.findings} == {1610}


def test_other_columns_are_no_months():
    rows = [[str(entry) for cell in row for entry in cell] for row in build("right_ascension").rows]
    assert all(f.fit.name != "place of the Sun" for f in examine(witness_of([reading("a", rows)])).findings)
    assert month_columns([]) == []


def test_words_name_the_misprint_its_place_and_the_parameter():
    rows = [[str(entry) for cell in row for entry in cell] for row in build("chords", count=45).rows]
    rows[20][3] = "9"
    witness = witness_of([reading("a", rows)])
    lines = WitnessSentences(witness, examine(witness), "A").lines()
    assert any(line.startswith("A: chord gives 44 of 45 values of columns 3-5; radius 60.0000") for line in lines)
    assert (
        lines[-1].startswith("A: row 21 (10 30), column 4: 9, expected ")
        and "(chord: 10;58,49, printed is 10;9,49)" in lines[-1]
    )
