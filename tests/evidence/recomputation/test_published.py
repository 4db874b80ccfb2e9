"""Recomputation of tables that others printed: nothing here comes from ``tablesim.astronomy`` or ``synthesis``.

The simulator and the recomputation share their table functions, so an error in these would be invisible to tests on
simulated tables. Here the numbers come out of books, or out of a theory that the house does not know.
"""

import math

import pytest

from evidence.grids import reading
from tablesim.evidence.collation.grids import witness_of
from tablesim.evidence.recomputation.examination import examine

PTOLEMY_CHORDS = """
0 31 25 1 2 50, 1 2 50 1 2 50, 1 34 15 1 2 50, 2 5 40 1 2 50, 2 37 4 1 2 48, 3 8 28 1 2 48, 3 39 52 1 2 48,
4 11 16 1 2 47, 4 42 40 1 2 47, 5 14 4 1 2 46, 5 45 27 1 2 45, 6 16 49 1 2 44, 6 48 11 1 2 43, 7 19 33 1 2 42,
7 50 54 1 2 41
"""
"""Almagest I 11 in the edition of K. Manitius, Leipzig 1912: chords of each half degree, and their sixtieths."""

SINES = """
174524 348995 523360 697565 871557 1045285 1218693 1391731 1564345 1736482 1908090 2079117 2249511 2419219 2588190
"""
"""Sines of 1 to 15 degrees for a radius of 10,000,000, as every canon since Regiomontanus has them."""

PIFFERI_CLIMATES = """
12 15 4 14, 12 30 8 36, 12 45 12 43, 13 0 16 43, 13 15 20 33, 13 30 23 11, 13 45 27 36, 14 0 30 47, 14 15 33 45,
14 30 36 30, 14 45 39 1, 15 0 41 22, 15 15 43 32, 15 30 44 29, 15 45 47 20, 16 0 49 1, 16 15 50 33, 16 30 51 58,
16 45 53 17, 17 0 54 29, 17 15 55 24
"""
"""F. Pifferi, Sfera, Siena 1604, p. 368: the longest day and the height of the pole, as printed, slips included."""


def examined(rows):
    witness = witness_of([reading("book", rows)])
    return witness, examine(witness)


def rows_of(text):
    return [row.split() for row in text.replace("\n", " ").split(",")]


def test_the_chords_of_the_almagest_are_chords_of_radius_60():
    arcs = [[str(half // 2), str(30 * (half % 2))] for half in range(1, 16)]
    witness, found = examined([[*arc, *row] for arc, row in zip(arcs, rows_of(PTOLEMY_CHORDS), strict=True)])
    fits = {finding.fit.name: finding.fit for finding in found.findings}
    assert fits["chord"].recomputed == fits["chord"].numbers == 15
    assert fits["chord"].parameters["radius"].value == 60
    # The sixtieths were taken of the printed chords, not of the exact ones: most come out, and none is far off.
    sixtieths = {s.number for s in found.suspects}
    assert len(sixtieths) <= 5
    assert all(witness.numbers[number].column == 7 for number in sixtieths)


def test_a_canon_of_sines_tells_its_radius():
    _, found = examined([[str(arc), sine] for arc, sine in enumerate(SINES.split(), start=1)])
    (finding,) = found.findings
    assert (finding.fit.name, finding.fit.recomputed, finding.fit.numbers) == ("sine", 15, 15)
    assert finding.fit.parameters["radius"].low <= 10_000_000 <= finding.fit.parameters["radius"].high


def test_a_printed_table_of_climates_tells_its_obliquity_and_its_slips():
    rows = rows_of(PIFFERI_CLIMATES)
    witness, found = examined(rows)
    (finding,) = found.findings
    obliquity = finding.fit.parameters["obliquity"]
    assert finding.fit.name == "latitude of climates"
    assert 23 + 28 / 60 <= obliquity.value <= 23 + 30 / 60  # what astronomers had between Regiomontanus and Clavius
    wrong = {(witness.numbers[s.number].row, s.text, s.expected) for s in found.suspects}
    assert {(5, "23", "24"), (13, "44", "45")} <= wrong
    assert finding.fit.recomputed >= 15  # of 21: three slips, and some numbers a minute or a few off


def modern_sun(julian_day):
    """Apparent longitude of the Sun in degrees by the low-precision theory of J. Meeus, Astronomical Algorithms, 25."""
    t = (julian_day - 2451545.0) / 36525
    mean = 280.46646 + 36000.76983 * t + 0.0003032 * t * t
    anomaly = math.radians(357.52911 + 35999.05029 * t - 0.0001537 * t * t)
    centre = (1.914602 - 0.004817 * t) * math.sin(anomaly) + (0.019993 - 0.000101 * t) * math.sin(2 * anomaly)
    return (mean + centre + 0.000289 * math.sin(3 * anomaly)) % 360


@pytest.mark.parametrize("first", [2269000, 2305500])
def test_the_sun_of_a_modern_theory_tells_its_apogee_and_eccentricity(first):
    """Half a year of days about 1500 and 1600; the apogee stands at 102.94 degrees in 2000, 1.72 less in 1900."""
    months = [30] * 6
    starts = [first + sum(months[:at]) for at in range(6)]
    rows = []
    for day in range(30):
        row = [str(day + 1)]
        for start in starts:
            minutes = math.floor(modern_sun(start + day) * 60 + 0.5) % (30 * 60)
            row += [str(minutes // 60), str(minutes % 60)]
        rows.append(row)
    _, found = examined(rows)
    assert len(found.findings) == 6
    told = found.findings[0].fit.parameters
    century = (first - 2451545) / 36525
    assert told["apogee"].value == pytest.approx(102.94 + 1.72 * century, abs=1.5)
    # The simple eccentric needs twice the eccentricity of the ellipse.
    assert told["eccentricity"].value == pytest.approx(2 * (0.016709 - 0.000042 * century), abs=0.0006)
