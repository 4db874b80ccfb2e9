"""What is printed on a page: the truth of a synthesized page, or the transcription of a person, without positions.

The truth of a synthesized page is recorded while the page is set and goes through the same geometry as the paper, so
that a box lies on the ink of its digit whatever ageing did to the page.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tablesim.records.boxes import Box
from tablesim.records.reading import DigitRun


@dataclass(frozen=True, slots=True)
class TranscribedRow:
    """One printed row of a page.

    Parameters
    ----------
    line : int
        Its line in the file, from 1.
    halves : tuple of tuple of tuple of str
        Half-tables, in each its columns, in each the digit strings of its numbers; a blank column is ``()``.
    """

    line: int
    halves: tuple[tuple[tuple[str, ...], ...], ...]

    @property
    def numbers(self) -> tuple[str, ...]:
        """The digit strings from left to right."""
        return tuple(number for half in self.halves for column in half for number in column)


@dataclass(frozen=True)
class Transcription:
    """What a person read on one page.

    Parameters
    ----------
    rows : tuple of TranscribedRow
        The printed rows from top to bottom; a row may hold no number.
    ignore : tuple of Box
        Rectangles in source pixels; what is read with its centre in one of them does not count.
    path : str
        Where it came from, for messages.
    """

    rows: tuple[TranscribedRow, ...]
    ignore: tuple[Box, ...] = ()
    path: str = ""

    @property
    def numbers(self) -> tuple[str, ...]:
        """The digit strings of the page, row by row: ``0.101`` and ``0·101`` are ``"0101"``."""
        return tuple(number for row in self.rows for number in row.numbers)

    def ignores(self, x: float, y: float) -> bool:
        """True when the point (source pixels) lies where nothing counts."""
        return any(box.contains(x, y) for box in self.ignore)


@dataclass(frozen=True, slots=True)
class TrueDigit:
    """One printed digit: its value (0 to 9; -1 where it is not asked for) and its box in pixels of the scan."""

    value: int
    box: Box

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"value": self.value, **self.box.to_dict()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TrueDigit:
        """The inverse of ``to_dict``."""
        return cls(int(data["value"]), Box.from_dict(data))


@dataclass(frozen=True, slots=True)
class TrueMark:
    """One printed mark: its kind (one of `records.marks.MARKS`) and its box in pixels of the scan."""

    kind: str
    box: Box


@dataclass(frozen=True, slots=True)
class TrueNumber(DigitRun):
    """A maximal run of digits printed together, as it is printed; ``text`` with a raised point as U+00B7."""

    text: str
    digits: tuple[TrueDigit, ...]
    table: int | None = None
    row: int | None = None
    column: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, with the keys of ``Number.to_dict`` save the confidence."""
        return self.as_dict()

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TrueNumber:
        """The inverse of ``to_dict``."""
        return cls(
            text=data["text"],
            digits=tuple(TrueDigit.from_dict(digit) for digit in data["digits"]),
            table=data.get("table"),
            row=data.get("row"),
            column=data.get("column"),
        )


@dataclass(frozen=True)
class PageTruth:
    """All digits of one synthesized page.

    Parameters
    ----------
    page : str
        Page id, the stem of the scan's file.
    width, height : int
        Size of the scan in pixels.
    is_table : bool
        Whether the page carries a numerical table.
    numbers : tuple of TrueNumber
        In reading order, those outside tables included (page number, dates in the text).
    meta : dict
        What else is known of the page: its table, edition, seed. Plain JSON values.
    rotation : int
        Clockwise degrees (0, 90, 180, 270) that set the page upright.
    """

    page: str
    width: int
    height: int
    is_table: bool
    numbers: tuple[TrueNumber, ...]
    meta: dict[str, Any] = field(default_factory=dict)
    rotation: int = 0

    @property
    def digits(self) -> Iterator[TrueDigit]:
        """Every digit of every number, in reading order."""
        return (digit for number in self.numbers for digit in number.digits)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, with the keys of ``tablesim read --json`` where they mean the same."""
        return {
            "page": self.page,
            "width": self.width,
            "height": self.height,
            "rotation": self.rotation,
            "is_table": self.is_table,
            "numbers": [number.to_dict() for number in self.numbers],
            "meta": self.meta,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> PageTruth:
        """The inverse of ``to_dict``."""
        return cls(
            page=data["page"],
            width=int(data["width"]),
            height=int(data["height"]),
            is_table=bool(data["is_table"]),
            numbers=tuple(TrueNumber.from_dict(number) for number in data["numbers"]),
            meta=dict(data.get("meta", {})),
            rotation=int(data.get("rotation", 0)),
        )

    @classmethod
    def load(cls, path: str | Path) -> PageTruth:
        """The truth as ``save`` wrote it."""
        return cls.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))

    def save(self, path: str | Path) -> None:
        """Write ``to_dict`` as JSON, one line a number so that a change can be read as a difference of lines."""
        data = self.to_dict()
        numbers = ",\n".join(
            json.dumps(number, ensure_ascii=False, separators=(",", ":")) for number in data.pop("numbers")
        )
        head = json.dumps(data, ensure_ascii=False, sort_keys=True)
        Path(path).write_text(f'{head[:-1]}, "numbers": [\n{numbers}\n]}}\n', encoding="utf-8")

    def to_transcription(self) -> str:
        """The page as text: one printed row a line, ``|`` between columns, ``||`` between half-tables.

        Digits outside the tables stand on lines of their own below a comment, since they are on the page and count.
        """
        lines = [f"# {self.page}: made by tablesim synthesize, every figure on the page"]
        for group in self._side_by_side():
            rows = sorted({row for table in group for row, _ in table})
            widths = [1 + max(column for _, column in table) for table in group]
            for row in rows:
                halves = (
                    " | ".join(table.get((row, column), "") for column in range(width))
                    for table, width in zip(group, widths, strict=True)
                )
                lines.append(" || ".join(halves).strip())
        outside = [number.text for number in self.numbers if number.table is None]
        if outside:
            lines.append("# outside the table")
            lines.extend(outside)
        return "\n".join(lines) + "\n"

    def _side_by_side(self) -> list[list[dict[tuple[int, int], str]]]:
        """Tables in reading order, those that share their height on the page grouped as half-tables."""
        cells: dict[int, dict[tuple[int, int], str]] = {}
        extent: dict[int, tuple[float, float]] = {}
        for number in self.numbers:
            if number.table is None or number.row is None or number.column is None:
                continue
            cells.setdefault(number.table, {})[number.row, number.column] = number.text
            y = self._height_on_page(number.box)
            low, high = extent.get(number.table, (y, y))
            extent[number.table] = min(low, y), max(high, y)
        groups: list[list[dict[tuple[int, int], str]]] = []
        reach = -float("inf")
        for table in sorted(cells):
            low, high = extent[table]
            # A half-table begins well above the end of its neighbour; a table set below begins after it.
            if groups and (low + high) / 2 < reach:
                groups[-1].append(cells[table])
                reach = max(reach, high)
            else:
                groups.append([cells[table]])
                reach = high
        return groups

    def _height_on_page(self, box: Box) -> float:
        x, y = box.centre
        return {0: y, 90: x, 180: self.height - y, 270: self.width - x}[self.rotation]
