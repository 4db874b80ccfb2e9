"""Does a table tell the parameters it was computed with, and which of its numbers are misprints?

    python benchmarks/recomputation.py [--tables N] [--rate R] [--list]

Tables of eight kinds, computed with obliquities, latitudes, radii and years drawn by seed, each with misprints at a
hundredth of its places, taken as printed without scan or reader. A table counts as told where every column for which a
function was found has the true parameter within its interval, and one was found at all. ``--list`` names each misprint
that was missed and each sound number that was suspected.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from computed_readings import Place, reading_of

from tablesim.evidence.collation.grids import witness_of
from tablesim.evidence.recomputation.examination import Arithmetic, examine
from tablesim.synthesis.stemma import grow
from tablesim.synthesis.tables import build

TARGET = 0.95


@dataclass
class Marks:
    """Misprints found, sound numbers suspected and misprints missed, and how wide intervals are."""

    hits: int = 0
    false: int = 0
    missed: int = 0
    tables: int = 0
    told: int = 0
    seconds: float = 0.0
    widths: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, other: Marks) -> None:
        for name in ("hits", "false", "missed", "tables", "told"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.seconds = max(self.seconds, other.seconds)
        for name, widths in other.widths.items():
            self.widths[name] += widths

    @property
    def precision(self) -> float:
        return self.hits / max(self.hits + self.false, 1)

    @property
    def recall(self) -> float:
        return self.hits / max(self.hits + self.missed, 1)

    def __str__(self) -> str:
        return (
            f"{self.told} of {self.tables} tables told; misprints: precision {self.precision:.3f}, "
            f"recall {self.recall:.3f} of {self.hits + self.missed}; slowest {self.seconds:.2f} s"
        )


def measure(at: int, rate: float, *, listed: bool) -> tuple[str, Marks]:
    """One table: its name and what was found in it."""
    rng = np.random.default_rng([9, at])
    name, parameters, wanted = drawn(at, rng)
    witness = grow(build(name, **parameters), 1, rng, rate=rate).witnesses[0]
    reading, places = reading_of(witness, "p")
    text = witness_of([reading])
    start = time.perf_counter()
    examined = examine(text)
    marks = Marks(tables=1, seconds=time.perf_counter() - start)
    marks.told, marks.widths = _told(examined, wanted)
    true = {(m.line, m.column, m.place) for m in witness.misprints if m.column}
    said = {places[id(text.numbers[s.number])] for s in examined.suspects}
    marks.hits, marks.false, marks.missed = len(true & said), len(said - true), len(true - said)
    if listed:
        _list(f"{name} {parameters}", sorted(true - said), sorted(said - true))
        if not marks.told:
            print(f"  not told: {name} {parameters}")
    return name, marks


def _told(examined: Arithmetic, wanted: dict[str, float]) -> tuple[bool, dict[str, list[float]]]:
    """Whether all wanted parameters lie within their intervals, and the widths of these, a column each."""
    told, widths = True, defaultdict(list)
    for parameter, value in wanted.items():
        found = [f.fit.parameters[parameter] for f in examined.findings if parameter in f.fit.parameters]
        told &= bool(found) and all(estimate.low <= value <= estimate.high for estimate in found)
        widths[parameter] += [estimate.high - estimate.low for estimate in found]
    return told, widths


def _list(table: str, missed: Sequence[Place], false: Sequence[Place]) -> None:
    for place in missed:
        print(f"  missed: {table}: line {place[0]}, {place[1]}, place {place[2]}")
    for place in false:
        print(f"  false: {table}: line {place[0]}, {place[1]}, place {place[2]}")


def drawn(at: int, rng: np.random.Generator) -> tuple[str, dict[str, object], dict[str, float]]:
    """A table to recompute, and the parameters that it was computed with, angles in degrees."""
    tilt = 23, int(rng.integers(26, 36))
    latitude = int(rng.integers(36, 57)), int(rng.integers(60))
    radius = int(rng.choice([60, 6_000, 60_000, 100_000]))
    year = int(rng.integers(1472, 1650))
    obliquity = {"obliquity": tilt[0] + tilt[1] / 60}
    choices: list[tuple[str, dict[str, object], dict[str, float]]] = [
        ("chords", {"first": int(rng.choice([1, 91]))}, {"radius": 60.0}),
        ("sines", {"radius": radius, "first": int(rng.choice([0, 2700]))}, {"radius": float(radius)}),
        ("declination", {"obliquity": tilt, "seconds": bool(rng.random() < 0.5)}, obliquity),
        ("right_ascension", {"obliquity": tilt}, obliquity),
        (
            "oblique_ascension",
            {"obliquity": tilt, "latitude": latitude},
            obliquity | {"latitude": latitude[0] + latitude[1] / 60},
        ),
        ("day_lengths", {"obliquity": tilt}, obliquity),
        ("climates", {"obliquity": tilt}, obliquity),
        ("sun_place", {"year": year, "first": int(rng.choice([1, 7]))}, {"year": float(year)}),
    ]
    return choices[at % len(choices)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=200)
    parser.add_argument("--rate", type=float, default=0.01, help="misprints for each place of a table")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    kinds: dict[str, Marks] = defaultdict(Marks)
    total = Marks()
    for at in range(options.tables):
        name, marks = measure(at, options.rate, listed=options.list)
        kinds[name].add(marks)
        total.add(marks)
    for name, marks in kinds.items():
        widths = ", ".join(
            f"{parameter} median width {np.median(all_):.4g}" for parameter, all_ in marks.widths.items() if all_
        )
        print(f"{name}: {marks}; {widths}")
    print(f"all: {total}")
    met = total.told >= TARGET * total.tables and min(total.precision, total.recall) >= 0.9
    print("targets (0.95 of tables told, precision and recall 0.9):", "met" if met else "missed")


if __name__ == "__main__":
    main()
