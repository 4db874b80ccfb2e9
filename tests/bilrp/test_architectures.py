"""Whole families of networks are explained with nothing left out of the report."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bilrp import BiLRP, Coverage, JointRelevance, NotConservedError, explain_outputs, features
from bilrp.features import VGG, random_projection
from bilrp.testing import resnet


def images() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(4)
    pair = torch.rand(2, 1, 3, 32, 32, generator=generator, dtype=torch.float64)
    return pair[0], pair[1]


class Patches(nn.Module):
    """A small vision transformer: the mean of its tokens, or a class token of its own."""

    def __init__(self, norm_first: bool, class_token: bool) -> None:
        super().__init__()
        self.class_token = class_token
        self.patches = nn.Conv2d(3, 12, 8, stride=8)
        self.token = nn.Parameter(torch.randn(1, 1, 12))
        self.positions = nn.Parameter(0.1 * torch.randn(1, 17, 12))
        layer = nn.TransformerEncoderLayer(12, 3, 24, batch_first=True, norm_first=norm_first)
        self.encoder = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(12), enable_nested_tensor=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        encoded: torch.Tensor = self.encoder(torch.cat([self.token, tokens], dim=1) + self.positions)
        return encoded[:, 0] if self.class_token else encoded[:, 1:].mean(1)


class Sentence(nn.Module):
    """Numbers of words to the mean of their encodings."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(10, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, activation="gelu")
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.encoder(self.words(tokens)).mean(dim=1)
        return out


def account(coverage: Coverage, factor: torch.Tensor, embedding: torch.Tensor, arrived: float) -> None:
    """What is missing from the maps is what the report says that operations kept of what arrived at the top."""
    missing = float((factor.flatten(1).sum(1) - embedding).abs().sum())
    stated = sum(entry.kept for entry in coverage.entries) * arrived
    assert missing <= stated * (1 + 1e-6) + 1e-9


def explained(model: nn.Module, n_features: int) -> JointRelevance:
    projection = random_projection(n_features, 3).double()
    explainer = BiLRP(model.eval(), "gamma", projection=projection)
    joint = explainer.explain(*images())
    with torch.no_grad():
        arrived = [float((projection.abs() @ model(x)[0].abs()).sum()) for x in images()]
    account(joint.left_coverage, joint.left, joint.left_embedding, arrived[0])
    account(joint.right_coverage, joint.right, joint.right_embedding, arrived[1])
    for coverage in (joint.left_coverage, joint.right_coverage):
        assert all(entry.state in {"rule", "exact"} for entry in coverage.entries)
        assert all(bool(entry.rule) == (entry.state == "rule") for entry in coverage.entries)
    assert torch.isfinite(joint.left).all() and joint.left.abs().sum() > 0
    return joint


def distributed(model: nn.Module, n_features: int) -> None:
    projection = random_projection(n_features, 3).double()
    shared = BiLRP(model, "gamma", projection=projection).explain(*images(), bias="distribute")
    magnitude = float(shared.left.abs().sum() * shared.right.abs().sum())
    assert abs(shared.total() - shared.similarity) < 1e-6 * (abs(shared.similarity) + 1e-3 * magnitude)


def with_random_biases(model: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(6)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            parameter.data = 0.1 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
    return model


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """An eighth of the channels in every VGG: the layers are what is tried, and most of the time went into weights."""
    layouts = {
        depth: tuple(item if isinstance(item, str) else item // 8 for item in layout)
        for depth, layout in features.VGG_LAYOUTS.items()
    }
    monkeypatch.setattr(features, "VGG_LAYOUTS", layouts)


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("depth", [11, 13, 16, 19])
def test_vgg(depth: int, batch_norm: bool) -> None:
    model = VGG(depth, batch_norm=batch_norm).double()
    joint = explained(model, 64)
    convolutions = sum(isinstance(layer, nn.Conv2d) for layer in model.features)
    assert sum(entry.kind == "linear" for entry in joint.left_coverage.entries) == convolutions
    notes = [note for note in joint.left_coverage.notes if "folded" in note]
    assert len(notes) == (convolutions if batch_norm else 0)


@pytest.mark.usefixtures("narrow")
def test_random_biases_take_a_share_that_is_stated() -> None:
    model = with_random_biases(VGG(11).double())
    assert abs(explained(model, 64).bias_share) > 0.05
    distributed(model, 64)


@pytest.mark.parametrize("width", [4, 16])
def test_resnet(width: int) -> None:
    model = with_random_biases(resnet(width))
    joint = explained(model, 8 * width)
    distributed(model, 8 * width)
    functions = [entry.function for entry in joint.left_coverage.entries]
    assert functions.count("add") == 8 and functions.count("conv2d") == 20 and "batch_norm" not in functions


@pytest.mark.parametrize("class_token", [False, True])
@pytest.mark.parametrize("norm_first", [False, True])
def test_transformer_of_patches(norm_first: bool, class_token: bool) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = Patches(norm_first, class_token).double().eval()
    with pytest.raises(NotConservedError, match=r":cat .*bias='leave'"):  # a constant takes part, and is no input
        explain_outputs(model, images()[0], "epsilon", bias="distribute")
    result = explain_outputs(model, images()[0], "epsilon")
    entries = result.coverage.entries
    assert not result.coverage.approximate
    assert "softmax" in {entry.function for entry in entries if entry.state == "fixed"}
    assert sum(entry.kind == "attention" for entry in entries) == 2  # one in each layer
    # what goes to the class token, a constant, is lost to the pixels: the report says so
    assert ":cat" in {entry.name for entry in entries if entry.kept > 1e-6}
    account(result.coverage, result.values, result.embedding, float(result.embedding.abs().sum()))
    assert (result.values.flatten(1).sum(1) - result.embedding).abs().max() > 1e-3


def test_transformer_of_tokens() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        model = Sentence().double()
    first, second = torch.tensor([[3, 1, 4, 1, 5]]), torch.tensor([[9, 2, 6]])
    joint = BiLRP(model, "epsilon").explain(first, second)
    assert joint.matrix().shape == (5, 3)
    account(joint.left_coverage, joint.left, joint.left_embedding, float(joint.left_embedding.abs().sum()))
    shared = BiLRP(model, "epsilon").explain(first, second, bias="distribute")
    assert shared.total() == pytest.approx(shared.similarity, rel=1e-6)
    assert not joint.left_coverage.approximate
