"""A reader that looks the truth of synthesized pages up instead of reading: what a perfect network would find."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tablesim.bigrams import histogram
from tablesim.records.reading import Digit, Number, Reading
from tablesim.records.transform import Transform
from tablesim.records.truth import PageTruth
from tablesim.scans.images import load_scan, page_id


@dataclass(frozen=True)
class TruthReader:
    """Reads the page of a scan from ``folder``, with confidences a little below 1 that differ from figure to figure."""

    folder: Path
    fingerprint: str = "the truth"

    def read(self, path: Path) -> Reading:
        scan = load_scan(path)
        truth = PageTruth.load(self.folder / f"{page_id(path)}.json")
        rng = np.random.default_rng(len(truth.numbers))
        numbers = []
        for number in truth.numbers:
            digits = tuple(Digit(d.value, d.box, float(rng.uniform(0.9, 1.0))) for d in number.digits)
            lowest = min(digit.confidence for digit in digits)
            numbers.append(Number(number.text, digits, lowest, number.table, number.row, number.column))
        transform = Transform(scan.width, scan.height, truth.rotation)
        page = Reading(str(path), page_id(path), scan.sha256, transform, truth.is_table, 0.97, tuple(numbers))
        return page.with_histogram(histogram(page))
