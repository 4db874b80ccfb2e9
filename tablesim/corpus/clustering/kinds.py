"""Joins clusters to kinds: groups of pages that are alike by figures, by average linkage one cluster after the other.

A cluster is as fine as a table. Months of one observatory, the Sun's place in several years and tables for several
latitudes are of one kind, and each may be a cluster of its own. Clusters join the kind that they are most like, the
larger ones first, where their pages are alike enough on the average.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tablesim.corpus.clustering.constraints import Pair
from tablesim.corpus.clustering.kmeans import LazyRows, Rows, sums_by_label, unit_roots
from tablesim.corpus.clustering.model import Clustering

ALIKE = 0.9
"""Mean cosine of the pages of two clusters from which they are of one kind. No likeness parts kinds sharply: of 59
pages of thirteen kinds of tables as printed (benchmarks/kinds.py) .77 of the pairs of one kind reach .90 and .09 of
those of two; at .85 it is .86 and .24, at .94 .52 and .03. Between .90 and .92 the two shares are farthest apart, and
.90 leaves fewer pages of a kind alone. In a year-book pages of one element at one station are alike to .925 and more,
of one element at two stations to .88 at most; in the sample corpus all pairs of one kind reach it, and .06 of those
of two. So a kind says that pages are alike by figures and no more: only cells say that two carry the same table."""


def kinds_of(clustering: Clustering, histograms: Rows, kin: Iterable[Pair] = ()) -> dict[str, int]:
    """The number, from 1, of the kind of each page in a cluster; larger kinds come first.

    Parameters
    ----------
    clustering : Clustering
    histograms : rows of shape (n_pages, 110)
        Of all of its pages.
    kin : pairs of str
        Pages whose clusters are of one kind, as people said.
    """
    rows = np.flatnonzero(clustering.labels_ >= 0)
    names, index = np.unique(clustering.labels_[rows], return_inverse=True)
    if not len(names):
        return {}
    sums = sums_by_label(LazyRows(histograms, rows, unit_roots), index, len(names))
    sizes = np.bincount(index)
    place = {name: at for at, name in enumerate(names.tolist())}
    totals, counts, n_kinds = np.zeros_like(sums), np.zeros(len(names)), 0
    kind_of: dict[int, int] = {}
    for label in clustering.facts:
        at = place[label]
        kind = n_kinds
        if n_kinds:
            alike = np.round(totals[:n_kinds] @ sums[at] / (counts[:n_kinds] * sizes[at]), 6)
            best = int(alike.argmax())
            kind = best if alike[best] >= ALIKE else n_kinds
        n_kinds = max(n_kinds, kind + 1)
        totals[kind] += sums[at]
        counts[kind] += sizes[at]
        kind_of[label] = kind
    for pair in kin:
        found = [kind_of[own] for page in pair if (own := clustering.label_of(page)) is not None]
        if len(set(found)) == 2:
            counts[found[0]] += counts[found[1]]
            counts[found[1]] = 0
            kind_of = {label: found[0] if kind == found[1] else kind for label, kind in kind_of.items()}
    ranked = np.argsort(-counts[:n_kinds], kind="stable").tolist()
    number = {kind: at for at, kind in enumerate(ranked, 1)}
    labels = clustering.labels_[rows].tolist()
    return {clustering.pages[row]: number[kind_of[label]] for row, label in zip(rows.tolist(), labels, strict=True)}
