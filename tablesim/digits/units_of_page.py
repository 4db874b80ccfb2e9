"""Decides which neighbouring columns make one number in units, such as 39;1, by how one carries into the other.

Degrees and minutes stand in two columns, and so do days and hours, signs and degrees: when the lower place passes its
base, the higher goes on by one. In second differences along the rows this holds for every smooth table, whatever its
steps; how often it holds is weighed against how often it would if both columns had nothing to do with each other
(Cohen's agreement beyond chance, in bits). Columns of one table that show no carry go with those beside them that do;
where nothing tells, that is said.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tablesim.astronomy.sexagesimal import sexagesimal_text
from tablesim.records.marks import DEGREE, MINUTE
from tablesim.records.number_parts import PARTING
from tablesim.records.number_values import Value, value_to_text
from tablesim.records.reading import Number

SIXTIETHS, DEGREES, HOURS = BASES = (60, 30, 24)
"""How many of a lower place make one of the higher: sixtieths, degrees of a sign, hours of a day."""

NAMES = {SIXTIETHS: "units and sixtieths", DEGREES: "signs and degrees", HOURS: "days and hours"}

BELOW_BASE = 0.93
"""Least share of a lower column's numbers that are below the base: a misread one may be above."""

CARRIES = 0.7
"""Least share of the rows in which the higher column goes on as the lower demands: a misread number spoils three."""

DECIDED_BITS, FURTHER_BITS = 10.0, 3.0
"""Bits against chance from which columns are joined, and from which one more is joined to columns that are: of the
thousands of pairs of columns in a corpus about one is joined by chance."""

REACHES, TOP = 0.85, 0.95
"""How near to the base, as a share of it, the numbers of the lower column come, and the quantile that shows it beside
misread ones: shillings stay below 20, not 24."""

SMOOTH = 0.15
"""Median bend of the joined numbers, as a share of the base, up to which a missing carry speaks against joining: of
numbers at random it is 0.25."""

STILL = 0.9
"""Share of the rows in which the highest place of small values stays the same, as that of 0;1,2,50."""

LEAST_ROWS = 5
"""Fewer rows show no carries."""

HIGH, HIGH_SHARE = 30, 0.25
"""A lower column that shows no carry may be one of sixtieths where so large a share of it is so high: by chance half
are, and columns of counts are mostly low."""

BEGINS_ANEW = (0, 12, 24, 30, 60, 360)
"""By how much a higher place may fall back when it has come round: signs, hours, degrees, minutes, the circle."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ColumnUnits:
    """Columns of a table that make one number together, or may.

    Parameters
    ----------
    table : int
        From 0.
    columns : tuple of int
        From 0, from the highest place to the lowest.
    bases : tuple of int
        How many of each place but the first make one of the place before: 60, 30 (degrees of a sign), 24 (hours).
    decided : bool
        Whether they do; else it is undecided, and ``reason`` says why.
    reason : str
        In words, with counts.
    """

    table: int
    columns: tuple[int, ...]
    bases: tuple[int, ...]
    decided: bool
    reason: str

    @property
    def name(self) -> str:
        """What the places are: "units and sixtieths", "signs and degrees", "days and hours"."""
        return NAMES[self.bases[0]]

    @property
    def sentence(self) -> str:
        """What was decided and why, with columns from 1."""
        columns = [str(column + 1) for column in self.columns]
        which = f"table {self.table + 1}, columns {', '.join(columns[:-1])} and {columns[-1]}"
        verb = "are" if self.decided else "may be (undecided)"
        return f"{which} {verb} {self.name}: {self.reason}"


@dataclass(frozen=True)
class MeantValue:
    """What is meant by a number, or by several that are the places of one.

    Parameters
    ----------
    numbers : tuple of Number
        From the highest place to the lowest; the parts of a number that are not there are left out.
    text : str
        ``39;1``, ``12 3/8``, ``34.60``, ``8889``; places that cannot be read are ``?``.
    value : int, Decimal, Fraction or None
        In units of the first place (of degrees for signs, of days for hours): 39;1 is 2341/60. None where undecided.
    units : ColumnUnits or None
        Which columns were joined and why; None for a number that stands by itself.
    """

    numbers: tuple[Number, ...]
    text: str
    value: Value | None
    units: ColumnUnits | None = None

    @property
    def unit(self) -> str:
        """What the places of the text are; empty where the number stands by itself."""
        return "" if self.units is None else self.units.name


@dataclass(frozen=True)
class PageUnits:
    """The columns of a page that make one number together, and those that may.

    Parameters
    ----------
    groups : tuple of ColumnUnits
        Decided and undecided; a column is in one at most.
    """

    groups: tuple[ColumnUnits, ...]
    _of_column: dict[tuple[int, int], ColumnUnits] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        of_column = {(group.table, column): group for group in self.groups for column in group.columns}
        object.__setattr__(self, "_of_column", of_column)

    def of(self, table: int | None, column: int | None) -> ColumnUnits | None:
        """The columns that a column, from 0, is joined with or may be; None for one that stands by itself."""
        return None if table is None or column is None else self._of_column.get((table, column))

    def to_list(self) -> list[dict[str, Any]]:
        """Plain values: ``units`` of an item of ``tablesim read --json``; tables and columns from 0."""
        return [asdict(group) | {"name": group.name} for group in self.groups]

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was decided, and what was not, and why."""
        return tuple(group.sentence for group in self.groups)


