"""Draws a history with matplotlib: both modes with their bands, and the null model behind the corrected one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tablesim.corpus.history.rows import HistoryRow

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#888888"
"""Blue and orange of the palette of M. Okabe and K. Ito, which people with any colour vision tell apart."""
MAX_PLACES = 40
"""Places that are drawn, those with the most pages: as many as are legible on one page."""
_NAN = float("nan")


def plot_history(by: str, rows: Sequence[HistoryRow]) -> Any:
    """A matplotlib figure of the rows of both modes; years from left to right, places from the most pages down."""
    published, corrected = ([row for row in rows if row.mode == mode] for mode in ("published", "corrected"))
    return _plot_years(published, corrected) if by == "year" else _plot_places(published, corrected)


def _values(rows: Sequence[HistoryRow], name: str) -> list[float]:
    return [_NAN if (value := getattr(row, name)) is None else value for row in rows]


def _figure(width: float, height: float, n_axes: int, **how: Any) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(1, n_axes, **how)


def _plot_years(published: Sequence[HistoryRow], corrected: Sequence[HistoryRow]) -> Any:
    figure, axes = _figure(8, 4, 1)
    for mode, rows, colour in (("published", published, GREY), ("corrected", corrected, BLUE)):
        at = [int(row.at) for row in rows]
        if mode == "corrected":
            axes.fill_between(
                at, _values(rows, "null_low"), _values(rows, "null_high"), color=ORANGE, alpha=0.2, linewidth=0
            )
            axes.plot(at, _values(rows, "null"), color=ORANGE, linestyle=":", label="books in shuffled years (95 %)")
        label = f"{mode}, {rows[0].depth} pages" if rows else mode
        axes.fill_between(at, _values(rows, "low"), _values(rows, "high"), color=colour, alpha=0.25, linewidth=0)
        axes.plot(at, _values(rows, "entropy"), color=colour, label=label)
    axes.set(xlabel="year", ylabel="entropy of clusters (bits)", ylim=(0, None))
    axes.legend(frameon=False, fontsize=8)
    return figure


def _plot_places(published: Sequence[HistoryRow], corrected: Sequence[HistoryRow]) -> Any:
    corrected = sorted(corrected, key=lambda row: (-row.pages, row.at))[:MAX_PLACES]
    published_entropy = {row.at: row.entropy for row in published}
    names = [f"{row.at} ({row.pages})" for row in corrected]
    heights = list(range(len(corrected)))
    figure, (left, right) = _figure(9, 1.5 + 0.22 * len(heights), 2, sharey=True)
    for at, row in enumerate(corrected):
        if row.null_low is not None:
            left.plot([row.null_low, row.null_high], [at, at], color=ORANGE, alpha=0.4, linewidth=6)
        if row.low is not None:
            left.plot([row.low, row.high], [at, at], color=BLUE, linewidth=1.5)
        if row.entropy is not None:
            left.plot([row.entropy], [at], "o", color=BLUE, markersize=4)
    depth = corrected[0].depth if corrected else 0
    left.set(xlabel=f"entropy of {depth} pages (bits)", title="corrected")
    left.set_yticks(heights, names, fontsize=7)
    left.set_ylim(len(heights) - 0.5, -0.5)
    right.plot([published_entropy[row.at] for row in corrected], heights, "o", color=GREY, markersize=4)
    right.set(xlabel="entropy less log of the pages (bits)", title="published")
    return figure
