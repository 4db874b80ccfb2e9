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
from tablesim.corpus.search.containing import holding
from tablesim.errors import RunError
from tablesim.evidence.collation.verification import Verification
from tablesim.records.relations import MACHINE, PART_OF, PERSON, SAME_KIND, SAME_SCAN, SAME_TABLE, Groups, PageRelation
from tablesim.review.constraints import run_constraints
from tablesim.workflow.alignments import RunAlignments

WHOLES, COVERED, UNEQUAL = 3, 0.85, 0.8
"""A page without a partner is aligned with so many pages that share so much of the smaller one's bigrams, if one of the
two has so much fewer: of 45 rows and 90 of one table, with every twentieth figure misread, .93 are shared."""


@dataclass(frozen=True)
class _Link:
    """Two scans that carry one table, by their first pages; ``part`` is the one that holds part of the other."""

    a: str
    b: str
    rank: float
    part: str | None
    by: str = MACHINE

    def of(self, page: str) -> PageRelation:
        """What relates one of the two to the other, without the number of their table."""
        other = self.b if page == self.a else self.a
        return PageRelation(page, PART_OF if page == self.part else SAME_TABLE, other, None, self.by)


def relate(
    alignments: RunAlignments,
    clustering: Clustering,
    constraints: Constraints | None = None,
    *,
    by_clustering: bool = False,
) -> dict[str, PageRelation]:
    """What relates each page to another, by page; pages that are like no other are left out.

    Parameters
    ----------
    alignments : RunAlignments
        What was verified so far; nothing is aligned.
    clustering : Clustering
    constraints : Constraints, optional
        What is known of pairs of pages; the verdicts of the run unless given.
    by_clustering : bool
        By what clusterings asked for alone. What is to be aligned next is chosen by these, so that it does not depend
        on what was aligned before, by whom, and where a job was interrupted.
    """
    if constraints is None:
        constraints = run_constraints(alignments.corpus).constraints
    first = _first_of_scan(alignments, clustering.groups.pages)
    links = _links(alignments.verified(by_clustering=by_clustering), constraints, first)
    tables = _tables(links, constraints, first)
    best: dict[str, _Link] = {}
    for link in sorted(links, key=lambda link: (-link.rank, link.a, link.b)):
        if tables.get(link.a) == tables.get(link.b):
            best.setdefault(link.a, link)
            best.setdefault(link.b, link)
    related = {page: replace(best[page].of(page), table=tables[page]) for page in tables}
    for page, one in first.items():
        if page != one:
            related[page] = PageRelation(page, SAME_SCAN, one, tables.get(one))
    kin = {frozenset(pair) for pair in constraints.kin}
    for page, other in _of_one_kind(replace(clustering, relations=related).groups, tables):
        by = PERSON if {page, other} in kin else MACHINE
        related[page] = PageRelation(page, SAME_KIND, other, None, by)
    return dict(sorted(related.items()))


def keep_relations(alignments: RunAlignments, on_event: Listener = ignore_event) -> Groups:
    """The groups of a run with what follows from alignments that were made after the clustering, which is stored."""
    corpus = alignments.corpus
    clustering = corpus.clusters
    if clustering is None:
        return corpus.groups
    now = replace(clustering, relations=relate(alignments, clustering))
    if alignments.keep and now.relations != clustering.relations:
        try:
            with corpus.lock():
                corpus.clusterings.save(now)
        except (RunError, OSError) as error:
            on_event(Event("remark", "clusters", message=f"which pages carry the same table was not kept ({error})"))
    return now.groups


def align_parts(alignments: RunAlignments, groups: Groups) -> None:
    """Align pages without a partner with the pages that may hold their table, or hold it.

    A crop, a half and a page of several are less alike to the whole than its other editions are, and are covered by
    it: candidates are those that cover most of their bigrams (containment), of another size.
    """
    corpus = alignments.corpus
    index = corpus.searching.index
    alone = [page for page in groups.pages if groups.table_of(page) is None and groups.scan_of(page) == page]
    entries = {page: index.at(corpus.page_table.find(page)) for page in alone}
    known = {page: entry for page, entry in entries.items() if entry is not None}
    for page, rows in zip(known, holding(index, list(known.values()), WHOLES, COVERED, UNEQUAL), strict=True):
        for other in corpus.page_table.ids(index.rows[rows]):
            alignments.verify(page, other)


def _first_of_scan(alignments: RunAlignments, pages: Iterable[str]) -> dict[str, str]:
    """Of each page the first one, by their ids, with the same bytes."""
    first: dict[str, str] = {}
    by_page = {}
    for page in sorted(pages):
        scan = alignments.corpus.page_table.sha256_of(page) or page
        by_page[page] = first.setdefault(scan, page)
    return by_page


def _links(
    verified: Iterable[tuple[str, str, Verification]], constraints: Constraints, first: dict[str, str]
) -> list[_Link]:
    same_by_people = {
        (min(pair), max(pair))
        for a, b in constraints.same
        if len(pair := {first.get(a, a), first.get(b, b)}) == 2 and pair <= set(first.values())
    }
    links = [_Link(a, b, 2.0, None, PERSON) for a, b in sorted(same_by_people)]
    for a, b, verification in verified:
        if a in first and b in first and verification.same and (a, b) not in same_by_people:
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


def _of_one_kind(groups: Groups, tables: dict[str, int]) -> Iterator[tuple[str, str]]:
    """The pages that share a kind and no table, each with the page in the middle of it, or the one next to that."""
    for kind in groups.kinds:
        scans = [page for page in kind.pages if groups.scan_of(page) == page]
        for page in scans:
            if page not in tables:
                yield page, scans[0] if scans[0] != page else scans[1]
