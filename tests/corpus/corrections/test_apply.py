"""Corrections in a run: kept apart, never erased, and all that depends on them follows, nothing else."""

import csv
import json
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from corpus.fakes import FakeReader, write_corpus, write_corrections
from tablesim.bigrams.embedding import histogram
from tablesim.cli import app
from tablesim.corpus.corrections.apply import correct, finish, renew
from tablesim.corpus.storage.files import read_parquet
from tablesim.corpus.storage.schemas import NEIGHBOUR_SCHEMA
from tablesim.corpus.store import Corpus
from tablesim.errors import MetadataError, RunError
from tablesim.evidence.comparison import compare
from tablesim.records.boxes import Box
from tablesim.records.corrections import Correction
from tablesim.workflow import run


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    write_corpus(folder / "scans", 8, 4, 2)
    for ending in ("png", "txt"):
        shutil.copy(folder / "scans" / f"k0_e0.{ending}", folder / "scans" / f"twin.{ending}")
    (folder / "scans" / "bad.jpg").write_bytes(b"")
    return run(folder / "scans", folder / "run", network=FakeReader()).folder


@pytest.fixture
def corpus(made, tmp_path):
    shutil.copytree(made, tmp_path / "run")
    return Corpus.open(tmp_path / "run")


def one(reading, at, correct, **about):
    number = reading.numbers[at]
    return Correction(reading.page, number.box, number.text, correct, **about)


def neighbours(corpus):
    return read_parquet(corpus.folder / "neighbours.parquet", NEIGHBOUR_SCHEMA).to_pylist()


def others(corpus, pages):
    ids, h = corpus.histograms
    return {page: row.tobytes() for page, row in zip(ids, h, strict=True) if page not in pages}


def test_a_correction_is_in_the_reading_the_embedding_the_status_and_the_comparison(corpus):
    before = corpus.reading("k1_e0")
    untouched = others(corpus, {"k1_e0"})
    taken = correct(corpus, [one(before, 5, "987", reason="worm hole")], who="A. Reader")
    assert taken.pages == ("k1_e0",)
    after = corpus.reading("k1_e0")
    assert after.numbers[5].text == "987"
    assert np.array_equal(after.histogram, histogram(after))
    assert not np.array_equal(after.histogram, before.histogram)
    ids, h = corpus.histograms
    assert np.array_equal(h[ids.index("k1_e0")], after.histogram)
    assert np.array_equal(corpus.embeddings[1][ids.index("k1_e0")], np.sqrt(after.histogram))
    assert others(corpus, {"k1_e0"}) == untouched
    assert corpus.status()["corrections"] == 1
    assert compare(after, after, top=500).score == pytest.approx(float(after.histogram.sum()))
    # Another process sees the same.
    assert Corpus.open(corpus.folder).reading("k1_e0") == after


