"""The closed form of the matches is what ``bilrp`` finds in the bigram network itself.

Two libraries, two ways: here relevance travels back through square root, sum, minimum and look-up, one dimension of the
embedding after the other; there the score is shared out by a formula.
"""

import numpy as np
import pytest
import torch
from torch import nn

import bilrp
from tablesim.bigrams.network import BigramNetwork
from tablesim.bigrams.occurrences import Occurrences
from tablesim.evidence.matches.glyphs import GlyphMatches
from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Number, Reading
from tablesim.records.transform import Transform


class Embedding(nn.Module):
    """The embedding phi of one page as a function of the activations of its digits, (1, G) to (1, 110)."""

    def __init__(self, occurrences):
        super().__init__()
        self.occurrences = occurrences
        self.bigrams = BigramNetwork()

    def forward(self, activations):
        return self.bigrams(activations[0], self.occurrences).sqrt()[None]


def page(name, texts, seed):
    rng = np.random.default_rng(seed)
    numbers = []
    for row, text in enumerate(texts):
        digits = tuple(
            Digit(int(c), Box(12 * i, 20 * row, 9, 14), float(rng.uniform(0.3, 1))) for i, c in enumerate(text)
        )
        numbers.append(Number(text, digits, 0.9, 0, row, 0))
    return Reading(name, name, "0" * 64, Transform(200, 400), True, 0.9, tuple(numbers))


@pytest.fixture
def sides():
    return (
        Occurrences.of(page("a", ["45", "7", "1548", "450", "30", "0", "7"], 1)),
        Occurrences.of(page("b", ["45", "145", "7", "30", "48", "99", "0"], 2)),
    )


def factor(occurrences):
    activations = torch.from_numpy(occurrences.activations).double()[None]
    return bilrp.explain_outputs(Embedding(occurrences), activations)


def test_relevance_through_the_network_is_that_of_the_matches(sides):
    joint = [factor(side).values.flatten(1) for side in sides]
    table = (joint[0].T @ joint[1]).numpy()
    matches = GlyphMatches(*sides)
    of_a, of_b = matches.of_digits()
    np.testing.assert_allclose(table.sum(axis=1), of_a, atol=1e-6)
    np.testing.assert_allclose(table.sum(axis=0), of_b, atol=1e-6)
    assert table.sum() == pytest.approx(matches.total(), abs=1e-6)


def test_every_operation_of_the_network_has_a_rule(sides):
    report = str(factor(sides[0]).coverage)
    assert "MinShare" in report
    assert "0 approximate" in report


def test_all_relevance_to_the_smaller_digit_is_another_explanation(sides):
    winner = {"bigrams.minimum": bilrp.rules.MinWinner()}
    activations = torch.from_numpy(sides[0].activations).double()[None]
    shared = factor(sides[0]).values
    taken = bilrp.explain_outputs(Embedding(sides[0]), activations, winner).values
    assert taken.sum() == pytest.approx(float(shared.sum()), abs=1e-6)
    assert not torch.allclose(taken, shared)
