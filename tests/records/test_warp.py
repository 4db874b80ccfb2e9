"""A warp levels rows, and every point comes back."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.corpus.storage.shards import reading_row, row_reading
from tablesim.records.boxes import Box
from tablesim.records.reading import Reading
from tablesim.records.transform import PageRegion, Transform
from tablesim.records.warp import RowWarp

BENT = RowWarp((0.0, 400.0, 800.0), (0.0, 600.0), ((40.0, 5.0, 0.0), (60.0, 9.0, -3.0)))

lines = st.lists(st.floats(1, 200), min_size=2, max_size=6).map(lambda steps: tuple(np.cumsum(steps).tolist()))


@st.composite
def warps(draw):
    x, y = draw(lines), draw(lines)
    least = float(np.diff(y).min())
    moves = st.floats(-0.35 * least, 0.35 * least)
    return RowWarp(x, y, tuple(tuple(draw(moves) for _ in x) for _ in y))


@given(warps(), st.floats(-500, 1500), st.floats(-500, 1500))
def test_there_and_back(warp, x, y):
    point = np.array([[x, y]])
    np.testing.assert_allclose(warp.bent(warp.straightened(point)), point, atol=1e-6)


@given(warps(), st.sampled_from([0, 90, 180, 270]), st.floats(-5, 5), st.floats(0.5, 2), st.floats(0, 900))
def test_a_transform_with_a_warp_and_pixels_that_are_not_square_comes_back(warp, rotation, skew, aspect, x):
    transform = Transform(900, 700, rotation, 0.8, skew, aspect, warp)
    point = np.array([[x, 0.7 * x]])
    np.testing.assert_allclose(transform.to_source(transform.to_working(point)), point, atol=1e-6)


def test_rows_that_sink_are_level_afterwards():
    x = np.linspace(0, 800, 9)
    row = np.column_stack([x, 300 - BENT.displacement(x, np.full(9, 300.0))])
    # The displacement is asked a little beside the row, where it differs by its change from row to row.
    assert np.ptp(BENT.straightened(row)[:, 1]) < 2.0


def test_a_square_of_print_is_square_on_the_working_page():
    transform = Transform(600, 400, scale=0.5, aspect=1.5)
    assert transform.square_size == (900, 400)
    box = transform.box_to_source(Box(100, 50, 30, 30))
    assert box.width * 1.5 == pytest.approx(box.height) == pytest.approx(60)
    assert Transform(600, 400, aspect=0.5).square_size == (600, 800)


def test_a_warp_is_stored_with_its_reading():
    region = PageRegion(Box(10.25, 20, 300, 200), 90)
    transform = Transform(900, 700, 0, 0.8, 1.0, 1.25, BENT, (region,))
    reading = Reading("a.png", "a", "0" * 64, transform, False, 0.5, ())

    from_json = Reading.from_dict(json.loads(json.dumps(reading.to_dict())))
    from_parquet = row_reading(reading_row(reading), "a", "a.png", None)

    assert from_parquet == reading
    assert from_json.transform == replace(transform, regions=(PageRegion(Box(10.2, 20, 300, 200), 90),))


@pytest.mark.parametrize(
    ("x", "y", "dy", "message"),
    [
        ((0.0,), (0.0, 1.0), ((0.0,), (0.0,)), "two or more"),
        ((1.0, 0.0), (0.0, 1.0), ((0.0, 0.0), (0.0, 0.0)), "rise"),
        ((0.0, 1.0), (0.0, 1.0), ((0.0, 0.0),), "expected"),
        ((0.0, 1.0), (0.0, 10.0), ((9.0, 0.0), (0.0, 0.0)), "0.10 of their distance"),
    ],
)
def test_impossible_warps_are_refused(x, y, dy, message):
    with pytest.raises(ValueError, match=message):
        RowWarp(x, y, dy)


def test_impossible_shapes_of_pixels_and_turns_of_regions_are_refused():
    with pytest.raises(ValueError, match=r"aspect.*more than 0"):
        Transform(10, 10, aspect=0)
    with pytest.raises(ValueError, match="expected 0, 90, 180 or 270"):
        PageRegion(Box(0, 0, 1, 1), 45)
