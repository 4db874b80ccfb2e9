"""Finds the table, row and column of each number of a page by geometry: recursive cuts and projection profiles.

The page is deskewed, cut into tables at wide blank bands (recursive X-Y cut; Nagy and Seth, ICPR 1984), and each table
is cut into rows and columns at the valleys of the density of its numbers. Half-tables side by side are one table with
more columns as long as their rows line up; where they do not, each is a table of its own. A number that belongs to no
table (a page number, one in the margin or in running text) gets None. A column holds one number a row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from tablesim.digits.deskew import Ints, NeighbourLinks, NumberPositions, deskew, number_positions
from tablesim.records.reading import Number
from tablesim.records.transform import QUARTER_TURNS, Transform

BLANK_BAND = 3.5
"""A band without numbers, this many row pitches high, parts two tables."""

BLANK_LANE = 2.0
"""A lane without numbers, this many digit heights wide, parts two tables if their rows do not line up."""

MIN_ROWS, MIN_NUMBERS = 3, 6
"""Least size of a table; a list of one column needs twice the rows."""

TABLE_NUMBERS, TABLE_SHARE = 12, 0.5
"""Least numbers in tables of two full columns or more, and their least share of all numbers, on a table page."""

ALIGNED = 0.25
"""An edge or the middle of two numbers of a column agrees to this share of a digit's height."""

NEATLY, CLOSE_ROWS = 0.15, 3
"""Two numbers stand neatly below each other: they agree to this share, at most so many rows apart."""

NEAT_AT_FIRST, NEAT_AT_LAST = 0.45, 0.55
"""Least share of the numbers of a table that stand neatly below another, with strays and without. On dials and in text
some digits stand below each other by chance, and keeping one number a cell makes them look neater than they are."""

_GRID = 0.05
"""Width in digit heights of a bin of the profiles."""

Grid = tuple[Ints, Ints, Ints]
"""A table: indices of the positions in it, and the row and column of each."""


def arrange(numbers: Sequence[Number], *, unit: float, rotation: int = 0) -> list[Number]:
    """Give each number its table, row and column, and put them into reading order.

    Parameters
    ----------
    numbers : sequence of Number
        What was read, in source pixels, in any order.
    unit : float
        Median height of a digit in source pixels.
    rotation : int
        Clockwise degrees (0, 90, 180, 270) that set the page upright.

    Returns
    -------
    list of Number
        The same numbers with ``table``, ``row`` and ``column`` counted from 0, each without gaps, or all three None.
        Tables go from top to bottom, then from left to right; numbers outside them stand where they are read.

    Raises
    ------
    ValueError
        ``unit`` is not above 0, or ``rotation`` is no quarter turn.
    """
    if not unit > 0:
        raise ValueError(f"arrange: got unit={unit}, expected the height of a digit in pixels, more than 0")
    if rotation not in QUARTER_TURNS:
        raise ValueError(f"arrange: got rotation={rotation}, expected 0, 90, 180 or 270")
    return _arranged(numbers, *_positions(numbers, unit, rotation)) if numbers else []


def arrange_page(numbers: Sequence[Number], transform: Transform, *, unit: float) -> list[Number]:
    """As `arrange`, on a page whose rows bend, whose pixels are not square or parts of which stand otherwise.

    Parameters
    ----------
    numbers : sequence of Number
        What was read, in source pixels, in any order.
    transform : Transform
        Of the page.
    unit : float
        Median height of a digit in square pixels of the source.

    Returns
    -------
    list of Number
        As from `arrange`; the tables of regions come after those of the rest of the page, region by region.
    """
    if transform.regions:
        region_of = [next((r for r in transform.regions if r.holds(n.box)), None) for n in numbers]
        arranged: list[Number] = []
        for region in (None, *transform.regions):
            part = [number for number, own in zip(numbers, region_of, strict=True) if own is region]
            turned = replace(transform, regions=())
            if region is not None:
                turned = replace(turned, rotation=region.rotation, skew=0.0, warp=None)
            first = 1 + max((number.table for number in arranged if number.table is not None), default=-1)
            arranged += [
                number if number.table is None else replace(number, table=number.table + first)
                for number in arrange_page(part, turned, unit=unit)
            ]
        return arranged
    if transform.warp is None and transform.aspect == 1:
        return arrange(numbers, unit=unit, rotation=transform.rotation)
    return _arranged(numbers, *_ordered(numbers, number_positions(numbers, transform, unit))) if numbers else []


