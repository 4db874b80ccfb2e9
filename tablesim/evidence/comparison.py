"""How alike two pages are, and which glyphs make them so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tablesim.bigrams.embedding import containment, embed, exact_histogram, score, similarity
from tablesim.bigrams.occurrences import Occurrences
from tablesim.evidence.collation.collation import PagePair
from tablesim.evidence.collation.grids import TableAlignment
from tablesim.evidence.matches.assignment import Assignment, assign
from tablesim.evidence.matches.faithfulness import Faithfulness, glyph_faithfulness
from tablesim.evidence.matches.glyphs import GlyphMatches, Match
from tablesim.evidence.matches.interval import Interval, similarity_interval
from tablesim.evidence.matches.shares import BigramShare, bigram_shares
from tablesim.evidence.registration import NotRegistrable, PageMap, register_pages
from tablesim.records.html import html_table
from tablesim.records.reading import Reading

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tablesim.corpus.store import Corpus
    from tablesim.evidence.matches.corpus_rank import CorpusRank
    from tablesim.evidence.matches.ink_relevance import PixelRelevance
    from tablesim.evidence.matches.relevance_by_region import RelevanceByRegion
    from tablesim.reader import PageReader

MODEL = "bigram"


@dataclass(frozen=True)
class Comparison:
    """Two pages side by side.

    Parameters
    ----------
    reading_a, reading_b : Reading
        What was read on the two pages.
    similarity : float
        score / (|phi| |phi'|): 0, nothing in common, to 1, the same bigrams in the same proportions.
    score : float
        phi . phi', from the two histograms.
    containment : float
        sum min(h, h') / min(sum h, sum h'): 1 when the bigrams of one page are all on the other.
    relevance_total : float
        The sum over all pairs of equal glyphs, taken pair by pair; equal to ``score`` to 1e-6 because BiLRP shares out
        the score and nothing else.
    glyph_matches : GlyphMatches
        All pairs of equal glyphs.
    n_top : int
        How many of them ``matches`` lists.
    alignment : TableAlignment, optional
        Of the two pages, where it is known; else it is made when it is needed.
    corpus_rank : CorpusRank, optional
        How the pair stands among all pages of a run; known after ``within``.
    by_region : two RelevanceByRegion, optional
        On what the relevance lies on the two pages; set by who calls ``pixels``.
    """

    reading_a: Reading
    reading_b: Reading
    similarity: float
    score: float
    containment: float
    relevance_total: float
    glyph_matches: GlyphMatches
    n_top: int = 200
    model: str = MODEL
    alignment: TableAlignment | None = None
    corpus_rank: CorpusRank | None = None
    by_region: tuple[RelevanceByRegion, RelevanceByRegion] | None = None

    def __repr__(self) -> str:
        pages = f"{self.reading_a.page!r}, {self.reading_b.page!r}"
        return f"Comparison({pages}, similarity {self.similarity:.4f}, {self.glyph_matches.n_pairs} matches)"

    def _repr_html_(self) -> str:
        """The similarity and the bigrams that bring most of it, for notebooks."""
        rows = [(share.bigram, f"{100 * share.share:.0f} %") for share in self.bigrams]
        caption = f"{self.reading_a.page} and {self.reading_b.page}: similarity {self.similarity:.4f}"
        return html_table(caption, ("bigram", "of the score"), rows, most=10)

    @property
    def a(self) -> str:
        """Path of the first scan, as it was given."""
        return self.reading_a.scan

    @property
    def b(self) -> str:
        """Path of the second scan, as it was given."""
        return self.reading_b.scan

    @property
    def bias_share(self) -> float:
        """Share of the score that goes to no pair of glyphs: 0, since the bigram layer has no biases."""
        return 0.0

    @cached_property
    def matches(self) -> list[Match]:
        """The matches of greatest relevance, greatest first."""
        return self.glyph_matches.top(self.n_top)

    @property
    def relevance_listed(self) -> float:
        """What ``matches`` bring to the score together."""
        return float(sum(match.relevance for match in self.matches))

    @cached_property
    def interval(self) -> Interval:
        """Between which ends the similarity lies for all that the reader doubts, at 95 %."""
        return similarity_interval(self.reading_a, self.reading_b, self.similarity)

    @cached_property
    def bigrams(self) -> list[BigramShare]:
        """The bigrams that both pages have and what each brings to the score, greatest first."""
        return bigram_shares(self.glyph_matches)

    @cached_property
    def faithfulness(self) -> Faithfulness | None:
        """The similarity while matches are taken away, the most relevant or random ones; None without a match."""
        return glyph_faithfulness(self.glyph_matches)

    @cached_property
    def pair(self) -> PagePair:
        """The two pages with their alignment, which is made when it was not given."""
        if self.alignment is None:
            return PagePair.of(self.reading_a, self.reading_b)
        return PagePair(self.reading_a, self.reading_b, self.alignment)

    @cached_property
    def assignment(self) -> Assignment:
        """The one-to-one assignment of equal glyphs that pictures draw."""
        return assign(self.pair, self.glyph_matches, self.transform)

    @cached_property
    def registration(self) -> PageMap | NotRegistrable:
        """The map from page A to page B that the numbers in matching cells support, or why there is none."""
        return register_pages(self.pair)

    @property
    def transform(self) -> PageMap | None:
        """The map from source pixels of A to those of B; None where the pages cannot be registered."""
        return self.registration if isinstance(self.registration, PageMap) else None

    @property
    def why_no_transform(self) -> str:
        """The reason where ``transform`` is None, else empty."""
        return self.registration.reason if isinstance(self.registration, NotRegistrable) else ""

    def to_dict(self, top: int | None = None) -> dict[str, Any]:
        """The comparison as plain values: what ``tablesim compare --json`` prints.

        Parameters
        ----------
        top : int, optional
            How many matches to list; as many as ``matches`` has when left out.
        """
        matches = self.matches if top is None or top == self.n_top else self.glyph_matches.top(top)
        by_region = None
        if self.by_region is not None:
            by_region = {side: part.to_dict() for side, part in zip("ab", self.by_region, strict=True)}
        return {
            "a": self.a,
            "b": self.b,
            "model": self.model,
            "similarity": self.similarity,
            "score": self.score,
            "relevance_total": self.relevance_total,
            "relevance_listed": float(sum(match.relevance for match in matches)),
            "bias_share": self.bias_share,
            "containment": self.containment,
            "interval": self.interval.to_dict(),
            "corpus_rank": None if self.corpus_rank is None else self.corpus_rank.to_dict(),
            "bigrams": [bigram.to_dict() for bigram in self.bigrams],
            "by_region": by_region,
            "faithfulness": None if self.faithfulness is None else self.faithfulness.to_dict(),
            "transform": None if self.transform is None else self.transform.to_dict(),
            "matches": [match.to_dict() for match in matches],
        }

    def within(self, corpus: Corpus, labels: Mapping[str, str] | None = None) -> Comparison:
        """The same with its ``rank_in_corpus`` in a run that has both pages; the rest costs what it cost.

        Parameters
        ----------
        corpus : Corpus
            Its line of a page is found by the bytes of the scan.
        labels : mapping of str to str, optional
            As for ``tablesim.evidence.matches.corpus_rank.corpus_rank``.

        Raises
        ------
        RunError
            A page is not in the run, has no digits, or is the other one.
        """
        from tablesim.evidence.matches.corpus_rank import page_in, rank_in_corpus

        pages = page_in(corpus, self.reading_a), page_in(corpus, self.reading_b)
        return replace(self, corpus_rank=rank_in_corpus(corpus, *pages, labels))

    def pixels(self, network: PageReader | None = None) -> PixelRelevance:
        """The score shared over pairs of pixels of the two working pages, which takes some seconds.

        Parameters
        ----------
        network : Network, optional
            The one that read the pages; the bundled one when left out.

        Raises
        ------
        ScanError
            A scan is no longer where the reading says it was.
        """
        from tablesim.evidence.matches.ink_relevance import explain_pixels

        if network is None:
            from tablesim.reader import load_network

            network = load_network()
        return explain_pixels(network.digit_reader, self.reading_a, self.reading_b)

    def plot(self, path: str | Path | None = None, *, max_lines: int | None = None, style: str = "arcs") -> Figure:
        """Draw the two pages side by side, their equal glyphs joined by lines as wide as what they bring.

        Parameters
        ----------
        path : str or Path, optional
            Where to write the picture (PNG, PDF or SVG by suffix); it is only returned when left out.
        max_lines : int, optional
            The strongest lines are drawn, ``tablesim.evidence.figures.match_figure.MAX_LINES`` unless told
            otherwise; the
            caption says what the others bring. Has no meaning for "print".
        style : {"arcs", "print"}
            "arcs" as in the paper, for the screen; "print" in black on white, few thin lines, for half a sheet.

        Returns
        -------
        matplotlib.figure.Figure
            Not registered with pyplot: it needs no closing.

        Raises
        ------
        ScanError
            A scan is no longer where the reading says it was.
        ValueError
            Another style.
        """
        from tablesim.evidence.figures.match_figure import draw

        return draw(self, path, max_lines, style)


def compare(
    a: str | Path | Reading,
    b: str | Path | Reading,
    network: PageReader | None = None,
    top: int = 200,
    *,
    alignment: TableAlignment | None = None,
) -> Comparison:
    """Compare two pages.

    Parameters
    ----------
    a, b : path or Reading
        Scans, or what was read on them before.
    network : Network, optional
        Reads the scans; the bundled one when left out. Not needed for two readings.
    top : int
        How many matches ``Comparison.matches`` lists; the totals are always over all pairs.
    alignment : TableAlignment, optional
        Of the two readings, where it is known (``tablesim.workflow.alignments`` keeps those of a run).

    Returns
    -------
    Comparison
        Similarity, score, the matched pairs of glyphs and ``plot()``.

    Raises
    ------
    ScanError
        A scan cannot be opened.
    ValueError
        ``top`` is negative.

    Examples
    --------
    >>> scans = "data/sample/scans/"
    >>> comparison = compare(scans + "1006_tectander_1576_p91.jpg", scans + "1007_morellius_1595_p47.jpg")
    >>> comparison.similarity > 0.9, comparison.matches[0].bigram
    (True, '56')
    """
    if top < 0:
        raise ValueError(f"compare: got top={top}, expected 0 or more matches")
    readings: list[Reading] = []
    for page in (a, b):
        if isinstance(page, Reading):
            readings.append(page)
            continue
        if network is None:
            from tablesim.reader import load_network

            network = load_network()
        readings.append(network.read(page))
    occurrences = [Occurrences.of(reading) for reading in readings]
    h_a, h_b = (exact_histogram(side) for side in occurrences)
    phi_a, phi_b = embed(h_a), embed(h_b)
    matches = GlyphMatches(*occurrences)
    return Comparison(
        reading_a=readings[0],
        reading_b=readings[1],
        similarity=similarity(phi_a, phi_b),
        score=score(phi_a, phi_b),
        containment=containment(h_a, h_b),
        relevance_total=matches.total(),
        glyph_matches=matches,
        n_top=top,
        alignment=alignment,
    )
