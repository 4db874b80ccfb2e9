"""Exact nearest neighbours by cosine: brute force in float32, decided in float64.

A matrix product in float32 is fast and off by less than ``ERROR``. The cosine of every row that could be among the
nearest by it is computed again in float64 from the stored float32 embeddings and rounded to ``TIE`` decimals; of equals
the one whose id comes first is first. So the answer is that of a full sort in float64, on every machine and with any
number of threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tablesim.bigrams.embedding import unit_rows
from tablesim.corpus.search.hits import BackgroundCount
from tablesim.corpus.search.index import SearchIndex

TIE = 9
"""Decimals to which similarities are compared: sums in another order differ below that."""

ERROR = 1e-5
"""Bound on the error of a cosine in float32: 110 products of unit vectors, (110 + 3) * 2**-24 = 6.8e-6."""

_BLOCK = 512
_TILE = 16384
"""Queries and rows of one matrix product: 32 MB of cosines."""
_REFINED_ROWS = 65536
"""Rows compared in float64 at a time: 58 MB."""


@dataclass(frozen=True)
class NearestRows:
    """Rows of a search index that could be among the nearest, nearest first.

    Parameters
    ----------
    rows : int array of shape (m,)
        Places in the index: every row that is as near as the last of the nearest, whether it is asked for or not.
    cosines : float64 array of shape (m,)
    covered : float64 array of shape (m,)
        Containment, which counts before the cosine where numbers were typed; else 0.
    asked : bool array of shape (m,)
        Whether the row was to be found.
    """

    rows: NDArray[np.int64]
    cosines: NDArray[np.float64]
    covered: NDArray[np.float64]
    asked: NDArray[np.bool_]

    def top(self, k: int) -> NDArray[np.int64]:
        """Places in ``rows`` of the ``k`` nearest that were asked for."""
        return np.flatnonzero(self.asked)[:k]

    def as_near(self, place: int) -> slice:
        """The part of ``rows`` that is at least as near as the row at ``place``."""
        last = place
        while last + 1 < len(self.rows) and (self.covered[last + 1], self.cosines[last + 1]) == (
            self.covered[place],
            self.cosines[place],
        ):
            last += 1
        return slice(0, last + 1)


def nearest(
    index: SearchIndex,
    query: NDArray[np.floating],
    k: int,
    asked: NDArray[np.bool_] | None = None,
    *,
    contained: bool = False,
) -> NearestRows:
    """The rows of ``index`` with the greatest cosine with a histogram; rows with nothing in common never.

    Parameters
    ----------
    index : SearchIndex
        n pages.
    query : float array of shape (110,)
        A histogram.
    k : int
        How many will be asked for.
    asked : bool array of shape (n,), optional
        Which rows can be; the others are given too where they are as near, for what they say about those.
    contained : bool
        Rank by containment first.
    """
    unit = unit_rows(np.sqrt(np.asarray(query, dtype=np.float32))[None])[0]
    asked = np.ones(len(index), dtype=bool) if asked is None else asked
    covers = covered(index, query) if contained else np.zeros(len(index))
    near = _contained(index, unit, covers, asked, k) if contained else alike(index.unit, unit, asked, k)
    cosines = refined(index, unit, near)
    near, cosines = near[cosines > 0], cosines[cosines > 0]
    order = np.lexsort((near, -cosines, -covers[near]))
    rows = near[order]
    return NearestRows(rows, cosines[order], covers[rows], asked[rows])


def among(
    index: SearchIndex, query: NDArray[np.floating], rows: NDArray[np.int64], asked: NDArray[np.bool_]
) -> NearestRows:
    """Some ``rows`` of the index, rising, that were found otherwise, in the order in which ``nearest`` gives them."""
    unit = unit_rows(np.sqrt(np.asarray(query, dtype=np.float32))[None])[0]
    cosines = refined(index, unit, rows)
    order = np.argsort(-cosines, kind="stable")
    order = order[cosines[order] > 0]
    return NearestRows(rows[order], cosines[order], np.zeros(len(order)), asked[rows[order]])


def alike(units: NDArray[np.float32], unit: NDArray[np.float64], asked: NDArray[np.bool_], k: int) -> NDArray[np.int64]:
    """The rows of ``units`` that may be as near to ``unit`` as the ``k``-th of those that are asked for."""
    rough = np.asarray(units @ unit.astype(np.float32))
    # Two pages with something in common have a product above zero, in float32 too.
    bound = least_of(np.where(asked, rough, np.float32(0)), k)
    near = np.flatnonzero(rough >= bound - 2 * ERROR) if bound > 0 else np.flatnonzero(rough)
    return near[rough[near] > 0]


def _contained(
    index: SearchIndex, unit: NDArray[np.float64], covers: NDArray[np.float64], asked: NDArray[np.bool_], k: int
) -> NDArray[np.int64]:
    """The rows that hold as much of the query as the ``k``-th, and among those that hold the same the nearest."""
    least = least_of(covers[asked & (covers > 0)], k)
    more, level = np.flatnonzero(covers > max(least, 0.0)), np.flatnonzero((covers == least) & (covers > 0))
    left = k - int(np.count_nonzero(asked[more]))
    return np.concatenate([more, level[alike(index.unit[level], unit, asked[level], max(left, 1))]])


def least_of(values: NDArray[np.floating], k: int) -> float:
    """The ``k``-th greatest value; minus infinity where there are no more than ``k``."""
    return float(np.partition(values, len(values) - k)[len(values) - k]) if len(values) > k else float("-inf")


def covered(
    index: SearchIndex, query: NDArray[np.floating], rows: NDArray[np.int64] | None = None
) -> NDArray[np.float64]:
    """Containment of ``query`` and each row, or each of some, rounded; only the bins of the query are looked at."""
    wanted = np.asarray(query, dtype=np.float32)
    bins = np.flatnonzero(wanted)
    smaller = np.minimum(index.sums if rows is None else index.sums[rows], wanted.sum(dtype=np.float64))
    out = np.zeros(len(smaller))
    for start in range(0, len(out), _REFINED_ROWS):
        part = slice(start, start + _REFINED_ROWS)
        both = np.minimum(index.histograms[part if rows is None else rows[part]][:, bins], wanted[bins])
        np.divide(both.sum(axis=1, dtype=np.float64), smaller[part], out=out[part], where=smaller[part] > 0)
    return np.asarray(np.round(np.minimum(out, 1.0), TIE), dtype=np.float64)


def refined(index: SearchIndex, unit: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """The cosines of some rows with a unit vector, or with one each, in float64 and rounded."""
    out = np.zeros(len(rows))
    for start in range(0, len(rows), _REFINED_ROWS):
        part = slice(start, start + _REFINED_ROWS)
        others = unit_rows(np.sqrt(index.histograms[rows[part]]))
        out[part] = np.einsum("ij,ij->i", others, np.broadcast_to(unit if unit.ndim == 1 else unit[part], others.shape))
    return np.minimum(np.round(out, TIE), 1.0)


class RowGroups:
    """Which pages of an index belong together.

    Parameters
    ----------
    by : str
        "label" or "book".
    of : int array of shape (n,)
        The group of each row of the index; -1 where it is not known.
    """

    def __init__(self, by: str, of: NDArray[np.int32]) -> None:
        self.by = by
        self.of = of
        self.sizes = np.bincount(of[of >= 0], minlength=1)
        self.n_known = int(self.sizes.sum())

    def size(self, group: int) -> int:
        """How many rows a group has; 0 for one that is not known."""
        return int(self.sizes[group]) if 0 <= group < len(self.sizes) else 0


def background_counts(
    near: NearestRows, top: NDArray[np.int64], groups: RowGroups, query_group: int
) -> list[BackgroundCount]:
    """For each row in ``top`` how many rows of other groups are as near.

    Parameters
    ----------
    near : NearestRows
    top : int array
        Indices into ``near.rows``.
    groups : RowGroups
    query_group : int
        -1 where it is not known, and for typed numbers, which are no page.
    """
    group_of = groups.of[near.rows]
    counts = []
    for index in top.tolist():
        own = {int(group_of[index]), query_group}
        as_near = group_of[near.as_near(index)]
        n_as_near = int(np.count_nonzero((as_near >= 0) & ~np.isin(as_near, list(own))))
        counts.append(BackgroundCount(groups.by, n_as_near, groups.n_known - sum(map(groups.size, own))))
    return counts


def neighbours(index: SearchIndex, k: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """For each row of ``index`` in turn the ``k`` nearest others and their cosines."""
    for start in range(0, len(index), _BLOCK):
        queries = np.arange(start, min(start + _BLOCK, len(index)))
        of, rows = _near_pairs(index, queries, k)
        cosines = np.zeros(len(of))
        unit = unit_rows(np.sqrt(index.histograms[queries]))
        for begin in range(0, len(of), _REFINED_ROWS):
            part = slice(begin, begin + _REFINED_ROWS)
            cosines[part] = refined(index, unit[of[part]], rows[part])
        of, rows, cosines = of[cosines > 0], rows[cosines > 0], cosines[cosines > 0]
        order = np.lexsort((rows, -cosines, of))
        ends = np.searchsorted(of[order], np.arange(len(queries) + 1))
        for begin, end in pairwise(ends.tolist()):
            best = order[begin : min(end, begin + k)]
            yield rows[best], cosines[best]


def _near_pairs(index: SearchIndex, queries: NDArray[np.int64], k: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs (place in ``queries``, row) that could be among the ``k`` nearest of each query."""
    unit = np.asarray(index.unit[queries])
    bound = np.zeros(len(queries), np.float32)
    of, rows, values = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
    for start in range(0, len(index), _TILE):
        rough = unit @ np.asarray(index.unit[start : start + _TILE]).T
        inside = (queries >= start) & (queries < start + rough.shape[1])
        rough[np.flatnonzero(inside), queries[inside] - start] = 0.0
        if start == 0 and rough.shape[1] > k:
            bound = np.partition(rough, rough.shape[1] - k, axis=1)[:, rough.shape[1] - k]
        # Above zero: what has nothing in common is no neighbour.
        hits = np.nonzero((rough >= (bound - 2 * ERROR)[:, None]) & (rough > 0))
        of, rows = np.concatenate([of, hits[0]]), np.concatenate([rows, hits[1] + start])
        values = np.concatenate([values, rough[hits]])
        order = np.lexsort((-values, of))
        of, rows, values = of[order], rows[order], values[order]
        begins = np.searchsorted(of, np.arange(len(queries) + 1))
        full = np.flatnonzero(np.diff(begins) > k)
        bound[full] = np.maximum(bound[full], values[begins[full] + k - 1])
        kept = values >= (bound - 2 * ERROR)[of]
        of, rows, values = of[kept], rows[kept], values[kept]
    return of, rows
