"""Keeps the recording honest: knows what was computed from the input, and leaves the model as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode


def found_in(tree: Any, *kinds: type) -> Iterator[Any]:
    """Everything of some types in nested lists, tuples and dicts, in order."""
    if isinstance(tree, kinds):
        yield tree
    elif isinstance(tree, (list, tuple, dict)):
        for item in tree.values() if isinstance(tree, dict) else tree:
            yield from found_in(item, *kinds)


def tensors_in(tree: Any) -> Iterator[Tensor]:
    """Every tensor in nested lists, tuples and dicts, in order."""
    return found_in(tree, Tensor)


class DispatchWatcher(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Remembers which memory was computed from the input, below everything that Python can hide."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # PyTorch would load its compiler at the first call, for more than a second: nothing here compiles

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._storages: dict[int, Any] = {}

    def mark(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        self._storages[storage._cdata] = storage  # held, so that the address is not given to another tensor

    def has_marked(self, tensor: Tensor) -> bool:
        return tensor.untyped_storage()._cdata in self._storages

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        if any(self.has_marked(tensor) for tensor in tensors_in((args, kwargs))):
            for tensor in tensors_in(out):
                self.mark(tensor)
            if func._schema.is_mutable:
                for argument, value in zip(func._schema.arguments, args, strict=False):
                    if argument.alias_info is not None and argument.alias_info.is_write:
                        for tensor in tensors_in(value):
                            self.mark(tensor)
        return out


@contextmanager
def frozen_eval(model: nn.Module, device: torch.device) -> Iterator[None]:
    """Evaluation mode and a random state of its own; everything as before on the way out, also after an error."""
    training = [(module, module.training) for module in model.modules()]
    devices = [device] if device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices=devices), torch.inference_mode(False), torch.no_grad():
            for module, _ in training:
                module.training = False
            yield
    finally:
        for module, mode in training:
            module.training = mode
