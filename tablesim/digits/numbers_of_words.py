"""Numbers from words that were read elsewhere: the figures of each, with boxes divided evenly, in rows and columns.

Where a file has cells they hold; elsewhere rows and columns come from the boxes, as in a reading of ours (`layout`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from tablesim.digits.corrections import divide_box
from tablesim.digits.layout import arrange_page, is_table
from tablesim.digits.marks_of_page import with_values
from tablesim.records.bins import count_bigrams
from tablesim.records.boxes import Box
from tablesim.records.marks import COMMA, POINT, RAISED_POINT
from tablesim.records.reading import ILLEGIBLE, Digit, Number, Reading
from tablesim.records.transform import Transform
from tablesim.scans.word_files import PrintedWord

_THIN = "\u2009\u202f"
_NUMBER = re.compile(rf"[0-9?]+(?:[{POINT}{COMMA}{RAISED_POINT}{_THIN}][0-9?]+)*/?")
"""Figures with a point, comma or thin space between them; the bar of a fraction goes with its numerator."""

_OTHER_POINTS = str.maketrans(
    {"\u2027": RAISED_POINT, "\u2219": RAISED_POINT, "\u22c5": RAISED_POINT, "\u202f": "\u2009"}
)
MAX_FIGURES = 100
"""Figures of a number that was read elsewhere; no printed number has so many, and Python turns 4,300 into an int."""

MAX_NUMBERS = 100_000
"""A page has no more; a file with more is no page."""


def numbers_of_words(words: Iterable[PrintedWord]) -> list[Number]:
    """The numbers of words in their order; cells as the words have them.

    Raises
    ------
    ValueError
        More numbers than a page has, or a number of more figures than one has.
    """
    found = []
    for word in words:
        text = word.text.translate(_OTHER_POINTS)
        for match in _NUMBER.finditer(text):
            if not any(sign.isdigit() for sign in match[0]):
                continue
            step = word.box.width / len(text)
            part = Box(word.box.x + step * match.start(), word.box.y, step * len(match[0]), word.box.height)
            figures = [sign for sign in match[0] if sign.isdigit() or sign == ILLEGIBLE]
            if len(figures) > MAX_FIGURES:
                raise ValueError(f"a number of {len(figures):,} figures")
            sure = 1.0 if word.confidence is None else word.confidence
            digits = tuple(
                Digit(None if sign == ILLEGIBLE else int(sign), box, sure)
                for sign, box in zip(figures, divide_box(part, len(figures), 0), strict=True)
            )
            table, row, column = word.cell or (None, None, None)
            number = Number(match[0], digits, sure, table, row, column)
            # An emendation is about the whole word.
            if word.emended is not None and match[0] == text.strip():
                said, who, when = word.emended
                number = replace(number, emendation=said, emended_by=who, emended_at=when)
            found.append(number)
            if len(found) > MAX_NUMBERS:
                raise ValueError(f"more than {MAX_NUMBERS:,} numbers")
    return found


def reading_of_numbers(
    numbers: Sequence[Number], size: tuple[int, int], *, scan: str, page: str, sha256: str, note: str
) -> Reading:
    """A reading of numbers that were read elsewhere; they are put into rows and columns where none has a cell.

    Parameters
    ----------
    numbers : sequence of Number
        Several numbers of one cell get a column each, as degrees and minutes have in every reading.
    size : (int, int)
        Width and height of the image in pixels.
    scan, page, sha256, note : str
        Of the reading.
    """
    transform = Transform(max(1, size[0]), max(1, size[1]))
    if any(number.table is not None for number in numbers):
        arranged = _a_column_each(numbers)
    elif numbers:
        unit = float(np.median([digit.box.height for number in numbers for digit in number.digits]))
        arranged = arrange_page(numbers, transform, unit=max(unit, 1.0))
    else:
        arranged = []
    valued, marks_mean = with_values(arranged)
    sure = float(np.mean([number.confidence for number in valued])) if valued else 0.0
    reading = Reading(
        scan, page, sha256, transform, is_table(valued), sure, tuple(valued), note=note, marks_mean=marks_mean
    )
    return reading.with_histogram(count_bigrams(number.digits_text for number in valued).astype(np.float32))


def _a_column_each(numbers: Sequence[Number]) -> list[Number]:
    """The columns of each table numbered anew, so that a cell holds one number."""
    cells: dict[tuple[int | None, int | None, int | None], list[Number]] = {}
    for number in numbers:
        cells.setdefault((number.table, number.row, number.column), []).append(number)
    widest: dict[tuple[int, int], int] = {}
    for (table, _, column), held in cells.items():
        if table is not None and column is not None:
            widest[table, column] = max(widest.get((table, column), 0), len(held))
    first: dict[tuple[int, int], int] = {}
    for table in {table for table, _ in widest}:
        at = 0
        for column in sorted(column for other, column in widest if other == table):
            first[table, column] = at
            at += widest[table, column]
    return [
        number if table is None or column is None else replace(number, column=first[table, column] + place)
        for (table, _, column), held in cells.items()
        for place, number in enumerate(held)
    ]
