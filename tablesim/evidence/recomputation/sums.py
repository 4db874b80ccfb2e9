"""What columns say without a known function, of one another: running sums, totals, parts of differences."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tablesim.astronomy.sexagesimal import parts_of
from tablesim.evidence.collation.grids import NONE, Panel
from tablesim.evidence.recomputation.chance import WORTH, equal_by_chance, luck
from tablesim.evidence.recomputation.values import (
    MIN_ROWS,
    OBEYED,
    UNDER_SIXTY,
    Floats,
    Value,
    one_figure_apart,
)

Bools = NDArray[np.bool_]

MIN_DISTINCT = 3
"""Different numbers that are added: a step that is always the same is an argument's."""

MIN_TOTALS = 2
"""Columns whose last number must be their sum, before the other columns are held to it."""

ADD_UP = 2 / 3
"""Share of the columns that must."""

SUM, OF_COLUMN, OF_ROW = "sum", "sum of the column", "sum of the row"
PARTS = "part of the difference"

SHARES = (2, 3, 5, 6, 10, 12, 15, 20, 24, 30, 60)
"""Into how many parts printers divide the difference to the next row, for reckoning between rows."""

Claim = tuple[int, str, str, bool]
"""Index of a number, what a law has there, the name of the law, and whether the number is that."""


def running_sums(panel: Panel, single: list[Value], unknown: set[int], gaps: Bools) -> Iterator[Claim]:
    """Sums that run on (s goes up by y of its own row) and differences (v goes up to the next row by d).

    Parameters
    ----------
    panel : Panel
        Of one witness.
    single : list of Value
        Its columns, one by one.
    unknown : set of int
        Numbers that are known to be wrong: they say nothing of the others.
    gaps : bool array of shape (rows - 1,)
        After which rows some are left out.
    """
    pairs = max(2 * len(single) * (len(single) - 1), 1)
    for total in single:
        wrong = np.isin(panel.numbers[0, :, total.columns[0]], sorted(unknown))
        grows = np.diff(total.numbers)
        for part in single:
            if part.columns == total.columns:
                continue
            for shift in (0, 1):
                added = part.numbers[1:] if shift == 0 else part.numbers[:-1]
                known = np.isfinite(grows) & np.isfinite(added) & ~wrong[1:] & ~wrong[:-1] & ~gaps
                # Where nothing is added and nothing grows, no sum is seen.
                telling = known & ((grows != 0) | (added != 0))
                if telling.sum() < MIN_ROWS or len(set(added[telling].tolist())) < MIN_DISTINCT:
                    continue
                holds = known & (grows == added)
                n_holds, n_telling = int((holds & telling).sum()), int(telling.sum())
                chance = equal_by_chance(grows[telling], added[telling])
                if n_holds < OBEYED * n_telling or luck(n_holds, n_telling, chance) < WORTH + math.log2(pairs):
                    continue
                yield from _broken(panel, (total, part), shift, known & ~holds)
                for row in np.flatnonzero(holds & telling).tolist():
                    of_part = row + 1 - shift
                    yield _right(panel, of_part, part.columns[0], part.numbers, SUM)
                    yield _right(panel, row + 1, total.columns[0], total.numbers, SUM)


def _right(panel: Panel, row: int, column: int, numbers: Floats, law: str) -> Claim:
    return int(panel.numbers[0, row, column]), str(int(numbers[row])), law, True


def _broken(panel: Panel, pair: tuple[Value, Value], shift: int, broken: Bools) -> Iterator[Claim]:
    """Which of two columns a broken sum speaks against: two breaks in a row that make each other up, the total."""
    total, part = pair
    done: set[int] = set()
    for step in np.flatnonzero(broken).tolist():
        if step in done:
            continue
        before, row, of_part = total.numbers[step], step + 1, step if shift else step + 1
        expected_total = before + part.numbers[of_part]
        next_part = of_part + 1
        if (
            step + 1 < len(broken)
            and broken[step + 1]
            and expected_total + part.numbers[next_part] == total.numbers[row + 1]
        ):
            done.add(step + 1)
            number, expected = int(panel.numbers[0, row, total.columns[0]]), expected_total
        else:
            number = int(panel.numbers[0, of_part, part.columns[0]])
            expected = total.numbers[row] - before
            if step in (0, len(broken) - 1):
                # At an end the total or the part may be wrong: the one that is so by one figure.
                at_end, alone = (0, total.numbers[row] - part.numbers[of_part]) if step == 0 else (row, expected_total)
                part_slips = one_figure_apart(part.numbers[of_part], expected)
                if part_slips == one_figure_apart(total.numbers[at_end], alone):
                    continue
                if not part_slips:
                    number, expected = int(panel.numbers[0, at_end, total.columns[0]]), alone
        if expected >= 0:
            yield number, str(int(expected)), SUM, False


