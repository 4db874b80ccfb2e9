"""Laying one page over another by the numbers they have in common.

Two editions of a table share rows and numbers, not column widths, so rows are fitted first and columns after them: the
height on page B is an affine function of the place on page A, found by RANSAC over pairs of equal whole numbers, rare
ones with more weight; then each column of A takes the sidewards shift at which most of its numbers meet their equals. A
table that was set with rows for columns is tried too. Pages in parts (half-tables that were moved apart) take several
patches, one after the other. All of it happens on the upright page in units of the median height of a figure.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tablesim.records.reading import ILLEGIBLE, Reading

ALONG = 0.6
"""How far, in figure heights, a number may stand above or below its expected place."""

ACROSS = 1.5
"""How far, in figure heights, a number may stand to the side of its place: columns are set left, right or centred."""

MAX_ANCHORS = 4000
"""Pairs of equal numbers by which a page is laid, the rarest first; which numbers then meet is asked of all."""

N_TRIALS = 500
"""Guesses of the RANSAC search."""

MAX_PATCHES = 4
"""Parts of a page that may have moved apart."""

MIN_EQUAL = 6
"""Equal numbers at matching places that a patch needs."""

MIN_AGREEMENT = 0.4
"""Share of a column's numbers which, where a number stands at the expected place, must equal it."""

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class NumberFrame:
    """The numbers of one page, upright, measured in heights of its figures.

    Parameters
    ----------
    unit : float
        Median height of a figure in working pixels.
    centres : float64 array of shape (n, 2)
        Middles of the numbers as (across, along) = (x, y) on the upright page, in units.
    texts : tuple of str
        Their figures.
    columns, rows : int64 arrays of shape (n,)
        Which numbers share a column or a row; labels have no order.
    """

    unit: float
    centres: Floats
    texts: tuple[str, ...]
    columns: Indices
    rows: Indices

    @cached_property
    def figures(self) -> NDArray[np.str_]:
        """``texts`` as an array of shape (n,)."""
        return np.array(self.texts, dtype=np.str_)

    @cached_property
    def legible(self) -> NDArray[np.bool_]:
        """Which numbers were read whole, of shape (n,)."""
        return np.array([ILLEGIBLE not in text for text in self.texts], dtype=bool)

    @classmethod
    def of(cls, reading: Reading) -> NumberFrame:
        """The frame of a reading; a page without numbers has one too."""
        turned = reading.transform.rotation in (90, 270)
        heights = [digit.box.width if turned else digit.box.height for digit in reading.digits]
        unit = float(np.median(heights)) * reading.transform.scale if heights else 1.0
        unit = max(unit, 1e-6)
        middles = np.array([number.box.centre for number in reading.numbers]).reshape(-1, 2)
        centres = reading.transform.to_working(middles) / unit
        columns = _labels([(n.table, n.column) for n in reading.numbers], centres[:, 0], gap=0.8)
        rows = _labels([(n.table, n.row) for n in reading.numbers], centres[:, 1], gap=0.5)
        return cls(unit, centres, tuple(n.digits_text for n in reading.numbers), columns, rows)

    def place(self, reading: Reading, points: Floats) -> Floats:
        """Points of shape (n, 2) in source pixels, on the upright page in units."""
        return reading.transform.to_working(points) / self.unit

    def turned_over(self) -> NumberFrame:
        """The frame with rows for columns."""
        return NumberFrame(self.unit, self.centres[:, ::-1], self.texts, self.rows, self.columns)


@dataclass(frozen=True)
class MatchedPatch:
    """One part of page A and its way to page B.

    Parameters
    ----------
    along : float64 array of shape (3,)
        Height on B = along . (across, along, 1) on A, in units of the two pages.
    shifts : float64 array of shape (n,)
        Sidewards shift of each number of A (that of its column); nan where its column has no counterpart.
    transposed : bool
        Whether rows of A are columns of B.
    pairs : int64 array of shape (p, 2)
        Equal numbers that meet, one to one, as indices into A's and B's numbers.
    """

    along: Floats
    shifts: Floats
    transposed: bool
    pairs: Indices

    def expected(self, centres: Floats) -> Floats:
        """Where the numbers of A, middles of shape (n, 2), should stand on B; nan for columns without a counterpart."""
        source = centres[:, ::-1] if self.transposed else centres
        height = source @ self.along[:2] + self.along[2]
        return np.stack([source[:, 0] + self.shifts, height], axis=1)


