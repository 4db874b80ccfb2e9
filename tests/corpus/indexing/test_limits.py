import resource
import sys
from contextlib import contextmanager

import cv2
import numpy as np
import pytest
import torch

from tablesim.corpus.indexing.engine import read_scans
from tablesim.corpus.indexing.limits import one_thread
from tablesim.corpus.indexing.pool import read_in_process

MEGABYTE = 1 << 20


def faults_of_large_arrays():
    """Pieces of memory that the system cleared while arrays of 50 MB came and went ten times."""
    np.ones(50 * MEGABYTE, np.uint8)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        np.ones(50 * MEGABYTE, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def threads():
    return torch.get_num_threads(), cv2.getNumThreads()


class LimitsAsText:
    """A reader that reports the limits of its process instead of reading."""

    def __call__(self, path):
        return f"{faults_of_large_arrays()} {torch.get_num_threads()} {cv2.getNumThreads()}"


def make_reader():
    return LimitsAsText()


@contextmanager
def two_threads():
    before = threads()
    torch.set_num_threads(2)
    cv2.setNumThreads(2)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of other systems is left as it is")
@pytest.mark.parametrize("engine", ["pool", "dask"])
def test_a_worker_keeps_its_memory_and_computes_on_one_thread(tmp_path, engine):
    tasks = [("a" * 64, tmp_path / "a"), ("b" * 64, tmp_path / "b")]
    if engine == "pool":
        outcomes = list(read_scans(make_reader, tasks, workers=2))
    else:
        distributed = pytest.importorskip("distributed")
        with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster:
            outcomes = list(read_scans(make_reader, tasks, scheduler=cluster.scheduler_address))
    assert len(outcomes) == 2
    for _, done in outcomes:
        faults, *worker_threads = map(int, done.outcome.split())
        # Ten times 50 MB would be 128,000 pieces of 4 KB.
        assert faults < 20_000
        assert worker_threads == [1, 1]


def test_threads_are_restored():
    with two_threads():
        with one_thread():
            assert threads() == (1, 1)
        assert threads() == (2, 2)


def test_reading_in_the_process_of_the_caller_leaves_its_threads_and_its_memory_alone(tmp_path, monkeypatch):
    monkeypatch.setattr("ctypes.CDLL", lambda name: pytest.fail("the allocator of the caller was looked for"))
    tasks = [("a" * 64, tmp_path / "a"), ("b" * 64, tmp_path / "b")]
    with two_threads():
        outcomes = read_in_process(make_reader, tasks)
        _, done = next(outcomes)
        assert done.outcome.split()[1:] == ["1", "1"]
        # Asked for no further page, and never closed: as a notebook leaves it whose cell was interrupted.
        assert threads() == (2, 2)
        outcomes.close()


def fail():
    raise ValueError("no reader")


def test_threads_are_restored_when_no_reader_can_be_made(tmp_path):
    with two_threads():
        with pytest.raises(ValueError, match="no reader"):
            list(read_in_process(fail, [("a" * 64, tmp_path)]))
        assert threads() == (2, 2)
