"""A number in no table stays by its digits, or, of several digits, by all that speaks for and against it."""

import numpy as np
import pytest

from tablesim.digits.certainty import FEATURES, Certainty
from tablesim.digits.lone_numbers import EXAMINED, LIKELY, is_accepted, without_unlikely
from tablesim.digits.number_features import NumbersOfPage
from tablesim.digits.numbers import Thresholds
from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Number

THRESHOLDS = Thresholds()
# A feature that is the logit of the probability, so that a test can choose it.
BY_PRODUCT = Certainty(np.eye(len(FEATURES))[FEATURES.index("product")])


def number(text, confidence, table=None):
    digits = tuple(Digit(int(c), Box(9 * k, 0, 9, 20), 0.9) for k, c in enumerate(text))
    place = (table, 0, 0) if table is not None else (None, None, None)
    return Number(text, digits, confidence, *place)


def page(*numbers_and_probabilities):
    numbers = [one for one, _ in numbers_and_probabilities]
    sure = np.array([probability for _, probability in numbers_and_probabilities])
    features = np.zeros((len(numbers), len(FEATURES)))
    features[:, FEATURES.index("product")] = np.log(sure / (1 - sure))
    return NumbersOfPage(numbers, [np.array([k]) for k in range(len(numbers))], None, None, 20.0, features=features)


@pytest.mark.parametrize(
    ("one", "accepted", "when_examined"),
    [
        pytest.param(number("1679", THRESHOLDS.alone), True, True, id="clear"),
        pytest.param(number("1679", EXAMINED), False, True, id="one unclear digit"),
        pytest.param(number("1679", EXAMINED - 0.01), False, False, id="faint"),
        pytest.param(number("7", 0.7), False, False, id="one digit may be a letter"),
        pytest.param(number("7", THRESHOLDS.number, table=0), True, True, id="in a table"),
    ],
)
def test_what_may_be_a_number(one, accepted, when_examined):
    assert is_accepted(one, THRESHOLDS, examined=False) is accepted
    assert is_accepted(one, THRESHOLDS, examined=True) is when_examined


def test_examined_numbers_stay_where_they_are_likely_and_all_others_stay_anyway():
    whole = page(
        (number("1679", 0.4), LIKELY + 0.01),
        (number("31", 0.4), LIKELY - 0.01),
        (number("29", 0.9), 0.05),
        (number("46", 0.1, table=0), 0.05),
    )
    kept = without_unlikely(whole, THRESHOLDS, BY_PRODUCT)
    assert [one.text for one in kept.numbers] == ["1679", "29", "46"]
    # Runs and features stay with their numbers.
    assert [run.tolist() for run in kept.runs] == [[0], [2], [3]]
    assert kept.features.tolist() == whole.features[[0, 2, 3]].tolist()
    assert without_unlikely(kept, THRESHOLDS, BY_PRODUCT) is kept


def test_a_page_without_numbers_stays_so():
    assert not without_unlikely(page(), THRESHOLDS, BY_PRODUCT).numbers
