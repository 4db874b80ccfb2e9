"""``run`` killed by force at random moments and given again: is the run folder that of an undisturbed job?

    python benchmarks/kills.py [--n 100] [--pages 40] [--seed 0] [--scans FOLDER]

The pages are small ones for a reader without a network, one of which cannot be read; with ``--scans`` they are those of
a folder and the bundled network reads. Each kill hits a moment drawn over the whole length of an undisturbed job. Every
file is compared byte by byte, but for the log of events, the cache of search, and the folder's own name.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from corpus.fakes import FakeReader, write_corpus, write_scan
from workflow.test_killed import contents

from tablesim.corpus.store import Corpus
from tablesim.workflow import run


def _start(scans: Path, out: Path, network: FakeReader | None) -> int:
    """Start a job in a process of its own, which has everything loaded already."""
    if not (pid := os.fork()):
        code = 1
        try:
            run(scans, out, network=network)
            code = 0
        finally:
            os._exit(code)
    return pid


def _stage(out: Path) -> str:
    """What a job that was killed was at."""
    if not (out / "run.json").is_file():
        return "before run.json"
    if not (out / "pages.parquet").is_file():
        return "finding scans"
    status = Corpus.open(out).status()
    if status["waiting"]:
        return "reading"
    return "finished" if status["finished"] else "after reading"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=100)
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
    start = time.monotonic()
    run(scans, folder / "straight", network=network)
    seconds = time.monotonic() - start
    straight = contents(folder / "straight")
    stages: Counter[str] = Counter()
    equal = 0
    for number in range(given.n):
        out = folder / "out"
        pid = _start(scans, out, network)
        time.sleep(chance.uniform(0, seconds))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        stages[_stage(out)] += 1
        if os.waitpid(_start(scans, out, network), 0)[1]:
            print(f"kill {number}: the same command failed")
        else:
            now = contents(out)
            different = sorted(name for name in {*now, *straight} if now.get(name) != straight.get(name))
            equal += not different
            if different:
                print(f"kill {number}: different: {', '.join(different)}", flush=True)
        shutil.rmtree(out)
    shutil.rmtree(folder)
    print(f"{equal} of {given.n} equal to the undisturbed run ({seconds:.1f} s); killed in: {dict(stages)}")
    raise SystemExit(0 if equal == given.n else 1)


if __name__ == "__main__":
    main()
