"""The numbers of a page as cells that know their neighbours to the right and below, and where a pattern stands in them.

Neighbours are the next numbers: a blank between two is passed over, and a ditto mark stands for the number it repeats.
Below the last number of a half-table stands the first of the half-table in which its argument goes on.
The parts of a fraction are one cell. A cell of which the reader is not sure holds what else may be printed there, too.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from tablesim.corpus.search.number_query import ANY, ONE, Pattern, PatternCell, fraction_key, key_of, sign_of
from tablesim.digits.fractions_of_page import find_fractions
from tablesim.digits.units_of_page import PageUnits, units_of_page
from tablesim.records.arguments import Arguments, value_of
from tablesim.records.marks import BAR
from tablesim.records.number_parts import PARTING, parse_number
from tablesim.records.reading import Number, Reading

UNSURE = 0.95
"""Confidence of a digit below which the runner-up may be printed too: of the sample's 23,172 digits one of a hundred is
below it, and all three that are misread are."""

DOUBTED = 0.9
"""Confidence of a number below which it is doubtful: one of ten such numbers is wrong, if probabilities hold."""

APART, UNDECIDED, JOINED = 0, 1, 2
"""Whether a cell and the next to its right are places of one value: no; it is undecided; yes."""


class PageCell(NamedTuple):
    """A number in a table.

    Parameters
    ----------
    number : Number
        For a fraction its first number.
    key : str
        What was read: figures, ``3/8`` or ``39;1``.
    other : str
        What else may be printed there; empty where the reader is sure.
    link : int
        `APART`, `UNDECIDED` or `JOINED`.
    """

    number: Number
    key: str
    other: str
    link: int

    @property
    def doubtful(self) -> bool:
        return self.number.confidence < DOUBTED


class PlacedCell(NamedTuple):
    """A cell of a pattern as it was found: which of the page it is, and whether it was read so, or only may be so."""

    where: int
    step: PatternCell
    read: bool


@dataclass(frozen=True)
class PageCells:
    """The cells of a page row by row.

    Parameters
    ----------
    cells : tuple of PageCell
    right, down : tuple of int
        Index of the next number in the row and in the column; -1 at the end.
    units : PageUnits
    """

    cells: tuple[PageCell, ...]
    right: tuple[int, ...]
    down: tuple[int, ...]
    units: PageUnits

    @cached_property
    def _by_key(self) -> dict[str, list[int]]:
        indices = defaultdict(list)
        for index, cell in enumerate(self.cells):
            indices[cell.key].append(index)
            if cell.other:
                indices[cell.other].append(index)
        return indices

    def places(self, pattern: Pattern) -> Iterator[tuple[PlacedCell, ...]]:
        """Where the cells of a pattern stand, each place once."""
        first = pattern.steps[0].key
        wild = set(first) & set(ANY + ONE)
        for start in range(len(self.cells)) if wild else self._by_key.get(first, ()):
            found: list[PlacedCell] = []
            for step in pattern.steps:
                index = start
                if step.parent >= 0:
                    index = (self.down if step.down else self.right)[found[step.parent].where]
                holds = index >= 0 and holds_key(self.cells[index], step.key)
                if not holds:
                    break
                found.append(PlacedCell(index, step, holds == "sure"))
            else:
                yield tuple(found)

    def sure(self, placed: Sequence[PlacedCell]) -> bool:
        """Whether all cells were read as they were asked for, and none is doubtful."""
        asked = [cell for cell in placed if cell.step.key != ANY]
        return all(cell.read and not self.cells[cell.where].doubtful for cell in asked)

    def link(self, placed: Sequence[PlacedCell]) -> int:
        """How far the places of its values are known to be that: the least of them."""
        links = [self.cells[placed[cell.step.parent].where].link for cell in placed if cell.step.place]
        return min(links, default=JOINED)


def holds_key(cell: PageCell, key: str) -> str:
    """``sure`` or ``unsure`` where a cell holds what a step looks for, else nothing."""
    if key == ANY:
        return "sure"
    if set(key) & set(ANY + ONE):
        wanted = re.compile("".join({ANY: "[0-9]*", ONE: "[0-9]"}.get(sign, sign) for sign in key))
        return "sure" if wanted.fullmatch(cell.key) else "unsure" if wanted.fullmatch(cell.other) else ""
    return "sure" if cell.key == key else "unsure" if cell.other == key else ""


def agrees_with_marks(typed: str, number: Number) -> bool:
    """Whether a number has the sign that was typed, and its marks between the same figures, where it has any."""
    printed, wanted = parse_number(number.text), parse_number(typed)
    if printed is None or wanted is None:
        return True
    if sign_of(typed) and printed.sign != sign_of(typed):
        return False
    groups = [len(group) for group in printed.groups]
    asked = [len(group) for group in wanted.groups]
    if not any(mark in number.text for mark in PARTING):
        return True
    if not any(mark in typed for mark in PARTING):
        # Typed without its mark a number has all figures behind it: 2 is not 0·002, 5 not 3·05.
        return sum(asked) >= sum(groups[1:])
    return groups[1:] == asked[1:]


def page_cells(reading: Reading) -> PageCells:
    """The cells of a reading."""
    units = units_of_page(reading.numbers)
    fractions, parts = _fractions(reading)
    by_place: dict[tuple[int, int, int], PageCell] = {}
    for index, number in enumerate((*reading.numbers, *reading.repeated)):
        if number.table is None or number.row is None or number.column is None or index in parts:
            continue
        group = units.of(number.table, number.column)
        link = APART
        if group is not None and number.column != group.columns[-1]:
            link = JOINED if group.decided else UNDECIDED
        key = fractions.get(index) or _key(number)
        by_place[number.table, number.row, number.column] = PageCell(number, key, _other(number), link)
    places = sorted(by_place)
    right, down = [-1] * len(places), [-1] * len(places)
    above: dict[tuple[int, int], int] = {}
    top: dict[tuple[int, int], int] = {}
    for at, (table, row, column) in enumerate(places):
        if at and places[at - 1][:2] == (table, row):
            right[at - 1] = at
        if (before := above.get((table, column))) is not None:
            down[before] = at
        above[table, column] = at
        top.setdefault((table, column), at)
    for one, following in _half_tables({place: by_place[place].number for place in places}).items():
        if one in above and following in top:
            down[above[one]] = top[following]
    return PageCells(tuple(by_place[place] for place in places), tuple(right), tuple(down), units)


Column = tuple[int, int]
"""A table of a page and a column of it, from 0."""


def _half_tables(numbers: Mapping[tuple[int, int, int], Number]) -> dict[Column, Column]:
    """Where columns of half-tables go on: beside, or in the next table of as many columns.

    A half-table goes on in another one where its argument does.
    """
    tables: dict[int, dict[tuple[int, int], Number]] = {}
    for (table, row, column), number in numbers.items():
        tables.setdefault(table, {})[row, column] = number
    found: dict[Column, Column] = {}
    last: tuple[int, int, int] | None = None  # of the table before: which it is, and its last block
    for table, cells in sorted(tables.items()):
        begins = Arguments(cells).columns
        if not begins:
            last = None
            continue
        ends = [*begins[1:], 1 + max(column for _, column in cells)]
        if last is not None and ends[0] - begins[0] == last[2] - last[1]:
            before, first, _ = last
            if _goes_on(_values(tables[before], first), _values(cells, begins[0])):
                found |= {(before, first + at): (table, begins[0] + at) for at in range(ends[0] - begins[0])}
        for (first, end), (beside, beside_end) in pairwise(zip(begins, ends, strict=True)):
            width = min(end - first, beside_end - beside)
            found |= {(table, first + at): (table, beside + at) for at in range(width)}
        last = table, begins[-1], ends[-1]
    return found


def _values(cells: Mapping[tuple[int, int], Number], column: int) -> list[Fraction]:
    """The values of a column from above, those that can be read."""
    values = (value_of(number) for (_, at), number in sorted(cells.items()) if at == column)
    return [value for value in values if value is not None]


def _goes_on(above: Sequence[Fraction], below: Sequence[Fraction]) -> bool:
    """Whether the second values follow the first by a step of one of them."""
    if min(len(above), len(below)) < 2:
        return False
    return below[0] - above[-1] in (above[-1] - above[-2], below[1] - below[0])


def _fractions(reading: Reading) -> tuple[dict[int, str], set[int]]:
    """The keys of fractions by their first numbers, and which numbers are parts of them and no cells of their own."""
    if not any(BAR in number.text for number in reading.numbers):
        return {}, set()
    printed = [parse_number(number.text) for number in reading.numbers]
    keys, parts = {}, set()
    for whole, numerator, denominator in find_fractions(reading.numbers, printed, reading.transform.rotation).parts:
        first = numerator if whole is None else whole
        value = reading.numbers[first].value
        if isinstance(value, Fraction | int) and reading.numbers[first].table is not None:
            keys[first] = fraction_key(Fraction(value))
            parts |= {part for part in (numerator, denominator) if part != first}
    return keys, parts


def _key(number: Number) -> str:
    if isinstance(number.value, Fraction):
        # A mark parts degrees and minutes.
        parts = parse_number(number.text)
        if parts is not None and parts.marks:
            return f"{key_of(parts.groups[0])};{','.join(map(key_of, parts.groups[1:]))}"
    return key_of(number.digits_text)


def _other(number: Number) -> str:
    """The figures with the likeliest runner-up of a digit that is unsure, where there is one."""
    rivals = [
        (digit.runner_up[1], at, digit.runner_up[0])
        for at, digit in enumerate(number.digits)
        if digit.runner_up is not None and digit.confidence < UNSURE
    ]
    if not rivals:
        return ""
    _, place, value = max(rivals)
    text = number.digits_text
    return key_of(f"{text[:place]}{value}{text[place + 1 :]}")
