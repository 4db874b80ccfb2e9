"""Questions and verdicts as CSV: out for a spreadsheet, and back in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tablesim.corpus.storage.files import write_csv
from tablesim.corpus.store import Corpus
from tablesim.errors import MetadataError
from tablesim.review.questions import Question
from tablesim.review.verdicts import COLUMNS, DECISIONS, Verdict, VerdictLog, as_dict
from tablesim.scans.csvfile import listed, read_csv

FILL_IN = ("decision", "reason", "who")
_QUESTION_COLUMNS = (*FILL_IN, *Question.__dataclass_fields__)
_FLOATS = ("score", "similarity", "strength", "stability")
_TEXTS = ("clustering", "page_sha256", "other_sha256", "settings_hash", "embedding_hash", "audit")


def log_of(corpus: Corpus) -> VerdictLog:
    """The log of verdicts of a run."""
    return VerdictLog(corpus.folder / "verdicts.sqlite")


def write_questions(path: str | Path, questions: Iterable[Question]) -> None:
    """Write questions with blank columns for decision, reason and name."""
    write_csv(Path(path), _QUESTION_COLUMNS, (question.to_dict() for question in questions))


def write_verdicts(path: str | Path, verdicts: Iterable[Verdict]) -> None:
    """Write verdicts, a line each, all columns."""
    write_csv(Path(path), COLUMNS, (as_dict(verdict) for verdict in verdicts))


def read_decisions(path: str | Path, corpus: Corpus, who: str = "") -> list[Verdict]:
    """The verdicts in a CSV with the columns ``page``, ``other``, ``decision``; lines without a decision are open.

    Further columns are those of ``write_questions``; ``who`` stands where the column of that name is blank. What the
    machine showed is taken from the file: it is what the person had before them.

    Raises
    ------
    MetadataError
        A column is missing, a decision is unknown, nobody's name is given, a page is not in the run, or was read
        otherwise since the questions were written. The line is named, and nothing is taken from the file.
    """
    file = read_csv(path, known=_QUESTION_COLUMNS)
    if missing := [name for name in ("page", "other", "decision") if name not in file.columns]:
        raise MetadataError(
            f"{file.path}: no column {', '.join(missing)}; found {listed(file.columns)}; "
            "write the questions anew with `tablesim review RUN --out FILE`"
        )
    ids = {row["page"] for row in corpus.pages}
    now = corpus.settings_hash
    found = []
    for number, row in enumerate(file.rows, 2):
        decision = row["decision"].strip().lower()
        if not decision:
            continue
        where = f"{file.path}: row {number}"
        if decision not in DECISIONS:
            raise MetadataError(f"{where}: decision {row['decision']!r}, expected one of {', '.join(DECISIONS)}")
        if unknown := [row[name] for name in ("page", "other") if row[name] not in ids]:
            raise MetadataError(f"{where}: no page {unknown[0]!r} in {corpus.folder}; is the file of another run?")
        if row["page"] == row["other"]:
            raise MetadataError(f"{where}: page and other are both {row['page']!r}, expected two pages")
        if row.get("settings_hash") not in (None, "", now):
            raise MetadataError(
                f"{where}: the pages were read with other settings since; write the questions anew and look again"
            )
        name = row.get("who", "").strip() or who
        if not name:
            raise MetadataError(f"{where}: no name in the column who; fill it in or give --who NAME")
        found.append(_verdict(row, decision, name, where))
    return found


def _verdict(row: dict[str, str], decision: str, who: str, where: str) -> Verdict:
    shown: dict[str, Any] = {name: row.get(name, "") for name in _TEXTS}
    try:
        shown |= {name: float(row[name]) for name in _FLOATS if row.get(name)}
        shown["cluster"] = int(row["cluster"]) if row.get("cluster") else None
    except ValueError as error:
        raise MetadataError(f"{where}: {error}; leave the machine's columns as they were written") from error
    return Verdict(row["page"], row["other"], decision, who, row.get("reason", ""), **shown)


def record(corpus: Corpus, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Add verdicts to the run's log; see ``VerdictLog.append``."""
    return log_of(corpus).append(verdicts)
