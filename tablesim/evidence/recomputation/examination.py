"""Examines a witness: recomputes columns, sums and differences, and proposes which of its numbers cannot be right.

Columns are taken as numbers of one to four sexagesimal places, and tried against each other: an argument that goes up
in equal steps with a known function of it (``fitting``), the days of months with the place of the Sun (``sun``), sums
(``sums``), and for columns without any of these the evenness of their differences, their carrying and their order
(``differences``). A column obeys a law when most of its rows do; a row that does not is a suspect, with what the law
would have there. What is found is proposed and never asserted: a printer may have kept an error on purpose, and a
reader may have made it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tablesim.evidence.collation.cells import could_be
from tablesim.evidence.collation.grids import NONE, Panel, panels_of
from tablesim.evidence.recomputation.arguments import BrokenRow, Function, broken_rows
from tablesim.evidence.recomputation.differences import (
    CARRY,
    ORDER,
    SECOND_DIFFERENCES,
    Violation,
    carries,
    out_of_order,
    second_differences,
)
from tablesim.evidence.recomputation.fitting import Estimate, Fit, fit_functions
from tablesim.evidence.recomputation.sums import (
    OF_COLUMN,
    OF_ROW,
    PARTS,
    SUM,
    parts_of_differences,
    running_sums,
    totals,
)
from tablesim.evidence.recomputation.sun import month_columns, sun_places
from tablesim.evidence.recomputation.values import (
    MIN_ROWS,
    OBEYED,
    Floats,
    Suspect,
    Value,
    counts_on,
    numbers_of,
    rising,
    steady,
    step_of,
    texts_of,
    values_of,
)
from tablesim.records.collation import Collation, Witness
from tablesim.records.reading import Number

N_ARGUMENTS = 2
"""So many of the nearest arguments are tried with each value."""

Expected = dict[int, tuple[str, str]]
"""What a law has for a number, by its index, and the name of the law."""


@dataclass(frozen=True)
class FittedFunction:
    """A function that recomputes columns of a witness: the fit, and which columns are argument and value.

    Columns count through the tables and pages of the witness, as those of a ``Collation``.
    """

    witness: int
    argument: tuple[int, ...]
    value: tuple[int, ...]
    fit: Fit

    def named(self, columns: Sequence[int]) -> FittedFunction:
        """The finding in one table with the numbers that its columns have in the witness."""
        argument, value = (tuple(columns[at] for at in of) for of in (self.argument, self.value))
        return replace(self, argument=argument, value=value)

    def to_dict(self) -> dict[str, Any]:
        columns = {"argument": list(self.argument), "value": list(self.value)}
        return {"witness": self.witness, **columns, **self.fit.to_dict()}


def months(panel: Panel, numbers: Floats, which: int) -> Iterator[tuple[FittedFunction, Expected]]:
    """The columns of the Sun's place by days and months, as ``recomputed``: they are dated together."""
    values = values_of(numbers)
    for day in values[0]:
        days = steady(day.numbers)
        if days is None or abs(step_of(days)) != 1:
            continue
        # Degrees, minutes and seconds before degrees and minutes.
        others = ([v for v in group if not set(day.columns) & set(v.columns)] for group in values[2:0:-1])
        columns = max((month_columns(group) for group in others), key=len)
        fits = sun_places(days, columns) if columns else []
        for column, fit in zip(columns, fits, strict=False):
            found = dict(texts_of(panel, day, days, "step"))
            found |= dict(texts_of(panel, column, fit.expected, fit.name))
            yield FittedFunction(which, day.columns, column.columns, fit), found
        if fits:
            return


