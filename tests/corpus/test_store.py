import csv
import json
import os
import shutil

import numpy as np
import pytest

from corpus.fakes import FakeReader, reading_of, table, write_corpus, write_scan
from tablesim.corpus.indexing.ingest import ingest
from tablesim.corpus.store import Corpus
from tablesim.errors import RunError, SettingsError
from tablesim.scans.metadata import match_lines, read_metadata
from tablesim.scans.sources import find_scans, name_pages


def test_what_was_read_is_there_with_its_histogram(whole):
    corpus, labels = whole
    assert [row["page"] for row in corpus.pages] == sorted(labels)
    again = Corpus.open(corpus.folder)
    reading = again.reading("k1_e0")
    expected = FakeReader().read(corpus.folder.parent / "scans" / "k1_e0.png")
    assert (reading.numbers, reading.sha256, reading.page) == (expected.numbers, expected.sha256, "k1_e0")
    np.testing.assert_array_equal(reading.histogram, expected.histogram)
    assert [r.page for r in again.readings()] == sorted(labels)
    ids, phi = again.embeddings
    np.testing.assert_array_equal(phi[ids.index("k1_e0")], np.sqrt(expected.histogram))
    row = again.page("k1_e0")
    assert (row["status"], row["n_numbers"]) == ("read", len(expected.numbers))
    assert row["n_digits"] == sum(1 for _ in expected.digits)


def test_an_unknown_page_is_answered_with_those_like_it(whole):
    with pytest.raises(RunError, match=r"no page 'k1_e9' in this run; did you mean k1_e\d or"):
        whole[0].reading("k1_e9")


def test_neighbours_are_the_other_editions_and_pages_without_tables_have_none(whole):
    corpus, labels = whole
    for page, label in labels.items():
        near = corpus.neighbours(page, 2)
        assert {labels[hit.page] for hit in near} == (set() if label == "none" else {label})
        assert [hit.rank for hit in near] == list(range(1, len(near) + 1))


def test_search_agrees_with_the_stored_neighbours(whole):
    corpus, _ = whole
    assert corpus.search("k2_e1", top=5) == corpus.neighbours("k2_e1", 5)


def test_nearest_pages_are_the_neighbours_without_what_they_share(whole):
    corpus, labels = whole
    for page in labels:
        hits = corpus.neighbours(page, 4)
        assert list(corpus.nearest_pages(page, 4).items()) == [(hit.page, hit.similarity) for hit in hits]


def test_search_by_numbers_finds_the_table_they_stand_in(whole):
    corpus, labels = whole
    typed = " / ".join(" ".join(row[1:]) for row in table(3)[4:7])
    hits = corpus.search(numbers=typed, top=3)
    assert [labels[hit.page] for hit in hits] == ["table 3"] * 3
    assert hits[0].same_book is None


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({}, SettingsError, "expected either a page or numbers"),
        ({"page_id": "k0_e0", "numbers": "1"}, SettingsError, "expected either a page or numbers"),
        ({"page_id": "k0_e0", "top": 0}, SettingsError, "top: got 0, expected 1 or more"),
        ({"page_id": "prose_0"}, RunError, "no digits were read on page prose_0"),
        ({"page_id": "nobody"}, RunError, "no page 'nobody'"),
    ],
)
def test_searches_that_make_no_sense_are_refused(whole, asked, error, message):
    with pytest.raises(error, match=message):
        whole[0].search(**asked)


def test_search_across_books_leaves_the_own_book_out(tmp_path, build):
    for page in ("a_1", "a_2", "b_1", "c_1"):
        write_scan(tmp_path / "scans" / f"{page}.png", table(1))
    corpus = build(tmp_path / "scans")
    books = tmp_path / "books.csv"
    books.write_text("page,book\na_1,A\na_2,A\nb_1,B\n")
    scans = name_pages(find_scans(tmp_path / "scans"))
    ingest(corpus, scans, match_lines(read_metadata(books), scans).pages)
    assert {hit.page: hit.same_book for hit in corpus.search("a_1")} == {"a_2": True, "b_1": False, "c_1": None}
    # The book of c_1 is not known: it stays, for want of a reason to leave it out.
    assert [hit.page for hit in corpus.search("a_1", across_books=True)] == ["b_1", "c_1"]


