"""A row or column that reads as words read is no figures; a misread figure in a good line stays, in doubt."""

import numpy as np
import pytest

from tablesim.digits.certainty import FEATURES, Certainty
from tablesim.digits.lines_of_words import without_lines_of_words
from tablesim.digits.number_features import NumbersOfPage
from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Ditto, Number

ROWS, COLUMNS = 8, 5
# A feature that is the logit of the confidence, so that a test can choose it.
BY_PRODUCT = Certainty(np.eye(len(FEATURES))[FEATURES.index("product")])


def page(*tables, dittos=()):
    """Tables with the confidences of arrays (rows, columns), and an improbable number in no table."""
    numbers, sure = [], []
    for table, confidence in enumerate(tables):
        for (row, column), one in np.ndenumerate(confidence):
            numbers.append(_number(f"{table}{row}{column}", table, row, column))
            sure.append(one)
    numbers.append(_number("5", None, None, None))
    sure.append(0.05)
    features = np.zeros((len(numbers), len(FEATURES)))
    features[:, FEATURES.index("product")] = np.log(np.array(sure) / (1 - np.array(sure)))
    return NumbersOfPage(numbers, [np.array([at]) for at in range(len(numbers))], None, None, 20.0, dittos, features)


def _number(text, table, row, column):
    return Number(text, tuple(Digit(int(c), Box(0, 0, 9, 20), 0.9) for c in text), 0.9, table, row, column)


def cells(page):
    return {number.text: (number.table, number.row, number.column) for number in page.numbers}


def sure(value=0.95):
    return np.full((ROWS, COLUMNS), value)


def test_a_column_and_a_row_of_words_are_left_out_and_the_rest_is_counted_anew():
    confidence = sure()
    confidence[0], confidence[:, 2] = 0.1, 0.15
    dittos = [Ditto(Box(0, 0, 9, 9), 0.9, 0, 3, 2), Ditto(Box(0, 0, 9, 9), 0.9, 0, 4, 3)]
    kept = without_lines_of_words(page(confidence, sure()[:3, :1], dittos=dittos), BY_PRODUCT)
    expected = {
        f"0{row}{column}": (0, row - 1, column - (column > 2)) for row in range(1, ROWS) for column in (0, 1, 3, 4)
    }
    other = {f"1{row}0": (1, row, 0) for row in range(3)}
    assert cells(kept) == expected | other | {"5": (None, None, None)}
    assert len(kept.numbers) == len(kept.runs) == len(kept.features)
    assert [(ditto.row, ditto.column) for ditto in kept.dittos] == [(3, 2)]
    # Runs and features stay with their numbers.
    assert kept.runs[0].tolist() == [COLUMNS]


def test_a_count_beside_three_names_that_look_like_numbers_is_in_no_row_of_words():
    confidence = sure()
    confidence[:, [0, 2, 4]] = 0.1
    confidence[3, [1, 3]] = 0.4
    kept = without_lines_of_words(page(confidence, sure()), BY_PRODUCT)
    first = {text: cell for text, cell in cells(kept).items() if text.startswith("0")}
    assert first == {f"0{row}{column}": (0, row, column // 2) for row in range(ROWS) for column in (1, 3)}


def test_where_most_rows_hold_names_the_columns_of_names_are_left_out_all_the_same():
    confidence = sure()
    confidence[:, [0, 2, 4]] = 0.1
    kept = without_lines_of_words(page(confidence), BY_PRODUCT)
    assert {number.text for number in kept.numbers} == {
        f"0{row}{column}" for row in range(ROWS) for column in (1, 3)
    } | {"5"}
    # Of the faint lines of such a page only those are left out that are hardly ever right.
    confidence[:, [0, 2, 4]] = 0.25
    whole = page(confidence)
    assert without_lines_of_words(whole, BY_PRODUCT) is whole


def test_of_a_table_of_words_nothing_is_left_and_the_tables_are_counted_anew():
    kept = without_lines_of_words(page(sure(0.1)[:3, :3], sure()), BY_PRODUCT)
    assert {number.table for number in kept.numbers} == {0, None}
    assert len(kept.numbers) == ROWS * COLUMNS + 1


@pytest.mark.parametrize(
    "confidence",
    [
        pytest.param(sure(), id="a good table"),
        pytest.param(sure(0.2), id="a faint page: every line is improbable"),
        pytest.param(np.where(np.eye(ROWS, COLUMNS) > 0, 0.02, sure()), id="misread figures in good lines"),
    ],
)
def test_else_all_numbers_stay(confidence):
    whole = page(confidence)
    assert without_lines_of_words(whole, BY_PRODUCT) is whole


def test_two_numbers_are_no_line():
    whole = page(np.full((2, 1), 0.05))
    assert without_lines_of_words(whole, BY_PRODUCT) is whole
