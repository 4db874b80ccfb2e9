"""What the published detector reached: Pearson of true and detected bigram counts, from its published histograms.

    python benchmarks/published_reading.py published_histograms.csv

The file holds, for each annotated page, the 110 true counts (``true``) and those of the published system from detected
peaks (``pd``) and from spatial pooling (``pool``). Printed: the mean over the pages of each group.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tablesim.digits.evaluation.scores import pearson
from tablesim.records.bins import N_BINS


def mean_pearson(path: Path) -> dict[tuple[str, str], tuple[float, int]]:
    """Mean correlation and number of pages for each (group, kind of histogram)."""
    pages: dict[tuple[str, str], dict[str, NDArray[np.float64]]] = defaultdict(dict)
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            counts = np.array([float(value) for value in list(row.values())[3:]])
            if counts.shape != (N_BINS,):
                raise SystemExit(f"{path}: page {row['page']} has {len(counts)} counts, expected {N_BINS}")
            pages[row["group"], row["page"]][row["kind"]] = counts
    figures: dict[tuple[str, str], list[float]] = defaultdict(list)
    for (group, _), kinds in pages.items():
        for kind in ("pd", "pool"):
            figures[group, kind].append(pearson(kinds[kind], kinds["true"]))
    return {key: (float(np.mean(values)), len(values)) for key, values in figures.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("histograms", type=Path)
    for (group, kind), (value, count) in mean_pearson(parser.parse_args().histograms).items():
        print(f"{group:16s} {kind:5s} {count:3d} pages   mean Pearson {value:.3f}")


if __name__ == "__main__":
    main()
