"""Transforms: the map between source pixels and the upright working page.

Pixels that are not square are made so, then a page is turned upright by a quarter turn, straightened by a small angle
and resized to a working scale. These steps make one affine matrix; where rows sink or bend, a warp levels them behind
it. Every coordinate that leaves tablesim has been sent back through the inverse.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tablesim.records.boxes import Box
from tablesim.records.warp import RowWarp

QUARTER_TURNS = (0, 90, 180, 270)


@dataclass(frozen=True)
class PageRegion:
    """A part of a scan that is arranged for itself: a page of an open book, or a table that stands otherwise.

    Parameters
    ----------
    box : Box
        In source pixels.
    rotation : int
        Clockwise degrees, one of 0, 90, 180, 270, that set the region upright.
    """

    box: Box
    rotation: int

    def __post_init__(self) -> None:
        if self.rotation not in QUARTER_TURNS:
            raise ValueError(f"PageRegion.rotation: got {self.rotation}, expected 0, 90, 180 or 270")

    def holds(self, box: Box) -> bool:
        """Whether the middle of a box lies in the region."""
        (x, y), own = box.centre, self.box
        return own.x <= x <= own.x + own.width and own.y <= y <= own.y + own.height


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
        Working pixels per square pixel of the source.
    skew : float
        Clockwise degrees, small, by which the upright page was turned to make its lines level.
    aspect : float
        Width of a source pixel over its height; pixels that are not square are made so at the finer of both
        resolutions.
    warp : RowWarp, optional
        What levels the rows of the working page. The working image itself is not warped.
    regions : tuple of PageRegion
        Parts of the scan that are arranged for themselves, in reading order.
    """

    source_width: int
    source_height: int
    rotation: int = 0
    scale: float = 1.0
    skew: float = 0.0
    aspect: float = 1.0
    warp: RowWarp | None = None
    regions: tuple[PageRegion, ...] = ()

    def __post_init__(self) -> None:
        if self.rotation not in QUARTER_TURNS:
            raise ValueError(f"Transform.rotation: got {self.rotation}, expected 0, 90, 180 or 270")
        if not self.scale > 0:
            raise ValueError(f"Transform.scale: got {self.scale}, expected more than 0")
        if not 0 < self.aspect < math.inf:
            raise ValueError(f"Transform.aspect: got {self.aspect}, expected more than 0")

    @property
    def square_size(self) -> tuple[int, int]:
        """Width and height of the source in square pixels."""
        width, height = self.source_width, self.source_height
        return (round(width * self.aspect), height) if self.aspect >= 1 else (width, round(height / self.aspect))

    @property
    def working_size(self) -> tuple[int, int]:
        """Width and height of the working image in pixels."""
        width, height = self.square_size
        if self.rotation in (90, 270):
            width, height = height, width
        return max(1, round(width * self.scale)), max(1, round(height * self.scale))

    @cached_property
    def matrix(self) -> NDArray[np.float64]:
        """Affine matrix of shape (2, 3) that sends source to working coordinates (edges, not pixel centres).

        The warp is not in it.
        """
        width, height = self.square_size
        square = np.diag([width / self.source_width, height / self.source_height, 1.0])
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
        return np.asarray((turn @ resize @ quarter @ square)[:2])

    @cached_property
    def inverse(self) -> NDArray[np.float64]:
        """Affine matrix of shape (2, 3) that sends working to source coordinates."""
        whole = np.vstack([self.matrix, [0, 0, 1]])
        return np.linalg.inv(whole)[:2]

    def to_working(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Points of shape (n, 2) as (x, y) in source pixels, sent to working pixels."""
        moved = np.asarray(points, dtype=np.float64) @ self.matrix[:, :2].T + self.matrix[:, 2]
        return moved if self.warp is None else self.warp.straightened(moved)

    def to_source(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Points of shape (n, 2) as (x, y) in working pixels, sent to source pixels."""
        bent = np.asarray(points, dtype=np.float64)
        if self.warp is not None:
            bent = self.warp.bent(bent)
        return bent @ self.inverse[:, :2].T + self.inverse[:, 2]

    def box_to_source(self, box: Box) -> Box:
        """A box in working pixels as a box in source pixels, as `boxes_to_source` does it."""
        return self.boxes_to_source(np.array([[box.x, box.y, box.right, box.bottom]]))[0]

    def boxes_to_source(self, boxes: NDArray[np.floating]) -> list[Box]:
        """Boxes in working pixels, shape (n, 4) as left, top, right, bottom, as boxes in source pixels.

        The middle goes through the exact transform; width and height change with scale, quarter turn and the shape of
        pixels only, so a straightened page does not inflate its boxes.
        """
        boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
        middles = self.to_source((boxes[:, :2] + boxes[:, 2:]) / 2)
        sizes = (boxes[:, 2:] - boxes[:, :2]) / self.scale
        if self.rotation in (90, 270):
            sizes = sizes[:, ::-1]
        sizes = sizes * (self.source_width, self.source_height) / self.square_size
        return [Box(*values) for values in np.hstack([middles - sizes / 2, sizes]).tolist()]
