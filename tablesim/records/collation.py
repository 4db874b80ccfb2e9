"""Collations: the witnesses of a table cell by cell, and what each of them has there. Made by `evidence.collation`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tablesim.records.address import siglum
from tablesim.records.html import html_table
from tablesim.records.number_values import value_to_json
from tablesim.records.reading import Number, Reading

AGREES, DIFFERS, MISSING, ILLEGIBLE_STATE = "agrees", "differs", "missing", "illegible"
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
    """A stretch of the alignment: ``rows`` and ``columns`` as (first, last + 1); its cells lie where they cross."""

    rows: tuple[int, int]
    columns: tuple[int, int]


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

    def to_dict(self) -> dict[str, Any]:
        """The collation as plain values: what ``tablesim collate --json`` prints."""
        return {
            "witnesses": [[reading.scan for reading in witness.readings] for witness in self.witnesses],
            "alignment": {
                "rows": [list(line) for line in self.rows],
                "columns": [list(line) for line in self.columns],
                "transposed": list(self.transposed),
                "parts": [{"rows": list(part.rows), "columns": list(part.columns)} for part in self.parts],
            },
            "cells": [cell.to_dict() for cell in self.cells],
            "unaligned": [line.to_dict() for line in self.unaligned],
            "summary": self.summary,
        }
