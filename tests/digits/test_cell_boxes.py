"""The box of a cell lies where its row and its column meet, on leaning pages too; on a real page on what is printed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tablesim.digits.cell_boxes import expected_box, number_at
from tablesim.errors import SettingsError
from tablesim.records.address import CellAddress
from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Number, Reading
from tablesim.records.transform import Transform


def page(lean=0.0, rotation=0):
    """Nine rows of five columns; rows sink by ``lean`` pixels a pixel."""
    numbers = []
    for row in range(9):
        for column in range(5):
            x, y = 60.0 * column + 20, 30.0 * row + 20 + lean * 60 * column
            box = Box(x, y, 18, 14) if rotation == 0 else Box(y, 400 - x - 18, 14, 18)
            numbers.append(Number("24", (Digit(2, box, 0.9),), 0.9, 0, row, column))
    return Reading("p.png", "p", "0" * 64, Transform(400, 400, rotation), True, 0.9, tuple(numbers))


@pytest.mark.parametrize("lean", [0.0, 0.2])
@pytest.mark.parametrize("rotation", [0, 90])
@pytest.mark.parametrize("cell", [(1, 1), (5, 3), (9, 5)])
def test_the_box_is_that_of_the_number_that_was_taken_out(lean, rotation, cell):
    reading = page(lean, rotation)
    address = CellAddress(1, *cell)
    number = number_at(reading, address)
    rest = replace(reading, numbers=tuple(one for one in reading.numbers if one is not number))
    assert number_at(rest, address) is None
    assert expected_box(rest, address).overlap(number.box) > 0.9


def test_a_row_that_is_not_there_is_refused():
    with pytest.raises(SettingsError, match="row 12"):
        expected_box(page(), CellAddress(1, 12, 1))
    with pytest.raises(SettingsError, match="table 2"):
        expected_box(page(), CellAddress(2, 1, 1))


def test_half_of_a_bent_row_does_not_decide():
    reading = page()
    bent = [
        replace(n, digits=(replace(n.digits[0], box=replace(n.box, y=n.box.y + 6)),)) if n.column > 2 else n
        for n in reading.numbers
    ]
    box = expected_box(replace(reading, numbers=tuple(bent[1:])), CellAddress(1, 1, 1))
    np.testing.assert_allclose(box.centre, reading.numbers[0].box.centre, atol=5)
