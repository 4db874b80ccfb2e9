import sys

import pytest

from tablesim.corpus.indexing import engine
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
    assert sorted(read_scans(make_reader, tasks, workers=2)) == [(name * 64, f"{name} False") for name in "abc"]


def test_a_worker_that_cannot_load_its_weights_ends_the_job(tmp_path):
    tasks = [(name * 64, tmp_path / name) for name in "ab"]
    with pytest.raises(WeightsError, match="no such weights here"):
        list(read_scans(refuse_weights, tasks, workers=2))
    with pytest.raises(RunError, match=r"a worker cannot read at all \(MemoryError: weights\)"):
        list(read_scans(lack_memory, tasks, workers=2))


def test_the_fate_of_a_page_whose_worker_died_is_decided_alone(tmp_path, monkeypatch):
    tasks = [(name * 64, tmp_path / name) for name in "ab"]
    monkeypatch.setattr(engine, "read_in_pool", lambda make_reader, tasks, workers: ((task, None) for task in tasks))
    assert list(read_scans(make_reader, tasks, workers=2)) == [(name * 64, f"{name} False") for name in "ab"]
