"""Validation of a digit network on practice and whole pages; calibration of its confidences.

The activations of a network trained with a focal loss are no probabilities: Platt's line through their logits, fitted
on practice pages, makes them so. Every threshold of the reader is on that scale.

Practice pages are harder than books, and the confidence of a whole number is a product over its digits and joins, as if
these were independent. On whole synthesized pages that are read as any scan is, a second line is fitted for digits, and
for numbers the certainty of `certainty_fit`: they make the confidences that leave the reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from tablesim.digits.calibration import (
    Calibration,
    ReliabilityBin,
    calibration_in,
    expected_calibration_error,
    fit_calibration,
    logits_of,
    reliability,
)
from tablesim.digits.evaluation.alignment import SAME_POSITION, Alignment, align, judged_digits
from tablesim.digits.evaluation.scores import ReadingScore, TableNeighbourRecall, total
from tablesim.digits.network import DigitNetwork, load_weights
from tablesim.digits.numbers import Thresholds, join_digits
from tablesim.digits.page import numbers_of_page, reading_of
from tablesim.digits.passes import DigitReader
from tablesim.digits.peaks import DigitPeaks, find_digits
from tablesim.digits.training.annotated_pages import AnnotatedPage
from tablesim.digits.training.certainty_fit import PRACTICE, CertaintyFit, JudgedPage, fit_certainty
from tablesim.digits.training.held_out import HeldOutScore, measure
from tablesim.errors import SettingsError, WeightsError
from tablesim.records.reading import Reading
from tablesim.records.truth import PageTruth
from tablesim.scans import images
from tablesim.scans.cleaning import clean
from tablesim.synthesis.ageing import SimulatedScan
from tablesim.synthesis.corpus import pages, plan_of_pages
from tablesim.synthesis.pages import SimulatedPage
from tablesim.synthesis.practice import KINDS, practice_page

FIRST_SEED = 1_000_000_000
"""Practice pages from this seed on are never trained on."""

N_WHOLE_PAGES = 48
"""Whole pages that the confidences of numbers are fitted on: some of each kind of table, and some without one."""

Judged = tuple[NDArray[np.float64], NDArray[np.bool_]]
"""Confidences, and whether each answer is right."""

_WEAKEST = 0.03
"""Least activation of the digits on which the calibration is fitted; chosen by eye, well below every threshold."""

_WITHOUT_TABLES = {"text", "headed", "dial", "drawing"}
"""Kinds of blocks on which few numbers stand."""

_QUICK_SEED, _QUICK_SIDE = FIRST_SEED + 10_000_000, 640
"""First practice page of the quick check, and its side in working pixels."""


@dataclass(frozen=True)
class Validation:
    """Measures on practice pages.

    Attributes
    ----------
    n_pages : int
    calibration : Calibration
        From activations to probabilities.
    precision, recall : float
        Of single digits: right value at the right position.
    f1_numbers : float
        Of whole numbers: right digits, joined rightly, at the right position.
    calibration_error : float
        Expected calibration error of the accepted digits, 10 equal-count bins.
    confusion : int array of shape (10, 10)
        Rows: what is printed; columns: what was read there.
    bins : tuple of ReliabilityBin
        The accepted digits by their confidence.
    """

    n_pages: int
    calibration: Calibration
    precision: float
    recall: float
    f1_numbers: float
    calibration_error: float
    confusion: NDArray[np.int64]
    bins: tuple[ReliabilityBin, ...] = ()

    @property
    def f1_digits(self) -> float:
        """Harmonic mean of precision and recall; 0 where both are 0."""
        return 2 * self.precision * self.recall / max(1e-9, self.precision + self.recall)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, shares to four decimals."""
        return {
            "pages": self.n_pages,
            "digit_precision": round(self.precision, 4),
            "digit_recall": round(self.recall, 4),
            "f1_numbers": round(self.f1_numbers, 4),
            "calibration_error": round(self.calibration_error, 4),
            "confusion": self.confusion.tolist(),
            "bins": [each.to_dict() for each in self.bins],
        }


@dataclass(frozen=True)
class ReliabilityReport:
    """Calibration of confidences on some pages, and how reliable they are with it.

    Attributes
    ----------
    calibration : Calibration
        Fitted on all pages.
    error : float
        Expected calibration error, 10 equal-count bins. It is taken in two halves of the pages, in each with the
        calibration of the other half.
    bins : tuple of ReliabilityBin
        The answers by their confidence, calibrated as for the error.
    """

    calibration: Calibration
    error: float
    bins: tuple[ReliabilityBin, ...]


