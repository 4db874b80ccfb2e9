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

from bilrp._trace.chunks import chunk_size
from bilrp._trace.operations import WITH_CONSTANTS, OperationContext, OperationContexts
from bilrp._trace.tape import Tape
from bilrp.composites import Composite, Layer
from bilrp.coverage import Conditions, Coverage, CoverageEntry
from bilrp.exceptions import InputError, UnsupportedOperationError
from bilrp.rules import Rule, SlopeShare, Uniform

BIAS = ("leave", "distribute")
ROUNDING = 1e-4  # what a sum over many entries of float32 can miss where they nearly cancel


@dataclass
class Step:
    """One operation on the way of the relevance, with its rule; rule None is for exact rearrangements."""

    context: OperationContext
    rule: Rule | None
    backward: Callable[[Sequence[Tensor | None]], Sequence[Tensor]] | None = None
    kept: Tensor | float = 0.0  # tensors wait for nothing where relevance travels on another device
    strayed: Tensor | float = 0.0  # what came or went where the operation should pass on all: rounding, or a fault

    @property
    def loses(self) -> bool:
        """Whether relevance may stay behind: in biases, stabilizers, or constants beside the inputs."""
        return self.context.function in WITH_CONSTANTS if self.rule is None else not self.rule.keeps_nothing

    @property
    def approximates(self) -> bool:
        """Whether the rule shares something else than what the operation computed."""
        return self.rule is not None and self.rule.doubtful and not self.rule.is_exact(self.context)


