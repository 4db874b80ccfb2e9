"""The alignments that a run keeps."""

import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from corpus.fakes import FakeReader, write_corpus
from evidence.grids import chords, reading
from typer.testing import CliRunner

from tablesim.cli import app
from tablesim.corpus.corrections.apply import correct
from tablesim.corpus.from_histograms import corpus_of_histograms
from tablesim.corpus.store import Corpus
from tablesim.errors import RunError
from tablesim.evidence.collation import collation as collation_module
from tablesim.evidence.collation.collation import PagePair, collate
from tablesim.evidence.collation.merging import mirrored
from tablesim.evidence.collation.verification import verification
from tablesim.records.corrections import Correction
from tablesim.report.writing import write_report
from tablesim.review.questions import describe_registration
from tablesim.workflow import alignments as module
from tablesim.workflow import run, running
from tablesim.workflow.alignments import ALIGNMENT_VERSION, NAME, RunAlignments
from tablesim.workflow.clustering import cluster
from tablesim.workflow.witnesses import stored_alignment
from workflow.kinds import run_of_kinds


@pytest.fixture
def corpus(tmp_path):
    write_corpus(tmp_path / "scans", 2, 3, 1)
    return run(tmp_path / "scans", tmp_path / "out", network=FakeReader())


def test_a_run_keeps_what_it_aligned(corpus, monkeypatch):
    kept = RunAlignments(Corpus.open(corpus.folder))
    agreement = kept.known("k0_e0", "k0_e1")
    assert agreement is not None and agreement.same
    assert kept.known("k0_e1", "k0_e0") == agreement.mirrored
    monkeypatch.setattr(collation_module, "align", None)
    assert kept.verify("k0_e0", "k0_e1") == agreement
    assert verification(kept.pair("k0_e0", "k0_e1").collation) == agreement


def test_pairs_are_saved_on_the_way_and_still_known(corpus, monkeypatch):
    """The pair with which the new ones are enough to be saved was once asked for and not found."""
    pages = sorted(corpus)
    expected = {(a, b): RunAlignments(corpus).verify(a, b) for a in pages for b in pages if a < b}
    (corpus.folder / NAME).unlink()
    monkeypatch.setattr(module, "SAVE_AFTER", 2)
    kept = RunAlignments(corpus)
    assert {pair: kept.verify(*pair) for pair in expected} == expected
    assert len(RunAlignments(Corpus.open(corpus.folder))) >= 2


def test_the_same_run_writes_the_same_bytes(corpus, tmp_path):
    before = (corpus.folder / NAME).read_bytes()
    run(tmp_path / "scans", corpus.folder, network=FakeReader())
    assert (corpus.folder / NAME).read_bytes() == before
    run(tmp_path / "scans", tmp_path / "other", network=FakeReader(), workers=2)
    assert (tmp_path / "other" / NAME).read_bytes() == before


def test_what_is_new_is_added_in_order(corpus):
    kept, meanwhile = RunAlignments(corpus), RunAlignments(corpus)
    assert kept.known("k0_e0", "k1_e2") is None
    agreement = kept.verify("k0_e0", "k1_e2")
    meanwhile.verify("k0_e1", "k1_e2")
    meanwhile.save()
    kept.save()
    again = RunAlignments(Corpus.open(corpus.folder))
    assert again.known("k0_e0", "k1_e2") == agreement and again.known("k0_e1", "k1_e2") is not None
    table = pq.read_table(corpus.folder / NAME)
    keys = list(zip(table["reading_a"].to_pylist(), table["reading_b"].to_pylist(), strict=True))
    assert keys == sorted(set(keys))


def test_a_correction_makes_the_pairs_of_its_page_new(corpus):
    number = corpus.reading("k0_e0").numbers[5]
    before = RunAlignments(corpus).known("k0_e0", "k0_e1")
    correct(corpus, [Correction("k0_e0", number.box, number.text, "8888")], who="A")
    kept = RunAlignments(corpus)
    assert kept.known("k0_e0", "k0_e1") is None
    assert kept.known("k1_e0", "k1_e1") is not None
    assert kept.verify("k0_e0", "k0_e1") != before


