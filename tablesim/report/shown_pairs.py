"""Aligns all pairs of pages that a report shows, before any of it is written and groups are made of what is known.

So a report says the same however often it is written, and wherever it was interrupted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from tablesim.corpus.clustering.model import Cluster
from tablesim.report.content import MAX_MEMBERS
from tablesim.report.pair_pages import PageIds
from tablesim.workflow.alignments import RunAlignments
from tablesim.workflow.groups import relate

MAX_VERIFIED = 200
"""Pairs that a report aligns beside those that clustering asked for, and beside those with a page of their own."""


def align_shown(
    alignments: RunAlignments, with_page: Iterable[PageIds], clusters: Sequence[Cluster], n_neighbours: int
) -> None:
    """Align the pairs that have a page of their own, and ``MAX_VERIFIED`` of those that are named beside each other."""
    for pair in with_page:
        alignments.verify(*pair)
    scan_of = dict(
        zip(*(alignments.corpus.page_table.column(name).to_pylist() for name in ("page", "sha256")), strict=True)
    )
    named = (pair for pair in _named(alignments, clusters, n_neighbours) if scan_of[pair[0]] != scan_of[pair[1]])
    alignments.verify_first(named, MAX_VERIFIED)
    alignments.save()


def _named(alignments: RunAlignments, clusters: Sequence[Cluster], n_neighbours: int) -> Iterator[PageIds]:
    """First pages without a partner with their nearest pages: none is said to be alone that stands beside its table."""
    corpus = alignments.corpus
    if (clustering := corpus.clusters) is not None:
        groups = replace(clustering, relations=relate(alignments, clustering, by_clustering=True)).groups
        lone = (*groups.alone, *(page for kind in groups.kinds for page in kind.alike))
        yield from ((page, other) for page in lone for other in corpus.nearest_pages(page, n_neighbours))
    for cluster in clusters:
        yield from ((member.page, cluster.medoid) for member in cluster.members[:MAX_MEMBERS])
    table = corpus.page_table
    for page in table.ids(np.flatnonzero(table.flags("is_table"))):
        yield from ((page, other) for other in corpus.nearest_pages(page, n_neighbours))
