"""Functions whose gradient in PyTorch can be wrong or is missing, with others to differentiate in their place.

PyTorch 2.13 on the CPU: for one sample (N = 1; instance norm makes every sample one) the gradient of ``batch_norm``
takes an incoming gradient whose strides are those of a transposed map for a contiguous one, and mixes channels with
places. The gradients of the steps below do not depend on strides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def batch_norm(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """What ``torch.nn.functional.batch_norm`` computes; running statistics are left as they are."""
    if not training and running_mean is not None and running_var is not None:
        return _scaled(x, running_mean, running_var, weight, bias, eps)
    return _scaled(x, *_statistics(x, (0, *range(2, x.dim()))), weight, bias, eps)


def instance_norm(
    x: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """What ``torch.nn.functional.instance_norm`` computes; running statistics are left as they are."""
    if not use_input_stats and running_mean is not None and running_var is not None:
        return _scaled(x, running_mean, running_var, weight, bias, eps)
    return _scaled(x, *_statistics(x, tuple(range(2, x.dim()))), weight, bias, eps)


def _statistics(x: Tensor, over: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    return x.mean(over, keepdim=True), x.var(over, unbiased=False, keepdim=True)


def _scaled(x: Tensor, mean: Tensor, var: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float) -> Tensor:
    def along_channels(values: Tensor) -> Tensor:
        return values if values.dim() == x.dim() else values.reshape(1, -1, *[1] * (x.dim() - 2))

    out = (x - along_channels(mean)) * (along_channels(var) + eps).rsqrt()
    out = out if weight is None else out * along_channels(weight)
    return out if bias is None else out + along_channels(bias)


def _torch_batch_norm(
    x: Tensor, weight: Any, bias: Any, mean: Any, var: Any, training: bool, momentum: float, eps: float, cudnn: bool
) -> Tensor:
    return batch_norm(x, mean, var, weight, bias, training, momentum, eps)


def _torch_instance_norm(
    x: Tensor, weight: Any, bias: Any, mean: Any, var: Any, use: bool, momentum: float, eps: float, cudnn: bool
) -> Tensor:
    return instance_norm(x, mean, var, weight, bias, use, momentum, eps)


def _same(x: Tensor) -> Tensor:
    return x * 1


PLAIN: dict[Callable[..., Any], Callable[..., Any]] = {
    F.batch_norm: batch_norm,
    F.instance_norm: instance_norm,
    torch.batch_norm: _torch_batch_norm,
    torch.instance_norm: _torch_instance_norm,
    torch.Tensor.detach: _same,  # to PyTorch a constant, though the value is the input's
    torch.detach: _same,
    torch.detach_copy: _same,
    torch.Tensor.data.__get__: _same,  # type: ignore[attr-defined]
    torch.native_channel_shuffle: torch.channel_shuffle,
}
"""What to differentiate in place of each of these functions."""
