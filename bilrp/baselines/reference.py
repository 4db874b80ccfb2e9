"""Where nothing is: the reference that integrated Jacobians start from and that Shapley values fill in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from bilrp._trace.inner import FromInner
from bilrp._trace.recorder import frozen_eval
from bilrp.baselines.base import Side
from bilrp.exceptions import InputError

OneReference = float | Tensor | Callable[[Tensor], Tensor]
Reference = OneReference | Sequence[OneReference]
"""A number, for every entry of what is explained; an input, or a function that makes one of an input; or a pair of
these, one for each side, as inputs of unequal length need."""


def reference_of(side: Side, reference: Reference) -> Tensor:
    """The reference of one side, of the shape of ``side.value``.

    An input that stands for nothing (a blurred picture, padding tokens) is carried to what is explained: token vectors,
    or the output of a layer.
    """
    one: OneReference
    if isinstance(reference, Sequence):
        if len(reference) != 2:
            raise InputError(f"reference: got {len(reference)} of them, expected one, or one for each of two inputs")
        one = reference[side.number]
    else:
        one = reference
    x = side.model.x if isinstance(side.model, FromInner) else side.value
    if callable(one) and not isinstance(one, Tensor):
        one = one(x)
    if not isinstance(one, Tensor):
        return torch.full_like(side.value, float(one))
    if one.is_floating_point() != x.is_floating_point():
        raise InputError(f"the reference is {one.dtype}, expected an input like that of {x.dtype}, or a number")
    try:
        whole = one.to(x).expand_as(x)
    except RuntimeError as error:
        raise InputError(
            f"the reference has shape {tuple(one.shape)}, expected one for {tuple(x.shape)}. For inputs of unequal "
            f"shapes give a pair of references, or a function such as lambda x: torch.zeros_like(x)."
        ) from error
    if not isinstance(side.model, FromInner):
        return whole
    with frozen_eval(side.model, x.device):
        value = side.model.value(whole)
    if value.shape != side.value.shape:
        raise InputError(f"the reference gives {tuple(value.shape)} at the layer, expected {tuple(side.value.shape)}")
    return value
