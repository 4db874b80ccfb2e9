"""Annotation files in the published formats, made from the truth of synthesized pages."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tablesim.digits.training.annotated_pages import AnnotatedPage, prepare_page
from tablesim.digits.training.annotations import Annotation, book_of
from tablesim.records.boxes import Box
from tablesim.records.truth import PageTruth
from tablesim.scans.images import load_scan


def drawn_by_hand(box: Box, rng: np.random.Generator, margin: float = 0.12) -> Box:
    """A box as a person draws it: a little too large on each side, in whole pixels."""
    left, top, right, bottom = rng.uniform(0, margin * box.height, 4)
    x, y = round(box.x - left), round(box.y - top)
    return Box(x, y, round(box.right + right) - x, round(box.bottom + bottom) - y)


def write_digits(path: Path, truths: Iterable[PageTruth], seed: int = 0) -> None:
    """As ``digit_page_annotations.csv``: a line a digit, its page in ``page_id_``, an address in ``page_id``."""
    rng = np.random.default_rng(seed)
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["page_id", "region", "xywh", "element_label", "page_url", "number", "book", "page_id_"])
        for truth in truths:
            for number in truth.numbers:
                for n, digit in enumerate(number.digits):
                    box = drawn_by_hand(digit.box, rng)
                    xywh = f"{box.x},{box.y},{box.width},{box.height}"
                    label = f"{'^' * (n == 0)}{digit.value}{'$' * (n == len(number.digits) - 1)}"
                    address = f"http://images.example.org/{truth.page}.jpg"
                    name = f"{truth.page}.jpg"
                    rows.writerow([address, n, xywh, label, address, float(digit.value), book_of(truth.page), name])


def write_numbers(path: Path, truths: Iterable[PageTruth], every: int = 5, seed: int = 0) -> None:
    """As ``numerical_patches.csv``: a line a number, one number in ``every``, trailing blanks and all."""
    rng = np.random.default_rng(seed)
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["xywh", "element_label", "page_id", "book", "num_page_id", "num_patch_id", "number"])
        for truth in truths:
            for number in truth.numbers[::every]:
                box = drawn_by_hand(number.box, rng)
                text = f"{number.digits_text} "
                xywh = f"{box.x},{box.y},{box.width},{box.height} "
                rows.writerow([xywh, text, f"{truth.page}.jpg", book_of(truth.page), 0, 0, text])


def sample_pages(sample: Path, names: Iterable[str]) -> list[AnnotatedPage]:
    """Pages of the bundled sample, annotated in full, a book each."""
    pages = []
    for name in names:
        truth = PageTruth.load(sample / "truth" / f"{name}.json")
        numbers = [
            Annotation(name, book_of(name), n.text, n.box, tuple(digit.box for digit in n.digits))
            for n in truth.numbers
        ]
        pages.append(prepare_page(numbers, (), load_scan(sample / "scans" / f"{name}.jpg").grey))
    return pages
