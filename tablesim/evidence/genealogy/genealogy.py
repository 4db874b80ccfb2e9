"""Who copied whom? Links between witnesses, from the errors that they share.

A copy keeps the errors of its model and adds its own. So witnesses hang together in the tree that makes their errors
likeliest (``genealogy_tree``): printers err here and there, seldom correct, and now and then two of them make the same
easy error. Right numbers that two witnesses share say nothing: everyone has them from the table. What is right is what
a law of the table has there (``arithmetic``); where none speaks it is found together with the tree. Witnesses that
share errors but have each its own were set from a lost one: they are kin, and none is the model of the other.

How sure a link is, is the share of resampled collations in which it is found again: the places are drawn anew
(bootstrap), and each doubtful figure is what was read or its runner-up, as their confidences say. Where the evidence
does not decide, equal models share the support and none is confident. With two witnesses and no law nothing says which
numbers are wrong, and there is no link at all.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from tablesim.errors import SettingsError
from tablesim.evidence.genealogy.copying_errors import UNKNOWN, CopyingErrors, Floats, Ints, events_of
from tablesim.evidence.genealogy.tree import Costs, Fitted, Tree, costs_of, likeliest, lost_costs
from tablesim.records.collation import Collation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CONFIDENT = 0.8
"""Support from which a link is told as found."""

N_RESAMPLED = 500
NOISE = 1e-3

MODEL, KIN = "model", "common model"
"""Kinds of links: that one witness was set from the other, that both were set from a lost one."""


@dataclass(frozen=True)
class CopyLink:
    """That a witness was set from another, or both from a lost one.

    Parameters
    ----------
    model, copy : int
        Witnesses; of two kin the one that was given first is called the model.
    support : float
        Share of the resampled collations, 0 to 1, in which the link is found.
    shared_errors : int
        Places where both have the same wrong number.
    relation : str
        "model" or "common model".
    """

    model: int
    copy: int
    support: float
    shared_errors: int
    relation: str = MODEL

    @property
    def confident(self) -> bool:
        return self.support >= CONFIDENT


@dataclass(frozen=True)
class Genealogy:
    """The links of the witnesses of a collation.

    Parameters
    ----------
    names : tuple of str
        Of the witnesses.
    years : tuple of int or None
    links : tuple of Link
        Every model that was found in some resampled collation, the best supported of each copy first.
    kin : tuple of Link
        Pairs that share a lost model in some resampled collation, the best supported first.
    n_errors : tuple of int
        Wrong numbers of each witness, as far as it can be told what is right.
    decided : bool
        Whether anything could say which numbers are wrong.
    """

    names: tuple[str, ...]
    years: tuple[int | None, ...]
    links: tuple[CopyLink, ...]
    kin: tuple[CopyLink, ...]
    n_errors: tuple[int, ...]
    decided: bool

    @property
    def confident(self) -> list[CopyLink]:
        """The links that are told as found."""
        return [link for link in self.links if link.confident]

    def to_csv(self) -> str:
        """A line a link: model, copy, support, shared errors, whether it is told as found, and what relation it is."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["model", "copy", "support", "shared_errors", "confident", "relation"])
        for link in (*self.links, *self.kin):
            told = "yes" if link.confident else "no"
            ends = self.names[link.model], self.names[link.copy]
            writer.writerow([*ends, f"{link.support:.3f}", link.shared_errors, told, link.relation])
        return stream.getvalue()

    def plot(self, path: str | Path | None = None) -> Figure:
        """Draw the witnesses along the years with arrows from model to copy; see ``genealogy_picture``."""
        from tablesim.evidence.genealogy.figure import draw

        return draw(self, path)

    def to_graphml(self) -> str:
        """The graph as GraphML: nodes with name, year and number of errors; edges with support, of kin undirected."""
        keys = (("node", "name", "string"), ("node", "year", "int"), ("node", "errors", "int"),
                ("edge", "support", "double"), ("edge", "shared_errors", "int"),
                ("edge", "relation", "string"))  # fmt: skip
        lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">']
        for of, name, kind in keys:
            lines.append(f'  <key id="{name}" for="{of}" attr.name="{name}" attr.type="{kind}"/>')
        lines.append('  <graph id="genealogy" edgedefault="directed">')
        for at, (name, year, errors) in enumerate(zip(self.names, self.years, self.n_errors, strict=True)):
            lines.append(f"    <node id={quoteattr(f'w{at}')}>")
            lines.append(f'      <data key="name">{escape(name)}</data>')
            if year is not None:
                lines.append(f'      <data key="year">{year}</data>')
            lines += [f'      <data key="errors">{errors}</data>', "    </node>"]
        for link in (*self.links, *self.kin):
            directed = "true" if link.relation == MODEL else "false"
            lines.append(f'    <edge source="w{link.model}" target="w{link.copy}" directed="{directed}">')
            lines.append(f'      <data key="support">{link.support:.4f}</data>')
            lines.append(f'      <data key="shared_errors">{link.shared_errors}</data>')
            lines += [f'      <data key="relation">{link.relation}</data>', "    </edge>"]
        return "\n".join([*lines, "  </graph>", "</graphml>"]) + "\n"


