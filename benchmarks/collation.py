"""How well collation finds what belongs together and what differs: true readings, real editions, scans.

    python benchmarks/collation.py [--tables N] [--scans] [--real FOLDER] [--years N]

Without options: pairs of computed editions in other layouts, given their true readings. ``--real`` adds the chords,
Venice 1515 against Leipzig 1912, from transcriptions and through the scans; ``--scans`` adds synthesized scans, read by
the bundled network; ``--years`` N tables of one kind in three editions each.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from tablesim.digits.reading import Digit, Number, Reading
from tablesim.evidence.collation import Collation, collate
from tablesim.scans.boxes import Box
from tablesim.scans.transform import Transform
from tablesim.synthesis.corpus import draw_plan
from tablesim.synthesis.stemma import Witness, grow
from tablesim.synthesis.tables import build
from tablesim.synthesis.tabular import HistoricalTable

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


def editions(n_tables: int, seed: int = 6) -> Iterator[tuple[Witness, Witness]]:
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=60)
    options = parser.parse_args()
    print("computed editions, true readings:", synthesized(options.tables))


if __name__ == "__main__":
    main()
