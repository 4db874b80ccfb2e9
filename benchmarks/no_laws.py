"""Are the laws silent where there is none?

    python benchmarks/no_laws.py [--tables N] [--misread SHARE] [--list]

Tables that obey no law, of ten kinds made by seed: columns of computed tables shuffled, bills of mortality, the weather
by the day and by the hour, prices, random walks, a census, growing towns, a catalogue of stars, an index of pages, and
survivors by age. In half of them a reader misread a hundredth of the figures, and is sure of it. Counted are tables of
which a law, or a number against one, is reported.

Then censuses and bills with totals, and survivors with the deaths between them: only sums hold there. Counted are
tables of which another law is reported, or a number that is as it was printed is called wrong.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable

import numpy as np
from computed_readings import reading_of_rows

from tablesim.evidence.collation.grids import witness_of
from tablesim.evidence.recomputation.examination import examine
from tablesim.evidence.recomputation.sums import OF_COLUMN, OF_ROW, PARTS, SUM
from tablesim.synthesis.tables import build

Rows = list[list[str]]
Rng = np.random.Generator

SUMS = {SUM, OF_COLUMN, OF_ROW, PARTS}


def _texts(columns: list[np.ndarray]) -> Rows:
    return [[str(int(value)) for value in row] for row in zip(*columns, strict=True)]


def _sixtieths(minutes: np.ndarray) -> list[np.ndarray]:
    return [minutes // 60, minutes % 60]


def shuffled(rng: Rng) -> Rows:
    """A computed table whose columns were shuffled, each by itself or row by row but for the argument."""
    name = str(rng.choice(["chords", "sines", "declination", "right_ascension", "oblique_ascension", "day_lengths"]))
    rows = [[str(entry) for cell in row for entry in (cell or ("",))] for row in build(name).rows]
    columns = [list(column) for column in zip(*rows, strict=True)]
    together = rng.permutation(len(rows)) if rng.random() < 0.5 else None
    for column in columns[1:]:
        order = rng.permutation(len(rows)) if together is None else together
        column[:] = [column[at] for at in order]
    return [list(row) for row in zip(*columns, strict=True)]


def bills(rng: Rng) -> Rows:
    """Deaths by cause, some causes rare and left blank where nobody died, week after week."""
    weeks, causes = int(rng.integers(20, 53)), int(rng.integers(4, 12))
    means = rng.lognormal(1.5, 1.3, causes)
    counts = rng.poisson(means * rng.gamma(5, 0.2, (weeks, 1)))
    return [[str(at + 1), *("" if n == 0 else str(n) for n in row)] for at, row in enumerate(counts)]


def weather(rng: Rng) -> Rows:
    """Days of a month with temperatures that follow the season, winds, clouds and rain."""
    days = int(rng.integers(28, 32))
    day = np.arange(days)
    season = rng.uniform(40, 70) + rng.uniform(-0.5, 0.5) * day
    drift = np.convolve(rng.normal(0, 3, days + 3), [0.5, 0.3, 0.2, 0.1], "valid")
    high = np.rint(season + drift + 8)
    low = np.rint(season + drift - rng.uniform(4, 12, days))
    rain = np.where(rng.random(days) < 0.4, rng.integers(1, 80, days), 0)
    return _texts([day + 1, high, low, (high + low) // 2 + rng.integers(-1, 2, days), rng.integers(0, 11, days), rain])


def hours(rng: Rng) -> Rows:
    """A barometer read every three hours for a month, each day going on where the last one ended."""
    rows = build("barometer", seed=int(rng.integers(1, 10_000)), days=31).rows
    cells = ["".join(filter(str.isdigit, str(entry))) for row in rows for cell in row for entry in cell]
    width = len(cells) // 31
    return [[cells[at], *cells[at + 1 : at + width - 1 : 3]] for at in range(0, len(cells), width)]


def prices(rng: Rng) -> Rows:
    """Years with the price of grain in pounds, shillings and pence, and of bread in pence: a walk with great leaps."""
    years = int(rng.integers(30, 60))
    pence = np.rint(np.exp(np.cumsum(rng.standard_t(3, years) * 0.05) + 6)).astype(int)
    bread = np.maximum(1, pence // 60 + rng.integers(-1, 2, years))
    return _texts([int(rng.integers(1500, 1800)) + np.arange(years), pence // 240, pence // 12 % 20, pence % 12, bread])


def walks(rng: Rng) -> Rows:
    """Random walks of small and of great steps, some with a drift, beside the numbers of their rows."""
    rows = int(rng.integers(20, 60))
    columns = [np.arange(1, rows + 1)]
    for scale in (1, 5, 40):
        steps = rng.normal(rng.choice([0.0, 2.0, 10.0]) * scale, scale, rows)
        walk = np.rint(np.cumsum(steps)).astype(int)
        columns.append(walk - min(0, int(walk.min())))
    return _texts(columns)


def _census(rng: Rng) -> np.ndarray:
    """Houses, men and women of districts."""
    districts = int(rng.integers(12, 40))
    houses = rng.lognormal(5, 1, districts).astype(int) + 3
    men = (houses * rng.normal(2.4, 0.2, districts)).astype(int)
    return np.column_stack([houses, men, (men * rng.normal(1.05, 0.05, districts)).astype(int)])


def census(rng: Rng) -> Rows:
    """Districts with houses, men and women, the greatest first, numbered."""
    counts = _census(rng)
    counts = counts[np.argsort(-counts[:, 0])]
    return _texts([np.arange(1, len(counts) + 1), *counts.T])


def towns(rng: Rng) -> Rows:
    """Inhabitants of towns that grow nearly evenly from year to year, with a plague or a new suburb now and then."""
    years = int(rng.integers(25, 50))
    columns = [int(rng.integers(1600, 1850)) + np.arange(years)]
    for _ in range(3):
        growth = 1 + rng.uniform(0.002, 0.02) + rng.normal(0, rng.uniform(0.0005, 0.004), years)
        events = rng.random(years) < 0.06
        growth[events] += rng.normal(0, 0.08, int(events.sum()))
        people = rng.uniform(800, 60_000) * np.cumprod(growth)
        columns.append(np.rint(people).astype(int))
    return _texts(columns)


def stars(rng: Rng) -> Rows:
    """A catalogue of stars in the order of their longitudes: degrees and minutes, latitudes, magnitudes."""
    count = int(rng.integers(25, 60))
    longitude = np.sort(rng.integers(0, 360 * 6, count)) * 10
    latitude = rng.integers(0, 60 * 6, count) * 10
    return _texts(
        [np.arange(1, count + 1), *_sixtieths(longitude), *_sixtieths(latitude), 1 + rng.binomial(5, 0.7, count)]
    )


def index_of_pages(rng: Rng) -> Rows:
    """Chapters with the pages on which they begin, in two editions: they go on, by one now and then."""
    count = int(rng.integers(20, 60))
    first = int(rng.integers(1, 30)) + np.cumsum(rng.choice([1, 1, 1, 2, 3, 5], count))
    return _texts([np.arange(1, count + 1), first, first + np.cumsum(rng.choice([0, 0, 0, 1], count))])


def ages(rng: Rng) -> Rows:
    """Survivors of a thousand by age, as they were counted, and how many were ill: even, but computed by nobody."""
    top = int(rng.integers(40, 80))
    age = np.arange(1, top)
    chance = 0.008 + 0.25 * np.exp(-age / 2) + 0.00005 * np.exp(age / 10)
    alive, column = int(rng.choice([1000, 10_000])), []
    for share in np.clip(chance, 0, 0.9):
        alive -= int(rng.binomial(alive, share))
        column.append(alive)
    return _texts([age, np.array(column), rng.binomial(np.array(column), 0.03)])


def census_with_totals(rng: Rng) -> Rows:
    counts = _census(rng)
    counts = np.column_stack([counts, counts[:, 1] + counts[:, 2]])
    return _texts(list(np.vstack([counts, counts.sum(axis=0)]).T))


def bills_with_totals(rng: Rng) -> Rows:
    counts = rng.poisson(rng.lognormal(2, 1, 6), (int(rng.integers(12, 40)), 6))
    counts = np.column_stack([counts, counts.sum(axis=1)])
    return _texts(list(np.vstack([counts, counts.sum(axis=0)]).T))


def survivors_with_deaths(rng: Rng) -> Rows:
    rows = ages(rng)
    alive = [int(row[1]) for row in rows]
    return [[row[0], row[1], str(a - b)] for row, a, b in zip(rows[:-1], alive, alive[1:], strict=False)]


NO_LAW: tuple[Callable[[Rng], Rows], ...] = (
    shuffled, bills, weather, hours, prices, walks, census, towns, stars, index_of_pages, ages,
)  # fmt: skip
ONLY_SUMS: tuple[Callable[[Rng], Rows], ...] = (census_with_totals, bills_with_totals, survivors_with_deaths)


def misread(rows: Rows, share: float, rng: Rng) -> tuple[Rows, set[tuple[int, int]]]:
    """The rows with figures of a share misread, but not in the first column; and the cells that were."""
    rows, wrong = [list(row) for row in rows], set()
    for r, row in enumerate(rows):
        for c, text in enumerate(row[1:], 1):
            for at, figure in enumerate(text):
                if rng.random() < share:
                    other = str((int(figure) + int(rng.integers(1, 10))) % 10)
                    row[c] = row[c][:at] + other + row[c][at + 1 :]
                    wrong.add((r, c))
    return rows, wrong


def reported(rows: Rows, allowed: set[str], wrong: set[tuple[int, int]]) -> list[str]:
    """What is said of a table beyond the laws that hold there: laws, and sound numbers that are called wrong."""
    witness = witness_of([reading_of_rows(rows, "p")])
    examined = examine(witness)
    said = [f"{finding.fit.name} for columns {finding.value}" for finding in examined.findings]
    of_laws = Counter(law for _, law in examined.expected.values() if law not in allowed and law != "step")
    said += [f"{law}: {count} numbers" for law, count in of_laws.items()]
    for suspect in examined.suspects:
        number = witness.numbers[suspect.number]
        place = number.row or 0, number.column or 0
        if suspect.law not in allowed or (place not in wrong and not wrong):
            said.append(f"row {place[0]}, column {place[1]}: {suspect.text}, {suspect.law} has {suspect.expected}")
    return said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=110)
    parser.add_argument("--misread", type=float, default=0.01, help="share of the figures, in every other table")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    start = time.perf_counter()
    for title, kinds, allowed, count in (
        ("tables of no law", NO_LAW, set[str](), options.tables),
        ("tables in which only sums hold", ONLY_SUMS, SUMS, options.tables // 5),
    ):
        spoken = Counter[str]()
        for at in range(count):
            rng = np.random.default_rng([13, at])
            kind = kinds[at % len(kinds)]
            rows, wrong = kind(rng), set[tuple[int, int]]()
            if at // len(kinds) % 2:
                rows, wrong = misread(rows, options.misread, rng)
            said = reported(rows, allowed, wrong)
            spoken[kind.__name__] += bool(said)
            if options.list:
                for line in said:
                    print(f"  {kind.__name__} {at}: {line}")
        for name, number in spoken.items():
            print(f"{name}: {number}")
        print(f"{title}: {sum(spoken.values())} of {count} with a law or an error that is none")
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
