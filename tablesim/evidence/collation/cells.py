"""What each witness has in a cell, and whether they agree: judged by the reader's confidences (``doubt``).

A difference is asserted only where the readings leave no way around it. It is doubtful where it is likelier that a
reader erred than that the printers differ, and where the reader parted or joined numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tablesim.evidence.collation.doubt import doubt
from tablesim.evidence.collation.grids import NONE, Panel
from tablesim.records.collation import AGREES, DIFFERS, ILLEGIBLE_STATE, MISSING, Cell, CellReading, Witness
from tablesim.records.reading import ILLEGIBLE, Number

DOUBTFUL = 0.5
"""From this doubt on a state is not asserted."""

LOST = 0.1
"""A number that is less likely whole than this goes on where no further digit was read. Of 40 pairs of synthesized
editions each number below 0.05 that stood opposite a longer one had lost a figure, and no true difference of their
lengths is below 0.9."""


def cells_of(panel: Panel, witnesses: Sequence[Witness], first_row: int, first_column: int) -> list[Cell]:
    """The cells of a panel that two witnesses or more have, row by row; rows and columns count from the given ones."""
    found = []
    split = _parted(panel, witnesses)
    for row in range(panel.shape[0]):
        for column in range(panel.shape[1]):
            present = np.flatnonzero((panel.rows[:, row] != NONE) & (panel.columns[:, column] != NONE)).tolist()
            here = panel.numbers[:, row, column]
            if len(present) < 2 or (here == NONE).all():
                continue
            readings = tuple(
                None if index == NONE else CellReading(w.numbers[index], w.readings[w.pages[index]].page)
                for w, index in zip(witnesses, here.tolist(), strict=True)
            )
            state, doubt_ = judge([readings[w] for w in present])
            doubtful = doubt_ >= DOUBTFUL or (state in (DIFFERS, MISSING) and bool(split[row, column]))
            found.append(Cell(first_row + row, first_column + column, state, doubtful, readings, doubt_))
    return found


def judge(readings: Sequence[CellReading | None]) -> tuple[str, float]:
    """State of a cell and its doubt, from the readings of the witnesses that have its row and column."""
    present = [reading for reading in readings if reading is not None]
    pairs = [(a, b) for at, a in enumerate(present) for b in present[at + 1 :] if a.text != b.text]
    apart = [(a, b) for a, b in pairs if not _may_be(a.number, b.number)]
    if apart:
        return DIFFERS, min(doubt(a.number, b.number) for a, b in apart)
    if len(present) < len(readings):
        # What was hardly seen in one witness may be no number at all.
        return MISSING, 1 - min(reading.number.confidence for reading in present)
    if pairs or any(ILLEGIBLE in reading.text for reading in present):
        return ILLEGIBLE_STATE, 1.0
    return AGREES, 0.0


def _may_be(a: Number, b: Number) -> bool:
    """Whether two numbers are equal once the digits are told that are illegible or were lost."""
    shorter, longer = sorted((a.digits_text, b.digits_text), key=len)
    if len(shorter) == len(longer):
        return all(x == y or ILLEGIBLE in (x, y) for x, y in zip(shorter, longer, strict=True))
    incomplete = min(a, b, key=lambda number: len(number.digits))
    rest = iter(longer)
    return incomplete.confidence < LOST and all(any(x == y or ILLEGIBLE in (x, y) for y in rest) for x in shorter)


def _parted(panel: Panel, witnesses: Sequence[Witness]) -> NDArray[np.bool_]:
    """Cells, shape (r, c), where one witness has in one number what another has in two of neighbouring cells."""
    found = np.zeros(panel.shape, dtype=bool)
    texts = [
        [["" if i == NONE else witness.texts[i] for i in row] for row in panel.numbers[w].tolist()]
        for w, witness in enumerate(witnesses)
    ]
    for row in range(panel.shape[0]):
        for column in range(panel.shape[1] - 1):
            pairs = [(text[row][column], text[row][column + 1]) for text in texts]
            joined = {a + b for a, b in pairs if not (a and b) and a + b}
            if any(a and b and a + b in joined for a, b in pairs):
                found[row, column] = found[row, column + 1] = True
    return found
