"""composite="auto": what it takes a network for, that it falls back, that both sides get the same; presets refuse."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bilrp import BiLRP, CompositeError, explain_outputs
from bilrp.composites import Auto, Composite, Traits
from bilrp.composites.auto import CALM, STRONGER, Trial
from bilrp.features import VGG
from bilrp.rules import Flat


class Inverted(nn.Module):
    """Two inverted bottlenecks, nothing of it called by a name that one would know."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.p = nn.ModuleList([nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 16, 1), nn.Conv2d(16, 8, 1), nn.Conv2d(8, 5, 1)])
        self.q = nn.Conv2d(16, 16, 3, padding=1, groups=16)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu6(self.p[0](x))
        x = x + self.p[2](F.relu6(self.q(F.relu6(self.p[1](x)))))
        return F.relu(self.p[3](x)).mean((2, 3))


class Attends(nn.Module):
    """A layer of attention by hand over tokens, or over patches of a picture."""

    def __init__(self, *, pixels: bool = False, causal: bool = False) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.first = nn.Conv2d(3, 8, 4, 4) if pixels else nn.Embedding(20, 8)
        self.qkv, self.out, self.norm = nn.Linear(8, 24), nn.Linear(8, 8), nn.LayerNorm(8)
        self.pixels, self.causal = pixels, causal

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x).flatten(2).transpose(1, 2) if self.pixels else self.first(x)
        q, k, v = self.qkv(self.norm(h)).chunk(3, -1)
        scores = q @ k.transpose(1, 2)
        if self.causal:
            scores = scores.masked_fill(torch.ones(scores.shape[-2:]).triu(1).bool(), float("-inf"))
        return self.norm(h + self.out(scores.softmax(-1) @ v)).mean(1)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.a, self.b, self.c = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1), nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.a(x))
        return self.c(F.relu(h + self.b(h)).mean((2, 3)))


IMAGES = torch.rand(2, 1, 3, 16, 16, generator=torch.Generator().manual_seed(3)) - 0.4
IDS = torch.tensor([[1, 5, 7, 2]])
CHAIN = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3), nn.ReLU(), nn.Flatten())
NETWORKS = {
    "chain": (CHAIN, IMAGES[0]),
    "resnet": (Residual(), IMAGES[0]),
    "mobilenet": (Inverted(), IMAGES[0]),
    "vit": (Attends(pixels=True), IMAGES[0]),
    "bert": (Attends(), IDS),
    "decoder": (Attends(causal=True), IDS),
    "plain": (nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)), torch.rand(1, 6)),
}


@pytest.mark.parametrize("family", NETWORKS)
def test_families_are_told_by_what_networks_do(family: str) -> None:
    model, x = NETWORKS[family]
    result = explain_outputs(model, x, "auto", warn=False)
    (note,) = [note for note in result.coverage.notes if note.startswith("auto: ")]
    assert note == str(note) and "of what is explained reaches the input" in note

    def complaint(layers: object) -> None:
        assert Traits.of([layer.context for layer in layers]).family == family  # type: ignore[attr-defined]

    explain_outputs(model, x, Composite(name="asks", expects=complaint), warn=False)


@pytest.mark.parametrize("preset", ["resnet", "mobilenet", "vit", "bert", "decoder"])
@pytest.mark.parametrize("family", NETWORKS)
def test_a_preset_on_another_network_is_an_error_that_names_what_fits(preset: str, family: str) -> None:
    model, x = NETWORKS[family]
    if preset == family:
        assert explain_outputs(model, x, preset, warn=False).values.isfinite().all()
        return
    with pytest.raises(CompositeError, match=f"'{preset}': expected ") as error:
        explain_outputs(model, x, preset)
    fits = "'auto' chooses" if family in {"chain", "plain"} else f"preset '{family}' fits"
    assert fits in str(error.value)


def test_vgg_on_another_network_is_an_error() -> None:
    with pytest.raises(CompositeError, match=r"features.N.*found 'a' and 1 more.*preset 'resnet' fits"):
        explain_outputs(Residual(), IMAGES[0], "vgg")
    with pytest.raises(CompositeError, match="found no convolution"):
        explain_outputs(*NETWORKS["plain"], "vgg")
    assert len(explain_outputs(VGG(11, n_layers=3), IMAGES[0], "vgg", projection=torch.ones(1, 64 * 64)).values)


def test_pixels_get_their_own_box() -> None:
    result = explain_outputs(Inverted(), IMAGES[0], "auto", warn=False)
    first = next(entry for entry in result.coverage.entries if entry.kind == "linear")
    low, high = (float(bound) for bound in torch.aminmax(IMAGES[0]))
    assert f"low={low!r}" in first.rule and f"high={high!r}" in first.rule


def test_the_first_calm_level_is_taken_and_else_the_least_evil() -> None:
    def levels(*trials: Trial) -> int | None:
        return Auto().settled(lambda candidate: trials[candidate.level or 0]).level

    calm, wild, nan = Trial(1.0, 0.0), Trial(1e6, 0.0), Trial(float("nan"), float("nan"))
    assert levels(calm) == 0
    assert levels(wild, nan, calm) == 2
    assert levels(*[Trial(100.0 - i, 0.0) for i in range(1 + len(STRONGER))]) == len(STRONGER)
    lost = Trial(CALM / 2, 0.3)
    assert levels(lost, lost) == 0  # what no rule mends is not the rules' doing
    assert levels(nan, *[wild] * len(STRONGER)) == 1
    assert Auto(level=3).settled(lambda _: calm).level == 3


def test_a_network_that_amplifies_gets_stronger_rules_and_says_so() -> None:
    """Weights that add up to nothing over inputs that are nearly alike: parts a hundred times the sum."""
    generator = torch.Generator().manual_seed(4)
    model = nn.Linear(40, 3, bias=False)
    weight = torch.randn(3, 40, generator=generator)
    model.weight.data = weight - weight.mean(1, keepdim=True)
    x = 1 + 0.02 * torch.randn(1, 40, generator=generator)
    own = explain_outputs(model, x, "epsilon", bias="distribute", warn=False)
    assert own.certificate.amplification > 5 * CALM
    result = explain_outputs(model, x, "auto", bias="distribute")
    assert result.certificate.amplification <= CALM
    assert result.certificate.conservation_error < 1e-4
    assert "as milder rules amplify" in result.coverage.notes[-1]
    assert result.certificate.composite.startswith("auto, Gamma")


@pytest.mark.parametrize("family", NETWORKS)
def test_both_sides_get_the_same_rules_and_changing_places_transposes(family: str) -> None:
    model, x = NETWORKS[family]
    y = IMAGES[1] if x.dim() == 4 else x.flip(1)
    there = BiLRP(model, "auto").explain(x, y)
    back = BiLRP(model, "auto").explain(y, x)
    torch.testing.assert_close(there.left, back.right)
    torch.testing.assert_close(there.right, back.left)
    explainer = BiLRP(model, "auto")
    joint = explainer.factor(x) @ explainer.factor(y)
    torch.testing.assert_close(joint.left, there.left)
    rules = [
        [entry.rule for entry in coverage.entries if not entry.rule.startswith("ZBox")]
        for coverage in (there.left_coverage, there.right_coverage)
    ]
    assert rules[0] == rules[1]


def test_own_rules_go_before_the_choice() -> None:
    result = explain_outputs(Residual(), IMAGES[0], Auto([("b", Flat())]), warn=False)
    rules = {entry.name: entry.rule for entry in result.coverage.entries}
    assert rules["b"].startswith("Flat") and rules["a"].startswith("ZBox")
