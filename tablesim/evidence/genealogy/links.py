"""Links between witnesses, model to copy or kin by a lost model, and their graph: as CSV, as GraphML, drawn."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from tablesim.evidence.genealogy.copying_errors import WrongNumber
from tablesim.language import say, say_n
from tablesim.records.address import Siglum, sigla_of
from tablesim.records.dates import Year, as_range
from tablesim.scans.csvfile import safe_cell

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


CONFIDENT = 0.8
"""Support from which a link is asserted; chosen on synthesized stemmata (``benchmarks/stemmata.py``)."""

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
        Cells where both have the same wrong number.
    relation : str
        "model" or "common model".
    rests_on : tuple of WrongNumber
        What the two have wrong alike, and not every witness has: the errors of this branch.
    """

    model: int
    copy: int
    support: float
    shared_errors: int
    relation: str = MODEL
    rests_on: tuple[WrongNumber, ...] = ()

    @property
    def confident(self) -> bool:
        """Whether the link is asserted."""
        return self.support >= CONFIDENT

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {
            "rests_on": [error.to_dict() for error in self.rests_on],
            "confident": self.confident,
        }


@dataclass(frozen=True)
class Genealogy:
    """The witnesses of a collation and the links between them: who copied whom.

    Parameters
    ----------
    names : tuple of str
        Of the witnesses.
    years : tuple of int, YearRange or None
    links : tuple of CopyLink
        Every model that was found in some resampled collation, the best supported of each copy first.
    kin : tuple of CopyLink
        Pairs that share a lost model in some resampled collation, the best supported first.
    n_errors : tuple of int
        Wrong numbers of each witness, as far as it can be told what is right.
    decided : bool
        Whether anything could say which numbers are wrong.
    tradition : tuple of WrongNumber
        What all witnesses have against a recomputation: such errors link nobody.
    n_doubtful : int
        Readings in doubt that were left out.
    """

    names: tuple[str, ...]
    years: tuple[Year, ...]
    links: tuple[CopyLink, ...]
    kin: tuple[CopyLink, ...]
    n_errors: tuple[int, ...]
    decided: bool
    tradition: tuple[WrongNumber, ...] = ()
    n_doubtful: int = 0

    @property
    def words(self) -> list[str]:
        """What was found, a sentence each: sigla, links with what they rest on, the tradition, what was left out."""
        return [*self._witnesses(), *self._links(), *self._outside()]

    @property
    def sigla(self) -> tuple[Siglum, ...]:
        """The letters of the witnesses."""
        return sigla_of(self.names)

    @property
    def headline(self) -> str:
        """How many links are sure."""
        if len(self.names) < 3:
            return say("two witnesses alone are never linked: what both have wrong may be older than both")
        return say("{sure} of {links} links are sure", sure=len(self.confident), links=len(self.links))

    def _witnesses(self) -> list[str]:
        years = (f", {shown}" if (shown := as_range(year).shown) else "" for year in self.years)
        return [
            say_n(
                n,
                "{witness}: {n} number wrong that not all witnesses have",
                "{witness}: {n} numbers wrong that not all witnesses have",
                witness=siglum.words + year,
            )
            for siglum, year, n in zip(self.sigla, years, self.n_errors, strict=True)
        ]

    def _links(self) -> list[str]:
        shown = [link for link in (*self.links, *self.kin) if link.support >= SHOWN]
        return [self.sentence(link) for link in shown] or [say("No link is shown: {why}.", why=self.headline)]

    def sentence(self, link: CopyLink) -> str:
        """A link, its support, and the errors that it rests on."""
        model, copy = self.sigla[link.model].letters, self.sigla[link.copy].letters
        what = (
            say("{copy} was set from {model}", copy=copy, model=model)
            if link.relation == MODEL
            else say("{a} and {b} from a lost one", a=model, b=copy)
        )
        return say_n(
            link.shared_errors,
            "{what}: support {support}, {sure}; both have {n} number wrong alike: {errors}",
            "{what}: support {support}, {sure}; both have {n} numbers wrong alike: {errors}",
            what=what,
            support=f"{link.support:.2f}",
            sure=say("sure") if link.confident else say("not sure"),
            errors="; ".join(error.words for error in link.rests_on),
        )

    def _outside(self) -> list[str]:
        lines = []
        if self.tradition:
            errors = "; ".join(error.words for error in self.tradition)
            lines.append(
                say(
                    "All witnesses have {n} wrong alike against the recomputation; these may be older than any of "
                    "them, or computed so, and link nobody: {errors}",
                    n=len(self.tradition),
                    errors=errors,
                )
            )
        if self.n_doubtful:
            lines.append(say_n(self.n_doubtful, "{n} doubtful reading left out", "{n} doubtful readings left out"))
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Plain values: what ``tablesim collate --genealogy FILE --json`` adds."""
        return {
            "links": [link.to_dict() for link in (*self.links, *self.kin)],
            "tradition": [error.to_dict() for error in self.tradition],
            "doubtful_readings_left_out": self.n_doubtful,
            "words": self.words,
        }

    @property
    def confident(self) -> list[CopyLink]:
        """The links that are asserted."""
        return [link for link in self.links if link.confident]

    def to_csv(self) -> str:
        """A line a link: model, copy, support, shared errors, whether asserted, relation, sigla, what it rests on."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(_CSV_COLUMNS)
        for link in (*self.links, *self.kin):
            asserted = "yes" if link.confident else "no"
            ends = self.names[link.model], self.names[link.copy]
            sigla = self.sigla[link.model].letters, self.sigla[link.copy].letters
            errors = "; ".join(error.words for error in link.rests_on)
            row = [
                *map(safe_cell, ends),
                f"{link.support:.3f}",
                link.shared_errors,
                asserted,
                link.relation,
                *sigla,
                safe_cell(errors),
            ]
            writer.writerow(row)
        return stream.getvalue()

    def to_graphml(self) -> str:
        """The graph as GraphML: nodes with name, year and number of errors; edges with support, of kin undirected."""
        root = ElementTree.Element("graphml", xmlns="http://graphml.graphdrawing.org/xmlns")
        for of, name, kind in _GRAPHML_KEYS:
            ElementTree.SubElement(root, "key", {"id": name, "for": of, "attr.name": name, "attr.type": kind})
        graph = ElementTree.SubElement(root, "graph", id="genealogy", edgedefault="directed")
        for at, (name, year, errors) in enumerate(zip(self.names, self.years, self.n_errors, strict=True)):
            node, date = ElementTree.SubElement(graph, "node", id=f"w{at}"), as_range(year)
            exact = date.first if date.first == date.last else None
            _with_data(node, name=name, year=exact, date=date.shown or None, errors=errors)
        for link in (*self.links, *self.kin):
            ends = {"source": f"w{link.model}", "target": f"w{link.copy}"}
            edge = ElementTree.SubElement(graph, "edge", ends, directed=str(link.relation == MODEL).lower())
            support, shared = f"{link.support:.4f}", link.shared_errors
            rests_on = "; ".join(error.words for error in link.rests_on)
            _with_data(edge, support=support, shared_errors=shared, relation=link.relation, rests_on=rests_on)
        ElementTree.indent(root)
        return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"

    def plot(self, path: str | Path | None = None) -> Figure:
        """Draw it, and write it to ``path`` (PNG, PDF or SVG by suffix) if given.

        Each witness stands in a line of its own, in the order of the years, below its likeliest model; those without a
        year come first. Confident links are solid, others dashed; witnesses that share a lost model are joined by a
        dotted line without an arrow. Beside each link stand its support and how many errors are shared.

        Returns
        -------
        matplotlib.figure.Figure
            Not registered with pyplot: it needs no closing.
        """
        from matplotlib.figure import Figure

        position = _positions(self)
        n = len(self.names)
        widest = max(x for x, _ in position.values())
        text = _NAME * (max(map(len, self.names)) + 18)
        size = (1.5 + _ACROSS * widest + text, 1.2 + _DOWN * n)
        figure = Figure(figsize=size, layout="constrained", dpi=100)
        axes = figure.add_subplot()
        for link in (*self.kin, *self.links):
            if link.support >= SHOWN:
                _draw_link(axes, link, position)
        for w, (x, y) in position.items():
            axes.plot(x, y, "o", color="black", markersize=6, zorder=3)
            errors = self.n_errors[w]
            date = as_range(self.years[w]).shown
            label = f"{self.names[w]}{date and ', '}{date}: {say_n(errors, '{n} error', '{n} errors')}"
            axes.annotate(
                label, (x, y), (9, 0), textcoords="offset points", fontsize=9, va="center", zorder=5, bbox=_PAPER
            )
        axes.set_xlim(-0.5, widest + 0.5 + text / _ACROSS)
        axes.set_ylim(-n + 0.4, 0.6)
        axes.set_axis_off()
        axes.set_title(_title(self), fontsize=10, loc="left")
        if path is not None:
            figure.savefig(path, dpi=150)
        return figure


