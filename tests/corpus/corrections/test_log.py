"""Which corrections of a run hold, which do not, and what becomes of those that version 0.1.0 wrote."""

import csv
import threading

import pytest

from corpus.fakes import FakeReader, edition, reading_of, table, write_corrections, write_scan
from tablesim.corpus.corrections.apply import correct
from tablesim.corpus.store import Corpus
from tablesim.digits.corrections import read_corrections
from tablesim.errors import InUseError, MetadataError
from tablesim.records.boxes import Box
from tablesim.records.corrections import Correction

WITHOUT_HASH = ("page", "x", "y", "width", "height", "read", "correct", "who", "when", "reason")


@pytest.fixture
def corpus(build, tmp_path):
    for name, kind in (("a", 0), ("b", 1)):
        write_scan(tmp_path / "scans" / f"{name}.png", edition(table(kind, 12), kind), 1 + kind)
    return build(tmp_path / "scans")


def one(corpus, page, number, text, **about):
    at = corpus.machine_reading(page).numbers[number]
    return Correction(page, at.box, at.text, text, **about)


def as_in_0_1_0(corpus):
    """Take the hashes out of the run's file."""
    path = corpus.folder / "corrections.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, WITHOUT_HASH, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return Corpus.open(corpus.folder)


def test_corrections_of_0_1_0_hold_where_the_page_is_read_as_they_say(corpus):
    correct(corpus, [one(corpus, "a", 5, "987"), one(corpus, "b", 6, "")], "Anna")
    old = as_in_0_1_0(corpus)
    assert old.reading("a").numbers[5].text == "987"
    status = old.corrections.status()
    assert status.counts() == {"corrections": 2, "corrections_holding": 2}
    (remark,) = status.remarks()
    assert remark.startswith("corrections of version 0.1.0 without the hash of their scan hold")
    assert old.corrections.write_hashes() == [remark]
    keys = [old.page(page)["sha256"] for page in ("a", "b")]
    assert [c.sha256 for c in read_corrections(old.folder / "corrections.csv")] == keys
    assert list(Corpus.open(old.folder).corrections.status().remarks()) == []


def test_corrections_of_0_1_0_on_another_scan_hold_for_none_and_are_said(corpus, build, tmp_path):
    correct(corpus, [one(corpus, "a", 5, "987"), one(corpus, "a", 6, "986"), one(corpus, "b", 5, "11")], "Anna")
    as_in_0_1_0(corpus)
    write_scan(tmp_path / "scans" / "a.png", edition(table(4, 12), 9), 77)
    (tmp_path / "scans" / "b.png").rename(tmp_path / "scans" / "c.png")
    (tmp_path / "scans" / "b.txt").rename(tmp_path / "scans" / "c.txt")
    again = build(tmp_path / "scans")
    for page in ("a", "c"):
        assert again.reading(page).numbers == again.machine_reading(page).numbers
        assert again.corrections_of(page) == ()
    status = again.corrections.status()
    assert status.counts() == {"corrections": 3, "corrections_holding": 0}
    (remark,) = status.remarks()
    assert "do not fit the pages of these names: 3 (a: " in remark


def test_a_number_that_is_read_as_a_part_of_another_is_not_corrected_and_this_is_said(corpus):
    number = corpus.machine_reading("a").numbers[5]
    half = Box(number.box.x, number.box.y, number.box.width / 2, number.box.height)
    # As it was when a reader of other versions read two numbers here.
    key = corpus.page("a")["sha256"]
    write_corrections(corpus.folder / "corrections.csv", [Correction("a", half, "7", "8", "Anna", sha256=key)])
    again = Corpus.open(corpus.folder)
    assert again.reading("a").numbers == corpus.machine_reading("a").numbers
    status = again.corrections.status()
    assert status.counts() == {"corrections": 1, "corrections_holding": 0}
    (remark,) = status.remarks()
    assert remark.startswith("corrections that do not find their number") and "1 (a: 7 -> 8)" in remark
    taken = correct(again, [Correction("a", half, "7", "9")])
    assert (taken.new, len(taken.not_taken)) == ((), 1)
    assert "is about a part of what the machine read" in taken.remarks[0]


def test_a_file_of_another_collection_is_refused(corpus):
    with pytest.raises(MetadataError, match="has none of the 1 scans that they are about"):
        correct(corpus, [Correction("a", Box(1, 1, 5, 5), "", "5", sha256="0" * 64)])
    assert not (corpus.folder / "corrections.csv").exists()


def test_the_same_file_twice_changes_nothing_even_where_it_takes_something_back(corpus, tmp_path):
    first, back = one(corpus, "a", 5, "98"), one(corpus, "a", 5, corpus.machine_reading("a").numbers[5].text)
    write_corrections(tmp_path / "mine.csv", [first, back, one(corpus, "b", 3, "4?")])
    for n_new in (3, 0, 0):
        taken = correct(corpus, read_corrections(tmp_path / "mine.csv"), "Anna")
        assert (len(taken.new), taken.known) == (n_new, 3 - n_new)
    assert corpus.reading("a").numbers[5].text == back.correct


def test_names_that_a_spreadsheet_takes_for_formulas_come_back_as_they_were(corpus, tmp_path):
    correct(corpus, [one(corpus, "a", 5, "98", reason="=HYPERLINK(1)")], "+Anna")
    assert ",'+Anna," in (corpus.folder / "corrections.csv").read_text()
    (kept,) = Corpus.open(corpus.folder).corrections.all
    assert (kept.who, kept.reason) == ("+Anna", "=HYPERLINK(1)")


def test_two_who_correct_at_once_are_told_and_nothing_is_lost(corpus):
    errors = []

    def other_writer():
        try:
            correct(Corpus.open(corpus.folder), [one(corpus, "a", 6, "11")], "Bela")
        except InUseError as error:
            errors.append(str(error))

    with corpus.lock():
        writer = threading.Thread(target=other_writer)
        writer.start()
        writer.join()
        correct(corpus, [one(corpus, "a", 5, "98")], "Anna")
    assert len(errors) == 1 and "in use" in errors[0]
    other_writer()
    assert [c.who for c in Corpus.open(corpus.folder).corrections.all] == ["Anna", "Bela"]


def test_a_page_that_is_read_otherwise_now_is_still_corrected_by_position(build, tmp_path):
    write_scan(tmp_path / "scans" / "a.png", [["24", "31"], ["25", "32"], ["26", "33"]], 1)
    corpus = build(tmp_path / "scans")
    correct(corpus, [one(corpus, "a", 0, "29")], "Anna")
    key = corpus.page("a")["sha256"]

    class Otherwise(FakeReader):
        def read(self, path):
            return reading_of("a", [["74", "31"], ["25", "32"], ["26", "33"]], sha256=key)

    (tmp_path / "other").mkdir()
    again = build(tmp_path / "scans", tmp_path / "other" / "run", reader=Otherwise())
    taken = correct(again, corpus.corrections.all)
    assert taken.remarks == ("a: read was '24', but the machine read '74'",)
    assert again.reading("a").numbers[0].text == "29"
