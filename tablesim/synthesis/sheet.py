"""A sheet of paper to print on: letters, figures, rules, and the truth of every figure that was set.

Type is set sort by sort, without kerning, each sort a little off the line, as metal type stands. The sheet holds ink
(0 to 255) at the resolution it was asked for; ``ageing`` turns it into a scan and takes the truth along.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tablesim.records.boxes import Box
from tablesim.records.truth import TrueDigit, TrueNumber
from tablesim.synthesis.faces import Typeface

RAISED_POINT = "\u00b7"
# A point or comma belongs to a number only between two of its figures.
_NUMBER = re.compile(rf"\d(?:[.,{RAISED_POINT}]?\d)*")


@dataclass(frozen=True, slots=True)
class Style:
    """How a piece of text is set.

    Parameters
    ----------
    face : Typeface
        The typeface.
    size : float
        Pixels an em.
    spacing : float
        Extra space after each sort, in pixels.
    jitter : float
        Standard deviation of a sort's height above the line, in pixels.
    figures : Typeface, optional
        Another face for the figures alone: printers mixed them.
    """

    face: Typeface
    size: float
    spacing: float = 0.0
    jitter: float = 0.0
    figures: Typeface | None = None

    def face_for(self, character: str) -> Typeface:
        return self.figures if self.figures is not None and character.isdigit() else self.face


class Sheet:
    """Ink on paper, with the truth of its figures.

    Parameters
    ----------
    width, height : int
        Size in sheet pixels.
    rng : numpy.random.Generator
        Moves the sorts about where a style has jitter.

    Attributes
    ----------
    ink : uint8 array of shape (height, width)
        0 is bare paper, 255 full ink.
    numbers : list of TrueNumber
        Figures printed so far, boxes in sheet pixels.
    unasked : list of Box
        Places where something stands that nobody could be asked to read or to leave: figures turned on their side,
        figures cut by the edge.
    """

    def __init__(self, width: int, height: int, rng: np.random.Generator) -> None:
        self.ink: NDArray[np.uint8] = np.zeros((height, width), dtype=np.uint8)
        self.numbers: list[TrueNumber] = []
        self.unasked: list[Box] = []
        self._rng = rng

    @property
    def width(self) -> int:
        return self.ink.shape[1]

    @property
    def height(self) -> int:
        return self.ink.shape[0]

    def measure(self, text: str, style: Style) -> float:
        """Width of ``text`` in pixels when it is set in ``style``."""
        if not text:
            return 0.0
        return sum(style.face_for(c).glyph(c, style.size).advance + style.spacing for c in text) - style.spacing

    def write(
        self,
        x: float,
        baseline: float,
        text: str,
        style: Style,
        *,
        anchor: str = "left",
        table: int | None = None,
        row: int | None = None,
        column: int | None = None,
    ) -> float:
        """Set ``text`` on the line and take down every number in it.

        Parameters
        ----------
        x, baseline : float
            Where the text begins, ends or has its middle (see ``anchor``), and the line it stands on, in sheet pixels.
        text : str
            Maximal runs of Arabic figures in it, with a point or comma inside, become true numbers.
        style : Style
            Face, size, spacing.
        anchor : str
            "left", "right" or "middle".
        table, row, column : int, optional
            The cell that the first number of ``text`` fills; further numbers fill the columns that follow.

        Returns
        -------
        float
            The x at which the pen ends.
        """
        shift = {"left": 0.0, "right": 1.0, "middle": 0.5}[anchor]
        pen = x - shift * self.measure(text, style)
        boxes: list[Box | None] = []
        drift = 0.0
        for character in text:
            glyph = style.face_for(character).glyph(character, style.size)
            if style.jitter:
                drift = float(self._rng.normal(0.0, style.jitter))
            left, top = round(pen + glyph.left), round(baseline + glyph.top + drift)
            whole = self._print(glyph.mask, left, top)
            height, width = glyph.mask.shape
            boxes.append(Box(left, top, width, height) if whole and width else None)
            pen += glyph.advance + style.spacing
        self._take_down(text, boxes, table, row, column)
        return pen - style.spacing

    def write_turned(self, x: float, y: float, text: str, style: Style, degrees: float) -> None:
        """Set ``text`` with its middle at (x, y), turned clockwise: figures on a dial, words in a margin.

        Figures that stand within 20 degrees of upright are true numbers; others are left out of the truth and their
        place is noted in ``unasked``.
        """
        size = math.ceil(max(self.measure(text, style), style.size) + 2 * style.size)
        patch = Sheet(size, size, self._rng)
        patch.write(size / 2, size / 2 + 0.3 * style.size, text, style, anchor="middle")
        turn = np.asarray(cv2.getRotationMatrix2D((size / 2, size / 2), -degrees, 1.0), dtype=np.float64)
        turned = cv2.warpAffine(patch.ink, turn, (size, size), flags=cv2.INTER_LINEAR)
        left, top = round(x - size / 2), round(y - size / 2)
        self._print(np.asarray(turned), left, top)
        for number in patch.numbers:
            moved = [_turned_box(digit.box, turn, left, top) for digit in number.digits]
            if abs((degrees + 180) % 360 - 180) <= 20:
                digits = tuple(TrueDigit(d.value, b) for d, b in zip(number.digits, moved, strict=True))
                self.numbers.append(TrueNumber(number.text, digits))
            else:
                self.unasked.extend(moved)

    def rule(self, x0: float, y0: float, x1: float, y1: float, thickness: float = 1.5, strength: float = 1.0) -> None:
        """A printed line from (x0, y0) to (x1, y1), ``thickness`` pixels thick (below 1: fainter)."""
        strength = strength * min(1.0, thickness)
        self.line([(x0, y0), (x1, y1)], max(1, round(thickness)), strength)

    def line(self, points: list[tuple[float, float]], thickness: int = 1, strength: float = 1.0) -> None:
        """A line through ``points``, for braces, drawings and scratches."""
        shape = np.array([[round(x * 16), round(y * 16)] for x, y in points], dtype=np.int32)
        left, top = np.floor(shape.min(axis=0) / 16).astype(int) - thickness - 1
        right, bottom = np.ceil(shape.max(axis=0) / 16).astype(int) + thickness + 2
        left, top, right, bottom = max(0, left), max(0, top), min(self.width, right), min(self.height, bottom)
        if left >= right or top >= bottom:
            return
        area = self.ink[top:bottom, left:right]
        layer = np.zeros_like(area)
        moved = shape - np.array([left * 16, top * 16], dtype=np.int32)
        cv2.polylines(layer, [moved], False, round(255 * strength), thickness, cv2.LINE_AA, shift=4)
        np.maximum(area, layer, out=area)

    def _print(self, mask: NDArray[np.uint8], left: int, top: int) -> bool:
        """Press ``mask`` onto the sheet; False when some of it falls over the edge."""
        height, width = mask.shape
        x0, y0, x1, y1 = max(0, left), max(0, top), min(self.width, left + width), min(self.height, top + height)
        if x0 < x1 and y0 < y1:
            area = self.ink[y0:y1, x0:x1]
            np.maximum(area, mask[y0 - top : y1 - top, x0 - left : x1 - left], out=area)
        return (x0, y0, x1, y1) == (left, top, left + width, top + height)

    def _take_down(
        self, text: str, boxes: list[Box | None], table: int | None, row: int | None, column: int | None
    ) -> None:
        for match in _NUMBER.finditer(text):
            places = [(i, boxes[i]) for i in range(match.start(), match.end()) if text[i].isdigit()]
            kept = [box for _, box in places if box is not None]
            if len(kept) < len(places):
                self.unasked.extend(kept)
            else:
                digits = tuple(TrueDigit(int(text[i]), box) for i, box in places if box is not None)
                self.numbers.append(TrueNumber(match.group(), digits, table, row, column))
            if column is not None:
                column += 1


def _turned_box(box: Box, turn: NDArray[np.float64], left: int, top: int) -> Box:
    x, y = box.centre
    middle = turn @ np.array([x, y, 1.0])
    return Box(middle[0] - box.width / 2 + left, middle[1] - box.height / 2 + top, box.width, box.height)
