"""Pages printed for the tests: a table set twice in different type and layout, with the true place of every figure."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from tablesim.bigrams import histogram
from tablesim.records.reading import Digit, Number, Reading
from tablesim.records.transform import Transform
from tablesim.synthesis.faces import FACES
from tablesim.synthesis.sheet import Sheet, Style

Rows = Sequence[Sequence[str]]


def declinations(obliquity: float = 23.5, last: int = 30) -> list[list[str]]:
    """Degree, then degrees and minutes of the Sun's declination in three signs, then the degree counted back."""
    rows = []
    for degree in range(last + 1):
        row = [str(degree)]
        for sign in range(3):
            sine = math.sin(math.radians(obliquity)) * math.sin(math.radians(30 * sign + degree))
            minutes = round(60 * math.degrees(math.asin(sine)))
            row += [str(minutes // 60), str(minutes % 60)]
        rows.append([*row, str(30 - degree)])
    return rows


def sines(radius: int, last: int = 40) -> list[list[str]]:
    """Degree and sine for a radius, two columns of sines."""
    return [
        [str(d), str(round(radius * math.sin(math.radians(d)))), str(round(radius * math.sin(math.radians(d + 45))))]
        for d in range(1, last + 1)
    ]


def print_page(
    folder: Path,
    page: str,
    rows: Rows,
    *,
    face: str = "fell-english",
    size: float = 26,
    pitch: float = 34,
    widths: Sequence[float] = (),
    order: Sequence[int] = (),
    at: tuple[float, float] = (80, 150),
    paper: tuple[int, int, int] = (236, 224, 200),
    title: str = "TABVLA DECLINATIONIS SOLIS",
    rotation: int = 0,
    confidence: float = 0.98,
    seed: int = 0,
) -> Reading:
    """Print ``rows`` as ``folder/page.png`` and return what a perfect reader would read.

    ``order`` sets the columns in another order; ``widths`` gives the pixels of each printed column; ``rotation`` lays
    the scan so that it must be turned by so many degrees to stand upright. Confidences vary a little by seed.
    """
    rng = np.random.default_rng(seed)
    order = list(order) or list(range(len(rows[0])))
    widths = list(widths) or [72.0] * len(order)
    width, height = math.ceil(2 * at[0] + sum(widths)), math.ceil(at[1] + pitch * len(rows) + 90)
    sheet = Sheet(width, height, rng)
    style = Style(FACES[face], size, jitter=0.3)
    sheet.write(width / 2, at[1] - 70, title, Style(FACES[face], 1.1 * size), anchor="middle")
    top, bottom = at[1] - 40, at[1] + pitch * (len(rows) - 1) + 16
    edges = [at[0], *(at[0] + np.cumsum(widths))]
    for x in edges:
        sheet.rule(x, top, x, bottom, 2)
    for y in (top, bottom):
        sheet.rule(edges[0], y, edges[-1], y, 2)
    for r, row in enumerate(rows):
        for c, which in enumerate(order):
            place = {"table": 0, "row": r, "column": c}
            sheet.write(edges[c + 1] - 14, at[1] + pitch * r, row[which], style, anchor="right", **place)
    ink = sheet.ink[..., None] / 255.0
    noise = rng.normal(0, 5, sheet.ink.shape)[..., None]
    picture = np.clip(np.array(paper) * (1 - 0.86 * ink) + noise, 0, 255).astype(np.uint8)
    picture = np.rot90(picture, k=rotation // 90)  # laid anticlockwise, to be set upright clockwise
    path = folder / f"{page}.png"
    Image.fromarray(picture).save(path)
    transform = Transform(picture.shape[1], picture.shape[0], rotation)
    numbers = []
    for number in sheet.numbers:
        digits = tuple(
            Digit(d.value, transform.box_to_source(d.box), float(confidence * rng.uniform(0.9, 1.0)))
            for d in number.digits
        )
        lowest = min(digit.confidence for digit in digits)
        numbers.append(Number(number.text, digits, lowest, number.table, number.row, number.column))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    reading = Reading(str(path), page, sha256, transform, len(numbers) > 20, 0.97, tuple(numbers))
    return reading.with_histogram(histogram(reading))


def two_editions(folder: Path) -> tuple[Reading, Reading]:
    """One table in two editions: other type, size, column widths and column order."""
    rows = declinations()
    a = print_page(folder, "venice_1543", rows, seed=1)
    b = print_page(
        folder,
        "paris_1561",
        rows,
        face="garamond-italic",
        size=34,
        pitch=40,
        widths=(70, 90, 64, 84, 64, 100, 70, 80),
        order=(0, 1, 2, 5, 6, 3, 4, 7),
        at=(110, 190),
        paper=(224, 216, 202),
        seed=2,
    )
    return a, b
