"""A pass that was computed in half precision, computed again in float32 along its record.

Shares are quotients: 1/z of a small activation leaves the range of float16, and three digits of bfloat16 do not add up.
So relevance is carried in float32 whatever the model used: its weights and inputs as they are, rounded, but every step
from them in float32, also where the model casts by itself or under ``torch.autocast``. Choices that the model made
(winners, masks, indices) stay as recorded. What is float64 stays float64.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from bilrp._trace.tape import Operation, Tape, mapped, tensors_in

TO_HALF = {"half", "bfloat16"}


def is_half(dtype: torch.dtype) -> bool:
    """Whether a type has fewer digits than float32: float16, bfloat16 and smaller ones."""
    return dtype.is_floating_point and dtype.itemsize < 4


def in_float32(tape: Tape) -> Tape:
    """The same pass with all its values of half precision computed in float32; the tape itself where there are none."""
    constants = [item for op in tape.operations for item in tensors_in((op.args, op.kwargs))]
    halves = [value.dtype for value in (*tape.values, *constants) if is_half(value.dtype)]
    if not halves:
        return tape
    operations = [_lifted_operation(operation) for operation in tape.operations]
    values = [_lifted(value) for value in tape.values]
    names = ", ".join(sorted({str(dtype).removeprefix("torch.") for dtype in halves}))
    notes = list(tape.notes)
    try:
        again = list(values)
        for operation in operations:
            made = operation.run(dict(enumerate(again)))
            for node, value in zip(operation.outputs, made, strict=True):
                again[node] = value.reshape(values[node].shape).to(values[node].dtype)
        before, after = values[tape.output_node], again[tape.output_node]
        gap = float((before - after).norm() / after.norm().clamp_min(torch.finfo(after.dtype).tiny))
        notes.append(f"the model computed in {names}; explained is the same pass in float32, {gap:.1g} away from it")
        values = again
    except (RuntimeError, TypeError, ValueError) as error:
        notes.append(f"the model computed in {names}, and its pass cannot be repeated in float32 ({error}): as it is")
    return replace(tape, operations=operations, values=values, notes=notes, precision=names)


def _lifted(item: Any) -> Any:
    if isinstance(item, torch.dtype) and is_half(item):
        return torch.float32
    if isinstance(item, Tensor) and is_half(item.dtype):
        return item.float()
    return item


def _lifted_operation(operation: Operation) -> Operation:
    call: Callable[..., Any] = (lambda x, *_, **__: x.float()) if operation.function in TO_HALF else operation.call
    return replace(operation, call=call, args=mapped(operation.args, _lifted), kwargs=mapped(operation.kwargs, _lifted))
