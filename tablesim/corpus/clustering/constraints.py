"""Pairs of pages that must or must not be in one cluster: union-find with cannot-link, and labels changed to fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

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
    kin : tuple of pairs of str
        The two are of one kind, though they carry different tables.
    """

    same: tuple[Pair, ...] = ()
    apart: tuple[Pair, ...] = ()
    split: tuple[Pair, ...] = ()
    kin: tuple[Pair, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.same or self.apart or self.split)

    @property
    def forbidden(self) -> tuple[Pair, ...]:
        """The pairs that must not be in one cluster."""
        return (*self.apart, *self.split)


class ConstrainedUnionFind:
    """Union-find with cannot-link: items are joined into groups, and pairs of groups can be kept from being joined.

    Items are known once they are named; the first of two joined groups gives the representative.
    """

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}
        self._forbidden: dict[str, set[str]] = {}

    def find(self, item: str) -> str:
        """The representative of the group of ``item``; paths to it are shortened on the way."""
        root = item
        while (parent := self._parent.get(root, root)) != root:
            root = parent
        while (parent := self._parent.get(item, item)) != root:
            self._parent[item], item = root, parent
        return root

    def forbidden(self, item: str) -> frozenset[str]:
        """The representatives of the groups that must not be joined with that of ``item``."""
        return frozenset(self._forbidden.get(self.find(item), ()))

    def join(self, a: str, b: str) -> bool:
        """Join two groups; False, and nothing changes, where that is forbidden."""
        a, b = self.find(a), self.find(b)
        if a == b:
            return True
        if b in self._forbidden.get(a, ()):
            return False
        self._parent[b] = a
        for other in self._forbidden.pop(b, set()):
            self._forbidden[other].discard(b)
            self._forbidden[other].add(a)
            self._forbidden.setdefault(a, set()).add(other)
        return True

    def forbid(self, a: str, b: str) -> bool:
        """Keep two groups from being joined; False, and nothing changes, where they are one already."""
        a, b = self.find(a), self.find(b)
        if a == b:
            return False
        self._forbidden.setdefault(a, set()).add(b)
        self._forbidden.setdefault(b, set()).add(a)
        return True


def consistent(constraints: Constraints, same: Iterable[Pair]) -> Constraints:
    """``constraints`` and those of the pairs ``same`` that do not speak against them, the first ones first."""
    groups = ConstrainedUnionFind()
    for a, b in constraints.same:
        groups.join(a, b)
    for a, b in constraints.forbidden:
        groups.forbid(a, b)
    more = tuple((a, b) for a, b in same if groups.join(a, b))
    return replace(constraints, same=constraints.same + more)


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
    changed = _ConstrainedLabels(labels, pages, histograms, constraints)
    for a, b in changed.present(constraints.same):
        changed.merge(a, b)
    for a, b in changed.present(constraints.split):
        changed.split(a, b)
    for a, b in changed.present(constraints.apart):
        changed.move_out(a, b, near)
    return changed.labels


class _ConstrainedLabels:
    """Labels that are changed one pair after the other."""

    def __init__(
        self, labels: NDArray[np.intp], pages: Sequence[str], h: NDArray[np.float64], constraints: Constraints
    ) -> None:
        self.labels = labels.copy()
        self.h, self.unit = h, unit_rows(np.sqrt(h))
        self.row_of = {page: row for row, page in enumerate(pages)}
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
            if page in self.row_of:
                group_rows.setdefault(self.groups.find(page), []).append(self.row_of[page])
        self.rows_by_group = {group: np.array(sorted(rows), dtype=np.intp) for group, rows in group_rows.items()}
        # Only groups with a row here: a page that is not in the corpus keeps nothing apart.
        self.forbidden = {group: self.groups.forbidden(group) & self.rows_by_group.keys() for group in group_rows}

    def present(self, pairs: Iterable[Pair]) -> Iterable[Pair]:
        """The pairs of which both pages are in the corpus."""
        return (pair for pair in pairs if pair[0] in self.row_of and pair[1] in self.row_of)

    def group(self, page: str) -> NDArray[np.intp]:
        """The rows of the pages that are known to be the same as ``page``, itself included."""
        return self.rows_by_group[self.groups.find(page)]

    def clusters_conflict(self, label_a: int, label_b: int) -> bool:
        """Whether the two clusters hold pages that are kept apart."""
        return any(
            (self.labels[rows] == label_a).any() and self.group_conflicts(group, label_b)
            for group, rows in self.rows_by_group.items()
        )

    def group_conflicts(self, group: str, label: int) -> bool:
        """Whether the cluster holds a page that is kept apart from those of ``group``."""
        return any((self.labels[self.rows_by_group[other]] == label).any() for other in self.forbidden[group])

    def merge(self, a: str, b: str) -> None:
        """Make the clusters of two pages one; where that conflicts, only ``b`` and its group come to ``a``."""
        label_a, label_b = self.labels[self.row_of[a]], self.labels[self.row_of[b]]
        if label_a == label_b:
            return
        if not self.clusters_conflict(label_a, label_b):
            self.labels[self.labels == label_b] = label_a
        else:
            self.labels[self.group(b)] = label_a

    def split(self, a: str, b: str) -> None:
        """Divide a cluster that holds both pages; each page goes with the one that it is more like."""
        label = self.labels[self.row_of[a]]
        if self.labels[self.row_of[b]] != label:
            return
        rows = np.flatnonzero(self.labels == label)
        means = np.stack([self.unit[self.group(page)].mean(axis=0) for page in (a, b)])
        nearer_to_b = np.round(self.unit[rows] @ means[1], 9) > np.round(self.unit[rows] @ means[0], 9)
        moved = {int(row) for row in rows[nearer_to_b]}
        # Pages that are known to be the same go together, with the one that comes first.
        for group in self.rows_by_group.values():
            inside = [int(row) for row in group if self.labels[row] == label]
            if inside and inside[0] in moved:
                moved.update(inside)
            else:
                moved.difference_update(inside)
        moved = (moved - set(self.group(a).tolist())) | set(self.group(b).tolist())
        self.labels[sorted(moved)] = self.labels.max() + 1

    def move_out(self, page: str, other: str, near: Callable[..., NDArray[np.bool_]]) -> None:
        """Move ``page`` and its group out of the cluster of ``other``: to the nearest cluster that may hold it."""
        label = self.labels[self.row_of[page]]
        if self.labels[self.row_of[other]] != label:
            return
        group = self.groups.find(page)
        clusters = np.unique(self.labels[self.labels >= 0])
        allowed = np.array([x for x in clusters if x != label and not self.group_conflicts(group, x)], dtype=np.intp)
        target = self.labels.max() + 1
        if len(allowed):
            means = np.stack([self.h[self.labels == cluster].mean(axis=0) for cluster in allowed])
            cosines = np.round(unit_rows(np.sqrt(means)) @ self.unit[self.row_of[page]], 9)
            best = int(cosines.argmax())
            if near(self.h[self.row_of[page]], means[best : best + 1])[0]:
                target = allowed[best]
        self.labels[self.group(page)] = target
