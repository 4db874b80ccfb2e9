"""What both series share: at how many pages they are compared, half-samples of books, bands and the null model's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tablesim.corpus.history.rows import HistoryRow

N_PAGES = 80
"""Pages that the published study compares at each year."""
FEWEST_BOOKS = 3
"""Of fewer books nothing can be said about what other books would have given."""


def common_depth(available: NDArray[np.intp]) -> int:
    """Pages that half of the years or places with any can be compared at, ``N_PAGES`` at most and 2 at least."""
    return int(min(N_PAGES, max(2, np.median(available[available > 0]))))


def half_of_books(n_books: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Whether each book is in a random half of them."""
    kept = np.zeros(n_books, dtype=bool)
    kept[rng.permutation(n_books)[: (n_books + 1) // 2]] = True
    return kept


def corrected_row(
    by: str,
    at: str,
    whole: NDArray[np.float64],
    halves: NDArray[np.float64],
    null: NDArray[np.float64],
    counts: tuple[int, int, int, int],
    far: float | None,
) -> HistoryRow:
    """Mean over the draws; band from the half-samples, whose variance about their mean is that of the whole."""
    value = _mean(whole)
    low: float | None = None
    high: float | None = None
    known = halves[np.isfinite(halves)]
    if value is not None and counts[1] >= FEWEST_BOOKS and len(known) >= len(halves) / 2:
        # The spread of single draws is taken out where the value is a mean over draws.
        noise = float(np.nanvar(whole)) if len(whole) > 1 else 0.0
        reach = 1.96 * float(np.sqrt(max(0.0, float(np.var(known)) - noise) + noise / len(whole)))
        low, high = max(0.0, value - reach), value + reach
    chance = null[np.isfinite(null)]
    null_mean = null_low = null_high = None
    if value is not None and len(chance):
        null_mean = float(chance.mean())
        null_low, null_high = (float(end) for end in np.quantile(chance, [0.025, 0.975]))
    return HistoryRow(by, at, "corrected", value, low, high, null_mean, null_low, null_high, *counts, far)


def _mean(values: NDArray[np.float64]) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) >= max(1, len(values) / 2) else None
