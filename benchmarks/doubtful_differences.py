"""What the constants of doubt do: which differences are asserted, through the scans of synthesized editions.

    python benchmarks/doubtful_differences.py [--pairs N] [--climates N] [--seed S] [--real FOLDER] [--threads N]

For each pair of constants: of the differences that are true how many are called doubtful, and of the false ones how
many are asserted. Pairs of editions of N different tables and pairs of climate tables are set, aged, photographed and
read; with ``--real FOLDER`` Ptolemy's chords of 1515 and 1912 stand beside, which decide nothing. First it is told how
often the runner-up of a misread figure is right. The first line has the constants as they are.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from printed_pairs import found_between, printed_climates, printed_editions
from scipy.spatial import cKDTree

from tablesim.evidence.collation import cells as doubt
from tablesim.evidence.collation.cells import DOUBTFUL
from tablesim.evidence.collation.collation import collate
from tablesim.reader import PageReader, load_network
from tablesim.records.collation import Cell
from tablesim.records.reading import Reading

Judged = list[tuple[Cell, bool]]

SLIPS, SHARES = (0.0005, 0.001, 0.0017, 0.003, 0.005, 0.05), (0.25, 0.5, 0.75, 1.0)


@contextmanager
def constants(slip: float, elsewhere: float) -> Iterator[None]:
    """The constants of doubt are these meanwhile."""
    usual = doubt.SLIP, doubt.ELSEWHERE
    doubt.SLIP, doubt.ELSEWHERE = slip, elsewhere
    try:
        yield
    finally:
        doubt.SLIP, doubt.ELSEWHERE = usual


def misread(truths: Sequence[Reading], readings: Sequence[Reading]) -> tuple[int, int]:
    """Figures that were read as another value, and of how many of them the runner-up was right."""
    wrong = right = 0
    for truth, reading in zip(truths, readings, strict=True):
        true = list(truth.digits)
        tree = cKDTree([digit.box.centre for digit in true])
        for digit in reading.digits:
            there = true[int(tree.query(digit.box.centre)[1])]
            if digit.value is not None and there.box.contains(*digit.box.centre) and there.value != digit.value:
                wrong += 1
                right += digit.runner_up is not None and digit.runner_up[0] == there.value
    return wrong, right


def chords(folder: Path, network: PageReader) -> Judged:
    """The differences between the two real editions, and whether their editors list them."""
    judged: Judged = []
    for page in (1, 2):
        with (folder / "truth" / f"variants_1515_1912_p{page}.csv").open(encoding="utf-8", newline="") as file:
            listed = Counter((line["reading_1515"], line["reading_1912"]) for line in csv.DictReader(file))
        scans = [folder / "tables" / f"almagest_{year}_chords_p{page}.jpg" for year in (1515, 1912)]
        for cell in collate(*scans, network=network).differences:
            true = listed[cell.texts] > 0
            listed[cell.texts] -= true
            judged.append((cell, true))
    return judged


def told(judged: Judged) -> str:
    """True ones that are doubtful, and false ones that are asserted, of how many."""
    true = [_doubtful(cell) for cell, is_true in judged if is_true]
    false = [not _doubtful(cell) for cell, is_true in judged if not is_true]
    return f"{sum(true):3d} of {len(true):4d} {sum(false):4d} of {len(false):4d}"


def _doubtful(cell: Cell) -> bool:
    a, b = (reading.number for reading in cell.readings if reading is not None)
    return doubt.doubt(a, b) >= DOUBTFUL


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--climates", type=int, default=40)
    parser.add_argument("--seed", type=int, default=60)
    parser.add_argument("--real", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    network = load_network()
    sets: dict[str, Judged] = {}
    wrong = right = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, pairs in (
            ("editions", printed_editions(options.pairs, options.seed, Path(folder))),
            ("climates", printed_climates(options.climates, options.seed, Path(folder))),
        ):
            sets[name] = []
            for pair in pairs:
                readings = [network.read(scan) for scan in pair.scans]
                sets[name] += found_between(pair.truths, readings).cells
                of_pair = misread(pair.truths, readings)
                wrong, right = wrong + of_pair[0], right + of_pair[1]
    if options.real is not None:
        sets["1515, 1912"] = chords(options.real, network)
    print(f"{wrong} figures misread, the runner-up right in {right}")
    print(
        f"{'SLIP':>7s} {'ELSEWHERE':>9s}  " + "  ".join(f"{name + ': true doubtful, false sure':>40s}" for name in sets)
    )
    for slip, elsewhere in ((doubt.SLIP, doubt.ELSEWHERE), *((s, e) for e in SHARES for s in SLIPS)):
        with constants(slip, elsewhere):
            print(f"{slip:7.4f} {elsewhere:9.2f}  " + "  ".join(f"{told(judged):>40s}" for judged in sets.values()))


if __name__ == "__main__":
    main()
