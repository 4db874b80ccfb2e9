"""Who copied whom? Links between witnesses, from the errors that they share.

A copy keeps the errors of its model and adds its own. So witnesses hang together in the tree in which least happened: a
new error costs little, and a wrong number that the copy has right costs more, since printers correct seldom. Right
numbers that two witnesses share say nothing: everyone has them from the table. What is right is what a law of the table
has there (``arithmetic``), else what most witnesses have. The root of the tree is a lost witness without errors; those
that hang on it have no link. How sure a link is, is the share of resampled collations in which it is found again
(bootstrap over the places; a doubtful place is drawn half as often).

Where the evidence does not decide, equal models share the support and none is confident. With two witnesses and no law
nothing says which numbers are wrong, and there is no link at all.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray

from tablesim.errors import SettingsError
from tablesim.evidence.arborescence import cheapest_tree
from tablesim.evidence.arithmetic import examine
from tablesim.evidence.collation import Collation
from tablesim.evidence.collation_cells import AGREES, DIFFERS, Cell

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

NEW_ERROR, OTHER_ERROR, CORRECTION = 1.0, 1.5, 3.0
"""Cost of a place where the copy errs and its model does not, where both err differently, where the copy is right."""

CONFIDENT = 0.8
"""Support from which a link is told as found."""

N_RESAMPLED = 500
NOISE = 1e-3
DOUBT = 0.5
"""Weight of a place whose difference is in doubt."""


@dataclass(frozen=True)
class Link:
    """That a witness was set from another.

    Parameters
    ----------
    model, copy : int
        Witnesses.
    support : float
        Share of the resampled collations, 0 to 1, in which this is the model.
    shared_errors : int
        Places where both have the same wrong number.
    """

    model: int
    copy: int
    support: float
    shared_errors: int

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
        Every link that was found in some resampled collation, the best supported of each copy first.
    n_errors : tuple of int
        Wrong numbers of each witness, as far as it can be told what is right.
    decided : bool
        Whether anything could say which numbers are wrong.
    """

    names: tuple[str, ...]
    years: tuple[int | None, ...]
    links: tuple[Link, ...]
    n_errors: tuple[int, ...]
    decided: bool

    @property
    def confident(self) -> list[Link]:
        """The links that are told as found."""
        return [link for link in self.links if link.confident]

    def to_csv(self) -> str:
        """A line a link: model, copy, support, shared errors, and whether it is told as found."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["model", "copy", "support", "shared_errors", "confident"])
        for link in self.links:
            told = "yes" if link.confident else "no"
            row = [self.names[link.model], self.names[link.copy], f"{link.support:.3f}", link.shared_errors, told]
            writer.writerow(row)
        return stream.getvalue()

    def plot(self, path: str | Path | None = None) -> Figure:
        """Draw the witnesses along the years with arrows from model to copy; see ``genealogy_picture``."""
        from tablesim.evidence.genealogy_picture import draw

        return draw(self, path)

    def to_graphml(self) -> str:
        """The graph as GraphML: nodes with name, year and number of errors; directed edges with support."""
        keys = (("node", "name", "string"), ("node", "year", "int"), ("node", "errors", "int"),
                ("edge", "support", "double"), ("edge", "shared_errors", "int"))  # fmt: skip
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
        for link in self.links:
            lines.append(f'    <edge source="w{link.model}" target="w{link.copy}">')
            lines.append(f'      <data key="support">{link.support:.4f}</data>')
            lines += [f'      <data key="shared_errors">{link.shared_errors}</data>', "    </edge>"]
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
    wrong, texts, weights = _errors(collation)
    n_errors = tuple(int(count) for count in wrong.sum(axis=1))
    if not wrong.any():
        return Genealogy(names, dates, (), n_errors, False)
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(len(weights), weights / weights.sum(), size=n_resampled).astype(np.float64)
    costs = _costs(wrong, texts)
    totals = np.tensordot(draws, costs, axes=(1, 2))  # resampled, model (the last is the lost one), copy
    for model in range(n):
        for copy in range(n):
            if not _possible(dates[model], dates[copy]):
                totals[:, model, copy] = np.inf
    # Costs are whole halves: a little noise lets equals take turns.
    totals += rng.uniform(0, NOISE, totals.shape)
    found = np.zeros((n + 1, n))
    for total in totals:
        tree = cheapest_tree(np.column_stack([total, np.full(n + 1, np.inf)]), n)
        for copy in range(n):
            found[tree[copy], copy] += 1 / n_resampled
    shared = (wrong[:, None] & wrong[None, :] & (texts[:, None] == texts[None, :])).sum(axis=2)
    links = [
        Link(model, copy, float(found[model, copy]), int(shared[model, copy]))
        for copy in range(n)
        for model in np.argsort(-found[:n, copy], kind="stable").tolist()
        if found[model, copy] > 0 and shared[model, copy] > 0
    ]
    return Genealogy(names, dates, tuple(links), n_errors, True)


def _possible(model: int | None, copy: int | None) -> bool:
    return model is None or copy is None or model < copy


def _errors(collation: Collation) -> tuple[NDArray[np.bool_], NDArray[np.object_], Floats]:
    """Which witness errs where, what each has, and the weight of each place where it can be told what is right."""
    index = [{id(number): at for at, number in enumerate(w.numbers)} for w in collation.witnesses]
    laws = [examine(witness, at).expected for at, witness in enumerate(collation.witnesses)]
    wrong: list[list[bool]] = []
    texts: list[list[str]] = []
    weights: list[float] = []
    for cell in collation.cells:
        if cell.state in (AGREES, DIFFERS):
            said = [
                laws[w][index[w][id(r.number)]][0]
                for w, r in enumerate(cell.readings)
                if r is not None and index[w][id(r.number)] in laws[w]
            ]
            right = _right(cell, said)
            if right is None:
                continue
            here = [right if text is None else text for text in cell.texts]
            if cell.state == DIFFERS or here[0].lstrip("0") != right.lstrip("0"):
                texts.append(here)
                wrong.append([text.lstrip("0") != right.lstrip("0") for text in here])
                weights.append(DOUBT if cell.doubtful else 1.0)
    if not wrong:
        n = len(collation.witnesses)
        return np.zeros((n, 0), dtype=bool), np.zeros((n, 0), dtype=object), np.zeros(0)
    return np.array(wrong).T, np.array(texts, dtype=object).T, np.array(weights)


def _right(cell: Cell, said: Sequence[str]) -> str | None:
    """What is right at a place: what a law has there, else what more than half of the witnesses have, else unknown."""
    if said:
        return Counter(said).most_common(1)[0][0]
    present = [text for text in cell.texts if text is not None]
    text, count = Counter(present).most_common(1)[0]
    return text if count > len(present) / 2 and len(present) > 2 else None


def _costs(wrong: NDArray[np.bool_], texts: NDArray[np.object_]) -> Floats:
    """What each place costs for each model and copy, shape (n + 1, n, places); the last model is right everywhere."""
    differs = texts[:, None] != texts[None, :]
    both = wrong[:, None] & wrong[None, :]
    cost = np.where(both & differs, OTHER_ERROR, 0.0)
    cost = np.where(~wrong[:, None] & wrong[None, :], NEW_ERROR, cost)
    cost = np.where(wrong[:, None] & ~wrong[None, :], CORRECTION, cost)
    return np.concatenate([cost, wrong[None].astype(np.float64) * NEW_ERROR])