def test_a_scan_that_other_versions_read_again_does_not_take_the_alignment_of_the_old_reading(
    corpus, tmp_path, monkeypatch
):
    before = RunAlignments(corpus).known("k0_e0", "k0_e1")
    for folder in ("readings", "embeddings"):
        shutil.rmtree(corpus.folder / folder)
    (tmp_path / "scans" / "k0_e0.txt").write_text((tmp_path / "scans" / "k1_e0.txt").read_text())
    monkeypatch.setattr(running, "versions", lambda: {"tablesim": "another"})
    again = run(tmp_path / "scans", corpus.folder, network=FakeReader())
    kept = RunAlignments(again)
    assert before.same and not kept.verify("k0_e0", "k0_e1").same
    assert kept.verify("k0_e1", "k0_e2").same


def test_a_reading_by_another_network_does_not_take_the_alignment_of_the_old_one(corpus):
    corpus.run["settings"]["network"] = "another"
    assert RunAlignments(corpus).known("k0_e0", "k0_e1") is None


COMMANDS = (
    "search {} k0_e0",
    "search {} k0_e0 --verify",
    "compare k0_e0 k0_e1 --run {}",
    "collate k0_e0 k0_e1 --run {}",
    "cluster {}",
    "report {}",
    "status {}",
    "export {} --format collation-json k0_e0 k0_e1",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_say_that_a_damaged_store_is_not_used(corpus, command):
    (corpus.folder / NAME).write_bytes(b"PAR1 and no more")
    result = CliRunner().invoke(app, command.format(corpus.folder).split())
    assert result.exit_code == 0, result.output
    assert NAME in result.stderr and result.stderr.count("aligned again") == 1


def test_a_question_is_described_by_the_stored_alignment(corpus, monkeypatch):
    monkeypatch.setattr(collation_module, "align", None)
    asked = []

    def alignment_of(a, b):
        asked.append((a, b))
        return stored_alignment(corpus, a, b)

    (line,) = describe_registration(corpus, "k0_e0", "k0_e1", alignment_of)
    assert "numbers are equal" in line and asked == [("k0_e0", "k0_e1")]


@pytest.mark.parametrize("spoil", ["garbage", "version"])
def test_what_cannot_be_read_or_is_of_another_version_is_aligned_again_and_that_is_said(corpus, spoil, monkeypatch):
    path = corpus.folder / NAME
    if spoil == "garbage":
        path.write_bytes(b"PAR1 and no more")
    else:
        monkeypatch.setattr(module, "_VERSION", {b"alignment": b"0"})
    remarks = []
    again = RunAlignments(Corpus.open(corpus.folder), remarks.append)
    assert again.known("k0_e0", "k0_e1") is None
    assert "aligned again" in remarks[0].message and NAME in remarks[0].message
    assert again.verify("k0_e0", "k0_e1").same
    again.save()
    assert len(remarks) == 1
    assert RunAlignments(corpus).known("k0_e0", "k0_e1").same


def test_a_version_of_tablesim_makes_no_pair_new(corpus):
    assert set(pq.read_schema(corpus.folder / NAME).metadata or {}) - {b"ARROW:schema"} == {b"alignment"}


def test_an_unknown_page_and_a_damaged_reading_are_errors(corpus):
    kept = RunAlignments(corpus)
    with pytest.raises(RunError, match="nobody"):
        kept.verify("k0_e0", "nobody")
    for shard in (corpus.folder / "readings").glob("*.parquet"):
        shard.write_bytes(b"PAR1 and no more")
    with pytest.raises(RunError, match="damaged"):
        RunAlignments(Corpus.open(corpus.folder)).verify("k0_e0", "k1_e2")


def test_pages_without_readings_agree_nowhere_and_are_not_kept(tmp_path):
    corpus = corpus_of_histograms(tmp_path / "run", {"a": np.ones(110), "b": np.ones(110)})
    kept = RunAlignments(corpus)
    assert not kept.verify("a", "b").same
    kept.save()
    assert not (corpus.folder / NAME).exists()


def test_a_full_disk_keeps_what_it_has_and_a_remark_says_so(corpus, monkeypatch):
    before = (corpus.folder / NAME).read_bytes()
    remarks = []
    kept = RunAlignments(corpus, remarks.append)
    kept.verify("k0_e0", "k1_e2")

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(module, "write_parquet", full)
    kept.save()
    assert "1 pair of pages was aligned" in remarks[0].message and "no space left" in remarks[0].message
    assert (corpus.folder / NAME).read_bytes() == before


def test_a_run_that_is_only_read_keeps_nothing(corpus, tmp_path):
    copy = shutil.copytree(corpus.folder, tmp_path / "run")
    (copy / NAME).unlink()
    kept = RunAlignments(Corpus.open(copy), keep=False)
    kept.verify("k0_e0", "k0_e1")
    kept.save()
    assert not (copy / NAME).exists()


def random_pages(rng):
    """Two editions with misprints, columns in another order, rows left out, halves moved or rows set for columns."""
    n_rows, n_columns, highest = int(rng.integers(6, 30)), int(rng.integers(2, 8)), int(rng.choice([10, 60, 400]))
    rows = [[str(number) for number in line] for line in rng.integers(0, highest, (n_rows, n_columns))]
    other = [list(row) for row in rows]
    for _ in range(int(rng.integers(0, 6))):
        other[rng.integers(n_rows)][rng.integers(n_columns)] = str(rng.integers(400))
    order = rng.permutation(n_columns) if rng.random() < 0.3 else np.arange(n_columns)
    other = [[row[column] for column in order] for row in other if rng.random() < 0.95]
    if rng.random() < 0.2:
        other = [list(column) for column in zip(*other, strict=True)]
    if rng.random() < 0.2:
        middle = len(other) // 2
        return reading("a", rows), reading("b", other[:middle], other[middle:])
    return reading("a", rows), reading("b", other)


@pytest.mark.parametrize("seed", range(40))
def test_a_collation_from_the_stored_alignment_is_the_fresh_one(seed):
    a, b = random_pages(np.random.default_rng(seed))
    alignment = PagePair.of(a, b).alignment
    panels = tuple(module._panel(module._panel_line(panel)) for panel in alignment.panels)
    stored = type(alignment)(panels, alignment.transposed)
    assert PagePair(a, b, stored).collation.to_dict() == collate(a, b).to_dict()
    assert PagePair(b, a, mirrored(stored)).collation.to_dict() == collate(b, a).to_dict()


@pytest.mark.parametrize("seed", range(12))
def test_two_pages_have_one_alignment_whichever_comes_first(seed):
    a, b = random_pages(np.random.default_rng(seed))
    there, back = collate(a, b), collate(b, a)
    cells = {cell.texts for cell in there.cells}, {cell.texts[::-1] for cell in back.cells}
    assert cells[0] == cells[1]
    assert there.summary == back.summary
    assert len(there.unaligned) == len(back.unaligned)
    met, met_back = PagePair.of(a, b).met, PagePair.of(b, a).met
    assert {tuple(pair) for pair in met.tolist()} == {tuple(pair[::-1]) for pair in met_back.tolist()}


def test_the_version_is_raised_when_the_same_readings_are_aligned_otherwise():
    """A change here asks for another ALIGNMENT_VERSION, or runs would go on with what the old one said."""
    rows = chords(count=20)
    other = [row[:] for row in rows[1:]]
    other[4][3], other[9][1] = "59", ""
    agreement = verification(collate(reading("a", rows), reading("b", [row[2:] + row[:2] for row in other])))
    results = agreement.agreeing, agreement.compared, agreement.cells, round(agreement.by_chance, 3)
    assert (ALIGNMENT_VERSION, *results) == (4, 169, 170, 170, 119.485)


def test_each_pair_is_aligned_once_by_everything_that_asks_for_it(tmp_path, monkeypatch):
    aligned = []
    true = collation_module.align

    def counted(witnesses):
        aligned.append(tuple(sorted(witness.name for witness in witnesses)))
        return true(witnesses)

    monkeypatch.setattr(collation_module, "align", counted)
    corpus = run_of_kinds(tmp_path)
    folder = str(corpus.folder)
    write_report(Corpus.open(corpus.folder))
    pair = ["b0_t0_p10", "b1_t0_p10"]
    commands = (
        ["search", folder, pair[0], "--verify", "--json"],
        ["compare", *pair, "--run", folder, "--json"],
        ["collate", *pair[::-1], "--run", folder, "--json"],
        ["compare", "b0_t0_p10", "b2_t2_p11", "--run", folder, "--json"],
        ["collate", "b0_t0_p10", "b2_t2_p11", "--run", folder, "--json"],
    )
    for command in commands:
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, result.output
    cluster(Corpus.open(corpus.folder))
    assert tuple(pair) in aligned and ("b0_t0_p10", "b2_t2_p11") in aligned
    assert len(aligned) == len(set(aligned)) > 20
    once = len(aligned)
    run(tmp_path / "scans", corpus.folder, metadata=tmp_path / "meta.csv", network=FakeReader())
    write_report(Corpus.open(corpus.folder))
    assert len(aligned) == once
