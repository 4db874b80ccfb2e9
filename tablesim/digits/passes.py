"""One pass of the digit network over a page, at one scale and orientation."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from tablesim.digits.calibration import Calibration
from tablesim.digits.certainty import Certainty
from tablesim.digits.network import DIGIT_HEIGHT, CellMaps, DigitNetwork
from tablesim.digits.numbers import Thresholds
from tablesim.digits.peaks import DigitPeaks, MarkPeaks, find_digits, find_marks
from tablesim.digits.scale import working_image
from tablesim.digits.sign_shapes import FAINTEST, with_signs
from tablesim.records.boxes import Box
from tablesim.records.transform import PageRegion, Transform
from tablesim.scans.cleaning import clean

MARGIN = 2.0
"""Paper around the marks of a page that is read too, in digit heights."""

LEAST_MARK = 0.3
"""Least activation of a mark, but for signs that their ink shows; chosen by eye."""

_CELL = 8
"""Working pixels to which a piece is widened: the coarsest cells of the network."""

LARGEST_PIECE, _TILE_SIDE = 13_000_000, 2048
"""Most pixels that the network sees at once, as many as a page has whose longest side is 3,600: 1 GB. Larger pieces are
seen in squares of the second side."""

_WORTH_WHILE = 0.9
"""Share of the work that is left where bare paper inside a page is left out, at most."""

_BARE = 0.15, 0.002
"""Ink of which no more than the second share of a piece of bare paper has more: dust."""

Rectangle = tuple[int, int, int, int]
"""Left, top, right, bottom in working pixels."""


def has_bfloat16(device: str = "cpu") -> bool:
    """Whether the network computes in bfloat16 there: where there are instructions for it, it takes half the time.

    Never where the environment variable ``TABLESIM_FLOAT32`` is set.
    """
    if os.environ.get("TABLESIM_FLOAT32"):
        return False
    if device != "cpu":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # New in PyTorch 2.10; with an older one float32 is used.
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def precision_of(bfloat16: bool, device: str = "cpu") -> str:
    """In which numbers convolutions are computed, and where, when not on the processor: ``bfloat16 on cuda``."""
    return ("bfloat16" if bfloat16 else "float32") + ("" if device == "cpu" else f" on {device}")


@dataclass(frozen=True)
class Detection:
    """The digits that the network found on a page.

    Attributes
    ----------
    transform : Transform
        From source pixels to the working page.
    digits : DigitPeaks
        In working pixels.
    ink : float32 array of shape (H, W)
        The working page: 0 bare paper, 1 full ink.
    marks : MarkPeaks
        Points, commas, signs and other marks, in working pixels.
    refusal : str
        Why the page was not read; empty where it was.
    blocks : tuple of Box
        Parts of the page, in source pixels, that may stand a quarter turn from the rest.
    aspect : float
        Width of a pixel over its height, as the shapes of the figures suggest; 1 where they look as usual.
    """

    transform: Transform
    digits: DigitPeaks
    ink: NDArray[np.float32]
    marks: MarkPeaks = field(default_factory=MarkPeaks.empty)
    refusal: str = ""
    blocks: tuple[Box, ...] = ()
    aspect: float = 1.0

    @classmethod
    def refused(cls, transform: Transform, refusal: str) -> Detection:
        """No digits, and why."""
        return cls(transform, DigitPeaks.empty(), np.zeros((1, 1), dtype=np.float32), refusal=refusal)

    def outside(self, regions: Sequence[PageRegion]) -> Detection:
        """Without the digits and marks in some regions."""
        if not regions:
            return self
        digits, marks = (
            [not any(region.holds(box) for region in regions) for box in self.transform.boxes_to_source(peaks.boxes)]
            for peaks in (self.digits, self.marks)
        )
        return replace(
            self, digits=self.digits.take(np.array(digits, bool)), marks=self.marks.take(np.array(marks, bool))
        )

    @property
    def total_confidence(self) -> float:
        """Sum of the confidences: greatest at the right scale and orientation."""
        return float(self.digits.confidence.sum())


@dataclass(frozen=True)
class DigitReader:
    """A digit network, the calibration of its activations, and the thresholds for digits and numbers.

    Attributes
    ----------
    network : DigitNetwork
        Folded, in evaluation mode, on ``device``.
    calibration : Calibration
        From activations anywhere on a page to the probabilities for which the thresholds are made.
    thresholds : Thresholds
    of_digits, of_numbers : Calibration
        From those to the probabilities that leave the reader: a digit accepted in a table is more often right than one
        of the same activation anywhere.
    certainty : Certainty, optional
        How sure whole numbers are, by all that speaks for and against them; without it ``of_numbers`` says so.
    device : str
        Where the network computes: ``"cpu"``, ``"cuda"``.
    bfloat16 : bool
        Whether convolutions compute in bfloat16.
    """

    network: DigitNetwork
    calibration: Calibration
    thresholds: Thresholds
    of_digits: Calibration = field(default_factory=Calibration)
    of_numbers: Calibration = field(default_factory=Calibration)
    certainty: Certainty | None = None
    device: str = "cpu"
    bfloat16: bool = False

    @property
    def precision(self) -> str:
        """In which numbers the network computes, and where: readings of another precision differ a little."""
        return precision_of(self.bfloat16, self.device)

    def detect(
        self,
        grey: NDArray[np.uint8],
        transform: Transform,
        threshold: float,
        marks: NDArray[np.floating] | None = None,
    ) -> Detection:
        """One pass of the network over a page.

        Parameters
        ----------
        grey : uint8 array of shape (height, width)
            The scan.
        transform : Transform
            To the working page.
        threshold : float
            Least confidence of a digit.
        marks : array of shape (n, 4), optional
            Left, top, right, bottom in source pixels of the marks on the page: the bare paper around them is left out,
            on many pages a third of the work. The whole page when not given.
        """
        ink = clean(working_image(grey, transform))
        digits, signs = DigitPeaks.empty(), MarkPeaks.empty()
        pieces = pieces_with_ink(transform, marks, ink, self.network.reach)
        for shown, kept in (tile for piece in pieces for tile in _tiles(*piece, self.network.reach)):
            left, top, right, bottom = shown
            maps = self.maps(ink[top:bottom, left:right])
            found = find_digits(maps, threshold, self.calibration).moved(left, top)
            digits = digits.beside(found.take(_inside(found.boxes, kept)))
            found_signs = find_marks(maps, FAINTEST).moved(left, top)
            signs = signs.beside(found_signs.take(_inside(found_signs.boxes, kept)))
        signs, digits = with_signs(signs, digits, ink, LEAST_MARK)
        return Detection(transform, digits, ink, signs)

    def maps(self, ink: NDArray[np.float32]) -> CellMaps:
        """What the network says of N pieces of ink of shape (N, H, W), or of one of shape (H, W)."""
        pieces = torch.from_numpy(np.ascontiguousarray(ink)).reshape(-1, 1, *ink.shape[-2:]).to(self.device)
        pieces = pieces.contiguous(memory_format=torch.channels_last)
        with torch.inference_mode(), torch.autocast(pieces.device.type, torch.bfloat16, enabled=self.bfloat16):
            return self.network.cells(pieces).to("cpu")


def _inside(boxes: NDArray[np.float64], part: Rectangle) -> NDArray[np.bool_]:
    """Which boxes have their middle in a part of the page, shape (n,)."""
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    return np.asarray(((middles >= part[:2]) & (middles < part[2:])).all(axis=1))


def pieces_with_ink(
    transform: Transform, marks: NDArray[np.floating] | None, ink: NDArray[np.float32], reach: int
) -> list[tuple[Rectangle, Rectangle]]:
    """The pieces of the working page that are to be read, as (shown, kept) in working pixels.

    Bare paper around all marks is left out, and bare paper between them where it is so wide that nothing on one side
    has an influence on the other: what is found in the ``kept`` parts is the same as if the whole page were read.

    Parameters
    ----------
    transform : Transform
    marks : array of shape (n, 4) or None
        Left, top, right, bottom in source pixels; the whole page without any.
    ink : float32 array of shape (H, W)
        The working page.
    reach : int
        Of the network, in working pixels.
    """
    width, height = transform.working_size
    page = (0, 0, width, height)
    if marks is None or not len(marks):
        return [(page, page)]
    corners = np.stack([marks[:, [0, 1]], marks[:, [2, 1]], marks[:, [0, 3]], marks[:, [2, 3]]])
    corners = corners @ transform.matrix[:, :2].T + transform.matrix[:, 2]
    boxes = np.hstack([corners.min(axis=0), corners.max(axis=0)])
    whole = _around(boxes, page)
    # Peaks look at their neighbours.
    margin = reach + _CELL
    parts = [_around(group, whole) for group in _apart(boxes, 2 * margin)]
    low, high = np.array(parts)[:, :2] - margin, np.array(parts)[:, 2:] + margin
    edges = np.hstack([np.maximum(low, whole[:2]), np.minimum(high, whole[2:])]).tolist()
    if sum((right - left) * (bottom - top) for left, top, right, bottom in edges) > _WORTH_WHILE * _area(whole):
        return [(whole, page)]
    bare = np.zeros(ink.shape, dtype=bool)
    bare[whole[1] : whole[3], whole[0] : whole[2]] = True
    for left, top, right, bottom in edges:
        bare[top:bottom, left:right] = False
    # Pale figures and those in red are no marks.
    if (ink[bare] > _BARE[0]).mean() > _BARE[1]:
        return [(whole, page)]
    return [((left, top, right, bottom), part) for (left, top, right, bottom), part in zip(edges, parts, strict=True)]


def _tiles(shown: Rectangle, kept: Rectangle, reach: int) -> list[tuple[Rectangle, Rectangle]]:
    """A piece that the network would need too much memory for, in parts; what is found in them is the same."""
    if _area(shown) <= LARGEST_PIECE:
        return [(shown, kept)]
    margin = (reach + _CELL) // _CELL * _CELL + _CELL
    parts = []
    for top in range(shown[1], shown[3], _TILE_SIDE):
        for left in range(shown[0], shown[2], _TILE_SIDE):
            right, bottom = min(left + _TILE_SIDE, shown[2]), min(top + _TILE_SIDE, shown[3])
            around = (
                *(max(shown[0], left - margin), max(shown[1], top - margin)),
                *(min(shown[2], right + margin), min(shown[3], bottom + margin)),
            )
            # What hangs over the edge of the piece is kept with its outermost parts.
            part = (
                *(kept[0] if left == shown[0] else left, kept[1] if top == shown[1] else top),
                *(kept[2] if right == shown[2] else right, kept[3] if bottom == shown[3] else bottom),
            )
            parts.append((around, part))
    return parts


def _apart(boxes: NDArray[np.floating], blank: float) -> list[NDArray[np.floating]]:
    """The boxes in groups that bands or lanes so wide part (recursive X-Y cut)."""
    for axis in (1, 0):
        order = np.argsort(boxes[:, axis], kind="stable")
        ends = np.maximum.accumulate(boxes[order, axis + 2])
        cuts = np.flatnonzero(boxes[order[1:], axis] - ends[:-1] > blank + 2 * MARGIN * DIGIT_HEIGHT) + 1
        if len(cuts):
            return [group for part in np.split(order, cuts) for group in _apart(boxes[part], blank)]
    return [boxes]


def _around(boxes: NDArray[np.floating], within: Rectangle) -> Rectangle:
    """The piece that holds all boxes and paper around them, in whole cells of the network."""
    margin = MARGIN * DIGIT_HEIGHT
    left, top = (int(v) for v in np.maximum((boxes[:, :2].min(axis=0) - margin) // _CELL * _CELL, within[:2]))
    right, bottom = (int(v) for v in (boxes[:, 2:].max(axis=0) + margin) // _CELL * _CELL + _CELL)
    return left, top, min(within[2], max(right, left + _CELL)), min(within[3], max(bottom, top + _CELL))


def _area(rectangle: Rectangle) -> int:
    left, top, right, bottom = rectangle
    return (right - left) * (bottom - top)
