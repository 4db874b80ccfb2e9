"""The same table, or only the same kind? Verified by the share of cells that agree in a collation of two pages.

Bigram histograms of two tables of one kind (two months of one observatory, the Sun's place in two years) are nearly as
alike as those of two editions of one table. Collated, the editions agree cell by cell, and the others agree in their
arguments, and where chance lets them. So candidates are found by similarity and told apart by what agrees over the
whole part that both have, compared with what chance gives for these two tables (``chance``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tablesim.bigrams.embedding import containment, embed, histogram, similarity
from tablesim.evidence.collation.cells import DOUBTFUL, judge
from tablesim.evidence.collation.chance import equal_in_order, equal_out_of_order
from tablesim.evidence.collation.collation import collate_witnesses, in_order
from tablesim.evidence.collation.grids import NONE, panels_of, witness_of
from tablesim.language import grouped, say, say_n
from tablesim.records.collation import AGREES, DIFFERS, Collation, Part
from tablesim.records.reading import Reading
from tablesim.records.relations import PART_OF, SAME_KIND, SAME_TABLE

SAME_AGREEMENT, SAME_RANK = 0.8, 0.65
"""Two pages carry one table where so large a share of the cells that met agrees, and of the smaller page. Printers and
readers together spoil less than a fifth. Of two tables of one kind the arguments agree and the leading digits, half of
the page at most; where little more was aligned, little of the page agrees."""

AT_LEAST = 12
"""Cells that must have met: fewer say nothing."""

BEYOND_SHARE, BEYOND_CELLS = 0.5, 6
"""So large a share of the cells that chance leaves apart must agree, and so many more cells than by chance. Of two
months of one diary of clouds, amounts from 0 to 10, five cells of six agree once rows may go anywhere, and as many
when the numbers of each column are shuffled."""

WHOLE_ROWS, WHOLE_NUMBERS = 0.85, 0.6
"""A page holds the whole table of the larger one where it has so large a share of its rows, and of its numbers: an
edition leaves out a column; the table of seven climates has .81 of the rows of that of nine."""


Pair = tuple[int, int]
"""The indices of two witnesses."""


@dataclass(frozen=True)
class Verification:
    """How far two pages A and B agree in the part that both have.

    Parameters
    ----------
    agreeing, apart : int
        How many cells agree, and how many differ without doubt.
    left_out : int
        Numbers within the part that both have, in rows and columns that met nothing.
    cells : int
        In how many cells both have a number, doubtful ones included.
    numbers : tuple of int
        How many numbers A and B have in their tables.
    rows : float
        Share of the rows of the page with more numbers that the other page has too, 0 to 1.
    by_chance : float
        How many cells agree by chance: see ``tablesim.evidence.collation.chance``.
    """

    agreeing: int
    apart: int
    left_out: int
    cells: int
    numbers: tuple[int, int]
    rows: float
    by_chance: float

    @property
    def compared(self) -> int:
        """The cells of the part that both have: no place is passed over because it does not agree."""
        return self.agreeing + self.apart + self.left_out

    @property
    def agreement(self) -> float:
        """Agreeing share of the cells that were compared, 0 to 1."""
        return self.agreeing / self.compared if self.compared else 0.0

    @property
    def met_agreement(self) -> float:
        """Agreeing share of the cells that met, 0 to 1."""
        return self.agreeing / (self.agreeing + self.apart) if self.agreeing else 0.0

    @property
    def coverage(self) -> float:
        """Share of the numbers of the smaller page that met a number of the other, 0 to 1."""
        return min(self.cells / min(self.numbers), 1.0) if all(self.numbers) else 0.0

    @property
    def rank(self) -> float:
        """What orders candidates: the agreeing share of the smaller page."""
        return self.met_agreement * self.coverage

    @property
    def same(self) -> bool:
        """Whether the pages carry one table, or one of them a part of the other's."""
        return self._agrees and self._beyond_chance

    @property
    def part(self) -> int | None:
        """Which of the two, 0 or 1, holds a part of the other's table; None where they hold the same, or not one."""
        whole = self.rows >= WHOLE_ROWS and self.cells >= WHOLE_NUMBERS * max(self.numbers)
        return None if whole or not self.same else int(self.numbers[1] <= self.numbers[0])

    @property
    def words(self) -> str:
        """How far they agree, with its size and what chance gives: "12 of 14 cells agree; by chance 11"."""
        if not self.cells:
            return say("no cell of one meets a cell of the other")
        return say(
            "{agreeing} of {compared} cells agree; by chance {by_chance}",
            agreeing=grouped(self.agreeing),
            compared=grouped(self.compared),
            by_chance=grouped(round(self.by_chance)),
        )

    @property
    def rest(self) -> str:
        """The cells of that part that do not agree: "3 differ, 40 are in rows or columns that met nothing"."""
        parts = [say_n(self.apart, "{n} differs", "{n} differ")]
        if self.left_out:
            parts.append(
                say_n(
                    self.left_out,
                    "{n} is in rows or columns that met nothing",
                    "{n} are in rows or columns that met nothing",
                )
            )
        return ", ".join(parts)

    @property
    def verdict(self) -> str:
        """What follows from it: the same table, a part of it, or neither shown."""
        if not self.same:
            return say("not shown to be the same table")
        return say("the same table") if self.part is None else say("part of the same table")

    @property
    def relation(self) -> str:
        """One of "same table", "part of", and no more than "same kind"."""
        return SAME_KIND if not self.same else SAME_TABLE if self.part is None else PART_OF

    @property
    def mirrored(self) -> Verification:
        """The same of B and A."""
        return replace(self, numbers=self.numbers[::-1])

    @property
    def _agrees(self) -> bool:
        return self.cells >= AT_LEAST and self.met_agreement >= SAME_AGREEMENT and self.rank >= SAME_RANK

    @property
    def _beyond_chance(self) -> bool:
        beyond = self.agreeing - self.by_chance
        return beyond >= BEYOND_CELLS and beyond >= BEYOND_SHARE * (self.compared - self.by_chance)

    def to_dict(self) -> dict[str, Any]:
        return {
            "agreement": round(self.agreement, 4),
            "coverage": round(self.coverage, 4),
            "cells": self.cells,
            "agreeing": self.agreeing,
            "compared": self.compared,
            "by_chance": round(self.by_chance, 1),
            "same_table": self.same,
            "relation": self.relation,
            "part": None if self.part is None else "ab"[self.part],
        }


