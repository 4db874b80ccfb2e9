"""A page as a grid: its tables in rows and columns as they are printed, side by side or below each other.

What CSV as a grid and a workbook of one page have in common. Tables that stand beside each other on the page share
lines where their rows stand level; a fraction is one number, in the cell of its whole or of its numerator.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from tablesim.digits.fractions_of_page import find_fractions
from tablesim.records.boxes import Box
from tablesim.records.number_parts import parse_number
from tablesim.records.reading import Number, Reading
from tablesim.records.transform import Transform

BESIDE = 0.5
"""Tables of which so much of the lower one's height stands level are beside each other; chosen by eye."""

STRAY = 0.1
"""Share of the numbers of a column that may stand further left, or right, than its edges say; chosen by eye."""

LEVEL = 0.5
"""Rows of tables beside each other are one line where their middles differ by less, in distances of rows."""


@dataclass(frozen=True)
class GridCell:
    """What stands in a cell: its numbers, mostly one; those of a fraction as one number whose text is ``2 6/8``."""

    numbers: tuple[Number, ...]


@dataclass(frozen=True)
class GridTable:
    """One table of a page.

    Parameters
    ----------
    table : int
        Its index in the reading, from 0.
    cells : dict of (int, int) to GridCell
        By row and column from 0, as in the reading; cells without a number are not there.
    upright : Transform
        Sets it upright; in its working pixels rows are level and columns stand.
    spans : dict of (int, int) to (float, float)
        Left and right edge of what stands in each cell, in working pixels.
    middles : dict of int to float
        The height at which each row stands, in working pixels.
    digit_height : float
        Median height of its digits, in working pixels.
    """

    table: int
    cells: dict[tuple[int, int], GridCell]
    upright: Transform
    spans: dict[tuple[int, int], tuple[float, float]]
    middles: dict[int, float]
    digit_height: float

    @property
    def n_columns(self) -> int:
        """How many columns it has."""
        return 1 + max(column for _, column in self.cells)

    @cached_property
    def edges(self) -> dict[int, tuple[float, float]]:
        """Left and right edge of each column, in working pixels: those of most of its numbers, without stray ones."""
        spans: dict[int, list[tuple[float, float]]] = {}
        for (_, column), span in self.spans.items():
            spans.setdefault(column, []).append(span)
        return {
            column: (
                float(np.quantile([low for low, _ in of], STRAY)),
                float(np.quantile([x for _, x in of], 1 - STRAY)),
            )
            for column, of in sorted(spans.items())
        }

    @cached_property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom edge of its numbers, in working pixels."""
        left, right = min(edge for edge, _ in self.spans.values()), max(edge for _, edge in self.spans.values())
        half = self.digit_height / 2
        return left, min(self.middles.values()) - half, right, max(self.middles.values()) + half

    @cached_property
    def row_distance(self) -> float:
        """Median distance of its rows, in working pixels; two digit heights where it has one row."""
        steps = [below - above for above, below in pairwise(sorted(self.middles.values()))]
        return float(np.median(steps)) if steps else 2 * self.digit_height


@dataclass(frozen=True)
class Band:
    """Tables that stand beside each other, from the left; ``lines`` has for each line of the grid a row of each."""

    tables: tuple[GridTable, ...]
    lines: tuple[tuple[int | None, ...], ...]


@dataclass(frozen=True)
class PageGrid:
    """A page as bands of tables, from the top, and the numbers outside tables."""

    bands: tuple[Band, ...]
    loose: tuple[Number, ...]

    @property
    def tables(self) -> Iterable[GridTable]:
        """Its tables, band by band."""
        return (table for band in self.bands for table in band.tables)


def page_grid(reading: Reading) -> PageGrid:
    """The grid of a page."""
    numbers = _with_whole_fractions(reading)
    tables: dict[int, list[Number]] = {}
    loose = []
    for number in (*numbers, *reading.repeated):
        if number.table is None or number.row is None or number.column is None:
            loose.append(number)
        else:
            tables.setdefault(number.table, []).append(number)
    placed = [_table(reading, index, of) for index, of in sorted(tables.items())]
    return PageGrid(tuple(_bands(placed)), tuple(loose))


def _with_whole_fractions(reading: Reading) -> list[Number]:
    """The numbers of a page; of those of a fraction that could be read the first, with the text of all."""
    numbers = reading.numbers
    fractions = find_fractions(numbers, [parse_number(n.text) for n in numbers], reading.transform.rotation)
    texts: dict[int, str] = {}
    taken: set[int] = set()
    for whole, top, bottom in fractions.parts:
        first = top if whole is None else whole
        if numbers[first].value is None:
            continue
        fraction = f"{numbers[top].digits_text}/{numbers[bottom].digits_text}"
        texts[first] = fraction if whole is None else f"{numbers[whole].text} {fraction}"
        taken |= {top, bottom} - {first}
    return [
        replace(number, text=texts[index]) if index in texts else number
        for index, number in enumerate(numbers)
        if index not in taken
    ]


def upright_of(reading: Reading, number: Number) -> Transform:
    """The transform that sets a number upright: that of the page, or of the region that stands otherwise."""
    for region in reading.transform.regions:
        if region.holds(number.box) and region.rotation != reading.transform.rotation:
            return replace(reading.transform, rotation=region.rotation, skew=0.0, warp=None, regions=())
    return reading.transform


def _table(reading: Reading, index: int, numbers: Sequence[Number]) -> GridTable:
    upright = upright_of(reading, numbers[0])
    cells: dict[tuple[int, int], list[tuple[float, Number]]] = {}
    spans: dict[tuple[int, int], tuple[float, float]] = {}
    middles: dict[int, list[float]] = {}
    heights = []
    for number in numbers:
        assert number.row is not None and number.column is not None
        box = working_box(upright, number.box)
        cells.setdefault((number.row, number.column), []).append((box.x, number))
        low, high = spans.get((number.row, number.column), (box.x, box.right))
        spans[number.row, number.column] = min(low, box.x), max(high, box.right)
        middles.setdefault(number.row, []).append(box.centre[1])
        heights.append(box.height)
    return GridTable(
        index,
        {at: GridCell(tuple(n for _, n in sorted(of, key=lambda pair: pair[0]))) for at, of in sorted(cells.items())},
        upright,
        spans,
        {row: float(np.median(of)) for row, of in sorted(middles.items())},
        float(np.median(heights)),
    )


def working_box(upright: Transform, box: Box) -> Box:
    """A box of source pixels in working pixels; its middle goes through the exact transform."""
    (x, y), *_ = upright.to_working(np.array([box.centre]))
    wide, high = upright.square_size
    width, height = box.width * wide / upright.source_width, box.height * high / upright.source_height
    if upright.rotation in (90, 270):
        width, height = height, width
    width, height = width * upright.scale, height * upright.scale
    return Box(float(x) - width / 2, float(y) - height / 2, width, height)


def _bands(tables: Sequence[GridTable]) -> Iterable[Band]:
    """Tables beside each other together, from the top of the page."""
    bands: list[list[GridTable]] = []
    for table in sorted(tables, key=lambda table: table.box[1]):
        if bands and all(_beside(table, other) for other in bands[-1]):
            bands[-1].append(table)
        else:
            bands.append([table])
    for band in bands:
        band.sort(key=lambda table: table.box[0])
        yield Band(tuple(band), tuple(_lines(band)))


def _beside(one: GridTable, other: GridTable) -> bool:
    if one.upright != other.upright:
        return False
    level = min(one.box[3], other.box[3]) - max(one.box[1], other.box[1])
    across = min(one.box[2], other.box[2]) - max(one.box[0], other.box[0])
    return level > BESIDE * min(one.box[3] - one.box[1], other.box[3] - other.box[1]) and across <= 0


def _lines(tables: Sequence[GridTable]) -> Iterable[tuple[int | None, ...]]:
    """The rows of tables beside each other, level ones in one line."""
    distance = min(table.row_distance for table in tables)
    rows = sorted((y, at, row) for at, table in enumerate(tables) for row, y in table.middles.items())
    line: dict[int, int] = {}
    start = 0.0
    for y, at, row in rows:
        if line and (at in line or y - start > LEVEL * distance):
            yield tuple(line.get(index) for index in range(len(tables)))
            line = {}
        if not line:
            start = y
        line[at] = row
    if line:
        yield tuple(line.get(index) for index in range(len(tables)))
