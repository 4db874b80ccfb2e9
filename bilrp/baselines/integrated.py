"""Integrated Jacobians: integrated gradients for two inputs, after Moeller, Nikolaev and Padó (2023, 2024)."""

from __future__ import annotations

import torch
from torch import Tensor

from bilrp.baselines.base import Baseline, Side, SideFactor, over_channels
from bilrp.baselines.reference import Reference, reference_of
from bilrp.exceptions import InputError
from bilrp.factors import inverse_norm
from bilrp.inputs import Tower


class IntegratedJacobians(Baseline):
    r"""Integrated Jacobians: integrated gradients for two inputs [Moeller2023]_.

    :math:`R_{ij} = \sum_m (x_i - r_i) \bar J_{mi} \, (x'_j - r'_j) \bar J'_{mj}` with
    :math:`\bar J = \int_0^1 \partial \phi / \partial x \, (r + \alpha (x - r)) \, d\alpha`, by the midpoint rule. In
    the limit of many steps it sums to :math:`(\phi(x) - \phi(r)) \cdot (\phi(x') - \phi(r'))`: the similarity less the
    terms of the references, and `JointRelevance.bias_share` is the share of these.

    Parameters
    ----------
    model, similarity, projection, layer, right_tower
        As in `Baseline`. The norms of a cosine are those of x and x', held fixed along the paths. Token numbers are
        explained along the way of their vectors. With a layer the path runs through its output [Moeller2024]_; what
        goes around the layer stays as it is for x.
    reference : float, Tensor, callable, or a pair of these
        Where the paths begin: a number for every entry of what is explained (default 0), an input that stands for
        nothing, such as a blurred picture or padding tokens (it must broadcast against x), or a function that makes one
        of an input, such as ``lambda ids: torch.full_like(ids, pad)``. A pair has one for each side.
    steps : int
        Jacobians a side; the cost grows with it.
    shift : bool
        Explain the similarity of the shifted embeddings :math:`\phi(x) - \phi(r)`, for which nothing is left to the
        references: with ``similarity="cosine"`` the *exact cosine* of [Moeller2023]_, norms those of the shifted
        embeddings.

    References
    ----------
    .. [Moeller2023] Moeller, Nikolaev, Padó. An attribution method for Siamese encoders. EMNLP 2023: equations 2 to 6.
    .. [Moeller2024] Moeller, Nikolaev, Padó. Approximate attributions for off-the-shelf Siamese transformers.
       EACL 2024.
    """

    def __init__(
        self,
        model: Tower,
        *,
        similarity: str = "dot",
        projection: Tensor | None = None,
        layer: str | None = None,
        right_tower: Tower | None = None,
        reference: Reference = 0.0,
        steps: int = 20,
        shift: bool = False,
    ) -> None:
        super().__init__(model, similarity=similarity, projection=projection, layer=layer, right_tower=right_tower)
        if steps < 1:
            raise InputError(f"IntegratedJacobians: steps is {steps}, expected one or more")
        self.reference = reference
        self.steps = steps
        self.shift = shift

    def _factor(self, side: Side) -> SideFactor:
        reference = reference_of(side, self.reference)
        way = side.value - reference
        phi = self._phi(side, side.value)
        if self.shift:
            phi = phi - self._phi(side, reference)
        total = torch.zeros((), dtype=phi.dtype, device=phi.device)
        for step in range(self.steps):
            total = total + self._raw_jacobian(side, reference + (step + 0.5) / self.steps * way)[1]
        inverse = inverse_norm(phi, self.similarity)
        return over_channels(total * (way * inverse / self.steps), side.axis), phi * inverse
