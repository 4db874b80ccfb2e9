"""From maps to digits, and from digits to numbers."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from tablesim.digits.network import DIGIT_HEIGHT, DigitMaps
from tablesim.digits.numbers import Thresholds, join_digits, number_confidence
from tablesim.digits.peaks import DigitPeaks, MarkPeaks, find_digits, find_marks
from tablesim.records.marks import COMMA, MARKS, POINT

SIZE = 256


def maps_with(*printed):
    """Maps that show digits (value, x, y, logit, rival, rival_logit) in working pixels, boxes 10 x 14."""
    digits = torch.full((1, 10, SIZE // 2, SIZE // 2), -9.0)
    edges = torch.zeros(1, 4, SIZE // 4, SIZE // 4)
    for value, x, y, logit, rival, rival_logit in printed:
        row, column = int(y // 2), int(x // 2)
        digits[0, value, row, column] = logit
        digits[0, rival, row, column] = max(rival_logit, float(digits[0, rival, row, column]))
        r, c = int(y // 4), int(x // 4)
        reach = [(c + 0.5) * 4 - (x - 5), (r + 0.5) * 4 - (y - 7), (x + 5) - (c + 0.5) * 4, (y + 7) - (r + 0.5) * 4]
        edges[0, :, r, c] = torch.tensor(reach) / DIGIT_HEIGHT
    marks = torch.full((1, len(MARKS), SIZE // 2, SIZE // 2), -9.0)
    return DigitMaps(digits, marks, torch.zeros(1, 4, SIZE // 4, SIZE // 4), edges)


def test_a_peak_of_a_mark_becomes_a_mark_of_its_kind():
    maps = maps_with((4, 101, 61, 3.0, 9, 0.5))
    maps.marks[0, MARKS.index(COMMA), 35, 55] = 2.0
    maps.marks[0, MARKS.index(POINT), 35, 56] = 1.0
    found = find_marks(maps, 0.3)
    assert found.kinds.tolist() == [MARKS.index(COMMA)]
    assert found.confidence[0] == pytest.approx(1 / (1 + np.exp(-2)))
    assert len(find_marks(maps, 0.95)) == len(MarkPeaks.empty()) == 0


def test_a_peak_becomes_a_digit_with_box_and_runner_up():
    found = find_digits(maps_with((4, 101, 61, 3.0, 9, 0.5)), 0.3)
    assert found.values.tolist() == [4]
    assert found.runner_up.tolist() == [9]
    assert found.confidence[0] == pytest.approx(1 / (1 + np.exp(-3)))
    assert found.runner_up_confidence[0] == pytest.approx(1 / (1 + np.exp(-0.5)))
    assert found.boxes[0] == pytest.approx([96, 54, 106, 68], abs=1e-3)


def test_one_digit_gives_one_digit_and_weak_ones_none():
    twice = (4, 101, 61, 3.0, 9, 0.5), (9, 104, 65, 2.0, 4, 0.0)
    assert find_digits(maps_with(*twice, (1, 200, 100, -2.0, 7, -5)), 0.3).values.tolist() == [4]


def test_peaks_are_the_cells_that_pooling_finds():
    """The slow meaning: the maps side by side, the highest of 25 cells, the best rival in nine."""
    logits = torch.randn(1, 10, 61, 47, generator=torch.Generator().manual_seed(3))
    rest = torch.zeros(1, 4, 31, 24)
    found = find_digits(DigitMaps(logits, torch.zeros(1, len(MARKS), 61, 47), rest, rest + 0.01), 0.2)
    best = logits[0].amax(dim=0)
    peaks = (best == functional.max_pool2d(best[None, None], 5, 1, 2)[0, 0]) & (best > np.log(0.25))
    rows, columns = torch.nonzero(peaks, as_tuple=True)
    expected = set()
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        here, around = (
            logits[0, :, row, column],
            logits[0, :, max(0, row - 1) : row + 2, max(0, column - 1) : column + 2],
        )
        rivals = around.amax(dim=(1, 2))
        rivals[here.argmax()] = -torch.inf
        expected.add(
            (int(here.argmax()), round(float(here.max()), 4), int(rivals.argmax()), round(float(rivals.max()), 4))
        )
    sure, runner_up = (np.log(p / (1 - p)).round(4) for p in (found.confidence, found.runner_up_confidence))
    got = set(zip(found.values.tolist(), sure.tolist(), found.runner_up.tolist(), runner_up.tolist(), strict=True))
    assert len(got) > 50
    assert got == expected


def test_two_digits_side_by_side_are_two_digits():
    found = find_digits(maps_with((4, 101, 61, 3.0, 9, 0.5), (9, 113, 61, 2.0, 4, 0.0)), 0.3)
    assert found.values.tolist() == [4, 9]
    assert find_digits(maps_with(), 0.3).values.tolist() == []


def _four(joins):
    """Joins with no thin space after any digit."""
    three = np.array(joins, dtype=float).reshape(-1, 3)
    return np.column_stack([three, np.zeros(len(three))])


def digits_at(places, joins, confidence=None):
    places = np.array(places, dtype=float).reshape(-1, 2)
    n = len(places)
    boxes = np.column_stack([places - np.array([5, 7]), places + np.array([5, 7])])
    confidence = np.full(n, 0.9) if confidence is None else np.array(confidence)
    zeros = np.zeros(n, dtype=np.int64)
    return DigitPeaks(np.arange(n) % 10, confidence, zeros, np.zeros(n), boxes, _four(joins))


BOTH, RIGHT, LEFT, ALONE = [1, 1, 0], [0, 1, 0], [1, 0, 0], [0, 0, 0]


def runs(digits):
    return [run.tolist() for run in join_digits(digits, Thresholds().doubtful, Thresholds().sure)]


def test_digits_that_both_agree_are_one_number():
    digits = digits_at([(20, 50), (31, 51), (42, 50), (70, 50)], [RIGHT, BOTH, LEFT, ALONE])
    assert runs(digits) == [[0, 1, 2], [3]]


def test_one_sided_or_distant_or_other_line_digits_stay_apart():
    assert runs(digits_at([(20, 50), (31, 50)], [RIGHT, ALONE])) == [[0], [1]]
    assert runs(digits_at([(20, 50), (60, 50)], [RIGHT, LEFT])) == [[0], [1]]
    assert runs(digits_at([(20, 50), (31, 66)], [RIGHT, LEFT])) == [[0], [1]]


def test_a_digit_joins_its_nearest_partner_only():
    digits = digits_at([(20, 50), (31, 50), (42, 50)], [BOTH, BOTH, BOTH])
    assert runs(digits) == [[0, 1, 2]]


def test_a_faint_digit_is_believed_beside_a_clear_one_and_not_alone():
    digits = digits_at([(20, 50), (31, 50), (90, 50)], [RIGHT, LEFT, ALONE], [0.3, 0.9, 0.3])
    assert runs(digits) == [[0, 1]]


def test_confidence_of_a_number_falls_with_each_doubt():
    def confidence(**change):
        digits = digits_at([(20, 50), (31, 50)], change.get("joins", [RIGHT, LEFT]), change.get("conf"))
        return number_confidence(digits, [np.array([0, 1])])[0]

    assert confidence() == pytest.approx(0.81)
    assert confidence(conf=[0.5, 0.9]) == pytest.approx(0.45)
    assert confidence(joins=[[0, 0.5, 0], [0.5, 0, 0]]) < 0.5
    assert confidence(joins=[[0.5, 1, 0], LEFT]) < confidence()


@given(st.lists(st.tuples(st.integers(10, 240), st.integers(10, 240)), max_size=25), st.integers(0, 2**31))
def test_every_sure_digit_is_in_exactly_one_number(places, seed):
    rng = np.random.default_rng(seed)
    digits = digits_at(places, rng.random((len(places), 3)))
    used = [k for run in runs(digits) for k in run]
    assert sorted(used) == list(range(len(places)))
    for run in join_digits(digits, Thresholds().doubtful, Thresholds().sure):
        assert (np.diff(digits.middles[run, 0]) > 0).all()
