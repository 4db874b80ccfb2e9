"""The rules against zennit's, on a network with residual sums and batch norms (float64), where zennit is installed."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bilrp import Composite, explain_outputs
from bilrp.composites import FIRST, OfKind, Typed
from bilrp.rules import AlphaBeta, Epsilon, Gamma, Rule, SumShare, WSquare, ZBox, ZPlus

zennit = pytest.importorskip("zennit", reason="needs zennit")

from zennit import rules as theirs  # noqa: E402
from zennit.canonizers import SequentialMergeBatchNorm  # noqa: E402
from zennit.composites import LayerMapComposite, SpecialFirstLayerMapComposite  # noqa: E402
from zennit.layer import Sum  # noqa: E402
from zennit.types import Activation, AvgPool, Convolution, Linear  # noqa: E402

EPS = 1e-12


class Block(nn.Module):
    """Two convolutions beside a strided one, as in ResNet, with modules throughout as zennit needs them."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(n_in, n_out, 3, 2, 1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False), nn.BatchNorm2d(n_out))
        self.skip = nn.Sequential(nn.Conv2d(n_in, n_out, 1, 2, bias=False), nn.BatchNorm2d(n_out))
        self.sum, self.relu = Sum(), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        both = torch.stack([self.second(self.first(x)), self.skip(x)], dim=-1)
        out: Tensor = self.relu(self.sum(both))
        return out


@pytest.fixture(scope="module")
def network() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        stem = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2))
        blocks = (Block(4, 6), Block(6, 8))
        model = nn.Sequential(stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)).double()
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = 1e-300  # zennit leaves it in a batch norm that it has merged
                for tensor, low in ((module.weight, 0.5), (module.running_var, 0.5), (module.bias, -0.5)):
                    nn.init.uniform_(tensor, low, low + 1)  # type: ignore[arg-type]
    return model.eval()


CASES: dict[str, tuple[Rule, Any, tuple[Rule, Any] | None]] = {
    "gamma": (Gamma(0.25, eps=EPS), theirs.Gamma(0.25, stabilizer=EPS), None),
    "gamma and box": (
        Gamma(0.25, eps=EPS),
        theirs.Gamma(0.25, stabilizer=EPS),
        (ZBox(-2.0, 2.0, eps=EPS), theirs.ZBox(-2.0, 2.0, stabilizer=EPS)),
    ),
    "much gamma": (Gamma(100.0, eps=EPS), theirs.Gamma(100.0, stabilizer=EPS), None),
    "z+ and w-square": (
        ZPlus(eps=EPS),
        theirs.ZPlus(stabilizer=EPS),
        (WSquare(eps=EPS), theirs.WSquare(stabilizer=EPS, zero_params="bias")),
    ),
    "alpha-beta": (AlphaBeta(2.0, 1.0, eps=EPS), theirs.AlphaBeta(2.0, 1.0, stabilizer=EPS), None),
    "epsilon": (Epsilon(EPS), theirs.Epsilon(EPS), None),
}


@pytest.mark.parametrize("name", CASES)
def test_equals_zennit(network: nn.Module, name: str) -> None:
    rule, hook, first = CASES[name]
    x = 4 * torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1), dtype=torch.float64) - 2
    entries = [(Typed(nn.Linear), Epsilon(EPS)), (OfKind("linear"), rule), (OfKind("sum"), SumShare(eps=EPS))]
    composite = Composite(([(FIRST, first[0])] if first else []) + entries)  # type: ignore[operator]
    got = explain_outputs(network, x, composite, warn=False).values

    layers = [(Activation, theirs.Pass()), (Sum, theirs.Norm(EPS)), (AvgPool, theirs.Norm(EPS))]
    layers += [(Convolution, hook), (Linear, theirs.Epsilon(EPS))]
    canonizers = [SequentialMergeBatchNorm()]
    hooks = (
        SpecialFirstLayerMapComposite(layers, [(Convolution, first[1])], canonizers=canonizers)
        if first
        else LayerMapComposite(layers, canonizers=canonizers)
    )
    rows = []
    with hooks.context(network) as hooked:
        for k in range(3):
            leaf = x.clone().requires_grad_()
            out = hooked(leaf)
            rows.append(torch.autograd.grad(out, leaf, out.detach() * torch.eye(3, dtype=torch.float64)[k])[0])
    expected = torch.cat(rows)
    torch.testing.assert_close(got, expected, rtol=1e-8, atol=1e-8 * float(expected.abs().max()))
