"""Whose error? Where a table is arithmetic, it says itself which of its numbers cannot be right.

Columns are taken as numbers of one to four sexagesimal places, and tried against each other: an argument that goes up
in equal steps with a known function of it (``recomputation``), a sum that runs on, a column of differences. A column
obeys a law when most of its rows do; a row that does not is a suspect, with what the law would have there. What is
found is proposed and never asserted: a printer may have kept an error on purpose, and a reader may have made it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tablesim.evidence.collation import Collation
from tablesim.evidence.collation_grids import NONE, Panel, Witness, panels_of
from tablesim.evidence.recomputation import Estimate, Fit, fit_functions

Floats = NDArray[np.float64]

MAX_PLACES = 4
"""Whole number, sixtieths, sixtieths of sixtieths, and those of these."""

MIN_ROWS = 8
"""A law needs so many rows that obey it."""

OBEYED = 0.8
"""Share of the rows that obey a law of sums and differences."""

UNDER_SIXTY = 0.88
"""Share of the numbers of a sexagesimal place that are below 60: misprints and misreadings may be above."""

SURELY = 0.9
"""Share of the numbers that a function must give where the column to the right could be a further place of them: what
was cut off was not rounded, and most of it fits a little worse."""

STEADY = 0.8
"""Share of the rows from which an argument goes on by its step."""


@dataclass(frozen=True)
class Value:
    """Columns of one table that make one number together.

    Parameters
    ----------
    columns : tuple of int
        Columns of the panel, from the highest place to the lowest.
    numbers : float64 array of shape (rows,)
        In units of the lowest place; nan where a place is blank or illegible.
    """

    columns: tuple[int, ...]
    numbers: Floats

    @property
    def places(self) -> int:
        """How many sexagesimal places follow the whole number."""
        return len(self.columns) - 1


@dataclass(frozen=True)
class Suspect:
    """A number that breaks a law which its column obeys elsewhere.

    Parameters
    ----------
    witness : int
        Which witness has it.
    number : int
        Its index among the witness's numbers.
    text : str
        What was read.
    expected : str
        What the law has there.
    law : str
        "step" of an argument, "sum", or the name of the function.
    """

    witness: int
    number: int
    text: str
    expected: str
    law: str


@dataclass(frozen=True)
class Finding:
    """A function that recomputes columns of a witness: the fit, and which columns are argument and value."""

    witness: int
    argument: tuple[int, ...]
    value: tuple[int, ...]
    fit: Fit

    def to_dict(self) -> dict[str, Any]:
        return {
            "witness": self.witness,
            "argument": list(self.argument),
            "value": list(self.value),
            **self.fit.to_dict(),
        }


@dataclass(frozen=True)
class Arithmetic:
    """What the numbers of a witness say about each other."""

    findings: tuple[Finding, ...]
    suspects: tuple[Suspect, ...]
    expected: dict[int, tuple[str, str]]
    """What a function has for a number, by its index, and the function's name: right and wrong ones alike."""


@dataclass(frozen=True)
class Proposal:
    """Which witnesses err at a place where they differ: those whose text is not what the law has there.

    Parameters
    ----------
    cell : int
        Index of the place among the collation's cells.
    expected : str
        What the law has there.
    errs : tuple of bool or None
        For each witness; None where it has nothing.
    law : str
        As in ``Suspect``.
    """

    cell: int
    expected: str
    errs: tuple[bool | None, ...]
    law: str


def examine(witness: Witness, which: int = 0) -> Arithmetic:
    """Try the laws on each table of a witness; ``which`` is its place among the witnesses, for the findings."""
    findings: list[Finding] = []
    expected: dict[int, tuple[str, str]] = {}
    suspects: dict[int, Suspect] = {}
    for panel in panels_of(witness, 0, 1):
        for finding, found in _recomputed(panel, witness, which):
            findings.append(finding)
            expected |= found
        for number, (text, law) in expected.items():
            if int(witness.texts[number]) != int(text):
                suspects[number] = Suspect(which, number, witness.texts[number], text, law)
        for one in _summed(panel, witness, which, set(suspects)):
            suspects.setdefault(one.number, one)
    return Arithmetic(tuple(findings), tuple(suspects[number] for number in sorted(suspects)), expected)


