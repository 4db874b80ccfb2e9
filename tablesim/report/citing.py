"""The footnote of a pair of pages: which bytes were compared, by what, with which settings, and what came out."""

from __future__ import annotations

from importlib.metadata import version

from tablesim.corpus.store import Corpus
from tablesim.evidence.collation.verification import Verification
from tablesim.evidence.comparison import Comparison
from tablesim.evidence.figures.match_figure import shorten
from tablesim.report.cards import caption_of


def agreement_words(told: Verification) -> str:
    """How far two pages agree, and whether that makes them one table."""
    if not told.places:
        return "no place of one could be laid over a place of the other"
    share = f"{100 * told.agreement:.1f} % of the {told.places} places that both have agree, doubtful ones left out"
    which = "the same table" if told.same else "not shown to be the same table"
    return f"{share} (they are {100 * told.coverage:.0f} % of the smaller page): {which}"


def citation_of(corpus: Corpus, comparison: Comparison, told: Verification, date: str) -> str:
    """What to cite for the claim that two pages of a run are alike.

    Parameters
    ----------
    corpus : Corpus
        The run that has the two pages.
    comparison : Comparison
    told : Verification
        How far they agree.
    date : str
        When the report was written.
    """
    pages = [_cited(corpus, reading.page) for reading in (comparison.reading_a, comparison.reading_b)]
    network = str(corpus.settings.get("network", "unknown"))
    return (
        f"{pages[0]}; compared with {pages[1]}. Similarity {shorten(comparison.similarity)} (cosine "
        f"of the roots of the "
        f"bigram histograms; score {comparison.score:.2f}); {agreement_words(told)}. Figures read and pages compared "
        f"by tablesim {version('tablesim')} (digit network {network[:12]}, settings {corpus.settings_hash[:12]}), "
        f"run “{corpus.folder.resolve().name}”, {date}."
    )


def _cited(corpus: Corpus, page: str) -> str:
    row, caption = corpus.page(page), caption_of(corpus.page(page))
    title = row["title"] or ""
    about = ", ".join(part for part in (caption, "" if title in caption else title, row["handle"]) if part)
    made = len(corpus.corrections_of(page))
    corrected = f", {made} correction{'s' if made > 1 else ''} by hand" if made else ""
    return f"{about or row['scan']}, page {page} (scan SHA-256 {row['sha256'][:16]}{corrected})"
