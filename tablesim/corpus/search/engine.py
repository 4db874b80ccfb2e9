"""Searches a run: from page ids or typed numbers to histograms, to the nearest pages (exact), and back to page ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tablesim.bigrams.embedding import containment
from tablesim.corpus.search.approximate import ABOVE, candidates
from tablesim.corpus.search.hits import N_SHARED, BackgroundCount, Hit, shared_bigrams, typed_histogram
from tablesim.corpus.search.index import SearchIndex, search_index
from tablesim.corpus.search.nearest import NearestRows, RowGroups, among, background_counts, nearest, neighbours
from tablesim.corpus.storage.files import read_parquet, write_parquet_parts
from tablesim.corpus.storage.page_table import PageTable
from tablesim.corpus.storage.schemas import NEIGHBOUR_SCHEMA
from tablesim.corpus.storage.shards import Shards
from tablesim.errors import RunError

N_NEIGHBOURS = 20
"""Nearest pages of each page that a run stores; more than any view of them shows."""

N_CANDIDATES = 20
"""Candidates of an approximate search for each page that is asked for: 95.5 % of the ten nearest are among them."""

GROUP_PAGES = 4096
"""Pages whose neighbours are written together."""


class SearchEngine:
    """Searches the pages of a run as they are now; a new one is made when they change (``Corpus.refresh``).

    Parameters
    ----------
    folder : Path
        The run folder.
    pages : PageTable
    embeddings : Shards
    """

    def __init__(self, folder: Path, pages: PageTable, embeddings: Shards) -> None:
        self.folder = folder
        self.pages = pages
        self.embeddings = embeddings

    @cached_property
    def index(self) -> SearchIndex:
        """The pages that can be found."""
        return search_index(self.folder, self.pages, self.embeddings)

    @cached_property
    def _books(self) -> NDArray[np.int32]:
        """The book of each line of ``pages.parquet`` as a number."""
        return self.pages.codes("book")

    @cached_property
    def _by_book(self) -> RowGroups:
        return RowGroups("book", self._books[self.index.rows])

    def like_page(
        self,
        page: str,
        top: int,
        *,
        across_books: bool = False,
        labels: Mapping[str, str] | None = None,
        approximate: bool = False,
    ) -> list[Hit]:
        """As ``Corpus.search`` with a page."""
        line = self.pages.find(page)
        query = self._histogram(line)
        if query is None or not query.any():
            raise RunError(f"{self.folder}: no digits were read on page {page}; there is nothing to compare")
        wanted = np.ones(len(self.index), dtype=bool)
        if across_books and self._books[line] >= 0:
            wanted = self._by_book.of != self._books[line]
        own_entry = self.index.at(line)
        if own_entry is not None:
            wanted[own_entry] = False
        if approximate and len(self.index) > ABOVE:
            # Pages of the same book are among the candidates too, and are left out after.
            rows = candidates(self.index, query, N_CANDIDATES * top + int(np.count_nonzero(~wanted)))
            near = among(self.index, query, rows, wanted)
            best = near.top(top)
            return self._hits(query, line, near.rows[best], near.cosines[best], [None] * len(best))
        return self._nearest_hits(query, line, top, nearest(self.index, query, top, wanted), labels)

    def like_counts(self, query: NDArray[np.float32], top: int, *, without_book: str | None = None) -> list[Hit]:
        """The pages most like a histogram of shape (110,), such as that of a page of another run."""
        wanted = np.ones(len(self.index), dtype=bool)
        if without_book is not None:
            same = pc.equal(self.pages.column("book"), without_book).fill_null(False).to_numpy(zero_copy_only=False)
            wanted = ~same[self.index.rows]
        near = nearest(self.index, query, top, wanted)
        best = near.top(top)
        return self._hits(query, None, near.rows[best], near.cosines[best], [None] * len(best))

    def like_numbers(self, numbers: str, top: int, labels: Mapping[str, str] | None = None) -> list[Hit]:
        """As ``Corpus.search`` with typed numbers."""
        query = typed_histogram(numbers).astype(np.float32)
        return self._nearest_hits(query, None, top, nearest(self.index, query, top, contained=True), labels)

    def alike(self, numbers: str, lines: Sequence[int]) -> dict[int, Hit]:
        """How like typed numbers the pages of some lines are, by line; those without a table are left out."""
        query = typed_histogram(numbers).astype(np.float32)
        entry_of = {line: entry for line in lines if (entry := self.index.at(line)) is not None}
        rows = np.array(sorted(entry_of.values()), dtype=np.int64)
        near = among(self.index, query, rows, np.ones(len(self.index), dtype=bool))
        hits = self._hits(query, None, near.rows, near.cosines, [None] * len(near.rows))
        return {int(self.index.rows[row]): hit for row, hit in zip(near.rows.tolist(), hits, strict=True)}

    def neighbours(self, page: str, k: int) -> list[Hit]:
        """As ``Corpus.neighbours``."""
        line, rows, near, cosines = self._nearest(page, k)
        query = self._histogram(line) if rows.stop > rows.start else None
        if query is None:
            return []
        found = [self.index.at(other) for other in near[rows].tolist()]
        if None in found:
            raise self._older()
        entries = np.array(found, dtype=np.int64)
        return self._hits(query, line, entries, cosines[rows], [None] * len(entries))

    def nearest_pages(self, page: str, k: int) -> dict[str, float]:
        """As ``Corpus.nearest_pages``."""
        _, rows, near, cosines = self._nearest(page, k)
        if (near[rows] < 0).any():
            raise self._older()
        return dict(zip(self.pages.ids(near[rows]), cosines[rows].tolist(), strict=True))

    def nearest_lines(self, k: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """As ``nearest_pages`` for every page: its line in ``pages.parquet``, that of the other, their similarity."""
        lines, near, cosines = self._stored
        kept = np.arange(len(lines)) - np.searchsorted(lines, lines) < k
        if (near[kept] < 0).any():
            raise self._older()
        return lines[kept], near[kept], cosines[kept]

    def _nearest(self, page: str, k: int) -> tuple[int, slice, NDArray[np.int64], NDArray[np.float64]]:
        """The line of a page, and where its nearest stand among all."""
        line = self.pages.find(page)
        lines, near, cosines = self._stored
        first, last = np.searchsorted(lines, [line, line + 1]).tolist()
        return line, slice(first, min(first + k, last)), near, cosines

    def _older(self) -> RunError:
        return RunError(
            f"{self.folder / 'neighbours.parquet'}: older than the pages; give the same `tablesim run` again"
        )

    def write_neighbours(self) -> None:
        """As ``Corpus.build_neighbours``."""
        write_parquet_parts(self.folder / "neighbours.parquet", NEIGHBOUR_SCHEMA, self._neighbour_parts())
        self.__dict__.pop("_stored", None)

    @cached_property
    def _stored(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """The lines of pages, those of their neighbours, and the similarities as the run stores them, by page and rank.

        Those of pages that are none of the run any more are left out, and a neighbour that is none is -1.
        """
        names = ["page", "neighbour", "similarity"]
        table = read_parquet(self.folder / "neighbours.parquet", NEIGHBOUR_SCHEMA, names)
        ids = self.pages.column("page")
        found = (pc.index_in(table[name].combine_chunks(), value_set=ids).fill_null(-1) for name in names[:2])
        lines, near = (column.to_numpy(zero_copy_only=False).astype(np.int64) for column in found)
        known = lines >= 0
        return lines[known], near[known], table["similarity"].to_numpy()[known]

    def _neighbour_parts(self) -> Iterator[pa.Table]:
        lists = neighbours(self.index, N_NEIGHBOURS)
        for start in range(0, len(self.index), GROUP_PAGES):
            part = list(islice(lists, GROUP_PAGES))
            yield self.neighbour_rows(range(start, start + len(part)), part)

    def neighbour_rows(
        self, entries: Sequence[int], lists: Sequence[tuple[NDArray[np.int64], NDArray[np.float64]]]
    ) -> pa.Table:
        """Lines of ``neighbours.parquet``: for one or more entries of the index their nearest ones and the cosines."""
        sizes = [len(near) for near, _ in lists]
        of = self.index.rows[np.repeat(np.asarray(entries), sizes)]
        near = self.index.rows[np.concatenate([near for near, _ in lists])]
        ids, books = self.pages.column("page"), self._books
        columns = [
            ids.take(pa.array(of)),
            pa.array(np.concatenate([np.arange(1, size + 1) for size in sizes]), pa.int32()),
            ids.take(pa.array(near)),
            pa.array(np.concatenate([cosines for _, cosines in lists]), pa.float64()),
            pa.array(books[of] == books[near], pa.bool_(), mask=(books[of] < 0) | (books[near] < 0)),
        ]
        return pa.Table.from_arrays(columns, schema=NEIGHBOUR_SCHEMA)

    def _histogram(self, line: int) -> NDArray[np.float32] | None:
        """The histogram of the page of a line; None where it was not read."""
        entry = self.index.at(line)
        if entry is not None:
            return np.array(self.index.histograms[entry])
        page = self.pages.line(line)
        stored = self.embeddings.row(page["sha256"]) if page["status"] == "read" else None
        return None if stored is None else np.array(stored["histogram"], dtype=np.float32)

    def _nearest_hits(
        self,
        query: NDArray[np.float32],
        line: int | None,
        top: int,
        near: NearestRows,
        labels: Mapping[str, str] | None,
    ) -> list[Hit]:
        best = near.top(top)
        backgrounds: Sequence[BackgroundCount | None] = [None] * len(best)
        codes = self._books if labels is None else self.pages.labelled(labels)
        groups = self._by_book if labels is None else RowGroups("label", codes[self.index.rows])
        if groups.n_known:
            backgrounds = background_counts(near, best, groups, -1 if line is None else int(codes[line]))
        return self._hits(query, line, near.rows[best], near.cosines[best], backgrounds)

    def _hits(
        self,
        query: NDArray[np.float32],
        line: int | None,
        entries: NDArray[np.int64],
        cosines: NDArray[np.float64],
        backgrounds: Sequence[BackgroundCount | None],
    ) -> list[Hit]:
        """Entries of the index as hits of the histogram ``query``, which is of the page of ``line`` if of any."""
        query_book = -1 if line is None else int(self._books[line])
        lines = self.index.rows[entries]
        hits = []
        columns = zip(self.pages.ids(lines), entries, self._books[lines], cosines.tolist(), backgrounds, strict=True)
        for rank, (page, entry, book, cosine, background) in enumerate(columns, 1):
            h = self.index.histograms[entry]
            same_book = None if query_book < 0 or book < 0 else bool(query_book == book)
            shared = shared_bigrams(query, h, N_SHARED)
            hits.append(Hit(page, rank, cosine, containment(query, h), same_book, shared, background))
        return hits
