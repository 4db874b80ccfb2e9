"""Words beside the figures that are not read, cut out as pictures: headings above columns, arguments beside rows.

Ink (`scans.cleaning`) without long rules, summed over lines and over columns: what stands close above a table is its
heading; what stands in the gaps beside and between its columns, row after row, are words of the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from tablesim.evidence.collation.cutouts import Cutter, Picture
from tablesim.evidence.figures.page_grid import GridTable, PageGrid
from tablesim.records.boxes import Box
from tablesim.records.reading import Reading
from tablesim.records.transform import Transform
from tablesim.scans.cleaning import clean

DIGIT_HEIGHT = 20
"""Height in pixels to which the digits of the pictures are scaled: small words stay legible; chosen by eye."""

SAME_SIZE = 1.25
"""Digits of two tables are of one size where the larger are less than so many times the smaller."""

BELOW_HEADING, HEADING_GAP, HEADING_HEIGHT = 4.5, 2.0, 11.0
"""Greatest gap between a heading and the first row, between its lines, and its greatest height, in digit heights;
chosen by eye on printed tables, where a title stands further away than the heads of columns."""

SIDE_REACH, BESIDE, SIDE_GAP = 24.0, 5.0, 2.5
"""How far beside a table words of its rows may reach, how far from it they may begin, and the greatest gap within them,
in digit heights."""

RULE_IN_ROW = 0.85
"""What fills so much of the height of a row, straight down, is a piece of a rule and no letter."""

WORDED_ROWS = 0.1
"""Least share of the rows of a table that have words in a gap, and two at least, for it to be a column of words."""

INK_OF_A_WORD, WIDTH_OF_A_WORD = 0.25, 0.5
"""Least ink of a word, in squares of the digit height, and its least width: a letter has about a third of one."""

HEIGHT_OF_A_LINE = 0.4
"""Least height of a line of a heading, in digit heights: lower is the rest of a rule, or a mark of the first row."""

WORD_SPACE, WIDEST_HEADING = 0.7, 25.0
"""Greatest gap between the words of one heading, and its greatest width, in digit heights: what is wider is a title."""

BORDER = 0.3
"""Rows are parted where the least ink is between them, so far from either at least, in their distances."""

WHOLE_RULE = 0.85
"""Share of the width of a table, with the words beside it, that a rule takes up which goes across all of it."""

PARTING_RULE = 0.5
"""Share of the height of a heading down which a rule goes that parts two of them."""

LONG_RULE = 4.0
"""What runs on for so many digit heights is a rule and no letter."""

SPECK = 0.25
"""Share of the ink of a word above a column below which what else stands there is dirt or reaches in from beside: on a
page of 1515 where dirt parted a heading in two it is a sixteenth."""

HEADING, ROW = "heading", "row"

Edges = tuple[float, float, float, float]
"""Left, top, right, bottom."""

Ink = NDArray[np.bool_]
"""Where there is ink, shape (height, width)."""


@dataclass(frozen=True, eq=False)
class PrintedWords:
    """A cut-out of words beside the figures of a table.

    Parameters
    ----------
    kind : str
        "heading" above a column, "row" beside a number of a row.
    table : int
        Index of the table, from 0.
    row : int or None
        The row, from 0; None for a heading.
    column : int
        The column, from 0; the number of columns behind the last.
    before : bool
        Whether they stand before this column, in the gap, and not in it or above it.
    box : Box
        In working pixels of the table (`GridTable.upright`).
    picture : uint8 array of shape (height, width, 3)
        RGB, upright.
    whole : uint8 array of shape (height, width, 3)
        Of a heading that reaches over other columns all of it, the same for each of them; else ``picture``.
    """

    kind: str
    table: int
    row: int | None
    column: int
    before: bool
    box: Box
    picture: Picture
    whole: Picture


def printed_words(reading: Reading, grid: PageGrid, cutter: Cutter) -> tuple[PrintedWords, ...]:
    """The words beside the figures of a page, table by table; none where its scan cannot be opened (``problems``)."""
    words: list[PrintedWords] = []
    tables = list(grid.tables)
    seen: dict[Transform, tuple[Picture, Ink, Ink, Ink]] = {}
    for table in tables:
        # Tables whose digits are about as large share one picture of the page: cleaning it takes most of the time.
        alike = [other.digit_height for other in tables if _alike(other, table)]
        zoom = DIGIT_HEIGHT / float(np.median(alike))
        level = replace(table.upright, scale=table.upright.scale * zoom, warp=None)
        if level not in seen:
            picture = cutter.page(reading, level)
            if picture is None:
                return ()
            grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
            seen[level] = picture, *_without_rules(clean(255 - grey if reading.negative else grey) > 0.5)
        others = [other.box for other in tables if other is not table and other.upright == table.upright]
        words += _Search(table, *seen[level], zoom, others).words()
    return tuple(words)


def _alike(one: GridTable, other: GridTable) -> bool:
    """Whether two tables stand alike and have digits of about one size."""
    larger, smaller = max(one.digit_height, other.digit_height), min(one.digit_height, other.digit_height)
    return one.upright == other.upright and larger < SAME_SIZE * smaller


class _Search:
    """Looks for words around one table, in a picture of the upright page whose digits are ``DIGIT_HEIGHT`` high."""

    def __init__(
        self,
        table: GridTable,
        picture: Picture,
        ink: Ink,
        across: Ink,
        down: Ink,
        zoom: float,
        others: Sequence[Edges],
    ) -> None:
        self.table, self.picture, self.zoom, self.ink = table, picture, zoom, ink
        self.across, self.down = across, down
        self.others = [_scaled(box, zoom) for box in others]
        self.edges = {column: (zoom * low, zoom * high) for column, (low, high) in table.edges.items()}
        self.spans = {at: (zoom * low, zoom * high) for at, (low, high) in table.spans.items()}
        self.rows = {row: zoom * y for row, y in table.middles.items()}
        self.distance = zoom * table.row_distance
        self.box = _scaled(table.box, zoom)
        self.sides = self._side(-1), self._side(1)

    def words(self) -> Iterator[PrintedWords]:
        """The words of rows, then the headings of columns and of gaps that have words."""
        found: dict[int, list[tuple[int, Edges]]] = {}
        for row, (top, bottom) in self._lines():
            for left, right in self._gaps(row):
                span = self._inked(left, top, right, bottom, rules=RULE_IN_ROW)
                if span is not None:
                    column = sum(low + high < 2 * span[0] for low, high in self.edges.values())
                    edges = max(left, span[0] - 4), top, min(right, span[1] + 4), bottom
                    found.setdefault(column, []).append((row, edges))
        least = max(2, WORDED_ROWS * len(self.rows))
        slots = {column: of for column, of in sorted(found.items()) if len(of) >= least}
        for column, of in slots.items():
            for row, edges in of:
                yield self._cut(row, column, edges, before=True)
        yield from self._headings(slots)

    def _lines(self) -> Iterator[tuple[int, tuple[float, float]]]:
        """Top and bottom of each row: where the least ink is between it and the next, or as far as its words may go."""
        rows = sorted(self.rows.items(), key=lambda pair: pair[1])
        low, high = _span(self.sides[0][0], self.sides[1][1], self.ink.shape[1])
        profile = self.ink[:, low:high].sum(axis=1).astype(np.float64)
        borders = []
        for (_, above), (_, below) in pairwise(rows):
            gap = min(below - above, 2 * self.distance)
            first, last = _span(below - (1 - BORDER) * gap, below - BORDER * gap, len(profile))
            # Of rows without ink that nearest to the middle: a speck's worth of ink for leaving it by half a row.
            away = np.abs(np.arange(first, last) - (below - gap / 2)) / max(gap, 1.0)
            borders.append(float(first + np.argmin(profile[first:last] + DIGIT_HEIGHT * away)))
        tops = [rows[0][1] - 0.6 * self.distance, *borders]
        bottoms = [*borders, rows[-1][1] + 0.6 * self.distance]
        for (row, y), top, bottom in zip(rows, tops, bottoms, strict=True):
            yield row, (max(top, y - 1.2 * self.distance), min(bottom, y + 0.7 * self.distance))

    def _gaps(self, row: int) -> Iterator[tuple[float, float]]:
        """The gaps between the numbers of a row, and on either side."""
        spans = sorted(span for (of, _), span in self.spans.items() if of == row)
        ends = [(self.sides[0][0],) * 2, *spans, (self.sides[1][1],) * 2]
        for (_, left), (right, _) in pairwise(ends):
            if right - left > WIDTH_OF_A_WORD * DIGIT_HEIGHT + 6:
                yield left + 3, right - 3

    def _side(self, step: int) -> tuple[float, float]:
        """Left and right edge of what stands beside the table, from its edge on as far as there are no wide gaps."""
        edge = self.box[0] if step < 0 else self.box[2]
        top, bottom = _span(self.box[1], self.box[3], self.ink.shape[0])
        reach = edge + step * SIDE_REACH * DIGIT_HEIGHT
        for left, _, right, _ in self.others:
            if step < 0 and right <= edge:
                reach = max(reach, right + 3)
            elif step > 0 and left >= edge:
                reach = min(reach, left - 3)
        low, high = _span(min(edge, reach), max(edge, reach), self.ink.shape[1])
        # Ink of single specks is none: a word of rows stands in several of them.
        filled = self.ink[top:bottom, low:high].sum(axis=0) >= 0.12 * len(self.rows)
        _, last = _zone(filled[::step], BESIDE * DIGIT_HEIGHT, SIDE_GAP * DIGIT_HEIGHT) or (0, 0)
        return (high - last - 4, edge) if step < 0 else (edge, low + last + 4)

    def _headings(self, slots: Iterable[int]) -> Iterator[PrintedWords]:
        _, top, _, _ = self.box
        left, right = self.sides[0][0], self.sides[1][1]
        above = [b for x, _, x2, b in self.others if b <= top and min(x2, right) > max(x, left)]
        limit = max([0.0, top - (HEADING_HEIGHT + BELOW_HEADING) * DIGIT_HEIGHT, *(b + 3 for b in above)])
        low, high = _span(left, right, self.ink.shape[1])
        first, last = _span(limit, top - 2, self.ink.shape[0])
        filled = self.ink[first:last, low:high].sum(axis=1) >= 0.2 * DIGIT_HEIGHT
        ruled = np.flatnonzero(self.across[first:last, low:high].mean(axis=1) >= WHOLE_RULE).tolist()
        lines = _lines_of_words(filled, 0)
        # A rule across the whole table with words below it closes the heading; what stands above is the title or prose.
        closed = max((at for at in ruled if _lines_of_words(filled, at)), default=None)
        zone = _heading(lines if closed is None else _lines_of_words(filled, closed), len(filled), closed is not None)
        if zone is None:
            return
        start, end = first + zone[0] - 3.0, first + zone[1] + 3.0
        words = self._words_across(start, end)
        for column, before, (x, x2) in self._strips(set(slots)):
            if self._inked(x, start, x2, end) is not None:
                inside = self._of_strip(words, (x, start, x2, end))
                whole = min([x, *(a - 3.0 for a, _ in inside)]), max([x2, *(b + 3.0 for _, b in inside)])
                # Several strips under one word show the same: from the start of the word to its end.
                if len(inside) == 1 and (inside[0][0] < x - 3 or inside[0][1] > x2 + 3):
                    whole = inside[0][0] - 3.0, inside[0][1] + 3.0
                yield self._cut(None, column, (x, start, x2, end), before=before, across=whole)

    def _words_across(self, top: float, bottom: float) -> list[tuple[float, float]]:
        """Left and right edges of the headings between two heights, whose words stand closer than columns."""
        (y, y2), width = _span(top, bottom, self.ink.shape[0]), self.ink.shape[1]
        per_column = self.ink[y:y2].sum(axis=0)
        low, high = _span(self.sides[0][0] - DIGIT_HEIGHT, self.sides[1][1] + DIGIT_HEIGHT, width)
        # A rule down most of the heading parts what stands on either side of it, however close.
        parted = self.down[y:y2].mean(axis=0) >= PARTING_RULE
        filled = (per_column >= 2) & ~parted
        joined: list[tuple[float, float]] = []
        for left, right in ((low + a, low + b) for a, b in _runs(filled[low:high])):
            end = int(joined[-1][1]) if joined else 0
            if joined and left - end <= WORD_SPACE * DIGIT_HEIGHT and not parted[end:left].any():
                joined[-1] = joined[-1][0], float(right)
            else:
                joined.append((float(left), float(right)))
        return [(a, b) for a, b in joined if b - a >= DIGIT_HEIGHT]

    def _of_strip(self, words: Iterable[tuple[float, float]], strip: Edges) -> list[tuple[float, float]]:
        """The words above a column: those that lie in its strip, or fill it, by half; specks and neighbours are not."""
        left, top, right, bottom = strip
        (y, y2), width = _span(top, bottom, self.ink.shape[0]), self.ink.shape[1]
        touching = [
            (a, b, slice(*_span(max(a, left), min(b, right), width))) for a, b in words if a < right and b > left
        ]
        inked = [int(self.ink[y:y2, shared].sum()) for _, _, shared in touching]
        most = max(inked, default=0)
        kept = [word for word, ink in zip(touching, inked, strict=True) if ink >= SPECK * most]
        mostly = [(a, b) for a, b, of in kept if 2 * (of.stop - of.start) >= min(b - a, right - left)]
        return mostly or [(a, b) for a, b, _ in kept]

    def _strips(self, slots: set[int]) -> Iterator[tuple[int, bool, tuple[float, float]]]:
        """What lies above each column and each gap with words: together all of the table and its sides."""
        columns = sorted(self.edges)
        room = 0.3 * DIGIT_HEIGHT
        x = self.sides[0][0]
        for column, following in zip(columns, [*columns[1:], None], strict=True):
            if column in slots:
                edge = self.edges[column][0] - room
                yield column, True, (x, edge)
                x = edge
            if following is None and column + 1 not in slots:
                end = self.edges[column][1] + 2 * DIGIT_HEIGHT
            elif following is None or following in slots:
                end = self.edges[column][1] + room
            else:
                end = (self.edges[column][1] + self.edges[following][0]) / 2
            yield column, False, (x, end)
            x = end
        if columns[-1] + 1 in slots:
            yield columns[-1] + 1, True, (x, self.sides[1][1])

    def _inked(
        self, left: float, top: float, right: float, bottom: float, rules: float = 2.0
    ) -> tuple[float, float] | None:
        """Left and right edge of the ink in a rectangle; None where there is too little for a word.

        What fills a share ``rules`` of its height, straight down, is left out.
        """
        height, width = self.ink.shape
        (x, x2), (y, y2) = _span(left, right, width), _span(top, bottom, height)
        inked = self.ink[y:y2, x:x2]
        is_rule = (inked.sum(axis=0) >= rules * (y2 - y)).astype(np.uint8)[None]
        near = cv2.dilate(is_rule, np.ones((1, 7), np.uint8))[0] > 0
        per_column = np.where(near, 0, inked.sum(axis=0))
        columns = np.flatnonzero(per_column >= 2)
        if per_column.sum() < INK_OF_A_WORD * DIGIT_HEIGHT**2 or not len(columns):
            return None
        if columns[-1] - columns[0] < WIDTH_OF_A_WORD * DIGIT_HEIGHT:
            return None
        return float(x + columns[0]), float(x + columns[-1] + 1)

    def _cut(
        self,
        row: int | None,
        column: int,
        edges: Edges,
        *,
        before: bool,
        across: tuple[float, float] | None = None,
    ) -> PrintedWords:
        left, top, right, bottom = edges
        height, width = self.ink.shape
        (x, x2), (y, y2) = _span(left, right, width), _span(top, bottom, height)
        box = Box(x / self.zoom, y / self.zoom, (x2 - x) / self.zoom, (y2 - y) / self.zoom)
        kind = HEADING if row is None else ROW
        picture = whole = self.picture[y:y2, x:x2]
        if across is not None and across[1] - across[0] <= WIDEST_HEADING * DIGIT_HEIGHT:
            first, last = _span(*across, width)
            whole = self.picture[y:y2, first:last]
        return PrintedWords(kind, self.table.table, row, column, before, box, picture, whole)


def _scaled(edges: Edges, zoom: float) -> Edges:
    left, top, right, bottom = edges
    return zoom * left, zoom * top, zoom * right, zoom * bottom


def _span(low: float, high: float, size: int) -> tuple[int, int]:
    """A stretch in whole pixels that is not empty and lies within ``size``."""
    start = min(max(0, round(low)), size - 1)
    return start, min(max(start + 1, round(high)), size)


def _without_rules(ink: Ink) -> tuple[Ink, Ink, Ink]:
    """The ink without what runs on, across or down, for longer than letters do; where it runs on across, and down.

    Bent and broken rules are rules too.
    """
    whole = ink.astype(np.uint8)
    length = round(LONG_RULE * DIGIT_HEIGHT)
    across, down = (
        np.asarray(
            cv2.morphologyEx(cv2.dilate(whole, np.ones(thick, np.uint8)), cv2.MORPH_OPEN, np.ones(long, np.uint8)),
            dtype=np.uint8,
        )
        for long, thick in (((1, length), (3, 1)), ((length, 1), (1, 3)))
    )
    near = np.asarray(cv2.dilate(across | down, np.ones((5, 5), np.uint8)), dtype=np.uint8)
    # A rule that sinks a little from end to end is one line.
    level = np.asarray(cv2.dilate(across, np.ones((DIGIT_HEIGHT // 2, 1), np.uint8)), dtype=np.uint8)
    upright = np.asarray(cv2.dilate(down, np.ones((1, DIGIT_HEIGHT // 2), np.uint8)), dtype=np.uint8)
    return np.asarray((whole > 0) & (near == 0)), level > 0, upright > 0


def _zone(filled: NDArray[np.bool_], gap: float, inner_gap: float) -> tuple[int, int] | None:
    """The first and last + 1 of what is filled, within ``gap`` of the start and as far as no gap is wider.

    None where nothing is filled.
    """
    zone: tuple[int, int] | None = None
    for start, end in _runs(filled):
        if start - (zone[1] if zone else 0) > (inner_gap if zone else gap):
            break
        zone = (zone[0] if zone else start, end)
    return zone


def _runs(filled: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last + 1 of each stretch that is filled."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], filled, [False]]).astype(np.int8)))
    return [(start, end) for start, end in edges.reshape(-1, 2).tolist()]


def _lines_of_words(filled: NDArray[np.bool_], top: int) -> list[tuple[int, int]]:
    """Lines that are as high as letters, below ``top``."""
    lines = [(max(start, top), end) for start, end in _runs(filled)]
    return [(start, end) for start, end in lines if end - start >= HEIGHT_OF_A_LINE * DIGIT_HEIGHT]


def _heading(lines: Sequence[tuple[int, int]], bottom: int, is_closed: bool) -> tuple[int, int] | None:
    """Top and bottom of the lines that belong together, from the lowest up, which stands close above ``bottom``.

    Without a rule that closes it a heading has whole lines alone, as far as it is not too high.
    """
    zone: tuple[int, int] | None = None
    for start, end in reversed(lines):
        if (zone[0] if zone else bottom) - end > (HEADING_GAP if zone else BELOW_HEADING) * DIGIT_HEIGHT:
            break
        if zone and not is_closed and (zone[1] - start > HEADING_HEIGHT * DIGIT_HEIGHT or start == 0):
            break
        zone = start, (zone[1] if zone else end)
    return zone
