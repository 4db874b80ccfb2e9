"""What people said of pages and clusters, beside what the machine found: the newest verdict on a page, names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tablesim.corpus.clustering.model import Clustering
from tablesim.corpus.corrections.decisions import DecisionsStatus
from tablesim.corpus.store import Corpus
from tablesim.records.relations import PageVerdict
from tablesim.review.constraints import names_status
from tablesim.review.verdicts import Verdict

WORDS = {"same": "same table", "kind": "same kind", "other": "another table", "unsure": "unsure"}
"""What a verdict says, by its meaning."""


def verdicts_by_name(status: DecisionsStatus[Verdict]) -> list[Verdict]:
    """The verdicts that hold, with the pages called as they are now."""
    first = {key: pages[0] for key, pages in status.pages_of.items()}
    return [replace(v, page=first[v.page_sha256], other=first[v.other_sha256]) for v in status.holding]


def page_verdicts(status: DecisionsStatus[Verdict]) -> dict[str, PageVerdict]:
    """The newest verdict that holds on each page; every page with the same bytes has it.

    Parameters
    ----------
    status : DecisionsStatus of Verdict
        As ``verdicts_status`` gives it.
    """
    found: dict[str, PageVerdict] = {}
    for verdict in status.holding:
        for own, other in (verdict.hashes, verdict.hashes[::-1]):
            what = WORDS[verdict.meaning], status.pages_of[other][0], verdict.who, verdict.moment, verdict.reason
            found |= dict.fromkeys(status.pages_of[own], PageVerdict(*what))
    return found


def cluster_names(corpus: Corpus, clustering: Clustering | None) -> dict[int, Verdict]:
    """By number the name of each cluster that people named, as a line of the log: the newest of those on its pages.

    A name goes with the scan that it was given for, so it is that of the cluster that has the scan now.
    """
    status = names_status(corpus)
    found: dict[int, Verdict] = {}
    for line in status.holding if clustering is not None else ():
        assert clustering is not None
        page = status.pages_of[line.page_sha256][0]
        if (number := clustering.number_of(page)) is not None:
            found[number] = line
    return found


def names_by_number(corpus: Corpus, clustering: Clustering | None) -> Mapping[int, str]:
    """By number what people call a cluster."""
    return {number: line.name for number, line in cluster_names(corpus, clustering).items()}
