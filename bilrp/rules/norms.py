r"""LRP of normalisations as affine maps, spread held fixed, mean and shift linear [Ali2022]_ (see `bilrp.rules`).

A normalisation is :math:`y_k = s_k (x_k - \bar x_k) + \beta_k` with :math:`s_k = w_k / \sigma_k`, where
:math:`\bar x` is the mean over a group of entries, or left out. With :math:`\sigma` held fixed this is a linear layer
with a bias.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bilrp._trace.layers import BATCH_NORM_ARGUMENTS
from bilrp._trace.operations import OperationContext, sum_to
from bilrp._trace.tape import Ref
from bilrp.rules.base import LEAST, Backward, Rule, inverse_or_zero, stabilize, to_neighbours

Average = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Centring:
    """What a normalisation takes the mean over.

    Parameters
    ----------
    average : callable
        The mean of each group at each of its entries, for tensors of the input's shape with any axes before.
    n : int
        Entries in a group.
    """

    average: Average
    n: int

    def __call__(self, values: Tensor) -> Tensor:
        return values - self.average(values)

    def absolute(self, values: Tensor) -> Tensor:
        """The same map with every coefficient positive: 1 - 1/n of the entry itself, 1/n of each other one."""
        return (1 - 2 / self.n) * values + self.average(values)


def over_axes(n_axes: int, axes: tuple[int, ...], x: Tensor) -> Centring:
    """The mean over some of the last ``n_axes`` axes, given from the front of these."""
    last = tuple(axis - n_axes for axis in axes)
    n = int(torch.tensor([x.shape[axis] for axis in last]).prod())
    return Centring(lambda values: values.mean(last, keepdim=True).expand_as(values), n)


def over_groups(n_groups: int, x: Tensor) -> Centring:
    """The mean over neighbouring channels, and all places, of each example."""

    def average(values: Tensor) -> Tensor:
        lead = values.shape[: values.dim() - x.dim() + 1]
        grouped = values.reshape(*lead, n_groups, -1)
        return grouped.mean(-1, keepdim=True).expand_as(grouped).reshape(values.shape)

    return Centring(average, x[0].numel() // n_groups)


@dataclass(frozen=True)
class Affine:
    """A normalisation with its spread fixed: scale times the centred input, plus a shift."""

    scale: Tensor
    centring: Centring | None

    def __call__(self, x: Tensor) -> Tensor:
        return self.scale * (x if self.centring is None else self.centring(x))

    def transpose(self, values: Tensor) -> Tensor:
        """(K, *shape) to (K, *shape) with the transposed map."""
        scaled = self.scale * values
        return scaled if self.centring is None else self.centring(scaled)

    def absolute(self, x: Tensor) -> Tensor:
        """The map with every coefficient positive."""
        return self.scale.abs() * (x if self.centring is None else self.centring.absolute(x))

    def absolute_transpose(self, values: Tensor) -> Tensor:
        scaled = self.scale.abs() * values
        return scaled if self.centring is None else self.centring.absolute(scaled)


LAYER = ("input", "normalized_shape", "weight", "bias", "eps")
GROUP = ("input", "num_groups", "weight", "bias", "eps")
INSTANCE = ("input", "running_mean", "running_var", "weight", "bias", "use_input_stats", "momentum", "eps")
WITH_MEAN_OR_SHIFT = {
    "layer_norm": LAYER,
    "group_norm": GROUP,
    "instance_norm": INSTANCE,
    "batch_norm": BATCH_NORM_ARGUMENTS,
}
"""Normalisations that are more than a scale, with the names of their arguments."""


def affine(context: OperationContext) -> Affine | None:
    """The map that a normalisation is with its spread fixed; None where it only scales: no mean, no shift."""
    if context.function not in WITH_MEAN_OR_SHIFT:
        return None
    arguments: dict[str, Any] = context.operation.named(
        *WITH_MEAN_OR_SHIFT[context.function], weight=None, bias=None, eps=1e-5
    )
    x = context.inputs[0]
    centring: Centring | None
    per_channel = (-1, *[1] * (x.dim() - 2))
    if context.function == "layer_norm":
        n_axes = len(arguments["normalized_shape"])
        per_channel = tuple(x.shape[-n_axes:])
        centring = over_axes(n_axes, tuple(range(n_axes)), x)
    elif context.function == "group_norm":
        centring = over_groups(arguments["num_groups"], x)
    elif context.function == "instance_norm":
        own = arguments.get("use_input_stats", True)
        centring = over_axes(x.dim(), tuple(range(2, x.dim())), x) if own else None
    else:
        own = arguments.get("training", False)
        centring = over_axes(x.dim(), (0, *range(2, x.dim())), x) if own else None
    if centring is None:
        variance = _value(arguments["running_var"], context).reshape(per_channel)
    else:
        variance = centring.average(centring(x).square())
    scale = torch.rsqrt(variance + arguments["eps"])
    if arguments["weight"] is not None:
        scale = scale * _value(arguments["weight"], context).reshape(per_channel)
    return Affine(scale.to(x), centring)


def _value(item: Tensor | Ref, context: OperationContext) -> Tensor:
    return context.tape.values[item.node] if isinstance(item, Ref) else item.detach()


class NormShare(Rule):
    r"""Normalisation: spread held fixed, in proportion to what each input brought, mean included [Ali2022]_.

    :math:`z_{jk} = x_j\, s_k (\delta_{jk} - 1/n)` for layer, group and instance normalisation over n entries, with
    :math:`s_k = w_k / \sigma_k`; :math:`z_{kk} = x_k s_k` for batch normalisation in evaluation mode. The shift
    :math:`\beta_k`, and what running means take off, is a bias; to be distributed, what it holds of an entry that is 0
    goes to the others of its channel. Where there is neither mean nor shift (RMS normalisation, division by a norm or
    by another spread of the value itself) relevance passes unchanged [Achtibat2024]_. LRP-0 with this rule equals
    gradient x input of a network whose spreads are constants; with batch normalisation alone, of the network as it is.

    Parameters
    ----------
    eps : float, default 1e-15
    stabilizer : {"signed", "plain", "relative"}
    """

    kinds = frozenset({"norm"})

    def __init__(self, *, eps: float = LEAST, stabilizer: str = "signed") -> None:
        super().__init__(eps=eps, stabilizer=stabilizer)

    def prepare(self, context: OperationContext, distribute: bool = False) -> Backward:
        x, fixed = context.inputs[0], affine(context)
        if fixed is None:
            return lambda relevance: (sum_to(relevance, x.shape),)
        own, size = fixed(x), x.abs()
        magnitude = fixed.absolute(size)
        relative = magnitude if self.stabilizer == "relative" else None
        inverse = inverse_or_zero(stabilize(context.output, self.eps, self.stabilizer, relative))
        kept = (1 - own * inverse) * inverse_or_zero(magnitude) if distribute else None
        spread = to_neighbours(magnitude) if distribute else None

        def backward(relevance: Tensor) -> tuple[Tensor]:
            below = x * fixed.transpose(relevance * inverse)
            if kept is not None:
                below += size * fixed.absolute_transpose(relevance * kept)
            if spread is not None:
                below += spread(relevance)
            return (below,)

        return backward
