"""A page scanned again in another way: the picture and its reading sent through a known map."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tablesim.evidence.registration.plane import project
from tablesim.records.boxes import Box
from tablesim.records.reading import Number, Reading
from tablesim.records.transform import Transform
from tablesim.scans.images import load_scan

TURNED = {90: 270, 180: 180, 270: 90}
"""Turned clockwise by so many degrees, a page must be turned by so many more to stand upright."""


def tilted(reading: Reading, depth: float = 0.06, scale: float = 1.0) -> NDArray[np.float64]:
    """A homography, (3, 3), under which the right side of the page is nearer and the lower left corner further out."""
    width, height = reading.width, reading.height
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    moves = depth * width * np.array([[0.1, 0.5], [0.0, 0.0], [0.3, 0.4], [0.5, 0.1]])
    target = ((corners + moves) * scale).astype(np.float32)
    return np.asarray(cv2.getPerspectiveTransform(corners, target), dtype=np.float64)


def turned(reading: Reading, degrees: int) -> NDArray[np.float64]:
    """The map, (3, 3), that turns a scan clockwise by quarter turns and keeps it in view."""
    return np.vstack([Transform(reading.width, reading.height, degrees).matrix, [0, 0, 1]])


def photographed(
    reading: Reading, matrix: NDArray[np.float64], page: str, *, degrees: int = 0, scatter: float = 0.0, seed: int = 0
) -> Reading:
    """What is read on the page sent through ``matrix``, of which ``degrees`` are a quarter turn; its picture too.

    ``scatter`` is the standard deviation of the boxes that are found, in pixels.
    """
    rng = np.random.default_rng(seed)
    corners = np.array([[0, 0], [reading.width, 0], [reading.width, reading.height], [0, reading.height]], dtype=float)
    width, height = np.ceil(project(matrix, corners).max(axis=0)).astype(int)
    grey = load_scan(reading.scan).grey
    # Pixels have their middles at halves, OpenCV counts them at whole numbers.
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    sent = cv2.warpPerspective(
        grey, np.linalg.inv(half) @ matrix @ half, (int(width), int(height)), flags=cv2.INTER_LINEAR, borderValue=255
    )
    path = Path(reading.scan).with_name(f"{page}.png")
    Image.fromarray(sent).save(path)

    def box(given: Box) -> Box:
        x, y = given.x, given.y
        sides = project(matrix, np.array([[x, y], [given.right, y], [given.right, given.bottom], [x, given.bottom]]))
        low, size = sides.min(axis=0), np.ptp(sides, axis=0)
        left, top = low + rng.normal(0, scatter, 2)
        return Box(float(left), float(top), float(size[0]), float(size[1]))

    numbers = tuple(
        replace(number, digits=tuple(replace(digit, box=box(digit.box)) for digit in number.digits))
        for number in reading.numbers
    )
    rotation = (reading.transform.rotation + TURNED.get(degrees, 0)) % 360
    return replace(
        reading, scan=str(path), page=page, transform=Transform(int(width), int(height), rotation), numbers=numbers
    )


def misread(reading: Reading, share: float, seed: int = 0) -> Reading:
    """The reading with a share of its numbers put in each other's places, so that they match where they should not."""
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(reading.numbers))[: round(share * len(reading.numbers))]
    numbers: list[Number] = list(reading.numbers)
    for at, other in zip(chosen, np.roll(chosen, 1), strict=True):
        here, there = reading.numbers[at], reading.numbers[other]
        shift = np.subtract(here.box.centre, there.box.centre)
        moved = tuple(
            replace(d, box=Box(d.box.x + shift[0], d.box.y + shift[1], d.box.width, d.box.height)) for d in there.digits
        )
        numbers[at] = replace(there, digits=moved, row=here.row, column=here.column, table=here.table)
    return replace(reading, numbers=tuple(numbers))


def centres(reading: Reading) -> NDArray[np.float64]:
    """Middles of the numbers in source pixels, (n, 2)."""
    return np.array([number.box.centre for number in reading.numbers])


def figure_height(reading: Reading) -> float:
    """Median height of an upright figure, in source pixels."""
    lying = reading.transform.rotation in (90, 270)
    return float(np.median([d.box.width if lying else d.box.height for d in reading.digits]))
