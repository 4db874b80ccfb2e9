"""LRP of the outputs of a model for one input: at full resolution, or summed over tiles."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from numbers import Integral
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from bilrp._engine.available import require_room
from bilrp._engine.finite import first_relevance, require_finite_values
from bilrp._engine.progress import Progress, progress_of
from bilrp._engine.propagation import BIAS, Plan, make_plan, propagate
from bilrp._engine.tiled import Top, propagate_pooled
from bilrp._engine.trial import settled
from bilrp._trace.chunks import DEFAULT_MEMORY, memory_at
from bilrp._trace.recorder import frozen_eval
from bilrp._trace.tape import Tape
from bilrp.canonizers import DEFAULT_CANONIZERS, Canonizer
from bilrp.certificate import Certificate, attest, certify_outputs, conditions_of
from bilrp.composites import Auto, Composite
from bilrp.coverage import Coverage
from bilrp.estimates import CostEstimate, estimated
from bilrp.exceptions import InputError, NonFiniteError
from bilrp.recorded import recorded, require_input
from bilrp.rules import Rule
from bilrp.tokens import merged_words


@dataclass
class Relevance:
    """Relevance of one input for many outputs.

    Parameters
    ----------
    values : Tensor of shape (K, *input shape without the batch), or (K, rows, columns) of tiles
        Row k explains the k-th output.
    embedding : Tensor of shape (K,)
        The outputs that are explained; the sum of a row is its output, less what biases and stabilizers kept.
    coverage : Coverage
    targets : tuple of str
        Names of the rows, where outputs were chosen; see `bilrp.attribute`.
    tokens : tuple of str, optional
        The tokens of a text, one for each entry of a row.
    """

    values: Tensor
    embedding: Tensor
    coverage: Coverage
    targets: tuple[str, ...] = field(default=(), kw_only=True)
    tokens: Sequence[str] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if self.tokens is not None:
            self.tokens = tuple(self.tokens)
            if self.values.dim() < 2 or self.values.shape[1] != len(self.tokens):
                raise InputError(
                    f"{type(self).__name__}: {len(self.tokens)} tokens for values of shape {tuple(self.values.shape)}, "
                    f"expected one for each entry (K, T)"
                )

    def words(self, *, special: str = "keep") -> Self:
        """Relevance of words: sub-words added up by the marks of their tokenizer; see `bilrp.JointRelevance.words`."""
        if special not in {"keep", "drop"}:
            raise InputError(f"words: special is {special!r}, expected 'keep' or 'drop'")
        if self.tokens is None:
            raise InputError(f"words: the {type(self).__name__.lower()} has no tokens: give them where it is made")
        values, words = merged_words(self.values, self.tokens, special == "drop")
        return replace(self, values=values, tokens=words)

    def plot(self, **options: Any) -> Any:
        """Heat maps, red for and blue against, a panel for each output; see `bilrp.plotting.plot_relevance`."""
        from bilrp.plotting import plot_relevance

        return plot_relevance(self, **options)

    def imsave(self, path: str | Path, **options: Any) -> Path:
        """The heat maps alone as a PNG file, a pixel for each value; see `bilrp.plotting.imsave`."""
        from bilrp.plotting import imsave

        return imsave(path, self.values, **options)

    @cached_property
    def certificate(self) -> Certificate:
        """How far the result can be believed, and how it was made."""
        sums = self.values.detach().flatten(1).sum(1, dtype=torch.float64)
        magnitude = float(torch.linalg.vector_norm(self.values.detach(), 1, dtype=torch.float64))
        certificate = certify_outputs(sums, magnitude, self.embedding, self.coverage)
        if math.isfinite(magnitude):
            return certificate
        return replace(certificate, non_finite=int((~torch.isfinite(self.values)).sum()))


def entries_of(x: Tensor, pool: int | None, reduce: Callable[[Tensor], Tensor] | None) -> int:
    """How many entries a row of the result has."""
    if pool is not None:
        return -(-x.shape[2] // pool) * -(-x.shape[3] // pool)
    one = torch.empty(1, *x.shape, dtype=torch.float32, device=x.device)
    return one.numel() if reduce is None else reduce(one.zero_()).numel()


def _top(tape: Tape, projection: Tensor | Callable[[Tensor], Tensor] | None) -> Top:
    """Where the relevance of a recorded pass starts, checked."""
    embedding = tape.values[tape.output_node]
    if embedding.dim() < 2 or embedding.shape[0] != 1:
        raise InputError(f"the model returned an embedding of shape {tuple(embedding.shape)}, expected (1, M)")
    phi = embedding.flatten(1)[0]
    if callable(projection):
        projection = projection(embedding)
    if projection is not None and not isinstance(projection, Tensor):
        raise InputError(
            f"the projection is of type {type(projection).__name__}, expected a tensor (K, M). Use "
            f"torch.as_tensor(projection)."
        )
    if projection is not None and (projection.dim() != 2 or projection.shape[1] != phi.numel()):
        raise InputError(
            f"the projection has shape {tuple(projection.shape)}, expected (K, {phi.numel()}) for this model"
        )
    return Top(phi, None if projection is None else projection.to(phi))


def _planned(
    tape: Tape, top: Top, composite: Composite | str | Mapping[str, Rule] | None, bias: str
) -> tuple[Composite, Plan]:
    """The composite, settled by a trial where it chooses by itself, and the way of the relevance by its rules."""
    chosen = Composite.ensure(composite)
    if isinstance(chosen, Auto):
        chosen = settled(chosen, tape, top, bias == "distribute")
    return chosen, make_plan(tape, chosen, bias == "distribute")


def settled_on(
    model: nn.Module,
    x: Tensor,
    composite: Auto,
    *,
    bias: str,
    projection: Tensor | None,
    canonizers: Sequence[Canonizer],
) -> Auto:
    """The composite that ``"auto"`` chooses for a model at this input; arguments as for `explain_outputs`."""
    with frozen_eval(model, x.device):
        tape = recorded(model, x, canonizers)
        return settled(composite, tape, _top(tape, projection), bias == "distribute")


def estimate_outputs(
    model: nn.Module,
    x: Tensor,
    composite: Composite | str | Mapping[str, Rule] | None = None,
    *,
    bias: str = "leave",
    projection: Tensor | None = None,
    pool: int | None = None,
    reduce: Callable[[Tensor], Tensor] | None = None,
    canonizers: Sequence[Canonizer] = DEFAULT_CANONIZERS,
    memory: int = DEFAULT_MEMORY,
) -> CostEstimate:
    """What `explain_outputs` will take with these arguments: one forward pass, and two explanations to calibrate."""
    require_input(model, x)
    with frozen_eval(model, x.device):
        started = time.perf_counter()
        tape = recorded(model, x, canonizers)
        forward = time.perf_counter() - started
        top = _top(tape, projection)
        composite, plan = _planned(tape, top, composite, bias)
        return estimated(plan, top, entries_of(x, pool, reduce), memory_at(plan.embedding, memory), forward)


def explain_outputs(
    model: nn.Module,
    x: Tensor,
    composite: Composite | str | Mapping[str, Rule] | None = None,
    *,
    bias: str = "leave",
    projection: Tensor | Callable[[Tensor], Tensor] | None = None,
    pool: int | None = None,
    reduce: Callable[[Tensor], Tensor] | None = None,
    canonizers: Sequence[Canonizer] = DEFAULT_CANONIZERS,
    memory: int = DEFAULT_MEMORY,
    warn: bool = True,
    progress: Progress | bool = False,
) -> Relevance:
    """LRP of every output of a model for one input (first order).

    Parameters
    ----------
    model : nn.Module
        Maps (1, ...) to (1, M), or to anything that flattens to it. Explained in evaluation mode; left as it was.
    x : Tensor of shape (1, ...)
    composite : Composite, str, dict or None
        Which rule where; see `bilrp.composites`.
    bias : {"leave", "distribute"}
        Whether biases and stabilizers keep their share or give it to the inputs over abs(z_jk).
    projection : Tensor of shape (K, M), or callable, optional
        Explain ``projection @ embedding``, with LRP-0 for the projection. A callable gets what the model returned and
        gives that tensor.
    pool : int, optional
        Sum over channels and over tiles of pool x pool pixels of an image (1, C, H, W); tiles at the far edges may be
        smaller. Where that is cheaper, maps of full resolution are never formed; see `bilrp._engine.tiled`.
    reduce : callable, optional
        Applied to each chunk (K', 1, ...) of the result, such as a sum over channels, so that only what it gives is
        held in memory.
    canonizers : sequence of callable
        Change the tape before rules are given.
    memory : int
        Bytes that the travelling relevance may take; the default takes more on a GPU, by what is free. With
        ``pool``, what tiles get from the neurons where the two ways meet must fit into four times as much, so that
        more memory can save time on images of very many tiles. Results do not depend on it.
    warn : bool
        Warn of a result beyond the limits of `bilrp.certificate` (`DoubtfulExplanationWarning`). Not wanted for one
        side of a pair, whose joint relevance has a certificate of its own.
    progress : bool or callable
        Gets how many of how many outputs are done; True writes a line on the standard error.

    Returns
    -------
    Relevance

    Raises
    ------
    InputError
        When the input, the projection or an argument has another form than stated here.
    UnsupportedOperationError
        When relevance reaches an operation without a rule.
    ResultTooLargeError
        When the result would not fit into memory; before anything of it is made.
    NonFiniteError
        Where the input, a weight, a value on the way of the relevance, or relevance itself is infinite or no number.
    NotConservedError
        With ``bias="distribute"``, where relevance does not add up to the outputs.
    """
    if bias not in BIAS:
        raise InputError(f"bias is {bias!r}, expected 'leave' or 'distribute'")
    require_input(model, x)
    if x.dim() < 2 or x.shape[0] != 1:
        raise InputError(
            f"got an input of shape {tuple(x.shape)}, expected one sample with its batch axis, such as (1, C, H, W). "
            f"Use x[None], or explain_pairs for batches."
        )
    if pool is not None and (not isinstance(pool, Integral) or pool < 1 or x.dim() != 4 or reduce is not None):
        raise InputError(
            f"pool is {pool} for an input of shape {tuple(x.shape)}, expected one or more pixels, an image (1, C, H, "
            f"W), and no reduce beside it"
        )
    with frozen_eval(model, x.device):
        tape = recorded(model, x, canonizers)
        top = _top(tape, projection)
        composite, plan = _planned(tape, top, composite, bias)
        require_finite_values(plan)
        require_room(len(top), entries_of(x, pool, reduce), top.phi.element_size(), top.phi.device)
        plan.progress = progress_of(progress)
        memory = memory_at(plan.embedding, memory)
        if pool is not None:
            values = propagate_pooled(plan, top, pool, memory)
        else:
            chunks = (propagate(plan, top(rows)) for rows in plan.chunks(len(top), memory))
            values = torch.cat([chunk if reduce is None else reduce(chunk) for chunk in chunks])[:, 0]
        coverage = plan.coverage(conditions_of(tape, top.phi, composite.name, bias, canonizers))
        relevance = Relevance(values, top.outputs, coverage)
        if relevance.certificate.non_finite:
            wrong = (~torch.isfinite(values.flatten(1))).any(1).nonzero()[0]
            raise NonFiniteError(first_relevance(plan, top(range(int(wrong), int(wrong) + 1))))
        if isinstance(composite, Auto):
            sentence = composite.sentence([step.context for step in plan.steps])
            share = 1 - relevance.certificate.bias_share
            relevance.coverage = coverage.with_note(f"{sentence}; {share:.1%} of what is explained reaches the input")
    attest(relevance.certificate, [relevance.coverage], warn=warn)
    return relevance
