import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.grids import chords, printed, reading, with_numbers
from tablesim.astronomy.theories import MEAN_MOTIONS
from tablesim.evidence.collation.collation import collate
from tablesim.evidence.collation.grids import witness_of
from tablesim.evidence.recomputation.examination import examine, propose
from tablesim.evidence.recomputation.fitting import fit_functions
from tablesim.evidence.recomputation.values import steady
from tablesim.synthesis.tables import build


def rows_of(name, **parameters):
    return [[str(entry) for cell in row for entry in (cell or ("",))] for row in build(name, **parameters).rows]


def examined(rows):
    return examine(witness_of([reading("a", rows)]))


def suspects(rows):
    witness = witness_of([reading("a", rows)])
    return {
        (witness.numbers[s.number].row, witness.numbers[s.number].column, s.text, s.expected)
        for s in examine(witness).suspects
    }


@pytest.mark.parametrize(
    ("name", "parameters", "function", "parameter", "value"),
    [
        ("chords", {"first": 91}, "chord", "radius", 60),
        ("sines", {"radius": 60_000}, "sine", "radius", 60_000),
        ("sines", {"radius": 60}, "sine", "radius", 60),
        ("declination", {"obliquity": (23, 28)}, "declination", "obliquity", 23 + 28 / 60),
        ("right_ascension", {"obliquity": (23, 51)}, "right ascension", "obliquity", 23 + 51 / 60),
        ("oblique_ascension", {"latitude": (48, 40)}, "oblique ascension", "latitude", 48 + 40 / 60),
        ("oblique_ascension", {"obliquity": (23, 33)}, "oblique ascension", "obliquity", 23 + 33 / 60),
        ("day_lengths", {"obliquity": (23, 35)}, "day length", "obliquity", 23 + 35 / 60),
        ("mean_motions", {"body": "moon"}, "mean motion", "rate", float(MEAN_MOTIONS["moon"])),
    ],
)
def test_a_table_tells_its_function_and_parameter(name, parameters, function, parameter, value):
    found = [f for f in examined(rows_of(name, **parameters)).findings if f.fit.name == function]
    assert found
    for finding in found:
        estimate = finding.fit.parameters[parameter]
        assert estimate.low <= value <= estimate.high and estimate.low <= estimate.value <= estimate.high
        assert estimate.high - estimate.low < 0.05 * value
        assert finding.fit.recomputed == finding.fit.numbers


@settings(max_examples=25)
@given(st.integers(0, 44), st.integers(2, 4), st.integers(1, 9))
def test_a_misprint_in_a_chord_is_the_one_suspect(row, column, by):
    rows = chords()
    true = rows[row][column]
    rows[row][column] = str((int(true) + by) % 60)
    assert suspects(rows) == {(row, column, rows[row][column], true)}


def test_a_slip_in_the_argument_is_told_from_one_in_the_value():
    rows = chords()
    rows[7][0] = "48"
    assert suspects(rows) == {(7, 0, "48", chords()[7][0])}


def test_a_sum_that_runs_on_tells_which_of_its_numbers_is_wrong():
    rows = [row[1:] for row in rows_of("royal_canon")]
    assert suspects(rows) == set()
    total, part = [row[:] for row in rows], [row[:] for row in rows]
    total[10][1] = str(int(rows[10][1]) + 10)
    assert suspects(total) == {(10, 1, total[10][1], rows[10][1])}
    part[10][0] = str(int(rows[10][0]) + 10)
    assert suspects(part) == {(10, 0, part[10][0], rows[10][0])}


def test_a_column_of_differences():
    rows = rows_of("sines", radius=60_000)
    rows[20][3] = "599"
    assert suspects(rows) == {(20, 3, "599", rows_of("sines", radius=60_000)[20][3])}


def test_numbers_without_a_law_have_no_findings():
    rng = np.random.default_rng(2)
    rows = [[str(n), *(str(v) for v in rng.integers(0, 60, 4))] for n in range(1, 41)]
    assert examined(rows).findings == () and examined(rows).suspects == ()
    assert examined([["30", "0", "7"]] * 20).findings == ()
    assert examined([]).findings == ()


def test_a_function_found_in_one_witness_speaks_of_the_other():
    """The second witness has no argument column, so that nothing can be computed from it alone."""
    mine, yours = chords(), [row[2:] for row in chords()]
    mine[9][4], yours[20][1] = "59", "57"
    assert mine[9][4] != chords()[9][4] and yours[20][1] != chords()[20][3]
    collation = collate(reading("a", mine), reading("b", yours))
    found = {(collation.cells[one.cell].texts, one.expected, one.errs) for one in propose(collation)}
    assert found == {
        (("59", chords()[9][4]), chords()[9][4], (True, False)),
        ((chords()[20][3], "57"), chords()[20][3], (False, True)),
    }


def test_differences_without_a_law_have_no_proposal():
    rows = [[str(1000 + 37 * n * n % 899), str(n * n % 57)] for n in range(30)]
    changed = [row[:] for row in rows]
    changed[4][0] = "7777"
    collation = collate(reading("a", rows), reading("b", changed))
    assert len(collation.differences) == 1 and propose(collation) == []


def test_illegible_numbers_are_passed_over():
    rows = chords()
    rows[5][3] = "?" + rows[5][3][1:]
    assert suspects(rows) == set()


@given(st.integers(-200, 200), st.integers(1, 30), st.integers(10, 60), st.integers(1, 8))
def test_an_argument_is_mended_where_one_number_slipped(first, step, count, row):
    numbers = first + step * np.arange(count, dtype=float)
    slipped = numbers.copy()
    slipped[row] += 7 * step + 1
    mended = steady(slipped)
    if mended is not None:
        assert np.array_equal(mended, numbers)
    assert np.array_equal(steady(numbers), numbers)
    assert steady(np.full(count, float(first))) is None


def test_a_column_that_hardly_changes_fits_nothing():
    assert fit_functions(np.arange(0, 30.0), np.full(30, 4.0), 0) is None
    assert fit_functions(np.full(30, np.nan), np.arange(30.0), 1) is None


@pytest.mark.real
def test_ptolemys_chords_are_named_with_the_misprints_against_them(real):
    from evidence.collation.test_collation import transcribed

    early, late = (transcribed(real, f"almagest_{year}_chords_p2")[0] for year in (1515, 1912))
    found = examine(witness_of([early]))
    assert [f.fit.name for f in found.findings] == ["chord", "chord"]
    for finding in found.findings:
        radius = finding.fit.parameters["radius"]
        assert radius.low <= 60 <= radius.high and radius.high - radius.low < 0.01
    # The slips of which the transcription's heading tells: 48 for 49, 72 for 73.
    assert {("48", "49", "step"), ("72", "73", "step")} <= {(s.text, s.expected, s.law) for s in found.suspects}
    collation = collate(early, late)
    told = {collation.cells[one.cell].texts: one.errs for one in propose(collation)}
    assert told["46", "42"] == (True, False) and told["44", "41"] == (False, True)


def test_what_is_expected_is_written_like_the_reading():
    rows = chords()
    numbers = [n for n in reading("a", rows).numbers if (n.row, n.column) != (9, 4)]
    page = with_numbers("a", [*numbers, printed("0" + rows[9][4], 0, 9, 4)])
    assert examine(witness_of([page])).suspects == ()  # 05 is 5
