"""A trial of a composite on a few outputs, for `bilrp.composites.Auto`: what it amplifies, and what goes missing."""

from __future__ import annotations

import torch

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
    count = min(N_TRIED, len(top))
    rows = sorted({round(i * (len(top) - 1) / max(count - 1, 1)) for i in range(count)})

    start = torch.cat([top(range(row, row + 1)) for row in rows])

    def trial(candidate: Auto) -> Trial:
        plan = make_plan(tape, candidate, distribute)
        explained = top.outputs[rows]
        whole = float(explained.abs().sum()) or 1.0
        try:
            relevance = propagate(plan, start).flatten(1)
        except NonFiniteError:
            return Trial(float("inf"), float("inf"))
        missing = float((relevance.sum(1) - explained).abs().sum()) if distribute else 0.0
        return Trial(float(relevance.abs().sum()) / whole, missing / whole)

    return composite.settled(trial)
