"""Transforms: the affine map between source pixels and the upright working image of a page.

A page is turned upright by a quarter turn, straightened by a small angle and resized to a working scale. The three
steps make one affine matrix; every coordinate that leaves tablesim has been sent back through its inverse.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tablesim.records.boxes import Box


@dataclass(frozen=True)
class Transform:
    """How the working image of a page was made from its source.

    Parameters
    ----------
    source_width, source_height : int
        Size of the source in pixels, after EXIF orientation.
    rotation : int
        Clockwise degrees, one of 0, 90, 180, 270, that set the page upright.
    scale : float
        Working pixels per source pixel.
    skew : float
        Clockwise degrees, small, by which the upright page was turned to make its lines level.
    """

    source_width: int
    source_height: int
    rotation: int = 0
    scale: float = 1.0
    skew: float = 0.0

    def __post_init__(self) -> None:
        if self.rotation not in (0, 90, 180, 270):
            raise ValueError(f"Transform.rotation: got {self.rotation}, expected 0, 90, 180 or 270")
        if not self.scale > 0:
            raise ValueError(f"Transform.scale: got {self.scale}, expected more than 0")

    @property
    def working_size(self) -> tuple[int, int]:
        """Width and height of the working image in pixels."""
        width, height = self.source_width, self.source_height
        if self.rotation in (90, 270):
            width, height = height, width
        return max(1, round(width * self.scale)), max(1, round(height * self.scale))

    @cached_property
    def matrix(self) -> NDArray[np.float64]:
        """Affine matrix of shape (2, 3) that sends source to working coordinates (edges, not pixel centres)."""
        width, height = self.source_width, self.source_height
        quarter = {
            0: np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]]),
            90: np.array([[0.0, -1, height], [1, 0, 0], [0, 0, 1]]),
            180: np.array([[-1.0, 0, width], [0, -1, height], [0, 0, 1]]),
            270: np.array([[0.0, 1, 0], [-1, 0, width], [0, 0, 1]]),
        }[self.rotation]
        work_width, work_height = self.working_size
        upright_width, upright_height = (height, width) if self.rotation in (90, 270) else (width, height)
        # Rounding the working size to whole pixels changes the two scales a little; the matrix follows the pixels.
        resize = np.diag([work_width / upright_width, work_height / upright_height, 1.0])
        angle = math.radians(self.skew)
        cos, sin = math.cos(angle), math.sin(angle)
        middle_x, middle_y = work_width / 2, work_height / 2
        turn = np.array(
            [
                [cos, -sin, middle_x - cos * middle_x + sin * middle_y],
                [sin, cos, middle_y - sin * middle_x - cos * middle_y],
                [0, 0, 1],
            ]
        )
        return np.asarray((turn @ resize @ quarter)[:2])

    @cached_property
    def inverse(self) -> NDArray[np.float64]:
        """Affine matrix of shape (2, 3) that sends working to source coordinates."""
        whole = np.vstack([self.matrix, [0, 0, 1]])
        return np.linalg.inv(whole)[:2]

    def to_working(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Points of shape (n, 2) as (x, y) in source pixels, sent to working pixels."""
        return np.asarray(points, dtype=np.float64) @ self.matrix[:, :2].T + self.matrix[:, 2]

    def to_source(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Points of shape (n, 2) as (x, y) in working pixels, sent to source pixels."""
        return np.asarray(points, dtype=np.float64) @ self.inverse[:, :2].T + self.inverse[:, 2]

    def box_to_source(self, box: Box) -> Box:
        """A box in working pixels as a box in source pixels.

        The middle goes through the exact transform; width and height change with scale and quarter turn only, so a
        straightened page does not inflate its boxes.
        """
        (x, y), *_ = self.to_source(np.array([box.centre]))
        width, height = box.width / self.scale, box.height / self.scale
        if self.rotation in (90, 270):
            width, height = height, width
        return Box(float(x - width / 2), float(y - height / 2), float(width), float(height))
