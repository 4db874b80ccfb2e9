"""Collations: the witnesses of a table cell by cell, and what each of them has there. Made by `evidence.collation`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tablesim.language import say, to_say
from tablesim.records.address import CellAddress, PageAddresses, siglum
from tablesim.records.html import html_table
from tablesim.records.number_values import value_to_json
from tablesim.records.reading import Number, Reading

AGREES, DIFFERS, MISSING = to_say("agrees"), to_say("differs"), to_say("missing")
ILLEGIBLE_STATE = to_say("illegible")
STATES = (AGREES, DIFFERS, MISSING, ILLEGIBLE_STATE)
"""What a cell may be, in the order in which counts are given."""

Line = tuple[int | None, ...]
"""A row or column of the alignment: its index in each witness, counted through its tables and pages, or None."""


@dataclass(frozen=True)
class Witness:
    """One text of a table, on one page or on several that follow each other.

    Parameters
    ----------
    readings : tuple of Reading
        What was read on its pages.
    pages : tuple of int
        For each number the index of its reading.
    indices : tuple of int
        For each number its index among those of its reading; -1 where a ditto mark repeats the number above.
    numbers : tuple of Number
        The numbers that are in tables, page after page, and what ditto marks repeat.
    """

    readings: tuple[Reading, ...]
    pages: tuple[int, ...]
    indices: tuple[int, ...]
    numbers: tuple[Number, ...]

    @property
    def name(self) -> str:
        """Its page ids, joined by ``+``."""
        return "+".join(reading.page for reading in self.readings)

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The digits of each number."""
        return tuple(number.digits_text for number in self.numbers)

    @cached_property
    def rows(self) -> tuple[tuple[int, int, int], ...]:
        """Page, table of the page and row of the table, all from 0, of each row as a collation counts them."""
        lines = {(page, n.table or 0, n.row or 0) for page, n in zip(self.pages, self.numbers, strict=True)}
        return tuple(sorted(lines))

    @cached_property
    def columns(self) -> tuple[tuple[int, int, int], ...]:
        """Likewise of each column; one in whose cells stand two numbers counts twice."""
        most: Counter[tuple[int, int, int]] = Counter()
        cells = Counter(
            (page, n.table or 0, n.row or 0, n.column or 0) for page, n in zip(self.pages, self.numbers, strict=True)
        )
        for (page, table, _, column), n in cells.items():
            most[page, table, column] = max(most[page, table, column], n)
        return tuple(sorted(most.elements()))


