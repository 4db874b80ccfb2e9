"""Methods for pairs on views of a photograph whose truth is known: what each finds, keeps, and costs.

    python benchmarks/bilrp_methods.py [--photograph cat] [--dimensions 16] [--layer 24] [--steps 4] [--methods ...]

VGG-16 (`benchmarks/trained.py`) up to a layer of ``features``, flattened, a random projection; pairs of views of 128 x
128 pixels as in `benchmarks/bilrp_trained.py`, relevance of pairs of 8 x 8 tiles. For each method: the share of the 50
strongest pairs at the true place; how far the sum is from the similarity; the agreement (cosine) with the exact Shapley
interactions of 2 x 2 tiles of 64 pixels (index "product", mean grey for what is away; 32 passes; ``--coarse 6`` has 3 x
3 tiles and 1,024 passes); the gap of the deletion curve over 20 pairs of tiles; CPU-seconds for one pair.

ours                 preset `vgg` with Caffe's bounds, pool=8
zennit               the same rules in zennit (one backward pass for each dimension), joined as BiLRP
autoLRP              `autolrp.recipes.bilrp`: zB at the pixels (one bound for all channels), gamma 0.25 at convolutions
integrated Jacobians, hessian x product, gradient x input    `bilrp.baselines`
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import torch
import trained
from torch import Tensor, nn

from bilrp import BiLRP
from bilrp.baselines import GradientProduct, HessianProduct, IntegratedJacobians, ShapleyInteraction
from bilrp.composites import vgg
from bilrp.evaluation import agreement, pair_flipping, place_pairs, pointing_game
from bilrp.features import random_projection
from bilrp.joint import tile_sums

TILE = 8
GAMMAS = ((10, 0.5), (17, 0.25), (24, 0.1))  # of the preset, by index in ``features``
Method = Callable[[Tensor, Tensor], Tensor]


class Projected(nn.Module):
    """A network and a projection of its embedding, as one."""

    def __init__(self, network: nn.Module, projection: Tensor) -> None:
        super().__init__()
        self.network = network
        self.projection = nn.Linear(projection.shape[1], projection.shape[0], bias=False)
        self.projection.weight = nn.Parameter(projection)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.projection(self.network(x))
        return out


def bounds() -> tuple[Tensor, Tensor]:
    low, high = (torch.tensor(b).reshape(1, 3, 1, 1) for b in (trained.CAFFE_LOW, trained.CAFFE_HIGH))
    return low, high


def tiled(maps: Tensor) -> Tensor:
    """(K, 3, H, W) to sums over channels and tiles."""
    return tile_sums(maps.sum(1), TILE)


def by_zennit(model: Projected) -> Method:
    from zennit.composites import NameMapComposite
    from zennit.rules import Epsilon, Gamma, Pass, ZBox

    names: list[tuple[list[str], Any]] = []
    for index, layer in enumerate(model.network.features):
        name = f"network.features.{index}"
        if index == 0:
            names.append(([name], ZBox(*bounds())))
        elif isinstance(layer, nn.Conv2d):
            gamma = next((g for last, g in GAMMAS if index <= last), 0.0)
            names.append(([name], Gamma(gamma) if gamma else Epsilon(1e-9)))
        elif isinstance(layer, nn.ReLU):
            names.append(([name], Pass()))
    names.append((["projection"], Epsilon(1e-9)))
    composite = NameMapComposite(names)

    def factor(x: Tensor) -> Tensor:
        with composite.context(model) as changed:
            rows = []
            for m in range(model.projection.out_features):
                leaf = x.clone().requires_grad_()
                out = changed(leaf)
                top = torch.zeros_like(out)
                top[0, m] = out[0, m].detach()
                rows.append(torch.autograd.grad(out, leaf, top)[0])
        return tiled(torch.cat(rows))

    return lambda x, y: torch.einsum("mab,mcd->abcd", factor(x), factor(y))


def by_autolrp(model: Projected) -> Method:
    from autolrp import BASE, LRPConfig
    from autolrp.recipes import bilrp

    rules = {**BASE, "ConvolutionBackward": ("gamma", {"gamma": 0.25})}
    rules["input_conv"] = (
        "zbox",
        {"low": min(trained.CAFFE_LOW), "high": max(trained.CAFFE_HIGH)},
    )  # takes no channels

    def method(x: Tensor, y: Tensor) -> Tensor:
        table = bilrp(model, x, y, reduce_each=lambda r: tiled(r).flatten(1), config=LRPConfig(rule=rules))
        n = x.shape[-1] // TILE
        return table.detach().reshape(n, n, n, n)

    return method


def methods(network: nn.Module, projection: Tensor, steps: int) -> dict[str, Method]:
    ours = BiLRP(network, vgg(trained.CAFFE_LOW, trained.CAFFE_HIGH), projection=projection)
    both = Projected(network, projection)

    def of_baseline(baseline: Any) -> Method:
        return lambda x, y: baseline.table(x, y, TILE)

    return {
        "ours": lambda x, y: ours.explain(x, y, pool=TILE).matrix(),
        "zennit": by_zennit(both),
        "autoLRP": by_autolrp(both),
        "integrated Jacobians": of_baseline(IntegratedJacobians(network, projection=projection, steps=steps)),
        "hessian x product": of_baseline(HessianProduct(network, projection=projection)),
        "gradient x input": of_baseline(GradientProduct(network, projection=projection)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photograph", default="cat", choices=list(trained.PHOTOGRAPHS))
    parser.add_argument("--dimensions", type=int, default=16)
    parser.add_argument("--layer", type=int, default=24)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--coarse", type=int, default=8, help="tiles along a place of the Shapley interactions")
    parser.add_argument("--kinds", nargs="+", default=["same", "shifted 2", "mirrored", "zoomed"])
    parser.add_argument("--methods", nargs="+")
    parser.add_argument("--without-shapley", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    network = trained.vgg16(options.layer)
    projection = random_projection(network.n_features(128, 128), options.dimensions)
    pairs = trained.known_pairs(options.photograph, tile=TILE)
    views = {kind: (trained.caffe(pairs[kind][0]), trained.caffe(pairs[kind][1])) for kind in options.kinds}
    truth: dict[str, Tensor] = {}
    if not options.without_shapley:
        shapley = ShapleyInteraction(network, projection=projection, tile=TILE * options.coarse)
        truth = {kind: shapley.explain(*views[kind]).matrix() for kind in ("shifted 2",)}
    rows = []
    for name, method in methods(network, projection, options.steps).items():
        if options.methods and name not in options.methods:
            continue
        row: dict[str, Any] = {"method": name}
        for kind, (x, y) in views.items():
            began = time.process_time()
            table = method(x, y)
            row["seconds"] = time.process_time() - began
            grid = tuple(table.shape[:2]), tuple(table.shape[2:])
            row[kind] = pointing_game(table, place_pairs(*grid, pairs[kind][2])).share
            with torch.no_grad():
                similarity = float(projection @ network(x)[0] @ (projection @ network(y)[0]))
            row[f"missing {kind}"] = 1 - float(table.sum()) / similarity
            if kind in truth:
                coarse = tile_sums(tile_sums(table, options.coarse).permute(2, 3, 0, 1), options.coarse).permute(
                    2, 3, 0, 1
                )
                row["agreement with Shapley"] = agreement(coarse, truth[kind])
            if kind == "shifted 2":
                flipping = pair_flipping(Projected(network, projection), x, y, table, n_pairs=20, repeats=2)
                row["gap"] = flipping.gap
        rows.append(row)
        print(json.dumps(row), flush=True)
    keys = [key for key in rows[0] if key != "method"]
    print("| method | " + " | ".join(keys) + " |\n" + "|---" * (len(keys) + 1) + "|")
    for row in rows:
        print(f"| {row['method']} | " + " | ".join(f"{row.get(key, float('nan')):.2f}" for key in keys) + " |")


if __name__ == "__main__":
    main()
