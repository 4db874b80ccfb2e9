"""What chance gives two aligned tables, against permutations that are drawn."""

import numpy as np
import pytest

from tablesim.evidence.collation.chance import equal_in_order, equal_out_of_order


def column(ours, others):
    return [(str(a), str(b)) for a, b in zip(ours, others, strict=True)]


@pytest.mark.parametrize("seed", range(3))
def test_the_mean_over_permutations_is_that_of_permutations_drawn(seed):
    rng = np.random.default_rng(seed)
    ours, others = rng.integers(0, 6, (2, 40))
    drawn = np.mean([(ours == rng.permutation(others)).sum() for _ in range(4000)])
    moved = np.mean([(ours[1:] == others[:-1]).sum(), (ours[:-1] == others[1:]).sum()]) * 40 / 39
    assert equal_in_order([column(ours, others)]) == pytest.approx(max(drawn, moved), abs=0.25)


def test_arguments_agree_in_any_table_of_the_kind():
    days = range(1, 31)
    for ours in (days, [30 * (day % 2) for day in days], [day // 2 for day in days]):
        assert equal_in_order([column(ours, ours)]) == 30
    values = np.random.default_rng(0).integers(0, 1000, 30)
    assert equal_in_order([column(values, values)]) < 2


def test_of_a_table_of_multiples_half_of_the_columns_are_arguments():
    multiples = [column(range(0, 30 * step, step), range(0, 30 * step, step)) for step in range(1, 7)]
    assert equal_in_order(multiples) == pytest.approx(3 * 30 + 3)


def test_figures_that_change_slowly_agree_with_the_row_beside():
    slow = [at // 10 for at in range(40)]
    rough = np.random.default_rng(0).permutation(40)
    assert equal_in_order([column(slow, slow)]) > 36 > 2 > equal_in_order([column(rough, rough)])


def test_where_rows_may_go_anywhere_so_may_those_of_chance():
    rng = np.random.default_rng(0)
    amounts = rng.integers(8, 11, (30, 2))
    rows = [[(str(a), str(a)) for a in row] for row in amounts]
    assert equal_out_of_order(rows) > 50
    rich = [[(str(a), str(a)) for a in row] for row in rng.integers(0, 10_000, (30, 3))]
    assert equal_out_of_order(rich) < 36
    assert equal_out_of_order([[None, ("1", "1")], [("2", "2"), None]]) <= 2
