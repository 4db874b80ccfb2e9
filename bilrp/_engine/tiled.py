r"""Pooled relevance without full-resolution maps: shares of tiles go up, relevance comes down, and they meet.

:math:`L = B_1 \cdots B_n` takes relevance from the top to the input, T holds what starts at the top (features x M), S
sums over tiles. Wanted is :math:`S L T`. From the right it is M backward passes over whole maps; from the left it is a
forward pass of one small window for each tile, until windows have grown over the image. So the product is split,
:math:`(S B_1 \cdots B_c)(B_{c+1} \cdots B_n T)`, at the operation c where the counted multiply-adds of both ways
together are least. Shares pass a chain of operations upwards from the input; where the network branches, or comes to an
operation that they cannot pass, relevance comes down to there. With c = 0 it is the dense way. Where shares reach the
embedding they are the answer for each of its features: then the similarity of ten thousands of features costs no more
than that of a hundred, and no random projection is needed.

On the way up: with the activations fixed, relevance falls through a layer by a matrix of shares,
:math:`R_j = \sum_k B_{jk} R_k`. The relevance that a tile t of the input collects is :math:`\sum_j S_{tj} R_j` with S
its indicator, so what it collects from the neurons above is given by :math:`(S B)_{tk} = \sum_j S_{tj} B_{jk}`: the
indicator pushed *up*. A rule whose terms take relevance down by ``a * transpose_w(factor * R)`` takes shares up by
``factor * forward_w(a * u)``, an ordinary convolution of maps that are zero but for a small window around the tile.
Both directions read the same terms of the rule (`bilrp.rules.LinearRule.terms`). Shares can pass two-dimensional
convolutions and average pooling, max pooling by its winners, and whatever works entry by entry.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from bilrp._engine.propagation import Plan, Step, propagate
from bilrp._engine.windows import Pointwise, WindowFrame, is_pointwise, stored, stored_stacks
from bilrp._trace.layers import LinearLayer, Stack, bound, pool_settings, winners
from bilrp._trace.operations import OperationContext, pair_of
from bilrp.joint import tile_sums
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


class Upsample:
    """How shares pass one operation; ``kernel`` is None where every entry rests on the same entry of the input."""

    def __init__(self, context: OperationContext, rule: Rule, distribute: bool, kernel: Kernel | None = None) -> None:
        self._ingredients = context, rule, distribute
        self._kernel = kernel

    def reach(self, frame: WindowFrame) -> WindowFrame:
        """The windows above those below."""
        return frame if self._kernel is None else self._kernel.reach(frame)

    def work(self, above: WindowFrame) -> int:
        """Multiply-adds for one window above, or for relevance that comes down through it."""
        return 0

    def __call__(self, shares: Shares) -> Shares:
        raise NotImplementedError


class EntryByEntry(Upsample):
    """Operations whose every entry rests on the same entry of the input: one factor an entry, whatever the rule."""

    @cached_property
    def _factor(self) -> Tensor | None:
        context, rule, distribute = self._ingredients
        return None if isinstance(rule, Pass) else Pointwise(context, rule, distribute).factors[0]

    def __call__(self, shares: Shares) -> Shares:
        return shares.times(self._factor)


class Winner(Upsample):
    """Max pooling: each output takes over the share of its winner."""

    _ingredients: tuple[OperationContext, MaxWinner, bool]
    _kernel: Kernel

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


class Weighted(Upsample):
    """Convolutions and average pooling: the terms of the rule, read upwards."""

    _ingredients: tuple[OperationContext, LinearRule | SumShare, bool]
    _kernel: Kernel

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


def upsample(step: Step, distribute: bool) -> Upsample | None:
    """How shares pass an operation, by its rule; None where they cannot."""
    context, rule = step.context, step.rule
    if len(context.inputs) != 1 or len(context.operation.outputs) != 1 or rule is None:
        return None
    if context.inputs[0].dim() != 4 or context.output.dim() != 4:
        return None
    if context.inputs[0].shape == context.output.shape and (
        isinstance(rule, Pass) or is_pointwise(context, distribute)
    ):
        return EntryByEntry(context, rule, distribute)
    if context.function == "conv2d" and isinstance(rule, LinearRule):
        arguments = bound(context.operation)
        kernel = _kernel(pair_of(arguments["weight"].shape[2:]), {"stride": 1, **arguments}, context)
        return None if kernel is None else Weighted(context, rule, distribute, kernel)
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


MAX_WINDOWS = 32  # more windows at a time gain nothing on a CPU
SAME_ORDER = {"flatten", "view", "reshape", "ravel", "squeeze", "unsqueeze"}
WORKING_COPIES = 4  # a window below and above, its products with factors
AT_REST = 4  # shares that wait at the cut may take so many times the memory of what travels


@dataclass
class Top:
    """Where the relevance of each explanation starts: phi_m at its own place, or its share of a projected output."""

    phi: Tensor
    mixing: Tensor | None

    def __len__(self) -> int:
        return self.phi.numel() if self.mixing is None else self.mixing.shape[0]

    @property
    def single(self) -> Tensor | None:
        """The embedding, where each explanation is one of its features."""
        return self.phi if self.mixing is None else None

    @property
    def outputs(self) -> Tensor:
        return self.phi.clone() if self.mixing is None else self.mixing @ self.phi

    def __call__(self, rows: range) -> Tensor:
        """Relevance at the embedding for some explanations: (K, 1, M)."""
        if self.mixing is not None:
            return (self.mixing[rows.start : rows.stop] * self.phi)[:, None]
        top = self.phi.new_zeros(len(rows), 1, self.phi.numel())
        index = torch.arange(len(rows), device=self.phi.device)
        top[index, 0, index + rows.start] = self.phi[rows.start : rows.stop]
        return top


@dataclass(frozen=True)
class Tiles:
    """A grid of square tiles over an image; those at the far edges may be smaller."""

    size: int
    height: int
    width: int

    @property
    def shape(self) -> tuple[int, int]:
        return -(-self.height // self.size), -(-self.width // self.size)

    def batches(self, limit: int) -> Iterator[tuple[slice, WindowFrame]]:
        """Up to ``limit`` neighbours of one row at a time: their numbers, and their windows."""
        rows, columns = self.shape
        for row in range(rows):
            for start in range(0, columns, limit):
                stop = min(start + limit, columns)
                corners = self.size * np.stack([np.full(stop - start, row), np.arange(start, stop)], 1)
                height, width = min(self.size, self.height), min(self.size, self.width)
                yield slice(row * columns + start, row * columns + stop), WindowFrame(corners, height, width)


@dataclass(frozen=True)
class Split:
    """Where the two ways meet: above the first ``n_lifts`` operations of the chain."""

    n_lifts: int
    work: int
    """Multiply-adds of both ways and of their product."""
    held: int
    """Entries of all windows at the meeting point."""
    largest: int
    """Entries of the largest window on the way there."""


def chain(plan: Plan) -> list[tuple[Step, Upsample]]:
    """The operations above the input that shares can pass one after the other, the lowest first."""
    users = Counter(node for step in plan.steps for node in step.context.flows)
    users[plan.tape.output_node] += 1  # relevance starts there
    node = plan.tape.input_node
    found = []
    for step in reversed(plan.steps):
        passed = upsample(step, plan.distribute)
        if passed is None or step.context.flows != (node,) or users[node] != 1:
            break
        found.append((step, passed))
        node = step.context.operation.outputs[0]
    return found


def cuts(plan: Plan, links: list[tuple[Step, Upsample]], tiles: Tiles, n_rows: int) -> list[Split]:
    """What it would cost to meet at each place of the chain; the first is the dense way, as far as the chain goes."""
    x = plan.tape.values[plan.tape.input_node]
    frames = [(frame, len(frame.corners)) for _, frame in tiles.batches(MAX_WINDOWS)]
    down = [n_rows * passed.work(_whole(step.context.output)) for step, passed in links]
    up, watched, largest = 0, 0, _entries(frames[0][0], x)
    found = [Split(0, sum(down), 0, 0)]
    for n, (step, passed) in enumerate(links, start=1):
        frames = [(passed.reach(frame), count) for frame, count in frames]
        up += sum(count * passed.work(frame) for frame, count in frames)
        up += watched * passed.work(_whole(step.context.output))
        watched += _keeps(step)
        largest = max(largest, *(_entries(frame, step.context.output) for frame, _ in frames))
        held = sum(count * _entries(frame, step.context.output) for frame, count in frames)
        found.append(Split(n, up + sum(down[n:]) + n_rows * held, held, largest))
    return found


def cheapest(found: list[Split], max_held: int) -> Split:
    """The cut with the least work among those whose windows fit into memory; the dense way holds none."""
    return min((cut for cut in found if cut.held <= max_held), key=lambda cut: cut.work)


def _whole(maps: Tensor) -> WindowFrame:
    return WindowFrame(np.zeros((1, 2), dtype=np.int64), int(maps.shape[2]), int(maps.shape[3]))


def _entries(frame: WindowFrame, maps: Tensor) -> int:
    return frame.height * frame.width * int(maps.shape[1])


def _keeps(step: Step) -> bool:
    return step.rule is not None and not step.rule.keeps_nothing


def propagate_pooled(plan: Plan, top: Top, size: int, memory: int) -> Tensor:
    """Relevance of an image summed over channels and tiles, for everything that starts at the top.

    Parameters
    ----------
    plan : Plan
        Of a pass over one image (1, C, H, W).
    top : Top
        The M explanations.
    size : int
        Side of a tile in pixels.
    memory : int
        Bytes that what travels may take; the shares that wait at the cut may take `AT_REST` times as much.

    Returns
    -------
    Tensor of shape (M, rows, columns)
    """
    x = plan.tape.values[plan.tape.input_node]
    tiles = Tiles(size, int(x.shape[2]), int(x.shape[3]))
    links = chain(plan)
    best = cheapest(cuts(plan, links, tiles, len(top)), AT_REST * memory // x.element_size())
    lifts = links[: best.n_lifts]
    n_steps = len(plan.steps) - best.n_lifts
    meeting: JunctionPlan | None = None
    if lifts:
        limit = int(np.clip(memory // (best.largest * WORKING_COPIES * x.element_size()), 1, MAX_WINDOWS))
        meeting = JunctionPlan(x, lifts, tiles, limit)
    if meeting is not None and top.single is not None and _keeps_order(plan.steps[:n_steps]):
        plan.arrived = plan.arrived + top.single.abs().sum().double()
        values = meeting.each(top.single).reshape(-1, *tiles.shape)
        plan.passed_on(values, float(any(step.approximates for step, _ in lifts)))
        return values
    out = []
    for rows in plan.chunks(len(top), memory, n_steps):
        relevance = propagate(plan, top(rows), n_steps)[:, 0]
        if meeting is None:
            out.append(tile_sums(relevance.sum(1), size))
        else:
            out.append(meeting.collect(relevance).reshape(-1, *tiles.shape))
    return torch.cat(out)


def _keeps_order(steps: list[Step]) -> bool:
    """Whether steps only change how the entries of a value are arranged, each staying the n-th."""
    return all(step.context.function in SAME_ORDER and len(step.context.flows) == 1 for step in steps)


class JunctionPlan:
    """What each tile gets from each neuron at the cut, ready to be multiplied with the relevance there.

    Parameters
    ----------
    x : Tensor of shape (1, C, H, W)
        The image.
    links : list of (Step, Upsample)
        The operations between the image and the cut.
    tiles : Tiles
    limit : int
        How many windows travel together.
    """

    def __init__(self, x: Tensor, links: list[tuple[Step, Upsample]], tiles: Tiles, limit: int) -> None:
        self._tiles = tiles
        self._batches: list[tuple[slice, Shares]] = []
        ones = x.new_ones(*x.shape[2:], x.shape[1])
        for numbers, frame in tiles.batches(limit):
            values = ones.new_ones(len(frame.corners), frame.height, frame.width, ones.shape[2])
            shares = Shares(frame.times(values, ones), frame)
            for _, passed in links:
                shares = passed(shares)
            self._batches.append((numbers, Shares(shares.settled(), shares.frame)))
        self._output = links[-1][0].context.output
        self._keeping = [step for step, _ in links if _keeps(step)]
        self._sums = self._watch(x, links)

    def _watch(self, x: Tensor, links: list[tuple[Step, Upsample]]) -> Tensor:
        """Which share of each neuron at the cut comes through to right above each operation that keeps something.

        One whole map for each, as if the network began there: (n, H, W, C).
        """
        shares: Shares | None = None
        for step, passed in links:
            shares = None if shares is None else passed(shares)
            if not _keeps(step):
                continue
            frame = _whole(step.context.output)
            ones = x.new_ones(1, frame.height, frame.width, step.context.output.shape[1])
            values = ones if shares is None else torch.cat([shares.settled(), ones])
            shares = Shares(values, WindowFrame(np.zeros((len(values), 2), dtype=np.int64), frame.height, frame.width))
        return x.new_zeros(0) if shares is None else shares.settled()

    def collect(self, relevance: Tensor) -> Tensor:
        """Relevance at the cut (K, C, H, W) to that of tiles (K, n_tiles)."""
        relevance = relevance.permute(0, 2, 3, 1)
        rows, columns = self._tiles.shape
        out = relevance.new_zeros(len(relevance), rows * columns)
        for numbers, shares in self._batches:
            _multiply(relevance, shares, out[:, numbers])
        if self._keeping:
            self._account(out, relevance.flatten(1) @ self._sums.flatten(1).T)
        return out

    def each(self, embedding: Tensor) -> Tensor:
        """Relevance of tiles (M, n_tiles) where explanation m is entry m of the cut alone, of embedding (M,).

        No product is needed: the shares themselves, times what starts there.
        """
        shape = self._output.shape[1:]
        rows, columns = self._tiles.shape
        out = embedding.new_empty(len(embedding), rows * columns)
        for numbers, shares in self._batches:
            whole = embedding.new_zeros(len(shares.values), *shape[1:], shape[0])
            for k, inner, outer in shares.frame.pieces(*shape[1:]):
                whole[k][outer] = shares.values[k][inner]
            torch.mul(whole.permute(0, 3, 1, 2).flatten(1).T, embedding[:, None], out=out[:, numbers])
        if self._keeping:
            self._account(out, self._sums.permute(0, 3, 1, 2).flatten(1).T * embedding[:, None])
        return out

    def _account(self, out: Tensor, through: Tensor) -> None:
        """Note what each operation kept, from what arrived at tiles (K, n_tiles) and what came through (K, n)."""
        arrived = out.double().sum(1)
        for step, above in zip(self._keeping, through.double().T, strict=True):
            step.kept = step.kept + (above - arrived).abs().sum()
            arrived = above


def _multiply(relevance: Tensor, shares: Shares, out: Tensor) -> None:
    """``out`` (K, n) becomes relevance (K, H, W, C) times the shares of n windows, within the box around them."""
    pieces = list(shares.frame.pieces(*relevance.shape[1:3]))
    if not pieces:
        return
    top, left = (min(outer[axis].start for _, _, outer in pieces) for axis in range(2))
    bottom, right = (max(outer[axis].stop for _, _, outer in pieces) for axis in range(2))
    boxed = shares.values.new_zeros(len(shares.values), bottom - top, right - left, relevance.shape[3])
    for k, inner, (down, across) in pieces:
        boxed[k, down.start - top : down.stop - top, across.start - left : across.stop - left] = shares.values[k][inner]
    torch.mm(relevance[:, top:bottom, left:right].flatten(1), boxed.flatten(1).T, out=out)
