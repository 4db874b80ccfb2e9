r"""Other explanations of a similarity, to compare BiLRP with: all by gradients of the model as a whole.

With J and J' the Jacobians of the embeddings of x and x' (M rows each), the mixed second derivative of the similarity
is :math:`H_{ij} = \partial^2 y / \partial x_i \partial x'_j = \sum_m J_{mi} J'_{mj}`, from M gradients of each side.

===================== ============================================================ ============== ==================
class                 relevance of a pair                                          sums to        factors
===================== ============================================================ ============== ==================
`HessianProduct`      :math:`x_i x'_j H_{ij}`                                      y, see there   M
`GradientProduct`     :math:`x_i (\nabla y)_i \; x'_j (\nabla' y)_j / y`           y, see there   1: rank one
`IntegratedJacobians` :math:`(x_i-r_i)(x'_j-r'_j) \sum_m \bar J_{mi} \bar J'_{mj}` y less the     M
                                                                                   reference
`Saliency`            :math:`H_{ij}^2`                                             nothing        M (M + 1) / 2
`Curvature`           :math:`|H_{ij}|`                                             nothing        none: `table` only
===================== ============================================================ ============== ==================

All but `Curvature` give a `JointRelevance` like `bilrp.BiLRP.explain`; every one has ``table(x, y, tile)``.

References
----------
.. [Eberle2022] Eberle et al. Building and interpreting deep similarity models. IEEE TPAMI 44(3), 2022: saliency,
   curvature and Hessian x product.
.. [Moeller2023] Moeller, Nikolaev, Padó. An attribution method for Siamese encoders. EMNLP 2023.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bilrp._trace.tape import frozen_eval
from bilrp.coverage import Coverage
from bilrp.exceptions import InputError
from bilrp.explain import SIMILARITIES, summed_axis
from bilrp.joint import MAX_MATRIX, JointRelevance, tile_sums

CHUNK = 32  # rows of a Jacobian at a time
MAX_FACTORS = 2**28  # entries of the factors of one side of a saliency
COVERAGE = Coverage((), ("gradients of the model as a whole: no operation has a rule, none is left out",))
Factor = tuple[Tensor, Tensor]
"""The maps of one side (M, *input shape), and what stands for its embedding (M,)."""


class Baseline:
    """Base of the explanations by gradients; the model is run in evaluation mode and left as it was.

    Parameters
    ----------
    model : nn.Module
        Maps (1, ...) to (1, M), as for `bilrp.BiLRP`.
    similarity : {"dot", "cosine"}
        Norms are held fixed, as in `bilrp.BiLRP`.
    projection : Tensor of shape (K, M), optional
        Explains the similarity of projected embeddings.
    """

    def __init__(self, model: nn.Module, *, similarity: str = "dot", projection: Tensor | None = None) -> None:
        if similarity not in SIMILARITIES:
            raise InputError(f"similarity is {similarity!r}, expected 'dot' or 'cosine'")
        self.model = model
        self.similarity = similarity
        self.projection = projection

    def explain(self, x: Tensor, y: Tensor, *, keep_channels: bool = False, channel_axis: int = 1) -> JointRelevance:
        """The joint relevance of one pair; arguments as for `bilrp.BiLRP.explain`."""
        axes = [summed_axis(sample, keep_channels, channel_axis) for sample in (x, y)]
        (left, phi), (right, other_phi) = self._factors((x, y), axes)
        settings = {"method": type(self).__name__, "similarity": self.similarity}
        return JointRelevance(left, right, phi, other_phi, COVERAGE, COVERAGE, settings=settings)

    def table(self, x: Tensor, y: Tensor, tile: int = 1) -> Tensor:
        """The relevance of every pair of tiles, of shape (H, W, H', W'); for other inputs (*shape, *shape').

        Parameters
        ----------
        x, y : Tensor of shape (1, C, H, W) and (1, C, H', W')
        tile : int
            Sums over tiles of this many pixels a side.
        """
        joint = self.explain(x, y)
        return (joint if tile == 1 else joint.pool(tile)).matrix()

    def _factors(self, pair: tuple[Tensor, Tensor], axes: list[int | None]) -> list[Factor]:
        return [self._factor(x, axis) for x, axis in zip(pair, axes, strict=True)]

    def _factor(self, x: Tensor, axis: int | None) -> Factor:
        """The factor of one side, where it does not depend on the other."""
        raise NotImplementedError

    def _jacobian(self, x: Tensor, at: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The embedding of x (K,) and the Jacobian (K, *x.shape[1:]) there or at another place.

        Projection and the fixed norm of the cosine are part of both.
        """
        if x.dim() < 2 or x.shape[0] != 1 or not x.is_floating_point():
            raise InputError(
                f"got an input of shape {tuple(x.shape)} and type {x.dtype}, expected one floating-point sample with "
                f"its batch axis, such as (1, C, H, W). Gradients of token numbers do not exist: explain their vectors."
            )
        with frozen_eval(self.model, x.device):
            phi = self._embed(x.detach().clone())
            with torch.enable_grad():
                leaf = (x if at is None else at).detach().clone().requires_grad_()
                out = self._embed(leaf.clone())  # a copy, as the model may write into its input
                chunks = torch.split(torch.eye(len(out), dtype=out.dtype, device=out.device), CHUNK)
                rows = [
                    torch.autograd.grad(out, leaf, chunk, retain_graph=True, is_grads_batched=True)[0]
                    for chunk in chunks
                ]
        scale = torch.ones_like(phi[0])
        if self.similarity == "cosine":
            scale = torch.where(phi.norm() > 0, 1 / phi.norm(), torch.zeros_like(scale))
        return phi.detach() * scale, torch.cat(rows)[:, 0] * scale

    def _embed(self, x: Tensor) -> Tensor:
        out = self.model(x)
        if not isinstance(out, Tensor) or out.dim() < 2 or out.shape[0] != 1:
            shape = tuple(out.shape) if isinstance(out, Tensor) else type(out).__name__
            raise InputError(f"the model returned {shape}, expected an embedding of shape (1, M)")
        phi: Tensor = out.flatten(1)[0]
        if self.projection is None:
            return phi
        if self.projection.dim() != 2 or self.projection.shape[1] != len(phi):
            raise InputError(
                f"the projection has shape {tuple(self.projection.shape)}, expected (K, {len(phi)}) for this model"
            )
        return self.projection.to(phi) @ phi


class HessianProduct(Baseline):
    r"""Hessian x product: :math:`R_{ij} = x_i x'_j \, \partial^2 y / \partial x_i \partial x'_j` [Eberle2022]_.

    Sums to the similarity where the network is homogeneous of degree one (ReLU, pooling, no biases); there it equals
    BiLRP with LRP-0. Elsewhere `JointRelevance.bias_share` says what is missing.
    """

    def _factor(self, x: Tensor, axis: int | None) -> Factor:
        phi, jacobian = self._jacobian(x)
        return _over_channels(jacobian * x.detach(), axis), phi


class GradientProduct(Baseline):
    r"""Gradient x input of each side, joined by a product: :math:`x_i (\nabla y)_i \, x'_j (\nabla' y)_j / y`.

    What two first-order explanations can say about pairs: a place that matters in one input is joined with every place
    that matters in the other, whether or not they are alike. The table has rank one; its factors have one row, and its
    embeddings are (y,) and (1,). Sums to the similarity under the conditions of `HessianProduct`; zero where y is 0.
    """

    def _factors(self, pair: tuple[Tensor, Tensor], axes: list[int | None]) -> list[Factor]:
        (phi, jacobian), (other_phi, other_jacobian) = (self._jacobian(x) for x in pair)
        similarity = phi @ other_phi
        first = torch.einsum("m,m...->...", other_phi, jacobian)[None] * pair[0].detach()
        second = torch.einsum("m,m...->...", phi, other_jacobian)[None] * pair[1].detach()
        inverse = torch.where(similarity == 0, torch.zeros_like(similarity), 1 / similarity)
        return [
            (_over_channels(first, axes[0]), similarity[None]),
            (_over_channels(second, axes[1]) * inverse, torch.ones_like(similarity[None])),
        ]


class IntegratedJacobians(Baseline):
    r"""Integrated Jacobians: integrated gradients for two inputs [Moeller2023]_.

    :math:`R_{ij} = \sum_m (x_i - r_i) \bar J_{mi} \, (x'_j - r'_j) \bar J'_{mj}` with
    :math:`\bar J = \int_0^1 \partial \phi / \partial x \, (r + \alpha (x - r)) \, d\alpha`, by the midpoint rule. In
    the limit of many steps it sums to :math:`(\phi(x) - \phi(r)) \cdot (\phi(x') - \phi(r'))`: the similarity less the
    terms of the references, and `JointRelevance.bias_share` is the share of these.

    Parameters
    ----------
    model, similarity, projection
        As in `Baseline`. The norms of a cosine are those of x and x', held fixed along the paths.
    reference : float or Tensor
        Where the paths begin, for both inputs; must broadcast against them. Default 0.
    steps : int
        Jacobians a side; the cost grows with it.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        similarity: str = "dot",
        projection: Tensor | None = None,
        reference: float | Tensor = 0.0,
        steps: int = 20,
    ) -> None:
        super().__init__(model, similarity=similarity, projection=projection)
        if steps < 1:
            raise InputError(f"IntegratedJacobians: steps is {steps}, expected one or more")
        self.reference = reference
        self.steps = steps

    def _factor(self, x: Tensor, axis: int | None) -> Factor:
        reference = torch.as_tensor(self.reference, dtype=x.dtype, device=x.device)
        way = x.detach() - reference
        if way.shape != x.shape:
            raise InputError(f"the reference has shape {tuple(reference.shape)}, expected one for {tuple(x.shape)}")
        phi, total = self._jacobian(x, reference + 0.5 / self.steps * way)
        for step in range(1, self.steps):
            total += self._jacobian(x, reference + (step + 0.5) / self.steps * way)[1]
        return _over_channels(total * (way / self.steps), axis), phi


class Saliency(Baseline):
    r"""Saliency: :math:`R_{ij} = (\partial^2 y / \partial x_i \partial x'_j)^2` [Eberle2022]_.

    Has no sign and does not sum to the similarity: `JointRelevance.bias_share` means nothing here. It does factor, as
    :math:`(\sum_m J_{mi} J'_{mj})^2 = \sum_{mn} J_{mi} J_{ni} \, J'_{mj} J'_{nj}`, into M (M + 1) / 2 maps a side:
    many for large M, so that a `projection` helps. The embeddings of the result are filled up with zeros.
    Squares are taken for each pair of channels, then summed.
    """

    def _factor(self, x: Tensor, axis: int | None) -> Factor:
        phi, jacobian = self._jacobian(x)
        m, n = torch.triu_indices(len(phi), len(phi), device=phi.device)
        each = jacobian[0].numel() // (1 if axis is None else x.shape[axis])
        if len(m) * each > MAX_FACTORS:
            raise InputError(
                f"Saliency: {len(phi)} dimensions make {len(m):,} maps of {each:,} entries, expected at most "
                f"{MAX_FACTORS:,} together. Give a projection, or smaller inputs."
            )
        chunks = zip(torch.split(m, CHUNK), torch.split(n, CHUNK), strict=True)
        products = torch.cat([_over_channels(jacobian[a] * jacobian[b], axis) for a, b in chunks])
        weight = torch.where(m == n, 1.0, 2**0.5).to(phi).reshape(-1, *[1] * (products.dim() - 1))
        return products * weight, torch.cat([phi, phi.new_zeros(len(m) - len(phi))])


class Curvature(Baseline):
    r"""Curvature: :math:`R_{ij} = |\partial^2 y / \partial x_i \partial x'_j|` [Eberle2022]_.

    Has no sign, does not sum to the similarity, and does not factor: there is no `JointRelevance` of it, `explain`
    raises, and `table` computes the pairs block by block. Magnitudes are taken for each pair of channels, then summed.
    """

    def explain(self, x: Tensor, y: Tensor, *, keep_channels: bool = False, channel_axis: int = 1) -> JointRelevance:
        raise InputError("Curvature: magnitudes of sums have no factors, so there is no JointRelevance. Call table().")

    def table(self, x: Tensor, y: Tensor, tile: int = 1) -> Tensor:
        if tile < 1:
            raise InputError(f"table: tile is {tile}, expected one or more")
        axes = [summed_axis(sample, False, 1) for sample in (x, y)]
        if tile > 1 and (x.dim() != 4 or y.dim() != 4):
            raise InputError(f"table: tiles need images (1, C, H, W), got {tuple(x.shape)} and {tuple(y.shape)}")
        (_, left), (_, right) = (self._jacobian(sample) for sample in (x, y))
        shapes = [list(sample.shape[1:]) for sample in (x, y)]
        for shape, axis in zip(shapes, axes, strict=True):
            if axis is not None:
                del shape[axis - 1]
        tiled = [[-(-n // tile) for n in shape] for shape in shapes]
        n_rows, n_columns = (torch.Size(shape).numel() for shape in tiled)
        if n_rows * n_columns > MAX_MATRIX:
            raise InputError(f"table: {tiled[0]} times {tiled[1]} entries, expected at most {MAX_MATRIX:,}. Use tiles.")
        columns = right.flatten(1)
        rows = left.flatten(1)
        out = x.new_empty(rows.shape[1], n_columns)
        step = max(1, 2**22 // columns.shape[1])
        for start in range(0, rows.shape[1], step):
            block = (rows[:, start : start + step].T @ columns).abs().reshape(-1, *right.shape[1:])
            block = _over_channels(block, axes[1])
            out[start : start + step] = (tile_sums(block, tile) if tile > 1 else block).flatten(1)
        maps = _over_channels(out.T.reshape(n_columns, *left.shape[1:]), axes[0])
        maps = tile_sums(maps, tile) if tile > 1 else maps
        return maps.flatten(1).T.reshape(*tiled[0], *tiled[1])


def _over_channels(maps: Tensor, axis: int | None) -> Tensor:
    """Maps (K, *input shape without the batch) summed over the channels; ``axis`` counts from the batch axis."""
    return maps if axis is None else maps.sum(dim=axis)


BASELINES: dict[str, type[Baseline]] = {
    "saliency": Saliency,
    "curvature": Curvature,
    "hessian x product": HessianProduct,
    "gradient x input": GradientProduct,
    "integrated Jacobians": IntegratedJacobians,
}
"""Every baseline by the name of the literature."""
