"""What stands in the text of a number: a sign or bracket, groups of digits with marks between, and marks after it.

The grammar holds for what is read and for what people type: ``−0·4``, ``·55``, ``8,889``, ``4 403`` (a thin space),
``(7)``, ``12°``, ``1?``, and ``3/`` for the numerator of a fraction, of which the denominator is a number of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tablesim.records.marks import (
    BAR,
    CLOSE,
    COMMA,
    DEGREE,
    DITTO,
    KIND_OF,
    MINUS,
    MINUTE,
    NOTE,
    OPEN,
    PLUS,
    POINT,
    RAISED_POINT,
    THIN_SPACE,
)
from tablesim.records.reading import ILLEGIBLE

PARTING = (POINT, RAISED_POINT, COMMA)
"""Marks between the digits of a number, or before its first one, whose meaning is decided by the page."""

_DIGITS = rf"[0-9{re.escape(ILLEGIBLE)}]+"
_BETWEEN = "".join((*PARTING, THIN_SPACE))
_TEXT = re.compile(
    rf"(?P<open>\{OPEN}?)(?P<sign>[\{PLUS}{MINUS}]?)"
    rf"(?P<digits>[{re.escape(''.join(PARTING))}]?{_DIGITS}(?:[{_BETWEEN}]{_DIGITS})*)"
    rf"(?P<after>[\{CLOSE}{DEGREE}{MINUTE}{DITTO}\{NOTE}{BAR}]*)"
)


@dataclass(frozen=True, slots=True)
class NumberParts:
    """The parts of a number's text.

    Parameters
    ----------
    sign : str
        ``+``, ``−`` or nothing.
    groups : tuple of str
        Digits, and ``?`` for illegible ones, between the marks; the first is empty where a mark stands before all
        digits, as in ``·55``.
    marks : tuple of str
        What stands between the groups: one fewer.
    after : str
        The marks after it: degrees, minutes, notes, a fraction bar, a closing bracket.
    bracketed : bool
        Whether a bracket opens before it or closes after it.
    """

    sign: str
    groups: tuple[str, ...]
    marks: tuple[str, ...]
    after: str = ""
    bracketed: bool = False

    @property
    def numerator(self) -> bool:
        """Whether a fraction bar follows."""
        return BAR in self.after

    @property
    def pointed(self) -> bool:
        """Whether a point or comma stands before the first digit."""
        return not self.groups[0]

    @property
    def legible(self) -> bool:
        return not any(ILLEGIBLE in group for group in self.groups)


def parse_number(text: str) -> NumberParts | None:
    """The parts of a number's text, dashes and primes of every kind taken for theirs; None where it is no number."""
    match = _TEXT.fullmatch("".join(KIND_OF.get(sign, sign) for sign in text))
    if match is None:
        return None
    digits = match["digits"]
    groups = re.split(f"[{_BETWEEN}]", digits)
    marks = re.findall(f"[{_BETWEEN}]", digits)
    return NumberParts(
        match["sign"], tuple(groups), tuple(marks), match["after"], bool(match["open"]) or CLOSE in match["after"]
    )
