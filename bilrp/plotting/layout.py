"""Where pictures stand in a figure: at one scale, side by side or one above the other, in new or in given axes."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from bilrp.archives import require_folder
from bilrp.exceptions import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 8.4, 6.0  # inches: most that the pictures take together
LEAST_WIDTH, SIDE, ABOVE = 7.0, 0.2, 0.35  # inches
LINE = 0.14  # inches: a line of the caption
FLAT = 1.6  # pictures wider than this many times their height stand one above the other
GREY = "#444444"
DOUBT = "#a03000"


def picture(image: Tensor | npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """An image as (H, W, 3) between 0 and 1; integers are bytes, anything else is stretched to that range."""
    array = image.detach().cpu().numpy() if isinstance(image, Tensor) else np.asarray(image)
    array = array / 255.0 if array.dtype == np.uint8 else array.astype(np.float64)
    if array.ndim == 4 and len(array) == 1:
        array = array[0]
    if array.ndim == 3 and array.shape[0] in (1, 3):
        array = array.transpose(1, 2, 0)
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[-1] not in (1, 3):
        raise InputError(f"plot: got an image of shape {array.shape}, expected (C, H, W) with one or three channels")
    low, high = array.min(), array.max()
    if low < 0 or high > 1:
        array = (array - low) / ((high - low) or 1.0)
    return np.repeat(array, 3, axis=2) if array.shape[-1] == 1 else array


@dataclass(frozen=True)
class Caption:
    """What stands under a picture.

    Parameters
    ----------
    text : str
    doubt : str
        Why the explanation may not be believed; in a colour of its own.
    scale : float
        Inches between pictures and text, for a scale.
    titled : bool
        Whether something stands over the pictures.
    certificate : str
        How the explanation was made and how far it can be believed; in lines of its own.
    """

    text: str
    doubt: str = ""
    scale: float = 0.0
    titled: bool = False
    certificate: str = ""

    def lines(self, inches: float) -> tuple[list[str], list[str]]:
        """Text with the certificate, and doubt, broken for a width."""
        letters = max(30, int((inches - 2 * SIDE) * 18.5))  # letters of 7.5 points
        most = 3 if inches >= LEAST_WIDTH else 2
        return _even(self.text, letters, 9) + _even(self.certificate, letters, 9), _even(self.doubt, letters, most)

    def height(self, inches: float) -> float:
        """Inches under the pictures of a figure of a width."""
        return 0.15 + self.scale + LINE * sum(map(len, self.lines(inches)))

    def write(self, figure: Figure, ax: Axes | None = None) -> None:
        """Set it under the pictures, in the figure or in ``ax``."""
        width, height = figure.get_size_inches() if ax is None else inches_of(ax)
        lines, doubts = self.lines(width)
        target: Any = figure if ax is None else ax
        settings: dict[str, Any] = {"ha": "center", "va": "bottom", "fontsize": 7.5, "linespacing": 1.3}
        if ax is not None:
            settings["transform"] = ax.transAxes
        target.text(0.5, (0.08 + LINE * len(doubts)) / height, "\n".join(lines), color=GREY, **settings)
        if doubts:
            target.text(0.5, 0.08 / height, "\n".join(doubts), color=DOUBT, **settings)

    def axes_of_scale(self, figure: Figure, size: tuple[float, float], ax: Axes | None = None) -> Axes:
        """Axes of a size in inches, or as wide as there is room, where the scale belongs."""
        width, height = figure.get_size_inches() if ax is None else inches_of(ax)
        size = min(size[0], width), size[1]
        top = self.height(width) - 0.06
        place = 0.5 - size[0] / 2 / width, (top - size[1]) / height, size[0] / width, size[1] / height
        return figure.add_axes(place) if ax is None else ax.inset_axes(place)


def _even(text: str, letters: int, most: int) -> list[str]:
    """Lines of about one length, up to ``most`` of them, so that no word stands alone in the last."""
    lines = textwrap.wrap(text, letters, max_lines=most, placeholder=" ...")
    narrow = textwrap.wrap(text, min(letters, len(text) // max(1, len(lines)) + 9))
    return narrow if len(narrow) == len(lines) and len(narrow) > 1 else lines


def in_a_line(
    sizes_of: Sequence[Sequence[float]],
    gaps: Sequence[float],
    caption: Caption,
    ax: Axes | None = None,
    *,
    along: int | None = None,
    scales: Sequence[bool] | None = None,
) -> tuple[Figure, list[Axes], int]:
    """Axes for pictures that follow each other, all at one scale, above a caption.

    Parameters
    ----------
    sizes_of : n pairs of float
        Widths and heights: in pixels, or in inches where there is nothing to scale.
    gaps : sequence of n - 1 floats
        Inches between them.
    caption : Caption
    ax : Axes, optional
        Stand inside these, which are emptied, instead of in a figure as large as they need.
    along : {0, 1}, optional
        Side by side (0) or one above the other (1). Default: what leaves more room.
    scales : n bools, optional
        Which of them are pictures. Text is not scaled, but for shrinking to what room there is in ``ax``.

    Returns
    -------
    figure, axes, int
        And whether they stand side by side (0) or one above the other (1).
    """
    sizes = np.array(sizes_of, dtype=float)
    elastic = np.ones(len(sizes), dtype=bool) if scales is None else np.array(scales)
    if along is None:
        along = int(sizes[:, 0].min() > FLAT * sizes[:, 1].max())
    is_along = np.arange(2) == along
    room = np.array([WIDTH, HEIGHT])
    above = ABOVE if caption.titled else 0.1
    if ax is not None:
        whole = inches_of(ax)
        below = caption.height(whole[0])
        room = whole - (0, below + above)
        gaps = [min(gap, 0.25 * room[along] / len(gaps)) for gap in gaps]
        stiff = sizes[~elastic]
        if stiff.size:
            most = (room[along] - sum(gaps)) * (0.5 if elastic.any() else 1.0)
            shrink = min(1.0, most / stiff[:, along].sum(), room[1 - along] / stiff[:, 1 - along].max())
            sizes[~elastic] *= shrink
    if elastic.any():
        room = np.maximum(room - is_along * (sum(gaps) + sizes[~elastic, along].sum()), 0.2)
        needed = np.where(is_along, sizes[elastic].sum(0), sizes[elastic].max(0))
        sizes[elastic] *= (room / needed).min()
    extent = np.where(is_along, sizes.sum(0) + sum(gaps), sizes.max(0))
    corners = (extent - sizes) / 2  # in the middle of the other axis
    starts = np.concatenate([[0], np.cumsum(sizes[:-1, along] + gaps)])
    corners[:, along] = starts if along == 0 else extent[1] - starts - sizes[:, 1]
    if ax is None:
        margin = max(SIDE, (LEAST_WIDTH - extent[0]) / 2)  # the caption needs its line
        below = caption.height(extent[0] + 2 * margin)
        whole = np.add(extent, (2 * margin, below + above))
        corners += (margin, below)
    else:
        corners += ((whole[0] - extent[0]) / 2, below + (whole[1] - below - above - extent[1]) / 2)
    places = [(*(corner / whole), *(size / whole)) for corner, size in zip(corners, sizes, strict=True)]
    if ax is None:
        figure = new_figure(whole)
        return figure, [figure.add_axes(place) for place in places], along
    ax.clear()
    ax.set_axis_off()
    return figure_of(ax), [ax.inset_axes(place) for place in places], along


def figure_of(ax: Axes) -> Figure:
    """The figure that axes stand in."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    return figure


