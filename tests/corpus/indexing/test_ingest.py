import os
import signal
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest

from corpus.fakes import FakeReader, table, write_corpus, write_scan
from tablesim.corpus.indexing.events import Event
from tablesim.corpus.indexing.ingest import ingest, read_pages
from tablesim.corpus.store import Corpus
from tablesim.errors import SettingsError
from tablesim.scans.locator import Locator
from tablesim.scans.sources import find_scans, name_pages

TESTS = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent}", "OMP_NUM_THREADS": "1"}


def bytes_of(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.suffix in (".parquet", ".csv")
    }


def png_header(width, height):
    """A PNG that promises much and holds nothing."""
    size = b"IHDR" + struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = b"".join(struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (size, b"IDAT"))
    return b"\x89PNG\r\n\x1a\n" + chunks


def bad_scans(folder):
    """Files that are no scans, by page, with what their problem says."""
    write_scan(folder / "cut.jpg", "")
    (folder / "cut.jpg").write_bytes((folder / "cut.jpg").read_bytes()[:300])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "text.jpg").write_text("this is a letter, not a scan")
    (folder / "huge.png").write_bytes(png_header(60_000, 60_000))
    write_scan(folder / "mistake.png", "mistake", 250)
    return {
        "cut": "damaged or cut off",
        "empty": "0 bytes",
        "text": "not an image",
        "huge": "more than the limit of 200,000,000",
        "mistake": "KeyError",
    }


def test_bad_pages_are_problems_and_the_rest_is_read(tmp_path, build):
    labels = write_corpus(tmp_path / "scans", 1, 2, 0)
    expected = bad_scans(tmp_path / "scans")
    corpus = build(tmp_path / "scans")
    problems = {row["page"]: row["problem"] for row in corpus.problems}
    assert set(problems) == set(expected)
    for page, message in expected.items():
        assert message in problems[page]
        assert str(tmp_path / "scans") in problems[page]
        assert "\n" not in problems[page]
        assert corpus.page(page)["status"] == "failed"
    assert [page for page, _ in zip(*corpus.embeddings, strict=True)] == sorted(labels)
    assert "an error in tablesim" in problems["mistake"]


def test_a_mended_page_is_read_the_next_time_and_nothing_else_is(tmp_path, build):
    write_corpus(tmp_path / "scans", 1, 2, 0)
    (tmp_path / "scans" / "bad.png").write_bytes(b"")
    build(tmp_path / "scans")
    write_scan(tmp_path / "scans" / "bad.png", table(5), 240)
    log = tmp_path / "log"
    corpus = build(tmp_path / "scans", reader=FakeReader(log=str(log)))
    assert [line.split()[1] for line in log.read_text().splitlines()] == ["bad"]
    assert corpus.problems == []
    assert corpus.status()["read"] == 3


def log_of(path):
    return [line.split()[1] for line in path.read_text().splitlines()] if path.exists() else []


def test_a_page_that_failed_is_tried_again_only_when_asked(tmp_path, build):
    write_corpus(tmp_path / "scans", 1, 2, 0)
    write_scan(tmp_path / "scans" / "odd.png", "mistake", 250)
    first = build(tmp_path / "scans")
    (tmp_path / "scans" / "odd.txt").write_text("12 34")
    log = tmp_path / "log"
    second = build(tmp_path / "scans", reader=FakeReader(log=str(log)))
    assert log_of(log) == []
    assert second.problems == first.problems
    assert second.page("odd")["status"] == "failed"
    third = build(tmp_path / "scans", reader=FakeReader(log=str(log)), retry_failed=True)
    assert log_of(log) == ["odd"]
    assert third.problems == []
    assert third.status()["failed"] == 0


