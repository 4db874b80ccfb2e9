"""Validation counts what is right, and calibrates confidences."""

import numpy as np
import pytest
import torch

from tablesim.digits.calibration import Calibration
from tablesim.digits.network import DigitMaps, DigitNetwork, NetworkShape
from tablesim.digits.numbers import Thresholds
from tablesim.digits.passes import DigitReader
from tablesim.digits.training.validation import (
    reliability_report,
    validate,
    validate_scans,
    validate_whole_pages,
    validation_pages,
)
from tablesim.reader import load_network
from tablesim.records.marks import MARKS
from tablesim.synthesis.practice import practice_page


def untrained():
    torch.manual_seed(0)
    return DigitNetwork(NetworkShape(4, 8, 8, (1,))).eval()


def test_an_untrained_network_reads_nothing_right():
    found = validate(untrained(), seeds=range(10**9, 10**9 + 2), size=256)
    assert found.n_pages == 2
    assert found.recall < 0.2
    assert found.f1_digits < 0.2
    assert found.confusion.shape == (10, 10)
    assert set(found.to_dict()) >= {"digit_precision", "digit_recall", "f1_numbers", "calibration_error", "bins"}


class Saturated(torch.nn.Module):
    """Finds every third digit of a page, the surer the rarer wrong; but the first, whose sigmoid is 1, is wrong."""

    def __init__(self, scan):
        super().__init__()
        self.digits = [digit for number in scan.numbers for digit in number.digits][::3]
        self.logits = [40.0, *np.linspace(-1, 5, len(self.digits) - 1)]
        self.wrong = {0, *range(1, 20, 3), 28}

    def forward(self, ink):
        height, width = ink.shape[-2:]
        maps = torch.full((1, 10, height // 2, width // 2), -9.0)
        for n, (digit, logit) in enumerate(zip(self.digits, self.logits, strict=True)):
            x, y = digit.box.centre
            maps[0, (digit.value + (n in self.wrong)) % 10, int(y // 2), int(x // 2)] = float(logit)
        quarter = (height // 4, width // 4)
        return DigitMaps(
            maps,
            torch.full((1, len(MARKS), height // 2, width // 2), -9.0),
            torch.zeros(1, 4, *quarter),
            torch.full((1, 4, *quarter), 0.4),
        )


def test_a_saturated_activation_does_not_ruin_the_calibration():
    scan = practice_page(10**9 + 1, 384, kind="table")
    calibration = validate_scans(Saturated(scan), [scan]).calibration
    # With an infinite loss every line is as good as the first one tried.
    assert calibration != Calibration()
    assert 0.1 <= calibration.slope < 1


def test_an_untrained_network_reads_no_whole_page_either():
    found = validate_whole_pages(DigitReader(untrained(), Calibration(), Thresholds()), validation_pages(1))
    assert found.score.pages == 1
    assert found.score.numbers.missed > 0
    assert found.score.f1_numbers < 0.1
    assert found.neighbours.both.share < 0.1


def test_the_bundled_network_reads_a_whole_page_that_it_has_not_seen():
    found = validate_whole_pages(load_network().digit_reader, validation_pages(2))
    assert found.score.f1_numbers > 0.9
    assert found.neighbours.both.share > 0.85
    assert found.numbers.error < 0.1
    assert set(found.to_dict()) >= {"neighbours", "calibration_error_numbers", "calibration_error_digits"}


def test_the_reliability_of_confidences_is_measured_on_pages_that_did_not_calibrate_them():
    rng = np.random.default_rng(2)
    confidence = rng.uniform(0.05, 0.95, (2, 4000))
    honest = [(page, rng.random(4000) < page) for page in confidence]
    assert reliability_report(honest).error < 0.03
    assert reliability_report(honest).calibration.slope == pytest.approx(1.0, abs=0.1)
    # One page is always right, the other never: each half's calibration is useless on the other.
    apart = [(confidence[0], rng.random(4000) < 0.98), (confidence[1], rng.random(4000) < 0.02)]
    assert reliability_report(apart).error > 0.9
    assert reliability_report([]).error == 0
