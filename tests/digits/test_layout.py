from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tablesim.digits.layout import arrange, is_table
from tablesim.records.boxes import Box
from tablesim.records.reading import Number
from tablesim.records.transform import Transform

from .pages import Bend, Column, Page, neighbours, share_kept

BENDS = (Bend(), Bend(4), Bend(-4), Bend(-2, 0.03, 0.02), Bend(1, -0.03, -0.03))


def climates(rng):
    """An old-style climate table: eight columns, three of them with many blanks, words between; a page number."""
    page = Page(rng, unit=16)
    columns = [(1.5, 1), (6, 0.3), (14, 1), (16.5, 1), (21, 1), (23.5, 1), (27, 0.33), (30, 0.33)]
    page.table([Column(x, filled=filled) for x, filled in columns], 36, 1.6, top=8)
    page.put("348", 2, 0)
    return page


def chronology(rng):
    """Years beside sums that are mostly blank."""
    page = Page(rng, unit=13)
    page.table([Column(0, (2, 3), "middle"), Column(4.8, (3, 4), filled=0.45)], 35, 1.65, top=8)
    page.put("351", 5, 0)
    return page


def old_chords(rng):
    """Two half-tables of nine tight columns, rows in groups of three, small old-style digits."""
    page = Page(rng, unit=9)
    half = [3.5, 6.8, 10.8, 13, 15.2, 19.5, 21.5, 23.5, 25.5]
    page.table([Column(x + shift) for shift in (0, 24) for x in half], 45, 1.45, group=3, leading=0.35, top=6)
    page.put("7", 50, 0)
    return page


def barometer(rng):
    """Thirty-one rows of twenty-six columns that all but touch, lining digits."""
    page = Page(rng, unit=24, old_style=False)
    hours = [Column(6 + 4 * i, (4, 4)) for i in range(25)]
    page.table([Column(2.5), *hours], 31, 1.45, group=5, leading=0.8, top=12)
    for text, x in (("1898", 90), ("32", 50), ("9", 100)):
        page.put(text, x, 2)
    return page


def small(rng):
    page = Page(rng, unit=20)
    page.table([Column(2), Column(8), Column(11)], 12, 1.5)
    page.put("12", 20, -10)
    return page


def two_tables(rng):
    """One above the other, with other columns."""
    page = Page(rng, unit=20)
    page.table([Column(2), Column(5), Column(9, (3, 3))], 12, 1.6)
    page.table([Column(1), Column(3), Column(5.5), Column(10)], 15, 1.6, top=25, table=1)
    page.put("77", 12, -8)
    return page


def misaligned_tables(rng):
    """Side by side, each with lines of its own."""
    page = Page(rng, unit=20)
    page.table([Column(2), Column(5), Column(9, (3, 3))], 20, 1.6)
    page.table([Column(17), Column(20), Column(25)], 16, 1.95, top=0.5, table=1)
    return page


SETTINGS = (climates, chronology, old_chords, barometer, small, two_tables, misaligned_tables)


@pytest.mark.parametrize("bend", BENDS, ids=str)
@pytest.mark.parametrize("setting", SETTINGS)
def test_true_neighbours_stay_neighbours(setting, bend):
    page = setting(np.random.default_rng(5))
    numbers = page.bent(bend)

    arranged = arrange(numbers, unit=page.unit)

    assert share_kept(numbers, arranged) >= 0.98
    assert is_table(arranged)
    strays = {number.box for number in numbers if number.table is None}
    assert all((number.table is None) == (number.box in strays) for number in arranged)
    n_tables = len({number.table for number in numbers} - {None})
    assert {number.table for number in arranged} - {None} == set(range(n_tables))


def test_the_measure_can_fail():
    page = small(np.random.default_rng(0))
    numbers = page.bent(Bend())
    arranged = arrange(numbers, unit=page.unit)
    swapped = [number if number.column != 1 else arranged[0] for number in arranged]

    assert share_kept(numbers, swapped) < 0.7
    assert len(neighbours(numbers)) == 11 * 3 + 12 * 2


@pytest.mark.parametrize("drop", [0.05, 0.2])
def test_missing_and_false_numbers_do_not_upset_the_rest(drop):
    rng = np.random.default_rng(3)
    page = climates(rng)
    page.numbers = [number for number in page.numbers if rng.random() > drop]
    true = len(page.numbers)
    for _ in range(20):
        page.put("4", rng.uniform(0, 31), rng.uniform(0, 66))
    numbers = page.bent(Bend(1.5))
    boxes = {number.box for number in numbers[:true]}

    arranged = [number for number in arrange(numbers, unit=page.unit) if number.box in boxes]

    assert share_kept(numbers[:true], arranged) >= 0.93


