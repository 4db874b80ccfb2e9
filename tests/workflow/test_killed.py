"""A job that is killed by force, and continued, leaves the run folder of a job that nobody disturbed."""

import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from corpus.fakes import FakeReader, write_corpus

from tablesim.corpus.store import Corpus
from tablesim.workflow import run

TESTS = Path(__file__).resolve().parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent}", "OMP_NUM_THREADS": "1"}
SAMPLE = TESTS.parent / "data" / "sample" / "scans"

JOB = """
import signal
import sys
from pathlib import Path
from corpus.fakes import FakeReader
from tablesim.workflow import run

if __name__ == "__main__":
    # Jobs in the background of a shell inherit that this signal is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    scans, out, workers, pages = sys.argv[1:]
    log = str(Path(out).with_name("log"))
    run(scans, out, workers=int(workers), network=FakeReader(log=log, slow_after=int(pages)) if int(pages) else None)
"""


def contents(out):
    """The files of a run but for what tells of the job itself; the folder's own name does not count."""
    return {
        str(path.relative_to(out)): path.read_bytes().replace(str(out).encode(), b"RUN")
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name not in ("events.jsonl", ".lock") and ".search" not in path.parts
    }


def kill_after(page, scans, out, workers, sign=signal.SIGKILL, *, network=False):
    """Start a job and end it by a signal when ``page`` pages are on the disk; how many are."""
    script = out.parent / "job.py"
    script.write_text(JOB)
    # Pages that were under way when a job was killed are in the log twice.
    command = [
        sys.executable,
        str(script),
        str(scans),
        str(out),
        str(workers),
        "0" if network else str(page + 2 * workers),
    ]
    job = subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while job.poll() is None and time.monotonic() < deadline:
        if (out / "pages.parquet").is_file() and Corpus.open(out).status()["read"] >= page:
            break
        time.sleep(0.05)
    assert job.poll() is None, "the job ended before it could be killed"
    job.send_signal(sign)
    assert job.wait() == -sign
    return Corpus.open(out).status()["read"]


def test_three_times_killed_with_two_workers(tmp_path):
    write_corpus(tmp_path / "scans", 4, 5, 2)
    on_disk = [kill_after(page, tmp_path / "scans", tmp_path / "out", 2) for page in (2, 6, 10)]
    assert on_disk == sorted(on_disk) and on_disk[-1] < 22
    run(tmp_path / "scans", tmp_path / "out", network=FakeReader())
    run(tmp_path / "scans", tmp_path / "straight", network=FakeReader())
    assert contents(tmp_path / "out") == contents(tmp_path / "straight")


def test_killed_while_the_network_reads(tmp_path):
    (tmp_path / "scans").mkdir()
    for scan in sorted(SAMPLE.glob("*.jpg"))[:5]:
        shutil.copy(scan, tmp_path / "scans")
    assert kill_after(1, tmp_path / "scans", tmp_path / "out", 1, network=True) < 5
    run(tmp_path / "scans", tmp_path / "out")
    run(tmp_path / "scans", tmp_path / "straight")
    assert contents(tmp_path / "out") == contents(tmp_path / "straight")


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGHUP])
def test_a_job_that_is_interrupted_or_hung_up_goes_on_likewise(sign, straight, tmp_path):
    assert kill_after(1, straight / "scans", tmp_path / "out", 1, sign) < 5
    run(straight / "scans", tmp_path / "out", network=FakeReader())
    assert contents(tmp_path / "out") == contents(straight / "run")


def test_a_clock_that_jumps_changes_nothing(straight, tmp_path, monkeypatch):
    """Back to 1970 and on to 2100, while the job runs."""
    at = itertools.cycle((0.0, 4e9, 1e9))
    monkeypatch.setattr(time, "time", lambda: next(at))
    run(straight / "scans", tmp_path / "out", network=FakeReader())
    assert contents(tmp_path / "out") == contents(straight / "run")
