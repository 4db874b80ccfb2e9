"""What follows from verdicts: pairs for the next clustering, precision with an interval, agreement of two readers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import beta

from tablesim.corpus.clustering.constraints import ConstrainedUnionFind, Constraints, Pair
from tablesim.corpus.clustering.model import Clustering
from tablesim.errors import RunError
from tablesim.review.verdicts import Verdict

_BOOTSTRAP = 2000


@dataclass(frozen=True)
class KnownConstraints:
    """What verdicts say of pairs of pages.

    ``contradicted`` are verdicts that newer ones rule out; ``disputed`` pairs on which readers' last words differ, of
    which the newest holds.
    """

    constraints: Constraints
    contradicted: tuple[Verdict, ...]
    disputed: tuple[tuple[str, str], ...]


def known_constraints(verdicts: Sequence[Verdict]) -> KnownConstraints:
    """Constraints for the next clustering from a log in its order; on each pair the newest verdict holds.

    The newest come first: an older one that cannot be true beside them, however long the chain, is passed over and
    named. ``unsure`` binds nothing.
    """
    held: dict[tuple[str, str], Verdict] = {}
    by_reader: dict[tuple[str, str], dict[str, str]] = {}
    for verdict in verdicts:
        held.pop(verdict.pair, None)
        held[verdict.pair] = verdict
        by_reader.setdefault(verdict.pair, {})[verdict.who] = _meaning(verdict.decision)
    groups = ConstrainedUnionFind()
    contradicted: list[Verdict] = []
    same: list[Pair] = []
    apart: list[Pair] = []
    split: list[Pair] = []
    for verdict in reversed(held.values()):
        pair = (verdict.page, verdict.other)
        if verdict.decision in ("accept", "merge"):
            if groups.join(*pair):
                same.append((verdict.other, verdict.page))
            else:
                contradicted.append(verdict)
        elif verdict.decision in ("reject", "split"):
            if groups.forbid(*pair):
                (split if verdict.decision == "split" else apart).append(pair)
            else:
                contradicted.append(verdict)
    disputed = tuple(sorted(pair for pair, said in by_reader.items() if {"same", "other"} <= set(said.values())))
    constraints = Constraints(tuple(reversed(same)), tuple(reversed(apart)), tuple(reversed(split)))
    return KnownConstraints(constraints, tuple(contradicted), disputed)


def _meaning(decision: str) -> str:
    return {"accept": "same", "merge": "same", "reject": "other", "split": "other", "unsure": "unsure"}[decision]


@dataclass(frozen=True)
class Precision:
    """Share of memberships that are right, from a random sample of them.

    ``low`` and ``high`` are exact 95 % limits (C. Clopper and E. Pearson, Biometrika 26, 1934) for the pages about
    which somebody was sure; ``worst`` and ``best`` the share if every open and unsure one were wrong, or right.
    """

    precision: float
    low: float
    high: float
    worst: float
    best: float
    accepted: int
    rejected: int
    unsure: int
    open: int
    memberships: int

    def to_dict(self) -> dict[str, Any]:
        return {name: round(v, 4) if isinstance(v, float) else v for name, v in asdict(self).items()}


def precision(verdicts: Iterable[Verdict], audit: str) -> Precision:
    """The precision of a clustering from the verdicts on the audit sample of that name (see ``audit_sample``).

    RunError when nobody has been sure about any page of it.
    """
    last = {verdict.pair: verdict for verdict in verdicts if verdict.audit == audit}
    said = [_meaning(verdict.decision) for verdict in last.values()]
    right, wrong, unsure = said.count("same"), said.count("other"), said.count("unsure")
    n = right + wrong
    if n == 0:
        raise RunError(f"audit {audit}: nobody has accepted or rejected a page of this sample yet; answer some first")
    asked, memberships = (int(part) for part in audit.split(":")[2:])
    low = float(beta.ppf(0.025, right, wrong + 1)) if right else 0.0
    high = float(beta.ppf(0.975, right + 1, wrong)) if wrong else 1.0
    open_ = asked - len(said)
    return Precision(
        right / n,
        low,
        high,
        right / asked,
        (right + unsure + open_) / asked,
        right,
        wrong,
        unsure,
        open_,
        memberships,
    )


@dataclass(frozen=True)
class Agreement:
    """How two readers agree on the pairs that both have judged: Cohen's kappa with a bootstrap 95 % interval."""

    readers: tuple[str, str]
    pairs: int
    observed: float
    kappa: float
    low: float
    high: float

    def to_dict(self) -> dict[str, Any]:
        return {name: round(v, 4) if isinstance(v, float) else v for name, v in asdict(self).items()}


def agreement(verdicts: Iterable[Verdict], one: str, other: str, seed: int = 0) -> Agreement:
    """Agreement of two readers, by the last word of each on each pair (same table, another, unsure).

    RunError when there is no pair that both have judged.
    """
    said: dict[tuple[str, str], dict[str, str]] = {}
    for verdict in verdicts:
        said.setdefault(verdict.pair, {})[verdict.who] = _meaning(verdict.decision)
    both = sorted((pair, words[one], words[other]) for pair, words in said.items() if {one, other} <= words.keys())
    if not both:
        readers = sorted({who for words in said.values() for who in words})
        raise RunError(f"agreement: {one} and {other} have no pair in common; readers: {', '.join(readers) or 'none'}")
    names = ("same", "other", "unsure")
    a = np.array([names.index(word) for _, word, _ in both])
    b = np.array([names.index(word) for _, _, word in both])
    rng = np.random.default_rng(seed)
    again = [_kappa(a[rows], b[rows]) for rows in rng.integers(0, len(a), (_BOOTSTRAP, len(a)))]
    low, high = np.quantile(again, [0.025, 0.975])
    return Agreement((one, other), len(both), float((a == b).mean()), _kappa(a, b), float(low), float(high))


def _kappa(a: np.ndarray, b: np.ndarray) -> float:
    """Cohen's kappa (J. Cohen, Educ. Psychol. Meas. 20, 1960); 1 where both say the same one thing throughout."""
    chance = float(np.bincount(a, minlength=3) @ np.bincount(b, minlength=3)) / len(a) ** 2
    observed = float((a == b).mean())
    return 1.0 if chance >= 1.0 else (observed - chance) / (1.0 - chance)


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
    now, then = (({c.label: c.pages for c in x.clusters}) for x in (after, before))

    def few(pages: Sequence[str], page: str) -> tuple[str, ...]:
        return tuple(other for other in pages if other != page)[:3]

    found = []
    for page in sorted({*before.pages, *after.pages}):
        old, new = before.label_of(page), after.label_of(page)
        if old != new:
            companions = (few(then.get(old, ()), page), few(now.get(new, ()), page))  # type: ignore[arg-type]
            found.append(Move(page, old, new, *companions))
    return found
