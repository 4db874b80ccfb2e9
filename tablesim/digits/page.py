"""Reading one page: its scale and orientation, one or two passes of the network, its numbers in source pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from tablesim.digits.context import vouched_for
from tablesim.digits.layout import arrange, is_table
from tablesim.digits.network import FIGURE_HEIGHT, DigitNetwork
from tablesim.digits.numbers import Thresholds, join_digits, number_confidence
from tablesim.digits.peaks import Calibration, Digits, find_digits
from tablesim.digits.reading import Digit, Number, Reading
from tablesim.digits.scale import Survey, bounded_scale, survey, working_image
from tablesim.scans.boxes import Box
from tablesim.scans.cleaning import clean
from tablesim.scans.images import Scan, page_id
from tablesim.scans.transform import Transform
from tablesim.synthesis.sheet import RAISED_POINT

GOOD_FIT = 1.18
"""A second pass is made where the figures are this many times too large or too small for the network."""

FEW = 8
"""Fewer digits than this say nothing about scale or orientation."""

CLEARLY_UPRIGHT = 0.8
"""Mean confidence above which no other orientation is tried."""

_TRIAL_SIDE, _TRIAL_PIECES = 448, 3


@dataclass(frozen=True)
class Pass:
    """One pass of the network over a page: how the page was set, and the digits in working pixels."""

    transform: Transform
    digits: Digits

    @property
    def strength(self) -> float:
        """Sum of the confidences: greatest at the right scale and orientation."""
        return float(self.digits.confidence.sum())


@dataclass(frozen=True)
class Eye:
    """What reads: a digit network, what its activations are worth, and what counts as a digit.

    The network is folded, in evaluation mode, on the CPU.
    """

    network: DigitNetwork
    calibration: Calibration
    thresholds: Thresholds

    def look(self, grey: NDArray[np.uint8], transform: Transform, threshold: float) -> Pass:
        """One pass of the network over a page set as ``transform`` says; digits of at least ``threshold``."""
        ink = torch.from_numpy(clean(working_image(grey, transform)))[None, None]
        with torch.inference_mode():
            maps = self.network(ink.contiguous(memory_format=torch.channels_last))
            return Pass(transform, find_digits(maps, threshold, self.calibration))


def read_page(eye: Eye, scan: Scan) -> Reading:
    """Read a scan.

    Returns
    -------
    Reading
        Without histogram; every coordinate in source pixels.
    """
    chosen = find_pass(eye, scan.grey)
    runs = find_numbers(chosen.digits, eye.thresholds)
    numbers = [_number(chosen, run) for run in runs]
    accepted = np.concatenate(runs) if runs else np.zeros(0, dtype=np.intp)
    unit = float(np.median(chosen.digits.heights[accepted])) if len(accepted) else FIGURE_HEIGHT
    numbers = arrange(numbers, unit=unit / chosen.transform.scale, rotation=chosen.transform.rotation)
    numbers = [number for number in numbers if _believed(number, eye.thresholds)]
    legibility, note = _legibility(numbers, unit / chosen.transform.scale)
    return Reading(
        scan=str(scan.path),
        page=page_id(scan.path),
        sha256=scan.sha256,
        transform=chosen.transform,
        is_table=is_table(numbers),
        legibility=legibility,
        numbers=tuple(numbers),
        note=note,
    )


def find_numbers(digits: Digits, thresholds: Thresholds) -> list[NDArray[np.intp]]:
    """Numbers as runs of indices into ``digits``: the clear ones, then the faint ones that a table vouches for."""
    clear = join_digits(digits, thresholds.doubtful, thresholds.sure)
    left = np.ones(len(digits), dtype=bool)
    left[[int(k) for run in clear for k in run]] = False
    rest = np.flatnonzero(left)
    faint = [rest[run] for run in join_digits(digits.take(rest), thresholds.faint, thresholds.faint)]
    return clear + vouched_for(digits, clear, faint)


def find_pass(eye: Eye, grey: NDArray[np.uint8]) -> Pass:
    """The pass at the page's own scale and orientation.

    The size of the marks on the page gives a first scale; the digits found there give the exact one. The other three
    orientations are tried, on a piece of the page, only where the upright page reads badly.
    """
    height, width = grey.shape
    thresholds = eye.thresholds
    surveyed = survey(grey)
    transform = Transform(width, height, scale=surveyed.scale)
    first = eye.look(grey, transform, thresholds.faint)
    sure = first.digits.confidence >= thresholds.sure
    if sure.sum() < FEW or first.digits.confidence[sure].mean() < CLEARLY_UPRIGHT:
        rotation = _orientation(eye, grey, surveyed)
        if rotation:
            transform = replace(transform, rotation=rotation)
            first = eye.look(grey, transform, thresholds.faint)
            sure = first.digits.confidence >= thresholds.sure
    if sure.sum() < FEW:
        return first
    fit = FIGURE_HEIGHT / float(np.median(first.digits.heights[sure]))
    scale = bounded_scale(grey, transform.scale * fit)
    if 1 / GOOD_FIT < scale / transform.scale < GOOD_FIT:
        return first
    second = eye.look(grey, replace(transform, scale=scale), thresholds.faint)
    return second if second.strength > 0.8 * first.strength else first


def _orientation(eye: Eye, grey: NDArray[np.uint8], first: Survey) -> int:
    """The quarter turn at which pieces of the page read best; 0 unless another is clearly better."""
    strengths = dict.fromkeys((0, 90, 180, 270), 0.0)
    side = round(_TRIAL_SIDE / first.scale)
    for left, top in first.crowded(side, _TRIAL_PIECES):
        piece = grey[top : top + side, left : left + side]
        height, width = piece.shape
        for rotation in strengths:
            # Sure ones alone: letters on their head look like many a doubtful digit.
            trial = eye.look(piece, Transform(width, height, rotation, first.scale), CLEARLY_UPRIGHT)
            strengths[rotation] += float(trial.digits.confidence.sum())
    best = max(strengths, key=lambda rotation: strengths[rotation])
    return best if strengths[best] > 2 * strengths[0] + FEW else 0


def _number(chosen: Pass, run: NDArray[np.intp]) -> Number:
    digits, text = [], ""
    found = chosen.digits
    for place, k in enumerate(run):
        left, top, right, bottom = found.boxes[k]
        box = chosen.transform.box_to_source(Box(float(left), float(top), float(right - left), float(bottom - top)))
        rival = (int(found.runner_up[k]), float(found.runner_up_confidence[k]))
        digits.append(Digit(int(found.values[k]), box, float(found.confidence[k]), rival))
        text += str(int(found.values[k]))
        if place < len(run) - 1 and found.joins[k, 2] > 0.5:
            text += RAISED_POINT
    return Number(text, tuple(digits), number_confidence(found, run))


def _believed(number: Number, thresholds: Thresholds) -> bool:
    """Whether a number counts. One that stands in no table must be surer: letters are taken for figures there."""
    return number.confidence >= (thresholds.number if number.table is not None else thresholds.alone)


def _legibility(numbers: list[Number], unit: float) -> tuple[float, str]:
    """How well the figures could be told, and why not. ``unit`` is their height in source pixels."""
    if not numbers:
        return 0.0, "no figures were found"
    mean = float(np.mean([digit.confidence for number in numbers for digit in number.digits]))
    if unit < 8.0:
        return (
            mean * unit / 8.0,
            f"the figures are only {unit:.0f} pixels high; a scan of higher resolution would read better",
        )
    if mean < 0.6:
        return mean, "the figures are faint, blurred or of an unknown face"
    return mean, ""
