"""Readings made by hand, and the histogram of a page in plain Python: slow, and as the definition says it."""

from collections.abc import Sequence

from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Number, Reading
from tablesim.records.transform import Transform


def number_of(text: str, confidences: Sequence[float] = (), *, x: float = 0, y: float = 0, **place: int) -> Number:
    """A number with digits 10 px wide and 16 px high, the first at (x, y); "?" is a digit that cannot be told."""
    confidences = confidences or [1.0] * len(text)
    digits = tuple(
        Digit(None if digit == "?" else int(digit), Box(x + 10 * i, y, 10, 16), confidence)
        for i, (digit, confidence) in enumerate(zip(text, confidences, strict=True))
    )
    return Number(text, digits, min(confidences), **place)


def reading_of(numbers: Sequence[Number], *, page: str = "page", scan: str = "page.png", size=(400, 600)) -> Reading:
    """A reading of a page with these numbers."""
    return Reading(scan, page, "0" * 64, Transform(*size), len(numbers) > 3, 1.0, tuple(numbers))


def slow_histogram(numbers: Sequence[Number]) -> list[float]:
    """The histogram by four nested loops: first digit, second digit, numbers, places."""
    h = [0.0] * 110
    for j in range(10):
        for number in numbers:
            values = [digit.value for digit in number.digits]
            for p, digit in enumerate(number.digits):
                alone = (p == 0 or values[p - 1] is None) and (p == len(values) - 1 or values[p + 1] is None)
                if digit.value == j and alone:
                    h[j] += digit.confidence
        for k in range(10):
            for number in numbers:
                for p in range(len(number.digits) - 1):
                    one, two = number.digits[p], number.digits[p + 1]
                    if one.value == j and two.value == k:
                        h[10 + 10 * j + k] += min(one.confidence, two.confidence)
    return h
