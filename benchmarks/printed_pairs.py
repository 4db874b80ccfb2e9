"""Pairs of editions as scans: printed, aged, photographed; and what collation finds once they were read.

The benchmarks of collation and of its constants both measure on these.
"""

from __future__ import annotations

import csv
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tablesim.evidence.collation.collation import collate
from tablesim.records.collation import Cell
from tablesim.records.reading import Digit, Number, Reading
from tablesim.records.transform import Transform
from tablesim.records.truth import PageTruth
from tablesim.synthesis.corpus import JPEG_QUALITY, draw_plan
from tablesim.synthesis.editions import Edition, draw_book, draw_editions, draw_layout
from tablesim.synthesis.pages import SimulatedPage, table_page
from tablesim.synthesis.stemma import CONFUSED, Misprint, SimulatedEdition, grow
from tablesim.synthesis.tables import HistoricalTable, build

SAMPLE = Path(__file__).resolve().parent.parent / "data" / "sample"

MISPRINTS = 0.015
"""Share of the places in which a copy errs."""

CLIMATE_VARIANTS = 8
"""Cells in which two editions of a climate table differ."""


@dataclass(frozen=True)
class PrintedPair:
    """Two editions of a table: their scans, and what stands on them."""

    label: str
    scans: tuple[Path, Path]
    truths: tuple[Reading, Reading]


def printed_editions(n_tables: int, seed: int, folder: Path) -> Iterator[PrintedPair]:
    """Pairs of editions of different tables, their scans in ``folder``."""
    for at, (name, parameters, _) in enumerate(draw_plan(seed, n_tables).tables):
        rng = np.random.default_rng([seed, at])
        stemma = grow(build(name, **parameters), 2, rng, (1490, 1700), rate=MISPRINTS)
        editions = draw_editions(stemma, 1 + 2 * at, rng)
        pages = [table_page(edition, seed + 7 * at + which) for which, edition in enumerate(editions)]
        yield _printed(stemma.table.label, editions, pages, folder / f"editions_{seed}_{at:03d}")


def printed_climates(n_pairs: int, seed: int, folder: Path) -> Iterator[PrintedPair]:
    """Climate tables of 1585 and 1604 that differ in ``CLIMATE_VARIANTS`` cells.

    The climates' numbers are Roman in one of the two. In every other pair the earlier edition is printed worse.
    """
    for at in range(n_pairs):
        rng = np.random.default_rng([seed, at, 1604])
        table = build("climates", obliquity=(23, 30), last=11)
        misprinted, slips = misprint(table, CLIMATE_VARIANTS, rng)
        lines = tuple(range(len(table.rows)))
        early = SimulatedEdition("A", 1585, None, (), table, lines)
        late = SimulatedEdition("B", 1604, "A", slips, misprinted, lines)
        editions = []
        for witness, column in ((early, "climate"), (late, "")):
            layout = replace(draw_layout(witness.table, witness.year, rng), roman=column)
            editions.append(Edition(witness, draw_book(len(editions) + 1, witness.year, rng), layout, 300))
        pages = [table_page(edition, 1000 * seed + 2 * at + which) for which, edition in enumerate(editions)]
        if at % 2:
            pages[0] = replace(pages[0], grey=worn(pages[0].grey, rng))
        yield _printed(f"climates {at}", editions, pages, folder / f"climates_{seed}_{at:03d}")


def sample_pairs() -> Iterator[PrintedPair]:
    """The editions of the bundled sample, two by two."""
    with (SAMPLE / "labels.csv").open(encoding="utf-8", newline="") as file:
        labels = {line["page"]: line["label"] for line in csv.DictReader(file)}
    scans = {page: SAMPLE / "scans" / f"{page}.jpg" for page in labels}
    truths = {
        page: true_reading(PageTruth.load(SAMPLE / "truth" / f"{page}.json"), str(scans[page])) for page in labels
    }
    for a, b in itertools.combinations(labels, 2):
        if labels[a] == labels[b]:
            yield PrintedPair(labels[a], (scans[a], scans[b]), (truths[a], truths[b]))


@dataclass(frozen=True)
class Found:
    """What collation found between two scans.

    Parameters
    ----------
    cells : tuple of (Cell, bool)
        The differences, and whether each is one: the same texts stand there.
    missed : int
        Differences that are none of these.
    agreeing : int
        Places that agree.
    seconds : float
        What it took, after reading.
    """

    cells: tuple[tuple[Cell, bool], ...]
    missed: int
    agreeing: int
    seconds: float

    def hits(self, *, sure: bool = False) -> int:
        """True differences found; with ``sure`` those that are not doubtful."""
        return sum(true and not (sure and cell.doubtful) for cell, true in self.cells)

    def false(self, *, sure: bool = False) -> int:
        """False ones, likewise."""
        return sum(not true and not (sure and cell.doubtful) for cell, true in self.cells)


