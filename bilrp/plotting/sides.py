"""The two sides that arcs join: a picture with its tiles, or the words of a text, in a line or in a column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bilrp.exceptions import InputError
from bilrp.plotting.colours import AGAINST, FOR, colours, pale
from bilrp.plotting.layout import inches_of, show

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_WORDS = 100
ROW, LONGEST = 0.19, 7.5  # inches: a row of a column of words, and most that a column may take
FONT = 8.5  # points
BLANK = 0.1  # inches between words, and beside them


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
        Of the marginals, and behind words.
    """

    width: float = 2.0
    alpha: float = 0.9
    colours: tuple[str, str] = (FOR, AGAINST)
    fade: float = 0.2
    dots: float = 4.0
    outlines: bool = True
    cmap: Any = "bwr"

    def line_width(self, strength: float) -> float:
        """Points, for a share of the strongest pair."""
        return self.width * float(max(strength**0.5, 0.15))

    def opacity(self, strength: float) -> float:
        """From 0 to 1, for a share of the strongest pair."""
        return self.alpha * (0.12 + 0.88 * strength)


@dataclass
class PictureSide:
    """A picture whose tiles are joined.

    Parameters
    ----------
    image : array of shape (H, W, 3)
    tile : int
        Pixels along one side of a tile.
    title : str
    """

    image: npt.NDArray[np.float64]
    tile: int
    title: str = ""
    axis: Axes = field(init=False, repr=False)

    scales = True

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in pixels."""
        return self.image.shape[1], self.image.shape[0]

    def check(self, shape: Sequence[int], which: str) -> None:
        """Whether the picture is the one that was explained, as far as its size tells."""
        if len(shape) != 2:
            raise InputError(f"plot: needs maps (M, H, W), got {(..., *shape)}; explain without channels")
        if tuple(-(-n // self.tile) for n in self.image.shape[:2]) != tuple(shape):
            raise InputError(
                f"plot: the {which} image is {self.image.shape[0]} x {self.image.shape[1]} px, which does not fit a "
                f"map of {tuple(shape)} tiles of {self.tile} px. Give the images that were explained."
            )

    def draw(self, axis: Axes, style: ArcStyle) -> None:
        self.axis = axis
        show(axis, self.image, self.title, style.fade)

    def end(self, place: Sequence[float] | npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The middle of a tile in pixels, of its part inside the picture."""
        near = np.array([place[1], place[0]], dtype=float) * self.tile
        middle: npt.NDArray[np.float64] = (near + np.minimum(near + self.tile, self.size)) / 2 - 0.5
        return middle

    def outline(self, place: Sequence[float], colour: str) -> None:
        """The frame of a tile, cased in white so that it is seen on any ground."""
        from matplotlib.patches import Rectangle
        from matplotlib.patheffects import Normal, Stroke

        if self.tile == 1:
            return
        corner = np.array([place[1], place[0]]) * self.tile - 0.5
        width, height = 2 * (self.end(place) - corner)
        casing = [Stroke(linewidth=1.6, foreground="white", alpha=0.5), Normal()]
        self.axis.add_patch(
            Rectangle(tuple(corner), width, height, fill=False, edgecolor=colour, linewidth=0.8, path_effects=casing)
        )


@dataclass
class WordSide:
    """Words whose background shows their relevance, summed over all partners.

    Parameters
    ----------
    words : sequence of str
    shades : array of shape (T,)
        Relevance of the words.
    limit : float
        Where colours end.
    faces : {"right", "left", "down", "up"}
        Where the other side is: words in a column for the first two, in a line for the others.
    title : str
    """

    words: Sequence[str]
    shades: npt.NDArray[np.float64]
    limit: float
    faces: str = "right"
    title: str = ""
    axis: Axes = field(init=False, repr=False)

    scales = False

    def __post_init__(self) -> None:
        if len(self.words) > MAX_WORDS:
            raise InputError(
                f"plot: {len(self.words)} words, expected at most {MAX_WORDS}. Join some with merge_spans(), or use "
                f"plot_words(), which has no arcs."
            )
        self.row = min(ROW, LONGEST / max(1, len(self.words)))
        self.font = FONT if self.in_line else min(FONT, self.row * 72 * 0.66)
        self.widths = np.array([text_width(word, self.font) for word in self.words]) + BLANK

    @property
    def in_line(self) -> bool:
        """Whether the words stand beside each other."""
        return self.faces in ("down", "up")

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in inches."""
        if self.in_line:
            return float(self.widths.sum() + BLANK * len(self.words)), ROW * 1.1
        return float(self.widths.max()), self.row * len(self.words)

    def check(self, shape: Sequence[int], which: str) -> None:
        """Whether there is a word for each entry."""
        if tuple(shape) != (len(self.words),):
            raise InputError(
                f"plot: {len(self.words)} words for the {which} input, whose maps have shape {tuple(shape)}, expected "
                f"one for each entry"
            )

    def boxes(self) -> npt.NDArray[np.float64]:
        """Left, top, right, bottom of every word in inches from the top left: shape (T, 4)."""
        n = len(self.words)
        if self.in_line:
            left = np.concatenate([[0], np.cumsum(self.widths + BLANK)[:-1]]) + BLANK / 2
            return np.stack([left, np.zeros(n), left + self.widths, np.full(n, self.size[1])], axis=1)
        top = np.arange(n) * self.row
        left = np.zeros(n) if self.faces == "left" else self.size[0] - self.widths
        return np.stack([left, top + 0.06 * self.row, left + self.widths, top + 0.94 * self.row], axis=1)

    def draw(self, axis: Axes, style: ArcStyle) -> None:
        from matplotlib.patches import Rectangle

        self.axis = axis
        width, height = self.size
        shrunk = min(1.0, inches_of(axis)[1] / height) if axis.get_figure() is not None else 1.0
        axis.set_axis_off()
        axis.set_xlim(0, width)
        axis.set_ylim(height, 0)
        axis.set_title(self.title, fontsize=9)
        grounds = pale(colours(self.shades, style.cmap, self.limit))
        for word, ground, box in zip(self.words, grounds, self.boxes(), strict=True):
            left, top, right, bottom = box
            axis.add_patch(
                Rectangle((left, top), right - left, bottom - top, facecolor=tuple(ground), edgecolor="none")
            )
            axis.text(
                (left + right) / 2,
                (top + bottom) / 2,
                word,
                fontsize=self.font * shrunk,
                ha="center",
                va="center_baseline",
                parse_math=False,
            )

    def end(self, place: Sequence[float] | npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Where an arc leaves a word."""
        boxes = self.boxes()
        left, top, right, bottom = (np.interp(place[0], np.arange(len(boxes)), edge) for edge in boxes.T)
        across, down = (left + right) / 2, (top + bottom) / 2
        ends = {"right": (right, down), "left": (left, down), "down": (across, bottom), "up": (across, top)}
        return np.array(ends[self.faces])

    def outline(self, place: Sequence[float], colour: str) -> None:
        """A frame round a word."""
        from matplotlib.patches import Rectangle

        left, top, right, bottom = self.boxes()[int(place[0])]
        self.axis.add_patch(
            Rectangle(
                (left, top), right - left, bottom - top, fill=False, edgecolor=colour, linewidth=0.6, clip_on=False
            )
        )


Side = PictureSide | WordSide


@cache
def text_width(text: str, size: float) -> float:
    """Inches that a text takes in the default font at a size in points."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    font = get_font(findfont(FontProperties()))
    font.set_size(size, 72)
    font.set_text(text)
    return float(font.get_width_height()[0]) / 64 / 72
