"""Pictures of explanations: heat maps, arcs between two inputs, and pages to point at. matplotlib, loaded late."""

from __future__ import annotations

from bilrp.plotting.arcs import MAX_TILES, plot
from bilrp.plotting.colours import AGAINST, COLOUR_MAPS, FOR, colours, imsave
from bilrp.plotting.given import plot_given
from bilrp.plotting.interactive import InteractivePlot, interactive
from bilrp.plotting.outputs import plot_relevance
from bilrp.plotting.pairs import PairRelevance, one_to_one
from bilrp.plotting.sides import ArcStyle
from bilrp.plotting.words import plot_words

__all__ = [
    "AGAINST",
    "COLOUR_MAPS",
    "FOR",
    "MAX_TILES",
    "ArcStyle",
    "InteractivePlot",
    "PairRelevance",
    "colours",
    "imsave",
    "interactive",
    "one_to_one",
    "plot",
    "plot_given",
    "plot_relevance",
    "plot_words",
]