NOWHERE = Verification(0, 0, 0, 0, (0, 0), 0.0, 0.0)
"""Of pages that could not be compared."""


def verify(a: Reading, b: Reading) -> Verification:
    """Collate two pages and say how far they agree."""
    return verification(collate_witnesses([witness_of([a]), witness_of([b])]))


def verification(collation: Collation, a: int = 0, b: int = 1) -> Verification:
    """The same for two witnesses of a collation, the first two when left out; IndexError where there is none such."""
    parts = [_PartOfTwo.of(collation, part, (a, b)) for part in collation.parts]
    sure = [part for part in parts if part.is_sure]
    agree, compared, cells = (sum(getattr(part, name) for part in sure) for name in ("agreeing", "compared", "cells"))
    left_out = min(_left_out(collation, [part.part for part in sure], pair) for pair in ((a, b), (b, a)))
    numbers = len(collation.witnesses[a].numbers), len(collation.witnesses[b].numbers)
    rows = _rows_met(collation, [part.part for part in sure], (a, b) if numbers[0] >= numbers[1] else (b, a))
    return Verification(
        agree, compared - agree, left_out, cells, numbers, rows, sum((part.by_chance for part in sure), start=0.0)
    )


@dataclass(frozen=True)
class _PartOfTwo:
    """A part of a collation and what two of its witnesses have there.

    ``texts`` are those of the cells that are compared, row by row: one pair a column, None where there is none;
    ``in_order`` says whether rows of both are in one order, ``turned`` whether rows of one are columns of the other.
    """

    part: Part
    texts: list[list[tuple[str, str] | None]]
    agreeing: int
    cells: int
    in_order: bool
    turned: bool

    @classmethod
    def of(cls, collation: Collation, part: Part, witnesses: Pair) -> _PartOfTwo:
        a, b = witnesses
        met = [
            (x, y, row)
            for row in range(*part.rows)
            if (x := collation.rows[row][a]) is not None and (y := collation.rows[row][b]) is not None
        ]
        # From above in both: one pair has one number, whichever of the two comes first.
        rows = sorted(met, key=lambda line: (line[0] + line[1], line[2]))
        n_columns = part.columns[1] - part.columns[0]
        texts: dict[int, list[tuple[str, str] | None]] = {row: [None] * n_columns for _, _, row in rows}
        agreeing = cells = 0
        for cell in collation.cells:
            left, right = cell.readings[a], cell.readings[b]
            if left is None or right is None or not part.rows[0] <= cell.row < part.rows[1]:
                continue
            # The state of a cell counts all its witnesses.
            two = len(cell.readings) == 2
            state, doubt = (cell.state, cell.doubt) if two else judge([left, right])
            cells += 1
            agreeing += state == AGREES
            if state == AGREES or (state == DIFFERS and doubt < DOUBTFUL and not (cell.doubtful and two)):
                pair = (left.text, right.text)
                # Of one value, written in two ways: 990 and 990·0. Chance counts as equal what agreement does.
                texts[cell.row][cell.column - part.columns[0]] = (min(pair),) * 2 if state == AGREES else pair
        columns = [
            (x, y, at)
            for at, line in enumerate(collation.columns[slice(*part.columns)])
            if (x := line[a]) is not None and (y := line[b]) is not None
        ]
        # Whose rows are called rows, and which column is the first, depend on which witness comes first: both count.
        turned = collation.transposed[a] != collation.transposed[b]
        order = all(_are_in_order([line[:2] for line in lines]) for lines in (met, columns)[: 1 + turned])
        places = {at: x + y for x, y, at in columns}
        by_column = [(places.get(at, 0), of) for at, of in enumerate(zip(*texts.values(), strict=True))]
        by_column.sort(key=lambda column: (column[0], sorted(sorted(pair) for pair in column[1] if pair)))
        return cls(
            part, [list(row) for row in zip(*(of for _, of in by_column), strict=True)], agreeing, cells, order, turned
        )

    @cached_property
    def compared(self) -> int:
        return sum(pair is not None for row in self.texts for pair in row)

    @cached_property
    def by_chance(self) -> float:
        """How many of the cells that are compared agree by chance, of a table on its side in the worse of both ways."""
        lines = [list(column) for column in zip(*self.texts, strict=True)]
        ways = [(self.texts, lines), (lines, self.texts)][: 1 + self.turned]
        if self.in_order:
            columns = [[[p for p in line if p is not None] for line in of_way] for _, of_way in ways]
            return max(map(equal_in_order, columns))
        return min(max(equal_out_of_order(rows) for rows, _ in ways), float(self.compared))

    @cached_property
    def is_sure(self) -> bool:
        """Whether it is more than rows that were put opposite each other because they agree."""
        beyond = self.agreeing - self.by_chance
        return self.in_order or (beyond > 0 and beyond >= BEYOND_SHARE * (self.compared - self.by_chance))


