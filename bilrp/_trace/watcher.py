"""Watches which memory was computed from the input, by a dispatch mode of PyTorch."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from bilrp._trace.functions import CONSTANT_MAKERS
from bilrp._trace.memory import storage_of
from bilrp._trace.tape import tensors_in


class DispatchWatcher(TorchDispatchMode):
    """Remembers which memory was computed from the input, below everything that Python can hide."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # PyTorch would load its compiler at the first call, for more than a second: nothing here compiles

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._storages: dict[int, Any] = {}

    def mark(self, tensor: Tensor) -> None:
        if (storage := storage_of(tensor)) is not None:
            self._storages[storage] = tensor.untyped_storage()  # held, so that no other tensor gets the address

    def has_marked(self, tensor: Tensor) -> bool:
        return storage_of(tensor) in self._storages

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        if func.overloadpacket.__name__ in CONSTANT_MAKERS:
            return out
        if any(self.has_marked(tensor) for tensor in tensors_in((args, kwargs))):
            for tensor in tensors_in(out):
                self.mark(tensor)
            if func._schema.is_mutable:
                given = dict(zip((argument.name for argument in func._schema.arguments), args, strict=False)) | kwargs
                for argument in func._schema.arguments:
                    if argument.alias_info is not None and argument.alias_info.is_write:
                        for tensor in tensors_in(given.get(argument.name)):
                            self.mark(tensor)
        return out
