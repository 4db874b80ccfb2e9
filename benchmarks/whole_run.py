"""A whole ``run``, from scans to report, of very many very small pages: what each stage takes, in time, memory, files.

    python benchmarks/whole_run.py [--pages 1000 10000] [--printed] [--workers 1] [--folder DIR] [--keep] [--json FILE]

Of ten pages of 200 x 150 pixels five are blank, three carry lines of words, two a table of six rows and three columns,
each table in six editions; every page has its own noise, so that no two scans are the same bytes. Reading such a page
costs a tenth of a real one: what is seen is everything else, and whether it grows faster than the pages. With
``--printed`` no network reads: what stands on a page is known by its name, and the scans of a kind differ by their last
bytes alone. Each run is a process of its own; its stages are timed by its own events, by the clock and in seconds of a
core (its workers' not), and its memory is the highest so far. Each stage is told when it ends. The same command is then
given once more, which finds nothing to do.
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

import tablesim
from benchmarks.scale import exponent
from tablesim.bigrams import histogram
from tablesim.corpus.indexing.events import Event
from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Number, Reading
from tablesim.records.transform import Transform
from tablesim.synthesis.faces import FONTS
from tablesim.synthesis.prose import sentence

WIDTH, HEIGHT, MARGIN = 200, 150, 12
ROWS, COLUMNS, EDITIONS = 6, 3, 6
FACE, FIGURE_SIZE, WORD_SIZE = "ebgaramond08.otf", 20, 13
KINDS = ("blank", "words", "table", "blank", "words", "blank", "table", "blank", "words", "blank")
PAGES_A_FOLDER = 1000


def write_scans(folder: Path, n_pages: int, *, distinct: bool) -> None:
    """Small JPEGs, a thousand to a folder, as books of a library; not ``distinct``, only their last bytes differ."""
    for number in range(n_pages):
        path = folder / f"book{number // PAGES_A_FOLDER:04d}" / f"p{number:07d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        drawn = number if distinct else number % len(KINDS)
        path.write_bytes(_scan(drawn) if distinct else _scan_of_kind(drawn) + b"%d" % number)


def _scan(number: int) -> bytes:
    rng = np.random.default_rng([1, number])
    picture = Image.new("L", (WIDTH, HEIGHT), 235)
    kind = KINDS[number % len(KINDS)]
    if kind == "words":
        _set_words(picture, rng)
    elif kind == "table":
        _set_table(picture, cells_of(number))
    noisy = np.asarray(picture, dtype=np.int16) + rng.integers(-4, 5, (HEIGHT, WIDTH))
    file = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=85)
    return file.getvalue()


_scan_of_kind = cache(_scan)


def cells_of(number: int) -> NDArray[np.int64]:
    """What is printed on a page with a table: numbers of two figures, the same on the six editions of it."""
    tens, place = divmod(number, len(KINDS))
    n_tables = tens * KINDS.count("table") + KINDS[:place].count("table")
    return np.random.default_rng([2, n_tables // EDITIONS]).integers(10, 100, (ROWS, COLUMNS))


class PrintedReader:
    """Knows by a scan's name what is printed on it."""

    fingerprint: str = "as-printed-1"

    def read(self, path: Path) -> Reading:
        """The reading of a scan, with its histogram."""
        number = int(path.stem.removeprefix("p"))
        is_table = KINDS[number % len(KINDS)] == "table"
        numbers = []
        for (row, column), value in np.ndenumerate(cells_of(number)) if is_table else ():
            x, y = MARGIN + 58.0 * (column + 0.3), MARGIN + 21.0 * row
            digits = [Digit(int(f), Box(x + 9 * at, y, 8, 12), 0.99, (0, 0.01)) for at, f in enumerate(str(value))]
            numbers.append(Number(str(value), tuple(digits), 0.98, 0, row, column, value=int(value)))
        reading = Reading(str(path), path.stem, "", Transform(WIDTH, HEIGHT), is_table, 0.9, tuple(numbers))
        return reading.with_histogram(histogram(reading))


def _set_words(picture: Image.Image, rng: np.random.Generator) -> None:
    draw, font = ImageDraw.Draw(picture), ImageFont.truetype(FONTS / FACE, WORD_SIZE)
    for y in range(MARGIN, HEIGHT - MARGIN - WORD_SIZE, WORD_SIZE + 4):
        draw.text((MARGIN, y), sentence(rng, 4)[:26], font=font, fill=40)


