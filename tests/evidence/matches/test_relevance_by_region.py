import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.pages import declinations, print_page
from tablesim.digits.scale import working_image
from tablesim.errors import ScanError
from tablesim.evidence.matches.relevance_by_region import (
    BLANK,
    DIGITS,
    KINDS,
    RULES,
    WORDS,
    digit_boxes,
    kinds_of_ink,
    page_kinds,
    relevance_by_region,
)
from tablesim.records.transform import Transform
from tablesim.scans.cleaning import clean
from tablesim.scans.images import load_scan

ROWS = declinations(last=11)
X, Y, COLUMN, PITCH = 80, 150, 72, 34  # as print_page sets a table


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    reading = print_page(tmp_path_factory.mktemp("pages"), "a", ROWS, seed=5)
    ink = clean(working_image(load_scan(reading.scan).grey, reading.transform))
    return reading, ink, kinds_of_ink(ink, digit_boxes(reading), reading.transform)


def test_figures_rules_words_and_paper_are_told_apart(printed):
    reading, ink, kinds = printed
    for digit in reading.digits:
        box = digit.box
        rows, columns = slice(round(box.y), round(box.bottom)), slice(round(box.x), round(box.right))
        assert (kinds[rows, columns] == DIGITS).mean() > 0.95
    top, bottom = Y - 38, Y + PITCH * (len(ROWS) - 1) + 14
    on_rules = np.concatenate([kinds[top:bottom, X + COLUMN * at] for at in range(len(ROWS[0]) + 1)])
    assert (on_rules == RULES).mean() > 0.97
    title = kinds[Y - 95 : Y - 62][ink[Y - 95 : Y - 62] > 0.5]
    assert (title == WORDS).mean() > 0.95
    assert (kinds[:, : X - 20] == BLANK).all()
    assert (kinds[bottom + 20 :] == BLANK).all()


def test_all_ink_has_a_kind(printed):
    _, ink, kinds = printed
    assert (kinds[ink > 0.6] != BLANK).mean() > 0.999
    assert set(np.unique(kinds)) == {DIGITS, RULES, WORDS, BLANK}


def test_a_slanting_rule_is_one_and_a_thick_bar_is_not():
    ink = np.zeros((300, 400), dtype=np.float32)
    for x in range(20, 380):
        y = 60 + (x - 20) // 40  # one pixel in forty: 1.4 degrees
        ink[y : y + 2, x] = 1
    ink[150:185, 20:180] = 1
    boxes = np.array([[200.0, 250, 212, 270]])
    kinds = kinds_of_ink(ink, boxes, Transform(400, 300))
    assert (kinds[ink > 0][: 2 * 360] == RULES).mean() > 0.97
    assert (kinds[165, 30:170] == WORDS).all()
    assert (kinds[252:268, 202:210] == DIGITS).all()


def test_a_rule_that_touches_letters_is_one_and_what_stands_at_a_place_counts_first():
    ink = np.zeros((300, 200), dtype=np.float32)
    ink[20:280, 100:102] = 1  # a rule between columns
    for y in range(30, 270, 30):
        ink[y : y + 4, 102:112] = 1  # letters that touch it
    boxes = np.array([[86.0, y, 98, y + 20] for y in range(30, 270, 30)])  # figures two pixels beside it
    kinds = kinds_of_ink(ink, boxes, Transform(200, 300))
    assert (kinds[20:280, 100:102] == RULES).mean() > 0.97
    assert (kinds[60:64, 107:112] == WORDS).all()
    assert (kinds[30:50, 86:98] == DIGITS).all()
    assert (kinds[30:50, 83:86] == DIGITS).all()  # and the paper around them
    assert (kinds[30:50, 70:80] == BLANK).all()


def test_the_desk_around_the_leaf_is_blank_and_so_is_dirt():
    ink = np.zeros((400, 600), dtype=np.float32)
    ink[:60] = 1
    ink[200:202, 300:302] = 1
    kinds = kinds_of_ink(ink, np.array([[100.0, 250, 112, 270]]), Transform(600, 400))
    assert (kinds[:58] == BLANK).all()
    assert (kinds[190:210, 290:310] == BLANK).all()


def test_a_page_without_figures_has_no_digits(printed):
    reading, ink, _ = printed
    kinds = kinds_of_ink(ink, np.zeros((0, 4)), reading.transform)
    assert DIGITS not in kinds
    assert RULES in kinds


@pytest.mark.parametrize("rotation", [0, 90, 180])
def test_coarse_cells_lie_on_the_scan_as_it_is(tmp_path, rotation):
    reading = print_page(tmp_path, "turned", ROWS, seed=5, rotation=rotation)
    shape = (round(reading.height / 8), round(reading.width / 8))
    cells = page_kinds(reading, shape)
    assert cells.shape == (len(KINDS), *shape)
    np.testing.assert_allclose(cells.sum(axis=0), 1)
    down, right = shape[0] / reading.height, shape[1] / reading.width
    shares = [cells[DIGITS, int(y * down), int(x * right)] for x, y in (d.box.centre for d in reading.digits)]
    assert np.mean(shares) > 0.8


def test_coarse_cells_hold_the_areas_of_the_page(printed):
    reading, _, kinds = printed
    cells = page_kinds(reading, (math.ceil(reading.height / 9), math.ceil(reading.width / 9)))
    for kind in range(len(KINDS)):
        assert cells[kind].mean() == pytest.approx((kinds == kind).mean(), abs=0.01)


def test_a_scan_that_has_gone_is_named(printed):
    with pytest.raises(ScanError, match="no such file"):
        page_kinds(replace(printed[0], scan="gone.png"), (4, 4))


@given(st.lists(st.floats(-5, 5), min_size=6, max_size=6), st.lists(st.integers(0, 3), min_size=6, max_size=6))
def test_shares_are_those_of_the_size_of_relevance(relevance, kinds):
    strength, kind = np.array(relevance).reshape(2, 3), np.array(kinds).reshape(2, 3)
    found = relevance_by_region(strength, np.stack([kind == k for k in range(4)]))
    assert sum(found.area.values()) == pytest.approx(1)
    whole = np.abs(strength).sum()
    for k, name in enumerate(KINDS):
        assert found.area[name] == pytest.approx((kind == k).mean())
        assert found.relevance[name] == pytest.approx(np.abs(strength[kind == k]).sum() / whole if whole else 0)
    assert set(found.to_dict()) == set(KINDS)


def test_words_name_each_kind_with_its_share_of_the_page():
    found = relevance_by_region(np.array([[3.0, -1.0]]), np.array([[[1, 0]], [[0, 0]], [[0, 0.5]], [[0, 0.5]]]))
    assert found.words == "digits 75 % (50 %), rules 0 % (0 %), words 12 % (25 %), blank 12 % (25 %)"
