"""LRP of many places of a fully convolutional network, travelling in receptive windows instead of whole maps.

A detector answers at thousands of places, and each answer rests on a small window of the input. Explaining K of them,
or K sums over some of them, in the dense way sends K maps of the whole input down. Here the activations are recorded
once for the whole input, the rules are made ready once, and relevance travels in windows that grow from the place by
exactly what each operation reaches: many windows in one batch, wherever they lie. Places of one explanation that lie so
near each other that one window is cheaper than two share it. The numbers are those of the dense way, not truncated.

What it can pass: two-dimensional convolutions, additions and other element-wise operations, padding,
interpolation by whole factors; and any rearrangement above the first of these (indexing, pixel shuffle).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bilrp._engine.finite import require_finite_values
from bilrp._engine.propagation import BIAS, Plan, Step, make_plan
from bilrp._engine.windows import BackwardMap, Convolution, Flow, Interpolation, WindowFrame, unsupported, way_through
from bilrp._trace.chunks import DEFAULT_MEMORY
from bilrp._trace.recorder import frozen_eval
from bilrp.canonizers import DEFAULT_CANONIZERS, Canonizer
from bilrp.certificate import Certificate, attest, certify_outputs, conditions_of
from bilrp.composites import Composite
from bilrp.coverage import Coverage
from bilrp.exceptions import InputError, NonFiniteError
from bilrp.recorded import recorded, require_input
from bilrp.rules import Rule

MAX_BATCH = 64  # windows at a time; more gain nothing on a CPU
WASTE = 1.1  # windows travel together as long as making them equally large costs no more than this
WORKING_COPIES = 6  # relevance above and below, its products with the factors of a term, coefficients cut to windows


@dataclass(frozen=True)
class OutputPositions:
    """Relevance at single entries of the network's output map, from which explanations start.

    Parameters
    ----------
    explanation : int64 array of shape (n,)
        Which explanation, 0 to K - 1, each entry belongs to.
    channel, row, column : int64 arrays of shape (n,)
        Where in the output of shape (1, C, H, W).
    relevance : float array of shape (n,)
        How much starts there.
    count : int, optional
        K, where the last explanations may be without entries.
    """

    explanation: npt.NDArray[np.int64]
    channel: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    column: npt.NDArray[np.int64]
    relevance: npt.NDArray[np.floating]
    count: int | None = None

    def __post_init__(self) -> None:
        lengths = {len(part) for part in (self.explanation, self.channel, self.row, self.column, self.relevance)}
        if len(lengths) != 1:
            raise InputError(f"OutputPositions: got arrays of {sorted(lengths)} entries, expected as many in each")
        if len(self.explanation) and not 0 <= self.explanation.min() <= self.explanation.max() < self.n_explanations:
            raise InputError(
                f"OutputPositions: explanations go from {self.explanation.min()} to {self.explanation.max()}, expected "
                f"0 to {self.n_explanations - 1}"
            )

    @property
    def n_explanations(self) -> int:
        """K."""
        if self.count is not None:
            return self.count
        return int(self.explanation.max()) + 1 if len(self.explanation) else 0


@dataclass(frozen=True)
class LocalRelevance:
    """Relevance of the input for K explanations, kept as W windows.

    Parameters
    ----------
    size : (int, int)
        Height and width of the input.
    explanation : int64 array of shape (W,)
        Which explanation, 0 to K - 1, each window belongs to; those of one may overlap and add up.
    boxes : int64 array of shape (W, 4)
        Left, top, right, bottom of each window in pixels of the input, within it; outside them relevance is zero.
    maps : list of Tensor
        Relevance in each window, of shape (bottom - top, right - left); channels of the input summed.
    given : Tensor of shape (K,), float64
        What started at the top; an explanation sums to it, less what biases and stabilizers kept.
    coverage : Coverage
    """

    size: tuple[int, int]
    explanation: npt.NDArray[np.int64]
    boxes: npt.NDArray[np.int64]
    maps: list[Tensor]
    given: Tensor
    coverage: Coverage

    @cached_property
    def sums(self) -> Tensor:
        """What arrived at the input of each explanation: shape (K,), float64."""
        each = np.array([float(part.double().sum()) for part in self.maps])
        return torch.from_numpy(np.bincount(self.explanation, each, len(self.given)).astype(np.float64))

    @cached_property
    def certificate(self) -> Certificate:
        """How far the result can be believed, and how it was made."""
        magnitude = sum(float(torch.linalg.vector_norm(part, 1, dtype=torch.float64)) for part in self.maps)
        return certify_outputs(self.sums, magnitude, self.given, self.coverage)

    def combine(self, groups: npt.NDArray[np.int64], n: int, weights: Tensor | None = None) -> Tensor:
        """Whole maps as sums of explanations.

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
        out = (self.maps[0] if self.maps else self.given).new_zeros(n, *self.size)
        for k, (left, top, right, bottom), part in zip(self.explanation, self.boxes, self.maps, strict=True):
            out[groups[k], top:bottom, left:right] += part if weights is None else part * float(weights[k])
        return out


