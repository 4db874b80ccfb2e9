"""What was read on a page: digits, numbers, rows and columns, in source pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tablesim.errors import MissingExtraError
from tablesim.records.boxes import Box
from tablesim.records.counting import counted
from tablesim.records.html import html_table
from tablesim.records.marks import DITTO
from tablesim.records.number_values import Value, value_from_json, value_to_json
from tablesim.records.transform import PageRegion, Transform
from tablesim.records.warp import RowWarp

ILLEGIBLE = "?"
"""Stands in a number's text for a digit that is there but cannot be read."""


REPEATS = "repeats the cell above"
"""The doubt of a number that is not printed: a ditto mark stands in its place."""


@dataclass(frozen=True, slots=True)
class Digit:
    """One digit that was read.

    Parameters
    ----------
    value : int or None
        0 to 9; None for a digit that cannot be read.
    box : Box
        Its position in source pixels.
    confidence : float
        Probability, 0 to 1, that the value is right.
    runner_up : tuple of (int, float), optional
        The next best value and its probability.
    """

    value: int | None
    box: Box
    confidence: float
    runner_up: tuple[int, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values: an item of ``digits`` in ``tablesim read --json``."""
        runner_up = None
        if self.runner_up is not None:
            runner_up = {"value": self.runner_up[0], "confidence": round(self.runner_up[1], 4)}
        return {
            "value": self.value,
            **self.box.to_dict(),
            "confidence": round(self.confidence, 4),
            "runner_up": runner_up,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Digit:
        """The inverse of ``to_dict``."""
        second = data.get("runner_up")
        runner_up = None if second is None else (int(second["value"]), float(second["confidence"]))
        return cls(data["value"], Box.from_dict(data), float(data["confidence"]), runner_up)


class DigitRun:
    """What numbers that were read and numbers that are printed have in common: digits in a row, and a cell.

    ``table``, ``row`` and ``column`` count from 0 in reading order and are None outside a table. A column holds one
    number a row: degrees and minutes are two columns, and each half-table that is no part of another is a table.
    """

    __slots__ = ()

    text: str
    digits: tuple[Any, ...]
    table: int | None
    row: int | None
    column: int | None

    @property
    def digits_text(self) -> str:
        """The digits alone; ``?`` for one that cannot be read."""
        return "".join(ILLEGIBLE if digit.value is None else str(digit.value) for digit in self.digits)

    @property
    def box(self) -> Box:
        """The smallest box around the digits, in source pixels."""
        return Box.around(digit.box for digit in self.digits)

    def as_dict(self, **measures: float) -> dict[str, Any]:
        """Plain values, with ``measures`` behind the box."""
        return {
            "text": self.text,
            "digits_text": self.digits_text,
            **self.box.to_dict(),
            **measures,
            "table": self.table,
            "row": self.row,
            "column": self.column,
            "digits": [digit.to_dict() for digit in self.digits],
        }


@dataclass(frozen=True, slots=True)
class Number(DigitRun):
    """A maximal run of Arabic digits printed together, as it was read.

    Degrees and minutes are two numbers, a fraction is two. ``text`` is as printed, with the marks of `records.marks`
    before, between and after its digits: a raised point is U+00B7, a thin space that parts thousands U+2009, and a
    digit that cannot be read is ``?``; ``digits_text`` has the digits alone. ``confidence`` is the probability, 0 to 1,
    that the whole number is right.

    ``value`` is the number meant: an int, a Decimal where decimals are printed, a Fraction; None where it is undecided
    what its marks mean. The bar of a fraction stands in the numerator's text (``3/``); a fraction's value is that of
    its numerator, a mixed number's that of its whole number, and the rest of their numbers have None: a sum counts
    them once. ``doubts`` are short reasons why the number may be wrong, such as "probably not whole". ``emendation`` is
    what a person says that should stand there in place of what is printed, mostly empty; nothing is compared by it.
    ``emended_by`` and ``emended_at`` are who said so and when, where that is known.
    """

    text: str
    digits: tuple[Digit, ...]
    confidence: float
    table: int | None = None
    row: int | None = None
    column: int | None = None
    value: Value | None = None
    doubts: tuple[str, ...] = ()
    emendation: str = ""
    emended_by: str = ""
    emended_at: str = ""

    @property
    def emended(self) -> dict[str, str]:
        """The emendation with who made it and when, by name; empty without one."""
        names = ("emendation", "emended_by", "emended_at")
        return {name: getattr(self, name) for name in names} if self.emendation else {}

    @property
    def emendation_sentence(self) -> str:
        """The emendation in words: "should be 46 (Anna, 2026-11-28T09:12:00Z)"; empty without one."""
        known = ", ".join(part for part in (self.emended_by, self.emended_at) if part)
        return f"should be {self.emendation}" + (f" ({known})" if known else "") if self.emendation else ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values: an item of ``numbers`` in ``tablesim read --json``; a fraction is text such as ``"7/8"``."""
        plain = self.as_dict(confidence=round(self.confidence, 4))
        plain |= {"value": value_to_json(self.value), "doubts": list(self.doubts)}
        return plain | self.emended

    @property
    def repeats(self) -> bool:
        """Whether nothing is printed here but a ditto mark, and the number is that of the cell above."""
        return REPEATS in self.doubts

    @property
    def printed(self) -> str:
        """Its text; a ditto mark where that stands for the number."""
        return DITTO if self.repeats else self.text

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Number:
        """The inverse of ``to_dict``."""
        return cls(
            text=data["text"],
            digits=tuple(Digit.from_dict(digit) for digit in data["digits"]),
            confidence=float(data["confidence"]),
            table=data.get("table"),
            row=data.get("row"),
            column=data.get("column"),
            value=value_from_json(data.get("value")),
            doubts=tuple(data.get("doubts", ())),
        )


@dataclass(frozen=True, slots=True)
class Ditto:
    """A mark, such as ``"``, ``do.`` or ``id.``, that repeats what stands in the cell above; never a number.

    Parameters
    ----------
    box : Box
        Its position in source pixels.
    confidence : float
        Probability, 0 to 1, that it is such a mark.
    table, row, column : int, optional
        Its cell, as those of a number; None outside a table.
    """

    box: Box
    confidence: float
    table: int | None = None
    row: int | None = None
    column: int | None = None

    def repeating(self, number: Number) -> Number:
        """The number that stands in this cell, given the one above."""
        step = self.box.width / len(number.digits)
        digits = tuple(
            Digit(
                digit.value,
                Box(self.box.x + step * place, self.box.y, step, self.box.height),
                min(digit.confidence, self.confidence),
                digit.runner_up,
            )
            for place, digit in enumerate(number.digits)
        )
        return Number(
            number.text,
            digits,
            min(number.confidence, self.confidence),
            self.table,
            self.row,
            self.column,
            number.value,
            tuple(dict.fromkeys((*number.doubts, REPEATS))),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values: an item of ``dittos`` in ``tablesim read --json``."""
        cell = {"table": self.table, "row": self.row, "column": self.column}
        return {**self.box.to_dict(), "confidence": round(self.confidence, 4), **cell}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Ditto:
        """The inverse of ``to_dict``."""
        cell = (data.get(name) for name in ("table", "row", "column"))
        return cls(Box.from_dict(data), float(data["confidence"]), *cell)


@dataclass(frozen=True)
class Reading:
    """All that was read on one page.

    Parameters
    ----------
    scan : str
        Path of the scan as it was given.
    page : str
        Page id (file stem).
    sha256 : str
        Hash of the file's bytes.
    transform : Transform
        From source pixels to the working image that was read.
    is_table : bool
        Whether the page carries a numerical table.
    legibility : float
        0 to 1: how well the digits on the page could be read.
    numbers : tuple of Number
        In reading order.
    histogram : float32 array of shape (110,), optional
        Soft bigram counts of the accepted digits; filled in by the bigram network.
    note : str
        Why legibility is low, or empty.
    dittos : tuple of Ditto
        Cells that repeat the one above, in reading order.
    marks_mean : str
        What the marks in the numbers of the page mean (thousands, decimals, degrees) and why; empty without marks.
    negative : bool
        Whether the page is white on black.
    """

    scan: str
    page: str
    sha256: str
    transform: Transform
    is_table: bool
    legibility: float
    numbers: tuple[Number, ...]
    histogram: NDArray[np.float32] | None = field(default=None, compare=False)
    note: str = ""
    dittos: tuple[Ditto, ...] = ()
    marks_mean: str = ""
    negative: bool = False

    def __repr__(self) -> str:
        return f"Reading({self.page!r}, {self._summary})"

    @property
    def _summary(self) -> str:
        kind = "a table" if self.is_table else "no table"
        return f"{kind}, {counted(len(self.numbers), 'number')}, legibility {self.legibility:.2f}"

    def _repr_html_(self) -> str:
        """The tables of the page as they stand, row by row, for notebooks."""
        rows: dict[tuple[int, int], dict[int, str]] = {}
        for number in (*self.numbers, *self.repeated):
            if number.table is not None and number.row is not None and number.column is not None:
                rows.setdefault((number.table, number.row), {})[number.column] = number.printed
        n_columns = 1 + max((column for row in rows.values() for column in row), default=-1)
        cells = [[row.get(column, "") for column in range(n_columns)] for _, row in sorted(rows.items())]
        return html_table(f"{self.page}: {self._summary}", (), cells)

    @property
    def width(self) -> int:
        """Width of the scan in source pixels."""
        return self.transform.source_width

    @property
    def height(self) -> int:
        """Height of the scan in source pixels."""
        return self.transform.source_height

    @property
    def digits(self) -> Iterator[Digit]:
        """Every digit of every number, in reading order."""
        return (digit for number in self.numbers for digit in number.digits)

    @property
    def repeated(self) -> tuple[Number, ...]:
        """For each ditto mark that has a cell the number that it repeats, in that cell: what is meant, not printed.

        It has the value and the text of the number above, its digits side by side in the box of the mark, the
        confidence of the less certain of both, and `REPEATS` among its doubts.
        """
        columns: dict[tuple[int, int], list[tuple[int, Number]]] = {}
        for number in self.numbers:
            if number.table is not None and number.row is not None and number.column is not None:
                columns.setdefault((number.table, number.column), []).append((number.row, number))
        repeated = []
        for ditto in self.dittos:
            if ditto.table is None or ditto.row is None or ditto.column is None:
                continue
            above = [pair for pair in columns.get((ditto.table, ditto.column), ()) if pair[0] < ditto.row]
            if above:
                repeated.append(ditto.repeating(max(above, key=lambda pair: pair[0])[1]))
        return tuple(repeated)

    def with_histogram(self, histogram: NDArray[np.float32]) -> Reading:
        """The same reading with its histogram, float32 of shape (110,)."""
        return replace(self, histogram=histogram)

    def to_dict(self) -> dict[str, Any]:
        """The reading as plain values: one item of ``tablesim read --json``."""
        return {
            "scan": self.scan,
            "page": self.page,
            "sha256": self.sha256,
            "width": self.width,
            "height": self.height,
            "rotation": self.transform.rotation,
            "scale": round(self.transform.scale, 6),
            "skew": round(self.transform.skew, 4),
            "aspect": round(self.transform.aspect, 4),
            "warp": None if self.transform.warp is None else self.transform.warp.to_dict(),
            "regions": [{**region.box.to_dict(), "rotation": region.rotation} for region in self.transform.regions],
            "is_table": self.is_table,
            "legibility": round(self.legibility, 4),
            "note": self.note,
            "negative": self.negative,
            "marks_mean": self.marks_mean,
            "numbers": [number.to_dict() for number in self.numbers],
            "dittos": [ditto.to_dict() for ditto in self.dittos],
            "histogram": None if self.histogram is None else [round(float(v), 6) for v in self.histogram],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Reading:
        """The inverse of ``to_dict`` (coordinates and confidences as rounded there)."""
        histogram = data.get("histogram")
        return cls(
            scan=data["scan"],
            page=data["page"],
            sha256=data["sha256"],
            transform=Transform(
                data["width"],
                data["height"],
                data["rotation"],
                float(data["scale"]),
                float(data.get("skew", 0.0)),
                float(data.get("aspect", 1.0)),
                None if data.get("warp") is None else RowWarp.from_dict(data["warp"]),
                tuple(PageRegion(Box.from_dict(region), region["rotation"]) for region in data.get("regions", ())),
            ),
            is_table=bool(data["is_table"]),
            legibility=float(data["legibility"]),
            numbers=tuple(Number.from_dict(number) for number in data["numbers"]),
            histogram=None if histogram is None else np.asarray(histogram, dtype=np.float32),
            note=data.get("note", ""),
            dittos=tuple(Ditto.from_dict(ditto) for ditto in data.get("dittos", ())),
            marks_mean=data.get("marks_mean", ""),
            negative=bool(data.get("negative", False)),
        )

    def to_frame(self) -> Any:
        """One row a number, as a pandas DataFrame; MissingExtraError without pandas."""
        try:
            import pandas as pd
        except ImportError as error:
            raise MissingExtraError("Reading.to_frame", "pandas") from error
        columns = ["text", "digits_text", "value", "x", "y", "width", "height"]
        columns += ["confidence", "table", "row", "column", "doubts"]
        # Values as they are, not as JSON: a fraction stays exact.
        rows = [number.to_dict() | {"value": number.value} for number in self.numbers]
        return pd.DataFrame([{key: row[key] for key in columns} for row in rows], columns=columns)
