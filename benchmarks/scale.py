"""What a corpus costs as it grows: indexing, search, clusters, in time and memory, and with which exponent.

    python benchmarks/scale.py [--sizes 10000 100000 1000000] [--indexed 1000 3000 10000] [--folder DIR] [--json FILE]

Histograms are drawn from a model of tables: each table has its own proportions of figures and its own length, and is
printed in six editions, in each of which 2 % of the figures are misprinted and the reader is not quite sure. Every
stage runs in a process of its own, so that its peak of memory is its own; its seconds do not count the start of Python,
and ``processor`` is what it used of a core, which is the figure to trust on a machine that does other things too.

``indexing`` is everything but the network: real files are hashed, the readings of their pages (150 numbers of two
figures) put on the disk one by one, laid out, and brought into the table of pages. The other stages run on a run folder
that holds the drawn histograms; ``--only shelves`` searches ten runs of each size as one.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from tablesim.corpus.clustering import kmeans
from tablesim.corpus.indexing.ingest import ingest, read_pages
from tablesim.corpus.shelves import Shelves
from tablesim.corpus.storage.files import write_parquet
from tablesim.corpus.storage.page_table import replace_page_table
from tablesim.corpus.storage.schemas import PAGE_SCHEMA
from tablesim.corpus.storage.shards import EMBEDDING_SCHEMA, SHARD_ROWS
from tablesim.corpus.store import Corpus
from tablesim.records.bins import N_BINS
from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Number, Reading
from tablesim.records.transform import Transform
from tablesim.scans.locator import Locator

EDITIONS, MISPRINTS = 6, 0.02
TABLES_AT_ONCE = 1024
K, FITTED_AT_MOST = 1500, 100_000
QUERIES = 20
N_SHELVES = 10
ASKED, TOP = 100, 10


def draw(n_pages: int, seed: int = 0) -> Iterator[np.ndarray]:
    """Blocks of histograms, float32 of shape (block, 110); the editions of a table come one after the other.

    A larger corpus begins with the pages of a smaller one.
    """
    for block, begin in enumerate(range(0, n_pages, TABLES_AT_ONCE * EDITIONS)):
        rng = np.random.default_rng([seed, block])
        first, second = (rng.dirichlet(np.full(10, 0.8), TABLES_AT_ONCE) for _ in range(2))
        alone = rng.beta(2, 8, (TABLES_AT_ONCE, 1))
        pairs = (first[:, :, None] * second[:, None, :]).reshape(TABLES_AT_ONCE, 100)
        shares = np.hstack([alone * first, (1 - alone) * pairs])
        length = np.maximum(20, rng.lognormal(np.log(300), 0.6, TABLES_AT_ONCE)).astype(np.int64)
        printed = np.repeat(rng.multinomial(length, shares / shares.sum(axis=1, keepdims=True)), EDITIONS, axis=0)
        kept = rng.binomial(printed, 1 - MISPRINTS)
        strayed = rng.poisson((printed - kept).sum(axis=1, keepdims=True) / N_BINS, printed.shape)
        h = (kept + strayed) * rng.uniform(0.93, 1.0, printed.shape)
        yield h[: n_pages - begin].astype(np.float32)


def write_run(folder: Path, n_pages: int, seed: int = 0) -> Corpus:
    """A run folder with ``n_pages`` drawn pages: forty tables to a book, six editions of each book.

    Another seed gives other pages, of other names.
    """
    Corpus.create(folder, {"network": "drawn histograms"}, source=[], seed=0)
    pending = np.zeros((0, N_BINS), np.float32)
    shelf = f"s{seed}" if seed else ""
    keys = [hashlib.sha256(f"{shelf}{page}".encode()).hexdigest() for page in range(n_pages)]
    written = 0
    for part in [*draw(n_pages, seed), None]:
        pending = pending if part is None else np.concatenate([pending, part])
        while len(pending) >= SHARD_ROWS or (part is None and len(pending)):
            h, pending = pending[:SHARD_ROWS], pending[SHARD_ROWS:]
            columns = [pa.array(keys[written : written + len(h)])]
            columns += [pa.FixedSizeListArray.from_arrays(pa.array(v.ravel()), N_BINS) for v in (h, np.sqrt(h))]
            name = f"part-{written // SHARD_ROWS:05d}-drawn.parquet"
            write_parquet(folder / "embeddings" / name, pa.Table.from_arrays(columns, schema=EMBEDDING_SCHEMA))
            written += len(h)
    page = np.arange(n_pages)
    book = page // EDITIONS // 40 * EDITIONS + page % EDITIONS
    known = {
        "page": pa.array([f"{shelf}p{number:09d}" for number in range(n_pages)]),
        "scan": pa.array([f"scans/{shelf}p{number:09d}.jpg" for number in range(n_pages)]),
        "sha256": pa.array(keys),
        "status": pa.array(["read"] * n_pages),
        "is_table": pa.array(np.ones(n_pages, bool)),
        "book": pa.array([f"{shelf}b{number:06d}" for number in book.tolist()]),
    }
    columns = [known.get(field.name, pa.nulls(n_pages, field.type)) for field in PAGE_SCHEMA]
    replace_page_table(folder / "pages.parquet", pa.Table.from_arrays(columns, schema=PAGE_SCHEMA))
    return Corpus.open(folder)


# Stages. Each gives its figures; seconds are those of the work alone.


def stage_draw(folder: Path, n_pages: int) -> dict[str, float]:
    return {"seconds": _timed(lambda: write_run(folder, n_pages))}


def stage_search_index(folder: Path, n_pages: int) -> dict[str, float]:
    shutil.rmtree(folder / ".search", ignore_errors=True)
    corpus = Corpus.open(folder)
    seconds = _timed(lambda: corpus.searching.index)
    size = sum(file.stat().st_size for file in (folder / ".search").rglob("*") if file.is_file())
    return {"seconds": seconds, "megabytes_on_disk": size / 1e6}


def stage_search(folder: Path, n_pages: int) -> dict[str, float]:
    """One query like another, by page with its surprise, and by numbers; the first of each warms the memory up."""
    corpus = Corpus.open(folder)
    rng = np.random.default_rng(1)
    pages = [f"p{number:09d}" for number in rng.integers(n_pages, size=QUERIES + 1)]
    typed = [" ".join(map(str, rng.integers(0, 60, 12))) for _ in range(QUERIES + 1)]
    first = _timed(lambda: corpus.search(pages[0], across_books=True))
    used = time.process_time()
    by_page = [_timed(lambda page=page: corpus.search(page, across_books=True)) for page in pages[1:]]
    used = time.process_time() - used
    corpus.search(numbers=typed[0])
    by_numbers = [_timed(lambda text=text: corpus.search(numbers=text)) for text in typed[1:]]
    return {
        "seconds": statistics.median(by_page),
        "slowest": max(by_page),
        "processor_a_query": used / QUERIES,
        "first": first,
        "numbers": statistics.median(by_numbers),
        "numbers_slowest": max(by_numbers),
    }


def stage_kmeans(folder: Path, n_pages: int) -> dict[str, float]:
    """K-means on at most ``FITTED_AT_MOST`` pages, then the nearest center of every page."""
    h = Corpus.open(folder).searching.index.histograms
    fitted = kmeans.LazyRows(h, np.arange(min(n_pages, FITTED_AT_MOST)), kmeans.roots)
    started, used = time.perf_counter(), time.process_time()
    centers, _ = kmeans.fit(fitted, min(K, n_pages // EDITIONS), 0)
    fit, fit_processor = time.perf_counter() - started, time.process_time() - used
    every = kmeans.LazyRows(h, np.arange(n_pages), kmeans.roots)
    used = time.process_time()
    seconds = _timed(lambda: kmeans.assign(every, centers))
    assigned = time.process_time() - used
    return {
        "seconds": seconds,
        "assign_processor": assigned,
        "fit": fit,
        "fit_processor": fit_processor,
        "k": len(centers),
    }


def stage_shelves(folder: Path, n_pages: int) -> dict[str, float]:
    """Ten runs of so many pages each, searched as one by a page of one of them."""
    for shelf in range(1, N_SHELVES + 1):
        write_run(folder / f"shelf-{shelf}", n_pages, seed=shelf)
    shelves: list[Shelves] = []
    opened = _timed(lambda: shelves.append(Shelves.open([folder / f"shelf-{n}" for n in range(1, N_SHELVES + 1)])))
    rng = np.random.default_rng(2)
    pages = [f"s{rng.integers(1, N_SHELVES + 1)}p{number:09d}" for number in rng.integers(n_pages, size=QUERIES + 1)]
    first = _timed(lambda: shelves[0].search(pages[0]))
    used = time.process_time()
    times = [_timed(lambda page=page: shelves[0].search(page)) for page in pages[1:]]
    used = time.process_time() - used
    return {
        "seconds": statistics.median(times),
        "slowest": max(times),
        "processor_a_query": used / QUERIES,
        "first": first,
        "opened": opened,
    }


def stage_neighbours(folder: Path, n_pages: int) -> dict[str, float]:
    """The twenty nearest pages of 1,024 pages: what all of them cost is that times n / 1,024."""
    from itertools import islice

    from tablesim.corpus.search.nearest import neighbours

    index = Corpus.open(folder).searching.index
    found = neighbours(index, 20)
    return {"seconds": _timed(lambda: list(islice(found, min(n_pages, 1024)))) / min(n_pages, 1024)}


def stage_holding(folder: Path, n_pages: int) -> dict[str, float]:
    """The pages that may hold a page, or a part of it: what a clustering asks for each page without a partner."""
    from tablesim.corpus.search.containing import holding
    from tablesim.workflow.groups import COVERED, UNEQUAL, WHOLES

    index = Corpus.open(folder).searching.index
    entries = range(0, n_pages, max(n_pages // ASKED, 1))
    used = time.process_time()
    seconds = _timed(lambda: holding(index, entries, WHOLES, COVERED, UNEQUAL))
    used = time.process_time() - used
    return {"seconds": seconds / len(entries), "processor_a_page": used / len(entries)}


def stage_approximate(folder: Path, n_pages: int) -> dict[str, float]:
    """Candidates of faiss against the exact search: how many of the ten nearest pages they have, and at what cost."""
    if importlib.util.find_spec("faiss") is None:
        return {}
    from tablesim.corpus.search.approximate import candidates
    from tablesim.corpus.search.engine import N_CANDIDATES
    from tablesim.corpus.search.nearest import among, nearest

    index = Corpus.open(folder).searching.index
    queries = np.random.default_rng(2).integers(n_pages, size=ASKED + 1)
    everyone = np.ones(n_pages, dtype=bool)
    used = time.process_time()
    built = _timed(lambda: candidates(index, index.histograms[queries[0]], TOP))
    built_processor = time.process_time() - used
    exact, exact_used = _answers(
        queries, lambda at: nearest(index, index.histograms[at], TOP, everyone).rows[:TOP].tolist()
    )
    rough, rough_used = _answers(
        queries,
        lambda at: (
            among(index, index.histograms[at], candidates(index, index.histograms[at], N_CANDIDATES * TOP), everyone)
            .rows[:TOP]
            .tolist()
        ),
    )
    kept = sum(len({*a} & {*b}) for a, b in zip(exact, rough, strict=True))
    return {
        "seconds": rough_used,
        "exact": exact_used,
        "recall": kept / sum(map(len, exact)),
        "built": built,
        "built_processor": built_processor,
        "megabytes": next(index.folder.glob("cells-*.faiss")).stat().st_size / 1e6 if index.folder else 0.0,
    }


def _answers(queries: np.ndarray, answer: Callable[[int], list[int]]) -> tuple[list[list[int]], float]:
    """The answers, and the seconds of a core of one, without the first."""
    found = [answer(int(queries[0]))]
    used = time.process_time()
    found += [answer(int(at)) for at in queries[1:]]
    return found, (time.process_time() - used) / (len(queries) - 1)


def stage_indexing(folder: Path, n_pages: int) -> dict[str, float]:
    scans, places = folder / "scans", {}
    scans.mkdir(parents=True)
    for number in range(n_pages):
        path = scans / f"p{number:07d}.jpg"
        path.write_bytes(number.to_bytes(8, "big") * 128)
        places[path.stem] = Locator(path)
    corpus = Corpus.create(folder / "run", {})
    found = _timed(lambda: ingest(corpus, places))
    read = _timed(lambda: read_pages(corpus, _make_reader))
    again = _timed(lambda: ingest(corpus, places))
    return {"seconds": found + read, "found": found, "again": again}


def _make_reader() -> Callable[[Path], Reading]:
    rng = np.random.default_rng(0)
    numbers = tuple(
        Number(
            f"{value:02d}",
            tuple(
                Digit(int(f), Box(40.0 * (at % 5), 20.0 * (at // 5), 7, 12), 0.99, (0, 0.01)) for f in f"{value:02d}"
            ),
            0.98,
            0,
            at // 5,
            at % 5,
        )
        for at, value in enumerate(rng.integers(0, 60, 150).tolist())
    )
    h = next(draw(1))[0]

    def read(path: Path) -> Reading:
        reading = Reading(str(path), path.stem, "", Transform(2000, 1500), True, 0.9, numbers)
        return reading.with_histogram(h)

    return read


STAGES: dict[str, Callable[[Path, int], dict[str, float]]] = {
    "draw": stage_draw,
    "search_index": stage_search_index,
    "search": stage_search,
    "shelves": stage_shelves,
    "neighbours": stage_neighbours,
    "holding": stage_holding,
    "kmeans": stage_kmeans,
    "approximate": stage_approximate,
    "indexing": stage_indexing,
}

OF_A_CORE = {
    "search": "processor_a_query",
    "shelves": "processor_a_query",
    "holding": "processor_a_page",
    "kmeans": "assign_processor",
}
"""What a stage used of a core for what its ``seconds`` are; of the others the whole is meant."""

ON_RUNS = [stage for stage in STAGES if stage != "indexing"]
DRAWN = [stage for stage in ON_RUNS if stage != "shelves"]


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _in_a_process_of_its_own(stage: str, folder: Path, n_pages: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--stage", stage, "--folder", str(folder), "--sizes", str(n_pages)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def exponent(figures: dict[int, float]) -> float:
    """The slope of log seconds over log pages, by least squares; nan for fewer than two sizes."""
    if len(figures) < 2:
        return float("nan")
    return float(np.polyfit(np.log(list(figures)), np.log(list(figures.values())), 1)[0])


def growth_of(stage: str, rows: dict[int, dict[str, float]]) -> dict[str, float]:
    """With which power of the pages the seconds of a stage grow, by the clock and of a core."""
    names = {"seconds": "seconds", "seconds of a core": OF_A_CORE.get(stage, "processor")}
    by = {said: {n: row[name] for n, row in rows.items() if name in row} for said, name in names.items()}
    return {said: exponent(figures) for said, figures in by.items() if len(figures) > 1}


def measure(
    sizes: list[int], indexed: list[int], stages: list[str], folder: Path
) -> dict[str, dict[int, dict[str, float]]]:
    """The figures of each stage at each size."""
    found: dict[str, dict[int, dict[str, float]]] = {name: {} for name in STAGES}
    for n_pages in indexed:
        found["indexing"][n_pages] = _in_a_process_of_its_own("indexing", folder / f"indexed-{n_pages}", n_pages)
        print(f"indexing, {n_pages:,} pages: {_written(found['indexing'][n_pages])}", flush=True)
        shutil.rmtree(folder / f"indexed-{n_pages}")
    for n_pages in sizes:
        for stage in stages:
            found[stage][n_pages] = _in_a_process_of_its_own(stage, folder / f"run-{n_pages}", n_pages)
            print(f"{stage}, {n_pages:,} pages: {_written(found[stage][n_pages])}", flush=True)
        shutil.rmtree(folder / f"run-{n_pages}")
    return found


def _written(figures: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in figures.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="*", type=int, default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--indexed", nargs="*", type=int, default=[1_000, 3_000, 10_000])
    parser.add_argument("--folder", type=Path, help="Where the runs are written meanwhile; a new folder unless given.")
    parser.add_argument("--json", type=Path, dest="report", help="Write every figure to this file.")
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    parser.add_argument("--only", nargs="+", choices=ON_RUNS, default=DRAWN, help="Stages on drawn histograms.")
    options = parser.parse_args()
    if options.stage:
        used = time.process_time()
        figures = STAGES[options.stage](options.folder, options.sizes[0])
        figures["processor"] = time.process_time() - used
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({**figures, "peak_megabytes": peak}))
        return
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="scale-") as folder:
        threads = os.environ.get("OMP_NUM_THREADS", "all")
        print(f"machine: {platform.machine()}, {os.cpu_count()} cores, numpy {np.__version__}, {threads} threads")
        stages = [stage for stage in ON_RUNS if stage == "draw" or stage in options.only]
        found = measure(options.sizes, options.indexed, stages, Path(folder))
    growth = {stage: by for stage, rows in found.items() if (by := growth_of(stage, rows))}
    for stage, by in growth.items():
        print(f"{stage}: " + ", ".join(f"{name} grow with the power {power:.2f}" for name, power in by.items()))
    if options.report:
        options.report.write_text(json.dumps({"figures": found, "exponents": growth}, indent=1) + "\n")


if __name__ == "__main__":
    main()
