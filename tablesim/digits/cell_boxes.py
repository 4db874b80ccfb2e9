"""Where the number of a cell should stand on the scan, from the numbers of its row and its column.

Its middle lies across where those of its column do in the nearest rows, and up and down where those of its row do in
the nearest columns, each carried on by a straight line: so rows may lean. Its size is that of its column.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tablesim.errors import SettingsError
from tablesim.records.address import CellAddress
from tablesim.records.boxes import Box
from tablesim.records.reading import Number, Reading
from tablesim.records.transform import Transform

NEAREST = 6
"""Numbers of a row or a column at most by which the cell is placed: a leaning or bent line is straight over so many."""


def number_at(reading: Reading, cell: CellAddress) -> Number | None:
    """What was read in a cell; None where nothing was."""
    for number in (*reading.numbers, *reading.repeated):
        if (number.table, number.row, number.column) == (cell.table - 1, cell.row - 1, cell.column - 1):
            return number
    return None


def expected_box(reading: Reading, cell: CellAddress) -> Box:
    """The box, in source pixels, in which the number of a cell is to be looked for.

    Parameters
    ----------
    reading : Reading
    cell : CellAddress
        Of a row and a column of a table of the page.

    Raises
    ------
    SettingsError
        The page has no such table, row or column.
    """
    in_table = [number for number in reading.numbers if number.table == cell.table - 1]
    row = [number for number in in_table if number.row == cell.row - 1]
    column = [number for number in in_table if number.column == cell.column - 1]
    if not row or not column:
        raise SettingsError(f"cell: {cell.words}: this page has no number in that row, or none in that column")
    turn = reading.transform
    flat = Transform(turn.source_width, turn.source_height, turn.rotation)
    across, down = _upright(column, flat), _upright(row, flat)
    # First by the means, then each by the other: a column that leans is entered at the height of the row.
    x, y = float(np.median(across[:, 0])), float(np.median(down[:, 1]))
    for _ in range(2):
        x, y = _carried(across[:, 1], across[:, 0], y), _carried(down[:, 0], down[:, 1], x)
    width, height = np.median(across[:, 2:], axis=0).tolist()
    return flat.box_to_source(Box(x - width / 2, y - height / 2, width, height))


def _upright(numbers: Sequence[Number], flat: Transform) -> NDArray[np.float64]:
    """Middle x and y, width and height of numbers on the upright page, of shape (n, 4)."""
    boxes = np.array([(n.box.x, n.box.y, n.box.right, n.box.bottom) for n in numbers])
    corners = np.stack([flat.to_working(boxes[:, :2]), flat.to_working(boxes[:, 2:])])
    low, high = corners.min(axis=0), corners.max(axis=0)
    return np.hstack([(low + high) / 2, high - low])


def _carried(along: NDArray[np.float64], values: NDArray[np.float64], at: float) -> float:
    """The value of a straight line through the nearest points, at a place along it; of one point its own value."""
    nearest = np.argsort(np.abs(along - at), kind="stable")[:NEAREST]
    near, value = along[nearest], values[nearest]
    spread = float(np.ptp(near))
    if len(nearest) < 3 or spread == 0:
        return float(np.mean(value))
    if not near.min() - spread <= at <= near.max() + spread:
        # Further out than the points are apart no line is carried on.
        return float(np.mean(value))
    return float(np.polyfit(near - at, value, 1)[1])
