import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.grids import reading
from tablesim.evidence.collation.collation import collate
from tablesim.evidence.collation.grids import witness_of
from tablesim.evidence.recomputation.differences import carries, out_of_order, second_differences, unrolled
from tablesim.evidence.recomputation.examination import examine, propose
from tablesim.evidence.recomputation.values import Value


def value(numbers, places=0):
    return Value(tuple(range(places + 1)), np.array(numbers, dtype=float))


def smooth(count=30):
    """A column that no known function gives, to the nearest whole number."""
    x = np.arange(count)
    return np.floor(400 + 0.21 * x**2 + 0.004 * x**3 + 11 * np.cos(x / 9) + 0.5)


def broken(numbers, places=0):
    rows = np.arange(len(numbers), dtype=float)
    return {(b.row, b.low, b.high) for b in second_differences(value(numbers, places), rows)}


@settings(max_examples=40)
@given(st.integers(3, 26), st.integers(8, 90), st.sampled_from([1, -1]))
def test_a_spike_is_the_one_suspect_and_the_value_that_smooths_is_allowed(row, by, way):
    numbers = smooth()
    assert broken(numbers) == set()
    true, numbers[row] = numbers[row], numbers[row] + way * by
    ((found, low, high),) = broken(numbers)
    assert found == row and low <= true <= high and high - low <= 6 and not low <= numbers[row] <= high


def test_two_spikes_side_by_side_and_one_at_the_end():
    numbers = smooth()
    numbers[[10, 11, 29]] += [60, -40, 90]
    assert {row for row, _, _ in broken(numbers)} == {10, 11, 29}


def test_what_is_counted_or_measured_obeys_no_law():
    """A far number in a column with noise of its own may be a plague or a storm."""
    rng = np.random.default_rng(1)
    noisy = smooth(60) * 20 + np.rint(rng.normal(0, 30, 60))
    assert broken(noisy) == set()
    noisy[25] += 900
    assert broken(noisy) == set()
    walk = np.rint(np.cumsum(rng.normal(10, 1, 40)))
    walk[20] += 100
    assert broken(walk) == set()
    assert broken(rng.integers(0, 60, 60)) == set()
    assert broken(np.zeros(30)) == set()


def test_the_wrong_place_of_a_sexagesimal_value_is_told():
    """41;24 for 42;24: one degree of sixty minutes, in the column of degrees."""
    numbers = smooth()
    true, numbers[12] = numbers[12], numbers[12] - 60
    (one,) = second_differences(value(numbers, places=1), np.arange(30.0))
    assert (one.row, one.column, one.low, one.high) == (12, 0, true // 60, true // 60)


def test_a_row_that_is_left_out_is_no_error_where_the_argument_tells():
    numbers, rows = np.delete(smooth(40), 17), np.delete(np.arange(40.0), 17)
    assert list(second_differences(value(numbers), rows)) == []


def test_numbers_that_begin_anew_are_unrolled():
    signs = np.arange(3.0, 90, 1.7) % 30
    assert np.allclose(np.diff(unrolled(value(signs))), 1.7)
    slipped = np.arange(30.0)
    slipped[9] = 28
    assert np.array_equal(unrolled(value(slipped)), slipped)


def test_a_degree_that_did_not_carry_over():
    numbers = np.arange(41 * 60, 41 * 60 + 30 * 17, 17)
    assert list(carries(value(numbers, places=1))) == []
    row = int(np.flatnonzero(np.diff(numbers // 60))[2]) + 1
    true = numbers[row] // 60
    numbers[row] -= 60
    (one,) = carries(value(numbers, places=1))
    assert (one.row, one.column, one.low, one.high) == (row, 0, true, true)


@given(st.lists(st.integers(1, 30), min_size=15, max_size=15), st.integers(2, 12), st.integers(40, 400))
def test_a_column_that_rises_but_for_one(steps, row, by):
    numbers = np.cumsum(steps)
    assert list(out_of_order(value(numbers))) == []
    low, _, high = numbers[row - 1 : row + 2]
    numbers[row] += by
    found = list(out_of_order(value(numbers)))
    if numbers[row] > numbers[row + 2]:  # else either of two could be wrong, or none is
        assert [(one.row, one.low, one.high) for one in found] == [(row, low, high)]
    else:
        assert found == []
    falling = out_of_order(value(2000 - numbers))
    assert [one.row for one in falling] == [one.row for one in found]


def test_minutes_beside_other_numbers_are_no_value():
    """50;23, 50;24, 48;24, 48;25: sixtieths that fall beside degrees that rise."""
    falling, rising = 50 - np.repeat(np.arange(15), 2), 20 + np.arange(30) // 2
    assert list(out_of_order(value(falling * 60 + rising, places=1))) == []


@pytest.mark.parametrize("witness", [0, 1])
def test_the_uneven_reading_of_two_errs(witness):
    rows = [[str(n + 1), str(int(v)), str(77 * n * n % 61)] for n, v in enumerate(smooth())]
    wrong = [row[:] for row in rows]
    wrong[14][1] = str(int(rows[14][1]) + 30)
    pages = (wrong, rows) if witness == 0 else (rows, wrong)
    (found,) = propose(collate(*(reading(name, page) for name, page in zip("ab", pages, strict=True))))
    assert found.law == "second differences" and found.errs == (witness == 0, witness == 1)


def test_a_heading_is_no_misprint():
    rows = [["1", "2", "3"], *([str(n), str(int(v)), str(int(2 * v))] for n, v in enumerate(smooth()))]
    assert examine(witness_of([reading("a", rows)])).suspects == ()
