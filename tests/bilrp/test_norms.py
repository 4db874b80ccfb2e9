"""Normalisations with their spread held fixed, against dense matrices and against gradient x input (float64)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bilrp import explain_outputs
from bilrp.rules import LRP0, NormShare, Pass
from bilrp.testing import share_matrix

Operation = Callable[[Tensor], Tensor]
SHAPE = (4, 3, 2)
WEIGHT, SHIFT = torch.tensor([0.5, -1.5, 1.0, 2.0]).double(), torch.tensor([0.3, -0.2, 0.0, 1.0]).double()
MEAN, VARIANCE = torch.tensor([0.1, -0.4, 0.8, 0.0]).double(), torch.tensor([0.5, 2.0, 1.0, 0.1]).double()
EPS = 1e-3


def signed(shape: tuple[int, ...] = SHAPE, seed: int = 0) -> Tensor:
    return torch.randn(1, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class Function(nn.Module):
    def __init__(self, function: Operation) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x).flatten(1)


def relevance(operation: Operation, x: Tensor, **settings: object) -> np.ndarray:
    return explain_outputs(Function(operation), x, **settings).values.flatten(1).numpy()  # type: ignore[arg-type]


def per_channel(values: Tensor) -> np.ndarray:
    return values.numpy().reshape(-1, 1, 1)


def groups_of(name: str) -> np.ndarray:
    """A number for each entry of the input: entries with one number are normalised together."""
    channel, row, _ = np.indices(SHAPE)
    return {
        "layer": channel,
        "last axis": channel * 3 + row,
        "group": channel // 2,
        "instance": channel,
        "batch": channel,
    }[name]


NORMS: dict[str, tuple[str, bool, Operation]] = {
    "layer norm": ("layer", False, lambda x: F.layer_norm(x, (3, 2), eps=EPS)),
    "layer norm of the last axis": ("last axis", False, lambda x: F.layer_norm(x, (2,), eps=EPS)),
    "group norm": ("group", True, lambda x: F.group_norm(x, 2, WEIGHT, SHIFT, EPS)),
    "instance norm": ("instance", True, lambda x: F.instance_norm(x, None, None, WEIGHT, SHIFT, True, 0.1, EPS)),
    "batch norm of its own batch": (
        "batch",
        True,
        lambda x: F.batch_norm(x, None, None, WEIGHT, SHIFT, training=True, eps=EPS),
    ),
    "group norm by hand": (
        "group",
        True,
        lambda x: _by_hand(x.reshape(1, 2, 12)).reshape(x.shape) * WEIGHT[:, None, None] + SHIFT[:, None, None],
    ),
}


def _by_hand(x: Tensor) -> Tensor:
    mean = x.mean(-1, keepdim=True)
    return (x - mean) / torch.sqrt((x - mean).pow(2).mean(-1, keepdim=True) + EPS)


def fixed_matrix(name: str, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (J, K) and shift (K,) of a normalisation with the spread that it has at x."""
    kind, is_affine, _ = NORMS[name]
    groups, flat = groups_of(kind).reshape(-1), x.reshape(-1)
    weight = np.broadcast_to(per_channel(WEIGHT) if is_affine else 1.0, SHAPE).reshape(-1)
    shift = np.broadcast_to(per_channel(SHIFT) if is_affine else 0.0, SHAPE).reshape(-1)
    matrix = np.zeros((flat.size, flat.size))
    for k, group in enumerate(groups):
        together = np.flatnonzero(groups == group)
        spread = np.sqrt(((flat[together] - flat[together].mean()) ** 2).mean() + EPS)
        for j in together:
            matrix[j, k] = weight[k] / spread * (float(j == k) - 1 / len(together))
    return matrix, shift


@pytest.mark.parametrize("distribute", [False, True], ids=["leave", "distribute"])
@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize(
    "rule", [NormShare(), NormShare(eps=0.1), NormShare(eps=0.2, stabilizer="relative")], ids=["", "eps", "relative"]
)
def test_norms_share_by_a_fixed_spread(rule: NormShare, name: str, distribute: bool) -> None:
    x = signed()
    operation = NORMS[name][2]
    if "by hand" in name and (rule.eps > 1e-3 or distribute):
        pytest.skip("several steps: other stabilizers, and each shares out its own rest")
    matrix, shift = fixed_matrix(name, x[0].numpy())
    as_layer = LRP0(eps=rule.eps, stabilizer=rule.stabilizer)
    shares = share_matrix(as_layer, x.numpy().reshape(-1), matrix, shift, distribute=distribute)
    outputs = operation(x).flatten().numpy()
    np.testing.assert_allclose(x.numpy().reshape(-1) @ matrix + shift, outputs, atol=1e-12)
    bias = "distribute" if distribute else "leave"
    got = relevance(operation, x, composite=None if "by hand" in name else {"*": rule}, bias=bias)
    np.testing.assert_allclose(got, (shares * outputs).T, rtol=1e-7, atol=1e-7)


