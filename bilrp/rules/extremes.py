"""LRP of maxima, max pooling, minima: winners and shares; `bilrp.rules` has the references."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from bilrp._trace.layers import tiled_max_pool
from bilrp._trace.operations import OperationContext, sum_to
from bilrp.exceptions import RuleError
from bilrp.rules.base import Backward, Rule, UnstabilizedRule, inverse_or_zero, stabilize, times


class MaxWinner(Rule):
    r"""Maximum: all to the winner [Bach2015]_; the first of equals in a window, both halves of a tie of two tensors.

    Of a soft maximum (log-sum-exp) each input gets its weight :math:`e^{a_j} / \sum_i e^{a_i}`.

    With ``eps`` above 0 the relevance shrinks by :math:`a/(a+\epsilon)`, as in the published BiLRP code.
    """

    kinds = frozenset({"max"})

    def __init__(self, *, eps: float = 0.0, stabilizer: str = "signed") -> None:
        super().__init__(eps=eps, stabilizer=stabilizer)

    @property
    def keeps_nothing(self) -> bool:
        return self.eps == 0

    def factor(self, context: OperationContext, distribute: bool = False) -> Tensor | None:
        """What relevance above is multiplied with before the winner gets it, of the output's shape; None for 1."""
        if self.eps == 0 or distribute:
            return None
        return context.output / stabilize(context.output, self.eps, self.stabilizer)

    def prepare(self, context: OperationContext, distribute: bool = False) -> Backward:
        backward = tiled_max_pool(context) or context.vjp
        factor = self.factor(context, distribute)
        return lambda relevance: backward([relevance if factor is None else relevance * factor])


class MaxShare(Rule):
    r"""Maximum taken as an average: in proportion to what each input brought, :math:`z_{jk} = a_j / n`.

    For max pooling over activations of zero or more, where one winner a window makes ragged maps [Montavon2019]_.
    """

    kinds = frozenset({"max"})
    exact = False

    def serves(self, context: OperationContext) -> bool:
        return context.kind == "max" and context.function in AVERAGE_OF

    def prepare(self, context: OperationContext, distribute: bool = False) -> Backward:
        average = AVERAGE_OF[context.function]
        z = context.run(context.inputs, average)[0]
        inverse = inverse_or_zero(z if distribute else stabilize(z, self.eps, self.stabilizer, z.abs()))
        return lambda relevance: times(context.inputs, context.vjp([relevance * inverse], average))


def _average_pool(pool: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def call(
        x: Tensor,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] | None = None,
        padding: int | tuple[int, ...] = 0,
        dilation: int | tuple[int, ...] = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Tensor:
        if dilation not in (1, (1, 1), (1, 1, 1)):
            raise RuleError(f"MaxShare: dilation of a max pooling is {dilation}, expected 1. Use MaxWinner there.")
        return pool(x, kernel_size, stride or kernel_size, padding, ceil_mode)

    return call


AVERAGE_OF: dict[str, Callable[..., Tensor]] = {
    "max_pool1d": _average_pool(F.avg_pool1d),
    "max_pool2d": _average_pool(F.avg_pool2d),
    "max_pool3d": _average_pool(F.avg_pool3d),
    "amax": torch.mean,
    "maximum": lambda a, b: (a + b) / 2,
}


class MinShare(UnstabilizedRule):
    r"""Minimum as AND: alike to all, as each had to be there; half to each of two.

    The rule of the bigram layer [Eberle2022]_: a pair of digits is present only when both are. A constant that was
    compared with takes nothing.
    """

    kinds = frozenset({"min"})

    def prepare(self, context: OperationContext, distribute: bool = False) -> Backward:
        if len(context.flows) == 2:
            shapes = [value.shape for value in context.inputs]
            return lambda relevance: tuple(sum_to(relevance / 2, shape) for shape in shapes)
        if context.function in {"minimum", "fmin"} or (context.function == "min" and _is_binary(context)):
            shape = context.inputs[0].shape
            return lambda relevance: (sum_to(relevance, shape),)
        if context.function in {"scatter_reduce", "index_reduce"}:  # groups of unequal size: to the smallest
            return lambda relevance: context.vjp([relevance])
        return lambda relevance: context.vjp([relevance], _mean)


def _is_binary(context: OperationContext) -> bool:
    arguments = (*context.operation.args[1:], *context.operation.kwargs.values())
    return any(not isinstance(item, (int, bool, tuple, list)) for item in arguments)


def _mean(x: Tensor, dim: int | tuple[int, ...] | None = None, keepdim: bool = False) -> Tensor:
    return x.mean() if dim is None else x.mean(dim, keepdim)


class MinWinner(UnstabilizedRule):
    """Minimum by its gradient: all to the smallest, which alone sets the value; ties as PyTorch's gradient has them."""

    kinds = frozenset({"min"})

    def prepare(self, context: OperationContext, distribute: bool = False) -> Backward:
        return lambda relevance: context.vjp([relevance])
