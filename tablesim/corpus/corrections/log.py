"""``RUN/corrections.csv``: what people read otherwise than the machine, kept apart from what it read, never erased.

Lines are only ever added. A correction is taken back by another one of the same place. Pages with the same bytes are
one print, so what is said of one of them is said of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from tablesim.corpus.storage.files import write_csv
from tablesim.digits.corrections import COLUMNS, Correction, read_corrections

NAME = "corrections.csv"


class CorrectionLog:
    """The corrections of a run, in the order they came in; empty where there is no file yet.

    Raises
    ------
    MetadataError
        Somebody wrote into the file what cannot be meant; the message names the lines.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME

    @cached_property
    def all(self) -> tuple[Correction, ...]:
        """Every correction that was ever made."""
        return read_corrections(self.path) if self.path.is_file() else ()

    @property
    def pages(self) -> list[str]:
        """The pages that were corrected."""
        return sorted({correction.page for correction in self.all})

    def append(self, corrections: Sequence[Correction]) -> None:
        """Write corrections below those that are there."""
        if corrections:
            write_csv(self.path, COLUMNS, [correction.to_row() for correction in (*self.all, *corrections)])
            self.refresh()

    def refresh(self) -> None:
        """Forget what was read from the file."""
        self.__dict__.pop("all", None)
