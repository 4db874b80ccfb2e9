"""Candidates laid over each other: which of the pages that look alike carry the same table.

Search by histograms finds candidates, and pages of one kind are as alike by them as editions of one table. Collation
tells them apart. It runs on candidates only, so what it costs grows with pages and not with pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from typing import Any

from tablesim.corpus.clustering.constraints import ConstrainedUnionFind, Constraints
from tablesim.corpus.search.engine import N_NEIGHBOURS
from tablesim.corpus.search.hits import Hit
from tablesim.corpus.store import Corpus
from tablesim.errors import RunError
from tablesim.evidence.collation.verification import Verification
from tablesim.workflow.verification_store import VerifiedPairs

CANDIDATES = 30
"""So many of the most similar pages are laid over the query."""

WITHIN = 4
"""So many of its nearest pages in its own cluster are laid over each page."""

Pair = tuple[str, str]


@dataclass(frozen=True)
class VerifiedHit:
    """A hit and how far its page agrees with the query, place by place; None where the two were not laid over."""

    hit: Hit
    verification: Verification | None

    def to_dict(self) -> dict[str, Any]:
        told = None if self.verification is None else self.verification.to_dict()
        return {**self.hit.to_dict(), "verification": told}


def verified_search(
    corpus: Corpus,
    page: str,
    *,
    top: int = 10,
    across_books: bool = False,
    labels: Mapping[str, str] | None = None,
    approximate: bool = False,
    candidates: int = CANDIDATES,
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
        How many of the most similar pages are laid over the query, at least ``top``; ranks are among these.

    Raises
    ------
    RunError
        No such page, or no figures were read on it.
    """
    hits = corpus.search(
        page, top=max(top, candidates), across_books=across_books, labels=labels, approximate=approximate
    )
    corpus.reading(page)  # without a reading of the query nothing can be verified, and the error says so
    found = [(verify_pages(corpus, page, hit.page), hit) for hit in hits]
    # A page that agrees nowhere keeps its place among those like it.
    found.sort(key=lambda one: (-one[0].rank, one[1].rank))
    return [VerifiedHit(replace(hit, rank=rank), told) for rank, (told, hit) in enumerate(found[:top], 1)]


def known_to_agree(corpus: Corpus, page: str, hits: Iterable[Hit]) -> list[VerifiedHit]:
    """Hits in their order with what the run knows of them already; nothing is laid over anything."""
    known = VerifiedPairs.of(corpus)
    return [VerifiedHit(hit, known.get(page, hit.page)) for hit in hits]


def verify_pages(corpus: Corpus, a: str, b: str) -> Verification:
    """How far two pages of a run agree; pages without a reading (foreign vectors) agree nowhere."""
    try:
        return VerifiedPairs.of(corpus).verify(a, b)
    except RunError:
        return Verification(0.0, 0.0, 0)


def different_tables(corpus: Corpus, clusters: Iterable[Sequence[str]]) -> Constraints:
    """What keeps different tables out of one cluster: the pages of each table are the same, and the tables are split.

    Each page is laid over the pages of its cluster that are nearest to it, and what that says is kept in the run. Pages
    that carry one table hang together; of a cluster that falls into several such groups, those of two pages and more
    stand for a table each. A page that hangs on none of the others may have been read badly, and stays with those that
    it is like.
    """
    same: list[Pair] = []
    split: list[Pair] = []
    for pages in clusters:
        groups = [group for group in same_tables(corpus, pages) if len(group) > 1]
        if len(groups) > 1:
            same += [pair for group in groups for pair in pairwise(group)]
            split += combinations([group[0] for group in groups], 2)
    VerifiedPairs.of(corpus).save()
    return Constraints(same=tuple(same), split=tuple(split))


def same_tables(corpus: Corpus, pages: Sequence[str]) -> list[list[str]]:
    """The pages in groups that carry one table each, the largest first, each in the order of its ids."""
    members = set(pages)
    groups = ConstrainedUnionFind()
    for page in sorted(pages):
        near = [hit.page for hit in corpus.neighbours(page, N_NEIGHBOURS) if hit.page in members][:WITHIN]
        for other in near:
            if groups.find(page) != groups.find(other) and verify_pages(corpus, page, other).same:
                groups.join(page, other)
    pages_by_group: dict[str, list[str]] = {}
    for page in sorted(pages):
        pages_by_group.setdefault(groups.find(page), []).append(page)
    return sorted(pages_by_group.values(), key=lambda group: (-len(group), group))
