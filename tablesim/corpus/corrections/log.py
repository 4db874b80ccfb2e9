"""``RUN/corrections.csv``: what people read otherwise than the machine, kept apart from what it read, never erased.

Lines are only ever added. A correction belongs to a scan, by the hash of its bytes, whatever its page is called: it
moves with the scan, never goes to another one, waits while no page has it, and holds for every page with these bytes.
It is taken back by another one of the same number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from tablesim.corpus.corrections.decisions import DecisionsStatus
from tablesim.corpus.storage.files import is_written, write_csv
from tablesim.corpus.storage.page_table import PageTable
from tablesim.corpus.storage.shards import Shards, row_reading
from tablesim.digits.corrections import (
    COLUMNS,
    correction_row,
    finds_its_number,
    holding,
    read_corrections,
    text_at,
)
from tablesim.records.corrections import Correction
from tablesim.records.reading import Number

NAME = "corrections.csv"


class CorrectionLog:
    """The corrections of a run, in the order they came in; empty where there is no file yet.

    Parameters
    ----------
    folder : Path
        The run.
    page_table : PageTable
        Its pages: which scans it has, and what they are called now.
    reading_shards : Shards
        What the machine read on them.

    Raises
    ------
    MetadataError
        Somebody wrote into the file what cannot be meant; the message names the lines.
    """

    def __init__(self, folder: Path, page_table: PageTable, reading_shards: Shards) -> None:
        self.path = folder / NAME
        self.page_table = page_table
        self.reading_shards = reading_shards

    @cached_property
    def stored(self) -> tuple[Correction, ...]:
        """The lines of the file."""
        return read_corrections(self.path) if is_written(self.path) else ()

    @cached_property
    def all(self) -> tuple[Correction, ...]:
        """Every correction that was ever made, with the hash of its scan as far as that is known.

        Version 0.1.0 wrote none. Its corrections belong to the scan that their page has, if the machine read there what
        each of them says that it had read; else nobody knows which scan they are about, and they hold for none.
        """
        keys = self._keys_of_pages({c.page for c in self.stored if not c.sha256})
        return tuple(replace(c, sha256=c.sha256 or keys.get(c.page, "")) for c in self.stored)

    @cached_property
    def by_scan(self) -> dict[str, tuple[Correction, ...]]:
        """The corrections of each scan by its hash, whether a page of the run has it or not."""
        corrections_of: dict[str, list[Correction]] = defaultdict(list)
        for correction in self.all:
            if correction.sha256:
                corrections_of[correction.sha256].append(correction)
        return {key: tuple(corrections) for key, corrections in corrections_of.items()}

    @cached_property
    def pages_of(self) -> dict[str, tuple[str, ...]]:
        """The pages that have each corrected scan now, by its hash; scans that no page has are left out."""
        return self.page_table.pages_of(self.by_scan)

    def of(self, key: str) -> tuple[Correction, ...]:
        """The corrections that hold on a scan: of several about one number the latest, without those that lost it."""
        in_force = holding(self.by_scan.get(key, ()))
        numbers = self._numbers(key) or () if in_force else ()
        return tuple(c for c in in_force if finds_its_number(c, numbers))

    @property
    def pages(self) -> list[str]:
        """The pages that are corrected, by what they are called now."""
        return sorted(page for pages in self.pages_of.values() for page in pages)

    def append(self, corrections: Sequence[Correction]) -> None:
        """Write corrections below those that are there."""
        if corrections:
            self._write((*self.all, *corrections))

    def write_hashes(self) -> list[str]:
        """Write down the hashes of scans that version 0.1.0 left out, while its pages still have these scans.

        Gives remarks on them.
        """
        remarks = list(self.status().taken_over_remarks())
        if remarks:
            self._write(self.all)
        return remarks

    def status(self) -> DecisionsStatus[Correction]:
        """Which corrections hold in the run as it is now, which do not, and why."""
        on_pages = [c for c in self.all if c.sha256 in self.pages_of]
        not_found = {c for key in self.pages_of for c in holding(self.by_scan[key])}
        not_found -= {c for key in self.pages_of for c in self.of(key)}
        return DecisionsStatus(
            "correction",
            holding=tuple(c for c in on_pages if c not in not_found),
            without_page=tuple(c for c in self.all if c.sha256 and c.sha256 not in self.pages_of),
            unassigned=tuple(c for c in self.all if not c.sha256),
            taken_over=sum(now != then for now, then in zip(self.all, self.stored, strict=True)),
            pages_of=self.pages_of,
            away=self.page_table.away(self.by_scan),
            not_found=tuple(c for c in on_pages if c in not_found),
        )

    def _write(self, corrections: Iterable[Correction]) -> None:
        write_csv(self.path, COLUMNS, map(correction_row, corrections))
        for name in ("stored", "all", "by_scan", "pages_of"):
            self.__dict__.pop(name, None)

    def _keys_of_pages(self, pages: Iterable[str]) -> dict[str, str]:
        """The scan that each page has, where the machine read on it what the corrections of the page say."""
        keys = {}
        for page in pages:
            key = self.page_table.sha256_of(page) or ""
            numbers = self._numbers(key)
            if numbers is not None and all(
                text_at(c.box, numbers) == c.read for c in self.stored if c.page == page and not c.sha256
            ):
                keys[page] = key
        return keys

    def _numbers(self, key: str) -> tuple[Number, ...] | None:
        row = self.reading_shards.row(key)
        return None if row is None else row_reading(row, "", "", None).numbers
