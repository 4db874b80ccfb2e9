"""The measures on explanations of images whose quality is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from bilrp import BiLRP, InputError
from bilrp.baselines import HessianProduct
from bilrp.evaluation import agreement, conservation_error, pair_flipping, randomized_weights, symmetry_error
from bilrp.testing import fingerprint, toy_network, toy_pair


def test_conservation_and_symmetry() -> None:
    x, y = toy_pair()
    assert conservation_error(BiLRP(toy_network("plain"), "gamma").explain(x, y)) < 1e-6
    joint = BiLRP(toy_network("bias"), "gamma").explain(x, y)
    assert conservation_error(joint) == pytest.approx(abs(joint.bias_share))
    assert conservation_error(joint) > 1e-3
    assert symmetry_error(HessianProduct(toy_network("bias")), x, y) < 1e-12

    class OneSided:
        def explain(self, x: torch.Tensor, y: torch.Tensor):  # type: ignore[no-untyped-def]
            return joint

    assert symmetry_error(OneSided(), x, y) > 0.1


def test_agreement() -> None:
    x, y = toy_pair()
    joint = BiLRP(toy_network("plain")).explain(x, y)
    table = joint.matrix()
    assert agreement(joint, 3 * table) == pytest.approx(1)
    assert agreement(joint, -table) == pytest.approx(-1)
    assert agreement(joint, torch.zeros_like(table)) == 0
    with pytest.raises(InputError, match="expected equal ones"):
        agreement(joint.pool(4), table)


def test_flipping_the_truth_beats_chance_and_tiles_are_taken_once() -> None:
    """The embedding is the image itself, so the relevance of a pair is known: equal places, their product."""
    model = nn.Flatten()
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(1, 1, 6, 6, generator=generator, dtype=torch.float64)
    joint = BiLRP(nn.Sequential(model)).explain(x, x)
    flipping = pair_flipping(model, x, x, joint, n_pairs=36)
    assert flipping.gap > 0.05
    assert len(set(flipping.pairs)) == 36 and {p[:2] for p in flipping.pairs} == {p[2:] for p in flipping.pairs}
    assert flipping.top[-1] == 0 and np.allclose(flipping.random[[0, -1]], flipping.top[[0, -1]])
    assert (np.diff(flipping.top) <= 0).all()
    worst = pair_flipping(model, x, x, -joint.matrix(), n_pairs=18, similarity="dot")
    assert worst.gap < flipping.gap
    pooled = pair_flipping(model, x, x, joint.pool(4), n_pairs=4, fill=0.5)
    assert pooled.top[-1] == pytest.approx(36 * 0.25)
    assert pooled.top[1] != pooled.top[0]
    assert torch.equal(x, torch.rand(1, 1, 6, 6, generator=generator.manual_seed(1), dtype=torch.float64))


def test_randomised_weights_change_the_explanation() -> None:
    x, y = toy_pair()
    model = toy_network("bias")
    before = fingerprint(model)
    left = randomized_weights(lambda network: BiLRP(network, "gamma"), model, x, y, tile=2)
    assert list(left) == ["4", "0"]
    assert all(value < 0.95 for value in left.values())
    assert left == randomized_weights(lambda network: BiLRP(network, "gamma"), model, x, y, tile=2)
    assert fingerprint(model) == before


def test_bad_arguments_are_refused() -> None:
    x, y = toy_pair()
    with pytest.raises(InputError, match="n_pairs is 5, expected 1 to 4"):
        pair_flipping(toy_network(), x, y, torch.zeros(2, 2, 2, 2), n_pairs=5)
    with pytest.raises(InputError, match="needs images and a table"):
        pair_flipping(toy_network(), x, y, torch.zeros(2, 2))
