"""Which axis of an input holds its channels: the one that the first layers of the model take as their features.

Relevance is summed over channels. In a picture (1, C, H, W) or a sound (1, C, T) they come first, in a sequence of
vectors (1, T, D) last; shapes cannot tell the two apart, and a sum over the wrong axis is a wrong answer without a
sign of it. What can tell is the model: convolutions read channels from axis 1, linear layers from the last one.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from bilrp._trace.operations import CONVOLUTIONS, OperationContext, OperationContexts
from bilrp._trace.recorder import frozen_eval, record
from bilrp.exceptions import BilrpError, InputError

FIRST = {"batch_norm", "group_norm", "instance_norm"}
ENTRYWISE = {"elementwise", "norm", "sum", "product", "gate", "quotient"}
PICTURES = (1, 3, 4)  # channels of a picture: where the last axis has so few, they may be there


class _From(NamedTuple):
    """How a value came from an earlier one without being mixed."""

    node: int
    context: OperationContext | None  # None where entries stayed in their places
    output: int = 0
    flow: int = 0


def summed_axis(
    x: Tensor, keep_channels: bool, channel_axis: int | None, model: nn.Module | None = None, default: int | None = None
) -> int | None:
    """The axis of an input, batch included, over which its relevance is summed; None for none.

    Parameters
    ----------
    x : Tensor
    keep_channels : bool
    channel_axis : int, optional
        As the user said. Default: ``default``, or what the model reads as channels.
    model : nn.Module, optional
        A function of x, asked where x has three axes, or may be a picture whose channels come last.
    default : int, optional
        Where nobody said and the model is not to be asked.

    Raises
    ------
    InputError
        When it is no axis, or cannot be told.
    """
    if not x.is_floating_point() or x.dim() <= 2 or keep_channels:
        return None
    if channel_axis is None:
        channel_axis = default
    if channel_axis is None and model is not None and len(x) == 1 and (x.dim() == 3 or _may_end_in_channels(x)):
        channel_axis = features_of(model, x)
        if channel_axis is None and x.dim() == 3:
            raise InputError(
                f"the input has shape {tuple(x.shape)}, and the first layers of the model do not tell which axis holds "
                f"channels, over which relevance is summed. Say channel_axis=-1 for a sequence of vectors (1, T, D), "
                f"channel_axis=1 for channels first (1, C, T), or keep_channels=True."
            )
    channel_axis = 1 if channel_axis is None else channel_axis
    if not -x.dim() < channel_axis < x.dim():
        raise InputError(f"channel_axis is {channel_axis} for an input of shape {tuple(x.shape)}")
    return channel_axis % x.dim()


def _may_end_in_channels(x: Tensor) -> bool:
    return x.shape[-1] in PICTURES and x.shape[1] not in PICTURES


def features_of(model: nn.Module, x: Tensor) -> int | None:
    """The axis that the first layer of a model takes as features; None where there is none, or it takes several."""
    try:
        with frozen_eval(model, x.device):
            tape = record(model, x)
    except (BilrpError, TypeError, RuntimeError, IndexError, ValueError, AssertionError):
        return 1  # the explanation meets the same error, and says it
    contexts = OperationContexts(tape)
    came: dict[int, _From | None] = {tape.input_node: None}
    for operation in tape.operations:
        flow = next((place for place, node in enumerate(operation.inputs) if node in came), None)
        if flow is None:
            continue
        context = contexts.of(operation)
        node = operation.inputs[flow]
        place = _feature_place(context, tape.values[node])
        if place is not None:
            return _axis_behind(node, place, came, tape.values[node])
        if context.kind in ENTRYWISE and context.output.shape == tape.values[node].shape:
            came[operation.outputs[0]] = _From(node, None)
        elif context.kind in {"shape", "sum"} and node in context.flows:
            moved = context.flows.index(node)
            came.update({out: _From(node, context, i, moved) for i, out in enumerate(operation.outputs)})
    out = tape.values[tape.output_node]
    embeds = tape.output_node in came and out.dim() == 2
    return _axis_behind(tape.output_node, 1, came, out) if embeds else None


def _feature_place(context: OperationContext, value: Tensor) -> int | None:
    """Which axis of its input a layer reads as features."""
    if context.function in CONVOLUTIONS:
        return value.dim() - 1 - int(context.function.removesuffix("d")[-1])
    if context.function in FIRST:
        return 1 if value.dim() > 1 else None
    if context.function in {"layer_norm", "rms_norm"}:
        over = context.operation.named("input", "normalized_shape").get("normalized_shape")
        return value.dim() - 1 if isinstance(over, (list, tuple)) and len(over) == 1 else None
    by_matrix = context.kind == "linear" and context.function in {"addmm", "matmul", "mm"}
    return value.dim() - 1 if context.function == "linear" or by_matrix else None


def _axis_behind(node: int, place: int, came: dict[int, _From | None], value: Tensor) -> int | None:
    """The axis of the input along which the features of a value lie, found by moving their numbers back."""
    shape = [1] * value.dim()
    shape[place] = -1
    numbers = torch.arange(1, value.shape[place] + 1, dtype=value.dtype, device=value.device).reshape(shape)
    moved = numbers.expand(value.shape)[None]
    while (before := came[node]) is not None:
        if before.context is not None:
            n_outputs = len(before.context.operation.outputs)
            moved = before.context.vjp([moved if i == before.output else None for i in range(n_outputs)])[before.flow]
        node = before.node
    return _only_axis_of(moved[0])


def _only_axis_of(numbers: Tensor) -> int | None:
    """The one axis along which the entries that are not zero differ."""
    axes = []
    for axis in range(numbers.dim()):
        rows = numbers.movedim(axis, 0).flatten(1)
        low = torch.where(rows == 0, float("inf"), rows).amin(1)
        high = torch.where(rows == 0, float("-inf"), rows).amax(1)
        there = low <= high
        if bool((low == high)[there].all()) and len(low[there].unique()) > 1:
            axes.append(axis)
    return axes[0] if len(axes) == 1 else None
