"""Token numbers on their way to the lookup: relevance of a vector goes back to the token that it was looked up for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bilrp import explain_outputs
from bilrp.exceptions import InputError

IDS = torch.tensor([[3, 7, 7, 2, 9]])
EACH = [(3, 0), (7, 1), (7, 2), (2, 3), (9, 4)]


class Text(nn.Module):
    """Vectors of numbers that a function made of token numbers, averaged and projected."""

    def __init__(self, function: Callable[[Tensor], Tensor] | None = None) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(5)
            self.words, self.places = nn.Embedding(30, 8), nn.Embedding(30, 8)
            self.head = nn.Linear(8, 3, bias=False)
        self.function = function

    def forward(self, ids: Tensor) -> Tensor:
        moved = ids if self.function is None else self.function(ids)
        return self.head(self.words(moved).mean(-2)).reshape(1, 3)


def shifted_right(ids: Tensor) -> Tensor:
    shifted = ids.new_zeros(ids.shape)
    shifted[..., 1:] = ids[..., :-1].clone()
    shifted[..., 0] = 1
    return shifted.masked_fill_(shifted == -100, 0)


# what is looked up at each place: the number, and the token that it stands for (None for a constant)
MOVED: dict[str, tuple[Callable[[Tensor], Tensor], list[tuple[int, int | None]]]] = {
    "view": (lambda i: i.view(-1, i.shape[-1]), EACH),
    "slice": (lambda i: i[:, 1:4], [(7, 1), (7, 2), (2, 3)]),
    "clamp": (lambda i: i.clamp(min=0, max=7), [(3, 0), (7, 1), (7, 2), (2, 3), (7, 4)]),
    "concatenation": (lambda i: torch.cat([i.new_full((1, 1), 5), i], 1), [(5, None), *EACH]),
    "repeated": (lambda i: torch.cat([i, i[:, :1]], 1), [*EACH, (3, 0)]),
    "masked": (lambda i: i.masked_fill(i == 7, 0), [(3, 0), (0, None), (0, None), (2, 3), (9, 4)]),
    "where": (lambda i: torch.where(i == 7, torch.ones_like(i), i), [(3, 0), (1, None), (1, None), (2, 3), (9, 4)]),
    "shifted right": (shifted_right, [(1, None), (3, 0), (7, 1), (7, 2), (2, 3)]),
    "cast": (lambda i: i.int().to(torch.int64), [*EACH]),
    "offset": (lambda i: i + 2, [(5, 0), (9, 1), (9, 2), (4, 3), (11, 4)]),
    "modulo": (lambda i: i % 8, [(3, 0), (7, 1), (7, 2), (2, 3), (1, 4)]),
    "sorted by hand": (lambda i: i[:, [4, 3, 2, 1, 0]], [(9, 4), (2, 3), (7, 2), (7, 1), (3, 0)]),
    "two rows": (lambda i: torch.stack([i[0, :2], i[0, 2:4]])[:1], [(3, 0), (7, 1)]),
}


@pytest.mark.parametrize("name", MOVED)
def test_moved_token_numbers(name: str) -> None:
    """R of token j: the sum, over the places that stand for it, of LRP-0 of the mean and of the projection."""
    function, looked_up = MOVED[name]
    model = Text(function).double()
    table, weight = model.words.weight.detach().numpy(), model.head.weight.detach().numpy()
    expected = np.zeros((3, 5))
    for number, token in looked_up:
        if token is not None:
            expected[:, token] += weight @ table[number] / len(looked_up)
    result = explain_outputs(model, IDS)
    np.testing.assert_allclose(result.values, expected, rtol=1e-6, atol=1e-9)


LOOKUPS: dict[str, Callable[[Text, Tensor], Tensor]] = {
    "embedding": lambda m, i: m.words(i),
    "by index": lambda m, i: m.words.weight[i],
    "index_select": lambda m, i: m.words.weight.index_select(0, i.view(-1))[None],
    "one-hot": lambda m, i: F.one_hot(i, 30).double() @ m.words.weight,
}


@pytest.mark.parametrize("name", LOOKUPS)
def test_ways_of_looking_up(name: str) -> None:
    class Looking(Text):
        def forward(self, ids: Tensor) -> Tensor:
            return self.head(LOOKUPS[name](self, ids).mean(1))

    plain = explain_outputs(Text().double(), IDS)
    torch.testing.assert_close(explain_outputs(Looking().double(), IDS).values, plain.values, rtol=1e-6, atol=1e-9)


def test_positions_counted_from_tokens_are_choices() -> None:
    """RoBERTa's position numbers: the positions' vectors act as constants."""

    class Positions(Text):
        def forward(self, ids: Tensor) -> Tensor:
            mask = ids.ne(1).int()
            positions = (torch.cumsum(mask, 1).type_as(mask) * mask).long() + 1
            return self.head((self.words(ids) + self.places(positions)).mean(1))

    model = Positions().double()
    vectors, weight = model.words(IDS)[0].detach().numpy(), model.head.weight.detach().numpy()
    result = explain_outputs(model, IDS)
    np.testing.assert_allclose(result.values, (vectors @ weight.T / 5).T, rtol=1e-6, atol=1e-9)
    assert [entry.name for entry in result.coverage.entries if entry.kept > 1e-6] == [":add"]


def test_the_place_of_the_last_token_is_a_choice() -> None:
    class Last(Text):
        def forward(self, ids: Tensor) -> Tensor:
            return self.head(self.words(ids)[torch.arange(1), ids.argmax(-1)])

    values = explain_outputs(Last().double(), IDS).values
    assert values[:, 4].all() and not values[:, :4].any()


def test_an_embedding_of_choices_alone_is_refused_with_the_choices() -> None:
    class Chosen(Text):
        def forward(self, ids: Tensor) -> Tensor:
            return self.head(self.words((ids > 5).long()).mean(1))

    with pytest.raises(InputError, match=r"does not depend on the input.*went into choices alone.*\(gt\)"):
        explain_outputs(Chosen().double(), IDS)


def test_numbers_used_as_numbers() -> None:
    """Bytes of an image: the cast passes relevance on."""
    weight = torch.arange(6.0, dtype=torch.float64).reshape(1, 6)
    head = nn.Linear(6, 1, bias=False)
    head.weight.data = weight

    class Bytes(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return head(x.double() / 255)

    x = torch.tensor([[10, 0, 200, 255, 1, 2]], dtype=torch.uint8)
    torch.testing.assert_close(explain_outputs(Bytes(), x).values, weight * x / 255, rtol=1e-6, atol=1e-9)


def test_a_number_for_each_token_is_looked_up_too() -> None:
    """Learned weights of words: the weights and the vectors that they multiply bring half of each product."""

    class Weighted(Text):
        def forward(self, ids: Tensor) -> Tensor:
            weights = torch.linspace(0.5, 2, 30).double()[ids]
            return self.head((weights.unsqueeze(-1) * self.words(ids)).sum(1))

    model = Weighted().double()
    result = explain_outputs(model, IDS)
    with torch.no_grad():
        vectors = torch.linspace(0.5, 2, 30).double()[IDS[0]].unsqueeze(-1) * model.words(IDS[0])
        torch.testing.assert_close(result.values, (vectors @ model.head.weight.T).T)
    alone = explain_outputs(Scores().double(), IDS)
    torch.testing.assert_close(alone.values, torch.linspace(0.5, 2, 30).double()[IDS] / 5)


class Scores(nn.Module):
    """The mean of a number for each token."""

    def forward(self, ids: Tensor) -> Tensor:
        return torch.linspace(0.5, 2, 30).double()[ids].mean(1, keepdim=True)
