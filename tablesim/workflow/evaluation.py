"""Reading against transcriptions: F1 of numbers and digits, Pearson of the 110 bins, neighbours, calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tablesim import reader
from tablesim.digits.calibration import ReliabilityBin, expected_calibration_error, reliability
from tablesim.digits.evaluation.alignment import align, judged_digits
from tablesim.digits.evaluation.scores import ReadingScore, TableNeighbourRecall, total
from tablesim.digits.evaluation.transcription import find_truth, read_truth, truth_by_image
from tablesim.errors import TranscriptionError
from tablesim.records.html import html_table
from tablesim.records.truth import PageTruth
from tablesim.scans.locator import Locator, normalized_name
from tablesim.scans.sources import Source, find_scans

Judged = tuple[NDArray[np.float64], NDArray[np.bool_]]
"""Confidences, and whether each answer is right."""


@dataclass(frozen=True)
class PageEvaluation:
    """How one page was read: its score, and which neighbours in rows and columns were read as neighbours."""

    page: str
    scan: str
    is_table: bool
    score: ReadingScore
    neighbours: TableNeighbourRecall

    def to_dict(self) -> dict[str, Any]:
        """The page, its score and its neighbours as plain values."""
        about = {"page": self.page, "scan": self.scan, "is_table": self.is_table}
        return {**about, **self.score.to_dict(), "neighbours": self.neighbours.to_dict()}


@dataclass(frozen=True)
class CalibrationEvaluation:
    """What confidences are worth: the expected calibration error of ``judged`` answers, and the bins behind it."""

    judged: int
    error: float
    bins: tuple[ReliabilityBin, ...]

    @classmethod
    def of(cls, judged: Sequence[Judged]) -> CalibrationEvaluation:
        """From the answers of several pages."""
        confidence, right = (np.concatenate(column) for column in zip(*judged, strict=True))
        return cls(len(confidence), expected_calibration_error(confidence, right), reliability(confidence, right))

    def to_dict(self) -> dict[str, Any]:
        """The error to six decimals, and the bins."""
        return {"judged": self.judged, "error": round(self.error, 6), "bins": [each.to_dict() for each in self.bins]}


@dataclass(frozen=True)
class ReadingEvaluation:
    """How scans were read.

    Parameters
    ----------
    pages : tuple of PageEvaluation
        In the order of the scans.
    total : ReadingScore
        Over all pages.
    neighbours : TableNeighbourRecall
        Over all pages.
    calibration : dict of CalibrationEvaluation
        Of ``numbers``; and of ``digits``, over the pages whose truth has boxes.
    without_truth : tuple of str
        Scans found in a folder that nobody transcribed.
    """

    pages: tuple[PageEvaluation, ...]
    total: ReadingScore
    neighbours: TableNeighbourRecall
    calibration: Mapping[str, CalibrationEvaluation]
    without_truth: tuple[str, ...] = ()

    def _repr_html_(self) -> str:
        """A row a page, for notebooks."""
        heads = ("page", "F1 numbers", "F1 digits", "Pearson")
        scores = [*((page.page, page.score) for page in self.pages), (f"all {len(self.pages)}", self.total)]
        return html_table("Reading", heads, [(name, s.f1_numbers, s.f1_digits, s.pearson) for name, s in scores])

    def to_dict(self) -> dict[str, Any]:
        """As plain values: what ``tablesim evaluate --truth --json`` prints."""
        calibration = {name: each.to_dict() for name, each in self.calibration.items()}
        over_all = {"neighbours": self.neighbours.to_dict(), "calibration": calibration}
        return {
            "pages": [page.to_dict() for page in self.pages],
            "total": {**self.total.to_dict(), **over_all},
            "without_truth": list(self.without_truth),
        }


def evaluate_reading(
    sources: Source | Sequence[Source], truth: str | Path, *, network: reader.PageReader | str | Path | None = None
) -> ReadingEvaluation:
    """Read scans and score each against what is printed on it.

    Parameters
    ----------
    sources : path or several
        Scans, and folders of scans.
    truth : path
        Folder with a transcription (``.txt``) a scan, or the truth of a synthesized one (``.json``), which goes first;
        named as the scans. PAGE-XML and ALTO may have other names: they say themselves which image they describe.
    network : PageReader or path, optional
        Reads the scans: a network or its weights; the bundled weights unless given.

    Raises
    ------
    TranscriptionError
        A scan named outright has no truth, or none of the scans has one, or a file breaks the format; found before the
        first page is read.
    ScanError
        A source does not exist, or a scan cannot be read.
    WeightsError
        ``network`` is no file of weights.
    """
    given = [sources] if isinstance(sources, str | Path | Locator) else sources
    named = {Locator.of(source).file for source in given}
    scans = find_scans(sources)
    truth_files = {scan: find_truth(truth, scan.stem) for scan in scans}
    if None in truth_files.values():
        by_image = truth_by_image(truth)
        truth_files = {scan: file or by_image.get(normalized_name(scan.stem)) for scan, file in truth_files.items()}
    missing = [scan for scan in scans if truth_files[scan] is None]
    needed = [scan for scan in missing if scan.file in named]
    if needed or len(missing) == len(scans):
        scan = (needed or missing)[0]
        raise TranscriptionError(
            f"{scan}: no transcription, expected it at {Path(truth) / scan.stem}.txt; write one (a row a line, '|' "
            "between columns) or name the folder that has it"
        )
    truths = {scan: read_truth(path) for scan, path in truth_files.items() if path is not None}
    if network is None or isinstance(network, str | Path):
        network = reader.load_network(network)
    pages: list[PageEvaluation] = []
    judged: dict[str, list[Judged]] = {"numbers": [], "digits": []}
    for scan, printed in truths.items():
        reading = network.read(scan)
        aligned = align(reading, printed)
        score = aligned.score()
        pages.append(PageEvaluation(reading.page, str(scan), reading.is_table, score, aligned.neighbour_recall()))
        judged["numbers"].append(aligned.judged())
        if isinstance(printed, PageTruth):
            judged["digits"].append(judged_digits(reading, printed))
    return ReadingEvaluation(
        tuple(pages),
        total([page.score for page in pages]),
        sum((page.neighbours for page in pages), TableNeighbourRecall()),
        {name: CalibrationEvaluation.of(parts) for name, parts in judged.items() if parts},
        tuple(map(str, missing)),
    )
