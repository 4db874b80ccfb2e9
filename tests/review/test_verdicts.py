import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.errors import RunError, SettingsError
from tablesim.review import verdicts
from tablesim.review.verdicts import Verdict, VerdictLog, until


@pytest.fixture
def log(tmp_path):
    return VerdictLog(tmp_path / "verdicts.sqlite")


def test_what_was_decided_and_what_was_shown_come_back_apart(log):
    given_ = Verdict(
        "b", "a", "reject", "Anna", "other obliquity", "auto", 3, 41.5, 0.93, 0.2, 0.8, "h1", "h2", "s", "e"
    )
    (written,) = log.append([given_])
    assert (written.id, written.at[:2]) == (1, "20")
    assert log.all() == [written]
    assert {**asdict(written), "id": None, "at": ""} == asdict(given_)
    assert VerdictLog(log.path.parent / "none.sqlite").all() == []
    assert not (log.path.parent / "none.sqlite").exists()


def test_nothing_is_overwritten_even_by_other_programs(log):
    log.append([Verdict("b", "a", "accept", "Anna"), Verdict("a", "b", "reject", "Bela")])
    assert [v.decision for v in log.all()] == ["accept", "reject"]
    assert [(v.decision, v.who) for v in log.state()] == [("reject", "Bela")]
    with sqlite3.connect(log.path) as db:
        for change in ("UPDATE verdicts SET decision = 'accept'", "DELETE FROM verdicts"):
            with pytest.raises(sqlite3.IntegrityError, match="verdicts are only added"):
                db.execute(change)
    db.close()
    assert len(log.all()) == 2


def test_the_state_of_a_day_is_what_held_then(log, monkeypatch):
    class Clock:
        moment = "2026-03-01T10:00:00.000+00:00"

        @classmethod
        def now(cls, zone):
            return cls

        @classmethod
        def isoformat(cls, timespec):
            return cls.moment

    original = verdicts.datetime
    monkeypatch.setattr(verdicts, "datetime", Clock)
    log.append([Verdict("a", "b", "accept", "Anna")])
    Clock.moment = "2026-03-02T00:00:00.000+00:00"
    log.append([Verdict("a", "b", "reject", "Anna"), Verdict("c", "b", "accept", "Anna")])
    Clock.moment = "2026-02-01T00:00:00.000+00:00"  # a clock that was set back
    (late,) = log.append([Verdict("d", "b", "accept", "Anna")])
    monkeypatch.setattr(verdicts, "datetime", original)
    assert late.at == "2026-03-02T00:00:00.000+00:00"
    assert [(v.page, v.decision) for v in log.state("2026-03-01")] == [("a", "accept")]
    assert [(v.page, v.decision) for v in log.state("2026-03-02T01:00+01:00")] == [
        ("a", "reject"),
        ("c", "accept"),
        ("d", "accept"),
    ]
    assert log.state("2026-02-28") == []


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("de"), st.sampled_from(verdicts.ANSWERS)), max_size=8)
)
def test_the_last_word_on_each_pair_holds(words):
    with tempfile.TemporaryDirectory() as folder:
        log = VerdictLog(Path(folder) / "v.sqlite")
        log.append([Verdict(a, b, decision, "x") for a, b, decision in words])
        expected = {(a, b): decision for a, b, decision in words}
        assert {v.pair: v.decision for v in log.state()} == expected
        assert len(log.all()) == len(words)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"decision": "maybe"}, "got 'maybe', expected one of accept, kind, reject, unsure, merge, split"),
        ({"who": " "}, "who: got nothing"),
        ({"other": "a"}, "expected two different ones"),
    ],
)
def test_verdicts_that_cannot_be(changed, message):
    with pytest.raises(SettingsError, match=message):
        Verdict(**{"page": "a", "other": "b", "decision": "accept", "who": "Anna", **changed})


def test_dates_that_cannot_be_read():
    with pytest.raises(SettingsError, match=r"got '1\. March', expected a day such as"):
        until("1. March")


