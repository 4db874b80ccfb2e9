"""Where no law holds nothing is said; where one holds, on rows that it was not fitted to as well, it is."""

import numpy as np
import pytest

from evidence.grids import reading
from tablesim.astronomy import functions
from tablesim.evidence.collation.grids import witness_of
from tablesim.evidence.recomputation.chance import WORTH, equal_by_chance, even_bits, luck, saved
from tablesim.evidence.recomputation.examination import examine
from tablesim.evidence.recomputation.fitting import fit_functions
from tablesim.synthesis.tables import build


def examined(columns):
    rows = [[str(int(v)) for v in row] for row in zip(*columns, strict=True)]
    return examine(witness_of([reading("a", rows)]))


def years(rng, count=40):
    """A town that grows nearly evenly, but for one plague."""
    growth = 1 + 0.01 + rng.normal(0, 0.001, count)
    growth[count // 2] = 0.93
    return np.rint(20_000 * np.cumprod(growth))


def deaths(rng, count=40):
    """Rare causes: one often goes up by what another has."""
    return rng.poisson(1.2, count)


def walk(rng, count=40):
    steps = np.rint(rng.normal(10, 2.5, count))
    numbers = np.cumsum(steps)
    numbers[12] += 400
    return numbers


def places(rng, count=40):
    """Stars in the order of their longitudes."""
    numbers = np.sort(rng.integers(0, 350, count))
    numbers[7] = 999
    return numbers


@pytest.mark.parametrize("made", [years, deaths, walk, places])
def test_a_table_of_no_law_has_none_and_accuses_nobody(made):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        found = examined([np.arange(1, 41), made(rng), made(rng), made(rng)])
        assert found.findings == () and found.suspects == ()
        assert {law for _, law in found.expected.values()} <= {"step"}


@pytest.mark.parametrize("name", ["chords", "declination", "right_ascension", "day_lengths"])
def test_a_computed_table_whose_columns_are_shuffled_has_no_law(name):
    rows = [[str(entry) for cell in row for entry in (cell or ("",))] for row in build(name).rows]
    columns = [list(column) for column in zip(*rows, strict=True)]
    rng = np.random.default_rng(3)
    shuffled = [columns[0], *(rng.permutation(column).tolist() for column in columns[1:])]
    found = examine(witness_of([reading("a", list(zip(*shuffled, strict=True)))]))
    assert found.findings == () and found.suspects == ()


def test_a_function_is_told_by_half_of_the_rows_for_the_other_half():
    degrees = np.arange(0.0, 31)
    rows = build("declination").rows
    minutes = np.array([row[1][0] * 60 + row[1][1] for row in rows], dtype=float)
    fit = fit_functions(degrees, minutes, 1)
    assert fit is not None and fit.left_out is not None
    assert 0.6 * fit.numbers <= fit.left_out <= fit.numbers
    assert fit.to_dict()["recomputed_left_out"] == fit.left_out


def test_the_breadth_of_a_climate_follows_from_its_hour_and_the_obliquity():
    hours = np.arange(13.0, 17.5, 0.5)
    exact = functions.latitude_of_day(hours + 0.25, 23.55) - functions.latitude_of_day(hours - 0.25, 23.55)
    fit = fit_functions(hours, np.floor(exact * 60 + 0.5), 1)
    assert fit is not None and fit.name == "breadth of climates" and fit.recomputed == fit.numbers
    assert fit.parameters["obliquity"].low <= 23.55 <= fit.parameters["obliquity"].high


def test_luck_is_what_it_takes_by_chance():
    assert luck(10, 10, 0.5) == pytest.approx(10)
    assert luck(3, 10, 0.3) == 0 and luck(0, 0, 0.3) == 0
    assert 0 < luck(8, 10, 0.5) < luck(9, 10, 0.5) < 10
    assert equal_by_chance(np.arange(5.0), np.arange(5.0)) == pytest.approx(1 / 21)
    assert equal_by_chance(np.ones(5), np.ones(5)) == 0.999


def test_what_any_even_column_tells_is_no_merit_of_a_function():
    even, rough = np.arange(0.0, 300, 10), np.random.default_rng(1).permutation(np.arange(0.0, 300, 10))
    exact = np.ones(30, dtype=bool)
    assert even_bits(even)[5:].sum() < even_bits(rough)[5:].sum() / 5
    assert saved(rough, exact, 10) > WORTH
    assert saved(rough, exact, 10) == pytest.approx(saved(rough, exact, 0) - 10)
    assert saved(rough, ~exact, 0) < 0
