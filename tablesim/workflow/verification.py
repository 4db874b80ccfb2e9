"""Which of the pages that look alike carry the same table: candidates by histograms, verified by alignment.

Search by histograms finds candidates, and pages of one kind are as alike by them as editions of one table. Alignment
and collation tell them apart. Only candidates are aligned, so what it costs grows with pages and not with pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from typing import Any

from tablesim.corpus.clustering.constraints import ConstrainedUnionFind, Constraints
from tablesim.corpus.indexing.events import Listener, ignore_event
from tablesim.corpus.search.engine import N_NEIGHBOURS
from tablesim.corpus.search.hits import Hit
from tablesim.corpus.store import Corpus
from tablesim.evidence.collation.verification import Verification
from tablesim.records.relations import SAME_SCAN
from tablesim.workflow.alignments import RunAlignments
from tablesim.workflow.groups import keep_relations

CANDIDATES = 30
"""So many of the most similar pages are aligned with the query."""

WITHIN = 4
"""Each page is aligned with so many of its nearest pages in its own cluster."""

Pair = tuple[str, str]


@dataclass(frozen=True)
class VerifiedHit:
    """A hit, how far its page agrees with the query cell by cell, and what follows; None where they were not aligned.

    ``relation`` is one of ``tablesim.records.relations.RELATIONS``: bytes tell the same scan, cells the same table, and
    the groups of the run the same kind; None for pages that are merely alike.
    """

    hit: Hit
    verification: Verification | None
    relation: str | None = None

    def to_dict(self) -> dict[str, Any]:
        agreement = None if self.verification is None else self.verification.to_dict()
        return {**self.hit.to_dict(), "relation": self.relation, "verification": agreement}


def verified_search(
    corpus: Corpus,
    page: str,
    *,
    top: int = 10,
    across_books: bool = False,
    labels: Mapping[str, str] | None = None,
    approximate: bool = False,
    candidates: int = CANDIDATES,
    on_event: Listener = ignore_event,
) -> list[VerifiedHit]:
    """The pages most like a page, those that carry its table first.

    Parameters
    ----------
    corpus : Corpus
    page : str
        The page to start from.
    top : int
        How many pages at most.
    across_books, labels, approximate
        As in ``Corpus.search``.
    candidates : int
        How many of the most similar pages are aligned with the query, at least ``top``; ranks are among these.
    on_event : callable, optional
        Gets remarks on alignments that could not be read or kept.

    Raises
    ------
    RunError
        No such page, or no digits were read on it.
    """
    hits = corpus.search(
        page, top=max(top, candidates), across_books=across_books, labels=labels, approximate=approximate
    )
    corpus.reading(page)  # without a reading of the query nothing can be verified, and the error says so
    alignments = RunAlignments(corpus, on_event)
    verified = [(alignments.verify(page, hit.page), hit) for hit in hits]
    alignments.save()
    keep_relations(alignments, on_event)
    # A page that agrees nowhere keeps its rank among those like it.
    verified.sort(key=lambda item: (not item[0].same, -item[0].rank, item[1].rank))
    return [
        VerifiedHit(replace(hit, rank=rank), agreement, _relation(corpus, page, hit.page, agreement))
        for rank, (agreement, hit) in enumerate(verified[:top], 1)
    ]


def known_to_agree(
    corpus: Corpus, page: str, hits: Iterable[Hit], on_event: Listener = ignore_event
) -> list[VerifiedHit]:
    """Hits in their order with what the run knows of them already; nothing is aligned."""
    alignments = RunAlignments(corpus, on_event)
    known = [(hit, alignments.known(page, hit.page)) for hit in hits]
    return [VerifiedHit(hit, agreement, _relation(corpus, page, hit.page, agreement)) for hit, agreement in known]


def _relation(corpus: Corpus, page: str, other: str, agreement: Verification | None) -> str | None:
    if corpus.page(page)["sha256"] == corpus.page(other)["sha256"]:
        return SAME_SCAN
    if agreement is not None and agreement.same:
        return agreement.relation
    # Pages that are of no kind together are merely alike.
    return corpus.groups.relation(page, other) if agreement is not None else None


def different_tables(alignments: RunAlignments, clusters: Iterable[Sequence[str]]) -> Constraints:
    """What is known of clusters: the pages of each table are the same, and different tables of one cluster are split.

    Each page is aligned with the pages of its cluster that are nearest to it. Pages that carry one table hang together;
    of a cluster that falls into several such groups, those of two pages and more are a table each. A page that hangs
    on none of the others may have been read badly, and stays with those that it is like.
    """
    same: list[Pair] = []
    split: list[Pair] = []
    for pages in clusters:
        groups = [group for group in same_tables(alignments, pages) if len(group) > 1]
        same += [pair for group in groups for pair in pairwise(group)]
        if len(groups) > 1:
            split += combinations([group[0] for group in groups], 2)
    return Constraints(same=tuple(same), split=tuple(split))


def same_tables(alignments: RunAlignments, pages: Sequence[str]) -> list[list[str]]:
    """The pages in groups that carry one table each, by union-find; the largest first, each in the order of its ids."""
    corpus, members = alignments.corpus, set(pages)
    groups = ConstrainedUnionFind()
    for page in sorted(pages):
        near = [other for other in corpus.nearest_pages(page, N_NEIGHBOURS) if other in members][:WITHIN]
        for other in near:
            if groups.find(page) != groups.find(other) and alignments.verify(page, other).same:
                groups.join(page, other)
    pages_of: dict[str, list[str]] = {}
    for page in sorted(pages):
        pages_of.setdefault(groups.find(page), []).append(page)
    return sorted(pages_of.values(), key=lambda group: (-len(group), group))
