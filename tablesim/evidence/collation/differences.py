"""In what way the witnesses of a cell differ: by one figure, by one in the last place, transposed, a row shifted.

What a difference is tells how it came about: a figure is misprinted or misread, a last place is rounded or computed
otherwise, two figures are transposed by a compositor, and a row that is shifted was set from the one beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import permutations

from tablesim.language import to_say
from tablesim.records.collation import DIFFERS, CellReading, Collation
from tablesim.records.reading import ILLEGIBLE

LAST_PLACE, ONE_FIGURE, TRANSPOSED, MORE_FIGURES, MARK, SHIFTED, OTHERWISE = (
    to_say("last place by one"),
    to_say("one figure"),
    to_say("figures transposed"),
    to_say("a figure more or fewer"),
    to_say("a sign or mark"),
    to_say("shifted from a row or column beside"),
    to_say("several figures"),
)
KINDS = (LAST_PLACE, ONE_FIGURE, TRANSPOSED, MORE_FIGURES, MARK, SHIFTED, OTHERWISE)
"""What a difference may be, each cell one of them, in the order in which they are told."""

SHIFTED_SHARE = 0.5
"""Share of the cells of a shift that differ, at least: where most neighbours are alike, a table looks like itself
shifted."""

SHIFTED_RUN = 3
"""So many different texts that follow each other and stand one place further in another witness are a shift: in a
table whose neighbours are alike two may by chance."""

Place = tuple[int, int]


def kinds_of(collation: Collation) -> dict[Place, str]:
    """By row and column of the alignment what each cell that differs is, one of ``KINDS``.

    Of more than two texts the commonest is taken for the one from which the others differ; where they do so in several
    ways, the cell is one of several figures.
    """
    shifted = _shifted(collation)
    return {
        (cell.row, cell.column): SHIFTED if (cell.row, cell.column) in shifted else kind_of(cell.readings)
        for cell in collation.differences
    }


def kind_of(readings: Iterable[CellReading | None]) -> str:
    """In what way the readings of a cell that differs differ, whatever stands beside it."""
    present = [reading for reading in readings if reading is not None]
    texts = Counter(reading.text for reading in present)
    if len(texts) < 2:
        return MARK
    usual = texts.most_common(1)[0][0]
    kinds = {kind_of_texts(usual, text) for text in texts if text != usual}
    return kinds.pop() if len(kinds) == 1 else OTHERWISE


def kind_of_texts(a: str, b: str) -> str:
    """In what way two different digit strings differ; symmetric."""
    if ILLEGIBLE not in a + b and abs(int(a or 0) - int(b or 0)) == 1:
        return LAST_PLACE
    if len(a) == len(b):
        apart = [at for at, (x, y) in enumerate(zip(a, b, strict=True)) if x != y]
        if len(apart) == 1:
            return ONE_FIGURE
        first, *rest = apart
        if rest == [first + 1] and a[first : first + 2] == b[first + 1] + b[first]:
            return TRANSPOSED
        return OTHERWISE
    shorter, longer = sorted((a, b), key=len)
    dropped = (longer[:at] + longer[at + 1 :] for at in range(len(longer)))
    return MORE_FIGURES if shorter in dropped else OTHERWISE


def _shifted(collation: Collation) -> set[Place]:
    """The cells of runs in which one witness has what another has one row or one column further."""
    at = {(cell.row, cell.column): cell for cell in collation.cells}
    texts_at = {place: cell.texts for place, cell in at.items()}
    found: set[Place] = set()
    for a, b in permutations(range(len(collation.witnesses)), 2):
        for step in ((0, 1), (0, -1), (1, 0), (-1, 0)):
            moved = {
                place
                for place, texts in texts_at.items()
                if texts[a] is not None and texts[b] is not None and texts[a] == _beside(texts_at, place, step, b)
            }
            # A row set from the one above goes along the row; a row that was skipped shifts all below it in a column.
            for along in ((0, 1), (1, 0)):
                for run in _runs(moved, along):
                    differing = [index for index, place in enumerate(run) if at[place].state == DIFFERS]
                    texts = {texts_at[run[index]][a] for index in differing}
                    # Between them may be cells where what stands beside is the same.
                    dense = differing and len(differing) >= SHIFTED_SHARE * (differing[-1] - differing[0] + 1)
                    if len(texts) >= SHIFTED_RUN and dense:
                        found |= {run[index] for index in differing}
    return found


def _beside(texts_at: Mapping[Place, tuple[str | None, ...]], place: Place, step: Place, witness: int) -> str | None:
    """What a witness has one step from a place; None where it has nothing."""
    texts = texts_at.get((place[0] + step[0], place[1] + step[1]))
    return None if texts is None else texts[witness]


def _runs(places: set[Place], along: Place) -> Iterable[list[Place]]:
    """The places that follow each other in one direction."""
    for row, column in places:
        if (row - along[0], column - along[1]) in places:
            continue
        run = [(row, column)]
        while (following := (run[-1][0] + along[0], run[-1][1] + along[1])) in places:
            run.append(following)
        yield run