def test_damaged_and_foreign_files_are_left_alone(tmp_path):
    damaged = tmp_path / "damaged.sqlite"
    damaged.write_bytes(b"SQLite format 3\0" + b"\xff" * 200)
    foreign = tmp_path / "foreign.sqlite"
    with sqlite3.connect(foreign) as db:
        db.execute("CREATE TABLE birds (name TEXT)")
    db.close()
    for path, message in ((damaged, "cannot be used"), (foreign, "no log of verdicts of this format")):
        before = path.read_bytes()
        for use in (
            VerdictLog(path).all,
            lambda path=path: VerdictLog(path).append([Verdict("a", "b", "accept", "x")]),
        ):
            with pytest.raises(RunError, match=message):
                use()
        assert path.read_bytes() == before
    empty = tmp_path / "empty.sqlite"
    empty.touch()
    assert VerdictLog(empty).all() == []
    assert len(VerdictLog(empty).append([Verdict("a", "b", "accept", "x")])) == 1


def test_all_or_none_are_added(log):
    log.append([Verdict("a", "b", "accept", "x")])
    broken = Verdict("c", "b", "accept", "x", reason=None)
    with pytest.raises(RunError, match="NOT NULL constraint failed"):
        log.append([Verdict("d", "b", "accept", "x"), broken])
    assert [v.page for v in log.all()] == ["a"]


