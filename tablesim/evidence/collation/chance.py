"""What chance gives two aligned tables: cells that agree when the numbers of a column change places (permutation null).

Two tables of one kind agree in their arguments, in what a column has many of, and in figures that change slowly. So
the agreement of a pair says something only beside that which is left when the rows of one of the two are permuted, the
arguments staying where they are: in the mean over all permutations, which is known without drawing one (C. Spearman,
Phenomena of chance, 1904; E. S. Edgington, Randomization Tests, 1980). Where rows were put opposite each other out of
their order, the permuted ones may be as well, and the assignment of most equal cells is drawn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from math import ceil

import numpy as np
from scipy.optimize import linear_sum_assignment

REGULAR = 0.7
"""Where so large a share of the steps from row to row, or to the next but one, is the same, a column is an argument."""

ARGUMENTS_AT_MOST = 0.5
"""So large a share of the columns of a table may be its arguments, the first ones: of a table of multiples every column
goes by a step of its own."""

DRAWS = 5
"""Permutations that are drawn where rows are out of order: their means differ by a cell or two."""

Column = Sequence[tuple[str, str]]
"""The texts of two witnesses in the cells of a column, from top to bottom."""


def equal_in_order(columns: Sequence[Column]) -> float:
    """How many cells of aligned columns agree by chance, of rows that are in one order in both witnesses."""
    arguments = _arguments(columns)
    return sum(
        float(_equal(column)) if index in arguments else max(_permuted(column), _moved_by_one(column))
        for index, column in enumerate(columns)
    )


def equal_out_of_order(rows: Sequence[Sequence[tuple[str, str] | None]], seed: int = 0) -> float:
    """How many cells agree by chance where rows may go anywhere; a row has one pair of texts a column, None for none.

    The numbers of each column of one witness are shuffled, and rows assigned anew so that most cells agree. What is
    drawn does not depend on which witness comes first: one pair of pages has one number.
    """
    rng = np.random.default_rng(seed)
    codes = np.full((2, len(rows), max(map(len, rows), default=0)), -1)
    known: dict[str, int] = {}
    for at, row in enumerate(_in_one_order(rows)):
        for column, pair in enumerate(row):
            if pair is not None:
                codes[:, at, column] = [known.setdefault(text, len(known)) for text in pair]
    totals = []
    for _ in range(DRAWS):
        others = rng.permuted(codes[1], axis=0)
        equal = ((codes[0][:, None] == others[None]) & (others >= 0)).sum(axis=2)
        totals.append(equal[linear_sum_assignment(-equal)].sum())
    return float(np.mean(totals))


def _in_one_order(rows: Sequence[Sequence[tuple[str, str] | None]]) -> list[list[tuple[str, str] | None]]:
    """Rows, columns and the two sides in an order that follows from their texts alone."""
    pairs = [[("", "") if pair is None else pair for pair in row] for row in rows]
    sides = [sorted(pair[side] for row in pairs for pair in row) for side in (0, 1)]
    turned = sides[1] < sides[0]
    columns = sorted(([(p[turned], p[not turned]) for p in column] for column in zip(*pairs, strict=True)), key=sorted)
    return [[None if pair == ("", "") else pair for pair in row] for row in sorted(zip(*columns, strict=True))]


def _equal(column: Column) -> int:
    return sum(a == b for a, b in column)


def _permuted(column: Column) -> float:
    """The mean number of equal cells over all permutations of one side: the sum over values of n n' / n."""
    ours, others = Counter(a for a, _ in column), Counter(b for _, b in column)
    return sum(count * others[text] for text, count in ours.items()) / max(len(column), 1)


def _moved_by_one(column: Column) -> float:
    """Equal cells when one side is moved up or down by a row, as a table for a neighbouring value is."""
    if len(column) < 2:
        return 0.0
    down = sum(a == b for (a, _), (_, b) in pairwise(column))
    up = sum(a == b for (_, b), (a, _) in pairwise(column))
    return (down + up) / 2 * len(column) / (len(column) - 1)


def _arguments(columns: Sequence[Column]) -> set[int]:
    """Which columns go by one step in both witnesses, the first ones, at most ``ARGUMENTS_AT_MOST`` of them."""
    regular = [
        index
        for index, column in enumerate(columns)
        if all(_is_regular([pair[side] for pair in column]) for side in (0, 1))
    ]
    return set(regular[: ceil(ARGUMENTS_AT_MOST * len(columns))])


def _is_regular(texts: Sequence[str]) -> bool:
    """Whether numbers go on by one step: 1 2 3, 0 30 0 30, 1 1 2 2."""
    values = [int(text) if text.isdecimal() else None for text in texts]
    for rows in (1, 2):
        steps = [b - a for a, b in zip(values, values[rows:], strict=False) if a is not None and b is not None]
        if len(steps) > 1 and Counter(steps).most_common(1)[0][1] >= REGULAR * len(steps):
            return True
    return False
