"""A table on its side beside or under upright text or an upright table is read the way it stands."""

from collections import Counter

import cv2
import numpy as np
import pytest

from tablesim.digits.scale import survey
from tablesim.digits.turned_blocks import turned_blocks
from tablesim.reader import load_network
from tablesim.synthesis.ageing import Ageing, age
from tablesim.synthesis.faces import FACES
from tablesim.synthesis.sheet import Sheet, Style

SIZE = 46


@pytest.fixture(scope="module")
def network():
    return load_network()


def table(seed, n_rows, n_columns):
    rng = np.random.default_rng(seed)
    sheet, style = Sheet(int((3.4 * n_columns + 2) * SIZE), int((1.35 * n_rows + 2.5) * SIZE), rng), _style()
    for row in range(n_rows):
        for column in range(n_columns):
            sheet.write((1.2 + 3.4 * column) * SIZE, (1.8 + 1.35 * row) * SIZE, str(rng.integers(10, 600)), style)
    scan = age(sheet, Ageing(scale=0.55, grain=0.1), rng)
    return scan.grey, [number.text for number in scan.numbers]


def _style():
    return Style(FACES["fell-english"], SIZE)


def beside(first, second, axis):
    """Two pictures on one page, below each other (0) or side by side (1)."""
    side = max(first.shape[1 - axis], second.shape[1 - axis])
    pads = [[(0, 0), (0, 0)], [(0, 0), (0, 0)]]
    for pad, picture in zip(pads, (first, second), strict=True):
        pad[1 - axis] = (0, side - picture.shape[1 - axis])
    parts = [np.pad(p, pad, constant_values=205) for p, pad in zip((first, second), pads, strict=True)]
    return np.pad(np.concatenate(parts, axis=axis), 50, constant_values=205)


@pytest.mark.parametrize(("turn", "axis"), [(1, 0), (3, 1)])
def test_an_upright_table_and_one_on_its_side(network, tmp_path, turn, axis):
    (upright, texts), (other, other_texts) = table(1, 14, 4), table(2, 9, 5)
    page = beside(upright, np.rot90(other, turn), axis)
    cv2.imwrite(str(tmp_path / "page.png"), page)
    reading = network.read(tmp_path / "page.png")

    assert Counter(number.digits_text for number in reading.numbers) == Counter(texts + other_texts)
    assert reading.transform.rotation == 0
    [region] = reading.transform.regions
    assert region.rotation == 90 * turn
    own = [number for number in reading.numbers if number.table == 1]
    assert [number.digits_text for number in own] == other_texts
    assert {(number.row, number.column) for number in own} == {(r, c) for r in range(9) for c in range(5)}
    assert all(region.holds(number.box) == (number.table == 1) for number in reading.numbers)
    for number in own[::7]:
        box = number.box
        assert page[int(box.y) : int(box.bottom), int(box.x) : int(box.right)].min() < 110
        assert box.height > box.width


def test_what_stands_as_the_page_does_is_no_block():
    upright, _ = table(3, 14, 6)
    for turn in range(4):
        assert turned_blocks(survey(np.ascontiguousarray(np.rot90(upright, turn))), 90 * (turn % 2)) == []
    assert len(turned_blocks(survey(upright), 90)) == 1
    assert turned_blocks(survey(np.full((500, 400), 220, np.uint8)), 0) == []