def recomputed(panel: Panel, numbers: Floats, which: int, given: set[int]) -> Iterator[tuple[FittedFunction, Expected]]:
    """The functions that recompute columns of a panel, and what they have for each number.

    No column is taken for two values, and long values come first.

    Parameters
    ----------
    panel : Panel
        Of one witness.
    numbers : float64 array of shape (rows, columns)
        What stands in it.
    which : int
        The witness, for the findings.
    given : set of int
        Columns that are no values.
    """
    values = values_of(numbers)
    radii: dict[tuple[int, ...], Estimate] = {}
    cut = {longer.columns[:-1] for group in values[1:] for longer in group}
    arguments = [(v, s) for v in [*values[0], *values[1]] if (s := steady(v.numbers)) is not None]
    # The hours of the longest day go up too, but climates overlap and print some of them twice.
    hours = {v.columns for v in values[1] if _hours(v.numbers)}
    arguments += [(v, rising(v.numbers)) for v in values[1] if v.columns in hours]
    # Degrees and minutes before degrees alone, where both go up steadily.
    arguments.sort(key=lambda pair: -pair[0].places)
    taken = set(given)
    for value in sorted((v for group in values for v in group), key=lambda v: (-v.places, v.columns)):
        if taken & set(value.columns):
            continue
        beside = [(a, s) for a, s in arguments if not set(a.columns) & (set(value.columns) | taken)]
        # The nearest argument to the left, else the nearest to the right.
        beside.sort(
            key=lambda pair: (pair[0].columns[0] > value.columns[0], abs(pair[0].columns[-1] - value.columns[0]))
        )
        for argument, mended in beside[:N_ARGUMENTS]:
            fit = fit_functions(mended / 60.0**argument.places, value.numbers, value.places)
            # A value whose last places are left out looks rounded down.
            if fit is None or (value.columns in cut and fit.notes["rounding"] != "nearest"):
                continue
            radius, known_radius = fit.parameters.get("radius"), radii.get(argument.columns)
            if radius and known_radius and (radius.low > known_radius.high or radius.high < known_radius.low):
                continue  # one table has one circle: the last places of the value may be missing
            if radius:
                radii[argument.columns] = radius
            taken |= set(value.columns)
            if argument.columns in hours:
                mended, expected = _told_by_value(argument, mended, value, fit)
            else:
                mended, expected = _as_printed(argument, mended, value, fit)
            found = dict(texts_of(panel, argument, mended, "step"))
            found |= dict(texts_of(panel, value, expected, fit.name))
            yield FittedFunction(which, argument.columns, value.columns, fit), found
            break


def _hours(numbers: Floats) -> bool:
    """Whether these are hours and minutes from noon to a whole day that never go back, but for slips."""
    known = numbers[np.isfinite(numbers)]
    within = np.mean((known >= 12 * 60) & (known <= 24 * 60)) >= OBEYED
    return bool(within and np.mean(np.diff(known) >= 0) >= OBEYED)


def _as_printed(argument: Value, mended: Floats, value: Value, fit: Fit) -> tuple[Floats, Floats]:
    """Arguments that seemed to slip but have their own value beside them: a row before them is left out."""
    assert fit.compute is not None
    rows = np.flatnonzero((mended != argument.numbers) & np.isfinite(argument.numbers) & np.isfinite(value.numbers))
    given = fit.compute(argument.numbers[rows] / 60.0**argument.places, value.numbers[rows])
    kept = rows[given == value.numbers[rows]]
    mended, expected = mended.copy(), fit.expected.copy()
    mended[kept], expected[kept] = argument.numbers[kept], value.numbers[kept]
    return mended, expected


def _told_by_value(argument: Value, mended: Floats, value: Value, fit: Fit) -> tuple[Floats, Floats]:
    """Arguments that go up unequally, mended by their values; and what the function has for the mended ones.

    Where argument and value do not meet, another argument between its neighbours may give the value exactly: then the
    argument is wrong, and not the value.
    """
    assert fit.compute is not None
    mended, expected = mended.copy(), fit.expected.copy()
    steps = np.diff(mended[np.isfinite(mended)])
    step = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
    agrees = expected == value.numbers
    for row in np.flatnonzero(~agrees & np.isfinite(value.numbers)):
        below, above = np.flatnonzero(agrees[:row]), row + 1 + np.flatnonzero(agrees[row + 1 :])
        if step == 0 or not (len(below) or len(above)):
            continue
        low = mended[below[-1]] if len(below) else mended[above[0]] - step * (above[0] - row)
        high = mended[above[0]] if len(above) else mended[below[-1]] + step * (row - below[-1])
        likely = np.arange(low, high + step / 2, step)
        given = fit.compute(likely / 60.0**argument.places, np.full(len(likely), value.numbers[row]))
        fitting = likely[given == value.numbers[row]]
        if len(fitting) == 1:
            mended[row], expected[row] = fitting[0], value.numbers[row]
        elif argument.numbers[row] not in likely:
            # Neither can be trusted.
            mended[row] = expected[row] = np.nan
    return mended, expected