@dataclass(frozen=True, slots=True)
class CellReading:
    """What one witness has in a cell: the number, and the id of its page."""

    number: Number
    page: str

    @property
    def text(self) -> str:
        """Its digits."""
        return self.number.digits_text

    @property
    def repeats(self) -> bool:
        """Whether nothing is printed here but a ditto mark, and the number is that of the cell above."""
        return self.number.repeats

    @property
    def runner_up(self) -> str | None:
        """The text with its least certain digit replaced by its runner-up; None without runner-ups."""
        if self._likeliest_runner_up is None:
            return None
        index, (value, _) = self._likeliest_runner_up
        return self.text[:index] + str(value) + self.text[index + 1 :]

    @property
    def runner_up_confidence(self) -> float | None:
        """How likely that digit is its runner-up, 0 to 1; None without runner-ups."""
        return None if self._likeliest_runner_up is None else self._likeliest_runner_up[1][1]

    @property
    def _likeliest_runner_up(self) -> tuple[int, tuple[int, float]] | None:
        """The index of the digit whose runner-up is the likeliest of all digits, and that runner-up."""
        runner_ups = [(i, d.runner_up) for i, d in enumerate(self.number.digits) if d.runner_up is not None]
        return max(runner_ups, key=lambda item: (item[1][1], item[0]), default=None)

    def to_dict(self) -> dict[str, Any]:
        return {
            "text": self.text,
            "printed": self.number.text,
            "value": value_to_json(self.number.value),
            "repeats": self.repeats,
            **self.number.emended,
            "confidence": round(self.number.confidence, 4),
            "page": self.page,
            "box": self.number.box.to_dict(),
            "runner_up": self.runner_up,
        }


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a collation.

    Parameters
    ----------
    row, column : int
        Row and column of the alignment.
    state : str
        "agrees"; "differs"; "missing", where a witness that has this row and this column has nothing here;
        "illegible", where digits that cannot be told, or that were lost, leave it open.
    doubtful : bool
        Whether the readings leave the state in doubt.
    readings : tuple of CellReading or None
        One for each witness.
    doubt : float
        Probability, 0 to 1, that the state is wrong by a reader's fault: that numbers which were read differently are
        printed alike, or that there is no number where one witness alone has one.
    """

    row: int
    column: int
    state: str
    doubtful: bool
    readings: tuple[CellReading | None, ...]
    doubt: float = 0.0

    @property
    def texts(self) -> tuple[str | None, ...]:
        """What each witness has."""
        return tuple(None if reading is None else reading.text for reading in self.readings)

    def to_dict(self) -> dict[str, Any]:
        return {
            "row": self.row,
            "column": self.column,
            "state": self.state,
            "doubtful": self.doubtful,
            "doubt": round(self.doubt, 4),
            "readings": [None if reading is None else reading.to_dict() for reading in self.readings],
        }


@dataclass(frozen=True)
class Part:
    """A stretch of the alignment; its cells lie where its rows and columns cross.

    Parameters
    ----------
    rows, columns : tuple of (int, int)
        First and last + 1, in the alignment.
    table : int
        The table that people see, from 0: parts of one table stand below each other.
    first_row : int
        The row of that table in which the part begins, from 0.
    places : tuple of int
        For each of its columns the column of that table, from 0; left out, they are the first ones.
    """

    rows: tuple[int, int]
    columns: tuple[int, int]
    table: int = 0
    first_row: int = 0
    places: tuple[int, ...] = ()

    def place_of(self, column: int) -> int:
        """The column of the table, from 0, that a column of the alignment is."""
        at = column - self.columns[0]
        return self.places[at] if self.places else at

    def to_dict(self) -> dict[str, Any]:
        places = [self.place_of(column) for column in range(*self.columns)]
        lines = {"rows": list(self.rows), "columns": list(self.columns)}
        return {**lines, "table": self.table, "first_row": self.first_row, "table_columns": places}


@dataclass(frozen=True)
class CollatedTable:
    """A table of a collation as people see it: parts below each other.

    Parameters
    ----------
    rows : tuple of int
        Its rows, as rows of the alignment.
    columns : tuple of tuple of int
        For each of its columns the columns of the alignment that it is made of, one a part at most.
    cells : dict of (int, int) to Cell
        By row and column of the table, from 0.
    """

    rows: tuple[int, ...]
    columns: tuple[tuple[int, ...], ...]
    cells: dict[tuple[int, int], Cell]


@dataclass(frozen=True)
class Unaligned:
    """A row or column that a witness has and no other.

    Parameters
    ----------
    witness : int
        The index of the witness.
    kind : str
        "row" or "column".
    index : int
        Its index in that witness.
    texts : tuple of str
        The digits of its numbers.
    """

    witness: int
    kind: str
    index: int
    texts: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return {"witness": self.witness, "kind": self.kind, "index": self.index, "texts": list(self.texts)}


@dataclass(frozen=True)
class Collation:
    """Two witnesses or more, cell by cell.

    Parameters
    ----------
    witnesses : tuple of Witness
        In the order in which they were given.
    rows, columns : tuple of tuple of (int or None)
        The alignment: for each row (column) its index in every witness, counted from 0 through the witness's tables
        and pages, or None.
    parts : tuple of Part
        Half-tables that one witness sets beside each other and another below each other make several parts.
    transposed : tuple of bool
        For each witness whether its rows are columns here.
    cells : tuple of Cell
        Every cell that two witnesses or more have, part by part, row by row.
    unaligned : tuple of Unaligned
        Rows and columns that one witness alone has.
    """

    witnesses: tuple[Witness, ...]
    rows: tuple[Line, ...]
    columns: tuple[Line, ...]
    parts: tuple[Part, ...]
    transposed: tuple[bool, ...]
    cells: tuple[Cell, ...]
    unaligned: tuple[Unaligned, ...]

    def __repr__(self) -> str:
        return f"Collation({self._summary})"

    @property
    def _summary(self) -> str:
        counts = ", ".join(f"{count} {state}" for state, count in self.summary.items())
        return f"{len(self.witnesses)} witnesses, {len(self.rows)} rows, {len(self.columns)} columns: {counts}"

    def _repr_html_(self) -> str:
        """The cells in which witnesses differ, for notebooks."""
        rows = [(cell.row, cell.column, *cell.texts, "?" if cell.doubtful else "") for cell in self.differences]
        return html_table(self._summary, ("row", "column", *self.sigla, ""), rows)

    @property
    def sigla(self) -> tuple[str, ...]:
        """A letter for each witness: A, B, C, ..."""
        return tuple(siglum(index) for index in range(len(self.witnesses)))

    @property
    def readings(self) -> tuple[Reading, ...]:
        """What was read on every page, witness by witness."""
        return tuple(reading for witness in self.witnesses for reading in witness.readings)

    @property
    def differences(self) -> list[Cell]:
        """The cells in which witnesses differ, doubtful ones included."""
        return [cell for cell in self.cells if cell.state == DIFFERS]

    @cached_property
    def summary(self) -> dict[str, int]:
        """How many cells agree, differ, are missing, are illegible."""
        counts = Counter(cell.state for cell in self.cells)
        return {state: counts[state] for state in STATES}

    def has(self, witness: int, cell: Cell) -> bool:
        """Whether a witness has the row and the column of a cell, be it with a number there or without."""
        return self.rows[cell.row][witness] is not None and self.columns[cell.column][witness] is not None

    @cached_property
    def tables(self) -> tuple[CollatedTable, ...]:
        """The tables as people see them, in reading order: the parts, those of one table below each other."""
        parts_of: dict[int, list[Part]] = {}
        for part in self.parts:
            parts_of.setdefault(part.table, []).append(part)
        cells: dict[int, dict[tuple[int, int], Cell]] = {}
        for cell in self.cells:
            table, row, column = self._indices(cell)
            cells.setdefault(table, {})[row, column] = cell
        tables = []
        for table, parts in sorted(parts_of.items()):
            made_of: dict[int, list[int]] = {}
            for part in parts:
                for column in range(*part.columns):
                    made_of.setdefault(part.place_of(column), []).append(column)
            rows = tuple(row for part in sorted(parts, key=lambda p: p.first_row) for row in range(*part.rows))
            columns = tuple(tuple(made_of[at]) for at in sorted(made_of))
            tables.append(CollatedTable(rows, columns, cells.get(table, {})))
        return tuple(tables)

    def address(self, cell: Cell) -> CellAddress:
        """Where people find a cell: its table, row and column from 1, with the argument of the first witness."""
        table, row, column = self._indices(cell)
        argument = self._argument(cell)
        return CellAddress(table + 1, row + 1, column + 1, argument, only_table=len(self.tables) < 2)

    def address_on_page(self, cell: Cell, witness: int) -> CellAddress | None:
        """Where a witness has a cell on its own page; None where nothing was read, or in no table."""
        reading = cell.readings[witness]
        return None if reading is None else self._addresses[witness][reading.page].of(reading.number)

    def words_alone(self, line: Unaligned) -> str:
        """Where a row or column that one witness alone has stands on its page, from 1: ``A, page 2: row 3``."""
        page = self._home_of(line)[0]
        several = len(self.witnesses[line.witness].readings) > 1
        where = f", {say('page {page}', page=page + 1)}" if several else ""
        return f"{self.sigla[line.witness]}{where}: {self.place_alone(line)}"

    def place_alone(self, line: Unaligned) -> str:
        """The same without witness and page: ``table 2, row 3``."""
        page, table, index = self._home_of(line)
        several = len({t for p, t, _ in self.witnesses[line.witness].rows if p == page}) > 1
        where = f"{say('table {table}', table=table + 1)}, " if several else ""
        if line.kind == "row":
            return where + say("row {row}", row=index + 1)
        return where + say("column {column}", column=index + 1)

    def _home_of(self, line: Unaligned) -> tuple[int, int, int]:
        """Page, table and index there, from 0."""
        witness = self.witnesses[line.witness]
        return (witness.rows if line.kind == "row" else witness.columns)[line.index]

    def cell_at(self, address: CellAddress) -> Cell | None:
        """The cell that has an address; None where there is none such."""
        if not 1 <= address.table <= len(self.tables):
            return None
        return self.tables[address.table - 1].cells.get((address.row - 1, address.column - 1))

    def _indices(self, cell: Cell) -> tuple[int, int, int]:
        """Table, row and column of a cell, from 0."""
        part = self._part_of_row[cell.row]
        return part.table, part.first_row + cell.row - part.rows[0], part.place_of(cell.column)

    @cached_property
    def _part_of_row(self) -> dict[int, Part]:
        return {row: part for part in self.parts for row in range(*part.rows)}

    @cached_property
    def _addresses(self) -> list[dict[str, PageAddresses]]:
        """By page id the addresses on the pages of each witness."""
        return [{reading.page: PageAddresses(reading) for reading in w.readings} for w in self.witnesses]

    @cached_property
    def _cells_of_row(self) -> dict[int, list[Cell]]:
        found: dict[int, list[Cell]] = {}
        for cell in self.cells:
            found.setdefault(cell.row, []).append(cell)
        return found

    def _argument(self, cell: Cell) -> str | None:
        """The argument of the first witness that has one; where it has nothing here, as beside it in its row."""
        for witness, turned in enumerate(self.transposed):
            if turned or not self.has(witness, cell):
                continue
            beside = sorted(self._cells_of_row[cell.row], key=lambda other: abs(other.column - cell.column))
            address = next((a for c in beside if (a := self.address_on_page(c, witness)) is not None), None)
            if address is not None and address.argument is not None:
                return address.argument
        return None

    def to_dict(self) -> dict[str, Any]:
        """The collation as plain values: what ``tablesim collate --json`` prints."""
        return {
            "witnesses": [[reading.scan for reading in witness.readings] for witness in self.witnesses],
            "alignment": {
                "rows": [list(line) for line in self.rows],
                "columns": [list(line) for line in self.columns],
                "transposed": list(self.transposed),
                "parts": [part.to_dict() for part in self.parts],
            },
            "cells": [{"address": self.address(cell).words, **cell.to_dict()} for cell in self.cells],
            "unaligned": [line.to_dict() for line in self.unaligned],
            "summary": self.summary,
        }
