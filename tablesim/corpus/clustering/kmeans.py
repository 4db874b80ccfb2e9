"""K-means by scikit-learn, and what it needs a block of rows at a time: nearest centers, sums by cluster, lazy rows.

Lloyd's algorithm from centers drawn by k-means++ (D. Arthur and S. Vassilvitskii, SODA 2007). It runs on rows in
memory: a million pages of 110 float32 are 440 MB, and more pages are not clustered by a number of their own. All else
takes anything with a length that gives float arrays for slices and index arrays: an array, ``numpy.memmap``,
``LazyRows``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from tablesim.bigrams.embedding import unit_rows

SAMPLED_PER_CENTER, SAMPLED_AT_LEAST = 20, 10_000
"""Rows drawn to find the first centers on, before all rows are seen: k-means++ on 100,000 rows for 1,500 centers would
take longer than everything else."""
SAMPLE_ROUNDS, MAX_ROUNDS = 30, 8
"""Rounds of Lloyd's algorithm on the sample and on all rows; of a sample of all rows ``SAMPLE_ROUNDS``."""
BLOCK_DISTANCES = 8_000_000
"""Distances held at once: 32 MB of float32, 64 MB of float64."""


class Rows(Protocol):
    """Vectors that are not all in memory."""

    def __len__(self) -> int: ...

    def __getitem__(self, which: slice | NDArray[np.intp], /) -> NDArray[np.floating]: ...


class LazyRows:
    """The rows ``which`` of ``rows``, each block of them through ``make`` when it is asked for."""

    def __init__(
        self,
        rows: Rows,
        which: NDArray[np.intp],
        make: Callable[[NDArray[np.floating]], NDArray[np.floating]] = np.asarray,
    ) -> None:
        self.rows, self.which, self.make = rows, which, make

    def __len__(self) -> int:
        return len(self.which)

    def __getitem__(self, which: slice | NDArray[np.intp], /) -> NDArray[np.floating]:
        return self.make(np.asarray(self.rows[self.which[which]]))


def roots(h: NDArray[np.floating]) -> NDArray[np.float32]:
    """The embedding: the roots of histograms, float32."""
    return np.sqrt(np.asarray(h, dtype=np.float32))


def unit_roots(h: NDArray[np.floating]) -> NDArray[np.float32]:
    """The roots of histograms at unit length, float32; rows of zeros stay."""
    return unit_rows(roots(h), np.float32)


def blocks(n_rows: int, n_centers: int) -> Iterator[slice]:
    """Slices of rows whose distances to all centers fit in memory together."""
    size = max(1, min(65_536, BLOCK_DISTANCES // max(1, n_centers)))
    return (slice(begin, min(begin + size, n_rows)) for begin in range(0, n_rows, size))


def squared_distances(rows: NDArray[np.floating], centers: NDArray[np.floating]) -> NDArray[np.floating]:
    """Of each row to each center, shape (n, k), without the rows' own square: enough to tell which is nearest."""
    return np.asarray((centers**2).sum(axis=1) - 2.0 * (rows @ centers.T))


def assign(rows: Rows, centers: NDArray[np.floating]) -> NDArray[np.intp]:
    """The nearest of ``centers`` (k, d) for each row; of equals the first."""
    labels = np.empty(len(rows), dtype=np.intp)
    for part in blocks(len(rows), len(centers)):
        labels[part] = squared_distances(rows[part], centers).argmin(axis=1)
    return labels


def sums_by_label(rows: Rows, labels: NDArray[np.intp], k: int) -> NDArray[np.float64]:
    """Sum of the rows of each label, float64 of shape (k, d)."""
    total: NDArray[np.float64] | None = None
    for part in blocks(len(rows), 256):
        block = np.asarray(rows[part], dtype=np.float64)
        n = len(block)
        indicator = csr_matrix((np.ones(n), (labels[part], np.arange(n))), shape=(k, n))
        total = indicator @ block if total is None else total + indicator @ block
    assert total is not None
    return total


def lloyd(
    rows: Rows, centers: NDArray[np.floating], max_rounds: int = MAX_ROUNDS
) -> tuple[NDArray[np.floating], NDArray[np.intp]]:
    """Centers and labels when they no longer change, or after ``max_rounds``. No cluster ends up empty.

    Parameters
    ----------
    rows : rows of shape (n, d)
    centers : float array of shape (k, d)
        Where to start.
    max_rounds : int

    Returns
    -------
    centers : float array of shape (k, d)
        In the dtype of the rows.
    labels : int array of shape (n,)
    """
    return _k_means(_in_memory(rows), len(centers), max_rounds, start=centers)


def fit(rows: Rows, k: int, seed: int) -> tuple[NDArray[np.floating], NDArray[np.intp]]:
    """K-means with ``k`` clusters: centers (k, d) and a label for each row.

    The same seed gives the same clusters, whatever number of threads the caller computes on.
    """
    x = _in_memory(rows)
    n_sampled = min(len(x), max(SAMPLED_PER_CENTER * k, SAMPLED_AT_LEAST))
    if n_sampled == len(x):
        return _k_means(x, k, SAMPLE_ROUNDS, seed=seed)
    chosen = np.sort(np.random.default_rng(seed).choice(len(x), n_sampled, replace=False))
    centers, _ = _k_means(x[chosen], k, SAMPLE_ROUNDS, seed=seed)
    return _k_means(x, k, MAX_ROUNDS, start=centers)


def _in_memory(rows: Rows) -> NDArray[np.floating]:
    """A copy of all rows, filled a block at a time."""
    first = np.asarray(rows[0:1])
    x = np.empty((len(rows), first.shape[1]), first.dtype)
    for part in blocks(len(rows), 256):
        x[part] = rows[part]
    return x


def _k_means(
    x: NDArray[np.floating], k: int, max_rounds: int, start: NDArray[np.floating] | None = None, seed: int = 0
) -> tuple[NDArray[np.floating], NDArray[np.intp]]:
    """One run of scikit-learn's K-means; ``x`` is used as scratch memory and restored to within rounding."""
    # A second to load, which every search and status would pay.
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    init = "k-means++" if start is None else start.astype(x.dtype)
    model = KMeans(k, init=init, n_init=1, max_iter=max_rounds, tol=0.0, random_state=seed, copy_x=False)
    # Several threads would add up the rows of a cluster in an order that differs from run to run.
    with threadpool_limits(1), warnings.catch_warnings():
        # Fewer different rows than clusters, as far as float32 tells: dealt with below.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(x)
    return model.cluster_centers_, _without_empty(x, model.labels_.astype(np.intp), model.cluster_centers_)


def _without_empty(
    x: NDArray[np.floating], labels: NDArray[np.intp], centers: NDArray[np.floating]
) -> NDArray[np.intp]:
    """``labels`` where each cluster that is empty takes the row farthest from its center, of a cluster of several."""
    counts = np.bincount(labels, minlength=len(centers))
    empty = np.flatnonzero(counts == 0)
    if not len(empty):
        return labels
    distance = np.concatenate([((x[part] - centers[labels[part]]) ** 2).sum(axis=1) for part in blocks(len(x), 256)])
    order = iter(np.argsort(-distance, kind="stable").tolist())
    for label in empty.tolist():
        row = next(row for row in order if counts[labels[row]] > 1)
        counts[labels[row]] -= 1
        labels[row], counts[label] = label, 1
    return labels