def propose(collation: Collation) -> list[Proposal]:
    """For the places where witnesses differ and a law speaks: which of them the law has against it.

    A function that was found in one witness speaks of the others at the places that it shares with them.
    """
    index = [{id(number): at for at, number in enumerate(w.numbers)} for w in collation.witnesses]
    laws = []
    for at, witness in enumerate(collation.witnesses):
        examined = examine(witness, at)
        laws.append({one.number: (one.expected, one.law) for one in examined.suspects} | examined.expected)
    found = []
    for at, cell in enumerate(collation.cells):
        if cell.state != "differs":
            continue
        said = [laws[w].get(index[w][id(r.number)]) for w, r in enumerate(cell.readings) if r is not None]
        expected, law = next((one for one in said if one is not None), ("", ""))
        if law:
            errs = tuple(None if text is None else text.lstrip("0") != expected.lstrip("0") for text in cell.texts)
            found.append(Proposal(at, expected, errs, law))
    return found


def values_of(panel: Panel, texts: Sequence[str]) -> list[list[Value]]:
    """For each number of places the values that neighbouring columns of a panel of one witness could make."""
    grid = panel.numbers[0]
    columns = np.full(grid.shape, np.nan)
    for row, column in np.argwhere(grid != NONE):
        text = texts[grid[row, column]]
        if text.isdigit():
            columns[row, column] = float(text[:15])
    below = np.where(np.isfinite(columns), columns < 60, False).mean(axis=0)
    found: list[list[Value]] = []
    for places in range(MAX_PLACES):
        runs = []
        for first in range(columns.shape[1] - places):
            members = tuple(range(first, first + places + 1))
            full = np.isfinite(columns[:, members]).all(axis=1)
            if full.sum() < MIN_ROWS or any(below[c] < UNDER_SIXTY * full.mean() for c in members[1:]):
                continue
            scale = 60.0 ** np.arange(places, -1, -1)
            runs.append(Value(members, columns[:, members] @ scale))
        found.append(runs)
    return found


def _recomputed(panel: Panel, witness: Witness, which: int) -> Iterator[tuple[Finding, dict[int, tuple[str, str]]]]:
    """The functions that recompute columns of a panel, and what they have for each number.

    No column is taken for two values, and long values come first.
    """
    values = values_of(panel, witness.texts)
    radii: dict[tuple[int, ...], Estimate] = {}
    cut = {longer.columns[:-1] for group in values[1:] for longer in group}
    arguments = [(v, s) for v in [*values[0], *values[1]] if (s := steady(v.numbers)) is not None]
    # The hours of the longest day go up too, but climates overlap and print some of them twice.
    arguments += [(v, _rising(v.numbers)) for v in values[1] if _hours(v.numbers)]
    # Degrees and minutes before degrees alone, where both go up steadily.
    arguments.sort(key=lambda pair: -pair[0].places)
    taken: set[int] = set()
    for value in sorted((v for group in values for v in group), key=lambda v: (-v.places, v.columns)):
        if taken & set(value.columns):
            continue
        beside = [(a, s) for a, s in arguments if not set(a.columns) & (set(value.columns) | taken)]
        # The nearest argument to the left, else the nearest to the right.
        beside.sort(
            key=lambda pair: (pair[0].columns[0] > value.columns[0], abs(pair[0].columns[-1] - value.columns[0]))
        )
        for argument, mended in beside[:2]:
            fit = fit_functions(mended / 60.0**argument.places, value.numbers, value.places)
            if fit is None or (value.columns in cut and fit.recomputed < SURELY * fit.numbers):
                continue
            radius, other = fit.parameters.get("radius"), radii.get(argument.columns)
            if radius and other and (radius.low > other.high or radius.high < other.low):
                continue  # one table has one circle: the last places of the value may be missing
            if radius:
                radii[argument.columns] = radius
            taken |= set(value.columns)
            expected = dict(_parts(panel, argument, mended, "step")) | dict(
                _parts(panel, value, fit.expected, fit.name)
            )
            yield Finding(which, argument.columns, value.columns, fit), expected
            break


