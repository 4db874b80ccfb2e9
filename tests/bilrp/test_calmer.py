"""Pairs whose parts cancel under the rules that "auto" chose: stronger ones, or why none helps."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import bilrp
from bilrp import BiLRP
from bilrp.certificate import MAX_AMPLIFICATION


def deep() -> nn.Sequential:
    torch.manual_seed(3)
    layers: list[nn.Module] = [nn.Flatten()]
    for size in (12, 40, 40):
        layers += [nn.Linear(size, 40, bias=False), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(40, 8, bias=False))


def inputs() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    x, y = (torch.randn(1, 12, generator=generator) for _ in range(2))
    return x, y


def cancelling(net: nn.Module, x: Tensor, y: Tensor, terms: float) -> Tensor:
    """A projection on two dimensions whose products without sign are so many times their sum."""
    with torch.no_grad():
        products = (net(x) * net(y))[0]
    first, second = int(products.argmax()), int(products.argmin())
    rows = torch.zeros(2, len(products))
    rows[0, first] = 1
    rows[1, second] = float((products[first] / -products[second] * (terms - 1) / (terms + 1)) ** 0.5)
    return rows


def test_stronger_rules_are_taken_where_the_parts_of_a_pair_cancel() -> None:
    net, (x, y) = deep(), inputs()
    rows = cancelling(net, x, y, 40.0)
    chosen = BiLRP(net, "auto", projection=rows)
    by_sides = chosen.factor(x, bias="distribute") @ chosen.factor(y, bias="distribute")
    assert by_sides.certificate.amplification > MAX_AMPLIFICATION
    joint = chosen.explain(x, y, bias="distribute")
    assert joint.certificate.amplification <= MAX_AMPLIFICATION
    assert joint.total() == pytest.approx(joint.similarity, rel=1e-3)
    assert any("for this pair, whose parts are" in note for note in joint.left_coverage.notes)
    (again,) = chosen.explain_pairs(x, y, bias="distribute")
    torch.testing.assert_close(again.left, joint.left)


@pytest.mark.filterwarnings("default::bilrp.DoubtfulExplanationWarning")
def test_where_none_helps_the_warning_says_why() -> None:
    net, (x, y) = deep(), inputs()
    explainer = BiLRP(net, "auto", projection=cancelling(net, x, y, 1e5))
    with pytest.warns(bilrp.DoubtfulExplanationWarning, match=r"tried in vain .*similarity is near zero.*e\+04 times"):
        joint = explainer.explain(x, y, bias="distribute")
    kept = explainer.factor(x, bias="distribute") @ explainer.factor(y, bias="distribute")
    torch.testing.assert_close(joint.left, kept.left)  # the rules that were chosen stay


def test_rules_that_a_user_named_stay() -> None:
    net, (x, y) = deep(), inputs()
    joint = BiLRP(net, "epsilon", projection=cancelling(net, x, y, 1e5)).explain(x, y)
    assert joint.certificate.amplification > MAX_AMPLIFICATION
    assert not joint.certificate.tried
