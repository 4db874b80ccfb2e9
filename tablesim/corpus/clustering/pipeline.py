"""Clusters: pages that carry the same table, as far as their histograms can tell.

Three methods. ``tables``, the first choice: K-means on the unit-length square roots of the histograms; what it starts
from and how many clusters there are comes from the noise of counting (``tablesim.corpus.clustering.linkage``).
``hdbscan``:
density clusters of scikit-learn on the same scale, which leaves pages out that are like no other. ``published``:
K-means on the square roots as they are, with K = 1500 unless another number is asked for (Eberle et al., Science
Advances 10, 2024). None of them works on the 2-D map.

Corpora made after the constants were chosen (``tablesim synthesize`` with ``--tables 13 --editions 4 --seed 77`` and
``--tables 12 --editions 5 --seed 5``) and read through their scans fall into their tables without a fault. What
histograms cannot tell stays untold: two tables of degrees and minutes with nearly the same numbers in another order may
be nearer to each other than editions of one table 400 years apart, which then stand apart here.
``tablesim.workflow.cluster`` lays such neighbours over each other and joins those that agree.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import cut_tree

from tablesim.bigrams.embedding import unit_rows
from tablesim.corpus.clustering import linkage as counting
from tablesim.corpus.clustering.constraints import Constraints, constrained
from tablesim.corpus.clustering.kmeans import LazyRows, Rows, blocks, fit, lloyd, roots, sums_by_label, unit_roots
from tablesim.corpus.clustering.linkage import choose_cut, counting_distance, cut_linkage, linked_in_blocks, tree_of
from tablesim.corpus.clustering.model import ClusterColumns, Clustering, KCandidate
from tablesim.corpus.clustering.stability import DRAWN_AT_MOST, ResampledReadings
from tablesim.corpus.clustering.summary import describe
from tablesim.corpus.clustering.uncertainty import Draw
from tablesim.errors import SettingsError

METHODS = ("tables", "hdbscan", "published")
PUBLISHED_K = 1500
MOST_FOR_HDBSCAN = 20_000

_NEIGHBOURHOOD = 10

NO_TABLE = "no numerical table"
NO_FIGURES = "no figures were read"
LIKE_NO_OTHER = "like no other page"


def cluster_pages(
    pages: Sequence[str],
    histograms: Rows,
    is_table: Sequence[bool],
    k: int | str = "auto",
    *,
    method: str = "tables",
    seed: int = 0,
    constraints: Constraints | None = None,
    draw: Draw | None = None,
) -> Clustering:
    """Cluster pages by their histograms; the same pages give the same clusters.

    Parameters
    ----------
    pages : sequence of n str
        Page ids, sorted.
    histograms : rows of shape (n, 110)
        Bigram counts; an array, or a memory map of more than fits in memory.
    is_table : sequence of n bool
        Pages without a table, like those without figures, are in no cluster.
    k : "auto" or int
        Number of clusters; "auto" for as many as there are tables that counting can tell apart (``published``: 1500).
    method : str
        One of ``METHODS``.
    seed : int
        For K-means with a number of its own on more than 3,000 pages, and for the pages read again.
    constraints : Constraints, optional
        Pairs of pages that are known to carry one table, or not to. They come before a number of clusters.
    draw : callable, optional
        Gives histograms (n, 110) of all pages read again; by default every twentieth figure is misread.

    Raises
    ------
    SettingsError
        ``k`` is no number, below 1, or above the number of different pages; the method is unknown, finds its number
        by itself, or is not made for so many pages; the constraints contradict each other.
    """
    asked, constraints = number_of_clusters(k), constraints or Constraints()
    _check(method, asked, len(pages))
    n_bigrams = np.concatenate([np.asarray(histograms[part]).sum(axis=1) for part in blocks(len(pages), 256)] or [[]])
    without = {
        page: NO_TABLE if full else NO_FIGURES
        for page, table, full in zip(pages, is_table, n_bigrams > 0, strict=True)
        if not (table and full)
    }
    rows = np.flatnonzero(np.asarray(is_table, dtype=bool) & (n_bigrams > 0))
    constants = {"noise": counting.NOISE, "editions": counting.EDITIONS, "spread": counting.SPREAD}
    if len(rows) == 0:
        if asked != "auto":
            raise SettingsError(f"clusters: got {asked}, but there is no page with a table to cluster; use auto")
        nothing = np.full(len(pages), -1, dtype=np.intp)
        return Clustering(
            tuple(pages), nothing, ClusterColumns.blank(len(pages)), {}, without, asked, seed, method, constants
        )
    work = _Work(histograms, rows, asked, method, seed, draw)
    found = work.partition()
    if constraints:
        h = np.asarray(histograms[rows], dtype=np.float64)
        found = constrained(found, [pages[row] for row in rows.tolist()], h, constraints, work.near)
    constants |= {"cut": work.cut, "constraints": float(len(constraints.same) + len(constraints.forbidden))}
    placed = found >= 0
    without |= {pages[row]: LIKE_NO_OTHER for row in rows[~placed].tolist()}
    stability = work.again.stability(found, asked if method == "tables" else None)
    rows, found = rows[placed], found[placed]
    labels, columns = np.full(len(pages), -1, dtype=np.intp), ClusterColumns.blank(len(pages))
    facts = {}
    if len(rows):
        about = describe(histograms, rows, found, stability, max(1.0, work.cut))
        labels[rows], facts = about.labels, about.facts
        for name in ("place", "similarity", "strength", "outlier"):
            getattr(columns, name)[rows] = getattr(about.columns, name)
    return Clustering(
        tuple(pages),
        labels,
        columns,
        facts,
        {page: without[page] for page in pages if page in without},
        asked,
        seed,
        method,
        constants,
        work.choices,
        len(facts),
    )


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


def _check(method: str, asked: int | str, n_pages: int) -> None:
    if method not in METHODS:
        raise SettingsError(f"method: got {method!r}, expected one of {', '.join(METHODS)}")
    if method == "hdbscan" and asked != "auto":
        raise SettingsError(f"clusters: got {asked}, but hdbscan finds the number by itself; use auto")
    if method == "hdbscan" and n_pages > MOST_FOR_HDBSCAN:
        raise SettingsError(
            f"method: hdbscan compares all pages with all, got {n_pages}, expected at most {MOST_FOR_HDBSCAN}; "
            "use the method tables"
        )


class _Work:
    """One clustering under way.

    ``rows`` of ``histograms`` carry tables; ``cut`` is set when the tree has been cut, 1 where there is none.
    """

    def __init__(
        self, histograms: Rows, rows: NDArray[np.intp], asked: int | str, method: str, seed: int, draw: Draw | None
    ) -> None:
        self.histograms, self.rows = histograms, rows
        self.asked, self.method, self.seed = asked, method, seed
        self.again = ResampledReadings(histograms, rows, seed, draw)
        self.cut = 1.0
        self.choices: tuple[KCandidate, ...] = ()

    def partition(self) -> NDArray[np.intp]:
        """A label for each row, -1 for none."""
        k = PUBLISHED_K if self.method == "published" and self.asked == "auto" else self.asked
        if isinstance(k, int):
            self._enough(k)
        if self.method == "published":
            assert isinstance(k, int)
            return fit(LazyRows(self.histograms, self.rows, roots), k, self.seed)[1]
        if self.method == "hdbscan":
            return self._dense()
        if len(self.rows) == 1:
            return np.zeros(1, dtype=np.intp)
        unit = LazyRows(self.histograms, self.rows, unit_roots)
        if isinstance(k, int) and len(self.rows) > counting.LINKED_AT_ONCE:
            return fit(unit, k, self.seed)[1]
        h = self._counts(self.rows)
        start = self._linked(h) if k == "auto" else cut_tree(tree_of(h), n_clusters=k)[:, 0]
        names, start = np.unique(start, return_inverse=True)
        exact = unit_rows(np.sqrt(h)) if len(h) <= counting.LINKED_AT_ONCE else unit
        size = np.bincount(start)[:, None]
        return lloyd(exact, sums_by_label(exact, start, len(names)) / size, 20)[1]

    def near(self, h: NDArray[np.float64], means: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether a page (110,) is near enough to clusters with these mean pages (k, 110) to be one of them."""
        return np.asarray(counting_distance(h[None], means)[0] <= self.cut)

    def _counts(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        return np.asarray(self.histograms[rows], dtype=np.float64)

    def _enough(self, k: int) -> None:
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
        some = self._neighbourhoods(h)
        tree = tree_of(h[some])
        self.cut, self.choices = choose_cut(tree, self.again.trees(some))
        if len(some) == len(h):
            return cut_linkage(tree, self.cut)
        return linked_in_blocks(h, self.cut)

    def _neighbourhoods(self, h: NDArray[np.float64]) -> NDArray[np.intp]:
        """Rows to choose the cut by: all, or pages from all over the corpus, each with those nearest to it."""
        if len(h) <= DRAWN_AT_MOST:
            return np.arange(len(h))
        seeds = np.linspace(0, len(h) - 1, DRAWN_AT_MOST // _NEIGHBOURHOOD).astype(np.intp)
        best = np.full((len(seeds), _NEIGHBOURHOOD), -1.0)
        who = np.zeros((len(seeds), _NEIGHBOURHOOD), dtype=np.intp)
        queries = unit_rows(np.sqrt(h[seeds]))
        for part in blocks(len(h), len(seeds)):
            cosine = np.hstack([best, np.round(queries @ unit_rows(np.sqrt(h[part])).T, 9)])
            name = np.hstack([who, np.broadcast_to(np.arange(part.start, part.stop), (len(seeds), len(h[part])))])
            order = np.argsort(-cosine, axis=1, kind="stable")[:, :_NEIGHBOURHOOD]
            best, who = np.take_along_axis(cosine, order, 1), np.take_along_axis(name, order, 1)
        return np.unique(who)

    def _dense(self) -> NDArray[np.intp]:
        # A second to load, which every search and status would pay.
        from sklearn.cluster import HDBSCAN

        if len(self.rows) == 1:
            return np.full(1, -1, dtype=np.intp)
        h = self._counts(self.rows)
        if len(h) <= counting.LINKED_AT_ONCE:
            distance = counting_distance(h, h)
            distance = (distance + distance.T) / 2
            np.fill_diagonal(distance, 0.0)
            found = HDBSCAN(min_cluster_size=2, min_samples=1, metric="precomputed", copy=True).fit(distance)
        else:
            found = HDBSCAN(min_cluster_size=2, min_samples=1, copy=True).fit(unit_rows(np.sqrt(h)))
        return np.asarray(found.labels_, dtype=np.intp)
