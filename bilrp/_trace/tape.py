"""The record of one forward pass: operations in order, the values between them, and how to run each again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn


def found_in(tree: Any, *kinds: type) -> Iterator[Any]:
    """Everything of some types in nested lists, tuples and dicts, in order."""
    if isinstance(tree, kinds):
        yield tree
    elif isinstance(tree, (list, tuple, dict)):
        for item in tree.values() if isinstance(tree, dict) else tree:
            yield from found_in(item, *kinds)


def tensors_in(tree: Any) -> Iterator[Tensor]:
    """Every tensor in nested lists, tuples and dicts, in order."""
    return found_in(tree, Tensor)


@dataclass(frozen=True)
class Ref:
    """Stands in recorded arguments where a tensor stood that depends on the input."""

    node: int


@dataclass
class Operation:
    """One recorded call.

    Parameters
    ----------
    function : str
        Name of the PyTorch function, such as ``"conv2d"`` or ``"add"``.
    place : str
        Dotted name of the innermost module that was running; empty for the model itself.
    module : nn.Module or None
        That module.
    call : callable
        Computes the outputs from the arguments without changing these, whether or not the original call did.
    args, kwargs
        The arguments, with a `Ref` for each tensor that depends on the input.
    inputs, outputs : tuple of int
        Nodes of the tape, in order of appearance.
    name : str
        What users call it: the place, with ``:function`` where the place runs several.
    part_of : str
        The function that was written out in steps, such as ``"lstm"``, of which this is one; empty for others.
    """

    function: str
    place: str
    module: nn.Module | None
    call: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    name: str = ""
    part_of: str = ""

    def named(self, *names: str, **defaults: Any) -> dict[str, Any]:
        """The arguments by name, for a function with these parameters."""
        return {**defaults, **dict(zip(names, self.args, strict=False)), **self.kwargs}

    def run(self, values: Mapping[int, Tensor]) -> list[Tensor]:
        """The outputs that are nodes, for other values of the inputs."""
        args = _replace(self.args, values)
        kwargs = _replace(self.kwargs, values)
        made = list(tensors_in(self.call(*args, **kwargs)))
        carrying = [tensor for tensor in made if carries(tensor)]
        return carrying or made


@dataclass
class Tape:
    """A recorded forward pass: operations in order, and the value at each node.

    ``seed`` is PyTorch's where the model drew random numbers; ``precision`` the type in which the model computed where
    that is another one than the values here have.
    """

    operations: list[Operation]
    values: list[Tensor]
    input_node: int
    output_node: int
    notes: list[str] = field(default_factory=list)
    seed: int | None = None
    precision: str = ""

    def users(self) -> Counter[int]:
        """How often each node is read, the embedding counting as one reading."""
        counts = Counter(node for operation in self.operations for node in operation.inputs)
        counts[self.output_node] += 1
        return counts


def mapped(tree: Any, change: Callable[[Any], Any]) -> Any:
    """Nested lists, tuples and dicts with every leaf changed."""
    if isinstance(tree, (list, tuple)):
        items = [mapped(item, change) for item in tree]
        return items if isinstance(tree, list) else tuple(items)
    if isinstance(tree, dict):
        return {key: mapped(item, change) for key, item in tree.items()}
    return change(tree)


def _replace(tree: Any, values: Mapping[int, Tensor]) -> Any:
    return mapped(tree, lambda item: values[item.node] if isinstance(item, Ref) else item)


def carries(tensor: Tensor) -> bool:
    """Whether relevance can flow through a tensor: indices and masks are fixed choices."""
    return tensor.is_floating_point() or tensor.is_complex()


def is_integer(tensor: Tensor) -> bool:
    """Whether a tensor can hold token numbers."""
    return not carries(tensor) and tensor.dtype != torch.bool
