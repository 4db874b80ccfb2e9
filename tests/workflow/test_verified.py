import pyarrow.parquet as pq
import pytest
from corpus.fakes import FakeReader, write_corpus

from tablesim.corpus.corrections.apply import correct
from tablesim.corpus.store import Corpus
from tablesim.records.corrections import Correction
from tablesim.workflow import run
from tablesim.workflow.verification import verify_pages
from tablesim.workflow.verification_store import NAME, VerifiedPairs


@pytest.fixture
def corpus(tmp_path):
    write_corpus(tmp_path / "scans", 2, 3, 1)
    return run(tmp_path / "scans", tmp_path / "out", network=FakeReader())


def test_a_run_keeps_what_it_laid_over_each_other(corpus, monkeypatch):
    again = Corpus.open(corpus.folder)
    known = VerifiedPairs.of(again)
    told = known.get("k0_e0", "k0_e1")
    assert told is not None and told.same
    assert known.get("k0_e1", "k0_e0") == told
    monkeypatch.setattr("tablesim.workflow.verification_store.collate_pages", None)
    assert verify_pages(again, "k0_e0", "k0_e1") == told


def test_the_same_run_writes_the_same_bytes(corpus, tmp_path):
    before = (corpus.folder / NAME).read_bytes()
    run(tmp_path / "scans", corpus.folder, network=FakeReader())
    assert (corpus.folder / NAME).read_bytes() == before
    run(tmp_path / "scans", tmp_path / "other", network=FakeReader(), workers=2)
    assert (tmp_path / "other" / NAME).read_bytes() == before


def test_what_is_new_is_added_in_order(corpus):
    known = VerifiedPairs.of(corpus)
    assert known.get("k0_e0", "k1_e2") is None
    told = known.verify("k0_e0", "k1_e2")
    known.save()
    assert VerifiedPairs.of(Corpus.open(corpus.folder)).get("k1_e2", "k0_e0") == told
    table = pq.read_table(corpus.folder / NAME)
    keys = list(zip(table["reading_a"].to_pylist(), table["reading_b"].to_pylist(), strict=True))
    assert keys == sorted(keys)


def test_a_correction_makes_the_pairs_of_its_page_new(corpus):
    number = corpus.reading("k0_e0").numbers[5]
    before = VerifiedPairs.of(corpus).get("k0_e0", "k0_e1")
    correct(corpus, [Correction("k0_e0", number.box, number.text, "8888")], who="A")
    assert VerifiedPairs.of(corpus).get("k0_e0", "k0_e1") is None
    assert VerifiedPairs.of(corpus).get("k1_e0", "k1_e1") is not None
    assert verify_pages(corpus, "k0_e0", "k0_e1") != before


@pytest.mark.parametrize("spoil", ["garbage", "version"])
def test_what_cannot_be_read_or_is_of_another_version_is_laid_over_again(corpus, spoil, monkeypatch):
    path = corpus.folder / NAME
    if spoil == "garbage":
        path.write_bytes(b"PAR1 and no more")
    else:
        monkeypatch.setattr("tablesim.workflow.verification_store._MADE_WITH", {b"tablesim": b"0.0"})
    again = Corpus.open(corpus.folder)
    assert VerifiedPairs.of(again).get("k0_e0", "k0_e1") is None
    assert verify_pages(again, "k0_e0", "k0_e1").same


def test_a_page_without_a_reading_agrees_nowhere_and_is_not_kept(corpus):
    assert not verify_pages(corpus, "k0_e0", "nobody").same
    assert VerifiedPairs.of(corpus).new == {}
