"""LRP rules of activations, sums, pooling, minimum, products and gates; `bilrp.rules` has the references."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from bilrp._trace.layers import tiled_max_pool
from bilrp._trace.operations import SIGNED, OperationContext, sum_to
from bilrp.exceptions import RuleError
from bilrp.rules.base import LEAST, Backward, Rule, componentwise, inverse_or_zero, stabilize, to_neighbours


class UnstabilizedRule(Rule):
    """Base of the rules that divide by nothing, and so take no ``eps``."""

    def __init__(self) -> None:
        super().__init__(eps=0.0)

    def settings(self) -> dict[str, object]:
        return {key: value for key, value in super().settings().items() if key not in ("eps", "stabilizer")}


class Pass(UnstabilizedRule):
    r"""Pass: relevance goes through unchanged, :math:`R_j = R_k`, summed where the operation broadcast its input.

    For activations, dropout, scaling; for differences from a constant that measure a distance, whose origin the
    constant is [Kauffmann2022]_; for quotients, whose divisor is held fixed (the identity rule of [Achtibat2024]_).
    Can be given to any operation whose result has the shape of its input; of a normalisation it leaves out mean and
    shift, so that relevance grows without bound where these cancel the input.
    """

    kinds = frozenset({"elementwise", "norm", "quotient", "softmax"})

    @property
    def keeps_nothing(self) -> bool:
        return True

    def serves(self, context: OperationContext) -> bool:
        return context.kind in self.kinds or (
            context.kind in {"unknown", "linear", "homogeneous"}
            and len(context.flows) == 1
            and context.inputs[0].shape == context.output.shape
        )

    def prepare(self, context: OperationContext, distribute: bool = False) -> Backward:
        shape = context.inputs[0].shape
        return lambda relevance: (sum_to(relevance, shape),)


class SumShare(Rule):
    r"""Sums and averages: in proportion to what each brought, :math:`z_{jk} = a_j c_{jk}` [Bach2015]_.

    :math:`c_{jk}` is 1 in a sum and 1/n in an average. For residual additions, average pooling, sums, interpolation,
    scatter additions, and the values under attention weights, which are held fixed (CP-LRP, [Ali2022]_). A constant
    summand acts as a bias; to be distributed, what it holds of an entry that is 0 goes to the others of its channel.
    """

    kinds = frozenset({"sum", "attention"})

    def __init__(self, *, eps: float = LEAST, stabilizer: str = "signed") -> None:
        super().__init__(eps=eps, stabilizer=stabilizer)

    def factors(self, context: OperationContext, distribute: bool = False) -> tuple[Tensor, Tensor | None]:
        """What relevance above is multiplied with, of the output's shape: on the way to a_j, and on that to |a_j|."""
        own = context.run(context.inputs, constants=False)[0]
        magnitude = None
        if distribute and context.is_signed_map:  # nothing but eps is kept: sharing it out is to leave it out
            return inverse_or_zero(own), None
        if self.stabilizer == "relative" and context.is_signed_map:
            magnitude = own.abs()
        elif distribute or self.stabilizer == "relative":
            magnitudes = [value.abs() for value in context.inputs]
            magnitude = context.run(magnitudes, SIGNED.get(context.function), constants=False)[0]
        relative = magnitude if self.stabilizer == "relative" else None
        inverse = inverse_or_zero(stabilize(context.output, self.eps, self.stabilizer, relative))
        if not distribute or magnitude is None:
            return inverse, None
        return inverse, (1 - own * inverse) * inverse_or_zero(magnitude)

    def prepare(self, context: OperationContext, distribute: bool = False) -> Backward:
        inverse, kept = self.factors(context, distribute)
        shifted = distribute and len(context.inputs) == 1 and context.inputs[0].shape == context.output.shape
        spread = to_neighbours(context.inputs[0].abs()) if shifted and context.function in SUMS_OF_TWO else None

        def backward(relevance: Tensor) -> tuple[Tensor, ...]:
            parts = _times(context.inputs, context.vjp([componentwise(relevance, inverse)]))
            if kept is not None:
                rest = context.vjp([relevance * kept], SIGNED.get(context.function), constants=False)
                parts = tuple(part + a.abs() * g for part, a, g in zip(parts, context.inputs, rest, strict=True))
            if spread is not None:
                parts = (parts[0] + spread(relevance),)
            return parts

        if (
            spread is not None
            or context.function not in SUMS_OF_TWO
            or any(a.shape != context.output.shape for a in context.inputs)
        ):
            return backward
        ways = [part[0] for part in backward(torch.ones_like(context.output)[None])]  # one factor an entry each way
        if context.output.dim() == 4:  # in the order of memory that convolutions give
            ways = [factor.contiguous(memory_format=torch.channels_last) for factor in ways]
        return lambda relevance: tuple(relevance * factor for factor in ways)


SUMS_OF_TWO = {"add", "sub", "rsub", "radd"}


def _times(inputs: Sequence[Tensor], gradients: Sequence[Tensor]) -> tuple[Tensor, ...]:
    return tuple(componentwise(a, g) for a, g in zip(inputs, gradients, strict=True))


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
        return context.kind == "max" and context.function in AVERAGES

    def prepare(self, context: OperationContext, distribute: bool = False) -> Backward:
        average = AVERAGES[context.function]
        z = context.run(context.inputs, average)[0]
        inverse = inverse_or_zero(z if distribute else stabilize(z, self.eps, self.stabilizer, z.abs()))
        return lambda relevance: _times(context.inputs, context.vjp([relevance * inverse], average))


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


AVERAGES: dict[str, Callable[..., Tensor]] = {
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