@pytest.mark.parametrize("align", ["left", "right", "middle"])
def test_columns_may_stand_left_right_or_centred(align):
    page = Page(np.random.default_rng(1))
    page.table([Column(2, (1, 4), align), Column(8, (1, 4), align), Column(14, (1, 4), align)], 20)
    numbers = page.bent(Bend(-1.5))

    assert share_kept(numbers, arrange(numbers, unit=page.unit)) == 1.0


def test_half_tables_whose_rows_line_up_are_one_table():
    page = Page(np.random.default_rng(2))
    page.table([Column(2), Column(5), Column(30), Column(33)], 20)

    arranged = arrange(page.bent(Bend(2)), unit=page.unit)

    assert {(number.table, number.column) for number in arranged} == {(0, c) for c in range(4)}


def test_a_list_of_one_column_is_arranged_but_is_no_table():
    page = Page(np.random.default_rng(2))
    page.table([Column(2, (1, 3))], 20)

    arranged = arrange(page.bent(Bend(-3)), unit=page.unit)

    assert [(number.table, number.row, number.column) for number in arranged] == [(0, row, 0) for row in range(20)]
    assert not is_table(arranged)


def test_a_number_alone_far_from_the_table_is_outside_it_and_read_in_its_turn():
    page = Page(np.random.default_rng(4))
    page.table([Column(2), Column(5), Column(9)], 12, 1.6, top=20)
    page.put("11", 40, 30)
    page.put("348", 5, 5)
    page.put("22", 5, 60)

    arranged = arrange(page.bent(Bend()), unit=page.unit)

    assert [number.text for number in arranged if number.table is None] == ["348", "11", "22"]
    assert arranged[0].text == "348"
    assert arranged[-1].text == "22"


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_page_lying_on_its_side_is_read_as_upright(rotation):
    page = small(np.random.default_rng(6))
    numbers = page.bent(Bend(2))
    turned = [_lying(number, rotation) for number in numbers]

    upright, lying = arrange(numbers, unit=page.unit), arrange(turned, unit=page.unit, rotation=rotation)

    assert [(n.text, n.table, n.row, n.column) for n in lying] == [(n.text, n.table, n.row, n.column) for n in upright]


def _lying(number, rotation):
    """The number on a page that must be turned clockwise by ``rotation`` to stand upright."""
    width, height = (600, 1200) if rotation == 180 else (1200, 600)
    back = Transform(width, height, rotation)
    return replace(number, digits=tuple(replace(d, box=back.box_to_source(d.box)) for d in number.digits))


def text_page(rng, n):
    """Figures strewn over the lines of a text."""
    page = Page(rng, unit=20)
    for line in rng.integers(0, 42, n):
        page.put(str(rng.integers(0, 99)), rng.uniform(0, 45), 2.0 * line)
    return page


def dial(rng, n, rings=1):
    """Hours around circles."""
    page = Page(rng, unit=20)
    for ring in range(rings):
        start = rng.choice([0, math.pi / n])
        for i in range(n):
            angle, radius = start + 2 * math.pi * i / n, 10 + 4 * ring
            page.put(str(i % 12 + 1), 20 + radius * math.sin(angle), 20 - radius * math.cos(angle), align="middle")
    return page


