"""Looks a second time at numbers that are in doubt: the network on small pieces, larger and with a lower threshold.

What orders a second look may be anything: a weak digit, ink beside, the column. What it answers is a reading of the
image at that place and nothing else: context never changes a digit. All pieces are laid out on one sheet, so that the
network runs once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tablesim.digits.certainty import FEATURES, SURELY_LONGER, SURELY_TALL
from tablesim.digits.number_features import NumbersOfPage
from tablesim.digits.numbers import join_digits
from tablesim.digits.passes import DigitReader
from tablesim.digits.peaks import DigitPeaks
from tablesim.digits.pieces_of_page import ENLARGED, PiecesOfPage, slant_of

Floats = NDArray[np.float64]

ASIDE, ABOVE = 1.3, 0.6
"""Paper beside, and above and below, a number that is read with it, in digit heights: a digit and what parts it."""

MOST_AREA = 0.05
"""Greatest share of a page's pixels on the sheet of pieces: a second look costs little beside the first."""

CLEARLY = 0.8
"""Least confidence of every digit, and certainty of every join, of what a second look reads clearly."""

COVERS = 0.35
"""A number that takes the place of another ends at most so far inside it, in digit heights: no digit is dropped."""

WEAK, OFF_STEP, UNDECIDED = 1.4, 1.0, 0.3
"""A number is looked at again below this logit of its confidence (a probability of 0.8), above this miss of the step of
its column (1.7 usual misses), and above this indecision about a point."""

AGREES, CHANGED, DIFFERS = 1, 2, 3
"""What a second look says: the same number, clearly another one, or something else that is not clear."""

_NAMES = {AGREES: "second_agrees", CHANGED: "second_changed", DIFFERS: "second_differs"}

_FAR = 1e5
"""Pixels by which pieces are kept apart while their digits are joined to numbers."""


@dataclass(frozen=True)
class SecondLook:
    """What a second look read at the place of one number.

    Attributes
    ----------
    verdict : int
        `AGREES`, `CHANGED` or `DIFFERS`.
    digits : DigitPeaks
        Of the number that is read there, in working pixels; none where there is no one number.
    middle : tuple of (float, float)
        Of the number that was looked at.
    """

    verdict: int
    digits: DigitPeaks
    middle: tuple[float, float]


def in_doubt(features: Floats) -> list[int]:
    """Indices of the numbers that deserve a second look, those with most signs of doubt first.

    Parameters
    ----------
    features : float64 array of shape (n, len(FEATURES))
    """
    value = dict(zip(FEATURES, features.T, strict=True))
    signs = np.stack(
        [
            value["product"] < WEAK,
            np.maximum(value["tall_left"], value["tall_right"]) > SURELY_TALL,
            value["longer"] >= SURELY_LONGER,
            value["off_step"] >= OFF_STEP,
            value["point"] >= UNDECIDED,
        ]
    ).sum(axis=0)
    return [int(k) for k in np.lexsort((value["product"], -signs)) if signs[k] > 0]


def second_looks(reader: DigitReader, page: NumbersOfPage, ordered: Sequence[int]) -> dict[int, SecondLook]:
    """Look again at numbers of a page, as many as `MOST_AREA` allows.

    Parameters
    ----------
    ordered : sequence of int
        Indices of the numbers in doubt, the most doubtful first.

    Returns
    -------
    dict of int to SecondLook
        By index of the number.
    """
    if not len(ordered):
        return {}
    boxes, unit = page.boxes, page.unit
    around = boxes + np.array([-ASIDE, -ABOVE, ASIDE, ABOVE]) * unit
    areas = np.prod(around[:, 2:] - around[:, :2], axis=1)[list(ordered)] * ENLARGED**2
    chosen = [
        k for k, total in zip(ordered, np.cumsum(areas), strict=True) if total <= MOST_AREA * page.detection.ink.size
    ]
    if not chosen:
        return {}
    ink = page.detection.ink
    pieces = PiecesOfPage.cut(ink, around[chosen], slant_of(page.detection.digits, ink))
    found, piece = pieces.digits(reader, reader.thresholds.doubtful)
    apart = replace(found, boxes=found.boxes + (_FAR * piece)[:, None] * np.array([0, 1, 0, 1]))
    runs = join_digits(apart, reader.thresholds.doubtful, reader.thresholds.sure)
    of_piece: dict[int, list[NDArray[np.intp]]] = {}
    for run in runs:
        of_piece.setdefault(int(piece[run[0]]), []).append(run)
    return {k: _answer(page, k, found, of_piece.get(n, []), boxes) for n, k in enumerate(chosen)}


