"""The rules of everything but weighted layers; `bilrp.rules` is their public face and has the references."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from bilrp._trace.operations import SIGNED, OperationContext, sum_to
from bilrp._trace.pooling import TiledMaxPool
from bilrp.exceptions import RuleError
from bilrp.rules.base import Backward, Rule, inverse_or_zero, stabilize


class Pass(Rule):
    r"""Pass: relevance goes through unchanged, :math:`R_j = R_k`, summed where the operation broadcast its input.

    For activations, dropout, scaling; for normalisation layers and quotients, where the spread is held fixed (the
    identity rule of [Achtibat2024]_). Can be given to any operation whose result has the shape of its input.
    """

    kinds = frozenset({"elementwise", "norm", "quotient"})

    def __init__(self) -> None:
        super().__init__(eps=0.0)

    @property
    def keeps_nothing(self) -> bool:
        return True

    def settings(self) -> dict[str, object]:
        return {}

    def serves(self, site: OperationContext) -> bool:
        return site.kind in self.kinds or (
            site.kind in {"unknown", "linear"} and len(site.flows) == 1 and site.inputs[0].shape == site.output.shape
        )

    def prepare(self, site: OperationContext, distribute: bool = False) -> Backward:
        shape = site.inputs[0].shape
        return lambda relevance: (sum_to(relevance, shape),)


class SumShare(Rule):
    r"""Sums and averages: in proportion to what each brought, :math:`z_{jk} = a_j c_{jk}` [Bach2015]_.

    :math:`c_{jk}` is 1 in a sum and 1/n in an average. For residual additions, average pooling, sums, interpolation,
    scatter additions, and the values under attention weights [Achtibat2024]_. A constant summand acts as a bias.
    """

    kinds = frozenset({"sum", "attention"})

    def factors(self, site: OperationContext, distribute: bool = False) -> tuple[Tensor, Tensor | None]:
        """What relevance above is multiplied with, of the output's shape: on the way to a_j, and on that to |a_j|."""
        own = site.run(site.inputs, constants=False)[0]
        magnitude = None
        if distribute or self.stabilizer == "relative":
            magnitudes = [value.abs() for value in site.inputs]
            magnitude = site.run(magnitudes, SIGNED.get(site.function), constants=False)[0]
        relative = magnitude if self.stabilizer == "relative" else None
        inverse = inverse_or_zero(stabilize(site.output, self.eps, self.stabilizer, relative))
        if not distribute or magnitude is None:
            return inverse, None
        return inverse, (1 - own * inverse) * inverse_or_zero(magnitude)

    def prepare(self, site: OperationContext, distribute: bool = False) -> Backward:
        inverse, kept = self.factors(site, distribute)

        def backward(relevance: Tensor) -> tuple[Tensor, ...]:
            parts = [a * g for a, g in zip(site.inputs, site.vjp([relevance * inverse]), strict=True)]
            if kept is not None:
                rest = site.vjp([relevance * kept], SIGNED.get(site.function), constants=False)
                parts = [part + a.abs() * g for part, a, g in zip(parts, site.inputs, rest, strict=True)]
            return tuple(parts)

        return backward


class MaxWinner(Rule):
    r"""Maximum: all to the winner [Bach2015]_; the first of equals in a window, both halves of a tie of two tensors.

    With ``eps`` above 0 the relevance shrinks by :math:`a/(a+\epsilon)`, as in the published BiLRP code.
    """

    kinds = frozenset({"max"})

    def __init__(self, *, eps: float = 0.0, stabilizer: str = "signed") -> None:
        super().__init__(eps=eps, stabilizer=stabilizer)

    @property
    def keeps_nothing(self) -> bool:
        return self.eps == 0

    def factor(self, site: OperationContext, distribute: bool = False) -> Tensor | None:
        """What relevance above is multiplied with before the winner gets it, of the output's shape; None for 1."""
        if self.eps == 0 or distribute:
            return None
        return site.output / stabilize(site.output, self.eps, self.stabilizer)

    def prepare(self, site: OperationContext, distribute: bool = False) -> Backward:
        pool = TiledMaxPool.of(site)
        backward = site.vjp if pool is None else pool.backward
        factor = self.factor(site, distribute)
        return lambda relevance: backward([relevance if factor is None else relevance * factor])


