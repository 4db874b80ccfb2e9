"""What in the second input answers to a region of the first: the region, and a heat map over the other side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from bilrp.plotting.arcs import SCALE, sides_of
from bilrp.plotting.captions import doubt_of
from bilrp.plotting.colours import FOR, as_array, colormap, colour_limit, in_words
from bilrp.plotting.heat import draw_scale, overlay
from bilrp.plotting.layout import Caption, frame, in_a_line, save
from bilrp.plotting.pairs import PairRelevance
from bilrp.plotting.sides import ArcStyle, PictureSide, Side, WordSide
from bilrp.tokens import token_slice

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_given(
    joint: PairRelevance,
    x: Tensor | npt.NDArray[Any] | Sequence[str] | None,
    y: Tensor | npt.NDArray[Any] | Sequence[str] | None,
    region: Any,
    *,
    path: str | Path | None = None,
    cmap: Any = "bwr",
    ax: Axes | None = None,
) -> Figure:
    """Draw a region of the first input and, over the second, what answers to it: red for, blue against.

    Parameters
    ----------
    joint, x, y, path, ax
        As in `plot`; tokens that were kept with the result are drawn as they are, sub-words not merged.
    region : (x, y, width, height), an object with these attributes, or a span of tokens
        In pixels of the first image; for a text as in `JointRelevance.given`.
    cmap : str, sequence of str, or matplotlib Colormap

    Returns
    -------
    matplotlib Figure
    """
    left, right = sides_of(joint, (x, y), ("", ""))
    values = as_array(joint.given(region))
    share = f", {values.sum() / joint.similarity:.1%} of the similarity" if joint.similarity else ""
    text = f"the region and what answers to it carry {values.sum():.4g}{share}{in_words(cmap)}"
    caption = Caption(text, doubt_of(joint), SCALE)
    limit = colour_limit(values, 1.0)
    if isinstance(left, WordSide):
        left = replace(left, shades=np.zeros(len(left.words)))
    if isinstance(right, WordSide):
        right = replace(right, shades=values, limit=limit)
    lines = isinstance(left, WordSide) and left.in_line
    both_pictures = left.scales and right.scales
    figure, axes, _ = in_a_line(
        [left.size, right.size],
        [0.4],
        caption,
        ax,
        along=None if both_pictures else int(lines),
        scales=[left.scales, right.scales],
    )
    style = ArcStyle(fade=0.0, cmap=cmap)
    left.draw(axes[0], style)
    _mark(left, region)
    right.draw(axes[1], style)
    if isinstance(right, PictureSide):
        axes[1].clear()
        overlay(axes[1], values, right.image, cmap, limit)
        frame(axes[1])
    words = isinstance(right, WordSide)
    draw_scale(caption.axes_of_scale(figure, (2.0, 0.08), ax), limit, colormap(cmap, behind_words=words))
    caption.write(figure, ax)
    save(figure, path)
    return figure


def _mark(side: Side, region: Any) -> None:
    from matplotlib.patches import Rectangle

    if isinstance(side, WordSide):
        span = token_slice(region, side.words, len(side.words))
        for place in range(span.start, span.stop):
            side.outline((place,), FOR)
        return
    corners = region if isinstance(region, Sequence) else (region.x, region.y, region.width, region.height)
    left, top, width, height = (float(corner) for corner in corners)
    side.axis.add_patch(Rectangle((left - 0.5, top - 0.5), width, height, fill=False, edgecolor=FOR, linewidth=1.5))
    side.axis.set_xlim(-0.5, side.size[0] - 0.5)
    side.axis.set_ylim(side.size[1] - 0.5, -0.5)
