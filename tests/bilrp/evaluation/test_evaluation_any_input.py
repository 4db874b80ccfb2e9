"""Curves, infidelity and the pointing game where the truth is known: features, sequences, tokens, two towers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bilrp import BiLRP, InputError, JointRelevance
from bilrp.baselines import HessianProduct, ShapleyInteraction
from bilrp.evaluation import Pointing, infidelity, pair_flipping, place_pairs, pointing_game
from bilrp.testing import fingerprint, toy_network, toy_pair


def sample(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class MeanOfVectors(nn.Module):
    """A linear encoder of token numbers or of sequences of vectors: what pairs bring together is their table."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding.from_pretrained(
            torch.cat([torch.zeros(1, 4), torch.randn(8, 4, generator=GENERATOR)])
        )
        self.double()

    def forward(self, x: Tensor) -> Tensor:
        return (x if x.is_floating_point() else self.words(x)).sum(1)


GENERATOR = torch.Generator().manual_seed(5)
LINEAR = MeanOfVectors()
IDS, OTHER_IDS = torch.tensor([[3, 1, 4, 5, 2]]), torch.tensor([[2, 6, 5]])


def test_explanation_of_a_linear_encoder_is_faithful_and_others_are_not() -> None:
    joint = BiLRP(LINEAR).explain(IDS, OTHER_IDS)
    assert infidelity(LINEAR, IDS, OTHER_IDS, joint, fill=0) < 1e-12
    assert infidelity(LINEAR, IDS, OTHER_IDS, torch.zeros(5, 3)) == pytest.approx(1)
    assert infidelity(LINEAR, IDS, OTHER_IDS, -joint.matrix()) == pytest.approx(4)
    vectors, others = LINEAR.words(IDS), LINEAR.words(OTHER_IDS)
    assert infidelity(LINEAR, vectors, others, joint, channel_axis=-1) < 1e-12
    cosine = BiLRP(LINEAR, similarity="cosine").explain(IDS, OTHER_IDS)
    assert infidelity(LINEAR, IDS, OTHER_IDS, cosine, similarity="cosine") < 1e-12
    assert infidelity(LINEAR, IDS, OTHER_IDS, cosine) > 1e-3


def test_infidelity_of_two_single_places_by_hand() -> None:
    model, x, y = nn.Sequential(nn.Linear(1, 3), nn.Tanh()).double(), sample(1, 1), sample(1, 1, seed=1)
    with torch.no_grad():
        brought = float((model(x) - model(0 * x))[0] @ (model(y) - model(0 * y))[0])
    told = torch.tensor([[1.5 * brought]])
    assert infidelity(model, x, y, told) == pytest.approx(0.25)  # samples with nothing taken are right in any case
    product = ShapleyInteraction(model).explain(x, y)
    assert infidelity(model, x, y, product) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("insert", [False, True])
def test_curves_of_tokens_by_hand(insert: bool) -> None:
    before = fingerprint(LINEAR)
    joint = BiLRP(LINEAR).explain(IDS, OTHER_IDS)
    flipping = pair_flipping(LINEAR, IDS, OTHER_IDS, joint, n_pairs=None, insert=insert)
    assert len(flipping.pairs) == 3 and all(len(pair) == 2 for pair in flipping.pairs)
    assert flipping.pairs[0] == joint.top_pairs(1)[0][:2]
    taken: tuple[list[int], list[int]] = ([], [])
    for step in range(4):
        rows = [i in taken[0] for i in range(5)]
        columns = [j in taken[1] for j in range(3)]
        kept = (np.array(rows) == insert)[:, None] & (np.array(columns) == insert)[None]
        assert flipping.top[step] == pytest.approx(float(joint.matrix()[torch.tensor(kept)].sum()))
        if step < 3:
            taken[0].append(flipping.pairs[step][0])
            taken[1].append(flipping.pairs[step][1])
    assert flipping.gap > 0.05 and flipping.inserted is insert
    assert flipping.whole == pytest.approx(joint.similarity)
    assert flipping.area == pytest.approx(flipping.top.mean() / joint.similarity)
    assert fingerprint(LINEAR) == before


