"""LRP rules of products of activations: gates, halves, bilinear forms (Achtibat et al. 2024; Arras et al. 2017)."""

from __future__ import annotations

from torch import Tensor

from bilrp._trace.operations import OperationContext, sum_to
from bilrp.exceptions import RuleError
from bilrp.rules.base import Backward, Rule, UnstabilizedRule, componentwise, inverse_or_zero, stabilize, times


class ProductShare(UnstabilizedRule):
    """Product of activations, entry by entry: alike to each, half to each of two, the uniform rule of [Achtibat2024]_.

    The default where neither factor is a gate (`Gate`).
    """

    kinds = frozenset({"product", "gate", "recurrent"})
    exact = False

    def feeds(self, context: OperationContext) -> tuple[int, ...]:
        return tuple(range(len(context.flows)))

    def prepare(self, context: OperationContext, distribute: bool = False) -> Backward:
        shapes = [value.shape for value in context.inputs]
        return lambda relevance: tuple(sum_to(relevance / len(shapes), shape) for shape in shapes)


class Gate(UnstabilizedRule):
    """Product with a gate: all to one factor, the other held fixed; "signal takes it all" of [Arras2017]_.

    No relevance goes to the gate, so what computes it needs no rules. The default where one factor comes from a
    softmax, a sigmoid or straight from another activation (`bilrp._trace.gates`).

    Parameters
    ----------
    value : {0, 1} or None
        Which factor carries the relevance, in the order of the call; None for the one that is not the gate.
    """

    kinds = frozenset({"product", "gate", "recurrent"})

    def __init__(self, value: int | None = 0) -> None:
        super().__init__()
        if value not in (0, 1, None):
            raise RuleError(f"Gate: value is {value}, expected 0, 1 or None")
        self.value = value

    def serves(self, context: OperationContext) -> bool:
        return context.kind in {"gate", "recurrent"} or (context.kind == "product" and self.value is not None)

    def feeds(self, context: OperationContext) -> tuple[int, ...]:
        return context.carrying if self.value is None else (self.value,)

    def prepare(self, context: OperationContext, distribute: bool = False) -> Backward:
        shape = context.inputs[0].shape
        return lambda relevance: (sum_to(relevance, shape),)


class SignalTakesAll(Gate):
    """Products of gates and signals in LSTM and GRU: all to the signal, the gates held fixed [Arras2017]_.

    The default there, and the same as `Gate` for gates that are written out: with the gate fixed the product is linear
    in its signal, which gets all of it. Of four ways to share these products it is the one that conserves, and the best
    where the truth is known, in arithmetic and in sentiment [Arras2017]_. The report lists the steps as approximate,
    since what made the network remember or forget gets nothing; that alone makes no result doubtful.
    """

    kinds = frozenset({"recurrent"})
    exact = False
    doubtful = False

    def __init__(self) -> None:
        super().__init__(None)

    def serves(self, context: OperationContext) -> bool:
        return context.kind in self.kinds

    def settings(self) -> dict[str, object]:
        return {}


class BilinearShare(Rule):
    r"""Matrix products of activations: alike to each factor, within it as it brought, [Achtibat2024]_ (Prop. 3.3).

    For :math:`O_{jp} = \sum_i A_{ji} V_{ip}`: :math:`R_{ji} = \sum_p A_{ji} V_{ip} R_{jp} / (2 O_{jp} + \epsilon)`,
    and likewise for V; for n factors :math:`1/n` each. For linear attention, bilinear pooling and layers, kernels that
    are computed from the input; for attention where relevance is to reach queries and keys (AttnLRP).

    Parameters
    ----------
    value : int, optional
        The one factor that carries all relevance, in the order of the call, the others held fixed.
    """

    kinds = frozenset({"bilinear", "attention"})
    exact = False

    def __init__(self, value: int | None = None, *, eps: float = 1e-9, stabilizer: str = "signed") -> None:
        super().__init__(eps=eps, stabilizer=stabilizer)
        self.value = value

    def feeds(self, context: OperationContext) -> tuple[int, ...]:
        if self.value is None:
            return tuple(range(len(context.flows)))
        if self.value not in range(len(context.flows)):
            raise RuleError(
                f"{context.name}: BilinearShare got value {self.value}, expected one of the {len(context.flows)} "
                f"factors"
            )
        return (self.value,)

    def prepare(self, context: OperationContext, distribute: bool = False) -> Backward:
        eps = 0.0 if distribute else self.eps
        magnitude = context.output.abs() if self.stabilizer == "relative" else None
        inverse = inverse_or_zero(stabilize(context.output, eps, self.stabilizer, magnitude)) / context.multiplicity

        def backward(relevance: Tensor) -> tuple[Tensor, ...]:
            return times(context.inputs, context.vjp([componentwise(relevance, inverse)]))

        return backward