def _set_table(picture: Image.Image, cells: NDArray[np.int64]) -> None:
    draw, font = ImageDraw.Draw(picture), ImageFont.truetype(FONTS / FACE, FIGURE_SIZE)
    across, down = (WIDTH - 2 * MARGIN) / COLUMNS, (HEIGHT - 2 * MARGIN) / ROWS
    for (row, column), value in np.ndenumerate(cells):
        draw.text((MARGIN + across * (column + 0.3), MARGIN + down * row), str(value), font=font, fill=30)


class Meter:
    """Notes what a process used so far when a stage of its job begins and ends."""

    def __init__(self) -> None:
        self.stages: dict[str, dict[str, float]] = {}
        self._began: dict[str, tuple[float, float]] = {}

    def __call__(self, event: Event) -> None:
        if event.kind == "start":
            self._began.setdefault(event.stage, (time.perf_counter(), time.process_time()))
        elif event.kind == "end" and event.stage in self._began:
            began, used = self._began.pop(event.stage)
            at = self.stages.setdefault(event.stage, {"seconds": 0.0, "processor": 0.0, "gigabytes": 0.0})
            at["seconds"] += time.perf_counter() - began
            at["processor"] += time.process_time() - used
            at["gigabytes"] = _highest()
            print(f"  {event.stage}: {_words(at)}", file=sys.stderr, flush=True)


def _highest() -> float:
    """The most memory that the process had so far, in GB of 2^30 bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _words(used: dict[str, float]) -> str:
    return f"{used['seconds']:.1f} s, {used['processor']:.1f} s of a core, {used['gigabytes']:.2f} GB"


def measure_run(scans: Path, out: Path, workers: int, *, printed: bool) -> dict[str, Any]:
    """Run in this process; what its stages and all of it took."""
    meter = Meter()
    began = time.perf_counter()
    corpus = tablesim.run(scans, out, workers=workers, network=PrintedReader() if printed else None, on_event=meter)
    files = [path for path in out.rglob("*") if path.is_file()]
    clusters = corpus.clusters
    return {
        "stages": meter.stages,
        "all": {
            "seconds": time.perf_counter() - began,
            "processor": time.process_time(),
            "workers_processor": sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]),
            "gigabytes": _highest(),
        },
        "files": len(files),
        "megabytes": sum(path.stat().st_size for path in files) / 1e6,
        "largest_html_megabytes": max(path.stat().st_size for path in files if path.suffix == ".html") / 1e6,
        "tables": len(clusters.pages) - len(clusters.without) if clusters else 0,
        "clusters": clusters.k if clusters else 0,
        "failed": len(corpus.problems),
    }


def _told(n_pages: int, figures: dict[str, Any], again: str) -> str:
    """The figures of one run, a line a stage."""
    lines = [
        f"{n_pages:,} pages{again}: {figures['tables']:,} tables in {figures['clusters']:,} clusters, "
        f"{figures['failed']} failed; {figures['files']:,} files, {figures['megabytes']:.1f} MB, "
        f"the largest HTML {figures['largest_html_megabytes']:.2f} MB"
    ]
    for stage, used in {**figures["stages"], "all": figures["all"]}.items():
        lines.append(f"  {stage}: {_words(used)}, {1000 * used['processor'] / n_pages:.2f} ms of a core a page")
    lines.append(f"  workers: {figures['all']['workers_processor']:.1f} s of a core")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", nargs="+", type=int, default=[1_000, 10_000])
    parser.add_argument("--printed", action="store_true", help="No network: what stands on a page is known.")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="Where scans and runs are written; a new folder unless given.")
    parser.add_argument("--keep", action="store_true", help="Leave scans and runs there.")
    parser.add_argument("--json", type=Path, dest="report", help="Write every figure to this file.")
    parser.add_argument("--measure", nargs=2, type=Path, metavar=("SCANS", "RUN"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure_run(given.measure[0], given.measure[1], given.workers, printed=given.printed)))
        return
    found: dict[int, dict[str, Any]] = {}
    folder = Path(tempfile.mkdtemp(dir=given.folder, prefix="whole-run-"))
    try:
        for n_pages in given.pages:
            scans, out = folder / f"scans-{n_pages}", folder / f"run-{n_pages}"
            write_scans(scans, n_pages, distinct=not given.printed)
            for again in ("", ", the same command again"):
                command = [sys.executable, __file__, "--measure", str(scans), str(out), "--workers", str(given.workers)]
                command += ["--printed"] * given.printed
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                figures = json.loads(done.stdout)
                print(_told(n_pages, figures, again), flush=True)
                if not again:
                    found[n_pages] = figures
    finally:
        if not given.keep:
            shutil.rmtree(folder)
    used = {n: figures["all"]["processor"] for n, figures in found.items()}
    if len(used) > 1:
        print(f"seconds of a core grow with the power {exponent(used):.2f} of the pages")
    if given.report:
        given.report.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
