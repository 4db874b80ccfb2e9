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
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode

from bilrp._trace.attention import ATTENTION
from bilrp._trace.functions import CHOICES, CONSTANT_MAKERS, KEEPS_IDS, LIKENESSES, SHAPES, function_name
from bilrp._trace.in_place import into_given, out_of_place, written_by
from bilrp._trace.memory import Overlap, sharing, storage_of
from bilrp._trace.modes import evaluation_mode, uncompiled, without_autocast
from bilrp._trace.recurrent import RECURRENT
from bilrp._trace.tape import Operation, Ref, Tape, carries, found_in, is_integer, mapped, tensors_in
from bilrp._trace.watcher import DispatchWatcher
from bilrp._trace.written_out import COMPUTED_WEIGHTS, OPERATORS, OTHER_ORDER, WRITTEN_OUT
from bilrp.exceptions import DoubtfulExplanationWarning, InputError, UnseenOperationError, UnsupportedOperationError


@contextmanager
def frozen_eval(model: nn.Module, device: torch.device) -> Iterator[None]:
    """Evaluation mode and a random state of its own; everything as before on the way out, also after an error.

    Autocast of the caller is off inside: relevance is carried in float32. What the model itself casts is recorded. A
    model that several threads explain is set back by the last of them.
    """
    devices = [device] if device.type == "cuda" else []
    random, gradients = torch.random.fork_rng(devices=devices), torch.no_grad()
    with evaluation_mode(model), without_autocast(device), random, torch.inference_mode(False), gradients:
        yield


