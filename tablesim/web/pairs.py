"""Pages beside each other as data: two compared by digits, any number collated by cells; the run stays as it is."""

from __future__ import annotations

from typing import Any

from tablesim.evidence.collation.summary import CollationSummary
from tablesim.evidence.comparison import compare
from tablesim.web.live import LiveRun
from tablesim.web.request_values import RequestValues
from tablesim.web.witnesses import collated, witnesses_of
from tablesim.workflow.witnesses import stored_alignment

MOST_LINES = 1_200
"""Matches that are drawn for one pair, the strongest."""


def one_pair(live: LiveRun, asked: RequestValues) -> dict[str, Any]:
    """How alike two pages are, the matches that make them so, and how one lies upon the other."""
    corpus = live.corpus
    a, b = (str(corpus.page(asked.text(side))["page"]) for side in "ab")
    alignment = None if a == b else stored_alignment(corpus, a, b, keep=False)
    comparison = compare(corpus.reading(a), corpus.reading(b), alignment=alignment)
    links = sorted(comparison.assignment.links, key=lambda link: -link.relevance)
    return {
        "version": live.version,
        "relation": corpus.groups.relation(a, b),
        **{name: value for name, value in comparison.to_dict(top=0).items() if name != "matches"},
        # Where the scans lie on the disk is nobody's business in a network.
        "a": a,
        "b": b,
        "why_no_transform": comparison.why_no_transform,
        "n_links": len(links),
        "links": [link.to_dict() for link in links[:MOST_LINES]],
    }


def one_collation(live: LiveRun, asked: RequestValues) -> dict[str, Any]:
    """Witnesses cell by cell; a witness on several pages is ``A1+A2``."""
    collation = collated(live, witnesses_of(live, asked)).collation
    return {
        "version": live.version,
        **collation.to_dict(),
        "witnesses": [[reading.page for reading in witness.readings] for witness in collation.witnesses],
        "summary": CollationSummary(collation).paragraph,
        "addresses": [collation.address(cell).words for cell in collation.cells],
    }
