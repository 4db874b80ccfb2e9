"""What a historical table is: columns of one or more places, rows of cells, and the names it goes by."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

Entry = int | str
"""What fills one place: a number, or letters; a string of figures is a number printed with its zeros or its point."""
Cell = tuple[Entry, ...]
"""One entry for each place of its column; empty where the cell is blank."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    name : str
        What it holds, unique in its table.
    heads : tuple of str
        What printers set above it, one for each way of titling the table (the last serves for the rest).
    units : tuple of str
        The mark over each place, "G." over degrees; one place for each.
    argument : bool
        Whether the reader enters the table here.
    words : bool
        Whether it holds letters.
    """

    name: str
    heads: tuple[str, ...]
    units: tuple[str, ...] = ("",)
    argument: bool = False
    words: bool = False

    @property
    def places(self) -> int:
        return len(self.units)


@dataclass(frozen=True)
class HistoricalTable:
    """A table as computed.

    Parameters
    ----------
    name : str
        Name of its builder.
    titles : tuple of str
        Ways in which printers titled it.
    columns : tuple of Column
        From left to right.
    rows : tuple of tuple of Cell
        One cell for each column.
    group : int
        Rows that printers set off together by a rule or a space; 0 for none.
    parameters : dict
        What the builder was given.
    """

    name: str
    titles: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    group: int = 0
    parameters: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise ValueError(f"{self.name}, row {number}: got {len(row)} cells, expected {len(self.columns)}")
            for column, cell in zip(self.columns, row, strict=True):
                if len(cell) not in (0, column.places):
                    where = f"{self.name}, row {number}, {column.name}"
                    raise ValueError(f"{where}: got {len(cell)} places, expected {column.places} or none")

    @property
    def label(self) -> str:
        """Name and parameters in one word: equal for pages that carry the same table."""
        values = [f"{key}-{_plain(value)}" for key, value in sorted(self.parameters.items())]
        return "_".join([self.name, *values])

    def column(self, name: str) -> int:
        """Place of the column of that name."""
        return next(i for i, column in enumerate(self.columns) if column.name == name)

    def part(self, start: int, stop: int) -> HistoricalTable:
        """Rows ``start`` to ``stop``, as one page of a long table."""
        return replace(self, rows=self.rows[start:stop], parameters={**self.parameters, "rows": (start, stop)})


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return "-".join(_plain(item) for item in value)
    return str(value).replace(".", "-")
