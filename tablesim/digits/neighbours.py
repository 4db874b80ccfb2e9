"""Whether what stands together was read together: neighbours in the rows and columns of a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

from tablesim.digits.alignment import Alignment


class InCell(Protocol):
    """What stands in a cell of a table, or has None for each of the three."""

    @property
    def table(self) -> int | None: ...
    @property
    def row(self) -> int | None: ...
    @property
    def column(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class NeighbourRecall:
    """How many pairs of neighbours are printed, and how many of them are neighbours in the reading; they add up."""

    printed: int = 0
    kept: int = 0

    @property
    def share(self) -> float:
        """Share of the printed neighbours that were kept; 1 where there are none."""
        return self.kept / self.printed if self.printed else 1.0

    def __add__(self, other: NeighbourRecall) -> NeighbourRecall:
        return NeighbourRecall(self.printed + other.printed, self.kept + other.kept)


@dataclass(frozen=True, slots=True)
class TableNeighbourRecall:
    """Neighbours in rows and in columns."""

    rows: NeighbourRecall = NeighbourRecall()
    columns: NeighbourRecall = NeighbourRecall()

    @property
    def both(self) -> NeighbourRecall:
        return self.rows + self.columns

    def __add__(self, other: TableNeighbourRecall) -> TableNeighbourRecall:
        return TableNeighbourRecall(self.rows + other.rows, self.columns + other.columns)

    def to_dict(self) -> dict[str, Any]:
        """The shares to six decimals, and the counts behind them."""
        return {
            "share": round(self.both.share, 6),
            "rows": {"printed": self.rows.printed, "kept": self.rows.kept},
            "columns": {"printed": self.columns.printed, "kept": self.columns.kept},
        }


def neighbour_recall(alignment: Alignment) -> TableNeighbourRecall:
    """How many printed neighbours are neighbours in the reading.

    Two numbers are neighbours when one is the next in the other's row or column of a table; blank cells are passed
    over. A pair is kept when both numbers were found, whatever figures were read in them, and stand next to each other
    in the same direction in the reading: a number missed, one too many between them, or a row broken loses it.
    """
    found = {printed: read for read, printed in alignment.pairs}
    counts = []
    for across in (True, False):
        printed = neighbours(alignment.printed, across=across)
        read = neighbours(alignment.read, across=across)
        kept = sum((found.get(a, -1), found.get(b, -1)) in read for a, b in printed)
        counts.append(NeighbourRecall(len(printed), kept))
    return TableNeighbourRecall(*counts)


def neighbours(cells: Sequence[InCell], *, across: bool) -> set[tuple[int, int]]:
    """Pairs of indices of numbers that follow each other in a row (``across``) or in a column of a table."""
    lines: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for index, cell in enumerate(cells):
        if cell.table is None or cell.row is None or cell.column is None:
            continue
        line, place = (cell.row, cell.column) if across else (cell.column, cell.row)
        lines.setdefault((cell.table, line), []).append((place, index))
    return {pair for line in lines.values() for pair in _following(line)}


def _following(line: Iterable[tuple[int, int]]) -> Iterable[tuple[int, int]]:
    return ((first, second) for (_, first), (_, second) in pairwise(sorted(line)))
