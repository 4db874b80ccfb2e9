"""Every decision of people in a run as lines of one list: who decided what, when and why, and what became of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from tablesim.corpus.store import Corpus
from tablesim.digits.corrections import corrections_in_force
from tablesim.language import say, to_say
from tablesim.records.corrections import AS_READ, TableDecision
from tablesim.records.counting import cut
from tablesim.report.addresses import page_href
from tablesim.report.decisions import differing_pairs, says
from tablesim.report.lists import ListColumn
from tablesim.review.verdicts import WITHDRAW, Verdict, VerdictLog, standing

HISTORY_COLUMNS = (
    ListColumn("when", to_say("When (UTC)")),
    ListColumn("who", to_say("Who"), facet=True),
    ListColumn("kind", to_say("What"), facet=True, said=True),
    ListColumn("page", to_say("Page"), "link"),
    ListColumn("other", to_say("With"), "link"),
    ListColumn("says", to_say("Says")),
    ListColumn("machine", to_say("What the machine showed then")),
    ListColumn("reason", to_say("Why")),
    ListColumn("state", to_say("State"), facet=True, said=True),
    ListColumn("undo", ""),
)
"""``undo`` is what the workbench sends to take the line back, as JSON."""

HOLDS, TAKEN_BACK = to_say("holds"), to_say("taken back")
OVERRULED, AWAY = to_say("a newer one holds"), to_say("no page has its scan")
DISPUTED = {HOLDS: to_say("holds; readers differ"), OVERRULED: to_say("a newer one holds; readers differ")}


def history_rows(corpus: Corpus) -> list[list[Any]]:
    """The lines of the list, the newest first."""
    lines = [*_verdicts(corpus), *_corrections(corpus), *_tables(corpus), *_notes(corpus)]
    lines.sort(key=lambda line: line[0], reverse=True)
    return [[_shown(moment), *rest] for moment, rest in lines]


Line = tuple[float, list[Any]]


def _verdicts(corpus: Corpus) -> list[Line]:
    every = VerdictLog.of_run(corpus.folder).all()
    kept = standing(every, withdrawals=True)
    latest = {line.pair: line for line in kept if line.decision != WITHDRAW}
    differing = differing_pairs(kept)
    kept_ids, latest_ids = {line.id for line in kept}, {line.id for line in latest.values()}
    pages_of = corpus.page_table.pages_of({key for line in every for key in line.hashes if key})

    def link(page: str, key: str) -> list[str] | None:
        if not page:
            return None
        now = pages_of.get(key, ())
        page = page if page in now or not now else now[0]
        return [page, page_href(page) if now or page in corpus else ""]

    def state(line: Verdict) -> str:
        if line.id not in kept_ids:
            return TAKEN_BACK
        if not all(key in pages_of for key in line.hashes):
            return AWAY
        if line.decision == WITHDRAW:
            return HOLDS
        word = HOLDS if line.id in latest_ids else OVERRULED
        return DISPUTED[word] if line.pair in differing else word

    by_moment = {(line.pair, line.moment): line for line in every}
    return [
        (
            _seconds(line.moment),
            [
                line.who,
                to_say("undo") if line.decision == WITHDRAW else to_say("name") if line.is_name else to_say("verdict"),
                link(line.page, line.page_sha256),
                link(line.other, line.other_sha256),
                says(line, by_moment.get((line.pair, line.withdraws))),
                _machine(line) or None,
                line.reason or None,
                state(line),
                json.dumps({"lines": [line.id]}) if line.id in kept_ids else None,
            ],
        )
        for line in every
    ]


def _corrections(corpus: Corpus) -> list[Line]:
    log = corpus.corrections
    in_force = {one for some in log.by_scan.values() for one in corrections_in_force(some)}
    stood: dict[tuple[Any, ...], str] = {}
    lines = []
    for one in sorted(log.all, key=lambda one: one.moment or 0.0):
        number = (one.sha256, one.box)
        said_before = stood.pop(number, None)
        now = one.read if one.is_taken_back else one.correct
        if not one.is_taken_back:
            stood[number] = one.correct
        pages = log.pages_of.get(one.sha256, ())
        page = one.page if one.page in pages or not pages else pages[0]
        state = AWAY if not pages else HOLDS if one in in_force else OVERRULED
        back = AS_READ if said_before is None else said_before
        what = {"page": page, "sha256": one.sha256, **one.box.to_dict(), "expected": now, "correct": back}
        rest = [
            one.who or say("unnamed"),
            to_say("correction"),
            [page, page_href(page) if pages else ""],
            None,
            f"{one.read if said_before is None else said_before or say('nothing')} → {one.says}",
            say("read {text}", text=one.read or say("nothing")),
            one.reason or None,
            state,
            json.dumps({"correction": what}) if state == HOLDS and not one.is_taken_back else None,
        ]
        lines.append((one.moment or 0.0, rest))
    return lines


def _tables(corpus: Corpus) -> list[Line]:
    latest: dict[str, TableDecision] = {}
    log = corpus.table_decisions
    for one in log.all:
        latest[one.scan_key] = one
    pages_of = corpus.page_table.pages_of({one.sha256 for one in log.all if one.sha256})
    lines = []
    for one in log.all:
        pages = pages_of.get(one.sha256, ())
        page = one.page if one.page in pages or not pages else pages[0]
        state = AWAY if not pages else HOLDS if latest[one.scan_key] is one else OVERRULED
        back = state == HOLDS and one.is_table is not None
        rest = [
            one.who or say("unnamed"),
            to_say("table"),
            [page, page_href(page) if pages else ""],
            None,
            one.says,
            None,
            one.reason or None,
            state,
            json.dumps({"table": {"page": page, "is_table": "as read"}}) if back else None,
        ]
        lines.append((one.moment or 0.0, rest))
    return lines


def _notes(corpus: Corpus) -> list[Line]:
    log = corpus.notes
    standing_now = {(note.scan_key, note.who): note for note in log.all}
    lines = []
    for note in log.all:
        pages = log.pages_of.get(note.sha256, ())
        page = note.page if note.page in pages or not pages else pages[0]
        state = AWAY if not pages else HOLDS if standing_now[note.scan_key, note.who] is note else OVERRULED
        what = [page, page_href(page) if pages else ""]
        rest = [note.who, to_say("note"), what, None, note.note or say("taken back"), None, None, state, None]
        lines.append((note.moment or 0.0, rest))
    return lines


def _machine(line: Verdict) -> str:
    """What the machine said of two pages when a person was asked; empty where nobody was."""
    figures = [
        f"{name} {cut(value, 4)}"
        for name, value in (
            (say("similarity"), line.similarity),
            (say("strength"), line.strength),
            (say("stability"), line.stability),
        )
        if value is not None
    ]
    cluster = ""
    if line.cluster is not None:
        cluster = say("cluster {cluster} of clustering {clustering}", cluster=line.cluster, clustering=line.clustering)
    return "; ".join(part for part in (", ".join(figures), cluster) if part)


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp() if moment else 0.0


def _shown(seconds: float) -> str | None:
    """A moment, UTC, so that it is the same wherever the report is written and sorts as text does."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S") if seconds else None
