import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.digits.evaluation.alignment import align
from tablesim.digits.evaluation.scores import ErrorCounts, ReadingScore, pearson, total
from tablesim.digits.evaluation.transcription import parse_transcription
from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Number, Reading
from tablesim.records.transform import Transform

digit_strings = st.lists(st.from_regex(r"[0-9]{1,4}", fullmatch=True), max_size=20)


def number(text: str, x: float = 0, y: float = 0) -> Number:
    digits = tuple(
        Digit(None if sign == "?" else int(sign), Box(x + 10 * i, y, 8, 12), 0.9) for i, sign in enumerate(text)
    )
    return Number(text, digits, 0.9)


def scored(numbers, page):
    return align(Reading("", "", "", Transform(1000, 1000), True, 1.0, tuple(numbers)), page).score()


def test_hits_false_ones_and_misses_are_those_of_multisets():
    page = parse_transcription("12 | 12 | 0 | 7")
    score = scored([number("12"), number("0"), number("0"), number("45")], page)

    assert score.numbers == ErrorCounts(hits=2, false=2, missed=2)
    # digits read 1 2 0 0 4 5, printed 1 2 1 2 0 7
    assert score.digits == ErrorCounts(hits=3, false=3, missed=3)
    assert score.f1_numbers == 0.5
    assert score.f1_digits == 0.5
    assert score.bins_true[10 + 12] == 2
    assert score.bins_true[[0, 7]].tolist() == [1, 1]
    assert score.bins_true.sum() == 4
    assert score.pearson == pytest.approx(np.corrcoef(score.bins_read, score.bins_true)[0, 1], abs=1e-12)


def test_a_number_with_its_centre_in_an_ignore_box_does_not_count():
    page = parse_transcription("# ignore 0 0 100 50\n12")
    inside, across = number("348", 40, 20), number("12", 91, 20)  # the second has its centre at x = 100: on the edge

    assert scored([inside, across], page).numbers == ErrorCounts(0, 0, 1)
    assert scored([inside, number("12", 92, 20)], page).numbers == ErrorCounts(1, 0, 0)


def test_raised_points_do_not_count_and_an_illegible_digit_makes_the_number_false():
    page = parse_transcription("9.965 | 41")
    reading = [Number("9·965", number("9965").digits, 1.0), number("4?")]
    score = scored(reading, page)

    assert score.numbers == ErrorCounts(1, 1, 1)
    assert score.digits == ErrorCounts(hits=5, false=0, missed=1)
    assert score.bins_read[4] == 1


def test_pages_are_summed_before_scores_are_taken():
    pages = [parse_transcription("1 2 3 4"), parse_transcription("55 66")]
    scores = [scored([number("1")], pages[0]), scored([number("55"), number("66")], pages[1])]
    both = total(scores)

    assert both.numbers == ErrorCounts(3, 0, 3)
    assert both.f1_numbers == pytest.approx(2 / 3)
    assert both.pages == 2
    assert both.bins_true.sum() == 6
    assert both.to_dict()["numbers"] == {"hits": 3, "false": 0, "missed": 3}
    assert total([]).to_dict()["f1_numbers"] == 1.0


def test_a_flat_histogram_correlates_with_its_equal_alone():
    assert pearson(np.zeros(110), np.zeros(110)) == 1.0
    assert pearson(np.zeros(110), np.arange(110)) == 0.0


@given(digit_strings)
def test_a_perfect_reading_scores_one(texts):
    page = parse_transcription(" ".join(texts))
    score = scored([number(text) for text in reversed(texts)], page)

    assert (score.f1_numbers, score.f1_digits) == (1.0, 1.0)
    assert score.pearson == pytest.approx(1.0)
    assert score.numbers.hits == len(texts)


@given(digit_strings, digit_strings)
def test_what_is_counted_adds_up(read, printed):
    counts = ErrorCounts.of(read, printed)

    assert counts.hits + counts.false == len(read)
    assert counts.hits + counts.missed == len(printed)
    assert ErrorCounts.of(printed, read) == ErrorCounts(counts.hits, counts.missed, counts.false)
    if counts.precision + counts.recall > 0 and (read or printed):
        assert counts.f1 == pytest.approx(2 * counts.precision * counts.recall / (counts.precision + counts.recall))


def test_scores_without_pages_are_the_neutral_element():
    score = scored([number("12")], parse_transcription("12 13"))

    assert (ReadingScore(pages=0) + score).to_dict() == score.to_dict()
