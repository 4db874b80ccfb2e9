"""Tables of DISHAS as words in cells: the content of one table, several in a list, or an answer of its index.

Both shapes are known: that of the index (``source_value_original``, one argument or two) and that of the input form
(``value_original``, or ``args`` and ``entry`` alone). Tables with the same arguments stand beside each other, as they
do on a page. What DISHAS filled in by itself (``suggested``) is half believed. The critical apparatus is not read: it
says what other witnesses have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tablesim.records.dishas import BLANK, OWN

SUGGESTED = 0.5
"""Confidence of what DISHAS filled in and nobody confirmed: an even chance, since nothing is known of it."""

Cell = tuple[int, int, int]
"""Table, row and column, from 0."""

Word = tuple[str, float, Cell]
"""The places of a number, how sure it is, and its cell; a place each where it has several."""

Places = tuple[str, ...]


def dishas_tables(data: Any) -> list[dict[str, Any]]:
    """The tables of DISHAS in what a JSON file holds; none where it is something else."""
    if isinstance(data, dict):
        hits = data.get("hits")
        if isinstance(hits, dict) and isinstance(hits.get("hits"), list):
            return dishas_tables([hit.get("_source") for hit in hits["hits"] if isinstance(hit, dict)])
        return [data] if _values(data) is not None else []
    if isinstance(data, list):
        return [table for table in data if isinstance(table, dict) and _values(table) is not None]
    return []


def _values(table: dict[str, Any]) -> dict[str, Any] | None:
    """The part of a table with its arguments and entries."""
    for part in (table.get("source_value_original"), table.get("value_original"), table):
        if isinstance(part, dict) and isinstance(part.get("args"), dict) and "entry" in part:
            return part
    return None


def dishas_words(tables: Sequence[dict[str, Any]]) -> Iterator[Word]:
    """What stands in the cells of tables, a place of a number as a cell of its own.

    Raises
    ------
    LookupError, TypeError, ValueError
        A table lacks what DISHAS always writes.
    """
    at, width, before = -1, 0, None
    for table in tables:
        own = table.get(OWN)
        values = _values(table)
        assert values is not None  # dishas_tables gave it
        arguments = [_places(item) for item in values["args"]["argument1"]]
        second = values["args"].get("argument2")
        if isinstance(own, dict) and own.get("argument_columns") is not None:
            # A table of ours knows the cells of its page; rows are those that this function has.
            yield from _in_own_cells(own, arguments, values["entry"])
            continue
        beside = second is None and before == arguments
        if not beside:
            at, width = at + 1, 0
            yield from _column(arguments, at, 0, first_row=int(second is not None))
            width = _widest(arguments)
        before = arguments if second is None else None
        entries = [[item] for item in values["entry"]] if second is None else values["entry"]
        if len(entries) != len(arguments):
            raise ValueError(f"{len(entries)} entries of {len(arguments)} arguments")
        columns = [[_places(row[column]) for row in entries] for column in range(len(second) if second else 1)]
        for number, column in enumerate(columns):
            if second is not None:
                yield from _column([_places(second[number])], at, width)
            yield from _column(column, at, width, first_row=int(second is not None))
            width += max(_widest(column), 1 if second is None else _widest([_places(second[number])]))


def _in_own_cells(own: dict[str, Any], arguments: Sequence[tuple[Places, float]], entries: Any) -> Iterator[Word]:
    rows = own["rows"]
    for columns, items in (
        (own["argument_columns"], arguments),
        (own["entry_columns"], [_places(item) for item in entries]),
    ):
        for row, (places, sure) in zip(rows, items, strict=True):
            for column, text in zip(columns, places, strict=False):
                if text:
                    yield text, sure, (int(own["table"]), int(row), int(column))


def _places(item: dict[str, Any]) -> tuple[Places, float]:
    """The places of an item, blank where DISHAS has stars, and how sure it is."""
    places = tuple("" if BLANK[0] in str(place) else str(place).strip() for place in item["value"])
    return places, SUGGESTED if item.get("suggested") else 1.0


def _widest(items: Sequence[tuple[Places, float]]) -> int:
    return max((len(places) for places, _ in items), default=1)


def _column(items: Sequence[tuple[Places, float]], table: int, first: int, first_row: int = 0) -> Iterator[Word]:
    for row, (places, sure) in enumerate(items, start=first_row):
        for place, text in enumerate(places):
            if text:
                yield text, sure, (table, row, first + place)
