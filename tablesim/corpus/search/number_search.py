"""Finds pages that hold typed numbers, and marks where: first all of them, then all but one, then what is alike.

The index gives the pages, their readings the places: what is shown was found in the reading of the page, with what
people corrected. Nothing that is merely alike is ever called a hit, nor stands above one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tablesim.corpus.search.hits import Hit
from tablesim.corpus.search.number_cells import (
    APART,
    JOINED,
    PageCells,
    PlacedCell,
    agrees_with_marks,
    page_cells,
)
from tablesim.corpus.search.number_index import FoundLines, NumberIndex
from tablesim.corpus.search.number_query import ANY, AskedNumber, NumberQuery, Pattern
from tablesim.digits.units_of_page import meant_value
from tablesim.language import say, say_n, to_say
from tablesim.records.address import CellAddress, PageAddresses
from tablesim.records.counting import counted
from tablesim.records.reading import Number, Reading

HOLDS, DOUBTFUL, BESIDE, ALL_BUT_ONE, ALIKE = STANDINGS = (
    to_say("holds them"),
    to_say("holds them if a doubtful reading is so"),
    to_say("holds them side by side, not known to be one value"),
    to_say("holds all but one"),
    to_say("alike by bigrams"),
)
"""How a page stands to a query, best first."""

PAGE = "page"
"""The direction of numbers that were found in any order."""

PLACES_SHOWN = 20
"""Places of a page that are given; more are counted."""

NEAR_LOOKED_AT = 12
"""Pages that hold all but one number and are looked at, so that those that differ in one figure come first."""


@dataclass(frozen=True)
class FoundCell:
    """A cell of a page that holds a number of the query.

    Parameters
    ----------
    asked : str
        The number, or its place, that was looked for; ``*`` for any.
    number : Number
        What was read there.
    address : CellAddress
        Counted from 1.
    state : str
        "read", "doubtful" (the reader is not sure), "may be" (something else was read, and this is what it may be), or
        "differs" (another number than was asked).
    meant : str
        The value that it is part of, as ``39;1``.
    """

    asked: str
    number: Number
    address: CellAddress
    state: str
    meant: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values; table, row and column from 0, as in a reading, the address from 1."""
        return {
            "asked": self.asked,
            "text": self.number.printed,
            "meant": self.meant,
            "state": self.state,
            "confidence": round(self.number.confidence, 4),
            "address": self.address.words,
            "anchor": self.address.anchor,
            "table": self.number.table,
            "row": self.number.row,
            "column": self.number.column,
            "box": self.number.box.to_dict(),
        }


@dataclass(frozen=True)
class FoundPlace:
    """One place of a page where a query stands, or nearly.

    Parameters
    ----------
    standing : str
        One of `STANDINGS`.
    direction : str
        "row" or "column": along what the numbers were found that were typed as a row; "page" for those in any order.
    cells : tuple of FoundCell
        In the order of the query.
    remarks : tuple of str
        What is in doubt, in words.
    """

    standing: str
    direction: str
    cells: tuple[FoundCell, ...]
    remarks: tuple[str, ...] = ()

    @property
    def differing(self) -> int:
        """By how many figures it differs from the query."""
        changed = [_distance(cell.asked, cell.number.digits_text) for cell in self.cells if cell.state == "differs"]
        return sum(changed) if changed or self.standing != ALL_BUT_ONE else 9

    def to_dict(self) -> dict[str, Any]:
        return {
            "standing": self.standing,
            "direction": self.direction,
            "cells": [cell.to_dict() for cell in self.cells],
            "remarks": list(self.remarks),
        }


