"""Where the relevance lies, whether the similarity rests on it, and how long a comparison takes.

    python benchmarks/evidence.py [--tables N] [--seed N] [--vgg N] [--weights FILE] [--sample] [--real FOLDER]

``--tables N`` tables are synthesized in two editions each, aged, read, and compared down to the pixels; ``--vgg N`` of
these pairs also by VGG-16, with ``--weights`` (torchvision's format) or random ones. Faithfulness and seconds are those
of all pairs of the synthesized pages; ``--sample`` adds all pairs of the bundled sample corpus, ``--real FOLDER`` all
pairs of the scans in a folder. Seconds are those after reading, CPU-seconds of one thread.

True boxes are those of the figures as they were set, before the press and the camera: ink and blur make a figure wider.
So shares are also given with one pixel of the scan around each box, and beside them how much of the figures' ink (all
within two pixels) the boxes hold.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tablesim.evidence.comparison import compare
from tablesim.evidence.matches.faithfulness import FEW, Faithfulness, glyph_faithfulness
from tablesim.evidence.matches.ink_relevance import PageRelevance, PixelRelevance
from tablesim.evidence.matches.photograph_network import PixelComparison, compare_pixels
from tablesim.evidence.matches.relevance_by_region import KINDS, RelevanceByRegion
from tablesim.reader import PageReader, load_network
from tablesim.records.boxes import Box
from tablesim.records.reading import Reading
from tablesim.records.truth import PageTruth
from tablesim.synthesis.corpus import draw_plan, write_corpus

SAMPLE = Path(__file__).resolve().parent.parent / "data" / "sample" / "scans"
Pair = tuple[Reading, Reading]


def around(boxes: Sequence[Box], margin: float) -> list[Box]:
    """Boxes with so many pixels of the scan more on each side."""
    return [Box(b.x - margin, b.y - margin, b.width + 2 * margin, b.height + 2 * margin) for b in boxes]


def on_working(page: PageRelevance, boxes: Sequence[Box]) -> NDArray[np.bool_]:
    """The working pixels in boxes of the scan."""
    mask = np.zeros(tuple(page.ink.shape), dtype=bool)
    for box in boxes:
        mask[page.working(box)] = True
    return mask


@dataclass
class Place:
    """How much of the relevance of one page, and of its figures' ink, lies in the true boxes, and on what else."""

    tight: float
    with_pixel: float
    ink_tight: float
    ink_with_pixel: float
    area: float
    surfaces: RelevanceByRegion


def place(page: PageRelevance, relevance: torch.Tensor, truth: PageTruth) -> Place:
    boxes = [digit.box for digit in truth.digits]
    strength, ink = np.abs(relevance.double().numpy()), page.ink.double().numpy()
    tight, wide, widest = (on_working(page, around(boxes, margin)) for margin in (0, 1, 2))
    whole, figures = strength.sum(), ink[widest].sum()
    return Place(
        float(strength[tight].sum() / whole),
        float(strength[wide].sum() / whole),
        float(ink[tight].sum() / figures),
        float(ink[wide].sum() / figures),
        float(tight.mean()),
        page.surfaces(relevance),
    )


def vgg_share(found: PixelComparison, side: int, truth: PageTruth, margin: float) -> tuple[float, float]:
    """What of VGG-16's relevance of a page, and of its area, lies in the true boxes; by area in pixels that it sees."""
    strength = np.abs(found.marginals[side])
    fine = 8
    rows, columns = strength.shape
    mask = np.zeros((rows * fine, columns * fine))
    down, right = rows * fine / truth.height, columns * fine / truth.width
    for box in around([digit.box for digit in truth.digits], margin):
        mask[round(box.y * down) : round(box.bottom * down), round(box.x * right) : round(box.right * right)] = 1
    share = mask.reshape(rows, fine, columns, fine).mean(axis=(1, 3))
    return float((strength * share).sum() / strength.sum()), float(share.mean())


def synthesized(
    folder: Path, tables: int, seed: int, network: PageReader
) -> Iterator[tuple[Pair, tuple[PageTruth, ...]]]:
    """Pairs of editions of one table, as they were read, with the truth."""
    write_corpus(folder, draw_plan(seed, tables, 2, 0))
    by_table: dict[str, list[PageTruth]] = {}
    for path in sorted((folder / "truth").glob("*.json")):
        truth = PageTruth.load(path)
        by_table.setdefault(str(truth.meta["label"]), []).append(truth)
    for truths in by_table.values():
        scans = [next((folder / "scans").glob(f"{truth.page}.*")) for truth in truths]
        one, other = (network.read(scan) for scan in scans)
        yield (one, other), tuple(truths)


def mean_surfaces(found: Sequence[RelevanceByRegion]) -> str:
    return ", ".join(
        f"{kind} {np.mean([page.relevance[kind] for page in found]):.3f} "
        f"(of the area {np.mean([page.area[kind] for page in found]):.3f})"
        for kind in KINDS
    )


def report_places(places: Sequence[Place], seconds: Sequence[float]) -> None:
    print(f"bigram network, {len(places)} pages: share of the absolute relevance, mean (least)")
    for words, name, ink in (
        ("in the true boxes", "tight", "ink_tight"),
        ("with one pixel of the scan around", "with_pixel", "ink_with_pixel"),
    ):
        values, inks = [getattr(page, name) for page in places], [getattr(page, ink) for page in places]
        print(
            f"  {words}: {np.mean(values):.3f} ({min(values):.3f}); they hold {np.mean(inks):.3f} of the figures' ink"
        )
    print(f"  the true boxes are {np.mean([page.area for page in places]):.3f} of the area")
    print(f"  on {mean_surfaces([page.surfaces for page in places])}")
    print(f"  {np.mean(seconds):.1f} CPU-s a pair down to the pixels, slowest {max(seconds):.1f}")


