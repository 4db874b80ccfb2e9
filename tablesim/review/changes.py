"""What is other in a clustering than in the one before: pages that moved, clusters that joined or split, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tablesim.corpus.clustering.model import Clustering
from tablesim.language import listed, say, say_n, to_say
from tablesim.review.verdicts import Verdict
from tablesim.scans.csvfile import shortlist

JOINED, SPLIT, NEW, GONE, MOVED = "joined", "split", "new", "gone", "moved"
NO_VERDICT = to_say("no verdict asks for it: pages are read or aligned otherwise than they were")


@dataclass(frozen=True)
class Move:
    """A page that is in another cluster than before; None for none."""

    page: str
    before: int | None
    after: int | None
    with_before: tuple[str, ...]
    with_after: tuple[str, ...]


def moves(before: Clustering, after: Clustering) -> list[Move]:
    """The pages whose cluster has another number after than before, with a few of their companions then and now."""
    pages_before, pages_after = ({c.number: c.pages for c in clustering.clusters} for clustering in (before, after))

    def companions(pages: Mapping[int, Sequence[str]], label: int | None, page: str) -> tuple[str, ...]:
        return () if label is None else tuple(other for other in pages[label] if other != page)[:3]

    moved = []
    for page in sorted({*before.pages, *after.pages}):
        old, new = before.number_of(page), after.number_of(page)
        if old != new:
            together = companions(pages_before, old, page), companions(pages_after, new, page)
            moved.append(Move(page, old, new, *together))
    return moved


@dataclass(frozen=True)
class Change:
    """Clusters that exchanged pages, those that have to do with each other together.

    Parameters
    ----------
    what : str
        ``JOINED``, ``SPLIT``, ``NEW`` (pages of no cluster before), ``GONE``, or ``MOVED`` (anything else).
    before, after : tuple of int
        Numbers of the clusters.
    pages : tuple of str
        The pages whose cluster has another number, or none, now.
    verdicts : tuple of Verdict
        Those that ask for it, the newest first.
    """

    what: str
    before: tuple[int, ...]
    after: tuple[int, ...]
    pages: tuple[str, ...]
    verdicts: tuple[Verdict, ...]

    @property
    def sentence(self) -> str:
        """What happened."""
        n = len(self.pages)
        pages = (
            say_n(n, "{n} page moved ({pages})", "{n} pages moved ({pages})", pages=shortlist(self.pages, 4))
            if n
            else say("no page moved")
        )
        before, after = _numbers(self.before), _numbers(self.after)
        if self.what == JOINED:
            return say(
                "clusters {before} are one now, cluster {after}: {pages}", before=before, after=after, pages=pages
            )
        if self.what == SPLIT:
            return say(
                "cluster {before} is {n} now, {after}: {pages}",
                before=before,
                n=len(self.after),
                after=after,
                pages=pages,
            )
        if self.what == NEW:
            return say("cluster {after} is new: {pages}", after=after, pages=pages)
        if self.what == GONE:
            return say("cluster {before} is no more: {pages}", before=before, pages=pages)
        return say("clusters {numbers}: {pages}", numbers=_numbers(sorted({*self.before, *self.after})), pages=pages)

    @property
    def why(self) -> tuple[str, ...]:
        """Who asked for it, a sentence a verdict."""
        return tuple(map(asked_words, self.verdicts)) or (say(NO_VERDICT),)

    def to_dict(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "before": list(self.before),
            "after": list(self.after),
            "pages": list(self.pages),
            "sentence": self.sentence,
            "why": list(self.why),
        }


def asked_words(verdict: Verdict) -> str:
    """Who said what of two pages, when and why."""
    values = {"who": verdict.who, "day": verdict.moment[:10], "a": verdict.page, "b": verdict.other}
    told = (
        say("{who} said on {day} that {a} and {b} carry the same table", **values)
        if verdict.meaning == "same"
        else say("{who} said on {day} that {a} and {b} carry different tables", **values)
    )
    return f"{told}: {verdict.reason}" if verdict.reason else told


def changes(before: Clustering, after: Clustering, verdicts: Iterable[Verdict] = ()) -> list[Change]:
    """What is other than before, the largest change first.

    Parameters
    ----------
    before, after : Clustering
    verdicts : iterable of Verdict
        Those that the second keeps to, by the page ids of now; the ones that ask for a change are named with it.
    """
    was, now = ({page: c.number for c in one.clusters for page in c.pages} for one in (before, after))
    pages_of: dict[tuple[str, int], set[str]] = {}
    for side, numbers in (("before", was), ("after", now)):
        for page, number in numbers.items():
            pages_of.setdefault((side, number), set()).add(page)
    # Clusters that have the pages that they had are left out; the others hang together by the pages they share.
    same = {
        number
        for (side, number), pages in pages_of.items()
        if side == "before" and pages_of.get(("after", number)) == pages
    }
    parts: dict[tuple[str, int], set[tuple[str, int]]] = {}
    for page in sorted({*was, *now}):
        nodes = [(side, n[page]) for side, n in (("before", was), ("after", now)) if page in n and n[page] not in same]
        joined = set().union(*(parts.get(node, {node}) for node in nodes))
        parts |= dict.fromkeys(joined, joined)
    found = []
    asked = list(verdicts)
    for part in {id(part): part for part in parts.values()}.values():
        old, new = (tuple(sorted(n for side, n in part if side == wanted)) for wanted in ("before", "after"))
        pages = set().union(*(pages_of[node] for node in part))
        moved = tuple(sorted(page for page in pages if was.get(page) != now.get(page)))
        why = tuple(one for one in reversed(asked) if _asks(one, pages, was, now))
        found.append(Change(_what(old, new), old, new, moved, why))
    return sorted(found, key=lambda change: (-len(change.pages), change.before, change.after))


def _what(old: Sequence[int], new: Sequence[int]) -> str:
    if not old or not new:
        return NEW if new else GONE
    if len(new) == 1 < len(old):
        return JOINED
    return SPLIT if len(old) == 1 < len(new) else MOVED


def _asks(verdict: Verdict, pages: set[str], was: Mapping[str, int], now: Mapping[str, int]) -> bool:
    """Whether a verdict on two of the pages holds now and did not before."""
    a, b = verdict.page, verdict.other
    if not {a, b} <= pages or not verdict.meaning or verdict.meaning == "unsure":
        return False
    before, after = (n.get(a) is not None and n.get(a) == n.get(b) for n in (was, now))
    return before != after and after == (verdict.meaning == "same")


def _numbers(numbers: Iterable[int]) -> str:
    return listed([str(number) for number in numbers])