def meant_value(number: Number, row: Iterable[Number], units: PageUnits) -> MeantValue:
    """What is meant by a number: its own value, or that of the columns that its own was decided to be joined with.

    Parameters
    ----------
    number : Number
        Any place of the value: every place of 39;1 gives 39;1.
    row : iterable of Number
        The numbers of its row or of its whole page.
    units : PageUnits
        ``units_of_page`` of its page.
    """
    group = units.of(number.table, number.column)
    if group is None or not group.decided:
        return MeantValue((number,), _text_of(number), number.value)
    at = {other.column: other for other in row if (other.table, other.row) == (number.table, number.row)}
    places = [at.get(column) for column in group.columns]
    return _joined(places, group)


def meant_values(numbers: Sequence[Number], units: PageUnits | None = None) -> list[MeantValue]:
    """Every value of a page, in the order of the numbers; the places of one value come as one.

    Parameters
    ----------
    numbers : sequence of Number
        With their values; the parts of a fraction that have none are left out.
    units : PageUnits, optional
        Else found by ``units_of_page``.
    """
    units = units_of_page(numbers) if units is None else units
    rows: dict[tuple[int | None, int | None], list[Number]] = defaultdict(list)
    for number in numbers:
        rows[number.table, number.row].append(number)
    meant, done = [], set()
    for number in numbers:
        group = units.of(number.table, number.column)
        key = (number.table, number.row, group.columns) if group is not None and group.decided else None
        if key is None or key not in done:
            meant.append(meant_value(number, rows[number.table, number.row], units))
        done.add(key)
    return meant


def _text_of(number: Number) -> str:
    value = number.value
    if isinstance(value, Fraction):
        marks = sum(number.text.count(mark) for mark in PARTING)
        return sexagesimal_text(value, marks) if marks else _mixed(value)
    return number.text if value is None else str(value_to_text(value))


def _mixed(value: Fraction) -> str:
    """A fraction as people write it: ``12 3/8``."""
    whole, rest = divmod(abs(value.numerator), value.denominator)
    parts = ([str(whole)] if whole else []) + ([f"{rest}/{value.denominator}"] if rest else [])
    return ("-" if value < 0 else "") + " ".join(parts or ["0"])