class _Windows:
    """The way down in windows: rearrangements at the top entry by entry, then one `BackwardMap` for each operation.

    It uses the plan up: whole pages are large, so each value of its tape is dropped as soon as it is not needed.
    """

    def __init__(self, plan: Plan) -> None:
        self._input_node = plan.tape.input_node
        self._top: list[Step] = []
        self._rest = list(plan.steps)
        node = plan.tape.output_node
        self._shape = plan.tape.values[node].shape
        while (
            self._rest and self._rest[0].context.kind == "shape" and self._rest[0].context.operation.outputs[0] == node
        ):
            step = self._rest.pop(0)
            if len(step.context.flows) != 1:
                raise unsupported(step.context, "a rearrangement of several parts")
            self._top.append(step)
            node = step.context.flows[0]
        self._node = node
        self._below = tuple(plan.tape.values[node].shape[1:])
        self._first = plan.tape.values[node][:, :, :0, :0].clone()  # its channels, type and device
        area = plan.tape.values[plan.tape.input_node][0, 0].numel()
        largest = max(sum(value.numel() for value in (*s.context.inputs, s.context.output)) for s in plan.steps)
        self._each = largest / area  # entries at the widest operation for each pixel of the input
        self._rows = [self._numbered(step) for step in self._top]
        self._ways: list[BackwardMap] = []
        for context in plan.fixed:
            plan.tape.values[context.operation.outputs[0]] = self._first
        for step in self._rest:  # each is forgotten once its factors are known: whole pages are large
            self._ways.append(way_through(step.context, step.rule, plan.distribute))
            for output in step.context.operation.outputs:
                plan.tape.values[output] = self._first
            step.context = replace(step.context, inputs=(), output=self._first)
        scales = [way.scale for way in self._ways if isinstance(way, Interpolation)]
        self._align = tuple(int(np.prod([scale[i] for scale in scales], initial=1)) for i in range(2))

    @staticmethod
    def _numbered(step: Step) -> npt.NDArray[np.int64]:
        """For each entry above a rearrangement the one below that it shows, counted from 1; 0 where there is none."""
        before = step.context.inputs[0]
        numbers = torch.arange(1, before.numel() + 1, dtype=torch.float64, device=before.device).reshape(before.shape)
        return step.context.run([numbers])[0].flatten().cpu().numpy().astype(np.int64)

    def entries(self, positions: OutputPositions) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """The positions as (channel, row, column) below all rearrangements, (n, 3), and which of them lead there."""
        if len(self._shape) != 4 or self._shape[0] != 1:
            raise InputError(f"the model returned a map of shape {tuple(self._shape)}, expected (1, C, H, W)")
        places = (positions.channel, positions.row, positions.column)
        for name, place, n in zip(("channel", "row", "column"), places, self._shape[1:], strict=True):
            if len(place) and not (place.min() >= 0 and place.max() < n):
                raise InputError(
                    f"OutputPositions: {name} goes from {place.min()} to {place.max()}, expected 0 to {n - 1}"
                )
        flat = np.ravel_multi_index(places, self._shape[1:])
        leads = np.ones(len(flat), dtype=bool)
        for rows in self._rows:
            flat = rows[flat] - 1
            leads &= flat >= 0
            flat = np.maximum(flat, 0)
        return np.stack(np.unravel_index(flat, self._below), axis=1), leads

    def start(self, batch: Sequence[_Window]) -> Flow:
        """The first windows, all as large as the largest."""
        align = np.array(self._align)
        corners = np.stack([window.entries[:, 1:].min(0) // align * align for window in batch])
        ends = np.stack([window.entries[:, 1:].max(0) + 1 for window in batch]) - corners
        height, width = (-(-ends.max(0) // align) * align).tolist()
        values = self._first.new_zeros(len(batch), height, width, self._below[0])
        for i, window in enumerate(batch):
            channel, row, column = window.entries.T
            index = [
                torch.from_numpy(part).to(values.device)
                for part in (row - corners[i, 0], column - corners[i, 1], channel)
            ]
            amounts = torch.from_numpy(np.asarray(window.relevance)).to(values)
            values[i].index_put_(tuple(index), amounts, accumulate=True)
        return values, WindowFrame(corners, height, width)

    def growth(self) -> WindowGrowth:
        """How large windows become on the way, found by sending empty ones of two sizes."""
        sizes = []
        for factor in (1, 2):
            height, width = (factor * n for n in self._align)
            empty = self._first.new_zeros(1, height, width, self._below[0])
            frames: list[WindowFrame] = []
            frames.append(self.down(empty, WindowFrame(np.zeros((1, 2), dtype=np.int64), height, width), frames)[1])
            sizes.append(np.array([(frame.height, frame.width) for frame in frames]))
        scale = (sizes[1] - sizes[0]) / self._align
        work = [way.work if isinstance(way, Convolution) else 0 for way in self._ways]
        bytes_each = self._each * WORKING_COPIES * self._first.element_size()
        return WindowGrowth(scale, sizes[0] / scale - self._align, np.array([*work, 0.0]), bytes_each)

    def down(self, relevance: Tensor, frame: WindowFrame, passed_through: list[WindowFrame] | None = None) -> Flow:
        """From the first windows to those of the input; ``passed_through`` gets the frame above each operation."""
        live: dict[int, Flow] = {self._node: (relevance, frame)}
        for step, way in zip(self._rest, self._ways, strict=True):
            relevance, frame = live.pop(step.context.operation.outputs[0])
            if passed_through is not None:
                passed_through.append(frame)
            passed = way(relevance, frame)
            if step.rule is not None and not step.rule.keeps_nothing:
                step.kept = step.kept + (_sums(relevance) - sum(_sums(part) for part, _ in passed)).abs().sum()
            for node, flow in zip(step.context.flows, passed, strict=True):
                live[node] = _merged(live[node], flow) if node in live else flow
        return live[self._input_node]


def _sums(relevance: Tensor) -> Tensor:
    return relevance.sum(dim=(1, 2, 3)).double()


def _merged(one: Flow, other: Flow) -> Flow:
    frame = one[1].joined(other[1])
    total = one[0].new_zeros(len(one[0]), frame.height, frame.width, one[0].shape[-1])
    for relevance, own in (one, other):
        top, left = (own.corners[0] - frame.corners[0]).tolist()
        total[:, top : top + own.height, left : left + own.width] += relevance
    return total, frame


@dataclass(frozen=True)
class _Window:
    """One window before it travels: its explanation, its (n, 3) entries (channel, row, column), what starts there."""

    explanation: int
    entries: npt.NDArray[np.int64]
    relevance: npt.NDArray[np.floating]


@dataclass(frozen=True)
class WindowGrowth:
    """What a window costs: at each level, ``extent`` entries at the top become ``scale * (extent + margin)``.

    Parameters
    ----------
    scale, margin : float64 arrays of shape (L, 2)
        For each operation the map above it, and last the input.
    work : float64 array of shape (L,)
        Multiplications for each place of these maps.
    bytes : float
        Memory for each pixel of a window of the input.
    """

    scale: npt.NDArray[np.float64]
    margin: npt.NDArray[np.float64]
    work: npt.NDArray[np.float64]
    bytes: float

    def cost(self, extents: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Multiplications for windows over (..., 2) entries."""
        levels = np.prod(self.scale * (extents[..., None, :] + self.margin), axis=-1)
        return np.asarray(levels @ self.work)

    def room(self, extent: npt.NDArray[np.int64], memory: int) -> int:
        """How many windows of an extent (2,) can travel together within ``memory`` bytes."""
        pixels = float(np.prod(self.scale[-1] * (extent + self.margin[-1])))
        return int(np.clip(memory // (pixels * self.bytes), 1, MAX_BATCH))

    def gathered(self, places: npt.NDArray[np.int64]) -> list[npt.NDArray[np.intp]]:
        """Places (n, 2) put together, as indices: two windows become one as long as that saves work."""
        low, high = places.copy(), places + 1
        members = [np.array([i]) for i in range(len(places))]
        alive = np.ones(len(places), dtype=bool)

        def saved(i: int) -> npt.NDArray[np.float64]:
            joint = self.cost(np.maximum(high[i], high) - np.minimum(low[i], low))
            amount = self.cost(high[i] - low[i]) + self.cost(high - low) - joint
            amount[~alive] = amount[i] = -np.inf
            return amount

        table = np.stack([saved(i) for i in range(len(places))])
        while table.max() > 0:
            i, j = (int(k) for k in np.unravel_index(table.argmax(), table.shape))
            low[i], high[i] = np.minimum(low[i], low[j]), np.maximum(high[i], high[j])
            members[i] = np.concatenate([members[i], members[j]])
            alive[j] = False
            table[j] = table[:, j] = -np.inf
            table[i] = table[:, i] = saved(i)
        return [members[i] for i in np.flatnonzero(alive)]

    def batches(self, windows: Sequence[_Window], memory: int) -> Iterator[list[_Window]]:
        """Windows of about one size, as many as ``memory`` bytes take."""
        extents = np.array([np.ptp(window.entries[:, 1:], axis=0) + 1 for window in windows]).reshape(-1, 2)
        order = np.lexsort((extents[:, 1], extents[:, 0]))
        batch: list[int] = []
        for k in order.tolist():
            largest = extents[[*batch, k]].max(axis=0)
            room = self.room(largest, memory)
            wasted = (len(batch) + 1) * float(self.cost(largest)) > WASTE * float(self.cost(extents[[*batch, k]]).sum())
            if batch and (len(batch) >= room or wasted):
                yield [windows[i] for i in batch]
                batch = []
            batch.append(k)
        if batch:
            yield [windows[i] for i in batch]


def explain_places(
    model: nn.Module,
    x: Tensor,
    positions: OutputPositions | Callable[[Tensor], OutputPositions],
    composite: Composite | str | Mapping[str, Rule] | None = None,
    *,
    bias: str = "leave",
    canonizers: Sequence[Canonizer] = DEFAULT_CANONIZERS,
    memory: int = DEFAULT_MEMORY,
) -> LocalRelevance:
    """LRP of many places of a network's output map, each in its own receptive window.

    Parameters
    ----------
    model : nn.Module
        Fully convolutional: maps (1, C, H, W) to (1, C', H', W'). Explained in evaluation mode; left as it was.
    x : Tensor of shape (1, C, H, W)
    positions : OutputPositions, or callable
        Where explanations start, and with how much; or what says so when it is given the output map.
    composite : Composite, str, dict or None
        Which rule where; see `bilrp.composites`.
    bias, canonizers, memory
        As in `bilrp.explain_outputs`; memory chooses how many windows travel together.

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
    require_input(model, x)
    if x.dim() != 4 or x.shape[0] != 1:
        raise InputError(f"got an input of shape {tuple(x.shape)}, expected one image with its batch axis (1, C, H, W)")
    with frozen_eval(model, x.device):
        composite = Composite.ensure(composite)
        tape = recorded(model, x, canonizers)
        plan = make_plan(tape, composite, bias == "distribute")
        require_finite_values(plan)
        conditions = conditions_of(tape, plan.embedding, composite.name, bias, canonizers)
        if callable(positions):
            positions = positions(plan.tape.values[plan.tape.output_node])
        windows = _Windows(plan)
        size = (int(x.shape[2]), int(x.shape[3]))
        plan.arrived = float(np.abs(positions.relevance).sum())
        explanation, boxes, maps = _send(windows, positions, size, memory)
        arrived = np.bincount(positions.explanation, positions.relevance, positions.n_explanations)
        given = torch.from_numpy(arrived.astype(np.float64))
        if not all(torch.isfinite(part.sum()) for part in maps):
            raise NonFiniteError(
                "explain_places: relevance is infinite or no number. Try an Epsilon rule with a greater eps or "
                "stabilizer='relative', another composite, or float64; explain_outputs names the operation."
            )
        relevance = LocalRelevance(size, explanation, boxes, maps, given, plan.coverage(conditions))
    attest(relevance.certificate, [relevance.coverage])
    return relevance


def _send(
    windows: _Windows, positions: OutputPositions, size: tuple[int, int], memory: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], list[Tensor]]:
    """Explanation, box and map of each window, in the order of the explanations."""
    entries, leads = windows.entries(positions)
    started: list[_Window] = []
    growth = windows.growth()
    for k in np.unique(positions.explanation[leads]).tolist():
        index = np.flatnonzero(leads & (positions.explanation == k))
        gathered = (index[members] for members in growth.gathered(entries[index, 1:]))
        started += (_Window(k, entries[which], positions.relevance[which]) for which in gathered)
    found: list[tuple[int, tuple[int, ...], Tensor]] = []
    for batch in growth.batches(started, memory):
        relevance, frame = windows.down(*windows.start(batch))
        for i, inner, (rows, columns) in frame.pieces(*size):
            box = (columns.start, rows.start, columns.stop, rows.stop)
            found.append((batch[i].explanation, box, relevance[i][inner].sum(-1)))
    found.sort(key=lambda window: window[:2])
    explanation = np.array([window[0] for window in found], dtype=np.int64)
    boxes = np.array([window[1] for window in found], dtype=np.int64).reshape(-1, 4)
    return explanation, boxes, [window[2] for window in found]
