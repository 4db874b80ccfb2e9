"""Pictures of joint relevance: two images joined by arcs, and what answers to a region. matplotlib, imported inside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
import numpy.typing as npt
from torch import Tensor

from bilrp.exceptions import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FOR, AGAINST = "#c22f2f", "#2f5fc2"
WIDTH, HEIGHT = 8.4, 6.0  # inches: most that the pictures take together
LEAST_WIDTH, SIDE, ABOVE, BELOW = 7.0, 0.2, 0.4, 0.45  # inches
FLAT = 1.6  # pictures wider than this many times their height stand one above the other
MAX_TILES = 64  # along a side: a finer grid has more arcs than a page can show


class PairRelevance(Protocol):
    """What a picture needs of a `bilrp.JointRelevance`, which draws itself by these functions."""

    @property
    def left(self) -> Tensor: ...
    @property
    def right(self) -> Tensor: ...
    @property
    def tile(self) -> int: ...
    @property
    def similarity(self) -> float: ...
    @property
    def bias_share(self) -> float: ...
    def pool(self, size: int) -> Self: ...
    def top_pairs(self, k: int = ..., *, by: str = ...) -> list[tuple[int | float, ...]]: ...
    def given(self, left: Any) -> Tensor: ...


def _picture(image: Tensor | npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """An image as (H, W, 3) between 0 and 1; anything else is stretched to that range."""
    array = image.detach().cpu().numpy() if isinstance(image, Tensor) else np.asarray(image)
    array = array.astype(np.float64)
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


def _coarse(joint: PairRelevance) -> PairRelevance:
    """Pooled until the larger side has at most `MAX_TILES` tiles."""
    largest = max(*joint.left.shape[-2:], *joint.right.shape[-2:])
    return joint if largest <= MAX_TILES else joint.pool(int(-(-largest // MAX_TILES)))


def plot(
    joint: PairRelevance,
    x: Tensor | npt.NDArray[Any],
    y: Tensor | npt.NDArray[Any],
    *,
    k: int = 100,
    path: str | Path | None = None,
    titles: Sequence[str] = ("", ""),
) -> Figure:
    """Draw the two images with an arc for each of the strongest pairs, red for the similarity and blue against it.

    Parameters
    ----------
    joint : JointRelevance
        Of x and y; pool it first to choose the size of the tiles that arcs join. Pooled further when finer than 64
        tiles along a side.
    x, y : Tensor or array of shape (C, H, W), (1, C, H, W) or (H, W)
        The images, in the pixels that were explained.
    k : int
        How many pairs, by falling absolute relevance. The strength of an arc is its relevance as a share of the
        greatest; the caption says what share of the similarity they carry together.
    path : str or Path, optional
        Also write the picture there.
    titles : two str

    Returns
    -------
    matplotlib Figure
        Made without pyplot, so that nothing is left open.
    """
    from matplotlib.patches import ConnectionPatch

    coarse = _coarse(joint)
    pairs = coarse.top_pairs(k, by="magnitude")
    pictures = _picture(x), _picture(y)
    _check_sizes(coarse, pictures)
    figure, axes = _side_by_side(pictures, gap=1.1)
    for axis, picture, title in zip(axes, pictures, titles, strict=True):
        _show(axis, picture, title)
    greatest = abs(float(pairs[0][-1])) if pairs else 1.0
    for row, column, other_row, other_column, relevance in reversed(pairs):  # the strongest on top
        strength = abs(relevance) / greatest
        figure.add_artist(
            ConnectionPatch(
                xyA=((column + 0.5) * coarse.tile - 0.5, (row + 0.5) * coarse.tile - 0.5),
                xyB=((other_column + 0.5) * coarse.tile - 0.5, (other_row + 0.5) * coarse.tile - 0.5),
                coordsA="data",
                coordsB="data",
                axesA=axes[0],
                axesB=axes[1],
                connectionstyle="arc3,rad=-0.12",
                color=FOR if relevance > 0 else AGAINST,
                alpha=0.1 + 0.8 * strength,
                linewidth=0.4 + 1.8 * strength,
            )
        )
    _write_below(figure, _caption(joint, coarse, pairs))
    if path is not None:
        figure.savefig(path)
    return figure


def _caption(joint: PairRelevance, coarse: PairRelevance, pairs: Sequence[tuple[int | float, ...]]) -> str:
    if not pairs:
        return f"similarity {joint.similarity:.4g}: no pair carries relevance"
    shown = sum(float(pair[-1]) for pair in pairs)
    share = f", {shown / joint.similarity:.0%} of the similarity" if joint.similarity else ""
    kept = f"; biases keep {joint.bias_share:.1%}" if abs(joint.bias_share) > 5e-4 else ""
    return (
        f"similarity {joint.similarity:.4g}; the {len(pairs)} strongest pairs of {coarse.tile} px tiles carry "
        f"{shown:.4g}{share}{kept} (red for, blue against)"
    )


def plot_given(
    joint: PairRelevance,
    x: Tensor | npt.NDArray[Any],
    y: Tensor | npt.NDArray[Any],
    region: Any,
    *,
    path: str | Path | None = None,
) -> Figure:
    """Draw a region of the first image and, over the second, what answers to it: red for, blue against.

    Parameters
    ----------
    joint, x, y, path
        As in `plot`.
    region : (x, y, width, height), or an object with these attributes
        In pixels of the first image.

    Returns
    -------
    matplotlib Figure
    """
    from matplotlib.patches import Rectangle

    answer = joint.given(region)
    if answer.dim() != 2:
        raise InputError(f"plot_given: needs maps (M, H, W), got {tuple(joint.right.shape)}; explain without channels")
    pictures = _picture(x), _picture(y)
    _check_sizes(joint, pictures)
    values = answer.detach().cpu().double().numpy()
    figure, axes = _side_by_side(pictures, gap=0.4)
    for axis, picture in zip(axes, pictures, strict=True):
        _show(axis, picture, "")
    corners = region if isinstance(region, Sequence) else (region.x, region.y, region.width, region.height)
    box = [float(v) for v in corners]
    axes[0].add_patch(Rectangle((box[0] - 0.5, box[1] - 0.5), box[2], box[3], fill=False, edgecolor=FOR, linewidth=1.5))
    limit = float(np.abs(values).max()) or 1.0
    height, width = (n * joint.tile for n in values.shape)
    axes[1].imshow(
        np.sign(values),
        cmap=_two_colours(),
        vmin=-1,
        vmax=1,
        alpha=np.clip(np.abs(values) / limit, 0, 1) * 0.85,
        extent=(-0.5, width - 0.5, height - 0.5, -0.5),
        interpolation="nearest",
    )
    for axis, picture in zip(axes, pictures, strict=True):
        axis.set_xlim(-0.5, picture.shape[1] - 0.5)
        axis.set_ylim(picture.shape[0] - 0.5, -0.5)
    share = f", {values.sum() / joint.similarity:.1%} of the similarity" if joint.similarity else ""
    caption = f"the region and what answers to it carry {values.sum():.4g}{share} (red for, blue against)"
    _write_below(figure, caption)
    if path is not None:
        figure.savefig(path)
    return figure


def _side_by_side(pictures: Sequence[npt.NDArray[np.float64]], gap: float) -> tuple[Figure, list[Axes]]:
    """A figure as large as its two pictures need, at one scale: side by side, flat ones one above the other."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    sizes = np.array([picture.shape[1::-1] for picture in pictures], dtype=float)  # widths and heights
    along = int(sizes[:, 0].min() > FLAT * sizes[:, 1].max())  # the axis on which they follow each other: 0 is x
    room = np.array([WIDTH, HEIGHT])
    room[along] -= gap
    needed = np.where(np.arange(2) == along, sizes.sum(0), sizes.max(0))
    sizes *= (room / needed).min()
    extent = np.where(np.arange(2) == along, sizes.sum(0) + gap, sizes.max(0))
    margin = max(SIDE, (LEAST_WIDTH - extent[0]) / 2)  # the caption needs its line
    whole = np.add(extent, (2 * margin, BELOW + ABOVE))
    figure = Figure(figsize=tuple(whole), dpi=150)
    FigureCanvasAgg(figure)
    corners = (extent - sizes) / 2  # in the middle of the other axis
    corners[:, along] = (0, extent[0] - sizes[1, 0]) if along == 0 else (extent[1] - sizes[0, 1], 0)
    axes = [
        figure.add_axes((*(np.add(corner, (margin, BELOW)) / whole), *(size / whole)))
        for corner, size in zip(corners, sizes, strict=True)
    ]
    return figure, axes


