"""The picture of pixel relevance: two working pages, their ink in the colour of what it brings."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOR, AGAINST = (0.70, 0.09, 0.10), (0.13, 0.30, 0.67)
PAGE_HEIGHT = 8.0
STRONGEST = 99.8
"""Percentile of relevance that gets the full colour: a few pixels would leave the rest pale."""


def draw_ink(
    inks: Sequence[NDArray[np.floating]],
    relevances: Sequence[NDArray[np.floating]],
    words: tuple[str, str],
    path: str | Path | None,
) -> Figure:
    """Draw pages side by side.

    Parameters
    ----------
    inks : sequence of arrays of shape (H, W)
        0 bare paper, 1 full ink.
    relevances : sequence of arrays of the same shapes
        Red where above zero, blue where below; each page has its own scale.
    words : (str, str)
        Head and caption.
    path : str or Path, optional
        Where to write the picture.
    """
    from matplotlib.figure import Figure

    widths = [PAGE_HEIGHT * ink.shape[1] / ink.shape[0] for ink in inks]
    margin, gap, top, bottom = 0.35, 0.35, 0.75, 0.75
    size = (sum(widths) + gap * (len(inks) - 1) + 2 * margin, PAGE_HEIGHT + top + bottom)
    figure = Figure(figsize=size, facecolor="white")
    left = margin
    for ink, relevance, width in zip(inks, relevances, widths, strict=True):
        place = (left / size[0], bottom / size[1], width / size[0], PAGE_HEIGHT / size[1])
        axes = figure.add_axes(place)
        axes.imshow(coloured(ink, relevance), interpolation="antialiased")
        axes.set(xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set(color="#8a8178", linewidth=0.6)
        left += width + gap
    figure.text(margin / size[0], 1 - 0.48 / size[1], words[0], family="serif", size=15, weight="bold")
    letters = int((size[0] - 2 * margin) * 72 / (0.5 * 9.5))
    for line, text in enumerate(textwrap.wrap(words[1], letters)):
        place_y = (bottom - 0.32 - 0.2 * line) / size[1]
        figure.text(margin / size[0], place_y, text, family="serif", size=9.5, color="#57504a")
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure


def coloured(ink: NDArray[np.floating], relevance: NDArray[np.floating]) -> NDArray[np.float64]:
    """Faint ink under the colours of its relevance: (H, W, 3) between 0 and 1."""
    page = np.repeat(1 - 0.28 * np.asarray(ink, np.float64)[..., None], 3, axis=-1)
    strength = np.abs(np.asarray(relevance, np.float64))
    limit = float(np.percentile(strength[strength > 0], STRONGEST)) if (strength > 0).any() else 1.0
    opacity = np.sqrt(np.clip(strength / limit, 0, 1))[..., None]
    colour = np.where(np.asarray(relevance)[..., None] >= 0, FOR, AGAINST)
    return np.asarray(page * (1 - opacity) + colour * opacity, dtype=np.float64)
