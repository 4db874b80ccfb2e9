"""How relevance in windows passes each operation of a fully convolutional network; `bilrp.places` sends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from bilrp._trace.layers import CONVOLUTION_DEFAULTS, LinearLayer, Stack, bound, stacked
from bilrp._trace.operations import ELEMENTWISE, OperationContext, pair_of
from bilrp.exceptions import InputError, UnsupportedOperationError
from bilrp.rules import LinearRule, Pass, Rule, SumShare, Term

POINTWISE = ELEMENTWISE | {"add", "sub", "rsub", "mul", "div", "minimum", "maximum", "fmin", "fmax"}
LINEAR_MODES = {"bilinear": "linear", "nearest": "nearest", "nearest-exact": "nearest-exact"}
Slices = tuple[slice, slice]


@dataclass(frozen=True)
class WindowFrame:
    """Where a batch of windows lies in a map: corners (K, 2) as (row, column), perhaps outside it, and one size."""

    corners: npt.NDArray[np.int64]
    height: int
    width: int

    def pieces(self, rows: int, columns: int) -> Iterator[tuple[int, Slices, Slices]]:
        """The part of each window that lies in a map: its number, the slices of the window, and those of the map."""
        for k, (top, left) in enumerate(self.corners.tolist()):
            y0, y1 = max(top, 0), min(top + self.height, rows)
            x0, x1 = max(left, 0), min(left + self.width, columns)
            if y0 < y1 and x0 < x1:
                inner = slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)
                yield k, inner, (slice(y0, y1), slice(x0, x1))

    def cut(self, whole: Tensor) -> Tensor:
        """Each window of a map (H, W, C), which is zero beyond its edges: (K, height, width, C)."""
        sides = ((self.height, whole.shape[0]), (self.width, whole.shape[1]))
        axes = [self.corners[:, i : i + 1] + np.arange(length) for i, (length, _) in enumerate(sides)]
        within = [(axis >= 0) & (axis < size) for axis, (_, size) in zip(axes, sides, strict=True)]
        rows, columns = (
            torch.from_numpy(axis.clip(0, size - 1)).to(whole.device)
            for axis, (_, size) in zip(axes, sides, strict=True)
        )
        places = rows[:, :, None] * whole.shape[1] + columns[:, None]
        windows = whole.flatten(0, 1).index_select(0, places.flatten()).view(*places.shape, whole.shape[2])
        if not (within[0].all() and within[1].all()):
            down, across = (torch.from_numpy(inside).to(whole.device) for inside in within)
            windows.mul_((down[:, :, None] & across[:, None])[..., None])
        return windows

    def times(self, relevance: Tensor, whole: Tensor, out: Tensor | None = None) -> Tensor:
        """Relevance (K, height, width, C) times a map (H, W, C), which is zero beyond its edges."""
        windows = self.cut(whole)
        return torch.mul(relevance, windows, out=windows if out is None else out)

    def joined(self, other: WindowFrame) -> WindowFrame:
        """The smallest frame around two; their corners must differ by the same in every window."""
        shift = other.corners - self.corners
        if not (shift == shift[:1]).all():
            raise InputError("windows that meet have drifted apart: the network's strides do not fit each other")
        corners = np.minimum(self.corners, other.corners)
        ends = [
            np.maximum(self.corners[0, i] + mine, other.corners[0, i] + theirs) - corners[0, i]
            for i, (mine, theirs) in enumerate(((self.height, other.height), (self.width, other.width)))
        ]
        return WindowFrame(corners, int(ends[0]), int(ends[1]))


Flow = tuple[Tensor, WindowFrame]  # relevance (K, height, width, C), and where it lies
BackwardMap = Callable[[Tensor, WindowFrame], list[Flow]]


def stored(maps: Tensor) -> Tensor:
    """(1, C, H, W) as (H, W, C), so that a row of a window is one piece of memory."""
    return maps[0].permute(1, 2, 0).contiguous()


def stored_stacks(context: OperationContext, terms: Sequence[Term], together: bool) -> list[Stack]:
    """The terms of a rule for a convolution as few convolutions, with maps of (H, W, C); see `stacked`."""
    below, above = context.inputs[0].shape, context.output.shape
    return [
        Stack(
            [stored(a.expand(below)) for a in stack.inputs],
            [stored(factor.expand(above)) for factor in stack.factors],
            stack.weight.contiguous(memory_format=torch.channels_last),
        )
        for stack in stacked([(term.factor, term.parts) for term in terms], together)
    ]


class Convolution:
    """R_j = sum over terms and parts (a, w) of a_j transpose_w(factor R)_j, all in one transposed convolution."""

    def __init__(self, context: OperationContext, rule: LinearRule, distribute: bool) -> None:
        rule.check(context)
        settings = bound(context.operation)
        if isinstance(settings.get("padding", 0), str):
            raise unsupported(context, "a convolution with padding by name")
        self._groups = settings.get("groups", 1)
        self._stride, self._padding, self._dilation = (
            pair_of(settings.get(key, default)) for key, default in CONVOLUTION_DEFAULTS.items()
        )
        layer = LinearLayer(context)
        self._stacks = stored_stacks(context, rule.terms(layer, distribute), self._groups == 1)
        self.work = sum(stack.weight.numel() for stack in self._stacks)
        """Multiplications for each place of the map above."""

    def __call__(self, relevance: Tensor, frame: WindowFrame) -> list[Flow]:
        pulled = [self._pulled(stack, relevance, frame) for stack in self._stacks]
        corners = frame.corners * np.array(self._stride) - np.array(self._padding)
        below = WindowFrame(corners, *pulled[0].shape[1:3])
        total: Tensor | None = None
        for stack, parts in zip(self._stacks, pulled, strict=True):
            for part, a in zip(parts.chunk(len(stack.inputs), dim=-1), stack.inputs, strict=True):
                product = below.times(part, a)
                total = product if total is None else total.add_(product)
        assert total is not None
        return [(total, below)]

    def _pulled(self, stack: Stack, relevance: Tensor, frame: WindowFrame) -> Tensor:
        channels = relevance.shape[-1]
        above = relevance.new_zeros(*relevance.shape[:3], channels * len(stack.factors))
        for part, factor in zip(above.split(channels, dim=-1), stack.factors, strict=True):
            frame.times(relevance, factor, part)
        pulled = F.conv_transpose2d(
            *(above.permute(0, 3, 1, 2), stack.weight, None, self._stride, 0, 0, self._groups, self._dilation)
        )
        return pulled.permute(0, 2, 3, 1)


def is_pointwise(context: OperationContext, distribute: bool) -> bool:
    """Whether every entry rests on the same entry of the inputs, and gives its relevance to no other."""
    shifted = context.function == "batch_norm" or (context.kind == "sum" and len(context.inputs) == 1)
    if distribute and shifted and bool((context.inputs[0] == 0).any()):
        return False  # what a shift holds of an entry that is 0 goes to the others of its channel
    if context.function == "batch_norm":
        return not any(item is True for item in (*context.operation.args, context.operation.kwargs.get("training")))
    return context.function in POINTWISE


class Pointwise:
    """Operations whose every entry rests on the same entry of the inputs: one factor an entry, whatever the rule."""

    def __init__(self, context: OperationContext, rule: Rule, distribute: bool) -> None:
        if any(value.shape != context.output.shape for value in context.inputs):
            raise unsupported(context, "an operation that broadcasts its input")
        factors = rule.prepare(context, distribute)(torch.ones_like(context.output)[None])
        self.factors = [None if bool((factor == 1).all()) else stored(factor[0]) for factor in factors]

    def __call__(self, relevance: Tensor, frame: WindowFrame) -> list[Flow]:
        return [(relevance if f is None else frame.times(relevance, f), frame) for f in self.factors]


class Interpolation:
    """Separable resizing: one matrix for rows, one for columns, cut to each window."""

    def __init__(self, context: OperationContext, rule: SumShare, distribute: bool) -> None:
        names = ("input", "size", "scale_factor", "mode", "align_corners")
        settings = context.operation.named(*names, mode="nearest")
        small, large = context.inputs[0].shape[2:], context.output.shape[2:]
        if settings["mode"] not in LINEAR_MODES or any(n % m for n, m in zip(large, small, strict=True)):
            raise unsupported(context, "an interpolation by other than whole factors")
        self.scale = (large[0] // small[0], large[1] // small[1])
        self._small = small
        self._matrices = [
            F.interpolate(
                torch.eye(m, dtype=context.output.dtype, device=context.output.device)[None],
                size=n,
                mode=LINEAR_MODES[settings["mode"]],
                align_corners=settings.get("align_corners"),
            )[0].T.contiguous()
            for n, m in zip(large, small, strict=True)
        ]  # (large, small) each
        inverse, kept = rule.factors(context, distribute)
        a = context.inputs[0]
        pairs = [(a, inverse)] + ([] if kept is None else [(a.abs(), kept)])
        self._pairs = [(stored(value), stored(factor)) for value, factor in pairs]

    def __call__(self, relevance: Tensor, frame: WindowFrame) -> list[Flow]:
        starts = frame.corners // np.array(self.scale) - 1
        sizes = [extent // scale + 3 for extent, scale in zip((frame.height, frame.width), self.scale, strict=True)]
        below = WindowFrame(starts, *sizes)
        rows, columns = (
            self._cut(matrix, frame.corners[:, i], starts[:, i], (extent, sizes[i]))
            for i, (matrix, extent) in enumerate(zip(self._matrices, (frame.height, frame.width), strict=True))
        )
        total = relevance.new_zeros(())
        for value, factor in self._pairs:
            above = frame.times(relevance, factor)
            total = total + below.times(torch.einsum("kyi,kyxc,kxj->kijc", rows, above, columns), value)
        return [(total, below)]

    @staticmethod
    def _cut(
        matrix: Tensor, above: npt.NDArray[np.int64], below: npt.NDArray[np.int64], size: tuple[int, int]
    ) -> Tensor:
        """The part of an interpolation matrix that belongs to each window: (K, *size)."""
        frame = WindowFrame(np.stack([above, below], 1), *size)
        return frame.times(matrix.new_ones(len(above), *size, 1), matrix[..., None])[..., 0]


def unsupported(context: OperationContext, what: str) -> UnsupportedOperationError:
    return UnsupportedOperationError(
        f"{context.name} ({context.function}): {what} cannot be passed in windows. Use explain_outputs: it "
        f"sends whole maps."
    )


def way_through(context: OperationContext, rule: Rule | None, distribute: bool) -> BackwardMap:
    """How relevance passes one operation in windows."""
    if context.kind == "linear" and context.function == "conv2d" and isinstance(rule, LinearRule):
        return Convolution(context, rule, distribute)
    if isinstance(rule, Pass) and context.inputs[0].shape == context.output.shape:
        return lambda relevance, frame: [(relevance, frame)]
    if rule is not None and is_pointwise(context, distribute):
        return Pointwise(context, rule, distribute)
    if context.function in {"interpolate", "upsample"} and isinstance(rule, SumShare):
        return Interpolation(context, rule, distribute)
    if rule is None and context.function == "pad" and (sides := padding_before(context)) is not None:
        shift = np.array(sides)
        return lambda relevance, frame: [(relevance, WindowFrame(frame.corners - shift, frame.height, frame.width))]
    raise unsupported(context, "this operation")


def padding_before(context: OperationContext) -> tuple[int, int] | None:
    """Rows above and columns to the left that a padding by a constant adds; None for another padding."""
    settings = context.operation.named("input", "pad", "mode", "value", mode="constant")
    sides = [*settings["pad"], 0, 0, 0, 0][:4]
    return (sides[2], sides[0]) if settings["mode"] == "constant" and len(settings["pad"]) <= 4 else None
