"""Registered pages as pictures: the overlay of their inks, and the one that blinks between them.

Page A is brought onto page B by its PageMap; page B stands upright and is otherwise left alone. Every
pixel of the picture is looked up on A (backward mapping), so nothing is torn open where the map stretches.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFont

from tablesim.evidence.figures.match_figure import INK, LOOSE_COLOUR, SUPPORTED_COLOUR, upright_box
from tablesim.evidence.registration.page_map import PageMap
from tablesim.records.boxes import Box
from tablesim.records.counting import counted
from tablesim.records.transform import Transform
from tablesim.scans.cleaning import clean
from tablesim.scans.images import load_scan

if TYPE_CHECKING:
    from tablesim.evidence.comparison import Comparison

A_COLOUR, B_COLOUR = SUPPORTED_COLOUR, LOOSE_COLOUR  # one upon the other is nearly black
MARK_COLOUR = "#CC79A7"

OVERLAY_SIDE = 2000
"""Longer side of the overlay in pixels; a smaller scan is not made larger."""

BLINK_SIDE = 1200
"""Longer side of the blinking picture."""

BLINK_SECONDS = 0.8
"""How long each of the two pages is seen."""

GRAIN = 0.1
"""Ink fainter than this is the grain of the paper: two colours of it would hide what is printed."""

GREYS = 32
"""Grey levels of the blinking picture: enough for print, and half the bytes of 256."""

STEP = 8
"""Pixels of the picture between places that are mapped exactly; those between follow, as columns are far wider."""

Grey = NDArray[np.uint8]


def aligned_pages(comparison: Comparison, side: int = OVERLAY_SIDE) -> tuple[Grey, Grey]:
    """Page A brought onto page B, and page B, upright and of one size.

    Parameters
    ----------
    comparison : Comparison
        Its ``transform`` is not None.
    side : int
        Longer side in pixels at most; B is never enlarged.

    Returns
    -------
    grey_a_on_b, grey_b : uint8 arrays of shape (height, width)
        0 black, 255 white; white too where A does not reach.

    Raises
    ------
    ValueError
        There is no transform; the message says why.
    ScanError
        A scan is no longer where the reading says it was.
    """
    transform = _transform(comparison)
    view = _view(comparison, side)
    size = view.working_size
    grey_a, grey_b = (load_scan(reading.scan).grey for reading in (comparison.reading_a, comparison.reading_b))
    grey_b = np.ascontiguousarray(np.rot90(grey_b, k=-(view.rotation // 90)))
    if view.scale < 1:
        grey_b = _smaller(grey_b, size)
    # Averaged down before they are sampled, else thin strokes would fall between the samples.
    shrink = view.scale * _magnification(transform, comparison)
    if shrink < 1:
        grey_a = _smaller(grey_a, (max(1, round(shrink * grey_a.shape[1])), max(1, round(shrink * grey_a.shape[0]))))
    stretch = np.array([grey_a.shape[1] / comparison.reading_a.width, grey_a.shape[0] / comparison.reading_a.height])
    across, along = _places(transform, view, stretch)
    on_b = np.asarray(cv2.remap(grey_a, across, along, cv2.INTER_LINEAR, borderValue=255), dtype=np.uint8)
    return on_b, grey_b


def _places(
    transform: PageMap, view: Transform, stretch: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """For each pixel of the picture, where on the shrunk page A it is: x and y, each of the picture's shape."""
    width, height = view.working_size
    columns, rows = (-(-extent // STEP) + 2 for extent in (width, height))
    x, y = np.meshgrid((np.arange(columns) - 0.5) * STEP, (np.arange(rows) - 0.5) * STEP)
    places = transform.to_a(view.to_source(np.stack([x.ravel(), y.ravel()], axis=1))) * stretch - 0.5
    maps = places.astype(np.float32).T.reshape(2, rows, columns)
    full = [cv2.resize(coarse, (columns * STEP, rows * STEP), interpolation=cv2.INTER_LINEAR) for coarse in maps]
    across, along = (
        np.ascontiguousarray(fine[STEP : STEP + height, STEP : STEP + width], dtype=np.float32) for fine in full
    )
    return across, along


def draw_overlay(comparison: Comparison, path: str | Path, *, mark: bool = True, side: int = OVERLAY_SIDE) -> Path:
    """Draw the ink of A and that of B upon each other, each in its colour; where both have ink it is dark.

    Parameters
    ----------
    comparison, side
        As for ``aligned_pages``, which also raises the errors.
    path : str or Path
        Where to write the picture; the suffix says in which format (PNG, JPEG, WebP, ...). It is returned.
    mark : bool
        Whether to frame the positions where numbers that lie upon each other were read differently.
    """
    transform = _transform(comparison)
    inks = [_print(grey) for grey in aligned_pages(comparison, side)]
    # Each ink takes from white what its colour lacks, as printing inks do.
    picture = np.ones((*inks[0].shape, 3), dtype=np.float32)
    for ink, colour in zip(inks, (A_COLOUR, B_COLOUR), strict=True):
        lacks = 1 - np.array(ImageColor.getrgb(colour), dtype=np.float32) / 255
        picture *= 1 - ink[..., None] * lacks
    page = Image.fromarray(np.round(255 * picture).astype(np.uint8))
    marks = _marks(comparison, transform, _view(comparison, side)) if mark else []
    pen = ImageDraw.Draw(page)
    width = max(2, round(max(page.size) / 700))
    for box in marks:
        pen.rectangle((box.x - width, box.y - width, box.right + width, box.bottom + width), None, MARK_COLOUR, width)
    lines = [
        (f"A  {comparison.reading_a.page}", A_COLOUR),
        (f"B  {comparison.reading_b.page}", B_COLOUR),
        (f"Ink of both is dark. {_sentence(transform.words())}", INK),
    ]
    if marks:
        lines.append((f"Framed: {counted(len(marks), 'place')} where the numbers were read differently.", MARK_COLOUR))
    _with_words(page, lines).save(path)
    return Path(path)


def write_blink(comparison: Comparison, path: str | Path, *, side: int = BLINK_SIDE) -> Path:
    """Write a picture that blinks between B and A brought onto it, without end.

    Parameters
    ----------
    comparison, side
        As for ``aligned_pages``, which also raises the errors.
    path : str or Path
        Where to write it: .gif opens everywhere; .webp and .png (APNG) in browsers. It is returned.
    """
    on_b, grey_b = (np.round(255 * (1 - _print(grey))).astype(np.uint8) for grey in aligned_pages(comparison, side))
    names = f"B  {comparison.reading_b.page}", f"A  {comparison.reading_a.page}"
    steps = 255 // (GREYS - 1)
    frames = []
    for grey, name, colour in zip((grey_b, on_b), names, (B_COLOUR, A_COLOUR), strict=True):
        levels = Image.fromarray((grey // steps * steps).astype(np.uint8)).convert("RGB")
        frames.append(_with_words(levels, [(name, colour)]))
    palette = [frame.quantize(GREYS + 16, dither=Image.Dither.NONE) for frame in frames]
    palette[0].save(
        path, save_all=True, append_images=palette[1:], duration=round(1000 * BLINK_SECONDS), loop=0, disposal=1
    )
    return Path(path)


def _transform(comparison: Comparison) -> PageMap:
    if comparison.transform is None:
        raise ValueError(
            f"{comparison.a} cannot be registered on {comparison.b}: {comparison.why_no_transform}; "
            "ask Comparison.transform first, which is None then"
        )
    return comparison.transform


def _print(grey: Grey) -> NDArray[np.float32]:
    """The ink of a page without the grain of its paper: 0 bare, 1 full ink."""
    return np.asarray(np.clip((clean(grey) - GRAIN) / (1 - GRAIN), 0, 1), dtype=np.float32)


def _magnification(transform: PageMap, comparison: Comparison) -> float:
    """How many source pixels of B one of A comes to, where the matched numbers stand."""
    places = [comparison.reading_a.numbers[i].box.centre for i, _ in transform.pairs.tolist()]
    middle = np.median(np.array(places), axis=0)
    reach = comparison.reading_a.width / 10
    square = middle + reach * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    x, y = transform.to_b(square).T
    area = abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
    return float(np.sqrt(area) / (2 * reach))


def _smaller(grey: Grey, size: tuple[int, int]) -> Grey:
    """The picture averaged down to (width, height)."""
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _view(comparison: Comparison, side: int) -> Transform:
    """From source pixels of B to pixels of the picture: the quarter turn that sets B upright, and the size."""
    given = comparison.reading_b.transform
    scale = min(1.0, side / max(given.source_width, given.source_height))
    return Transform(given.source_width, given.source_height, given.rotation, scale)


def _marks(comparison: Comparison, transform: PageMap, view: Transform) -> list[Box]:
    """On the picture, the boxes of numbers that were read differently: around both."""
    boxes = []
    for i, j in transform.differing.tolist():
        on_a, on_b = comparison.reading_a.numbers[i].box, comparison.reading_b.numbers[j].box
        boxes.append(upright_box(Box.around([transform.box_to_b(on_a), on_b]), view))
    return boxes


def _with_words(page: Image.Image, lines: Sequence[tuple[str, str]]) -> Image.Image:
    """The page with lines of text in their colours above it."""
    size = max(13, round(page.width / 60))
    font = ImageFont.load_default(size)
    letters = max(20, int(page.width / (0.55 * size)))
    wrapped = [(part, colour) for text, colour in lines for part in textwrap.wrap(text, letters)]
    strip = round(size * (1.35 * len(wrapped) + 0.9))
    sheet = Image.new("RGB", (page.width, page.height + strip), "white")
    sheet.paste(page, (0, strip))
    pen = ImageDraw.Draw(sheet)
    for line, (text, colour) in enumerate(wrapped):
        pen.text((size * 0.6, size * (0.45 + 1.35 * line)), text, fill=colour, font=font)
    return sheet


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + "."