def genealogy(
    collation: Collation, years: Sequence[int | None] | None = None, *, seed: int = 0, n_resampled: int = N_RESAMPLED
) -> Genealogy:
    """Which witness was set from which.

    Parameters
    ----------
    collation : Collation
    years : sequence of int or None, optional
        When each witness was printed: none was set from one of its own year or later. Without years the direction is
        that in which fewer errors had to be corrected.
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
    events = events_of(collation)
    if not events.decided:
        return Genealogy(names, dates, (), (), (0,) * n, False)
    fitted = Fitted(events, dates)
    right = fitted.rights[0]
    wrong = (events.texts != right) & (events.texts != UNKNOWN)
    copied, related = np.zeros((n + 1, n)), np.zeros((n + 1, n))
    for tree in _resampled(fitted, np.random.default_rng(seed), n_resampled):
        for copy, (model, lost) in enumerate(zip(tree.models, tree.lost, strict=True)):
            if lost:
                related[min(model, copy), max(model, copy)] += 1 / n_resampled
            else:
                copied[model, copy] += 1 / n_resampled
    both = wrong[:, None] & wrong[None, :] & (events.texts[:, None] == events.texts[None, :])
    shared = (both * events.sizes).sum(axis=2)

    def links(found: Floats, relation: str) -> tuple[CopyLink, ...]:
        return tuple(
            CopyLink(model, copy, min(float(found[model, copy]), 1.0), int(shared[model, copy]), relation)
            for copy in range(n)
            for model in np.argsort(-found[:n, copy], kind="stable").tolist()
            if found[model, copy] > 0 and shared[model, copy] > 0
        )

    kin = sorted(links(related, KIN), key=lambda link: -link.support)
    n_errors = tuple(int(count) for count in (wrong * events.sizes).sum(axis=1))
    return Genealogy(names, dates, links(copied, MODEL), tuple(kin), n_errors, True)


def _resampled(fitted: Fitted, rng: np.random.Generator, count: int) -> Iterator[Tree]:
    """The likeliest tree of each resampled collation.

    In each the places are drawn anew, the doubtful readings are drawn from what they could be, and of the ways in which
    open places could be right the likeliest one is taken.
    """
    events = fitted.events
    n, n_events = events.texts.shape
    shares = np.append(np.full(n_events, 1 / events.n_places), 1 - n_events / events.n_places)
    draws = rng.multinomial(events.n_places, np.maximum(shares, 0), size=count)[:, :-1].astype(np.float64)
    in_doubt = np.array(sorted({at for _, at in events.doubtful}), dtype=np.int64)
    sure = np.setdiff1d(np.arange(n_events), in_doubt)
    lost = lost_costs(fitted.rates, events.n_places)
    of_sure = [_summed(fitted, right, events.texts, sure, draws[:, sure]) for right in fitted.rights]
    for at in range(count):
        texts = _redrawn(events, rng)
        noise = rng.uniform(0, NOISE, (2, n + 1, n))
        trees = []
        for right, (copied, related) in zip(fitted.rights, of_sure, strict=True):
            more = _summed(fitted, right, texts, in_doubt, draws[at : at + 1, in_doubt])
            costs = Costs(copied[..., at] + more[0][..., 0], related[..., at] + more[1][..., 0])
            trees.append(likeliest(costs, fitted.allowed, lost, noise))
        yield min(trees, key=lambda tree: tree.cost)


def _summed(fitted: Fitted, right: Ints, texts: Ints, which: Ints, draws: Floats) -> tuple[Floats, Floats]:
    """What links cost, over some of the events and each so often as it is drawn: models, copies, resampled."""
    costs = costs_of(texts[:, which], right[which], fitted.events.slips[which], fitted.rates)
    return costs.copied @ draws.T, costs.related @ draws.T


def _redrawn(events: CopyingErrors, rng: np.random.Generator) -> Ints:
    """The texts with each doubtful reading drawn from what it could be."""
    texts = events.texts
    if events.doubtful:
        texts = texts.copy()
        for place, options in events.doubtful.items():
            ends = np.cumsum([share for _, share in options])
            texts[place] = options[min(int(np.searchsorted(ends, rng.random())), len(options) - 1)][0]
    return texts
