"""What people decide in the browser, written at once into the run's own logs: corrections, tables, verdicts, questions.

Nothing is kept here: the answer to a request that changes something is given when the line is on the disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from tablesim.corpus.corrections.apply import correct, decide_tables
from tablesim.corpus.store import Corpus
from tablesim.digits.corrections import correction_row, numbers_at, text_at
from tablesim.errors import SettingsError
from tablesim.language import retold
from tablesim.records.address import parse_address
from tablesim.records.boxes import Box
from tablesim.records.corrections import Correction, TableDecision
from tablesim.records.reading import Reading
from tablesim.review.questions import Question, every_question
from tablesim.review.review import Review
from tablesim.review.verdicts import ANSWERS, Verdict
from tablesim.web.live import LiveRun
from tablesim.web.places import SIDES, anchor_at, place_of
from tablesim.web.request_values import RequestValues

ROUNDED = 0.06
"""Pixels by which a box that a browser sends back may differ: they are told to a tenth."""

MOST_QUESTIONS = 50

QUESTIONS_FOLLOW = ("clusters", "embeddings", "neighbours.parquet", "pages.parquet")
"""Files and folders of a run from which follows what could be asked."""


def take_correction(live: LiveRun, asked: RequestValues) -> dict[str, Any]:
    """Take one correction; a conflict is answered where the number was corrected since the page was shown.

    ``expected`` is what stood there when the person looked: what another person wrote meanwhile is never overwritten
    unseen. What stands already may be sent too: then it is confirmed. ``emendation`` is kept as it is where nothing is
    said of it. ``cell`` puts the number into another cell than the one over which it is printed.
    """
    box = Box(*(asked.number(name) for name in ("x", "y", "width", "height")))
    page, who, cell = asked.text("page"), asked_name(asked), asked.text("cell", "")
    expected, sha256 = asked.text("expected", ""), asked.text("sha256")
    given = Correction(page, box, expected, asked.text("correct", ""), who, "", asked.text("reason", ""), sha256)
    with live.writing() as corpus, corpus.lock():
        corpus.refresh()
        reading = corpus.reading(page)
        if sha256 != reading.sha256:
            raise SettingsError(f"{page}: the scan was replaced since it was shown; load the page again")
        stands = _stands(box, reading)
        if stands != expected:
            return {"conflict": {"stands": stands, "expected": expected}, "version": live.version}
        read = text_at(box, corpus.machine_reading(page).numbers)
        emendation = asked.text("emendation", _emendation(box, reading)) if given.digits_text else ""
        place = place_of(corpus, reading, box, parse_address(cell)) if cell else None
        taken = correct(corpus, [replace(given, read=read, emendation=emendation, place=place)])
        after = corpus.reading(page)
    return {
        "version": live.changed(),
        "new": [correction_row(one) for one in taken.new],
        "before": stands,
        "cell": anchor_at(box, after),
        "pages": list(taken.pages),
        "remarks": list(taken.remarks),
    }


def _stands(box: Box, reading: Reading) -> str:
    """What stands at a box: the number that has it, though others be read over the same ink; else what lies in it."""
    exact = [number for number in reading.numbers if all(abs(a - b) < ROUNDED for a, b in _sides(number.box, box))]
    return exact[0].text if len(exact) == 1 else text_at(box, reading.numbers)


def _sides(one: Box, other: Box) -> list[tuple[float, float]]:
    return [(getattr(one, side), getattr(other, side)) for side in SIDES]


def _emendation(box: Box, reading: Reading) -> str:
    """What a person says should stand at a box."""
    emendations = [reading.numbers[index].emendation for index in numbers_at(box, reading.numbers)]
    return emendations[0] if len(emendations) == 1 else ""


def take_table(live: LiveRun, asked: RequestValues) -> dict[str, Any]:
    """Say of a page that it carries a table, or none, or take that back."""
    words = {"yes": True, "no": False, "as read": None}
    word = asked.text("is_table")
    if word not in words:
        raise SettingsError(f"is_table: got {word!r}, expected one of {', '.join(words)}")
    decision = TableDecision(asked.text("page"), words[word], asked_name(asked), "", asked.text("reason", ""))
    with live.writing() as corpus:
        taken = decide_tables(corpus, [decision])
    return {"version": live.changed(), "pages": list(taken.pages), "remarks": list(taken.remarks)}


def take_note(live: LiveRun, asked: RequestValues) -> dict[str, Any]:
    """Write a note beside a page; an empty one takes back what the same person wrote there."""
    page, note, who = asked.text("page"), asked.text("note", ""), asked_name(asked)
    with live.writing() as corpus, corpus.lock():
        corpus.refresh()
        row = corpus.page(page)
        corpus.notes.write(row["page"], row["sha256"], note, who)
    return {"version": live.changed(), "notes": plain_notes(live.corpus, row["sha256"])}


def plain_notes(corpus: Corpus, key: str) -> list[dict[str, str]]:
    """What stands beside a scan as data, the newest first."""
    return [{"note": one.note, "who": one.who, "when": one.when} for one in corpus.notes.of(key)]


def open_questions(live: LiveRun, asked: RequestValues) -> dict[str, Any]:
    """What deserves a look, the most pressing first, and how readers agree.

    What anybody settled is not asked. With ``blind`` the reader ``who`` is a second one: asked is what she did not
    answer herself, those questions first that somebody else did, and what they said is not told.
    """
    who, top = asked.text("who", "").strip(), asked.whole("top", 20, 1, MOST_QUESTIONS)
    review = Review(live.corpus)
    blind = bool(who and asked.text("blind", ""))
    found = review.questions(who=who if blind else None, every=_every(live))
    if blind:
        judged = {line.pair for line in review.log.standing() if line.meaning and line.who != who}
        found = sorted(found, key=lambda question: question.pair not in judged)
    return {
        "version": live.version,
        "open": len(found),
        "questions": [question.to_dict() | {"why": retold(question.why)} for question in found[:top]],
        "agreement": review.agreements(),
    }


def take_verdict(live: LiveRun, asked: RequestValues) -> dict[str, Any]:
    """Decide about two pages; on the disk when this returns."""
    page, other, who = asked.text("page"), asked.text("other"), asked_name(asked)
    decision, reason = asked.text("decision"), asked.text("reason", "")
    if decision not in ANSWERS:
        raise SettingsError(f"decision: got {decision!r}, expected one of {', '.join(ANSWERS)}")
    with live.writing() as corpus:
        review = Review(corpus)
        known = _question(review, page, other, who, _every(live))
        written = (
            review.say(page, other, decision, who, reason)
            if known is None
            else review.answer(known, decision, who, reason)
        )
    return {"version": live.changed(), "verdict": plain_verdict(written)}


def _every(live: LiveRun) -> list[Question]:
    """What could be asked, made once for a clustering: a verdict does not change it."""
    return live.kept_while("questions", QUESTIONS_FOLLOW, every_question)


def _question(review: Review, page: str, other: str, who: str, every: list[Question]) -> Question | None:
    """The open question on two pages, so that what the machine showed is kept with the answer."""
    for question in review.questions(who=who, every=every):
        if {question.page, question.other} == {page, other}:
            return question
    return None


def all_decisions(live: LiveRun) -> dict[str, Any]:
    """Everything that people decided in this run, the newest first."""
    corpus = live.corpus
    lines: list[dict[str, Any]] = [
        {"kind": "correction", "when": one.when, **correction_row(one)} for one in corpus.corrections.all
    ]
    lines += [
        {
            "kind": "table",
            "when": one.when,
            "page": one.page,
            "who": one.who,
            "reason": one.reason,
            "is_table": one.is_table,
        }
        for one in corpus.table_decisions.all
    ]
    lines += [{"kind": "verdict", "when": one.moment, **plain_verdict(one)} for one in Review(corpus).log.all()]
    return {"version": live.version, "decisions": sorted(lines, key=_moment, reverse=True)}


def _moment(line: Mapping[str, Any]) -> float:
    """Seconds since 1970; decisions without a time come last."""
    return datetime.fromisoformat(line["when"]).timestamp() if line["when"] else 0.0


def plain_verdict(verdict: Verdict) -> dict[str, Any]:
    """A verdict as data, with what the machine showed."""
    names = ("id", "page", "other", "decision", "who", "reason", "name", "withdraws")
    shown = ("clustering", "cluster", "similarity", "strength", "stability")
    return {**{name: getattr(verdict, name) for name in (*names, *shown)}, "moment": verdict.moment}


def asked_name(asked: RequestValues) -> str:
    """The name of the person who decides; SettingsError where there is none."""
    who = asked.text("who", "").strip()
    if not who:
        raise SettingsError("who: got nothing, expected your name; it stands beside what you decide")
    return who