def test_the_last_clustering_is_stored(whole):
    corpus, labels = whole
    assert corpus.clusters.k == 4
    corpus.cluster(3)
    assert Corpus.open(corpus.folder).clusters.asked == 3
    corpus.cluster("auto")
    assert corpus.clusters.without == {"prose_0": "no figures were read", "prose_1": "no numerical table"}
    assert all(len({labels[page] for page in cluster.pages}) == 1 for cluster in corpus.clusters.clusters)


def test_a_new_run_needs_an_empty_folder(tmp_path):
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(
        RunError, match=r"not empty and no run folder \(found mine\.txt but no run\.json\); choose a new"
    ):
        Corpus.resume(tmp_path, {})
    with pytest.raises(RunError, match="this is a file; choose a folder"):
        Corpus.create(tmp_path / "mine.txt", {})
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"run\.json: damaged \("),
        ("[]", r"got list, expected an object"),
        ('{"format": "other"}', r"not written by tablesim \(format 'other'\)"),
        ('{"format": "tablesim run", "format_version": 99, "settings": {}}', r"format version 99, .*; update tablesim"),
    ],
)
def test_a_damaged_or_foreign_run_is_refused_and_left_alone(tmp_path, content, message):
    (tmp_path / "run.json").write_text(content)
    for opened in (Corpus.open, lambda folder: Corpus.resume(folder, {})):
        with pytest.raises(RunError, match=message):
            opened(tmp_path)
    assert (tmp_path / "run.json").read_text() == content


def test_a_missing_run_says_how_to_make_one(tmp_path):
    with pytest.raises(RunError, match="there is no such run folder; make one with `tablesim run"):
        Corpus.open(tmp_path / "nowhere")
    with pytest.raises(RunError, match=r"no run folder \(no run\.json in it\)"):
        Corpus.open(tmp_path)


def test_a_run_is_not_continued_with_other_settings(tmp_path):
    Corpus.create(tmp_path, {"network": "a" * 64})
    with pytest.raises(RunError, match=r"made with network aaaaaaaaaaaa\.\.\., now network is b; choose a new folder"):
        Corpus.resume(tmp_path, {"network": "b"})
    assert json.loads((tmp_path / "run.json").read_text())["settings"] == {"network": "a" * 64}


def test_damaged_tables_are_named(tmp_path, build):
    write_scan(tmp_path / "scans" / "a.png", table(1))
    corpus = build(tmp_path / "scans")
    path = corpus.folder / "pages.parquet"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(RunError, match=r"pages\.parquet: damaged \(.*\); delete this file and give the same"):
        _ = Corpus.open(corpus.folder).pages


