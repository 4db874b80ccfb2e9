"""LRP of the outputs of a model for several inputs in one pass, where the model treats each as if it were alone.

All samples of a batch go forward together, and the relevance of output m of each travels down together: one row for
each output, not for each output of each sample, as samples do not meet. Whether they do is tried: the embeddings of the
first and the last sample must be those that the model gives for these alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from bilrp._engine.finite import first_relevance, require_finite_values
from bilrp._engine.propagation import make_plan, propagate
from bilrp._trace.chunks import DEFAULT_MEMORY
from bilrp._trace.tape import frozen_eval
from bilrp.canonizers import DEFAULT_CANONIZERS, Canonizer
from bilrp.certificate import attest, conditions_of
from bilrp.composites import Composite
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
    projection: Tensor | None = None,
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
        Settled: ``"auto"`` has chosen.
    bias, projection, reduce, canonizers, memory
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
        plan = make_plan(tape, composite, bias == "distribute")
        require_finite_values(plan)
        phi = plan.embedding
        slack = TOLERANCE.get(phi.dtype, COARSE)
        for sample, end in zip((phi[:1], phi[-1:]), ends, strict=True):
            expected = end.flatten(1).to(sample)
            if len(phi) != len(x) or expected.shape != sample.shape:
                raise InputError(f"the model gave {tuple(phi.shape)} for {len(x)} inputs, expected a row for each")
            if float((sample - expected).abs().max()) > slack * float(expected.abs().max()):
                raise InputError("the model gives a sample another embedding in a batch than alone")
        mixing = torch.eye(phi.shape[1]).to(phi) if projection is None else projection.to(phi)
        chunks = []
        for rows in plan.chunks(len(mixing), memory):
            top = mixing[rows.start : rows.stop, None] * phi
            chunks.append(reduce(propagate(plan, top)))
        values = torch.cat(chunks)
        coverage = plan.coverage(conditions_of(tape, phi, composite.name, bias, canonizers))
        coverage = coverage.with_note(TOGETHER.format(len(x) - 1))
        outputs = phi @ mixing.T
        if not bool(torch.isfinite(values.sum())):
            raise NonFiniteError(first_relevance(plan, mixing[:, None] * phi))
    explained = [Relevance(values[:, n], outputs[n].clone(), replace(coverage)) for n in range(len(x))]
    for relevance in explained:
        attest(relevance.certificate, [relevance.coverage], warn=False)
    return explained
