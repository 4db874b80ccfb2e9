"""The same table, or only the same kind? Verified by the share of cells that agree in a collation of two pages.

Bigram histograms of two tables of one kind (two months of one observatory, the Sun's place in two years) are nearly as
alike as those of two editions of one table. Collated, the editions agree cell by cell, and the others
agree in their arguments alone. So candidates are found by similarity and told apart by these two shares.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tablesim.bigrams.embedding import containment, embed, histogram, similarity
from tablesim.evidence.collation.cells import DOUBTFUL, judge
from tablesim.evidence.collation.collation import collate_witnesses
from tablesim.evidence.collation.grids import witness_of
from tablesim.records.collation import AGREES, DIFFERS, Collation
from tablesim.records.reading import Reading

SAME_AGREEMENT, SAME_RANK = 0.8, 0.65
"""Two pages carry one table where so large a share of the cells that both have agrees, and of the smaller page.
Printers and readers together spoil less than a fifth. Of two tables of one kind the arguments agree and the leading
digits, half of the page at most; where little more was aligned, little of the page agrees."""

AT_LEAST = 12
"""Cells that must have met: fewer say nothing."""


@dataclass(frozen=True)
class Verification:
    """How far two pages agree in the cells that both have.

    Parameters
    ----------
    agreement : float
        Share of agreeing cells, 0 to 1, of those whose difference is not in doubt.
    coverage : float
        Share of the numbers of the smaller page that met a number of the other, 0 to 1.
    cells : int
        How many cells both have.
    """

    agreement: float
    coverage: float
    cells: int

    @property
    def rank(self) -> float:
        """What orders candidates: the agreeing share of the smaller page."""
        return self.agreement * self.coverage

    @property
    def same(self) -> bool:
        """Whether the pages carry one table."""
        return self.cells >= AT_LEAST and self.agreement >= SAME_AGREEMENT and self.rank >= SAME_RANK

    def to_dict(self) -> dict[str, Any]:
        return {
            "agreement": round(self.agreement, 4),
            "coverage": round(self.coverage, 4),
            "cells": self.cells,
            "same_table": self.same,
        }


def verify(a: Reading, b: Reading) -> Verification:
    """Collate two pages and say how far they agree."""
    return verification(collate_witnesses([witness_of([a]), witness_of([b])]))


def verification(collation: Collation, a: int = 0, b: int = 1) -> Verification:
    """The same for two witnesses of a collation, the first two when left out; IndexError where there is none such."""
    met = [(cell, x, y) for cell in collation.cells if (x := cell.readings[a]) and (y := cell.readings[b])]
    agree = apart = 0
    for cell, x, y in met:
        # The state of a cell counts all its witnesses.
        state, doubt = (cell.state, cell.doubt) if len(cell.readings) == 2 else judge([x, y])
        agree += state == AGREES
        apart += state == DIFFERS and doubt < DOUBTFUL and not (cell.doubtful and len(cell.readings) == 2)
    smaller = min(len(collation.witnesses[w].numbers) for w in (a, b))
    return Verification(
        agreement=agree / (agree + apart) if agree + apart else 0.0,
        coverage=min(len(met) / smaller, 1.0) if smaller else 0.0,
        cells=len(met),
    )


@dataclass(frozen=True)
class WitnessPair:
    """Two witnesses of a collation: how alike their histograms are, and how far their cells agree.

    Parameters
    ----------
    a, b : str
        Their sigla.
    similarity : float
        Cosine of the roots of their bigram histograms, those of several pages added up.
    containment : float
        sum min(h, h') / min(sum h, sum h'): 1 where the bigrams of one witness are all in the other. A witness of
        three pages holds that of one, though their cosine may be low.
    verification : Verification
        How far they agree cell by cell.
    """

    a: str
    b: str
    similarity: float
    containment: float
    verification: Verification

    def to_dict(self) -> dict[str, Any]:
        return {
            "a": self.a,
            "b": self.b,
            "similarity": round(self.similarity, 6),
            "containment": round(self.containment, 6),
            **self.verification.to_dict(),
        }


def witness_pairs(collation: Collation) -> list[WitnessPair]:
    """Every two witnesses of a collation, in their order."""
    counts = [sum(histogram_of(reading) for reading in witness.readings) for witness in collation.witnesses]
    return [
        WitnessPair(
            collation.sigla[a],
            collation.sigla[b],
            similarity(embed(counts[a]), embed(counts[b])),
            containment(np.asarray(counts[a]), np.asarray(counts[b])),
            verification(collation, a, b),
        )
        for a, b in combinations(range(len(collation.witnesses)), 2)
    ]


def histogram_of(reading: Reading) -> NDArray[np.float64]:
    """Bigram counts of a page, float64 of shape (110,): those it was read with, or reckoned from its numbers."""
    counts = histogram(reading) if reading.histogram is None else reading.histogram
    return np.asarray(counts, dtype=np.float64)
