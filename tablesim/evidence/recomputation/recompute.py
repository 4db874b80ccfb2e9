"""Recomputation of all witnesses of a collation: functions and sums found, what breaks them, and who errs where."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from tablesim.evidence.recomputation.describe import describe
from tablesim.evidence.recomputation.examination import Arithmetic, Proposal, examine, propose
from tablesim.records.collation import Collation


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
