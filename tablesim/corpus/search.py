"""Exact search: the cosine of the query with every page, and what the two have in common.

The embeddings are phi = sqrt(h); of two pages that are equally alike the one whose id comes first is first, whatever
the machine. 110 numbers a page: a million pages are one matrix product.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tablesim.bigrams.bins import BIN_NAMES, N_BINS
from tablesim.digits.scores import histogram110
from tablesim.errors import SettingsError

TIE = 9
"""Decimals to which cosines are compared: sums in another order differ below that."""

_BLOCK = 512
N_SHARED = 8


@dataclass(frozen=True, slots=True)
class SharedBigram:
    """What one bigram adds to the score of two pages: ``relevance`` = sqrt(count_query * count_page)."""

    bigram: str
    relevance: float
    count_query: float
    count_page: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "bigram": self.bigram,
            "relevance": round(self.relevance, 4),
            "count_query": round(self.count_query, 2),
            "count_page": round(self.count_page, 2),
        }


@dataclass(frozen=True, slots=True)
class Hit:
    """A page that is like the query.

    Parameters
    ----------
    page : str
        Page id.
    rank : int
        From 1.
    similarity : float
        Cosine of the embeddings, 0 to 1.
    containment : float
        Share of the smaller histogram that the larger one covers, 0 to 1.
    same_book : bool or None
        None where the book of either page is not known.
    shared : tuple of SharedBigram
        The bigrams that bring most of the score, in falling relevance.
    """

    page: str
    rank: int
    similarity: float
    containment: float
    same_book: bool | None
    shared: tuple[SharedBigram, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "page": self.page,
            "rank": self.rank,
            "similarity": round(self.similarity, 6),
            "containment": round(self.containment, 6),
            "same_book": self.same_book,
            "shared": [bigram.to_dict() for bigram in self.shared],
        }


def unit_rows(phi: NDArray[np.floating]) -> NDArray[np.float64]:
    """Rows of shape (n, 110) divided by their lengths; rows of zeros stay."""
    rows = np.asarray(phi, dtype=np.float64)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)


def top_rows(
    queries: NDArray[np.float64], rows: NDArray[np.float64], k: int, skip: Sequence[NDArray[np.intp]] | None = None
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float64]]]:
    """For each query the ``k`` rows with the greatest cosine and their cosines; rows with nothing in common never.

    Parameters
    ----------
    queries, rows : float64 arrays of shape (m, 110) and (n, 110)
        With unit rows; ``rows`` in the order of the page ids, which decides between equals.
    k : int
    skip : sequence of m int arrays, optional
        Rows that each query must not find.
    """
    for start in range(0, len(queries), _BLOCK):
        block = np.round(queries[start : start + _BLOCK] @ rows.T, TIE)
        for offset, cosines in enumerate(block):
            if skip is not None:
                cosines[skip[start + offset]] = 0.0
            if k < len(cosines):
                least = np.partition(cosines, len(cosines) - k)[len(cosines) - k]
                near = np.flatnonzero((cosines >= least) & (cosines > 0))
            else:
                near = np.flatnonzero(cosines > 0)
            order = near[np.argsort(-cosines[near], kind="stable")][:k]
            yield order, np.minimum(cosines[order], 1.0)


def shared_bigrams(h_query: NDArray[np.floating], h_page: NDArray[np.floating], k: int) -> tuple[SharedBigram, ...]:
    """The ``k`` bigrams that add most to phi . phi' = sum of sqrt(h h'), in falling relevance."""
    relevance = np.sqrt(np.asarray(h_query, np.float64) * np.asarray(h_page, np.float64))
    order = np.argsort(-relevance, kind="stable")[:k]
    return tuple(
        SharedBigram(BIN_NAMES[index], float(relevance[index]), float(h_query[index]), float(h_page[index]))
        for index in order
        if relevance[index] > 0
    )


def containment(h_a: NDArray[np.floating], h_b: NDArray[np.floating]) -> float:
    """Sum min(h, h') / min(sum h, sum h'): 1 where all of the smaller page stands on the larger; 0 for empty ones."""
    a, b = np.asarray(h_a, np.float64), np.asarray(h_b, np.float64)
    smaller = min(a.sum(), b.sum())
    return float(min(np.minimum(a, b).sum() / smaller, 1.0)) if smaller > 0 else 0.0


def typed_numbers(text: str) -> list[str]:
    """The numbers in a typed query such as ``0 24 / 0 48``: every run of figures is one, all else only parts them.

    Raises
    ------
    SettingsError
        No figure in it.
    """
    numbers = re.findall(r"[0-9]+", text)
    if not numbers:
        raise SettingsError(f"numbers: got {text!r}, expected figures such as '0 24 / 0 48'")
    return numbers


def typed_histogram(text: str) -> NDArray[np.float64]:
    """The histogram of shape (110,) of typed numbers, each figure counted as surely read."""
    counts = histogram110(typed_numbers(text)).astype(np.float64)
    assert counts.shape == (N_BINS,)
    return counts
