"""A clustering of the pages of a run: clusters with their members, and the table it is stored as."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tablesim.corpus.storage.files import ADDED
from tablesim.errors import RunError
from tablesim.language import say, to_say
from tablesim.records.counting import counted
from tablesim.records.html import html_table
from tablesim.records.plain import plain
from tablesim.records.relations import MACHINE, VERDICT_COLUMNS, Groups, PageRelation, PageVerdict

FIRST_NUMBER = 1
"""Clusters are numbered from here wherever a person sees them, and in the files of a run; ``labels_`` count from 0."""


_RELATION = ("table", "relation", "to")
"""What is stored of a ``PageRelation``, in the order of the columns."""

NO_TABLE = to_say("no numerical table")
LIKE_NO_OTHER = to_say("like no other page")
NO_DIGITS = to_say("no figures were read")
"""Why a page is in no cluster. The words are stored in runs since 0.1.0 and stay."""


@dataclass(frozen=True, slots=True)
class Member:
    """A page in a cluster.

    Parameters
    ----------
    page : str
    similarity : float
        Cosine with the medoid.
    strength : float
        0 to 1: how much nearer the page is to its own cluster's mean than to the next one's; 0 on the border
        between two, 1 where there is no other or the page stands alone.
    """

    page: str
    similarity: float
    strength: float


@dataclass(frozen=True, slots=True)
class DistinctiveBigram:
    """A bigram that sets a cluster apart: ``here`` and ``elsewhere`` are its shares of all bigrams, 0 to 1.

    ``keyness`` is Dunning's log-likelihood ratio (T. Dunning, Computational Linguistics 19, 1993).
    """

    bigram: str
    here: float
    elsewhere: float
    keyness: float


@dataclass(frozen=True, slots=True)
class KCandidate:
    """A candidate for the number of clusters: where the tree of the sampled pages was cut, and how stable that is.

    ``height`` is where the tree was cut, ``gap`` how wide it is there (0 to 1), ``stability`` the mean adjusted Rand
    index with the clusters of pages read again, ``error`` its standard error.
    """

    k: int
    height: float
    gap: float
    stability: float
    error: float


@dataclass(frozen=True, slots=True)
class Cluster:
    """Pages that belong together.

    ``members`` begin with the medoid, the page most like all the others, and go on in falling similarity to it.
    ``stability`` is how much of the cluster comes back when its pages are read again (mean Jaccard, 0 to 1), None where
    that was not worked out. ``cohesion`` is the mean cosine of two of its pages, None for a page alone. ``outliers``
    are members that differ more from the rest of the cluster than editions of one table do. ``apart`` are the bigrams
    that stand here and not elsewhere, in falling keyness.
    """

    label: int
    members: tuple[Member, ...]
    stability: float | None
    cohesion: float | None = None
    outliers: tuple[str, ...] = ()
    apart: tuple[DistinctiveBigram, ...] = ()

    def __repr__(self) -> str:
        return f"Cluster({self.number}, {counted(len(self.members), 'page')}, the first {self.medoid!r})"

    @property
    def number(self) -> int:
        """What the cluster is called: its label, counted from 1."""
        return self.label + FIRST_NUMBER

    @property
    def stability_sentence(self) -> str:
        """What its stability says; empty where it was not worked out."""
        if self.stability is None:
            return ""
        return say(
            "Stability {stability}: when the pages are read again with the reader's doubt, this cluster and the one "
            "then most like it share {stability} of their pages on the average (1: it always comes back). Pages that a "
            "collation showed to carry one table stay together.",
            stability=f"{self.stability:.2f}",
        )

    @property
    def doubt(self) -> float:
        """0 to 1: how little of it comes back, or how weakly its weakest page belongs to it; 1 with an outlier."""
        if self.outliers:
            return 1.0
        return max(1.0 - (1.0 if self.stability is None else self.stability), *(1 - m.strength for m in self.members))

    @property
    def medoid(self) -> str:
        return self.members[0].page

    @property
    def pages(self) -> tuple[str, ...]:
        return tuple(member.page for member in self.members)

    def to_dict(self) -> dict[str, Any]:
        return {
            "cluster": self.number,
            "size": len(self.members),
            "medoid": self.medoid,
            "stability": None if self.stability is None else round(self.stability, 4),
            "cohesion": None if self.cohesion is None else round(self.cohesion, 4),
            "outliers": list(self.outliers),
            "apart": [plain(bigram, 4, keyness=2) for bigram in self.apart],
            "members": [plain(member, 6) for member in self.members],
        }


@dataclass(frozen=True)
class ClusterColumns:
    """A value for each page of a clustering; what it says of a page in no cluster means nothing.

    Parameters
    ----------
    place : int32 array of shape (n_pages,)
        0 for the medoid, then by falling similarity.
    similarity, strength : float64 arrays of shape (n_pages,)
        As in ``Member``.
    outlier : bool array of shape (n_pages,)
    """

    place: NDArray[np.int32]
    similarity: NDArray[np.float64]
    strength: NDArray[np.float64]
    outlier: NDArray[np.bool_]

    @classmethod
    def blank(cls, n: int) -> ClusterColumns:
        """Columns of ``n`` pages in no cluster."""
        return cls(np.zeros(n, np.int32), np.zeros(n), np.zeros(n), np.zeros(n, bool))


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """What is known of a cluster as a whole; see ``Cluster``."""

    stability: float | None
    cohesion: float | None
    apart: tuple[DistinctiveBigram, ...]


@dataclass(frozen=True)
class Clustering:
    """All pages of a run in their clusters. Columns, not objects: it may hold a million pages.

    Parameters
    ----------
    pages : tuple of str
        Every page that was read, sorted.
    labels_ : int array of shape (n_pages,)
        Cluster of each page; -1 for none. The first clustering of a run numbers from 0, larger clusters first; later
        ones keep the numbers of the clusters that they find again.
    columns : ClusterColumns
    facts : dict of int to ClusterFacts
        By label; larger clusters first.
    without : dict of str to str
        Pages in no cluster, and why.
    asked : "auto" or int
        The number of clusters that was asked for.
    seed : int
    method : str
        "tables", "hdbscan" or "published".
    constants : dict of str to float
        The constants by which the number of clusters was found.
    choices : tuple of KCandidate
        The candidates for the number of clusters, the chosen one first; empty where the number was given.
    next_label : int
        No cluster had this number or a greater one yet.
    relations : dict of str to PageRelation, optional
        What relates pages to others, by page; None where that was not found out: ``tablesim.cluster`` does.
    kinds : dict of str to int
        The number, from 1, of the kind of each page in a cluster; empty where that was not found out.
    verdicts : dict of str to PageVerdict
        What people had said of each page when it was clustered.
    names : dict of int to str
        By label, what people had called the cluster then.
    """

    pages: tuple[str, ...]
    labels_: NDArray[np.intp]
    columns: ClusterColumns
    facts: dict[int, ClusterFacts]
    without: dict[str, str]
    asked: int | str
    seed: int
    method: str = "tables"
    constants: dict[str, float] = field(default_factory=dict)
    choices: tuple[KCandidate, ...] = ()
    next_label: int = 0
    relations: dict[str, PageRelation] | None = None
    kinds: dict[str, int] = field(default_factory=dict)
    verdicts: dict[str, PageVerdict] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Clustering({self.k} clusters, {len(self.pages)} pages, {len(self.without)} of them in none)"

    def _repr_html_(self) -> str:
        """A row a cluster, the largest first, for notebooks."""
        rows = [(c.number, len(c.members), c.stability, c.cohesion, c.medoid) for c in self.clusters]
        return html_table(repr(self), ("cluster", "pages", "stability", "cohesion", "medoid"), rows)

    SCHEMA: ClassVar[pa.Schema] = pa.schema(
        [
            ("page", pa.string()),
            ("cluster", pa.int32()),  # its number, from 1; null: in none
            ("place", pa.int32()),  # 0 for the medoid
            ("similarity", pa.float64()),
            ("strength", pa.float64()),
            ("outlier", pa.bool_()),
            ("stability", pa.float64()),  # of the whole cluster
            ("cohesion", pa.float64()),  # likewise
            ("apart", pa.string()),  # of the medoid's row: what sets the cluster apart, as JSON
            ("reason", pa.string()),  # why the page is in none
            # The number, from 1, of the table that was shown to be on several pages; null: on no other page.
            pa.field("table", pa.int32(), metadata={ADDED: "0.2.0"}),
            # "same scan", "same table", "part of", "same kind" (alike by figures, not shown to be the same); null: none
            pa.field("relation", pa.string(), metadata={ADDED: "0.2.0"}),
            pa.field("relation_to", pa.string(), metadata={ADDED: "0.2.0"}),  # the page to which
            pa.field("kind", pa.int32(), metadata={ADDED: "0.2.0"}),  # number, from 1, of the pages alike by figures
            # Whether the "machine" found the relation or a "person" said it; what follows is what people said, alone.
            pa.field("relation_by", pa.string(), metadata={ADDED: "0.2.0"}),
            pa.field("cluster_name", pa.string(), metadata={ADDED: "0.2.0"}),
            *(pa.field(name, pa.string(), metadata={ADDED: "0.2.0"}) for name in VERDICT_COLUMNS),
        ]
    )

    @property
    def k(self) -> int:
        """How many clusters there are."""
        return len(self.facts)

    @property
    def name(self) -> str:
        """Method and number asked for, the name of the file: clusterings of one name share their numbers."""
        number = "auto" if self.asked == "auto" else f"k{self.asked}"
        return number if self.method == "tables" else f"{self.method}-{number}"

    @cached_property
    def clusters(self) -> tuple[Cluster, ...]:
        """The clusters, larger ones first."""
        rows = np.flatnonzero(self.labels_ >= 0)
        if not len(rows):
            return ()
        rows = rows[np.lexsort((self.columns.place[rows], self.labels_[rows]))]
        names, starts = np.unique(self.labels_[rows], return_index=True)
        parts = dict(zip(names.tolist(), np.split(rows, starts[1:]), strict=True))
        return tuple(self._cluster(label, parts[label].tolist()) for label in self.facts)

    def _cluster(self, label: int, rows: list[int]) -> Cluster:
        c, facts = self.columns, self.facts[label]
        members = tuple(Member(self.pages[r], float(c.similarity[r]), float(c.strength[r])) for r in rows)
        outliers = tuple(self.pages[r] for r in rows if c.outlier[r])
        return Cluster(label, members, facts.stability, facts.cohesion, outliers, facts.apart)

    @property
    def medoids(self) -> dict[int, str]:
        """The page that stands for each cluster."""
        rows = np.flatnonzero((self.labels_ >= 0) & (self.columns.place == 0))
        page_of = {int(self.labels_[row]): self.pages[row] for row in rows}
        return {label: page_of[label] for label in self.facts}

    @cached_property
    def _labels(self) -> dict[str, int]:
        return dict(zip(self.pages, self.labels_.tolist(), strict=True))

    def label_of(self, page: str) -> int | None:
        """The cluster of a page; None when it is in none."""
        label = self._labels.get(page, -1)
        return None if label < 0 else label

    def number_of(self, page: str) -> int | None:
        """The number, from 1, of the cluster of a page; None when it is in none."""
        label = self.label_of(page)
        return None if label is None else label + FIRST_NUMBER

    @cached_property
    def groups(self) -> Groups:
        """The pages by what relates them: the same table, the same kind."""
        numbers = {page: cluster.number for cluster in self.clusters for page in cluster.pages}
        tables = [page for page in self.pages if page in numbers or self.without.get(page) == LIKE_NO_OTHER]
        return Groups(numbers, self.relations or {}, tables, self.kinds, known=self.relations is not None)

    def renamed(self, names: dict[int, int], next_label: int) -> Clustering:
        """The same clusters with other numbers, each under ``names[label]``."""
        labels = self.labels_.copy()
        for old, new in names.items():
            labels[self.labels_ == old] = new
        facts = {names[label]: facts for label, facts in self.facts.items()}
        called = {names[label]: name for label, name in self.names.items()}
        return replace(self, labels_=labels, facts=facts, next_label=next_label, names=called)

    def to_dict(self) -> dict[str, Any]:
        return {
            "k": self.k,
            "asked": self.asked,
            "method": self.method,
            "seed": self.seed,
            "choices": [plain(choice, 4) for choice in self.choices],
            "clusters": [{**cluster.to_dict(), "name": self.names.get(cluster.label, "")} for cluster in self.clusters],
            "without": [{"page": page, "reason": reason} for page, reason in self.without.items()],
        }

    def to_table(self) -> pa.Table:
        """One row a page, as ``clusters/*.parquet`` holds it."""
        no_cluster = self.labels_ < 0
        c = self.columns
        settings = {
            "asked": self.asked,
            "seed": self.seed,
            "method": self.method,
            "constants": self.constants,
            "choices": [asdict(choice) for choice in self.choices],
            "order": list(self.facts),
            "next_label": self.next_label,
            "first_number": FIRST_NUMBER,
            "verified": self.relations is not None,
        }

        def of_cluster(name: str) -> pa.Array:
            return pa.array([getattr(self.facts[x], name) if x >= 0 else None for x in self.labels_.tolist()], "double")

        relations = self.relations or {}
        medoid = ~no_cluster & (c.place == 0)
        apart = [
            json.dumps([asdict(a) for a in self.facts[int(label)].apart]) if first else None
            for label, first in zip(self.labels_, medoid, strict=True)
        ]
        arrays = [
            pa.array(self.pages, pa.string()),
            pa.array(self.labels_.astype(np.int32) + FIRST_NUMBER, mask=no_cluster),
            *(pa.array(column, mask=no_cluster) for column in (c.place, c.similarity, c.strength, c.outlier)),
            of_cluster("stability"),
            of_cluster("cohesion"),
            pa.array(apart, pa.string()),
            pa.array([self.without.get(page) for page in self.pages], pa.string()),
            *(pa.array([getattr(relations.get(page), name, None) for page in self.pages]) for name in _RELATION),
            pa.array([self.kinds.get(page) for page in self.pages], pa.int32()),
            pa.array([getattr(relations.get(page), "by", None) for page in self.pages]),
            pa.array([self.names.get(label) for label in self.labels_.tolist()], pa.string()),
            *(
                pa.array([getattr(self.verdicts.get(page), name, None) for page in self.pages], pa.string())
                for name in VERDICT_COLUMNS
            ),
        ]
        columns = [array.cast(field.type) for array, field in zip(arrays, self.SCHEMA, strict=True)]
        table = pa.Table.from_arrays(columns, schema=self.SCHEMA)
        return table.replace_schema_metadata({"clustering": json.dumps(settings)})

    @classmethod
    def from_table(cls, table: pa.Table, path: Path) -> Clustering:
        """The inverse of ``to_table``; ``path`` is named where the file lacks its settings."""
        try:
            settings = json.loads((table.schema.metadata or {})[b"clustering"])
            order, next_label = settings["order"], settings["next_label"]
        except (KeyError, ValueError, TypeError, RecursionError) as error:
            raise RunError(
                f"{path}: lacks the settings of its clustering; make it again with `tablesim cluster RUN`"
            ) from error

        def column(name: str, blank: Any) -> NDArray[Any]:
            return np.asarray(table[name].fill_null(blank).to_numpy())

        pages = tuple(table["page"].to_pylist())
        # Version 0.1.0 wrote labels, which count from 0.
        first = settings.get("first_number", 0)
        labels = column("cluster", first - 1).astype(np.intp) - first
        columns = ClusterColumns(
            column("place", 0).astype(np.int32),
            column("similarity", 0.0),
            column("strength", 0.0),
            column("outlier", False).astype(bool),
        )
        medoids = np.flatnonzero((labels >= 0) & (columns.place == 0))
        facts = {
            int(labels[at]): ClusterFacts(
                row["stability"],
                row["cohesion"],
                tuple(DistinctiveBigram(**a) for a in json.loads(row["apart"] or "[]")),
            )
            for at, row in zip(medoids, table.take(medoids).to_pylist(), strict=True)
        }
        return cls(
            pages,
            labels,
            columns,
            {label: facts[label] for label in order},
            {page: reason for page, reason in zip(pages, table["reason"].to_pylist(), strict=True) if reason},
            settings["asked"],
            settings["seed"],
            settings["method"],
            settings["constants"],
            tuple(KCandidate(**choice) for choice in settings["choices"]),
            next_label,
            _relations(table) if settings.get("verified") else None,
            {page: kind for page, kind in zip(pages, table["kind"].to_pylist(), strict=True) if kind is not None},
            _verdicts(table),
            {
                int(label): name
                for label, name in zip(labels, table["cluster_name"].to_pylist(), strict=True)
                if name is not None
            },
        )


def _verdicts(table: pa.Table) -> dict[str, PageVerdict]:
    judged = table.filter(pc.is_valid(table["verdict"]))
    columns = [judged[name].to_pylist() for name in ("page", *VERDICT_COLUMNS)]
    return {page: PageVerdict(*rest) for page, *rest in zip(*columns, strict=True)}


def _relations(table: pa.Table) -> dict[str, PageRelation]:
    related = table.filter(pc.is_valid(table["relation"]))
    columns = [related[name].to_pylist() for name in ("page", "relation", "relation_to", "table", "relation_by")]
    return {
        page: PageRelation(page, relation, to, number, by or MACHINE)
        for page, relation, to, number, by in zip(*columns, strict=True)
    }
