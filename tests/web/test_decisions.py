"""What is decided in the browser stands in the run's own logs when the answer comes; conflicts are shown."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tablesim.corpus.corrections.apply import decide_tables
from tablesim.corpus.store import Corpus
from tablesim.records.boxes import Box
from tablesim.records.corrections import TableDecision
from tablesim.records.reading import Digit, Number, Reading
from tablesim.records.transform import Transform
from tablesim.review.review import Review
from tablesim.web.decisions import _stands

PAGE = "sines_1543"


def number(browser, page=PAGE, index=3):
    shown = browser.get("/api/page", params={"id": page}).json()
    return shown["sha256"], shown["reading"]["numbers"][index]


def correction(browser, correct="77", who="Anna", expected=None, page=PAGE):
    sha256, shown = number(browser, page)
    box = {side: shown[side] for side in ("x", "y", "width", "height")}
    return {
        "page": page,
        "sha256": sha256,
        **box,
        "expected": shown["text"] if expected is None else expected,
        "correct": correct,
        "who": who,
    }


def test_a_correction_is_in_the_run_when_it_is_answered(browser, post, folder):
    asked = correction(browser)
    answer = post("/api/correct", **asked)
    assert answer.status_code == 200
    assert answer.json()["before"] == asked["expected"]
    (stored,) = Corpus.open(folder).corrections_of(PAGE)
    assert (stored.correct, stored.who, stored.read) == ("77", "Anna", asked["expected"])
    assert number(browser)[1]["text"] == "77"


def test_undo_is_one_more_correction_and_the_log_keeps_both(browser, post, folder):
    asked = correction(browser)
    post("/api/correct", **asked)
    back = correction(browser, correct=asked["expected"])
    assert post("/api/correct", **back).status_code == 200
    assert number(browser)[1]["text"] == asked["expected"]
    assert len(Corpus.open(folder).corrections.all) == 2


def test_two_people_at_one_number_are_shown_to_each_other(browser, post, folder):
    asked = correction(browser)
    assert "conflict" not in post("/api/correct", **asked).json()
    late = post("/api/correct", **(asked | {"correct": "78", "who": "Bruno"})).json()
    assert late["conflict"] == {"stands": "77", "expected": asked["expected"]}
    assert [one.correct for one in Corpus.open(folder).corrections.all] == ["77"], "nothing was decided for them"


def test_of_two_numbers_read_over_the_same_ink_the_one_that_was_clicked_is_meant():
    """In the sample 25 of 12,350 numbers lie over another; their corrections used to be refused as conflicts."""
    one = Number("4", (Digit(4, Box(10, 10, 12, 19), 0.8),), 0.8)
    other = Number("1", (Digit(1, Box(14, 14, 6, 11), 0.6),), 0.6)
    page = Reading("p.png", "p", "0" * 64, Transform(400, 400), False, 0.7, (one, other))
    assert _stands(Box(10.04, 10, 12, 18.96), page) == "4"
    assert _stands(Box(9, 9, 14, 21), page) == "4 1"


def test_a_scan_that_was_replaced_takes_no_correction(browser, post):
    answer = post("/api/correct", **(correction(browser) | {"sha256": "0" * 64}))
    assert answer.status_code == 400
    assert "replaced" in answer.json()["error"]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"who": " "}, "who"),
        ({"x": "3"}, "x"),
        ({"x": True}, "x"),
        ({"width": -1}, "width"),
        ({"width": 1e30}, "width"),
        ({"correct": "<script>"}, "correct"),
        ({"correct": "1" * 5000}, "correct"),
        ({"correct": {"a": 1}}, "correct"),
        ({"page": "../../etc/passwd"}, "no page"),
        ({"page": "a\x00b"}, "page"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_name(browser, post, folder, change, word):
    answer = post("/api/correct", **(correction(browser) | change))
    assert answer.status_code == 400
    assert word in answer.json()["error"]
    assert not Corpus.open(folder).corrections.all


@pytest.mark.parametrize("body", [b"", b"[]", b"nul", b'{"a":' * 50_000, b"\xff", b"NaN", b'"x"'])
def test_a_body_that_is_no_object_is_one_clear_error(browser, body):
    headers = {"content-type": "application/json", "origin": "http://127.0.0.1:8737"}
    answer = browser.post("/api/correct", content=body, headers=headers)
    assert answer.status_code == 400
    assert "expected" in answer.json()["error"]


def test_a_page_is_said_to_be_no_table(browser, post, folder):
    assert post("/api/table", page="alone", is_table="no", who="Anna", reason="a puzzle").json()["pages"] == ["alone"]
    assert not Corpus.open(folder).reading("alone").is_table
    assert "Anna" in browser.get("/api/page", params={"id": "alone"}).json()["said_by_person"]
    assert post("/api/table", page="alone", is_table="perhaps", who="Anna").status_code == 400


def test_a_verdict_answers_its_question_and_the_question_is_not_asked_again(browser, post, folder):
    questions = browser.get("/api/questions").json()["questions"]
    asked = questions[0]
    answer = post(
        "/api/verdict", page=asked["page"], other=asked["other"], decision="accept", who="Anna", reason="looked"
    )
    assert answer.status_code == 200
    (stored,) = Review(Corpus.open(folder)).log.all()
    assert (stored.decision, stored.who, stored.reason) == ("accept", "Anna", "looked")
    assert stored.similarity == pytest.approx(asked["similarity"], abs=1e-6), "what the machine showed stands beside it"
    left = browser.get("/api/questions").json()["questions"]
    assert {(q["page"], q["other"]) for q in left} == {(q["page"], q["other"]) for q in questions[1:]}
    blind = browser.get("/api/questions", params={"who": "Bruno", "blind": "yes"}).json()["questions"]
    assert len(blind) == len(questions), "a second reader is asked all of it"


def test_every_decision_is_listed_the_newest_first(browser, post, folder):
    # A time of another zone, and older than it looks.
    early = TableDecision("alone", False, "Anna", "2026-03-02T10:15:00+05:00")
    late = TableDecision("words", True, "Anna", "2026-03-02T09:15:00+00:00")
    decide_tables(Corpus.open(folder), [late, early])
    post("/api/correct", **correction(browser))
    decisions = browser.get("/api/decisions").json()["decisions"]
    assert [(one["kind"], one["page"]) for one in decisions] == [
        ("correction", PAGE),
        ("table", "words"),
        ("table", "alone"),
    ]
    json.dumps(decisions)


def test_a_run_that_a_command_writes_is_said_to_be_in_use(browser, post, folder, monkeypatch):
    monkeypatch.setattr("tablesim.web.app.PATIENCE_S", 0.1)
    code = (
        f"from tablesim.corpus.store import Corpus\n"
        f"with Corpus.open({str(folder)!r}).lock():\n    print('held', flush=True)\n    input()"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        answer = post("/api/correct", **correction(browser))
        assert answer.status_code == 409
        assert "nothing was changed" in answer.json()["error"]
        other.communicate("\n")
    assert post("/api/correct", **correction(browser)).status_code == 200


def test_a_note_stands_on_its_page_and_in_the_history(browser, post, folder):
    page = "sines_1543"
    said = post("/api/note", page=page, note="<b>last row</b> by hand", who="Anna").json()
    assert [(one["note"], one["who"]) for one in said["notes"]] == [("<b>last row</b> by hand", "Anna")]
    shown = browser.get(f"/pages/{page}.html").text
    assert "&lt;b&gt;last row&lt;/b&gt; by hand" in shown and "<b>last row" not in shown
    assert browser.get("/api/page", params={"id": page}).json()["notes"] == said["notes"]
    assert '"note"' in browser.get("/data/history-0.js").text
    assert post("/api/note", page=page, note="", who="Anna").json()["notes"] == []
    assert post("/api/note", page=page, note="x", who=" ").status_code == 400
    assert post("/api/note", page=page, note="x" * 3_000, who="Anna").status_code == 400
    assert len(Corpus.open(folder).notes.all) == 2
