"""Two aligned sides merged by their patches: one panel a patch, with the numbers of both.

What a patch left over of its panels, rows and columns that only one side has, is in the merged panel where its page
has it, so that a further witness can meet it there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tablesim.digits.evaluation.alignment import rising_pairs
from tablesim.evidence.collation.alignment import AlignedPatch
from tablesim.evidence.collation.grids import NONE, Panel, TableAlignment
from tablesim.evidence.collation.values import LogOdds

Ints = NDArray[np.int64]

HOME = 3.0
"""Bits by which a number is preferred in the column that its page gave it."""

MOVE_BITS = 8.0
"""What a row must gain before a number of it is taken for one of another column."""


def merge(left: Sequence[Panel], right: Sequence[Panel], patches: Sequence[AlignedPatch], odds: LogOdds) -> list[Panel]:
    """One panel a patch, in the order of the left side, then the panels that met nothing."""
    owners_left = [_owners(panel, at, patches, 0) for at, panel in enumerate(left)]
    owners_right = [_owners(panel, at, patches, 1) for at, panel in enumerate(right)]
    merged: list[tuple[tuple[int, ...], Panel]] = []
    for number, patch in enumerate(patches):
        mine = left[patch.left], owners_left[patch.left] == number, odds.left[patch.left]
        yours = right[patch.right], owners_right[patch.right] == number, odds.right[patch.right]
        order = (patch.left, int(patch.columns[:, 0].min()), int(patch.rows[:, 0].min()))
        merged.append((order, _band(mine, yours, patch, odds)))
    for at, panel in enumerate(left):
        if (owners_left[at] == NONE).all():
            merged.append(((at, -1, -1), panel))
    bands = [panel for _, panel in sorted(merged, key=lambda item: item[0])]
    return [*bands, *(panel for at, panel in enumerate(right) if (owners_right[at] == NONE).all())]


def mirrored(alignment: TableAlignment) -> TableAlignment:
    """The alignment of two witnesses with their roles exchanged: rows and columns follow the other one now."""
    turned = alignment.transposed[1]
    panels = [panel.turned_over() if turned else panel for panel in alignment.panels]
    panels = [Panel(panel.numbers[::-1], panel.rows[::-1], panel.columns[::-1]) for panel in panels]
    panels = [panel.part(_sequence(panel.rows), _sequence(panel.columns)) for panel in panels]
    return TableAlignment(tuple(sorted(panels, key=lambda panel: panel.beginning)), (False, turned))


def _sequence(names: Ints) -> Ints:
    """The order, as indices, in which ``_order`` has rows (or columns) with these names, shape (2, n)."""
    both = names[:, (names != NONE).all(axis=0)].T
    ordered = _order(both, names[0][names[0] != NONE], names[1][names[1] != NONE])
    index_of = {name: index for index, name in enumerate(map(tuple, names.T.tolist()))}
    return np.array([index_of[name] for name in map(tuple, ordered.tolist())], dtype=np.int64)


def _owners(panel: Panel, which: int, patches: Sequence[AlignedPatch], side: int) -> Ints:
    """To which patch each cell of a panel goes, shape (r, c): what none of them covers goes to the nearest one."""
    owner = np.full(panel.shape, NONE)
    mine = [(n, p) for n, p in enumerate(patches) if (p.left, p.right)[side] == which]
    if not mine:
        return owner
    nearest = np.full(panel.shape, np.inf)
    row_of, column_of = np.arange(panel.shape[0]), np.arange(panel.shape[1])
    for number, patch in mine:
        to_rows = np.abs(row_of[:, None] - patch.rows[None, :, side]).min(axis=1)
        to_columns = np.abs(column_of[:, None] - patch.columns[None, :, side]).min(axis=1)
        # First by rows: a column that one side lacks runs beside those of the patch that has its rows.
        distance = to_rows[:, None] * 1000.0 + to_columns[None, :]
        closer = distance < nearest
        owner[closer], nearest[closer] = number, distance[closer]
    for number, patch in mine:
        owner[np.ix_(patch.rows[:, side], patch.columns[:, side])] = number
    return owner


def _band(
    mine: tuple[Panel, NDArray[np.bool_], Ints],
    yours: tuple[Panel, NDArray[np.bool_], Ints],
    patch: AlignedPatch,
    odds: LogOdds,
) -> Panel:
    """The panel of one patch; of each side come the panel, the mask of cells that are the patch's, and the codes."""
    (rows_mine, columns_mine, codes), (rows_yours, others, other_codes) = mine, yours
    full = columns_mine & (rows_mine.numbers != NONE).any(axis=0), others & (rows_yours.numbers != NONE).any(axis=0)
    rows = _order(patch.rows, *(np.flatnonzero(f.any(axis=1)) for f in full))
    columns = _order(patch.columns, *(np.flatnonzero(f.any(axis=0)) for f in full))
    shape = len(rows), len(columns)
    numbers = np.full((rows_mine.numbers.shape[0], *shape), NONE)
    left_codes, right_codes = np.full(shape, odds.blank_left), np.full(shape, odds.blank_right)
    sides = ((0, rows_mine, full[0], codes, left_codes), (1, rows_yours, full[1], other_codes, right_codes))
    for side, panel, taken, from_codes, to_codes in sides:
        at_rows, at_columns = np.flatnonzero(rows[:, side] != NONE), np.flatnonzero(columns[:, side] != NONE)
        to = np.ix_(at_rows, at_columns)
        source = np.ix_(rows[at_rows, side], columns[at_columns, side])
        mask = taken[source]
        for w in range(len(numbers)):
            numbers[w][to] = np.where(
                mask & (panel.numbers[w][source] != NONE), panel.numbers[w][source], numbers[w][to]
            )
        to_codes[to] = np.where(mask, from_codes[source], to_codes[to])
    belongs = (rows_yours.numbers != NONE).any(axis=(1, 2))
    for row in np.flatnonzero((rows != NONE).all(axis=1)):
        _settle(numbers[:, row], belongs, left_codes[row], right_codes[row], odds)
    return Panel(
        numbers,
        _joined(rows_mine.rows, rows_yours.rows, rows),
        _joined(rows_mine.columns, rows_yours.columns, columns),
    ).without_empty()


