"""What a clustering is: clusters with their members, and the table it is stored as."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tablesim.errors import RunError


@dataclass(frozen=True, slots=True)
class Member:
    """A page in a cluster.

    Parameters
    ----------
    page : str
    similarity : float
        Cosine with the medoid.
    strength : float
        0 to 1: how much nearer the page is to its own cluster's middle than to the next one's; 0 on the border
        between two, 1 where there is no other or the page stands alone.
    """

    page: str
    similarity: float
    strength: float


@dataclass(frozen=True, slots=True)
class Cluster:
    """Pages that belong together.

    ``members`` begin with the medoid, the page most like all the others, and go on in falling similarity to it.
    ``stability`` is how much of the cluster comes back when the bins are resampled (mean Jaccard, 0 to 1), None where
    that was not worked out.
    """

    label: int
    members: tuple[Member, ...]
    stability: float | None

    @property
    def medoid(self) -> str:
        return self.members[0].page

    @property
    def pages(self) -> tuple[str, ...]:
        return tuple(member.page for member in self.members)

    def to_dict(self) -> dict[str, Any]:
        return {
            "cluster": self.label,
            "size": len(self.members),
            "medoid": self.medoid,
            "stability": None if self.stability is None else round(self.stability, 4),
            "members": [
                {"page": m.page, "similarity": round(m.similarity, 6), "strength": round(m.strength, 6)}
                for m in self.members
            ],
        }


@dataclass(frozen=True)
class Clustering:
    """All pages of a run in their clusters.

    Parameters
    ----------
    pages : tuple of str
        Every page that was read, sorted.
    labels_ : int array of shape (n_pages,)
        Cluster of each page, from 0, larger clusters first; -1 for none.
    clusters : tuple of Cluster
    without : dict of str to str
        Pages in no cluster, and why.
    asked : "auto" or int
        The number of clusters that was asked for.
    seed : int
    constants : dict of str to float
        What the number of clusters was found with.
    """

    pages: tuple[str, ...]
    labels_: NDArray[np.intp]
    clusters: tuple[Cluster, ...]
    without: dict[str, str]
    asked: int | str
    seed: int
    constants: dict[str, float] = field(default_factory=dict)

    SCHEMA: ClassVar[pa.Schema] = pa.schema(
        [
            ("page", pa.string()),
            ("cluster", pa.int32()),  # null: in none
            ("place", pa.int32()),  # 0 for the medoid
            ("similarity", pa.float64()),
            ("strength", pa.float64()),
            ("stability", pa.float64()),  # of the whole cluster
            ("reason", pa.string()),  # why the page is in none
        ]
    )

    @property
    def k(self) -> int:
        """How many clusters there are."""
        return len(self.clusters)

    @property
    def medoids(self) -> dict[int, str]:
        """The page that stands for each cluster."""
        return {cluster.label: cluster.medoid for cluster in self.clusters}

    def label_of(self, page: str) -> int | None:
        """The cluster of a page; None when it is in none."""
        return next((cluster.label for cluster in self.clusters if page in cluster.pages), None)

    def to_dict(self) -> dict[str, Any]:
        return {
            "k": self.k,
            "asked": self.asked,
            "seed": self.seed,
            "clusters": [cluster.to_dict() for cluster in self.clusters],
            "without": [{"page": page, "reason": reason} for page, reason in self.without.items()],
        }

    def to_table(self) -> pa.Table:
        """One row a page, as ``clusters/*.parquet`` holds it."""
        rows: dict[str, dict[str, Any]] = {page: {"reason": reason} for page, reason in self.without.items()}
        for cluster in self.clusters:
            for place, m in enumerate(cluster.members):
                rows[m.page] = {
                    "cluster": cluster.label,
                    "place": place,
                    "similarity": m.similarity,
                    "strength": m.strength,
                    "stability": cluster.stability,
                }
        settings = {"asked": self.asked, "seed": self.seed, "constants": self.constants}
        table = pa.Table.from_pylist([{"page": page, **rows[page]} for page in self.pages], schema=self.SCHEMA)
        return table.replace_schema_metadata({"clustering": json.dumps(settings)})

    @classmethod
    def from_table(cls, table: pa.Table, path: Path) -> Clustering:
        """The inverse of ``to_table``; ``path`` is named where the file lacks its settings."""
        try:
            settings = json.loads((table.schema.metadata or {})[b"clustering"])
        except (KeyError, ValueError) as error:
            raise RunError(
                f"{path}: lacks the settings of its clustering; make it again with `tablesim cluster RUN`"
            ) from error
        rows = table.to_pylist()
        members: dict[int, list[dict[str, Any]]] = {}
        for row in rows:
            if row["cluster"] is not None:
                members.setdefault(row["cluster"], []).append(row)
        clusters = tuple(
            Cluster(
                label,
                tuple(
                    Member(row["page"], row["similarity"], row["strength"])
                    for row in sorted(members[label], key=lambda row: row["place"])
                ),
                members[label][0]["stability"],
            )
            for label in sorted(members)
        )
        return cls(
            tuple(row["page"] for row in rows),
            np.array([-1 if row["cluster"] is None else row["cluster"] for row in rows], dtype=np.intp),
            clusters,
            {row["page"]: row["reason"] for row in rows if row["cluster"] is None},
            settings["asked"],
            settings["seed"],
            settings.get("constants", {}),
        )
