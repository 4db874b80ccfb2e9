"""Corrections: what a person reads where the machine read something else, as a plain CSV file.

One number a line, by the box of the whole number in source pixels::

    page,x,y,width,height,read,correct,who,when,reason
    1746_clavius_1593_p283,2430,3558,44,55,24,29,A. Reader,2026-03-02,the 9 is broken
    1746_clavius_1593_p283,310,120,90,40,69,,A. Reader,2026-03-02,the sign of Cancer
    1746_clavius_1593_p284,2511,998,60,52,1?,1?,A. Reader,2026-03-02T10:15:00+01:00,worm hole

``correct`` is what is printed: figures, ``?`` for one that cannot be told, a point or comma inside the number as it is
printed, and nothing at all where no number is printed. A number that the machine missed has an empty ``read``.
Corrections never replace what was read: they are kept beside it, with who made them and when.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tablesim.errors import MetadataError
from tablesim.records.boxes import Box
from tablesim.records.reading import ILLEGIBLE
from tablesim.scans.csvfile import CsvFile, listed, read_csv
from tablesim.scans.metadata import page_key, without_ending

COLUMNS = ("page", "x", "y", "width", "height", "read", "correct", "who", "when", "reason")
"""Columns of the file, in the order in which it is written."""

NEEDED = ("page", "x", "y", "width", "height", "correct")
"""Columns that a file must have; the others may be missing or blank."""

SAME_PLACE = 0.3
"""Two corrections of a page whose boxes share this much (intersection over union) are about the same number."""

LARGEST = 1_000_000
"""No scan is wider or higher than this, in pixels."""

LONGEST = 40
"""No number has more figures and points than this."""

_MARKS = "·.,"
_PRINTED = re.compile(rf"[0-9{re.escape(ILLEGIBLE)}](?:[{_MARKS}]?[0-9{re.escape(ILLEGIBLE)}])*")


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person read at one place of a page.

    Parameters
    ----------
    page : str
        Page id: the scan's name without its ending.
    box : Box
        Around the whole number, in source pixels.
    read : str
        What the machine had read there; empty where it had read nothing.
    correct : str
        What is printed: figures, ``?`` for an illegible one, points or commas as printed; empty where no number is.
    who, when, reason : str
        Who says so, when (ISO 8601: ``2026-03-02`` or ``2026-03-02T10:15:00+01:00``), and why; may be empty.

    Raises
    ------
    MetadataError
        A value that cannot be meant.
    """

    page: str
    box: Box
    read: str
    correct: str
    who: str = ""
    when: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        box = (self.box.x, self.box.y, self.box.width, self.box.height)
        if not self.page or any(ord(sign) < 32 for sign in self.page):
            raise MetadataError(f"page: got {self.page!r}, expected the name of a scan without its ending")
        if not all(math.isfinite(value) and abs(value) <= LARGEST for value in box):
            raise MetadataError(f"x, y, width, height: got {box}, expected pixels up to {LARGEST:,}")
        if self.box.width <= 0 or self.box.height <= 0:
            raise MetadataError(f"width, height: got {box[2]:g} and {box[3]:g}, expected more than 0")
        if self.correct and (len(self.correct) > LONGEST or not _PRINTED.fullmatch(self.correct)):
            raise MetadataError(
                f"correct: got {self.correct!r}, expected a number as printed ('24', '9·965', '1?' with '?' for an "
                "illegible figure), or nothing where no number is printed; two numbers are two lines"
            )
        if not self.read and not self.correct:
            raise MetadataError("read and correct: both are empty, expected at least one; leave such a line out")
        if self.when and not _is_time(self.when):
            raise MetadataError(f"when: got {self.when!r}, expected a date such as 2026-03-02 or 2026-03-02T10:15")

    @property
    def digits_text(self) -> str:
        """The figures of ``correct`` alone."""
        return "".join(sign for sign in self.correct if sign not in _MARKS)

    def to_row(self) -> dict[str, str]:
        """The line of the file, by column."""
        box = {"x": self.box.x, "y": self.box.y, "width": self.box.width, "height": self.box.height}
        return {
            "page": self.page,
            **{name: f"{value:.2f}".rstrip("0").rstrip(".") for name, value in box.items()},
            "read": self.read,
            "correct": self.correct,
            "who": self.who,
            "when": self.when,
            "reason": self.reason,
        }


