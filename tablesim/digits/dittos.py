"""Finds the cell of each ditto mark: its row by the nearest number of every row, its column by the numbers around.

A ditto mark repeats what stands above it in its column; one with nothing above it, or outside a table, is a quotation
mark. Where a number was read in the same place (``do.`` as 0), the surer of the two stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tablesim.records.boxes import upright
from tablesim.records.reading import Ditto, Number

BESIDE = 1.0
"""Farthest that a ditto mark stands from the numbers of its column, in digit heights."""

IN_ROW = 0.5
"""Farthest that it stands above or below its row, in distances of rows: ``"`` stands high, ``„`` low."""

NEAR_ROWS = 8
"""Rows above and below whose numbers show where a column stands: columns lean on photographs."""

Cells = tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.intp]]
"""Boxes of the numbers of a table, and their rows and columns."""


def with_dittos(
    numbers: Sequence[Number], marks: Sequence[Ditto], rotation: int = 0
) -> tuple[list[Number], tuple[Ditto, ...]]:
    """Give ditto marks their cells.

    Parameters
    ----------
    numbers : sequence of Number
        Arranged.
    marks : sequence of Ditto
        What was found, without cells.
    rotation : int
        Clockwise degrees (0, 90, 180, 270) that set the page upright.

    Returns
    -------
    numbers : list of Number
        Without those that are ditto marks.
    dittos : tuple of Ditto
        Those that have a cell, with something above it, by table, row and column.
    """
    numbers = list(numbers)
    if not marks:
        return numbers, ()
    kept = [number for number in numbers if not _is_a_mark(number, marks)]
    of_numbers = {(n.table, n.row, n.column): n for n in kept if n.table is not None}
    tables = _tables(kept, rotation)
    found: dict[tuple[int, int, int], Ditto] = {}
    for mark, box in zip(marks, upright([mark.box for mark in marks], rotation), strict=True):
        cell = _cell(box, tables)
        if cell is not None and cell not in of_numbers:
            rival = found.get(cell)
            if rival is None or rival.confidence < mark.confidence:
                found[cell] = replace(mark, table=cell[0], row=cell[1], column=cell[2])
    highest: dict[tuple[int | None, int | None], int] = {}
    for table, row, column in of_numbers:
        assert row is not None
        highest[table, column] = min(row, highest.get((table, column), row))
    dittos = [ditto for (table, row, column), ditto in sorted(found.items()) if highest.get((table, column), row) < row]
    return kept, tuple(dittos)


def _is_a_mark(number: Number, marks: Sequence[Ditto]) -> bool:
    """Whether a number stands where a surer ditto mark does."""
    box = number.box
    return any(
        mark.confidence > number.confidence and (mark.box.contains(*box.centre) or box.contains(*mark.box.centre))
        for mark in marks
    )


def _tables(numbers: Sequence[Number], rotation: int) -> dict[int, Cells]:
    boxes = upright([number.box for number in numbers], rotation)
    members: dict[int, list[int]] = {}
    for index, number in enumerate(numbers):
        if number.table is not None:
            members.setdefault(number.table, []).append(index)
    return {
        table: (
            boxes[of_table],
            np.array([numbers[index].row for index in of_table], dtype=np.intp),
            np.array([numbers[index].column for index in of_table], dtype=np.intp),
        )
        for table, of_table in members.items()
    }


def _cell(box: NDArray[np.float64], tables: dict[int, Cells]) -> tuple[int, int, int] | None:
    """Table, row and column of an upright box; None outside the tables."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    for table, (boxes, rows, columns) in tables.items():
        unit = float(np.median(boxes[:, 3] - boxes[:, 1]))
        heights = (boxes[:, 1] + boxes[:, 3]) / 2
        aside = np.abs((boxes[:, 0] + boxes[:, 2]) / 2 - x)
        # The number of each row that stands nearest on the left or right: rows bend and sink.
        order = np.lexsort((aside, rows))
        nearest = order[np.unique(rows[order], return_index=True)[1]]
        pitch = float(np.median(np.abs(np.diff(heights[nearest])))) if len(nearest) > 1 else 2 * unit
        at = int(np.argmin(np.abs(heights[nearest] - y)))
        if abs(heights[nearest[at]] - y) > IN_ROW * pitch:
            continue
        row = int(rows[nearest[at]])
        near = np.abs(rows - row) <= NEAR_ROWS
        away = np.maximum(np.maximum(boxes[near, 0] - box[2], box[0] - boxes[near, 2]), 0)
        if len(away) and away.min() <= BESIDE * unit:
            overlap = np.minimum(boxes[near, 2], box[2]) - np.maximum(boxes[near, 0], box[0])
            return table, row, int(columns[near][np.argmax(overlap)])
    return None
