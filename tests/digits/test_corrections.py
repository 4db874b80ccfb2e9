"""Corrections come back from their file, wrong ones are refused, and they change what was read where they apply."""

import unicodedata
from dataclasses import replace

import numpy as np
import pytest
from corpus.fakes import write_corrections
from hypothesis import given, settings
from hypothesis import strategies as st

from tablesim.bigrams.embedding import histogram
from tablesim.digits.corrections import (
    COLUMNS,
    corrected,
    corrections_in_force,
    divide_box,
    finds_its_number,
    numbers_at,
    read_corrections,
)
from tablesim.digits.layout import arrange, is_table
from tablesim.digits.marks_of_page import with_values
from tablesim.errors import MetadataError
from tablesim.records.boxes import Box
from tablesim.records.corrections import Correction
from tablesim.records.reading import Digit, Ditto, Number, Reading
from tablesim.records.transform import Transform

words = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=12).map(
    lambda text: unicodedata.normalize("NFC", text.strip())
)
pixels = st.integers(0, 800_000).map(lambda v: v / 4)
numbers = st.from_regex(r"[-+−]?[0-9?]([·.,\u2009]?[0-9?]){0,4}[°'*/]?", fullmatch=True)
corrections = st.builds(
    Correction,
    page=st.from_regex(r"[A-Za-z0-9_ü-]{1,20}", fullmatch=True),
    box=st.builds(Box, pixels, pixels, pixels.map(lambda v: v + 0.25), pixels.map(lambda v: v + 0.25)),
    read=numbers,
    correct=st.one_of(numbers, st.just("")),
    who=words,
    when=st.sampled_from(["", "2026-03-02", "2026-03-02T10:15:00+01:00"]),
    reason=words,
    sha256=st.sampled_from(["", "0123456789abcdef" * 4]),
    place=st.one_of(st.none(), st.tuples(pixels, pixels)),
).map(lambda made: replace(made, emendation="1?" if made.digits_text and made.who else ""))


@settings(max_examples=40)
@given(st.lists(corrections, max_size=5))
def test_what_is_written_is_read(tmp_path_factory, made):
    path = tmp_path_factory.mktemp("corrections") / "corrections.csv"
    write_corrections(path, made)
    assert read_corrections(path) == tuple(made)


