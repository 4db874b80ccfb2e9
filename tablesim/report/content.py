"""What the index of a report says of a run: clusters, tables over several pages, single pages, problems, provenance."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tablesim.bigrams.embedding import unit_rows
from tablesim.corpus.clustering.model import Cluster
from tablesim.corpus.indexing.events import Listener
from tablesim.corpus.store import Corpus
from tablesim.evidence.collation.verification import Verification
from tablesim.evidence.matches.corpus_rank import CorpusRank
from tablesim.records.dates import YearRange, span_of
from tablesim.report.folder import ReportFolder
from tablesim.report.pair_pages import (
    PageIds,
    PairPage,
    PairPages,
    PairPlan,
    by_age,
    caption_of,
    year_of,
)
from tablesim.report.presentation import Picture, Pictures
from tablesim.report.provenance import public_text, public_value
from tablesim.report.side_by_side import SideBySide
from tablesim.review.constraints import verdicts_status
from tablesim.scans.csvfile import shortlist
from tablesim.scans.images import MAX_PIXELS
from tablesim.scans.locator import PDF_SUFFIXES, Locator
from tablesim.version import __version__
from tablesim.workflow.alignments import RunAlignments
from tablesim.workflow.long_tables import MatchedRuns, tables_over_pages, write_tables_over_pages

MAX_CLUSTERS = 200
"""Clusters of two pages and more that are shown with their closest pair, the largest first."""

MAX_MEMBERS = 60
"""Pages of a cluster that are shown, those most like its medoid."""

MAX_SINGLE = 400
"""Pages shown in each of the lists of pages that are in no cluster or carry no table."""

MAX_LONG = 60
"""Tables over several pages that are shown, the longest first."""

MAX_LONG_PAGES = 12
"""Pages of one book that are shown of such a table."""

N_NEIGHBOURS = 5
"""Nearest pages that are listed with a page."""

MAX_VERIFIED = 400
"""Pairs of pages that one report aligns which the run did not yet: a tenth of a second each."""

BLOCK = 1024
"""Rows of the matrix of cosines that are in memory at once: 160 MB for a cluster of 20,000 pages."""

WritePair = Callable[[str, PairPage], None]
"""Writes the page of a pair at an address relative to the report."""


class Agreements:
    """How far pairs of pages agree: looked up in the run, or worked out now as long as ``MAX_VERIFIED`` allows."""

    def __init__(self, alignments: RunAlignments) -> None:
        self.left = MAX_VERIFIED
        self.alignments = alignments

    def of(self, a: str, b: str) -> Verification | None:
        """How far two pages agree; None for a page itself, and where it is not known and would be too much."""
        if a == b:
            return None
        agreement = self.alignments.known(a, b)
        if agreement is None and self.left > 0:
            self.left -= 1
            agreement = self.alignments.verify(a, b)
        return agreement


@dataclass(frozen=True)
class NeighbourCard:
    """One of the nearest pages of a page."""

    page: str
    similarity: float
    same_book: bool | None
    caption: str
    shared: tuple[str, ...]
    agreement: Verification | None


@dataclass(frozen=True)
class SmallPage:
    """One page of a table over several pages; ``alt`` says what the picture shows."""

    page: str
    picture: Picture | None
    scan_name: str
    alt: str


@dataclass(frozen=True)
class PageCard(SmallPage):
    """One page in a list; ``similarity`` and ``agreement`` are those with the first page of its cluster."""

    facts: tuple[tuple[str, str], ...]
    date: YearRange
    link: str
    is_table: bool
    said_by_person: str
    legibility: float | None
    note: str
    n_numbers: int
    similarity: float | None
    agreement: Verification | None
    neighbours: tuple[NeighbourCard, ...]
    reason: str


class Cards:
    """Makes the cards of pages; ``shown`` are the pages that have one."""

    def __init__(self, corpus: Corpus, pictures: Pictures, agreements: Agreements) -> None:
        self.corpus = corpus
        self.pictures = pictures
        self.folder = pictures.folder.path.resolve()
        # In the run's own report links work wherever the scans are; elsewhere they must not tell the folders of a disk.
        self.own = self.folder == (corpus.folder / "report").resolve()
        self.agreements = agreements
        self.shown: set[str] = set()

    def card(self, page: str, *, first: str = "", similarity: float | None = None, reason: str = "") -> PageCard:
        """The card of a page; ``first`` is the first page of its cluster."""
        row, caption = self.corpus.page(page), caption_of(self.corpus.page(page))
        is_table, n_numbers = bool(row["is_table"]), row["n_numbers"] or 0
        kind = f"{n_numbers} numbers read" if is_table else "a page without a numerical table"
        decision = self.corpus.table_decisions.of(row["sha256"])
        small = self.small(page, f": {kind}" + (f"; {caption}" if caption else ""))
        self.shown.add(page)
        return PageCard(
            **vars(small),
            facts=tuple(_facts(row)),
            date=YearRange.of_row(row),
            link=self._link(row["scan"]),
            is_table=is_table,
            said_by_person=decision.sentence if decision is not None else "",
            legibility=row["legibility"],
            note=row["note"] or "",
            n_numbers=n_numbers,
            similarity=similarity,
            agreement=self.agreements.of(page, first) if first else None,
            neighbours=tuple(self._neighbours(page)) if is_table else (),
            reason=reason,
        )

    def small(self, page: str, about: str = "") -> SmallPage:
        """A page in small, with what is said ``about`` it to those who do not see it."""
        row = self.corpus.page(page)
        picture = self.pictures.thumbnail(row["scan"], row["sha256"], row["rotation"] or 0)
        return SmallPage(page, picture, Locator.of(row["scan"]).name, f"Scan of page {page}{about}")

    def _neighbours(self, page: str) -> Iterable[NeighbourCard]:
        for hit in self.corpus.neighbours(page, N_NEIGHBOURS):
            caption = caption_of(self.corpus.page(hit.page))
            shared = tuple(bigram.bigram for bigram in hit.shared)
            agreement = self.agreements.of(page, hit.page)
            yield NeighbourCard(hit.page, hit.similarity, hit.same_book, caption, shared, agreement)

    def _link(self, scan: str) -> str:
        """The scan's address relative to the report, so that the two can be moved together; empty without one."""
        locator = Locator.of(scan)
        path = locator.file.resolve()
        if not path.is_file():
            return ""
        try:
            if not self.own and os.path.commonpath([path, self.folder]) == path.anchor:
                return ""
            relative = Path(os.path.relpath(path, self.folder)).as_posix()
        except ValueError:  # another drive
            return ""
        # Browsers open a PDF at the page that follows the address; of a TIFF they know nothing.
        is_pdf = bool(locator.number) and path.suffix.lower() in PDF_SUFFIXES
        return quote(os.fsencode(relative)) + (f"#page={locator.number}" if is_pdf else "")


