"""A block of a practice page, and the type that it is set in: a face at random, worn, with sorts of a wrong fount."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tablesim.synthesis.faces import DRAWN, Face, Typeface, faces
from tablesim.synthesis.sheet import Area, Style
from tablesim.synthesis.sorts import draw_wear, raised_point, thin_space, wrong_fount

_LINING = {"bodoni": 0.5, "bodoni-italic": 0.4, "playfair": 0.5, "unifraktur": 0.5, "gfs-didot-italic": 0.5}
"""How often a lining face is taken, 1 where nothing is said: display faces were rare in tables."""

_DRAWN = 0.12
"""Share of the old-style faces that are drawn: the digits of the first printers, which no typeface has."""


@dataclass(frozen=True, slots=True)
class Block(Area):
    """A rectangle of the sheet to fill, with the page's type size (height of digits), all in sheet pixels."""

    digit_height: float


def digit_style(rng: np.random.Generator, height: float, lining: float = 0.3) -> Style:
    """A style whose digits are ``height`` pixels high on average, lining ones in a share ``lining`` of all styles."""
    face = _lining_face(rng) if rng.random() < lining else _old_face(rng)
    size = height / face.digit_height(100.0) * 100.0
    width = face.glyph("0", size).advance
    spacing = float(rng.choice([0.0, 0.0, rng.uniform(-0.06, 0.12), rng.uniform(0.0, 0.3)])) * width
    own = raised_point(height, rng) | thin_space(float(rng.uniform(0.22, 0.6)) * width)
    if rng.random() < 0.1:
        own |= wrong_fount(_old_face(rng), size, height, rng)
    jitter = float(rng.uniform(0.0, 0.035)) * height
    return Style(face, size, spacing, jitter, own=own, wear=draw_wear(rng, height))


def _lining_face(rng: np.random.Generator) -> Typeface:
    pool = faces(digits="lining")
    weights = np.array([_LINING.get(face.name, 1.0) for face in pool])
    return pool[rng.choice(len(pool), p=weights / weights.sum())]


def _old_face(rng: np.random.Generator) -> Typeface:
    if rng.random() < _DRAWN:
        drawn = list(DRAWN.values())
        return drawn[rng.integers(len(drawn))]
    pool = faces(digits="old-style")
    return pool[rng.integers(len(pool))]


def letter_style(rng: np.random.Generator, height: float, script: str = "L", style: str | None = None) -> Style:
    """A style for words whose small letters fit digits of ``height`` pixels."""
    pool: list[Face] = faces(style=style, script=script)
    face = pool[rng.integers(len(pool))]
    probe = "x" if script == "L" else "α"
    tall = max(1, face.glyph(probe, 100.0).mask.shape[0])
    return Style(face, 0.72 * height / tall * 100.0 * float(rng.uniform(0.85, 1.15)), jitter=0.02 * height)


def random_number(rng: np.random.Generator, places: int) -> str:
    """A number of up to ``places`` digits; sixties are as common as in astronomy, leading zeros rare."""
    kind = rng.random()
    if places == 2 and kind < 0.6:
        return str(rng.integers(0, 60))
    if kind < 0.08:
        return "".join(str(d) for d in rng.integers(0, 10, places))
    fewer = int(rng.integers(1, places + 1)) if kind < 0.35 else places
    return str(rng.integers(10 ** (fewer - 1) if fewer > 1 else 0, 10**fewer))
