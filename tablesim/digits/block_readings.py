"""Puts the readings of blocks that stand otherwise than their page, such as tables on their side, into its reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from tablesim.digits.layout import MIN_NUMBERS, is_table
from tablesim.records.boxes import Box
from tablesim.records.reading import Ditto, Number, Reading
from tablesim.records.transform import PageRegion

C = TypeVar("C", Number, Ditto)

AROUND, BESIDE = 0.5, 4.0
"""Paper around the numbers of a block that belongs to it, and how near to its tables other numbers belong to it too, in
heights of a digit."""


@dataclass(frozen=True)
class BlockReading:
    """What was read in a block of a page, in source pixels of the page.

    Parameters
    ----------
    region : PageRegion
        Around its tables, with its own rotation.
    numbers : tuple of Number
        Those of its tables, and beside them.
    dittos : tuple of Ditto
    marks_mean : str
    """

    region: PageRegion
    numbers: tuple[Number, ...]
    dittos: tuple[Ditto, ...] = ()
    marks_mean: str = ""


def block_reading(reading: Reading, corner: tuple[int, int], rotation: int) -> BlockReading | None:
    """The reading of a piece of a page as that of a block; None where it stands as the page does, or has no table.

    Parameters
    ----------
    reading : Reading
        Of the piece alone.
    corner : tuple of int
        Its left and top on the page, in source pixels.
    rotation : int
        Clockwise degrees that set the rest of the page upright.
    """
    in_tables = [number for number in reading.numbers if number.table is not None]
    if (reading.transform.rotation - rotation) % 180 == 0 or len(in_tables) < MIN_NUMBERS:
        return None
    tall = max(max(digit.box.width, digit.box.height) for number in in_tables for digit in number.digits)
    near = PageRegion(_widened(Box.around(number.box for number in in_tables), BESIDE * tall), 0)
    numbers = tuple(
        replace(n, digits=tuple(replace(digit, box=_moved(digit.box, corner)) for digit in n.digits))
        for n in reading.numbers
        if near.holds(n.box)
    )
    dittos = tuple(replace(ditto, box=_moved(ditto.box, corner)) for ditto in reading.dittos)
    box = _widened(Box.around(number.box for number in numbers), AROUND * tall)
    return BlockReading(PageRegion(box, reading.transform.rotation), numbers, dittos, reading.marks_mean)


def with_blocks(reading: Reading, blocks: Sequence[BlockReading]) -> Reading:
    """The reading of a page with those of its blocks, whose tables come after its own."""
    for block in blocks:
        first = 1 + max((number.table for number in reading.numbers if number.table is not None), default=-1)
        numbers = (*reading.numbers, *(_numbered(number, first) for number in block.numbers))
        reading = replace(
            reading,
            numbers=numbers,
            dittos=(*reading.dittos, *(_numbered(ditto, first) for ditto in block.dittos)),
            marks_mean="; ".join(filter(None, (reading.marks_mean, block.marks_mean))),
            transform=replace(reading.transform, regions=(*reading.transform.regions, block.region)),
            is_table=is_table(numbers),
        )
    return reading


def _numbered(cell: C, first: int) -> C:
    return cell if cell.table is None else replace(cell, table=cell.table + first)


def _widened(box: Box, margin: float) -> Box:
    return Box(box.x - margin, box.y - margin, box.width + 2 * margin, box.height + 2 * margin)


def _moved(box: Box, corner: tuple[int, int]) -> Box:
    return Box(box.x + corner[0], box.y + corner[1], box.width, box.height)
