"""The Jacobian of a recorded pass: true gradients, operation by operation, for many outputs at once.

The whole chain rule, also along the ways that the rules of LRP hold fixed (attention weights, gates, spreads).
"""

from __future__ import annotations

import torch
from torch import Tensor

from bilrp._trace.chunks import DEFAULT_MEMORY, chunk_size, memory_at
from bilrp._trace.operations import OperationContext
from bilrp._trace.tape import Operation, Tape


def jacobian(tape: Tape, outputs: Tensor) -> Tensor:
    """Gradients of combinations of the embedding's entries with respect to the input of the tape.

    Parameters
    ----------
    tape : Tape
    outputs : Tensor of shape (K, M)
        Each row weighs the M entries of the embedding; the identity for all of them one by one.

    Returns
    -------
    Tensor of shape (K, *input shape)
    """
    embedding = tape.values[tape.output_node]
    size = chunk_size(max(value.numel() for value in tape.values), embedding, memory_at(embedding, DEFAULT_MEMORY))
    return torch.cat([_chunk(tape, rows) for rows in torch.split(outputs, size)])


def _chunk(tape: Tape, rows: Tensor) -> Tensor:
    live = {tape.output_node: rows.reshape(len(rows), *tape.values[tape.output_node].shape)}
    for operation in reversed(tape.operations):
        arriving = [live.pop(node, None) for node in operation.outputs]
        if all(gradient is None for gradient in arriving):
            continue
        context = _with_all_flows(tape, operation)
        for node, gradient in zip(context.flows, context.vjp(arriving), strict=True):
            live[node] = live[node] + gradient if node in live else gradient
    x = tape.values[tape.input_node]
    return live.get(tape.input_node, x.new_zeros(len(rows), *x.shape))


def _with_all_flows(tape: Tape, operation: Operation) -> OperationContext:
    flows = tuple(node for node in operation.inputs if tape.values[node].is_floating_point())
    inputs = tuple(tape.values[node] for node in flows)
    return OperationContext(operation, "unknown", flows, inputs, tape.values[operation.outputs[0]], tape)
