"""What several processes do with one run folder: ``python -m processes.jobs JOB FOLDER SEED`` is one of them.

``FOLDER`` holds ``scans`` and the run ``run``. A job prints "done", or "in use" where it was told so, or "not yet" of a
run that another has only begun; anything else is a failure and goes to stderr as a traceback.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from corpus.fakes import FakeReader

from tablesim.corpus.corrections.apply import correct
from tablesim.corpus.store import Corpus
from tablesim.errors import InUseError, RunError
from tablesim.records.corrections import Correction
from tablesim.report.writing import write_report
from tablesim.review.review import Review
from tablesim.workflow import run
from tablesim.workflow.clustering import recluster

TESTS = Path(__file__).resolve().parents[1]
JOBS = ("run", "status", "cluster", "report", "review", "correct")
NOT_YET = ("no such run folder", "no run folder", "no page in this run", "no clustering", "has not been read")
"""What a job may say of a run that another has only begun."""


def start(job: str, folder: Path, seed: int = 0) -> subprocess.Popen[str]:
    """Start a job in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent}", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "processes.jobs", job, str(folder), str(seed)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(jobs: Sequence[subprocess.Popen[str]], seconds: float = 180) -> list[str]:
    """Wait for jobs; what each said. AssertionError with its traceback for one that failed."""
    words = []
    for job in jobs:
        stdout, stderr = job.communicate(timeout=seconds)
        assert job.returncode == 0, f"{job.args}\n{stderr}"
        words.append(stdout.strip())
    return words


def interleave(folder: Path, seed: int, n_jobs: int = 4) -> list[str]:
    """Run some jobs at random moments in one folder; what each said."""
    chance = random.Random(seed)
    started = []
    for number in range(n_jobs):
        started.append(start(chance.choice(JOBS), folder, 100 * seed + number))
        time.sleep(chance.uniform(0, 1.5))
    return finish(started)


def _do(job: str, folder: Path, seed: int) -> str:
    chance = random.Random(seed)
    out = folder / "run"
    if job in ("run", "slow run"):
        run(folder / "scans", out, network=FakeReader(delay=0.02 if job == "run" else 1.0))
        return "done"
    if job == "status":
        for _ in range(30):
            if (out / "run.json").is_file():
                Corpus.open(out).status()
            time.sleep(0.02)
        return "done"
    corpus = Corpus.open(out)
    if job == "cluster":
        recluster(corpus)
    elif job == "report":
        write_report(corpus)
    else:
        ids, _ = corpus.embeddings
        if len(ids) < 2:
            return "not yet"
        page, other = chance.sample(ids, 2)
        if job == "review":
            Review(corpus).say(page, other, "merge" if page[:2] == other[:2] else "split", "Anna", f"seed {seed}")
        else:
            numbers = corpus.machine_reading(page).numbers
            if not numbers:
                return "not yet"
            number = chance.choice(numbers)
            text = str(seed % 90 + 10)
            correct(corpus, [Correction(page, number.box, number.text, text, reason=f"seed {seed}")], "Anna")
    return "done"


def main() -> None:
    job, folder, seed = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    try:
        print(_do(job, folder, seed))
    except InUseError:
        print("in use")
    except RunError as error:
        if not any(words in str(error) for words in NOT_YET):
            raise
        print("not yet")


if __name__ == "__main__":
    main()
