"""The same table, or only the same kind? What collation says of two pages that look alike.

Bigram histograms of two tables of one kind (two months of one observatory, the Sun's place in two years) are nearly as
alike as those of two editions of one table. Laid over each other, the editions agree place by place, and the others
agree in their arguments alone. So candidates are found by similarity and told apart by these two shares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tablesim.digits.reading import Reading
from tablesim.evidence.collation import Collation, collate_witnesses
from tablesim.evidence.collation_cells import AGREES, DIFFERS
from tablesim.evidence.collation_grids import Witness

SAME_AGREEMENT, SAME_RANK = 0.8, 0.65
"""Two pages carry one table where so large a share of the places that both have agrees, and of the smaller page.
Printers and readers together spoil less than a fifth. Of two tables of one kind the arguments agree and the leading
places, half of the page at most; where little more was laid over each other, little of the page agrees."""

AT_LEAST = 12
"""Places that must have met: fewer say nothing."""


@dataclass(frozen=True)
class Verification:
    """How far two pages agree where they lie over each other.

    Parameters
    ----------
    agreement : float
        Share of agreeing places, 0 to 1, of those whose difference is not in doubt.
    coverage : float
        Share of the numbers of the smaller page that met a number of the other, 0 to 1.
    places : int
        How many places both have.
    """

    agreement: float
    coverage: float
    places: int

    @property
    def rank(self) -> float:
        """What orders candidates: the agreeing share of the smaller page."""
        return self.agreement * self.coverage

    @property
    def same(self) -> bool:
        """Whether the pages carry one table."""
        return self.places >= AT_LEAST and self.agreement >= SAME_AGREEMENT and self.rank >= SAME_RANK

    def to_dict(self) -> dict[str, Any]:
        return {
            "agreement": round(self.agreement, 4),
            "coverage": round(self.coverage, 4),
            "places": self.places,
            "same_table": self.same,
        }


def verify(a: Reading, b: Reading) -> Verification:
    """Lay two pages over each other and say how far they agree."""
    return verification(collate_witnesses([Witness.of([a]), Witness.of([b])]))


def verification(collation: Collation) -> Verification:
    """The same for a collation of two witnesses; ValueError for more."""
    if len(collation.witnesses) != 2:
        raise ValueError(f"verification: got {len(collation.witnesses)} witnesses, expected 2")
    met = [cell for cell in collation.cells if None not in cell.readings]
    agree = sum(cell.state == AGREES for cell in met)
    apart = sum(cell.state == DIFFERS and not cell.doubtful for cell in met)
    smaller = min(len(witness.numbers) for witness in collation.witnesses)
    return Verification(
        agreement=agree / (agree + apart) if agree + apart else 0.0,
        coverage=min(len(met) / smaller, 1.0) if smaller else 0.0,
        places=len(met),
    )
