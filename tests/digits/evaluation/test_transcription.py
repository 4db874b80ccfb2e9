from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.digits.evaluation.transcription import parse_transcription, read_transcription
from tablesim.errors import TranscriptionError
from tablesim.records.boxes import Box


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "page.txt"
    path.write_bytes(text.encode(encoding))
    return path


def test_rows_columns_and_half_tables_are_kept_with_their_blanks(tmp_path):
    path = write(tmp_path, "# head\n1 | | 12 0 || 28 | 19 30\n\n02 | 7 | |\n")

    page = read_transcription(path)

    assert [row.line for row in page.rows] == [2, 4]
    assert page.rows[0].halves == ((("1",), (), ("12", "0")), (("28",), ("19", "30")))
    assert page.rows[1].halves == ((("02",), ("7",), (), ()),)
    assert page.rows[0].numbers == ("1", "12", "0", "28", "19", "30")
    assert page.numbers == ("1", "12", "0", "28", "19", "30", "02", "7")


@pytest.mark.parametrize(
    ("printed", "numbers"),
    [
        ("0.101", ("0101",)),
        ("4\u2009403 | \u22124\u202f403·5", ("4403", "44035")),
        ("9·965 | 1,122", ("9965", "1122")),
        ("23° 55′ 27″", ("23", "55", "27")),
        ("1/2 | 3⁄4", ("1", "2", "3", "4")),
        ("1? | ?", ("1?", "?")),
        ("Mean | 7.", ("7",)),
        ("— | * | +3", ("3",)),
    ],
)
def test_a_number_is_its_digits(printed, numbers):
    assert parse_transcription(printed).numbers == numbers


def test_comments_and_ignore_boxes_may_stand_anywhere():
    page = parse_transcription("# ignore 0 0 960 200.5\n3 4 # Ignore: 10 20 30 40\n# ignored on purpose: 5\n")

    assert page.numbers == ("3", "4")
    assert page.ignore == (Box(0, 0, 960, 200.5), Box(10, 20, 30, 40))
    assert page.ignores(960, 200.5)
    assert not page.ignores(961, 10)


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path):
    assert read_transcription(write(tmp_path, "\ufeff1 | 2\r\n3\r\n")).numbers == ("1", "2", "3")


def test_a_page_without_numbers_is_a_transcription(tmp_path):
    assert read_transcription(write(tmp_path, "# a page of text\n")).numbers == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 | 2\n3 | l5\n", r"page\.txt:2: got 'l5', digits and letters in one.*type digits alone"),
        ("# ignore 1 2 3\n", r"page\.txt:1: got '# ignore 1 2 3'.*write four numbers, not 3"),
        ("\n# ignore 1 2 x 4\n", r"page\.txt:2: got '# ignore 1 2 x 4'.*write four numbers"),
        ("# ignore 1 2 0 4\n", r"page\.txt:1: .*width and height must be more than 0"),
        ("# ignore 1 2 nan 4\n", r"page\.txt:1: .*width and height must be more than 0"),
    ],
)
def test_a_bad_line_is_named_with_its_file(tmp_path, text, message):
    with pytest.raises(TranscriptionError, match=message):
        read_transcription(write(tmp_path, text))


def test_a_file_that_is_not_text_or_not_there_is_named(tmp_path):
    with pytest.raises(TranscriptionError, match=r"page\.txt: byte 4 is not UTF-8.*save the file as UTF-8"):
        read_transcription(write(tmp_path, "1 | é", encoding="latin-1"))
    with pytest.raises(TranscriptionError, match=r"none\.txt: cannot be read \(No such file.*check the path"):
        read_transcription(tmp_path / "none.txt")


cells = st.lists(st.from_regex(r"[0-9]{1,5}", fullmatch=True), max_size=3)


@given(st.lists(st.lists(st.lists(cells, min_size=1, max_size=4), min_size=1, max_size=3), max_size=6))
def test_what_is_written_is_read(rows):
    text = "\n".join(" || ".join(" | ".join(" ".join(cell) for cell in half) for half in row) for row in rows)

    page = parse_transcription(text)

    def wanted(row):
        return tuple(tuple(tuple(cell) for cell in half) for half in row)

    blank = [row for row in rows if row == [[[]]]]
    assert len(page.rows) == len(rows) - len(blank)
    assert [row.halves for row in page.rows] == [wanted(row) for row in rows if row not in blank]
