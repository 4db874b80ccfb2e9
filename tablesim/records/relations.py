"""How pages are related: the same scan, the same table, part of one, the same kind; and the groups that follow.

Two relations are never mixed. *The same table* is verified cell by cell, or said by a person; a crop, a half and a page
of several are parts of one. *The same kind* is alike by figures and not shown to be the same. Byte-equal scans are the
same scan, whatever they are called, and count once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any

from tablesim.language import grouped, listed, say, say_n, to_say

SAME_SCAN, SAME_TABLE = to_say("same scan"), to_say("same table")
PART_OF, SAME_KIND = to_say("part of"), to_say("same kind")
MACHINE, PERSON = "machine", "person"
RELATIONS = (SAME_SCAN, SAME_TABLE, PART_OF, SAME_KIND)
"""From the surest to the least sure."""


@dataclass(frozen=True, slots=True)
class PageRelation:
    """What relates a page to another one; the columns ``table``, ``relation``, ``relation_to``, ``relation_by`` of
    ``clusters/``.

    Parameters
    ----------
    page : str
    relation : str
        One of ``RELATIONS``: ``page`` is the same scan as ``to``, carries the same table, carries part of its table, or
        is of the same kind.
    to : str
        The page that it was verified with; of pages of the same kind the middle of their cluster.
    table : int or None
        Number, from 1, of the table that both carry; None where no page was shown to carry the same table.
    by : str
        "machine" where the machine found it, "person" where somebody said it.
    """

    page: str
    relation: str
    to: str
    table: int | None
    by: str = MACHINE

    def to_dict(self) -> dict[str, Any]:
        return {"relation": self.relation, "relation_to": self.to, "table": self.table, "relation_by": self.by}


@dataclass(frozen=True, slots=True)
class PageVerdict:
    """The newest verdict of a person on a page that holds: never mixed with what the machine found.

    Parameters
    ----------
    verdict : str
        "same table", "same kind", "another table" or "unsure".
    verdict_with : str
        The page that it was judged with.
    verdict_by, verdict_at, verdict_reason : str
        Who said it, when (UTC, ISO 8601) and why.
    """

    verdict: str
    verdict_with: str
    verdict_by: str
    verdict_at: str
    verdict_reason: str


VERDICT_COLUMNS = tuple(field.name for field in fields(PageVerdict))


@dataclass(frozen=True)
class TableGroup:
    """Pages that carry one table: verified cell by cell, or parts of it.

    Parameters
    ----------
    number : int
        From 1; larger groups come first.
    relations : tuple of PageRelation
        One a page, wholes before parts, and each copy of a scan behind its first.
    clusters : tuple of int
        The numbers of the clusters that its pages are in, mostly one.
    """

    number: int
    relations: tuple[PageRelation, ...]
    clusters: tuple[int, ...]

    def __repr__(self) -> str:
        return f"TableGroup({self.heading!r})"

    @property
    def pages(self) -> tuple[str, ...]:
        """The pages, copies of a scan included."""
        return tuple(relation.page for relation in self.relations)

    @property
    def scans(self) -> tuple[str, ...]:
        """The pages without copies of a scan: what is counted."""
        return tuple(relation.page for relation in self.relations if relation.relation != SAME_SCAN)

    @property
    def how(self) -> str:
        """By what its pages are known to carry it: what people said is never called verified."""
        n_by_people = sum(relation.by == PERSON for relation in self.relations if relation.relation != SAME_SCAN)
        if not n_by_people:
            return say("verified cell by cell")
        if n_by_people == len(self.scans):
            return say("as people said")
        return say("verified cell by cell or said by people")

    @property
    def heading(self) -> str:
        """What the group is, in words."""
        parts = sum(relation.relation == PART_OF for relation in self.relations)
        n = len(self.scans)
        heading = say_n(
            n,
            "Table {number}: the same table on {n} page",
            "Table {number}: the same table on {n} pages",
            number=self.number,
        )
        if not parts:
            return heading
        return f"{heading}, " + say_n(parts, "{n} of them part of it", "{n} of them parts of it")

    def to_dict(self) -> dict[str, Any]:
        relations = [{"page": relation.page, **relation.to_dict()} for relation in self.relations]
        return {"table": self.number, "clusters": list(self.clusters), "pages": relations}


@dataclass(frozen=True)
class KindGroup:
    """Pages of the same kind: alike by figures, two scans and more that were not all shown to carry one table.

    Parameters
    ----------
    number : int
        From 1; the numbers of kinds of one page alone are passed over.
    clusters : tuple of int
        The numbers of the clusters that its pages are in.
    pages : tuple of str
        All of them, cluster after cluster, the middle of each first.
    alike : tuple of str
        Those that were shown to carry the table of no other page; copies of a scan are left out.
    tables : tuple of int
        Numbers of the tables that others of its pages carry.
    """

    number: int
    clusters: tuple[int, ...]
    pages: tuple[str, ...]
    alike: tuple[str, ...]
    tables: tuple[int, ...]

    def __repr__(self) -> str:
        return f"KindGroup({self.heading!r})"

    @property
    def heading(self) -> str:
        """What the group is, in words."""
        if not self.tables:
            return say(
                "Kind {number}: {pages} of the same kind, none shown to carry the same table",
                number=self.number,
                pages=_pages(len(self.alike)),
            )
        numbers = ", ".join(map(str, self.tables))
        tables = (
            say("tables {numbers}", numbers=numbers) if len(self.tables) > 1 else say("table {table}", table=numbers)
        )
        if not self.alike:
            return say("Kind {number}: {tables}, of the same kind and not the same", number=self.number, tables=tables)
        return say(
            "Kind {number}: {tables} and {pages} more of the same kind, not shown to be the same",
            number=self.number,
            tables=tables,
            pages=_pages(len(self.alike)),
        )

    def to_dict(self) -> dict[str, Any]:
        return {
            "kind": self.number,
            "clusters": list(self.clusters),
            "pages": list(self.pages),
            "alike": list(self.alike),
            "tables": list(self.tables),
        }


@dataclass(frozen=True)
class GroupCounts:
    """Each page with a table counts in one of three: ``verified`` + ``alike`` + ``alone`` = ``pages``.

    Parameters
    ----------
    pages : int
        Pages with a table; copies of a scan count once.
    copies : int
        How many copies are left out.
    tables, verified : int
        Tables that several pages carry, and these pages.
    kinds, alike : int
        Groups of the same kind, and the pages in them that carry the table of no other page, as far as is shown.
    alone : int
        Pages that are like no other.
    """

    pages: int
    copies: int
    tables: int
    verified: int
    kinds: int
    alike: int
    alone: int


class Groups:
    """The groups of a run: ``Corpus.groups`` gives them to report, status, search and export.

    Parameters
    ----------
    clusters : dict of str to int
        Of each page in a cluster its number, from 1, in the order in which clusters and their pages are shown.
    relations : dict of str to PageRelation
        Of each page that is related to another.
    pages : sequence of str
        Every page with a table.
    kinds : dict of str to int, optional
        Of each page in a cluster the number, from 1, of its kind; that of its cluster where it is left out.
    known : bool
        False where the pages of this clustering were not verified yet: nothing is said to be the same then.
    """

    def __init__(
        self,
        clusters: Mapping[str, int],
        relations: Mapping[str, PageRelation],
        pages: Sequence[str],
        kinds: Mapping[str, int] | None = None,
        *,
        known: bool = True,
    ) -> None:
        self.clusters, self.relations, self.pages, self.known = clusters, relations, tuple(pages), known
        self._kind_numbers = kinds or clusters

    def __repr__(self) -> str:
        return f"Groups({self.sentence!r})"

    def cluster_of(self, page: str) -> int | None:
        """The number, from 1, of the cluster of a page; None for a page in none."""
        return self.clusters.get(page)

    def table_of(self, page: str) -> TableGroup | None:
        """The pages that carry the table of a page, itself among them; None where there is no other."""
        relation = self.relations.get(page)
        return None if relation is None or relation.table is None else self._tables_by_number[relation.table]

    def kind_of(self, page: str) -> KindGroup | None:
        """The group of the same kind that a page is in; None where there is none."""
        return self._kinds_by_number.get(self._kind_numbers.get(page, 0))

    def relation(self, page: str, other: str) -> str | None:
        """How two pages are related, one of ``RELATIONS``; None where nothing is known of it."""
        if self.scan_of(page) == self.scan_of(other):
            return None if page == other else SAME_SCAN
        ours, others = (self.relations.get(self.scan_of(each)) for each in (page, other))
        if ours is not None and others is not None and ours.table is not None and ours.table == others.table:
            for one, to in ((ours, others), (others, ours)):
                if one.relation == PART_OF and one.to == to.page:
                    return PART_OF
            return SAME_TABLE
        kind = self._kind_numbers.get(page)
        return SAME_KIND if kind is not None and kind == self._kind_numbers.get(other) else None

    def scan_of(self, page: str) -> str:
        """The first page with the scan of a page: mostly itself."""
        relation = self.relations.get(page)
        return relation.to if relation is not None and relation.relation == SAME_SCAN else page

    @cached_property
    def tables(self) -> tuple[TableGroup, ...]:
        """The tables that several pages carry, by their numbers."""
        return tuple(self._tables_by_number[number] for number in sorted(self._tables_by_number))

    @cached_property
    def kinds(self) -> tuple[KindGroup, ...]:
        """The groups of the same kind, by their numbers."""
        return tuple(self._kinds_by_number.values())

    @cached_property
    def alone(self) -> tuple[str, ...]:
        """The pages with a table that are like no other, copies of a scan left out."""
        return tuple(page for page in self._scans if self.table_of(page) is None and self.kind_of(page) is None)

    @cached_property
    def counts(self) -> GroupCounts:
        """How many pages there are of each sort."""
        verified = sum(len(table.scans) for table in self.tables)
        alike = sum(len(kind.alike) for kind in self.kinds)
        copies = len(self.pages) - len(self._scans)
        return GroupCounts(
            len(self._scans), copies, len(self.tables), verified, len(self.kinds), alike, len(self.alone)
        )

    def words_of(self, page: str) -> str:
        """What relates a page to others, in a sentence."""
        relation = self.relations.get(page)
        if not self.known or relation is None:
            return say("It is like no other page.") if self.known else ""
        if relation.relation == SAME_SCAN:
            return say("Its scan is byte for byte that of {page}.", page=relation.to)
        if relation.relation == SAME_KIND:
            kind = self.kind_of(page)
            other = relation.to
            if kind is not None:
                other += f" ({say('kind {number}', number=kind.number)})"
            return say("It is of the same kind as {page}; no page was shown to carry the same table.", page=other)
        table = self._tables_by_number[relation.table or 0]
        also = relation.to
        if len(table.scans) > 2:
            also = say("{page} and on {pages} more", page=also, pages=_pages(len(table.scans) - 2))
        if relation.relation == PART_OF:
            told = say("It holds part of table {number}, {how}, which is also on {pages}.", **_of(table), pages=also)
        else:
            told = say("It carries table {number}, {how}, which is also on {pages}.", **_of(table), pages=also)
        return told

    @cached_property
    def _by_cluster(self) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        for page, number in self.clusters.items():
            found.setdefault(number, []).append(page)
        return found

    def words_of_cluster(self, cluster: int) -> list[str]:
        """What relates the pages of a cluster to each other and to those of others, in sentences."""
        pages = [page for page in self._by_cluster.get(cluster, ()) if self.scan_of(page) == page]
        if not self.known or not pages:
            return [self.sentence] if pages else []
        tables = {page: table for page in pages if (table := self.table_of(page)) is not None}
        words = []
        for table in dict.fromkeys(tables.values()):
            here = [page for page in table.scans if page in tables]
            away = [page for page in table.scans if page not in tables]
            n, of = len(here), {**_of(table), "all": grouped(len(pages))}
            if len(pages) == 1:
                told = say("Its page carries table {number}, {how}", **of)
            elif n == len(pages):
                told = say("All its {all} pages carry table {number}, {how}", **of)
            else:
                told = say("{n} of its {all} pages carry table {number}, {how}", n=grouped(n), **of)
            if away:
                more = [say("{n} more", n=len(away) - 5)] if len(away) > 5 else []
                told += "; " + say("elsewhere it is on {pages}", pages=listed([*away[:5], *more]))
            words.append(f"{told}.")
        alike = len(pages) - len(tables)
        if alike == len(pages) > 1:
            words.append(
                say("Its {pages} are of the same kind; no two were shown to carry the same table.", pages=_pages(alike))
            )
        elif alike:
            words.append(
                say_n(
                    alike,
                    "{n} page of it is of the same kind, not shown to carry the same table.",
                    "{n} pages of it are of the same kind, not shown to carry the same table.",
                )
            )
        copies = len(self._by_cluster.get(cluster, ())) - len(pages)
        if copies:
            words.append(
                say_n(
                    copies,
                    "{n} more scan is byte for byte the same as one of them.",
                    "{n} more scans are byte for byte the same as one of them.",
                )
            )
        kind = self.kind_of(pages[0])
        if kind is not None and len(kind.clusters) > 1:
            others = [str(number) for number in kind.clusters if number != cluster]
            one = len(others) == 1
            words.append(
                say("Of the same kind: cluster {numbers}.", numbers=others[0])
                if one
                else say("Of the same kind: clusters {numbers}.", numbers=", ".join(others))
            )
        return words

    def to_dict(self) -> dict[str, Any]:
        return {
            "known": self.known,
            "counts": asdict(self.counts),
            "same_table": [table.to_dict() for table in self.tables],
            "same_kind": [kind.to_dict() for kind in self.kinds],
            "alone": list(self.alone),
        }

    @property
    def sentence(self) -> str:
        """How many pages there are of each sort, in words."""
        if self.known:
            return counts_sentence(self.counts)
        return say("Which pages carry the same table was not found out yet: `tablesim cluster RUN` does.")

    @property
    def _scans(self) -> list[str]:
        return [page for page in self.pages if self.scan_of(page) == page]

    @cached_property
    def _tables_by_number(self) -> dict[int, TableGroup]:
        related: dict[int, list[PageRelation]] = {}
        for relation in self.relations.values():
            if relation.table is not None:
                related.setdefault(relation.table, []).append(relation)
        return {number: self._table(number, relations) for number, relations in related.items()}

    def _table(self, number: int, relations: Iterable[PageRelation]) -> TableGroup:
        by_page = {relation.page: relation for relation in relations}

        def place(relation: PageRelation) -> tuple[bool, str, bool, str]:
            first = by_page[self.scan_of(relation.page)]
            return first.relation == PART_OF, first.page, relation is not first, relation.page

        ordered = tuple(sorted(by_page.values(), key=place))
        clusters = dict.fromkeys(self.clusters[page] for page in sorted(by_page) if page in self.clusters)
        return TableGroup(number, ordered, tuple(clusters))

    @cached_property
    def _kinds_by_number(self) -> dict[int, KindGroup]:
        members: dict[int, list[str]] = {}
        for page in self.clusters:
            members.setdefault(self._kind_numbers[page], []).append(page)
        kinds = {number: self._kind(number, pages) for number, pages in sorted(members.items())}
        return {number: kind for number, kind in kinds.items() if len(kind.alike) + len(kind.tables) > 1}

    def _kind(self, number: int, pages: Sequence[str]) -> KindGroup:
        scans = [page for page in pages if self.scan_of(page) == page]
        tables = {page: table.number for page in scans if (table := self.table_of(page)) is not None}
        return KindGroup(
            number,
            tuple(dict.fromkeys(self.clusters[page] for page in pages)),
            tuple(pages),
            tuple(page for page in scans if page not in tables),
            tuple(sorted(set(tables.values()))),
        )


def counts_sentence(counts: GroupCounts) -> str:
    """What the groups of a run are, in words: the three numbers of pages add up to the first."""
    if not counts.pages:
        return say("No page was found to carry a numerical table.")
    sentences = [_of_tables(counts)]
    if counts.kinds:
        sentences.append(_of_kinds(counts))
    if counts.alone:
        sentences.append(say_n(counts.alone, "{n} page stands alone.", "{n} pages stand alone."))
    if counts.copies:
        sentences.append(
            say_n(
                counts.copies,
                "{n} more scan is byte for byte the same as one of these, and not counted again.",
                "{n} more scans are byte for byte the same as one of these, and not counted again.",
            )
        )
    return " ".join(sentences)


def _of_tables(counts: GroupCounts) -> str:
    if not counts.tables:
        return say("Of {pages} with a table, no two were shown to carry the same table.", pages=_pages(counts.pages))
    return say_n(
        counts.verified,
        "Of {pages} with a table, {n} carries the same table as another, verified cell by cell: {tables} on several "
        "pages.",
        "Of {pages} with a table, {n} carry the same table as another, verified cell by cell: {tables} on several "
        "pages.",
        pages=_pages(counts.pages),
        tables=say_n(counts.tables, "{n} table", "{n} tables"),
    )


def _of_kinds(counts: GroupCounts) -> str:
    groups = say_n(counts.kinds, "{n} group", "{n} groups")
    if not counts.alike:
        return say("Tables of the same kind, alike by their figures and not the same, are in {groups}.", groups=groups)
    return say_n(
        counts.alike,
        "{n} page is of the same kind as others, alike by its figures and not shown to be the same: {groups}.",
        "{n} pages are of the same kind as others, alike by their figures and not shown to be the same: {groups}.",
        groups=groups,
    )


def _pages(count: int) -> str:
    return say_n(count, "{n} page", "{n} pages")


def _of(table: TableGroup) -> dict[str, Any]:
    return {"number": table.number, "how": table.how}
