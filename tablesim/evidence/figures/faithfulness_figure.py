"""The picture of faithfulness: how the similarity falls while what the explanation ranks first is taken away."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tablesim.evidence.matches.faithfulness import Faithfulness
from tablesim.scans.images import page_id

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Explained(Protocol):
    """What can be drawn: a comparison of two pages, by the bigram network or by VGG-16."""

    @property
    def a(self) -> str: ...
    @property
    def b(self) -> str: ...
    @property
    def faithfulness(self) -> Faithfulness | None: ...


def draw_faithfulness(comparison: Explained, path: str | Path) -> Path:
    """Draw the two curves of a comparison.

    Parameters
    ----------
    comparison : Comparison or PixelComparison
    path : str or Path
        PNG, PDF or SVG by suffix.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    ValueError
        The pages have no match, and there is nothing to take away.
    """
    from matplotlib.figure import Figure

    found = comparison.faithfulness
    if found is None:
        raise ValueError(f"draw_faithfulness: {comparison.a} and {comparison.b} have no match; there is no curve")
    figure = Figure(figsize=(5.4, 3.7), facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    draw_curves(axes, found)
    axes.set_title(f"{page_id(comparison.a)}  and  {page_id(comparison.b)}", fontsize=8.5, family="serif", loc="left")
    figure.savefig(path, dpi=150)
    return Path(path)


def draw_curves(axes: Axes, found: Faithfulness) -> None:
    """The curves in axes that are there, for pictures of several pairs."""
    share = 100 * found.share
    axes.fill_between(share, found.random_low, found.random_high, color="0.8", linewidth=0)
    axes.plot(share, found.random, color="0.35", linestyle="--", linewidth=1.2, label=f"random {found.unit}")
    axes.plot(share, found.top, color="black", linewidth=1.6, label=f"most relevant {found.unit} first")
    axes.set(xlim=(0, share[-1]), ylim=(min(0.0, float(found.top.min())), 1.02))
    axes.set_xlabel(f"{found.unit} taken away (% of {found.things}, half on each page)", fontsize=8.5)
    axes.set_ylabel("similarity of what is left", fontsize=8.5)
    axes.tick_params(labelsize=8)
    axes.legend(loc="lower left", fontsize=8, frameon=False, title=f"area between the curves {found.gap:+.3f}")
    axes.get_legend().get_title().set_fontsize(8)  # type: ignore[union-attr]
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
