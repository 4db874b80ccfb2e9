"""Entropy from place to place: as published, and corrected at one number of pages with its band and null model."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from tablesim.corpus.history.bands import common_depth, corrected_row, half_of_books
from tablesim.corpus.history.dated_pages import DatedPages
from tablesim.corpus.history.entropy import entropy, rarefied
from tablesim.corpus.history.rows import HistoryRow, HistorySettings


def by_place(pages: DatedPages, settings: HistorySettings) -> Iterable[HistoryRow]:
    """The rows of both modes, place after place by name: those as published first."""
    rng = np.random.default_rng(settings.seed)
    names, place, n_pages = np.unique(pages.place, return_inverse=True, return_counts=True)
    for at, name in enumerate(names):
        labels = pages.cluster[place == at]
        value = entropy(labels) - float(np.log2(len(labels)))
        n = pages.counts(place == at)
        yield HistoryRow("place", str(name), "published", value, None, None, None, None, None, *n, depth=len(labels))
    depth = settings.n_pages or common_depth(n_pages)

    def series(kept: NDArray[np.bool_], place_of: NDArray[np.intp]) -> NDArray[np.float64]:
        entropies = np.full(len(names), np.nan)
        for at in range(len(names)):
            labels = pages.cluster[kept[pages.book] & (place_of == at)]
            if len(labels) >= depth:
                entropies[at] = rarefied(labels, depth)
        return entropies

    every = np.ones(pages.n_books, bool)
    whole = series(every, place)[None]
    halves = np.array([series(half_of_books(pages.n_books, rng), place) for _ in range(settings.repeats)])
    null = np.array([series(every, _permuted_places(pages, place, rng)) for _ in range(settings.repeats)])
    for at, name in enumerate(names):
        counts = (*pages.counts(place == at), depth)
        yield corrected_row("place", str(name), whole[:, at], halves[:, at], null[:, at], counts, None)


def _permuted_places(pages: DatedPages, place: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.intp]:
    """The place of each page after the books, each with all its pages, have changed their places."""
    of_book = np.zeros(pages.n_books, dtype=np.intp)
    of_book[pages.book] = place
    return np.asarray(rng.permutation(of_book)[pages.book], dtype=np.intp)
