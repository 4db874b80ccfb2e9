"""From which likeness are pages of one kind? Pairs of one kind and of two, over kinds of tables, at several thresholds.

Thirteen kinds of computed and observed tables, each on several pages (other years, latitudes, parts, radii, months),
as their numbers stand in type: nothing is read. For each threshold the share of the pairs of one kind that reach it,
and of the pairs of different kinds. For each kind the likeness of its pairs and that of its nearest page of another
kind.

    python benchmarks/kinds.py
    python benchmarks/kinds.py --run RUN --labels CSV    # pages of a run: a kind is what stands before the first _
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import numpy as np

from tablesim.corpus.clustering.kinds import ALIKE
from tablesim.corpus.store import Corpus
from tablesim.records.bins import count_bigrams
from tablesim.synthesis.tables import HistoricalTable, build

THRESHOLDS = (0.8, 0.85, 0.88, ALIKE, 0.92, 0.94, 0.96)

PAGES = {
    "declination": [{"obliquity": (23, m)} for m in (28, 30, 31, 33, 35)],
    "right_ascension": [{"first": first} for first in (0, 90, 180, 270)],
    "oblique_ascension": [{"latitude": (lat, 0)} for lat in (36, 42, 45, 48, 51, 54)],
    "climates": [{"obliquity": (23, m), "last": last} for m in (30, 33) for last in (7, 9)],
    "day_lengths": [{"first": first} for first in (31, 40, 49)],
    "sines": [{"radius": radius, "first": first} for radius in (60_000, 100_000) for first in (0, 30, 60)],
    "chords": [{"first": first, "count": 45} for first in (1, 91, 181, 271)],
    "sun_place": [{"year": year, "first": first} for year in (1545, 1546, 1548) for first in (1, 7)],
    "mean_motions": [{"body": body, "unit": unit} for body in ("sun", "moon") for unit in ("days", "years")],
    "multiplication": [{"first": first} for first in (2, 7, 22, 37, 52)],
    "royal_canon": [{"first": first, "count": 25} for first in (0, 15, 30)],
    "feasts": [{"first": first} for first in (1500, 1530, 1568, 1606)],
    "barometer": [{"seed": seed} for seed in (1, 2, 3, 4, 5)],
}


def texts_of(table: HistoricalTable) -> list[str]:
    """The numbers of a table as digit strings."""
    texts = []
    for row in table.rows:
        for column, cell in zip(table.columns, row, strict=True):
            if not column.words:
                texts += ["".join(figure for figure in str(part) if figure.isdecimal()) for part in cell or ()]
    return [text for text in texts if text]


def computed() -> dict[str, list[np.ndarray]]:
    """Of each kind the histograms of its pages."""
    return {
        kind: [count_bigrams(texts_of(build(kind, **about))).astype(float) for about in pages]
        for kind, pages in PAGES.items()
    }


def of_run(run: Path, labels: Path) -> dict[str, list[np.ndarray]]:
    """The same of the pages of a run."""
    with labels.open(encoding="utf-8") as file:
        kinds = {row["page"]: row["label"].split("_")[0] for row in csv.DictReader(file)}
    found: dict[str, list[np.ndarray]] = {}
    ids, histograms = Corpus.open(run).histograms
    for page, histogram in zip(ids, histograms, strict=True):
        if page in kinds:
            found.setdefault(kinds[page], []).append(np.asarray(histogram, float))
    return found


def report(kinds: Mapping[str, list[np.ndarray]]) -> None:
    """Print how alike pages of one kind are, and pages of different ones."""
    rows = [(kind, h) for kind, pages in kinds.items() for h in pages if h.sum()]
    units = np.sqrt(np.stack([h for _, h in rows]))
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    cosine = units @ units.T
    of = np.array([kind for kind, _ in rows])
    pairs = [(cosine[i, j], of[i] == of[j]) for i, j in combinations(range(len(rows)), 2)]
    same = np.array([value for value, one in pairs if one])
    other = np.array([value for value, one in pairs if not one])
    print(f"{len(rows)} pages of {len(kinds)} kinds: {len(same)} pairs of one kind, {len(other)} of two")
    print(f"{'kind':20} {'pages':>5} {'least':>6} {'median':>6}  nearest page of another kind")
    for kind in kinds:
        mine = of == kind
        within = cosine[np.ix_(mine, mine)][np.triu_indices(mine.sum(), 1)]
        apart = np.where(mine[None, :], -1, cosine[mine]) if mine.any() else np.zeros((1, 1))
        i, j = np.unravel_index(int(apart.argmax()), apart.shape)
        told = f"{within.min():6.3f} {np.median(within):6.3f}" if len(within) else f"{'':13}"
        print(f"{kind:20} {int(mine.sum()):5} {told}  {apart[i, j]:.3f} {of[j]}")
    print(f"{'from':>6} {'of one kind':>12} {'of two':>8}")
    for threshold in THRESHOLDS:
        print(f"{threshold:6.2f} {np.mean(same >= threshold):12.3f} {np.mean(other >= threshold):8.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--labels", type=Path)
    asked = parser.parse_args()
    report(computed() if asked.run is None else of_run(asked.run, asked.labels))


if __name__ == "__main__":
    main()
