"""What speaks for and against numbers: ink beside them, their column; and how it is weighed."""

import numpy as np
import pytest

from tablesim.digits.certainty import FEATURES, NOT_WHOLE, SPEAKS_FOR, Certainty, certainty_in
from tablesim.digits.column_context import column_context
from tablesim.digits.unexplained_ink import ink_beside
from tablesim.errors import WeightsError
from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Number

UNIT = 20.0


def column(*texts: str, aside: dict[int, float] | None = None) -> tuple[list[Number], np.ndarray]:
    """Numbers of one column set to the right, and their boxes; ``aside`` moves some of them."""
    numbers, boxes = [], []
    for row, text in enumerate(texts):
        right = 100.0 + (aside or {}).get(row, 0.0)
        left, top = right - 12 * len(text), 30.0 * row
        digits = tuple(Digit(int(c), Box(left + 12 * n, top, 11, UNIT), 0.99) for n, c in enumerate(text))
        numbers.append(Number(text, digits, 0.99, 0, row, 0))
        boxes.append([left, top, right, top + UNIT])
    return numbers, np.array(boxes)


def test_a_lone_digit_among_longer_numbers_is_told():
    numbers, boxes = column("13", "14", "15", "16", "7", "18", "19", "20", "21")
    context = column_context(numbers, boxes, UNIT)
    assert context.longer[4] == 1
    assert context.off_step[4] == context.off_step.max() > 1.5
    assert context.longer[[0, 8]].max() <= 0.25
    assert context.on_step[[0, 1, 7, 8]].tolist() == [1, 1, 1, 1]
    assert not context.on_step[4]


def test_minutes_begin_again_after_sixty():
    numbers, boxes = column(*(str(n * 17 % 60).zfill(2) for n in range(12)))
    assert column_context(numbers, boxes, UNIT).on_step.all()


def test_values_without_rule_say_nothing():
    numbers, boxes = column("83", "12", "47", "95", "31", "66", "20", "78", "54", "19")
    context = column_context(numbers, boxes, UNIT)
    assert not context.off_step.any()
    assert not context.on_step.any()


def test_a_number_off_the_edge_of_its_column_is_told():
    numbers, boxes = column(*["12", "9"] * 6, aside={5: 9.0})
    aside = column_context(numbers, boxes, UNIT).aside
    assert aside[5] == pytest.approx(0.45, abs=0.01)
    assert np.delete(aside, 5).max() < 0.01


def test_a_short_column_says_nothing():
    numbers, boxes = column("13", "1", "15")
    assert not column_context(numbers, boxes, UNIT).longer.any()


def page_with(*strokes: tuple[int, int, int, int], ink: float = 1.0) -> np.ndarray:
    page = np.zeros((120, 200), np.float32)
    page[45:65, 100:104] = 1.0  # the stroke of the digit that is read
    for left, top, right, bottom in strokes:
        page[top:bottom, left:right] = ink
    return page


READ = np.array([[97.0, 45, 108, 65]])


@pytest.mark.parametrize(
    ("stroke", "dark", "tall"),
    [((88, 46, 91, 64), True, True), ((86, 54, 94, 57), True, False), ((60, 46, 63, 64), False, False)],
    ids=["a digit", "a dash", "far away"],
)
def test_ink_beside_a_number_that_nothing_explains(stroke, dark, tall):
    beside = ink_beside(page_with(stroke), READ, READ, UNIT)
    assert (beside.dark[0, 0] > 0.2) == dark
    assert (beside.tall[0, 0] > 0.6) == tall
    assert beside.dark[0, 1] == 0


def test_rules_marks_and_other_numbers_are_explained():
    rule = page_with((88, 0, 90, 120))
    assert ink_beside(rule, READ, READ, UNIT).dark.max() < 0.05
    mark = page_with((88, 46, 91, 64))
    explained = np.concatenate([READ, [[87.0, 45, 92, 65]]])
    assert ink_beside(mark, READ, explained, UNIT).dark.max() < 0.05


def test_a_pale_stroke_is_seen_as_pale():
    beside = ink_beside(page_with((88, 46, 91, 64), ink=0.25), READ, READ, UNIT)
    assert beside.dark.max() == 0
    assert beside.pale[0, 0] > 0.2


def weighed(**weights: float) -> Certainty:
    return Certainty(np.array([weights.get(name, 0.0) for name in FEATURES]), np.zeros(len(FEATURES)), 3.0)


def row(**values: float) -> np.ndarray:
    return np.array([[values.get(name, 0.0) for name in FEATURES]])


def test_the_doubts_of_a_number_are_what_speaks_against_it():
    certainty = weighed(tall_left=-4.0, aside=-2.0)
    for features, doubts in (
        (row(), ()),
        (row(tall_left=1.0), (NOT_WHOLE,)),
        (row(tall_left=1.0, aside=1.0), (NOT_WHOLE, "unlike its column")),
        (row(aside=2.0), ("unlike its column",)),
    ):
        assert certainty.doubts(features, certainty.of(features)) == [doubts]


def test_a_clear_digit_with_ink_beside_in_a_column_of_longer_numbers_is_not_whole():
    certainty = weighed()
    features = row(tall_left=0.8, longer=0.75)
    assert certainty.of(features)[0] > 0.95
    assert certainty.doubts(features, certainty.of(features)) == [(NOT_WHOLE,)]


def test_a_certainty_comes_back_from_the_record_of_a_network():
    certainty = weighed(product=1.5, aside=-2.0)
    again = certainty_in({"number_certainty": certainty.to_dict()}, "a.safetensors")
    assert again is not None
    assert again.weights.tolist() == certainty.weights.tolist()
    assert again.intercept == 3.0
    assert certainty_in({}, "a.safetensors") is None


@pytest.mark.parametrize("damage", [{"weights": {"product": 1.0}}, {"intercept": float("nan")}, {"typical": None}])
def test_a_certainty_for_other_features_is_refused(damage):
    with pytest.raises(WeightsError, match=r"a\.safetensors: its number_certainty .* benchmarks/calibrate\.py"):
        certainty_in({"number_certainty": weighed().to_dict() | damage}, "a.safetensors")


def test_each_feature_has_one_sense():
    assert len(set(FEATURES)) == len(FEATURES) > len(SPEAKS_FOR) > 0
