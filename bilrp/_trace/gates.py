"""Which factor of a product is a gate, and which the value that it lets through.

A *strong* gate is a softmax or sigmoid, or what stays a weight when these are reshaped, scaled, averaged, complemented
(1 - g) or multiplied with each other; also a softmax that is written out (something positive divided by its own sum).
Sigmoids written out count too: 1 / (1 + exp(-z)) and 1 + tanh(z).
A *weak* one comes straight from another activation, as in SwiGLU and GEGLU, also one that is written out as a value
times a gate that is made of that value alone. The factor with the stronger gate is the
gate; of equals neither is. Weights of a matrix product may besides be mixed with fixed numbers, as talking heads do.
"""

from __future__ import annotations

from collections.abc import Sequence

from bilrp._trace.functions import CHOICES, SHAPES
from bilrp._trace.tape import Operation, Ref, Tape, found_in

SOFTMAXES = {"softmax", "softmin", "log_softmax", "gumbel_softmax"}
STRONG = {"softmax", "softmin", "gumbel_softmax", "sigmoid", "hardsigmoid"}
WEAK = {
    *("relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus", "hardswish", "tanh"),
    *("hardtanh", "softsign", "exp", "quick_gelu", "erf"),
}
POSITIVE = {"exp", "relu", "softplus", "sigmoid", "softmax", "elu", "abs", "square", "norm", "linalg_vector_norm"}
MIXING = {"linear", "addmm", "matmul", "mm", "bmm", "einsum", "conv1d", "conv2d", "conv3d", "batch_norm"}
AVERAGES = {"mean", "sum", "avg_pool1d", "avg_pool2d", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "interpolate"}
TURNED = {"reciprocal": (), "div": (1,), "rdiv": (1,), "pow": (-1,)}  # what makes 1 / z, by its constants
ENTRYWISE = {"add", "sub", "rsub", "mul", "div", "pow", "square", "neg"} | STRONG - SOFTMAXES | WEAK
STRAIGHT = {"dropout", "float", "to", "type_as", "clone", "contiguous", "unsqueeze", "expand", "expand_as"}


class Gates:
    """How much of a gate each node of a tape is: 2 strong, 1 weak, 0 none.

    Parameters
    ----------
    tape : Tape
    """

    def __init__(self, tape: Tape) -> None:
        self._strength: dict[int, int] = {}
        self._weights: dict[int, int] = {}  # the same, where mixing by fixed numbers keeps a weight a weight
        self._sums: dict[int, tuple[int, ...]] = {}  # what a node is the sum of, but for constants and shapes
        self._positive: set[int] = set()
        self._made_by: dict[int, str] = {}  # the function that made a node, "1 + exp" for that sum
        self._alone: dict[int, int] = {}  # the one node that a node is made of, entry by entry
        for operation in tape.operations:
            self._read(operation)

    def gate_among(self, nodes: Sequence[int]) -> int | None:
        """Which of the factors of an element-wise product is the gate, as a place in ``nodes``."""
        return _strongest([self._strength.get(node, 0) for node in nodes])

    def weights_among(self, nodes: Sequence[int]) -> list[int]:
        """Which of the factors of a matrix product are weights of a softmax or the like; empty where all are."""
        weights = [node for node in nodes if self._weights.get(node, 0) == 2]
        return weights if len(weights) < len(set(nodes)) else []

    def _read(self, operation: Operation) -> None:
        name = operation.function
        nodes = operation.inputs
        if name in {"sum", "mean"}:
            self._sums.update(dict.fromkeys(operation.outputs, nodes))
        elif len(nodes) == 1 and name in SHAPES | {"add", "clamp", "clamp_min"}:
            self._sums.update(dict.fromkeys(operation.outputs, self._sums.get(nodes[0], ())))
        if name in POSITIVE or (name in SHAPES | {"add", "dropout"} and self._positive.issuperset(nodes)):
            self._positive.update(operation.outputs)
        of_what = {self._alone.get(node, node) for node in nodes} if name in ENTRYWISE else set()
        strength = self._of(operation, self._strength)
        if name == "mul" and len(set(nodes)) == 2 and len(of_what) == 1:
            strength = min(1, max(self._strength.get(node, 0) for node in nodes))  # an activation, written out
        weight = self._of(operation, self._weights)
        if name in MIXING and len(nodes) == 1:
            weight = self._weights.get(nodes[0], 0) // 2 * 2
        for node in operation.outputs:
            self._strength[node], self._weights[node] = strength, weight
            self._made_by[node] = "1 + exp" if self._adds_one(operation, "exp") else name
            if len(of_what) == 1:
                (self._alone[node],) = of_what

    def _of(self, operation: Operation, known: dict[int, int]) -> int:
        name = operation.function
        inputs = [known.get(node, 0) for node in operation.inputs]
        if name in STRONG or self._is_written_softmax(operation) or self._is_written_sigmoid(operation):
            return 2
        if name in WEAK:
            return 1
        least = min(inputs, default=0)
        if name in {"add", "sub", "rsub", "mul"} | STRAIGHT:
            return least
        if name in SHAPES | AVERAGES | CHOICES:
            return least // 2 * 2
        if name == "div" and isinstance(operation.args[0], Ref):
            return known.get(operation.args[0].node, 0)
        return 0

    def _is_written_softmax(self, operation: Operation) -> bool:
        refs = list(found_in(operation.args, Ref))
        if operation.function != "div" or len(refs) != 2:
            return False
        return refs[0].node in self._sums.get(refs[1].node, ()) and refs[0].node in self._positive

    def _is_written_sigmoid(self, operation: Operation) -> bool:
        if operation.function in TURNED and len(operation.inputs) == 1:
            turned = TURNED[operation.function]
            return self._made_by.get(operation.inputs[0]) == "1 + exp" and _constants(operation) == turned
        return self._adds_one(operation, "tanh", "erf")

    def _adds_one(self, operation: Operation, *functions: str) -> bool:
        made_by = [self._made_by.get(node) for node in operation.inputs]
        return (
            operation.function == "add"
            and len(made_by) == 1
            and made_by[0] in functions
            and _constants(operation) == (1,)
        )


def _constants(operation: Operation) -> tuple[object, ...]:
    return tuple(argument for argument in operation.args if not isinstance(argument, Ref))


def _strongest(strengths: Sequence[int]) -> int | None:
    best = max(strengths, default=0)
    return strengths.index(best) if best > 0 and list(strengths).count(best) == 1 else None
