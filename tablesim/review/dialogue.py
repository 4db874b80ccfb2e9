"""Asks questions one after the other in words: says what it understood, asks back, takes back; whole words only.

A word that is not known is never taken for one that is like it: nothing is written then, and the words that are known
are said again. Each answer is on the disk when it is said to be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from tablesim.errors import SettingsError
from tablesim.review.questions import Question
from tablesim.review.review import Review
from tablesim.review.verdicts import Verdict

ANSWER_OF = {
    "same": "accept",
    "accept": "accept",
    "kind": "kind",
    "other": "reject",
    "reject": "reject",
    "unsure": "unsure",
    "merge": "merge",
    "split": "split",
}
SKIP, UNDO, QUIT, HELP = "skip", "undo", "quit", "help"
WORDS = (*ANSWER_OF, SKIP, UNDO, QUIT, HELP)
YES, NO = ("yes", "y", ""), ("no", "n")

PROMPT = "same, kind, other, unsure, merge, split, skip, undo, quit, or help"
EXPLAINED = (
    "same     both pages carry the same table",
    "kind     they carry different tables of the same kind",
    "other    they carry different tables",
    "unsure   it cannot be decided from what is to be seen",
    "merge    the clusters of both pages are one table",
    "split    their cluster holds two tables, and each of the two pages stands for one",
    "skip     no answer now; nothing is written",
    "undo     the last answer of this session is taken back and asked again",
    "quit     ends; what was answered is kept",
)


def understood(question: Question, decision: str) -> str:
    """An answer in a whole sentence."""
    page, other = question.page, question.other
    return {
        "accept": f"{page} and {other} carry the same table",
        "kind": f"{page} and {other} carry different tables of the same kind",
        "reject": f"{page} and {other} carry different tables",
        "unsure": f"whether {page} and {other} carry the same table cannot be decided",
        "merge": f"the clusters of {page} and {other} are one table",
        "split": f"the cluster of {page} and {other} holds two tables, and each of the two stands for one",
    }[decision]


@dataclass
class Dialogue:
    """A session of one person.

    Parameters
    ----------
    review : Review
    who : str
    describe : callable
        The lines that are shown of a question.
    ask : callable
        Shows a prompt and gives what was typed; EOFError where nothing more comes.
    say : callable
        Shows a line.
    """

    review: Review
    who: str
    describe: Callable[[Question], Sequence[str]]
    ask: Callable[[str], str]
    say: Callable[[str], None]
    _given: list[tuple[int, Verdict]] = field(default_factory=list)

    def run(self, questions: Sequence[Question]) -> int:
        """Ask; gives how many answers stand in the end."""
        if not questions:
            self.say("nothing is left to look at")
        at = 0
        try:
            while at < len(questions):
                question = questions[at]
                self.say(f"\n{at + 1} of {len(questions)}. " + "\n".join(self.describe(question)))
                word = self._word()
                if word == QUIT:
                    break
                if word == UNDO:
                    at = self._undo(at)
                elif word == SKIP or self._answer(at, question, ANSWER_OF[word]):
                    at += 1
        except EOFError:
            self.say("")
        n = len(self._given)
        self.say(f"{n} answer{'s' * (n != 1)} of {self.who} kept in {self.review.log.path.name}")
        return n

    def _word(self) -> str:
        """One of ``WORDS`` as it was typed out, Enter for skip."""
        while True:
            typed = " ".join(self.ask(PROMPT).lower().split())
            if not typed:
                return SKIP
            if typed == HELP:
                for line in EXPLAINED:
                    self.say(f"  {line}")
            elif typed in WORDS:
                return typed
            else:
                near = get_close_matches(typed, WORDS, 2, 0.6) or [word for word in WORDS if word.startswith(typed)][:3]
                perhaps = f" Did you mean {' or '.join(near)}?" if near else ""
                self.say(f"not understood: {typed!r}; nothing was written.{perhaps} Type the whole word.")

    def _answer(self, at: int, question: Question, decision: str) -> bool:
        """Ask back and write; False where it was not meant."""
        if not self._agreed(f"understood: {understood(question, decision)}. Right? yes or no"):
            self.say("nothing was written")
            return False
        reason = self.ask("why (Enter for no reason)").strip()
        try:
            verdict = self.review.answer(question, decision, self.who, reason)
        except SettingsError as error:
            self.say(f"{error}; nothing was written")
            return False
        self._given.append((at, verdict))
        self.say(f"written, line {verdict.id}: {understood(question, decision)}")
        return True

    def _agreed(self, prompt: str) -> bool:
        while True:
            typed = self.ask(prompt).strip().lower()
            if typed in YES:
                return True
            if typed in NO:
                return False
            self.say(f"not understood: {typed!r}; type yes or no")

    def _undo(self, at: int) -> int:
        """Take the last answer back; gives the question to go on with."""
        if not self._given:
            self.say(
                "nothing to undo in this session; `tablesim review RUN --undo LINE` takes back any line of the log"
            )
            return at
        before, verdict = self._given[-1]
        if not self._agreed(f"undo: take back line {verdict.id}, {verdict.summary}? yes or no"):
            return at
        assert verdict.id is not None
        (line,) = self.review.withdraw([verdict.id], self.who)
        self._given.pop()
        self.say(f"taken back, as line {line.id}; it is asked again")
        return before
