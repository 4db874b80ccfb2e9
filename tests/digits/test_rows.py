"""Rows that sink towards an edge, or to and fro, are followed; flat pages keep what they have."""

import math
from dataclasses import replace

import numpy as np
import pytest

from tablesim.digits.layout import arrange
from tablesim.digits.rows import A_ROW_OFF, arrange_level
from tablesim.records.boxes import Box
from tablesim.records.transform import Transform

from .pages import Bend, Column, Page, share_kept

PITCH = 1.8
SHAPES = {
    "left": lambda u, v: math.exp(-u / 0.15),
    "right, more at the foot": lambda u, v: (0.7 + 0.5 * v) * math.exp(-(1 - u) / 0.15),
    "to and fro": lambda u, v: 0.5 * math.sin(2 * math.pi * u),
}
SCAN = Transform(4000, 4000)


def wide(rng):
    page = Page(rng, unit=16)
    page.table([Column(3 + 7 * i, (1, 3)) for i in range(6)], 30, PITCH)
    return page


def with_blanks(rng):
    page = Page(rng, unit=16)
    page.table([Column(2 + 5 * i, filled=filled) for i, filled in enumerate((1, 0.7, 0.5, 1, 0.6, 0.8))], 32, PITCH)
    return page


def single_digits_at_the_edge(rng):
    page = Page(rng, unit=16, old_style=False)
    page.table([Column(2, (1, 1)), Column(8, (2, 2)), Column(14, (2, 2)), Column(20, (3, 3))], 30, PITCH)
    return page


def sunk(page, shape, depth, skew=0.0):
    """The numbers of a page whose rows sink by ``depth`` pitches at most."""
    numbers = page.bent(Bend(skew))
    boxes = [number.box for number in numbers]
    left, right = min(b.x for b in boxes), max(b.right for b in boxes)
    top, foot = min(b.y for b in boxes), max(b.bottom for b in boxes)

    def moved(box):
        x, y = box.centre
        fall = depth * PITCH * page.unit * SHAPES[shape]((x - left) / (right - left), (y - top) / (foot - top))
        return Box(box.x, box.y + fall, box.width, box.height)

    return [replace(n, digits=tuple(replace(d, box=moved(d.box)) for d in n.digits)) for n in numbers]


@pytest.mark.parametrize("skew", [0.0, 2.0])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("setting", [wide, with_blanks])
def test_rows_that_sink_by_a_whole_pitch_keep_their_numbers(setting, shape, skew):
    page = setting(np.random.default_rng(1))
    for depth in (0.2, 0.7, 1.1):
        numbers = sunk(page, shape, depth, skew)
        arranged, transform = arrange_level(numbers, SCAN, page.unit)

        assert share_kept(numbers, arranged) >= 0.99, depth
        if depth > 1:
            # Without the warp they are lost.
            assert share_kept(numbers, arrange(numbers, unit=page.unit)) < 0.95
            assert transform.warp is not None


def test_the_warp_levels_the_rows_of_the_working_page():
    page = wide(np.random.default_rng(1))
    numbers = sunk(page, "left", 1.1)

    _, transform = arrange_level(numbers, replace(SCAN, scale=0.5), page.unit)

    rows = {}
    for number in numbers:
        rows.setdefault(number.row, []).append(np.mean([digit.box.centre for digit in number.digits], axis=0))
    spread = [np.ptp(transform.to_working(np.array(row))[:, 1]) for row in rows.values()]
    assert np.median(spread) < 0.6 * 0.5 * page.unit


def test_rows_are_found_beside_a_column_of_single_digits():
    page = single_digits_at_the_edge(np.random.default_rng(1))
    numbers = sunk(page, "left", 0.7)
    assert share_kept(numbers, arrange_level(numbers, SCAN, page.unit)[0]) >= 0.99


@pytest.mark.parametrize("skew", [0.0, -3.0])
@pytest.mark.parametrize("setting", [wide, with_blanks, single_digits_at_the_edge])
def test_flat_pages_are_left_as_they_are(setting, skew):
    for seed in range(3):
        page = setting(np.random.default_rng(seed))
        numbers = page.bent(Bend(skew))
        arranged, transform = arrange_level(numbers, SCAN, page.unit)

        assert arranged == arrange(numbers, unit=page.unit)
        assert transform is SCAN


def test_half_tables_half_a_row_apart_are_not_brought_together():
    page = Page(np.random.default_rng(2), unit=16)
    page.table([Column(2), Column(6), Column(10, (2, 3))], 30, PITCH)
    page.table([Column(22), Column(26), Column(30, (2, 3))], 30, PITCH, top=PITCH / 2, table=1)
    numbers = page.bent(Bend())

    arranged, transform = arrange_level(numbers, SCAN, page.unit)

    assert transform is SCAN
    assert arranged == arrange(numbers, unit=page.unit)


def test_a_column_whose_row_is_not_certain_says_so():
    page = Page(np.random.default_rng(0), unit=16)
    page.table([Column(2 + 6 * i, (2, 2), filled=0.5 if i == 0 else 1) for i in range(5)], 30, PITCH)
    numbers = sunk(page, "left", 1.1)

    arranged, _ = arrange_level(numbers, SCAN, page.unit)

    true_column = {number.digits: number.column for number in numbers}
    assert {true_column[n.digits] for n in arranged if A_ROW_OFF in n.doubts} == {0}


@pytest.mark.parametrize(("shape", "pitch"), [("left", 1.8), ("right, more at the foot", 1.8), ("to and fro", 1.2)])
def test_two_columns_whose_rows_nobody_can_tell_are_in_doubt(shape, pitch, monkeypatch):
    monkeypatch.setitem(globals(), "PITCH", pitch)
    for seed in range(2):
        for depth in (0.0, 1.2):
            page = Page(np.random.default_rng(seed), unit=16)
            page.table([Column(3 + 9 * i, (2, 2)) for i in range(2)], 26, pitch)
            numbers = sunk(page, shape, depth)
            arranged, _ = arrange_level(numbers, SCAN, page.unit)
            doubted = [number for number in arranged if A_ROW_OFF in number.doubts]
            if depth:
                assert share_kept(numbers, arranged) > 0.95 or len(doubted) > 8
            else:
                assert not doubted
