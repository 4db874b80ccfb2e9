"""Cut-outs: what a witness has in a cell, as its scan shows it, upright and framed.

A piece of the source scan is set upright and level by the page's transform (affine warp), scaled to digits of one
height, and the number is framed. Where nothing was read, the corners of a frame mark where row and column cross.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from tablesim.errors import TablesimError
from tablesim.records.boxes import Box
from tablesim.records.collation import Cell, CellReading, Collation
from tablesim.records.reading import Reading
from tablesim.records.transform import Transform
from tablesim.scans.images import MAX_PIXELS, open_image

Picture = NDArray[np.uint8]

DIGIT_HEIGHT = 34
"""Height in pixels to which the digits of a cut-out are scaled; chosen by eye."""

BESIDE, ABOVE = 3.2, 1.9
"""Context left and right, above and below the number, in digit heights: its neighbours in row and column."""

LARGEST_ZOOM = 8.0
"""Digits of a few pixels are enlarged no further: there is nothing more to see."""

CACHED_PIXELS = 100_000_000
"""Scans are kept open up to so many pixels together, about 300 MB."""

FRAME = (213, 94, 0)
"""Vermilion of Okabe and Ito's palette (RGB): no ink has it, and it tells from black in grey as well."""

N_NEAREST = 3
"""A missing number stands where so many nearest numbers of its row, and of its column, say (median)."""

DIGIT_WIDTH = 0.62
"""Width of a digit in digit heights, usual in old type."""


class Cutter:
    """Cuts pieces out of the scans of readings; a scan is opened once.

    One cutter may serve many collations: the scans that were used last stay open.

    Parameters
    ----------
    max_pixels : int
        Larger scans are not opened.

    Attributes
    ----------
    problems : dict of str to str
        Why there is nothing to see: by scan, in words.
    """

    def __init__(self, max_pixels: int = MAX_PIXELS) -> None:
        self.max_pixels = max_pixels
        self.problems: dict[str, str] = {}
        self._open: OrderedDict[str, Picture] = OrderedDict()

    def cut(self, reading: Reading, box: Box, *, digit_height: float = 0.0, found: bool = True) -> Picture | None:
        """The piece of a page around a box.

        Parameters
        ----------
        reading : Reading
            Says which scan it is and how it stands upright.
        box : Box
            In source pixels; it is framed.
        digit_height : float
            Height of its digits, upright, in source pixels; the upright height of the box when left out.
        found : bool
            Whether a number stands there: else the frame has its corners alone.

        Returns
        -------
        uint8 array of shape (height, width, 3), or None
            RGB. None where the scan cannot be opened or is not the one that was read; ``problems`` says why.
        """
        scan = self._scan(reading)
        if scan is None:
            return None
        turned = reading.transform.rotation in (90, 270)
        wide, high = (box.height, box.width) if turned else (box.width, box.height)
        zoom = min(DIGIT_HEIGHT / max(digit_height or high, 1.0), LARGEST_ZOOM)
        level = replace(reading.transform, scale=zoom)
        (x, y), *_ = level.to_working(np.array([box.centre]))
        wide, high = wide * zoom, high * zoom
        width, height = round(wide + 2 * BESIDE * DIGIT_HEIGHT), round(high + 2 * ABOVE * DIGIT_HEIGHT)
        piece = _warped(scan, level, (x - width / 2, y - height / 2), (width, height))
        _draw_frame(piece, Box((width - wide) / 2, (height - high) / 2, wide, high), whole=found)
        return piece

    def page(self, reading: Reading, level: Transform) -> Picture | None:
        """The whole page as ``level`` sets it upright and scales it, RGB; None as for ``cut``."""
        scan = self._scan(reading)
        return None if scan is None else _warped(scan, level, (0.0, 0.0), level.working_size)

    def _scan(self, reading: Reading) -> Picture | None:
        where = reading.scan
        if where in self.problems:
            return None
        if where not in self._open:
            try:
                image = open_image(where, self.max_pixels)
            except TablesimError as error:
                self.problems[where] = str(error)
                return None
            self._open[where] = np.asarray(image.convert("RGB"), dtype=np.uint8)
        self._open.move_to_end(where)
        while len(self._open) > 1 and sum(p.shape[0] * p.shape[1] for p in self._open.values()) > CACHED_PIXELS:
            self._open.popitem(last=False)
        scan = self._open[where]
        if scan.shape[:2] != (reading.height, reading.width):
            self.problems[where] = (
                f"{where}: the scan is {scan.shape[1]} x {scan.shape[0]} pixels, and {reading.width} x "
                f"{reading.height} when it was read; put back the scan that was read, or read this one"
            )
            return None
        return scan


def _warped(scan: Picture, level: Transform, corner: tuple[float, float], size: tuple[int, int]) -> Picture:
    """The scan seen through ``level``: the rectangle of ``size`` pixels whose top left corner is at ``corner``."""
    matrix = level.matrix.copy()
    # The transform counts from the edges of pixels, OpenCV from their middles.
    matrix[:, 2] += 0.5 * matrix[:, :2].sum(axis=1) - 0.5 - np.array(corner)
    if level.scale < 1:
        # Digits are made smaller: a blur as wide as a pixel of the cut-out keeps thin strokes from breaking.
        matrix, scan = _cropped(scan, matrix, size, blur=0.5 / level.scale)
    way = cv2.INTER_CUBIC if level.scale > 1 else cv2.INTER_LINEAR
    white = (255, 255, 255)
    return np.asarray(cv2.warpAffine(scan, matrix, size, flags=way, borderValue=white), dtype=np.uint8)


