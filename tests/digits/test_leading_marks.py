"""A point before the first digit belongs to the number; ends of words and leaders do not."""

import numpy as np
import pytest

from digits.peaks_of_lines import HEIGHT, set_lines
from tablesim.digits.marked_numbers import set_marks
from tablesim.digits.peaks import MarkPeaks
from tablesim.records.marks import MARKS

FOOT, MIDDLE = 20 + HEIGHT - 2, 20 + HEIGHT / 2


def text(*marks, ink=None, confidence=0.7, line=((6.0, "55"),)):
    """The text of the last number of a line that ends at x = 80, with marks by kind, x and y."""
    digits, runs, paper = set_lines([line])
    kinds = np.array([MARKS.index(kind) for kind, _, _ in marks], dtype=np.int64)
    half = [6.5 if kind in "+−" else 1.5 for kind, _, _ in marks]
    boxes = np.array([[x - r, y - r, x + r, y + r] for (_, x, y), r in zip(marks, half, strict=True)]).reshape(-1, 4)
    for left, top, right, bottom in [] if ink is None else ink:
        paper[top:bottom, left:right] = 1
    marked = set_marks(digits, runs, MarkPeaks(kinds, np.full(len(marks), confidence), boxes), paper)
    inner = "".join(f"{digits.values[k]}{marked.between[k]}" for k in marked.runs[-1])
    return marked.before[-1] + inner


@pytest.mark.parametrize(("kind", "y"), [(".", FOOT), (",", FOOT + 2), ("·", MIDDLE)])
def test_it_stands_before_its_number(kind, y):
    assert text((kind, 56, y)) == f"{kind}55"
    assert text((kind, 56, y), confidence=0.35) == "55"
    assert text((kind, 48, y)) == text((kind, 56, y - HEIGHT)) == "55"


def test_a_sign_stands_before_it():
    assert text(("·", 56, MIDDLE), ("−", 40, MIDDLE), ink=[(34, 26, 47, 28)]) == "−·55"
    assert text(("·", 56, MIDDLE), ("+", 48, MIDDLE), ink=[(42, 26, 54, 28)]) == "+·55"


def test_an_upright_rule_and_numbers_of_the_column_before_may_stand_left_of_it():
    assert text((".", 56, FOOT), ink=[(46, 0, 48, 60)]) == ".55"
    assert text((".", 56, FOOT), line=((2.5, "1"), (6.0, "55")), ink=[(35, 20, 43, 34)]) == ".55"


def test_the_end_of_a_word_and_leaders_are_none():
    assert text((".", 56, FOOT), ink=[(36, 20, 53, 34)]) == "55"
    assert text((".", 56, FOOT), ink=[(44, 31, 47, 34), (34, 31, 37, 34)]) == "55"
    assert text((".", 56, FOOT), (".", 45, FOOT), ink=[(44, 31, 47, 34)]) == "55"
