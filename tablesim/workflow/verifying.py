"""Candidates laid over each other: which of the pages that look alike carry the same table.

Search by histograms finds candidates, and pages of one kind are as alike by them as editions of one table. Collation
tells them apart. It runs on candidates only, so what it costs grows with pages and not with pairs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from typing import Any

from tablesim.bigrams.embedding import embed, similarity
from tablesim.corpus.constraints import Constraints
from tablesim.corpus.search import Hit, containment
from tablesim.corpus.searching import N_NEIGHBOURS
from tablesim.corpus.store import Corpus
from tablesim.errors import RunError
from tablesim.evidence.verification import Verification, verify

CANDIDATES = 30
"""So many of the most similar pages are laid over the query."""

WITHIN = 4
"""So many of its nearest pages in its own cluster are laid over each page."""

Pair = tuple[str, str]


@dataclass(frozen=True)
class VerifiedHit:
    """A hit and how far its page agrees with the query, place by place."""

    hit: Hit
    verification: Verification

    def to_dict(self) -> dict[str, Any]:
        return {**self.hit.to_dict(), "verification": self.verification.to_dict()}


def verified_search(
    corpus: Corpus, page: str, *, top: int = 10, across_books: bool = False, candidates: int = CANDIDATES
) -> list[VerifiedHit]:
    """The pages most like a page, those that carry its table first.

    Parameters
    ----------
    corpus : Corpus
    page : str
        The page to start from.
    top : int
        How many pages at most.
    across_books : bool
        As in ``Corpus.search``.
    candidates : int
        How many of the most similar pages are laid over the query, at least ``top``; ranks are among these.

    Raises
    ------
    RunError
        No such page, or no figures were read on it.
    """
    hits = corpus.search(page, top=max(top, candidates), across_books=across_books)
    corpus.reading(page)  # without a reading of the query nothing can be verified, and the error says so
    found = [VerifiedHit(hit, verify_pages(corpus, page, hit.page)) for hit in hits]
    # A page that agrees nowhere keeps its place among those like it.
    found.sort(key=lambda one: (-one.verification.rank, one.hit.rank))
    return [replace(one, hit=replace(one.hit, rank=rank)) for rank, one in enumerate(found[:top], 1)]


def verify_pages(corpus: Corpus, a: str, b: str) -> Verification:
    """How far two pages of a run agree; pages without a reading (foreign vectors) agree nowhere."""
    try:
        return verify(corpus.reading(a), corpus.reading(b))
    except RunError:
        return Verification(0.0, 0.0, 0)


def different_tables(corpus: Corpus, clusters: Iterable[Sequence[str]]) -> Constraints:
    """What keeps different tables out of one cluster: the pages of each table are the same, and the tables are split.

    Each page is laid over the pages of its cluster that are nearest to it. Pages that carry one table hang together; of
    a cluster that falls into several such groups, those of two pages and more stand for a table each. A page that hangs
    on none of the others may have been read badly, and stays with those that it is like.
    """
    same: list[Pair] = []
    split: list[Pair] = []
    for pages in clusters:
        groups = [group for group in same_tables(corpus, pages) if len(group) > 1]
        if len(groups) > 1:
            same += [pair for group in groups for pair in pairwise(group)]
            split += combinations([group[0] for group in groups], 2)
    return Constraints(same=tuple(same), split=tuple(split))


def same_tables(corpus: Corpus, pages: Sequence[str]) -> list[list[str]]:
    """The pages in groups that carry one table each, the largest first, each in the order of its ids."""
    members = set(pages)
    group = {page: page for page in pages}

    def head(page: str) -> str:
        while group[page] != page:
            page = group[page]
        return page

    for page in sorted(pages):
        near = [hit.page for hit in corpus.neighbours(page, N_NEIGHBOURS) if hit.page in members][:WITHIN]
        for other in near:
            if head(page) != head(other) and verify_pages(corpus, page, other).same:
                group[head(other)] = head(page)
    found: dict[str, list[str]] = {}
    for page in sorted(pages):
        found.setdefault(head(page), []).append(page)
    return sorted(found.values(), key=lambda group: (-len(group), group))


@dataclass(frozen=True)
class TableRun:
    """Consecutive pages of one book that match consecutive pages of another, page by page: one table on several pages.

    Parameters
    ----------
    pages_a, pages_b : tuple of str
        In the order of the books; editions break tables at other rows, so there may be more of one.
    """

    pages_a: tuple[str, ...]
    pages_b: tuple[str, ...]


@dataclass(frozen=True)
class Likeness:
    """How alike two runs of pages are, their histograms added up: cosine of the roots, and containment."""

    run: TableRun
    similarity: float
    containment: float


def tables_over_pages(corpus: Corpus, candidates: int = 5) -> list[Likeness]:
    """The tables that run over several pages in two books, the longest first.

    Of each page the ``candidates`` nearest of other books are laid over it.
    """
    pairs: set[Pair] = set()
    ids, counts = corpus.histograms
    for page in ids:
        if not corpus.page(page)["is_table"]:
            continue
        for hit in corpus.search(page, top=candidates, across_books=True):
            pair = min(page, hit.page), max(page, hit.page)
            if pair not in pairs and verify_pages(corpus, page, hit.page).same:
                pairs.add(pair)
    at = {page: row for row, page in enumerate(ids)}
    found = []
    for run in table_runs(pairs):
        if max(len(run.pages_a), len(run.pages_b)) > 1:
            h_a, h_b = (counts[[at[page] for page in pages]].sum(axis=0) for pages in (run.pages_a, run.pages_b))
            found.append(Likeness(run, similarity(embed(h_a), embed(h_b)), containment(h_a, h_b)))
    return found


def table_runs(pairs: Iterable[Pair]) -> list[TableRun]:
    """Pairs of matching pages joined to runs, the longest first; a page that matches alone is a run of one.

    Page ids tell book and page as in ``1002_sacrobosco_1531_p34``; an id without ``_p`` and a number is a book of its
    own. Openings differ, so a run goes on where both sides are one page on, or one of them stays: editions break tables
    at other rows.
    """
    found: list[tuple[list[str], list[str]]] = []
    order = sorted(
        {(a, b) if a <= b else (b, a) for a, b in pairs}, key=lambda pair: (_place(pair[0]), _place(pair[1]))
    )
    for a, b in order:
        for run_a, run_b in found:
            if _follows(run_a[-1], a) and _follows(run_b[-1], b):
                run_a += [a] * (a != run_a[-1])
                run_b += [b] * (b != run_b[-1])
                break
        else:
            found.append(([a], [b]))
    runs = [TableRun(tuple(a), tuple(b)) for a, b in found]
    return sorted(runs, key=lambda run: (-len(run.pages_a) - len(run.pages_b), run.pages_a, run.pages_b))


def _place(page: str) -> tuple[str, int]:
    """Book and page number of a page id."""
    match = re.fullmatch(r"(.*)_p(\d+)", page)
    return (match[1], int(match[2])) if match else (page, 0)


def _follows(page: str, following: str) -> bool:
    """Whether a page is the same or the next one of the same book."""
    (book, at), (other, there) = _place(page), _place(following)
    return book == other and there - at in (0, 1)
