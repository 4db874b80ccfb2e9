"""Bigrams: pairs of neighbouring digits, counted softly into 110 bins, and the embedding of a page by them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tablesim.bigrams.embedding import containment, embed, histogram, score, similarity, unit_rows
from tablesim.bigrams.occurrences import Occurrences
from tablesim.records.bins import BIN_NAMES, N_BINS, bin_of

if TYPE_CHECKING:
    from tablesim.bigrams.network import BigramNetwork

__all__ = [
    "BIN_NAMES",
    "N_BINS",
    "BigramNetwork",
    "Occurrences",
    "bin_of",
    "containment",
    "embed",
    "histogram",
    "score",
    "similarity",
    "unit_rows",
]


def __getattr__(name: str) -> Any:
    """What needs PyTorch is loaded when it is asked for."""
    if name == "BigramNetwork":
        from tablesim.bigrams.network import BigramNetwork

        return BigramNetwork
    raise AttributeError(f"module 'tablesim.bigrams' has no attribute {name!r}", name=name, obj=None)
