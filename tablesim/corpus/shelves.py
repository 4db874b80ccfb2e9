"""Several run folders searched as one: each by itself, exactly, and the hits are merged by their similarity.

A run of about a million pages is a shelf; a library is a row of them. Likeness is a cosine of two histograms and needs
nothing else of a run, so that what is found is what one run of all pages would find.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tablesim.corpus.search.hits import Hit
from tablesim.corpus.search.number_search import (
    ALIKE,
    ALL_BUT_ONE,
    STANDINGS,
    NumberAnswer,
    NumberHit,
    answer_sentence,
)
from tablesim.corpus.store import Corpus
from tablesim.errors import RunError, SettingsError
from tablesim.scans.csvfile import shortlist


@dataclass(frozen=True)
class ShelfHit:
    """A hit and the run that it is of; ``hit.rank`` is its rank among those of all runs."""

    corpus: Corpus
    hit: Hit

    def to_dict(self) -> dict[str, Any]:
        return {**self.hit.to_dict(), "run": str(self.corpus.folder)}


@dataclass(frozen=True)
class ShelfNumberHit:
    """The same of a search for numbers."""

    corpus: Corpus
    hit: NumberHit

    def to_dict(self) -> dict[str, Any]:
        return {**self.hit.to_dict(), "run": str(self.corpus.folder)}


@dataclass(frozen=True)
class ShelfNumberAnswer:
    """What a search for numbers found in several runs; as ``NumberAnswer``, each hit with its run."""

    query: str
    hits: tuple[ShelfNumberHit, ...]
    counts: dict[str, int]

    @property
    def sentence(self) -> str:
        """How many pages hold what was asked for."""
        return answer_sentence(self.query, self.counts, sum(each.hit.standing == ALIKE for each in self.hits))

    def to_dict(self) -> dict[str, Any]:
        return {"query": self.query, "counts": dict(self.counts), "hits": [hit.to_dict() for hit in self.hits]}


class Shelves:
    """Several runs, searched as one.

    Parameters
    ----------
    corpora : sequence of Corpus
        One or more; ``Shelves.open`` takes their folders.

    Raises
    ------
    SettingsError
        No run, or one twice.
    """

    def __init__(self, corpora: Sequence[Corpus]) -> None:
        folders = Counter(corpus.folder.resolve() for corpus in corpora)
        if not corpora or max(folders.values()) > 1:
            twice = shortlist(str(folder) for folder, n in folders.items() if n > 1)
            raise SettingsError(f"runs: got {twice + ' twice' if twice else 'none'}, expected different run folders")
        self.corpora = tuple(corpora)

    @classmethod
    def open(cls, folders: Sequence[str | Path]) -> Shelves:
        """The runs in these folders; RunError for what is none."""
        return cls([Corpus.open(folder) for folder in folders])

    def remarks(self) -> list[str]:
        """What makes the runs less alike than parts of one: other networks read the same page otherwise."""
        networks = {str(corpus.settings.get("network")) for corpus in self.corpora}
        return [f"these runs were read with {len(networks)} networks: their pages are less alike for it"][
            : len(networks) - 1
        ]

    def holder(self, page: str) -> Corpus:
        """The run that has a page; RunError where none has it, or several have one of that name."""
        holders = [corpus for corpus in self.corpora if page in corpus]
        if not holders:
            self.corpora[0].page(page)  # says which ids are near
        if len(holders) > 1:
            where = shortlist(str(corpus.folder) for corpus in holders)
            raise RunError(f"{page}: {len(holders)} runs have a page of this name ({where}); name the one first, alone")
        return holders[0]

    def search(self, page: str, *, top: int = 10, across_books: bool = False) -> list[ShelfHit]:
        """The pages of all runs that are most like a page of one of them; exact, equals in the order of runs and ids.

        Parameters
        ----------
        page : str
            It is itself not found.
        top : int
            How many pages at most.
        across_books : bool
            Leave out pages of the same book, by its name, in every run.

        Raises
        ------
        RunError
            No such page, or several; or no digits were read on it.
        SettingsError
            ``top`` is below 1.
        """
        home = self.holder(page)
        row = home.page(page)
        own = home.search(page, top=top, across_books=across_books)
        stored = home.embedding_shards.row(row["sha256"])
        assert stored is not None  # its own run was searched for it
        counts = np.array(stored["histogram"], dtype=np.float32)
        book = row["book"] if across_books else None
        found = [
            (corpus, hit)
            for corpus in self.corpora
            for hit in (own if corpus is home else corpus.searching.like_counts(counts, top, without_book=book))
        ]
        # Python sorts stably: equals stay in the order of runs and ids.
        found.sort(key=lambda pair: -pair[1].similarity)
        # How rare a hit is was counted in one run alone.
        return [
            ShelfHit(corpus, replace(hit, rank=rank, surprise=None))
            for rank, (corpus, hit) in enumerate(found[:top], 1)
        ]

    def search_numbers(self, numbers: str, *, top: int = 10, any_order: bool = False) -> ShelfNumberAnswer:
        """The pages of all runs that hold typed numbers, as ``Corpus.search_numbers`` has them; then those alike."""
        answers = [(c, c.search_numbers(numbers, top=top, any_order=any_order)) for c in self.corpora]
        found = [(corpus, hit) for corpus, answer in answers for hit in answer.hits]
        found.sort(key=lambda pair: _order(pair[1]))
        hits = (ShelfNumberHit(corpus, replace(hit, rank=rank)) for rank, (corpus, hit) in enumerate(found[:top], 1))
        return ShelfNumberAnswer(answers[0][1].query, tuple(hits), _sums([answer for _, answer in answers]))


def _order(hit: NumberHit) -> tuple[float, ...]:
    """By what a page does with the numbers; those that hold all but one by how much is other, those alike by that."""
    standing = STANDINGS.index(hit.standing)
    if hit.standing == ALL_BUT_ONE and hit.places:
        return standing, min(place.differing for place in hit.places)
    if hit.standing == ALIKE and hit.hit is not None:
        return standing, -hit.hit.containment, -hit.hit.similarity
    return (standing,)


def _sums(answers: Sequence[NumberAnswer]) -> dict[str, int]:
    return {standing: sum(answer.counts[standing] for answer in answers) for standing in answers[0].counts}
