"""What the cells of a collation that do not agree are filtered by: state, kind of difference, column.

The page of a collation and that of a pair show one row of boxes for each (``filters.html``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tablesim.language import say, to_say
from tablesim.records.address import CellAddress
from tablesim.records.collation import DIFFERS, ILLEGIBLE_STATE, MISSING

DOUBTFUL = "doubtful"
"""The state of a cell that differs unless the reader erred."""

STATE_WORDS = {
    DIFFERS: to_say("asserted"),
    DOUBTFUL: to_say("look like misreadings"),
    MISSING: to_say("missing in a witness"),
    ILLEGIBLE_STATE: to_say("illegible"),
}


class Listed(Protocol):
    """A cell that does not agree."""

    @property
    def state(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def address(self) -> CellAddress: ...


@dataclass(frozen=True)
class FilterBox:
    """A box: the class of what it shows, its words, and of how many cells."""

    name: str
    words: str
    count: int


class Filters:
    """The boxes for some cells that do not agree.

    Parameters
    ----------
    cells : iterable of Listed
    kinds : sequence of str
        The kinds of difference in their order.
    """

    def __init__(self, cells: Iterable[Listed], kinds: Sequence[str]) -> None:
        self.cells = list(cells)
        self.kinds = {kind: f"k{at}" for at, kind in enumerate(kinds)}

    @property
    def states(self) -> dict[str, str]:
        """Each state that there is, with what it is called."""
        there = {one.state for one in self.cells}
        return {state: words for state, words in STATE_WORDS.items() if state in there}

    def names(self, one: Listed) -> str:
        """The classes of a cell: its state, kind and column."""
        return " ".join(filter(None, (one.state, self.kinds.get(one.kind), column_anchor(one.address))))

    @property
    def groups(self) -> list[tuple[str, list[FilterBox]]]:
        """The rows of boxes with what they are called; one box alone filters nothing, but for that of a state."""
        states = Counter(one.state for one in self.cells)
        kinds = Counter(one.kind for one in self.cells)
        columns = Counter(column_anchor(one.address) for one in self.cells)
        of_column = {column_anchor(one.address): one.address for one in self.cells}
        order = sorted(columns, key=lambda anchor: (of_column[anchor].table, of_column[anchor].column))
        found = [
            (say("Show:"), [FilterBox(state, say(words), states[state]) for state, words in self.states.items()]),
            (say("Differences:"), [FilterBox(name, say(kind), kinds[kind]) for kind, name in self.kinds.items()]),
            (say("Columns:"), [FilterBox(anchor, of_column[anchor].column_place, columns[anchor]) for anchor in order]),
        ]
        return [(legend, boxes) for at, (legend, boxes) in enumerate(found) if len(boxes) > (1 if at else 0)]


def column_anchor(address: CellAddress) -> str:
    """What addresses that lead to a column end in."""
    return f"t{address.table}c{address.column}"