@dataclass
class Plan:
    """The way of the relevance from the embedding to the input."""

    tape: Tape
    steps: list[Step]
    fixed: list[OperationContext]
    distribute: bool
    arrived: Tensor | float = 0.0  # relevance given at the top so far, without sign
    received: Tensor | float = 0.0  # relevance that came through so far, every entry without sign
    approximated: Tensor | float = 0.0  # of it, what passed a rule that approximates
    progress: Callable[[int, int], None] | None = None  # gets how many of how many explanations are done

    @property
    def embedding(self) -> Tensor:
        """The embedding, of shape (N, M)."""
        return self.tape.values[self.tape.output_node].flatten(1)

    def coverage(self, conditions: Conditions | None = None) -> Coverage:
        """The report; ``kept`` is filled once relevance has been propagated."""
        arrived, received = float(self.arrived) or 1.0, float(self.received) or 1.0
        entries = {id(s.context.operation): _entry(s, arrived) for s in self.steps}
        entries |= {id(c.operation): CoverageEntry(c.name, c.function, c.kind, "fixed", "") for c in self.fixed}
        return Coverage(
            tuple(entries[id(op)] for op in self.tape.operations),
            tuple(dict.fromkeys(self.tape.notes)),
            float(self.approximated) / received,
            float(sum(step.strayed for step in self.steps)) / arrived,
            conditions,
        )

    def passed_on(self, relevance: Tensor, approximate: Tensor | float) -> None:
        """Note what came through to the input, and the share of it that passed a rule which approximates."""
        amount = torch.linalg.vector_norm(relevance, 1).double()
        self.received = self.received + amount
        self.approximated = self.approximated + amount * approximate

    def chunks(self, n: int, memory: int, n_steps: int | None = None) -> Iterator[range]:
        """Which of ``n`` dimensions travel together within ``memory`` bytes, through all steps or the first ones."""
        steps = self.steps[:n_steps]
        largest = max(
            [sum(value.numel() for value in (*s.context.inputs, s.context.output)) for s in steps]
            + [self.embedding.numel()]
        )
        n_chunks = -(-n // chunk_size(largest, self.embedding, memory))
        size = -(-n // max(1, n_chunks))  # as many in each
        for start in range(0, n, size):
            yield range(start, min(start + size, n))
            if self.progress is not None:
                self.progress(min(start + size, n), n)


def _entry(step: Step, arrived: float) -> CoverageEntry:
    context = step.context
    state = "exact" if step.rule is None else "rule" if step.rule.is_exact(context) else "approximate"
    rule = "" if step.rule is None else repr(step.rule)
    strayed = float(step.strayed) / arrived
    kept = float(step.kept) / arrived + (strayed if strayed > ROUNDING else 0.0)
    if strayed > ROUNDING:  # it should have passed on all, and did not
        state = "approximate"
    return CoverageEntry(context.name, context.function, context.kind, state, rule, kept)


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
        if len(context.flows) > 1 and context.kind not in {"shape", "embedding"}:
            rule = composite.choose(Layer(context, None, 0))
            context = context.narrowed(context.carrying if rule is None else rule.feeds(context))
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
    if missing := [context for context in needing if rules[id(context)] is None]:
        raise UnsupportedOperationError(_no_rule(missing))
    return Plan(tape, [Step(context, rules.get(id(context))) for context in on_way], fixed[::-1], distribute)


def _no_rule(missing: Sequence[OperationContext]) -> str:
    context = missing[0]
    place = context.operation.place or "the model itself"
    shapes = ", ".join(str(tuple(value.shape)) for value in context.inputs)
    if "quantized" in type(context.operation.module).__module__:
        return (
            f"{context.name} ({context.function} in {place}): the layer is quantised, and its numbers have no slopes. "
            f"Explain the model as it was before it was quantised."
        )
    remedy = ", ".join(f"{c.name!r}: {type(_remedy(c)).__name__}()" for c in missing)
    others = f" So it is with {', '.join(c.name for c in missing[1:])}." if len(missing) > 1 else ""
    return (
        f"{context.name} ({context.function} in {place}): relevance reaches this operation and no rule is known for "
        f"it, so the explanation would silently be wrong. Input shapes {shapes}, output {tuple(context.output.shape)}."
        f"{others} Give rules by name, such as composite={{{remedy}}}, which was tried on these values: SlopeShare "
        f"shares by slopes, Uniform alike to all. Or use Pass() where the shape stays and places do not mix."
    )


def _remedy(context: OperationContext) -> Rule:
    """The first of the rules for everything that passes all relevance on here."""
    relevance = torch.ones(1, *context.output.shape, dtype=context.output.dtype, device=context.output.device)
    for rule in (SlopeShare(), Uniform()):
        try:
            passed = torch.stack([_sum(part) for part in rule.prepare(context)(relevance)]).sum(0)
        except (RuntimeError, NotImplementedError):  # nothing to derive
            continue
        if bool(torch.isclose(passed, _sum(relevance), rtol=1e-4).all()):
            return rule
    return Uniform()


def prepare(step: Step, distribute: bool) -> Callable[[Sequence[Tensor | None]], Sequence[Tensor]]:
    """The way back through an operation by its rule."""
    context = step.context
    if context.kind == "embedding":
        tokens = context.inputs[0].shape  # what lies behind these are the vectors, or a number for each token
        return lambda r: [r[0].reshape(r[0].shape[0], *tokens, -1).sum(-1)] if r[0] is not None else []
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


def propagate(plan: Plan, relevance: Tensor) -> Tensor:
    """Relevance of the input for given relevance at the top.

    Parameters
    ----------
    plan : Plan
    relevance : Tensor of shape (K, N, M)
        One row for each explanation that is wanted.

    Returns
    -------
    Tensor of shape (K, *input shape)
    """
    (at_input,) = propagate_to(plan, relevance).values()
    return at_input


def propagate_to(plan: Plan, relevance: Tensor, n_steps: int | None = None) -> dict[int, Tensor]:
    """Relevance at the values where the first steps end, all of them by default.

    Returns
    -------
    dict of int to Tensor of shape (K, *shape of the value)
        For each node of the tape that relevance has come to and that no step has yet passed on.
    """
    tape = plan.tape
    top = tape.values[tape.output_node]
    live: dict[int, Tensor] = {tape.output_node: relevance.reshape(relevance.shape[0], *top.shape)}
    sums: dict[int, Tensor] = {tape.output_node: _sum(relevance)}
    # the share of the relevance at a node that came through approximations
    approximate: dict[int, Tensor | float] = {tape.output_node: 0.0}
    plan.arrived = plan.arrived + relevance.abs().sum().double()
    for step in plan.steps[:n_steps]:
        if step.backward is None:
            step.backward = prepare(step, plan.distribute)
        outputs = step.context.operation.outputs
        arriving = [live.pop(node, None) for node in outputs]
        before = [sums.pop(node) for node in outputs if node in sums]
        share = _mixed([(r, approximate[node]) for node, r in zip(outputs, arriving, strict=True) if r is not None])
        share = 1.0 if step.approximates else share
        passed = step.backward(arriving)
        untouched = len(passed) == 1 and passed[0] is arriving[0]
        after = before if untouched else [_sum(part) for part in passed]
        if not untouched:
            missing = (torch.stack(before).sum(0) - torch.stack(after).sum(0)).abs().sum()
            step.kept, step.strayed = step.kept + missing * step.loses, step.strayed + missing * (not step.loses)
        for node, part, amount in zip(step.context.flows, passed, after, strict=True):
            approximate[node] = _mixed([(live[node], approximate[node]), (part, share)]) if node in live else share
            live[node] = live[node] + part if node in live else part
            sums[node] = sums[node] + amount if node in sums else amount
    for node, arrived in live.items():
        plan.passed_on(arrived, approximate[node])
    return live


def _mixed(parts: Sequence[tuple[Tensor, Tensor | float]]) -> Tensor | float:
    """The mean of the shares of several relevances, weighted by how much there is of each, without sign."""
    shares = [share for _, share in parts]
    if all(share is shares[0] or (isinstance(share, float) and share == shares[0]) for share in shares):
        return shares[0]
    amounts = torch.stack([torch.linalg.vector_norm(relevance, 1).double() for relevance, _ in parts])
    weights = amounts / amounts.sum().clamp_min(torch.finfo(torch.float64).tiny)
    return torch.stack([weight * share for weight, share in zip(weights, shares, strict=True)]).sum()


def _sum(relevance: Tensor) -> Tensor:
    """The sum of each explanation's relevance: shape (K,)."""
    if relevance.is_complex():  # real and imaginary parts have relevance of their own
        relevance = torch.view_as_real(relevance)
    if relevance.dim() > 1:  # not by a reshape, which copies what lies in another order
        relevance = relevance.sum(dim=tuple(range(1, relevance.dim())))
    return relevance.double()
