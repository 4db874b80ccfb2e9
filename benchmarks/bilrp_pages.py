"""What networks look at on table pages: rules and layout, or digits. Two synthetic pages whose ink is known.

    python benchmarks/bilrp_pages.py [--size 192] [--dimensions 32] [--picture docs/bilrp/pages.png]

Two pages with the same ruled table and other numbers, set with `tablesim.synthesis.sheet`, so that it is known which
pixels are digits and which are rules (each with a margin of 2 pixels). For VGG-16 (layer 30, sum of the maps),
EfficientNet-lite0 (mean of the last maps) and the bigram network of `tablesim`: which share of the relevance of the
first page, without sign, lies on digits, on rules, on bare paper, and that share over the share of the page (how much
more than by chance). Trained networks: `benchmarks/trained.py`.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import trained
from PIL import Image
from torch import Tensor, nn

from bilrp import BiLRP
from bilrp.composites import vgg
from bilrp.exceptions import DoubtfulExplanationWarning
from bilrp.features import random_projection
from tablesim.evidence.matches.ink_relevance import explain_pixels
from tablesim.reader import load_network
from tablesim.synthesis.faces import FACES
from tablesim.synthesis.sheet import Sheet, style

MARGIN = 2
REGIONS = ("digits", "rules", "paper")


def table_page(size: int, seed: int) -> tuple[np.ndarray, dict[str, Tensor]]:
    """Grey pixels (size, size), 255 for paper, and masks of its digits, rules and paper."""
    rng = np.random.default_rng(seed)
    sheet = Sheet(size, size, rng)
    setting = style(FACES[next(iter(FACES))], 14, of="digits")
    columns, rows = np.linspace(12, size - 12, 5), np.linspace(12, size - 12, 7)
    rules = torch.zeros(size, size, dtype=torch.bool)
    for x in columns:
        sheet.rule(x, rows[0], x, rows[-1], 1)
        rules[:, int(x) - MARGIN : int(x) + MARGIN + 2] = True
    for y in (rows[0], rows[1], rows[-1]):
        sheet.rule(columns[0], y, columns[-1], y, 1)
        rules[int(y) - MARGIN : int(y) + MARGIN + 2] = True
    for right in columns[1:]:
        for bottom in rows[1:]:
            sheet.write(right - 8, bottom - 9, str(rng.integers(10, 100)), setting, anchor="right")
    digits = torch.zeros(size, size, dtype=torch.bool)
    for number in sheet.numbers:
        for digit in number.digits:
            box = digit.box
            top, left = max(int(box.y) - MARGIN, 0), max(int(box.x) - MARGIN, 0)
            digits[top : int(box.y + box.height) + MARGIN, left : int(box.x + box.width) + MARGIN] = True
    rules &= ~digits
    return 255 - sheet.ink, {"digits": digits, "rules": rules, "paper": ~(digits | rules)}


def shares(relevance: Tensor, masks: dict[str, Tensor]) -> dict[str, tuple[float, float]]:
    """Of each region the share of the relevance without sign, and how much that is over its share of the page."""
    size = relevance.abs()
    out = {}
    for name, mask in masks.items():
        share = float(size[mask].sum() / size.sum())
        out[name] = share, share / float(mask.double().mean())
    return out


class Summed(nn.Module):
    """The last maps of a network of ``features``, summed over the page."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.features = network.features

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.features(x).sum((2, 3))
        return out


def by_tiles(model: nn.Module, composite: object, pages: list[Tensor], dimensions: int) -> Tensor:
    """The relevance of the pixels of the first page, from pairs with the second."""
    with torch.no_grad():
        length = model(pages[0]).shape[1]
    explainer = BiLRP(model, composite, projection=random_projection(length, dimensions))
    return explainer.explain(*pages).left_marginal()


def by_bigrams(pages: list[np.ndarray]) -> Tensor:
    """The same of tablesim's bigram network, brought to the pixels of the page."""
    network = load_network()
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.png" for number in range(2)]
        for path, page in zip(paths, pages, strict=True):
            Image.fromarray(page).save(path)
        readings = [network.read(path) for path in paths]
        found = explain_pixels(network.digit_reader, *readings)
    print(f"bigram network, by its own regions: {found.by_region[0].words}")
    marginal = found.left_marginal()
    return F.interpolate(marginal.abs()[None, None], size=pages[0].shape, mode="area")[0, 0]


def draw(page: np.ndarray, maps: dict[str, Tensor], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(maps) + 1, figsize=(3 * (len(maps) + 1), 3.2))
    axes[0].imshow(page, cmap="gray")
    axes[0].set_title("the page", fontsize=9)
    for axis, (name, relevance) in zip(axes[1:], maps.items(), strict=True):
        smooth = F.avg_pool2d(relevance.abs()[None, None].float(), 5, 1, 2)[0, 0]
        axis.imshow(page, cmap="gray", alpha=0.3)
        axis.imshow(smooth, cmap="Reds", alpha=0.8, vmax=float(smooth.flatten().quantile(0.995)))
        axis.set_title(name, fontsize=9)
    for axis in axes:
        axis.axis("off")
    figure.tight_layout()
    figure.savefig(path, dpi=60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=192)
    parser.add_argument("--dimensions", type=int, default=32)
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", DoubtfulExplanationWarning)
    (first, masks), (second, _) = (table_page(options.size, seed) for seed in (1, 2))
    images = [torch.from_numpy(page).float().div(255).expand(1, 3, -1, -1).contiguous() for page in (first, second)]
    maps = {
        "bigram network": by_bigrams([first, second]),
        "VGG-16, layer 30": by_tiles(
            Summed(trained.vgg16(30)),
            vgg(trained.CAFFE_LOW, trained.CAFFE_HIGH),
            [trained.caffe(image) for image in images],
            options.dimensions,
        ),
        "EfficientNet-lite0": by_tiles(
            trained.efficientnet(), "mobilenet", [trained.lite(image) for image in images], options.dimensions
        ),
    }
    print("share of the relevance (and how much more than the region's share of the page)")
    print("| network | " + " | ".join(REGIONS) + " |\n" + "|---" * (len(REGIONS) + 1) + "|")
    print("| the page itself | " + " | ".join(f"{float(masks[name].double().mean()):.2f}" for name in REGIONS) + " |")
    for name, relevance in maps.items():
        found = shares(relevance, masks)
        print(f"| {name} | " + " | ".join(f"{found[r][0]:.2f} ({found[r][1]:.1f} x)" for r in REGIONS) + " |")
    if options.picture:
        draw(first, maps, options.picture)


if __name__ == "__main__":
    main()
