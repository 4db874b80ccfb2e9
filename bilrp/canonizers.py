"""Batch normalisation folded into the weighted layer before it, so that the two get one rule.

A canonizer works on the recorded tape, never on the model: there is nothing to undo, whatever happens afterwards.
What cannot be folded (a batch normalisation that stands alone, or that computes its statistics from the batch) stays on
the tape and gets the rule of normalisation layers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from bilrp._trace.layers import bound
from bilrp._trace.operations import CONVOLUTIONS
from bilrp._trace.tape import Operation, Ref, Tape

Canonizer = Callable[[Tape], Tape]
BATCH_NORM_ARGUMENTS = ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")


def fold_batch_norm(tape: Tape) -> Tape:
    r"""Replace layer and batch normalisation by one layer with :math:`w' = s w`, :math:`b' = s (b - \mu) + \beta`.

    :math:`s = \gamma / \sqrt{\sigma^2 + \epsilon}` a channel, with the running statistics. Folded are convolutions
    (also transposed ones without groups) and linear layers whose result goes nowhere else.

    Parameters
    ----------
    tape : Tape

    Returns
    -------
    Tape
        A new tape over the same values; the one given is unchanged.
    """
    users = tape.users()
    makers = {node: operation for operation in tape.operations for node in operation.outputs}
    folded: dict[int, Operation] = {}
    gone: set[int] = set()
    notes = list(tape.notes)
    for norm in tape.operations:
        if norm.function != "batch_norm" or len(norm.inputs) != 1:
            continue
        layer = makers.get(norm.inputs[0])
        if layer is None or users[norm.inputs[0]] != 1 or not _can_fold(layer, norm, tape):
            continue
        folded[id(norm)] = _merge(layer, norm)
        gone.add(id(layer))
        notes.append(f"{norm.name}: batch normalisation folded into {layer.name}")
    operations = [folded.get(id(op), op) for op in tape.operations if id(op) not in gone]
    return replace(tape, operations=operations, notes=notes)


def _norm_arguments(norm: Operation) -> dict[str, Any]:
    return norm.named(*BATCH_NORM_ARGUMENTS, weight=None, bias=None, training=False, eps=1e-5)


def _can_fold(layer: Operation, norm: Operation, tape: Tape) -> bool:
    if len(layer.inputs) != 1 or layer.function not in CONVOLUTIONS | {"linear"}:
        return False
    arguments = _norm_arguments(norm)
    if arguments["training"] or arguments["running_mean"] is None or isinstance(bound(layer)["weight"], Ref):
        return False
    if layer.function == "linear":
        return tape.values[layer.outputs[0]].dim() == 2  # otherwise the channels are not the last axis
    return "transpose" not in layer.function or bound(layer).get("groups", 1) == 1


def _merge(layer: Operation, norm: Operation) -> Operation:
    of_norm, of_layer = _norm_arguments(norm), bound(layer)
    mean, variance = of_norm["running_mean"], of_norm["running_var"]
    scale: Tensor = torch.rsqrt(variance + of_norm["eps"])
    if of_norm["weight"] is not None:
        scale = scale * of_norm["weight"]
    weight = of_layer.pop("weight").detach()
    axis = 1 if "transpose" in layer.function else 0
    shape = [-1 if i == axis else 1 for i in range(weight.dim())]
    bias = -mean * scale if of_layer["bias"] is None else (of_layer["bias"] - mean) * scale
    if of_norm["bias"] is not None:
        bias = bias + of_norm["bias"]
    of_layer["bias"] = bias.detach()
    first = of_layer.pop("input")
    arguments = first, (weight * scale.reshape(shape)).detach()
    return replace(layer, args=arguments, kwargs=of_layer, outputs=norm.outputs)


CANONIZERS: dict[str, Canonizer] = {"fold_batch_norm": fold_batch_norm}
"""Every canonizer by name."""


def canonize(tape: Tape, canonizers: Sequence[Canonizer]) -> Tape:
    """Apply canonizers in order."""
    for canonizer in canonizers:
        tape = canonizer(tape)
    return tape
