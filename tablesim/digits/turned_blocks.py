"""Finds blocks of a page that stand a quarter turn from the rest of it, as tables on their side do, by their marks.

Upright, two thirds of letters and digits are taller than wide; where most marks around a place are wider than tall,
what is printed there may lie on its side. Whether it does is for a reading of the block to say.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, find_objects, label

from tablesim.digits.scale import Survey
from tablesim.records.boxes import Box

SPOT = 8.0
"""Side of a square of the grid on which marks are looked at, in heights of the page's marks."""

LYING, STANDING = 0.65, 0.5
"""Share of the marks of a spot that lie, from which it may lie; and of a spot beside such ones, from which it does."""

FEW, FEWEST = 6, 30
"""Marks of a spot that tell, and of a block: smaller ones are lines of dashes and ornaments."""

Bools = NDArray[np.bool_]


def turned_blocks(marks: Survey, rotation: int) -> list[Box]:
    """Blocks of a page that may lie on their side.

    Parameters
    ----------
    marks : Survey
        Of the page.
    rotation : int
        Clockwise degrees that set the rest of the page upright.

    Returns
    -------
    list of Box
        In source pixels, with some paper around.
    """
    if len(marks.boxes) < FEWEST:
        return []
    left, top, right, bottom = marks.boxes.T
    lies = (right - left > bottom - top) != (rotation in (90, 270))
    usual = float(np.median(np.minimum(right - left, bottom - top))) / 0.6
    cell = (np.column_stack([top + bottom, left + right]) / 2 // (SPOT * usual)).astype(np.int64)
    counts = np.zeros(cell.max(axis=0) + 1)
    lying = np.zeros_like(counts)
    np.add.at(counts, tuple(cell.T), 1.0)
    np.add.at(lying, tuple(cell.T), lies)
    share = lying / np.maximum(counts, 1.0)
    seeds: Bools = (counts >= FEW) & (share >= LYING)
    if not seeds.any():
        return []
    beside = binary_dilation(seeds, np.ones((3, 3), bool)) & (counts > 0) & ((share >= STANDING) | (counts < FEW))
    blocks, _ = label(seeds | beside, np.ones((3, 3), bool))
    of_block = blocks[tuple(cell.T)]
    found = []
    for number, _ in enumerate(find_objects(blocks), 1):
        inside = of_block == number
        if inside.sum() >= FEWEST:
            x, y = left[inside].min() - usual, top[inside].min() - usual
            width, height = right[inside].max() + usual - x, bottom[inside].max() + usual - y
            found.append(Box(float(x), float(y), float(width), float(height)))
    return found
