"""Looks again at places of a table where ink stands and no number was read: set upright, or by the rings of the page.

A row and a column of numbers say where to look; what is read there is read off the image. In italics the network reads
the place again, set upright, as clearly as any other. A ring alone may be a letter o, and the network says so near
words: in a column of single figures it is a 0 where it has just the shape of the other 0s of its page.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import islice

import cv2
import numpy as np
from numpy.typing import NDArray

from tablesim.digits.network import N_JOINS
from tablesim.digits.number_features import NumbersOfPage
from tablesim.digits.numbers import join_digits
from tablesim.digits.page_prototypes import Prototypes, glyph_features
from tablesim.digits.passes import DigitReader
from tablesim.digits.peaks import DigitPeaks
from tablesim.digits.pieces_of_page import PiecesOfPage, slant_of
from tablesim.digits.printed_rules import DARK, lying_rules, upright_rules

Floats = NDArray[np.float64]

Cells = dict[tuple[int, int], list[float]]
"""Left, top, right, bottom of the numbers of a table by row and column."""

NEAREST = 4
"""So many numbers of a column, the nearest, say where its number in another row stands."""

AROUND, ABOVE = 0.3, 0.6
"""How far a place reaches beyond those beside its line, and above and below the middle of its row, in digit heights."""

ASIDE, OVER = 1.3, 0.4
"""Paper beside, and above and below, a place that is read with it, in digit heights."""

SINGLE = 0.95
"""Greatest width in digit heights of the places of single figures."""

LEAST_INK, LEAST_TALL = 0.35, 0.45
"""Least ink of a place in that of a usual digit, and its least height in digit heights: less is a point or dirt."""

MOST = 200
"""Places that are looked at, at most."""

CLEAR = 0.5
"""Least confidence of every digit that is read at an empty place of italics."""

ALIKE = 2.5
"""Greatest distance of a ring from the 0 of its page, in that which nineteen of twenty of its 0s keep; chosen by eye
between rings and other pieces of ink on the scans that were looked at."""

AS_A_RING = 0.7
"""Confidence of a 0 that its shape alone tells; on the scale of the thresholds."""


def digits_in_empty_places(reader: DigitReader, page: NumbersOfPage) -> DigitPeaks:
    """The digits of numbers that stand where a row and a column of a table cross, in working pixels."""
    places, dark = _with_ink(page, _empty_places(page))
    if not len(places):
        return DigitPeaks.empty()
    slant = slant_of(page.detection.digits, page.detection.ink)
    return _set_upright(reader, page, places, slant) if slant else _rings(page, places, dark)


def _set_upright(reader: DigitReader, page: NumbersOfPage, places: Floats, slant: float) -> DigitPeaks:
    """What the network reads clearly at places of a page in italics."""
    around = places + np.array([-ASIDE, -OVER, ASIDE, OVER]) * page.unit
    found, piece = PiecesOfPage.cut(page.detection.ink, around, slant).digits(reader, reader.thresholds.doubtful)
    middles, there = found.middles, places[piece]
    found = found.take(np.all((middles >= there[:, :2]) & (middles <= there[:, 2:]), axis=1))
    runs = join_digits(found, reader.thresholds.doubtful, reader.thresholds.sure)
    clear = [run for run in runs if found.confidence[run].min() >= CLEAR]
    return found.take(np.concatenate(clear)) if clear else DigitPeaks.empty()


def _rings(page: NumbersOfPage, places: Floats, dark: NDArray[np.uint8]) -> DigitPeaks:
    """The 0s at places of single figures where one piece of ink stands, with the shape of the 0s of the page."""
    of_page = page.detection.digits.take(np.concatenate(page.runs))
    zeros = of_page.boxes[of_page.values == 0]
    single = places[:, 2] - places[:, 0] < (SINGLE + 2 * AROUND) * page.unit
    middles = np.array([at for place in places[single] if (at := _lone_piece(dark, place, page.unit))])
    if not len(middles) or not len(zeros):
        return DigitPeaks.empty()
    size = np.median(zeros[:, 2:] - zeros[:, :2], axis=0)
    boxes = np.hstack([middles - size / 2, middles + size / 2])
    features = glyph_features(page.detection.ink, np.concatenate([of_page.boxes, boxes]))
    prototypes = Prototypes.of(features, np.concatenate([of_page.values, np.full(len(boxes), -1)]))
    if 0 not in prototypes.values:
        return DigitPeaks.empty()
    distances = prototypes.distances[:, len(of_page) :]
    is_ring = (distances.argmin(axis=0) == 0) & (distances[0] <= ALIKE * prototypes.reach[0])
    n = int(is_ring.sum())
    values, nothing = np.zeros(n, dtype=np.int64), np.zeros((n, N_JOINS))
    return DigitPeaks(values, np.full(n, AS_A_RING), values, np.zeros(n), boxes[is_ring], nothing)


def _lone_piece(dark: NDArray[np.uint8], place: Floats, unit: float) -> tuple[float, float] | None:
    """The middle of the only piece of ink at a place, but for dirt; None where there are several."""
    left, top = np.maximum(np.round(place[:2]), 0)
    _, _, pieces, _ = cv2.connectedComponentsWithStats(np.ascontiguousarray(_part(dark, place)))
    tall = [piece for piece in pieces[1:].tolist() if piece[3] >= LEAST_TALL * unit]
    if len(tall) != 1:
        return None
    x, y, width, height, _ = tall[0]
    return float(left + x + width / 2), float(top + y + height / 2)


def _empty_places(page: NumbersOfPage) -> Floats:
    """Left, top, right, bottom of the places where a row and a column cross and no number stands, shape (n, 4)."""
    tables: defaultdict[int, Cells] = defaultdict(dict)
    for number, box in zip(page.numbers, page.boxes.tolist(), strict=True):
        if number.table is not None and number.row is not None and number.column is not None:
            tables[number.table][number.row, number.column] = box
    places = (place for cells in tables.values() for place in _empty_in_table(cells, page.unit))
    return np.array(list(islice(places, MOST)), dtype=np.float64).reshape(-1, 4)


def _empty_in_table(cells: Cells, unit: float) -> Iterator[list[float]]:
    """Where numbers would stand, row by row, by those beside each and those above and below."""
    rows, columns = defaultdict(list), defaultdict(list)
    for (row, column), (left, top, right, bottom) in sorted(cells.items()):
        rows[row].append(((left + right) / 2, (top + bottom) / 2))
        columns[column].append((row, left, right))
    for row, middles in rows.items():
        x, y = np.array(sorted(middles)).T
        for column, in_column in sorted(columns.items()):
            if (row, column) in cells:
                continue
            _, lefts, rights = zip(*sorted(in_column, key=lambda one: abs(one[0] - row))[:NEAREST], strict=True)
            left, right = min(lefts), max(rights)
            level = float(np.interp((left + right) / 2, x, y))
            yield [left - AROUND * unit, level - ABOVE * unit, right + AROUND * unit, level + ABOVE * unit]


def _with_ink(page: NumbersOfPage, places: Floats) -> tuple[Floats, NDArray[np.uint8]]:
    """The places with the ink of a digit that is neither rule nor number; and where such ink is: 1, else 0."""
    if not len(places):
        return places, np.zeros((0, 0), np.uint8)
    ink, unit = page.detection.ink, page.unit
    dark = (ink > DARK).astype(np.uint8)
    # The edge of a rule is ragged: a pixel on either side is its ink too.
    upright = cv2.dilate(upright_rules(dark, unit), np.ones((1, 3), np.uint8))
    lying = cv2.dilate(lying_rules(dark, unit), np.ones((3, 1), np.uint8))
    dark[np.maximum(upright, lying) > 0] = 0
    usual = float(np.median([_part(dark, box).sum() for box in page.detection.digits.boxes[np.concatenate(page.runs)]]))
    for box in page.boxes:
        _part(dark, box)[:] = 0
    parts = [_part(dark, place) for place in places]
    inked = [p.sum() >= LEAST_INK * usual and p.any(axis=1).sum() >= LEAST_TALL * unit for p in parts]
    return places[np.array(inked, dtype=np.bool_)], dark


def _part(picture: NDArray[np.uint8], box: Floats) -> NDArray[np.uint8]:
    left, top, right, bottom = np.round(box).astype(int).tolist()
    return picture[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
