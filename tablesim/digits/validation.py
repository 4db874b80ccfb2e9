"""How well a network reads pages it was never trained on, and what its activations are worth.

The activations of a network trained with a focal loss are no probabilities: they are brought to probabilities by a line
through their logits (Platt 1999), fitted on practice pages. Every threshold of the reader is set on that scale.

Practice pages are harder than books, and the confidence of a whole number is a product over its digits and joins, as if
these were independent. Second lines, for digits and for numbers, are fitted on whole synthesized pages that are read as
any scan is: they bring the confidences that leave the reader to probabilities.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from tablesim.digits.alignment import align, judged_digits
from tablesim.digits.calibration import Bin, expected_calibration_error, fit_calibration, logits_of, reliability
from tablesim.digits.detection import DigitReader
from tablesim.digits.neighbours import TableNeighbourRecall, neighbour_recall
from tablesim.digits.network import DigitNetwork
from tablesim.digits.numbers import Thresholds, join_digits
from tablesim.digits.page import read_page
from tablesim.digits.peaks import Calibration, DigitPeaks, find_digits
from tablesim.digits.scores import ReadingScore, score_texts, total
from tablesim.records.truth import TrueNumber
from tablesim.scans import images
from tablesim.scans.cleaning import clean
from tablesim.synthesis.ageing import SimulatedScan
from tablesim.synthesis.corpus import pages, plan_of_pages
from tablesim.synthesis.pages import SimulatedPage
from tablesim.synthesis.practice import practice_page

FIRST_SEED = 1_000_000_000
"""Practice pages from this seed on are never trained on."""

N_WHOLE_PAGES = 28
"""Whole pages that the confidences of numbers are fitted on: one of each of two dozen tables, and some without one."""

Judged = tuple[NDArray[np.float64], NDArray[np.bool_]]
"""Confidences, and whether each answer is right."""

_WEAKEST = 0.03
_SAME_PLACE = 0.5


@dataclass(frozen=True)
class Validation:
    """Figures on validation pages.

    Attributes
    ----------
    n_pages : int
    calibration : Calibration
        From activations to probabilities.
    precision, recall : float
        Of single digits: right value at the right place.
    f1_numbers : float
        Of whole numbers: right figures, joined rightly, at the right place.
    calibration_error : float
        Expected calibration error of the accepted digits, 10 equal-count bins.
    confusion : int array of shape (10, 10)
        Rows: what is printed; columns: what was read there.
    bins : tuple of Bin
        The accepted digits by their confidence.
    """

    n_pages: int
    calibration: Calibration
    precision: float
    recall: float
    f1_numbers: float
    calibration_error: float
    confusion: NDArray[np.int64]
    bins: tuple[Bin, ...] = ()

    @property
    def f1_digits(self) -> float:
        """Harmonic mean of precision and recall; 0 where both are 0."""
        return 2 * self.precision * self.recall / max(1e-9, self.precision + self.recall)

    def to_dict(self) -> dict[str, Any]:
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
    """What confidences are worth on some pages.

    Attributes
    ----------
    line : Calibration
        Brings them to probabilities; fitted on all pages.
    error : float
        Expected calibration error, 10 equal-count bins, with that line. It is taken in two halves of the pages, in each
        with the line that the other half gives.
    bins : tuple of Bin
        The answers by their confidence, brought to probabilities as for the error.
    """

    line: Calibration
    error: float
    bins: tuple[Bin, ...]


@dataclass(frozen=True)
class WholePages:
    """Figures on whole synthesized pages, read as any scan is.

    Attributes
    ----------
    score : ReadingScore
        Numbers, digits and bins of all pages together.
    neighbours : NeighboursKept
    digits, numbers : Worth
        What the confidences that the reader gives them are worth.
    """

    score: ReadingScore
    neighbours: TableNeighbourRecall
    digits: ReliabilityReport
    numbers: ReliabilityReport

    def to_dict(self) -> dict[str, Any]:
        return {
            **self.score.to_dict(),
            "neighbours": self.neighbours.to_dict(),
            "calibration_error_digits": round(self.digits.error, 4),
            "calibration_error_numbers": round(self.numbers.error, 4),
            "bins": [each.to_dict() for each in self.numbers.bins],
        }


@dataclass
class _Tally:
    """What was found on the pages so far."""

    logits: list[NDArray[np.float64]]
    right: list[NDArray[np.bool_]]
    pages: list[tuple[SimulatedScan, DigitPeaks]]
    confusion: NDArray[np.int64]


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
    tally = _Tally([], [], [], np.zeros((10, 10), dtype=np.int64))
    for scan in scans:
        _read(network, scan, tally)
    logits, right = np.concatenate(tally.logits), np.concatenate(tally.right)
    calibration = fit_calibration(logits, right)
    thresholds = Thresholds()
    hits = found = printed = 0
    shares, truths = [], []
    numbers = np.zeros(3)
    for scan, digits in tally.pages:
        digits = calibrated(digits, calibration)
        runs = join_digits(digits, thresholds.doubtful, thresholds.sure)
        accepted = digits.take(np.concatenate(runs) if runs else np.zeros(0, dtype=np.intp))
        asked, right_here = _judge(scan, accepted)
        hits, found = hits + int(right_here.sum()), found + int(asked.sum())
        printed += sum(len(number.digits) for number in scan.numbers)
        shares.append(accepted.confidence[asked])
        truths.append(right_here[asked])
        numbers += _count_numbers(scan, digits, runs)
    return Validation(
        n_pages=len(tally.pages),
        calibration=calibration,
        precision=hits / max(1, found),
        recall=hits / max(1, printed),
        f1_numbers=float(2 * numbers[0] / max(1.0, numbers[1] + numbers[2])),
        calibration_error=expected_calibration_error(np.concatenate(shares), np.concatenate(truths)),
        confusion=tally.confusion,
        bins=reliability(np.concatenate(shares), np.concatenate(truths)),
    )


def validation_pages(count: int = N_WHOLE_PAGES) -> Iterable[SimulatedPage]:
    """Whole synthesized pages of ``count`` books that are in no training and no bundled corpus."""
    return (page for page, _ in pages(plan_of_pages(FIRST_SEED, count, editions=1)))


def validate_whole_pages(eye: DigitReader, made: Iterable[SimulatedPage]) -> WholePages:
    """Read whole pages, fit the confidences of numbers, and count.

    Parameters
    ----------
    eye : Eye
        What reads, with the calibration of its digits.
    made : iterable of Page
        Scans with their truth.
    """
    scores: list[ReadingScore] = []
    neighbours = TableNeighbourRecall()
    digits: list[Judged] = []
    numbers: list[Judged] = []
    for page in made:
        reading = read_page(eye, images.Scan(Path(page.truth.page), "", page.grey))
        aligned = align(reading, page.truth)
        scores.append(score_texts([n.digits_text for n in aligned.read], [n.digits_text for n in aligned.printed]))
        neighbours += neighbour_recall(aligned)
        digits.append(judged_digits(reading, page.truth))
        numbers.append(aligned.judged())
    return WholePages(total(scores), neighbours, reliability_report(digits), reliability_report(numbers))


def reliability_report(pages_judged: Sequence[Judged]) -> ReliabilityReport:
    """What the confidences of some pages are worth, from the answers of each page."""
    halves = _joined(pages_judged[::2]), _joined(pages_judged[1::2])
    lines = [fit_calibration(logits_of(confidence), right) for confidence, right in halves]
    crossed = _joined([(lines[1 - n].of_activation(confidence), right) for n, (confidence, right) in enumerate(halves)])
    confidence, right = _joined(pages_judged)
    line = fit_calibration(logits_of(confidence), right)
    return ReliabilityReport(line, expected_calibration_error(*crossed), reliability(*crossed))


def _joined(parts: Iterable[Judged]) -> Judged:
    confidence, right = zip((np.zeros(0), np.zeros(0, dtype=bool)), *parts, strict=True)
    return np.concatenate(confidence), np.concatenate(right)


def calibrated(digits: DigitPeaks, calibration: Calibration) -> DigitPeaks:
    """Digits found with plain activations, their confidences brought to probabilities."""
    return replace(
        digits,
        confidence=calibration.of_activation(digits.confidence),
        runner_up_confidence=calibration.of_activation(digits.runner_up_confidence),
    )


def _read(network: DigitNetwork, scan: SimulatedScan, tally: _Tally) -> None:
    ink = torch.from_numpy(clean(scan.grey))[None, None]
    with torch.inference_mode():
        digits = find_digits(network(ink), _WEAKEST)
    asked, right = _judge(scan, digits)
    tally.logits.append(np.log(digits.confidence[asked] / (1 - digits.confidence[asked])))
    tally.right.append(right[asked])
    tally.pages.append((scan, digits))
    true = [digit for number in scan.numbers for digit in number.digits]
    if true and len(digits):
        distance, nearest = cKDTree(digits.middles).query([digit.box.centre for digit in true])
        for digit, far, k in zip(true, distance, nearest, strict=True):
            if far < _SAME_PLACE * digit.box.height:
                tally.confusion[digit.value, digits.values[k]] += 1


def _judge(scan: SimulatedScan, digits: DigitPeaks) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """For each digit found: may it be judged, and is it right?"""
    asked, right = np.ones(len(digits), dtype=bool), np.zeros(len(digits), dtype=bool)
    if not len(digits):
        return asked, right
    true = [digit for number in scan.numbers for digit in number.digits]
    if true:
        distance, nearest = cKDTree([digit.box.centre for digit in true]).query(digits.middles)
        heights = np.array([digit.box.height for digit in true])[nearest]
        values = np.array([digit.value for digit in true])[nearest]
        right = (distance < _SAME_PLACE * heights) & (values == digits.values)
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
            right += _same(digits, run, scan.numbers[k]) and far < _SAME_PLACE * scan.numbers[k].box.height
    return np.array([right, len(read), len(scan.numbers)], dtype=np.float64)


def _same(digits: DigitPeaks, run: NDArray[np.intp], number: TrueNumber) -> bool:
    return [digit.value for digit in number.digits] == digits.values[run].tolist()
