"""Clusters the pages of a run by their histograms: average linkage and K-means, HDBSCAN, or the published K-means.

Three methods. ``tables``, the first choice: average linkage on a distance scaled by the noise of counting, which also
finds the number of clusters (``tablesim.corpus.clustering.linkage``), then K-means on the unit-length square roots of
the histograms. ``hdbscan``: density clusters of scikit-learn on the same distance, which leave out pages that are like
no other. ``published``: K-means on the square roots as they are, with K = 1500 unless another number is asked for
(Eberle et al., Science Advances 10, 2024). None of them works on the 2-D map.

Corpora made after the constants were chosen (``tablesim synthesize`` with ``--tables 13 --editions 4 --seed 77`` and
``--tables 12 --editions 5 --seed 5``) and read through their scans fall into their tables without an error. Two tables
of degrees and minutes with nearly the same numbers in another order may still be nearer to each other than editions of
one table 400 years apart, which then are two clusters. Only collation tells such pages apart:
``tablesim.workflow.clustering`` collates the neighbours and joins the clusters that agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import cut_tree

from tablesim.bigrams.embedding import unit_rows
from tablesim.corpus.clustering import linkage
from tablesim.corpus.clustering.constraints import Constraints, constrained
from tablesim.corpus.clustering.kmeans import LazyRows, Rows, blocks, fit, lloyd, roots, sums_by_label, unit_roots
from tablesim.corpus.clustering.linkage import (
    choose_cut,
    counting_distance,
    counting_distances,
    cut_linkage,
    linked_in_blocks,
    tree_of,
)
from tablesim.corpus.clustering.model import (
    LIKE_NO_OTHER,
    NO_DIGITS,
    NO_TABLE,
    ClusterColumns,
    ClusterFacts,
    Clustering,
    KCandidate,
)
from tablesim.corpus.clustering.stability import DRAWN_AT_MOST, ResampledReadings
from tablesim.corpus.clustering.summary import describe
from tablesim.corpus.clustering.uncertainty import Draw
from tablesim.errors import RunError, SettingsError

METHODS = ("tables", "hdbscan", "published")
PUBLISHED_K = 1500
"""K of the published clustering of the Sphaera corpus, for ``method="published"``."""
MOST_FOR_HDBSCAN = 20_000
"""Pages that HDBSCAN compares with each other in minutes."""

NEIGHBOURHOOD = 10
"""Pages of each part of a large corpus by which its cut is chosen: tables have few editions, chosen by eye."""
LINKED_ROUNDS = 20
"""Rounds of Lloyd's algorithm after linkage; it mostly ends before."""


