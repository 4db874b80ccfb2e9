"""Recomputation of all witnesses of a collation: functions and sums found, what breaks them, and who errs where."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tablesim.evidence.collation.grids import NONE, panels_of
from tablesim.evidence.recomputation.examination import Arithmetic, FittedFunction, Proposal, examine, propose
from tablesim.evidence.recomputation.fitting import Estimate
from tablesim.records.collation import Collation, Witness

N_NAMED = 40
"""Suspects that are named; the others are counted."""

_ROUNDED = {"nearest": "rounded to the nearest", "down": "rounded down", "up": "rounded up"}


def describe(witness: Witness, examined: Arithmetic, siglum: str) -> list[str]:
    """The functions that a witness obeys with their parameters, the other laws, and the numbers that break them."""
    lines = [f"{siglum}: {line}" for line in _functions(examined.findings)]
    functions = {finding.fit.name for finding in examined.findings}
    for law in sorted({law for _, law in examined.expected.values()} - functions):
        of_law = [number for number, (_, of) in examined.expected.items() if of == law]
        broken = sum(suspect.law == law for suspect in examined.suspects)
        lines.append(f"{siglum}: {law}: {len(of_law) - broken} of {len(of_law)} numbers")
    places = _places(witness)
    for suspect in examined.suspects[:N_NAMED]:
        row, column = places[suspect.number]
        mark = ", but it may be misread" if suspect.doubtful else ""
        where = f"row {siglum}{row}, column {siglum}{column}"
        lines.append(f"{siglum}: {where}: {suspect.text}, expected {suspect.expected} ({suspect.law}){mark}")
    rest = len(examined.suspects) - N_NAMED
    return [*lines, f"{siglum}: and {rest} more that break a law"] if rest > 0 else lines


def _places(witness: Witness) -> dict[int, tuple[int, int]]:
    """Row and column of each number, counted through the tables and pages of the witness."""
    return {
        int(panel.numbers[0, row, column]): (int(panel.rows[0, row]), int(panel.columns[0, column]))
        for panel in panels_of(witness, 0, 1)
        for row, column in np.argwhere(panel.numbers[0] != NONE)
    }


def _functions(findings: Sequence[FittedFunction]) -> list[str]:
    """A line a function, over all columns that it recomputes."""
    groups: dict[tuple[object, ...], list[FittedFunction]] = {}
    for finding in findings:
        notes = tuple(value for name, value in finding.fit.notes.items() if name not in ("month", "rounding"))
        groups.setdefault((finding.fit.name, *notes), []).append(finding)
    lines = []
    for group in groups.values():
        fits = [finding.fit for finding in group]
        fit = fits[0]
        parameters = [f"{name} {_shared([each.parameters[name] for each in fits])}" for name in fit.parameters]
        columns = ", ".join(_range(finding.value) for finding in group)
        counts = f"{sum(each.recomputed for each in fits)} of {sum(each.numbers for each in fits)} numbers"
        about = [f"theory of {fit.notes['theory']}"] if fit.notes.get("theory", "unknown") != "unknown" else []
        about += [f"{fit.notes['calendar']} calendar"] if "calendar" in fit.notes else []
        ways = {each.notes.get("rounding", "") for each in fits}
        about += [_ROUNDED[ways.pop()]] if len(ways) == 1 and ways <= set(_ROUNDED) else []
        lines.append(f"{fit.name} gives {counts} of columns {columns}; {', '.join([*parameters, *about])}")
    return lines


def _shared(estimates: Sequence[Estimate]) -> str:
    """One parameter over several columns: what all of them allow; where they part, each."""
    low, high = max(estimate.low for estimate in estimates), min(estimate.high for estimate in estimates)
    if low > high:
        return " or ".join(dict.fromkeys(_interval(estimate) for estimate in estimates))
    inside = [estimate.value for estimate in estimates if low <= estimate.value <= high]
    # The roundest of the values is the shortest one.
    value = min(inside or [(low + high) / 2], key=lambda number: len(f"{number:.9g}"))
    return _interval(Estimate(value, low, high))


def _interval(estimate: Estimate) -> str:
    width = estimate.high - estimate.low
    if width == 0:
        return f"{estimate.value:.10g}"
    places = max(0, 1 - math.floor(math.log10(width)))
    return f"{estimate.value:.{places}f} ({estimate.low:.{places}f} to {estimate.high:.{places}f})"


def _range(columns: tuple[int, ...]) -> str:
    return str(columns[0]) if len(columns) == 1 else f"{columns[0]}-{columns[-1]}"


@dataclass(frozen=True)
class Recomputation:
    """What the arithmetic of the witnesses says of a collation: proposals, never proofs.

    Parameters
    ----------
    collation : Collation
    witnesses : tuple of Arithmetic
        The functions that each witness obeys, and its suspects.
    proposals : tuple of Proposal
        For differences: which witness errs.
    """

    collation: Collation
    witnesses: tuple[Arithmetic, ...]
    proposals: tuple[Proposal, ...]

    @property
    def words(self) -> list[str]:
        """The functions found and the numbers that break them, a line each."""
        witnesses = zip(self.collation.sigla, self.collation.witnesses, self.witnesses, strict=True)
        return [line for siglum, witness, examined in witnesses for line in describe(witness, examined, siglum)]

    def to_dict(self) -> dict[str, Any]:
        """Plain values: what ``tablesim collate --laws --json`` adds."""
        return {
            "laws": [finding.to_dict() for examined in self.witnesses for finding in examined.findings],
            "suspects": [asdict(suspect) for examined in self.witnesses for suspect in examined.suspects],
            "proposals": [asdict(proposal) for proposal in self.proposals],
            "words": self.words,
        }


def recompute(collation: Collation) -> Recomputation:
    """Try the known functions, sums and differences on each witness, and propose who errs where witnesses differ."""
    examined = tuple(examine(witness, index) for index, witness in enumerate(collation.witnesses))
    return Recomputation(collation, examined, tuple(propose(collation)))