def test_two_writers_killed_a_hundred_times_lose_nothing_that_was_acknowledged(log):
    script = Path(__file__).with_name("killed_writer.py")
    done = subprocess.run([sys.executable, script, log.path, "100", "7"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    acknowledged = [tuple(line.split()) for line in done.stdout.splitlines()]
    kept = {(str(v.id), v.who) for v in log.all()}
    assert len({who for _, who in acknowledged}) > 10
    assert set(acknowledged) <= kept
    # A writer may have been killed between the disk and its word: at most one line each.
    assert max(Counter(who for _, who in kept - set(acknowledged)).values(), default=0) <= 1
    with sqlite3.connect(log.path) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()
    assert log.append([Verdict("after", "all", "accept", "x")])[0].id == len(kept) + 1


def log_of_0_1_0(path, rows):
    """A log as version 0.1.0 wrote it: no column ``decided_at``, and no hashes where a CSV had none."""
    names = [name for name in verdicts.COLUMNS if name not in ("id", "decided_at")]
    with sqlite3.connect(path) as db:
        columns = ", ".join(f"{name} {'REAL' if name in NUMBERS else 'TEXT'}" for name in names)
        db.execute(f"CREATE TABLE verdicts (id INTEGER PRIMARY KEY AUTOINCREMENT, {columns})")
        for row in rows:
            values = [row.get(name, None if name in NUMBERS else "") for name in names]
            db.execute(f"INSERT INTO verdicts ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", values)
        db.execute("PRAGMA user_version = 1")
    db.close()


NUMBERS = ("cluster", "score", "similarity", "strength", "stability")
OLD = {"page": "a", "other": "b", "decision": "merge", "who": "Anna", "at": "2026-01-01T10:00:00.000+00:00"}


def test_a_log_of_0_1_0_is_read_and_gets_its_new_column_with_the_next_verdict(log):
    log_of_0_1_0(log.path, [OLD])
    assert [(v.page, v.decision, v.decided_at) for v in log.all()] == [("a", "merge", "")]
    log.append([Verdict("c", "b", "accept", "Bela", decided_at="2025-12-31T10:00:00.000+00:00")])
    assert [(v.page, v.moment[:10]) for v in log.all()] == [("c", "2025-12-31"), ("a", "2026-01-01")]


def test_a_verdict_that_comes_from_another_log_is_as_old_as_it_was_made(log):
    (mine,) = log.append([Verdict("a", "b", "reject", "Anna")])
    log.append([Verdict("a", "b", "accept", "Bela", decided_at="2020-01-01T00:00:00.000+00:00")])
    assert log.state() == [mine]
    assert [v.who for v in log.all(as_of="2021-01-01")] == []


def test_what_the_log_has_is_added_once_only(log):
    accepted, rejected = Verdict("a", "b", "accept", "Anna"), Verdict("a", "b", "reject", "Anna")
    for n_new in (2, 0, 0):
        assert len(log.append([accepted, rejected], once=True)) == n_new
    assert len(log.append([accepted], once=True)) == 1, "what was taken back can be said once more"
    assert len(log.append([accepted], once=True)) == 0
    assert len(log.append([replace(accepted, who="Bela"), replace(accepted, audit="c:0:1:2")], once=True)) == 2
    exported = [replace(verdict, id=None, at="", decided_at=verdict.at) for verdict in log.all()]
    assert log.append(exported, once=True) == []
    assert len(log.all()) == 5


def test_a_pair_is_that_of_the_scans(log):
    first = Verdict("p1", "p2", "accept", "x", page_sha256="f", other_sha256="e")
    renamed = Verdict("v1_p2", "v1_p1", "reject", "x", page_sha256="e", other_sha256="f")
    log.append([first, renamed])
    assert [(v.decision, v.pair) for v in log.state()] == [("reject", ("e", "f"))]


def test_undo_is_a_line_and_what_was_said_before_holds_again(log):
    log.append([Verdict("a", "b", "reject", "Bela")])
    (second,) = log.append([Verdict("b", "a", "accept", "Anna")])
    back = Verdict("b", "a", "withdraw", "Anna", withdraws=second.moment)
    (undo,) = log.append([back])
    assert [(v.decision, v.who) for v in log.state()] == [("reject", "Bela")]
    assert undo.at > second.at, "a withdrawal names a moment that no other line has"
    (redo,) = log.append([replace(back, withdraws=undo.moment)])
    assert redo.at > undo.at
    assert [(v.decision, v.who) for v in log.state()] == [("accept", "Anna")]
    assert [v.decision for v in log.all()] == ["reject", "accept", "withdraw", "withdraw"]


def test_a_name_is_about_one_scan_and_stands_beside_the_answers(log):
    log.append([Verdict("a", "", "name", "Anna", name="Sines", page_sha256="A"), Verdict("a", "b", "accept", "Anna")])
    name, answer = log.standing()
    assert (name.is_name, name.scans, name.pair, name.meaning) == (True, ("A",), ("A", "A"), "")
    assert answer.pair != name.pair
    with pytest.raises(SettingsError, match="2,001 and 0 characters"):
        log.append([Verdict("a", "b", "accept", "Anna", "x" * 2001)])
    with pytest.raises(SettingsError, match="withdraws"):
        Verdict("a", "b", "withdraw", "Anna")


@pytest.mark.parametrize("version", [1, 2])
def test_a_file_of_an_older_version_is_read_and_brought_along_with_its_numbers(log, version):
    log.append([Verdict("a", "b", "accept", "Anna", "why", cluster=3), Verdict("c", "b", "unsure", "Bela")])
    before = log.all()
    with sqlite3.connect(log.path) as db:
        columns = verdicts._SINCE[version]
        for trigger in ("verdicts_are_not_changed", "verdicts_are_not_deleted"):
            db.execute(f"DROP TRIGGER {trigger}")
        for name in set(verdicts.COLUMNS) - set(columns):
            db.execute(f"ALTER TABLE verdicts DROP COLUMN {name}")
        db.execute(f"PRAGMA user_version = {version}")
    db.close()
    assert log.all() == before
    log.append([Verdict("a", "", "name", "Anna", name="Sines")])
    assert log.all()[:2] == before
    assert log.all()[2].id == 3
    with sqlite3.connect(log.path) as db, pytest.raises(sqlite3.IntegrityError, match="only added"):
        db.execute("DELETE FROM verdicts")
    db.close()
