"""Corrections by hand: their CSV file, which of them hold, and a reading with them in place of what the machine read.

One number a line, by the box of the whole number in source pixels::

    page,sha256,x,y,width,height,read,correct,emendation,place_x,place_y,who,when,reason
    1746_clavius_1593_p283,4f1c...,2430,3558,44,55,24,29,,,,A. Reader,2026-03-02,the 9 is broken
    1746_clavius_1593_p283,4f1c...,310,120,90,40,69,,,,,A. Reader,2026-03-02,the sign of Cancer
    1746_clavius_1593_p284,99ab...,2511,998,60,52,1?,1?,,,,A. Reader,2026-03-02T10:15:00+01:00,worm hole
    1746_clavius_1593_p284,99ab...,2511,1060,60,52,71,71,11,,,A. Reader,2026-03-03,the printer took a 7

``correct`` is what is printed: digits, ``?`` for one that is illegible, a sign, point or comma as it is printed, and
nothing at all where no number is printed. A number that the machine missed has an empty ``read``. ``as read`` takes
back what was said of the number: the machine's reading holds again, with its doubt. ``emendation`` is what should stand
there where the print is wrong; what is compared is what is printed. ``place_x`` and ``place_y`` are the middle of the
cell that the number belongs to, where it is printed over another one.
``sha256`` is the hash of the scan, to which the correction belongs; the page id is for people and may change.

A corrected digit has confidence 1; one that a person cannot read either has no value and confidence 1; neither has a
runner-up. Numbers keep their table, row and column as long as corrections change digits alone; where numbers come or
go, the page is arranged anew. What the marks of the page mean is decided again, with what was corrected.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tablesim.digits.deskew import digit_sizes
from tablesim.digits.dittos import with_dittos
from tablesim.digits.layout import arrange_page, is_table
from tablesim.digits.marks_of_page import with_values
from tablesim.errors import MetadataError
from tablesim.files import refuse_special
from tablesim.records.boxes import Box
from tablesim.records.corrections import Correction
from tablesim.records.marks import RAISED_POINT
from tablesim.records.reading import ILLEGIBLE, Digit, Ditto, Number, Reading
from tablesim.records.transform import Transform
from tablesim.scans.csvfile import CsvFile, read_items, read_moment, read_number
from tablesim.scans.metadata import page_key, without_ending

COLUMNS = (
    *("page", "sha256", "x", "y", "width", "height", "read", "correct"),
    *("emendation", "place_x", "place_y", "who", "when", "reason"),
)
"""Columns of the file, in the order in which it is written."""

NEEDED = ("page", "x", "y", "width", "height", "correct")
"""Columns that a file must have; the others may be missing or blank."""

SAME_POSITION = 0.3
"""Boxes of one scan that share this much (intersection over union) are about the same number: chosen by eye, boxes
drawn by hand around one number share .5 and more, those of neighbours nothing."""

COVERED = 0.6
"""Numbers of which so much of the area lies in a correction's box are those it is about: chosen by eye, half a number
is too little, and of a number in a box drawn tightly by hand four fifths lie in it."""

SURE = 1.0
"""Confidence of what a person read."""


def read_corrections(path: str | Path) -> tuple[Correction, ...]:
    """The corrections in a CSV file, in its order.

    Separator and encoding are found as for every CSV; columns may stand in any order and case, other columns are passed
    over. The page may be given with the ending of its scan.

    Raises
    ------
    MetadataError
        The file is no CSV, lacks a column, or a line has a value that cannot be meant; the message names the lines.
    """
    path = Path(path)
    if _has_header_alone(path):
        return ()
    return read_items(path, COLUMNS, NEEDED, "a file of corrections", _correction)


def correction_row(correction: Correction) -> dict[str, str | float]:
    """The line of a correction in the file, by column."""
    box = correction.box
    sides = {"x": box.x, "y": box.y, "width": box.width, "height": box.height}
    if correction.place is not None:
        sides |= dict(zip(("place_x", "place_y"), correction.place, strict=True))
    texts = ("page", "sha256", "read", "correct", "emendation", "who", "when", "reason")
    return {
        **{name: getattr(correction, name) for name in texts},
        **{name: int(value) if value == int(value) else round(value, 2) for name, value in sides.items()},
    }


def corrections_in_force(corrections: Sequence[Correction]) -> tuple[Correction, ...]:
    """The latest correction of each number, in the order they were made; among them those that take one back.

    ``when`` decides where both have it, else the order of the list.
    """
    kept: dict[str, list[tuple[int, Correction]]] = defaultdict(list)
    for order, correction in enumerate(corrections):
        of_scan, moment = kept[correction.scan_key], correction.moment
        rivals = [pair for pair in of_scan if pair[1].box.overlap(correction.box) >= SAME_POSITION]
        moments = [rival.moment for _, rival in rivals]
        if moment is not None and any(other is not None and other > moment for other in moments):
            continue
        for pair in rivals:
            of_scan.remove(pair)
        of_scan.append((order, correction))
    return tuple(correction for _, correction in sorted((p for ps in kept.values() for p in ps), key=lambda p: p[0]))


def holding(corrections: Sequence[Correction]) -> tuple[Correction, ...]:
    """The corrections that say something of their numbers still: those in force that take nothing back."""
    return tuple(c for c in corrections_in_force(corrections) if not c.is_taken_back)


def numbers_at(box: Box, numbers: Sequence[Number]) -> list[int]:
    """Which numbers a box is about: those in it, at about its position, or of which it is a part.

    Numbers whose middle lies in the box are in it; the box is a part of a number, as of two that were read as one, when
    its middle lies in that number's.
    """
    return [
        index
        for index, other in enumerate(number.box for number in numbers)
        if box.contains(*other.centre) or other.contains(*box.centre) or other.overlap(box) >= SAME_POSITION
    ]


def text_at(box: Box, numbers: Sequence[Number]) -> str:
    """What stands at a box: the texts of ``numbers_at``, apart by a blank."""
    return " ".join(numbers[index].text for index in numbers_at(box, numbers))


def finds_its_number(correction: Correction, numbers: Sequence[Number]) -> bool:
    """Whether a correction can be applied to what the machine reads now, which may be another version's reading.

    It can where the machine reads what it read then, where its numbers lie in the correction's box, and where it reads
    nothing. It cannot where the box is only a part of a number that was read otherwise then: there it would strike out
    digits that nobody spoke of.
    """
    indices = numbers_at(correction.box, numbers)
    if not indices or text_at(correction.box, numbers) == correction.read:
        return True
    around = Box.around(numbers[index].box for index in indices)
    box = correction.box
    width = min(around.right, box.right) - max(around.x, box.x)
    height = min(around.bottom, box.bottom) - max(around.y, box.y)
    return max(width, 0.0) * max(height, 0.0) >= COVERED * around.area


def corrected(reading: Reading, corrections: Sequence[Correction]) -> Reading:
    """The reading as a person corrected it, without a histogram; the reading itself where nothing is corrected.

    Parameters
    ----------
    reading : Reading
        What the machine read.
    corrections : sequence of Correction
        Of this scan, in the order they were made; of several about one number the latest holds. Each replaces the
        numbers in its box, be it by one number or by none; where there are none, it adds one. Those that do not find
        their number (see ``finds_its_number``) change nothing.

    Returns
    -------
    Reading
        ``is_table`` is judged again where numbers came or went.
    """
    in_force = [c for c in holding(corrections) if finds_its_number(c, reading.numbers)]
    if not in_force:
        return reading
    indices_of = [numbers_at(correction.box, reading.numbers) for correction in in_force]
    removed = {index for indices in indices_of for index in indices}
    kept = dict(enumerate(reading.numbers))
    added: list[Number] = []
    rearrange = False
    for correction, indices in zip(in_force, indices_of, strict=True):
        one_to_one = len(indices) == 1 and sum(indices[0] in others for others in indices_of) == 1
        if one_to_one and correction.correct:
            kept[indices[0]] = _rewritten(correction, reading.numbers[indices[0]], reading.transform.rotation)
            removed.discard(indices[0])
        elif correction.correct:
            added.append(_number(correction, reading.transform.rotation))
        rearrange |= not (one_to_one and correction.correct) and bool(indices or correction.correct)
        rearrange |= correction.place is not None
    numbers = [number for index, number in kept.items() if index not in removed] + added
    if not rearrange:
        return _with_meaning(reading, numbers, reading.dittos)
    arranged = _arranged(numbers, reading.transform, in_force)
    marks = [replace(ditto, table=None, row=None, column=None) for ditto in reading.dittos]
    _, dittos = with_dittos(arranged, marks, reading.transform.rotation)
    return _with_meaning(replace(reading, is_table=is_table(arranged)), arranged, dittos)


def _with_meaning(reading: Reading, numbers: Sequence[Number], dittos: Sequence[Ditto]) -> Reading:
    """The reading with these numbers, and with what their marks mean; without histogram."""
    # A network that knows no kinds of marks wrote raised points for all of them, and left them undecided.
    pointed = [number for number in reading.numbers if RAISED_POINT in number.text]
    known = not pointed or any(number.value is not None for number in pointed)
    valued, marks_mean = with_values(numbers, rotation=reading.transform.rotation, kinds_known=known)
    return replace(reading, numbers=tuple(valued), dittos=tuple(dittos), marks_mean=marks_mean, histogram=None)


def divide_box(box: Box, n: int, rotation: int) -> list[Box]:
    """``n`` equal parts of a box in reading order, on a scan that has to be turned by ``rotation`` to be upright."""
    if rotation in (0, 180):
        step = box.width / n
        parts = [Box(box.x + step * part, box.y, step, box.height) for part in range(n)]
    else:
        step = box.height / n
        parts = [Box(box.x, box.y + step * part, box.width, step) for part in range(n)]
    # Turned by 90 degrees clockwise, what stood at the bottom comes first.
    return parts[::-1] if rotation in (90, 180) else parts


def _rewritten(correction: Correction, number: Number, rotation: int) -> Number:
    """The number with other digits: as many of them keep their boxes, else the number's box is divided."""
    digits_text = correction.digits_text
    boxes = [digit.box for digit in number.digits]
    if len(boxes) != len(digits_text):
        boxes = divide_box(number.box, len(digits_text), rotation)
    rewritten = replace(number, text=correction.correct, digits=_digits(digits_text, boxes), confidence=SURE, doubts=())
    return replace(rewritten, **_emended(correction))


