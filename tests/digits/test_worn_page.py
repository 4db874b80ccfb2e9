"""Of a worn page several passes are taken in the mean; a clear page is read once."""

from types import SimpleNamespace

import numpy as np
import pytest

from tablesim.digits.numbers import Thresholds
from tablesim.digits.passes import Detection
from tablesim.digits.peaks import DigitPeaks
from tablesim.digits.worn_page import OF_MEAN, PASSES, mean_of_passes, read_if_worn
from tablesim.records.transform import Transform

WIDTH, HEIGHT, SIDE = 12.0, 18.0, 400


def digits(*seen):
    """Digits (value, confidence, runner-up, its confidence, x) on one line; each is joined with its confidence."""
    value, sure, second, less, x = np.array(seen, dtype=np.float64).reshape(-1, 5).T
    boxes = np.column_stack([x, np.full_like(x, 50), x + WIDTH, np.full_like(x, 50 + HEIGHT)])
    joins = np.repeat(sure[:, None], 4, axis=1)
    return DigitPeaks(value.astype(np.int64), sure, second.astype(np.int64), less, boxes, joins)


def at(found, x):
    return found.take(np.abs(found.boxes[:, 0] - x) < 5)


def mean(*confidence):
    return OF_MEAN.of_activation(np.array([sum(confidence) / 3]))[0]


def test_each_value_has_the_mean_of_what_the_passes_say_and_the_best_one_wins():
    passes = [
        digits((6, 0.5, 5, 0.3, 100), (1, 0.6, 7, 0.0, 200)),
        digits((5, 0.7, 6, 0.2, 102), (1, 0.9, 7, 0.0, 201)),
        digits((6, 0.6, 8, 0.1, 99), (4, 0.9, 1, 0.0, 300)),
    ]
    found = mean_of_passes(passes)
    assert len(found) == 3
    doubtful, worn, once = (at(found, x) for x in (100, 200, 300))
    assert (doubtful.values[0], doubtful.runner_up[0]) == (6, 5)
    assert doubtful.confidence[0] == pytest.approx(mean(0.5, 0.2, 0.6))
    assert doubtful.runner_up_confidence[0] == pytest.approx(mean(0.3, 0.7))
    assert worn.confidence[0] == pytest.approx(mean(0.6, 0.9))
    assert once.confidence[0] == pytest.approx(mean(0.9))
    # Joins weigh as much as their digit.
    assert worn.joins[0] == pytest.approx((0.6**2 + 0.9**2) / (0.6 + 0.9))


def test_passes_that_see_nothing_lower_the_confidence_alone():
    some = digits((6, 0.9, 5, 0.1, 100))
    found = mean_of_passes([some, DigitPeaks.empty(), DigitPeaks.empty()])
    assert found.boxes.tolist() == some.boxes.tolist()
    assert found.confidence[0] == pytest.approx(mean(0.9))
    assert not len(mean_of_passes([DigitPeaks.empty()] * 3))


class Reader:
    """Sees eleven digits in each pass, in its own pixels, and keeps what it was asked."""

    thresholds = Thresholds()

    def __init__(self):
        self.asked = []

    def detect(self, grey, transform, threshold, marks):
        self.asked.append((round(transform.scale, 3), float(grey.std())))
        clear = digits(*((3, 0.9, 5, 0.0, 20 + 30 * k) for k in range(10)), (7, 0.04, 1, 0.0, 350))
        return Detection(transform, clear.scaled(transform.scale / 2), np.full((2, 2), float(len(self.asked))))


def page():
    """Noise, and its transform at scale 2."""
    grey = np.random.default_rng(5).integers(0, 255, (SIDE, SIDE), dtype=np.uint8)
    return grey, Transform(source_width=SIDE, source_height=SIDE, scale=2.0)


def test_a_worn_page_is_read_at_several_scales_and_smoothings_into_the_pixels_of_its_main_pass():
    grey, transform = page()
    worn = digits(*((3, 0.9 if k < 8 else 0.4, 5, 0.0, 20 + 30 * k) for k in range(12)))
    reader = Reader()
    found = read_if_worn(reader, grey, Detection(transform, worn, np.zeros((1, 1))), np.zeros((0, 4)))
    assert [scale for scale, _ in reader.asked] == [round(2 * scale, 3) for scale, *_ in PASSES]
    assert max(spread for _, spread in reader.asked) < 0.8 * grey.std()
    # The ink and transform of the first pass; the same digit of each pass in one place; the faintest is left out.
    assert (found.transform, found.ink[0, 0]) == (transform, 1.0)
    assert sorted(found.digits.boxes[:, 0].tolist()) == pytest.approx([20 + 30 * k for k in range(10)])
    assert found.digits.confidence == pytest.approx(mean(0.9, 0.9, 0.9))


@pytest.mark.parametrize(
    "confidence",
    [pytest.param([0.9] * 10 + [0.2] * 3, id="mostly clear"), pytest.param([0.9] * 3 + [0.2] * 20, id="no figures")],
)
def test_other_pages_are_read_once(confidence):
    grey, transform = page()
    main = Detection(transform, digits(*((3, c, 5, 0.0, 20.0 * k) for k, c in enumerate(confidence))), np.zeros((1, 1)))
    reader = SimpleNamespace(thresholds=Thresholds())
    assert read_if_worn(reader, grey, main, np.zeros((0, 4))) is main
