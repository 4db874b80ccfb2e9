"""``RUN/alignments.parquet``: the alignments of pairs of pages, kept so that no pair is aligned twice.

Clusters, verified search, comparisons, collations, page maps and the report all follow from these. A line is a pair of
readings, not of page ids: the hash of each scan, the network and versions that read it and what people corrected on
it. So a correction and another reading make the pairs of a page new, and a scan under two names is one. Lines are
sorted, and the same run writes the same bytes. The file can be deleted at any time; the next report or clustering
aligns again what a clustering asks for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tablesim.corpus.indexing.events import Event, Listener, ignore_event
from tablesim.corpus.storage.files import read_parquet, write_parquet
from tablesim.corpus.store import Corpus
from tablesim.digits.corrections import correction_row
from tablesim.errors import RunError
from tablesim.evidence.collation.collation import PagePair
from tablesim.evidence.collation.grids import Panel, TableAlignment, witness_of
from tablesim.evidence.collation.merging import mirrored
from tablesim.evidence.collation.verification import NOWHERE, Verification, verification
from tablesim.records.collation import Witness
from tablesim.records.counting import counted

NAME = "alignments.parquet"

ALIGNMENT_VERSION = 4
"""Raise it when `evidence.collation` aligns, judges or verifies the same readings otherwise: what another version
stored is not used. A test holds it to the results of one pair."""

GROUP_ROWS = 256
"""Pairs that are read at a time to get one alignment."""

KEPT_WITNESSES = 256
"""Pages whose numbers are kept in memory, 0.2 MB each."""

SAVE_AFTER, SAVE_SHARE = 256, 0.25
"""New pairs are saved when there are so many, and this share of those in the file: a killed job loses minutes, and the
file, which is written as a whole, is written a few times."""

_SIDES = ("rows_a", "rows_b", "columns_a", "columns_b", "numbers_a", "numbers_b")
_PANEL = pa.struct([(side, pa.list_(pa.int16())) for side in _SIDES])
SCHEMA = pa.schema(
    [
        ("reading_a", pa.string()),
        ("reading_b", pa.string()),
        ("agreeing", pa.int32()),
        ("apart", pa.int32()),
        ("left_out", pa.int32()),
        ("cells", pa.int32()),
        ("in_tables_a", pa.int32()),  # how many numbers each page has in its tables
        ("in_tables_b", pa.int32()),
        ("rows", pa.float64()),
        ("by_chance", pa.float64()),
        ("numbers_a", pa.int32()),  # how many numbers each page has: those of an alignment are counted among them
        ("numbers_b", pa.int32()),
        ("by_clustering", pa.bool_()),  # whether a clustering asked for the pair
        ("transposed", pa.bool_()),
        ("panels", pa.list_(_PANEL)),
    ]
)
_VERIFICATION = (
    "reading_a",
    "reading_b",
    "agreeing",
    "apart",
    "left_out",
    "cells",
    "in_tables_a",
    "in_tables_b",
    "rows",
    "by_chance",
)
_VERSION = {b"alignment": str(ALIGNMENT_VERSION).encode()}

Key = tuple[str, str]


@dataclass(frozen=True)
class _AlignedNow:
    """What is not in the file yet: the line of a pair, and what it was made from."""

    line: dict[str, Any]
    verification: Verification
    alignment: TableAlignment


class RunAlignments:
    """The aligned pairs of pages of a run; ``save`` keeps the new ones.

    Parameters
    ----------
    corpus : Corpus
    on_event : callable, optional
        Gets a remark where the file cannot be used or written.
    keep : bool
        False for a run that is only read: ``save`` does nothing then.
    clustering : bool
        Whether a clustering asks: its pairs are marked, and a report, which aligns a few, counts them not among these.
    """

    def __init__(
        self, corpus: Corpus, on_event: Listener = ignore_event, *, keep: bool = True, clustering: bool = False
    ) -> None:
        self.corpus = corpus
        self.keep = keep
        self.clustering = clustering
        self.path = corpus.folder / NAME
        self.on_event = on_event
        self._keys: dict[str, str] = {}
        # A page is aligned with several others in turn.
        self._witness = lru_cache(KEPT_WITNESSES)(lambda page: witness_of([corpus.reading(page)]))
        self.new: dict[Key, _AlignedNow] = {}
        self._asked: set[Key] = set()
        self._by_clustering: set[Key] = set()
        self._remarked: set[str] = set()
        self._stored: dict[Key, Verification] = self._read()

    def __len__(self) -> int:
        present = {self.reading_key(page) for page in self.corpus}
        return sum({a, b} <= present and a != b for a, b in self._stored.keys() | self.new.keys())

    def known(self, a: str, b: str) -> Verification | None:
        """How far two pages agree; None where they were not aligned yet."""
        key = self._key(a, b)
        agreement = self.new[key].verification if key in self.new else self._stored.get(key)
        return agreement.mirrored if agreement is not None and a > b else agreement

    @property
    def of_clustering(self) -> set[Key]:
        """The keys of the pairs that clusterings asked for; of a clustering under way those that it did itself."""
        return self._asked if self.clustering else self._by_clustering | self._asked

    def is_of_clustering(self, a: str, b: str) -> bool:
        """Whether a clustering asked for two pages."""
        return self._is_asked(self._key(a, b))

    def _is_asked(self, key: Key) -> bool:
        return key in self._asked or (not self.clustering and key in self._by_clustering)

    def verified(self, *, by_clustering: bool = False) -> Iterator[tuple[str, str, Verification]]:
        """Every pair that was aligned, by the first page that has each reading, the first of them before the second.

        ``by_clustering`` leaves those out that others than a clustering asked for.
        """
        pages: dict[str, str] = {}
        for page in self.corpus:
            pages.setdefault(self.reading_key(page), page)
        every = self._stored | {key: aligned.verification for key, aligned in self.new.items()}
        if by_clustering:
            every = {key: agreement for key, agreement in every.items() if self._is_asked(key)}
        present = [(pages[a], pages[b], how) for (a, b), how in every.items() if a in pages and b in pages]
        ordered = [(a, b, how) if a < b else (b, a, how.mirrored) for a, b, how in present if a != b]
        yield from sorted(ordered, key=lambda pair: pair[:2])

    def verify(self, a: str, b: str) -> Verification:
        """How far two pages agree, looked up or found by aligning them; nowhere where one of them has no reading.

        Raises
        ------
        RunError
            There is no such page, or its reading is damaged.
        """
        if self.clustering:
            self._asked.add(self._key(a, b))
        agreement = self.known(a, b)
        if agreement is not None:
            return agreement
        if not all(self.corpus.page(page)["sha256"] in self.corpus.reading_shards.places for page in (a, b)):
            return NOWHERE  # pages that came as histograms, or that could not be read
        pair = self.pair(a, b)
        agreement = self.known(a, b)  # waits to be saved, or was just saved
        return verification(pair.collation) if agreement is None else agreement

    def verify_first(self, pairs: Iterable[tuple[str, str]], most: int) -> None:
        """Verify pairs in their order, until ``most`` of them are pairs that no clustering asked for.

        Whether these were aligned before does not count: what a report knows follows from the run, and not from how
        often it was written.
        """
        seen: set[Key] = set()
        for a, b in pairs:
            key = self._key(a, b)
            if key in seen:
                continue
            if not self._is_asked(key):
                if len(seen) == most:
                    return
                seen.add(key)
            self.verify(a, b)

    def pair(self, a: str, b: str) -> PagePair:
        """Two pages with their alignment, looked up or made; RunError for a page without a reading."""
        first, second = (self._witness(page) for page in sorted((a, b)))
        key = self._key(a, b)
        alignment = self.new[key].alignment if key in self.new else self._alignment(key, first, second)
        if alignment is None:
            alignment = self._align(key, first, second)
        if a > b:
            return PagePair.of_witnesses(second, first, mirrored(alignment))
        return PagePair.of_witnesses(first, second, alignment)

    def save(self) -> None:
        """Write the new pairs into the run folder, with those that another process wrote meanwhile.

        Where the folder cannot be written to, or another process is at work in it, they are given up with a remark:
        they will be aligned again.
        """
        if not self.keep or not (self.new or self._asked - self._by_clustering):
            return
        try:
            with self.corpus.lock():
                self._write()
        except (RunError, OSError) as error:
            pairs = counted(len(self.new), "pair of pages was", "pairs of pages were")
            self._remark(f"{pairs} aligned and not kept ({error})")

    def _align(self, key: Key, first: Witness, second: Witness) -> TableAlignment:
        pair = PagePair.of_witnesses(first, second)
        agreement = verification(pair.collation)
        line = {
            "reading_a": key[0],
            "reading_b": key[1],
            "agreeing": agreement.agreeing,
            "apart": agreement.apart,
            "left_out": agreement.left_out,
            "cells": agreement.cells,
            "in_tables_a": agreement.numbers[0],
            "in_tables_b": agreement.numbers[1],
            "rows": agreement.rows,
            "by_chance": agreement.by_chance,
            "numbers_a": len(pair.a.numbers),
            "numbers_b": len(pair.b.numbers),
            "by_clustering": False,  # set for all pairs as they are written
            "transposed": pair.alignment.transposed[1],
            "panels": [_panel_line(panel) for panel in pair.alignment.panels],
        }
        self.new[key] = _AlignedNow(line, agreement, pair.alignment)
        if len(self.new) >= max(SAVE_AFTER, SAVE_SHARE * len(self._stored)):
            self.save()
        return pair.alignment

    def _alignment(self, key: Key, first: Witness, second: Witness) -> TableAlignment | None:
        """The stored alignment; None where there is none of these two readings."""
        if key not in self._stored:
            return None
        filters = [("reading_a", "==", key[0]), ("reading_b", "==", key[1])]
        try:
            table = pq.read_table(self.path, filters=filters, partitioning=None, page_checksum_verification=True)
        except (pa.ArrowException, OSError) as error:
            self._remark(
                f"{self.path}: damaged ({str(error).partition(chr(10))[0]}); its pairs of pages are aligned again"
            )
            self._stored = {}
            return None
        lines = table.to_pylist()
        sizes = [len(witness.readings[0].numbers) for witness in (first, second)]
        if not lines or [lines[0]["numbers_a"], lines[0]["numbers_b"]] != sizes:
            return None
        return TableAlignment(tuple(map(_panel, lines[0]["panels"])), (False, lines[0]["transposed"]))

    def _read(self) -> dict[Key, Verification]:
        """What the file says of each pair."""
        if not self.path.is_file():
            return {}
        try:
            if not _VERSION.items() <= dict(pq.read_schema(self.path).metadata or {}).items():
                self._remark(f"{self.path}: by another version of the alignment; its pairs of pages are aligned again")
                return {}
        except (pa.ArrowException, OSError):
            pass  # told by what reads it
        try:
            table = read_parquet(self.path, SCHEMA, (*_VERIFICATION, "by_clustering"))
        except RunError as error:
            self._remark(f"{error}; until then its pairs of pages are aligned again")
            return {}
        marked = table.filter(table["by_clustering"])
        keys = zip(marked["reading_a"].to_pylist(), marked["reading_b"].to_pylist(), strict=True)
        self._by_clustering = set(keys)
        columns = [table[name].to_pylist() for name in _VERIFICATION]
        return {
            (a, b): Verification(agreeing, apart, left_out, cells, (in_a, in_b), rows, by_chance)
            for a, b, agreeing, apart, left_out, cells, in_a, in_b, rows, by_chance in zip(*columns, strict=True)
        }

    def _write(self) -> None:
        self._stored = self._read()
        lines = [pa.Table.from_pylist([aligned.line for aligned in self.new.values()], SCHEMA)]
        if self._stored:
            try:
                stored = read_parquet(self.path, SCHEMA)
                keys = zip(stored["reading_a"].to_pylist(), stored["reading_b"].to_pylist(), strict=True)
                lines.append(stored.filter(pa.array([key not in self.new for key in keys])))
            except RunError as error:
                self._remark(f"{error}; it is written anew with the pairs of now")
                self._stored = {}
        table = pa.concat_tables([part.cast(SCHEMA) for part in lines])
        table = table.sort_by([("reading_a", "ascending"), ("reading_b", "ascending")])
        self._by_clustering |= self._asked
        keys = zip(table["reading_a"].to_pylist(), table["reading_b"].to_pylist(), strict=True)
        marks = pa.array([key in self._by_clustering for key in keys], pa.bool_())
        table = table.set_column(SCHEMA.get_field_index("by_clustering"), SCHEMA.field("by_clustering"), marks)
        write_parquet(self.path, table.replace_schema_metadata(_VERSION), GROUP_ROWS)
        self._stored |= {key: aligned.verification for key, aligned in self.new.items()}
        self.new = {}

    def _key(self, a: str, b: str) -> Key:
        first, second = (self.reading_key(page) for page in sorted((a, b)))
        return first, second

    def reading_key(self, page: str) -> str:
        """The hash of what a reading follows from: the scan, the versions that read it, and the corrections.

        Kept: a report asks for those of a page twenty times.
        """
        if page not in self._keys:
            self._keys[page] = self._new_reading_key(page)
        return self._keys[page]

    def _new_reading_key(self, page: str) -> str:
        scan = str(self.corpus.page(page)["sha256"])
        # The page's name does not matter, nor who said it.
        corrections = [
            {**correction_row(correction), "page": "", "who": "", "reason": ""}
            for correction in self.corpus.corrections.by_scan.get(scan, ())
        ]
        content = [scan, self.corpus.settings.get("network"), self._versions.get(scan), corrections]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    @cached_property
    def _versions(self) -> dict[str, str | None]:
        """The name of the versions that read each scan."""
        return self.corpus.reading_shards.values("read_by")

    def _remark(self, message: str) -> None:
        """Say it once: the file is read again when it is written."""
        if message not in self._remarked:
            self._remarked.add(message)
            self.on_event(Event("remark", "clusters", message=message))


def _panel_line(panel: Panel) -> dict[str, list[int]]:
    arrays = (*panel.rows, *panel.columns, *panel.numbers)
    return {side: array.ravel().tolist() for side, array in zip(_SIDES, arrays, strict=True)}


def _panel(line: dict[str, Sequence[int]]) -> Panel:
    rows, columns, numbers = (
        np.array([line[f"{name}_a"], line[f"{name}_b"]], dtype=np.int64) for name in ("rows", "columns", "numbers")
    )
    return Panel(numbers.reshape(2, rows.shape[1], columns.shape[1]), rows, columns)