def _answer(
    page: NumbersOfPage, k: int, found: DigitPeaks, runs: Sequence[NDArray[np.intp]], boxes: Floats
) -> SecondLook:
    """What the runs found in the piece around the number ``k`` say of it."""
    middle = float(boxes[k, [0, 2]].mean()), float(boxes[k, [1, 3]].mean())
    here = [run for run in runs if _overlap(found, run, boxes[k])]
    if len(here) != 1:
        return SecondLook(DIFFERS, found.take(np.zeros(0, np.intp)), middle)
    digits = found.take(here[0])
    if digits.values.tolist() == page.detection.digits.values[page.runs[k]].tolist():
        return SecondLook(AGREES, digits, middle)
    joins = np.sqrt(digits.joins[:-1, 1] * digits.joins[1:, 0])
    ends = 1 - np.maximum(digits.joins[0, 0], digits.joins[-1, 1])
    box = _box(digits)
    clear = min(float(digits.confidence.min()), float(ends), *joins.tolist()) >= CLEARLY
    covers = max(box[0] - boxes[k, 0], boxes[k, 2] - box[2]) <= COVERS * page.unit
    others = np.delete(boxes, k, axis=0)
    near = others[_touching(boxes[k], others, page.unit)]
    # Where as many digits are read with other values, neither reading is believed.
    longer_or_shorter = len(digits) != len(page.runs[k])
    alone = not any(_overlap(found, here[0], other) for other in near)
    return SecondLook(CHANGED if clear and covers and alone and longer_or_shorter else DIFFERS, digits, middle)


def _touching(box: Floats, others: Floats, unit: float) -> NDArray[np.intp]:
    """Which of the other boxes stand so near that a piece around ``box`` shows them."""
    near = np.all((others[:, :2] < box[2:] + 2 * unit) & (others[:, 2:] > box[:2] - 2 * unit), axis=1)
    return np.flatnonzero(near)


def _overlap(found: DigitPeaks, run: NDArray[np.intp], box: Floats) -> bool:
    """Whether the middle of a digit of the run lies in the box."""
    x, y = found.middles[run].T
    return bool(np.any((x > box[0]) & (x < box[2]) & (y > box[1]) & (y < box[3])))


def with_changes(page: NumbersOfPage, looks: Mapping[int, SecondLook]) -> DigitPeaks:
    """All digits as the network read them, where it looked again and read clearly as it did then."""
    changed = [k for k, look in looks.items() if look.verdict == CHANGED]
    middles = page.before.middles[:, None]
    boxes = np.array([_box(looks[k].digits) for k in changed])
    there = np.all((middles > boxes[:, :2]) & (middles < boxes[:, 2:]), axis=2).any(axis=1)
    there[np.concatenate([page.runs[k] for k in changed])] = True
    digits = page.before.take(~there)
    for k in changed:
        digits = digits.joined_with(looks[k].digits)
    return digits


def with_looks(features: Floats, page: NumbersOfPage, looks: Mapping[int, SecondLook]) -> Floats:
    """The features of the numbers of ``page`` with what second looks said at their places."""
    if not looks or not len(features):
        return features
    filled = features.copy()
    boxes = page.boxes
    for look in looks.values():
        x, y = look.middle
        here = np.all((boxes[:, :2] <= (x, y)) & (boxes[:, 2:] >= (x, y)), axis=1)
        filled[here, FEATURES.index(_NAMES[look.verdict])] = 1.0
    return filled


def _box(digits: DigitPeaks) -> Floats:
    return np.concatenate([digits.boxes[:, :2].min(axis=0), digits.boxes[:, 2:].max(axis=0)])
