"""LRP of many single places of a fully convolutional network, each travelling in its own receptive window.

A detector answers at thousands of places, and each answer rests on a small window of the input. Explaining K of them in
the dense way sends K maps of the whole input down. Here the activations are recorded once for the whole input, the
rules are made ready once, and relevance travels in windows that grow from the place by exactly what each operation
reaches: many windows in one batch, wherever they lie. The numbers are those of the dense way, without truncation.

What it can pass: two-dimensional convolutions (without groups), additions and other element-wise operations, padding,
interpolation by whole factors; and any rearrangement above the first of these (indexing, pixel shuffle).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bilrp.canonizers import Canonizer, canonize, fold_batch_norm
from bilrp.composites import Composite
from bilrp.coverage import Coverage
from bilrp.exceptions import InputError
from bilrp.propagation import BIAS, DEFAULT_MEMORY, Plan, Step, make_plan
from bilrp.rules import Rule
from bilrp.tape import record
from bilrp.windows import Flow, Frame, Interpolation, Way, unsupported, way_through
from bilrp.witness import undisturbed

MAX_BATCH = 64  # windows at a time; more gain nothing on a CPU
WORKING_COPIES = 6  # relevance above and below, its products with the factors of a term, coefficients cut to windows


@dataclass(frozen=True)
class Seeds:
    """Relevance at single entries of the network's output map, from which explanations start.

    Parameters
    ----------
    explanation : int64 array of shape (n,)
        Which explanation, 0 to K - 1, each entry belongs to. The entries of one should lie near each other: they travel
        in one window.
    channel, row, column : int64 arrays of shape (n,)
        Where in the output of shape (1, C, H, W).
    relevance : float array of shape (n,)
        How much starts there.
    """

    explanation: npt.NDArray[np.int64]
    channel: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    column: npt.NDArray[np.int64]
    relevance: npt.NDArray[np.floating]

    def __post_init__(self) -> None:
        lengths = {len(array) for array in vars(self).values()}
        if len(lengths) != 1:
            raise InputError(f"Seeds: got arrays of {sorted(lengths)} entries, expected as many in each")


@dataclass(frozen=True)
class LocalRelevance:
    """Relevance of the input for K explanations, kept as windows.

    Parameters
    ----------
    size : (int, int)
        Height and width of the input.
    boxes : int64 array of shape (K, 4)
        Left, top, right, bottom of each window in pixels of the input, within it; outside it relevance is zero.
    maps : list of Tensor
        Relevance in each window, of shape (bottom - top, right - left); channels of the input summed.
    given : Tensor of shape (K,), float64
        What started at the top; a map sums to it, less what biases and stabilizers kept.
    coverage : Coverage
    """

    size: tuple[int, int]
    boxes: npt.NDArray[np.int64]
    maps: list[Tensor]
    given: Tensor
    coverage: Coverage

    @cached_property
    def sums(self) -> Tensor:
        """What arrived at the input of each explanation: shape (K,), float64."""
        return torch.stack([part.double().sum() for part in self.maps]) if self.maps else self.given

    def combine(self, groups: npt.NDArray[np.int64], n: int, weights: Tensor | None = None) -> Tensor:
        """Whole maps as sums of windows.

        Parameters
        ----------
        groups : int64 array of shape (K,)
            The map, 0 to n - 1, that each explanation is added to.
        n : int
        weights : Tensor of shape (K,), optional

        Returns
        -------
        Tensor of shape (n, H, W)
        """
        dtype = self.maps[0].dtype if self.maps else self.given.dtype
        out = torch.zeros(n, *self.size, dtype=dtype)
        for k, (group, part) in enumerate(zip(groups, self.maps, strict=True)):
            left, top, right, bottom = self.boxes[k]
            out[group, top:bottom, left:right] += part if weights is None else part * weights[k].to(dtype)
        return out


class _Windows:
    """The way down in windows: rearrangements at the top entry by entry, then one `Way` for each operation."""

    def __init__(self, plan: Plan) -> None:
        self._input_node = plan.tape.input_node
        self._top: list[Step] = []
        self._rest = list(plan.steps)
        node = plan.tape.output_node
        self._shape = plan.tape.values[node].shape
        while self._rest and self._rest[0].site.kind == "shape" and self._rest[0].site.operation.outputs[0] == node:
            step = self._rest.pop(0)
            if len(step.site.flows) != 1:
                raise unsupported(step.site, "a rearrangement of several parts")
            self._top.append(step)
            node = step.site.flows[0]
        self._node = node
        self._below = tuple(plan.tape.values[node].shape[1:])
        self._first = plan.tape.values[node][:, :, :0, :0].clone()  # its channels, type and device
        area = plan.tape.values[plan.tape.input_node][0, 0].numel()
        largest = max(sum(value.numel() for value in (*s.site.inputs, s.site.output)) for s in plan.steps)
        self._each = largest / area  # entries at the widest operation for each pixel of the input
        self._rows = [self._numbered(step) for step in self._top]
        self._ways: list[Way] = []
        for site in plan.fixed:
            plan.tape.values[site.operation.outputs[0]] = self._first
        for step in self._rest:  # each is forgotten once its factors are known: whole pages are large
            self._ways.append(way_through(step.site, step.rule, plan.distribute))
            for output in step.site.operation.outputs:
                plan.tape.values[output] = self._first
            step.site = replace(step.site, inputs=(), output=self._first)
        scales = [way.scale for way in self._ways if isinstance(way, Interpolation)]
        self._align = tuple(int(np.prod([scale[i] for scale in scales], initial=1)) for i in range(2))

    @staticmethod
    def _numbered(step: Step) -> npt.NDArray[np.int64]:
        """For each entry above a rearrangement the one below that it shows, counted from 1; 0 where there is none."""
        before = step.site.inputs[0]
        numbers = torch.arange(1, before.numel() + 1, dtype=torch.float64).reshape(before.shape)
        return step.site.run([numbers])[0].flatten().numpy().astype(np.int64)

    def entries(self, seeds: Seeds) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """The seeds as (channel, row, column) below all rearrangements, shape (n, 3), and which of them lead there."""
        if len(self._shape) != 4 or self._shape[0] != 1:
            raise InputError(f"the model returned a map of shape {tuple(self._shape)}, expected (1, C, H, W)")
        places = (seeds.channel, seeds.row, seeds.column)
        for name, place, n in zip(("channel", "row", "column"), places, self._shape[1:], strict=True):
            if len(place) and not (place.min() >= 0 and place.max() < n):
                raise InputError(f"Seeds: {name} goes from {place.min()} to {place.max()}, expected 0 to {n - 1}")
        flat = np.ravel_multi_index(places, self._shape[1:])
        leads = np.ones(len(flat), dtype=bool)
        for rows in self._rows:
            flat = rows[flat] - 1
            leads &= flat >= 0
            flat = np.maximum(flat, 0)
        return np.stack(np.unravel_index(flat, self._below), axis=1), leads

    def start(
        self, entries: npt.NDArray[np.int64], batch: npt.NDArray[np.int64], seeds: Seeds, belongs: list[Any]
    ) -> Flow:
        """The first windows of a batch of explanations; ``belongs`` lists the entries of each explanation."""
        align = np.array(self._align)
        chosen = [entries[belongs[k]][:, 1:] for k in batch]
        corners = np.stack([places.min(0) // align * align for places in chosen])
        ends = np.stack([places.max(0) + 1 for places in chosen]) - corners
        height, width = (-(-ends.max(0) // align) * align).tolist()
        values = self._first.new_zeros(len(batch), height, width, self._below[0])
        for i, k in enumerate(batch):
            places = entries[belongs[k]]
            index = (places[:, 1] - corners[i, 0], places[:, 2] - corners[i, 1], places[:, 0])
            amounts = torch.from_numpy(np.asarray(seeds.relevance[belongs[k]])).to(values)
            values[i].index_put_(tuple(torch.from_numpy(part) for part in index), amounts, accumulate=True)
        return values, Frame(corners, height, width)

    def down(self, relevance: Tensor, frame: Frame) -> Flow:
        """From the first windows to those of the input."""
        live: dict[int, Flow] = {self._node: (relevance, frame)}
        for step, way in zip(self._rest, self._ways, strict=True):
            relevance, frame = live.pop(step.site.operation.outputs[0])
            passed = way(relevance, frame)
            if step.rule is not None and not step.rule.keeps_nothing:
                step.kept += float((_sums(relevance) - sum(_sums(part) for part, _ in passed)).abs().sum())
            for node, flow in zip(step.site.flows, passed, strict=True):
                live[node] = _merged(live[node], flow) if node in live else flow
        return live[self._input_node]

    def room(self, frame: Frame, memory: int) -> int:
        """How many windows as large as this one of the input can travel within ``memory`` bytes."""
        each = frame.height * frame.width * self._each * WORKING_COPIES * self._first.element_size()
        return int(np.clip(memory // each, 1, MAX_BATCH))


def _sums(relevance: Tensor) -> Tensor:
    return relevance.sum(dim=(1, 2, 3)).double()


def _merged(one: Flow, other: Flow) -> Flow:
    frame = one[1].joined(other[1])
    total = one[0].new_zeros(len(one[0]), frame.height, frame.width, one[0].shape[-1])
    for relevance, own in (one, other):
        own.add(relevance, frame, total)
    return total, frame


def explain_places(
    model: nn.Module,
    x: Tensor,
    seeds: Seeds | Callable[[Tensor], Seeds],
    composite: Composite | str | Mapping[str, Rule] | None = None,
    *,
    bias: str = "leave",
    canonizers: Sequence[Canonizer] = (fold_batch_norm,),
    memory: int = DEFAULT_MEMORY // 2,
) -> LocalRelevance:
    """LRP of many places of a network's output map, each in its own receptive window.

    Parameters
    ----------
    model : nn.Module
        Fully convolutional: maps (1, C, H, W) to (1, C', H', W'). Explained in evaluation mode; left as it was.
    x : Tensor of shape (1, C, H, W)
    seeds : Seeds, or callable
        Where explanations start, and with how much; or what says so when it is given the output map.
    composite : Composite, str, dict or None
        Which rule where; see `bilrp.composites`.
    bias : {"leave", "distribute"}
    canonizers : sequence of callable
    memory : int
        Bytes that the travelling relevance may take; it chooses how many windows travel together.

    Returns
    -------
    LocalRelevance
        Equal to what `bilrp.explain_outputs` gives for the same starts, without the maps of zeros around each window.

    Raises
    ------
    UnsupportedOperationError
        When relevance comes to an operation that has no rule, or that windows cannot pass.
    """
    if bias not in BIAS:
        raise InputError(f"bias is {bias!r}, expected 'leave' or 'distribute'")
    if x.dim() != 4 or x.shape[0] != 1:
        raise InputError(f"got an input of shape {tuple(x.shape)}, expected one image with its batch axis (1, C, H, W)")
    with undisturbed(model, x.device):
        plan = make_plan(canonize(record(model, x), canonizers), Composite.ensure(composite), bias == "distribute")
        if callable(seeds):
            seeds = seeds(plan.tape.values[plan.tape.output_node])
        windows = _Windows(plan)
        size = (int(x.shape[2]), int(x.shape[3]))
        boxes, maps = _send(windows, seeds, size, memory)
        plan.arrived = float(np.abs(seeds.relevance).sum())
        given = torch.from_numpy(np.bincount(seeds.explanation, seeds.relevance, len(maps)).astype(np.float64))
        return LocalRelevance(size, boxes, maps, given, plan.coverage())


def _send(
    windows: _Windows, seeds: Seeds, size: tuple[int, int], memory: int
) -> tuple[npt.NDArray[np.int64], list[Tensor]]:
    """Box and map of each explanation."""
    entries, leads = windows.entries(seeds)
    n = int(seeds.explanation.max()) + 1 if len(seeds.explanation) else 0
    index = np.flatnonzero(leads)[np.argsort(seeds.explanation[leads], kind="stable")]
    belongs = np.split(index, np.searchsorted(seeds.explanation[index], np.arange(1, n))) if n else []
    boxes = np.zeros((n, 4), dtype=np.int64)
    maps = [torch.zeros(0, 0)] * n
    started = np.array([k for k in range(n) if len(belongs[k])], dtype=np.int64)
    extents = [int(np.ptp(entries[belongs[k]][:, 1:], axis=0).max()) for k in started]
    started = started[np.argsort(extents, kind="stable")]  # windows of one size travel together
    first, count = 0, 1
    while first < len(started):
        batch = started[first : first + count]
        relevance, frame = windows.down(*windows.start(entries, batch, seeds, belongs))
        for i, inner, (rows, columns) in frame.pieces(*size):
            k = batch[i]
            boxes[k] = (columns.start, rows.start, columns.stop, rows.stop)
            maps[k] = relevance[i][inner].sum(-1)
        first += len(batch)
        count = windows.room(frame, memory)
    return boxes, maps
