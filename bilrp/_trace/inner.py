"""A model as a function of one of its inner values: the output of a layer, or the vectors of its tokens."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook
from torch.overrides import TorchFunctionMode

from bilrp._trace.tape import tensors_in
from bilrp._trace.watcher import DispatchWatcher
from bilrp.exceptions import InputError

Change = Callable[[Tensor], Tensor]


class FromInner(nn.Module):
    """What a model makes of an inner value, all other ways from the input held as they are for x.

    Parameters
    ----------
    model : nn.Module
    x : Tensor
        The input that the model is run with.
    layer : str or None
        Dotted name of the module whose output it is (of several, the first tensor). None: the lookup of token vectors
        for x, which are token numbers.
    """

    def __init__(self, model: nn.Module, x: Tensor, layer: str | None) -> None:
        super().__init__()
        self.model = model
        self.x = x
        self.layer = layer
        if layer is not None and layer not in dict(model.named_modules()):
            raise InputError(f"the model has no layer {layer!r}; `dict(model.named_modules())` has their names.")

    def value(self, x: Tensor | None = None) -> Tensor:
        """The inner value for x, or for another input."""
        values: list[Tensor] = []

        def keep(value: Tensor) -> Tensor:
            values.append(value.detach().clone())
            return value

        self._run(self.x if x is None else x, keep)
        return values[0]

    def forward(self, value: Tensor) -> Any:
        """The embedding for another inner value."""
        return self._run(self.x, lambda _: value * 1)  # a copy, as the model may write into it

    def _run(self, x: Tensor, change: Change) -> Any:
        calls: list[tuple[int, ...]] = []

        def once(value: Tensor) -> Tensor:
            calls.append(tuple(value.shape))
            return change(value)

        x = x.detach().clone()
        with _changed_lookup(x, once) if self.layer is None else _changed_layer(self.model, self.layer, once):
            out = self.model(x)
        if len(calls) != 1:
            what = "the lookup of token vectors" if self.layer is None else f"layer {self.layer!r}"
            raise InputError(f"{what} ran {len(calls)} times in one pass, expected once. Name another layer.")
        return out


@contextmanager
def _changed_layer(model: nn.Module, name: str, change: Change) -> Iterator[None]:
    """Nothing is attached to the model: the hook is process-wide and lives as long as the pass of this thread."""
    layer = dict(model.named_modules())[name]
    thread = threading.get_ident()

    def leave(module: nn.Module, args: Any, result: Any) -> Any:
        if module is not layer or threading.get_ident() != thread:
            return None
        if isinstance(result, Tensor):
            return change(result)
        if isinstance(result, tuple) and result and isinstance(result[0], Tensor):
            return (change(result[0]), *result[1:])
        raise InputError(f"layer {name!r} returned {type(result).__name__}, expected a tensor or a tuple of them")

    handle = register_module_forward_hook(leave)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def _changed_lookup(x: Tensor, change: Change) -> Iterator[None]:
    """The lookup whose indices are the token numbers x themselves, in whatever shape."""
    watcher = DispatchWatcher()
    watcher.mark(x)

    class Lookup(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            out = func(*args, **(kwargs or {}))
            if func is F.embedding:
                indices = next(tensors_in((args, kwargs)))
                if (
                    indices.numel() == x.numel()
                    and watcher.has_marked(indices)
                    and bool((indices.flatten() == x.flatten()).all())
                ):
                    return change(out)
            return out

    with watcher, Lookup():
        yield
