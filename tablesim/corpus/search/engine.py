"""Search in a run: from page ids to histograms, to the nearest pages, and back to pages with what they share."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
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
"""So many nearest pages of each page a run stores."""

_GROUP = 4096
N_CANDIDATES = 20
"""So many candidates of an approximate search are worked out for each page that is asked for."""


class Searching:
    """Search among the pages of a run as they are now.

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
        at = self.pages.find(page)
        query = self._histogram(at)
        if query is None or not query.any():
            raise RunError(f"{self.folder}: no figures were read on page {page}; there is nothing to compare")
        asked = np.ones(len(self.index), dtype=bool)
        if across_books and self._books[at] >= 0:
            asked = self._by_book.of != self._books[at]
        itself = self.index.at(at)
        if itself is not None:
            asked[itself] = False
        if approximate and len(self.index) > ABOVE:
            # Pages of the same book are among the candidates too, and are left out after.
            rows = candidates(self.index, query, N_CANDIDATES * top + int(np.count_nonzero(~asked)))
            found = among(self.index, query, rows, asked)
            best = found.top(top)
            return self._hits(query, at, found.rows[best], found.cosines[best], [None] * len(best))
        return self._answer(query, at, top, nearest(self.index, query, top, asked), labels)

    def like_numbers(self, numbers: str, top: int, labels: Mapping[str, str] | None = None) -> list[Hit]:
        """As ``Corpus.search`` with typed numbers."""
        query = typed_histogram(numbers).astype(np.float32)
        return self._answer(query, None, top, nearest(self.index, query, top, contained=True), labels)

    def neighbours(self, page: str, k: int) -> list[Hit]:
        """As ``Corpus.neighbours``."""
        at = self.pages.find(page)
        of, near, cosines = self._stored
        start = bisect_left(range(len(of)), page, key=lambda place: of[place].as_py())
        part = [place for place in range(start, min(start + k, len(of))) if of[place].as_py() == page]
        places = [self.index.at(self.pages.find(near[place].as_py())) for place in part]
        query = self._histogram(at) if part else None
        if query is None:
            return []
        values = np.array([cosines[place].as_py() for place in part])
        return self._hits(query, at, np.array(places, dtype=np.int64), values, [None] * len(part))

    def write_neighbours(self) -> None:
        """As ``Corpus.build_neighbours``."""
        write_parquet_parts(self.folder / "neighbours.parquet", NEIGHBOUR_SCHEMA, self._neighbour_parts())
        self.__dict__.pop("_stored", None)

    @cached_property
    def _stored(self) -> tuple[pa.Array, pa.Array, pa.Array]:
        table = read_parquet(self.folder / "neighbours.parquet", NEIGHBOUR_SCHEMA, ["page", "neighbour", "similarity"])
        of, near, cosines = (table[name].combine_chunks() for name in ("page", "neighbour", "similarity"))
        return of, near, cosines

    def _neighbour_parts(self) -> Iterator[pa.Table]:
        rows_of = self.index.rows
        ids, books = self.pages.column("page").take(pa.array(rows_of)), self._books[rows_of]
        found = neighbours(self.index, N_NEIGHBOURS)
        for start in range(0, len(rows_of), _GROUP):
            part = list(islice(found, _GROUP))
            sizes = [len(rows) for rows, _ in part]
            of = np.repeat(np.arange(start, start + len(part)), sizes)
            near = np.concatenate([rows for rows, _ in part])
            columns = [
                ids.take(pa.array(of)),
                pa.array(np.concatenate([np.arange(1, size + 1) for size in sizes]), pa.int32()),
                ids.take(pa.array(near)),
                pa.array(np.concatenate([cosines for _, cosines in part]), pa.float64()),
                pa.array(books[of] == books[near], pa.bool_(), mask=(books[of] < 0) | (books[near] < 0)),
            ]
            yield pa.Table.from_arrays(columns, schema=NEIGHBOUR_SCHEMA)

    def _histogram(self, row: int) -> NDArray[np.float32] | None:
        """The histogram of the page of a line; None where it was not read."""
        place = self.index.at(row)
        if place is not None:
            return np.array(self.index.histograms[place])
        line = self.pages.line(row)
        stored = self.embeddings.row(line["sha256"]) if line["status"] == "read" else None
        return None if stored is None else np.array(stored["histogram"], dtype=np.float32)

    def _answer(
        self, query: NDArray[np.float32], at: int | None, top: int, found: NearestRows, labels: Mapping[str, str] | None
    ) -> list[Hit]:
        best = found.top(top)
        odd: Sequence[BackgroundCount | None] = [None] * len(best)
        codes = self._books if labels is None else self.pages.labelled(labels)
        groups = self._by_book if labels is None else RowGroups("label", codes[self.index.rows])
        if groups.n_known:
            odd = background_counts(found, best, groups, -1 if at is None else int(codes[at]))
        return self._hits(query, at, found.rows[best], found.cosines[best], odd)

    def _hits(
        self,
        query: NDArray[np.float32],
        at: int | None,
        places: NDArray[np.int64],
        cosines: NDArray[np.float64],
        surprise: Sequence[BackgroundCount | None],
    ) -> list[Hit]:
        """The pages at some places of the index as hits of the histogram ``query``, of the page of the line ``at``."""
        book = -1 if at is None else int(self._books[at])
        rows = self.index.rows[places]
        found = zip(self.pages.ids(rows), places, self._books[rows], cosines.tolist(), surprise, strict=True)
        hits = []
        for rank, (page, place, other, cosine, odd) in enumerate(found, 1):
            h = self.index.histograms[place]
            same = None if book < 0 or other < 0 else bool(book == other)
            hits.append(Hit(page, rank, cosine, containment(query, h), same, shared_bigrams(query, h, N_SHARED), odd))
        return hits
