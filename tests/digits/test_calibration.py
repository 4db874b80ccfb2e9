"""Confidences are brought to what they are worth, and how far they lie off is measured."""

import numpy as np
import pytest

from tablesim.digits.calibration import expected_calibration_error, fit_calibration, logits_of, reliability
from tablesim.digits.peaks import Calibration


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
