"""Pages that hold most of another's bigrams, or whose it holds: exact, all queries over a block of rows at a time.

Every query is compared with every row, as for the neighbours, since no bound on containment keeps two tables of one
kind apart. A block lies column by column in memory, which makes that six times as fast as row by row; what could be
among the best is computed again in float64.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tablesim.bigrams.embedding import unit_rows
from tablesim.corpus.search.index import SearchIndex
from tablesim.corpus.search.nearest import alike, covered, least_of, refined

_BLOCK = 65536
"""Rows at a time: 29 MB of bins."""
_ERROR = 2e-5
"""Bound on the error of a containment in float32: 110 sums of positive numbers, (110 + 3) * 2**-24 = 6.8e-6 of it."""


def holding(
    index: SearchIndex, entries: Sequence[int], k: int, least: float, unequal: float
) -> list[NDArray[np.int64]]:
    """For each of some rows the ``k`` others that share most of the smaller one's bigrams, of another size.

    Parameters
    ----------
    index : SearchIndex
        n pages.
    entries : sequence of int
        Rows of it.
    k : int
        How many are wanted at most.
    least : float
        Containment from which a row counts.
    unequal : float
        The smaller of the two has less than this share of the other's bigrams.

    Returns
    -------
    list of int array
        For each entry rows of the index, by containment, cosine and place.
    """
    best = [np.empty(0, np.int64) for _ in entries]
    bounds = [least] * len(entries)
    for start in range(0, len(index), _BLOCK):
        columns = np.ascontiguousarray(index.histograms[start : start + _BLOCK].T)
        sums = index.sums[start : start + _BLOCK]
        for at, entry in enumerate(entries):
            size = index.sums[entry]
            asked = (sums > 0) & ((sums < unequal * size) | (size < unequal * sums))
            shared = _shared(columns, np.asarray(index.histograms[entry]))
            near = np.flatnonzero(asked & (shared >= (bounds[at] - _ERROR) * np.minimum(sums, size)))
            if near.size:
                best[at], bounds[at] = _best(index, entry, np.concatenate([best[at], start + near]), k, least)
    return [_ordered(index, entry, rows)[:k] for entry, rows in zip(entries, best, strict=True)]


def _shared(columns: NDArray[np.float32], query: NDArray[np.float32]) -> NDArray[np.float32]:
    """What each column of bins has in common with a histogram, roughly."""
    total, both = np.zeros(columns.shape[1], np.float32), np.empty(columns.shape[1], np.float32)
    for at in np.flatnonzero(query):
        total += np.minimum(columns[at], query[at], out=both)
    return total


def _best(
    index: SearchIndex, entry: int, rows: NDArray[np.int64], k: int, least: float
) -> tuple[NDArray[np.int64], float]:
    """Those of some rows that can be among the best ``k``, and the containment that another must have for that."""
    share = covered(index, index.histograms[entry], rows)
    bound = max(least, least_of(share, k))
    more, level = rows[share > bound], rows[share == bound]
    if len(more) + len(level) > k:
        # Many pages hold all that a small one has: of these the most alike.
        level = level[alike(index.unit[level], _unit(index, entry), np.ones(len(level), bool), k - len(more))]
    return np.concatenate([more, level]), bound


def _ordered(index: SearchIndex, entry: int, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    share, cosines = covered(index, index.histograms[entry], rows), refined(index, _unit(index, entry), rows)
    return rows[np.lexsort((rows, -cosines, -share))]


def _unit(index: SearchIndex, entry: int) -> NDArray[np.float64]:
    unit: NDArray[np.float64] = unit_rows(np.sqrt(index.histograms[entry][None]))[0]
    return unit
