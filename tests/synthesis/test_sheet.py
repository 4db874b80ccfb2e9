"""What is printed is taken down, and nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.synthesis.faces import FACES
from tablesim.synthesis.sheet import Sheet, Style

STYLE = Style(FACES["fell-english"], 40)


def sheet(width=600, height=200):
    return Sheet(width, height, np.random.default_rng(5))


def test_every_number_in_a_text_is_taken_down():
    page = sheet()
    page.write(10, 100, "cap. 12 et 3·405, viij 67.", STYLE)
    assert [number.text for number in page.numbers] == ["12", "3·405", "67"]
    assert [number.digits_text for number in page.numbers] == ["12", "3405", "67"]


def test_boxes_hold_the_ink_of_their_figure():
    page = sheet()
    page.write(20, 100, "1 2 3 4 5 6 7 8 9 0", STYLE)
    for number in page.numbers:
        box = number.box
        x0, y0, x1, y1 = int(box.x), int(box.y), int(box.right), int(box.bottom)
        inside = page.ink[y0:y1, x0:x1]
        assert inside.max() > 200
        assert page.ink[y0:y1, x0 - 2].max() == 0
        assert page.ink[y0:y1, x1 + 1].max() == 0
        # Ink touches all four edges of its box.
        assert min(inside[0].max(), inside[-1].max(), inside[:, 0].max(), inside[:, -1].max()) > 0


@pytest.mark.parametrize("anchor", ["left", "right", "middle"])
def test_anchor_moves_the_text_by_its_width(anchor):
    page = sheet()
    end = page.write(300, 100, "1548", STYLE, anchor=anchor)
    width = page.measure("1548", STYLE)
    assert end == pytest.approx({"left": 300 + width, "right": 300, "middle": 300 + width / 2}[anchor])


def test_a_number_cut_by_the_edge_is_not_asked_for():
    page = sheet()
    page.write(580, 100, "88", STYLE)
    assert page.numbers == []
    assert len(page.unasked) == 1


@pytest.mark.parametrize(("degrees", "asked"), [(0, True), (12, True), (90, False), (180, False), (-45, False)])
def test_digits_on_their_side_are_not_asked_for(degrees, asked):
    page = sheet(200, 200)
    page.write_turned(100, 100, "12", STYLE, degrees)
    assert page.ink.max() > 150
    assert bool(page.numbers) is asked
    assert bool(page.unasked) is not asked


def test_cells_are_numbered_from_the_first_number_of_a_text():
    page = sheet()
    page.write(10, 100, "23 55 27", STYLE, table=0, row=4, column=2)
    assert [(n.table, n.row, n.column) for n in page.numbers] == [(0, 4, 2), (0, 4, 3), (0, 4, 4)]


@given(st.lists(st.integers(0, 99999), min_size=1, max_size=4))
def test_numbers_come_back_as_they_were_set(numbers):
    page = sheet(1200)
    page.write(5, 100, " ".join(map(str, numbers)), STYLE)
    assert [int(n.digits_text) for n in page.numbers] == numbers


def test_a_rule_prints_where_it_should():
    page = sheet()
    page.rule(100, 20, 100, 180, 3)
    assert page.ink[100, 98:103].max() == 255
    assert page.ink[100, 110:].max() == 0
