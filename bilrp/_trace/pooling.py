"""Pooling: its settings, its winners, and the way down through windows that tile the image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from bilrp._trace.operations import OperationContext, pair_of

ARGUMENTS = {
    "max_pool2d": ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"),
    "avg_pool2d": ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"),
}


def pool_settings(context: OperationContext) -> dict[str, Any] | None:
    """The arguments of a two-dimensional pooling by name, without the input; None for another operation."""
    operation = context.operation
    if operation.function not in ARGUMENTS or context.inputs[0].dim() != 4:
        return None
    names = ARGUMENTS[operation.function]
    settings = {**dict(zip(names, operation.args, strict=False)), **operation.kwargs}
    settings.pop("input")
    return settings


def winners(context: OperationContext) -> Tensor:
    """Row times width plus column of the winner of each window of a max pooling: (N, C, H, W), int64."""
    settings = pool_settings(context)
    if settings is None:
        raise ValueError(f"{context.name} ({context.function}) is no two-dimensional max pooling")
    index: Tensor = F.max_pool2d(context.inputs[0].contiguous(), **{**settings, "return_indices": True})[1]
    return index


class TiledMaxPool:
    """A ``max_pool2d`` whose windows tile the image: the winner of each tile is marked once.

    Parameters
    ----------
    context : OperationContext
    size : (int, int)
        Height and width of a window, which is also the stride.
    """

    def __init__(self, context: OperationContext, size: tuple[int, int]) -> None:
        x = context.inputs[0]
        self._shape = x.shape
        self._size = size
        self._rows, self._columns = context.output.shape[-2:]
        marks = torch.zeros(x.shape, dtype=x.dtype, device=x.device)
        marks.flatten(2).scatter_(2, winners(context).flatten(2), 1.0)
        self._winners = self._tiles(marks.contiguous(memory_format=torch.channels_last)[None])

    @classmethod
    def of(cls, context: OperationContext) -> TiledMaxPool | None:
        """The pool of a context, or None where windows overlap, are padded, or dilated."""
        settings = pool_settings(context)
        if settings is None or context.function != "max_pool2d":
            return None
        size = pair_of(settings["kernel_size"])
        stride = settings.get("stride")
        tiled = stride is None or pair_of(stride) == size
        plain = pair_of(settings.get("padding", 0)) == (0, 0) and pair_of(settings.get("dilation", 1)) == (1, 1)
        if not tiled or not plain or settings.get("ceil_mode", False) or settings.get("return_indices", False):
            return None
        return cls(context, size)

    def _tiles(self, maps: Tensor) -> Tensor:
        """(K, N, C, H, W) seen as (K, N, C, rows, height, columns, width), without what no window covers."""
        height, width = self._size
        *lead, down, right = maps.stride()
        return maps.as_strided(
            (*maps.shape[:3], self._rows, height, self._columns, width),
            (*lead, down * height, down, right * width, right),
        )

    def backward(self, relevances: Sequence[Tensor]) -> tuple[Tensor]:
        """(K, N, C, rows, columns) to (K, N, C, H, W): all to the winners."""
        relevance = relevances[0]
        n, channels, height, width = self._shape
        out = relevance.new_zeros(relevance.shape[0], n, height, width, channels).permute(0, 1, 4, 2, 3)
        torch.mul(relevance[..., :, None, :, None], self._winners, out=self._tiles(out))
        return (out,)
