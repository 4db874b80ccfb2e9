"""What columns say without a known function: sums and totals, differences (by cubic interpolation), carries, order."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tablesim.astronomy.sexagesimal import parts_of
from tablesim.evidence.collation.grids import NONE, Panel
from tablesim.evidence.recomputation.chance import WORTH, equal_by_chance, luck
from tablesim.evidence.recomputation.values import (
    MIN_ROWS,
    MODULI,
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


SECOND_DIFFERENCES, CARRY, ORDER = "second differences", "carry", "order"

N_SIGMA = 4.0
"""So many standard errors from what its neighbours say, and more than rounding can do, is no noise."""

FAR = 10.0
"""So many standard errors from what they say is no noise either where a few numbers are far out, as in what was counted
or measured: such columns have no law that a number could break."""

COMPUTED = 0.4
"""Noise of so many last places is that of rounding (0.29) and of computers of tables; what is counted or measured, or
goes on by chance, has more."""

SMOOTH = 0.02
"""Share of the range of a column that the noise allowed to a number may be, else the column is not even."""

SLIPPED = 0.1
"""Share of the numbers of an even or ordered column that may be called wrong: where more are, it is neither."""

ORDERED = 0.9
"""Share of the rows that must go one way."""

N_STILL = 3
"""So many times the places above a last one must stand still to see where it belongs."""

_MAD = 1.4826
"""Turns the median absolute deviation of a normal distribution into its standard deviation."""
_ROUNDED = 1 / math.sqrt(12)
"""Standard deviation of what rounding to whole last places leaves."""

_REACH = 3
"""Rows on either side that must be even once a number is left out: the order of the differences looked at."""


@dataclass(frozen=True)
class Violation:
    """A place of a value that breaks a law.

    Parameters
    ----------
    row, column : int
        Where it stands in the panel.
    low, high : int
        What could stand there.
    likely : int
        The likeliest of these.
    law : str
        "second differences", "carry" or "order".
    """

    row: int
    column: int
    low: int
    high: int
    likely: int
    law: str


def unrolled(value: Value) -> Floats:
    """The numbers without beginning anew at a sign, an hour or a circle; as they are where they never do.

    A beginning is a step against the others that one of ``MODULI`` makes up; slips go there and back and are none.
    """
    numbers = value.numbers
    rows = np.flatnonzero(np.isfinite(numbers))
    steps = np.diff(numbers[rows])
    usual = float(np.median(steps)) if len(steps) else 0.0
    if usual == 0:
        return numbers
    unit = 60.0**value.places
    best, found = float(np.abs(steps - usual).sum()), numbers
    for modulus in (m * unit for m in MODULI if np.mean(numbers[rows] <= m * unit) >= ORDERED):
        turn = math.copysign(modulus, usual)
        anew = np.abs(steps + turn - usual) < np.minimum(np.abs(steps - usual), modulus / 4)
        against = np.abs(steps - turn - usual) < modulus / 4
        left = float(np.abs(steps + anew * turn - usual).sum())
        if anew.sum() > 2 * against.sum() and left < best:
            best, found = left, numbers.copy()
            found[rows] += np.concatenate([[0.0], np.cumsum(anew)]) * turn
    return found


def second_differences(value: Value, abscissa: Floats) -> Iterator[Violation]:
    """Numbers that their neighbours speak against, in a column whose second differences are even.

    An error of e spoils three second differences by e, -2e and e. The four nearest sound numbers say through the
    cubic that goes through them what should stand there; what noise there is, the column tells itself: half a last
    place for rounding, or `N_SIGMA` times the median residual. A number is called wrong where all around it is even
    once it is taken away. The cubic through the two numbers before and the two behind is the rule of the fourth
    difference (Whittaker and Robinson, The Calculus of Observations, 1924, section 11).

    Parameters
    ----------
    value : Value
    abscissa : float64 array of shape (rows,)
        Where each row stands: 0, 1, 2, ... where none is left out.
    """
    numbers = unrolled(value)
    rows = np.flatnonzero(np.isfinite(numbers) & np.isfinite(abscissa))
    if len(rows) < MIN_ROWS:
        return
    curve = _Column(abscissa[rows], numbers[rows])
    spread = float(np.ptp(np.quantile(numbers[rows], [0.1, 0.9])))
    if curve.tolerance > SMOOTH * spread:
        return
    wrong = curve.wrong()
    n_even = sum(curve.even_but_for(wrong))
    if len(wrong) > max(1, SLIPPED * len(rows)) or n_even < (1 - SLIPPED) * len(rows) - len(wrong):
        return
    wrong = [at for at in wrong if curve.far(at)]
    if curve.noise_but_for(wrong) > COMPUTED:
        return
    for at in wrong:
        found = _place(value, int(rows[at]), *curve.allowed(at), offset=numbers[rows[at]] - value.numbers[rows[at]])
        if found is not None:
            yield Violation(int(rows[at]), *found, SECOND_DIFFERENCES)


class _Column:
    """Numbers over places, and what the others say of each."""

    def __init__(self, places: Floats, numbers: Floats) -> None:
        self.places, self.numbers = places, numbers
        inner = range(2, len(numbers) - 2)
        left = np.array([self._residual(at, set())[0] for at in inner])
        self.sigma = _MAD * float(np.median(np.abs(left))) / math.sqrt(1 + 34 / 36) if len(left) else math.inf
        self.even = np.array([self._even(at, set()) for at in range(len(numbers))])
        self.tolerance = max(0.5 * (1 + 10 / 6), N_SIGMA * self.sigma * math.sqrt(1 + 34 / 36))

    def _residual(self, at: int, without: set[int]) -> tuple[float, float, float]:
        """By how much a number is more than its neighbours say, the sum of their weights' sizes and of their squares.

        Two neighbours on each side, or where there are fewer the three next ones.
        """
        before = [i for i in range(at - 1, -1, -1) if i not in without][:3]
        after = [i for i in range(at + 1, len(self.numbers)) if i not in without][:3]
        used = [*before[:2], *after[:2]] if len(before) > 1 and len(after) > 1 else [*before, *after][:3]
        if len(before) == 1:
            used = [*before, *after[:2]]
        x, x0 = self.places[used], self.places[at]
        weights = np.array([
            np.prod([(x0 - xj) / (xi - xj) for xj in x if xj != xi]) for xi in x
        ])  # fmt: skip
        interpolated = float(weights @ self.numbers[used])
        return float(self.numbers[at]) - interpolated, float(np.abs(weights).sum()), float((weights**2).sum())

    def _tolerance(self, sizes: float, squares: float) -> float:
        return max(0.5 * (1 + sizes), N_SIGMA * self.sigma * math.sqrt(1 + squares))

    def _even(self, at: int, without: set[int]) -> bool:
        residual, sizes, squares = self._residual(at, without)
        return abs(residual) <= self._tolerance(sizes, squares)

    def allowed(self, at: int) -> tuple[float, float, float]:
        """Lowest and highest number that the neighbours allow, and what they say."""
        residual, sizes, squares = self._residual(at, self._wrong)
        interpolated, tolerance = float(self.numbers[at]) - residual, self._tolerance(sizes, squares)
        return interpolated - tolerance, interpolated + tolerance, interpolated

    def far(self, at: int) -> bool:
        """Whether a wrong number is so far from what the others say that heavy tails of noise do not make it so."""
        residual, _, squares = self._residual(at, self._wrong)
        return abs(residual) > FAR * max(self.sigma, _ROUNDED) * math.sqrt(1 + squares)

    def noise_but_for(self, wrong: list[int]) -> float:
        """Standard deviation, in last places, that the others show of each number once some are taken away."""
        without = set(wrong)
        left = [self._residual(at, without) for at in range(2, len(self.numbers) - 2) if at not in without]
        return math.sqrt(sum(rest**2 / (1 + squares) for rest, _, squares in left) / len(left)) if left else math.inf

    def even_but_for(self, wrong: list[int]) -> list[bool]:
        """Whether each number is even once some are taken away; these are not."""
        return [at not in wrong and self._even(at, set(wrong)) for at in range(len(self.numbers))]

    def wrong(self) -> list[int]:
        """The numbers, one or two together, that have to go for all around them to be even."""
        self._wrong: set[int] = set()
        last = len(self.numbers) - 1
        uneven = np.flatnonzero(~self.even).tolist()
        uneven.sort(key=lambda at: -abs(self._residual(at, set())[0]))
        for at in uneven:
            for run in ({at}, {at, at + 1}, {at - 1, at}):
                without = self._wrong | run
                beside = {min(run) - 1, *run, max(run) + 1}
                if min(run) < 0 or max(run) > last or beside & self._wrong:
                    continue  # three in a row are no slip
                around = set(range(max(0, at - _REACH), min(last, at + _REACH) + 1)) - without
                spoilt = not any(self._even(member, without) for member in run)
                if spoilt and all(self._even(neighbour, without) for neighbour in around):
                    self._wrong = without
                    break
        return sorted(self._wrong)


def _place(
    value: Value, row: int, low: float, high: float, interpolated: float, *, offset: float
) -> tuple[int, int, int, int] | None:
    """The one place of a value that has to change for it to lie between two numbers: column, low, high, likely.

    The lowest place that can do it; where none can do it alone, the highest that is not what it should be.
    """
    printed = parts_of(value.numbers[row], value.places)
    for at in range(value.places, -1, -1):
        unit = 60.0 ** (value.places - at)
        rest = value.numbers[row] - printed[at] * unit
        first, last = math.ceil((low - offset - rest) / unit), math.floor((high - offset - rest) / unit)
        first, last = max(first, 0), min(last, 59) if at else last
        if first <= last:
            likely = min(max(round((interpolated - offset - rest) / unit), first), last)
            return value.columns[at], first, last, likely
    if interpolated - offset < 0:
        return None
    expected = parts_of(interpolated - offset, value.places)
    at = next((i for i, (a, b) in enumerate(zip(printed, expected, strict=True)) if a != b), value.places)
    return value.columns[at], expected[at], expected[at], expected[at]


def carries(value: Value) -> Iterator[Violation]:
    """Values that go one way but where a place did not take over from the next: 41;58, 41;12, 42;26.

    The value lies between its neighbours once one higher place is one more or one less.
    """
    numbers = value.numbers
    way = _way(numbers)
    if not _belongs(value, way):
        return
    for row in range(1, len(numbers) - 1):
        before, middle, after = way * numbers[row - 1 : row + 2]
        if not before <= after or before <= middle <= after or not np.isfinite([before, middle, after]).all():
            continue
        for at in range(value.places):
            unit = 60.0 ** (value.places - at)
            for step in (1, -1):
                part = parts_of(numbers[row], value.places)[at] + step
                if before < middle + way * step * unit < after and part >= 0 and after - before < unit:
                    yield Violation(row, value.columns[at], part, part, part, CARRY)


def out_of_order(value: Value) -> Iterator[Violation]:
    """Numbers without which a column would only rise, or only fall.

    Where two neighbours are in the wrong order and either could be wrong, none is named.
    """
    rows = np.flatnonzero(np.isfinite(value.numbers))
    way = _way(value.numbers)
    if way == 0 or len(rows) < MIN_ROWS or not _belongs(value, way):
        return
    numbers = way * value.numbers[rows]
    last = len(numbers) - 1
    for at in np.flatnonzero(np.diff(numbers) < 0).tolist():
        first_goes = at == 0 or numbers[at - 1] <= numbers[at + 1]
        second_goes = at + 1 == last or numbers[at] <= numbers[at + 2]
        if (at == 0 and second_goes) or (at + 1 == last and first_goes):
            continue  # at the ends one neighbour is too few to tell
        if first_goes == second_goes:
            continue
        wrong = at if first_goes else at + 1
        # Beyond the end the column goes on as it does elsewhere.
        ahead = 2 * abs(float(np.median(np.diff(numbers))))
        before = float(numbers[wrong - 1]) if wrong else float(numbers[wrong + 1]) - ahead
        after = float(numbers[wrong + 1]) if wrong < last else float(numbers[wrong - 1]) + ahead
        low, high = sorted((way * before, way * after))
        found = _place(value, int(rows[wrong]), low, high, (low + high) / 2, offset=0)
        if found is not None:
            yield Violation(int(rows[wrong]), *found, ORDER)


def _way(numbers: Floats) -> int:
    """1 for a column that rises but for slips, -1 for one that falls, 0 for any other."""
    known = numbers[np.isfinite(numbers)]
    steps = np.sign(np.diff(known))
    for way in (1, -1):
        if len(steps) >= MIN_ROWS - 1 and np.mean(steps * way >= 0) >= ORDERED and np.mean(steps == way) > 0.5:
            return way
    return 0


def _belongs(value: Value, way: int) -> bool:
    """Whether the last place goes the way of the value where the places above it stand still: else it is another's."""
    if value.places == 0:
        return True
    above, last = np.divmod(value.numbers[np.isfinite(value.numbers)], 60)
    steps = way * np.diff(last)[np.diff(above) == 0]
    return bool(len(steps) >= N_STILL and np.mean(steps >= 0) >= ORDERED)
