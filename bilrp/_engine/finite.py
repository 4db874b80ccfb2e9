"""Where infinities and what is no number come from: refused by the name of the operation where they first appear.

Looked for by the greatest magnitude of each value on the way of the relevance, once a pass, and by the sums of the
result; which operation it was is found out only then. Minus infinity that the model itself wrote, as masks of attention
do, is no fault.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from bilrp._engine.propagation import Plan, prepare
from bilrp._trace.operations import CONVOLUTIONS, NORMS
from bilrp._trace.tape import Operation, Tape, tensors_in
from bilrp.exceptions import NonFiniteError

WEIGHTED = CONVOLUTIONS | NORMS | {"linear", "addmm", "matmul", "mul", "div"}  # their constants are no masks


def require_finite_embedding(tape: Tape) -> None:
    """Refuse a pass whose embedding is not finite, as the model computed it.

    Raises
    ------
    NonFiniteError
        Names the input, the weight or the operation.
    """
    if not _finite([tape.values[tape.output_node]]):
        raise NonFiniteError(_first_value(tape) or "the embedding is infinite or no number.")


def require_finite_values(plan: Plan) -> None:
    """Refuse a pass with a value that is not finite on the way of the relevance.

    Raises
    ------
    NonFiniteError
        Names the input, the weight or the operation.
    """
    tape = plan.tape
    nodes = {node for step in plan.steps for node in (*step.context.flows, *step.context.operation.outputs)}
    if not _finite(tape.values[node] for node in nodes) and (message := _first_value(tape)):
        raise NonFiniteError(message)


def first_relevance(plan: Plan, top: Tensor) -> str:
    """Which operation first passed on relevance that is not finite, for relevance (K, N, M) at the top."""
    tape = plan.tape
    live = {tape.output_node: top.reshape(top.shape[0], *tape.values[tape.output_node].shape)}
    for step in plan.steps:
        passed = prepare(step, plan.distribute)([live.pop(node, None) for node in step.context.operation.outputs])
        if not _finite(passed):
            return (
                f"relevance is infinite or no number below {step.context.name} ({step.context.function}, {step.rule!r})"
                f": its denominators come too near to zero, or relevance has grown over the range of {top.dtype}. Try "
                f"an Epsilon rule with a greater eps or stabilizer='relative', another composite, or float64."
            )
        for node, part in zip(step.context.flows, passed, strict=True):
            live[node] = live[node] + part if node in live else part
    return "relevance is infinite or no number. Try another composite, or float64."


def _finite(values: Iterable[Tensor]) -> bool:
    peaks = [
        torch.linalg.vector_norm(value.detach(), math.inf).double()
        for value in values
        if value.is_floating_point() and value.numel()
    ]
    return not peaks or bool(torch.isfinite(torch.stack(peaks)).all())


def _first_value(tape: Tape) -> str | None:
    """What is wrong, and where it first appears; None where there is nothing but masks."""
    start = tape.values[tape.input_node]
    if not _finite([start]):
        return (
            f"the input holds {_count(start)}, the first at {_place(start)}, expected finite numbers. Replace them "
            f"before it is explained."
        )
    for operation in tape.operations:
        outputs = [tape.values[node] for node in operation.outputs]
        before = [tape.values[node] for node in operation.inputs]
        brought = [] if operation.function in WEIGHTED else _constants(operation)
        masks = _has_minus_infinity([*before, *brought])
        if not any(_wrong(value, masks) for value in outputs):
            continue
        where = f"{operation.name} ({operation.function} in {operation.place or 'the model itself'})"
        for constant in _constants(operation):
            if isinstance(constant, Tensor) and _wrong(constant, False):
                return f"{where}: a weight or constant of it holds {_count(constant)}, expected finite numbers."
        value = next(value for value in outputs if _wrong(value, masks))
        return (
            f"{where}: here {_count(value)} first appear, from inputs up to {_peak(before):.3g}. The model itself "
            f"computes them in {value.dtype}: check its weights and the scale of the input, or use a wider type."
        )
    return None


def _wrong(value: Tensor, masks: bool) -> bool:
    """Whether a value holds what it should not; minus infinity is allowed where it was brought in."""
    if not value.is_floating_point():
        return False
    wrong = value.isnan() | (value.isposinf() if masks else value.isinf())
    return bool(wrong.any())


def _constants(operation: Operation) -> list[Any]:
    leaves: list[Any] = [*tensors_in((operation.args, operation.kwargs))]
    return leaves + [item for item in (*operation.args, *operation.kwargs.values()) if isinstance(item, float)]


def _has_minus_infinity(values: Sequence[Any]) -> bool:
    return any(
        bool(value.isneginf().any()) if isinstance(value, Tensor) and value.is_floating_point() else value == -math.inf
        for value in values
        if not isinstance(value, Tensor) or value.is_floating_point()
    )


def _count(value: Tensor) -> str:
    counts = {"NaN": int(value.isnan().sum()), "infinite values": int(value.isinf().sum())}
    return " and ".join(f"{n:,} {name}" for name, n in counts.items() if n)


def _place(value: Tensor) -> tuple[int, ...]:
    return tuple(int(i) for i in (~torch.isfinite(value)).nonzero()[0])


def _peak(values: Sequence[Tensor]) -> float:
    peaks = [float(value[value.isfinite()].abs().max()) for value in values if value.isfinite().any()]
    return max(peaks, default=0.0)
