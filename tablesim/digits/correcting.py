"""A reading with a person's corrections in the place of what the machine read.

A corrected figure has confidence 1, one that a person cannot tell either has no value and confidence 1; neither has a
runner-up. All else stays as it was read. Numbers keep their table, row and column as long as the corrections change
figures alone; where numbers come or go, the page is arranged anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tablesim.digits.corrections import SAME_PLACE, Correction, corrections_in_force
from tablesim.digits.layout import arrange, is_table
from tablesim.records.boxes import Box
from tablesim.records.reading import ILLEGIBLE, Digit, Number, Reading

SURE = 1.0
"""Confidence of what a person read."""


def meant(correction: Correction, numbers: Sequence[Number]) -> list[int]:
    """Which numbers a correction is about: those in its box, at about its place, or of which it is a part.

    Numbers whose middle lies in the box are in it; the box is a part of a number, as of two that were read as one, when
    its middle lies in that number's.
    """
    box = correction.box
    return [
        at
        for at, other in enumerate(number.box for number in numbers)
        if box.contains(*other.centre) or other.contains(*box.centre) or other.overlap(box) >= SAME_PLACE
    ]


def corrected(reading: Reading, corrections: Sequence[Correction]) -> Reading:
    """The reading as a person corrected it, without a histogram; the reading itself where nothing is corrected.

    Parameters
    ----------
    reading : Reading
        What the machine read.
    corrections : sequence of Correction
        Of this page, in the order they were made; of several about one number the latest holds. Each replaces the
        numbers in its box, be it by one number or by none; where there are none, it adds one.

    Returns
    -------
    Reading
        ``is_table`` is judged again where numbers came or went.
    """
    held = corrections_in_force(corrections)
    if not held:
        return reading
    about = [meant(correction, reading.numbers) for correction in held]
    gone = {at for places in about for at in places}
    kept = dict(enumerate(reading.numbers))
    added: list[Number] = []
    moved = False
    for correction, places in zip(held, about, strict=True):
        once = len(places) == 1 and sum(places[0] in others for others in about) == 1
        if once and correction.correct:
            kept[places[0]] = _rewritten(correction, reading.numbers[places[0]], reading.transform.rotation)
            gone.discard(places[0])
        elif correction.correct:
            added.append(_number(correction, reading.transform.rotation))
        moved |= not (once and correction.correct) and bool(places or correction.correct)
    numbers = [number for at, number in kept.items() if at not in gone] + added
    if not moved:
        return replace(reading, numbers=tuple(numbers), histogram=None)
    arranged = _arranged(numbers, reading.transform.rotation)
    return replace(reading, numbers=tuple(arranged), is_table=is_table(arranged), histogram=None)


def _rewritten(correction: Correction, number: Number, rotation: int) -> Number:
    """The number with other figures: as many of them keep their boxes, else the number's box is shared out."""
    figures = correction.digits_text
    boxes = [digit.box for digit in number.digits]
    if len(boxes) != len(figures):
        boxes = shared_out(number.box, len(figures), rotation)
    return replace(number, text=correction.correct, digits=_digits(figures, boxes), confidence=SURE)


def _number(correction: Correction, rotation: int) -> Number:
    figures = correction.digits_text
    digits = _digits(figures, shared_out(correction.box, len(figures), rotation))
    return Number(correction.correct, digits, SURE)


def _digits(figures: str, boxes: Sequence[Box]) -> tuple[Digit, ...]:
    return tuple(
        Digit(None if figure == ILLEGIBLE else int(figure), box, SURE)
        for figure, box in zip(figures, boxes, strict=True)
    )


def shared_out(box: Box, n: int, rotation: int) -> list[Box]:
    """``n`` equal parts of a box in reading order, on a scan that has to be turned by ``rotation`` to be upright."""
    if rotation in (0, 180):
        step = box.width / n
        parts = [Box(box.x + step * at, box.y, step, box.height) for at in range(n)]
    else:
        step = box.height / n
        parts = [Box(box.x, box.y + step * at, box.width, step) for at in range(n)]
    # Turned by 90 degrees clockwise, what stood at the bottom comes first.
    return parts[::-1] if rotation in (90, 180) else parts


def _arranged(numbers: Sequence[Number], rotation: int) -> list[Number]:
    turned = rotation in (90, 270)
    sides = [digit.box.width if turned else digit.box.height for number in numbers for digit in number.digits]
    if not sides:
        return []
    return arrange(numbers, unit=max(float(np.median(sides)), 1.0), rotation=rotation)
