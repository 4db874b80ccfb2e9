"""What an explanation will take, in time and memory, from counted multiply-adds and one small chunk that is timed."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from bilrp._engine.propagation import Plan, Step, propagate
from bilrp._engine.tiled import Top
from bilrp._trace.layers import bound
from bilrp._trace.operations import CONVOLUTIONS

TRIED = 2  # explanations in the chunk that is timed


@dataclass(frozen=True)
class CostEstimate:
    """What the explanation of one input, or of a pair, will take.

    Parameters
    ----------
    seconds : float
        On this machine as busy as it is now; with ``pool`` this is the dense way's, which bounds it from above.
    result_bytes : int
        What the result will hold.
    peak_bytes : int
        The most that exists at a time beside the model: activations, travelling relevance, the result being put
        together.
    multiply_adds : int
        Of all backward passes, without pooling.
    outputs : int
        How many backward passes there are.
    """

    seconds: float
    result_bytes: int
    peak_bytes: int
    multiply_adds: int
    outputs: int

    def __str__(self) -> str:
        return (
            f"{self.seconds:.3g} s, {self.outputs:,} backward passes, {self.multiply_adds:.2g} multiply-adds; result "
            f"{self.result_bytes / 2**20:,.0f} MiB, at most {self.peak_bytes / 2**20:,.0f} MiB at a time"
        )

    def __add__(self, other: CostEstimate) -> CostEstimate:
        """Two sides, one after the other: the first result is held while the second is made."""
        return CostEstimate(
            self.seconds + other.seconds,
            self.result_bytes + other.result_bytes,
            max(self.peak_bytes, self.result_bytes + other.peak_bytes),
            self.multiply_adds + other.multiply_adds,
            self.outputs + other.outputs,
        )


def estimated(plan: Plan, top: Top, n_entries: int, memory: int, forward_seconds: float) -> CostEstimate:
    """The estimate for a plan whose result has rows of ``n_entries``; sends a few explanations down."""
    rows = range(min(TRIED, len(top)))
    started = time.perf_counter()
    propagate(plan, top(rows))  # makes the rules ready
    between = time.perf_counter()
    propagate(plan, top(rows))
    each = (time.perf_counter() - between) / max(len(rows), 1)
    size = top.phi.element_size()
    result = len(top) * n_entries * size
    activations = sum(value.numel() * value.element_size() for value in plan.tape.values)
    return CostEstimate(
        seconds=forward_seconds + (between - started) + each * max(0, len(top) - len(rows)),
        result_bytes=result,
        peak_bytes=2 * activations + memory + 2 * result,
        multiply_adds=len(top) * sum(_multiply_adds(step) for step in plan.steps),
        outputs=len(top),
    )


def _multiply_adds(step: Step) -> int:
    context = step.context
    if context.kind != "linear":
        return context.output.numel()
    if context.function in CONVOLUTIONS:
        weight = bound(context.operation)["weight"]
        places = context.inputs[0] if "transpose" in context.function else context.output
        return int(places.numel() * math.prod(weight.shape[1:]))
    return context.output.numel() * context.inputs[0].shape[-1]
