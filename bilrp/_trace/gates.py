"""Which factor of a product is a gate, and which the value that it lets through.

A *strong* gate is a softmax or sigmoid, or what stays a weight when these are reshaped, scaled, averaged, complemented
(1 - g) or multiplied with each other; also a softmax that is written out (something positive divided by its own sum).
A *weak* one comes straight from another activation, as in SwiGLU and GEGLU. The factor with the stronger gate is the
gate; of equals neither is. Weights of a matrix product may besides be mixed with fixed numbers, as talking heads do.
"""

from __future__ import annotations

from collections.abc import Sequence

from bilrp._trace.functions import SHAPES
from bilrp._trace.tape import Operation, Ref, Tape, found_in

SOFTMAXES = {"softmax", "softmin", "log_softmax", "gumbel_softmax"}
STRONG = {"softmax", "softmin", "gumbel_softmax", "sigmoid", "hardsigmoid"}
WEAK = {
    *("relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus", "hardswish", "tanh"),
    *("hardtanh", "softsign", "exp", "quick_gelu"),
}
POSITIVE = {"exp", "relu", "softplus", "sigmoid", "softmax", "elu", "abs", "square", "norm", "linalg_vector_norm"}
MIXING = {"linear", "addmm", "matmul", "mm", "bmm", "einsum", "conv1d", "conv2d", "conv3d", "batch_norm"}
AVERAGES = {"mean", "sum", "avg_pool1d", "avg_pool2d", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "interpolate"}
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
        strength = self._of(operation, self._strength)
        weight = self._of(operation, self._weights)
        if name in MIXING and len(nodes) == 1:
            weight = self._weights.get(nodes[0], 0) // 2 * 2
        for node in operation.outputs:
            self._strength[node], self._weights[node] = strength, weight

    def _of(self, operation: Operation, known: dict[int, int]) -> int:
        name = operation.function
        inputs = [known.get(node, 0) for node in operation.inputs]
        if name in STRONG or self._is_written_softmax(operation):
            return 2
        if name in WEAK:
            return 1
        least = min(inputs, default=0)
        if name in {"add", "sub", "rsub", "mul"} | STRAIGHT:
            return least
        if name in SHAPES | AVERAGES:
            return least // 2 * 2
        if name == "div" and isinstance(operation.args[0], Ref):
            return known.get(operation.args[0].node, 0)
        return 0

    def _is_written_softmax(self, operation: Operation) -> bool:
        refs = list(found_in(operation.args, Ref))
        if operation.function != "div" or len(refs) != 2:
            return False
        return refs[0].node in self._sums.get(refs[1].node, ()) and refs[0].node in self._positive


def _strongest(strengths: Sequence[int]) -> int | None:
    best = max(strengths, default=0)
    return strengths.index(best) if best > 0 and list(strengths).count(best) == 1 else None
