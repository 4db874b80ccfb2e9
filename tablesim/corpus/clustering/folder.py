"""The folder ``clusters/`` of a run: one clustering a file, under the name of what was asked for."""

from __future__ import annotations

from pathlib import Path

from tablesim.corpus.clustering.label_tracking import keep_labels
from tablesim.corpus.clustering.model import Clustering
from tablesim.corpus.storage.files import read_json, read_parquet, write_json, write_parquet


class Clusterings:
    """The clusterings of a run. One that is saved takes the numbers of the one of its name that was there before."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __getitem__(self, name: str) -> Clustering:
        """The clustering under ``name`` ("auto", "k12", "hdbscan-auto"); RunError when it is missing or damaged."""
        path = self.folder / f"{name}.parquet"
        return Clustering.from_table(read_parquet(path, Clustering.SCHEMA), path)

    def get(self, name: str) -> Clustering | None:
        """The clustering under ``name``; None where there is none, RunError where it is damaged."""
        return self[name] if (self.folder / f"{name}.parquet").is_file() else None

    @property
    def names(self) -> list[str]:
        return sorted(path.stem for path in self.folder.glob("*.parquet"))

    @property
    def last(self) -> Clustering | None:
        """The clustering that was made last; None when there is none."""
        last = self.folder / "last.json"
        return self[str(read_json(last).get("name"))] if last.is_file() else None

    def save(self, clustering: Clustering) -> Clustering:
        """Write a clustering with the numbers that its clusters had; gives back what was written.

        RunError where the clustering that was there before is damaged: its numbers would be lost in silence.
        """
        before = self.get(clustering.name)
        kept = clustering if before is None else keep_labels(before, clustering)
        write_parquet(self.folder / f"{kept.name}.parquet", kept.to_table())
        write_json(self.folder / "last.json", {"name": kept.name})
        return kept
