"""A value multiplied with, or divided by, a spread of itself is one norm, however it is written (float64)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bilrp import explain_outputs
from bilrp._trace.operations import OperationContexts
from bilrp._trace.recorder import record

Operation = Callable[[Tensor], Tensor]
WEIGHT = torch.tensor([0.5, -1.5, 1.0, 2.0, 0.3, 0.9]).double()
EPS = 1e-6


def mean_square(x: Tensor) -> Tensor:
    return x.pow(2).mean(-1, keepdim=True)


def variance(x: Tensor) -> Tensor:
    return torch.var(x, -1, keepdim=True, correction=0)


def as_llama(x: Tensor) -> Tensor:
    kept = x.dtype
    y = x.to(torch.float32)
    return (y * torch.rsqrt(mean_square(y) + EPS)).to(kept)


def with_moments(x: Tensor) -> Tensor:
    spread, mean = torch.var_mean(x, dim=-1, keepdim=True, correction=0)
    return (x - mean) * (spread + EPS).rsqrt()


def in_place(x: Tensor) -> Tensor:
    y = x.clone()
    y *= torch.rsqrt(mean_square(x) + EPS)
    return y


def without_keepdim(x: Tensor) -> Tensor:
    return x * (x.square().mean(-1) + EPS).rsqrt().unsqueeze(-1)


RMS: dict[str, Operation] = {
    "module": nn.RMSNorm(6, eps=EPS, elementwise_affine=False),
    "rsqrt": lambda x: x * torch.rsqrt(mean_square(x) + EPS),
    "rsqrt first": lambda x: torch.rsqrt(mean_square(x) + EPS) * x,
    "power": lambda x: x * (mean_square(x) + EPS).pow(-0.5),
    "power of a tensor": lambda x: x * torch.pow(mean_square(x) + EPS, torch.tensor(-0.5)),
    "square root": lambda x: x / torch.sqrt(mean_square(x) + EPS),
    "half power": lambda x: x / (mean_square(x) + EPS) ** 0.5,
    "reciprocal": lambda x: x * (mean_square(x) + EPS).sqrt().reciprocal(),
    "one over": lambda x: x * (1 / (mean_square(x) + EPS).sqrt()),
    "tensor over": lambda x: x * (torch.ones(1, dtype=x.dtype) / (mean_square(x) + EPS).sqrt()),
    "a sum over n": lambda x: x * torch.rsqrt((x * x).sum(-1, keepdim=True) / 6 + EPS),
    "absolute square": lambda x: x * torch.rsqrt(x.abs().square().mean(-1, keepdim=True) + EPS),
    "einsum": lambda x: x * torch.rsqrt(torch.einsum("btc,btc->bt", x, x)[..., None] / 6 + EPS),
    "matrix product": lambda x: x * torch.rsqrt((x[..., None, :] @ x[..., :, None])[..., 0] / 6 + EPS),
    "expanded": lambda x: x * torch.rsqrt(mean_square(x) + EPS).expand_as(x),
    "without keepdim": without_keepdim,
    "in place": in_place,
    "with casts": lambda x: as_llama(x.float()).double(),
    "weight before": lambda x: (x * 2.0) * torch.rsqrt(mean_square(x) + EPS) / 2.0,
    "out of groups": lambda x: (x.view(1, 4, 1, 6) * torch.rsqrt(x.view(1, 4, 1, 6).pow(2).mean(-1, True) + EPS)).view(
        1, 4, 6
    ),
}
LENGTH: dict[str, Operation] = {
    "normalize": lambda x: F.normalize(x, dim=-1),
    "norm": lambda x: x / x.norm(dim=-1, keepdim=True),
    "vector norm": lambda x: x / torch.linalg.vector_norm(x, dim=-1, keepdim=True),
    "norm of linalg": lambda x: x * torch.linalg.norm(x, dim=-1, keepdim=True).reciprocal(),
    "clamped": lambda x: x / x.norm(dim=-1, keepdim=True).clamp(min=1e-12).expand_as(x),
    "clamp_min": lambda x: x * x.norm(dim=-1, keepdim=True).clamp_min(1e-12).pow(-1),
    "rsqrt": lambda x: x * x.square().sum(-1, keepdim=True).rsqrt(),
    "maximum": lambda x: x / torch.maximum(x.norm(dim=-1, keepdim=True), torch.tensor(1e-12).double()),
}
LAYER: dict[str, Operation] = {
    "function": lambda x: F.layer_norm(x, (6,), eps=EPS),
    "variance": lambda x: (x - x.mean(-1, keepdim=True)) / torch.sqrt(variance(x) + EPS),
    "variance, multiplied": lambda x: (x - x.mean(-1, keepdim=True)) * torch.rsqrt(variance(x) + EPS),
    "centred squares": lambda x: (
        (x - x.mean(-1, keepdim=True)) * (mean_square(x - x.mean(-1, keepdim=True)) + EPS).rsqrt()
    ),
    "moments of squares": lambda x: (
        (x - x.mean(-1, keepdim=True)) * (mean_square(x) - x.mean(-1, keepdim=True) ** 2 + EPS).rsqrt()
    ),
    "moments": with_moments,
}


def maps(operation: Operation, x: Tensor) -> Tensor:
    class Model(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (operation(x) * WEIGHT).flatten(1) @ TOP

    got = explain_outputs(Model(), x)
    assert got.coverage.counts["approximate"] == 0
    return got.values


TOP = torch.randn(24, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def detached(spread: Tensor, x: Tensor, centred: bool) -> Tensor:
    """Gradient x input of each output, the spread a constant."""
    leaf = x.clone().requires_grad_()
    value = leaf - leaf.mean(-1, keepdim=True) if centred else leaf
    out = (value / spread * WEIGHT).flatten(1) @ TOP
    return torch.cat([torch.autograd.grad(one, leaf, retain_graph=True)[0] for one in out[0]]) * x


@pytest.mark.parametrize(
    ("family", "name"),
    [(family, name) for family, ways in (("rms", RMS), ("length", LENGTH), ("layer", LAYER)) for name in ways],
)
def test_one_explanation_for_every_way_of_writing(family: str, name: str) -> None:
    x = torch.randn(1, 4, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    spread = {
        "rms": (mean_square(x) + EPS).sqrt(),
        "length": mean_square(x).sqrt() * 6**0.5,
        "layer": (variance(x) + EPS).sqrt(),
    }[family]
    expected = detached(spread, x, centred=family == "layer")
    operation = {"rms": RMS, "length": LENGTH, "layer": LAYER}[family][name]
    tolerance = 2e-6 if name == "with casts" else 1e-7
    torch.testing.assert_close(maps(operation, x), expected, rtol=tolerance, atol=tolerance)


MIXING = torch.rand(4, 4, 1, 1, generator=torch.Generator().manual_seed(4), dtype=torch.float64)


def response(x: Tensor) -> Tensor:
    """Global response normalisation of ConvNeXt V2: the norm of each channel over the mean of these."""
    norms = x.norm(p=2, dim=(2, 3), keepdim=True)
    return norms / (norms.mean(1, keepdim=True) + EPS)


SPREADS: dict[str, tuple[Operation, Operation]] = {
    "global response": (response, lambda x: x * response(x)),
    "divisive": (
        lambda x: torch.rsqrt(F.conv2d(x * x, MIXING, torch.ones(4).double())),
        lambda x: x / torch.sqrt(F.conv2d(x**2, MIXING, torch.ones(4).double())),
    ),
    "largest": (lambda x: 1 / x.abs().amax((1, 2, 3), keepdim=True), lambda x: x / x.abs().amax((1, 2, 3), True)),
    "neighbours": (
        lambda x: (1 + F.avg_pool2d(x.square(), 3, 1, 1)) ** -0.75,
        lambda x: x * (1 + F.avg_pool2d(x.square(), 3, 1, 1)).pow(-0.75),
    ),
    "cubes": (
        lambda x: (x.abs() ** 3).sum(1, keepdim=True) ** (-1 / 3),
        lambda x: x / (x.abs() ** 3).sum(1, keepdim=True).pow(1 / 3),
    ),
    "one plus weight": (
        lambda x: torch.rsqrt(x.pow(2).mean(1, keepdim=True) + EPS) * (1 + MIXING[:1]),
        lambda x: (x * torch.rsqrt(x.pow(2).mean(1, keepdim=True) + EPS)) * (1 + MIXING[:1]),
    ),
    "two in a row": (
        lambda x: x.norm(dim=1, keepdim=True).reciprocal() * x.square().mean((2, 3), keepdim=True).rsqrt(),
        lambda x: x / x.norm(dim=1, keepdim=True) * x.square().mean((2, 3), keepdim=True).rsqrt(),
    ),
}


@pytest.mark.parametrize("name", SPREADS)
def test_other_spreads_are_held_fixed(name: str) -> None:
    """Gradient x input of value times spread, the spread a constant; all of it arrives."""
    spread, operation = SPREADS[name]
    x = torch.randn(1, 4, 5, 5, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    top = torch.randn(100, 3, generator=torch.Generator().manual_seed(6), dtype=torch.float64)

    class Model(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return operation(x).flatten(1) @ top

    got = explain_outputs(Model(), x)
    expected = (x * spread(x)).reshape(-1, 1) * top
    torch.testing.assert_close(got.values.flatten(1), expected.T, rtol=1e-7, atol=1e-9)
    assert got.coverage.counts["approximate"] == 0
    assert {entry.kind for entry in got.coverage.entries if entry.function in {"mul", "div"}} >= {"norm"}


GATES: dict[str, Operation] = {
    "sigmoid of the mean": lambda x: x * x.mean(-1, keepdim=True).sigmoid(),
    "times its mean": lambda x: x * x.mean(-1, keepdim=True),
    "times its norm": lambda x: x * x.norm(dim=-1, keepdim=True),
    "a root of itself": lambda x: x * (x.square() + 1).rsqrt(),
    "the spread of another value": lambda x: x[:, :2] * mean_square(x[:, 2:].exp()).rsqrt(),
}


@pytest.mark.parametrize("name", GATES)
def test_gates_are_no_norms(name: str) -> None:
    class Model(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return GATES[name](x).flatten(1)

    x = torch.randn(1, 4, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    with torch.no_grad():
        tape = record(Model(), x)
    kinds = [OperationContexts(tape).of(operation).kind for operation in tape.operations]
    assert "norm" not in kinds and {"product", "gate"} & set(kinds)


class DeepGate(nn.Module):
    """A value times what thousands of steps make of it."""

    def forward(self, x: Tensor) -> Tensor:
        gate = x.mean(1, keepdim=True)
        for _ in range(1500):
            gate = torch.tanh(gate)
        return x * gate


def test_no_depth_is_too_deep() -> None:
    x = torch.rand(1, 4, dtype=torch.float64)
    assert explain_outputs(DeepGate(), x).values.shape == (4, 4)
