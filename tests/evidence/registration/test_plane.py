import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.evidence.registration.plane import (
    MIN_PAIRS,
    TOLERANCE,
    NotRegistrable,
    Plane,
    fit_plane,
    project,
    residuals,
)

RNG = np.random.default_rng(11)
PAGE = np.stack(np.meshgrid(np.arange(0, 40, 4.0), np.arange(0, 60, 2.0)), axis=-1).reshape(-1, 2)
"""Middles of 300 numbers in digit heights."""


def affine_of(turn=2.0, across=1.2, along=0.9, shear=0.02, shift=(3.0, -7.0)):
    angle = np.radians(turn)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = rotation @ np.array([[across, shear], [0, along]])
    return np.vstack([np.column_stack([linear, shift]), [0, 0, 1]])


def slanted(depth=0.004):
    matrix = affine_of()
    matrix[2, :2] = depth, depth / 2
    return matrix


def scattered(points, size, seed=0):
    return points + np.random.default_rng(seed).normal(0, size, points.shape)


@pytest.mark.parametrize(("matrix", "model"), [(affine_of(), "affine"), (slanted(), "homography")])
def test_the_map_is_found_again_in_its_simplest_form(matrix, model):
    plane = fit_plane(PAGE, scattered(project(matrix, PAGE), 0.03))
    assert isinstance(plane, Plane)
    assert plane.model == model
    assert residuals(plane.matrix, PAGE, project(matrix, PAGE)).max() < 0.05


def test_a_homography_that_nobody_could_see_is_not_taken():
    # At the corners it moves a point by a tenth of a figure height, less than reading scatters.
    plane = fit_plane(PAGE, scattered(project(slanted(3e-5), PAGE), 0.05))
    assert isinstance(plane, Plane)
    assert plane.model == "affine"


@given(
    turn=st.floats(-15, 15),
    across=st.floats(0.5, 2.0),
    ratio=st.floats(0.7, 1.4),
    wrong=st.floats(0, 0.6),
    depth=st.sampled_from([0.0, 0.003]),
    seed=st.integers(0, 2**16),
)
def test_up_to_sixty_percent_wrong_pairs(turn, across, ratio, wrong, depth, seed):
    rng = np.random.default_rng(seed)
    matrix = affine_of(turn, across, across * ratio)
    matrix[2, :2] = depth, -depth / 2
    true = project(matrix, PAGE)
    other = scattered(true, 0.05, seed)
    chosen = rng.permutation(len(PAGE))[: int(wrong * len(PAGE))]
    other[chosen] = rng.uniform(true.min(axis=0), true.max(axis=0), (len(chosen), 2))
    plane = fit_plane(PAGE, other)
    assert isinstance(plane, Plane)
    assert np.linalg.norm(plane.apply(PAGE) - true, axis=1).max() < TOLERANCE


@given(seed=st.integers(0, 2**16), depth=st.sampled_from([0.0, 0.002]))
def test_there_and_back_is_where_one_was(seed, depth):
    matrix = affine_of(turn=seed % 20 - 10)
    matrix[2, 0] = depth
    other = scattered(project(matrix, PAGE), 0.03, seed)
    there, back = fit_plane(PAGE, other), fit_plane(other, PAGE)
    assert isinstance(there, Plane)
    assert isinstance(back, Plane)
    np.testing.assert_allclose(there.invert(there.apply(PAGE)), PAGE, atol=1e-6)
    np.testing.assert_allclose(back.apply(there.apply(PAGE)), PAGE, atol=0.1)  # the two pages may change roles


def test_a_page_over_itself_is_the_identity():
    plane = fit_plane(PAGE, PAGE)
    assert isinstance(plane, Plane)
    assert plane.model == "affine"
    np.testing.assert_allclose(plane.matrix, np.eye(3), atol=1e-9)


def test_the_same_points_give_the_same_map():
    other = scattered(project(slanted(), PAGE), 0.2)
    first, again = fit_plane(PAGE, other), fit_plane(PAGE, other)
    assert isinstance(first, Plane)
    assert isinstance(again, Plane)
    np.testing.assert_array_equal(first.matrix, again.matrix)


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        (PAGE[: MIN_PAIRS - 1], PAGE[: MIN_PAIRS - 1], "only 7 equal numbers"),
        (PAGE * (1, 0), PAGE, "on one line"),
        (PAGE[:10], PAGE[:10] + np.array((0, 5)), "on one line"),
        (PAGE, PAGE * (-1, 1), "as in a mirror"),
        (PAGE, PAGE * 6, "6 times as large"),
        (PAGE, PAGE * 0.15, "0.15 times as large"),
        (PAGE, PAGE * (1, 3), "stretches the page 3.0 times more one way"),
        (PAGE, project(affine_of(turn=45, across=1, along=1, shear=0), PAGE), "turns the upright page by 45 degrees"),
        (PAGE, project(affine_of(turn=180, across=1, along=1, shear=0), PAGE), "turns the upright page by"),
        (PAGE, RNG.uniform(0, 60, PAGE.shape), "no plane map holds"),
    ],
)
def test_what_no_scan_looks_like_is_refused(one, other, reason):
    refusal = fit_plane(one, other)
    assert isinstance(refusal, NotRegistrable)
    assert reason in refusal.reason


def test_a_slant_that_no_scan_has_is_refused():
    refusal = fit_plane(PAGE, project(np.array([[1.0, 0, 0], [0, 1, 0], [0.02, 0, 1]]), PAGE))
    assert isinstance(refusal, NotRegistrable)
    assert "at a slant that no scan has" in refusal.reason
