"""``RUN/notes.csv``: what people wrote beside pages, for themselves and for each other; never erased.

One note a line::

    page,sha256,note,who,when
    1746_clavius_1593_p283,4f1c...,the last row is a hand's,A. Reader,2026-03-02T10:15:00+01:00

Lines are only ever added. As a correction does, each belongs to a scan by the hash of its bytes. Of each person the
latest note on a scan stands; an empty one takes it back. Nothing follows from a note.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from tablesim.corpus.corrections.decisions import DecisionsStatus
from tablesim.corpus.storage.files import is_written, write_csv
from tablesim.corpus.storage.page_table import PageTable
from tablesim.errors import MetadataError
from tablesim.records.corrections import DecisionOnScan
from tablesim.scans.csvfile import CsvFile, read_items, read_moment
from tablesim.scans.metadata import page_key, without_ending

NAME = "notes.csv"

COLUMNS = ("page", "sha256", "note", "who", "when")
"""Columns of the file, in the order in which it is written; all but the hash and the time are needed."""

LONGEST = 2_000
"""Characters of a note at most, as of the reason of a verdict."""


@dataclass(frozen=True, slots=True)
class PageNote(DecisionOnScan):
    """What a person wrote beside a page.

    Parameters
    ----------
    page : str
        Page id that the scan had then. For people; what counts is ``sha256``.
    note : str
        Empty where the person takes back what she wrote.
    who, when : str
        Who wrote it, and when (ISO 8601).
    sha256 : str
        Hash of the scan's bytes, 64 hexadecimal digits; empty where only the page id is known.

    Raises
    ------
    MetadataError
        A value that cannot be meant.
    """

    page: str
    note: str
    who: str
    when: str = ""
    sha256: str = ""

    def __post_init__(self) -> None:
        self.check_origin()
        if not self.who.strip():
            raise MetadataError("who: got nothing, expected the name of the person who wrote the note")
        if len(self.note) > LONGEST:
            raise MetadataError(f"note: got {len(self.note):,} characters, expected {LONGEST:,} at most")

    @property
    def summary(self) -> str:
        """What it says, in a few words."""
        return f"{self.page}: {self.note or 'taken back'}"

    @property
    def statement(self) -> tuple[object, ...]:
        """What it says and by whom, whenever that was."""
        return self.scan_key, self.note, self.who


def read_notes(path: str | Path) -> tuple[PageNote, ...]:
    """The notes in a CSV file, in its order; MetadataError, with the lines, where it has what cannot be meant."""
    return read_items(Path(path), COLUMNS, ("page", "note", "who"), "a file of notes on pages", _note)


def _note(values: dict[str, str], _: CsvFile) -> PageNote:
    page = without_ending(page_key(values["page"]))
    return PageNote(page, values["note"], values["who"], read_moment(values["when"]), values["sha256"].lower())


class NoteLog:
    """The notes on the pages of a run, in the order in which they were written; empty where there is no file yet.

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
    def all(self) -> tuple[PageNote, ...]:
        """Every note that was ever written."""
        return read_notes(self.path) if is_written(self.path) else ()

    @cached_property
    def standing(self) -> tuple[PageNote, ...]:
        """Of each person the last word on each scan, the newest first."""
        latest: dict[tuple[str, str], PageNote] = {}
        for note in self.all:
            latest.pop((note.scan_key, note.who), None)
            latest[note.scan_key, note.who] = note
        return tuple(note for note in reversed(latest.values()) if note.note)

    def of(self, key: str) -> list[PageNote]:
        """What stands beside a scan, by its hash, the newest first."""
        return [note for note in self.standing if note.sha256 == key]

    @cached_property
    def pages_of(self) -> dict[str, tuple[str, ...]]:
        """The pages that have each scan beside which something was written, by its hash; others are left out."""
        return self.page_table.pages_of({note.sha256 for note in self.all if note.sha256})

    def write(self, page: str, sha256: str, note: str, who: str) -> PageNote:
        """Write a note beside a scan, below those that are there; who holds the run's lock calls this."""
        words = " ".join(note.split())
        written = PageNote(page, words, who, datetime.now(UTC).isoformat(timespec="seconds"), sha256)
        rows: Sequence[PageNote] = (*self.all, written)
        write_csv(self.path, COLUMNS, ({name: getattr(one, name) for name in COLUMNS} for one in rows))
        for name in ("all", "standing", "pages_of"):
            self.__dict__.pop(name, None)
        return written

    def status(self) -> DecisionsStatus[PageNote]:
        """Which notes stand beside pages that the run has, which do not, and why."""
        return DecisionsStatus(
            "note",
            holding=tuple(note for note in self.standing if note.sha256 in self.pages_of),
            without_page=tuple(n for n in self.standing if n.sha256 and n.sha256 not in self.pages_of),
            unassigned=tuple(note for note in self.all if not note.sha256),
            taken_over=0,
            pages_of=self.pages_of,
            away=self.page_table.away({note.sha256 for note in self.standing}),
        )
