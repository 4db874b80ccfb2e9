"""What a report says, gathered from a run folder as plain values for the template."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from tablesim.corpus.store import Corpus
from tablesim.evidence.comparison import compare
from tablesim.report.pairs import Pair, make_pair
from tablesim.report.pictures import Picture, Pictures
from tablesim.scans.csvfile import listed
from tablesim.scans.images import MAX_PIXELS
from tablesim.scans.kinds import PDF_SUFFIXES
from tablesim.scans.locator import Locator

MAX_CLUSTERS = 200
"""Clusters of two pages and more that are shown with their closest pair, the largest first."""

MAX_MEMBERS = 60
"""Pages of a cluster that are shown, those most like its middle."""

MAX_LOOSE = 400
"""Pages shown in each of the lists of pages that stand alone or carry no table."""

N_NEIGHBOURS = 5

MAX_VERIFIED = 400
"""Pages that are laid over the first page of their cluster, in one report: a tenth of a second each."""


@dataclass(frozen=True)
class Neighbour:
    """One of the nearest pages of a page."""

    page: str
    similarity: float
    same_book: bool | None
    caption: str
    shared: tuple[str, ...]


@dataclass(frozen=True)
class PageCard:
    """One page in a list.

    ``laid_over`` says what it shares with the first page of its cluster when the two are laid over each other: equal
    numbers at matching places, and the share of the score that figures at matching places bring.
    """

    page: str
    caption: str
    facts: tuple[tuple[str, str], ...]
    year: int | None
    picture: Picture | None
    scan: str
    link: str
    is_table: bool
    legibility: float | None
    note: str
    n_numbers: int
    similarity: float | None = None
    laid_over: tuple[int, float] | None = None
    neighbours: tuple[Neighbour, ...] = ()
    reason: str = ""

    @property
    def alt(self) -> str:
        """What the picture shows, in words."""
        what = f"{self.n_numbers} numbers read" if self.is_table else "a page without a numerical table"
        return f"Scan of page {self.page}: {what}" + (f"; {self.caption}" if self.caption else "")


@dataclass(frozen=True)
class ClusterPart:
    """One cluster: its pages, the medoid first, and its closest pair."""

    label: int
    size: int
    pages: tuple[PageCard, ...]
    stability: float | None
    pair: Pair | None
    summary: str

    @property
    def number(self) -> int:
        """As printed: from 1."""
        return self.label + 1


@dataclass(frozen=True)
class Content:
    """All that the template is given."""

    title: str
    counts: dict[str, int]
    years: tuple[int, int] | None
    clusters: tuple[ClusterPart, ...]
    n_clusters: int
    alone: tuple[PageCard, ...]
    n_alone: int
    without: tuple[PageCard, ...]
    n_without: int
    problems: tuple[dict[str, str], ...]
    provenance: tuple[tuple[str, str], ...] = field(default=())


def gather(corpus: Corpus, folder: Path) -> tuple[Content, Pictures]:
    """Everything the report in ``folder`` says of a run; makes its pictures."""
    pictures = Pictures(folder, corpus.run.get("max_pixels", MAX_PIXELS))
    cards = _Cards(corpus, pictures, folder)
    clustering = corpus.clusters
    found = list(clustering.clusters) if clustering is not None else []
    several = [cluster for cluster in found if len(cluster.members) > 1]
    alone = [cluster.members[0].page for cluster in found if len(cluster.members) == 1]
    reasons = dict(clustering.without) if clustering is not None else {}
    rows = [row for row in corpus.pages if row["status"] == "read"]
    placed = {page for cluster in found for page in cluster.pages}
    loose_tables = [row["page"] for row in rows if row["is_table"] and row["page"] not in placed]
    without = [row["page"] for row in rows if not row["is_table"]]
    years = [row["year"] for row in rows if row["year"] is not None]
    content = Content(
        title=corpus.folder.resolve().name,
        counts={
            "pages": len(corpus.pages),
            "tables": sum(bool(row["is_table"]) for row in rows),
            "numbers": sum(row["n_numbers"] or 0 for row in rows),
            "corrections": len(corpus.corrections.all),
            "clusters": len(several),
            "alone": len(alone) + len(loose_tables),
            "without": len(without),
            "problems": len(corpus.problems),
        },
        years=(min(years), max(years)) if years else None,
        clusters=tuple(_cluster(corpus, cluster, cards, pictures) for cluster in several[:MAX_CLUSTERS]),
        n_clusters=len(several),
        alone=tuple(cards.card(page, reason=reasons.get(page, "")) for page in (alone + loose_tables)[:MAX_LOOSE]),
        n_alone=len(alone) + len(loose_tables),
        without=tuple(cards.card(page, reason=reasons.get(page, "")) for page in without[:MAX_LOOSE]),
        n_without=len(without),
        problems=tuple(dict(row) for row in corpus.problems),
        provenance=tuple(_provenance(corpus)),
    )
    return content, pictures


class _Cards:
    """Makes the cards of pages, each with its nearest pages."""

    def __init__(self, corpus: Corpus, pictures: Pictures, folder: Path) -> None:
        self.corpus = corpus
        self.pictures = pictures
        self.folder = folder.resolve()
        self.n_verified = 0

    def card(self, page: str, *, similarity: float | None = None, reason: str = "") -> PageCard:
        row = self.corpus.page(page)
        return PageCard(
            page=page,
            caption=caption_of(row),
            facts=tuple(_facts(row)),
            year=row["year"],
            picture=self.pictures.thumbnail(row["scan"], row["sha256"], row["rotation"] or 0),
            scan=row["scan"],
            link=self._link(row["scan"]),
            is_table=bool(row["is_table"]),
            legibility=row["legibility"],
            note=row["note"] or "",
            n_numbers=row["n_numbers"] or 0,
            similarity=similarity,
            neighbours=tuple(self._neighbours(page)) if row["is_table"] else (),
            reason=reason,
        )

    def laid_over(self, page: str, first: str) -> tuple[int, float] | None:
        """Equal numbers, and share of the score, at matching places; None for the page itself or beyond the limit."""
        if page == first or self.n_verified >= MAX_VERIFIED:
            return None
        self.n_verified += 1
        comparison = compare(self.corpus.reading(page), self.corpus.reading(first))
        share = comparison.assignment.relevance_supported / comparison.score if comparison.score > 0 else 0.0
        return comparison.assignment.equal_numbers, share

    def _neighbours(self, page: str) -> Iterable[Neighbour]:
        for hit in self.corpus.neighbours(page, N_NEIGHBOURS):
            caption = caption_of(self.corpus.page(hit.page))
            shared = tuple(bigram.bigram for bigram in hit.shared)
            yield Neighbour(hit.page, hit.similarity, hit.same_book, caption, shared)

    def _link(self, scan: str) -> str:
        """The scan's address relative to the report, so that the two can be moved together; empty when it is gone."""
        place = Locator.of(scan)
        path = place.file.resolve()
        if not path.is_file():
            return ""
        # Browsers open a PDF at the page that follows the address; of a TIFF they know nothing.
        page = f"#page={place.number}" if place.number and path.suffix.lower() in PDF_SUFFIXES else ""
        try:
            return quote(Path(os.path.relpath(path, self.folder)).as_posix()) + page
        except ValueError:  # another drive
            return path.as_uri() + page