def test_tiles_at_the_edge_are_those_of_the_explanation() -> None:
    """Ten pixels in tiles of six: the second tile has four, not five."""
    x = sample(1, 1, 10, 10)
    joint = BiLRP(nn.Sequential(nn.Flatten())).explain(x, x).pool(6)
    flipping = pair_flipping(nn.Flatten(), x, x, joint, n_pairs=1, repeats=0)
    (row, column, *_), whole = flipping.pairs[0], float((x**2).sum())
    tile = x[0, 0, 6 * row : 6 * row + 6, 6 * column : 6 * column + 6]
    assert whole - flipping.top[1] == pytest.approx(float((tile**2).sum()))


def test_two_towers_and_inputs_of_several_tensors() -> None:
    class Scaled(nn.Module):
        def forward(self, pixels: Tensor, gain_mask: Tensor) -> Tensor:
            return 2 * gain_mask * pixels.flatten(1)

    x, y = sample(1, 2, 2, 2), sample(1, 8, seed=1)
    inputs = {"pixels": x, "gain_mask": torch.ones(1, 8, dtype=torch.float64)}
    towers = Scaled(), nn.Identity()
    joint = HessianProduct(Scaled(), right_tower=nn.Identity()).explain(inputs, y)
    assert joint.left.shape == (8, 2, 2) and joint.right.shape == (8, 8)
    assert joint.total() == pytest.approx(float(2 * x.flatten() @ y.flatten()))
    assert infidelity(towers, inputs, y, joint) < 1e-12
    assert pair_flipping(towers, inputs, y, joint, n_pairs=4).gap > 0


def test_pointing_game() -> None:
    table = torch.tensor([[5.0, 1.0], [4.0, -3.0]])
    truth = torch.tensor([[True, False], [False, True]])
    assert pointing_game(table, truth, 1) == Pointing(1, 1, 0.5)
    assert pointing_game(table, truth, 2).share == 0.5
    assert pointing_game(table, truth, 50) == Pointing(1, 3, 0.5)  # the fourth speaks against
    assert pointing_game(-table.abs(), truth).share == 0
    with pytest.raises(InputError, match="expected bool"):
        pointing_game(table, truth.float())


def test_a_shifted_picture_is_found_at_its_true_place() -> None:
    """The embedding of a pixel is which of the other's pixels it equals."""
    x = torch.eye(16, dtype=torch.float64).reshape(1, 16, 4, 4)
    shifted = torch.roll(x, 1, dims=3)
    joint: JointRelevance = HessianProduct(Places()).explain(x, shifted)
    right = torch.tensor([0.0, 1.0])
    truth = place_pairs((4, 4), (4, 4), lambda p: torch.where(p[:, 1:] < 3, p + right, torch.nan), tolerance=0.5)
    assert truth.sum() == 12
    assert pointing_game(joint, truth, 12).share == 0.75  # the last column came in again on the left
    assert pointing_game(joint, place_pairs((4, 4), (4, 4), lambda p: p, tolerance=0.5), 12).share == 0
    assert place_pairs((3,), (5,), lambda p: p + 1, tolerance=1).int().tolist() == [
        [1, 1, 1, 0, 0],
        [0, 1, 1, 1, 0],
        [0, 0, 1, 1, 1],
    ]
    with pytest.raises(InputError, match="where gave shape"):
        place_pairs((2, 2), (3,), lambda p: p)


class Places(nn.Module):
    """Sums each channel over the picture."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sum((2, 3))


def test_bad_arguments_are_refused() -> None:
    x, y = toy_pair()
    with pytest.raises(InputError, match="n_samples is 0"):
        infidelity(toy_network(), x, y, torch.zeros(2, 2, 2, 2), n_samples=0)
    with pytest.raises(InputError, match=r"got inputs of shape \(1, 5\) and \(1, 3\) and a table of shape \(5,\)"):
        infidelity(LINEAR, IDS, OTHER_IDS, torch.zeros(5))
    with pytest.raises(InputError, match="k is 0"):
        pointing_game(torch.zeros(2, 2), torch.zeros(2, 2, dtype=torch.bool), 0)
