"""How likely two readings are of one text: what must hold whatever was read, and cases that a person can judge."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.evidence.collation.cells import SLIP, chance, could_be, doubt
from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Number

BOX = Box(0, 0, 7, 10)


@st.composite
def digits(draw):
    if draw(st.integers(0, 12)) == 0:
        return Digit(None, BOX, draw(st.floats(0, 1)))
    value = draw(st.integers(0, 9))
    confidence = draw(st.floats(0, 1))
    if draw(st.booleans()):
        return Digit(value, BOX, confidence)
    rival = (value + draw(st.integers(1, 9))) % 10
    return Digit(value, BOX, confidence, (rival, draw(st.floats(0, 1)) * (1 - confidence)))


@st.composite
def numbers(draw, least=1, most=4):
    found = tuple(draw(st.lists(digits(), min_size=least, max_size=most)))
    text = "".join("?" if d.value is None else str(d.value) for d in found)
    return Number(text, found, draw(st.floats(0, 1)))


def number(text, confidence=0.9999, rivals=None):
    """A number as the network gives it: ``rivals`` has the runner-up and its confidence by place."""
    found = []
    for at, figure in enumerate(text):
        rival, share = (rivals or {}).get(at, ((int(figure) + 1) % 10, (1 - confidence) / 2))
        sure = 1 - share if at in (rivals or {}) else confidence
        found.append(Digit(int(figure), BOX, sure, (rival, share)))
    return Number(text, tuple(found), min(d.confidence for d in found))


@given(numbers(), numbers())
def test_doubt_is_a_probability_and_symmetric(a, b):
    assert 0 <= doubt(a, b) <= 1
    assert doubt(a, b) == pytest.approx(doubt(b, a), rel=1e-12, abs=1e-15)


@given(numbers())
def test_a_number_is_printed_as_itself(a):
    assert doubt(a, a) == pytest.approx(1 / (1 + SLIP))


@given(digits())
def test_chances_of_all_values_are_probabilities(digit):
    assert all(0 <= chance(digit, value) <= 1 for value in range(10))


@given(numbers(), st.integers(0, 3), st.floats(0, 1))
def test_the_surer_the_other_value_the_greater_the_doubt(a, at, share):
    at %= len(a.digits)
    digit = a.digits[at]
    if digit.value is None:
        return
    rival = (digit.value + 3) % 10
    changed = [
        Number(a.text, (*a.digits[:at], Digit(digit.value, BOX, 1 - s, (rival, s)), *a.digits[at + 1 :]), a.confidence)
        for s in sorted((share, share / 2))
    ]
    printed = tuple(Digit(rival, BOX, 1.0) if n == at else d for n, d in enumerate(a.digits))
    other = Number(a.text, printed, 1.0)
    assert doubt(changed[0], other) <= doubt(changed[1], other) + 1e-12


@pytest.mark.parametrize(
    ("a", "b", "doubtful"),
    [
        (number("41"), number("47"), False),
        (number("41"), number("47", rivals={1: (1, 0.01)}), True),  # the runner-up would remove it
        (number("41"), number("47", rivals={1: (1, 0.0003)}), False),  # but so faint that a slip is likelier
        (number("41"), number("47", rivals={1: (3, 0.01)}), False),  # the runner-up is another
        (number("41"), number("47", rivals={1: (3, 0.2)}), True),  # but the figure is so unsure that it may be any
        (number("41"), number("74", rivals={0: (4, 0.01), 1: (1, 0.01)}), False),  # two errors of the reader at once
        (number("41"), number("74", rivals={0: (4, 0.2), 1: (1, 0.2)}), True),
        (number("1"), number("11", confidence=0.98), True),  # a figure too many, or one that was lost
        (number("1"), number("11"), False),
        (number("8"), number("12", confidence=0.98), False),  # a figure too many and another one
    ],
)  # fmt: skip
def test_what_a_person_would_say(a, b, doubtful):
    assert (doubt(a, b) >= 0.5) is doubtful


def test_a_figure_without_runner_up_is_what_it_is_said_to_be():
    sure = Number("4", (Digit(4, BOX, 0.9),), 0.9)
    unsure = Number("4", (Digit(4, BOX, 0.4),), 0.4)
    assert doubt(sure, number("7")) < 0.5 < doubt(unsure, number("7"))


def test_what_a_number_could_be():
    assert could_be(number("41")) == []
    assert could_be(number("41", rivals={1: (7, 0.01)})) == ["47"]
    assert len(could_be(number("41", rivals={1: (7, 0.3)}))) == 9
