"""Tables of words: the relevance of every pair of tokens of two texts, and heat maps over the words of one text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bilrp.exceptions import InputError
from bilrp.plotting.arcs import prepared
from bilrp.plotting.captions import certified, doubt_of
from bilrp.plotting.colours import as_array, colour_limit, colours, in_words
from bilrp.plotting.heat import draw_scale
from bilrp.plotting.layout import LEAST_WIDTH, Caption, figure_of, frame, new_figure, save
from bilrp.plotting.pairs import PairRelevance
from bilrp.plotting.sides import WordSide, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CELL, SMALLEST = 0.34, 0.1  # inches along one side of a pair
MOST = 6.5  # inches of a table
WITH_NUMBERS = 0.3  # inches: cells of this size hold their number
SCALE = 0.36


def plot_words(
    joint: PairRelevance,
    left: Sequence[str] | None = None,
    right: Sequence[str] | None = None,
    *,
    cmap: Any = "bwr",
    path: str | Path | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw the relevance of every pair of words of two texts as a table, with the sums over partners at its edges.

    Parameters
    ----------
    joint : JointRelevance
        Of two texts: maps (M, T) and (M, T').
    left, right : sequence of str, optional
        The words, one for each entry. Default: those kept with the result, sub-words merged.
    cmap : str, sequence of str, or matplotlib Colormap
    path : str or Path, optional
        Also write the picture there: PNG, PDF or SVG by its name.
    ax : Axes, optional
        Draw the table there, without sums, scale and caption.

    Returns
    -------
    matplotlib Figure
    """
    if joint.left.dim() != 2 or joint.right.dim() != 2:
        raise InputError(
            f"plot_words: got maps {tuple(joint.left.shape)} and {tuple(joint.right.shape)}, expected (M, T) and (M, "
            f"T'). Images and texts are joined by plot()."
        )
    joint, _, sides = prepared(joint, (left, right), ("", ""))
    rows, columns = (side.words for side in sides if isinstance(side, WordSide))
    table = as_array(joint.matrix())
    limit = colour_limit(table, 1.0)
    cell = float(np.clip(MOST / max(table.shape), SMALLEST, CELL))
    if ax is not None:
        _table(ax, table, (rows, columns), (cmap, limit), cell)
        save(figure_of(ax), path)
        return figure_of(ax)
    font = min(8.0, cell * 72 * 0.62)
    margin = np.array([max(text_width(w, font) for w in rows), max(text_width(w, font) for w in columns)]) + 0.2
    size = np.array(table.shape[::-1]) * cell
    sums = table.sum(1)[:, None], table.sum(0)[None]
    edge = colour_limit(np.concatenate([each.ravel() for each in sums]), 1.0)
    text = (
        f"similarity {joint.similarity:.4g}; relevance of every pair of words; sums at the edges, in a scale up to "
        f"{edge:.2g}{in_words(cmap)}"
    )
    caption = Caption(text, doubt_of(joint), SCALE, certificate=certified(joint))
    inner = margin + size + 0.1 + cell  # the sums stand on the right and below
    width = max(inner[0] + 0.4, 0.75 * LEAST_WIDTH)
    whole = np.array([width, inner[1] + 0.15 + caption.height(width)])
    figure = new_figure(whole)
    corner = np.array([(whole[0] - inner[0]) / 2 + margin[0], whole[1] - margin[1] - size[1]])
    axis = figure.add_axes((*(corner / whole), *(size / whole)))
    _table(axis, table, (rows, columns), (cmap, limit), cell)
    places = corner + np.array([size[0] + 0.1, 0.0]), corner - np.array([0.0, cell + 0.1])
    for values, place in zip(sums, places, strict=True):
        beside = figure.add_axes((*(place / whole), *(np.array(values.shape[::-1]) * cell / whole)))
        _cells(beside, values, (cmap, edge), cell)
    draw_scale(caption.axes_of_scale(figure, (2.0, 0.08)), limit, cmap)
    caption.write(figure)
    save(figure, path)
    return figure


def _table(
    axis: Axes,
    table: npt.NDArray[np.float64],
    words: tuple[Sequence[str], Sequence[str]],
    scale: tuple[Any, float],
    cell: float,
) -> None:
    _cells(axis, table, scale, cell)
    font = min(8.0, cell * 72 * 0.62)
    axis.xaxis.set_ticks_position("top")
    axis.set_yticks(range(len(words[0])), words[0], fontsize=font, parse_math=False)
    axis.set_xticks(range(len(words[1])), words[1], fontsize=font, rotation=90, parse_math=False)
    axis.tick_params(length=0, pad=3)


def _cells(axis: Axes, values: npt.NDArray[np.float64], scale: tuple[Any, float], cell: float) -> None:
    painted = colours(values, *scale)
    axis.imshow(painted, interpolation="nearest", aspect="auto")
    frame(axis)
    if cell < WITH_NUMBERS:
        return
    greatest = float(np.abs(values).max()) or 1.0
    power = int(np.floor(np.log10(greatest)))
    digits = max(0, 2 - power) if power > -4 else 0
    for row, column in np.ndindex(*values.shape):
        value = float(values[row, column])
        if abs(value) < 0.05 * greatest:
            continue  # what rounds to nothing beside the strongest
        dark = float(painted[row, column] @ (0.3, 0.59, 0.11)) < 0.55
        number = f"{value:.{min(digits, 3)}f}" if power > -4 else f"{value:.0e}"
        axis.text(
            column,
            row,
            number.replace("0.", ".", 1) if abs(value) < 1 else number,
            fontsize=5.2,
            ha="center",
            va="center",
            color="white" if dark else "black",
        )
