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
from bilrp.plotting.captions import certified, doubt_of
from bilrp.plotting.colours import FOR, as_array, colormap, colour_limit, in_words
from bilrp.plotting.heat import draw_scale, overlay
from bilrp.plotting.layout import Caption, frame, in_a_line, save
from bilrp.plotting.pairs import PairRelevance
from bilrp.plotting.sides import ArcStyle, PictureSide, Side, WordSide
from bilrp.regions import is_span
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
        Of the first input, in pixels of an image; between an image and a text, of the one that it can belong to, as in
        `JointRelevance.given`.
    cmap : str, sequence of str, or matplotlib Colormap

    Returns
    -------
    matplotlib Figure
    """
    sides = list(sides_of(joint, (x, y), ("", "")))
    kinds = joint.left.dim() == 2, joint.right.dim() == 2
    marked = int(kinds[0] != kinds[1] and is_span(region) == kinds[1])  # as `JointRelevance.given` takes it
    values = as_array(joint.given(region))
    share = f", {values.sum() / joint.similarity:.1%} of the similarity" if joint.similarity else ""
    text = f"the region and what answers to it carry {values.sum():.4g}{share}{in_words(cmap)}"
    caption = Caption(text, doubt_of(joint), SCALE, certificate=certified(joint))
    limit = colour_limit(values, 1.0)
    for i, side in enumerate(sides):
        if isinstance(side, WordSide):
            shades = np.zeros(len(side.words)) if i == marked else values
            sides[i] = replace(side, shades=shades, limit=limit)
    lines = [isinstance(side, WordSide) and side.in_line for side in sides]
    scales = [side.scales for side in sides]
    figure, axes, _ = in_a_line(
        [side.size for side in sides], [0.4], caption, ax, along=None if all(scales) else int(all(lines)), scales=scales
    )
    for side, axis in zip(sides, axes, strict=True):
        side.draw(axis, ArcStyle(fade=0.0, cmap=cmap))
    _mark(sides[marked], region)
    shaded = sides[1 - marked]
    if isinstance(shaded, PictureSide):
        shaded.axis.clear()
        overlay(shaded.axis, values, shaded.image, cmap, limit)
        frame(shaded.axis)
    words = isinstance(shaded, WordSide)
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
