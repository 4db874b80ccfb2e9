"""A report follows from its run: written twice, or interrupted anywhere and written again, it is the same."""

import shutil

import pytest
from corpus.fakes import FakeReader, edition, table, write_scan
from workflow.test_killed import contents

from tablesim.corpus.store import Corpus
from tablesim.report import write_report
from tablesim.workflow import alignments, run
from tablesim.workflow.alignments import RunAlignments


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """Two tables in six editions: clustering aligns 5 of the 15 pairs of each, the report all."""
    folder = tmp_path_factory.mktemp("again") / "scans"
    for kind in range(2):
        for copy in range(6):
            rows = edition(table(kind, 15), 100 * kind + copy)
            write_scan(folder / f"k{kind}_e{copy}.png", rows, 1 + 10 * kind + copy)
    return folder


@pytest.fixture(scope="module")
def straight(scans):
    """A run, as it was before its report and after it."""
    corpus = run(scans, scans.parent / "run", network=FakeReader())
    shutil.copytree(corpus.folder, scans.parent / "before")
    write_report(corpus)
    return contents(corpus.folder)


@pytest.fixture
def folder(scans, straight):
    """The run as it was before its report, where it was: pages lead to the scans from there."""
    folder = scans.parent / "run"
    shutil.rmtree(folder, ignore_errors=True)
    return shutil.copytree(scans.parent / "before", folder)


def interrupted(monkeypatch, after, job):
    """Do a job that is interrupted when it aligns another pair after so many; each is on the disk at once."""
    left = [after]
    true = RunAlignments._align

    def align(self, *given):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return true(self, *given)

    with monkeypatch.context() as patch:
        patch.setattr(alignments, "SAVE_AFTER", 1)
        patch.setattr(alignments, "SAVE_SHARE", 0)
        patch.setattr(RunAlignments, "_align", align)
        with pytest.raises(KeyboardInterrupt):
            job()


def test_a_second_report_changes_nothing(folder, straight):
    for _ in range(2):
        write_report(Corpus.open(folder))
        assert contents(folder) == straight


@pytest.mark.parametrize("after", [1, 9])
def test_a_report_that_was_interrupted_goes_on_to_the_same(folder, straight, monkeypatch, after):
    interrupted(monkeypatch, after, lambda: write_report(Corpus.open(folder)))
    write_report(Corpus.open(folder))
    assert contents(folder) == straight


@pytest.mark.parametrize("after", [0, 7])
def test_clusters_that_were_interrupted_go_on_to_the_same(scans, folder, straight, monkeypatch, after):
    shutil.rmtree(folder)
    interrupted(monkeypatch, after, lambda: run(scans, folder, network=FakeReader()))
    write_report(run(scans, folder, network=FakeReader()))
    assert contents(folder) == straight


def test_without_the_alignments_of_the_run_its_groups_stay(folder, straight):
    (folder / alignments.NAME).unlink()
    write_report(Corpus.open(folder))
    assert contents(folder)["clusters/auto.parquet"] == straight["clusters/auto.parquet"]


def test_several_processes_write_the_same(folder, straight, monkeypatch):
    monkeypatch.setattr("tablesim.report.workers.FEWEST", 1)
    monkeypatch.setattr("tablesim.report.workers.LOT", 4)
    told = []
    write_report(Corpus.open(folder), workers=2, on_event=told.append)
    assert contents(folder) == straight
    pages = [event for event in told if event.kind == "page" and event.stage == "report"]
    assert [event.done for event in pages] == list(range(1, len(pages) + 1)) and pages[-1].done == pages[-1].total
