"""Entropy from year to year, in a Gaussian window: as published, and corrected with its band and null model."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from tablesim.corpus.history.bands import N_PAGES, common_depth, corrected_row, half_of_books
from tablesim.corpus.history.dated_pages import DatedPages
from tablesim.corpus.history.entropy import draw_pages, entropy
from tablesim.corpus.history.rows import HistoryRow, HistorySettings

PUBLISHED_REPEATS = 20
"""Draws of each year in the published study."""


def by_year(pages: DatedPages, settings: HistorySettings) -> Iterable[HistoryRow]:
    """The rows of both modes, year after year: those as published first."""
    rng = np.random.default_rng(settings.seed)
    yield from _published_years(pages, settings, rng)
    yield from _corrected_years(pages, settings, rng)


def _published_years(pages: DatedPages, settings: HistorySettings, rng: np.random.Generator) -> Iterable[HistoryRow]:
    years = pages.year_in_id
    depth = min(settings.n_pages or N_PAGES, len(years))
    # The published series ends a year before the last.
    for year in range(int(years.min()), max(int(years.max()), int(years.min()) + 1)):
        log_weight = -0.5 * ((years - year) / settings.sigma) ** 2
        chosen = [draw_pages(log_weight, depth, rng) for _ in range(PUBLISHED_REPEATS)]
        values = [entropy(pages.cluster[rows]) for rows in chosen]
        far = float(np.mean([np.abs(years[rows] - year) > 2 * settings.sigma for rows in chosen]))
        mean, spread = float(np.mean(values)), float(np.std(values))
        _, n_books, n_clusters = pages.counts(np.unique(np.concatenate(chosen)))
        counts = (len(years), n_books, n_clusters, depth)
        yield HistoryRow(
            "year", str(year), "published", mean, mean - spread, mean + spread, None, None, None, *counts, far
        )


def _corrected_years(pages: DatedPages, settings: HistorySettings, rng: np.random.Generator) -> Iterable[HistoryRow]:
    first, last = int(pages.first.min()), int(pages.last.max())
    years = np.arange(first, last + 1)
    middle = (pages.first + pages.last) / 2
    window = settings.reach * settings.sigma
    available = np.array([(np.abs(middle - year) <= window).sum() for year in years])
    depth = settings.n_pages or common_depth(available)

    def series(book_year: NDArray[np.intp] | None, kept: NDArray[np.bool_] | None) -> NDArray[np.float64]:
        """Entropy of each year; NaN where there are too few pages."""
        dates = _draw_dates(pages, rng) if book_year is None else book_year[pages.book]
        use = np.ones(len(dates), bool) if kept is None else kept[pages.book]
        entropies = np.full(len(years), np.nan)
        for at, year in enumerate(years):
            near = np.flatnonzero(use & (np.abs(dates - year) <= window))
            if len(near) >= depth:
                rows = near[draw_pages(-0.5 * ((dates[near] - year) / settings.sigma) ** 2, depth, rng)]
                entropies[at] = entropy(pages.cluster[rows])
        return entropies

    whole = np.array([series(None, None) for _ in range(settings.repeats)])
    halves = np.array([series(None, half_of_books(pages.n_books, rng)) for _ in range(settings.repeats)])
    year_of_book = np.zeros(pages.n_books)
    year_of_book[pages.book] = middle
    null = np.array([series(rng.permutation(year_of_book), None) for _ in range(settings.repeats)])
    for at, year in enumerate(years):
        near = np.abs(middle - year) <= window
        counts = (*pages.counts(near), depth)
        yield corrected_row("year", str(year), whole[:, at], halves[:, at], null[:, at], counts, 0.0)


def _draw_dates(pages: DatedPages, rng: np.random.Generator) -> NDArray[np.intp]:
    """A year for each page, one for all pages of a book, drawn within what its date allows."""
    u = rng.random(pages.n_books)[pages.book]
    return np.asarray(pages.first + np.floor(u * (pages.last - pages.first + 1)), dtype=np.intp)
