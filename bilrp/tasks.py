"""One input on its way to be explained: the model bound to it, the tensor that carries relevance, what is summed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from torch import Tensor, nn

from bilrp.channels import summed_axis as summed_axis
from bilrp.exceptions import BilrpError, InputError
from bilrp.inputs import ModelInput, Tower, bind, read, refused_by_model
from bilrp.recorded import runs
from bilrp.regions import tile_sums


@dataclass(frozen=True)
class Task:
    """An input with its model, and how the relevance of it is summed.

    Parameters
    ----------
    tower : nn.Module, or a method of one
    inputs : Tensor, tuple or mapping
        As the tower takes them.
    tokens : tuple of str, optional
        Of a text that the tower has read.
    model : nn.Module
        The tower as a function of the carrier alone.
    carrier : Tensor
        What is explained.
    axis : int, optional
        The axis of the carrier, batch included, that relevance is summed over.
    pool : int, optional
        Pixels along one side of the tiles that it is summed over.
    settings : mapping
        What was asked for: ``keep_channels``, ``channel_axis``, ``pool``.
    """

    tower: Tower
    inputs: ModelInput
    tokens: tuple[str, ...] | None
    model: nn.Module
    carrier: Tensor
    axis: int | None
    pool: int | None
    settings: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        tower: Tower,
        x: ModelInput,
        relevance_of: str | int | None,
        keep_channels: bool,
        channel_axis: int | None,
        pool: int | None,
    ) -> Task:
        """Read, bind and check an input; arguments as for `bilrp.BiLRP.factor`."""
        inputs, tokens = read(tower, x)
        model, carrier, name = bind(tower, inputs, relevance_of)
        settings = {"keep_channels": keep_channels, "channel_axis": channel_axis, "pool": pool}
        axis = summed_axis(carrier, keep_channels, channel_axis, model, default=-1 if name == "inputs_embeds" else None)
        n_axes = carrier.dim() - (axis is not None)
        if pool is not None and (
            not isinstance(pool, Integral) or pool < 1 or n_axes < 3 or not carrier.is_floating_point()
        ):
            raise InputError(
                f"pool is {pool!r} for an input of shape {tuple(carrier.shape)}, expected one or more pixels and an "
                f"input with a height and a width, such as (1, C, H, W)"
            )
        return cls(tower, inputs, None if tokens is None else tuple(tokens), model, carrier, axis, pool, settings)

    @property
    def tiles_alone(self) -> bool:
        """Whether tiles can be found without maps of full resolution."""
        return self.pool is not None and self.axis == 1 and self.carrier.dim() == 4

    def reduce(self, relevance: Tensor) -> Tensor:
        """Sums over channels and tiles of relevance (K, N, ...)."""
        summed = relevance if self.axis is None else relevance.sum(dim=self.axis + 1)  # K comes first
        return summed if self.pool is None else tile_sums(summed, self.pool)

    def joins(self, other: Task) -> bool:
        """Whether two inputs can be one batch: by kind, shape and type of all that goes in."""
        return bool(_form(self.inputs) == _form(other.inputs))

    @contextmanager
    def understood(self) -> Iterator[None]:
        """Errors of the model itself, which cannot take this input, say so and what to do."""
        try:
            yield
        except (TypeError, RuntimeError, IndexError, ValueError, AssertionError) as error:
            if isinstance(error, BilrpError) or runs(self.model, self.carrier):
                raise
            raise refused_by_model(self.tower, self.inputs, error) from error


def _form(tree: Any) -> Any:
    if isinstance(tree, Tensor):
        return tuple(tree.shape), tree.dtype, tree.device
    if isinstance(tree, Mapping):
        return tuple((key, _form(value)) for key, value in tree.items())
    if isinstance(tree, (list, tuple)):
        return tuple(_form(value) for value in tree)
    return tree