@dataclass(frozen=True)
class WholePages:
    """Measures on whole synthesized pages, read as any scan is.

    Attributes
    ----------
    score : ReadingScore
        Numbers, digits and bins of all pages together.
    neighbours : TableNeighbourRecall
    digits, numbers : ReliabilityReport
        Of the confidences that the reader gives them by their digits and joins.
    certainty : CertaintyFit, optional
        Of whole numbers by all that speaks for and against them; None where too few are wrong.
    """

    score: ReadingScore
    neighbours: TableNeighbourRecall
    digits: ReliabilityReport
    numbers: ReliabilityReport
    certainty: CertaintyFit | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            **self.score.to_dict(),
            "neighbours": self.neighbours.to_dict(),
            "calibration_error_digits": round(self.digits.error, 4),
            "calibration_error_numbers": round(self.numbers.error, 4),
            "bins": [each.to_dict() for each in self.numbers.bins],
            "certainty": None if self.certainty is None else self.certainty.to_dict(),
        }


def validate(
    network: DigitNetwork, seeds: Iterable[int] = range(FIRST_SEED, FIRST_SEED + 60), size: int = 768
) -> Validation:
    """Read validation pages, fit the calibration, and count with it.

    Parameters
    ----------
    network : DigitNetwork
        Folded, in evaluation mode.
    seeds : iterable of int
        Practice pages of ``size`` working pixels.
    """
    return validate_scans(network, (practice_page(seed, size) for seed in seeds))


def validate_scans(network: DigitNetwork, scans: Iterable[SimulatedScan]) -> Validation:
    """The same on practice pages that were made before."""
    confusion = np.zeros((10, 10), dtype=np.int64)
    found = [(scan, _found_on(network, scan, confusion)) for scan in scans]
    answers = []
    for scan, digits in found:
        asked, is_right = _judge(scan, digits)
        answers.append((digits.confidence[asked], is_right[asked]))
    confidence, right = _joined(answers)
    calibration = fit_calibration(logits_of(confidence), right)
    thresholds = Thresholds()
    hits = read = printed = 0
    answers, numbers = [], np.zeros(3)
    for scan, digits in found:
        digits = calibrated(digits, calibration)
        runs = join_digits(digits, thresholds.doubtful, thresholds.sure)
        accepted = digits.take(np.concatenate(runs) if runs else np.zeros(0, dtype=np.intp))
        asked, is_right = _judge(scan, accepted)
        hits, read = hits + int(is_right.sum()), read + int(asked.sum())
        printed += sum(len(number.digits) for number in scan.numbers)
        answers.append((accepted.confidence[asked], is_right[asked]))
        numbers += _count_numbers(scan, digits, runs)
    return Validation(
        n_pages=len(found),
        calibration=calibration,
        precision=hits / max(1, read),
        recall=hits / max(1, printed),
        f1_numbers=float(2 * numbers[0] / max(1.0, numbers[1] + numbers[2])),
        calibration_error=expected_calibration_error(*_joined(answers)),
        confusion=confusion,
        bins=reliability(*_joined(answers)),
    )


def validation_pages(count: int = N_WHOLE_PAGES) -> Iterable[SimulatedPage]:
    """Whole synthesized pages of ``count`` books that are in no training and no bundled corpus."""
    return (page for page, _ in pages(plan_of_pages(FIRST_SEED, count, editions=1)))


