"""Book against book as data: how alike each page of one is to each of another, in the order of the books."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

from tablesim.bigrams.embedding import unit_rows
from tablesim.corpus.store import Corpus
from tablesim.errors import RunError, SettingsError
from tablesim.web.live import LiveRun
from tablesim.web.request_values import RequestValues
from tablesim.workflow.long_tables import position_of

LEAST = 0.5
"""Pages less alike than this (cosine) are left blank."""

MOST_CELLS = 40_000
"""Pairs that are drawn at most, the most alike: a browser draws so many squares in a second."""


class Books:
    """The pages with numbers of each book of a run, in its order; made once for each state of the run."""

    def __init__(self, corpus: Corpus) -> None:
        ids, h = corpus.histograms
        self.row_of = {page: row for row, page in enumerate(ids)}
        self.unit = unit_rows(np.sqrt(h))
        found: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for page, is_table in zip(ids, corpus.is_table.tolist(), strict=True):
            if is_table:
                book, number = position_of(corpus.page(page))
                found[book].append((number, page))
        self.pages = {book: [page for _, page in sorted(pages)] for book, pages in sorted(found.items())}

    def of(self, book: str) -> list[str]:
        """The pages of a book; RunError where there is none."""
        if book not in self.pages:
            raise RunError(f"{book}: no such book in this run; choose one of the list")
        return self.pages[book]


def list_books(live: LiveRun, _: RequestValues) -> dict[str, Any]:
    """The books with pages that carry tables, those with most of them first."""
    pages = live.kept("books", Books).pages
    ordered = sorted(pages, key=lambda book: (-len(pages[book]), book))
    return {"version": live.version, "books": [{"book": book, "pages": len(pages[book])} for book in ordered]}


def book_pair(live: LiveRun, asked: RequestValues) -> dict[str, Any]:
    """Two books page by page: pairs of lines that are alike, with what is known to relate them."""
    books, groups = live.kept("books", Books), live.corpus.groups
    names = asked.text("a"), asked.text("b")
    if names[0] == names[1]:
        raise SettingsError(f"b: got {names[1]!r} twice, expected two different books")
    a, b = (books.of(name) for name in names)
    cosines = books.unit[[books.row_of[page] for page in a]] @ books.unit[[books.row_of[page] for page in b]].T
    rows, columns = np.nonzero(cosines >= LEAST)
    best = np.argsort(-cosines[rows, columns], kind="stable")[:MOST_CELLS]
    return {
        "version": live.version,
        "pages_a": a,
        "pages_b": b,
        "cells": [
            [i, j, round(float(cosines[i, j]), 4), groups.relation(a[i], b[j])]
            for i, j in zip(rows[best].tolist(), columns[best].tolist(), strict=True)
        ],
    }
