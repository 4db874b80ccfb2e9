"""The pages of the report that show one pair each: from two scans to matched digits, cells, registration, citation."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tablesim.corpus.store import Corpus
from tablesim.errors import RunError, ScanError
from tablesim.evidence.collation.cutouts import Cutter
from tablesim.evidence.collation.verification import Verification
from tablesim.evidence.comparison import Comparison
from tablesim.evidence.figures.overlay import BLINK_SIDE, aligned_pages
from tablesim.evidence.matches.corpus_rank import CorpusRank, rank_in_corpus
from tablesim.evidence.matches.shares import BigramShare, n_for
from tablesim.language import say
from tablesim.records.collation import AGREES, Collation
from tablesim.records.counting import cut
from tablesim.records.dates import YearRange
from tablesim.report.collation_page import (
    SHOWN_STATES,
    ShownCell,
    ShownCollation,
    ShownDifference,
    ShownGrid,
    unaligned_words,
)
from tablesim.report.filters import Filters
from tablesim.report.presentation import Picture, Pictures
from tablesim.report.provenance import SOFTWARE, cite_page, page_of_run, public_text
from tablesim.report.side_by_side import SideBySide, removal_curve, side_by_side
from tablesim.version import __version__
from tablesim.workflow.alignments import RunAlignments

MAX_PAIRS = 150
"""Pairs that have a page of their own, a tenth of a second each and more than anybody looks at in a day: the closest of
each cluster, then each page with the first of its cluster. The workbench shows any pair."""

MAX_OVERLAYS = 60
"""Pairs of one report that are shown registered, one page upon the other: the first of these."""

N_BIGRAMS = 12
"""Bigrams that are shown with what they bring."""

MAX_CELLS = 3000
"""Cells that are shown of one pair, row by row; the page says when there are more."""

MAX_CUT = 40
"""Cells that do not agree and are shown with their cut-outs: asserted differences first, then doubtful ones. All the
others are listed below these, and each leads to its place on both scans."""

MAX_UNALIGNED = 24
"""Rows and columns that one page alone has, and that are written out."""

QUALITY = 62
"""Of the cut-outs, which are WebP. Chosen by eye: digits stay sharp, and a page of 40 cells stays below 1 MB."""

PageIds = tuple[str, str]
"""The ids of two pages."""


class PairPlan:
    """Which pairs of pages get a page of their own, and where it is.

    Parameters
    ----------
    corpus : Corpus
    wanted : iterable of (str, str)
        Pairs of page ids, the most wanted first; a pair that comes again counts once.
    """

    def __init__(self, corpus: Corpus, wanted: Iterable[PageIds]) -> None:
        pairs = list(dict.fromkeys(by_age(corpus, *pair) for pair in wanted))
        self.n_wanted = len(pairs)
        self.hrefs = {pair: f"pairs/{_name(corpus, pair)}.html" for pair in pairs[:MAX_PAIRS]}
        self._by_pages = {frozenset(pair): href for pair, href in self.hrefs.items()}
        self.with_overlay = set(pairs[:MAX_OVERLAYS])

    def href(self, a: str, b: str) -> str | None:
        """The address of the page of two pages, in whichever order; None where they have none."""
        return self._by_pages.get(frozenset((a, b)))

    def hrefs_of(self, page: str, others: Iterable[Any]) -> list[str | None]:
        """Those of a page with each of some others, which have their ids as ``page``."""
        return [self.href(page, other.page) for other in others]


@dataclass(frozen=True)
class PairCells:
    """Two pages cell by cell.

    Parameters
    ----------
    grids : list of ShownGrid
        The first ``MAX_CELLS`` cells, ``n_shown``.
    counts : dict of str to int
        How many cells are in each of ``SHOWN_STATES``.
    differences : list of ShownDifference
        At most ``MAX_CUT``; ``n_differing`` is how many there are.
    listed : list of ShownCell
        The others of these, without cut-outs.
    unaligned : list of (int, str)
        Which page, 0 or 1, has what row or column alone; at most ``MAX_UNALIGNED`` of ``n_unaligned``.
    transposed : bool
        Whether the rows of one page are columns of the other.
    filters : Filters
        What the cells that do not agree are filtered by.
    """

    grids: list[ShownGrid]
    counts: dict[str, int]
    differences: list[ShownDifference]
    listed: list[ShownCell]
    unaligned: list[tuple[int, str]]
    n_unaligned: int
    transposed: bool
    n_shown: int
    filters: Filters

    @classmethod
    def of(cls, collation: Collation, cutter: Cutter) -> PairCells:
        """The cells of two pages."""
        shown = ShownCollation(collation, cutter, quality=QUALITY)
        apart = [cell for state in SHOWN_STATES[1:] for cell in shown.cells if cell.state == state]
        differences = [ShownDifference(cell, shown.pictures(cell)) for cell in apart[:MAX_CUT]]
        alone = [(line.witness, unaligned_words(collation, line)) for line in collation.unaligned]
        grids = shown.grids(most=MAX_CELLS)
        n_shown = min(len(shown.cells), MAX_CELLS)
        listed = apart[MAX_CUT:]
        return cls(
            grids,
            shown.counts,
            differences,
            listed,
            alone[:MAX_UNALIGNED],
            len(alone),
            shown.transposed,
            n_shown,
            Filters(apart, list(shown.summary.by_kind)),
        )

    @property
    def n_cells(self) -> int:
        """How many cells both pages have."""
        return sum(self.counts.values())

    @property
    def n_differing(self) -> int:
        """How many of them do not agree."""
        return self.n_cells - self.counts[AGREES]

    @property
    def shown(self) -> Iterable[ShownCell]:
        """Those of the grids, row by row."""
        return (cell for grid in self.grids for _, row in grid.rows for cell in row if cell is not None)


@dataclass(frozen=True)
class PairPage:
    """What the page of a pair says.

    Parameters
    ----------
    pair : SideBySide
        The two pages side by side with their matches.
    captions : tuple of str
        Author, place and year of each.
    agreement : Verification
        How far they agree, cell by cell.
    cells : PairCells
    overlay : tuple of Picture, or None
        The first page brought onto the second, and the second; None where that is not shown.
    why_no_overlay : str
        The reason then.
    corpus_rank : CorpusRank or None
        How the pair ranks in the run; None where digits are on one of them only.
    citation : str
    """

    pair: SideBySide
    captions: tuple[str, str]
    agreement: Verification
    cells: PairCells
    overlay: tuple[Picture, Picture] | None
    why_no_overlay: str
    corpus_rank: CorpusRank | None
    citation: str

    @property
    def curve(self) -> dict[str, str] | None:
        """How the similarity falls when matches are taken away; None without a match."""
        faithfulness = self.pair.comparison.faithfulness
        return None if faithfulness is None else removal_curve(faithfulness)

    @property
    def bigrams(self) -> list[BigramShare]:
        """Those that bring most."""
        return self.pair.comparison.bigrams[:N_BIGRAMS]

    @property
    def n_for_half(self) -> int:
        """How many bigrams bring half of the score."""
        return n_for(self.pair.comparison.bigrams, 0.5)

    def to_dict(self) -> dict[str, Any]:
        """What the script of the page needs."""
        page_map = self.pair.comparison.transform
        readings = (self.pair.comparison.reading_a, self.pair.comparison.reading_b)
        sides = [
            {
                "width": side.turn.source_width,
                "height": side.turn.source_height,
                "rotation": side.turn.rotation,
                "sha256": reading.sha256,
            }
            for side, reading in zip(self.pair.sides, readings, strict=True)
        ]
        return {
            **self.pair.to_dict(),
            "sides": sides,
            "cells": [cell.to_list() for cell in self.cells.shown],
            "printed": [cell.printed for cell in self.cells.shown],
            "page_map": None if page_map is None else page_map.to_dict(),
            "verification": self.agreement.to_dict(),
            "citation": self.citation,
        }


class PairPages:
    """Makes the pages of pairs, one after the other; a scan is opened once for the cut-outs of pairs that follow."""

    def __init__(self, alignments: RunAlignments, pictures: Pictures, date: str) -> None:
        self.corpus = alignments.corpus
        self.alignments = alignments
        self.pictures = pictures
        self.date = date
        self.cutter = Cutter(pictures.max_pixels)

    def page(self, a: str, b: str, *, with_overlay: bool = True) -> PairPage:
        """The page of two pages, the first as given."""
        aligned = self.alignments.pair(a, b)
        pair = side_by_side(aligned, self.pictures)
        agreement = self.alignments.verify(a, b)
        overlay, why_no_overlay = self._overlay(pair.comparison, wanted=with_overlay)
        return PairPage(
            pair,
            (caption_of(self.corpus.page(a)), caption_of(self.corpus.page(b))),
            agreement,
            PairCells.of(aligned.collation, self.cutter),
            overlay,
            why_no_overlay,
            _rank(self.corpus, a, b),
            citation_of(self.corpus, pair.comparison, agreement, self.date),
        )

    def sources(self, a: str, b: str) -> tuple[Any, ...]:
        """All that the page of two pages follows from but the corpus around them, for ``report.keys``."""
        return tuple(
            (self.corpus.page(page), self.alignments.reading_key(page), self.corpus.corrections_of(page))
            for page in (a, b)
        )

    def _overlay(self, comparison: Comparison, *, wanted: bool) -> tuple[tuple[Picture, Picture] | None, str]:
        if comparison.transform is None:
            return None, comparison.why_no_transform
        if not wanted:
            return None, say(
                "one report shows {n} pairs so, the closest of their clusters first, and this is none of them; "
                "tablesim compare A B --out DIR does it",
                n=MAX_OVERLAYS,
            )
        # A correction may map the same two scans otherwise.
        inputs = (comparison.reading_a.sha256, comparison.reading_b.sha256, comparison.transform.to_dict())
        name = hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:20]
        names = [f"{name}-{which}.webp" for which in ("on", "under")]
        kept = [self.pictures.kept(name) for name in names]
        if kept[0] is not None and kept[1] is not None:
            return (kept[0], kept[1]), ""
        try:
            greys = aligned_pages(comparison, BLINK_SIDE)
        except ScanError as error:
            scans = (comparison.reading_a.scan, comparison.reading_b.scan)
            return None, public_text(str(error), scans)
        upper, lower = (self.pictures.ink(grey, name) for grey, name in zip(greys, names, strict=True))
        return (upper, lower), ""


def caption_of(row: dict[str, Any]) -> str:
    """Author, place and year as far as they are known: "Clavius, Rome 1585"."""
    author = ", ".join(row["authors"] or ()) or row["title"] or row["book"] or ""
    when = " ".join(part for part in (row["place"] or "", year_of(row)) if part)
    return ", ".join(part for part in (author, when) if part)


def year_of(row: dict[str, Any]) -> str:
    """The date of a page in its words, with the years that it allows; empty where none is known."""
    return YearRange.of_row(row).shown


def by_age(corpus: Corpus, a: str, b: str) -> PageIds:
    """Two pages, the earlier first; those without a date last, equals by their ids."""
    first, second = sorted((a, b), key=lambda page: (YearRange.of_row(corpus.page(page)).order, page))
    return first, second


def citation_of(corpus: Corpus, comparison: Comparison, agreement: Verification, date: str) -> str:
    """What to cite for the claim that two pages of a run are alike; ``date`` is when the report was written."""
    a, b = (cite_page(page_of_run(corpus, side.page)) for side in (comparison.reading_a, comparison.reading_b))
    network = str(corpus.settings.get("network", "unknown"))
    return say(
        "{a}; compared with {b}. Similarity {similarity} (cosine of the roots of the bigram histograms; score "
        "{score}); {verdict}: {agreement}. Digits read and pages compared by {software} {version} (digit network "
        "{network}, settings {settings}), run “{run}”, {date}.",
        a=a,
        b=b,
        similarity=cut(comparison.similarity, 4),
        score=f"{comparison.score:.2f}",
        verdict=agreement.verdict,
        agreement=agreement.words,
        software=SOFTWARE,
        version=__version__,
        network=network[:12],
        settings=corpus.settings_hash[:12],
        run=corpus.folder.resolve().name,
        date=date,
    )


def _rank(corpus: Corpus, a: str, b: str) -> CorpusRank | None:
    try:
        return rank_in_corpus(corpus, a, b)
    except RunError:
        return None


def _name(corpus: Corpus, pair: PageIds) -> str:
    """A name that tells the pages, is the same in the next report, and is another one for other scans."""
    rows = [corpus.page(page) for page in pair]
    words = "--".join(re.sub(r"[^A-Za-z0-9]+", "_", page)[:40].strip("_") for page in pair)
    key = hashlib.sha256("\n".join(f"{row['page']} {row['sha256']}" for row in rows).encode()).hexdigest()
    return f"{words}-{key[:8]}"