def _write_below(figure: Figure, caption: str) -> None:
    place = 0.5 * BELOW / figure.get_figheight()
    figure.text(0.5, place, caption, ha="center", va="center", fontsize=7.5, color="#444444")


def _two_colours() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("for and against", [AGAINST, "white", FOR])


def _show(axis: Axes, picture: npt.NDArray[np.float64], title: str) -> None:
    axis.imshow(1 - 0.65 * (1 - picture), interpolation="nearest")  # paler, so that what is drawn over it stands out
    axis.set_title(title, fontsize=9)
    axis.set_xticks([])
    axis.set_yticks([])
    for side in axis.spines.values():
        side.set_color("#bbbbbb")


def _check_sizes(joint: PairRelevance, pictures: Sequence[npt.NDArray[np.float64]]) -> None:
    for side, factor, picture in zip(("first", "second"), (joint.left, joint.right), pictures, strict=True):
        if factor.dim() != 3:
            raise InputError(f"plot: needs maps (M, H, W), got {tuple(factor.shape)}; explain without channels")
        tiles = tuple(-(-n // joint.tile) for n in picture.shape[:2])
        if tiles != tuple(factor.shape[1:]):
            raise InputError(
                f"plot: the {side} image is {picture.shape[0]} x {picture.shape[1]} px, which does not fit a map of "
                f"{tuple(factor.shape[1:])} tiles of {joint.tile} px. Give the images that were explained."
            )
