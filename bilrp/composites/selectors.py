"""Which layers are meant: by name, by type, by kind of operation or by depth."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Protocol

from torch import nn

from bilrp._trace.operations import OperationContext

FUNCTIONS_OF: dict[type[nn.Module], frozenset[str]] = {
    getattr(nn, f"{layer}{n}d"): frozenset({f"{function}{n}d"})
    for layer, function in (
        *(("Conv", "conv"), ("ConvTranspose", "conv_transpose")),
        *(("MaxPool", "max_pool"), ("AvgPool", "avg_pool")),
    )
    for n in (1, 2, 3)
} | {
    nn.Linear: frozenset({"linear", "addmm"}),
    nn.LayerNorm: frozenset({"layer_norm"}),
}


@dataclass(frozen=True)
class Layer:
    """What a selector gets to see.

    Parameters
    ----------
    context : OperationContext
        The operation: ``context.name``, ``context.kind``, ``context.operation.module``.
    depth : int or None
        Place among the weighted layers, 0 at the input; None for other operations.
    n_layers : int
        How many weighted layers there are.
    """

    context: OperationContext
    depth: int | None
    n_layers: int


class Selector(Protocol):
    """Says whether a layer is meant; any callable with this signature will do."""

    def __call__(self, layer: Layer) -> bool: ...


@dataclass(frozen=True)
class Named:
    """By name, with ``*`` and ``?``: of the module, or of one operation in it (``"encoder:add#2"``)."""

    pattern: str

    def __call__(self, layer: Layer) -> bool:
        operation = layer.context.operation
        return fnmatchcase(operation.name, self.pattern) or fnmatchcase(operation.place, self.pattern)


@dataclass(frozen=True)
class Typed:
    """By module type; the functional form of a PyTorch layer counts as the layer."""

    module_type: type[nn.Module]

    def __call__(self, layer: Layer) -> bool:
        operation = layer.context.operation
        if operation.function in FUNCTIONS_OF.get(self.module_type, ()):
            return True
        return self.module_type not in FUNCTIONS_OF and isinstance(operation.module, self.module_type)


@dataclass(frozen=True)
class OfKind:
    """By kind of operation, such as ``"linear"``, ``"max"`` or ``"sum"``."""

    kind: str

    def __call__(self, layer: Layer) -> bool:
        return layer.context.kind == self.kind


@dataclass(frozen=True)
class Depth:
    """By place among the weighted layers: from ``start`` up to but without ``stop``, negative from the end."""

    start: int
    stop: int | None = None

    def __call__(self, layer: Layer) -> bool:
        return layer.depth is not None and layer.depth in range(*slice(self.start, self.stop).indices(layer.n_layers))


FIRST = Depth(0, 1)