def report_vgg(found: Sequence[PixelComparison], truths: Sequence[tuple[PageTruth, ...]]) -> None:
    pages = [(one, side, truth) for one, both in zip(found, truths, strict=True) for side, truth in enumerate(both)]
    print(f"{found[0].provenance}, {len(pages)} pages")
    for words, margin in (("in the true boxes", 0), ("with one pixel of the scan around", 1)):
        shares = [vgg_share(one, side, truth, margin) for one, side, truth in pages]
        mean, least, area = np.mean([s for s, _ in shares]), min(s for s, _ in shares), np.mean([a for _, a in shares])
        print(f"  {words}: {mean:.3f} ({least:.3f}), {area:.3f} of the area")
    print(f"  on {mean_surfaces([page for one in found for page in one.surfaces])}")
    report_faithfulness("its tiles", [one.faithfulness for one in found])


def report_faithfulness(name: str, found: Sequence[Faithfulness]) -> None:
    print(f"faithfulness, {name}: {len(found)} pairs with something to take away")
    for words, some in (
        (f"at least {FEW} {{}}", [one for one in found if one.things >= FEW]),
        ("fewer", [one for one in found if one.things < FEW]),
    ):
        if not some:
            continue
        between = [(one.share > 0) & (one.share < 1) for one in some]
        below = [bool((one.top < one.random)[inner].all()) for one, inner in zip(some, between, strict=True)]
        every = [bool((one.top < one.random_low)[inner].all()) for one, inner in zip(some, between, strict=True)]
        gaps = [one.gap for one in some]
        top, random = np.mean([np.array(one.at(0.1)) / one.top[0] for one in some], axis=0)
        print(
            f"  {words.format(some[0].unit)}: {sum(gap > 0 for gap in gaps)} of {len(some)} fall faster by the most "
            f"relevant than by random ones, {sum(below)} at every step, {sum(every)} also than by each single order; "
            f"area between the curves {np.mean(gaps):.3f} ({min(gaps):.3f} to {max(gaps):.3f}); without a tenth "
            f"{top:.3f} of the similarity against {random:.3f}"
        )


def all_pairs(name: str, readings: Sequence[Reading]) -> None:
    """Faithfulness and seconds of every pair of pages that have a match."""
    curves, harder, seconds, wholes = [], [], [], []
    for a, b in itertools.combinations(readings, 2):
        start = time.process_time()
        comparison = compare(a, b)
        comparison.to_dict()
        seconds.append(time.process_time() - start)
        if comparison.faithfulness is not None:
            curves.append(comparison.faithfulness)
        rival = glyph_faithfulness(comparison.glyph_matches, by_bigram=True)
        if rival is not None:
            harder.append((comparison.similarity, rival))
    pairs = sorted(itertools.combinations(readings, 2), key=lambda pair: -sum(len(r.numbers) for r in pair))[:10]
    for a, b in pairs:
        start = time.process_time()
        comparison = compare(a, b)
        comparison.to_dict(), comparison.assignment
        wholes.append(time.process_time() - start)
    report_faithfulness(name, curves)
    for words, least, most in (("below 0.97", 0.0, 0.97), ("from 0.97", 0.97, 2.0)):
        gaps = [one.gap for alike, one in harder if one.things >= FEW and least <= alike < most]
        if gaps:
            print(
                f"  against whole bigrams in random order, {len(gaps)} pairs with a similarity {words}: area "
                f"{np.mean(gaps):.3f} ({min(gaps):.3f} to {max(gaps):.3f})"
            )
    print(
        f"  compare after reading: mean {np.mean(seconds):.2f} CPU-s, slowest {max(seconds):.2f}; with the assignment, "
        f"the {len(wholes)} fullest pairs: mean {np.mean(wholes):.2f} CPU-s, slowest {max(wholes):.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=4, help="synthesized tables, in two editions each")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--vgg", type=int, default=2, help="pairs compared by VGG-16, too")
    parser.add_argument("--weights", type=Path, help="weights of VGG-16; random when left out")
    parser.add_argument("--sample", action="store_true", help="all pairs of the bundled sample corpus")
    parser.add_argument("--real", type=Path, help="all pairs of the scans in this folder")
    options = parser.parse_args()
    torch.set_num_threads(1)
    network = load_network()
    with tempfile.TemporaryDirectory() as folder:
        found = list(synthesized(Path(folder), options.tables, options.seed, network))
        places: list[Place] = []
        seconds: list[float] = []
        for pair, truths in found:
            start = time.process_time()
            pixels: PixelRelevance = compare(*pair).pixels(network)
            seconds.append(time.process_time() - start)
            places.append(place(pixels.left, pixels.left_marginal(), truths[0]))
            places.append(place(pixels.right, pixels.right_marginal(), truths[1]))
        report_places(places, seconds)
        chosen = found[: options.vgg]
        if chosen:
            report_vgg([compare_pixels(*pair, options.weights) for pair, _ in chosen], [truths for _, truths in chosen])
        all_pairs("synthesized pages", [reading for pair, _ in found for reading in pair])
    if options.sample:
        all_pairs("sample corpus", [network.read(scan) for scan in sorted(SAMPLE.glob("*.jpg"))])
    if options.real is not None:
        scans = sorted(path for path in options.real.iterdir() if path.suffix.lower() in {".jpg", ".png", ".tif"})
        all_pairs(f"scans in {options.real.name}", [network.read(scan) for scan in scans])


if __name__ == "__main__":
    main()
