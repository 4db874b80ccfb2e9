"""A report replaces and removes what a report wrote, and nothing else; it names no folder of the machine."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from tablesim.cli import app
from tablesim.corpus.store import Corpus
from tablesim.errors import InUseError, RunError
from tablesim.report import content as module
from tablesim.report import write_report
from tablesim.report.content import closest_pair
from tablesim.report.folder import ReportFolder
from tablesim.workflow import run
from tests.corpus.fakes import FakeReader, write_scan

HOLD = """
import sys
from tablesim.corpus.store import Corpus
with Corpus.open(sys.argv[1]).lock():
    print("held", flush=True)
    sys.stdin.read()
"""
MINE = ("notes.txt", "assets/photo.webp", "pairs/socks.html", "assets/report.css.bak")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A run of three pages with one table, and its report."""
    folder = tmp_path_factory.mktemp("small")
    for shade, name in enumerate("abc"):
        rows = [[str(100 + 7 * n), str(200 + n), str(n % 9)] for n in range(20)]
        write_scan(folder / "scans" / f"{name}.png", rows, shade)
    corpus = run(folder / "scans", folder / "run", clusters=1, network=FakeReader())
    write_report(corpus)
    return corpus


@pytest.fixture
def folder(tmp_path):
    """A folder with files of others, whose names are like those of a report."""
    for name in MINE:
        (tmp_path / "site" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "site" / name).write_text("mine")
    return tmp_path / "site"


def test_files_of_others_stay_when_a_report_is_written_twice(small, folder):
    write_report(small, folder)
    first = contents(folder)
    write_report(small, folder)
    assert contents(folder) == first
    assert all(first[name] == b"mine" for name in MINE)


@pytest.mark.parametrize("name", ["index.html", "assets/report.js"])
def test_a_file_of_others_in_the_way_is_refused_before_anything_is_written(small, folder, name):
    (folder / name).write_text("mine")
    before = contents(folder)
    with pytest.raises(RunError, match=rf"{name}: not written by a report of tablesim, nothing was changed; .*--force"):
        write_report(small, folder)
    assert contents(folder) == before
    write_report(small, folder, force=True)
    assert (folder / name).read_bytes() != b"mine"
    assert all(contents(folder)[other] == b"mine" for other in MINE)


def test_the_command_has_force(small, folder):
    (folder / "index.html").write_text("mine")
    words = ["report", str(small.folder), "--out", str(folder)]
    refused = CliRunner().invoke(app, words)
    assert refused.exit_code == 1 and "--force" in refused.stderr and len(refused.stderr.splitlines()) == 1
    assert CliRunner().invoke(app, [*words, "--force"]).exit_code == 0


def test_a_list_of_others_and_names_that_lead_elsewhere_are_not_obeyed(small, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "report_files.txt").write_text("my list")
    with pytest.raises(RunError, match=r"report_files\.txt: not written by tablesim"):
        write_report(small, tmp_path / "a")
    report = write_report(small, tmp_path / "b")
    (tmp_path / "victim").write_text("mine")
    with (report.parent / "report_files.txt").open("a") as file:
        file.write("../victim\npairs/../../victim\n/etc/hostname\n")
    write_report(small, tmp_path / "b")
    assert (tmp_path / "victim").read_text() == "mine"