def _cropped(
    scan: Picture, matrix: NDArray[np.float64], size: tuple[int, int], *, blur: float
) -> tuple[NDArray[np.float64], Picture]:
    """The part of the scan that the cut-out shows, blurred, and the matrix that sends it there."""
    corners = np.array([[0, 0], [size[0], 0], [0, size[1]], [size[0], size[1]]], dtype=np.float64)
    back = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2]
    corners_in_scan = corners @ back[:, :2].T + back[:, 2]
    room = np.ceil(4 * blur)
    left, top = np.clip(np.floor(corners_in_scan.min(axis=0) - room), 0, None).astype(int).tolist()
    right, bottom = np.maximum(np.ceil(corners_in_scan.max(axis=0) + room), 1).astype(int).tolist()
    part = scan[top:bottom, left:right]
    if part.size:
        scan = np.asarray(cv2.GaussianBlur(part, (0, 0), blur), dtype=np.uint8)
        matrix = matrix.copy()
        matrix[:, 2] += matrix[:, :2] @ np.array([left, top], dtype=np.float64)
    return matrix, scan


def _draw_frame(picture: Picture, box: Box, *, whole: bool) -> None:
    """A frame of two pixels a little outside the box; its corners alone where it is not whole."""
    room = 0.16 * DIGIT_HEIGHT
    left, top = round(box.x - room), round(box.y - room)
    right, bottom = round(box.right + room), round(box.bottom + room)
    if whole:
        cv2.rectangle(picture, (left, top), (right, bottom), FRAME, 2)
        return
    arm = round(0.3 * DIGIT_HEIGHT)
    for x, inward in ((left, arm), (right, -arm)):
        for y, down in ((top, arm), (bottom, -arm)):
            cv2.line(picture, (x, y), (x + inward, y), FRAME, 2)
            cv2.line(picture, (x, y), (x, y + down), FRAME, 2)


def cutouts(collation: Collation, cell: Cell, cutter: Cutter | None = None) -> list[Picture | None]:
    """What each witness has in a cell, cut out of its scan.

    Parameters
    ----------
    collation : Collation
    cell : Cell
        One of its cells.
    cutter : Cutter, optional
        Opens the scans, keeps them open for the next cell, and says in ``problems`` why one cannot be opened.

    Returns
    -------
    list of (uint8 array of shape (height, width, 3), or None)
        Upright and level, in colour, with some context; the number is framed. Where a witness has the row and the
        column and nothing was read, the spot is marked. None where it lacks one of them, or its scan is gone.
    """
    cutter = Cutter() if cutter is None else cutter
    return [cutout_of(collation, witness, cell, cutter) for witness in range(len(collation.witnesses))]


def cutout_of(collation: Collation, witness: int, cell: Cell, cutter: Cutter) -> Picture | None:
    """What one witness has in a cell, as ``cutouts`` gives it."""
    if not collation.has(witness, cell):
        return None
    pages = {reading.page: reading for reading in collation.witnesses[witness].readings}
    read = cell.readings[witness]
    if read is not None:
        page = pages[read.page]
        return cutter.cut(page, read.number.box, digit_height=_digit_height(page, [read]))
    crossing = _crossing(collation, witness, cell)
    if crossing is None:
        return None
    name, box = crossing
    return cutter.cut(pages[name], box, found=False)


def _crossing(collation: Collation, witness: int, cell: Cell) -> tuple[str, Box] | None:
    """The page and the box where row and column of a missing number cross; None where one of them is empty."""
    in_row = sorted((c for c in collation.cells if c.row == cell.row), key=lambda c: abs(c.column - cell.column))
    in_column = sorted((c for c in collation.cells if c.column == cell.column), key=lambda c: abs(c.row - cell.row))
    beside, above = ([read for c in line if (read := c.readings[witness])] for line in (in_row, in_column))
    if collation.transposed[witness]:
        beside, above = above, beside
    if not beside or not above:
        return None
    name = beside[0].page
    page = next(reading for reading in collation.witnesses[witness].readings if reading.page == name)
    row, column = ([read for read in line if read.page == name][:N_NEAREST] for line in (beside, above))
    if not column:
        return None
    y = float(np.median([_upright(page, read)[1] for read in row]))
    x = float(np.median([_upright(page, read)[0] for read in column]))
    height = _digit_height(page, row)
    width = DIGIT_WIDTH * height * float(np.median([len(read.number.digits) for read in column]))
    (source_x, source_y), *_ = page.transform.to_source(np.array([[x, y]]))
    if page.transform.rotation in (90, 270):
        width, height = height, width
    return name, Box(source_x - width / 2, source_y - height / 2, width, height)


def _upright(page: Reading, read: CellReading) -> tuple[float, float]:
    """The middle of a number in working pixels, where lines are level."""
    (x, y), *_ = page.transform.to_working(np.array([read.number.box.centre]))
    return float(x), float(y)


def _digit_height(page: Reading, read: Sequence[CellReading]) -> float:
    """Median height of the digits of some numbers, upright, in source pixels."""
    turned = page.transform.rotation in (90, 270)
    boxes = [digit.box for cell in read for digit in cell.number.digits]
    return float(np.median([box.width if turned else box.height for box in boxes]))
