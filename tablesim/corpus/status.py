"""Where a job stands, by what is in its run folder; asks for no lock and writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tablesim.corpus.indexing.events import Pace
from tablesim.corpus.storage.lock import owner
from tablesim.corpus.storage.page_table import PageTable
from tablesim.corpus.storage.problems import AWAY, FAILED
from tablesim.corpus.storage.run_folder import EVENTS
from tablesim.corpus.storage.shards import Shards

PENDING = "report_pending"
"""In ``run.json`` while a report is wanted and not whole."""


def run_status(
    folder: Path, record: Mapping[str, Any], table: PageTable, embeddings: Shards, problems: Sequence[Mapping[str, str]]
) -> dict[str, Any]:
    """Counts of pages, which stages are done, whether a job is at work and how fast.

    ``read``, ``failed`` and ``waiting`` add up to ``pages``. ``away`` are pages whose scan was not there when the last
    job looked, read before or waiting; ``duplicates`` pages with the bytes of another, read once; ``left_out`` files of
    the source that are no scans. ``writing``: a process is writing the run, ``writer`` which one; then ``stage``,
    ``pages_per_second`` and ``seconds_left`` say how it goes on, as far as that can be told. ``killed`` is the process
    that wrote it last, if it was ended by force: the same command goes on where it stopped. ``finished``: all that the
    last command was to do is done; ``report``: there is one, and it is whole.
    """
    statuses = table.column("status").to_numpy(zero_copy_only=False)
    # A job under way, or one that was stopped: shards and problems tell more than the table of pages.
    waiting = statuses == "waiting"
    done = waiting & (embeddings.places.rows(table.column("sha256")) >= 0)
    rows = {kind: _rows(table, problems, kind) for kind in (AWAY, FAILED)}
    failed = waiting & ~done & rows[FAILED]
    keys = table.column("sha256").to_numpy(zero_copy_only=False)
    keys = keys[keys != ""]
    holder = owner(folder)
    writing = holder is not None and holder.alive
    pace = Pace.of(folder / EVENTS) if writing else Pace()
    return {
        "run": str(folder),
        "source": record.get("source"),
        "pages": len(table),
        "read": int(np.count_nonzero(statuses == "read") + np.count_nonzero(done)),
        "failed": int(np.count_nonzero(statuses == "failed") + np.count_nonzero(failed)),
        "waiting": int(np.count_nonzero(waiting) - np.count_nonzero(done) - np.count_nonzero(failed)),
        "away": int(np.count_nonzero(table.flags("away") | rows[AWAY])),
        "left_out": sum(item["count"] for item in record.get("left_out", ())),
        "duplicates": len(keys) - len(set(keys)),
        "tables": int(np.count_nonzero(table.flags("is_table"))),
        "neighbours": (folder / "neighbours.parquet").is_file(),
        "report": (folder / "report" / "index.html").is_file() and not record.get(PENDING),
        "finished": bool(record.get("finished")) and not record.get(PENDING),
        "writing": writing,
        "writer": str(holder) if writing else None,
        "killed": str(holder) if holder is not None and not writing else None,
        "stage": pace.stage,
        "pages_per_second": pace.per_second,
        "seconds_left": pace.seconds_left,
    }


def read_with(record: Mapping[str, Any], table: PageTable, readings: Shards) -> list[dict[str, Any]]:
    """Which versions read how many pages: ``pages`` and ``versions``, most pages first."""
    rows = readings.places.rows(table.column("sha256"))
    parts = [part["read_by"].combine_chunks() for part in readings.tables(["read_by"])]
    read_by = pa.concat_arrays(parts).take(pa.array(rows[rows >= 0])).to_pylist() if parts else []
    known = record.get("readers") or {"": record.get("versions", {})}
    counts = Counter(name or "" for name in read_by).most_common()
    return [{"pages": n, "versions": known.get(name, {})} for name, n in counts]


def _rows(table: PageTable, problems: Sequence[Mapping[str, str]], kind: str) -> np.ndarray:
    """Which lines have a problem of a kind."""
    lines = np.zeros(len(table), dtype=bool)
    if pages := [row["page"] for row in problems if row["kind"] == kind]:
        lines |= np.isin(table.column("page").to_numpy(zero_copy_only=False).astype(str), pages)
    return lines