def _facts(row: dict[str, Any]) -> Iterable[tuple[str, str]]:
    pairs = [
        ("Author", "; ".join(row["authors"] or ())),
        ("Title", row["title"] or ""),
        ("Place", row["place"] or ""),
        ("Printer", "; ".join(row["printers"] or ())),
        ("Publisher", "; ".join(row["publishers"] or ())),
        ("Year", year_of(row)),
        ("Book", row["book"] or ""),
        ("Handle", row["handle"] or ""),
    ]
    # Columns of the corpus's own under the names that they have there: shelf marks, signatures, remarks.
    pairs += row["extra"].items()
    return ((name, value) for name, value in pairs if value)


def summary_of(corpus: Corpus, pages: Iterable[str]) -> str:
    """When and where the pages of a cluster were printed, as far as it is known."""
    table = corpus.page_table
    rows = pa.array([table.find(page) for page in pages], pa.int64())
    names = ("year", "year_latest", "date", "place", "book")
    lines = [
        dict(zip(names, values, strict=True))
        for values in zip(*(table.column(name).take(rows).to_pylist() for name in names), strict=True)
    ]
    dates, books = [YearRange.of_row(line) for line in lines], [line["book"] for line in lines]
    by_date = sorted(zip(dates, lines, strict=True), key=lambda pair: pair[0].order)
    towns = list(dict.fromkeys(line["place"] for _, line in by_date if line["place"]))
    n_books = len({book for book in books if book})
    parts = []
    if years := span_of(dates).years:
        parts.append(years)
    if towns:
        parts.append(", ".join(towns[:6]) + (f" and {len(towns) - 6} more places" if len(towns) > 6 else ""))
    if n_books:
        parts.append(f"{n_books} book{'s' if n_books > 1 else ''}")
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
class ClusterPart:
    """One cluster, numbered from 1: its pages, the medoid first, and its closest pair."""

    number: int
    size: int
    pages: tuple[PageCard, ...]
    stability: float | None
    preview: PairPreview | None
    summary: str


