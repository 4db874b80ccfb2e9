"""PageMap, the result of registration: points and boxes of page A carried over to page B.

It is one of three kinds. Two scans of one sheet, and pages that were set alike, have a plane map: affine or homography.
Pages set anew have a map that follows their columns and rows (``column_row_warp``), which is good for looking at both
and says nothing about the paper. Which one holds is found in ``registration``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tablesim.evidence.registration.column_row_warp import Warp
from tablesim.evidence.registration.plane import project
from tablesim.language import say
from tablesim.records.boxes import Box

SAME_SETTING = 0.04
"""Largest residual, in digit heights, of two scans of one sheet: what reading leaves. On synthesized pages scanned
twice it is 0.02 to 0.035, between two editions set alike at least 0.045."""

WHOLE = 0.9
"""Least share of the matching numbers that one map carries over where both pages show one sheet."""

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class PageMap:
    """The way from source pixels of A to source pixels of B.

    Parameters
    ----------
    model : str
        "affine" or "homography": one plane map; "columns and rows": the columns and rows of another setting are
        followed.
    matrix : float64 array of shape (3, 3)
        Of homogeneous coordinates, source pixels of A to source pixels of B. With "columns and rows" the affine map
        nearest to the whole: good for bringing a view near, not for bringing digits upon digits.
    frame_a, frame_b : float64 arrays of shape (3, 3)
        From source pixels to the upright page in digit heights.
    warp : Warp or None
        The map itself with "columns and rows", in digit heights.
    pairs : int64 array of shape (p, 2)
        Equal numbers that the map brings upon each other, as indices into A's and B's numbers.
    differing : int64 array of shape (d, 2)
        Numbers that it brings upon each other and that were read differently, none of them illegible.
    n_numbers : int
        How many could be: the numbers of the page that has fewer.
    share : float
        Share of the equal numbers which the registration found that are among them.
    agreement : float
        Of the numbers of A that come to lie upon a number of B: the share that equals it.
    residual : float
        Median distance of the pairs after the map, in digit heights of B.
    """

    model: str
    matrix: Floats
    frame_a: Floats
    frame_b: Floats
    warp: Warp | None
    pairs: Indices
    differing: Indices
    n_numbers: int
    share: float
    agreement: float
    residual: float

    @property
    def same_setting(self) -> bool:
        """Whether one plane map carries all over that matches, and leaves no more than two scans of one sheet do."""
        return self.warp is None and self.residual <= SAME_SETTING and self.share >= WHOLE

    @cached_property
    def inverse(self) -> Floats:
        """The inverse of ``matrix``, (3, 3)."""
        inverse = np.linalg.inv(self.matrix)
        return np.asarray(inverse / inverse[2, 2], dtype=np.float64)

    def to_b(self, points: Floats) -> Floats:
        """Points of shape (n, 2) in source pixels of A, in source pixels of B."""
        if self.warp is None:
            return project(self.matrix, points)
        return project(np.linalg.inv(self.frame_b), self.warp.apply(project(self.frame_a, points)))

    def to_a(self, points: Floats) -> Floats:
        """Points of shape (n, 2) in source pixels of B, in source pixels of A."""
        if self.warp is None:
            return project(self.inverse, points)
        return project(np.linalg.inv(self.frame_a), self.warp.invert(project(self.frame_b, points)))

    def box_to_b(self, box: Box) -> Box:
        """The smallest box of B that holds a box of A."""
        return _around(self.to_b(_corners(box)))

    def words(self) -> str:
        """One line for captions: what kind of map it is and how well it holds."""
        how = say(
            "{n} of {all} numbers meet their equal, half of them within {residual} digit heights",
            n=len(self.pairs),
            all=self.n_numbers,
            residual=f"{self.residual:.2f}",
        )
        if self.same_setting:
            return say("the same setting: a single {model} map holds; {how}", model=say(self.model), how=how)
        if self.warp is None:
            return say(
                "set alike, or bent paper: a single {model} map holds, not as closely as on one sheet; {how}",
                model=say(self.model),
                how=how,
            )
        return say("another setting, or bent paper: columns and rows are moved one by one; {how}", how=how)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON and viewers.

        ``matrix`` and ``inverse`` are row by row. ``warp`` is null or gives the exact map: a point of A goes through
        ``level`` (source pixels of A to digit heights), x through ``across`` and y through ``along`` (linear between
        the knots, ``slope`` outside them), then through ``page`` (figure heights to source pixels of B).
        """
        warp = None
        if self.warp is not None:
            warp = {
                "level": _plain(self.warp.level @ self.frame_a),
                "across": self.warp.across.to_dict(),
                "along": self.warp.along.to_dict(),
                "page": _plain(np.linalg.inv(self.frame_b) @ self.warp.page),
            }
        return {
            "model": self.model,
            "same_setting": self.same_setting,
            "matrix": _plain(self.matrix),
            "inverse": _plain(self.inverse),
            "warp": warp,
            "pairs": len(self.pairs),
            "differing": len(self.differing),
            "numbers": self.n_numbers,
            "share": round(self.share, 4),
            "agreement": round(self.agreement, 4),
            "residual": round(self.residual, 4),
            "words": self.words(),
        }


def _corners(box: Box) -> Floats:
    return np.array([[box.x, box.y], [box.right, box.y], [box.right, box.bottom], [box.x, box.bottom]])


def _around(points: Floats) -> Box:
    (x, y), (width, height) = points.min(axis=0), np.ptp(points, axis=0)
    return Box(float(x), float(y), float(width), float(height))


def _plain(matrix: NDArray[np.floating]) -> list[list[float]]:
    return [[float(f"{value:.9g}") for value in row] for row in matrix.tolist()]
