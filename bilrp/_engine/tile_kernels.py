r"""Which share of every neuron's relevance will end in each tile of the input, found on a forward pass in windows.

With the activations fixed, relevance falls through a layer by a matrix of shares, :math:`R_j = \sum_k B_{jk} R_k`. The
relevance that a tile t of the input collects is :math:`\sum_j S_{tj} R_j` with S its indicator, so what it collects
from the neurons above is given by :math:`(S B)_{tk} = \sum_j S_{tj} B_{jk}`: the indicator pushed *up*. A rule whose
terms take relevance down by ``a * transpose_w(factor * R)`` takes shares up by ``factor * forward_w(a * u)``, an
ordinary convolution of maps that are zero but for a small window around the tile. Both directions read the same terms
of the rule (`bilrp.rules.LinearRule.terms`).

Here are the operations that shares can pass: two-dimensional convolutions and average pooling, max pooling by its
winners, and whatever works entry by entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from bilrp._engine.propagation import Step
from bilrp._engine.windows import POINTWISE, Pointwise, WindowFrame, stacked, stored
from bilrp._trace.layers import LinearLayer, bound, pool_settings, winners
from bilrp._trace.operations import OperationContext, pair_of
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


def _moved(values: Tensor, old: WindowFrame, new: WindowFrame) -> Tensor:
    """The same values in windows that lie elsewhere, with zeros around; what these leave out is lost."""
    if (old.corners == new.corners).all() and (old.height, old.width) == (new.height, new.width):
        return values
    out = values.new_zeros(len(values), new.height, new.width, values.shape[3])
    for k, (down, right) in enumerate((new.corners - old.corners).tolist()):
        y0, y1 = max(down, 0), min(down + new.height, old.height)
        x0, x1 = max(right, 0), min(right + new.width, old.width)
        if y0 < y1 and x0 < x1:
            out[k, y0 - down : y1 - down, x0 - right : x1 - right] = values[k, y0:y1, x0:x1]
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


def _kernel(size: Pair, settings: dict[str, Any], context: OperationContext) -> Kernel | None:
    """The kernel of an operation; None where it pads by name."""
    padding = settings.get("padding", 0)
    if isinstance(padding, str):
        return None
    places = (settings.get("stride") or size, padding, settings.get("dilation", 1))
    shapes = (context.inputs[0].shape[2:], context.output.shape[2:])
    return Kernel(size, *(pair_of(place) for place in places), *((int(s[0]), int(s[1])) for s in shapes))


class Upsample(Protocol):
    """How shares pass one operation."""

    def reach(self, frame: WindowFrame) -> WindowFrame:
        """The windows above those below."""
        ...

    def work(self, above: WindowFrame) -> int:
        """Multiply-adds for one window above, or for relevance that comes down through it."""
        ...

    def __call__(self, shares: Shares) -> Shares: ...


class EntryByEntry:
    """Operations whose every entry rests on the same entry of the input: one factor an entry, whatever the rule."""

    def __init__(self, context: OperationContext, rule: Rule, distribute: bool) -> None:
        self._ingredients = context, rule, distribute

    @cached_property
    def _factor(self) -> Tensor | None:
        context, rule, distribute = self._ingredients
        return None if isinstance(rule, Pass) else Pointwise(context, rule, distribute).factors[0]

    def reach(self, frame: WindowFrame) -> WindowFrame:
        return frame

    def work(self, above: WindowFrame) -> int:
        return 0

    def __call__(self, shares: Shares) -> Shares:
        return shares.times(self._factor)


class Winner:
    """Max pooling: each output takes over the share of its winner."""

    def __init__(self, context: OperationContext, rule: MaxWinner, distribute: bool, kernel: Kernel) -> None:
        self._ingredients = context, rule, distribute
        self._kernel = kernel

    @cached_property
    def _winners(self) -> Tensor:
        """Row times width plus column of each winner: (H, W, C), int64."""
        return stored(winners(self._ingredients[0]))

    @cached_property
    def _factor(self) -> Tensor | None:
        context, rule, distribute = self._ingredients
        factor = rule.factor(context, distribute)
        return None if factor is None else stored(factor)

    def reach(self, frame: WindowFrame) -> WindowFrame:
        return self._kernel.reach(frame)

    def work(self, above: WindowFrame) -> int:
        return 0

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


class Weighted:
    """Convolutions and average pooling: the terms of the rule, read upwards."""

    def __init__(
        self, context: OperationContext, rule: LinearRule | SumShare, distribute: bool, kernel: Kernel
    ) -> None:
        self._ingredients = context, rule, distribute
        self._kernel = kernel
        channels = context.inputs[0].shape[1], context.output.shape[1]
        self._grouped = isinstance(rule, SumShare)
        self._work = int(np.prod(kernel.size)) * channels[1] * (1 if self._grouped else channels[0])

    @cached_property
    def _stack(self) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """Maps to multiply with below (H, W, C) and above, and one weight that leads from all of those to all these."""
        context, rule, distribute = self._ingredients
        if isinstance(rule, SumShare):
            return _average(context, rule, distribute, self._kernel)
        rule.check(context)
        return stacked(context, rule.terms(LinearLayer(context), distribute))

    def reach(self, frame: WindowFrame) -> WindowFrame:
        return self._kernel.reach(frame)

    def work(self, above: WindowFrame) -> int:
        return self._work * above.height * above.width

    def __call__(self, shares: Shares) -> Shares:
        below, factors, weight = self._stack
        above = self.reach(shares.frame)
        frame, padding = self._fitted(shares.frame, above)
        inputs = [shares.times(a).settled() for a in below]
        together = _moved(torch.cat(inputs, dim=3) if len(inputs) > 1 else inputs[0], shares.frame, frame)
        groups = together.shape[3] if self._grouped else 1
        kernel = self._kernel
        sums = F.conv2d(together.permute(0, 3, 1, 2), weight, None, kernel.stride, padding, kernel.dilation, groups)
        values = sums.permute(0, 2, 3, 1)
        if len(factors) == 1:
            return Shares(values, above, factors[0])
        parts = values.chunk(len(factors), dim=3)
        total = above.times(parts[0], factors[0])
        for part, factor in zip(parts[1:], factors[1:], strict=True):
            total += above.times(part, factor)
        return Shares(total, above)

    def _fitted(self, frame: WindowFrame, above: WindowFrame) -> tuple[WindowFrame, Pair]:
        """Windows such that a convolution of them, with equal padding on both sides, gives those above."""
        source = self._kernel.source(above)
        before = (frame.corners - source.corners).min(0)
        sizes = np.array([source.height, source.width])
        after = (source.corners + sizes - frame.corners - np.array([frame.height, frame.width])).min(0)
        padding = np.maximum(0, np.minimum(before, after))
        sizes -= 2 * padding
        return WindowFrame(source.corners + padding, int(sizes[0]), int(sizes[1])), (int(padding[0]), int(padding[1]))


def _average(
    context: OperationContext, rule: SumShare, distribute: bool, kernel: Kernel
) -> tuple[list[Tensor], list[Tensor], Tensor]:
    """Average pooling as a sum over a window of each channel by itself, with the factors of its rule."""
    a = context.inputs[0]
    inverse, kept = rule.factors(context, distribute)
    pairs = [(a, inverse)] if kept is None else [(a, inverse), (a.abs(), kept)]
    weight = a.new_full((len(pairs) * a.shape[1], 1, *kernel.size), 1 / float(np.prod(kernel.size)))
    return [stored(value) for value, _ in pairs], [stored(factor) for _, factor in pairs], weight


def upsample(step: Step, distribute: bool) -> Upsample | None:
    """How shares pass an operation, by its rule; None where they cannot."""
    context, rule = step.context, step.rule
    if len(context.inputs) != 1 or len(context.operation.outputs) != 1 or rule is None:
        return None
    if context.inputs[0].dim() != 4 or context.output.dim() != 4:
        return None
    if context.inputs[0].shape == context.output.shape and (isinstance(rule, Pass) or context.function in POINTWISE):
        return EntryByEntry(context, rule, distribute)
    if context.function == "conv2d" and isinstance(rule, LinearRule):
        arguments = bound(context.operation)
        kernel = _kernel(pair_of(arguments["weight"].shape[2:]), {"stride": 1, **arguments}, context)
        plain = arguments.get("groups", 1) == 1
        return Weighted(context, rule, distribute, kernel) if plain and kernel is not None else None
    settings = pool_settings(context)
    kernel = None if settings is None else _kernel(pair_of(settings["kernel_size"]), settings, context)
    if settings is None or kernel is None:
        return None
    if context.function == "max_pool2d" and isinstance(rule, MaxWinner):
        return Winner(context, rule, distribute, kernel)
    if context.function == "avg_pool2d" and isinstance(rule, SumShare):
        even = not settings.get("ceil_mode") and settings.get("divisor_override") is None
        even = even and (kernel.padding == (0, 0) or settings.get("count_include_pad", True))
        return Weighted(context, rule, distribute, kernel) if even else None
    return None