def sundial(rng, n):
    """Arcs of hours on the faces of a block, a page number, two numbers in the margin."""
    page = Page(rng, unit=20)
    for _ in range(3):
        x, y, radius = rng.uniform(10, 30), rng.uniform(10, 40), rng.uniform(5, 9)
        for i in range(n // 3):
            angle = math.pi * i / (n // 3) * 1.3
            page.put(str(i % 12 + 1), x + radius * math.cos(angle), y + 0.7 * radius * math.sin(angle), align="middle")
    for text, x, y in (("18", 40, -10), ("9", -2, 50), ("10", -2, 55)):
        page.put(text, x, y)
    return page


@pytest.mark.parametrize(
    ("make", "sizes"),
    [
        (text_page, (1,)),
        (text_page, (6,)),
        (text_page, (30,)),
        (text_page, (100,)),
        (dial, (12,)),
        (dial, (24,)),
        (dial, (12, 3)),
        (sundial, (15,)),
        (sundial, (30,)),
    ],
)
def test_strewn_and_circular_digits_are_no_table(make, sizes):
    for seed in range(12):
        rng = np.random.default_rng(seed)
        page = make(rng, *sizes)
        arranged = arrange(page.bent(Bend(rng.uniform(-3, 3))), unit=page.unit)

        assert not is_table(arranged), f"seed {seed}"
        assert len(arranged) == len(page.numbers)


def test_nothing_and_one_number_are_arranged():
    assert arrange([], unit=10) == []
    assert not is_table([])
    page = Page(np.random.default_rng(0))
    page.put("7", 3, 4)
    (number,) = arrange(page.bent(Bend()), unit=page.unit)
    assert (number.table, number.row, number.column) == (None, None, None)


@pytest.mark.parametrize(
    ("unit", "rotation", "message"), [(0, 0, "unit=0"), (math.nan, 0, "unit=nan"), (5, 45, "rotation=45")]
)
def test_a_wrong_unit_or_rotation_is_named(unit, rotation, message):
    page = small(np.random.default_rng(0))
    with pytest.raises(ValueError, match=message):
        arrange(page.numbers, unit=unit, rotation=rotation)


def cells(numbers):
    return [(number.text, number.table, number.row, number.column) for number in numbers]


@st.composite
def any_page(draw):
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    page = Page(rng, unit=draw(st.sampled_from([9.0, 16.0, 40.0])))
    n_columns = draw(st.integers(1, 6))
    filled = draw(st.sampled_from([1.0, 0.7, 0.4]))
    page.table([Column(3.5 * c, filled=filled) for c in range(n_columns)], draw(st.integers(1, 15)), top=6)
    for _ in range(draw(st.integers(0, 5))):
        page.put("5", rng.uniform(-6, 30), rng.uniform(-6, 40))
    page.put("1", 0, 0)
    return page.bent(Bend(draw(st.sampled_from([0.0, 2.5, -4.0])))), page.unit


@given(any_page(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_the_input_does_not_matter(page, random):
    numbers, unit = page
    shuffled = list(numbers)
    random.shuffle(shuffled)

    assert arrange(shuffled, unit=unit) == arrange(numbers, unit=unit)


@given(any_page(), st.sampled_from([0.5, 2.0, 3.0, 0.37]))
@settings(max_examples=60, deadline=None)
def test_the_scale_of_the_page_does_not_matter(page, factor):
    def scaled(box):
        return Box(box.x * factor, box.y * factor, box.width * factor, box.height * factor)

    numbers, unit = page
    other = [replace(n, digits=tuple(replace(d, box=scaled(d.box)) for d in n.digits)) for n in numbers]

    assert cells(arrange(other, unit=unit * factor)) == cells(arrange(numbers, unit=unit))


@given(any_page())
@settings(max_examples=60, deadline=None)
def test_numbers_are_kept_and_counted_without_gaps_one_a_cell(page):
    numbers, unit = page
    arranged = arrange(numbers, unit=unit)

    assert sorted((n.text, n.box.x, n.box.y) for n in arranged) == sorted((n.text, n.box.x, n.box.y) for n in numbers)
    inside = [n for n in arranged if n.table is not None]
    assert len({(n.table, n.row, n.column) for n in inside}) == len(inside)
    for table in {n.table for n in inside}:
        rows = {n.row for n in inside if n.table == table}
        columns = {n.column for n in inside if n.table == table}
        assert rows == set(range(len(rows)))
        assert columns == set(range(len(columns)))
    places = [(n.table, n.row, n.column) for n in inside]
    assert places == sorted(places)


def test_a_dense_page_is_arranged_quickly():
    page = barometer(np.random.default_rng(0))
    numbers = page.bent(Bend(1))
    arrange(numbers, unit=page.unit)
    spent = []
    for _ in range(5):
        start = time.process_time()
        arrange(numbers, unit=page.unit)
        spent.append(time.process_time() - start)

    # About 0.02 s on an idle core; the rest is room for a busy machine.
    assert min(spent) < 0.1


def test_specks_at_the_edge_of_the_book_do_not_unmake_a_table():
    page = Page(np.random.default_rng(0), old_style=False)
    page.table([Column(8.0), Column(14.0)], n_rows=8)
    specks = [Number("1", page.numbers[0].digits, 0.2) for _ in range(30)]
    clear = [replace(speck, confidence=0.9) for speck in specks]
    assert is_table(page.numbers + specks)
    assert not is_table(page.numbers + clear)
