"""``tablesim run`` under stress: killed by force and continued; and one worker against two.

    python benchmarks/indexing.py [--pages 200] [--kills 3] [--folder DIR] [--timed 48] [--pairs 3]

Synthesizes a corpus, reads it with two workers, kills the job with SIGKILL at moments drawn at random, gives the same
command again, and compares the run folder with that of a job that nobody disturbed: every file, byte by byte, but for
what tells of the job itself (the log of events, the cache of search) and the folder's own name. Before that
it reads ``--timed`` of the scans with one worker and with two, in turn, and says how many pages a second each reads
while all are at work, how long they took to start, and how many seconds of a core all processes together used for each
page meanwhile: the figure to trust on a machine that does other things too.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

from tablesim.corpus.store import Corpus
from tablesim.synthesis.corpus import plan_of_pages, write_corpus

WARM = 3
"""Pages of each worker that are not timed: the first are slower."""

NOT_COMPARED = ("events.jsonl", ".search", ".lock")


def command(scans: Path, out: Path, workers: int) -> list[str]:
    return [sys.executable, "-m", "tablesim", "run", str(scans), "--out", str(out), "--workers", str(workers), "--json"]


def finish(scans: Path, out: Path, workers: int) -> float:
    """Run to the end; the seconds it took."""
    started = time.perf_counter()
    done = subprocess.run(command(scans, out, workers), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"tablesim run failed:\n{done.stderr}")
    return time.perf_counter() - started


def pages_done(out: Path) -> int:
    """Pages that are on the disk: those that a job that begins now would not read again."""
    return Corpus.open(out).status()["read"] if (out / "pages.parquet").is_file() else 0


def kill_at(scans: Path, out: Path, page: int) -> int:
    """Start a job with two workers and kill its parent after ``page`` pages are read; how many are."""
    out.parent.mkdir(exist_ok=True)
    with (out.parent / "stderr.txt").open("w+") as told:
        job = subprocess.Popen(command(scans, out, 2), stdout=subprocess.DEVNULL, stderr=told)
        while job.poll() is None and pages_done(out) < page:
            time.sleep(0.3)
        if job.poll() is not None:
            told.seek(0)
            raise SystemExit(f"the job ended (exit code {job.returncode}) before it was killed:\n{told.read()}")
    job.send_signal(signal.SIGKILL)
    job.wait()
    return pages_done(out)


def contents(out: Path) -> dict[str, str]:
    """Name and hash of each file of a run folder; what depends on the folder's own name is written without it."""
    found = {}
    for path in sorted(out.rglob("*")):
        name = str(path.relative_to(out))
        if path.is_file() and not name.startswith(NOT_COMPARED):
            data = path.read_bytes()
            if path.suffix in (".json", ".html", ".csv"):
                data = data.replace(str(out).encode(), b"RUN")
            found[name] = hashlib.sha256(data).hexdigest()
    return found


@dataclass(frozen=True)
class Pace:
    """How a job went on while every worker read.

    ``rate`` in pages a second, ``started`` in seconds from the begin of reading to the first page, ``processor`` in
    seconds of a core that all its processes used for a page.
    """

    rate: float
    started: float
    processor: float


def timed_run(scans: Path, out: Path, workers: int, pages: int) -> Pace:
    """The pace of a job, without the pages at both ends, where not every worker is at work."""
    first, last = WARM * workers, pages - workers
    job = subprocess.Popen(command(scans, out, workers), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seen: list[tuple[int, float]] = []
    for page in (first, last):
        while job.poll() is None and len(read_at(out)) <= page:
            time.sleep(0.02)
        seen.append((len(read_at(out)), processor(job.pid)))
    if job.wait():
        raise SystemExit(f"tablesim run ended with exit code {job.returncode}")
    at = read_at(out)
    (n, used), (m, used_then) = seen
    begun = next(when for kind, when in reading_events(out) if kind == "start")
    return Pace((last - first) / (at[last] - at[first]), at[0] - begun, (used_then - used) / (m - n))


def processor(pid: int) -> float:
    """Seconds of a core that a process and those that it started have used."""
    parent = psutil.Process(pid)
    times = [process.cpu_times() for process in (parent, *parent.children(recursive=True))]
    return float(sum(each.user + each.system for each in times))


def reading_events(out: Path) -> list[tuple[str, float]]:
    """Kind and time of what happened while pages were read."""
    log = out / "events.jsonl"
    text = log.read_text() if log.is_file() else ""
    lines = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
    return [(line["kind"], datetime.fromisoformat(line["at"]).timestamp()) for line in lines if line["stage"] == "read"]


def read_at(out: Path) -> list[float]:
    """When each page was read."""
    return [when for kind, when in reading_events(out) if kind == "page"]


def killed(folder: Path, scans: Path, pages: int, kills: int, seed: int) -> None:
    # One name, for the report shows it.
    undisturbed, disturbed = folder / "undisturbed" / "run", folder / "disturbed" / "run"
    print(f"undisturbed, 2 workers: {finish(scans, undisturbed, 2):.0f} s", flush=True)
    rng = random.Random(seed)
    for page in sorted(rng.sample(range(1, pages - 4 * kills), kills)):
        print(f"killed with {kill_at(scans, disturbed, page)} pages on the disk", flush=True)
    print(f"continued to the end: {finish(scans, disturbed, 2):.0f} s")
    one, other = contents(undisturbed), contents(disturbed)
    different = sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
    print(f"{len(one)} files of the run folder compared; different: {', '.join(different) or 'none'}")
    if different:
        raise SystemExit(1)


def against(folder: Path, scans: Path, timed: int, pairs: int) -> None:
    few = folder / "few"
    few.mkdir()
    for scan in sorted(path for path in scans.rglob("*") if path.suffix == ".jpg")[:timed]:
        shutil.copy(scan, few)
    ratios, used = [], []
    for _ in range(pairs):
        found = {}
        for workers in (1, 2):
            out = folder / f"workers-{workers}"
            found[workers] = pace = timed_run(few, out, workers, timed)
            shutil.rmtree(out)
            print(
                f"{workers} workers: {pace.rate:.3f} pages/s, {pace.processor:.3f} s of a core a page; "
                f"first page after {pace.started:.1f} s",
                flush=True,
            )
        ratios.append(found[2].rate / found[1].rate)
        used.append(found[2].processor / found[1].processor)
    print(
        f"2 workers read {statistics.median(ratios):.2f} times as fast as 1 (median of {pairs}: "
        f"{', '.join(f'{ratio:.2f}' for ratio in ratios)}), with {statistics.median(used):.2f} times the work a page"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--timed", type=int, default=48)
    parser.add_argument("--pairs", type=int, default=3, help="Times that one worker and two are timed in turn.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="Where the runs are written meanwhile; a new folder unless given.")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores")
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="indexing-") as name:
        folder = Path(name)
        summary = write_corpus(folder / "corpus", plan_of_pages(options.seed, options.pages))
        print(f"{summary.pages} pages synthesized", flush=True)
        scans = folder / "corpus" / "scans"
        if options.timed:
            against(folder, scans, options.timed, options.pairs)
        if options.kills:
            killed(folder, scans, options.pages, options.kills, options.seed)


if __name__ == "__main__":
    main()
