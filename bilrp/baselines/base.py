"""What the baselines have in common: a pair, its embeddings and their Jacobians, from the library's own record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from bilrp._trace.inner import FromInner
from bilrp._trace.jacobian import jacobian
from bilrp._trace.precision import in_float32
from bilrp._trace.recorder import frozen_eval, record
from bilrp.channels import summed_axis
from bilrp.coverage import Coverage
from bilrp.exceptions import InputError
from bilrp.factors import SIMILARITIES, inverse_norm
from bilrp.inputs import ModelInput, Tower, bind, read
from bilrp.joint import JointRelevance

COVERAGE = Coverage((), ("gradients of the whole pass: no operation has a rule, none is left out",))
SideFactor = tuple[Tensor, Tensor]
"""The maps of one side (M, *shape of the places), and what stands for its embedding (M,)."""


class Side(NamedTuple):
    """One input of a pair.

    Parameters
    ----------
    model : nn.Module
        The network, or the rest of it behind ``value``.
    value : Tensor of shape (1, ...)
        What is explained: the input, the vectors of its tokens, or the output of a layer.
    axis : int or None
        Over which axis of ``value`` relevance is summed.
    number : int
        0 for the first input, 1 for the second.
    tokens : sequence of str or None
        Of a text that the tower read itself.
    """

    model: nn.Module
    value: Tensor
    axis: int | None
    number: int
    tokens: Sequence[str] | None = None


class Baseline:
    """Base of the explanations by gradients; the model is run in evaluation mode and left as it was.

    Parameters
    ----------
    model : nn.Module, or a method of one
        Maps (1, ...) to (1, M), as for `bilrp.BiLRP`.
    similarity : {"dot", "cosine"}
        Norms are held fixed, as in `bilrp.BiLRP`.
    projection : Tensor of shape (K, M), optional
        Explains the similarity of projected embeddings.
    layer : str, optional
        Explain by the output of this layer instead of the input: pairs are then pairs of its places, and channels are
        those of its output. Of token numbers it is always their vectors that are explained.
    right_tower : nn.Module, or a method of one, optional
        Embeds the second input, where that is of another kind.
    """

    def __init__(
        self,
        model: Tower,
        *,
        similarity: str = "dot",
        projection: Tensor | None = None,
        layer: str | None = None,
        right_tower: Tower | None = None,
    ) -> None:
        if similarity not in SIMILARITIES:
            raise InputError(f"similarity is {similarity!r}, expected 'dot' or 'cosine'")
        self.model = model
        self.similarity = similarity
        self.projection = projection
        self.layer = layer
        self.right_tower = right_tower

    def explain(
        self, x: ModelInput, y: ModelInput, *, keep_channels: bool = False, channel_axis: int | None = None
    ) -> JointRelevance:
        """The joint relevance of one pair; arguments as for `bilrp.BiLRP.explain`.

        Token numbers (1, T) give maps (M, T), as there: the relevance of each token's vector, summed.
        """
        sides = self._sides(x, y, keep_channels, channel_axis)
        (left, phi), (right, other_phi) = self._factors(sides)
        settings = {"method": type(self).__name__, "similarity": self.similarity}
        if self.layer is not None:
            settings["layer"] = self.layer
        return as_joint((left, right, phi, other_phi), sides, settings)

    def table(self, x: ModelInput, y: ModelInput, tile: int = 1) -> Tensor:
        """The relevance of every pair of tiles, of shape (H, W, H', W'); for other inputs (*shape, *shape').

        Parameters
        ----------
        x, y : Tensor of shape (1, C, H, W) and (1, C, H', W')
        tile : int
            Sums over tiles of this many pixels a side.
        """
        joint = self.explain(x, y)
        return (joint if tile == 1 else joint.pool(tile)).matrix()

    def _sides(self, x: ModelInput, y: ModelInput, keep_channels: bool, channel_axis: int | None) -> list[Side]:
        return [self._side(sample, number, keep_channels, channel_axis) for number, sample in enumerate((x, y))]

    def _side(self, sample: ModelInput, number: int, keep_channels: bool, channel_axis: int | None) -> Side:
        tower = self.right_tower if number and self.right_tower is not None else self.model
        inputs, tokens = read(tower, sample)
        model, x, _ = bind(tower, inputs)
        if x.dim() < 2 or x.shape[0] != 1:
            raise InputError(
                f"got an input of shape {tuple(x.shape)}, expected one sample with its batch axis, such as (1, C, H, W)"
            )
        if x.is_floating_point() and self.layer is None:
            return Side(model, x.detach(), summed_axis(x, keep_channels, channel_axis, model), number)
        rest = FromInner(model, x, self.layer)
        try:
            with frozen_eval(model, x.device):
                value = rest.value()
        except RuntimeError as error:
            kind = "one sample that the model takes" if x.is_floating_point() else "one floating-point sample"
            raise InputError(f"the model does not take {x.dtype} of shape {tuple(x.shape)}, expected {kind}") from error
        if self.layer is None:
            return Side(rest, value, None if keep_channels else value.dim() - 1, number, tokens)
        return Side(rest, value, summed_axis(value, keep_channels, channel_axis, rest), number)

    def _factors(self, sides: list[Side]) -> list[SideFactor]:
        return [self._factor(side) for side in sides]

    def _factor(self, side: Side) -> SideFactor:
        """The factor of one side, where it does not depend on the other."""
        raise NotImplementedError

    def _jacobian(self, side: Side) -> tuple[Tensor, Tensor]:
        """The embedding (K,) and its Jacobian (K, *value.shape[1:]), both divided by the norm that is held fixed."""
        phi, rows = self._raw_jacobian(side, side.value)
        inverse = inverse_norm(phi, self.similarity)
        return phi * inverse, rows * inverse

    def _raw_jacobian(self, side: Side, value: Tensor) -> tuple[Tensor, Tensor]:
        """The projected embedding and its Jacobian at a value, before any norm."""
        with frozen_eval(side.model, value.device):
            tape = in_float32(record(side.model, value))
            out = tape.values[tape.output_node]
            phi = self._projected(out)
            rows = torch.eye(out.numel(), dtype=phi.dtype) if self.projection is None else self.projection
            return phi, jacobian(tape, rows.to(phi))[:, 0]

    def _phi(self, side: Side, value: Tensor) -> Tensor:
        """The projected embedding for a value, before any norm and without gradients."""
        with frozen_eval(side.model, value.device):
            return self._projected(side.model(value.clone()))

    def _projected(self, out: Tensor) -> Tensor:
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


def as_joint(
    factors: tuple[Tensor, Tensor, Tensor, Tensor], sides: list[Side], settings: dict[str, Any], tile: int = 1
) -> JointRelevance:
    """The result: both maps and both embeddings, with the tokens of each side where its maps are of them."""
    kept = [
        side.tokens if maps.dim() == 2 and side.tokens is not None and maps.shape[1] == len(side.tokens) else None
        for side, maps in zip(sides, factors, strict=False)
    ]
    left, right = kept
    return JointRelevance(*factors, COVERAGE, COVERAGE, tile, settings, left_tokens=left, right_tokens=right)


def over_channels(maps: Tensor, axis: int | None) -> Tensor:
    """Maps (K, *value.shape[1:]) summed over an axis of the value, batch counted."""
    return maps if axis is None else maps.sum(dim=axis)
