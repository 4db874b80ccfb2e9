"""Where the numbers of a page are, upright and in digit heights: what registration measures in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tablesim.records.reading import ILLEGIBLE, Reading

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class NumberFrame:
    """The numbers of one page, upright, measured in heights of its digits.

    Parameters
    ----------
    unit : float
        Median height of a digit in working pixels.
    centres : float64 array of shape (n, 2)
        Middles of the numbers as (across, along) = (x, y) on the upright page, in units.
    texts : tuple of str
        Their digits.
    columns, rows : int64 arrays of shape (n,)
        Which numbers share a column or a row; labels have no order.
    """

    unit: float
    centres: Floats
    texts: tuple[str, ...]
    columns: Indices
    rows: Indices

    @cached_property
    def legible(self) -> NDArray[np.bool_]:
        """Which numbers were read whole, of shape (n,)."""
        return np.array([ILLEGIBLE not in text for text in self.texts], dtype=bool)

    @classmethod
    def of(cls, reading: Reading) -> NumberFrame:
        """The frame of a reading; a page without numbers has one too."""
        turned = reading.transform.rotation in (90, 270)
        heights = [digit.box.width if turned else digit.box.height for digit in reading.digits]
        unit = float(np.median(heights)) * reading.transform.scale if heights else 1.0
        unit = max(unit, 1e-6)
        middles = np.array([number.box.centre for number in reading.numbers]).reshape(-1, 2)
        centres = reading.transform.to_working(middles) / unit
        columns = _labels([(n.table, n.column) for n in reading.numbers], centres[:, 0], gap=0.8)
        rows = _labels([(n.table, n.row) for n in reading.numbers], centres[:, 1], gap=0.5)
        return cls(unit, centres, tuple(n.digits_text for n in reading.numbers), columns, rows)

    def upright(self, reading: Reading, points: Floats) -> Floats:
        """Points of shape (n, 2) in source pixels, on the upright page in units."""
        return reading.transform.to_working(points) / self.unit


def _labels(cells: list[tuple[int | None, int | None]], positions: Floats, gap: float) -> Indices:
    """A label for each number: that of its column (row) in its table, outside tables of a run of near positions."""
    names = {cell: label for label, cell in enumerate(dict.fromkeys(cell for cell in cells if None not in cell))}
    labels = np.array([names.get(cell, -1) for cell in cells], dtype=np.int64)
    outside = np.flatnonzero(labels < 0)
    order = outside[np.argsort(positions[outside], kind="stable")]
    labels[order] = len(names) + np.cumsum(np.diff(positions[order], prepend=positions[order[:1]]) > gap)
    return labels