def test_what_the_machine_read_is_kept_and_who_corrected_it_and_when(corpus):
    before = corpus.reading("k1_e0")
    shards = {file.name: file.read_bytes() for file in (corpus.folder / "readings").iterdir()}
    number = before.numbers[5]
    correct(corpus, [Correction("k1_e0", number.box, "", "987")], who="A. Reader")
    assert {file.name: file.read_bytes() for file in (corpus.folder / "readings").iterdir()} == shards
    assert corpus.machine_reading("k1_e0").numbers == before.numbers
    with (corpus.folder / "corrections.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert (row["read"], row["correct"], row["who"]) == (number.text, "987", "A. Reader")
    assert row["when"].startswith("20") and "T" in row["when"]


@pytest.mark.parametrize("killed_at", ["_write_facts", "_write_embeddings", "_renew_neighbours"])
def test_what_a_killed_process_left_undone_is_done_when_the_run_is_written_again(corpus, monkeypatch, killed_at):
    """The correction is in the log; its embedding and its neighbours follow, by whoever opens the run for writing."""

    class Killed(BaseException):
        pass

    def stop(*_):
        raise Killed

    before = corpus.reading("k1_e0")
    text = "".join("7" if figure == "1" else "1" for figure in before.numbers[5].digits_text)
    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(f"tablesim.corpus.corrections.apply.{killed_at}", stop)
        correct(corpus, [one(before, 5, text)])
    again = Corpus.open(corpus.folder)
    assert again.reading("k1_e0").numbers[5].text == text
    assert finish(again) == ["k1_e0"] and finish(again) == []
    now = Corpus.open(corpus.folder)
    ids, h = now.histograms
    assert np.array_equal(h[ids.index("k1_e0")], histogram(now.reading("k1_e0")))
    found = neighbours(now)
    now.build_neighbours()
    assert found == neighbours(now)


def test_the_renewed_neighbours_are_those_of_a_new_search(corpus):
    rng = np.random.default_rng(5)
    for page in ("k1_e0", "k3_e2", "k1_e0"):
        reading = corpus.reading(page)
        places = rng.choice(len(reading.numbers), 60, replace=False)
        made = [one(reading, int(at), "".join(map(str, rng.integers(0, 10, 2)))) for at in places]
        before = neighbours(corpus)
        correct(corpus, made)
        renewed = neighbours(corpus)
        assert renewed != before
        corpus.build_neighbours()
        assert renewed == neighbours(corpus)


def test_a_page_that_is_no_table_any_more_leaves_the_neighbours_and_comes_back(corpus):
    reading = corpus.reading("k2_e1")
    before = neighbours(corpus)
    correct(corpus, [one(reading, at, "", when="2026-01-01") for at in range(len(reading.numbers))])
    row = corpus.page("k2_e1")
    assert (row["is_table"], row["n_numbers"], row["n_digits"]) == (False, 0, 0)
    assert not any("k2_e1" in (line["page"], line["neighbour"]) for line in neighbours(corpus))
    renewed = neighbours(corpus)
    corpus.build_neighbours()
    assert renewed == neighbours(corpus)
    texts = [Correction("k2_e1", n.box, "", n.text, when="2026-01-02") for n in reading.numbers]
    correct(corpus, texts)
    assert corpus.page("k2_e1")["is_table"]
    assert sorted(n.text for n in corpus.reading("k2_e1").numbers) == sorted(n.text for n in reading.numbers)
    assert {line["page"] for line in neighbours(corpus)} == {line["page"] for line in before}


def test_a_correction_counts_for_every_page_with_the_same_bytes(corpus):
    taken = correct(corpus, [one(corpus.reading("k0_e0"), 3, "77")])
    assert taken.pages == ("k0_e0", "twin")
    assert corpus.reading("twin").numbers[3].text == "77"
    number = corpus.reading("twin").numbers[3]
    correct(corpus, [Correction("twin", number.box, "", "78", when="2999-01-01")])
    assert corpus.reading("k0_e0").numbers[3].text == "78"
    assert [made.correct for made in corpus.corrections_of("k0_e0")] == ["78"]
    assert corpus.corrections_of("k1_e0") == ()


def test_nothing_is_erased_and_nothing_is_said_twice(corpus):
    reading = corpus.reading("k1_e0")
    first, back = one(reading, 5, "98"), one(reading, 5, reading.numbers[5].text)
    dated = one(reading, 6, "55", when="2026-01-01")
    assert len(correct(corpus, [first, first, dated]).new) == 2
    again = correct(corpus, [first, dated])
    assert (again.new, again.known, again.pages) == ((), 2, ())
    assert len(correct(corpus, [back]).new) == 1
    assert corpus.reading("k1_e0").numbers[5].text == reading.numbers[5].text
    # What was taken back can be said once more.
    assert len(correct(corpus, [first]).new) == 1
    assert corpus.reading("k1_e0").numbers[5].text == "98"
    assert [c.correct for c in corpus.corrections.all] == ["98", "55", reading.numbers[5].text, "98"]


def test_a_correction_of_something_else_than_was_read_is_remarked(corpus):
    number = corpus.reading("k1_e0").numbers[5]
    taken = correct(corpus, [Correction("k1_e0", number.box, "4444", "98")])
    assert taken.remarks == (f"k1_e0: read was '4444', but the machine read '{number.text}'",)
    assert corpus.reading("k1_e0").numbers[5].text == "98"


@pytest.mark.parametrize(
    ("page", "error", "said"), [("k9", MetadataError, "k9: no such page"), ("bad", RunError, "bad")]
)
def test_a_page_that_is_not_there_is_refused_and_nothing_taken_over(corpus, page, error, said):
    fine = one(corpus.reading("k1_e0"), 5, "98")
    with pytest.raises(error, match=said):
        correct(corpus, [fine, Correction(page, Box(1, 1, 2, 2), "", "5")])
    assert not (corpus.folder / "corrections.csv").exists()


def test_a_damaged_file_of_corrections_is_told(corpus):
    (corpus.folder / "corrections.csv").write_text("page,x\np,1\n")
    with pytest.raises(MetadataError, match=r"corrections\.csv: no column"):
        Corpus.open(corpus.folder).reading("k1_e0")


def test_the_same_run_again_keeps_the_corrections(corpus, made):
    reading = corpus.reading("k1_e0")
    correct(corpus, [one(reading, at, "") for at in range(len(reading.numbers))])
    neighbours_before = neighbours(corpus)
    again = run(made.parent / "scans", corpus.folder, network=FakeReader())
    assert again.reading("k1_e0").numbers == ()
    assert again.page("k1_e0")["is_table"] is False
    assert neighbours(again) == neighbours_before


def test_embeddings_that_were_lost_come_back_corrected(corpus):
    correct(corpus, [one(corpus.reading("k1_e0"), 5, "987")])
    wanted = corpus.reading("k1_e0").histogram
    (corpus.folder / "corrections.csv").rename(corpus.folder / "aside.csv")
    corpus.refresh()
    assert renew(corpus, ["k1_e0"]) == ["k1_e0"]
    (corpus.folder / "aside.csv").rename(corpus.folder / "corrections.csv")
    corpus.refresh()
    assert renew(corpus) == ["k1_e0"]
    assert np.array_equal(corpus.reading("k1_e0").histogram, wanted)
    assert renew(corpus) == []


def test_the_command_line_takes_corrections(corpus, tmp_path):
    reading = corpus.reading("k1_e0")
    path = tmp_path / "mine.csv"
    write_corrections(path, [one(reading, 5, "987"), one(reading, 6, "5?")])
    words = ["correct", str(corpus.folder), "--csv", str(path), "--who", "me"]
    first = CliRunner().invoke(app, words)
    assert first.exit_code == 0, first.output
    assert first.stdout.splitlines()[0] == "2 corrections taken over; 1 page has another embedding now"
    assert first.stderr == ""
    write_corrections(path, [one(reading, 7, "11")])
    nameless = CliRunner().invoke(app, words[:4])
    assert nameless.exit_code == 0 and "1 correction does not say who made it; give --who" in nameless.stderr
    write_corrections(path, [one(reading, 5, "987"), one(reading, 6, "5?")])
    second = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert second == {"new": [], "known": 2, "pages": [], "not_taken": []}
    status = json.loads(CliRunner().invoke(app, ["status", str(corpus.folder), "--json"]).stdout)
    assert status["corrections"] == 3


def test_search_collation_and_report_follow_at_the_command_line(corpus, tmp_path):
    def call(*words):
        result = CliRunner().invoke(app, [str(word) for word in words])
        assert result.exit_code == 0, result.output
        return result.stdout

    def said():
        hits = json.loads(call("search", corpus.folder, "k1_e0", "--top", 3, "--json"))
        states = json.loads(call("collate", "k1_e0", "k1_e1", "--run", corpus.folder, "--json"))["summary"]
        return {hit["page"]: hit["similarity"] for hit in hits}["k1_e1"], states["differs"]

    reading = corpus.reading("k1_e0")
    before = said()
    path = tmp_path / "mine.csv"
    write_corrections(path, [one(reading, at, "987") for at in (5, 6)])
    call("correct", corpus.folder, "--csv", path, "--who", "A. Reader")
    after = said()
    now = Corpus.open(corpus.folder)
    assert after[0] < before[0] and after[1] == before[1] + 2
    assert after[0] == pytest.approx(compare(now.reading("k1_e0"), now.reading("k1_e1")).similarity, abs=1e-6)
    (listed,) = [row for row in neighbours(now) if row["page"] == "k1_e0" and row["neighbour"] == "k1_e1"]
    assert listed["similarity"] == pytest.approx(after[0], abs=1e-6)
    call("report", corpus.folder)
    page = (corpus.folder / "report" / "pages" / "k1_e0.html").read_text(encoding="utf-8")
    assert f"{after[0]:.4f}"[:5] in page
