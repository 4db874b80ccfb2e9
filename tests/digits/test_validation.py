"""Calibration is worth what it says, and validation counts what is right."""

import numpy as np
import pytest
import torch

from tablesim.digits.network import DigitNetwork, Shape
from tablesim.digits.peaks import Calibration
from tablesim.digits.validation import expected_calibration_error, fit_calibration, validate


def test_calibration_finds_the_line_behind_the_answers():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, 20_000)
    right = rng.random(20_000) < 1 / (1 + np.exp(-(1.7 * logits - 0.6)))
    line = fit_calibration(logits, right)
    assert line.slope == pytest.approx(1.7, abs=0.08)
    assert line.shift == pytest.approx(-0.6, abs=0.08)


def test_answers_of_one_kind_leave_the_activations_alone():
    assert fit_calibration(np.zeros(4), np.ones(4, dtype=bool)) == Calibration()


def test_calibration_goes_both_ways():
    line = Calibration(2.0, -1.0)
    assert line.of_logit(np.array([line.least_logit(0.3)])) == pytest.approx([0.3])
    assert line.of_activation(np.array([0.5])) == pytest.approx([1 / (1 + np.e)])


def test_calibration_error_by_hand():
    confidence = np.repeat([0.2, 0.8], 50)
    right = np.concatenate([np.arange(50) % 5 == 0, np.arange(50) % 5 > 0])
    assert expected_calibration_error(confidence, right) == pytest.approx(0.0, abs=1e-12)
    assert expected_calibration_error(np.full(100, 0.9), np.zeros(100, dtype=bool)) == pytest.approx(0.9)
    assert expected_calibration_error(np.zeros(0), np.zeros(0, dtype=bool)) == 0


def test_an_untrained_network_reads_nothing_right():
    torch.manual_seed(0)
    found = validate(DigitNetwork(Shape(4, 8, 8, (1,))).eval(), seeds=range(10**9, 10**9 + 2), size=256)
    assert found.n_pages == 2
    assert found.recall < 0.2
    assert found.confusion.shape == (10, 10)
    assert set(found.to_dict()) >= {"digit_precision", "digit_recall", "f1_numbers", "calibration_error"}
