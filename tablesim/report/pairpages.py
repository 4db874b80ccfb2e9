"""The pages of the report that show one pair each: from two scans to glyphs, cells, pixels and a citation."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
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
from tablesim.records.collation import AGREES, Collation
from tablesim.report.cards import Agreements, caption_of
from tablesim.report.citing import citation_of
from tablesim.report.curves import Curve, curve_of
from tablesim.report.pairs import Pair, make_pair
from tablesim.report.pictures import Picture, Pictures
from tablesim.report.shown_cells import (
    SHOWN_STATES,
    ShownCell,
    ShownCollation,
    ShownDifference,
    ShownGrid,
    unaligned_words,
)
from tablesim.workflow.verification_store import collate_pages

MAX_PAIRS = 240
"""Pairs that have a page of their own: the closest of each cluster, then each page with the first of its cluster."""

MAX_OVER = 120
"""Pairs that are laid over each other as pictures in one report, the first of these: what a report holds does not
depend on an earlier one."""

N_BIGRAMS = 12
"""Bigrams that are shown with what they bring."""

MAX_CELLS = 3000
"""Cells that are shown of one pair, row by row; the page says when there are more."""

MAX_CUT = 40
"""Cells that do not agree and are shown with their cut-outs: asserted differences first, then doubtful ones."""

MAX_UNALIGNED = 24
"""Rows and columns that one page alone has, and that are written out."""

QUALITY = 62
"""Of the cut-outs, which are WebP. Chosen by eye: digits stay sharp, and a page of 40 cells stays below 1 MB."""

Pages = tuple[str, str]


class PairPlan:
    """Which pairs of pages get a page of their own, and where it is.

    Parameters
    ----------
    corpus : Corpus
    wanted : iterable of (str, str)
        Pairs of page ids, the most wanted first; a pair that comes again counts once.
    """

    def __init__(self, corpus: Corpus, wanted: Iterable[Pages]) -> None:
        found = list(dict.fromkeys(by_age(corpus, *pair) for pair in wanted))
        self.n_wanted = len(found)
        self.names = {pair: _name(corpus, pair) for pair in found[:MAX_PAIRS]}
        self._turned = {frozenset(pair): pair for pair in self.names}

    def href(self, a: str, b: str) -> str | None:
        """The address of the page of two pages, in whichever order; None where they have none."""
        pair = self._turned.get(frozenset((a, b)))
        return None if pair is None else f"pairs/{self.names[pair]}.html"


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
    unaligned : list of (int, str)
        Which page, 0 or 1, has what row or column alone; at most ``MAX_UNALIGNED`` of ``n_unaligned``.
    transposed : bool
        Whether the rows of one page are columns of the other.
    """

    grids: list[ShownGrid]
    counts: dict[str, int]
    differences: list[ShownDifference]
    unaligned: list[tuple[int, str]]
    n_unaligned: int
    transposed: bool
    n_shown: int

    @classmethod
    def of(cls, collation: Collation, cutter: Cutter, *, reverse: bool) -> PairCells:
        """The cells of two pages; ``reverse`` where witness B of the collation is shown first."""
        shown = ShownCollation(collation, cutter, order=(1, 0) if reverse else (0, 1), quality=QUALITY)
        differences: list[ShownDifference] = []
        for state in SHOWN_STATES[1:]:
            differences += shown.differences([state], MAX_CUT - len(differences))
        alone = [(shown.order.index(line.witness), unaligned_words(line)) for line in collation.unaligned]
        grids = shown.grids(most=MAX_CELLS)
        n_shown = min(len(shown.cells), MAX_CELLS)
        return cls(grids, shown.counts, differences, alone[:MAX_UNALIGNED], len(alone), shown.transposed, n_shown)

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
    pair : Pair
        The two pages side by side with their matches.
    captions : tuple of str
        Author, place and year of each.
    agreement : Verification
        How far they agree, place by place.
    cells : PairCells
    over : tuple of Picture, or None
        The first page brought onto the second, and the second; None where they cannot be laid over each other.
    why_not_over : str
        The reason then.
    corpus_rank : Standing or None
        How the pair stands in the run; None where figures are on one of them only.
    citation : str
    """

    pair: Pair
    captions: tuple[str, str]
    agreement: Verification
    cells: PairCells
    over: tuple[Picture, Picture] | None
    why_not_over: str
    corpus_rank: CorpusRank | None
    citation: str

    @property
    def curve(self) -> Curve | None:
        """How the similarity falls when matches are taken away; None without a match."""
        found = self.pair.comparison.faithfulness
        return None if found is None else curve_of(found)

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
        comparison = self.pair.comparison
        laid = comparison.transform
        sides = [
            {"width": side.turn.source_width, "height": side.turn.source_height, "rotation": side.turn.rotation}
            for side in self.pair.sides
        ]
        return {
            **self.pair.to_dict(),
            "sides": sides,
            "cells": [cell.to_list() for cell in self.cells.shown],
            "laid_over": None if laid is None else laid.to_dict(),
            "verification": self.agreement.to_dict(),
            "citation": self.citation,
        }


class PairMaker:
    """Makes the pages of pairs, one after the other; a scan is opened once for the cut-outs of pairs that follow."""

    def __init__(self, corpus: Corpus, pictures: Pictures, agreements: Agreements, date: str) -> None:
        self.corpus = corpus
        self.pictures = pictures
        self.agreements = agreements
        self.date = date
        self.cutter = Cutter(pictures.max_pixels)
        self.n_over = 0

    def make(self, a: str, b: str) -> PairPage:
        """The page of two pages, the first as given."""
        pair = make_pair(self.corpus.reading(a), self.corpus.reading(b), self.pictures)
        collation = collate_pages(self.corpus, a, b)
        told = self.agreements.known.add(a, b, collation)
        comparison = pair.comparison
        over, why_not = self._over(comparison)
        return PairPage(
            pair,
            (caption_of(self.corpus.page(a)), caption_of(self.corpus.page(b))),
            told,
            PairCells.of(collation, self.cutter, reverse=a > b),
            over,
            why_not,
            _standing(self.corpus, a, b),
            citation_of(self.corpus, comparison, told, self.date),
        )

    def _over(self, comparison: Comparison) -> tuple[tuple[Picture, Picture] | None, str]:
        if comparison.transform is None:
            return None, comparison.why_no_transform
        if self.n_over >= MAX_OVER:
            return None, (
                f"one report lays {MAX_OVER} pairs over each other, the closest of their clusters first, and this is "
                "none of them; tablesim compare A B --out DIR does it"
            )
        self.n_over += 1
        # A correction may lay the same two scans otherwise.
        made_of = (comparison.reading_a.sha256, comparison.reading_b.sha256, comparison.transform.to_dict())
        name = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:20]
        kept = [self.pictures.kept(f"{name}-{which}.webp") for which in ("on", "under")]
        if kept[0] is None or kept[1] is None:
            try:
                greys = aligned_pages(comparison, BLINK_SIDE)
            except ScanError as error:
                return None, str(error)
            kept = [
                self.pictures.ink(grey, f"{name}-{which}.webp")
                for grey, which in zip(greys, ("on", "under"), strict=True)
            ]
        assert kept[0] is not None and kept[1] is not None
        return (kept[0], kept[1]), ""


def by_age(corpus: Corpus, one: str, other: str) -> Pages:
    """Two pages, the earlier first; those without a year last, equals by their ids."""
    first, second = sorted((one, other), key=lambda page: (corpus.page(page)["year"] or 9999, page))
    return first, second


def wanted_pairs(
    closest: Iterable[Pages], firsts: Iterable[tuple[str, Sequence[str]]], runs: Iterable[Pages]
) -> Iterable[Pages]:
    """The pairs to show, the most wanted first: the closest, pages of long tables, pages with the first of theirs."""
    yield from closest
    yield from runs
    for first, members in firsts:
        yield from ((first, page) for page in members if page != first)


def _standing(corpus: Corpus, a: str, b: str) -> CorpusRank | None:
    try:
        return rank_in_corpus(corpus, a, b)
    except RunError:
        return None


def _name(corpus: Corpus, pair: Pages) -> str:
    """A name that tells the pages, is the same in the next report, and is another one for other scans."""
    rows = [corpus.page(page) for page in pair]
    told = "--".join(re.sub(r"[^A-Za-z0-9]+", "_", page)[:40].strip("_") for page in pair)
    key = hashlib.sha256("\n".join(f"{row['page']} {row['sha256']}" for row in rows).encode()).hexdigest()
    return f"{told}-{key[:8]}"
