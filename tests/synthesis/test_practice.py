"""Practice pages: seeded, varied, and true."""

import numpy as np
import pytest

from tablesim.synthesis.ageing import Ageing, age
from tablesim.synthesis.faces import FACES
from tablesim.synthesis.practice import _legible, practice_page
from tablesim.synthesis.prose import roman, sentence
from tablesim.synthesis.sheet import Sheet, Style


def test_same_seed_same_page():
    first, second = practice_page(11, 320), practice_page(11, 320)
    assert first.grey.tobytes() == second.grey.tobytes()
    assert first.numbers == second.numbers
    assert practice_page(12, 320).grey.tobytes() != first.grey.tobytes()


def test_pages_hold_all_ten_digits_and_sizes_the_network_is_made_for():
    values, heights, empty = [], [], 0
    for seed in range(14):
        page = practice_page(seed, 400)
        assert page.grey.shape == (400, 400)
        empty += not page.numbers
        for number in page.numbers:
            values += [digit.value for digit in number.digits]
            heights += [digit.box.height for digit in number.digits]
    assert set(values) == set(range(10))
    assert 14 < np.median(heights) < 22
    assert 0 < empty < 10


def test_what_is_too_small_in_the_scan_is_not_asked_for():
    for seed in range(8):
        before = age(_sheet_of_two_sizes(), Ageing(scale=0.35, spread=0.15, grain=0.0), np.random.default_rng(seed))
        after = before.asking(_legible)
        assert {number.text for number in before.numbers} == {"123", "456"}
        assert [number.text for number in after.numbers] == ["456"]
        assert len(after.unasked) == len(before.unasked) + 3


def _sheet_of_two_sizes():
    sheet = Sheet(400, 400, np.random.default_rng(0))
    sheet.write(40, 100, "123", Style(FACES["oldstandard"], 23))
    sheet.write(40, 250, "456", Style(FACES["oldstandard"], 60))
    return sheet


@pytest.mark.parametrize(("number", "letters"), [(4, "iv"), (19, "xix"), (348, "cccxlviij"), (1548, "mdxlviij")])
def test_roman_numerals(number, letters):
    assert roman(number, capital=False) == letters


def test_roman_numerals_stop_at_their_limits():
    with pytest.raises(ValueError, match="expected 1 to 3999"):
        roman(0)


def test_prose_has_no_digits():
    text = sentence(np.random.default_rng(0), 500, "latin") + sentence(np.random.default_rng(1), 500, "greek")
    assert not any(c.isdigit() for c in text)
