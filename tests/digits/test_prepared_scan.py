"""Negatives, pixels that are not square and tight crops: read as the page itself is, and said."""

import cv2
import numpy as np
import pytest
from PIL import Image

from tablesim.digits.prepared_scan import CUT_OFF, NO_MARGIN
from tablesim.reader import load_network
from tablesim.scans.cleaning import is_negative
from tablesim.scans.images import load_scan
from tablesim.synthesis.ageing import Ageing, age
from tablesim.synthesis.faces import FACES
from tablesim.synthesis.sheet import Sheet, Style


@pytest.fixture(scope="module")
def network():
    return load_network()


@pytest.fixture(scope="module")
def grey():
    """A page of six columns of numbers."""
    rng = np.random.default_rng(3)
    sheet, style = Sheet(1500, 1700, rng), Style(FACES["fell-english"], 56)
    for y in range(250, 1500, 75):
        for x in range(200, 1250, 180):
            sheet.write(x, y, str(rng.integers(10, 60)), style)
    return age(sheet, Ageing(scale=0.55, grain=0.1), np.random.default_rng(1)).grey


def read(network, grey, path, **saved):
    Image.fromarray(grey).save(path, **saved)
    return network.read(path)


def cells(reading):
    return [(number.text, number.table, number.row, number.column) for number in reading.numbers]


@pytest.fixture(scope="module")
def plain(network, grey, tmp_path_factory):
    return read(network, grey, tmp_path_factory.mktemp("plain") / "page.png")


def test_the_page_itself_is_neither(plain, grey):
    assert plain.is_table
    assert len(plain.numbers) > 90
    assert (plain.negative, plain.transform.aspect) == (False, 1.0)
    assert plain.note == ""


@pytest.mark.parametrize("border", [0, 60])
def test_a_negative_is_read_as_the_positive_and_said(network, grey, plain, tmp_path, border):
    framed = cv2.copyMakeBorder(255 - grey, border, border, border, border, cv2.BORDER_CONSTANT, value=255)
    reading = read(network, framed, tmp_path / "page.png")

    assert reading.negative
    assert cells(reading) == cells(plain)


def test_a_light_page_on_a_dark_desk_and_blank_pages_are_no_negatives(grey):
    desk = np.random.default_rng(0).normal(35, 6, (2 * grey.shape[0], 2 * grey.shape[1])).clip(0, 255).astype(np.uint8)
    desk[200 : 200 + grey.shape[0], 150 : 150 + grey.shape[1]] = grey

    assert not is_negative(grey)
    assert not is_negative(desk)
    assert is_negative(255 - grey)
    for blank in (0, 30, 255):
        assert not is_negative(np.full((500, 400), blank, np.uint8))


@pytest.mark.parametrize(("across", "down"), [(300, 150), (200, 300)])
def test_pixels_that_are_not_square_are_made_so(network, grey, plain, tmp_path, across, down):
    aspect = down / across  # width of a pixel over its height
    height, width = grey.shape
    size = (width, round(height * aspect)) if aspect < 1 else (round(width / aspect), height)
    squeezed = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    reading = read(network, squeezed, tmp_path / "page.jpg", quality=95, dpi=(across, down))

    assert reading.transform.aspect == pytest.approx(aspect, abs=0.01)
    same = set(cells(plain)) & set(cells(reading))
    assert len(same) >= 0.95 * len(plain.numbers)
    share_x, share_y = size[0] / width, size[1] / height
    boxes = {(number.table, number.row, number.column): number.box for number in reading.numbers}
    for number in plain.numbers[::7]:
        x, y = boxes[number.table, number.row, number.column].centre
        assert abs(x - number.box.centre[0] * share_x) < 3
        assert abs(y - number.box.centre[1] * share_y) < 3
    assert (reading.width, reading.height) == size


def test_the_shape_of_pixels_is_read_from_the_file(grey, tmp_path):
    image = Image.fromarray(grey[:200, :300])
    image.save(tmp_path / "a.png", dpi=(300, 200))
    image.save(tmp_path / "b.tif", dpi=(204, 98))
    image.save(tmp_path / "c.png", dpi=(300, 301))
    image.save(tmp_path / "d.png", dpi=(300, 10))
    image.save(tmp_path / "e.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "f.jpg", dpi=(300, 200), exif=exif)

    shapes = [load_scan(path).aspect for path in sorted(tmp_path.iterdir())]

    assert shapes == pytest.approx([2 / 3, 98 / 204, 1, 1, 1, 3 / 2], abs=0.01)


def test_a_crop_that_cuts_a_column_says_that_a_margin_is_wanted(network, grey, plain, tmp_path):
    first = [number for number in plain.numbers if number.column == 0]
    left = round(float(np.median([number.box.x for number in first]))) + 3
    reading = read(network, np.ascontiguousarray(grey[:, left:]), tmp_path / "page.png")

    assert reading.note == NO_MARGIN
    doubted = [number for number in reading.numbers if CUT_OFF in number.doubts]
    assert len(doubted) >= 4
    assert {number.column for number in doubted} == {0}


@pytest.mark.parametrize("squeezed", [0.6, 1.6])
@pytest.mark.parametrize("rotation", [0, 90])
def test_a_scan_that_was_squeezed_without_a_word_is_made_square_by_its_figures(
    network, grey, plain, tmp_path, squeezed, rotation
):
    height, width = grey.shape
    other = cv2.resize(grey, (round(width * squeezed), height), interpolation=cv2.INTER_AREA)
    reading = read(network, np.ascontiguousarray(np.rot90(other, rotation // 90)), tmp_path / "page.png")

    aspect = 1 / squeezed if rotation == 0 else squeezed
    assert reading.transform.aspect == pytest.approx(aspect, rel=0.25)
    assert len(set(cells(plain)) & set(cells(reading))) >= 0.98 * len(plain.numbers)
    if rotation == 0:
        boxes = {(number.table, number.row, number.column): number.box for number in reading.numbers}
        for number in plain.numbers[::7]:
            x, y = boxes[number.table, number.row, number.column].centre
            assert abs(x - number.box.centre[0] * squeezed) < 3
            assert abs(y - number.box.centre[1]) < 3


@pytest.mark.parametrize("resolution", [(200, 300), (300, 150)])
def test_a_resolution_that_is_wrong_is_not_believed(network, grey, plain, tmp_path, resolution):
    reading = read(network, grey, tmp_path / "page.png", dpi=resolution)
    assert reading.transform.aspect == pytest.approx(1.0, rel=0.2)
    assert len(set(cells(plain)) & set(cells(reading))) >= 0.98 * len(plain.numbers)
