"""The folder ``clusters/`` of a run: one clustering a file, under the name of what was asked for."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from tablesim.corpus.clustering.model import Clustering
from tablesim.corpus.storage.files import is_written, read_json, read_parquet, write_json, write_parquet

CLUSTERING_REMEDY = "restore this file from a copy, or remove it and cluster again: its clusters get new numbers"


def keep_labels(before: Clustering, now: Clustering) -> Clustering:
    """``now`` with the numbers of ``before``; a cluster that is new gets a number that none had yet.

    Clusters are matched one to one so that most pages keep the number that they had (the Hungarian method). A cluster
    that takes over a number holds at least one of its pages.
    """
    row_of = {page: row for row, page in enumerate(before.pages)}
    rows = np.array([row_of.get(page, -1) for page in now.pages], dtype=np.intp)
    was = np.where(rows >= 0, before.labels_[rows], -1) if len(before.pages) else np.full(len(rows), -1)
    both = (was >= 0) & (now.labels_ >= 0)
    shape = (before.next_label, max(now.facts, default=-1) + 1)
    shared = coo_matrix((np.ones(int(both.sum())), (was[both], now.labels_[both])), shape=shape)
    shared.sum_duplicates()
    old_by_new = _matched(shared) if both.any() else {}
    names, free = {}, before.next_label
    for label in now.facts:
        names[label] = old_by_new.get(label, -1)
        if names[label] < 0:
            names[label], free = free, free + 1
    return now.renamed(names, free)


def _matched(pairs: coo_matrix) -> dict[int, int]:
    """New label to old label, part by part: clusters that share no page, however indirectly, do not meet."""
    n_old, n_new = pairs.shape
    links = coo_matrix((pairs.data, (pairs.row, pairs.col + n_old)), shape=(n_old + n_new, n_old + n_new))
    part_of = connected_components(links, directed=False)[1][pairs.row]
    order = np.argsort(part_of, kind="stable")
    old_by_new: dict[int, int] = {}
    for part in np.split(order, np.flatnonzero(np.diff(part_of[order])) + 1):
        old, row = np.unique(pairs.row[part], return_inverse=True)
        new, column = np.unique(pairs.col[part], return_inverse=True)
        table = np.zeros((len(old), len(new)))
        table[row, column] = pairs.data[part]
        for i, j in zip(*linear_sum_assignment(-table), strict=True):
            if table[i, j] > 0:
                old_by_new[int(new[j])] = int(old[i])
    return old_by_new


@lru_cache(maxsize=2)
def _read(path: Path, _: tuple[int, ...]) -> Clustering:
    """The clustering in a file, kept as long as the file is the same: a report asks for it several times."""
    return Clustering.from_table(read_parquet(path, Clustering.SCHEMA, remedy=CLUSTERING_REMEDY), path)


class Clusterings:
    """The clusterings of a run. One that is saved takes the numbers of the one of its name that was there before."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __getitem__(self, name: str) -> Clustering:
        """The clustering under ``name`` ("auto", "k12", "hdbscan-auto"); RunError when it is missing or damaged."""
        path = self.folder / f"{name}.parquet"
        try:
            about = path.stat()
        except OSError:
            return _read(path, ())
        return _read(path, (about.st_ino, about.st_mtime_ns, about.st_size))

    def get(self, name: str) -> Clustering | None:
        """The clustering under ``name``; None where there is none, RunError where it is damaged."""
        return self[name] if is_written(self.folder / f"{name}.parquet") else None

    @property
    def names(self) -> list[str]:
        return sorted(path.stem for path in self.folder.glob("*.parquet"))

    @property
    def last(self) -> Clustering | None:
        """The clustering that was made last; None when there is none."""
        name = self.last_name
        return None if name is None else self[name]

    @property
    def last_name(self) -> str | None:
        """The name of the clustering that was made last; None when there is none."""
        last = self.folder / "last.json"
        return str(read_json(last).get("name")) if is_written(last) else None

    def numbered(self, clustering: Clustering) -> Clustering:
        """A clustering with the numbers that its clusters had in the one of its name."""
        before = self.get(clustering.name)
        return clustering if before is None else keep_labels(before, clustering)

    def save(self, clustering: Clustering) -> Clustering:
        """Write a clustering with the numbers that its clusters had; gives back what was written.

        RunError where the clustering that was there before is damaged: its numbers would be lost in silence.
        """
        return self.write(self.numbered(clustering))

    def write(self, clustering: Clustering) -> Clustering:
        """Write a clustering that has its numbers already."""
        write_parquet(self.folder / f"{clustering.name}.parquet", clustering.to_table())
        write_json(self.folder / "last.json", {"name": clustering.name})
        return clustering
