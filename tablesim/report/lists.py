"""The lists of a report, all pages and all groups: sorted, filtered and searched in the browser, without a server.

Rows stand in script files of at most ``PART_ROWS`` rows, ``data/pages-0.js`` and so on, that a page loads one after the
other: a browser reads scripts from a disk, but no other data. Each calls ``tablesim.add(list, part, rows)``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Any

from tablesim.language import say
from tablesim.report.folder import ReportFolder

PART_ROWS = 2000
"""Rows of one file: with titles and shelf marks 0.3 to 1 MB."""

FIRST_ROWS = 100
"""Rows that stand in the page itself, for browsers without scripts; so many are shown at once with them."""

MAX_EXTRA = 12
"""Columns of the metadata that only the run's own CSV has and that are listed, the most filled ones."""


@dataclass(frozen=True)
class ListColumn:
    """A column of a list.

    Parameters
    ----------
    name : str
        In addresses, such as ``pages.html#place=Paris``.
    title : str
        What stands above it; empty for a column that is not shown.
    kind : str
        "text", "number", "link" (text and address), "picture" (address, width, height), or "date" (as it is shown, the
        first and the last year that it allows, its place among dates).
    facet : bool
        Whether its values are offered in a menu.
    said : bool
        Whether its values are messages: rows and addresses have their English, so that an address holds in every
        language.
    """

    name: str
    title: str
    kind: str = "text"
    facet: bool = False
    said: bool = False


@dataclass(frozen=True)
class ListPage:
    """A list as its page shows it: what the script needs, and the first rows for browsers without one."""

    name: str
    columns: tuple[ListColumn, ...]
    n_rows: int
    n_parts: int
    first: list[list[Any]]

    def at(self, column: ListColumn) -> int:
        """Which value of a row is that of a column."""
        return self.columns.index(column)

    def to_dict(self) -> dict[str, Any]:
        """What the script needs."""
        return {
            "name": self.name,
            "columns": [asdict(column) for column in self.columns],
            "rows": self.n_rows,
            "parts": self.n_parts,
            "shown": FIRST_ROWS,
        }


def titled(columns: Iterable[ListColumn]) -> tuple[ListColumn, ...]:
    """The columns with their titles in the language that is spoken."""
    return tuple(replace(column, title=say(column.title)) for column in columns)


def write_list(folder: ReportFolder, name: str, columns: Sequence[ListColumn], rows: Iterable[list[Any]]) -> ListPage:
    """Write the rows of a list into script files, a value a column (None: blank); blank columns are not shown.

    One file's rows are in memory at a time.
    """
    first: list[list[Any]] = []
    filled, n_rows, n_parts = [False] * len(columns), 0, 0
    rest = iter(rows)
    while part := list(islice(rest, PART_ROWS)):
        folder.write_text(part_href(name, n_parts), script_of(name, n_parts, part))
        filled = [full or any(row[at] is not None for row in part) for at, full in enumerate(filled)]
        first = first or part[:FIRST_ROWS]
        n_rows, n_parts = n_rows + len(part), n_parts + 1
    return list_page(name, columns, filled, n_rows, first)


def part_href(name: str, part: int) -> str:
    """Where the rows of a part are."""
    return f"data/{name}-{part}.js"


def list_page(
    name: str, columns: Sequence[ListColumn], filled: Sequence[bool], n_rows: int, first: list[list[Any]]
) -> ListPage:
    """A list of ``n_rows`` rows, whose columns that are not ``filled`` are not shown."""
    shown = tuple(c if full else replace(c, title="", facet=False) for c, full in zip(columns, filled, strict=True))
    return ListPage(name, shown, n_rows, -(-n_rows // PART_ROWS), first)


def script_of(name: str, part: int, rows: Sequence[Sequence[Any]]) -> str:
    """A script that hands rows to the page; a row a line."""
    lines = ",\n".join(json.dumps(row, ensure_ascii=True, separators=(",", ":")) for row in rows)
    return f'tablesim.add("{name}",{part},[\n{lines}\n]);\n'


def extra_columns(counts: Mapping[str, int]) -> list[str]:
    """The columns of the metadata to list beside those that tablesim knows: the most filled ones, by name."""
    best = sorted(counts, key=lambda name: (-counts[name], name))[:MAX_EXTRA]
    return sorted(best)
