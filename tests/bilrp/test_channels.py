"""Which axis holds channels: what the first layer reads, an error where that cannot be told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import bilrp
from bilrp.baselines import HessianProduct

T, D = 7, 6


class Reads(nn.Module):
    """A module written as a function of its layers and the input."""

    def __init__(self, run: Callable[[Any, Tensor], Tensor], *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.run = run

    def forward(self, x: Tensor) -> Tensor:
        return self.run(self.layers, x)


CASES: dict[str, tuple[nn.Module, tuple[int, ...], int]] = {
    "sound": (nn.Sequential(nn.Conv1d(T, 3, 3), nn.Flatten()), (1, T, D), 1),
    "scaled sound": (Reads(lambda m, x: m[0]((x - 0.5) / 0.2).flatten(1), nn.Conv1d(T, 3, 3)), (1, T, D), 1),
    "vectors": (nn.Sequential(nn.Linear(D, 3), nn.Flatten()), (1, T, D), 2),
    "a norm first": (nn.Sequential(nn.LayerNorm(D), nn.Linear(D, 3), nn.Flatten()), (1, T, D), 2),
    "turned": (Reads(lambda m, x: m[0](x.transpose(1, 2)).flatten(1), nn.Conv1d(D, 3, 3)), (1, T, D), 2),
    "LSTM": (Reads(lambda m, x: m[0](x)[0][:, -1], nn.LSTM(D, 3, batch_first=True)), (1, T, D), 2),
    "GRU, time first": (Reads(lambda m, x: m[0](x.transpose(0, 1))[0][-1], nn.GRU(D, 3)), (1, T, D), 2),
    "attention": (
        Reads(lambda m, x: m[0](x + torch.ones(T, D)).mean(1), nn.TransformerEncoderLayer(D, 2, 8, batch_first=True)),
        (1, T, D),
        2,
    ),
    "a class token": (
        Reads(lambda m, x: m[0](torch.cat([torch.zeros(1, 1, D), x], 1)).mean(1), nn.Linear(D, 4)),
        (1, T, D),
        2,
    ),
    "averages first": (Reads(lambda m, x: m[0](x.mean(1)), nn.Linear(D, 3)), (1, T, D), 2),
    "averages alone": (Reads(lambda m, x: x.mean(1)), (1, T, D), 2),
    "a picture": (nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten()), (1, 3, 8, 9), 1),
    "channels last": (Reads(lambda m, x: m[0](x.permute(0, 3, 1, 2)).flatten(1), nn.Conv2d(3, 4, 3)), (1, 8, 9, 3), 3),
}


@pytest.mark.parametrize("name", CASES)
def test_the_first_layer_says_where_channels_are(name: str) -> None:
    model, shape, axis = CASES[name]
    x = torch.rand(*shape)
    factor = bilrp.BiLRP(model).factor(x)
    whole = bilrp.BiLRP(model).factor(x, keep_channels=True)
    torch.testing.assert_close(factor.values, whole.values.sum(axis))
    assert bilrp.attribute(model, x, 0).values.shape[1:] == factor.shape


def test_where_it_cannot_be_told_an_error_asks() -> None:
    model, x = nn.Sequential(nn.Flatten(), nn.Linear(T * D, 3)), torch.rand(1, T, D)
    with pytest.raises(bilrp.InputError, match=r"do not tell which axis.*channel_axis=-1 .*keep_channels=True"):
        bilrp.BiLRP(model).explain(x, x)
    assert bilrp.BiLRP(model).factor(x, channel_axis=-1).shape == (T,)
    assert bilrp.BiLRP(model).factor(x, channel_axis=1).shape == (D,)


def test_baselines_and_curves_sum_over_the_same_axis() -> None:
    model, x, y = CASES["vectors"][0], torch.rand(1, T, D), torch.rand(1, T, D)
    joint = bilrp.BiLRP(model).explain(x, y)
    assert HessianProduct(model).explain(x, y).left.shape == joint.left.shape
    assert len(bilrp.evaluation.pair_flipping(model, x, y, joint, n_pairs=2).top) == 3


@pytest.mark.parametrize(
    ("shape", "remedy"),
    [
        ((1, 8, 9, 3), lambda x: x.permute(0, 3, 1, 2)),
        ((1, 1, 8, 9), lambda x: x.expand(-1, 3, -1, -1)),
        ((1, 8, 9, 1), lambda x: x.permute(0, 3, 1, 2).expand(-1, 3, -1, -1)),
        ((1, 4, 8, 9), lambda x: x[:, :3]),
    ],
    ids=["channels last", "grey", "grey, channels last", "opacity"],
)
def test_the_remedy_for_a_picture_of_another_layout_works(
    shape: tuple[int, ...], remedy: Callable[[Tensor], Tensor]
) -> None:
    model, x = CASES["a picture"][0], torch.rand(*shape)
    with pytest.raises(bilrp.InputError, match=r"reads pictures \(1, 3, H, W\): ") as error:
        bilrp.BiLRP(model).explain(x, x)
    assert "encoder for each" not in str(error.value)
    assert bilrp.BiLRP(model).factor(remedy(x)).shape == (8, 9)
