"""Normalisations by fixed numbers: folded where that is exact, affine maps elsewhere (float64)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from bilrp import explain_outputs
from bilrp._trace.recorder import record
from bilrp.canonizers import DEFAULT_CANONIZERS, canonize
from bilrp.rules import Flat, Gamma, Rule, ZPlus
from bilrp.testing import toy_pair


def awake(norm: nn.BatchNorm2d) -> nn.BatchNorm2d:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        for tensor in (norm.running_mean, norm.bias):
            nn.init.uniform_(tensor, -0.5, 0.5)  # type: ignore[arg-type]
        for tensor in (norm.running_var, norm.weight):
            nn.init.uniform_(tensor, 0.5, 1.5)  # type: ignore[arg-type]
    return norm


class Frozen(nn.Module):
    """Batch normalisation as detectors freeze it, in one of the ways to write it."""

    def __init__(self, norm: nn.BatchNorm2d, way: str) -> None:
        super().__init__()
        assert norm.running_mean is not None and norm.running_var is not None
        self.way = way
        columns = (norm.weight, norm.bias, norm.running_mean, norm.running_var)
        w, b, mean, variance = (tensor.detach().double().reshape(-1, 1, 1) for tensor in columns)
        self.values = w, b, mean, (variance + norm.eps).sqrt()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        w, b, mean, spread = self.values
        if self.way == "scale and shift":
            return x * (w / spread)[None] + (b - mean * w / spread)[None]
        if self.way == "mean first":
            return w * ((x - mean) / spread) + b
        return b - (mean - x).mul(w) / -spread * -1.0


@pytest.mark.parametrize("way", ["scale and shift", "mean first", "turned round"])
@pytest.mark.parametrize("rule", [Gamma(0.3), ZPlus(), Flat()], ids=repr)
def test_frozen_norms_fold_like_batch_norms(rule: Rule, way: str) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(8)
        convolution, norm = nn.Conv2d(3, 4, 3, bias=way == "mean first"), awake(nn.BatchNorm2d(4))
        top = nn.Linear(144, 3)
    rest = (nn.ReLU(), nn.Flatten(), top)
    x, _ = toy_pair()
    expected = explain_outputs(nn.Sequential(convolution, norm, *rest).double(), x, {"0": rule})
    got = explain_outputs(nn.Sequential(convolution, Frozen(norm, way), *rest).double(), x, {"0": rule})
    torch.testing.assert_close(got.values, expected.values, rtol=1e-9, atol=1e-12)
    assert any("folded into 0" in note for note in got.coverage.notes)


@pytest.mark.parametrize(
    ("layer", "folds"),
    [
        (nn.Conv2d(4, 6, 3), True),
        (nn.Conv2d(4, 6, 3, groups=2, stride=2, bias=False), True),
        (nn.Conv2d(4, 6, 3, padding="valid"), True),
        (nn.Conv2d(4, 6, 3, padding=1), False),
        (nn.Conv2d(4, 6, 3, padding="same"), False),
        (nn.ConvTranspose2d(4, 6, 2), False),
    ],
    ids=["plain", "grouped", "valid", "padded", "same", "transposed"],
)
def test_a_norm_before_its_layer_folds_where_that_is_exact(layer: nn.Module, folds: bool) -> None:
    class Scaled(nn.Module):
        def __init__(self, norm: nn.BatchNorm2d) -> None:
            super().__init__()
            self.norm, self.layer = norm, layer

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = torch.cat([x, x[:, :1].relu()], 1).relu()
            return self.layer(self.norm(x)).relu().flatten(1)  # type: ignore[no-any-return]

    model = Scaled(awake(nn.BatchNorm2d(4))).double().eval()
    x = toy_pair()[0] - 0.5
    tape = canonize(record(model.requires_grad_(False), x), DEFAULT_CANONIZERS)
    values = dict(enumerate(tape.values))
    for operation in tape.operations:  # the new tape computes the same
        for node, value in zip(operation.outputs, operation.run(values), strict=True):
            torch.testing.assert_close(value, tape.values[node], rtol=1e-9, atol=1e-12)
    assert any("which follows" in note for note in tape.notes) == folds
    leaf = x.clone().requires_grad_()
    gradients = [torch.autograd.grad(one, leaf, retain_graph=True)[0] for one in model(leaf)[0][:20]]
    got = explain_outputs(model, x)
    torch.testing.assert_close(got.values[:20], torch.cat(gradients) * x, rtol=1e-6, atol=1e-6)


def test_distributed_shifts_of_silent_entries_stay_in_their_channel() -> None:
    """What a shift holds of entries that are 0 goes to the others of the channel, or of the example."""
    x = torch.tensor([[[1.0, 0.0, 3.0], [0.0, 0.0, 0.0], [-2.0, 0.0, 0.0]]], dtype=torch.float64)[..., None]
    norm = nn.BatchNorm2d(3, eps=0.0).double().eval()
    norm.bias.data = torch.tensor([0.5, 0.25, -1.0], dtype=torch.float64)
    got = explain_outputs(nn.Sequential(norm, nn.Flatten()), x, bias="distribute").values[..., 0]
    values = norm(x).detach().flatten()
    size = x[0, ..., 0].abs()
    for k, (channel, place) in enumerate(np.ndindex(3, 3)):
        expected = torch.zeros(3, 3, dtype=torch.float64)
        if size[channel, place] > 0:
            expected[channel, place] = 1
        elif size[channel].sum() > 0:
            expected[channel] = size[channel] / size[channel].sum()
        else:
            expected = size / size.sum()
        torch.testing.assert_close(got[k], expected * values[k], rtol=1e-9, atol=1e-12)
    by_hand = explain_outputs(Frozen(norm, "scale and shift"), x, bias="distribute").values[..., 0]  # type: ignore[arg-type]
    torch.testing.assert_close(by_hand.flatten(1), got.flatten(1), rtol=1e-7, atol=1e-9)