def _joined(places: Sequence[Number | None], group: ColumnUnits) -> MeantValue:
    """The value of a row's places; None where one is not there, cannot be read, or is as great as its base."""
    there = tuple(number for number in places if number is not None)
    wholes = [None if number is None else _whole(number) for number in places]
    texts = ["?" if whole is None else str(whole) for whole in wholes]
    negative = bool(there) and isinstance(there[0].value, int) and there[0].value < 0
    value: Fraction | None = None
    if all(whole is not None for whole in wholes):
        sizes = [whole for whole in wholes if whole is not None]
        if all(size < base for size, base in zip(sizes[1:], group.bases, strict=True)):
            # In units of the last place first.
            total, below = sizes[0], 1
            for size, base in zip(sizes[1:], group.bases, strict=True):
                total, below = total * base + size, below * base
            # A sign is thirty degrees, and longitudes are reckoned in degrees.
            unit = group.bases[0] if group.bases[0] == DEGREES else 1
            value = Fraction(total * unit, below)
    first = group.bases[0]
    head = texts[0] if first == SIXTIETHS else f"{texts[0]}{'s' if first == DEGREES else 'd'} {texts[1]}"
    rest = texts[1:] if first == SIXTIETHS else texts[2:]
    text = ("-" if negative else "") + head + (";" + ",".join(rest) if rest else "")
    return MeantValue(there, text, -value if negative and value is not None else value, group)


def _whole(number: Number) -> int | None:
    """The size of a place; None where it is no whole number."""
    text = number.digits_text
    return int(text) if text.isdigit() and not isinstance(number.value, Decimal | Fraction) else None


def units_of_page(numbers: Sequence[Number]) -> PageUnits:
    """Which columns of the tables of a page are the places of one number.

    Tables with as many columns, as the halves of one are, are judged together, unless one of them speaks against it.
    """
    by_table: dict[int, list[Number]] = defaultdict(list)
    for number in numbers:
        if number.table is not None and number.row is not None and number.column is not None:
            by_table[number.table].append(number)
    by_width: dict[int, list[tuple[int, Floats, set[int]]]] = defaultdict(list)
    for table, of_table in sorted(by_table.items()):
        rows = 1 + max(number.row for number in of_table if number.row is not None)
        columns = 1 + max(number.column for number in of_table if number.column is not None)
        grid = np.full((rows, columns), np.nan)
        marks: dict[int, list[str]] = defaultdict(list)
        for number in of_table:
            assert number.row is not None and number.column is not None
            size = _whole(number)
            if size is not None and len(number.digits) <= 15:
                grid[number.row, number.column] = size
            marks[number.column].append(number.text[-1])
        by_width[columns].append((table, grid, _marked(marks, columns)))
    groups = []
    for alike in by_width.values():
        _, grids, marked = zip(*alike, strict=True)
        together = _pairs(grids, set.union(*marked))
        for table, grid, columns_marked in alike:
            pairs = _pairs([grid], columns_marked) if together is None else together
            groups += _groups(table, pairs or {})
    return PageUnits(tuple(sorted(groups, key=lambda group: (group.table, group.columns))))


def _marked(marks: dict[int, list[str]], columns: int) -> set[int]:
    """The columns whose numbers have a degree mark and those of the next a mark of minutes."""

    def mostly(column: int, mark: str) -> bool:
        signs = marks.get(column, [])
        return len(signs) > 1 and 2 * signs.count(mark) > len(signs)

    return {column for column in range(columns) if mostly(column, DEGREE) and mostly(column + 1, MINUTE)}


@dataclass(frozen=True)
class _Pair:
    """Base, bits for it, and reason; whether the lower column looks like one of sixtieths by itself, whether the higher
    one hardly ever changes, and whether it goes on in equal steps, as an argument does.
    """

    base: int
    bits: float
    reason: str
    likely: bool = True
    still: bool = False
    steady: bool = False


