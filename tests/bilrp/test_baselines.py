"""The baselines against second derivatives that autograd takes one by one."""

from __future__ import annotations

import itertools
from math import factorial

import pytest
import torch
from torch import Tensor, nn

from bilrp import BiLRP, InputError
from bilrp.baselines import (
    BASELINES,
    Curvature,
    GradientProduct,
    HessianProduct,
    IntegratedJacobians,
    Saliency,
    ShapleyInteraction,
)
from bilrp.testing import fingerprint, toy_network, toy_pair


def small(kind: str = "bias") -> tuple[nn.Module, Tensor, Tensor]:
    x, y = toy_pair()
    return toy_network(kind), x, y


def mixed_hessian(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """(x.numel(), y.numel()), one row at a time, by differentiating the gradient."""
    a, b = x.clone().requires_grad_(), y.clone().requires_grad_()
    similarity = (model(a * 1) * model(b * 1)).sum()
    (gradient,) = torch.autograd.grad(similarity, a, create_graph=True)
    rows = [torch.autograd.grad(value, b, retain_graph=True)[0].flatten() for value in gradient.flatten()]
    return torch.stack(rows)


def over_channels(table: Tensor) -> Tensor:
    return table.reshape(3, 8, 8, 3, 8, 8).sum(dim=(0, 3))


def tiled(table: Tensor, size: int) -> Tensor:
    n = 8 // size
    return table.reshape(n, size, n, size, n, size, n, size).sum(dim=(1, 3, 5, 7))


@pytest.mark.parametrize("kind", ["bias", "residual"])
def test_second_derivatives(kind: str) -> None:
    model, x, y = small(kind)
    hessian = mixed_hessian(model, x, y)
    expected = {
        Saliency: over_channels(hessian**2),
        Curvature: over_channels(hessian.abs()),
        HessianProduct: over_channels(hessian * x.flatten()[:, None] * y.flatten()),
    }
    for method, table in expected.items():
        torch.testing.assert_close(method(model).table(x, y), table, rtol=1e-9, atol=1e-11)
        torch.testing.assert_close(method(model).table(x, y, 4), tiled(table, 4), rtol=1e-9, atol=1e-9)


def test_products_conserve_without_biases_and_equal_bilrp() -> None:
    model, x, y = small("plain")
    hessian, gradient = HessianProduct(model).explain(x, y), GradientProduct(model).explain(x, y)
    assert hessian.total() == pytest.approx(hessian.similarity)
    assert gradient.total() == pytest.approx(hessian.similarity)
    torch.testing.assert_close(hessian.left, BiLRP(model).explain(x, y).left, rtol=1e-6, atol=1e-8)
    assert gradient.left.shape == (1, 8, 8)


def test_gradient_product_is_the_product_of_the_sides() -> None:
    model, x, y = small()
    a, b = x.clone().requires_grad_(), y.clone().requires_grad_()
    similarity = (model(a * 1) * model(b * 1)).sum()
    first, second = torch.autograd.grad(similarity, (a, b))
    left, right = (first * x).sum(1)[0], (second * y).sum(1)[0]
    expected = torch.einsum("ab,cd->abcd", left, right) / similarity.detach()
    torch.testing.assert_close(GradientProduct(model).table(x, y), expected)


def test_integrated_jacobians() -> None:
    model, x, y = small("plain")
    # a bias-free ReLU network is linear on the ray from zero
    torch.testing.assert_close(
        IntegratedJacobians(model, steps=3).explain(x, y).left, HessianProduct(model).explain(x, y).left
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        smooth = nn.Sequential(nn.Flatten(), nn.Linear(192, 6), nn.Tanh(), nn.Linear(6, 4)).double()
    reference = torch.full_like(x, 0.5)
    joint = IntegratedJacobians(smooth, reference=reference, steps=200).explain(x, y)
    with torch.no_grad():
        phi, psi, base = smooth(x)[0], smooth(y)[0], smooth(reference)[0]
    assert joint.total() == pytest.approx(float((phi - base) @ (psi - base)), rel=1e-4)
    assert joint.similarity == pytest.approx(float(phi @ psi))
    # one integral by the trapezoid rule
    ways = torch.linspace(0, 1, 401, dtype=torch.float64)
    jacobians = torch.stack(
        [torch.autograd.functional.jacobian(smooth, reference + t * (x - reference))[0] for t in ways]  # type: ignore
    )
    expected = torch.trapezoid(jacobians, ways, dim=0)[:, 0] * (x - reference)
    torch.testing.assert_close(joint.left, expected.sum(1), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", BASELINES)
def test_model_is_left_as_it_was_and_similarities_are_bilrps(name: str) -> None:
    model, x, y = small("batchnorm")
    model.train().requires_grad_(False)
    before = fingerprint(model)
    projection = torch.randn(3, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    method = BASELINES[name](model, similarity="cosine", projection=projection)
    if name == "curvature":
        with pytest.raises(InputError, match="no factors"):
            method.explain(x, y)
        assert method.table(x, y, 4).shape == (2, 2, 2, 2)
    else:
        expected = BiLRP(model, similarity="cosine", projection=projection).explain(x, y).similarity
        assert method.explain(x, y).similarity == pytest.approx(expected)
    assert fingerprint(model) == before


def test_vectors_and_kept_channels() -> None:
    x = torch.rand(1, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    model = nn.Linear(7, 3, bias=False).double()
    for name in BASELINES:
        assert BASELINES[name](model).table(x, x).shape == (7, 7)
    image, _ = toy_pair()
    assert HessianProduct(toy_network()).explain(image, image, keep_channels=True).left.shape == (5, 3, 8, 8)


def test_bad_arguments_are_refused() -> None:
    model, x, y = small()
    with pytest.raises(InputError, match="similarity is 'euclid'"):
        Saliency(model, similarity="euclid")
    with pytest.raises(InputError, match="steps is 0"):
        IntegratedJacobians(model, steps=0)
    with pytest.raises(InputError, match="expected one floating-point sample"):
        Saliency(model).explain(torch.zeros(1, 4, dtype=torch.int64), y)
    with pytest.raises(InputError, match=r"projection has shape \(2, 4\), expected \(K, 5\)"):
        Curvature(model, projection=torch.zeros(2, 4)).table(x, y)
    with pytest.raises(InputError, match="the reference has shape"):
        IntegratedJacobians(model, reference=torch.zeros(2, 3, 8, 8, dtype=torch.float64)).explain(x, y)


class Turned(nn.Module):
    """Channels last behind a norm that nothing can fold: the gradient that arrives there has transposed strides."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.norm(torch.sin(3 * x)).flatten(2).transpose(1, 2)).flatten(1)


@pytest.mark.parametrize("kind", [nn.BatchNorm2d, nn.InstanceNorm2d])
def test_wrong_gradient_of_batch_norm_is_not_inherited(kind: type[nn.Module]) -> None:
    """PyTorch 2.13, CPU, N = 1; differences of the embedding tell who is right."""
    norm = kind(3, affine=True, track_running_stats=True)  # type: ignore[call-arg]
    generator = torch.Generator().manual_seed(0)
    for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
        tensor.data.uniform_(0.5, 2, generator=generator)
    model = Turned(norm).double().eval()
    x, y = (sample[..., :4, :3] for sample in toy_pair())
    projection = torch.randn(2, 36, dtype=torch.float64, generator=generator)

    def differences(sample: Tensor) -> Tensor:
        steps = 1e-5 * torch.eye(36, dtype=torch.float64).reshape(36, 1, 3, 4, 3)
        with torch.no_grad():
            slopes = [(projection @ (model(sample + d) - model(sample - d))[0]) / 2e-5 for d in steps]
        return torch.stack(slopes, dim=1).reshape(2, 3, 4, 3)

    joint = HessianProduct(model, projection=projection).explain(x, y, keep_channels=True)
    torch.testing.assert_close(joint.left, differences(x) * x, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(joint.right, differences(y) * y, rtol=1e-6, atol=1e-8)
    path = IntegratedJacobians(model, projection=projection, steps=40, reference=0.9 * x).explain(x, x)
    with torch.no_grad():
        way = projection @ (model(x) - model(0.9 * x))[0]
    torch.testing.assert_close(path.left.sum((1, 2)), way, rtol=1e-4, atol=1e-6)


def test_gradients_go_through_attention_and_gates() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        attention = nn.MultiheadAttention(4, 2, batch_first=True)

    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = attention

        def forward(self, x: Tensor) -> Tensor:
            out = self.attention(x, x, x, need_weights=False)[0] + x
            return (out * torch.sigmoid(out) / (1 + out.norm(dim=-1, keepdim=True))).mean(1)

    model = Gated().double().eval()
    x = torch.randn(1, 5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    expected = torch.autograd.functional.jacobian(model, x)[0][:, 0] * x
    joint = HessianProduct(model).explain(x, x, channel_axis=-1)
    torch.testing.assert_close(joint.left, expected.sum(-1), rtol=1e-9, atol=1e-12)


class Encoder(nn.Module):
    """Token numbers, viewed before they are looked up, positions added, a norm, a smooth layer, the mean."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(11, 6)
        self.positions = nn.Embedding(11, 6)
        self.block = nn.Linear(6, 6)
        self.norm = nn.LayerNorm(6)
        self.double().eval()

    def forward(self, ids: Tensor) -> Tensor:
        vectors = self.words(ids.view(-1, ids.shape[-1])) + self.positions(torch.arange(ids.shape[-1])[None])
        return torch.tanh(self.block(self.norm(vectors))).mean(1)

    def from_vectors(self, words: Tensor) -> Tensor:
        vectors = words + self.positions(torch.arange(words.shape[1])[None])
        return torch.tanh(self.block(self.norm(vectors))).mean(1)


@pytest.fixture
def encoder() -> Encoder:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Encoder()


IDS = torch.tensor([[0, 1, 2, 3, 4]])  # the same numbers as the positions
OTHER_IDS = torch.tensor([[3, 7, 9]])


def test_tokens_are_explained_by_their_vectors(encoder: Encoder) -> None:
    before = fingerprint(encoder)
    joint = HessianProduct(encoder).explain(IDS, OTHER_IDS)
    assert joint.left.shape == (6, 5) and joint.right.shape == (6, 3)
    words = encoder.words(IDS).detach()
    expected = torch.autograd.functional.jacobian(encoder.from_vectors, words)[0][:, 0] * words
    torch.testing.assert_close(joint.left, expected.sum(-1), rtol=1e-9, atol=1e-12)
    pad = IntegratedJacobians(encoder, reference=lambda ids: torch.full_like(ids, 10), steps=30)
    path = pad.explain(IDS, OTHER_IDS)
    with torch.no_grad():
        ways = [(encoder(ids) - encoder(torch.full_like(ids, 10)))[0] for ids in (IDS, OTHER_IDS)]
    assert path.total() == pytest.approx(float(ways[0] @ ways[1]), rel=1e-3)
    torch.testing.assert_close(path.left.sum(1), ways[0], rtol=1e-2, atol=1e-4)
    pair = IntegratedJacobians(encoder, reference=(torch.full((1, 5), 10), torch.full((1, 3), 10)), steps=30)
    assert torch.equal(pair.explain(IDS, OTHER_IDS).left, path.left)
    assert HessianProduct(encoder).explain(IDS, IDS, keep_channels=True).left.shape == (6, 5, 6)
    assert Curvature(encoder).table(IDS, OTHER_IDS).shape == (5, 3)
    assert fingerprint(encoder) == before


def test_exact_cosine_leaves_nothing_to_the_references(encoder: Encoder) -> None:
    reference = (torch.tensor([[10, 10, 10, 10, 10]]), torch.tensor([[10, 10, 10]]))
    exact = IntegratedJacobians(encoder, similarity="cosine", reference=reference, steps=30, shift=True)
    joint = exact.explain(IDS, OTHER_IDS)
    with torch.no_grad():
        ways = [(encoder(ids) - encoder(base))[0] for ids, base in zip((IDS, OTHER_IDS), reference, strict=True)]
    assert joint.similarity == pytest.approx(float(torch.cosine_similarity(*ways, dim=0)))
    assert joint.total() == pytest.approx(joint.similarity, rel=1e-3)
    plain = IntegratedJacobians(encoder, similarity="cosine", reference=reference, steps=30).explain(IDS, OTHER_IDS)
    assert abs(plain.bias_share) > 0.05


def test_middle_layers(encoder: Encoder) -> None:
    model, x, y = small("bias")
    joint = HessianProduct(model, layer="0").explain(x, y)
    assert joint.left.shape == (5, 8, 8) and joint.settings is not None and joint.settings["layer"] == "0"
    value = model[0](x).detach()
    expected = torch.autograd.functional.jacobian(lambda v: model[1:](v * 1), value)[0][:, 0] * value
    torch.testing.assert_close(joint.left, expected.sum(1))
    assert IntegratedJacobians(model, layer="0", reference=0 * x, steps=4).explain(x, y).left.shape == (5, 8, 8)
    tokens = IntegratedJacobians(encoder, layer="norm", steps=30, shift=True, reference=lambda ids: ids * 0 + 10)
    path = tokens.explain(IDS, OTHER_IDS, channel_axis=-1)
    assert path.left.shape == (6, 5)
    assert path.total() == pytest.approx(path.similarity, rel=1e-3)
    with pytest.raises(InputError, match="no layer 'nome'"):
        HessianProduct(encoder, layer="nome").explain(IDS, IDS)


def interaction_by_definition(model: nn.Module, x: Tensor, y: Tensor, index: str) -> Tensor:
    """Every subset of the one game of six vectors of x and y, as the formula is printed; one player at a time."""
    n, m = x.shape[1], y.shape[1]

    def value(present: frozenset[int]) -> float:
        first = torch.tensor([[float(i in present) for i in range(n)]], dtype=torch.float64)
        second = torch.tensor([[float(n + j in present) for j in range(m)]], dtype=torch.float64)
        with torch.no_grad():
            return float(model(x * first)[0] @ model(y * second)[0])

    table = torch.zeros(n, m, dtype=torch.float64)
    for i, j in itertools.product(range(n), range(n, n + m)):
        others = [k for k in range(n + m) if k not in (i, j)]
        for size in range(len(others) + 1):
            for chosen in map(frozenset, itertools.combinations(others, size)):
                s, t = len([k for k in chosen if k < n]), len([k for k in chosen if k >= n])
                weight = {
                    "shapley": factorial(size) * factorial(n + m - size - 2) / factorial(n + m - 1),
                    "banzhaf": 2.0 ** -(n + m - 2),
                    "product": factorial(s)
                    * factorial(n - s - 1)
                    / factorial(n)
                    * factorial(t)
                    * factorial(m - t - 1)
                    / factorial(m),
                }[index]
                change = value(chosen | {i, j}) - value(chosen | {i}) - value(chosen | {j}) + value(chosen)
                table[i, j - n] += weight * change
    return table


@pytest.mark.parametrize("index", ["product", "shapley", "banzhaf"])
def test_interactions_are_those_of_the_definition(index: str) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2)).double()
        other = torch.randn(1, 3, dtype=torch.float64)
        x = torch.randn(1, 3, dtype=torch.float64)
    joint = ShapleyInteraction(model, index=index).explain(x, other)
    torch.testing.assert_close(joint.matrix(), interaction_by_definition(model, x, other, index))
    with torch.no_grad():
        assert joint.similarity == pytest.approx(float(model(x)[0] @ model(other)[0]))
        ways = [(model(sample) - model(0 * sample))[0] for sample in (x, other)]
    if index == "product":
        assert joint.total() == pytest.approx(float(ways[0] @ ways[1]))


def test_interactions_of_tiles_and_tokens(encoder: Encoder) -> None:
    model, x, y = small("plain")
    method = ShapleyInteraction(model, tile=4)
    joint = method.explain(x, y)
    assert joint.left.shape == (5, 2, 2) and joint.tile == 4
    assert joint.total() == pytest.approx(joint.similarity)  # nothing without an image
    torch.testing.assert_close(ShapleyInteraction(model).table(x, y, 4), joint.matrix())
    words = ShapleyInteraction(encoder, reference=torch.tensor([[10]]), similarity="cosine").explain(IDS, OTHER_IDS)
    assert words.left.shape == (6, 5)
    with pytest.raises(InputError, match="64 and 64 places, expected at most 12"):
        ShapleyInteraction(model).explain(x, y)
    with pytest.raises(InputError, match="index is 'owen'"):
        ShapleyInteraction(model, index="owen")


def test_texts_and_dicts_keep_their_tokens(encoder: Encoder) -> None:
    numbers = {"a": 1, "b": 2, "c": 3}

    class Reading(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
            return self.encoder(input_ids) * attention_mask.double().mean()

        def read(self, text: str) -> tuple[dict[str, Tensor], list[str]]:
            ids = torch.tensor([[numbers[letter] for letter in text]])
            return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}, list(text)

    model = Reading()
    joint = HessianProduct(model).explain("abc", "cb")
    assert joint.left_tokens == ("a", "b", "c") and joint.right_tokens == ("c", "b")
    torch.testing.assert_close(joint.left, HessianProduct(encoder).explain(torch.tensor([[1, 2, 3]]), IDS).left)
    words = ShapleyInteraction(model, reference=torch.tensor([[0]])).explain("abc", "cb")
    assert words.matrix().shape == (3, 2) and words.left_tokens == ("a", "b", "c")
    by_name, _ = model.read("abc")
    assert torch.equal(IntegratedJacobians(model, steps=2).explain(by_name, "cb").right, joint.right) is False
