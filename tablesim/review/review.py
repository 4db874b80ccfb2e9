"""Reviews the clusters of a run: questions out, verdicts in, one by one or as CSV for a spreadsheet or another run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from itertools import combinations
from pathlib import Path
from typing import Any

from tablesim.corpus.clustering.model import Cluster
from tablesim.corpus.corrections.decisions import DecisionsStatus
from tablesim.corpus.storage.files import write_csv
from tablesim.corpus.store import Corpus
from tablesim.errors import MetadataError, RunError, SettingsError
from tablesim.review.agreement import Agreement, Precision, agreement, precision
from tablesim.review.constraints import KnownConstraints, names_status, run_constraints, verdicts_status
from tablesim.review.questions import Question, audit_sample, questions
from tablesim.review.verdicts import COLUMNS, DECISIONS, NAME_IT, WITHDRAW, Verdict, VerdictLog, standing, until
from tablesim.review.verdicts_and_names import cluster_names, names_by_number
from tablesim.scans.csvfile import read_csv, read_moment, read_number, shortlist
from tablesim.scans.locator import normalized_name

MOST_READERS = 45
"""Pairs of readers whose agreement is worked out at once: those of ten readers."""

FILL_IN = ("decision", "reason", "who")
_QUESTION_COLUMNS = (*FILL_IN, *(field.name for field in fields(Question)))
_FLOATS = ("score", "similarity", "strength", "stability")
_TEXTS = ("clustering", "settings_hash", "embedding_hash", "audit", "name", "withdraws")


def write_questions(path: str | Path, questions: Iterable[Question]) -> None:
    """Write questions with blank columns for decision, reason and name."""
    write_csv(Path(path), _QUESTION_COLUMNS, (question.to_dict() for question in questions))


def write_verdicts(path: str | Path, verdicts: Iterable[Verdict]) -> None:
    """Write verdicts, a line each, all columns."""
    write_csv(Path(path), COLUMNS, (asdict(verdict) for verdict in verdicts))


def read_verdicts(path: str | Path, corpus: Corpus, who: str = "") -> tuple[list[Verdict], list[str]]:
    """The verdicts in a CSV with the columns ``page``, ``other``, ``decision``; lines without a decision are open.

    Further columns are those of ``write_questions`` and ``write_verdicts``; ``who`` stands where the column of that
    name is blank. A verdict is about the two scans: where the file has their hashes, they say which pages of the run
    are meant, else the page ids do. What the machine showed is taken from the file, since it is what the person had
    before them; it may be of another clustering, other settings or another run.

    Gives the verdicts on scans that the run has, with the page ids of the run, and for each other line the page, by its
    id in the file, of which the run does not have the scan.

    Raises
    ------
    MetadataError
        A column is missing, a decision is unknown, nobody's name is given, a page without a hash is not in the run, or
        the run has none of the scans. The line is named, and nothing is taken from the file.
    """
    file = read_csv(path, known=_QUESTION_COLUMNS)
    if missing := [name for name in ("page", "other", "decision") if name not in file.columns]:
        raise MetadataError(
            f"{file.path}: no column {', '.join(missing)}; found {shortlist(file.columns)}; "
            "write the questions anew with `tablesim review RUN --out FILE`"
        )
    answered = [(number, row) for number, row in enumerate(file.rows, 2) if row["decision"].strip()]
    pages_of = corpus.page_table.pages_of(
        {row.get(f"{name}_sha256") or "" for _, row in answered for name in ("page", "other")}
    )
    verdicts, not_taken = [], []
    for number, row in answered:
        where = f"{file.path}: row {number}"
        decision = row["decision"].strip().lower()
        if decision not in DECISIONS:
            raise MetadataError(f"{where}: decision {row['decision']!r}, expected one of {', '.join(DECISIONS)}")
        name = row.get("who", "").strip() or who
        if not name:
            raise MetadataError(f"{where}: no name in the column who; fill it in or give --who NAME")
        columns = ("page", "other") if row["other"].strip() or decision not in (NAME_IT, WITHDRAW) else ("page",)
        scans = [_scan(corpus, pages_of, row, column, where) for column in columns]
        if len(scans) == 2 and scans[0] == scans[1]:
            raise MetadataError(f"{where}: page and other are both {row['page']!r}, expected two pages")
        lost = next((row[column] for column, scan in zip(columns, scans, strict=True) if scan is None), None)
        if lost is not None:
            not_taken.append(lost)
        else:
            verdicts.append(
                _verdict(row, decision, name, [scan for scan in scans if scan is not None], where, file.separator)
            )
    if not_taken and not verdicts:
        raise MetadataError(
            f"{file.path}: {corpus.folder} has none of the scans that its {len(not_taken)} verdicts are about (the "
            f"first is that of {not_taken[0]}); nothing was taken over. Are they of another collection?"
        )
    return verdicts, not_taken


def _scan(
    corpus: Corpus, pages_of: dict[str, tuple[str, ...]], row: dict[str, str], column: str, where: str
) -> tuple[str, str] | None:
    """Page id and hash of the scan that a line names; None where the run does not have it."""
    page = normalized_name(row[column])
    if stated := row.get(f"{column}_sha256"):
        pages = pages_of.get(stated)
        return None if pages is None else (page if page in pages else pages[0], stated)
    key = corpus.page_table.sha256_of(page)
    if key is None:
        raise MetadataError(f"{where}: no page {page!r} in {corpus.folder}; is the file of another run?")
    return page, key


def _verdict(
    row: dict[str, str], decision: str, who: str, scans: Sequence[tuple[str, str]], where: str, separator: str
) -> Verdict:
    (page, page_sha256), (other, other_sha256) = (*scans, ("", ""))[:2]
    shown: dict[str, Any] = {name: row.get(name, "") for name in _TEXTS}
    try:
        shown |= {name: read_number(row[name], separator) for name in _FLOATS if row.get(name)}
        shown["cluster"] = int(row["cluster"]) if row.get("cluster") else None
    except ValueError as error:
        raise MetadataError(f"{where}: {error}; leave the machine's columns as they were written") from error
    moment = row.get("decided_at") or row.get("at") or ""
    try:
        shown["decided_at"] = until(read_moment(moment)) if moment else ""
    except SettingsError as error:
        raise MetadataError(f"{where}: {error}; leave the columns at and decided_at as they were written") from error
    shown |= {"page_sha256": page_sha256, "other_sha256": other_sha256}
    return Verdict(page, other, decision, who, row.get("reason", ""), **shown)


class Review:
    """The verdicts of a run: what deserves a look, what was decided, what follows.

    >>> review = tablesim.Review(corpus)                                # doctest: +SKIP
    >>> question = review.questions(top=1)[0]                           # doctest: +SKIP
    >>> review.answer(question, "reject", "Anna", "other radius")       # doctest: +SKIP
    """

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.log = VerdictLog.of_run(corpus.folder)

    def questions(
        self, top: int | None = None, who: str | None = None, *, every: Sequence[Question] | None = None
    ) -> list[Question]:
        """What deserves a look, the most pressing first; see ``tablesim.review.questions``."""
        return questions(self.corpus, top=top, who=who, every=every)

    def answer(self, question: Question, decision: str, who: str, reason: str = "") -> Verdict:
        """Decide a question: accept, reject, unsure, merge or split. It is on the disk when this returns."""
        return self.log.append([question.answered(decision, who, reason)])[0]

    def say(self, page: str, other: str, decision: str, who: str, reason: str = "") -> Verdict:
        """Decide about two pages that nobody asked about; RunError where the run lacks one of them."""
        return self.log.append([self._about(page, other, decision, who, reason)])[0]

    def _about(self, page: str, other: str, decision: str, who: str, reason: str, name: str = "") -> Verdict:
        """A line of the log on pages of the run, with their clusters as they are now."""
        clustering = self.corpus.clusters
        return Verdict(
            page,
            other,
            decision,
            who,
            reason,
            "" if clustering is None else clustering.name,
            None if clustering is None else clustering.number_of(page),
            page_sha256=self.corpus.page(page)["sha256"],
            other_sha256=self.corpus.page(other)["sha256"] if other else "",
            name=name,
        )

    def merge(self, clusters: Sequence[int], who: str, reason: str = "") -> list[Verdict]:
        """Say that the clusters of these numbers are one table.

        A line of the log for each but the first, on the two medoids; all are written, or none. The next clustering
        keeps to it. RunError where there is no such cluster, SettingsError for fewer than two.
        """
        if len(set(clusters)) < 2:
            raise SettingsError(f"merge: got the clusters {list(clusters)}, expected two different numbers and more")
        first, *others = (self._cluster(number) for number in dict.fromkeys(clusters))
        return self.log.append([self._about(c.medoid, first.medoid, "merge", who, reason) for c in others])

    def split(self, cluster: int, pages: Sequence[str], who: str, reason: str = "") -> list[Verdict]:
        """Say that some pages of a cluster carry one table of their own.

        Lines of the log: the first of them is apart from the medoid of the others, and the others of them are with it.
        All are written, or none. RunError where there is no such cluster, SettingsError where none or all of its pages
        are named, or one that is not in it.
        """
        found = self._cluster(cluster)
        ids = list(dict.fromkeys(str(self.corpus.page(page)["page"]) for page in pages))
        rest = [page for page in found.pages if page not in ids]
        if not ids or not rest or not {*ids} <= {*found.pages}:
            strangers = [page for page in ids if page not in found.pages]
            what = f"{shortlist(strangers)}, which it does not have" if strangers else "all of them" if ids else "none"
            raise SettingsError(f"split: of the {len(found.pages)} pages of cluster {cluster} got {what}; name some")
        first, *others = ids
        lines = [self._about(first, rest[0], "reject", who, reason)]
        return self.log.append(lines + [self._about(page, first, "accept", who, reason) for page in others])

    def name(self, cluster: int, name: str, who: str, reason: str = "") -> Verdict:
        """Call a cluster by a name, or by none; it goes with the scan in its middle when clusters change."""
        found = self._cluster(cluster)
        named = cluster_names(self.corpus, self.corpus.clusters).get(cluster)
        page = found.medoid if named is None else self.status_of_names().pages_of[named.page_sha256][0]
        return self.log.append([self._about(page, "", NAME_IT, who, reason, name=" ".join(name.split()))])[0]

    def withdraw(self, numbers: Sequence[int], who: str, reason: str = "") -> list[Verdict]:
        """Take back lines of the log, by their numbers: each as a new line, so that what was said before holds again.

        To take a withdrawal back is to say it again. RunError where there is no such line, or it is taken back already.
        """
        every = self.log.all()
        by_number = {line.id: line for line in every}
        standing_now = {(line.pair, line.moment) for line in standing(every, withdrawals=True)}
        lines = []
        for number in dict.fromkeys(numbers):
            if (line := by_number.get(number)) is None:
                raise RunError(
                    f"undo: the log has no line {number}; `tablesim review {self.corpus.folder} --log FILE` has all"
                )
            if (line.pair, line.moment) not in standing_now:
                raise RunError(f"undo: line {number} was taken back already ({line.summary})")
            lines.append(
                Verdict(
                    *(line.page, line.other, WITHDRAW, who, reason),
                    page_sha256=line.page_sha256,
                    other_sha256=line.other_sha256,
                    withdraws=line.moment,
                )
            )
        return self.log.append(lines)

    def _cluster(self, number: int) -> Cluster:
        clustering = self.corpus.clusters
        clusters = () if clustering is None else clustering.clusters
        found = next((cluster for cluster in clusters if cluster.number == number), None)
        if found is None:
            raise RunError(f"{self.corpus.folder}: no cluster {number}; it has {len(clusters)}, which the report lists")
        return found

    def take(self, path: str | Path, who: str = "") -> tuple[list[Verdict], int, list[str]]:
        """Take the verdicts of a CSV file, of this run or another; see ``read_verdicts``.

        Gives those that were added, how many the log had already, and the pages whose scan the run does not have.
        """
        verdicts, not_taken = read_verdicts(path, self.corpus, who)
        new = self.log.append(verdicts, once=True)
        return new, len(verdicts) - len(new), not_taken

    def status(self) -> DecisionsStatus[Verdict]:
        """Which verdicts hold with the pages as they are now, and why others do not."""
        return verdicts_status(self.corpus)

    def status_of_names(self) -> DecisionsStatus[Verdict]:
        """Which names of clusters hold with the pages as they are now."""
        return names_status(self.corpus)

    def names(self) -> Mapping[int, str]:
        """By number what people call a cluster."""
        return names_by_number(self.corpus, self.corpus.clusters)

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

    def agreements(self) -> list[dict[str, Any]]:
        """Cohen's kappa of every two readers who judged the same pairs of scans, those with most pairs first."""
        judged: dict[str, set[tuple[str, str]]] = {}
        lines = self.log.all()
        for line in (one for one in standing(lines) if one.meaning):
            judged.setdefault(line.who, set()).add(line.pair)
        pairs = [(a, b) for a, b in combinations(sorted(judged), 2) if judged[a] & judged[b]]
        found = [agreement(lines, a, b) for a, b in pairs[:MOST_READERS]]
        return [one.to_dict() for one in sorted(found, key=lambda one: -one.pairs)]
