"""A person says of a page that it carries a table, or none: it holds, is kept with who and why, and can be undone."""

import csv
import shutil

import pyarrow as pa
import pytest

from corpus.fakes import FakeReader, write_corpus, write_scan
from tablesim.corpus.corrections.apply import correct, decide_tables, renew
from tablesim.corpus.corrections.table_decisions import NAME, read_table_decisions
from tablesim.corpus.history.series import history
from tablesim.corpus.map import make_map
from tablesim.corpus.storage.files import read_parquet, write_parquet
from tablesim.corpus.storage.schemas import NEIGHBOUR_SCHEMA
from tablesim.corpus.store import Corpus
from tablesim.errors import MetadataError
from tablesim.records.corrections import Correction, TableDecision
from tablesim.report.provenance import cite_page, page_of_run
from tablesim.report.writing import write_report
from tablesim.workflow import run
from tablesim.workflow.doctor import examine_run, said_by_people

TABLE, PROSE = "k1_e0", "prose_1"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    write_corpus(folder / "scans", 3, 3, 2)
    shutil.copy(folder / "scans" / f"{TABLE}.png", folder / "scans" / "twin.png")
    shutil.copy(folder / "scans" / f"{TABLE}.txt", folder / "scans" / "twin.txt")
    return run(folder / "scans", folder / "run", network=FakeReader()).folder


@pytest.fixture
def corpus(made, tmp_path):
    shutil.copytree(made, tmp_path / "run")
    return Corpus.open(tmp_path / "run")


def neighbours(corpus):
    return read_parquet(corpus.folder / "neighbours.parquet", NEIGHBOUR_SCHEMA).to_pylist()


def listed(corpus):
    return {page for line in neighbours(corpus) for page in (line["page"], line["neighbour"])}


def say(corpus, page, is_table, **about):
    return decide_tables(corpus, [TableDecision(page, is_table, **about)])


def test_a_page_that_a_person_takes_out_is_in_no_search_cluster_or_map_and_so_is_every_page_with_its_bytes(corpus):
    assert listed(corpus) >= {TABLE, "twin"}
    taken = say(corpus, TABLE, False, who="Anna", reason="an index")
    assert taken.pages == (TABLE, "twin")
    assert not corpus.reading(TABLE).is_table and corpus.machine_reading(TABLE).is_table
    assert not listed(corpus) & {TABLE, "twin"}
    renewed = neighbours(corpus)
    corpus.build_neighbours()
    assert renewed == neighbours(corpus)
    assert TABLE not in {hit.page for hit in corpus.search("k1_e1", top=20)}
    clustering = corpus.cluster(3)
    assert clustering.without[TABLE] == clustering.without["prose_1"] == "no numerical table"
    assert corpus.status()["tables"] == 8
    assert TABLE not in make_map(corpus).pages


def test_a_page_that_a_person_takes_in_is_compared_with_the_others(corpus):
    assert PROSE not in listed(corpus)
    assert say(corpus, PROSE, True).pages == (PROSE,)
    assert corpus.reading(PROSE).is_table and not corpus.machine_reading(PROSE).is_table
    renewed = neighbours(corpus)
    assert PROSE in {line["page"] for line in renewed}
    corpus.build_neighbours()
    assert renewed == neighbours(corpus)
    assert PROSE not in corpus.cluster(3).without
    assert Corpus.open(corpus.folder).reading(PROSE).is_table


def test_it_is_taken_back_and_all_is_as_before_with_every_line_kept(corpus):
    before, facts = neighbours(corpus), corpus.pages
    say(corpus, TABLE, False, who="Anna", when="2026-03-02")
    say(corpus, TABLE, None, who="Bert", when="2026-03-03", reason="looked again")
    assert corpus.reading(TABLE).is_table
    assert neighbours(corpus) == before and corpus.pages == facts
    assert corpus.table_decisions.status().counts() == {"table_decisions": 0, "table_decisions_holding": 0}
    with (corpus.folder / NAME).open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["is_table"], row["who"], row["reason"]) for row in rows] == [
        ("no", "Anna", ""),
        ("as read", "Bert", "looked again"),
    ]
    assert {row["sha256"] for row in rows} == {corpus.page(TABLE)["sha256"]}


def test_the_latest_holds_and_the_same_file_again_changes_nothing(corpus):
    said = [
        TableDecision(TABLE, True, "Bert", "2026-03-05"),
        TableDecision(TABLE, False, "Anna", "2026-03-02"),
    ]
    assert decide_tables(corpus, said).pages == ()
    assert corpus.table_decisions.of(corpus.page(TABLE)["sha256"]).who == "Bert"
    again = decide_tables(corpus, read_table_decisions(corpus.folder / NAME))
    assert (again.new, again.known, again.pages) == ((), 2, ())
    assert len(corpus.table_decisions.all) == 2


