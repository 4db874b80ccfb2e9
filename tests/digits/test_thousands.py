"""4 403 is one number where the page sets thousands so, and two where it has two columns."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digits.peaks_of_lines import ADVANCE, PITCH, set_lines, text_of
from tablesim.digits.numbers import number_confidence
from tablesim.digits.thousands import join_thousands

seeds = st.integers(0, 2**32 - 1)


def spaced(value):
    return f"{value:,}".replace(",", " ")


def read(lines, **how):
    digits, runs, ink = set_lines(lines, **how)
    digits, joined = join_thousands(digits, runs, ink)
    assert sorted(np.concatenate(joined).tolist()) == list(range(len(digits)))
    return sorted(text_of(digits, run) for run in joined)


def printed(lines):
    return sorted(text.replace(".", "") for line in lines for _, text in line)


def apart(lines):
    return sorted(part.replace(".", "") for line in lines for _, text in line for part in text.split())


@settings(max_examples=25, deadline=None)
@given(seeds, st.floats(0.35, 0.75))
def test_thousands_set_apart_are_one_number(seed, space):
    rng = np.random.default_rng(seed)
    lines = [[(9.0, spaced(int(v))), (19.0, spaced(int(v) // 7)), (24.0, str(int(v) % 90))]
             for v in 10 ** rng.uniform(3, 6, 20)]  # fmt: skip
    assert read(lines, space=space, seed=seed) == printed(lines)


@pytest.mark.parametrize("seed", range(4))
def test_one_column_of_sums_among_others(seed):
    rng = np.random.default_rng(seed)
    lines = [[(4.0, str(rng.integers(1, 60))), (8.0, str(rng.integers(1, 60))), (18.0, spaced(int(v)))]
             for v in 10 ** rng.uniform(3, 6, 20)]  # fmt: skip
    assert read(lines) == printed(lines)


def test_sums_at_the_foot_alone():
    rng = np.random.default_rng(3)
    columns = rng.integers(20, 900, (18, 3))
    lines = [[(8.0 * (c + 1), str(v)) for c, v in enumerate(row)] for row in columns]
    lines.append([(8.0 * (c + 1), spaced(int(v))) for c, v in enumerate(columns.sum(axis=0))])
    assert read(lines) == printed(lines)


def test_millions_and_decimals():
    rng = np.random.default_rng(4)
    lines = [[(12.0, spaced(int(v))), (24.0, f"{spaced(int(v) // 50)}.{int(v) % 10}")]
             for v in rng.integers(100_000, 9_000_000, 20)]  # fmt: skip
    assert read(lines) == printed(lines)


def test_part_of_them_joined_by_the_network_already():
    lines = [[(8.0, spaced(v))] for v in range(1013, 9000, 390)]
    digits, runs, ink = set_lines(lines)
    runs = [np.concatenate(runs[:2]), np.concatenate(runs[2:4]), *runs[4:]]
    digits, joined = join_thousands(digits, runs, ink)
    assert sorted(text_of(digits, run) for run in joined) == printed(lines)
    assert number_confidence(digits, joined[:1])[0] > 0.8


@settings(max_examples=25, deadline=None)
@given(seeds, st.floats(1.0, 2.0))
def test_two_columns_whose_right_one_has_three_digits_stay_two(seed, gap):
    rng = np.random.default_rng(seed)
    lines = [[(8.0, f"{rng.integers(1, 1000)} {rng.integers(100, 1000)}")] for _ in range(30)]
    assert read(lines, space=gap, seed=seed) == apart(lines)


@pytest.mark.parametrize("space", [0.3, 0.5, 0.8, 1.2])
def test_degrees_and_minutes_close_together_stay_two(space):
    rng = np.random.default_rng(5)
    lines = [[(8.0, f"{rng.integers(1, 180)} {rng.integers(0, 60)}"), (18.0, f"{row} {rng.integers(0, 60):02d}")]
             for row in range(1, 31)]  # fmt: skip
    assert read(lines, space=space) == apart(lines)


def test_degrees_beside_fixed_three_digits_without_a_group_on_the_left():
    """The left column stands beside blanks too: it is one of its own."""
    rng = np.random.default_rng(6)
    lines = [[(8.0, f"{rng.integers(1, 90)} {rng.integers(100, 1000)}")] if row % 3 else [(4.5, str(row))]
             for row in range(1, 31)]  # fmt: skip
    assert read(lines) == apart(lines)


def test_a_rule_parts_columns():
    lines = [[(8.0, spaced(v))] for v in range(1013, 9000, 390)]
    digits, runs, ink = set_lines(lines)
    ink[:, round(20 + ADVANCE * 4.75)] = 1
    assert len(join_thousands(digits, runs, ink)[1]) == len(runs)
    ink[:] = 0
    ink[round(20 + PITCH * 3.5) :: round(PITCH)] = 1  # rules between the rows part no columns
    assert len(join_thousands(digits, runs, ink)[1]) == len(runs) // 2


def test_years_and_words_in_a_text_are_left_alone():
    rng = np.random.default_rng(8)
    lines = [[(rng.uniform(8, 60), f"{rng.integers(1, 30)} {rng.integers(100, 999)}")] for _ in range(8)]
    assert read(lines) == apart(lines)


def test_the_network_s_word_counts():
    """Too few to tell by their digits; the network saw the spaces."""
    lines = [[(8.0, "4 403")], [(8.0, "1 611")], [(9.0, "12")]]
    assert read(lines) == apart(lines)
    assert read(lines, seen=True) == printed(lines)


@settings(max_examples=15, deadline=None)
@given(seeds, st.floats(0.3, 3.0), st.booleans())
def test_scale_and_order_decide_nothing(seed, scale, as_columns):
    rng = np.random.default_rng(seed)
    space = 1.4 if as_columns else 0.5
    lines = [[(8.0, f"{rng.integers(1, 1000)} {rng.integers(0, 1000):03d}")] for _ in range(12)]
    digits, runs, ink = set_lines(lines, space=space, seed=seed)
    before = {tuple(run) for run in join_thousands(digits, runs, ink)[1]}
    shuffled = [runs[k] for k in rng.permutation(len(runs))]
    page = np.zeros([round(side * scale) + 1 for side in ink.shape], dtype=np.float32)
    assert {tuple(run) for run in join_thousands(digits.scaled(scale), shuffled, page)[1]} == before


def test_a_page_whose_thousands_are_parted_by_a_mark_has_no_thousands_parted_by_spaces():
    rng = np.random.default_rng(6)
    left, right, sums = rng.integers(1, 90, 16), rng.integers(100, 1000, 16), rng.integers(10**6, 10**7, 16)
    lines = [[(9.0, f"{a} {b}"), (24.0, f"{c:,}".replace(",", "."))]
             for a, b, c in zip(left, right, sums, strict=True)]  # fmt: skip
    assert read(lines) == apart(lines)
    without = [[first] for first, _ in lines]
    assert read(without) == printed(without), "the same columns alone would be thousands"
