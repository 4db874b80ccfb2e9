"""Whole families of networks are explained with nothing left out of the report."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bilrp import BiLRP, JointRelevance
from bilrp.features import VGG, random_projection
from bilrp.testing import resnet


def images() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(4)
    pair = torch.rand(2, 1, 3, 32, 32, generator=generator, dtype=torch.float64)
    return pair[0], pair[1]


def explained(model: nn.Module, n_features: int) -> JointRelevance:
    projection = random_projection(n_features, 3).double()
    joint = BiLRP(model, "gamma", projection=projection).explain(*images())
    assert joint.total() == pytest.approx((1 - joint.bias_share) * joint.similarity)
    for coverage in (joint.left_coverage, joint.right_coverage):
        assert all(entry.state in {"rule", "exact"} for entry in coverage.entries)
        assert all(bool(entry.rule) == (entry.state == "rule") for entry in coverage.entries)
    assert torch.isfinite(joint.left).all() and joint.left.abs().sum() > 0
    return joint


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("depth", [11, 13, 16, 19])
def test_vgg(depth: int, batch_norm: bool) -> None:
    model = VGG(depth, batch_norm=batch_norm).double()
    joint = explained(model, 512)
    convolutions = sum(isinstance(layer, nn.Conv2d) for layer in model.features)
    assert sum(entry.kind == "linear" for entry in joint.left_coverage.entries) == convolutions
    notes = [note for note in joint.left_coverage.notes if "folded" in note]
    assert len(notes) == (convolutions if batch_norm else 0)


def test_resnet() -> None:
    joint = explained(resnet(), 32)
    functions = [entry.function for entry in joint.left_coverage.entries]
    assert functions.count("add") == 8 and "batch_norm" not in functions
    shared = BiLRP(resnet(), "gamma").explain(*images(), bias="distribute")
    magnitude = float(shared.left.abs().sum() * shared.right.abs().sum())
    assert abs(shared.total() - shared.similarity) < 1e-6 * (abs(shared.similarity) + 1e-3 * magnitude)
