"""The same numbers on another device, and nothing in the loop that waits for it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from bilrp import BiLRP
from bilrp._engine import tiled
from bilrp._engine.propagation import make_plan, propagate_to
from bilrp._trace.recorder import frozen_eval, record
from bilrp.canonizers import canonize, fold_batch_norm
from bilrp.composites import Composite
from bilrp.features import random_projection
from bilrp.testing import resnet

DEVICES = [
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU is at hand")),
    "cpu",
]


def mobile() -> nn.Sequential:
    """Depthwise convolutions, strides, concatenation by none: what a MobileNet is made of."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = [nn.Conv2d(3, 8, 3, 2, 1), nn.SiLU(), nn.Conv2d(8, 8, 3, 2, 1, groups=8), nn.ReLU6()]
        model = nn.Sequential(*layers, nn.Conv2d(8, 12, 1), nn.MaxPool2d(2), nn.Flatten())
    return model.double().eval()


def images() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    first, second = torch.rand(2, 1, 3, 40, 32, generator=generator, dtype=torch.float64)
    return first, second


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("pool", [None, 8])
@pytest.mark.parametrize("make", [resnet, mobile])
@pytest.mark.parametrize("composite", ["epsilon-plus", "epsilon-alpha2-beta1"])
def test_every_device_gives_the_same(make: Any, composite: str, pool: int | None, device: str) -> None:
    model, (x, y) = make(), images()
    projection = random_projection(model(x).shape[1], 5).double()
    expected = BiLRP(model, composite, projection=projection).explain(x, y)
    expected = expected if pool is None else expected.pool(pool)
    explainer = BiLRP(model.to(device), composite, projection=projection.to(device))
    got = explainer.explain(x.to(device), y.to(device), pool=pool)
    assert got.left.device.type == device
    torch.testing.assert_close(got.left.cpu(), expected.left, rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(got.right.cpu(), expected.right, rtol=1e-8, atol=1e-10)
    assert got.bias_share == pytest.approx(expected.bias_share, rel=1e-8, abs=1e-9)
    assert [pair[:4] for pair in got.top_pairs(20)] == [pair[:4] for pair in expected.top_pairs(20)]


class Waits(TorchDispatchMode):
    """Counts reads of single numbers, and copies to another device: a GPU stands still for each."""

    n = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.n += func in (torch.ops.aten._local_scalar_dense.default, torch.ops.aten._to_copy.default)
        if func is torch.ops.aten._to_copy.default and (kwargs or {}).get("device") is None:
            self.n -= 1  # another precision
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("make", [resnet, mobile])
def test_no_step_waits_for_the_device(make: Any) -> None:
    """Rules read what they need when they are made ready; from then on chunk after chunk is sent."""
    model, (x, _) = make(), images()
    with frozen_eval(model, x.device):
        plan = make_plan(canonize(record(model, x), [fold_batch_norm]), Composite.ensure("epsilon-plus"))
        lifts = tiled.lifts_of(plan)
        meeting = tiled.JunctionPlan(plan, lifts[:5], tiled.Tiles(8, 40, 32), 8)
        top = tiled.Top(plan.embedding[0], None)
        propagate_to(plan, top(range(2)))
        with Waits() as watch:
            assert float(torch.ones(1)) == 1.0
        assert watch.n == 1  # it would see them
        with Waits() as watch:
            propagate_to(plan, top(range(2, 4)))
            meeting.collect([propagate_to(plan, top(range(2, 4)), len(plan.steps) - 5)])
        assert watch.n == 0