@dataclass(frozen=True)
class Registration:
    """How page A lies over page B.

    Parameters
    ----------
    a, b : Frame
        The two pages.
    patches : tuple of Patch
        At least one; the part with the most equal numbers first.
    """

    a: NumberFrame
    b: NumberFrame
    patches: tuple[MatchedPatch, ...] = field(default=())

    @property
    def pairs(self) -> Indices:
        """Equal numbers that meet, one to one, over all patches; shape (p, 2)."""
        return np.concatenate([patch.pairs for patch in self.patches])

    @property
    def transposed(self) -> bool:
        """Whether rows of A are columns of B in the largest part."""
        return self.patches[0].transposed

    def distance(self, numbers_a: Indices, offsets_a: Floats, points_b: Floats) -> Floats:
        """How far glyphs of B stand from where glyphs of A are expected.

        Parameters
        ----------
        numbers_a : int64 array of shape (n,)
            The number that each glyph of A belongs to.
        offsets_a : float64 array of shape (n, 2)
            Its place relative to the middle of that number, in units.
        points_b : float64 array of shape (k, 2)
            Places of the glyphs of B, in units.

        Returns
        -------
        float64 array of shape (n, k)
            At most 1 where the registration supports the pair; inf where nothing is expected.
        """
        best = np.full((len(numbers_a), len(points_b)), np.inf)
        for patch in self.patches:
            # A figure's place inside its number is kept as it is: lines of type are not turned with the table.
            expected = patch.expected(self.a.centres)[numbers_a] + offsets_a
            gap = np.abs(points_b[None, :, :] - expected[:, None, :]) / (ACROSS, ALONG)
            np.fmin(best, gap.max(axis=2), out=best)
        return best


def register(a: Reading, b: Reading) -> Registration | None:
    """Lay page A over page B by the numbers they have in common.

    Parameters
    ----------
    a, b : Reading
        The two pages, turned and scaled in any way.

    Returns
    -------
    Registration or None
        None where too few equal numbers stand at matching places: then no claim is made about which glyph of A
        corresponds to which of B. The same readings give the same answer.
    """
    frame_a, frame_b = NumberFrame.of(a), NumberFrame.of(b)
    free_a, free_b = frame_a.legible.copy(), frame_b.legible.copy()
    patches: list[MatchedPatch] = []
    while len(patches) < MAX_PATCHES:
        tries = [_patch(frame_a, frame_b, free_a, free_b, transposed) for transposed in (False, True)]
        found = [patch for patch in tries if patch is not None]
        if not found:
            break
        # Rows for columns must be clearly better: a square of equal numbers looks the same both ways.
        best = max(found, key=lambda patch: len(patch.pairs) * (0.9 if patch.transposed else 1.0))
        patches.append(best)
        free_a[best.pairs[:, 0]] = False
        free_b[best.pairs[:, 1]] = False
    return Registration(frame_a, frame_b, tuple(patches)) if patches else None


def _patch(
    frame_a: NumberFrame, frame_b: NumberFrame, free_a: NDArray[np.bool_], free_b: NDArray[np.bool_], transposed: bool
) -> MatchedPatch | None:
    source = frame_a.turned_over() if transposed else frame_a
    one, other, weight = _anchors(source.texts, frame_b.texts, free_a, free_b)
    if len(one) < MIN_EQUAL:
        return None
    along = _fit_rows(source.centres[one], frame_b.centres[other, 1], weight)
    if along is None:
        return None
    in_row = np.abs(source.centres[one] @ along[:2] + along[2] - frame_b.centres[other, 1]) <= ALONG
    one, other, weight = one[in_row], other[in_row], weight[in_row]
    shifts = _fit_columns(source, frame_b, along, one, other, weight)
    pairs = _meeting(source, frame_b, along, shifts, free_a, free_b)
    return MatchedPatch(along, shifts, transposed, pairs) if len(pairs) >= MIN_EQUAL else None


