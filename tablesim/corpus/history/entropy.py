"""Shannon entropy of clusters, by rarefaction at one number of pages too, and draws of pages without replacement."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln


def entropy(labels: NDArray[np.intp]) -> float:
    """Entropy of the shares of the clusters among ``labels``, in bits; 0 for no page."""
    if not len(labels):
        return 0.0
    share = np.unique(labels, return_counts=True)[1] / len(labels)
    return float(max(0.0, -(share * np.log2(share)).sum()))


def rarefied(labels: NDArray[np.intp], depth: int) -> float:
    """The entropy to be expected of ``depth`` pages drawn without replacement, in bits; exact.

    A cluster of n of the N pages is met k times with the probability of the hypergeometric distribution, so that
    E[H] = - sum over clusters and k of P(k) k/m log2 k/m (the rarefaction of H. Sanders and S. Hurlbert, for entropy).
    ValueError where there are fewer pages than ``depth``.
    """
    n = len(labels)
    if not 1 <= depth <= n:
        raise ValueError(f"rarefied: got a depth of {depth}, expected 1 to {n}, the number of pages")
    sizes, n_clusters = np.unique(np.unique(labels, return_counts=True)[1], return_counts=True)
    k = np.arange(1, depth + 1)
    term = k / depth * np.log2(k / depth)
    total = 0.0
    for size, count in zip(sizes.tolist(), n_clusters.tolist(), strict=True):
        possible = k[(k <= size) & (depth - k <= n - size)]
        log_p = (
            _log_choose(size, possible) + _log_choose(n - size, depth - possible) - _log_choose(n, np.array([depth]))
        )
        total -= count * float((np.exp(log_p) * term[possible - 1]).sum())
    return max(0.0, total)


def _log_choose(n: int, k: NDArray[np.intp]) -> NDArray[np.float64]:
    """The logarithm of the binomial coefficient."""
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))


def draw_pages(log_weight: NDArray[np.float64], depth: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """``depth`` pages one after the other without replacement, each in proportion to its weight among those left.

    The keys log w + Gumbel noise give the same distribution (J. Efraimidis and P. Spirakis, Inf. Process. Lett. 97,
    2006). Pages with the weight 0 (-inf) are never drawn as long as there are enough others.
    """
    keys = log_weight + rng.gumbel(size=len(log_weight))
    return np.asarray(np.argpartition(-keys, depth - 1)[:depth], dtype=np.intp)
