"""The compositor's work: words, paragraphs and rules set on a sheet as early printers did.

A face that lacks a letter gets the nearest it has; long s stands inside words; lines are justified word by word; a rule
is pieced together from short strips and never quite straight.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from tablesim.synthesis.faces import Typeface
from tablesim.synthesis.sheet import Sheet, Style

_INSTEAD = {"ſ": "s", "æ": "ae", "œ": "oe", "Æ": "AE", "Œ": "OE", "&": "et", "é": "e", "à": "a", "è": "e", "ù": "u"}
_INSTEAD |= {";": ".", "¶": "", "°": "", "(": "", ")": "", "⁂": "", "ã": "a", "ñ": "n"}


@lru_cache(maxsize=4096)
def _has(face: Typeface, character: str) -> bool:
    """Whether the font has the letter: otherwise it prints its sign for a missing one."""
    missing, here = face.glyph("\ufffe", 40.0).mask, face.glyph(character, 40.0).mask
    return character == " " or (here.size > 0 and not (here.shape == missing.shape and bool(np.all(here == missing))))


def spell(text: str, face: Typeface) -> str:
    """``text`` with the letters that the face lacks replaced by those that printers used instead; figures stay."""
    return "".join(c if c.isdigit() or _has(face, c) else _INSTEAD.get(c, "") for c in text)


def long_s(text: str) -> str:
    """Long s within words, round s at their end and before f."""
    made = []
    for at, letter in enumerate(text):
        following = text[at + 1] if at + 1 < len(text) else " "
        made.append("ſ" if letter == "s" and following.isalpha() and following != "f" else letter)
    return "".join(made)


def style(face: Typeface, height: float, *, of: str = "letters", jitter: float = 0.015, spacing: float = 0.0) -> Style:
    """The face at a size whose small letters (``of="letters"``) or figures are ``height`` pixels high on average."""
    probe = max(1.0, face.x_height(100.0)) if of == "letters" else max(1.0, face.figure_height(100.0))
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
            here = sheet.measure(word, setting)
            if line and used + space + here > width:
                return line
            used += here + (space if line else 0.0)
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
