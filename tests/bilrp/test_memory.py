"""Writing into memory that other tensors share, and constants made from tensors: explained as the plain form is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bilrp import explain_outputs

Function = Callable[[nn.Module, Tensor], Tensor]


class Around(nn.Module):
    """A function of six numbers and a linear layer; a buffer to write into."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        weight = torch.randn(3, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        self.head = nn.Linear(6, 3, bias=False)
        self.head.weight.data = weight
        self.register_buffer("cache", torch.zeros(1, 6, dtype=torch.float64))
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.head, self.cache, x)  # type: ignore[call-arg]


def pieces_of_a_constant(head: nn.Module, cache: Tensor, x: Tensor) -> Tensor:
    y = x.new_zeros(1, 6)
    y[:, 0].copy_(x[:, 0])
    y[:, 1:3].add_(x[:, 3:5])
    return head(y)


def pieces_plain(head: nn.Module, cache: Tensor, x: Tensor) -> Tensor:
    return head(torch.cat([x[:, :1], x[:, 3:5], torch.zeros(1, 3, dtype=x.dtype)], 1))


def view_changed(head: nn.Module, cache: Tensor, x: Tensor) -> Tensor:
    y = x * 2
    y[:, 2:4].mul_(3)
    return head(y)


def view_plain(head: nn.Module, cache: Tensor, x: Tensor) -> Tensor:
    return head(torch.cat([x[:, :2] * 2, x[:, 2:4] * 6, x[:, 4:] * 2], 1))


def base_changed(head: nn.Module, cache: Tensor, x: Tensor) -> Tensor:
    y = x * 2
    view = y.view(2, 3)
    y.relu_()
    return head(view.reshape(1, 6))


def given_memory(head: nn.Module, cache: Tensor, x: Tensor) -> Tensor:
    y = torch.empty_like(x)
    torch.mul(x, 2, out=y)
    return head(y.relu())


def buffer(head: nn.Module, cache: Tensor, x: Tensor) -> Tensor:
    cache[:, :3].copy_(x[:, :3])
    return head(cache)


def constant_changed_after_use(head: nn.Module, cache: Tensor, x: Tensor) -> Tensor:
    cache.zero_()
    y = x + cache
    cache[:, 0] += 5
    cache.add_(x)
    return head(y) + head(cache)


def constant_plain(head: nn.Module, cache: Tensor, x: Tensor) -> Tensor:
    other = torch.tensor([[5.0, 0, 0, 0, 0, 0]], dtype=x.dtype)
    return head(x + 0) + head(other + x)


def two_views(head: nn.Module, cache: Tensor, x: Tensor) -> Tensor:
    y = x * 2
    left, right = y[:, :3], y[:, 3:]
    left += right
    right -= left
    return head(y)


def two_plain(head: nn.Module, cache: Tensor, x: Tensor) -> Tensor:
    left = x[:, :3] * 2 + x[:, 3:] * 2
    return head(torch.cat([left, x[:, 3:] * 2 - left], 1))


WRITTEN = {
    "pieces of a constant": (pieces_of_a_constant, pieces_plain),
    "a view": (view_changed, view_plain),
    "the base of a view": (base_changed, lambda head, cache, x: head((x * 2).relu())),
    "out=": (given_memory, lambda head, cache, x: head((x * 2).relu())),
    "a buffer of the model": (buffer, lambda head, cache, x: head(F.pad(x[:, :3], (0, 3)))),
    "a constant after its use": (constant_changed_after_use, constant_plain),
    "two views": (two_views, two_plain),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_writing_in_place_is_followed(name: str) -> None:
    x = torch.randn(1, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    got, expected = (explain_outputs(Around(function), x) for function in WRITTEN[name])  # type: ignore[arg-type]
    torch.testing.assert_close(got.embedding, expected.embedding)
    torch.testing.assert_close(got.values, expected.values, rtol=1e-7, atol=1e-9)


MADE: dict[str, Callable[[Tensor], Tensor]] = {
    "new_zeros": lambda x: x.new_zeros(1, 6),
    "new_ones": lambda x: x.new_ones(x.shape),
    "new_full": lambda x: x.new_full((1, 6), 0.5),
    "new_tensor": lambda x: x.new_tensor([[1.0, 0, 0, 2, 0, 0]]),
    "zeros_like": torch.zeros_like,
    "ones_like": torch.ones_like,
    "full_like": lambda x: torch.full_like(x, 0.25),
    "empty_like": lambda x: torch.empty_like(x).fill_(0.25),
    "rand_like": torch.rand_like,
    "to": lambda x: torch.ones(1, 6).to(x),
    "type_as": lambda x: torch.ones(6).type_as(x),
    "expand_as": lambda x: torch.ones(1, 1, dtype=x.dtype).expand_as(x),
    "view_as": lambda x: torch.ones(2, 3, dtype=x.dtype).view_as(x),
    "a view of one": lambda x: torch.ones_like(x).view(6)[None] * 2,
}


@pytest.mark.parametrize("name", MADE)
def test_constants_made_from_tensors_are_biases(name: str) -> None:
    """X + c gets x / (x + c) of the relevance: what is made in the likeness of a tensor carries nothing of it."""
    x = torch.rand(1, 6, generator=torch.Generator().manual_seed(3), dtype=torch.float64) + 0.5
    result = explain_outputs(Around(lambda head, cache, x: x + MADE[name](x)), x)  # type: ignore[arg-type, misc]
    torch.testing.assert_close(result.values, torch.diag(x[0]))
