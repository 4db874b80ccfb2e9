import mmap
import os
import platform
import sys
import time

import pytest

from tablesim.corpus.indexing import engine
from tablesim.corpus.indexing.costs import Done
from tablesim.corpus.indexing.engine import read_scans
from tablesim.errors import RunError, WeightsError


class ModulesAsText:
    def __call__(self, path):
        return f"{path.name} {'distributed' in sys.modules}"


def make_reader():
    return ModulesAsText()


def refuse_weights():
    raise WeightsError("digits.safetensors: no such weights here")


def lack_memory():
    raise MemoryError("weights")


def test_several_workers_are_a_pool_of_processes_without_dask(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "read_with_dask", None)
    tasks = [(name * 64, tmp_path / name) for name in "abc"]
    found = sorted((key, done.outcome) for key, done in read_scans(make_reader, tasks, workers=2))
    assert found == [(name * 64, f"{name} False") for name in "abc"]


def test_a_worker_that_cannot_load_its_weights_ends_the_job(tmp_path):
    tasks = [(name * 64, tmp_path / name) for name in "ab"]
    with pytest.raises(WeightsError, match="no such weights here"):
        list(read_scans(refuse_weights, tasks, workers=2))
    with pytest.raises(RunError, match=r"a worker cannot read at all \(MemoryError: weights\)"):
        list(read_scans(lack_memory, tasks, workers=2))


def test_the_fate_of_a_page_whose_worker_died_is_decided_alone(tmp_path, monkeypatch):
    tasks = [(name * 64, tmp_path / name) for name in "ab"]
    monkeypatch.setattr(
        engine, "read_in_pool", lambda make_reader, tasks, workers: ((task, Done(None)) for task in tasks)
    )
    found = [(key, done.outcome) for key, done in read_scans(make_reader, tasks, workers=2)]
    assert found == [(name * 64, f"{name} False") for name in "ab"]


class Filler:
    """A reader that holds so many megabytes for a moment."""

    def __call__(self, path):
        # Not from the heap, which may have kept as much from before.
        with mmap.mmap(-1, int(path.name) << 20 or 1) as held:
            held[:] = bytes(len(held))
        time.sleep(0.05)
        return path.name


def make_filler():
    return Filler()


@pytest.mark.parametrize("workers", [1, 2])
def test_each_page_is_measured_by_itself(tmp_path, workers):
    tasks = [(name * 16, tmp_path / name) for name in ("200", "0")]
    costs = {done.outcome: done.cost for _, done in read_scans(make_filler, tasks, workers=workers)}
    assert all(cost.seconds >= 0.05 for cost in costs.values())
    host, _, pid = costs["0"].worker.rpartition(":")
    assert host == platform.node() and (int(pid) == os.getpid()) == (workers == 1)
    if sys.platform == "linux" and workers == 1:
        # The page after it does not inherit the peak of the one before.
        assert costs["200"].megabytes - costs["0"].megabytes > 150
