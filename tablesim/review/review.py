"""One object for everything about the verdicts of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tablesim.corpus.corrections.decisions import DecisionsStatus
from tablesim.corpus.store import Corpus
from tablesim.errors import RunError
from tablesim.review.agreement import Agreement, Precision, agreement, precision
from tablesim.review.constraints import KnownConstraints, run_constraints, verdicts_status
from tablesim.review.csv_files import read_verdicts
from tablesim.review.questions import Question, audit_sample, questions
from tablesim.review.verdicts import Verdict, VerdictLog


class Review:
    """The verdicts of a run: what deserves a look, what was decided, what follows.

    >>> review = tablesim.Review(corpus)                                # doctest: +SKIP
    >>> question = review.questions(top=1)[0]                           # doctest: +SKIP
    >>> review.answer(question, "reject", "Anna", "other radius")       # doctest: +SKIP
    """

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.log = VerdictLog.of_run(corpus.folder)

    def questions(self, top: int | None = None, who: str | None = None) -> list[Question]:
        """What deserves a look, the most pressing first; see ``tablesim.review.questions``."""
        return questions(self.corpus, top=top, who=who)

    def answer(self, question: Question, decision: str, who: str, reason: str = "") -> Verdict:
        """Decide a question: accept, reject, unsure, merge or split. It is on the disk when this returns."""
        return self.log.append([question.answered(decision, who, reason)])[0]

    def say(self, page: str, other: str, decision: str, who: str, reason: str = "") -> Verdict:
        """Decide about two pages that nobody asked about; RunError where the run lacks one of them."""
        clustering = self.corpus.clusters
        shown = Verdict(
            page,
            other,
            decision,
            who,
            reason,
            "" if clustering is None else clustering.name,
            None if clustering is None else clustering.label_of(page),
            page_sha256=self.corpus.page(page)["sha256"],
            other_sha256=self.corpus.page(other)["sha256"],
        )
        return self.log.append([shown])[0]

    def take(self, path: str | Path, who: str = "") -> tuple[list[Verdict], int, list[str]]:
        """Take the verdicts of a CSV file, of this run or another; see ``csv_files.read_verdicts``.

        Gives those that were added, how many the log had already, and the pages whose scan the run does not have.
        """
        verdicts, not_taken = read_verdicts(path, self.corpus, who)
        new = self.log.append(verdicts, once=True)
        return new, len(verdicts) - len(new), not_taken

    def status(self) -> DecisionsStatus[Verdict]:
        """Which verdicts hold with the pages as they are now, and why others do not."""
        return verdicts_status(self.corpus)

    def verdicts(self, as_of: str | None = None) -> list[Verdict]:
        """What holds on each pair of scans, now or at the end of a day."""
        return self.log.state(as_of)

    def known_constraints(self) -> KnownConstraints:
        """What the next clustering will keep to."""
        return run_constraints(self.corpus)

    def audit(self, n: int, seed: int = 0) -> list[Question]:
        """``n`` memberships drawn at random, to be answered one and all."""
        return audit_sample(self.corpus, n, seed)

    def precision(self, sample: Sequence[Question]) -> Precision:
        """The precision of the clusters from the answers to an audit sample; RunError without answers."""
        if not sample:
            raise RunError("precision: got an empty sample; draw one with audit(n)")
        return precision(self.log.all(), sample[0].audit)

    def agreement(self, reader_a: str, reader_b: str) -> Agreement:
        """Cohen's kappa of two readers."""
        return agreement(self.log.all(), reader_a, reader_b)
