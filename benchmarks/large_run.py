"""A run of a hundred thousand pages for the workbench, made in a minute: drawn tables, a few of which come again.

The pages of ``DISTINCT`` shards are drawn (`benchmarks.number_index`) and read as they were drawn; every further shard
has the same pages under other names, with other hashes, in other books. So whatever is found can be opened, and a
search finds as many copies of a table as there are repeats. Without clusters and scans.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.number_index import arrays_of_tables, draw_tables, reading_of_table
from benchmarks.report import TOWNS
from tablesim.bigrams import histogram
from tablesim.corpus.search.index import FOLDER, NUMBERS
from tablesim.corpus.search.number_index import stamp_of, write_about, write_part
from tablesim.corpus.storage.files import write_parquet
from tablesim.corpus.storage.page_table import replace_page_table
from tablesim.corpus.storage.schemas import NEIGHBOUR_SCHEMA, PAGE_SCHEMA
from tablesim.corpus.storage.shards import (
    EMBEDDING_SCHEMA,
    GROUP_ROWS,
    READING_SCHEMA,
    SHARD_ROWS,
    embedding_row,
    reading_row,
)
from tablesim.corpus.store import Corpus

DISTINCT, PAGES_A_BOOK, SEED = 4, 40, 7


def write_large_run(folder: Path, n_pages: int) -> None:
    """The run folder, whole but for clusters, neighbours and scans."""
    corpus = Corpus.create(folder, {"network": "drawn tables"}, source=[], seed=0)
    keys = [hashlib.sha256(str(page).encode()).hexdigest() for page in range(n_pages)]
    drawn = draw_tables(min(DISTINCT * SHARD_ROWS, n_pages), SEED)
    shards = [_shard(drawn[at : at + SHARD_ROWS]) for at in range(0, len(drawn), SHARD_ROWS)]
    index = folder / FOLDER / NUMBERS / "read"
    parts: list[str] = []
    stamps: list[str] = []
    for at, start in enumerate(range(0, n_pages, SHARD_ROWS)):
        stop = min(start + SHARD_ROWS, n_pages)
        part = f"part-{at:05d}-drawn.parquet"
        for name, table in zip(("readings", "embeddings"), shards[at % len(shards)], strict=True):
            named = table.slice(0, stop - start).set_column(0, table.schema.field(0), pa.array(keys[start:stop]))
            write_parquet(folder / name / part, named, GROUP_ROWS if name == "readings" else None, durable=False)
        first = at % len(shards) * SHARD_ROWS
        pages = drawn[first : first + stop - start]
        parts.append(f"part-{start:09d}")
        stamps.append(stamp_of(folder / "readings" / part))
        write_part(index / parts[-1], arrays_of_tables(pages, keys[start:stop]))
    write_about(index, parts, stamps)
    write_parquet(folder / "neighbours.parquet", NEIGHBOUR_SCHEMA.empty_table(), durable=False)
    replace_page_table(corpus.folder / "pages.parquet", _pages(keys, drawn))


def _shard(drawn: np.ndarray) -> tuple[pa.Table, pa.Table]:
    """Readings and vectors of some drawn pages."""
    readings = [reading_of_table(f"p{at:09d}", "", grid) for at, grid in enumerate(drawn)]
    vectors = [embedding_row("", np.asarray(histogram(reading))) for reading in readings]
    return (
        pa.Table.from_pylist([reading_row(reading) for reading in readings], schema=READING_SCHEMA),
        pa.Table.from_pylist(vectors, schema=EMBEDDING_SCHEMA),
    )


def _pages(keys: list[str], drawn: np.ndarray) -> pa.Table:
    """The table of pages, with metadata as a library has them."""
    n = len(keys)
    books, towns = np.arange(n) // PAGES_A_BOOK, list(TOWNS)
    years = (1500 + books * 37 % 150).astype(np.int32)
    known = {
        "page": pa.array([f"p{page:09d}" for page in range(n)]),
        "scan": pa.array([f"p{page:09d}.jpg" for page in range(n)]),
        "sha256": pa.array(keys),
        "status": pa.array(["read"] * n),
        "is_table": pa.array(np.ones(n, bool)),
        "width": pa.array(np.full(n, 1000, np.int32)),
        "height": pa.array(np.full(n, 1400, np.int32)),
        "legibility": pa.array(np.full(n, 0.9)),
        "n_numbers": pa.array(np.full(n, drawn[0].size, np.int32)),
        "book": pa.array([f"book{book:05d}" for book in books]),
        "authors": pa.array([[f"Author {book // 6}"] for book in books]),
        "title": pa.array(["Tabulae"] * n),
        "place": pa.array([towns[book * 7 % len(towns)] for book in books]),
        "year": pa.array(years),
        "year_latest": pa.array(years),
        "date": pa.array(years.astype(str)),
        "extra": pa.array([json.dumps({"shelf mark": f"4 Math. {book}"}) for book in books]),
    }
    columns = [known.get(field.name, pa.nulls(n, field.type)) for field in PAGE_SCHEMA]
    return pa.Table.from_arrays(columns, schema=PAGE_SCHEMA)
