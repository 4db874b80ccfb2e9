"""Two images joined by arcs: which tile of one answers to which of the other [Eberle2022]_."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from bilrp.exceptions import InputError
from bilrp.plotting.captions import certified, doubt_of
from bilrp.plotting.colours import AGAINST, CLIP, FOR, as_array, colour_limit
from bilrp.plotting.heat import draw_scale, overlay
from bilrp.plotting.layout import GREY, Caption, frame, in_a_line, picture, save, show
from bilrp.plotting.pairs import Pair, PairRelevance, bundles, one_to_one, strongest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_TILES = 64  # along a side: a finer grid has more arcs than a page can show
ARCS = ("all", "bundled", "one-to-one")
OUTLINED = 12  # pairs whose tiles are drawn; more would hide the pictures
SCALE = 0.3  # inches


@dataclass(frozen=True)
class ArcStyle:
    """How arcs and pictures are drawn.

    Parameters
    ----------
    width : float
        Points: the width of the strongest arc. Others are narrower with the root of their strength.
    alpha : float
        Opacity of the strongest arc, 0 to 1.
    colours : two str
        For the similarity, and against it.
    fade : float
        How much white is mixed into the pictures, 0 (none) to 1.
    dots : float
        Points: the diameter of the dots at the ends of the strongest arc; 0 for none.
    outlines : bool
        Draw the tiles that the strongest arcs join.
    cmap : str, sequence of str, or matplotlib Colormap
        Of the marginals.
    """

    width: float = 2.0
    alpha: float = 0.9
    colours: tuple[str, str] = (FOR, AGAINST)
    fade: float = 0.2
    dots: float = 4.0
    outlines: bool = True
    cmap: Any = "bwr"


def plot(
    joint: PairRelevance,
    x: Tensor | npt.NDArray[Any],
    y: Tensor | npt.NDArray[Any],
    *,
    k: int = 100,
    path: str | Path | None = None,
    titles: Sequence[str] = ("", ""),
    arcs: str = "all",
    marginals: bool = False,
    style: ArcStyle | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw the two images with an arc for each of the strongest pairs, red for the similarity and blue against it.

    Parameters
    ----------
    joint : JointRelevance
        Of x and y; pool it first to choose the size of the tiles that arcs join. Pooled further when finer than 64
        tiles along a side.
    x, y : Tensor or array of shape (C, H, W), (1, C, H, W) or (H, W)
        The images, in the pixels that were explained; they may be of different sizes.
    k : int
        How many pairs, by falling absolute relevance. The strength of an arc is its relevance as a share of the
        greatest; the caption says what share of the similarity they carry together.
    path : str or Path, optional
        Also write the picture there: PNG, PDF or SVG by its name.
    titles : two str
    arcs : {"all", "bundled", "one-to-one"}
        ``"all"``: each of the k pairs as an arc of its own. ``"bundled"``: arcs between the same parts of the pictures
        run together between the pictures. ``"one-to-one"``: the strongest pair, then the strongest of what is left
        when its two tiles are taken out, and so on: every tile stands in one pair at most.
    marginals : bool
        Beside each picture a heat map of the relevance of its tiles, summed over all partners.
    style : ArcStyle, optional
    ax : Axes, optional
        Draw inside these instead of in a figure of its own.

    Returns
    -------
    matplotlib Figure
        Made without pyplot, so that nothing is left open.
    """
    if arcs not in ARCS:
        raise InputError(f"plot: arcs is {arcs!r}, expected one of {', '.join(ARCS)}")
    style = style or ArcStyle()
    coarse = pooled(joint, MAX_TILES)
    pictures = picture(x), picture(y)
    check_sizes(coarse, pictures)
    pairs = one_to_one(coarse, k) if arcs == "one-to-one" else strongest(coarse, k)
    caption = Caption(_text(joint, coarse, pairs, arcs), doubt_of(joint), SCALE if pairs else 0.0)
    shown = [pictures[0], *pictures, pictures[1]] if marginals else list(pictures)
    gaps = [0.1, 1.1, 0.1] if marginals else [1.1]
    figure, axes, along = in_a_line([each.shape[1::-1] for each in shown], gaps, caption, ax)
    between = axes[1:3] if marginals else axes
    for axis, image, title in zip(between, pictures, titles, strict=True):
        show(axis, image, title, style.fade)
    if marginals:
        _draw_marginals(coarse, pictures, (axes[0], axes[3]), style.cmap)
    grids = coarse.left.shape[1:], coarse.right.shape[1:]
    trunks = bundles(pairs, grids) if arcs == "bundled" else [None] * len(pairs)
    _draw_pairs(_Canvas(figure, between, pictures, coarse.tile, style), pairs, trunks, along)
    if pairs:
        draw_strengths(caption.axes_of_scale(figure, (3.8, 0.16), ax), pairs, style)
    caption.write(figure, ax)
    save(figure, path)
    return figure