def parts_of_differences(panel: Panel, values: list[Value], gaps: Bools) -> Iterator[Claim]:
    """Columns that print a part of the difference to the next row, as Ptolemy the thirtieth of that of his chords.

    The part is exactly that of the printed numbers; where it is not, either number of the difference or the part may
    be wrong, and the part is named: of those that are wrong in a column the law knows no other.
    """
    for value in values:
        grows = np.abs(np.diff(value.numbers))
        for part in values:
            finer = part.places - value.places
            if set(part.columns) & set(value.columns) or not 0 <= finer <= 2:
                continue
            given = part.numbers[:-1]
            known = np.isfinite(grows) & np.isfinite(given) & ~gaps & (grows > 0)
            if known.sum() < MIN_ROWS or len(set(given[known].tolist())) < MIN_DISTINCT:
                continue
            share = float(np.median(grows[known] * 60.0**finer / np.maximum(given[known], 1)))
            nearest = min(SHARES, key=lambda fraction: abs(fraction - share))
            expected = grows * 60.0**finer / nearest
            holds = known & (given == expected)
            if holds.sum() < OBEYED * known.sum() or len(set(given[holds].tolist())) < MIN_DISTINCT:
                continue
            chance = equal_by_chance(given[known], expected[known])
            if luck(int(holds.sum()), int(known.sum()), chance) < WORTH + math.log2(len(SHARES) * len(values) ** 2):
                continue
            # A wrong number of the column makes the difference before it as much too great as the one behind too small.
            excess = np.where(known, given - expected, 0.0)
            pairs = (excess[1:] == -excess[:-1]) & (excess[1:] != 0)
            twice = np.append(pairs, False) | np.insert(pairs, 0, False)
            whole = expected == np.floor(expected)
            for row in np.flatnonzero(known & whole & ~twice):
                parts = parts_of(expected[row], part.places)
                for at, text in zip(part.columns, parts, strict=True):
                    yield int(panel.numbers[0, row, at]), str(text), PARTS, bool(holds[row])


def totals(panel: Panel, numbers: Floats) -> Iterator[Claim]:
    """Where the last row adds up the columns or the last column the rows.

    A number at which a row and a column that do not add up cross, and both by the same amount, is the wrong one. Else
    nothing tells which number of the line is wrong, and the total is named, as that which the law gives.
    """
    # Sums of columns add up as sums of any values made of them, so that single columns go first.
    for places in (0, 1, 2):
        for skipped in range(numbers.shape[1] % (places + 1), numbers.shape[1] - places, places + 1):
            grid, columns = _grid(panel, numbers, skipped, places)
            lower = [at for members in columns for at in members[1:]]
            no_sixtieths = bool(lower) and np.mean(numbers[:, lower] >= 60) > 1 - UNDER_SIXTY
            if min(grid.shape) < MIN_TOTALS or no_sixtieths:
                continue
            of_columns = _excess(grid, MIN_TOTALS, ADD_UP)
            # The total of the totals is a sum of rows and of columns.
            of_rows = _excess(grid.T, MIN_ROWS, OBEYED)
            if of_columns is not None or of_rows is not None:
                yield from _told(panel, (grid, columns), of_rows, of_columns)
                return


def _grid(panel: Panel, numbers: Floats, skipped: int, places: int) -> tuple[Floats, list[tuple[int, ...]]]:
    """Values of so many places from a column on, shape (rows, values), blanks as 0, and the columns of each."""
    blank = panel.numbers[0] == NONE
    firsts = range(skipped, numbers.shape[1], places + 1)
    columns = [tuple(range(first, first + places + 1)) for first in firsts]
    scale = 60.0 ** np.arange(places, -1, -1)
    filled = np.where(blank, 0.0, numbers)
    grid = np.stack([filled[:, list(members)] @ scale for members in columns], axis=1)
    return grid, columns


def _excess(grid: Floats, least: int, share: float) -> Floats | None:
    """By how much the last row is more than the sum of the others; nan for columns in which nothing is summed.

    None where too few columns add up: fewer than ``least``, or than a share of those in which something is summed.
    """
    items = grid[:-1]
    telling = ((items > 0).sum(axis=0) >= 2) & (grid[-1] > 0)
    sums = items.sum(axis=0)
    excess = np.where(telling, grid[-1] - sums, np.nan)
    holds, known = excess == 0, np.isfinite(excess)
    if holds.sum() < max(least, share * known.sum()):
        return None
    # By chance a total is any number of its size, and where many sums are small, any other total.
    of_size = float(np.log2(1 + sums[holds]).sum()) - math.log2(math.comb(int(known.sum()), int(holds.sum())))
    exchanged = luck(int(holds.sum()), int(known.sum()), equal_by_chance(grid[-1][known], sums[known]))
    bits = min(of_size, exchanged) if known.sum() >= MIN_ROWS else of_size
    return excess if bits >= WORTH else None


def _told(
    panel: Panel, values: tuple[Floats, list[tuple[int, ...]]], of_rows: Floats | None, of_columns: Floats | None
) -> Iterator[Claim]:
    grid, columns = values
    last_row, last_column = grid.shape[0] - 1, grid.shape[1] - 1

    def claims(row: int, column: int, number: float, law: str) -> Iterator[Claim]:
        right = number == grid[row, column]
        for at, part in zip(columns[column], parts_of(number, len(columns[column]) - 1), strict=True):
            index = int(panel.numbers[0, row, at])
            if index != NONE:
                yield index, str(part), law, bool(right)

    crossed: set[tuple[str, int]] = set()
    if of_rows is not None and of_columns is not None:
        for row in np.flatnonzero(np.isfinite(of_rows) & (of_rows != 0)).tolist():
            meets = np.flatnonzero(of_columns == of_rows[row])
            if len(meets) == 1 and grid[row, meets[0]] + of_rows[row] >= 0:
                crossed |= {("row", row), ("column", int(meets[0]))}
                yield from claims(row, int(meets[0]), grid[row, meets[0]] + of_rows[row], OF_ROW)
    for kind, sums, law in (("row", of_rows, OF_ROW), ("column", of_columns, OF_COLUMN)):
        if sums is None:
            continue
        for line in np.flatnonzero(np.isfinite(sums)).tolist():
            lines = [(line, c) for c in range(last_column + 1)] if kind == "row" else [
                (r, line) for r in range(last_row + 1)
            ]  # fmt: skip
            if sums[line] == 0:
                for row, column in lines:
                    yield from claims(row, column, grid[row, column], law)
            elif (kind, line) not in crossed:
                row, column = lines[-1]
                yield from claims(row, column, grid[row, column] - sums[line], law)
