"""The index of numbers of a run: parts made of its shards and corrections, to which only what is new is added.

``RUN/.search/numbers`` has the parts of what was read and those of what was corrected. They go by scans: where shards
are laid out anew nothing is read again. New scans make a new part, and young parts are joined, so that there are never
many. A part that is damaged is made again. The folder can be deleted at any time; where the run may not be written to,
parts are made in memory.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tablesim.corpus.search.index import FOLDER, NUMBERS, is_abandoned
from tablesim.corpus.search.number_cells import page_cells
from tablesim.corpus.search.number_query import Pattern
from tablesim.corpus.search.number_segments import (
    MAX_PAGES,
    HoldingPages,
    IndexedScan,
    NumberSegment,
    arrays_of,
    joined_arrays,
)
from tablesim.corpus.storage.files import read_json, write_json
from tablesim.corpus.storage.page_table import PageTable
from tablesim.corpus.storage.shards import Shards, row_reading
from tablesim.errors import RunError
from tablesim.files import folder_aside, give_name
from tablesim.records.reading import Reading

VERSION = 2
"""Changed when the files of a part, or what they hold, change their meaning."""

ABOUT = "about.json"
_ID = np.dtype("S80")
_ROWS = 64

Ints = NDArray[np.int64]


class Corrected(NamedTuple):
    """What people corrected.

    Parameters
    ----------
    scans : mapping of str to str
        By the hash of a scan a word that changes with its corrections.
    read : callable
        Gives the corrected reading of a scan by its hash.
    """

    scans: Mapping[str, str]
    read: Callable[[str], Reading]


class FoundLines(NamedTuple):
    """Lines of ``pages.parquet`` whose pages hold a pattern, each once; see `number_segments.HoldingPages`."""

    lines: Ints
    links: Ints
    sure: NDArray[np.bool_]


class NumberIndex:
    """The index of a run as it is now.

    Parameters
    ----------
    run : Path
        The run folder.
    pages : PageTable
    readings : Shards
    corrected : Corrected
    """

    def __init__(self, run: Path, pages: PageTable, readings: Shards, corrected: Corrected) -> None:
        read, again = (_Parts(run / FOLDER / NUMBERS / name) for name in ("read", "corrected"))
        _take_in_shards(read, readings)
        there = readings.places.rows(list(corrected.scans)) >= 0 if corrected.scans else ()
        scans = {key: state for (key, state), has in zip(corrected.scans.items(), there, strict=True) if has}
        _take_in_corrections(again, scans, corrected.read)
        self.segments = [*read.segments, *again.segments]
        lines = _lines(self.segments, pages)
        ends = np.cumsum([len(segment) for segment in self.segments], dtype=np.int64)
        n_read = sum(map(len, read.segments))
        keys = [segment.keys for segment in self.segments]
        if scans:
            lines[:n_read][np.isin(np.concatenate(keys)[:n_read], np.array(list(scans), "S64"))] = -1
            wanted = np.array([key + state for key, state in scans.items()], _ID)
            lines[n_read:][~np.isin(again.ids, wanted)] = -1
        else:
            lines[n_read:] = -1
        # What was read again stands in a later part.
        later, first = np.unique(lines[::-1], return_index=True)
        kept = np.zeros(len(lines), dtype=bool)
        kept[len(lines) - 1 - first[later >= 0]] = True
        self._lines = np.split(np.where(kept, lines, -1), ends)[:-1]

    def __len__(self) -> int:
        """How many scans it has."""
        return sum(int((lines >= 0).sum()) for lines in self._lines)

    def find(self, pattern: Pattern) -> FoundLines:
        """The pages that hold a pattern."""
        return self._found(segment.find(pattern) for segment in self.segments)

    def count(self, key: str, least: int) -> FoundLines:
        """The pages that hold a number so many times or more."""
        return self._found(segment.count(key, least) for segment in self.segments)

    def _found(self, occurrences: Iterable[HoldingPages]) -> FoundLines:
        parts = [
            (lines[some.pages], some.links, some.sure)
            for some, lines in zip(occurrences, self._lines, strict=True)
            if len(some.pages)
        ]
        if not parts:
            return FoundLines(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, bool))
        lines, links, sure = (np.concatenate(column) for column in zip(*parts, strict=True))
        # A scan may stand in two shards while a job runs.
        order = np.lexsort((~sure, -links, lines))
        lines = lines[order]
        first = np.flatnonzero((np.diff(lines, prepend=-1) != 0) & (lines >= 0))
        return FoundLines(lines[first], links[order][first], sure[order][first])


class _Parts:
    """The parts in a folder, oldest first, and which shards were looked through; none where they are damaged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.segments: list[NumberSegment] = []
        self.names: list[str] = []
        self.covered: set[str] = set()
        try:
            about = read_json(folder / ABOUT)
            if about["version"] == VERSION:
                self.segments = [NumberSegment.load(folder / name) for name in about["parts"]]
                self.names, self.covered = list(about["parts"]), set(about["covered"])
        except (OSError, ValueError, KeyError, TypeError, RunError):
            self.segments = []

    @property
    def ids(self) -> NDArray[np.bytes_]:
        """Scan and version of every page."""
        ids = [np.char.add(segment.keys, segment.versions) for segment in self.segments]
        return np.concatenate([np.zeros(0, _ID), *ids]).astype(_ID)

    def add(self, scans: list[IndexedScan]) -> None:
        """One more part, joined with young ones that are no larger."""
        new = NumberSegment(arrays_of(scans))
        young: list[NumberSegment] = []
        while self.segments and len(self.segments[-1]) <= len(new) + sum(map(len, young)):
            if len(self.segments[-1]) + len(new) + sum(map(len, young)) > MAX_PAGES:
                break
            young.insert(0, self.segments.pop())
            self.names.pop()
        arrays = joined_arrays([*young, new]) if young else new.arrays
        self.segments.append(NumberSegment(arrays))
        name = hashlib.sha256(self.segments[-1].keys.tobytes() + self.segments[-1].versions.tobytes()).hexdigest()
        self.names.append(f"part-{name[:16]}")
        try:
            write_part(self.folder / self.names[-1], arrays)
            self.segments[-1] = NumberSegment.load(self.folder / self.names[-1])
        except (OSError, ValueError, RunError):
            # A run on a full disk or one that belongs to somebody else can be searched all the same.
            self.names[-1] = ""

    def save(self, covered: Iterable[str]) -> None:
        """Say which parts hold, then remove those that they replace; who still searches these keeps what is mapped."""
        if not all(self.names):
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_about(self.folder, self.names, covered)
        except OSError:
            return
        for entry in list(self.folder.iterdir()):
            stale = is_abandoned(entry) if entry.name.endswith(".part") else entry.name not in (*self.names, ABOUT)
            if stale and entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)


