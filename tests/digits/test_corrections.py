"""Corrections survive the round trip through their file, and what cannot be meant is refused with its place."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tablesim.digits.corrections import COLUMNS, Correction, corrections_in_force, read_corrections, write_corrections
from tablesim.errors import MetadataError
from tablesim.records.boxes import Box

words = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=12).map(str.strip)
pixels = st.integers(0, 800_000).map(lambda v: v / 4)
numbers = st.from_regex(r"[0-9?]([·.,]?[0-9?]){0,4}", fullmatch=True)
corrections = st.builds(
    Correction,
    page=st.from_regex(r"[A-Za-z0-9_ü-]{1,20}", fullmatch=True),
    box=st.builds(Box, pixels, pixels, pixels.map(lambda v: v + 0.25), pixels.map(lambda v: v + 0.25)),
    read=numbers,
    correct=st.one_of(numbers, st.just("")),
    who=words,
    when=st.sampled_from(["", "2026-03-02", "2026-03-02T10:15:00+01:00"]),
    reason=words,
)


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
    path.write_text(f"{','.join(COLUMNS)}\ngood,1,2,3,4,24,29,,,\n{row}\n", encoding="utf-8")
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
