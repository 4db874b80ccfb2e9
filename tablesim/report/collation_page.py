"""A collation as HTML: its cells as pages show them, and one page to read and to print with cut-outs of the scans.

The page of a pair in the report shows the same cells. The page of a collation is one file that needs nothing else:
pictures and style are in it, and it asks for nothing from anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tablesim.evidence.collation.cutouts import Cutter, cutouts
from tablesim.evidence.collation.verification import witness_pairs
from tablesim.records.collation import (
    AGREES,
    DIFFERS,
    ILLEGIBLE_STATE,
    MISSING,
    Cell,
    CellReading,
    Collation,
    Part,
    Unaligned,
)
from tablesim.report.presentation import Picture, environment, inline_picture
from tablesim.report.provenance import Provenance

Heading = Callable[[Sequence[Sequence[int | None]], int], str]
"""What is written at the head of a row or column, from all rows or columns and its index."""

CERTAIN = 0.9
"""Below this confidence the reader's doubt of a number that differs is stated. Chosen by eye."""

LISTED_RUNNER_UP = 0.01
"""A runner-up is stated from this confidence on. Chosen by eye."""

DOUBTFUL = "doubtful"
"""Shown for a difference that a reader's error would explain."""

SHOWN_STATES = (AGREES, DIFFERS, DOUBTFUL, MISSING, ILLEGIBLE_STATE)
"""What a cell is shown as; what does not agree is listed in this order."""


@dataclass(frozen=True)
class ShownCell:
    """One cell with what each witness has there; ``present`` says for each whether it has the row and the column."""

    cell: Cell
    present: tuple[bool, ...]

    @property
    def state(self) -> str:
        """One of ``SHOWN_STATES``."""
        return DOUBTFUL if self.cell.state == DIFFERS and self.cell.doubtful else self.cell.state

    @property
    def anchor(self) -> str:
        """What addresses that lead to the cell end in; rows and columns count from 1."""
        return f"r{self.cell.row + 1}c{self.cell.column + 1}"

    @property
    def texts(self) -> tuple[str, ...]:
        """What the witnesses have, empty for nothing."""
        return tuple(text or "" for text in self.cell.texts)

    @property
    def words(self) -> str:
        """The cell in words, for those who hear the page and for the tip of the pointer."""
        a, b = (text or "nothing" for text in self.texts)
        texts = f"{a} on both" if self.state == AGREES else f"{a} against {b}"
        state = {AGREES: "", MISSING: ", missing on one", ILLEGIBLE_STATE: ", illegible"}.get(self.state, ", differs")
        doubt = ", in doubt" if self.cell.doubtful else ""
        return f"row {self.cell.row + 1}, column {self.cell.column + 1}: {texts}{state}{doubt}"

    @property
    def doubts(self) -> tuple[str, ...]:
        """What the reader was not sure of, a phrase a page."""
        phrases = []
        for reading in self.cell.readings:
            if reading is not None and (
                self.cell.doubtful or reading.number.doubts or reading.number.confidence < CERTAIN
            ):
                phrase = f"{reading.text} on {reading.page} with confidence {reading.number.confidence:.2f}"
                if (reading.runner_up_confidence or 0.0) >= LISTED_RUNNER_UP:
                    phrase += f" ({reading.runner_up} with {reading.runner_up_confidence:.2f})"
                if reading.number.doubts:
                    phrase += f": {', '.join(reading.number.doubts)}"
                phrases.append(phrase)
        return tuple(phrases) if self.state != AGREES else ()

    def differing(self, index: int) -> tuple[tuple[str, bool], ...]:
        """The digits of a witness, each with whether another witness has a different one there."""
        return differing_digits(self.texts[index], self.texts)

    def to_list(self) -> list[Any]:
        """Row, column, state, and for each witness [text, x, y, width, height] in source pixels or None."""
        return [self.cell.row + 1, self.cell.column + 1, self.state, *map(_text_and_box, self.cell.readings)]


def _text_and_box(reading: CellReading | None) -> list[Any] | None:
    return None if reading is None else [reading.text, *reading.number.box.to_dict().values()]


def differing_digits(text: str, others: Iterable[str]) -> tuple[tuple[str, bool], ...]:
    """Each digit of a text, and whether one of the others of the same length has a different digit there."""
    same_length = [text_of_other for text_of_other in others if len(text_of_other) == len(text)]
    return tuple(
        (digit, any(text_of_other[at] != digit for text_of_other in same_length)) for at, digit in enumerate(text)
    )


@dataclass(frozen=True)
class ShownDifference:
    """A cell that does not agree, with a cut-out of each witness; None where there is none."""

    shown: ShownCell
    pictures: tuple[Picture | None, ...]


