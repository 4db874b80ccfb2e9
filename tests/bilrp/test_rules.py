"""Every rule on every kind of layer, against its formula in dense matrices."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from bilrp import BiLRP, RuleError, explain_outputs
from bilrp.rules import (
    LRP0,
    RULES,
    AlphaBeta,
    Epsilon,
    Flat,
    Gamma,
    Gate,
    Linearize,
    MaxShare,
    MaxWinner,
    MinShare,
    MinWinner,
    Pass,
    ProductShare,
    Rule,
    SumShare,
    WSquare,
    ZBox,
    ZPlus,
    stabilize,
)
from bilrp.rules.base import inverse_or_zero
from bilrp.testing import dense, fingerprint, matrix_lrp, share_matrix

LINEAR_RULES = [
    LRP0(),
    LRP0(eps=0.1, stabilizer="plain"),
    LRP0(eps=0.1, stabilizer="relative"),
    Epsilon(0.05),
    Gamma(0.3),
    Gamma(0.3, eps=0.02, stabilizer="relative"),
    Gamma(0.0),
    ZPlus(),
    ZPlus(eps=0.1),
    AlphaBeta(2.0, 1.0),
    AlphaBeta(1.0, 0.0),
    ZBox(-2.0, 3.0),
    ZBox([-1.5, -2.5], torch.tensor([1.5, 2.5]), eps=0.01),
    WSquare(),
    Flat(),
]
LAYERS = {
    "linear": (lambda bias: nn.Linear(6, 5, bias=bias), (2, 6)),
    "conv1d": (lambda bias: nn.Conv1d(2, 3, 3, padding=1, bias=bias), (2, 7)),
    "conv2d": (lambda bias: nn.Conv2d(2, 3, 3, padding=1, bias=bias), (2, 5, 4)),
    "conv2d strided": (lambda bias: nn.Conv2d(2, 4, 3, stride=2, padding=(0, 1), bias=bias), (2, 6, 5)),
    "conv2d dilated, grouped": (lambda bias: nn.Conv2d(2, 4, 2, dilation=2, groups=2, bias=bias), (2, 5, 5)),
    "conv2d same": (lambda bias: nn.Conv2d(2, 3, 3, padding="same", bias=bias), (2, 5, 5)),
    "conv3d": (lambda bias: nn.Conv3d(2, 2, 2, bias=bias), (2, 3, 3, 2)),
    "conv_transpose2d": (lambda bias: nn.ConvTranspose2d(2, 3, 3, stride=2, bias=bias), (2, 3, 3)),
}


TENTHS = st.integers(-30, 30).map(lambda n: n / 10)  # zeros, ties and exact cancellation, but no denormal numbers


def seeded(make: object, *args: object) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        module: nn.Module = make(*args)  # type: ignore[operator]
    return module.double()


@pytest.mark.parametrize("distribute", [False, True], ids=["leave", "distribute"])
@pytest.mark.parametrize("bias", [False, True], ids=["plain", "bias"])
@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("rule", LINEAR_RULES, ids=repr)
def test_rule_equals_its_matrix_form(rule: Rule, kind: str, bias: bool, distribute: bool, rng: torch.Generator) -> None:
    make, shape = LAYERS[kind]
    model = nn.Sequential(seeded(make, bias))
    x = torch.randn(1, *shape, generator=rng, dtype=torch.float64).clamp(-1.4, 1.4)  # signed inputs, in every box
    got = explain_outputs(model, x, {"0": rule}, bias="distribute" if distribute else "leave").values
    expected = matrix_lrp(model, x, {"0": rule}, distribute=distribute)
    torch.testing.assert_close(got.reshape(expected.shape), expected, rtol=1e-9, atol=1e-9)


class Failing(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        raise OSError("injected")


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("rule", LINEAR_RULES, ids=repr)
def test_laws_hold_for_every_rule_on_every_layer(rule: Rule, kind: str, rng: torch.Generator) -> None:
    make, shape = LAYERS[kind]
    bias = not isinstance(rule, ZPlus) and repr(rule) != repr(AlphaBeta(1.0, 0.0))
    # (where a bias alone makes an output positive, z+ finds nothing to share it over)
    model = nn.Sequential(seeded(make, bias), nn.ReLU(), nn.Flatten()).train()
    x, y = (0.1 + 0.9 * torch.rand(1, *shape, generator=rng, dtype=torch.float64) for _ in range(2))
    before = fingerprint(model)
    explainer = BiLRP(model, {"0": rule})
    joint = explainer.explain(x, y, bias="distribute")
    table = joint.matrix()

    # factored = materialised, output by output
    pairs = zip(joint.left, joint.right, strict=True)
    materialised = sum(torch.tensordot(one[None], other[None], ([0], [0])) for one, other in pairs)
    torch.testing.assert_close(table, materialised)
    # conservation: outputs have contributions of both signs here, or are zero
    assert joint.total() == pytest.approx(joint.similarity, rel=1e-6, abs=1e-9)
    # symmetry
    n = joint.left[0].dim()
    swapped = explainer.explain(y, x, bias="distribute").matrix()
    torch.testing.assert_close(swapped, table.permute(*range(n, 2 * n), *range(n)))
    # batched = one by one, second call = first
    one_by_one = BiLRP(model, {"0": rule}, memory=1).explain(x, y, bias="distribute")
    torch.testing.assert_close(one_by_one.left, joint.left, rtol=1e-10, atol=1e-12)
    again = explainer.explain(x, y, bias="distribute")
    assert torch.equal(again.left, joint.left) and torch.equal(again.right, joint.right)
    # untouched, also after an error
    with pytest.raises(OSError, match="injected"):
        BiLRP(nn.Sequential(model, Failing()), {"0.0": rule}).explain(x, y)
    assert fingerprint(model) == before


def is_scale_free(rule: Rule) -> bool:
    """Neither a fixed box nor an epsilon in the unit of the output."""
    return not isinstance(rule, ZBox) and (rule.eps <= 1e-6 or rule.stabilizer == "relative")


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("rule", [*filter(is_scale_free, LINEAR_RULES)], ids=repr)
def test_relevance_grows_with_the_input(rule: Rule, kind: str, rng: torch.Generator) -> None:
    """Without biases and with a scale-free stabilizer R(c x) = c R(x)."""
    make, shape = LAYERS[kind]
    model = seeded(make, False)
    x = torch.randn(1, *shape, generator=rng, dtype=torch.float64)
    one, threefold = (explain_outputs(model, factor * x, {"*": rule}).values for factor in (1.0, 3.0))
    torch.testing.assert_close(threefold, 3 * one, rtol=1e-5, atol=1e-7)


def test_matrix_form_can_fail(rng: torch.Generator) -> None:
    model = nn.Sequential(seeded(LAYERS["conv2d"][0], True))
    x = torch.randn(1, 2, 5, 4, generator=rng, dtype=torch.float64)
    got = explain_outputs(model, x, {"0": Gamma(0.3)}).values
    with pytest.raises(AssertionError, match="not close"):
        torch.testing.assert_close(got, matrix_lrp(model, x, {"0": Gamma(0.31)}), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("inputs", ["positive", "signed"])
def test_gamma_above_zero_is_its_first_form(inputs: str, rng: torch.Generator) -> None:
    """a_j (w + gamma w+) / sum, one neuron at a time, where inputs and output are positive; its mirror image below."""
    layer = seeded(LAYERS["linear"][0], True)
    assert isinstance(layer, nn.Linear)
    x = torch.rand(2, 6, generator=rng, dtype=torch.float64) - (0.5 if inputs == "signed" else 0.0)
    got = explain_outputs(nn.Sequential(layer), x[None], {"0": Gamma(0.7)}).values.reshape(2, 5, 2, 6)
    signs = set()
    for t, k in np.ndindex(2, 5):
        a, w, bias = x[t].numpy(), layer.weight[k].detach().numpy(), float(layer.bias[k].detach())
        z = float(a @ w) + bias
        sign = 1.0 if z >= 0 else -1.0
        part = [aj * wj + 0.7 * (aj * wj if sign * aj * wj > 0 else 0.0) for aj, wj in zip(a, w, strict=True)]
        total = sum(part) + bias + 0.7 * (bias if sign * bias > 0 else 0.0)
        assert sign * total >= sign * z
        if inputs == "positive" and sign > 0:
            np.testing.assert_allclose(part, a * (w + 0.7 * np.maximum(w, 0)))
        np.testing.assert_allclose(got[t, k, t], np.array(part) / total * z, rtol=1e-7, atol=1e-9)
        signs.add(sign)
    assert signs == {1.0, -1.0}


def test_gamma_of_silenced_neurons(rng: torch.Generator) -> None:
    """Relevance that flat shares give to neurons that a ReLU silences is kept and stated, or shared out."""
    model = nn.Sequential(seeded(LAYERS["conv2d"][0], True), nn.ReLU(), seeded(lambda b: nn.Conv2d(3, 2, 3), True))
    x = torch.rand(1, 2, 5, 4, generator=rng, dtype=torch.float64)
    rules: dict[str, Rule] = {"0": Gamma(0.4), "2": Flat()}
    got = explain_outputs(model, x, rules)
    missing = (got.embedding - got.values.flatten(1).sum(1)).abs().sum() / got.embedding.abs().sum()
    assert missing > 0.01
    assert sum(entry.kept for entry in got.coverage.entries) == pytest.approx(float(missing), rel=1e-6)
    whole = explain_outputs(model, x, rules, bias="distribute")
    torch.testing.assert_close(whole.values.flatten(1).sum(1), whole.embedding, rtol=1e-6, atol=1e-9)


def test_limits_meet(rng: torch.Generator) -> None:
    """Gamma 0 is LRP-0, gamma to infinity z+ (of positive outputs), epsilon to 0 LRP-0, alpha 1 beta 0 z+."""
    model = nn.Sequential(seeded(LAYERS["conv2d"][0], False), nn.ReLU())
    x = torch.rand(1, 2, 5, 4, generator=rng, dtype=torch.float64)

    def maps(rule: Rule) -> Tensor:
        return explain_outputs(model, x, {"0": rule}).values

    torch.testing.assert_close(maps(Gamma(0.0)), maps(LRP0()))
    torch.testing.assert_close(maps(Gamma(1e9)), maps(ZPlus()), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(maps(Epsilon(0.0)), maps(LRP0(eps=0.0)))
    torch.testing.assert_close(maps(AlphaBeta(1.0, 0.0)), maps(ZPlus()))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(TENTHS, min_size=4, max_size=4),
    st.lists(TENTHS, min_size=12, max_size=12),
    st.lists(TENTHS, min_size=3, max_size=3),
    st.sampled_from([LRP0(), Epsilon(0.1), Gamma(0.5), ZPlus(), AlphaBeta(2, 1), ZBox(-3.0, 3.0), WSquare(), Flat()]),
)
def test_distributing_conserves_whatever_has_a_contribution(
    a: list[float], w: list[float], b: list[float], rule: Rule
) -> None:
    layer = nn.Linear(4, 3).double()
    layer.weight.data = torch.tensor(w, dtype=torch.float64).reshape(3, 4)
    layer.bias.data = torch.tensor(b, dtype=torch.float64)
    x = torch.tensor([a], dtype=torch.float64)
    result = explain_outputs(nn.Sequential(layer), x, {"0": rule}, bias="distribute")
    shares = share_matrix(rule, x.numpy()[0], *dense(layer, (4,)), distribute=True, low=-3.0, high=3.0)
    gets_all = shares.sum(0)  # 1, or 0 for an output without contributions
    assert np.all((np.abs(gets_all - 1) < 1e-6) | (np.abs(gets_all) < 1e-6))
    scale = 1e-9 * (1 + float(result.values.abs().sum()))
    np.testing.assert_allclose(result.values.sum(1), result.embedding.numpy() * gets_all, atol=scale)


class Function(nn.Module):
    """A model that is one function."""

    def __init__(self, function: object) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.function(x)  # type: ignore[operator]
        return out.flatten(1)


def maps_of(function: object, x: Tensor, rule: Rule | None = None, name: str = "*", bias: str = "leave") -> Tensor:
    composite = None if rule is None else {name: rule}
    return explain_outputs(Function(function), x, composite, bias=bias).values


def test_sum_share_is_proportional() -> None:
    x = torch.tensor([[3.0, 1.0, -2.0]], dtype=torch.float64)
    got = maps_of(lambda v: v[:, :1] + v[:, 1:2] + v[:, 2:], x, SumShare(), ":add*")
    torch.testing.assert_close(got, x)  # each brings itself to the sum of 2
    got = maps_of(lambda v: v[:, :1] - v[:, 1:2], x, SumShare(), ":sub")
    torch.testing.assert_close(got, torch.tensor([[3.0, -1.0, 0.0]], dtype=torch.float64))


def test_constant_summand_is_a_bias() -> None:
    x = torch.tensor([[3.0, -1.0]], dtype=torch.float64)
    torch.testing.assert_close(maps_of(lambda v: v + 2, x).sum(1), torch.tensor([3.0, -1.0], dtype=torch.float64))
    torch.testing.assert_close(maps_of(lambda v: v + 2, x, bias="distribute").sum(1), (x + 2)[0])


def test_average_pooling_is_proportional() -> None:
    x = torch.tensor([[[[1.0, 3.0], [0.0, 4.0]]]], dtype=torch.float64)
    got = maps_of(nn.AvgPool2d(2), x)
    torch.testing.assert_close(got[0], x[0] / 4)


def test_max_pooling_winner_and_share() -> None:
    x = torch.tensor([[[[1.0, 3.0], [0.0, 4.0]]]], dtype=torch.float64)
    pool = nn.MaxPool2d(2)
    torch.testing.assert_close(maps_of(pool, x)[0, 0], torch.tensor([[0.0, 0.0], [0.0, 4.0]], dtype=torch.float64))
    torch.testing.assert_close(maps_of(pool, x, MaxShare(), "function")[0], x[0] * 4 / 8)
    got = maps_of(pool, x, MaxWinner(eps=1.0, stabilizer="plain"), "function")
    assert float(got.sum()) == pytest.approx(4 * 4 / 5)


def test_minimum_share_and_winner() -> None:
    x = torch.tensor([[3.0, 1.0]], dtype=torch.float64)

    def both(v: Tensor) -> Tensor:
        return torch.minimum(v[:, :1], v[:, 1:])

    torch.testing.assert_close(maps_of(both, x), torch.tensor([[0.5, 0.5]], dtype=torch.float64))
    torch.testing.assert_close(
        maps_of(both, x, MinWinner(), ":minimum"), torch.tensor([[0.0, 1.0]], dtype=torch.float64)
    )
    got = maps_of(lambda v: v.amin(1), x[None], MinShare(), ":amin")
    torch.testing.assert_close(got.sum(), torch.tensor(4.0, dtype=torch.float64))
    torch.testing.assert_close(
        maps_of(lambda v: v.amin(1, keepdim=True), x), torch.tensor([[0.5, 0.5]], dtype=torch.float64)
    )
    torch.testing.assert_close(
        maps_of(lambda v: v.min(1, keepdim=True).values, x), torch.tensor([[0.5, 0.5]], dtype=torch.float64)
    )


def test_products_share_or_gate() -> None:
    x = torch.tensor([[3.0, 2.0]], dtype=torch.float64)

    def gated(v: Tensor) -> Tensor:
        return v[:, :1] * v[:, 1:]

    torch.testing.assert_close(maps_of(gated, x, ProductShare(), ":mul"), torch.tensor([[3.0, 3.0]]).double())
    torch.testing.assert_close(maps_of(gated, x, Gate(1), ":mul"), torch.tensor([[0.0, 6.0]]).double())


def test_pass_undoes_broadcasting(rng: torch.Generator) -> None:
    x = torch.rand(1, 1, 3, generator=rng, dtype=torch.float64)
    got = maps_of(lambda v: v * torch.ones(4, 3, dtype=torch.float64), x)
    assert got.shape == (12, 1, 3)
    torch.testing.assert_close(got.sum((1, 2)), x.expand(1, 4, 3).flatten())


def test_linearize_is_exact_for_homogeneous_operations(rng: torch.Generator) -> None:
    x = torch.rand(1, 4, generator=rng, dtype=torch.float64)
    got = maps_of(lambda v: v.norm(dim=1, keepdim=True), x, Linearize(), ":norm")
    torch.testing.assert_close(got[0], (x**2 / x.norm())[0], rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Gamma(-1), "gamma is -1, expected zero or more"),
        (lambda: Epsilon(-1e-3), "eps is -0.001, expected zero or more"),
        (lambda: LRP0(stabilizer="both"), "stabilizer is 'both', expected one of"),
        (lambda: AlphaBeta(2, 0.5), "expected alpha - beta = 1"),
        (lambda: Gate(2), "value is 2, expected 0, 1 or None"),
    ],
)
def test_bad_settings_are_refused(make: object, message: str) -> None:
    with pytest.raises(RuleError, match=message):
        make()  # type: ignore[operator]


def test_box_must_hold_the_input() -> None:
    model = nn.Sequential(nn.Conv2d(1, 1, 1)).double()
    x = torch.full((1, 1, 2, 2), 1.5, dtype=torch.float64)
    with pytest.raises(RuleError, match=r"0: ZBox expects inputs between 0 and 1, got 1.5 to 1.5"):
        explain_outputs(model, x, {"0": ZBox(0.0, 1.0)})
    with pytest.raises(RuleError, match=r"bounds have shape \(1, 3, 1, 1\), expected"):
        explain_outputs(model, x, {"0": ZBox([0.0, 0.0, 0.0], [2.0, 2.0, 2.0])})


def test_stabilizers_keep_away_from_zero() -> None:
    z = torch.tensor([-1.0, 0.0, 2.0], dtype=torch.float64)
    assert stabilize(z, 0.5).tolist() == [-1.5, 0.5, 2.5]
    assert stabilize(z, 0.5, "plain").tolist() == [-0.5, 0.5, 2.5]
    assert stabilize(z, 0.5, "relative", torch.tensor([2.0, 4.0, 6.0]).double()).tolist() == [-2.0, 2.0, 5.0]


def test_every_rule_has_its_formula_or_source_and_a_repr() -> None:
    for name, rule in RULES.items():
        assert rule.__doc__ and rule.kinds | {"any"}
        assert name in repr(rule(-1.0, 1.0) if rule is ZBox else rule())
    assert repr(Pass()) == "Pass()"


def test_what_is_hardly_a_number_is_nothing_to_share_over() -> None:
    """Behind an attention mask of -100 activations are 1e-44, whose inverse is infinite in float32."""
    layer = nn.Linear(3, 2)
    result = explain_outputs(layer, torch.full((1, 3), 1e-42), {"": Epsilon(1e-6)}, bias="leave")
    assert bool(torch.isfinite(result.values).all())
    assert float(inverse_or_zero(torch.tensor([1e-44, -1e-40, 1e-20])).abs()[:2].max()) == 0