UNSEEN_REMEDY = (
    "Such are torch.func.vmap (call the function on the batch, or stack it over samples), compiled or switched-off "
    "overrides and extensions: write that step with torch functions, or explain the model that this one was made from."
)
READ_OUT = {
    Tensor.item,
    Tensor.__float__,
}  # a number that is read out may be a mere choice or scale, so it is held fixed
LEAVES_TORCH = {"numpy", "tolist", "__array__"}  # a tracked value that leaves this way cannot be followed


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
        self._part_of = ""
        self._fixed: set[int] = set()
        self._constants: set[int] = set()  # memory of the constants among recorded arguments
        self._changed: dict[int, _Changes] = {}  # id of a tensor -> what was written into its memory

    def add(self, tensor: Tensor) -> int:
        """Make a node for a tensor and return its index."""
        self.values.append(tensor)
        self._alive.append(tensor)
        self.nodes[id(tensor)] = len(self.values) - 1
        self._changed.pop(id(tensor), None)
        return len(self.values) - 1

    def has_fixed(self, tensor: Tensor) -> bool:
        """Whether a tensor was computed within sight, from constants and choices alone."""
        return id(tensor) in self._fixed

    def choices_so_far(self) -> str:
        """A sentence on the choices that the input went into, for an error; empty without any."""
        chosen = list(dict.fromkeys(self.notes))
        if not chosen:
            return ""
        return (
            f"It went into choices alone, which are held fixed: {'; '.join(chosen[:3])}. Explain what they choose by."
        )

    def where(self, function: str) -> str:
        place = self._places[-1][0] if self._places else ""
        return f"{place or 'the model'} ({function})"

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = function_name(func)
        tracked = self._tracked(name, args, kwargs)
        if tracked and kwargs.get("out") is not None:
            with self:
                return into_given(func, args, kwargs)
        if name == "gated" and tracked:
            if id(args[1]) in self.nodes:
                with self:
                    return args[0] * args[1]
            name = "held_fixed"
        made_alike = name in CONSTANT_MAKERS and len(tracked) == 1 and args and tracked[0] is args[0]
        if made_alike or (tracked and name in LIKENESSES and id(args[0]) not in self.nodes):
            out = func(*args, **kwargs)
            self._fix(out)
            return out
        if tracked and name in OPERATORS:
            with self:
                return OPERATORS[name](*args, **kwargs)
        if tracked and name in OTHER_ORDER and func is not getattr(F, name):
            with self:
                return OTHER_ORDER[name](*args, **kwargs)
        if tracked and any(tensor.layout != torch.strided for tensor in tensors_in((args, kwargs))):
            args, kwargs = mapped((args, kwargs), _dense)
        if tracked and name.endswith("_") and name[:-1] in WRITTEN_OUT:
            with self:
                return args[0].copy_(WRITTEN_OUT[name[:-1]](*args, **kwargs))
        if tracked and name in DECOMPOSED:
            return self._step_by_step(name, args, kwargs)
        if tracked and name in COMPUTED_WEIGHTS and self._adds_bias(name, args, kwargs):
            with self:
                return COMPUTED_WEIGHTS[name](*args, **kwargs)
        if tracked and name in LEAVES_TORCH:
            raise UnsupportedOperationError(
                f"{self.where(name)}: a value that depends on the input leaves PyTorch by .{name}(), where relevance "
                f"cannot follow. Write this step with torch functions."
            )
        if tracked and func in READ_OUT and tracked[0].is_floating_point():
            warnings.warn(
                f"{self.where(name)}: a number that depends on the input is read out by {name}() and held fixed, so "
                f"what the input does through it gets no relevance. Keep it as a tensor, unless it only chooses or "
                f"scales.",
                DoubtfulExplanationWarning,
                stacklevel=2,
            )
        written = written_by(name, args, kwargs)
        before = None
        if written is not None and (tracked or storage_of(written) in self._constants):
            before = written.clone()
        versions = [tensor._version for tensor in tracked]
        out = func(*args, **kwargs)
        if tracked and any(tensor.is_nested for tensor in tensors_in((args, out))):
            raise UnsupportedOperationError(
                f"{self.where(name)}: nested tensors have no rules. Pad the sequences to one length and mask the rest, "
                f"or explain one sequence at a time."
            )
        if not tracked:
            self._fix(out)
            if written is not None and before is not None:
                self._keep_old_constants(written, before)
            return out
        for tensor, version in zip(tracked, versions, strict=True):
            if tensor._version != version and (written is None or storage_of(tensor) != storage_of(written)):
                raise UnsupportedOperationError(
                    f"{self.where(name)}: changes its argument in place in a way that bilrp does not know. "
                    f"Use the form that returns a new tensor."
                )
        self._record(func, name, args, kwargs, out, written, before)
        return out

    def _tracked(self, name: str, args: Any, kwargs: Any) -> list[Tensor]:
        tracked = []
        for tensor in tensors_in((args, kwargs)):
            self.bring_up_to_date(tensor)
            if id(tensor) in self.nodes:
                tracked.append(tensor)
            elif carries(tensor) and id(tensor) not in self._fixed and self._watcher.has_marked(tensor):
                raise UnseenOperationError(
                    f"{self.where(name)}: got a tensor of shape {tuple(tensor.shape)} that was computed from the input "
                    f"by code that bilrp cannot see. {UNSEEN_REMEDY}"
                )
        return tracked

    def _step_by_step(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        outer, self._part_of = self._part_of, self._part_of or name
        try:
            with self:
                return DECOMPOSED[name](*args, **kwargs)
        finally:
            self._part_of = outer

    def _adds_bias(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Whether a bias is added to a product of two activations, or is an activation itself."""
        names = ("bias", "input", "weight") if name == "addmm" else ("input", "weight", "bias")
        given = dict(zip(names, args, strict=False)) | kwargs
        followed = [id(given.get(key)) in self.nodes for key in ("weight", "bias")]
        return any(followed) and given.get("bias") is not None

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
        made = [tensor for tensor in tensors_in(out) if carries(tensor)]
        if not made and name.strip("_") in KEEPS_IDS and self._holds_ids((args, kwargs)):
            made = [tensor for tensor in tensors_in(out) if is_integer(tensor)]
        if not made:  # sizes, indices, masks, numbers: choices that stay as they are
            if any(True for _ in tensors_in(out)) or isinstance(out, float):
                self.notes.append(f"{self.where(name)}: result is a choice or a number, kept as it is")
            self._fix(out)
            return
        if written is None and all(id(tensor) in self.nodes for tensor in made):
            return  # contiguous(), to(), dropout in evaluation mode: the same tensor again
        refs = mapped(
            (args, kwargs),
            lambda item: Ref(self.nodes[id(item)]) if isinstance(item, Tensor) and id(item) in self.nodes else item,
        )
        function = name.strip("_")
        if written is None:
            self._append(function, func, refs, made)
            return
        assert before is not None
        if id(written) not in self.nodes:  # a constant that the call wrote into
            refs = ((before, *refs[0][1:]), refs[1])
        elif self.values[self.nodes[id(written)]] is written:
            self.values[self.nodes[id(written)]] = before
        self._keep_old_constants(written, before)
        changed = self._keep_old_aliases(written, before, name)
        self._append(function, out_of_place(func, name), refs, made)
        for tensor, old, overlap in changed:
            changes = self._changed.setdefault(id(tensor), _Changes(old))
            changes.writes.append((self.nodes[id(written)], overlap))

    def _holds_ids(self, arguments: Any) -> bool:
        return any(id(tensor) in self.nodes and is_integer(tensor) for tensor in tensors_in(arguments))

    def _append(self, function: str, call: Callable[..., Any], refs: tuple[Any, Any], made: Sequence[Tensor]) -> None:
        inputs = tuple(dict.fromkeys(ref.node for ref in found_in(refs, Ref)))
        if len(made) > 1 and function not in SHAPES | CHOICES:  # each result has rules of its own
            for i, tensor in enumerate(made):
                self._append(function, _picked(call, i), refs, [tensor])
            return
        outputs = tuple(self.add(tensor) for tensor in made)
        place, module = self._places[-1] if self._places else ("", None)
        self._constants.update(storage for item in tensors_in(refs) if (storage := storage_of(item)) is not None)
        operation = Operation(function, place, module, call, refs[0], refs[1], inputs, outputs, part_of=self._part_of)
        self.operations.append(operation)

    def _keep_old_constants(self, written: Tensor, before: Tensor) -> None:
        """Give earlier operations that took a constant from the written memory a copy of what stood there."""
        if storage_of(written) not in self._constants:
            return

        def old(item: Any) -> Any:
            if not isinstance(item, Tensor):
                return item
            if item is written:
                return before
            return Overlap(item, written).updated(item, before) if sharing(written, [item])[:1] == [item] else item

        for operation in self.operations:
            operation.args, operation.kwargs = mapped(operation.args, old), mapped(operation.kwargs, old)

    def _keep_old_aliases(self, written: Tensor, before: Tensor, name: str) -> list[tuple[Tensor, Tensor, Overlap]]:
        """Tensors over the written memory, what they held before, and where; their nodes get that as value."""
        changed = []
        for tensor in sharing(written, self._alive):
            if tensor.dtype != written.dtype:
                raise UnsupportedOperationError(
                    f"{self.where(name)}: changes a tensor of {written.dtype} in place whose memory one of "
                    f"{tensor.dtype} shares. Clone one of the two first."
                )
            overlap = Overlap(tensor, written)
            if overlap.any:
                old = overlap.updated(tensor, before)
                node = self.nodes.get(id(tensor))
                if node is not None and self.values[node] is tensor:
                    self.values[node] = old
                self._alive.append(tensor)
                changed.append((tensor, old, overlap))
        return changed

    def bring_up_to_date(self, tensor: Tensor) -> None:
        """Record what writing into the memory of a tensor has made of it, before it is read."""
        if (changes := self._changed.get(id(tensor))) is None:
            return
        node = self.nodes.get(id(tensor))
        held: Any = changes.old if node is None else Ref(node)
        value = changes.old
        for source, overlap in changes.writes:
            value = overlap.updated(value, self.values[source])
            self._append("memory", overlap.updated, ((held, Ref(source)), {}), [value])
            held = Ref(self.nodes[id(value)])
        self.nodes[id(tensor)] = held.node
        self.values[held.node] = tensor
        del self._changed[id(tensor)]


@dataclass
class _Changes:
    """What a tensor held, and the nodes that were written into its memory since, with where."""

    old: Tensor
    writes: list[tuple[int, Overlap]] = field(default_factory=list)


def _picked(call: Callable[..., Any], i: int) -> Callable[..., Any]:
    """One of the results of a call that carry values."""
    return lambda *args, **kwargs: [t for t in tensors_in(call(*args, **kwargs)) if carries(t)][i]


def _dense(item: Any) -> Any:
    return item.to_dense() if isinstance(item, Tensor) and item.layout != torch.strided else item


DECOMPOSED: dict[str, Callable[..., Any]] = ATTENTION | RECURRENT | WRITTEN_OUT
"""Functions that are recorded as the steps that they stand for."""


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
    """Run the model once and return the tape; call it inside `bilrp._trace.recorder.frozen_eval`.

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
    random_state = _random_state(x.device)
    with _named_places(model, places), uncompiled(), watcher, recorder:
        out = model(x)
    seed = None if torch.equal(random_state, _random_state(x.device)) else torch.initial_seed()
    if not isinstance(out, Tensor) or not carries(out):
        raise InputError(
            f"the model returned {type(out).__name__}, expected one floating-point tensor (N, M). Wrap it in a module "
            f"that picks the embedding."
        )
    recorder.bring_up_to_date(out)
    if id(out) not in recorder.nodes:
        if watcher.has_marked(out) and not recorder.has_fixed(out):
            raise UnseenOperationError(
                f"the embedding was computed from the input by code that bilrp cannot see. {UNSEEN_REMEDY}"
            )
        raise InputError(
            "the embedding does not depend on the input: there is nothing to explain. " + recorder.choices_so_far()
        )
    _name(recorder.operations)
    return Tape(recorder.operations, recorder.values, node, recorder.nodes[id(out)], recorder.notes, seed)


def _random_state(device: torch.device) -> Tensor:
    """Where PyTorch's random numbers stand, on a device."""
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()


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