def _meeting(
    source: NumberFrame,
    target: NumberFrame,
    along: Floats,
    shifts: Floats,
    free_a: NDArray[np.bool_],
    free_b: NDArray[np.bool_],
) -> Indices:
    """All equal free numbers that meet, one to one; also those too common to have been looked at before."""
    here, there = np.flatnonzero(free_a & ~np.isnan(shifts)), np.flatnonzero(free_b)
    across = source.centres[here, 0] + shifts[here]
    height = source.centres[here] @ along[:2] + along[2]
    gap = np.abs(across[:, None] - target.centres[None, there, 0])
    met = (gap <= ACROSS) & (np.abs(height[:, None] - target.centres[None, there, 1]) <= ALONG)
    met &= source.figures[here, None] == target.figures[None, there]
    one, other = np.nonzero(met)
    return _one_to_one(here[one], there[other], gap[one, other])


def _anchors(
    texts_a: tuple[str, ...], texts_b: tuple[str, ...], free_a: NDArray[np.bool_], free_b: NDArray[np.bool_]
) -> tuple[Indices, Indices, Floats]:
    """Pairs of equal free numbers and their weights, 1 / (times on A x times on B), the rarest first."""
    on_a = Counter(text for text, free in zip(texts_a, free_a, strict=True) if free)
    on_b = Counter(text for text, free in zip(texts_b, free_b, strict=True) if free)
    where_b: dict[str, list[int]] = {}
    for j, text in enumerate(texts_b):
        if free_b[j] and text in on_a:
            where_b.setdefault(text, []).append(j)
    rarity = sorted(where_b, key=lambda text: (on_a[text] * on_b[text], text))
    where_a: dict[str, list[int]] = {text: [] for text in rarity}
    for i, text in enumerate(texts_a):
        if free_a[i] and text in where_a:
            where_a[text].append(i)
    one: list[int] = []
    other: list[int] = []
    weight: list[float] = []
    for text in rarity:
        count = on_a[text] * on_b[text]
        if len(one) + count > MAX_ANCHORS:
            break
        one.extend(i for i in where_a[text] for _ in where_b[text])
        other.extend(where_b[text] * len(where_a[text]))
        weight.extend([1.0 / count] * count)
    return np.array(one, dtype=np.int64), np.array(other, dtype=np.int64), np.array(weight)


def _fit_rows(source: Floats, height: Floats, weight: Floats) -> Floats | None:
    """The affine map from (across, along, 1) on A to height on B that puts most weight of equal numbers in rows."""
    rng = np.random.default_rng(0)
    p, q = rng.choice(len(weight), size=(2, N_TRIALS), p=weight / weight.sum())
    span = source[q, 1] - source[p, 1]
    far = np.abs(span) > 3  # two numbers of neighbouring rows say too little about the scale
    slope = np.divide(height[q] - height[p], span, out=np.zeros_like(span), where=far)
    plausible = (slope > 0.3) & (slope < 3.3)
    if not plausible.any():
        return None
    slope, p = slope[plausible], p[plausible]
    offset = height[p] - slope * source[p, 1]
    residual = np.abs(slope[:, None] * source[None, :, 1] + offset[:, None] - height[None, :])
    best = int(np.argmax((residual <= ALONG) @ weight))
    along = np.array([0.0, slope[best], offset[best]])
    for _ in range(4):
        near = np.abs(source @ along[:2] + along[2] - height) <= ALONG
        along = _least_squares(source[near], height[near], weight[near], along)
    return along