_GRAPHML_KEYS = (
    ("node", "name", "string"),
    ("node", "year", "int"),
    ("node", "date", "string"),
    ("node", "errors", "int"),
    ("edge", "support", "double"),
    ("edge", "shared_errors", "int"),
    ("edge", "relation", "string"),
    ("edge", "rests_on", "string"),
)
_CSV_COLUMNS = (
    "model", "copy", "support", "shared_errors", "confident", "relation", "model_siglum", "copy_siglum", "rests_on",
)  # fmt: skip


def _with_data(element: ElementTree.Element, **values: object) -> None:
    for key, value in values.items():
        if value is not None:
            ElementTree.SubElement(element, "data", key=key).text = str(value)


SHOWN = 0.2
"""Links with less support are left out of the drawing, for its legibility."""

Positions = dict[int, tuple[float, float]]

_PAPER = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
_ACROSS, _DOWN, _NAME = 1.9, 0.75, 0.09
"""Inches between columns and between lines of witnesses, and for a letter of a name."""


def _positions(genealogy: Genealogy) -> Positions:
    """Across by the tree of the likeliest models, a copy below its model, several around it; down by the years."""
    n = len(genealogy.names)
    model: dict[int, int] = {}
    for link in genealogy.links:
        # The best supported link of each copy comes first.
        if link.support >= SHOWN and link.copy not in model and not _descends(link.model, link.copy, model):
            model[link.copy] = link.model
    down = _order(genealogy, model)
    copies = {w: sorted((c for c, m in model.items() if m == w), key=down.index) for w in range(n)}
    across: dict[int, float] = {}
    lanes = 0

    def place_below(w: int) -> None:
        nonlocal lanes
        for copy in copies[w]:
            place_below(copy)
        if copies[w]:
            across[w] = sum(across[copy] for copy in copies[w]) / len(copies[w])
        else:
            across[w] = float(lanes)
            lanes += 1

    for w in down:
        if w not in model:
            place_below(w)
    return {w: (across[w], -float(at)) for at, w in enumerate(down)}


