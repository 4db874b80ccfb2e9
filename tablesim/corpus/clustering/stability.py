"""Stability of clusters: the mean Jaccard index with the clusters of pages read again (bootstrap of bins and digits).

Each time the digits are drawn anew by their confidences (``tablesim.corpus.clustering.uncertainty``), and the 110 bins
are drawn with replacement, as the characters of species are in phylogeny (J. Felsenstein, Evolution 39, 1985): a
cluster that depends on one bigram does not come back. The stability of a cluster is its mean Jaccard index with the
cluster that is most like it (C. Hennig, Computational Statistics & Data Analysis 52, 2007).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import cut_tree
from scipy.sparse import coo_matrix

from tablesim.bigrams.embedding import unit_rows
from tablesim.corpus.clustering.kmeans import LazyRows, Rows, assign, blocks, sums_by_label
from tablesim.corpus.clustering.linkage import cut_linkage, tree_of, widest_cut
from tablesim.corpus.clustering.uncertainty import DoubtedCounts, Draw
from tablesim.records.bins import N_BINS

Labels = NDArray[np.intp]

DRAWN_AT_MOST = 1000
"""Pages up to which clusters are made anew from pages read again; above, such pages choose among the clusters."""

N_DRAWS, N_DRAWS_LARGE = 20, 3
"""Draws up to ``DRAWN_AT_MOST`` pages, and above: chosen by eye, as many as cost no more than the clustering."""
MAX_DISTANCES = 2_000_000_000
"""Pages times clusters above which stability is left out: a minute a draw."""


class ResampledReadings:
    """Pages read again.

    Parameters
    ----------
    histograms : rows of shape (n_pages, 110)
    rows : int array of shape (n,)
        Those that are clustered.
    seed : int
    draw : callable, optional
        Gives histograms (n_pages, 110) of another possible reading; by default every twentieth digit is misread.
    """

    def __init__(self, histograms: Rows, rows: NDArray[np.intp], seed: int, draw: Draw | None) -> None:
        self.histograms, self.rows, self.seed, self.draw = histograms, rows, seed, draw
        self._trees: list[NDArray[np.float64]] = []

    def trees(self, chosen: NDArray[np.intp] | None = None) -> list[NDArray[np.float64]]:
        """Trees of (the chosen of) the rows, each of another reading; made once."""
        if not self._trees:
            rows = self.rows if chosen is None else self.rows[chosen]
            rng = np.random.default_rng(self.seed)
            counts = DoubtedCounts(self._counts(rows)) if self.draw is None else None
            for _ in range(N_DRAWS):
                drawn = counts(rng) if counts is not None else self.draw(rng)[rows]  # type: ignore[misc]
                self._trees.append(tree_of(drawn * resampled_bins(rng)))
        return self._trees

    def stability(
        self, labels: NDArray[np.intp], asked: int | str | None, constrain: Callable[[Labels], Labels] | None = None
    ) -> dict[int, float | None]:
        """Mean Jaccard of each cluster with its most similar cluster of the pages read again.

        ``asked`` is the number with which trees are cut again; None where the clusters do not come from a tree.
        ``constrain`` brings together, and keeps apart, what is known to be so in the clusters of now: what a collation
        showed does not change when the figures are counted otherwise. None for every cluster where there are too many
        pages and clusters.
        """
        names = np.unique(labels[labels >= 0])
        if asked is not None and len(labels) <= DRAWN_AT_MOST:
            if len(labels) == 1:
                return {int(names[0]): 1.0}
            resampled = [_cut_again(tree, asked) for tree in self.trees()]
        elif len(names) and len(labels) * len(names) <= MAX_DISTANCES:
            resampled = self._nearest_clusters(labels, names)
        else:
            return dict.fromkeys(names.tolist())
        if constrain is not None:
            resampled = [constrain(again) for again in resampled]
        mean = np.mean([_jaccard(labels, again, names) for again in resampled], axis=0)
        return dict(zip(names.tolist(), mean.tolist(), strict=True))

    def _counts(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        return np.asarray(self.histograms[rows], dtype=np.float64)

    def _nearest_clusters(self, labels: NDArray[np.intp], names: NDArray[np.intp]) -> list[NDArray[np.intp]]:
        """The nearest cluster of each page when it is read again and the bins are resampled."""
        rng = np.random.default_rng(self.seed)
        placed = np.flatnonzero(labels >= 0)
        index = np.searchsorted(names, labels[placed])
        resampled = []
        for _ in range(N_DRAWS if len(labels) <= DRAWN_AT_MOST else N_DRAWS_LARGE):
            weights = resampled_bins(rng)
            all_drawn = None if self.draw is None else self.draw(rng)

            def weighted(h: NDArray[np.floating], weights: NDArray[np.float64] = weights) -> NDArray[np.float64]:
                return unit_rows(np.sqrt(h * weights))

            centers = unit_rows(
                sums_by_label(LazyRows(self.histograms, self.rows[placed], weighted), index, len(names))
            ).astype(np.float32)
            again = np.full(len(labels), -1, dtype=np.intp)
            for part in blocks(len(placed), len(names)):
                rows = self.rows[placed[part]]
                drawn = DoubtedCounts(self._counts(rows))(rng) if all_drawn is None else all_drawn[rows]
                again[placed[part]] = assign(weighted(drawn).astype(np.float32), centers)
            resampled.append(again)
        return resampled


def resampled_bins(rng: np.random.Generator) -> NDArray[np.float64]:
    """How often each bin is drawn when as many are drawn with replacement, shape (110,)."""
    return np.asarray(rng.multinomial(N_BINS, np.full(N_BINS, 1 / N_BINS)), dtype=np.float64)


def _cut_again(tree: NDArray[np.float64], asked: int | str) -> NDArray[np.intp]:
    if asked == "auto":
        return cut_linkage(tree, widest_cut(tree))
    return np.asarray(cut_tree(tree, n_clusters=asked)[:, 0], dtype=np.intp)


def _jaccard(labels: NDArray[np.intp], again: NDArray[np.intp], names: NDArray[np.intp]) -> NDArray[np.float64]:
    """Of each of ``names`` its greatest Jaccard with a cluster of ``again``; a page with -1 is in none."""
    clustered, clustered_again = labels >= 0, again >= 0
    both = clustered & clustered_again
    size = np.bincount(np.searchsorted(names, labels[clustered]), minlength=len(names))
    size_again = np.bincount(again[clustered_again], minlength=1)
    cells = (np.searchsorted(names, labels[both]), again[both])
    pairs = coo_matrix((np.ones(int(both.sum())), cells), shape=(len(size), len(size_again))).tocsr().tocoo()
    best = np.zeros(len(names))
    np.maximum.at(best, pairs.row, pairs.data / (size[pairs.row] + size_again[pairs.col] - pairs.data))
    return best
