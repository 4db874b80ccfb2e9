"""Who copied whom? The likeliest stemma by shared errors, by minimum arborescence; support by the bootstrap.

A copy keeps the errors of its model and adds its own. So witnesses hang together in the tree that makes their errors
likeliest (``tree``): printers err in some cells, seldom correct, and now and then two of them make the same easy error.
Right numbers that two witnesses share say nothing: everyone has them from the table. What is right is what a function
of the table has there (``recomputation``); where none is known it is found together with the tree. Witnesses that share
errors but have each its own were set from a lost one: they are kin, and none is the model of the other.

The support of a link is the share of resampled collations in which it is found again: cells are drawn anew (bootstrap),
and each doubtful digit is what was read or its runner-up, as their confidences say. Where the evidence does not decide,
equal models share the support and none is confident. Wrong numbers that all witnesses have may be older than all of
them and link nobody: so two witnesses alone, whatever they share, are never linked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tablesim.errors import SettingsError
from tablesim.evidence.genealogy.copying_errors import UNKNOWN, CopyingErrors, Floats, Ints, copying_errors
from tablesim.evidence.genealogy.links import KIN, MODEL, CopyLink, Genealogy
from tablesim.evidence.genealogy.tree import Costs, Fitted, Tree, costs_of, likeliest, lost_costs
from tablesim.records.collation import Collation
from tablesim.records.dates import Year

N_RESAMPLED = 500
"""Resampled collations: the standard error of a support of 0.8 is then 0.02."""

NOISE = 1e-3
"""Added to costs at random, in nats, so that equal models take turns."""


def genealogy(
    collation: Collation, years: Sequence[Year] | None = None, *, seed: int = 0, n_resampled: int = N_RESAMPLED
) -> Genealogy:
    """Which witness was set from which.

    Parameters
    ----------
    collation : Collation
    years : sequence of int, YearRange or None, optional
        When each witness was printed: none was set from one of its own year or later, as far as the ranges leave no
        other way. Without years the direction is that in which fewer errors had to be corrected.
    seed : int
        Of the resampling.
    n_resampled : int
        How often.

    Raises
    ------
    SettingsError
        Not as many years as witnesses.
    """
    n = len(collation.witnesses)
    dates = tuple(years) if years is not None else (None,) * n
    if len(dates) != n:
        raise SettingsError(f"genealogy: got {len(dates)} years, expected one for each of {n} witnesses, or None")
    names = tuple(witness.name for witness in collation.witnesses)
    errors = copying_errors(collation)
    outside = (errors.tradition, errors.n_doubtful)
    if not errors.decided:
        return Genealogy(names, dates, (), (), (0,) * n, False, *outside)
    fitted = Fitted(errors, dates)
    right = fitted.rights[0]
    wrong = (errors.texts != right) & (errors.texts != UNKNOWN)
    copied, related = np.zeros((n + 1, n)), np.zeros((n + 1, n))
    for tree in _resampled(fitted, np.random.default_rng(seed), n_resampled):
        for copy, (model, lost) in enumerate(zip(tree.models, tree.lost, strict=True)):
            if lost:
                related[min(model, copy), max(model, copy)] += 1 / n_resampled
            else:
                copied[model, copy] += 1 / n_resampled
    both = wrong[:, None] & wrong[None, :] & (errors.texts[:, None] == errors.texts[None, :])
    shared = (both * errors.sizes).sum(axis=2)

    def links(found: Floats, relation: str) -> tuple[CopyLink, ...]:
        return tuple(
            CopyLink(
                model,
                copy,
                min(float(found[model, copy]), 1.0),
                int(shared[model, copy]),
                relation,
                tuple(
                    errors.wrong_number(event, int(errors.texts[copy, event]), int(right[event]))
                    for event in np.flatnonzero(both[model, copy]).tolist()
                ),
            )
            for copy in range(n)
            for model in np.argsort(-found[:n, copy], kind="stable").tolist()
            if found[model, copy] > 0 and shared[model, copy] > 0 and n > 2
        )

    kin = sorted(links(related, KIN), key=lambda link: -link.support)
    n_errors = tuple(int(count) for count in (wrong * errors.sizes).sum(axis=1))
    return Genealogy(names, dates, links(copied, MODEL), tuple(kin), n_errors, True, *outside)


def _resampled(fitted: Fitted, rng: np.random.Generator, count: int) -> Iterator[Tree]:
    """The likeliest tree of each resampled collation.

    In each the cells are drawn anew, the doubtful readings are drawn from what they could be, and of the ways in which
    open cells could be right the likeliest one is taken.
    """
    errors = fitted.errors
    n, n_errors = errors.texts.shape
    shares = np.append(np.full(n_errors, 1 / errors.n_cells), 1 - n_errors / errors.n_cells)
    draws = rng.multinomial(errors.n_cells, np.maximum(shares, 0), size=count)[:, :-1].astype(np.float64)
    in_doubt = np.array(sorted({at for _, at in errors.doubtful}), dtype=np.int64)
    sure = np.setdiff1d(np.arange(n_errors), in_doubt)
    lost = lost_costs(fitted.rates, errors.n_cells)
    of_sure = [_summed(fitted, right, errors.texts, sure, draws[:, sure]) for right in fitted.rights]
    for at in range(count):
        texts = _redrawn(errors, rng)
        noise = rng.uniform(0, NOISE, (2, n + 1, n))
        trees = []
        for right, (copied, related) in zip(fitted.rights, of_sure, strict=True):
            more = _summed(fitted, right, texts, in_doubt, draws[at : at + 1, in_doubt])
            costs = Costs(copied[..., at] + more[0][..., 0], related[..., at] + more[1][..., 0])
            trees.append(likeliest(costs, fitted.allowed, lost, noise))
        yield min(trees, key=lambda tree: tree.cost)


def _summed(fitted: Fitted, right: Ints, texts: Ints, which: Ints, draws: Floats) -> tuple[Floats, Floats]:
    """What links cost, over some of the errors, each as often as it is drawn: (models, copies, resampled)."""
    costs = costs_of(texts[:, which], right[which], fitted.errors.slips[which], fitted.rates)
    return costs.copied @ draws.T, costs.related @ draws.T


def _redrawn(errors: CopyingErrors, rng: np.random.Generator) -> Ints:
    """The texts with each doubtful reading drawn from what it could be."""
    texts = errors.texts
    if errors.doubtful:
        texts = texts.copy()
        for cell, options in errors.doubtful.items():
            ends = np.cumsum([share for _, share in options])
            texts[cell] = options[min(int(np.searchsorted(ends, rng.random())), len(options) - 1)][0]
    return texts
