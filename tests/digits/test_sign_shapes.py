"""Signs that the network answers faintly, or takes for a 4, are told by their ink."""

import numpy as np
import pytest

from digits.peaks_of_lines import HEIGHT, set_lines
from tablesim.digits.peaks import MarkPeaks
from tablesim.digits.sign_shapes import BELIEVED, sign_at, with_signs
from tablesim.records.marks import MARKS, MINUS, PLUS

MIDDLE = 20 + HEIGHT / 2


def page():
    """One line, ``22``, that begins at x = 40, and its paper."""
    digits, _, ink = set_lines([[(4.0, "22")]])
    return digits, ink


def stroke(ink, x, y, wide, high, dark=0.8):
    ink[round(y - high / 2) : round(y + high / 2), round(x - wide / 2) : round(x + wide / 2)] = dark


def plus(ink, x, y, size, dark=(0.8, 0.8), thick=2):
    stroke(ink, x, y, size, thick, dark[0])
    stroke(ink, x, y, thick, size, dark[1])


def mark(kind, x, y, confidence):
    box = np.array([[x - 5, y - 5, x + 5, y + 5]], dtype=np.float64)
    return MarkPeaks(np.array([MARKS.index(kind)]), np.array([confidence]), box)


@pytest.mark.parametrize(("size", "dark"), [(8, (0.8, 0.8)), (14, (0.35, 0.9)), (16, (0.6, 0.6))])
def test_a_faint_plus_is_one_where_its_ink_is(size, dark):
    digits, ink = page()
    faint = mark(PLUS, 26, MIDDLE, 0.08)
    assert len(with_signs(faint, digits, ink, 0.3)[0]) == 0
    plus(ink, 26, MIDDLE, size, dark)
    marks, same = with_signs(faint, digits, ink, 0.3)
    assert (marks.kinds.tolist(), marks.confidence.tolist()) == ([MARKS.index(PLUS)], [BELIEVED])
    assert marks.boxes[0] == pytest.approx([26 - size / 2, MIDDLE - size / 2, 26 + size / 2, MIDDLE + size / 2], abs=1)
    assert same is digits


def test_a_sign_is_what_its_ink_shows():
    digits, ink = page()
    plus(ink, 26, MIDDLE, 10)
    assert with_signs(mark(MINUS, 26, MIDDLE, 0.5), digits, ink, 0.3)[0].kinds.tolist() == [MARKS.index(PLUS)]
    digits, ink = page()
    stroke(ink, 26, MIDDLE, 11, 2)
    assert with_signs(mark(PLUS, 26, MIDDLE, 0.25), digits, ink, 0.3)[0].kinds.tolist() == [MARKS.index(MINUS)]


def test_what_is_no_sign_stays_as_the_network_says():
    digits, ink = page()
    stroke(ink, 26, MIDDLE, 9, 9)
    assert len(with_signs(mark(PLUS, 26, MIDDLE, 0.1), digits, ink, 0.3)[0]) == 0
    assert with_signs(mark(MINUS, 26, MIDDLE, 0.4), digits, ink, 0.3)[0].confidence.tolist() == [0.4]
    other = mark("/", 26, MIDDLE, 0.2)
    assert len(with_signs(other, digits, ink, 0.3)[0]) == 0
    # A dagger: its bar is high.
    ink[:] = 0
    stroke(ink, 26, MIDDLE - 4, 8, 2)
    stroke(ink, 26, MIDDLE, 2, 14)
    assert sign_at(ink, (26, MIDDLE), 40, HEIGHT) is None
    # A rule that goes on beyond its row.
    ink[:] = 0
    ink[:, 25:27] = 1
    assert sign_at(ink, (26, MIDDLE), 40, HEIGHT) is None


def test_a_plus_that_was_read_as_4_is_no_digit():
    digits, _, ink = set_lines([[(3.0, "422")]])
    digits.confidence[:] = 0.9
    at = digits.middles[0]
    assert len(with_signs(MarkPeaks.empty(), digits, ink, 0.3)[1]) == 3
    plus(ink, round(at[0]), round(at[1]), 8)
    marks, rest = with_signs(MarkPeaks.empty(), digits, ink, 0.3)
    assert marks.kinds.tolist() == [MARKS.index(PLUS)]
    assert rest.values.tolist() == [2, 2]
    assert rest.joins[0, 0] == 0


def test_a_four_stays_a_four():
    for size, down in ((14, 0), (8, 2)):  # as tall as a digit; its bar is low
        digits, _, ink = set_lines([[(3.0, "422")]])
        digits.confidence[:] = 0.9
        x, y = np.round(digits.middles[0])
        stroke(ink, x, y + down, size, 2)
        stroke(ink, x, y, 2, size)
        assert len(with_signs(MarkPeaks.empty(), digits, ink, 0.3)[1]) == 3