def _hours(numbers: Floats) -> bool:
    """Whether these are hours and minutes from noon to a whole day that never go back, but for slips."""
    known = numbers[np.isfinite(numbers)]
    return bool(np.mean((known >= 12 * 60) & (known <= 24 * 60)) >= STEADY and np.mean(np.diff(known) >= 0) >= STEADY)


def _rising(numbers: Floats) -> Floats:
    """The numbers without those that are less than one before or more than one after them, as slips are."""
    kept = numbers.copy()
    for row in range(1, len(numbers) - 1):
        before, after = kept[row - 1], numbers[row + 1]
        if before <= after and not before <= numbers[row] <= after:
            kept[row] = np.nan
    return kept


def steady(numbers: Floats) -> Floats | None:
    """An argument that goes on in equal steps, its single slips mended; None where it is none.

    A number that does not go on, while the number after it goes on from the one before it, is a slip.
    """
    if np.isfinite(numbers).sum() < MIN_ROWS:
        return None
    steps = np.diff(numbers)
    step = float(np.median(steps[np.isfinite(steps)])) if np.isfinite(steps).any() else 0.0
    if step == 0 or np.nanmean(np.where(np.isfinite(steps), steps == step, np.nan)) < STEADY:
        return None
    mended = numbers.copy()
    for row in range(len(numbers)):
        before = mended[row - 1] + step if row else numbers[row + 1] - step
        beyond = numbers[row + 1] - step if 0 < row < len(numbers) - 1 else before
        # At the ends two numbers that go on together speak against the one outside.
        inner = row in (0, len(numbers) - 1) and steps[1 if row == 0 else -2] == step
        if numbers[row] != before and before == beyond and (inner or 0 < row < len(numbers) - 1):
            mended[row] = before
    return mended


def _parts(panel: Panel, value: Value, expected: Floats, law: str) -> Iterator[tuple[int, tuple[str, str]]]:
    """The numbers of a value with what is expected of each place, and by which law."""
    for row in np.flatnonzero(np.isfinite(value.numbers) & np.isfinite(expected) & (expected >= 0)):
        rest = round(float(expected[row]))
        parts: list[int] = []
        for _ in value.columns[1:]:
            rest, part = divmod(rest, 60)
            parts.insert(0, part)
        for column, part in zip(value.columns, [rest, *parts], strict=True):
            yield int(panel.numbers[0, row, column]), (str(part), law)


def _summed(panel: Panel, witness: Witness, which: int, known_wrong: set[int]) -> Iterator[Suspect]:
    """What breaks sums that run on (s goes up by y of its own row) and differences (v goes up to the next row by d).

    Totals that a function has shown to be wrong say nothing of the numbers that are added.
    """
    single = values_of(panel, witness.texts)[0]
    for total in single:
        for part in single:
            if part.columns == total.columns:
                continue
            for shift in (0, 1):
                grows = np.diff(total.numbers)
                added = part.numbers[1:] if shift == 0 else part.numbers[:-1]
                wrong = np.isin(panel.numbers[0, :, total.columns[0]], sorted(known_wrong))
                known = np.isfinite(grows) & np.isfinite(added) & ~wrong[1:] & ~wrong[:-1]
                if known.sum() < MIN_ROWS or len(set(added[known].tolist())) < 3:
                    continue  # a step that is always the same is an argument's
                holds = known & (grows == added)
                if holds.sum() < OBEYED * known.sum():
                    continue
                yield from _broken(panel, witness, which, (total, part), shift, known & ~holds)


def _broken(
    panel: Panel, witness: Witness, which: int, pair: tuple[Value, Value], shift: int, broken: NDArray[np.bool_]
) -> Iterator[Suspect]:
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
        if expected >= 0:
            yield Suspect(which, number, witness.texts[number], str(int(expected)), "sum")
