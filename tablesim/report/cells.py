"""The collation of two pages as the report shows it: a table of places, and the places that differ with their pictures.

Which page is witness A of a collation its ids settle, and the report shows the earlier page first: here readings stand
in the order of the report.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from tablesim.evidence.collation.cutouts import Cutter, cutouts
from tablesim.records.collation import (
    AGREES,
    DIFFERS,
    ILLEGIBLE_STATE,
    MISSING,
    Cell,
    CellReading,
    Collation,
    Unaligned,
)

MAX_CELLS = 3000
"""Places that are shown of one pair, row by row; the report says when there are more."""

MAX_CUT = 40
"""Places that do not agree and are shown with their cut-outs: asserted differences first, then doubtful ones."""

MAX_UNALIGNED = 24
"""Rows and columns that one page alone has, and that are written out."""

SURE = 0.9
"""Below this confidence it is said how sure the reader was of a number that differs."""

DOUBTFUL = "doubtful"
"""A place where readings differ and the reader's doubt could remove that."""

STATES = (AGREES, DIFFERS, DOUBTFUL, MISSING, ILLEGIBLE_STATE)
"""What a place is shown as, in this order."""


@dataclass(frozen=True)
class ShownCell:
    """One place of the two tables.

    Parameters
    ----------
    row, column : int
        As in the collation, from 0.
    state : str
        One of ``STATES``.
    doubtful : bool
        Whether the readings leave the state in doubt.
    readings : tuple of CellReading or None
        Of the first page and of the second.
    """

    row: int
    column: int
    state: str
    doubtful: bool
    readings: tuple[CellReading | None, CellReading | None]

    @property
    def name(self) -> str:
        """What addresses end in that lead to it."""
        return f"r{self.row + 1}c{self.column + 1}"

    @property
    def texts(self) -> tuple[str, str]:
        """What the two pages have, empty for nothing."""
        one, other = (reading.text if reading is not None else "" for reading in self.readings)
        return one, other

    @property
    def words(self) -> str:
        """The place in words, for those who hear the page and for the tip of the pointer."""
        one, other = (text or "nothing" for text in self.texts)
        said = f"{one} on both" if self.state == AGREES else f"{one} against {other}"
        state = {AGREES: "", MISSING: ", missing on one", ILLEGIBLE_STATE: ", illegible"}.get(self.state, ", differs")
        return f"row {self.row + 1}, column {self.column + 1}: {said}{state}{', in doubt' if self.doubtful else ''}"

    @property
    def doubts(self) -> tuple[str, ...]:
        """What the reader was not sure of, a phrase a page."""
        found = []
        for reading in self.readings:
            if reading is not None and (self.doubtful or reading.number.confidence < SURE):
                said = f"{reading.text} on {reading.page} with confidence {reading.number.confidence:.2f}"
                if (reading.runner_up_confidence or 0.0) >= 0.01:
                    said += f" ({reading.runner_up} with {reading.runner_up_confidence:.2f})"
                found.append(said)
        return tuple(found) if self.state != AGREES else ()

    def to_list(self) -> list[Any]:
        """Row, column, state, and for each page [text, x, y, width, height] in source pixels or None."""
        return [self.row + 1, self.column + 1, self.state, *(_shown(reading) for reading in self.readings)]


def _shown(reading: CellReading | None) -> list[Any] | None:
    if reading is None:
        return None
    box = reading.number.box
    return [reading.text, *(round(value, 1) for value in (box.x, box.y, box.width, box.height))]


@dataclass(frozen=True)
class Difference:
    """A place that does not agree, with a picture of each page's (as an address of its own bytes), or None."""

    place: ShownCell
    pictures: tuple[str | None, str | None]


@dataclass(frozen=True)
class ShownGrid:
    """A stretch of the alignment: the numbers of its columns, and for each row its number and its places."""

    columns: tuple[int, ...]
    rows: tuple[tuple[int, tuple[ShownCell | None, ...]], ...]


@dataclass(frozen=True)
class CellTable:
    """Two pages place by place.

    Parameters
    ----------
    grids : tuple of Grid
    counts : dict of str to int
        How many places are in each of ``STATES``.
    differences : tuple of Difference
        At most ``MAX_CUT``; ``n_apart`` is how many there are.
    unaligned : tuple of (int, str)
        Which page, 0 or 1, has what row or column alone; at most ``MAX_UNALIGNED`` of ``n_unaligned``.
    transposed : bool
        Whether the rows of one page are columns of the other.
    n_shown : int
        Places in ``grids``.
    """

    grids: tuple[ShownGrid, ...]
    counts: dict[str, int]
    differences: tuple[Difference, ...]
    n_apart: int
    unaligned: tuple[tuple[int, str], ...]
    n_unaligned: int
    transposed: bool
    n_shown: int

    @property
    def n_cells(self) -> int:
        return sum(self.counts.values())

    @property
    def places(self) -> Iterable[ShownCell]:
        """Those that are shown, grid by grid, row by row."""
        return (place for grid in self.grids for _, row in grid.rows for place in row if place is not None)


def cell_table(collation: Collation, cutter: Cutter, *, turned: bool) -> CellTable:
    """A collation of two pages for the report; ``turned`` where its witness B is the report's first page."""
    places = [_place(cell, turned=turned) for cell in collation.cells]
    counts = {state: sum(place.state == state for place in places) for state in STATES}
    shown = dict(zip(((p.row, p.column) for p in places[:MAX_CELLS]), places, strict=False))
    grids = [_grid(range(*part.rows), range(*part.columns), shown) for part in collation.parts]
    apart = [(place, cell) for place, cell in zip(places, collation.cells, strict=True) if place.state != AGREES]
    apart.sort(key=lambda one: STATES.index(one[0].state))
    differences = []
    for place, cell in apart[:MAX_CUT]:
        one, other = (_address(picture) for picture in cutouts(collation, cell, cutter))
        differences.append(Difference(place, (other, one) if turned else (one, other)))
    alone = [(line.witness ^ int(turned), _line(line)) for line in collation.unaligned]
    return CellTable(
        tuple(grid for grid in grids if grid.rows),
        counts,
        tuple(differences),
        len(apart),
        tuple(alone[:MAX_UNALIGNED]),
        len(alone),
        collation.transposed[0] != collation.transposed[1],
        len(shown),
    )


def _place(cell: Cell, *, turned: bool) -> ShownCell:
    one, other = cell.readings
    state = DOUBTFUL if cell.state == DIFFERS and cell.doubtful else cell.state
    return ShownCell(cell.row, cell.column, state, cell.doubtful, (other, one) if turned else (one, other))


def _grid(rows: Sequence[int], columns: Sequence[int], shown: dict[tuple[int, int], ShownCell]) -> ShownGrid:
    lines = [(row + 1, tuple(shown.get((row, column)) for column in columns)) for row in rows]
    return ShownGrid(tuple(column + 1 for column in columns), tuple(line for line in lines if any(line[1])))


def _line(line: Unaligned) -> str:
    texts = " ".join(line.texts[:12]) + (" …" if len(line.texts) > 12 else "")
    return f"{line.kind} {line.index + 1}: {texts}" if texts else f"{line.kind} {line.index + 1}, without figures"


def _address(picture: Any) -> str | None:
    """A picture as an address that holds its bytes: cut-outs are small and many."""
    if picture is None:
        return None
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "WEBP", quality=62, method=3)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode("ascii")
