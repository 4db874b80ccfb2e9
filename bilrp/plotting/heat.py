"""Heat maps: relevance of one input for chosen outputs, and what in a second image answers to a region of the first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor

from bilrp.exceptions import InputError
from bilrp.plotting.captions import doubt_of
from bilrp.plotting.colours import CLIP, as_array, colormap, colour_limit, colours
from bilrp.plotting.layout import LEAST_WIDTH, WIDTH, Caption, figure_of, frame, new_figure, picture, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL = 2.6  # inches: the larger side of a heat map
MAX_PANELS = 64
GAP, TITLE, BAR = 0.12, 0.28, 0.34  # inches
OVERLAY_FADE = 0.55


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
    ax: Axes | None = None,
    titles: Sequence[str] | None = None,
    cmap: Any = "bwr",
    clip: float = CLIP,
    columns: int | None = None,
    path: str | Path | None = None,
) -> Figure:
    """Draw relevance as heat maps, one panel for each output, with one scale for all.

    Parameters
    ----------
    relevance : Relevance
        Of shape (K, H, W), or (K, C, H, W), whose channels are summed; see `bilrp.attribute`.
    image : Tensor or array of shape (C, H, W), (1, C, H, W) or (H, W), optional
        The input: drawn as a first panel, and in pale grey under the heat maps, which then show no more than their
        colour and strength.
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
    maps = maps.sum(1) if maps.ndim == 4 else maps
    if maps.ndim != 3:
        raise InputError(
            f"plot: got relevance of shape {tuple(relevance.values.shape)}, expected (K, H, W) or (K, C, H, W)"
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
    caption = Caption(_text(relevance, maps, scale[1]), doubt_of(relevance), BAR)
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


def _text(relevance: OutputRelevance, maps: npt.NDArray[np.float64], clip: float) -> str:
    totals, outputs = maps.sum((1, 2)), as_array(relevance.embedding)
    explained = float(np.abs(outputs).sum())
    kept = float(((outputs - totals) * np.sign(outputs)).sum()) / explained if explained else 0.0
    ends = "" if clip == 1 else f"; colours end at the {clip:.1%} quantile"
    bias = f"; biases keep {kept:.1%} of the outputs" if abs(kept) > 5e-4 else ""
    return f"relevance in the unit of the outputs, red for and blue against{bias}{ends}"


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


def overlay(
    axis: Axes, values: npt.NDArray[np.float64], ground: npt.NDArray[np.float64] | None, cmap: Any, limit: float
) -> None:
    """A heat map; over a picture in pale grey, the more of it is covered the stronger the relevance."""
    painted = colours(values, cmap, limit)
    if ground is None:
        axis.imshow(painted, interpolation="nearest")
        return
    height, width, _ = ground.shape
    grey = ground.mean(2, keepdims=True).repeat(3, 2)
    axis.imshow(OVERLAY_FADE + (1 - OVERLAY_FADE) * grey, interpolation="nearest")
    full = colours(np.sign(values), cmap, 1.0)
    tile = -(-height // values.shape[0])  # those at the far edges may be smaller
    reach = (-0.5, values.shape[1] * tile - 0.5, values.shape[0] * tile - 0.5, -0.5)
    strength = np.clip(np.abs(values) / limit, 0, 1)
    axis.imshow(np.dstack([full, 0.95 * strength]), interpolation="nearest", extent=reach)
    axis.set_xlim(-0.5, width - 0.5)
    axis.set_ylim(height - 0.5, -0.5)


def draw_scale(axis: Axes, limit: float, cmap: Any) -> None:
    """A flat colour bar from minus to plus the limit."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    bar = figure_of(axis).colorbar(
        ScalarMappable(Normalize(-limit, limit), colormap(cmap)), cax=axis, orientation="horizontal"
    )
    bar.set_ticks([-limit, 0, limit], labels=[f"{-limit:.2g}", "0", f"{limit:.2g}"])
    bar.ax.tick_params(labelsize=7, length=2, pad=1, colors="#444444")
    bar.outline.set_linewidth(0.4)
