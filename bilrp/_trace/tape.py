"""Records one forward pass as a list of operations, whatever way the model is written.

The pass runs under two modes of PyTorch. A ``TorchFunctionMode`` sees every call of PyTorch's Python surface, so that
``nn.ReLU()(x)``, ``F.relu(x)``, ``x.relu()`` and ``x + y`` are alike; it keeps the call, its arguments and its result.
A ``TorchDispatchMode`` below it only watches which memory was computed from the input: a value that carries the input
but came by a way that the first mode cannot see (a scripted module, code that switches overrides off) is refused rather
than taken for a constant. Symbolic tracing (``torch.fx``) was not chosen because it cannot follow control flow that
depends on the data, and module hooks were not because they never see ``x + y``.

Nothing is attached to the model: places are known by process-wide module hooks that live as long as the pass.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from bilrp._trace.attention import DECOMPOSED
from bilrp.exceptions import InputError, UnseenOperationError, UnsupportedOperationError


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


class DispatchWatcher(TorchDispatchMode):
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


ALIASES = {
    "__rsub__": "rsub",
    "__iadd__": "add_",
    "__isub__": "sub_",
    "__imul__": "mul_",
    "__itruediv__": "div_",
    "__idiv__": "div_",
    "subtract": "sub",
    "multiply": "mul",
    "divide": "div",
    "true_divide": "div",
    "truediv": "div",
    "rtruediv": "rdiv",
    "reciprocal": "rdiv",
    "concat": "cat",
    "concatenate": "cat",
    "negative": "neg",
    "absolute": "abs",
    "clip": "clamp",
}
LEAVES_TORCH = {"numpy", "tolist", "__array__"}  # a tracked value that leaves this way cannot be followed


@dataclass(frozen=True)
class Ref:
    """Stands in recorded arguments where a tensor stood that depends on the input."""

    node: int


@dataclass
class Operation:
    """One recorded call.

    Parameters
    ----------
    function : str
        Name of the PyTorch function, such as ``"conv2d"`` or ``"add"``.
    place : str
        Dotted name of the innermost module that was running; empty for the model itself.
    module : nn.Module or None
        That module.
    call : callable
        Computes the outputs from the arguments without changing these, whether or not the original call did.
    args, kwargs
        The arguments, with a `Ref` for each tensor that depends on the input.
    inputs, outputs : tuple of int
        Nodes of the tape, in order of appearance.
    name : str
        What users call it: the place, with ``:function`` where the place runs several.
    """

    function: str
    place: str
    module: nn.Module | None
    call: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    name: str = ""

    def named(self, *names: str, **defaults: Any) -> dict[str, Any]:
        """The arguments by name, for a function with these parameters."""
        return {**defaults, **dict(zip(names, self.args, strict=False)), **self.kwargs}

    def run(self, values: Mapping[int, Tensor]) -> list[Tensor]:
        """The floating-point outputs for other values of the inputs."""
        args = _replace(self.args, values)
        kwargs = _replace(self.kwargs, values)
        return [tensor for tensor in tensors_in(self.call(*args, **kwargs)) if _carries(tensor)]


@dataclass
class Tape:
    """A recorded forward pass: operations in order, and the value at each node."""

    operations: list[Operation]
    values: list[Tensor]
    input_node: int
    output_node: int
    notes: list[str] = field(default_factory=list)

    def users(self) -> Counter[int]:
        """How often each node is read, the embedding counting as one reading."""
        counts = Counter(node for operation in self.operations for node in operation.inputs)
        counts[self.output_node] += 1
        return counts


def _map(tree: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(tree, (list, tuple)):
        items = [_map(item, change) for item in tree]
        return items if isinstance(tree, list) else tuple(items)
    if isinstance(tree, dict):
        return {key: _map(item, change) for key, item in tree.items()}
    return change(tree)


def _replace(tree: Any, values: Mapping[int, Tensor]) -> Any:
    return _map(tree, lambda item: values[item.node] if isinstance(item, Ref) else item)


def _carries(tensor: Tensor) -> bool:
    """Whether relevance can flow through a tensor: indices and masks are fixed choices."""
    return tensor.is_floating_point()


def _function_name(func: Callable[..., Any]) -> str:
    name = getattr(func, "__name__", type(func).__name__)
    if name == "__get__":  # an attribute, such as Tensor.T
        name = getattr(getattr(func, "__self__", None), "__name__", name)
    name = ALIASES.get(name, name)
    return ALIASES.get(name.strip("_"), name.strip("_")) if name.startswith("__") and name != "__setitem__" else name


class _Recorder(TorchFunctionMode):
    """Keeps each call on a tensor that depends on the input."""

    def __init__(self, watcher: DispatchWatcher, places: list[tuple[str, nn.Module]]) -> None:
        super().__init__()
        self.operations: list[Operation] = []
        self.values: list[Tensor] = []
        self.nodes: dict[int, int] = {}  # id of a live tensor -> its node
        self.notes: list[str] = []
        self._watcher = watcher
        self._places = places
        self._alive: list[Tensor] = []  # every tensor whose id is kept must stay alive
        self._fixed: set[int] = set()
        self._stale: dict[int, str] = {}

    def add(self, tensor: Tensor) -> int:
        """Make a node for a tensor and return its index."""
        self.values.append(tensor)
        self._alive.append(tensor)
        self.nodes[id(tensor)] = len(self.values) - 1
        self._stale.pop(id(tensor), None)
        return len(self.values) - 1

    def where(self, function: str) -> str:
        place = self._places[-1][0] if self._places else ""
        return f"{place or 'the model'} ({function})"

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = _function_name(func)
        tracked = self._tracked(name, args, kwargs)
        if tracked and name in DECOMPOSED:
            with self:
                return DECOMPOSED[name](*args, **kwargs)
        if tracked and name in LEAVES_TORCH:
            raise UnsupportedOperationError(
                f"{self.where(name)}: a value that depends on the input leaves PyTorch by .{name}(), where relevance "
                f"cannot follow. Write this step with torch functions."
            )
        written = _written(name, args, kwargs)
        before = written.clone() if written is not None and (tracked or id(written) in self.nodes) else None
        versions = [tensor._version for tensor in tracked]
        out = func(*args, **kwargs)
        if not tracked:
            self._fix(out)
            return out
        for tensor, version in zip(tracked, versions, strict=True):
            if tensor._version != version and tensor is not written:
                raise UnsupportedOperationError(
                    f"{self.where(name)}: changes its argument in place in a way that bilrp does not know. "
                    f"Use the form that returns a new tensor."
                )
        self._record(func, name, args, kwargs, out, written, before)
        return out

    def _tracked(self, name: str, args: Any, kwargs: Any) -> list[Tensor]:
        tracked = []
        for tensor in tensors_in((args, kwargs)):
            if id(tensor) in self._stale:
                raise UnsupportedOperationError(
                    f"{self.where(name)}: reads a tensor that {self._stale[id(tensor)]} has changed through a view of "
                    f"it. Clone one of the two first."
                )
            if id(tensor) in self.nodes:
                tracked.append(tensor)
            elif _carries(tensor) and id(tensor) not in self._fixed and self._watcher.has_marked(tensor):
                raise UnseenOperationError(
                    f"{self.where(name)}: got a tensor of shape {tuple(tensor.shape)} that was computed from the input "
                    f"by code that bilrp cannot see, such as a scripted module. Write "
                    f"that step with torch functions, or detach it from the input."
                )
        return tracked

    def _fix(self, out: Any) -> None:
        for tensor in tensors_in(out):
            if id(tensor) not in self.nodes:
                self._fixed.add(id(tensor))
                self._alive.append(tensor)

    def _record(
        self,
        func: Any,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        out: Any,
        written: Tensor | None,
        before: Tensor | None,
    ) -> None:
        if name == "__setitem__":
            out = args[0]
        made = [tensor for tensor in tensors_in(out) if _carries(tensor)]
        if not made:  # sizes, indices, masks, numbers: choices that stay as they are
            if any(True for _ in tensors_in(out)) or isinstance(out, float):
                self.notes.append(f"{self.where(name)}: result is a choice or a number, kept as it is")
            self._fix(out)
            return
        if written is None and all(id(tensor) in self.nodes for tensor in made):
            return  # contiguous(), to(), dropout in evaluation mode: the same tensor again
        refs = _map(
            (args, kwargs),
            lambda item: Ref(self.nodes[id(item)]) if isinstance(item, Tensor) and id(item) in self.nodes else item,
        )
        if written is not None:
            if isinstance(before, Tensor):
                self._keep_old_values(written, before, name)
                if id(written) not in self.nodes:  # a constant that the call wrote into
                    refs = ((before, *refs[0][1:]), refs[1])
            func = _out_of_place(func, name)
        inputs = tuple(dict.fromkeys(ref.node for ref in found_in(refs, Ref)))
        outputs = tuple(self.add(tensor) for tensor in made)
        place, module = self._places[-1] if self._places else ("", None)
        function = name.rstrip("_") if written is not None and name != "__setitem__" else name.strip("_")
        self.operations.append(Operation(function, place, module, func, refs[0], refs[1], inputs, outputs))

    def _keep_old_values(self, written: Tensor, before: Tensor, name: str) -> None:
        """Give nodes that share the written memory a copy of what stood there."""
        node = self.nodes.get(id(written))
        if node is not None:
            self.values[node] = before
        storage = written.untyped_storage()._cdata
        for tensor in self._alive:
            other = self.nodes.get(id(tensor))
            if other is None or tensor is written or tensor.untyped_storage()._cdata != storage:
                continue
            if self.values[other] is tensor:
                self.values[other] = _old_alias(tensor, written, before)
            self._stale[id(tensor)] = self.where(name)


def _old_alias(alias: Tensor, written: Tensor, before: Tensor) -> Tensor:
    """The value that an alias of a written tensor had, rebuilt from the copy of the latter."""
    if alias.numel() == written.numel() and alias.is_contiguous() and written.is_contiguous():
        return before.reshape(alias.shape)
    raise UnsupportedOperationError(
        f"a tensor of shape {tuple(alias.shape)} shares its memory with one of shape {tuple(written.shape)} that the "
        f"model changes in place. Clone one of the two first."
    )


def _written(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor | None:
    """The tensor that a call changes in place, if it does."""
    in_place = (name.endswith("_") and not name.endswith("__")) or name == "__setitem__" or bool(kwargs.get("inplace"))
    if in_place and name != "requires_grad_":
        first = args[0] if args else next(iter(tensors_in(kwargs)), None)
        return first if isinstance(first, Tensor) else None
    return None


def _out_of_place(func: Callable[..., Any], name: str) -> Callable[..., Any]:
    def call(first: Tensor, *args: Any, **kwargs: Any) -> Any:
        copy = first.clone()
        result = func(copy, *args, **kwargs)
        return copy if name == "__setitem__" else result

    return call


@contextmanager
def _named_places(model: nn.Module, places: list[tuple[str, nn.Module]]) -> Iterator[None]:
    names = {id(module): name for name, module in reversed(list(model.named_modules()))}
    thread = threading.get_ident()

    def enter(module: nn.Module, args: Any) -> None:
        if threading.get_ident() == thread and id(module) in names:
            places.append((names[id(module)], module))

    def leave(module: nn.Module, args: Any, result: Any) -> None:
        if threading.get_ident() == thread and id(module) in names:
            places.pop()

    handles = [register_module_forward_pre_hook(enter), register_module_forward_hook(leave)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def record(model: nn.Module, x: Tensor) -> Tape:
    """Run the model once and return the tape; call it inside `bilrp._trace.tape.frozen_eval`.

    Raises
    ------
    UnseenOperationError
        When a part of the pass could not be recorded.
    InputError
        When the model does not return one floating-point tensor.
    """
    places: list[tuple[str, nn.Module]] = []
    watcher = DispatchWatcher()
    recorder = _Recorder(watcher, places)
    x = x.detach().clone()
    watcher.mark(x)
    node = recorder.add(x)
    with _named_places(model, places), watcher, recorder:
        out = model(x)
    if not isinstance(out, Tensor) or not _carries(out):
        raise InputError(
            f"the model returned {type(out).__name__}, expected one floating-point tensor (N, M). Wrap it in a module "
            f"that picks the embedding."
        )
    if id(out) not in recorder.nodes:
        if watcher.has_marked(out):
            raise UnseenOperationError(
                "the embedding was computed from the input by code that bilrp cannot see, such as a scripted module. "
                "Write that step with torch functions."
            )
        raise InputError("the embedding does not depend on the input: there is nothing to explain.")
    _name(recorder.operations)
    return Tape(recorder.operations, recorder.values, node, recorder.nodes[id(out)], recorder.notes)


def _name(operations: Sequence[Operation]) -> None:
    crowd = Counter(operation.place for operation in operations)
    seen: Counter[str] = Counter()
    for operation in operations:
        if operation.place and crowd[operation.place] == 1:
            operation.name = operation.place
            continue
        name = f"{operation.place}:{operation.function}"
        seen[name] += 1
        operation.name = name if seen[name] == 1 else f"{name}#{seen[name]}"
