"""The VGG benchmarks compare like with like: every way they time gives the same relevance."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn

from bilrp.features import VGG, random_projection

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def benchmark(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_way_gives_what_the_published_loop_gives() -> None:
    timed = benchmark("bilrp_vgg")
    model = VGG(16, 10)
    generator = torch.Generator().manual_seed(0)
    for layer in model.features:
        if isinstance(layer, nn.Conv2d) and layer.bias is not None:
            layer.bias.data = 0.1 * torch.randn(layer.bias.shape, generator=generator)
    x = timed.photograph(32)
    projection = random_projection(model.n_features(32, 32), 3)
    maps = {name: way(model, x, projection, 3) for name, way in timed.WAYS.items() if name != "autolrp"}
    assert maps["published"].shape == (3, 4, 4)
    for name, got in maps.items():
        torch.testing.assert_close(got, maps["published"], rtol=1e-3, atol=1e-4 * float(got.abs().max()), msg=name)


@pytest.mark.parametrize("lean", [False, True])
def test_only_the_published_loop_copies_and_computes_gradients_of_weights(
    lean: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    timed = benchmark("bilrp_vgg")
    copies: list[nn.Module] = []
    original = timed.changed

    def changed(layer: nn.Module, change: object) -> nn.Module:
        copies.append(original(layer, change))
        return copies[-1]

    monkeypatch.setattr(timed, "changed", changed)
    model = VGG(16, 3)
    timed.loop(model, timed.photograph(16), random_projection(model.n_features(16, 16), 4), 4, lean)
    given = {parameter.grad is not None for copy in copies for parameter in copy.parameters()}
    assert given == {not lean}
    each = 1 + 1 + 2  # the projection, the second convolution, and the first twice, for its two bounds
    assert len(copies) == (each if lean else 4 * each)


def test_what_is_matched_is_told_apart() -> None:
    matched = benchmark("bilrp_layers").matched
    table = torch.zeros(4, 4, 4, 4)
    for y in range(4):
        for x in range(2, 4):
            table[y, x, y, x - 2] = 3.0  # the same thing, two tiles further left in the second window
        table[y, 0, y, 0] = 6.0
        table[y, 0, y, 1] = -9.0
    assert matched(table, 16) == pytest.approx((0.5, 0.5, 8.0))
