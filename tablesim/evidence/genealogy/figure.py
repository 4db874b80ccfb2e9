"""Draws a genealogy: the oldest witness on top, arrows from model to copy, as dark as they are sure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tablesim.evidence.genealogy.links import CONFIDENT, KIN, CopyLink, LinkGraph

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN = 0.2
"""Links with less support are left out of the drawing, for its legibility."""

Positions = dict[int, tuple[float, float]]

_PAPER = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
_ACROSS, _DOWN, _NAME = 1.9, 0.75, 0.09
"""Inches between columns and between lines of witnesses, and for a letter of a name."""


def draw_genealogy(genealogy: LinkGraph, path: str | Path | None = None) -> Figure:
    """Draw it, and write it to ``path`` (PNG, PDF or SVG by suffix) if given.

    Each witness stands in a line of its own, in the order of the years, below its likeliest model; those without a year
    come first. Confident links are solid, others dashed; witnesses that share a lost model are joined by a dotted line
    without an arrow. Beside each link stand its support and how many errors are shared.

    Returns
    -------
    matplotlib.figure.Figure
        Not registered with pyplot: it needs no closing.
    """
    from matplotlib.figure import Figure

    position = _positions(genealogy)
    n = len(genealogy.names)
    widest = max(x for x, _ in position.values())
    longest = max(map(len, genealogy.names))
    figure = Figure(
        figsize=(1.5 + _ACROSS * widest + _NAME * (longest + 18), 1.2 + _DOWN * n), layout="constrained", dpi=100
    )
    axes = figure.add_subplot()
    for link in (*genealogy.kin, *genealogy.links):
        if link.support >= SHOWN:
            _draw_link(axes, link, position)
    for w, (x, y) in position.items():
        axes.plot(x, y, "o", color="black", markersize=6, zorder=3)
        errors = genealogy.n_errors[w]
        year = "" if genealogy.years[w] is None else f", {genealogy.years[w]}"
        label = f"{genealogy.names[w]}{year}: {errors} error{'' if errors == 1 else 's'}"
        axes.annotate(label, (x, y), (9, 0), textcoords="offset points", fontsize=9, va="center", zorder=5, bbox=_PAPER)
    axes.set_xlim(-0.5, widest + 0.5 + _NAME * (longest + 18) / _ACROSS)
    axes.set_ylim(-n + 0.4, 0.6)
    axes.set_axis_off()
    axes.set_title(_title(genealogy), fontsize=10, loc="left")
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure


def _positions(genealogy: LinkGraph) -> Positions:
    """Across by the tree of the likeliest models, a copy below its model, several around it; down by the years."""
    n = len(genealogy.names)
    model: dict[int, int] = {}
    for link in genealogy.links:
        # The best supported link of each copy comes first.
        if link.support >= SHOWN and link.copy not in model and not _descends(link.model, link.copy, model):
            model[link.copy] = link.model
    down = _order(genealogy, model)
    copies = {w: sorted((c for c, m in model.items() if m == w), key=down.index) for w in range(n)}
    across: dict[int, float] = {}
    lanes = 0

    def place_below(w: int) -> None:
        nonlocal lanes
        for copy in copies[w]:
            place_below(copy)
        if copies[w]:
            across[w] = sum(across[copy] for copy in copies[w]) / len(copies[w])
        else:
            across[w] = float(lanes)
            lanes += 1

    for w in down:
        if w not in model:
            place_below(w)
    return {w: (across[w], -float(at)) for at, w in enumerate(down)}


def _order(genealogy: LinkGraph, model: dict[int, int]) -> list[int]:
    """Witnesses by their years, those without one first, and each below its model where the years leave that open."""

    def depth(w: int) -> int:
        return 0 if w not in model else 1 + depth(model[w])

    years = genealogy.years
    return sorted(range(len(years)), key=lambda w: (years[w] is not None, years[w] or 0, depth(w), w))


def _descends(w: int, other: int, model: dict[int, int]) -> bool:
    while w != other and w in model:
        w = model[w]
    return w == other


def _draw_link(axes: Axes, link: CopyLink, position: Positions) -> None:
    kin = link.relation == KIN
    style: dict[str, Any] = {"arrowstyle": "-" if kin else "-|>", "shrinkA": 5, "shrinkB": 5}
    style |= {"linestyle": (0, (1, 2)) if kin else "-" if link.confident else (0, (4, 3))}
    # As dark as it is sure, and never so light that it is not seen.
    style |= {"linewidth": 1.6 if link.confident else 1.0, "color": str(round(0.65 * (1 - link.support), 3))}
    (x0, y0), (x1, y1) = position[link.model], position[link.copy]
    if kin or (x0 == x1 and abs(y0 - y1) > 1):
        style |= {"connectionstyle": "arc3,rad=0.15"}  # round what may stand between
    axes.annotate("", (x1, y1), (x0, y0), arrowprops=style, zorder=2)
    label = f"{link.support:.2f} ({link.shared_errors})"
    share = 0.5 if kin else 0.62  # nearer the copy, where fewer lines meet
    x, y = x0 + share * (x1 - x0), y0 + share * (y1 - y0)
    axes.text(x, y, label, fontsize=7, ha="center", va="center", zorder=4, bbox=_PAPER)


def _title(genealogy: LinkGraph) -> str:
    if not genealogy.decided:
        return "Nothing says who errs"
    sure = len(genealogy.confident)
    asserted = f"{sure} sure, with {CONFIDENT:g} or more (solid)" if sure else "no link is sure"
    return (
        f"Set from one another, by the errors they share: {asserted}\n"
        "beside each arrow its support and the number of shared errors; dotted: both set from a lost witness"
    )