def pooled(joint: PairRelevance, most: int) -> PairRelevance:
    """Pooled until the larger side has at most ``most`` tiles."""
    for factor in (joint.left, joint.right):
        if factor.dim() != 3:
            raise InputError(f"plot: needs maps (M, H, W), got {tuple(factor.shape)}; explain without channels")
    largest = max(*joint.left.shape[-2:], *joint.right.shape[-2:])
    return joint if largest <= most else joint.pool(int(-(-largest // most)))


def check_sizes(joint: PairRelevance, pictures: Sequence[npt.NDArray[np.float64]]) -> None:
    """Whether the pictures are those that were explained, as far as their sizes tell."""
    for side, factor, image in zip(("first", "second"), (joint.left, joint.right), pictures, strict=True):
        if factor.dim() != 3:
            raise InputError(f"plot: needs maps (M, H, W), got {tuple(factor.shape)}; explain without channels")
        tiles = tuple(-(-n // joint.tile) for n in image.shape[:2])
        if tiles != tuple(factor.shape[1:]):
            raise InputError(
                f"plot: the {side} image is {image.shape[0]} x {image.shape[1]} px, which does not fit a map of "
                f"{tuple(factor.shape[1:])} tiles of {joint.tile} px. Give the images that were explained."
            )


def _text(joint: PairRelevance, coarse: PairRelevance, pairs: Sequence[Pair], arcs: str) -> str:
    if not pairs:
        return f"similarity {joint.similarity:.4g}: no pair carries relevance"
    shown = sum(pair.relevance for pair in pairs)
    share = f", {shown / joint.similarity:.1%} of the similarity" if joint.similarity else ""
    kept = f"; biases keep {joint.bias_share:.1%}" if abs(joint.bias_share) > 5e-4 else ""
    which = "each tile in one pair at most" if arcs == "one-to-one" else "red for, blue against"
    return (
        f"similarity {joint.similarity:.4g}; the {len(pairs)} strongest pairs of {coarse.tile} px tiles carry "
        f"{shown:.4g}{share}{kept}{certified(joint)} ({which})"
    )


@dataclass(frozen=True)
class _Canvas:
    """Two pictures in their axes, and how arcs between their tiles are drawn."""

    figure: Figure
    axes: Sequence[Axes]
    pictures: Sequence[npt.NDArray[np.float64]]
    tile: int
    style: ArcStyle

    def corners(self, side: int, place: tuple[int, ...]) -> npt.NDArray[np.float64]:
        """Left, top, right, bottom of the part of a tile that lies in the picture, in pixels."""
        row, column = place
        height, width, _ = self.pictures[side].shape
        far = min((column + 1) * self.tile, width), min((row + 1) * self.tile, height)
        return np.array([column * self.tile, row * self.tile, *far]) - 0.5

    def outline(self, side: int, place: tuple[int, ...], colour: str) -> None:
        from matplotlib.patches import Rectangle
        from matplotlib.patheffects import Normal, Stroke

        left, top, right, bottom = self.corners(side, place)
        casing = [Stroke(linewidth=1.6, foreground="white", alpha=0.5), Normal()]
        self.axes[side].add_patch(
            Rectangle(
                (left, top),
                right - left,
                bottom - top,
                fill=False,
                edgecolor=colour,
                linewidth=0.8,
                path_effects=casing,
            )
        )

    def join(self, pair: Pair, strength: float, curve: Any) -> None:
        from matplotlib.patches import ConnectionPatch

        style, colour = self.style, self.style.colours[pair.relevance < 0]
        ends = [self.corners(side, place).reshape(2, 2).mean(0) for side, place in enumerate((pair.first, pair.second))]
        self.figure.add_artist(
            ConnectionPatch(
                xyA=tuple(ends[0]),
                xyB=tuple(ends[1]),
                coordsA="data",
                coordsB="data",
                axesA=self.axes[0],
                axesB=self.axes[1],
                connectionstyle=curve,
                color=colour,
                alpha=opacity(style, strength),
                linewidth=line_width(style, strength),
                capstyle="round",
            )
        )
        if style.dots:
            for axis, end in zip(self.axes, ends, strict=True):
                axis.plot(
                    *end,
                    "o",
                    color=colour,
                    markersize=style.dots * max(strength**0.5, 0.3),
                    markeredgecolor="white",
                    markeredgewidth=0.4,
                    alpha=0.3 + 0.7 * strength,
                    zorder=3 + strength,
                )


def line_width(style: ArcStyle, strength: float) -> float:
    """Points, for a share of the strongest pair."""
    return style.width * float(max(strength**0.5, 0.15))


def opacity(style: ArcStyle, strength: float) -> float:
    """From 0 to 1, for a share of the strongest pair."""
    return style.alpha * (0.12 + 0.88 * strength)


def _draw_pairs(canvas: _Canvas, pairs: Sequence[Pair], trunks: Sequence[Any], along: int) -> None:
    greatest = abs(pairs[0].relevance) if pairs else 1.0
    if canvas.style.outlines and canvas.tile > 1:
        for pair in reversed(pairs[:OUTLINED]):
            for side, place in enumerate((pair.first, pair.second)):
                canvas.outline(side, place, canvas.style.colours[pair.relevance < 0])
    for pair, trunk in reversed(list(zip(pairs, trunks, strict=True))):  # the strongest on top
        curve = "arc3,rad=-0.12" if trunk is None else _Trunk(canvas.axes, trunk, canvas.tile, along)
        canvas.join(pair, abs(pair.relevance) / greatest, curve)


class _Trunk:
    """The way of an arc of a bundle: from its end into the trunk between the pictures, along it, and out again.

    A connection style of matplotlib: called with both ends in display coordinates.
    """

    def __init__(self, axes: Sequence[Axes], middles: Sequence[npt.NDArray[np.float64]], tile: int, along: int) -> None:
        self.axes, self.middles, self.tile, self.along = axes, middles, tile, along

    def __call__(self, start: Any, stop: Any, **_: Any) -> Any:
        from matplotlib.path import Path as Curve

        boxes = [axis.get_window_extent() for axis in self.axes]
        ends = [
            axis.transData.transform((middle[::-1] + 0.5) * self.tile - 0.5)
            for axis, middle in zip(self.axes, self.middles, strict=True)
        ]
        if self.along == 0:
            limits = boxes[0].x1, boxes[1].x0
        else:
            limits = boxes[0].y0, boxes[1].y1
        trunk = []
        for limit, share in zip(limits, (0.3, 0.7), strict=True):  # nearer to each other than the bundle's ends
            point = (1 - share) * ends[0] + share * ends[1]
            point[self.along] = limit + (0.25 - 0.5 * (share > 0.5)) * (limits[1] - limits[0])
            trunk.append(point)
        way = trunk[1] - trunk[0]
        step = np.array([way[0], 0.0]) if self.along == 0 else np.array([0.0, way[1]])
        out = [np.asarray(start), np.asarray(stop)]
        pull = [0.5 * abs(t - o)[self.along] * np.sign(step) for t, o in zip(trunk, out, strict=True)]
        vertices = [
            *(out[0], out[0] + 0.4 * pull[0], trunk[0] - 0.6 * pull[0], trunk[0]),
            *(trunk[0] + step / 2, trunk[1] - step / 2, trunk[1]),
            *(trunk[1] + 0.6 * pull[1], out[1] - 0.4 * pull[1], out[1]),
        ]
        return Curve(vertices, [Curve.MOVETO, *[Curve.CURVE4] * 9])


def _draw_marginals(
    coarse: PairRelevance, pictures: Sequence[npt.NDArray[np.float64]], axes: Sequence[Axes], cmap: Any
) -> None:
    maps = [as_array(coarse.left_marginal()), as_array(coarse.right_marginal())]
    limit = colour_limit(np.concatenate([each.ravel() for each in maps]), CLIP)
    for axis, values, image in zip(axes, maps, pictures, strict=True):
        overlay(axis, values, image, cmap, limit)
        frame(axis)
        axis.set_title("summed over partners", fontsize=7.5, color=GREY)


def draw_strengths(axis: Axes, pairs: Sequence[Pair], style: ArcStyle) -> None:
    """Three sample arcs with their relevance: the scale of the widths."""
    axis.set_axis_off()
    axis.set_xlim(0, 3.8)
    axis.set_ylim(0, 1)
    greatest = abs(pairs[0].relevance)
    least = abs(pairs[-1].relevance) / greatest
    colour = style.colours[pairs[0].relevance < 0]
    axis.text(0, 0.5, "relevance", fontsize=7, va="center", color=GREY)
    for n, strength in enumerate((1.0, (1 + least) / 2, least) if len(pairs) > 1 else (1.0,)):
        start = 0.7 + 1.05 * n
        axis.plot(
            [start, start + 0.35],
            [0.5, 0.5],
            color=colour,
            linewidth=line_width(style, strength),
            alpha=opacity(style, strength),
            solid_capstyle="round",
        )
        axis.text(start + 0.42, 0.5, f"{strength * greatest:.2g}", fontsize=7, va="center", color=GREY)


def plot_given(
    joint: PairRelevance,
    x: Tensor | npt.NDArray[Any],
    y: Tensor | npt.NDArray[Any],
    region: Any,
    *,
    path: str | Path | None = None,
    cmap: Any = "bwr",
    ax: Axes | None = None,
) -> Figure:
    """Draw a region of the first image and, over the second, what answers to it: red for, blue against.

    Parameters
    ----------
    joint, x, y, path, ax
        As in `plot`.
    region : (x, y, width, height), or an object with these attributes
        In pixels of the first image.
    cmap : str, sequence of str, or matplotlib Colormap

    Returns
    -------
    matplotlib Figure
    """
    from matplotlib.patches import Rectangle

    answer = joint.given(region)
    if answer.dim() != 2:
        raise InputError(f"plot_given: needs maps (M, H, W), got {tuple(joint.right.shape)}; explain without channels")
    pictures = picture(x), picture(y)
    check_sizes(joint, pictures)
    values = as_array(answer)
    share = f", {values.sum() / joint.similarity:.1%} of the similarity" if joint.similarity else ""
    text = f"the region and what answers to it carry {values.sum():.4g}{share} (red for, blue against)"
    caption = Caption(text, doubt_of(joint), SCALE)
    limit = colour_limit(values, 1.0)
    figure, axes, _ = in_a_line([each.shape[1::-1] for each in pictures], [0.4], caption, ax)
    show(axes[0], pictures[0], "", 0.0)
    corners = region if isinstance(region, Sequence) else (region.x, region.y, region.width, region.height)
    box = [float(v) for v in corners]
    axes[0].add_patch(Rectangle((box[0] - 0.5, box[1] - 0.5), box[2], box[3], fill=False, edgecolor=FOR, linewidth=1.5))
    overlay(axes[1], values, pictures[1], cmap, limit)
    frame(axes[1])
    axes[0].set_xlim(-0.5, pictures[0].shape[1] - 0.5)
    axes[0].set_ylim(pictures[0].shape[0] - 0.5, -0.5)
    draw_scale(caption.axes_of_scale(figure, (2.0, 0.08), ax), limit, cmap)
    caption.write(figure, ax)
    save(figure, path)
    return figure