def test_problems_are_a_csv_anyone_can_read(tmp_path):
    corpus = Corpus.create(tmp_path, {})
    corpus.problem_log.write(
        [{"page": "b", "scan": "b.jpg", "problem": 'says "no", twice'}, {"page": "a", "scan": "a", "problem": "=1+1"}]
    )
    with (tmp_path / "problems.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["page"], row["problem"]) for row in rows] == [("a", "'=1+1"), ("b", 'says "no", twice')]
    assert corpus.problems[0]["problem"] == "=1+1"
    assert corpus.problems[1]["problem"] == 'says "no", twice'


def test_files_of_a_run_can_be_read_by_others(tmp_path):
    before = os.umask(0o022)
    try:
        corpus = Corpus.create(tmp_path / "run", {})
    finally:
        os.umask(before)
    assert (corpus.folder / "run.json").stat().st_mode & 0o777 == 0o644


def test_equal_scans_under_two_names_share_one_reading(tmp_path, build):
    one = write_scan(tmp_path / "scans" / "one.png", table(1))
    (tmp_path / "scans" / "two.png").write_bytes(one.read_bytes())
    log = tmp_path / "log"
    corpus = build(tmp_path / "scans", reader=FakeReader(log=str(log)))
    assert len(log.read_text().splitlines()) == 1
    assert [(r.page, r.scan.rsplit("/", 1)[1]) for r in corpus.readings()] == [("one", "one.png"), ("two", "two.png")]
    assert corpus.search("one")[0].similarity == pytest.approx(1.0)


def test_a_reading_keeps_illegible_figures(tmp_path):
    reading = reading_of("a", [["12"]])
    assert Corpus.create(tmp_path, {}).pages == []
    assert reading.numbers[0].digits_text == "12"


def books_and_labels(tmp_path, build):
    """Three tables: a in the books A and B, b in C and D, c in E; and which page carries which."""
    pages = {"a1": (1, "A"), "a2": (1, "B"), "b1": (2, "C"), "b2": (2, "D"), "c1": (3, "E"), "unknown": (4, "")}
    for at, (page, (kind, _)) in enumerate(pages.items()):
        write_scan(tmp_path / "scans" / f"{page}.png", table(kind), at + 1)
    corpus = build(tmp_path / "scans")
    (tmp_path / "books.csv").write_text("page,book\n" + "".join(f"{page},{b}\n" for page, (_, b) in pages.items() if b))
    scans = name_pages(find_scans(tmp_path / "scans"))
    ingest(corpus, scans, match_lines(read_metadata(tmp_path / "books.csv"), scans).pages)
    return corpus, {page: f"table {kind}" for page, (kind, _) in pages.items() if page != "unknown"}


def test_a_hit_says_how_many_pages_of_others_come_as_near(tmp_path, build):
    corpus, labels = books_and_labels(tmp_path, build)
    by_book = {hit.page: hit.surprise for hit in corpus.search("a1")}
    # Of the pages of other books than A and B none is as near as the same table in B.
    assert (by_book["a2"].by, by_book["a2"].as_near, by_book["a2"].others) == ("book", 0, 3)
    furthest = corpus.search("a1")[-1]
    assert by_book[furthest.page].as_near == (4 if furthest.page == "unknown" else 3)
    by_label = {hit.page: hit.surprise for hit in corpus.search("a1", labels=labels)}
    assert (by_label["a2"].by, by_label["a2"].as_near, by_label["a2"].others) == ("label", 0, 3)
    assert by_label["b1"].others == 1
    typed = corpus.search(numbers=" ".join(table(2)[3][1:]), labels=labels)[0]
    assert typed.page == "b1"
    assert typed.surprise.others == 3


def test_a_page_without_a_book_or_label_surprises_nobody(whole):
    assert whole[0].search("k0_e0")[0].surprise is None


def test_search_follows_what_the_run_holds_now(tmp_path, build):
    write_scan(tmp_path / "scans" / "one.png", table(1), 1)
    write_scan(tmp_path / "scans" / "two.png", table(1), 2)
    corpus = build(tmp_path / "scans")
    assert [hit.page for hit in corpus.search("one")] == ["two"]
    write_scan(tmp_path / "scans" / "three.png", table(1), 3)
    again = build(tmp_path / "scans")
    assert [hit.page for hit in again.search("one")] == ["three", "two"]
    # One index is kept, that of the run as it is.
    assert len(list((again.folder / ".search").iterdir())) == 1


def test_a_run_that_cannot_be_written_to_is_searched_all_the_same(tmp_path, build, monkeypatch):
    write_scan(tmp_path / "scans" / "one.png", table(1), 1)
    write_scan(tmp_path / "scans" / "two.png", table(1), 2)
    folder = build(tmp_path / "scans").folder
    written = Corpus.open(folder).search("one")

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    shutil.rmtree(folder / ".search")
    monkeypatch.setattr("tablesim.corpus.search.index.folder_aside", refuse)
    assert Corpus.open(folder).search("one") == written
    assert not (folder / ".search").exists()


def test_status_tells_of_a_job_at_work(tmp_path, build):
    write_corpus(tmp_path / "scans", 1, 3, 0)
    write_scan(tmp_path / "scans" / "twin.png", "", 99)
    (tmp_path / "scans" / "twin2.png").write_bytes((tmp_path / "scans" / "twin.png").read_bytes())
    corpus = build(tmp_path / "scans")
    assert (corpus.status()["writing"], corpus.status()["duplicates"]) == (False, 1)
    lines = [
        {"at": f"2026-01-01T00:00:{second:02d}+00:00", "kind": "page", "stage": "read", "done": done, "total": 100}
        for second, done in ((0, 10), (10, 30))
    ]
    text = "\n".join(json.dumps(line) for line in lines) + '\n{"at": "2026-01-01T00:00:1'
    (corpus.folder / "events.jsonl").write_text(text)
    with corpus.lock():
        status = Corpus.open(corpus.folder).status()
    assert (status["writing"], status["stage"]) == (True, "read")
    assert (status["pages_per_second"], status["seconds_left"]) == (2.0, 35.0)