def test_what_failed_is_remembered_by_a_job_that_was_killed_later(tmp_path):
    for name in "abc":
        write_scan(tmp_path / "scans" / f"{name}.png", "mistake" if name == "a" else [["12"]])

    def stop(event):
        if event.stage == "read" and event.page == "b":
            raise KeyboardInterrupt

    def corpus_of(log=""):
        corpus = Corpus.resume(tmp_path / "run", {})
        ingest(corpus, name_pages(find_scans(tmp_path / "scans")))
        return corpus, FakeReader(log=str(log)).make

    with pytest.raises(KeyboardInterrupt):
        read_pages(*corpus_of(), on_event=stop)
    status = Corpus.open(tmp_path / "run").status()
    assert (status["read"], status["failed"], status["waiting"]) == (1, 1, 1)
    read_pages(*corpus_of(tmp_path / "log"))
    assert log_of(tmp_path / "log") == ["c"]


def test_a_page_is_on_the_disk_before_it_is_told_of(tmp_path, monkeypatch):
    write_corpus(tmp_path / "scans", 2, 4, 1)
    monkeypatch.setattr("tablesim.corpus.indexing.ingest.JOINED_PAGES", 3)
    corpus = Corpus.create(tmp_path / "run", {})
    ingest(corpus, name_pages(find_scans(tmp_path / "scans")))
    seen, files = [], []

    def look(event):
        if event.kind == "page":
            seen.append(event.page)
            other = Corpus.open(tmp_path / "run")
            assert [reading.page for reading in other.readings()] == sorted(seen)
            assert other.status()["read"] == len(seen)
            files.append(len(other.embedding_shards.files))

    read_pages(corpus, FakeReader().make, on_event=look)
    assert files == [1, 2, 1, 2, 3, 2, 3, 4, 3]
    assert len(corpus.embedding_shards.files) == 1


def test_a_page_that_a_power_cut_spoilt_is_read_again(tmp_path, build):
    write_corpus(tmp_path / "scans", 1, 3, 0)
    straight = bytes_of(build(tmp_path / "scans", tmp_path / "straight").folder)

    def stop(event):
        if event.stage == "read" and event.done == 2:
            raise KeyboardInterrupt

    corpus = Corpus.create(tmp_path / "run", {"network": "fake-1"})
    ingest(corpus, name_pages(find_scans(tmp_path / "scans")))
    with pytest.raises(KeyboardInterrupt):
        read_pages(corpus, FakeReader().make, on_event=stop)
    corpus.embedding_shards.files[0].write_bytes(b"")
    log = tmp_path / "log"
    assert bytes_of(build(tmp_path / "scans", reader=FakeReader(log=str(log))).folder) == straight
    assert len(log_of(log)) == 2


def test_hashes_are_written_down_while_a_collection_is_hashed(tmp_path, monkeypatch):
    write_corpus(tmp_path / "scans", 2, 3, 0)
    corpus = Corpus.create(tmp_path / "run", {})
    scans = name_pages(find_scans(tmp_path / "scans"))

    def stop(event):
        if event.done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest(corpus, scans, on_event=stop)
    with (corpus.folder / ".hashes.jsonl").open("a") as log:
        log.write('["half a line')
    hashed = []
    monkeypatch.setattr(Locator, "sha256", lambda self: hashed.append(self.stem) or "f" * 64)
    ingest(Corpus.open(tmp_path / "run"), scans)
    assert hashed == ["k1_e1", "k1_e2"]
    assert [bool(row["sha256"]) for row in Corpus.open(tmp_path / "run").pages] == [True] * 6
    assert not (corpus.folder / ".hashes.jsonl").exists()


def test_a_renamed_scan_is_not_read_again(tmp_path, build):
    write_corpus(tmp_path / "scans", 1, 2, 0)
    build(tmp_path / "scans")
    (tmp_path / "scans" / "k0_e0.png").rename(tmp_path / "scans" / "new_name.png")
    log = tmp_path / "log"
    corpus = build(tmp_path / "scans", reader=FakeReader(log=str(log)))
    assert not log.exists()
    assert corpus.reading("new_name").page == "new_name"


def test_a_second_run_changes_no_byte(tmp_path, build):
    write_corpus(tmp_path / "scans", 2, 2, 1)
    before = bytes_of(build(tmp_path / "scans").folder)
    assert bytes_of(build(tmp_path / "scans").folder) == before


