"""Stronger rules for a pair whose parts cancel under those that "auto" chose, or the reason why none helps.

"auto" settles by a trial of each side alone. The parts of a pair may cancel nevertheless where its embeddings are
nearly orthogonal, so that the similarity is a small rest of terms of either sign.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bilrp.certificate import MAX_AMPLIFICATION
from bilrp.exceptions import NonFiniteError, NotConservedError
from bilrp.joint import JointRelevance

NEAR_ZERO = 10.0
"""From here the terms of the similarity are said to cancel: it is a tenth of what they have without sign."""


def calmer(
    joint: JointRelevance, explained: Callable[[int], JointRelevance], rules: Callable[[int], str], levels: int
) -> JointRelevance:
    """The first explanation by stronger rules that amplifies to no more than `MAX_AMPLIFICATION`.

    Parameters
    ----------
    joint : JointRelevance
        By the rules that were chosen.
    explained : callable
        Explains the pair by rules that are so many levels stronger.
    rules : callable
        What these are called.
    levels : int
        How many there are at most.

    Returns
    -------
    JointRelevance
        Where no rules help, that which was given; its certificate says what was tried and why it was in vain.
    """
    own = joint.certificate.amplification
    least, best = own, 0
    for stronger in range(1, levels + 1):
        if rules(stronger) == rules(stronger - 1):  # there are no stronger ones
            break
        try:
            candidate = explained(stronger)
        except (NonFiniteError, NotConservedError):
            continue
        amplification = candidate.certificate.amplification
        if amplification <= MAX_AMPLIFICATION:
            note = f"{rules(stronger)} for this pair, whose parts are {own:.3g} times its similarity by {rules(0)}"
            left, right = (coverage.with_note(note) for coverage in candidate.coverages)
            return replace(candidate, left_coverage=left, right_coverage=right)
        if amplification < least:
            least, best = amplification, stronger
    tried = f"stronger rules were tried in vain (least {least:.3g} times, by {rules(best)}), {_reason(joint)}"
    return replace(joint, settings={**(joint.settings or {}), "tried": tried})


def _reason(joint: JointRelevance) -> str:
    first, second = (embedding.double() for embedding in joint.embeddings)
    terms = float((first * second).abs().sum()) / (abs(joint.similarity) or 1.0)
    if terms < NEAR_ZERO:
        return "and the terms of the similarity do not cancel: try float64, or another composite"
    return (
        f"as the similarity is near zero: the products of the embeddings' entries, without signs, are {terms:.3g} "
        f"times as much. Explain a pair that is alike, or the difference of two similarities (bilrp.contrast)"
    )
