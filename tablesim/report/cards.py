"""Pages as the report lists them: picture, metadata, and the nearest pages with what laying them over it said."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tablesim.corpus.store import Corpus
from tablesim.evidence.collation.verification import Verification
from tablesim.report.pictures import Picture, Pictures
from tablesim.scans.kinds import PDF_SUFFIXES
from tablesim.scans.locator import Locator
from tablesim.workflow.verification import verify_pages
from tablesim.workflow.verification_store import VerifiedPairs

N_NEIGHBOURS = 5

MAX_VERIFIED = 400
"""Pairs of pages that one report lays over each other which the run did not yet: a tenth of a second each."""


class Agreements:
    """What laying pages over each other said: looked up in the run, or done now as long as ``most`` allows."""

    def __init__(self, corpus: Corpus, most: int = MAX_VERIFIED) -> None:
        self.corpus = corpus
        self.left = most
        self.known = VerifiedPairs.of(corpus)

    def of(self, a: str, b: str) -> Verification | None:
        """How far two pages agree; None for a page itself, and where it is not known and would be too much."""
        if a == b:
            return None
        found = self.known.get(a, b)
        if found is None and self.left > 0:
            self.left -= 1
            found = verify_pages(self.corpus, a, b)
        return found


@dataclass(frozen=True)
class Neighbour:
    """One of the nearest pages of a page."""

    page: str
    similarity: float
    same_book: bool | None
    caption: str
    shared: tuple[str, ...]
    agreement: Verification | None


@dataclass(frozen=True)
class PageCard:
    """One page in a list.

    ``agreement`` is that with the first page of its cluster, ``similarity`` likewise.
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
    agreement: Verification | None = None
    neighbours: tuple[Neighbour, ...] = ()
    reason: str = ""

    @property
    def alt(self) -> str:
        """What the picture shows, in words."""
        what = f"{self.n_numbers} numbers read" if self.is_table else "a page without a numerical table"
        return f"Scan of page {self.page}: {what}" + (f"; {self.caption}" if self.caption else "")


class Cards:
    """Makes the cards of pages; ``shown`` are the pages that have one."""

    def __init__(self, corpus: Corpus, pictures: Pictures, folder: Path, agreements: Agreements) -> None:
        self.corpus = corpus
        self.pictures = pictures
        self.folder = folder.resolve()
        self.agreements = agreements
        self.shown: set[str] = set()

    def card(self, page: str, *, first: str = "", similarity: float | None = None, reason: str = "") -> PageCard:
        """The card of a page; ``first`` is the first page of its cluster."""
        row = self.corpus.page(page)
        self.shown.add(page)
        return PageCard(
            page=page,
            caption=caption_of(row),
            facts=tuple(_facts(row)),
            year=row["year"],
            picture=self.thumbnail(page),
            scan=row["scan"],
            link=self._link(row["scan"]),
            is_table=bool(row["is_table"]),
            legibility=row["legibility"],
            note=row["note"] or "",
            n_numbers=row["n_numbers"] or 0,
            similarity=similarity,
            agreement=self.agreements.of(page, first) if first else None,
            neighbours=tuple(self._neighbours(page)) if row["is_table"] else (),
            reason=reason,
        )

    def thumbnail(self, page: str) -> Picture | None:
        """The page in small."""
        row = self.corpus.page(page)
        return self.pictures.thumbnail(row["scan"], row["sha256"], row["rotation"] or 0)

    def _neighbours(self, page: str) -> Iterable[Neighbour]:
        for hit in self.corpus.neighbours(page, N_NEIGHBOURS):
            caption = caption_of(self.corpus.page(hit.page))
            shared = tuple(bigram.bigram for bigram in hit.shared)
            agreement = self.agreements.of(page, hit.page)
            yield Neighbour(hit.page, hit.similarity, hit.same_book, caption, shared, agreement)

    def _link(self, scan: str) -> str:
        """The scan's address relative to the report, so that the two can be moved together; empty when it is gone."""
        place = Locator.of(scan)
        path = place.file.resolve()
        if not path.is_file():
            return ""
        # Browsers open a PDF at the page that follows the address; of a TIFF they know nothing.
        page = f"#page={place.number}" if place.number and path.suffix.lower() in PDF_SUFFIXES else ""
        try:
            return quote(os.fsencode(Path(os.path.relpath(path, self.folder)).as_posix())) + page
        except ValueError:  # another drive
            return path.as_uri() + page


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


def summary_of(rows: Sequence[dict[str, Any]]) -> str:
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
