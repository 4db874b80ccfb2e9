"""Normalisations by fixed numbers folded into the weighted layer beside them, which then get one rule [Pahde2023]_.

A canonizer works on the recorded tape, never on the model: there is nothing to undo, whatever happens afterwards.
What cannot be folded exactly (a batch normalisation that stands alone or before padding, or that computes its
statistics from the batch) stays on the tape and gets the rule of normalisation layers, an affine map.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from bilrp._trace.layers import BATCH_NORM_ARGUMENTS, bound
from bilrp._trace.operations import CONVOLUTIONS
from bilrp._trace.tape import Operation, Ref, Tape
from bilrp.exceptions import InputError

Canonizer = Callable[[Tape], Tape]


@dataclass(frozen=True)
class PerChannel:
    """y = scale x + shift, numbers or tensors of shape (C,); ``parts`` says of what: "scale", "shift", "norm"."""

    scale: Tensor | float
    shift: Tensor | float
    parts: frozenset[str]

    def then(self, above: PerChannel) -> PerChannel:
        """Both maps in one, ``above`` last."""
        shift = above.scale * self.shift + above.shift
        return PerChannel(above.scale * self.scale, shift, self.parts | above.parts)

    @property
    def is_norm(self) -> bool:
        """A batch normalisation, or what looks like one; a scale or a shift alone are left as they are."""
        return "norm" in self.parts or {"scale", "shift"} <= self.parts


def fold_batch_norm(tape: Tape) -> Tape:
    r"""Replace layer and batch normalisation by one layer with :math:`w' = s w`, :math:`b' = s (b - \mu) + \beta`.

    :math:`s = \gamma / \sqrt{\sigma^2 + \epsilon}` a channel, with the running statistics. Folded are convolutions
    (also transposed ones without groups) and linear layers whose result goes nowhere else. A normalisation that is
    written out with constants a channel, such as ``x * scale + shift`` in detectors, counts alike.

    Parameters
    ----------
    tape : Tape

    Returns
    -------
    Tape
        A new tape over the same values; the one given is unchanged.
    """
    readers = _only_readers(tape)
    changed: dict[int, Operation | None] = {}
    notes = list(tape.notes)
    for layer in tape.operations:
        if not _can_take(layer):
            continue
        norm = _norm_after(layer, tape, readers)
        if norm is None:
            continue
        steps, affine = norm
        changed |= {id(step): None for step in (layer, *steps[:-1])}
        changed[id(steps[-1])] = _scaled(layer, affine, steps[-1].outputs)
        notes.append(f"{steps[-1].name}: batch normalisation folded into {layer.name}")
    return _changed(tape, changed, notes)


def fold_batch_norm_forward(tape: Tape) -> Tape:
    r"""Replace batch normalisation and the layer after it by one layer with :math:`w' = w s`, :math:`b' = b + w t`.

    The normalisation is :math:`s x + t` a channel. Folded are linear layers and convolutions that alone read it. Where
    a convolution pads, its border would need another bias, so that the normalisation stays; so it does before a ReLU:
    its scale changes no rule there that shares by :math:`a_j w_{jk}`, and to fold its shift would give relevance to
    neurons that are silent.

    Parameters
    ----------
    tape : Tape

    Returns
    -------
    Tape
        A new tape over the same values; the one given is unchanged.
    """
    readers = _only_readers(tape)
    changed: dict[int, Operation | None] = {}
    notes = list(tape.notes)
    for norm in tape.operations:
        layer = readers.get(norm.outputs[0])
        if norm.function != "batch_norm" or layer is None or not _can_follow(layer, norm, tape):
            continue
        affine = _per_channel(norm, tape, axis=1)
        if affine is not None:
            changed |= {id(norm): None, id(layer): _preceded(layer, affine, norm.inputs[0])}
            notes.append(f"{norm.name}: batch normalisation folded into {layer.name}, which follows")
    return _changed(tape, changed, notes)


def _changed(tape: Tape, changed: dict[int, Operation | None], notes: list[str]) -> Tape:
    operations = [new for old in tape.operations if (new := changed.get(id(old), old)) is not None]
    return replace(tape, operations=operations, notes=notes)


def _only_readers(tape: Tape) -> dict[int, Operation]:
    """The operation that alone reads a node."""
    users = tape.users()
    return {node: op for op in tape.operations for node in op.inputs if users[node] == 1}


def _norm_after(
    layer: Operation, tape: Tape, readers: dict[int, Operation]
) -> tuple[list[Operation], PerChannel] | None:
    """The steps after a layer that make up a normalisation, as many as there are, and what they come to."""
    axis = tape.values[layer.outputs[0]].dim() - 1 if layer.function == "linear" else 1
    steps: list[Operation] = []
    whole = PerChannel(1.0, 0.0, frozenset())
    best = None
    while (step := readers.get(steps[-1].outputs[0] if steps else layer.outputs[0])) is not None:
        affine = _per_channel(step, tape, axis)
        if affine is None:
            break
        steps, whole = [*steps, step], whole.then(affine)
        if whole.is_norm and affine.parts != {"number"}:
            best = steps, whole
    return best


def _per_channel(step: Operation, tape: Tape, axis: int) -> PerChannel | None:
    """What a step does to each channel; None where it is not a matter of channels."""
    if len(step.inputs) != 1:
        return None
    x = tape.values[step.inputs[0]]
    if step.function == "batch_norm":
        arguments = step.named(*BATCH_NORM_ARGUMENTS, weight=None, bias=None, training=False, eps=1e-5)
        mean = arguments["running_mean"]
        if axis != 1 or arguments["training"] or mean is None:
            return None
        scale: Tensor = torch.rsqrt(arguments["running_var"] + arguments["eps"])
        scale = scale if arguments["weight"] is None else scale * arguments["weight"]
        shift = -mean * scale if arguments["bias"] is None else arguments["bias"] - mean * scale
        return PerChannel(scale.detach(), shift.detach(), frozenset({"norm"}))
    if step.function not in {"add", "radd", "sub", "rsub", "mul", "div"} or step.kwargs or len(step.args) != 2:
        return None
    constant = _constant(next((item for item in step.args if not isinstance(item, Ref)), None), x, axis)
    if constant is None:
        return None
    first = isinstance(step.args[0], Ref)
    of_channels = isinstance(constant, Tensor)
    if step.function in {"mul", "div"}:
        if step.function == "div" and not first:
            return None
        parts = frozenset({"scale" if of_channels else "number"})
        return PerChannel(constant if step.function == "mul" else 1 / constant, 0.0, parts)
    sign = -1.0 if step.function == "rsub" or (step.function == "sub" and not first) else 1.0
    shift = -constant if step.function == "sub" and first else constant
    return PerChannel(sign, shift, frozenset({"shift" if of_channels else "number"}))


def _constant(item: Any, x: Tensor, axis: int) -> Tensor | float | None:
    """A number, or a tensor (C,) where a constant has one entry a channel; None for anything else."""
    if isinstance(item, (int, float)):
        return float(item)
    if not isinstance(item, Tensor) or item.dim() > x.dim() or not item.is_floating_point():
        return None
    if item.numel() == 1:
        return float(item)
    at = axis - (x.dim() - item.dim())
    alone = at >= 0 and item.numel() == item.shape[at] == x.shape[axis]
    return item.detach().reshape(-1) if alone else None


def _can_take(layer: Operation) -> bool:
    if len(layer.inputs) != 1 or layer.function not in CONVOLUTIONS | {"linear"}:
        return False
    if isinstance(bound(layer)["weight"], Ref):
        return False
    return "transpose" not in layer.function or bound(layer).get("groups", 1) == 1


def _can_follow(layer: Operation, norm: Operation, tape: Tape) -> bool:
    if not _can_take(layer) or "transpose" in layer.function:
        return False
    if layer.function == "linear":
        return tape.values[norm.outputs[0]].dim() == 2  # otherwise the channels are not the last axis
    padding = bound(layer).get("padding", 0)
    return padding == "valid" or not any(padding if isinstance(padding, (tuple, list)) else (padding,))


def _scaled(layer: Operation, affine: PerChannel, outputs: tuple[int, ...]) -> Operation:
    """The layer with a map of its channels after it."""
    arguments = bound(layer)
    weight, bias, first = arguments.pop("weight").detach(), arguments["bias"], arguments.pop("input")
    axis = 1 if "transpose" in layer.function else 0
    channels = torch.ones(weight.shape[axis], dtype=weight.dtype, device=weight.device)
    scale = channels * affine.scale
    shape = [-1 if i == axis else 1 for i in range(weight.dim())]
    arguments["bias"] = channels * affine.shift + (0.0 if bias is None else scale * bias.detach())
    return replace(layer, args=(first, weight * scale.reshape(shape)), kwargs=arguments, outputs=outputs)


def _preceded(layer: Operation, affine: PerChannel, node: int) -> Operation:
    """The layer with a map of its input channels before it."""
    arguments = bound(layer)
    weight, bias = arguments.pop("weight").detach(), arguments["bias"]
    del arguments["input"]
    n_groups = arguments.get("groups", 1)
    shape = (n_groups, 1, -1, *[1] * (weight.dim() - 2))
    grouped = weight.reshape(n_groups, -1, *weight.shape[1:])
    scale, shift = (torch.as_tensor(part).to(weight).reshape(shape) for part in (affine.scale, affine.shift))
    brought = (grouped * shift).reshape(weight.shape[0], -1).sum(1)
    arguments["bias"] = brought if bias is None else bias.detach() + brought
    return replace(layer, args=(Ref(node), (grouped * scale).reshape(weight.shape)), kwargs=arguments, inputs=(node,))


CANONIZERS: dict[str, Canonizer] = {
    "fold_batch_norm": fold_batch_norm,
    "fold_batch_norm_forward": fold_batch_norm_forward,
}
"""Every canonizer by name."""

DEFAULT_CANONIZERS: tuple[Canonizer, ...] = (fold_batch_norm, fold_batch_norm_forward)
"""The canonizers that explanations use, in order."""


def canonize(tape: Tape, canonizers: Sequence[Canonizer]) -> Tape:
    """Apply canonizers in order."""
    for canonizer in canonizers:
        if not callable(canonizer):
            raise InputError(
                f"canonizers: got {canonizer!r}, expected functions such as bilrp.canonizers.fold_batch_norm; "
                f"those with names are in bilrp.canonizers.CANONIZERS, and canonizers=() takes none"
            )
        tape = canonizer(tape)
    return tape