def _order(genealogy: Genealogy, model: dict[int, int]) -> list[int]:
    """Witnesses by their years, those without one first, and each below its model where the years leave that open."""

    def depth(w: int) -> int:
        return 0 if w not in model else 1 + depth(model[w])

    dates = [as_range(year) for year in genealogy.years]
    return sorted(range(len(dates)), key=lambda w: (dates[w].is_known and dates[w].order, depth(w), w))


def _descends(w: int, other: int, model: dict[int, int]) -> bool:
    while w != other and w in model:
        w = model[w]
    return w == other


def _draw_link(axes: Axes, link: CopyLink, position: Positions) -> None:
    kin = link.relation == KIN
    style: dict[str, Any] = {"arrowstyle": "-" if kin else "-|>", "shrinkA": 5, "shrinkB": 5}
    style |= {"linestyle": (0, (1, 2)) if kin else "-" if link.confident else (0, (4, 3))}
    # As dark as it is sure, and never so light that it is not seen.
    style |= {"linewidth": 1.6 if link.confident else 1.0, "color": str(round(0.65 * (1 - link.support), 3))}
    (x0, y0), (x1, y1) = position[link.model], position[link.copy]
    if kin or (x0 == x1 and abs(y0 - y1) > 1):
        style |= {"connectionstyle": "arc3,rad=0.15"}  # round what may stand between
    axes.annotate("", (x1, y1), (x0, y0), arrowprops=style, zorder=2)
    label = f"{link.support:.2f} ({link.shared_errors})"
    share = 0.5 if kin else 0.62  # nearer the copy, where fewer lines meet
    x, y = x0 + share * (x1 - x0), y0 + share * (y1 - y0)
    axes.text(x, y, label, fontsize=7, ha="center", va="center", zorder=4, bbox=_PAPER)


def _title(genealogy: Genealogy) -> str:
    if not genealogy.decided:
        return say("Nothing says who errs")
    sure = len(genealogy.confident)
    asserted = (
        say("{n} sure, with {least} or more (solid)", n=sure, least=f"{CONFIDENT:g}")
        if sure
        else say("no link is sure")
    )
    return "\n".join(
        (
            say("Set from one another, by the errors they share: {asserted}", asserted=asserted),
            say("beside each arrow its support and the number of shared errors; dotted: both set from a lost witness"),
        )
    )
