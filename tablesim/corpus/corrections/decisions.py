"""How what people decided on scans, corrections or verdicts, stands in a run: what holds, what does not, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from tablesim.language import say, to_say
from tablesim.scans.csvfile import shortlist

_COMMANDS = {"verdict": "`tablesim review`"}


class Decision(Protocol):
    """A correction, a verdict, or what a person says of a page: a table or none."""

    @property
    def named_scans(self) -> tuple[tuple[str, str], ...]:
        """For each scan that it is about the page id at that time and the hash."""

    @property
    def summary(self) -> str:
        """What it says, in a few words."""

    @property
    def statement(self) -> tuple[object, ...]:
        """What it says, by whom and why, whenever that was."""

    @property
    def moments(self) -> tuple[str, ...]:
        """When it was made as far as it says so itself, else ""; then other moments that a log gave it."""


D = TypeVar("D", bound=Decision)


def unknown_decisions(
    known: Sequence[D], given: Sequence[D], last_words: Callable[[Sequence[D]], Iterable[D]]
) -> list[D]:
    """Those of ``given`` that a log with ``known`` does not have.

    One that says when it was made is known where the same was said at that moment. One that does not is known where it
    is its person's last word on the matter, or where it was said before and ``given`` itself takes it back.

    Parameters
    ----------
    known, given : sequence of Decision
    last_words : callable
        Picks from a sequence what each person said last of each matter.
    """
    dated = {(decision.statement, moment) for decision in known for moment in decision.moments}
    ever = {decision.statement for decision in known}
    last, last_given = ({decision.statement for decision in last_words(some)} for some in (known, given))
    return [
        decision
        for decision in given
        if (
            (decision.statement, decision.moments[0]) not in dated
            if decision.moments[0]
            else decision.statement not in (last if decision.statement in last_given else ever)
        )
    ]


_MANY = {
    "correction": to_say("corrections"),
    "verdict": to_say("verdicts"),
    "table decision": to_say("table decisions"),
}


@dataclass(frozen=True)
class DecisionsStatus(Generic[D]):
    """How the corrections, the verdicts or the table decisions of a run stand.

    Parameters
    ----------
    what : "correction", "verdict" or "table decision"
    holding : tuple
        Those of scans that the run has.
    without_page : tuple
        Those of a scan that no page has; they hold again when it returns.
    unassigned : tuple
        Those of version 0.1.0 of which nobody knows the scan.
    taken_over : int
        How many of version 0.1.0 were given the scans that their pages have.
    pages_of : dict of str to tuple of str
        The pages that have each scan now, by its hash.
    away : set of str
        Hashes of scans that were not there when the last job looked; their pages are kept.
    not_found : tuple
        Corrections that do not find their number, since the machine reads otherwise there than it did.
    """

    what: str
    holding: tuple[D, ...]
    without_page: tuple[D, ...]
    unassigned: tuple[D, ...]
    taken_over: int
    pages_of: Mapping[str, tuple[str, ...]]
    away: frozenset[str]
    not_found: tuple[D, ...] = ()

    def counts(self) -> dict[str, int]:
        """How many there are, and how many hold."""
        total = len(self.holding) + len(self.without_page) + len(self.unassigned) + len(self.not_found)
        name = self.what.replace(" ", "_")
        return {f"{name}s": total, f"{name}s_holding": len(self.holding)}

    def remarks(self, *, of_holding: bool = True) -> Iterator[str]:
        """What is to be known of those that do not simply hold, a sentence a kind.

        Without ``of_holding`` nothing is said of those that hold, under another name or while their scan is away.
        """
        renamed, waiting, lost = Counter[str](), Counter[str](), Counter[str]()
        for decision in (*self.holding, *self.without_page):
            page, key = min(decision.named_scans, key=self._order)
            if key not in self.pages_of:
                lost[f"{page}, SHA-256 {key[:12]}"] += 1
                continue
            if key in self.away:
                waiting[self.pages_of[key][0]] += 1
            if page not in self.pages_of[key]:
                renamed[f"{page} is {shortlist(self.pages_of[key])}"] += 1
        for cases, state in (
            (
                renamed if of_holding else Counter[str](),
                to_say("{what} that hold on a page with another name now: {n} ({cases})"),
            ),
            (
                waiting if of_holding else Counter[str](),
                to_say("{what} on scans that are away: {n} ({cases}); they hold as before"),
            ),
            (
                lost,
                to_say(
                    "{what} that do not hold, since no page has their scan: {n} ({cases}); they are kept and hold "
                    "again when it returns"
                ),
            ),
        ):
            if cases:
                yield say(state, what=self._many, n=cases.total(), cases=shortlist(sorted(cases), 4))
        command = _COMMANDS.get(self.what, "`tablesim correct`")
        if self.not_found:
            cases_text = shortlist((decision.summary for decision in self.not_found), 3)
            yield say(
                "{what} that do not find their number, which is read as a part of another one now: {n} ({cases}); look "
                "again and give them anew with {command}",
                what=self._many,
                n=len(self.not_found),
                cases=cases_text,
                command=command,
            )
        if self.unassigned:
            cases_text = shortlist((decision.summary for decision in self.unassigned), 3)
            yield say(
                "{what} of version 0.1.0 without the hash of their scan that do not hold, since they do not fit the "
                "pages of these names: {n} ({cases}); give them anew with {command}",
                what=self._many,
                n=len(self.unassigned),
                cases=cases_text,
                command=command,
            )
        if of_holding:
            yield from self.taken_over_remarks()

    def taken_over_remarks(self) -> Iterator[str]:
        """A sentence on those of version 0.1.0 that hold by the names of their pages."""
        if self.taken_over:
            yield say(
                "{what} of version 0.1.0 without the hash of their scan hold for the scans that the pages of these "
                "names have: {n}",
                what=self._many,
                n=self.taken_over,
            )

    @property
    def _many(self) -> str:
        """What they are, in words."""
        return say(_MANY[self.what])

    def _order(self, scan: tuple[str, str]) -> tuple[bool, bool, bool]:
        """Of the scans of a decision the one that is gone is named, else one away, else one renamed."""
        page, key = scan
        return key in self.pages_of, key not in self.away, page in self.pages_of.get(key, ())
