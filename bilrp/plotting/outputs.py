"""Relevance of one input for chosen outputs: heat maps, or words on colours, a panel for each output."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor

from bilrp.exceptions import InputError
from bilrp.plotting.captions import certified, doubt_of
from bilrp.plotting.colours import CLIP, as_array, colormap, colour_limit, colours, in_words, pale
from bilrp.plotting.heat import draw_scale, overlay
from bilrp.plotting.layout import LEAST_WIDTH, WIDTH, Caption, figure_of, frame, inches_of, new_figure, picture, save
from bilrp.plotting.sides import BLANK, FONT, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL = 2.6  # inches: the larger side of a heat map
MAX_PANELS, MAX_WORDS = 64, 2000
GAP, TITLE, BAR = 0.12, 0.28, 0.34  # inches
LINE_OF_WORDS = 0.23  # inches


class OutputRelevance(Protocol):
    """What a heat map needs of a `bilrp.Relevance`, which draws itself by these functions."""

    @property
    def values(self) -> Tensor: ...
    @property
    def embedding(self) -> Tensor: ...
    @property
    def targets(self) -> tuple[str, ...]: ...


def plot_relevance(
    relevance: OutputRelevance,
    *,
    image: Tensor | npt.NDArray[Any] | None = None,
    tokens: Sequence[str] | None = None,
    ax: Axes | None = None,
    titles: Sequence[str] | None = None,
    cmap: Any = "bwr",
    clip: float = CLIP,
    columns: int | None = None,
    path: str | Path | None = None,
) -> Figure:
    """Draw relevance as heat maps, or as words on colours, one panel for each output, with one scale for all.

    Parameters
    ----------
    relevance : Relevance
        Of shape (K, H, W), (K, C, H, W), whose channels are summed, or (K, T) for a text; see `bilrp.attribute`.
    image : Tensor or array of shape (C, H, W), (1, C, H, W) or (H, W), optional
        The input: drawn as a first panel, and in pale grey under the heat maps, which then show no more than their
        colour and strength.
    tokens : sequence of str, optional
        For a text, of shape (K, T): its words, one for each value, which are drawn on colours.
    ax : Axes, optional
        Draw there instead of in a figure of its own; for a single output.
    titles : sequence of str, optional
        Default: the names of the outputs with their values.
    cmap : str, sequence of str, or matplotlib Colormap
        A name of `bilrp.plotting.COLOUR_MAPS` or of matplotlib; its middle is zero.
    clip : float
        The quantile of abs(relevance) at which colours end, so that single strong pixels do not hide all others.
    columns : int, optional
        Panels in a row.
    path : str or Path, optional
        Also write the figure: PNG, PDF or SVG by its name.

    Returns
    -------
    matplotlib Figure
        Made without pyplot, so that nothing is left open.
    """
    maps = as_array(relevance.values)
    if maps.ndim == 2:
        return _plot_words(relevance, maps, tokens, titles, cmap, ax, path)
    maps = maps.sum(1) if maps.ndim == 4 else maps
    if maps.ndim != 3:
        raise InputError(
            f"plot: got relevance of shape {tuple(relevance.values.shape)}, expected (K, H, W), (K, C, H, W) or (K, T)"
        )
    ground = None if image is None else picture(image)
    if ground is not None and (ground.shape[0] < maps.shape[1] or ground.shape[1] < maps.shape[2]):
        raise InputError(f"plot: an image of {ground.shape[:2]} px has fewer pixels than the map {maps.shape[1:]}")
    names = _titles(relevance, titles, len(maps))
    limit = colour_limit(maps, clip)
    if ax is not None:
        if len(maps) != 1:
            raise InputError(f"plot: {len(maps)} outputs do not fit into one ax; give plot() a figure of its own")
        _heat(ax, maps[0], ground, names[0], cmap, limit)
        save(figure_of(ax), path)
        return figure_of(ax)
    if len(maps) > MAX_PANELS:
        raise InputError(f"plot: {len(maps)} outputs, expected at most {MAX_PANELS}; pick some with target=[...]")
    return _panels(relevance, maps, ground, names, cmap, (limit, clip), columns, path)


def _titles(relevance: OutputRelevance, titles: Sequence[str] | None, n: int) -> list[str]:
    if titles is not None:
        if len(titles) != n:
            raise InputError(f"plot: got {len(titles)} titles for {n} outputs")
        return list(titles)
    names = relevance.targets or tuple(f"output {k}" for k in range(n))
    return [f"{name}: {value:.3g}" for name, value in zip(names, relevance.embedding.tolist(), strict=True)]


def _panels(
    relevance: OutputRelevance,
    maps: npt.NDArray[np.float64],
    ground: npt.NDArray[np.float64] | None,
    names: Sequence[str],
    cmap: Any,
    scale: tuple[float, float],
    columns: int | None,
    path: str | Path | None,
) -> Figure:
    n = len(maps) + (ground is not None)
    columns = min(n, columns or max(4, int(np.ceil(np.sqrt(n)))))
    n_rows = -(-n // columns)
    shape = np.array(maps.shape[1:] if ground is None else ground.shape[:2], dtype=float)
    height, width = shape / shape.max() * min(PANEL, (WIDTH - (columns - 1) * GAP) / columns)
    caption = Caption(_text(scale[1], cmap), doubt_of(relevance), BAR, certificate=certified(relevance))
    extent = columns * width + (columns - 1) * GAP
    total = max(extent + 0.4, LEAST_WIDTH * min(1, (columns + 1) / 4))
    whole = np.array([total, n_rows * (height + TITLE) + caption.height(total) + 0.1])
    figure = new_figure(whole)
    left = (whole[0] - extent) / 2
    for place in range(n):
        row, column = divmod(place, columns)
        corner = left + column * (width + GAP), whole[1] - 0.1 - (row + 1) * (height + TITLE) + 0.04
        axis = figure.add_axes((*(corner / whole), *((width, height) / whole)))
        k = place - (ground is not None)
        if k < 0:
            assert ground is not None
            axis.imshow(ground, interpolation="nearest")
            axis.set_title("input", fontsize=9)
            frame(axis)
        else:
            _heat(axis, maps[k], ground, names[k], cmap, scale[0])
    draw_scale(caption.axes_of_scale(figure, (2.4, 0.09)), scale[0], cmap)
    caption.write(figure)
    save(figure, path)
    return figure


def _text(clip: float, cmap: Any) -> str:
    ends = "" if clip == 1 else f"; colours end at the {clip:.1%} quantile"
    return f"relevance in the unit of the outputs{in_words(cmap)}{ends}"


def _heat(
    axis: Axes,
    values: npt.NDArray[np.float64],
    ground: npt.NDArray[np.float64] | None,
    title: str,
    cmap: Any,
    limit: float,
) -> None:
    overlay(axis, values, ground, cmap, limit)
    axis.set_title(title, fontsize=9)
    frame(axis)


def _plot_words(
    relevance: OutputRelevance,
    values: npt.NDArray[np.float64],
    tokens: Sequence[str] | None,
    titles: Sequence[str] | None,
    cmap: Any,
    ax: Axes | None,
    path: str | Path | None,
) -> Figure:
    if tokens is None:
        tokens = getattr(relevance, "tokens", None)
    if tokens is None or len(tokens) != values.shape[1] or values.size > MAX_WORDS:
        raise InputError(
            f"plot: {'no' if tokens is None else len(tokens)} tokens for relevance of shape {values.shape}, expected "
            f"tokens=[...] with one for each value, and at most {MAX_WORDS} words in all"
        )
    names, limit = _titles(relevance, titles, len(values)), colour_limit(values, 1.0)
    caption = Caption(_text(1.0, cmap), doubt_of(relevance), BAR, certificate=certified(relevance))
    width = LEAST_WIDTH if ax is None else float(inches_of(ax)[0])
    places = _flow([str(token) for token in tokens], width - 0.4)
    height = (max(row for _, row in places) + 1) * LINE_OF_WORDS + TITLE
    below = caption.height(width)
    if ax is None:
        figure = new_figure((width, len(values) * height + below + 0.1))
        axis = figure.add_axes((0, 0, 1, 1))
    else:
        figure, axis = figure_of(ax), ax
        axis.clear()
    axis.set_axis_off()
    axis.set_xlim(0, width)
    axis.set_ylim(len(values) * height + below + 0.1, 0)
    for k, (row_values, name) in enumerate(zip(values, names, strict=True)):
        axis.text(0.2, k * height + TITLE - 0.03, name, fontsize=9, va="bottom", parse_math=False)
        grounds = pale(colours(row_values, cmap, limit))
        for word, ground, (left, row) in zip(tokens, grounds, places, strict=True):
            box = {"facecolor": tuple(ground), "edgecolor": "none", "boxstyle": "square,pad=0.15"}
            down = k * height + TITLE + (row + 0.5) * LINE_OF_WORDS
            axis.text(0.2 + left, down, word, fontsize=FONT, va="center", bbox=box, parse_math=False)
    scale = caption.axes_of_scale(figure, (2.0, 0.08), ax)
    draw_scale(scale, limit, colormap(cmap, behind_words=True))
    caption.write(figure, ax)
    save(figure, path)
    return figure


def _flow(words: Sequence[str], room: float) -> list[tuple[float, int]]:
    """Where words stand in lines of a width: inches from the left, and the line."""
    places, left, row = [], 0.0, 0
    for word in words:
        width = text_width(word, FONT) + BLANK
        if left + width > room and left > 0:
            left, row = 0.0, row + 1
        places.append((left, row))
        left += width
    return places
