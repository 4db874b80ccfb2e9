"""Confidences are brought to what they are worth, and how far they lie off is measured."""

import numpy as np
import pytest

from tablesim.digits.calibration import (
    as_probabilities,
    calibration_in,
    expected_calibration_error,
    fit_calibration,
    logits_of,
    reliability,
)
from tablesim.digits.peaks import Calibration
from tablesim.errors import WeightsError
from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Number


def test_calibration_finds_the_line_behind_the_answers():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, 20_000)
    right = rng.random(20_000) < 1 / (1 + np.exp(-(1.7 * logits - 0.6)))
    line = fit_calibration(logits, right)
    assert line.slope == pytest.approx(1.7, abs=0.08)
    assert line.shift == pytest.approx(-0.6, abs=0.08)


def test_answers_of_one_kind_leave_the_activations_alone():
    assert fit_calibration(np.zeros(4), np.ones(4, dtype=bool)) == Calibration()
    assert fit_calibration(np.zeros(0), np.zeros(0, dtype=bool)) == Calibration()


def test_answers_that_a_threshold_parts_have_a_finite_line():
    logits = np.array([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0])
    line = fit_calibration(logits, logits > 0)
    assert 0.3 < line.slope < 3
    assert line.shift == pytest.approx(0, abs=0.01)


def test_a_saturated_confidence_does_not_decide_a_calibration():
    confidence = np.array([0.2, 0.4, 0.6, 1.0])
    right = np.array([False, True, True, True])
    assert fit_calibration(logits_of(confidence), right).slope < 5
    with pytest.raises(ValueError, match="got a logit that is not finite"):
        fit_calibration(np.array([-1.4, -0.4, 0.4, np.inf]), right)


def test_a_threshold_is_no_calibration():
    logits = np.repeat([0.0, 1e-3], 50)
    with pytest.raises(WeightsError, match=r"calibration on 100 answers: got a slope of .*expected at most 20"):
        fit_calibration(logits, logits > 0)


def test_calibration_goes_both_ways():
    line = Calibration(2.0, -1.0)
    assert line.of_logit(np.array([line.least_logit(0.3)])) == pytest.approx([0.3])
    assert line.of_activation(np.array([0.5])) == pytest.approx([1 / (1 + np.e)])
    assert np.isfinite(logits_of(np.array([0.0, 1.0]))).all()
    assert Calibration().of_logit(logits_of(np.array([0.25]))) == pytest.approx([0.25])


def test_calibration_error_by_hand():
    confidence = np.repeat([0.2, 0.8], 50)
    right = np.concatenate([np.arange(50) % 5 == 0, np.arange(50) % 5 > 0])
    assert expected_calibration_error(confidence, right) == pytest.approx(0.0, abs=1e-12)
    assert expected_calibration_error(np.full(100, 0.9), np.zeros(100, dtype=bool)) == pytest.approx(0.9)
    assert expected_calibration_error(np.zeros(0), np.zeros(0, dtype=bool)) == 0


def test_bins_hold_equal_counts_in_rising_order():
    rng = np.random.default_rng(1)
    bins = reliability(rng.random(1003), rng.random(1003) < 0.5)
    assert sorted(each.count for each in bins) == [100] * 7 + [101] * 3
    assert [each.confidence for each in bins] == sorted(each.confidence for each in bins)
    few = reliability(np.array([0.9, 0.1]), np.array([True, False]))
    assert [(each.count, each.confidence, each.right) for each in few] == [(1, 0.1, 0.0), (1, 0.9, 1.0)]


def number(*digits, confidence):
    made = [Digit(value, Box(10.0 * n, 0, 8, 12), sure, (8, rival)) for n, (value, sure, rival) in enumerate(digits)]
    return Number("".join(str(digit.value) for digit in made), tuple(made), confidence, 0, 1, 2)


def test_confidences_leave_the_reader_as_probabilities():
    read = number((1, 0.5, 0.25), (2, 0.9, 0.1), confidence=0.4)
    found = as_probabilities([read], Calibration(1.0, 2.0), Calibration(0.5, 1.0))[0]

    logistic = 1 / (1 + np.exp(-2.0))
    assert found.digits[0].confidence == pytest.approx(logistic)
    # Half of the doubt was the runner-up's, and still is; all of it in the second digit.
    assert found.digits[0].runner_up == (8, pytest.approx((1 - logistic) / 2))
    assert found.digits[1].runner_up == (8, pytest.approx(1 - found.digits[1].confidence))
    assert found.confidence == pytest.approx(1 / (1 + np.exp(-(0.5 * np.log(0.4 / 0.6) + 1))))
    assert (found.text, found.table, found.row, found.column) == ("12", 0, 1, 2)
    assert [digit.box for digit in found.digits] == [digit.box for digit in read.digits]
    same = as_probabilities([read], Calibration(), Calibration())[0]
    assert same.confidence == pytest.approx(read.confidence)
    assert [digit.runner_up[1] for digit in same.digits] == pytest.approx([0.25, 0.1])


def test_a_record_without_a_calibration_changes_nothing():
    assert calibration_in({}, "number_calibration", "w.safetensors") == Calibration()
    record = {"number_calibration": {"slope": 0.9, "shift": 3}}
    assert calibration_in(record, "number_calibration", "w.safetensors") == Calibration(0.9, 3.0)


@pytest.mark.parametrize(
    "given",
    [3, {"slope": 1.0}, {"slope": 0, "shift": 1}, {"slope": "1", "shift": 1}, {"slope": float("nan"), "shift": 1}],
)
def test_a_record_that_is_no_calibration_names_its_file(given):
    with pytest.raises(
        WeightsError, match=r"w.safetensors: its calibration is .* expected a slope above 0 and a shift"
    ):
        calibration_in({"calibration": given}, "calibration", "w.safetensors")
