"""What ``tablesim read`` prints of a page: its cells, what was decided about it, and what deserves a look."""

from dataclasses import replace

from corpus.fakes import number, reading_of

from tablesim.cli.read import DOUBTS_SHOWN, lines_of
from tablesim.records.boxes import Box
from tablesim.records.reading import Ditto
from tablesim.records.transform import Transform

ROWS = [["1", "51"], ["2"], ["3", "49"]]


def test_a_ditto_mark_stands_in_its_cell():
    reading = replace(reading_of("p", ROWS), dittos=(Ditto(Box(1, 2, 3, 4), 0.9, 0, 1, 1), Ditto(Box(9, 9, 1, 1), 0.5)))
    assert list(lines_of(reading))[2:] == ["1 | 51", "2 |  ″", "3 | 49"]


def test_what_was_decided_about_the_page_is_said():
    reading = reading_of("p", ROWS)
    plain = next(iter(lines_of(reading)))
    assert not {"turned", "white"} & set(plain.split())
    about = replace(reading, transform=Transform(100, 80, 90), negative=True, marks_mean="A comma parts thousands.")
    first, second, *_ = lines_of(about)
    assert first == f"{plain}; read turned clockwise by 90 degrees; white on black"
    assert second == "# A comma parts thousands."
    assert sum("comma" in line for line in lines_of(about)) == 1


def test_doubtful_numbers_are_named_the_least_certain_first():
    sure, pale, broken = number("15", 0), number("16", 1, 1, 0.45), replace(number("7", 2), doubts=("not whole",))
    loose = replace(number("8", 3, 0, 0.6), table=None, row=None, column=None)
    reading = replace(reading_of("p", ROWS), numbers=(sure, pale, broken, loose))
    assert list(lines_of(reading))[-4:] == [
        "# 3 of 4 numbers are doubtful, the least certain first:",
        "#   16 in table 1, row 2, column 2: right with probability 0.45",
        "#   8 outside the tables: right with probability 0.60",
        "#   7 in table 1, row 3, column 1: right with probability 1.00 (not whole)",
    ]
    assert not any("doubtful" in line for line in lines_of(replace(reading, numbers=(sure,))))
    many = replace(reading, numbers=tuple(number("5", row, 0, 0.5) for row in range(DOUBTS_SHOWN + 3)))
    assert list(lines_of(many))[-1].startswith("#   and 3 more")
