"""The pages of a run as data: lists that are searched, filtered and sorted, and one page with all that is known."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tablesim.corpus.search.number_search import FoundPlace
from tablesim.corpus.storage.schemas import PAGE_SCHEMA
from tablesim.corpus.store import Corpus
from tablesim.digits.corrections import correction_row, numbers_at
from tablesim.digits.units_of_page import units_of_page
from tablesim.errors import RunError
from tablesim.language import retold, say
from tablesim.records.address import PageAddresses
from tablesim.records.dates import YearRange
from tablesim.report.page_pages import correction_sentence
from tablesim.review.constraints import verdicts_status
from tablesim.scans.locator import Locator
from tablesim.web.decisions import plain_notes, plain_verdict
from tablesim.web.live import LiveRun
from tablesim.web.request_values import RequestValues

PER_ANSWER = 200
"""Lines of a list at most in one answer."""

HITS = 20
"""Pages of a search by numbers in one answer, 8 ms of a core each; who wants more asks for them."""

MOST_FACETS = 60
"""Values of a facet that are named, the most frequent."""

N_NEIGHBOURS = 12

OF_GROUPS = ("cluster", "table")

_NAME = re.compile(r'[{,] ?"((?:[^"\\]|\\.)*)": ')
"""The name of a value in a JSON object of texts, as the table of pages keeps them."""

OWN_FACETS = ("book", "place", "year", "authors", "printers", "publishers")
SORTS = ("page", "year", "legibility", "n_numbers", "cluster")


class PageList:
    """The table of pages in columns, each made when it is first asked for; one list for each state of a run."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.table = corpus.page_table
        self.ids = self.table.column("page")
        self.n = len(self.ids)
        self._columns: dict[str, list[Any]] = {}

    def warm(self) -> None:
        """Make what searches by words and by years look at."""
        _ = self.words, self.dates

    def column(self, name: str) -> list[Any]:
        """The values of a column of the table, or of one of its metadata's own, by line."""
        if name not in self._columns:
            if name in OF_GROUPS:
                groups = self.corpus.groups
                known: Mapping[str, Any] = groups.clusters if name == "cluster" else groups.relations
                values = map(known.get, self.ids.to_pylist())
                self._columns[name] = [getattr(value, "table", value) for value in values]
            elif name in PAGE_SCHEMA.names:
                self._columns[name] = self.table.column(name).to_pylist()
            else:
                self._columns[name] = [values.get(name) for values in self._extra]
        return self._columns[name]

    @cached_property
    def _extra(self) -> list[dict[str, Any]]:
        return [json.loads(text) if text else {} for text in self.table.column("extra").to_pylist()]

    @cached_property
    def facets(self) -> tuple[str, ...]:
        """The columns by which pages are told apart; those that only this run has come last."""
        texts = pc.unique(self.table.column("extra").fill_null("")).to_pylist()
        return (*OWN_FACETS, *sorted({json.loads(f'"{name}"') for name in _NAME.findall("".join(texts))}))

    @cached_property
    def dates(self) -> list[YearRange]:
        """When each page was printed."""
        ends = zip(*(self.column(name) for name in ("year", "year_latest", "date")), strict=True)
        return [YearRange.of_row({"year": a, "year_latest": b, "date": words}) for a, b, words in ends]

    @cached_property
    def words(self) -> pa.Array:
        """All that is known of each page in words, to be searched."""
        columns = [self.table.column(name) for name in ("page", "title", *OWN_FACETS)]
        # Of the metadata's own columns, which are kept as JSON, the values alone.
        extra = pc.replace_substring_regex(self.table.column("extra"), pattern=_NAME.pattern, replacement=" ")
        texts = [
            pc.binary_join(column, " ") if pa.types.is_list(column.type) else column.cast(pa.string())
            for column in (*columns, extra)
        ]
        return pc.binary_join_element_wise(*texts, " ", null_handling="skip")

    def rows(self, asked: RequestValues) -> NDArray[np.int64]:
        """The lines that are asked for, in the order that is asked for."""
        chosen = np.ones(self.n, dtype=bool)
        for word in asked.text("q", "").split()[:20]:
            found = pc.match_substring(self.words, word, ignore_case=True)
            chosen &= found.to_numpy(zero_copy_only=False).astype(bool)
        kind = asked.text("kind", "")
        if kind == "problems":
            chosen &= pc.not_equal(self.table.column("status"), "read").to_numpy(zero_copy_only=False).astype(bool)
        elif kind in ("tables", "others"):
            chosen &= self.table.flags("is_table") == (kind == "tables")
        first, last = asked.whole("from", -9999, -9999, 9999), asked.whole("to", 9999, -9999, 9999)
        if (first, last) != (-9999, 9999):
            chosen &= np.array([date.overlaps(first, last) for date in self.dates], dtype=bool)
        for facet in self.facets:
            if wanted_values := set(asked.texts(f"facet.{facet}")):
                values = self.column(facet)
                chosen &= np.array([not wanted_values.isdisjoint(map(str, _flat([one]))) for one in values], dtype=bool)
        return self._sorted(np.flatnonzero(chosen), asked.text("sort", "page"))

    def _sorted(self, rows: NDArray[np.int64], by: str) -> NDArray[np.int64]:
        falling, by = by.startswith("-"), by.removeprefix("-")
        if by not in SORTS or by == "page":
            return rows[::-1] if falling else rows
        column = self.column(by)
        if by == "year":
            column = [date.order if date.is_known else None for date in self.dates]
        # Pages without a value come last whichever way the list runs.
        known = [row for row in rows.tolist() if column[row] is not None]
        known.sort(key=lambda row: column[row], reverse=falling)
        return np.array(known + [row for row in rows.tolist() if column[row] is None], dtype=np.int64)

    def line(self, row: int) -> dict[str, Any]:
        """One page in a list."""
        names = (
            "title",
            "book",
            "place",
            "year",
            "is_table",
            "legibility",
            "n_numbers",
            "sha256",
            "cluster",
            "table",
            "status",
            "note",
        )
        return {"page": self.ids[row].as_py(), **{name: self._value(name, row) for name in names}}

    def _value(self, name: str, row: int) -> Any:
        """One value; the whole column is not made for it."""
        if name in self._columns or name not in PAGE_SCHEMA.names:
            return self.column(name)[row]
        return self.table.column(name)[row].as_py()

    def counts(self, facet: str, rows: NDArray[np.int64]) -> list[tuple[str, int]]:
        """How many of some lines have each value in a column, the most frequent first."""
        column = self.column(facet)
        counted = Counter(
            str(value) for row in rows.tolist() for value in _flat([column[row]]) if value not in (None, "")
        )
        return sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:MOST_FACETS]


