"""Tables that run over several pages: consecutive pages of one book that match consecutive pages of another.

Editions break a table at other rows, so each page of one is alike to two pages of the other, and by none of the two is
it covered. What belongs together is found from page to page, and compared as a whole.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from tablesim.bigrams.embedding import containment, embed, similarity
from tablesim.corpus.indexing.events import Event, Listener, ignore_event
from tablesim.corpus.search.engine import N_NEIGHBOURS
from tablesim.corpus.storage.files import is_written, read_rows, write_csv
from tablesim.corpus.store import Corpus
from tablesim.errors import RunError
from tablesim.evidence.collation.verification import Verification
from tablesim.language import grouped, say
from tablesim.records.counting import counted
from tablesim.scans.csvfile import read_number
from tablesim.scans.locator import Locator
from tablesim.workflow.alignments import RunAlignments

NAME = "tables_over_pages.csv"
"""The file of a run that lists what ``write_tables_over_pages`` found."""

CANDIDATES = 5
"""So many of the most similar pages of other books may be aligned with each page."""

SEARCHED = 3000
"""Pages of a run up to which all of them are searched for a page that has its nearest pages in its own book."""

LEAST_NEW, SHARE_NEW = 300, 0.05
"""So many pairs are aligned beside those that clustering asked for, and so many a page of a larger run: half a
millisecond of a core a page and more."""

NUMBER_COLUMNS = ("page_number", "page number", "image_number", "image", "sequence", "canvas", "folio", "leaf")
"""Columns of the metadata that say which page of its book a page is, the first that has a number; in any case."""

_COUNTS = ("agreeing", "compared", "by_chance")
"""What lists that 0.1.0 wrote do not have."""

Pair = tuple[str, str]
Position = tuple[str, int]
"""The book of a page, and its number there: pages that follow each other have numbers that do."""


@dataclass(frozen=True)
class TableRun:
    """Consecutive pages of one book that match consecutive pages of another, page by page: one table on several pages.

    Parameters
    ----------
    pages_a, pages_b : tuple of str
        In the order of the books; editions break tables at other rows, so there may be more of one.
    pairs : tuple of (str, str)
        The aligned pages that agree, a page of A first.
    """

    pages_a: tuple[str, ...]
    pages_b: tuple[str, ...]
    pairs: tuple[Pair, ...]


@dataclass(frozen=True)
class MatchedRuns:
    """A table on several pages of two books: two runs of pages that match, and how alike they are.

    Parameters
    ----------
    run : TableRun
    similarity : float
        Cosine of the roots of their histograms, each added up over the pages.
    containment : float
        Share of the smaller of these histograms that the larger one covers: 1 where one edition has more pages of the
        table than the other, and these are all there.
    agreeing, compared, cells : int
        As in ``Verification``, over all pairs of pages.
    by_chance : float
        Likewise.
    """

    run: TableRun
    similarity: float
    containment: float
    agreeing: int
    compared: int
    cells: int
    by_chance: float

    @property
    def agreement(self) -> float:
        """Agreeing share of the cells that were compared, 0 to 1."""
        return self.agreeing / self.compared

    @property
    def words(self) -> str:
        """How far they agree, with its size and what chance gives."""
        return say(
            "{agreeing} of {compared} cells agree; by chance {by_chance}",
            agreeing=grouped(self.agreeing),
            compared=grouped(self.compared),
            by_chance=grouped(round(self.by_chance)),
        )

    def to_dict(self) -> dict[str, Any]:
        return {
            "pages_a": list(self.run.pages_a),
            "pages_b": list(self.run.pages_b),
            "similarity": round(self.similarity, 6),
            "containment": round(self.containment, 6),
            "agreement": round(self.agreement, 4),
            "cells": self.cells,
            "agreeing": self.agreeing,
            "compared": self.compared,
            "by_chance": round(self.by_chance, 1),
        }


def tables_over_pages(
    alignments: RunAlignments, candidates: int = CANDIDATES, on_event: Listener = ignore_event
) -> list[MatchedRuns]:
    """The tables that run over several pages in two books, the longest first.

    Of the ``candidates`` most similar pages of other books those are aligned with a page that a run could go through: a
    page beside it is alike to the same page or to one beside that. So a corpus of tables of one page costs nothing,
    pairs that clustering asked for are looked up, and of the others so many are verified as ``LEAST_NEW`` and
    ``SHARE_NEW`` allow, whether they were aligned before or not: the same run has the same tables. ``on_event`` hears
    of every pair, and of those that are left; what was aligned is kept as it goes.
    """
    corpus = alignments.corpus
    ids, counts = corpus.histograms
    row_of = {page: row for row, page in enumerate(ids)}
    lines = {page: corpus.page(page) for page in ids}
    positions = {page: position_of(line) for page, line in lines.items()}
    books = {page: line["book"] for page, line in lines.items()}
    alike = {
        (page, other) if positions[page] <= positions[other] else (other, page): likeness
        for page in ids
        if lines[page]["is_table"] and counts[row_of[page]].any()
        for other, likeness in _nearest_elsewhere(corpus, page, candidates, books)
    }
    beside = _beside(alike, positions)
    same = _verified(alignments, beside, alike, on_event)
    alignments.save()
    tables = []
    for run in table_runs(same, positions.__getitem__):
        if max(len(run.pages_a), len(run.pages_b)) > 1:
            h_a, h_b = (counts[[row_of[page] for page in pages]].sum(axis=0) for pages in (run.pages_a, run.pages_b))
            verified = [same[pair] for pair in run.pairs]
            agreeing, compared, cells = (
                sum(getattr(agreement, name) for agreement in verified) for name in ("agreeing", "compared", "cells")
            )
            by_chance = sum(agreement.by_chance for agreement in verified)
            likeness = similarity(embed(h_a), embed(h_b)), containment(h_a, h_b)
            tables.append(MatchedRuns(run, *likeness, agreeing, compared, cells, by_chance))
    on_event(
        Event(
            "end",
            "long tables",
            len(beside),
            len(beside),
            message=f"{counted(len(tables), 'table')} over several pages",
        )
    )
    return tables


def write_tables_over_pages(alignments: RunAlignments, on_event: Listener = ignore_event) -> list[MatchedRuns]:
    """Find the tables over several pages and list them in ``RUN/tables_over_pages.csv``, pages as `collate` takes them.

    A run folder that cannot be written to, or in which another process is at work, keeps the list that it has; a remark
    says so.
    """
    tables = tables_over_pages(alignments, on_event=on_event)
    lines = [{**t.to_dict(), "pages_a": "+".join(t.run.pages_a), "pages_b": "+".join(t.run.pages_b)} for t in tables]
    columns = ("pages_a", "pages_b", "similarity", "containment", "agreement", "cells", *_COUNTS)
    path = alignments.corpus.folder / NAME
    try:
        with alignments.corpus.lock():
            write_csv(path, columns, lines)
    except (RunError, OSError) as error:
        on_event(Event("remark", "long tables", message=f"{path} was not written ({error})"))
    return tables


def stored_tables_over_pages(corpus: Corpus) -> list[dict[str, Any]]:
    """What was found last, as ``MatchedRuns.to_dict`` has it; empty where ``write_tables_over_pages`` never ran."""
    path = corpus.folder / NAME
    if not is_written(path):
        return []
    try:
        return _stored_tables(path)
    except (KeyError, ValueError, csv.Error) as error:
        cause = " ".join(str(error).split())
        raise RunError(f"{path}: damaged ({cause}); delete this file, and `tablesim report` makes it anew") from error


def _stored_tables(path: Path) -> list[dict[str, Any]]:
    lines = [{name: value or "" for name, value in line.items()} for line in read_rows(path)]
    return [
        {
            "pages_a": line["pages_a"].split("+"),
            "pages_b": line["pages_b"].split("+"),
            **{name: read_number(line[name], ";") for name in ("similarity", "containment", "agreement")},
            "cells": int(line.get("cells") or line["places"]),  # "places" in lists that 0.1.0 wrote
            **{name: read_number(line[name], ";") for name in _COUNTS if line.get(name)},
        }
        for line in lines
    ]


def long_tables_with(corpus: Corpus, page: str) -> dict[str, dict[str, Any]]:
    """The listed tables over several pages that ``page`` belongs to, by each page of the other book.

    ``pages`` are those of the other book, ``of_query`` those that ``page`` is one of; of two tables for one page of the
    other book, the one that is listed first.
    """
    tables: dict[str, dict[str, Any]] = {}
    for row in reversed(stored_tables_over_pages(corpus)):
        for own, others in (("pages_a", "pages_b"), ("pages_b", "pages_a")):
            if page in row[own]:
                likeness = {name: row[name] for name in ("similarity", "containment", "agreement")}
                tables |= {partner: {"pages": row[others], "of_query": row[own], **likeness} for partner in row[others]}
    return tables


def position_of_id(page: str) -> Position:
    """Book and number that an id tells as in ``1002_sacrobosco_1531_p34``; any other id is a book of its own."""
    match = re.fullmatch(r"(.*)_p(\d+)(?:_\d+)?", page)
    return (match[1], int(match[2])) if match else (page, 0)


def position_of(row: Mapping[str, Any]) -> Position:
    """Book and number of a page of a run: by its metadata, else by the number in its PDF or TIFF, else by its id.

    Where the book is known, the last number of any id counts, a verso after its recto: ``img_0034``, ``fol-12v``.
    """
    page, book, locator = row["page"], row["book"], Locator.of(row["scan"])
    named = position_of_id(page)
    extra = {name.casefold(): value for name, value in (row["extra"] or {}).items()}
    number_of_page = next(
        (number for name in NUMBER_COLUMNS if (number := _number(extra.get(name, ""))) is not None), None
    )
    if book is None:
        return (str(locator.file), locator.number) if locator.number else named
    if number_of_page is None:
        number_of_page = named[1] if named != (page, 0) else locator.number or _number(page)
    # Without a number nothing follows the page.
    return (page, 0) if number_of_page is None else (book, number_of_page)


def table_runs(pairs: Iterable[Pair], position: Callable[[str], Position] = position_of_id) -> list[TableRun]:
    """Pairs of matching pages joined to runs, the longest first; a page that matches alone is a run of one.

    Openings differ, so a run goes on where both sides are one page on, or one of them stays: editions break tables at
    other rows. ``position`` tells book and number of a page.
    """
    turned = {(a, b) if (position(a), a) <= (position(b), b) else (b, a) for a, b in pairs}
    found: list[tuple[list[str], list[str], list[Pair]]] = []
    # Runs by their last pages: the pages of a book follow each other, so few runs end where another pair may go on.
    ending: dict[tuple[Position, Position], list[int]] = {}
    for a, b in sorted(turned, key=lambda pair: (position(pair[0]), position(pair[1]), pair)):
        (book_a, at_a), (book_b, at_b) = position(a), position(b)
        before = product(((book_a, at_a - 1), (book_a, at_a)), ((book_b, at_b - 1), (book_b, at_b)))
        for number in sorted(number for ends in before for number in ending.get(ends, ())):
            run_a, run_b, met = found[number]
            last = run_a[-1], run_b[-1]
            if _goes_on(last[0], a, position) and _goes_on(last[1], b, position):
                run_a += [a] * (a != last[0])
                run_b += [b] * (b != last[1])
                met.append((a, b))
                ending[position(last[0]), position(last[1])].remove(number)
                break
        else:
            number = len(found)
            found.append(([a], [b], [(a, b)]))
        ending.setdefault((position(a), position(b)), []).append(number)
    runs = [TableRun(tuple(a), tuple(b), tuple(met)) for a, b, met in found]
    return sorted(runs, key=lambda run: (-len(run.pages_a) - len(run.pages_b), run.pages_a, run.pages_b))


def _nearest_elsewhere(corpus: Corpus, page: str, k: int, books: Mapping[str, str | None]) -> list[tuple[str, float]]:
    """The ``k`` nearest pages of other books among the neighbours that the run keeps; where fewer are of other books,
    of all pages as long as there are ``SEARCHED`` at most: searching for every page grows with the square of the pages.
    """
    kept = corpus.nearest_pages(page, N_NEIGHBOURS)
    book = books[page]
    others = [(other, likeness) for other, likeness in kept.items() if book is None or books.get(other) != book][:k]
    if len(others) == k or len(kept) < N_NEIGHBOURS or len(corpus) > SEARCHED:
        return others
    return [(hit.page, hit.similarity) for hit in corpus.search(page, top=k, across_books=True)]


def _verified(
    alignments: RunAlignments, beside: Mapping[Pair, set[Pair]], alike: Mapping[Pair, float], on_event: Listener
) -> dict[Pair, Verification]:
    """Those of the pairs that carry one table: what clustering asked for, and so many of the others as are allowed.

    Pairs beside one that agrees come first, since a run goes through both; then the most alike.
    """
    on_event(Event("start", "long tables", total=len(beside)))
    of_clustering = [pair for pair in sorted(beside) if alignments.is_of_clustering(*pair)]
    same = {pair: agreement for pair in of_clustering if (agreement := alignments.verify(*pair)).same}
    first = deque(other for pair in same for other in sorted(beside[pair]))
    waiting = beside.keys() - set(of_clustering)
    rest = iter(sorted(waiting, key=lambda pair: (-alike[pair], pair)))
    most = max(LEAST_NEW, round(SHARE_NEW * len(alignments.corpus)))
    n_left = max(0, len(waiting) - most)
    while len(waiting) > n_left:
        pair = first.popleft() if first else next(rest)
        if pair not in waiting:
            continue
        waiting.remove(pair)
        agreement = alignments.verify(*pair)
        if agreement.same:
            same[pair] = agreement
            first.extend(sorted(beside[pair] & waiting))
        on_event(Event("page", "long tables", len(beside) - len(waiting), len(beside), pair[0]))
    if waiting:
        on_event(Event("remark", "long tables", message=left_words(len(waiting), len(beside))))
    return dict(sorted(same.items()))


def left_words(left: int, likely: int) -> str:
    """What is said of pairs that a report does not come to."""
    return (
        f"of {likely:,} pairs of pages that a table over several pages could go through the {left:,} least alike are "
        "not collated; `tablesim collate A1+A2 B1+B2 --run RUN` collates any pages"
    )


def _beside(pairs: Iterable[Pair], position: Mapping[str, Position]) -> dict[Pair, set[Pair]]:
    """The pairs that could be part of a run of more than one page, each with those before and after it."""
    pairs_at: dict[tuple[Position, Position], set[Pair]] = {}
    for a, b in pairs:
        pairs_at.setdefault((position[a], position[b]), set()).add((a, b))
    found: dict[Pair, set[Pair]] = {}
    for ((book_a, at_a), (book_b, at_b)), here in pairs_at.items():
        for on_a, on_b in ((0, 1), (1, 0), (1, 1)):
            there = pairs_at.get(((book_a, at_a + on_a), (book_b, at_b + on_b)), set())
            for pair, other in product(here, there):
                found.setdefault(pair, set()).add(other)
                found.setdefault(other, set()).add(pair)
    return found


def _goes_on(page: str, following: str, position: Callable[[str], Position]) -> bool:
    """Whether a page is the same as another one, or the next of its book."""
    (book, number_a), (other_book, number_b) = position(page), position(following)
    return page == following or (book == other_book and number_b == number_a + 1)


def _number(text: str) -> int | None:
    """The last number in a text; leaves that say recto or verso count twice, the recto first."""
    match = re.search(r"(\d+)\s*([rv]?)[^\d]*$", text.strip(), re.IGNORECASE)
    if match is None:
        return None
    side = match[2].lower()
    return 2 * int(match[1]) + (side == "v") if side else int(match[1])
