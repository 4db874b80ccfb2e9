"""What all rules have in common: the stabilizer and the contract with the propagation."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from numbers import Real
from typing import ClassVar

import torch
from torch import Tensor

from bilrp._trace.operations import OperationContext
from bilrp.exceptions import RuleError

LEAST = 1e-15
"""Default stabilizer of rules that share linearly. Relevance of a denominator near 0 is near 0 with it, so that no more
is needed than to keep 1 / z finite in float32: LRP-0 then is gradient x input to rounding."""

STABILIZERS = ("signed", "plain", "relative")
Backward = Callable[[Tensor], tuple[Tensor, ...]]


def is_amount(value: object) -> bool:
    """Whether a setting of a rule is a finite number of zero or more."""
    return isinstance(value, Real) and 0 <= float(value) < math.inf


def stabilize(z: Tensor, eps: float, stabilizer: str = "signed", magnitude: Tensor | None = None) -> Tensor:
    """The denominator ``z`` moved away from zero; ``magnitude`` is the sum of |z_jk| for ``"relative"``."""
    if eps == 0:
        return z
    if z.is_complex():
        return torch.complex(stabilize(z.real, eps, stabilizer), stabilize(z.imag, eps, stabilizer))
    if stabilizer == "plain":
        return z + eps
    sign = torch.where(z < 0, -1.0, 1.0).to(z)
    return z + eps * (sign if magnitude is None else sign * magnitude)


def inverse_or_zero(z: Tensor) -> Tensor:
    """1 / z, and 0 where z is 0: a neuron to which nothing contributes passes nothing on.

    So it is where z is hardly a number any more, as behind an attention mask of -100: its inverse would overflow.
    """
    if z.is_complex():
        return torch.complex(inverse_or_zero(z.real), inverse_or_zero(z.imag))
    smallest = torch.finfo(z.dtype).tiny / torch.finfo(z.dtype).eps
    return z.reciprocal().masked_fill_(z.abs() < smallest, 0.0)


def componentwise(a: Tensor, b: Tensor) -> Tensor:
    """A * b; for complex numbers the real and the imaginary parts alone, as each has relevance of its own."""
    return torch.complex(a.real * b.real, a.imag * b.imag) if a.is_complex() else a * b


def to_neighbours(magnitude: Tensor) -> Callable[[Tensor], Tensor] | None:
    """How relevance of entries without any contribution goes to others, where each output has one input of its own.

    A shift is all that such an output consists of: it belongs to the channel. The others of the channel get it in
    proportion to |z|; the others of the example where a channel has none.

    Parameters
    ----------
    magnitude : Tensor of shape (N, C, ...)
        |z| of each entry.

    Returns
    -------
    callable or None
        (K, N, C, ...) to what is to be added below, of the same shape; None where every entry has a contribution.
    """
    silent = magnitude == 0
    if magnitude.dim() < 2 or not bool(silent.any()):
        return None
    places, all_axes = tuple(range(2, magnitude.dim())), tuple(range(1, magnitude.dim()))
    in_channel = magnitude.sum(places, keepdim=True) if places else magnitude
    of_channel = inverse_or_zero(in_channel)
    of_example = inverse_or_zero(magnitude.sum(all_axes, keepdim=True))

    def spread(relevance: Tensor) -> Tensor:
        lost = relevance.masked_fill(~silent, 0.0)
        if places:
            lost = lost.sum(tuple(axis + 1 for axis in places), keepdim=True)
        rest = lost.masked_fill(in_channel != 0, 0.0).sum(tuple(axis + 1 for axis in all_axes), keepdim=True)
        return (lost * of_channel + rest * of_example) * magnitude

    return spread


class Rule:
    """Base of all rules; a subclass says what kinds of operations it serves and how it shares relevance.

    Parameters
    ----------
    eps : float, default 1e-9, or 1e-15 where shares are linear (`LRP0`, `SumShare`, `NormShare`)
        Size of the stabilizer, zero or more, in the unit of the layer's output (for ``"relative"``: a fraction).
    stabilizer : {"signed", "plain", "relative"}
        Where the stabilizer points; see `bilrp.rules`.
    """

    kinds: ClassVar[frozenset[str]] = frozenset()
    exact: ClassVar[bool] = True
    """Whether the rule shares what the operation really computed; False is marked in the coverage report."""
    doubtful: ClassVar[bool] = True
    """Whether relevance that passed it counts as approximated where it is not exact; not so where gates are fixed."""

    def __init__(self, *, eps: float = 1e-9, stabilizer: str = "signed") -> None:
        if not is_amount(eps):
            raise RuleError(f"{type(self).__name__}: eps is {eps!r}, expected zero or more, and finite")
        if stabilizer not in STABILIZERS:
            raise RuleError(f"{type(self).__name__}: stabilizer is {stabilizer!r}, expected one of {STABILIZERS}")
        self.eps = eps
        self.stabilizer = stabilizer

    @property
    def keeps_nothing(self) -> bool:
        """True when the rule always passes on all that arrives."""
        return False

    def settings(self) -> dict[str, object]:
        """What the rule was made with, for reports."""
        return {key: value for key, value in vars(self).items() if not key.startswith("_")}

    def __repr__(self) -> str:
        shown = {
            key: f"tensor{tuple(value.shape)}" if isinstance(value, Tensor) and value.dim() > 1 else repr(value)
            for key, value in self.settings().items()
        }
        inside = ", ".join(f"{key}={value}" for key, value in shown.items())
        return f"{type(self).__name__}({inside})"

    def serves(self, context: OperationContext) -> bool:
        """Whether the rule can be used for an operation."""
        return context.kind in self.kinds

    def is_exact(self, context: OperationContext) -> bool:
        """Whether the rule shares what this operation really computed; see `exact`."""
        return self.exact

    def feeds(self, context: OperationContext) -> tuple[int, ...]:
        """Which of the context's flows get relevance from this rule, as places in ``flows``; the others are held fixed.

        `prepare` gets a context with these flows alone.
        """
        return context.carrying

    def prepare(self, context: OperationContext, distribute: bool = False) -> Backward:
        """Do what depends on the activations alone, once.

        Parameters
        ----------
        context : OperationContext
            The operation with its values.
        distribute : bool
            Share what bias and stabilizer keep over the inputs in proportion to |z_jk|.

        Returns
        -------
        callable
            Takes relevance of shape (K, *output shape); gives one tensor (K, *input shape) for each flow.
        """
        raise NotImplementedError


class UnstabilizedRule(Rule):
    """Base of the rules that divide by nothing, and so take no ``eps``."""

    def __init__(self) -> None:
        super().__init__(eps=0.0)

    def settings(self) -> dict[str, object]:
        return {key: value for key, value in super().settings().items() if key not in ("eps", "stabilizer")}


def times(inputs: Sequence[Tensor], gradients: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Each input times its gradient: what LRP-0 gives once relevance is divided by the output."""
    return tuple(componentwise(a, g) for a, g in zip(inputs, gradients, strict=True))
