"""How well collation finds what belongs together and what differs.

    python benchmarks/collation.py [--tables N] [--scans] [--pairs N] [--climates N] [--years N] [--real FOLDER]

Without options: pairs of computed editions in other layouts, given their true readings. The rest goes through scans,
read by the bundled network: ``--scans`` the editions of the bundled sample; ``--pairs N`` pairs of editions of N
different tables, set, aged and photographed; ``--climates N`` pairs of climate tables that differ in eight cells, one
with Roman numerals, every other one badly printed; ``--years N`` tables of one kind, N years of the Sun's place in
three editions each; ``--real FOLDER`` Ptolemy's chords, Venice 1515 against Leipzig 1912, from transcriptions and
through the scans. Seconds are those of ``collate`` after reading.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from printed_pairs import (
    CLIMATE_VARIANTS,
    Found,
    PrintedPair,
    found_between,
    printed_climates,
    printed_editions,
    sample_pairs,
)

from tablesim.digits.evaluation.transcription import read_transcription
from tablesim.evidence.collation.collation import collate
from tablesim.evidence.collation.verification import verify
from tablesim.reader import PageReader, load_network
from tablesim.records.boxes import Box
from tablesim.records.collation import Collation
from tablesim.records.reading import Digit, Number, Reading
from tablesim.records.transform import Transform
from tablesim.synthesis.corpus import CorpusPlan, draw_plan, write_corpus
from tablesim.synthesis.stemma import SimulatedEdition, grow
from tablesim.synthesis.tables import HistoricalTable, build

Key = tuple[object, ...]
"""Which place of the computed table a number fills."""


@dataclass
class Score:
    """Cells and variants found, wrong and missed; they add up."""

    right: int = 0
    cells: int = 0
    hits: int = 0
    false: int = 0
    missed: int = 0
    doubtful: int = 0
    seconds: list[float] = field(default_factory=list)

    def add(self, other: Score) -> None:
        for name in ("right", "cells", "hits", "false", "missed", "doubtful"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.seconds += other.seconds

    def __str__(self) -> str:
        found, true = self.hits + self.false, self.hits + self.missed
        f1 = 2 * self.hits / (found + true) if found + true else 1.0
        aligned = f"aligned {self.right / self.cells:.4f} of {self.cells} cells, " if self.cells else ""
        return (
            f"{aligned}variants precision {self.hits / max(found, 1):.4f} recall {self.hits / max(true, 1):.4f} "
            f"F1 {f1:.4f}, {self.doubtful} of {found} doubtful, slowest {max(self.seconds, default=0):.2f} s"
        )


def setting(
    table: HistoricalTable,
    lines: Iterable[int],
    rng: np.random.Generator,
    *,
    page: str,
    change: bool = True,
) -> tuple[Reading, dict[int, Key]]:
    """A table as a printer could have set it, read without error, and the place of each of its numbers.

    With ``change`` columns move, a column is left out or set in Roman numerals, rows are dropped and it is set in
    halves, which stand in one table or in two.
    """
    lines = list(lines)
    columns = [at for at, column in enumerate(table.columns) if not column.words]
    rows = list(range(len(table.rows)))
    halves, apart = 1, False
    if change:
        for _ in range(int(rng.integers(0, 3))):
            del rows[int(rng.integers(len(rows)))]
        if len(columns) > 2 and rng.random() < 0.3:
            columns.append(columns.pop(0))
        if len(columns) > 2 and rng.random() < 0.3:
            one, other = rng.choice(len(columns), 2, replace=False)
            columns[one], columns[other] = columns[other], columns[one]
        if len(columns) > 3 and rng.random() < 0.25:
            del columns[int(rng.integers(len(columns)))]
        halves, apart = (2 if rng.random() < 0.4 else 1), bool(rng.random() < 0.5)
    deep = -(-len(rows) // halves)
    numbers: list[Number] = []
    keys: dict[int, Key] = {}
    for half in range(halves):
        across = 0 if apart else half * sum(table.columns[c].places for c in columns)
        for down, row in enumerate(rows[half * deep : (half + 1) * deep]):
            at = across
            for column in columns:
                for place, entry in enumerate(table.rows[row][column]):
                    text = "".join(filter(str.isdigit, str(entry)))
                    if text:
                        cell = (half if apart else 0, down, at + place)
                        numbers.append(true_number(text, cell, 60.0 * (at + place + half * apart * 40), 40.0 * down))
                        keys[id(numbers[-1])] = (lines[row], table.columns[column].name, place)
                at += table.columns[column].places
    return true_reading(page, numbers), keys


def true_number(text: str, cell: tuple[int, int, int], x: float, y: float) -> Number:
    """A number read without error at a place of a table."""
    digits = tuple(Digit(int(figure), Box(20 + x + 9 * at, 20 + y, 8, 12), 0.99) for at, figure in enumerate(text))
    return Number(text, digits, 0.99, *cell)


def true_reading(page: str, numbers: Iterable[Number]) -> Reading:
    """The reading of a page that carries these numbers and no others."""
    return Reading(f"{page}.jpg", page, "0" * 64, Transform(8000, 8000), True, 1.0, tuple(numbers))


def score(
    collation: Collation, keys: tuple[dict[int, Key], dict[int, Key]], texts: tuple[dict[Key, str], ...]
) -> Score:
    """Places that met their own, and differences found, against the true places and texts of two witnesses."""
    shared = texts[0].keys() & texts[1].keys()
    variants = {key for key in shared if texts[0][key] != texts[1][key]}
    right, found, doubtful = 0, set(), 0
    for cell in collation.cells:
        places = [None if r is None else keys[w].get(id(r.number)) for w, r in enumerate(cell.readings)]
        right += places[0] is not None and places[0] == places[1]
        if cell.state == "differs":
            found.add(places[0] if places[0] == places[1] else tuple(places))
            doubtful += cell.doubtful
    hits = len(found & variants)
    return Score(right, len(shared), hits, len(found) - hits, len(variants) - hits, doubtful)


def texts_of(reading: Reading, keys: dict[int, Key]) -> dict[Key, str]:
    return {keys[id(number)]: number.digits_text for number in reading.numbers if id(number) in keys}


def editions(n_tables: int, seed: int = 6) -> Iterator[tuple[SimulatedEdition, SimulatedEdition]]:
    """Pairs of witnesses of different tables."""
    for at, (name, parameters, _) in enumerate(draw_plan(seed, n_tables).tables):
        stemma = grow(build(name, **parameters), 2, np.random.default_rng([seed, at]), (1490, 1700), rate=0.015)
        yield stemma.witnesses


def synthesized(n_tables: int) -> Score:
    """Pairs of editions in layouts of their own, read without error."""
    total = Score()
    for at, pair in enumerate(editions(n_tables)):
        rng = np.random.default_rng([at, 77])
        sides = [
            setting(witness.table, witness.lines, rng, page=f"w{number}", change=bool(number))
            for number, witness in enumerate(pair)
        ]
        start = time.perf_counter()
        collation = collate(sides[0][0], sides[1][0])
        seconds = time.perf_counter() - start
        one = score(collation, (sides[0][1], sides[1][1]), tuple(texts_of(*side) for side in sides))
        one.seconds = [seconds]
        if one.right < 0.99 * one.cells or one.false or one.missed:
            print(f"  {pair[0].table.label}: {one}")
        total.add(one)
    return total


def through_scans(name: str, pairs: Iterable[PrintedPair], network: PageReader) -> list[Found]:
    """Variants that collation finds between scans against those on the pages; every pair that falls short is named."""
    every = []
    scores = {"all": Score(), "asserted": Score()}
    for pair in pairs:
        found = found_between(pair.truths, [network.read(scan) for scan in pair.scans])
        every.append(found)
        n_true = found.hits() + found.missed
        for kind, sure in (("all", False), ("asserted", True)):
            hits, false = found.hits(sure=sure), found.false(sure=sure)
            doubtful = sum(cell.doubtful for cell, _ in found.cells) if not sure else 0
            one = Score(hits=hits, false=false, missed=n_true - hits, doubtful=doubtful, seconds=[found.seconds])
            scores[kind].add(one)
        if found.missed or found.false(sure=True):
            print(f"  {pair.label}: {found.missed} of {n_true} missed, {found.false(sure=True)} false ones asserted")
    for kind, score_ in scores.items():
        print(f"{name}, {kind} differences: {score_}")
    return every


def climates(n_pairs: int, seed: int, network: PageReader, folder: Path) -> None:
    """Two editions of a climate table: how often seven of the eight variants are found, and three false ones at most
    are asserted.
    """
    every = through_scans("climate tables through scans", printed_climates(n_pairs, seed, folder), network)
    found = sum(one.hits() >= CLIMATE_VARIANTS - 1 for one in every)
    few = sum(one.false(sure=True) <= 3 for one in every)
    print(f"  of {n_pairs} pairs: seven variants or more found in {found}, three false ones or fewer asserted in {few}")


def years(n_years: int, network: PageReader) -> None:
    """Tables of one kind: is the nearest page the same table, by histograms and after verification?"""
    plan = CorpusPlan(tuple(("sun_place", {"year": 1500 + at}, 3) for at in range(n_years)), (), 40)
    with tempfile.TemporaryDirectory() as folder:
        write_corpus(folder, plan)
        labels = {line["page"]: line["label"] for line in read_csv(Path(folder) / "labels.csv")}
        readings = {page: network.read(Path(folder) / "scans" / f"{page}.jpg") for page in labels}
    pages = list(readings)
    phi = np.sqrt(np.array([readings[page].histogram for page in pages], dtype=np.float64))
    phi /= np.linalg.norm(phi, axis=1, keepdims=True)
    cosines = phi @ phi.T
    np.fill_diagonal(cosines, -1)
    nearest: Counter[str] = Counter()
    for at, page in enumerate(pages):
        near = [pages[i] for i in np.argsort(-cosines[at], kind="stable")[:30]]
        best = max(near, key=lambda other: verify(readings[page], readings[other]).rank)
        nearest["histograms"] += labels[near[0]] == labels[page]
        nearest["verified"] += labels[best] == labels[page]
    shares = ", ".join(f"{name} {count / len(pages):.4f}" for name, count in nearest.items())
    print(f"{n_years} years of the Sun's place, 3 editions each: nearest page the same table: {shares}")


def real(folder: Path, network: PageReader) -> None:
    """Venice 1515 against Leipzig 1912: the places that differ, by their texts, against the list of the editors."""
    scores: dict[str, Score] = {}
    for page in (1, 2):
        listed = read_csv(folder / "truth" / f"variants_1515_1912_p{page}.csv")
        true = Counter((line["reading_1515"], line["reading_1912"]) for line in listed)
        names = [f"almagest_{year}_chords_p{page}" for year in (1515, 1912)]
        for seed in range(5):
            rng = np.random.default_rng(seed)
            early, late = (transcribed(folder / "truth" / f"{name}.txt") for name in names)
            late, dropped = shuffled(late, rng)
            expected = Counter(
                (x["reading_1515"], x["reading_1912"]) for x in listed if int(x["row"]) - 1 not in dropped
            )
            _count(scores, "transcriptions, rows and columns shuffled, three rows dropped", (early, late), expected)
        readings = tuple(network.read(folder / "tables" / f"{name}.jpg") for name in names)
        _count(scores, "scans, all differences", readings, true)
        _count(scores, "scans, differences that are not doubtful", readings, true, sure=True)
    for name, one in scores.items():
        print(f"chords 1515 and 1912, {name}:", one)


def _count(
    scores: dict[str, Score], name: str, pair: Sequence[Reading], true: Counter[tuple[str, str]], *, sure: bool = False
) -> None:
    start = time.perf_counter()
    cells = [cell for cell in collate(*pair).differences if not (sure and cell.doubtful)]
    seconds = time.perf_counter() - start
    found = Counter(cell.texts for cell in cells)
    hits = (found & true).total()
    doubtful = sum(cell.doubtful for cell in cells)
    one = Score(hits=hits, false=len(cells) - hits, missed=true.total() - hits, doubtful=doubtful, seconds=[seconds])
    scores.setdefault(name, Score()).add(one)


def transcribed(path: Path) -> Reading:
    """A transcription as a reading of one wide table."""
    rows = read_transcription(path).rows
    numbers = [
        true_number(text, (0, at, column), 60.0 * column, 40.0 * at)
        for at, row in enumerate(rows)
        for column, text in enumerate(row.numbers)
    ]
    return true_reading(path.stem, numbers)


def shuffled(reading: Reading, rng: np.random.Generator) -> tuple[Reading, set[int]]:
    """The rows and columns in another order, without three rows, which are named."""
    n_rows, n_columns = (1 + max(getattr(n, side) for n in reading.numbers) for side in ("row", "column"))
    rows, columns = rng.permutation(n_rows), rng.permutation(n_columns)
    dropped = set(np.flatnonzero(rows >= n_rows - 3).tolist())
    kept = [
        true_number(n.text, (0, r, c), 60.0 * c, 40.0 * r)
        for n in reading.numbers
        if n.row not in dropped
        for r, c in [(int(rows[n.row or 0]), int(columns[n.column or 0]))]
    ]
    return true_reading(reading.page, kept), dropped


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=60)
    parser.add_argument("--scans", action="store_true")
    parser.add_argument("--pairs", type=int, default=0)
    parser.add_argument("--climates", type=int, default=0)
    parser.add_argument("--seed", type=int, default=6, help="of --pairs and --climates")
    parser.add_argument("--years", type=int, default=0)
    parser.add_argument("--real", type=Path)
    options = parser.parse_args()
    print("computed editions, true readings:", synthesized(options.tables))
    if options.scans:
        through_scans("sample corpus through its scans", sample_pairs(), load_network())
    with tempfile.TemporaryDirectory() as folder:
        if options.pairs:
            pairs = printed_editions(options.pairs, options.seed, Path(folder))
            through_scans("editions of other tables through scans", pairs, load_network())
        if options.climates:
            climates(options.climates, options.seed, load_network(), Path(folder))
    if options.years:
        years(options.years, load_network())
    if options.real is not None:
        real(options.real, load_network())


if __name__ == "__main__":
    main()
