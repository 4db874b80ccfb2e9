"""Notes on pages: kept by scan, one of each person, never erased."""

from __future__ import annotations

import pytest

from tablesim.corpus.corrections.notes import LONGEST, NoteLog, PageNote, read_notes
from tablesim.errors import MetadataError

A, B = "a" * 64, "b" * 64


class Table:
    """The scans that a run has."""

    def pages_of(self, hashes):
        return {A: ("one",)} if A in hashes else {}

    def away(self, hashes):
        return frozenset()


def test_the_latest_of_each_person_stands_and_nothing_is_erased(tmp_path):
    log = NoteLog(tmp_path, Table())
    assert log.all == log.standing == ()
    log.write("one", A, "a hand\n wrote the last row", "Anna")
    log.write("one", A, "=1+1", "Bela")
    log.write("one", A, "two hands", "Anna")
    assert [(one.who, one.note) for one in log.of(A)] == [("Anna", "two hands"), ("Bela", "=1+1")]
    log.write("one", A, "", "Anna")
    log.write("two", B, "lost", "Anna")
    again = NoteLog(tmp_path, Table())
    assert [(one.who, one.note) for one in again.of(A)] == [("Bela", "=1+1")]
    assert [one.note for one in again.all] == ["a hand wrote the last row", "=1+1", "two hands", "", "lost"]
    assert [one.note for one in again.status().without_page] == ["lost"]


def test_what_cannot_be_meant_is_told_with_its_line(tmp_path):
    with pytest.raises(MetadataError, match="who: got nothing"):
        PageNote("one", "words", " ")
    with pytest.raises(MetadataError, match="expected 2,000 at most"):
        PageNote("one", "x" * (LONGEST + 1), "Anna")
    (tmp_path / "notes.csv").write_text("page,note,who\none,words,Anna\ntwo,words,\n", encoding="utf-8")
    with pytest.raises(MetadataError, match=r"row 2 \(two\): who"):
        read_notes(tmp_path / "notes.csv")
