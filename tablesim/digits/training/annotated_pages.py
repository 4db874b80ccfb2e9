"""Prepares annotated scans for training and measuring: at the working scale, boxes fitted to the ink, cut in crops.

People draw boxes with a margin, or around a whole number; the network learns the edges of the ink. Boxes of numbers are
cut into digits by dynamic programming. What stands outside the annotated areas is left out of loss and measures: nobody
said what is there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tablesim.digits.network import DIGIT_HEIGHT, STRIDE
from tablesim.digits.scale import bounded_scale, working_image
from tablesim.digits.training.annotations import Annotation, Annotations
from tablesim.digits.training.ground_truth import words_of_line
from tablesim.digits.training.targets import Targets, TrueDigits, true_digits_of
from tablesim.errors import MetadataError, ScanError, SettingsError
from tablesim.records.boxes import Box
from tablesim.records.reading import ILLEGIBLE
from tablesim.records.transform import Transform
from tablesim.records.truth import TrueDigit, TrueNumber
from tablesim.scans.cleaning import clean
from tablesim.scans.csvfile import shortlist
from tablesim.scans.images import load_scan, page_id
from tablesim.scans.sources import find_scans

AROUND_DIGITS, AROUND_NUMBERS = 0.5, 0.15
"""Margin of the annotated area around a box, in its heights: where every digit has a box its neighbours have one too;
where single numbers were picked out, the next one may stand close by."""

SAME_SIDES = 0.02
"""How far the proportions of a transcribed image and of the scan may be apart, relatively: rounding, no other crop."""

ON_INK = 0.5
"""A page with a smaller share of boxes on ink was annotated on another scan."""

_INK = 0.5
"""Least ink of a pixel that belongs to a digit, 0 bare paper to 1 full ink."""

_RESCALED = 1.08
"""A page is scaled again where its digits are so many times too large or too small; chosen by eye."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class AnnotatedPage:
    """A page to train on or to measure on, in working pixels.

    Parameters
    ----------
    page, book : str
    numbers : tuple of TrueNumber
        Annotated numbers; a digit with the value -1 is not asked for.
    asked : float64 array of shape (n, 4)
        Left, top, right, bottom of the areas in which everything is annotated.
    unasked : tuple of Box
        Boxes within them whose content cannot be used.
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
    def true_digits(self) -> TrueDigits:
        """The annotated digits as arrays, those that are not asked for with value -1."""
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
    for page in sorted(by_page.keys() | annotations.lines.keys()):
        # An image may have been renamed since it was transcribed: then the file beside it has its new name.
        stem, *size = annotations.described.get(page, (page, 1, 1))
        scan = files.get(page) or files.get(stem)
        if scan is None:
            left_out["no scan of this name"].append(page)
            continue
        try:
            grey = load_scan(scan).grey
            unasked = annotations.unasked.get(page, ())
            numbers, unasked = _on_scan(page, by_page[page], unasked, annotations, (size[0], size[1]), grey)
            pages.append(prepare_page(numbers, unasked, grey))
        except (ScanError, MetadataError) as error:
            left_out[str(error)].append(page)
    if not pages:
        reasons = "; ".join(f"{why}: {shortlist(which, 3)}" for why, which in left_out.items())
        count = sum(map(len, left_out.values()))
        raise MetadataError(f"{scans}: none of the {count} annotated pages can be used ({reasons})")
    return pages, dict(left_out)


def _on_scan(
    page: str,
    numbers: Sequence[Annotation],
    unasked: Iterable[Box],
    annotations: Annotations,
    size: tuple[int, int],
    grey: NDArray[np.uint8],
) -> tuple[list[Annotation], list[Box]]:
    """What is annotated and what is not asked for, in pixels of the scan; lines of several words are cut on it.

    Raises
    ------
    MetadataError
        The image that was transcribed has other sides than the scan, or none of its numbers can be used.
    """
    height, width = grey.shape
    across, down = (1.0, 1.0) if 1 in size else (width / size[0], height / size[1])
    if abs(across / down - 1) > SAME_SIDES:
        raise MetadataError(f"transcribed on {size[0]} x {size[1]}, the scan is {width} x {height}: another image")

    def moved(box: Box) -> Box:
        return Box(box.x * across, box.y * down, box.width * across, box.height * down)

    # In pixels of the file that describes the page; its words and the lines that are cut come together here.
    found = Annotations(
        [replace(n, box=moved(n.box), digits=tuple(map(moved, n.digits))) for n in numbers],
        defaultdict(list, {page: [moved(box) for box in unasked]}),
    )
    for line in annotations.lines.get(page, ()):
        line = replace(line, box=moved(line.box))
        words = words_of_line(line, grey)
        for text, box in words:
            found.add_word(page, text, box)
        if not words:
            found.unasked[page].append(line.box)
    if not found.numbers:
        raise MetadataError("no number on it has a box that can be used")
    return found.numbers, found.unasked[page]


def split_by_book(pages: Sequence[AnnotatedPage], share: float, seed: int) -> tuple[list[AnnotatedPage], ...]:
    """Pages to train on, and pages of other books to measure on: never pages of one book on both sides.

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
            f"held-out share: got {share} and annotations of one book ({shortlist(books)}), expected two books or "
            "more, one of them to measure on; annotate another book, or set the share to 0"
        )
    count = min(len(books) - 1, max(1, round(share * len(books))))
    order = np.random.default_rng([seed, 0xB00C]).permutation(len(books))
    held = {books[k] for k in order[:count]}
    return [page for page in pages if page.book not in held], [page for page in pages if page.book in held]


