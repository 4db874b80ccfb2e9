r"""How shares of tiles go up through each operation, in windows: the transposed of the way relevance comes down.

With the activations fixed, relevance falls through a layer by a matrix of shares, :math:`R_j = \sum_k B_{jk} R_k`. The
relevance that a tile t of the input collects is :math:`\sum_j S_{tj} R_j` with S its indicator, so what it collects
from the neurons above is given by :math:`(S B)_{tk} = \sum_j S_{tj} B_{jk}`: the indicator pushed *up*. A rule whose
terms take relevance down by ``a * transpose_w(factor * R)`` takes shares up by ``factor * forward_w(a * u)``, an
ordinary convolution of maps that are zero but for a small window around the tile. Both directions read the same terms
of the rule (`bilrp.rules.LinearRule.terms`). Where a value is read twice its shares go both ways; where an operation
reads several values, as a residual sum does, what comes from each is added.

Shares can pass two-dimensional convolutions, also grouped ones, and average pooling, max pooling by its winners,
padding, concatenation of channels, and whatever works entry by entry on inputs of one shape.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from bilrp._engine.propagation import Step
from bilrp._engine.windows import Pointwise, WindowFrame, is_pointwise, padding_before, stored, stored_stacks
from bilrp._trace.layers import LinearLayer, Stack, bound, pool_settings, winners
from bilrp._trace.operations import OperationContext, pair_of
from bilrp._trace.tape import Ref
from bilrp.rules import LinearRule, MaxWinner, Pass, Rule, SumShare

Pair = tuple[int, int]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Shares:
    """Shares of K tiles in windows of a map of H x W.

    Parameters
    ----------
    values : Tensor of shape (K, height, width, C)
    frame : WindowFrame
        Where the windows lie; beyond the map, ``values * scale`` is zero.
    scale : Tensor of shape (H, W, C), optional
        What the values are yet to be multiplied with. Factors of neighbouring layers wait here and meet as whole maps,
        so that windows are multiplied once and not by each.
    """

    values: Tensor
    frame: WindowFrame
    scale: Tensor | None = None

    def times(self, factor: Tensor | None) -> Shares:
        """Shares multiplied with a whole map (H, W, C), which waits in ``scale``."""
        if factor is None:
            return self
        return Shares(self.values, self.frame, factor if self.scale is None else self.scale * factor)

    def settled(self) -> Tensor:
        """The shares themselves: (K, height, width, C)."""
        return self.values if self.scale is None else self.frame.times(self.values, self.scale)

    def within(self, frame: WindowFrame) -> Tensor:
        """The shares themselves in other windows, with zeros around; what these leave out is lost."""
        return _moved(self.settled(), self.frame, frame)


def _moved(values: Tensor, old: WindowFrame, new: WindowFrame, out: Tensor | None = None) -> Tensor:
    """The same values in windows that lie elsewhere, added to ``out`` or zeros; what these leave out is lost."""
    shifts = new.corners - old.corners
    together = bool((shifts == shifts[:1]).all())
    if out is None:
        if together and not shifts.any() and (old.height, old.width) == (new.height, new.width):
            return values
        out = values.new_zeros(len(values), new.height, new.width, values.shape[3])
    for k, (down, right) in enumerate(shifts[:1].tolist() if together else shifts.tolist()):
        which = slice(None) if together else slice(k, k + 1)
        y0, y1 = max(down, 0), min(down + new.height, old.height)
        x0, x1 = max(right, 0), min(right + new.width, old.width)
        if y0 < y1 and x0 < x1:
            out[which, y0 - down : y1 - down, x0 - right : x1 - right] += values[which, y0:y1, x0:x1]
    return out


def _frame(first: Places, last: Places, size: Pair) -> WindowFrame:
    """Windows of one size that hold first to last (K, 2), without rows and columns that all have beyond the map."""
    lengths = (last - first).max(0) + 1
    corners = first.copy()
    for axis in range(2):
        if lengths[axis] >= size[axis]:
            corners[:, axis], lengths[axis] = 0, size[axis]
            continue
        over = max(0, int(-corners[:, axis].max()))
        corners[:, axis] += over
        lengths[axis] -= over
        lengths[axis] -= max(0, int(corners[:, axis].min()) + int(lengths[axis]) - size[axis])
    return WindowFrame(corners, *(max(1, int(length)) for length in lengths))


def _around(frames: Sequence[WindowFrame], size: Pair) -> WindowFrame:
    """The smallest frame that holds each window of several."""
    if len(frames) == 1:
        return frames[0]
    first = np.min([frame.corners for frame in frames], axis=0)
    last = np.max([frame.corners + np.array([frame.height, frame.width]) - 1 for frame in frames], axis=0)
    return _frame(first, last, size)


def _met(parts: Sequence[Shares], size: Pair) -> Shares:
    """The sum of shares that came different ways."""
    if len(parts) == 1:
        return parts[0]
    frame = _around([part.frame for part in parts], size)
    total = parts[0].values.new_zeros(len(parts[0].values), frame.height, frame.width, parts[0].values.shape[3])
    for part in parts:
        _moved(part.settled(), part.frame, frame, total)
    return Shares(total, frame)


@dataclass(frozen=True)
class Kernel:
    """A kernel that slides over a map: (row, column) of its size, step, zero padding before, and dilation.

    ``below`` and ``above`` are the sizes of the maps that it reads and writes.
    """

    size: Pair
    stride: Pair
    padding: Pair
    dilation: Pair
    below: Pair
    above: Pair

    @property
    def extent(self) -> Places:
        """From the first to the last pixel that one output reads."""
        return np.array([(n - 1) * gap for n, gap in zip(self.size, self.dilation, strict=True)], dtype=np.int64)

    def reach(self, frame: WindowFrame) -> WindowFrame:
        """The windows above that read anything of windows below."""
        stride, padding = np.array(self.stride), np.array(self.padding)
        ends = frame.corners + np.array([frame.height, frame.width]) - 1
        first = -((self.extent - frame.corners - padding) // stride)
        return _frame(first, (ends + padding) // stride, self.above)

    def source(self, above: WindowFrame) -> WindowFrame:
        """All that windows above read, from the first row and column to the last, padding included."""
        size = (np.array([above.height, above.width]) - 1) * np.array(self.stride) + self.extent + 1
        return WindowFrame(above.corners * np.array(self.stride) - np.array(self.padding), int(size[0]), int(size[1]))


def _kernel(size: Pair, settings: dict[str, Any], context: OperationContext) -> Kernel:
    padding, dilation = settings.get("padding", 0), pair_of(settings.get("dilation", 1))
    if isinstance(padding, str):  # what "same" cannot halve lies behind
        extents = [gap * (n - 1) for n, gap in zip(size, dilation, strict=True)]
        padding = [extent // 2 * (padding == "same") for extent in extents]
    places = (settings.get("stride") or size, padding, dilation)
    shapes = (context.inputs[0].shape[2:], context.output.shape[2:])
    return Kernel(size, *(pair_of(place) for place in places), *((int(s[0]), int(s[1])) for s in shapes))


class Way:
    """How shares pass from one input of an operation to its output; as it stands, unchanged."""

    def reach(self, frame: WindowFrame) -> WindowFrame:
        """The windows above those below."""
        return frame

    def work(self, above: WindowFrame) -> int:
        """Multiply-adds for one window above, or for relevance that comes down through it."""
        return 0

    def __call__(self, shares: Shares) -> Shares:
        return shares


class EntryByEntry(Way):
    """Operations whose every entry rests on the same entry of the inputs: one factor an entry, whatever the rule."""

    def __init__(self, factors: Callable[[], Sequence[Tensor | None]], place: int) -> None:
        self._factors = factors
        self._place = place

    def __call__(self, shares: Shares) -> Shares:
        return shares.times(self._factors()[self._place])


class Padded(Way):
    """Padding by a constant, which moves the windows."""

    def __init__(self, sides: Pair) -> None:
        self._sides = np.array(sides, dtype=np.int64)

    def reach(self, frame: WindowFrame) -> WindowFrame:
        return WindowFrame(frame.corners + self._sides, frame.height, frame.width)

    def __call__(self, shares: Shares) -> Shares:
        return Shares(shares.settled(), self.reach(shares.frame))


class Beside(Way):
    """Concatenation: channels with others before and after."""

    def __init__(self, before: int, after: int) -> None:
        self._sides = before, after

    def __call__(self, shares: Shares) -> Shares:
        return Shares(F.pad(shares.settled(), self._sides), shares.frame)


class Sliding(Way):
    """Base of what slides a kernel over a map."""

    def __init__(self, context: OperationContext, rule: Rule, distribute: bool, kernel: Kernel) -> None:
        self._ingredients = context, rule, distribute
        self._kernel = kernel

    def reach(self, frame: WindowFrame) -> WindowFrame:
        return self._kernel.reach(frame)


class Winner(Sliding):
    """Max pooling: each output takes over the share of its winner."""

    _ingredients: tuple[OperationContext, MaxWinner, bool]

    @cached_property
    def _winners(self) -> Tensor:
        """Row times width plus column of each winner: (H, W, C), int64."""
        return stored(winners(self._ingredients[0]))

    @cached_property
    def _factor(self) -> Tensor | None:
        context, rule, distribute = self._ingredients
        factor = rule.factor(context, distribute)
        return None if factor is None else stored(factor)

    def __call__(self, shares: Shares) -> Shares:
        above = self.reach(shares.frame)
        columns = self._kernel.below[1]
        n, height, width, channels = shares.values.shape
        places = self._winners.new_full((n, above.height, above.width, channels), -1)
        for k, inner, outer in above.pieces(*self._kernel.above):
            chosen = self._winners[outer]
            top, left = shares.frame.corners[k].tolist()
            row, column = chosen // columns - top, chosen % columns - left
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            places[k][inner] = torch.where(inside, row * width + column, -1)
        flat = places.flatten(1, 2)
        taken = shares.values.flatten(1, 2).gather(1, flat.clamp(min=0)).masked_fill_(flat < 0, 0.0)
        scale = shares.scale
        if scale is not None:
            scale = scale.flatten(0, 1).gather(0, self._winners.flatten(0, 1)).reshape(self._winners.shape)
        return Shares(taken.reshape(places.shape), above, scale).times(self._factor)


class Weighted(Sliding):
    """Convolutions and average pooling: the terms of the rule, read upwards."""

    _ingredients: tuple[OperationContext, LinearRule | SumShare, bool]

    @cached_property
    def _stacks(self) -> list[Stack]:
        context, rule, distribute = self._ingredients
        if isinstance(rule, SumShare):
            return [_average(context, rule, distribute, self._kernel)]
        rule.check(context)
        return stored_stacks(context, rule.terms(LinearLayer(context), distribute), self._groups == 1)

    @property
    def _groups(self) -> int:
        context, rule, _ = self._ingredients
        return int(bound(context.operation).get("groups", 1)) if isinstance(rule, LinearRule) else 0

    def work(self, above: WindowFrame) -> int:
        context = self._ingredients[0]
        channels = context.output.shape[1] * (context.inputs[0].shape[1] // self._groups if self._groups else 1)
        return int(np.prod(self._kernel.size)) * channels * above.height * above.width

    def __call__(self, shares: Shares) -> Shares:
        above = self.reach(shares.frame)
        passed = [self._passed(stack, shares, above) for stack in self._stacks]
        if len(passed) == 1 and len(self._stacks[0].factors) == 1:
            return Shares(passed[0], above, self._stacks[0].factors[0])
        total: Tensor | None = None
        for stack, values in zip(self._stacks, passed, strict=True):
            for part, factor in zip(values.chunk(len(stack.factors), dim=3), stack.factors, strict=True):
                product = above.times(part, factor)
                total = product if total is None else total.add_(product)
        assert total is not None
        return Shares(total, above)

    def _passed(self, stack: Stack, shares: Shares, above: WindowFrame) -> Tensor:
        kernel = self._kernel
        frame, padding = self._fitted(shares.frame, above)
        inputs = [shares.times(a).settled() for a in stack.inputs]
        together = _moved(torch.cat(inputs, dim=3) if len(inputs) > 1 else inputs[0], shares.frame, frame)
        maps = together.permute(0, 3, 1, 2)
        groups = self._groups or maps.shape[1]
        return F.conv2d(maps, stack.weight, None, kernel.stride, padding, kernel.dilation, groups).permute(0, 2, 3, 1)

    def _fitted(self, frame: WindowFrame, above: WindowFrame) -> tuple[WindowFrame, Pair]:
        """Windows such that a convolution of them, with equal padding on both sides, gives those above."""
        source = self._kernel.source(above)
        before = (frame.corners - source.corners).min(0)
        sizes = np.array([source.height, source.width])
        after = (source.corners + sizes - frame.corners - np.array([frame.height, frame.width])).min(0)
        padding = np.maximum(0, np.minimum(before, after))
        sizes -= 2 * padding
        return WindowFrame(source.corners + padding, int(sizes[0]), int(sizes[1])), (int(padding[0]), int(padding[1]))


def _average(context: OperationContext, rule: SumShare, distribute: bool, kernel: Kernel) -> Stack:
    """Average pooling as a sum over a window of each channel by itself, with the factors of its rule."""
    a = context.inputs[0]
    inverse, kept = rule.factors(context, distribute)
    pairs = [(a, inverse)] if kept is None else [(a, inverse), (a.abs(), kept)]
    weight = a.new_full((len(pairs) * a.shape[1], 1, *kernel.size), 1 / float(np.prod(kernel.size)))
    return Stack([stored(value) for value, _ in pairs], [stored(factor) for _, factor in pairs], weight)


@dataclass
class Lift:
    """How shares pass an operation: one way from each of its inputs, and what comes by them is added."""

    step: Step
    ways: list[Way]

    @property
    def inputs(self) -> tuple[int, ...]:
        return self.step.context.flows

    @property
    def output(self) -> int:
        return self.step.context.operation.outputs[0]

    @property
    def _size(self) -> Pair:
        height, width = self.step.context.output.shape[2:]
        return int(height), int(width)

    def reach(self, frames: Sequence[WindowFrame]) -> WindowFrame:
        """The windows above those of each input."""
        return _around([way.reach(frame) for way, frame in zip(self.ways, frames, strict=True)], self._size)

    def work(self, above: WindowFrame) -> int:
        """As `Way.work`, with what it costs to read and write the entries."""
        entries = above.height * above.width * sum(int(value.shape[1]) for value in self.step.context.inputs)
        return sum(way.work(above) for way in self.ways) + TOUCH * entries

    def __call__(self, shares: Sequence[Shares | None]) -> Shares:
        """Shares of the output, from those of each input; None for nothing."""
        parts = [way(part) for way, part in zip(self.ways, shares, strict=True) if part is not None]
        return _met(parts, self._size)


TOUCH = 16  # an entry that is read and written costs about as much as so many multiply-adds
UNCHANGED = {"contiguous", "clone", "detach", "alias"}


def lift(step: Step, distribute: bool) -> Lift | None:
    """How shares pass an operation, by its rule; None where they cannot."""
    context = step.context
    values = (*context.inputs, context.output)
    if len(context.operation.outputs) != 1 or any(value.dim() != 4 or value.shape[0] != 1 for value in values):
        return None
    ways = _rearranged(context) if step.rule is None else _shared(context, step.rule, distribute)
    return None if ways is None else Lift(step, ways)


def _rearranged(context: OperationContext) -> list[Way] | None:
    if context.function in UNCHANGED:
        return [Way()]
    if context.function == "pad":
        sides = padding_before(context)
        return None if sides is None or min(context.operation.named("input", "pad")["pad"]) < 0 else [Padded(sides)]
    if context.function == "cat":
        settings = context.operation.named("tensors", "dim", dim=0)
        nodes = [item.node if isinstance(item, Ref) else -1 for item in settings["tensors"]]
        if settings["dim"] not in (1, -3) or nodes != list(context.flows):
            return None  # along another axis, or with constants or a value twice
        ends = np.cumsum([value.shape[1] for value in context.inputs]).tolist()
        return [
            Beside(end - int(value.shape[1]), ends[-1] - end) for end, value in zip(ends, context.inputs, strict=True)
        ]
    return None


def _shared(context: OperationContext, rule: Rule, distribute: bool) -> list[Way] | None:
    if all(value.shape == context.output.shape for value in context.inputs):
        if isinstance(rule, Pass):
            return [Way()]
        if is_pointwise(context, distribute):
            factors = cache(lambda: Pointwise(context, rule, distribute).factors)
            return [EntryByEntry(factors, i) for i in range(len(context.inputs))]
    if context.function == "conv2d" and isinstance(rule, LinearRule):
        arguments = bound(context.operation)
        kernel = _kernel(pair_of(arguments["weight"].shape[2:]), {"stride": 1, **arguments}, context)
        return [Weighted(context, rule, distribute, kernel)]
    settings = pool_settings(context)
    if settings is None:
        return None
    kernel = _kernel(pair_of(settings["kernel_size"]), settings, context)
    if context.function == "max_pool2d" and isinstance(rule, MaxWinner):
        return [Winner(context, rule, distribute, kernel)]
    if context.function == "avg_pool2d" and isinstance(rule, SumShare):
        even = not settings.get("ceil_mode") and settings.get("divisor_override") is None
        even = even and (kernel.padding == (0, 0) or settings.get("count_include_pad", True))
        return [Weighted(context, rule, distribute, kernel)] if even else None
    return None
