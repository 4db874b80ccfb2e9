"""The parts of heat maps: signed values over a picture, and the scale of their colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bilrp.plotting.colours import colormap, colours
from bilrp.plotting.layout import figure_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OVERLAY_FADE = 0.55


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
