"""Readings made from rows of texts, so that tests know which number is which."""

from __future__ import annotations

from collections.abc import Sequence

from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Number, Reading
from tablesim.records.transform import Transform

Rows = Sequence[Sequence[str]]


def printed(
    text: str, table: int | None, row: int | None, column: int | None, runner_up: tuple[int, float] | None = None
) -> Number:
    """A number as a sure reader gives it; with ``runner_up`` its last figure could be another."""
    x, y = 50.0 * (column or 0) + 2000.0 * (table or 0), 16.0 * (row or 0)
    digits = [
        Digit(None if figure == "?" else int(figure), Box(20 + x + 8 * at, 20 + y, 7, 10), 0.98)
        for at, figure in enumerate(text)
    ]
    if runner_up is not None:
        last = digits[-1]
        digits[-1] = Digit(last.value, last.box, 0.9, runner_up)
    return Number(text, tuple(digits), 0.98, table, row, column)


def reading(name: str, *tables: Rows) -> Reading:
    """A page with these tables; blanks are empty strings."""
    numbers = tuple(
        printed(text, t, r, c)
        for t, rows in enumerate(tables)
        for r, row in enumerate(rows)
        for c, text in enumerate(row)
        if text
    )
    return with_numbers(name, numbers)


def with_numbers(name: str, numbers: Sequence[Number]) -> Reading:
    return Reading(f"{name}.jpg", name, "0" * 64, Transform(8000, 4000), True, 1.0, tuple(numbers))


def chords(first: int = 1, count: int = 45) -> list[list[str]]:
    """Arc, chord and sixtieths in nine columns: three of them nearly constant."""
    from tablesim.synthesis.tables import build

    return [[str(entry) for cell in row for entry in cell] for row in build("chords", first=first, count=count).rows]
