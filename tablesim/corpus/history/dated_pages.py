"""The clustered pages of a run in columns: cluster, book, years and place, and those that have no part in a history."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tablesim.corpus.clustering.model import Clustering
from tablesim.corpus.history.rows import HistorySettings
from tablesim.corpus.store import Corpus
from tablesim.errors import RunError, SettingsError
from tablesim.records.dates import YearRange
from tablesim.scans.locator import normalized_name

NO_PLACE = "(no place given)"
_YEAR_IN_ID = re.compile(r".*_(\d{4})_p\d+")


@dataclass(frozen=True)
class DatedPages:
    """The clustered pages of a corpus in columns; books are numbered from 0."""

    n_books: int
    cluster: NDArray[np.intp]
    book: NDArray[np.intp]
    first: NDArray[np.intp]
    last: NDArray[np.intp]
    year_in_id: NDArray[np.intp]
    place: NDArray[np.str_]

    def counts(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> tuple[int, int, int]:
        """How many pages, books and clusters some rows are."""
        book, cluster = self.book[rows], self.cluster[rows]
        return len(book), len(np.unique(book)), len(np.unique(cluster))


def dated_pages(
    corpus: Corpus, clustering: Clustering, by: str, settings: HistorySettings
) -> tuple[DatedPages, tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The pages, the books to leave out, and the pages without a date and with one that is open at an end."""
    lines, left_out = [], set()
    undated: list[str] = []
    open_dates: list[str] = []
    to_leave_out = set(map(normalized_name, settings.leave_out))
    books: dict[str, int] = {}
    for row in corpus.pages:
        label = clustering.label_of(row["page"])
        if label is None or (row["n_digits"] or 0) < settings.min_digits:
            continue
        # A page whose book is not known stands for a book of its own.
        book = row["book"] or row["page"]
        if book in to_leave_out:
            left_out.add(book)
            continue
        date = YearRange.of_row(row)
        if by == "year" and not date.is_closed:
            (open_dates if date.is_known else undated).append(row["page"])
            continue
        first, last = date.first or 0, date.last or 0
        year_in_id = _YEAR_IN_ID.fullmatch(row["page"])
        lines.append(
            (
                label,
                books.setdefault(book, len(books)),
                first,
                last,
                int(year_in_id[1]) if year_in_id else (first + last) // 2,
                row["place"] or NO_PLACE,
            )
        )
    unknown = sorted(to_leave_out - {row["book"] or row["page"] for row in corpus.pages})
    if unknown:
        raise SettingsError(
            f"leave out: no book {', '.join(unknown[:5])} in {corpus.folder}; give books as in its pages"
        )
    if not lines or (by == "place" and all(line[5] == NO_PLACE for line in lines)):
        open_ended = f" with both ends ({len(open_dates)} have one)" if open_dates else ""
        raise RunError(
            f"{corpus.folder}: no clustered page has a {by}{open_ended}; give the run a CSV with that column: "
            "`tablesim run SCANS --out RUN --metadata CSV`"
        )
    columns = [np.array(column) for column in zip(*lines, strict=True)]
    return DatedPages(len(books), *columns), tuple(sorted(left_out)), tuple(undated), tuple(open_dates)
