"""Calls that change a tensor or write into a given one, as calls that return a new one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from bilrp._trace.functions import function_name
from bilrp._trace.tape import tensors_in
from bilrp.exceptions import UnsupportedOperationError


def written_by(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor | None:
    """The tensor that a call changes in place, if it does."""
    in_place = (name.endswith("_") and not name.endswith("__")) or name == "__setitem__" or bool(kwargs.get("inplace"))
    if in_place and name != "requires_grad_":
        first = args[0] if args else next(iter(tensors_in(kwargs)), None)
        return first if isinstance(first, Tensor) else None
    return None


def out_of_place(func: Callable[..., Any], name: str) -> Callable[..., Any]:
    """The call on a copy of its first argument, which is what it returns."""

    def call(first: Tensor, *args: Any, **kwargs: Any) -> Any:
        copy = first.clone()
        result = func(copy, *args, **kwargs)
        return copy if name == "__setitem__" else result

    return call


def into_given(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A call with ``out=``, as the call without it and a copy."""
    given = kwargs["out"]
    results = func(*args, **{key: value for key, value in kwargs.items() if key != "out"})
    for target, result in zip(tensors_in(given), tensors_in(results), strict=True):
        if target.shape != result.shape:
            raise UnsupportedOperationError(
                f"{function_name(func)}: writes a result of shape {tuple(result.shape)} into a tensor of shape "
                f"{tuple(target.shape)} by out=. Leave out= away."
            )
        target.copy_(result)
    return given
