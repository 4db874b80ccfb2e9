"""First-order LRP in one call: which parts of an input made this output, for any model of PyTorch [Bach2015]_.

Relevance starts at the output that is explained with its own value and is propagated down to the input, so that heat
maps of several classes are in one unit, that of the outputs, and a row sums to its output less what biases keep.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from bilrp._trace.chunks import DEFAULT_MEMORY, memory_at
from bilrp._trace.recorder import frozen_eval, record
from bilrp.batches import explain_batch
from bilrp.canonizers import DEFAULT_CANONIZERS, Canonizer
from bilrp.certificate import attest
from bilrp.composites import Composite
from bilrp.coverage import Coverage, CoverageEntry
from bilrp.exceptions import BilrpError, InputError
from bilrp.inputs import Bound, ModelInput, Tower, bind, read
from bilrp.outputs import Relevance, explain_outputs
from bilrp.rules import Rule
from bilrp.tasks import Task

TAPES = 8  # recorded passes may take so many times the memory of the relevance that travels through them
MOST_AT_ONCE = 32  # further inputs in one pass gain nothing on a CPU

Index = int | tuple[int, ...]
Target = Index | str | Sequence[Index] | Tensor | Callable[[Tensor], Any] | None


def attribute(
    model: Tower,
    x: ModelInput,
    target: Target = None,
    *,
    composite: Composite | str | Mapping[str, Rule] | None = "auto",
    bias: str = "leave",
    keep_channels: bool = False,
    channel_axis: int | None = None,
    relevance_of: str | int | None = None,
    pool: int | None = None,
    tokens: Sequence[str] | None = None,
    canonizers: Sequence[Canonizer] = DEFAULT_CANONIZERS,
    memory: int = DEFAULT_MEMORY,
) -> Relevance:
    """The relevance of every part of an input for chosen outputs of a model.

    Parameters
    ----------
    model : nn.Module, or a method of one
        Maps a batch, such as images (N, C, H, W), to outputs (N, M), such as the logits of M classes, or to maps
        (N, M, rows, columns). Explained in evaluation mode; left as it was. Give logits: the softmax of a class has
        the evidence against all others in it. Of an output with ``.logits`` (Hugging Face) these are taken.
    x : Tensor of shape (N, ...), tuple or mapping
        One input or several, each as if it were alone; in one pass where the model keeps them apart. Integer inputs are
        token numbers: their relevance is that of their vectors, summed. A model of several inputs gets a tuple by place
        or a dict by name, such as ``{"input_ids": ids, "attention_mask": mask}``.
    target : int, tuple of int, list, "max", Tensor, callable or None
        Which outputs. A number: that class. A tuple: an index into the outputs of one input, such as (class, row,
        column). A list of these: each of them. None or ``"max"``: the greatest output of each input. A tensor (M,) or
        (K, M) of floats, or one in the shape of the outputs: weights of a sum of outputs, such as 1 for a class and
        -1 for its rival. A tensor of integers (K,): the same as a list. A callable gets the outputs (1, M) of an input
        and returns any of these: ``lambda outputs: outputs[0].topk(3).indices``.
    composite : Composite, str, dict or None
        Which rule where; see `bilrp.composites`.
    bias : {"leave", "distribute"}
        Whether biases and stabilizers keep their share or give it to the inputs over abs(z_jk).
    keep_channels : bool
        Keep the channel axis instead of summing over it.
    channel_axis : int, optional
        Which axis of the input the channels are on; default as for `bilrp.BiLRP.explain`.
    relevance_of : str or int, optional
        Which tensor of several inputs is explained, the others are held fixed; see `bilrp.BiLRP`.
    pool : int, optional
        Sum over tiles of pool x pool pixels of an image, and over its channels; cheaper than maps of full resolution.
    tokens : sequence of str, optional
        Of a text, kept with the result; for a model that reads texts (`bilrp.text`) they are there by themselves.
    canonizers : sequence of callable
        Change the tape before rules are given.
    memory : int
        Bytes that the travelling relevance may take. Results do not depend on it.

    Returns
    -------
    Relevance
        With a row for each output of each input: the K outputs of the first input, then those of the second.
        ``targets`` names the rows. The coverage of several inputs shows for each operation the greatest share it kept,
        for those of one pass that of all together.

    Raises
    ------
    InputError
        When the target does not fit the outputs, or the input has another form than stated here.
    UnsupportedOperationError
        When relevance reaches an operation without a rule.

    Notes
    -----
    A negative output gives relevance that sums to a negative number. To start with relevance 1 for class c, as examples
    of zennit do, explain ``lambda outputs: torch.eye(M)[c] / outputs``.

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5))
    >>> relevance = attribute(model, torch.rand(1, 3, 8, 8), target=[2, 4], bias="distribute")
    >>> relevance.values.shape, relevance.targets
    (torch.Size([2, 8, 8]), ('output 2', 'output 4'))
    """
    inputs, read_tokens = read(model, x)
    _, carrier, _ = bind(model, inputs, relevance_of)
    n_inputs = len(carrier) if carrier.dim() > 1 else 0
    if not n_inputs:
        raise InputError(
            f"attribute: got an input of shape {tuple(carrier.shape)}, expected one or more inputs with their batch "
            f"axis, such as (1, C, H, W). Use x[None]."
        )
    first = Task.of(model, _samples(inputs, slice(0, 1), n_inputs), relevance_of, keep_channels, channel_axis, pool)
    settings: dict[str, Any] = {"bias": bias, "canonizers": canonizers, "memory": memory}

    def task_of(n: int) -> Task:
        axis = channel_axis if first.axis is None else first.axis
        sample = _samples(inputs, slice(n, n + 1), n_inputs)
        return Task.of(model, sample, relevance_of, keep_channels, axis, pool) if n else first

    labels: list[str] = []

    def weights(outputs: Tensor, start: int) -> Tensor:
        """Of the outputs of some inputs, the first of which has this number: shape (K, N, M)."""
        rows, names = zip(*(target_weights(target, output[None]) for output in outputs), strict=True)
        if len({len(row) for row in rows}) > 1:
            raise InputError("the target chooses more outputs of one input than of another")  # one by one it may
        for n, own in enumerate(names, start):
            labels.extend(f"input {n}, {name}" if n_inputs > 1 else name for name in own)
        return torch.stack(rows, 1)

    def explain(n: int) -> Relevance:
        task = task_of(n)
        with task.understood():
            return explain_outputs(
                _with_logits(task.model),
                task.carrier,
                composite,
                projection=lambda outputs: weights(outputs, n)[:, 0],
                pool=pool if task.tiles_alone else None,
                reduce=None if task.tiles_alone else task.reduce,
                warn=False,
                **settings,
            )

    def explain_together(start: int, stop: int) -> list[Relevance]:
        """Those from start to stop in one pass, where the rules and the model allow."""
        n_labels = len(labels)
        try:
            ends = [task_of(n) for n in (start, stop - 1)]
            with frozen_eval(ends[0].model, carrier.device):
                alone = [_with_logits(task.model)(task.carrier.detach().clone()) for task in ends]
            bound, several, _ = bind(model, _samples(inputs, slice(start, stop), n_inputs), relevance_of)
            return explain_batch(
                _with_logits(bound),
                several,
                (alone[0], alone[1]),
                Composite.ensure(composite),
                projection=lambda outputs: weights(outputs, start),
                reduce=first.reduce,
                **settings,
            )
        except (BilrpError, TypeError, ValueError, RuntimeError, IndexError):
            del labels[n_labels:]  # one by one they work, or fail with an error of their own
            return [explain(n) for n in range(start, stop)]

    size = _at_once(first, memory) if n_inputs > 1 and not first.tiles_alone else 1
    parts: list[Relevance] = []
    for start in range(0, n_inputs, size):
        stop = min(start + size, n_inputs)
        parts += explain_together(start, stop) if stop - start > 1 else [explain(start)]
    whole = Relevance(
        torch.cat([part.values for part in parts]),
        torch.cat([part.embedding for part in parts]),
        _merged([part.coverage for part in parts]),
        targets=tuple(labels),
        tokens=read_tokens if tokens is None else tokens,
    )
    attest(whole.certificate, [whole.coverage])
    return whole


def _at_once(task: Task, memory: int) -> int:
    """How many inputs like this one are explained in one pass: as many as `TAPES` times the memory can hold."""
    try:
        with frozen_eval(task.model, task.carrier.device):
            tape = record(_with_logits(task.model), task.carrier)
    except (BilrpError, TypeError, ValueError, RuntimeError, IndexError):
        return 1  # the explanation meets the same error, and says it
    held = sum(value.numel() * value.element_size() for value in tape.values)
    return int(min(MOST_AT_ONCE, max(1, TAPES * memory_at(task.carrier, memory) // max(held, 1))))


def _samples(x: ModelInput, which: slice, n_inputs: int) -> ModelInput:
    """Some of several inputs: of every tensor that has one entry for each of them."""

    def part(value: Any) -> Any:
        batched = isinstance(value, Tensor) and value.dim() > 0 and len(value) == n_inputs
        return value[which] if batched else value

    if isinstance(x, Tensor):
        return x[which]
    if isinstance(x, Mapping):
        return {key: part(value) for key, value in x.items()}
    return tuple(part(value) for value in x)


def _with_logits(module: nn.Module) -> nn.Module:
    """The same model, returning its logits where it returns an object that has them."""
    call = module.call if isinstance(module, Bound) else module

    def logits(x: Tensor) -> Any:
        out = call(x)
        found = getattr(out, "logits", None)
        return found if isinstance(found, Tensor) else out

    return Bound(module.module if isinstance(module, Bound) else module, logits)


def target_weights(target: Target, outputs: Tensor) -> tuple[Tensor, list[str]]:
    """What a target means for the outputs (1, ...) of one input: weights of shape (K, M), and a name for each row."""
    flat = outputs[0].flatten()
    if callable(target):
        return target_weights(target(outputs), outputs)
    if target is None or isinstance(target, str):
        if target not in (None, "max"):
            raise InputError(f"target is {target!r}, expected a class, a list of classes, 'max', weights or a callable")
        place = tuple(int(i) for i in torch.unravel_index(flat.argmax(), outputs.shape[1:]))
        target = place if len(place) > 1 else place[0]
    if isinstance(target, Tensor) and target.is_floating_point():
        return _weighted_sums(target, outputs)
    if isinstance(target, Tensor):
        target = target.tolist() if target.dim() else int(target)
    indices = list(target) if isinstance(target, Sequence) and not isinstance(target, tuple) else [target]
    if not indices:
        raise InputError("target is an empty list, expected one or more outputs")
    places = [_place(index, tuple(outputs.shape[1:])) for index in indices]
    rows = flat.new_zeros(len(places), flat.numel())
    rows[torch.arange(len(places)), [place for place, _ in places]] = 1
    return rows, [name for _, name in places]


def _place(index: Any, shape: tuple[int, ...]) -> tuple[int, str]:
    """The number of an output in the flattened outputs of one input, and its name."""
    where = index if isinstance(index, tuple) else (index,)
    integers = all(hasattr(i, "__index__") and not isinstance(i, bool) for i in where)
    if not integers or len(where) != len(shape):
        one = "a class number" if len(shape) == 1 else f"a tuple of {len(shape)} numbers, or weights"
        raise InputError(f"target is {index!r} for outputs of shape {shape}, expected {one} for each output")
    number = 0
    for i, n in zip(where, shape, strict=True):
        if not -n <= int(i) < n:
            raise InputError(f"target is {index!r} for outputs of shape {shape}, expected numbers below these")
        number = number * n + int(i) % n
    return number, f"output {', '.join(str(int(i) % n) for i, n in zip(where, shape, strict=True))}"


def _weighted_sums(weights: Tensor, outputs: Tensor) -> tuple[Tensor, list[str]]:
    shape, n = tuple(outputs.shape[1:]), outputs[0].numel()
    if tuple(weights.shape) in {shape, (1, *shape)}:
        weights = weights.reshape(1, n)
    elif weights.dim() == len(shape) + 1 and tuple(weights.shape[1:]) == shape:
        weights = weights.flatten(1)
    else:
        raise InputError(
            f"target has weights of shape {tuple(weights.shape)}, expected {shape} or (K, {str(shape)[1:]} as the "
            f"outputs have. Give classes as integers: torch.tensor([3, 5])."
        )
    names = [f"weighted outputs {row}" if len(weights) > 1 else "weighted outputs" for row in range(len(weights))]
    return weights.to(outputs), names


def _merged(coverages: Sequence[Coverage]) -> Coverage:
    """One report for several inputs: every operation that any of them met, with the greatest share that it kept."""
    worst: dict[str, CoverageEntry] = {}
    for coverage in coverages:
        for entry in coverage.entries:
            known = worst.get(entry.name)
            if known is None or entry.kept > known.kept:
                worst[entry.name] = entry
    notes = tuple(dict.fromkeys(note for coverage in coverages for note in coverage.notes))
    return replace(coverages[0], entries=tuple(worst.values()), notes=notes)
