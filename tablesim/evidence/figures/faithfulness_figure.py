"""The picture of faithfulness: how the similarity falls while what the explanation ranks first is taken away."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from tablesim.evidence.matches.faithfulness import Faithfulness
from tablesim.scans.images import page_id


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

    curves = comparison.faithfulness
    if curves is None:
        raise ValueError(f"draw_faithfulness: {comparison.a} and {comparison.b} have no match; there is no curve")
    figure = Figure(figsize=(5.4, 3.7), facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    share = 100 * curves.share
    axes.fill_between(share, curves.random_low, curves.random_high, color="0.8", linewidth=0)
    axes.plot(share, curves.random, color="0.35", linestyle="--", linewidth=1.2, label=f"random {curves.unit}")
    axes.plot(share, curves.top, color="black", linewidth=1.6, label=f"most relevant {curves.unit} first")
    axes.set(xlim=(0, share[-1]), ylim=(min(0.0, float(curves.top.min())), 1.02))
    axes.set_xlabel(f"{curves.unit} taken away (% of {curves.things}, half on each page)", fontsize=8.5)
    axes.set_ylabel("similarity of what is left", fontsize=8.5)
    axes.tick_params(labelsize=8)
    title = f"area between the curves {curves.gap:+.3f}"
    axes.legend(loc="lower left", fontsize=8, frameon=False, title=title, title_fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(f"{page_id(comparison.a)}  and  {page_id(comparison.b)}", fontsize=8.5, family="serif", loc="left")
    figure.savefig(path, dpi=150)
    return Path(path)
