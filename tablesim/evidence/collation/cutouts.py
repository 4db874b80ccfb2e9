"""Cut-outs: what a witness has at a place, as its scan shows it, upright and framed.

Who reads that two editions differ wants to see the two numbers. A piece is cut out of the source scan, set upright and
level by the page's transform, brought to figures of one height, and the number is framed.
Where nothing was read, the frame marks the spot at which row and column of that witness cross.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from tablesim.errors import TablesimError
from tablesim.records.boxes import Box
from tablesim.records.reading import Reading
from tablesim.records.transform import Transform
from tablesim.scans.images import MAX_PIXELS, open_image

if TYPE_CHECKING:
    from tablesim.evidence.collation.cells import Cell, CellReading

Picture = NDArray[np.uint8]

FIGURE = 34
"""Height in pixels to which the figures of a cut-out are brought."""

BESIDE, ABOVE = 3.2, 1.9
"""Context left and right, above and below the number, in heights of a figure: its neighbours in row and column."""

LARGEST_ZOOM = 8.0
"""Figures of a few pixels are enlarged no further: there is nothing more to see."""

CACHED_PIXELS = 100_000_000
"""Scans are kept open up to so many pixels together, about 300 MB."""

FRAME = (213, 94, 0)
"""Vermilion of Okabe and Ito's palette (RGB): no ink has it, and it tells from black in grey as well."""

N_BESIDE = 3
"""So many nearest numbers of a row, and of a column, tell where a number is missing."""


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

    def cut(self, reading: Reading, box: Box, *, figure: float = 0.0, found: bool = True) -> Picture | None:
        """The piece of a page around a box.

        Parameters
        ----------
        reading : Reading
            Says which scan it is and how it stands upright.
        box : Box
            In source pixels; it is framed.
        figure : float
            Height of a figure, upright, in source pixels; the upright height of the box when left out.
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
        zoom = min(FIGURE / max(figure or high, 1.0), LARGEST_ZOOM)
        level = replace(reading.transform, scale=zoom)
        (x, y), *_ = level.to_working(np.array([box.centre]))
        wide, high = wide * zoom, high * zoom
        width, height = round(wide + 2 * BESIDE * FIGURE), round(high + 2 * ABOVE * FIGURE)
        piece = _warped(scan, level, (x - width / 2, y - height / 2), (width, height))
        _draw_frame(piece, Box((width - wide) / 2, (height - high) / 2, wide, high), whole=found)
        return piece

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
        # Figures are made smaller: a blur as wide as a pixel of the cut-out keeps thin strokes from breaking.
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
    there = corners @ back[:, :2].T + back[:, 2]
    room = np.ceil(4 * blur)
    left, top = np.clip(np.floor(there.min(axis=0) - room), 0, None).astype(int).tolist()
    right, bottom = np.maximum(np.ceil(there.max(axis=0) + room), 1).astype(int).tolist()
    part = scan[top:bottom, left:right]
    if part.size:
        scan = np.asarray(cv2.GaussianBlur(part, (0, 0), blur), dtype=np.uint8)
        matrix = matrix.copy()
        matrix[:, 2] += matrix[:, :2] @ np.array([left, top], dtype=np.float64)
    return matrix, scan


def _draw_frame(picture: Picture, box: Box, *, whole: bool) -> None:
    """A frame of two pixels a little outside the box; its corners alone where it is not whole."""
    room = 0.16 * FIGURE
    left, top = round(box.x - room), round(box.y - room)
    right, bottom = round(box.right + room), round(box.bottom + room)
    if whole:
        cv2.rectangle(picture, (left, top), (right, bottom), FRAME, 2)
        return
    arm = round(0.3 * FIGURE)
    for x, inward in ((left, arm), (right, -arm)):
        for y, down in ((top, arm), (bottom, -arm)):
            cv2.line(picture, (x, y), (x + inward, y), FRAME, 2)
            cv2.line(picture, (x, y), (x, y + down), FRAME, 2)


class CellBoxes:
    """Where the numbers of witnesses stand, and where those would stand that are missing.

    Parameters
    ----------
    witnesses : sequence of dict of str to Reading
        For each witness its readings by page.
    cells : iterable of Cell
        All places of the collation.
    transposed : sequence of bool
        For each witness whether its printed rows are columns of the collation.
    """

    def __init__(
        self, witnesses: Sequence[dict[str, Reading]], cells: Iterable[Cell], transposed: Sequence[bool]
    ) -> None:
        self._witnesses = witnesses
        self._transposed = transposed
        self._rows: dict[tuple[int, int], list[tuple[int, CellReading]]] = defaultdict(list)
        self._columns: dict[tuple[int, int], list[tuple[int, CellReading]]] = defaultdict(list)
        for cell in cells:
            for w, reading in enumerate(cell.readings):
                if reading is not None:
                    self._rows[w, cell.row].append((cell.column, reading))
                    self._columns[w, cell.column].append((cell.row, reading))

    def cut(self, cutter: Cutter, witness: int, cell: Cell) -> Picture | None:
        """The cut-out of a witness at a place; None where there is none to be had."""
        read = cell.readings[witness]
        if read is not None:
            page = self._witnesses[witness][read.page]
            return cutter.cut(page, read.number.box, figure=_figure(page, [read]))
        spot = self._spot(witness, cell)
        if spot is None:
            return None
        page, box = spot
        return cutter.cut(page, box, found=False)

    def _spot(self, witness: int, cell: Cell) -> tuple[Reading, Box] | None:
        """Where the row and the column of a missing number cross; None where one of them says nothing."""
        beside = _nearest(self._rows[witness, cell.row], cell.column)
        above = _nearest(self._columns[witness, cell.column], cell.row)
        if self._transposed[witness]:
            beside, above = above, beside
        if not beside or not above:
            return None
        name = beside[0].page
        page = self._witnesses[witness][name]
        row, column = ([one for one in line if one.page == name][:N_BESIDE] for line in (beside, above))
        if not column:
            return None
        y = float(np.median([_upright(page, one)[1] for one in row]))
        x = float(np.median([_upright(page, one)[0] for one in column]))
        figure = _figure(page, row)
        widths = [len(one.number.digits) for one in column]
        wide = 0.62 * figure * float(np.median(widths))
        (at_x, at_y), *_ = page.transform.to_source(np.array([[x, y]]))
        if page.transform.rotation in (90, 270):
            return page, Box(at_x - figure / 2, at_y - wide / 2, figure, wide)
        return page, Box(at_x - wide / 2, at_y - figure / 2, wide, figure)


def _nearest(line: Sequence[tuple[int, CellReading]], at: int) -> list[CellReading]:
    return [reading for _, reading in sorted(line, key=lambda one: (abs(one[0] - at), one[0]))]


def _upright(page: Reading, read: CellReading) -> tuple[float, float]:
    """The middle of a number in working pixels, where lines are level."""
    (x, y), *_ = page.transform.to_working(np.array([read.number.box.centre]))
    return float(x), float(y)


def _figure(page: Reading, read: Sequence[CellReading]) -> float:
    """Median height of the figures of some numbers, upright, in source pixels."""
    turned = page.transform.rotation in (90, 270)
    boxes = [digit.box for one in read for digit in one.number.digits]
    return float(np.median([box.width if turned else box.height for box in boxes]))
