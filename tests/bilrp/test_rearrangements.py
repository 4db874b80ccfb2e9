"""Every function that counts as a rearrangement copies: an output is one input or a constant, never a sum (float64).

With rearrangements alone LRP is gradient x input of each output and conserves; relevance of a sum would be copied to
all its parts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bilrp import explain_outputs
from bilrp._trace.functions import SHAPES
from bilrp._trace.operations import OperationContexts
from bilrp._trace.recorder import record

LEFT = torch.tensor([True, False, True, True]).reshape(4, 1, 1)
UP = torch.tensor([2, 0, 3])
SLICE = torch.full((1, 1, 4, 4), 0.5, dtype=torch.float64)


def changed(call: Callable[[Tensor], Any]) -> Callable[[Tensor], Tensor]:
    """A step that writes into a copy of the input."""

    def operation(x: Tensor) -> Tensor:
        y = x.clone()
        call(y)
        return y

    return operation


def of_copy(name: str, *args: Any, pick: bool = False) -> Callable[[Tensor], Tensor]:
    function = getattr(torch, f"{name}_copy")
    return lambda x: function(x, *args)[1] if pick else function(x, *args)


WAYS: dict[str, Callable[[Tensor], Tensor]] = {
    "view": lambda x: x.view(1, 16, 4),
    "reshape": lambda x: x.reshape(1, -1),
    "flatten": lambda x: x.flatten(1),
    "unflatten": lambda x: x.unflatten(1, (2, 2)),
    "ravel": lambda x: x.ravel()[None],
    "permute": lambda x: x.permute(0, 3, 1, 2),
    "transpose": lambda x: x.transpose(1, 2),
    "swapaxes": lambda x: x.swapaxes(1, 2),
    "swapdims": lambda x: x.swapdims(1, 2),
    "t": lambda x: x[0, 0].t()[None],
    "T": lambda x: x[0, 0].T[None],
    "mT": lambda x: x.mT,
    "adjoint": lambda x: x.adjoint(),
    "H": lambda x: x[0, 0].H[None],
    "mH": lambda x: x.mH,
    "movedim": lambda x: x.movedim(1, 3),
    "moveaxis": lambda x: x.moveaxis(1, 3),
    "squeeze": lambda x: x[:, :1].squeeze(1),
    "unsqueeze": lambda x: x.unsqueeze(1),
    "getitem": lambda x: x[:, [3, 0, 0], 1:3],
    "setitem": changed(lambda y: y.__setitem__((slice(None), 1), 0.5)),
    "select": lambda x: x.select(1, 2),
    "narrow": lambda x: x.narrow(1, 1, 2),
    "index_select": lambda x: x.index_select(1, UP),
    "gather": lambda x: x.gather(1, UP.reshape(1, 3, 1, 1).expand(1, 3, 4, 4)),
    "take": lambda x: torch.take(x, torch.tensor([[5, 5, 0]])),
    "take_along_dim": lambda x: torch.take_along_dim(x, UP.reshape(1, 3, 1, 1), 1),
    "masked_select": lambda x: x.masked_select(LEFT)[None],
    "cat": lambda x: torch.cat([x, SLICE, x[:, :1]], 1),
    "stack": lambda x: torch.stack([x[:, 0], x[:, 2]], 1),
    "hstack": lambda x: torch.hstack([x, x]),
    "vstack": lambda x: torch.vstack([x[0], x[0]])[None],
    "dstack": lambda x: torch.dstack([x, x]),
    "column_stack": lambda x: torch.column_stack([x[0, 0], x[0, 1]])[None],
    "row_stack": lambda x: torch.row_stack([x[0, 0], x[0, 1]])[None],
    "split": lambda x: x.split(3, 1)[1],
    "split_with_sizes": lambda x: x.split_with_sizes([1, 3], 1)[1],
    "tensor_split": lambda x: x.tensor_split(3, 1)[0],
    "hsplit": lambda x: x.hsplit(2)[1],
    "vsplit": lambda x: x[0].vsplit(2)[1][None],
    "dsplit": lambda x: x.dsplit(2)[1],
    "chunk": lambda x: x.chunk(2, 1)[1],
    "unbind": lambda x: x.unbind(1)[1],
    "expand": lambda x: x[:, :1].expand(1, 3, 4, 4),
    "expand_as": lambda x: x[:, :1].expand_as(x),
    "broadcast_to": lambda x: torch.broadcast_to(x[:, :1], (1, 3, 4, 4)),
    "broadcast_tensors": lambda x: torch.broadcast_tensors(x[:, :1], SLICE.expand(1, 3, 4, 4))[0],
    "as_strided": lambda x: torch.as_strided(x, (1, 5, 2), (64, 7, 7)),
    "repeat": lambda x: x.repeat(1, 2, 1, 1),
    "tile": lambda x: x.tile(1, 2, 1, 1),
    "repeat_interleave": lambda x: x.repeat_interleave(2, 1),
    "pad": lambda x: F.pad(x, (1, 2, 0, 1), mode="circular"),
    "constant_pad_nd": lambda x: torch.constant_pad_nd(x, (1, 1), 0.3),
    "contiguous": lambda x: x.mT.contiguous(),
    "clone": lambda x: x.clone(),
    "detach": lambda x: x.detach(),
    "detach_copy": lambda x: torch.detach_copy(x),
    "to": lambda x: x.to(torch.float32),
    "float": lambda x: x.float(),
    "double": lambda x: x.float().double(),
    "half": lambda x: x.half(),
    "bfloat16": lambda x: x.bfloat16(),
    "type": lambda x: x.type(torch.float32),
    "type_as": lambda x: x.type_as(torch.zeros(1)),
    "data": lambda x: x.data,
    "flip": lambda x: x.flip(1),
    "fliplr": lambda x: x.fliplr(),
    "flipud": lambda x: x[0].flipud()[None],
    "roll": lambda x: x.roll(3, 2),
    "rot90": lambda x: x.rot90(1, (2, 3)),
    "pixel_shuffle": lambda x: F.pixel_shuffle(x, 2),
    "pixel_unshuffle": lambda x: F.pixel_unshuffle(x, 2),
    "channel_shuffle": lambda x: F.channel_shuffle(x, 2),
    "native_channel_shuffle": lambda x: torch.native_channel_shuffle(x, 2),
    "unfold": lambda x: x.unfold(2, 3, 1),
    "where": lambda x: torch.where(LEFT, x, x.flip(1)),
    "masked_fill": lambda x: x.masked_fill(LEFT, 0.7),
    "view_as": lambda x: x.view_as(torch.zeros(1, 16, 4)),
    "reshape_as": lambda x: x.reshape_as(torch.zeros(1, 16, 4)),
    "diagonal": lambda x: x.diagonal(0, 2, 3),
    "diag": lambda x: x[0, 0].diag()[None],
    "diag_embed": lambda x: x.diag_embed(),
    "diagflat": lambda x: torch.diagflat(x[0, 0])[None],
    "tril": lambda x: x.tril(),
    "triu": lambda x: x.triu(1),
    "copy": changed(lambda y: y[:, 1].copy_(y[:, 2])),
    "atleast_2d": lambda x: torch.atleast_2d(x[0, 0, 0]),
    "atleast_3d": lambda x: torch.atleast_3d(x[0, 0])[None],
    "block_diag": lambda x: torch.block_diag(x[0, 0], x[0, 1])[None],
    "scatter": lambda x: x.scatter(1, UP.reshape(1, 3, 1, 1).expand(1, 3, 4, 4), x[:, :3] * 1),
    "masked_scatter": lambda x: x.masked_scatter(LEFT, x.flip(1)),
    "index_copy": lambda x: x.index_copy(1, UP, x[:, :3]),
    "index_fill": lambda x: x.index_fill(1, UP, 0.2),
    "index_put": lambda x: x.index_put((torch.tensor([0]), torch.tensor([1])), x[:, 3]),
    "slice_scatter": lambda x: x.slice_scatter(x[:, :2], 1, 2, 4),
    "select_scatter": lambda x: x.select_scatter(x[:, 3], 1, 0),
    "diagonal_scatter": lambda x: x.diagonal_scatter(x[:, :, 0], 0, 2, 3),
    "fill_diagonal": lambda x: changed(lambda y: y.fill_diagonal_(0.4))(x[0, 0])[None],
    "fill": changed(lambda y: y[:, 1].fill_(0.1)),
    "zero": changed(lambda y: y[:, 1].zero_()),
    "put": lambda x: torch.put(x, torch.tensor([3, 7]), x[0, 2, 0, :2]),
    "real": lambda x: torch.view_as_complex(x.reshape(1, 4, 8, 2)).real,
    "imag": lambda x: torch.complex(x, x.flip(1)).imag,
    "unsafe_chunk": lambda x: torch.unsafe_chunk(x, 2, 1)[1],
    "unsafe_split": lambda x: torch.unsafe_split(x, 2, 1)[1],
    "linalg_diagonal": lambda x: torch.linalg.diagonal(x),
    "cartesian_prod": lambda x: torch.cartesian_prod(x[0, 0, 0], x[0, 1, 0])[None],
    "combinations": lambda x: torch.combinations(x[0, 0, 0])[None],
    "meshgrid": lambda x: torch.meshgrid(x[0, 0, 0], x[0, 1, 0], indexing="ij")[1][None],
    "max_unpool2d": lambda x: F.max_unpool2d(x, torch.arange(16).reshape(1, 1, 4, 4).expand(1, 4, 4, 4) * 4, 2),
    "view_copy": of_copy("view", (1, 16, 4)),
    "unsqueeze_copy": of_copy("unsqueeze", 1),
    "unbind_copy": of_copy("unbind", 1, pick=True),
    "transpose_copy": of_copy("transpose", 1, 2),
    "squeeze_copy": lambda x: torch.squeeze_copy(x[:, :1], 1),
    "split_copy": of_copy("split", 2, 1, pick=True),
    "permute_copy": of_copy("permute", (0, 2, 1, 3)),
    "diagonal_copy": of_copy("diagonal", 0, 2, 3),
    "unfold_copy": of_copy("unfold", 2, 3, 1),
    "slice_copy": of_copy("slice", 1, 1, 3),
    "select_copy": of_copy("select", 1, 2),
    "expand_copy": lambda x: torch.expand_copy(x[:, :1], (1, 3, 4, 4)),
    "narrow_copy": of_copy("narrow", 1, 1, 2),
    "F.unfold": lambda x: F.unfold(x, 3, padding=1),
    "F.pad": lambda x: F.pad(x, (1, 2, 2, 1), mode="reflect"),
}
SUMS: dict[str, Callable[[Tensor], Tensor]] = {
    "fold": lambda x: F.fold(x.reshape(1, 16, 4), (3, 3), 2),
    "index_put": lambda x: x.index_put((torch.tensor([0, 0]), torch.tensor([1, 1])), x[0, 2:], accumulate=True),
    "put": lambda x: torch.put(x, torch.tensor([3, 3]), x[0, 2, 0, :2], accumulate=True),
    "scatter_add": lambda x: x.scatter_add(1, UP.reshape(1, 3, 1, 1).expand(1, 3, 4, 4), x[:, :3]),
    "index_add": lambda x: x.index_add(1, UP, x[:, :3]),
    "index_put in place": changed(lambda y: y.index_put_((torch.tensor([0]), torch.tensor([1])), y[:, 2] * 1, True)),
    "block sums": lambda x: F.conv_transpose2d(x, torch.ones(4, 1, 2, 2, dtype=x.dtype)),
}


class Way(nn.Module):
    def __init__(self, operation: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.operation = operation

    def forward(self, x: Tensor) -> Tensor:
        return self.operation(x).flatten(1)


def image() -> Tensor:
    return torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def jacobian(operation: Callable[[Tensor], Tensor]) -> Tensor:
    """(outputs, inputs), by unit vectors."""
    units = torch.eye(64, dtype=torch.float64).reshape(64, 1, 4, 4, 4)
    constant = operation(torch.zeros(1, 4, 4, 4, dtype=torch.float64)).flatten().double()
    return torch.stack([operation(unit).flatten().double() - constant for unit in units], 1).round(decimals=9)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", WAYS)
def test_rearrangements_copy(name: str) -> None:
    operation, x = WAYS[name], image()
    copies = jacobian(operation)
    assert set(copies.flatten().tolist()) <= {0.0, 1.0}
    assert copies.sum(1).max() <= 1, "an output is a sum of inputs"
    got = explain_outputs(Way(operation), x, warn=False).values.flatten(1).double()
    tolerance = 1e-2 if name in {"half", "bfloat16"} else 1e-6
    torch.testing.assert_close(got, copies * x.flatten(), rtol=tolerance, atol=1e-9)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SUMS)
def test_sums_among_them_share(name: str) -> None:
    operation, x = SUMS[name], image()
    expected = jacobian(operation) * x.flatten()
    got = explain_outputs(Way(operation), x, warn=False).values.flatten(1)
    torch.testing.assert_close(got, expected, rtol=1e-6, atol=1e-9)


UNTRIED = {"cpu", "cuda", "memory", "alias", "positive", "atleast_1d", "resolve_conj", "resolve_neg", "alias_copy"} | {
    *("cfloat", "cdouble", "chalf", "complex", "view_as_real", "view_as_complex", "fft_fftshift", "fft_ifftshift"),
    *("max_unpool1d", "max_unpool3d", "split_with_sizes_copy", "t_copy", "as_strided_copy"),
}


@pytest.mark.filterwarnings("ignore")
def test_every_rearrangement_is_tried() -> None:
    met = set()
    for operation in WAYS.values():
        with torch.no_grad():
            tape = record(Way(operation), image())
        contexts = OperationContexts(tape)
        met |= {step.function for step in tape.operations if contexts.of(step).kind == "shape"}
    assert SHAPES - met - UNTRIED == set()
