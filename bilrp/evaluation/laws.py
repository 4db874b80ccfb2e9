"""Laws that an explanation should keep, and what it should notice: conservation, symmetry, randomised weights."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn

from bilrp.evaluation.truth import agreement, table_of
from bilrp.joint import JointRelevance


class Explainer(Protocol):
    """What explains a pair: `bilrp.BiLRP`, or a baseline."""

    def explain(self, x: Tensor, y: Tensor) -> JointRelevance: ...


def conservation_error(joint: JointRelevance) -> float:
    """How far the relevance of all pairs is from the similarity, as a share of the latter: 0 is conserved.

    Equals the size of `JointRelevance.bias_share`. Of a similarity of zero: the size of the relevance itself.
    """
    similarity = joint.similarity
    return abs(joint.total() - similarity) / (abs(similarity) or 1.0)


def symmetry_error(explainer: Explainer, x: Tensor, y: Tensor) -> float:
    """How far the explanation of (y, x) is from the transpose of that of (x, y), in Frobenius norm: 0 is symmetric."""
    one, other = explainer.explain(x, y), explainer.explain(y, x).swapped()
    table, transposed = table_of(one), table_of(other)
    return float((table - transposed).norm() / (table.norm() or 1.0))


def randomized_weights(
    make: Callable[[nn.Module], Explainer], model: nn.Module, x: Tensor, y: Tensor, *, tile: int = 1, seed: int = 0
) -> dict[str, float]:
    """How much of an explanation is left when the weights are shuffled, layer by layer from the top [Adebayo2018]_.

    An explanation of what a network has learned must change; one that stays near 1 shows the inputs, not the network.

    Parameters
    ----------
    make : callable
        Gives the explainer of a model, such as ``lambda model: BiLRP(model, "gamma")``.
    model : nn.Module
        Copied; the original is left as it was.
    x, y : Tensor
    tile : int
        Compares explanations pooled over tiles of this size.
    seed : int

    Returns
    -------
    dict of layer name to float
        Agreement (cosine) with the explanation of the trained model after the entries of the parameters of this layer,
        and of all above it, were permuted; from the top down.

    References
    ----------
    .. [Adebayo2018] Adebayo et al. Sanity checks for saliency maps. NeurIPS 2018: cascading randomisation.
    """

    def explain(network: nn.Module) -> Tensor:
        joint = make(network).explain(x, y)
        return table_of(joint if tile == 1 else joint.pool(tile))

    truth = explain(model)
    shuffled = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(seed)
    left: dict[str, float] = {}
    for name, layer in reversed(list(shuffled.named_modules())):
        parameters = [parameter for parameter in layer.parameters(recurse=False) if parameter.dim() > 1]
        if not parameters:
            continue
        with torch.no_grad():
            for parameter in parameters:
                order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
                parameter.copy_(parameter.flatten()[order].reshape(parameter.shape))
        left[name] = agreement(explain(shuffled), truth)
    return left