BY_RUNNING_NUMBERS: dict[str, Operation] = {
    "batch norm": lambda x: F.batch_norm(x, MEAN, VARIANCE, WEIGHT, SHIFT, False, 0.1, EPS),
    "instance norm": lambda x: F.instance_norm(x, MEAN, VARIANCE, WEIGHT, SHIFT, False, 0.1, EPS),
    "frozen": lambda x: (
        x * _channels(WEIGHT * (VARIANCE + EPS).rsqrt()) + _channels(SHIFT - MEAN * WEIGHT * (VARIANCE + EPS).rsqrt())
    ),
}


def _channels(values: Tensor) -> Tensor:
    return values.reshape(1, -1, 1, 1)


@pytest.mark.parametrize("distribute", [False, True], ids=["leave", "distribute"])
@pytest.mark.parametrize("name", BY_RUNNING_NUMBERS)
def test_fixed_numbers_are_an_affine_map(name: str, distribute: bool) -> None:
    x = signed()
    scale = np.broadcast_to(per_channel(WEIGHT) / np.sqrt(per_channel(VARIANCE) + EPS), SHAPE)
    shift = np.broadcast_to(per_channel(SHIFT) - per_channel(MEAN) * scale, SHAPE).reshape(-1)
    matrix = np.diag(scale.reshape(-1))
    shares = share_matrix(LRP0(), x.numpy().reshape(-1), matrix, shift, distribute=distribute)
    outputs = BY_RUNNING_NUMBERS[name](x).flatten().numpy()
    np.testing.assert_allclose(x.numpy().reshape(-1) @ matrix + shift, outputs, atol=1e-12)
    got = relevance(BY_RUNNING_NUMBERS[name], x, bias="distribute" if distribute else "leave")
    np.testing.assert_allclose(got, (shares * outputs).T, rtol=1e-7, atol=1e-8)


class Detached(nn.Module):
    """Layer norm whose spread is a constant of the gradient."""

    def __init__(self, norm: nn.LayerNorm) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        spread = (centred.square().mean(-1, keepdim=True) + self.norm.eps).sqrt().detach()
        return centred / spread * self.norm.weight + self.norm.bias


def test_a_network_of_layer_norms_is_gradient_times_input_with_spreads_detached() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        norms = [nn.LayerNorm(6) for _ in range(4)]
        for norm in norms:
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.uniform_(norm.bias, -0.5, 0.5)
        linears = [nn.Linear(6, 6) for _ in range(4)]
    net, reference = (
        nn.Sequential(
            *[part for norm, linear in zip(norms, linears, strict=True) for part in (wrap(norm), linear, nn.ReLU())]
        )
        for wrap in (lambda norm: norm, Detached)
    )
    net, reference, x = net.double(), reference.double(), signed((6,), seed=5)
    leaf = x.clone().requires_grad_()
    gradients = [torch.autograd.grad(value, leaf, retain_graph=True)[0] for value in reference(leaf)[0]]
    got = explain_outputs(net, x)
    torch.testing.assert_close(got.values, torch.cat(gradients) * x, rtol=1e-6, atol=1e-6)
    entries = [entry for entry in got.coverage.entries if entry.kind == "norm"]
    assert [entry.state for entry in entries] == ["rule"] * 4
    assert sum(entry.kept for entry in entries) > 0.01  # shifts keep their share, and it is stated
    whole = explain_outputs(net, x, bias="distribute")
    torch.testing.assert_close(whole.values.sum(1), whole.embedding, rtol=1e-6, atol=1e-9)


def test_outputs_that_cancel_in_float32_do_not_make_relevance_grow() -> None:
    """LRP-0 divides by the outputs as the model rounded them, which is what relevance is in proportion to."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        net = nn.Sequential(nn.Linear(2, 200), nn.BatchNorm1d(200), nn.ReLU(), nn.Linear(200, 3)).eval()
    x = torch.tensor([[1000.0, -700.0]])
    norm = net[1]
    assert isinstance(norm, nn.BatchNorm1d) and norm.running_mean is not None
    norm.running_mean.copy_(net[0](x)[0].detach() + 1e-3 * torch.randn(200, generator=torch.Generator().manual_seed(1)))
    leaf = x.clone().requires_grad_()
    gradients = [torch.autograd.grad(value, leaf, retain_graph=True)[0] for value in net(leaf)[0]]
    got = explain_outputs(net, x, warn=False).values
    torch.testing.assert_close(got, torch.cat(gradients) * x, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize(("operation", "state"), [(F.layer_norm, "approximate"), (F.rms_norm, "rule")])
def test_passing_is_exact_where_there_is_neither_mean_nor_shift(operation: Operation, state: str) -> None:
    got = explain_outputs(Function(lambda x: operation(x, (2,))), signed(), {"*": Pass()}, warn=False)  # type: ignore[call-arg]
    assert [entry.state for entry in got.coverage.entries if entry.kind == "norm"] == [state]