def _groups(table: int, pairs: dict[int, _Pair]) -> list[ColumnUnits]:
    joined = {column: pair for column, pair in pairs.items() if pair.bits >= DECIDED_BITS}
    for column in (*sorted(pairs), *sorted(pairs, reverse=True)):
        beside = {column - 1, column + 1} & set(joined)
        if beside and pairs[column].bits >= FURTHER_BITS and pairs[column].base == SIXTIETHS:
            joined[column] = pairs[column]
    for column in sorted(pairs, reverse=True):
        if column + 1 in joined and pairs[column].still and joined[column + 1].base == SIXTIETHS:
            joined[column] = pairs[column]
    groups = _chains(table, joined)
    return groups + _in_pairs(table, pairs, groups)


def _pairs(grids: Sequence[Floats], marked: set[int]) -> dict[int, _Pair] | None:
    """For each column that may be a higher place its base; None where some tables of several speak against others."""
    found: dict[int, _Pair] = {}
    for column in range(grids[0].shape[1] - 1):
        if column in marked:
            found[column] = _Pair(SIXTIETHS, np.inf, "marks of degrees and minutes stand beside them")
            continue
        sides = [(grid[:, column], grid[:, column + 1]) for grid in grids]
        best, _ = _best_base(sides)
        if best is not None and best.bits and len(sides) > 1 and any(_best_base([side])[1] for side in sides):
            return None
        if best is not None:
            found[column] = best
    return found


def _best_base(sides: Sequence[tuple[Floats, Floats]]) -> tuple[_Pair | None, bool]:
    """The base by which two columns of one or more tables agree best, None where the lower one is no lower place; and
    whether carries are missing.
    """
    lower = np.concatenate([low[np.isfinite(high) & np.isfinite(low)] for high, low in sides])
    if len(lower) < LEAST_ROWS or (lower < SIXTIETHS).mean() < BELOW_BASE:
        return None, False
    bends = [np.stack([np.diff(high, 2), np.diff(low, 2)]) for high, low in sides]
    bend = np.concatenate(bends, axis=1)
    bend = bend[:, np.isfinite(bend).all(axis=0)]
    steps = np.concatenate([np.diff(high) for high, _ in sides])
    steps = steps[np.isfinite(steps)]
    small = all(high[np.isfinite(high)].max(initial=0) < SIXTIETHS for high, _ in sides)
    still = small and int((steps == 0).sum()) >= max(STILL * len(steps), 1)
    likely = bool((lower >= HIGH).mean() >= HIGH_SHARE)
    reason = "the higher hardly ever changes" if still else "all are below 60, and no carry tells"
    steady = not still and len(steps) > 0 and int((steps == np.median(steps)).sum()) >= STILL * len(steps)
    best = _Pair(SIXTIETHS, 0.0, reason, likely, still, steady)
    against = False
    for base in BASES:
        if (lower < base).mean() >= BELOW_BASE:
            pair, contradicted = _carry(bend, base, _reach(lower, base))
            against |= contradicted
            if pair.bits > best.bits:
                best = replace(pair, likely=likely)
    return (None if against and best.bits < FURTHER_BITS else best), against and best.bits < FURTHER_BITS


def _reach(lower: Floats, base: int) -> bool:
    """Whether the numbers come as near to the base as their steps let them."""
    below = lower[lower < base]
    different = np.unique(below)
    if len(different) < 2:
        return False
    highest = np.quantile(below, TOP, method="lower")
    return bool(highest + np.median(np.diff(different)) >= REACHES * base)


def _carry(bend: Floats, base: int, reaches: bool) -> tuple[_Pair, bool]:
    """Bits for a carry at ``base``, and whether a smooth lower column demands carries that are not there.

    ``bend`` has the second differences of the higher column and of the lower one.
    """
    n = bend.shape[1]
    nothing = _Pair(base, 0.0, f"all are below {base}, and no carry tells")
    demanded = -np.round(bend[1] / base)
    carried = demanded != 0
    if n < LEAST_ROWS - 2 or not carried.any() or not reaches:
        return nothing, False
    agrees = np.isin(np.abs(bend[0] - demanded), BEGINS_ANEW)
    observed, expected = float(agrees.mean()), 0.0
    moves, times = np.unique(bend[0], return_counts=True)
    for jump, count in zip(*np.unique(demanded, return_counts=True), strict=True):
        expected += count * times[np.isin(np.abs(moves - jump), BEGINS_ANEW)].sum() / n**2
    if observed < CARRIES or observed <= expected:
        smooth = float(np.median(np.abs(bend[1] + base * demanded))) <= SMOOTH * base
        return nothing, smooth and 2 * (agrees & carried).sum() < carried.sum() > 2
    terms = [(observed, expected), (1 - observed, 1 - expected)]
    bits = n * sum(share * np.log2(share / chance) for share, chance in terms if share > 0)
    reason = f"in {int(agrees.sum())} of {n} rows the higher goes on as the lower passes {base}"
    return _Pair(base, float(bits), f"{reason} (by chance {expected * n:.0f})"), False


