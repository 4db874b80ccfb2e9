"""The index of numbers of a run: parts made of its shards and corrections, kept while these are as they were.

``RUN/.search/numbers`` holds a folder a part. Each says which shards, or which corrected scans, it was made of; when
pages were read or corrected since, only what is new is read, and small parts are joined with it. A part that is damaged
is made again. It can be deleted at any time; where the run may not be written to, parts are made in memory.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tablesim.corpus.search.index import FOLDER, NUMBERS, is_abandoned
from tablesim.corpus.search.number_cells import PageCells, page_cells
from tablesim.corpus.search.number_query import Pattern
from tablesim.corpus.search.number_segments import MAX_PAGES, HoldingPages, NumberSegment, arrays_of
from tablesim.corpus.storage.files import read_json, write_json
from tablesim.corpus.storage.page_table import PageTable
from tablesim.corpus.storage.shards import Shards, row_reading
from tablesim.errors import RunError
from tablesim.records.reading import Reading

VERSION = 1
"""Changed when the files of a part, or what they hold, change their meaning."""

SMALL_PAGES = 4096
"""Parts of fewer pages are made anew together with what is new, in some seconds, so that there are never many."""

CORRECTED_PAGES = 128
"""Corrected scans of a part: all of them are made anew when one is corrected again."""

ABOUT = "about.json"
_ROWS = 64

Ints = NDArray[np.int64]
Cells = Iterator[tuple[str, PageCells]]


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


class _Part(NamedTuple):
    """A part and the shards or corrected scans that it was made of; its folder, None for one in memory."""

    segment: NumberSegment
    made_of: frozenset[str]
    folder: Path | None


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
        self.folder = run / FOLDER / NUMBERS
        self.readings = readings
        files = {stamp_of(file): file for file in readings.files}
        there = readings.places.rows(list(corrected.scans)) >= 0
        scans = {f"{key} {state}": key for (key, state), has in zip(corrected.scans.items(), there, strict=True) if has}
        stored = list(self._stored())
        of_files = self._up_to_date(stored, files, self._cells_of_file, (SMALL_PAGES, MAX_PAGES))
        of_scans = self._up_to_date(
            stored, scans, lambda key: iter([(key, page_cells(corrected.read(key)))]), (CORRECTED_PAGES,) * 2
        )
        self._remove_others({part.folder for part in (*of_files, *of_scans)})
        self.segments = [part.segment for part in (*of_files, *of_scans)]
        self._lines = _lines(self.segments, pages)
        replaced = np.array(list(scans.values()), dtype="S64")
        for segment, lines in list(zip(self.segments, self._lines, strict=True))[: len(of_files)]:
            if len(replaced):
                lines[np.isin(segment.keys, replaced)] = -1

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

    def _up_to_date(
        self,
        stored: Iterable[_Part],
        sources: Mapping[str, Path] | Mapping[str, str],
        cells_of: Callable[..., Cells],
        sizes: tuple[int, int],
    ) -> list[_Part]:
        """Parts that hold the sources, by their stamps, once each; sizes are those of small parts and the greatest."""
        small, most = sizes
        kept: list[_Part] = []
        used: set[str] = set()
        for part in stored:
            if part.made_of <= set(sources) and not part.made_of & used:
                kept.append(part)
                used |= part.made_of
        if set(sources) - used:
            kept = [part for part in kept if len(part.segment) >= small]
            used = set().union(*(part.made_of for part in kept))
        stamps: list[str] = []
        pages: list[tuple[str, PageCells]] = []
        for stamp, source in sources.items():
            if stamp in used:
                continue
            new = list(cells_of(source))
            if stamps and len(pages) + len(new) > most:
                kept.append(self._made(stamps, pages))
                stamps, pages = [], []
            stamps.append(stamp)
            pages += new
        if stamps:
            kept.append(self._made(stamps, pages))
        return kept

    def _cells_of_file(self, file: Path) -> Cells:
        table = self.readings.read(file)
        for start in range(0, len(table), _ROWS):
            for row in table.slice(start, _ROWS).to_pylist():
                yield row["sha256"], page_cells(row_reading(row, "", "", None))

    def _stored(self) -> Iterator[_Part]:
        """The parts on the disk, without those that are damaged or of another version."""
        for folder in sorted(self.folder.glob("part-*")) if self.folder.is_dir() else ():
            try:
                about = read_json(folder / ABOUT)
                if about["version"] == VERSION:
                    yield _Part(NumberSegment.load(folder), frozenset(about["made_of"]), folder)
            except (OSError, ValueError, KeyError, RunError):
                continue

    def _made(self, stamps: list[str], pages: list[tuple[str, PageCells]]) -> _Part:
        """A new part, on the disk if it can be written there."""
        arrays = arrays_of([key for key, _ in pages], (cells for _, cells in pages))
        name = hashlib.sha256("\n".join(stamps).encode()).hexdigest()[:16]
        folder = self.folder / f"part-{name}"
        try:
            write_part(folder, arrays, stamps)
            return _Part(NumberSegment.load(folder), frozenset(stamps), folder)
        except (OSError, ValueError):
            # A run on a full disk or one that belongs to somebody else can be searched all the same.
            return _Part(NumberSegment(arrays), frozenset(stamps), None)

    def _remove_others(self, used: set[Path | None]) -> None:
        """Remove the parts that new ones replace; processes that still search them keep what they have mapped."""
        for entry in list(self.folder.iterdir()) if self.folder.is_dir() else ():
            if entry not in used and (not entry.name.endswith(".part") or is_abandoned(entry)):
                shutil.rmtree(entry, ignore_errors=True)


def write_part(folder: Path, arrays: Mapping[str, NDArray[Any]], made_of: Iterable[str]) -> None:
    """Write the arrays of a part into a folder aside and give it its name, in place of one of that name."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix="new-", suffix=".part", dir=folder.parent))
    try:
        for name, array in arrays.items():
            np.save(aside / f"{name}.npy", array)
        write_json(aside / ABOUT, {"version": VERSION, "made_of": sorted(made_of)})
        aside.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def stamp_of(file: Path) -> str:
    """Changes when a shard does."""
    stat = file.stat()
    return f"{file.name} {stat.st_size} {stat.st_mtime_ns}"


def _lines(segments: list[NumberSegment], pages: PageTable) -> list[Ints]:
    """For each page of each part its line in ``pages.parquet``; -1 where no page has that scan now."""
    keys = np.concatenate([np.zeros(0, "S64"), *(segment.keys for segment in segments)])
    offsets = pa.py_buffer(np.arange(len(keys) + 1, dtype=np.int32) * 64)
    words = pa.StringArray.from_buffers(len(keys), offsets, pa.py_buffer(np.ascontiguousarray(keys)))
    lines = pc.fill_null(pc.index_in(words, value_set=pages.column("sha256")), -1)
    ends = np.cumsum([len(segment) for segment in segments])[:-1]
    return [part.copy() for part in np.split(lines.to_numpy(zero_copy_only=False).astype(np.int64), ends)]
