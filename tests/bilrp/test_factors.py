"""Factors: each input explained once, every pair and sum of pairs from them."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import bilrp
from bilrp import BiLRP, Factor, InputError, all_pairs, similarity_matrix
from bilrp.testing import toy_network, toy_pair


def images(n: int, seed: int = 0, size: tuple[int, int] = (8, 8)) -> Tensor:
    return torch.rand(n, 3, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def explainer(kind: str = "bias", **settings: object) -> BiLRP:
    return BiLRP(toy_network(kind), "gamma", **settings)  # type: ignore[arg-type]


def stream(n: int, seed: int = 0) -> list[Factor]:
    return list(explainer().factors(images(n, seed).split(1)))


def same(first: bilrp.JointRelevance, second: bilrp.JointRelevance) -> None:
    for name in ("left", "right", "left_embedding", "right_embedding"):
        torch.testing.assert_close(getattr(first, name), getattr(second, name), rtol=1e-12, atol=1e-14)
    assert (first.tiles, first.settings) == (second.tiles, second.settings)


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
@pytest.mark.parametrize("pool", [None, 4])
def test_two_factors_are_the_explanation(similarity: str, pool: int | None) -> None:
    made = explainer("residual", similarity=similarity)
    x, y = toy_pair()
    f, g = (made.factor(sample, pool=pool, bias="distribute") for sample in (x, y))
    expected = made.explain(x, y, pool=pool, bias="distribute")
    same(f @ g, expected)
    same(g @ f, expected.swapped())
    assert f.tile == (pool or 1)
    torch.testing.assert_close(f.total(), f.embedding, rtol=1e-6, atol=1e-9)


def test_all_pairs_come_from_as_many_passes_as_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []
    plain = bilrp.explain.explain_outputs
    monkeypatch.setattr(bilrp.explain, "explain_outputs", lambda *a, **k: passes.append(1) or plain(*a, **k))
    made, x = explainer(), images(5).split(1)
    factors = list(made.factors(x))
    joints = list(all_pairs(factors))
    assert len(passes) == 5
    assert [(i, j) for i, j, _ in joints] == [(i, j) for i in range(5) for j in range(i + 1, 5)]
    table = similarity_matrix(factors)
    for i, j, joint in joints:
        same(joint, made.explain(x[i], x[j]))
        assert joint.similarity == pytest.approx(float(table[i, j]))
    across = [(i, j) for i, j, _ in all_pairs(factors[:2], factors[2:])]
    assert across == [(i, j) for i in range(2) for j in range(3)]


def test_blocks_of_pairs_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    factors = stream(5)
    monkeypatch.setattr(bilrp.factors, "HELD", 2)
    pairs = [(i, j) for i, j, _ in all_pairs(factors)]
    assert sorted(pairs) == [(i, j) for i in range(5) for j in range(i + 1, 5)]
    for i, j, joint in all_pairs(factors):
        same(joint, factors[i] @ factors[j])


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 50), st.floats(-3, 3))
def test_relevance_is_linear_in_a_factor(seed: int, weight: float) -> None:
    f, g, h = stream(3, seed)
    joint = f @ (g - weight * h)
    torch.testing.assert_close(joint.matrix(), (f @ g).matrix() - weight * (f @ h).matrix(), rtol=1e-9, atol=1e-9)
    assert joint.similarity == pytest.approx((f @ g).similarity - weight * (f @ h).similarity, abs=1e-9)


def test_what_does_not_fit_is_refused() -> None:
    f = explainer().factor(images(1))
    with pytest.raises(InputError, match="embeddings have 5 and 7 dimensions"):
        _ = f @ BiLRP(nn.Sequential(nn.Flatten(), nn.Linear(192, 7)).double()).factor(images(1))
    with pytest.raises(InputError, match="one factor is for the similarity 'dot'"):
        _ = f @ explainer(similarity="cosine").factor(images(1))
    with pytest.raises(InputError, match=r"maps \(8, 8\) and \(4, 4\).*only equal ones are added"):
        _ = f - f.pool(2)
    with pytest.raises(InputError, match="side is 'both'"):
        explainer().factor(images(1), side="both")
    with pytest.raises(InputError, match="4 maps for an embedding of 5"):
        Factor(f.values[:4], f.embedding, f.coverage)


def test_a_sum_of_explanations_is_added_place_by_place() -> None:
    f, g, h = stream(3)
    both = sum([f @ g, f @ h, g @ h])
    assert isinstance(both, bilrp.JointRelevance)
    torch.testing.assert_close(both.matrix(), (f @ g).matrix() + (f @ h).matrix() + (g @ h).matrix())
    assert (2.0 * both).total() == pytest.approx(2 * both.total())
    assert "a sum of explanations" in both.left_coverage.notes[-1]
    with pytest.raises(InputError, match="only equal ones are added place by place"):
        _ = f @ g + f.pool(2) @ g
    assert (f @ g).to(torch.float32).left.dtype == torch.float32


def test_a_new_device_or_type_changes_both_parts() -> None:
    f = explainer().factor(images(1)).to(torch.float32)
    assert f.values.dtype == f.embedding.dtype == torch.float32
    assert repr(f) == "Factor(5 dimensions of maps (8, 8), tile=1)"