def _cluster(corpus: Corpus, cluster: Any, cards: _Cards, pictures: Pictures) -> ClusterPart:
    members = cluster.members[:MAX_MEMBERS]
    first = cluster.medoid
    pages = tuple(
        replace(cards.card(member.page, similarity=member.similarity), laid_over=cards.laid_over(member.page, first))
        for member in members
    )
    closest = closest_pair(corpus, cluster.pages)
    pair = make_pair(corpus.reading(closest[0]), corpus.reading(closest[1]), pictures) if closest else None
    rows = [corpus.page(page) for page in cluster.pages]
    return ClusterPart(cluster.label, len(cluster.members), pages, cluster.stability, pair, _summary(rows))


def closest_pair(corpus: Corpus, pages: Iterable[str]) -> tuple[str, str] | None:
    """The two pages with the greatest similarity, the earlier one first; None for fewer than two."""
    ids, phi = corpus.embeddings
    chosen = sorted(set(pages))
    if len(chosen) < 2:
        return None
    at = {page: index for index, page in enumerate(ids)}
    rows = phi[[at[page] for page in chosen]].astype(np.float64)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)
    cosine = np.triu(np.round(unit @ unit.T, 9) + 1.0, k=1)
    i, j = np.unravel_index(int(np.argmax(cosine)), cosine.shape)
    one, other = chosen[int(i)], chosen[int(j)]
    by_age = sorted((one, other), key=lambda page: (corpus.page(page)["year"] or 9999, page))
    return by_age[0], by_age[1]


def caption_of(row: dict[str, Any]) -> str:
    """Author, place and year as far as they are known: "Clavius, Rome 1585"."""
    author = ", ".join(row["authors"] or ()) or row["title"] or row["book"] or ""
    when = " ".join(part for part in (row["place"] or "", _year(row)) if part)
    return ", ".join(part for part in (author, when) if part)


def _year(row: dict[str, Any]) -> str:
    if row["year"] is None:
        return ""
    latest = row["year_latest"]
    return f"{row['year']}–{latest}" if latest not in (None, row["year"]) else str(row["year"])


def _facts(row: dict[str, Any]) -> Iterable[tuple[str, str]]:
    pairs = [
        ("Author", "; ".join(row["authors"] or ())),
        ("Title", row["title"] or ""),
        ("Place", row["place"] or ""),
        ("Printer", "; ".join(row["printers"] or ())),
        ("Publisher", "; ".join(row["publishers"] or ())),
        ("Year", _year(row)),
        ("Book", row["book"] or ""),
        ("Handle", row["handle"] or ""),
    ]
    return ((name, value) for name, value in pairs if value)


def _summary(rows: list[dict[str, Any]]) -> str:
    """When and where the pages of a cluster were printed, as far as it is known."""
    years = [row["year"] for row in rows if row["year"] is not None]
    places = list(dict.fromkeys(row["place"] for row in sorted(rows, key=lambda r: r["year"] or 9999) if row["place"]))
    books = {row["book"] for row in rows if row["book"]}
    parts = []
    if years:
        parts.append(str(min(years)) if min(years) == max(years) else f"{min(years)}–{max(years)}")
    if places:
        parts.append(", ".join(places[:6]) + (f" and {len(places) - 6} more places" if len(places) > 6 else ""))
    if books:
        parts.append(f"{len(books)} book{'s' if len(books) > 1 else ''}")
    return " · ".join(parts)


def _provenance(corpus: Corpus) -> Iterable[tuple[str, str]]:
    run = dict(corpus.run)
    yield "Run folder", str(corpus.folder)
    yield "Scans from", "; ".join(_listed(run.pop("source", "")))
    yield "Fingerprint of the network", _plain(corpus.settings.get("network", "unknown"))
    text = json.dumps(corpus.settings, sort_keys=True, ensure_ascii=False)
    yield "Hash of the settings", hashlib.sha256(text.encode()).hexdigest()
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
    yield "Read with", ", ".join(f"{name} {number}" for name, number in dict(versions).items()) or "unknown"
    yield "Report written with", f"tablesim {version('tablesim')}"


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [str(item) for item in value]


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
