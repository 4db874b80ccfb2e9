"""A second look reads the image at the place of a number in doubt, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from tablesim.digits.certainty import FEATURES
from tablesim.digits.detection import detect_page
from tablesim.digits.number_features import number_features
from tablesim.digits.page import _arranged
from tablesim.digits.second_look import AGREES, CHANGED, DIFFERS, in_doubt, second_looks, with_changes, with_looks
from tablesim.reader import load_network
from tablesim.synthesis.ageing import Ageing, age
from tablesim.synthesis.faces import FACES
from tablesim.synthesis.sheet import Sheet, Style


@pytest.fixture(scope="module")
def reader():
    return load_network().digit_reader


@pytest.fixture(scope="module")
def detection(reader):
    sheet = Sheet(900, 900, np.random.default_rng(0))
    style = Style(FACES["fell-english"], 50)
    for row in range(10):
        for column in range(4):
            sheet.write(100 + 180 * column, 100 + 75 * row, str(23 + row + 10 * column), style)
    scan = age(sheet, Ageing(scale=0.6, grain=0.1), np.random.default_rng(1))
    return detect_page(reader, scan.grey)


def without_first_digit(detection, run):
    """The detection as it is where the first digit of a number is too pale, and nothing says that one is missing."""
    joins = detection.digits.joins.copy()
    joins[run[1], 0] = 0.0
    digits = replace(detection.digits, joins=joins)
    return replace(detection, digits=digits.take(np.setdiff1d(np.arange(len(digits)), run[:1])))


def texts(page):
    return sorted(number.text for number in page.numbers)


def test_a_number_read_rightly_is_read_again(reader, detection):
    page = _arranged(reader, detection)
    looks = second_looks(reader, page, [0, 7])
    assert {look.verdict for look in looks.values()} == {AGREES}
    features = with_looks(number_features(page), page, looks)
    assert features[:, FEATURES.index("second_agrees")].sum() == 2


def test_a_digit_that_was_missed_is_found_and_the_number_is_read_whole(reader, detection):
    whole = _arranged(reader, detection)
    k = next(k for k, number in enumerate(whole.numbers) if number.text == "47")
    page = _arranged(reader, without_first_digit(detection, whole.runs[k]))
    lone = next(k for k, number in enumerate(page.numbers) if number.text == "7")
    looks = second_looks(reader, page, [lone])
    assert looks[lone].verdict == CHANGED
    assert looks[lone].digits.values.tolist() == [4, 7]
    again = _arranged(reader, replace(page.detection, digits=with_changes(page, looks)))
    assert texts(again) == texts(whole)
    features = with_looks(number_features(again), again, looks)
    changed = [again.numbers[n].text for n in np.flatnonzero(features[:, FEATURES.index("second_changed")])]
    assert changed == ["47"]


def test_another_value_is_doubt_and_no_correction(reader, detection):
    page = _arranged(reader, detection)
    digits = page.detection.digits
    values = digits.values.copy()
    values[page.runs[5]] = (values[page.runs[5]] + 1) % 10
    page = replace(page, detection=replace(page.detection, digits=replace(digits, values=values)))
    assert second_looks(reader, page, [5])[5].verdict == DIFFERS


def test_a_lone_digit_with_ink_beside_in_a_column_of_longer_ones_is_looked_at_first(reader, detection):
    whole = _arranged(reader, detection)
    k = next(k for k, number in enumerate(whole.numbers) if number.text == "47")
    page = _arranged(reader, without_first_digit(detection, whole.runs[k]))
    assert page.numbers[in_doubt(number_features(page))[0]].text == "7"


def test_second_looks_stay_within_their_share_of_the_page(reader, detection):
    page = _arranged(reader, detection)
    assert 0 < len(second_looks(reader, page, range(len(page.numbers)))) < len(page.numbers) / 2
    assert second_looks(reader, page, []) == {}
