"""Single sorts that suffered or are no letters: faint, broken, clogged, off the line; points, bars and ditto marks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tablesim.records.marks import RAISED_POINT, THIN_SPACE
from tablesim.synthesis.faces import DIGITS, Glyph, Typeface

Mask = NDArray[np.uint8]

FAINTEST = 0.3
"""Least strength of a faint sort: a person still reads it."""

MOST_BROKEN = 0.4
"""Greatest share of a sort's height or width that is broken off."""


@dataclass(frozen=True, slots=True)
class SortWear:
    """How single sorts of a text have suffered, each with its own luck.

    Parameters
    ----------
    faint, broken, clogged, off_line : float
        Shares of the sorts that print weakly, lack a piece, print too fat, stand above or below the line; 0 to 1.
    height : float
        Usual height of a digit in pixels, which off-line sorts are off by a part of.
    """

    faint: float = 0.0
    broken: float = 0.0
    clogged: float = 0.0
    off_line: float = 0.0
    height: float = 20.0

    def of(self, mask: Mask, rng: np.random.Generator) -> tuple[Mask, float]:
        """What a sort with this mask prints, a mask of the same shape, and by how many pixels it stands too low."""
        luck = rng.random(4)
        if not mask.size or not (luck < (self.faint, self.broken, self.clogged, self.off_line)).any():
            return mask, 0.0
        if luck[1] < self.broken:
            mask = _broken(mask, rng)
        if luck[2] < self.clogged:
            mask = np.asarray(cv2.dilate(mask, np.ones((2, 2), np.uint8)), dtype=np.uint8)
        if luck[0] < self.faint:
            mask = (mask * rng.uniform(FAINTEST, 0.8)).astype(np.uint8)
        drift = float(rng.uniform(0.08, 0.32) * rng.choice([-1, 1])) * self.height if luck[3] < self.off_line else 0.0
        return mask, drift


def draw_wear(rng: np.random.Generator, height: float) -> SortWear | None:
    """Wear of the sorts of one block: none on half of them."""
    if rng.random() < 0.5:
        return None

    def share(probability: float, most: float) -> float:
        return float(rng.uniform(0.0, most)) if rng.random() < probability else 0.0

    return SortWear(share(0.5, 0.25), share(0.4, 0.12), share(0.3, 0.2), share(0.3, 0.1), height)


def _broken(mask: Mask, rng: np.random.Generator) -> Mask:
    """The mask without a piece at one of its edges, torn along a line askew."""
    height, width = mask.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    along, across = (y / height, x / width) if rng.random() < 0.6 else (x / width, y / height)
    if rng.random() < 0.5:
        along = 1 - along
    edge = float(rng.uniform(0.1, MOST_BROKEN)) + float(rng.uniform(-0.3, 0.3)) * (across - 0.5)
    kept = np.clip((along - edge) * 4 + 0.5, 0, 1)
    return np.asarray(mask * kept, dtype=np.uint8)


def wrong_fount(face: Typeface, size: float, height: float, rng: np.random.Generator) -> dict[str, Glyph]:
    """One to three digits that are not of the fount: too small, high or low, wherever they are set.

    Parameters
    ----------
    face : Typeface
        From which these digits are.
    size : float
        Pixels an em of the text.
    height : float
        Usual height of its digits in pixels.
    """
    sorts = {}
    for digit in rng.choice(list(DIGITS), int(rng.integers(1, 4)), replace=False):
        glyph = face.glyph(str(digit), size * float(rng.uniform(0.7, 1.1)))
        shift = round(float(rng.uniform(-0.35, 0.3)) * height)
        sorts[str(digit)] = Glyph(glyph.mask, glyph.left, glyph.top + shift, glyph.advance)
    return sorts


def thin_space(width: float) -> dict[str, Glyph]:
    """A space of ``width`` pixels that sets thousands apart."""
    return {THIN_SPACE: Glyph(np.zeros((0, 0), dtype=np.uint8), 0, 0, width)}


def raised_point(height: float, rng: np.random.Generator) -> dict[str, Glyph]:
    """A raised point as presses printed it beside digits of ``height`` pixels: small or as large as a bowl of a figure.

    It is full, a ring nearly closed, star-like, square, or drawn out like a comma.
    """
    side = max(3, round(height * float(rng.uniform(0.12, 0.42))))
    mask = _blot(side, str(rng.choice(["disc", "disc", "square", "star", "comma", "ring"])), rng)
    rise = float(rng.uniform(0.3, 0.85)) * height
    room = float(rng.uniform(0.02, 0.2)) * height
    glyph = Glyph(mask, round(room), -round(rise) - mask.shape[0] // 2, mask.shape[1] + 2 * room)
    return {RAISED_POINT: glyph}


def _blot(side: int, shape: str, rng: np.random.Generator) -> Mask:
    """A small blot of ink of about ``side`` x ``side`` pixels."""
    big = 8
    size = side * big
    canvas = np.zeros((size * 2 if shape == "comma" else size, size), dtype=np.uint8)
    middle = (size // 2, size // 2)
    if shape == "square":
        corners = cv2.boxPoints((middle, (0.8 * size, 0.8 * size), float(rng.uniform(0, 90))))
        cv2.fillPoly(canvas, [np.round(corners).astype(np.int32)], 255)
    elif shape == "star":
        for angle in np.arange(0, np.pi, np.pi / int(rng.integers(2, 4))) + rng.uniform(0, 1):
            reach = np.array([np.cos(angle), np.sin(angle)]) * 0.48 * size
            ends = [(round(middle[0] + s * reach[0]), round(middle[1] + s * reach[1])) for s in (-1, 1)]
            cv2.line(canvas, ends[0], ends[1], 255, max(1, size // 4))
    elif shape == "comma":
        cv2.circle(canvas, middle, round(0.45 * size), 255, -1)
        tail = np.array([[0.5, 0.9], [0.95, 0.5], [0.3, 1.9]]) * size
        cv2.fillPoly(canvas, [np.round(tail).astype(np.int32)], 255)
    else:
        cv2.circle(canvas, middle, round(0.48 * size), 255, -1)
        if shape == "ring":
            cv2.circle(canvas, middle, round(0.12 * size), 0, -1)
    return np.asarray(cv2.resize(canvas, None, fx=1 / big, fy=1 / big, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def fraction_bar(width: float, height: float, thickness: float) -> Mask:
    """A bar of ``width`` x ``height`` pixels: slanted, rising to the right, or level where it is flat."""
    thick = max(1, round(thickness))
    shape = (max(thick, round(height)) + 1, max(2, round(width)) + 1)
    mask = np.zeros(shape, dtype=np.uint8)
    if height <= thickness:
        mask[:thick] = 255
    else:
        cv2.line(mask, (0, shape[0] - 1), (shape[1] - 1, 0), 255, thick, cv2.LINE_AA)
    return mask
