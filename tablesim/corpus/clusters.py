"""Clusters: pages that carry the same table, as far as their histograms can tell.

K-means on the unit-length square roots of the histograms, as published; what it starts from and how many clusters there
are comes from the noise of counting. Two editions of one table differ because figures are misread, dropped and
misprinted, which moves 1 - cosine by about NOISE / n for n bigrams on a page, and because printers add a column or set
one in Roman numerals, which moves it by about EDITIONS however large the page. Pages nearer to each other than both
together are one table: a page of 80 figures may be less like its other edition than two tables of 2,000 are like each
other. Average linkage on that scale gives a tree. It is cut in the widest gap of its heights near 1, since how well
pages were read and set differs from corpus to corpus; K-means starts from the clusters below the cut.

The constants were chosen on the sample corpus and on simulated readings of the synthesized tables: corpora of 1 to 20
of them, tables that stand alone, clean and bad readings. Corpora that were made afterwards (``tablesim synthesize``
with ``--tables 13 --editions 4 --seed 77`` and ``--tables 12 --editions 5 --seed 5``) and read through their scans
fall into their tables without a fault. What histograms cannot tell stays untold: two tables of degrees and minutes
with nearly the same numbers in another order may be nearer to each other than editions of one table 400 years apart,
which then stand apart here. ``tablesim.workflow.cluster`` lays such neighbours over each other and joins those that
agree.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import cut_tree, fcluster, linkage
from scipy.spatial.distance import squareform
from scipy.special import ndtr

from tablesim.corpus.clustering import Cluster, Clustering, Member
from tablesim.corpus.search import unit_rows
from tablesim.errors import SettingsError

NOISE = 11.0
EDITIONS = 0.0135
FARTHEST = 0.2
"""Pages less alike than 1 - FARTHEST are never one table: so few figures prove nothing."""

SPREAD = 0.4
"""How far from 1, in logarithms, the cut may lie: gaps count by their mass under a normal density of this width."""
CUTS = (0.33, 1.65)
"""No cut lies outside of these."""

_LINKED_AT_ONCE = 3000
"""Pages that go through one linkage; larger corpora go block by block."""
_RESAMPLINGS = 20
_MOST_RESAMPLED = 1000
"""Above this many pages the stability of clusters is not worked out."""

NO_TABLE = "no numerical table"
NO_FIGURES = "no figures were read"


def cluster_pages(
    pages: Sequence[str],
    histograms: NDArray[np.floating],
    is_table: Sequence[bool],
    k: int | str = "auto",
    *,
    seed: int = 0,
    same: Sequence[tuple[str, str]] = (),
) -> Clustering:
    """Cluster pages by their histograms; the same pages give the same clusters.

    Parameters
    ----------
    pages : sequence of n str
        Page ids, sorted.
    histograms : float array of shape (n, 110)
        Bigram counts.
    is_table : sequence of n bool
        Pages without a table, like those without figures, are in no cluster.
    k : "auto" or int
        Number of clusters; "auto" for as many as there are tables that counting can tell apart.
    seed : int
        For corpora beyond 3,000 pages with a ``k`` of their own, and for the stability.
    same : sequence of pairs of str
        Pages that are known to carry one table: their clusters are joined.

    Raises
    ------
    SettingsError
        ``k`` is no number, below 1, or above the number of different pages.
    """
    h = np.asarray(histograms, dtype=np.float64)
    filled = h.sum(axis=1) > 0
    without = {
        page: NO_FIGURES if not full else NO_TABLE
        for page, table, full in zip(pages, is_table, filled, strict=True)
        if not (table and full)
    }
    rows = np.array([index for index, page in enumerate(pages) if page not in without], dtype=np.intp)
    asked = number_of_clusters(k)
    constants = {"noise": NOISE, "editions": EDITIONS, "spread": SPREAD}
    labels = np.full(len(pages), -1, dtype=np.intp)
    if len(rows) == 0:
        if asked != "auto":
            raise SettingsError(f"clusters: got {asked}, but there is no page with a table to cluster; use auto")
        return Clustering(tuple(pages), labels, (), without, asked, seed, constants)
    found = _joined(_partition(h[rows], asked, seed), [pages[row] for row in rows], same)
    constants["joined"] = float(len(same))
    clusters = _described([pages[row] for row in rows], h[rows], found, _stability(h[rows], found, asked, seed))
    place = {page: index for index, page in enumerate(pages)}
    for cluster in clusters:
        labels[[place[page] for page in cluster.pages]] = cluster.label
    return Clustering(tuple(pages), labels, clusters, without, asked, seed, constants)


def _joined(labels: NDArray[np.intp], pages: Sequence[str], same: Sequence[tuple[str, str]]) -> NDArray[np.intp]:
    """The labels with the clusters of each pair made one; pairs with a page that is not there are passed over."""
    place = {page: index for index, page in enumerate(pages)}
    joined = labels.copy()
    for a, b in same:
        if a in place and b in place:
            joined[joined == joined[place[b]]] = joined[place[a]]
    return joined


def counting_distance(h: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """(1 - cosine) / min(NOISE / n + EDITIONS, FARTHEST) of each row of ``h`` with each of ``other``, shape (n, m).

    n is the harmonic mean of the two counts of bigrams. Below 1 two pages differ no more than editions of one table do.
    """
    cosine = np.clip(unit_rows(np.sqrt(h)) @ unit_rows(np.sqrt(other)).T, 0.0, 1.0)
    n, m = h.sum(axis=1)[:, None], other.sum(axis=1)[None]
    noise = NOISE * (1 / np.maximum(n, 1e-9) + 1 / np.maximum(m, 1e-9)) / 2
    # Rounded, so that the order of merges does not hang on the last bit of a matrix product.
    return np.round((1.0 - cosine) / np.minimum(noise + EDITIONS, FARTHEST), 9)


def number_of_clusters(k: int | str) -> int | str:
    """``k`` as a number of clusters or "auto"; SettingsError for anything else."""
    if isinstance(k, str) and k.strip().lower() == "auto":
        return "auto"
    try:
        number = int(k)
    except ValueError as error:
        raise SettingsError(f"clusters: got {k!r}, expected 'auto' or a number of clusters") from error
    if number < 1:
        raise SettingsError(f"clusters: got {number}, expected 1 or more, or 'auto'")
    return number


def _partition(h: NDArray[np.float64], asked: int | str, seed: int) -> NDArray[np.intp]:
    """A label for each row: linkage (or seeds) for the start, K-means for the rest."""
    # A second to load, which every search and status would pay.
    from sklearn.cluster import KMeans

    unit = unit_rows(np.sqrt(h))
    n_different = len(np.unique(np.round(unit, 9), axis=0))
    if isinstance(asked, int) and asked > n_different:
        raise SettingsError(
            f"clusters: got {asked}, expected at most {n_different}, the number of different pages with a table"
        )
    if len(h) == 1:
        return np.zeros(1, dtype=np.intp)
    if isinstance(asked, int) and len(h) > _LINKED_AT_ONCE:
        return KMeans(asked, n_init=3, random_state=seed).fit(unit).labels_.astype(np.intp)
    start = _linked_in_blocks(h) if asked == "auto" else cut_tree(_tree(h), n_clusters=asked)[:, 0]
    middles = np.stack([unit[start == label].mean(axis=0) for label in np.unique(start)])
    if len(middles) >= n_different:
        return np.asarray(start, dtype=np.intp)
    return KMeans(len(middles), init=middles, n_init=1).fit(unit).labels_.astype(np.intp)


def _tree(h: NDArray[np.float64]) -> NDArray[np.float64]:
    distance = counting_distance(h, h)
    distance = (distance + distance.T) / 2
    np.fill_diagonal(distance, 0.0)
    return linkage(squareform(distance, checks=False), "average")


def _cut(heights: NDArray[np.float64]) -> float:
    """Where to cut a tree with these merges: in the gap with most mass under the normal density of log height."""
    edges = np.clip(np.concatenate([[0.0], np.sort(heights), [np.inf]]), *CUTS)
    mass = np.diff(ndtr(np.log(edges) / SPREAD))
    if heights.min() < 1.0:
        # Two pages are as near as editions of one table are: the cut is not below them.
        mass[0] = 0.0
    at = int(np.argmax(mass))
    low, high = edges[at : at + 2]
    return 1.0 if low < 1.0 < high else float(np.sqrt(low * high))


def _linked_in_blocks(h: NDArray[np.float64]) -> NDArray[np.intp]:
    """Clusters below the cut; in large corpora each block first fills the clusters that are there already."""
    height = 1.0
    labels = np.full(len(h), -1, dtype=np.intp)
    sums = np.zeros((0, h.shape[1]))
    counts = np.zeros(0)
    for begin in range(0, len(h), _LINKED_AT_ONCE):
        block = np.arange(begin, min(begin + _LINKED_AT_ONCE, len(h)))
        if len(sums):
            # Against the mean page of a cluster, whose count is that of a page.
            distance = counting_distance(h[block], sums / counts[:, None])
            near = distance.argmin(axis=1)
            fits = distance[np.arange(len(block)), near] <= height
            labels[block[fits]] = near[fits]
            block = block[~fits]
        if len(block) == 1:
            labels[block] = len(sums)
        elif len(block):
            tree = _tree(h[block])
            height = height if len(sums) else _cut(tree[:, 2])
            labels[block] = fcluster(tree, height, "distance") - 1 + len(sums)
        k = labels.max() + 1
        sums, counts = np.zeros((k, h.shape[1])), np.bincount(labels[labels >= 0], minlength=k).astype(float)
        np.add.at(sums, labels[labels >= 0], h[labels >= 0])
    return labels


def _stability(
    h: NDArray[np.float64], labels: NDArray[np.intp], asked: int | str, seed: int
) -> dict[int, float | None]:
    """Mean Jaccard of each cluster with its best likeness among clusters made from resampled bins."""
    names = np.unique(labels)
    if len(h) > _MOST_RESAMPLED:
        return dict.fromkeys(names.tolist())
    rng = np.random.default_rng(seed)
    sums = np.zeros(len(names))
    for _ in range(_RESAMPLINGS):
        weights = rng.multinomial(h.shape[1], np.full(h.shape[1], 1 / h.shape[1]))
        drawn = h * weights
        if asked == "auto":
            again = _linked_in_blocks(drawn)
        else:
            again = cut_tree(_tree(drawn), n_clusters=asked)[:, 0] if len(h) > 1 else labels
        both = np.zeros((len(names), again.max() + 1))
        np.add.at(both, (np.searchsorted(names, labels), again), 1)
        jaccard = both / (both.sum(axis=1, keepdims=True) + both.sum(axis=0) - both)
        sums += jaccard.max(axis=1)
    return dict(zip(names.tolist(), (sums / _RESAMPLINGS).tolist(), strict=True))


def _described(
    pages: Sequence[str], h: NDArray[np.float64], labels: NDArray[np.intp], stability: dict[int, float | None]
) -> tuple[Cluster, ...]:
    unit = unit_rows(np.sqrt(h))
    names = np.unique(labels)
    middles = np.stack([unit[labels == name].mean(axis=0) for name in names])
    own, others = _two_distances(unit, middles, np.searchsorted(names, labels))
    drafts = []
    for name in names:
        rows = np.flatnonzero(labels == name)
        inside = np.round(unit[rows] @ unit[rows].sum(axis=0), 9)
        medoid = rows[int(np.argmax(inside))]
        cosine = np.round(np.minimum(unit[rows] @ unit[medoid], 1.0), 9)
        alone = len(rows) == 1
        strength = np.ones(1) if alone else np.clip(1.0 - own[rows] / np.maximum(others[rows], 1e-12), 0.0, 1.0)
        order = sorted(range(len(rows)), key=lambda at: (rows[at] != medoid, -cosine[at], rows[at]))
        members = tuple(Member(pages[rows[at]], float(cosine[at]), round(float(strength[at]), 9)) for at in order)
        drafts.append((members, stability[int(name)]))
    drafts.sort(key=lambda draft: (-len(draft[0]), draft[0][0].page))
    return tuple(Cluster(label, members, stable) for label, (members, stable) in enumerate(drafts))


def _two_distances(
    unit: NDArray[np.float64], middles: NDArray[np.float64], index: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each row its distance to the middle of its own cluster and to the nearest other one, a block at a time."""
    own, others = np.zeros(len(unit)), np.full(len(unit), np.inf)
    lengths = (middles**2).sum(axis=1)
    for begin in range(0, len(unit), _LINKED_AT_ONCE):
        rows = np.arange(begin, min(begin + _LINKED_AT_ONCE, len(unit)))
        distance = np.sqrt(np.clip(1.0 - 2.0 * unit[rows] @ middles.T + lengths, 0.0, None))
        own[rows] = distance[np.arange(len(rows)), index[rows]]
        distance[np.arange(len(rows)), index[rows]] = np.inf
        others[rows] = distance.min(axis=1)
    return own, others
