"""What is known beforehand of pairs of pages, and clusters that keep to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tablesim.bigrams.embedding import unit_rows
from tablesim.errors import SettingsError

Pair = tuple[str, str]


@dataclass(frozen=True)
class Constraints:
    """Pairs of pages that must, and that must not, be in one cluster.

    Parameters
    ----------
    same : tuple of pairs of str
        The two carry one table: their clusters become one, unless that would bring pages together that are kept apart;
        then only the second page, with those that are known to be the same, comes to the first.
    apart : tuple of pairs of str
        The first page does not belong where the second is. It leaves, for another cluster that is near or alone.
    split : tuple of pairs of str
        Each of the two stands for a table of its own: a cluster that holds both falls in two, its pages going with the
        one that they are more like.
    """

    same: tuple[Pair, ...] = ()
    apart: tuple[Pair, ...] = ()
    split: tuple[Pair, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.same or self.apart or self.split)

    @property
    def forbidden(self) -> tuple[Pair, ...]:
        """The pairs that must not be in one cluster."""
        return (*self.apart, *self.split)


class ConstrainedUnionFind:
    """Pages joined step by step (union-find), and pairs of groups that must not be joined."""

    def __init__(self) -> None:
        self.above: dict[str, str] = {}
        self.foes: dict[str, set[str]] = {}

    def of(self, page: str) -> str:
        """The page that stands for the group of ``page``."""
        root = page
        while (up := self.above.get(root, root)) != root:
            root = up
        while (up := self.above.get(page, page)) != root:
            self.above[page], page = root, up
        return root

    def join(self, a: str, b: str) -> bool:
        """Put two groups together; False, and nothing changes, where that is forbidden."""
        a, b = self.of(a), self.of(b)
        if a == b:
            return True
        if b in self.foes.get(a, ()):
            return False
        self.above[b] = a
        for foe in self.foes.pop(b, set()):
            self.foes[foe].discard(b)
            self.foes[foe].add(a)
            self.foes.setdefault(a, set()).add(foe)
        return True

    def forbid(self, a: str, b: str) -> bool:
        """Keep two groups from being joined; False, and nothing changes, where they are one already."""
        a, b = self.of(a), self.of(b)
        if a == b:
            return False
        self.foes.setdefault(a, set()).add(b)
        self.foes.setdefault(b, set()).add(a)
        return True


def consistent(constraints: Constraints, same: Iterable[Pair]) -> Constraints:
    """``constraints`` and those of the pairs ``same`` that do not speak against them, the first ones first."""
    groups = ConstrainedUnionFind()
    for a, b in constraints.same:
        groups.join(a, b)
    for a, b in constraints.forbidden:
        groups.forbid(a, b)
    more = tuple((a, b) for a, b in same if groups.join(a, b))
    return Constraints(constraints.same + more, constraints.apart, constraints.split)


def constrained(
    labels: NDArray[np.intp],
    pages: Sequence[str],
    histograms: NDArray[np.float64],
    constraints: Constraints,
    near: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]],
) -> NDArray[np.intp]:
    """``labels`` changed as little as ``constraints`` ask for; pairs with a page that is not there are passed over.

    Parameters
    ----------
    labels : int array of shape (n,)
    pages : sequence of n str
    histograms : float64 array of shape (n, 110)
    constraints : Constraints
    near : callable
        Whether a page (110,) may join clusters with the mean pages (k, 110): k bool.

    Raises
    ------
    SettingsError
        The constraints contradict each other.
    """
    keeper = _Keeper(labels, pages, histograms, constraints)
    for a, b in keeper.known(constraints.same):
        keeper.merge(a, b)
    for a, b in keeper.known(constraints.split):
        keeper.split(a, b)
    for a, b in keeper.known(constraints.apart):
        keeper.leave(a, b, near)
    return keeper.labels


class _Keeper:
    """Labels that are brought into line with constraints."""

    def __init__(
        self, labels: NDArray[np.intp], pages: Sequence[str], h: NDArray[np.float64], constraints: Constraints
    ) -> None:
        self.labels = labels.copy()
        self.h, self.unit = h, unit_rows(np.sqrt(h))
        self.place = {page: row for row, page in enumerate(pages)}
        self.groups = ConstrainedUnionFind()
        for a, b in constraints.same:
            self.groups.join(a, b)
        for a, b in constraints.forbidden:
            if not self.groups.forbid(a, b):
                raise SettingsError(
                    f"constraints: {a} and {b} are kept apart, and other pairs say that they are the same; "
                    "leave one of these out"
                )
        group_rows: dict[str, list[int]] = {}
        for page in {page for pair in (*constraints.same, *constraints.forbidden) for page in pair}:
            if page in self.place:
                group_rows.setdefault(self.groups.of(page), []).append(self.place[page])
        self.rows_of = {group: np.array(sorted(rows), dtype=np.intp) for group, rows in group_rows.items()}
        # Only groups with a row here: a page that is not in the corpus keeps nothing apart.
        self.foes = {g: [f for f in self.groups.foes.get(g, ()) if f in self.rows_of] for g in self.rows_of}

    def known(self, pairs: Iterable[Pair]) -> Iterable[Pair]:
        return (pair for pair in pairs if pair[0] in self.place and pair[1] in self.place)

    def group(self, page: str) -> NDArray[np.intp]:
        return self.rows_of[self.groups.of(page)]

    def clash(self, one: int, other: int) -> bool:
        """Whether pages that are kept apart stand in the two clusters."""
        for group, rows in self.rows_of.items():
            if (self.labels[rows] == one).any():
                for foe in self.foes[group]:
                    if (self.labels[self.rows_of[foe]] == other).any():
                        return True
        return False

    def clash_of(self, page: str, label: int) -> bool:
        """Whether a page is kept apart from one in the cluster."""
        return any((self.labels[self.rows_of[foe]] == label).any() for foe in self.foes[self.groups.of(page)])

    def merge(self, a: str, b: str) -> None:
        one, other = self.labels[self.place[a]], self.labels[self.place[b]]
        if one == other:
            return
        if not self.clash(one, other):
            self.labels[self.labels == other] = one
        else:
            self.labels[self.group(b)] = one

    def split(self, a: str, b: str) -> None:
        label = self.labels[self.place[a]]
        if self.labels[self.place[b]] != label:
            return
        rows = np.flatnonzero(self.labels == label)
        middles = np.stack([self.unit[self.group(page)].mean(axis=0) for page in (a, b)])
        to_b = np.round(self.unit[rows] @ middles[1], 9) > np.round(self.unit[rows] @ middles[0], 9)
        moved = {int(row) for row in rows[to_b]}
        # Pages that are known to be the same go together, with the one that comes first.
        for group in self.rows_of.values():
            inside = [int(row) for row in group if self.labels[row] == label]
            if inside and inside[0] in moved:
                moved.update(inside)
            else:
                moved.difference_update(inside)
        moved = (moved - set(self.group(a).tolist())) | set(self.group(b).tolist())
        self.labels[sorted(moved)] = self.labels.max() + 1

    def leave(self, page: str, other: str, near: Callable[..., NDArray[np.bool_]]) -> None:
        label = self.labels[self.place[page]]
        if self.labels[self.place[other]] != label:
            return
        names = np.unique(self.labels[self.labels >= 0])
        free = np.array([name for name in names if name != label and not self.clash_of(page, name)], dtype=np.intp)
        target = self.labels.max() + 1
        if len(free):
            means = np.stack([self.h[self.labels == name].mean(axis=0) for name in free])
            cosines = np.round(unit_rows(np.sqrt(means)) @ self.unit[self.place[page]], 9)
            best = int(cosines.argmax())
            if near(self.h[self.place[page]], means[best : best + 1])[0]:
                target = free[best]
        self.labels[self.group(page)] = target