def practice_pages(count: int, size: int = 768) -> Iterable[SimulatedPage]:
    """Practice pages, not those of `validate`, as scans with their truth: by turns mixed and of one kind alone."""
    kinds = sorted(set(KINDS) - _WITHOUT_TABLES)
    for n in range(count):
        kind = kinds[n // 2 % len(kinds)] if n % 2 else None
        scan = practice_page(FIRST_SEED + 1_000_000 + n, size, kind=kind)
        height, width = scan.grey.shape
        meta = {"kind": kind or PRACTICE, "unasked": [box.to_dict() for box in scan.unasked]}
        yield SimulatedPage(scan.grey, PageTruth(f"practice-{n}", width, height, True, tuple(scan.numbers), meta))


def validate_whole_pages(
    reader: DigitReader, simulated: Iterable[SimulatedPage], practice: Iterable[SimulatedPage] = ()
) -> WholePages:
    """Read whole pages, calibrate the confidences of digits and numbers, and count.

    Parameters
    ----------
    reader : DigitReader
        With the calibration of its activations.
    simulated : iterable of SimulatedPage
        Scans with their truth.
    practice : iterable of SimulatedPage
        More of them, on which the certainty of numbers is fitted too, and nothing is counted.
    """
    scores: list[ReadingScore] = []
    neighbours = TableNeighbourRecall()
    digits: list[Judged] = []
    numbers: list[Judged] = []
    judged: list[JudgedPage] = []
    for page in simulated:
        reading, alignment, judged_page = _read(reader, page)
        judged.append(judged_page)
        scores.append(alignment.score())
        neighbours += alignment.neighbour_recall()
        digits.append(judged_digits(reading, page.truth))
        numbers.append(alignment.judged())
    for page in practice:
        reading, _, judged_page = _read(reader, page)
        # A page taken to lie on its side has no number right: that is no matter of its numbers.
        if reading.transform.rotation == page.truth.rotation:
            judged.append(judged_page)
    return WholePages(
        total(scores), neighbours, reliability_report(digits), reliability_report(numbers), fit_certainty(judged)
    )


def _read(reader: DigitReader, simulated: SimulatedPage) -> tuple[Reading, Alignment, JudgedPage]:
    """A page as it is read, aligned with its truth, and its numbers judged by it."""
    scan = images.Scan(Path(simulated.truth.page), "", simulated.grey)
    page = numbers_of_page(reader, scan)
    reading = reading_of(reader, scan, page)
    alignment = align(reading, simulated.truth)
    meta = simulated.truth.meta
    kind = str(meta.get("table") or meta.get("kind"))
    return reading, alignment, JudgedPage.of(kind, page, reading, alignment)


def reliability_report(judged_pages: Sequence[Judged]) -> ReliabilityReport:
    """Calibration and reliability of confidences, from the answers of each page."""
    halves = _joined(judged_pages[::2]), _joined(judged_pages[1::2])
    fits = [fit_calibration(logits_of(confidence), right) for confidence, right in halves]
    crossed = _joined([(fits[1 - n].of_activation(confidence), right) for n, (confidence, right) in enumerate(halves)])
    confidence, right = _joined(judged_pages)
    calibration = fit_calibration(logits_of(confidence), right)
    return ReliabilityReport(calibration, expected_calibration_error(*crossed), reliability(*crossed))


def _joined(parts: Iterable[Judged]) -> Judged:
    confidence, right = zip((np.zeros(0), np.zeros(0, dtype=bool)), *parts, strict=True)
    return np.concatenate(confidence), np.concatenate(right)


def calibrated(digits: DigitPeaks, calibration: Calibration) -> DigitPeaks:
    """Digits found with plain activations, their confidences calibrated."""
    return replace(
        digits,
        confidence=calibration.of_activation(digits.confidence),
        runner_up_confidence=calibration.of_activation(digits.runner_up_confidence),
    )


def _found_on(network: DigitNetwork, scan: SimulatedScan, confusion: NDArray[np.int64]) -> DigitPeaks:
    """The digits found on a practice page by plain activations; ``confusion`` counts what was read where."""
    ink = torch.from_numpy(clean(scan.grey))[None, None]
    with torch.inference_mode():
        digits = find_digits(network(ink), _WEAKEST)
    true = [digit for number in scan.numbers for digit in number.digits]
    if true and len(digits):
        distance, nearest = cKDTree(digits.middles).query([digit.box.centre for digit in true])
        for digit, far, k in zip(true, distance, nearest, strict=True):
            if far < SAME_POSITION * digit.box.height:
                confusion[digit.value, digits.values[k]] += 1
    return digits


def _judge(scan: SimulatedScan, digits: DigitPeaks) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """For each digit found: whether it may be judged, and whether it is right; both of shape (n,)."""
    asked, right = np.ones(len(digits), dtype=bool), np.zeros(len(digits), dtype=bool)
    if not len(digits):
        return asked, right
    true = [digit for number in scan.numbers for digit in number.digits]
    if true:
        distance, nearest = cKDTree([digit.box.centre for digit in true]).query(digits.middles)
        heights = np.array([digit.box.height for digit in true])[nearest]
        values = np.array([digit.value for digit in true])[nearest]
        right = (distance < SAME_POSITION * heights) & (values == digits.values)
    if scan.unasked:
        distance, nearest = cKDTree([box.centre for box in scan.unasked]).query(digits.middles)
        heights = np.array([box.height for box in scan.unasked])[nearest]
        asked = right | (distance > 0.8 * heights)
    return asked, right


def _count_numbers(scan: SimulatedScan, digits: DigitPeaks, runs: list[NDArray[np.intp]]) -> NDArray[np.float64]:
    """Right numbers, numbers read (where they may be judged), numbers printed."""
    asked, _ = _judge(scan, digits)
    read = [run for run in runs if asked[run].all()]
    right = 0
    if read and scan.numbers:
        middles = np.array(
            [(digits.boxes[run, :2].min(axis=0) + digits.boxes[run, 2:].max(axis=0)) / 2 for run in read]
        )
        distance, nearest = cKDTree([number.box.centre for number in scan.numbers]).query(middles)
        for run, far, k in zip(read, distance, nearest, strict=True):
            number = scan.numbers[k]
            same = [digit.value for digit in number.digits] == digits.values[run].tolist()
            right += same and far < SAME_POSITION * number.box.height
    return np.array([right, len(read), len(scan.numbers)], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class ValidationSettings:
    """On how many pages a network is validated.

    Parameters
    ----------
    practice : int
        Practice pages at the end; the activations are calibrated on them.
    whole : int
        Whole synthesized pages at the end; the confidences that leave the reader are calibrated on them.
    quick : int
        Practice pages, and annotated pages that are held out, at each checkpoint; 0 for none.
    """

    practice: int = 60
    whole: int = N_WHOLE_PAGES
    quick: int = 8

    def __post_init__(self) -> None:
        for name, least in (("practice", 1), ("whole", 1), ("quick", 0)):
            if getattr(self, name) < least:
                raise SettingsError(f"ValidationSettings.{name}: got {getattr(self, name)}, expected {least} or more")


class Validator:
    """Validates networks, always on the same pages."""

    def __init__(self, settings: ValidationSettings, held_out: Sequence[AnnotatedPage]) -> None:
        self.settings = settings
        self.held_out = held_out

    @cached_property
    def _few_pages(self) -> list[SimulatedScan]:
        return [practice_page(_QUICK_SEED + n, _QUICK_SIDE) for n in range(self.settings.quick)]

    def quick(self, network: DigitNetwork) -> dict[str, dict[str, float] | None]:
        """How a folded network reads a few practice pages and a few held-out ones: a point of the learning curve.

        Both are None where no page is validated, or where the network finds too few digits yet to be calibrated.
        """
        if not self.settings.quick:
            return {"practice": None, "held_out": None}
        try:
            validation = validate_scans(network, self._few_pages)
        except WeightsError:
            return {"practice": None, "held_out": None}
        few = self.held_out[: self.settings.quick]
        return {
            "practice": {
                "precision": round(validation.precision, 4),
                "recall": round(validation.recall, 4),
                "f1_digits": round(validation.f1_digits, 4),
                "f1_numbers": round(validation.f1_numbers, 4),
            },
            "held_out": _point(measure(network, validation.calibration, few)) if few else None,
        }

    def examine(self, network: DigitNetwork, start: str | Path | None) -> dict[str, Any]:
        """All measures of a finished network, plain values: what its weights file records beside the settings.

        ``calibration`` is for its activations, ``digit_calibration``, ``number_certainty`` and, without that,
        ``number_calibration`` for the confidences of whole pages; ``held_out`` compares it with the weights it started
        from.
        """
        record, validation = calibrate(network, self.settings)
        if self.held_out:
            record["held_out"] = {
                "books": sorted({page.book for page in self.held_out}),
                "pages": len(self.held_out),
                "before": _before(start, self.held_out),
                "after": measure(network, validation.calibration, self.held_out).to_dict(),
            }
        return record


def calibrate(network: DigitNetwork, settings: ValidationSettings) -> tuple[dict[str, Any], Validation]:
    """The calibrations of a finished network and the measures behind them, plain values; and those on practice pages.

    A record of weights that is updated with it has all that a reader needs to give probabilities.
    """
    validation = validate(network, seeds=range(FIRST_SEED, FIRST_SEED + settings.practice))
    whole = validate_whole_pages(
        DigitReader(network, validation.calibration, Thresholds()),
        validation_pages(settings.whole),
        practice_pages(settings.practice),
    )
    return {
        "calibration": asdict(validation.calibration),
        "digit_calibration": asdict(whole.digits.calibration),
        "number_calibration": asdict(whole.numbers.calibration),
        "number_certainty": None if whole.certainty is None else whole.certainty.certainty.to_dict(),
        "validation": validation.to_dict(),
        "whole_pages": whole.to_dict(),
    }, validation


def _before(start: str | Path | None, pages: Sequence[AnnotatedPage]) -> dict[str, Any] | None:
    """How the weights that a training started from read the same pages; None without such weights."""
    if start is None:
        return None
    network, record = load_weights(start)
    return measure(network, calibration_in(record, "calibration", start), pages).to_dict()


def _point(score: HeldOutScore) -> dict[str, float]:
    return {
        "precision": round(score.digits.precision, 4),
        "recall": round(score.digits.recall, 4),
        "f1_digits": round(score.digits.f1, 4),
        "numbers_right": round(score.numbers.recall, 4),
    }
