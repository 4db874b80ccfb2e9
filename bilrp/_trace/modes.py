"""The modes that a model is explained in: evaluation, counted over threads, and without the caller's autocast."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import nn

_MODES: dict[int, tuple[nn.Module, bool, int]] = {}  # a module in use, its training mode before, by how many
_MODES_LOCK = threading.Lock()
_STANCES: list[ExitStack] = []  # what holds off compilation, once for each pass that is recorded


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


@contextmanager
def uncompiled() -> Iterator[None]:
    """What ``torch.compile`` made runs as it was written, so that nothing is compiled for a pass that is recorded.

    The stance is that of the process: of several threads the first sets it and the last sets it back.
    """
    if "torch._dynamo" not in sys.modules:  # nothing can have been compiled, and it is not loaded for this alone
        yield
        return
    with _MODES_LOCK:
        if not _STANCES:
            stack = ExitStack()
            stack.enter_context(warnings.catch_warnings())  # of the hooks that name places, which fire as they should
            warnings.filterwarnings("ignore", "Using `torch.compile", UserWarning)
            stack.enter_context(torch.compiler.set_stance("force_eager"))
            _STANCES.append(stack)
        else:
            _STANCES.append(_STANCES[0])
    try:
        yield
    finally:
        with _MODES_LOCK:
            stack = _STANCES.pop()
            if not _STANCES:
                stack.close()