class MaxShare(Rule):
    r"""Maximum taken as an average: in proportion to what each input brought, :math:`z_{jk} = a_j / n`.

    For max pooling over activations of zero or more, where one winner a window makes ragged maps [Montavon2019]_.
    """

    kinds = frozenset({"max"})
    exact = False

    def serves(self, site: OperationContext) -> bool:
        return site.kind == "max" and site.function in AVERAGES

    def prepare(self, site: OperationContext, distribute: bool = False) -> Backward:
        average = AVERAGES[site.function]
        z = site.run(site.inputs, average)[0]
        inverse = inverse_or_zero(z if distribute else stabilize(z, self.eps, self.stabilizer, z.abs()))

        def backward(relevance: Tensor) -> tuple[Tensor, ...]:
            return tuple(a * g for a, g in zip(site.inputs, site.vjp([relevance * inverse], average), strict=True))

        return backward


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


class MinShare(Rule):
    r"""Minimum as AND: alike to all, as each had to be there; half to each of two.

    The rule of the bigram layer [Eberle2022]_: a pair of digits is present only when both are. A constant that was
    compared with takes nothing.
    """

    kinds = frozenset({"min"})

    def __init__(self) -> None:
        super().__init__(eps=0.0)

    def settings(self) -> dict[str, object]:
        return {}

    def prepare(self, site: OperationContext, distribute: bool = False) -> Backward:
        if len(site.flows) == 2:
            shapes = [value.shape for value in site.inputs]
            return lambda relevance: tuple(sum_to(relevance / 2, shape) for shape in shapes)
        if site.function in {"minimum", "fmin"} or (site.function == "min" and _is_binary(site)):
            shape = site.inputs[0].shape
            return lambda relevance: (sum_to(relevance, shape),)
        call = _mean_over(site)
        return lambda relevance: site.vjp([relevance], call)


def _is_binary(site: OperationContext) -> bool:
    arguments = (*site.operation.args[1:], *site.operation.kwargs.values())
    return any(not isinstance(item, (int, bool, tuple, list)) for item in arguments)


def _mean_over(site: OperationContext) -> Callable[..., Tensor]:
    def call(x: Tensor, dim: int | tuple[int, ...] | None = None, keepdim: bool = False) -> Tensor:
        return x.mean() if dim is None else x.mean(dim, keepdim)

    return call


class MinWinner(Rule):
    """Minimum by its gradient: all to the smallest, which alone sets the value; ties as PyTorch's gradient has them."""

    kinds = frozenset({"min"})

    def __init__(self) -> None:
        super().__init__(eps=0.0)

    def settings(self) -> dict[str, object]:
        return {}

    def prepare(self, site: OperationContext, distribute: bool = False) -> Backward:
        return lambda relevance: site.vjp([relevance])


class ProductShare(Rule):
    """Product of two activations: half to each, the uniform rule of [Achtibat2024]_."""

    kinds = frozenset({"product"})
    exact = False

    def __init__(self) -> None:
        super().__init__(eps=0.0)

    def settings(self) -> dict[str, object]:
        return {}

    def prepare(self, site: OperationContext, distribute: bool = False) -> Backward:
        shapes = [value.shape for value in site.inputs]
        return lambda relevance: tuple(sum_to(relevance / len(shapes), shape) for shape in shapes)


class Gate(Rule):
    """Product with a gate: all to one factor, the other held fixed [Achtibat2024]_.

    Parameters
    ----------
    value : {0, 1}
        Which factor carries the relevance, in the order of the call.
    """

    kinds = frozenset({"product"})

    def __init__(self, value: int = 0) -> None:
        super().__init__(eps=0.0)
        if value not in (0, 1):
            raise RuleError(f"Gate: value is {value}, expected 0 or 1")
        self.value = value

    def settings(self) -> dict[str, object]:
        return {"value": self.value}

    def prepare(self, site: OperationContext, distribute: bool = False) -> Backward:
        shapes = [value.shape for value in site.inputs]

        def backward(relevance: Tensor) -> tuple[Tensor, ...]:
            return tuple(
                sum_to(relevance, shape) if i == self.value else relevance.new_zeros(relevance.shape[0], *shape)
                for i, shape in enumerate(shapes)
            )

        return backward


class Linearize(Rule):
    r"""Any differentiable operation by its slope: :math:`z_{jk} = a_j \, \partial z_k / \partial a_j`.

    The way out for operations without a rule of their own. Exact where the operation is homogeneous of degree one;
    elsewhere the difference of the slope's sum from the value acts as a bias, and the report says "approximate".
    """

    exact = False

    def serves(self, site: OperationContext) -> bool:
        return site.kind not in {"shape", "embedding"}

    def prepare(self, site: OperationContext, distribute: bool = False) -> Backward:
        magnitude = site.output.abs() if self.stabilizer == "relative" else None
        inverse = inverse_or_zero(stabilize(site.output, self.eps, self.stabilizer, magnitude))

        def backward(relevance: Tensor) -> tuple[Tensor, ...]:
            gradients = site.vjp([relevance * inverse])
            return tuple(a * g for a, g in zip(site.inputs, gradients, strict=True))

        return backward
