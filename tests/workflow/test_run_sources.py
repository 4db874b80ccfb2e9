"""Sources that are away, come back, are added, moved, replaced or mistyped: what is in the run stays in it."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from corpus.fakes import FakeReader, table, write_corpus, write_scan

from tablesim.corpus.store import Corpus
from tablesim.errors import RunError, ScanError
from tablesim.scans.images import MAX_PIXELS
from tablesim.scans.web import Web
from tablesim.workflow import run
from workflow.test_killed import contents


@pytest.fixture
def volumes(tmp_path):
    """Two volumes of scans below ``scans``, of tables that stand in both."""
    write_corpus(tmp_path / "scans" / "a", 3, 1, 1)
    for scan in sorted((tmp_path / "scans" / "a").glob("k*.png")):
        rows = [line.split() for line in scan.with_suffix(".txt").read_text().splitlines()]
        write_scan(tmp_path / "scans" / "b" / f"b_{scan.name}", rows, 120 + len(rows) + ord(scan.name[1]))
    return tmp_path / "scans"


def events_of(corpus):
    lines = (corpus.folder / "events.jsonl").read_text().splitlines()
    return "\n".join(json.loads(line).get("message", "") for line in lines)


@pytest.mark.parametrize("gone", ["a volume", "some scans of a volume", "everything"])
def test_what_is_away_keeps_its_pages_and_is_as_before_when_it_returns(tmp_path, volumes, gone):
    out, away = tmp_path / "out", tmp_path / "away"
    corpus = run(volumes, out, network=FakeReader())
    before, clusters = contents(out), corpus.clusters
    if gone == "a volume":
        shutil.move(volumes / "b", away)
    elif gone == "everything":
        shutil.move(volumes, away)
        volumes.mkdir()
    else:
        away.mkdir()
        for scan in sorted((volumes / "b").glob("*"))[:2]:
            shutil.move(scan, away / scan.name)
    n_away = len(list(away.rglob("*.png")))
    log = tmp_path / "log"
    corpus = run(volumes, out, network=FakeReader(log=str(log)))
    assert not log.exists()
    status = corpus.status()
    assert (status["pages"], status["read"], status["away"], status["finished"]) == (7, 7, n_away, True)
    assert corpus.clusters.labels_.tolist() == clusters.labels_.tolist()
    kept = "is kept as it was: its scan is" if n_away == 1 else "are kept as they were: their scans are"
    assert f"{n_away} of 7 pages {kept} away" in events_of(corpus)
    assert sum("the scan is away" in row["problem"] for row in corpus.problems) == n_away
    assert corpus.search("b_k0_e0")[0].page == "k0_e0"
    if gone == "some scans of a volume":
        for scan in away.iterdir():
            shutil.move(scan, volumes / "b" / scan.name)
    else:
        shutil.rmtree(volumes / "b" if gone == "a volume" else volumes, ignore_errors=True)
        shutil.move(away, volumes / "b" if gone == "a volume" else volumes)
    run(volumes, out, network=FakeReader())
    assert contents(out) == before


def test_pages_that_are_away_are_dropped_when_asked(tmp_path, volumes):
    run(volumes, tmp_path / "out", network=FakeReader())
    shutil.rmtree(volumes / "b")
    corpus = run(volumes, tmp_path / "out", network=FakeReader(), forget_away=True)
    assert (corpus.status()["pages"], corpus.status()["away"], corpus.problems) == (4, 0, [])


def test_a_folder_is_added_by_naming_it_beside_the_others(tmp_path, volumes):
    first = run(volumes / "a", tmp_path / "out", network=FakeReader())
    labels = {page: first.clusters.label_of(page) for page in ("k0_e0", "k1_e0", "k2_e0")}
    log = tmp_path / "log"
    corpus = run([volumes / "a", volumes / "b"], tmp_path / "out", network=FakeReader(log=str(log)))
    assert len(log.read_text().splitlines()) == 3
    assert {page: corpus.clusters.label_of(page) for page in labels} == labels
    assert corpus.run["source"] == [str(volumes / "a"), str(volumes / "b")]
    # A folder above both covers them.
    assert run(volumes, tmp_path / "out", network=FakeReader()).status()["pages"] == 7


def test_another_volume_alone_never_takes_the_place_of_one_that_is_away(tmp_path, volumes):
    out = tmp_path / "out"
    run(volumes / "a", out, network=FakeReader())
    shutil.move(volumes / "a", tmp_path / "away")
    before = contents(out)
    with pytest.raises(RunError, match=r"made from .*scans/a, now the source is .*scans/b; .*name every source"):
        run(volumes / "b", out, network=FakeReader())
    assert contents(out) == before
    corpus = run([volumes / "a", volumes / "b"], out, network=FakeReader())
    assert (corpus.status()["pages"], corpus.status()["away"]) == (7, 4)


def test_one_folder_by_two_names_is_one_source(tmp_path, volumes):
    run(volumes, tmp_path / "out", network=FakeReader())
    before = contents(tmp_path / "out")
    (tmp_path / "link").symlink_to(volumes)
    for name in (tmp_path / "link", volumes / "a" / ".."):
        run(name, tmp_path / "out", network=FakeReader())
        assert contents(tmp_path / "out") == before


@pytest.mark.parametrize("there", [False, True])
def test_a_source_without_a_page_leaves_the_folder_to_the_right_one(tmp_path, volumes, there):
    out = tmp_path / "deep" / "out"
    if there:
        out.mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    for wrong in (tmp_path / "empty", tmp_path / "typo", "http://127.0.0.1:9/manifest.json"):
        with pytest.raises((RunError, ScanError)):
            run(wrong, out, network=FakeReader(), web=Web(tmp_path / "cache", sleep=lambda seconds: None))
        assert out.exists() == there
        assert (tmp_path / "deep").exists() == there
    assert run(volumes, out, network=FakeReader()).status()["read"] == 7


def test_a_source_of_which_nothing_was_read_leaves_no_page(tmp_path, volumes):
    (tmp_path / "wrong").mkdir()
    (tmp_path / "wrong" / "letter.jpg").write_text("no image")
    with pytest.raises(RunError, match="its only page could not be read"):
        run(tmp_path / "wrong", tmp_path / "out", network=FakeReader())
    corpus = run(volumes, tmp_path / "out", network=FakeReader())
    assert (corpus.status()["pages"], corpus.run["source"]) == (7, [str(volumes)])


def test_a_scan_that_was_replaced_is_told_and_read_anew(tmp_path, volumes):
    out = tmp_path / "out"
    old = run(volumes, out, network=FakeReader()).reading("k0_e0")
    kept = (volumes / "a" / "k0_e0.png").read_bytes()
    write_scan(volumes / "a" / "k0_e0.png", table(7), 77)
    corpus = run(volumes, out, network=FakeReader())
    assert corpus.reading("k0_e0").sha256 != old.sha256
    assert "scans replaced by others of the same name, read anew: 1 (k0_e0)" in events_of(corpus)
    (volumes / "a" / "k0_e0.png").write_bytes(kept)
    log = tmp_path / "log"
    corpus = run(volumes, out, network=FakeReader(log=str(log)))
    assert not log.exists()
    assert corpus.reading("k0_e0").numbers == old.numbers


@dataclass(frozen=True)
class DisturbedReader(FakeReader):
    """Moves a folder away, and back if asked, or replaces a scan, when it comes to the second page."""

    folder: str = ""
    back: bool = False
    replaced: str = ""

    def read(self, path: Path, max_pixels: int = MAX_PIXELS):
        folder, marker = Path(self.folder), Path(self.folder + ".disturbed")
        if self.folder and "k1" in Path(path).name and not marker.exists():
            marker.write_text("once")
            folder.rename(self.folder + ".away")
        if self.back and "prose" in Path(path).name and not folder.exists():
            Path(self.folder + ".away").rename(folder)
        if str(path) == self.replaced and not Path(self.replaced + ".disturbed").exists():
            Path(self.replaced + ".disturbed").write_text("once")
            write_scan(Path(self.replaced), table(7), 77)
        return super().read(path, max_pixels)


def test_scans_that_vanish_while_the_job_runs_are_read_after_the_rest(tmp_path, volumes):
    reader = DisturbedReader(folder=str(volumes / "b"), back=True)
    corpus = run(volumes, tmp_path / "out", network=reader)
    assert Path(str(volumes / "b") + ".disturbed").exists()
    assert (corpus.status()["read"], corpus.problems, corpus.status()["finished"]) == (7, [], True)
    Path(str(volumes / "b") + ".disturbed").unlink()
    straight = run(volumes, tmp_path / "straight", network=FakeReader())
    assert contents(corpus.folder) == contents(straight.folder)


def test_scans_that_stay_away_are_neither_failed_nor_given_up(tmp_path, volumes):
    reader = DisturbedReader(folder=str(volumes / "b"))
    corpus = run(volumes, tmp_path / "out", network=reader)
    status = corpus.status()
    assert (status["pages"], status["failed"], status["finished"]) == (7, 0, False)
    assert status["waiting"] == status["away"] >= 2
    assert all("the same command reads it when it is back" in row["problem"] for row in corpus.problems)
    Path(str(volumes / "b") + ".away").rename(volumes / "b")
    status = run(volumes, tmp_path / "out", network=FakeReader()).status()
    assert (status["read"], status["away"], status["finished"]) == (7, 0, True)


def test_a_scan_that_is_replaced_before_it_is_read_has_its_own_reading(tmp_path, volumes):
    scan = volumes / "a" / "k0_e0.png"
    old = scan.read_bytes()
    corpus = run(volumes, tmp_path / "out", network=DisturbedReader(replaced=str(scan)))
    assert corpus.reading("k0_e0").numbers == FakeReader().read(scan).numbers
    assert "scans replaced while the job ran: 1 (k0_e0)" in events_of(corpus)
    # The old bytes were never read: no reading goes by their hash.
    scan.write_bytes(old)
    write_scan(scan.with_name("x.png"), table(0))
    shutil.copy(scan.with_name("x.txt"), scan.with_suffix(".txt"))
    scan.with_name("x.png").unlink()
    assert len(run(volumes, tmp_path / "out", network=FakeReader()).reading("k0_e0").numbers) == 160


def test_each_reading_keeps_the_versions_that_read_it(tmp_path, volumes, monkeypatch):
    out = tmp_path / "out"
    run(volumes / "a", out, network=FakeReader())
    then = Corpus.open(out).run["versions"]
    later = {**then, "torch": "99.0"}
    monkeypatch.setattr("tablesim.workflow.running.versions", lambda: later)
    corpus = run(volumes, out, network=FakeReader())
    assert corpus.run["versions"] == then
    assert corpus.read_with() == [{"pages": 4, "versions": then}, {"pages": 3, "versions": later}]
    assert "3 pages are read with other versions than those before (torch 99.0)" in events_of(corpus)


def test_a_run_of_0_1_0_is_continued_and_says_what_read_it(tmp_path, volumes):
    out = tmp_path / "out"
    corpus = run(volumes / "a", out, network=FakeReader())
    record = {key: value for key, value in corpus.run.items() if key not in ("readers", "last_job", "left_out")}
    old = {**record, "format_version": 1, "versions": {"tablesim": "0.1.0"}}
    (out / "run.json").write_text(json.dumps(old))
    for file in (*(out / "readings").glob("*"), out / "pages.parquet"):
        rows = pq.read_table(file)
        pq.write_table(rows.drop_columns([name for name in ("read_by", "away") if name in rows.schema.names]), file)
    assert Corpus.open(out).read_with() == [{"pages": 4, "versions": {"tablesim": "0.1.0"}}]
    corpus = run(volumes, out, network=FakeReader())
    assert corpus.read_with()[0] == {"pages": 4, "versions": {"tablesim": "0.1.0"}}
    assert corpus.run["versions"] == {"tablesim": "0.1.0"}


def test_what_is_no_scan_is_counted(tmp_path, volumes):
    (volumes / "a" / "book.djvu").write_bytes(b"AT&TFORM\0\0\0\0DJVM")
    corpus = run(volumes, tmp_path / "out", network=FakeReader())
    left_out = [row for row in corpus.problem_log.rows() if row["kind"] == "left out"]
    assert any(row["scan"].endswith("book.djvu") and row["problem"].startswith("1 x .djvu") for row in left_out)
    assert corpus.status()["left_out"] == sum(item["count"] for item in corpus.run["left_out"])
    assert corpus.problems == []
