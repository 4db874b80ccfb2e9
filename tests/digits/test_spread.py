"""The two pages of an open book are told apart, left page first; rules down one page are no gutter."""

from collections import Counter

import cv2
import numpy as np
import pytest

from tablesim.digits.peaks import DigitPeaks
from tablesim.digits.spread import with_pages
from tablesim.reader import load_network
from tablesim.records.transform import Transform
from tablesim.synthesis.ageing import Ageing, age
from tablesim.synthesis.faces import FACES
from tablesim.synthesis.sheet import Sheet, Style


def table(seed, n_rows=14):
    """A page with a table of four columns."""
    rng = np.random.default_rng(seed)
    sheet, style = Sheet(1000, 1400, rng), Style(FACES["fell-english"], 56)
    for y in range(200, 200 + 75 * n_rows, 75):
        for x in range(180, 830, 180):
            sheet.write(x, y, str(rng.integers(10, 60)), style)
    return age(sheet, Ageing(scale=0.55, grain=0.1), np.random.default_rng(seed)).grey


@pytest.fixture(scope="module")
def spread():
    left, right = table(1), table(2)
    pages = np.hstack([left, right]).astype(float)
    shade = 1 - 0.5 * np.exp(-np.abs(np.arange(pages.shape[1]) - left.shape[1]) / 30)
    return np.clip(pages * shade, 0, 255).astype(np.uint8)


def test_two_pages_with_equal_rows_are_two_tables_left_page_first(spread, tmp_path):
    path = tmp_path / "spread.png"
    cv2.imwrite(str(path), spread)
    reading = load_network().read(path)

    assert {number.table for number in reading.numbers} == {0, 1}
    middle = reading.width / 2
    assert all((number.box.centre[0] > middle) == (number.table == 1) for number in reading.numbers)
    assert {number.column for number in reading.numbers} == set(range(4))
    assert [number.table for number in reading.numbers] == sorted(number.table for number in reading.numbers)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_pages_lie_in_source_pixels(spread, rotation):
    lying = np.ascontiguousarray(np.rot90(spread, rotation // 90))
    height, width = lying.shape
    transform = with_pages(Transform(width, height, rotation), lying, np.zeros((1, 1), np.float32), DigitPeaks.empty())

    left, right = (transform.to_working(np.array([region.box.centre]))[0] for region in transform.regions)
    assert left[0] == pytest.approx(spread.shape[1] / 4, rel=0.05)
    assert right[0] == pytest.approx(3 * spread.shape[1] / 4, rel=0.05)


def test_one_page_is_left_whole(spread):
    wide_page = np.hstack([table(3), table(4)])
    height, width = wide_page.shape
    ruled = wide_page.copy()
    ruled[height // 8 : 7 * height // 8, width // 2 - 2 : width // 2 + 2] = 30

    for grey in (wide_page, ruled, spread[:, : spread.shape[1] // 2]):
        transform = Transform(grey.shape[1], grey.shape[0])
        assert with_pages(transform, grey, np.zeros((1, 1), np.float32), DigitPeaks.empty()) is transform


def page_without_shadow(gutter, down=0, turn=0.0):
    """Two tables beside each other, so many pixels of paper apart, the right one moved down and turned."""
    left, right = table(5), table(6)
    height, width = right.shape
    move = cv2.getRotationMatrix2D((width / 2, height / 2), turn, 1)
    move[1, 2] += down
    right = cv2.warpAffine(right, move, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return np.hstack([left, np.full((height, gutter), 210, np.uint8), right])


@pytest.mark.parametrize(("gutter", "down", "turn"), [(60, 0, 0.0), (0, 9, 0.0), (0, 0, 0.8)])
def test_two_pages_without_a_shadow(tmp_path, gutter, down, turn):
    path = tmp_path / "spread.png"
    cv2.imwrite(str(path), page_without_shadow(gutter, down, turn))
    reading = load_network().read(path)

    assert len(reading.transform.regions) == 2
    assert Counter(number.table for number in reading.numbers) == {0: 56, 1: 56}
    assert all((number.box.centre[0] > reading.width / 2) == (number.table == 1) for number in reading.numbers)


@pytest.mark.parametrize(("gutter", "ruled"), [(0, False), (60, True)])
def test_half_tables_on_one_page_stay_one(tmp_path, gutter, ruled):
    grey = page_without_shadow(gutter)
    if gutter == 0:
        grey = np.hstack([grey[:, :500], grey[:, 560:]])
    if ruled:  # a heading's rule goes on across the lane
        grey[60:63, 60:-60] = 40
        grey[-63:-60, 60:-60] = 40
    path = tmp_path / "page.png"
    cv2.imwrite(str(path), grey)
    reading = load_network().read(path)

    assert reading.transform.regions == ()
    assert {number.table for number in reading.numbers} == {0}
