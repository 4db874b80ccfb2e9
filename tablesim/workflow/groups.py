"""Relates the pages of a clustering: the same scan by hash, the same table by what was verified, the rest by kind.

What was aligned so far decides, whoever asked for it: clustering, search, report. Pages that carry one table hang
together by verified pairs (union-find), the surest first; what people said comes before them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from tablesim.corpus.clustering.constraints import ConstrainedUnionFind, Constraints
from tablesim.corpus.clustering.model import Clustering
from tablesim.corpus.indexing.events import Event, Listener, ignore_event
from tablesim.errors import InUseError
from tablesim.records.relations import PART_OF, SAME_KIND, SAME_SCAN, SAME_TABLE, PageRelation
from tablesim.review.constraints import run_constraints
from tablesim.workflow.alignments import RunAlignments


@dataclass(frozen=True)
class _Link:
    """Two scans that carry one table, by their first pages; ``part`` is the one that holds part of the other."""

    a: str
    b: str
    rank: float
    part: str | None

    def of(self, page: str) -> PageRelation:
        """What relates one of the two to the other, without the number of their table."""
        other = self.b if page == self.a else self.a
        return PageRelation(page, PART_OF if page == self.part else SAME_TABLE, other, None)


def relate(
    alignments: RunAlignments, clustering: Clustering, constraints: Constraints | None = None
) -> dict[str, PageRelation]:
    """What relates each page to another, by page; pages that are like no other are left out.

    Parameters
    ----------
    alignments : RunAlignments
        What was verified so far; nothing is aligned.
    clustering : Clustering
    constraints : Constraints, optional
        What is known of pairs of pages; the verdicts of the run unless given.
    """
    if constraints is None:
        constraints = run_constraints(alignments.corpus).constraints
    first = _first_of_scan(alignments, clustering.groups.pages)
    links = _links(alignments, constraints, first)
    tables = _tables(links, constraints, first)
    best: dict[str, _Link] = {}
    for link in sorted(links, key=lambda link: (-link.rank, link.a, link.b)):
        if tables.get(link.a) == tables.get(link.b):
            best.setdefault(link.a, link)
            best.setdefault(link.b, link)
    related = {page: replace(best[page].of(page), table=tables[page]) for page in tables}
    for page, other in _of_one_kind(clustering, first, tables):
        related[page] = PageRelation(page, SAME_KIND, other, None)
    for page, one in first.items():
        if page != one:
            related[page] = PageRelation(page, SAME_SCAN, one, tables.get(one))
    return dict(sorted(related.items()))


def keep_relations(alignments: RunAlignments, on_event: Listener = ignore_event) -> None:
    """Store what follows from alignments that were made after the clustering; nothing where nothing does."""
    corpus = alignments.corpus
    clustering = corpus.clusters
    if clustering is None or not alignments.keep:
        return
    related = relate(alignments, clustering)
    if related == clustering.relations:
        return
    try:
        with corpus.lock():
            corpus.clusterings.save(replace(clustering, relations=related))
    except (InUseError, OSError) as error:
        on_event(Event("remark", "clusters", message=f"which pages carry the same table was not kept ({error})"))


def _first_of_scan(alignments: RunAlignments, pages: Iterable[str]) -> dict[str, str]:
    """Of each page the first one, by their ids, with the same bytes."""
    first: dict[str, str] = {}
    by_page = {}
    for page in sorted(pages):
        scan = alignments.corpus.page_table.sha256_of(page) or page
        by_page[page] = first.setdefault(scan, page)
    return by_page


def _links(alignments: RunAlignments, constraints: Constraints, first: dict[str, str]) -> list[_Link]:
    said = {
        (min(pair), max(pair))
        for a, b in constraints.same
        if len(pair := {first.get(a, a), first.get(b, b)}) == 2 and pair <= set(first.values())
    }
    links = [_Link(a, b, 2.0, None) for a, b in sorted(said)]
    for a, b, verification in alignments.verified():
        if a in first and b in first and verification.same and (a, b) not in said:
            part = None if verification.part is None else (first[a], first[b])[verification.part]
            links.append(_Link(first[a], first[b], verification.rank, part))
    return links


def _tables(links: list[_Link], constraints: Constraints, first: dict[str, str]) -> dict[str, int]:
    """The number, from 1, of the table of each page that shares one; larger groups first."""
    groups = ConstrainedUnionFind()
    for a, b in constraints.same:
        if a in first and b in first:
            groups.join(first[a], first[b])
    for a, b in constraints.forbidden:
        if a in first and b in first:
            groups.forbid(first[a], first[b])
    for link in sorted(links, key=lambda link: (-link.rank, link.a, link.b)):
        groups.join(link.a, link.b)
    pages_of: dict[str, list[str]] = {}
    for page in sorted({page for link in links for page in (link.a, link.b)}):
        pages_of.setdefault(groups.find(page), []).append(page)
    several = sorted((pages for pages in pages_of.values() if len(pages) > 1), key=lambda pages: (-len(pages), pages))
    return {page: number for number, pages in enumerate(several, 1) for page in pages}


def _of_one_kind(clustering: Clustering, first: dict[str, str], tables: dict[str, int]) -> Iterator[tuple[str, str]]:
    """The pages that share a cluster and no table, each with the page in the middle of it, or the one next to that."""
    for cluster in clustering.clusters:
        scans = [page for page in cluster.pages if first[page] == page]
        for page in scans:
            others = [other for other in scans if other != page]
            if page not in tables and others:
                yield page, others[0]
