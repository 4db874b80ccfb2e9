"""What people decided of the pages of a run: verdicts, which pages carry a table, corrections; who, when and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tablesim.corpus.corrections.decisions import DecisionsStatus
from tablesim.corpus.store import Corpus
from tablesim.language import say, to_say
from tablesim.report.addresses import page_href
from tablesim.review.verdicts import WITHDRAW, Verdict

MAX_LINES = 300
"""Decisions of a kind that the report lists, the latest first."""

_WORDS = {
    "accept": to_say("belong together"),
    "kind": to_say("carry different tables of the same kind"),
    "merge": to_say("carry the same table: their groups are one"),
    "reject": to_say("do not belong together"),
    "split": to_say("carry different tables: their group was split"),
    "unsure": to_say("could not be decided"),
}


def says(line: Verdict, withdrawn: Verdict | None = None) -> str:
    """What a line of the log says; ``withdrawn`` is the one that it takes back."""
    if line.decision == WITHDRAW:
        if withdrawn is None:
            return say("taken back")
        return say("taken back: {what} ({who})", what=says(withdrawn), who=withdrawn.who)
    if line.is_name and line.name:
        return say("its cluster is called {name}", name=line.name)
    return say("its cluster has no name any more") if line.is_name else say(_WORDS[line.decision])


@dataclass(frozen=True)
class VerdictLine:
    """A verdict as it is told: the two pages with the addresses of theirs, what it says, by whom, when and why."""

    pages: tuple[tuple[str, str], tuple[str, str]]
    says: str
    meaning: str
    who: str
    day: str
    reason: str

    def other(self, page: str) -> tuple[str, str]:
        """The page that ``page`` was judged with, and its address."""
        return self.pages[1] if self.pages[0][0] == page else self.pages[0]


@dataclass(frozen=True)
class DecisionLine:
    """A correction or a table decision as it is told."""

    page: str
    href: str
    says: str
    who: str
    day: str
    reason: str


def verdict_lines(status: DecisionsStatus[Verdict]) -> list[VerdictLine]:
    """The verdicts that hold, of each two scans the last; the latest first. The pages are called as they are now."""
    latest: dict[tuple[str, str], Verdict] = {}
    for verdict in status.holding:
        latest.pop(verdict.pair, None)
        latest[verdict.pair] = verdict
    return [_verdict_line(status, verdict) for verdict in reversed(latest.values())]


def _verdict_line(status: DecisionsStatus[Verdict], verdict: Verdict) -> VerdictLine:
    names = [status.pages_of[key][0] for key in (verdict.page_sha256, verdict.other_sha256)]
    first, second = ((name, page_href(name)) for name in names)
    return VerdictLine(
        (first, second), says(verdict), verdict.meaning, verdict.who, verdict.moment[:10], verdict.reason
    )


def differing_pairs(verdicts: Iterable[Verdict]) -> set[tuple[str, str]]:
    """The pairs of scans that one reader's last word calls the same table, and another's not."""
    return {pair for pair, words in _last_words(verdicts).items() if _differ(words.values())}


def said_of_pair(status: DecisionsStatus[Verdict], scans: Iterable[str]) -> tuple[list[VerdictLine], bool]:
    """The last word of each reader on two scans, the latest first, and whether they differ."""
    pair = min(scans := list(scans)), max(scans)
    words = _last_words(status.holding).get(pair, {})
    return [_verdict_line(status, verdict) for verdict in reversed(words.values())], _differ(words.values())


def _last_words(verdicts: Iterable[Verdict]) -> dict[tuple[str, str], dict[str, Verdict]]:
    found: dict[tuple[str, str], dict[str, Verdict]] = {}
    for verdict in verdicts:
        if verdict.meaning:
            of_pair = found.setdefault(verdict.pair, {})
            of_pair.pop(verdict.who, None)
            of_pair[verdict.who] = verdict
    return found


def _differ(verdicts: Iterable[Verdict]) -> bool:
    same = {verdict.meaning == "same" for verdict in verdicts if verdict.meaning != "unsure"}
    return len(same) > 1


def by_page(lines: Iterable[VerdictLine]) -> dict[str, list[VerdictLine]]:
    """The verdicts on each page."""
    found: dict[str, list[VerdictLine]] = {}
    for line in lines:
        for page in dict.fromkeys(name for name, _ in line.pages):
            found.setdefault(page, []).append(line)
    return found


def correction_lines(corpus: Corpus) -> list[DecisionLine]:
    """The corrections that hold, the latest first."""
    status = corpus.corrections.status()
    return [
        DecisionLine(page, page_href(page), f"{c.read or say('nothing')} → {c.says}", c.who, c.when[:10], c.reason)
        for c in sorted(status.holding, key=lambda c: c.moment or 0.0, reverse=True)
        for page in status.pages_of[c.sha256][:1]
    ]


def table_decision_lines(corpus: Corpus) -> list[DecisionLine]:
    """Which pages carry a table as people said it, the latest first."""
    status = corpus.table_decisions.status()
    return [
        DecisionLine(page, page_href(page), d.says, d.who, d.when[:10], d.reason)
        for d in sorted(status.holding, key=lambda d: d.moment or 0.0, reverse=True)
        for page in status.pages_of[d.sha256][:1]
    ]
