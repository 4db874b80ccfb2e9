from fractions import Fraction

import numpy as np
import pytest

from tablesim.records.arguments import Arguments
from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Number


def cells(columns):
    """Numbers by row and column, from columns of texts; None where nothing is printed."""
    return {
        (row, column): Number(text, tuple(Digit(None if c == "?" else int(c), Box(0, 0, 1, 1), 1.0) for c in text), 1.0)
        for column, texts in enumerate(columns)
        for row, text in enumerate(texts)
        if text is not None
    }


RANDOM = np.random.default_rng(3)
VALUES = [str(n) for n in RANDOM.integers(0, 999, 12)]


def arguments_of(*columns, column=None):
    arguments = Arguments(cells([*columns, VALUES]))
    return [arguments.of(row, len(columns) if column is None else column) for row in range(12)]


@pytest.mark.parametrize("step, first", [(1, 1), (-1, 90), (6, 0), (10, 100)])
def test_a_first_column_in_even_steps_is_the_argument(step, first):
    texts = [str(first + step * row) for row in range(12)]
    assert arguments_of(texts) == texts


def test_what_does_not_go_on_is_no_argument_and_spoils_no_other():
    texts = [str(1 + row) for row in range(12)]
    read = [*texts[:4], "8", *texts[5:8], None, *texts[9:]]
    assert arguments_of(read) == [*texts[:4], None, *texts[5:8], None, *texts[9:]]


def test_numbers_of_no_order_are_no_arguments():
    for seed in range(50):
        rng = np.random.default_rng(seed)
        assert arguments_of([str(n) for n in rng.integers(0, 60, 12)]) == [None] * 12
        assert arguments_of([str(n) for n in np.sort(rng.integers(0, 900, 12))]) == [None] * 12


def test_an_argument_at_the_outer_edge_of_a_right_hand_page():
    days = [str(1 + row) for row in range(12)]
    arguments = Arguments(cells([VALUES, VALUES[::-1], days]))
    assert [arguments.of(row, 0) for row in range(12)] == days


def test_an_argument_by_ones_and_then_by_tens():
    texts = [*map(str, range(4, 10)), *map(str, range(10, 70, 10))]
    assert arguments_of(texts) == texts
    rising = np.cumsum([31, 32, 31, 31, 32, 31, 32, 31, 31, 32, 31, 31])
    assert arguments_of([str(n) for n in rising]) == [None] * 12


def test_degrees_and_minutes_are_one_argument_also_where_degrees_stand_once():
    degrees = [str(row // 2) for row in range(12)]
    minutes = ["0", "30"] * 6
    expected = [f"{d} {m}" for d, m in zip(degrees, minutes, strict=True)]
    assert arguments_of(degrees, minutes) == expected
    once = [text if row % 2 == 0 else None for row, text in enumerate(degrees)]
    assert arguments_of(once, minutes) == expected


def test_half_tables_beside_each_other_have_their_own():
    left, right = ([str(first + row) for row in range(12)] for first in (1, 13))
    columns = [left, VALUES, right]
    assert arguments_of(*columns, column=1) == left
    assert arguments_of(*columns) == right
    steady = [str(100 + row) for row in range(12)]
    assert arguments_of(left, VALUES, steady) == left, "values that rise evenly are no arguments"


def test_fractions_and_decimals_go_together():
    numbers = cells([[str(row) for row in range(12)], VALUES])
    half = {(row, 0): Number("1", n.digits, 1.0, value=Fraction(row, 2)) for (row, c), n in numbers.items() if not c}
    assert Arguments(numbers | half).columns == (0,)
    assert Arguments({}).of(0, 0) is None
