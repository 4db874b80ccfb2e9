"""Which number is which: by order against a transcription, by place against a synthesized page."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.digits.evaluation.alignment import Alignment, PrintedNumber, align, judged_digits
from tablesim.digits.evaluation.scores import NeighbourRecall, TableNeighbourRecall, neighbour_pairs
from tablesim.digits.evaluation.transcription import parse_transcription
from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Number, Reading
from tablesim.records.transform import Transform
from tablesim.records.truth import PageTruth, TrueDigit, TrueNumber

cells = st.lists(st.lists(st.from_regex(r"[0-9]{1,3}", fullmatch=True), min_size=2, max_size=5), min_size=1, max_size=6)


def number(text, x, y, cell=(None, None, None), confidence=0.9):
    digits = tuple(
        Digit(None if digit == "?" else int(digit), Box(x + 10 * i, y, 8, 14), confidence)
        for i, digit in enumerate(text)
    )
    return Number(text, digits, confidence, *cell)


def reading(numbers, transform=None):
    transform = transform or Transform(1000, 1000)
    return Reading("p.png", "p", "0" * 64, transform, True, 1.0, tuple(numbers))


def grid(rows, *, table=0, left=50, top=50, first_column=0):
    """Numbers in rows and columns, 60 pixels apart across and 30 down; a blank text leaves its cell blank."""
    return [
        number(text, left + 60 * c, top + 30 * r, (table, r, first_column + c))
        for r, row in enumerate(rows)
        for c, text in enumerate(row)
        if text
    ]


def paired(aligned):
    return [(aligned.read[k].digits_text, aligned.printed[j].digits_text) for k, j in aligned.pairs]


def test_a_misread_number_meets_what_it_was_misread_from_and_gaps_stay_gaps():
    page = parse_transcription("1 | 12 0 | 30\n2 | 12 15 | 31\n3 | 12 30 | 32\n4 | 12 45 | 33")
    rows = [["1", "12", "0", "30"], ["2", "18", "15", ""], ["4", "12", "45", "33"]]
    aligned = align(reading([*grid(rows), number("99", 900, 20)]), page)

    assert paired(aligned) == [
        *[("1", "1"), ("12", "12"), ("0", "0"), ("30", "30")],
        *[("2", "2"), ("18", "12"), ("15", "15")],
        *[("4", "4"), ("12", "12"), ("45", "45"), ("33", "33")],
    ]
    assert [aligned.printed[j].row for _, j in aligned.pairs] == [0] * 4 + [1] * 3 + [3] * 4
    confidence, right = aligned.judged()
    assert len(confidence) == 12
    assert [n.digits_text for n, ok in zip(aligned.read, right, strict=True) if not ok] == ["18", "99"]


@pytest.mark.parametrize("one_table", [True, False])
def test_halves_may_be_read_as_one_table_or_as_two(one_table):
    page = parse_transcription("1 | 10 || 4 | 40\n2 | 20 || 5 | 50\n3 | 30 || 6 | 60")
    left = grid([["1", "10"], ["2", "20"], ["3", "30"]])
    # As two tables the right half stands well below the left one, as in a reading that missed its first rows' level.
    right = grid(
        [["4", "40"], ["5", "50"], ["6", "60"]],
        table=0 if one_table else 1,
        left=400,
        top=50 if one_table else 65,
        first_column=2 if one_table else 0,
    )
    aligned = align(reading([*left, *right]), page)

    assert [read for read, _ in paired(aligned)] == [printed for _, printed in paired(aligned)]
    assert len(aligned.pairs) == 12
    assert aligned.neighbour_recall() == TableNeighbourRecall(NeighbourRecall(6, 6), NeighbourRecall(8, 8))


def test_what_stands_in_an_ignore_box_is_no_part_of_it():
    page = parse_transcription("# ignore 0 0 1000 40\n12 | 30")
    aligned = align(reading([number("7", 50, 10), *grid([["12", "30"]])]), page)

    assert [n.digits_text for n in aligned.read] == ["12", "30"]


def test_an_illegible_truth_judges_nobody_and_an_illegible_reading_is_not_right():
    aligned = align(reading(grid([["12", "4?", "45"]])), parse_transcription("12 | 48 | 4?"))
    assert len(aligned.pairs) == 3
    assert aligned.judged()[1].tolist() == [True, False]


def test_rows_of_a_page_on_its_side_are_found():
    upright = grid([["1", "10"], ["2", "20"], ["3", "30"]])
    # The page lies on its side: what was at (x, y) is at (y, 1000 - x); a quarter turn clockwise sets it upright.
    turned = [
        replace(
            n,
            table=None,
            row=None,
            column=None,
            digits=tuple(replace(d, box=Box(d.box.y, 1000 - d.box.right, d.box.height, d.box.width)) for d in n.digits),
        )
        for n in upright
    ]
    aligned = align(reading(turned, Transform(1000, 1000, rotation=90)), parse_transcription("1 | 10\n2 | 20\n3 | 30"))

    assert len(aligned.pairs) == 6
    assert aligned.judged()[1].all()


def test_blank_columns_keep_their_place():
    page = parse_transcription("1 | | 5\n2 | 7 | 6\n3 | 8 9 |")
    printed = align(reading([]), page).printed

    assert [(p.digits_text, p.row, p.column) for p in printed] == [
        *[("1", 0, 0), ("5", 0, 3)],
        *[("2", 1, 0), ("7", 1, 1), ("6", 1, 3)],
        *[("3", 2, 0), ("8", 2, 1), ("9", 2, 2)],
    ]


@given(cells)
def test_a_perfect_reading_is_aligned_to_itself(rows):
    page = parse_transcription("\n".join(" | ".join(row) for row in rows))
    aligned = align(reading(grid(rows)), page)

    assert [(k, j) for k, j in aligned.pairs] == [(k, k) for k in range(len(aligned.printed))]
    assert aligned.judged()[1].all()
    assert aligned.neighbour_recall().both.share == 1


@given(cells, st.data())
def test_what_is_lost_only_loses_its_own_neighbours(rows, data):
    page = parse_transcription("\n".join(" | ".join(row) for row in rows))
    numbers = grid(rows)
    lost = data.draw(st.integers(0, len(numbers) - 1))
    aligned = align(reading(numbers[:lost] + numbers[lost + 1 :]), page)

    assert len(aligned.pairs) == len(numbers) - 1
    kept = aligned.neighbour_recall().both
    assert kept.printed - 4 <= kept.kept <= kept.printed


def test_neighbours_pass_over_blank_cells_but_not_over_numbers():
    numbers = grid([["1", "", "3"], ["4", "5", "6"]])

    assert neighbour_pairs(numbers, across=True) == {(0, 1), (2, 3), (3, 4)}
    assert neighbour_pairs(numbers, across=False) == {(0, 2), (1, 4)}
    between = number("9", 110, 50, (0, 0, 1))
    aligned = Alignment(
        (*numbers, between),
        tuple(PrintedNumber(n.digits_text, 0, n.row, n.column) for n in numbers),
        tuple((k, k) for k in range(5)),
    )
    # The stranger parts 1 and 3; in its column it stands above 5, which had nobody there.
    assert aligned.neighbour_recall() == TableNeighbourRecall(NeighbourRecall(3, 2), NeighbourRecall(2, 2))
    assert aligned.neighbour_recall().to_dict()["share"] == 0.8


def true_page(numbers, unasked=()):
    made = tuple(
        TrueNumber(n.text, tuple(TrueDigit(d.value, d.box) for d in n.digits), n.table, n.row, n.column)
        for n in numbers
    )
    return PageTruth("p", 1000, 1000, True, made, {"unasked": [box.to_dict() for box in unasked]})


def test_places_pair_numbers_whatever_their_rows():
    truth = true_page(grid([["1", "10"], ["2", "20"]]), unasked=[Box(300, 300, 8, 14), Box(310, 300, 8, 14)])
    read = [number("10", 48, 82), number("7", 111, 52), number("45", 300, 300), number("8", 600, 600)]
    aligned = align(reading(read), truth)

    # The worn 45 was not asked for; the 8 is read where nothing is printed.
    assert [n.digits_text for n in aligned.read] == ["10", "7", "8"]
    assert paired(aligned) == [("7", "10"), ("10", "2")]
    assert aligned.judged()[1].tolist() == [False, False, False]
    assert judged_digits(reading(read), truth)[1].tolist() == [False, False, False, False]
    exact = grid([["1", "10"], ["2", "25"]])
    assert judged_digits(reading(exact), truth)[1].tolist() == [True, True, True, True, True, False]


def test_a_page_without_numbers_aligns_with_nothing():
    for truth in (parse_transcription("# nothing\n"), true_page([])):
        aligned = align(reading([]), truth)
        assert (aligned.read, aligned.printed, aligned.pairs) == ((), (), ())
        assert aligned.neighbour_recall().both == NeighbourRecall(0, 0)
        assert [len(part) for part in aligned.judged()] == [0, 0]
    assert np.array_equal(judged_digits(reading([]), true_page([]))[1], np.zeros(0, dtype=bool))
