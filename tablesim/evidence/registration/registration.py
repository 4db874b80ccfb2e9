"""Registration of two pages: a map from page A to page B, by RANSAC on the equal numbers that their alignment joins.

Where one plane map (``plane``) carries most of the equal numbers over, that map is taken; where the columns or rows of
the other setting are at other distances, the map follows them (``column_row_warp``), and says so. Either way the pairs
are collected anew under the map and the map is fitted to them again: numbers outside the tables then count too. Where
no map can be trusted there is none, and a reason.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from tablesim.evidence.collation.collation import PagePair
from tablesim.evidence.registration.column_row_warp import SLANT, Pairs, Warp, fit_across, fit_along
from tablesim.evidence.registration.number_frame import NumberFrame
from tablesim.evidence.registration.page_map import SAME_SETTING, Floats, Indices, PageMap
from tablesim.evidence.registration.plane import (
    MIN_PAIRS,
    MIN_SPREAD,
    TOLERANCE,
    NotRegistrable,
    Plane,
    affine,
    fit_plane,
    implausible,
    project,
    spread,
)
from tablesim.language import say, to_say
from tablesim.records.reading import Reading

PREFERRED = 0.9
"""A plane map is taken where it carries over this share of what a map by columns and rows does."""

CLEARLY = 0.75
"""How much smaller the residual of a map by columns and rows must be to be taken where both carry as much over."""

MIN_SHARE = 1 / 3
"""Share of the equal numbers which the registration found that the map must carry over."""

MIN_EQUAL = 2 / 3
"""Share of the numbers that come to lie upon a number which must equal it: two tables of one form are not one table."""

MIN_COVER = 0.5
"""Share of the numbers where the pages overlap that must meet their equal: tables share their column of arguments."""

ROUNDS = 4
"""How often pairs are collected anew and the map is fitted again."""


def register_pages(pair: PagePair) -> PageMap | NotRegistrable:
    """Find the map from page A to page B.

    Parameters
    ----------
    pair : PagePair
        The two pages and their alignment.

    Returns
    -------
    PageMap or NotRegistrable
        Why there is no map: no alignment, rows set for columns, too few equal numbers or too many different ones, all
        on one line, or a map that no scan can come from.
    """
    if not pair.aligned:
        return NotRegistrable(say("too few equal numbers are in matching cells"))
    if pair.alignment.transposed[1]:
        return NotRegistrable(say("one page is set with rows for columns, so no view of it lies over the other"))
    pages = _Pages.of(pair)
    plane = _plane(pages)
    fitted = [_FittedMap.of(pages, map_) for map_ in (plane, _warp(pages)) if isinstance(map_, Plane | Warp)]
    if not fitted:
        return plane if isinstance(plane, NotRegistrable) else NotRegistrable(say("no map holds"))
    best = fitted[-1] if len(fitted) == 1 or fitted[1].is_clearly_better_than(fitted[0]) else fitted[0]
    return best.refusal() or _page_map(pair, pages, best)


@dataclass(frozen=True)
class _Pages:
    """The two pages in digit heights, and the equal numbers that their alignment joins.

    ``half_a``, ``half_b``: half the width of each number; ``seeds``: those pairs of numbers, (s, 2); ``equal``: all
    pairs of equal legible numbers, wherever they are, (e, 2); ``height``: the height on B of a point (x, y, 1) of A.
    """

    a: NumberFrame
    b: NumberFrame
    half_a: Floats
    half_b: Floats
    seeds: Indices
    equal: Indices
    height: Floats

    @classmethod
    def of(cls, pair: PagePair) -> _Pages:
        a, b = NumberFrame.of(pair.a), NumberFrame.of(pair.b)
        i, j = max(pair.equal_by_part, key=len).T
        return cls(
            a,
            b,
            _half_widths(pair.a, a),
            _half_widths(pair.b, b),
            pair.equal,
            np.argwhere(pair.equal_anywhere).astype(np.int64),
            _height(a.centres[i], b.centres[j, 1]),
        )

    def pairs(self, numbers: Indices, level: Floats, page: Floats) -> Pairs:
        """The pairs of numbers, levelled, with their columns and rows."""
        i, j = numbers.T
        return Pairs(
            project(level, self.a.centres[i]),
            project(np.linalg.inv(page), self.b.centres[j]),
            np.maximum(self.half_a[i], self.half_b[j]),
            list(zip(self.a.columns[i].tolist(), self.b.columns[j].tolist(), strict=True)),
            list(zip(self.a.rows[i].tolist(), self.b.rows[j].tolist(), strict=True)),
        )

    def gap(self, found: Plane | Warp, numbers: Indices) -> Floats:
        """How far pairs of numbers miss each other after the map, in digit heights of B."""
        away = found.apply(self.a.centres[numbers[:, 0]]) - self.b.centres[numbers[:, 1]]
        return np.asarray(np.linalg.norm(away, axis=1), dtype=np.float64)

    def collect(self, found: Plane | Warp) -> tuple[Indices, Indices]:
        """Numbers that the map brings upon each other: the equal ones, (p, 2), and the others, (d, 2).

        Two numbers lie upon each other when each is the nearest to the other and they are no further apart than the
        tolerance.
        """
        mapped = found.apply(self.a.centres)
        away, nearest_b = cKDTree(self.b.centres).query(mapped)
        _, nearest_a = cKDTree(mapped).query(self.b.centres)
        on_a = np.flatnonzero((nearest_a[nearest_b] == np.arange(len(mapped))) & (away <= TOLERANCE))
        on_b = nearest_b[on_a]
        equal = [self.a.texts[i] == self.b.texts[j] for i, j in zip(on_a, on_b, strict=True)]
        met = np.stack([on_a, on_b], axis=1).astype(np.int64)
        return met[np.array(equal, dtype=bool)], met[~np.array(equal, dtype=bool)]

    def legible(self, numbers: Indices) -> Indices:
        """Those of the pairs in which both numbers were read whole."""
        return numbers[self.a.legible[numbers[:, 0]] & self.b.legible[numbers[:, 1]]]

    def overlapping(self, found: Plane | Warp) -> int:
        """Numbers of the page that has fewer of them where the two overlap."""
        back = found.invert(self.b.centres)
        return min(_within(found.apply(self.a.centres), self.b.centres), _within(back, self.a.centres))


@dataclass(frozen=True)
class _FittedMap:
    """A map with what it does to the numbers of the two pages.

    ``pairs``: equal numbers that meet, (p, 2); ``others``: unequal ones, (d, 2); ``share``: of the seeds;
    ``agreement``: of the numbers that meet; ``cover``: of the numbers where the pages overlap; ``residual``: median
    distance.
    """

    found: Plane | Warp
    pages: _Pages
    pairs: Indices
    others: Indices
    share: float
    agreement: float
    cover: float
    residual: float

    @classmethod
    def of(cls, pages: _Pages, found: Plane | Warp) -> _FittedMap:
        pairs, others = pages.collect(found)
        return cls(
            found,
            pages,
            pairs,
            others,
            float((pages.gap(found, pages.seeds) <= TOLERANCE).mean()),
            len(pairs) / max(len(pairs) + len(others), 1),
            len(pairs) / max(pages.overlapping(found), 1),
            float(np.median(pages.gap(found, pairs))) if len(pairs) else float("inf"),
        )

    def is_clearly_better_than(self, plane: _FittedMap) -> bool:
        """Whether a map by columns and rows does enough more than a plane map, which claims less."""
        if len(plane.pairs) < PREFERRED * len(self.pairs):
            return True
        nearer = plane.residual > SAME_SETTING and self.residual < CLEARLY * plane.residual
        return nearer and len(self.pairs) >= PREFERRED * len(plane.pairs)

    def refusal(self) -> NotRegistrable | None:
        """Why this map is not to be trusted, or None."""
        if len(self.pairs) < MIN_PAIRS:
            return NotRegistrable(
                say(
                    "only {n} equal numbers meet; at least {least} are needed",
                    n=len(self.pairs),
                    least=MIN_PAIRS,
                )
            )
        for frame, numbers in ((self.pages.a, self.pairs[:, 0]), (self.pages.b, self.pairs[:, 1])):
            if spread(frame.centres[numbers]) < MIN_SPREAD:
                return NotRegistrable(say("the equal numbers that meet stand on one line"))
        if self.share < MIN_SHARE:
            return NotRegistrable(say("only {share} of the equal numbers keep their order", share=_percent(self.share)))
        if self.agreement < MIN_EQUAL:
            return NotRegistrable(
                say(
                    "of the numbers that come to lie upon each other only {share} are equal",
                    share=_percent(self.agreement),
                )
            )
        if self.cover < MIN_COVER:
            return NotRegistrable(
                say("where the pages overlap only {share} of the numbers meet their equal", share=_percent(self.cover))
            )
        return None


def _plane(pages: _Pages) -> Plane | NotRegistrable:
    """The plane map, fitted to the seeds and then to all equal numbers that it brings upon each other."""
    pairs = pages.seeds
    found = fit_plane(pages.a.centres[pairs[:, 0]], pages.b.centres[pairs[:, 1]])
    for _ in range(ROUNDS):
        if isinstance(found, NotRegistrable):
            break
        more, _ = pages.collect(found)
        if np.array_equal(more, pairs):
            break
        better = fit_plane(pages.a.centres[more[:, 0]], pages.b.centres[more[:, 1]])
        if isinstance(better, NotRegistrable):
            break
        found, pairs = better, more
    return found


def _warp(pages: _Pages) -> Warp | None:
    """The map by columns and rows: the columns of the registration give rows, rows columns, both the plane maps."""
    lean_a, lean_b = pages.pairs(pages.seeds, np.eye(3), np.eye(3)).leans()
    level = np.array([[1.0, -lean_a, 0.0], [*pages.height], [0.0, 0.0, 1.0]])
    page = np.array([[1.0, lean_b, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    numbers = pages.seeds
    best: Warp | None = None
    most = 0
    for _ in range(ROUNDS):
        columns = fit_across(pages.pairs(numbers, level, page))
        if columns is None:
            break
        in_columns = _labelled(pages.equal, pages.a.columns, pages.b.columns, columns.labels)
        rows = fit_along(pages.pairs(in_columns, level, page))
        if rows is None:
            break
        found = Warp(level, columns.spacing, rows.spacing, page)
        held = len(pages.collect(found)[0])
        if held <= most:
            break
        best, most = found, held
        cells = _labelled(in_columns, pages.a.rows, pages.b.rows, rows.labels)
        level, page = _levelled(found, pages.a.centres[cells[:, 0]], pages.b.centres[cells[:, 1]])
        numbers = _labelled(pages.equal, pages.a.rows, pages.b.rows, rows.labels)
    return best


def _labelled(numbers: Indices, on_a: Indices, on_b: Indices, labels: list[tuple[int, int]]) -> Indices:
    """Those of the pairs of numbers whose columns (rows) are counterparts."""
    step = int(on_b.max()) + 1
    wanted = np.array([row * step + column for row, column in labels], dtype=np.int64)
    return numbers[np.isin(on_a[numbers[:, 0]] * step + on_b[numbers[:, 1]], wanted)]


def _levelled(warp: Warp, a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The two plane maps of a warp, that one fitted anew to points of A and B which then leaves less."""
    first, last = fit_plane(a, warp.unspaced(b), SLANT), fit_plane(warp.spaced(a), b, SLANT)
    tries = [replace(warp, level=first.matrix)] if isinstance(first, Plane) else [warp]
    tries += [replace(warp, page=last.matrix)] if isinstance(last, Plane) else []
    left = [np.minimum(np.linalg.norm(one_try.apply(a) - b, axis=1), SLANT).sum() for one_try in tries]
    best = tries[int(np.argmin(left))]
    return best.level, best.page


