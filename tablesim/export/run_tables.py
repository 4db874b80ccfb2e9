"""The clusters and the neighbours of a run as CSV, with the columns that they have in the run folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pyarrow as pa
import pyarrow.compute as pc

from tablesim.corpus.storage.files import read_parquet
from tablesim.corpus.storage.schemas import NEIGHBOUR_SCHEMA
from tablesim.corpus.store import Corpus
from tablesim.errors import ExportError
from tablesim.export.kinds import Format
from tablesim.export.spreadsheets import csv_bytes
from tablesim.export.viewers import VIEWERS, viewer_csv


def _clusters(corpus: Corpus) -> pa.Table:
    clustering = corpus.clusters
    if clustering is None:
        raise ExportError(f"{corpus.folder}: no clusters yet; `tablesim cluster` finds them")
    return clustering.to_table()


def _neighbours(corpus: Corpus) -> pa.Table:
    path = corpus.folder / "neighbours.parquet"
    if not path.is_file():
        raise ExportError(f"{corpus.folder}: no neighbours yet; the same `tablesim run` without --until finds them")
    return read_parquet(path, NEIGHBOUR_SCHEMA)


RUN_TABLES: dict[Format, tuple[str, Callable[[Corpus], pa.Table]]] = {
    Format.clusters_csv: ("clusters.csv", _clusters),
    Format.neighbours_csv: ("neighbours.csv", _neighbours),
}
"""Name of the file, and where its lines come from."""

ONE_FILE = {form: name for form, (name, _) in (*VIEWERS.items(), *RUN_TABLES.items())}
"""The formats that hold lines of all pages in one file, and its name."""


def run_csv(corpus: Corpus, what: Format, pages: Iterable[str]) -> bytes:
    """The lines of pages in one of ``ONE_FILE``, in the order of the run folder or of the viewer.

    Raises
    ------
    ExportError
        The run has none of them yet.
    """
    if what in VIEWERS:
        return viewer_csv(corpus, what, pages)
    table = RUN_TABLES[what][1](corpus)
    table = table.filter(pc.is_in(table["page"], pa.array(list(pages), pa.string())))
    return csv_bytes(table.column_names, (row for batch in table.to_batches() for row in batch.to_pylist()))
