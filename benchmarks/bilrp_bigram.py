"""Two full pages through the bigram network: to the glyphs and to the pixels, all 110 dimensions.

    python benchmarks/bilrp_bigram.py [A B] [--threads N] [--exact]

Without A and B two pages of the bundled sample are brought to 1200 pixels of height (about 850 wide) and read. Every
part runs in a process of its own, so that its peak memory is its own: the libraries and the reading alone, the glyphs,
the pixels, and the dense way, of which a few dimensions are measured and the rest is reckoned from them. ``--exact``
repeats the pixels in float64. Times are of one run: seconds on the clock, and CPU-seconds of all threads.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

import bilrp
from tablesim.bigrams.network import BigramNetwork
from tablesim.bigrams.occurrences import Occurrences
from tablesim.evidence.matches.glyphs import GlyphMatches
from tablesim.evidence.matches.ink_relevance import (
    COMPOSITE,
    DigitLogits,
    PageRelevance,
    PixelRelevance,
    explain_pixels,
)
from tablesim.reader import load_network
from tablesim.records.reading import Reading

SAMPLE = Path(__file__).resolve().parent.parent / "data" / "sample"
PAGES = ("1006", "1004")
"""The beginnings of the names of the two sample pages: solar declinations, in two editions."""

HEIGHT = 1200
N_DENSE = 4
"""Dimensions of the dense way that are measured."""


class FromDigits(nn.Module):
    """Activations of a page's digits (1, G) to phi (1, 110)."""

    def __init__(self, occurrences: Occurrences) -> None:
        super().__init__()
        self.bigrams = BigramNetwork()
        self.occurrences = occurrences

    def forward(self, activations: Tensor) -> Tensor:
        phi: Tensor = self.bigrams(activations[0], self.occurrences).sqrt()[None]
        return phi


