"""The hits of a search: pages, their similarity, the bigrams they share with the query, and how rare such a hit is.

Also the histogram of typed numbers. ``nearest`` finds the pages.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tablesim.errors import SettingsError
from tablesim.records.bins import BIN_NAMES, count_bigrams
from tablesim.records.plain import plain

N_SHARED = 8
"""Bigrams shown with each page: one line of text."""


@dataclass(frozen=True, slots=True)
class SharedBigram:
    """What one bigram adds to the score of two pages: ``relevance`` = sqrt(count_query * count_page)."""

    bigram: str
    relevance: float
    count_query: float
    count_page: float

    def to_dict(self) -> dict[str, Any]:
        return plain(self, 2, relevance=4)


@dataclass(frozen=True, slots=True)
class BackgroundCount:
    """How many pages of other tables are as near to the query as a hit is: its empirical false-positive rate.

    Others are the pages whose label (or book) is known and is neither that of the query nor that of the hit: pages that
    nobody expects to be like the query.

    Parameters
    ----------
    by : str
        "label" or "book".
    as_near : int
        Others that are at least as near.
    others : int
        How many there are.
    """

    by: str
    as_near: int
    others: int

    @property
    def share(self) -> float | None:
        """as_near / others; None where there are no others."""
        return self.as_near / self.others if self.others else None

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "share": self.share}


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
    surprise : BackgroundCount or None
        How many pages of other tables are as near; None where neither labels nor books are known, and for neighbours
        as a run stores them.
    """

    page: str
    rank: int
    similarity: float
    containment: float
    same_book: bool | None
    shared: tuple[SharedBigram, ...]
    surprise: BackgroundCount | None = None

    def __repr__(self) -> str:
        return f"Hit({self.page!r}, rank {self.rank}, similarity {self.similarity:.4f})"

    def to_dict(self) -> dict[str, Any]:
        return {
            "page": self.page,
            "rank": self.rank,
            "similarity": round(self.similarity, 6),
            "containment": round(self.containment, 6),
            "same_book": self.same_book,
            "shared": [bigram.to_dict() for bigram in self.shared],
            "surprise": None if self.surprise is None else self.surprise.to_dict(),
        }


def shared_bigrams(h_query: NDArray[np.floating], h_page: NDArray[np.floating], k: int) -> tuple[SharedBigram, ...]:
    """The ``k`` bigrams that add most to phi . phi' = sum of sqrt(h h'), in falling relevance."""
    relevance = np.sqrt(np.asarray(h_query, np.float64) * np.asarray(h_page, np.float64))
    order = np.argsort(-relevance, kind="stable")[:k]
    return tuple(
        SharedBigram(BIN_NAMES[index], float(relevance[index]), float(h_query[index]), float(h_page[index]))
        for index in order
        if relevance[index] > 0
    )


def typed_numbers(text: str) -> list[str]:
    """The numbers in a typed query such as ``0 24 / 0 48``: every run of digits is one, all else only parts them.

    Raises
    ------
    SettingsError
        No digit in it.
    """
    numbers = re.findall(r"[0-9]+", text)
    if not numbers:
        raise SettingsError(f"numbers: got {text!r}, expected digits such as '0 24 / 0 48'")
    return numbers


def typed_histogram(text: str) -> NDArray[np.float64]:
    """The histogram of shape (110,) of typed numbers, each digit counted as read with confidence 1."""
    return count_bigrams(typed_numbers(text)).astype(np.float64)
