"""Which bigrams carry the score of two pages, and how much more than their digits would in any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tablesim.bigrams.occurrences import ISOLATED, Occurrences
from tablesim.evidence.matches.glyphs import GlyphMatches
from tablesim.records.bins import BIN_NAMES, N_BINS, N_DIGITS


@dataclass(frozen=True, slots=True)
class BigramShare:
    """What one bigram brings to the score of two pages.

    Parameters
    ----------
    bigram : str
        "45", or "4" for isolated digits.
    relevance : float
        R_m = phi_m phi'_m, all matches of the bigram together.
    share : float
        Of the score, 0 to 1; the shares of all bigrams sum to 1.
    expected : float
        What it would bring if the digits of each page changed positions at random, as share of the score that
        the pages have. A bigram far above it owes its weight to the numbers on the pages, not to common digits.
    count_a, count_b : float
        The bin h_m of the two histograms.
    """

    bigram: str
    relevance: float
    share: float
    expected: float
    count_a: float
    count_b: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "bigram": self.bigram,
            "relevance": self.relevance,
            "share": self.share,
            "expected": self.expected,
            "count_a": self.count_a,
            "count_b": self.count_b,
        }


def bigram_shares(matches: GlyphMatches) -> list[BigramShare]:
    """The bigrams that both pages have, in falling relevance; equal ones in the order of their bins."""
    relevance = matches.bin_relevance
    score = float(relevance.sum())
    by_chance = np.sqrt(shuffled(matches.a) * shuffled(matches.b))
    counts = [np.bincount(side.bin, side.values, N_BINS) for side in (matches.a, matches.b)]
    order = np.argsort(-relevance, kind="stable")
    return [
        BigramShare(
            BIN_NAMES[m],
            float(relevance[m]),
            float(relevance[m]) / score,
            float(by_chance[m]) / score,
            float(counts[0][m]),
            float(counts[1][m]),
        )
        for m in order.tolist()
        if relevance[m] > 0
    ]


def shuffled(side: Occurrences) -> NDArray[np.float64]:
    """The histogram that a page has on average when its legible digits change positions at random; shape (110,).

    Positions keep their neighbours: there are as many pairs and isolated digits as before, and as much of each
    histogram in all.
    """
    values = [digit.value for digit in side.digits if digit.value is not None]
    of_figure = np.bincount(np.array(values, dtype=np.int64), minlength=N_DIGITS) / max(len(values), 1)
    isolated = side.second == ISOLATED
    alone, paired = float(side.values[isolated].sum()), float(side.values[~isolated].sum())
    return np.concatenate([alone * of_figure, paired * np.outer(of_figure, of_figure).ravel()])


def n_for(shares: Sequence[BigramShare], part: float) -> int:
    """How many of the strongest bigrams bring ``part`` (0 to 1) of the score together."""
    summed = np.cumsum([share.share for share in shares])
    # Rounding may leave the sum of all shares a hair below 1.
    return min(int(np.searchsorted(summed, part - 1e-9)) + 1, len(shares))
