"""A warp: how far each place of a page is moved up or down so that its rows are level, as a grid that can be inverted.

Between the lines of the grid it is interpolated linearly in both directions, outside it stays as at the edge. At each x
heights keep their order, so the inverse is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST_STRETCH = 0.2
"""Two places above each other may be brought no nearer than to this share of their distance."""


@dataclass(frozen=True)
class RowWarp:
    """Displacements in y on a grid.

    Parameters
    ----------
    x, y : tuple of float
        Where the lines of the grid stand, in working pixels, rising; two or more each.
    dy : tuple of tuples of float
        ``dy[i][k]`` is added to the height of what stands at ``x[k], y[i]``, in working pixels.

    Raises
    ------
    ValueError
        The lines do not rise, the grid is incomplete, or places above each other would change their order.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]
    dy: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        if len(self.x) < 2 or len(self.y) < 2 or (np.diff(self.x) <= 0).any() or (np.diff(self.y) <= 0).any():
            raise ValueError(f"RowWarp: got lines at x={self.x}, y={self.y}, expected two or more each that rise")
        if self._grid.shape != (len(self.y), len(self.x)) or not np.isfinite(self._grid).all():
            raise ValueError(
                f"RowWarp.dy: got shape {self._grid.shape}, expected ({len(self.y)}, {len(self.x)}), finite"
            )
        stretch = 1 + np.diff(self._grid, axis=0) / np.diff(self.y)[:, None]
        if stretch.min() < LEAST_STRETCH:
            raise ValueError(f"RowWarp.dy: rows would be brought to {stretch.min():.2f} of their distance and less")

    @cached_property
    def _grid(self) -> Floats:
        return np.array(self.dy, dtype=np.float64)

    def displacement(self, x: Floats, y: Floats) -> Floats:
        """What is added to ``y`` at each place, shape (n,)."""
        column, x_part = _between(np.asarray(self.x), x)
        row, y_part = _between(np.asarray(self.y), y)
        upper = self._grid[row, column] * (1 - x_part) + self._grid[row, column + 1] * x_part
        lower = self._grid[row + 1, column] * (1 - x_part) + self._grid[row + 1, column + 1] * x_part
        return np.asarray(upper * (1 - y_part) + lower * y_part)

    def straightened(self, points: Floats) -> Floats:
        """Points of shape (n, 2) as (x, y), moved so that rows are level."""
        moved: Floats = np.array(points, dtype=np.float64)
        moved[:, 1] += self.displacement(moved[:, 0], moved[:, 1])
        return moved

    def bent(self, points: Floats) -> Floats:
        """The inverse of ``straightened``."""
        back: Floats = np.array(points, dtype=np.float64)
        column, part = _between(np.asarray(self.x), back[:, 0])
        lines = np.asarray(self.y)
        shifts = self._grid[:, column] * (1 - part) + self._grid[:, column + 1] * part  # (lines, n)
        moved_lines = lines[:, None] + shifts
        row = np.clip((moved_lines <= back[:, 1]).sum(axis=0) - 1, 0, len(lines) - 2)
        points_at = np.arange(len(back))
        low, high = moved_lines[row, points_at], moved_lines[row + 1, points_at]
        share = (back[:, 1] - low) / (high - low)
        inside = lines[row] + share * (lines[row + 1] - lines[row])
        # Above the first line and below the last one the displacement is that of the line.
        inside = np.where(share < 0, back[:, 1] - shifts[0], inside)
        back[:, 1] = np.where(share > 1, back[:, 1] - shifts[-1], inside)
        return back

    def scaled(self, factor: float) -> RowWarp:
        """The same warp of a page that is ``factor`` times as large."""

        def times(values: Sequence[float]) -> tuple[float, ...]:
            return tuple(float(value) * factor for value in values)

        return RowWarp(times(self.x), times(self.y), tuple(times(row) for row in self.dy))

    def to_dict(self) -> dict[str, Any]:
        """Plain values: ``warp`` in ``tablesim read --json``."""
        x, y, dy = ([round(v, 2) for v in values] for values in (self.x, self.y, self._grid.ravel().tolist()))
        return {"x": x, "y": y, "dy": [dy[i : i + len(x)] for i in range(0, len(dy), len(x))]}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> RowWarp:
        """The inverse of ``to_dict``."""
        return cls(tuple(data["x"]), tuple(data["y"]), tuple(tuple(row) for row in data["dy"]))


def _between(lines: Floats, values: Floats) -> tuple[NDArray[np.int64], Floats]:
    """The line of the grid before each value, and the share of the way to the next; held at the edges."""
    before = np.clip(np.searchsorted(lines, values, side="right") - 1, 0, len(lines) - 2)
    share = (values - lines[before]) / (lines[before + 1] - lines[before])
    return before.astype(np.int64), np.clip(share, 0.0, 1.0)
