"""Distances, kernels and heads: each equation holds, each part is the derivative that it should be, nothing is lost."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from bilrp import BiLRP, InputError
from bilrp.rules import Epsilon
from bilrp.similarities import RBF, Cosine, Dot, Euclidean, SiameseHead, Similarity
from bilrp.testing import toy_network, toy_pair

M = 5


def linear_head(features: tuple[str, ...], bias: bool = True, **options: str) -> SiameseHead:
    torch.manual_seed(3)
    return SiameseHead(nn.Linear(M * len(features), 2, bias=bias).double(), features, output=1, **options)


def deep_head(differences: str = "signs", bias: str = "leave") -> SiameseHead:
    torch.manual_seed(4)
    head = nn.Sequential(nn.Linear(4 * M, 7), nn.ReLU(), nn.Linear(7, 1)).double()
    return SiameseHead(head, differences=differences, bias=bias, composite={"0": Epsilon(1e-9)})


SIMILARITIES: dict[str, Similarity] = {
    "dot": Dot(),
    "cosine": Cosine(),
    "euclidean": Euclidean(),
    "rbf": RBF(0.3),
    "product": linear_head(("product",), bias=False),
    "difference": linear_head(("difference",)),
    "squares": linear_head(("difference",), differences="squares"),
    "all": linear_head(("left", "right", "difference", "product")),
    "other order": linear_head(("product", "right")),
    "deep": deep_head(),
    "deep squares": deep_head("squares"),
}


def plain(name: str, u: Tensor, v: Tensor) -> Tensor:
    """The similarity itself, as one would write it."""
    if name == "dot":
        return u @ v
    if name == "cosine":
        return u @ v / (u.norm() * v.norm())
    if name == "euclidean":
        return -(u - v).square().sum()
    if name == "rbf":
        return torch.exp(-0.3 * (u - v).square().sum())
    head = SIMILARITIES[name]
    assert isinstance(head, SiameseHead)
    parts = {"left": u, "right": v, "difference": (u - v).abs(), "product": u * v}
    out: Tensor = head.head(torch.cat([parts[part] for part in head.features])[None])[0, head.output]
    return out


def vectors(seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    u, v = (torch.randn(M, generator=generator, dtype=torch.float64) for _ in range(2))
    return u, v


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(SIMILARITIES)), st.integers(0, 1000))
def test_the_equation_holds(name: str, seed: int) -> None:
    u, v = vectors(seed)
    split = SIMILARITIES[name].split(u, v)
    expected = float(plain(name, u, v).detach())
    assert split.similarity == pytest.approx(expected, rel=1e-9)
    total = 0.0
    for m in range(M):  # as it stands in the module's first lines
        total += float(split.pairs[m] * u[m] * v[m] + split.left[m] * u[m] + split.right[m] * v[m])
    assert total + split.constant == pytest.approx(expected, rel=1e-6, abs=1e-9)
    head = getattr(SIMILARITIES[name], "head", None)
    constant = 1.0 if name == "rbf" else 0.0
    if isinstance(head, nn.Linear) and head.bias is not None:
        constant = float(head.bias[1].detach())
    if not isinstance(head, nn.Sequential):  # what comes from neither input is the bias of the head, and no more
        assert split.constant == pytest.approx(constant, abs=1e-6)


@pytest.mark.parametrize("name", sorted(SIMILARITIES))
def test_parts_of_two_images_add_up(name: str) -> None:
    explainer = BiLRP(toy_network("plain"), "gamma")
    x, y = toy_pair()
    explanation = SIMILARITIES[name].explain(explainer.factor(x), explainer.factor(y))
    assert explanation.total() == pytest.approx(explanation.similarity, rel=1e-5)
    shares = explanation.shares
    assert sum(shares.values()) == pytest.approx(explanation.similarity)
    assert abs(shares["biases"]) < 1e-5 * sum(map(abs, shares.values()))
    for marginal in (explanation.left_marginal(), explanation.right_marginal()):
        assert marginal.shape == (8, 8)
    assert float(explanation.left_marginal().sum()) == pytest.approx(shares["pairs"] + shares["left"])
    assert repr(explanation).startswith("SimilarityExplanation(similarity=")


def derivatives(name: str, model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """x_i y_j d2s/dx_i dy_j, x_i ds/dx_i and y_j ds/dy_j of the similarity as a whole, by autograd, entry by entry."""
    x, y = (side.clone().requires_grad_() for side in (x, y))
    s = plain(name, model(x)[0], model(y)[0])
    (first, second) = torch.autograd.grad(s, (x, y), create_graph=True)
    mixed = [torch.autograd.grad(entry, y, retain_graph=True, allow_unused=True)[0] for entry in first.flatten()]
    table = torch.stack([torch.zeros_like(y) if row is None else row for row in mixed]).flatten(1)
    return table * x.flatten()[:, None] * y.flatten(), (first * x)[0], (second * y)[0]


@pytest.mark.parametrize("name", ["dot", "euclidean", "product", "difference", "all", "other order"])
def test_with_lrp0_the_parts_are_derivatives(name: str) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 9, bias=False), nn.ReLU(), nn.Linear(9, M, bias=False)).double()
    generator = torch.Generator().manual_seed(5)
    x, y = (torch.rand(1, 3, 2, 2, generator=generator, dtype=torch.float64) for _ in range(2))
    f, g = BiLRP(model).factors([x, y], keep_channels=True)
    explanation = SIMILARITIES[name].explain(f, g)
    mixed, left, right = (part.detach() for part in derivatives(name, model, x, y))
    torch.testing.assert_close(explanation.joint.matrix().reshape(mixed.shape), mixed, rtol=1e-5, atol=1e-7)
    squares = {"euclidean": 2.0}.get(name, 1.0)  # the derivative of a square counts both of its factors
    torch.testing.assert_close(
        explanation.joint.left_marginal() + squares * explanation.left, left, rtol=1e-5, atol=1e-6
    )
    torch.testing.assert_close(
        explanation.joint.right_marginal() + squares * explanation.right, right, rtol=1e-5, atol=1e-6
    )


def test_a_kernel_falls_as_its_distance_is_shared() -> None:
    explainer, (x, y) = BiLRP(toy_network("plain"), "gamma"), toy_pair()
    f, g = explainer.factor(x), explainer.factor(y)
    kernel, distance = RBF(0.3).explain(f, g), Euclidean().explain(f, g)
    share = (1 - kernel.similarity) / -distance.similarity
    torch.testing.assert_close(kernel.joint.matrix(), share * distance.joint.matrix())
    torch.testing.assert_close(kernel.left, share * distance.left)
    assert (kernel.constant, distance.constant) == (1.0, 0.0)
    same = RBF(0.3).explain(f, f)
    assert same.similarity == 1.0 and same.total() == pytest.approx(1.0, abs=1e-6)
    assert float(same.joint.matrix().max()) == pytest.approx(
        0.3 * float(Euclidean().explain(f, f).joint.matrix().max())
    )


def test_a_sum_of_differences_has_no_pairs_unless_squared() -> None:
    explainer, (x, y) = BiLRP(toy_network("plain"), "gamma"), toy_pair()
    f, g = explainer.factor(x), explainer.factor(y)
    assert float(SIMILARITIES["difference"].explain(f, g).joint.left.abs().max()) == 0
    assert float(SIMILARITIES["squares"].explain(f, g).joint.left.abs().max()) > 0


def test_biases_of_a_head_are_constant_or_shared() -> None:
    u, v = vectors(7)
    left = deep_head().split(u, v)
    shared = deep_head(bias="distribute").split(u, v)
    assert abs(left.constant) > 1e-3 > 1e-6 > abs(shared.constant)
    assert left.similarity == shared.similarity


def test_zero_embeddings() -> None:
    zero, (u, _) = torch.zeros(M, dtype=torch.float64), vectors(1)
    for name, similarity in SIMILARITIES.items():
        split = similarity.split(zero, u)
        assert all(bool(torch.isfinite(part).all()) for part in (split.pairs, split.left, split.right)), name
        assert math.isfinite(split.constant)
    assert Cosine().split(zero, u).similarity == 0


def test_what_is_no_similarity_is_refused() -> None:
    with pytest.raises(InputError, match="gamma is 0, expected"):
        RBF(0)
    with pytest.raises(InputError, match=r"features are \['sum'\], expected some of left, right"):
        SiameseHead(nn.Linear(5, 1), ("sum",))
    with pytest.raises(InputError, match="differences is 'none'"):
        SiameseHead(nn.Linear(5, 1), differences="none")
    with pytest.raises(InputError, match="output is 3, the head has 1"):
        SiameseHead(nn.Linear(M, 1).double(), ("product",), output=3).split(*vectors(0))
