"""A reader without a network: the numbers of a scan stand in a text file beside it.

The scans are real image files and are opened as such, so that a bad file fails here as it does in earnest.
"""

from __future__ import annotations

import csv
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tablesim.digits.corrections import COLUMNS, correction_row
from tablesim.errors import TablesimError
from tablesim.records.bins import count_bigrams
from tablesim.records.boxes import Box
from tablesim.records.corrections import Correction
from tablesim.records.reading import Digit, Number, Reading
from tablesim.records.transform import Transform
from tablesim.scans.images import MAX_PIXELS, load_scan, page_id


def number(text: str, row: int = 0, column: int = 0, confidence: float = 1.0) -> Number:
    digits = tuple(
        Digit(int(value), Box(40 * column + 8 * place, 20 * row, 7, 12), confidence, (0, 0.01))
        for place, value in enumerate(text)
    )
    return Number(text, digits, confidence, 0, row, column)


def reading_of(page: str, rows: Sequence[Sequence[str]], *, scan: str = "", sha256: str = "0" * 64) -> Reading:
    """A reading with the numbers of ``rows``; a page of fewer than three rows is no table."""
    numbers = tuple(number(text, r, c) for r, row in enumerate(rows) for c, text in enumerate(row))
    counts = count_bigrams(text for row in rows for text in row).astype(np.float32)
    reading = Reading(scan or f"{page}.png", page, sha256, Transform(100, 80), len(rows) >= 3, 0.9, numbers)
    return reading.with_histogram(counts)


@dataclass(frozen=True)
class FakeReader:
    """Reads ``SCAN.txt``; waits ``delay`` seconds a page and writes each page into ``log``.

    After ``slow_after`` pages in the log a page takes five seconds: a job that is to be killed half way is not done
    before, however busy the machine is.
    A text of ``die`` kills the process, ``mistake`` raises an error that no one expects.
    """

    delay: float = 0.0
    log: str = ""
    slow_after: int = 0
    fingerprint: str = "fake-1"

    def make(self) -> Callable[[Path], Reading]:
        return self.read

    def read(self, path: Path, max_pixels: int = MAX_PIXELS) -> Reading:
        scan = load_scan(path, max_pixels)
        text = Path(path).with_suffix(".txt").read_text()
        if self.log:
            with Path(self.log).open("a") as file:
                file.write(f"{os.getpid()} {page_id(path)}\n")
        is_slow = self.slow_after and len(Path(self.log).read_text().splitlines()) > self.slow_after
        time.sleep(5 if is_slow else self.delay)
        if text == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if text == "mistake":
            raise KeyError("row")
        rows = [line.split() for line in text.splitlines()]
        return reading_of(page_id(path), rows, scan=str(path), sha256=scan.sha256)

    def read_many(self, paths: Iterable[Path], max_pixels: int = MAX_PIXELS) -> Iterator[Reading | TablesimError]:
        for path in paths:
            try:
                yield self.read(path, max_pixels)
            except TablesimError as error:
                yield error


def write_scan(path: Path, rows: Sequence[Sequence[str]] | str, shade: int | None = None) -> Path:
    """A small image at ``path`` with its numbers beside it; ``shade`` makes its bytes its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if shade is None:
        shade = sum(path.name.encode())
    grey = np.full((24, 32), 255, np.uint8)
    grey[:2] = shade % 251
    grey[2, 0] = shade // 251 % 251
    Image.fromarray(grey).save(path)
    text = rows if isinstance(rows, str) else "\n".join(" ".join(row) for row in rows)
    path.with_suffix(".txt").write_text(text)
    return path


def table(kind: int, n_rows: int = 40, places: int = 3) -> list[list[str]]:
    """A table like no other kind: the digits of each kind come in its own proportions."""
    rng = np.random.default_rng(kind)
    shares = rng.dirichlet(np.full(10, 0.35))
    pairs = [["".join(map(str, rng.choice(10, 2, p=shares))) for _ in range(places)] for _ in range(n_rows)]
    return [[str(row), *numbers] for row, numbers in enumerate(pairs, 1)]


def edition(rows: Sequence[Sequence[str]], seed: int, rate: float = 0.02) -> list[list[str]]:
    """The table with some figures misread and some numbers missing."""
    rng = np.random.default_rng(seed)
    out = []
    for row in rows:
        line = [
            "".join(str(rng.integers(10)) if rng.random() < rate else figure for figure in text)
            for text in row
            if rng.random() > rate
        ]
        out.append(line or ["0"])
    return out


def write_corpus(folder: Path, kinds: int = 4, editions: int = 3, prose: int = 2) -> Mapping[str, str]:
    """Scans ``k0_e0.png`` ... and pages without a table ``prose_0.png`` ...; the label of each page."""
    labels = {}
    for kind in range(kinds):
        for copy in range(editions):
            name = f"k{kind}_e{copy}"
            write_scan(folder / f"{name}.png", edition(table(kind), 100 * kind + copy), 1 + 10 * kind + copy)
            labels[name] = f"table {kind}"
    for page in range(prose):
        write_scan(folder / f"prose_{page}.png", [["15", "4"]] if page % 2 else "", 200 + page)
        labels[f"prose_{page}"] = "none"
    return labels


def write_corrections(path: Path, corrections: Sequence[Correction]) -> None:
    """A file of corrections as people hand them in."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(correction_row, corrections))
