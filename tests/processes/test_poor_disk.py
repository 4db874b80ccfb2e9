"""Disks that refuse locks, fsync, rights, links, renaming or times: what writes into a run goes on, with a remark."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tablesim.corpus.storage.lock import NO_LOCKS, NO_RENAME, NO_SYNC

TESTS = Path(__file__).resolve().parents[1]
ALL = "flock,fcntl,fsync,chmod,chown,link,symlink,rename,utime,fallocate"
KINDS = {"fcntl,fsync,chmod,renamedir ENOTSUP": {NO_SYNC}, f"{ALL} EPERM": {NO_LOCKS, NO_SYNC, NO_RENAME}}


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    compiler = shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("no C compiler, or no Linux: the calls of the system cannot be made to refuse")
    path = tmp_path_factory.mktemp("shim") / "refusing_disk.so"
    source = TESTS / "processes" / "refusing_disk.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", path, source, "-ldl"], check=True, timeout=60)
    return path


def work(folder, **environment):
    folder.mkdir()
    paths = f"{TESTS}{os.pathsep}{TESTS.parent}"
    done = subprocess.run(
        [sys.executable, "-m", "processes.poor_disk", folder],
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "BELOW": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines())


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_on_a_disk_that_refuses_goes_on_with_a_remark(kind, shim, tmp_path):
    refused, code = kind.split()
    remarks = work(tmp_path / "disk", LD_PRELOAD=str(shim), REFUSE=refused, WITH=code, SHIMLOG=str(tmp_path / "log"))
    assert (tmp_path / "log").read_text()
    assert remarks & {NO_LOCKS, NO_SYNC, NO_RENAME} == KINDS[kind]
    assert not list((tmp_path / "disk").rglob("*.part"))
