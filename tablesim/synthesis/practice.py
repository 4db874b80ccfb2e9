"""Practice pages for the digit network: small sheets that crowd together all that stands on early pages.

A practice page is not a sensible page but a hard one: blocks of tables in every spacing, lists with words, running
text, Greek and Roman numerals, drawings, dials. The same sheet and the same ageing make the pages of whole editions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from tablesim.records.boxes import Box
from tablesim.records.truth import TrueDigit
from tablesim.synthesis.ageing import SimulatedScan, age, draw_ageing
from tablesim.synthesis.practice_blocks import Block
from tablesim.synthesis.practice_surroundings import set_dial, set_drawing, set_heading, set_scratches, set_text
from tablesim.synthesis.practice_tables import set_fractions, set_list, set_table
from tablesim.synthesis.sheet import Sheet

OVERSAMPLING = 1.7
"""Sheet pixels per scan pixel: enough for the ink to spread by fractions of a scan pixel."""

USUAL_HEIGHT, LOWEST, HIGHEST = 17.5, 10.5, 33.0
"""Heights of figures in working pixels: about the network's FIGURE_HEIGHT, as pages differ from their first survey."""

FINEST = 1.6
"""Finest resolution at which a practice page is scanned before it is brought to the working scale."""

FEWEST_PIXELS = 8.0
"""Height in scan pixels of the smallest type's figures when the scan is at its coarsest."""

LOST_PIXELS = 6.0
"""Numbers whose tallest figure has fewer scan pixels than this are not asked for: nobody could read them."""


def practice_page(seed: int, size: int = 768, wear: float = 1.0) -> SimulatedScan:
    """A practice page of ``size`` x ``size`` working pixels; the same seed gives the same bytes.

    Figures are 10 to 33 pixels high, most of them 14 to 22. As with real pages, the scan was made at some other
    resolution and then brought to the working scale. One page in thirteen lies on its side or on its head: there no
    figure is asked for, so that the network does not read what is not upright. ``wear`` from 0 to 1 as in
    ``draw_ageing``.
    """
    rng = np.random.default_rng([seed, 0x7AB1E])
    side = round(size * OVERSAMPLING)
    sheet = Sheet(side, side, rng)
    blocks = _split(_whole(side, rng), rng, depth=2)
    for block in blocks:
        _FILLERS[rng.choice(len(_FILLERS), p=_ODDS)](sheet, block, rng)
    if rng.random() < 0.1:
        set_scratches(sheet, rng)
    smallest = min(block.figure_height for block in blocks) / OVERSAMPLING
    resolution = float(np.exp(rng.uniform(np.log(FEWEST_PIXELS / smallest), np.log(FINEST))))
    scan = _resized(_without_lost(age(sheet, draw_ageing(rng, resolution / OVERSAMPLING, wear), rng)), size)
    if rng.random() < 0.08:
        return SimulatedScan(np.ascontiguousarray(np.rot90(scan.grey, int(rng.integers(1, 4)))), (), ())
    return scan


def _whole(side: int, rng: np.random.Generator) -> Block:
    """The whole sheet as one block."""
    height = float(np.clip(rng.lognormal(np.log(USUAL_HEIGHT), 0.2), LOWEST, HIGHEST))
    return Block(0, 0, side, side, height * OVERSAMPLING)


def _without_lost(scan: SimulatedScan) -> SimulatedScan:
    """The scan without the numbers that are too small in it: their places are not asked for."""
    lost = [max(digit.box.height for digit in number.digits) < LOST_PIXELS for number in scan.numbers]
    unasked = [digit.box for number, gone in zip(scan.numbers, lost, strict=True) if gone for digit in number.digits]
    kept = tuple(number for number, gone in zip(scan.numbers, lost, strict=True) if not gone)
    return replace(scan, numbers=kept, unasked=scan.unasked + tuple(unasked))


def _resized(scan: SimulatedScan, size: int) -> SimulatedScan:
    """The scan brought to ``size`` x ``size`` pixels, as reading brings a page to its working scale."""
    share = size / scan.grey.shape[0]
    way = cv2.INTER_AREA if share < 1 else cv2.INTER_CUBIC
    grey = np.asarray(cv2.resize(scan.grey, (size, size), interpolation=way), dtype=np.uint8)

    def moved(box: Box) -> Box:
        return Box(box.x * share, box.y * share, box.width * share, box.height * share)

    numbers = tuple(
        replace(number, digits=tuple(TrueDigit(d.value, moved(d.box)) for d in number.digits))
        for number in scan.numbers
    )
    return SimulatedScan(grey, numbers, tuple(moved(box) for box in scan.unasked))


def _split(block: Block, rng: np.random.Generator, depth: int) -> list[Block]:
    """Pieces of a block, some of them in another size of type."""
    if depth == 0 or min(block.width, block.height) < 14 * block.figure_height or rng.random() < 0.2:
        return [_resized_type(block, rng)]
    at = float(rng.uniform(0.3, 0.7))
    if rng.random() < 0.5:
        x = block.left + at * block.width
        parts = [
            Block(block.left, block.top, x - block.figure_height, block.bottom, block.figure_height),
            Block(x, block.top, block.right, block.bottom, block.figure_height),
        ]
    else:
        y = block.top + at * block.height
        parts = [
            Block(block.left, block.top, block.right, y - 0.5 * block.figure_height, block.figure_height),
            Block(block.left, y, block.right, block.bottom, block.figure_height),
        ]
    return [piece for part in parts for piece in _split(part, rng, depth - 1)]


def _resized_type(block: Block, rng: np.random.Generator) -> Block:
    """The block, now and then in a smaller or larger size of type than the rest of the page."""
    if rng.random() >= 0.12:
        return block
    height = block.figure_height * float(rng.choice([rng.uniform(0.65, 0.85), rng.uniform(1.2, 1.6)]))
    return replace(block, figure_height=float(np.clip(height, LOWEST * OVERSAMPLING, HIGHEST * OVERSAMPLING)))


def _headed(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    """A heading with a table or text below."""
    rest = set_heading(sheet, block, rng)
    if rest.height > 3 * block.figure_height:
        (set_table if rng.random() < 0.6 else set_text)(sheet, rest, rng)


_FILLERS: list[Callable[[Sheet, Block, np.random.Generator], None]] = [
    set_table,
    set_list,
    set_text,
    _headed,
    set_dial,
    set_drawing,
    set_fractions,
]
_ODDS = np.array([0.54, 0.12, 0.16, 0.06, 0.03, 0.05, 0.04])
