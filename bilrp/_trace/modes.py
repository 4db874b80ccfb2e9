"""The modes that a model is explained in: evaluation, counted over threads, and without the caller's autocast."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import nn

_MODES: dict[int, tuple[nn.Module, bool, int]] = {}  # a module in use, its training mode before, by how many
_MODES_LOCK = threading.Lock()


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """All modules of a model in evaluation mode; counted, as threads may explain models that share modules."""
    modules = list(dict.fromkeys(model.modules()))
    with _MODES_LOCK:
        for module in modules:
            _, mode, count = _MODES.get(id(module), (module, module.training, 0))
            _MODES[id(module)] = module, mode, count + 1
            module.training = False
    try:
        yield
    finally:
        with _MODES_LOCK:
            for module in modules:
                _, mode, count = _MODES.pop(id(module))
                if count > 1:
                    _MODES[id(module)] = module, mode, count - 1
                else:
                    module.training = mode


@contextmanager
def without_autocast(device: torch.device) -> Iterator[None]:
    """The caller's autocast off, on the CPU and on a device."""
    with ExitStack() as stack:
        for kind in {"cpu", device.type}:
            if torch.amp.is_autocast_available(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        yield
