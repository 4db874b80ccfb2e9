"""Marks stand in the text of the number they are printed with, and part what is not one number."""

import numpy as np
import pytest

from digits.peaks_of_lines import ADVANCE, HEIGHT, set_lines
from tablesim.digits.marked_numbers import set_marks
from tablesim.digits.peaks import MarkPeaks
from tablesim.records.marks import MARKS

SIZES = {"·": (3, 3), ".": (3, 3), ",": (3, 5), "+": (10, 10), "−": (11, 2), "/": (7, 16), "″": (6, 5), "°": (5, 5)}


def marks_at(*found, confidence=0.9):
    """Marks by kind and middle, or by kind and box."""
    boxes = []
    for kind, *place in found:
        if len(place) == 2:
            width, height = SIZES.get(kind, (4, 8))
            x, y = place
            place = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
        boxes.append(place)
    n = len(found)
    kinds = np.array([MARKS.index(kind) for kind, *_ in found], dtype=np.int64)
    return MarkPeaks(kinds, np.full(n, confidence), np.array(boxes, dtype=np.float64).reshape(-1, 4))


def texts(digits, runs, marks, ink=None):
    marked = set_marks(digits, runs, marks, np.zeros((80, 400), np.float32) if ink is None else ink)
    out = []
    for run, before, after in zip(marked.runs, marked.before, marked.after, strict=True):
        inner = "".join(f"{digits.values[k]}{marked.between[k]}" for k in run)
        out.append(before + inner + after)
    return out, marked.dittos.tolist()


def line(text, space=2.0):
    """One line that begins at x = 20, its digits without marks."""
    width = sum({" ": space, ".": 0.5}.get(sign, 1.0) for sign in text)
    digits, runs, _ = set_lines([[(width, text)]], space=space)
    return digits, runs


def between(digits, k):
    """Where a mark on the line stands after the k-th digit."""
    return (digits.boxes[k, 2] + digits.boxes[k + 1, 0]) / 2, digits.boxes[k, 3] - 1


MIDDLE = 20 + HEIGHT / 2


@pytest.mark.parametrize("kind", ".,·")
def test_the_mark_that_is_printed_is_kept(kind):
    digits, runs = line("8.889")
    assert texts(digits, runs, marks_at((kind, *between(digits, 0))))[0] == [f"8{kind}889"]
    assert texts(digits, runs, marks_at((kind, *between(digits, 0)), confidence=0.2))[0] == [f"8{kind}889"]


def test_without_its_kind_a_mark_is_as_most_of_the_page():
    digits, runs = line("8.889 7.123 6.123")
    assert texts(digits, runs, MarkPeaks.empty())[0] == ["8·889", "7·123", "6·123"]
    known = marks_at((",", *between(digits, 0)), (",", *between(digits, 4)))
    assert texts(digits, runs, known)[0] == ["8,889", "7,123", "6,123"]


def test_a_mark_that_the_joins_do_not_know():
    digits, runs = line("8889")
    assert texts(digits, runs, marks_at((",", *between(digits, 0))))[0] == ["8,889"]
    assert texts(digits, runs, marks_at((",", *between(digits, 0)), confidence=0.3))[0] == ["8889"]


def test_spaces_of_thousands():
    digits, runs = line("8889")
    digits.joins[0, 3] = 0.9
    assert texts(digits, runs, MarkPeaks.empty())[0] == ["8\u2009889"]


@pytest.mark.parametrize("kind", "/−°")
def test_other_marks_part_numbers(kind):
    digits, runs = line("34")
    x, _ = between(digits, 0)
    digits.joins[:] *= 0.6
    assert len(texts(digits, runs, marks_at((kind, x, MIDDLE)))[0]) == 2


@pytest.mark.parametrize("gap", [0.5, 4.0, 11.0])
@pytest.mark.parametrize("kind", "+−")
def test_a_sign_stands_before_its_number(kind, gap):
    digits, runs = line("25")
    sign = marks_at((kind, 20 - gap - SIZES[kind][0] / 2, MIDDLE))
    assert texts(digits, runs, sign)[0] == [f"{kind}25"]
    assert texts(digits, runs, marks_at((kind, 20 - 30, MIDDLE)))[0] == ["25"]
    assert texts(digits, runs, marks_at((kind, 20 - gap - SIZES[kind][0] / 2, MIDDLE + 14)))[0] == ["25"]


def test_dashes_that_are_no_signs():
    digits, runs = line("204")
    left, right = 20 - 12, float(digits.boxes[:, 2].max()) + 12
    assert texts(digits, runs, marks_at(("−", left, MIDDLE), ("−", right, MIDDLE)))[0] == ["204"]
    assert texts(digits, runs, marks_at(("−", left, MIDDLE), ("−", left - 14, MIDDLE)))[0] == ["204"]
    assert texts(digits, runs, marks_at(("−", 20 - 45, MIDDLE - 1, 18, MIDDLE + 1)))[0] == ["204"]
    ink = np.zeros((80, 400), np.float32)
    ink[:, 34] = 1
    sign = marks_at(("−", left + 40, MIDDLE))
    assert texts(digits.moved(40, 0), runs, sign, ink)[0] == ["−204"]  # a rule stands beyond
    ink[24:30, 30:40] = 1
    assert texts(digits.moved(40, 0), runs, sign, ink)[0] == ["204"]  # a word does
    digits, runs = line("12 15")
    gap = float(digits.boxes[1, 2] + digits.boxes[2, 0]) / 2
    assert texts(digits, runs, marks_at(("−", gap, MIDDLE)))[0] == ["12", "15"]


def test_what_stands_after_a_number():
    digits, runs = line("12 30 45", space=3.0)
    ends = [float(digits.boxes[k, 2]) + 4 for k in (1, 3, 5)]
    found = marks_at(("°", ends[0], 22), ("'", ends[1], 22), ("″", ends[2], 22))
    assert texts(digits, runs, marks_at(("″", ends[2], 29))) == (["12", "30", "45"], [0])
    assert texts(digits, runs, found) == (["12°", "30'", "45″"], [])
    assert texts(digits, runs, marks_at(("*", ends[0], 24), ("(", 16, MIDDLE), (")", ends[0], MIDDLE)))[0][0] in (
        "(12)*",
        "(12*)",
    )


def test_slanted_and_level_bars():
    digits, runs = line("3 8", space=0.8)
    assert texts(digits, runs, marks_at(("/", *between(digits, 0)[:1], MIDDLE)))[0] == ["3/", "8"]
    digits, runs, _ = set_lines([[(1, "3")], [(1, "8")]])
    digits.boxes[1] = digits.boxes[0] + [0, 18, 0, 18]
    bar = ("/", 18, 20 + HEIGHT + 1, 30, 20 + HEIGHT + 3)
    assert texts(digits, runs, marks_at(bar))[0] == ["3/", "8"]
    assert texts(digits.take(np.array([0])), runs[:1], marks_at(bar))[0] == ["3"]


def test_dittos_stand_by_themselves():
    digits, runs = line("12")
    assert texts(digits, runs, marks_at(("″", 20 + 8 * ADVANCE, MIDDLE))) == (["12"], [0])
    assert texts(digits, runs, MarkPeaks.empty()) == (["12"], [])
    assert texts(digits, [], marks_at(("″", 20, MIDDLE)))[0] == []