def measured(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def glyphs(readings: list[Reading]) -> dict[str, Any]:
    def closed_form() -> GlyphMatches:
        matches = GlyphMatches(*(Occurrences.of(reading) for reading in readings))
        matches.total(), matches.top(200), matches.of_digits()
        return matches

    def through_the_network() -> list[Tensor]:
        sides = [Occurrences.of(reading) for reading in readings]
        inputs = [torch.from_numpy(side.activations)[None] for side in sides]
        pairs = zip(sides, inputs, strict=True)
        return [bilrp.explain_outputs(FromDigits(side), x).values.flatten(1) for side, x in pairs]

    through_the_network()  # the first call loads parts of PyTorch
    matches, formula = measured(closed_form)
    factors, network = measured(through_the_network)
    of_a = (factors[0].T @ factors[1].sum(1)).numpy()
    return {
        "formula": formula,
        "network": network,
        "pairs": matches.n_pairs,
        "lost": abs(matches.total() - float(matches.bin_relevance.sum())),
        "difference": float(np.abs(of_a - matches.of_digits()[0]).max()),
    }


def pixels(readings: list[Reading], dtype: torch.dtype) -> dict[str, Any]:
    reader = load_network().digit_reader
    joint: PixelRelevance
    joint, times = measured(lambda: explain_pixels(reader, *readings, dtype=dtype))
    lost, size = [], []
    for page in (joint.left, joint.right):
        strength = sum(float(part.double().abs().sum()) for part in page.windows.maps)
        lost.append(float(np.abs(page.sums - page.phi).max()) / strength)
        bins = len(set(page.occurrences.bin.tolist()))
        size.append((*page.ink.shape, len(page.occurrences), bins, len(page.windows.maps)))
    tiles, pooled = measured(lambda: joint.joint(8).top_pairs(200))
    return {
        **times,
        "lost": max(lost),
        "score": joint.score,
        "total": joint.total(),
        "in_digits": joint.share_in_digits,
        "pages": size,
        "top": pooled["seconds"],
        "n_top": len(tiles),
    }


def dense(readings: list[Reading]) -> dict[str, Any]:
    """A few bins of the first page by maps of the whole page."""
    reader = load_network().digit_reader
    page: PageRelevance = explain_pixels(reader, readings[0], readings[0]).left

    class Places(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.logits = DigitLogits(reader.network)

        def forward(self, ink: Tensor) -> Tensor:
            out: Tensor = self.logits(ink).flatten(1)[:, ::4999][:, :N_DENSE]
            return out

    def work() -> bilrp.Relevance:
        return bilrp.explain_outputs(Places(), page.ink[None, None], COMPOSITE, bias="distribute")

    work()
    _, times = measured(work)
    return {"each": {key: value / N_DENSE for key, value in times.items()}}


PARTS: dict[str, Callable[[list[Reading]], dict[str, Any]]] = {
    "libraries and reading alone": lambda readings: {},
    "glyphs": glyphs,
    "pixels, float32": lambda readings: pixels(readings, torch.float32),
    "pixels, float64": lambda readings: pixels(readings, torch.float64),
    "dense": dense,
}


def apart(part: str, readings: Path, threads: int) -> dict[str, Any]:
    """One part in a process of its own, with its peak memory."""
    command = [sys.executable, __file__, "--part", part, "--readings", str(readings), "--threads", str(threads)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def read(paths: list[Path], folder: Path) -> Path:
    network = load_network()
    out = folder / "readings.json"
    out.write_text(json.dumps([network.read(path).to_dict() for path in paths]), encoding="utf-8")
    return out


def sample_pages(folder: Path) -> list[Path]:
    paths = []
    for name in PAGES:
        (scan,) = SAMPLE.rglob(f"{name}_*.jpg")
        image = Image.open(scan)
        path = folder / f"{scan.stem}.png"
        image.resize((round(image.width * HEIGHT / image.height), HEIGHT), Image.Resampling.LANCZOS).save(path)
        paths.append(path)
    return paths


def report(readings: Path, threads: int, exact: bool) -> None:
    base = apart("libraries and reading alone", readings, threads)["memory"]
    found = apart("glyphs", readings, threads)
    for name, key in (("by the formula", "formula"), ("through the bigram network, by bilrp", "network")):
        print(f"to the glyphs, {name}: {found[key]['seconds']:.3f} s ({found[key]['cpu']:.3f} CPU-s)")
    print(f"  {found['pairs']:,} pairs; lost {found['lost']:.1e}; the two ways differ by {found['difference']:.1e}")
    for part in ("pixels, float32", "pixels, float64")[: 1 + exact]:
        found = apart(part, readings, threads)
        print(
            f"to the {part}: {found['seconds']:.1f} s ({found['cpu']:.1f} CPU-s), "
            f"peak memory {found['memory']:.2f} GB (libraries and reading alone {base:.2f} GB)"
        )
        print(
            f"  score {found['score']:.6f}, total {found['total']:.6f}; most that a bin lost: {found['lost']:.1e} of "
            f"sum |R|; in the boxes of digits: {found['in_digits'][0]:.0%} and {found['in_digits'][1]:.0%}"
        )
        print(f"  the {found['n_top']} strongest pairs of tiles of 8 px: {found['top']:.2f} s")
        for height, width, n_glyphs, bins, windows in found["pages"]:
            print(f"  working page {width} x {height} px: {n_glyphs} glyphs in {bins} bins, {windows} windows")
        pages = found["pages"]
    each = apart("dense", readings, threads)["each"]
    bins = sum(page[3] for page in pages)
    print(
        f"the dense way, by maps of the whole page: {each['cpu']:.2f} CPU-s a bin in batches of {N_DENSE}, so about "
        f"{each['cpu'] * bins:.0f} CPU-s for the {bins} bins of both pages that are not empty"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", type=Path, metavar="A B")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--exact", action="store_true", help="also in float64")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--readings", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.part:
        readings = [Reading.from_dict(item) for item in json.loads(options.readings.read_text(encoding="utf-8"))]
        found = PARTS[options.part](readings)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
        print(json.dumps({**found, "memory": peak}))
        return
    if len(options.pages) not in (0, 2):
        parser.error(f"got {len(options.pages)} pages, expected two or none")
    with tempfile.TemporaryDirectory() as folder:
        paths = options.pages or sample_pages(Path(folder))
        print(f"{paths[0].name} and {paths[1].name}, {options.threads} threads")
        report(read(paths, Path(folder)), options.threads, options.exact)


if __name__ == "__main__":
    main()
