"""Decisions of a person on one scan: what a number says (a correction), and whether the page carries a table."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime

from tablesim.errors import MetadataError
from tablesim.language import say
from tablesim.records.boxes import Box
from tablesim.records.number_parts import parse_number
from tablesim.records.reading import ILLEGIBLE

MAX_PIXELS_A_SIDE = 1_000_000
"""No scan is wider or higher than this, in pixels: far above every scan, so that only slips are refused."""

MAX_LENGTH = 40
"""No number has more digits and points than this: chosen by eye, twice the longest logarithm."""

AS_READ = "as read"
"""Said of a number in place of what is printed: takes back what was said before, the machine's reading holds again."""

_DIGITS = f"0123456789{ILLEGIBLE}"
_SHA256 = re.compile(r"[0-9a-f]{64}")


class DecisionOnScan:
    """What decisions on one scan have in common: the scan, who says so, and when."""

    __slots__ = ()

    page: str
    who: str
    when: str
    sha256: str

    def check_origin(self) -> None:
        """MetadataError where page, time or hash cannot be meant."""
        if not self.page or any(ord(sign) < 32 for sign in self.page):
            raise MetadataError(f"page: got {self.page!r}, expected the name of a scan without its ending")
        if self.when and not _is_time(self.when):
            raise MetadataError(f"when: got {self.when!r}, expected a date such as 2026-03-02 or 2026-03-02T10:15")
        if self.sha256 and not _SHA256.fullmatch(self.sha256):
            raise MetadataError(f"sha256: got {self.sha256!r}, expected the 64 hexadecimal digits of a scan's hash")

    @property
    def scan_key(self) -> str:
        """The scan that it is about: its hash, or its page id where no hash is known."""
        return self.sha256 or self.page

    @property
    def named_scans(self) -> tuple[tuple[str, str], ...]:
        """Page id and hash of the scan."""
        return ((self.page, self.sha256),)

    @property
    def moments(self) -> tuple[str, ...]:
        """When it was made, as far as it is known."""
        return (self.when,)

    @property
    def moment(self) -> float | None:
        """Seconds since 1970; None where it is not known. A time without a zone counts as local time."""
        return datetime.fromisoformat(self.when).timestamp() if self.when else None


@dataclass(frozen=True, slots=True)
class TableDecision(DecisionOnScan):
    """What a person says of a page: that it carries a numerical table, or that it carries none.

    Parameters
    ----------
    page : str
        Page id that the scan had then: the scan's name without its ending. For people; what counts is ``sha256``.
    is_table : bool or None
        None takes an earlier decision back: the page is again what the machine takes it for.
    who, when, reason : str
        Who says so, when (ISO 8601: ``2026-03-02`` or ``2026-03-02T10:15:00+01:00``), and why; may be empty.
    sha256 : str
        Hash of the scan's bytes, 64 hexadecimal digits; empty where only the page id is known.

    Raises
    ------
    MetadataError
        A value that cannot be meant.
    """

    page: str
    is_table: bool | None
    who: str = ""
    when: str = ""
    reason: str = ""
    sha256: str = ""

    def __post_init__(self) -> None:
        self.check_origin()
        if self.is_table not in (True, False, None):
            raise MetadataError(f"is_table: got {self.is_table!r}, expected True, False, or None to take it back")

    @property
    def summary(self) -> str:
        """What it says, in a few words."""
        return f"{self.page}: {self.says}"

    @property
    def says(self) -> str:
        """What it says the page carries."""
        if self.is_table is None:
            return say("as the machine takes it")
        return say("a table") if self.is_table else say("no table")

    @property
    def statement(self) -> tuple[object, ...]:
        """What it says, by whom and why, whenever that was."""
        return self.scan_key, self.is_table, self.who, self.reason

    @property
    def sentence(self) -> str:
        """What the page carries, who says so, when and why; for those who read of the page."""
        what, who = say("a table") if self.is_table else say("no table"), self.who or say("a person")
        told = (
            say("{what}, as {who} said on {day}", what=what, who=who, day=self.when[:10])
            if self.when
            else say("{what}, as {who} said", what=what, who=who)
        )
        return f"{told}: {self.reason}" if self.reason else told


@dataclass(frozen=True, slots=True)
class Correction(DecisionOnScan):
    """What a person read at one position of a scan.

    Parameters
    ----------
    page : str
        Page id that the scan had when it was corrected: the scan's name without its ending. For people; what counts is
        ``sha256``.
    box : Box
        Around the whole number, in source pixels.
    read : str
        What the machine had read there; empty where it had read nothing.
    correct : str
        What is printed: digits, ``?`` for an illegible one, signs, points, commas and other marks as printed (see
        `records.number_parts`); empty where no number is; ``as read`` takes back what was said of the number before.
    who, when, reason : str
        Who says so, when (ISO 8601: ``2026-03-02`` or ``2026-03-02T10:15:00+01:00``), and why; may be empty.
    sha256 : str
        Hash of the scan's bytes, 64 hexadecimal digits; empty where only the page id is known.
    emendation : str
        What should stand there, where that is not what is printed: an error of the printer or the author put right.
        What is printed stays what is compared.
    place : (float, float), optional
        The middle of the cell that the number belongs to, in source pixels, where it is printed over another one.

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
    sha256: str = ""
    emendation: str = ""
    place: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        box = (self.box.x, self.box.y, self.box.width, self.box.height)
        self.check_origin()
        if not all(math.isfinite(value) and abs(value) <= MAX_PIXELS_A_SIDE for value in (*box, *(self.place or ()))):
            raise MetadataError(
                f"x, y, width, height, place: got {box}, {self.place}, expected pixels up to {MAX_PIXELS_A_SIDE:,}"
            )
        if self.box.width <= 0 or self.box.height <= 0:
            raise MetadataError(f"width, height: got {box[2]:g} and {box[3]:g}, expected more than 0")
        if self.emendation and (not self.digits_text or not _is_number(self.emendation)):
            raise MetadataError(
                f"emendation: got {self.emendation!r}, expected a number, beside what is printed in `correct`"
            )
        if self.correct and not self.is_taken_back and not _is_number(self.correct):
            raise MetadataError(
                f"correct: got {self.correct!r}, expected a number as printed ('24', '9·965', '-3', '8,889', '1?' "
                "with '?' for an illegible digit), or nothing where no number is printed, or `as read`, which takes "
                "back what was said of the number; two numbers are two lines"
            )
        if not self.read and not self.correct:
            raise MetadataError("read and correct: both are empty, expected at least one; leave such a line out")

    @property
    def is_taken_back(self) -> bool:
        """Whether it only takes back what was said of the number before."""
        return self.correct == AS_READ

    @property
    def digits_text(self) -> str:
        """The digits of ``correct`` alone."""
        return "".join(sign for sign in self.correct if sign in _DIGITS)

    @property
    def summary(self) -> str:
        """What it says, in a few words."""
        return f"{self.page}: {self.read or 'nothing'} -> {self.says}"

    @property
    def says(self) -> str:
        """What it says of the number: what is printed, and what should be."""
        text = self.correct or say("nothing")
        return say("{text}, to be {emendation}", text=text, emendation=self.emendation) if self.emendation else text

    @property
    def statement(self) -> tuple[object, ...]:
        """What it says, by whom and why, whenever that was."""
        return self.scan_key, self.box, self.correct, self.emendation, self.place, self.who, self.reason


def _is_number(text: str) -> bool:
    return len(text) <= MAX_LENGTH and parse_number(text) is not None


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