class PageClusterer:
    """Clusters some pages under several sets of constraints; trees and partition are made once.

    Parameters
    ----------
    pages : sequence of n str
        Page ids, sorted.
    histograms : rows of shape (n, 110)
        Bigram counts; an array, or a memory map of more than fits in memory.
    is_table : sequence of n bool
        Pages without a table, like those without digits, are in no cluster.
    k : "auto" or int
        Number of clusters; "auto" for as many as there are tables that counting can tell apart (``published``: 1500).
    method : str
        One of ``METHODS``.
    seed : int
        For K-means with a given number on more than 3,000 pages, and for the pages read again.
    draw : callable, optional
        Gives histograms (n, 110) of all pages read again; by default every twentieth digit is misread.

    Raises
    ------
    SettingsError
        ``k`` is no number, or below 1; the method is unknown, finds its number by itself, or is not made for so many
        pages; no page has a table and a number is asked for.
    RunError
        A count is not a number of 0 or more.
    """

    def __init__(
        self,
        pages: Sequence[str],
        histograms: Rows,
        is_table: Sequence[bool] | NDArray[np.bool_],
        k: int | str = "auto",
        *,
        method: str = "tables",
        seed: int = 0,
        draw: Draw | None = None,
    ) -> None:
        self.pages, self.histograms = tuple(pages), histograms
        self.asked, self.method, self.seed = number_of_clusters(k), method, seed
        _check_method(method, self.asked, len(self.pages))
        has_digits = _bigrams_per_page(self.pages, histograms) > 0
        tables = np.asarray(is_table, dtype=bool)
        self.rows = np.flatnonzero(tables & has_digits)
        """The pages that are clustered."""
        self.without = {
            self.pages[row]: NO_TABLE if has_digits[row] else NO_DIGITS
            for row in np.flatnonzero(~(tables & has_digits)).tolist()
        }
        if len(self.rows) == 0 and self.asked != "auto":
            raise SettingsError(f"clusters: got {self.asked}, but there is no page with a table to cluster; use auto")
        self.resampled = ResampledReadings(histograms, self.rows, seed, draw)
        self.cut = 1.0
        """Height at which the tree was cut; 1 where there is no tree."""
        self.candidates: tuple[KCandidate, ...] = ()

    def cluster(self, constraints: Constraints | None = None, *, stability: bool = True) -> Clustering:
        """The clustering; pairs of ``constraints`` come before a number of clusters.

        Without ``stability`` that is left out: of a clustering that is made again at once.

        Raises
        ------
        SettingsError
            More clusters are asked for than there are different pages; the constraints contradict each other.
        """
        constraints = constraints or Constraints()
        n_pages = len(self.pages)
        labels, columns = np.full(n_pages, -1, dtype=np.intp), ClusterColumns.blank(n_pages)
        constants = {"noise": linkage.NOISE, "editions": linkage.EDITIONS, "spread": linkage.SPREAD}
        facts: dict[int, ClusterFacts] = {}
        without = dict(self.without)
        if len(self.rows):
            constrain = None
            if constraints:
                pages, h = [self.pages[row] for row in self.rows.tolist()], self._counts(self.rows)
                constrain = partial(constrained, pages=pages, histograms=h, constraints=constraints, near=self._is_near)
            partition = self.partition if constrain is None else constrain(self.partition)
            constants |= {"cut": self.cut, "constraints": float(len(constraints.same) + len(constraints.forbidden))}
            placed = partition >= 0
            without |= {self.pages[row]: LIKE_NO_OTHER for row in self.rows[~placed].tolist()}
            asked = self.asked if self.method == "tables" else None
            found = self.resampled.stability(partition, asked, constrain) if stability else {}
            if placed.any():
                rows = self.rows[placed]
                labels[rows], of_rows, facts = describe(
                    self.histograms, rows, partition[placed], found, max(1.0, self.cut)
                )
                for name, values in vars(of_rows).items():
                    getattr(columns, name)[rows] = values
        return Clustering(
            self.pages,
            labels,
            columns,
            facts,
            {page: without[page] for page in self.pages if page in without},
            self.asked,
            self.seed,
            self.method,
            constants,
            self.candidates,
            len(facts),
        )

    @cached_property
    def partition(self) -> NDArray[np.intp]:
        """A label for each of ``rows``, -1 for none, before constraints are applied."""
        k = PUBLISHED_K if self.method == "published" and self.asked == "auto" else self.asked
        if isinstance(k, int):
            self._check_different_pages(k)
        if self.method == "published":
            assert isinstance(k, int)
            return fit(LazyRows(self.histograms, self.rows, roots), k, self.seed)[1]
        if self.method == "hdbscan":
            return self._density_clusters()
        if len(self.rows) == 1:
            return np.zeros(1, dtype=np.intp)
        unit = LazyRows(self.histograms, self.rows, unit_roots)
        if isinstance(k, int) and len(self.rows) > linkage.LINKED_AT_ONCE:
            return fit(unit, k, self.seed)[1]
        h = self._counts(self.rows)
        linked = self._linked(h) if k == "auto" else cut_tree(tree_of(h), n_clusters=k)[:, 0]
        names, start = np.unique(linked, return_inverse=True)
        exact = unit_rows(np.sqrt(h)) if len(h) <= linkage.LINKED_AT_ONCE else unit
        means = sums_by_label(exact, start, len(names)) / np.bincount(start)[:, None]
        return lloyd(exact, means, LINKED_ROUNDS)[1]

    def _is_near(self, h: NDArray[np.float64], means: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether a page (110,) is near enough to clusters with these mean pages (k, 110) to be one of them."""
        return np.asarray(counting_distance(h[None], means)[0] <= self.cut)

    def _counts(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        return np.asarray(self.histograms[rows], dtype=np.float64)

    def _check_different_pages(self, k: int) -> None:
        if k <= 1:
            return
        different: set[bytes] = set()
        for part in blocks(len(self.rows), 256):
            unit = unit_rows(np.sqrt(self._counts(self.rows[part])))
            different |= {row.tobytes() for row in np.round(unit, 6).astype(np.float32)}
            if len(different) >= k:
                return
        raise SettingsError(
            f"clusters: got {k}, expected at most {len(different)}, the number of different pages with a table"
        )

    def _linked(self, h: NDArray[np.float64]) -> NDArray[np.intp]:
        """Average linkage of the pages with the histograms ``h``, cut where their number of clusters is most stable."""
        chosen = self._neighbourhoods(h)
        tree = tree_of(h[chosen])
        self.cut, self.candidates = choose_cut(tree, self.resampled.trees(chosen))
        if len(chosen) == len(h):
            return cut_linkage(tree, self.cut)
        return linked_in_blocks(h, self.cut)

    def _neighbourhoods(self, h: NDArray[np.float64]) -> NDArray[np.intp]:
        """Rows to choose the cut by: all, or pages from all over the corpus, each with those nearest to it."""
        if len(h) <= DRAWN_AT_MOST:
            return np.arange(len(h))
        queries = np.linspace(0, len(h) - 1, DRAWN_AT_MOST // NEIGHBOURHOOD).astype(np.intp)
        best = np.full((len(queries), NEIGHBOURHOOD), -1.0)
        nearest = np.zeros((len(queries), NEIGHBOURHOOD), dtype=np.intp)
        unit_queries = unit_rows(np.sqrt(h[queries]))
        for part in blocks(len(h), len(queries)):
            cosines = np.hstack([best, np.round(unit_queries @ unit_rows(np.sqrt(h[part])).T, 9)])
            rows = np.broadcast_to(np.arange(part.start, part.stop), (len(queries), len(h[part])))
            order = np.argsort(-cosines, axis=1, kind="stable")[:, :NEIGHBOURHOOD]
            best = np.take_along_axis(cosines, order, 1)
            nearest = np.take_along_axis(np.hstack([nearest, rows]), order, 1)
        return np.unique(nearest)

    def _density_clusters(self) -> NDArray[np.intp]:
        # A second to load, which every search and status would pay.
        from sklearn.cluster import HDBSCAN

        if len(self.rows) == 1:
            return np.full(1, -1, dtype=np.intp)
        h = self._counts(self.rows)
        if len(h) <= linkage.LINKED_AT_ONCE:
            distance = counting_distances(h)
            fitted = HDBSCAN(min_cluster_size=2, min_samples=1, metric="precomputed", copy=True).fit(distance)
        else:
            fitted = HDBSCAN(min_cluster_size=2, min_samples=1, copy=True).fit(unit_rows(np.sqrt(h)))
        return np.asarray(fitted.labels_, dtype=np.intp)


def cluster_pages(
    pages: Sequence[str],
    histograms: Rows,
    is_table: Sequence[bool] | NDArray[np.bool_],
    k: int | str = "auto",
    *,
    method: str = "tables",
    seed: int = 0,
    constraints: Constraints | None = None,
    draw: Draw | None = None,
) -> Clustering:
    """Cluster pages by their histograms; the same pages give the same clusters.

    Parameters and errors are those of ``PageClusterer`` and of its ``cluster``.
    """
    return PageClusterer(pages, histograms, is_table, k, method=method, seed=seed, draw=draw).cluster(constraints)


def _bigrams_per_page(pages: Sequence[str], histograms: Rows) -> NDArray[np.float64]:
    sums = np.zeros(len(pages))
    for part in blocks(len(pages), 256):
        h = np.asarray(histograms[part])
        valid = (h >= 0).all(axis=1) & np.isfinite(h).all(axis=1)
        if not valid.all():
            raise RunError(
                f"histograms: page {pages[part.start + int(valid.argmin())]} has a count that is not a number of 0 or "
                "more, so that its shard under embeddings/ is damaged; find it with `tablesim doctor RUN`"
            )
        sums[part] = h.sum(axis=1)
    return sums


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


def _check_method(method: str, asked: int | str, n_pages: int) -> None:
    if method not in METHODS:
        raise SettingsError(f"method: got {method!r}, expected one of {', '.join(METHODS)}")
    if method == "hdbscan" and asked != "auto":
        raise SettingsError(f"clusters: got {asked}, but hdbscan finds the number by itself; use auto")
    if method == "hdbscan" and n_pages > MOST_FOR_HDBSCAN:
        raise SettingsError(
            f"method: hdbscan compares all pages with all, got {n_pages}, expected at most {MOST_FOR_HDBSCAN}; "
            "use the method tables"
        )
