"""A date as a range of years with the words it was written in; open at an end of which nothing is known.

Who compares dates asks what is certain (``certainly_before``) or what cannot be (``cannot_precede``), and never takes
the first year of a range for the year. Ranges after EDTF (ISO 8601-2:2019), whose open ends these are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tablesim.language import say

_DAY = re.compile(r"\s*(\d{4}-\d\d-\d\d)(?:[T ].*)?\s*")
"""How spreadsheets and databases write a date, with a time of day that nobody meant."""


@dataclass(frozen=True, slots=True)
class YearRange:
    """The years that a date allows.

    Parameters
    ----------
    first, last : int or None
        First and last year, both allowed; None where that end is open ("before 1630" has no first year). Both None:
        nothing is known.
    words : str
        The date as it was written; may be empty.
    """

    first: int | None = None
    last: int | None = None
    words: str = ""

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> YearRange:
        """The date of a page as ``Corpus.page`` gives it; a lone year without words is that year and no other."""
        first, last, words = row.get("year"), row.get("year_latest"), row.get("date") or ""
        return cls(first, first if last is None and not words else last, words)

    @property
    def is_known(self) -> bool:
        """Whether the date says anything."""
        return self.first is not None or self.last is not None

    @property
    def is_closed(self) -> bool:
        """Whether both ends are known."""
        return self.first is not None and self.last is not None

    @property
    def years(self) -> str:
        """The range in figures: "1515", "1510–1520", "1629 or earlier", "1551 or later"; empty where nothing is."""
        if self.first is None:
            return "" if self.last is None else say("{year} or earlier", year=self.last)
        if self.last is None:
            return say("{year} or later", year=self.first)
        return str(self.first) if self.first == self.last else f"{self.first}–{self.last}"

    @property
    def shown(self) -> str:
        """The words, and the range in brackets where they do not say it: "um 1515 (1510–1520)"."""
        day = _DAY.fullmatch(self.words)
        words = day[1].removesuffix("-01-01") if day else self.words.strip()
        figures = {str(year) for year in (self.first, self.last) if year is not None}
        says_all = self.is_closed and figures <= set(re.findall(r"\d+", words))
        if not words or re.sub(r"\.0+$", "", words) == self.years:
            return self.years
        return words if says_all or not self.is_known else f"{words} ({self.years})"

    @property
    def order(self) -> float:
        """Where it stands among dates: the middle of the range, its end where it is open, last where nothing is."""
        ends = [year for year in (self.first, self.last) if year is not None]
        return sum(ends) / len(ends) if ends else float("inf")

    def certainly_before(self, other: YearRange) -> bool:
        """Whether every year of this one is earlier than every year of ``other``."""
        return self.last is not None and other.first is not None and self.last < other.first

    def cannot_precede(self, other: YearRange) -> bool:
        """Whether no year of this one is earlier than any year of ``other``."""
        return self.first is not None and other.last is not None and self.first >= other.last

    def overlaps(self, first: int, last: int) -> bool:
        """Whether it may be one of the years from ``first`` to ``last``; nothing known overlaps nothing."""
        return (
            self.is_known and (self.first is None or self.first <= last) and (self.last is None or self.last >= first)
        )


Year = int | YearRange | None
"""When something was printed: a year, the years that a date allows, or nothing known."""


def as_range(year: Year) -> YearRange:
    """The years that are allowed."""
    return year if isinstance(year, YearRange) else YearRange(year, year)


def span_of(dates: list[YearRange]) -> YearRange:
    """From the earliest to the latest year that the known ones of some dates name; open ends are not gone beyond."""
    ends = [year for date in dates for year in (date.first, date.last) if year is not None]
    return YearRange(min(ends), max(ends)) if ends else YearRange()
