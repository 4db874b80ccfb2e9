"""Fills a run: finds and hashes the pages, reads those that are not read yet, in one process or several.

A page is done when its reading and its embedding stand in a shard under the hash of its bytes, so a job that was
stopped, even by force, goes on where it stopped, and a page that failed is tried again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tablesim.corpus.events import Event, Listener, silent
from tablesim.corpus.processes import MakeReader, read_here, read_in_processes
from tablesim.corpus.shards import embedding_row, reading_row
from tablesim.corpus.store import Corpus
from tablesim.digits.reading import Reading
from tablesim.errors import SettingsError
from tablesim.scans.locator import Locator
from tablesim.scans.metadata import PageMetadata

FLUSH_PAGES = 64
FLUSH_SECONDS = 5.0


def ingest(
    corpus: Corpus,
    scans: Mapping[str, Locator],
    about: Mapping[str, PageMetadata] | None = None,
    missing: Mapping[str, str] | None = None,
    on_event: Listener = silent,
) -> None:
    """Write ``pages.parquet`` for ``scans``, with the hash of each and what is known about it.

    Files whose path, size and time are as they were keep the hash they had. What is already read stays read.

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
    """
    about, missing = about or {}, missing or {}
    known = {row["scan"]: row for row in corpus.pages}
    problems, rows = [], []
    on_event(Event("start", "ingest", 0, len(scans)))
    for done, (page, place) in enumerate(scans.items(), 1):
        scan = str(place.absolute())
        row: dict[str, Any] = {"page": page, "scan": scan, "sha256": "", "status": "waiting"}
        try:
            stat = place.stat()
            row |= {"size": stat.st_size, "modified_ns": stat.st_mtime_ns}
            old = known.get(scan)
            same = old is not None and (old["size"], old["modified_ns"]) == (stat.st_size, stat.st_mtime_ns)
            row["sha256"] = (same and old and old["sha256"]) or place.sha256()
        except OSError as error:
            row["status"] = "failed"
            unopened = f"{place}: cannot be opened ({error.strerror or error}); check the rights to it"
            problems.append(_problem(row, missing.get(page, unopened)))
        if page in about:
            row |= asdict(about[page])
        rows.append(row)
        on_event(Event("page", "ingest", done, len(scans), page))
    corpus.write_pages(rows)
    corpus.write_problems(problems)
    _take_over(corpus)
    on_event(Event("end", "ingest", len(scans), len(scans)))


def read_pages(corpus: Corpus, make_reader: MakeReader, *, workers: int = 1, on_event: Listener = silent) -> None:
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
    on_event : callable
        Gets an ``Event`` a page.

    Notes
    -----
    A page that cannot be read goes into ``problems.csv`` and the job goes on, also when it takes its process down.
    """
    if workers < 1:
        raise SettingsError(f"workers: got {workers}, expected 1 or more")
    waiting = [row for row in corpus.pages if row["status"] == "waiting"]
    failed = [row for row in corpus.pages if row["status"] == "failed"]
    problems = [dict(problem) for problem in corpus.problems if problem["page"] in {row["page"] for row in failed}]
    tasks = {row["sha256"]: Path(row["scan"]) for row in reversed(waiting)}
    total = len(corpus.pages)
    done = total - len(waiting)
    pages: dict[str, list[dict[str, Any]]] = {}
    for row in waiting:
        pages.setdefault(row["sha256"], []).append(row)
    on_event(Event("start", "read", done, total))
    outcomes = read_here if workers == 1 else read_in_processes
    with _Shelf(corpus) as shelf:
        # Tasks were gathered backwards so that the first of several equal scans gives its name to the reading.
        for sha256, outcome in outcomes(make_reader, list(reversed(tasks.items())), workers):
            for row in pages[sha256]:
                done += 1
                if isinstance(outcome, Reading):
                    on_event(Event("page", "read", done, total, row["page"]))
                else:
                    problems.append(_problem(row, outcome))
                    on_event(Event("problem", "read", done, total, row["page"], outcome))
            if isinstance(outcome, Reading):
                shelf.put(replace(outcome, sha256=sha256))
    order = [row["sha256"] for row in corpus.pages]
    corpus.reading_shards.compact(order)
    corpus.embedding_shards.compact(order)
    corpus.write_problems(problems)
    _take_over(corpus)
    on_event(Event("end", "read", done, total))


class _Shelf:
    """Collects readings and writes a shard when enough or old enough; the rest when the job ends, however it ends."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.rows: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self.last = time.monotonic()

    def __enter__(self) -> _Shelf:
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()

    def put(self, reading: Reading) -> None:
        histogram = reading.histogram
        if histogram is None:
            raise SettingsError(f"reader: the reading of {reading.scan} has no histogram; expected 110 counts")
        self.rows.append((reading_row(reading), embedding_row(reading.sha256, histogram)))
        if len(self.rows) >= FLUSH_PAGES or time.monotonic() - self.last > FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        self.corpus.reading_shards.append([reading for reading, _ in self.rows])
        self.corpus.embedding_shards.append([embedding for _, embedding in self.rows])
        self.rows.clear()
        self.last = time.monotonic()


def _problem(row: Mapping[str, Any], message: str) -> dict[str, str]:
    return {"page": row["page"], "scan": row["scan"], "problem": message}


def _take_over(corpus: Corpus) -> None:
    """Bring what the shards know of each page into ``pages.parquet``."""
    facts: dict[str, dict[str, Any]] = {}
    for table in corpus.reading_shards.tables():
        facts.update(_facts(table))
    embedded = corpus.embedding_shards.keys()
    failed = {problem["page"] for problem in corpus.problems}
    rows = []
    for row in corpus.pages:
        if row["sha256"] in facts and row["sha256"] in embedded:
            rows.append({**row, **facts[row["sha256"]], "status": "read"})
        else:
            rows.append({**row, "status": "failed" if row["page"] in failed else "waiting"})
    corpus.write_pages(rows)


def _facts(table: pa.Table) -> dict[str, dict[str, Any]]:
    columns = ["width", "height", "rotation", "is_table", "legibility", "note"]
    rows = table.select(["sha256", *columns]).to_pylist()
    numbers = table["numbers"].combine_chunks()
    per_page = pc.list_value_length(numbers).to_numpy(zero_copy_only=False)
    per_number = pc.list_value_length(pc.struct_field(pc.list_flatten(numbers), "digits")).to_numpy(
        zero_copy_only=False
    )
    of_page = np.repeat(np.arange(len(rows)), per_page)
    digits = np.bincount(of_page, weights=per_number, minlength=len(rows)) if len(of_page) else np.zeros(len(rows))
    return {
        row["sha256"]: {**{name: row[name] for name in columns}, "n_numbers": int(n), "n_digits": int(d)}
        for row, n, d in zip(rows, per_page, digits, strict=True)
    }
