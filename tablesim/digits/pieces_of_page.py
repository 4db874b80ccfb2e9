"""Cuts pieces out of a page and reads them anew: larger, and set upright by a shear where its figures lean.

In italics a 1 and a 0 look like the letters I and O, or like a ditto mark; set upright they are read as others are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from tablesim.digits.passes import DigitReader
from tablesim.digits.peaks import DigitPeaks
from tablesim.digits.sheets import PieceSheet

Floats = NDArray[np.float64]

ENLARGED = 1.35
"""How many times larger than the page a piece is read: between 1.25 and 1.5 the network reads as well as before."""

LEANS = 0.08
"""Least slant of figures that lean, in widths a height; chosen by eye between upright figures of synthesized pages and
those of most italics. Some italics have upright figures."""

_CLEAR, _ENOUGH, _MOST = 0.8, 5, 100
"""Least confidence of the ones whose slant is measured, the fewest that tell it, and the most that are looked at."""


def slant_of(digits: DigitPeaks, ink: NDArray[np.floating]) -> float:
    """How far the figures of a page lean, in widths a height, positive to the left; 0 where they stand upright.

    Parameters
    ----------
    digits : DigitPeaks
        In working pixels.
    ink : float array of shape (H, W)
        The working page, 0 bare paper to 1 full ink.
    """
    ones = np.flatnonzero((digits.values == 1) & (digits.confidence >= _CLEAR))[:_MOST]
    slants = []
    for left, top, right, bottom in np.round(digits.boxes[ones]).astype(int).tolist():
        moments = cv2.moments(np.ascontiguousarray(ink[max(top, 0) : bottom, max(left, 0) : right], dtype=np.float32))
        if moments["mu02"] > 0:
            slants.append(moments["mu11"] / moments["mu02"])
    slant = float(np.median(slants)) if len(slants) >= _ENOUGH else 0.0
    return slant if abs(slant) >= LEANS else 0.0


@dataclass(frozen=True)
class PiecesOfPage:
    """Pieces of a working page, enlarged and set upright.

    Attributes
    ----------
    pieces : list of float32 arrays of shape (h, w)
    corners : float64 array of shape (n, 2)
        Left and top of each on the page.
    slant : float
        Of the figures on the page; those on the pieces have none.
    """

    pieces: list[NDArray[np.float32]]
    corners: Floats
    slant: float

    @classmethod
    def cut(cls, ink: NDArray[np.float32], around: Floats, slant: float) -> PiecesOfPage:
        """The pieces ``around`` (left, top, right, bottom in working pixels, shape (n, 4)) of a page."""
        corners = np.maximum(np.round(around[:, :2]), 0).astype(np.intp)
        ends = np.minimum(np.round(around[:, 2:]).astype(np.intp), np.array(ink.shape[::-1]))
        sizes = np.round((ends - corners) * ENLARGED).astype(np.intp)
        pieces = []
        for (left, top), (right, bottom), size in zip(corners.tolist(), ends.tolist(), sizes.tolist(), strict=True):
            piece = cv2.resize(ink[top:bottom, left:right], size, interpolation=cv2.INTER_CUBIC)
            if slant:
                shear = np.array([[1, -slant, slant * size[1] / 2], [0, 1, 0]], dtype=np.float32)
                piece = cv2.warpAffine(piece, shear, size, flags=cv2.INTER_CUBIC)
            pieces.append(np.asarray(np.clip(piece, 0, 1), dtype=np.float32))
        return cls(pieces, corners.astype(np.float64), slant)

    def digits(self, reader: DigitReader, threshold: float) -> tuple[DigitPeaks, NDArray[np.intp]]:
        """The digits on all pieces, in working pixels of the page, and the piece of each, shape (n,)."""
        found, piece = PieceSheet.of(self.pieces).digits(reader, threshold)
        heights = np.array([len(each) for each in self.pieces], dtype=np.float64)
        aside = self.slant * (found.middles[:, 1] - heights[piece] / 2)
        boxes = (found.boxes + np.outer(aside, [1, 0, 1, 0])) / ENLARGED + np.tile(self.corners[piece], 2)
        return replace(found, boxes=boxes), piece
