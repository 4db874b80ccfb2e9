"""Annotated scans made ready to learn from and to measure on: set to the working scale, boxes drawn close to the ink.

People draw boxes with a margin, or around a whole number; the network learns the edges of the ink. What stands outside
the annotated places is neither asked for nor punished: nobody said that it was looked at.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tablesim.digits.annotations import Annotation, Annotations
from tablesim.digits.network import DIGIT_HEIGHT
from tablesim.digits.scale import bounded_scale, working_image
from tablesim.digits.targets import TrueDigits, true_digits_of
from tablesim.errors import MetadataError, ScanError, SettingsError
from tablesim.records.boxes import Box
from tablesim.records.reading import ILLEGIBLE
from tablesim.records.transform import Transform
from tablesim.records.truth import TrueDigit, TrueNumber
from tablesim.scans.cleaning import clean
from tablesim.scans.csvfile import listed
from tablesim.scans.images import load_scan, page_id
from tablesim.scans.sources import find_scans

AROUND_FIGURES, AROUND_NUMBERS = 0.5, 0.15
"""How far around a box blank paper is vouched for, in its heights: where every figure has a box its neighbours have one
too; where single numbers were picked out, the next one may stand close by."""

ON_INK = 0.5
"""A page with a smaller share of boxes on ink was annotated on another scan."""

_INK, _RESCALED = 0.5, 1.08

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class AnnotatedPage:
    """A page to learn from, in working pixels.

    Parameters
    ----------
    page, book : str
    numbers : tuple of TrueNumber
        What is annotated; a figure with the value -1 is not asked for.
    asked : float64 array of shape (n, 4)
        Left, top, right, bottom of the areas in which the annotations say everything.
    unasked : tuple of Box
        Places within them where something stands that cannot be used.
    packed : bytes
        The ink as PNG, 255 full ink: hundreds of pages fit into memory.
    """

    page: str
    book: str
    numbers: tuple[TrueNumber, ...]
    asked: Floats
    unasked: tuple[Box, ...]
    packed: bytes

    @property
    def ink(self) -> NDArray[np.uint8]:
        """Cleaned ink of shape (height, width), 255 full ink."""
        return np.asarray(cv2.imdecode(np.frombuffer(self.packed, np.uint8), cv2.IMREAD_GRAYSCALE), dtype=np.uint8)

    @property
    def figures(self) -> TrueDigits:
        return true_digits_of(self.numbers, self.unasked)


def annotated_pages(annotations: Annotations, scans: str | Path) -> tuple[list[AnnotatedPage], dict[str, list[str]]]:
    """The annotated pages whose scans are in the folder ``scans``, by page; and by reason the pages that are left out.

    Raises
    ------
    MetadataError
        Not one page can be used.
    ScanError
        The folder does not exist or holds no scan.
    """
    files = {page_id(scan): scan for scan in reversed(find_scans(scans))}
    by_page: dict[str, list[Annotation]] = defaultdict(list)
    for number in annotations.numbers:
        by_page[number.page].append(number)
    pages: list[AnnotatedPage] = []
    left_out: dict[str, list[str]] = defaultdict(list)
    for page, numbers in sorted(by_page.items()):
        if page not in files:
            left_out["no scan of this name"].append(page)
            continue
        try:
            grey = load_scan(files[page]).grey
            pages.append(prepare_page(numbers, annotations.unasked.get(page, ()), grey))
        except (ScanError, MetadataError) as error:
            left_out[str(error)].append(page)
    if not pages:
        reasons = "; ".join(f"{why}: {listed(which, 3)}" for why, which in left_out.items())
        raise MetadataError(f"{scans}: none of the {len(by_page)} annotated pages can be used ({reasons})")
    return pages, dict(left_out)


def split_by_book(pages: Sequence[AnnotatedPage], share: float, seed: int) -> tuple[list[AnnotatedPage], ...]:
    """Pages to learn from, and pages of other books to measure on: never pages of one book on both sides.

    Parameters
    ----------
    pages : sequence of AnnotatedPage
    share : float
        Of the books that are held out, 0 to less than 1; at least one book where it is above 0.
    seed : int
        Which books they are.

    Raises
    ------
    SettingsError
        Books are to be held out and there are fewer than two.
    """
    if not 0 <= share < 1:
        raise SettingsError(f"held-out share: got {share}, expected 0 to less than 1")
    books = sorted({page.book for page in pages})
    if share == 0:
        return list(pages), []
    if len(books) < 2:
        raise SettingsError(
            f"held-out share: got {share} and annotations of one book ({listed(books)}), expected two books or more, "
            "one of them to measure on; annotate another book, or set the share to 0"
        )
    count = min(len(books) - 1, max(1, round(share * len(books))))
    order = np.random.default_rng([seed, 0xB00C]).permutation(len(books))
    held = {books[k] for k in order[:count]}
    return [page for page in pages if page.book not in held], [page for page in pages if page.book in held]


def prepare_page(numbers: Sequence[Annotation], unasked: Iterable[Box], grey: NDArray[np.uint8]) -> AnnotatedPage:
    """One page at the scale at which its annotated figures are as high as the network wants them.

    Raises
    ------
    MetadataError
        The boxes do not belong to this scan: they reach beyond it, or do not lie on its ink.
    """
    height, width = grey.shape
    right, bottom = max(n.box.right for n in numbers), max(n.box.bottom for n in numbers)
    if right > width + 2 or bottom > height + 2:
        raise MetadataError(f"boxes reach to {right:g}, {bottom:g}, the scan is {width} x {height}: another scan")
    boxes = [box.height for n in numbers for box in (n.digits or [n.box])]
    scale = bounded_scale(grey.shape, DIGIT_HEIGHT / (0.85 * float(np.median(boxes))))
    for _ in range(2):
        transform = Transform(width, height, scale=scale)
        ink = clean(working_image(grey, transform))
        found = [_on_ink(number, ink, transform) for number in numbers]
        heights = [digit.box.height for number in found if number for digit in number.digits]
        fit = DIGIT_HEIGHT / float(np.median(heights)) if heights else 1.0
        if 1 / _RESCALED < fit < _RESCALED:
            break
        scale = bounded_scale(grey.shape, scale * fit)
    printed = [number for number in numbers if number.digits_text]
    missed = [
        _moved(n.box, transform) for n, on_ink in zip(numbers, found, strict=True) if n.digits_text and not on_ink
    ]
    if len(missed) > (1 - ON_INK) * len(printed):
        raise MetadataError(f"{len(missed)} of {len(printed)} boxes do not lie on figures: another scan")
    places = [_moved(box, transform) for box in unasked]
    return AnnotatedPage(
        page=numbers[0].page,
        book=numbers[0].book,
        numbers=tuple(number for number in found if number is not None),
        asked=np.array([_area(n, transform) for n in numbers], dtype=np.float64).reshape(-1, 4),
        unasked=(*places, *missed),
        packed=cv2.imencode(".png", (ink * 255).astype(np.uint8))[1].tobytes(),
    )


def _area(number: Annotation, transform: Transform) -> tuple[float, float, float, float]:
    box = _moved(number.box, transform)
    margin = (AROUND_FIGURES if number.digits else AROUND_NUMBERS) * box.height
    return box.x - margin, box.y - margin, box.right + margin, box.bottom + margin


def _moved(box: Box, transform: Transform) -> Box:
    corners = transform.to_working(np.array([[box.x, box.y], [box.right, box.bottom]]))
    (left, top), (right, bottom) = corners.tolist()
    return Box(left, top, right - left, bottom - top)


def _on_ink(number: Annotation, ink: NDArray[np.float32], transform: Transform) -> TrueNumber | None:
    """The number with boxes close around its figures; None where a figure has no ink, or where no number is."""
    values = number.digits_text
    if not values:
        return None
    boxes = [_moved(box, transform) for box in number.digits] or cut_number(ink, _moved(number.box, transform), values)
    close = [close_box(ink, box) for box in boxes]
    if len(close) != len(values) or any(box is None for box in close):
        return None
    digits = tuple(
        TrueDigit(-1 if value == ILLEGIBLE else int(value), box)
        for value, box in zip(values, close, strict=True)
        if box is not None
    )
    return TrueNumber(number.text, digits)


def close_box(ink: NDArray[np.float32], box: Box) -> Box | None:
    """The smallest box around the ink of the figure that ``box`` holds; None where there is none.

    Pieces of rules and of neighbours that reach in over an edge are left aside when they are smaller than the figure.
    """
    left, top = max(0, int(np.floor(box.x))), max(0, int(np.floor(box.y)))
    part = ink[top : int(np.ceil(box.bottom)), left : int(np.ceil(box.right))]
    if min(part.shape, default=0) < 2:
        return None
    count, _, stats, _ = cv2.connectedComponentsWithStats((part > _INK).astype(np.uint8), connectivity=8)
    if count < 2:
        return None
    x, y, wide, tall, area = stats[1:].T
    full_width, full_height = wide >= 0.95 * part.shape[1], tall >= 0.95 * part.shape[0]
    reaches_in = (x == 0) | (y == 0) | (x + wide == part.shape[1]) | (y + tall == part.shape[0])
    lined = (full_width & (tall < 0.25 * part.shape[0])) | (full_height & (wide <= 2))
    # Rules that cross make one piece as large as the box; they are told from a figure by the figure that stands free.
    lined |= full_width & full_height & bool((~reaches_in & (tall > 0.4 * part.shape[0])).any())
    figure = ~lined & ((area >= 0.3 * area[~lined].max(initial=0)) | ~reaches_in) & (area >= 0.04 * area.max())
    if not figure.any() or area[figure].sum() < 0.02 * part.size:
        return None
    x0, y0 = int(x[figure].min()), int(y[figure].min())
    x1, y1 = int((x + wide)[figure].max()), int((y + tall)[figure].max())
    if y1 - y0 < 0.3 * part.shape[0]:
        return None
    return Box(left + x0, top + y0, x1 - x0, y1 - y0)


def cut_number(ink: NDArray[np.float32], box: Box, values: str) -> list[Box]:
    """The box of a number cut into boxes of its figures: upright cuts where the ink is thin and the parts are alike.

    Of all ways to cut, the one with the least sum of ink on the cuts and of squared departures from equal widths; a 1
    is taken to be half as wide as the rest.
    """
    outer = close_box(ink, box) if len(values) == 1 else _hull(ink, box)
    if outer is None or len(values) == 1 or outer.width < 2 * len(values):
        return [outer] if outer is not None and len(values) == 1 else []
    left, top = int(outer.x), int(outer.y)
    part = ink[top : top + int(outer.height), left : left + int(outer.width)]
    profile = np.append(part.sum(axis=0) / max(1.0, 0.5 * part.shape[0]), 0.0)
    shares = np.array([0.5 if value == "1" else 1.0 for value in values])
    widths = shares / shares.sum() * part.shape[1]
    places = np.arange(part.shape[1] + 1)
    # cost[x]: the least cost of the figures so far when the last of them ends at x.
    cost = np.where(places == 0, 0.0, np.inf)
    came: list[NDArray[np.intp]] = []
    for width in widths:
        step = (places[:, None] - places[None, :]) / width
        ways = cost[None, :] + np.where(step > 0.3, 2.0 * (step - 1) ** 2, np.inf) + profile[:, None]
        came.append(ways.argmin(axis=1))
        cost = ways.min(axis=1)
    cuts = [int(places[-1])]
    for back in reversed(came):
        cuts.append(int(back[cuts[-1]]))
    cuts.reverse()
    return [Box(left + a, outer.y, b - a, outer.height) for a, b in pairwise(cuts)]


def _hull(ink: NDArray[np.float32], box: Box) -> Box | None:
    """Around all the ink of the figures of a number, with its gaps."""
    parts = close_box(ink, box)
    if parts is None:
        return None
    # The first and the last figure may be small beside a broad one: ink across the whole width counts.
    row = ink[int(parts.y) : int(parts.bottom), max(0, int(box.x)) : int(np.ceil(box.right))]
    columns = np.flatnonzero((row > _INK).sum(axis=0) >= max(1, 0.1 * row.shape[0]))
    if not len(columns):
        return None
    start = max(0, int(box.x)) + int(columns[0])
    return replace(parts, x=float(start), width=float(columns[-1] - columns[0] + 1))
