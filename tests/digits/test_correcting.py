"""What a person reads stands in the place of what the machine read, and nothing else changes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.bigrams.embedding import histogram
from tablesim.digits.correcting import corrected, meant, shared_out
from tablesim.digits.corrections import Correction
from tablesim.digits.layout import arrange, is_table
from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Number, Reading
from tablesim.records.transform import Transform


def number(text, x, y):
    digits = tuple(Digit(int(figure), Box(x + 10 * at, y, 9, 14), 0.7, (0, 0.2)) for at, figure in enumerate(text))
    return Number(text, digits, 0.7)


@pytest.fixture
def reading():
    """Eight rows of three columns, two figures each, and their arrangement."""
    numbers = [number(f"{10 + 3 * row + column}", 60 * column, 30 * row) for row in range(8) for column in range(3)]
    arranged = tuple(arrange(numbers, unit=14.0))
    return Reading("p.png", "p", "0" * 64, Transform(400, 400), is_table(arranged), 0.7, arranged)


def at(reading, row, column):
    return next(n for n in reading.numbers if (n.row, n.column) == (row, column))


def correction(box, correct, read="x", when=""):
    return Correction("p", box, read, correct, "me", when)


def test_nothing_is_corrected_by_nothing(reading):
    assert corrected(reading, []) is reading


def test_a_figure_is_replaced_and_is_sure(reading):
    before = at(reading, 2, 1)
    after = corrected(reading, [correction(before.box, "99", before.text)])
    made = at(after, 2, 1)
    assert (made.text, made.confidence) == ("99", 1.0)
    assert [(d.value, d.confidence, d.runner_up) for d in made.digits] == [(9, 1.0, None)] * 2
    assert [d.box for d in made.digits] == [d.box for d in before.digits]
    others = [n for n in after.numbers if n is not made]
    assert others == [n for n in reading.numbers if n is not before]
    assert after.histogram is None
    changed = histogram(after) - histogram(reading)
    assert changed[20 + 99 - 10] == pytest.approx(1.0)
    assert changed[20 + int(before.text) - 10] == pytest.approx(-0.7)
    assert np.count_nonzero(np.abs(changed) > 1e-6) == 2


def test_more_or_fewer_figures_share_the_place(reading):
    before = at(reading, 0, 0)
    after = corrected(reading, [correction(before.box, "1·234", before.text)])
    made = at(after, 0, 0)
    assert (made.text, made.digits_text, len(made.digits)) == ("1·234", "1234", 4)
    assert made.box == before.box


def test_an_illegible_figure_carries_no_bigram(reading):
    before = at(reading, 1, 1)
    made = at(corrected(reading, [correction(before.box, "1?", before.text)]), 1, 1)
    assert [(d.value, d.confidence) for d in made.digits] == [(1, 1.0), (None, 1.0)]
    assert made.digits_text == "1?"


def test_a_number_that_is_none_goes_and_a_missing_one_comes_to_its_place(reading):
    missing = at(reading, 4, 2)
    without = corrected(reading, [correction(missing.box, "", missing.text)])
    assert len(without.numbers) == 23
    assert not [n for n in without.numbers if (n.row, n.column) == (4, 2)]
    again = corrected(without, [correction(missing.box, "58", "")])
    assert len(again.numbers) == 24
    assert (at(again, 4, 2).text, at(again, 4, 2).table) == ("58", 0)
    assert again.is_table


def test_two_numbers_that_were_read_as_one_and_one_that_was_read_as_two(reading):
    one = at(reading, 3, 0)
    first, second = shared_out(one.box, 2, 0)
    parted = corrected(reading, [correction(first, "7", one.text), correction(second, "8", one.text)])
    assert sorted(n.text for n in parted.numbers if n.confidence == 1.0) == ["7", "8"]
    assert len(parted.numbers) == 25
    joined = corrected(parted, [correction(one.box, "78")])
    assert len(joined.numbers) == 24
    assert at(joined, 3, 0).text == "78"


def test_three_numbers_that_were_read_as_one():
    whole = number("123456", 0, 0)
    page = Reading("p.png", "p", "0" * 64, Transform(400, 400), False, 0.7, (whole,))
    made = [correction(box, text) for box, text in zip(shared_out(whole.box, 3, 0), ("12", "34", "56"), strict=True)]
    assert [n.text for n in corrected(page, made).numbers] == ["12", "34", "56"]


def test_of_several_about_one_number_the_latest_holds_and_can_take_back(reading):
    before = at(reading, 5, 1)
    made = [correction(before.box, "11", when="2026-01-01"), correction(before.box, before.text, when="2026-01-02")]
    assert at(corrected(reading, made), 5, 1).text == before.text
    assert at(corrected(reading, made[::-1]), 5, 1).text == before.text


def test_when_all_is_struck_out_nothing_is_left(reading):
    struck = corrected(reading, [correction(n.box, "", n.text) for n in reading.numbers])
    assert (struck.numbers, struck.is_table) == ((), False)
    assert not histogram(struck).any()


def test_a_correction_of_an_empty_place_that_says_nothing_changes_nothing(reading):
    after = corrected(reading, [correction(Box(300, 300, 10, 10), "", "5")])
    assert after.numbers == reading.numbers


@pytest.mark.parametrize(("rotation", "order"), [(0, "x"), (90, "-y"), (180, "-x"), (270, "y")])
def test_the_parts_of_a_box_come_in_reading_order(rotation, order):
    parts = shared_out(Box(10, 20, 30, 60), 3, rotation)
    places = np.array([part.centre for part in parts])[:, 0 if "x" in order else 1]
    assert (np.diff(places) < 0).all() == order.startswith("-")
    assert Box.around(parts) == Box(10, 20, 30, 60)
    upright = Transform(100, 100, rotation).to_working(np.array([part.centre for part in parts]))
    assert (np.diff(upright[:, 0]) > 0).all()


@given(st.lists(st.sampled_from(["", "4", "1?", "90", "7·1"]), max_size=6), st.data())
def test_any_corrections_leave_every_other_number_as_it_was(texts, data):
    numbers = [number(f"{10 + k}", 60 * (k % 3), 30 * (k // 3)) for k in range(12)]
    page = Reading("p.png", "p", "0" * 64, Transform(400, 400), False, 0.7, tuple(numbers))
    which = data.draw(st.lists(st.integers(0, 11), min_size=len(texts), max_size=len(texts), unique=True))
    made = [correction(numbers[k].box, text) for k, text in zip(which, texts, strict=True)]
    after = corrected(page, made)
    kept = {n.box: n.text for n in after.numbers}
    expected = {n.box: n.text for n in numbers} | {numbers[k].box: t for k, t in zip(which, texts, strict=True)}
    assert kept == {box: text for box, text in expected.items() if text}


def test_what_a_correction_is_about():
    numbers = [number("12", 0, 0), number("34", 100, 0)]
    assert meant(correction(Box(0, 0, 19, 14), "1"), numbers) == [0]
    assert meant(correction(Box(0, 0, 130, 14), "1"), numbers) == [0, 1]
    assert meant(correction(Box(100, 0, 9, 14), "1"), numbers) == [1]
    assert meant(correction(Box(50, 0, 20, 14), "1"), numbers) == []
