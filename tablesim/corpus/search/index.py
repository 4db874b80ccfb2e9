"""The search index: the table pages of a run as two matrices that the system maps into memory (``RUN/.search``).

It is made from ``pages.parquet`` and ``embeddings/`` when it is first needed, and again when the name, size or time of
one of their files changes: its folder is named by a hash of these. It can be deleted at any time. Where the run may not
be written to, the matrices are made in memory.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tablesim.bigrams.embedding import unit_rows
from tablesim.corpus.storage.files import load_array
from tablesim.corpus.storage.page_table import PageTable
from tablesim.corpus.storage.shards import Shards, vectors
from tablesim.errors import RunError
from tablesim.files import folder_aside, give_name
from tablesim.records.bins import N_BINS

FOLDER, NUMBERS = ".search", "numbers"
INDEX_VERSION = "2"
"""Changed when the files of the folder change their meaning."""
ABANDONED_SECONDS = 3600.0
"""An unfinished index that nothing was written to for so long is from a killed process: making one takes minutes."""

_MATRICES = ("unit", "histograms")
_Matrices = tuple[NDArray[np.float32], NDArray[np.float32]]


@dataclass(frozen=True)
class SearchIndex:
    """The n table pages on which digits were read, in the order of their ids.

    Parameters
    ----------
    unit : float32 array of shape (n, 110)
        Embeddings of length 1; rounded, so that the nearest by them are compared again by ``histograms``.
    histograms : float32 array of shape (n, 110)
    rows : int64 array of shape (n,)
        The line of each page in ``pages.parquet``, rising.
    sums : float64 array of shape (n,)
        How many bigrams each page has.
    folder : Path or None
        Where the matrices are; None for those in memory.
    """

    unit: NDArray[np.float32]
    histograms: NDArray[np.float32]
    rows: NDArray[np.int64]
    sums: NDArray[np.float64]
    folder: Path | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def at(self, row: int) -> int | None:
        """The entry of the page of a line of ``pages.parquet``; None when it is not among these pages."""
        entry = int(np.searchsorted(self.rows, row))
        return entry if entry < len(self.rows) and self.rows[entry] == row else None


def search_index(run: Path, pages: PageTable, embeddings: Shards) -> SearchIndex:
    """The index of a run folder as it is now: the one on the disk, or a new one."""
    folder = run / FOLDER / _stamp(pages.path, embeddings)
    if (index := _load(folder, len(pages))) is None:
        try:
            shutil.rmtree(folder, ignore_errors=True)  # damaged
            _write(folder, pages, embeddings)
            index = _load(folder, len(pages))
        except OSError:
            index = None
        if index is None:
            # A run on a full disk or one that belongs to somebody else can be searched all the same.
            rows, stored, sums = _rows(pages, embeddings)
            unit, histograms = (np.zeros((len(rows), N_BINS), np.float32) for _ in _MATRICES)
            _fill(lambda: (unit, histograms), stored, embeddings)
            return SearchIndex(unit, histograms, rows, sums)
    return index


def _load(folder: Path, n_pages: int) -> SearchIndex | None:
    """The index in a folder; None where there is none, or one whose files are damaged or do not fit each other."""
    if not folder.is_dir():
        return None
    try:
        unit, histograms = (load_array(folder / f"{name}.npy", mapped=True) for name in _MATRICES)
        rows, sums = (load_array(folder / f"{name}.npy") for name in ("rows", "sums"))
    except RunError:
        return None
    n = rows.size
    shapes = [unit.shape, histograms.shape, rows.shape, sums.shape]
    dtypes = [unit.dtype, histograms.dtype, rows.dtype, sums.dtype]
    if shapes != [(n, N_BINS), (n, N_BINS), (n,), (n,)] or dtypes != ["float32", "float32", "int64", "float64"]:
        return None
    if n and not (rows[0] >= 0 and rows[-1] < n_pages and (np.diff(rows) > 0).all()):
        return None
    return SearchIndex(unit, histograms, rows, sums, folder)


def _stamp(path: Path, embeddings: Shards) -> str:
    """Changes when a file changes from which the index is made."""
    stats = [(file.name, file.stat()) for file in (path, *embeddings.files) if file.exists()]
    text = "\n".join(f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in stats)
    return hashlib.sha256(f"{INDEX_VERSION}\n{text}".encode()).hexdigest()[:16]


def _write(folder: Path, pages: PageTable, embeddings: Shards) -> None:
    """Make the files in a folder aside and give it its name; then remove those that it replaces."""
    aside = folder_aside(folder)
    try:
        rows, stored, sums = _rows(pages, embeddings)
        np.save(aside / "rows.npy", rows)
        np.save(aside / "sums.npy", sums)
        unit, histograms = (aside / f"{name}.npy" for name in _MATRICES)
        _new_array(unit, len(rows))
        _new_array(histograms, len(rows))
        # Mapped anew for each shard: what is written need not stay in this process.
        _fill(lambda: (np.load(unit, mmap_mode="r+"), np.load(histograms, mmap_mode="r+")), stored, embeddings)
        give_name(aside, folder)
    except FileExistsError:
        pass  # another process made it meanwhile, of the same files
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    for entry in folder.parent.iterdir():
        # Processes that still search another index keep what they have mapped.
        if entry != folder and entry.name != NUMBERS and (not entry.name.endswith(".part") or is_abandoned(entry)):
            shutil.rmtree(entry, ignore_errors=True)


def is_abandoned(folder: Path) -> bool:
    """Whether a killed process left an unfinished folder."""
    try:
        return time.time() - max(path.stat().st_mtime for path in (folder, *folder.iterdir())) > ABANDONED_SECONDS
    except FileNotFoundError:
        return False  # finished or removed meanwhile


def _new_array(path: Path, n: int) -> None:
    if n == 0:
        # Nothing cannot be mapped.
        np.save(path, np.zeros((0, N_BINS), np.float32))
    else:
        np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(n, N_BINS))


def _rows(pages: PageTable, embeddings: Shards) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """The lines of the pages that were read, hold a table, and have digits; the row of the shards of each, and how
    many bigrams it has.
    """
    lines, stored = _read_tables(pages, embeddings)
    sums = np.zeros(len(embeddings.places))
    for start, h in _histograms(embeddings):
        sums[start : start + len(h)] = h.sum(axis=1, dtype=np.float64)
    filled = sums[stored] > 0
    return lines[filled], stored[filled], sums[stored[filled]]


def _fill(matrices: Callable[[], _Matrices], stored: NDArray[np.int64], embeddings: Shards) -> None:
    """Write the matrices a shard at a time; ``stored`` is the row of the shards of each of their rows."""
    # Pages with the same bytes share a row of the shards.
    order = np.argsort(stored, kind="stable")
    sorted_rows = stored[order]
    for start, h in _histograms(embeddings):
        first, last = np.searchsorted(sorted_rows, [start, start + len(h)])
        if first == last:
            continue
        targets = order[first:last]
        part = h[sorted_rows[first:last] - start]
        unit, histograms = matrices()
        histograms[targets] = part
        unit[targets] = unit_rows(np.sqrt(part))


def _read_tables(pages: PageTable, embeddings: Shards) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The lines of the table pages that have an embedding, and the row of it."""
    stored = embeddings.places.rows(pages.column("sha256"))
    read = np.asarray(pages.column("status").to_numpy(zero_copy_only=False) == "read", dtype=bool)
    lines = np.flatnonzero(read & pages.flags("is_table") & (stored >= 0))
    return lines.astype(np.int64), stored[lines]


def _histograms(embeddings: Shards) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Where each shard begins, counted through all of them, and its histograms."""
    places = embeddings.places
    for start, table in zip(places.starts[:-1].tolist(), embeddings.tables(["sha256", "histogram"]), strict=True):
        h = vectors(table["histogram"])
        valid = (h >= 0).all(axis=1) & np.isfinite(h).all(axis=1)
        if not valid.all():
            # A page with a NaN would be missing in every answer, or first in it.
            sha256 = table["sha256"][int(valid.argmin())].as_py()
            raise RunError(
                f"{embeddings.folder}: the histogram of the scan {sha256[:12]} has a count that is not a number of 0 "
                "or more: its shard is damaged; find it with `tablesim doctor RUN`"
            )
        yield start, h