def test_it_holds_when_other_weights_read_the_page_and_the_page_has_another_name(made, tmp_path):
    scans = made.parent / "scans"
    write = tmp_path / "scans"
    shutil.copytree(scans, write)
    folder = tmp_path / "run"
    corpus = run(write, folder, network=FakeReader())
    say(corpus, PROSE, True, who="Anna")
    say(corpus, TABLE, False, who="Anna")
    for ending in ("png", "txt"):
        (write / f"{PROSE}.{ending}").rename(write / f"renamed.{ending}")
    again = run(write, folder, network=FakeReader())
    assert again.reading("renamed").is_table and again.page("renamed")["is_table"]
    assert not again.page(TABLE)["is_table"]
    # Other weights make another run; what people said goes over by the hashes of the scans.
    other = run(write, tmp_path / "other", network=FakeReader(fingerprint="fake-2"))
    taken = decide_tables(other, read_table_decisions(folder / NAME))
    assert set(taken.pages) == {"renamed", TABLE, "twin"}
    # Even where the machine judges otherwise than it did when the person spoke.
    _read_again(again, TABLE, is_table=False)
    _read_again(again, "renamed", is_table=True)
    renew(again)
    say(again, TABLE, True, who="Bert")
    assert again.page(TABLE)["is_table"] and not again.machine_reading(TABLE).is_table


def _read_again(corpus, page, *, is_table):
    """As if the page had been read by a version that judges it so."""
    key = corpus.page(page)["sha256"]
    for file in corpus.reading_shards.files:
        rows = corpus.reading_shards.read(file)
        flags = [is_table if row["sha256"] == key else row["is_table"] for row in rows.to_pylist()]
        at = rows.schema.get_field_index("is_table")
        write_parquet(file, rows.set_column(at, rows.schema.field(at), pa.array(flags, pa.bool_())))
    corpus.refresh()


def test_a_correction_of_numbers_does_not_unsay_it(corpus):
    say(corpus, TABLE, False, who="Anna")
    numbers = corpus.machine_reading(TABLE).numbers
    correct(corpus, [Correction(TABLE, numbers[at].box, numbers[at].text, text) for at, text in ((5, "987"), (7, ""))])
    assert not corpus.reading(TABLE).is_table and not corpus.page(TABLE)["is_table"]


def test_a_scan_that_goes_keeps_it_waiting(made, tmp_path):
    scans = tmp_path / "scans"
    shutil.copytree(made.parent / "scans", scans)
    corpus = run(scans, tmp_path / "run", network=FakeReader())
    say(corpus, PROSE, True)
    write_scan(scans / f"{PROSE}.png", [["15", "4"]], 249)
    corpus = run(scans, tmp_path / "run", network=FakeReader())
    assert not corpus.reading(PROSE).is_table
    (remark,) = corpus.table_decisions.status().remarks()
    assert remark.startswith("table decisions that do not hold, since no page has their scan: 1 (prose_1, SHA-256 ")


def test_a_stranger_is_refused_and_a_table_without_numbers_is_said(corpus):
    with pytest.raises(MetadataError, match="nobody: no such page"):
        say(corpus, "nobody", True)
    with pytest.raises(MetadataError, match="none of the 1 scans"):
        say(corpus, "other", True, sha256="ab" * 32)
    assert not (corpus.folder / NAME).exists()
    (remark,) = say(corpus, "prose_0", True).remarks
    assert remark.startswith("prose_0: no number was read on it, so that it is in no cluster")
    both = [TableDecision("other", True, sha256="ab" * 32), TableDecision(TABLE, False)]
    taken = decide_tables(corpus, both)
    assert (len(taken.new), taken.not_taken[0].page) == (1, "other")


def test_report_doctor_history_and_citation_say_that_a_person_said_it(corpus):
    say(corpus, TABLE, False, who="Anna", when="2026-03-02", reason="an index")
    sentence = f"said by a person to carry no table: {TABLE}, twin (by Anna)"
    assert said_by_people(corpus.folder) == [sentence]
    assert not [f for f in examine_run(corpus.folder) if f.where == NAME]
    corpus.cluster(3)
    page = write_report(corpus).read_text(encoding="utf-8")
    assert "Carries no table, as Anna said on 2026-03-02: an index." in page
    assert sentence in page
    assert "carries no table, as Anna said" in cite_page(page_of_run(corpus, TABLE))
    corpus.write_pages([{**row, "year": 1500 + at, "book": row["page"]} for at, row in enumerate(corpus.pages)])
    assert history(corpus).to_dict()["said_by_people"] == [sentence]


def test_the_doctor_finds_a_file_that_is_not_worked_in_and_one_that_is_damaged(corpus):
    say(corpus, TABLE, False)
    renewed = [{**row, "is_table": True} if row["page"] == TABLE else row for row in corpus.pages]
    corpus.write_pages(renewed)
    (finding,) = [f for f in examine_run(corpus.folder) if f.where == NAME]
    assert TABLE in finding.what
    (corpus.folder / NAME).write_text("page,sha256,is_table\na,,perhaps\n")
    (finding,) = [f for f in examine_run(corpus.folder) if f.where == NAME]
    assert "expected yes, no, or `as read`" in finding.what


def test_other_kinds_of_writing_it_are_read(tmp_path):
    path = tmp_path / "said.csv"
    path.write_text("Page;is_table;who\na.jpg;True;Anna\nb;0;\nc;AS READ;\n", encoding="utf-8")
    assert read_table_decisions(path) == (
        TableDecision("a", True, "Anna"),
        TableDecision("b", False),
        TableDecision("c", None),
    )
    path.write_text("page,table\na,yes\n")
    with pytest.raises(MetadataError, match="no column is_table"):
        read_table_decisions(path)
