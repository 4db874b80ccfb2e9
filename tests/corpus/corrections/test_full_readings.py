"""A page that was refused at a first look and that a person calls a table is read in full, from its scan."""

import shutil
from dataclasses import dataclass, replace

import pytest

from corpus.fakes import FakeReader, reading_of, table, write_corpus
from tablesim.corpus.corrections.apply import decide_tables
from tablesim.corpus.storage.files import read_parquet
from tablesim.corpus.storage.schemas import NEIGHBOUR_SCHEMA
from tablesim.corpus.store import Corpus
from tablesim.digits.refusals import HANDWRITTEN, is_refusal
from tablesim.records.corrections import TableDecision
from tablesim.scans.images import MAX_PIXELS
from tablesim.workflow import run
from tablesim.workflow.doctor import examine_run

REFUSED = "prose_0"


@dataclass(frozen=True)
class RefusingReader(FakeReader):
    """Refuses the pages without a table, and reads them when it must."""

    def read(self, path, max_pixels=MAX_PIXELS):
        reading = super().read(path, max_pixels)
        if reading.is_table:
            return reading
        empty = reading_of(reading.page, [], scan=reading.scan, sha256=reading.sha256)
        return replace(empty, note=HANDWRITTEN)

    def read_in_full(self, path, max_pixels=MAX_PIXELS):
        reading = super().read(path, max_pixels)
        full = reading_of(reading.page, table(0), scan=reading.scan, sha256=reading.sha256)
        return replace(full, note="read in full")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    write_corpus(folder / "scans", 3, 3, 2)
    return run(folder / "scans", folder / "run", network=RefusingReader()).folder


@pytest.fixture
def corpus(made, tmp_path):
    shutil.copytree(made, tmp_path / "run")
    return Corpus.open(tmp_path / "run")


def test_it_has_numbers_like_any_other(corpus):
    assert is_refusal(corpus.reading(REFUSED).note) and not corpus.reading(REFUSED).numbers
    taken = decide_tables(corpus, [TableDecision(REFUSED, True)], "Anna", RefusingReader())
    n_numbers = len(corpus.reading(REFUSED).numbers)
    assert n_numbers == 160 == corpus.page(REFUSED)["n_numbers"]
    assert taken.pages == (REFUSED,)
    assert taken.remarks == (f"{REFUSED}: read in full, 160 numbers",)
    assert corpus.reading(REFUSED).is_table and not corpus.machine_reading(REFUSED).is_table
    neighbours = read_parquet(corpus.folder / "neighbours.parquet", NEIGHBOUR_SCHEMA).to_pylist()
    assert {line["neighbour"] for line in neighbours if line["page"] == REFUSED} >= {"k0_e0", "k0_e1", "k0_e2"}
    text = " ".join(number.text for number in corpus.reading(REFUSED).numbers[:4])
    assert REFUSED in {hit.page for hit in corpus.search_numbers(text).hits}
    assert [one["pages"] for one in corpus.read_with() if one["versions"].get("pages") == "in full"] == [1]
    assert examine_run(corpus.folder) == []


def test_other_pages_stay_as_they_are(corpus):
    before = {reading.page: reading for reading in corpus.readings() if reading.page != REFUSED}
    decide_tables(corpus, [TableDecision(REFUSED, True), TableDecision("k1_e0", True)], "Anna", RefusingReader())
    after = {reading.page: reading for reading in corpus.readings() if reading.page != REFUSED}
    assert {page: reading.to_dict() for page, reading in before.items()} == {
        page: reading.to_dict() for page, reading in after.items()
    }


def test_a_scan_that_is_away_is_said_and_the_next_run_reads_it(corpus, made):
    scan = made.parent / "scans" / f"{REFUSED}.png"
    aside = scan.rename(scan.with_suffix(".away"))
    try:
        taken = decide_tables(corpus, [TableDecision(REFUSED, True)], "Anna", RefusingReader())
    finally:
        aside.rename(scan)
    assert "give the command `tablesim run` again" in taken.remarks[0]
    assert corpus.reading(REFUSED).is_table and not corpus.reading(REFUSED).numbers
    run(made.parent / "scans", corpus.folder, network=RefusingReader())
    assert len(Corpus.open(corpus.folder).reading(REFUSED).numbers) == 160


def test_another_network_is_not_taken_for_that_of_the_run(corpus):
    taken = decide_tables(corpus, [TableDecision(REFUSED, True)], "Anna")
    assert "read by another network" in taken.remarks[0] and "tablesim run" in taken.remarks[0]
    assert not corpus.reading(REFUSED).numbers
