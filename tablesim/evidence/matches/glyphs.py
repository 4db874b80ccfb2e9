"""Level 1 of the evidence: which pairs of glyphs make two pages alike, and by how much.

Bin m of the histograms brings R_m = phi_m phi'_m to the score. It is shared over the pairs of its occurrences, g on
page A and g' on page B, as (b_g / h_m)(b'_g' / h'_m), b the pair minimum (BiLRP of the bigram layer; Eberle et al.,
TPAMI 2022, with the square root passing relevance on unchanged). Every equal bigram of A therefore pairs with every one
of B: equal glyphs of a bin are exchangeable here, and *which* 45 meets which is a question for the registration.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tablesim.bigrams.occurrences import Occurrences
from tablesim.records.bins import N_BINS
from tablesim.records.boxes import Box

CHUNK = 1 << 20
"""Pairs whose relevance is held in memory at one time (8 MB)."""


@dataclass(frozen=True, slots=True)
class Match:
    """One pair of equal glyphs, and what it brings to the score.

    Parameters
    ----------
    bigram : str or None
        "45", or "4" for an isolated digit; None where tiles of the page are matched, not glyphs.
    relevance : float
        Contribution to the score, in the unit of the score.
    a, b : Box
        Their boxes in source pixels of page A and of page B.
    """

    bigram: str | None
    relevance: float
    a: Box
    b: Box

    def to_dict(self) -> dict[str, Any]:
        return {"bigram": self.bigram, "relevance": self.relevance, "a": self.a.to_dict(), "b": self.b.to_dict()}


class GlyphMatches:
    """All pairs of equal glyphs of two pages, never held at once.

    Parameters
    ----------
    a, b : Occurrences
        The bigrams and isolated digits of the two pages.
    """

    def __init__(self, a: Occurrences, b: Occurrences) -> None:
        self.a = a
        self.b = b
        self._share_a, h_a = _shares(a)
        self._share_b, h_b = _shares(b)
        self.bin_relevance: NDArray[np.float64] = np.sqrt(h_a) * np.sqrt(h_b)
        """R_m of each bin, shape (110,)."""

    @cached_property
    def bins(self) -> list[int]:
        """The bins that bring anything, in their order."""
        return [int(m) for m in np.flatnonzero(self.bin_relevance > 0)]

    @property
    def n_pairs(self) -> int:
        """How many pairs of glyphs share the score."""
        return sum(len(self.members_a[m]) * len(self.members_b[m]) for m in self.bins)

    @cached_property
    def members_a(self) -> list[NDArray[np.int64]]:
        """Occurrences of page A by bin, as indices."""
        return _by_bin(self.a.bin)

    @cached_property
    def members_b(self) -> list[NDArray[np.int64]]:
        """Occurrences of page B by bin, as indices."""
        return _by_bin(self.b.bin)

    def of_bin(self, m: int) -> Iterator[NDArray[np.float64]]:
        """Relevance of the pairs of bin ``m``, in blocks of rows: together of shape (n_a, n_b).

        Rows and columns follow ``members_a[m]`` and ``members_b[m]``; a block holds at most ``CHUNK`` pairs or one row.
        """
        rows, columns = self._share_a[self.members_a[m]], self._share_b[self.members_b[m]]
        step = max(1, CHUNK // max(1, len(columns)))
        for start in range(0, len(rows), step):
            yield self.bin_relevance[m] * np.multiply.outer(rows[start : start + step], columns)

    def total(self) -> float:
        """The sum over all pairs, taken pair by pair in float64.

        It equals the score of the two embeddings, which comes another way: by the bigram network and a dot product.
        """
        return float(sum(block.sum() for m in self.bins for block in self.of_bin(m)))

    def top_indices(self, k: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """The ``k`` pairs of greatest relevance: occurrences of A, occurrences of B, relevance; exact.

        Equal relevance is put in order of the occurrences on A, then on B. In a bin with shares in falling order, pair
        (i, j), counted from 1, has i * j - 1 pairs at least as great: only those with i * j <= k can be listed.
        """
        if k < 0:
            raise ValueError(f"top matches: got {k}, expected 0 or more")
        parts: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]] = []
        for m in self.bins:
            rows = _falling(self.members_a[m], self._share_a)[:k]
            columns = _falling(self.members_b[m], self._share_b)[:k]
            widths = np.minimum(k // np.arange(1, len(rows) + 1), len(columns))
            left = np.repeat(rows, widths)
            right = columns[np.arange(widths.sum()) - np.repeat(np.cumsum(widths) - widths, widths)]
            relevance = self.bin_relevance[m] * (self._share_a[left] * self._share_b[right])
            parts.append((left, right, relevance))
        if not parts:
            return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
        left, right, relevance = (np.concatenate(part) for part in zip(*parts, strict=True))
        order = np.lexsort((right, left, -relevance))[:k]
        return left[order], right[order], relevance[order]

    def top(self, k: int = 200) -> list[Match]:
        """The ``k`` matches of greatest relevance, greatest first."""
        left, right, relevance = self.top_indices(k)
        return [
            Match(self.a.text(i), float(r), self.a.box(i), self.b.box(j))
            for i, j, r in zip(left.tolist(), right.tolist(), relevance, strict=True)
        ]

    def of_digits(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Relevance of each digit of A and of B: half of every match to each of the bigram's two digits.

        Shapes (G_a,) and (G_b,); each sums to the score. An isolated digit keeps all of its matches.
        """
        halves = []
        for side, share in ((self.a, self._share_a), (self.b, self._share_b)):
            relevance = self.bin_relevance[side.bin] * share
            halves.append(
                0.5 * np.bincount(side.first, relevance, len(side.digits))
                + 0.5 * np.bincount(side.partner, relevance, len(side.digits))
            )
        return halves[0], halves[1]


def _shares(side: Occurrences) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The share b_g / h_m of each occurrence in its bin, and h; 0 where a bin is empty."""
    values = side.values
    h = np.bincount(side.bin, values, N_BINS).astype(np.float64)
    of_bin = h[side.bin]
    return np.divide(values, of_bin, out=np.zeros_like(values), where=of_bin > 0), h


def _by_bin(bins: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    order = np.argsort(bins, kind="stable")
    return np.split(order, np.searchsorted(bins[order], np.arange(1, N_BINS)))


def _falling(members: NDArray[np.int64], shares: NDArray[np.float64]) -> NDArray[np.int64]:
    """Members in falling order of their share, equal ones in their own order."""
    return members[np.argsort(-shares[members], kind="stable")]
