"""Alignment of rows by dynamic programming with affine gaps (Gotoh 1982) and of columns by assignment, in turn.

Editions set one table in other columns, in halves or whole, with rows dropped, added or moved. So two pages are not
aligned at once but in patches: a set of columns and a map of rows that fit each other, the greatest first, until
nothing is left that chance could not do. In a patch rows and columns are found in turn: rows from the numbers that two
rows share wherever they stand; columns from what they say under that map of rows; rows again from these columns alone.

Rows are mapped in their order by dynamic programming with affine gaps (Gotoh 1982), ends free; where rows were shuffled
or blocks moved, by the assignment of greatest weight. Columns are always assigned, neighbours preferred.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from tablesim.evidence.collation.values import MISMATCH, LogOdds

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ROUNDS = 6
"""Rows and columns settle within a few rounds; more would only go in circles."""

GAP_OPEN, GAP_STEP = 1.5, 0.3
"""Bits for each column: what it costs to skip rows, at first and for each. Two rows that differ in every column are
one row with slips (twice MISMATCH lies below twice GAP_OPEN); three such rows are none."""

SHUFFLED = 1.3
"""Rows are taken out of order where that brings this many times the bits."""

BEFORE, AFTER = 0.10, 0.15
"""Share of its bits by which a pair of rows or columns is preferred when the pair before, or after it, is joined too.
The one after counts for more: of two equal columns of zeros, editions leave out the leading one."""

COLUMN_BITS, COLUMN_EQUAL = 6.0, 0.25
"""What a pair of columns needs: bits, and the share of equal numbers where both have one."""

STRAYS, STRAY_GROUP = 12.0, 16.0
"""Columns that would gain so many bits by a map of rows of their own, one alone and all together, get one."""

PATCH_BITS, PATCH_EQUAL, PATCH_SHARE = 24.0, 6, 0.3
"""What a patch needs: bits, equal numbers, and their share of the cells where both have a number."""

WEAK = 0.3
"""Pairs of rows with less than this share of the usual bits are weak."""

MAX_PATCHES = 48
"""More patches than any two pages have tables; chosen by eye."""

MAX_DESCENTS = 1
"""Columns are in order with so many steps back: a printer moved the argument, or a column of words."""


@dataclass(frozen=True)
class AlignedPatch:
    """Rows and columns of two panels that belong together.

    Parameters
    ----------
    left, right : int
        Panels of the two sides.
    rows, columns : int64 arrays of shape (n, 2) and (m, 2)
        Pairs of indices, in the order of the left side.
    bits : float
        How much speaks for it.
    """

    left: int
    right: int
    rows: Ints
    columns: Ints
    bits: float


def find_patches(odds: LogOdds) -> list[AlignedPatch]:
    """The patches by falling bits; no cell of either side is in two of them."""
    left, right = [grid.copy() for grid in odds.left], [grid.copy() for grid in odds.right]
    tried: dict[tuple[int, int], AlignedPatch | None] = {}
    found: list[AlignedPatch] = []
    while len(found) < MAX_PATCHES:
        for i in range(len(left)):
            for j in range(len(right)):
                if (i, j) not in tried:
                    tried[i, j] = _patch(odds, (i, left[i]), (j, right[j]))
        likely = [patch for patch in tried.values() if patch is not None and _fits(patch, found)]
        best = max(likely, key=lambda p: p.bits, default=None)
        if best is None:
            break
        found.append(best)
        left[best.left][np.ix_(best.rows[:, 0], best.columns[:, 0])] = odds.blank_left
        right[best.right][np.ix_(best.rows[:, 1], best.columns[:, 1])] = odds.blank_right
        tried = {key: patch for key, patch in tried.items() if key[0] != best.left and key[1] != best.right}
    return [_extended(odds, patch, left[patch.left], right[patch.right]) for patch in found]


def _fits(patch: AlignedPatch, patches: Sequence[AlignedPatch]) -> bool:
    """Whether a patch could be a piece of print beside those found.

    Minutes that fall by one from row to row equal those of another year two rows further down. Columns that run by
    other rows than the columns between which they stand are not what a printer set.
    """
    for earlier in patches:
        if (earlier.left, earlier.right) != (patch.left, patch.right):
            continue
        beside = all(np.isin(patch.rows[:, side], earlier.rows[:, side]).mean() > 0.5 for side in (0, 1))
        if beside and not all(_apart(patch.columns[:, side], earlier.columns[:, side]) for side in (0, 1)):
            return False
    return True


def _apart(a: Ints, b: Ints) -> bool:
    """Whether all of one stand before or behind all of the other."""
    return bool(a.max() < b.min() or b.max() < a.min())


def _extended(odds: LogOdds, patch: AlignedPatch, left: Ints, right: Ints) -> AlignedPatch:
    """The patch with the rows that go on beyond its ends on both sides and that no patch has taken.

    A row in which the printer's eye slipped is weak, and looks like the end where it is the first or last of a half.
    What is left of the two panels is blanked where it is taken.
    """
    rows = patch.rows
    for end, step in ((0, -1), (-1, 1)):
        while True:
            i, j = (rows[end] + step).tolist()
            if not (0 <= i < len(left) and 0 <= j < len(right)):
                break
            codes_left, codes_right = left[i, patch.columns[:, 0]], right[j, patch.columns[:, 1]]
            both = (codes_left != odds.blank_left) & (codes_right != odds.blank_right)
            if not (odds.bits[codes_left, codes_right][both] > 0).any():
                break
            left[i, patch.columns[:, 0]], right[j, patch.columns[:, 1]] = odds.blank_left, odds.blank_right
            pair = np.array([[i, j]])
            rows = np.concatenate([pair, rows] if step < 0 else [rows, pair])
    return replace(patch, rows=rows)


def _patch(odds: LogOdds, panel_left: tuple[int, Ints], panel_right: tuple[int, Ints]) -> AlignedPatch | None:
    """The patch of most bits between what is left of two panels; None where chance could have made it."""
    (left, left_codes), (right, right_codes) = panel_left, panel_right
    a, rows_a, columns_a = _filled(left_codes, odds.blank_left)
    b, rows_b, columns_b = _filled(right_codes, odds.blank_right)
    if not a.size or not b.size:
        return None
    rows = match_rows(_rows_alike(odds, a, b), min(_per_row(a, odds.blank_left), _per_row(b, odds.blank_right)))
    columns = np.zeros((0, 2), dtype=np.int64)
    allowed = np.ones((a.shape[1], b.shape[1]), dtype=bool)
    for _ in range(ROUNDS):
        columns = match_columns(odds, a, b, rows, allowed)
        if not len(columns):
            return None
        each = odds.bits[a[:, columns[:, 0]][:, None], b[:, columns[:, 1]][None, :]]
        before, rows = rows, match_rows(each.sum(axis=2), len(columns))
        strays = _strays(each, rows)
        if strays.any():
            # These columns run by other rows, as a half-table does whose rows stand higher or lower: another patch.
            allowed[columns[strays, 0], :] = False
            allowed[:, columns[strays, 1]] = False
        elif np.array_equal(before, rows):
            break
    columns = _with_sandwiched(odds, a, b, rows, match_columns(odds, a, b, rows, allowed), allowed)
    rows = _trimmed(odds, a, b, rows, columns, (len(left_codes) - 1, rows_a), (len(right_codes) - 1, rows_b))
    if not len(columns) or not len(rows):
        return None
    cells = odds.bits[a[rows[:, 0]][:, columns[:, 0]], b[rows[:, 1]][:, columns[:, 1]]]
    both = (a[rows[:, 0]][:, columns[:, 0]] != odds.blank_left) & (b[rows[:, 1]][:, columns[:, 1]] != odds.blank_right)
    equal = int((both & (cells > 0)).sum())
    if cells.sum() < PATCH_BITS or equal < PATCH_EQUAL or equal < PATCH_SHARE * both.sum():
        return None
    pairs = np.stack([rows_a[rows[:, 0]], rows_b[rows[:, 1]]], axis=1)
    sides = np.stack([columns_a[columns[:, 0]], columns_b[columns[:, 1]]], axis=1)
    return AlignedPatch(left, right, pairs, sides, float(cells.sum()))


def _filled(codes: Ints, blank: int) -> tuple[Ints, Ints, Ints]:
    """The rows and columns that hold a number, and which they are."""
    full = codes != blank
    rows, columns = np.flatnonzero(full.any(axis=1)), np.flatnonzero(full.any(axis=0))
    return codes[np.ix_(rows, columns)], rows, columns


def _per_row(codes: Ints, blank: int) -> float:
    return float((codes != blank).sum(axis=1).mean())


def _rows_alike(odds: LogOdds, a: Ints, b: Ints) -> Floats:
    """Bits for each pair of rows by the strings that both hold, whatever their columns; shape (rows a, rows b)."""
    counts_a, counts_b = odds.overlap[0][a].sum(axis=1), odds.overlap[1][b].sum(axis=1)
    used = (counts_a.any(axis=0)) & (counts_b.any(axis=0))
    shared = np.zeros((len(a), len(b)))
    common = np.zeros_like(shared)
    narrow_b, weights = counts_b[:, used], odds.weights[used]
    for row, counts in enumerate(counts_a[:, used]):
        least = np.minimum(counts[None, :], narrow_b)
        shared[row], common[row] = least @ weights, least.sum(axis=1)
    fewer = np.minimum.outer((a != odds.blank_left).sum(axis=1), (b != odds.blank_right).sum(axis=1))
    return np.asarray(shared + MISMATCH * np.maximum(fewer - common, 0))


def match_rows(bits: Floats, width: float) -> Ints:
    """The map of rows of most bits, int64 pairs of shape (n, 2) by rising left row.

    Parameters
    ----------
    bits : float64 array of shape (rows left, rows right)
    width : float
        How many columns these bits come from: gaps cost in proportion.
    """
    ordered = in_order(bits, max(GAP_OPEN * width, 4.0), max(GAP_STEP * width, 0.5))
    free = assigned(bits)
    gained, could = (float(bits[rows[:, 0], rows[:, 1]].sum()) for rows in (ordered, free))
    return free if could > SHUFFLED * max(gained, 0.0) + PATCH_BITS else ordered


def assigned(bits: Floats) -> Ints:
    """The pairs of greatest sum of bits, each row and column once, pairs with neighbours preferred; all above 0."""
    score = np.maximum(bits, 0.0)
    pairs = np.zeros((0, 2), dtype=np.int64)
    for _ in range(2):
        rows, columns = linear_sum_assignment(-score)
        kept = bits[rows, columns] > 0
        pairs = np.stack([rows[kept], columns[kept]], axis=1).astype(np.int64)
        score = np.where(bits > 0, bits + _beside(bits, pairs), 0.0)
    return pairs


def _beside(bits: Floats, pairs: Ints) -> Floats:
    """What each pair gains from joined neighbours: no more than a share of its own bits, so as to part equals only."""
    joined = np.zeros_like(bits)
    joined[pairs[:, 0], pairs[:, 1]] = bits[pairs[:, 0], pairs[:, 1]]
    gain = np.zeros_like(bits)
    gain[1:, 1:] += BEFORE * np.minimum(joined[:-1, :-1], bits[1:, 1:])
    gain[:-1, :-1] += AFTER * np.minimum(joined[1:, 1:], bits[:-1, :-1])
    return gain


def in_order(bits: Floats, gap_open: float, gap_step: float) -> Ints:
    """The order-preserving pairs of greatest sum, less the gaps between them; rows at the ends are skipped free."""
    pair, skip_left, skip_right = _tables(bits, gap_open, gap_step)
    n, m = bits.shape
    totals = np.maximum(np.maximum(pair, skip_left), skip_right)
    last_row, last_column = int(np.argmax(totals[n, :])), int(np.argmax(totals[:, m]))
    i, j = (n, last_row) if totals[n, last_row] >= totals[last_column, m] else (last_column, m)
    pairs: list[tuple[int, int]] = []
    state = 0
    while i and j:
        states = pair[i, j], skip_left[i, j], skip_right[i, j]
        if state == 0:
            state = int(np.argmax(states)) + 1
        if state == 1:
            pairs.append((i - 1, j - 1))
            i, j, state = i - 1, j - 1, 0
        elif state == 2:
            i -= 1
            state = 2 if skip_left[i, j] - gap_step >= totals[i, j] - gap_open else 0
        else:
            j -= 1
            state = 3 if skip_right[i, j] - gap_step >= totals[i, j] - gap_open else 0
    return np.array(pairs[::-1], dtype=np.int64).reshape(-1, 2)


def _tables(bits: Floats, gap_open: float, gap_step: float) -> tuple[Floats, Floats, Floats]:
    """Best sums that end with a pair, a skipped left row, a skipped right row; shapes (..., n + 1, m + 1)."""
    *batch, n, m = bits.shape
    pair, skip_left, skip_right = (np.full((*batch, n + 1, m + 1), -np.inf) for _ in range(3))
    pair[..., 0, :] = 0.0
    pair[..., :, 0] = 0.0
    steps = gap_step * np.arange(m + 1)
    for i in range(1, n + 1):
        above = np.maximum(np.maximum(pair[..., i - 1, :], skip_left[..., i - 1, :]), skip_right[..., i - 1, :])
        pair[..., i, 1:] = bits[..., i - 1, :] + above[..., :-1]
        skip_left[..., i, :] = np.maximum(above - gap_open, skip_left[..., i - 1, :] - gap_step)
        # A gap to the right goes on from the best column at which it could have begun.
        begun = np.maximum.accumulate(np.maximum(pair[..., i, :], skip_left[..., i, :]) + steps, axis=-1)
        skip_right[..., i, 1:] = begun[..., :-1] - gap_open - steps[:-1]
    return pair, skip_left, skip_right


def match_columns(odds: LogOdds, a: Ints, b: Ints, rows: Ints, allowed: NDArray[np.bool_]) -> Ints:
    """Columns that belong together under a map of rows, int64 pairs of shape (m, 2) by rising left column."""
    if not len(rows):
        return np.zeros((0, 2), dtype=np.int64)
    codes_a, codes_b = a[rows[:, 0]], b[rows[:, 1]]
    cells = odds.bits[codes_a[:, :, None], codes_b[:, None, :]]
    both = (codes_a != odds.blank_left)[:, :, None] & (codes_b != odds.blank_right)[:, None, :]
    bits = cells.sum(axis=0)
    equal = (both & (cells > 0)).sum(axis=0)
    likely = allowed & (bits >= COLUMN_BITS) & (equal >= COLUMN_EQUAL * both.sum(axis=0))
    return assigned(np.where(likely, bits, -1.0))


def _trimmed(
    odds: LogOdds,
    a: Ints,
    b: Ints,
    rows: Ints,
    columns: Ints,
    panel_left: tuple[int, Ints],
    panel_right: tuple[int, Ints],
) -> Ints:
    """The rows without first and last pairs that little speaks for, unless both rows end their panels.

    Where rows are out of order nothing but its numbers speaks for a pair, and every weak one goes.

    ``one`` and ``other``: the last row of each panel, and the number in it of each row that is left of it.
    """
    if not len(rows) or not len(columns):
        return rows
    bits = odds.bits[a[rows[:, 0]][:, columns[:, 0]], b[rows[:, 1]][:, columns[:, 1]]].sum(axis=1)
    weak = bits < WEAK * np.median(bits)
    if (np.diff(rows[:, 1]) < 0).any():
        return np.asarray(rows[~weak], dtype=np.int64)
    names = np.stack([panel_left[1][rows[:, 0]], panel_right[1][rows[:, 1]]], axis=1)
    start, stop = 0, len(rows)
    while start < stop and weak[start] and names[start].any():
        start += 1
    while start < stop and weak[stop - 1] and (names[stop - 1] != (panel_left[0], panel_right[0])).any():
        stop -= 1
    return np.asarray(rows[start:stop], dtype=np.int64)


def _strays(each: Floats, rows: Ints) -> NDArray[np.bool_]:
    """Which columns fit better by other rows than the rest; ``each`` holds bits of shape (rows, rows, columns)."""
    none = np.zeros(each.shape[2], dtype=bool)
    if not len(rows) or (np.diff(rows[:, 1]) < 0).any():
        return none
    gap_open, gap_step = STRAYS / 2, GAP_STEP
    tables = _tables(np.moveaxis(each, 2, 0), gap_open, gap_step)
    totals = np.maximum(np.maximum(tables[0], tables[1]), tables[2])
    alone = np.maximum(totals[:, -1, :].max(axis=1), totals[:, :, -1].max(axis=1))
    now = each[rows[:, 0], rows[:, 1]].sum(axis=0)
    apart = alone - now >= STRAYS
    if not apart.any() or apart.all():
        return none
    n_apart = int(apart.sum())
    apart_pairs = in_order(each[:, :, apart].sum(axis=2), max(GAP_OPEN * n_apart, 4.0), max(GAP_STEP * n_apart, 0.5))
    gain = each[apart_pairs[:, 0], apart_pairs[:, 1]].sum(axis=0) - now
    return _half(gain)


def _half(gain: Floats) -> NDArray[np.bool_]:
    """The first columns, or the last, two or more but not all, that gain most; none where the gain is little.

    None of them may lose: a half-table runs by rows of its own as a whole, minutes without their degrees do not.
    """
    n = len(gain)
    best, group = STRAY_GROUP, np.zeros(n, dtype=bool)
    for size in range(2, n):
        for side in (slice(0, size), slice(n - size, n)):
            if gain[side].sum() > best and gain[side].min() > -STRAYS / 2:
                best, group = float(gain[side].sum()), np.zeros(n, dtype=bool)
                group[side] = True
    return group


def _with_sandwiched(odds: LogOdds, a: Ints, b: Ints, rows: Ints, columns: Ints, allowed: NDArray[np.bool_]) -> Ints:
    """The columns, and those between two pairs of neighbours that can only be each other, though their numbers differ.

    So the minutes of another year stand opposite the minutes, and are seen to differ.
    """
    if (np.diff(columns[:, 1]) < 0).sum() > MAX_DESCENTS:
        return columns  # where columns were shuffled, what stands between two says nothing
    ends = np.array([[-1, -1]]), np.array([[a.shape[1], b.shape[1]]])
    found = [columns]
    for (c0, d0), (c1, d1) in pairwise(np.concatenate([ends[0], columns, ends[1]]).tolist()):
        between = np.arange(c0 + 1, c1), np.arange(d0 + 1, d1)
        if d1 <= d0 or len(between[0]) != len(between[1]) or np.isin(between[1], columns[:, 1]).any():
            continue
        if not allowed[between].all():
            continue
        if all(_alike_in_kind(odds, a[rows[:, 0], c], b[rows[:, 1], d]) for c, d in zip(*between, strict=True)):
            found.append(np.stack(between, axis=1))
    together = np.concatenate(found)
    return together[np.argsort(together[:, 0], kind="stable")]


def _alike_in_kind(odds: LogOdds, codes_a: Ints, codes_b: Ints) -> bool:
    """Whether two columns that differ have numbers in the same cells and of about as many digits."""
    full, others = codes_a != odds.blank_left, codes_b != odds.blank_right
    both = full & others
    if both.sum() < max(3.0, 0.8 * max(full.sum(), others.sum())):
        return False
    digits = [odds.digits[side][codes[both]].mean() for side, codes in enumerate((codes_a, codes_b))]
    return bool(abs(digits[0] - digits[1]) < 0.7)
