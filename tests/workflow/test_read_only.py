"""A run that can only be read is read, searched, compared and exported; what would write it says so in one line."""

import errno

import pytest
from corpus.fakes import FakeReader, write_corpus
from typer.testing import CliRunner

from tablesim.cli import app
from tablesim.workflow import run
from workflow.test_killed import contents

READ = (
    "status {run}",
    "search {run} k0_e0",
    "search {run} --numbers 7",
    "compare k0_e0 k1_e0 --run {run}",
    "collate k0_e0 k1_e0 --run {run}",
    "history {run} --by year",
    "review {run} --out {out}/questions.csv",
    "export {run} --format csv --out {out} k0_e0",
    "report {run} --out {out}/report",
)
WRITE = ("cluster {run}", "report {run}", "run {scans} --out {run}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("read-only")
    write_corpus(folder / "scans", 2, 2, 1)
    years = "".join(f"k{kind}_e{edition},{1500 + edition}\n" for kind in range(2) for edition in range(2))
    (folder / "pages.csv").write_text(f"page,year\n{years}")
    run(folder / "scans", folder / "run", folder / "pages.csv", network=FakeReader())
    # Pairs are aligned again, and cannot be kept.
    (folder / "run" / "alignments.parquet").unlink()
    return folder


@pytest.fixture(autouse=True)
def no_locks(monkeypatch):
    """As on a disk that was mounted for reading."""

    def refuse(path, **_):
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr("tablesim.corpus.storage.lock.FileLock", refuse)


@pytest.mark.parametrize("command", (*READ, *WRITE))
def test_a_command_works_on_a_run_that_can_only_be_read_or_says_why_not(command, folder, tmp_path):
    before = contents(folder / "run")
    words = command.format(run=folder / "run", scans=folder / "scans", out=tmp_path).split()
    result = CliRunner().invoke(app, words)
    told = result.stderr
    assert result.exit_code == (command in WRITE), told
    if command in WRITE:
        assert len(told.splitlines()) == 1
        assert "cannot be written (Read-only file system); copy it to a disk that can be written to" in told
    assert contents(folder / "run") == before
