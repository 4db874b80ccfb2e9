"""K-means a block of rows at a time, so that a million pages need no more memory than their labels.

Lloyd's algorithm from middles drawn by k-means++ (D. Arthur and S. Vassilvitskii, SODA 2007) on a sample. The rows may
be anything with a length that gives float arrays for slices and index arrays: an array, ``numpy.memmap``, ``LazyRows``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tablesim.bigrams.embedding import unit_rows

_SAMPLED = 20
"""Rows drawn for each middle to start from; Lloyd settles on these before it sees the rest."""
_CELLS = 8_000_000
"""Distances held at once: 32 MB of float32."""
_ROUNDS_SAMPLE, _ROUNDS_ALL = 30, 8


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


def blocks(n_rows: int, n_middles: int) -> Iterator[slice]:
    """Slices of rows whose distances to all middles fit in memory together."""
    size = max(1, min(65_536, _CELLS // max(1, n_middles)))
    return (slice(begin, min(begin + size, n_rows)) for begin in range(0, n_rows, size))


def squared_distances(rows: NDArray[np.floating], middles: NDArray[np.floating]) -> NDArray[np.floating]:
    """Of each row to each middle, shape (n, k), without the rows' own square: enough to tell which is nearest."""
    return np.asarray((middles**2).sum(axis=1) - 2.0 * (rows @ middles.T))


def assign(rows: Rows, middles: NDArray[np.floating]) -> NDArray[np.intp]:
    """The nearest of ``middles`` (k, d) for each row; of equals the first."""
    labels = np.empty(len(rows), dtype=np.intp)
    for part in blocks(len(rows), len(middles)):
        labels[part] = squared_distances(rows[part], middles).argmin(axis=1)
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


def lloyd(rows: Rows, middles: NDArray[np.floating], most_rounds: int) -> tuple[NDArray[np.floating], NDArray[np.intp]]:
    """Middles and labels when they no longer change, or after ``most_rounds``. No cluster ends up empty.

    A middle that loses all its rows takes the row farthest from its own.
    """
    dtype = rows[0:1].dtype
    middles = middles.astype(dtype)
    labels = _filled(rows, assign(rows, middles), middles)
    for _ in range(most_rounds):
        counts = np.bincount(labels, minlength=len(middles))
        middles = (sums_by_label(rows, labels, len(middles)) / counts[:, None]).astype(dtype)
        again = _filled(rows, assign(rows, middles), middles)
        if (again == labels).all():
            break
        labels = again
    return middles, labels


def fit(rows: Rows, k: int, seed: int) -> tuple[NDArray[np.floating], NDArray[np.intp]]:
    """K-means with ``k`` clusters: middles (k, d) and a label for each row. The same seed gives the same clusters."""
    rng = np.random.default_rng(seed)
    n_sampled = min(len(rows), max(_SAMPLED * k, 10_000))
    chosen = np.sort(rng.choice(len(rows), n_sampled, replace=False))
    sample = rows[chosen]
    middles, _ = lloyd(sample, _spread(sample, k, rng), _ROUNDS_SAMPLE)
    return lloyd(rows, middles, _ROUNDS_ALL if n_sampled < len(rows) else _ROUNDS_SAMPLE)


def _spread(sample: NDArray[np.floating], k: int, rng: np.random.Generator) -> NDArray[np.floating]:
    """Greedy k-means++: some rows are drawn in proportion to their squared distance to the middles there are.

    The one that lowers the sum of these distances most becomes the next middle.
    """
    own = (sample**2).sum(axis=1)
    trials = 2 + int(np.log(k))
    chosen = [int(rng.integers(len(sample)))]
    nearest = _squares(sample, own, chosen)[:, 0]
    for _ in range(1, k):
        # float32 leaves equal rows a distance of about 1e-7, which would be drawn for many equal pages.
        weight = np.cumsum(np.where(nearest > 1e-6, nearest, 0.0), dtype=np.float64)
        if weight[-1] == 0:
            free = np.setdiff1d(np.arange(len(sample)), chosen)
            chosen.append(int(free[rng.integers(len(free))]))
            continue
        drawn = np.unique(np.searchsorted(weight, rng.random(trials) * weight[-1], side="right"))
        after = np.minimum(nearest[:, None], _squares(sample, own, drawn))
        best = int(after.sum(axis=0).argmin())
        chosen.append(int(drawn[best]))
        nearest = after[:, best]
    return sample[np.array(chosen)]


def _squares(
    sample: NDArray[np.floating], own: NDArray[np.floating], to: Sequence[int] | NDArray[np.intp]
) -> NDArray[np.floating]:
    """Squared distances of all rows to some of them."""
    return np.asarray(np.clip(own[:, None] + own[to] - 2.0 * (sample @ sample[to].T), 0.0, None))


def _filled(rows: Rows, labels: NDArray[np.intp], middles: NDArray[np.floating]) -> NDArray[np.intp]:
    empty = np.flatnonzero(np.bincount(labels, minlength=len(middles)) == 0)
    if not len(empty):
        return labels
    far = np.concatenate(
        [((rows[part] - middles[labels[part]]) ** 2).sum(axis=1) for part in blocks(len(rows), middles.shape[1])]
    )
    counts = np.bincount(labels, minlength=len(middles))
    labels = labels.copy()
    order = iter(np.argsort(-far, kind="stable").tolist())
    for label in empty.tolist():
        row = next(row for row in order if counts[labels[row]] > 1)
        counts[labels[row]] -= 1
        labels[row], counts[label] = label, 1
    return labels
