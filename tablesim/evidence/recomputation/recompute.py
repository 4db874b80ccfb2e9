"""Recomputation of all witnesses of a collation: functions and sums found, what breaks them, and who errs where."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from tablesim.evidence.recomputation.examination import Arithmetic, Proposal, examine, propose
from tablesim.evidence.recomputation.sentences import WitnessSentences
from tablesim.records.collation import Collation


@dataclass(frozen=True)
class Recomputation:
    """What the arithmetic of the witnesses says of a collation, or of one page: proposals, never proofs.

    Parameters
    ----------
    collation : Collation
        Of one witness alone, it has no cells.
    witnesses : tuple of Arithmetic
        The functions that each witness obeys, and its suspects.
    proposals : tuple of Proposal
        For differences: which witness errs.
    """

    collation: Collation
    witnesses: tuple[Arithmetic, ...]
    proposals: tuple[Proposal, ...]

    @property
    def sentences(self) -> list[WitnessSentences]:
        """What is said of each witness."""
        witnesses = zip(self.collation.witnesses, self.witnesses, self.collation.sigla, strict=True)
        return [WitnessSentences(*witness) for witness in witnesses]

    @property
    def words(self) -> list[str]:
        """The functions found and the numbers that break them, a line each."""
        return [line for sentences in self.sentences for line in sentences.lines()]

    def to_dict(self) -> dict[str, Any]:
        """Plain values: what ``tablesim collate --laws --json`` adds."""
        return {
            "laws": [finding.to_dict() for examined in self.witnesses for finding in examined.findings],
            "suspects": [suspect for which in range(len(self.witnesses)) for suspect in self._suspects(which)],
            "broken_rows": [
                {"witness": which, **asdict(row), "address": self.sentences[which].address(row.argument[0]).short}
                for which, examined in enumerate(self.witnesses)
                for row in examined.rows
            ],
            "proposals": [asdict(proposal) for proposal in self.proposals],
            "words": self.words,
        }

    def _suspects(self, which: int) -> list[dict[str, Any]]:
        """The numbers of a witness that break a law, those that a doubtful reading leaves open behind the others."""
        examined, sentences = self.witnesses[which], self.sentences[which]
        return [
            asdict(suspect) | {"address": sentences.address(suspect.number).short}
            for suspect in (*examined.suspects, *examined.doubted)
        ]


def recompute(collation: Collation) -> Recomputation:
    """Try the known functions, sums and differences on each witness, and propose who errs where witnesses differ."""
    examined = tuple(examine(witness, index) for index, witness in enumerate(collation.witnesses))
    return Recomputation(collation, examined, tuple(propose(collation)))
