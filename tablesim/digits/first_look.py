"""Decides at low resolution whether a page can carry figures in rows, which side is up, and how tall its digits are.

The page is cut into tiles; those that hold marks are shown to the digit network at half the scale of reading, the most
crowded first, each at the scale of its own marks, until enough digits are seen. Most pages of books show none: they are
not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from tablesim.digits.passes import DigitReader
from tablesim.digits.peaks import find_digits
from tablesim.digits.refusals import HANDWRITTEN, SHOW_THROUGH, is_surely_handwritten, reason
from tablesim.digits.scale import FEW_MARKS, READING_HEIGHT, TEXT_STANDS, Survey, scale_of_digits
from tablesim.records.transform import Transform

LOOK_HEIGHT = 0.5 * READING_HEIGHT
"""Height in pixels to which the marks of a tile are brought, for a quarter of the work of reading. The network still
finds most digits at half its scale, and few at a third."""

LOOK_LARGER = 1.08
"""How much taller digits seem in a first look than they are: 1.08 on the median of nine pages of the sample corpus."""

TILE = 24.0
"""Side of a tile in heights of the page's marks."""

CLEAR = 0.8
"""Least confidence of a clear digit: letters, and digits upside down, look like doubtful ones."""

TOGETHER, NEARBY, NEXT_LINE = 4, 14.0, 0.8
"""A table shows so many clear digits within the second distance of one of them, in digit heights, and two lines of
them, the third distance apart. Tables have twelve numbers and more, and half of their digits are clear in a first look
at most synthesized pages, a third at the worst; in text a few letters here and there look like digits, or a year."""

ENOUGH = 40
"""So many clear digits tell scale and orientation: no more tiles are looked at."""

FEW = 8
"""Fewer digits than this do not tell the scale."""

_SHARE = 0.25
"""Share of the marks of a page on whose tiles it is tried in other orientations, as a sample."""

_OWN_SCALE = 1.8
"""A tile is looked at as if its marks were up to this many times larger or smaller than those of the page."""

_SPOTS, _TURNED, _FEW_IN_SPOT = 3, 0.65, 6
"""Spots a side of a tile; share of the marks of a spot, and least number, that lie where most of the page stands, or
stand where it lies: there may be a table on its side. Upright, a third of letters and digits are wider than tall."""

_FEWEST_MARKS = 3
"""Tiles with fewer marks hold dirt."""

_CELL = 8
"""Pixels to whose multiple a tile is widened: the coarsest cells of the network."""


@dataclass(frozen=True)
class FirstLook:
    """What a first look at a page says.

    Attributes
    ----------
    transform : Transform
        At which the page is to be read.
    refusal : str
        Why it need not be read; empty where it may carry figures in rows.
    """

    transform: Transform
    refusal: str = ""


