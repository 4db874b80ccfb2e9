r"""Pooled relevance without full-resolution maps: shares of tiles go up, relevance comes down, and they meet.

:math:`L = B_1 \cdots B_n` takes relevance from the top to the input, T holds what starts at the top (features x M), S
sums over tiles. Wanted is :math:`S L T`. From the right it is M backward passes over whole maps; from the left it is a
forward pass of one small window for each tile, until windows have grown over the image. So the product is split,
:math:`(S B_1 \cdots B_c)(B_{c+1} \cdots B_n T)`, at the operation c where the counted multiply-adds of both ways
together are least. Shares pass the network from the input upwards, through branches and residual sums as well
(`bilrp._engine.shares`), up to an operation that they cannot pass; relevance comes down to there. Between two
operations several values may be alive, such as a block's and the one beside it: the ways meet in all of them, and what
meets is added. With c = 0 it is the dense way. Where shares reach the embedding they are the answer for each of its
features: then the similarity of ten thousands of features costs no more than that of a hundred, and no random
projection is needed.

How much that gains is bounded by the product itself: each operation costs what the cheaper side has, M whole maps or
the windows of all tiles, and between input and top nothing is narrower than both. With M = 100 and 256 tiles the
windows are the cheaper side only until they cover 100 / 256 of the map: in ResNet-50 up to the first stage, in
EfficientNets to stride 8. All above is passed by 100 maps as in the dense way. With thousands of rows, as for all
features of an average, or with fewer tiles than rows, the windows win up to the top.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bilrp._engine.propagation import Plan, Step, propagate_to
from bilrp._engine.shares import Lift, Shares, lift
from bilrp._engine.windows import WindowFrame
from bilrp._trace.chunks import at_a_time
from bilrp.regions import tile_sums

MAX_WINDOWS = 64  # more windows at a time gain nothing on a CPU
SAME_ORDER = {"flatten", "view", "reshape", "ravel", "squeeze", "unsqueeze"}
WORKING_COPIES = 4  # a window below and above, its products with factors
ON_DEVICE = 100
"""What a multiply-add in windows costs on a GPU, in those of whole maps: a hundred windows are some hundred small
kernels there. VGG-16 to its last layer at 224 pixels took .49 s in windows against .06 s, with a tenth of the work."""
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
        """Up to ``limit`` neighbours at a time, whole rows where one fits: their numbers, and their windows."""
        rows, columns = self.shape
        size = limit // columns * columns or limit
        height, width = min(self.size, self.height), min(self.size, self.width)
        corners = self.size * np.stack(np.divmod(np.arange(rows * columns), columns), 1)
        for start in range(0, rows * columns, size):
            which = slice(start, min(start + size, rows * columns))
            yield which, WindowFrame(corners[which], height, width)


@dataclass(frozen=True)
class Split:
    """Where the two ways meet: above the first ``n_lifts`` operations that shares pass."""

    n_lifts: int
    work: int
    """Multiply-adds of both ways and of their product."""
    held: int
    """Entries of all windows at the meeting point."""
    largest: int
    """Entries of the largest window on the way there."""


def lifts_of(plan: Plan) -> list[Lift]:
    """The operations above the input that shares can pass one after the other, the lowest first."""
    found: list[Lift] = []
    for step in reversed(plan.steps):
        passed = lift(step, plan.distribute)
        if passed is None:
            break
        found.append(passed)
    return found


def last_readers(plan: Plan) -> dict[int, int]:
    """Which operation is the last to read each value, counted from the input; the output is read at the very end."""
    readers = {node: n for n, step in enumerate(reversed(plan.steps)) for node in step.context.flows}
    return readers | {plan.tape.output_node: len(plan.steps)}


def cuts(plan: Plan, lifts: list[Lift], tiles: Tiles, n_rows: int) -> list[Split]:
    """What it would cost to meet above each number of lifts; the first is the dense way, as far as they go."""
    x = plan.tape.values[plan.tape.input_node]
    price = price_of_windows(x)
    readers = last_readers(plan)
    batches = list(tiles.batches(at_a_time(MAX_WINDOWS, x)))
    live = {plan.tape.input_node: [frame for _, frame in batches]}
    counts = [len(frame.corners) for _, frame in batches]
    held = {plan.tape.input_node: 0}  # the dense way holds none
    down = [n_rows * passed.work(_whole(passed.step.context.output)) for passed in lifts]
    up, watched, largest = 0, 0, _entries(batches[0][1], x)
    found = [Split(0, sum(down), 0, 0)]
    for n, passed in enumerate(lifts):
        output = passed.step.context.output
        below = [live[node] for node in passed.inputs]
        frames = [passed.reach(parts) for parts in zip(*below, strict=True)]
        live[passed.output] = frames
        up += sum(count * passed.work(frame) for frame, count in zip(frames, counts, strict=True))
        up += watched * passed.work(_whole(output))
        watched += passed.step.loses
        sizes = [_entries(frame, output) for frame in frames]
        largest = max(largest, *sizes)
        held[passed.output] = sum(count * size for size, count in zip(sizes, counts, strict=True))
        for node in [node for node in live if readers[node] <= n]:
            del live[node], held[node]
        meeting = sum(held.values())
        found.append(Split(n + 1, price * up + sum(down[n + 1 :]) + n_rows * meeting, meeting, largest))
    return found


def price_of_windows(x: Tensor) -> int:
    """What a multiply-add in windows costs where a value lies, in those of whole maps."""
    return 1 if x.device.type == "cpu" else ON_DEVICE


def cheapest(found: list[Split], max_held: int) -> Split:
    """The cut with the least work among those whose windows fit into memory; the dense way holds none."""
    return min((cut for cut in found if cut.held <= max_held), key=lambda cut: cut.work)


def _whole(maps: Tensor, n: int = 1) -> WindowFrame:
    """The whole of a map (N, C, H, W) as n windows."""
    return WindowFrame(np.zeros((n, 2), dtype=np.int64), int(maps.shape[2]), int(maps.shape[3]))


def _entries(frame: WindowFrame, maps: Tensor) -> int:
    return frame.height * frame.width * int(maps.shape[1])


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
    lifts = lifts_of(plan)
    best = cheapest(cuts(plan, lifts, tiles, len(top)), AT_REST * memory // x.element_size())
    n_steps = len(plan.steps) - best.n_lifts
    meeting: JunctionPlan | None = None
    if best.n_lifts:
        limit = int(np.clip(memory // (best.largest * WORKING_COPIES * x.element_size()), 1, at_a_time(MAX_WINDOWS, x)))
        meeting = JunctionPlan(plan, lifts[: best.n_lifts], tiles, limit)
    if meeting is not None and top.single is not None and _keeps_order(plan.steps[:n_steps]):
        plan.arrived = plan.arrived + top.single.abs().sum().double()
        values = meeting.each(top.single).reshape(-1, *tiles.shape)
        plan.passed_on(values, float(any(passed.step.approximates for passed in lifts[: best.n_lifts])))
        return values
    out: list[Tensor] = []
    waiting: list[dict[int, Tensor]] = []  # the product with the shares of all tiles is taken for many rows at once
    n_waiting = 0
    for rows in plan.chunks(len(top), memory, n_steps):
        live = propagate_to(plan, top(rows), n_steps)
        if meeting is None:
            out.append(tile_sums(live[plan.tape.input_node][:, 0].sum(1), size))
            continue
        waiting.append(live)
        n_waiting += sum(relevance.nbytes for relevance in live.values())
        if n_waiting >= memory or rows.stop == len(top):
            out.append(meeting.collect(waiting).reshape(-1, *tiles.shape))
            waiting, n_waiting = [], 0
    return torch.cat(out)


def _keeps_order(steps: list[Step]) -> bool:
    """Whether steps only change how the entries of a value are arranged, each staying the n-th."""
    return all(step.context.function in SAME_ORDER and len(step.context.flows) == 1 for step in steps)


class JunctionPlan:
    """What each tile gets from each neuron at the cut, ready to be multiplied with the relevance there.

    Parameters
    ----------
    plan : Plan
        Of a pass over one image (1, C, H, W).
    lifts : list of Lift
        The operations between the image and the cut.
    tiles : Tiles
    limit : int
        How many windows travel together.
    """

    def __init__(self, plan: Plan, lifts: list[Lift], tiles: Tiles, limit: int) -> None:
        self._tiles = tiles
        self._lifts = lifts
        self._readers = last_readers(plan)
        node = plan.tape.input_node
        x = plan.tape.values[node]
        self._batches: list[tuple[slice, dict[int, Shares]]] = []
        ones = x.new_ones(*x.shape[2:], x.shape[1])
        for numbers, frame in tiles.batches(limit):
            values = ones.new_ones(len(frame.corners), frame.height, frame.width, ones.shape[2])
            live = {node: Shares(frame.times(values, ones), frame)}
            for n, passed in enumerate(lifts):
                live[passed.output] = passed([live[below] for below in passed.inputs])
                self._drop(live, n)
            self._batches.append((numbers, {at: Shares(each.settled(), each.frame) for at, each in live.items()}))
        self._keeping = [passed.step for passed in lifts if passed.step.loses]
        self._sums = self._watch()

    def _drop(self, live: dict[int, Shares] | dict[int, Tensor], n: int) -> None:
        """Forget values that nothing above the n-th operation reads."""
        for node in [node for node in live if self._readers[node] <= n]:
            del live[node]

    def _watch(self) -> dict[int, Tensor]:
        """Which share of each neuron at the cut each operation keeps: whole maps (n, H, W, C) at each value.

        What an operation keeps of its own output is 1 less what comes through to its inputs; from there it goes up.
        """
        live: dict[int, Tensor] = {}
        n_rows = 0
        for n, passed in enumerate(self._lifts):
            keeps = int(passed.step.loses)
            below = [
                torch.cat([_rows(live.get(node), n_rows, value), _rows(None, keeps, value) + 1])
                for node, value in zip(passed.inputs, passed.step.context.inputs, strict=True)
            ]
            if n_rows + keeps:
                shares = passed([Shares(rows, _whole(rows.movedim(3, 1), len(rows))) for rows in below])
                through = shares.within(_whole(passed.step.context.output, n_rows + keeps))
                through[n_rows:] = 1 - through[n_rows:]
                live[passed.output] = through
            n_rows += keeps
            self._drop(live, n)
        return {node: _rows(rows, n_rows, None) for node, rows in live.items()} if n_rows else {}

    def collect(self, chunks: Sequence[Mapping[int, Tensor]]) -> Tensor:
        """Relevance at the values of the cut (K, 1, C, H, W), in chunks, to that of tiles (all K, n_tiles)."""
        relevances = {
            node: torch.cat([chunk[node][:, 0].permute(0, 2, 3, 1).contiguous() for chunk in chunks])
            for node in chunks[0]
        }
        first = next(iter(relevances.values()))
        rows, columns = self._tiles.shape
        out = first.new_zeros(len(first), rows * columns)
        for numbers, shares in self._batches:
            for node, relevance in relevances.items():
                out[:, numbers] += _product(relevance, shares[node])
        kept = [r.flatten(1) @ self._sums[node].flatten(1).T for node, r in relevances.items() if node in self._sums]
        self._account(kept)
        return out

    def each(self, embedding: Tensor) -> Tensor:
        """Relevance of tiles (M, n_tiles) where explanation m is entry m of the cut alone, of embedding (M,).

        No product is needed: the shares themselves, times what starts there.
        """
        output = self._lifts[-1].output
        shape = self._lifts[-1].step.context.output.shape[1:]
        rows, columns = self._tiles.shape
        out = embedding.new_empty(len(embedding), rows * columns)
        for numbers, live in self._batches:
            shares = live[output]
            whole = embedding.new_zeros(len(shares.values), *shape[1:], shape[0])
            for k, inner, outer in shares.frame.pieces(*shape[1:]):
                whole[k][outer] = shares.values[k][inner]
            torch.mul(whole.permute(0, 3, 1, 2).flatten(1).T, embedding[:, None], out=out[:, numbers])
        if output in self._sums:
            self._account([self._sums[output].permute(0, 3, 1, 2).flatten(1).T * embedding[:, None]])
        return out

    def _account(self, kept: Iterable[Tensor]) -> None:
        """Note what each operation kept of each explanation, (K, n) at each value of the cut."""
        parts = list(kept)
        if parts:
            amounts = torch.stack(parts).double().sum(0).abs().sum(0)
            for step, amount in zip(self._keeping, amounts, strict=True):
                step.kept = step.kept + amount


def _rows(rows: Tensor | None, n: int, value: Tensor | None) -> Tensor:
    """Maps (n, H, W, C) like a value (1, C, H, W), zeros beyond the first ones."""
    if rows is None:
        assert value is not None
        return value.new_zeros(n, *value.shape[2:], value.shape[1])
    return rows if len(rows) == n else torch.cat([rows, rows.new_zeros(n - len(rows), *rows.shape[1:])])


def _product(relevance: Tensor, shares: Shares) -> Tensor:
    """Relevance (K, H, W, C) times the shares of n windows, within the box around them: (K, n)."""
    pieces = list(shares.frame.pieces(*relevance.shape[1:3]))
    if not pieces:
        return relevance.new_zeros(len(relevance), len(shares.values))
    top, left = (min(outer[axis].start for _, _, outer in pieces) for axis in range(2))
    bottom, right = (max(outer[axis].stop for _, _, outer in pieces) for axis in range(2))
    boxed = shares.values.new_zeros(len(shares.values), bottom - top, right - left, relevance.shape[3])
    for k, inner, (down, across) in pieces:
        boxed[k, down.start - top : down.stop - top, across.start - left : across.stop - left] = shares.values[k][inner]
    return relevance[:, top:bottom, left:right].flatten(1) @ boxed.flatten(1).T
