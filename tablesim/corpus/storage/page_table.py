"""``pages.parquet`` as search and status look at it: column by column, and line by line where a line is asked for.

A million lines are 2 GB as dicts and 100 MB as the few columns that search needs.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tablesim.corpus.storage.files import is_written, read_parquet, write_parquet
from tablesim.corpus.storage.schemas import PAGE_SCHEMA
from tablesim.errors import RunError
from tablesim.scans.locator import normalized_name

GROUP_ROWS = 8192
"""Lines that are read together: fewer cost more for the whole table, more cost more for one line."""

_KEPT_GROUPS = 64
"""Groups of lines kept in memory: some tens of megabytes at most."""
_KEPT_LINES = 4096
"""Lines kept as dicts, 2 kB each."""
_AT_ONCE = 16
"""Lines made dicts together: one after the other takes less than half the time so, one alone little more."""
_LOOKED_AT = 2000
"""Names searched for one that is nearly the name asked for: a message, not an answer."""


class PageTable:
    """The lines of the pages of a run, sorted by page id. Empty where there is no such file yet.

    Raises
    ------
    RunError
        The file is damaged or has other columns.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # Every column is of the same table, though a job may replace the file meanwhile.
        self._opened = pa.OSFile(str(path)) if is_written(path) else None
        self._columns: dict[str, pa.Array] = {}
        self._groups: OrderedDict[int, pa.Table] = OrderedDict()
        self._starts: NDArray[np.int64] | None = None
        # One line of Parquet takes 0.2 ms, and a report asks for that of a page twenty times.
        self._lines = lru_cache(_KEPT_LINES // _AT_ONCE)(self._new_lines)

    def __len__(self) -> int:
        return len(self.column("page"))

    @property
    def is_missing(self) -> bool:
        """Whether there was no such file when it was opened."""
        return self._opened is None

    def digest(self) -> str:
        """SHA-256 of the ids of the pages with the hashes of their scans."""
        hashed = hashlib.sha256()
        for page, key in zip(self.column("page").to_pylist(), self.column("sha256").to_pylist(), strict=True):
            hashed.update(f"{page}\t{key}\n".encode())
        return hashed.hexdigest()

    def column(self, name: str) -> pa.Array:
        """One column, read once."""
        if name not in self._columns:
            table = self._read([name])
            self._columns[name] = table[name].combine_chunks()
        return self._columns[name]

    def _read(self, columns: Sequence[str] | None = None) -> pa.Table:
        if self._opened is None:
            return PAGE_SCHEMA.empty_table()
        return read_parquet(self.path, PAGE_SCHEMA, columns, opened=self._opened)

    def flags(self, name: str) -> NDArray[np.bool_]:
        """A column of truth values; blank is False."""
        return np.asarray(self.column(name).fill_null(False).to_numpy(zero_copy_only=False), dtype=bool)

    def codes(self, name: str) -> NDArray[np.int32]:
        """A column of words as numbers, equal words as equal numbers; -1 where it is blank."""
        coded = self.column(name).dictionary_encode()
        return np.asarray(coded.indices.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int32)

    def labelled(self, labels: Mapping[str, str]) -> NDArray[np.int32]:
        """The label of each line as a number, shape (n,); -1 where it has none. ``labels`` are by page id."""
        number = {label: code for code, label in enumerate(sorted(set(labels.values())))}
        codes = np.full(len(self), -1, dtype=np.int32)
        for page, label in labels.items():
            row = self.row_of(page)
            if row is not None:
                codes[row] = number[label]
        return codes

    def row_of(self, page: str) -> int | None:
        """Which line is that of ``page``, as it is written or in the form of ``normalized_name``; None for none."""
        ids = self.column("page")
        for name in dict.fromkeys((page, normalized_name(page))):
            row = bisect_left(range(len(ids)), name, key=lambda at: ids[at].as_py())
            if row < len(ids) and ids[row].as_py() == name:
                return row
        return None

    def sha256_of(self, page: str) -> str | None:
        """Hash of the scan of a page, empty where none is known; None where there is no such page."""
        row = self.row_of(page)
        return None if row is None else str(self.column("sha256")[row].as_py())

    def find(self, page: str) -> int:
        """Which line is that of ``page``; RunError, with the ids that look like it, when there is none."""
        row = self.row_of(page)
        if row is not None:
            return row
        ids = self.column("page")
        near = bisect_left(range(len(ids)), page, key=lambda at: ids[at].as_py())
        # In a large run only the ids around it in the alphabet are looked at.
        around = ids.slice(max(0, near - _LOOKED_AT), 2 * _LOOKED_AT).to_pylist()
        close = difflib.get_close_matches(page, around, n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else "`tablesim status RUN --json` lists the pages"
        raise RunError(f"{self.path.parent}: no page {page!r} in this run; {hint}")

    def pages_of(self, hashes: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """The ids of the pages that have each scan, by its hash; scans that no page has are left out."""
        rows = self._rows_with(hashes)
        keys = self.column("sha256").take(pa.array(rows)).to_pylist()
        pages: dict[str, tuple[str, ...]] = {}
        for key, page in zip(keys, self.ids(rows), strict=True):
            pages[key] = (*pages.get(key, ()), page)
        return pages

    def away(self, hashes: Iterable[str]) -> frozenset[str]:
        """Those of some hashes whose scan was not there when the last job looked, under none of its names."""
        rows = self._rows_with(hashes)
        keys = self.column("sha256")
        away = self.flags("away")[rows]
        missing, present = (set(keys.take(pa.array(rows[mask])).to_pylist()) for mask in (away, ~away))
        return frozenset(missing - present)

    def _rows_with(self, hashes: Iterable[str]) -> NDArray[np.int64]:
        wanted = pa.array(sorted(set(hashes) - {""}), pa.string())
        return np.flatnonzero(pc.is_in(self.column("sha256"), wanted).to_numpy(zero_copy_only=False))

    def ids(self, rows: Iterable[int]) -> list[str]:
        """The page ids of some lines."""
        return list(self.column("page").take(pa.array(list(map(int, rows)), pa.int64())).to_pylist())

    def line(self, row: int) -> dict[str, Any]:
        """One line as a dict with the columns of ``PAGE_SCHEMA``; ``extra`` as a dict."""
        starts = self._group_starts
        group = int(np.searchsorted(starts, row, side="right")) - 1
        part, at = divmod(row - int(starts[group]), _AT_ONCE)
        return dict(self._lines(group, part)[at])

    @property
    def _group_starts(self) -> NDArray[np.int64]:
        """The first line of each group of lines in the file, and the end of the last."""
        if self._starts is None:
            # The columns are looked at first, so that a file of another make is told by its name.
            self.column("page")
            about = pq.read_metadata(self._opened)
            sizes = [about.row_group(group).num_rows for group in range(about.num_row_groups)]
            self._starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        return self._starts

    def _new_lines(self, group: int, part: int) -> list[dict[str, Any]]:
        """Some lines of a group, one after the other."""
        return [_with_extra(line) for line in self._group(group).slice(part * _AT_ONCE, _AT_ONCE).to_pylist()]

    def _group(self, group: int) -> pa.Table:
        """One group of lines of the file."""
        if group not in self._groups:
            self._groups[group] = read_parquet(self.path, PAGE_SCHEMA, group=group, opened=self._opened)
            if len(self._groups) > _KEPT_GROUPS:
                self._groups.popitem(last=False)
        self._groups.move_to_end(group)
        return self._groups[group]

    def changed(self, columns: Mapping[str, pa.Array]) -> pa.Table:
        """The whole table with some columns replaced."""
        table = self._read()
        for name, values in columns.items():
            place = PAGE_SCHEMA.get_field_index(name)
            table = table.set_column(place, PAGE_SCHEMA.field(place), values.cast(PAGE_SCHEMA.field(place).type))
        return table

    def lines(self) -> list[dict[str, Any]]:
        """Every line."""
        return list(self.between(0, len(self)))

    def between(self, start: int, stop: int) -> Iterator[dict[str, Any]]:
        """The lines from ``start`` to before ``stop``, a group of the file at a time: a twentieth of one by one."""
        starts = self._group_starts.tolist() if self._opened is not None else []
        for group, (first, end) in enumerate(pairwise(starts)):
            low, high = max(start, first), min(stop, end)
            if low < high:
                yield from map(_with_extra, self._group(group).slice(low - first, high - low).to_pylist())


def write_page_table(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    """Replace the table; ``lines`` as ``PageTable.lines`` gives them, in any order, missing keys are blank."""
    rows = sorted(lines, key=lambda line: line["page"])
    parts = []
    for start in range(0, len(rows), GROUP_ROWS):
        part = [
            {**row, "extra": json.dumps(row.get("extra") or {}, ensure_ascii=False, sort_keys=True)}
            for row in rows[start : start + GROUP_ROWS]
        ]
        parts.append(pa.Table.from_pylist(part, schema=PAGE_SCHEMA))
    replace_page_table(path, pa.concat_tables(parts) if parts else PAGE_SCHEMA.empty_table())


def replace_page_table(path: Path, table: pa.Table) -> None:
    """Replace the table by one that is sorted."""
    write_parquet(path, table.combine_chunks(), GROUP_ROWS)


def _with_extra(line: dict[str, Any]) -> dict[str, Any]:
    line["extra"] = json.loads(line["extra"]) if line["extra"] else {}
    return line
