"""What BiLRP on VGG-16 costs: the loop of the published code against this library, at full resolution and pooled.

    python benchmarks/bilrp_vgg.py [--weights vgg16.pth] [--dimensions N] [--layers 17 31] [--size 128]

VGG-16 up to layers 17 and 31 with a random projection to 100 dimensions, zB at the pixels and the paper's gammas above,
one photograph (scikit-learn's) of 128 x 128. Each way runs in a process of its own, on one thread:

published   one dimension at a time: a forward pass, every layer copied, gradients for its weights as well
leaner      one dimension at a time: one forward pass for all, layers changed once, no gradients for weights
autolrp     autoLRP 0.2.0, where it is installed: for each dimension a forward pass and LRP on autograd's graph, with
            one gamma for all convolutions, so that its numbers differ
full        explain_outputs(...): maps of full resolution, channels summed
pooled      explain_outputs(..., pool=8): sums over tiles of 8 x 8, without maps of full resolution

Printed are CPU-seconds of one run, how many times faster than the published loop that is, the greatest memory of the
process, and by how much the pooled relevance differs from the published loop's, relative to its greatest value.
``--dimensions 10`` lets the loops do ten dimensions and multiplies their time by ten: they do the same for each.

The second table is what biases keep, which the published code loses without a word: random weights, and random biases
from N(0, 0.1^2) in place of zeros; the similarity of the photograph and its mirror image, the sum of its relevance, and
for a few dimensions what the published loop lacks.
"""

from __future__ import annotations

import argparse
import copy
import importlib.util
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_sample_image
from torch import Tensor, nn

from bilrp import BiLRP, explain_outputs
from bilrp.composites import IMAGENET_HIGH, IMAGENET_LOW, vgg
from bilrp.features import VGG, normalize, random_projection
from bilrp.joint import tile_sums

DIMENSIONS, TILE = 100, 8
FEW = 4  # dimensions in which the published loop's loss is looked at
SPREAD = 0.1  # standard deviation of the random biases
GAMMAS = ((10, 0.5), (17, 0.25), (24, 0.1))  # up to which index of `features`, with which gamma; 0 above


def photograph(size: int) -> Tensor:
    """A square of scikit-learn's photograph of a temple, normalised: (1, 3, size, size)."""
    image = torch.from_numpy(load_sample_image("china.jpg").copy()).permute(2, 0, 1)[None].float() / 255
    square = image[:, :, 0:256, 150:406]
    return normalize(nn.functional.interpolate(square, size=(size, size), mode="area"))


def changed(layer: nn.Module, change: Callable[[Tensor], Tensor]) -> nn.Module:
    """A copy of a layer with other weights and biases."""
    layer = copy.deepcopy(layer)
    for name, parameter in layer.named_parameters():
        setattr(layer, name, nn.Parameter(change(parameter)))
    return layer


def gamma_of(index: int) -> float:
    return next((gamma for last, gamma in GAMMAS if index <= last), 0.0)


def projecting(projection: Tensor) -> nn.Module:
    layer = nn.Linear(projection.shape[1], projection.shape[0], bias=False)
    layer.weight = nn.Parameter(projection)
    return layer


def way_down(layer: nn.Module, a: Tensor, relevance: Tensor, index: int, make: Callable[..., nn.Module]) -> Tensor:
    """One layer of the published way, by automatic differentiation of z times (relevance / z) held fixed."""
    a = a.detach().requires_grad_()
    if index > 0:
        gamma = gamma_of(index)
        z = make(layer, lambda p: p + gamma * p.clamp(min=0))(a) + 1e-9
        (z * (relevance / z).detach()).sum().backward()
        return (a * a.grad).detach()
    low, high = (
        torch.tensor(bounds).reshape(1, 3, 1, 1).expand_as(a).clone().requires_grad_()
        for bounds in (IMAGENET_LOW, IMAGENET_HIGH)
    )
    z = layer(a) - make(layer, lambda p: p.clamp(min=0))(low) - make(layer, lambda p: p.clamp(max=0))(high)
    (z * (relevance / (z + 1e-6)).detach()).sum().backward()
    return (a * a.grad + low * low.grad + high * high.grad).detach()


