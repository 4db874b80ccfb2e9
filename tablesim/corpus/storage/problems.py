"""``problems.csv``: pages that could not be read, scans that are away, files of a source that are no scans."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from tablesim.corpus.storage.files import csv_lines, is_written, read_rows, write_csv
from tablesim.errors import RunError
from tablesim.scans.encodings import MARK

FAILED, AWAY, LEFT_OUT = "failed", "away", "left out"
COLUMNS = ("page", "scan", "problem", "sha256", "kind")
"""``kind`` is one of the three; ``sha256`` is blank where the next job is to try the page again; ``page`` is blank for
what is left out."""


class Problems:
    """The lines of ``problems.csv``."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def rows(self) -> list[dict[str, str]]:
        """Every line; RunError when the file is damaged."""
        if not is_written(self.path):
            return []
        try:
            # A job that was killed may have left its last line half written: its page is tried again.
            rows = [row for row in read_rows(self.path) if None not in row.values()]
            if rows and (missing := [name for name in COLUMNS[:3] if name not in rows[0]]):
                raise ValueError(f"no column {', '.join(missing)}")
        except (ValueError, csv.Error) as error:
            raise RunError(
                f"{self.path}: damaged ({error}); delete this file and give the same `tablesim run` again: what could "
                "not be read is tried again"
            ) from error
        return [{"kind": FAILED, **{name: value or "" for name, value in row.items()}} for row in rows]

    def write(self, rows: Iterable[dict[str, str]]) -> None:
        """Replace the file; by page, then by file."""
        write_csv(self.path, COLUMNS, sorted(rows, key=lambda row: (row["page"], row["scan"])))

    def add(self, rows: Sequence[dict[str, str]]) -> None:
        """Add lines at the end, at a cost that does not grow with the file."""
        if not is_written(self.path):
            self.write([])
        text = "".join(csv_lines(COLUMNS, rows))
        with self.path.open("rb") as file:
            is_plain = file.read(len(MARK)) != MARK
        if is_plain and not text.isascii():
            # The first line that is not ASCII: the file gets the mark by which Excel knows UTF-8.
            self.write([*self.rows(), *({**dict.fromkeys(COLUMNS, ""), **row} for row in rows)])
            return
        with self.path.open("ab") as file:
            file.write(text.encode())
