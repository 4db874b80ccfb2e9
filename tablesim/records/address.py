"""The address of a cell, one for people everywhere: table, row and column from 1, the row's argument, the heading.

Readings and JSON count from 0; whatever a person sees, types or clicks says the address: terminal, pages, CSV, TEI,
workbooks, links. The argument of a row is what its first column says, where that column is one (`records.arguments`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from tablesim.errors import SettingsError
from tablesim.language import say
from tablesim.records.arguments import Arguments
from tablesim.records.reading import DigitRun, Number, Reading


@dataclass(frozen=True, slots=True, order=True)
class CellAddress:
    """Where a number stands in the tables of a page, or of a collation.

    Parameters
    ----------
    table, row, column : int
        From 1, in reading order.
    argument : str, optional
        What the row's argument is, as printed; None where the table has none, or it could not be read.
    heading : str, optional
        What stands above the column, where its words are known.
    only_table : bool
        Whether there is no other table: words then leave it out. Says nothing of the cell, so it is not compared.

    Examples
    --------
    >>> CellAddress(1, 16, 3, argument="12", heading="G M").words
    'table 1, row 16 (12), column 3 (G M)'
    >>> CellAddress(1, 16, 3, only_table=True).short
    'r16 c3'
    """

    table: int
    row: int
    column: int
    argument: str | None = field(default=None, compare=False)
    heading: str | None = field(default=None, compare=False)
    only_table: bool = field(default=False, compare=False)

    @property
    def words(self) -> str:
        """``row 16 (12), column 3 (G M)``, after ``table 2,`` where there is more than one."""
        return f"{self.row_place}, {self.column_words}"

    @property
    def row_place(self) -> str:
        """``row 16 (12)``, after ``table 2,`` where there is more than one."""
        return f"{self._table}{self.row_words}"

    @property
    def column_place(self) -> str:
        """``column 3 (G M)``, after ``table 2,`` where there is more than one."""
        return f"{self._table}{self.column_words}"

    @property
    def _table(self) -> str:
        return "" if self.only_table else f"{say('table {table}', table=self.table)}, "

    @property
    def row_words(self) -> str:
        """``row 16 (12)``."""
        words = say("row {row}", row=self.row)
        return f"{words} ({self.argument})" if self.argument else words

    @property
    def column_words(self) -> str:
        """``column 3 (G M)``."""
        return say("column {column}", column=self.column_label)

    @property
    def column_label(self) -> str:
        """``3 (G M)``."""
        return f"{self.column} ({self.heading})" if self.heading else str(self.column)

    @property
    def short(self) -> str:
        """``r16 c3``, after ``t2`` where there is more than one table."""
        return ("" if self.only_table else f"t{self.table} ") + f"r{self.row} c{self.column}"

    @property
    def anchor(self) -> str:
        """What a link to the cell ends in: ``t1r16c3``."""
        return f"t{self.table}r{self.row}c{self.column}"


_ADDRESS = re.compile(
    r"\s*(?:t(?:able)?\s*(?P<table>\d+)\s*,?\s*)?"
    r"r(?:ow)?\s*(?P<row>\d+)\s*(?:\((?P<argument>.*)\))?\s*,?\s*"
    r"c(?:ol(?:umn)?)?\s*(?P<column>\d+)\s*(?:\((?P<heading>.*)\))?\s*",
    re.IGNORECASE,
)


def parse_address(text: str) -> CellAddress:
    """The address that a text says: its words, its short form or its anchor; without a table the only one.

    Raises
    ------
    SettingsError
        The text is no address, or counts from 0.
    """
    match = _ADDRESS.fullmatch(text.removeprefix("#"))
    numbers = [] if match is None else [int(match[name] or 1) for name in ("table", "row", "column")]
    if match is None or min(numbers) < 1:
        raise SettingsError(
            f"address of a cell: got {text!r}, expected something like 'row 16, column 3', 'r16 c3' or 't1r16c3', "
            "counted from 1; give it as the collation or the page prints it"
        )
    table, row, column = numbers
    return CellAddress(table, row, column, match["argument"], match["heading"], match["table"] is None)


class PageAddresses:
    """The addresses of the cells of one page.

    Parameters
    ----------
    reading : Reading
    headings : mapping of (table, column) to str, optional
        Words above columns where they are known, by table and column from 0.
    """

    def __init__(self, reading: Reading, headings: Mapping[tuple[int, int], str] | None = None) -> None:
        self.reading = reading
        self.headings = dict(headings or {})

    def of(self, number: DigitRun) -> CellAddress | None:
        """The address of a number of the page; None outside tables."""
        if number.table is None or number.row is None or number.column is None:
            return None
        return self.at(number.table, number.row, number.column)

    def at(self, table: int, row: int, column: int) -> CellAddress:
        """The address of a cell whose table, row and column are counted from 0, as in a `Reading` and in JSON."""
        arguments = self.arguments.get(table)
        return CellAddress(
            table + 1,
            row + 1,
            column + 1,
            None if arguments is None else arguments.of(row, column),
            self.headings.get((table, column)),
            self.only_table,
        )

    @cached_property
    def only_table(self) -> bool:
        """Whether the page has one table at most."""
        return len({number.table for number in self.reading.numbers if number.table is not None}) < 2

    @cached_property
    def arguments(self) -> dict[int, Arguments]:
        """The arguments of each table, by its index from 0."""
        cells: dict[int, dict[tuple[int, int], Number]] = {}
        for number in (*self.reading.repeated, *self.reading.numbers):
            if number.table is not None and number.row is not None and number.column is not None:
                cells.setdefault(number.table, {})[number.row, number.column] = number
        return {table: Arguments(numbers) for table, numbers in cells.items()}


def siglum(index: int) -> str:
    """The letters of a witness, counted from 0: A, B, ..., Z, AA, AB, ..."""
    letters = ""
    while index >= 0:
        index, letter = divmod(index, 26)
        letters, index = chr(ord("A") + letter) + letters, index - 1
    return letters


@dataclass(frozen=True, slots=True)
class Siglum:
    """A witness's letters and what they stand for; given once for a collation, defined where they are first shown.

    Parameters
    ----------
    letters : str
        A, B, ..., Z, AA, ...
    name : str
        What it stands for, as ``Clavius 1585, p. 12``.
    """

    letters: str
    name: str

    @property
    def words(self) -> str:
        """The definition: ``A: Clavius 1585, p. 12``."""
        return f"{self.letters}: {self.name}"


def sigla_of(names: Iterable[str]) -> tuple[Siglum, ...]:
    """A siglum for each name, in their order."""
    return tuple(Siglum(siglum(index), name) for index, name in enumerate(names))
