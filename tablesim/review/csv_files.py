"""Questions and verdicts as CSV: questions out for a spreadsheet, verdicts back in, from this run or another one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from tablesim.corpus.storage.files import write_csv
from tablesim.corpus.store import Corpus
from tablesim.errors import MetadataError, SettingsError
from tablesim.review.questions import Question
from tablesim.review.verdicts import COLUMNS, DECISIONS, Verdict, until
from tablesim.scans.csvfile import listed, read_csv

FILL_IN = ("decision", "reason", "who")
_QUESTION_COLUMNS = (*FILL_IN, *(field.name for field in fields(Question)))
_FLOATS = ("score", "similarity", "strength", "stability")
_TEXTS = ("clustering", "settings_hash", "embedding_hash", "audit")


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
            f"{file.path}: no column {', '.join(missing)}; found {listed(file.columns)}; "
            "write the questions anew with `tablesim review RUN --out FILE`"
        )
    answered = [(number, row) for number, row in enumerate(file.rows, 2) if row["decision"].strip()]
    pages_of = corpus.page_table.pages_of(
        {row.get(f"{name}_sha256", "") for _, row in answered for name in ("page", "other")}
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
        scans = [_scan(corpus, pages_of, row, column, where) for column in ("page", "other")]
        if scans[0] == scans[1]:
            raise MetadataError(f"{where}: page and other are both {row['page']!r}, expected two pages")
        lost = next((row[column] for column, scan in zip(("page", "other"), scans, strict=True) if scan is None), None)
        if lost is not None:
            not_taken.append(lost)
        else:
            verdicts.append(_verdict(row, decision, name, [scan for scan in scans if scan is not None], where))
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
    page, key = row[column], row.get(f"{column}_sha256", "")
    if key:
        pages = pages_of.get(key)
        return None if pages is None else (page if page in pages else pages[0], key)
    line = corpus.page_table.row_of(page)
    if line is None:
        raise MetadataError(f"{where}: no page {page!r} in {corpus.folder}; is the file of another run?")
    return page, str(corpus.page_table.column("sha256")[line].as_py())


def _verdict(row: dict[str, str], decision: str, who: str, scans: Sequence[tuple[str, str]], where: str) -> Verdict:
    (page, page_sha256), (other, other_sha256) = scans
    shown: dict[str, Any] = {name: row.get(name, "") for name in _TEXTS}
    try:
        shown |= {name: float(row[name]) for name in _FLOATS if row.get(name)}
        shown["cluster"] = int(row["cluster"]) if row.get("cluster") else None
    except ValueError as error:
        raise MetadataError(f"{where}: {error}; leave the machine's columns as they were written") from error
    moment = row.get("decided_at") or row.get("at") or ""
    try:
        shown["decided_at"] = until(moment) if moment else ""
    except SettingsError as error:
        raise MetadataError(f"{where}: {error}; leave the columns at and decided_at as they were written") from error
    shown |= {"page_sha256": page_sha256, "other_sha256": other_sha256}
    return Verdict(page, other, decision, who, row.get("reason", ""), **shown)
