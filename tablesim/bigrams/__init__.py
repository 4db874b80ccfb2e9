"""Bigrams: which digit stands beside which, counted softly into 110 bins, and the embedding made of them."""

from tablesim.bigrams.bins import BIN_NAMES, N_BINS, bin_of
from tablesim.bigrams.embedding import embed, histogram, score, similarity
from tablesim.bigrams.network import BigramNetwork, Occurrences

__all__ = [
    "BIN_NAMES",
    "N_BINS",
    "BigramNetwork",
    "Occurrences",
    "bin_of",
    "embed",
    "histogram",
    "score",
    "similarity",
]
