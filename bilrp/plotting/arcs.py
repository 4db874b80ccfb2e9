"""Two images or texts joined by arcs: which part of one answers to which of the other [Eberle2022]_."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from bilrp.exceptions import InputError
from bilrp.plotting.captions import certified, doubt_of
from bilrp.plotting.colours import AGAINST, CLIP, FOR, as_array, colour_limit, in_words
from bilrp.plotting.heat import overlay
from bilrp.plotting.layout import GREY, WIDTH, Caption, frame, in_a_line, inches_of, picture, save
from bilrp.plotting.pairs import Pair, PairRelevance, bundles, one_to_one, strongest
from bilrp.plotting.sides import ArcStyle, PictureSide, Side, WordSide

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_TILES = 64  # along a side: a finer grid has more arcs than a page can show
ARCS = ("all", "bundled", "one-to-one")
OUTLINED = 12  # pairs whose tiles are drawn; more would hide the pictures
SCALE = 0.26  # inches


def plot(
    joint: PairRelevance,
    x: Tensor | npt.NDArray[Any] | Sequence[str] | None = None,
    y: Tensor | npt.NDArray[Any] | Sequence[str] | None = None,
    *,
    k: int = 100,
    path: str | Path | None = None,
    titles: Sequence[str] = ("", ""),
    arcs: str = "all",
    marginals: bool = False,
    style: ArcStyle | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw two images or texts with an arc for each of the strongest pairs, red for the similarity and blue against it.

    Parameters
    ----------
    joint : JointRelevance
        Of x and y; pool it first to choose the size of the tiles that arcs join. Pooled further when finer than 64
        tiles along a side.
    x, y : Tensor or array of shape (C, H, W), (1, C, H, W) or (H, W), or sequence of str
        The images, in the pixels that were explained; they may be of different sizes. For a side of tokens its words;
        left out, those that were kept with the result, sub-words merged. Words of two texts stand in lines; those of
        long texts, and beside images, in columns. Their background is their relevance, summed over all partners.
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
    joint, coarse, sides = prepared(joint, (x, y), titles)
    pairs = one_to_one(coarse, k) if arcs == "one-to-one" else strongest(coarse, k)
    text, titled = _text(joint, sides, pairs, arcs, style), marginals or any(titles)
    caption = Caption(text, doubt_of(joint), SCALE if pairs else 0.0, titled, certified(joint))
    figure, along, beside = _place(sides, caption, marginals, style, ax)
    _draw_marginals(coarse, sides, beside, style.cmap, along)
    trunks = bundles(pairs, (coarse.left.shape[1:], coarse.right.shape[1:])) if arcs == "bundled" else []
    _draw_pairs(figure, sides, pairs, style, _curves(sides, len(pairs), trunks, along))
    if pairs:
        draw_strengths(caption.axes_of_scale(figure, (3.8, 0.16), ax), pairs, style)
    caption.write(figure, ax)
    save(figure, path)
    return figure


def prepared(
    joint: PairRelevance, inputs: tuple[Any, Any], titles: Sequence[str], most: int = MAX_TILES
) -> tuple[PairRelevance, PairRelevance, tuple[Side, Side]]:
    """The result with sub-words merged where its own tokens are drawn, the same with tiles pooled, and both sides.

    Parameters
    ----------
    most : int
        Tiles along the longer side of a picture.
    """
    tokens = [
        given is None and known is not None
        for given, known in zip(inputs, (joint.left_tokens, joint.right_tokens), strict=True)
    ]
    if any(tokens) and all(inputs[i] is None or maps.dim() > 2 for i, maps in enumerate((joint.left, joint.right))):
        joint = joint.words()
    grids = [factor.shape[-2:] for factor in (joint.left, joint.right) if factor.dim() > 2]
    largest = max((n for grid in grids for n in grid), default=0)
    coarse = joint if largest <= most else joint.pool(int(-(-largest // most)))
    return joint, coarse, sides_of(coarse, inputs, titles)


def sides_of(joint: PairRelevance, inputs: Sequence[Any], titles: Sequence[str]) -> tuple[Side, Side]:
    """What stands on the left and on the right: images, or words where maps are of tokens."""
    maps, tokens = (joint.left, joint.right), (joint.left_tokens, joint.right_tokens)
    marginals = [as_array(joint.left_marginal()), as_array(joint.right_marginal())]
    texts = [marginal for marginal in marginals if marginal.ndim == 1]
    limit = colour_limit(np.concatenate(texts), 1.0) if texts else 1.0
    sides: list[Side] = []
    for i, (given, which) in enumerate(zip(inputs, ("first", "second"), strict=True)):
        shape = tuple(maps[i].shape)
        if len(shape) == 2:
            words = tokens[i] if given is None else given
            if words is None or isinstance(words, (str, Tensor, np.ndarray)):
                raise InputError(
                    f"plot: maps of the {which} input have shape {shape}; give its tokens as a list of str, or to "
                    f"explain(..., tokens=(left, right))"
                )
            side: Side = WordSide([str(word) for word in words], marginals[i], limit, ("right", "left")[i], titles[i])
        elif given is None:
            raise InputError(f"plot: maps of the {which} input have shape {shape}; give its image")
        else:
            side = PictureSide(picture(given), joint.tiles[i], titles[i])
        side.check(shape[1:], which)
        sides.append(side)
    left, right = sides
    if isinstance(left, WordSide) and isinstance(right, WordSide):
        lines = replace(left, faces="down"), replace(right, faces="up")
        if max(line.size[0] for line in lines) <= WIDTH:
            return lines
    return left, right


def _place(
    sides: tuple[Side, Side], caption: Caption, marginals: bool, style: ArcStyle, ax: Axes | None
) -> tuple[Figure, int, dict[int, Axes]]:
    """Draw both sides; returns whether they stand one above the other, and axes for their marginals beside them."""
    outer = [i for i, side in enumerate(sides) if marginals and isinstance(side, PictureSide)]
    order = [*(i for i in outer if i == 0), 0, 1, *(i for i in outer if i == 1)]
    gaps = [0.1 if a == b else 1.1 for a, b in pairwise(order)]
    shown = [sides[i] for i in order]
    lines = [isinstance(side, WordSide) and side.in_line for side in sides]
    direction = None if all(side.scales for side in sides) else int(all(lines))
    figure, axes, along = in_a_line(
        [side.size for side in shown], gaps, caption, ax, along=direction, scales=[side.scales for side in shown]
    )
    first = int(0 in outer)
    for side, axis in zip(sides, axes[first : first + 2], strict=True):
        side.draw(axis, style)
    return figure, along, {i: axes[0 if i == 0 else -1] for i in outer}


def _text(joint: PairRelevance, sides: Sequence[Side], pairs: Sequence[Pair], arcs: str, style: ArcStyle) -> str:
    if not pairs:
        return f"similarity {joint.similarity:.4g}: no pair carries relevance"
    shown = sum(pair.relevance for pair in pairs)
    share = f", {shown / joint.similarity:.1%} of the similarity" if joint.similarity else ""
    names = dict.fromkeys(f"{side.tile} px tiles" if isinstance(side, PictureSide) else "words" for side in sides)
    which = "; each of them in one pair at most" if arcs == "one-to-one" else ""
    hues = in_words("bwr") if style.colours == (FOR, AGAINST) else ""
    return (
        f"similarity {joint.similarity:.4g}; the {len(pairs)} strongest pairs of {' and '.join(names)} "
        f"carry {shown:.4g}{share}{which}{hues}"
    )


def _curves(sides: Sequence[Side], n: int, trunks: Sequence[Any], along: int) -> list[Any]:
    if trunks:
        return [_Trunk(sides, trunk, along) for trunk in trunks]
    both_pictures = all(isinstance(side, PictureSide) for side in sides)
    return ["arc3,rad=-0.12" if both_pictures else _Smooth(along)] * n


def _draw_pairs(
    figure: Figure, sides: Sequence[Side], pairs: Sequence[Pair], style: ArcStyle, curves: Sequence[Any]
) -> None:
    from matplotlib.patches import ConnectionPatch

    greatest = abs(pairs[0].relevance) if pairs else 1.0
    if style.outlines:
        for pair in reversed(pairs[:OUTLINED]):
            for side, place in zip(sides, (pair.first, pair.second), strict=True):
                side.outline(place, style.colours[pair.relevance < 0])
    for pair, curve in reversed(list(zip(pairs, curves, strict=True))):  # the strongest on top
        strength, colour = abs(pair.relevance) / greatest, style.colours[pair.relevance < 0]
        ends = [side.end(place) for side, place in zip(sides, (pair.first, pair.second), strict=True)]
        figure.add_artist(
            ConnectionPatch(
                xyA=tuple(ends[0]),
                xyB=tuple(ends[1]),
                coordsA="data",
                coordsB="data",
                axesA=sides[0].axis,
                axesB=sides[1].axis,
                connectionstyle=curve,
                color=colour,
                alpha=style.opacity(strength),
                linewidth=style.line_width(strength),
                capstyle="round",
            )
        )
        if style.dots:
            for side, end in zip(sides, ends, strict=True):
                if isinstance(side, PictureSide):
                    _dot(side.axis, end, strength, colour, style.dots)


def _dot(axis: Axes, end: npt.NDArray[np.float64], strength: float, colour: str, size: float) -> None:
    axis.plot(
        *end,
        "o",
        color=colour,
        markersize=size * max(strength**0.5, 0.3),
        markeredgecolor="white",
        markeredgewidth=0.4,
        alpha=0.3 + 0.7 * strength,
        zorder=3 + strength,
    )


class _Smooth:
    """A curve that leaves and reaches its ends along one axis: a connection style of matplotlib."""

    def __init__(self, along: int) -> None:
        self.along = along

    def __call__(self, start: Any, stop: Any, **_: Any) -> Any:
        from matplotlib.path import Path as Curve

        start, stop = np.asarray(start), np.asarray(stop)
        step = (stop - start) * (np.arange(2) == self.along) / 2
        return Curve([start, start + step, stop - step, stop], [Curve.MOVETO, *[Curve.CURVE4] * 3])


class _Trunk:
    """The way of an arc of a bundle: from its end into the trunk between the pictures, along it, and out again."""

    def __init__(self, sides: Sequence[Side], middles: Sequence[npt.NDArray[np.float64]], along: int) -> None:
        self.sides, self.middles, self.along = sides, middles, along

    def __call__(self, start: Any, stop: Any, **_: Any) -> Any:
        from matplotlib.path import Path as Curve

        boxes = [side.axis.get_window_extent() for side in self.sides]
        ends = [
            side.axis.transData.transform(side.end(middle))
            for side, middle in zip(self.sides, self.middles, strict=True)
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
    coarse: PairRelevance, sides: Sequence[Side], axes: Mapping[int, Axes], cmap: Any, along: int
) -> None:
    maps = {i: as_array(coarse.right_marginal() if i else coarse.left_marginal()) for i in axes}
    limit = colour_limit(np.concatenate([each.ravel() for each in maps.values()]), CLIP) if maps else 1.0
    for i, axis in axes.items():
        side = sides[i]
        assert isinstance(side, PictureSide)
        overlay(axis, maps[i], side.image, cmap, limit)
        frame(axis)
        if along == 0:
            axis.set_title("summed over partners", fontsize=7.5, color=GREY)
        else:
            axis.set_ylabel("summed", fontsize=7, color=GREY, labelpad=2)


def draw_strengths(axis: Axes, pairs: Sequence[Pair], style: ArcStyle) -> None:
    """Up to three sample arcs with their relevance: the scale of the widths."""
    width = inches_of(axis)[0]
    axis.set_axis_off()
    axis.set_xlim(0, width)
    axis.set_ylim(0, 1)
    values = [pair.relevance for pair in pairs]
    greatest = abs(values[0])
    middle = (greatest + abs(values[-1])) / 2 * np.sign(values[0])
    other = next((value for value in values if value * values[0] < 0), values[-1])  # the strongest of the other sign
    samples = [values[0], middle, other] if len(pairs) > 1 else values
    axis.text(0, 0.5, "relevance", fontsize=7, va="center", color=GREY)
    for n, value in enumerate(samples[: max(1, int((width - 0.6) // 1.0))]):
        strength, colour = abs(value) / greatest, style.colours[bool(value < 0)]
        start = 0.7 + 1.05 * n
        axis.plot(
            [start, start + 0.35],
            [0.5, 0.5],
            color=colour,
            linewidth=style.line_width(strength),
            alpha=style.opacity(strength),
            solid_capstyle="round",
        )
        axis.text(start + 0.42, 0.5, f"{value:.2g}", fontsize=7, va="center", color=GREY)
