"""``RUN/table_decisions.csv``: which pages carry a table and which none, as people said it; never erased.

One page a line::

    page,sha256,is_table,who,when,reason
    1746_clavius_1593_p283,4f1c...,no,A. Reader,2026-03-02,a title page with its year
    1746_clavius_1593_p284,99ab...,yes,A. Reader,2026-03-02T10:15:00+01:00,a table of three rows
    1746_clavius_1593_p283,4f1c...,as read,A. Reader,2026-03-05,

Lines are only ever added. As a correction does, each belongs to a scan by the hash of its bytes, so that it moves with
the scan, holds when the scan is read again, and waits while no page has it. The latest of a scan holds; ``as read``
takes back what was said before it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

from tablesim.corpus.corrections.decisions import DecisionsStatus
from tablesim.corpus.storage.files import is_written, write_csv
from tablesim.corpus.storage.page_table import PageTable
from tablesim.errors import MetadataError
from tablesim.language import say, to_say
from tablesim.records.corrections import TableDecision
from tablesim.scans.csvfile import CsvFile, read_csv, read_items, read_moment, shortlist
from tablesim.scans.metadata import page_key, without_ending

NAME = "table_decisions.csv"

COLUMNS = ("page", "sha256", "is_table", "who", "when", "reason")
"""Columns of the file, in the order in which it is written; ``page`` and ``is_table`` are needed."""

AS_READ = "as read"
_WORDS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False, AS_READ: None}
_WRITTEN = {True: "yes", False: "no", None: AS_READ}


def read_table_decisions(path: str | Path) -> tuple[TableDecision, ...]:
    """The decisions in a CSV file, in its order.

    Separator and encoding are found as for every CSV; columns may stand in any order and case, other columns are passed
    over. The page may be given with the ending of its scan.

    Raises
    ------
    MetadataError
        The file is no CSV, lacks a column, or a line has a value that cannot be meant; the message names the lines.
    """
    return read_items(
        Path(path), COLUMNS, ("page", "is_table"), "a file that says which pages carry a table", _decision
    )


def says_tables(path: str | Path) -> bool:
    """Whether a CSV file says which pages carry a table: it has a column ``is_table`` and no boxes of numbers."""
    columns = {column.casefold() for column in read_csv(Path(path), known=COLUMNS).columns}
    return "is_table" in columns and not {"x", "y"} & columns


def table_decision_row(decision: TableDecision) -> dict[str, str]:
    """The line of a decision in the file, by column."""
    return {
        **{name: getattr(decision, name) for name in COLUMNS if name != "is_table"},
        "is_table": _WRITTEN[decision.is_table],
    }


def table_decisions_in_force(decisions: Iterable[TableDecision]) -> dict[str, TableDecision]:
    """The decision that holds on each scan, by its key: the latest, also where it takes one back.

    ``when`` decides where both have it, else the order.
    """
    latest: dict[str, TableDecision] = {}
    for decision in decisions:
        before = latest.get(decision.scan_key)
        moments = (None, None) if before is None else (before.moment, decision.moment)
        if moments[0] is None or moments[1] is None or moments[1] >= moments[0]:
            latest[decision.scan_key] = decision
    return latest


class TableDecisionLog:
    """What people said of the pages of a run, in the order it came in; empty where there is no file yet.

    Parameters
    ----------
    folder : Path
        The run.
    page_table : PageTable
        Its pages: which scans it has, and what they are called now.

    Raises
    ------
    MetadataError
        Somebody wrote into the file what cannot be meant; the message names the lines.
    """

    def __init__(self, folder: Path, page_table: PageTable) -> None:
        self.path = folder / NAME
        self.page_table = page_table

    @cached_property
    def all(self) -> tuple[TableDecision, ...]:
        """Every decision that was ever made."""
        return read_table_decisions(self.path) if is_written(self.path) else ()

    @cached_property
    def in_force(self) -> dict[str, TableDecision]:
        """The decision that holds on each scan, by its hash, whether a page of the run has it or not."""
        latest = table_decisions_in_force(d for d in self.all if d.sha256)
        return {key: decision for key, decision in latest.items() if decision.is_table is not None}

    @cached_property
    def pages_of(self) -> dict[str, tuple[str, ...]]:
        """The pages that have each scan that was ever decided on, by its hash; others are left out."""
        return self.page_table.pages_of({decision.sha256 for decision in self.all if decision.sha256})

    @property
    def pages(self) -> list[str]:
        """The pages that were ever decided on, by what they are called now."""
        return sorted(page for pages in self.pages_of.values() for page in pages)

    def of(self, key: str) -> TableDecision | None:
        """What was said last of a scan; None where nothing was, or it was taken back."""
        return self.in_force.get(key)

    def append(self, decisions: Sequence[TableDecision]) -> None:
        """Write decisions below those that are there."""
        if decisions:
            write_csv(self.path, COLUMNS, map(table_decision_row, (*self.all, *decisions)))
            for name in ("all", "in_force", "pages_of"):
                self.__dict__.pop(name, None)

    def status(self) -> DecisionsStatus[TableDecision]:
        """Which decisions hold in the run as it is now, which do not, and why."""
        in_force = self.in_force.values()
        return DecisionsStatus(
            "table decision",
            holding=tuple(d for d in in_force if d.sha256 in self.pages_of),
            without_page=tuple(d for d in in_force if d.sha256 not in self.pages_of),
            unassigned=tuple(d for d in self.all if not d.sha256),
            taken_over=0,
            pages_of=self.pages_of,
            away=self.page_table.away(self.in_force),
        )

    def sentences(self) -> list[str]:
        """What people said of the pages that the run has, for those who see what follows from it."""
        by_kind: dict[bool, list[TableDecision]] = defaultdict(list)
        for decision in self.status().holding:
            by_kind[bool(decision.is_table)].append(decision)
        return [
            say(
                to_say("said by a person to carry a table: {pages} (by {people})")
                if kind
                else to_say("said by a person to carry no table: {pages} (by {people})"),
                pages=shortlist(sorted(page for d in some for page in self.pages_of[d.sha256])),
                people=shortlist(sorted({d.who or say("unnamed") for d in some})),
            )
            for kind, some in sorted(by_kind.items(), reverse=True)
        ]


def _decision(values: dict[str, str], _: CsvFile) -> TableDecision:
    word = values["is_table"].strip().casefold()
    if word not in _WORDS:
        raise MetadataError(
            f"is_table: got {values['is_table']!r}, expected yes, no, or `{AS_READ}`, which takes back what was said"
        )
    about = {"who": values["who"], "when": read_moment(values["when"]), "reason": values["reason"]}
    page = without_ending(page_key(values["page"]))
    return TableDecision(page, _WORDS[word], **about, sha256=values["sha256"].lower())
