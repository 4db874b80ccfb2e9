"""Shapley and Banzhaf interactions of a few tiles or tokens, exactly, by every subset (Grabisch, Roubens 1999)."""

from __future__ import annotations

from math import factorial

import torch
from torch import Tensor

from bilrp.baselines.base import Baseline, Side, as_joint
from bilrp.baselines.reference import Reference, reference_of
from bilrp.exceptions import InputError
from bilrp.factors import inverse_norm
from bilrp.inputs import ModelInput, Tower
from bilrp.joint import JointRelevance

INDICES = ("product", "shapley", "banzhaf")
MAX_PLAYERS = 12  # a side: 4096 passes each


class ShapleyInteraction(Baseline):
    r"""What two places, one in each input, bring to the similarity together: a truth without rules or gradients.

    The players are the n places of x and the m places of x'; those that are absent from a subset S of the first, T of
    the second, are filled with the reference, and the game is :math:`v(S, T) = \phi(x_S) \cdot \phi(x'_T)`. What i and
    j bring together to a subset without them is :math:`\Delta_{ij} v(S, T) = (\phi(x_{S+i}) - \phi(x_S)) \cdot
    (\phi(x'_{T+j}) - \phi(x'_T))`, and :math:`R_{ij} = \sum_{S,T} w(S, T) \, \Delta_{ij} v(S, T)`.

    ========= ================================================================= =====================================
    index     weight w, with s and t the sizes of S and T                       sums to
    ========= ================================================================= =====================================
    product   Shapley's of each side: s! (n-s-1)! / n! times t! (m-t-1)! / m!   (phi(x)-phi(r)) . (phi(x')-phi(r'))
    shapley   of the one game of n+m players: (s+t)! (n+m-s-t-2)! / (n+m-1)!    nothing in general
    banzhaf   all subsets alike: 2^-(n+m-2)                                     nothing in general
    ========= ================================================================= =====================================

    *product* is the only one that shares out the whole, like integrated Jacobians; *shapley* is the interaction index
    of [Grabisch1999]_ as used for pairs of image and text by [Baniecki2025]_, *banzhaf* likewise.
    All 2^n + 2^m embeddings are computed, one pass each. Above 12 places a side it is refused; nothing is sampled.

    Parameters
    ----------
    model, similarity, projection, layer, right_tower
        As in `Baseline`. The norms of a cosine are those of x and x', held fixed.
    tile : int
        Pixels along one side of a place of an image; `table` sets it by its own argument.
    reference : float, Tensor, callable, or a pair of these
        What absent places are filled with, as in `IntegratedJacobians`; for token numbers the number of a padding or
        mask token as a Tensor, or 0.0 for a vector of zeros.
    index : {"product", "shapley", "banzhaf"}

    References
    ----------
    .. [Grabisch1999] Grabisch, Roubens. An axiomatic approach to the concept of interaction among players in
       cooperative games. International Journal of Game Theory 28, 1999: equations 2 and 6.
    .. [Baniecki2025] Baniecki et al. Explaining similarity in vision-language encoders with weighted Banzhaf
       interactions. NeurIPS 2025.
    """

    def __init__(
        self,
        model: Tower,
        *,
        similarity: str = "dot",
        projection: Tensor | None = None,
        layer: str | None = None,
        right_tower: Tower | None = None,
        tile: int = 1,
        reference: Reference = 0.0,
        index: str = "product",
    ) -> None:
        super().__init__(model, similarity=similarity, projection=projection, layer=layer, right_tower=right_tower)
        if index not in INDICES:
            raise InputError(f"ShapleyInteraction: index is {index!r}, expected one of {INDICES}")
        if tile < 1:
            raise InputError(f"ShapleyInteraction: tile is {tile}, expected one or more")
        self.tile = tile
        self.reference = reference
        self.index = index

    def explain(
        self, x: ModelInput, y: ModelInput, *, keep_channels: bool = False, channel_axis: int | None = None
    ) -> JointRelevance:
        """The joint relevance of one pair; `JointRelevance.tile` is the size of a place."""
        return self._explain(x, y, self.tile, keep_channels, channel_axis)

    def table(self, x: ModelInput, y: ModelInput, tile: int | None = None) -> Tensor:
        """The relevance of every pair of tiles; these are the players, so that it is no sum of smaller ones."""
        return self._explain(x, y, self.tile if tile is None else tile, False, None).matrix()

    def _explain(
        self, x: ModelInput, y: ModelInput, tile: int, keep_channels: bool, channel_axis: int | None
    ) -> JointRelevance:
        sides = self._sides(x, y, keep_channels, channel_axis)
        grids = [_grid(side, tile) for side in sides]
        n, m = (grid.numel() for grid in grids)
        if max(n, m) > MAX_PLAYERS:
            raise InputError(
                f"ShapleyInteraction: {n} and {m} places, expected at most {MAX_PLAYERS} of each, as every subset is "
                f"tried. Give larger tiles."
            )
        gains = [self._gains(side, grid, tile) for side, grid in zip(sides, grids, strict=True)]
        left, right, phi, other_phi = self._weighted(*gains)
        settings = {"method": type(self).__name__, "similarity": self.similarity, "index": self.index}
        maps = (left.reshape(-1, *grids[0]), right.reshape(-1, *grids[1]))
        return as_joint((*maps, phi, other_phi), sides, settings, tile)

    def _gains(self, side: Side, grid: torch.Size, tile: int) -> tuple[Tensor, Tensor]:
        """The embedding, and by size s of the subsets the sum of what each place adds to them: (s, K, places)."""
        reference = reference_of(side, self.reference)
        n = grid.numel()
        phi = self._phi(side, side.value)
        embeddings = []
        for subset in range(2**n):
            present = torch.tensor([bool(subset >> player & 1) for player in range(n)]).reshape(grid)
            mask = _spread(present, side, tile)
            embeddings.append(self._phi(side, torch.where(mask, side.value, reference)))
        every = torch.stack(embeddings)
        gains = every.new_zeros(n, every.shape[1], n)
        for player in range(n):
            for subset in range(2**n):
                if not subset >> player & 1:
                    gains[subset.bit_count(), :, player] += every[subset | 1 << player] - every[subset]
        inverse = inverse_norm(phi, self.similarity)
        return phi * inverse, gains * inverse

    def _weighted(self, first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
        """Factors whose product is the index, and embeddings filled up with zeros to their number."""
        (phi, left), (other_phi, right) = first, second
        n, m = len(left), len(right)
        if self.index == "shapley":
            weights = [[_shapley(s + t, n + m - 1) for t in range(m)] for s in range(n)]
            mixed = torch.einsum("st,tkj->skj", torch.tensor(weights).to(right), right)
            fill = phi.new_zeros((n - 1) * len(phi))
            return left.flatten(0, 1), mixed.flatten(0, 1), torch.cat([phi, fill]), torch.cat([other_phi, fill])
        sides = [
            torch.tensor([_shapley(s, k) if self.index == "product" else 0.5 ** (k - 1) for s in range(k)])
            for k in (n, m)
        ]
        left, right = (torch.einsum("s,ski->ki", w.to(g), g) for w, g in zip(sides, (left, right), strict=True))
        return left, right, phi, other_phi


def _shapley(size: int, n: int) -> float:
    """The share of the orders of n players in which exactly a given subset of some size stands before a given one."""
    return factorial(size) * factorial(n - size - 1) / factorial(n)


def _grid(side: Side, tile: int) -> torch.Size:
    shape = [length for axis, length in enumerate(side.value.shape) if axis not in (0, side.axis)]
    if tile == 1:
        return torch.Size(shape)
    if len(shape) < 2:
        raise InputError(f"tile is {tile} for a value of shape {tuple(side.value.shape)}, expected 1 or an image")
    return torch.Size([*shape[:-2], *(-(-length // tile) for length in shape[-2:])])


def _spread(present: Tensor, side: Side, tile: int) -> Tensor:
    """Which entries of the value are there, for which places are."""
    shape = [length for axis, length in enumerate(side.value.shape) if axis not in (0, side.axis)]
    if tile > 1:
        present = present.repeat_interleave(tile, -1).repeat_interleave(tile, -2)[..., : shape[-2], : shape[-1]]
    mask = present.unsqueeze(0)
    return (mask if side.axis is None else mask.unsqueeze(side.axis)).to(side.value.device)
