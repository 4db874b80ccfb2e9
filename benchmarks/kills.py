"""Jobs ended by signals at random moments and given again: is the folder that of an undisturbed job?

    python benchmarks/kills.py [--n 100] [--jobs run,cluster,report,export] [--signals KILL,INT,TERM,HUP]
        [--pages 40] [--seed 0] [--scans FOLDER]

The pages are small ones for a reader without a network, one of which cannot be read; with ``--scans`` they are those of
a folder and the bundled network reads. Jobs and signals take turns; each hits a moment drawn over the whole length of
the undisturbed job. Every file is compared byte by byte, but for the log of events, the cache of search, the time of
an export, and the folder's own name.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from corpus.fakes import FakeReader, write_corpus, write_scan
from workflow.test_killed import contents as every_byte

from tablesim.corpus.store import Corpus
from tablesim.export.formats import export_run
from tablesim.export.kinds import Format
from tablesim.report import write_report
from tablesim.workflow import run
from tablesim.workflow.clustering import cluster

JOBS = ("run", "cluster", "report", "export")
SIGNALS = ("KILL", "INT", "TERM", "HUP")

Job = Callable[[Path], object]


_MOMENT = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)?")


def contents(out: Path) -> dict[str, bytes]:
    """The files of a run; when an export was made does not count."""
    return {name: _MOMENT.sub(b"TIME", data) for name, data in every_byte(out).items()}


def _jobs(scans: Path, network: FakeReader | None) -> dict[str, Job]:
    """What is done in a run folder by each job, the first of which makes it."""
    return {
        "run": lambda out: run(scans, out, network=network),
        "cluster": lambda out: cluster(Corpus.open(out), 3),
        "report": lambda out: write_report(Corpus.open(out)),
        "export": lambda out: export_run(Corpus.open(out), Format.csv, force=True),
    }


def _start(job: Job, out: Path) -> int:
    """Start a job in a process of its own, which has everything loaded already."""
    if not (pid := os.fork()):
        code = 1
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # the traceback of an interrupt
            job(out)
            code = 0
        finally:
            os._exit(code)
    return pid


def _stage(out: Path) -> str:
    """What a run that was ended was at."""
    if not (out / "run.json").is_file():
        return "before run.json"
    if not (out / "pages.parquet").is_file():
        return "finding scans"
    status = Corpus.open(out).status()
    if status["waiting"]:
        return "reading"
    return "finished" if status["finished"] else "after reading"


def _prepare(name: str, base: Path, out: Path) -> None:
    """The folder that a job begins with."""
    shutil.rmtree(out, ignore_errors=True)
    if name != "run":
        shutil.copytree(base, out)


def _first_difference(was: bytes, now: bytes) -> str:
    """The first lines of two files that are not equal."""
    lines = itertools.zip_longest(was.splitlines(), now.splitlines())
    return next((f"    {a!r:.150}\n    {b!r:.150}" for a, b in lines if a != b), "    their ends")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=100)
    parser.add_argument("--jobs", default=",".join(JOBS))
    parser.add_argument("--signals", default=",".join(SIGNALS))
    parser.add_argument("--pages", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scans", type=Path)
    given = parser.parse_args()
    chance = random.Random(given.seed)
    folder = Path(tempfile.mkdtemp())
    scans, network = given.scans or folder / "scans", None
    if given.scans is None:
        write_corpus(scans, given.pages // 5, 5, given.pages % 5)
        write_scan(scans / "odd.png", "mistake", 250)
        network = FakeReader(delay=0.02)
    jobs = {name: job for name, job in _jobs(scans, network).items() if name in given.jobs.split(",")}
    base, out = folder / "base", folder / "out"
    run(scans, out, network=network)
    shutil.copytree(out, base)
    seconds, straight = {}, {}
    for name, job in jobs.items():
        _prepare(name, base, out)
        start = time.monotonic()
        os.waitpid(_start(job, out), 0)
        seconds[name], straight[name] = time.monotonic() - start, contents(out)
    ended: Counter[str] = Counter()
    equal = 0
    for number in range(given.n):
        name = list(jobs)[number % len(jobs)]
        sign = given.signals.split(",")[number // len(jobs) % len(given.signals.split(","))]
        _prepare(name, base, out)
        pid = _start(jobs[name], out)
        time.sleep(chance.uniform(0, seconds[name]))
        os.kill(pid, getattr(signal, f"SIG{sign}"))
        os.waitpid(pid, 0)
        ended[f"{name} by {sign}"] += 1
        ended[_stage(out) if name == "run" else name] += 1
        if os.waitpid(_start(jobs[name], out), 0)[1]:
            print(f"{number}, {name} ended by {sign}: the same command failed", flush=True)
            continue
        now = contents(out)
        different = sorted(file for file in {*now, *straight[name]} if now.get(file) != straight[name].get(file))
        equal += not different
        if different:
            print(f"{number}, {name} ended by {sign}: different: {', '.join(different)}", flush=True)
            print(_first_difference(straight[name].get(different[0], b""), now.get(different[0], b"")), flush=True)
    shutil.rmtree(folder)
    lengths = ", ".join(f"{name} {length:.1f} s" for name, length in seconds.items())
    print(f"{equal} of {given.n} equal to the undisturbed job ({lengths}); ended: {dict(ended)}")
    raise SystemExit(0 if equal == given.n else 1)


if __name__ == "__main__":
    main()
