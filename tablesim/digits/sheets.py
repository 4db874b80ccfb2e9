"""Lays pieces of ink on one sheet, in shelves by falling height, so that the network runs once for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tablesim.digits.passes import DigitReader
from tablesim.digits.peaks import DigitPeaks, find_digits

GAP = 8
"""Least bare paper between two pieces in pixels."""

_CELL = 8
"""Pieces begin at multiples of so many pixels: the coarsest cells of the network."""


@dataclass(frozen=True)
class PieceSheet:
    """Pieces of ink on bare paper.

    Attributes
    ----------
    ink : float32 array of shape (H, W)
    corners, sizes : int64 arrays of shape (n, 2)
        Left and top, width and height of each piece on the sheet.
    """

    ink: NDArray[np.float32]
    corners: NDArray[np.int64]
    sizes: NDArray[np.int64]

    @classmethod
    def of(cls, pieces: Sequence[NDArray[np.float32]]) -> PieceSheet:
        """A sheet about as wide as high with these pieces, one at least."""
        sizes = np.array([piece.shape[::-1] for piece in pieces], dtype=np.int64)
        cells = (sizes + GAP + _CELL - 1) // _CELL * _CELL
        widest = max(int(cells[:, 0].max()), int(np.sqrt(np.prod(cells, axis=1).sum())) // _CELL * _CELL)
        corners = np.zeros_like(sizes)
        x = y = shelf = 0
        for k in np.lexsort((-cells[:, 0], -cells[:, 1])):
            wide, high = cells[k].tolist()
            if x + wide > widest:
                x, y = 0, y + shelf
            shelf = high if x == 0 else shelf
            corners[k] = x, y
            x += wide
        width, height = (corners + cells).max(axis=0).tolist()
        ink = np.zeros((height, width), dtype=np.float32)
        for piece, (left, top), (wide, high) in zip(pieces, corners.tolist(), sizes.tolist(), strict=True):
            ink[top : top + high, left : left + wide] = piece
        return cls(ink, corners, sizes)

    def digits(self, reader: DigitReader, threshold: float) -> tuple[DigitPeaks, NDArray[np.intp]]:
        """The digits on all pieces, each in the pixels of its own piece, and the piece of each, shape (n,)."""
        found = find_digits(reader.maps(self.ink), threshold, reader.calibration)
        middles = found.middles[:, None]
        inside = np.all((middles >= self.corners) & (middles < self.corners + self.sizes), axis=2)
        on_piece = inside.any(axis=1)
        found, piece = found.take(on_piece), inside[on_piece].argmax(axis=1)
        return replace(found, boxes=found.boxes - np.tile(self.corners[piece], 2)), piece
