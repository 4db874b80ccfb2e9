"""The interval of a similarity under the reader's doubt: percentiles of resampled readings (parametric bootstrap).

Both pages are read again many times on paper: each digit is drawn as it was read with its confidence, as its runner-up
with the runner-up's, and as not read otherwise (`tablesim.corpus.clustering.uncertainty`, the same model that tells
how stable clusters are). Every time histograms and similarity are computed anew; the interval holds the middle part of
what comes out. It does not know of digits that the reader did not see at all, nor of doubt that the confidences
do not admit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tablesim.bigrams.embedding import embed, unit_rows
from tablesim.corpus.clustering.uncertainty import DoubtedReadings
from tablesim.records.reading import Reading

LEVEL = 0.95
"""Share of the drawn readings that the interval holds, by custom."""
N_DRAWN = 1000
"""Readings drawn: the ends of the interval then move by less than 0.001 with the seed, in 0.1 s for two full pages."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Between which ends a similarity lies.

    Parameters
    ----------
    low, high : float
        0 to 1.
    level : float
        Share of the drawn readings whose similarity lies between them.
    resampled : int
        How many readings were drawn.
    """

    low: float
    high: float
    level: float
    resampled: int

    def to_dict(self) -> dict[str, Any]:
        return {"low": self.low, "high": self.high, "level": self.level, "resampled": self.resampled}


def similarity_interval(
    a: Reading, b: Reading, similarity: float, *, level: float = LEVEL, draws: int = N_DRAWN, seed: int = 0
) -> Interval:
    """The percentile interval of the similarity of two pages under the reader's doubt.

    Parameters
    ----------
    a, b : Reading
        Figures that a person corrected have confidence 1 and are not doubted.
    similarity : float
        Of the two as they were read. Its counts are weighted by confidence, the drawn ones are whole, so that it may
        lie a hair outside of what was drawn; the interval is then widened to hold it.
    level : float
        Between 0 and 1.
    draws : int
        Readings to draw, 1 or more.
    seed : int
        The same seed gives the same interval.

    Raises
    ------
    ValueError
        ``level`` or ``draws`` is out of range.
    """
    if not 0 < level < 1:
        raise ValueError(f"similarity_interval: got level {level}, expected more than 0 and less than 1")
    if draws < 1:
        raise ValueError(f"similarity_interval: got {draws} draws, expected 1 or more")
    draw, rng = DoubtedReadings((a, b)), np.random.default_rng(seed)
    units = unit_rows(embed(np.concatenate(draw.draws(rng, draws))))
    cosines = np.minimum((units[0::2] * units[1::2]).sum(axis=1), 1.0)
    low, high = np.quantile(cosines, [(1 - level) / 2, (1 + level) / 2])
    return Interval(min(float(low), similarity), max(float(high), similarity), level, draws)
