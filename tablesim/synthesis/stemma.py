"""Who copied whom: editions of a table as a tree in which each copy keeps its parent's misprints and adds its own.

Every misprint is recorded as the cell it hit, what stood there and what stands there now, so that the difference
between a witness and the computed table is exactly the sum of the misprints on the way to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from tablesim.records.address import siglum
from tablesim.synthesis.tables import Entry, HistoricalTable

CONFUSED = {"0": "6", "1": "7", "2": "7", "3": "8", "4": "1", "5": "3", "6": "9", "7": "1", "8": "3", "9": "6"}
"""The digit that each digit is most often taken for by a compositor; a turned 6 is a 9."""

OMITTED = "row omitted"


@dataclass(frozen=True, slots=True)
class Misprint:
    """One slip of a compositor.

    Parameters
    ----------
    kind : str
        "confused", "wrong sort", "transposed", "carry", "row repeated" or "row omitted".
    line : int
        Row of the computed table, from 0.
    column : str
        Name of the column; empty where a whole row was left out.
    place : int
        Place within the cell, from 0.
    was, became : int or str
        What the parent has and what this witness has; empty where a whole row was left out.
    """

    kind: str
    line: int
    column: str = ""
    place: int = 0
    was: Entry = ""
    became: Entry = ""

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "was": str(self.was), "became": str(self.became)}


@dataclass(frozen=True)
class SimulatedEdition:
    """One edition's text of a table.

    Parameters
    ----------
    name : str
        Siglum, unique in its stemma.
    year : int
        When it was printed.
    parent : str or None
        The witness it was set from; None where it was set from the computed table.
    misprints : tuple of Misprint
        Its own; its parent's are in its text as well.
    table : HistoricalTable
        Its text.
    lines : tuple of int
        For each of its rows the row of the computed table.
    """

    name: str
    year: int
    parent: str | None
    misprints: tuple[Misprint, ...]
    table: HistoricalTable
    lines: tuple[int, ...]


@dataclass(frozen=True)
class Stemma:
    """The editions of one table, in the order of their years: each parent stands before its copies."""

    table: HistoricalTable
    witnesses: tuple[SimulatedEdition, ...]

    def witness(self, name: str) -> SimulatedEdition:
        return next(witness for witness in self.witnesses if witness.name == name)

    def inherited(self, witness: SimulatedEdition) -> tuple[Misprint, ...]:
        """The misprints that a witness took over from its forebears, the oldest first."""
        if witness.parent is None:
            return ()
        parent = self.witness(witness.parent)
        return (*self.inherited(parent), *parent.misprints)


def differences(before: SimulatedEdition, after: SimulatedEdition) -> set[tuple[int, str, int, Entry, Entry]]:
    """Every place in which two texts differ, as (line, column, place, before, after); rows only in one are left out."""
    rows = dict(zip(after.lines, after.table.rows, strict=True))
    differing: set[tuple[int, str, int, Entry, Entry]] = set()
    for line, row in zip(before.lines, before.table.rows, strict=True):
        if line not in rows:
            continue
        for column, old, new in zip(before.table.columns, row, rows[line], strict=True):
            for place, (was, became) in enumerate(zip(old, new, strict=True)):
                if was != became:
                    differing.add((line, column.name, place, was, became))
    return differing


def grow(
    table: HistoricalTable,
    count: int,
    rng: np.random.Generator,
    years: tuple[int, int] = (1490, 1650),
    rate: float = 0.006,
) -> Stemma:
    """A tree of ``count`` witnesses.

    Parameters
    ----------
    table : HistoricalTable
        The computed table.
    count : int
        How many editions, at least 1.
    rng : numpy.random.Generator
        The same state gives the same stemma.
    years : tuple of (int, int)
        First and last possible year.
    rate : float
        Misprints that a copy adds for each place of the table; every copy adds at least one.
    """
    if count < 1:
        raise ValueError(f"grow: got {count} witnesses, expected at least 1")
    drawn = sorted(int(year) for year in rng.choice(np.arange(years[0], years[1] + 1), size=count, replace=False))
    archetype = SimulatedEdition("", drawn[0], None, (), table, tuple(range(len(table.rows))))
    witnesses: list[SimulatedEdition] = []
    for number, year in enumerate(drawn):
        # Recent editions were likelier on the compositor's desk than old ones.
        weights = np.arange(1.0, number + 1)
        parent = witnesses[int(rng.choice(number, p=weights / weights.sum()))] if number else archetype
        witnesses.append(_copy(archetype, parent, siglum(number), year, rng, rate))
    return Stemma(table, tuple(witnesses))


class _Forme:
    """A text being set: it changes places, remembers what it changed, and never touches a place twice."""

    def __init__(self, archetype: SimulatedEdition, parent: SimulatedEdition) -> None:
        self.columns = parent.table.columns
        self.lines = list(parent.lines)
        self.rows = [list(row) for row in parent.table.rows]
        self.misprints: list[Misprint] = []
        # A place that is wrong already stays as it is, so that misprints add up along the stemma.
        self.spoilt = {(line, column, place) for line, column, place, _, _ in differences(archetype, parent)}

    def omit(self, row: int) -> None:
        self.misprints.append(Misprint(OMITTED, self.lines[row]))
        del self.lines[row], self.rows[row]

    def change(self, kind: str, row: int, column: int, place: int, became: Entry) -> bool:
        """Set another entry; False where that is no change, or the place is wrong already."""
        name, line = self.columns[column].name, self.lines[row]
        cell = self.rows[row][column]
        was = cell[place]
        if became == was or (line, name, place) in self.spoilt:
            return False
        self.rows[row][column] = (*cell[:place], became, *cell[place + 1 :])
        self.spoilt.add((line, name, place))
        self.misprints.append(Misprint(kind, line, name, place, was, became))
        return True


def _copy(
    archetype: SimulatedEdition, parent: SimulatedEdition, name: str, year: int, rng: np.random.Generator, rate: float
) -> SimulatedEdition:
    forme = _Forme(archetype, parent)
    spots = sum(column.places for column in forme.columns if not column.words) * len(forme.rows)
    wanted = max(1, int(rng.poisson(rate * spots)))
    if wanted > 1 and rng.random() < 0.12:
        clean = [i for i, line in enumerate(forme.lines) if not any(line == spoilt[0] for spoilt in forme.spoilt)]
        if clean[1:-1]:
            forme.omit(int(rng.choice(clean[1:-1])))
            wanted -= 1
    kinds = list(_SLIPS)
    odds = np.array([_SLIPS[kind][0] for kind in kinds])
    made = 0
    # A slip that finds nothing to spoil where it fell is drawn again.
    for _ in range(200 * wanted):
        if made == wanted:
            break
        kind = kinds[int(rng.choice(len(kinds), p=odds / odds.sum()))]
        row, column = int(rng.integers(len(forme.rows))), int(rng.integers(len(forme.columns)))
        if forme.columns[column].words or not forme.rows[row][column]:
            continue
        if forme.columns[column].argument and rng.random() < 0.8:
            continue
        made += _SLIPS[kind][1](forme, row, column, rng)
    rows = tuple(tuple(row) for row in forme.rows)
    table = replace(parent.table, rows=rows)
    return SimulatedEdition(name, year, parent.name or None, tuple(forme.misprints), table, tuple(forme.lines))


def _confused(text: str, rng: np.random.Generator) -> str:
    """One digit taken for the one that looks like it."""
    at = int(rng.integers(len(text)))
    return text[:at] + CONFUSED.get(text[at], text[at]) + text[at + 1 :]


def _wrong_sort(text: str, rng: np.random.Generator) -> str:
    """Any other digit, from the wrong box of the case."""
    at = int(rng.integers(len(text)))
    if not text[at].isdigit():
        return text
    return text[:at] + str(rng.integers(1 if at == 0 and len(text) > 1 else 0, 10)) + text[at + 1 :]


def _transposed(text: str, rng: np.random.Generator) -> str:
    """Two neighbours exchanged."""
    at = int(rng.integers(len(text) - 1)) if len(text) > 1 else 0
    if not text[at : at + 2].isdigit():
        return text
    return text[:at] + text[at : at + 2][::-1] + text[at + 2 :]


def _in_one_place(kind: str, slip: Callable[[str, np.random.Generator], str]) -> _Slip:
    """A slip in the digits of one place of a cell."""

    def change(forme: _Forme, row: int, column: int, rng: np.random.Generator) -> bool:
        cell = forme.rows[row][column]
        place = int(rng.integers(len(cell)))
        became = slip(str(cell[place]), rng)
        # A whole number stays one, unless a zero leads it now.
        whole = isinstance(cell[place], int) and str(int(became)) == became
        return forme.change(kind, row, column, place, int(became) if whole else became)

    return change


def _carry(forme: _Forme, row: int, column: int, rng: np.random.Generator) -> bool:
    """The whole number stays as in the row above although its sixtieths have begun anew."""
    cell = forme.rows[row][column]
    above = forme.rows[row - 1][column] if row else ()
    if len(cell) < 2 or not above or not isinstance(cell[0], int) or cell[0] == above[0]:
        return False
    return forme.change("carry", row, column, 0, above[0])


def _repeated(forme: _Forme, row: int, column: int, rng: np.random.Generator) -> bool:
    """The eye slips back: the row above is set a second time, under the right argument."""
    if row == 0:
        return False
    changed = False
    for other, head in enumerate(forme.columns):
        above, cell = forme.rows[row - 1][other], forme.rows[row][other]
        if head.argument or head.words or not above or not cell:
            continue
        for place, entry in enumerate(above):
            changed |= forme.change("row repeated", row, other, place, entry)
    return changed


_Slip = Callable[[_Forme, int, int, np.random.Generator], bool]
_SLIPS: dict[str, tuple[float, _Slip]] = {
    "confused": (0.4, _in_one_place("confused", _confused)),
    "wrong sort": (0.2, _in_one_place("wrong sort", _wrong_sort)),
    "transposed": (0.2, _in_one_place("transposed", _transposed)),
    "carry": (0.15, _carry),
    "row repeated": (0.05, _repeated),
}