def test_two_workers_write_the_same_bytes_as_one(tmp_path, build):
    write_corpus(tmp_path / "scans", 2, 3, 2)
    bad_scans(tmp_path / "scans")
    one = build(tmp_path / "scans", tmp_path / "one")
    log = tmp_path / "log"
    two = build(tmp_path / "scans", tmp_path / "two", reader=FakeReader(delay=0.05, log=str(log)), workers=2)
    assert bytes_of(one.folder) == bytes_of(two.folder)
    processes = {line.split()[0] for line in log.read_text().splitlines()}
    assert len(processes) == 2
    assert str(os.getpid()) not in processes


def test_a_page_that_kills_its_process_is_a_problem_and_no_other_page_suffers(tmp_path, build):
    labels = write_corpus(tmp_path / "scans", 2, 2, 0)
    write_scan(tmp_path / "scans" / "k0_killer.png", "die", 249)
    corpus = build(tmp_path / "scans", workers=2)
    assert [row["page"] for row in corpus.problems] == ["k0_killer"]
    assert "the process that read it died" in corpus.problems[0]["problem"]
    assert corpus.status()["read"] == len(labels)


def test_events_count_every_page_once(tmp_path):
    write_corpus(tmp_path / "scans", 1, 3, 1)
    (tmp_path / "scans" / "bad.png").write_bytes(b"")
    corpus = Corpus.create(tmp_path / "run", {})
    events: list[Event] = []
    ingest(corpus, name_pages(find_scans(tmp_path / "scans")), on_event=events.append)
    read_pages(corpus, FakeReader().make, on_event=events.append)
    reading = [event for event in events if event.stage == "read" and event.kind in ("page", "problem")]
    assert [event.done for event in reading] == [1, 2, 3, 4, 5]
    assert {event.page for event in reading} == {row["page"] for row in corpus.pages}


def test_no_workers_are_refused(tmp_path):
    with pytest.raises(SettingsError, match="workers: got 0, expected 1 or more"):
        read_pages(Corpus.create(tmp_path, {}), FakeReader().make, workers=0)


JOB = """
import sys
from pathlib import Path
from corpus.fakes import FakeReader
from tablesim.corpus.indexing import ingest as indexing
from tablesim.corpus.store import Corpus
from tablesim.scans.sources import find_scans, name_pages

if __name__ == "__main__":
    folder, workers = Path(sys.argv[1]), int(sys.argv[2])
    indexing.JOINED_PAGES = 2
    corpus = Corpus.resume(folder / "run", {"network": "fake-1"})
    indexing.ingest(corpus, name_pages(find_scans(folder / "scans")))
    indexing.read_pages(corpus, FakeReader(log=str(folder / "log"), slow_after=5).make, workers=workers)
"""


def alive(pid):
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for left-over processes in /proc")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_job_killed_by_force_goes_on_where_it_stopped(tmp_path, build, workers):
    write_corpus(tmp_path / "scans", 3, 4, 0)
    (tmp_path / "job.py").write_text(JOB)
    command = [sys.executable, str(tmp_path / "job.py"), str(tmp_path), str(workers)]
    job = subprocess.Popen(command, env=ENVIRONMENT)
    shards = tmp_path / "run" / "embeddings"
    deadline = time.monotonic() + 120
    while not (shards.is_dir() and list(shards.glob("new-*.parquet"))) and time.monotonic() < deadline:
        time.sleep(0.02)
    job.send_signal(signal.SIGKILL)
    assert job.wait() == -signal.SIGKILL
    log = tmp_path / "log"
    readers = {int(line.split()[0]) for line in log.read_text().splitlines()}
    while any(alive(pid) for pid in readers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(alive(pid) for pid in readers), "workers outlive their parent"

    stopped = Corpus.open(tmp_path / "run").status()
    assert 0 < stopped["read"] < 12
    assert stopped["waiting"] == 12 - stopped["read"]
    log.write_text("")
    corpus = build(tmp_path / "scans", tmp_path / "run", reader=FakeReader(log=str(log)))
    assert len(log.read_text().splitlines()) == 12 - stopped["read"]
    assert bytes_of(corpus.folder) == bytes_of(build(tmp_path / "scans", tmp_path / "straight").folder)
