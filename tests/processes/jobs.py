"""What several processes do with one run folder.

The folder holds ``scans`` and the run ``run``. A job says "done", or "in use" where it was told so, or "not yet" of a
run that another has only begun; anything else is a failure, of which the traceback is told.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import random
import time
import traceback
from collections.abc import Sequence
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from corpus.fakes import FakeReader

from tablesim.corpus.corrections.apply import correct
from tablesim.corpus.store import Corpus
from tablesim.errors import InUseError, RunError
from tablesim.records.corrections import Correction
from tablesim.records.reading import Reading
from tablesim.report.writing import write_report
from tablesim.review.review import Review
from tablesim.scans.images import MAX_PIXELS
from tablesim.workflow import run
from tablesim.workflow.clustering import recluster

TESTS = Path(__file__).resolve().parents[1]
JOBS = ("run", "status", "cluster", "report", "review", "correct")
NOT_YET = ("no such run folder", "no run folder", "no page in this run", "no clustering", "has not been read")
"""What a job may say of a run that another has only begun."""


class Job(NamedTuple):
    """A process and the end of the pipe through which it says what became of its job."""

    process: Any
    answer: Connection


@functools.cache
def _processes() -> Any:
    """Processes of jobs are forked from one that has imported everything, also what a job loads when it wants it."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = f"{TESTS}{os.pathsep}{TESTS.parent}"
    context = multiprocessing.get_context("forkserver")
    try:
        context.set_forkserver_preload(["processes.jobs", "tablesim.bigrams.network", "sklearn.cluster", "pandas"])
        forkserver.ensure_running()
    finally:
        os.environ.pop("PYTHONPATH") if before is None else os.environ.update(PYTHONPATH=before)
    return context


def start(job: str, folder: Path, seed: int = 0) -> Job:
    """Start a job in a process of its own."""
    answer, said = _processes().Pipe(duplex=False)
    process = _processes().Process(target=_answer, args=(said, job, folder, seed))
    process.start()
    said.close()
    return Job(process, answer)


def _answer(said: Connection, job: str, folder: Path, seed: int) -> None:
    try:
        said.send(words(job, folder, seed))
    except BaseException:
        said.send(traceback.format_exc())


def finish(jobs: Sequence[Job], seconds: float = 180) -> list[str]:
    """Wait for jobs; what each said. AssertionError with its traceback for one that failed."""
    said = []
    for process, answer in jobs:
        assert answer.poll(seconds), f"{process} says nothing"
        said.append(answer.recv())
        process.join()
        assert said[-1] in ("done", "in use", "not yet"), said[-1]
        answer.close()
        process.close()
    return said


class HeldReader(FakeReader):
    """Reads one page, then waits until the file ``hold`` beside the scans is gone: the job is under way meanwhile."""

    def read(self, path: Path, max_pixels: int = MAX_PIXELS) -> Reading:
        beside = Path(path).parents[1]
        begun = beside / "begun"
        for _ in range(6000):
            if not begun.exists() or not (beside / "hold").exists():
                begun.touch()
                return super().read(path, max_pixels)
            time.sleep(0.02)
        raise AssertionError("nobody let the job go on")


def interleave(folder: Path, seed: int, n_jobs: int = 4) -> list[str]:
    """Run some jobs at random moments in one folder; what each said."""
    chance = random.Random(seed)
    started = []
    for number in range(n_jobs):
        started.append(start(chance.choice(JOBS), folder, 100 * seed + number))
        time.sleep(chance.uniform(0, 0.5))
    return finish(started)


def _do(job: str, folder: Path, seed: int) -> str:
    chance = random.Random(seed)
    out = folder / "run"
    if job in ("run", "held run"):
        run(folder / "scans", out, network=FakeReader(delay=0.02) if job == "run" else HeldReader())
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


def words(job: str, folder: Path, seed: int) -> str:
    """Do a job; what is to be said of it."""
    try:
        return _do(job, folder, seed)
    except InUseError:
        return "in use"
    except RunError as error:
        if not any(words in str(error) for words in NOT_YET):
            raise
        return "not yet"
