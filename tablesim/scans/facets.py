"""Facets: pages told apart by any column of their metadata, be it one that we know or one that only this corpus has."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from tablesim.errors import MetadataError
from tablesim.scans.csvfile import listed
from tablesim.scans.metadata import ALIASES

NOT_GIVEN = "(not given)"
"""The value of pages of which a column says nothing. Prints that name no place have one: ``SINE_LOCO``."""

_FIELDS = tuple(ALIASES)


def facet_names(lines: Iterable[Mapping[str, Any]]) -> list[str]:
    """The columns in which at least one page has something: ours first, then those of the corpus as they are written.

    ``lines`` are pages as ``Corpus.pages`` gives them, or ``asdict`` of their metadata.
    """
    found: dict[str, None] = {}
    others: dict[str, str] = {}
    for line in lines:
        found.update(dict.fromkeys(name for name in _FIELDS if line.get(name) not in (None, "", [], ())))
        for column in line.get("extra") or {}:
            others.setdefault(column.casefold(), column)
    return [name for name in _FIELDS if name in found] + sorted(others.values())


def facet_of(line: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """The values of a page in column ``name``, which may be any name that the column goes by; empty for nothing.

    Lists have several values, written with ``;`` or ``|`` where the column is the corpus's own. A date is one value:
    a year, or two with a dash.
    """
    field = _field(name)
    if field == "year":
        first, last = line.get("year"), line.get("year_latest")
        return () if first is None else (str(first) if last in (None, first) else f"{first}–{last}",)
    if field is not None:
        value = line.get(field)
        values = list(value) if isinstance(value, list | tuple) else [value]
        return tuple(str(item) for item in values if item not in (None, ""))
    extra = {column.casefold(): text for column, text in (line.get("extra") or {}).items()}
    parts = re.split(r"[;|]", extra.get(name.casefold(), ""))
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def count_by(lines: Iterable[Mapping[str, Any]], name: str) -> dict[str, int]:
    """How many pages have each value of column ``name``, dates in their order, others by falling count.

    Raises
    ------
    MetadataError
        No page has such a column; the message names those there are.
    """
    lines = list(lines)
    counts = Counter(value for line in lines for value in facet_of(line, name) or (NOT_GIVEN,))
    if not set(counts) - {NOT_GIVEN}:
        raise MetadataError(
            f"metadata: no page has anything in a column {name!r}; expected one of {listed(facet_names(lines), 40)}"
        )
    by_date = _field(name) == "year"
    return dict(sorted(counts.items(), key=lambda item: (item[0] == NOT_GIVEN, 0 if by_date else -item[1], item[0])))


def _field(name: str) -> str | None:
    """Our name of a column that goes by ``name``; None for a column of the corpus's own."""
    folded = name.casefold()
    return next((field for field, names in ALIASES.items() if folded in (field, *map(str.casefold, names))), None)
