"""A trial of a composite on a few outputs, for `bilrp.composites.Auto`: what it amplifies, and what goes missing."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from bilrp._engine.propagation import make_plan, propagate
from bilrp._engine.tiled import Top
from bilrp._trace.tape import Tape
from bilrp.composites import Auto
from bilrp.composites.auto import Trial
from bilrp.exceptions import NonFiniteError

N_TRIED = 4


def settled(composite: Auto, tape: Tape, top: Top, distribute: bool) -> Auto:
    """A composite that chooses by trial, settled on this tape.

    The outputs that are tried are spread evenly over all, so that the same are tried each time.
    """
    start = torch.cat([top(range(row, row + 1)) for row in _rows(len(top))])
    (chosen,) = settled_each(composite, tape, start, distribute, tried=True)
    return chosen


def settled_each(composite: Auto, tape: Tape, starts: Tensor, distribute: bool, *, tried: bool = False) -> list[Auto]:
    """The same for each of N samples that do not meet; ``starts`` (K, N, M) is where their relevance begins.

    Parameters
    ----------
    composite : Auto
    tape : Tape
    starts : Tensor of shape (K, N, M)
    distribute : bool
    tried : bool
        Whether all K are to be tried, and not a few of them.
    """
    start = starts if tried else starts[_rows(len(starts))]
    explained = start.sum(-1)
    whole = explained.abs().sum(0).double()
    whole = torch.where(whole > 0, whole, 1.0)

    @cache
    def trials(level: int) -> list[Trial]:
        plan = make_plan(tape, composite.at(level), distribute)
        try:
            relevance = propagate(plan, start).flatten(2)
        except NonFiniteError:
            return [Trial(float("inf"), float("inf"))] * len(whole)
        missing = (relevance.sum(2) - explained).abs().sum(0).double() / whole * distribute
        amplified = relevance.abs().sum((0, 2)).double() / whole
        return [Trial(*pair) for pair in zip(amplified.tolist(), missing.tolist(), strict=True)]

    def choice(n: int) -> Auto:
        return composite.settled(lambda candidate: trials(candidate.level or 0)[n])

    return [choice(n) for n in range(len(whole))]


def _rows(n: int) -> list[int]:
    """A few of n outputs, evenly spread."""
    count = min(N_TRIED, n)
    return sorted({round(i * (n - 1) / max(count - 1, 1)) for i in range(count)})
