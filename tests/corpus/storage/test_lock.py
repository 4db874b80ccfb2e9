import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tablesim.corpus.storage import lock
from tablesim.corpus.storage.lock import NO_LOCKS, NO_SYNC, Owner, locked, owner
from tablesim.corpus.store import Corpus
from tablesim.errors import InUseError, RunError

HOLD = """
import sys, time
from pathlib import Path
from tablesim.corpus.storage.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the run ``tmp_path / "run"``."""
    job = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True)
    assert job.stdout.readline() == "held\n"
    yield job
    job.kill()
    job.wait()
    job.stdout.close()


def test_the_holder_may_ask_again_by_any_name_of_the_folder(tmp_path):
    corpus = Corpus.create(tmp_path / "run", {})
    (tmp_path / "link").symlink_to(tmp_path / "run")
    with corpus.lock(), Corpus.open(tmp_path / "link").lock():
        assert owner(corpus.folder).pid == os.getpid()
    assert owner(corpus.folder) is None
    with corpus.lock():
        pass


def test_another_process_is_told_who_holds_it(tmp_path, holder):
    with (
        pytest.raises(InUseError, match=rf"run: in use by another process \(process {holder.pid} on .* since 20"),
        locked(tmp_path / "run"),
    ):
        pass
    assert owner(tmp_path / "run").alive


def test_a_killed_process_holds_nothing_and_its_note_is_not_believed(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert owner(tmp_path / "run").pid == holder.pid
    assert not owner(tmp_path / "run").alive
    with locked(tmp_path / "run"):
        assert owner(tmp_path / "run").pid == os.getpid()


def test_another_thread_is_another_writer(tmp_path):
    caught = []

    def ask():
        try:
            with locked(tmp_path):
                pass
        except InUseError as error:
            caught.append(str(error))

    with locked(tmp_path):
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    assert caught == [f"{tmp_path}: in use by another thread of this process: wait until it is done"]


def test_asking_who_holds_it_never_gets_in_a_job_s_way(tmp_path):
    corpus = Corpus.create(tmp_path / "run", {})
    stop = threading.Event()

    def ask():
        while not stop.is_set():
            Corpus.open(corpus.folder).status()

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(200):
            with corpus.lock():
                pass
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_holder_elsewhere_is_alive_while_it_is_heard_of(tmp_path):
    note = {"host": "another", "pid": os.getpid(), "since": "2026-01-01T00:00:00+00:00", "started": ""}
    (tmp_path / ".owner.json").write_text(json.dumps(note))
    assert owner(tmp_path) == Owner("another", os.getpid(), note["since"])
    old = time.time() - 2 * lock.SILENT_SECONDS
    os.utime(tmp_path / ".owner.json", (old, old))
    assert not owner(tmp_path).alive


def test_a_number_of_a_process_that_is_used_again_is_another_process(tmp_path):
    with locked(tmp_path):
        note = json.loads((tmp_path / ".owner.json").read_text())
    (tmp_path / ".owner.json").write_text(json.dumps({**note, "started": "1"}))
    assert not owner(tmp_path).alive


def test_the_holder_s_heart_beats(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "BEAT_SECONDS", 0.01)
    with locked(tmp_path):
        os.utime(tmp_path / ".owner.json", (0, 0))
        deadline = time.monotonic() + 120
        while (tmp_path / ".owner.json").stat().st_mtime == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert (tmp_path / ".owner.json").stat().st_mtime > 0


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_disk_without_locks_works_with_a_remark(tmp_path, monkeypatch, code):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with locked(tmp_path) as remarks:
        assert remarks == (NO_LOCKS,)
        with locked(tmp_path) as again:
            assert again == remarks
    assert owner(tmp_path) is None


def test_a_disk_without_locks_is_kept_for_the_process_of_the_note(tmp_path, holder, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(InUseError, match=f"process {holder.pid}"), locked(tmp_path / "run"):
        pass
    holder.kill()
    holder.wait()
    with locked(tmp_path / "run") as remarks:
        assert remarks == (NO_LOCKS,)


def test_a_disk_without_rights_and_fsync_works_with_a_remark(tmp_path, monkeypatch):
    def no_chmod(path, *_, **__):
        raise PermissionError(errno.EPERM, "Operation not permitted", path)

    def no_fsync(_):
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "chmod", no_chmod)
    monkeypatch.setattr(os, "fchmod", no_chmod)
    monkeypatch.setattr(Path, "chmod", no_chmod)
    monkeypatch.setattr(os, "fsync", no_fsync)
    corpus = Corpus.create(tmp_path / "run", {})
    with corpus.lock() as remarks:
        corpus.write_pages([{"page": "a", "scan": "a.jpg", "sha256": "f", "status": "waiting"}])
    assert remarks == (NO_SYNC,)
    assert len(Corpus.open(corpus.folder).pages) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="rights mean nothing to root")
def test_a_folder_of_somebody_else_is_told(tmp_path):
    (tmp_path / "run").mkdir(mode=0o500)
    with pytest.raises(RunError, match=r"run: cannot be written \(Permission denied\)"), locked(tmp_path / "run"):
        pass


def test_what_a_job_left_that_was_killed_before_it_wrote_run_json_goes(tmp_path):
    for name in (".run.json.0123.part", ".lock", ".owner.json", "events.jsonl"):
        (tmp_path / name).write_text("")
    Corpus.create(tmp_path, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "events.jsonl", "run.json"]