def test_a_spreadsheet_of_another_country_is_read(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text(
        "Seite;PAGE;X;Y;Width;Height;Correct\r\n1;p12.jpg;10,5;20;30;40;9·965\r\n\r\n2;p12.jpg;1;2;3;4;1?\r\n",
        encoding="cp1252",
    )
    first, second = read_corrections(path)
    assert first == Correction("p12", Box(10.5, 20, 30, 40), "", "9·965")
    assert (first.digits_text, second.digits_text) == ("9965", "1?")


@pytest.mark.parametrize("text", ["-2.5", "−2·5", "+4?", "(7)", "4\u2009403", "12°", "3/", "1,234*"])
def test_whatever_the_reader_prints_can_be_corrected_and_comes_back_from_the_file(tmp_path, text):
    path = tmp_path / "c.csv"
    made = Correction("p12", Box(10, 20, 30, 40), "24", text)
    write_corrections(path, [made])
    assert read_corrections(path) == (made,)
    assert made.digits_text == "".join(sign for sign in text if sign in "0123456789?")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("p,1,2,3,4,24,2g,,,", "correct: got '2g', expected a number as printed"),
        ("p,1,2,3,4,24,2 9,,,", "two numbers are two lines"),
        ("p,1,2,3,4,24,2·,,,", "correct: got '2·'"),
        ("p,1,2,3,4,24,²,,,", "correct: got '²'"),
        ("p,1,2,0,4,24,29,,,", "got 0 and 4, expected more than 0"),
        ("p,1,2,nan,4,24,29,,,", "expected pixels up to 1,000,000"),
        ("p,1,2,1e9,4,24,29,,,", "expected pixels up to 1,000,000"),
        ("p,left,2,3,4,24,29,,,", "x: got 'left', expected a number of pixels"),
        (",1,2,3,4,24,29,,,", "page: got ''"),
        ("p,1,2,3,4,,,,,", "both are empty"),
        ("p,1,2,3,4,24,29,me,yesterday,", "when: got 'yesterday', expected a date"),
        (f"p,1,2,3,4,24,{'1' * 41},,,", "correct: got"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_row(tmp_path, row, said):
    path = tmp_path / "c.csv"
    columns = ",".join(name for name in COLUMNS if name not in ("sha256", "emendation", "place_x", "place_y"))
    path.write_text(f"{columns}\ngood,1,2,3,4,24,29,,,\n{row}\n", encoding="utf-8")
    with pytest.raises(MetadataError) as caught:
        read_corrections(path)
    assert said in str(caught.value)
    assert f"{path}: row 2" in str(caught.value)


def test_missing_columns_and_no_corrections(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("page,x,y\np,1,2\n")
    with pytest.raises(MetadataError, match="no column width, height, correct; found page, x, y"):
        read_corrections(path)
    write_corrections(path, [])
    assert read_corrections(path) == ()
    with pytest.raises(MetadataError, match="there is no such file"):
        read_corrections(tmp_path / "none.csv")


def test_of_several_about_one_number_the_latest_holds():
    box = Box(100, 100, 40, 20)
    first = Correction("p", box, "24", "29", when="2026-03-02")
    beside = Correction("p", Box(200, 100, 40, 20), "24", "25")
    other_page = Correction("q", box, "24", "25")
    again = Correction("p", Box(102, 100, 40, 20), "24", "27", when="2026-03-03")

    assert corrections_in_force([first, beside, other_page, again]) == (beside, other_page, again)
    assert corrections_in_force([again, beside, first]) == (again, beside)
    unsaid = Correction("p", box, "24", "28")
    assert corrections_in_force([again, unsaid]) == (unsaid,)


def number(text, x, y):
    digits = tuple(Digit(int(figure), Box(x + 10 * at, y, 9, 14), 0.7, (0, 0.2)) for at, figure in enumerate(text))
    return Number(text, digits, 0.7)


@pytest.fixture
def reading():
    """Eight rows of three columns, two figures each, and their arrangement."""
    numbers = [number(f"{10 + 3 * row + column}", 60 * column, 30 * row) for row in range(8) for column in range(3)]
    arranged = tuple(with_values(arrange(numbers, unit=14.0))[0])
    return Reading("p.png", "p", "0" * 64, Transform(400, 400), is_table(arranged), 0.7, arranged)


def at(reading, row, column):
    return next(n for n in reading.numbers if (n.row, n.column) == (row, column))


def correction(box, correct, read="x", when=""):
    return Correction("p", box, read, correct, "me", when)


def test_what_a_person_types_is_the_text_and_the_page_gives_it_its_value(reading):
    before = at(reading, 2, 1)
    made = at(corrected(reading, [correction(before.box, "-8,889", before.text)]), 2, 1)
    assert (made.text, made.digits_text, made.value) == ("-8,889", "8889", -8889)
    large = [correction(at(reading, row, 2).box, f"{row}12,345,678") for row in range(1, 8)]
    page = corrected(reading, [correction(before.box, "-8,889", before.text), *large])
    assert (at(page, 2, 1).value, at(page, 1, 2).value) == (-8889, 112345678)
    assert page.marks_mean == (
        "A comma parts thousands in 8 numbers (groups of three digits, several in one number); "
        "a minus stands before 1 number"
    )
    assert page.is_table == reading.is_table and list(page.digits)


def test_dittos_keep_their_cells_when_numbers_come(reading):
    mark = Ditto(at(reading, 3, 1).box, 0.8)
    numbers = tuple(n for n in reading.numbers if (n.row, n.column) not in ((3, 1), (4, 1)))
    page = replace(reading, numbers=numbers, dittos=(replace(mark, table=0, row=3, column=1),))
    added = corrected(page, [correction(at(reading, 4, 1).box, "23", "")])
    assert [(ditto.row, ditto.column) for ditto in added.dittos] == [(3, 1)]
    assert not corrected(page, [correction(mark.box, "20", "")]).dittos


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
    first, second = divide_box(one.box, 2, 0)
    parted = corrected(reading, [correction(first, "7", one.text), correction(second, "8", one.text)])
    assert sorted(n.text for n in parted.numbers if n.confidence == 1.0) == ["7", "8"]
    assert len(parted.numbers) == 25
    joined = corrected(parted, [correction(one.box, "78")])
    assert len(joined.numbers) == 24
    assert at(joined, 3, 0).text == "78"


def test_three_numbers_that_were_read_as_one():
    whole = number("123456", 0, 0)
    page = Reading("p.png", "p", "0" * 64, Transform(400, 400), False, 0.7, (whole,))
    parts = zip(divide_box(whole.box, 3, 0), ("12", "34", "56"), strict=True)
    made = [correction(box, text, whole.text) for box, text in parts]
    assert [n.text for n in corrected(page, made).numbers] == ["12", "34", "56"]


def test_a_correction_of_a_part_of_what_is_read_as_one_number_now_changes_nothing():
    then, now = number("24", 0, 0), number("2445", 0, 0)
    made = correction(then.box, "29", then.text)
    page = Reading("p.png", "p", "0" * 64, Transform(400, 400), False, 0.7, (now,))
    assert corrected(page, [made]) is page
    assert not finds_its_number(made, [now])
    # It holds by its position where the number is read otherwise, moved a little, or not read at all.
    for numbers in ([number("21", 1, 1)], [number("2", 0, 0), number("4", 10, 0)], []):
        assert finds_its_number(made, numbers)
        moved = Reading("p.png", "p", "0" * 64, Transform(400, 400), False, 0.7, tuple(numbers))
        assert [n.text for n in corrected(moved, [made]).numbers] == ["29"]


def test_of_several_about_one_number_the_latest_holds_and_can_take_back(reading):
    before = at(reading, 5, 1)
    made = [correction(before.box, "11", when="2026-01-01"), correction(before.box, before.text, when="2026-01-02")]
    assert at(corrected(reading, made), 5, 1).text == before.text
    assert at(corrected(reading, made[::-1]), 5, 1).text == before.text


def test_what_was_said_is_taken_back_and_the_machines_doubt_returns(reading):
    before = at(reading, 5, 1)
    said, back = correction(before.box, "11", before.text), correction(before.box, "as read", before.text)
    assert at(corrected(reading, [said]), 5, 1).confidence == 1.0
    assert corrected(reading, [said, back]) is reading
    again = corrected(reading, [said, back, said])
    assert at(again, 5, 1).text == "11"


def test_an_emendation_stands_beside_what_is_printed_and_is_not_compared(reading):
    before = at(reading, 2, 1)
    plain, emended = (
        corrected(reading, [replace(correction(before.box, "71", before.text), emendation=text)]) for text in ("", "11")
    )
    assert (at(emended, 2, 1).text, at(emended, 2, 1).emendation) == ("71", "11")
    assert at(emended, 2, 1).to_dict()["emendation"] == "11"
    assert "emendation" not in at(plain, 2, 1).to_dict()
    np.testing.assert_array_equal(histogram(plain), histogram(emended))


@pytest.mark.parametrize(("correct", "emendation"), [("71", "eleven"), ("", "11"), ("as read", "11")])
def test_an_emendation_that_cannot_be_meant_is_refused(correct, emendation):
    with pytest.raises(MetadataError, match="emendation"):
        Correction("p", Box(0, 0, 9, 9), "1", correct, emendation=emendation)


def test_a_number_printed_over_another_cell_is_put_into_its_own(reading):
    """It slipped by a row and a half; where it belongs nothing was read."""
    missing = at(reading, 4, 2)
    without = corrected(reading, [correction(missing.box, "", missing.text)])
    slipped = replace(missing.box, y=missing.box.y + 40)
    made = replace(correction(slipped, "58", ""), place=missing.box.centre)
    placed = corrected(without, [made])
    assert (at(placed, 4, 2).text, at(placed, 4, 2).box.y) == ("58", slipped.y)
    unplaced = corrected(without, [replace(made, place=None)])
    assert [(n.row, n.column) for n in unplaced.numbers if n.text == "58"] != [(4, 2)]


def test_when_all_is_struck_out_nothing_is_left(reading):
    struck = corrected(reading, [correction(n.box, "", n.text) for n in reading.numbers])
    assert (struck.numbers, struck.is_table) == ((), False)
    assert not histogram(struck).any()


def test_a_correction_of_an_empty_place_that_says_nothing_changes_nothing(reading):
    after = corrected(reading, [correction(Box(300, 300, 10, 10), "", "5")])
    assert after.numbers == reading.numbers


@pytest.mark.parametrize(("rotation", "order"), [(0, "x"), (90, "-y"), (180, "-x"), (270, "y")])
def test_the_parts_of_a_box_come_in_reading_order(rotation, order):
    parts = divide_box(Box(10, 20, 30, 60), 3, rotation)
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
    assert numbers_at(Box(0, 0, 19, 14), numbers) == [0]
    assert numbers_at(Box(0, 0, 130, 14), numbers) == [0, 1]
    assert numbers_at(Box(100, 0, 9, 14), numbers) == [1]
    assert numbers_at(Box(50, 0, 20, 14), numbers) == []
