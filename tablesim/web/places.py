"""Where a new number belongs: the cell of a box that was drawn on the scan, and the box of an empty cell."""

from __future__ import annotations

import math
from typing import Any

from tablesim.corpus.store import Corpus
from tablesim.digits.cell_boxes import expected_box, number_at
from tablesim.digits.corrections import corrected, numbers_at, text_at
from tablesim.errors import SettingsError
from tablesim.records.address import CellAddress, PageAddresses, parse_address
from tablesim.records.boxes import Box
from tablesim.records.corrections import MAX_PIXELS_A_SIDE, Correction
from tablesim.records.reading import Reading
from tablesim.web.live import LiveRun
from tablesim.web.request_values import RequestValues

SIDES = ("x", "y", "width", "height")


def one_place(live: LiveRun, asked: RequestValues) -> dict[str, Any]:
    """Of ``cell`` the box where its number is to be looked for; of ``x``, ``y``, ``width``, ``height`` the cell that a
    number printed there comes to stand in, from the layout of the page. And what stands there.
    """
    corpus = live.corpus
    page = asked.text("page")
    reading = corpus.reading(page)
    if asked.text("cell", ""):
        cell = parse_address(asked.text("cell"))
        there = number_at(reading, cell)
        box = expected_box(reading, cell) if there is None else there.box
        anchor = cell.anchor
    else:
        box = Box(*(pixels(asked, side) for side in SIDES))
        anchor = _natural_cell(corpus, reading, box)
    return {
        "version": live.version,
        "sha256": reading.sha256,
        **box.to_dict(),
        "cell": anchor,
        "stands": text_at(box, reading.numbers),
    }


def place_of(corpus: Corpus, reading: Reading, box: Box, cell: CellAddress) -> tuple[float, float] | None:
    """The middle of the cell that a number at a box is put into; None where it comes to stand there by itself.

    Raises
    ------
    SettingsError
        Another number stands in the cell, or the page has no such cell.
    """
    if _natural_cell(corpus, reading, box) == cell.anchor:
        return None
    there = number_at(reading, cell)
    if there is not None and there.box.overlap(box) == 0:
        raise SettingsError(f"cell: {cell.words} has {there.printed} already; choose another, or empty that one first")
    x, y = expected_box(reading, cell).centre
    return round(x, 2), round(y, 2)


def anchor_at(box: Box, reading: Reading) -> str:
    """The anchor of the cell of the number at a box; empty outside tables, and where no number is."""
    for index in numbers_at(box, reading.numbers):
        address = PageAddresses(reading).of(reading.numbers[index])
        if address is not None:
            return address.anchor
    return ""


def _natural_cell(corpus: Corpus, reading: Reading, box: Box) -> str:
    """Where a number printed at a box comes to stand by the layout of the page."""
    if numbers_at(box, reading.numbers):
        return anchor_at(box, reading)
    made = corpus.corrections.by_scan.get(reading.sha256, ())
    tried = Correction(reading.page, box, "", "0", sha256=reading.sha256)
    return anchor_at(box, corrected(corpus.machine_reading(reading.page), [*made, tried]))


def pixels(asked: RequestValues, side: str) -> float:
    """A number of pixels in an address."""
    try:
        value = float(asked.text(side))
    except ValueError:
        value = math.nan
    if not abs(value) <= MAX_PIXELS_A_SIDE or (side in ("width", "height") and value <= 0):
        raise SettingsError(f"{side}: got {asked.text(side)!r}, expected a number of pixels of a box on the scan")
    return value
