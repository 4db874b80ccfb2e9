"""A number outside the frame of a table is none of its numbers; a column of labels outside it is."""

import numpy as np
import pytest

from tablesim.digits.table_frame import within_frames
from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Number

UNIT = 20.0


def page(rule_at: int | None, labels: int):
    """Ten rows of three columns; ``labels`` numbers in a column to their left; a rule between, or none."""
    numbers, boxes = [], []
    for row in range(10):
        for column in range(4):
            if column == 0 and row >= labels:
                continue
            x, y = 40.0 + 80 * column, 40.0 + 30 * row
            numbers.append(Number("7", (Digit(7, Box(x, y, 11, UNIT), 0.9),), 0.9, 0, row, column))
            boxes.append([x, y, x + 11, y + UNIT])
    ink = np.zeros((380, 400), np.float32)
    if rule_at is not None:
        ink[20:360, rule_at : rule_at + 2] = 1.0
    return numbers, np.array(boxes), ink


def test_strays_beyond_the_rule_are_no_numbers_of_the_table():
    numbers, boxes, ink = page(rule_at=85, labels=2)
    kept = within_frames(numbers, boxes, ink, UNIT)
    assert [number.table for number in kept].count(None) == 2
    assert {number.column for number in kept if number.table == 0} == {0, 1, 2}
    assert all(number.row is None for number in kept if number.table is None)


@pytest.mark.parametrize(("rule_at", "labels"), [(85, 10), (85, 5), (None, 2), (20, 2)], ids=str)
def test_labels_and_numbers_within_the_frame_or_without_one_stay(rule_at, labels):
    numbers, boxes, ink = page(rule_at, labels)
    assert within_frames(numbers, boxes, ink, UNIT) == numbers


def test_a_page_without_numbers_has_no_frame():
    assert within_frames([], np.zeros((0, 4)), np.zeros((9, 9), np.float32), UNIT) == []
