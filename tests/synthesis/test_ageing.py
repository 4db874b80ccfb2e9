"""Ageing keeps the truth on the ink, and the same seed gives the same bytes."""

from dataclasses import replace

import numpy as np
import pytest

from tablesim.synthesis.ageing import Ageing, age, draw_ageing
from tablesim.synthesis.faces import FACES
from tablesim.synthesis.sheet import Sheet, Style


def printed():
    page = Sheet(800, 600, np.random.default_rng(1))
    style = Style(FACES["fell-english"], 44)
    for row in range(8):
        for column in range(6):
            page.write(80 + 110 * column, 90 + 60 * row, str(10 + 7 * row + column), style)
    return page


def darkness(scan, box):
    x0, y0, x1, y1 = (round(v) for v in (box.x, box.y, box.right, box.bottom))
    return 255 - float(scan.grey[y0:y1, x0:x1].mean())


@pytest.mark.parametrize(
    "ageing",
    [
        Ageing(),
        Ageing(scale=0.5, skew=3.0),
        Ageing(scale=0.7, bend=12.0),
        Ageing(scale=0.8, keystone=(0.15, -0.1)),
        Ageing(scale=0.8, sharpened=1.5, denoised=True),
        Ageing(scale=0.6, skew=-2.0, bend=-9.0, spread=0.2, gaps=0.5, show_through=0.2, stains=0.5, light=0.3),
    ],
)
def test_boxes_lie_on_the_ink(ageing):
    scan = age(printed(), ageing, np.random.default_rng(2))
    assert len(scan.numbers) >= 40
    inside, beside = [], []
    for number in scan.numbers:
        box = number.box
        inside.append(darkness(scan, box))
        beside.append(darkness(scan, replace(box, x=box.right + 0.3 * box.width)))
    assert np.mean(inside) > np.mean(beside) + 25
    assert np.mean(np.array(inside) > np.array(beside)) > 0.97


def test_same_seed_same_bytes_and_another_seed_others():
    ageing = draw_ageing(np.random.default_rng(3), 0.6)
    first, second, other = (age(printed(), ageing, np.random.default_rng(seed)) for seed in (4, 4, 5))
    assert first.grey.tobytes() == second.grey.tobytes()
    assert first.numbers == second.numbers
    assert first.grey.tobytes() != other.grey.tobytes()


def test_what_the_border_hides_is_not_asked_for():
    scan = age(printed(), Ageing(border=0.2), np.random.default_rng(2))
    edge = 0.2 * scan.grey.shape[1]
    assert scan.unasked
    assert all(number.box.x >= edge for number in scan.numbers)


def test_digits_that_lost_their_ink_are_not_asked_for():
    thin = age(printed(), Ageing(spread=-0.6, grain=0.0), np.random.default_rng(2))
    full = age(printed(), Ageing(grain=0.0), np.random.default_rng(2))
    assert len(full.numbers) == 48
    assert len(thin.numbers) < 24


def test_heavier_ink_is_darker():
    light, heavy = (age(printed(), Ageing(spread=s), np.random.default_rng(2)).grey.mean() for s in (-0.2, 0.25))
    assert heavy < light - 2


def test_bitonal_scans_are_black_and_white():
    scan = age(printed(), Ageing(bitonal=True, jpeg=0), np.random.default_rng(2))
    assert set(np.unique(scan.grey)) <= {0, 255}


def test_the_sheet_is_not_changed():
    page = printed()
    before = page.ink.copy()
    age(page, Ageing(skew=1, show_through=0.2), np.random.default_rng(2))
    assert np.array_equal(page.ink, before)
