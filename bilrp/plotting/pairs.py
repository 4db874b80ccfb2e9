"""Which pairs are drawn: the strongest, those of a one-to-one assignment, and which of them run together as bundles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
import numpy.typing as npt
from torch import Tensor

REACH = 0.12  # of the longer side of a picture: ends nearer than this belong to one bundle


class PairRelevance(Protocol):
    """What a picture needs of a `bilrp.JointRelevance`, which draws itself by these functions."""

    @property
    def left(self) -> Tensor: ...
    @property
    def right(self) -> Tensor: ...
    @property
    def tiles(self) -> tuple[int, int]: ...
    @property
    def left_tokens(self) -> Sequence[str] | None: ...
    @property
    def right_tokens(self) -> Sequence[str] | None: ...
    @property
    def similarity(self) -> float: ...
    @property
    def bias_share(self) -> float: ...
    def pool(self, size: int) -> Self: ...
    def words(self) -> Self: ...
    def matrix(self) -> Tensor: ...
    def top_pairs(self, k: int = ..., *, by: str = ...) -> list[tuple[int | float, ...]]: ...
    def given(self, left: Any) -> Tensor: ...
    def left_marginal(self) -> Tensor: ...
    def right_marginal(self) -> Tensor: ...


class Pair(NamedTuple):
    """Where a pair lies in both inputs, such as (row, column) of tiles, and its relevance."""

    first: tuple[int, ...]
    second: tuple[int, ...]
    relevance: float


def strongest(joint: PairRelevance, k: int) -> list[Pair]:
    """The k pairs of the greatest absolute relevance."""
    n = joint.left.dim() - 1
    rows = joint.top_pairs(k, by="magnitude")
    return [Pair(tuple(map(int, row[:n])), tuple(map(int, row[n:-1])), float(row[-1])) for row in rows]


def one_to_one(joint: PairRelevance, k: int) -> list[Pair]:
    """The strongest pair, then the strongest between places that are in none yet, up to k (greedy assignment)."""
    shapes = tuple(joint.left.shape[1:]), tuple(joint.right.shape[1:])
    table = (joint.left.flatten(1).T @ joint.right.flatten(1)).detach().cpu().numpy()
    strength = np.abs(table)
    best = strength.argmax(1)
    greatest = strength.max(1)
    pairs: list[Pair] = []
    for _ in range(min(k, *table.shape)):
        row = int(greatest.argmax())
        if greatest[row] == 0:
            break
        column = int(best[row])
        first, second = (np.unravel_index(i, shape) for i, shape in zip((row, column), shapes, strict=True))
        pairs.append(Pair(tuple(map(int, first)), tuple(map(int, second)), float(table[row, column])))
        strength[row], strength[:, column], greatest[row] = 0, 0, 0
        again = np.flatnonzero(best == column)
        best[again], greatest[again] = strength[again].argmax(1), strength[again].max(1)
    return pairs


def bundles(pairs: Sequence[Pair], sizes: Sequence[Sequence[int]]) -> list[tuple[npt.NDArray[np.float64], ...]]:
    """For each pair the middle of its bundle in both inputs.

    A bundle is led by the strongest pair that is in none yet and takes in the pairs of the same sign whose both ends
    lie within `REACH` of the leader's; its middle is their mean, weighted with abs(relevance).

    Parameters
    ----------
    pairs : sequence of Pair
        In falling strength.
    sizes : two shapes
        Of the maps of both inputs, in tiles.
    """
    if not pairs:
        return []
    ends = [np.array([pair[side] for pair in pairs], dtype=float).reshape(len(pairs), -1) for side in (0, 1)]
    values = np.array([pair.relevance for pair in pairs])
    free = np.ones(len(pairs), dtype=bool)
    middles: list[Any] = [None] * len(pairs)
    for leader in range(len(pairs)):
        if not free[leader]:
            continue
        near = free & (np.sign(values) == np.sign(values[leader]))
        for end, size in zip(ends, sizes, strict=True):
            near &= np.abs(end - end[leader]).max(1) <= max(1.0, REACH * max(size))
        free[near] = False
        middle = tuple(np.average(end[near], axis=0, weights=np.abs(values[near])) for end in ends)
        for member in np.flatnonzero(near):
            middles[member] = middle
    return middles
