"""One part of the index of numbers: where each number and each pair of neighbours stands, as sorted arrays on the disk.

An inverted file with positions, as search engines keep for phrases, with the pairs of neighbours as its words: single
numbers are on every page of tables, pairs are on few (Witten, Moffat and Bell, Managing Gigabytes, 1999, chapter 3).
Cells are counted through the pages of the part, row by row. The arrays are mapped into memory; a query reads the
places of its rarest pair and walks from there to the other cells.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tablesim.corpus.search.number_cells import JOINED, PageCells
from tablesim.corpus.search.number_query import ANY, ONE, Pattern
from tablesim.corpus.storage.files import load_array

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MAX_PAGES = 60_000
"""Pages of a part: the page of a cell is written in two bytes."""

_DIGITS = 9
_OTHER_WORDS = 1 << 31
_HAS_RIGHT, _LINK_BIT, _DOUBTFUL = 1, 1, 8
_LINK = 3
_NOTHING = np.zeros(0, dtype=np.int64)

ARRAYS = {
    "words": np.uint32,  # what each cell holds
    "flags": np.uint8,  # whether a number follows in its row, how the two are linked, whether it is doubtful
    "down": np.int16,  # how many cells further, or before, the next number of its column stands; 0 for none
    "up": np.int16,  # how many cells before
    "page": np.uint16,
    "other_cells": np.uint32,  # cells of which the reader is not sure, and what else they may hold
    "other_words": np.uint32,
    "vocabulary": np.uint32,
    "by_word": np.uint64,  # word and cell
    "by_right": np.uint64,  # hash of a word and of the one to its right, and the cell of the first
    "by_down": np.uint64,
    "keys": np.dtype("S64"),  # the scan of each page, and what read or corrected it
    "versions": np.dtype("S16"),
}
"""The files of a part and what their items are."""


def word_of(key: str) -> int:
    """The number for what a cell holds: itself up to nine digits, else a hash above two thousand millions."""
    return int(key) if len(key) <= _DIGITS and key.isdigit() else _OTHER_WORDS | (zlib.crc32(key.encode()) >> 1)


@dataclass(frozen=True)
class HoldingPages:
    """Pages of a part that hold a pattern, each once, with its best place.

    Parameters
    ----------
    pages : int64 array of shape (n,)
        Rising.
    links : int64 array of shape (n,)
        How far the places of values are known to be that; see `number_cells`.
    sure : bool array of shape (n,)
        Whether the reading itself holds all of it, and no number of it is doubtful.
    """

    pages: Ints
    links: Ints
    sure: Bools


class IndexedScan(NamedTuple):
    """A scan, what read or corrected it, and its cells."""

    key: str
    version: str
    cells: PageCells


def arrays_of(scans: Sequence[IndexedScan]) -> dict[str, NDArray[Any]]:
    """The arrays of a part from the cells of its pages."""
    words: list[int] = []
    others: list[tuple[int, int]] = []
    flags: list[int] = []
    down: list[int] = []
    up: list[int] = []
    counts: list[int] = []
    for _, _, page in scans:
        start = len(words)
        words += [word_of(cell.key) for cell in page.cells]
        flags += [
            (_HAS_RIGHT if right >= 0 else 0) | cell.link << _LINK_BIT | (_DOUBTFUL if cell.doubtful else 0)
            for cell, right in zip(page.cells, page.right, strict=True)
        ]
        others += [(start + at, word_of(cell.other)) for at, cell in enumerate(page.cells) if cell.other]
        steps = [below - at if below >= 0 else 0 for at, below in enumerate(page.down)]
        above = [0] * len(steps)
        for at, step in enumerate(steps):
            if step:
                above[at + step] = step
        down += steps
        up += above
        counts.append(len(page.cells))
    far = np.iinfo(np.int16).max
    columns: dict[str, NDArray[Any]] = {
        "words": np.array(words, np.uint32),
        "flags": np.array(flags, np.uint8),
        # On a page with so many numbers in a row nothing stands below.
        "down": np.array([step if abs(step) <= far else 0 for step in down], np.int16),
        "up": np.array([step if abs(step) <= far else 0 for step in up], np.int16),
        "page": np.repeat(np.arange(len(counts), dtype=np.uint16), counts),
        "keys": np.array([scan.key for scan in scans], dtype="S64"),
        "versions": np.array([scan.version for scan in scans], dtype="S16"),
    }
    cells, alternatives = np.array(others, np.uint32).reshape(-1, 2).T
    return columns | {"other_cells": cells, "other_words": alternatives} | inverted(columns, cells, alternatives)


def joined_arrays(parts: Sequence[NumberSegment]) -> dict[str, NDArray[Any]]:
    """The arrays of one part that has the pages of several, in their order."""
    plain = ("words", "flags", "down", "up", "keys", "versions")
    columns = {name: np.concatenate([part.arrays[name] for part in parts]) for name in plain}
    pages = np.cumsum([0, *map(len, parts[:-1])])
    cells = np.cumsum([0, *(len(part.words) for part in parts[:-1])])
    columns["page"] = np.concatenate(
        [part.page + np.uint16(first) for part, first in zip(parts, pages, strict=True)], dtype=np.uint16
    )
    others = [part.arrays["other_cells"] + np.uint32(first) for part, first in zip(parts, cells, strict=True)]
    other_cells = np.concatenate(others, dtype=np.uint32)
    other_words = np.concatenate([part.arrays["other_words"] for part in parts])
    columns |= {"other_cells": other_cells, "other_words": other_words}
    return columns | inverted(columns, other_cells, other_words)


def inverted(
    columns: dict[str, NDArray[Any]], other_cells: NDArray[Any], other_words: NDArray[Any]
) -> dict[str, NDArray[Any]]:
    """The sorted arrays of a part from what its cells hold."""
    words, n = columns["words"].astype(np.uint64), len(columns["words"])
    other = _Others(other_cells.astype(np.int64), other_words.astype(np.uint64))
    to_right = np.where(columns["flags"].astype(np.int64) & _HAS_RIGHT, 1, 0)
    down = columns["down"].astype(np.int64)
    pairs = {name: _pairs(words, step, other) for name, step in (("by_right", to_right), ("by_down", down))}
    cells = np.concatenate([np.arange(n), other.cells]).astype(np.uint64)
    all_words = np.concatenate([words, other.words])
    return {
        "vocabulary": np.unique(all_words).astype(np.uint32),
        "by_word": np.sort(all_words << np.uint64(32) | cells),
        **pairs,
    }


class _Others(NamedTuple):
    """Cells of which the reader is not sure, and what else they may hold."""

    cells: Ints
    words: NDArray[np.uint64]


def _pairs(words: NDArray[np.uint64], step: Ints, other: _Others) -> NDArray[np.uint64]:
    """Hash and first cell of each cell and the one so many further on, with what unsure cells may hold too."""
    first = np.flatnonzero(step)
    second = first + step[first]
    entries = [_hash(words[first], words[second]) << np.uint64(32) | first.astype(np.uint64)]
    if len(other.cells):
        alternative = np.zeros(len(words), np.uint64)
        alternative[other.cells] = other.words + np.uint64(1)
        for a, b in ((True, False), (False, True), (True, True)):
            both = np.ones(len(first), bool)
            sides = []
            for cells, is_other in ((first, a), (second, b)):
                if is_other:
                    both &= alternative[cells] > 0
                sides.append(alternative[cells] - np.uint64(1) if is_other else words[cells])
            hashes = _hash(sides[0][both], sides[1][both])
            entries.append(hashes << np.uint64(32) | first[both].astype(np.uint64))
    return np.sort(np.concatenate(entries))


def _hash(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """32 bits for two words; what shares them by chance is told apart by the words themselves."""
    mixed = first * np.uint64(0x9E3779B97F4A7C15) + second * np.uint64(0xC2B2AE3D27D4EB4F)
    return np.asarray((mixed ^ mixed >> np.uint64(29)) * np.uint64(0xBF58476D1CE4E5B9) >> np.uint64(32), np.uint64)


class NumberSegment:
    """A part of the index, mapped from a folder or in memory.

    Parameters
    ----------
    arrays : dict of str to array
        Those of `ARRAYS`.
    """

    def __init__(self, arrays: dict[str, NDArray[Any]]) -> None:
        self.arrays = arrays
        self.words, self.flags = arrays["words"], arrays["flags"]
        self.down, self.up, self.page = arrays["down"], arrays["up"], arrays["page"]
        self.keys, self.versions = arrays["keys"], arrays["versions"]

    @classmethod
    def load(cls, folder: Path) -> NumberSegment:
        """The part in a folder; ValueError, RunError or OSError where a file is missing, cut short or of other make."""
        arrays = {}
        for name, dtype in ARRAYS.items():
            path = folder / f"{name}.npy"
            array = load_array(path, mapped=path.stat().st_size > 4096)
            if array.dtype != dtype or array.ndim != 1:
                raise ValueError(f"{path}: got {array.dtype} of {array.ndim} dimensions, expected {dtype} of one")
            arrays[name] = array
        part = cls(arrays)
        if len({len(arrays[name]) for name in ("words", "flags", "down", "up", "page")}) > 1:
            raise ValueError(f"{folder}: arrays of several lengths")
        return part

    def __len__(self) -> int:
        """How many pages it has."""
        return len(self.keys)

    def find(self, pattern: Pattern) -> HoldingPages:
        """The pages that hold a pattern."""
        wanted = [self._words(step.key) for step in pattern.steps]
        if any(words is not None and not len(words) for words in wanted):
            return HoldingPages(_NOTHING, _NOTHING, np.zeros(0, bool))
        start, cells = self._rarest(pattern, wanted)
        at: dict[int, Ints] = {start: cells}
        sure = np.ones(len(cells), dtype=bool)
        kept, held = self._held(cells, wanted[start])
        at, sure = {start: cells[kept]}, held[kept]
        links = np.full(len(sure), JOINED, dtype=np.int64)
        for step, near, forward in _walk(pattern, start):
            other = pattern.steps[step if forward else near]
            cells, exists = self._next(at[near], down=other.down, forward=forward)
            kept, held = self._held(cells, wanted[step])
            kept &= exists
            at[step] = cells
            sure &= held
            if other.place:
                left = at[near] if forward else cells
                link = self.flags[np.where(kept, left, 0)].astype(np.int64) >> _LINK_BIT & _LINK
                links = np.minimum(links, link)
            at = {name: some[kept] for name, some in at.items()}
            sure, links = sure[kept], links[kept]
            if not len(sure):
                break
        return self._best(at[start], links, sure)

    def count(self, key: str, least: int) -> HoldingPages:
        """The pages that hold a number so many times or more, wherever it stands."""
        wanted = self._words(key)
        cells = np.arange(len(self.words)) if wanted is None else self._cells_of(wanted)
        held = np.ones(len(cells), bool) if wanted is None else self._held(cells, wanted)[1]
        pages = self.page[cells]
        counts = np.bincount(pages, minlength=len(self))
        surely = np.bincount(pages[held], minlength=len(self))
        found = np.flatnonzero(counts >= least)
        return HoldingPages(found, np.full(len(found), JOINED, dtype=np.int64), surely[found] >= least)

    def _best(self, cells: Ints, links: Ints, sure: Bools) -> HoldingPages:
        """Each page once, with the best of its places."""
        pages = self.page[cells].astype(np.int64)
        order = np.lexsort((~sure, -links, pages))
        pages = pages[order]
        first = np.flatnonzero(np.diff(pages, prepend=-1))
        return HoldingPages(pages[first], links[order][first], sure[order][first])

    def _rarest(self, pattern: Pattern, wanted: Sequence[NDArray[np.uint32] | None]) -> tuple[int, Ints]:
        """A step of the pattern and the cells where it may be, as few as can be had at once."""
        best: tuple[int, int, NDArray[np.uint64]] | None = None
        for index, step in enumerate(pattern.steps):
            first, second = (wanted[step.parent] if step.parent >= 0 else None), wanted[index]
            if first is None or second is None or len(first) > 1 or len(second) > 1:
                continue
            pair = _hash(first.astype(np.uint64), second.astype(np.uint64))
            found = _range(self.arrays["by_down" if step.down else "by_right"], int(pair[0]))
            if best is None or len(found) < best[0]:
                best = len(found), step.parent, found
        if best is not None:
            return best[1], (best[2] & np.uint64(0xFFFFFFFF)).astype(np.int64)
        counted = [
            (sum(len(_range(self.arrays["by_word"], int(word))) for word in words), index)
            for index, words in enumerate(wanted)
            if words is not None
        ]
        _, index = min(counted)
        words = wanted[index]
        assert words is not None
        return index, np.unique(self._cells_of(words))

    def _cells_of(self, words: NDArray[np.uint32]) -> Ints:
        """The cells that hold one of some words, or may."""
        found = [_range(self.arrays["by_word"], word) & np.uint64(0xFFFFFFFF) for word in words.tolist()]
        return np.concatenate([_NOTHING, *(cells.astype(np.int64) for cells in found)])

    def _next(self, cells: Ints, *, down: bool, forward: bool) -> tuple[Ints, Bools]:
        """The neighbours of cells, and where there is one."""
        if down:
            step = (self.down if forward else self.up)[cells].astype(np.int64)
            return (cells + step if forward else cells - step), step != 0
        if forward:
            exists = (self.flags[cells] & _HAS_RIGHT) > 0
            return np.where(exists, cells + 1, 0), exists
        before = np.maximum(cells - 1, 0)
        return before, ((self.flags[before] & _HAS_RIGHT) > 0) & (cells > 0)

    def _held(self, cells: Ints, wanted: NDArray[np.uint32] | None) -> tuple[Bools, Bools]:
        """Which cells hold one of some words, or may, and which do for sure."""
        if wanted is None:
            return np.ones(len(cells), bool), np.ones(len(cells), bool)
        words = self.words[cells]
        read = words == wanted[0] if len(wanted) == 1 else np.isin(words, wanted)
        sure = read & ((self.flags[cells] & _DOUBTFUL) == 0)
        unsure = self.arrays["other_cells"]
        if not len(unsure) or not len(cells):
            return read, sure
        place = np.minimum(np.searchsorted(unsure, cells), len(unsure) - 1)
        other = (unsure[place] == cells) & np.isin(self.arrays["other_words"][place], wanted)
        return read | other, sure

    def _words(self, key: str) -> NDArray[np.uint32] | None:
        """The words that a step may be, rising; None for any."""
        if key == ANY:
            return None
        if not set(key) & set(ANY + ONE):
            return np.array([word_of(key)], np.uint32)
        return self._vocabulary[_matches(key, self._vocabulary)]

    @cached_property
    def _vocabulary(self) -> NDArray[np.uint32]:
        """The numbers of up to nine digits that stand on its pages."""
        words = self.arrays["vocabulary"]
        return np.array(words[: np.searchsorted(words, 10**_DIGITS)], np.uint32)


def _range(entries: NDArray[Any], word: int) -> NDArray[np.uint64]:
    """The entries of a sorted array that begin with a word."""
    low, high = np.searchsorted(entries, np.array([word << 32, (word + 1) << 32], dtype=np.uint64))
    return np.asarray(entries[low:high], dtype=np.uint64)


def _walk(pattern: Pattern, start: int) -> list[tuple[int, int, bool]]:
    """The other steps, each behind a neighbour: step, that neighbour, and whether that is its parent."""
    known, out = {start}, []
    while len(known) < len(pattern.steps):
        for index, step in enumerate(pattern.steps):
            if index not in known and step.parent in known:
                out.append((index, step.parent, True))
                known.add(index)
            elif index in known and step.parent >= 0 and step.parent not in known:
                out.append((step.parent, index, False))
                known.add(step.parent)
    return out


def _matches(key: str, numbers: NDArray[np.uint32]) -> Bools:
    """Which numbers are like ``1?`` or ``1*2``, by their digits."""
    out = np.zeros(len(numbers), bool)
    lengths = np.searchsorted(10 ** np.arange(1, _DIGITS + 1), numbers, side="right") + 1
    head, star, tail = key.partition(ANY)
    if ANY in tail:
        wanted = re.compile(key.replace(ANY, "[0-9]*").replace(ONE, "[0-9]"))
        return np.array([wanted.fullmatch(str(number)) is not None for number in numbers.tolist()], bool)
    for length in range(1, _DIGITS + 1):
        fixed = len(head) + len(tail)
        if (length < fixed) if star else (length != fixed):
            continue
        figures = [*enumerate(head), *((length - len(tail) + at, sign) for at, sign in enumerate(tail))]
        fits = lengths == length
        for place, sign in figures:
            if sign.isdigit():
                fits &= numbers // 10 ** (length - 1 - place) % 10 == int(sign)
        out |= fits
    return out
