r"""Other explanations of a similarity, to compare BiLRP with: by gradients of the whole pass, or by all subsets.

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
`ShapleyInteraction`  what the two places bring together, mean over all subsets    by the index   M or more; few places
===================== ============================================================ ============== ==================

All but `Curvature` give a `JointRelevance` like `bilrp.BiLRP.explain`; every one has ``table(x, y, tile)``.

Gradients are taken operation by operation along the library's own record of the pass, not by autograd of the model as a
whole: on the CPU the gradient of batch normalisation in PyTorch 2.13 is wrong for one sample and some strides
(`bilrp._trace.plain`). They are true gradients, also through attention weights and gates that LRP holds fixed.

References
----------
.. [Eberle2022] Eberle et al. Building and interpreting deep similarity models. IEEE TPAMI 44(3), 2022: saliency,
   curvature and Hessian x product.
.. [Moeller2023] Moeller, Nikolaev, Padó. An attribution method for Siamese encoders. EMNLP 2023.
"""

from __future__ import annotations

from bilrp.baselines.base import Baseline
from bilrp.baselines.gradients import Curvature, GradientProduct, HessianProduct, Saliency
from bilrp.baselines.integrated import IntegratedJacobians
from bilrp.baselines.shapley import ShapleyInteraction

__all__ = [
    "BASELINES",
    "Baseline",
    "Curvature",
    "GradientProduct",
    "HessianProduct",
    "IntegratedJacobians",
    "Saliency",
    "ShapleyInteraction",
]

BASELINES: dict[str, type[Baseline]] = {
    "saliency": Saliency,
    "curvature": Curvature,
    "hessian x product": HessianProduct,
    "gradient x input": GradientProduct,
    "integrated Jacobians": IntegratedJacobians,
}
"""Every baseline for inputs of any size, by the name of the literature."""