def _arranged(numbers: Sequence[Number], positions: NumberPositions, order: list[int]) -> list[Number]:
    """The numbers with their cells, in reading order; ``positions`` are those of ``numbers[order[i]]``."""
    flat, below = deskew(positions)
    table, row, column = (np.full(flat.count, -1) for _ in range(3))
    pitch = _pitch(below)
    for n_table, (cells, rows, columns) in enumerate(_tables(flat, pitch)):
        table[cells], row[cells], column[cells] = n_table, rows, columns
    cells_of = [
        replace(
            numbers[order[i]],
            table=int(table[i]) if table[i] >= 0 else None,
            row=int(row[i]) if table[i] >= 0 else None,
            column=int(column[i]) if table[i] >= 0 else None,
        )
        for i in range(flat.count)
    ]
    return [cells_of[i] for i in _reading_order(flat, table, row, column, pitch)]


def is_table(numbers: Sequence[Number]) -> bool:
    """Whether arranged numbers make a table page: enough of them, and enough of all, stand in rows and columns.

    A list of one column is no table, nor are digits scattered over a text, a picture or a dial. A number counts for as
    much as it is believed: specks at the edge of a book do not unmake a table.

    Parameters
    ----------
    numbers : sequence of Number
        As `arrange` returns them.
    """
    columns = Counter((number.table, number.column) for number in numbers if number.table is not None)
    full = {column for column, count in columns.items() if count >= MIN_ROWS}
    n_columns = Counter(table for table, _ in full)
    cells = {(table, column) for table, column in full if n_columns[table] > 1}
    in_tables = sum(number.confidence for number in numbers if (number.table, number.column) in cells)
    n_cells = sum(columns[cell] for cell in cells)
    return n_cells >= TABLE_NUMBERS and in_tables >= TABLE_SHARE * sum(number.confidence for number in numbers)


def _positions(numbers: Sequence[Number], unit: float, rotation: int) -> tuple[NumberPositions, list[int]]:
    """Edges and heights of the upright page in digit heights, in an order that the input's order does not touch."""
    boxes = [digit.box for number in numbers for digit in number.digits]
    corners = np.array([(box.x, box.y, box.x + box.width, box.y + box.height) for box in boxes]) / unit
    lengths = np.array([len(number.digits) for number in numbers])
    starts = np.cumsum(lengths) - lengths
    low, high = np.minimum.reduceat(corners[:, :2], starts), np.maximum.reduceat(corners[:, 2:], starts)
    # The mean of the digits, not the middle of the box: old-style digits rise and descend, and their mean varies less.
    middle = np.add.reduceat((corners[:, :2] + corners[:, 2:]) / 2, starts) / lengths[:, None]
    left, right, y = {
        0: (low[:, 0], high[:, 0], middle[:, 1]),
        90: (-high[:, 1], -low[:, 1], middle[:, 0]),
        180: (-high[:, 0], -low[:, 0], -middle[:, 1]),
        270: (low[:, 1], high[:, 1], -middle[:, 0]),
    }[rotation]
    return _ordered(numbers, NumberPositions(left, right, y))


def _ordered(numbers: Sequence[Number], positions: NumberPositions) -> tuple[NumberPositions, list[int]]:
    """The positions in an order that the input's order does not touch, and the index of the number at each."""
    left, right, y = positions.left, positions.right, positions.y
    # Rounding lets the same page at another scale take the same decisions.
    left, right, y = np.round(left - left.min(), 4), np.round(right - left.min(), 4), np.round(y - y.min(), 4)
    texts = [number.text for number in numbers]
    order = sorted(range(len(numbers)), key=lambda i: (y[i], left[i], right[i], texts[i], numbers[i].confidence))
    return NumberPositions(left[order], right[order], y[order]), order


