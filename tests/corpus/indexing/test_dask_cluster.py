import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from corpus.fakes import FakeReader, write_corpus, write_scan
from corpus.indexing.test_ingest import bad_scans, bytes_of
from tablesim.corpus.indexing import dask_cluster
from tablesim.corpus.indexing.ingest import ingest, read_pages
from tablesim.corpus.store import Corpus
from tablesim.errors import MissingExtraError, RunError
from tablesim.scans.sources import find_scans, name_pages
from tablesim.version import __version__

pytest.importorskip("distributed")


@pytest.fixture
def ingested(tmp_path):
    def ingested(name):
        corpus = Corpus.create(tmp_path / name, {})
        ingest(corpus, name_pages(find_scans(tmp_path / "scans")))
        return corpus

    return ingested


def test_a_cluster_that_loses_a_worker_writes_the_bytes_of_plain_processes(tmp_path, ingested):
    import dask
    from distributed import LocalCluster

    labels = write_corpus(tmp_path / "scans", 4, 4, 2)
    bad = bad_scans(tmp_path / "scans")
    write_scan(tmp_path / "scans" / "k2_killer.png", "die", 249)
    log = tmp_path / "log"
    killed = []

    def kill_one(event):
        """Kill the worker that read the first page, once a few pages are read."""
        if event.stage == "read" and event.done == 6 and not killed:
            killed.append(int(log.read_text().split()[0]))
            os.kill(killed[0], signal.SIGKILL)

    disturbed = ingested("disturbed")
    reader = FakeReader(delay=0.1, log=str(log))
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=50) as cluster,
    ):
        read_pages(disturbed, reader.make, scheduler=cluster.scheduler_address, on_event=kill_one)
    readers = {int(line.split()[0]) for line in log.read_text().splitlines()}
    assert killed and len(readers) > 2 and os.getpid() not in readers

    status = disturbed.status()
    assert (status["read"], status["failed"], status["waiting"]) == (len(labels), len(bad) + 1, 0)
    problems = {row["page"]: row["problem"] for row in disturbed.problems}
    assert set(problems) == {*bad, "k2_killer"}
    assert "the process that read it died" in problems["k2_killer"]

    plain = ingested("plain")
    read_pages(plain, FakeReader().make, workers=2)
    assert bytes_of(plain.folder) == bytes_of(disturbed.folder)


def test_the_workers_of_a_scheduler_elsewhere_read(tmp_path, ingested):
    from distributed import LocalCluster

    write_corpus(tmp_path / "scans", 1, 2, 0)
    corpus = ingested("run")
    with LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0") as cluster:
        read_pages(corpus, FakeReader().make, scheduler=cluster.scheduler_address)
        assert corpus.status()["read"] == 2
        with pytest.raises(RunError, match=r"a worker cannot read at all \(FileNotFoundError: .*weights"):
            list(dask_cluster.read_with_dask(no_weights, [("a" * 64, tmp_path)], cluster.scheduler_address))


@contextmanager
def worker_of_version(address, number, folder):
    """A worker process in which tablesim has another version."""
    (folder / "tablesim").mkdir(parents=True)
    (folder / "tablesim" / "__init__.py").touch()
    (folder / "tablesim" / "version.py").write_text(f'__version__ = "{number}"\n')
    command = [sys.executable, "-m", "dask", "worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny"]
    # The folder of the process comes before PYTHONPATH.
    env = {**os.environ, "PYTHONPATH": str(folder)}
    with subprocess.Popen(command, env=env, cwd=folder, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def test_a_worker_of_another_version_gets_no_page_and_it_is_said_why(tmp_path, ingested):
    from distributed import Client, LocalCluster

    write_corpus(tmp_path / "scans", 2, 2, 0)
    remarks = []
    options = {"threads_per_worker": 1, "processes": False, "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(n_workers=0, host="127.0.0.1", protocol="tcp://", **options) as cluster:
        address = cluster.scheduler_address
        with worker_of_version(address, "0.0.1", tmp_path / "old"), Client(address) as client:
            client.wait_for_workers(1, timeout=180)
            with pytest.raises(
                RunError, match=r"no worker can read for this job: worker tcp://.* has tablesim 0\.0\.1 i"
            ):
                read_pages(ingested("none"), FakeReader().make, scheduler=address)
            cluster.scale(1)
            client.wait_for_workers(2, timeout=180)
            corpus = ingested("run")
            read_pages(corpus, FakeReader().make, scheduler=address, on_event=remarks.append)
    assert corpus.status()["read"] == 4
    refused = [event.message for event in remarks if event.kind == "remark"]
    assert len(refused) == 1
    assert re.search(rf"has tablesim 0\.0\.1 instead of {re.escape(__version__)}.*; it gets no page", refused[0])


def no_weights():
    raise FileNotFoundError("no weights here")


def test_a_scheduler_that_is_not_there_is_told_in_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(dask_cluster, "CONNECT_SECONDS", 0.2)
    with pytest.raises(RunError, match=r"tcp://127\.0\.0\.1:9: no Dask scheduler answers there \(.*\); start one with"):
        list(dask_cluster.read_with_dask(FakeReader().make, [("a", tmp_path)], "tcp://127.0.0.1:9"))


def test_a_scheduler_needs_the_extra(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'tablesim\[dask\]'"):
        list(dask_cluster.read_with_dask(FakeReader().make, [("a", tmp_path)], "tcp://127.0.0.1:9"))
