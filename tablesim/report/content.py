"""What the index of a report says of a run, and the pages of its groups: from a run to plain values for templates."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tablesim.bigrams.embedding import unit_rows
from tablesim.corpus.clustering.model import Cluster, Clustering
from tablesim.corpus.status import PENDING
from tablesim.corpus.store import Corpus
from tablesim.evidence.collation.verification import Verification
from tablesim.evidence.matches.corpus_rank import CorpusRank
from tablesim.language import say, say_n, to_say
from tablesim.records.dates import YearRange, span_of
from tablesim.records.relations import Groups, KindGroup, TableGroup
from tablesim.report.addresses import cluster_href, page_href
from tablesim.report.cards import Cards, PageCard, SmallPage
from tablesim.report.decisions import MAX_LINES, VerdictLine, correction_lines, table_decision_lines
from tablesim.report.page_pages import same_scans, twins_of
from tablesim.report.pair_pages import PageIds, PairPlan, caption_of
from tablesim.report.provenance import public_text, public_value
from tablesim.report.side_by_side import SideBySide
from tablesim.review.constraints import verdicts_status
from tablesim.scans.csvfile import shortlist
from tablesim.scans.locator import Locator
from tablesim.version import __version__
from tablesim.workflow.long_tables import MatchedRuns

MAX_TILES = 60
"""Groups of the same table, and of the same kind, that the index shows; the list of groups has all."""

MAX_NAMED = 12
"""Pages of a group that the index names."""

MAX_MEMBERS = 60
"""Pages of a cluster that are shown with their scans, those most like its medoid."""

MAX_REST = 2000
"""Pages of a cluster that are named below these."""

MAX_CARDS = 60
"""Pages that the index shows of those that are in no cluster, and of those without a table."""

MAX_LONG = 24
"""Tables over several pages that are shown, the longest first."""

MAX_LONG_PAGES = 12
"""Pages of one book that are shown of such a table."""

MAX_PLACES = 12
"""Places that the page of a cluster names with their pages."""

MAX_PROBLEMS = 100
"""Problems, and scans under several names, that the index shows; the list of pages has all."""

BLOCK = 1024
"""Rows of the matrix of cosines that are in memory at once: 160 MB for a cluster of 20,000 pages."""


@dataclass(frozen=True, slots=True)
class WhenWhere:
    """When and where a page was printed, and the book that it is in; empty for what is not known."""

    date: YearRange
    place: str
    book: str


def when_where(corpus: Corpus, pages: Iterable[str]) -> dict[str, WhenWhere]:
    """Date, place and book of some pages of a run, or of all of them where ``pages`` is the run, column by column."""
    table = corpus.page_table
    if pages is corpus:
        ids, columns = table.column("page").to_pylist(), [table.column(name) for name in _WHEN_WHERE]
    else:
        ids = list(pages)
        rows = pa.array([table.find(page) for page in ids], pa.int64())
        columns = [table.column(name).take(rows) for name in _WHEN_WHERE]
    values = zip(ids, *(column.to_pylist() for column in columns), strict=True)
    return {
        page: WhenWhere(YearRange.of_row({"year": a, "year_latest": b, "date": date}), place or "", book or "")
        for page, a, b, date, place, book in values
    }


_WHEN_WHERE = ("year", "year_latest", "date", "place", "book")


def summary_of(pages: Iterable[WhenWhere]) -> str:
    """When and where the pages of a cluster were printed, as far as it is known."""
    pages = sorted(pages, key=lambda page: page.date.order)
    towns = list(dict.fromkeys(page.place for page in pages if page.place))
    n_books = len({page.book for page in pages if page.book})
    parts = []
    if years := span_of([page.date for page in pages]).years:
        parts.append(years)
    if towns:
        named = ", ".join(towns[:6])
        if len(towns) > 6:
            named = say_n(len(towns) - 6, "{places} and {n} more place", "{places} and {n} more places", places=named)
        parts.append(named)
    if n_books:
        parts.append(say_n(n_books, "{n} book", "{n} books"))
    return " · ".join(parts)


@dataclass(frozen=True)
class PairPreview:
    """The closest pair of a cluster in small, and where the whole of it is."""

    pair: SideBySide
    captions: tuple[str, str]
    agreement: Verification
    corpus_rank: CorpusRank | None
    href: str


@dataclass(frozen=True)
class GroupTile:
    """A group of the same table, or of the same kind, in the index; ``pages`` are its first ones and where they are."""

    name: str
    href: str
    size: int
    small: SmallPage
    summary: str
    heading: str
    pages: list[tuple[str, str]]


@dataclass(frozen=True)
class ClusterPart:
    """One cluster, numbered from 1: its pages, the medoid first, and its closest pair.

    ``rest`` are pages that come after those with cards: id, address, caption, similarity with the medoid.
    ``closest`` are the two pages of the closest pair and where the page of the two is, for where no preview is drawn.
    ``stability`` and ``relations`` are sentences; ``name`` is what people call it, ``apart`` the bigrams that set it
    apart with their shares in it and elsewhere in percent.
    """

    number: int
    size: int
    pages: tuple[PageCard, ...]
    rest: list[tuple[str, str, str, float]]
    stability: str
    preview: PairPreview | None
    summary: str
    relations: list[str]
    verdicts: list[VerdictLine]
    name: str
    apart: list[tuple[str, float, float]]
    places: list[tuple[str, int]]
    closest: tuple[str, str, str] | None = None


@dataclass(frozen=True)
class LongTable:
    """A table over several pages in two books; of each its caption, all its pages, and those that are shown."""

    likeness: MatchedRuns
    sides: list[tuple[str, tuple[str, ...], list[SmallPage]]]


def several_of(clustering: Clustering | None) -> list[Cluster]:
    """The clusters of two pages and more, the largest first."""
    return [] if clustering is None else [cluster for cluster in clustering.clusters if len(cluster.members) > 1]


def tile_of(group: TableGroup | KindGroup, groups: Groups, cards: Cards, in_cluster: Mapping[int, int]) -> GroupTile:
    """A group in small; ``in_cluster`` is how many pages each cluster has."""
    pages = [page for page in group.pages if groups.scan_of(page) == page]
    # A cluster of one page has no page of its own in the report.
    cluster = next((number for number in group.clusters if in_cluster[number] > 1), None)
    return GroupTile(
        say("Table {number}", number=group.number)
        if isinstance(group, TableGroup)
        else say("Kind {number}", number=group.number),
        page_href(pages[0]) if cluster is None else cluster_href(cluster),
        len(pages),
        cards.small(pages[0]),
        summary_of(when_where(cards.corpus, pages).values()),
        group.heading,
        [(page, page_href(page)) for page in pages[:MAX_NAMED]],
    )


def cluster_part(
    cluster: Cluster,
    groups: Groups,
    cards: Cards,
    preview: PairPreview | None,
    verdicts: Mapping[str, list[VerdictLine]],
    name: str = "",
) -> ClusterPart:
    """What the page of a cluster says."""
    pages = tuple(
        cards.card(member.page, first=cluster.medoid, similarity=member.similarity)
        for member in cluster.members[:MAX_MEMBERS]
    )
    rest = [
        (member.page, page_href(member.page), cards.caption(member.page), member.similarity)
        for member in cluster.members[MAX_MEMBERS : MAX_MEMBERS + MAX_REST]
    ]
    acting = dict.fromkeys(line for page in cluster.pages for line in verdicts.get(page, ()))
    return ClusterPart(
        cluster.number,
        len(cluster.members),
        pages,
        rest,
        cluster.stability_sentence,
        preview,
        summary_of(when_where(cards.corpus, cluster.pages).values()),
        groups.words_of_cluster(cluster.number),
        list(acting)[:MAX_LINES],
        name,
        [(one.bigram, 100 * one.here, 100 * one.elsewhere) for one in cluster.apart],
        Counter(place for page in cluster.pages if (place := cards.line(page)["place"])).most_common(MAX_PLACES),
    )


def index_content(
    corpus: Corpus,
    groups: Groups,
    cards: Cards,
    plan: PairPlan,
    long_tables: Sequence[MatchedRuns],
    verdicts: Sequence[VerdictLine],
) -> dict[str, Any]:
    """Everything the index of the report says of a run, for its template."""
    clustering = corpus.clusters
    table = corpus.page_table
    read = table.column("status").to_numpy(zero_copy_only=False) == "read"
    is_table = table.flags("is_table")
    alone = alone_in(corpus, groups)
    without = table.ids(np.flatnonzero(read & ~is_table))
    reasons = dict(clustering.without) if clustering is not None else {}
    problems = corpus.problems
    twins = same_scans(twins_of(table.column("page"), table.column("sha256")))
    in_cluster = Counter(groups.clusters.values())
    return {
        "title": corpus.folder.resolve().name,
        "counts": {
            "pages": len(table),
            "tables": int(np.count_nonzero(read & is_table)),
            "numbers": pc.sum(table.column("n_numbers").filter(pa.array(read))).as_py() or 0,
            "corrections": len(corpus.corrections.status().holding),
            "same_table": len(groups.tables),
            "same_kind": len(groups.kinds),
            "alone": len(alone),
            "without": len(without),
            "problems": len(problems),
        },
        "years": years_of(corpus),
        "groups": groups.sentence,
        "same_table": [tile_of(group, groups, cards, in_cluster) for group in groups.tables[:MAX_TILES]],
        "same_kind": [tile_of(group, groups, cards, in_cluster) for group in groups.kinds[:MAX_TILES]],
        "long_tables": [_long_table(corpus, likeness, cards) for likeness in long_tables[:MAX_LONG]],
        "n_long": len(long_tables),
        "alone": [cards.card(page, reason=reasons.get(page, "")) for page in alone[:MAX_CARDS]],
        "without": [cards.card(page, reason=reasons.get(page, "")) for page in without[:MAX_CARDS]],
        "problems": [_problem(row) for row in problems[:MAX_PROBLEMS]],
        "duplicates": twins[:MAX_PROBLEMS],
        "n_duplicates": len(twins),
        "decisions": _decisions(corpus, verdicts),
        "plan": plan,
        "provenance": list(_provenance(corpus)),
    }


def years_of(corpus: Corpus) -> tuple[int, int] | None:
    """The first and the last year of the pages that were read; None where none is known."""
    table = corpus.page_table
    read = pc.equal(table.column("status"), "read")
    ends = [pc.min_max(table.column(name).filter(read)).as_py() for name in ("year", "year_latest")]
    years = [year for end in ends for year in (end["min"], end["max"]) if year is not None]
    return (min(years), max(years)) if years else None


def alone_in(corpus: Corpus, groups: Groups) -> list[str]:
    """The pages with a table that are like no other, and those that nothing is known of; copies of a scan left out."""
    table = corpus.page_table
    read = table.column("status").to_numpy(zero_copy_only=False) == "read"
    unknown = set(table.ids(np.flatnonzero(read & table.flags("is_table")))) - set(groups.pages)
    return [*groups.alone, *sorted(unknown)]


def _decisions(corpus: Corpus, verdicts: Sequence[VerdictLine]) -> list[tuple[str, int, Sequence[Any]]]:
    """Heading, number and lines of each kind of decision that there is."""
    kinds: list[tuple[str, Sequence[Any]]] = [
        (say("Verdicts"), verdicts),
        (say("Pages said to carry a table or none"), table_decision_lines(corpus)),
        (say("Corrected numbers"), correction_lines(corpus)),
    ]
    return [(heading, len(lines), lines[:MAX_LINES]) for heading, lines in kinds if lines]


def wanted_pairs(
    clusters: Sequence[Cluster],
    closest: Iterable[PageIds],
    long_tables: Sequence[MatchedRuns],
    is_first: Callable[[str], bool],
) -> Iterable[PageIds]:
    """The pairs to show, the most wanted first: the closest, pages of long tables, pages with the first of theirs.

    Copies of a scan, for which ``is_first`` is false, are compared with nothing.
    """
    yield from closest
    for likeness in long_tables[:MAX_LONG]:
        yield from likeness.run.pairs
    for cluster in clusters:
        yield from (
            (cluster.medoid, each.page)
            for each in cluster.members[:MAX_MEMBERS]
            if each.page != cluster.medoid and is_first(each.page)
        )


def _long_table(corpus: Corpus, likeness: MatchedRuns, cards: Cards) -> LongTable:
    return LongTable(
        likeness,
        [
            (caption_of(corpus.page(pages[0])), pages, [cards.small(page) for page in pages[:MAX_LONG_PAGES]])
            for pages in (likeness.run.pages_a, likeness.run.pages_b)
        ],
    )


def closest_pair(embeddings: Mapping[str, NDArray[np.float32]]) -> PageIds | None:
    """The two pages of greatest cosine, of equals (to nine decimals) the first by their ids; None for fewer than two.

    Exact, with ``BLOCK`` rows of the matrix at a time.
    """
    pages = sorted(embeddings)
    unit = unit_rows([embeddings[page] for page in pages]) if len(pages) > 1 else np.zeros((0, 1))
    best, pair = -1.0, None
    for start in range(0, len(unit), BLOCK):
        # The rows of a block with all that come after its first row; what is not above the diagonal counts nothing.
        cosine = np.triu(np.round(unit[start : start + BLOCK] @ unit[start:].T, 9) + 1.0, k=1)
        i, j = np.unravel_index(int(np.argmax(cosine)), cosine.shape)
        if cosine[i, j] > best:
            best, pair = float(cosine[i, j]), (pages[start + int(i)], pages[start + int(j)])
    return pair


def public_problem(row: Mapping[str, str]) -> str:
    """Why a page could not be read, in words that name no folder of this machine."""
    return public_text(row["problem"], [row["scan"]] if row["scan"] else [])


def _problem(row: Mapping[str, str]) -> dict[str, str]:
    return {
        "page": row["page"],
        "href": page_href(row["page"]) if row["page"] else "",
        "scan": Locator.of(row["scan"]).name if row["scan"] else "",
        "problem": public_problem(row),
    }


def _provenance(corpus: Corpus) -> Iterable[tuple[str, str]]:
    """What made the report; of folders and files the names alone, since reports are there to be shared."""
    run = public_value({name: value for name, value in corpus.run.items() if name != PENDING})
    source = run.pop("source", "")
    yield say("Run folder"), corpus.folder.resolve().name
    yield say("Scans from"), source if isinstance(source, str) else "; ".join(map(str, source))
    yield say("Fingerprint of the network"), _plain(corpus.settings.get("network", say("unknown")))
    yield say("Hash of the settings"), corpus.settings_hash
    run.pop("settings", None)
    versions = run.pop("versions", {})
    for name, value in sorted(run.items()):
        if isinstance(value, dict):
            for inner, detail in sorted(value.items()):
                yield f"{_title(name)}: {inner.replace('_', ' ')}", _plain(detail)
        else:
            yield _title(name), _plain(value)
    corrections, verdicts = corpus.corrections.status(), verdicts_status(corpus)
    if corrections.holding:
        correctors = sorted({correction.who or say("unnamed") for correction in corrections.holding})
        where = shortlist(corpus.corrections.pages)
        told = say("{n} on {pages}; by {people}", n=len(corrections.holding), pages=where, people=shortlist(correctors))
        yield say("Corrections"), told
    decisions = corpus.table_decisions
    for remark in (
        *decisions.sentences(),
        *corrections.remarks(),
        *decisions.status().remarks(),
        *verdicts.remarks(),
    ):
        yield say("Decisions of people"), remark
    read_with = ", ".join(f"{name} {number}" for name, number in sorted(dict(versions).items()))
    yield say("Read with"), read_with or say("unknown")
    yield say("Report written with"), f"tablesim {__version__}"


RUN_KEYS = (
    to_say("Decisions"),
    to_say("Finished"),
    to_say("Format"),
    to_say("Format version"),
    to_say("Inputs"),
    to_say("Last job"),
    to_say("Left out"),
    to_say("Max pixels"),
    to_say("Metadata"),
    to_say("Readers"),
    to_say("Seed"),
)
"""What ``run.json`` says of a run, but for names that programs and settings have."""


def _title(name: str) -> str:
    return say(name.replace("_", " ").capitalize())


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return say("yes") if value else say("no")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
