"""What a search for numbers costs in a run of a million pages: size of the index, opening it, queries of each kind.

    python benchmarks/number_index.py [--pages 1000000] [--folder DIR] [--json FILE]

A run of as many pages is made of drawn tables: 30 rows of an argument and two values of degrees and minutes, six
editions of each with 2 % misprints. Its index is made from the arrays, since making a million readings takes hours. An
answer is timed from the text to the cells on the page: for each page that is shown one of some whole shards is read
from the disk, and then its own reading is drawn. Histograms are left out: what likeness costs is in
``benchmarks/scale.py``. ``processor`` is seconds of a core, the figure to trust on a busy machine.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tablesim.corpus.search.index import FOLDER, NUMBERS
from tablesim.corpus.search.number_cells import JOINED
from tablesim.corpus.search.number_index import stamp_of, write_about, write_part
from tablesim.corpus.search.number_query import parse_numbers
from tablesim.corpus.search.number_search import NumberSearch
from tablesim.corpus.search.number_segments import inverted
from tablesim.corpus.storage.files import write_parquet
from tablesim.corpus.storage.page_table import replace_page_table
from tablesim.corpus.storage.schemas import PAGE_SCHEMA
from tablesim.corpus.storage.shards import GROUP_ROWS, READING_SCHEMA, SHARD_ROWS, reading_row
from tablesim.corpus.store import Corpus
from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Number, Reading
from tablesim.records.transform import Transform

EDITIONS, MISPRINTS, ROWS, COLUMNS = 6, 0.02, 30, 5
PART_SHARDS, WHOLE_SHARDS = 50, 4
QUERIES, TOP = 20, 10

Ints = NDArray[np.int64]


def draw_tables(n_pages: int, seed: int) -> Ints:
    """Pages as numbers, shape (pages, ROWS, COLUMNS); the editions of a table come one after the other."""
    rng = np.random.default_rng(seed)
    n_tables = -(-n_pages // EDITIONS)
    row = np.arange(1, ROWS + 1)
    values = [np.broadcast_to(row, (n_tables, ROWS))]
    for _ in range(2):
        start, step = rng.uniform(0, 21600, (n_tables, 1)), rng.uniform(1, 120, (n_tables, 1))
        bend = rng.uniform(-1, 1, (n_tables, 1))
        minutes = np.mod(np.rint(start + step * row + bend * row**2), 21600).astype(np.int64)
        values += [minutes // 60, minutes % 60]
    pages = np.repeat(np.stack(values, axis=2), EDITIONS, axis=0)[:n_pages]
    return np.where(rng.random(pages.shape) < MISPRINTS, rng.integers(0, 60, pages.shape), pages)


def arrays_of_tables(pages: Ints, keys: list[str]) -> dict[str, NDArray[Any]]:
    """The arrays of a part for whole grids, as ``number_segments.arrays_of`` makes them."""
    n, (rows, columns) = len(pages), pages.shape[1:]
    shape = (n, rows, columns)
    column, row = np.arange(columns), np.arange(rows)[:, None]
    flags = (column < columns - 1) | np.where(np.isin(column, (1, 3)), JOINED << 1, 0)
    arrays = {
        "words": pages.astype(np.uint32),
        "flags": np.broadcast_to(flags.astype(np.uint8), shape),
        "down": np.broadcast_to(np.where(row < rows - 1, columns, 0).astype(np.int16), shape),
        "up": np.broadcast_to(np.where(row > 0, columns, 0).astype(np.int16), shape),
        "page": np.broadcast_to(np.arange(n, dtype=np.uint16)[:, None, None], shape),
    }
    arrays = {name: np.ascontiguousarray(array).ravel() for name, array in arrays.items()}
    nothing = np.zeros(0, np.uint32)
    others = {"other_cells": nothing, "other_words": nothing}
    others |= {"keys": np.array(keys, "S64"), "versions": np.zeros(n, "S16")}
    return arrays | others | inverted(arrays, nothing, nothing)


def reading_of_table(page: str, key: str, grid: NDArray[np.integer]) -> Reading:
    """The reading of a drawn page."""
    numbers = []
    for row, line in enumerate(grid.tolist()):
        for column, value in enumerate(line):
            text = str(value)
            digits = (Digit(int(d), Box(60.0 * column + 9 * i, 20.0 * row, 8, 12), 0.999) for i, d in enumerate(text))
            numbers.append(Number(text, tuple(digits), 0.99, 0, row, column, value))
    return Reading(f"{page}.jpg", page, key, Transform(1000, 1400), True, 1.0, tuple(numbers))


def write_run(folder: Path, n_pages: int) -> tuple[NDArray[np.int16], float]:
    """A run folder with its index, a few of its shards whole; gives the pages, and what the index cost of a core."""
    corpus = Corpus.create(folder, {"network": "drawn tables"}, source=[], seed=0)
    keys = [hashlib.sha256(str(page).encode()).hexdigest() for page in range(n_pages)]
    ids = [f"p{page:09d}" for page in range(n_pages)]
    drawn, n_whole, seconds = np.zeros((n_pages, ROWS, COLUMNS), np.int16), 0, 0.0
    index = folder / FOLDER / NUMBERS / "read"
    parts: list[str] = []
    stamps: list[str] = []
    for begin in range(0, n_pages, PART_SHARDS * SHARD_ROWS):
        end = min(begin + PART_SHARDS * SHARD_ROWS, n_pages)
        pages, files = draw_tables(end - begin, begin), []
        drawn[begin:end] = pages
        for start in range(begin, end, SHARD_ROWS):
            stop = min(start + SHARD_ROWS, end)
            if n_whole < WHOLE_SHARDS:
                n_whole += 1
                named = zip(ids[start:stop], keys[start:stop], drawn[start:stop], strict=True)
                rows = [reading_row(reading_of_table(*page)) for page in named]
                table, group = pa.Table.from_pylist(rows, schema=READING_SCHEMA), GROUP_ROWS
            else:
                blank = [pa.nulls(stop - start, field.type) for field in READING_SCHEMA][1:]
                table, group = pa.Table.from_arrays([pa.array(keys[start:stop]), *blank], schema=READING_SCHEMA), None
            files.append(folder / "readings" / f"part-{start // SHARD_ROWS:05d}-drawn.parquet")
            write_parquet(files[-1], table, group, durable=False)
        used = time.process_time()
        arrays = arrays_of_tables(pages, keys[begin:end])
        parts.append(f"part-{begin:09d}")
        stamps += map(stamp_of, files)
        write_part(index / parts[-1], arrays)
        seconds += time.process_time() - used
    write_about(index, parts, stamps)
    known = {
        "page": pa.array(ids),
        "scan": pa.array([f"{page}.jpg" for page in ids]),
        "sha256": pa.array(keys),
        "status": pa.array(["read"] * n_pages),
        "is_table": pa.array(np.ones(n_pages, bool)),
    }
    columns = [known.get(field.name, pa.nulls(n_pages, field.type)) for field in PAGE_SCHEMA]
    replace_page_table(corpus.folder / "pages.parquet", pa.Table.from_arrays(columns, schema=PAGE_SCHEMA))
    return drawn, seconds


def queries_of(pages: NDArray[np.int16]) -> dict[str, list[str]]:
    """Queries of several kinds, each of numbers that stand on a page; ``any`` before those in any order."""
    rng = np.random.default_rng(1)
    kinds: dict[str, list[str]] = {}
    for _ in range(QUERIES):
        grid, row = pages[rng.integers(len(pages))], int(rng.integers(ROWS - 6))
        line, below, down = grid[row].tolist(), grid[row + 1].tolist(), grid[row : row + 5, 2].tolist()
        texts = {
            "a row of four numbers": " ".join(map(str, line[1:])),
            "five numbers of a column": " ".join(map(str, down)),
            "two rows of two": f"{line[1]} {line[2]} / {below[1]} {below[2]}",
            "one value, 39;1": f"{line[1]};{line[2]}",
            "three values below each other": " ".join(f"{a};{b}" for a, b in grid[row : row + 3, 1:3].tolist()),
            "open figures": f"{line[1]} {line[2]} * {str(line[4])[0]}*",
            "one number": str(line[1]),
            "altered": f"{line[1]} {line[2]} {line[3]} {(line[4] + 7) % 60}",
            "five in any order": "any " + " ".join(map(str, rng.permutation(line).tolist())),
        }
        for kind, text in texts.items():
            kinds.setdefault(kind, []).append(text)
    return kinds


def measure(folder: Path, n_pages: int) -> dict[str, Any]:
    """Opening the index, and queries of each kind."""
    pages, of_index = write_run(folder, n_pages)
    size = sum(file.stat().st_size for file in (folder / FOLDER / NUMBERS).rglob("*.npy"))
    result: dict[str, Any] = {"pages": n_pages, "index_processor": of_index, "bytes_a_page": size / n_pages}
    corpus = Corpus.open(folder)
    clock, used = time.perf_counter(), time.process_time()
    assert len(corpus.number_index) == n_pages
    result["opening"] = {"seconds": time.perf_counter() - clock, "processor": time.process_time() - used}

    def read(line: int) -> Reading:
        corpus.reading(f"p{line % (WHOLE_SHARDS * SHARD_ROWS) % n_pages:09d}")
        return reading_of_table(f"p{line:09d}", "", pages[line])

    search = NumberSearch(corpus.number_index, read)
    for kind, texts in queries_of(pages).items():
        clocks, processors, found = [], [], []
        for text in texts:
            any_order = text.startswith("any ")
            clock, used = time.perf_counter(), time.process_time()
            _, counts = search.search(parse_numbers(text.removeprefix("any ")), TOP, any_order=any_order)
            clocks.append(time.perf_counter() - clock)
            processors.append(time.process_time() - used)
            found.append(counts.total())
        result[kind] = {
            "seconds": round(statistics.median(clocks), 4),
            "processor": round(statistics.median(processors), 4),
            "slowest_processor": round(max(processors[1:]), 4),
            "first": round(clocks[0], 4),
            "pages_found": statistics.median(found),
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where the run is made; 10 GB for a million pages")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        figures = measure(Path(folder) / "run", arguments.pages)
    for name, value in figures.items():
        print(name, value)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