def loop(model: VGG, x: Tensor, projection: Tensor, dimensions: int, lean: bool) -> Tensor:
    """One dimension at a time: relevance of the pixels (dimensions, H, W), channels summed."""
    layers = [*model.features, nn.Flatten(), projecting(projection)]
    for layer in layers:
        if isinstance(layer, nn.ReLU):
            layer.inplace = False
        layer.requires_grad_(not lean)
    known: dict[tuple[int, tuple[float, ...]], nn.Module] = {}

    def once(layer: nn.Module, change: Callable[[Tensor], Tensor]) -> nn.Module:
        key = id(layer), tuple(change(torch.tensor([1.0, -1.0])).tolist())
        if key not in known:
            known[key] = changed(layer, change).requires_grad_(False)
        return known[key]

    def forward() -> list[Tensor]:
        values = [x]
        for layer in layers:
            values.append(layer(values[-1]).detach())
        return values

    values = forward()
    out = []
    for k in range(dimensions):
        if not lean:
            values = forward()
        relevance = torch.zeros_like(values[-1])
        relevance[0, k] = values[-1][0, k]
        for index in reversed(range(len(layers))):
            layer = layers[index]
            if isinstance(layer, nn.Flatten):
                relevance = relevance.reshape(values[index].shape)
            elif not isinstance(layer, nn.ReLU):
                place = 10**6 if isinstance(layer, nn.Linear) else index
                relevance = way_down(layer, values[index], relevance, place, once if lean else changed)
        out.append(relevance[0].sum(0))
    return torch.stack(out)


def autolrp_loop(model: VGG, x: Tensor, projection: Tensor, dimensions: int) -> Tensor:
    """The same by autoLRP, as its recipe for BiLRP does one side: relevance of the pixels (dimensions, H, W)."""
    import autolrp  # type: ignore[import-not-found, unused-ignore]

    box = {"low": min(IMAGENET_LOW), "high": max(IMAGENET_HIGH)}
    rules = {**autolrp.BASE, "input_conv": ("zbox", box), "ConvolutionBackward": ("gamma_montavon", {"gamma": 0.25})}
    config = autolrp.LRPConfig(rule=rules)
    model.requires_grad_(False)
    out = []
    for k in range(dimensions):
        image = autolrp.tensor(x)
        (model(image).flatten(1) @ projection.T)[0, k].lrp(config=config)
        out.append(image.relevance[0].sum(0))
    return torch.stack(out)


WAYS: dict[str, Callable[[VGG, Tensor, Tensor, int], Tensor]] = {
    "published": lambda model, x, p, n: tile_sums(loop(model, x, p, n, lean=False), TILE),
    "leaner": lambda model, x, p, n: tile_sums(loop(model, x, p, n, lean=True), TILE),
    "autolrp": lambda model, x, p, n: tile_sums(autolrp_loop(model, x, p, n), TILE),
    "full": lambda model, x, p, n: tile_sums(
        explain_outputs(model, x, vgg(), projection=p, reduce=lambda maps: maps.sum(2)).values, TILE
    ),
    "pooled": lambda model, x, p, n: explain_outputs(model, x, vgg(), projection=p, pool=TILE).values,
}


LOOPS = {"published", "leaner", "autolrp"}  # one dimension at a time


def measure(way: str, options: argparse.Namespace, layers: int) -> dict[str, float | str]:
    """One way in this process: CPU-seconds, memory; the pooled relevance goes to a file."""
    model = VGG(16, layers, options.weights)
    x = photograph(options.size)
    projection = random_projection(model.n_features(*x.shape[2:]), DIMENSIONS)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    relevance = WAYS[way](model, x, projection, options.dimensions)
    seconds = time.process_time() - start
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    np.save(options.keep, relevance.numpy())
    kibibytes = 1 if sys.platform.startswith("linux") else 1 / 1024
    return {
        "seconds": seconds,
        "before": before * kibibytes / 1024,
        "after": after * kibibytes / 1024,
        "model": model.provenance,
    }