def _pitch(below: NeighbourLinks) -> float:
    """The usual distance of a row from the next, in digit heights; 2 where no number has one below it."""
    if not len(below.step):
        return 2.0
    # The lower part of the steps: blank cells make some of them two or three rows long.
    return float(np.clip(np.percentile(below.step, 35), 1.0, 8.0))


def _tables(positions: NumberPositions, pitch: float) -> list[Grid]:
    """Every table of the page in reading order."""
    parts = _parts(positions, np.arange(positions.count), pitch)
    grids = [grid for part in parts if (grid := _grid(positions, part, pitch)) is not None]
    tops = [positions.y[cells].min() for cells, _, _ in grids]
    bottoms = [positions.y[cells].max() for cells, _, _ in grids]
    lefts = [positions.left[cells].min() for cells, _, _ in grids]
    return [grids[i] for i in _by_bands(tops, bottoms, lefts)]


def _by_bands(tops: list[float], bottoms: list[float], lefts: list[float]) -> list[int]:
    """Order of boxes from top to bottom; those that stand beside each other from left to right."""
    bands: list[list[int]] = []
    reach = -np.inf
    for i in sorted(range(len(tops)), key=lambda i: (tops[i], lefts[i])):
        if bands and (tops[i] + bottoms[i]) / 2 < reach:
            bands[-1].append(i)
        else:
            bands.append([i])
        reach = max(reach, bottoms[i]) if len(bands[-1]) > 1 else bottoms[i]
    return [i for band in bands for i in sorted(band, key=lambda i: (lefts[i], tops[i]))]


def _parts(positions: NumberPositions, chosen: Ints, pitch: float) -> list[Ints]:
    """Cut the page at blank bands, then at blank lanes where the rows do not line up, until nothing more is cut."""
    if len(chosen) < MIN_NUMBERS:
        return []
    bands = _cut(positions.y[chosen], positions.y[chosen], BLANK_BAND * pitch)
    if bands.max() > 0:
        return [part for n in range(bands.max() + 1) for part in _parts(positions, chosen[bands == n], pitch)]
    lanes = _cut(positions.left[chosen], positions.right[chosen], BLANK_LANE)
    joined = [chosen[lanes == 0]]
    for n in range(1, int(lanes.max()) + 1):
        lane = chosen[lanes == n]
        if _line_up(positions.y[joined[-1]], positions.y[lane], pitch):
            joined[-1] = np.concatenate([joined[-1], lane])
        else:
            joined.append(lane)
    if len(joined) > 1:
        return [part for lane in joined for part in _parts(positions, lane, pitch)]
    return [np.sort(chosen)]


def _cut(low: NDArray[np.float64], high: NDArray[np.float64], blank: float) -> Ints:
    """Number the groups of intervals that blanks of this width keep apart, from 0 along the axis."""
    order = np.argsort(low, kind="stable")
    reach = np.maximum.accumulate(high[order])
    group = np.zeros(len(low), dtype=np.int64)
    group[order[1:]] = np.cumsum(low[order][1:] - reach[:-1] > blank)
    return group


def _line_up(left: NDArray[np.float64], right: NDArray[np.float64], pitch: float) -> bool:
    """Whether the rows of two groups of numbers side by side are the same rows."""
    rows_left, rows_right = _middles(left, _row_of(left, pitch)), _middles(right, _row_of(right, pitch))
    inside = rows_right[(rows_right > rows_left[0] - pitch / 2) & (rows_right < rows_left[-1] + pitch / 2)]
    if len(inside) < 4 or len(rows_left) < 4:
        return True  # too few to tell, so the plainer answer
    after = np.searchsorted(rows_left, inside).clip(1, len(rows_left) - 1)
    apart = np.minimum(np.abs(rows_left[after] - inside), np.abs(rows_left[after - 1] - inside)) / pitch
    # Where a row is blank on one side the nearest lies whole pitches away. Rows that have nothing to do with each
    # other miss whole pitches by a quarter in the middle.
    return bool(np.median(np.abs(apart - np.round(apart))[apart < 3]) < 0.17) if (apart < 3).any() else True


