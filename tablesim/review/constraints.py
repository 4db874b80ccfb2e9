"""What follows from verdicts for the clusters: pairs of pages that must, or must not, be together (union-find).

A verdict holds while pages of the run have both of its scans, whatever these pages are called; every page with the same
bytes is meant. One whose scan is gone binds nothing until the scan returns; ``DecisionsStatus`` names it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tablesim.corpus.clustering.constraints import ConstrainedUnionFind, Constraints, Pair
from tablesim.corpus.clustering.model import Clustering
from tablesim.corpus.corrections.decisions import DecisionsStatus
from tablesim.corpus.store import Corpus
from tablesim.review.verdicts import Verdict, VerdictLog


def verdicts_status(corpus: Corpus) -> DecisionsStatus[Verdict]:
    """Which verdicts of a run hold with its pages as they are now, which do not, and why."""
    stored = VerdictLog.of_run(corpus.folder).all()
    verdicts = [_with_hashes(verdict, corpus) for verdict in stored]
    hashed = [verdict for verdict in verdicts if all(_hashes(verdict))]
    pages_of = corpus.page_table.pages_of({key for verdict in hashed for key in _hashes(verdict)})
    holding = [verdict for verdict in hashed if pages_of.keys() >= {*_hashes(verdict)}]
    return DecisionsStatus(
        "verdict",
        holding=tuple(holding),
        without_page=tuple(verdict for verdict in hashed if not pages_of.keys() >= {*_hashes(verdict)}),
        unassigned=tuple(verdict for verdict in verdicts if not all(_hashes(verdict))),
        taken_over=len(hashed) - sum(all(_hashes(verdict)) for verdict in stored),
        pages_of=pages_of,
        away=corpus.page_table.away(pages_of),
    )


def write_hashes(corpus: Corpus) -> list[str]:
    """Log verdicts of version 0.1.0 again with the hashes of their scans, while the pages still have these scans.

    Gives remarks on them.
    """
    log = VerdictLog.of_run(corpus.folder)
    remarks = list(verdicts_status(corpus).taken_over_remarks())
    hashed = [_with_hashes(verdict, corpus) for verdict in log.all() if not all(_hashes(verdict))]
    log.append([replace(verdict, decided_at=verdict.moment) for verdict in hashed if all(_hashes(verdict))], once=True)
    return remarks


def _hashes(verdict: Verdict) -> tuple[str, str]:
    return verdict.page_sha256, verdict.other_sha256


def _with_hashes(verdict: Verdict, corpus: Corpus) -> Verdict:
    """A verdict of version 0.1.0 with the hashes that its pages have, if all are there; any other as it is."""
    if all(_hashes(verdict)):
        return verdict
    keys = [corpus.page_table.sha256_of(page) or "" for page in (verdict.page, verdict.other)]
    return replace(verdict, page_sha256=keys[0], other_sha256=keys[1]) if all(keys) else verdict


@dataclass(frozen=True)
class KnownConstraints:
    """What verdicts say of pairs of pages.

    Parameters
    ----------
    constraints : Constraints
        On the pages as they are called now.
    contradicted : tuple of Verdict
        Those that newer ones rule out.
    disputed : tuple of pairs of str
        Pages on which readers' last words differ, of which the newest holds.
    status : DecisionsStatus, optional
        Which verdicts of a run were looked at.
    """

    constraints: Constraints
    contradicted: tuple[Verdict, ...]
    disputed: tuple[Pair, ...]
    status: DecisionsStatus[Verdict] | None = None

    def remarks(self) -> Iterator[str]:
        """What is to be known of verdicts that do not simply hold."""
        for verdict in self.contradicted:
            yield f"passed over, newer verdicts rule it out: {verdict.summary}"
        for a, b in self.disputed:
            yield f"readers differ on {a} and {b}; the newest verdict holds"
        yield from () if self.status is None else self.status.remarks()


def run_constraints(corpus: Corpus) -> KnownConstraints:
    """What the verdicts of a run say of its pages as they are now."""
    status = verdicts_status(corpus)
    return replace(known_constraints(status.holding, status.pages_of), status=status)


def known_constraints(
    verdicts: Sequence[Verdict], pages_of: Mapping[str, tuple[str, ...]] | None = None
) -> KnownConstraints:
    """Constraints for the next clustering from a log in its order; on each pair the newest verdict holds.

    The newest come first: an older one that cannot be true beside them, however long the chain, is passed over and
    named. ``unsure`` binds nothing.

    Parameters
    ----------
    verdicts : sequence of Verdict
    pages_of : dict of str to tuple of str, optional
        The pages that have each scan, by its hash; without it the page ids of the verdicts are those of the pages.
    """
    ids = {scan: page for v in verdicts for scan, page in zip(v.scans, (v.page, v.other), strict=True)}
    ids |= {scan: pages[0] for scan, pages in (pages_of or {}).items()}
    latest: dict[Pair, Verdict] = {}
    by_reader: dict[Pair, dict[str, str]] = {}
    for verdict in verdicts:
        latest.pop(verdict.pair, None)
        latest[verdict.pair] = verdict
        by_reader.setdefault(verdict.pair, {})[verdict.who] = verdict.meaning
    groups = ConstrainedUnionFind()
    contradicted: list[Verdict] = []
    same: list[Pair] = []
    apart: list[Pair] = []
    split: list[Pair] = []
    for verdict in reversed(latest.values()):
        page, other = (ids[scan] for scan in verdict.scans)
        if verdict.meaning == "same" and groups.join(*verdict.scans):
            same.append((other, page))
        elif verdict.meaning == "other" and groups.forbid(*verdict.scans):
            (split if verdict.decision == "split" else apart).append((page, other))
        elif verdict.meaning != "unsure":
            contradicted.append(replace(verdict, page=page, other=other))
    twins = [(pages[0], twin) for pages in (pages_of or {}).values() for twin in pages[1:]]
    disputed = sorted(pair for pair, meanings in by_reader.items() if {"same", "other"} <= set(meanings.values()))
    return KnownConstraints(
        Constraints((*twins, *reversed(same)), tuple(reversed(apart)), tuple(reversed(split))),
        tuple(contradicted),
        tuple((ids[a], ids[b]) for a, b in disputed),
    )


@dataclass(frozen=True)
class Move:
    """A page that is in another cluster than before; None for none."""

    page: str
    before: int | None
    after: int | None
    with_before: tuple[str, ...]
    with_after: tuple[str, ...]


def moves(before: Clustering, after: Clustering) -> list[Move]:
    """The pages whose cluster has another number after than before, with a few of their companions then and now."""
    pages_before, pages_after = ({c.number: c.pages for c in clustering.clusters} for clustering in (before, after))

    def companions(pages: Mapping[int, Sequence[str]], label: int | None, page: str) -> tuple[str, ...]:
        return () if label is None else tuple(other for other in pages[label] if other != page)[:3]

    moved = []
    for page in sorted({*before.pages, *after.pages}):
        old, new = before.number_of(page), after.number_of(page)
        if old != new:
            together = companions(pages_before, old, page), companions(pages_after, new, page)
            moved.append(Move(page, old, new, *together))
    return moved
