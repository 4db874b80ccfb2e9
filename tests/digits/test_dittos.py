"""A ditto mark is a cell that repeats the one above it, never a number."""

from dataclasses import replace

import numpy as np
import pytest

from tablesim.digits.dittos import with_dittos
from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Ditto, Number

PITCH = 30


def page(skew=0.0, sag=0.0):
    """A table of ten rows and three columns; the middle one has a number in every fourth row."""
    numbers = []
    for row in range(10):
        for column in range(3):
            if column != 1 or row % 4 == 0:
                x = 100 * column
                y = PITCH * row + skew * x + sag * (x - 100) ** 2
                digits = tuple(Digit(4, Box(x + 9 * k, y, 8, 14), 0.9) for k in range(2))
                numbers.append(Number("44", digits, 0.9, 0, row, column))
    return numbers


def mark(row, column=1, skew=0.0, sag=0.0, confidence=0.8, aside=0.0, low=0.0):
    x = 100 * column
    return Ditto(Box(x + 5 + aside, PITCH * row + skew * x + sag * (x - 100) ** 2 + 4 + low, 7, 6), confidence)


BLANK = [row for row in range(10) if row % 4]


def cells(dittos):
    return [(ditto.row, ditto.column) for ditto in dittos]


@pytest.mark.parametrize(("skew", "sag", "low"), [(0, 0, 0), (0.1, 0, 0), (0, 0.001, 0), (0, 0, 6), (0, 0, -6)])
def test_every_mark_has_its_cell(skew, sag, low):
    marks = [mark(row, skew=skew, sag=sag, low=low) for row in BLANK]
    numbers, dittos = with_dittos(page(skew, sag), marks[::-1])
    assert cells(dittos) == [(row, 1) for row in BLANK] and len(numbers) == len(page())
    assert [ditto.confidence for ditto in dittos] == [0.8] * len(BLANK)


def test_marks_that_repeat_nothing():
    above = replace(mark(0), box=Box(105, -60, 7, 6))
    far = mark(3, aside=60)
    _, dittos = with_dittos(page()[1:], [above, far, mark(0)])  # the table begins in row 0 without a first column
    assert dittos == ()
    without_top = [number for number in page() if (number.row, number.column) != (0, 1)]
    assert cells(with_dittos(without_top, [mark(0), mark(5)])[1]) == [(5, 1)]
    assert with_dittos([], [mark(1)]) == ([], ()) and with_dittos(page(), []) == (page(), ())


def test_a_word_that_was_read_as_a_number():
    zero = Number("0", (Digit(0, Box(105, PITCH + 4, 8, 10), 0.6),), 0.6, 0, 1, 1)
    numbers, dittos = with_dittos([*page(), zero], [mark(1, confidence=0.8)])
    assert zero not in numbers and cells(dittos) == [(1, 1)]
    numbers, dittos = with_dittos([*page(), zero], [mark(1, confidence=0.5)])
    assert zero in numbers and dittos == ()


def test_of_two_marks_in_a_cell_the_surer_stays():
    _, dittos = with_dittos(page(), [mark(1, confidence=0.6), mark(1, confidence=0.9, aside=2)])
    assert [ditto.confidence for ditto in dittos] == [0.9]


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_pages_that_lie(rotation):
    def turned(box):
        return {
            90: Box(box.y, -box.right, box.height, box.width),
            180: Box(-box.right, -box.bottom, box.width, box.height),
            270: Box(-box.bottom, box.x, box.height, box.width),
        }[rotation]

    numbers = [replace(n, digits=tuple(replace(d, box=turned(d.box)) for d in n.digits)) for n in page()]
    marks = [replace(mark(row), box=turned(mark(row).box)) for row in BLANK]
    assert cells(with_dittos(numbers, marks, rotation)[1]) == [(row, 1) for row in BLANK]


def test_order_decides_nothing():
    rng = np.random.default_rng(1)
    numbers, marks = page(), [mark(row) for row in BLANK]
    shuffled = [numbers[k] for k in rng.permutation(len(numbers))], [marks[k] for k in rng.permutation(len(marks))]
    assert with_dittos(*shuffled)[1] == with_dittos(numbers, marks)[1]