def inches_of(ax: Axes) -> npt.NDArray[np.float64]:
    """Width and height of axes."""
    box = ax.get_position()
    inches: npt.NDArray[np.float64] = np.array([box.width, box.height]) * figure_of(ax).get_size_inches()
    return inches


def new_figure(inches: Sequence[float] | npt.NDArray[np.float64]) -> Figure:
    """A figure made without pyplot, so that nothing is left open."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(float(inches[0]), float(inches[1])), dpi=150)
    FigureCanvasAgg(figure)
    return figure


def show(axis: Axes, image: npt.NDArray[np.float64], title: str, fade: float) -> None:
    """A picture, mixed with white by ``fade`` so that what is drawn over it stands out."""
    axis.imshow(fade + (1 - fade) * image, interpolation="nearest")
    axis.set_title(title, fontsize=9)
    frame(axis)


def frame(axis: Axes) -> None:
    """A thin grey frame without ticks."""
    axis.set_xticks([])
    axis.set_yticks([])
    for side in axis.spines.values():
        side.set_color("#bbbbbb")
        side.set_linewidth(0.6)


def save(figure: Figure, path: str | Path | None) -> None:
    """Write a figure where asked; PDF, SVG or PNG by the name, type as type."""
    if path is None:
        return
    import matplotlib

    path = require_folder(path)
    with matplotlib.rc_context({"svg.fonttype": "none", "pdf.fonttype": 42}):
        figure.savefig(path, dpi=300)