def compare(options: argparse.Namespace) -> None:
    """Every way in a process of its own, and the table."""
    share = DIMENSIONS / options.dimensions
    print(f"VGG-16, {options.size} x {options.size}, {DIMENSIONS} dimensions, one image, one thread")
    if share != 1:
        print(f"the loops did {options.dimensions} dimensions; their seconds are multiplied by {share:g}")
    with tempfile.TemporaryDirectory() as folder:
        for layers in options.layers:
            title = f"to layer {layers}"
            print(f"{title:12} {'CPU s':>8} {'faster':>8} {'memory MB':>10} {'of it before':>13} {'differs':>9}")
            maps: dict[str, np.ndarray] = {}
            published = 0.0
            for way in WAYS:
                if way == "autolrp" and importlib.util.find_spec("autolrp") is None:
                    continue
                keep = Path(folder, f"{way}.npy")
                command = [sys.executable, __file__, "--way", way, "--layers", str(layers), "--keep", str(keep)]
                command += ["--dimensions", str(options.dimensions), "--size", str(options.size)]
                command += ["--weights", options.weights] if options.weights else []
                found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
                seconds = found["seconds"] * (share if way in LOOPS else 1)
                published = published or seconds
                maps[way] = np.load(keep)[: options.dimensions]
                difference = np.abs(maps[way] - maps["published"]).max() / np.abs(maps["published"]).max()
                print(
                    f"{way:12} {seconds:8.2f} {published / seconds:8.1f} {found['after']:10.0f} "
                    f"{found['before']:13.0f} {difference:9.1e}"
                )
            print(f"({found['model']})")


def lost(options: argparse.Namespace) -> None:
    """The share of the similarity that biases keep, beside what the sum of the published loop's relevance lacks."""
    few = f"first {FEW} dimensions"
    print(f"\n{'random biases':14} {'similarity':>12} {'relevance':>12} {'bias_share':>11} | {few}: lost by published")
    x = photograph(options.size)
    for layers in options.layers:
        model = VGG(16, layers)
        generator = torch.Generator().manual_seed(0)
        for layer in model.features:
            if isinstance(layer, nn.Conv2d) and layer.bias is not None:
                layer.bias.data = SPREAD * torch.randn(layer.bias.shape, generator=generator)
        projection = random_projection(model.n_features(*x.shape[2:]), DIMENSIONS)
        joint = BiLRP(model, vgg(), projection=projection).explain(x, x.flip(3), pool=TILE)
        first = [embedding[:FEW] for embedding in (joint.left_embedding, joint.right_embedding)]
        ours, published = (
            1 - float(left.flatten(1).sum(1) @ right.flatten(1).sum(1) / (first[0] @ first[1]))
            for left, right in (
                (joint.left[:FEW], joint.right[:FEW]),
                [loop(model, image, projection, FEW, lean=False) for image in (x, x.flip(3))],
            )
        )
        print(
            f"to layer {layers:<5} {joint.similarity:12.4g} {joint.total():12.4g} {joint.bias_share:11.0%} | "
            f"bias_share {ours:.1%}, lost {published:.1%}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", help="a state dict of VGG-16 in torchvision's format; without it, random weights")
    parser.add_argument("--dimensions", type=int, default=DIMENSIONS, help="that the loops do, 1 to 100")
    parser.add_argument("--layers", type=int, nargs="+", default=[17, 31])
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--way", choices=list(WAYS), help=argparse.SUPPRESS)
    parser.add_argument("--keep", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not 1 <= options.dimensions <= DIMENSIONS:
        parser.error(f"--dimensions is {options.dimensions}, expected 1 to {DIMENSIONS}")
    torch.set_num_threads(1)
    if options.way:
        print(json.dumps(measure(options.way, options, options.layers[0])))
        return
    compare(options)
    lost(options)


if __name__ == "__main__":
    main()
