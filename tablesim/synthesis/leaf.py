"""The photograph of an aged leaf: on dark ground, beside its gutter and the shadow of the fold, turned or not."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from tablesim.records.boxes import Box
from tablesim.synthesis.ageing import Ageing, SimulatedScan, age
from tablesim.synthesis.sheet import Sheet

OVERSAMPLING = 1.6
"""Sheet pixels per scan pixel: strokes of type are then wider than a pixel of the sheet."""


def draw_leaf_ageing(rng: np.random.Generator) -> Ageing:
    """Wear as good libraries' scans of early prints show it: legible, never clean."""
    heavy = float(rng.uniform(-0.02, 0.1))
    return Ageing(
        scale=1 / OVERSAMPLING,
        skew=float(np.clip(rng.normal(0.0, 0.45), -1.2, 1.2)),
        bend=float(rng.uniform(-5, 5)) if rng.random() < 0.4 else 0.0,
        spread=heavy,
        gaps=float(rng.uniform(0.1, 0.4)) if rng.random() < 0.6 else 0.0,
        grain=float(rng.uniform(0.2, 0.45)),
        show_through=float(rng.uniform(0.03, 0.12)) if rng.random() < 0.7 else 0.0,
        paper=float(rng.uniform(0.74, 0.92)),
        ink=float(rng.uniform(0.72, 0.92)),
        stains=float(rng.uniform(0.1, 0.45)),
        light=float(rng.uniform(0.03, 0.2)),
        blur=float(rng.uniform(0.4, 0.65)),
        noise=float(rng.uniform(1.2, 2.6)),
        jpeg=0,
    )


def thicken(sheet: Sheet, weight: float) -> None:
    """Press the type a little into the damp paper: hairlines of digital faces are too thin for their size.

    ``weight`` 0 changes nothing, 1 widens every stroke by a pixel of the sheet on each side.
    """
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    wide = cv2.dilate(sheet.ink, cross).astype(np.float32) * weight
    np.maximum(sheet.ink, wide.astype(np.uint8), out=sheet.ink)


def photograph(
    sheet: Sheet,
    ageing: Ageing,
    rng: np.random.Generator,
    behind: Sheet | None = None,
    *,
    recto: bool = True,
    turn: int = 0,
) -> SimulatedScan:
    """The scan of a leaf.

    Parameters
    ----------
    sheet, behind : Sheet
        The page and what shows through from its back.
    ageing : Ageing
        How it aged.
    rng : numpy.random.Generator
        Draws the edges and the ground.
    recto : bool
        Whether the gutter is at the left.
    turn : int
        Clockwise degrees by which the photograph lies turned.

    Returns
    -------
    SimulatedScan
        Grey picture; its numbers and boxes in its own pixels.
    """
    leaf = age(sheet, ageing, rng, behind)
    height, width = leaf.grey.shape
    gutter, outer = int(rng.uniform(0.012, 0.05) * width), int(rng.uniform(0.02, 0.07) * width)
    above, below = (int(share * height) for share in rng.uniform(0.008, 0.035, 2))
    left = gutter if recto else outer
    shape = (height + above + below, width + gutter + outer)
    picture = _ground(shape, above, below, rng)
    facing = picture[:, :gutter] if recto else picture[:, shape[1] - gutter :]
    facing[above : shape[0] - below] = 0.9 * float(np.median(leaf.grey)) + rng.normal(0, 2.0, (height, gutter))
    mask = _outline(height, width, recto, rng)
    area = picture[above : above + height, left : left + width]
    area += mask * (leaf.grey - area)
    _shade(picture, left if recto else left + width, above, height, rng)
    grey = np.clip(cv2.GaussianBlur(picture, (0, 0), 0.4), 0, 255).astype(np.uint8)
    placed = leaf.moved(grey, lambda box: replace(box, x=box.x + left, y=box.y + above))
    return _turned(placed, turn)


def _ground(shape: tuple[int, int], above: int, below: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """What the leaf lies on: nearly black, with a little noise and the edge of the book block."""
    ground = np.full(shape, rng.uniform(14, 38), dtype=np.float32)
    ground += rng.standard_normal(shape, dtype=np.float32) * 1.5
    if rng.random() < 0.5:
        ground[: above // 2] *= 0.6
        ground[shape[0] - below // 2 :] *= 0.6
    return ground


def _outline(height: int, width: int, recto: bool, rng: np.random.Generator) -> NDArray[np.float32]:
    """1 where the leaf is: its outer edge and corners are not quite straight, its gutter edge is."""
    shift = np.abs(rng.normal(0, 4.0, 6))
    outer = [(width - 1 - shift[0], shift[1]), (width - 1 - shift[2], height / 2), (width - 1, height - 1 - shift[3])]
    inner = [(0.0, height - 1 - shift[4]), (0.0, shift[5])]
    points = np.array([*outer, *inner])
    if not recto:
        points[:, 0] = width - 1 - points[:, 0]
    mask = np.zeros((height, width), dtype=np.uint8)
    cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
    return (mask / np.float32(255)).astype(np.float32)


def _shade(picture: NDArray[np.float32], fold: int, above: int, height: int, rng: np.random.Generator) -> None:
    """The shadow of the fold on both pages."""
    distance = np.abs(np.arange(picture.shape[1]) - fold)
    reach = float(rng.uniform(12, 34))
    dark = 1 - float(rng.uniform(0.35, 0.7)) * np.exp(-distance / reach)
    picture[above : above + height] *= dark.astype(np.float32)


def _turned(scan: SimulatedScan, turn: int) -> SimulatedScan:
    """The scan turned clockwise by quarter turns."""
    height, width = scan.grey.shape
    if turn == 0:
        return scan

    def move(box: Box) -> Box:
        if turn == 90:
            return Box(height - box.bottom, box.x, box.height, box.width)
        if turn == 180:
            return Box(width - box.right, height - box.bottom, box.width, box.height)
        return Box(box.y, width - box.right, box.height, box.width)

    grey = np.ascontiguousarray(np.rot90(scan.grey, -(turn // 90)))
    return scan.moved(grey, move)
