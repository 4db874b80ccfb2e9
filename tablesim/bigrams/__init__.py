"""Bigrams: pairs of neighbouring digits, counted softly into 110 bins, and the embedding of a page by them."""

from tablesim.bigrams.embedding import containment, embed, histogram, score, similarity, unit_rows
from tablesim.bigrams.network import BigramNetwork, Occurrences
from tablesim.records.bins import BIN_NAMES, N_BINS, bin_of

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