def _take_in_shards(parts: _Parts, readings: Shards) -> None:
    """Add the scans of shards that were not looked through yet, as far as no part has them."""
    files = {stamp_of(file): file for file in readings.files}
    new = [file for stamp, file in files.items() if stamp not in parts.covered]
    if not new and parts.covered <= set(files):
        return
    known = parts.ids
    scans: list[IndexedScan] = []
    for file in new:
        table = readings.read(file, ["sha256", "read_by"])
        pairs = list(zip(table["sha256"].to_pylist(), table["read_by"].to_pylist(), strict=True))
        ids = np.array([f"{key}{version or ''}" for key, version in pairs], _ID)
        rows = np.flatnonzero(~np.isin(ids, known))
        if not len(rows):
            continue
        known = np.concatenate([known, ids[rows]])
        if len(scans) + len(rows) > MAX_PAGES:
            parts.add(scans)
            scans = []
        whole = readings.read(file)
        for start in range(0, len(rows), _ROWS):
            for row in whole.take(rows[start : start + _ROWS]).to_pylist():
                reading = row_reading(row, "", "", None)
                scans.append(IndexedScan(row["sha256"], row["read_by"] or "", page_cells(reading)))
    if scans:
        parts.add(scans)
    parts.save(files)


def _take_in_corrections(parts: _Parts, scans: Mapping[str, str], read: Callable[[str], Reading]) -> None:
    """Add the scans that were corrected, or corrected again, since."""
    known = set(parts.ids.tolist())
    new = [key for key, state in scans.items() if (key + state).encode() not in known]
    if not new:
        return
    if len(known) > 2 * len(scans):
        # Mostly what was corrected again since.
        parts.segments, parts.names, new = [], [], list(scans)
    parts.add([IndexedScan(key, scans[key], page_cells(read(key))) for key in new])
    parts.save(())


def write_about(folder: Path, parts: Iterable[str], covered: Iterable[str]) -> None:
    """Write down which parts hold, oldest first, and the stamps of the shards that they were made of."""
    write_json(folder / ABOUT, {"version": VERSION, "parts": list(parts), "covered": sorted(covered)})


def write_part(folder: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write the arrays of a part into a folder aside and give it its name."""
    aside = folder_aside(folder)
    try:
        for name, array in arrays.items():
            np.save(aside / f"{name}.npy", array)
        shutil.rmtree(folder, ignore_errors=True)
        give_name(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def stamp_of(file: Path) -> str:
    """Changes when a shard does."""
    stat = file.stat()
    return f"{file.name} {stat.st_size} {stat.st_mtime_ns}"


def _lines(segments: list[NumberSegment], pages: PageTable) -> Ints:
    """For each page of all parts its line in ``pages.parquet``; -1 where no page that was read has that scan now."""
    keys = np.concatenate([np.zeros(0, "S64"), *(segment.keys for segment in segments)])
    offsets = pa.py_buffer(np.arange(len(keys) + 1, dtype=np.int32) * 64)
    words = pa.StringArray.from_buffers(len(keys), offsets, pa.py_buffer(np.ascontiguousarray(keys)))
    lines = pc.fill_null(pc.index_in(words, value_set=pages.column("sha256")), -1)
    lines = lines.to_numpy(zero_copy_only=False).astype(np.int64)
    read = np.append(pages.column("status").to_numpy(zero_copy_only=False) == "read", False)
    return np.where(read[lines], lines, -1)
