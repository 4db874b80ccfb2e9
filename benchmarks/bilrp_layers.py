"""What VGG-16 matches at shallow, middle and deep layers: the experiment of the BiLRP paper, with shifts as the truth.

    python benchmarks/bilrp_layers.py [--weights vgg16.pth] [--shift 16] [--size 128] [--out FOLDER]

Two windows are cut from one photograph (scikit-learn's), the second some pixels further right, so that it is known
where each place of the first lies in the second. For the features after each pooling, all of them (the paper projects
them to 100 random dimensions to save time, which adds noise to every pair), this prints

alike       the cosine similarity of the first window with windows 8, 16 and 32 pixels further right, and with another
            photograph: the more invariant a layer is to shifts, the later it falls to that of the other photograph
matched     of the positive joint relevance of tiles of 8 x 8 for the shift that was asked: the share of pairs that show
            the same thing, of pairs at the same place in both windows, and how far apart the two places of a pair lie
            (pixels, mean weighted with relevance); "chance" is relevance spread evenly over all pairs
biases      the share of the similarity that biases keep

Features are compared place by place, so a shallow layer can match only what lies at the same place; with depth the
receptive fields grow, and pairs further apart take part. Whether those are pairs that show the same thing depends on
what the network has learned: without --weights the weights are random, and the output says so. --out draws the pairs of
each layer.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_sample_image
from torch import Tensor

from bilrp import BiLRP, JointRelevance
from bilrp.composites import vgg
from bilrp.features import VGG, normalize

LAYERS = (5, 10, 17, 24, 31)  # each ends with a pooling
SHIFTS = (8, 16, 32)
TILE = 8


def window(name: str, left: int, size: int) -> Tensor:
    """A square of a photograph at half its resolution, normalised: (1, 3, size, size)."""
    image = torch.from_numpy(load_sample_image(name).copy()).permute(2, 0, 1)[None].float() / 255
    half = torch.nn.functional.avg_pool2d(image, 2)
    if left + size > half.shape[3] or size > half.shape[2]:
        raise SystemExit(f"a window of {size} from column {left} leaves the photograph of {half.shape[3]} columns")
    return normalize(half[:, :, :size, left : left + size])


def matched(table: Tensor, shift: int) -> tuple[float, float, float]:
    """Shares of positive relevance (rows, columns, rows, columns) on the same thing and place; mean distance in px."""
    positive = table.clamp(min=0).double()
    y, x, v, u = np.meshgrid(*(np.arange(n) for n in positive.shape), indexing="ij")
    across, down = torch.from_numpy(u - x), torch.from_numpy(v - y)
    total = positive.sum()
    level = down == 0
    same_thing = positive[level & (across == -(shift // TILE))].sum() / total
    same_place = positive[level & (across == 0)].sum() / total
    distance = (positive * torch.hypot(across.double(), down.double())).sum() * TILE / total
    return float(same_thing), float(same_place), float(distance)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", help="a state dict of VGG-16 in torchvision's format; without it, random weights")
    parser.add_argument("--layers", type=int, nargs="+", default=list(LAYERS), choices=LAYERS)
    parser.add_argument("--shift", type=int, default=16, help=f"a multiple of {TILE}")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--out", type=Path, help="folder for a picture of each layer")
    options = parser.parse_args()
    if options.shift < TILE or options.shift % TILE:
        parser.error(f"--shift is {options.shift}, expected a multiple of {TILE}")
    torch.set_num_threads(1)
    left = 90
    x, y = (window("china.jpg", left + shift, options.size) for shift in (0, options.shift))
    shifted = [window("china.jpg", left + shift, options.size) for shift in SHIFTS]
    other = window("flower.jpg", left, options.size)
    print(VGG(16, 1, options.weights).provenance)
    heads = [*(f"{shift} px" for shift in SHIFTS), "other", "thing", "place", "px apart", "biases"]
    print(f"{'layer':8}" + "".join(f"{head:>10}" for head in heads) + f"   (matched: shift of {options.shift} px)")
    for n_layers in options.layers:
        model = VGG(16, n_layers, options.weights)
        with torch.no_grad():
            embeddings = [model(image) for image in (x, *shifted, other)]
        alike = [float(torch.cosine_similarity(embeddings[0], embedding)) for embedding in embeddings[1:]]
        explainer = BiLRP(model, vgg(), similarity="cosine")
        joint: JointRelevance = explainer.explain(x, y, pool=TILE)
        thing, place, apart = matched(joint.matrix(), options.shift)
        figures = "".join(f"{value:10.3f}" for value in (*alike, thing, place)) + f"{apart:10.1f}"
        print(f"{n_layers:<8}{figures}{joint.bias_share:10.1%}", flush=True)
        if options.out:
            options.out.mkdir(parents=True, exist_ok=True)
            joint.plot(x, y, path=options.out / f"layer{n_layers}.png")
    thing, place, apart = matched(torch.ones_like(joint.matrix()), options.shift)
    print(f"{'chance':8}{'':40}{thing:10.3f}{place:10.3f}{apart:10.1f}")


if __name__ == "__main__":
    main()
