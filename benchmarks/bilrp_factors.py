"""All pairs of N images from N explanations of one side: passes counted, numbers compared, against one pair at a time.

    python benchmarks/bilrp_factors.py [--images 100] [--size 48] [--dimensions 16]

A network of four convolutions with random weights. Single explanations take two passes a pair; of the 4,950 pairs of
100 images a sample (--checked) is explained one by one, by a loop that shares nothing with factors but the engine.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import bilrp
from bilrp._engine import propagation


def network(dimensions: int) -> nn.Module:
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for c, d in ((3, 16), (16, 16), (16, 32), (32, 32)):
        layers += [nn.Conv2d(c, d, 3, padding=1), nn.ReLU()] + ([nn.MaxPool2d(2)] if d > c or c == 16 else [])
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, dimensions)).eval()


class Counter:
    """How often the network ran, and how many rows of relevance went down, counted where it happens."""

    def __init__(self, model: nn.Module) -> None:
        self.forward = self.backward = 0
        self._model = model
        self._propagate = propagation.propagate

    def __enter__(self) -> Counter:
        self._hook = self._model.register_forward_hook(self._ran)
        for module in (bilrp.outputs, bilrp.batches):
            vars(module)["propagate"] = self.propagate
        return self

    def __exit__(self, *_: object) -> None:
        self._hook.remove()
        for module in (bilrp.outputs, bilrp.batches):
            vars(module)["propagate"] = self._propagate

    def _ran(self, *_: object) -> None:
        self.forward += 1

    def propagate(self, plan: Any, relevance: Tensor, *rest: Any) -> Tensor:
        self.backward += len(relevance)
        return self._propagate(plan, relevance, *rest)


def single(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """One pair by itself: two explanations of outputs, and their product."""
    left, right = (bilrp.explain_outputs(model, side, "gamma", warn=False).values.sum(1) for side in (x, y))
    return torch.einsum("mij,mkl->ijkl", *(bilrp.joint.tile_sums(maps, 8) for maps in (left, right)))


def _apart(table: Tensor, expected: Tensor) -> float:
    return float((table - expected).abs().max() / expected.abs().max())


def measure(images: int, size: int, dimensions: int, checked: int = 20, batch: int = 10) -> dict[str, Any]:
    """Passes and seconds of both ways, and how far their numbers are apart."""
    model = network(dimensions)
    x = torch.rand(images, 3, size, size, generator=torch.Generator().manual_seed(1)).split(1)
    explainer = bilrp.BiLRP(model, "gamma")
    n_pairs = images * (images - 1) // 2

    started = time.process_time()
    with Counter(model) as shared, tempfile.TemporaryDirectory() as folder:
        factors = bilrp.save_factors((f.pool(8) for f in explainer.factors(x)), Path(folder) / "factors")
        tables = {(i, j): joint.matrix() for i, j, joint in bilrp.all_pairs(factors)}
    seconds = time.process_time() - started

    chosen = random.Random(0).sample(sorted(tables), min(checked, n_pairs))
    started = time.process_time()
    with Counter(model) as alone:
        expected = {(i, j): single(model, x[i], x[j]) for i, j in chosen}
    alone_seconds = (time.process_time() - started) * n_pairs / len(chosen)
    scale = n_pairs / len(chosen)

    started = time.process_time()
    together = [f.pool(8) for f in explainer.factors(x, batch_size=batch)]
    batch_seconds = time.process_time() - started
    apart = max(_apart(tables[pair], table) for pair, table in expected.items())
    batched = max(_apart((together[i] @ together[j]).matrix(), table) for (i, j), table in expected.items())
    return {
        "images": images,
        "pairs": len(tables),
        "forward passes": shared.forward,
        "forward passes, single": round(alone.forward * scale),
        "backward rows": shared.backward,
        "backward rows, single": round(alone.backward * scale),
        "times fewer": round(alone.forward * scale / shared.forward, 1),
        "largest difference, of the largest entry": apart,
        f"largest difference, batches of {batch}": batched,
        "CPU-seconds, with disk": round(seconds, 2),
        f"CPU-seconds of the factors in batches of {batch}": round(batch_seconds, 2),
        f"CPU-seconds, single (from {len(chosen)} pairs)": round(alone_seconds, 1),
        "pairs compared": len(chosen),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--size", type=int, default=48)
    parser.add_argument("--dimensions", type=int, default=16)
    parser.add_argument("--checked", type=int, default=20)
    settings = parser.parse_args()
    torch.set_num_threads(1)
    print(json.dumps(measure(settings.images, settings.size, settings.dimensions, settings.checked), indent=2))
