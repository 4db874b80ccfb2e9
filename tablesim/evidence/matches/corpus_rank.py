"""How a pair of pages stands in its corpus: is a similarity of 0.95 anything special there?

In a corpus of tables of one kind all pages are alike, and in another none are. So a pair is set against the other pages
of its run: which rank each of the two has among the pages nearest to the other, how many pages of other tables (by
label, else of other books) come as near, and how near the nearest of these comes. Nothing is read again: it takes one
product of the run's embeddings with each of the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tablesim.bigrams.embedding import unit_rows
from tablesim.corpus.search.hits import BackgroundCount
from tablesim.corpus.search.nearest import ERROR, TIE, RowGroups, among
from tablesim.corpus.store import Corpus
from tablesim.errors import RunError
from tablesim.language import say, say_n
from tablesim.records.reading import Reading


@dataclass(frozen=True, slots=True)
class SideRank:
    """One page of a pair among the pages nearest to the other one.

    Parameters
    ----------
    rank : int
        From 1; of equals the one whose id comes first is first.
    of : int
        Among how many: the table pages of the run but for the one that is looked from.
    surprise : Surprise or None
        How many pages of other tables come at least as near; None where neither labels nor books are known.
    nearest_other : (str, float) or None
        The nearest page of another table, and its similarity; None where there is none with a digit in common.
    """

    rank: int
    of: int
    surprise: BackgroundCount | None
    nearest_other: tuple[str, float] | None

    def to_dict(self) -> dict[str, Any]:
        other = None
        if self.nearest_other is not None:
            other = {"page": self.nearest_other[0], "similarity": round(self.nearest_other[1], 6)}
        return {
            "rank": self.rank,
            "of": self.of,
            "surprise": None if self.surprise is None else self.surprise.to_dict(),
            "nearest_other": other,
        }


@dataclass(frozen=True, slots=True)
class CorpusRank:
    """A pair of pages among all pages of its run.

    Parameters
    ----------
    run : str
        The run folder.
    a, b : str
        Page ids.
    similarity : float
        As the run has it.
    around_a : Neighbourhood
        B among the pages nearest to A.
    around_b : Neighbourhood
        A among the pages nearest to B.
    """

    run: str
    a: str
    b: str
    similarity: float
    around_a: SideRank
    around_b: SideRank

    def to_dict(self) -> dict[str, Any]:
        return {
            "run": self.run,
            "a": self.a,
            "b": self.b,
            "similarity": round(self.similarity, 6),
            "around_a": self.around_a.to_dict(),
            "around_b": self.around_b.to_dict(),
        }

    @property
    def words(self) -> tuple[str, ...]:
        """The same in a sentence a page, for people."""
        return (
            _sentence(self.a, self.b, self.around_a, self.similarity),
            _sentence(self.b, self.a, self.around_b, self.similarity),
        )


def rank_in_corpus(corpus: Corpus, a: str, b: str, labels: Mapping[str, str] | None = None) -> CorpusRank:
    """How two pages of a run stand among all its pages.

    Parameters
    ----------
    corpus : Corpus
        Its index of pages is kept between calls: a further pair costs two products of n x 110 numbers.
    a, b : str
        Ids of two different pages.
    labels : mapping of str to str, optional
        Which table a page carries, by page id, as far as it is known: others are then told by labels, else by books.

    Raises
    ------
    RunError
        No such page in the run, the two are one page, or no digits were read on one of them.
    """
    if a == b:
        raise RunError(f"{corpus.folder}: page {a} was given twice; a page has no rank beside itself")
    table = corpus.page_table
    rows = table.find(a), table.find(b)
    h = [_histogram(corpus, page) for page in (a, b)]
    codes = table.codes("book") if labels is None else table.labelled(labels)
    groups = RowGroups("book" if labels is None else "label", codes[corpus.searching.index.rows])
    # Both neighbourhoods go by this one value.
    units = unit_rows(np.sqrt(np.stack(h)))
    cosine = min(float(np.round(units[0] @ units[1], TIE)), 1.0)
    own = {int(codes[row]) for row in rows}
    around = [_neighbourhood(corpus, h[i], rows[i], rows[1 - i], cosine, groups, own) for i in (0, 1)]
    return CorpusRank(str(corpus.folder), a, b, cosine, around[0], around[1])


def page_in(corpus: Corpus, reading: Reading) -> str:
    """The id that a page which was read elsewhere has in a run: of the line with its bytes, if need be with its name.

    Raises
    ------
    RunError
        The run has no scan with these bytes.
    """
    keys = corpus.page_table.column("sha256")
    found = corpus.page_table.ids(np.flatnonzero(keys.to_numpy(zero_copy_only=False) == reading.sha256))
    if not found:
        raise RunError(
            f"{corpus.folder}: {reading.scan} is no page of this run (no scan has its bytes); "
            "give a page id of the run, or leave the run out"
        )
    return reading.page if reading.page in found else found[0]


def _histogram(corpus: Corpus, page: str) -> NDArray[np.float32]:
    stored = corpus.embedding_shards.row(corpus.page(page)["sha256"])
    if stored is None or not any(stored["histogram"]):
        raise RunError(f"{corpus.folder}: no digits were read on page {page}; there is nothing to compare")
    return np.array(stored["histogram"], dtype=np.float32)


def _neighbourhood(
    corpus: Corpus,
    query: NDArray[np.float32],
    query_row: int,
    page_row: int,
    cosine: float,
    groups: RowGroups,
    own: set[int],
) -> SideRank:
    """The page of one line among those nearest to the page of another, whose histogram is ``query``."""
    index = corpus.searching.index
    rough = np.asarray(index.unit @ unit_rows(np.sqrt(query)[None])[0].astype(np.float32))
    rest = (index.rows != query_row) & (index.rows != page_row)
    rows = np.flatnonzero(rest & (rough >= cosine - 2 * ERROR))
    near = among(index, query, rows, rest)
    ahead = (near.cosines > cosine) | ((near.cosines == cosine) & (index.rows[near.rows] < page_row))
    surprise, nearest_other = None, None
    if groups.n_known:
        of = groups.of[near.rows]
        as_near = int(np.count_nonzero((near.cosines >= cosine) & (of >= 0) & ~np.isin(of, list(own))))
        surprise = BackgroundCount(groups.by, as_near, groups.n_known - sum(map(groups.size, own)))
        others = rest & (groups.of >= 0) & ~np.isin(groups.of, list(own)) & (rough > 0)
        if others.any():
            best = among(index, query, np.flatnonzero(others & (rough >= rough[others].max() - 2 * ERROR)), others)
            (page,) = corpus.page_table.ids(index.rows[best.rows[:1]])
            nearest_other = page, float(best.cosines[0])
    return SideRank(1 + int(ahead.sum()), int(rest.sum()) + 1, surprise, nearest_other)


def _sentence(of: str, page: str, around: SideRank, cosine: float) -> str:
    text = say(
        "{page} is number {rank} of {n} among the pages nearest to {of}",
        page=page,
        rank=around.rank,
        n=around.of,
        of=of,
    )
    if around.surprise is None or not around.surprise.others:
        return text
    odd, near = around.surprise, f"{cosine:.3f}"
    as_near = (
        say_n(odd.as_near, "{n} comes as near as {similarity}", "{n} come as near as {similarity}", similarity=near)
        if odd.as_near
        else say("none come as near as {similarity}", similarity=near)
    )
    if odd.by == "book":
        text += "; " + say_n(
            odd.others,
            "of {n} page with another book, {near}",
            "of {n} pages with another book, {near}",
            near=as_near,
        )
    else:
        text += "; " + say_n(
            odd.others,
            "of {n} page with another label, {near}",
            "of {n} pages with another label, {near}",
            near=as_near,
        )
    if around.nearest_other is None:
        return text
    nearest = say("the nearest has {similarity}", similarity=f"{around.nearest_other[1]:.3f}")
    return f"{text} ({nearest})"
