"""Links between witnesses, model to copy or kin by a lost model, and their graph as CSV and GraphML."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from xml.etree import ElementTree

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
    """

    model: int
    copy: int
    support: float
    shared_errors: int
    relation: str = MODEL

    @property
    def confident(self) -> bool:
        """Whether the link is asserted."""
        return self.support >= CONFIDENT


@dataclass(frozen=True)
class LinkGraph:
    """The witnesses of a collation and the links between them.

    Parameters
    ----------
    names : tuple of str
        Of the witnesses.
    years : tuple of int or None
    links : tuple of CopyLink
        Every model that was found in some resampled collation, the best supported of each copy first.
    kin : tuple of CopyLink
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
        """The links that are asserted."""
        return [link for link in self.links if link.confident]

    def to_csv(self) -> str:
        """A line a link: model, copy, support, shared errors, whether it is asserted, and what relation it is."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["model", "copy", "support", "shared_errors", "confident", "relation"])
        for link in (*self.links, *self.kin):
            asserted = "yes" if link.confident else "no"
            ends = self.names[link.model], self.names[link.copy]
            writer.writerow([*ends, f"{link.support:.3f}", link.shared_errors, asserted, link.relation])
        return stream.getvalue()

    def to_graphml(self) -> str:
        """The graph as GraphML: nodes with name, year and number of errors; edges with support, of kin undirected."""
        root = ElementTree.Element("graphml", xmlns="http://graphml.graphdrawing.org/xmlns")
        for of, name, kind in _GRAPHML_KEYS:
            ElementTree.SubElement(root, "key", {"id": name, "for": of, "attr.name": name, "attr.type": kind})
        graph = ElementTree.SubElement(root, "graph", id="genealogy", edgedefault="directed")
        for at, (name, year, errors) in enumerate(zip(self.names, self.years, self.n_errors, strict=True)):
            _with_data(ElementTree.SubElement(graph, "node", id=f"w{at}"), name=name, year=year, errors=errors)
        for link in (*self.links, *self.kin):
            ends = {"source": f"w{link.model}", "target": f"w{link.copy}"}
            edge = ElementTree.SubElement(graph, "edge", ends, directed=str(link.relation == MODEL).lower())
            support, shared = f"{link.support:.4f}", link.shared_errors
            _with_data(edge, support=support, shared_errors=shared, relation=link.relation)
        ElementTree.indent(root)
        return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


_GRAPHML_KEYS = (
    ("node", "name", "string"),
    ("node", "year", "int"),
    ("node", "errors", "int"),
    ("edge", "support", "double"),
    ("edge", "shared_errors", "int"),
    ("edge", "relation", "string"),
)


def _with_data(element: ElementTree.Element, **values: object) -> None:
    for key, value in values.items():
        if value is not None:
            ElementTree.SubElement(element, "data", key=key).text = str(value)