def _are_in_order(places: Sequence[tuple[int | None, ...]]) -> bool:
    """Whether lines of two witnesses are in one order, whichever of the two is asked."""
    pairs = np.array(places, dtype=np.int64).reshape(-1, 2)
    return all(in_order(pairs[np.argsort(pairs[:, side], kind="stable"), 1 - side]) for side in (0, 1))


def _left_out(collation: Collation, parts: Sequence[Part], witnesses: Pair) -> int:
    """How many numbers of the first lie within the part that both have, in rows or columns that met nothing."""
    witness, other = witnesses
    panels = panels_of(collation.witnesses[witness], 0, 1)
    inside: set[int] = set()
    met: set[int] = set()
    for part in parts:
        rows, columns = (
            [here for line in lines[first:last] if (here := line[witness]) is not None and line[other] is not None]
            for lines, (first, last) in ((collation.rows, part.rows), (collation.columns, part.columns))
        )
        if not rows or not columns:
            continue
        if collation.transposed[witness]:
            rows, columns = columns, rows
        for panel in panels:
            of_rows, of_columns = panel.rows[0], panel.columns[0]
            spans = _between(of_rows, rows), _between(of_columns, columns)
            inside |= _indices(panel.numbers[0][np.ix_(*spans)])
            met |= _indices(panel.numbers[0][np.ix_(np.isin(of_rows, rows), np.isin(of_columns, columns))])
    return len(inside - met)


def _between(lines: NDArray[np.int64], met: Sequence[int]) -> NDArray[np.bool_]:
    return np.asarray((lines >= min(met)) & (lines <= max(met)))


def _indices(numbers: NDArray[np.int64]) -> set[int]:
    return set(numbers[numbers != NONE].tolist())


def _rows_met(collation: Collation, parts: Sequence[Part], witnesses: Pair) -> float:
    """Share of the rows of the first that the second has too."""
    witness, other = witnesses
    n_rows = sum(len(panel.rows[0]) for panel in panels_of(collation.witnesses[witness], 0, 1))
    turned = collation.transposed[witness]
    met = set()
    for part in parts:
        lines = collation.columns[slice(*part.columns)] if turned else collation.rows[slice(*part.rows)]
        met |= {line[witness] for line in lines if line[other] is not None} - {None}
    return len(met) / n_rows if n_rows else 0.0


@dataclass(frozen=True)
class WitnessPair:
    """Two witnesses of a collation: how alike their histograms are, and how far their cells agree.

    Parameters
    ----------
    a, b : str
        Their sigla.
    similarity : float
        Cosine of the roots of their bigram histograms, those of several pages added up.
    containment : float
        sum min(h, h') / min(sum h, sum h'): 1 where the bigrams of one witness are all in the other. A witness of
        three pages holds that of one, though their cosine may be low.
    verification : Verification
        How far they agree cell by cell.
    """

    a: str
    b: str
    similarity: float
    containment: float
    verification: Verification

    def to_dict(self) -> dict[str, Any]:
        return {
            "a": self.a,
            "b": self.b,
            "similarity": round(self.similarity, 6),
            "containment": round(self.containment, 6),
            **self.verification.to_dict(),
        }


def witness_pairs(collation: Collation) -> list[WitnessPair]:
    """Every two witnesses of a collation, in their order."""
    counts = [sum(histogram_of(reading) for reading in witness.readings) for witness in collation.witnesses]
    return [
        WitnessPair(
            collation.sigla[a],
            collation.sigla[b],
            similarity(embed(counts[a]), embed(counts[b])),
            containment(np.asarray(counts[a]), np.asarray(counts[b])),
            verification(collation, a, b),
        )
        for a, b in combinations(range(len(collation.witnesses)), 2)
    ]


def histogram_of(reading: Reading) -> NDArray[np.float64]:
    """Bigram counts of a page, float64 of shape (110,): those it was read with, or reckoned from its numbers."""
    counts = histogram(reading) if reading.histogram is None else reading.histogram
    return np.asarray(counts, dtype=np.float64)
