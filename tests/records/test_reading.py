import json
from decimal import Decimal
from fractions import Fraction

import pytest

from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Ditto, Number, Reading
from tablesim.records.transform import Transform


def number(text, value=None, **more):
    digits = tuple(Digit(int(sign), Box(8 * k, 0, 7, 12), 0.9) for k, sign in enumerate(text) if sign.isdigit())
    return Number(text, digits, 0.8, value=value, **more)


@pytest.fixture
def reading():
    numbers = (number("8,889", 8889), number("34.6", Decimal("34.6")), number("7", Fraction(7, 8)), number("1,234"))
    numbers = (*numbers, number("7", 7, doubts=("probably not whole",)))
    ditto = Ditto(Box(1, 2, 3, 4), 0.75, 0, 1, 2)
    return Reading(
        "p.png", "p", "0" * 64, Transform(90, 80), True, 0.9, numbers, None, "", (ditto,), "a comma: thousands", True
    )


def test_a_reading_comes_back_from_json(reading):
    data = json.loads(json.dumps(reading.to_dict()))
    assert [item["value"] for item in data["numbers"]] == [8889, 34.6, "7/8", None, 7]
    assert data["numbers"][-1]["doubts"] == ["probably not whole"]
    assert data["dittos"] == [
        {"x": 1, "y": 2, "width": 3, "height": 4, "confidence": 0.75, "table": 0, "row": 1, "column": 2}
    ]
    assert Reading.from_dict(data) == reading


def test_a_reading_of_0_1_0_comes_back(reading):
    data = reading.to_dict()
    for key in ("dittos", "marks_mean", "negative"):
        del data[key]
    for item in data["numbers"]:
        del item["value"], item["doubts"]
    old = Reading.from_dict(data)
    assert [n.value for n in old.numbers] == [None] * 5 and not old.dittos and not old.negative


def test_a_frame_has_the_values_as_they_are_meant(reading):
    frame = reading.to_frame()
    assert list(frame["value"]) == [8889, Decimal("34.6"), Fraction(7, 8), None, 7]
    assert list(frame["doubts"])[-1] == ["probably not whole"]
