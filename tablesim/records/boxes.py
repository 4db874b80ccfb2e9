"""Boxes: upright rectangles on a page, in source pixels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle in source pixels, origin at the top left of the page.

    Parameters
    ----------
    x, y : float
        Left and top edge in pixels.
    width, height : float
        Extent in pixels, zero or more.
    """

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Right edge in pixels."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Bottom edge in pixels."""
        return self.y + self.height

    @property
    def centre(self) -> tuple[float, float]:
        """The middle of the box as (x, y)."""
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def area(self) -> float:
        """Width times height, in square pixels."""
        return self.width * self.height

    def contains(self, x: float, y: float) -> bool:
        """True when the point lies inside the box or on its edge."""
        return self.x <= x <= self.right and self.y <= y <= self.bottom

    def overlap(self, other: Box) -> float:
        """Intersection over union with ``other``, between 0 and 1."""
        width = min(self.right, other.right) - max(self.x, other.x)
        height = min(self.bottom, other.bottom) - max(self.y, other.y)
        if width <= 0 or height <= 0:
            return 0.0
        shared = width * height
        return shared / (self.area + other.area - shared)

    @classmethod
    def around(cls, boxes: Iterable[Box]) -> Box:
        """The smallest box that holds all of ``boxes``; ValueError when there are none."""
        rest = iter(boxes)
        first = next(rest, None)
        if first is None:
            raise ValueError("Box.around: got no boxes, expected at least one")
        left, top, right, bottom = first.x, first.y, first.x + first.width, first.y + first.height
        # Plain comparisons: a collation asks for the box of every number some twenty times.
        for box in rest:
            if box.x < left:
                left = box.x
            if box.y < top:
                top = box.y
            if (edge := box.x + box.width) > right:
                right = edge
            if (edge := box.y + box.height) > bottom:
                bottom = edge
        return cls(left, top, right - left, bottom - top)

    def to_dict(self, digits: int = 1) -> dict[str, float]:
        """``{"x", "y", "width", "height"}``, rounded to ``digits`` decimals."""
        return {
            "x": round(float(self.x), digits),
            "y": round(float(self.y), digits),
            "width": round(float(self.width), digits),
            "height": round(float(self.height), digits),
        }

    @classmethod
    def from_dict(cls, data: dict[str, float]) -> Box:
        """The inverse of ``to_dict``."""
        return cls(float(data["x"]), float(data["y"]), float(data["width"]), float(data["height"]))


def upright(boxes: Sequence[Box], rotation: int) -> NDArray[np.float64]:
    """Left, top, right, bottom of boxes on the page turned clockwise by ``rotation`` degrees (0, 90, 180, 270).

    Shape (n, 4), in source pixels about the corner round which the page was turned.
    """
    corners = np.array([(box.x, box.y, box.right, box.bottom) for box in boxes], dtype=np.float64).reshape(-1, 4)
    left, top, right, bottom = corners.T
    sides = {
        0: (left, top, right, bottom),
        90: (-bottom, left, -top, right),
        180: (-right, -bottom, -left, -top),
        270: (top, -right, bottom, -left),
    }[rotation]
    return np.column_stack(sides)
