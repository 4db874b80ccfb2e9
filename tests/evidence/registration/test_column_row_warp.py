import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.evidence.registration.column_row_warp import Bands, Pairs, Spacing, Warp, fit_across, fit_along


@st.composite
def spacings(draw):
    steps = st.lists(st.floats(0.01, 9), min_size=2, max_size=12)
    here, there = draw(steps), draw(steps)
    n = min(len(here), len(there))
    starts = draw(st.tuples(st.floats(-50, 50), st.floats(-50, 50)))
    return Spacing(starts[0] + np.cumsum(here[:n]), starts[1] + np.cumsum(there[:n]), draw(st.floats(0.2, 5)))


@given(spacing=spacings(), places=st.lists(st.floats(-200, 200), min_size=1, max_size=20))
def test_a_spacing_rises_and_can_be_undone(spacing, places):
    places = np.sort(np.array(places))
    there = spacing.apply(places)
    assert (np.diff(there) >= 0).all()
    np.testing.assert_allclose(spacing.invert(there), places, atol=1e-6)


def table(columns_there, rows_there, *, columns_here=(0, 5, 10, 15), rows_here=range(0, 40, 2)):
    """Pairs of a table of which column c goes to columns_there[c] and row r to rows_there[r]; None: nowhere."""
    one, other, columns, rows = [], [], [], []
    for r, (y, to_y) in enumerate(zip(rows_here, rows_there, strict=True)):
        for c, (x, to_x) in enumerate(zip(columns_here, columns_there, strict=True)):
            if to_x is not None and to_y is not None:
                one.append((x, y))
                other.append((to_x, to_y))
                columns.append((c, c))
                rows.append((r, r))
    points = np.array(one, dtype=float), np.array(other, dtype=float)
    return Pairs(*points, np.full(len(one), 0.8), columns, rows)


def test_columns_are_carried_over_as_wide_as_they_are():
    pairs = table((2, 4.5, 14, 16), range(0, 40, 2))
    found = fit_across(pairs)
    assert found is not None
    assert sorted(found.labels) == [(0, 0), (1, 1), (2, 2), (3, 3)]
    np.testing.assert_allclose(found.spacing.apply(np.array([0, 5, 10, 15.0])), [2, 4.5, 14, 16])
    np.testing.assert_allclose(found.spacing.apply(np.array([5.6])) - found.spacing.apply(np.array([5.0])), 0.6)


def test_columns_in_another_order_are_left_out():
    # Column 2 stands before column 1 on B; the one that more numbers speak for stays.
    pairs = table((0, 10, 5, 15), range(0, 40, 2))
    fewer = [k for k, (column, _) in enumerate(pairs.columns) if column != 2 or pairs.rows[k][0] > 4]
    fewer = Pairs(
        pairs.one[fewer],
        pairs.other[fewer],
        pairs.half[fewer],
        [pairs.columns[k] for k in fewer],
        [pairs.rows[k] for k in fewer],
    )
    found = fit_across(fewer)
    assert found is not None
    assert sorted(found.labels) == [(0, 0), (1, 1), (3, 3)]
    assert (np.diff(found.spacing.on_b) > 0).all()


def test_dropped_rows_are_squeezed_between_their_neighbours():
    rows = list(range(20))
    there = [2 * (r if r < 8 else r - 3) if r not in (8, 9, 10) else None for r in rows]
    found = fit_along(table((0, 5, 10, 15), there))
    assert found is not None
    np.testing.assert_allclose(found.spacing.apply(np.array([14.0, 22.0])), [14, 16])
    assert 14.5 < found.spacing.apply(np.array([18.0]))[0] < 15.5


def test_a_column_with_two_labels_is_one_band():
    labels = [(0, 0)] * 5 + [(7, 3)] * 5
    places = np.concatenate([np.full(5, 4.0), np.full(5, 4.2)])
    bands = Bands.of(labels, places, places, np.ones(10))
    assert len(bands.on_a) == 1
    assert bands.weight.tolist() == [10]
    assert set(bands.band_of) == {(0, 0), (7, 3)}


def test_rows_joined_by_a_common_number_alone_do_not_count():
    labels = [(0, 0)] * 8 + [(0, 1)] * 3 + [(1, 1)] * 8
    here = np.array([0.0] * 11 + [2.0] * 8)
    there = np.array([0.0] * 8 + [2.0] * 11)
    assert set(Bands.of(labels, here, there, np.ones(19)).band_of) == {(0, 0), (1, 1)}


def test_nothing_in_common():
    empty = np.zeros((0, 2))
    assert fit_across(Pairs(empty, empty, np.zeros(0), [], [])) is None


def test_leaning_columns():
    pairs = table((2, 4, 14, 16), range(0, 40, 2))
    leaning = Pairs(pairs.one + pairs.one[:, 1:] * (0.03, 0), pairs.other, pairs.half, pairs.columns, pairs.rows)
    assert leaning.leans() == pytest.approx((0.03, 0.0), abs=1e-6)


@given(points=st.lists(st.tuples(st.floats(-20, 60), st.floats(-20, 60)), min_size=1, max_size=10))
def test_a_warp_can_be_undone(points):
    spacing = Spacing(np.array([0.0, 4, 6, 20]), np.array([1.0, 3, 9, 12]), 0.7)
    level = np.array([[1, 0.02, 3], [-0.01, 0.9, -4], [1e-4, 0, 1]])
    page = np.array([[1.01, 0, 1], [0.02, 1, 0], [0, 2e-4, 1]])
    warp = Warp(level, spacing, spacing, page)
    np.testing.assert_allclose(warp.invert(warp.apply(np.array(points))), points, atol=1e-6)
