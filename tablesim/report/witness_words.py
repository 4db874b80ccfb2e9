"""Words beside the figures of a collation's witnesses, as pictures: headings of columns, words of rows.

Where a row has no argument that was read, as one of stars has not, what is printed before it says which it is.
"""

from __future__ import annotations

from functools import cached_property
from itertools import groupby

from tablesim.evidence.collation.cutouts import Cutter
from tablesim.evidence.figures.page_grid import page_grid
from tablesim.evidence.figures.printed_words import HEADING, ROW, printed_words
from tablesim.records.collation import CollatedTable, Collation
from tablesim.report.presentation import Picture, inline_picture

QUALITY = 60
"""Of the pictures, which are WebP. Chosen by eye."""

MAX_ROWS = 400
"""Rows whose words are shown, 2 kB each."""

Spot = tuple[str, int, int]
"""Page id, table, and row or column, from 0 as in its reading."""


class WitnessWords:
    """The words beside the figures of every page of a collation, cut out once.

    Parameters
    ----------
    collation : Collation
    cutter : Cutter
        Opens the scans.
    """

    def __init__(self, collation: Collation, cutter: Cutter) -> None:
        self.collation = collation
        self.cutter = cutter

    def headings(self, table: CollatedTable, column: int) -> tuple[tuple[str, Picture], ...]:
        """By siglum what stands above a column, from 0; of a table over several pages on the first of them."""
        found: dict[str, Picture] = {}
        for (_, at), cell in sorted(table.cells.items()):
            if at != column or len(found) == len(self.collation.witnesses):
                continue
            for witness, reading in enumerate(cell.readings):
                siglum = self.collation.sigla[witness]
                if reading is None or siglum in found:
                    continue
                number = reading.number
                picture = self._by_kind[witness][HEADING].get((reading.page, number.table or 0, number.column or 0))
                if picture is not None:
                    found[siglum] = picture
        return tuple(sorted(found.items(), key=lambda pair: self.collation.sigla.index(pair[0])))

    def heads(self) -> list[list[tuple[Picture | None, int]]]:
        """For each table what the first witness that has words there prints above its columns, and above how many."""
        found = []
        for table in self.collation.tables:
            pictures = [self.headings(table, column) for column in range(len(table.columns))]
            of_table = [of[0][1] if of else None for of in pictures]
            found.append([(picture, len(list(columns))) for picture, columns in groupby(of_table)])
        return found

    def rows(self) -> list[dict[int, Picture]]:
        """For each table without arguments, by row from 0, what is printed before the row."""
        return [self._rows(table) for table in self.collation.tables]

    def _rows(self, table: CollatedTable) -> dict[int, Picture]:
        found: dict[int, Picture] = {}
        named = {row for (row, _), cell in table.cells.items() if self.collation.address(cell).argument is not None}
        # Of a table that has arguments a row without one was misread: its number tells where it is.
        if 2 * len(named) > len(table.rows):
            return found
        for (row, _), cell in sorted(table.cells.items()):
            if row in found or row in named or len(found) >= MAX_ROWS:
                continue
            for witness, reading in enumerate(cell.readings):
                if reading is None:
                    continue
                spot = reading.page, reading.number.table or 0, reading.number.row or 0
                picture = self._by_kind[witness][ROW].get(spot)
                if picture is not None:
                    found[row] = picture
                    break
        return found

    @cached_property
    def _by_kind(self) -> list[dict[str, dict[Spot, Picture]]]:
        """For each witness the pictures of headings, by column, and of words of rows, by row: the first of each."""
        found = []
        for witness in self.collation.witnesses:
            pictures: dict[str, dict[Spot, Picture]] = {HEADING: {}, ROW: {}}
            for reading in witness.readings:
                for words in printed_words(reading, page_grid(reading), self.cutter):
                    line = words.column if words.kind == HEADING else words.row
                    if line is None or (words.kind == HEADING and words.before):
                        continue
                    spot = reading.page, words.table, line
                    if spot not in pictures[words.kind]:
                        pictures[words.kind][spot] = inline_picture(words.whole, QUALITY)
            found.append(pictures)
        return found