def prepare_page(numbers: Sequence[Annotation], unasked: Iterable[Box], grey: NDArray[np.uint8]) -> AnnotatedPage:
    """One page at the scale that brings its annotated digits to `DIGIT_HEIGHT`.

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
        on_ink = [_on_ink(number, ink, transform) for number in numbers]
        heights = [digit.box.height for number in on_ink if number for digit in number.digits]
        fit = DIGIT_HEIGHT / float(np.median(heights)) if heights else 1.0
        if 1 / _RESCALED < fit < _RESCALED:
            break
        scale = bounded_scale(grey.shape, scale * fit)
    printed = [number for number in numbers if number.digits_text]
    missed = [
        _to_working(n.box, transform) for n, fitted in zip(numbers, on_ink, strict=True) if n.digits_text and not fitted
    ]
    if len(missed) > (1 - ON_INK) * len(printed):
        raise MetadataError(f"{len(missed)} of {len(printed)} boxes do not lie on digits: another scan")
    unusable = [_to_working(box, transform) for box in unasked]
    return AnnotatedPage(
        page=numbers[0].page,
        book=numbers[0].book,
        numbers=tuple(number for number in on_ink if number is not None),
        asked=np.array([_area(n, transform) for n in numbers], dtype=np.float64).reshape(-1, 4),
        unasked=(*unusable, *missed),
        packed=cv2.imencode(".png", (ink * 255).astype(np.uint8))[1].tobytes(),
    )


def _area(number: Annotation, transform: Transform) -> tuple[float, float, float, float]:
    box = _to_working(number.box, transform)
    margin = (AROUND_DIGITS if number.digits else AROUND_NUMBERS) * box.height
    return box.x - margin, box.y - margin, box.right + margin, box.bottom + margin


def _to_working(box: Box, transform: Transform) -> Box:
    corners = transform.to_working(np.array([[box.x, box.y], [box.right, box.bottom]]))
    (left, top), (right, bottom) = corners.tolist()
    return Box(left, top, right - left, bottom - top)


def _on_ink(number: Annotation, ink: NDArray[np.float32], transform: Transform) -> TrueNumber | None:
    """The number with boxes fitted to the ink of its digits; None where a digit has no ink, or where no number is."""
    values = number.digits_text
    if not values:
        return None
    boxes = [_to_working(box, transform) for box in number.digits] or cut_number(
        ink, _to_working(number.box, transform), values
    )
    fitted = [close_box(ink, box) for box in boxes]
    if len(fitted) != len(values) or any(box is None for box in fitted):
        return None
    digits = tuple(
        TrueDigit(-1 if value == ILLEGIBLE else int(value), box)
        for value, box in zip(values, fitted, strict=True)
        if box is not None
    )
    return TrueNumber(number.text, digits)


def close_box(ink: NDArray[np.float32], box: Box) -> Box | None:
    """The smallest box around the ink of the digit in ``box``; None where there is none.

    Pieces of rules and of neighbours that reach in over an edge are left out when they are smaller than the digit.
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
    # Rules that cross make one piece as large as the box; the digit that stands free of it shows that they are rules.
    lined |= full_width & full_height & bool((~reaches_in & (tall > 0.4 * part.shape[0])).any())
    is_digit = ~lined & ((area >= 0.3 * area[~lined].max(initial=0)) | ~reaches_in) & (area >= 0.04 * area.max())
    if not is_digit.any() or area[is_digit].sum() < 0.02 * part.size:
        return None
    x0, y0 = int(x[is_digit].min()), int(y[is_digit].min())
    x1, y1 = int((x + wide)[is_digit].max()), int((y + tall)[is_digit].max())
    if y1 - y0 < 0.3 * part.shape[0]:
        return None
    return Box(left + x0, top + y0, x1 - x0, y1 - y0)