@dataclass(frozen=True)
class ShownGrid:
    """A part of the alignment: the headings of its columns, and its rows with their headings."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[ShownCell | None, ...]], ...]


class ShownCollation:
    """A collation for a page.

    Parameters
    ----------
    collation : Collation
    cutter : Cutter
        Opens the scans; its ``problems`` tell which could not be opened.
    quality : int
        Of the cut-outs, which are WebP.
    """

    def __init__(self, collation: Collation, cutter: Cutter, *, quality: int = 80) -> None:
        self.collation = collation
        self.cutter = cutter
        self.quality = quality
        witnesses = range(len(collation.witnesses))
        self.cells = [ShownCell(cell, tuple(collation.has(w, cell) for w in witnesses)) for cell in collation.cells]

    @property
    def counts(self) -> dict[str, int]:
        """How many cells are in each of ``SHOWN_STATES``."""
        states = [shown.state for shown in self.cells]
        return {state: states.count(state) for state in SHOWN_STATES}

    @property
    def transposed(self) -> bool:
        """Whether the rows of one witness are columns of another."""
        return len(set(self.collation.transposed)) > 1

    def grids(self, *, most: int | None = None, own_numbers: bool = False) -> list[ShownGrid]:
        """The parts of the alignment.

        Parameters
        ----------
        most : int, optional
            Cells that are shown, row by row; rows without any of them are left out.
        own_numbers : bool
            Head rows and columns as the witnesses count them ("A3 B4"), not by their number in the alignment.
        """
        shown = {(cell.cell.row, cell.cell.column): cell for cell in self.cells[:most]}
        heading = self.heading if own_numbers else lambda _lines, index: str(index + 1)
        grids = [self._grid(part, shown, heading) for part in self.collation.parts]
        if most is None:
            return grids
        cut = [ShownGrid(grid.columns, tuple(row for row in grid.rows if any(row[1]))) for grid in grids]
        return [grid for grid in cut if grid.rows]

    def heading(self, lines: Sequence[Sequence[int | None]], index: int) -> str:
        """A row or column as each witness counts it, from 1; a number alone where all count alike."""
        line = lines[index]
        if None not in line and len(set(line)) == 1:
            return str(1 + (line[0] or 0))
        numbers = zip(self.collation.sigla, line, strict=True)
        return " ".join(f"{siglum}{number + 1}" for siglum, number in numbers if number is not None)

    def title(self, shown: ShownCell) -> str:
        """Where a cell is, as the witnesses count."""
        row = self.heading(self.collation.rows, shown.cell.row)
        return f"row {row}, column {self.heading(self.collation.columns, shown.cell.column)}"

    def differences(self, states: Iterable[str], most: int) -> list[ShownDifference]:
        """The first ``most`` cells in one of ``states``, in the order of the collation, with their cut-outs."""
        wanted = set(states)
        chosen = [shown for shown in self.cells if shown.state in wanted]
        return [ShownDifference(shown, self._pictures(shown)) for shown in chosen[:most]]

    def _grid(self, part: Part, shown: dict[tuple[int, int], ShownCell], heading: Heading) -> ShownGrid:
        rows, columns = range(*part.rows), range(*part.columns)
        cells = [tuple(shown.get((row, column)) for column in columns) for row in rows]
        heads = [heading(self.collation.rows, row) for row in rows]
        names = tuple(heading(self.collation.columns, column) for column in columns)
        return ShownGrid(names, tuple(zip(heads, cells, strict=True)))

    def _pictures(self, shown: ShownCell) -> tuple[Picture | None, ...]:
        pictures = cutouts(self.collation, shown.cell, self.cutter)
        return tuple(None if picture is None else inline_picture(picture, self.quality) for picture in pictures)


def unaligned_words(line: Unaligned, most: int = 12) -> str:
    """A row or column that one witness alone has, with its first ``most`` numbers."""
    texts = " ".join(line.texts[:most]) + (" …" if len(line.texts) > most else "")
    return f"{line.kind} {line.index + 1}: {texts}" if texts else f"{line.kind} {line.index + 1}, without digits"


MAX_SHOWN = 500
"""Differences that are shown with their cut-outs, and as many cells that are missing or illegible: about 10 kB each
for two witnesses. The table has them all."""

MAX_PAIRED = 5
"""Every two of so many witnesses are compared in words: ten lines."""


def collation_page(collation: Collation, provenance: Provenance, cutter: Cutter | None = None) -> str:
    """A collation as an HTML page.

    Parameters
    ----------
    collation : Collation
        Its scans are opened for the cut-outs. One that has gone leaves the numbers as read, and the page says so.
    provenance : Provenance
        Software, network and scans, with the citation.
    cutter : Cutter, optional
        Opens the scans.

    Returns
    -------
    str
        A whole document in UTF-8 without anything from outside.
    """
    cutter = Cutter() if cutter is None else cutter
    shown = ShownCollation(collation, cutter)
    differences = shown.differences((DIFFERS, DOUBTFUL), MAX_SHOWN)
    unsettled = shown.differences((MISSING, ILLEGIBLE_STATE), MAX_SHOWN)
    return (
        environment()
        .get_template("collation.html")
        .render(
            c=collation,
            shown=shown,
            provenance=provenance,
            differences=differences,
            unsettled=unsettled,
            n_differences=collation.summary[DIFFERS],
            n_doubtful=sum(cell.doubtful for cell in collation.differences),
            n_unsettled=len(collation.cells) - collation.summary[AGREES] - collation.summary[DIFFERS],
            grids=shown.grids(own_numbers=True),
            turned=[s for s, flag in zip(collation.sigla, collation.transposed, strict=True) if flag],
            anchors={difference.shown.anchor for difference in (*differences, *unsettled)},
            problems=[cutter.problems[r.scan] for r in collation.readings if r.scan in cutter.problems],
            pairs=witness_pairs(collation) if len(collation.witnesses) <= MAX_PAIRED else [],
        )
    )
