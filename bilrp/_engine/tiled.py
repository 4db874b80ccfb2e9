r"""Pooled relevance without full-resolution maps: shares of tiles go up, relevance comes down, and they meet.

:math:`L = B_1 \cdots B_n` takes relevance from the top to the input, T holds what starts at the top (features x M), S
sums over tiles. Wanted is :math:`S L T`. From the right it is M backward passes over whole maps; from the left it is a
forward pass of one small window for each tile (`bilrp._engine.tile_kernels`), until windows have grown over the
image. So the
product is split, :math:`(S B_1 \cdots B_c)(B_{c+1} \cdots B_n T)`, at the operation c where the counted multiply-adds
of both ways together are least. Shares pass a chain of operations upwards from the input; where the network branches,
or comes to an operation that they cannot pass, relevance comes down to there. With c = 0 it is the dense way. Where
shares reach the embedding they are the answer for each of its features: then the similarity of ten thousands of
features costs no more than that of a hundred, and no random projection is needed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from bilrp._engine.propagation import Plan, Step, propagate
from bilrp._engine.tile_kernels import Shares, Upsample, upsample
from bilrp._engine.windows import WindowFrame
from bilrp.joint import tile_sums

MAX_WINDOWS = 32  # more windows at a time gain nothing on a CPU
SAME_ORDER = {"flatten", "view", "reshape", "ravel", "squeeze", "unsqueeze"}
WORKING_COPIES = 4  # a window below and above, its products with factors
AT_REST = 4  # shares that wait at the cut may take so many times the memory of what travels


class Top(Protocol):
    """The relevance that starts at the top: M rows, given some at a time as (K, 1, features).

    ``single`` is the embedding (M,) where row m is its feature m alone, and None where rows are mixtures of features.
    """

    @property
    def single(self) -> Tensor | None: ...

    def __len__(self) -> int: ...

    def __call__(self, rows: range) -> Tensor: ...


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
        plan.arrived += float(top.single.abs().sum())
        return meeting.each(top.single).reshape(-1, *tiles.shape)
    chunk = plan.chunk(memory, n_steps)
    rows, out = tiles.shape, []
    for start in range(0, len(top), chunk):
        relevance = propagate(plan, top(range(start, min(start + chunk, len(top)))), n_steps)[:, 0]
        if meeting is None:
            out.append(tile_sums(relevance.sum(1), size))
        else:
            out.append(meeting.collect(relevance).reshape(-1, *rows))
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
    links : list of (Step, Lift)
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
            step.kept += float((above - arrived).abs().sum())
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
