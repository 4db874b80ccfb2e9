"""Fills a run: finds and hashes the pages, reads those that are not read yet, in one process or several.

A page is done when its reading and its embedding stand in a shard under the hash of its bytes, so a job that was
stopped, even by force, goes on where it stopped. A page that failed stands in ``problems.csv`` with that hash, and is
tried again when its file changes or somebody asks.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tablesim.corpus.indexing.engine import read_scans
from tablesim.corpus.indexing.events import Event, Listener, ignore_event
from tablesim.corpus.indexing.pool import MakeReader
from tablesim.corpus.storage.shards import embedding_row, reading_row
from tablesim.corpus.store import Corpus
from tablesim.errors import SettingsError
from tablesim.records.reading import Reading
from tablesim.scans.locator import Locator
from tablesim.scans.metadata import PageMetadata

JOINED_PAGES = 64
"""Shards of one page each that are joined into one."""

_OF_FILE = ("sha256", "size", "modified_ns")
SAVE_SECONDS = 30.0
"""How often hashes are written down while scans are hashed."""
_PAUSE = 9.0


def ingest(
    corpus: Corpus,
    scans: Mapping[str, Locator],
    about: Mapping[str, PageMetadata] | None = None,
    missing: Mapping[str, str] | None = None,
    on_event: Listener = ignore_event,
    *,
    retry_failed: bool = False,
) -> None:
    """Write ``pages.parquet`` for ``scans``, with the hash of each and what is known about it.

    Files whose path, size and time are as they were keep the hash they had. What is already read stays read, and what
    failed stays failed while its file is the same. Hashes are written down now and then, so that a job that is killed
    over a large collection does not begin again.

    Parameters
    ----------
    corpus : Corpus
        The run.
    scans : dict of str to Locator
        By page id.
    about : dict of str to PageMetadata, optional
        By page id, as far as something is known.
    missing : dict of str to str, optional
        Why the scan of a page is not there, by page id: what ``problems.csv`` says of it.
    on_event : callable
        Gets an ``Event`` a page.
    retry_failed : bool
        Forget what failed, so that ``read_pages`` tries it again.
    """
    about, missing = about or {}, missing or {}
    table = corpus.page_table
    facts = zip(*(table.column(name).to_pylist() for name in _OF_FILE), strict=True)
    known = dict(zip(table.column("scan").to_pylist(), facts, strict=True))
    failed = {} if retry_failed else {(row["scan"], row["sha256"]): row for row in corpus.problems if row["sha256"]}
    problems, rows = [], _unhashed(scans, about, known)
    on_event(Event("start", "ingest", 0, len(scans)))
    saving = _Saving(corpus)
    for done, (row, (page, place)) in enumerate(zip(rows, scans.items(), strict=True), 1):
        try:
            stat = place.stat()
            if not (row["sha256"] and (row["size"], row["modified_ns"]) == (stat.st_size, stat.st_mtime_ns)):
                row |= {"size": stat.st_size, "modified_ns": stat.st_mtime_ns, "sha256": place.sha256()}
        except OSError as error:
            row |= {"sha256": "", "status": "failed"}
            unopened = f"{place}: cannot be opened ({error.strerror or error}); check the rights to it"
            problems.append(_problem(row, missing.get(page, unopened)))
        if before := failed.get((row["scan"], row["sha256"])):
            problems.append(_problem(row, before["problem"]))
        on_event(Event("page", "ingest", done, len(scans), page))
        saving.save(rows)
    corpus.write_pages(rows)
    corpus.write_problems(problems)
    _take_over(corpus)
    on_event(Event("end", "ingest", len(scans), len(scans)))


def _unhashed(
    scans: Mapping[str, Locator], about: Mapping[str, PageMetadata], known: Mapping[str, tuple[Any, ...]]
) -> list[dict[str, Any]]:
    """The lines of the pages, with the hashes that are known from before."""
    rows = []
    for page, place in scans.items():
        scan = str(place.absolute())
        row: dict[str, Any] = {"page": page, "scan": scan, "sha256": "", "status": "waiting"}
        if scan in known:
            row |= zip(_OF_FILE, known[scan], strict=True)
        if page in about:
            row |= asdict(about[page])
        rows.append(row)
    return rows


class _Saving:
    """Writes the table of pages while it is made, as seldom as that costs a tenth of the time."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.next = time.monotonic() + SAVE_SECONDS

    def save(self, rows: list[dict[str, Any]]) -> None:
        start = time.monotonic()
        if start >= self.next:
            self.corpus.write_pages(rows)
            now = time.monotonic()
            self.next = now + max(SAVE_SECONDS, _PAUSE * (now - start))


