"""Computed editions as readings without error: what the benchmarks of evidence give to it."""

from __future__ import annotations

from collections.abc import Sequence

from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Number, Reading
from tablesim.records.transform import Transform
from tablesim.synthesis.stemma import SimulatedEdition

Place = tuple[int, str, int]
"""Row of the computed table, name of the column, place within the cell: as a misprint names where it is."""

SURE = 0.9999
"""Confidence of a reader that does not err."""


def reading_of(witness: SimulatedEdition, page: str) -> tuple[Reading, dict[int, Place]]:
    """The text of a witness as one wide table, and by ``id`` of each number the place that it fills."""
    numbers: list[Number] = []
    places: dict[int, Place] = {}
    for row, (line, cells) in enumerate(zip(witness.lines, witness.table.rows, strict=True)):
        across = 0
        for head, cell in zip(witness.table.columns, cells, strict=True):
            if head.words:
                continue
            for place, entry in enumerate(cell):
                text = "".join(filter(str.isdigit, str(entry)))
                if text:
                    numbers.append(_printed(text, row, across + place))
                    places[id(numbers[-1])] = (line, head.name, place)
            across += head.places
    return Reading(f"{page}.jpg", page, "0" * 64, Transform(8000, 8000), True, 1.0, tuple(numbers)), places


def reading_of_rows(rows: Sequence[Sequence[str]], page: str) -> Reading:
    """A page with one table of these texts, digits alone, blanks empty."""
    numbers = [_printed(text, r, c) for r, row in enumerate(rows) for c, text in enumerate(row) if text]
    return Reading(f"{page}.jpg", page, "0" * 64, Transform(8000, 8000), True, 1.0, tuple(numbers))


def _printed(text: str, row: int, column: int) -> Number:
    digits = tuple(
        Digit(int(figure), Box(20 + 60 * column + 9 * at, 20 + 40 * row, 8, 12), SURE) for at, figure in enumerate(text)
    )
    return Number(text, digits, SURE, 0, row, column)