def read_corrections(path: str | Path) -> tuple[Correction, ...]:
    """The corrections in a CSV file, in its order.

    Separator and encoding are found as for every CSV; columns may stand in any order and case, other columns are passed
    over. The page may be given with the ending of its scan.

    Raises
    ------
    MetadataError
        The file is no CSV, lacks a column, or a line has a value that cannot be meant; the message names the lines.
    """
    path = Path(path)
    if _has_header_alone(path):
        return ()
    file = read_csv(path, known=COLUMNS)
    written = {column.casefold(): column for column in reversed(file.columns)}
    missing = [name for name in NEEDED if name not in written]
    if missing:
        raise MetadataError(
            f"{path}: no column {listed(missing)}; found {listed(file.columns)}; a file of corrections has the columns "
            f"{','.join(COLUMNS)}"
        )
    corrections, wrong = [], []
    for line, row in enumerate(file.rows, start=1):
        values = {name: row[written[name]] if name in written else "" for name in COLUMNS}
        try:
            corrections.append(_correction(values, file))
        except MetadataError as error:
            wrong.append(f"row {line} ({values['page'] or 'no page'}): {error}")
    if wrong:
        more = f"; and {len(wrong) - 3} more rows" if len(wrong) > 3 else ""
        raise MetadataError(f"{path}: {'; '.join(wrong[:3])}{more}. Mend these rows (counted below the column names)")
    return tuple(corrections)


def write_corrections(path: str | Path, corrections: Iterable[Correction]) -> None:
    """Write corrections as CSV (UTF-8), replacing the file whole or not at all."""
    path = Path(path)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(correction.to_row() for correction in corrections)
    aside = path.with_name(f"{path.name}.part")
    aside.write_text(text.getvalue(), encoding="utf-8", newline="")
    aside.replace(path)


def corrections_in_force(corrections: Sequence[Correction]) -> tuple[Correction, ...]:
    """The corrections that hold: of several about one number the latest, in the order they were made.

    ``when`` decides where both have it, else the order of the list.
    """
    kept: list[Correction] = []
    for correction in corrections:
        rivals = [k for k, other in enumerate(kept) if _about_the_same(correction, other)]
        if any(_moment(kept[k]) > _moment(correction) for k in rivals if kept[k].when and correction.when):
            continue
        for k in reversed(rivals):
            del kept[k]
        kept.append(correction)
    return tuple(kept)


def _about_the_same(first: Correction, second: Correction) -> bool:
    return first.page == second.page and first.box.overlap(second.box) >= SAME_PLACE


def _correction(values: dict[str, str], file: CsvFile) -> Correction:
    box = Box(*(_pixels(name, values[name], file.separator) for name in ("x", "y", "width", "height")))
    words = {name: values[name] for name in ("read", "correct", "who", "when", "reason")}
    return Correction(without_ending(page_key(values["page"])), box, **words)


def _pixels(name: str, text: str, separator: str) -> float:
    # A spreadsheet in much of Europe writes 12,5.
    try:
        return float(text.replace(",", ".") if separator != "," else text)
    except ValueError as error:
        raise MetadataError(f"{name}: got {text!r}, expected a number of pixels") from error


def _has_header_alone(path: Path) -> bool:
    """A run without a correction has a file with nothing but its column names."""
    try:
        lines = [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError):
        return False
    return len(lines) == 1 and lines[0].strip().casefold().split(",") == list(COLUMNS)


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _moment(correction: Correction) -> float:
    """Seconds; a time without a zone counts as local time."""
    return datetime.fromisoformat(correction.when).timestamp()
