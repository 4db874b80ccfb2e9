"""What practice pages are put together from: rectangles to fill, styles of figures and words, random numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tablesim.synthesis.drawn_face import DRAWN
from tablesim.synthesis.faces import DIGITS, Face, Typeface, faces
from tablesim.synthesis.sheet import Style

_LINING = {"bodoni": 0.5, "bodoni-italic": 0.4, "playfair": 0.5, "unifraktur": 0.5, "gfs-didot-italic": 0.5}
"""How often a lining face is taken, 1 where nothing is said: display faces were rare in tables."""

_DRAWN = 0.12
"""Share of the old-style faces that are drawn: the figures of the first printers, which no typeface has."""


@dataclass(frozen=True, slots=True)
class Block:
    """A rectangle of the sheet to fill, with the page's type size (height of figures), all in sheet pixels."""

    left: float
    top: float
    right: float
    bottom: float
    figure_height: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    def below(self, y: float) -> Block:
        """The part of the block below ``y``."""
        return Block(self.left, y, self.right, self.bottom, self.figure_height)


def figure_style(rng: np.random.Generator, height: float, lining: float = 0.3) -> Style:
    """A style whose figures are ``height`` pixels high on average, lining ones in a share ``lining`` of all styles."""
    face = _lining_face(rng) if rng.random() < lining else _old_face(rng)
    size = height / face.figure_height(100.0) * 100.0
    width = face.glyph("0", size).advance
    spacing = float(rng.choice([0.0, 0.0, rng.uniform(-0.06, 0.12), rng.uniform(0.0, 0.3)])) * width
    return Style(face, size, spacing, jitter=float(rng.uniform(0.0, 0.035)) * height)


def _lining_face(rng: np.random.Generator) -> Typeface:
    pool = faces(figures="lining")
    weights = np.array([_LINING.get(face.name, 1.0) for face in pool])
    return pool[rng.choice(len(pool), p=weights / weights.sum())]


def _old_face(rng: np.random.Generator) -> Typeface:
    if rng.random() < _DRAWN:
        drawn = list(DRAWN.values())
        return drawn[rng.integers(len(drawn))]
    pool = faces(figures="old-style")
    return pool[rng.integers(len(pool))]


def reach_of_figures(style: Style) -> float:
    """From the top of the tallest figure to the foot of the lowest, in pixels: lines set closer would touch."""
    glyphs = [style.face_for(digit).glyph(digit, style.size) for digit in DIGITS]
    return float(max(g.top + g.mask.shape[0] for g in glyphs) - min(g.top for g in glyphs))


def letter_style(rng: np.random.Generator, height: float, script: str = "L", style: str | None = None) -> Style:
    """A style for words whose small letters fit figures of ``height`` pixels."""
    pool: list[Face] = faces(style=style, script=script)
    face = pool[rng.integers(len(pool))]
    probe = "x" if script == "L" else "α"
    tall = max(1, face.glyph(probe, 100.0).mask.shape[0])
    return Style(face, 0.72 * height / tall * 100.0 * float(rng.uniform(0.85, 1.15)), jitter=0.02 * height)


def random_number(rng: np.random.Generator, places: int) -> str:
    """A number of up to ``places`` figures; sixties are as common as in astronomy, leading zeros rare."""
    kind = rng.random()
    if places == 2 and kind < 0.6:
        return str(rng.integers(0, 60))
    if kind < 0.08:
        return "".join(str(d) for d in rng.integers(0, 10, places))
    fewer = int(rng.integers(1, places + 1)) if kind < 0.35 else places
    return str(rng.integers(10 ** (fewer - 1) if fewer > 1 else 0, 10**fewer))