@dataclass(frozen=True)
class LongTable:
    """A table over several pages in two books; of each its caption, all its pages, and those that are shown."""

    likeness: MatchedRuns
    sides: list[tuple[str, tuple[str, ...], list[SmallPage]]]


def report_content(
    corpus: Corpus, folder: ReportFolder, date: str, write_pair: WritePair, *, keep: bool, on_event: Listener
) -> dict[str, Any]:
    """Everything the index of the report in ``folder`` says of a run, for its template; makes its pictures.

    The page of each pair is made and handed to ``write_pair`` on the way.

    ``keep`` what is found out on the way in the run folder: how far pairs agree, and the tables over several pages.
    ``on_event`` gets remarks on alignments that could not be read or kept.
    """
    pictures = Pictures(folder, corpus.run.get("max_pixels", MAX_PIXELS))
    alignments = RunAlignments(corpus, on_event, keep=keep)
    agreements = Agreements(alignments)
    clustering = corpus.clusters
    clusters = list(clustering.clusters) if clustering is not None else []
    several = [cluster for cluster in clusters if len(cluster.members) > 1]
    shown = several[:MAX_CLUSTERS]
    long_tables = write_tables_over_pages(alignments, on_event) if keep else tables_over_pages(alignments)
    ids, phi = corpus.embeddings
    row_of = {page: row for row, page in enumerate(ids)}
    closest = {
        cluster.label: by_age(corpus, *pair)
        for cluster in shown
        if (pair := closest_pair({page: phi[row_of[page]] for page in cluster.pages}))
    }
    plan = PairPlan(corpus, _wanted(shown, closest.values(), long_tables))
    folder.claim(plan.hrefs.values())
    maker = PairPages(alignments, pictures, date)
    previews = _write_pairs(plan, maker, set(closest.values()), write_pair)
    cards = Cards(corpus, pictures, agreements)
    parts = [_cluster(corpus, cluster, cards, previews.get(closest.get(cluster.label, ("", "")))) for cluster in shown]

    table = corpus.page_table
    read = table.column("status").to_numpy(zero_copy_only=False) == "read"
    is_table = table.flags("is_table")
    placed = {page for cluster in clusters for page in cluster.pages}
    alone = [cluster.members[0].page for cluster in clusters if len(cluster.members) == 1]
    alone += [page for page in table.ids(np.flatnonzero(read & is_table)) if page not in placed]
    without = table.ids(np.flatnonzero(read & ~is_table))
    reasons = dict(clustering.without) if clustering is not None else {}
    ends = [pc.min_max(table.column(name).filter(pa.array(read))).as_py() for name in ("year", "year_latest")]
    years = [year for end in ends for year in (end["min"], end["max"]) if year is not None]
    content = {
        "title": corpus.folder.resolve().name,
        "counts": {
            "pages": len(table),
            "tables": int(np.count_nonzero(read & is_table)),
            "numbers": pc.sum(table.column("n_numbers").filter(pa.array(read))).as_py() or 0,
            "corrections": len(corpus.corrections.status().holding),
            "clusters": len(several),
            "alone": len(alone),
            "without": len(without),
            "problems": len(corpus.problems),
        },
        "years": (min(years), max(years)) if years else None,
        "clusters": parts,
        "long_tables": [_long_table(corpus, likeness, cards) for likeness in long_tables[:MAX_LONG]],
        "n_long": len(long_tables),
        "alone": [cards.card(page, reason=reasons.get(page, "")) for page in alone[:MAX_SINGLE]],
        "without": [cards.card(page, reason=reasons.get(page, "")) for page in without[:MAX_SINGLE]],
        "problems": [_problem(row) for row in corpus.problems],
        "plan": plan,
        "shown": cards.shown,
        "provenance": list(_provenance(corpus)),
    }
    alignments.save()
    return content