def test_no_link_is_followed(small, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    report = write_report(small, tmp_path / "out")
    for name in (".index.html.part", "assets/.report.css.part"):
        (report.parent / name).symlink_to(victim)
    report.unlink()
    report.symlink_to(victim)
    write_report(small, tmp_path / "out")
    assert victim.read_text() == "mine" and not report.is_symlink()


def test_what_a_killed_report_left_is_known_to_the_next(small, tmp_path, monkeypatch):
    write_text = ReportFolder.write_text

    def killed(self, name, text, key=""):
        if name == "index.html":
            raise KeyboardInterrupt
        write_text(self, name, text, key)

    monkeypatch.setattr(ReportFolder, "write_text", killed)
    with pytest.raises(KeyboardInterrupt):
        write_report(small, tmp_path / "out")
    monkeypatch.undo()
    monkeypatch.setattr("tablesim.report.pair_pages.MAX_PAIRS", 1)
    report = write_report(small, tmp_path / "out")
    assert len(list((report.parent / "pairs").iterdir())) == 1


def test_a_report_of_an_earlier_version_in_the_run_folder_is_replaced(small, tmp_path):
    shutil.copytree(small.folder, tmp_path / "run")
    own = tmp_path / "run" / "report"
    (own / "report_files.txt").unlink()
    for name in ("clusters", "data", "pages"):  # reports of 0.1.0 had none of these
        shutil.rmtree(own / name)
    late = ("groups.html", "history.html", "overview.html", "pages.html")
    for name in (*late, "assets/say.js", "assets/list.js", "assets/map.js", "assets/page.js"):
        (own / name).unlink()
    (own / "pairs" / "old--page-0123abcd.html").write_text("old")
    (own / "pairs" / "mine.html").write_text("mine")
    write_report(Corpus.open(tmp_path / "run"))
    assert not (own / "pairs" / "old--page-0123abcd.html").exists()
    assert (own / "pairs" / "mine.html").read_text() == "mine"


def test_a_report_elsewhere_changes_nothing_in_the_run(small, tmp_path):
    shutil.copytree(small.folder, tmp_path / "run")
    for name in ("alignments.parquet", "tables_over_pages.csv"):
        (tmp_path / "run" / name).unlink(missing_ok=True)
    before = contents(tmp_path / "run")
    write_report(Corpus.open(tmp_path / "run"), tmp_path / "out")
    assert contents(tmp_path / "run") == before


def test_a_report_during_a_job_says_in_use(small, tmp_path):
    shutil.copytree(small.folder, tmp_path / "run")
    command = [sys.executable, "-c", HOLD, str(tmp_path / "run")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as job:
        assert job.stdout.readline() == "held\n"
        for out in (None, tmp_path / "out"):
            with pytest.raises(InUseError, match=r"in use by another process \(process"):
                write_report(Corpus.open(tmp_path / "run"), out)
        job.stdin.close()
    assert not (tmp_path / "out").exists()
    assert write_report(Corpus.open(tmp_path / "run")).is_file()


def test_reports_name_no_folder_of_the_machine(corpus, report, tmp_path):
    """Neither the run's folder nor that of the scans; the scans are linked relatively, and the links lead to them."""
    scans = corpus.folder.parent / "scans"
    elsewhere = write_report(corpus, tmp_path / "out")
    for index in (report, elsewhere):
        for path in index.parent.rglob("*.html"):
            text = path.read_text(encoding="utf-8")
            assert str(corpus.folder.parent) not in text and str(scans) not in text, path
    pages = sorted((report.parent / "pages").iterdir())
    html = "".join(path.read_text(encoding="utf-8") for path in pages)
    links = re.findall(r'<a href="([^"]*)">open the scan itself</a>', html)
    assert "../../../scans/words.png" in links
    assert len(links) == 8 and all((report.parent / "pages" / unquote(link)).is_file() for link in links)
    assert html.count("</a>, which is no part of this report") == 8
    # Made to be handed on: nothing in it leads out of it, but to what lies beside it.
    for path in elsewhere.parent.rglob("*.html"):
        root = "../" * (len(path.relative_to(elsewhere.parent).parts) - 1)
        assert f'="{root}../../' not in path.read_text(encoding="utf-8"), path
    assert "broken.jpg" in report.read_text(encoding="utf-8")


@pytest.mark.parametrize("n", [2, 5, 8, 9, 30])
def test_the_closest_pair_by_blocks_is_that_of_the_whole_matrix(monkeypatch, n):
    monkeypatch.setattr(module, "BLOCK", 4)
    rng = np.random.default_rng(n)
    phi = rng.random((n, 110)).astype(np.float32)
    phi[n // 2] = phi[0] if n == 30 else phi[n // 2]
    names = {f"p{index:02}": row for index, row in enumerate(phi)}
    unit = phi.astype(np.float64) / np.linalg.norm(phi.astype(np.float64), axis=1, keepdims=True)
    cosine = np.triu(np.round(unit @ unit.T, 9) + 1.0, k=1)
    i, j = np.unravel_index(int(np.argmax(cosine)), cosine.shape)
    assert closest_pair(names) == (f"p{i:02}", f"p{j:02}")


def written_by(monkeypatch) -> list[str]:
    """The names of the files that reports write from now on."""
    names = []
    write_text = ReportFolder.write_text

    def noted(self, name, text, key=""):
        names.append(name)
        write_text(self, name, text, key)

    monkeypatch.setattr(ReportFolder, "write_text", noted)
    return names


def test_an_interrupted_report_goes_on_where_it_was(small, tmp_path, monkeypatch):
    write_report(small, tmp_path / "whole")
    with monkeypatch.context() as patch:
        write_text = ReportFolder.write_text

        def killed(self, name, text, key=""):
            if name == "pages/c.html":
                raise KeyboardInterrupt
            write_text(self, name, text, key)

        patch.setattr(ReportFolder, "write_text", killed)
        with pytest.raises(KeyboardInterrupt):
            write_report(small, tmp_path / "out")
    names = written_by(monkeypatch)
    write_report(small, tmp_path / "out")
    assert "pages/c.html" in names
    assert not {name for name in names if name.startswith(("pairs/", "clusters/", "pages/"))} - {"pages/c.html"}
    whole, out = tmp_path / "whole", tmp_path / "out"
    files = {path.relative_to(whole) for path in whole.rglob("*") if path.is_file()}
    assert files == {path.relative_to(out) for path in out.rglob("*") if path.is_file()}
    assert all((whole / name).read_bytes() == (out / name).read_bytes() for name in files)


def test_a_page_is_written_again_when_what_it_says_changes_or_its_picture_is_gone(small, tmp_path, monkeypatch):
    out = tmp_path / "out"
    small = Corpus.open(shutil.copytree(small.folder, tmp_path / "run"))
    write_report(small, out)
    names = written_by(monkeypatch)
    write_report(small, out)
    assert not [name for name in names if name.startswith("pages/")]
    text = (out / "pages" / "a.html").read_text(encoding="utf-8")
    picture = out / re.findall(r"assets/[0-9a-z-]+\.webp", text)[0]
    picture.unlink()
    note = small.page_table.column("note").to_pylist()
    small.change_pages({"note": pa.array([*note[:2], "a stain"])})
    names.clear()
    write_report(small, out)
    assert picture.is_file()
    assert [name for name in names if name.startswith("pages/")] == ["pages/c.html"]
    assert "a stain" in (out / "pages" / "c.html").read_text(encoding="utf-8")


def test_a_run_is_not_finished_before_its_report_is(small, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(ReportFolder, "finish", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            write_report(small)
    status = Corpus.open(small.folder).status()
    assert (small.folder / "report" / "index.html").is_file()
    assert (status["finished"], status["report"]) == (False, False)
    write_report(small)
    status = Corpus.open(small.folder).status()
    assert (status["finished"], status["report"]) == (True, True)
    events = (small.folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(events[-1])["stage"] == "report"
