"""One small run for all tests of the report: two tables in three editions, one alone, words, a bad file.

The table of declinations of 1604 differs from the others in one place for sure, in one in doubt, and lacks a number.
One page and its author have names that would be markup.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from PIL import Image

from tablesim.bigrams import histogram
from tablesim.corpus.store import Corpus
from tablesim.errors import ScanError
from tablesim.records.reading import Reading
from tablesim.report import write_report
from tablesim.scans.images import load_scan
from tablesim.workflow.running import run
from tests.evidence.pages import declinations, print_page, sines

SURE, DOUBTFUL, MISSING = (4, 2), (11, 4), (20, 6)
"""Row and column of what is other in the declinations of 1604."""

HOSTILE = 'sines<i>"&1604'
EDITIONS = [("fell-english", "Venice", 1543), ("garamond", "Paris", 1561), ("fanwood", "Rome <&> Köln", 1604)]


@dataclass(frozen=True)
class PrintedReader:
    """Gives back what was printed."""

    readings: dict[str, Reading]
    fingerprint: str = "printed-1"

    def read(self, path: Path) -> Reading:
        load_scan(path)
        if path.stem not in self.readings:
            raise ScanError(f"{path}: not printed here")
        return replace(self.readings[path.stem], scan=str(path))


def spoiled(page: Reading) -> Reading:
    """The page with a number that was hardly read and taken for another, and without one of its numbers."""
    numbers = []
    for number in page.numbers:
        if (number.row, number.column) == DOUBTFUL:
            digits = tuple(replace(digit, value=8, confidence=0.4) for digit in number.digits)
            numbers.append(replace(number, text="8" * len(digits), digits=digits, confidence=0.4))
        elif (number.row, number.column) != MISSING:
            numbers.append(number)
    changed = replace(page, numbers=tuple(numbers))
    return changed.with_histogram(histogram(changed))


def print_corpus(folder: Path) -> PrintedReader:
    """Print the pages and their metadata into ``folder``."""
    folder.mkdir(parents=True)
    readings = {}
    rows = []
    for seed, (face, place, year) in enumerate(EDITIONS):
        last = seed == 2
        turn = 90 if last else 0
        table = declinations()
        if last:
            table[SURE[0]][SURE[1]] = "57"
        pages = [
            print_page(folder, f"declination_{year}", table, face=face, rotation=turn, seed=seed),
            print_page(
                folder,
                HOSTILE if last else f"sines_{year}",
                sines(60000),
                face=face,
                widths=(70, 110, 110),
                seed=10 + seed,
            ),
        ]
        if last:
            pages[0] = spoiled(pages[0])
        author = "</script><b>Author" if last else f"Author {seed}"
        readings |= {page.page: page for page in pages}
        rows += [(page.page, f"book{seed}", author, "Sphaera", place, year, "A. Printer") for page in pages]
    alone = print_page(folder, "alone", [["7" * 5, "7" * 4]] * 30, widths=(120, 120), seed=20)
    words = print_page(folder, "words", [["14"]], title="DE SPHAERA", seed=21)
    readings |= {"alone": alone, "words": words}
    (folder / "broken.jpg").write_bytes(b"this is no image")
    with (folder.parent / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("page", "book", "author", "title", "place", "year", "printer"), *rows])
    return PrintedReader(readings)


def run_of_printed(folder: Path) -> Corpus:
    """Print the pages and run them: ``scans``, ``metadata.csv`` and ``myrun``."""
    reader = print_corpus(folder / "scans")
    return run(folder / "scans", folder / "myrun", folder / "metadata.csv", 3, network=reader)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """The run; tests do not change it."""
    return run_of_printed(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="session")
def report(corpus: Corpus) -> Path:
    """The page of its report."""
    return write_report(corpus)


@pytest.fixture
def tiff(tmp_path: Path) -> Path:
    """A sixteen-bit scan."""
    path = tmp_path / "deep.tif"
    Image.new("I;16", (300, 200), 40000).save(path)
    return path
