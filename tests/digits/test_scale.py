"""Scale and skew are found from the page itself."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.digits.scale import (
    LARGEST_SHEET,
    LEVEL_ENOUGH,
    READING_HEIGHT,
    STEEPEST,
    bounded_scale,
    scale_of_digits,
    skew_of,
    survey,
    working_image,
)
from tablesim.records.transform import Transform
from tablesim.synthesis.ageing import Ageing, age
from tablesim.synthesis.faces import FACES
from tablesim.synthesis.sheet import Sheet, Style


def page(skew: float = 0.0, size: float = 46) -> np.ndarray:
    """A page of 18 lines of digits, scanned askew."""
    rng = np.random.default_rng(5)
    sheet = Sheet(1300, 1500, rng)
    style = Style(FACES["fell-english"], size)
    for line in range(18):
        for column in range(7):
            sheet.write(120 + 155 * column, 130 + 72 * line, str(rng.integers(10, 1000)), style)
    return age(sheet, Ageing(scale=0.8, skew=skew), rng).grey


@pytest.mark.parametrize("skew", [-4.0, -1.4, 0.0, 2.2, 5.0])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_skew_is_undone_on_every_side(skew, rotation):
    turned = np.ascontiguousarray(np.rot90(page(skew), rotation // 90))
    assert survey(turned).skew(rotation) == pytest.approx(-skew, abs=0.35)


@pytest.mark.parametrize("skew", [-4.0, 3.0])
def test_the_straightened_working_image_is_level(skew):
    grey = page(skew)
    found = survey(grey)
    height, width = grey.shape
    straight = working_image(grey, Transform(width, height, scale=1.0, skew=found.skew(0)))
    assert abs(survey(straight).skew(0)) <= LEVEL_ENOUGH


@given(st.floats(-5.5, 5.5), st.integers(0, 100))
def test_skew_of_level_lines_turned(degrees, seed):
    rng = np.random.default_rng(seed)
    x, line = rng.uniform(0, 900, 400), rng.integers(0, 40, 400)
    angle = np.deg2rad(degrees)
    y = 30.0 * line + rng.normal(0, 0.7, 400)
    feet = np.column_stack([x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)])
    found = skew_of(feet, 14.0)
    assert abs(found) <= STEEPEST + 1e-9
    assert abs(found + degrees) <= (0.3 if abs(degrees) > LEVEL_ENOUGH + 0.3 else LEVEL_ENOUGH + 0.3)


def test_marks_without_lines_have_no_skew():
    rng = np.random.default_rng(1)
    assert skew_of(rng.uniform(0, 1000, (300, 2)), 14.0) == 0.0
    assert skew_of(rng.uniform(0, 1000, (10, 2)), 14.0) == 0.0


@pytest.mark.parametrize("size", [23, 46, 70])
def test_scale_brings_digits_to_the_height_the_network_wants(size):
    grey = page(size=size)
    height = FACES["fell-english"].digit_height(size) * 0.8
    assert survey(grey).scale(0) * height == pytest.approx(READING_HEIGHT, rel=0.25)


def test_a_blank_page_gets_a_scale_within_bounds():
    grey = np.full((900, 700), 220, dtype=np.uint8)
    found = survey(grey)
    assert found.scale(0) == bounded_scale(grey.shape, 1200 / 900)
    assert found.skew(0) == 0.0
    assert found.crowded(300, 3) == []


def test_crowded_pieces_lie_where_the_marks_are():
    grey = np.full((1000, 1000), 230, dtype=np.uint8)
    for x in range(560, 960, 24):
        for y in range(560, 960, 24):
            cv2.rectangle(grey, (x, y), (x + 8, y + 12), 20, -1)
    left, top = survey(grey).crowded(400, 1)[0]
    assert 450 <= left <= 650
    assert 450 <= top <= 650


def test_a_large_sheet_of_small_type_is_surveyed_at_the_size_of_its_letters():
    page = np.full((1400, 1000), 235, np.uint8)
    for top in range(60, 1340, 40):
        for left in range(60, 940, 24):
            page[top : top + 18, left : left + 11] = 30
    small, large = survey(page), survey(np.vstack([page] * 8))
    assert len(large.boxes) == 8 * len(small.boxes)
    assert large.scale(0) == pytest.approx(min(1.0, small.scale(0)), rel=0.1)
    assert not large.is_coarse
    # A scan of one page at the same size is surveyed as before.
    fine = survey(np.repeat(np.repeat(page, 5, axis=0), 5, axis=1))
    assert fine.reduction == pytest.approx(2000 / 7000)


def test_digits_that_were_seen_let_a_sheet_be_read_at_its_own_size_within_limits():
    assert scale_of_digits((1000, 1400), 0.9) == bounded_scale((1000, 1400), 0.9)
    assert scale_of_digits((1000, 8400), 0.9) == 0.9
    assert scale_of_digits((1000, 8400), 1.7) == 1.0
    width, height = 10_000, 20_000
    assert scale_of_digits((width, height), 0.9) ** 2 * width * height == pytest.approx(LARGEST_SHEET)
