"""What a report says, gathered from a run folder as plain values for the templates."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from tablesim.bigrams.embedding import unit_rows
from tablesim.corpus.clustering.model import Cluster
from tablesim.corpus.store import Corpus
from tablesim.evidence.collation.verification import Verification
from tablesim.evidence.matches.corpus_rank import CorpusRank
from tablesim.report.cards import Agreements, Cards, PageCard, caption_of, summary_of
from tablesim.report.pairpages import Pages, PairMaker, PairPage, PairPlan, by_age, wanted_pairs
from tablesim.report.pairs import Pair
from tablesim.report.pictures import Picture, Pictures
from tablesim.scans.csvfile import listed
from tablesim.scans.images import MAX_PIXELS
from tablesim.workflow.long_tables import Likeness, write_tables_over_pages

MAX_CLUSTERS = 200
"""Clusters of two pages and more that are shown with their closest pair, the largest first."""

MAX_MEMBERS = 60
"""Pages of a cluster that are shown, those most like its middle."""

MAX_LOOSE = 400
"""Pages shown in each of the lists of pages that stand alone or carry no table."""

MAX_LONG = 60
"""Tables over several pages that are shown, the longest first."""

MAX_LEAVES = 12
"""Pages of one book that are shown of such a table."""

WritePair = Callable[[str, PairPage], None]
"""Writes the page of a pair at an address relative to the report."""


@dataclass(frozen=True)
class PairPreview:
    """The closest pair of a cluster in small, and where the whole of it is."""

    pair: Pair
    captions: tuple[str, str]
    agreement: Verification
    corpus_rank: CorpusRank | None
    href: str


@dataclass(frozen=True)
class ClusterPart:
    """One cluster: its pages, the medoid first, and its closest pair."""

    label: int
    size: int
    pages: tuple[PageCard, ...]
    stability: float | None
    preview: PairPreview | None
    summary: str

    @property
    def number(self) -> int:
        """As printed: from 1."""
        return self.label + 1


@dataclass(frozen=True)
class LoosePage:
    """One page of a table over several pages."""

    page: str
    picture: Picture | None
    scan: str
    alt: str


@dataclass(frozen=True)
class LongTable:
    """A table over several pages in two books: the two captions, their pages, and the pairs that were laid over."""

    likeness: Likeness
    captions: tuple[str, str]
    leaves: tuple[tuple[LoosePage, ...], tuple[LoosePage, ...]]

    @property
    def sides(self) -> tuple[tuple[str, tuple[str, ...], tuple[LoosePage, ...]], ...]:
        """Caption, pages and leaves of each book."""
        run = self.likeness.run
        return tuple(zip(self.captions, (run.pages_a, run.pages_b), self.leaves, strict=True))


@dataclass(frozen=True)
class ReportContent:
    """All that the template of the index is given."""

    title: str
    counts: dict[str, int]
    years: tuple[int, int] | None
    clusters: tuple[ClusterPart, ...]
    n_clusters: int
    long_tables: tuple[LongTable, ...]
    n_long: int
    alone: tuple[PageCard, ...]
    n_alone: int
    without: tuple[PageCard, ...]
    n_without: int
    problems: tuple[dict[str, str], ...]
    plan: PairPlan
    shown: frozenset[str]
    provenance: tuple[tuple[str, str], ...] = field(default=())


def report_content(corpus: Corpus, folder: Path, date: str, write_pair: WritePair) -> tuple[ReportContent, Pictures]:
    """Everything the report in ``folder`` says of a run; makes its pictures and has the pages of pairs written."""
    pictures = Pictures(folder, corpus.run.get("max_pixels", MAX_PIXELS))
    agreements = Agreements(corpus)
    clustering = corpus.clusters
    found = list(clustering.clusters) if clustering is not None else []
    several = [cluster for cluster in found if len(cluster.members) > 1]
    shown = several[:MAX_CLUSTERS]
    long_tables = write_tables_over_pages(corpus)
    closest = {cluster.label: pair for cluster in shown if (pair := closest_pair(corpus, cluster.pages))}
    plan = PairPlan(corpus, _wanted(shown, closest.values(), long_tables))
    previews = _pair_pages(plan, PairMaker(corpus, pictures, agreements, date), set(closest.values()), write_pair)
    cards = Cards(corpus, pictures, folder, agreements)
    parts = [_cluster(corpus, cluster, cards, previews.get(closest.get(cluster.label, ("", "")))) for cluster in shown]

    alone = [cluster.members[0].page for cluster in found if len(cluster.members) == 1]
    reasons = dict(clustering.without) if clustering is not None else {}
    rows = [row for row in corpus.pages if row["status"] == "read"]
    placed = {page for cluster in found for page in cluster.pages}
    alone += [row["page"] for row in rows if row["is_table"] and row["page"] not in placed]
    without = [row["page"] for row in rows if not row["is_table"]]
    years = [row["year"] for row in rows if row["year"] is not None]
    content = ReportContent(
        title=corpus.folder.resolve().name,
        counts={
            "pages": len(corpus.pages),
            "tables": sum(bool(row["is_table"]) for row in rows),
            "numbers": sum(row["n_numbers"] or 0 for row in rows),
            "corrections": len(corpus.corrections.all),
            "clusters": len(several),
            "alone": len(alone),
            "without": len(without),
            "problems": len(corpus.problems),
        },
        years=(min(years), max(years)) if years else None,
        clusters=tuple(parts),
        n_clusters=len(several),
        long_tables=tuple(_long_table(corpus, one, cards) for one in long_tables[:MAX_LONG]),
        n_long=len(long_tables),
        alone=tuple(cards.card(page, reason=reasons.get(page, "")) for page in alone[:MAX_LOOSE]),
        n_alone=len(alone),
        without=tuple(cards.card(page, reason=reasons.get(page, "")) for page in without[:MAX_LOOSE]),
        n_without=len(without),
        problems=tuple(dict(row) for row in corpus.problems),
        plan=plan,
        shown=frozenset(cards.shown),
        provenance=tuple(_provenance(corpus)),
    )
    agreements.known.save()
    return content, pictures


def _wanted(clusters: Sequence[Cluster], closest: Iterable[Pages], long_tables: Sequence[Likeness]) -> Iterable[Pages]:
    firsts = [(cluster.medoid, [member.page for member in cluster.members[:MAX_MEMBERS]]) for cluster in clusters]
    runs = [pair for one in long_tables[:MAX_LONG] for pair in one.run.pairs]
    return wanted_pairs(closest, firsts, runs)


def _pair_pages(plan: PairPlan, maker: PairMaker, closest: set[Pages], write: WritePair) -> dict[Pages, PairPreview]:
    """Write the page of every pair of the plan; of the closest of a cluster the small picture is kept."""
    previews = {}
    for pair in plan.names:
        href = plan.href(*pair)
        assert href is not None
        page = maker.make(*pair)
        write(href, page)
        if pair in closest:
            previews[pair] = PairPreview(page.pair.preview(), page.captions, page.agreement, page.corpus_rank, href)
    return previews


def _cluster(corpus: Corpus, cluster: Cluster, cards: Cards, preview: PairPreview | None) -> ClusterPart:
    first = cluster.medoid
    pages = [
        cards.card(member.page, first=first, similarity=member.similarity) for member in cluster.members[:MAX_MEMBERS]
    ]
    summary = summary_of([corpus.page(page) for page in cluster.pages])
    return ClusterPart(cluster.label, len(cluster.members), tuple(pages), cluster.stability, preview, summary)


def _long_table(corpus: Corpus, one: Likeness, cards: Cards) -> LongTable:
    sides = (one.run.pages_a, one.run.pages_b)
    captions = [caption_of(corpus.page(pages[0])) for pages in sides]
    leaves = [
        tuple(
            LoosePage(page, cards.thumbnail(page), corpus.page(page)["scan"], f"Scan of page {page}")
            for page in pages[:MAX_LEAVES]
        )
        for pages in sides
    ]
    return LongTable(one, (captions[0], captions[1]), (leaves[0], leaves[1]))


def closest_pair(corpus: Corpus, pages: Iterable[str]) -> Pages | None:
    """The two pages with the greatest similarity, the earlier one first; None for fewer than two."""
    ids, phi = corpus.embeddings
    chosen = sorted(set(pages))
    if len(chosen) < 2:
        return None
    at = {page: index for index, page in enumerate(ids)}
    unit = unit_rows(phi[[at[page] for page in chosen]])
    cosine = np.triu(np.round(unit @ unit.T, 9) + 1.0, k=1)
    i, j = np.unravel_index(int(np.argmax(cosine)), cosine.shape)
    return by_age(corpus, chosen[int(i)], chosen[int(j)])


def _provenance(corpus: Corpus) -> Iterable[tuple[str, str]]:
    run = dict(corpus.run)
    yield "Run folder", str(corpus.folder)
    yield "Scans from", "; ".join(_listed(run.pop("source", "")))
    yield "Fingerprint of the network", _plain(corpus.settings.get("network", "unknown"))
    yield "Hash of the settings", corpus.settings_hash
    run.pop("settings", None)
    versions = run.pop("versions", {})
    for name, value in sorted(run.items()):
        if isinstance(value, dict):
            for inner, detail in sorted(value.items()):
                yield f"{_words(name)}: {inner.replace('_', ' ')}", _plain(detail)
        else:
            yield _words(name), _plain(value)
    if corpus.corrections.all:
        makers = sorted({made.who or "unnamed" for made in corpus.corrections.all})
        where = listed(corpus.corrections.pages)
        yield "Corrections", f"{len(corpus.corrections.all)} on {where}; by {listed(makers)}"
    yield "Read with", ", ".join(f"{name} {number}" for name, number in sorted(dict(versions).items())) or "unknown"
    yield "Report written with", f"tablesim {version('tablesim')}"


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [str(item) for item in value]


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
