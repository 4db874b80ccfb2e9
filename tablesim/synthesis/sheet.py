"""Sets words, paragraphs, rules and digits on a sheet as early printers did, with the truth of every digit.

Type is set sort by sort, without kerning, each sort a little off the line, as metal type stands. A face that lacks a
letter gets the nearest it has; long s stands inside words; lines are justified word by word; a rule is pieced together
from short strips. The sheet holds ink (0 to 255); ``ageing`` turns it into a scan and takes the truth along.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from tablesim.records.boxes import Box
from tablesim.records.marks import KIND_OF, RAISED_POINT, THIN_SPACE
from tablesim.records.truth import TrueDigit, TrueMark, TrueNumber
from tablesim.synthesis.faces import DIGITS, FACES, Glyph, Typeface
from tablesim.synthesis.sorts import SortWear

# A point, comma or thin space belongs to a number only between two of its digits.
_NUMBER = re.compile(rf"\d(?:[.,{RAISED_POINT}{THIN_SPACE}]?\d)*")


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
    digits : Typeface, optional
        Another face for the digits alone: printers mixed them.
    own : mapping of str to Glyph
        Sorts that are not of the face: figures of a wrong fount, large points, thin spaces.
    wear : SortWear, optional
        How single sorts have suffered; whole when not given.
    """

    face: Typeface
    size: float
    spacing: float = 0.0
    jitter: float = 0.0
    digits: Typeface | None = None
    own: Mapping[str, Glyph] = field(default_factory=dict)
    wear: SortWear | None = None

    def face_for(self, character: str) -> Typeface:
        return self.digits if self.digits is not None and character.isdigit() else self.face

    def sort(self, character: str) -> Glyph:
        """The sort that is set for a character."""
        if (mine := self.own.get(character)) is not None:
            return mine
        face = self.face_for(character)
        # A face without a mark has its sign for a missing letter there; printers borrowed from another case.
        if character in KIND_OF and not _has(face, character):
            face = FACES["libertine"]
        return face.glyph(character, self.size)


def reach_of_digits(style: Style) -> float:
    """From the top of the tallest digit to the foot of the lowest, in pixels: lines set closer would touch."""
    glyphs = [style.sort(digit) for digit in DIGITS]
    return float(max(g.top + g.mask.shape[0] for g in glyphs) - min(g.top for g in glyphs))


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of the sheet, in sheet pixels."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top


