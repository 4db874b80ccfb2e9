"""A table accepts its faint digits, and nothing beside it is accepted."""

import numpy as np
import pytest

from tablesim.digits.numbers import Thresholds, accept_by_context, find_numbers
from tablesim.digits.peaks import DigitPeaks

UNIT = 14.0


def page(places, confidence):
    """Single digits with their middles at ``places``, 10 wide and UNIT high."""
    middles = np.array(places, dtype=float)
    n = len(middles)
    boxes = np.column_stack([middles - np.array([5, UNIT / 2]), middles + np.array([5, UNIT / 2])])
    zeros = np.zeros(n, dtype=np.int64)
    return DigitPeaks(zeros, np.array(confidence, dtype=float), zeros, np.zeros(n), boxes, np.zeros((n, 3)))


def grid(columns=4, rows=6):
    return [(40.0 + 60 * c, 40.0 + 22 * r) for r in range(rows) for c in range(columns)]


def numbers(digits, thresholds=None):
    return {int(run[0]) for run in find_numbers(digits, thresholds or Thresholds())}


def test_a_faint_digit_in_a_cell_is_believed():
    places = grid()
    confidence = np.full(len(places), 0.95)
    confidence[9] = 0.13
    assert numbers(page(places, confidence)) == set(range(len(places)))


@pytest.mark.parametrize(
    "place",
    [
        (40.0 + 30, 40.0 + 22 * 3),  # in a row, between columns: a letter of a word
        (40.0 + 60, 40.0 + 22 * 30),  # below a column, in no row: a letter of the text below
        (900.0, 700.0),  # far from everything
        (42.0, 41.0),  # on top of a digit that is there
    ],
)
def test_a_faint_mark_elsewhere_is_not(place):
    places = [*grid(), place]
    confidence = np.append(np.full(len(places) - 1, 0.95), 0.2)
    assert len(places) - 1 not in numbers(page(places, confidence))


@pytest.mark.parametrize(("aside", "believed"), [(0.0, True), (5.0, False)])
def test_a_lone_faint_count_is_believed_below_enough_others(aside, believed):
    places = [(300.0, 40.0 + 30 * row) for row in range(6)] + [(300.0 + aside, 40.0 + 30 * 9)]
    confidence = np.append(np.full(6, 0.95), 0.2)
    assert (6 in numbers(page(places, confidence))) is believed
    assert 5 not in numbers(page(places[1:], confidence[1:]))


@pytest.mark.parametrize(("digits", "believed"), [(1, 1), (2, 0)])
def test_only_numbers_of_as_many_digits_vouch_for_a_lone_one(digits, believed):
    places = [(300.0 - 9 * k, 40.0 + 30 * row) for row in range(6) for k in range(digits)] + [(300.0, 310.0)]
    accepted = list(np.arange(6 * digits).reshape(6, digits))
    faint = [np.array([6 * digits])]
    assert len(accept_by_context(page(places, np.full(len(places), 0.5)), accepted, faint)) == believed


def test_what_is_fainter_than_faint_is_never_believed():
    places = grid()
    confidence = np.full(len(places), 0.95)
    confidence[9] = 0.09
    assert 9 not in numbers(page(places, confidence))


def test_without_accepted_numbers_nothing_is_vouched_for():
    digits = page(grid(), np.full(24, 0.1))
    runs = [np.array([k]) for k in range(24)]
    assert accept_by_context(digits, [], runs) == []
    assert accept_by_context(digits, runs, []) == []
    assert numbers(digits) == set()


def test_low_old_style_digits_are_joined_across_a_wide_point():
    """1 and 0 of old style are two thirds as high as the others, and the point between them is as wide."""
    tall = page(grid(), [1.0] * 24)
    low, pitch = 0.66 * UNIT, 1.5 * UNIT
    boxes = np.array([[x - 4, 300 - low / 2, x + 4, 300 + low / 2] for x in (40.0, 40.0 + pitch, 400.0)])
    joins = np.array([[0.0, 1.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    ones = np.ones(3, dtype=np.int64)
    digits = DigitPeaks(
        *(np.concatenate([getattr(tall, name), part]) for name, part in (("values", ones), ("confidence", ones * 1.0))),
        *(np.concatenate([getattr(tall, name), 0 * ones]) for name in ("runner_up", "runner_up_confidence")),
        np.concatenate([tall.boxes, boxes]),
        np.concatenate([np.zeros((24, 4)), joins]),
    )
    assert [24, 25] in [run.tolist() for run in find_numbers(digits, Thresholds())]