def _wanted(
    clusters: Sequence[Cluster], closest: Iterable[PageIds], long_tables: Sequence[MatchedRuns]
) -> Iterable[PageIds]:
    """The pairs to show, the most wanted first: the closest, pages of long tables, pages with the first of theirs."""
    yield from closest
    for likeness in long_tables[:MAX_LONG]:
        yield from likeness.run.pairs
    for cluster in clusters:
        yield from (
            (cluster.medoid, each.page) for each in cluster.members[:MAX_MEMBERS] if each.page != cluster.medoid
        )


def _write_pairs(
    plan: PairPlan, maker: PairPages, closest: set[PageIds], write: WritePair
) -> dict[PageIds, PairPreview]:
    """Write the page of every pair of the plan; of the closest of a cluster the small picture is kept."""
    previews = {}
    for pair, href in plan.hrefs.items():
        page = maker.page(*pair)
        write(href, page)
        if pair in closest:
            previews[pair] = PairPreview(page.pair.preview(), page.captions, page.agreement, page.corpus_rank, href)
    return previews


def _cluster(corpus: Corpus, cluster: Cluster, cards: Cards, preview: PairPreview | None) -> ClusterPart:
    pages = [
        cards.card(member.page, first=cluster.medoid, similarity=member.similarity)
        for member in cluster.members[:MAX_MEMBERS]
    ]
    summary = summary_of(corpus, cluster.pages)
    return ClusterPart(cluster.number, len(cluster.members), tuple(pages), cluster.stability, preview, summary)


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


def _problem(row: dict[str, str]) -> dict[str, str]:
    name = Locator.of(row["scan"]).name if row["scan"] else ""
    return {"page": row["page"], "scan": name, "problem": public_text(row["problem"], [row["scan"]] if name else [])}


def _provenance(corpus: Corpus) -> Iterable[tuple[str, str]]:
    """What made the report; of folders and files the names alone, since reports are there to be shared."""
    run = public_value(dict(corpus.run))
    source = run.pop("source", "")
    yield "Run folder", corpus.folder.resolve().name
    yield "Scans from", source if isinstance(source, str) else "; ".join(map(str, source))
    yield "Fingerprint of the network", _plain(corpus.settings.get("network", "unknown"))
    yield "Hash of the settings", corpus.settings_hash
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
        correctors = sorted({correction.who or "unnamed" for correction in corrections.holding})
        where = shortlist(corpus.corrections.pages)
        yield "Corrections", f"{len(corrections.holding)} on {where}; by {shortlist(correctors)}"
    decisions = corpus.table_decisions
    for remark in (
        *decisions.sentences(),
        *corrections.remarks(),
        *decisions.status().remarks(),
        *verdicts.remarks(),
    ):
        yield "Decisions of people", remark
    yield "Read with", ", ".join(f"{name} {number}" for name, number in sorted(dict(versions).items())) or "unknown"
    yield "Report written with", f"tablesim {__version__}"


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
