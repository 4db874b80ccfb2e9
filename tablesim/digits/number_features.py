"""What speaks for and against each number of a page, as one row of features: digits, joins, ink beside, column, page.

The features are few and each can be named to a reader; `certainty` weighs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tablesim.digits.calibration import logits_of
from tablesim.digits.certainty import FEATURES
from tablesim.digits.column_context import ColumnContext, column_context
from tablesim.digits.numbers import number_confidence
from tablesim.digits.passes import Detection
from tablesim.digits.peaks import DigitPeaks
from tablesim.digits.unexplained_ink import InkBeside, ink_beside
from tablesim.records.reading import Ditto, Number
from tablesim.records.warp import RowWarp

Floats = NDArray[np.float64]

_BLOCK = 1000
"""Numbers that are held against all others at a time."""

STEEP = 8.0
"""Logits are cut to this: a probability nearer to 0 or 1 than 0.0003 says no more."""

MOST_INK = 1.5
"""Most unexplained ink that counts, in digits."""


@dataclass(frozen=True)
class NumbersOfPage:
    """The numbers of a page and the digits that make them up.

    Attributes
    ----------
    numbers : sequence of Number
        Arranged, with the confidences that the network gives.
    runs : sequence of int arrays
        Indices into the digits of the detection, for each number.
    detection : Detection
        With the digits as prototypes corrected them.
    before : DigitPeaks
        The digits as the network read them.
    unit : float
        Usual height of a digit in working pixels.
    dittos : sequence of Ditto
        Cells that repeat the one above.
    features : float64 array of shape (n, len(FEATURES))
        What speaks for and against each number; without rows while it is not yet known.
    warp : RowWarp or None
        What levels the rows of the working page; the transform of the detection is without it.
    """

    numbers: Sequence[Number]
    runs: Sequence[NDArray[np.intp]]
    detection: Detection
    before: DigitPeaks
    unit: float
    dittos: Sequence[Ditto] = ()
    features: Floats = field(default_factory=lambda: np.zeros((0, len(FEATURES))))
    warp: RowWarp | None = None

    @property
    def boxes(self) -> Floats:
        """Left, top, right, bottom of each number in working pixels, shape (n, 4)."""
        return number_boxes(self.detection.digits, self.runs)


def number_boxes(digits: DigitPeaks, runs: Sequence[NDArray[np.intp]]) -> Floats:
    """Left, top, right, bottom of the numbers that runs of digits make, shape (n, 4)."""
    if not runs:
        return np.zeros((0, 4))
    boxes, starts = digits.boxes[np.concatenate(runs)], _starts(runs)
    return np.column_stack([np.minimum.reduceat(boxes[:, :2], starts), np.maximum.reduceat(boxes[:, 2:], starts)])


def number_features(page: NumbersOfPage) -> Floats:
    """The features of each number, float64 of shape (n, len(FEATURES)), finite; those of a second look are 0."""
    if not len(page.numbers):
        return np.zeros((0, len(FEATURES)))
    unit, boxes = page.unit, page.boxes
    digits = page.detection.digits
    explained = np.concatenate([digits.boxes[np.concatenate(page.runs)], _points(page), page.detection.marks.boxes])
    columns = {
        **_of_digits(page),
        **_of_ink(ink_beside(page.detection.ink, boxes, explained, unit)),
        **_of_neighbours(boxes, unit),
        **_of_column(column_context(page.numbers, boxes, unit)),
        **_of_shape(page, unit),
    }
    columns |= _of_page(page, columns)
    # What a second look says is known later.
    columns |= dict.fromkeys(("second_agrees", "second_changed", "second_differs"), np.zeros(len(boxes)))
    return np.column_stack([columns[name] for name in FEATURES])


def _starts(runs: Sequence[NDArray[np.intp]]) -> NDArray[np.int64]:
    lengths = np.array([len(run) for run in runs])
    return np.asarray(np.cumsum(lengths) - lengths, dtype=np.int64)


def _points(page: NumbersOfPage) -> Floats:
    """Boxes between digits that a point parts, shape (m, 4)."""
    digits, flat, starts = page.detection.digits, np.concatenate(page.runs), _starts(page.runs)
    parted = digits.joins[flat, 2] > 0.5
    parted[starts[1:] - 1] = parted[-1] = False
    before = np.flatnonzero(parted)
    left, right = digits.boxes[flat[before]], digits.boxes[flat[before + 1]]
    return np.column_stack(
        [left[:, 2], np.minimum(left[:, 1], right[:, 1]), right[:, 0], np.maximum(left[:, 3], right[:, 3])]
    )


def _clipped(probability: Floats) -> Floats:
    return np.clip(logits_of(probability), -STEEP, STEEP)


def _of_digits(page: NumbersOfPage) -> dict[str, Floats]:
    """The least sure digit and join, both ends, the surest rival, and what the page's prototypes say."""
    digits, flat, starts = page.detection.digits, np.concatenate(page.runs), _starts(page.runs)
    joins = digits.joins[flat]
    first, last = starts, np.append(starts[1:], len(flat)) - 1
    # Between two digits; past the last digit of a number nothing is joined, and nothing is weak.
    inside = np.ones(len(flat))
    inside[:-1] = np.sqrt(joins[:-1, 1] * joins[1:, 0])
    inside[last] = 1.0
    undecided = joins[:, 2] * (1 - joins[:, 2]) * 4
    undecided[last] = 0.0
    corrected = (digits.values[flat] != page.before.values[flat]).astype(np.float64)
    lowered = (digits.confidence[flat] < page.before.confidence[flat]).astype(np.float64) - corrected
    product = number_confidence(digits, page.runs)
    return {
        "product": _clipped(product),
        "weakest_digit": _clipped(np.minimum.reduceat(digits.confidence[flat], starts)),
        "weakest_join": _clipped(np.minimum.reduceat(inside, starts)),
        "left_end": _clipped(1 - joins[first, 0]),
        "right_end": _clipped(1 - joins[last, 1]),
        "point": np.maximum.reduceat(undecided, starts),
        "rival": _clipped(np.maximum.reduceat(digits.runner_up_confidence[flat], starts)),
        "corrected": np.maximum.reduceat(corrected, starts),
        "strange": np.maximum.reduceat(np.maximum(lowered, 0), starts),
    }


