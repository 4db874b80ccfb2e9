"""What a column says of its own numbers without a known function: even differences, carries, order."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tablesim.astronomy.sexagesimal import parts_of
from tablesim.evidence.recomputation.values import MIN_ROWS, MODULI, Floats, Value

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