def _middles(values: NDArray[np.float64], group: Ints) -> NDArray[np.float64]:
    return np.bincount(group, values) / np.bincount(group)


def _row_of(y: NDArray[np.float64], pitch: float) -> Ints:
    """Number of the row of each height, from 0 at the top."""
    spread = float(np.clip(0.16 * pitch, 0.15, 0.4))
    start = y.min() - 4 * spread
    n_bins = int(np.ceil((y.max() - start + 4 * spread) / _GRID)) + 1
    bins = ((y - start) / _GRID).round().astype(np.int64)
    density = gaussian_filter1d(np.bincount(bins, minlength=n_bins).astype(np.float64), spread / _GRID, mode="constant")
    cuts = _valleys(density, depth=0.6, apart=0.45 * pitch / _GRID)
    return _counted(np.searchsorted(cuts, bins, side="right"))


def _valleys(density: NDArray[np.float64], depth: float, apart: float) -> Ints:
    """Where to cut between hills: a valley must lie below ``depth`` of the lower hill, hills ``apart`` bins apart."""
    flat = np.concatenate([[True], np.abs(np.diff(density)) > 1e-12])
    starts = np.flatnonzero(flat)
    ends = np.append(starts[1:], len(density)) - 1
    heights = density[starts]
    padded = np.concatenate([[-1.0], heights, [-1.0]])
    peaks = np.flatnonzero((padded[1:-1] > padded[:-2]) & (padded[1:-1] > padded[2:]))
    hills: list[tuple[float, float]] = []  # (bin, height) of the hills kept so far
    cuts: list[tuple[int, float]] = []  # (bin, height) of the valleys between them
    for peak in peaks:
        at, height = (starts[peak] + ends[peak]) / 2, float(heights[peak])
        if height < 1e-9:
            continue
        low = (0, np.inf)
        if hills:
            begin = int(hills[-1][0])
            between = density[begin : int(at) + 1]
            lowest = float(between.min())
            where = np.flatnonzero(between <= lowest + 1e-12)
            low = (begin + int(where[len(where) // 2]), lowest)
        # A shallow valley is none: the hill joins its neighbour, and may uncover another shallow valley before it.
        while hills and (low[1] > depth * min(height, hills[-1][1]) or at - hills[-1][0] < apart):
            if hills[-1][1] >= height:
                at, height = hills[-1]
            hills.pop()
            low = cuts.pop() if cuts else (0, np.inf)
        if hills:
            cuts.append(low)
        hills.append((at, height))
    return np.array([at for at, _ in cuts], dtype=np.int64)


def _counted(labels: Ints) -> Ints:
    """The same groups numbered 0, 1, 2, ... in their order."""
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def _grid(positions: NumberPositions, chosen: Ints, pitch: float) -> Grid | None:
    """Rows and columns of one table, strays taken out; None where it is no table."""
    neat_at_first = -1.0
    while True:
        if len(chosen) < MIN_NUMBERS:
            return None
        part = positions.of(chosen)
        rows, columns = _row_of(part.y, pitch), _columns(part)
        if neat_at_first < 0:
            neat_at_first = _neatness(part, rows, columns)
        kept = _one_a_cell(part, rows, columns)
        if kept.all():
            kept = _in_company(part, rows, columns, pitch)
        if kept.all():
            break
        # Without the strays the rest may part differently.
        chosen = chosen[kept]
    n_rows, n_columns = int(rows.max()) + 1, int(columns.max()) + 1
    if n_rows < MIN_ROWS * (2 if n_columns == 1 else 1):
        return None
    if neat_at_first < NEAT_AT_FIRST or _neatness(part, rows, columns) < NEAT_AT_LAST:
        return None
    return chosen, rows, columns


def _columns(positions: NumberPositions) -> Ints:
    """Number of the column of each position, from 0 at the left."""
    start = positions.left.min() - 1
    n_bins = int(np.ceil((positions.right.max() - start + 1) / _GRID)) + 2
    first = ((positions.left - start) / _GRID).round().astype(np.int64)
    last = ((positions.right - start) / _GRID).round().astype(np.int64)
    change = np.bincount(first, minlength=n_bins) - np.bincount(last + 1, minlength=n_bins)
    cover = gaussian_filter1d(np.cumsum(change).astype(np.float64), 0.06 / _GRID, mode="constant")
    middle = ((positions.x - start) / _GRID).round().astype(np.int64)
    cuts = _valleys(cover, depth=0.4, apart=0.0)
    return _counted(np.searchsorted(cuts, middle, side="right"))


def _one_a_cell(positions: NumberPositions, rows: Ints, columns: Ints) -> NDArray[np.bool_]:
    """True for the one number of each cell that stands nearest to the middle of its column."""
    centre = _middles(positions.x, columns)
    cells = rows * (int(columns.max()) + 1) + columns
    order = np.lexsort((np.abs(positions.x - centre[columns]), cells))
    kept = np.zeros(len(order), dtype=bool)
    kept[order[np.unique(cells[order], return_index=True)[1]]] = True
    return kept


def _in_company(positions: NumberPositions, rows: Ints, columns: Ints, pitch: float) -> NDArray[np.bool_]:
    """False for numbers in columns of one or without alignment, and for a lone number above or below the table."""
    upper, _, aside = _pairs(positions, rows, columns)
    aligned = aside < ALIGNED
    n_columns = int(columns.max()) + 1
    n_pairs = np.bincount(columns[upper], minlength=n_columns)
    n_aligned = np.bincount(columns[upper], aligned, minlength=n_columns)
    kept = ((n_pairs > 0) & (n_aligned >= 0.4 * n_pairs))[columns]
    in_row = np.bincount(rows)
    if n_columns > 1 and len(in_row) > MIN_ROWS:
        middles = _middles(positions.y, rows)
        for edge, beyond in ((0, 1), (len(in_row) - 1, len(in_row) - 2)):
            if in_row[edge] == 1 and abs(middles[edge] - middles[beyond]) > 1.7 * pitch:
                kept &= rows != edge
    return kept


def _pairs(positions: NumberPositions, rows: Ints, columns: Ints) -> tuple[Ints, Ints, NDArray[np.float64]]:
    """Numbers that follow each other in a column, upper and lower, and how far the best of edges and middle is off."""
    order = np.lexsort((positions.x, rows, columns))
    upper, lower = order[:-1], order[1:]
    same = columns[upper] == columns[lower]
    upper, lower = upper[same], lower[same]
    sides = np.stack([positions.left, positions.right, positions.x])
    return upper, lower, np.abs(sides[:, lower] - sides[:, upper]).min(axis=0)


def _neatness(positions: NumberPositions, rows: Ints, columns: Ints) -> float:
    """Share of the numbers that stand neatly below another."""
    upper, lower, aside = _pairs(positions, rows, columns)
    step = rows[lower] - rows[upper]
    # Two numbers in one cell are no neat pair, so a crowd of strays tells against a table.
    return float(np.sum((aside < NEATLY) & (step > 0) & (step <= CLOSE_ROWS)) / max(1, positions.count))


def _reading_order(positions: NumberPositions, table: Ints, row: Ints, column: Ints, pitch: float) -> list[int]:
    """Tables one after another, each row by row; numbers outside them, line by line, before the first table below."""
    lines = _row_of(positions.y, pitch)
    tops = np.array([positions.y[table == n].min() for n in range(int(table.max()) + 1)])
    outside = table < 0
    before = (tops[None, :] <= positions.y[:, None]).sum(axis=1)
    turn = np.where(outside, before - 0.5, table)
    return list(np.lexsort((np.where(outside, positions.left, column), np.where(outside, lines, row), turn)))