def _order(pairs: Ints, mine: Ints, yours: Ints) -> Ints:
    """Both sides in one sequence, pairs of indices or -1, shape (n, 2): the left order, the right's own in between."""
    partner = dict(pairs.tolist())
    both = sorted(set(mine.tolist()) | set(partner))
    sequence = [(left, partner.get(left, NONE)) for left in both]
    position = {right: at for at, (_, right) in enumerate(sequence) if right != NONE}
    added: dict[int, list[int]] = {}
    for right in sorted(set(yours.tolist()) - set(position)):
        before = [other for other in position if other < right]
        # Behind the nearest one before it on its own page, or at the very beginning of what follows it.
        at = position[max(before)] + 1 if before else min((position[o] for o in position if o > right), default=0)
        added.setdefault(at, []).append(right)
    found: list[tuple[int, int]] = []
    for at in range(len(sequence) + 1):
        found += [(NONE, right) for right in added.get(at, [])]
        found += sequence[at : at + 1]
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def _joined(first: Ints, second: Ints, order: Ints) -> Ints:
    """The names of rows (or columns) in each witness, shape (w, n), in the merged order."""
    found = np.full((first.shape[0], len(order)), NONE)
    for names, side in ((first, 0), (second, 1)):
        at = np.flatnonzero(order[:, side] != NONE)
        named = names[:, order[at, side]]
        found[:, at] = np.where(named != NONE, named, found[:, at])
    return found


def _settle(numbers: Ints, belongs: NDArray[np.bool_], left: Ints, right: Ints, odds: LogOdds) -> None:
    """Put numbers of the right side into the column in which the left side has them, where columns ran together.

    ``numbers`` (witnesses, columns) of one row is changed; ``belongs`` tells the witnesses of the right side, ``left``
    and ``right`` are the codes of the row.
    """
    as_it_is = odds.bits[left, right]
    if (as_it_is >= 0).all():
        return
    mine, yours = np.flatnonzero(left != odds.blank_left), np.flatnonzero(right != odds.blank_right)
    if not len(mine) or not len(yours):
        return
    bits = odds.bits[np.ix_(left[mine], right[yours])] + HOME * (mine[:, None] == yours[None, :])
    pairs, total = _chain(bits)
    at_home = np.intersect1d(mine, yours)
    home = float((odds.bits[left[at_home], right[at_home]] + HOME).sum())
    if total < home + MOVE_BITS:
        return
    target = {int(yours[j]): int(mine[i]) for i, j in pairs}
    taken = set(target.values())
    for column in yours.tolist():
        if column in target:
            continue
        free = [c for c in range(len(left)) if c not in taken]
        if not free:
            return
        target[column] = min(free, key=lambda c: (abs(c - column), c))
        taken.add(target[column])
    row = numbers[belongs].copy()
    numbers[belongs] = NONE
    moved = np.full_like(row, NONE)
    for column, to in target.items():
        moved[:, to] = row[:, column]
    numbers[belongs] = moved


def _chain(bits: NDArray[np.float64]) -> tuple[list[tuple[int, int]], float]:
    """The order-preserving pairs of greatest sum, and that sum."""
    pairs = rising_pairs(bits)
    return pairs, float(sum(bits[i, j] for i, j in pairs))
