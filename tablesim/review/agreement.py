"""How right clusters are and how well readers agree: precision (Clopper-Pearson) and Cohen's kappa from verdicts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from tablesim.errors import RunError
from tablesim.review.verdicts import Verdict, standing

_BOOTSTRAP = 2000
"""Resamples of an interval of kappa: its limits move by a hundredth with fewer."""


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
        """By name, rounded to four digits."""
        return {name: round(v, 4) if isinstance(v, float) else v for name, v in asdict(self).items()}


def precision(verdicts: Iterable[Verdict], audit: str) -> Precision:
    """The precision of a clustering from the verdicts on the audit sample of that name (see ``audit_sample``).

    RunError when nobody has been sure about any page of it.
    """
    last = {verdict.pair: verdict for verdict in standing(verdicts) if verdict.audit == audit and verdict.meaning}
    meanings = [verdict.meaning for verdict in last.values()]
    right, wrong = meanings.count("same"), sum(verdict.apart for verdict in last.values())
    unsure = meanings.count("unsure")
    n = right + wrong
    if n == 0:
        raise RunError(f"audit {audit}: nobody has accepted or rejected a page of this sample yet; answer some first")
    asked, memberships = (int(part) for part in audit.split(":")[2:])
    low = float(betaincinv(right, wrong + 1, 0.025)) if right else 0.0
    high = float(betaincinv(right + 1, wrong, 0.975)) if wrong else 1.0
    open_ = asked - len(meanings)
    return Precision(
        precision=right / n,
        low=low,
        high=high,
        worst=right / asked,
        best=(right + unsure + open_) / asked,
        accepted=right,
        rejected=wrong,
        unsure=unsure,
        open=open_,
        memberships=memberships,
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
        """By name, rounded to four digits."""
        return {name: round(v, 4) if isinstance(v, float) else v for name, v in asdict(self).items()}


def agreement(verdicts: Iterable[Verdict], reader_a: str, reader_b: str, seed: int = 0) -> Agreement:
    """Agreement of two readers, by the last word of each on each pair (same table, same kind, another, unsure).

    RunError when there is no pair that both have judged.
    """
    last_words: dict[tuple[str, str], dict[str, str]] = {}
    for verdict in (one for one in standing(verdicts) if one.meaning):
        last_words.setdefault(verdict.pair, {})[verdict.who] = verdict.meaning
    both = sorted(
        (pair, words[reader_a], words[reader_b])
        for pair, words in last_words.items()
        if {reader_a, reader_b} <= words.keys()
    )
    if not both:
        readers = sorted({who for words in last_words.values() for who in words})
        raise RunError(
            f"agreement: {reader_a} and {reader_b} have no pair in common; readers: {', '.join(readers) or 'none'}"
        )
    names = ("same", "kind", "other", "unsure")
    a = np.array([names.index(word) for _, word, _ in both])
    b = np.array([names.index(word) for _, _, word in both])
    rng = np.random.default_rng(seed)
    resampled = [_kappa(a[rows], b[rows]) for rows in rng.integers(0, len(a), (_BOOTSTRAP, len(a)))]
    low, high = np.quantile(resampled, [0.025, 0.975])
    return Agreement((reader_a, reader_b), len(both), float((a == b).mean()), _kappa(a, b), float(low), float(high))


def _kappa(a: NDArray[np.intp], b: NDArray[np.intp]) -> float:
    """Cohen's kappa (J. Cohen, Educ. Psychol. Meas. 20, 1960); 1 where both say the same one thing throughout."""
    chance = float(np.bincount(a, minlength=4) @ np.bincount(b, minlength=4)) / len(a) ** 2
    observed = float((a == b).mean())
    return 1.0 if chance >= 1.0 else (observed - chance) / (1.0 - chance)
