"""BiLRP as a whole: laws that hold for every network and composite."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import bilrp
from bilrp import BiLRP, InputError, explain_outputs
from bilrp.rules import LRP0, Gamma, Rule, ZBox
from bilrp.testing import TOYS, fingerprint, hessian_product, matrix_lrp, toy_network, toy_pair

COMPOSITES = ["lrp0", "epsilon", "gamma", "epsilon-plus", "epsilon-alpha2-beta1", "wsquare-gamma"]


@pytest.mark.parametrize("bias", ["leave", "distribute"])
@pytest.mark.parametrize("kind", ["plain", "bias"])
def test_equals_slow_matrices(kind: str, bias: str) -> None:
    model = toy_network(kind)
    x, y = toy_pair()
    rules: dict[str, Rule] = {"0": ZBox(0.0, 1.0), "4": Gamma(0.2)}
    joint = BiLRP(model, rules).explain(x, y, bias=bias, keep_channels=True)
    for factor, sample in ((joint.left, x), (joint.right, y)):
        assert isinstance(model, nn.Sequential)
        expected = matrix_lrp(model, sample, rules, distribute=bias == "distribute")
        torch.testing.assert_close(factor, expected, rtol=1e-9, atol=1e-10)


def test_lrp0_without_biases_is_hessian_times_product() -> None:
    model = toy_network("plain")
    x, y = toy_pair()
    joint = BiLRP(model, "lrp0").explain(x, y, keep_channels=True)
    expected = hessian_product(model, x, y)
    assert float((joint.matrix().reshape(expected.shape) - expected).abs().max()) < 1e-8


def test_linear_network_is_known() -> None:
    """For phi = W x the relevance of a pair is x_i (W'W)_ij y_j."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = nn.Linear(6, 4, bias=False).double()
    x, y = (torch.rand(1, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(s)) for s in (1, 2))
    joint = BiLRP(model).explain(x, y)
    gram = model.weight.T @ model.weight
    torch.testing.assert_close(joint.matrix(), (x.T * gram * y).detach(), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("composite", COMPOSITES)
@pytest.mark.parametrize("kind", TOYS)
def test_distributed_relevance_adds_up(kind: str, composite: str) -> None:
    joint = BiLRP(toy_network(kind), composite).explain(*toy_pair(), bias="distribute")
    magnitude = float(joint.left.abs().sum() * joint.right.abs().sum())
    assert abs(joint.total() - joint.similarity) < 1e-6 * (abs(joint.similarity) + 1e-3 * magnitude)


@pytest.mark.parametrize("kind", TOYS)
def test_leaving_biases_states_their_share(kind: str) -> None:
    joint = BiLRP(toy_network(kind), "gamma").explain(*toy_pair())
    assert joint.total() == pytest.approx(float(joint.matrix().sum()))
    if kind == "plain":
        assert abs(joint.bias_share) < 1e-6
    else:
        assert abs(joint.bias_share) > 1e-3


@settings(max_examples=10, deadline=None)
@given(st.sampled_from(TOYS), st.sampled_from(COMPOSITES), st.integers(0, 50))
def test_changing_places_transposes(kind: str, composite: str, seed: int) -> None:
    explainer = BiLRP(toy_network(kind, seed), composite)
    x, y = toy_pair(seed)
    one, other = explainer.explain(x, y), explainer.explain(y, x)
    torch.testing.assert_close(one.pool(4).matrix(), other.pool(4).matrix().permute(2, 3, 0, 1))
    torch.testing.assert_close(one.swapped().left, other.left)


@settings(max_examples=10, deadline=None)
@given(st.floats(0.1, 10.0), st.integers(0, 50))
def test_scaling_an_input_scales_the_relevance(factor: float, seed: int) -> None:
    explainer = BiLRP(toy_network("plain", seed), "gamma")
    x, y = toy_pair(seed)
    one, other = explainer.explain(x, y), explainer.explain(factor * x, y)
    torch.testing.assert_close(other.left, factor * one.left, rtol=1e-5, atol=1e-9)
    torch.testing.assert_close(other.right, one.right)


@pytest.mark.parametrize("kind", TOYS)
def test_chunks_do_not_matter(kind: str) -> None:
    x, _ = toy_pair()
    model = toy_network(kind)
    together = explain_outputs(model, x, "gamma")
    one_by_one = explain_outputs(model, x, "gamma", memory=1)
    torch.testing.assert_close(together.values, one_by_one.values, rtol=1e-12, atol=1e-14)
    for a, b in zip(together.coverage.entries, one_by_one.coverage.entries, strict=True):
        assert a.kept == pytest.approx(b.kept, abs=1e-12)


@pytest.mark.parametrize("kind", TOYS)
def test_second_call_gives_what_the_first_gave_and_the_model_is_untouched(kind: str) -> None:
    model = toy_network(kind).train()
    model.requires_grad_(False)
    before = fingerprint(model)
    explainer = BiLRP(model, "gamma")
    first, second = (explainer.explain(*toy_pair()) for _ in range(2))
    assert torch.equal(first.left, second.left) and torch.equal(first.right, second.right)
    assert fingerprint(model) == before


class Failing(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        torch.rand(3)
        raise OSError("injected")


@pytest.mark.parametrize("kind", TOYS)
def test_model_is_untouched_after_an_error(kind: str) -> None:
    x, _ = toy_pair()
    model = nn.Sequential(toy_network(kind), Failing()).train()
    before = fingerprint(model)
    with pytest.raises(OSError, match="injected"):
        explain_outputs(model, x)
    assert fingerprint(model) == before
    with pytest.raises(bilrp.CompositeError, match="no layer is called 'nowhere'"):
        explain_outputs(model[0], x, {"nowhere": LRP0()})
    assert fingerprint(model) == before
    assert not torch.nn.modules.module._global_forward_hooks


def test_fingerprint_can_fail() -> None:
    model = toy_network("bias")
    before = fingerprint(model)
    model[0].register_forward_hook(lambda *_: None)  # type: ignore[index]
    assert fingerprint(model) != before


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_works_in_any_grad_mode(context: type) -> None:
    model, (x, y) = toy_network("residual"), toy_pair()
    expected = BiLRP(model, "gamma").explain(x, y)
    with context():
        got = BiLRP(model, "gamma").explain(x.clone(), y.clone())
    torch.testing.assert_close(got.left, expected.left)
    assert not got.left.requires_grad


def test_cosine_holds_the_norms_fixed() -> None:
    model, (x, y) = toy_network("plain"), toy_pair()
    joint = BiLRP(model, "gamma", similarity="cosine").explain(x, y)
    with torch.no_grad():
        expected = torch.cosine_similarity(model(x), model(y))
    assert joint.similarity == pytest.approx(float(expected))
    assert joint.total() == pytest.approx(float(expected), rel=1e-6)


def test_projection_equals_a_linear_layer_on_top() -> None:
    model, (x, y) = toy_network("plain"), toy_pair()
    projection = torch.randn(3, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    top = nn.Linear(5, 3, bias=False).double()
    top.weight.data = projection
    got = BiLRP(model, {"4": Gamma(0.1)}, projection=projection).explain(x, y)
    expected = BiLRP(nn.Sequential(*model, top), {"4": Gamma(0.1)}).explain(x, y)  # type: ignore[misc]
    torch.testing.assert_close(got.left, expected.left, rtol=1e-6, atol=1e-9)
    assert got.similarity == pytest.approx(expected.similarity)


def test_pairs_equal_one_by_one_and_sizes_may_differ() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).double()
    x = torch.rand(2, 3, 7, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    y = torch.rand(2, 3, 6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    both = BiLRP(model, "gamma").explain_pairs(x, y)
    for n, joint in enumerate(both):
        alone = BiLRP(model, "gamma").explain(x[n : n + 1], y[n : n + 1])
        torch.testing.assert_close(joint.left, alone.left)
        assert joint.left.shape == (4, 7, 9) and joint.right.shape == (4, 6, 5)
    with pytest.raises(InputError, match="got 2 and 1 samples"):
        BiLRP(model).explain_pairs(x, y[:1])


def test_float32_follows_float64() -> None:
    x, y = toy_pair()
    model = toy_network("batchnorm")
    expected = BiLRP(model, "gamma").explain(x, y)
    got = BiLRP(model.float(), "gamma").explain(x.float(), y.float())
    assert got.left.dtype == torch.float32
    torch.testing.assert_close(got.left.double(), expected.left, rtol=1e-3, atol=1e-5)


def test_tokens_are_explained_by_their_number() -> None:
    class Sentence(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(10, 6)
            self.head = nn.Linear(6, 3, bias=False)

        def forward(self, tokens: Tensor) -> Tensor:
            out: Tensor = self.head(self.table(tokens)).mean(1)
            return out

    joint = BiLRP(Sentence().double()).explain(torch.tensor([[1, 2, 3]]), torch.tensor([[4, 2]]))
    assert joint.left.shape == (3, 3) and joint.right.shape == (3, 2)
    assert joint.total() == pytest.approx(joint.similarity, rel=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bias": "keep"}, "bias is 'keep', expected 'leave' or 'distribute'"),
        ({"channel_axis": 7}, "channel_axis is 7 for an input of shape"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        BiLRP(toy_network()).explain(*toy_pair(), **arguments)  # type: ignore[arg-type]


def test_bad_inputs_are_refused() -> None:
    x, y = toy_pair()
    with pytest.raises(InputError, match=r"got an input of shape \(2, 3, 8, 8\), expected one sample"):
        BiLRP(toy_network()).explain(torch.cat([x, y]), y)
    with pytest.raises(InputError, match="similarity is 'euclid', expected"):
        BiLRP(toy_network(), similarity="euclid")
    with pytest.raises(InputError, match=r"projection has shape \(2, 4\), expected \(K, 5\)"):
        BiLRP(toy_network(), projection=torch.zeros(2, 4)).explain(x, y)
    with pytest.raises(bilrp.CompositeError, match="composite 'best' is unknown, expected one of lrp0"):
        BiLRP(toy_network(), "best")
