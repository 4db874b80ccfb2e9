"""Average linkage of pages on a distance scaled by the noise of counting, and where to cut its tree.

Two editions of one table differ because digits are misread, dropped and misprinted, which moves 1 - cosine by about
NOISE / n for n bigrams on a page, and because printers add a column or set one in Roman numerals, which moves it by
about EDITIONS however large the page. Pages nearer to each other than both together are one table: a page of 80 digits
may be less like its other edition than two tables of 2,000 are like each other. The tree is cut in a gap of its heights
near 1: of the wide gaps in the one whose clusters come back most surely when the pages are read again.

The constants were chosen on the sample corpus and on simulated readings of the synthesized tables: corpora of 1 to 20
of them, tables that are alone, clean and bad readings.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform
from scipy.special import ndtr

from tablesim.bigrams.embedding import unit_rows
from tablesim.corpus.clustering.kmeans import blocks
from tablesim.corpus.clustering.model import KCandidate

NOISE = 11.0
"""Distance (1 - cosine) times bigrams by which readings of one print differ."""
EDITIONS = 0.0135
"""Distance by which editions differ, however large the page."""
FARTHEST = 0.2
"""Pages less alike than 1 - FARTHEST are never one table: so few digits prove nothing."""

SPREAD = 0.4
"""How far from 1, in logarithms, the cut may lie: gaps count by their mass under a normal density of this width."""
CUTS = (0.33, 1.65)
"""No cut lies outside of these."""

SEPARATION, SEPARATION_FEW = 1.4, 2.0
"""A branch holds two tables where its two parts join this many times as high as the higher of them began; the second
where one part has two pages alone, which may be copies of each other."""
LOWEST_JOIN, LOWEST_START = 0.55, 0.3
"""No branch that joins lower is divided, and no part counts as beginning lower: reprints page for page do."""

LINKED_AT_ONCE = 3000
"""Pages that go through one linkage; larger corpora go block by block."""

MAX_CANDIDATES = 8
"""Cuts whose stability is computed: those in the widest gaps."""
WIDE_GAP = 0.5
"""A gap counts from this share of the widest one's mass: in a narrow one the cut depends on a single pair of pages."""


def expected_distance(n: NDArray[np.float64], m: NDArray[np.float64]) -> NDArray[np.float64]:
    """The expected 1 - cosine of two editions with ``n`` and ``m`` bigrams; the arrays are broadcast."""
    noise = NOISE * (1 / np.maximum(n, 1e-9) + 1 / np.maximum(m, 1e-9)) / 2
    return np.minimum(noise + EDITIONS, FARTHEST)


