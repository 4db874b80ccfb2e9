"""Which rule goes where, and batch normalisation folded on the tape."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bilrp import COMPOSITES, Composite, CompositeError, Coverage, explain_outputs
from bilrp.canonizers import CANONIZERS, fold_batch_norm
from bilrp.composites import FIRST, Depth, Named, OfKind, Typed, vgg
from bilrp.features import VGG, normalize
from bilrp.rules import LRP0, Epsilon, Flat, Gamma, MaxShare, NormShare, ZBox, ZPlus
from bilrp.testing import toy_network, toy_pair

MADE_FOR_SOME = {"vgg", "resnet", "mobilenet", "vit", "bert", "decoder"}


def rules_of(composite: object, kind: str = "residual") -> dict[str, str]:
    x, _ = toy_pair()
    coverage = explain_outputs(toy_network(kind), x, composite).coverage  # type: ignore[arg-type]
    return {entry.name: entry.rule.split("(")[0] for entry in coverage.entries}


def test_defaults() -> None:
    got = rules_of(None)
    assert got["0"] == "LRP0" and got["1"] == "Pass" and got["3"] == "MaxWinner" and got["2:add"] == "SumShare"


def test_by_name_type_kind_and_depth() -> None:
    composite = Composite(
        [(FIRST, Flat()), ("2.*", ZPlus()), (Typed(nn.Linear), Epsilon()), (OfKind("max"), MaxShare())]
    )
    got = rules_of(composite)
    assert (got["0"], got["2.first"], got["2.second"], got["5"], got["3"]) == (
        "Flat",
        "ZPlus",
        "ZPlus",
        "Epsilon",
        "MaxShare",
    )
    got = rules_of(Composite([(Depth(-1), Gamma()), (Depth(1, 3), Flat())]))
    assert (got["0"], got["2.first"], got["2.second"], got["5"]) == ("LRP0", "Flat", "Flat", "Gamma")


def test_rules_by_name_come_before_a_preset() -> None:
    composite = Composite([("0", ZBox(0.0, 1.0)), *COMPOSITES["gamma"].entries], "gamma with zB")
    got = rules_of(composite)
    assert (got["0"], got["5"]) == ("ZBox", "Gamma")
    assert len(COMPOSITES["gamma"].entries) == 1


def test_an_unknown_name_is_refused_with_near_ones() -> None:
    with pytest.raises(CompositeError, match=r"no layer is called '2.frist'. Names like it: '2.first'"):
        rules_of({"2.frist": Gamma()})


def test_a_rule_that_cannot_serve_is_refused() -> None:
    with pytest.raises(CompositeError, match=r"Gamma cannot serve 3 \(max_pool2d, kind 'max'\)"):
        rules_of({"3": Gamma()})
    with pytest.raises(CompositeError, match="expected a rule such as Gamma"):
        Composite([(Named("0"), Gamma)])  # type: ignore[list-item]


@pytest.mark.parametrize("name", [name for name in COMPOSITES if name not in MADE_FOR_SOME])
@pytest.mark.parametrize("kind", ["bias", "batchnorm", "residual", "branches"])
def test_every_preset_runs(name: str, kind: str) -> None:
    x, _ = toy_pair()
    result = explain_outputs(toy_network(kind), x, name, bias="distribute")
    missing = float((result.values.flatten(1).sum(1) - result.embedding).abs().sum())
    kept = sum(entry.kept for entry in result.coverage.entries) * float(result.embedding.abs().sum())
    assert missing <= kept + 1e-6
    if kind != "branches":  # its pooling lets negative outputs through, where z+ finds nothing to share over
        assert missing < 1e-6


@pytest.mark.parametrize(("depth", "batch_norm"), [(11, False), (16, False), (16, True)])
def test_vgg_is_explained_without_gaps(depth: int, batch_norm: bool) -> None:
    model = VGG(depth, batch_norm=batch_norm)
    x = normalize(torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1)))
    result = explain_outputs(model, x, "vgg", projection=torch.ones(1, 512), bias="distribute")
    assert float(result.values.sum() / result.embedding.sum()) == pytest.approx(1, abs=1e-3)
    coverage = result.coverage
    assert not coverage.approximate and coverage.counts["fixed"] == 0
    assert any("folded" in note for note in coverage.notes) == batch_norm


def test_vgg_preset_has_the_gammas_of_the_paper() -> None:
    coverage: Coverage = explain_outputs(
        VGG(16), normalize(torch.rand(1, 3, 32, 32)), vgg(), projection=torch.ones(1, 512)
    ).coverage
    rules = {entry.name: entry.rule for entry in coverage.entries if entry.kind == "linear"}
    assert rules["features.0"].startswith("ZBox")
    gammas = {name.split(".")[1]: rule.split("gamma=")[1][:-1] for name, rule in rules.items() if "gamma=" in rule}
    assert gammas == {"2": "0.5", "5": "0.5", "7": "0.5", "10": "0.5", "12": "0.25", "14": "0.25", "17": "0.25",
                      "19": "0.1", "21": "0.1", "24": "0.1"}  # fmt: skip
    assert rules["features.26"].startswith("LRP0")


def folded_by_hand(model: nn.Sequential) -> nn.Sequential:
    convolution = nn.utils.fuse_conv_bn_eval(model[0], model[1])
    return nn.Sequential(convolution, *list(model)[2:])


def test_folding_equals_folding_the_model() -> None:
    model = toy_network("batchnorm")
    assert isinstance(model, nn.Sequential)
    x, _ = toy_pair()
    got = explain_outputs(model, x, Composite([(FIRST, ZBox(0.0, 1.0)), (OfKind("linear"), Gamma(0.3))]))
    expected = explain_outputs(
        folded_by_hand(model), x, Composite([(FIRST, ZBox(0.0, 1.0)), (OfKind("linear"), Gamma(0.3))])
    )
    torch.testing.assert_close(got.values, expected.values, rtol=1e-7, atol=1e-10)
    assert got.coverage.notes == ("1: batch normalisation folded into 0",)
    assert CANONIZERS["fold_batch_norm"] is fold_batch_norm


@pytest.mark.parametrize(
    "model",
    [
        nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4)),
        nn.Sequential(nn.Unflatten(1, (2, 3)), nn.ConvTranspose1d(2, 3, 2), nn.BatchNorm1d(3), nn.Flatten()),
    ],
    ids=["linear", "transposed"],
)
def test_folding_other_layers_keeps_the_sum(model: nn.Sequential) -> None:
    x = torch.rand(1, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    result = explain_outputs(model.double().eval(), x, bias="distribute")
    torch.testing.assert_close(result.values.sum(1), result.embedding, rtol=1e-6, atol=1e-9)
    assert any("folded" in note for note in result.coverage.notes)


def test_batch_norm_that_stands_alone_is_an_affine_map() -> None:
    model = nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 2, 8), nn.Flatten()).double()
    result = explain_outputs(model, toy_pair()[0])
    assert next((e.kind, e.rule) for e in result.coverage.entries) == ("norm", repr(NormShare()))


def test_two_layers_cannot_share_one_fold() -> None:
    """A convolution whose result is also used elsewhere must not be folded."""

    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.conv(x)
            return (self.norm(y) + y).flatten(1)

    result = explain_outputs(Shared().double(), toy_pair()[0], {"conv": LRP0()})
    assert not result.coverage.notes
