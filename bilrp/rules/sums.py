"""LRP of sums, averages, interpolation and values under fixed weights; `bilrp.rules` has the references."""

from __future__ import annotations

import torch
from torch import Tensor

from bilrp._trace.operations import SIGNED, OperationContext
from bilrp.rules.base import LEAST, Backward, Rule, componentwise, inverse_or_zero, stabilize, times, to_neighbours


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
            parts = times(context.inputs, context.vjp([componentwise(relevance, inverse)]))
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
