"""What the reader's constants do: whole numbers on synthesized pages, and beside them on transcribed scans.

    python benchmarks/constants.py [SCAN ... --truth DIR] [--pages N] [--threads N]

The first line has the constants as they are; in each of the others one is changed. Columns: F1 of whole numbers on
whole synthesized pages that were not trained on, and on the scans; then, on the scans, the Pearson correlation of the
true counts with the integer counts and with the soft histogram of the same reading.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from tablesim.bigrams.embedding import histogram
from tablesim.digits import detection, page_prototypes, scale
from tablesim.digits.evaluation.alignment import align
from tablesim.digits.evaluation.scores import pearson, total
from tablesim.digits.evaluation.transcription import read_transcription
from tablesim.digits.page import read_page
from tablesim.digits.passes import DigitReader
from tablesim.digits.training.validation import validate_whole_pages, validation_pages
from tablesim.reader import load_network
from tablesim.records.bins import count_bigrams
from tablesim.scans.images import load_scan


@contextmanager
def reading(pixels: float, clear: float) -> Iterator[None]:
    """Meanwhile digits are brought to ``pixels``, and corrected by page prototypes from a gain of ``clear``."""
    usual = scale.READING_HEIGHT, page_prototypes.CLEAR
    scale.READING_HEIGHT = detection.READING_HEIGHT = pixels
    page_prototypes.CLEAR = clear
    try:
        yield
    finally:
        scale.READING_HEIGHT = detection.READING_HEIGHT = usual[0]
        page_prototypes.CLEAR = usual[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scans", nargs="*", type=Path)
    parser.add_argument("--truth", type=Path)
    parser.add_argument("--pages", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    reader = load_network().digit_reader
    made = list(validation_pages(options.pages))
    truths = {scan: options.truth / f"{scan.stem}.txt" for scan in options.scans if options.truth}
    usual, clear = scale.READING_HEIGHT, page_prototypes.CLEAR
    print(f"{'':16s} {'synthesized':>11s} {'scans':>7s} {'integer':>8s} {'soft':>8s}")
    settings: list[tuple[str, float, float, dict[str, float]]] = [("as they are", usual, clear, {})]
    settings += [("no prototypes", usual, float("inf"), {})]
    settings += [(f"prototypes {gain:g}", usual, gain, {}) for gain in (0.1, 1.5)]
    settings += [(f"height {pixels:g}", pixels, clear, {}) for pixels in (18.0, 20.0, 22.0)]
    changes = (("sure", 0.4), ("faint", 0.02), ("alone", 0.6))
    settings += [(f"{name} {value:g}", usual, clear, {name: value}) for name, value in changes]
    for name, pixels, gain, change in settings:
        changed = replace(reader, thresholds=replace(reader.thresholds, **change))
        with reading(pixels, gain):
            whole = validate_whole_pages(changed, made).score.f1_numbers
            print(f"{name:16s} {whole:11.4f} {_on_scans(changed, truths)}", flush=True)


def _on_scans(reader: DigitReader, truths: dict[Path, Path]) -> str:
    scores, soft = [], torch.zeros(110, dtype=torch.float64).numpy()
    for scan, path in truths.items():
        truth = read_transcription(path)
        reading = read_page(reader, load_scan(scan))
        alignment = align(reading, truth)
        soft = soft + histogram(replace(reading, numbers=alignment.read))
        scores.append(alignment.score())
    if not scores:
        return ""
    true = sum(count_bigrams(read_transcription(path).numbers) for path in truths.values())
    both = total(scores)
    return f"{both.f1_numbers:7.4f} {both.pearson:8.5f} {pearson(soft, true):8.5f}"


if __name__ == "__main__":
    main()
