"""How well pages are registered, and how fast.

    python benchmarks/registration.py [--corpus FOLDER] [--copies N] [--real FOLDER] [--out DIR]

Through the scans of the bundled sample, or of another folder that ``tablesim synthesize`` wrote, read by the bundled
network. First all pairs: how many of one table are registered, how many of different tables are, and how
closely equal numbers meet; pairs that are not as the labels say are named (tables computed with nearly the same
obliquity share most of their numbers). Then N pages scanned again, every other one at a slant: the distance of the map
that is found from the true one. ``--real FOLDER`` adds the pairs of real scans, ``--out DIR`` keeps their overlays.
Residuals are in digit heights.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tablesim.evidence.collation.collation import PagePair
from tablesim.evidence.comparison import compare
from tablesim.evidence.figures.overlay import draw_overlay
from tablesim.evidence.registration import NotRegistrable, PageMap, register_pages
from tablesim.evidence.registration.number_frame import NumberFrame
from tablesim.evidence.registration.page_map import SAME_SETTING
from tablesim.evidence.registration.plane import project
from tablesim.reader import PageReader, load_network
from tablesim.records.reading import Reading
from tablesim.scans.images import load_scan

SAMPLE = Path(__file__).resolve().parent.parent / "data" / "sample"
REAL = [
    ("almagest_1515_chords_p1", "almagest_1912_chords_p1"),
    ("almagest_1515_chords_p2", "almagest_1912_chords_p2"),
    ("almagest_1515_chords_p1", "almagest_1912_chords_p2"),
    ("almagest_1515_chords_p1", "almagest_1515_chords_p2"),
    ("fortwilliam_1898-07", "fortwilliam_1900-01"),
    ("petau_uranologion_1630_p351", "petau_uranologion_1630_p352"),
]
"""Two of them are one table in two editions; the others are refused."""


def all_pairs(pages: dict[str, Reading], labels: dict[str, str]) -> None:
    """Register every page of the sample with every other."""
    kinds = {True: [0, 0], False: [0, 0]}
    residuals: dict[str, list[float]] = {"plane map": [], "columns and rows": []}
    seconds: list[tuple[float, float]] = []
    closest = 1.0
    for one, other in combinations(pages, 2):
        started = time.perf_counter()
        pair = PagePair.of(pages[one], pages[other])
        aligned = time.perf_counter()
        found = register_pages(pair)
        seconds.append((aligned - started, time.perf_counter() - aligned))
        same = labels[one] == labels[other]
        if same != isinstance(found, PageMap):
            print(f"{one} / {other}: {found.reason if isinstance(found, NotRegistrable) else found.words()}")
        kinds[same][0] += isinstance(found, PageMap)
        kinds[same][1] += 1
        if isinstance(found, PageMap):
            residuals["plane map" if found.warp is None else "columns and rows"].append(found.residual)
            closest = min(closest, found.residual if found.warp is None else 1.0)
    print(f"one table:        {kinds[True][0]} of {kinds[True][1]} pairs registered")
    print(f"different tables: {kinds[False][0]} of {kinds[False][1]} pairs registered")
    for name, values in residuals.items():
        print(f"  {name}: {len(values)} pairs, residual {np.median(values):.3f} (median), {max(values):.3f} (largest)")
    print(f"  closest plane map between two editions: {closest:.3f}; below {SAME_SETTING} it would be one setting")
    mean, slowest = np.mean(seconds, axis=0), np.max(seconds, axis=0)
    print(f"seconds a pair: alignment {mean[0]:.3f} (slowest {slowest[0]:.2f}), map {mean[1]:.3f} ({slowest[1]:.2f})")


def copies(network: PageReader, pages: Sequence[Reading], count: int) -> None:
    """Scan pages again in another way and find the way."""
    rng = np.random.default_rng(7)
    print(f"{'scanned again':34} model        residual  from the truth: median, largest")
    with tempfile.TemporaryDirectory() as folder:
        for at, page in enumerate(pages[:: max(1, len(pages) // count)][:count]):
            path = Path(folder) / f"{page.page}.jpg"
            matrix = scan_again(page, path, rng, slant=0.06 if at % 2 else 0.002)
            copy = network.read(path)
            found = register_pages(PagePair.of(page, copy))
            if isinstance(found, NotRegistrable):
                print(f"{page.page:34} {found.reason}")
                continue
            middles = np.array([number.box.centre for number in page.numbers])
            away = np.linalg.norm(found.to_b(middles) - project(matrix, middles), axis=1)
            away /= NumberFrame.of(copy).unit / copy.transform.scale
            print(f"{page.page:34} {found.model:12} {found.residual:.3f}     {np.median(away):.3f}, {away.max():.3f}")


def scan_again(page: Reading, path: Path, rng: np.random.Generator, slant: float) -> NDArray[np.float64]:
    """Write the page in another size, at a slant, blurred, noisy and compressed; gives the map, (3, 3)."""
    grey = load_scan(page.scan).grey
    height, width = grey.shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    angle = np.radians(rng.uniform(-2, 2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    target = (corners + rng.uniform(-slant, slant, (4, 2)) * min(width, height)) * rng.uniform(0.85, 1.3) @ turn.T
    target -= target.min(axis=0) - 10
    matrix = cv2.getPerspectiveTransform(corners, target.astype(np.float32))
    size = np.ceil(target.max(axis=0) + 10).astype(int)
    copy = cv2.warpPerspective(grey, matrix, (int(size[0]), int(size[1])), flags=cv2.INTER_AREA, borderValue=90)
    noisy = cv2.GaussianBlur(copy, (0, 0), 0.7) * rng.uniform(0.8, 1.1) + rng.normal(0, 6, copy.shape)
    cv2.imwrite(str(path), np.clip(noisy, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 60])
    return np.asarray(matrix, dtype=np.float64)


def real_pairs(network: PageReader, folder: Path, out: Path | None) -> None:
    """The pairs of real scans."""
    pages = {
        name: network.read(folder / "tables" / f"{name}.jpg") for name in sorted({n for pair in REAL for n in pair})
    }
    for one, other in REAL:
        comparison = compare(pages[one], pages[other])
        found = comparison.registration
        words = f"not registered: {found.reason}" if isinstance(found, NotRegistrable) else found.words()
        print(f"{one} / {other}: {words}")
        if out is not None and comparison.transform is not None:
            out.mkdir(parents=True, exist_ok=True)
            draw_overlay(comparison, out / f"{one}__{other}__overlay.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=SAMPLE)
    parser.add_argument("--copies", type=int, default=8)
    parser.add_argument("--real", type=Path)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    network = load_network()
    with (given.corpus / "labels.csv").open(encoding="utf-8", newline="") as opened:
        labels = {row["page"]: row["label"] for row in csv.DictReader(opened)}
    pages = {name: network.read(given.corpus / "scans" / f"{name}.jpg") for name in labels}
    all_pairs(pages, labels)
    if given.copies:
        copies(network, list(pages.values()), given.copies)
    if given.real is not None:
        real_pairs(network, given.real, given.out)


if __name__ == "__main__":
    main()
