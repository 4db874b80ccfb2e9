"""What is said of single pages wherever they are listed: the scan in small, metadata, nearest pages, agreement."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tablesim.evidence.collation.verification import Verification
from tablesim.language import say, say_n
from tablesim.records.dates import YearRange
from tablesim.report.addresses import page_href
from tablesim.report.pair_pages import caption_of, year_of
from tablesim.report.presentation import Picture, Pictures
from tablesim.scans.locator import PDF_SUFFIXES, Locator
from tablesim.workflow.alignments import RunAlignments

N_NEIGHBOURS = 5
"""Nearest pages that are listed with a page."""

KEPT_LINES = 20_000
"""Lines of the table of pages that are kept in memory: 2 kB each."""


@dataclass(frozen=True)
class NeighbourCard:
    """One of the nearest pages of a page; ``href`` is where its own page is.

    ``same_scan`` says that it has the same bytes; nothing is collated then.
    """

    page: str
    href: str
    similarity: float
    same_book: bool | None
    caption: str
    shared: tuple[str, ...]
    agreement: Verification | None
    same_scan: bool


@dataclass(frozen=True)
class SmallPage:
    """A page in small; ``alt`` says what the picture shows, ``href`` is where its own page is."""

    page: str
    href: str
    picture: Picture | None
    scan_name: str
    alt: str


@dataclass(frozen=True)
class PageFacts:
    """What is known of a page without its picture.

    ``link`` leads from the report to the scan, empty where that cannot be; ``said_by_person`` is what a person said it
    carries.
    """

    page: str
    caption: str
    facts: tuple[tuple[str, str], ...]
    date: YearRange
    link: str
    is_table: bool
    said_by_person: str
    legibility: float | None
    note: str
    n_numbers: int
    neighbours: tuple[NeighbourCard, ...]


@dataclass(frozen=True)
class PageCard:
    """One page in a list; ``similarity``, ``agreement`` and ``same_scan`` tell of it and the first of its cluster."""

    small: SmallPage
    about: PageFacts
    similarity: float | None
    agreement: Verification | None
    same_scan: bool
    reason: str

    @property
    def page(self) -> str:
        """Its id."""
        return self.small.page


class Cards:
    """Makes the cards of pages, and what is said of them on their own pages; nothing is aligned for them."""

    def __init__(self, alignments: RunAlignments, pictures: Pictures) -> None:
        self.corpus = alignments.corpus
        self.alignments = alignments
        self.pictures = pictures
        self.folder = pictures.folder.path.resolve()
        # In the run's own report links work wherever the scans are; elsewhere they must not tell the folders of a disk.
        self.own = self.folder == (self.corpus.folder / "report").resolve()
        self.line = lru_cache(KEPT_LINES)(self.corpus.page)
        self.caption = lru_cache(KEPT_LINES)(lambda page: caption_of(self.line(page)))
        self.facts = lru_cache(KEPT_LINES)(self._facts)
        self.small = lru_cache(KEPT_LINES)(self._small)

    def card(self, page: str, *, first: str = "", similarity: float | None = None, reason: str = "") -> PageCard:
        """The card of a page; ``first`` is the first page of its cluster."""
        same_scan = bool(first) and self.is_same_scan(page, first)
        agreement = self.alignments.known(page, first) if first and not same_scan else None
        return PageCard(self.small(page), self.facts(page), similarity, agreement, same_scan, reason)

    def is_same_scan(self, a: str, b: str) -> bool:
        """Whether two pages have the same bytes."""
        return bool(self.line(a)["sha256"] == self.line(b)["sha256"])

    def _small(self, page: str) -> SmallPage:
        row = self.line(page)
        return self._small_with(page, self.pictures.thumbnail(row["scan"], row["sha256"], row["rotation"] or 0))

    def picture(self, page: str) -> Picture | None:
        """The picture of a page in small."""
        return self.small(page).picture

    def _small_with(self, page: str, picture: Picture | None) -> SmallPage:
        row, caption = self.line(page), self.caption(page)
        kind = (
            say_n(row["n_numbers"] or 0, "{n} number read", "{n} numbers read")
            if row["is_table"]
            else say("a page without a numerical table")
        )
        about = f": {kind}" + (f"; {caption}" if caption else "")
        return SmallPage(
            page, page_href(page), picture, Locator.of(row["scan"]).name, say("Scan of page {page}", page=page) + about
        )

    def _facts(self, page: str) -> PageFacts:
        row = self.line(page)
        decision = self.corpus.table_decisions.of(row["sha256"])
        is_table = bool(row["is_table"])
        return PageFacts(
            page,
            self.caption(page),
            tuple(facts_of(row)),
            YearRange.of_row(row),
            self.link(row["scan"]),
            is_table,
            decision.sentence if decision is not None else "",
            row["legibility"],
            row["note"] or "",
            row["n_numbers"] or 0,
            tuple(self._neighbours(page)) if is_table else (),
        )

    def _neighbours(self, page: str) -> Iterable[NeighbourCard]:
        for hit in self.corpus.neighbours(page, N_NEIGHBOURS):
            shared = tuple(bigram.bigram for bigram in hit.shared)
            same_scan = self.is_same_scan(page, hit.page)
            yield NeighbourCard(
                hit.page,
                page_href(hit.page),
                hit.similarity,
                hit.same_book,
                self.caption(hit.page),
                shared,
                None if same_scan else self.alignments.known(page, hit.page),
                same_scan,
            )

    def link(self, scan: str) -> str:
        """The scan's address relative to the report, so that the two can be moved together; empty without one."""
        locator = Locator.of(scan)
        path = locator.file.resolve()
        if not path.is_file():
            return ""
        try:
            relative = Path(os.path.relpath(path, self.folder)).as_posix()
        except ValueError:  # another drive
            return ""
        if not self.own and relative.startswith("../../"):
            return ""
        # Browsers open a PDF at the page that follows the address; of a TIFF they know nothing.
        is_pdf = bool(locator.number) and path.suffix.lower() in PDF_SUFFIXES
        return quote(os.fsencode(relative)) + (f"#page={locator.number}" if is_pdf else "")


def facts_of(row: dict[str, Any]) -> Iterable[tuple[str, str]]:
    """What the metadata say of a page, name and value, columns that only its own CSV has among them."""
    pairs = [
        (say("Author"), "; ".join(row["authors"] or ())),
        (say("Title"), row["title"] or ""),
        (say("Place"), row["place"] or ""),
        (say("Printer"), "; ".join(row["printers"] or ())),
        (say("Publisher"), "; ".join(row["publishers"] or ())),
        (say("Year"), year_of(row)),
        (say("Book"), row["book"] or ""),
        (say("Handle"), row["handle"] or ""),
        *((name, str(value)) for name, value in (row["extra"] or {}).items()),
    ]
    return ((name, value) for name, value in pairs if value)
