"""What kind of operation each PyTorch function is, and which of its inputs relevance follows.

The kind decides which rules can serve an operation and which one does when nobody chose:

============ ============================================================ =======================
kind         operations                                                   default rule
============ ============================================================ =======================
linear       convolutions, linear layers, products with a constant matrix `LRP0`
sum          sums, residual additions, averages, average pooling,         `SumShare`
             interpolation, scatter and index additions, `fold`
attention    values weighted by a softmax (weights held fixed: CP-LRP)    `SumShare`
bilinear     other products of activations, computed kernels              `BilinearShare`
max          max pooling, maximum, max over a dimension                   `MaxWinner`
min          minimum, min over a dimension                                `MinShare`
elementwise  activations, dropout, scaling by a constant, roots           `Pass`
norm         layer, group, instance, RMS, loose batch normalisation; a    `NormShare`
             value over a spread of itself, however written
quotient     division by something computed from the input (held fixed)   `Pass`
product      two parts of the network multiplied entry by entry           `ProductShare`
gate         the same, where one part is a gate (held fixed)              `Gate`
recurrent    the same inside an LSTM or GRU                               `SignalTakesAll`
softmax      where relevance reaches it (its sum held fixed)              `Pass`
homogeneous  spreads, norms as values, products over a dimension          `SlopeShare`
shape        views, permutations, indexing, concatenation, padding        none needed: exact
embedding    lookup of token vectors: a token gets what its vector got    none needed: exact
unknown      everything else                                              none: raises
============ ============================================================ =======================
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from bilrp._trace.functions import CASTS, CHOICES, SHAPES
from bilrp._trace.gates import SOFTMAXES, Gates
from bilrp._trace.norms import Norms
from bilrp._trace.plain import PLAIN
from bilrp._trace.recurrent import RECURRENT
from bilrp._trace.tape import Operation, Ref, Tape, carries, found_in, is_integer

CONVOLUTIONS = {"conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"}
PRODUCTS = {
    *("matmul", "mm", "bmm", "mv", "einsum", "rmatmul", "outer", "ger", "dot", "inner", "vdot", "tensordot", "kron"),
    *("bilinear", "linalg_multi_dot", "chain_matmul", "cross", "linalg_cross", "linalg_vecdot"),
}
SUMS = {
    *("add", "sub", "rsub", "radd", "sum", "mean", "cumsum", "index_add", "scatter_add", "fold"),
    *("nansum", "nanmean", "trace", "trapz", "trapezoid", "cumulative_trapezoid", "sum_to_size"),
    *("avg_pool1d", "avg_pool2d", "avg_pool3d", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d"),
}
MAPS = {
    *(f"fft_{way}{name}{n}" for way in ("", "i") for name in ("fft", "rfft") for n in ("", "2", "n")),
    *(f"fft_{way}hfft{n}" for way in ("", "i") for n in ("", "2", "n")),
    *("stft", "istft", "grid_sample", "grid_sampler", "grid_sampler_2d", "grid_sampler_3d", "diff", "gradient"),
}
"""Linear maps whose coefficients have either sign, and no weights that a rule could change."""
MAXIMA = {
    *("logsumexp", "logaddexp", "logaddexp2", "logcumsumexp"),  # soft ones: their slopes are shares that add up to 1
    *("fractional_max_pool2d", "fractional_max_pool3d"),
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
    *("ceil", "trunc", "frac", "rdiv", "rsqrt", "exp2", "erfc", "erfinv", "sinc", "logit", "tan", "asin", "acos"),
    *(
        "atan",
        "arcsin",
        "arccos",
        "arctan",
        "sinh",
        "cosh",
        "asinh",
        "acosh",
        "atanh",
        "arctanh",
        "sign",
        "sgn",
        "heaviside",
    ),
    *("remainder", "fmod", "floor_divide", "float_power", "logsigmoid", "xlogy", "lgamma", "special_expit", "deg2rad"),
    *("rpow", "rmod", "rad2deg", "digamma", "i0", "polygamma", "mvlgamma", "quick_gelu", "conj"),
    *("tensor", "new_tensor", "deepcopy", "conj_physical", "ldexp", "bernoulli"),
}
EVEN = {"abs", "square", "norm", "linalg_vector_norm", "linalg_norm"}
EVEN_POWERS = ((2,), (2.0,), (4,), (4.0,))
"""Functions that measure a distance where they follow a difference from a constant (Kauffmann et al. 2022)."""
NORMS = {"layer_norm", "group_norm", "instance_norm", "rms_norm", "normalize", "batch_norm", "local_response_norm"}
SIGNED = {"sub": torch.add, "rsub": torch.add}  # the same sums with every part counted positive
POSITIVE_MODES = {"nearest", "nearest-exact", "linear", "bilinear", "trilinear", "area"}
KIND_OF_REDUCE = {
    **{"sum": "sum", "add": "sum", "mean": "sum", "amax": "max", "amin": "min"},
    **{"prod": "homogeneous", "multiply": "homogeneous"},
}
HOMOGENEOUS = {
    *("std", "var", "norm", "linalg_vector_norm", "linalg_norm", "linalg_matrix_norm", "frobenius_norm", "prod"),
    *("cumprod", "quantile", "nanquantile", "hypot", "cov", "dist", "mse_loss", "l1_loss", "nuclear_norm"),
    *("linalg_matrix_power", "linalg_det", "det", "linalg_svdvals", "linalg_eigvalsh", "linalg_cholesky", "cholesky"),
}
"""Operations that `SlopeShare` explains exactly: of n factors each gets 1/n, of a norm each what its square brought."""


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
    carriers : tuple of int, optional
        Which flows carry relevance unless a rule says otherwise, as places in ``flows``; None for all.
    """

    operation: Operation
    kind: str
    flows: tuple[int, ...]
    inputs: tuple[Tensor, ...]
    output: Tensor
    tape: Tape
    carriers: tuple[int, ...] | None = None

    @property
    def carrying(self) -> tuple[int, ...]:
        """The places in ``flows`` that carry relevance unless a rule says otherwise."""
        return tuple(range(len(self.flows))) if self.carriers is None else self.carriers

    @property
    def multiplicity(self) -> int:
        """How many of the operation's arguments are flows: two for ``x @ x.T``, whose flow is one."""
        arguments = (self.operation.args, self.operation.kwargs)
        return max(1, sum(ref.node in self.flows for ref in found_in(arguments, Ref)))

    @property
    def is_signed_map(self) -> bool:
        """Whether a sum has coefficients of either sign: its parts cannot be had from the parts' magnitudes."""
        mode = self.operation.kwargs.get("mode", "nearest")
        return self.function in MAPS or mode not in POSITIVE_MODES or self.output.is_complex()

    def narrowed(self, places: Sequence[int]) -> OperationContext:
        """The same with some of the flows alone."""
        flows, inputs = tuple(self.flows[i] for i in places), tuple(self.inputs[i] for i in places)
        return replace(self, flows=flows, inputs=inputs, carriers=None)

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
    if function in {"index_add", "scatter_add", "scatter_reduce", "index_put", "put"}:
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
        self._gates = Gates(tape)
        self._users: dict[int, list[Operation]] = {}
        for operation in tape.operations:
            for node in operation.inputs:
                self._users.setdefault(node, []).append(operation)
        self._makers = {node: operation for operation in tape.operations for node in operation.outputs}
        self._norms = Norms(self._makers)

    def of(self, operation: Operation) -> OperationContext:
        kind, flows = self._classify(operation)
        values = tuple(self._as_float(self._tape.values[node]) for node in flows)
        output = self._as_float(self._tape.values[operation.outputs[0]])
        context = OperationContext(operation, kind, flows, values, output, self._tape)
        return replace(context, carriers=self._carriers(context))

    def _carriers(self, context: OperationContext) -> tuple[int, ...] | None:
        """Of attention the values, of a gate what it lets through, of all else everything."""
        if context.kind == "attention":
            weights = self._gates.weights_among(context.flows)
            return tuple(place for place, node in enumerate(context.flows) if node not in weights)
        if context.kind in {"gate", "recurrent"}:
            gate = self._gates.gate_among(context.flows)
            return tuple(place for place in range(len(context.flows)) if place != gate)
        return None

    def _as_float(self, value: Tensor) -> Tensor:
        """Token numbers in the type of the embedding, as derivatives want them."""
        return value if carries(value) else value.to(self._tape.values[self._tape.output_node].dtype)

    @staticmethod
    def _of_complex(operation: Operation) -> str | None:
        """The kind of an operation on complex numbers, whose real and imaginary parts have relevance each."""
        name = operation.function
        if name == "abs":
            return "homogeneous"
        if name in PRODUCTS | {"mul", "div"}:
            if len(operation.inputs) == 1:
                return "sum"
            return "bilinear" if name != "div" else "unknown"
        return None if name in SHAPES | MAPS | SUMS | {"conj", "conj_physical", "neg", "dropout"} else "unknown"

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
        is_complex = any(self._tape.values[node].is_complex() for node in (*inputs, *operation.outputs))
        if is_complex and (of_complex := self._of_complex(operation)) is not None:
            return of_complex, inputs
        refs = [item for item in operation.args if isinstance(item, Ref)]
        if name in CONVOLUTIONS or name in {"linear", "addmm"}:
            place = 1 if name == "addmm" else 0
            plain = len(inputs) == 1 and (not operation.args or operation.args[place] == Ref(inputs[0]))
            return ("linear" if plain else "bilinear"), inputs
        if name in PRODUCTS:
            return self._product(operation)
        if name in SUMS:
            if (value := self._straight_through(operation)) is not None:
                return "elementwise", (value,)
            if self._is_distance(operation):
                return "elementwise", inputs
            return "sum", inputs
        if name in {"interpolate", "upsample"}:
            return "sum", inputs
        adds = name in {"index_put", "put", "scatter"} and self._adds(operation)
        if adds or name in {"scatter_reduce", "index_reduce"}:
            if name == "scatter":  # PyTorch has no slope of it
                return "unknown", inputs
            return KIND_OF_REDUCE.get(str(self._reduction(operation)), "unknown"), inputs
        if name in MAPS:
            return ("sum" if isinstance(operation.args[0], Ref) else "unknown"), inputs[:1]
        if name in MAXIMA:
            return "max", inputs
        if name in MINIMA:
            return "min", inputs
        if name in SHAPES | CHOICES:
            return "shape", inputs
        if name == "embedding":  # of a table that the model computes
            return "shape", inputs
        if name in SOFTMAXES:
            return "softmax", inputs
        if name in HOMOGENEOUS:
            return "homogeneous", inputs
        if name in NORMS:
            return "norm", inputs[:1]
        if (value := self._norms.value_of(operation)) is not None:
            return "norm", (value,)
        if name == "mul":
            if len(inputs) == 1:
                return "elementwise", inputs
            if self._gates.gate_among(inputs) is None:
                return "product", inputs
            return ("recurrent" if operation.part_of in RECURRENT else "gate"), inputs
        if name == "div":
            return ("elementwise", inputs) if len(inputs) == 1 else ("quotient", (refs[0].node,))
        if (name in ELEMENTWISE or name.startswith("special_")) and len(inputs) == 1:
            return "elementwise", inputs
        return "unknown", inputs

    def _straight_through(self, operation: Operation) -> int | None:
        """The x of ``x + (q - x).detach()``, which hands on q with the slope of x, as quantisers do."""
        if operation.function != "add" or len(operation.inputs) != 2:
            return None
        for value, other in (operation.inputs, operation.inputs[::-1]):
            detached = self._makers.get(other)
            if detached is None or detached.function != "detach":
                continue
            difference = self._makers.get(detached.inputs[0])
            if difference is not None and difference.function == "sub" and difference.args[1:] == (Ref(value),):
                return value
        return None

    def _is_distance(self, operation: Operation) -> bool:
        """Whether a constant is taken off to measure a distance from it: |x - c|, (x - c)^2, a norm of x - c."""
        if operation.function not in {"sub", "rsub"} or len(operation.inputs) != 1:
            return False
        users = self._users.get(operation.outputs[0], [])
        even = [user.function in EVEN or (user.function == "pow" and user.args[1:] in EVEN_POWERS) for user in users]
        return bool(even) and all(even)

    @staticmethod
    def _reduction(operation: Operation) -> Any:
        given = operation.named("input", "dim", "index", "source", "reduce", include_self=True)
        if operation.function in {"index_put", "put"}:
            return "sum" if operation.named("input", "indices", "values", "accumulate").get("accumulate") else None
        return given.get("reduce")

    def _adds(self, operation: Operation) -> bool:
        return self._reduction(operation) is not None

    def _product(self, operation: Operation) -> tuple[str, tuple[int, ...]]:
        operands = list(found_in((operation.args, operation.kwargs), Tensor, Ref))
        n_refs = sum(isinstance(item, Ref) for item in operands)
        if len(operands) == 2 and n_refs == 1:
            return "linear", operation.inputs
        weights = self._gates.weights_among(operation.inputs)
        return ("attention" if weights else "bilinear"), operation.inputs


def pair_of(value: Any) -> tuple[int, int]:
    """A setting of a two-dimensional operation as (rows, columns): given once or twice."""
    return (int(value[0]), int(value[-1])) if isinstance(value, (tuple, list)) else (int(value), int(value))