def _chains(table: int, joined: dict[int, _Pair]) -> list[ColumnUnits]:
    """Joined pairs put together to values of more places: degrees, minutes and seconds."""
    runs: list[list[int]] = []
    for column in sorted(joined):
        follows = column - 1 in joined
        if follows and joined[column].base == SIXTIETHS:
            runs[-1].append(column)
            continue
        if follows:
            # Signs and days are the highest place: what stands before them is no place of theirs.
            runs[-1].pop()
        runs.append([column])
    groups = []
    for run in filter(None, runs):
        bases = tuple(joined[column].base for column in run)
        reasons = dict.fromkeys(joined[column].reason for column in run)
        groups.append(ColumnUnits(table, (*run, run[-1] + 1), bases, True, "; ".join(reasons)))
    return groups


def _in_pairs(table: int, pairs: dict[int, _Pair], groups: Sequence[ColumnUnits]) -> list[ColumnUnits]:
    """Columns two by two that show too few carries alone: they go with pairs beside them, or together, or undecided.

    Where other values of the table have more places, these may have as many, and they are undecided.
    """
    taken = {column for group in groups for column in group.columns}
    free = {column for column in pairs if not taken & {column, column + 1} and pairs[column].base == SIXTIETHS}
    in_pairs = all(len(group.columns) == 2 for group in groups)
    anchors = {group.columns[0] for group in groups if in_pairs and group.bases == (SIXTIETHS,)}
    out: list[ColumnUnits] = []
    while free:
        # The strongest run first, so that the pairs of a table do not get out of step.
        runs = [_run(free, column) for column in sorted(free) if column - 2 not in free]
        run = max(runs, key=lambda run: _weight(run, pairs, anchors))
        likely = [column for column in run if pairs[column].likely]
        n_beside = len({run[0] - 2, run[-1] + 2} & anchors)
        together = in_pairs and sum(pairs[column].bits for column in run) >= DECIDED_BITS
        for column in run:
            reason = pairs[column].reason
            if together:
                reason = f"the carries of columns {run[0] + 1} to {run[-1] + 2} together tell"
            elif n_beside:
                reason = "as the columns beside them"
            # What does not look like sixtieths goes along where several pairs do; an argument goes with nobody.
            decided = together or (n_beside > 0 and not pairs[column].steady)
            if column in likely or (decided and len(likely) + n_beside > 1):
                reason = reason if decided else pairs[column].reason
                out.append(ColumnUnits(table, (column, column + 1), (SIXTIETHS,), decided, reason))
        used = {column + at for column in run for at in (0, 1)}
        free = {column for column in free if not used & {column, column + 1}}
    return out


def _run(free: set[int], column: int) -> list[int]:
    """Pairs side by side from a column on."""
    run = [column]
    while run[-1] + 2 in free:
        run.append(run[-1] + 2)
    return run


def _weight(run: Sequence[int], pairs: dict[int, _Pair], anchors: set[int]) -> tuple[bool, float, int]:
    """What speaks for pairs side by side: decided ones beside them, their carries, how many look like sixtieths."""
    beside = bool({run[0] - 2, run[-1] + 2} & anchors)
    return beside, sum(pairs[column].bits for column in run), sum(pairs[column].likely for column in run)
