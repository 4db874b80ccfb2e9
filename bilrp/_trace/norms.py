"""Norms of a value by itself, however they are written: x times, or over, something made of reductions of x alone.

A factor is such a spread where every way from the value to it goes through a reduction (mean, sum, norm, variance,
maximum, pooling), and where it is homogeneous, but for constants that are added: growing inputs do not make a product
grow faster than they do. So ``x * rsqrt(mean(x ** 2) + eps)``, ``(x - m) / sqrt(v)`` and ``x / x.norm()`` are norms; a
gate such as ``x * sigmoid(mean(x) @ w)`` is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from bilrp._trace.functions import CASTS, SHAPES
from bilrp._trace.tape import Operation, Ref

POOLINGS = {
    f"{adaptive}{kind}_pool{n}d" for adaptive in ("", "adaptive_") for kind in ("avg", "max") for n in (1, 2, 3)
}
REDUCTIONS = POOLINGS | {
    *("sum", "mean", "nansum", "nanmean", "norm", "linalg_norm", "linalg_vector_norm", "vector_norm", "std", "amax"),
    *("amin", "aminmax", "median"),
}
LINEAR = {
    *("matmul", "mm", "bmm", "mv", "einsum", "rmatmul", "dot", "inner", "vdot", "linalg_vecdot", "vecdot", "linear"),
    *(f"conv{n}d" for n in (1, 2, 3)),
}
SAME_DEGREE = {
    *("abs", "neg", "relu", "clamp", "clamp_min", "clamp_max", "maximum", "minimum", "fmax", "fmin", "nan_to_num"),
    *("add", "sub", "rsub", "radd", "dropout"),
    *(SHAPES | CASTS),
}
"""Their result grows with the inputs as these do; constants beside them are held for small."""


@dataclass(frozen=True)
class Growth:
    """How a value grows with another: to which power, and whether every way to it goes through a reduction."""

    power: float
    is_reduced: bool


class Norms:
    """Finds the norms of a tape.

    Parameters
    ----------
    makers : mapping
        The operation that made each node.
    """

    def __init__(self, makers: Mapping[int, Operation]) -> None:
        self._makers = makers
        self._known: dict[int, int | None] = {}

    def value_of(self, operation: Operation) -> int | None:
        """The value that a product or quotient normalises by a spread of its own; None where it is no norm."""
        key = operation.outputs[0]
        if key not in self._known:
            self._known[key] = None  # while it is looked for
            self._known[key] = self._find(operation)
        return self._known[key]

    def _find(self, operation: Operation) -> int | None:
        refs = [item.node for item in operation.args[:2] if isinstance(item, Ref)]
        if operation.function not in {"mul", "div"} or len(refs) != 2 or refs[0] == refs[1]:
            return None
        if operation.function == "div":
            pairs, sign = [(refs[0], refs[1])], 1
        else:
            pairs, sign = [(refs[0], refs[1]), (refs[1], refs[0])], -1
        for value, factor in pairs:
            growth = self._growth(factor, self._forms(value))
            if growth is not None and growth.is_reduced and growth.power * sign >= 0:
                return value
        return None

    def _forms(self, node: int) -> frozenset[int]:
        """The value and what it was before it was moved, cast, scaled, centred, or normalised."""
        forms = {node}
        while (maker := self._makers.get(node)) is not None:
            before = self._before(maker)
            if before is None:
                break
            node = before
            forms.add(node)
        return frozenset(forms)

    def _before(self, maker: Operation) -> int | None:
        refs = [item.node for item in maker.args[:2] if isinstance(item, Ref)]
        name = maker.function
        if name in SHAPES | CASTS | {"neg", "dropout"} or (name in {"mul", "div"} and len(refs) == 1):
            divided = name == "div" and not isinstance(maker.args[0], Ref)
            return maker.inputs[0] if len(maker.inputs) == 1 and not divided else None
        if name == "sub" and len(set(refs)) == 2:
            mean = self._growth(refs[1], frozenset(refs[:1]))
            return refs[0] if mean is not None and mean.is_reduced and mean.power == 1 else None
        return self.value_of(maker)

    def _growth(self, node: int, forms: frozenset[int]) -> Growth | None:
        """How a node grows with a value in any of its forms; None where it rests on something else, or otherwise."""
        known: dict[int, Growth | None] = dict.fromkeys(forms, Growth(1.0, False))
        for between in self._between(node, forms):
            maker = self._makers.get(between)
            below = [known.get(before) for before in _grown_from(maker)]
            sound = [growth for growth in below if growth is not None]
            known[between] = (
                _through(maker, sound) if maker is not None and sound and len(sound) == len(below) else None
            )
        return known.get(node)

    def _between(self, node: int, forms: frozenset[int]) -> list[int]:
        """What a node is made of from the earliest form on, in the order of the pass; forms are not entered."""
        earliest, seen, waiting = min(forms), set(forms), [node]
        while waiting:
            at = waiting.pop()
            if at not in seen and at >= earliest:
                seen.add(at)
                waiting.extend(_grown_from(self._makers.get(at)))
        return sorted(seen - forms)


def _grown_from(maker: Operation | None) -> Sequence[int]:
    """The inputs whose values count; what a tensor is only shaped like does not."""
    return () if maker is None else maker.inputs[: 1 if maker.function.endswith("_as") else None]


def _through(maker: Operation, below: list[Growth]) -> Growth | None:
    """How the result of an operation grows, its inputs growing as ``below``."""
    name, first = maker.function, below[0]
    all_reduced = all(growth.is_reduced for growth in below)
    alike = all(growth.power == first.power for growth in below)
    if name in {"square", "sqrt", "rsqrt", "pow", "rdiv"}:
        power = _exponent(maker)
        return None if power is None else Growth(first.power * power, all_reduced)
    if name in {"mul", "div"}:
        powers = [
            below[maker.inputs.index(item.node)].power if isinstance(item, Ref) else 0.0 for item in maker.args[:2]
        ]
        if len(powers) < 2:
            return None
        return Growth(powers[0] + powers[1] if name == "mul" else powers[0] - powers[1], all_reduced)
    if name == "var":
        return Growth(2 * first.power, True)
    if name in {"max", "min"}:
        return Growth(first.power, all_reduced or len(maker.inputs) == 1) if alike else None
    if name in REDUCTIONS:
        return Growth(first.power, True)
    if name in LINEAR:
        refs = [item.node for item in maker.args if isinstance(item, Ref)]
        return Growth(sum(below[maker.inputs.index(ref)].power for ref in refs), True) if refs else None
    if name in SAME_DEGREE and alike:
        return Growth(first.power, all_reduced)
    return None


def _exponent(maker: Operation) -> float | None:
    fixed = {"square": 2.0, "sqrt": 0.5, "rsqrt": -0.5, "rdiv": -1.0}
    if maker.function in fixed:
        return fixed[maker.function]
    exponent = maker.named("input", "exponent").get("exponent")
    if isinstance(exponent, Tensor):
        return float(exponent) if exponent.numel() == 1 and len(maker.inputs) == 1 else None
    return float(exponent) if isinstance(exponent, (int, float)) else None
