"""What the report of a corpus costs as it grows: seconds of a core a page, sizes of files, first paint in a browser.

    python benchmarks/report.py [--pages 1000 3000 10000] [--folder DIR] [--keep] [--found] [--json FILE] [--shots DIR]

The readings are made up, without a network: tables of 30 rows and 4 columns of sines and declinations for many
parameters, forty pages to a book, each book in six editions with a misprint in every hundredth cell; every fiftieth
page carries no table and every hundredth scan is none. The scans are small pictures with the same numbers at the same
positions. Readings are written in bulk, a shard at a time; clusters are the tables that were made, and every two
editions have the alignment of the first two, which all of them have: aligning takes 30 ms of a core a pair, minutes a
thousand pages. With ``--found`` clusters are found and pages aligned as in any run. Hashing, neighbours and report are
those of any run. Each step is timed in a process of its own.

``look`` opens pages of the report in Chromium (playwright) without a network, from the disk: first contentful paint by
the browser's own timing, elements in the document, and how long a filter of the lists takes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tablesim.bigrams import histogram
from tablesim.corpus.clustering.kinds import kinds_of
from tablesim.corpus.indexing.ingest import ingest, read_pages
from tablesim.corpus.map import make_map
from tablesim.corpus.storage.shards import SHARD_ROWS, embedding_row, reading_row
from tablesim.corpus.store import Corpus
from tablesim.errors import ScanError
from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Number, Reading
from tablesim.records.transform import Transform
from tablesim.report import write_report
from tablesim.scans.locator import Locator
from tablesim.scans.metadata import PageMetadata
from tablesim.workflow.alignments import RunAlignments
from tablesim.workflow.clustering import cluster
from tablesim.workflow.groups import relate
from tablesim.workflow.running import versions

EDITIONS, PAGES_A_BOOK, ROWS, COLUMNS = 6, 40, 30, 4
MISPRINTS = 0.01
WORDS_EVERY, BROKEN_EVERY = 50, 100
WIDTH, HEIGHT = 620, 880
TOWNS = {
    "Venice": (45.44, 12.33),
    "Paris": (48.86, 2.35),
    "Wittenberg": (51.87, 12.65),
    "Antwerp": (51.22, 4.40),
    "Lyon": (45.76, 4.84),
    "Cologne": (50.94, 6.96),
    "Rome": (41.90, 12.50),
    "Salamanca": (40.97, -5.66),
}
"""Where books of this kind were printed, with latitude and longitude in degrees."""


def cells_of(table: int) -> list[list[str]]:
    """The numbers of a table: arguments, and a function of them in three columns, other for each table."""
    rng = np.random.default_rng([1, table])
    radius, step, start = rng.integers(20, 60), rng.uniform(0.4, 3.0), rng.uniform(0, 90)
    rows = []
    for row in range(ROWS):
        value = radius * abs(math.sin(math.radians(start + step * row)))
        seconds = round(3600 * value)
        rows.append([str(row + 1), str(seconds // 3600), str(seconds // 60 % 60), str(seconds % 60)])
    return rows


@dataclass(frozen=True)
class MadeUpReader:
    """Gives the reading of a made-up page by the name of its scan."""

    fingerprint: str = "made-up-1"

    def read(self, path: Path) -> Reading:
        number = int(path.stem[1:])
        if number % BROKEN_EVERY == BROKEN_EVERY - 1:
            raise ScanError(f"{path}: not an image (made up for this benchmark); scan it again")
        return reading_of(number, str(path))


def reading_of(number: int, scan: str = "") -> Reading:
    """The reading of a page: page ``number`` of all, the editions of a table one after the other."""
    table, edition = table_of(number)
    is_table = number % WORDS_EVERY != WORDS_EVERY - 2
    rng = np.random.default_rng([2, number])
    numbers = []
    for row, cells in enumerate(cells_of(table) if is_table else [["15", "1604"]]):
        for column, printed in enumerate(cells):
            text = str(rng.integers(0, 60)) if rng.random() < MISPRINTS else printed
            sure = 0.99 if rng.random() > 0.03 else float(rng.uniform(0.4, 0.9))
            x, y = 80 + 120 * column + 7 * edition % 40, 90 + 25 * row
            digits = tuple(
                Digit(int(figure), Box(x + 11 * place, y, 9, 14), sure, ((int(figure) + 3) % 10, 1 - sure))
                for place, figure in enumerate(text)
            )
            cell = (0, row, column) if is_table else (None, None, None)
            numbers.append(Number(text, digits, sure ** len(text), *cell, value=int(text)))
    reading = Reading(scan, Path(scan).stem, "", Transform(WIDTH, HEIGHT), is_table, 0.9, tuple(numbers))
    return reading.with_histogram(histogram(reading))


def table_of(number: int) -> tuple[int, int]:
    """Table and edition of a page; a book is forty tables on pages that follow each other."""
    book, page = divmod(number, PAGES_A_BOOK)
    group, edition = divmod(book, EDITIONS)
    return group * PAGES_A_BOOK + page, edition


def draw(reading: Reading, path: Path) -> None:
    """Draw a scan with the numbers of a reading at their positions."""
    sheet = np.full((HEIGHT, WIDTH), 235, np.uint8)
    for number in reading.numbers:
        for digit in number.digits:
            x, y = round(digit.box.x), round(digit.box.y)
            figure = _figure(digit.value)
            sheet[y : y + len(figure), x : x + figure.shape[1]] = figure
    cv2.putText(sheet, path.stem, (60, 50), cv2.FONT_HERSHEY_COMPLEX_SMALL, 0.9, 60, 1, cv2.LINE_AA)
    cv2.imwrite(str(path), sheet, [cv2.IMWRITE_JPEG_QUALITY, 50])


@cache
def _figure(value: int | None) -> np.ndarray:
    """A figure on paper, drawn once: pasting is ten times as quick."""
    paper = np.full((18, 12), 235, np.uint8)
    return cv2.putText(paper, str(value), (0, 14), cv2.FONT_HERSHEY_COMPLEX_SMALL, 0.7, 40, 1, cv2.LINE_AA)


def step_make(folder: Path, n_pages: int) -> dict[str, float]:
    """Scans, metadata, and the readings of a run."""
    scans = folder / "scans"
    scans.mkdir(parents=True)
    towns = list(TOWNS)
    corpus = Corpus.create(folder / "run", {"network": MadeUpReader.fingerprint}, versions=versions())
    about, rows = {}, []
    for number in range(n_pages):
        path = scans / f"p{number:06d}.jpg"
        reading = reading_of(number, str(path))
        draw(reading, path)
        book = number // PAGES_A_BOOK
        town = towns[book * 7 % len(towns)]
        where = dict(zip(("latitude", "longitude"), map(str, TOWNS[town]), strict=True))
        year = 1500 + book * 37 % 150
        about[path.stem] = PageMetadata(
            book=f"book{book:04d}",
            authors=(f"Author {book // EDITIONS}",),
            title="Tabulae",
            place=town,
            date=str(year),
            year=year,
            year_latest=year,
            extra={**where, "shelf mark": f"4 Math. {book}"},
        )
        if number % BROKEN_EVERY != BROKEN_EVERY - 1:
            rows.append(replace(reading, sha256=hashlib.sha256(path.read_bytes()).hexdigest()))
        if len(rows) == SHARD_ROWS or (rows and number == n_pages - 1):
            corpus.reading_shards.append([reading_row(row) for row in rows])
            corpus.embedding_shards.append([embedding_row(row.sha256, np.asarray(row.histogram)) for row in rows])
            rows.clear()
    ingest(corpus, {path.stem: Locator(path) for path in sorted(scans.iterdir())}, about)
    read_pages(corpus, lambda: MadeUpReader().read)
    return {}


def step_neighbours(folder: Path, n_pages: int) -> dict[str, float]:
    """Neighbours and the map."""
    corpus = Corpus.open(folder / "run")
    corpus.build_neighbours()
    make_map(corpus, landmarks=1000)
    return {}


def step_find(folder: Path, n_pages: int) -> dict[str, float]:
    """Clusters with what is aligned for them, as in any run."""
    return {"clusters": len(cluster(Corpus.open(folder / "run")).clusters)}


def step_clusters(folder: Path, n_pages: int) -> dict[str, float]:
    """The clusters that were made, with the alignments of their pages."""
    corpus = Corpus.open(folder / "run")
    pages, counts = corpus.histograms
    clusterer = corpus.clusterer()
    tables = np.array([table_of(int(pages[row][1:]))[0] for row in clusterer.rows])
    clusterer.__dict__["partition"] = np.unique(tables, return_inverse=True)[1]
    clustering = clusterer.cluster(stability=False)
    clustering = replace(clustering, kinds=kinds_of(clustering, counts))
    alignments = RunAlignments(corpus, clustering=True)
    pairs = [pair for group in clustering.clusters for pair in combinations(sorted(group.pages), 2)]
    alignments.verify(*pairs[0])
    (first,) = alignments.new.values()
    for a, b in pairs[1:]:
        keys = alignments.reading_key(a), alignments.reading_key(b)
        line = {**first.line, "reading_a": keys[0], "reading_b": keys[1]}
        alignments.new[keys] = replace(first, line=line)
        alignments._asked.add(keys)
    alignments.save()
    corpus.clusterings.save(replace(clustering, relations=relate(alignments, clustering)))
    return {"clusters": len(clustering.clusters), "pairs": len(pairs)}


def step_write(folder: Path, n_pages: int) -> dict[str, float]:
    """The report for the first time."""
    index = write_report(Corpus.open(folder / "run"))
    files = [path for path in index.parent.rglob("*") if path.is_file()]
    sizes = {str(path.relative_to(index.parent)): path.stat().st_size for path in files}
    largest = max(sizes, key=lambda name: sizes[name])
    return {
        "files": len(files),
        "megabytes": sum(sizes.values()) / 1e6,
        "index_megabytes": sizes["index.html"] / 1e6,
        "largest_megabytes": sizes[largest] / 1e6,
    }


def step_again(folder: Path, n_pages: int) -> dict[str, float]:
    """The same report once more: what was aligned and drawn is kept."""
    write_report(Corpus.open(folder / "run"))
    return {}


STEPS: dict[str, Callable[[Path, int], dict[str, float]]] = {
    "make": step_make,
    "neighbours": step_neighbours,
    "clusters": step_clusters,
    "find": step_find,
    "write": step_write,
    "again": step_again,
}


# In the browser

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--host-resolver-rules=MAP * ~NOTFOUND"]
PAINT = "() => performance.getEntriesByName('first-contentful-paint').map((entry) => entry.startTime)[0] ?? null"
NODES = "() => document.getElementsByTagName('*').length"
REPEATS = 3
"""Each page is opened so often; the median counts."""


def look(report: Path, shots: Path | None = None) -> dict[str, dict[str, float]]:
    """First paint in seconds, elements and seconds of a filter of each kind of page, opened from the disk."""
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    found: dict[str, dict[str, float]] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for path in shown(report):
            paints, nodes, filtered = [], 0, None
            for _ in range(REPEATS):
                context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
                page = context.new_page()
                page.goto(path.as_uri(), wait_until="load")
                paints.append(first_paint(page))
                nodes = max(nodes, page.evaluate(NODES))
                search = page.locator("section.list input[type=search]")
                if search.count():
                    page.wait_for_selector("[data-list][data-ready]", timeout=60_000)
                    started = time.perf_counter()
                    search.first.fill("book0003")
                    page.wait_for_selector("[data-list][data-asked='book0003']", state="attached", timeout=60_000)
                    filtered = time.perf_counter() - started
                    nodes = max(nodes, page.evaluate(NODES))
                if shots is not None:
                    shots.mkdir(parents=True, exist_ok=True)
                    name = path.relative_to(report.parent).as_posix().replace("/", "-").removesuffix(".html")
                    page.screenshot(path=shots / f"{name}.png")
                context.close()
            name = path.relative_to(report.parent).as_posix()
            found[name] = {"first_paint": sorted(paints)[REPEATS // 2], "elements": nodes}
            if filtered is not None:
                found[name]["filter"] = filtered
        browser.close()
    return found


def first_paint(page: Any) -> float:
    """Seconds until something was painted; the policy of a report forbids what playwright waits with."""
    give_up = time.monotonic() + 60
    while (painted := page.evaluate(PAINT)) is None:
        if time.monotonic() > give_up:
            raise TimeoutError(f"{page.url}: nothing was painted in 60 s")
        page.wait_for_timeout(50)
    return painted / 1000


def shown(report: Path) -> list[Path]:
    """A page of every kind, of each kind the largest."""
    folder = report.parent
    of_kind = {path.parent.name: path for path in sorted(folder.glob("*/*.html"), key=lambda path: path.stat().st_size)}
    return [*sorted(folder.glob("*.html")), *of_kind.values()]


def measure(n_pages: int, folder: Path, shots: Path | None, *, found: bool) -> dict[str, dict[str, float]]:
    """The figures of each step for a corpus of so many pages."""
    rows: dict[str, dict[str, float]] = {}
    for step in STEPS:
        made = {"make": "pages.parquet", "neighbours": "map.parquet", "clusters": "clusters", "find": "clusters"}
        if step == ("clusters" if found else "find") or (step in made and (folder / "run" / made[step]).exists()):
            continue
        command = [sys.executable, __file__, "--step", step, "--folder", str(folder), "--pages", str(n_pages)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        rows[step] = json.loads(done.stdout)
        print(f"{step}, {n_pages:,} pages: {_written(rows[step])}", flush=True)
    for name, figures in look(folder / "run" / "report" / "index.html", shots).items():
        rows[f"look at {name}"] = figures
        print(f"look at {name}, {n_pages:,} pages: {_written(figures)}", flush=True)
    return rows


def _written(figures: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in figures.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", nargs="+", type=int, default=[1_000, 3_000, 10_000])
    parser.add_argument("--folder", type=Path, help="Where runs are written; a new folder unless given.")
    parser.add_argument("--keep", action="store_true", help="Leave the runs there; the next call goes on with them.")
    parser.add_argument("--found", action="store_true", help="Find the clusters as in any run, which takes long.")
    parser.add_argument("--json", type=Path, help="Write every figure to this file.")
    parser.add_argument("--shots", type=Path, help="Write a picture of each page that is opened into this folder.")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        (n_pages,) = options.pages
        used = time.process_time()
        figures = STEPS[options.step](options.folder, n_pages)
        used = time.process_time() - used
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        cost = {"cpu_seconds": used, "cpu_ms_a_page": 1000 * used / n_pages, "peak_megabytes": peak}
        print(json.dumps({**cost, **figures}))
        return
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        for n_pages in options.pages:
            folder = (options.folder or Path(scratch)) / str(n_pages)
            shots = None if options.shots is None else options.shots / str(n_pages)
            found[n_pages] = measure(n_pages, folder, shots, found=options.found)
            if not options.keep:
                shutil.rmtree(folder)
    costs = {n_pages: rows["write"]["cpu_seconds"] for n_pages, rows in found.items()}
    if len(costs) > 1:
        slope = np.polyfit(np.log(list(costs)), np.log(list(costs.values())), 1)[0]
        print(f"the report's seconds of a core grow with the power {slope:.2f} of the pages")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
