r"""Second derivatives and products of gradients: Hessian x product, gradient x input, saliency, curvature.

With J and J' the Jacobians of the embeddings of x and x' (M rows each), the mixed second derivative of the similarity
is :math:`H_{ij} = \partial^2 y / \partial x_i \partial x'_j = \sum_m J_{mi} J'_{mj}`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bilrp.baselines.base import Baseline, Side, SideFactor, over_channels
from bilrp.exceptions import InputError
from bilrp.inputs import ModelInput
from bilrp.joint import MAX_MATRIX, JointRelevance
from bilrp.regions import tile_sums

CHUNK = 32  # products of maps at a time
MAX_FACTORS = 2**28  # entries of the factors of one side of a saliency


class HessianProduct(Baseline):
    r"""Hessian x product: :math:`R_{ij} = x_i x'_j \, \partial^2 y / \partial x_i \partial x'_j` [Eberle2022]_.

    Sums to the similarity where the network is homogeneous of degree one (ReLU, pooling, no biases); there it equals
    BiLRP with LRP-0. Elsewhere `JointRelevance.bias_share` says what is missing.
    """

    def _factor(self, side: Side) -> SideFactor:
        phi, jacobian = self._jacobian(side)
        return over_channels(jacobian * side.value, side.axis), phi


class GradientProduct(Baseline):
    r"""Gradient x input of each side, joined by a product: :math:`x_i (\nabla y)_i \, x'_j (\nabla' y)_j / y`.

    What two first-order explanations can say about pairs: a place that matters in one input is joined with every place
    that matters in the other, whether or not they are alike. The table has rank one; its factors have one row, and its
    embeddings are (y,) and (1,). Sums to the similarity under the conditions of `HessianProduct`; zero where y is 0.
    """

    def _factors(self, sides: list[Side]) -> list[SideFactor]:
        (phi, jacobian), (other_phi, other_jacobian) = (self._jacobian(side) for side in sides)
        similarity = phi @ other_phi
        first = torch.einsum("m,m...->...", other_phi, jacobian)[None] * sides[0].value
        second = torch.einsum("m,m...->...", phi, other_jacobian)[None] * sides[1].value
        inverse = torch.where(similarity == 0, torch.zeros_like(similarity), 1 / similarity)
        return [
            (over_channels(first, sides[0].axis), similarity[None]),
            (over_channels(second, sides[1].axis) * inverse, torch.ones_like(similarity[None])),
        ]


class Saliency(Baseline):
    r"""Saliency: :math:`R_{ij} = (\partial^2 y / \partial x_i \partial x'_j)^2` [Eberle2022]_.

    Has no sign and does not sum to the similarity: `JointRelevance.bias_share` means nothing here. It does factor, as
    :math:`(\sum_m J_{mi} J'_{mj})^2 = \sum_{mn} J_{mi} J_{ni} \, J'_{mj} J'_{nj}`, into M (M + 1) / 2 maps a side:
    many for large M, so that a `projection` helps. The embeddings of the result are filled up with zeros.
    Squares are taken for each pair of channels, then summed.
    """

    def _factor(self, side: Side) -> SideFactor:
        phi, jacobian = self._jacobian(side)
        m, n = torch.triu_indices(len(phi), len(phi), device=phi.device)
        each = over_channels(jacobian[:1], side.axis).numel()
        if len(m) * each > MAX_FACTORS:
            raise InputError(
                f"Saliency: {len(phi)} dimensions make {len(m):,} maps of {each:,} entries, expected at most "
                f"{MAX_FACTORS:,} together. Give a projection, or smaller inputs."
            )
        chunks = zip(torch.split(m, CHUNK), torch.split(n, CHUNK), strict=True)
        products = torch.cat([over_channels(jacobian[a] * jacobian[b], side.axis) for a, b in chunks])
        weight = torch.where(m == n, 1.0, 2**0.5).to(phi).reshape(-1, *[1] * (products.dim() - 1))
        return products * weight, torch.cat([phi, phi.new_zeros(len(m) - len(phi))])


class Curvature(Baseline):
    r"""Curvature: :math:`R_{ij} = |\partial^2 y / \partial x_i \partial x'_j|` [Eberle2022]_.

    Has no sign, does not sum to the similarity, and does not factor: there is no `JointRelevance` of it, `explain`
    raises, and `table` computes the pairs block by block. Magnitudes are taken for each pair of channels, then summed.
    """

    def explain(
        self, x: ModelInput, y: ModelInput, *, keep_channels: bool = False, channel_axis: int | None = None
    ) -> JointRelevance:
        raise InputError("Curvature: magnitudes of sums have no factors, so there is no JointRelevance. Call table().")

    def table(self, x: ModelInput, y: ModelInput, tile: int = 1) -> Tensor:
        if tile < 1:
            raise InputError(f"table: tile is {tile}, expected one or more")
        sides = self._sides(x, y, False, 1)
        if tile > 1 and any(side.value.dim() != 4 for side in sides):
            shown = " and ".join(str(tuple(side.value.shape)) for side in sides)
            raise InputError(f"table: tiles need images (1, C, H, W), got {shown}")
        (_, left), (_, right) = (self._jacobian(side) for side in sides)
        axes = [side.axis for side in sides]
        shapes = [over_channels(maps[:1], axis).shape[1:] for maps, axis in zip((left, right), axes, strict=True)]
        tiled = [[-(-n // tile) for n in shape] for shape in shapes]
        n_rows, n_columns = (torch.Size(shape).numel() for shape in tiled)
        if n_rows * n_columns > MAX_MATRIX:
            raise InputError(f"table: {tiled[0]} times {tiled[1]} entries, expected at most {MAX_MATRIX:,}. Use tiles.")
        columns = right.flatten(1)
        rows = left.flatten(1)
        out = left.new_empty(rows.shape[1], n_columns)
        step = max(1, 2**22 // columns.shape[1])
        for start in range(0, rows.shape[1], step):
            block = (rows[:, start : start + step].T @ columns).abs().reshape(-1, *right.shape[1:])
            block = over_channels(block, axes[1])
            out[start : start + step] = (tile_sums(block, tile) if tile > 1 else block).flatten(1)
        maps = over_channels(out.T.reshape(n_columns, *left.shape[1:]), axes[0])
        maps = tile_sums(maps, tile) if tile > 1 else maps
        return maps.flatten(1).T.reshape(*tiled[0], *tiled[1])