ARGUMENT = "argument"
"""The law that an argument breaks which its row speaks against."""

_RANK = {SUM: 1, PARTS: 1, OF_COLUMN: 1, OF_ROW: 1, CARRY: 2, SECOND_DIFFERENCES: 3, ORDER: 4}
"""How strong a law is, the functions (0) first: what it has for a number goes before what a weaker one has."""


@dataclass(frozen=True)
class Arithmetic:
    """What the numbers of a witness say about each other.

    Parameters
    ----------
    findings : tuple of FittedFunction
    suspects : tuple of Suspect
        Numbers that break a law, by their index: read without doubt, as what speaks against them was.
    expected : dict of int to (str, str)
        What a function or a sum has for a number, by its index, and the law's name: right and wrong ones alike.
    doubted : tuple of Suspect
        Numbers that break a law where a reading is in doubt, theirs or one that speaks against them: the scan has to be
        looked at, and nobody is accused.
    rows : tuple of BrokenRow
        Rows whose values are not those of their argument. The values are suspects only where the argument goes on with
        its neighbours.
    """

    findings: tuple[FittedFunction, ...]
    suspects: tuple[Suspect, ...]
    expected: dict[int, tuple[str, str]]
    doubted: tuple[Suspect, ...] = ()
    rows: tuple[BrokenRow, ...] = ()


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
        For each witness; None where it has nothing, where a reading is in doubt, and where it does not obey this law
        elsewhere either.
    law : str
        As in ``Suspect``.
    doubtful : tuple of bool
        For each witness whether it breaks the law as it was read, but it may be the reader that errs.
    """

    cell: int
    expected: str
    errs: tuple[bool | None, ...]
    law: str
    doubtful: tuple[bool, ...]


def examine(witness: Witness, which: int = 0) -> Arithmetic:
    """Try the laws on each table of a witness; ``which`` is its place among the witnesses, for the findings."""
    findings: list[FittedFunction] = []
    expected: dict[int, tuple[str, str]] = {}
    suspects: dict[int, Suspect] = {}
    rows: list[BrokenRow] = []
    for panel in panels_of(witness, 0, 1):
        table = _Table(panel, witness, which)
        for finding, numbers in _examined(table):
            if finding is not None:
                findings.append(finding.named(panel.columns[0].tolist()))
            for violation in numbers:
                if violation.number in suspects or violation.number in expected:
                    continue
                if violation.law not in (CARRY, SECOND_DIFFERENCES, ORDER):
                    expected[violation.number] = violation.expected, violation.law
                if not violation.allows(violation.text):
                    suspects[violation.number] = violation
        rows += table.rows
    ordered = [suspects[number] for number in sorted(suspects)]
    sure = tuple(suspect for suspect in ordered if not suspect.doubtful)
    doubted = tuple(suspect for suspect in ordered if suspect.doubtful)
    return Arithmetic(tuple(findings), sure, expected, doubted, tuple(rows))


class _Table:
    """One table of a witness, and which of its columns a law has spoken of."""

    def __init__(self, panel: Panel, witness: Witness, which: int) -> None:
        self.panel, self.witness, self.which = panel, witness, which
        self.numbers = numbers_of(panel, witness)
        self.values = values_of(self.numbers)
        sure = np.array([[at != NONE and surely_read(witness.numbers[at]) for at in row] for row in panel.numbers[0]])
        self.sure = np.where(sure, self.numbers, np.nan)
        """The numbers without those whose reading is in doubt."""
        self.rows: list[BrokenRow] = []
        self.lawful: set[int] = set()
        self.wrong: set[int] = set()
        self.obeys = False
        """Whether a function or a sum holds in it."""

    def suspect(
        self,
        number: int,
        expected: str,
        law: str,
        between: tuple[int, int] | None = None,
        *,
        in_doubt: bool = False,
    ) -> Suspect:
        """A number with what a law has for it; ``in_doubt`` where a doubtful reading speaks against it."""
        text = self.witness.texts[number]
        bare = Suspect(self.which, number, text, expected, law, between)
        if bare.allows(text):
            return bare
        self.wrong.add(number)
        return replace(bare, doubtful=in_doubt or may_be_misread(self.witness.numbers[number], bare))

    def whole_rows(self, found: Sequence[tuple[FittedFunction, Expected]]) -> tuple[list[Suspect], set[int]]:
        """The arguments that their rows speak against, and the numbers of these rows: they accuse nothing else."""
        functions = [Function(f.argument, f.value, f.fit, expected) for f, expected in found]
        accused: list[Suspect] = []
        covered: set[int] = set()
        for row in broken_rows(self.panel, self.numbers, functions):
            # Where the argument goes on with its neighbours it does not look misread, and the values are wrong.
            covered |= set() if row.displaced else {*row.argument, *row.values}
            in_doubt = not all(surely_read(self.witness.numbers[at]) for at in row.values)
            suspects = [
                self.suspect(number, text, ARGUMENT, in_doubt=in_doubt)
                for number, text in zip(row.argument, row.fits, strict=False)
                if not row.displaced
            ]
            wrong = [suspect for suspect in suspects if not suspect.allows(suspect.text)]
            in_doubt |= any(suspect.doubtful for suspect in wrong)
            in_doubt |= not row.fits and not all(surely_read(self.witness.numbers[at]) for at in row.argument)
            self.rows.append(replace(row, doubtful=in_doubt))
            accused += wrong
        return accused, covered

    def broken(self, violation: Violation) -> Suspect | None:
        """A number that is no suspect yet, as one; None where a cell is blank."""
        number = int(self.panel.numbers[0, violation.row, violation.column])
        if number == NONE:
            return None
        if violation.low == violation.high:
            return self.suspect(number, str(violation.low), violation.law)
        expected = (
            str(violation.likely) if violation.law == SECOND_DIFFERENCES else f"{violation.low} to {violation.high}"
        )
        return self.suspect(number, expected, violation.law, (violation.low, violation.high))


def _examined(table: _Table) -> Iterator[tuple[FittedFunction | None, list[Suspect]]]:
    """What the laws say of a table, the strongest first."""
    found = list(months(table.panel, table.numbers, table.which))
    given = {column for finding, _ in found for column in finding.value}
    found += recomputed(table.panel, table.numbers, table.which, given)
    table.obeys = bool(found)
    arguments, covered = table.whole_rows(found)
    yield None, arguments
    for finding, expected in found:
        table.lawful |= {*finding.argument, *finding.value}
        yield finding, [table.suspect(at, *has) for at, has in expected.items() if at not in covered]
    abscissa = np.arange(table.panel.shape[0], dtype=np.float64)
    for value in (*table.values[1], *table.values[0]):
        argument = steady(value.numbers)
        # Where the lowest place stands still, as beside it a column of small numbers may, it belongs to another value.
        if argument is None or (value.places and step_of(argument) % 60 == 0):
            continue
        if np.array_equal(abscissa, np.arange(len(abscissa))):
            abscissa = argument / step_of(argument)
        if not table.lawful & set(value.columns):
            table.lawful |= set(value.columns)
            steps = texts_of(table.panel, value, argument, "step") if counts_on(argument) else ()
            yield None, [table.suspect(number, *text_and_law) for number, text_and_law in steps]
    gaps = np.isfinite(abscissa[1:] - abscissa[:-1]) & (np.abs(np.diff(abscissa)) != 1)
    of_sure = values_of(table.sure)
    for law_of in (
        lambda values, _: running_sums(table.panel, values[0], set(table.wrong), gaps),
        lambda values, _: parts_of_differences(table.panel, [v for group in reversed(values) for v in group], gaps),
        lambda _, numbers: totals(table.panel, numbers),
    ):
        # What breaks a sum must do so where every number of the sum was read without doubt.
        surely = {(number, text) for number, text, _, right in law_of(of_sure, table.sure) if not right}
        claims = [
            (table.suspect(number, text, law, in_doubt=(number, text) not in surely), right)
            for number, text, law, right in law_of(table.values, table.numbers)
            if number not in covered
        ]
        table.obeys |= bool(claims)
        # A number that breaks one sum may hold in another: what is known to be wrong goes first.
        yield None, [claim for claim, right in claims if not right] + [claim for claim, right in claims if right]
    yield None, list(_uneven(table, abscissa))


def _uneven(table: _Table, abscissa: Floats) -> Iterator[Suspect]:
    """The weakest laws, for columns of which no function speaks: carrying, second differences, order."""
    free = [v for group in reversed(values_of(table.sure)) for v in group if not table.lawful & set(v.columns)]
    found: dict[int, tuple[int, Suspect]] = {}
    # That a column rises is a law only where the table was computed: what is counted may rise but for one year.
    ordered = (out_of_order,) if table.obeys else ()
    for law in (carries, lambda value: second_differences(value, abscissa), *ordered):
        for value in free:
            for violation in law(value):
                suspect = table.broken(violation)
                if suspect is not None:
                    found.setdefault(suspect.number, (violation.row, suspect))
    # A first or last row in which little fits, or a number of another length, is a heading, or another table's.
    counts = Counter(row for row, _ in found.values())
    ends = (0, table.panel.shape[0] - 1)
    for row, suspect in found.values():
        if row not in ends or (counts[row] == 1 and len(suspect.text) == len(suspect.expected)):
            yield suspect


def propose(collation: Collation) -> list[Proposal]:
    """For the places where witnesses differ and a law speaks: which of them the law has against it.

    A function that was found in one witness speaks of the others at the places that it shares with them. Where the
    witnesses obey laws that part at this place, nothing is proposed.
    """
    index = [{id(number): at for at, number in enumerate(w.numbers)} for w in collation.witnesses]
    laws = [_said(witness, at) for at, witness in enumerate(collation.witnesses)]
    suspects = [
        [
            laws[w][at]
            for w, r in enumerate(cell.readings)
            if r is not None and (at := index[w][id(r.number)]) in laws[w]
        ]
        for cell in collation.cells
    ]
    obeyed = _obeyed(collation, suspects)
    found = []
    for at, cell in enumerate(collation.cells):
        if cell.state != "differs" or not suspects[at]:
            continue
        ranked = sorted(suspects[at], key=_rank)
        law = ranked[0]
        if any(
            not law.allows(violation.expected)
            for violation in ranked
            if violation.between is None and _rank(violation) == _rank(law)
        ):
            continue
        against = tuple(
            None if text is None or not obeyed.get((cell.column, w, law.law), True) else not law.allows(text)
            for w, text in enumerate(cell.texts)
        )
        doubtful = tuple(
            bool(wrong) and r is not None and (law.doubtful or may_be_misread(r.number, law))
            for r, wrong in zip(cell.readings, against, strict=True)
        )
        errs = tuple(None if doubt else wrong for wrong, doubt in zip(against, doubtful, strict=True))
        if any(errs) or any(doubtful):
            found.append(Proposal(at, law.expected, errs, law.law, doubtful))
    return found


def _obeyed(collation: Collation, suspects: list[list[Suspect]]) -> dict[tuple[int, int, str], bool]:
    """Whether a witness obeys a law in a column: printers of other tables may have computed them otherwise."""
    counts: dict[tuple[int, int, str], list[bool]] = {}
    for cell, of_cell in zip(collation.cells, suspects, strict=True):
        for law in {violation.law: violation for violation in of_cell}.values():
            for w, text in enumerate(cell.texts):
                if text is not None:
                    counts.setdefault((cell.column, w, law.law), []).append(law.allows(text))
    return {key: sum(right) >= OBEYED * len(right) for key, right in counts.items() if len(right) >= MIN_ROWS}


def _said(witness: Witness, which: int) -> dict[int, Suspect]:
    """What the laws of a witness have for its numbers."""
    examined = examine(witness, which)
    by_number = {
        number: Suspect(which, number, witness.texts[number], text, law)
        for number, (text, law) in examined.expected.items()
    }
    return by_number | {suspect.number: suspect for suspect in (*examined.suspects, *examined.doubted)}


def _rank(suspect: Suspect) -> int:
    return _RANK.get(suspect.law, 0)


SURE = 0.95
"""A number that is less surely read is misread oftener than misprinted, which happens to one or two in a hundred."""


def surely_read(number: Number) -> bool:
    """Whether a number and each of its digits was read without doubt."""
    digits = [digit.confidence if digit.value is not None else 0.0 for digit in number.digits]
    return not number.doubts and min(number.confidence, *digits) >= SURE


def may_be_misread(number: Number, law: Suspect) -> bool:
    """Whether the reader may have erred: it was not read surely, or a digit, read otherwise, gives what the law has."""
    return not surely_read(number) or any(law.allows(text) for text in could_be(number))