def _height(points: Floats, heights: Floats) -> Floats:
    """The linear function of (x, y, 1) on A that gives heights on B: least squares, shape (3,)."""
    middle = points.mean(axis=0)
    slopes, *_ = np.linalg.lstsq(points - middle, heights - heights.mean(), rcond=1e-3)
    return np.array([*slopes, heights.mean() - slopes @ middle])


def _page_map(pair: PagePair, pages: _Pages, fitted: _FittedMap) -> PageMap | NotRegistrable:
    """The map in source pixels."""
    points_a, points_b = pages.a.centres[fitted.pairs[:, 0]], pages.b.centres[fitted.pairs[:, 1]]
    found = fitted.found
    middle = found.matrix if isinstance(found, Plane) else affine(points_a, points_b)
    reason = implausible(middle, points_a)
    if reason is not None:
        return NotRegistrable(reason)
    frame_a, frame_b = _frame(pair.a, pages.a), _frame(pair.b, pages.b)
    matrix = np.linalg.inv(frame_b) @ middle @ frame_a
    return PageMap(
        model=found.model if isinstance(found, Plane) else to_say("columns and rows"),
        matrix=matrix / matrix[2, 2],
        frame_a=frame_a,
        frame_b=frame_b,
        warp=found if isinstance(found, Warp) else None,
        pairs=fitted.pairs,
        differing=pages.legible(fitted.others),
        n_numbers=min(len(pages.a.texts), len(pages.b.texts)),
        share=fitted.share,
        agreement=fitted.agreement,
        residual=fitted.residual,
    )


def _frame(reading: Reading, frame: NumberFrame) -> Floats:
    """From source pixels to the upright page in digit heights, (3, 3)."""
    scale = np.diag([1 / frame.unit, 1 / frame.unit, 1.0])
    return np.asarray(scale @ np.vstack([reading.transform.matrix, [0, 0, 1]]), dtype=np.float64)


def _half_widths(reading: Reading, frame: NumberFrame) -> Floats:
    turned = reading.transform.rotation in (90, 270)
    boxes = [number.box for number in reading.numbers]
    widths = np.array([box.height if turned else box.width for box in boxes], dtype=np.float64)
    return widths * reading.transform.scale / frame.unit / 2


def _within(points: Floats, page: Floats) -> int:
    """How many points lie where the numbers of a page stand, up to one digit height around."""
    low, high = page.min(axis=0) - 1, page.max(axis=0) + 1
    return int(((points >= low) & (points <= high)).all(axis=1).sum())


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
