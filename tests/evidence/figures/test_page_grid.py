"""A page as a grid: tables beside and below each other, rows that stand level, fractions as one number."""

from dataclasses import replace
from fractions import Fraction

import pytest
from corpus.fakes import number

from tablesim.evidence.figures.page_grid import page_grid
from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Ditto, Number, Reading
from tablesim.records.transform import Transform


def at(text, x, y, table=0, row=0, column=0, height=12, **more):
    each = 0.6 * height
    digits = [
        Digit(int(d), Box(x + each * i, y, each, height), 1.0) for i, d in enumerate(c for c in text if c.isdigit())
    ]
    return Number(text, tuple(digits), 1.0, table, row, column, **more)


def page(*numbers, dittos=(), rotation=0):
    return Reading("a.png", "a", "0" * 64, Transform(400, 300, rotation), True, 0.9, tuple(numbers), dittos=dittos)


def texts(grid):
    return [
        [
            [
                None
                if row is None
                else [
                    " ".join(n.printed for n in table.cells[row, c].numbers) if (row, c) in table.cells else ""
                    for c in range(table.n_columns)
                ]
                for table, row in zip(band.tables, line, strict=True)
            ]
            for line in band.lines
        ]
        for band in grid.bands
    ]


def test_tables_beside_each_other_share_the_lines_that_stand_level():
    left = [at("1", 10, 20 * r, 0, r, 0) for r in range(4)]
    right = [at("2", 200, 20 * r + 41, 1, r, 0) for r in range(2)]
    (band,) = texts(page_grid(page(*left, *right)))
    assert band == [[["1"], None], [["1"], None], [["1"], ["2"]], [["1"], ["2"]]]


def test_tables_below_each_other_are_bands_of_their_own():
    above = [at("1", 10, 20 * r, 1, r, 0) for r in range(2)]
    below = [at("2", 12, 100 + 20 * r, 0, r, 0) for r in range(2)]
    assert texts(page_grid(page(*below, *above))) == [[[["1"]], [["1"]]], [[["2"]], [["2"]]]]


def test_a_fraction_is_one_number_with_the_denominator_that_is_printed():
    whole = at("2", 10, 20, value=Fraction(11, 4))
    top, bottom = at("6/", 20, 17, column=1, height=7), at("8", 30, 24, column=2, height=7)
    grid = page_grid(page(whole, top, bottom, at("5", 60, 20, column=3)))
    ((line,),) = texts(grid)
    assert line == [["2 6/8", "", "", "5"]]
    (table,) = grid.tables
    assert table.cells[0, 0].numbers[0].value == Fraction(11, 4)


def test_ditto_marks_and_loose_numbers_are_kept():
    loose = replace(number("99"), table=None, row=None, column=None)
    grid = page_grid(page(at("12", 10, 0), loose, dittos=(Ditto(Box(10, 20, 8, 8), 0.9, 0, 1, 0),)))
    assert texts(grid) == [[[["12"]], [["\u2033"]]]]
    assert grid.loose == (loose,)


def test_a_page_without_tables_has_no_bands():
    assert page_grid(page()).bands == ()


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_page_that_is_turned_has_its_rows_below_each_other(rotation):
    upright = Transform(400, 300, rotation)
    numbers = []
    for row in range(3):
        for column in range(2):
            wide, high = upright.working_size
            (x, y), *_ = upright.to_source([[0.2 * wide + 40 * column, 0.2 * high + 20 * row]])
            numbers.append(at(str(row), x, y, 0, row, column))
    (table,) = page_grid(page(*numbers, rotation=rotation)).tables
    assert sorted(table.middles, key=table.middles.get) == [0, 1, 2]
    assert table.edges[0][1] < table.edges[1][0]
