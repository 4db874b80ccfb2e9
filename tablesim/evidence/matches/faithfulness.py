"""Whether the matches that an explanation ranks first are those that the similarity rests on.

What is ranked first is taken away, and the similarity is computed anew after every step; beside it the same with random
matches. A ranking that says something makes the similarity fall faster than chance does.

A match is taken away by taking its glyph off *one* of the two pages, which ends all matches of that glyph; then the
same from the other page, and the two curves are averaged. Both glyphs at once would prove nothing: whatever is taken
from both of two equal pages, equal pages are left, and their similarity stays 1. As the page changes with every glyph
that goes, so does what the rest brings, and the most relevant glyph of what is left goes next. By chance any glyph goes
that has a match. This is pixel flipping (Samek et al., IEEE TNNLS 28, 2017) on glyphs; `bilrp.evaluation.pair_flipping`
does it with pairs of tiles.

The ranking takes one bigram off after the other, and since the embedding is a root, the last of its kind costs most: a
part of the gap comes of that alone. ``by_bigram`` sets the ranking against whole bigrams in random order. Of nearly
equal pages hardly any gap is left then, as it must be, since all their glyphs are equally relevant.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tablesim.bigrams.occurrences import Occurrences
from tablesim.evidence.matches.glyphs import GlyphMatches
from tablesim.language import say, to_say
from tablesim.records.bins import N_BINS

STEPS = 50
"""Steps from all matches to none."""

ORDERS = 20
"""Random orders."""

NAMED = 0.1
"""Share taken away that is named in words."""

FEW = 20
"""With fewer things to take away a curve says little, and the words say so."""


@dataclass(frozen=True, eq=False)
class Faithfulness:
    """Similarity while matches are taken away.

    Parameters
    ----------
    share : float64 array of shape (n + 1,)
        How much of what has a match is taken away, from 0, rising.
    top : float64 array of shape (n + 1,)
        Similarity when the most relevant goes first.
    random, random_low, random_high : float64 arrays of shape (n + 1,)
        When any goes: mean, least and greatest over the orders.
    orders : int
        How many random orders.
    things : int
        How many things can be taken away, on both pages together.
    unit : str
        What they are: "digits" (bigrams and isolated digits that have a match), "tiles".
    """

    share: NDArray[np.float64]
    top: NDArray[np.float64]
    random: NDArray[np.float64]
    random_low: NDArray[np.float64]
    random_high: NDArray[np.float64]
    orders: int
    things: int
    unit: str

    @property
    def gap(self) -> float:
        """The area between the curves, random less top, as share of the area under the similarity at the start.

        Above 0 the ranking is better than chance; 1 cannot be reached.
        """
        area = float(np.trapezoid(self.random - self.top, self.share))
        return area / (float(self.share[-1] - self.share[0]) * (abs(float(self.top[0])) or 1.0))

    def at(self, share: float) -> tuple[float, float]:
        """Similarity with that share taken away: the most relevant, and random ones."""
        return float(np.interp(share, self.share, self.top)), float(np.interp(share, self.share, self.random))

    @property
    def words(self) -> str:
        """What the curves say, in a sentence."""
        top, random = self.at(NAMED)
        text = say(
            "without the {share} % most relevant {unit} the similarity falls from {whole} to {top}, without random "
            "ones to {random} (area between the curves {gap})",
            share=f"{100 * NAMED:.0f}",
            unit=say(self.unit),
            whole=f"{self.top[0]:.3f}",
            top=f"{top:.3f}",
            random=f"{random:.3f}",
            gap=f"{self.gap:+.3f}",
        )
        if self.things >= FEW:
            return text
        return say("{text}; with {n} {unit} this says little", text=text, n=self.things, unit=say(self.unit))

    def to_dict(self) -> dict[str, Any]:
        return {
            "unit": self.unit,
            "things": self.things,
            "orders": self.orders,
            "gap": self.gap,
            "share": self.share.round(4).tolist(),
            "top": self.top.round(6).tolist(),
            "random": self.random.round(6).tolist(),
            "random_low": self.random_low.round(6).tolist(),
            "random_high": self.random_high.round(6).tolist(),
        }


def gathered(
    share: NDArray[np.float64], curve: Callable[[int | None], NDArray[np.float64]], orders: int, things: int, unit: str
) -> Faithfulness:
    """Make the curves: ``curve(None)`` with the most relevant first, ``curve(seed)`` in a random order."""
    random = np.stack([curve(seed) for seed in range(orders)])
    return Faithfulness(
        share, curve(None), random.mean(axis=0), random.min(axis=0), random.max(axis=0), orders, things, unit
    )


def glyph_faithfulness(
    matches: GlyphMatches, *, steps: int = STEPS, orders: int = ORDERS, by_bigram: bool = False
) -> Faithfulness | None:
    """The curves of two pages; None when they have no match.

    Parameters
    ----------
    matches : GlyphMatches
    steps : int
        Places at which the similarity is computed, 1 or more.
    orders : int
        Random orders, 1 or more, seeded by their number.
    by_bigram : bool
        By chance bigrams go as wholes: a harder rival than single glyphs.
    """
    if not matches.bins:
        return None
    sides = (matches.a, matches.b)
    h = [np.bincount(side.bin, side.values, N_BINS).astype(np.float64) for side in sides]
    able = [np.flatnonzero((h[1 - i][side.bin] > 0) & (side.values > 0)) for i, side in enumerate(sides)]
    share = np.linspace(0, 1, steps + 1)

    def curve(seed: int | None) -> NDArray[np.float64]:
        rng = None if seed is None else np.random.default_rng(seed)
        both = []
        for i, side in enumerate(sides):
            order = falling(side, able[i], h[i], h[1 - i]) if rng is None else rng.permutation(able[i])
            if rng is not None and by_bigram:
                order = order[np.argsort(rng.permutation(N_BINS)[side.bin[order]], kind="stable")]
            both.append(_similarities(side, order, h[i], h[1 - i], share))
        return np.asarray(np.mean(both, axis=0))

    return gathered(share, curve, orders, len(able[0]) + len(able[1]), to_say("digits"))


def falling(
    side: Occurrences, able: NDArray[np.int64], h: NDArray[np.float64], h_other: NDArray[np.float64]
) -> NDArray[np.int64]:
    """The occurrences ``able`` of a page, the one of greatest relevance among those left always next.

    An occurrence brings b sqrt(h'_m / h_m) to the score, h_m the bin as it is left and h'_m that of the other page.
    """
    by_value = able[np.argsort(-side.values[able], kind="stable")]
    waiting = {int(m): iter(by_value[side.bin[by_value] == m].tolist()) for m in np.unique(side.bin[able])}
    left = h.copy()

    def entry(m: int) -> tuple[float, int, int] | None:
        occurrence = next(waiting[m], None)
        if occurrence is None:
            return None
        rest = max(float(left[m]), float(side.values[occurrence]))
        return -float(side.values[occurrence]) * float(np.sqrt(h_other[m] / rest)), m, occurrence

    heap = [first for m in waiting if (first := entry(m)) is not None]
    heapq.heapify(heap)
    order = []
    while heap:
        _, m, occurrence = heap[0]
        order.append(occurrence)
        left[m] -= side.values[occurrence]
        following = entry(m)
        if following is None:
            heapq.heappop(heap)
        else:
            heapq.heapreplace(heap, following)
    return np.array(order, dtype=np.int64)


def _similarities(
    side: Occurrences,
    order: NDArray[np.int64],
    h: NDArray[np.float64],
    h_other: NDArray[np.float64],
    share: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The cosine of two pages after each share of ``order`` was taken off the one whose histogram is ``h``."""
    gone = np.zeros((len(share), N_BINS))
    step = np.searchsorted(np.round(share * len(order)), np.arange(1, len(order) + 1))
    np.add.at(gone, (step, side.bin[order]), side.values[order])
    left = h - np.cumsum(gone, axis=0)
    # What rounding leaves of an emptied bin would count: the root makes 1e-8 of 1e-16.
    phi, phi_other = np.sqrt(np.where(left > 1e-9, left, 0.0)), np.sqrt(h_other)
    norms = np.linalg.norm(phi, axis=1) * np.linalg.norm(phi_other)
    return np.asarray(np.divide(phi @ phi_other, norms, out=np.zeros(len(share)), where=norms > 0), dtype=np.float64)
