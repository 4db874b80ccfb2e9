"""What follows from verdicts for the clusters: pairs of pages that must, or must not, be together (union-find).

A verdict holds while pages of the run have both of its scans, whatever these pages are called; every page with the same
bytes is meant. One whose scan is gone binds nothing until the scan returns; ``DecisionsStatus`` names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tablesim.corpus.clustering.constraints import ConstrainedUnionFind, Constraints, Pair
from tablesim.corpus.corrections.decisions import DecisionsStatus
from tablesim.corpus.store import Corpus
from tablesim.review.verdicts import Verdict, VerdictLog, standing


def verdicts_status(corpus: Corpus) -> DecisionsStatus[Verdict]:
    """Which verdicts of a run hold with its pages as they are now, which do not, and why; none that was taken back."""
    return _status(corpus, "verdict", [one for one in VerdictLog.of_run(corpus.folder).standing() if not one.is_name])


def names_status(corpus: Corpus) -> DecisionsStatus[Verdict]:
    """Which names of clusters hold; of each scan the newest."""
    newest = {one.pair: one for one in VerdictLog.of_run(corpus.folder).standing() if one.is_name}
    return _status(corpus, "name", [one for one in newest.values() if one.name])


def _status(corpus: Corpus, what: str, stored: Sequence[Verdict]) -> DecisionsStatus[Verdict]:
    verdicts = [_with_hashes(verdict, corpus) for verdict in stored]
    hashed = [verdict for verdict in verdicts if all(verdict.hashes)]
    pages_of = corpus.page_table.pages_of({key for verdict in hashed for key in verdict.hashes})
    return DecisionsStatus(
        what,
        holding=tuple(verdict for verdict in hashed if pages_of.keys() >= {*verdict.hashes}),
        without_page=tuple(verdict for verdict in hashed if not pages_of.keys() >= {*verdict.hashes}),
        unassigned=tuple(verdict for verdict in verdicts if not all(verdict.hashes)),
        taken_over=len(hashed) - sum(all(verdict.hashes) for verdict in stored),
        pages_of=pages_of,
        away=corpus.page_table.away(pages_of),
    )


def write_hashes(corpus: Corpus) -> list[str]:
    """Log verdicts of version 0.1.0 again with the hashes of their scans, while the pages still have these scans.

    Gives remarks on them.
    """
    log = VerdictLog.of_run(corpus.folder)
    remarks = list(verdicts_status(corpus).taken_over_remarks())
    hashed = [_with_hashes(verdict, corpus) for verdict in log.all() if not all(verdict.hashes)]
    log.append([replace(verdict, decided_at=verdict.moment) for verdict in hashed if all(verdict.hashes)], once=True)
    return remarks


_APART = {"kind", "other"}


def _with_hashes(verdict: Verdict, corpus: Corpus) -> Verdict:
    """A verdict of version 0.1.0 with the hashes that its pages have, if all are there; any other as it is."""
    if all(verdict.hashes):
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


def settled(verdicts: Iterable[Verdict]) -> ConstrainedUnionFind:
    """What verdicts settle of scans, by their hashes, also of two that nobody put side by side: A is B and B is C.

    The newest come first, as for ``known_constraints``.
    """
    latest = {verdict.pair: verdict for verdict in verdicts if not verdict.is_name}
    groups = ConstrainedUnionFind()
    for verdict in sorted(latest.values(), key=lambda verdict: verdict.moment, reverse=True):
        if verdict.meaning == "same":
            groups.join(*verdict.scans)
        elif verdict.apart:
            groups.forbid(*verdict.scans)
    return groups


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
    verdicts = [verdict for verdict in standing(verdicts) if not verdict.is_name]
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
    kin: list[Pair] = []
    for verdict in reversed(latest.values()):
        page, other = (ids[scan] for scan in verdict.scans)
        if verdict.meaning == "same" and groups.join(*verdict.scans):
            same.append((other, page))
        elif verdict.apart and groups.forbid(*verdict.scans):
            (split if verdict.decision == "split" else apart).append((page, other))
            kin += [(page, other)] * (verdict.meaning == "kind")
        elif verdict.meaning != "unsure":
            contradicted.append(replace(verdict, page=page, other=other))
    twins = [(pages[0], twin) for pages in (pages_of or {}).values() for twin in pages[1:]]
    disputed = sorted(
        pair for pair, meanings in by_reader.items() if "same" in (said := {*meanings.values()}) and said & _APART
    )
    return KnownConstraints(
        Constraints((*twins, *reversed(same)), tuple(reversed(apart)), tuple(reversed(split)), tuple(reversed(kin))),
        tuple(contradicted),
        tuple((ids[a], ids[b]) for a, b in disputed),
    )
