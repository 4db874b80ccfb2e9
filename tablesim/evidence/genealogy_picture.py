"""The genealogy as a drawing: witnesses along the years, arrows from model to copy, as dark as they are sure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tablesim.evidence.genealogy import CONFIDENT, Genealogy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 0.2
"""Links with less support are left out of the drawing."""


def draw(genealogy: Genealogy, path: str | Path | None = None) -> Figure:
    """Draw it, and write it to ``path`` (PNG, PDF or SVG by suffix) if given.

    Witnesses without a year stand to the left of the others. Confident links are solid with their support beside them,
    others dashed.

    Returns
    -------
    matplotlib.figure.Figure
        Not registered with pyplot: it needs no closing.
    """
    from matplotlib.figure import Figure

    n = len(genealogy.names)
    figure = Figure(figsize=(9, 1.2 + 0.7 * n), layout="constrained")
    axes = figure.add_subplot()
    known = [year for year in genealogy.years if year is not None]
    first = min(known) - 10 if known else 0
    order = sorted(range(n), key=lambda w: (genealogy.years[w] is not None, genealogy.years[w] or 0, w))
    height = {w: n - at for at, w in enumerate(order)}
    place = {w: (first if (year := genealogy.years[w]) is None else year, height[w]) for w in range(n)}
    for link in genealogy.links:
        if link.support < SHOWN:
            continue
        sure = link.support >= CONFIDENT
        style = {"arrowstyle": "-|>", "shrinkA": 6, "shrinkB": 6, "linewidth": 1.6 if sure else 1.0}
        style |= {"linestyle": "-" if sure else (0, (3, 3)), "color": str(round(0.75 * (1 - link.support), 3))}
        axes.annotate("", place[link.copy], place[link.model], arrowprops=style)
        x, y = ((a + b) / 2 for a, b in zip(place[link.model], place[link.copy], strict=True))
        axes.text(x, y, f"{link.support:.2f}", fontsize=7, ha="center", va="bottom")
    for w, (x, y) in place.items():
        axes.plot(x, y, "o", color="black", markersize=5)
        axes.text(x, y + 0.12, f"{genealogy.names[w]} ({genealogy.n_errors[w]} errors)", fontsize=8, ha="center")
    axes.set_ylim(0.4, n + 0.8)
    axes.margins(x=0.15)
    axes.set_yticks([])
    axes.set_xlabel("year" if known else "years unknown")
    if not known:
        axes.set_xticks([])
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.set_title("Set from one another, by the errors they share" if genealogy.decided else "Nothing tells who errs")
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure
