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
from tablesim.records.collation import AGREES, DIFFERS, ILLEGIBLE_STATE, MISSING, Cell, Collation
from tablesim.records.counting import counted, listed, plural

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
            return f"{self.a} and {self.b} have no number in a cell that both have: {self.verdict}."
        parts = [f"{self.agree} {plural(self.agree, 'agrees', 'agree')}"]
        parts += [f"{self.differ} {plural(self.differ, 'differs', 'differ')}"]
        parts += (
            [f"{self.doubtful} {plural(self.doubtful, 'differs', 'differ')} unless misread"] if self.doubtful else []
        )
        parts += [f"{self.illegible} {plural(self.illegible, 'is', 'are')} illegible"] if self.illegible else []
        return (
            f"{self.a} and {self.b} both have a number in {counted(self.met, 'cell')} ({self.smaller}, the smaller, "
            f"has {counted(self.numbers, 'number')}): {listed(parts)}. By chance {self.by_chance} would agree: "
            f"{self.verdict}."
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
            table = "" if address.only_table else f"table {address.table}, "
            words[where] = table + address.column_words
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
            return f"{parts[0]} holds a part of the table of {whole}."
        if all(same):
            return f"{listed(sigla)} carry the same table{' or parts of it' if parts else ''}."
        if not any(same):
            return f"{listed(sigla)} are not shown to carry the same table."
        named = listed([f"{pair.a} and {pair.b}" for pair in self.pairs if pair.same_table])
        carry = plural(sum(same), "carries", "carry")
        if len(same) > MAX_PAIRS:
            return f"{sum(same)} of the {len(same)} pairs of witnesses {carry} the same table."
        return f"{sum(same)} of the {len(same)} pairs of witnesses {carry} the same table: {named}."

    @property
    def states(self) -> str:
        """How many cells there are in common, and how many of them agree, differ, are missing, are illegible."""
        counts = self.collation.summary
        if not self.collation.cells:
            return "They have no cell in common."
        parts = [
            f"{counts[AGREES]} {plural(counts[AGREES], 'agrees', 'agree')}",
            f"{counts[DIFFERS]} {plural(counts[DIFFERS], 'differs', 'differ')}",
        ]
        if counts[MISSING]:
            parts.append(f"{counts[MISSING]} {plural(counts[MISSING], 'is', 'are')} missing in a witness")
        if counts[ILLEGIBLE_STATE]:
            parts.append(f"{counts[ILLEGIBLE_STATE]} {plural(counts[ILLEGIBLE_STATE], 'is', 'are')} illegible")
        return f"{counted(len(self.collation.cells), 'cell')} in common: {listed(parts)}."

    @property
    def where(self) -> str:
        """In which columns the differences are, with the commonest kind of each; empty without any."""
        if not self.columns:
            return ""
        first, rest = self.columns[:N_COLUMNS], self.columns[N_COLUMNS:]
        parts = []
        for column in first:
            kind, most = max(column.kinds.items(), key=lambda item: item[1])
            of_them = f"{most} of the {len(column.cells)} " if len(column.cells) > 1 else ""
            parts.append(f"{len(column.cells)} in {column.words} ({of_them}{_AS_DIFFERENCE[kind]})")
        if rest:
            more = sum(len(column.cells) for column in rest)
            parts.append(f"{more} in {counted(len(rest), 'other column')}")
        return f"Of the {self._differ}: {listed(parts)}."

    @property
    def how(self) -> str:
        """Of what kind the differences are; empty without any."""
        if not self.by_kind:
            return ""
        parts = [f"{n} {_AS_DIFFERENCE[kind]}" for kind, n in self.by_kind.items()]
        return f"Of the {self._differ}: {listed(parts)}."

    @property
    def doubts(self) -> str:
        """How many differences look like misreadings; empty without any difference."""
        n, of = self.n_doubtful, self.collation.summary[DIFFERS]
        if not of:
            return ""
        if not n:
            return f"None of the {self._differ} looks like a misreading."
        asserted = f"the other {of - n} {plural(of - n, 'is', 'are')} asserted" if of > n else "none is asserted"
        look = plural(n, "looks like a misreading", "look like misreadings")
        return (
            f"Of the {self._differ}, {n} {look} (marked ?): it is likelier that the reader erred than that the "
            f"printers differ; {asserted}."
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
            of = [counted(kinds[kind], kind) for kind in ("row", "column") if kinds[kind]]
            parts += [f"{siglum} alone has {listed(of)}"] if of else []
        return f"{'; '.join(parts)}." if parts else ""

    @property
    def _differ(self) -> str:
        n = self.collation.summary[DIFFERS]
        return f"{n} that {plural(n, 'differs', 'differ')}"

    def _kinds(self, cells: Iterable[Cell]) -> dict[str, int]:
        counts = Counter(self.kinds[cell.row, cell.column] for cell in cells)
        return {kind: counts[kind] for kind in KINDS}


_AS_DIFFERENCE = {
    LAST_PLACE: "by one in the last place",
    ONE_FIGURE: "in one figure",
    TRANSPOSED: "by figures transposed",
    MORE_FIGURES: "by a figure more or fewer",
    MARK: "in a sign or mark",
    SHIFTED: "shifted from a row or column beside",
    OTHERWISE: "in several figures",
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