class Sheet:
    """Ink on paper, with the truth of its digits.

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
        Digits printed so far, boxes in sheet pixels.
    marks : list of TrueMark
        Points, commas, signs and other marks printed so far.
    unasked : list of Box
        Places where something stands that nobody could be asked to read or to leave: digits turned on their side,
        digits cut by the edge.
    """

    def __init__(self, width: int, height: int, rng: np.random.Generator) -> None:
        self.ink: NDArray[np.uint8] = np.zeros((height, width), dtype=np.uint8)
        self.numbers: list[TrueNumber] = []
        self.marks: list[TrueMark] = []
        self.unasked: list[Box] = []
        self._rng = rng

    @property
    def width(self) -> int:
        return int(self.ink.shape[1])

    @property
    def height(self) -> int:
        return int(self.ink.shape[0])

    def measure(self, text: str, style: Style) -> float:
        """Width of ``text`` in pixels when it is set in ``style``."""
        if not text:
            return 0.0
        return sum(style.sort(c).advance + style.spacing for c in text) - style.spacing

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
            Maximal runs of Arabic digits in it, with a point or comma inside, become true numbers.
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
            glyph = style.sort(character)
            if style.jitter:
                drift = float(self._rng.normal(0.0, style.jitter))
            mask = glyph.mask
            if style.wear is not None:
                mask, off_line = style.wear.of(mask, self._rng)
                drift += off_line
            left, top = round(pen + glyph.left), round(baseline + glyph.top + drift)
            whole = self._print(mask, left, top)
            height, width = mask.shape
            boxes.append(Box(left, top, width, height) if whole and width else None)
            pen += glyph.advance + style.spacing
        self._take_down(text, boxes, table, row, column)
        for character, place in zip(text, boxes, strict=True):
            if place is not None and character in KIND_OF:
                self.marks.append(TrueMark(KIND_OF[character], place))
        return pen - style.spacing

    def write_mark(
        self, x: float, baseline: float, text: str, style: Style, kind: str, *, anchor: str = "left"
    ) -> float:
        """Set ``text`` that is one mark as a whole (``do.``, a raised letter); returns the x at which the pen ends."""
        n_numbers, n_marks, n_unasked = len(self.numbers), len(self.marks), len(self.unasked)
        end = self.write(x, baseline, text, style, anchor=anchor)
        del self.numbers[n_numbers:], self.marks[n_marks:], self.unasked[n_unasked:]
        start = end - self.measure(text, style)
        sorts = [(style.sort(c), c) for c in text]
        top = min((g.top for g, _ in sorts if g.mask.size), default=0)
        foot = max((g.top + g.mask.shape[0] for g, _ in sorts if g.mask.size), default=0)
        self._take_down_mark(kind, Box(start, baseline + top, end - start, foot - top))
        return end

    def print_mark(self, x: float, y: float, mask: NDArray[np.uint8], kind: str) -> None:
        """Press a mark that is no sort of type with its corner at (x, y)."""
        left, top = round(x), round(y)
        self._print(mask, left, top)
        self._take_down_mark(kind, Box(left, top, mask.shape[1], mask.shape[0]))

    def _take_down_mark(self, kind: str, box: Box) -> None:
        inside = box.x >= 0 and box.y >= 0 and box.right <= self.width and box.bottom <= self.height
        if inside and box.width > 0 and box.height > 0:
            self.marks.append(TrueMark(kind, box))
        else:
            self.unasked.append(box)

    def write_turned(self, x: float, y: float, text: str, style: Style, degrees: float) -> None:
        """Set ``text`` with its middle at (x, y), turned clockwise: digits on a dial, words in a margin.

        Digits that stand within 20 degrees of upright are true numbers; others are left out of the truth and their
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
        # A turned point is a point, but its kind hangs on the line it stands on: nobody is asked.
        self.unasked.extend(_turned_box(mark.box, turn, left, top) for mark in patch.marks)

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


_INSTEAD = {"ſ": "s", "æ": "ae", "œ": "oe", "Æ": "AE", "Œ": "OE", "&": "et", "é": "e", "à": "a", "è": "e", "ù": "u"}
_INSTEAD |= {";": ".", "¶": "", "°": "", "(": "", ")": "", "⁂": "", "ã": "a", "ñ": "n"}


@lru_cache(maxsize=4096)
def _has(face: Typeface, character: str) -> bool:
    """Whether the font has the letter: otherwise it prints its sign for a missing one."""
    missing, glyph = face.glyph("\ufffe", 40.0).mask, face.glyph(character, 40.0).mask
    return character == " " or (
        glyph.size > 0 and not (glyph.shape == missing.shape and bool(np.all(glyph == missing)))
    )


def spell(text: str, face: Typeface) -> str:
    """``text`` with the letters that the face lacks replaced by those that printers used instead; digits stay."""
    return "".join(c if c.isdigit() or _has(face, c) else _INSTEAD.get(c, "") for c in text)


def long_s(text: str) -> str:
    """Long s within words, round s at their end and before f."""
    made = []
    for at, letter in enumerate(text):
        following = text[at + 1] if at + 1 < len(text) else " "
        made.append("ſ" if letter == "s" and following.isalpha() and following != "f" else letter)
    return "".join(made)


def style(face: Typeface, height: float, *, of: str = "letters", jitter: float = 0.015, spacing: float = 0.0) -> Style:
    """The face at a size whose small letters (``of="letters"``) or digits are ``height`` pixels high on average."""
    probe = max(1.0, face.x_height(100.0)) if of == "letters" else max(1.0, face.digit_height(100.0))
    size = 100.0 * height / probe
    return Style(face, size, spacing=spacing * size, jitter=jitter * height)


class SourceText:
    """The text a compositor works from, word by word and without end, spelled for a face.

    Parameters
    ----------
    words : sequence of str
        The text.
    start : int
        The first word to set.
    face : Typeface
        Letters it lacks are replaced.
    """

    def __init__(self, words: Sequence[str], start: int, face: Typeface) -> None:
        self._words = words
        self._at = start % len(words)
        self._face = face
        self._rest: str | None = None

    def initial(self) -> str:
        """The first letter of the next word, for a large initial; the text goes on with the second."""
        word = self._words[self._at]
        self._rest = word[1:]
        return spell(word[0], self._face)

    def take(self, sheet: Sheet, width: float, setting: Style) -> list[str]:
        """The words that fit one line of ``width`` pixels, at least one."""
        space = 0.28 * setting.size
        line: list[str] = []
        used = 0.0
        while True:
            word = self.catchword()
            width_of_word = sheet.measure(word, setting)
            if line and used + space + width_of_word > width:
                return line
            used += width_of_word + (space if line else 0.0)
            line.append(word)
            self._rest = None
            self._at = (self._at + 1) % len(self._words)

    def catchword(self) -> str:
        """The word that comes next, which printers set below the last line."""
        word = self._words[self._at] if self._rest is None else self._rest
        return spell(long_s(word), self._face)


def paragraph(
    sheet: Sheet,
    left: float,
    top: float,
    width: float,
    n_lines: int,
    copy: SourceText,
    setting: Style,
    *,
    leading: float = 1.22,
    indent: float = 0.0,
    ragged_end: bool = False,
) -> float:
    """Set ``n_lines`` justified lines of ``copy``; returns the baseline after the last one.

    ``top`` is the first baseline, ``leading`` the distance of lines in ems, ``indent`` goes with the first line, and
    ``ragged_end`` leaves the last line short.
    """
    step = leading * setting.size
    y = top
    for number in range(n_lines):
        start = left + (indent if number == 0 else 0.0)
        room = left + width - start
        short = ragged_end and number == n_lines - 1
        line = copy.take(sheet, room * (0.6 if short else 1.0), setting)
        natural = sum(sheet.measure(word, setting) for word in line)
        gap = 0.28 * setting.size if short or len(line) < 2 else (room - natural) / (len(line) - 1)
        x = start
        for word in line:
            sheet.write(x, y, word, setting)
            x += sheet.measure(word, setting) + gap
        y += step
    return y


def rule(
    sheet: Sheet,
    x0: float,
    y0: float,
    x1: float,
    y1: float,
    thickness: float,
    rng: np.random.Generator,
    piece: float = 260.0,
) -> None:
    """A rule pieced together from strips of about ``piece`` pixels, each a little off and with a gap now and then."""
    length = float(np.hypot(x1 - x0, y1 - y0))
    if length < 1:
        return
    along = np.array([x1 - x0, y1 - y0]) / length
    across = np.array([-along[1], along[0]])
    at = 0.0
    while at < length:
        end = min(length, at + piece * float(rng.uniform(0.7, 1.3)))
        wobble = rng.normal(0.0, 0.7, 2)
        start = np.array([x0, y0]) + along * at + across * wobble[0]
        stop = np.array([x0, y0]) + along * end + across * wobble[1]
        weight = max(0.6, thickness * float(rng.uniform(0.75, 1.25)))
        sheet.rule(
            float(start[0]), float(start[1]), float(stop[0]), float(stop[1]), weight, float(rng.uniform(0.75, 1.0))
        )
        at = end + (float(rng.uniform(2, 9)) if rng.random() < 0.35 else 0.0)
