"""What really stands on a synthesized page: every figure, with its place in the finished scan.

The truth is taken down while the page is set and goes through the same geometry as the paper, so that a box lies on the
ink of its figure whatever ageing did to the page.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tablesim.records.boxes import Box


@dataclass(frozen=True, slots=True)
class TrueDigit:
    """One printed Arabic figure: its value (0 to 9) and its place in pixels of the finished scan."""

    value: int
    box: Box

    def to_dict(self) -> dict[str, Any]:
        return {"value": self.value, **self.box.to_dict()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TrueDigit:
        return cls(int(data["value"]), Box.from_dict(data))


@dataclass(frozen=True, slots=True)
class TrueNumber:
    """A maximal run of figures printed together; ``table``, ``row`` and ``column`` are None outside a table.

    ``text`` is as printed (a raised point is U+00B7). Columns count numbers, so degrees and minutes are two columns,
    and each half-table is a table of its own.
    """

    text: str
    digits: tuple[TrueDigit, ...]
    table: int | None = None
    row: int | None = None
    column: int | None = None

    @property
    def digits_text(self) -> str:
        return "".join(str(digit.value) for digit in self.digits)

    @property
    def box(self) -> Box:
        """The smallest box around the digits."""
        return Box.around(digit.box for digit in self.digits)

    def to_dict(self) -> dict[str, Any]:
        return {
            "text": self.text,
            "digits_text": self.digits_text,
            **self.box.to_dict(),
            "table": self.table,
            "row": self.row,
            "column": self.column,
            "digits": [digit.to_dict() for digit in self.digits],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TrueNumber:
        return cls(
            text=data["text"],
            digits=tuple(TrueDigit.from_dict(digit) for digit in data["digits"]),
            table=data.get("table"),
            row=data.get("row"),
            column=data.get("column"),
        )


@dataclass(frozen=True)
class PageTruth:
    """All figures of one synthesized page.

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

        Figures outside the tables stand on lines of their own below a comment, since they are on the page and count.
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
            place = self._height_on_page(number.box)
            low, high = extent.get(number.table, (place, place))
            extent[number.table] = min(low, place), max(high, place)
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
