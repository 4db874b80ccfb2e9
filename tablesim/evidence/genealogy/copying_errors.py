"""Copying errors of a collation as arrays: the cells where a witness errs, how likely each slip is, and where it is.

A cell counts where a function says what is right (``recomputation``), or where witnesses differ: then what is right is
open, and is found together with the tree. Numbers of one row that the same witnesses have the same way are one slip,
such as a row set twice; so is a row that a witness leaves out between two that it has. Doubtful readings are left out.

A wrong number that every witness has says nothing of who copied whom: it may be older than all of them, or the table
was computed otherwise. Such errors are kept apart, as those of the tradition.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tablesim.evidence.collation.cells import SLIP, chance, could_be
from tablesim.evidence.recomputation.examination import examine
from tablesim.evidence.recomputation.sums import OF_COLUMN, OF_ROW, PARTS, SUM
from tablesim.language import listed, say
from tablesim.records.address import CellAddress
from tablesim.records.collation import AGREES, DIFFERS, Cell, Collation, Witness
from tablesim.records.reading import ILLEGIBLE, Number

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

UNKNOWN = -1
"""What stands there in a witness, or what is right, is not known."""

OMITTED = "-"
"""The text of a row that is left out."""

ANOTHER = 0.3
"""How likely a witness has, before it is read, what is wrong in another one, against what is right."""

LEAST = 0.02
"""Less likely readings are left out."""

READ = 0.9
"""A reading that is less likely what is printed is in doubt, and left out."""

_SUMS = (SUM, PARTS, OF_COLUMN, OF_ROW)

Options = list[tuple[int, float]]
"""Texts, by their numbers, that a doubtful reading could be, with their probabilities."""


@dataclass(frozen=True)
class OmittedRow:
    """A row of the collation that a witness leaves out or adds, from 1."""

    row: int

    @property
    def words(self) -> str:
        """``row 5 of the collation``."""
        return say("row {row} of the collation", row=self.row)


Places = tuple[CellAddress | OmittedRow, ...]


@dataclass(frozen=True)
class WrongNumber:
    """What witnesses have that is wrong, and where.

    Parameters
    ----------
    where : tuple of CellAddress or OmittedRow
        Its cells in the collation.
    text : str
        What stands there; of several cells, one after the other.
    right : str
        What should.
    recomputed : bool
        Whether a law of the table says so; else it follows from the other witnesses.
    """

    where: Places
    text: str
    right: str
    recomputed: bool

    @property
    def words(self) -> str:
        """``row 5 (7), column 3: 12 for 17``."""
        cells = [place for place in self.where if isinstance(place, CellAddress)]
        if len(cells) > 1 and len({(cell.table, cell.row) for cell in cells}) == 1:
            columns = listed([cell.column_label for cell in cells])
            place = say("{row}, columns {columns}", row=cells[0].row_place, columns=columns)
        else:
            place = listed([one.words for one in self.where])
        if self.text == OMITTED:
            return say("{place} left out", place=place)
        if self.right == OMITTED:
            return say("{place} added", place=place)
        return say("{place}: {text} for {right}", place=place, text=self.text or say("the row"), right=self.right)

    def to_dict(self) -> dict[str, Any]:
        """Plain values; where it is in words."""
        return {
            "where": [place.words for place in self.where],
            "text": self.text,
            "right": self.right,
            "recomputed": self.recomputed,
        }


@dataclass(frozen=True)
class CopyingErrors:
    """Slips of one or several witnesses.

    Parameters
    ----------
    texts : int64 array of shape (witnesses, events)
        What each witness has, numbered from 0 within its event; ``UNKNOWN`` where it has nothing.
    right : int64 array of shape (events,)
        What is right, where a function says it; ``UNKNOWN`` where it is open.
    slips : float64 array of shape (events, texts, texts)
        How likely a slip makes the second text of the first, given that there is a slip.
    doubtful : dict of (int, int) to list of (int, float)
        For (witness, event) where the reading is in doubt, what it could be.
    sizes : int64 array of shape (events,)
        Numbers of each.
    n_cells : int
        Cells of the collation, those without any error included.
    where : tuple of tuple of CellAddress or OmittedRow
        For each event its cells.
    names : tuple of tuple of str
        For each event the texts as they are printed, by their numbers.
    tradition : tuple of WrongNumber
        Wrong numbers that all witnesses have; they are no events.
    n_doubtful : int
        Readings that were left out because they are in doubt.
    """

    texts: Ints
    right: Ints
    slips: Floats
    doubtful: dict[tuple[int, int], Options]
    sizes: Ints
    n_cells: int
    where: tuple[Places, ...] = ()
    names: tuple[tuple[str, ...], ...] = ()
    tradition: tuple[WrongNumber, ...] = ()
    n_doubtful: int = 0

    def wrong_number(self, event: int, text: int, right: int) -> WrongNumber:
        """One text of an event as a wrong number."""
        names = self.names[event]
        return WrongNumber(self.where[event], names[text], names[right], bool(self.right[event] != UNKNOWN))

    @property
    def decided(self) -> bool:
        """Whether anything says which texts are wrong: a function, or more than two witnesses."""
        return self.texts.shape[1] > 0 and bool((self.right != UNKNOWN).any() or len(self.texts) > 2)


@dataclass
class _Event:
    """One slip while it is put together: what each witness has, without leading zeros, and as it is printed."""

    texts: list[str | None]
    right: str | None
    doubtful: dict[int, list[tuple[str, float]]]
    where: Places
    printed: list[str | None]
    size: int = 1

    def as_printed(self, text: str) -> str:
        """A text as the first witness that has it prints it."""
        both = zip(self.texts, self.printed, strict=True)
        return next((printed for plain, printed in both if plain == text and printed is not None), text)

    @property
    def of_all(self) -> bool:
        """Whether all witnesses, as far as they were read, have the same, and it is not right."""
        known = [text for text in self.texts if text is not None]
        return self.right is not None and len(known) > 1 and len(set(known)) == 1 and known[0] != self.right


def copying_errors(collation: Collation) -> CopyingErrors:
    """The copying errors that a collation shows."""
    index = [{id(number): at for at, number in enumerate(w.numbers)} for w in collation.witnesses]
    expected = [_expected(witness, at) for at, witness in enumerate(collation.witnesses)]
    by_pattern: dict[tuple[object, ...], _Event] = {}
    above = {(cell.row + 1, cell.column): cell.texts for cell in collation.cells}
    n_doubtful = 0
    for at, cell in enumerate(collation.cells):
        if cell.state not in (AGREES, DIFFERS):
            continue
        by_function = [
            expected[w][index[w][id(r.number)]]
            for w, r in enumerate(cell.readings)
            if r is not None and index[w][id(r.number)] in expected[w]
        ]
        right = Counter(_plain(text) for text in by_function).most_common(1)[0][0] if by_function else None
        texts = [None if t is None or ILLEGIBLE in t else _plain(t) for t in cell.texts]
        have = {text for text in texts if text is not None}
        if len(have) < 2 and have <= {right or next(iter(have), None)}:
            continue
        doubts = _doubts(cell, right)
        for w, options in list(doubts.items()):
            if dict(options).get(texts[w] or "", 0.0) < READ:
                texts[w], n_doubtful = None, n_doubtful + 1
                del doubts[w]
        have = {text for text in texts if text is not None}
        if have <= {right or next(iter(have), None)}:
            continue
        event = _Event(texts, right, doubts, (collation.address(cell),), list(cell.texts))
        # The eye slips to another row for several numbers at once; doubtful readings stand for themselves.
        slipped = any(
            text is not None and text == before
            for text, before in zip(cell.texts, above.get((cell.row, cell.column), ()), strict=False)
        )
        pattern = (cell.row, *_pattern(event)) if slipped and not event.doubtful else (at,)
        if pattern in by_pattern:
            _join(by_pattern[pattern], event)
        else:
            by_pattern[pattern] = event
    events = [*by_pattern.values(), *_omissions(collation)]
    tradition = tuple(
        WrongNumber(event.where, event.as_printed(next(filter(None, event.texts))), event.right or "", True)
        for event in events
        if event.of_all
    )
    arrays = _as_arrays([e for e in events if not e.of_all], len(collation.witnesses), len(collation.cells))
    return replace(arrays, tradition=tradition, n_doubtful=n_doubtful)


def _expected(witness: Witness, which: int) -> dict[int, str]:
    """What laws have for the numbers of a witness, but for sums of which a number may be misread."""
    examined = examine(witness, which)
    open_sums = {suspect.number for suspect in examined.doubted if suspect.law in _SUMS}
    return {number: text for number, (text, _) in examined.expected.items() if number not in open_sums}


def _plain(text: str) -> str:
    """A text without the zeros that lead it, which some printers set and others do not."""
    return text.lstrip("0") or "0"


def _pattern(event: _Event) -> tuple[object, ...]:
    """Which witnesses have the same, and whether it is right."""
    first = {text: at for at, text in reversed(list(enumerate(event.texts)))}
    return tuple(
        None if text is None else (first[text], None if event.right is None else text == event.right)
        for text in event.texts
    )


def _join(event: _Event, other: _Event) -> None:
    event.texts, event.printed = _both(event.texts, other.texts), _both(event.printed, other.printed)
    event.right = None if event.right is None or other.right is None else f"{event.right} {other.right}"
    event.where += other.where
    event.size += 1


def _both(texts: list[str | None], others: list[str | None]) -> list[str | None]:
    return [None if a is None or b is None else f"{a} {b}" for a, b in zip(texts, others, strict=True)]


def _omissions(collation: Collation) -> Iterator[_Event]:
    """Rows that a witness leaves out between two that it has."""
    for part in collation.parts:
        for row in range(part.rows[0] + 1, part.rows[1] - 1):
            before, missing, after = collation.rows[row - 1 : row + 2]
            texts: list[str | None] = []
            for a, b, c in zip(before, missing, after, strict=True):
                around = a is not None and c is not None
                texts.append("" if b is not None else OMITTED if around else None)
            if OMITTED in texts and "" in texts:
                yield _Event(texts, "", {}, (OmittedRow(row + 1),), texts)


def _doubts(cell: Cell, right: str | None) -> dict[int, list[tuple[str, float]]]:
    """What the doubtful readings of a cell could be.

    How likely each text is printed, as the confidences of its digits say, weighed by how likely it is before it is
    read: that it is right, or what another witness has, or any other slip.
    """
    doubts = {}
    for w, reading in enumerate(cell.readings):
        if reading is None or ILLEGIBLE in reading.text:
            continue
        others = {r.text for v, r in enumerate(cell.readings) if r is not None and v != w}
        options: dict[str, float] = {}
        for text in {reading.text, *others, *([right] if right else []), *could_be(reading.number)}:
            prior = 1.0 if _plain(text) == right else ANOTHER if text in others else SLIP
            printed = _printed(reading.number, text) * prior
            options[_plain(text)] = max(options.get(_plain(text), 0.0), printed)
        total = sum(options.values())
        likely = {text: weight / total for text, weight in options.items() if weight >= LEAST * total}
        if list(likely) != [_plain(reading.text)]:
            doubts[w] = list(likely.items())
    return doubts


def _printed(number: Number, text: str) -> float:
    """How likely a number is of a text, by the confidences of its digits; 0 where it has more digits or fewer."""
    if len(text) != len(number.digits):
        return 0.0
    return math.prod(chance(digit, int(value)) for digit, value in zip(number.digits, text, strict=True))


def _as_arrays(events: list[_Event], n: int, n_cells: int) -> CopyingErrors:
    names: list[list[str]] = []
    doubtful: dict[tuple[int, int], Options] = {}
    for at, event in enumerate(events):
        known = dict.fromkeys(text for text in event.texts if text is not None)
        known |= dict.fromkeys(text for options in event.doubtful.values() for text, _ in options)
        if event.right is not None:
            known[event.right] = None
        names.append(list(known))
        for w, options in event.doubtful.items():
            doubtful[w, at] = [(names[at].index(text), share) for text, share in options]
    texts = np.full((n, len(events)), UNKNOWN)
    right = np.full(len(events), UNKNOWN)
    size = max((len(known) for known in names), default=0)
    slips = np.ones((len(events), size, size))
    for at, event in enumerate(events):
        for w, text in enumerate(event.texts):
            if text is not None:
                texts[w, at] = names[at].index(text)
        if event.right is not None:
            right[at] = names[at].index(event.right)
        for i, name_a in enumerate(names[at]):
            for j, name_b in enumerate(names[at]):
                slips[at, i, j] = how_likely(name_a, name_b)
    sizes = np.array([event.size for event in events], dtype=np.int64)
    where = tuple(event.where for event in events)
    printed = tuple(tuple(map(event.as_printed, of_event)) for event, of_event in zip(events, names, strict=True))
    return CopyingErrors(texts, right, slips, doubtful, sizes, max(n_cells, len(events)), where, printed)


LOOK_ALIKE = {frozenset(pair) for pair in ("17", "38", "35", "69", "06", "14", "27", "56")}
"""Digits that are taken for each other, or one for the other turned over."""

ALIKE, ANY_DIGIT, EXCHANGED, LEFT_OUT, ANYTHING = 0.12, 0.03, 0.08, 0.05, 0.01
"""Shares of all slips, given that there is one: a digit taken for one that looks like it, for any other, two neighbours
exchanged, a row left out, anything else; set by hand, and tried on synthesized stemmata."""


def how_likely(right: str, wrong: str) -> float:
    """How likely a slip makes just this error: what is easily done is done by two printers apart.

    One digit for another that looks like it, one for any other, two neighbours exchanged, a row left out; anything
    else is the least likely. Errors of several numbers are as likely as their likeliest.
    """
    if OMITTED in (right, wrong):
        return LEFT_OUT
    pairs = [(a, b) for a, b in zip(right.split(), wrong.split(), strict=False) if a != b]
    return max((_slip(a, b) for a, b in pairs), default=ANYTHING)


def _slip(right: str, wrong: str) -> float:
    apart = [at for at, (a, b) in enumerate(zip(right, wrong, strict=False)) if a != b]
    if len(right) != len(wrong):
        return ANYTHING
    if len(apart) == 1:
        return ALIKE if frozenset((right[apart[0]], wrong[apart[0]])) in LOOK_ALIKE else ANY_DIGIT
    if len(apart) == 2 and apart[1] == apart[0] + 1 and sorted(right) == sorted(wrong):
        return EXCHANGED
    return ANYTHING