@dataclass(frozen=True)
class NumberHit:
    """A page of the answer.

    Parameters
    ----------
    page : str
    rank : int
        From 1.
    standing : str
        One of `STANDINGS`.
    places : tuple of FoundPlace
        Where the numbers stand, `PLACES_SHOWN` at most; none for a page that is merely alike.
    n_places : int
        How many places there are.
    hit : Hit or None
        How like it is by bigrams; None for a page that is no table.
    """

    page: str
    rank: int
    standing: str
    places: tuple[FoundPlace, ...] = ()
    n_places: int = 0
    hit: Hit | None = None

    def __repr__(self) -> str:
        return f"NumberHit({self.page!r}, rank {self.rank}, {self.standing}, {counted(self.n_places, 'place')})"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, with those of ``Hit``."""
        alike = {} if self.hit is None else self.hit.to_dict()
        return {
            **alike,
            "page": self.page,
            "rank": self.rank,
            "standing": self.standing,
            "n_places": self.n_places,
            "places": [place.to_dict() for place in self.places],
        }


@dataclass(frozen=True)
class NumberAnswer:
    """What a search for numbers found.

    Parameters
    ----------
    query : str
        How the query was understood.
    hits : tuple of NumberHit
        Best first.
    counts : dict of str to int
        How many scans of the run there are of each standing but the last, shown or not.
    """

    query: str
    hits: tuple[NumberHit, ...]
    counts: dict[str, int]

    def __repr__(self) -> str:
        return f"NumberAnswer({self.sentence!r})"

    @property
    def sentence(self) -> str:
        """How many pages hold what was asked for."""
        return answer_sentence(self.query, self.counts, sum(hit.standing == ALIKE for hit in self.hits))

    def to_dict(self) -> dict[str, Any]:
        return {"query": self.query, "counts": dict(self.counts), "hits": [hit.to_dict() for hit in self.hits]}


def answer_sentence(query: str, counts: dict[str, int], alike: int) -> str:
    """The answer in words: how many scans hold the numbers, and what the others of the list are."""

    def scans(count: int) -> str:
        return say_n(count, "{n} scan", "{n} scans") if count else say("no scans")

    n = counts[HOLDS]
    parts = [say_n(n, "{n} scan holds them", "{n} scans hold them") if n else say("no scans hold them")]
    if counts[DOUBTFUL]:
        parts.append(say("{scans} if a doubtful reading is so", scans=scans(counts[DOUBTFUL])))
    if counts[BESIDE]:
        parts.append(say("{scans} side by side, not known to be one value", scans=scans(counts[BESIDE])))
    if counts[ALL_BUT_ONE]:
        parts.append(say("{scans} all but one", scans=scans(counts[ALL_BUT_ONE])))
    if alike:
        parts.append(say("{n} more are alike by bigrams and do not hold them as typed", n=alike))
    return f"{query}: {'; '.join(parts)}"


@dataclass(frozen=True)
class _Candidates:
    """Lines of ``pages.parquet`` in the order in which they are looked at, with the standing that the index gives."""

    lines: list[int]
    standings: list[str]


class NumberSearch:
    """Searches one index.

    Parameters
    ----------
    index : NumberIndex
    read : callable
        The reading of the page of a line of ``pages.parquet``, as corrected.
    """

    def __init__(self, index: NumberIndex, read: Callable[[int], Reading]) -> None:
        self.index = index
        self.read = read

    def search(
        self, query: NumberQuery, top: int, *, any_order: bool
    ) -> tuple[list[tuple[int, NumberHit]], Counter[str]]:
        """Pages that hold the numbers or all but one, best first, with their lines; and how many there are of each."""
        whole = self._in_any_order(query) if any_order else self._of_patterns(query.patterns())
        counts: Counter[str] = Counter(whole.standings)
        found, wrong = self._looked_at(whole, query, top, any_order=any_order)
        counts -= wrong
        if len(found) < top and not any_order:
            taken = set(whole.lines)
            near = self._of_patterns(query.near_patterns())
            lines = [line for line in near.lines if line not in taken]
            counts[ALL_BUT_ONE] = len(lines)
            some = _Candidates(
                lines[: max(NEAR_LOOKED_AT, top)], [ALL_BUT_ONE] * len(lines[: max(NEAR_LOOKED_AT, top)])
            )
            near_hits, wrong = self._looked_at(some, query, len(some.lines), near=True)
            counts -= wrong
            found += sorted(near_hits, key=lambda pair: (min(place.differing for place in pair[1].places), pair[0]))
        return found[:top], counts

    def _of_patterns(self, patterns: Iterator[Pattern]) -> _Candidates:
        found = [self.index.find(pattern) for pattern in patterns]
        return _ordered(found)

    def _in_any_order(self, query: NumberQuery) -> _Candidates:
        """The pages that hold each number as often as it was typed."""
        wanted = Counter((term.keys, term.alone) for term in query.terms)
        whole: FoundLines | None = None
        for (keys, alone), times in wanted.items():
            if len(keys) == 1:
                found = self.index.count(keys[0], times)
            else:
                single = NumberQuery("", (((AskedNumber("", keys, alone),),),))
                ordered = [self.index.find(pattern) for pattern in single.patterns()]
                found = _joined(ordered)
            whole = found if whole is None else _both(whole, found)
        assert whole is not None
        return _ordered([whole])

    def _looked_at(
        self, candidates: _Candidates, query: NumberQuery, top: int, *, any_order: bool = False, near: bool = False
    ) -> tuple[list[tuple[int, NumberHit]], Counter[str]]:
        """The first ``top`` candidates with their places, and how many of each standing their readings deny."""
        found: list[tuple[int, NumberHit]] = []
        wrong: Counter[str] = Counter()
        for line, standing in zip(candidates.lines, candidates.standings, strict=True):
            if len(found) >= top:
                break
            reading = self.read(line)
            places = list(_places(reading, query, any_order=any_order, near=near))
            if not places:
                wrong[standing] += 1
                continue
            order = STANDINGS.index
            places.sort(key=lambda place: (order(place.standing), place.differing))
            best = places[0].standing
            if best != standing:
                # The reading says it more exactly: its marks, its units.
                wrong[standing] += 1
                wrong[best] -= 1
            shown = tuple(place for place in places if place.standing == best)
            found.append((line, NumberHit(reading.page, 0, best, shown[:PLACES_SHOWN], len(shown))))
        return sorted(found, key=lambda pair: (STANDINGS.index(pair[1].standing), pair[0])), wrong


def _standing(link: int, sure: bool) -> str:
    if link == APART:
        return BESIDE
    return HOLDS if sure else DOUBTFUL


def _ordered(found: Sequence[FoundLines]) -> _Candidates:
    """Each line once, with its best standing, best first, then in the order of the pages."""
    joined = _joined(found)
    standings = [_standing(link, sure) for link, sure in zip(joined.links.tolist(), joined.sure.tolist(), strict=True)]
    # What is known to be one value comes before what is undecided.
    order = sorted(
        range(len(standings)),
        key=lambda at: (STANDINGS.index(standings[at]), -joined.links[at], joined.lines[at]),
    )
    return _Candidates([int(joined.lines[at]) for at in order], [standings[at] for at in order])


def _joined(found: Sequence[FoundLines]) -> FoundLines:
    if not found:
        return FoundLines(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, bool))
    lines, links, sure = (np.concatenate(column) for column in zip(*found, strict=True))
    apart = links == APART
    order = np.lexsort((-links, apart | ~sure, apart, lines))
    first = np.flatnonzero(np.diff(lines[order], prepend=-1))
    return FoundLines(lines[order][first], links[order][first], sure[order][first])


def _both(one: FoundLines, other: FoundLines) -> FoundLines:
    """The lines that are in both."""
    lines, at_one, at_other = np.intersect1d(one.lines, other.lines, assume_unique=True, return_indices=True)
    return FoundLines(
        lines, np.minimum(one.links[at_one], other.links[at_other]), one.sure[at_one] & other.sure[at_other]
    )


def _places(reading: Reading, query: NumberQuery, *, any_order: bool, near: bool) -> Iterator[FoundPlace]:
    """Where a query stands on a page."""
    cells = page_cells(reading)
    addresses = PageAddresses(reading)
    if any_order:
        placed = _all_of_page(cells, query)
        if placed is not None:
            yield _place(cells, addresses, placed, Pattern((), PAGE, query.terms))
        return
    seen = set()
    for pattern in query.near_patterns() if near else query.patterns():
        for found in cells.places(pattern):
            where = tuple(cell.where for cell in found)
            if where not in seen and _marks_agree(cells, found, pattern.terms):
                yield _place(cells, addresses, found, pattern)
            seen.add(where)


def _marks_agree(cells: PageCells, placed: Sequence[PlacedCell], terms: Sequence[AskedNumber]) -> bool:
    return all(
        agrees_with_marks(terms[cell.step.term].typed, cells.cells[cell.where].number)
        for cell in placed
        if cell.step.key != ANY
    )


def _all_of_page(cells: PageCells, query: NumberQuery) -> tuple[PlacedCell, ...] | None:
    """Every place of every number, in the order of the query; None where one is not there as often as it was typed."""
    placed: list[PlacedCell] = []
    wanted = Counter((term.keys, term.alone) for term in query.terms)
    for (keys, alone), times in wanted.items():
        term = next(index for index, term in enumerate(query.terms) if (term.keys, term.alone) == (keys, alone))
        single = NumberQuery("", (((query.terms[term],),),))
        found = []
        for pattern in single.patterns():
            found += [some for some in cells.places(pattern) if _marks_agree(cells, some, pattern.terms)]
        different = {tuple(cell.where for cell in some): some for some in found}
        if len(different) < times:
            return None
        sure_first = sorted(different.values(), key=lambda some: not cells.sure(some))
        n_sure = sum(map(cells.sure, different.values()))
        for some in sure_first[: max(times, n_sure)]:
            placed += [cell._replace(step=replace(cell.step, term=term)) for cell in some]
    return tuple(placed)


def _place(cells: PageCells, addresses: PageAddresses, placed: Sequence[PlacedCell], pattern: Pattern) -> FoundPlace:
    found: list[FoundCell] = []
    remarks: list[str] = []
    page = [cell.number for cell in cells.cells]
    for cell in placed:
        number, asked = page[cell.where], cell.step.key
        doubtful = cells.cells[cell.where].doubtful
        state = "may be" if not cell.read else "doubtful" if doubtful else "read"
        if cell.step.term == pattern.open_term:
            state, asked = "differs", pattern.terms[cell.step.term].typed
        address = addresses.of(number)
        assert address is not None
        found.append(FoundCell(asked, number, address, state, meant_value(number, page, cells.units).text))
        if state != "read":
            remarks.append(_remark(found[-1]))
    if pattern.missing and pattern.open_term is not None:
        remarks.append(f"{pattern.terms[pattern.open_term].typed} is missing")
    places = [page[cell.where] for cell in placed if cell.step.place]
    groups = dict.fromkeys(cells.units.of(number.table, number.column) for number in places)
    remarks += [group.sentence for group in groups if group is not None]
    link = JOINED if pattern.direction == PAGE else cells.link(placed)
    standing = _standing(link, cells.sure(placed))
    if pattern.open_term is not None:
        standing = ALL_BUT_ONE
    return FoundPlace(standing, pattern.direction, tuple(found), tuple(remarks))


def _remark(cell: FoundCell) -> str:
    """What is in doubt about a cell."""
    where, text = cell.address.words, cell.number.printed
    if cell.state == "doubtful":
        return f"{where}: {text} is doubtful (confidence {cell.number.confidence:.2f})"
    return (
        f"{where}: {text} was read and may be {cell.asked}"
        if cell.state == "may be"
        else (f"{where}: {text} stands for {cell.asked}")
    )


def _distance(asked: str, read: str) -> int:
    """How many figures are another, or one more or less (Levenshtein)."""
    above = list(range(len(read) + 1))
    for i, a in enumerate(asked, 1):
        row = [i]
        for j, b in enumerate(read, 1):
            row.append(min(row[-1] + 1, above[j] + 1, above[j - 1] + (a != b)))
        above = row
    return above[-1]
