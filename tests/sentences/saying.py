"""The list of all sentences with a number, each with what recomputes it; a digit that none covers is a failure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sentences.facts import PairFacts, RunFacts

PAGE = r"([\ue000-\uefff])"
"""Stands for a page in a pattern: page ids are replaced by one character each, so that their digits are none."""

KNOWN = "[\uf000-\uf8fe]"
"""Likewise what the metadata say, word for word."""


@dataclass
class Where:
    """What a text speaks of: the run, and the page, pair, cluster or collation that its file is about."""

    run: RunFacts
    kind: str
    pages: tuple[str, ...] = ()
    cluster: int | None = None
    pair: PairFacts | None = None
    element: Any = None
    more: dict[str, Any] = field(default_factory=dict)


@dataclass
class Said:
    """A sentence that was found: what stands in it, and of what."""

    match: re.Match[str]
    at: Where
    masks: Masks

    def __getitem__(self, group: int | str) -> str:
        return self.match[group]

    def number(self, group: int | str = 1) -> int:
        """A count, of which a word may stand for none."""
        text = self.match[group]
        return 0 if text in (None, "", "no", "none", "nothing") else int(text.replace(",", ""))

    @property
    def numbers(self) -> list[int]:
        return [self.number(at + 1) for at in range(len(self.match.groups()))]

    def page(self, group: int | str) -> str:
        return self.masks.page_of(self.match[group])

    @property
    def run(self) -> RunFacts:
        return self.at.run

    @property
    def near(self) -> PairFacts:
        """The pair of pages that the text is about."""
        return self.at.pair or self.run.pair(*self.at.pages)


Check = Callable[[Said], None]
SENTENCES: list[tuple[re.Pattern[str], Check, frozenset[str]]] = []


def says(pattern: str, *kinds: str) -> Callable[[Check], Check]:
    """Register what recomputes a sentence; with ``kinds`` in files of these kinds alone."""

    def register(check: Check) -> Check:
        SENTENCES.append((re.compile(pattern.replace("⟨page⟩", PAGE)), check, frozenset(kinds)))
        return check

    return register


def explains(*texts: str) -> None:
    """Register words whose numbers say nothing of a run."""
    for text in texts:
        SENTENCES.append((re.compile(re.escape(text)), lambda said: None, frozenset()))


class Masks:
    """Replaces page ids and what the metadata say by single characters."""

    def __init__(self, run: RunFacts) -> None:
        self.pages = list(run.rows)
        words = {
            str(value)
            for row in run.rows.values()
            for name in ("title", "place", "book", "handle", "authors", "printers", "publishers", "extra")
            for value in _values(row[name])
            if re.search(r"\d", str(value))
        }
        words |= {run.caption(page) for page in run.rows} - {""}
        who = {", ".join(row["authors"] or ()) or row["title"] or row["book"] or "" for row in run.rows.values()}
        words |= {
            f"{name} {run.date(page).shown}" for name in who for page in run.rows if name and run.date(page).shown
        }
        words |= {run.name} if re.search(r"\d", run.name) else set()
        words |= {shown for page in run.rows if not (shown := run.date(page).shown).isdecimal()} - {""}
        self.words = sorted(words)
        codes = {word: chr(0xF000 + at) for at, word in enumerate(self.words)}
        codes |= {page: chr(0xE000 + at) for at, page in enumerate(self.pages)}
        self._codes = codes
        longest = sorted(codes, key=len, reverse=True)
        self._any = (
            re.compile(r"(?<![\w;-])(?:" + "|".join(map(re.escape, longest)) + r")(?![\w-])") if longest else None
        )

    def page_of(self, code: str) -> str:
        return self.pages[ord(code) - 0xE000]

    def masked(self, text: str) -> str:
        return text if self._any is None else self._any.sub(lambda match: self._codes[match[0]], text)

    def shown(self, text: str) -> str:
        """The text with its ids again."""
        back = {code: word for word, code in self._codes.items()}
        return "".join(back.get(letter, letter) for letter in text)


def _values(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else [value] if value else []


def faults(text: str, at: Where, masks: Masks) -> Iterator[str]:
    """What is false in a text, or is a number that no sentence of the list covers."""
    masked = masks.masked(text)
    if not re.search(r"\d", masked):
        return
    covered = [False] * len(masked)
    for pattern, check, kinds in SENTENCES:
        if kinds and at.kind not in kinds:
            continue
        for match in pattern.finditer(masked):
            if all(covered[match.start() : match.end()]):
                continue
            covered[match.start() : match.end()] = [True] * (match.end() - match.start())
            try:
                check(Said(match, at, masks))
            except (AssertionError, LookupError, ValueError) as error:
                yield f"FALSE {masks.shown(match[0])!r} in {text[:200]!r}: {str(error)[:300]}"
    if any(letter.isdecimal() and not known for letter, known in zip(masked, covered, strict=True)):
        rest = "".join("·" if known else letter for letter, known in zip(masked, covered, strict=True))
        yield f"a sentence nobody recomputes: {masks.shown(rest)[:300]!r} ({at.kind})"
