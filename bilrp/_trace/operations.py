"""What kind of operation each PyTorch function is, and which of its inputs relevance follows.

The kind decides which rules can serve an operation and which one does when nobody chose:

============ ============================================================ =======================
kind         operations                                                   default rule
============ ============================================================ =======================
linear       convolutions, linear layers, products with a constant matrix `LRP0`
sum          sums, residual additions, averages, average pooling,         `SumShare`
             interpolation, scatter and index additions, `fold`
attention    values weighted by a softmax (weights held fixed)            `SumShare`
max          max pooling, maximum, max over a dimension                   `MaxWinner`
min          minimum, min over a dimension                                `MinShare`
elementwise  activations, dropout, scaling by a constant, roots           `Pass`
norm         layer, group, instance, RMS, loose batch normalisation       `NormShare`
quotient     division by something computed from the input (held fixed)   `Pass`
product      two parts of the network multiplied with each other          `ProductShare`
shape        views, permutations, indexing, concatenation, padding        none needed: exact
embedding    lookup of token vectors: a token gets what its vector got    none needed: exact
unknown      everything else: softmax, products of two activations, ...   none: raises
============ ============================================================ =======================
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from bilrp._trace.functions import CASTS, SHAPES
from bilrp._trace.plain import PLAIN
from bilrp._trace.tape import Operation, Ref, Tape, carries, found_in, is_integer

CONVOLUTIONS = {"conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"}
PRODUCTS = {"matmul", "mm", "bmm", "mv", "einsum", "rmatmul"}
SUMS = {
    *("add", "sub", "rsub", "radd", "sum", "mean", "cumsum", "index_add", "scatter_add", "fold"),
    *("avg_pool1d", "avg_pool2d", "avg_pool3d", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d"),
}
MAXIMA = {
    *("max", "amax", "maximum", "fmax", "max_pool1d", "max_pool2d", "max_pool3d"),
    *("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d"),
}
MINIMA = {"min", "amin", "minimum", "fmin"}
WITH_CONSTANTS = {
    *("cat", "stack", "hstack", "vstack", "dstack", "column_stack", "row_stack", "where", "masked_fill", "setitem"),
    *("pad", "constant_pad_nd", "tril", "triu", "diag", "diag_embed", "diagflat", "scatter", "masked_scatter"),
    *("index_copy", "index_fill", "index_put", "slice_scatter", "select_scatter", "diagonal_scatter", "fill_diagonal"),
    *("fill", "zero", "copy", "memory", "block_diag"),
}
"""Rearrangements that can bring in constants, such as a class token: relevance that these get goes no further."""

ELEMENTWISE = {
    *("relu", "relu6", "leaky_relu", "rrelu", "prelu", "elu", "selu", "celu", "gelu", "silu", "mish", "glu_gate"),
    *("sigmoid", "tanh", "softplus", "softsign", "hardtanh", "hardswish", "hardsigmoid", "log_sigmoid", "hardshrink"),
    *("softshrink", "tanhshrink", "threshold", "clamp", "clamp_min", "clamp_max", "abs", "neg", "sqrt", "square"),
    *("exp", "expm1", "log", "log1p", "log2", "log10", "pow", "dropout", "dropout1d", "dropout2d", "dropout3d"),
    *("alpha_dropout", "feature_alpha_dropout", "feature_dropout", "nan_to_num", "erf", "sin", "cos", "round", "floor"),
    *("ceil", "trunc", "rdiv"),
}
NORMS = {"layer_norm", "group_norm", "instance_norm", "rms_norm", "normalize", "batch_norm", "local_response_norm"}
SIGNED = {"sub": torch.add, "rsub": torch.add}  # the same sums with every part counted positive
POSITIVE_MODES = {"nearest", "nearest-exact", "linear", "bilinear", "trilinear", "area"}
THROUGH = SHAPES | {"dropout", "mul", "div", "masked_fill"}  # what may stand between a softmax and its values


@dataclass(frozen=True)
class OperationContext:
    """An operation of the tape with its values: what a rule gets to see.

    Parameters
    ----------
    operation : Operation
    kind : str
        See the table of this module.
    flows : tuple of int
        The input nodes that relevance is passed on to, in the order in which rules return it.
    inputs : tuple of Tensor
        Their values.
    output : Tensor
        The value of the first output.
    tape : Tape
    """

    operation: Operation
    kind: str
    flows: tuple[int, ...]
    inputs: tuple[Tensor, ...]
    output: Tensor
    tape: Tape

    @property
    def name(self) -> str:
        return self.operation.name

    @property
    def function(self) -> str:
        return self.operation.function

    def run(
        self, inputs: Sequence[Tensor], call: Callable[..., Any] | None = None, constants: bool = True
    ) -> list[Tensor]:
        """The outputs for other inputs; with ``constants=False`` as if every other tensor argument of a sum were 0."""
        values = dict(enumerate(self.tape.values))
        values.update(zip(self.flows, inputs, strict=True))
        operation = self.operation
        if operation.function in {"setitem", "copy"} and isinstance(operation.args[0], Tensor):
            operation = replace(operation, args=(operation.args[0].to(self.output.dtype), *operation.args[1:]))
        if not constants:
            operation = replace(operation, args=_zeroed(operation.args, self.function))
        if call is not None:
            operation = replace(operation, call=call)
        return operation.run(values)

    def vjp(
        self, relevances: Sequence[Tensor | None], call: Callable[..., Any] | None = None, constants: bool = True
    ) -> tuple[Tensor, ...]:
        """The transposed Jacobian applied to many output vectors at once.

        Parameters
        ----------
        relevances : sequence of Tensor of shape (K, *output shape), or None
            One for each output; None counts as zero.
        call : callable, optional
            Another function to take the Jacobian of. Default: that of the operation, written out where PyTorch's own
            gradient can be wrong (`bilrp._trace.plain`).
        constants : bool, default True
            As in `run`.

        Returns
        -------
        tuple of Tensor of shape (K, *input shape)
            One for each flow.
        """
        with torch.enable_grad():
            leaves = [value.detach().requires_grad_() for value in self.inputs]
            outputs = self.run(leaves, call or PLAIN.get(self.operation.call), constants)
            pairs = [(o, r) for o, r in zip(outputs, relevances, strict=False) if r is not None and o.requires_grad]
            gradients: Sequence[Tensor | None] = [None] * len(leaves)
            if pairs:
                tops = [o for o, _ in pairs]
                cotangents = [r.reshape(r.shape[0], *o.shape) for o, r in pairs]
                gradients = torch.autograd.grad(tops, leaves, cotangents, is_grads_batched=True, allow_unused=True)
        first = next(r for r in relevances if r is not None)
        return tuple(
            first.new_zeros(first.shape[0], *leaf.shape) if g is None else g
            for leaf, g in zip(leaves, gradients, strict=True)
        )


def _zeroed(args: tuple[Any, ...], function: str) -> tuple[Any, ...]:
    """Arguments with the constant summands of a sum set to zero."""
    if function in {"add", "sub", "rsub", "radd"}:
        return tuple(
            torch.zeros_like(item) if isinstance(item, Tensor) else item if isinstance(item, Ref) else item * 0
            for item in args
        )
    if function in {"index_add", "scatter_add"}:
        return (torch.zeros_like(args[0]) if isinstance(args[0], Tensor) else args[0], *args[1:])
    return args


def sum_to(relevance: Tensor, shape: Sequence[int]) -> Tensor:
    """Undo broadcasting: (K, *broadcast shape) to (K, *shape) by summation."""
    lead = relevance.dim() - 1 - len(shape)
    if lead > 0:
        relevance = relevance.sum(dim=tuple(range(1, lead + 1)))
    spread = tuple(i + 1 for i, n in enumerate(shape) if n == 1 and relevance.shape[i + 1] != 1)
    return relevance.sum(dim=spread, keepdim=True) if spread else relevance


class OperationContexts:
    """Finds the `OperationContext` of each operation of a tape."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._makers = {node: operation for operation in tape.operations for node in operation.outputs}

    def of(self, operation: Operation) -> OperationContext:
        kind, flows = self._classify(operation)
        values = tuple(self._as_float(self._tape.values[node]) for node in flows)
        output = self._as_float(self._tape.values[operation.outputs[0]])
        return OperationContext(operation, kind, flows, values, output, self._tape)

    def _as_float(self, value: Tensor) -> Tensor:
        """Token numbers in the type of the embedding, as derivatives want them."""
        return value if carries(value) else value.to(self._tape.values[self._tape.output_node].dtype)

    def _of_ids(self, operation: Operation, ids: tuple[int, ...]) -> tuple[str, tuple[int, ...]] | None:
        """The kind of an operation on token numbers alone; None where it is that of any other tensors."""
        name = operation.function
        if is_integer(self._tape.values[operation.outputs[0]]) and name != "one_hot":
            if name in SHAPES - CASTS:
                return "shape", ids
            return ("elementwise" if len(ids) == 1 else "product"), ids
        if name in CASTS:
            return "elementwise", ids
        table, *index = operation.args
        looked_up = name == "getitem" and (index in ([Ref(ids[0])], [(Ref(ids[0]),)]))
        looked_up |= name == "index_select" and index == [0, Ref(ids[0])]
        if name in {"embedding", "one_hot"} or (isinstance(table, Tensor) and looked_up):
            return "embedding", ids[:1]
        return None

    def _classify(self, operation: Operation) -> tuple[str, tuple[int, ...]]:
        name, inputs = operation.function, operation.inputs
        ids = tuple(node for node in inputs if not carries(self._tape.values[node]))
        if len(ids) == len(inputs):
            if (of_ids := self._of_ids(operation, ids)) is not None:
                return of_ids
        elif ids:  # they say where, not what
            inputs = tuple(node for node in inputs if node not in ids)
        refs = [item for item in operation.args if isinstance(item, Ref)]
        if name in CONVOLUTIONS or name in {"linear", "addmm"}:
            return ("linear" if len(inputs) == 1 else "unknown"), inputs
        if name in PRODUCTS:
            return self._product(operation)
        if name in SUMS:
            return "sum", inputs
        if name in {"interpolate", "upsample"}:
            mode = operation.kwargs.get("mode", operation.args[3] if len(operation.args) > 3 else "nearest")
            return ("sum" if mode in POSITIVE_MODES else "unknown"), inputs
        if name in MAXIMA:
            return "max", inputs
        if name in MINIMA:
            return "min", inputs
        if name in SHAPES:
            return "shape", inputs
        if name == "embedding":  # of a table that the model computes
            return "shape", inputs
        if name in NORMS:
            return "norm", inputs[:1]
        if name == "mul":
            return ("elementwise", inputs) if len(inputs) == 1 else ("product", inputs)
        if name == "div":
            return ("elementwise", inputs) if len(inputs) == 1 else ("quotient", (refs[0].node,))
        if name in ELEMENTWISE and len(inputs) == 1:
            return "elementwise", inputs
        return "unknown", inputs

    def _product(self, operation: Operation) -> tuple[str, tuple[int, ...]]:
        operands = list(found_in(operation.args, Tensor, Ref))
        refs = [item.node for item in operands if isinstance(item, Ref)]
        if len(operands) != 2 or (len(refs) == 2 and refs[0] == refs[1]):
            return "unknown", operation.inputs
        if len(refs) == 1:
            return "linear", operation.inputs
        weights = [node for node in refs if self._from_softmax(node)]
        if len(weights) == 1:
            return "attention", tuple(node for node in refs if node not in weights)
        return "unknown", operation.inputs

    def _from_softmax(self, node: int) -> bool:
        while node in self._makers:
            maker = self._makers[node]
            if maker.function == "softmax":
                return True
            if maker.function not in THROUGH or len(maker.inputs) != 1:
                return False
            node = maker.inputs[0]
        return False


def pair_of(value: Any) -> tuple[int, int]:
    """A setting of a two-dimensional operation as (rows, columns): given once or twice."""
    return (int(value[0]), int(value[-1])) if isinstance(value, (tuple, list)) else (int(value), int(value))