def _least_squares(source: Floats, height: Floats, weight: Floats, start: Floats) -> Floats:
    """Weighted least squares around ``start``, held near it in directions that the points do not fix."""
    design = np.column_stack([source, np.ones(len(source))])
    middle = np.average(design, axis=0, weights=weight) * (1, 1, 0)
    design -= middle
    residual = height - (design @ start + middle @ start)
    normal = (design * weight[:, None]).T @ design + 1e-3 * weight.sum() * np.eye(3)
    step = np.linalg.solve(normal, (design * weight[:, None]).T @ residual)
    return np.array([start[0] + step[0], start[1] + step[1], start[2] + step[2] - step[:2] @ middle[:2]])


def _fit_columns(
    source: NumberFrame, target: NumberFrame, along: Floats, one: Indices, other: Indices, weight: Floats
) -> Floats:
    """The sidewards shift of each number of A, by columns; nan where a column finds no counterpart."""
    shifts = np.full(len(source.texts), np.nan)
    height = source.centres @ along[:2] + along[2]
    gap = target.centres[other, 0] - source.centres[one, 0]
    for column in np.unique(source.columns[one]):
        members = np.flatnonzero(source.columns == column)
        voters = source.columns[one] == column
        shift = _mode(gap[voters], weight[voters])
        equal, present = _agreement(source, target, members, height, shift)
        if equal >= 3 and equal >= MIN_AGREEMENT * present:
            shifts[members] = shift
    # Columns too short to speak for themselves go with their nearest neighbour when what they hold agrees.
    settled = np.flatnonzero(~np.isnan(shifts))
    if len(settled):
        for column in np.unique(source.columns[np.isnan(shifts)]):
            members = np.flatnonzero(source.columns == column)
            away = np.abs(source.centres[settled, 0] - np.median(source.centres[members, 0]))
            shift = float(shifts[settled[np.argmin(away)]])
            equal, present = _agreement(source, target, members, height, shift)
            if equal >= 1 and 2 * equal >= present:
                shifts[members] = shift
    return shifts


def _mode(values: Floats, weight: Floats) -> float:
    """Where most of the weight lies within the tolerance, refined to its weighted middle."""
    near = np.abs(values[:, None] - values[None, :]) <= ACROSS / 2
    at = int(np.argmax(near @ weight))
    return float(np.average(values[near[at]], weights=weight[near[at]]))


def _agreement(
    source: NumberFrame, target: NumberFrame, members: Indices, height: Floats, shift: float
) -> tuple[int, int]:
    """Of the numbers of a column: how many meet their equal on B, and how many meet any number there."""
    across = np.abs(source.centres[members, None, 0] + shift - target.centres[None, :, 0]) <= ACROSS
    met = across & (np.abs(height[members, None] - target.centres[None, :, 1]) <= ALONG)
    equal = met & (source.figures[members, None] == target.figures[None, :])
    return int(equal.any(axis=1).sum()), int(met.any(axis=1).sum())


def _one_to_one(one: Indices, other: Indices, gap: Floats) -> Indices:
    """Pairs in which no number stands twice, the nearest first; shape (p, 2)."""
    taken_a: set[int] = set()
    taken_b: set[int] = set()
    pairs = []
    for at in np.argsort(gap, kind="stable"):
        i, j = int(one[at]), int(other[at])
        if i not in taken_a and j not in taken_b:
            taken_a.add(i)
            taken_b.add(j)
            pairs.append((i, j))
    return np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)


def _labels(cells: list[tuple[int | None, int | None]], places: Floats, gap: float) -> Indices:
    """A label for each number: that of its column (row) in its table, or, outside tables, of a run of near places."""
    names = {cell: label for label, cell in enumerate(dict.fromkeys(cell for cell in cells if None not in cell))}
    labels = np.array([names.get(cell, -1) for cell in cells], dtype=np.int64)
    outside = np.flatnonzero(labels < 0)
    order = outside[np.argsort(places[outside], kind="stable")]
    labels[order] = len(names) + np.cumsum(np.diff(places[order], prepend=places[order[:1]]) > gap)
    return labels
