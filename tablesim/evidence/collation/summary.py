"""A collation in sentences and in sums: what it comes to, by witnesses, by columns and by kinds of difference.

Every sentence with a number is a property here, for terminal, pages and exports alike, and every share names the number
that it is a share of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

from tablesim.evidence.collation.cells import DOUBTFUL, judge
from tablesim.evidence.collation.differences import (
    KINDS,
    LAST_PLACE,
    MARK,
    MORE_FIGURES,
    ONE_FIGURE,
    OTHERWISE,
    SHIFTED,
    TRANSPOSED,
    kinds_of,
)
from tablesim.evidence.collation.verification import verification
from tablesim.language import listed, say, say_n, to_say
from tablesim.records.collation import AGREES, DIFFERS, ILLEGIBLE_STATE, MISSING, Cell, Collation

N_COLUMNS = 3
"""Columns with most differences that the summary names one by one. Chosen by eye: a sentence that is read at once."""

MAX_PAIRS = 10
"""Every two of so many pairs of witnesses, five witnesses, are compared in words."""


@dataclass(frozen=True)
class ColumnSum:
    """The differences of one column.

    Parameters
    ----------
    table, column : int
        From 1, as in a `CellAddress`.
    words : str
        The column in words.
    cells : tuple of Cell
        Those that differ, from above.
    kinds : dict of str to int
        How many of them are of each of ``KINDS``.
    doubtful : int
        How many of them look like misreadings.
    """

    table: int
    column: int
    words: str
    cells: tuple[Cell, ...]
    kinds: dict[str, int]
    doubtful: int


@dataclass(frozen=True)
class PairSum:
    """Two witnesses of a collation, counted.

    Parameters
    ----------
    a, b : str
        Their sigla.
    met : int
        Cells in which both have a number: the sum of the next four.
    agree, differ, doubtful, illegible : int
        Of these: those that agree, differ, differ unless misread, and cannot be told.
    smaller : str
        The siglum of the witness with fewer numbers.
    numbers : int
        How many it has in tables.
    by_chance : int
        How many would agree by chance (`evidence.collation.chance`).
    same_table : bool
        Whether that makes them the same table, or one of them a part of the other's.
    verdict : str
        What follows from it, in words.
    part : str
        The siglum of the one that holds a part of the other's table; empty where neither does.
    """

    a: str
    b: str
    met: int
    agree: int
    differ: int
    doubtful: int
    illegible: int
    smaller: str
    numbers: int
    by_chance: int
    same_table: bool
    verdict: str
    part: str = ""

    @property
    def words(self) -> str:
        """The pair in a sentence."""
        if not self.met:
            return say(
                "{a} and {b} have no number in a cell that both have: {verdict}.",
                a=self.a,
                b=self.b,
                verdict=self.verdict,
            )
        parts = [_agree(self.agree), _differ(self.differ)]
        if self.doubtful:
            parts.append(say_n(self.doubtful, "{n} differs unless misread", "{n} differ unless misread"))
        if self.illegible:
            parts.append(_illegible(self.illegible))
        return say(
            "{a} and {b} both have a number in {cells} ({smaller}, the smaller, has {numbers}): {parts}. By chance "
            "{by_chance} would agree: {verdict}.",
            a=self.a,
            b=self.b,
            cells=say_n(self.met, "{n} cell", "{n} cells"),
            smaller=self.smaller,
            numbers=say_n(self.numbers, "{n} number", "{n} numbers"),
            parts=listed(parts),
            by_chance=self.by_chance,
            verdict=self.verdict,
        )


class CollationSummary:
    """What a collation comes to.

    Parameters
    ----------
    collation : Collation
    """

    def __init__(self, collation: Collation) -> None:
        self.collation = collation

    @cached_property
    def kinds(self) -> dict[tuple[int, int], str]:
        """By row and column of the alignment what each cell that differs is."""
        return kinds_of(self.collation)

    @cached_property
    def columns(self) -> tuple[ColumnSum, ...]:
        """The columns with differences, those with most first; equals in their order."""
        cells_of: dict[tuple[int, int], list[Cell]] = {}
        words: dict[tuple[int, int], str] = {}
        for cell in self.collation.differences:
            address = self.collation.address(cell)
            where = address.table, address.column
            cells_of.setdefault(where, []).append(cell)
            words[where] = address.column_place
        sums = [
            ColumnSum(*where, words[where], tuple(cells), self._kinds(cells), sum(c.doubtful for c in cells))
            for where, cells in sorted(cells_of.items())
        ]
        return tuple(sorted(sums, key=lambda column: -len(column.cells)))

    @cached_property
    def by_kind(self) -> dict[str, int]:
        """How many differences are of each of ``KINDS``; those that none is of are left out."""
        return {kind: n for kind, n in self._kinds(self.collation.differences).items() if n}

    @property
    def n_doubtful(self) -> int:
        """How many differences look like misreadings."""
        return sum(cell.doubtful for cell in self.collation.differences)

    @cached_property
    def pairs(self) -> tuple[PairSum, ...]:
        """Every two witnesses, in their order."""
        return tuple(pair_sum(self.collation, a, b) for a, b in combinations(range(len(self.collation.witnesses)), 2))

    @property
    def verdict(self) -> str:
        """Which witnesses carry the same table."""
        sigla = self.collation.sigla
        same = [pair.same_table for pair in self.pairs]
        parts = [pair.part for pair in self.pairs if pair.part]
        if len(sigla) == 2 and parts:
            (whole,) = set(sigla) - set(parts)
            return say("{part} holds a part of the table of {whole}.", part=parts[0], whole=whole)
        names = listed(sigla)
        if all(same) and parts:
            return say("{witnesses} carry the same table or parts of it.", witnesses=names)
        if all(same):
            return say("{witnesses} carry the same table.", witnesses=names)
        if not any(same):
            return say("{witnesses} are not shown to carry the same table.", witnesses=names)
        alike = say_n(
            sum(same),
            "{n} of the {pairs} pairs of witnesses carries the same table",
            "{n} of the {pairs} pairs of witnesses carry the same table",
            pairs=len(same),
        )
        if len(same) > MAX_PAIRS:
            return f"{alike}."
        return f"{alike}: {listed([listed([pair.a, pair.b]) for pair in self.pairs if pair.same_table])}."

    @property
    def states(self) -> str:
        """How many cells there are in common, and how many of them agree, differ, are missing, are illegible."""
        counts = self.collation.summary
        if not self.collation.cells:
            return say("They have no cell in common.")
        parts = [_agree(counts[AGREES]), _differ(counts[DIFFERS])]
        if counts[MISSING]:
            parts.append(say_n(counts[MISSING], "{n} is missing in a witness", "{n} are missing in a witness"))
        if counts[ILLEGIBLE_STATE]:
            parts.append(_illegible(counts[ILLEGIBLE_STATE]))
        n = len(self.collation.cells)
        return say_n(n, "{n} cell in common: {parts}.", "{n} cells in common: {parts}.", parts=listed(parts))

    @property
    def where(self) -> str:
        """In which columns the differences are, with the commonest kind of each; empty without any."""
        if not self.columns:
            return ""
        first, rest = self.columns[:N_COLUMNS], self.columns[N_COLUMNS:]
        parts = []
        for column in first:
            kind, most = max(column.kinds.items(), key=lambda item: item[1])
            n, how = len(column.cells), say(_AS_DIFFERENCE[kind])
            parts.append(
                say("{n} in {column} ({most} of the {n} {how})", n=n, column=column.words, most=most, how=how)
                if n > 1
                else say("{n} in {column} ({how})", n=n, column=column.words, how=how)
            )
        if rest:
            more = sum(len(column.cells) for column in rest)
            parts.append(say_n(len(rest), "{more} in {n} other column", "{more} in {n} other columns", more=more))
        return self._of_those_that_differ(listed(parts))

    @property
    def how(self) -> str:
        """Of what kind the differences are; empty without any."""
        if not self.by_kind:
            return ""
        parts = [f"{n} {say(_AS_DIFFERENCE[kind])}" for kind, n in self.by_kind.items()]
        return self._of_those_that_differ(listed(parts))

    @property
    def doubts(self) -> str:
        """How many differences look like misreadings; empty without any difference."""
        n, of = self.n_doubtful, self.collation.summary[DIFFERS]
        if not of:
            return ""
        if not n:
            return say_n(
                of,
                "None of the {n} that differs looks like a misreading.",
                "None of the {n} that differ looks like a misreading.",
            )
        asserted = (
            say_n(of - n, "the other {n} is asserted", "the other {n} are asserted")
            if of > n
            else say("none is asserted")
        )
        look = say_n(n, "{n} looks like a misreading", "{n} look like misreadings")
        return say_n(
            of,
            "Of the {n} that differs, {look} (marked ?): it is likelier that the reader erred than that the printers "
            "differ; {asserted}.",
            "Of the {n} that differ, {look} (marked ?): it is likelier that the reader erred than that the printers "
            "differ; {asserted}.",
            look=look,
            asserted=asserted,
        )

    @property
    def sentences(self) -> tuple[str, ...]:
        """All of it; what there is nothing to say of is left out."""
        every = (self.verdict, self.states, self.where, self.how, self.doubts, self.alone)
        return tuple(sentence for sentence in every if sentence)

    @property
    def paragraph(self) -> str:
        """The sentences in one."""
        return " ".join(self.sentences)

    @property
    def alone(self) -> str:
        """How many rows and columns one witness alone has, witness by witness; empty without any."""
        parts = []
        for witness, siglum in enumerate(self.collation.sigla):
            kinds = Counter(line.kind for line in self.collation.unaligned if line.witness == witness)
            of = [say_n(kinds["row"], "{n} row", "{n} rows")] if kinds["row"] else []
            of += [say_n(kinds["column"], "{n} column", "{n} columns")] if kinds["column"] else []
            parts += [say("{siglum} alone has {lines}", siglum=siglum, lines=listed(of))] if of else []
        return f"{'; '.join(parts)}." if parts else ""

    def _of_those_that_differ(self, parts: str) -> str:
        n = self.collation.summary[DIFFERS]
        return say_n(n, "Of the {n} that differs: {parts}.", "Of the {n} that differ: {parts}.", parts=parts)

    def _kinds(self, cells: Iterable[Cell]) -> dict[str, int]:
        counts = Counter(self.kinds[cell.row, cell.column] for cell in cells)
        return {kind: counts[kind] for kind in KINDS}


def _agree(n: int) -> str:
    return say_n(n, "{n} agrees", "{n} agree")


def _differ(n: int) -> str:
    return say_n(n, "{n} differs", "{n} differ")


def _illegible(n: int) -> str:
    return say_n(n, "{n} is illegible", "{n} are illegible")


_AS_DIFFERENCE = {
    LAST_PLACE: to_say("by one in the last place"),
    ONE_FIGURE: to_say("in one figure"),
    TRANSPOSED: to_say("by figures transposed"),
    MORE_FIGURES: to_say("by a figure more or fewer"),
    MARK: to_say("in a sign or mark"),
    SHIFTED: to_say("shifted from a row or column beside"),
    OTHERWISE: to_say("in several figures"),
}
"""Each kind as it stands in a sentence, behind a number of differences."""


def pair_sum(collation: Collation, a: int, b: int) -> PairSum:
    """Two witnesses counted as if there were no other."""
    states: Counter[str] = Counter()
    for cell in collation.cells:
        x, y = cell.readings[a], cell.readings[b]
        if x is None or y is None:
            continue
        if len(cell.readings) == 2:
            state, doubtful = cell.state, cell.doubtful
        else:
            state, doubt = judge([x, y])
            doubtful = doubt >= DOUBTFUL
        states["doubtful" if state == DIFFERS and doubtful else state] += 1
    smaller = min((a, b), key=lambda w: len(collation.witnesses[w].numbers))
    verified = verification(collation, a, b)
    return PairSum(
        collation.sigla[a],
        collation.sigla[b],
        states.total(),
        states[AGREES],
        states[DIFFERS],
        states["doubtful"],
        states[ILLEGIBLE_STATE],
        collation.sigla[smaller],
        len(collation.witnesses[smaller].numbers),
        round(verified.by_chance),
        verified.same,
        verified.verdict,
        "" if verified.part is None else collation.sigla[(a, b)[verified.part]],
    )