def cut_number(ink: NDArray[np.float32], box: Box, values: str) -> list[Box]:
    """Cut the box of a number into boxes of its digits, by vertical cuts through least ink (dynamic programming).

    Of all ways to cut, the one with the least sum of ink on the cuts and of squared departures from equal widths; a 1
    is assumed to be half as wide as the rest.
    """
    outer = close_box(ink, box) if len(values) == 1 else _hull(ink, box)
    if outer is None or len(values) == 1 or outer.width < 2 * len(values):
        return [outer] if outer is not None and len(values) == 1 else []
    left, top = int(outer.x), int(outer.y)
    part = ink[top : top + int(outer.height), left : left + int(outer.width)]
    profile = np.append(part.sum(axis=0) / max(1.0, 0.5 * part.shape[0]), 0.0)
    shares = np.array([0.5 if value == "1" else 1.0 for value in values])
    widths = shares / shares.sum() * part.shape[1]
    ends = np.arange(part.shape[1] + 1)
    # cost[x]: the least cost of the digits so far when the last of them ends at x.
    cost = np.where(ends == 0, 0.0, np.inf)
    best_starts: list[NDArray[np.intp]] = []
    for width in widths:
        step = (ends[:, None] - ends[None, :]) / width
        ways = cost[None, :] + np.where(step > 0.3, 2.0 * (step - 1) ** 2, np.inf) + profile[:, None]
        best_starts.append(ways.argmin(axis=1))
        cost = ways.min(axis=1)
    cuts = [int(ends[-1])]
    for starts in reversed(best_starts):
        cuts.append(int(starts[cuts[-1]]))
    cuts.reverse()
    return [Box(left + a, outer.y, b - a, outer.height) for a, b in pairwise(cuts)]


def _hull(ink: NDArray[np.float32], box: Box) -> Box | None:
    """The box around all the ink of a number, its gaps included."""
    parts = close_box(ink, box)
    if parts is None:
        return None
    # The first and the last digit may be small beside a broad one: ink across the whole width counts.
    row = ink[int(parts.y) : int(parts.bottom), max(0, int(box.x)) : int(np.ceil(box.right))]
    columns = np.flatnonzero((row > _INK).sum(axis=0) >= max(1, 0.1 * row.shape[0]))
    if not len(columns):
        return None
    start = max(0, int(box.x)) + int(columns[0])
    return replace(parts, x=float(start), width=float(columns[-1] - columns[0] + 1))


ENLARGED = 1.18
"""How many times a crop is enlarged or reduced at most, against the working scale of its page."""


@dataclass(frozen=True)
class Crop:
    """A square of a page that the network is trained on.

    Attributes
    ----------
    ink : float32 array of shape (size, size)
        0 bare paper, 1 full ink.
    true_digits : TrueDigits
        In pixels of the crop.
    asked : float64 array of shape (n, 4), or None
        Left, top, right, bottom of the areas that count in the loss; None for everywhere.
    """

    ink: NDArray[np.float32]
    true_digits: TrueDigits
    asked: NDArray[np.float64] | None = None


class AnnotatedCrops:
    """Crops around annotated numbers, each number as likely as the next."""

    def __init__(self, pages: Sequence[AnnotatedPage]) -> None:
        self._areas = [(page, area) for page in pages for area in page.asked]

    def draw(self, rng: np.random.Generator, size: int) -> Crop:
        """A crop of ``size`` x ``size`` pixels with an annotated number somewhere in it."""
        page, area = self._areas[int(rng.integers(len(self._areas)))]
        enlarged = float(np.exp(rng.uniform(-np.log(ENLARGED), np.log(ENLARGED))))
        side = round(size / enlarged)
        ink = page.ink
        left, top = (
            _start(area[axis], area[axis + 2], side, ink.shape[1 - axis], float(rng.random())) for axis in (0, 1)
        )
        shown = np.zeros((side, side), dtype=np.uint8)
        part = ink[max(0, top) : top + side, max(0, left) : left + side]
        shown[max(0, -top) :, max(0, -left) :][: part.shape[0], : part.shape[1]] = part
        sized = cv2.resize(shown, (size, size), interpolation=cv2.INTER_AREA if side > size else cv2.INTER_LINEAR)
        scale = size / side
        digits = page.true_digits.cut(left, top, side)
        asked = (page.asked - np.array([left, top, left, top])) * scale
        return Crop(
            np.asarray(sized / np.float32(255), dtype=np.float32),
            replace(digits, boxes=digits.boxes * np.float32(scale)),
            asked[(asked[:, 2:] > 0).all(axis=1) & (asked[:, :2] < size).all(axis=1)],
        )


def _start(low: float, high: float, side: int, extent: int, share: float) -> int:
    """Start of a crop of ``side`` that holds low to high, at ``share`` of those possible; within the page if it can."""
    first, last = high - side, low
    if extent > side:
        first, last = max(first, 0.0), min(last, float(extent - side))
    else:
        first, last = max(first, float(extent - side)), min(last, 0.0)
    return round(min(first, last) + share * abs(last - first))


def mask(targets: Targets, crops: Sequence[Crop], size: int) -> Targets:
    """The targets with weight 0 outside the annotated areas of the crops."""
    if all(crop.asked is None for crop in crops):
        return targets
    shown = np.ones((len(crops), 1, size // STRIDE, size // STRIDE), dtype=np.float32)
    for page, crop in enumerate(crops):
        if crop.asked is None:
            continue
        shown[page] = 0
        for x0, y0, x1, y1 in np.clip(np.round(crop.asked / STRIDE).astype(int), 0, size // STRIDE):
            shown[page, 0, y0:y1, x0:x1] = 1
    weight: Tensor = targets.weight * torch.from_numpy(shown)
    return Targets(targets.bells, weight, targets.index, targets.joins, targets.edges)
