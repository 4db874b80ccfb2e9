"""Reading one page: what the network sees on it becomes numbers in rows and columns, in source pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tablesim.digits.calibration import as_probabilities
from tablesim.digits.context import accept_by_context
from tablesim.digits.detection import Detection, DigitReader
from tablesim.digits.layout import arrange, is_table
from tablesim.digits.network import DIGIT_HEIGHT
from tablesim.digits.numbers import Thresholds, join_digits, number_confidence
from tablesim.digits.page_detection import detect_page
from tablesim.digits.page_prototypes import correct_by_page_prototypes
from tablesim.digits.peaks import DigitPeaks
from tablesim.records.boxes import Box
from tablesim.records.reading import ILLEGIBLE, Digit, Number, Reading
from tablesim.scans.images import Scan, page_id
from tablesim.synthesis.sheet import RAISED_POINT

UNTOLD, NEARLY = 0.25, 0.5
"""A figure less likely than the first, whose runner-up has this share of its likelihood, is illegible: on practice
pages such a figure is more often wrong than right."""


def read_page(eye: DigitReader, scan: Scan) -> Reading:
    """Read a scan.

    Returns
    -------
    Reading
        Without histogram; every coordinate in source pixels.
    """
    chosen = detect_page(eye, scan.grey)
    runs = find_numbers(chosen.digits, eye.thresholds)
    accepted = np.concatenate(runs) if runs else np.zeros(0, dtype=np.intp)
    chosen = replace(chosen, digits=correct_by_page_prototypes(chosen.digits, accepted, chosen.ink))
    numbers = [_number(chosen, run) for run in runs]
    unit = float(np.median(chosen.digits.heights[accepted])) if len(accepted) else DIGIT_HEIGHT
    numbers = arrange(numbers, unit=unit / chosen.transform.scale, rotation=chosen.transform.rotation)
    numbers = [number for number in numbers if _believed(number, eye.thresholds)]
    numbers = as_probabilities(numbers, eye.of_digits, eye.of_numbers)
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


def find_numbers(digits: DigitPeaks, thresholds: Thresholds) -> list[NDArray[np.intp]]:
    """Numbers as runs of indices into ``digits``: the clear ones, then the faint ones that a table vouches for."""
    clear = join_digits(digits, thresholds.doubtful, thresholds.sure)
    left = np.ones(len(digits), dtype=bool)
    left[[int(k) for run in clear for k in run]] = False
    rest = np.flatnonzero(left)
    faint = [rest[run] for run in join_digits(digits.take(rest), thresholds.faint, thresholds.faint)]
    return clear + accept_by_context(digits, clear, faint)


def _number(chosen: Detection, run: NDArray[np.intp]) -> Number:
    digits, text = [], ""
    found = chosen.digits
    for place, k in enumerate(run):
        left, top, right, bottom = found.boxes[k]
        box = chosen.transform.box_to_source(Box(float(left), float(top), float(right - left), float(bottom - top)))
        digit = _digit(found, k, box)
        digits.append(digit)
        text += ILLEGIBLE if digit.value is None else str(digit.value)
        if place < len(run) - 1 and found.joins[k, 2] > 0.5:
            text += RAISED_POINT
    return Number(text, tuple(digits), number_confidence(found, run))


def _digit(found: DigitPeaks, k: int, box: Box) -> Digit:
    """The k-th digit; without a value where two are nearly equally unlikely: then the better one is the runner-up."""
    best = int(found.values[k]), float(found.confidence[k])
    rival = int(found.runner_up[k]), float(found.runner_up_confidence[k])
    if best[1] < UNTOLD and rival[1] > NEARLY * best[1]:
        return Digit(None, box, best[1], best)
    return Digit(best[0], box, best[1], rival)


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