def _number(correction: Correction, rotation: int) -> Number:
    digits_text = correction.digits_text
    digits = _digits(digits_text, divide_box(correction.box, len(digits_text), rotation))
    return Number(correction.correct, digits, SURE, **_emended(correction))


def _emended(correction: Correction) -> dict[str, Any]:
    """What should stand there, with who says so and when; empty where nothing is said of it."""
    if not correction.emendation:
        return {}
    return {"emendation": correction.emendation, "emended_by": correction.who, "emended_at": correction.when}


def _digits(digits_text: str, boxes: Sequence[Box]) -> tuple[Digit, ...]:
    return tuple(
        Digit(None if sign == ILLEGIBLE else int(sign), box, SURE) for sign, box in zip(digits_text, boxes, strict=True)
    )


def _arranged(numbers: Sequence[Number], transform: Transform, corrections: Sequence[Correction]) -> list[Number]:
    """The numbers in their tables; those that belong to another cell are arranged as if they were printed over it."""
    if not numbers:
        return []
    heights = digit_sizes(numbers, transform)[:, 1]
    places = [(correction, correction.place) for correction in corrections if correction.place is not None]
    printed: dict[tuple[Digit, ...], tuple[Digit, ...]] = {}
    moved = list(numbers)
    for correction, place in places:
        for index in numbers_at(correction.box, numbers):
            number = numbers[index]
            (x, y), (to_x, to_y) = number.box.centre, place
            digits = tuple(replace(d, box=_moved(d.box, to_x - x, to_y - y)) for d in number.digits)
            printed[digits] = number.digits
            moved[index] = replace(number, digits=digits)
    arranged = arrange_page(moved, transform, unit=max(float(np.median(heights)), 1.0))
    return [replace(number, digits=printed.get(number.digits, number.digits)) for number in arranged]


