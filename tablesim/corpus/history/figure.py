"""The picture of a history: both modes, their bands, and the null model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tablesim.corpus.history.history import History, HistoryRow

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#888888"
MOST_PLACES = 40
_NAN = float("nan")


def plot(history: History) -> Any:
    """A matplotlib figure; years from left to right, places from the most pages down."""
    return _years(history) if history.by == "year" else _places(history)


def _values(rows: tuple[HistoryRow, ...], name: str) -> list[float]:
    return [_NAN if (value := getattr(row, name)) is None else value for row in rows]


def _figure(width: float, height: float, n_axes: int, **how: Any) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(1, n_axes, **how)


def _years(history: History) -> Any:
    figure, axes = _figure(8, 4, 1)
    for mode, colour in (("published", GREY), ("corrected", BLUE)):
        rows = history.mode(mode)
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


def _places(history: History) -> Any:
    corrected = sorted(history.mode("corrected"), key=lambda row: (-row.pages, row.at))[:MOST_PLACES]
    published = {row.at: row for row in history.mode("published")}
    names = [f"{row.at} ({row.pages})" for row in corrected]
    place = list(range(len(corrected)))
    figure, (left, right) = _figure(9, 1.5 + 0.22 * len(place), 2, sharey=True)
    for at, row in enumerate(corrected):
        if row.null_low is not None:
            left.plot([row.null_low, row.null_high], [at, at], color=ORANGE, alpha=0.4, linewidth=6)
        if row.low is not None:
            left.plot([row.low, row.high], [at, at], color=BLUE, linewidth=1.5)
        if row.entropy is not None:
            left.plot([row.entropy], [at], "o", color=BLUE, markersize=4)
    depth = corrected[0].depth if corrected else 0
    left.set(xlabel=f"entropy of {depth} pages (bits)", title="corrected")
    left.set_yticks(place, names, fontsize=7)
    left.set_ylim(len(place) - 0.5, -0.5)
    right.plot([published[row.at].entropy for row in corrected], place, "o", color=GREY, markersize=4)
    right.set(xlabel="entropy less log of the pages (bits)", title="published")
    return figure
