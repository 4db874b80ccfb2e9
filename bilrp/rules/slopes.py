"""LRP rules by the slope of an operation, for those without a rule of their own (Euler's theorem, Taylor, uniform)."""

from __future__ import annotations

import torch
from torch import Tensor

from bilrp._trace.operations import OperationContext
from bilrp.rules.base import Backward, Rule, UnstabilizedRule, componentwise, inverse_or_zero, stabilize, times


class Linearize(Rule):
    r"""Any differentiable operation by its slope: :math:`z_{jk} = a_j \, \partial z_k / \partial a_j`.

    Exact where the operation is homogeneous of degree one; elsewhere the difference of the slope's sum from the value
    acts as a bias, and the report says "approximate". With ``eps=0`` everywhere the explanation is gradient x input.
    """

    exact = False

    def serves(self, context: OperationContext) -> bool:
        return context.kind not in {"shape", "embedding"}

    def feeds(self, context: OperationContext) -> tuple[int, ...]:
        return context.carrying if context.kind == "attention" else tuple(range(len(context.flows)))

    def prepare(self, context: OperationContext, distribute: bool = False) -> Backward:
        magnitude = context.output.abs() if self.stabilizer == "relative" else None
        inverse = inverse_or_zero(stabilize(context.output, self.eps, self.stabilizer, magnitude))

        def backward(relevance: Tensor) -> tuple[Tensor, ...]:
            return times(context.inputs, context.vjp([componentwise(relevance, inverse)]))

        return backward


class SlopeShare(Rule):
    r"""By slopes that are made to add up: :math:`z_{jk} = a_j \, \partial z_k / \partial a_j`, over their own sum.

    :math:`R_j = \sum_k z_{jk} / (\sum_j z_{jk}) R_k`. By Euler's theorem the sum is d times the value where the
    operation is homogeneous of degree d: of a variance, a norm, a product of n factors nothing is left out or counted
    twice. The way out for differentiable operations without a rule of their own; where the slopes cancel it is noisy.
    """

    exact = False

    def is_exact(self, context: OperationContext) -> bool:
        return context.kind == "homogeneous"

    def serves(self, context: OperationContext) -> bool:
        return context.kind not in {"shape", "embedding"}

    def prepare(self, context: OperationContext, distribute: bool = False) -> Backward:
        own = directional(context)
        magnitude = own.abs() if self.stabilizer == "relative" else None
        inverse = inverse_or_zero(own if distribute else stabilize(own, self.eps, self.stabilizer, magnitude))

        def backward(relevance: Tensor) -> tuple[Tensor, ...]:
            return times(context.inputs, context.vjp([componentwise(relevance, inverse)]))

        return backward


def directional(context: OperationContext) -> Tensor:
    """The sum over j of a_j times the slope of the first output by a_j: the derivative of a vector-Jacobian product."""
    with torch.enable_grad():
        leaves = [value.detach().requires_grad_() for value in context.inputs]
        out = context.run(leaves)[0]
        if not out.requires_grad:
            return torch.zeros_like(out)
        cotangent = torch.zeros_like(out, requires_grad=True)
        gradients = torch.autograd.grad(out, leaves, cotangent, create_graph=True, allow_unused=True)
        parts = [(a.detach().conj() * g).real.sum() for a, g in zip(leaves, gradients, strict=True) if g is not None]
        if not any(part.requires_grad for part in parts):  # no slope anywhere
            return torch.zeros_like(out).detach()
        total = torch.stack(parts).sum()
        (own,) = torch.autograd.grad(total, cotangent, allow_unused=True)
    return torch.zeros_like(out).detach() if own is None else own.detach()


class SoftmaxTaylor(UnstabilizedRule):
    r"""Softmax by its first-order Taylor term [Achtibat2024]_ (Prop. 3.1): :math:`R_i = x_i (R_i - s_i \sum_j R_j)`.

    For attention whose queries and keys are to get relevance (AttnLRP), together with `BilinearShare`. What the terms
    of order zero hold acts as a bias, and is shared over :math:`|z_{jk}|` when biases are distributed (where all are
    zero, as in a row with one entry that no mask excludes, it goes to its own entry).
    """

    kinds = frozenset({"softmax"})
    exact = False

    def serves(self, context: OperationContext) -> bool:
        return context.kind == "softmax" and context.function == "softmax"

    def prepare(self, context: OperationContext, distribute: bool = False) -> Backward:
        dim = context.operation.named("input", "dim")["dim"] % context.output.dim() + 1  # K comes first
        s = context.output
        x = context.inputs[0].masked_fill(context.inputs[0].isinf(), 0.0)  # what a mask excludes

        def total(relevance: Tensor) -> Tensor:
            return relevance.sum(dim, keepdim=True)

        def backward(relevance: Tensor) -> tuple[Tensor]:
            passed = x * (relevance - s * total(relevance))
            if distribute:
                axis, a = dim - 1, x.abs()
                kept = 1 - x + (s * x).sum(axis, keepdim=True)
                magnitude = a * (1 - 2 * s) + (s * a).sum(axis, keepdim=True)
                shared = magnitude > 1e-9 * (a + (s * a).sum(axis, keepdim=True))  # elsewhere nothing brings anything
                rest = relevance * torch.where(shared, kept * inverse_or_zero(magnitude), 0.0)
                own = relevance * torch.where(shared, 0.0, kept)
                passed = passed + own + a * ((1 - 2 * s) * rest + s * total(rest))
            return (passed,)

        return backward


class Uniform(UnstabilizedRule):
    """To all inputs alike, whatever the operation does: the way out where nothing is differentiable.

    Of several inputs each gets the same share, spread evenly over its entries.
    """

    exact = False

    def serves(self, context: OperationContext) -> bool:
        return context.kind not in {"shape", "embedding"}

    def prepare(self, context: OperationContext, distribute: bool = False) -> Backward:
        shares = [_even_shares(value) / len(context.inputs) for value in context.inputs]

        def backward(relevance: Tensor) -> tuple[Tensor, ...]:
            total = torch.view_as_real(relevance) if relevance.is_complex() else relevance
            total = total.reshape(total.shape[0], -1).sum(1)
            return tuple(total.reshape(-1, *[1] * share.dim()) * share for share in shares)

        return backward


def _even_shares(value: Tensor) -> Tensor:
    """The share of each entry; of complex numbers the real and the imaginary part by their squares."""
    each = 1 / max(value.numel(), 1)
    if not value.is_complex():
        return torch.full_like(value, each)
    real, imaginary = value.real.square(), value.imag.square()
    part = torch.where(real + imaginary > 0, real * inverse_or_zero(real + imaginary), 1.0)
    return each * torch.complex(part, 1 - part)
