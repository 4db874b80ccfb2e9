"""A collation as the exports see it: made from what ``tablesim collate --json`` prints, so that a stored one will do
as well as one just made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tablesim.errors import ExportError
from tablesim.records.boxes import Box
from tablesim.records.collation import siglum
from tablesim.scans.locator import page_id

STATES = ("agrees", "differs", "missing", "illegible")


@dataclass(frozen=True, slots=True)
class Reading:
    """What one witness has at a place: its figures, how sure they are, and where they stand on which page."""

    text: str
    confidence: float
    page: str
    box: Box
    runner_up: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """One place of the alignment. ``readings`` has an entry for each witness; None where it has nothing there."""

    row: int
    column: int
    state: str
    doubtful: bool
    readings: tuple[Reading | None, ...]

    @property
    def text(self) -> str:
        """What all have that have something, or nothing where they do not agree."""
        texts = {reading.text for reading in self.readings if reading is not None}
        return texts.pop() if len(texts) == 1 else ""


@dataclass(frozen=True)
class Witness:
    """A witness: its siglum and the scans of its pages."""

    siglum: str
    scans: tuple[str, ...]

    @property
    def pages(self) -> tuple[str, ...]:
        """The ids of its pages."""
        return tuple(page_id(scan) for scan in self.scans)


@dataclass(frozen=True)
class CollationTable:
    """Witnesses laid over each other.

    Parameters
    ----------
    witnesses : tuple of Witness
        In their order; ``readings`` of every place follow it.
    rows, columns : tuple of tuple of (int or None)
        For each row (column) of the alignment its number in every witness, or None where that one lacks it.
    parts : tuple of ((int, int), (int, int))
        First and last-but-one row, first and last-but-one column of each stretch that hangs together.
    places : dict
        By (row, column).
    unaligned : tuple of dict
        Rows and columns of one witness alone: ``witness``, ``kind``, ``index``, ``texts``.
    summary : dict
        How many places there are of each state.
    """

    witnesses: tuple[Witness, ...]
    rows: tuple[tuple[int | None, ...], ...]
    columns: tuple[tuple[int | None, ...], ...]
    parts: tuple[tuple[tuple[int, int], tuple[int, int]], ...]
    places: dict[tuple[int, int], Place]
    unaligned: tuple[Mapping[str, Any], ...]
    summary: dict[str, int]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CollationTable:
        """The table of a collation's plain values; ExportError where they are none."""
        try:
            witnesses = tuple(Witness(siglum(n), tuple(scans)) for n, scans in enumerate(data["witnesses"]))
            rows, columns = (
                tuple(_line(line, witnesses) for line in data["alignment"][side]) for side in ("rows", "columns")
            )
            parts = [_part(part) for part in data["alignment"].get("parts") or ()]
            places = [_place(cell) for cell in data["cells"]]
            table = cls(
                witnesses,
                rows,
                columns,
                tuple(parts or [((0, len(rows)), (0, len(columns)))]),
                {(place.row, place.column): place for place in places},
                tuple(data.get("unaligned") or ()),
                {state: int(data["summary"].get(state, 0)) for state in STATES},
            )
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise ExportError(
                f"collation: not what `tablesim collate --json` prints ({type(error).__name__}: {error}); "
                "collate the witnesses again"
            ) from error
        return table

    def has(self, witness: int, place: Place) -> bool:
        """Whether a witness has the row and the column of a place, be it with a number there or without."""
        return self.rows[place.row][witness] is not None and self.columns[place.column][witness] is not None

    @property
    def sigla(self) -> tuple[str, ...]:
        return tuple(witness.siglum for witness in self.witnesses)

    @property
    def pages(self) -> tuple[str, ...]:
        """The ids of all pages, witness by witness."""
        return tuple(page for witness in self.witnesses for page in witness.pages)


def _line(line: Any, witnesses: tuple[Witness, ...]) -> tuple[int | None, ...]:
    if len(line) != len(witnesses):
        raise ValueError(f"a line of the alignment has {len(line)} entries for {len(witnesses)} witnesses")
    return tuple(None if number is None else int(number) for number in line)


def _part(part: Mapping[str, Any]) -> tuple[tuple[int, int], tuple[int, int]]:
    (first_row, last_row), (first_column, last_column) = part["rows"], part["columns"]
    return (int(first_row), int(last_row)), (int(first_column), int(last_column))


def _place(cell: Mapping[str, Any]) -> Place:
    if cell["state"] not in STATES:
        raise ValueError(f"state {cell['state']!r} is none of {', '.join(STATES)}")
    readings = tuple(None if reading is None else _reading(reading) for reading in cell["readings"])
    return Place(int(cell["row"]), int(cell["column"]), cell["state"], bool(cell["doubtful"]), readings)


def _reading(data: Mapping[str, Any]) -> Reading:
    box = Box.from_dict(data["box"])
    return Reading(str(data["text"]), float(data["confidence"]), str(data["page"]), box, data.get("runner_up") or "")
