"""Clusters of the same table: K-means on histograms, then verified by alignment and clustered again under constraints.

Histograms of two editions may be no more alike than those of two tables of one kind: another type, another number of
columns, four centuries of reprints. Aligned, editions agree cell by cell and other tables do not. So a few pages of
different clusters are aligned, and clusters are joined where two of them carry one table; each page is aligned with its
neighbours in its own cluster, and a cluster is split where it holds several tables.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tablesim.corpus.clustering.constraints import ConstrainedUnionFind, Constraints, consistent
from tablesim.corpus.clustering.kinds import kinds_of
from tablesim.corpus.clustering.model import FIRST_NUMBER, Clustering
from tablesim.corpus.indexing.events import Listener, ignore_event
from tablesim.corpus.search.engine import N_NEIGHBOURS
from tablesim.corpus.storage.files import write_csv
from tablesim.corpus.store import Corpus
from tablesim.review.changes import Change, Move, changes, moves
from tablesim.review.constraints import KnownConstraints, run_constraints, verdicts_status
from tablesim.review.verdicts_and_names import names_by_number, page_verdicts, verdicts_by_name
from tablesim.workflow.alignments import RunAlignments
from tablesim.workflow.groups import align_parts, relate
from tablesim.workflow.verification import different_tables, same_tables

LIKELY = 0.8
"""Pages less alike than this (cosine) are not aligned."""

JOINED_AGREEMENT, JOINED_COVERAGE, JOINED_SIZE = 0.88, 0.9, 0.85
"""Clusters that counting keeps apart are joined where so large a share of the cells agrees that two of their pages
both have, so much of the smaller page was met, and the two are about as long: so many rows to a row, or so much of the
larger page met. Two editions of a synthesized table, with misprints in every twentieth cell, reach .90, .91 and .97;
tables for neighbouring values agree in .87 at most, of the next page of a table .84 is met, and the table of seven
climates has .81 of the rows of that of nine.
"""

CANDIDATES = 3
"""So many other clusters are tried for each cluster, the nearest first: cost grows with clusters, not with pairs."""


def cluster(
    corpus: Corpus,
    k: int | str = "auto",
    *,
    method: str = "tables",
    seed: int = 0,
    constraints: Constraints | None = None,
    on_event: Listener = ignore_event,
    keep: bool = True,
) -> Clustering:
    """Cluster the table pages of a run, store the clustering in it unless ``keep`` is False, and give it back.

    Parameters
    ----------
    corpus : Corpus
        With its neighbours.
    k : "auto" or int
        Number of clusters. With "auto" clusters whose pages carry one table are joined, and those that hold several
        tables are split; a number is kept.
    method : str
        As in ``Corpus.cluster``; only the clusters of "tables" are joined.
    seed : int
        Likewise.
    constraints : Constraints, optional
        What is known of pairs of pages; the verdicts of the run unless given. It comes before what
        alignment says.
    on_event : callable, optional
        Gets remarks on alignments that could not be read or kept.
    keep : bool
        Whether the clustering is stored; without it the clusters have the numbers that they would have. What was
        aligned is kept in any case.
    """
    with corpus.lock() if keep else nullcontext():
        if constraints is None:
            constraints = run_constraints(corpus).constraints
        clusterer = corpus.clusterer(k, method=method, seed=seed)
        alignments = RunAlignments(corpus, on_event, clustering=True)
        verified = constraints
        if clusterer.asked == "auto" and method == "tables":
            counted = clusterer.cluster(constraints, stability=False)
            verified = verified_constraints(alignments, counted, constraints)
        clustering = clusterer.cluster(verified)
        clustering = replace(clustering, kinds=kinds_of(clustering, corpus.histograms[1], constraints.kin))
        align_clusters(alignments, clustering, constraints)
        clustering = replace(clustering, relations=relate(alignments, clustering, constraints))
        numbered = corpus.clusterings.numbered(clustering)
        names = {n - FIRST_NUMBER: name for n, name in names_by_number(corpus, numbered).items()}
        numbered = replace(numbered, verdicts=page_verdicts(verdicts_status(corpus)), names=names)
        return corpus.clusterings.write(numbered) if keep else numbered


def align_clusters(alignments: RunAlignments, clustering: Clustering, constraints: Constraints | None = None) -> None:
    """Align the pages of each cluster with those nearest to them, pages without a partner with what may hold theirs."""
    for group in clustering.clusters:
        same_tables(alignments, group.pages)
    related = replace(clustering, relations=relate(alignments, clustering, constraints, by_clustering=True))
    align_parts(alignments, related.groups)
    alignments.save()


def verified_constraints(alignments: RunAlignments, clustering: Clustering, constraints: Constraints) -> Constraints:
    """``constraints`` and what alignment adds to them without contradicting them."""
    joined = [pair for pair in candidates(alignments.corpus, clustering) if _one_table(alignments, *pair)]
    different = different_tables(alignments, [group.pages for group in clustering.clusters])
    verified = consistent(constraints, [*joined, *different.same])
    groups = ConstrainedUnionFind()
    for a, b in verified.same:
        groups.join(a, b)
    split = tuple((a, b) for a, b in different.split if groups.forbid(a, b))
    return replace(verified, split=verified.split + split)


def _one_table(alignments: RunAlignments, a: str, b: str) -> bool:
    """Whether pages that counting keeps apart are one table: more is asked than of pages that it puts together."""
    agreement = alignments.verify(a, b)
    if not agreement.same or agreement.met_agreement < JOINED_AGREEMENT or agreement.coverage < JOINED_COVERAGE:
        return False
    numbers = [alignments.corpus.reading(page).numbers for page in (a, b)]
    if agreement.cells >= JOINED_SIZE * max(map(len, numbers)):
        return True
    # An edition may have more columns; a table with more rows goes on where the other ends.
    rows = [len({(n.table, n.row) for n in page if n.table is not None}) for page in numbers]
    return min(rows) >= JOINED_SIZE * max(rows) > 0


@dataclass(frozen=True)
class Reclustering:
    """A clustering, what it changed, and what the verdicts say that it kept to; ``before`` is the one of its name."""

    clustering: Clustering
    before: Clustering | None
    moves: tuple[Move, ...]
    changes: tuple[Change, ...]
    known: KnownConstraints

    def write_moves(self, path: Path) -> None:
        """Write the before and after list as CSV, a line a page whose cluster has another number now."""
        lines = [
            {**asdict(move), "with_before": " ".join(move.with_before), "with_after": " ".join(move.with_after)}
            for move in self.moves
        ]
        write_csv(path, tuple(Move.__dataclass_fields__), lines)

    def save(self, corpus: Corpus) -> None:
        """Store the clustering and the list of what is other than before (``clusters/changes.csv``)."""
        with corpus.lock():
            corpus.clusterings.write(self.clustering)
            self.write_moves(corpus.folder / "clusters" / "changes.csv")


def recluster(
    corpus: Corpus,
    k: int | str = "auto",
    *,
    method: str = "tables",
    seed: int = 0,
    on_event: Listener = ignore_event,
    keep: bool = True,
) -> Reclustering:
    """Cluster a run again by its verdicts, and say what is other than before; ``clusters/changes.csv`` says it too.

    Parameters
    ----------
    corpus : Corpus
    k, method, seed, on_event
        As in ``cluster``.
    keep : bool
        False to look at it first; ``Reclustering.save`` keeps it.
    """
    with corpus.lock() if keep else nullcontext():
        known = run_constraints(corpus)
        now = cluster(corpus, k, method=method, seed=seed, constraints=known.constraints, on_event=on_event, keep=False)
        before = corpus.clusterings.get(now.name)
        verdicts = () if known.status is None else verdicts_by_name(known.status)
        moved = () if before is None else tuple(moves(before, now))
        changed = () if before is None else tuple(changes(before, now, verdicts))
        result = Reclustering(now, before, moved, changed, known)
        if keep:
            result.save(corpus)
    return result


def candidates(corpus: Corpus, clustering: Clustering) -> list[tuple[str, str]]:
    """The nearest pages of each cluster and its nearest other clusters, each pair once, in the order of their ids."""
    pairs = set()
    for group in clustering.clusters:
        nearest: dict[int, tuple[float, str, str]] = {}
        for page in group.pages:
            for hit in corpus.neighbours(page, N_NEIGHBOURS):
                other = clustering.label_of(hit.page)
                if other is None or other == group.label or hit.similarity < LIKELY:
                    continue
                pair = (-hit.similarity, min(page, hit.page), max(page, hit.page))
                nearest[other] = min(nearest.get(other, pair), pair)
        pairs |= {(a, b) for _, a, b in sorted(nearest.values())[:CANDIDATES]}
    return sorted(pairs)
