"""Two processes and one run folder: each is done or told that the folder is in use, and nothing is lost."""

import json
import time
from contextlib import contextmanager

import pytest
from corpus.fakes import FakeReader, write_corpus
from workflow.test_killed import contents

from processes.jobs import finish, interleave, start
from tablesim.corpus.store import Corpus
from tablesim.review.verdicts import VerdictLog
from tablesim.workflow import run
from tablesim.workflow.doctor import examine_run


@pytest.fixture
def folder(tmp_path):
    """A folder with ``scans`` alone."""
    write_corpus(tmp_path / "scans", 3, 3, 1)
    return tmp_path


@contextmanager
def half_way(folder):
    """A job that read a page and goes on when the block is left; then it comes to its end."""
    (folder / "hold").touch()
    job = start("held run", folder)
    try:
        wait_for_pages(folder)
        yield
    finally:
        (folder / "hold").unlink()
    assert finish([job]) == ["done"]


def wait_for_pages(folder, n=1):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if (folder / "run" / "pages.parquet").is_file() and Corpus.open(folder / "run").status()["read"] >= n:
            return
        time.sleep(0.02)
    raise AssertionError("the job read no page")


def whole(folder):
    """Whether the run is what an undisturbed one is, but for decisions of people."""
    corpus = run(folder / "scans", folder / "run", network=FakeReader())
    return corpus.status()["read"] == 10 and examine_run(folder / "run") == []


def test_a_second_run_is_told_so_and_harms_nothing(folder):
    with half_way(folder):
        assert finish([start("run", folder)]) == ["in use"]
    straight = run(folder / "scans", folder / "straight", network=FakeReader())
    assert contents(folder / "run") == contents(straight.folder)


def test_status_in_a_loop_hinders_no_run(folder):
    jobs = [start("status", folder), start("run", folder), start("status", folder)]
    assert finish(jobs) == ["done"] * 3


@pytest.mark.parametrize("job", ["cluster", "report", "correct", "review"])
def test_another_command_meanwhile(folder, job):
    with half_way(folder):
        (words,) = finish([start(job, folder)])
        assert words in ("done", "in use", "not yet")
    assert whole(folder)


def test_two_reports_of_a_finished_run(folder):
    run(folder / "scans", folder / "run", network=FakeReader())
    assert set(finish([start("report", folder, 1), start("report", folder, 2)])) <= {"done", "in use"}
    assert whole(folder)


def test_corrections_and_verdicts_of_several_processes_are_all_there(folder):
    run(folder / "scans", folder / "run", network=FakeReader())
    jobs = [start(job, folder, seed) for seed, job in enumerate(["correct", "review"] * 2, 20)]
    words = finish(jobs)
    assert set(words) <= {"done", "in use"}
    corrections = Corpus.open(folder / "run").corrections.all
    assert len(corrections) == words[::2].count("done") >= 1
    assert len(VerdictLog.of_run(folder / "run").all()) == words[1::2].count("done") >= 1


def test_random_interleavings(folder):
    assert set(interleave(folder, 1)) <= {"done", "in use", "not yet"}
    assert whole(folder)
    json.loads((folder / "run" / "run.json").read_text())
