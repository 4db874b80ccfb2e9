"""LRP of many outputs at once: one forward pass, then all embedding dimensions in batched backward passes.

With the activations fixed, every rule is linear in the relevance. So the relevance of output m for each of M outputs
travels as one batch of M vectors through transposed convolutions and the like; weights get no gradients and nothing is
copied for a dimension. A bound on memory chooses how many dimensions travel together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bilrp._trace.operations import WITH_CONSTANTS, OperationContext, OperationContexts
from bilrp._trace.tape import Tape
from bilrp.composites import Composite, Layer
from bilrp.coverage import Coverage, CoverageEntry
from bilrp.exceptions import InputError, UnsupportedOperationError
from bilrp.rules import Rule

DEFAULT_MEMORY = 128 * 2**20
BIAS = ("leave", "distribute")
MAX_CHUNK = 32  # more dimensions at a time gain nothing on a CPU
WORKING_COPIES = 4  # relevance above and below, its quotient and a product


@dataclass
class Step:
    """One operation on the way of the relevance, with its rule; rule None is for exact rearrangements."""

    context: OperationContext
    rule: Rule | None
    backward: Callable[[Sequence[Tensor | None]], Sequence[Tensor]] | None = None
    kept: float = 0.0


@dataclass
class Plan:
    """The way of the relevance from the embedding to the input."""

    tape: Tape
    steps: list[Step]
    fixed: list[OperationContext]
    distribute: bool
    arrived: float = 0.0  # relevance given at the top so far, without sign

    @property
    def embedding(self) -> Tensor:
        """The embedding, of shape (N, M)."""
        return self.tape.values[self.tape.output_node].flatten(1)

    def coverage(self) -> Coverage:
        """The report; ``kept`` is filled once relevance has been propagated."""
        entries = {id(s.context.operation): _entry(s, self.arrived or 1.0) for s in self.steps}
        entries |= {id(c.operation): CoverageEntry(c.name, c.function, c.kind, "fixed", "") for c in self.fixed}
        return Coverage(tuple(entries[id(op)] for op in self.tape.operations), tuple(dict.fromkeys(self.tape.notes)))

    def chunks(self, n: int, memory: int, n_steps: int | None = None) -> Iterator[range]:
        """Which of ``n`` dimensions travel together within ``memory`` bytes, through all steps or the first ones."""
        steps = self.steps[:n_steps]
        largest = max(
            [sum(value.numel() for value in (*s.context.inputs, s.context.output)) for s in steps]
            + [self.embedding.numel()]
        )
        each = largest * WORKING_COPIES * self.embedding.element_size()
        size = int(max(1, min(MAX_CHUNK, memory // each)))
        return (range(start, min(start + size, n)) for start in range(0, n, size))


def _entry(step: Step, arrived: float) -> CoverageEntry:
    context = step.context
    state = "exact" if step.rule is None else "rule" if step.rule.exact else "approximate"
    rule = "" if step.rule is None else repr(step.rule)
    return CoverageEntry(context.name, context.function, context.kind, state, rule, step.kept / arrived)


def make_plan(tape: Tape, composite: Composite, distribute: bool = False) -> Plan:
    """Find the operations that relevance reaches and give each its rule.

    Raises
    ------
    UnsupportedOperationError
        When relevance reaches an operation that has no rule; names it, its place and the remedy.
    CompositeError
        When the composite names a layer that is not there.
    """
    contexts = OperationContexts(tape)
    reached = {tape.output_node}
    on_way: list[OperationContext] = []
    fixed: list[OperationContext] = []
    for operation in reversed(tape.operations):
        context = contexts.of(operation)
        if reached.isdisjoint(operation.outputs):
            fixed.append(context)
            continue
        on_way.append(context)
        reached.update(context.flows)
    if tape.input_node not in reached:
        raise InputError("no relevance can reach the input: every way to it is held fixed (see the coverage report).")
    weighted = [context.operation for context in reversed(on_way) if context.kind == "linear"]
    depths = {id(operation): depth for depth, operation in enumerate(weighted)}
    needing = [context for context in on_way if context.kind not in {"shape", "embedding"}]
    layers = [Layer(context, depths.get(id(context.operation)), len(weighted)) for context in needing]
    names = [name for op in tape.operations for name in (op.name, op.place)]
    rules = dict(zip((id(context) for context in needing), composite.assign(layers, names), strict=True))
    for context in needing:
        if rules[id(context)] is None:
            raise UnsupportedOperationError(_no_rule(context))
    return Plan(tape, [Step(context, rules.get(id(context))) for context in on_way], fixed[::-1], distribute)


def _no_rule(context: OperationContext) -> str:
    place = context.operation.place or "the model itself"
    shapes = ", ".join(str(tuple(value.shape)) for value in context.inputs)
    return (
        f"{context.name} ({context.function} in {place}): relevance reaches this operation and no rule is known for "
        f"it, so the explanation would silently be wrong. Input shapes {shapes}, output {tuple(context.output.shape)}. "
        f"Give it a rule by name, such as {{{context.name!r}: Linearize()}} for its slope, or Pass() where the shape "
        f"stays."
    )


def _prepare(step: Step, distribute: bool) -> Callable[[Sequence[Tensor | None]], Sequence[Tensor]]:
    context = step.context
    if context.kind == "embedding":
        n_axes = 1 + context.inputs[0].dim()  # what lies behind these are the vectors
        return lambda relevances: [relevances[0].flatten(n_axes).sum(-1)] if relevances[0] is not None else []
    if step.rule is None:
        return context.vjp
    backward = step.rule.prepare(context, distribute)

    def first_only(relevances: Sequence[Tensor | None]) -> Sequence[Tensor]:
        if relevances[0] is None:
            raise UnsupportedOperationError(
                f"{context.name} ({context.function}): relevance reaches its second result, for which no rule is known."
            )
        return backward(relevances[0])

    return first_only


def propagate(plan: Plan, relevance: Tensor, n_steps: int | None = None) -> Tensor:
    """Relevance of the input for given relevance at the top.

    Parameters
    ----------
    plan : Plan
    relevance : Tensor of shape (K, N, M)
        One row for each explanation that is wanted.
    n_steps : int, optional
        Stop after so many steps, where one value is left that all further ones pass.

    Returns
    -------
    Tensor of shape (K, *input shape), or of the shape of the value where it stopped
    """
    tape = plan.tape
    top = tape.values[tape.output_node]
    live: dict[int, Tensor] = {tape.output_node: relevance.reshape(relevance.shape[0], *top.shape)}
    sums: dict[int, Tensor] = {tape.output_node: _sum(relevance)}
    plan.arrived += float(relevance.abs().sum())
    for step in plan.steps[:n_steps]:
        if step.backward is None:
            step.backward = _prepare(step, plan.distribute)
        arriving = [live.pop(node, None) for node in step.context.operation.outputs]
        before = [sums.pop(node) for node in step.context.operation.outputs if node in sums]
        passed = step.backward(arriving)
        loses = step.context.function in WITH_CONSTANTS if step.rule is None else not step.rule.keeps_nothing
        whole = len(passed) == 1 and not loses
        after = before if whole and len(before) == 1 else [_sum(part) for part in passed]
        if loses or (step.rule is not None and not whole):
            step.kept += float((torch.stack(before).sum(0) - torch.stack(after).sum(0)).abs().sum())
        for node, part, amount in zip(step.context.flows, passed, after, strict=True):
            live[node] = live[node] + part if node in live else part
            sums[node] = sums[node] + amount if node in sums else amount
    (relevance,) = live.values()
    return relevance


def _sum(relevance: Tensor) -> Tensor:
    """The sum of each explanation's relevance: shape (K,)."""
    return relevance.sum(dim=tuple(range(1, relevance.dim()))).double()
