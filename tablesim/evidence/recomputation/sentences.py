"""What recomputation says of a witness, in sentences: each number in them is counted from an `Arithmetic`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

from tablesim.evidence.collation.grids import NONE, panels_of
from tablesim.evidence.recomputation.arguments import BrokenRow
from tablesim.evidence.recomputation.examination import Arithmetic, FittedFunction
from tablesim.evidence.recomputation.fitting import IN_SIXTIETHS, Estimate, in_base_sixty
from tablesim.evidence.recomputation.values import Suspect
from tablesim.records.address import CellAddress, PageAddresses
from tablesim.records.collation import Witness
from tablesim.records.counting import counted, plural

N_NAMED = 40
"""Suspects that are named; the others are counted."""

_ROUNDED = {"nearest": "rounded to the nearest", "down": "rounded down", "up": "rounded up"}


class WitnessSentences:
    """What is said of one witness.

    Parameters
    ----------
    witness : Witness
    examined : Arithmetic
        Of this witness.
    siglum : str
        Stands before every sentence.
    """

    def __init__(self, witness: Witness, examined: Arithmetic, siglum: str) -> None:
        self.witness, self.examined, self.siglum = witness, examined, siglum

    def lines(self) -> list[str]:
        """All sentences: the laws, the rows and numbers that break them, what a reading leaves in doubt."""
        examined = self.examined
        lines = [*self.functions(), *self.sums()]
        if not (lines or examined.rows or examined.suspects or examined.doubted):
            lines.append(self.silence())
        lines += [self.row(row) for row in examined.rows]
        lines += [self.suspect(suspect) for suspect in self._named]
        if len(self._told) > N_NAMED:
            lines.append(f"and {len(self._told) - N_NAMED} more of {len(self._told)} numbers that break a law")
        if examined.doubted:
            lines.append(self.doubted())
        return [f"{self.siglum}: {line}" for line in lines]

    def silence(self) -> str:
        """That no law was found."""
        return f"no law explains more of the {counted(len(self.witness.numbers), 'number')} than chance does"

    def functions(self) -> list[str]:
        """A sentence a function, over all columns that it recomputes."""
        groups: dict[tuple[object, ...], list[FittedFunction]] = {}
        for finding in self.examined.findings:
            notes = tuple(value for name, value in finding.fit.notes.items() if name not in ("month", "rounding"))
            groups.setdefault((finding.fit.name, *notes), []).append(finding)
        return [self.function(group) for group in groups.values()]

    def function(self, group: Sequence[FittedFunction]) -> str:
        """That a function gives so many values of some columns, its parameters, and how it does on left-out rows."""
        fits = [finding.fit for finding in group]
        fit = fits[0]
        counts = f"{sum(each.recomputed for each in fits)} of {sum(each.numbers for each in fits)} values"
        about = [_shared(name, [each.parameters[name] for each in fits]) for name in fit.parameters]
        about += [f"theory of {fit.notes['theory']}"] if fit.notes.get("theory", "unknown") != "unknown" else []
        about += [f"{fit.notes['calendar']} calendar"] if "calendar" in fit.notes else []
        ways = {each.notes.get("rounding", "") for each in fits}
        about += [_ROUNDED[ways.pop()]] if len(ways) == 1 and ways <= set(_ROUNDED) else []
        left_out = [each.left_out for each in fits if each.left_out is not None]
        if len(left_out) == len(fits):
            about.append(f"{sum(left_out)} also where it is told by other rows alone")
        return f"{fit.name} gives {counts} of {self.columns([finding.value for finding in group])}; {', '.join(about)}"

    def columns(self, groups: Sequence[tuple[int, ...]]) -> str:
        """Columns as people count them: ``columns 3-5 and 12-14``, with the table where there are several."""
        names = []
        for columns in groups:
            first, last = (self._column_address(at) for at in (columns[0], columns[-1]))
            table = self.page_of(self._first_of_column[columns[0]])
            table += "" if first.only_table else f"table {first.table}, "
            names.append(table + (str(first.column) if first == last else f"{first.column}-{last.column}"))
        return ("column " if len(names) == 1 and "-" not in names[0] else "columns ") + ", ".join(names)

    def sums(self) -> list[str]:
        """How many numbers keep each law besides the functions; a column that only counts its rows is no law."""
        functions = {finding.fit.name for finding in self.examined.findings}
        broken = [*self.examined.suspects, *self.examined.doubted]
        lines = []
        for law in sorted({law for _, law in self.examined.expected.values()} - functions - {"step", "argument"}):
            of_law = sum(of == law for _, of in self.examined.expected.values())
            n_broken = sum(suspect.law == law for suspect in broken)
            keep = plural(of_law - n_broken, "keeps", "keep")
            lines.append(f"{law}: {of_law - n_broken} of {counted(of_law, 'number')} {keep} it")
        return lines

    def row(self, row: BrokenRow) -> str:
        """That the values of a row are not those of its argument, and which argument gives them."""
        printed = " ".join(self.witness.texts[number] for number in row.argument)
        where = self.page_of(row.argument[0]) + self.address(row.argument[0]).row_words
        are = plural(row.broken, "is not that", "are not those")
        many = f"{row.broken} of {counted(len(row.values), 'number')} {are} of argument {printed}"
        fits = " ".join(row.fits)
        doubt = "; a reading here is in doubt" if row.doubtful else ""
        if row.shifted:
            return f"{where}: {many}: most are those of the column beside, as where one was left out{doubt}"
        if not row.fits and not row.displaced:
            return f"{where}: {many}, nor of one that it could be misread for{doubt}"
        if not row.fits:
            return f"{where}: {many}, though it goes on with its neighbours: the row is wrong as a whole{doubt}"
        if row.displaced:
            return f"{where}: {many}; {row.given} are those of argument {fits}: they stand in another's row{doubt}"
        return f"{where}: {many}; {row.given} are those of {fits}: the argument is wrong, not they{doubt}"

    def suspect(self, suspect: Suspect) -> str:
        """What stands in a cell, and what a law has there."""
        joined = self._joined(suspect.number)
        value = "" if joined is None else f": {joined[1]}, printed is {joined[0]}"
        return f"{self.where(suspect.number)}: {suspect.text}, expected {suspect.expected} ({suspect.law}{value})"

    def _joined(self, number: int) -> tuple[str, str] | None:
        """What is printed and what is expected as one value, ``23;59`` and ``23;29``, of columns that a law joined."""
        places = next((places for places in self._places if number in places), ())
        if len(places) < 2 or NONE in places:
            return None
        printed = [self.witness.texts[place] for place in places]
        expected = [self.examined.expected.get(place, (text,))[0] for place, text in zip(places, printed, strict=True)]
        return _in_sixtieths(printed), _in_sixtieths(expected)

    @cached_property
    def _places(self) -> list[tuple[int, ...]]:
        """Row by row the numbers of the columns that a function takes for one value, the highest place first."""
        values = {finding.value for finding in self.examined.findings}
        return [
            tuple(int(panel.numbers[0, row, at]) for at in (columns.index(column) for column in value))
            for panel in panels_of(self.witness, 0, 1)
            if (columns := panel.columns[0].tolist())
            for value in values
            if set(value) <= set(columns)
            for row in range(panel.shape[0])
        ]

    def doubted(self) -> str:
        """Numbers that break a law as they were read, where a reading is in doubt."""
        doubted = self.examined.doubted
        places = "; ".join(f"{self.where(each.number)}: {each.text}" for each in doubted[:N_NAMED])
        more = f"; and {len(doubted) - N_NAMED} more" if len(doubted) > N_NAMED else ""
        one = len(doubted) == 1
        return (
            f"{len(doubted)} {'number breaks' if one else 'numbers break'} a law where a reading is in doubt, and "
            f"{'accuses' if one else 'accuse'} nobody; look at the scan: {places}{more}"
        )

    def where(self, number: int) -> str:
        """The address of a number in words, behind its page where the witness has several."""
        return self.page_of(number) + self.address(number).words

    def page_of(self, number: int) -> str:
        """The page of a number, with a comma, where the witness has several; else nothing."""
        pages = self.witness.readings
        return f"{pages[self.witness.pages[number]].page}, " if len(pages) > 1 else ""

    def address(self, number: int) -> CellAddress:
        """The address of a number on its page."""
        found = self._addresses[self.witness.pages[number]].of(self.witness.numbers[number])
        assert found is not None
        return found

    @property
    def _told(self) -> list[Suspect]:
        """The suspects that no sentence about their row names."""
        of_rows = {number for row in self.examined.rows for number in row.values}
        return [each for each in self.examined.suspects if each.law != "argument" and each.number not in of_rows]

    @property
    def _named(self) -> list[Suspect]:
        return self._told[:N_NAMED]

    @cached_property
    def _addresses(self) -> list[PageAddresses]:
        return [PageAddresses(reading) for reading in self.witness.readings]

    def _column_address(self, column: int) -> CellAddress:
        """The address of the first number of a column that is counted through the tables of the witness."""
        return self.address(self._first_of_column[column])

    @cached_property
    def _first_of_column(self) -> dict[int, int]:
        return {
            int(panel.columns[0, at]): int(next(number for number in panel.numbers[0, :, at] if number != NONE))
            for panel in panels_of(self.witness, 0, 1)
            for at in range(panel.shape[1])
        }


def _in_sixtieths(places: Sequence[str]) -> str:
    """``23;29`` from 23 and 29, ``1;2,5`` from three places."""
    return f"{places[0]};{','.join(places[1:])}"


def _shared(name: str, estimates: Sequence[Estimate]) -> str:
    """One parameter over several columns: what all of them allow; where they part, each."""
    low, high = max(estimate.low for estimate in estimates), min(estimate.high for estimate in estimates)
    if low > high:
        return " or ".join(dict.fromkeys(parameter(name, estimate) for estimate in estimates))
    inside = [estimate.value for estimate in estimates if low <= estimate.value <= high]
    # The roundest of the values is the shortest one.
    value = min(inside or [(low + high) / 2], key=lambda number: len(f"{number:.9g}"))
    return parameter(name, Estimate(value, low, high))


def parameter(name: str, estimate: Estimate) -> str:
    """A parameter with its interval: ``obliquity 23;29 (23.483), from 23;28 to 23;30 (23.472 to 23.493)``."""
    width = estimate.high - estimate.low
    if width == 0:
        return f"{name} {estimate.value:.10g}"
    places = max(0, 1 - math.floor(math.log10(width)))
    value, low, high = (f"{number:.{places}f}" for number in (estimate.value, estimate.low, estimate.high))
    if name not in IN_SIXTIETHS:
        return f"{name} {value} ({low} to {high})"
    ends = estimate.value, estimate.low, estimate.high
    value60, low60, high60 = (in_base_sixty(number, estimate.places) for number in ends)
    return f"{name} {value60} ({value}), from {low60} to {high60} ({low} to {high})"
