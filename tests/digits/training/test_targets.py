"""Targets say where the digits are, and the loss falls when the maps say the same."""

import numpy as np
import pytest
import torch

from tablesim.digits.network import DIGIT_HEIGHT, DigitMaps
from tablesim.digits.training.targets import loss, make_targets, true_digits_of
from tablesim.records.boxes import Box
from tablesim.records.marks import MARKS, RAISED_POINT
from tablesim.records.truth import TrueDigit, TrueMark, TrueNumber


def number(text, x=40.0, y=60.0, width=9.0, height=14.0):
    digits = [c for c in text if c.isdigit()]
    boxes = [Box(x + 11 * i, y, width, height) for i in range(len(digits))]
    return TrueNumber(text, tuple(TrueDigit(int(c), b) for c, b in zip(digits, boxes, strict=True)))


def test_digits_know_their_neighbours_and_the_point_after_them():
    true = true_digits_of([number("0·101")], [Box(5, 5, 9, 14)])
    assert true.values.tolist() == [0, 1, 0, 1, -1]
    assert true.joins[:4].tolist() == [[0, 1, 1, 0], [1, 1, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0]]


def test_thousands_set_apart_are_one_number_with_a_space_in_it():
    true = true_digits_of([number("4\u2009403")])
    assert true.joins.tolist() == [[0, 1, 0, 1], [1, 1, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0]]


def test_marks_have_bells_of_their_own_where_they_are_known():
    point = TrueMark(RAISED_POINT, Box(60, 64, 4, 4))
    known = make_targets([true_digits_of([number("38")], (), [point])], 128)
    assert known.bells[0, 10 + MARKS.index(RAISED_POINT)].max() == 1
    assert (known.weight[0, 1] == 1).all()
    assert len(known.index) == 3
    assert len(known.joins) == 2
    unknown = make_targets([true_digits_of([number("38")])], 128)
    assert (unknown.weight[0, 1] == 0).all()
    assert loss(answer(unknown, -9.0), unknown).marks == 0 < loss(answer(known, -9.0), known).marks


def test_digits_too_small_to_read_are_not_asked_for():
    assert true_digits_of([number("7", height=5)]).values.tolist() == [-1]


def test_bells_peak_in_the_middle_of_their_digit_alone():
    targets = make_targets([true_digits_of([number("38")])], 128)
    for digit, x in ((3, 44.5), (8, 55.5)):
        row, column = np.unravel_index(int(targets.bells[0, digit].argmax()), (64, 64))
        assert abs(row * 2 + 1 - 67) <= 1.5
        assert abs(column * 2 + 1 - x) <= 1.5
        assert targets.bells[0, digit].max() == 1
    assert targets.bells[0, [0, 1, 2, 4, 5, 6, 7, 9]].max() == 0


def test_what_is_not_asked_has_no_weight_and_what_is_asked_has():
    true = true_digits_of([number("3", x=80)], [Box(20, 20, 10, 14)])
    targets = make_targets([true], 128)
    assert targets.weight[0, 0, 13, 12] == 0
    assert targets.weight[0, 0, 33, 42] == 1
    assert len(targets.index) == 1


def test_edges_lead_from_the_cell_to_the_box():
    targets = make_targets([true_digits_of([number("5")])], 128)
    _, row, column = targets.index[0]
    x, y = (float(column) + 0.5) * 4, (float(row) + 0.5) * 4
    left, top, right, bottom = (targets.edges[0] * DIGIT_HEIGHT).tolist()
    assert (x - left, y - top, x + right, y + bottom) == pytest.approx((40, 60, 49, 74), abs=1e-4)


def test_cropping_keeps_what_is_whole_and_forgets_what_it_cuts():
    true = true_digits_of([number("1234", x=10)])
    cut = true.cut(20, 0, 100)
    assert cut.values.tolist() == [-1, 3, 4] or cut.values.tolist() == [2, 3, 4]
    assert cut.boxes[-1, 0] == 10 + 33 - 20


def answer(targets, sure):
    """Maps that answer as the targets do, with logits of +-sure."""
    peaks = (targets.bells * 2 - 1) * sure
    joins = torch.zeros(1, 4, 32, 32)
    edges = torch.zeros(1, 4, 32, 32)
    page, row, column = targets.index.T
    edges[page, :, row, column] = targets.edges
    page, row, column = targets.index[: len(targets.joins)].T
    joins[page, :, row, column] = (targets.joins * 2 - 1) * sure
    return DigitMaps(peaks[:, :10], peaks[:, 10:], joins, edges)


def test_the_loss_is_least_for_the_right_answer():
    targets = make_targets([true_digits_of([number("38")])], 128)
    right = loss(answer(targets, 9.0), targets)
    doubtful = loss(answer(targets, 1.0), targets)
    assert right.total < 0.1 < doubtful.total
    assert right.edges == 0
    wrong = answer(targets, 9.0)._replace(joins=-answer(targets, 9.0).joins)
    assert loss(wrong, targets).joins > 5


def test_pages_without_digits_have_a_loss_too():
    targets = make_targets([true_digits_of([])], 128)
    peaks, attributes = torch.zeros(1, 22, 64, 64), torch.zeros(1, 4, 32, 32)
    parts = loss(DigitMaps(peaks[:, :10], peaks[:, 10:], attributes, attributes), targets)
    assert parts.digits > 100
    assert parts.joins == 0
