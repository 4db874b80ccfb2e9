"""Describes clusters: medoid, cohesion, strength of members, outliers, and distinctive bigrams (Dunning's G2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tablesim.corpus.clustering.kmeans import LazyRows, Rows, blocks, squared_distances, sums_by_label, unit_roots
from tablesim.corpus.clustering.linkage import expected_distance
from tablesim.corpus.clustering.model import ClusterColumns, ClusterFacts, DistinctiveBigram
from tablesim.records.bins import BIN_NAMES

N_DISTINCTIVE = 5
"""Bigrams named for each cluster: one line of text."""
MIN_KEYNESS = 10.83
"""Bigrams of less keyness are not distinctive: the 0.1 % point of chi-squared with one degree of freedom."""


def describe(
    histograms: Rows, rows: NDArray[np.intp], labels: NDArray[np.intp], stability: dict[int, float | None], cut: float
) -> tuple[NDArray[np.intp], ClusterColumns, dict[int, ClusterFacts]]:
    """Describe clusters of some pages.

    Parameters
    ----------
    histograms : rows of shape (n_pages, 110)
        Of all pages.
    rows : int array of shape (n,)
        The pages that were clustered, in the order of their ids.
    labels : int array of shape (n,)
        Any numbers.
    stability : dict of int to float or None
        By those numbers.
    cut : float
        Members farther from the rest of their cluster than this, on the scale of counting, are outliers.

    Returns
    -------
    labels : int array of shape (n,)
        From 0, larger clusters first.
    columns : ClusterColumns
        For ``rows``.
    facts : dict of int to ClusterFacts
        By label.
    """
    unit = LazyRows(histograms, rows, unit_roots)
    names, index = np.unique(labels, return_inverse=True)
    k, size = len(names), np.bincount(index)
    sums = sums_by_label(unit, index, k)
    counts = sums_by_label(LazyRows(histograms, rows), index, k)
    strength, central = _strength(unit, sums / size[:, None], sums, index)
    medoid = _first_greatest(central, index, k)
    similarity = _similarity(unit, medoid, index)
    place = _places(similarity, medoid, index)
    outlier = _outliers(histograms, rows, counts, size, index, cut)
    length = (sums**2).sum(axis=1)
    cohesion = [float((s - n) / (n * (n - 1))) if n > 1 else None for s, n in zip(length, size, strict=True)]
    apart = _distinctive(counts)
    ranked = sorted(range(k), key=lambda at: (-size[at], medoid[at]))
    new = np.empty(k, dtype=np.intp)
    new[ranked] = np.arange(k)
    facts = {
        label: ClusterFacts(
            stability.get(int(names[at])), None if (c := cohesion[at]) is None else min(c, 1.0), apart[at]
        )
        for label, at in enumerate(ranked)
    }
    return new[index], ClusterColumns(place, similarity, strength, outlier), facts


def _strength(
    unit: Rows, centers: NDArray[np.float64], sums: NDArray[np.float64], index: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each row its strength, and the sum of its cosines with all of its cluster."""
    strength, central = np.ones(len(unit)), np.empty(len(unit))
    size = np.bincount(index)
    for part in blocks(len(unit), len(centers)):
        block = np.asarray(unit[part], dtype=np.float64)
        own = index[part]
        central[part] = np.round((block * sums[own]).sum(axis=1), 6)
        if len(centers) == 1:
            continue
        square = squared_distances(block, centers)
        square += (block**2).sum(axis=1, keepdims=True)
        distance = np.sqrt(np.clip(square, 0.0, None))
        to_own = distance[np.arange(len(block)), own]
        distance[np.arange(len(block)), own] = np.inf
        ratio = 1.0 - to_own / np.maximum(distance.min(axis=1), 1e-12)
        strength[part] = np.where(size[own] == 1, 1.0, np.round(np.clip(ratio, 0.0, 1.0), 6))
    return strength, central


def _first_greatest(value: NDArray[np.float64], index: NDArray[np.intp], k: int) -> NDArray[np.intp]:
    """Of each group the first row with the greatest value."""
    order = np.lexsort((np.arange(len(value)), -value, index))
    return np.asarray(order[np.searchsorted(index[order], np.arange(k))])


def _similarity(unit: Rows, medoid: NDArray[np.intp], index: NDArray[np.intp]) -> NDArray[np.float64]:
    medoids = np.asarray(unit[medoid], dtype=np.float64)
    similarity = np.empty(len(unit))
    for part in blocks(len(unit), 256):
        similarity[part] = (np.asarray(unit[part], dtype=np.float64) * medoids[index[part]]).sum(axis=1)
    return np.asarray(np.round(np.clip(similarity, 0.0, 1.0), 6), dtype=np.float64)


def _places(similarity: NDArray[np.float64], medoid: NDArray[np.intp], index: NDArray[np.intp]) -> NDArray[np.int32]:
    n = len(similarity)
    follows = np.ones(n, dtype=bool)
    follows[medoid] = False
    order = np.lexsort((np.arange(n), -similarity, follows, index))
    starts = np.searchsorted(index[order], np.arange(len(medoid)))
    place = np.empty(n, dtype=np.int32)
    place[order] = np.arange(n) - starts[index[order]]
    return place


def _outliers(
    histograms: Rows,
    rows: NDArray[np.intp],
    counts: NDArray[np.float64],
    size: NDArray[np.intp],
    index: NDArray[np.intp],
    cut: float,
) -> NDArray[np.bool_]:
    """Whether each row differs from the mean of the others of its cluster by more than the cut; never of two."""
    found = np.zeros(len(rows), dtype=bool)
    for part in blocks(len(rows), 256):
        h, own = np.asarray(histograms[rows[part]], dtype=np.float64), index[part]
        others = np.clip(counts[own] - h, 0.0, None)
        n, m = h.sum(axis=1), others.sum(axis=1)
        cosine = np.sqrt(h * others).sum(axis=1) / np.sqrt(np.maximum(n * m, 1e-12))
        distance = (1.0 - cosine) / expected_distance(n, m / np.maximum(size[own] - 1, 1))
        found[part] = (size[own] > 2) & (distance > cut)
    return found


def _distinctive(counts: NDArray[np.float64]) -> list[tuple[DistinctiveBigram, ...]]:
    """Per cluster the bigrams that are commoner here than elsewhere, by Dunning's log-likelihood ratio."""
    total, grand = counts.sum(axis=0), counts.sum()
    distinctive: list[tuple[DistinctiveBigram, ...]] = []
    for inside in counts:
        n = inside.sum()
        if n in (0, grand):
            distinctive.append(())
            continue
        outside, m = total - inside, grand - n
        with np.errstate(divide="ignore", invalid="ignore"):
            pooled = total / grand
            g2 = 2.0 * (
                np.where(inside > 0, inside * np.log(inside / n / pooled), 0.0)
                + np.where(outside > 0, outside * np.log(outside / m / pooled), 0.0)
            )
        g2 = np.where(inside / n > outside / m, g2, 0.0)
        bins = [b for b in np.argsort(-np.round(g2, 6), kind="stable")[:N_DISTINCTIVE].tolist() if g2[b] > MIN_KEYNESS]
        distinctive.append(
            tuple(
                DistinctiveBigram(BIN_NAMES[b], float(inside[b] / n), float(outside[b] / m), float(g2[b])) for b in bins
            )
        )
    return distinctive