def _moved(box: Box, dx: float, dy: float) -> Box:
    return replace(box, x=box.x + dx, y=box.y + dy)


def _correction(values: dict[str, str], file: CsvFile) -> Correction:
    box = Box(*(_pixels(name, values[name], file.separator) for name in ("x", "y", "width", "height")))
    texts = {name: values[name] for name in ("read", "correct", "emendation", "who", "reason")} | {
        "when": read_moment(values["when"])
    }
    page = without_ending(page_key(values["page"]))
    place = None
    if values["place_x"].strip() or values["place_y"].strip():
        x, y = (_pixels(name, values[name], file.separator) for name in ("place_x", "place_y"))
        place = (x, y)
    return Correction(page, box, **texts, sha256=values["sha256"].lower(), place=place)


def _pixels(name: str, text: str, separator: str) -> float:
    try:
        return read_number(text, separator)
    except ValueError as error:
        raise MetadataError(f"{name}: got {text!r}, expected a number of pixels") from error


def _has_header_alone(path: Path) -> bool:
    """A run without a correction has a file with nothing but its column names."""
    try:
        refuse_special(path)
        lines = [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError):
        return False
    names = set(re.split(r"[,;\t]", lines[0].strip().casefold())) if len(lines) == 1 else set()
    return set(NEEDED) <= names <= set(COLUMNS)