def read_pages(
    corpus: Corpus,
    make_reader: MakeReader,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    on_event: Listener = ignore_event,
) -> None:
    """Read the pages of ``corpus`` that are not read yet and write their shards; the result is the same for any
    number of workers.

    Parameters
    ----------
    corpus : Corpus
        With its pages ingested.
    make_reader : callable
        Gives the function that reads one scan. Called once in each process; with more than one worker it must be
        picklable, so that each loads its own network.
    workers : int
        Processes. Each computes on one thread, which is also what one worker does: another number of threads sums in
        another order.
    scheduler : str, optional
        Address of a Dask scheduler whose workers read instead (extra ``dask``).
    on_event : callable
        Gets an ``Event`` a page.

    Notes
    -----
    A page that is done is on the disk before the next is looked at: a job that is killed loses the pages that were
    being read, and no other. A page that cannot be read goes into ``problems.csv`` and the job goes on, also when it
    takes its process down.
    """
    if workers < 1:
        raise SettingsError(f"workers: got {workers}, expected 1 or more")
    total = len(corpus.page_table)
    pages: dict[str, list[dict[str, Any]]] = {}
    names = ("page", "scan", "sha256", "status")
    for values in zip(*(corpus.page_table.column(name).to_pylist() for name in names), strict=True):
        row = dict(zip(names, values, strict=True))
        if row["status"] == "waiting":
            pages.setdefault(row["sha256"], []).append(row)
    done = total - sum(map(len, pages.values()))
    # The first of several equal scans gives its name to the reading.
    tasks = [(sha256, Path(rows[0]["scan"])) for sha256, rows in pages.items()]
    on_event(Event("start", "read", done, total))
    shelf = _Shelf(corpus)
    for sha256, outcome in read_scans(make_reader, tasks, workers, scheduler):
        if isinstance(outcome, Reading):
            shelf.put(replace(outcome, sha256=sha256))
        else:
            corpus.write_problems([*corpus.problems, *(_problem(row, outcome) for row in pages[sha256])])
        for row in pages[sha256]:
            done += 1
            if isinstance(outcome, Reading):
                on_event(Event("page", "read", done, total, row["page"]))
            else:
                on_event(Event("problem", "read", done, total, row["page"], outcome))
    order = corpus.page_table.column("sha256").to_pylist()
    corpus.reading_shards.compact(order)
    corpus.embedding_shards.compact(order)
    _take_over(corpus)
    on_event(Event("end", "read", done, total))


class _Shelf:
    """Puts each reading on the disk when it comes, in a shard of its own, and joins them when there are many.

    A directory of a hundred thousand small files is slow on every system, slowest on those of clusters. A shard of one
    outlives the job; only the joined ones are waited for until they would outlive a power cut too.
    """

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.single: list[Path] = []
        self.rows: list[tuple[dict[str, Any], dict[str, Any]]] = []

    def put(self, reading: Reading) -> None:
        histogram = reading.histogram
        if histogram is None:
            raise SettingsError(f"reader: the reading of {reading.scan} has no histogram; expected 110 counts")
        self.rows.append((reading_row(reading), embedding_row(reading.sha256, histogram)))
        self.single += self._append(self.rows[-1:], durable=False)
        if len(self.rows) >= JOINED_PAGES:
            self._append(self.rows, durable=True)
            for path in self.single:
                path.unlink()
            self.rows.clear()
            self.single.clear()

    def _append(self, rows: Sequence[tuple[dict[str, Any], dict[str, Any]]], *, durable: bool) -> list[Path]:
        # The embedding comes last: a page that has one has both.
        readings = self.corpus.reading_shards.append([reading for reading, _ in rows], durable=durable)
        return [readings, self.corpus.embedding_shards.append([embedding for _, embedding in rows], durable=durable)]


def _problem(row: Mapping[str, Any], message: str) -> dict[str, str]:
    return {"page": row["page"], "scan": row["scan"], "problem": message, "sha256": row["sha256"]}


def _take_over(corpus: Corpus) -> None:
    """Bring what the shards know of each page into ``pages.parquet``."""
    keys = corpus.page_table.column("sha256")
    stored = corpus.reading_shards.places.rows(keys)
    read = (stored >= 0) & (corpus.embedding_shards.places.rows(keys) >= 0)
    failed = {problem["page"] for problem in corpus.problems}
    ids = corpus.page_table.column("page").to_pylist()
    left = np.array(["failed" if page in failed else "waiting" for page in ids], dtype=object)
    columns: dict[str, pa.Array] = {"status": pa.array(np.where(read, "read", left), pa.string())}
    if read.any():
        facts = pa.concat_tables(_facts(table) for table in corpus.reading_shards.tables())
        facts = facts.take(pa.array(stored, mask=~read)).combine_chunks()
        columns |= {name: facts[name].combine_chunks() for name in facts.schema.names}
    corpus.change_pages(columns)


def _facts(table: pa.Table) -> pa.Table:
    """What ``pages.parquet`` says of each reading of a shard."""
    numbers = table["numbers"].combine_chunks()
    per_page = pc.list_value_length(numbers).to_numpy(zero_copy_only=False)
    per_number = pc.list_value_length(pc.struct_field(pc.list_flatten(numbers), "digits")).to_numpy(
        zero_copy_only=False
    )
    of_page = np.repeat(np.arange(len(table)), per_page)
    digits = np.bincount(of_page, weights=per_number, minlength=len(table)) if len(of_page) else np.zeros(len(table))
    facts = table.select(["width", "height", "rotation", "is_table", "legibility", "note"])
    facts = facts.append_column("n_numbers", pa.array(per_page.astype(np.int32)))
    return facts.append_column("n_digits", pa.array(digits.astype(np.int32)))
