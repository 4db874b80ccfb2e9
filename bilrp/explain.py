"""The one-call entry: why does this model find these two inputs alike?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from bilrp._engine.propagation import DEFAULT_MEMORY
from bilrp.canonizers import Canonizer, fold_batch_norm
from bilrp.certificate import warn_of_doubts
from bilrp.composites import Composite
from bilrp.exceptions import InputError
from bilrp.joint import JointRelevance, tile_sums
from bilrp.outputs import Relevance, explain_outputs
from bilrp.rules import Rule

SIMILARITIES = ("dot", "cosine")


def summed_axis(x: Tensor, keep_channels: bool, channel_axis: int) -> int | None:
    """The axis of an input, batch included, over which its relevance is summed; None for none."""
    if not x.is_floating_point() or x.dim() <= 2 or keep_channels:
        return None
    if not -x.dim() < channel_axis < x.dim():
        raise InputError(f"channel_axis is {channel_axis} for an input of shape {tuple(x.shape)}")
    return channel_axis % x.dim()


class BiLRP:
    r"""Explains the similarity of two inputs under a model as relevance of pairs of their features.

    Parameters
    ----------
    model : nn.Module
        Maps a batch, such as images (N, C, H, W), to embeddings (N, M). It is run in evaluation mode and left as it
        was found: parameters, training mode, hooks, ``requires_grad``.
    composite : str, Composite, dict or None
        Which rule where: a name of `bilrp.COMPOSITES`, a `Composite`, or ``{layer name: rule}``. Layers that a dict
        does not name get LRP-0 when linear, the winner when max pooling, pass when element-wise.
    similarity : {"dot", "cosine"}
        :math:`\phi \cdot \phi'`, or the same divided by both norms, which are held fixed.
    projection : Tensor of shape (K, M), optional
        Explains the similarity of projected embeddings; see `bilrp.features.random_projection`. For embeddings of
        thousands of dimensions, as cost grows with M.
    canonizers : sequence of callable
        Default: batch normalisation folded.
    memory : int
        Bytes that the travelling relevance may take; it chooses how many dimensions travel together. Results do not
        depend on it.

    Notes
    -----
    :math:`R_{ij} = \sum_m \mathrm{LRP}_m(x)_i \, \mathrm{LRP}_m(x')_j`, which is a composition of ordinary LRP passes:
    2 M of them, never one for each pair [Eberle2022]_. With LRP-0 in a bias-free ReLU network it equals the Hessian
    times the product of the inputs.

    References
    ----------
    .. [Eberle2022] Eberle, Büttner, Kräutli, Müller, Valleriani, Montavon. Building and interpreting deep similarity
       models. IEEE TPAMI 44(3), 2022.

    Examples
    --------
    >>> import torch
    >>> from bilrp.rules import Gamma, ZBox
    >>> model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5))
    >>> explainer = BiLRP(model, {"0": ZBox(0.0, 1.0), "3": Gamma(0.1)})
    >>> joint = explainer.explain(torch.rand(1, 1, 8, 8), torch.rand(1, 1, 8, 8))
    >>> joint.pool(4).matrix().shape
    torch.Size([2, 2, 2, 2])
    """

    def __init__(
        self,
        model: nn.Module,
        composite: str | Composite | Mapping[str, Rule] | None = None,
        *,
        similarity: str = "dot",
        projection: Tensor | None = None,
        canonizers: Sequence[Canonizer] = (fold_batch_norm,),
        memory: int = DEFAULT_MEMORY,
    ) -> None:
        if similarity not in SIMILARITIES:
            raise InputError(f"similarity is {similarity!r}, expected 'dot' or 'cosine'")
        self.model = model
        self.composite = Composite.ensure(composite)
        self.similarity = similarity
        self.projection = projection
        self.canonizers = tuple(canonizers)
        self.memory = memory

    def explain(
        self,
        x: Tensor,
        y: Tensor,
        *,
        bias: str = "leave",
        keep_channels: bool = False,
        channel_axis: int = 1,
        pool: int | None = None,
    ) -> JointRelevance:
        """The joint relevance of one pair.

        Parameters
        ----------
        x, y : Tensor of shape (1, C, H, W) and (1, C, H', W')
            Any shape that the model takes, with a batch axis of 1. Integer inputs are token numbers: their relevance
            is that of their vectors, summed.
        bias : {"leave", "distribute"}
            Biases keep their share, which `JointRelevance.bias_share` states; or it is shared over the inputs of each
            layer in proportion to abs(z_jk).
        keep_channels : bool
            Keep the channel axis instead of summing over it.
        channel_axis : int
            Which axis of the input the channels are on; -1 for sequences of vectors (1, T, D). Inputs of two axes
            (1, F) have none.
        pool : int, optional
            The same as ``explain(x, y).pool(pool)``, several times faster for convolutional networks and large tiles:
            the relevance of tiles is found without maps of full resolution (`bilrp._engine.tiled`), in networks that
            branch up to their first branch.

        Returns
        -------
        JointRelevance

        Raises
        ------
        UnsupportedOperationError
            When relevance reaches an operation without a rule.
        """
        factors = [self._factor(sample, bias, keep_channels, channel_axis, pool) for sample in (x, y)]
        joint = self._join(factors[0], factors[1], bias, pool or 1)
        warn_of_doubts(joint.certificate)
        return joint

    def explain_pairs(
        self,
        x: Tensor,
        y: Tensor,
        *,
        bias: str = "leave",
        keep_channels: bool = False,
        channel_axis: int = 1,
        pool: int | None = None,
    ) -> list[JointRelevance]:
        """The joint relevance of each pair (x[n], y[n]) of two batches of N; arguments as in `explain`.

        A sample that stands in several pairs, such as one query beside many candidates, is explained once.
        """
        if len(x) != len(y):
            raise InputError(f"explain_pairs: got {len(x)} and {len(y)} samples, expected as many of each")
        known: list[tuple[Tensor, Relevance]] = []

        def factor(sample: Tensor) -> Relevance:
            for other, relevance in known:
                if other.shape == sample.shape and torch.equal(other, sample):
                    return relevance
            known.append((sample, self._factor(sample, bias, keep_channels, channel_axis, pool)))
            return known[-1][1]

        return [self._join(factor(x[n : n + 1]), factor(y[n : n + 1]), bias, pool or 1) for n in range(len(x))]

    def _factor(self, x: Tensor, bias: str, keep_channels: bool, channel_axis: int, pool: int | None) -> Relevance:
        axis = summed_axis(x, keep_channels, channel_axis)
        n_axes = x.dim() - (axis is not None)
        if pool is not None and (pool < 1 or n_axes < 3 or not x.is_floating_point()):
            raise InputError(
                f"pool is {pool} for an input of shape {tuple(x.shape)}, expected one or more pixels and an input with "
                f"a height and a width, such as (1, C, H, W)"
            )
        tiles_alone = pool is not None and axis == 1 and x.dim() == 4

        def reduce(relevance: Tensor) -> Tensor:
            summed = relevance if axis is None else relevance.sum(dim=axis + 1)  # K comes first
            return summed if pool is None else tile_sums(summed, pool)

        factor = explain_outputs(
            self.model,
            x,
            self.composite,
            bias=bias,
            projection=self.projection,
            pool=pool if tiles_alone else None,
            reduce=None if tiles_alone else reduce,
            canonizers=self.canonizers,
            memory=self.memory,
            warn=False,
        )
        if self.similarity == "cosine":
            norm = factor.embedding.norm()
            scale = torch.where(norm > 0, 1 / norm, torch.zeros_like(norm))
            factor = Relevance(factor.values * scale, factor.embedding * scale, factor.coverage)
        return factor

    def _join(self, left: Relevance, right: Relevance, bias: str, tile: int) -> JointRelevance:
        settings: dict[str, Any] = {"composite": self.composite.name, "bias": bias, "similarity": self.similarity}
        if isinstance(provenance := getattr(self.model, "provenance", None), str):
            settings["model"] = provenance
        factors = left.values, right.values, left.embedding, right.embedding
        return JointRelevance(*factors, left.coverage, right.coverage, tile, settings)
