"""LRP of the outputs of a model for several inputs in one pass, where the model treats each as if it were alone.

All samples of a batch go forward together, and the relevance of output m of each travels down together: one row for
each output, not for each output of each sample, as samples do not meet. Whether they do is tried: the embeddings of the
first and the last sample must be those that the model gives for these alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from bilrp._engine.finite import first_relevance, require_finite_values
from bilrp._engine.propagation import make_plan, propagate
from bilrp._engine.trial import settled_each
from bilrp._trace.chunks import DEFAULT_MEMORY
from bilrp._trace.recorder import frozen_eval
from bilrp._trace.tape import Tape
from bilrp.canonizers import DEFAULT_CANONIZERS, Canonizer
from bilrp.certificate import attest, conditions_of
from bilrp.composites import Auto, Composite
from bilrp.exceptions import InputError, NonFiniteError
from bilrp.outputs import Relevance
from bilrp.recorded import recorded

TOLERANCE = {torch.float64: 1e-9}
COARSE = 1e-4  # for float32: a batch is added up in another order than a sample
TOGETHER = "explained in one pass with {} others: what operations kept is given for all together"


def explain_batch(
    model: nn.Module,
    x: Tensor,
    ends: tuple[Tensor, Tensor],
    composite: Composite,
    *,
    bias: str = "leave",
    projection: Tensor | Callable[[Tensor], Tensor] | None = None,
    reduce: Callable[[Tensor], Tensor],
    canonizers: Sequence[Canonizer] = DEFAULT_CANONIZERS,
    memory: int = DEFAULT_MEMORY,
) -> list[Relevance]:
    """LRP of every output for each of N inputs.

    Parameters
    ----------
    model : nn.Module
        Maps (N, ...) to (N, M).
    x : Tensor of shape (N, ...)
    ends : pair of Tensor of shape (1, M)
        The embeddings of the first and the last sample, each by itself.
    composite : Composite
        Settled: ``"auto"`` has chosen. Where it has not, it chooses for each sample by itself, and those with the same
        choice go together.
    projection : Tensor of shape (K, M), or callable, optional
        What is explained of each embedding. A callable gets what the model returned, (N, ...), and gives weights
        (K, N, M) for each sample.
    bias, reduce, canonizers, memory
        As for `bilrp.explain_outputs`.

    Returns
    -------
    list of Relevance
        In the order of the samples, the same as one by one.

    Raises
    ------
    InputError
        When the model mixes the samples.
    """
    with frozen_eval(model, x.device):
        tape = recorded(model, x, canonizers)
        phi = tape.values[tape.output_node].flatten(1)
        slack = TOLERANCE.get(phi.dtype, COARSE)
        for sample, end in zip((phi[:1], phi[-1:]), ends, strict=True):
            expected = end.flatten(1).to(sample)
            if len(phi) != len(x) or expected.shape != sample.shape:
                raise InputError(f"the model gave {tuple(phi.shape)} for {len(x)} inputs, expected a row for each")
            if float((sample - expected).abs().max()) > slack * float(expected.abs().max()):
                raise InputError("the model gives a sample another embedding in a batch than alone")
        if callable(projection):
            mixing = projection(tape.values[tape.output_node])
        else:
            mixing = (torch.eye(phi.shape[1]) if projection is None else projection).to(phi)[:, None]
        outputs = (mixing * phi).sum(-1)
        explained: list[Relevance | None] = [None] * len(x)
        for settled, members in _by_choice(composite, tape, mixing * phi, bias == "distribute").items():
            plan = make_plan(tape, settled, bias == "distribute")
            require_finite_values(plan)
            chosen = torch.zeros(len(x), 1).to(phi)
            chosen[members] = 1
            tops = (mixing[rows.start : rows.stop] * (phi * chosen) for rows in plan.chunks(len(mixing), memory))
            values = torch.cat([reduce(propagate(plan, top)) for top in tops])
            coverage = plan.coverage(conditions_of(tape, phi, settled.name, bias, canonizers))
            if isinstance(settled, Auto):
                coverage = coverage.with_note(settled.sentence([step.context for step in plan.steps]))
            coverage = coverage.with_note(TOGETHER.format(len(members) - 1))
            if not bool(torch.isfinite(values.sum())):
                raise NonFiniteError(first_relevance(plan, mixing * phi))
            for n in members:
                explained[n] = Relevance(values[:, n], outputs[:, n].clone(), replace(coverage))
    found = [relevance for relevance in explained if relevance is not None]
    for relevance in found:
        attest(relevance.certificate, [relevance.coverage], warn=False)
    return found


def _by_choice(composite: Composite, tape: Tape, starts: Tensor, distribute: bool) -> dict[Composite, list[int]]:
    """The samples that go by the same rules; ``starts`` (K, N, M) is where their relevance begins."""
    members = list(range(starts.shape[1]))
    if not isinstance(composite, Auto):
        return {composite: members}
    by_level: dict[int, list[int]] = defaultdict(list)
    for n, chosen in enumerate(settled_each(composite, tape, starts, distribute)):
        by_level[chosen.level or 0].append(n)
    return {composite.at(level): numbers for level, numbers in by_level.items()}
