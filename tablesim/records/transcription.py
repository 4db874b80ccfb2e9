"""Transcriptions: the numbers that a person read on a page, row by row, without their positions."""

from __future__ import annotations

from dataclasses import dataclass

from tablesim.records.boxes import Box


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