def _flat(values: list[Any]) -> list[Any]:
    """Values, those of lists one by one."""
    return [one for value in values for one in (value if isinstance(value, list) else [value]) if one is not None]


def list_pages(live: LiveRun, asked: RequestValues) -> dict[str, Any]:
    """A stretch of the list of pages, how many there are, and how they fall into facets."""
    pages = live.kept("pages", PageList)
    rows = pages.rows(asked)
    start, most = asked.whole("start", 0, 0, 10**9), asked.whole("limit", 60, 1, PER_ANSWER)
    facets = asked.texts("facet") or ["book", "place"]
    return {
        "version": live.version,
        "total": len(rows),
        "start": start,
        "pages": [pages.line(row) for row in rows[start : start + most].tolist()],
        "facets": {facet: pages.counts(facet, rows) for facet in facets if facet in pages.facets},
        "columns": list(pages.facets),
    }


def search_numbers(live: LiveRun, asked: RequestValues) -> dict[str, Any]:
    """The pages that hold typed numbers one after the other, with where they stand."""
    answer = live.corpus.search_numbers(asked.text("numbers"), top=asked.whole("top", HITS, 1, PER_ANSWER))
    return {
        "version": live.version,
        "sentence": answer.sentence,
        "hits": [
            {
                "page": hit.page,
                "standing": say(hit.standing),
                "anchor": hit.places[0].cells[0].address.anchor if hit.places and hit.places[0].cells else "",
                "places": [_place(place) for place in hit.places],
            }
            for hit in answer.hits
        ],
    }


def _place(place: FoundPlace) -> str:
    """The numbers of a place with their cells."""
    return ", ".join(say("{text} at {cell}", text=cell.number.printed, cell=cell.address.words) for cell in place.cells)


def one_page(live: LiveRun, page_id: str) -> dict[str, Any]:
    """All that is known of a page."""
    corpus = live.corpus
    row = corpus.page(page_id)
    page = row["page"]
    answer: dict[str, Any] = {
        "version": live.version,
        "page": page,
        "sha256": row["sha256"],
        "scan": Locator.of(row["scan"]).name,
        "width": row["width"],
        "height": row["height"],
        "rotation": row["rotation"] or 0,
        "status": row["status"],
        "note": row["note"] or "",
        "facts": {
            name: row[name]
            for name in ("authors", "title", "place", "printers", "publishers", "year", "year_latest", "book", "handle")
            if row[name]
        },
        "extra": row["extra"],
        "corrections": [correction_row(one) for one in corpus.corrections_of(page)],
        "verdicts": [
            plain_verdict(one)
            for one in verdicts_status(corpus).holding
            if row["sha256"] in (one.page_sha256, one.other_sha256)
        ],
        "notes": plain_notes(corpus, row["sha256"]),
        "reading": None,
    }
    decision = corpus.table_decisions.of(row["sha256"])
    answer["said_by_person"] = None if decision is None else decision.sentence
    groups = corpus.groups
    table, kind = groups.table_of(page), groups.kind_of(page)
    answer["cluster"] = groups.cluster_of(page)
    answer["same_table"] = [] if table is None else [other for other in table.pages if other != page]
    answer["same_kind"] = [] if kind is None else [other for other in kind.pages if other != page][:N_NEIGHBOURS]
    try:
        reading = corpus.reading(page)
    except RunError as error:
        answer["problem"] = str(error)
        return answer
    addresses = PageAddresses(reading)
    numbers = [number.to_dict() for number in reading.numbers]
    correction_of = {
        index: one for one in corpus.corrections_of(page) for index in numbers_at(one.box, reading.numbers)
    }
    for index, (number, plain) in enumerate(zip(reading.numbers, numbers, strict=True)):
        person = correction_of.get(index)
        plain["person"] = None if person is None else correction_row(person) | {"sentence": correction_sentence(person)}
        address = addresses.of(number)
        plain["address"] = None if address is None else {"words": address.words, "anchor": address.anchor}
        del plain["digits"]
    answer["reading"] = {
        "numbers": numbers,
        "is_table": reading.is_table,
        "legibility": reading.legibility,
        "marks_mean": retold(reading.marks_mean),
        "units": list(units_of_page(reading.numbers).sentences),
    }
    answer["neighbours"] = [
        {
            "page": hit.page,
            "similarity": hit.similarity,
            "same_book": hit.same_book,
            "relation": groups.relation(page, hit.page),
        }
        for hit in corpus.neighbours(page, N_NEIGHBOURS)
    ]
    return answer