def counting_distance(h: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """(1 - cosine) / min(NOISE / n + EDITIONS, FARTHEST) of each row of ``h`` with each of ``other``, shape (n, m).

    n is the harmonic mean of the two counts of bigrams. Below 1 two pages differ no more than editions of one table do.
    """
    cosine = np.clip(unit_rows(np.sqrt(h)) @ unit_rows(np.sqrt(other)).T, 0.0, 1.0)
    # Rounded, so that the order of merges does not depend on the last bit of a matrix product.
    return np.round((1.0 - cosine) / expected_distance(h.sum(axis=1)[:, None], other.sum(axis=1)[None]), 9)


def counting_distances(h: NDArray[np.float64]) -> NDArray[np.float64]:
    """``counting_distance`` of the rows with each other: symmetric, with zeros on the diagonal."""
    distance = counting_distance(h, h)
    distance = (distance + distance.T) / 2
    np.fill_diagonal(distance, 0.0)
    return distance


def tree_of(h: NDArray[np.float64]) -> NDArray[np.float64]:
    """The merges of average linkage (scipy's linkage matrix) of the rows of ``h``."""
    return np.asarray(linkage(squareform(counting_distances(h), checks=False), "average"))


def widest_cut(tree: NDArray[np.float64]) -> float:
    """Where to cut a tree: in the gap with most mass under the normal density of log height."""
    return _gaps(tree[:, 2])[0][1]


def _gaps(heights: NDArray[np.float64]) -> list[tuple[float, float]]:
    """Mass and cut of each gap between merges, the widest first."""
    edges = np.clip(np.concatenate([[0.0], np.sort(heights), [np.inf]]), *CUTS)
    mass = np.diff(ndtr(np.log(edges) / SPREAD))
    if heights.min() < 1.0:
        # Two pages are as near as editions of one table are: the cut is not below them.
        mass[0] = 0.0
    order = np.argsort(-mass, kind="stable")
    order = order[mass[order] > 0][:MAX_CANDIDATES] if mass.any() else order[:1]
    gaps = []
    for gap in order:
        low, high = edges[gap : gap + 2]
        gaps.append((float(mass[gap]), 1.0 if low < 1.0 < high else float(np.sqrt(low * high))))
    return gaps


def cut_linkage(tree: NDArray[np.float64], height: float) -> NDArray[np.intp]:
    """Labels from 0 of the clusters below ``height``, of which those that hold two similar tables are divided.

    Two tables for neighbouring latitudes may be as near to each other as editions of a third table are. But then the
    editions of each lie much nearer to each other: the branch falls in two that join far above where each began.
    """
    n = len(tree) + 1
    below = tree[:, :2].astype(np.intp)
    several = np.concatenate([np.zeros(n, bool), _several_tables(tree, below)])
    height_of = np.concatenate([np.zeros(n), tree[:, 2]])
    labels, n_clusters, nodes = np.empty(n, dtype=np.intp), 0, [2 * n - 2]
    while nodes:
        node = nodes.pop()
        if height_of[node] > height or several[node]:
            nodes += below[node - n].tolist()
            continue
        labels[_leaves(node, n, below)] = n_clusters
        n_clusters += 1
    return labels


def _several_tables(tree: NDArray[np.float64], below: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Of each branch whether it holds several tables: its parts do, or they join far above where they began."""
    n = len(tree) + 1
    start = np.concatenate([np.zeros(n), tree[:, 2]])[below].max(axis=1)
    size = np.concatenate([np.ones(n), tree[:, 3]])[below].min(axis=1)
    high = np.maximum(start, LOWEST_START) * np.where(size < 3, SEPARATION_FEW, SEPARATION)
    several = np.concatenate([np.zeros(n, bool), (size > 1) & (tree[:, 2] >= np.maximum(high, LOWEST_JOIN))])
    for branch, parts in enumerate(below):
        several[n + branch] |= several[parts].any()
    return several[n:]


def _leaves(node: int, n: int, below: NDArray[np.intp]) -> list[int]:
    """The rows below a node of the tree."""
    leaves, nodes = [], [node]
    while nodes:
        inner = nodes.pop()
        if inner < n:
            leaves.append(inner)
        else:
            nodes += below[inner - n].tolist()
    return leaves


def choose_cut(
    tree: NDArray[np.float64], resampled: Sequence[NDArray[np.float64]]
) -> tuple[float, tuple[KCandidate, ...]]:
    """The cut whose clusters come back most surely, and all candidates, the chosen one first.

    Parameters
    ----------
    tree : float array of shape (n - 1, 4)
    resampled : sequence of such arrays
        Trees of the same pages read again.
    """
    from sklearn.metrics import adjusted_rand_score

    candidates: list[KCandidate] = []
    for mass, height in _gaps(tree[:, 2]):
        labels = cut_linkage(tree, height)
        if any(choice.k == labels.max() + 1 for choice in candidates):
            # Branches that are divided anyway: the same clusters as a wider gap gave.
            continue
        rand = [adjusted_rand_score(labels, cut_linkage(other, height)) for other in resampled]
        error = float(np.std(rand) / np.sqrt(len(rand)))
        candidates.append(KCandidate(int(labels.max()) + 1, height, mass, float(np.mean(rand)), error))
    wide = [choice for choice in candidates if choice.gap >= WIDE_GAP * candidates[0].gap]
    best = max(wide, key=lambda choice: choice.stability)
    # Sorted by gap: the first that is as stable as the best, within what the draws can tell.
    chosen = next(choice for choice in wide if choice.stability >= best.stability - best.error - 1e-9)
    rest = tuple(choice for choice in candidates if choice is not chosen)
    return chosen.height, (chosen, *rest)


def linked_in_blocks(h: NDArray[np.float64], height: float) -> NDArray[np.intp]:
    """Clusters below the cut at ``height``; in large corpora each block first fills the clusters that are there."""
    labels = np.full(len(h), -1, dtype=np.intp)
    # Grown by doubling: a corpus of a million pages has hundreds of thousands of tables.
    sums, counts, k = np.zeros((1024, h.shape[1])), np.zeros(1024), 0
    for begin in range(0, len(h), LINKED_AT_ONCE):
        block = np.arange(begin, min(begin + LINKED_AT_ONCE, len(h)))
        if k:
            # Against the mean page of a cluster, whose count is that of a page.
            near, distance = _nearest(h[block], sums[:k] / counts[:k, None])
            fits = distance <= height
            labels[block[fits]] = near[fits]
        rest = block[labels[block] < 0]
        if len(rest) > 1:
            labels[rest] = cut_linkage(tree_of(h[rest]), height) + k
        elif len(rest):
            labels[rest] = k
        k = int(labels.max()) + 1
        while k > len(sums):
            sums, counts = np.concatenate([sums, np.zeros_like(sums)]), np.concatenate([counts, np.zeros_like(counts)])
        np.add.at(sums, labels[block], h[block])
        np.add.at(counts, labels[block], 1)
    return labels


def _nearest(h: NDArray[np.float64], others: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """For each row the nearest of ``others`` on the scale of counting, and how far it is."""
    near, far = np.empty(len(h), dtype=np.intp), np.empty(len(h))
    for part in blocks(len(h), len(others)):
        distance = counting_distance(h[part], others)
        near[part], far[part] = distance.argmin(axis=1), distance.min(axis=1)
    return near, far
