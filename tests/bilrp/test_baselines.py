"""The baselines against second derivatives that autograd takes one by one."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from bilrp import BiLRP, InputError
from bilrp.baselines import BASELINES, Curvature, GradientProduct, HessianProduct, IntegratedJacobians, Saliency
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
