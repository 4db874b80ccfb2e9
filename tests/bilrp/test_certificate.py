"""The certificate of a result: each number against its definition on the whole table, and when it warns."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import bilrp
from bilrp import BiLRP, Certificate, DoubtfulExplanationWarning, JointRelevance, certificate, explain_outputs
from bilrp.rules import Linearize
from bilrp.testing import toy_network, toy_pair


class Shifted(nn.Module):
    """An embedding with a constant beside the input: x w + b."""

    def __init__(self, weight: list[list[float]], bias: list[float]) -> None:
        super().__init__()
        self.layer = nn.Linear(len(weight[0]), len(weight)).double()
        self.layer.weight.data = torch.tensor(weight, dtype=torch.float64)
        self.layer.bias.data = torch.tensor(bias, dtype=torch.float64)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 7))
def test_amplification_of_a_pair_is_that_of_the_whole_table(seed: int, n: int, width: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    left, right = (torch.randn(n, width, 3, generator=generator, dtype=torch.float64) for _ in range(2))
    table = torch.einsum("mij,mkl->ijkl", left, right)
    assert certificate.absolute_total(left, right) == pytest.approx(float(table.abs().sum()))


def test_amplification_in_blocks_and_over_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(3)
    left, right = (torch.randn(5, 6, 7, generator=generator, dtype=torch.float64) for _ in range(2))
    exact = float((left.flatten(1).T @ right.flatten(1)).abs().sum())
    monkeypatch.setattr(certificate, "BLOCK_ENTRIES", 100)
    assert certificate.absolute_total(left, right) == pytest.approx(exact)
    ones = torch.ones(5, dtype=torch.float64)
    joint = JointRelevance(left, right, ones, ones, bilrp.Coverage(()), bilrp.Coverage(()))
    assert joint.certificate.amplification == pytest.approx(exact / 5)
    assert joint.certificate.amplification_over == "all pairs"
    monkeypatch.setattr(certificate, "PAIR_PRODUCTS", 1000)
    fewer = JointRelevance(left, right, ones, ones, bilrp.Coverage(()), bilrp.Coverage(())).certificate
    assert "runs of 4 entries" in fewer.amplification_over and "lower bound" in fewer.amplification_over
    assert abs(float(joint.total())) / 5 <= fewer.amplification < joint.certificate.amplification


def test_shares_against_numbers_by_hand() -> None:
    model = Shifted([[1.0, 2.0], [3.0, -1.0]], [1.0, -4.0])
    x = torch.tensor([[1.0, 1.0]], dtype=torch.float64)  # outputs 3 + 1 and 2 - 4; z: (1, 2) and (3, -1)
    first = explain_outputs(model, x, {"layer": bilrp.rules.LRP0(eps=0.0)}, warn=False).certificate
    assert first.explained == pytest.approx(4 + 2)
    assert first.amplification == pytest.approx((1 + 2 + 3 + 1) / 6)
    assert first.bias_share == pytest.approx((1 * 1 + (-4) * -1) / 6)
    assert first.kept_share == pytest.approx((1 + 4) / 6)
    assert first.conservation_error == pytest.approx(0, abs=1e-12)
    joint = BiLRP(model, {"layer": bilrp.rules.LRP0(eps=0.0)}).explain(x, x)
    assert joint.certificate.bias_share == pytest.approx(joint.bias_share)
    assert joint.certificate.kept_share == pytest.approx(5 / 6)
    even = explain_outputs(model, x, bias="distribute").certificate
    assert even.conservation_error == pytest.approx(0, abs=1e-8)
    assert even.bias == "distribute"


class Copies(bilrp.rules.Rule):
    """A wrong rule: says that it passes on all, and passes on twice as much."""

    kinds = frozenset({"elementwise"})
    keeps_nothing = True  # type: ignore[assignment]

    def prepare(self, context, distribute=False):  # type: ignore[no-untyped-def]
        return lambda relevance: (2 * relevance,)


def test_relevance_out_of_nothing_is_unaccounted() -> None:
    model = nn.Sequential(nn.Linear(4, 5, bias=False), nn.ReLU(), nn.Linear(5, 3, bias=False)).double()
    x = torch.rand(1, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    honest = explain_outputs(model, x, warn=False).certificate
    assert honest.conservation_error < 1e-6
    copied = explain_outputs(model, x, {"1": Copies()}, warn=False).certificate
    assert copied.conservation_error == pytest.approx(1.0, abs=1e-6)
    report = explain_outputs(model, x, {"1": Copies()}, warn=False).coverage
    assert [(entry.name, entry.state) for entry in report.entries if entry.kept > 0.5] == [("1", "approximate")]


class TwoWays(nn.Module):
    """Half of the embedding comes by an approximated operation."""

    def __init__(self, ways: int) -> None:
        super().__init__()
        self.ways = ways

    def forward(self, x: Tensor) -> Tensor:
        odd = x.square()
        return odd + x if self.ways == 2 else odd


@pytest.mark.parametrize(("ways", "share"), [(1, 1.0), (2, 2 / 3)])
def test_the_share_of_approximations(ways: int, share: float) -> None:
    """At the sum 1 : 1, then twice as much by the square, whose slope is twice its value."""
    x = torch.ones(1, 6, dtype=torch.float64)
    result = explain_outputs(TwoWays(ways), x, {":square": Linearize()}, warn=False).certificate
    assert result.approximate_share == pytest.approx(share)
    assert result.approximate == (":square",)


def test_how_it_was_made_is_kept_by_files(tmp_path: Path) -> None:
    model, (x, y) = toy_network(), toy_pair()
    joint = BiLRP(model, "gamma").explain(x, y)
    own = joint.certificate
    assert (own.composite, own.bias, own.canonizers) == (
        "gamma",
        "leave",
        ("fold_batch_norm", "fold_batch_norm_forward"),
    )
    assert own.precision == own.forward_precision == str(x.dtype).removeprefix("torch.")
    assert own.versions["torch"] == torch.__version__ and own.versions["bilrp"] == bilrp.__version__
    assert own.device == "cpu" and own.seed is None
    assert Certificate.from_dict(json.loads(json.dumps(own.to_dict()))) == own
    assert JointRelevance.load(joint.save(tmp_path / "j.npz")).certificate == own
    assert joint.swapped().certificate.amplification == pytest.approx(own.amplification)


def test_it_fits_under_a_figure() -> None:
    model, (x, y) = toy_network(), toy_pair()
    own = BiLRP(model, "gamma").explain(x, y).certificate
    assert "\n" not in own.caption and len(own.caption) < 160
    assert "gamma rules" in own.caption and f"bilrp {bilrp.__version__}" in own.caption
    assert str(own).startswith(own.caption) and len(str(own).splitlines()) < 10


class Noise(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rand(x.shape, dtype=x.dtype)


def test_random_numbers_of_the_model_leave_their_seed() -> None:
    torch.manual_seed(77)
    assert explain_outputs(Noise(), torch.ones(1, 3), warn=False).certificate.seed == 77


def _warning_of(call) -> str:  # type: ignore[no-untyped-def]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    lines = [str(item.message) for item in caught if issubclass(item.category, DoubtfulExplanationWarning)]
    assert len(lines) <= 1 and all("\n" not in line for line in lines)
    return lines[0] if lines else ""


def test_what_is_sound_does_not_warn() -> None:
    model, (x, y) = toy_network(), toy_pair()
    assert _warning_of(lambda: BiLRP(model, "epsilon-plus").explain(x, y, bias="distribute")) == ""
    assert _warning_of(lambda: explain_outputs(model, x, "epsilon-plus", bias="distribute")) == ""


def test_cancelling_parts_warn() -> None:
    model = Shifted([[1000.0, -999.0]], [0.0])
    x = torch.ones(1, 2, dtype=torch.float64)
    line = _warning_of(lambda: explain_outputs(model, x))
    assert "2e+03 times" in line and "try" in line
    assert "4e+06 times" in _warning_of(lambda: BiLRP(model).explain(x, x))


def test_biases_that_hold_most_warn() -> None:
    model, x = Shifted([[1.0, 2.0]], [7.0]), torch.ones(1, 2, dtype=torch.float64)
    assert "70.0%" in _warning_of(lambda: explain_outputs(model, x))


def test_biases_that_cancel_warn() -> None:
    model = nn.Sequential(Shifted([[1.0]], [50.0]), Shifted([[1.0]], [-50.0]))
    x = torch.ones(1, 1, dtype=torch.float64)
    line = _warning_of(lambda: explain_outputs(model, x))
    assert "small by cancellation" in line and "try" in line


def test_approximations_warn_by_name() -> None:
    x = torch.ones(1, 6, dtype=torch.float64)
    assert ":square" in _warning_of(lambda: explain_outputs(TwoWays(1), x, {":square": Linearize()}))


@pytest.mark.parametrize("rule", [bilrp.rules.ZPlus(), bilrp.rules.AlphaBeta(1.0, 0.0)])
def test_without_a_positive_part_the_others_share_what_is_distributed(rule: bilrp.rules.Rule) -> None:
    """In proportion to |z_jk|, as everywhere; a neuron with positive parts is not touched by this."""
    model = Shifted([[-1.0, -3.0, 0.0], [2.0, 0.0, -5.0]], [-1.0, 1.0])
    x = torch.ones(1, 3, dtype=torch.float64)
    result = explain_outputs(model, x, {"layer": rule}, bias="distribute", warn=False)
    expected = torch.tensor([[-5 / 4, -15 / 4, 0.0], [-2.0, 0.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(result.values, expected)


def test_distribution_that_cannot_conserve_is_refused() -> None:
    """A neuron that only its bias drives has no input to share over."""
    model = nn.Sequential(Shifted([[1.0]], [0.5]), nn.ReLU(), Shifted([[2.0]], [0.0]))
    dark = torch.zeros(1, 1, dtype=torch.float64)
    with pytest.raises(bilrp.NotConservedError, match=r"0\.layer .* 1, .*bias='leave'"):
        explain_outputs(model, dark, bias="distribute")
    with pytest.raises(bilrp.NotConservedError, match="another rule"):
        BiLRP(model).explain(dark, dark, bias="distribute")
    assert explain_outputs(model, dark, warn=False).certificate.bias_share == 1.0
    with pytest.raises(bilrp.NotConservedError, match=":square"):
        explain_outputs(TwoWays(1), torch.ones(1, 3), {":square": Linearize()}, bias="distribute")


def test_a_similarity_of_zero_is_no_fault() -> None:
    """Terms of 1 and -1 that cancel: rounding of the terms is allowed, and the pair is called doubtful."""
    model = Shifted([[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0]).float()
    x, y = torch.tensor([[1.0, 1.0]]), torch.tensor([[1.0, -1.0 + 1e-6]])
    line = _warning_of(lambda: BiLRP(model).explain(x, y, bias="distribute"))
    assert "similarity near zero" in line
    nothing = BiLRP(model).explain(torch.zeros(1, 2), y, bias="distribute")
    assert nothing.certificate.amplification == 0 and not nothing.certificate.doubts


def test_the_randomisation_test_in_one_call(tmp_path: Path) -> None:
    """The same as by hand, kept with the result; ``replace`` of other things keeps it, too."""
    model, (x, y) = toy_network(), toy_pair()
    joint = BiLRP(model, "gamma").randomization_test(x, y, pool=4, seed=3)
    expected = bilrp.evaluation.randomized_weights(lambda m: BiLRP(m, "gamma"), model, x, y, tile=4, seed=3)
    assert joint.certificate.randomization == expected and len(expected) == 2
    assert "random weights" in joint.certificate.caption
    assert JointRelevance.load(joint.save(tmp_path / "r.npz")).certificate.randomization == expected
    torch.testing.assert_close(joint.left, BiLRP(model, "gamma").explain(x, y).left)
    blind = replace(joint.certificate, randomization={"top": 0.99, "first": 0.95})
    assert "0.95" in blind.doubts[0]
    with pytest.raises(bilrp.InputError, match="two towers"):
        BiLRP(model, model, "gamma").randomization_test(x, y)