def found_between(truths: Sequence[Reading], readings: Sequence[Reading]) -> Found:
    """Collate what was read, and look at what stands on the pages."""
    wanted = collate(*truths).differences
    start = time.perf_counter()
    collation = collate(*readings)
    seconds = time.perf_counter() - start
    cells = []
    for cell in collation.differences:
        true = next((other for other in wanted if same_place(cell, other)), None)
        if true is not None:
            wanted.remove(true)
        cells.append((cell, true is not None))
    return Found(tuple(cells), len(wanted), collation.summary["agrees"], seconds)


def same_place(one: Cell, other: Cell) -> bool:
    """Whether two cells lie on the same spot of either page and have the same texts."""
    pairs = [(x, y) for x, y in zip(one.readings, other.readings, strict=True) if x is not None and y is not None]
    return one.texts == other.texts and any(y.number.box.contains(*x.number.box.centre) for x, y in pairs)


def misprint(
    table: HistoricalTable, count: int, rng: np.random.Generator
) -> tuple[HistoricalTable, tuple[Misprint, ...]]:
    """The table with ``count`` numbers of its columns changed: figures confused, exchanged, or taken by chance."""
    columns = [at for at, column in enumerate(table.columns) if not column.words and not column.argument]
    rows = [list(row) for row in table.rows]
    slips: list[Misprint] = []
    while len(slips) < count:
        row, column = int(rng.integers(len(rows))), int(rng.choice(columns))
        cell = rows[row][column]
        if not cell or any((s.line, s.column) == (row, table.columns[column].name) for s in slips):
            continue
        place = int(rng.integers(len(cell)))
        was = str(cell[place])
        became = _slipped(was, rng)
        if became == was or (len(was) > 1 and became.startswith("0")):
            continue
        rows[row][column] = (*cell[:place], int(became), *cell[place + 1 :])
        slips.append(Misprint("wrong sort", row, table.columns[column].name, place, int(was), int(became)))
    return replace(table, rows=tuple(tuple(row) for row in rows)), tuple(slips)


def _slipped(text: str, rng: np.random.Generator) -> str:
    at = int(rng.integers(len(text)))
    kind = rng.random()
    if kind < 0.5:
        return text[:at] + CONFUSED[text[at]] + text[at + 1 :]
    if kind < 0.75 or len(text) < 2:
        return text[:at] + str(rng.integers(10)) + text[at + 1 :]
    return text[::-1] if len(text) == 2 else text


def worn(grey: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The scan as of a worse print: ink run in patches, gone in others, pale and out of focus."""
    height, width = grey.shape
    patches = cv2.resize(rng.random((height // 60, width // 60), dtype=np.float32), (width, height))
    run = cv2.erode(grey, cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)))
    inked = np.where(patches > 0.62, run, grey).astype(np.float32)
    paper = float(np.median(grey))
    gone = np.clip((0.3 - patches) * 3.0, 0, 0.55)
    inked += gone * np.clip(paper - inked, 0, None)
    pale = paper + 0.8 * (inked - paper)
    soft = cv2.GaussianBlur(pale, (0, 0), 0.8) + rng.normal(0, 4.0, grey.shape)
    return np.clip(soft, 0, 255).astype(np.uint8)


def true_reading(truth: PageTruth, scan: str) -> Reading:
    """What stands on a synthesized page, as a reading without error."""
    numbers = [
        Number(n.text, tuple(Digit(d.value, d.box, 0.99) for d in n.digits), 0.99, n.table, n.row, n.column)
        for n in truth.numbers
    ]
    transform = Transform(truth.width, truth.height, truth.rotation)
    return Reading(scan, truth.page, "0" * 64, transform, truth.is_table, 1.0, tuple(numbers))


def _printed(label: str, editions: list[Edition], pages: list[SimulatedPage], stem: Path) -> PrintedPair:
    scans, truths = [], []
    for which, (edition, page) in enumerate(zip(editions, pages, strict=True)):
        scans.append(stem.with_name(f"{stem.name}_{'ab'[which]}.jpg"))
        _, packed = cv2.imencode(".jpg", page.grey, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        scans[-1].write_bytes(packed.tobytes())
        truths.append(true_reading(replace(page.truth, page=edition.page_id), str(scans[-1])))
    return PrintedPair(label, (scans[0], scans[1]), (truths[0], truths[1]))