def _of_ink(beside: InkBeside) -> dict[str, Floats]:
    columns = {"tall_left": beside.tall[:, 0], "tall_right": beside.tall[:, 1]}
    for name, ink in (("dark", beside.dark), ("pale", beside.pale)):
        amount = np.sqrt(np.minimum(ink, MOST_INK))
        columns[f"{name}_left"], columns[f"{name}_right"] = amount[:, 0], amount[:, 1]
    return columns | {"inside": np.sqrt(np.minimum(beside.inside, MOST_INK))}


def _of_neighbours(boxes: Floats, unit: float) -> dict[str, Floats]:
    """How near the next number on the line stands, 1 where it touches, to 0 far away."""
    left, top, right, bottom = boxes.T
    near_left, near_right = np.full(len(boxes), np.inf), np.full(len(boxes), np.inf)
    # In blocks: a sheet of ten thousand numbers has a hundred million pairs.
    for start in range(0, len(boxes), _BLOCK):
        some = slice(start, start + _BLOCK)
        level = np.abs((top + bottom)[some, None] - (top + bottom)) / 2 < 0.5 * unit
        gap = left[None, :] - right[some, None]
        after = np.where(level & (gap > -0.5 * unit), np.maximum(gap, 0), np.inf)
        after[np.arange(len(after)), start + np.arange(len(after))] = np.inf
        np.minimum(near_left, after.min(axis=0), out=near_left)
        near_right[some] = after.min(axis=1)
    return {"near_left": np.exp(-near_left / (0.6 * unit)), "near_right": np.exp(-near_right / (0.6 * unit))}


def _of_column(context: ColumnContext) -> dict[str, Floats]:
    return {name: getattr(context, name) for name in ("longer", "shorter", "aside", "off_step", "on_step")}


def _of_shape(page: NumbersOfPage, unit: float) -> dict[str, Floats]:
    """Digits that are too low or too high, too near to each other or too far, off the line; and how many there are."""
    digits, flat, starts = page.detection.digits, np.concatenate(page.runs), _starts(page.runs)
    lengths = np.array([len(run) for run in page.runs])
    middles, heights = digits.middles[flat], digits.heights[flat]
    advance = np.diff(middles[:, 0], append=np.nan) / unit
    advance[starts[1:] - 1] = advance[-1] = np.nan
    # A point or a space between two digits takes a place of its own.
    advance[(digits.joins[flat, 2:] > 0.5).any(axis=1)] = np.nan
    known = np.isfinite(advance)
    usual = float(np.median(advance[known])) if known.any() else 0.6
    relative = np.log(np.clip(advance / usual, 0.2, 5.0))
    tight = np.maximum.reduceat(np.where(known, np.maximum(-relative, 0), 0), starts)
    wide = np.maximum.reduceat(np.where(known, np.maximum(relative, 0), 0), starts)
    line = np.repeat(np.add.reduceat(middles[:, 1], starts) / lengths, lengths)
    values = digits.values[flat[starts]]
    return {
        "height": np.minimum(np.maximum.reduceat(np.abs(np.log(heights / unit)), starts), 1.5),
        "tight": tight,
        "wide": wide,
        "level": np.minimum(np.maximum.reduceat(np.abs(middles[:, 1] - line), starts) / unit, 1.0),
        "alone": (lengths == 1).astype(np.float64),
        "stroke_or_ring": ((lengths == 1) & (values < 2)).astype(np.float64),
        "more_digits": np.log2(lengths),
        "outside_table": np.array([number.table is None for number in page.numbers], dtype=np.float64),
    }


def _of_page(page: NumbersOfPage, columns: dict[str, Floats]) -> dict[str, Floats]:
    """What holds for all numbers of the page alike."""
    count = len(page.numbers)
    measures = {
        "page_digits": float(columns["weakest_digit"].mean()),
        "page_weak": float((columns["product"] < 2.0).mean()),
        "page_tables": 1 - float(columns["outside_table"].mean()),
        "page_ink": float((columns["tall_left"] + columns["tall_right"]).mean()),
    }
    return {name: np.full(count, value) for name, value in measures.items()}