@dataclass(frozen=True)
class _Tile:
    """A part of the page: left, top, right, bottom, and usual width and height of its marks, in survey pixels.

    ``turned`` says that some of it may stand a quarter turn from the rest of the page.
    """

    box: tuple[int, int, int, int]
    mark_size: tuple[float, float]
    n_marks: int
    turned: bool = False

    @property
    def heart(self) -> _Tile:
        """Its middle, half as wide and high: enough of a table of digits, and a quarter of the work."""
        left, top, right, bottom = self.box
        wide, high = (right - left) // 4, (bottom - top) // 4
        return replace(self, box=(left + wide, top + high, right - wide, bottom - high), n_marks=self.n_marks // 4)


@dataclass
class _Seen:
    """The clear digits seen on some tiles at one orientation.

    Attributes
    ----------
    rotation : int
        Clockwise degrees by which the tiles were turned.
    tiles : list of _Tile
        What was looked at.
    middles : list of float arrays of shape (n, 2)
        For each tile, x and y in digit heights of the turned page.
    heights : list of float arrays of shape (n,)
        In source pixels.
    confidence : float
        Summed.
    """

    rotation: int
    tiles: list[_Tile] = field(default_factory=list)
    middles: list[NDArray[np.float64]] = field(default_factory=list)
    heights: list[NDArray[np.float64]] = field(default_factory=list)
    confidence: float = 0.0

    @property
    def n_digits(self) -> int:
        """How many."""
        return sum(len(heights) for heights in self.heights)

    @property
    def in_rows(self) -> bool:
        """Whether `TOGETHER` digits stand near one of them, and not all on its line."""
        if self.n_digits < TOGETHER:
            return False
        middles = np.concatenate(self.middles)
        apart = np.abs(middles[:, None] - middles[None])
        near = apart.max(axis=-1) < NEARBY
        return bool(np.any((near.sum(axis=1) >= TOGETHER) & np.any(near & (apart[..., 1] > NEXT_LINE), axis=1)))


def first_look(reader: DigitReader, marks: Survey) -> FirstLook:
    """Whether and how a page is to be read, from the ``marks`` of its survey."""
    upright, upside_down, *sides = (90, 270, 0, 180) if marks.lying else (0, 180, 90, 270)
    tiles = _tiles(marks, upright)
    best = _look(reader, marks, tiles, upright, ENOUGH)
    if best.n_digits >= ENOUGH:
        rivals = [(upside_down, best.tiles)]
    else:
        # Lines of text show which side is up, and a table on its side among them shows by its marks. Digits alone may
        # look like text from the wrong side, but then any part of the page shows them: a sample is enough.
        crowded = _most_crowded(tiles)
        is_text = not marks.lying and marks.standing(upright) > TEXT_STANDS
        sample = [tile.heart for tile in tiles[:1]] if is_text else crowded
        turned = [tile for tile in tiles if tile.turned]
        turned += [tile for tile in sample if tile not in turned]
        rivals = [(upside_down, crowded if is_text else tiles), *((side, turned) for side in sides)]
    for rotation, some in rivals:
        rival = _look(reader, marks, some, rotation)
        if rival.in_rows and best.in_rows and len(some) < len(best.tiles):
            rival = _look(reader, marks, best.tiles, rotation)
        if (rival.in_rows, rival.confidence) > (best.in_rows, best.confidence):
            best = rival
    width, height = marks.size
    transform = Transform(width, height, best.rotation, marks.scale(best.rotation), marks.skew(best.rotation))
    if not best.in_rows:
        # A few letters look like digits from the wrong side: what shows no rows of them is left as it lies.
        transform = Transform(width, height, upright, marks.scale(upright), marks.skew(upright))
        return FirstLook(transform, reason(marks))
    if best.n_digits < ENOUGH and is_surely_handwritten(marks):
        return FirstLook(transform, HANDWRITTEN)
    mirrored = [_look(reader, marks, best.tiles, side, mirrored=True) for side in {upright, best.rotation}]
    if max(seen.confidence for seen in mirrored) > best.confidence:
        return FirstLook(transform, SHOW_THROUGH)
    heights = np.concatenate(best.heights)
    if len(heights) >= FEW:
        scale = LOOK_LARGER * READING_HEIGHT / float(np.median(heights))
        transform = replace(transform, scale=scale_of_digits(marks.size, scale))
    return FirstLook(transform)


def _tiles(marks: Survey, rotation: int) -> list[_Tile]:
    """The tiles of a page that hold marks, the most crowded first; the whole page where there are few marks."""
    usual = READING_HEIGHT / marks.scale(rotation) * marks.reduction
    if len(marks.boxes) < FEW_MARKS:
        height, width = marks.ink.shape
        return [_Tile((0, 0, width, height), (usual, usual), len(marks.boxes))]
    boxes = marks.boxes * marks.reduction
    sizes, middles = boxes[:, 2:] - boxes[:, :2], (boxes[:, :2] + boxes[:, 2:]) / 2
    across = (sizes[:, 0] > sizes[:, 1]) != marks.lying
    turned = np.zeros(len(boxes), dtype=bool)
    for spot in _cells(middles, TILE / _SPOTS * usual):
        turned[spot] = len(spot) >= _FEW_IN_SPOT and across[spot].mean() >= _TURNED
    tiles = []
    for inside in _cells(middles, TILE * usual):
        if len(inside) < _FEWEST_MARKS:
            continue
        left, top = np.maximum(boxes[inside, :2].min(axis=0) - usual, 0).astype(int)
        right, bottom = (boxes[inside, 2:].max(axis=0) + usual).astype(int) + 1
        wide, tall = np.clip(np.percentile(sizes[inside], 60, axis=0), usual / _OWN_SCALE, usual * _OWN_SCALE)
        tiles.append(_Tile((left, top, right, bottom), (wide, tall), len(inside), bool(turned[inside].any())))
    return sorted(tiles, key=lambda tile: -tile.n_marks)


def _cells(points: NDArray[np.floating], side: float) -> list[NDArray[np.intp]]:
    """Indices of the points in each cell of a square grid that holds any."""
    cell = (points // side).astype(np.int64)
    order = np.lexsort(cell.T)
    starts = np.flatnonzero(np.any(np.diff(cell[order], axis=0) != 0, axis=1)) + 1
    return np.split(order, starts)


def _most_crowded(tiles: Sequence[_Tile]) -> list[_Tile]:
    """The first tiles, with `_SHARE` of all marks."""
    counts = np.cumsum([tile.n_marks for tile in tiles])
    return list(tiles[: int(np.searchsorted(counts, _SHARE * counts[-1])) + 1]) if len(tiles) else []


def _look(
    reader: DigitReader,
    marks: Survey,
    tiles: Sequence[_Tile],
    rotation: int,
    enough: float = np.inf,
    *,
    mirrored: bool = False,
) -> _Seen:
    """The clear digits of these tiles turned by ``rotation``, until there are ``enough``; each tile ``mirrored``."""
    seen = _Seen(rotation)
    height, width = marks.ink.shape
    for tile in tiles:
        left, top, right, bottom = tile.box
        piece = np.rot90(marks.ink[top:bottom, left:right], -rotation // 90)
        if mirrored:
            piece = piece[:, ::-1]
        size = tile.mark_size[0 if rotation in (90, 270) else 1]
        digits = find_digits(reader.maps(_resized(piece, LOOK_HEIGHT / size)), CLEAR, reader.calibration)
        corner = {0: (left, top), 90: (height - bottom, left), 180: (width - right, height - bottom)}.get(
            rotation, (top, width - right)
        )
        seen.tiles.append(tile)
        seen.middles.append(digits.middles / LOOK_HEIGHT + np.array(corner) / size)
        seen.heights.append(digits.heights * size / LOOK_HEIGHT / marks.reduction)
        seen.confidence += float(digits.confidence.sum())
        if seen.n_digits >= enough:
            break
    return seen


def _resized(ink: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    """Ink at another scale, with bare paper up to a multiple of `_CELL` pixels."""
    width, height = (max(1, round(side * factor)) for side in ink.shape[::-1])
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    small = cv2.resize(np.ascontiguousarray(ink), (width, height), interpolation=way)
    return np.pad(np.asarray(small, dtype=np.float32), ((0, -height % _CELL), (0, -width % _CELL)))
